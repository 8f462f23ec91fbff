"""Signs of single expressions."""

import math

import pytest

from sdtheory.feedback.polarity import interval, sign
from sdtheory.model.expression import Binary, Call, Expression, Lookup, Name, Number, Table, chain

POSITIVE = (0.0, math.inf)
C, U, X = Name("c"), Name("u"), Name("x")
ZERO = Number(0.0)


def _opaque_share() -> Expression:
    return Binary("/", Binary("-", C, U), C)


def test_a_share_of_what_is_left_grows_with_the_whole_and_falls_with_the_part():
    known = {"c": POSITIVE, "u": POSITIVE}
    assert sign(_opaque_share(), "c", known) == "+"
    assert sign(_opaque_share(), "u", known) == "-"


def test_without_bounds_the_same_share_has_no_known_sign():
    assert sign(_opaque_share(), "c", {}) == "?"


def test_any_spelling_of_the_variable_is_the_variable():
    assert sign(Name("search leverage"), "Search_Leverage", {}) == "+"


def test_effects_that_cancel_are_no_effect():
    assert sign(Binary("/", X, X), "x", {"x": (1.0, 2.0)}) == "0"


@pytest.mark.parametrize(("bounds", "expected"), [((0.0, 1.0), "-"), ((-1.0, 0.0), "+"), ((-1.0, 1.0), "?")])
def test_a_table_has_the_slope_of_the_part_that_is_used(bounds, expected):
    tent = Lookup(Table((-1.0, 0.0, 1.0), (0.0, 1.0, 0.0)), X)
    assert sign(tent, "x", {"x": bounds}) == expected


def test_a_choice_has_the_sign_of_both_branches_and_of_the_jump_between_them():
    def choice(then, otherwise):
        return Call("if_then_else", (Binary(">", X, Number(1.0)), then, otherwise))

    assert sign(choice(Number(5.0), ZERO), "x", {}) == "+"
    assert sign(choice(ZERO, Number(5.0)), "x", {}) == "-"
    assert sign(choice(X, Number(5.0)), "x", {}) == "?"


def test_a_number_as_condition_holds_on_both_sides_of_zero():
    choice = Call("if_then_else", (X, Number(1.0), ZERO))
    assert sign(choice, "x", {}) == "?"
    assert sign(choice, "x", {"x": POSITIVE}) == "+"
    assert sign(choice, "x", {"x": (-math.inf, 0.0)}) == "-"


def test_a_smooth_of_positive_values_that_starts_below_zero_may_be_negative():
    def smooth(start):
        return Call("smooth", (X, Number(2.0), Number(start), Number(1.0)))

    assert interval(smooth(1.0), {"x": POSITIVE}) == POSITIVE
    assert interval(smooth(-1.0), {"x": POSITIVE}) == (-math.inf, math.inf)


def test_a_product_of_negative_cells_may_have_either_sign():
    product = Call("prod", (Name("x", ("cell!",)),))
    assert interval(product, {"x": (-2.0, -1.0)}) == (-math.inf, math.inf)
    assert interval(product, {"x": (1.0, 2.0)}) == POSITIVE


def test_an_expression_too_large_to_multiply_out_has_no_known_sign():
    terms = [("+", Binary("*", Name(f"y{place}"), U)) for place in range(60)]
    bracket = chain(Binary("*", X, Binary("-", Number(1.0), X)), terms)
    assert sign(Binary("^", bracket, Number(3.0)), "x", {"x": POSITIVE}) == "?"


def test_a_sum_of_thousands_of_terms_has_a_sign():
    long = chain(Name("y"), [("+", X)] * 5000)
    assert sign(long, "x", {}) == "+"
