"""Names, brackets and terms of equations in both dialects."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdtheory.documents.lexer import (
    additive_terms,
    call_arguments,
    depth,
    is_constant,
    references,
    spelled,
    terms,
    tokens,
    unwrapped,
)

FORMATS = ["vensim", "xmile"]


def names(text, format):
    return [(one.name, one.role) for one in references(text, format)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("birth rate * Population", [("birth rate", "name"), ("Population", "name")]),
        ("total\\\n\t\tpopulation + 1", [("total population", "name")]),
        (
            "IF THEN ELSE(a > 1 :AND: b, 1e-6, farmer's land)",
            [("IF THEN ELSE", "call"), ("a", "name"), ("b", "name"), ("farmer's land", "name")],
        ),
        ('"a|b=\\"c\\"" * 2', [('a|b="c"', "name")]),
        ("table (Time / 5)", [("table", "call"), ("Time", "name")]),
        ("table[r](x)", [("table", "call"), ("r", "subscript"), ("x", "name")]),
        (
            "SUM(a[Region!, age])",
            [("SUM", "call"), ("a", "name"), ("Region", "subscript"), ("age", "subscript")],
        ),
        ("GET XLS DATA('a.xls', 'sheet', 'A', 'B2')", [("GET XLS DATA", "call")]),
        ("x {not y {nor z} } + Größe_2", [("x", "name"), ("Größe_2", "name")]),
        (":NA:", []),
    ],
)
def test_names_of_a_vensim_equation(text, found):
    assert names(text, "vensim") == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "IF a > 1 AND not b THEN c MOD 2 ELSE d",
            [("a", "name"), ("b", "name"), ("c", "name"), ("d", "name")],
        ),
        ("hares.density + .area * 1.5", [("hares.density", "name"), (".area", "name")]),
        ('"net births"*2 + MAX(x, 1e-6)', [("net births", "name"), ("MAX", "call"), ("x", "name")]),
        ("stock[Dim.element, *]", [("stock", "name"), ("Dim.element", "subscript")]),
        ('"two\\nlines"', [("two lines", "name")]),
        ("{Enter equation}", []),
    ],
)
def test_names_of_an_xmile_equation(text, found):
    assert names(text, "xmile") == found


def test_references_say_where_they_stand():
    text = 'a {x} + "b c" * max(d)'
    assert [text[one.start : one.stop] for one in references(text, "vensim")] == ["a", '"b c"', "max", "d"]


@given(
    st.text(alphabet=st.sampled_from("ab1 _.\"'\\{}[]()+-*/^,:;<>=!é\n\t"), max_size=60),
    st.sampled_from(FORMATS),
)
def test_tokens_lie_in_the_text_one_after_the_other(text, format):
    position = 0
    for token in tokens(text, format):
        assert token.start >= position
        assert text[token.start : token.stop] == token.text != ""
        position = token.stop
    assert depth(text, format) >= 0 and terms(text, format) >= 1
    references(text, format), additive_terms(text, format), unwrapped(text, format)


@pytest.mark.parametrize(
    ("text", "format", "deep"),
    [
        ("1", "vensim", 0),
        ("(" * 150 + ")" * 150, "vensim", 150),
        ('"((("', "vensim", 0),
        ("{((}1", "vensim", 0),
    ],
)
def test_depth_counts_open_brackets(text, format, deep):
    assert depth(text, format) == deep


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("start", ['"', 'a."'])
def test_an_unclosed_quote_full_of_escapes_is_read_once(start, format):
    text = start + '\\"' * 30_000 + "\\"
    begin = time.process_time()
    assert references(text, format)[-1].stop == len(text)
    assert time.process_time() - begin < 1


def test_depth_counts_nested_conditions_of_xmile():
    assert depth("if a then 1 else " * 30 + "2", "xmile") == 30
    assert depth("(if a then 1 else 2) + (if a then 1 else 2)", "xmile") == 2


@pytest.mark.parametrize(
    ("text", "count"),
    [("a", 1), ("a+b-c*d/e^f", 6), ("-a", 1), ("- - - a", 3), ("(-1, -2, -3)", 1), ("a >= b", 2)],
)
def test_terms_counts_operands(text, count):
    assert terms(text) == count


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("a", [(1, "a")]),
        ("-a + b - 2 * -c", [(-1, "a"), (1, "b"), (-1, "2 * -c")]),
        ("a - -b", [(1, "a"), (1, "b")]),
        ("a > b - c", [(1, "a > b - c")]),
        ("(a - b) + 1e-3", [(1, "(a - b)"), (1, "1e-3")]),
    ],
)
def test_terms_of_a_sum(text, pieces):
    assert additive_terms(text, "vensim") == pieces


def test_arguments_of_a_call_that_is_the_whole_equation():
    text = "INTEG ( f(a, b) - c , 5 )"
    assert [text[a:b].strip() for a, b in call_arguments(text, "integ", "vensim")] == ["f(a, b) - c", "5"]
    assert call_arguments("INTEG(a, 1) + 2", "INTEG", "vensim") is None
    assert call_arguments("x * INTEG(a, 1)", "INTEG", "vensim") is None
    assert call_arguments("INTEG(a, 1", "INTEG", "vensim") is None


def test_a_constant_names_nothing():
    assert is_constant("-1/4", "xmile") and is_constant("1, 2; 3", "vensim")
    assert not is_constant("", "xmile") and not is_constant("SIN(1)", "xmile")


def test_spelling_drops_quotes_and_line_breaks():
    assert spelled('"a, \\"b\\""') == 'a, "b"'
    assert spelled(" two \\\r\n\t words ") == "two words"
    assert spelled("two\\nwords", "xmile") == "two words"


@pytest.mark.parametrize("piece", ["(", "a ", '"', "'", "{", "-", "\\\n", ":A", "1e", ".", "[", "a.", "é"])
@pytest.mark.parametrize("format", FORMATS)
def test_time_grows_with_the_length_of_the_text_only(piece, format):
    def seconds(count):
        start = time.process_time()
        references(piece * count, format), depth(piece * count, format), terms(piece * count, format)
        return time.process_time() - start

    short = min(seconds(2_000) for _ in range(3))
    assert min(seconds(16_000) for _ in range(2)) < 8 * 4 * max(short, 0.001)
