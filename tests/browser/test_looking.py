"""Finding one's way: zoom, pan, find, views, trees, exports, the keyboard, and what a reader of the screen is told."""

from __future__ import annotations

import pytest


def test_the_wheel_zooms_where_the_pointer_is(edit):
    editing = edit("m0_seed.mdl")
    x, y = editing.place("capability")
    editing.page.mouse.move(x, y)
    before = editing.element("capability").locator(".hit").bounding_box()["width"]
    editing.page.mouse.wheel(0, -400)
    editing.page.wait_for_function(
        "old => document.querySelector('.element.stock .hit').getBoundingClientRect().width > 1.3 * old",
        arg=before,
    )
    now = editing.place("capability")
    assert abs(now[0] - x) < 2 and abs(now[1] - y) < 2


def test_keys_zoom_fit_and_pan(edit):
    editing = edit("m0_seed.mdl")
    editing.ran()
    editing.focus("capability")
    fitted = editing.place("capability")
    editing.press("+", "+", "Shift+ArrowRight")
    assert editing.place("capability") != fitted
    editing.press("0")
    assert editing.place("capability") == pytest.approx(fitted, abs=1)


def test_space_and_drag_pans(edit):
    editing = edit("m0_seed.mdl")
    editing.focus("capability")
    x, _ = editing.place("researchers")
    editing.page.keyboard.down(" ")
    editing.drag(editing.at(560, 480), (editing.at(560, 480)[0] + 90, editing.at(560, 480)[1] + 40))
    editing.page.keyboard.up(" ")
    moved = editing.place("researchers")
    assert moved[0] - x == pytest.approx(90, abs=8) and editing.served.session.state.position == 0


def test_a_variable_is_found_in_another_view(edit):
    editing = edit("m4_paradigms.mdl")
    hidden = {e.variable for e in editing.document.views[0].elements}
    other = next(
        e.variable
        for e in editing.document.views[2].elements
        if e.kind == "auxiliary" and e.variable not in hidden
    )
    editing.press("Control+f")
    editing.page.get_by_label("Find in all views").fill(other)
    editing.page.locator(".found button").first.wait_for()
    editing.press("Enter")
    editing.element(other).wait_for()
    assert editing.page.evaluate("() => document.activeElement.dataset.name") == other
    assert (
        editing.page.locator(".view-tabs [aria-selected=true]").inner_text() == editing.document.views[2].name
    )


def test_views_are_tabs_by_pointer_and_by_keys_and_can_be_added(edit):
    editing = edit("m4_paradigms.mdl")
    tabs = editing.page.locator(".view-tabs [role=tab]")
    assert tabs.all_inner_texts() == [view.name for view in editing.document.views]
    tabs.nth(1).click()
    editing.page.locator(
        '.view-tabs [aria-selected="true"]', has_text=editing.document.views[1].name
    ).wait_for()
    tabs.nth(1).focus()
    editing.press("ArrowRight")
    editing.page.locator(
        '.view-tabs [aria-selected="true"]', has_text=editing.document.views[2].name
    ).wait_for()
    before = editing.path.read_bytes()
    editing.page.get_by_role("button", name="Add a view").click()
    editing.page.get_by_role("textbox", name="Name of the view").fill("what is left")
    editing.press("Enter")
    editing.page.locator('.view-tabs [aria-selected="true"]', has_text="what is left").wait_for()
    editing.undo()
    assert editing.save() == before


def test_trees_of_causes_and_uses_lead_through_the_model(edit):
    editing = edit("m0_seed.mdl")
    editing.element("explanation").click()
    editing.page.get_by_role("button", name="Causes tree").click()
    tree = editing.page.locator(".tree")
    tree.wait_for()
    assert tree.locator("li li li").count()
    tree.get_by_role("button", name="base theorists").first.click()
    assert editing.field("Name").input_value() == "base theorists"
    editing.page.get_by_role("button", name="Uses tree", exact=True).click()
    editing.page.locator(".panel-tree h3", has_text="What base theorists influences").wait_for()


@pytest.mark.parametrize("kind", ["view.svg", "view.png", "causal.svg", "page.html"])
def test_what_the_export_menu_offers_is_there(edit, kind):
    editing = edit("m0_seed.mdl")
    editing.page.get_by_role("button", name="Export").click()
    item = editing.page.locator(f'.menu-items a[href*="{kind}"]')
    with editing.page.expect_download(timeout=60_000) as download:
        item.click()
    assert download.value.path().stat().st_size > 500


