"""Sensitivity of models whose indices are known."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sdtheory as sd
from sdtheory.errors import ExperimentError, SDWarning, UnknownName, UsageError
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.formula import read_formula
from sdtheory.experiments.policy import Policy
from sdtheory.experiments.sensitivity import rank_correlations, runs_needed, sensitivity
from sdtheory.experiments.uncertainty import Uncertainty
from sdtheory.model.expression import Number
from sdtheory.model.model import Auxiliary, Constant, Dimension, Equation, Model, SimulationSettings

PI = float(np.pi)
needs_salib = pytest.mark.usefixtures("salib")


@pytest.fixture(scope="module")
def salib():
    return pytest.importorskip("SALib", reason="SALib is not installed (extra: analysis)")


def uniform(name, low=0.0, high=1.0):
    return Uncertainty(name, "uniform", {"low": low, "high": high})


def experiment_of(metric, uncertainties, policies=(), **more):
    return Experiment(metrics=(metric,), uncertainties=tuple(uncertainties), policies=policies, **more)


def column(found, name):
    return found.indices.set_index("parameter")[name]


@pytest.fixture(scope="module")
def ishigami(closed_form, final):
    model = closed_form({"a": 0.0, "b": 0.0, "c": 0.0}, y="SIN(a) + 7 * SIN(b)^2 + 0.1 * c^4 * SIN(a)")
    return model, experiment_of(final("y"), [uniform(name, -PI, PI) for name in "abc"])


@needs_salib
def test_variance_shares_of_the_ishigami_function(ishigami):
    found = sensitivity(*ishigami, method="sobol", runs=8192, seed=2)  # 19 of 20 seeds are as near
    assert column(found, "S1").to_numpy() == pytest.approx([0.3139, 0.4424, 0.0], abs=0.01)
    assert column(found, "ST").to_numpy() == pytest.approx([0.5576, 0.4424, 0.2437], abs=0.01)
    assert found.runs == runs_needed("sobol", 3, 8192) == 5 * 8192


@needs_salib
def test_variance_shares_of_sobols_g_function(closed_form, final):
    weights = np.array([0.0, 1.0, 4.5, 99.0])
    factors = [f"(ABS(4 * {name} - 2) + {a}) / {1 + a}" for name, a in zip("abcd", weights, strict=True)]
    model = closed_form(dict.fromkeys("abcd", 0.0), y=" * ".join(factors))
    found = sensitivity(model, experiment_of(final("y"), map(uniform, "abcd")), runs=4096)
    parts = 1 / (3 * (1 + weights) ** 2)
    total = np.prod(1 + parts) - 1
    assert column(found, "S1").to_numpy() == pytest.approx(parts / total, abs=0.01)
    others = np.array([np.prod(np.delete(1 + parts, i)) for i in range(4)])
    assert column(found, "ST").to_numpy() == pytest.approx(parts * others / total, abs=0.01)


@needs_salib
def test_a_metric_with_a_closed_form_agrees_within_three_times_the_reported_interval(final):
    """Capability at the end of M0 without leverage is C0 + 42 g: the variances of the two add up."""
    model = sd.load("models/m0_seed.xmile")
    spread = [uniform("initial capability", 4, 30), uniform("initial capability growth", 0.86, 2.4)]
    still = Policy("still", set={"search leverage": 0.0})
    experiment = experiment_of(final("capability"), spread, baseline=still)
    found = sensitivity(model, experiment, runs=512)
    variances = np.array([26.0**2, (42 * (2.4 - 0.86)) ** 2]) / 12
    shares = variances / variances.sum()
    for index in ("S1", "ST"):
        half = column(found, f"{index}_high") - column(found, index)
        assert (np.abs(column(found, index) - shares) <= 3 * half).all()


@needs_salib
def test_elementary_effects_of_a_linear_model_are_its_slopes_and_do_not_vary(closed_form, final):
    model = closed_form(dict.fromkeys("abcd", 0.0), y="1 * a - 3 * b + 2 * c + 0 * d")
    ranges = [uniform("a", 0, 2), uniform("b"), uniform("c", -2, 2), uniform("d")]
    found = sensitivity(model, experiment_of(final("y"), ranges), method="morris", runs=16)
    assert column(found, "mu_star").to_numpy() == pytest.approx([2, 3, 8, 0], abs=1e-9)
    assert column(found, "mu").to_numpy() == pytest.approx([2, -3, 8, 0], abs=1e-9)
    assert column(found, "sigma").to_numpy() == pytest.approx(0, abs=1e-9)
    assert list(found.table()["parameter"]) == ["c", "b", "a", "d"]


def test_partial_rank_correlation_sees_a_weak_driver_behind_a_strong_one(closed_form, final):
    model = closed_form({"a": 0.0, "b": 0.0, "c": 0.0}, y="EXP(3 * a) + 0.2 * b")
    experiment = experiment_of(final("y"), map(uniform, "abc"))
    found = sensitivity(model, experiment, method="rank", runs=512)
    rho, prcc = column(found, "rho"), column(found, "prcc")
    assert rho["a"] > 0.99
    assert prcc["b"] > 0.5 > rho["b"]
    assert found.indices.set_index("parameter").loc["c", "prcc_low"] < 0 < column(found, "prcc_high")["c"]


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_partial_rank_correlation_is_the_correlation_of_what_the_others_leave_unexplained(seed):
    from scipy.stats import rankdata, spearmanr

    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(60, 4)) @ rng.normal(size=(4, 4))
    rho, prcc = rank_correlations(columns)
    assert rho == pytest.approx(spearmanr(columns).statistic[:-1, -1])
    ranks = rankdata(columns, axis=0)
    for i in range(3):
        others = np.column_stack([np.ones(60), np.delete(ranks[:, :3], i, axis=1)])
        left = ranks - others @ np.linalg.lstsq(others, ranks, rcond=None)[0]
        assert prcc[i] == pytest.approx(np.corrcoef(left[:, i], left[:, 3])[0, 1], abs=1e-8)


def test_the_paired_difference_leaves_out_what_policy_and_baseline_share(closed_form, final):
    """y = 100 a + boost b: all values hang on a, all differences on b alone."""
    model = closed_form({"a": 0.0, "b": 0.0, "boost": 0.0}, y="100 * a + boost * b")
    boost = Policy("boost", set={"boost": 1.0})
    experiment = experiment_of(final("y"), map(uniform, "ab"), (boost,))
    value = sensitivity(model, experiment, method="rank", policy="boost", runs=256)
    change = sensitivity(model, experiment, method="rank", of="difference", runs=256)
    assert value.table()["parameter"][0] == "a"
    assert column(change, "rho")["b"] == pytest.approx(1)
    assert abs(column(change, "rho")["a"]) < 0.2
    assert (change.policy, value.policy) == ("boost", "boost")


@needs_salib
@pytest.mark.parametrize("method", ["sobol", "morris"])
def test_an_array_is_one_parameter(final, method):
    """Shares that sum to 1 cannot be varied one by one."""
    shares = Constant(
        "share", (Equation(Number(0.5), ("one",)), Equation(Number(0.5), ("two",))), dimensions=("kind",)
    )
    other = Constant("other", (Equation(Number(0.0)),))
    y = Auxiliary("y", (Equation(read_formula("share[one]^2 + 0.1 * other")),))
    model = Model(
        "shares",
        {"share": shares, "other": other, "y": y},
        SimulationSettings(Number(0.0), Number(1.0), Number(1.0), Number(1.0)),
        dimensions={"kind": Dimension("kind", ("one", "two"))},
    )
    uncertainties = [Uncertainty("share", "dirichlet", {"concentration": [3.0, 3.0]}), uniform("other")]
    found = sensitivity(model, experiment_of(final("y"), uncertainties), method=method, runs=64)
    assert list(found.table()["parameter"]) == ["share", "other"]


@needs_salib
def test_convergence_uses_a_quarter_a_half_and_all_of_the_sample(ishigami):
    found = sensitivity(*ishigami, runs=64)
    table = found.convergence()
    assert list(table["base"].unique()) == [16, 32, 64]
    assert (table[table["base"] == 64]["ST"].to_numpy() == found.indices["ST"].to_numpy()).all()
    smaller = sensitivity(*ishigami, runs=32)
    assert table[table["base"] == 32]["ST"].to_numpy() == pytest.approx(smaller.indices["ST"].to_numpy())


@needs_salib
@pytest.mark.parametrize("method", ["sobol", "morris", "rank"])
def test_the_same_seed_gives_the_same_indices_for_any_number_of_jobs(ishigami, method):
    first, second = (sensitivity(*ishigami, method=method, runs=32, jobs=jobs, seed=0) for jobs in (1, 2))
    assert first.to_dict() == second.to_dict()


@needs_salib
@pytest.mark.parametrize("method", ["sobol", "morris", "rank"])
def test_blocks_with_a_run_that_has_no_value_are_left_out_whole_and_counted(closed_form, final, method):
    model = closed_form({"a": 0.0, "b": 0.0}, y="SQRT(MAX(a, b) - 0.2) + a + b")
    with pytest.warns(SDWarning, match="blocks are left out"):
        found = sensitivity(model, experiment_of(final("y"), map(uniform, "ab")), method=method, runs=64)
    assert 0 < found.left_out < 32
    assert found.base + found.left_out == 64
    assert np.isfinite(found.indices.drop(columns="parameter").to_numpy(dtype=float)).all()


@pytest.mark.parametrize(
    ("formula", "message"),
    [("0 * a + 0 * b + 5", "the same in every run"), ("SQRT(a - 0.9) + b", "too few are left")],
)
def test_what_has_no_indices_is_refused(closed_form, final, formula, message):
    model = closed_form({"a": 0.0, "b": 0.0}, y=formula)
    with pytest.raises(ExperimentError, match=message):
        sensitivity(model, experiment_of(final("y"), map(uniform, "ab")), method="rank", runs=64)


@pytest.mark.parametrize("method", ["sobol", "morris"])
def test_correlated_uncertainties_are_refused_where_they_would_be_varied_one_by_one(ishigami, method):
    model, experiment = ishigami
    tied = experiment_of(experiment.metrics[0], experiment.uncertainties, correlations=(("a", "b", 0.5),))
    with pytest.raises(ExperimentError, match=r"'a' and 'b' are correlated.*use rank"):
        sensitivity(model, tied, method=method, runs=64)
    assert sensitivity(model, tied, method="rank", runs=64).base == 64


def test_what_was_asked_wrongly_is_said(ishigami):
    model, experiment = ishigami
    alone = experiment_of(experiment.metrics[0], experiment.uncertainties[:1])
    for error, message, arguments in (
        (UnknownName, "did you mean 'sobol'", {"method": "soboll"}),
        (UnknownName, "quantity", {"of": "ratio"}),
        (UnknownName, "metric", {"metric": "z"}),
        (UsageError, "which policy", {"of": "difference"}),
        (UsageError, "too few", {"runs": 2, "method": "rank"}),
        (UsageError, "20971520 runs of each policy", {"runs": 2**22}),
    ):
        with pytest.raises(error, match=message):
            sensitivity(model, experiment, **arguments)
    with pytest.raises(ExperimentError, match="two or more"):
        sensitivity(model, alone, method="rank")


def test_the_runs_needed_are_told_before_they_are_made(ishigami):
    told = []
    sensitivity(*ishigami, method="rank", runs=64, say=told.append)
    assert told == ["64 runs of one policy"]


def test_a_missing_library_is_named_with_the_command_that_installs_it(ishigami, monkeypatch):
    monkeypatch.setitem(sys.modules, "SALib.sample.sobol", None)
    with pytest.raises(UsageError) as caught:
        sensitivity(*ishigami, runs=64)
    assert str(caught.value) == 'sensitivity needs SALib: pip install "sdtheory[analysis]"'
    assert caught.value.exit_code == 2


@needs_salib
@pytest.mark.parametrize("method", ["sobol", "morris", "rank"])
def test_the_tornado_has_a_bar_for_each_parameter_and_index(ishigami, method):
    found = sensitivity(*ishigami, method=method, runs=64)
    (axes,) = found.plot().axes
    assert len(axes.patches) == 2 * 3
    assert [text.get_text() for text in axes.get_yticklabels()] == list(found.table()["parameter"])[::-1]
