"""Comparisons of policies in a model whose answer is known."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import sdtheory as sd
from sdtheory.errors import ExperimentError, SDWarning, StoreError, UsageError
from sdtheory.experiments import estimate
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.metric import Level, Metric
from sdtheory.experiments.policy import Amount, Policy, Step
from sdtheory.experiments.uncertainty import Uncertainty
from sdtheory.model.expression import Binary, Name, Number

PACE = Uncertainty("pace", "uniform", {"low": 1.0, "high": 3.0})


@pytest.fixture
def model(filling):
    return filling


def _experiment(*policies, metrics=None, uncertainties=(PACE,)):
    metrics = metrics or (Metric("end", Name("level"), "final", better="higher"),)
    return Experiment(policies=policies, metrics=metrics, uncertainties=uncertainties)


def test_a_setting_takes_the_place_of_the_sampled_value(model):
    comparison = sd.compare(model, _experiment(Policy("fixed", set={"pace": 2.0})), runs=8)
    assert comparison.values["end"][0] == pytest.approx(4 * comparison.samples["pace"])
    assert comparison.values["end"][1] == pytest.approx(8.0)


def test_a_step_changes_each_futures_own_sampled_value(model):
    doubled = Policy("doubled", changes=(Step("pace", Amount("times", 2.0), 2.0),))
    comparison = sd.compare(model, _experiment(doubled), runs=8)
    pace = comparison.samples["pace"].to_numpy()
    assert comparison.values["end"] == pytest.approx(np.stack([4 * pace, 2 * pace + 4 * pace]))
    difference, verdict = comparison.paired("doubled", "end")
    assert difference == pytest.approx(2 * pace)
    assert (verdict == 1).all()


def test_a_level_of_the_baseline_is_each_futures_own(model):
    half = Metric(
        "time to half",
        Name("level"),
        "first_crossing",
        direction="above",
        level=Level(None, "baseline", "level", 2.0),
        better="lower",
    )
    doubled = Policy("doubled", changes=(Step("pace", Amount("times", 2.0), 0.0),))
    comparison = sd.compare(model, _experiment(doubled, metrics=(half,)), runs=8)
    assert comparison.values["time to half"] == pytest.approx(np.stack([np.full(8, 2.0), np.full(8, 1.0)]))


@pytest.mark.parametrize(
    ("censored", "valid", "better"), [("exclude", 0, np.nan), ("worst", 0, 1.0), ("at_stop", 8, 1.0)]
)
def test_a_level_that_the_baseline_never_reaches(model, censored, valid, better):
    metric = Metric(
        "time to 13",
        Name("level"),
        "first_crossing",
        direction="above",
        level=Level(13.0),
        better="lower",
        censored=censored,
    )
    comparison = sd.compare(model, _experiment(Policy("fast", set={"pace": 5.0}), metrics=(metric,)), runs=8)
    (row,) = comparison.differences().to_dict("records")
    assert row["valid"] == valid
    assert row["probability_better"] == pytest.approx(better, nan_ok=True)


def test_a_metric_may_combine_others(model):
    metrics = (
        Metric("end", Name("level"), "final"),
        Metric("peak", Name("inflow"), "maximum"),
        Metric("years", how="expression", expression=Binary("/", Name("end"), Name("peak"))),
    )
    comparison = sd.compare(model, _experiment(metrics=metrics), runs=8)
    assert comparison.values["years"] == pytest.approx(np.full((1, 8), 4.0))


def test_a_derived_quantity_follows_the_sampled_ones(model):
    base = Uncertainty("base", "uniform", {"low": 1.0, "high": 2.0}, free=True)
    experiment = Experiment(
        metrics=(Metric("end", Name("level"), "final"),),
        uncertainties=(base,),
        derived={"pace": Binary("*", Number(3.0), Name("base"))},
    )
    comparison = sd.compare(model, experiment, runs=8)
    assert comparison.samples["pace"].to_numpy() == pytest.approx(3 * comparison.samples["base"].to_numpy())
    assert comparison.values["end"][0] == pytest.approx(12 * comparison.samples["base"].to_numpy())


def test_derived_quantities_in_a_circle_are_refused(model):
    experiment = Experiment(
        metrics=(Metric("end", Name("level"), "final"),),
        derived={"pace": Name("pace")},
    )
    with pytest.raises(ExperimentError, match="need each other"):
        sd.compare(model, experiment, runs=8)


def test_an_experiment_without_a_metric_is_refused(filling, faster):
    with pytest.raises(ExperimentError, match="no metric"):
        sd.compare(filling, replace(faster, metrics=()), runs=8)


@pytest.mark.parametrize("policies", [(), (Policy("faster", set={"pace": 2.5}),)])
@pytest.mark.parametrize("uncertainties", [(), (PACE,)])
@pytest.mark.parametrize("runs", [1, 2])
def test_the_smallest_comparisons_have_all_tables(filling, faster, tmp_path, policies, uncertainties, runs):
    experiment = replace(faster, policies=policies, uncertainties=uncertainties)
    comparison = sd.compare(filling, experiment, runs=runs)
    comparison.save(tmp_path)
    assert (tmp_path / "report.html").exists()
    if uncertainties:
        assert comparison.by("pace")["futures"].sum() == runs * len(policies)


def test_faults_are_told_before_anything_runs(model):
    experiment = _experiment(
        Policy("p", set={"pase": 1.0}), uncertainties=(Uncertainty("inflow", "uniform"),)
    )
    with pytest.raises(ExperimentError) as caught:
        sd.compare(model, experiment, runs=8)
    told = str(caught.value).splitlines()
    assert any("'pase'; did you mean 'pace'" in line for line in told)
    assert any("'inflow' is computed" in line for line in told)


def test_a_diverged_run_is_counted_and_left_out(model):
    changed = Policy("wild", set={"pace": 1e308})
    with pytest.warns(SDWarning, match="8 diverged"):
        comparison = sd.compare(model, _experiment(changed), runs=8)
    assert (comparison.status == [["ok"] * 8, ["diverged"] * 8]).all()
    (row,) = comparison.differences().to_dict("records")
    assert (row["valid"], row["counted"]) == (0, 0)
    assert "8 diverged" in comparison.summary()
    json.dumps(comparison.to_dict(), allow_nan=False)


def test_progress_ends_with_all_runs(model):
    told = []
    sd.compare(model, _experiment(Policy("p")), runs=8, progress=lambda *news: told.append(news))
    assert told == [(8, 16, {"ok": 8}), (16, 16, {"ok": 16})]


def test_comparisons_that_met_the_same_futures_can_be_put_together(filling, faster, tmp_path):
    slower = replace(faster, policies=(Policy("slower", set={"pace": 1.0}),))
    sd.compare(filling, faster, runs=8, store=tmp_path / "one")
    other = sd.compare(filling, slower, runs=8)
    both = sd.Comparison.from_datasets(tmp_path / "one", other)
    whole = sd.compare(filling, replace(faster, policies=(*faster.policies, *slower.policies)), runs=8)
    assert both.policies == ("baseline", "faster", "slower")
    pd.testing.assert_frame_equal(both.differences(), whole.differences())


@pytest.mark.parametrize(
    ("change", "options", "told"),
    [
        ({}, {"seed": 2}, "sample digest"),
        ({}, {"runs": 16}, "sampled futures"),
        ({"simulation": {"stop": 3.0}}, {}, "simulation settings"),
        ({"metrics": (Metric("end", Name("level"), "mean"),)}, {}, "metrics"),
    ],
)
def test_comparisons_of_other_futures_are_not_put_together(filling, faster, change, options, told):
    one = sd.compare(filling, faster, runs=8)
    other = sd.compare(filling, replace(faster, **change), **{"runs": 8, **options})
    with pytest.raises(StoreError, match=told):
        sd.Comparison.from_datasets(one, other)


# what a comparison takes


def test_what_will_run_is_said_first(filling, faster):
    said = []
    sd.compare(filling, faster, runs=8, jobs=1, begin=lambda expected: said.append(str(expected)))
    assert said == ["2 policies x 8 futures x 8 steps on the vectorised engine, 1 thread, about 1 s, 0 MB"]


def test_a_comparison_that_takes_more_than_half_of_the_memory_is_refused(filling, faster, monkeypatch):
    monkeypatch.setattr(estimate, "free_memory", lambda: 1000)
    with pytest.raises(UsageError, match=r"takes about .* of memory.*ask for fewer runs") as caught:
        sd.compare(filling, faster, runs=1024)
    assert caught.value.exit_code == 2


def test_more_runs_than_memory_can_hold_are_refused_before_they_are_sampled(filling, faster):
    with pytest.raises(UsageError, match=r"takes about .* GB of memory"):
        sd.compare(filling, faster, runs=10**13)


def test_results_that_take_more_than_half_of_the_disk_are_refused(filling, faster, monkeypatch, tmp_path):
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(estimate.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(UsageError, match="the results take about"):
        sd.compare(filling, faster, runs=1024, store=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_free_memory_is_some():
    found = estimate.free_memory()
    assert found is None or found > 2**20


def test_a_limit_of_time_cannot_be_kept_without_processes(filling, faster):
    with pytest.raises(UsageError, match="needs processes"):
        sd.compare(filling, faster, runs=8, limit_s=1.0, isolate=False)


@pytest.mark.parametrize("options", [{"jobs": 0}, {"chunk": 0}])
def test_no_workers_and_no_chunks_are_refused(filling, faster, options):
    with pytest.raises(UsageError, match="give 1 or more"):
        sd.compare(filling, faster, runs=8, **options)
