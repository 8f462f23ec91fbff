"""Operators bind as the two languages say, whatever PySD's grammars make of them."""

from __future__ import annotations

import pytest

POWERS = {
    "-2^2": -4,
    "(-2)^2": 4,
    "((-2))^2": 4,
    "-(2)^2": -4,
    "2-2^2": -2,
    "2*-2^2": -8,
    "(-2)^2*(-3)^2+-4^2": 20,
    "2^-2": 0.25,
    "2^3^2": 512,
    "-three^2": -9,
    "(-three)^2": 9,
}
SUMS = {
    "3+2": 5,
    "3 -2": 1,
    "10 - 4 - 1": 5,
    "- 3": -3,
    "3 - -2": 5,
    "007": 7,
    "1e3-1e3+2.5E+1": 25,
    ".5+1.": 1.5,
    "3+2*4": 11,
}


@pytest.mark.parametrize(("text", "value"), [*POWERS.items(), *SUMS.items()])
def test_signs_powers_and_sums_of_numbers_in_both_languages(vensim, xmile, start, text, value):
    assert start(vensim("three = 3", f"x = {text}"))["x"] == value
    assert start(xmile(three="3", x=text))["x"] == value


LOGIC = {
    "one = 1 {or} zero = 1 {and} zero = 1": 1,
    "zero = 1 {and} zero = 1 {or} one = 1": 1,
    "(one = 1 {or} zero = 1) {and} zero = 1": 0,
    "{not} zero = 1 {and} one = 1": 1,
    "{not} (zero = 1 {or} one = 1)": 0,
    "one = 0 {or} one = 2 {or} zero = 0 {and} one = 1": 1,
}


@pytest.mark.parametrize(("condition", "value"), LOGIC.items())
def test_and_binds_closer_than_or_in_both_languages(vensim, xmile, start, condition, value):
    capital = condition.format_map({"or": ":OR:", "and": ":AND:", "not": ":NOT:"})
    assert start(vensim("one = 1", "zero = 0", f"x = IF THEN ELSE({capital}, 1, 0)"))["x"] == value
    for words in ({"or": "or", "and": "and", "not": "not"}, {"or": "OR", "and": "AND", "not": "NOT"}):
        text = f"IF {condition.format_map(words)} THEN 1 ELSE 0"
        assert start(xmile(one="1", zero="0", x=text))["x"] == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3 + IF one = 1 THEN 1 ELSE 0", 4),
        ("2 * (IF one = 0 THEN 1 ELSE IF one = 1 THEN 5 ELSE 7)", 10),
        ("MAX(IF one = 1 THEN 4 ELSE 0, 2) + 1", 5),
        ("IF one = 1 THEN IF one = 0 THEN 1 ELSE 2 ELSE 3", 2),
        ("IF one = 1 THEN 2 ELSE 3 + 10", 2),
        ("10 + IF one = 0 THEN 1 ELSE 2 + 3", 15),
        ("10 MOD 4 + 1", 3),
    ],
)
def test_an_if_may_stand_anywhere_in_an_xmile_equation(xmile, start, text, value):
    assert start(xmile(one="1", x=text))["x"] == value


def test_comments_may_stand_anywhere_in_a_vensim_file(vensim, start):
    values = start(
        vensim(
            "{first ~ | } a = 3 {one} + 2 {two {nested}}",
            "b {of a} = a {times two} * 2",
            "d: {elements} p, {and} q",
            "c[d] {both} = 1, {then} 2",
            '"not {a comment}" = 7',
            "table( {points} (0,0),(2,4))",
            "e = table({at} 1)",
        )
    )
    assert values == {
        "INITIAL TIME": 0, "FINAL TIME": 2, "TIME STEP": 1, "SAVEPER": 1, "a": 5, "b": 10, "c[p]": 1,
        "c[q]": 2, "not {a comment}": 7, "e": 2,
    }  # fmt: skip


def test_names_with_special_characters_keep_apart_in_vensim(vensim, start):
    names = ['"a-b"', '"a/b"', '"says \\"x\\""', '"50% of"', "état", "lambda", "x's y", "cost$", '"a.b"']
    values = start(
        vensim(*(f"{name} = {2**place}" for place, name in enumerate(names)), f"s = {'+'.join(names)}")
    )
    assert values["s"] == 2 ** len(names) - 1
    assert values['says "x"'] == 4


def test_names_with_special_characters_keep_apart_in_xmile(xmile, start):
    names = {
        "a-b": '"a-b"',
        "a/b": '"a/b"',
        "says &quot;x&quot;": '"says \\"x\\""',
        "two\\nlines": "two_lines",
        "état": "état",
        "lambda": "lambda",
        "n0": "n0",
        "q1": "Q1",
        "x's y": '"x\'s y"',
    }
    elements = [f'<aux name="{name}"><eqn>{2**place}</eqn></aux>' for place, name in enumerate(names)]
    values = start(xmile(*elements, s="+".join(names.values())))
    assert values["s"] == 2 ** len(names) - 1
    assert values["two lines"] == 8


def test_a_variable_may_have_the_name_of_a_function_that_it_calls(xmile, start):
    values = start(xmile(max="MAX(3, 4)", delay="5", step="STEP(1, 0) + delay", smth1="SMTH1(2, 3)"))
    assert (values["max"], values["step"], values["smth1"]) == (4, 6, 2)


def test_the_clock_of_an_xmile_file_has_names(xmile, run):
    specs = "<start>1</start><stop>3</stop><dt>0.5</dt>"
    values = run(xmile(a="DT", b="STARTTIME", c="STOPTIME", d="TIME", e="dt * 2 + starttime", specs=specs))
    assert (values["a"][0], values["b"][0], values["c"][0], values["e"][0]) == (0.5, 1, 3, 2)
    assert values["d"] == [1, 1.5, 2, 2.5, 3]
