"""Edits of XMILE files, by example, and what is refused."""

import pytest
from xmile_tank import NAMESPACE, TANK, document, edited

from sdtheory.documents import from_bytes, xmile_variables, xmile_view
from sdtheory.documents.remembered import Memory
from sdtheory.errors import DocumentError, SDWarning, UnknownName, UsageError


def variables(inside):
    return document(f'<xmile xmlns="{NAMESPACE}"><model><variables>{inside}</variables></model></xmile>')


def inside(edited):
    return edited.text.partition("<variables>")[2].partition("</variables>")[0]


# texts


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<eqn>1</eqn>", "<eqn>a &lt; b</eqn>"),
        ("<eqn> 1\n</eqn>", "<eqn> a &lt; b\n</eqn>"),
        ("<eqn/>", "<eqn>a &lt; b</eqn>"),
        ("<eqn />", "<eqn>a &lt; b</eqn>"),
        ("<eqn></eqn>", "<eqn>a &lt; b</eqn>"),
        ("<eqn><![CDATA[1 & 2]]></eqn>", "<eqn><![CDATA[a < b]]></eqn>"),
        ("<eqn>1<!-- one --></eqn>", "<eqn>a &lt; b</eqn>"),
        ("<eqn>1 <![CDATA[& 2]]></eqn>", "<eqn>a &lt; b</eqn>"),
    ],
)
def test_an_equation_is_written_where_it_stands(before, after):
    assert inside(variables(f'<aux name="x">{before}</aux>').set_equation("x", "a < b")) == (
        f'<aux name="x">{after}</aux>'
    )


def test_a_section_that_holds_its_own_end_is_split():
    new = variables('<aux name="x"><eqn><![CDATA[1]]></eqn></aux>').set_equation("x", "a]]>b")
    assert "<![CDATA[a]]]]><![CDATA[>b]]>" in new.text
    assert new.variables["x"].equation == "a]]>b"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<aux name='x'/>", "<aux name='x'><eqn>1</eqn></aux>"),
        ("<aux name='x' ></aux>", "<aux name='x' ><eqn>1</eqn></aux>"),
        ("<aux name='x'><units>m</units></aux>", "<aux name='x'><eqn>1</eqn><units>m</units></aux>"),
        ("\n  <aux name='x'>\n    <units>m</units>\n  </aux>\n",
         "\n  <aux name='x'>\n    <eqn>1</eqn>\n    <units>m</units>\n  </aux>\n"),
        ("\n  <aux name='x'/>\n  <aux name='y'>\n    <eqn>2</eqn>\n  </aux>",
         "\n  <aux name='x'>\n    <eqn>1</eqn>\n  </aux>\n  <aux name='y'>\n    <eqn>2</eqn>\n  </aux>"),
    ],
)  # fmt: skip
def test_a_missing_equation_comes_first(before, after):
    assert inside(variables(before).set_equation("x", 1)) == after


def test_units_and_documentation_come_behind_the_equation():
    assert edited("set_units", "water", "litre") == ([], ["<units>litre</units>"])
    assert edited("set_documentation", "draining-time", "minutes\n& more") == (
        [],
        ["<doc>minutes", "&amp; more</doc>"],
    )
    after = document().set_units("water", "litre").text
    assert "<eqn>100</eqn>\n\t\t\t\t<units>litre</units>\n\t\t\t\t<outflow>" in after


def test_a_range_behind_units_is_an_element_of_its_own():
    assert edited("set_units", "drain pipe", "gallon/minute [0,?]") == (
        ["<units>litre/minute</units>"],
        ["<units>gallon/minute</units>", '<range min="0"/>'],
    )
    new = variables("<aux name='x'><range min='1' max=\"9\"/></aux>").set_units("x", "kg [2, 9]")
    assert inside(new) == "<aux name='x'><units>kg</units><range min='2' max=\"9\"/></aux>"
    assert new.variables["x"].limits == (2, 9)


@pytest.mark.parametrize(
    ("old", "text", "written"),
    [
        ("", "C:\\new", "C:\\\\new"),
        ("", "1\\2", "1\\2"),
        ("one\\nline", "two\nlines", "two\\nlines"),
        ("one\nline", "two\nlines", "two\nlines"),
    ],
)
def test_documentation_keeps_the_line_breaks_of_its_place(old, text, written):
    new = variables(f"<aux name='x'><eqn>1</eqn><doc>{old}</doc></aux>").set_documentation("x", text)
    assert f"<doc>{written}</doc>" in new.text
    assert new.variables["x"].documentation == text


