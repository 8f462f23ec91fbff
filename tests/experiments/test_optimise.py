"""Policy search on functions whose optimum is known."""

from __future__ import annotations

import json
import sys
import tomllib

import numpy as np
import pytest

import sdtheory as sd
from sdtheory.errors import ExperimentError, UnknownName, UsageError
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.metric import Level, Metric
from sdtheory.experiments.optimise import optimise
from sdtheory.experiments.policy import Policy
from sdtheory.experiments.uncertainty import Uncertainty
from sdtheory.model.expression import Name

NOISE = Uncertainty("noise", "uniform", {"low": 0.0, "high": 1.0})


@pytest.fixture(scope="module")
def valley(closed_form):
    """Rosenbrock's valley, lowest at (1, 1)."""
    return closed_form({"a": 0.0, "b": 0.0}, cost="(1 - a)^2 + 100 * (b - a^2)^2")


def experiment_of(*metrics, **more):
    return Experiment(metrics=metrics, **{"runs": 1, **more})


def search(model, experiment, *names, span=(-2.0, 2.0), **more):
    return optimise(model, experiment, levers=dict.fromkeys(names, span), **more)


@pytest.mark.parametrize("method", ["differential_evolution", "nelder_mead"])
def test_the_floor_of_rosenbrocks_valley_is_found(valley, final, method):
    best = search(valley, experiment_of(final("cost")), "a", "b", method=method, evaluations=3000)
    assert best.levers.to_numpy() == pytest.approx(np.ones((1, 2)), abs=1e-2)
    assert best.found["cost"][0] < 1e-4
    assert best.evaluations <= 3100
    assert (np.diff(best.trace["cost"]) <= 0).all()


def test_the_front_of_two_objectives_is_found(closed_form, final):
    """Zitzler, Deb and Thiele's first function: the front is f2 = 1 - sqrt(f1)."""
    pytest.importorskip("pymoo", reason="pymoo is not installed (extra: analysis)")
    model = closed_form(dict.fromkeys("abc", 0.0), f="a", g="1 + 4.5 * (b + c)", h="g * (1 - SQRT(f / g))")
    best = search(
        model, experiment_of(final("f"), final("h")), *"abc", span=(0.0, 1.0), objective=["f", "h"],
        evaluations=3000,
    )  # fmt: skip
    f, h = best.found["f"].to_numpy(), best.found["h"].to_numpy()
    assert np.abs(h - (1 - np.sqrt(f))).max() < 0.05
    assert f.min() < 0.05
    assert f.max() > 0.8
    assert (np.diff(f) > 0).all() and (np.diff(h) < 0).all()
    assert len(best.policies) == len(f) > 20


@pytest.mark.parametrize(
    ("robust", "expected"),
    [
        ("mean", 0.5),  # the mean of (a - noise)^2 is least at the mean of the noise
        ("worst", 0.5),  # and its largest at the middle
        ("p90", 0.5),  # anywhere from 0.45 to 0.55
    ],
)
def test_robust_settings_of_a_guess_are_its_middle(closed_form, final, robust, expected):
    model = closed_form({"a": 0.0, "noise": 0.0}, cost="(a - noise)^2")
    experiment = experiment_of(final("cost"), uncertainties=(NOISE,), runs=256)
    best = search(model, experiment, "a", robust=robust, evaluations=600)
    assert best.levers["a"][0] == pytest.approx(expected, abs=0.06 if robust == "p90" else 0.02)
    values = {"mean": 1 / 12, "worst": 0.25, "p90": 0.45**2}
    assert best.found["cost"][0] == pytest.approx(values[robust], abs=0.01)


def test_the_least_regret_splits_the_difference(closed_form, final):
    """Where the noise costs much in itself, only the part that a better setting would save is regretted."""
    model = closed_form({"a": 0.0, "noise": 0.0}, cost="ABS(a - noise) + 100 * noise")
    experiment = experiment_of(final("cost"), uncertainties=(NOISE,), runs=64)
    best = search(model, experiment, "a", span=(0.0, 1.0), robust="regret", evaluations=600)
    assert best.levers["a"][0] == pytest.approx(0.5, abs=0.03)
    assert best.found["cost"][0] == pytest.approx(0.5, abs=0.03)


def test_the_best_setting_is_tried_again_in_new_futures(closed_form, final):
    """Over 8 futures the best setting is their mean, and on others it must cost more than it seemed to."""
    model = closed_form({"a": 0.0, "noise": 0.0}, cost="(a - noise)^2")
    shown = []
    for seed in range(6):
        experiment = experiment_of(final("cost"), uncertainties=(NOISE,), runs=8, method="random", seed=seed)
        best = search(model, experiment, "a", evaluations=200)
        sample = np.random.default_rng(seed + 1).random((8, 1))[:, 0]
        assert best.again["cost"][0] == pytest.approx(((best.levers["a"][0] - sample) ** 2).mean())
        assert best.optimism["cost"][0] == pytest.approx(best.again["cost"][0] - best.found["cost"][0])
        shown.append(best.optimism["cost"][0])
    assert np.mean(shown) > 0
    assert best.new_seed != best.seed


