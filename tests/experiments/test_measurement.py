"""Measuring again and again gives what measuring once gives."""

from __future__ import annotations

import numpy as np
import pytest

import sdtheory as sd
from sdtheory.errors import UnknownName, UsageError
from sdtheory.experiments.compare import futures
from sdtheory.experiments.evaluation import Evaluator
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.measurement import Measurement, judged, metric_of, policy_of, with_parts
from sdtheory.experiments.metric import Metric
from sdtheory.experiments.policy import Policy
from sdtheory.model.expression import Binary, Name


@pytest.fixture(scope="module")
def m0():
    return sd.load("models/m0_seed.xmile")


@pytest.fixture(scope="module")
def experiment():
    return Experiment.read("models/m0_seed.toml")


def test_the_metrics_are_those_of_a_comparison(m0, experiment):
    names = [metric.name for metric in experiment.metrics]
    comparison = sd.compare(m0, experiment, runs=16)
    _, inputs = futures(m0, experiment, 16, experiment.seed)
    policies = [experiment.baseline, *experiment.policies]
    measured = Measurement(m0, experiment, policies, names, list(inputs)).measure(inputs, (1, 16))
    for name in names:
        assert measured.values[name][:, 0] == pytest.approx(comparison.values[name], rel=1e-9, nan_ok=True)
    boost = Measurement(m0, experiment, policies[1::-1], names, list(inputs)).measure(inputs, (1, 16))
    difference, verdict = judged(boost, experiment.metrics[0])
    expected = comparison.paired("boost theorists", experiment.metrics[0].name)
    assert difference[0] == pytest.approx(expected[0], rel=1e-6)
    assert (verdict[0] == expected[1]).all()


@pytest.mark.parametrize("jobs", [1, 2])
def test_sets_of_futures_are_measured_as_each_would_be_alone(m0, experiment, jobs):
    gap = experiment.metrics[0].name
    inputs = {"search leverage": np.linspace(0.5, 5, 30).reshape(3, 10)}
    measurement = Measurement(m0, experiment, experiment.policies[:1], [gap], list(inputs), jobs=jobs)
    whole = measurement.measure(inputs, (3, 10)).values[gap][0]
    for row in range(3):
        alone = measurement.measure({"search leverage": inputs["search leverage"][row]}, (1, 10))
        assert (alone.values[gap][0, 0] == whole[row]).all()


def test_a_future_has_the_same_random_numbers_in_every_set(closed_form, final):
    model = closed_form({"shift": 0.0}, y="shift + UNIFORM(0, 1)")
    experiment = Experiment(metrics=(final("y"),))
    measurement = Measurement(model, experiment, [Policy("plan")], ["y"], ["shift"])
    assert measurement.noisy
    found = measurement.measure({"shift": np.array([[0.0], [10.0]])}, (2, 8)).values["y"][0]
    assert found[1] - found[0] == pytest.approx(10)
    assert len(np.unique(found[0])) == 8


def test_given_levels_stay_when_the_inputs_change(m0, experiment):
    """C* of the baseline is a property of the future, whatever else is tried in it."""
    name = "time to C*"
    inputs = {"initial capability": np.array([10.0, 20.0])}
    names = ["initial capability", "experimenter boost"]
    measurement = Measurement(m0, experiment, [experiment.baseline], [name], names)
    levels = Evaluator(m0, experiment, experiment.baseline, tuple(inputs)).levels(inputs, 2, 1)
    boosts = np.array([[0.0], [0.5]])
    found = measurement.measure({**inputs, "experimenter boost": boosts}, (2, 2), levels).values[name][0]
    assert found[0] == pytest.approx(12.0)
    assert (found[1] < 11).all()


def test_an_expression_brings_the_metrics_that_it_reads(final):
    both = Metric("both", how="expression", expression=Binary("+", Name("a"), Name("b")))
    experiment = Experiment(metrics=(final("a"), final("b"), final("c"), both))
    assert [metric.name for metric in with_parts(experiment, ["both"])] == ["a", "b", "both"]


def test_names_are_found_or_the_nearest_is_named(experiment):
    assert metric_of(experiment, None) is experiment.metrics[0]
    assert metric_of(experiment, "GAP_after_10_years").name == "gap after 10 years"
    assert policy_of(experiment, "Boost_Theorists").name == "boost theorists"
    assert policy_of(experiment, "baseline") is experiment.baseline
    with pytest.raises(UnknownName, match="did you mean 'gap after 10 years'"):
        metric_of(experiment, "gap after 10 year")
    with pytest.raises(UnknownName, match="did you mean 'boost theorists'"):
        policy_of(experiment, "boost theorist")
    with pytest.raises(UsageError, match="which policy"):
        policy_of(experiment, None)
