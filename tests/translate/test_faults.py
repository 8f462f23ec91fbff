"""A fault in an equation is one line: where it is, whose equation it is, what is wrong, what to do."""

from __future__ import annotations

from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sdtheory as sd
from sdtheory.documents import from_bytes
from sdtheory.errors import SDError
from sdtheory.translate.syntax import fault_in

UNREAD = "cannot be read; check its brackets, operators and function names"
# equation, offset of the fault in it, message
BOTH = [
    ("LN(x", 2, "the bracket '(' is not closed; close it with ')'"),
    ("(x", 0, "the bracket '(' is not closed; close it with ')'"),
    ("x)", 1, "the bracket ')' closes nothing; remove it, or write '(' before it"),
    ("x[", 1, "the bracket '[' is not closed; close it with ']'"),
    ("x]", 1, "the bracket ']' closes nothing; remove it, or write '[' before it"),
    ("(x]", 2, "the bracket ']' closes nothing; remove it, or write '[' before it"),
    ("x +* 2", 3, "a value is missing before '*'; write one there"),
    ("x ^", 3, "a value is missing at the end; write one there"),
    ("= x", 0, "a value is missing before '='; write one there"),
    ("MAX(x,)", 6, "a value is missing before ')'; write one there"),
    ("MAX(,x)", 4, "a value is missing before ','; write one there"),
    ("1 2", 2, "an operator or a comma is missing before '2'; write one there"),
    ("3x", 1, "an operator or a comma is missing before 'x'; write one there"),
    ("EXP(x)(2)", 6, "an operator or a comma is missing before '('; write one there"),
    ("(x)2", 3, "an operator or a comma is missing before '2'; write one there"),
    ("--x", 1, "two signs follow each other; put brackets around the second"),
    ("x==2", 1, "'==' is no operator of an equation; write '=' to compare"),
    ("x & 2", 2, "'&' means nothing here; remove it"),
    ("x # 2", 2, "'#' means nothing here; remove it"),
    ("1e999", 0, "the number 1e999 is too large; write a smaller one"),
    ("x + 1" + "0" * 400, 4, f"the number 1{'0' * 18}… is too large; write a smaller one"),
    ("1" + "0" * 5000, 0, f"the number 1{'0' * 18}… is too large; write a smaller one"),
    ("2 * x(2)", 4, "'x' is not a lookup, so it cannot be called"),
    ("2 * nope", 4, "unknown variable 'nope'"),
    ("2 * EXPO(x)", 4, "unknown function 'expo'; did you mean 'EXP'?"),
    ("2 * EXP(x, 1)", 4, "EXP takes 1 argument, not 2"),
    ("2 * EXP()", 4, "EXP takes 1 argument, not 0"),
    ("STEP(1)", 0, "STEP takes 2 arguments, not 1"),
]  # fmt: skip
VENSIM = [
    ("searh leverage * 2", 0, "unknown variable 'searh leverage'; did you mean 'search leverage'?"),
    ("1 +\n\tsearh leverage", 5, "unknown variable 'searh leverage'; did you mean 'search leverage'?"),
    ("2 * DELAY3(x)", 4, "DELAY3 takes 2 arguments, not 1; write DELAY3(input, time)"),
    ("DELAY3(x, 1, 2)", 0, "DELAY3 takes 2 arguments, not 3; write DELAY3(input, time)"),
    ("SMOOTHI(x, 2)", 0, "SMOOTHI takes 3 arguments, not 2; write SMOOTHI(input, time, initial)"),
    ("SMOOTH N(x, 1, 2)", 0, "SMOOTH N takes 4 arguments, not 3; write SMOOTH N(input, time, initial, order)"),
    ("INTEG(x)", 0, "INTEG takes 2 arguments, not 1; write INTEG(rate, initial)"),
    ("INTEG(x, 1, 2)", 0, "INTEG takes 2 arguments, not 3; write INTEG(rate, initial)"),
    ("INITIAL()", 0, "INITIAL takes 1 argument, not 0; write INITIAL(value)"),
    ("PULSE TRAIN(1, 2)", 0, "PULSE TRAIN takes 4 arguments, not 2; write PULSE TRAIN(start, width, interval, end)"),
    ("TREND(x, 2)", 0, "TREND takes 3 arguments, not 2; write TREND(input, time, initial trend)"),
    ("GAME()", 0, "GAME takes 1 argument, not 0; write GAME(value)"),
    ("MAX(x, 2, 3)", 0, "MAX takes 2 arguments, not 3"),
    ("MAX(x)", 0, "MAX takes 2 arguments, not 1"),
    ("MAX(1 2)", 6, "an operator or a comma is missing before '2'; write one there"),
    ("x :AND:", 7, "a value is missing at the end; write one there"),
    ("x x", 0, "unknown variable 'x x'"),
    ("A FUNCTION OF(x)", 0, "A FUNCTION OF stands for an equation that is not written yet; write one"),
    ("table(1, 2)", 0, "the lookup 'table' takes 1 argument, not 2"),
    ("WITH LOOKUP(x, ((0,0),(1,1)", 15, "the bracket '(' is not closed; close it with ')'"),
    ("WITH LOOKUP(x, ((0,0),(1,1e999)))", 25, "the number 1e999 is too large; write a smaller one"),
    ("WITH LOOKUP(x)", 0, f"the equation 'WITH LOOKUP(x)' {UNREAD}"),
    ("x, 2", 0, f"the equation 'x, 2' {UNREAD}"),
    ("'text'", 0, f"the equation ''text'' {UNREAD}"),
    ("GET DIRECT DATA('a.csv')", 0, "GET DIRECT DATA takes 4 arguments, not 1; "
     "write GET DIRECT DATA('file', 'tab', 'time row or column', 'cell')"),
]  # fmt: skip
XMILE = [
    ("searh_leverage * 2", 0, "unknown variable 'searh leverage'; did you mean 'search leverage'?"),
    ("x > 1 AND nope", 10, "unknown variable 'nope'"),
    ("2 * DELAY3(x)", 4, "DELAY3 takes 2 to 3 arguments, not 1; write DELAY3(input, time, [initial])"),
    ("SMTH1(x, 1, 2, 3)", 0, "SMTH1 takes 2 to 3 arguments, not 4; write SMTH1(input, time, [initial])"),
    ("DELAYN(x, 1)", 0, "DELAYN takes 3 to 4 arguments, not 2; write DELAYN(input, time, order, [initial])"),
    ("SAFEDIV(x)", 0, "SAFEDIV takes 2 to 3 arguments, not 1; write SAFEDIV(numerator, denominator, [otherwise])"),
    ("MAX(1, 2, 3)", 0, "MAX takes 1 to 2 arguments, not 3; write MAX(value, [value])"),
    ("PREVIOUS(x)", 0, "PREVIOUS takes 2 arguments, not 1; write PREVIOUS(input, initial)"),
    ("LOOKUP(x, 1)", 7, "'x' is not a lookup, so it cannot be called"),
    ("x y", 2, "an operator or a comma is missing before 'y'; write one there"),
    ("MAX(1 2)", 6, "an operator or a comma is missing before '2'; write one there"),
    ("IF x > 1 THEN 1", 15, "IF without ELSE; write IF ... THEN ... ELSE ..."),
    ("(IF x > 1) + 2", 9, "IF without THEN; write IF ... THEN ... ELSE ..."),
    ("IF x > 1 2 ELSE 3", 9, "an operator or a comma is missing before '2'; write one there"),
    ("x ELSE 2", 2, "ELSE without THEN; write IF ... THEN ... ELSE ..."),
    ("x THEN 2", 2, "THEN without IF; write IF ... THEN ... ELSE ..."),
    ("x AND", 5, "a value is missing at the end; write one there"),
    ("NOT", 3, "a value is missing at the end; write one there"),
    ("x MOD", 5, "a value is missing at the end; write one there"),
    ("x < & 1", 4, "'&' means nothing here; remove it"),
    ("x, 2", 0, f"the equation 'x, 2' {UNREAD}"),
    ("[x]", 0, f"the equation '[x]' {UNREAD}"),
]  # fmt: skip
ID = {"ids": lambda value: str(value)[:24]}


