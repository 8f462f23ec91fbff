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
from sdtheory.experiments.statistics import bootstrap_intervals
from sdtheory.experiments.uncertainty import Uncertainty, correlate, draw, unit_points
from sdtheory.model.expression import Name

RANDOM = ("sobol", "latin_hypercube", "random")
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


holes = st.tuples(tables, st.randoms(use_true_random=False)).map(lambda pair: _with_holes(*pair))


def _with_holes(values, random):
    """Some values censored."""
    values = values.copy()
    for place in np.ndindex(values.shape):
        if random.random() < 0.2:
            values[place] = np.nan
    return values


@settings(max_examples=40, deadline=None)
@given(holes, directions, st.sampled_from(["exclude", "worst"]))
def test_every_cell_carries_how_many_futures_it_rests_on_and_why_others_are_missing(values, better, censored):
    comparison = _made(values, better, censored)
    for row in comparison.differences("all").to_dict("records"):
        assert row["valid"] + row["missing_censored"] + row["missing_not_ok"] == comparison.runs
        assert row["better"] + row["worse"] + row["tie"] == row["counted"]
        assert row["counted"] == (comparison.runs if censored == "worst" else row["valid"])
        assert np.isfinite(row["mean_difference"]) == (row["valid"] > 0)
    for row in comparison.table().to_dict("records"):
        assert row["valid"] + row["censored"] == comparison.runs
    for row in comparison.regret().to_dict("records"):
        assert row["valid"] + row["missing"] == comparison.runs


@settings(max_examples=40, deadline=None)
@given(holes, directions)
def test_means_are_over_the_valid_futures_alone(values, better):
    comparison = _made(values, better)
    for place, row in enumerate(comparison.table().to_dict("records")):
        valid = values[place][np.isfinite(values[place])]
        assert row["mean"] == pytest.approx(valid.mean() if len(valid) else np.nan, nan_ok=True)


@settings(max_examples=40, deadline=None)
@given(holes, directions, st.sampled_from(["exclude", "worst"]))
def test_exchanging_two_policies_swaps_better_and_worse(values, better, censored):
    rows = _made(values, better, censored, tie=0.0).differences("all").set_index(["policy", "against"])
    for (one, other), row in rows.iterrows():
        back = rows.loc[(other, one)]
        assert (row["better"], row["worse"], row["tie"]) == (back["worse"], back["better"], back["tie"])
        if row["valid"]:
            assert row["mean_difference"] == -back["mean_difference"]
            assert row["low"] == pytest.approx(-back["high"], rel=1e-9, abs=1e-9, nan_ok=True)


@settings(max_examples=40, deadline=None)
@given(holes, directions)
def test_a_level_that_only_one_reaches_makes_that_one_better_when_never_is_worst(values, better):
    comparison = _made(values, better, "worst")
    _, verdict = comparison.paired("policy 1", "gap")
    never = np.isnan(values)
    assert (verdict[~never[1] & never[0]] == 1).all()
    assert (verdict[never[1] & ~never[0]] == -1).all()
    assert (verdict[never[1] & never[0]] == 0).all()


@settings(max_examples=40, deadline=None)
@given(tables, directions)
def test_some_policy_is_beaten_by_none(values, better):
    rows = _made(values, better).undominated()
    for criterion in ("mean", "maximum regret"):
        assert rows[rows["criterion"] == criterion]["undominated"].any()
    assert (rows["undominated"] == (rows["dominated_by"] == "")).all()


@settings(max_examples=40, deadline=None)
@given(tables, directions)
def test_the_best_worst_case_is_no_worse_than_any(values, better):
    rows = _made(values, better).maximin()
    worst = values.max(axis=1) if better == "lower" else values.min(axis=1)
    assert list(rows["worst"]) == list(worst)
    best = worst.min() if better == "lower" else worst.max()
    assert (rows["best_of_worst"] == (rows["worst"] == best)).all()


@settings(max_examples=40, deadline=None)
@given(tables, directions, st.integers(1, 4))
def test_ranges_of_an_assumption_share_out_all_futures(values, better, bins):
    comparison = _made(values, better)
    sampled = pd.DataFrame({"lead": np.linspace(0, 1, comparison.runs)})
    comparison = replace(comparison, samples=sampled)
    rows = comparison.by("lead", bins)
    for _, own in rows.groupby("policy"):
        assert own["futures"].sum() == comparison.runs
        whole = comparison.differences().set_index("policy").loc[own["policy"].iloc[0]]
        assert own["better"].sum() == whole["better"]
        assert (own["mean_difference"] * own["valid"]).sum() / own["valid"].sum() == pytest.approx(
            whole["mean_difference"], rel=1e-9, abs=1e-9
        )


@settings(max_examples=20, deadline=None)
@given(holes, st.integers(0, 5), st.integers(1, 100))
def test_an_interval_does_not_depend_on_how_many_futures_are_drawn_at_a_time(values, seed, draws):
    columns = values.T
    one = bootstrap_intervals(columns, seed, resamples=50)
    other = bootstrap_intervals(columns, seed, resamples=50, draws=draws)
    for have, want in zip(one, other, strict=True):
        np.testing.assert_array_equal(have, want)


@settings(max_examples=20, deadline=None)
@given(holes, st.integers(0, 5))
def test_an_interval_does_not_depend_on_the_columns_beside_it(values, seed):
    columns = values.T
    together = bootstrap_intervals(columns, seed, resamples=50)
    for place in range(columns.shape[1]):
        alone = bootstrap_intervals(columns[:, [place]], seed, resamples=50)
        assert np.array_equal([one[place] for one in together], [one[0] for one in alone], equal_nan=True)


def test_an_interval_is_that_of_plain_resampling():
    values = np.random.default_rng(3).exponential(size=(200, 1))
    low, high = bootstrap_intervals(values, 1)
    drawn = np.random.default_rng(8).integers(200, size=(20_000, 200))
    plain = np.quantile(values[:, 0][drawn].mean(axis=1), [0.025, 0.975])
    assert [low[0], high[0]] == pytest.approx(plain, abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("differences", ["normal", "skewed"])
def test_an_interval_holds_the_true_mean_in_95_of_100_repetitions(differences):
    generator = np.random.default_rng(11)
    hits = 0
    for repetition in range(1000):
        if differences == "normal":
            sample = generator.normal(0.3, 1.0, size=(200, 1)) - 0.3
        else:
            sample = generator.exponential(1.0, size=(200, 1)) - 1.0
        low, high = bootstrap_intervals(sample, repetition)
        hits += bool(low[0] <= 0 <= high[0])
    assert 930 <= hits <= 970


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


@pytest.mark.parametrize("method", RANDOM)
def test_points_lie_in_the_unit_cube(method):
    points = unit_points(method, 64, 5, 7)
    assert points.shape == (64, 5)
    assert ((points >= 0) & (points <= 1)).all()


@pytest.mark.parametrize("method", RANDOM)
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


def test_one_future_has_a_mean_and_no_interval():
    low, high = bootstrap_intervals(np.array([[1.0, 2.0], [np.nan, 3.0]]), seed=1)
    assert np.isnan([low[0], high[0]]).all() and low[1] == 2.0 and high[1] == 3.0
