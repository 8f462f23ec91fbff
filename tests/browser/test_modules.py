"""A module of an XMILE file: a box that says what goes in, and is opened to be looked at."""

from small_models import TANK


def opened(edit):
    editing = edit(TANK.encode(), "tank.xmile")
    editing.ran()
    return editing


def test_a_module_says_what_goes_in_and_leads_there(edit):
    editing = opened(edit)
    editing.element("valve").click()
    assert editing.page.get_by_label("Inputs").inner_text() == "x from gauge"
    assert not editing.page.get_by_label("Equation").first.is_visible()
    editing.page.get_by_label("Inputs").get_by_role("button", name="gauge").click()
    assert editing.page.get_by_label("Name", exact=True).input_value() == "gauge"
    editing.element("valve").click()
    editing.page.get_by_role("button", name="Open", exact=True).click()
    editing.element("valve.twice").wait_for()


def test_a_module_is_opened_by_keys_and_its_parts_are_not_edited(edit):
    editing = opened(edit)
    before = editing.path.read_bytes()
    editing.focus("valve")
    editing.press("Enter")
    editing.element("valve.twice").wait_for()
    editing.refusals = True
    editing.focus("valve.twice")
    editing.press("Alt+ArrowRight")
    editing.warns("shown only")
    assert editing.path.read_bytes() == before


def test_the_box_of_a_module_is_moved_like_others(edit):
    editing = opened(edit)
    x, y = editing.place("valve")
    editing.drag((x, y), (x + 40, y + 30))
    editing.hears("moved")
    assert editing.served.session.state.dirty
    editing.press("Control+z")
    editing.hears("undone")
    assert editing.served.session.state.document.bytes == TANK.encode()
