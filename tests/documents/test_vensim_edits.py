"""Edits of Vensim files by example, and what they refuse."""

import pytest

from sdtheory.documents import from_bytes
from sdtheory.errors import DocumentError, UnknownName, UsageError

EQUATIONS = """{UTF-8}
Stock = INTEG(inflow - outflow, 1)
\t~\tPerson
\t~\tPeople here.
\t|

inflow = rate * 2 ~ Person/Year [0,?] ~ |
outflow = Stock / 5 ~~|
rate = 2 ~~|
table([(0,0)-(10,10)],(0,1),(10,2))~~|
FINAL TIME = 10 ~ Year ~ |
TIME STEP = 1 ~~|
"""
SKETCH = """\\\\\\---/// Sketch information
V300  text
*Main view
$192-192-192,0,Arial|12||0-0-0|0-0-0|0-0-255|-1--1--1|-1--1--1|72,72,100,0
10,1,Stock,300,200,40,20,3,3,0,0,0,0,0,0
12,2,48,100,200,10,8,0,3,0,0,-1,0,0,0
1,3,5,1,4,0,0,22,0,0,0,-1--1--1,,1|(240,200)|
1,4,5,2,100,0,0,22,0,0,0,-1--1--1,,1|(140,200)|
11,5,0,200,200,6,8,34,3,0,0,1,0,0,0
10,6,inflow,200,219,25,11,40,3,0,0,-1,0,0,0
10,7,rate,200,300,20,11,8,3,0,0,0,0,0,0
1,8,7,6,1,0,43,0,0,64,0,-1--1--1,,1|(220,260)|
"""
REST = """///---\\\\\\
:GRAPH Levels
:VAR rate
:L\x7f<%^E!@
15:0,0,0,0,0,0
4:Time
5:rate
"""


def document(equations=EQUATIONS, sketch=SKETCH, rest=REST, encoding="utf-8"):
    return from_bytes((equations + sketch + rest).encode(encoding), "vensim", encoding)


def lines_that_differ(old, new):
    """Lines taken away and lines put in, without their marks."""
    found = [line for line in old.diff(new).splitlines() if line[:3] not in ("---", "+++")]
    return [line for line in found if line[0] in "+-"]


def element(document, name, view=0):
    return next(one for one in document.views[view].elements if one.variable == name and one.kind != "alias")


# texts


def test_an_equation_changes_in_its_line_alone():
    old = document()
    assert lines_that_differ(old, old.set_equation("RATE", 2.5)) == ["-rate = 2 ~~|", "+rate = 2.5 ~~|"]
    assert old.set_equation("rate", "2") is old


def test_a_name_without_an_equation_gets_one():
    old = document("a ~ kg ~ |\nTIME STEP = 1 ~~|\n")
    assert old.set_equation("a", "3").text.startswith("a= 3 ~ kg ~ |\n")
    assert old.set_equation("a", "3").entry("a").equation == "3"


def test_an_empty_equation_is_filled_where_it_stands():
    assert document("a=\n\t\n\t~\t~|\n", "", "").set_equation("a", "3").text == "a=\n\t3\n\t~\t~|\n"
    assert document("a=~~|\n", "", "").set_equation("a", "3").text == "a=3~~|\n"


def test_the_initial_value_is_the_second_argument():
    old = document()
    new = old.set_initial("stock", "10 + rate")
    assert new.entry("Stock").equation == "INTEG(inflow - outflow, 10 + rate)"
    with pytest.raises(DocumentError, match="would not be INTEG"):
        old.set_initial("stock", "1, 2")
    with pytest.raises(DocumentError, match="would not be INTEG"):
        old.set_initial("stock", "1) + (2")
    with pytest.raises(DocumentError, match=r"has no initial value.*set_equation"):
        old.set_initial("rate", "2")


def test_units_keep_their_range_unless_they_bring_one():
    old = document()
    assert "inflow = rate * 2 ~ Person/Day [0,?] ~ |" in old.set_units("inflow", "Person/Day").text
    assert "inflow = rate * 2 ~ Day [1,2] ~ |" in old.set_units("inflow", "Day [1,2]").text
    assert "rate = 2 ~1/Year~|" in old.set_units("rate", "1/Year").text