def test_a_constraint_is_kept(closed_form, final):
    model = closed_form({"a": 0.0}, cost="-a", risk="a^2")
    experiment = experiment_of(final("cost"), final("risk"))
    best = search(
        model, experiment, "a", objective="cost", constraints={"risk": (None, 0.25)}, evaluations=600
    )
    assert best.levers["a"][0] == pytest.approx(0.5, abs=1e-3)
    assert best.levers["a"][0] <= 0.5
    assert best.kept.all()
    assert best.penalised > 0
    with pytest.raises(ExperimentError, match="every setting breaks a constraint"):
        search(model, experiment, "a", objective="cost", constraints={"risk": (None, -1.0)}, evaluations=60)


def test_a_constraint_holds_on_a_front_too(closed_form, final):
    pytest.importorskip("pymoo", reason="pymoo is not installed (extra: analysis)")
    model = closed_form({"a": 0.0}, f="a", g="(1 - a)^2", risk="a")
    experiment = experiment_of(final("f"), final("g"), final("risk"))
    best = search(
        model, experiment, "a", span=(0.0, 1.0), objective=["f", "g"], constraints={"risk": (0.2, 0.6)},
        evaluations=800,
    )  # fmt: skip
    assert best.levers["a"].min() >= 0.2 and best.levers["a"].max() <= 0.6


@pytest.mark.parametrize("method", ["differential_evolution", "nelder_mead"])
def test_settings_without_a_value_are_penalised_and_counted(closed_form, final, method):
    """Lower a is better, but below 0.3 there is no value."""
    model = closed_form({"a": 0.0}, cost="a + 0 * SQRT(a - 0.3)")
    best = search(model, experiment_of(final("cost")), "a", span=(0.0, 1.0), method=method, evaluations=600)
    assert best.levers["a"][0] == pytest.approx(0.3, abs=1e-2)
    assert best.levers["a"][0] >= 0.3
    assert 0 < best.penalised < best.evaluations
    assert sum(best.statuses.values()) > 0
    assert best.statuses.get("no value", 0) + best.statuses.get("diverged", 0) > 0


def test_a_level_of_the_baseline_does_not_move_with_the_levers(closed_form):
    """Time to the baseline's own end: faster growth reaches it sooner."""
    model = sd.load("models/m0_seed.xmile")
    level = Level(None, "baseline", "capability", 12.0)
    metric = Metric(
        "time", Name("capability"), "first_crossing", level=level, direction="above", better="lower"
    )
    experiment = experiment_of(metric)
    best = search(model, experiment, "experimenter boost", span=(0.0, 1.0), evaluations=60)
    assert best.levers["experimenter boost"][0] == pytest.approx(1, abs=0.02)
    assert best.found["time"][0] < 9


def test_the_search_is_the_same_for_one_seed(valley, final):
    first, second = (
        search(valley, experiment_of(final("cost")), "a", "b", evaluations=200, jobs=jobs).to_dict()
        for jobs in (1, 2)
    )
    assert first == second
    json.dumps(first, allow_nan=False)


def test_the_best_policies_are_an_experiment_file(tmp_path, closed_form):
    text = 'title = "t"\n[[policy]]\nname = "base"\nset = { "boost by conversion" = 1.0 }\n[sampling]\nruns = 2\n'
    text += '[[metric]]\nname = "gap"\nvariable = "understanding gap"\nat = 12.0\nbetter = "lower"\n'
    (tmp_path / "in.toml").write_text(text)
    experiment = Experiment.read(tmp_path / "in.toml")
    model = sd.load("models/m0_seed.xmile")
    best = search(model, experiment, "theorist boost", span=(0.0, 1.0), policy="base", evaluations=40)
    (tmp_path / "out.toml").write_text(best.to_toml())
    again = Experiment.read(tmp_path / "out.toml")
    assert [policy.name for policy in again.policies] == ["base", "best"]
    assert dict(again.policies[-1].set) == dict(best.policies[0].set)
    compared = sd.compare(model, again)
    assert compared.values["gap"][-1].mean() == pytest.approx(best.found["gap"][0])
    assert tomllib.loads(best.to_toml())["policy"][-1]["include"] == ["base"]


def test_what_was_asked_wrongly_is_said(valley, final):
    experiment = experiment_of(final("cost"), final("a", "none"))
    held = Policy("held", set={"a": 1.0})
    for error, message, arguments in (
        (UnknownName, "did you mean 'nelder_mead'", {"method": "neldermead"}),
        (UnknownName, "statistic", {"robust": "median"}),
        (UsageError, "use nsga2 for several", {"objective": ["cost", "a"], "method": "nelder_mead"}),
        (UsageError, "20 or more", {"evaluations": 5}),
        (ExperimentError, "neither lower nor higher", {"objective": "a"}),
        (ExperimentError, "cannot be a lever", {"policy": held}),
        (UnknownName, "metric", {"constraints": {"risk": (0, 1)}}),
    ):
        with pytest.raises(error, match=message):
            search(valley, experiment, "a", **arguments)
    with pytest.raises(UsageError, match="no lever"):
        search(valley, experiment)
    with pytest.raises(ExperimentError, match="is computed"):
        search(valley, experiment, "cost")


def test_a_missing_library_is_named(valley, final, monkeypatch):
    monkeypatch.setitem(sys.modules, "pymoo.algorithms.moo.nsga2", None)
    experiment = experiment_of(final("cost"), final("a"))
    with pytest.raises(UsageError, match=r'needs pymoo: pip install "sdtheory\[analysis\]"'):
        search(valley, experiment, "b", objective=["cost", "a"])


def test_a_search_can_be_drawn(valley, final):
    best = search(valley, experiment_of(final("cost")), "a", "b", evaluations=100)
    assert best.plot().axes
    assert list(best.table()["policy"]) == ["best"]
