"""Simulation, comparison, loops and policies beside the diagram."""

from __future__ import annotations

from pathlib import Path

import pytest

EXPERIMENT = {"m0": str(Path("models/m0_seed.toml").absolute())}


def shape(editing, label: str) -> str:
    """The curve of a variable."""
    return editing.page.locator(f'.drawer .chart .line.now[data-label="{label}"]').get_attribute("d")


def test_a_run_is_drawn_in_the_stocks_and_in_the_chart_without_being_asked_for(edit):
    editing = edit("m0_seed.mdl")
    editing.ran()
    assert editing.page.locator(".element.stock .spark").count() == 3
    assert shape(editing, "capability").startswith("M")
    assert editing.page.locator(".drawer .legend", has_text="capability").count()


def test_every_commit_runs_the_model_again_against_the_kept_baseline(edit):
    editing = edit("m0_seed.mdl")
    editing.ran()
    before = shape(editing, "capability")
    assert not editing.page.locator(".drawer .line.baseline").count(), (
        "a baseline that is the run is not drawn"
    )
    editing.element("initial capability").click()
    editing.field("Equation").fill("30")
    editing.press("Enter")
    editing.page.locator(".drawer .line.baseline").first.wait_for()
    assert shape(editing, "capability") != before
    editing.page.get_by_role("button", name="Set as baseline").click()
    editing.page.locator(".drawer .line.baseline").first.wait_for(state="detached")


@pytest.mark.parametrize("by", ["pointer", "keyboard"])
def test_a_slider_changes_the_run_and_the_model_only_when_it_is_kept(edit, by):
    editing = edit("m0_seed.xmile")
    editing.ran()
    before = shape(editing, "capability")
    panel = editing.panel("sliders")
    slider = panel.locator('input[type="range"][data-name="initial capability"]')
    if by == "pointer":
        box = slider.bounding_box()
        editing.page.mouse.click(box["x"] + 4, box["y"] + box["height"] / 2)
    else:
        slider.focus()
        editing.press("Home")
    editing.page.wait_for_function(
        "old => document.querySelector('.drawer .line.now[data-label=capability]').getAttribute('d') !== old",
        arg=before,
    )
    assert editing.served.session.state.position == 0
    panel.get_by_label("initial capability, value").fill("12")
    editing.press("Tab")
    panel.get_by_role("button", name="keep initial capability").click()
    editing.hears("initial capability is 12")
    assert editing.document.variables["initial capability"].equation == "12"


def test_of_many_quick_slider_moves_the_last_one_is_shown(edit):
    editing = edit("m0_seed.mdl")
    editing.ran()
    asked: list[str] = []
    editing.page.on("request", lambda request: asked.append(request.post_data or ""))
    slider = editing.panel("sliders").locator('input[type="range"][data-name="initial capability"]')
    slider.evaluate(
        """node => {
            for (let i = 1; i <= 200; i += 1) {
                node.value = String(5 + (i % 20));
                node.dispatchEvent(new Event("input", { bubbles: true }));
            }
        }"""
    )
    editing.page.wait_for_function(
        "() => document.querySelector('.sliders').closest('body').querySelector('.charts:not(.running)')"
    )
    editing.until(lambda: any('"initial capability":5' in one for one in asked))
    assert len([one for one in asked if "simulate" in one]) < 10
    label = editing.page.locator(".drawer .legend li", has_text="capability").first
    assert "capability" in label.inner_text()


def test_runs_are_kept_by_name_and_compared_in_a_table(edit):
    editing = edit("m0_seed.mdl")
    editing.ran()
    editing.page.get_by_role("button", name="Keep run").click()
    editing.page.get_by_role("textbox", name="Name of the run").fill("as it is")
    editing.press("Enter")
    editing.hears("run kept as as it is")
    editing.page.get_by_label("Table", exact=True).check()
    table = editing.page.locator(".run-table table")
    assert "difference to baseline" in table.inner_text() and "as it is" in table.inner_text()