def test_fields_that_are_missing_are_added():
    old = document("a = 3|\nb = 4 ~ kg|\nc = 5\n\t|\n")
    new = old.set_units("a", "kg").set_documentation("b", "It is so.").set_documentation("c", "Or not.")
    assert new.text.startswith("a = 3 ~ kg |\nb = 4 ~ kg ~ It is so. |\nc = 5\n\t~\t~\tOr not.\n\t|\n")


def test_documentation_of_several_lines_is_indented_and_reads_back():
    new = document().set_documentation("stock", "One.\n\nTwo.")
    assert "\t~\tOne.\n\n\t\tTwo.\n\t|" in new.text
    assert new.entry("stock").documentation == "One.\n\nTwo."


def test_inserted_lines_end_as_the_file_does():
    old = from_bytes(document().text.replace("\n", "\r\n").encode())
    new = old.set_documentation("stock", "One.\nTwo.").add_auxiliary("more", 1).add_text("words", 5, 5)
    assert new.bytes.count(b"\r\n") == new.bytes.count(b"\n") > old.bytes.count(b"\n")


def test_several_equations_of_one_name_are_told_apart_by_subscripts():
    old = document("d: x, y ~~|\na[x] = 1 ~ kg ~|\na[y] = 2 ~ kg ~ old|\n")
    assert "a[y] = 7" in old.set_equation("a", 7, subscripts=" Y ").text
    assert old.set_units("a", "g").text.count("~ g ~") == 2
    with pytest.raises(UsageError, match=r"2 equations.*'x', 'y'"):
        old.set_equation("a", 7)
    with pytest.raises(UnknownName, match="subscripts 'z'"):
        old.set_equation("a", 7, subscripts="z")


def test_points_of_a_lookup_change_one_by_one_and_widen_the_range():
    old = document()
    assert "table([(0,0)-(10,10)],(0,1),(10,3.5))" in old.set_lookup("table", [0, 10], [1, 3.5]).text
    assert (
        "table([(0,-2)-(12,10)],(0,-2),(5,0),(12,2))" in old.set_lookup("table", [0, 5, 12], [-2, 0, 2]).text
    )
    older = document("t(0,1,2, 5,6,7)~~|\n").set_lookup("t", [0, 1, 3], [5, -6, 7])
    assert older.text.startswith("t(0,1,3, 5,-6,7)~~|")
    within = document("w = WITH LOOKUP(Time, ((0,0),(1,1))) ~~|\n").set_lookup("w", [0, 2], [0, 1])
    assert within.text.startswith("w = WITH LOOKUP(Time, ((0,0),(2,1))) ~~|")
    with pytest.raises(DocumentError, match="no points"):
        old.set_lookup("rate", [0, 1], [0, 1])
    with pytest.raises(DocumentError, match="not a number"):
        old.set_lookup("table", [0, 1], [0, float("nan")])
    with pytest.raises(DocumentError, match="x ascending"):
        old.set_lookup("table", [1, 0], [0, 1])


@pytest.mark.parametrize(
    "text, reason",
    [
        ("a | b", "'|' outside quotes"),
        ("a ~ b", "'~' outside quotes"),
        ('"a', "a quote is not closed"),
        ("1 {why", "a comment is not closed"),
        ("1 \\", "backslash"),
        ("a\x07b", "control character"),
        ("= 2", None),
        ("1\n\\\\\\---/// x", "begins with"),
    ],
)
def test_an_equation_that_would_break_the_file_is_refused(text, reason):
    old = document("rate=2~~|\n")
    with pytest.raises(DocumentError, match=reason.replace("|", r"\|") if reason else "read otherwise"):
        old.set_equation("rate", text)
    with pytest.raises(DocumentError):
        old.add_auxiliary("other", text if reason else "2 ~")


@pytest.mark.parametrize("text", ["a | b", "a ~ b", "a\n///---\\\\\\", "a\\\nb", "a\x00"])
def test_a_documentation_that_would_break_the_file_is_refused(text):
    with pytest.raises(DocumentError):
        document().set_documentation("rate", text)
    with pytest.raises(DocumentError):
        document().add_stock("more", 0, documentation=text)