def test_one_equation_of_an_array_is_set():
    text = (
        '<aux name="x"><dimensions><dim name="D"/></dimensions><element subscript="a"><eqn>1</eqn></element>'
        '<element subscript="b c"><eqn>2</eqn></element></aux>'
        '<aux name="y"><dimensions><dim name="D"/></dimensions><eqn>3</eqn><eqn>4</eqn></aux>'
    )
    before = document(
        f'<xmile xmlns="{NAMESPACE}"><dimensions><dim name="D"><elem name="a"/><elem name="b c"/></dim></dimensions>'
        f"<model><variables>{text}</variables></model></xmile>"
    )
    assert inside(before.set_equation("x", 7, subscripts="B_c")) == text.replace("<eqn>2", "<eqn>7")
    assert inside(before.set_equation("y", 7, subscripts="b c")) == text.replace("<eqn>4", "<eqn>7")
    for name in "xy":
        with pytest.raises(UsageError, match=r"2 equations.*subscripts="):
            before.set_equation(name, 7)
        with pytest.raises(UnknownName, match="subscripts 'c'"):
            before.set_equation(name, 7, subscripts="c")


# points and settings


@pytest.mark.parametrize(
    ("before", "x", "y", "after"),
    [
        ('<xscale min="0" max="4"/><ypts>1, 2.0, 3</ypts>', [0, 2, 4], [1, 2, 5],
         '<xscale min="0" max="4"/><ypts>1, 2.0, 5</ypts>'),
        ('<xscale min="0.0" max="4"/><ypts>1,2</ypts>', [0, 1, 2], [1, 2, 5],
         '<xscale min="0.0" max="2"/><ypts>1,2,5</ypts>'),
        ('<xscale min="0" max="4"/><ypts>1,2</ypts>', [0, 1, 5], [1, 2, 5],
         "<ypts>1,2,5</ypts><xpts>0,1,5</xpts>"),
        ('<xpts sep=";">1;2</xpts><ypts sep=" ">3 4</ypts>', [1, 3], [3, 5],
         '<xpts sep=";">1;3</xpts><ypts sep=" ">3 5</ypts>'),
        ('<yscale min="0" max="2"/><xpts>1,2</xpts><ypts>1,2</ypts>', [1, 2], [1, 9],
         '<yscale min="0" max="9"/><xpts>1,2</xpts><ypts>1,9</ypts>'),
    ],
)  # fmt: skip
def test_points_of_a_graphical_function_keep_their_form(before, x, y, after):
    new = variables(f'<gf name="g">{before}</gf>').set_lookup("g", x, y)
    assert inside(new) == f'<gf name="g">{after}</gf>'
    assert (list(new.variables["g"].lookup.x), list(new.variables["g"].lookup.y)) == (x, y)


@pytest.mark.parametrize(
    ("before", "options", "after"),
    [
        ("<dt>0.5</dt>", {"time_step": 0.25}, "<dt>0.25</dt>"),
        ("<dt>0.50</dt>", {"time_step": 0.5}, "<dt>0.50</dt>"),
        ('<dt reciprocal="true">2</dt>', {"time_step": 0.25}, '<dt reciprocal="true">4</dt>'),
        ('<dt reciprocal="true">2</dt>', {"time_step": "1/8"}, '<dt reciprocal="true">8</dt>'),
        ('<dt reciprocal="true">2</dt>', {"time_step": 0.3}, "<dt>0.3</dt>"),
        ("<start>1</start>", {"stop": 9, "start": 1}, "<start>1</start><stop>9</stop>"),
        ("<stop>9</stop>", {"start": 1}, "<start>1</start><stop>9</stop>"),
    ],
)
def test_settings_change_one_number(before, options, after):
    form = f'<xmile xmlns="{NAMESPACE}"><header/><sim_specs method="Euler">%s</sim_specs><model/></xmile>'
    assert document(form % before).set_simulation(**options).text == form % after


def test_a_missing_setting_is_added():
    empty = f'<xmile xmlns="{NAMESPACE}">\n<header/>\n<model/>\n</xmile>\n'
    new = document(empty).set_simulation(start=0, stop=5, method="rk4", save_every=1)
    assert new.text == (
        f'<xmile xmlns="{NAMESPACE}" xmlns:isee="http://iseesystems.com/XMILE">\n<header/>\n'
        '<sim_specs method="RK4" isee:save_interval="1">\n\t<start>0</start>\n\t<stop>5</stop>\n</sim_specs>\n'
        "<model/>\n</xmile>\n"
    )
    found = new.simulation
    assert (found.start, found.stop, found.method, found.save_every) == ("0", "5", "RK4", "1")


