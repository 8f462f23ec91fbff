"""Plots of loop dominance: areas fill the change, labels lie inside and apart."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import sdtheory as sd
from sdtheory.diagrams import save_figure
from sdtheory.diagrams.plots import dominance_comparison_figure, dominance_figure

CASES = [("m0_seed", {"theorist boost": 0.5}), ("m1_delays", {}), ("m1_delays", {"embargo": 3.0})]


def scored(stem, changes):
    names = sd.Experiment.read(f"models/{stem}.toml").loops
    return sd.loop_dominance(sd.load(f"models/{stem}.xmile"), changes, names=names)


def boxes(figure):
    """Words of all texts that are drawn, and their boxes in pixels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    hidden = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
                if not low - 1e-9 <= tick.get_loc() <= high + 1e-9:
                    hidden |= {id(tick.label1), id(tick.label2)}
    return [
        (text.get_text(), Text.get_window_extent(text, renderer))  # of an annotation without its arrow
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip() and id(text) not in hidden
    ]


def assert_apart(figure):
    width, height = figure.bbox.width, figure.bbox.height
    found = boxes(figure)
    for (one, a), (other, b) in itertools.combinations(found, 2):
        across = min(a.x1, b.x1) - max(a.x0, b.x0)
        up = min(a.y1, b.y1) - max(a.y0, b.y0)
        assert across <= 0.5 or up <= 0.5, (one, other)
    for text, box in found:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, text


@pytest.mark.parametrize(("stem", "changes"), CASES)
def test_labels_neither_overlap_nor_leave_the_picture(stem, changes):
    assert_apart(dominance_figure(scored(stem, changes), title=stem))


@pytest.mark.parametrize(("stem", "changes"), CASES)
def test_two_policies_stand_side_by_side_with_labels_apart(stem, changes):
    figure = dominance_comparison_figure({"baseline": scored(stem, {}), "policy": scored(stem, changes)})
    assert_apart(figure)


@pytest.mark.parametrize(("stem", "changes"), CASES)
def test_the_areas_fill_the_whole_change_and_leave_a_gap_at_equilibrium(stem, changes):
    dominance = scored(stem, changes)
    axes = dominance_figure(dominance).axes[0]
    tall = np.zeros(len(dominance))
    for area in axes.collections:
        for path in area.get_paths():
            x, y = path.vertices.T
            for place, time in enumerate(dominance.index):
                here = y[np.isclose(x, time)]
                if len(here) > 1:
                    tall[place] += here.max() - here.min()
    largest = max(dominance.partitions, key=lambda one: len(one.loops))
    expected = dominance[list(largest.loops)].abs().sum(axis=1).to_numpy()
    alone = np.flatnonzero(expected)
    np.testing.assert_allclose(tall[alone[1:-1]], 1.0, atol=1e-6)
    assert (tall[expected == 0] == 0).all()


def test_every_large_loop_is_named_once():
    dominance = scored("m1_delays", {})
    words = [text for text, _ in boxes(dominance_figure(dominance))]
    for loop in ("B6 fishing out", "B9 explaining gets harder", "R2 mission loop"):
        assert words.count(loop) == 1
    assert "other (6 loops)" in words


def test_the_same_run_gives_the_same_bytes(tmp_path):
    for name in ("one.svg", "two.svg"):
        save_figure(dominance_figure(scored("m0_seed", {"theorist boost": 0.5})), tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_a_run_in_which_nothing_changes_says_so():
    words = [text for text, _ in boxes(dominance_figure(scored("m0_seed", {})))]
    assert "no change: scores are zero" in words
