"""Distributions, and samples of futures."""

import re
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from sdtheory.errors import ExperimentError, SDWarning
from sdtheory.experiments.columns import read_columns
from sdtheory.experiments.compare import compare
from sdtheory.experiments.uncertainty import Uncertainty, correlate, draw, unit_points


def _at(kind, unit, **parameters):
    return Uncertainty("x", kind, parameters).values(np.array([[unit]]))[0, 0]


@pytest.mark.parametrize(
    ("kind", "parameters", "median"),
    [
        ("uniform", {"low": 1.0, "high": 3.0}, 2.0),
        ("loguniform", {"low": 0.1, "high": 10.0}, 1.0),
        ("normal", {"mean": 4.0, "sd": 2.0}, 4.0),
        ("truncated_normal", {"mean": 4.0, "sd": 2.0, "low": 3.0, "high": 5.0}, 4.0),
        ("lognormal", {"median": 3.0, "sigma": 0.7}, 3.0),
        ("lognormal", {"median": 3.0, "p95": 9.0}, 3.0),
        ("triangular", {"low": 0.0, "mode": 1.0, "high": 2.0}, 1.0),
        ("beta", {"a": 2.0, "b": 2.0, "low": 1.0, "high": 3.0}, 2.0),
        ("constant", {"value": 7.0}, 7.0),
    ],
)
def test_the_middle_of_the_unit_interval_is_the_median(kind, parameters, median):
    assert _at(kind, 0.5, **parameters) == pytest.approx(median)


def test_a_lognormal_reaches_its_95th_percentile():
    assert _at("lognormal", 0.95, median=3.0, p95=9.0) == pytest.approx(9.0)


def test_a_lognormal_by_mean_and_sd_has_them():
    units = unit_points("sobol", 4096, 1, 1)
    drawn = Uncertainty("x", "lognormal", {"mean": 5.0, "sd": 2.0}).values(units)
    assert drawn.mean() == pytest.approx(5.0, rel=0.01)
    assert drawn.std() == pytest.approx(2.0, rel=0.05)


def test_discrete_values_come_as_often_as_their_weights_say():
    uncertainty = Uncertainty("x", "discrete", {"values": [1.0, 2.0, 5.0], "weights": [1, 2, 1]})
    drawn = draw([uncertainty], {}, "sobol", 1024, 1)["x"]
    assert [np.mean(drawn == value) for value in (1.0, 2.0, 5.0)] == pytest.approx(
        [0.25, 0.5, 0.25], abs=0.01
    )


def test_shares_of_a_dirichlet_add_up_to_the_total():
    uncertainty = Uncertainty("mix", "dirichlet", {"concentration": [1.0, 2.0, 3.0], "total": 2.0})
    sample = draw([uncertainty], {"mix": ["mix[a]", "mix[b]", "mix[c]"]}, "sobol", 512, 1)
    shares = np.stack(list(sample.values()))
    assert list(sample) == ["mix[a]", "mix[b]", "mix[c]"]
    assert shares.sum(axis=0) == pytest.approx(2.0)
    assert shares.mean(axis=1) == pytest.approx([1 / 3, 2 / 3, 1.0], abs=0.02)


def test_values_beyond_the_limits_are_clipped():
    uncertainty = Uncertainty("x", "normal", {"mean": 0.0, "sd": 1.0}, minimum=-0.5, maximum=0.5)
    with pytest.warns(SDWarning, match="158 of 256 values of 'x' lie beyond"):
        drawn = draw([uncertainty], {}, "sobol", 256, 1)["x"]
    assert (drawn.min(), drawn.max()) == (-0.5, 0.5)


@pytest.mark.parametrize(
    ("kind", "parameters", "message"),
    [
        ("uniform", {"low": 2.0, "high": 1.0}, "not below"),
        ("uniform", {"low": 2.0}, "needs high"),
        ("uniform", {"low": 0.0, "high": float("inf")}, "finite"),
        ("loguniform", {"low": 0.0, "high": 1.0}, "above 0"),
        ("normal", {"mean": 0.0, "sd": 0.0}, "sd must be above 0"),
        ("triangular", {"low": 0.0, "mode": 3.0, "high": 2.0}, "mode must lie"),
        ("beta", {"a": 0.0, "b": 1.0}, "above 0"),
        ("lognormal", {"median": 1.0}, "median and sigma"),
        ("discrete", {"values": [1.0], "weights": [1.0, 2.0]}, "as many weights"),
        ("dirichlet", {"concentration": [1.0]}, "two or more"),
    ],
)
def test_parameters_that_make_no_distribution_are_told(kind, parameters, message):
    fault = Uncertainty("x", kind, parameters).fault()
    assert fault is not None and message in fault and "'x'" in fault


def test_correlations_that_cannot_all_hold_are_brought_to_the_nearest_that_can():
    pairs = [("a", "b", 0.95), ("b", "c", 0.95), ("a", "c", -0.95)]
    with pytest.warns(SDWarning, match="cannot all hold"):
        unit = correlate(unit_points("sobol", 256, 3, 1), ["a", "b", "c"], pairs)
    assert ((unit > 0) & (unit < 1)).all()


def test_an_unbalanced_sobol_sample_is_told():
    with pytest.warns(SDWarning, match="powers of two"):
        unit_points("sobol", 100, 2, 1)


@pytest.mark.parametrize(("runs", "seed"), [(0, 1), (4, -1)])
def test_a_sample_without_runs_or_with_a_negative_seed_is_refused(runs, seed):
    with pytest.raises(ExperimentError):
        draw([Uncertainty("x", "uniform", {"low": 0.0, "high": 1.0})], {}, "random", runs, seed)


