"""Metrics of runs whose answer is known by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest

from sdtheory.experiments.compare import compare
from sdtheory.experiments.metric import Level, Metric
from sdtheory.model.expression import Binary, Name, Number

TIMES = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
RISING = np.array([[0.0, 1.0, 2.0, 3.0, 4.0]])
HUMP = np.array([[0.0, 2.0, 4.0, 2.0, 0.0]])


def _value(own, how, level=None, **more):
    return Metric("m", Name("x"), how, **more).values(TIMES, {"x": own}, level)[0]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("final", 0.0),
        ("mean", 2.0),
        ("maximum", 4.0),
        ("minimum", 0.0),
        ("range", 4.0),
        ("time_of_maximum", 2.0),
        ("integral", 8.0),
    ],
)
def test_statistics_of_a_hump(how, expected):
    assert _value(HUMP, how) == pytest.approx(expected)


def test_a_value_between_saved_times_is_interpolated():
    assert _value(HUMP, "at", at=1.5) == 3.0


def test_a_value_after_the_run_does_not_exist():
    assert math.isnan(_value(HUMP, "at", at=5.0))


@pytest.mark.parametrize(("level", "expected"), [(2.5, 2.5), (0.0, 0.0), (4.0, 4.0)])
def test_a_rising_line_crosses_a_level_when_it_equals_it(level, expected):
    assert _value(RISING, "first_crossing", level, direction="above") == pytest.approx(expected)


def test_a_level_never_reached_has_no_time():
    assert math.isnan(_value(RISING, "first_crossing", 9.0, direction="above"))


def test_a_falling_line_crosses_from_above():
    assert _value(4.0 - RISING, "first_crossing", 1.5, direction="below") == pytest.approx(2.5)


def test_time_beyond_a_level_counts_both_crossings():
    assert _value(HUMP, "time_above", 1.0) == pytest.approx(3.0)
    assert _value(HUMP, "time_below", 1.0) == pytest.approx(1.0)


def test_a_window_may_begin_and_end_between_saved_times():
    assert _value(RISING, "mean", between=(0.5, 3.5)) == pytest.approx(2.0)
    assert _value(RISING, "integral", between=(0.5, 1.5)) == pytest.approx(1.0)


def test_a_value_at_the_moment_another_variable_reaches_its_level():
    metric = Metric("m", Name("x"), "when", trigger="y", level=Level(1.5))
    series = {"x": np.vstack([HUMP, HUMP]), "y": np.vstack([RISING, RISING])}
    assert metric.values(TIMES, series, np.array([1.5, 9.0])) == pytest.approx([3.0, math.nan], nan_ok=True)
    assert metric.variables() == ["x", "y"]


def test_a_formula_is_measured_at_every_time():
    metric = Metric("m", Binary("*", Name("x"), Binary("+", Name("time"), Number(1.0))), "final")
    assert metric.values(TIMES, {"x": RISING}) == 20.0
    assert metric.variables() == ["x"]


def test_discounting_makes_later_values_count_less():
    fine = np.linspace(0.0, 4.0, 4001)
    metric = Metric("m", Name("x"), "integral", discount_rate=0.5)
    expected = (1 - math.exp(-2.0)) / 0.5
    assert metric.values(fine, {"x": np.ones((1, 4001))})[0] == pytest.approx(expected, rel=1e-6)


def test_times_beyond_a_level_are_counted_within_a_window():
    assert _value(HUMP, "time_above", 1.0, between=(1.0, 4.0)) == pytest.approx(2.5)
    assert _value(HUMP, "time_below", 1.0, between=(3.0, 4.0)) == pytest.approx(0.5)


def test_an_expression_may_be_made_of_expressions_in_any_order(filling, faster):
    twice = Metric("twice", None, "expression", expression=Binary("*", Name("more"), Number(2.0)))
    more = Metric("more", None, "expression", expression=Binary("+", Name("end"), Number(1.0)))
    comparison = compare(filling, replace(faster, metrics=(twice, more, *faster.metrics)), runs=4)
    np.testing.assert_allclose(comparison.values["twice"], 2 * (comparison.values["end"] + 1))
    assert list(comparison.values) == ["twice", "more", "end"]


@pytest.mark.parametrize(
    ("censored", "better", "worse", "counted", "difference"),
    [("exclude", 0.0, 0.0, 0, 0), ("worst", 1.0, 0.0, 4, 0), ("at_stop", 1.0, 0.0, 4, 4)],
)
def test_a_level_never_reached_counts_as_the_metric_says(
    filling, faster, censored, better, worse, counted, difference
):
    time = Metric(
        "time", Name("level"), "first_crossing", level=Level(6.0), direction="above", better="lower",
        censored=censored,
    )  # fmt: skip
    comparison = compare(filling, replace(faster, metrics=(time,), uncertainties=()), runs=4)
    row = comparison.differences().iloc[0]
    assert np.isnan(comparison.values["time"][0]).all() == (censored != "at_stop")
    assert row["counted"] == counted
    found, verdict = comparison.paired("faster", "time")
    assert np.isfinite(found).sum() == difference
    assert (verdict[np.isfinite(verdict)] == 1.0).all()
    if counted:
        assert (row["probability_better"], row["probability_worse"]) == (better, worse)


def test_the_share_of_futures_that_satisfy_is_told(filling, faster):
    end = replace(faster.metrics[0], satisfied=("above", 8.0))
    table = compare(filling, replace(faster, metrics=(end,)), runs=64).table()
    shares = table.set_index("policy")["satisfied"]
    assert shares["faster"] == 1.0
    assert shares["baseline"] == pytest.approx(0.5, abs=0.05)


def test_a_level_may_be_that_of_another_policy(filling, faster):
    level = Level(None, "faster", "level", 2.0)
    time = Metric("time", Name("level"), "first_crossing", level=level, direction="above", better="lower")
    comparison = compare(filling, replace(faster, metrics=(time,)), runs=8)
    np.testing.assert_allclose(comparison.values["time"][1], 2.0)
    pace = comparison.samples["pace"].to_numpy()
    np.testing.assert_allclose(comparison.values["time"][0], np.where(5.0 / pace <= 4.0, 5.0 / pace, np.nan))
