"""Colours of a file on the page: drawn as they are chosen, gone with undo, lighter on a dark page if need be."""

from __future__ import annotations

import pytest
from small_models import TANK

RED, NAVY = "rgb(153, 0, 0)", "rgb(0, 0, 128)"
GIVEN = {
    'name="water" x="100"': 'name="water" color="navy" background="navy" x="100"',
    'uid="4" angle="45"': 'uid="4" angle="45" color="yellow"',
    'name="gauge" x="100"': 'name="gauge" color="navy" x="100"',
}


def painted(shape, how: str) -> str:
    """The colour of a shape as the browser has it."""
    return shape.first.evaluate(f"node => getComputedStyle(node).{how}")


def contrast(one: str, other: str) -> float:
    """Contrast of two colours as a browser writes them."""
    found = []
    for colour in (one, other):
        parts = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
        parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        found.append(0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2] + 0.05)
    return max(found) / min(found)


def coloured() -> bytes:
    """The tank with colours for a stock, a link and an auxiliary."""
    text = TANK
    for plain, given in GIVEN.items():
        assert plain in text
        text = text.replace(plain, given, 1)
    return text.encode()


def test_an_element_is_drawn_with_the_colour_it_is_given_until_undo(edit):
    editing = edit("m0_seed.xmile")
    stock = editing.element("capability").locator("rect.stock")
    plain = painted(stock, "stroke")
    editing.element("capability").click()
    editing.page.get_by_role("button", name="More", exact=True).click()
    editing.page.get_by_role("menuitem", name="Colour\u2026").click()
    editing.page.get_by_label("Colour, as the file writes it").last.fill("#990000")
    editing.press("Enter")
    editing.hears("colour: #990000")
    assert painted(stock, "stroke") == painted(editing.element("capability").locator(".words"), "fill") == RED
    assert editing.page.locator(".ring").count() == 1, "it is still the selected one"
    editing.undo()
    editing.until(lambda: painted(stock, "stroke") == plain)


def test_pipes_and_links_keep_their_colours_while_something_is_dragged(edit):
    text = TANK.replace('name="leak" x="200"', 'name="leak" color="#990000" x="200"')
    text = text.replace('uid="6"', 'uid="6" color="#990000"')
    editing = edit(text.encode(), "tank.xmile")
    x, y = editing.place("water")
    mouse = editing.page.mouse
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + 9, y + 30)
    mouse.move(x + 9, y + 60, steps=3)
    editing.page.evaluate("() => new Promise(requestAnimationFrame)")
    assert editing.page.locator(".shifted").count() > 0
    assert painted(editing.page.locator(".pipe .shape.pipe"), "stroke") == RED
    assert painted(editing.page.locator(".link .line.own"), "stroke") == RED
    editing.press("Escape")
    mouse.up()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_of_the_file_stand_out_on_a_light_and_on_a_dark_page(edit, scheme):
    editing = edit(coloured(), "tank.xmile", color_scheme=scheme)
    paper = editing.page.locator(".stage").evaluate("node => getComputedStyle(node).backgroundColor")
    gauge = editing.element("gauge")
    ring, name = painted(gauge.locator("path.own"), "stroke"), painted(gauge.locator(".words"), "fill")
    assert contrast(ring, paper) >= 3 and contrast(name, paper) >= 4.5
    assert (ring == name == NAVY) == (scheme == "light")
    link = editing.page.locator(".link .line.own")
    assert painted(link, "stroke") == "rgb(255, 255, 0)"
    assert painted(editing.page.locator(".link .casing"), "stroke") == "rgb(0, 0, 0)"
    water = editing.element("water")
    box, words = painted(water.locator("rect.stock"), "fill"), painted(water.locator(".words"), "fill")
    assert (box, words) == (NAVY, "rgb(255, 255, 255)"), "words stay as they were chosen for their fill"


def test_an_error_and_a_loop_are_seen_on_elements_with_colours(edit):
    editing = edit(coloured().replace(b"<eqn>TIME</eqn>", b"<eqn>TIME +</eqn>"), "tank.xmile")
    gauge = editing.element("gauge")
    gauge.locator(".mark.error").wait_for()
    assert painted(gauge.locator(".hit"), "strokeDasharray") == "3px, 3px"
    link = editing.page.locator(".element.link").first
    own = painted(link.locator(".line.own"), "stroke")
    link.evaluate("node => node.classList.add('lit', 'reinforcing')")
    lit = painted(link.locator(".line.own"), "stroke")
    assert lit != own and lit == painted(link.locator(".arrowhead"), "fill")
