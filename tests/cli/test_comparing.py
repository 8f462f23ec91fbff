"""Comparing policies in the shell: folders, resuming, what is said and how it ends."""

import json
import os
import re
import time

import pytest
from click.testing import CliRunner

import sdtheory as sd
from sdtheory.cli import progress
from sdtheory.cli.main import main
from sdtheory.experiments import report
from sdtheory.experiments.store import CHUNKS

MODEL, EXPERIMENT = "models/m0_seed.xmile", "models/m0_seed.toml"
FIRST = ("--metric", "gap after 10 years")


@pytest.fixture
def compare(monkeypatch):
    # plots take seconds and have tests of their own
    monkeypatch.setattr(report, "KINDS", ())

    def run(*arguments):
        return CliRunner().invoke(main, ["compare", *map(str, arguments)])

    return run


def blocks(text):
    """The tables of the terminal without their frames."""
    return [line.split("│")[1:-1] for line in text.splitlines() if line.startswith("│")]


def test_a_sweep_kept_in_a_folder_is_shown_again_and_gone_on_with(compare, tmp_path):
    folder = tmp_path / "out"
    first = compare(MODEL, EXPERIMENT, "--runs", 16, "-o", folder, *FIRST)
    assert first.exit_code == 0, first.output
    assert re.search(r"4 policies x 16 futures x 672 steps on the \w+ engine", first.stderr)
    assert (folder / "report.html").exists()
    assert blocks(compare("--from", folder, *FIRST).stdout) == blocks(first.stdout)
    refused = compare(MODEL, EXPERIMENT, "--runs", 16, "-o", folder)
    assert refused.exit_code == 1 and "pass --resume" in refused.stderr
    next((folder / CHUNKS).glob("02-*")).unlink()
    again = compare(MODEL, EXPERIMENT, "--runs", 16, "-o", folder, "--resume", *FIRST)
    assert again.exit_code == 0 and blocks(again.stdout) == blocks(first.stdout)
    other = compare(MODEL, EXPERIMENT, "--runs", 16, "--seed", 9, "-o", folder, "--resume")
    assert other.exit_code == 1 and "seed was 1 and is 9" in other.stderr


def test_loops_are_shown_when_asked_for_and_again_from_a_folder(compare, tmp_path):
    options = ("--runs", 8, "-o", tmp_path / "out", "--loops", *FIRST)
    first = compare(MODEL, EXPERIMENT, *options)
    assert first.exit_code == 0, first.output
    for words in ("R1 mission loop", "in 8 of the 8 futures", "moves", "5-95 %"):
        assert words in first.stdout
    again = compare("--from", tmp_path / "out", "--loops", *FIRST)
    assert blocks(again.stdout) == blocks(first.stdout)
    shown = json.loads(compare("--from", tmp_path / "out", "--loops", "--json").stdout)
    comparison = sd.Comparison.read(tmp_path / "out")
    assert shown == {**comparison.to_dict(), "loops": comparison.loops.to_dict()}


def test_results_as_zarr_are_shown_again(compare, tmp_path):
    pytest.importorskip("zarr", reason="results as zarr need the extra 'cluster'")
    first = compare(MODEL, EXPERIMENT, "--runs", 8, "-o", tmp_path, "--store-form", "zarr", *FIRST)
    assert first.exit_code == 0 and (tmp_path / "results.zarr").is_dir()
    assert blocks(compare("--from", tmp_path, *FIRST).stdout) == blocks(first.stdout)


def test_one_json_document_and_nothing_else(compare, tmp_path):
    done = compare(MODEL, EXPERIMENT, "--runs", 8, "-o", tmp_path / "out", "--json")
    shown = json.loads(done.stdout)
    assert shown == json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))
    assert json.loads(compare("--from", tmp_path / "out", "--json").stdout) == shown


def test_policies_may_be_compared_with_another_or_with_all(compare):
    done = compare(MODEL, EXPERIMENT, "--runs", 8, "--against", "boost theorists", *FIRST)
    assert "paired difference to boost theorists" in done.stdout
    assert "baseline" in [row[0].strip() for row in blocks(done.stdout)]
    every = compare(MODEL, EXPERIMENT, "--runs", 8, "--against", "all", *FIRST)
    assert len(blocks(every.stdout)) == 4 * 3
    wrong = compare(MODEL, EXPERIMENT, "--runs", 8, "--against", "boost theorist")
    assert wrong.exit_code == 1 and "did you mean 'boost theorists'" in wrong.stderr