@pytest.mark.parametrize(("equation", "offset", "message"), [*BOTH, *VENSIM], **ID)
def test_a_fault_of_a_vensim_equation_has_its_place(vensim, equation, offset, message):
    path = vensim("x = 1", "search leverage = 2", "table((0,0),(1,1))", f"y =\n\t{equation}")
    before = equation[:offset]
    line = 6 + before.count("\n")
    column = len(before) - before.rfind("\n") + (0 if "\n" in before else 1)
    with pytest.raises(SDError) as caught:
        sd.load(path)
    assert str(caught.value) == f"model.mdl:{line}:{column}: 'y': {message}"


@pytest.mark.parametrize(("equation", "offset", "message"), [*BOTH, *XMILE], **ID)
def test_a_fault_of_an_xmile_equation_has_its_place(xmile, equation, offset, message):
    head = '<aux name="y"><eqn>'
    lever = '<aux name="search leverage"><eqn>2</eqn></aux>'
    path = xmile(lever, f"{head}{escape(equation)}</eqn></aux>", x="1")
    column = len(head) + len(escape(equation[:offset])) + 1
    with pytest.raises(SDError) as caught:
        sd.load(path)
    assert str(caught.value) == f"model.xmile:5:{column}: 'y': {message}"


@pytest.mark.parametrize("text", ["x +", "(x", "MAX(x,)", "1e999", "nope"])
def test_a_fault_in_the_start_of_a_stock_or_in_the_settings_has_a_place(xmile, text):
    stock = f'<stock name="s"><eqn>{text}</eqn></stock>'
    with pytest.raises(SDError, match=r"^model\.xmile:4:\d+: 's': "):
        sd.load(xmile(stock, x="1"))
    with pytest.raises(SDError, match=r"^model\.xmile(:2)?"):
        sd.load(xmile(x="1", specs=f"<start>0</start><stop>{text}</stop><dt>1</dt>"))


