"""What a person changes in the editor, by pointer and by keyboard, and what the file holds then."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest

import sdtheory as sd

FORMATS = ["m0_seed.mdl", "m0_seed.xmile"]
XMILE = b"""<?xml version="1.0" encoding="utf-8"?>
<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0">
<header><vendor>us</vendor><product version="1">hand</product><name>empty</name></header>
<sim_specs method="euler" time_units="Year"><start>0</start><stop>10</stop><dt>0.25</dt></sim_specs>
<model><variables></variables><views><view></view></views></model>
</xmile>
"""
VENSIM = b"""{UTF-8}
FINAL TIME = 10
\t~\tYear
\t~\t|
INITIAL TIME = 0
\t~\tYear
\t~\t|
SAVEPER = TIME STEP
\t~\tYear
\t~\t|
TIME STEP = 0.25
\t~\tYear
\t~\t|

\\\\\\---/// Sketch information - do not modify anything except names
V300  Do not put anything below this section - it will be ignored
*View 1
$192-192-192,0,Arial|12||0-0-0|0-0-0|0-0-0|-1--1--1|-1--1--1|96,96,100,0
///---\\\\\\
:L\x7f<%^E!@
15:0,0,0,0,0,0
"""
EMPTY = {"empty.xmile": XMILE, "empty.mdl": VENSIM}


def removed_lines(before: bytes, after: bytes) -> list[str]:
    """The lines of a difference that were there before."""
    lines = difflib.unified_diff(before.decode().splitlines(), after.decode().splitlines(), n=0, lineterm="")
    return [line for line in lines if line.startswith("-") and not line.startswith("---")]


@pytest.mark.parametrize("model", FORMATS)
def test_what_is_opened_and_saved_keeps_its_bytes(edit, model):
    editing = edit(model)
    before = editing.path.read_bytes()
    assert editing.save() == before


@pytest.mark.parametrize("model", FORMATS)
def test_a_dragged_stock_changes_three_lines_at_most_and_undo_none(edit, model):
    editing = edit(model)
    before = editing.path.read_bytes()
    x, y = editing.place("cumulative gap")
    editing.drag((x, y), (x + 40, y + 30))
    editing.hears("moved")
    after = editing.save()
    assert 1 <= len(removed_lines(before, after)) <= 3
    editing.undo()
    assert editing.save() == before


@pytest.mark.parametrize("model", FORMATS)
def test_a_stock_moved_by_keys_goes_where_a_drag_takes_it(edit, model):
    editing = edit(model)
    before = editing.document
    editing.focus("cumulative gap")
    editing.press("Alt+ArrowRight", "Alt+ArrowRight", "Alt+Shift+ArrowDown")
    editing.hears("moved")
    moved = next(e for e in editing.document.views[0].elements if e.variable == "cumulative gap")
    old = next(e for e in before.views[0].elements if e.variable == "cumulative gap")
    assert (moved.x - old.x, moved.y - old.y) == (10, 1)
    assert editing.served.session.state.position == 1, "one step for a row of presses"


@pytest.mark.parametrize("file", EMPTY)
def test_a_model_drawn_with_the_pointer_runs_and_is_saved(edit, file):
    editing = edit(EMPTY[file], file)
    page = editing.page
    page.get_by_role("button", name="Stock", exact=True).click()
    page.mouse.click(*editing.at(300, 200))
    editing.types("Theory")
    page.get_by_role("button", name="Flow", exact=True).click()
    editing.drag(editing.at(80, 200), editing.at(300, 200))
    editing.types("progress")
    page.get_by_role("button", name="Auxiliary", exact=True).click()
    page.mouse.click(*editing.at(200, 320))
    editing.types("pace")
    page.get_by_role("button", name="Connector", exact=True).click()
    editing.drag(editing.place("pace"), editing.place("progress"))
    editing.hears("linked pace to progress")
    page.keyboard.press("Escape")
    editing.element("pace").click()
    editing.field("Equation").fill("2")
    page.keyboard.press("Enter")
    editing.hears("equation of pace set")
    editing.element("progress").click()
    editing.field("Equation").fill("pace * 3")
    page.keyboard.press("Enter")
    editing.hears("equation of progress set")
    assert_it_is_the_small_model(editing)


@pytest.mark.parametrize("file", EMPTY)
def test_a_model_drawn_with_the_keyboard_alone_runs_and_is_saved(edit, file):
    editing = edit(EMPTY[file], file)
    editing.page.locator(".diagram").focus()
    editing.press("s", "ArrowRight", "Enter")
    editing.types("Theory")
    editing.press("Escape", "f", *["ArrowLeft"] * 12, "Enter", "Control+ArrowRight", "Enter")
    editing.types("progress")
    editing.press("Escape", "a", *["ArrowDown"] * 6, "Enter")
    editing.types("pace")
    editing.press("Escape")
    editing.focus("pace")
    editing.press("m")
    editing.press("Control+ArrowUp", "Enter")
    editing.hears("linked pace to progress")
    editing.press("Escape")
    editing.focus("pace")
    editing.press("Enter", "Control+a")
    editing.page.keyboard.type("2")
    editing.press("Enter")
    editing.hears("equation of pace set")
    editing.focus("progress")
    editing.press("Enter", "Control+a")
    editing.page.keyboard.type("pace * 3")
    editing.press("Enter")
    editing.hears("equation of progress set")
    assert_it_is_the_small_model(editing)


def assert_it_is_the_small_model(editing) -> None:
    """A stock that a flow of 6 a year fills; it was saved and is what a reader finds."""
    editing.save()
    document = sd.read(editing.path)
    run = sd.simulate(sd.load(document))
    assert run["Theory"].iloc[-1] == pytest.approx(60.0)
    kinds = [element.kind for element in document.views[0].elements]
    assert sorted(kind for kind in kinds if kind != "connector") == ["auxiliary", "cloud", "flow", "stock"]
    assert kinds.count("connector") == 1
    editing.ran()
    editing.undo(editing.served.session.state.position)
    assert editing.save() == EMPTY[editing.path.name]


def test_a_name_that_is_taken_is_said_at_once_and_nothing_is_added(edit):
    editing = edit("m0_seed.xmile")
    editing.page.keyboard.press("Tab")
    editing.focus("capability")
    editing.press("a", "ArrowDown", "ArrowDown", "Enter")
    editing.page.locator(".namefield input").fill("Opaque_Share")
    editing.page.locator(".namefield .fault", has_text="already a variable 'opaque share'").wait_for()
    editing.press("Escape")
    assert editing.served.session.state.position == 0


@pytest.mark.parametrize("model", FORMATS)
def test_the_end_of_a_flow_snaps_to_a_stock_and_back_to_a_cloud(edit, model):
    editing = edit(model)
    before = editing.path.read_bytes()
    editing.ran()  # the sheet has its size
    editing.element("explanation").click()
    editing.drag(editing.grip("source"), editing.place("capability"))
    editing.hears("attached to capability")
    assert "explanation" in editing.served.session.state.document.variables["capability"].outflows
    editing.drag(editing.grip("source"), editing.at(900, 620))
    editing.hears("ends in a cloud")
    assert "explanation" not in editing.served.session.state.document.variables["capability"].outflows
    editing.undo(2)
    assert editing.save() == before


def test_the_end_of_a_flow_is_attached_by_keys(edit):
    editing = edit("m0_seed.mdl")
    editing.focus("explanation")
    editing.press("r", "r")
    editing.focus("capability")
    editing.press("Enter")
    editing.hears("source is capability")
    assert "explanation" in editing.document.variables["capability"].outflows


def test_a_cloud_a_valve_and_a_bend_can_be_dragged_and_pipes_keep_right_angles(edit):
    editing = edit("m0_seed.xmile")
    cloud = editing.page.locator('.element[data-kind="cloud"]').first
    box = cloud.locator(".hit").bounding_box()
    start = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    editing.drag(start, (start[0] - 10, start[1] + 60))
    editing.hears("moved")
    x, y = editing.place("explanation", "flow")
    editing.drag((x, y), (x - 40, y + 15))
    editing.until(lambda: editing.served.session.state.position == 2)
    at = editing.grip("pull")
    editing.drag(at, (at[0], at[1] + 45))
    editing.until(lambda: editing.served.session.state.position == 3)
    for flow in (e for e in editing.document.views[0].elements if e.kind == "flow"):
        steps = zip(flow.points, flow.points[1:], strict=False)
        assert all(a[0] == b[0] or a[1] == b[1] for a, b in steps), flow.points


@pytest.mark.parametrize("model", FORMATS)
def test_a_link_is_bent_by_its_handle_and_nothing_else_changes(edit, model):
    editing = edit(model)
    before = editing.path.read_bytes()
    link = editing.page.locator('.element[aria-label^="link from capability to opaque share"]')
    link.focus()
    editing.press(" ")
    at = editing.grip("control")
    editing.drag(at, (at[0] - 60, at[1] + 30))
    editing.hears("reshaped")
    assert len(removed_lines(before, editing.save())) == 1
    link.focus()
    editing.press("Alt+ArrowUp")
    editing.hears("bent")
    assert len(removed_lines(before, editing.save())) == 1


@pytest.mark.parametrize("model", FORMATS)
def test_a_link_is_drawn_and_removed(edit, model):
    editing = edit(model)
    before = editing.path.read_bytes()
    editing.focus("researchers")
    editing.press("c")
    editing.drag(editing.place("researchers"), editing.place("experimenters"))
    editing.hears("linked researchers to experimenters")
    editing.press("Escape")
    editing.page.locator('.element[aria-label^="link from researchers to experimenters"]').focus()
    editing.press("Delete")
    editing.hears("removed")
    assert editing.save() == before
    assert editing.page.evaluate("() => Boolean(document.activeElement.closest('.element'))"), "focus is kept"


@pytest.mark.parametrize("model", FORMATS)
def test_links_follow_the_equation(edit, model):
    editing = edit(model)
    editing.element("opaque share").click()
    editing.field("Equation").fill("(capability - understanding) / capability + 0 * researchers")
    editing.press("Enter")
    editing.hears("equation of opaque share set")
    elements = editing.document.views[0].elements
    names = {element.id: element.variable for element in elements}
    drawn = [(names[e.source], names[e.target]) for e in elements if e.kind == "connector"]
    assert ("researchers", "opaque share") in drawn


def test_a_link_that_the_equation_lacks_is_marked_and_one_key_takes_it_away(edit):
    editing = edit("m0_seed.xmile")
    editing.focus("researchers")
    editing.press("m")
    editing.focus("experimenters")
    editing.page.evaluate("() => {}")
    editing.press("Escape", "Escape")
    editing.press("c")
    editing.drag(editing.place("researchers"), editing.place("experimenters"))
    editing.hears("linked")
    editing.press("Escape")
    editing.page.locator('.element[data-name="experimenters"] .mark').wait_for(timeout=20_000)
    editing.focus("experimenters")
    editing.press("k")
    editing.hears("links match the equation")
    assert editing.save() == Path("models/m0_seed.xmile").read_bytes()


@pytest.mark.parametrize("model", FORMATS)
def test_an_alias_is_made_by_tool_and_by_key_and_leads_to_its_original(edit, model):
    editing = edit(model)
    editing.focus("researchers")
    editing.press("Control+d")
    editing.hears("added an alias of researchers")
    editing.press("g")
    editing.page.mouse.click(*editing.at(900, 120))
    editing.types("capability")
    editing.press("Escape")
    aliases = [e.variable for e in editing.document.views[0].elements if e.kind == "alias"]
    assert (aliases.count("researchers"), aliases.count("capability")) == (2, 2)
    editing.page.locator('.element[data-kind="alias"][data-name="researchers"]').last.dblclick()
    editing.hears("the original of researchers")
    assert editing.page.evaluate("() => document.activeElement.dataset.kind") == "auxiliary"


def test_a_note_is_written_on_the_diagram(edit):
    editing = edit("m0_seed.mdl")
    editing.focus("capability")
    editing.press("t")
    editing.page.mouse.click(*editing.at(1000, 700))
    editing.types("what is not understood")
    assert b"what is not understood" in editing.save()


@pytest.mark.parametrize("model", FORMATS)
def test_a_rename_reaches_every_equation_and_says_how_many(edit, model):
    editing = edit(model)
    before = editing.path.read_bytes()
    editing.focus("capability")
    editing.press("F2")
    editing.page.get_by_label("Rename capability").get_by_role("textbox").fill("skill of systems")
    editing.press("Enter")
    dialog = editing.page.get_by_label("Rename everywhere?")
    assert "equations" in dialog.inner_text()
    editing.press("Enter")
    editing.hears("renamed capability to skill of systems")
    editing.element("skill of systems").wait_for()
    after = sd.read(editing.path).variables
    editing.save()
    after = sd.read(editing.path).variables
    assert "skill of systems" in after and "capability" not in after
    editing.undo()
    assert editing.save() == before


def test_a_refused_name_says_why(edit):
    editing = edit("m0_seed.xmile")
    editing.element("opaque share").click()
    editing.field("Name").fill("capability")
    editing.press("Enter")
    editing.warns("cannot rename opaque share")
    assert editing.field("Name").input_value() == "opaque share"


def test_a_removed_variable_takes_its_drawings_along_and_the_focus_goes_to_a_neighbour(edit):
    editing = edit("m0_seed.xmile")
    before = editing.path.read_bytes()
    editing.element("trials per experimenter").click()
    editing.press("Delete")
    editing.hears("removed trials per experimenter")
    assert not editing.page.locator('[data-name="trials per experimenter"]').count()
    assert editing.page.evaluate("() => Boolean(document.activeElement.closest('.element'))")
    editing.undo()
    assert editing.save() == before


def test_undo_survives_a_reload_and_every_step_has_a_name(edit):
    editing = edit("m0_seed.mdl")
    before = editing.path.read_bytes()
    editing.focus("capability")
    editing.press("Alt+ArrowRight")
    editing.hears("moved")
    editing.page.reload()
    undo = editing.page.get_by_role("button", name="Undo")
    editing.page.locator('button[title^="Undo Move capability"]').wait_for()
    undo.click()
    editing.hears("undone: Move capability")
    editing.page.get_by_role("button", name="Redo").click()
    editing.hears("done again: Move capability")
    editing.focus("capability")
    editing.undo()
    assert editing.save() == before


def test_several_elements_move_in_one_step(edit):
    editing = edit("m0_seed.mdl")
    editing.element("theorists").click()
    editing.element("theorist boost").click(modifiers=["Shift"])
    x, y = editing.place("theorists")
    editing.drag((x, y), (x + 20, y + 20))
    editing.hears("moved")
    assert editing.served.session.state.position == 1


def test_the_simulation_settings_are_set(edit):
    editing = edit("m0_seed.mdl")
    editing.page.get_by_role("button", name="More").click()
    editing.page.get_by_role("menuitem", name="Simulation settings").click()
    editing.page.get_by_label("Stop", exact=True).fill("30")
    editing.page.get_by_role("button", name="Set", exact=True).click()
    editing.hears("settings changed")
    editing.save()
    assert sd.read(editing.path).simulation.stop == "30"


def test_keys_pressed_in_a_row_move_what_they_were_meant_for(edit):
    editing = edit("m0_seed.mdl")
    before = {e.variable: (e.x, e.y) for e in editing.document.views[0].elements if e.kind == "stock"}
    editing.focus("capability")
    editing.press("Alt+ArrowRight")
    editing.focus("understanding")
    editing.press("Alt+ArrowDown", "Control+s")
    editing.hears("saved")
    after = {e.variable: (e.x, e.y) for e in sd.read(editing.path).views[0].elements if e.kind == "stock"}
    assert after["capability"] == (before["capability"][0] + 5, before["capability"][1])
    assert after["understanding"] == (before["understanding"][0], before["understanding"][1] + 5)
    assert after["cumulative gap"] == before["cumulative gap"]
