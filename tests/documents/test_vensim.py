"""Equation blocks, groups, macros and settings of Vensim files."""

import pytest

from sdtheory.documents import Limits, from_bytes
from sdtheory.errors import DocumentError, LimitError

SETTINGS = "\\\\\\---/// Sketch\nV300  x\n*V\n$a\n///---\\\\\\\n:L\x7f<%^E!@\n"


def model(text, **options):
    return from_bytes(text.encode(), "vensim", **options)


def only(text):
    (entry,) = model(text).variables.values()
    return entry


@pytest.mark.parametrize(
    ("text", "operator", "kind", "equation"),
    [
        ("a = 3 ~~|", "=", "constant", "3"),
        ("a = -1/4 ~~|", "=", "constant", "-1/4"),
        ("a == 3 ~~|", "==", "constant", "3"),
        ("a[D] = 1, 2; ~~|", "=", "constant", "1, 2;"),
        ("a = GET XLS CONSTANTS('f', 's', 'B2') ~~|", "=", "constant", "GET XLS CONSTANTS('f', 's', 'B2')"),
        ("a = b + 1 ~~|", "=", "auxiliary", "b + 1"),
        ("a = {to do} ~~|", "=", "auxiliary", "{to do}"),
        ("a := b ~~|", ":=", "data", "b"),
        ("a ~~|", "", "data", ""),
        ("a:INTERPOLATE: ~~|", "", "data", ""),
        ("a = GET DIRECT DATA('f', ',', 'A', 'B2') ~~|", "=", "data", "GET DIRECT DATA('f', ',', 'A', 'B2')"),
        ("a: x, y ~~|", ":", "subscript", "x, y"),
        ("a <-> b ~~|", "<->", "subscript", "b"),
        ("a((0,1),(2,3)) ~~|", "(", "lookup", "((0,1),(2,3))"),
        ("a = INTEG(b, 1) ~~|", "=", "stock", "INTEG(b, 1)"),
        ("a = INTEG(b, 1) + 2 ~~|", "=", "auxiliary", "INTEG(b, 1) + 2"),
        ("a :TEST INPUT: STEP(1, 2) ~~|", "", "opaque", ""),
        ("TIME STEP = 1/unknown ~~|", "=", "constant", "1/unknown"),
    ],
)
def test_operator_and_kind_of_a_block(text, operator, kind, equation):
    entry = only(text)
    assert (entry.blocks[0].operator, entry.kind, entry.equation) == (operator, kind, equation)


def test_every_part_of_a_block_and_its_bytes():
    text = (
        'x = 1 ~~|\n"a|b = {c}" [D, e!] = \\\n  f + "~g" {h~|} \n\t~ m/s [0, ?, 0.5]\n\t~ words |'
        " rest = 1 ~~|"
    )
    document = model(text)
    entry = document.variables["A|b = {c}"]
    block = entry.blocks[0]
    assert (block.subscripts, block.equation) == ("D, e!", 'f + "~g" {h~|}')
    assert (entry.units, entry.limits, entry.documentation) == ("m/s", (0.0, None), "words")
    assert (entry.line, entry.column, block.line, block.column) == (2, 1, 3, 3)
    parts = {part: document.bytes[span.start : span.stop].decode() for part, span in block.spans.items()}
    assert parts["name"] == '"a|b = {c}"'
    assert parts["subscripts"] == "D, e!"
    assert parts["equation"] == 'f + "~g" {h~|}'
    assert (parts["units"], parts["limits"], parts["documentation"]) == ("m/s", "[0, ?, 0.5]", "words")
    assert parts["whole"].startswith('"a|b') and parts["whole"].endswith("words |")
    assert list(document.variables) == ["x", "a|b = {c}", "rest"]


def test_a_bound_that_is_no_number_bounds_nothing():
    assert model("a = 1 ~ Minute [nan, 7] ~|").variables["a"].limits == (None, 7.0)


def test_odd_quotes_in_documentation_hide_nothing():
    document = model('a = 1 ~ 5" ~ an inch (") and {brace ~ :SUPPLEMENTARY: |b = 2 ~~|')
    assert list(document.variables) == ["a", "b"]
    assert document.variables["a"].supplementary
    assert not document.variables["b"].supplementary
    assert document.variables["a"].documentation == 'an inch (") and {brace'


def test_a_continued_line_is_a_space_even_in_a_name():
    document = model("long \\\n\t name = other \\\n\t thing ~ a\\\n  b ~ first \\\n\t\tsecond |")
    assert document.variables["long name"].name == "long name"
    assert document.variables["long name"].units == "a b"
    assert document.variables["long name"].documentation == "first  second"


