"""A dragged element comes to rest in line with a neighbour, unless Alt is held."""

from __future__ import annotations

import difflib
import random

import pytest
from small_models import FARM, TANK

FORMATS = ["m0_seed.mdl", "m0_seed.xmile"]
CASES = [
    ("the nearest", [[0, 0], [10, 40], [13, 80]], [12, 200], [13, None]),
    ("each axis on its own", [[100, 20], [500, 300]], [103, 298], [100, 300]),
    ("at the end of its reach", [[5, 0]], [0, 50], [5, None]),
    ("not beyond its reach", [[5.01, 0]], [0, 50], [None, None]),
    ("on both sides of nothing", [], [0, 0], [None, None]),
    ("a place of parts of a pixel", [[7.25, 9.5]], [7, 9], [7.25, 9.5]),
]
SNAP = """async (cases) => {
    const { sortedPlaces, snapped } = await import("/static/snapping.js");
    const placed = ([x, y]) => ({ x, y });
    return cases.map(([places, at, reach]) => {
        const found = snapped(placed(at), sortedPlaces(places.map(placed)), reach);
        return [found.x && [found.x.x, found.x.y], found.y && [found.y.x, found.y.y]];
    });
}"""


def element(editing, name: str, kind: str = ""):
    """What the document draws of a variable."""
    elements = editing.document.views[0].elements
    return next(one for one in elements if one.variable == name and kind in ("", one.kind))


def held_over(editing, name: str, x: float, y: float, alt: bool = False) -> list[str]:
    """Drag an element to a place of the diagram and let go; the axes of the guides that were shown."""
    mouse, scale = editing.page.mouse, scale_of(editing)
    one = element(editing, name)
    start = editing.place(name)
    mouse.move(*start)
    mouse.down()
    if alt:
        editing.page.keyboard.down("Alt")
    stop = (start[0] + (x - one.x) * scale, start[1] + (y - one.y) * scale)
    mouse.move(stop[0] + 30, stop[1] + 30, steps=3)
    mouse.move(*stop, steps=2)
    editing.page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    shown = editing.page.locator(".guide").evaluate_all("all => all.map((node) => node.dataset.axis)")
    mouse.up()
    if alt:
        editing.page.keyboard.up("Alt")
    editing.hears("moved")
    return shown


def scale_of(editing) -> float:
    """Pixels of the screen for one of the diagram."""
    return editing.page.locator(".viewport").evaluate("node => node.getScreenCTM().a")


def test_what_snaps_is_the_nearest_within_reach(edit):
    editing = edit("m0_seed.mdl")
    found = editing.page.evaluate(SNAP, [[places, at, 5] for _, places, at, _ in CASES])
    for (words, _, _, wanted), (x, y) in zip(CASES, found, strict=True):
        assert [x and x[0], y and y[1]] == wanted, words


def test_of_places_in_line_the_guide_goes_to_the_one_beside(edit):
    editing = edit("m0_seed.mdl")
    [[x, _]] = editing.page.evaluate(SNAP, [[[[10, 900], [10, 60], [10, -400]], [11, 40], 5]])
    assert x == [10, 60]


def test_a_search_in_order_finds_what_looking_at_all_finds(edit):
    editing = edit("m0_seed.mdl")
    chance = random.Random(7)
    cases = []
    for _ in range(300):
        places = [[chance.randrange(60) / 2, chance.randrange(60) / 2] for _ in range(chance.randrange(12))]
        cases.append((places, [chance.randrange(60) / 2, chance.randrange(60) / 2], chance.randrange(8)))
    for (places, at, reach), found in zip(cases, editing.page.evaluate(SNAP, cases), strict=True):
        for axis in (0, 1):
            gaps = [abs(place[axis] - at[axis]) for place in places]
            least = min(gaps, default=reach + 1)
            got = found[axis]
            assert (got is None) == (least > reach)
            assert got is None or abs(got[axis] - at[axis]) == least


