"""Marks of links: sign, delay, dashed line; by pointer and by keyboard, with what the file holds then."""

from __future__ import annotations

import difflib

import pytest
from small_models import FARM, TANK

import sdtheory as sd

MODELS = ["m0_seed.mdl", "m0_seed.xmile"]
SMALL = {"farm.mdl": FARM, "tank.xmile": TANK}


def link_between(editing, source: str, target: str):
    """The drawing of a link."""
    return editing.page.locator(
        f'[data-kind="connector"][aria-label^="link from {source} to {target}"]'
    ).first


def links(editing) -> list:
    """The links that the document draws in its first view."""
    return [one for one in editing.document.views[0].elements if one.kind == "connector"]


def chosen_by_pointer(editing, source: str, target: str) -> None:
    """Click on the line of a link."""
    line = link_between(editing, source, target).locator(".line")
    at = line.evaluate(
        """node => {
            const point = node.getPointAtLength(node.getTotalLength() * 0.45).matrixTransform(node.getScreenCTM());
            return [point.x, point.y];
        }"""
    )
    editing.page.mouse.click(*at)
    editing.page.get_by_role("group", name="Link").wait_for()


def lines_changed(before: bytes, after: bytes) -> list[str]:
    """The first letters of the lines of a difference that are not the same."""
    lines = difflib.ndiff(before.decode().splitlines(), after.decode().splitlines())
    return [line[0] for line in lines if line[0] in "+-"]


@pytest.mark.parametrize("model", MODELS)
def test_a_mark_of_delay_is_set_and_taken_away_with_the_pointer(edit, model):
    editing = edit(model)
    before = editing.path.read_bytes()
    chosen_by_pointer(editing, "researchers", "base experimenters")
    editing.field("Delay mark").click()
    editing.hears("delay mark on")
    link = link_between(editing, "researchers", "base experimenters")
    assert link.locator(".delay").count() == 2
    grip, stroke = (
        editing.page.locator(one).first.bounding_box() for one in (".handle .grip", ".link.selected .delay")
    )
    assert max(abs(grip[axis] - stroke[axis]) for axis in "xy") > 6, "the handle hides no stroke"
    assert link.get_attribute("aria-label").endswith(", delayed")
    after = editing.save()
    assert lines_changed(before, after) == ["-", "+"]
    assert [one.delay for one in links(editing)].count(True) == 1
    assert [one.delay for one in sd.read(editing.path).views[0].elements].count(True) == 1
    editing.field("Delay mark").click()
    editing.hears("delay mark off")
    assert link.locator(".delay").count() == 0
    assert editing.save() == before


@pytest.mark.parametrize("model", MODELS)
def test_a_mark_of_delay_is_set_with_keys_and_undone_by_its_name(edit, model):
    editing = edit(model)
    before = editing.path.read_bytes()
    link = link_between(editing, "researchers", "base experimenters")
    link.focus()
    editing.press("Enter")
    assert editing.page.evaluate("() => document.activeElement.getAttribute('aria-label')") == "Sign"
    while editing.page.evaluate("() => document.activeElement.getAttribute('aria-label')") != "Delay mark":
        editing.press("Tab")
    editing.press("Space")
    editing.hears("delay mark on")
    assert editing.page.evaluate("() => document.activeElement.getAttribute('aria-label')") == "Delay mark"
    assert link.locator(".delay").count() == 2
    editing.press("Escape")
    assert editing.page.evaluate("() => document.activeElement.dataset.kind") == "connector"
    editing.press("Control+z")
    editing.hears("undone: Delay mark of link researchers to base experimenters")
    assert editing.save() == before


@pytest.mark.parametrize("model", MODELS)
def test_a_link_keeps_its_strokes_while_its_end_is_dragged(edit, model):
    editing = edit(model)
    chosen_by_pointer(editing, "researchers", "base experimenters")
    editing.field("Delay mark").click()
    editing.hears("delay mark on")
    link = link_between(editing, "researchers", "base experimenters")
    x, y = editing.place("researchers")
    mouse = editing.page.mouse
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + 20, y + 70, steps=4)
    editing.page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    seen = link.locator(".delay").first.bounding_box()
    mouse.up()
    editing.hears("moved")
    after = link.locator(".delay").first.bounding_box()
    assert link.locator(".delay").count() == 2
    assert seen["x"] == pytest.approx(after["x"], abs=2) and seen["y"] == pytest.approx(after["y"], abs=2)


