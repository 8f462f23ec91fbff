"""Units as texts: what they mean, which are the same, and what is no unit."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdtheory.errors import ModelError
from sdtheory.model.units import DIMENSIONLESS, Unit, UnitReader, parse_units, text_of

NAMES = st.sampled_from(["Month", "people", "square feet", "$", "widget", "Größe"])
EXPONENTS = st.integers(-3, 3).filter(bool)


@st.composite
def unit_texts(draw, depth=2):
    """A text of units, with brackets, products, quotients and powers."""
    if depth == 0 or draw(st.booleans()):
        return draw(NAMES | st.just("1"))
    left, right = draw(unit_texts(depth=depth - 1)), draw(unit_texts(depth=depth - 1))
    kind = draw(st.sampled_from(["*", "/", "^"]))
    if kind == "^":
        return f"({left}){draw(st.sampled_from(['^', '**']))}{draw(EXPONENTS)}"
    return f"({left}) {kind} ({right})"


@given(unit_texts(), unit_texts())
def test_the_units_of_a_product_are_the_product_of_the_units(left, right):
    a, b = parse_units(left), parse_units(right)
    assert parse_units(f"({left})*({right})") == a * b
    assert parse_units(f"({left})/({right})") == a / b
    assert a * b == b * a
    assert a * b / b == a


@given(unit_texts(), EXPONENTS, EXPONENTS)
def test_powers_multiply(text, first, second):
    unit = parse_units(text)
    assert (unit**first) ** second == unit ** (first * second)
    assert unit**first * unit**second == unit ** (first + second)


@given(unit_texts())
def test_a_unit_reads_back_from_its_text(text):
    unit = parse_units(text)
    assert parse_units(text_of(unit).replace("Dmnl", "1")) == unit


@given(st.text(max_size=40) | st.text("aM1*/^() {}.", max_size=30))
def test_any_text_is_a_unit_or_says_nothing_or_is_refused_in_one_line(text):
    try:
        unit = UnitReader().read(text)
    except ModelError as error:
        assert str(error) and "\n" not in str(error)
    else:
        assert unit is None or isinstance(unit, Unit)


@pytest.mark.parametrize(
    "text", ["(" * 1000, "a" * 5000, "a^1e9", "a^(1/0)", "a*", "*a", "a^b", "(a", "a)", "a^"]
)
def test_what_is_no_unit_is_refused(text):
    with pytest.raises(ModelError):
        parse_units(text)


@pytest.mark.parametrize(
    "text, powers",
    [
        ("people/year", {"people": 1, "year": -1}),
        ("Persons*Persons/Day", {"Persons": 2, "Day": -1}),
        ("1/Year", {"Year": -1}),
        ("/Year", {"Year": -1}),
        ("$/(square feet * Year)", {"$": 1, "square feet": -1, "Year": -1}),
        ("m^2/s**3", {"m": 2, "s": -3}),
        ("m^(1/2)", {"m": Fraction(1, 2)}),
        ("a/b/c", {"a": 1, "b": -1, "c": -1}),
        ("Dollars per person per year", {"Dollars": 1, "person": -1, "year": -1}),
        ("1000 * tons", {"1000": 1, "tons": 1}),
        ("people {counted in May} / year", {"people": 1, "year": -1}),
        ("man-hour", {"man-hour": 1}),
    ],
)
def test_units_are_read_as_modellers_write_them(text, powers):
    assert dict(parse_units(text).powers) == powers


@pytest.mark.parametrize("text", ["", "  ", "{blank}", "?", "???"])
def test_units_left_open_are_not_known(text):
    assert UnitReader().read(text) is None


@pytest.mark.parametrize("text", ["Dmnl", "dmnl", "Dimensionless", "fraction", "1", "1/1", "Year/Years"])
def test_these_are_dimensionless(text):
    assert UnitReader().read(text) == DIMENSIONLESS


@pytest.mark.parametrize(
    "one, other",
    [
        ("Month", "months"),
        ("person_year", "Person  years"),
        ("People", "persons"),
        ("$", "Dollars"),
        ("box", "Boxes"),
        ("company", "companies"),
        ("movie", "movies"),
        ("class", "classes"),
        ("cache", "caches"),
        ("people/(person*year)", "1/Years"),
    ],
)
def test_spellings_of_one_unit_are_the_same(one, other):
    reader = UnitReader()
    assert reader.read(one) == reader.read(other)


@pytest.mark.parametrize(
    "one, other",
    [("Month", "Year"), ("ms", "m"), ("percent", "Dmnl"), ("1000*tons", "tons"), ("Hour", "Day")],
)
def test_nothing_is_converted(one, other):
    reader = UnitReader()
    assert reader.read(one) != reader.read(other)


def test_a_file_may_say_that_names_mean_the_same():
    reader = UnitReader({"bunny": "Rabbit", "pace": "Mile per Hour", "loop": "pool", "pool": "loop"})
    assert reader.read("Bunnies/Rabbits") == DIMENSIONLESS
    assert reader.read("pace*hours") == reader.read("miles")
    assert reader.read("loop") == reader.read("pool")


def test_a_definition_that_converts_is_left_out():
    reader = UnitReader({"Year": "12*Month"})
    assert reader.read("Year") != reader.read("12*Month")


def test_messages_spell_units_as_the_file_does():
    reader = UnitReader({"folk": "Person"})
    assert reader.text(reader.read("Folk / Months")) == "Folk/Months"
