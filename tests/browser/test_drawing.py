"""What is drawn: arrows meet symbols, signs keep to their links, nothing overlaps and nothing is cut off."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from sdtheory.diagrams.arcs import bend_through, bent
from sdtheory.diagrams.arrows import delay_mark
from sdtheory.diagrams.symbols import at_cloud, on_border
from sdtheory.documents.view import Element, arc_middle, leaving, segment_of

MODELS = ["m1_delays.mdl", "m1_delays.xmile", "m4_paradigms.mdl"]
CASES = json.loads(Path("tests/data/geometry.json").read_text(encoding="utf-8"))
LOOK = """() => {
    const box = (node) => { const b = node.getBBox(); return [b.x, b.y, b.x + b.width, b.y + b.height]; };
    const all = [...document.querySelectorAll(".element")];
    const links = all.filter((node) => node.dataset.kind === "connector").map((node) => {
        const head = node.querySelector(".arrowhead");
        const line = node.querySelector(".line");
        const sign = node.querySelector(".sign");
        const tip = head.getPointAtLength(0);
        const way = [];
        const length = line.getTotalLength();
        for (let i = 0; sign && i <= 60; i += 1) way.push(line.getPointAtLength((length * i) / 60));
        const middle = sign && sign.getBBox();
        return {
            label: node.getAttribute("aria-label"), tip: [tip.x, tip.y],
            line: way.map((p) => [p.x, p.y]).concat([[tip.x, tip.y]]),
            sign: middle && [middle.x + middle.width / 2, middle.y + middle.height / 2],
        };
    });
    const symbols = all.filter((node) => node.dataset.name && node.dataset.kind !== "connector").map((node) => ({
        name: node.dataset.name, kind: node.dataset.kind,
        shapes: [...node.querySelectorAll(".shape")].map(box), words: [...node.querySelectorAll(".words")].map(box),
    }));
    const canvas = document.querySelector(".canvas").getBoundingClientRect();
    const outside = [...document.querySelectorAll(".element .shape, .element .words")].filter((node) => {
        const b = node.getBoundingClientRect();
        return b.left < canvas.left || b.top < canvas.top || b.right > canvas.right || b.bottom > canvas.bottom;
    }).length;
    return { links, symbols, outside };
}"""


def distance_to_border(point, box) -> float:
    """How far a point is from the border of a box."""
    (x, y), (left, top, right, bottom) = point, box
    dx, dy = max(left - x, 0, x - right), max(top - y, 0, y - bottom)
    if dx or dy:
        return float(np.hypot(dx, dy))
    return min(x - left, right - x, y - top, bottom - y)


def overlap(a, b) -> bool:
    """Whether two boxes share more than a pixel."""
    return min(a[2], b[2]) - max(a[0], b[0]) > 1 and min(a[3], b[3]) - max(a[1], b[1]) > 1


@pytest.mark.parametrize("model", MODELS)
def test_arrows_meet_outlines_signs_keep_to_links_names_lie_free_and_nothing_is_cut_off(edit, model):
    editing = edit(model)
    views = editing.page.locator(".view-tabs [role=tab]")
    for view in range(views.count()):
        views.nth(view).click()
        editing.page.locator(f'.view-tabs [role=tab]:nth-child({view + 1})[aria-selected="true"]').wait_for()
        found = editing.page.evaluate(LOOK)
        assert found["outside"] == 0
        assert strayed(found["links"], found["symbols"]) == []
        assert overlapping(found["symbols"]) == []


def strayed(links: list, symbols: list) -> list:
    """Links whose tip meets no outline, or whose sign is far from them."""
    boxes = [box for symbol in symbols for box in (*symbol["shapes"], *symbol["words"])]
    loose = [
        link["label"] for link in links if min(distance_to_border(link["tip"], box) for box in boxes) > 6
    ]
    signed = [link for link in links if link["sign"]]
    away = [one["label"] for one in signed if np.hypot(*(np.array(one["line"]) - one["sign"]).T).min() > 14]
    return loose + away


def overlapping(symbols: list) -> list:
    """Names that lie on other names or on the symbols of others."""
    drawn = [one for one in symbols if one["kind"] not in ("group", "text")]
    return [
        (a["name"], b["name"])
        for a in drawn
        for b in drawn
        if a is not b
        and any(overlap(words, it) for words in a["words"] for it in (*b["words"], *b["shapes"]))
    ]


def element(box: dict) -> Element:
    """A stock or cloud of a case."""
    return Element("0:0", "stock", None, box["x"], box["y"], box["width"], box["height"])


def calculated(case: dict) -> object:
    """What Python makes of a case."""
    given = case["given"]
    match case["function"]:
        case "bendThrough":
            return bend_through(*given)
        case "bentPoints":
            return bent(*given).tolist()
        case "arcMiddle":
            return arc_middle(*given)
        case "leavingAngle":
            return leaving(*given)
        case "onBorder":
            return [list(point) for point in on_border(given[0], given[1], element(given[2]))]
        case "atCloud":
            return list(at_cloud(given[0], given[1], element(given[2])))
        case "segmentOf":
            return segment_of(*given)
        case "delayStrokes":
            strokes = delay_mark(np.array(given[0], dtype=float), "", 1.0)
            return [[points[0] for _, points in one.steps] for one in strokes]
    raise AssertionError(case["function"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['function']} {case['words']}")
def test_python_has_the_geometry_of_the_table(case):
    got = calculated(case)
    if case["result"] is None:
        assert got is None
    else:
        assert np.asarray(got, dtype=float) == pytest.approx(
            np.asarray(case["result"], dtype=float), abs=1e-6
        )


def test_the_page_has_the_geometry_of_the_table(edit):
    editing = edit("m0_seed.mdl")
    results = editing.page.evaluate(
        """async (cases) => {
            const geometry = await import("/static/geometry.js");
            return cases.map(({ function: name, given }) => geometry[name](...given));
        }""",
        CASES,
    )
    for case, got in zip(CASES, results, strict=True):
        if case["result"] is None:
            assert got is None, case
        else:
            want = np.asarray(case["result"], dtype=float)
            assert np.asarray(got, dtype=float) == pytest.approx(want, abs=1e-6), case


def test_while_something_is_dragged_pipes_keep_right_angles_and_nothing_is_sent(edit):
    editing = edit("m0_seed.xmile")
    x, y = editing.place("capability")
    sent = len(editing.served.session.state.steps)
    editing.page.mouse.move(x, y)
    editing.page.mouse.down()
    editing.page.mouse.move(x + 10, y + 10)
    editing.page.mouse.move(x + 50, y + 80, steps=3)
    editing.page.evaluate("() => new Promise(requestAnimationFrame)")
    way = editing.page.locator(".element.pipe .pipe").first.get_attribute("d")
    points = [tuple(map(float, part.split(","))) for part in way.replace("M", "").replace("L", " ").split()]
    assert all(abs(a[0] - b[0]) < 0.02 or abs(a[1] - b[1]) < 0.02 for a, b in itertools.pairwise(points))
    assert len(editing.served.session.state.steps) == sent
    preview = editing.page.locator('.element[data-kind="stock"] .hit').first.bounding_box()
    editing.page.mouse.up()
    editing.hears("moved")
    after = editing.page.locator('.element[data-kind="stock"] .hit').first.bounding_box()
    assert preview["x"] == pytest.approx(after["x"], abs=1.5) and preview["y"] == pytest.approx(
        after["y"], abs=1.5
    )
