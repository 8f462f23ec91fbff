"""Copy, cut and paste: by keys and by the menu, between views and between files."""

from __future__ import annotations

import json

from small_models import FARM, TANK

PERMITTED = ["clipboard-read", "clipboard-write"]


def chosen(editing, *names):
    """Select variables by clicking on them."""
    editing.element(names[0]).locator(".hit").first.click()
    for name in names[1:]:
        editing.element(name).locator(".hit").first.click(modifiers=["Shift"])


def selected(editing):
    """The names of what is marked as selected, of links and clouds none."""
    names = editing.page.locator(".element.selected[data-name]").evaluate_all(
        "nodes => nodes.map((node) => node.dataset.name)"
    )
    return sorted(set(names))


def go_to_barn(editing):
    editing.page.get_by_role("tab", name="Barn").click()
    editing.page.locator('.element[data-name*="barn"]').first.wait_for()


def menu(editing, words):
    editing.page.get_by_role("button", name="More", exact=True).click()
    editing.page.get_by_role("menuitem", name=words, exact=True).click()


def test_what_is_copied_is_pasted_under_new_names_and_selected(edit):
    editing = edit("m1_delays.mdl")
    before = editing.document
    chosen(editing, "researchers", "theorist fraction")
    editing.press("Control+c")
    editing.hears("2 elements copied")
    editing.press("Control+v")
    editing.hears("pasted: researchers 2, theorist fraction 2")
    assert selected(editing) == ["researchers 2", "theorist fraction 2"]
    assert editing.document.variables["researchers 2"].equation == before.variables["researchers"].equation
    assert editing.served.session.state.steps[-1].name == "Paste 2 elements"
    editing.undo()
    assert editing.document.bytes == before.bytes


def test_a_copy_stands_where_the_pointer_is(edit):
    editing = edit("m0_seed.xmile")
    chosen(editing, "researchers")
    editing.press("Control+c")
    editing.hears("1 element copied")
    x, y = editing.place("capability")
    editing.page.mouse.move(x + 90, y + 90)
    editing.press("Control+v")
    editing.hears("pasted: researchers 2")
    place = editing.place("researchers 2")
    assert abs(place[0] - x - 90) < 10 and abs(place[1] - y - 90) < 10


def test_what_is_cut_comes_back_under_its_own_name_in_another_view(edit):
    editing = edit(FARM.encode(), "farm.mdl")
    chosen(editing, "rate")
    editing.press("Control+x")
    editing.hears("1 element cut")
    assert "rate" not in editing.document.variables
    go_to_barn(editing)
    editing.press("Control+v")
    editing.hears("pasted: rate")
    assert editing.document.variables["rate"].equation == "0.2"
    assert [one.kind for one in editing.document.views[1].elements if one.variable == "rate"] == ["auxiliary"]


def test_shift_pastes_aliases_into_another_view(edit):
    editing = edit(FARM.encode(), "farm.mdl")
    variables = list(editing.document.variables)
    chosen(editing, "field", "harvest")
    editing.press("Control+c")
    editing.hears("2 elements copied")
    go_to_barn(editing)
    editing.press("Control+Shift+v")
    editing.hears("pasted as aliases: field, harvest")
    assert list(editing.document.variables) == variables
    kinds = {one.variable: one.kind for one in editing.document.views[1].elements}
    assert kinds["field"] == kinds["harvest"] == "alias"


def test_what_is_copied_in_one_file_is_pasted_in_another(edit):
    one, other = edit("m0_seed.mdl"), edit("m1_delays.mdl")
    chosen(one, "capability", "capability growth")
    one.press("Control+c")
    one.hears("2 elements copied")
    other.page.bring_to_front()
    other.focus("researchers")
    other.press("Control+v")
    other.hears("pasted: capability")
    assert other.document.variables["capability 2"].inflows == ("capability growth 2",)


def test_the_other_format_is_refused_in_one_line(edit):
    one, other = edit("m0_seed.mdl"), edit(TANK.encode(), "tank.xmile")
    chosen(one, "researchers")
    one.press("Control+c")
    one.hears("1 element copied")
    other.refusals = True
    other.page.bring_to_front()
    other.focus("gauge")
    other.press("Control+v")
    other.warns("it is Vensim, and this file is XMILE")
    assert other.document.bytes == TANK.encode()


def test_text_that_is_not_ours_is_refused_and_shown_as_text(edit):
    editing = edit("m0_seed.mdl")
    editing.refusals = True
    editing.focus("capability")
    editing.page.evaluate(
        """(text) => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", text);
            const event = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true });
            document.activeElement.dispatchEvent(event);
        }""",
        json.dumps({"sdtheory": 1, "format": "<img src=x onerror=alert(1)>", "model": ""}),
    )
    editing.warns("the format '<img src=x onerror=alert(1)>' is unknown")
    assert editing.page.locator(".warned img").count() == 0


def test_a_text_field_keeps_its_own_copy_and_paste(edit):
    editing = edit("m0_seed.mdl")
    chosen(editing, "researchers")
    field = editing.field("Documentation")
    field.click()
    editing.press("Control+a", "Control+c", "End", "Control+v")
    words = editing.document.variables["researchers"].documentation
    assert field.input_value() == words * 2
    editing.press("Escape")
    assert "researchers 2" not in editing.document.variables


def test_the_menu_copies_cuts_and_pastes(edit):
    editing = edit("m0_seed.mdl", permissions=PERMITTED)
    chosen(editing, "researchers")
    menu(editing, "Copy")
    editing.hears("1 element copied")
    menu(editing, "Paste")
    editing.hears("pasted: researchers 2")
    menu(editing, "Paste as aliases")
    editing.hears("pasted as aliases: researchers")
    menu(editing, "Cut")
    editing.hears("1 element cut")


def test_without_permission_the_menu_names_the_key(edit):
    editing = edit("m0_seed.mdl", permissions=[])
    chosen(editing, "researchers")
    menu(editing, "Paste")
    editing.warns("press Ctrl+V on the diagram")