def test_a_line_is_dashed_with_the_pointer_and_solid_again_with_keys(edit):
    editing = edit("m0_seed.xmile")
    before = editing.path.read_bytes()
    chosen_by_pointer(editing, "researchers", "base experimenters")
    editing.field("Dashed line").click()
    editing.hears("line dashed")
    line = link_between(editing, "researchers", "base experimenters").locator(".line")
    assert line.get_attribute("stroke-dasharray") == "5 4"
    label = link_between(editing, "researchers", "base experimenters").get_attribute("aria-label")
    assert label.endswith(", positive, dashed")
    after = editing.save()
    assert lines_changed(before, after) == ["-", "+"] and b'line_style="dashed"' in after
    x, y = editing.place("researchers")
    editing.drag((x, y), (x + 30, y + 60))
    editing.hears("moved")
    assert line.get_attribute("stroke-dasharray") == "5 4"
    link_between(editing, "researchers", "base experimenters").focus()
    editing.press("Enter")
    while editing.page.evaluate("() => document.activeElement.getAttribute('aria-label')") != "Dashed line":
        editing.press("Tab")
    editing.press("Space")
    editing.hears("line solid")
    assert line.get_attribute("stroke-dasharray") is None
    assert {one.line_style for one in links(editing)} == {"", "solid"}


def test_a_vensim_file_is_offered_no_dashed_line(edit):
    editing = edit("m0_seed.mdl")
    chosen_by_pointer(editing, "researchers", "base experimenters")
    assert editing.field("Delay mark").is_visible()
    assert not editing.field("Dashed line").is_visible()


def test_a_missing_sign_is_offered_as_computed_and_taken_with_the_pointer(edit):
    editing = edit("m0_seed.xmile")
    before = editing.path.read_bytes()
    chosen_by_pointer(editing, "researchers", "base experimenters")
    offer = editing.page.get_by_role("button", name="Use computed sign (+)")
    own = link_between(editing, "researchers", "base experimenters")
    file_sign = next(
        one.polarity for one in links(editing) if own.get_attribute("data-element").endswith(one.id)
    )
    assert file_sign == "+"
    editing.page.get_by_text("From the equations: +").wait_for()
    assert not offer.is_visible(), "the file says so already"
    editing.field("Sign").select_option("")
    editing.hears("sign: no sign")
    offer.click()
    editing.hears("sign: positive, as computed")
    assert not offer.is_visible()
    assert editing.page.evaluate("() => document.activeElement.getAttribute('aria-label')") == "Sign"
    assert editing.save() == before


@pytest.mark.parametrize("model", MODELS)
def test_a_wrong_sign_is_put_right_with_keys(edit, model):
    editing = edit(model)
    before = editing.path.read_bytes()
    link = link_between(editing, "researchers", "base experimenters")
    link.focus()
    editing.press("Enter")
    editing.field("Sign").press("ArrowDown")
    editing.hears("sign: negative")
    assert lines_changed(before, editing.save()) == ["-", "+"]
    offer = editing.page.get_by_role("button", name="Use computed sign (+)")
    offer.wait_for()
    editing.press("Tab", "Enter")
    editing.hears("sign: positive, as computed")
    assert editing.save() == before
    assert editing.page.evaluate("() => document.activeElement.getAttribute('aria-label')") == "Sign"
    editing.press("Control+z")
    editing.hears("undone: Sign of link researchers to base experimenters")
    assert editing.field("Sign").input_value() == "-"


def test_the_offered_sign_follows_the_equations(edit):
    editing = edit(TANK.encode(), "tank.xmile")
    chosen_by_pointer(editing, "drain time", "leak")
    editing.page.get_by_role("button", name="Use computed sign (\u2212)").wait_for()
    editing.element("leak").click()
    editing.field("Equation").fill("water * drain_time * SUM(hole[*])")
    editing.page.keyboard.press("Enter")
    editing.hears("equation of leak set")
    chosen_by_pointer(editing, "drain time", "leak")
    editing.page.get_by_text("From the equations: +").wait_for()
    assert not editing.page.get_by_role("button", name="Use computed sign").is_visible()