def test_a_point_of_a_graph_that_is_no_finite_number_is_an_error(xmile):
    graph = '<aux name="g"><eqn>TIME</eqn><gf><xpts>0,1</xpts><ypts>0,1e999</ypts></gf></aux>'
    with pytest.raises(SDError, match="'g': a point of its lookup is too large"):
        sd.load(xmile(graph))


def test_the_name_of_a_function_is_free_for_the_models_own(vensim, xmile):
    assert fault_in("trend(x)", "vensim") is not None
    assert fault_in("trend(x)", "vensim", {"trend"}) is None
    assert fault_in("Smth1(x)", "xmile", {"smth1"}) is None


GOOD = [
    "1,2,3;4,5,6;", "TABBED ARRAY(1 2\n3 4)", "WITH LOOKUP(x, ([(0,0)-(1,1)],(0,0),(1,1)))", "([(0,0)-(1,1)],(0,0))",
    ":NA:", "IF THEN ELSE(x = :NA:, -1, +2)", ":NOT: x :AND: y", "a[b!, c] * -d[e]", "t[a](2)", "RANDOM 0 1()",
    "GET DIRECT DATA('a.csv', ',', 'A', 'B2')", "x {note} * {note} 2", "2 * -x ^ -y", '"a (b" + c',
]  # fmt: skip


@pytest.mark.parametrize("equation", GOOD)
def test_what_the_language_allows_is_no_fault(equation):
    assert fault_in(equation, "vensim") is None


CONTROLS = "INITIAL TIME = 0 ~~|\nFINAL TIME = 2 ~~|\nTIME STEP = 1 ~~|\n"
pieces = st.sampled_from(
    ["x", "y y", "2", "1e5", "+", "-", "*", "^", "(", ")", "[", "]", ",", ";", "<", "=", "MAX(", "DELAY3(", "x(",
     ":AND:", ":NOT:", ":NA:", "IF ", " THEN ", " ELSE ", "'a'", '"q"', "{c}", "WITH LOOKUP(", "#", "\n", "!"]
)  # fmt: skip


@given(st.lists(pieces, max_size=9).map("".join))
def test_any_equation_is_read_or_refused_in_one_line(equation):
    text = f"{{UTF-8}}\nx = 1 ~~|\ny y = 2 ~~|\nz = {equation} ~~|\n{CONTROLS}"
    try:
        sd.load(from_bytes(text.encode(), format="vensim"))
    except SDError as error:
        message = str(error)
        assert message.startswith("<document>:") and "\n" not in message and len(message) < 400