def test_units_that_would_break_the_file_are_refused():
    for units in ("a|b", "a~b", "kg\\"):
        with pytest.raises(DocumentError, match="units of 'rate'"):
            document().set_units("rate", units)


def test_a_lookup_keeps_its_parentheses():
    with pytest.raises(DocumentError, match="is a lookup"):
        document().set_equation("table", "2")


def test_a_name_that_does_not_exist_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'outflow'"):
        document().set_equation("outflw", 1)


def test_a_character_that_the_encoding_lacks_is_refused():
    old = document("{CP1252}\na = 1 ~~|\n", "", "", "cp1252")
    assert "größer" in old.rename("a", "größer").text
    with pytest.raises(DocumentError, match=r"'Ж' does not exist.*CP1252"):
        old.rename("a", "Ж")


# settings


def test_the_method_is_one_number_of_the_settings():
    old = document()
    assert lines_that_differ(old, old.set_simulation(method="rk4")) == ["-15:0,0,0,0,0,0", "+15:0,0,0,5,0,0"]
    assert old.set_simulation(method="euler") is old
    other = document(rest=REST.replace("15:0,0,0,0", "15:0,0,0,1"))
    assert other.set_simulation(method="rk4") is other


def test_settings_that_a_file_lacks_are_added():
    bare = document("a = 1 ~~|", "", "")
    new = bare.set_simulation(method="rk4", start=0, stop=5)
    assert (new.simulation.method, new.simulation.start, new.simulation.stop) == ("5", "0", "5")
    assert new.text.startswith("a = 1 ~~|\n\nINITIAL TIME=")
    assert new.text.endswith("///---\\\\\\\n:L\x7f<%^E!@\n15:0,0,0,5,0,0\n")
    without = document(rest="///---\\\\\\\n:L<%^E!@\n4:Time\n").set_simulation(method="rk4")
    assert ":L<%^E!@\n15:0,0,0,5,0,0\n4:Time" in without.text


# names


def test_a_name_changes_in_equations_sketch_graphs_and_settings():
    new = document().rename("rate", "birth rate/2")
    for text in (
        '= "birth rate/2" * 2',
        '"birth rate/2" = 2',
        '10,7,"birth rate/2",',
        ':VAR "birth',
        '5:"birth rate/2"',
    ):
        assert text in new.text
    assert new.entry("birth rate/2").kind == "constant"


def test_names_in_macros_and_strings_are_not_those_outside():
    text = ":MACRO: m(rate)\nm = rate ~~|\n:END OF MACRO:\nrate = 2 ~~|\n"
    text += "d := GET XLS DATA('rate', 'A', 'B', 'rate') ~ ~ rate|\n"
    new = document(text).rename("rate", "speed").text
    assert ":MACRO: m(rate)\nm = rate ~~|" in new and "speed = 2" in new
    assert "GET XLS DATA('rate', 'A', 'B', 'rate') ~ ~ rate|" in new


def test_dimensions_and_elements_are_renamed_too():
    text = "d: x, y ~~|\ne: x ~~|\nf: p, q -> (d: x, y) ~~|\n"
    text += "a[x] = 1 ~~|\nb[d] :EXCEPT: [x] = a[d] + SUM(a[d!]) ~~|\nx1 = 1 ~~|\n"
    new = document(text).rename("x", "left").rename("D", "side")
    assert new.text.startswith(
        "side: left, y ~~|\ne: left ~~|\nf: p, q -> (side: left, y) ~~|\na[left] = 1 ~~|\n"
        "b[side] :EXCEPT: [left] = a[side] + SUM(a[side!]) ~~|\nx1 = 1 ~~|\n"
    )
    with pytest.raises(DocumentError, match=r"numbered range \(x1-x3\)"):
        document("d: (x1-x3) ~~|\na[d] = 1 ~~|\n").rename("x2", "left")


