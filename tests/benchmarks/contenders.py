"""The engines whose speed is compared, each by its quickest fair route."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import benchmark_models
import numpy as np
from cases import Case

import sdtheory as sd

Sample = Mapping[str, np.ndarray]
Run = Callable[[Sample], Sequence[Any]]  # for each output an array (runs,) or (runs, rows)
SIDE = 64  # runs at once in sir.c


class Absent(Exception):
    """An engine that cannot take part, and why."""


@dataclass(frozen=True)
class Contender:
    """An engine and its route.

    Parameters
    ----------
    name : str
    runs : int
        In one go.
    keeps : str
        What it stores of each run.
    prepare : callable
        From a case to what runs a sample of it; `Absent` when the engine cannot.
    """

    name: str
    runs: int
    keeps: str
    prepare: Callable[[Case], Run]


def ours(engine: str, case: Case) -> Run:
    """The package's public route: everything that a call of `simulate_many` does, machine code in memory."""
    reduce = "final" if case.keep == "final" else None

    def run(sample: Sample) -> list[np.ndarray]:
        found = sd.simulate_many(case.model, sample, outputs=case.outputs, engine=engine, reduce=reduce)
        return [found[name].values for name in case.outputs]

    return run


def pysimlin(case: Case) -> Run:
    """One `Sim`, set back before each run; never `run`, which analyses loops as well."""
    try:
        import simlin
    except ImportError:
        raise Absent("pysimlin is not installed") from None
    sim = simlin.Project.open(case.path).main_model.simulate()
    spelled = {name: name.replace(" ", "_").lower() for name in (*case.outputs, *case.sample(1))}

    def run(sample: Sample) -> list[np.ndarray]:
        kept = []
        names = [spelled[name] for name in sample]
        for values in zip(*sample.values(), strict=True):
            sim.reset()
            for name, value in zip(names, values, strict=True):
                sim.set_value(name, value)
            sim.run_to_end()
            series = [sim.get_series(spelled[name]) for name in case.outputs]
            kept.append([one[-1] for one in series] if case.keep == "final" else series)
        return list(np.array(kept).swapaxes(0, 1))

    return run


def by_hand(function: str, case: Case) -> Run:
    """The epidemic written in C; the stock that nothing reads is left out, as the package leaves it out."""
    if case.path.stem != "sir":
        raise Absent("only SIR is written by hand")
    call = getattr(_library(), function)
    whole = case.keep == "final"
    steps = [ctypes.c_long(number) for number in ((3200, 0, 1) if whole else (0, 32, 101))]

    def run(sample: Sample) -> list[np.ndarray]:
        columns = [np.ascontiguousarray(sample[name]) for name in benchmark_models.SIR_RANGES]
        runs = len(columns[0])
        kept = np.empty((runs,) if whole else (runs, 101))
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in (*columns, kept)]
        call(*pointers, ctypes.c_long(runs), *steps, ctypes.c_double(0.03125))
        return [kept]

    return run


@cache
def _library() -> ctypes.CDLL:
    compiler = next(filter(None, map(shutil.which, ("gcc", "clang"))), None)
    if compiler is None:
        raise Absent("there is no C compiler (gcc or clang)")
    # no name is ever used again: a library that is loaded stays loaded
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "sir.so"
        command = [compiler, "-O3", "-march=native", "-ffp-contract=off", "-shared", "-fPIC", "-o", str(made)]
        done = subprocess.run(
            [*command, str(Path(__file__).with_name("sir.c"))], capture_output=True, text=True
        )
        if done.returncode:
            raise Absent(f"{compiler} fails: {done.stderr.strip().splitlines()[-1]}")
        return ctypes.CDLL(str(made))


PYSD, PYSIMLIN, VECTORISED, COMPILED, EXACT = "PySD", "pysimlin", "vectorised", "compiled", "compiled-exact"
SCALAR, AT_ONCE = "hand C", "hand C, 64 at once"
CONTENDERS = (
    Contender(PYSD, 2, "all variables of one run", partial(ours, "reference")),
    Contender(PYSIMLIN, 128, "all variables of one run", pysimlin),
    Contender(VECTORISED, 2048, "series of the outputs", partial(ours, "vectorised")),
    Contender(COMPILED, 8192, "what is asked for", partial(ours, "compiled")),
    Contender(EXACT, 8192, "what is asked for", partial(ours, "compiled-exact")),
    Contender(SCALAR, 1024, "what is asked for", partial(by_hand, "scalar")),
    Contender(AT_ONCE, 128 * SIDE, "what is asked for", partial(by_hand, "side_by_side")),
)
JUDGED = (VECTORISED, COMPILED, EXACT)
# what does not move when our engines do
YARDSTICKS = (PYSD, PYSIMLIN, SCALAR, AT_ONCE)
