"""Figures of analyses: what is drawn, whatever the names, and the same bytes for the same values."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from sdtheory.diagrams import METADATA, analysis, save_figure

ODD = "$x_{ & <script> \u00e9"  # no mathematics, no markup
TRAJECTORY = pd.DataFrame({"coverage": [1.0, 0.9, 0.5], "density": [0.2, 0.4, 0.9], "restricted": [0, 1, 2]})


def tornado():
    values = np.array([0.1, -0.7, np.nan])
    series = {ODD: (values, np.array([values - 0.1, values + 0.2])), "plain": (values, None)}
    return analysis.tornado_figure([ODD, "b", "c"], series, ODD, "share")


def plane(share=False):
    x, y = np.linspace(0, 1, 5), np.linspace(-1, 1, 4)
    values = np.add.outer(y, x)
    values[0, 0] = np.nan
    pieces = np.array([[[0.0, 0.0], [0.5, -0.5]]])
    return analysis.map_figure(x, y, values, pieces, {ODD: values}, (ODD, "y", "difference"), ODD, share)


def box():
    limits = {ODD: ((0.0, 1.0), 0.2, None), "b": ((0.0, 9.0), None, 3.0)}
    return analysis.box_figure(TRAJECTORY, 1, (0.9, 0.5), limits, 0.2, ODD)


def rules():
    leaves = pd.DataFrame({"rule": [ODD, "b < 2"], "density": [0.9, 0.0], "count": [30, 70]})
    return analysis.rules_figure(leaves, 0.3, ODD)


def trace():
    return analysis.trace_figure(pd.DataFrame({"evaluations": [1, 2], ODD: [np.nan, 1.0]}), ODD)


def front():
    table = pd.DataFrame({ODD: [0.0, 1.0], "b": [1.0, 0.0]})
    return analysis.front_figure(table, table + 0.1, ODD)


def fit():
    rows = {"variable": [ODD] * 2 + list("abc"), "time": np.arange(5.0)}
    return analysis.fit_figure(pd.DataFrame({**rows, "observed": 1.0, "simulated": 2.0}), ODD)


FIGURES = (tornado, plane, box, rules, trace, front, fit)


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.__name__)
def test_the_same_values_give_the_same_bytes_whatever_the_names(figure, tmp_path):
    written = []
    for name in ("one.svg", "two.svg"):
        save_figure(figure(), tmp_path / name)
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]
    assert b"<script>" not in written[0]
    assert "\u00e9".encode() in written[0]
    figure().savefig(io.BytesIO(), format="png", metadata=METADATA[".png"])


def test_a_tornado_puts_the_longest_bar_on_top():
    (axes,) = tornado().axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["c", ODD, "b"]


def test_shares_are_coloured_from_none_to_all_and_differences_evenly_about_zero():
    mesh = plane(share=True).axes[0].collections[0]
    assert mesh.get_clim() == (0, 1)
    low, high = plane().axes[0].collections[0].get_clim()
    assert low == -high


def test_bars_of_a_box_show_its_limits_within_the_span():
    _, right, _ = box().axes
    blue = [bar for bar in right.patches if bar.get_facecolor()[2] > 0.6 and bar.get_facecolor()[0] < 0.2]
    assert [bar.get_x() for bar in blue] == pytest.approx([0.2, 0.0])
    assert [bar.get_width() for bar in blue] == pytest.approx([0.8, 1 / 3])