def test_observed_values_come_as_often_as_they_were_observed():
    observed = [1.0, 5.0, 1.0, 2.0]
    drawn = draw([Uncertainty("x", "empirical", {"values": observed})], {}, "sobol", 256, 1)["x"]
    shares = [np.mean(drawn == value) for value in (1.0, 2.0, 5.0)]
    assert shares == pytest.approx([0.5, 0.25, 0.25], abs=0.01)


@pytest.mark.parametrize(
    ("kind", "parameters", "frozen"),
    [
        ("uniform", {"low": 1.0, "high": 3.0}, stats.uniform(1, 2)),
        ("loguniform", {"low": 0.1, "high": 10.0}, stats.loguniform(0.1, 10)),
        ("normal", {"mean": 4.0, "sd": 2.0}, stats.norm(4, 2)),
        ("truncated_normal", {"mean": 4.0, "sd": 2.0, "low": 3.0}, stats.truncnorm(-0.5, np.inf, 4, 2)),
        ("lognormal", {"median": 3.0, "sigma": 0.7}, stats.lognorm(0.7, scale=3)),
        ("triangular", {"low": 0.0, "mode": 0.5, "high": 2.0}, stats.triang(0.25, 0, 2)),
        ("beta", {"a": 2.0, "b": 5.0, "low": 1.0, "high": 3.0}, stats.beta(2, 5, 1, 2)),
    ],
)
@pytest.mark.parametrize("method", ["sobol", "latin_hypercube", "random"])
def test_a_sample_is_of_its_distribution(method, kind, parameters, frozen):
    drawn = draw([Uncertainty("x", kind, parameters)], {}, method, 4096, 1)["x"]
    assert stats.kstest(drawn, frozen.cdf).pvalue > 0.01


@pytest.mark.parametrize("rho", [-0.8, 0.3, 0.95])
def test_correlations_are_those_asked_for(rho):
    two = [
        Uncertainty("a", "lognormal", {"median": 1.0, "sigma": 1.0}),
        Uncertainty("b", "uniform", {"low": 0.0, "high": 1.0}),
    ]
    drawn = draw(two, {}, "sobol", 4096, 1, [("a", "b", rho)])
    assert stats.spearmanr(drawn["a"], drawn["b"]).statistic == pytest.approx(rho, abs=0.03)


def test_a_grid_goes_from_end_to_end_through_every_combination():
    some = [
        Uncertainty("a", "uniform", {"low": 0.0, "high": 2.0}),
        Uncertainty("b", "discrete", {"values": [1.0, 7.0], "weights": [3.0, 1.0]}),
        Uncertainty("c", "constant", {"value": 5.0}),
    ]
    drawn = draw(some, {}, "grid", 6, 1, levels=3)
    assert drawn["a"].tolist() == [0.0, 0.0, 1.0, 1.0, 2.0, 2.0]
    assert drawn["b"].tolist() == [1.0, 7.0] * 3
    assert drawn["c"].tolist() == [5.0] * 6


def test_a_grid_of_a_distribution_without_ends_takes_the_middles_of_equally_likely_parts():
    drawn = draw([Uncertainty("a", "normal", {"mean": 0.0, "sd": 1.0})], {}, "grid", 4, 1, levels=4)["a"]
    assert stats.norm.cdf(drawn) == pytest.approx([0.125, 0.375, 0.625, 0.875])


def test_a_grid_of_another_size_than_asked_for_is_refused():
    with pytest.raises(ExperimentError, match="8 runs of a grid of 4 points"):
        draw([Uncertainty("a", "uniform", {"low": 0.0, "high": 1.0})], {}, "grid", 8, 1, levels=4)


def test_futures_of_a_file_are_taken_by_name():
    one = Uncertainty("search leverage", "uniform", {"low": 0.0, "high": 1.0})
    columns = {"Search_Leverage": (0.5, 0.25), "other": (1.0, 2.0)}
    with pytest.warns(SDWarning, match="no uncertainty is named 'other'"):
        assert draw([one], {}, "file", 2, 1, columns=columns)["search leverage"].tolist() == [0.5, 0.25]
    with pytest.raises(ExperimentError, match="no column 'search leverage'"):
        draw([one], {}, "file", 2, 1, columns={"b": (1.0, 2.0)})
    with pytest.raises(ExperimentError, match="3 runs, but the file of futures has 2 rows"):
        draw([one], {}, "file", 3, 1, columns={"search leverage": (0.5, 0.25)})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n", "a row of names and rows of numbers"),
        ("a,a\n1,2\n", "the column 'a' is there twice"),
        ("a,b\n1\n", "row 2 has 1 entries, not 2"),
        ("a,b\n1,x\n", "row 2, 'b': 'x' is no finite number"),
        ("a,b\n1,2\n3,nan\n", "row 3, 'b': 'nan' is no finite number"),
    ],
)
def test_a_file_that_is_no_table_of_numbers_says_where(tmp_path, text, message):
    path = tmp_path / "futures.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ExperimentError, match=re.escape(message)):
        read_columns(path)


def test_the_initial_value_of_a_stock_is_sampled(filling, faster):
    stock = Uncertainty("level", "uniform", {"low": 0.0, "high": 2.0}, initial=True)
    comparison = compare(filling, replace(faster, uncertainties=(stock,)), runs=8)
    ends = comparison.values["end"][0]
    np.testing.assert_allclose(ends, comparison.samples["level"] + 4.0)
