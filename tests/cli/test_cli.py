"""The shell commands: what they print, and how they end."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from strict_json import document, refuse

from sdtheory.cli.main import main

MODEL = "models/m0_seed.xmile"
EXPERIMENT = "models/m0_seed.toml"


def error_line(done):
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize("model", [MODEL, "models/m0_seed.mdl"])
def test_info_prints_one_json_document(sdtheory, model):
    info = document(sdtheory("info", model, "--json"))
    assert info["format"] == ("vensim" if model.endswith("mdl") else "xmile")
    assert (info["settings"]["start"], info["settings"]["stop"]) == (0, 42)
    rows = {row["name"]: row for row in info["variables"]}
    assert rows["capability"]["kind"] == "stock"
    assert rows["capability growth"]["kind"] == "flow"
    assert rows["search leverage"]["equation"] == "1.5"


def test_info_prints_a_table_with_every_variable(sdtheory):
    done = sdtheory("info", MODEL)
    rows = document(sdtheory("info", MODEL, "--json"))["variables"]
    assert done.exit_code == 0
    assert all(row["name"] in done.stdout for row in rows)


def test_loops_prints_one_json_document(sdtheory):
    found = document(sdtheory("loops", MODEL, "--json"))
    assert found["complete"] is True
    assert sorted(loop["polarity"] for loop in found["loops"]) == ["B", "B", "R"]
    assert "mission loop" in {loop["name"] for loop in found["loops"]}


def test_loops_with_dominance_have_shares_and_periods(sdtheory):
    found = document(sdtheory("loops", "models/m1_delays.xmile", "--dominance", "--json"))
    shares = {loop["name"]: loop["share"] for loop in found["loops"]}
    assert shares["uptake adjustment"] == 1.0  # alone in its partition
    assert abs(sum(shares.values()) - 2.0) < 0.01
    assert found["dominant_periods"][0]["start"] == 0.0
    assert {"loops", "polarity", "share", "stop", "partition", "brief"} <= set(found["dominant_periods"][0])
    without = document(sdtheory("loops", "models/m1_delays.xmile", "--json"))
    assert [loop["id"] for loop in without["loops"]] == [loop["id"] for loop in found["loops"]]
    assert {loop["share"] for loop in without["loops"]} == {None}


def test_dominant_periods_are_printed_by_name(sdtheory):
    done = sdtheory("loops", "models/m1_delays.xmile", "--dominance")
    assert "B9 explaining gets harder" in done.stdout
    assert "dominant loops" in done.stdout
    still = sdtheory("loops", MODEL, "--dominance", "--through", "understanding")
    assert "no change in partition 1: scores are zero throughout" in still.stderr


def test_loops_through_a_variable_are_those_that_hold_it(sdtheory):
    found = document(sdtheory("loops", MODEL, "--through", "effective search space", "--json"))
    assert len(found["loops"]) == 2
    assert all("effective search space" in loop["variables"] for loop in found["loops"])


def test_compare_prints_one_json_document_and_does_not_depend_on_jobs(sdtheory):
    common = ("compare", MODEL, EXPERIMENT, "--runs", 32, "--seed", 3, "--json")
    one, three = (document(sdtheory(*common, "--jobs", jobs)) for jobs in (1, 3))
    assert one == three
    assert one != document(sdtheory("compare", MODEL, EXPERIMENT, "--runs", 32, "--seed", 4, "--json"))


def test_compare_shows_the_metrics_that_are_asked_for(sdtheory):
    done = sdtheory("compare", MODEL, EXPERIMENT, "--runs", 16, "--metric", "gap after 10 years")
    assert done.exit_code == 0
    assert "gap after 10 years" in done.stdout
    assert "gap after 30 years" not in done.stdout


def test_compare_marks_metrics_that_reward_speed(sdtheory):
    done = sdtheory("compare", MODEL, EXPERIMENT, "--runs", 16, "--metric", "time to C*")
    assert "time to C* !" in done.stdout
    assert "sooner or later" in done.stderr


def test_compare_writes_its_tables(sdtheory, tmp_path):
    done = sdtheory("compare", MODEL, EXPERIMENT, "--runs", 16, "-o", tmp_path / "out")
    assert done.exit_code == 0
    assert list((tmp_path / "out").glob("*.csv"))


def test_study_prints_one_json_document(sdtheory, tmp_path):
    verdicts = document(sdtheory("study", "-o", tmp_path / "out", "--runs", 4, "--seed", 2, "--json"))
    assert (verdicts["runs"], verdicts["seed"]) == (4, 2)
    assert json.loads((tmp_path / "out" / "verdict.json").read_text(encoding="utf-8")) == verdicts


def test_run_writes_every_variable_with_its_changes(sdtheory, tmp_path):
    import pandas as pd

    table = tmp_path / "run.csv"
    done = sdtheory("run", MODEL, "--set", "Theorist_Boost=0.5", "--stop", 12, "-o", table)
    assert done.exit_code == 0
    frame = pd.read_csv(table, index_col=0)
    assert frame.index[-1] == 12
    assert round(frame["understanding gap"].iloc[-1], 4) == 29.4849


def test_run_prints_the_stocks(sdtheory):
    done = sdtheory("run", MODEL)
    assert done.exit_code == 0
    assert "capability" in done.stdout and "opaque share" not in done.stdout


@pytest.mark.parametrize("suffix", ["svg", "pdf", "png"])
def test_draw_writes_the_format_of_the_suffix(sdtheory, tmp_path, suffix):
    out = tmp_path / f"loops.{suffix}"
    done = sdtheory("draw", MODEL, out, "--highlight", "mission loop")
    assert done.exit_code == 0
    start = out.read_bytes()[:8]
    assert start.startswith({"svg": b"<?xml", "pdf": b"%PDF", "png": b"\x89PNG"}[suffix])


def test_draw_writes_the_editors_page_to_look_at(sdtheory, tmp_path):
    out = tmp_path / "m0.html"
    assert sdtheory("draw", MODEL, out).exit_code == 0
    assert '<script type="application/json" id="sdtheory-data">' in out.read_text(encoding="utf-8")
    done = sdtheory("draw", MODEL, "--isolation", "process", out)
    assert done.exit_code == 2 and "leave out --isolation" in error_line(done)


def test_an_unknown_suffix_suggests_a_known_one(sdtheory, tmp_path):
    done = sdtheory("draw", MODEL, tmp_path / "loops.svgg")
    assert done.exit_code == 2
    assert "did you mean '.svg'?" in error_line(done)
    assert not list(tmp_path.iterdir())


def test_a_misspelt_variable_suggests_the_nearest(sdtheory):
    done = sdtheory("run", MODEL, "--set", "serch leverage=2")
    assert done.exit_code == 1
    assert "'serch leverage'" in error_line(done) and "did you mean 'search leverage'?" in error_line(done)


@pytest.mark.parametrize(
    "arguments",
    [
        ("loops", MODEL, "--through", "understandin"),
        ("draw", MODEL, "out.svg", "--highlight", "mision loop"),
        ("compare", MODEL, EXPERIMENT, "--runs", "4", "--metric", "gap after 10 year"),
        ("run", MODEL, "--engine", "vectorized"),
    ],
)
def test_a_misspelt_word_suggests_the_nearest(sdtheory, arguments):
    done = sdtheory(*arguments)
    assert done.exit_code in (1, 2)
    assert "did you mean" in error_line(done)


@pytest.mark.parametrize("text", ["search leverage", "search leverage=much", "=2"])
def test_a_change_that_is_no_name_and_number_is_a_usage_error(sdtheory, text):
    done = sdtheory("run", MODEL, "--set", text)
    assert done.exit_code == 2
    assert "NAME=NUMBER" in error_line(done)


@pytest.mark.parametrize("command", ["info", "run", "loops"])
def test_a_missing_file_is_one_line(sdtheory, command):
    done = sdtheory(command, "models/no_such_model.xmile")
    assert done.exit_code in (1, 2)
    assert "no_such_model.xmile" in error_line(done)


def test_a_file_that_is_no_model_is_one_line(sdtheory, tmp_path):
    path = tmp_path / "broken.xmile"
    path.write_text("<xmile><model></xmile>")
    done = sdtheory("info", path)
    assert done.exit_code == 1
    assert "broken.xmile:1:" in error_line(done)


def test_a_broken_experiment_names_its_file(sdtheory, tmp_path):
    path = tmp_path / "broken.toml"
    path.write_text("[[metric]\n")
    done = sdtheory("compare", MODEL, path)
    assert done.exit_code == 1
    assert "broken.toml" in error_line(done)


@pytest.mark.parametrize(
    "arguments", [("frobnicate",), ("run",), ("compare", MODEL, EXPERIMENT, "--runs", "0")]
)
def test_a_wrong_command_line_ends_with_two(sdtheory, arguments):
    assert sdtheory(*arguments).exit_code == 2


def test_a_run_that_cannot_be_written_is_a_usage_error(sdtheory, tmp_path):
    done = sdtheory("run", MODEL, "-o", tmp_path / "no such folder" / "run.csv")
    assert done.exit_code == 2
    assert "cannot write" in error_line(done)


def test_debugging_shows_where_an_error_comes_from(monkeypatch):
    monkeypatch.setenv("SDTHEORY_DEBUG", "1")
    done = CliRunner().invoke(main, ["run", MODEL, "--set", "serch leverage=2"])
    assert type(done.exception).__name__ == "UnknownName"


def test_version_and_help(sdtheory):
    assert "0.1.0" in sdtheory("--version").output
    text = sdtheory("-h").output
    assert all(command in text for command in ("info", "run", "loops", "draw", "compare", "study"))


def test_check_is_silent_about_models_without_a_fault(sdtheory):
    done = sdtheory("check", MODEL, "models/m0_seed.mdl")
    assert (done.exit_code, done.output) == (0, "")


@pytest.fixture
def faulty(tmp_path):
    path = tmp_path / "faulty.mdl"
    path.write_text(
        "{UTF-8}\nway= pace + time taken ~ km ~|\npace= 5 ~ km/Hour [0,9] ~ Usual.|\n"
        "time taken= 2 ~ Hour ~ Usual.|\nTIME STEP= 1 ~ Hour ~|\n"
    )
    return path


def test_check_prints_place_severity_and_message_one_a_line(sdtheory, faulty):
    done = sdtheory("check", faulty)
    assert done.exit_code == 1
    first, *rest = done.stdout.splitlines()
    assert first.startswith(f"{faulty}:2:1: ")
    assert (
        f"{faulty}:2:1: error: units: in the equation of 'way', 'time taken' is Hour, but km/Hour is wanted"
        in [
            first,
            *rest,
        ]
    )
    assert f"{faulty}:4:1: note: the parameter 'time taken' has no range of sensible values" in rest


def test_check_prints_one_json_document_and_still_ends_with_one(sdtheory, faulty):
    done = sdtheory("check", faulty, MODEL, "--json")
    assert done.exit_code == 1
    issues = json.loads(done.stdout, parse_constant=refuse)["issues"]
    assert {"severity", "code", "message", "variable", "line", "column"} <= set(issues[0])
    assert [issue["code"] for issue in issues if issue["severity"] == "error"] == ["units"]


def test_check_ends_with_zero_when_there_are_only_warnings_and_notes(sdtheory, tmp_path):
    path = tmp_path / "quiet.mdl"
    path.write_text("{UTF-8}\nidle= 5 ~ km ~|\nTIME STEP= 1 ~ Hour ~|\n")
    done = sdtheory("check", path)
    assert done.exit_code == 0
    assert "warning: no equation reads 'idle'" in done.stdout


def test_check_goes_on_behind_a_file_that_cannot_be_read(sdtheory, tmp_path, faulty):
    broken = tmp_path / "broken.xmile"
    broken.write_text("<xmile><model></xmile>")
    done = sdtheory("check", broken, tmp_path / "missing.mdl", faulty)
    assert done.exit_code == 1
    assert f"{broken}:1:" in done.stdout
    assert f"{tmp_path / 'missing.mdl'}: error: " in done.stdout
    assert f"{faulty}:2:1: error: units" in done.stdout


def test_check_keeps_control_characters_from_the_terminal(sdtheory, tmp_path):
    path = tmp_path / "red.mdl"
    path.write_text('{UTF-8}\n"\x1b[31mred"= 5 ~ km ~|\nTIME STEP= 1 ~ Hour ~|\n')
    assert "\x1b" not in sdtheory("check", path).output


@pytest.mark.parametrize("suffix, format", [("xmile", "xmile"), ("mdl", "vensim")])
def test_convert_writes_the_other_format_once(sdtheory, tmp_path, suffix, format):
    source = "models/m0_seed.mdl" if format == "xmile" else MODEL
    out = tmp_path / f"m0.{suffix}"
    assert sdtheory("convert", source, out).exit_code == 0
    assert document(sdtheory("info", out, "--json"))["format"] == format
    again = sdtheory("convert", source, out)
    assert again.exit_code == 1
    assert "this file exists and is not the one that was read" in error_line(again)
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_convert_says_what_is_lost_and_which_suffixes_it_knows(sdtheory, tmp_path):
    done = sdtheory("convert", "models/m0_seed.mdl", tmp_path / "m0.xmile")
    assert "warning: convert-lost: " in done.stderr
    wrong = sdtheory("convert", "models/m0_seed.mdl", tmp_path / "m0.txt")
    assert wrong.exit_code == 2
    assert "use .mdl, .xmile, .stmx or .xml" in error_line(wrong)
