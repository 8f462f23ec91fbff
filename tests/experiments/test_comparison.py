"""Tables, sentences and plots of comparisons whose answer is known."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import sdtheory as sd
from sdtheory.diagrams import save_figure
from sdtheory.errors import ExperimentError, SDWarning, UnknownName, UsageError
from sdtheory.experiments.changes import EquationChange
from sdtheory.experiments.comparison import Comparison
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.metric import Level, Metric
from sdtheory.experiments.plots import KINDS
from sdtheory.experiments.policy import Policy
from sdtheory.experiments.structure import AddAuxiliary, Rename
from sdtheory.experiments.uncertainty import Uncertainty
from sdtheory.model.expression import Name


def made(values, status=None, **about):
    """A comparison of given numbers: one metric, the lower the better; shape (policies, runs)."""
    values = np.asarray(values, dtype=float)
    names = ("baseline", *(f"policy {place}" for place in range(1, len(values))))
    metric = Metric("gap", Name("gap"), **{"better": "lower", **about})
    status = np.full(values.shape, "ok", dtype="<U8") if status is None else np.array(status)
    experiment = Experiment(policies=tuple(Policy(name) for name in names[1:]), metrics=(metric,))
    samples = pd.DataFrame({"lead": np.arange(values.shape[1], dtype=float)})
    return Comparison(experiment, names, {"gap": values}, status, samples, 1)


def test_a_policy_that_is_worse_on_nothing_and_better_on_something_beats_another():
    comparison = made([[3.0, 3.0], [1.0, 2.0], [2.0, 1.0]])
    rows = comparison.undominated().set_index(["criterion", "policy"])
    assert rows.loc[("mean", "baseline"), "dominated_by"] == "policy 1, policy 2"
    assert rows.loc[("mean", "policy 1"), "undominated"] and rows.loc[("mean", "policy 2"), "undominated"]
    assert rows.loc[("probability", "baseline"), "dominated_by"] == "policy 1, policy 2"
    assert rows.loc[("probability", "policy 1"), "undominated"]


def test_policies_may_be_compared_with_any_other_and_each_with_all():
    comparison = made([[3.0, 3.0], [1.0, 2.0], [2.0, 1.0]])
    rows = comparison.differences("policy 1")
    assert list(zip(rows["policy"], rows["against"], strict=True)) == [
        ("baseline", "policy 1"), ("policy 2", "policy 1")
    ]  # fmt: skip
    assert len(comparison.differences("all")) == 6
    assert replace(comparison, against="policy 2").differences()["against"].unique().tolist() == ["policy 2"]
    with pytest.raises(UnknownName, match="did you mean 'policy 1'"):
        comparison.differences("polcy 1")


def test_compare_refuses_to_compare_with_a_policy_that_does_not_exist(filling, faster):
    with pytest.raises(UnknownName, match="did you mean 'faster'"):
        sd.compare(filling, faster, runs=8, against="fastr")
    rows = sd.compare(filling, faster, runs=8, against="faster").differences()
    assert rows["policy"].tolist() == ["baseline"]


def test_satisfied_levels_are_counted_over_the_runs_that_ended_well():
    values = [[1.0, 4.0, np.nan, np.nan], [1.0, 2.0, 6.0, 2.0]]
    status = [["ok", "ok", "ok", "diverged"], ["ok"] * 4]
    rows = made(values, status, satisfied=("below", 3.0)).satisficing().set_index(["policy", "metric"])
    # the run that never reached its level does not meet it; the one that diverged does not count
    base = rows.loc[("baseline", "gap")]
    assert (base["met"], base["valid"], base["missing"]) == (1, 3, 1)
    assert rows.loc[("policy 1", "all together"), "share"] == 0.75
    assert base["low"] < base["share"] < base["high"]


def test_a_time_that_is_cut_off_by_the_end_of_the_run_is_marked_as_a_lower_bound():
    comparison = made([[2.0, 4.0, 4.0]], how="first_crossing", censored="at_stop", level=Level(1.0))
    assert replace(comparison, stop=4.0).table()["at_stop"].tolist() == [2]


@pytest.mark.parametrize(("method", "wide"), [("sobol", True), ("random", False)])
def test_an_interval_of_sobol_points_says_that_it_is_wider_than_need_be(method, wide):
    comparison = made([[1.0, 2.0], [2.0, 3.0]])
    comparison = replace(comparison, experiment=replace(comparison.experiment, method=method))
    for said in (comparison.differences().attrs["interval"], comparison.to_dict()["interval"]):
        assert ("wider than need be" in said) == wide and "2,000 resamples" in said


def test_a_level_under_a_policy_that_failed_is_unknown_and_not_censored(filling, faster):
    level = Level(None, "wild", "level", 4.0)
    wild = Policy("wild", set={"pace": 1e308})
    metric = Metric(
        "reach", Name("level"), "first_crossing", level=level, direction="above", censored="worst"
    )
    experiment = replace(
        faster, policies=(*faster.policies, wild), metrics=(replace(metric, better="lower"),)
    )
    with pytest.warns(SDWarning, match="8 diverged"):
        comparison = sd.compare(filling, experiment, runs=8)
    assert comparison.table()["censored"].tolist() == [0, 0, 0]
    assert comparison.differences()["counted"].tolist() == [0, 0]


def test_an_assumption_of_few_values_is_split_by_value():
    comparison = made(np.arange(10.0).reshape(2, 5))
    comparison = replace(comparison, samples=pd.DataFrame({"camp": [0.0, 1.0, 0.0, 1.0, 1.0]}))
    rows = comparison.by("Camp")
    assert rows[["Camp", "futures", "valid"]].to_numpy().tolist() == [["0", 2, 2], ["1", 3, 3]]
    with pytest.raises(UnknownName, match="did you mean 'camp'"):
        comparison.by("camps")
    with pytest.raises(ExperimentError, match="give 1 or more"):
        comparison.by("camp", 0)


def test_the_summary_names_what_went_wrong_first_and_most():
    status = [["ok", "ok", "ok", "failed"], ["diverged", "diverged", "diverged", "ok"]]
    messages = {
        ("baseline", 3): "a delay is too short",
        ("policy 1", 0): '"pace" is inf at time 3.125 (division by "width" = 0)',
        ("policy 1", 1): '"pace" is inf at time 3.125 (division by "width" = 0)',
        ("policy 1", 2): '"other" is nan at time 1 (log of -1)',
    }
    comparison = replace(made(np.zeros((2, 4)), status), messages=messages)
    assert comparison.summary() == (
        "4 futures x 2 policies: 4 ok, 3 diverged (first: 'pace' at 3.125 in 2 of them), "
        "1 failed (a delay is too short)"
    )
    assert "50.0 % of the runs did not end well" in comparison.warnings()[0]


def test_what_a_reader_must_know_is_said():
    comparison = made([[1.0], [2.0]], rewards_speed=True)
    assert comparison.warnings() == ["'gap' can improve only because a level is reached sooner or later"]
    undirected = made([[1.0], [2.0]], better="none")
    assert undirected.warnings() == ["no direction is given for 'gap': no probabilities and no regret"]
    assert undirected.regret().empty
    (row,) = undirected.differences().to_dict("records")
    assert row["mean_difference"] == 1.0 and row["counted"] == 0


# plots and the report


@pytest.fixture(scope="module")
def comparison():
    experiment = sd.Experiment.read("models/m0_seed.toml")
    return sd.compare(sd.load("models/m0_seed.xmile"), experiment, runs=16)


@pytest.mark.parametrize("kind", KINDS)
def test_a_plot_has_the_same_bytes_for_the_same_comparison(comparison, tmp_path, kind):
    for name in ("one.svg", "two.svg"):
        save_figure(comparison.plot(kind), tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert "16 futures, seed 1" in (tmp_path / "one.svg").read_text(encoding="utf-8")


def test_the_numbers_of_a_plot_are_those_of_the_tables(comparison):
    shown = comparison.plot_data("heatmap").set_index(["policy", "metric"])["probability_worse"]
    table = comparison.differences().set_index(["policy", "metric"])["probability_worse"]
    pd.testing.assert_series_equal(shown, table)
    fan = comparison.plot_data("fan", policy="baseline", variable="capability")
    series = comparison.series["capability"].sel(policy="baseline")
    np.testing.assert_allclose(fan["median"], series.median("run"))
    difference = comparison.plot_data("difference", policy="boost theorists", variable="capability")
    paired = comparison.series["capability"].sel(policy="boost theorists") - series
    np.testing.assert_allclose(difference["p95"], paired.quantile(0.95, "run"), atol=1e-12)


def test_a_plot_may_be_drawn_on_an_axis_of_ours(comparison):
    from matplotlib.figure import Figure

    figure = Figure()
    axis = figure.subplots()
    assert comparison.plot("scatter", assumption="search leverage", axis=axis) is figure
    assert axis.get_xlabel() == "search leverage"


@pytest.mark.parametrize(
    ("kind", "options"),
    [("fans", {}), ("fan", {"variable": "capabilty"}), ("fan", {"policy": "boost theorist"}),
     ("scatter", {"assumption": "serch leverage"}), ("regret", {"metric": "gap after 10 year"})],
)  # fmt: skip
def test_a_misspelt_name_in_a_plot_suggests_the_nearest(comparison, kind, options):
    with pytest.raises(UnknownName, match="did you mean"):
        comparison.plot(kind, **options)


def test_a_plot_of_nothing_says_so():
    for kind in ("fan", "difference", "scatter", "heatmap"):
        with pytest.raises(UsageError):
            made([[1.0, 2.0]]).plot(kind)


HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory, filling):
    """A folder of a comparison in which every text is an attack."""
    policy = Policy(HOSTILE, HOSTILE, set={"pace": 2.0})
    metric = Metric(f"a {HOSTILE}", Name("level"), "final", better="higher")
    sampled = Uncertainty("pace", "uniform", {"low": 1.0, "high": 3.0}, source=f'"{HOSTILE}')
    experiment = Experiment((policy,), (metric,), (sampled,), title=HOSTILE, file=HOSTILE, model=HOSTILE)
    folder = tmp_path_factory.mktemp("hostile")
    sd.compare(replace(filling, name=HOSTILE), experiment, runs=8).save(folder)
    return folder


def test_the_report_shows_hostile_texts_as_texts(hostile):
    text = (hostile / "report.html").read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    for picture in hostile.glob("*.svg"):
        assert "<script" not in picture.read_text(encoding="utf-8")


def test_the_report_needs_nothing_from_elsewhere(hostile):
    text = (hostile / "report.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert {link.split(":")[0] for link in re.findall(r'(?:src|href)="([^"]*)', text)} == {"data"}
    assert "http:" not in re.sub(r"base64,[^\"]*", "", text) and "https:" not in text


def test_the_report_tells_verdicts_sources_and_how_it_was_made(comparison, tmp_path):
    comparison.save(tmp_path)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<h3>boost theorists</h3>" in text and "of 16 futures; the median change is" in text
    for fact in ("numpy version", "sample digest", "seed: 1", "Ho et al. 2024", "can improve only because"):
        assert fact in text
    assert json.loads((tmp_path / "result.json").read_text(encoding="utf-8")) == comparison.to_dict()


def test_the_report_tells_what_each_policy_changes_and_builds(filling, tmp_path):
    audited = Policy(
        "audited",
        changes=(EquationChange("pace", "0.5 * audit"),),
        structure=(AddAuxiliary("audit", 1.0), Rename("level", "stand")),
    )
    experiment = Experiment((audited,), (Metric("pace", Name("pace"), "final", better="higher"),))
    sd.compare(filling, experiment, runs=2).save(tmp_path)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "audited: pace (equation); add auxiliary audit, rename level to stand" in text


def test_the_saved_dataset_can_be_read_by_others(comparison, tmp_path):
    import xarray as xr

    comparison.save(tmp_path)
    with xr.open_dataset(tmp_path / "dataset.nc", engine="scipy") as data:
        np.testing.assert_array_equal(
            data["metric: gap after 10 years"], comparison.values["gap after 10 years"]
        )
        assert data["status"].astype(str).to_numpy().tolist() == comparison.status.tolist()


def test_only_the_first_futures_keep_their_series_when_there_are_many(filling, faster):
    comparison = sd.compare(filling, faster, runs=32, series=8)
    assert comparison.series.sizes["run"] == 8
    data = comparison.dataset
    assert data.sizes["run"] == 32 and bool(data["level"].isel(run=slice(8, None)).isnull().all())
    assert "the first 8 are shown" in comparison.plot("fan").get_supxlabel()


def test_a_table_that_its_reader_changes_is_given_whole_again(comparison):
    first = comparison.differences()
    whole = first.copy()
    first.loc[:, "mean_difference"] = 0.0
    assert comparison.differences().equals(whole)
    assert comparison.differences().attrs["interval"] == comparison.interval
    assert not comparison.differences("all").equals(whole)
