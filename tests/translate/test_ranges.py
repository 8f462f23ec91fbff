"""Subscript ranges of Vensim files: mappings, sub-ranges, exceptions and parts."""

from __future__ import annotations

import pytest

import sdtheory as sd
from sdtheory.errors import SDError

WHOLE = ("all: e1, e2, e3", "some: e2, e3")


@pytest.mark.parametrize(
    ("equations", "values"),
    [
        (["a: a1, a2 -> b", "b: b1, b2", "x[b] = 1, 2", "y[a] = x[b]"], {"y[a1]": 1, "y[a2]": 2}),
        (["a: a1, a2 -> b", "b: b1, b2", "x[a] = 1, 2", "y[b] = x[a]"], {"y[b1]": 1, "y[b2]": 2}),
        (["a: a1, a2 -> (b: b2, b1)", "b: b1, b2", "x[a] = 1, 2", "y[b] = x[a]"], {"y[b1]": 2, "y[b2]": 1}),
        (["a: a1, a2 -> (b: b2, b1)", "b: b1, b2", "x[b] = 1, 2", "y[a] = x[b]"], {"y[a1]": 2, "y[a2]": 1}),
        (
            [
                "a: a1, a2 -> (b: b2, b1), c",
                "b: b1, b2",
                "c: c1, c2",
                "x[a] = 1, 2",
                "y[b] = x[a]",
                "z[c] = x[a]",
            ],
            {"y[b1]": 2, "y[b2]": 1, "z[c1]": 1, "z[c2]": 2},
        ),
        (
            ["a: a1, (n1 - n2) -> (b: b2, b1, b3)", "b: b1, b2, b3", "x[a] = 1, 2, 3", "y[b] = x[a]"],
            {"y[b1]": 2, "y[b2]": 1, "y[b3]": 3},
        ),
    ],
)
def test_a_mapping_says_which_element_another_range_means(vensim, run, equations, values):
    found = run(vensim(*equations), engines=("vectorised",))
    assert {name: found[name][0] for name in values} == values


def test_a_mapping_leaves_the_range_its_own_elements(vensim):
    model = sd.load(vensim("a: a1, a2 -> (b: b2, b1)", "b: b1, b2", "x[a] = 1, 2"))
    assert model.dimensions["a"].elements == ("a1", "a2")
    assert model.dimensions["a"].mappings == (("b", ("b2", "b1")),)


def test_a_mapping_between_ranges_of_different_length_is_an_error(vensim):
    with pytest.raises(
        SDError, match=r"^model\.mdl:2: dimension 'a' has 3 elements and is mapped to 2 of 'b'"
    ):
        sd.load(vensim("a: a1, a2, a3 -> b", "b: b1, b2", "x[a] = 1"))


@pytest.mark.parametrize(
    ("equations", "values"),
    [
        (["x[all] = 1, 2, 3", "y[some] = x[some] * 10"], {"y[e2]": 20, "y[e3]": 30}),
        (["x[all] = 1, 2, 3", "y = SUM(x[some!])", "z = SUM(x[all!])"], {"y": 5, "z": 6}),
        (["x[all] :EXCEPT: [e1] = 5", "x[e1] = 1"], {"x[e1]": 1, "x[e2]": 5, "x[e3]": 5}),
        (["x[all] :EXCEPT: [some] = 7", "x[some] = 8"], {"x[e1]": 7, "x[e2]": 8, "x[e3]": 8}),
        (["x[all] :EXCEPT: [e1], [e3] = 7", "x[e1] = 1", "x[e3] = 3"], {"x[e1]": 1, "x[e2]": 7, "x[e3]": 3}),
        (["x[some] = 1, 2", "y = x[e2] + x[e3]"], {"x[e2]": 1, "x[e3]": 2, "y": 3}),
        (["x[e1] = 1", "x[some] = 2, 3", "y = x[e1] + x[e3]"], {"x[e1]": 1, "x[e3]": 3, "y": 4}),
        (["same <-> some", "x[some] = 1, 2", "y[same] = x[same] * 2"], {"y[e2]": 2, "y[e3]": 4}),
        (["r: (P1 - P4)", "x[r] = 1, 2, 3, 4", "y = x[P3] + SUM(x[r!])"], {"y": 13}),
        (["x[all, some] = 1, 2; 3, 4; 5, 6;", "y[some] = SUM(x[all!, some])"], {"y[e2]": 9, "y[e3]": 12}),
        (["x[all] = 3, 2, 1", "y[all] = VMAX(x[all!]) - x[all]"], {"y[e1]": 0, "y[e3]": 2}),
        (["x[all] = all * 10"], {"x[e1]": 10, "x[e3]": 30}),
    ],
)
def test_equations_for_parts_of_an_array(vensim, start, equations, values):
    found = start(vensim(*WHOLE, *equations))
    assert {name: found[name] for name in values} == values


def test_a_part_that_no_equation_covers_cannot_be_read(vensim):
    model = sd.load(vensim(*WHOLE, "x[e1] = 1", "x[e3] = 2", "y = x[e2]"))
    with pytest.raises(SDError, match=r"x\[e2\]"):
        sd.simulate(model)


@pytest.mark.parametrize(
    ("equations", "message"),
    [
        (["x[all] = 1", "y = x[e4]"], r":5:5: 'y': 'x' has no element 'e4'$"),
        (["x[all] = 1", "y = 2 + x"], r":5:9: 'y': 'x' is an array over all; write x\[all\]"),
        (["x[all] = 1", "y = x[all] + 1"], r":5:5: 'y': 'x' is an array over all; name an element"),
        (["x = 1", "y[all] = x[all]"], r":5:10: 'y': 'x' is not an array; leave its subscripts out"),
        (["x[all] = 1", "y = SUM(x[e1])"], r":5:5: 'y': SUM runs over nothing; mark a subscript with '!'"),
        (["x[all] = 1, 2"], r":4:10: 'x': 2 numbers for 3 elements"),
        (["x[none] = 1"], r":4:11: 'x': no subscript range holds none"),
        (
            ["x[all] = 1", "x[some, all] = 2"],
            r":4:10: 'x': its equations have different numbers of subscripts",
        ),
    ],
)
def test_subscripts_that_mean_nothing_are_an_error_with_a_place(vensim, equations, message):
    with pytest.raises(SDError, match=r"^model\.mdl" + message):
        sd.load(vensim(*WHOLE, *equations))