def test_the_diagram_is_one_stop_and_arrows_go_to_the_neighbour(edit):
    editing = edit("m0_seed.mdl")
    assert editing.page.locator('.element[tabindex="0"]').count() == 1
    editing.focus("capability")
    editing.press("ArrowDown")
    where = "() => document.activeElement.dataset.name"
    first = editing.page.evaluate(where)
    assert first not in ("capability", None)
    editing.press("ArrowUp")
    assert editing.page.evaluate(where) is not None
    editing.focus("capability")
    editing.press("Control+ArrowRight")
    assert "link from capability" in editing.page.evaluate(
        "() => document.activeElement.getAttribute('aria-label')"
    )
    editing.press("Control+ArrowRight")
    assert editing.page.evaluate(where) in ("opaque share", "understood share")
    editing.press("Tab")
    assert not editing.page.evaluate("() => Boolean(document.activeElement.closest('.canvas'))")


def test_links_of_a_variable_are_listed(edit):
    editing = edit("m0_seed.mdl")
    editing.focus("opaque share")
    editing.press("l")
    dialog = editing.page.get_by_label("Links of opaque share")
    dialog.get_by_role("button", name="capability").click()
    editing.page.locator('.element:focus[data-name="capability"]').wait_for()


def test_every_element_says_what_it_is(edit):
    editing = edit("m0_seed.xmile")
    words = editing.element("capability").get_attribute("aria-label")
    assert words.startswith("stock capability") and "1 inflow" in words and "0 outflows" in words
    flow = editing.element("explanation").get_attribute("aria-label")
    assert flow.startswith("flow explanation") and "to understanding" in flow


@pytest.mark.parametrize("panel", ["variable", "sliders", "loops", "policies", "issues"])
def test_all_that_takes_the_focus_has_a_name_and_no_id_is_used_twice(edit, panel):
    editing = edit("m0_seed.xmile")
    editing.element("opaque share").click()
    editing.panel(panel)
    editing.ran()
    unnamed, twice = editing.page.evaluate(
        """() => {
            const all = [...document.querySelectorAll("button, input, select, textarea, a[href], [tabindex]")];
            const own = (node) => node.getAttribute("aria-label") || node.textContent.trim();
            const bare = (node) => !own(node) && !node.labels?.[0]?.textContent && !node.closest("[hidden]");
            const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
            return [
                all.filter(bare).map((node) => node.outerHTML.slice(0, 120)),
                ids.filter((id, i) => ids.indexOf(id) !== i),
            ];
        }"""
    )
    assert unnamed == [] and twice == []


def test_the_list_of_keys_opens_and_the_focus_comes_back(edit):
    editing = edit("m0_seed.mdl")
    editing.focus("researchers")
    editing.press("?")
    assert "start a link here" in editing.page.get_by_label("Keys").last.inner_text()
    editing.press("Escape")
    assert editing.page.evaluate("() => document.activeElement.dataset.name") == "researchers"


def test_the_page_fits_a_width_of_320_pixels(edit):
    editing = edit("m0_seed.mdl", size={"width": 320, "height": 800})
    assert editing.page.evaluate("() => document.documentElement.scrollWidth") <= 320
    editing.element("capability").click()
    assert editing.field("Name").input_value() == "capability"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_their_ground(edit, scheme):
    editing = edit("m0_seed.mdl", color_scheme=scheme)
    least = editing.page.evaluate(
        """() => {
            const style = getComputedStyle(document.querySelector(".sdtheory-editor"));
            const light = (name) => {
                const hex = style.getPropertyValue(name).trim();
                const parts = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255);
                const [r, g, b] = parts.map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
            };
            const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
            const words = "ink words quiet plus minus unsure error warning accent".split(" ");
            const lines = "link lighter rule-strong c0 c1 c2 c3 c4 c5 c6 c7".split(" ");
            const least = (names) => Math.min(...names.map((name) => ratio(`--${name}`, "--paper")));
            return [least(words), least(lines)];
        }"""
    )
    assert least[0] >= 4.5 and least[1] >= 3


def test_forced_colours_replace_ours(edit):
    editing = edit("m0_seed.mdl", forced_colors="active")
    fill = editing.page.locator(".element .words").first.evaluate("node => getComputedStyle(node).fill")
    canvas = editing.page.locator(".element .f-paper").first.evaluate("node => getComputedStyle(node).fill")
    assert fill != canvas