def test_the_value_at_the_time_cursor_is_read_by_pointer_and_by_keyboard(edit):
    editing = edit("m0_seed.mdl")
    editing.ran()
    value = editing.page.locator(".drawer .legend li .value").first
    last = value.inner_text()
    box = editing.page.locator(".drawer .chart").first.bounding_box()
    editing.page.mouse.move(box["x"] + 100, box["y"] + 40)
    middle = value.inner_text()
    assert middle != last
    editing.page.locator(".time-cursor").focus()
    editing.press("Home")
    assert value.inner_text() not in (last, middle)


def test_any_variable_has_its_graph_and_joins_the_chart(edit):
    editing = edit("m0_seed.mdl")
    editing.ran()
    editing.element("experimenters").click()
    editing.page.locator(".own-graph .line.now").first.wait_for(state="attached")
    editing.page.get_by_role("button", name="In chart").click()
    editing.page.locator('.drawer .line.now[data-label="experimenters"]').wait_for(state="attached")


def test_loops_are_listed_and_light_up_on_the_diagram(edit):
    editing = edit("m1_delays.mdl")
    editing.panel("loops").locator(".loop").first.wait_for(timeout=30_000)
    loop = editing.page.locator(".loop").first
    words = loop.get_attribute("aria-label")
    assert "reinforcing" in words or "balancing" in words or "polarity unknown" in words
    loop.focus()
    assert editing.page.locator(".canvas .lit").count() >= 2
    assert editing.page.locator(".badge text").text_content() == loop.locator(".id").inner_text()
    loop.evaluate("node => node.blur()")
    assert not editing.page.locator(".canvas .lit").count()
    editing.page.get_by_label("Loops through a variable").fill("no such thing")
    assert not editing.page.locator(".loop").count()


def test_dominance_is_painted_on_the_diagram_and_in_a_strip(edit):
    editing = edit("m1_delays.mdl")
    editing.panel("loops").locator(".loop").first.wait_for(timeout=30_000)
    editing.page.locator(".strip .periods").wait_for(timeout=60_000)
    editing.page.get_by_label("Paint dominance on the diagram").check()
    editing.page.locator(".time-cursor").focus()
    editing.press("Home", *["ArrowRight"] * 30)
    assert editing.page.locator(".canvas .lit.strong").count()
    assert editing.page.locator(".canvas.painted").count()


def test_policies_are_compared_under_uncertainty(edit):
    editing = edit("m0_seed.xmile", experiments=EXPERIMENT)
    editing.ran()
    panel = editing.panel("policies")
    panel.locator(".policy").nth(2).wait_for()
    panel.get_by_label("boost experimenters").uncheck()
    panel.get_by_role("button", name="Compare").click()
    panel.locator(".band-area").first.wait_for(timeout=60_000)
    text = panel.locator(".policy-table").inner_text()
    assert "boost theorists" in text and "boost experimenters" not in text
    assert "%" in text and "seed" in text


def test_an_experiment_that_was_saved_is_undone_in_its_field_and_saved_again(edit, tmp_path):
    experiment = tmp_path / "policies.toml"
    experiment.write_bytes(Path("models/m0_seed.toml").read_bytes())
    before = experiment.read_text(encoding="utf-8")
    editing = edit("m0_seed.xmile", experiments={"policies": str(experiment)})
    panel = editing.panel("policies")
    panel.get_by_text("Experiment file", exact=True).first.click()
    field = panel.get_by_label("Experiment file")
    editing.until(lambda: field.input_value() == before)
    field.press("Control+End")
    editing.page.keyboard.type("\n# kept in mind\n")
    panel.get_by_role("button", name="Save experiment").click()
    editing.until(lambda: experiment.read_text(encoding="utf-8") == before + "\n# kept in mind\n")
    editing.hears("experiment saved")
    field.focus()
    editing.until(lambda: (editing.press("Control+z"), field.input_value() == before)[1])
    panel.get_by_role("button", name="Save experiment").click()
    editing.until(lambda: experiment.read_text(encoding="utf-8") == before)