def test_a_model_that_cannot_be_read_offers_no_sign_and_its_links_are_edited_all_the_same(edit):
    editing = edit(FARM.replace("rate * field[crop]", "rate * ").encode(), "farm.mdl")
    editing.page.locator(".run-state", has_text="cannot run").wait_for()
    chosen_by_pointer(editing, "rate", "growth")
    editing.field("Delay mark").click()
    editing.hears("delay mark on")
    assert not editing.page.get_by_role("button", name="Use computed sign").is_visible()
    assert not editing.page.get_by_text("the equations").is_visible()


def test_another_letter_of_the_file_is_kept_until_a_sign_is_chosen(edit):
    text = FARM.replace("1,8,9,6,1,0,43,", "1,8,9,6,1,0,88,")
    editing = edit(text.encode(), "farm.mdl")
    chosen_by_pointer(editing, "rate", "growth")
    assert (
        editing.field("Sign").evaluate("node => node.selectedOptions[0].textContent") == "X (as in the file)"
    )
    editing.field("Delay mark").click()
    editing.hears("delay mark on")
    assert b"1,8,9,6,1,0,88,0,0,65," in editing.save()
    editing.field("Sign").select_option("-")
    editing.hears("sign: negative")
    assert b"1,8,9,6,1,0,45,0,0,65," in editing.save()


@pytest.mark.parametrize("file", SMALL)
def test_what_marks_a_link_has_a_name_and_room_for_a_finger(edit, file):
    editing = edit(SMALL[file].encode(), file)
    element = editing.page.locator('[data-kind="connector"]').first
    element.focus()
    editing.press("Enter")
    group = editing.page.get_by_role("group", name="Link")
    controls = group.locator("button:visible, select:visible, label.inline:visible")
    assert controls.count() >= 4
    for i in range(controls.count()):
        box = controls.nth(i).bounding_box()
        assert box["width"] >= 24 and box["height"] >= 24
        name = controls.nth(i).evaluate("node => node.getAttribute('aria-label') || node.textContent.trim()")
        assert name


def menu_item(editing, words: str):
    """Open the menu of what is done seldom; one of its items."""
    editing.page.get_by_role("button", name="More", exact=True).click()
    return editing.page.get_by_role("menuitem", name=words)


@pytest.mark.parametrize("model", MODELS)
def test_a_name_goes_to_another_side_by_pointer_and_back_by_undo(edit, model):
    editing = edit(model)
    before = editing.path.read_bytes()
    editing.element("researchers").click()
    menu_item(editing, "Name: left").click()
    editing.hears("name: left")
    after = editing.save()
    assert lines_changed(before, after) == ["-", "+"]
    editing.undo()
    editing.hears("undone: Side of the name of researchers")
    assert editing.save() == before


@pytest.mark.parametrize("model", MODELS)
def test_a_sign_is_chosen_from_the_menu_with_keys(edit, model):
    editing = edit(model)
    before = editing.path.read_bytes()
    link = link_between(editing, "researchers", "base experimenters")
    link.focus()
    editing.press("Space")
    more = editing.page.get_by_role("button", name="More", exact=True)
    more.focus()
    editing.press("Enter")
    while editing.page.evaluate("() => document.activeElement.textContent") != "Mark as negative":
        editing.press("ArrowDown")
    editing.press("Enter")
    editing.hears("sign: negative")
    assert lines_changed(before, editing.save()) == ["-", "+"]
    assert link.get_attribute("aria-label").endswith(", negative")


def test_a_colour_is_written_as_the_format_writes_it(edit):
    editing = edit("m0_seed.xmile")
    before = editing.path.read_bytes()
    editing.element("researchers").click()
    menu_item(editing, "Colour\u2026").click()
    editing.page.get_by_label("Colour, as the file writes it").last.fill("#AA3377")
    editing.press("Enter")
    editing.hears("colour: #AA3377")
    after = editing.save()
    assert lines_changed(before, after) == ["-", "+"] and b'color="#AA3377"' in after
    editing.undo()
    assert editing.save() == before
