"""Equations, units and lookups in the editor: checked while they are typed, completed, committed as they are."""

from __future__ import annotations

import pytest

import sdtheory as sd

LOOKUP = b"""<?xml version="1.0" encoding="utf-8"?>
<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0">
<header><vendor>us</vendor><product version="1">hand</product><name>curve</name></header>
<sim_specs method="euler" time_units="Year"><start>0</start><stop>10</stop><dt>1</dt></sim_specs>
<model><variables>
<stock name="pressure"><eqn>1</eqn><inflow>rise</inflow></stock>
<flow name="rise"><eqn>effect * 2</eqn></flow>
<aux name="effect"><eqn>pressure</eqn>
<gf><xscale min="0" max="4"/><yscale min="0" max="2"/><ypts>0,1,2</ypts></gf></aux>
</variables><views><view>
<stock name="pressure" x="300" y="100"/>
<flow name="rise" x="200" y="100"><pts><pt x="100" y="100"/><pt x="277" y="100"/></pts></flow>
<aux name="effect" x="240" y="200"/>
<connector angle="45"><from>effect</from><to>rise</to></connector>
<connector angle="45"><from>pressure</from><to>effect</to></connector>
</view></views></model>
</xmile>
"""


def test_an_unknown_name_is_underlined_where_it_stands_with_what_was_meant(edit):
    editing = edit("m0_seed.xmile")
    editing.element("opaque share").click()
    editing.field("Equation").fill("(capabilty - understanding) / capability")
    mark = editing.page.locator(".equation-marks mark.error")
    mark.wait_for()
    assert mark.inner_text() == "capabilty"
    note = editing.page.locator(".note.error").first.inner_text()
    assert "column 2" in note and "capability" in note
    editing.page.locator(".note button", has_text="use capability").click()
    editing.page.locator(".note.error").wait_for(state="detached")
    assert editing.field("Equation").input_value() == "(capability - understanding) / capability"


def test_escape_brings_the_equation_back(edit):
    editing = edit("m0_seed.mdl")
    editing.element("opaque share").click()
    before = editing.field("Equation").input_value()
    editing.field("Equation").fill("1 + ")
    editing.press("Escape")
    assert editing.field("Equation").input_value() == before
    assert editing.served.session.state.position == 0
    assert editing.page.evaluate("() => document.activeElement.dataset.name") == "opaque share"


def test_a_wrong_equation_can_be_kept_and_the_last_good_run_stays_greyed(edit):
    editing = edit("m0_seed.mdl")
    editing.refusals = True
    editing.ran()
    editing.element("opaque share").click()
    editing.field("Equation").fill("capability - nothing of this name")
    editing.press("Enter")
    editing.hears("equation of opaque share set")
    editing.page.locator(".charts.old").wait_for(timeout=20_000)
    assert editing.page.locator(".drawer .chart .line").count()
    assert b"nothing of this name" in editing.save()
    editing.page.locator('.element[data-name="opaque share"].has-error').wait_for(timeout=20_000)
    assert "error" in editing.element("opaque share").get_attribute("aria-label")
    issues = editing.panel("issues")
    issues.get_by_role("button", name="nothing of this name").first.click()
    assert editing.page.evaluate("() => document.activeElement.dataset.field") == "equation"


def test_completion_offers_the_inputs_first_and_inserts_what_was_chosen(edit):
    editing = edit("m0_seed.mdl")
    editing.focus("opaque share")
    editing.press("Enter", "Control+a")
    editing.page.keyboard.type("cap")
    first = editing.page.locator(".completion li").first
    first.wait_for()
    assert first.locator(".candidate").inner_text() == "capability"
    editing.press("Tab")
    editing.page.keyboard.type(" - und")
    editing.page.locator(".completion li", has_text="understanding").first.wait_for()
    editing.press("Enter")
    assert editing.field("Equation").input_value() == "capability - understanding"
    editing.page.keyboard.type(" * ")
    editing.press("Control+Space")
    editing.page.locator(".completion li").nth(5).wait_for()
    editing.press("Escape", "Backspace", "Backspace", "Backspace", "Enter")
    editing.hears("equation of opaque share set")
    assert editing.document.variables["opaque share"].equation == "capability - understanding"


def test_a_link_to_a_variable_without_an_equation_offers_its_name(edit):
    editing = edit("m0_seed.mdl")
    editing.focus("researchers")
    editing.press("a", *["ArrowRight"] * 3, "ArrowUp", "Enter")
    editing.types("share of all")
    editing.press("Escape")
    editing.focus("researchers")
    editing.press("m")
    editing.focus("share of all")
    editing.drag(editing.place("researchers"), editing.place("share of all"))
    first = editing.page.locator(".completion li .candidate").first
    first.wait_for()
    assert first.inner_text() == "researchers"
    editing.press("Control+a", "Backspace")
    editing.page.keyboard.type("rese")
    editing.page.locator(".completion li", has_text="researchers").first.wait_for()
    editing.press("Enter", "Enter")
    editing.hears("equation of share of all set")
    assert editing.document.variables["share of all"].equation == "researchers"


def test_a_function_shows_its_arguments(edit):
    editing = edit("m0_seed.mdl")
    editing.element("opaque share").click()
    editing.field("Equation").fill("SMOOTH(capability")
    editing.page.locator(".hint", has_text="SMOOTH(").wait_for()


def test_units_that_do_not_balance_are_said_with_those_that_would(edit):
    editing = edit("m0_seed.mdl")
    editing.element("gap exposure").click()
    editing.field("Units").fill("Year")
    editing.page.locator(".note.error, .note.warning").first.wait_for()
    editing.press("Enter")
    editing.hears("units of gap exposure set")
    assert editing.document.variables["gap exposure"].units == "Year"


