"""The study: one seed gives the same bytes, and a rung that does not start where the first does stops it."""

from __future__ import annotations

import json
import shutil

import pytest
from click.testing import CliRunner

import sdtheory as sd
from sdtheory.cli.main import main
from sdtheory.errors import SDError, UsageError
from sdtheory.study.study import cell_text, report, run_study

RUNS = 16


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    folders = [tmp_path_factory.mktemp(name) for name in ("first", "second")]
    verdicts = [run_study(folder, RUNS, 7) for folder in folders]
    return folders, verdicts


def test_one_seed_gives_the_same_bytes_twice(twice):
    (first, second), _ = twice
    names = sorted(path.name for path in first.iterdir())
    assert names == sorted(path.name for path in second.iterdir())
    assert {
        "verdict.json",
        "verdict.md",
        "01_better_before_worse.svg",
        "03_causal_loops_m0.svg",
        "03_loop_dominance_m1.svg",
    } <= set(names)
    different = [name for name in names if (first / name).read_bytes() != (second / name).read_bytes()]
    assert not different


def test_the_verdicts_are_what_verdict_json_holds(twice):
    (first, _), (verdicts, _) = twice
    text = (first / "verdict.json").read_text(encoding="utf-8")
    assert json.loads(text, parse_constant=pytest.fail) == verdicts
    assert (verdicts["seed"], verdicts["runs"], verdicts["rungs"]) == (7, RUNS, ["M0", "M1"])


def test_shares_lie_within_their_bounds_and_every_future_is_counted(twice):
    _, (verdicts, _) = twice
    cells = [c for p in verdicts["policies"] for row in p["metrics"] for c in row["cells"]]
    counted = [cell for cell in cells if cell["worse"] is not None]
    assert len(counted) > 20
    for cell in counted:
        assert 0 <= cell["worse_low"] <= cell["worse"] <= cell["worse_high"] <= 1
        assert cell["worse"] + cell["tie"] <= 1 + 1e-12
        assert cell["valid"] + cell["censored"] == RUNS


def test_a_policy_that_a_rung_lacks_is_reported_as_missing_and_not_as_no_effect(twice):
    _, (verdicts, _) = twice
    embargo = next(policy for policy in verdicts["policies"] if policy["name"] == "embargo")
    for row in embargo["metrics"]:
        assert row["cells"][0]["worse"] is None
        assert cell_text(row["cells"][0], RUNS) == "-"
        assert row["cells"][1]["worse"] is not None
    assert "the policy is not in this rung" in report(verdicts)


def test_another_seed_gives_other_futures():
    model = sd.load("models/m0_seed.xmile")
    experiment = sd.Experiment.read("models/m0_seed.toml")
    tables = [sd.compare(model, experiment, runs=RUNS, seed=seed).to_dict() for seed in (7, 7, 8)]
    assert tables[0] == tables[1] != tables[2]


def test_a_rung_that_starts_elsewhere_stops_the_study_and_is_named(tmp_path):
    models = tmp_path / "models"
    shutil.copytree("models", models)
    rung = models / "m1_delays.xmile"
    text = rung.read_text(encoding="utf-8")
    assert 'name="initial capability"' in text
    before, _, after = text.partition('name="initial capability"')
    assert "<eqn>20</eqn>" in after.partition("</aux>")[0]
    rung.write_text(before + 'name="initial capability"' + after.replace("<eqn>20</eqn>", "<eqn>21</eqn>", 1))
    with pytest.raises(SDError) as caught:
        run_study(tmp_path / "out", 4, 1, models)
    for word in ("M1", "M0", "capability", "20.0", "21.0"):
        assert word in str(caught.value)
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("runs", [0, -3])
def test_no_runs_make_no_study(runs, tmp_path):
    with pytest.raises(UsageError, match="runs"):
        run_study(tmp_path, runs)
    done = CliRunner().invoke(main, ["study", "-o", str(tmp_path / "out"), "--runs", str(runs)])
    assert done.exit_code == 2
    assert "Traceback" not in done.output


def test_a_folder_that_cannot_be_written_is_a_usage_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UsageError, match="cannot write"):
        run_study(tmp_path / "file", 4)


def test_missing_models_are_an_error_in_one_line(tmp_path):
    arguments = ["study", "-o", str(tmp_path / "out"), "--runs", "4", "--models", str(tmp_path)]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code in (1, 2)
    assert "m0_seed.xmile" in done.stderr
    assert "Traceback" not in done.output


def test_a_study_that_stops_leaves_no_verdict(tmp_path):
    with pytest.raises(SDError):
        run_study(tmp_path / "out", 4, 1, tmp_path)
    assert not list((tmp_path / "out").iterdir())


def test_one_row_of_the_sample_is_the_same_future_on_every_rung():
    samples = []
    for stem in ("m0_seed", "m1_delays"):
        experiment = sd.Experiment.read(f"models/{stem}.toml")
        samples.append(sd.compare(sd.load(f"models/{stem}.xmile"), experiment, runs=16).samples)
    coarse, fine = samples
    assert set(coarse.columns) <= set(fine.columns)
    assert coarse.equals(fine[list(coarse.columns)])
