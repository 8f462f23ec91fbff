"""Machine code on disk: used when it is whole and the user's own, made again otherwise."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from sdtheory.engines import machine_code
from sdtheory.engines.compiled import is_compiled, run_compiled
from sdtheory.engines.program import make_program
from sdtheory.errors import NoMachineCode, SDWarning
from sdtheory.model.expression import Binary, Name, Number
from sdtheory.model.model import Equation, Model, SimulationSettings, Stock

POSIX = pytest.mark.skipif(not hasattr(os, "getuid"), reason="the platform has no owners in POSIX's sense")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty cache, and nothing in memory."""
    monkeypatch.setenv("SDTHEORY_CACHE", str(tmp_path))
    machine_code.forget()
    return tmp_path / "machine-code"


@pytest.fixture(scope="module")
def program():
    growth = Binary("*", Name("x"), Number(0.1))
    stock = Stock("x", (Equation(growth, initial=Number(1.0)),))
    settings = SimulationSettings(Number(0.0), Number(3.0), Number(1.0), Number(1.0))
    return make_program(Model("m", {"x": stock}, settings), outputs=["x"])


def run(program):
    return run_compiled(program, np.empty((0, 2))).values["x"][0]


def compiled(monkeypatch) -> list[str]:
    """The texts that are compiled from now on."""
    made: list[str] = []
    compile_text = machine_code._compiled
    monkeypatch.setattr(
        machine_code, "_compiled", lambda text, machine: made.append(text) or compile_text(text, machine)
    )
    return made


def test_machine_code_is_made_once_and_then_read(home, program, monkeypatch):
    assert not is_compiled(program)
    made = compiled(monkeypatch)
    first = run(program)
    machine_code.forget()
    assert is_compiled(program)
    np.testing.assert_array_equal(run(program), first)
    assert len(made) == 1


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[:-1], lambda data: b"", lambda data: data[:40], lambda data: data + b"\0",
     lambda data: bytes([data[0] ^ 1]) + data[1:], lambda data: data[:-9] + bytes([data[-9] ^ 128]) + data[-8:]],
)  # fmt: skip
def test_a_damaged_file_is_reported_and_made_again(home, program, monkeypatch, damage):
    first = run(program)
    (path,) = home.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    machine_code.forget()
    made = compiled(monkeypatch)
    with pytest.warns(SDWarning, match="is damaged; it is made again"):
        np.testing.assert_array_equal(run(program), first)
    assert len(made) == 1
    machine_code.forget()
    run(program)
    assert len(made) == 1


@POSIX
@pytest.mark.parametrize("others", [0o770, 0o707])
def test_a_folder_that_others_may_write_to_is_not_used(home, program, others):
    first = run(program)
    home.chmod(others)
    machine_code.forget()
    with pytest.warns(SDWarning, match="others may write to it"):
        np.testing.assert_array_equal(run(program), first)


def test_the_key_depends_on_text_processor_and_width():
    machine = machine_code.processor()
    narrow = machine_code.processor(2)
    keys = {machine_code.key_of(text, one) for text in ("a", "b") for one in (machine, narrow)}
    assert len(keys) == (4 if machine != narrow else 2)


def test_what_the_compiler_refuses_is_said_in_one_line():
    with pytest.raises(NoMachineCode, match=r"LLVM refuses the model: .*expected") as caught:
        machine_code.function("define nonsense", machine_code.processor())
    assert "\n" not in str(caught.value)


def test_another_process_finds_the_machine_code(home, program, tmp_path):
    model = tmp_path / "model.mdl"
    model.write_text(
        "{UTF-8}\nx= INTEG (0.1*x, 1) ~ ~ |\nINITIAL TIME= 0 ~ ~ |\nFINAL TIME= 3 ~ ~ |\n"
        "TIME STEP= 1 ~ ~ |\nSAVEPER= 1 ~ ~ |\n",
        encoding="utf-8",
    )
    code = (
        "import sdtheory as sd, sys\n"
        "from sdtheory.engines import machine_code\n"
        "made = []\n"
        "compile_text = machine_code._compiled\n"
        "machine_code._compiled = lambda text, machine: made.append(text) or compile_text(text, machine)\n"
        "run = sd.simulate(sd.load(sys.argv[1]), engine='compiled')\n"
        "print(len(made), run['x'].iloc[-1])\n"
    )
    answers = [
        subprocess.run(
            [sys.executable, "-c", code, str(model)], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    ]
    assert answers[0].split()[0] == "1" and answers[1].split()[0] == "0"
    assert answers[0].split()[1] == answers[1].split()[1]
