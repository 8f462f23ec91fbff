"""Which equation gives a cell its value, and which cell a reference means."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdtheory.errors import NotCompiled
from sdtheory.model.expression import Number
from sdtheory.model.model import Constant, Dimension, Equation, Model
from sdtheory.model.subscripts import binding, coverage, resolve, spelled

AGE = Dimension("Age", ("young", "old", "very old"))
LATE = Dimension("late", ("old", "very old"))
SIZE = Dimension("size", ("small", "large", "huge"), (("Age", ("very old", "old", "young")),))
MODEL = Model("m", {}, dimensions={"age": AGE, "late": LATE, "size": SIZE})


def array(*equations: Equation) -> Constant:
    return Constant("x", equations, ("Age", "size")[: len(equations[0].subscripts)])


def test_the_equation_that_names_a_cell_most_closely_counts():
    x = array(Equation(Number(1.0), ("OLD",)), Equation(Number(2.0), ("Age",)))
    assert [one.expression.value for one in coverage(MODEL, x).values()] == [2.0, 1.0, 2.0]


def test_an_exception_leaves_its_cells_to_no_other_equation():
    x = array(Equation(Number(1.0), ("Age",), (("late",),)))
    assert list(coverage(MODEL, x)) == [("young",)]


@given(
    st.lists(
        st.tuples(st.sampled_from(["Age", "late", "young", "very_old"]), st.sampled_from(["size", "huge"]))
    )
)
def test_covered_cells_are_those_of_some_left_side(lefts):
    x = Constant("x", tuple(Equation(Number(0.0), left) for left in lefts), ("Age", "size"))
    members = {"Age": AGE.elements, "late": LATE.elements, "very_old": ("very old",), "size": SIZE.elements}
    expected = {
        cell for a, b in lefts for cell in itertools.product(members.get(a, (a,)), members.get(b, (b,)))
    }
    assert set(coverage(MODEL, x)) == expected


def test_an_element_is_found_in_any_spelling():
    x = array(Equation(Number(0.0), ("Age",)))
    assert spelled(MODEL, x, ("VERY_OLD",)) == ("very old",)
    assert spelled(MODEL, x, ("ancient",)) is None and spelled(MODEL, x, ()) is None


def test_a_reference_follows_the_mapping_of_the_bound_dimension():
    x = Constant("x", (Equation(Number(0.0), ("size",)),), ("size",))
    bound = binding(MODEL, x, x.equations[0], ("large",))
    assert resolve(MODEL, ("Age",), bound) == ("old",)


def test_a_reference_follows_a_mapping_backwards():
    assert resolve(MODEL, ("size",), {"age": "young"}) == ("huge",)


def test_a_bound_sub_range_is_an_element_of_the_whole():
    assert resolve(MODEL, ("Age", "size"), {"late": "old", "size": "huge"}) == ("old", "huge")


def test_a_dimension_that_nothing_binds_is_refused():
    with pytest.raises(NotCompiled, match="'size' is not on the left side"):
        resolve(MODEL, ("size",), {})
