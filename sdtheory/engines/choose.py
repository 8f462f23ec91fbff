"""Which of the batch engines runs a program."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from sdtheory.engines.graph import Program
from sdtheory.engines.reducers import Reducer
from sdtheory.engines.schedule import Sample
from sdtheory.engines.start import grid
from sdtheory.engines.vectorised import Result, block_size, run_vectorised
from sdtheory.errors import NoMachineCode, SDWarning, SimulationError

COMPILED = ("compiled", "compiled-exact")
PER_NODE = 1e-6  # seconds that numpy takes to begin an operation
PER_VALUE = 1e-9  # and for each number
WORTH_LOADING = 0.06  # seconds of numpy from which on it pays to load machine code
MAKING, MAKING_NODE = (
    0.15,
    7e-4,
)  # seconds that it takes to load the compiler and make code, and for each node
AGAIN = 4  # how often a program is taken to be run: what runs once is mostly run again, and code is kept


def run_program(
    program: Program,
    inputs: np.ndarray,
    engine: str,
    *,
    reduce: Sequence[Reducer] | None = None,
    seed: int = 0,
    jobs: int | None = None,
    progress: Callable[[int], None] | None = None,
    first_run: int = 0,
) -> tuple[Result, str]:
    """Run a program on an engine, or on the one that is likely to be quickest.

    Parameters
    ----------
    program : Program
    inputs : array, shape (parameters, runs)
    engine : str
        ``auto``, ``compiled``, ``compiled-exact`` or ``vectorised``.
    reduce, seed, jobs, progress, first_run
        As of `run_vectorised`.

    Returns
    -------
    Result, str
        And the engine that ran: ``vectorised``, with a warning, where machine code cannot be made.
    """
    if engine == "auto" and inputs.shape[1] == 1 and reduce is None:
        return _run_one(program, inputs, seed, progress, first_run)
    given: Any = {
        "reduce": reduce, "seed": seed, "jobs": jobs, "progress": progress, "first_run": first_run
    }  # fmt: skip
    if engine in COMPILED or (engine == "auto" and _pays(program, inputs, reduce)):
        from sdtheory.engines.compiled import run_compiled

        exact = engine == "compiled-exact"
        try:
            result = run_compiled(program, inputs, exact=exact, **given)
            return result, "compiled-exact" if exact else "compiled"
        except NoMachineCode as error:
            _warn_once(f"{error.message}; the vectorised engine runs in its place")
    return run_vectorised(program, inputs, **given), "vectorised"


def _run_one(
    program: Program,
    inputs: np.ndarray,
    seed: int,
    progress: Callable[[int], None] | None,
    first_run: int,
) -> tuple[Result, str]:
    """A single run, for which machine code need not be good, but soon there."""
    if _seconds(program, inputs) >= WORTH_LOADING:
        from sdtheory.engines.compiled import run_at_once

        try:
            result = run_at_once(program, inputs, seed=seed, first_run=first_run)
            if progress is not None:
                progress(1)
            return result, "compiled"
        except NoMachineCode as error:
            _warn_once(f"{error.message}; the vectorised engine runs in its place")
    result = run_vectorised(program, inputs, seed=seed, progress=progress, first_run=first_run)
    return result, "vectorised"


def quickest(program: Program, inputs: np.ndarray) -> str:
    """The engine for so many runs, by arithmetic alone: whatever lies in the cache, the choice is the same."""
    try:
        seconds = _seconds(program, inputs)
    except SimulationError:  # some run cannot be made; that is told when it is its turn
        return "compiled"
    return "compiled" if AGAIN * seconds >= _making(program) else "vectorised"


def _seconds(program: Program, inputs: np.ndarray) -> float:
    """About how long numpy takes."""
    runs = inputs.shape[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SDWarning)  # the engine will say it
        steps = grid(program, Sample(inputs, np.arange(runs))).steps
    nodes = len(program.step.nodes)
    return steps * nodes * (-(-runs // block_size(program)) * PER_NODE + runs * PER_VALUE)


def _making(program: Program) -> float:
    return MAKING + len(program.step.nodes) * MAKING_NODE


def _pays(program: Program, inputs: np.ndarray, reduce: Sequence[Reducer] | None) -> bool:
    """Whether machine code is worth its making or, where it lies ready, its loading."""
    seconds = _seconds(program, inputs)
    if seconds < WORTH_LOADING or AGAIN * seconds >= _making(program):
        return seconds >= WORTH_LOADING
    from sdtheory.engines.compiled import is_compiled

    try:
        return is_compiled(program, reduce=reduce)
    except NoMachineCode:
        return False


@cache
def _warn_once(message: str) -> None:
    warnings.warn(message, SDWarning, stacklevel=4)
