"""What a policy gives in given futures does not depend on how the futures are shared out."""

from dataclasses import replace

import numpy as np
import pytest

import sdtheory as sd
from sdtheory.documents import from_bytes
from sdtheory.errors import SimulationError
from sdtheory.experiments import evaluation
from sdtheory.experiments.compare import futures
from sdtheory.experiments.evaluation import Evaluator, evaluate_policy, joined
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.metric import Level, Metric
from sdtheory.experiments.metric_reducers import REDUCED
from sdtheory.experiments.policy import Policy
from sdtheory.model.expression import Call, Name, Number


@pytest.fixture(scope="module")
def model():
    return sd.load("models/m1_delays.xmile")


@pytest.fixture(scope="module")
def experiment():
    return sd.Experiment.read("models/m1_delays.toml")


@pytest.fixture(scope="module")
def inputs(model, experiment):
    return futures(model, experiment, 64, 1)[1]


def part(inputs, first, last):
    return {name: values[first:last] for name, values in inputs.items()}


def test_metrics_are_the_same_in_chunks_of_any_size_and_any_number_of_threads(
    model, experiment, inputs, monkeypatch
):
    whole = evaluate_policy(model, experiment, experiment.policies[0], inputs, jobs=1)
    monkeypatch.setattr(evaluation, "CHUNK_BYTES", 0)
    monkeypatch.setattr(evaluation, "FEWEST", 5)
    chunked = evaluate_policy(model, experiment, experiment.policies[0], inputs, jobs=3)
    for name, values in whole.values.items():
        np.testing.assert_array_equal(values, chunked.values[name])


def test_parts_of_a_sample_joined_give_the_whole(model, experiment, inputs):
    policy = experiment.policies[1]
    one = Evaluator(model, experiment, policy, tuple(inputs))
    engine = one.lasting_engine(inputs, 64)
    pieces = [
        one.evaluate(part(inputs, a, b), b - a, 1, first_run=a, engine=engine, series=max(8 - a, 0))
        for a, b in ((0, 10), (10, 64))
    ]
    whole = evaluate_policy(model, experiment, policy, inputs, series=8)
    for name, values in whole.values.items():
        np.testing.assert_array_equal(values, joined(pieces).values[name])
    for name, series in whole.series.items():
        assert series.shape == (8, len(whole.times))
        np.testing.assert_array_equal(series, joined(pieces).series[name])


def test_a_random_function_goes_on_where_the_first_part_of_the_sample_ended(model, experiment, inputs):
    noisy = replace(
        model["researchers"],
        equations=(replace(model["researchers"].equations[0], expression=_noise()),),
    )
    model = replace(model, variables={**model.variables, "researchers": noisy})
    metrics = (Metric("noise", Name("researchers"), "final"),)
    experiment = replace(experiment, metrics=metrics)
    whole = evaluate_policy(model, experiment, Policy("p"), inputs, seed=7)
    second = evaluate_policy(model, experiment, Policy("p"), part(inputs, 40, 64), seed=7, first_run=40)
    np.testing.assert_array_equal(whole.values["noise"][40:], second.values["noise"])
    assert len(set(whole.values["noise"])) > 1


def _noise():
    return Call("random_uniform", (Number(1.0), Number(2.0), Number(0.0), Number(0.0)))


@pytest.mark.parametrize("how", REDUCED)
def test_a_metric_has_the_same_bits_from_the_engine_as_from_its_series(model, experiment, inputs, how):
    level = Level(20.0) if how == "first_crossing" else None
    metric = Metric("m", Name("capability"), how, level=level)
    experiment = replace(experiment, metrics=(metric,))
    assert Evaluator(model, experiment, Policy("p"), tuple(inputs)).reducible
    reduced = evaluate_policy(model, experiment, Policy("p"), inputs)
    kept = evaluate_policy(model, experiment, Policy("p"), inputs, series=64)
    assert not reduced.series and kept.series
    np.testing.assert_array_equal(reduced.values["m"], kept.values["m"])
    own = metric.values(kept.times, {"capability": kept.series["capability"]}, 20.0)
    np.testing.assert_allclose(reduced.values["m"], own, rtol=1e-12)


def test_levels_may_be_given_or_are_worked_out(model, experiment, inputs):
    one = Evaluator(model, experiment, experiment.policies[0], tuple(inputs))
    levels = one.levels(inputs, 64, 1)
    given = evaluate_policy(model, experiment, experiment.policies[0], inputs, levels=levels)
    own = evaluate_policy(model, experiment, experiment.policies[0], inputs)
    assert set(levels) == {m.name for m in experiment.metrics if m.level}
    for name, values in own.values.items():
        np.testing.assert_array_equal(values, given.values[name])


def test_a_future_without_a_number_fails_alone(model, experiment, inputs):
    broken = {name: values.copy() for name, values in inputs.items()}
    broken["search leverage"][3] = np.nan
    found = evaluate_policy(model, experiment, Policy("p"), broken)
    assert list(np.flatnonzero(found.status != "ok")) == [3]
    assert found.messages == {3: "the sampled value of 'search leverage' is nan"}
    plain = evaluate_policy(model, experiment, Policy("p"), inputs)
    for name, values in plain.values.items():
        assert np.isnan(found.values[name][3])
        np.testing.assert_array_equal(np.delete(values, 3), np.delete(found.values[name], 3))


DELAYED = b"""<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"><header/>
<sim_specs><start>0</start><stop>4</stop><dt>0.5</dt></sim_specs><model><variables>
<aux name="late"><eqn>DELAY3(TIME, lag)</eqn></aux><aux name="lag"><eqn>3</eqn></aux>
</variables></model></xmile>"""


def test_a_run_that_the_engine_refuses_fails_alone():
    model = sd.load(from_bytes(DELAYED, format="xmile"))
    experiment = Experiment(metrics=(Metric("late", Name("late"), "maximum"),))
    lag = np.where(np.arange(64) == 20, 0.6, 3.0)
    found = evaluate_policy(model, experiment, Policy("p"), {"lag": lag})
    assert list(np.flatnonzero(found.status == "failed")) == [20]
    assert "shorter than TIME STEP" in found.messages[20]
    assert list(np.flatnonzero(np.isnan(found.values["late"]))) == [20]
    with pytest.raises(SimulationError, match=r"no run can be made: .*shorter than"):
        evaluate_policy(model, experiment, Policy("p"), {"lag": np.full(64, 0.6)})


def test_inputs_of_several_lengths_are_refused(model, experiment):
    with pytest.raises(SimulationError, match="not all of one length"):
        evaluate_policy(model, experiment, Policy("p"), {"search leverage": np.ones(3)}, runs=4)