# names


def test_a_new_name_is_spelled_as_each_place_asks():
    assert edited("rename", "Drain_Pipe", "way out") == (
        ["<outflow>drain_pipe</outflow>", '<flow name="drain pipe">',
         '<flow name="drain\\npipe" x="200" y="100">', "<to>drain_pipe</to>"],
        ["<outflow>way_out</outflow>", '<flow name="way out">',
         '<flow name="way\\nout" x="200" y="100">', "<to>way_out</to>"],
    )  # fmt: skip
    taken, added = edited("rename", "draining-time", "draining time")
    assert '<eqn>water / "draining-time"</eqn>' in taken and "<eqn>water / draining_time</eqn>" in added
    assert "<from>draining_time</from>" in added
    assert '<aux name="draining time" x="200" y="200" width="60" height="20"/>' in added


def test_the_value_of_an_interface_object_is_renamed_and_a_vendors_note_is_reported():
    text = TANK.replace(
        "\t\t</views>",
        '\t\t<view type="interface"><slider entity_name="Water" x="1" y="2"/>'
        '<plot><entity name="water"/></plot><isee:thing says="water"/></view></views>',
    )
    with pytest.warns(SDWarning, match="attribute says of <isee:thing> still says 'water'"):
        new = document(text).rename("water", "liquid")
    assert '<slider entity_name="liquid"' in new.text
    assert '<plot><entity name="liquid"/></plot><isee:thing says="water"/>' in new.text


def test_a_name_that_stands_for_something_else_in_its_place_stays():
    text = (
        f'<xmile xmlns="{NAMESPACE}"><dimensions><dim name="D"><elem name="a"/><elem name="b"/></dim></dimensions>'
        '<macro name="m"><parm>a</parm><eqn>a * 2</eqn></macro><model><variables><module name="sub"/>'
        '<aux name="a"><doc>a</doc><units>a</units><eqn>1</eqn></aux>'
        '<aux name="x"><dimensions><dim name="D"/></dimensions><eqn>a + x[a] + x[INT(a)] + sub.a {a}</eqn></aux>'
        '</variables></model><model name="sub"><variables><aux name="a"><eqn>.a</eqn></aux>'
        '<aux name="y"><eqn>a</eqn></aux></variables></model></xmile>'
    )
    before = document(text)
    new = before.rename("a", "new").text
    expected = text.replace('<aux name="a"><doc>', '<aux name="new"><doc>').replace("<eqn>.a<", "<eqn>.new<")
    assert new == expected.replace("a + x[a] + x[INT(a)]", "new + x[a] + x[INT(new)]")
    new = before.rename("sub.a", "sub.new").text
    expected = text.replace('<aux name="a"><eqn>', '<aux name="new"><eqn>').replace("sub.a {", "sub.new {")
    assert new == expected.replace("<eqn>a</eqn></aux></variables></model></xmile>",
                                   "<eqn>new</eqn></aux></variables></model></xmile>")  # fmt: skip
    new = before.rename("D.a", "first").text
    assert new == text.replace('<elem name="a"', '<elem name="first"').replace("x[a]", "x[first]")
    new = before.rename("sub", "part").text
    assert new == text.replace('name="sub"', 'name="part"').replace("sub.a", "part.a")


def test_a_rename_in_sections_and_entities_touches_the_name_alone():
    text = '<aux name="a &amp; b"><eqn>1</eqn></aux><aux name="x"><eqn>%s &gt; <![CDATA[%s < 1]]></eqn></aux>'
    before = variables(text % ('"a_&#38;_b"', '"a_&_b"'))
    assert inside(before.rename("a & b", "c & d")) == (text % ('"c_&amp;_d"', '"c_&_d"')).replace(
        "a &amp; b", "c &amp; d"
    )


# refusals


