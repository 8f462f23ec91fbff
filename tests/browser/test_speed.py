"""How fast the page is: run with -m benchmark on a quiet machine; the middle of several tries counts."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys

import pytest

pytestmark = pytest.mark.benchmark
HEAD = """<?xml version="1.0" encoding="utf-8"?>
<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0">
<header><vendor>us</vendor><product version="1">hand</product><name>wide</name></header>
<sim_specs method="euler" time_units="Year"><start>0</start><stop>50</stop><dt>0.1</dt></sim_specs>
<model><variables>
"""


def wide(cells: int) -> bytes:
    """A model of so many cells: a stock, its flow, three variables and four links each."""
    said, drawn = [], []
    for i in range(cells):
        x, y = 200 + i % 10 * 320, 150 + i // 10 * 260
        said += [
            f'<stock name="stock {i}"><eqn>{i + 1}</eqn><inflow>inflow_{i}</inflow></stock>',
            f'<flow name="inflow {i}"><eqn>gain_{i} * pressure_{i}</eqn></flow>',
            f'<aux name="gain {i}"><eqn>0.1</eqn></aux>',
            f'<aux name="pressure {i}"><eqn>stock_{i} / (1 + stock_{(i + 1) % cells}) * share_{i}</eqn></aux>',
            f'<aux name="share {i}"><eqn>0.5</eqn></aux>',
        ]
        drawn += [
            f'<stock name="stock {i}" x="{x}" y="{y}"/>',
            f'<flow name="inflow {i}" x="{x - 100}" y="{y}"><pts><pt x="{x - 150}" y="{y}"/><pt x="{x - 22}" y="{y}"/>'
            "</pts></flow>",
            f'<aux name="gain {i}" x="{x - 150}" y="{y + 90}"/><aux name="pressure {i}" x="{x - 40}" y="{y + 90}"/>',
            f'<aux name="share {i}" x="{x + 60}" y="{y + 90}"/>',
        ]
        for source, target, angle in (
            (f"gain_{i}", f"inflow_{i}", 60),
            (f"pressure_{i}", f"inflow_{i}", 120),
            (f"stock_{i}", f"pressure_{i}", 250),
            (f"share_{i}", f"pressure_{i}", 180),
        ):
            drawn.append(f'<connector angle="{angle}"><from>{source}</from><to>{target}</to></connector>')
    lines = [HEAD, *said, "</variables><views><view>", *drawn, "</view></views></model></xmile>\n"]
    return "\n".join(lines).encode()


def test_the_first_view_is_painted_within_a_second(edit, capsys):
    times = []
    for attempt in range(3):
        editing = edit("m0_seed.xmile", f"m0_{attempt}.xmile")
        times.append(
            editing.page.evaluate(
                """async () => {
                    const entry = performance.getEntriesByName("first-contentful-paint")[0];
                    return entry.startTime;
                }"""
            )
        )
    report(capsys, "first paint", times)
    assert statistics.median(times) < 1000


def test_a_key_press_is_checked_within_150_ms(edit, capsys):
    editing = edit(wide(20), "wide.xmile")
    editing.ran()
    editing.element("inflow 3").click()
    field = editing.field("Equation")
    field.focus()
    times = []
    for i in range(25):
        times.append(
            field.evaluate(
                """(node, i) => new Promise((resolve) => {
                    node.value = `gain_3 * pressure_3 + ${i} * unknown_${i}`;
                    node.setSelectionRange(node.value.length, node.value.length);
                    const start = performance.now();
                    node.addEventListener("checked", () => resolve(performance.now() - start), { once: true });
                    node.dispatchEvent(new Event("input", { bubbles: true }));
                })""",
                i,
            )
        )
    report(capsys, "key press to check shown", times[5:])
    assert statistics.median(times[5:]) < 150
    editing.press("Escape")


DRAWN = """(node, value) => new Promise((resolve) => {
    const state = document.querySelector(".run-state");
    node.value = value;
    const start = performance.now();
    const watch = new MutationObserver(() => {
        watch.disconnect();
        requestAnimationFrame(() => resolve(performance.now() - start));
    });
    watch.observe(state, { childList: true, characterData: true, subtree: true });
    node.dispatchEvent(EVENT);
})"""
ENTER = DRAWN.replace("EVENT", 'new KeyboardEvent("keydown", { key: "Enter", bubbles: true })')
MOVED = DRAWN.replace("EVENT", 'new Event("input", { bubbles: true })')


@pytest.fixture
def page(browser, tmp_path, monkeypatch):
    """A page of the command `sdtheory edit`, which shares no process with the browser's driver."""
    monkeypatch.setenv("SDTHEORY_STATE", str(tmp_path / "state"))
    path = tmp_path / "wide.xmile"
    path.write_bytes(wide(20))
    command = [sys.executable, "-m", "sdtheory.cli.main", "edit", str(path), "--no-browser"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        address = next(found[0] for line in process.stdout if (found := re.search(r"http://\S+", line)))
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(address)
        page.locator(".run-state", has_text="run ok").wait_for(timeout=30_000)
        yield page
        page.close()
        process.kill()


def timed(page, field, script, texts) -> list[float]:
    """Milliseconds from each change to the frame that shows its run; the first few do not count."""
    times = []
    for text in texts:
        field.focus()
        times.append(field.evaluate(script, text))
        page.wait_for_timeout(600)  # so that the checks that follow an edit do not meet the next one
    return times[5:]


@pytest.mark.parametrize(
    "what, texts",
    [
        ("another number", [str(0.2 + i / 100) for i in range(40)]),
        ("another equation", [f"{0.2 + i / 100} + 0.01 * share_{4 + i % 3}" for i in range(40)]),
    ],
)
def test_a_commit_is_simulated_and_drawn_within_50_ms(page, capsys, what, texts):
    page.locator('.element[data-name="gain 3"]').first.click()
    field = page.locator(".side-body:not([hidden])").get_by_label("Equation", exact=True).first
    times = timed(page, field, ENTER, texts)
    report(capsys, f"commit {what}, simulate, draw", times)
    assert statistics.median(times) < (50 if what == "another number" else 100)


def test_a_slider_step_is_drawn_within_33_ms(page, capsys):
    page.locator('[data-tab="sliders"]').click()
    slider = page.locator('.slider input[type="range"][data-name="gain 3"]')
    times = timed(page, slider, MOVED, [str(0.05 + i / 1000) for i in range(40)])
    report(capsys, "slider step, simulate, draw", times)
    assert statistics.median(times) < 33


def test_a_drag_among_500_elements_keeps_50_frames_a_second(edit, capsys):
    editing = edit(wide(56), "wide.xmile")
    editing.ran()
    assert editing.page.locator(".element[data-kind]").count() >= 500
    editing.page.evaluate(
        """() => {
            window.frames_ = [];
            let last = performance.now();
            const tick = () => {
                const now = performance.now();
                window.frames_.push(now - last);
                last = now;
                requestAnimationFrame(tick);
            };
            requestAnimationFrame(tick);
        }"""
    )
    x, y = editing.place("stock 25")
    mouse = editing.page.mouse
    mouse.move(x, y)
    mouse.down()
    editing.page.evaluate("() => { window.frames_.length = 0; }")
    for i in range(120):
        mouse.move(x + i / 2, y + 20 * (i % 7) / 7)
    times = editing.page.evaluate("() => window.frames_")
    mouse.up()
    editing.hears("moved")
    report(capsys, "frame while dragging", times)
    assert statistics.median(times) < 20


def report(capsys, what: str, times: list[float]) -> None:
    """Say the figures."""
    ordered = sorted(times)
    worst = ordered[int(0.95 * (len(ordered) - 1))]
    with capsys.disabled():
        print(
            f"\n{what}: median {statistics.median(ordered):.1f} ms, 95 % {worst:.1f} ms, {len(ordered)} tries"
        )
