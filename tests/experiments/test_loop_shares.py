"""Shares of loops in a comparison: paired with its futures, kept in its folder, told in its report."""

from dataclasses import replace

import numpy as np
import pytest

import sdtheory as sd
from sdtheory.errors import UsageError
from sdtheory.experiments import loop_shares
from sdtheory.experiments.statistics import bootstrap_intervals

MODEL, EXPERIMENT = "models/m0_seed.xmile", "models/m0_seed.toml"
RUNS = 16


@pytest.fixture(scope="module")
def model():
    return sd.load(MODEL)


@pytest.fixture(scope="module")
def experiment():
    return sd.Experiment.read(EXPERIMENT)


@pytest.fixture(scope="module")
def folder(model, experiment, tmp_path_factory):
    target = tmp_path_factory.mktemp("loops") / "out"
    sd.compare(model, experiment, runs=RUNS, store=target).save(target, sd.read(MODEL))
    return target


@pytest.fixture(scope="module")
def compared(model, experiment):
    return sd.compare(model, experiment, runs=RUNS)


def test_differences_of_loops_are_those_of_compare_loops_with_an_interval_of_the_mean(
    model, experiment, compared
):
    loops = sd.compare_loops(model, experiment, runs=RUNS)
    frame = compared.loop_differences()
    assert len(frame) == 3 * 3
    for row in frame.to_dict("records"):
        paired = loops.paired(row["policy"], row["loop"])
        assert row["mean_difference"] == paired.mean()
        assert (row["p05"], row["p95"]) == tuple(np.quantile(paired, [0.05, 0.95]))
    columns = np.stack(
        [loops.paired(p, one) for p, one in zip(frame["policy"], frame["loop"], strict=True)], 1
    )
    low, high = bootstrap_intervals(columns, compared.seed)
    np.testing.assert_array_equal(frame["low"], low)
    np.testing.assert_array_equal(frame["high"], high)


def test_swapping_two_policies_negates_the_differences_of_loops(compared):
    frame = compared.loop_differences("all").set_index(["policy", "against", "loop"])["mean_difference"]
    for (policy, against, loop), value in frame.items():
        assert frame[against, policy, loop] == -value


def test_futures_that_are_not_sound_are_left_out_and_counted(compared):
    status = compared.status.copy()
    status[1, 2:5] = "timeout"
    frame = replace(compared, status=status).loop_differences()
    first = frame[frame["policy"] == compared.policies[1]]
    assert (first["valid"] == RUNS - 3).all() and (first["missing"] == 3).all()
    assert (frame[frame["policy"] == compared.policies[2]]["missing"] == 0).all()


def test_a_folder_gives_the_scores_back_without_the_model(compared, folder):
    again = sd.Comparison.read(folder)
    assert again.model is None
    assert again.loop_differences().equals(compared.loop_differences())
    assert again.loops.table().equals(compared.loops.table())
    assert again.plot_data("loops").equals(compared.plot_data("loops"))
    assert again.loops.to_dict() == compared.loops.to_dict()


def test_damaged_scores_are_made_again_where_there_is_a_model(model, experiment, compared, tmp_path):
    first = sd.compare(model, experiment, runs=RUNS, store=tmp_path / "out")
    first.loop_differences()
    (path,) = (tmp_path / "out").glob("loops.*.npz")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UsageError, match="holds no scores of loops"):
        _ = sd.Comparison.read(tmp_path / "out").loops
    again = sd.compare(model, experiment, runs=RUNS, store=tmp_path / "out", resume=True)
    assert again.loop_differences().equals(compared.loop_differences())
    assert path.read_bytes() == whole


def test_some_futures_are_scored_and_the_table_says_how_many(model, experiment, compared, monkeypatch):
    monkeypatch.setattr(loop_shares, "FUTURES", 4)
    few = sd.compare(model, experiment, runs=RUNS)
    frame = few.loop_differences()
    assert frame.attrs["futures"] == 4 and (frame["valid"] == 4).all()
    assert "in 4 of the 16 futures" in frame.attrs["about"]
    whole = compared.loops.dataset["share"].isel(run=slice(4))
    np.testing.assert_array_equal(few.loops.dataset["share"], whole)


@pytest.mark.parametrize("method", ["sobol", "grid"])
def test_a_sample_with_an_order_is_scored_all_over(compared, monkeypatch, method):
    monkeypatch.setattr(loop_shares, "FUTURES", 4)
    ordered = replace(compared, experiment=replace(compared.experiment, method=method))
    runs = ordered.loops.dataset["run"].values.tolist()
    assert len(runs) == 4 and runs == sorted(runs)
    assert (runs == [0, 1, 2, 3]) == (method == "sobol")


def test_scores_over_time_add_up_to_the_whole_change(compared):
    data, left = compared.loops.largest_partition()
    assert left == 0
    total = np.abs(data["score"]).sum("loop").isel(time=slice(1, None))
    np.testing.assert_allclose(total, 1.0, atol=1e-9)


def test_the_report_shows_the_loops_and_the_view_of_the_file(folder):
    page = (folder / "report.html").read_text(encoding="utf-8")
    for text in ("Shares of feedback loops", "the map runs out", "in 16 of the 16 futures", "The model"):
        assert text in page
    for name in ("loops.csv", "loop_differences.csv", "loops.svg", "stock-flow.svg"):
        assert (folder / name).stat().st_size > 0
    assert "<svg" in (folder / "stock-flow.svg").read_text(encoding="utf-8")


def test_a_report_without_scores_says_why(folder, tmp_path):
    for path in folder.iterdir():
        if path.name in ("manifest.json", "experiment.json", "samples.npz"):
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "chunks").mkdir()
    for path in (folder / "chunks").iterdir():
        (tmp_path / "chunks" / path.name).write_bytes(path.read_bytes())
    sd.Comparison.read(tmp_path).save(tmp_path / "report")
    assert "holds no scores of loops" in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert not (tmp_path / "report" / "loops.svg").exists()
