"""The commands that analyse: what they print, write and refuse."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
import pytest
from strict_json import document

import sdtheory as sd
from sdtheory.experiments.experiment import Experiment

MODEL = "models/m0_seed.xmile"
EXPERIMENT = "models/m0_seed.toml"
GAP = "gap after 10 years"
BOOST = "boost theorists"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "data.csv"
    run = sd.simulate(sd.load(MODEL), {"initial capability growth": 2.0}, outputs=["capability"])
    run.iloc[::40].to_csv(path)
    return path


COMMANDS = {
    "sensitivity": (
        MODEL, EXPERIMENT, "--method", "rank", "--of", "difference", "--policy", BOOST, "--metric", GAP,
        "--runs", 64,
    ),
    "discover": (MODEL, EXPERIMENT, "--policy", BOOST, "--metric", GAP, "--runs", 256),
    "threshold-map": (
        MODEL, EXPERIMENT, "--x", "search leverage=0.2:8", "--y", "initial understood share=0.05:0.8",
        "--policy", BOOST, "--metric", GAP, "--cells", 7, "--fixed", "initial capability=10",
    ),
    "crossovers": (MODEL, EXPERIMENT, "--policy", BOOST, "--metric", GAP, "--runs", 64),
    "optimise": (
        MODEL, EXPERIMENT, "--lever", "theorist boost=0:1", "--metric", "opaque share after 10 years",
        "--constraint", "gap after 30 years=:60", "--runs", 8, "--evaluations", 40,
    ),
    "calibrate": (MODEL, "DATA", "--parameter", "initial capability growth=0.5:4", "--starts", 2),
    "ladder": ("models/ladder.toml", "--runs", 16),
}  # fmt: skip
FILES = {
    "sensitivity": {"indices.csv", "convergence.csv", "tornado.svg"},
    "discover": {"boxes.csv", "trajectory_1.csv", "box_1.svg"},
    "threshold-map": {"cells.csv", "contour.csv", "map.svg"},
    "crossovers": {"crossovers.csv", "futures.csv", "crossovers.svg"},
    "optimise": {"policies.csv", "trace.csv", "search.svg", "policies.toml"},
    "calibrate": {"parameters.csv", "correlation.csv", "fit.csv", "fitted.csv", "starts.csv", "fit.svg"},
    "ladder": {
        "table.csv",
        "verdicts.csv",
        "agreement.csv",
        "attribution.csv",
        "matches.csv",
        "verdicts.svg",
    },
}


# the same in Python
CALLS = {
    "sensitivity": lambda model, experiment, data: sd.sensitivity(
        model, experiment, method="rank", of="difference", policy=BOOST, metric=GAP, runs=64
    ),
    "discover": lambda model, experiment, data: sd.discover(
        sd.compare(model, experiment, runs=256), GAP, policy=BOOST
    ),
    "threshold-map": lambda model, experiment, data: sd.threshold_map(
        model, experiment, x=("search leverage", 0.2, 8.0), y=("initial understood share", 0.05, 0.8),
        policy=BOOST, metric=GAP, cells=7, fixed={"initial capability": 10.0},
    ),
    "crossovers": lambda model, experiment, data: sd.crossovers(
        sd.compare(model, experiment, runs=64), GAP, policy=BOOST
    ),
    "optimise": lambda model, experiment, data: sd.optimise(
        model, experiment, levers={"theorist boost": (0.0, 1.0)}, objective="opaque share after 10 years",
        constraints={"gap after 30 years": (None, 60.0)}, runs=8, evaluations=40,
    ),
    "calibrate": lambda model, experiment, data: sd.calibrate(
        model, data, {"initial capability growth": (0.5, 4.0)}, starts=2
    ),
    "ladder": lambda model, experiment, data: sd.ladder("models/ladder.toml", runs=16),
}  # fmt: skip


def arguments(command, data):
    return [command, *(data if part == "DATA" else part for part in COMMANDS[command])]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_prints_one_json_document_and_writes_it_with_tables_and_figures(
    sdtheory, command, data, tmp_path
):
    folder = tmp_path / "new" / "folder"
    printed = document(sdtheory(*arguments(command, data), "--json", "-o", folder))
    assert json.loads((folder / "result.json").read_text(encoding="utf-8")) == printed
    assert {path.name for path in folder.iterdir()} == FILES[command] | {"result.json"}
    for path in folder.glob("*.csv"):
        assert len(pd.read_csv(path)) > 0


@pytest.mark.parametrize("command", COMMANDS)
def test_python_gives_what_the_shell_prints(sdtheory, command, data):
    found = CALLS[command](sd.load(MODEL), Experiment.read(EXPERIMENT), data)
    assert found.to_dict() == document(sdtheory(*arguments(command, data), "--json"))


@pytest.mark.parametrize("command", COMMANDS)
def test_the_same_command_writes_the_same_bytes(sdtheory, command, data, tmp_path):
    for name in ("one", "two"):
        assert sdtheory(*arguments(command, data), "-o", tmp_path / name).exit_code == 0
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("sensitivity", ["initial understood share", "prcc", "by size of the sample"]),
        ("discover", ["% of the futures with", "base rate", "quasi_p"]),
        ("threshold-map", ["of 49 cells", "border"]),
        ("crossovers", ["better, then worse", "never", "against 'baseline' (64"]),
        ("optimise", ["theorist boost", "new sample", "optimism"]),
        ("calibrate", ["initial capability growth", "R2", "starts agree"]),
        ("ladder", ["boost theorists", "M1", "largest single cause", "need not add up"]),
    ],
)
def test_a_command_prints_tables_for_people(sdtheory, command, words, data):
    done = sdtheory(*arguments(command, data))
    assert done.exit_code == 0, done.stderr
    for word in words:
        assert word in done.stdout
    assert "nan" not in done.stdout


def test_the_runs_needed_are_told_on_standard_error_before_the_result(sdtheory):
    done = sdtheory(*arguments("sensitivity", None), "--json")
    assert "64 runs of each of two policies" in done.stderr
    assert document(done)["runs"] == 64


def test_the_policies_that_were_found_can_be_compared(sdtheory, tmp_path):
    assert sdtheory(*arguments("optimise", None), "-o", tmp_path).exit_code == 0
    again = Experiment.read(tmp_path / "policies.toml")
    assert again.policies[-1].name == "best"
    done = sdtheory("compare", MODEL, tmp_path / "policies.toml", "--runs", 8, "--json")
    assert "best" in {policy["name"] for policy in document(done)["policies"]}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_in_the_place_of_the_folder_is_refused_before_any_run(sdtheory, command, data, tmp_path):
    (tmp_path / "file").write_text("")
    done = sdtheory(*arguments(command, data), "-o", tmp_path / "file")
    assert done.exit_code == 1
    assert done.stderr.startswith("error: cannot write to")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("command", "change", "code", "message"),
    [
        ("sensitivity", ("--metric", "gap after ten years"), 1, "unknown metric"),
        ("sensitivity", ("--method", "sobbol"), 2, "sobbol"),
        ("discover", ("--policy", "boost theorist"), 1, "did you mean 'boost theorists'"),
        ("discover", ("--when", "differ > 1"), 1, "unknown quantity"),
        ("discover", ("--when", "difference > 1e9"), 1, "discovery needs 20"),
        ("threshold-map", ("--x", "search leverage=8"), 2, "is not NAME=LOW:HIGH"),
        ("threshold-map", ("--x", "search leverage=1:nan"), 2, "is not NAME=LOW:HIGH"),
        ("threshold-map", ("--x", "serach leverage=0:1"), 1, "did you mean 'search leverage'"),
        ("threshold-map", ("--x", "search leverage=8:0"), 1, "is not below high"),
        ("optimise", ("--method", "nsga2"), 2, "nsga2 cannot search for 1 objective"),
        ("optimise", ("--constraint", "gap=0:"), 1, "unknown metric"),
        ("calibrate", ("--weight", "capability"), 2, "is not NAME=VALUE"),
        ("calibrate", ("--error", "capability=-1"), 1, "must be above 0"),
        ("ladder", ("--runs", "0"), 2, "--runs"),
    ],
)
def test_what_was_asked_wrongly_ends_with_one_sentence(sdtheory, command, change, code, message, data):
    done = sdtheory(*arguments(command, data), *change)
    assert done.exit_code == code
    assert message in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("command", "module", "change", "library"),
    [
        ("sensitivity", "SALib.sample.sobol", ("--method", "sobol"), "sensitivity needs SALib"),
        ("discover", "sklearn.tree", ("--method", "cart"), "discovery by CART needs scikit-learn"),
        (
            "optimise", "pymoo.algorithms.moo.nsga2", ("--metric", GAP, "--method", "nsga2"),
            "a search with several objectives needs pymoo",
        ),
    ],
)  # fmt: skip
def test_a_missing_library_is_wrong_usage_with_the_command_that_installs_it(
    sdtheory, monkeypatch, command, module, change, library, data
):
    monkeypatch.setitem(sys.modules, module, None)
    done = sdtheory(*arguments(command, data), *change)
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1] == f'error: {library}: pip install "sdtheory[analysis]"'


def test_an_unmatched_ladder_says_what_it_is(sdtheory, tmp_path):
    text = sd.read("models/m1_delays.xmile").set_equation("initial capability", "21")
    sd.write(text, tmp_path / "m1_delays.xmile")
    for path in [*Path("models").glob("*.toml"), *Path("models").glob("*.xmile")]:
        if path.name != "m1_delays.xmile":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    done = sdtheory("ladder", tmp_path / "ladder.toml", "--runs", 8)
    assert done.exit_code == 1
    assert "M1 does not start where M0 does: capability is 21.0, not 20.0" in done.stderr
    done = sdtheory("ladder", tmp_path / "ladder.toml", "--runs", 8, "--unmatched", "--json")
    assert document(done)["matched"] is False
    assert "not a matched refinement" in done.stderr


def test_a_parameter_that_data_cannot_tell_is_named(sdtheory, data):
    done = sdtheory(*arguments("calibrate", data), "--parameter", "search leverage=0.2:5")
    assert done.exit_code == 0
    assert "'search leverage' is not identifiable: it changes no observed variable" in done.stderr
