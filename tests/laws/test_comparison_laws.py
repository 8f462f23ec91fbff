"""Laws of comparisons: what holds for any policy, metric and sample."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import sdtheory as sd
from sdtheory.experiments.comparison import Comparison, wilson
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.metric import Metric
from sdtheory.experiments.policy import Policy
from sdtheory.experiments.uncertainty import METHODS, Uncertainty, correlate, draw, unit_points
from sdtheory.model.expression import Name

MARGINALS = [
    (Uncertainty("x", "uniform", {"low": -1.0, "high": 3.0}), stats.uniform(-1, 4)),
    (Uncertainty("x", "loguniform", {"low": 0.1, "high": 10.0}), stats.loguniform(0.1, 10)),
    (Uncertainty("x", "normal", {"mean": 2.0, "sd": 0.5}), stats.norm(2, 0.5)),
    (
        Uncertainty("x", "truncated_normal", {"mean": 0.0, "sd": 1.0, "low": 0.0, "high": 2.0}),
        stats.truncnorm(0, 2),
    ),
    (Uncertainty("x", "lognormal", {"median": 3.0, "sigma": 0.4}), stats.lognorm(0.4, scale=3)),
    (Uncertainty("x", "triangular", {"low": 0.0, "mode": 1.0, "high": 4.0}), stats.triang(0.25, 0, 4)),
    (Uncertainty("x", "beta", {"a": 2.0, "b": 5.0, "low": 1.0, "high": 3.0}), stats.beta(2, 5, 1, 2)),
]


class _Set(dict):
    """Settings that can stand in a cached call."""

    def __hash__(self):
        return hash(tuple(self.items()))


@cache
def _model():
    return sd.load("models/m0_seed.xmile")


@cache
def _compared(extra=(), runs=16, seed=1):
    experiment = sd.Experiment.read("models/m0_seed.toml")
    experiment = replace(experiment, policies=(*experiment.policies[:2], *extra))
    return sd.compare(_model(), experiment, runs=runs, seed=seed)


def _made(values, better="lower", censored="exclude", tie=1e-6):
    """A comparison of given numbers, shape (policies, runs)."""
    names = ("baseline", *(f"policy {place}" for place in range(1, len(values))))
    metric = Metric("gap", Name("gap"), better=better, censored=censored, tie=tie)
    experiment = Experiment(policies=tuple(Policy(name) for name in names[1:]), metrics=(metric,))
    status = np.full(values.shape, "ok")
    return Comparison(
        experiment, names, {"gap": values}, status, pd.DataFrame(index=range(values.shape[1])), 1
    )


tables = st.tuples(st.integers(2, 4), st.integers(1, 12)).flatmap(
    lambda shape: st.lists(
        st.lists(st.floats(-1e3, 1e3), min_size=shape[1], max_size=shape[1]),
        min_size=shape[0],
        max_size=shape[0],
    ).map(np.array)
)
directions = st.sampled_from(["lower", "higher"])


def test_a_policy_that_changes_nothing_differs_by_exactly_zero():
    comparison = _compared((Policy("nothing", set=_Set()),))
    for metric in comparison.metrics:
        difference, verdict = comparison.paired("nothing", metric.name)
        valid = np.isfinite(difference)
        assert valid.any()
        assert (difference[valid] == 0).all() and (verdict[valid] == 0).all()
    rows = comparison.differences().query("policy == 'nothing'")
    assert (rows[["mean_difference", "low", "high"]] == 0).all(axis=None)
    assert (rows["probability_tie"] == 1).all()


@settings(max_examples=60, deadline=None)
@given(tables, directions)
def test_exchanging_two_policies_turns_the_difference_round(values, better):
    comparison = _made(values, better, tie=0.0)
    forth, verdict = comparison.paired("policy 1", "gap")
    back, turned = comparison.paired("baseline", "gap", against="policy 1")
    assert (forth == -back).all()
    assert (verdict == -turned).all()


@settings(max_examples=60, deadline=None)
@given(tables, directions)
def test_regret_is_never_negative_and_some_policy_has_none_in_each_future(values, better):
    regrets = _made(values, better).regrets("gap")
    assert (regrets >= 0).all()
    assert (regrets == 0).any(axis=0).all()


@settings(max_examples=40, deadline=None)
@given(tables, directions, st.randoms(use_true_random=False))
def test_the_order_of_futures_does_not_matter(values, better, random):
    order = list(range(values.shape[1]))
    random.shuffle(order)
    one, other = _made(values, better), _made(values[:, order], better)
    columns = ["mean_difference", "median_difference", "probability_better", "probability_tie"]
    np.testing.assert_allclose(
        one.differences()[columns].to_numpy(), other.differences()[columns].to_numpy(), atol=1e-9
    )
    np.testing.assert_allclose(
        one.regret()[["mean", "maximum", "best"]].to_numpy(),
        other.regret()[["mean", "maximum", "best"]].to_numpy(),
        atol=1e-9,
    )


@settings(max_examples=40, deadline=None)
@given(tables, directions)
def test_better_worse_and_tie_share_out_all_futures(values, better):
    rows = _made(values, better).differences()
    total = rows[["probability_better", "probability_worse", "probability_tie"]].sum(axis=1)
    np.testing.assert_allclose(total, 1.0)
    assert (rows["better_low"] <= rows["probability_better"] + 1e-12).all()
    assert (rows["better_high"] >= rows["probability_better"] - 1e-12).all()


@given(st.integers(0, 1000), st.integers(1, 1000))
def test_wilsons_interval_holds_the_share(count, total):
    count = min(count, total)
    low, high = wilson(count, total)
    assert 0 <= low <= count / total + 1e-12 and count / total - 1e-12 <= high <= 1


def test_every_policy_meets_the_same_futures():
    alone = _compared()
    together = _compared((Policy("third", set=_Set({"search leverage": 1.0})),))
    assert alone.samples.equals(together.samples)
    for name, values in alone.values.items():
        np.testing.assert_array_equal(values, together.values[name][:3])


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_futures(tmp_path):
    first, second, other = _compared(), _compared.__wrapped__(), _compared(seed=2)
    for comparison, name in ((first, "first"), (second, "second")):
        comparison.save(tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert "result.json" in files
    for name in files:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()
    assert not first.samples.equals(other.samples)


def test_a_larger_sobol_sample_begins_with_the_smaller_one():
    small, large = _compared(runs=8), _compared(runs=16)
    assert small.samples.equals(large.samples.iloc[:8])
    for name, values in small.values.items():
        np.testing.assert_array_equal(values, large.values[name][:, :8])


@pytest.mark.parametrize("method", METHODS)
def test_points_lie_in_the_unit_cube(method):
    points = unit_points(method, 64, 5, 7)
    assert points.shape == (64, 5)
    assert ((points >= 0) & (points <= 1)).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("uncertainty", "expected"), MARGINALS, ids=[u.distribution for u, _ in MARGINALS])
def test_a_sample_follows_its_distribution(uncertainty, expected, method):
    drawn = draw([uncertainty], {}, method, 1024, 5)["x"]
    assert stats.kstest(drawn, expected.cdf).pvalue > 1e-3


@given(st.floats(-0.95, 0.95))
@settings(max_examples=20, deadline=None)
def test_correlation_keeps_the_marginals_and_gives_the_rank_correlation(rho):
    unit = correlate(unit_points("sobol", 1024, 2, 3), ["x", "y"], [("x", "y", rho)])
    assert abs(stats.spearmanr(unit).statistic - rho) < 0.05
    for column in unit.T:
        assert stats.kstest(column, "uniform").pvalue > 1e-3
