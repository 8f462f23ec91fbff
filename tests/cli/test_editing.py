"""Editing from the shell changes only what was asked, and says what it changed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

import sdtheory as sd
from sdtheory.cli.main import main

MODELS = ["m0_seed.mdl", "m0_seed.xmile"]


def call(*arguments, code: int = 0):
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    return done


@pytest.fixture(params=MODELS)
def model(request, tmp_path) -> Path:
    return Path(shutil.copy(Path("models") / request.param, tmp_path))


def changed_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]


def test_set_changes_one_line_and_prints_it(model):
    before = model.read_bytes()
    done = call("set", model, "search leverage", "2.25")
    assert len(changed_lines(done.stdout)) == 2
    assert sd.read(model).variables["search leverage"].equation == "2.25"
    old, new = before.splitlines(), model.read_bytes().splitlines()
    assert len(old) == len(new) and sum(a != b for a, b in zip(old, new, strict=True)) == 1
    call("set", model, "search leverage", "1.5")
    assert model.read_bytes() == before


def test_set_of_a_stock_is_its_initial_value(model):
    call("set", model, "capability", "2.5")
    assert sd.simulate(sd.load(model))["capability"].iloc[0] == 2.5


def test_set_of_an_equation_that_does_not_run_is_saved_with_a_warning(model):
    done = call("set", model, "search leverage", "nothing_known / 2")
    assert "warning: the model cannot be run now" in done.stderr and "nothing known" in done.stderr.replace(
        "_", " "
    )
    assert sd.read(model).variables["search leverage"].equation == "nothing_known / 2"


def test_rename_keeps_the_run(model):
    run = sd.simulate(sd.load(model))
    call("rename", model, "search leverage", "leverage of search")
    renamed = sd.simulate(sd.load(model))
    assert renamed["capability"].equals(run["capability"])
    assert "leverage of search" in renamed and "search leverage" not in renamed


def test_an_unknown_name_is_an_error_that_leaves_the_file(model):
    before = model.read_bytes()
    done = call("set", model, "serch leverage", "2", code=1)
    assert done.stderr.strip().endswith("did you mean 'search leverage'?")
    assert model.read_bytes() == before


def test_diff_speaks_of_variables_loops_and_lines(model, tmp_path):
    other = tmp_path / f"other{model.suffix}"
    shutil.copy(model, other)
    call("set", other, "effective search space", "1")
    found = json.loads(call("diff", model, other, "--json").stdout)
    assert {"what": "changed", "name": "effective search space"}.items() <= found["differences"][0].items()
    assert any("effective search space" in loop for loop in found["loops_lost"]) and not found["loops_gained"]
    shown = call("diff", model, other).stdout
    assert "changed: effective search space" in shown and "loop lost: R: " in shown and "@@" in shown
    assert call("diff", model, model).stdout == ""
