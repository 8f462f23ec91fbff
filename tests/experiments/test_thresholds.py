"""Threshold maps and crossovers against models whose zero lines are known."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sdtheory as sd
from sdtheory.errors import ExperimentError, SDWarning, UnknownName, UsageError
from sdtheory.experiments.crossovers import _crossings, crossovers
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.metric import Metric
from sdtheory.experiments.policy import Amount, Policy, Step
from sdtheory.experiments.thresholds import threshold_map
from sdtheory.experiments.uncertainty import Uncertainty
from sdtheory.model.expression import Binary, Name, Number
from sdtheory.study.criteria import finite_horizon, long_run_new_money

ON = Policy("on", set={"switch": 1.0})
SQUARE = {"x": ("x", -1.0, 2.0), "y": ("y", 0.0, 1.0)}


def experiment_of(metric, *policies, **more):
    return Experiment(metrics=(metric,), policies=policies or (ON,), **more)


def plane(closed_form, formula, **more):
    return closed_form({"x": 0.0, "y": 0.0, "switch": 0.0, **more}, cost=f"10 + switch * ({formula})")


@given(st.floats(-3, 3), st.floats(0.2, 3), st.floats(-1, 1), st.integers(5, 15))
@settings(max_examples=20, deadline=None)
def test_the_border_of_a_linear_model_is_its_zero_line(closed_form, final, a, b, c, cells):
    model = plane(closed_form, f"({a:.6f}) * x + ({b:.6f}) * y + ({c:.6f})")
    found = threshold_map(model, experiment_of(final("cost")), cells=cells, **SQUARE)
    x, y, along = (found.contour[name].to_numpy() for name in ("x", "y", "along"))
    a, b, c = (round(value, 6) for value in (a, b, c))
    on_x, on_y = along == "x", along == "y"
    assert np.abs(y[on_y] + (a * x[on_y] + c) / b) == pytest.approx(0, abs=1e-3 * 1)
    if on_x.any():
        assert np.abs(x[on_x] + (b * y[on_x] + c) / a) == pytest.approx(0, abs=1e-3 * 3)
    # every change of sign between neighbours has its point, and no other place has one
    above = found.differences > 0
    assert on_x.sum() == (above[:, 1:] != above[:, :-1]).sum()
    assert on_y.sum() == (above[1:] != above[:-1]).sum()


def test_a_zero_line_through_grid_points_is_found_once(closed_form, final):
    model = plane(closed_form, "x")
    found = threshold_map(model, experiment_of(final("cost")), cells=7, **SQUARE)
    assert 0.0 in found.xs
    assert len(found.contour) == 7
    assert found.contour["x"].to_numpy() == pytest.approx(0, abs=3e-3)


def test_several_borders_in_a_row_are_all_found(closed_form, final):
    model = plane(closed_form, "SIN(3 * x + y)")
    found = threshold_map(model, experiment_of(final("cost")), cells=41, **SQUARE)
    row = found.contour[(found.contour["along"] == "x") & (found.contour["y"] == 0.0)]
    expected = np.arange(0, 2) * np.pi / 3
    assert sorted(row["x"]) == pytest.approx([*expected], abs=3e-3)


def test_m0_agrees_with_the_criterion_of_its_horizon():
    model = sd.load("models/m0_seed.xmile")
    experiment = sd.Experiment.read("models/m0_seed.toml")
    axes = {"x": ("search leverage", 0.2, 8), "y": ("initial understood share", 0.05, 0.8)}
    run = sd.simulate(model, outputs=["capability"])["capability"]
    overlay = {
        "criterion 3": lambda kappa, share: finite_horizon(kappa, share, run[12.0] / run[2.0]),
        "criterion 1": long_run_new_money,
    }
    for boost, least in ((0.002, 0.99), (0.5, 0.96)):
        policy = Policy("boost", set={"theorist boost": boost})
        found = threshold_map(
            model, experiment, metric="gap after 10 years", policy=policy, overlay=overlay, **axes
        )
        assert found.differences.shape == (41, 41)
        assert found.agreement()["criterion 3"] >= least
        assert found.agreement()["criterion 1"] < 0.6, "the long-run rule misleads at this horizon"


def test_cells_without_a_value_are_counted_hatched_and_crossed_by_no_border(closed_form, final):
    """Below y = 0.5 the difference does not exist; above, it changes sign at x = 0.5."""
    model = plane(closed_form, "(x - 0.5) * SQRT(y - 0.5)")
    found = threshold_map(model, experiment_of(final("cost")), cells=11, **SQUARE)
    lost = ~np.isfinite(found.differences)
    assert found.missing == lost.sum() == 11 * 5
    assert (found.contour["y"] >= 0.5).all()
    assert (found.segments[..., 1] >= 0.5).all()
    assert any("no value" in text.get_text() for text in found.plot().axes[0].get_legend().get_texts())
    assert "55 cells without a value" in found.plot().axes[0].get_title()


def test_with_a_sample_the_map_shows_the_share_of_futures_that_are_worse(closed_form, final):
    """Worse where x > noise, and the noise is uniform: the share worse is x itself."""
    model = plane(closed_form, "x - noise", noise=0.0)
    noise = Uncertainty("noise", "uniform", {"low": 0.0, "high": 1.0})
    experiment = experiment_of(final("cost"), uncertainties=(noise,))
    found = threshold_map(model, experiment, x=("x", 0, 1), y=("y", 0, 1), cells=6, runs=256)
    assert found.worse == pytest.approx(np.tile(np.linspace(0, 1, 6), (6, 1)), abs=0.01)
    assert found.differences == pytest.approx(np.tile(np.linspace(-0.5, 0.5, 6), (6, 1)), abs=0.01)
    assert found.contour["x"].to_numpy() == pytest.approx(0.5, abs=0.01)
    assert found.futures == 256


def test_fixed_values_free_axes_and_derived_quantities_meet(closed_form, final):
    """x is derived from a free quantity; y and z are given."""
    model = plane(closed_form, "x - z", z=0.0)
    tilt = Uncertainty("tilt", "uniform", {"low": 0.0, "high": 1.0}, free=True)
    derived = {"x": Binary("*", Number(2.0), Name("tilt"))}
    experiment = experiment_of(final("cost"), uncertainties=(tilt,), derived=derived)
    found = threshold_map(model, experiment, x=("tilt", 0, 1), y=("y", 0, 1), fixed={"z": 0.5}, cells=5)
    assert found.contour["x"].to_numpy() == pytest.approx(0.25, abs=1e-3)


def test_metric_and_policy_may_be_values(closed_form, final):
    model = plane(closed_form, "x - y")
    by_name, by_value = (
        threshold_map(model, experiment_of(final("cost")), policy="on", cells=5, **SQUARE),
        threshold_map(model, metric=final("cost"), policy=ON, cells=5, **SQUARE),
    )
    assert by_name.to_dict() == by_value.to_dict()


def test_in_a_saddle_no_two_pieces_of_the_border_cross(closed_form, final):
    """The zero line of a product is a cross; one cell holds its middle."""
    model = plane(closed_form, "(x - 0.4) * (y - 0.45)")
    found = threshold_map(model, experiment_of(final("cost")), cells=4, **SQUARE)
    assert len(found.contour) == 2 * 4
    middle = [piece for piece in found.segments if (np.abs(piece - [0.4, 0.45]) < [0.61, 0.3]).all()]
    assert len(middle) == 2
    ends = np.concatenate(middle)
    assert len(np.unique(ends.round(9), axis=0)) == 4


def test_higher_may_be_better(closed_form, final):
    model = plane(closed_form, "x - 0.4")
    lower, higher = (
        threshold_map(model, experiment_of(final("cost", better)), cells=5, runs=4, **SQUARE).worse
        for better in ("lower", "higher")
    )
    assert (lower + higher == 1).all()


@pytest.mark.parametrize(
    ("error", "message", "arguments"),
    [
        (UnknownName, "did you mean 'switch'", {"x": ("swich", 0, 1)}),
        (ExperimentError, "is computed", {"x": ("cost", 0, 1)}),
        (ExperimentError, "is not below high", {"x": ("x", 1, 1)}),
        (ExperimentError, "policy 'on' sets 'switch'", {"x": ("switch", 0, 1)}),
        (UsageError, "both axes are 'x'", {"y": ("X", 0, 1)}),
        (UsageError, "give 2 to", {"cells": 1}),
        (UsageError, "1001 x 1001 cells: 16032016 runs", {"cells": 1001, "runs": 16}),
        (UsageError, "-1 runs", {"runs": -1}),
        (UnknownName, "metric", {"metric": "price"}),
        (UnknownName, "variable", {"fixed": {"z": 1.0}}),
    ],
)
def test_what_was_asked_wrongly_is_said(closed_form, final, error, message, arguments):
    model = plane(closed_form, "x")
    with pytest.raises(error, match=message):
        threshold_map(model, experiment_of(final("cost")), **{**SQUARE, **arguments})


def test_a_map_is_strict_json_and_a_table_of_cells(closed_form, final):
    found = threshold_map(plane(closed_form, "x - y"), experiment_of(final("cost")), cells=4, **SQUARE)
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert np.array(document["differences"]) == pytest.approx(found.differences)
    table = found.table()
    assert len(table) == 16
    assert table["difference"].to_numpy() == pytest.approx(table["x"] - table["y"])


# crossovers


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=12))
@settings(max_examples=200, deadline=None)
def test_a_crossing_lies_between_neighbours_of_opposite_sign(values):
    gain = np.array([values])
    times = np.arange(len(values), dtype=float)
    (first,), (turn,), (count,) = _crossings(times, gain, np.zeros_like(gain))
    signs = np.sign(gain[0][gain[0] != 0])
    assert count == (signs[1:] != signs[:-1]).sum()
    if count:
        assert np.interp(first, times, gain[0]) == pytest.approx(0, abs=1e-9) or 0 in gain[0]
        assert turn == signs[0]
    else:
        assert np.isnan(first) and turn == 0


@pytest.mark.parametrize(
    ("leverage", "share", "capability", "crossing"),
    [(3.0, 0.2, 20.0, 23.5), (5.0, 0.1, 10.0, 7.125), (1.5, 0.2, 20.0, None)],
)
def test_more_theorists_narrow_the_gap_before_they_widen_it(leverage, share, capability, crossing):
    setting = {
        "search leverage": leverage, "initial understood share": share, "initial capability": capability
    }  # fmt: skip
    experiment = Experiment(
        baseline=Policy("baseline", set=setting),
        policies=(Policy("boost", set={**setting, "theorist boost": 0.5}),),
        metrics=(Metric("gap", Name("understanding gap"), better="lower"),),
        simulation={"stop": 60.0},
    )
    found = crossovers(sd.compare(sd.load("models/m0_seed.xmile"), experiment, runs=1), "gap")
    if crossing is None:
        assert found.never == 1
    else:
        saved_every = 0.125
        assert np.ceil(found.first / saved_every) * saved_every == pytest.approx([crossing])
        assert found.turn.tolist() == [1]
        assert found.table().set_index("turn")["share"].to_dict() == {
            "better, then worse": 1.0, "worse, then better": 0.0, "never": 0.0
        }  # fmt: skip


def test_futures_with_runs_that_are_not_ok_are_left_out(closed_form, final):
    model = closed_form({"a": 1.0, "boost": 0.0}, y="SQRT(a) + boost * (TIME - 0.5)")
    a = Uncertainty("a", "uniform", {"low": -1.0, "high": 1.0})
    experiment = experiment_of(final("y"), Policy("boost", set={"boost": 1.0}), uncertainties=(a,))
    with pytest.warns(SDWarning, match="16 diverged"):
        comparison = sd.compare(model, experiment, runs=16)
    found = crossovers(comparison, "y")
    assert (found.left_out, len(found.first)) == (8, 8)
    assert found.first == pytest.approx(0.5)
    assert json.dumps(found.to_dict(), allow_nan=False)


def test_a_tie_is_no_crossing(closed_form, final):
    """The policy begins late: until then both are the same, which is neither better nor worse."""
    model = closed_form({"boost": 0.0}, y="1 + boost")
    late = Policy("late", changes=(Step("boost", Amount("to", 1.0), 1.0),))
    found = crossovers(sd.compare(model, experiment_of(final("y"), late), runs=2), "y")
    assert found.never == 1