def test_blocks_of_one_name_make_one_entry():
    document = model("d: x, y ~~| A[x] = 1 ~ m ~|\na[y] :EXCEPT: [x], [z,y] = b ~~ second |")
    entry = document.variables["a"]
    assert entry.kind == "auxiliary"
    assert [block.subscripts for block in entry.blocks] == ["x", "y"]
    assert entry.blocks[1].exceptions == ("x", "z,y")
    assert (entry.name, entry.units, entry.documentation) == ("A", "m", "second")


def test_keywords_of_the_left_side():
    assert only("a[d]:RAW: := b ~~|").blocks[0].keywords == (":RAW:",)
    assert only("a :hold backward:~~|").blocks[0].keywords == (":HOLD BACKWARD:",)


@pytest.mark.parametrize(
    ("rate", "inflows", "outflows"),
    [
        ("births - deaths", ("births",), ("deaths",)),
        ("-deaths", (), ("deaths",)),
        ("(births[r] - (deaths))", ("births",), ()),
        ("births*2 - deaths/3 + net", ("net",), ()),
        ('"a-b" + c {+ d}', ("a-b", "c"), ()),
        ("0", (), ()),
        ("MAX(a, b) - c", (), ("c",)),
        ("a > b - c", (), ()),
    ],
)
def test_flows_of_a_stock_are_the_terms_that_are_one_name(rate, inflows, outflows):
    stock = only(f"s = INTEG({rate}, first value) ~~|")
    assert (stock.inflows, stock.outflows) == (inflows, outflows)
    assert stock.blocks[0].initial == "first value"


def test_what_fills_or_drains_a_stock_is_a_flow():
    document = model("s = INTEG(in - out + s2, 0)~~| s2 = INTEG(1, 0)~~| in = 3~~| out = s/2~~| c = 3~~|")
    assert {key: entry.kind for key, entry in document.variables.items()} == {
        "s": "stock",
        "s2": "stock",
        "in": "flow",
        "out": "flow",
        "c": "constant",
    }


@pytest.mark.parametrize(
    ("text", "x", "y", "xscale"),
    [
        ("f([(0,-1)-(10,2)],(0,0),(5,-1.5),(10,2e0)) ~~|", (0, 5, 10), (0, -1.5, 2), (0, 10)),
        ("f((1,2),(3,4)) ~~|", (1, 3), (2, 4), None),
        ("f(1,2,3,10,20,30) ~~|", (1, 2, 3), (10, 20, 30), None),
        ("f = WITH LOOKUP(Time, ([(0,0)-(1,1),(0,0),(1,1)],(0,5),(1,-6))) ~~|", (0, 1), (5, -6), (0, 1)),
    ],
)
def test_points_of_a_lookup(text, x, y, xscale):
    lookup = only(text).lookup
    assert (lookup.x, lookup.y, lookup.xscale) == (x, y, xscale)


def test_a_lookup_read_from_elsewhere_has_no_points():
    assert only("f(GET DIRECT LOOKUPS('a', 'b', 'c', 'd')) ~~|").lookup is None


@pytest.mark.parametrize(
    ("text", "elements", "size", "mappings"),
    [
        ("d: a, b c ~~|", ("a", "b c"), 2, ""),
        ("d: (A1-A12), x ~~|", ("(A1-A12)", "x"), 13, ""),
        ("d: (A1-A1000000000000) ~~|", ("(A1-A1000000000000)",), 10**12, ""),
        ("d: a, b -> (e: c, f), g ~~|", ("a", "b"), 2, "(e: c, f), g"),
        ('d: "a, b", c ~~|', ("a, b", "c"), 2, ""),
    ],
)
def test_dimensions_are_counted_not_spelled_out(text, elements, size, mappings):
    dimension = model(text).dimensions["D"]
    assert (dimension.elements, dimension.size, dimension.mappings) == (elements, size, mappings)


def test_an_equivalent_dimension_names_the_other():
    assert model("d: a~~| e <-> d ~~|").dimensions["e"].equivalent == "d"


def test_groups_own_the_blocks_up_to_the_next():
    text = (
        "a = 1 ~~|\n****\n\t.Sector one\n****~\n\t\tIt's \"odd\n\t|\nb = 1 ~~| c = 2~~|"
        "{**Two**} d = 1 ~~|\n****\n .Control\n****~ |\nTIME STEP = 1 ~~|"
    )
    document = model(text)
    assert [(group.name, group.members) for group in document.groups] == [
        ("Sector one", ("b", "c")),
        ("Two", ("d",)),
        ("Control", ("TIME STEP",)),
    ]
    assert document.groups[0].documentation == "It's \"odd"
    assert [entry.group for entry in document.variables.values()] == [
        "",
        "Sector one",
        "Sector one",
        "Two",
        "Control",
    ]