@pytest.mark.parametrize(
    ("verb", "arguments", "options", "error", "message"),
    [
        ("set_equation", ("watr", 1), {}, UnknownName, "did you mean 'water'"),
        ("set_equation", ("water", "a\x01"), {}, DocumentError, "control character U\\+0001"),
        ("set_equation", ("water", 1), {"subscripts": "a"}, UnknownName, "subscripts 'a'"),
        ("set_units", ("water", "\ud800"), {}, DocumentError, "U\\+D800"),
        ("set_initial", ("drain pipe", 1), {}, UsageError, "is a flow, not a stock"),
        ("set_lookup", ("water", [1, 2], [1, 2]), {}, UsageError, "has no graphical function"),
        ("set_lookup", ("water", [2, 1], [1, 2]), {}, DocumentError, "ascending"),
        ("set_simulation", (), {"start": "soon"}, UsageError, "start='soon' is not a number"),
        ("set_simulation", (), {"method": "rk9"}, UsageError, "'euler' or 'rk4'"),
        ("rename", ("water", "Draining-Time"), {}, DocumentError, "is the constant 'draining-time' already"),
        ("rename", ("water", "max"), {}, DocumentError, "function or predefined name"),
        ("rename", ("water", "TIME STEP"), {}, DocumentError, "settings of the run"),
        ("rename", ("water", " "), {}, DocumentError, "empty"),
        ("rename", ("water", "a\x07"), {}, DocumentError, "cannot hold"),
        ("rename", ("watr", "x"), {}, UnknownName, "did you mean 'water'"),
        ("add_stock", ("Water", 1), {}, DocumentError, "already"),
        ("add_stock", ("new", 1), {"view": 3}, UsageError, "no view 3"),
        ("add_stock", ("new", 1), {"x": 3}, UsageError, "together"),
        ("add_stock", ("new", 1), {"x": 1e99, "y": 0}, UsageError, "cannot be drawn"),
        ("add_flow", ("new", 1, "water", "water"), {}, UsageError, "to itself"),
        ("add_flow", ("new", 1, "draining-time"), {}, UsageError, "not a stock"),
        ("move", ("watr", 1, 1), {}, UnknownName, "did you mean 'water'"),
        ("move", ("0:3", 1, 1), {}, UsageError, "no place of its own"),
        ("reshape", ("water",), {"angle": 3}, UsageError, "has no angle"),
        ("reshape", ("water",), {"points": [(1, 2)]}, UsageError, "has no points"),
        ("reshape", ("water",), {"label_side": "above"}, UsageError, "center, bottom"),
        ("reshape", ("water",), {"width": 0}, UsageError, "size"),
        ("reshape", ("drain pipe",), {"width": 9}, UsageError, "has no size"),
        ("reshape", ("drain pipe",), {"points": [(0, 0)]}, UsageError, "two points"),
        ("reshape", ("drain pipe",), {"points": [(0, 0), (9, 9)]}, UsageError, "right angles"),
        ("connect", ("water", "water"), {}, UsageError, "with itself"),
        ("connect", ("water", "drain pipe", "?"), {}, UsageError, "polarity"),
        ("disconnect", ("water", "drain pipe"), {}, UsageError, "no connector from 'water'"),
        ("attach", ("water", "source", None), {}, UsageError, "not a flow"),
        ("attach", ("drain pipe", "middle", None), {}, UsageError, "'source' or 'target'"),
        ("attach", ("drain pipe", "target", "water"), {}, UsageError, "other end"),
        ("remove_element", ("0:1:target",), {}, UsageError, "end of a flow"),
        ("add_text", ("a\x00", 1, 1), {}, DocumentError, "U\\+0000"),
    ],
)  # fmt: skip
def test_an_edit_that_cannot_be_made_says_why(verb, arguments, options, error, message):
    with pytest.raises(error, match=message):
        getattr(document(), verb)(*arguments, **options)


def test_an_interface_is_kept_as_it_is():
    text = TANK.replace(
        "\t\t</views>", '\t\t<view type="interface"><stock name="water" x="1" y="2"/></view></views>'
    )
    with pytest.raises(UsageError, match="view 1 is an interface"):
        document(text).move("water", 1, 1, view=1)


def test_a_character_that_the_encoding_lacks_is_refused():
    data = b'<?xml version="1.0" encoding="iso-8859-1"?>' + TANK.encode()
    with pytest.raises(DocumentError, match="'Ω' does not exist"):
        from_bytes(data).set_units("water", "Ω")


def test_what_is_remembered_of_an_element_is_what_reading_it_gives(monkeypatch):
    later = document("\n" * 3 + TANK.replace('<stock name="water">', ' <stock name="water">')).index
    for module in (xmile_variables, xmile_view):
        monkeypatch.setattr(module, "_MEMORY", Memory(0))
    assert document("\n" * 3 + TANK.replace('<stock name="water">', ' <stock name="water">')).index == later