@pytest.mark.parametrize(
    "name, reason",
    [
        ("", "is empty"),
        (" _ ", "is empty"),
        ("a\nb", "cannot hold"),
        ("a\\b", "a backslash"),
        ("STOCK", "the stock 'Stock'"),
        ("max", "a function"),
        ("Time", "predefined"),
        ("m", "the macro 'm'"),
        ("d", "the dimension 'd'"),
        ("x", "an element of the dimension 'd'"),
    ],
)
def test_a_name_that_means_something_already_is_refused(name, reason):
    old = document(EQUATIONS + "d: x, y ~~|\n:MACRO: m(p)\nm = p ~~|\n:END OF MACRO:\n")
    for edit in (lambda: old.rename("rate", name), lambda: old.add_auxiliary(name, 1)):
        with pytest.raises(DocumentError, match=reason):
            edit()


def test_case_and_spacing_alone_may_change():
    assert "RATE = 2" in document().rename("rate", "RATE").text


def test_control_variables_keep_their_names_and_stay():
    for edit in (lambda: document().rename("TIME STEP", "dt"), lambda: document().remove("FINAL TIME")):
        with pytest.raises(DocumentError, match="controls the simulation"):
            edit()


# variables


GROUPED = "****\n\t.One\n****~\n|\na = 1 ~~|\n\n"
GROUPED += "****\n\t.Two\n****~\n|\nb = 1 ~~|\n\n****\n\t.Control\n****~\n|\nTIME STEP = 1 ~~|\n"


def test_a_new_block_goes_to_the_group_of_what_it_uses_else_before_control():
    old = document(GROUPED, "", "")
    assert old.add_auxiliary("c", "2 * a").entry("c").group == "One"
    assert old.add_auxiliary("c", "b + a").entry("c").group == "Two"
    assert old.add_stock("c", "TIME STEP").entry("c").group == "Two"
    assert old.add_stock("c", 5).entry("c").group == "Two"
    assert "|\n\nc= INTEG (\n\t\t0,\n\t\t\t5)\n" in old.add_stock("c", 5).text


def test_a_stock_is_a_block_and_a_box_like_the_nearest():
    new = document().add_stock("people", "2 * rate", "Person", "Who is here.", x=500, y=300)
    assert "people= INTEG (\n\t\t0,\n\t\t\t2 * rate)\n\t~\tPerson\n\t~\tWho is here.\n\t|" in new.text
    assert new.views[0].elements[-1].raw == "10,9,people,500,300,40,20,3,3,0,0,0,0,0,0"
    assert new.views[0].elements[-1].kind == "stock"


def test_a_flow_is_drawn_from_stock_to_cloud_and_stands_in_the_rate():
    new = document().add_flow("deaths", "Stock * 0.1", source="stock", target=None)
    assert new.entry("stock").equation == "INTEG(inflow - outflow - deaths, 1)"
    flow = element(new, "deaths")
    assert (flow.y, flow.label_y) == (200, 219) and flow.x > 340
    by_id = {one.id: one for one in new.views[0].elements}
    assert by_id[flow.source].variable == "Stock" and by_id[flow.target].kind == "cloud"
    assert flow.points[0] == (340, 200)


def test_a_rate_of_zero_is_replaced_and_a_comparison_is_wrapped():
    def rate(text, source, target):
        old = document(f"S = INTEG({text}, 1) ~~|\n", "", "")
        return old.add_flow("f", 1, source, target).entry("S").equation

    assert rate("0", None, "S") == "INTEG(f, 1)"
    assert rate("0", "S", None) == "INTEG(-f, 1)"
    assert rate("a > 2", None, "S") == "INTEG((a > 2) + f, 1)"
    assert rate("(a - b)", "S", None) == "INTEG((a - b - f), 1)"


def test_removing_takes_terms_words_pipes_own_clouds_and_arrows():
    new = document().remove("inflow")
    assert new.entry("stock").equation == "INTEG(- outflow, 1)"
    assert [one.kind for one in new.views[0].elements] == ["stock", "auxiliary"]
    assert "inflow" not in new.text