def test_an_equation_typed_into_the_units_is_refused(edit):
    editing = edit("m0_seed.mdl")
    editing.refusals = True
    before = editing.path.read_bytes()
    editing.element("gap exposure").click()
    editing.field("Units").fill("capability + 3 )")
    editing.press("Enter")
    editing.page.locator(".status .warned:not(:empty)").wait_for()
    editing.press("Escape")
    assert editing.served.session.state.position == 0
    assert editing.save() == before


def test_documentation_is_written_under_the_equation(edit):
    editing = edit("m0_seed.xmile")
    editing.element("researchers").click()
    editing.field("Documentation").fill("all who publish")
    editing.press("Tab")
    editing.until(lambda: editing.served.session.state.position == 1)
    editing.save()
    assert sd.read(editing.path).variables["researchers"].documentation == "all who publish"


def test_a_number_keeps_the_text_of_the_file_where_it_is_shown(edit):
    model = LOOKUP.replace(b"<eqn>1</eqn>", b"<eqn>602.4000244140625</eqn>")
    editing = edit(model, "float.xmile")
    editing.element("pressure").click()
    assert editing.field("Initial value").input_value() == "602.4000244140625"
    x, y = editing.place("pressure")
    editing.drag((x, y), (x + 30, y))
    editing.hears("moved")
    editing.undo()
    assert editing.save() == model


def test_a_lookup_is_changed_by_its_curve_its_table_and_by_keys(edit):
    editing = edit(LOOKUP, "curve.xmile")
    editing.element("effect").click()
    grip = editing.page.locator('.lookup-curve [data-point="1"]')
    box = grip.bounding_box()
    at = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    editing.drag(at, (at[0], at[1] - 20))
    editing.hears("lookup effect set")
    lookup = editing.document.variables["effect"].blocks[0].lookup
    assert lookup.y[1] > 1 and lookup.y[0] == 0 and editing.served.session.state.position == 1
    grip.focus()
    editing.press("ArrowDown")
    editing.until(lambda: editing.served.session.state.position == 2)
    editing.page.get_by_label("y of point 1").fill("0.5")
    editing.press("Tab")
    editing.until(lambda: editing.served.session.state.position == 3)
    assert editing.document.variables["effect"].blocks[0].lookup.y[0] == 0.5
    editing.undo(3)
    assert editing.save() == LOOKUP


def test_two_columns_are_pasted_into_a_lookup(edit):
    editing = edit(LOOKUP, "curve.xmile")
    editing.element("effect").click()
    editing.page.get_by_label("x of point 1").evaluate(
        """node => {
            const data = new DataTransfer();
            data.setData("text", "0\\t3\\n1\\t2\\n5\\t1");
            node.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
        }"""
    )
    editing.hears("lookup effect set")
    lookup = editing.document.variables["effect"].blocks[0].lookup
    assert (list(lookup.x), list(lookup.y)) == ([0, 1, 5], [3, 2, 1])


@pytest.mark.parametrize("model", ["m0_seed.mdl", "m0_seed.xmile"])
def test_the_table_of_variables_edits_what_the_diagram_does(edit, model):
    editing = edit(model)
    editing.page.get_by_role("button", name="List").click()
    editing.page.get_by_label("equation of researchers", exact=True).fill("12345")
    editing.press("Enter")
    editing.hears("equation of researchers set")
    editing.page.get_by_label("documentation of researchers", exact=True).fill("people")
    editing.press("Enter")
    editing.hears("documentation of researchers set")
    editing.save()
    assert sd.read(editing.path).variables["researchers"].equation == "12345"


ARRAY = b"""<?xml version="1.0" encoding="utf-8"?>
<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0">
<header><vendor>us</vendor><product version="1">hand</product><name>fields</name></header>
<sim_specs method="euler" time_units="Year"><start>0</start><stop>20</stop><dt>0.25</dt></sim_specs>
<dimensions><dim name="field"><elem name="vision"/><elem name="language"/></dim></dimensions>
<model><variables>
<stock name="papers"><dimensions><dim name="field"/></dimensions><eqn>10</eqn><inflow>writing</inflow></stock>
<flow name="writing"><dimensions><dim name="field"/></dimensions><eqn>papers * growth</eqn></flow>
<aux name="growth"><dimensions><dim name="field"/></dimensions>
<element subscript="vision"><eqn>0.05</eqn></element><element subscript="language"><eqn>0.15</eqn></element></aux>
</variables><views><view>
<group name="science" x="150" y="100" width="400" height="300"/>
<stock name="papers" x="400" y="200"/>
<flow name="writing" x="260" y="200"><pts><pt x="160" y="200"/><pt x="377" y="200"/></pts></flow>
<aux name="growth" x="200" y="300"/>
<connector angle="60"><from>growth</from><to>writing</to></connector>
<connector angle="200"><from>papers</from><to>writing</to></connector>
</view></views></model>
</xmile>
"""


def test_an_array_shows_its_dimension_the_equation_of_each_element_and_a_result_for_each(edit):
    editing = edit(ARRAY, "fields.xmile")
    editing.ran()
    assert editing.page.locator(".drawer .line.now").count() == 2
    editing.element("growth").click()
    assert "[field]" in editing.page.locator(".heading .kind").inner_text()
    editing.field("Equation of language").fill("0.3")
    editing.press("Enter")
    editing.hears("equation of growth[language] set")
    editing.save()
    assert editing.path.read_bytes() == ARRAY.replace(b"0.15", b"0.3")
    assert editing.page.locator(".element.group").count() == 1, "groups are frames"