def test_quiet_says_nothing_of_what_will_run(compare):
    assert "steps on the" not in compare(MODEL, EXPERIMENT, "--runs", 8, "--quiet", *FIRST).stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((MODEL,), "MODEL and EXPERIMENT are needed"),
        ((MODEL, EXPERIMENT, "--resume"), "pass -o FOLDER"),
        ((MODEL, EXPERIMENT, "--from", "folder"), "leave MODEL, EXPERIMENT and -o out"),
        (("--from", "folder", "--runs", "8"), "leave --runs out"),
        (("--from", "folder", "--jobs", "2"), "leave --jobs out"),
        ((MODEL, EXPERIMENT, "--jobs", "many"), "many"),
        ((MODEL, EXPERIMENT, "--limit-s", "0"), "0"),
    ],
)
def test_a_wrong_call_is_a_usage_error(compare, arguments, told):
    done = compare(*arguments)
    assert done.exit_code == 2 and told in done.stderr


def test_a_folder_without_results_is_told(compare, tmp_path):
    done = compare("--from", tmp_path)
    assert done.exit_code == 1 and "holds no results" in done.stderr


@pytest.fixture
def diverging(tmp_path):
    """An experiment with a policy under which no run ends well."""
    text = """
        [[policy]]
        name = "wild"
        set = { "initial capability growth" = 1e308 }
        [uncertainty]
        "search leverage" = { distribution = "uniform", low = 0.2, high = 5.0, assumption = true }
        [[metric]]
        name = "capability"
        variable = "capability"
        better = "higher"
    """
    path = tmp_path / "wild.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_many_bad_runs_end_with_one_unless_they_are_allowed(compare, diverging):
    done = compare(MODEL, diverging, "--runs", 8)
    assert done.exit_code == 1
    assert "8 diverged (first: '" in done.stderr and "--allow-bad" in done.stderr
    assert re.search(r"n 0 \(8 not ok\)", done.stdout)
    allowed = compare(MODEL, diverging, "--runs", 8, "--allow-bad", "0.5")
    assert allowed.exit_code == 0 and "50.0 % of the runs did not end well" in allowed.stderr


def test_an_end_that_can_be_resumed_has_its_own_exit_code(compare, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("sdtheory.experiments.store.put_bytes", full)
    done = compare(MODEL, EXPERIMENT, "--runs", 8, "-o", tmp_path / "out")
    assert done.exit_code in (1, 3)
    assert "no space left" in done.stderr.lower() or "the disk is full" in done.stderr


def test_a_line_tells_rate_time_left_and_what_went_wrong(monkeypatch, capsys):
    moments = iter([0.0, 0.0, 20.0, 40.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(moments))
    with progress.Progress() as told:
        told(0, 100, {})
        told(50, 100, {"ok": 48, "diverged": 2})
        told(100, 100, {"ok": 98, "diverged": 2})
    assert capsys.readouterr().err.splitlines() == [
        "50 of 100 runs, 2 a second, 20 s left, 2 diverged",
        "100 of 100 runs, 2 a second, 0 s left, 2 diverged",
    ]


def test_a_short_sweep_and_a_quiet_one_tell_nothing(capsys):
    for quiet in (False, True):
        with progress.Progress(quiet) as told:
            told(50, 100, {"ok": 50})
            told(100, 100, {"ok": 100})
    assert capsys.readouterr().err == ""


def test_a_bar_is_drawn_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with progress.Progress() as told:
        told(50, 100, {"ok": 50})
        time.sleep(0.01)
        told(100, 100, {"ok": 100})
    assert "100 of 100 runs" in capsys.readouterr().err


def test_python_and_shell_give_the_same(compare):
    shown = json.loads(compare(MODEL, EXPERIMENT, "--runs", 8, "--json").stdout)
    comparison = sd.compare(sd.load(MODEL), sd.Experiment.read(EXPERIMENT), runs=8)
    assert shown == comparison.to_dict()