@pytest.mark.parametrize("model", FORMATS)
def test_a_stock_dragged_nearly_level_with_another_is_level_with_it_in_the_file(edit, model):
    editing = edit(model)
    before = editing.path.read_bytes()
    other = element(editing, "capability", "stock")
    old = element(editing, "cumulative gap", "stock")
    near = 3 / scale_of(editing)
    shown = held_over(editing, "cumulative gap", old.x + 37, other.y + near)
    assert "y" in shown
    assert element(editing, "cumulative gap", "stock").y == other.y
    after = editing.save()
    lines = difflib.ndiff(before.decode().splitlines(), after.decode().splitlines())
    gone = [line for line in lines if line.startswith("- ")]
    assert 1 <= len(gone) <= 3
    assert editing.page.locator(".guide").count() == 0, "the guide goes with the drag"
    editing.undo()
    assert editing.save() == before


@pytest.mark.parametrize("model", FORMATS)
def test_with_alt_it_stays_where_it_is_let_go(edit, model):
    editing = edit(model)
    other = element(editing, "capability", "stock")
    old = element(editing, "cumulative gap", "stock")
    near = 3 / scale_of(editing)
    assert held_over(editing, "cumulative gap", old.x + 37, other.y + near, alt=True) == []
    assert element(editing, "cumulative gap", "stock").y == pytest.approx(other.y + near, abs=1)
    assert element(editing, "cumulative gap", "stock").y != other.y


def test_places_between_pixels_are_met_as_the_file_writes_them(edit):
    text = TANK.replace('<aux name="hole" x="280" y="220"/>', '<aux name="hole" x="280" y="220.25"/>')
    editing = edit(text.encode(), "tank.xmile")
    near = 2 / scale_of(editing)
    held_over(editing, "drain time", 210, 220.25 + near)
    assert b'<aux name="drain time" x="210" y="220.25"/>' in editing.save()


def test_several_elements_go_as_far_as_the_one_that_snaps(edit):
    editing = edit(FARM.encode(), "farm.mdl")
    rate, time = (
        element(editing, "rate"),
        next(one for one in editing.document.views[0].elements if one.kind == "alias"),
    )
    editing.element("rate").click()
    editing.page.keyboard.down("Shift")
    editing.element("Time", "alias").click()
    editing.page.keyboard.up("Shift")
    near = 3 / scale_of(editing)
    field = element(editing, "field")
    shown = held_over(editing, "rate", field.x - near, rate.y + 70)
    assert "x" in shown
    assert element(editing, "rate").x == field.x
    moved = next(one for one in editing.document.views[0].elements if one.kind == "alias")
    assert moved.x - time.x == pytest.approx(field.x - rate.x, abs=1)


def test_a_valve_shows_no_guide_where_its_pipe_does_not_go(edit):
    editing = edit(TANK.encode(), "tank.xmile")
    leak = element(editing, "leak")
    gauge = element(editing, "drain time")
    shown = held_over(editing, "leak", gauge.x + 20, gauge.y)
    assert "y" not in shown, "the pipe is level and stays so"
    assert element(editing, "leak").y == leak.y


def test_the_list_of_keys_tells_how_to_drag_without_snapping(edit):
    editing = edit("m0_seed.mdl")
    editing.page.locator(".diagram").focus()
    editing.press("?")
    row = editing.page.locator(".keys tr", has_text="Alt while dragging")
    assert "snap" in row.inner_text()
    editing.press("Escape")


def test_escape_ends_the_drag_and_takes_the_guide_away(edit):
    editing = edit("m0_seed.mdl")
    mouse, before = editing.page.mouse, editing.document.bytes
    other, old = element(editing, "capability", "stock"), element(editing, "cumulative gap", "stock")
    x, y = editing.place("cumulative gap")
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + 40, y + (other.y - old.y) * scale_of(editing) + 2, steps=4)
    editing.page.locator('.guide[data-axis="y"]').wait_for(state="attached")
    editing.press("Escape")
    assert editing.page.locator(".guide").count() == 0
    mouse.up()
    assert editing.document.bytes == before
    assert editing.place("cumulative gap") == pytest.approx((x, y), abs=1)
