"""Variables drawn again, views renamed, polarity and ranges of lookups changed: few lines, nothing else."""

from __future__ import annotations

import difflib

import pytest

from sdtheory.checking import check
from sdtheory.documents import from_bytes, read
from sdtheory.errors import SDError
from sdtheory.names import canonical

MODELS = ["models/m0_seed.mdl", "models/m0_seed.xmile"]


@pytest.fixture(params=MODELS)
def document(request):
    return read(request.param)


def changed_lines(before, after):
    return [
        line for line in difflib.ndiff(before.text.splitlines(), after.text.splitlines()) if line[0] in "+-"
    ]


def drawing_of(document, name):
    return next(
        one
        for one in document.views[0].elements
        if one.kind != "alias" and canonical(one.variable or "") == canonical(name)
    )


@pytest.mark.parametrize("name", ["capability", "capability growth", "search leverage"])
def test_a_variable_whose_drawing_was_removed_is_drawn_again(document, name):
    old = drawing_of(document, name)
    bare = document.remove_element(old.id)
    again = bare.draw_variable(name, old.x, old.y)
    new = drawing_of(again, name)
    assert (new.kind, new.x, new.y) == (old.kind, old.x, old.y)
    assert again.entry(name).equation == document.entry(name).equation
    assert all(line[0] == "+" for line in changed_lines(bare, again))
    if old.kind == "flow":
        ends = [{one.id: one.variable for one in each.views[0].elements} for each in (document, again)]
        assert ends[1].get(new.target) == ends[0].get(old.target)


def test_links_of_a_variable_are_drawn_as_its_equation_asks(document):
    bare = document.remove_element(drawing_of(document, "experimenters").id)
    again = bare.draw_variable("experimenters")
    assert any("connector" in issue.code for issue in check(again))
    for name in ("experimenters", *(entry.name for entry in again.variables.values())):
        if again.entry(name).kind in ("stock", "flow", "auxiliary"):
            again = again.match_links(name)
    assert not [issue for issue in check(again) if "connector" in issue.code]


def test_what_a_view_shows_is_not_drawn_twice(document):
    with pytest.raises(SDError, match="already"):
        document.draw_variable("capability")
    with pytest.raises(SDError, match="nobody"):
        document.draw_variable("nobody")


def test_a_view_is_renamed_in_its_line_alone(document):
    new = document.rename_view(0, "whole & part")
    assert new.views[0].name == "whole & part"
    assert len(changed_lines(document, new)) <= 2
    assert [one.raw for one in new.views[0].elements] == [one.raw for one in document.views[0].elements]
    with pytest.raises(SDError, match="no view 7"):
        document.rename_view(7, "x")


def test_polarity_is_a_link_s_alone(document):
    link = next(one for one in document.views[0].elements if one.kind == "connector")
    new = document.reshape(link.id, polarity="-")
    assert next(one for one in new.views[0].elements if one.id == link.id).polarity == "-"
    assert new.reshape(link.id, polarity=link.polarity).reshape(link.id, polarity="-") == new
    with pytest.raises(SDError, match="polarity"):
        document.reshape(drawing_of(document, "capability").id, polarity="-")
    with pytest.raises(SDError, match="polarity"):
        document.reshape(link.id, polarity="x")


@pytest.mark.parametrize(
    ("equation", "expected"),
    [
        ("([(0,0)-(10,10)],(0,1),(10,2))", "([(-1,0)-(11,10)],(0,1),(10,2))"),
        ("((0,1),(10,2))", "([(-1,1)-(11,2)],(0,1),(10,2))"),
    ],
)
def test_the_range_of_a_vensim_lookup_is_written_before_its_points(equation, expected):
    document = from_bytes(f"{{UTF-8}}\ntable{equation} ~~|".encode())
    new = document.set_lookup("table", [0, 10], [1, 2], xscale=(-1, 11))
    assert new.entry("table").equation == expected
    assert new.set_lookup("table", [0, 10], [1, 2], xscale=(-1, 11)) is new


def test_the_range_of_an_xmile_lookup_is_written_beside_its_points():
    head = '<xmile version="1.0"><model><variables>'
    text = f'{head}<gf name="g"><xpts>0,1,3</xpts><ypts>1,2,3</ypts></gf></variables></model></xmile>'
    document = from_bytes(text.encode())
    new = document.set_lookup("g", [0, 1, 3], [1, 2, 3], xscale=(0, 5), yscale=(0, 4), kind="extrapolate")
    lookup = new.entry("g").lookup
    assert (lookup.xscale, lookup.yscale, lookup.kind) == ((0, 5), (0, 4), "extrapolate")
    assert (lookup.x, lookup.y) == ((0, 1, 3), (1, 2, 3))
    for wrong in ({"kind": "wavy"}, {"yscale": (4, 0)}, {"xscale": (0, float("inf"))}):
        with pytest.raises(SDError):
            document.set_lookup("g", [0, 1, 3], [1, 2, 3], **wrong)