def test_a_flow_inside_an_expression_is_left_to_the_user():
    old = document("S = INTEG(f - 2 * f, 1) ~~|\nf = 1 ~~|\n", "", "")
    for edit in (lambda: old.remove("f"), lambda: old.attach("f", "source", "S")):
        with pytest.raises(
            DocumentError, match="stock 'S' uses 'f' inside an expression; edit its equation first"
        ):
            edit()


def test_only_stocks_have_flows():
    with pytest.raises(DocumentError, match="'rate' is no stock but a constant"):
        document().add_flow("f", 1, source="rate")
    with pytest.raises(UsageError, match="to itself"):
        document().add_flow("f", 1, source="Stock", target="stock")


# sketch


def test_a_flow_moves_with_its_name_and_its_pipe_stays_straight():
    old = document()
    new = old.move("inflow", 210, 220)
    flow = element(new, "inflow")
    assert (flow.x, flow.y, flow.label_x, flow.label_y) == (210, 220, 210, 239)
    assert "1,3,5,1,4,0,0,22,0,0,0,-1--1--1,,1|(246,220)|" in new.text
    assert "1,8,7,6,1,0,43,0,0,64,0,-1--1--1,,1|(225,270)|" in new.text  # the link follows by half
    assert new.move("inflow", 200, 200).entry("inflow") == old.entry("inflow")


def test_a_coordinate_that_stays_keeps_its_text():
    old = document(sketch=SKETCH.replace("300,200,40,20", "300.250,200,40,20"))
    assert "10,1,Stock,300.250,90,40,20" in old.move("Stock", 300.25, 90).text


def test_connecting_draws_and_disconnecting_takes_away():
    old = document()
    new = old.connect("stock", "rate", "-")
    assert lines_that_differ(old, new) == ["+1,9,1,7,1,0,45,0,0,64,0,-1--1--1,,1|(250,250)|"]
    assert new.disconnect("STOCK", "rate") == old
    assert lines_that_differ(old, old.connect("rate", "inflow", "-"))[1].startswith("+1,8,7,6,1,0,45,")
    assert old.connect("rate", "inflow") is old
    with pytest.raises(DocumentError, match="no view shows both 'rate' and 'outflow'"):
        old.connect("rate", "outflow")
    with pytest.raises(DocumentError, match="no connector leads from 'stock' to 'rate'"):
        old.disconnect("stock", "rate")
    with pytest.raises(UsageError, match="with itself"):
        old.connect("rate", "rate")
    with pytest.raises(UsageError, match="polarity='x'"):
        old.connect("stock", "rate", "x")
    with pytest.raises(UnknownName, match="did you mean 'rate'"):
        old.connect("raet", "inflow")


def test_links_can_follow_the_equation():
    old = document()
    new = old.set_equation("inflow", "Stock * 2", links="match")
    removed, added = [line for line in lines_that_differ(old, new) if line[1:3] == "1,"]
    assert removed.startswith("-1,8,7,6,") and added.startswith("+1,9,1,6,1,0,0,")
    kept = old.set_equation("inflow", "Stock * 2")
    assert [one.raw for one in kept.views[0].elements] == [one.raw for one in old.views[0].elements]


def test_an_end_of_a_flow_goes_to_a_cloud_and_back():
    old = document()
    loose = old.attach("inflow", "target", None)
    assert loose.entry("stock").equation == "INTEG(- outflow, 1)"
    kinds = [one.kind for one in loose.views[0].elements]
    assert kinds.count("cloud") == 2
    back = loose.attach("inflow", "target", "Stock")
    assert [one.kind for one in back.views[0].elements].count("cloud") == 1
    assert back.entry("stock").inflows == ("inflow",)
    with pytest.raises(UsageError, match="end='middle'"):
        old.attach("inflow", "middle", None)