def test_variables_of_a_macro_are_its_own():
    document = model(
        "a = 1 ~~|\n:MACRO: grow(x, rate y : z)\ngrow = INTEG(x*local, 0) ~~|local = 2~~|\n"
        ":END OF MACRO:\nb = 2~~|"
    )
    assert list(document.variables) == ["a", "b"]
    macro = document.macros["GROW"]
    assert (macro.parameters, macro.outputs) == (("x", "rate y"), ("z",))
    assert list(macro.variables) == ["grow", "local"]
    assert document.bytes[macro.spans["whole"].start :].startswith(b":MACRO:")


def test_control_variables_say_how_to_run():
    text = (
        "FINAL TIME = 10 ~ Day~|INITIAL TIME = -1 ~ Day~|SAVEPER = TIME STEP ~~|"
        "TIME STEP = 1/4 ~ Day [0,?]~|\n"
        + SETTINGS
        + "1:run.vdf\n15:0,0,0,5,0,0\n22:$,Dollar,$s\n22:Person,People\n"
    )
    simulation = model(text).simulation
    assert (simulation.start, simulation.stop) == ("-1", "10")
    assert (simulation.time_step, simulation.save_every, simulation.reciprocal) == ("1/4", "TIME STEP", False)
    assert (simulation.method, simulation.time_units, simulation.line) == ("5", "Day", 9)
    document = model(text)
    span = simulation.spans["method"]
    assert document.bytes[span.start : span.stop] == b"5"
    assert [(unit.name, unit.aliases) for unit in document.unit_definitions] == [
        ("Dollar", ("$", "$s")),
        ("Person", ("People",)),
    ]


def test_without_settings_nothing_is_said():
    simulation = model("a = 1 ~~|").simulation
    assert (simulation.start, simulation.method, simulation.line) == (None, "", None)


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("a = 1 ~~|\n b = 2 ~ m ~ d", "2:2", "the last equation is not ended by '|'"),
        ("a = 1 ~~|\nb = 2", "2:1", "not ended by '|'"),
        ('a = 1 ~~|\nb = "c ~~|', "2:5", "the quote is not closed"),
        ("a = 1 {why ~~|", "1:7", "the comment is not closed"),
        ("a[b = 1 ~~|", "1:2", "the bracket is not closed"),
        (":MACRO: f(x)\nf = x ~~|", "1:1", "the macro is not ended"),
        ("a = 1~~| :END OF MACRO:", "1:10", "without :MACRO:"),
        (":MACRO: f(x) :MACRO: g(x) ", "1:14", "a macro inside a macro"),
    ],
)
def test_equations_that_cannot_be_told_apart_are_errors_with_their_place(text, place, reason):
    with pytest.raises(DocumentError) as caught:
        model(text)
    assert str(caught.value).startswith(f"<document>:{place}: ")
    assert reason in str(caught.value)


def test_blank_text_after_the_last_equation_is_fine():
    assert len(model("a = 1 ~~|\n\n \t \n{the end}\n").variables) == 1


def test_a_left_side_without_a_name_is_kept_but_not_understood():
    document = model("= 3 ~~| a = 1 ~~|")
    assert [entry.kind for entry in document.variables.values()] == ["opaque", "constant"]
    assert document.notes[0].code == "not-understood"


def test_names_are_found_in_any_spelling():
    document = model("Search leverage = 1 ~~|")
    assert document.entry("search_LEVERAGE").name == "Search leverage"
    with pytest.raises(Exception, match="did you mean 'search leverage'"):
        document.place("serch leverage")


def test_limits_on_equations_and_variables_are_stated():
    with pytest.raises(LimitError, match="<document>:1:5: an equation with more bytes than the limit of 9"):
        model("a = 1 + 2 + 3 + 4 ~~|", limits=Limits(equation_bytes=9))
    with pytest.raises(LimitError, match="limit of 1;"):
        model("a = 1 ~~| b = 1 ~~|", limits=Limits(variables=1))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a = 1 ~~|\n***.b~|\n***.c~|", "3:7: more groups and macros than the limit of 1;"),
        ("{**b**} | {**c**} |", "more groups and macros"),
        (":MACRO: f(x) :END OF MACRO: :MACRO: g(x) :END OF MACRO:", "more groups and macros"),
        ("a = 1 ~~|\n" + SETTINGS + "22:m,meter\n22:s,second\n", "9:1: more settings than the limit of 1;"),
    ],
)
def test_limits_hold_for_what_stands_between_the_equations_too(text, what):
    with pytest.raises(LimitError, match=what):
        model(text, limits=Limits(variables=1))