def test_looks_change_in_their_fields():
    old = document()
    assert "10,1,Stock,300,200,50,30," in old.reshape("stock", width=100, height=60).text
    assert "10,7,rate,200,300,20,11,8,3,0,0,4," in old.reshape("rate", label_side="right").text
    assert "1|(100,90)|" in old.reshape("0:8", points=[(100, 90)]).text
    assert "1|(0,0)|" in old.reshape("0:8", points=[]).text
    assert element(old, "inflow") == element(
        old.reshape("inflow", points=element(old, "inflow").points), "inflow"
    )
    bent = old.reshape("inflow", points=[(100, 208), (100, 200), (260, 200), (260, 220)])
    assert "1,3,5,1,4,0,0,22,0,0,0,-1--1--1,,1|(260,200)|" in bent.text
    assert "64,0,255-0-0,,1|" in old.reshape("0:8", colour="255-0-0").text
    for looks, reason in (
        ({"points": [(0, 0), (9, 9)]}, "right angles"),
        ({"points": [(0, 0), (9, 0)]}, "pass through its valve"),
        ({"points": [(0, 0)]}, "two ends"),
        ({"angle": 3.0}, "has no angle"),
        ({"width": 0.0}, "cannot have the width"),
        ({"colour": "255-0-0"}, "has no colour"),
    ):
        with pytest.raises(DocumentError, match=reason):
            old.reshape("inflow", **looks)
    with pytest.raises(UsageError, match="label_side='above'"):
        old.reshape("rate", label_side="above")
    with pytest.raises(DocumentError, match="no centre"):
        old.move("0:8", 1, 1)
    with pytest.raises(UsageError, match="cannot be drawn"):
        old.move("rate", float("nan"), 1)


def test_texts_ghosts_and_views_are_added():
    new = document().add_text("See, here", 50, 60).add_alias("rate", 90, 90).add_alias("time", 10, 10)
    text, ghost, time = new.views[0].elements[-3:]
    assert (text.kind, text.text, text.x) == ("text", "See, here", 50)
    assert (ghost.kind, ghost.variable, time.kind, time.variable) == ("alias", "rate", "alias", "Time")
    more = new.add_view("Second")
    assert [view.name for view in more.views] == ["Main view", "Second"]
    assert more.add_auxiliary("far", 1, view=1).views[1].elements[0].variable == "far"
    for name in ("", "two\nlines", "Second"):
        with pytest.raises(DocumentError):
            more.add_view(name)
    for bad in ("", "two\nlines", "///---\\\\\\"):
        with pytest.raises(DocumentError, match="one line"):
            more.add_text(bad, 1, 1)


def test_removing_a_drawing_keeps_the_equation():
    old = document()
    new = old.remove_element("0:5")
    assert new.entry("inflow").equation == "rate * 2"
    assert [one.kind for one in new.views[0].elements] == ["stock", "auxiliary"]
    assert new.entry("stock") == old.entry("stock")
    with pytest.raises(DocumentError, match="no view has an element"):
        old.remove_element("0:99")


def test_a_document_without_a_sketch_has_equations_all_the_same():
    bare = document(EQUATIONS, "", "")
    new = bare.add_stock("more", 1).add_flow("f", 1, "more").add_auxiliary("g", "f").remove("rate")
    assert new.entry("more").outflows == ("f",) and not new.views
    assert [view.name for view in new.add_view("First").views] == ["First"]
    with pytest.raises(UsageError, match="there is no view 0; the document has 0"):
        bare.move("rate", 1, 1)


def test_a_view_of_the_old_format_is_moved_only():
    lines = "\\\\\\---/// Sketch\nV160\n*Old\n$0\n"
    lines += "|1,Stock,100,200,40,20,1,3,0,0\n|2,rate,300,200,40,20,1,3,0,0\n>3,2,1,0,0,0,1|(200,200)|\n"
    old = document(sketch=lines)
    assert "|1,Stock,120,210,40" in old.move("Stock", 120, 210).text
    for edit in (
        lambda: old.add_stock("more", 1),
        lambda: old.remove("rate"),
        lambda: old.connect("Stock", "rate"),
        lambda: old.add_text("words", 1, 1),
    ):
        with pytest.raises(DocumentError, match="old format V160"):
            edit()
    assert "|1,people," in old.rename("Stock", "people").text


def test_a_mark_of_byte_order_inside_a_file_is_no_reason_to_fail():
    document = from_bytes("{UTF-8}\na = 1 ~~|\ufeffb = 2 ~~|\n".encode(), "vensim")
    with pytest.raises(DocumentError, match="it would be read otherwise"):
        document.set_equation("\ufeffb", "3")
