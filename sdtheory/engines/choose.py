"""Which of the batch engines runs a program."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from sdtheory.engines.graph import Program
from sdtheory.engines.reducers import Reducer
from sdtheory.engines.schedule import Sample
from sdtheory.engines.start import grid
from sdtheory.engines.vectorised import Result, block_size, run_vectorised
from sdtheory.errors import NoMachineCode, SDWarning

COMPILED = ("compiled", "compiled-exact")
PER_NODE = 1e-6  # seconds that numpy takes to begin an operation
PER_VALUE = 1e-9  # and for each number
WORTH_LOADING = 0.1  # seconds of numpy from which on it pays to load machine code
MAKING, MAKING_NODE = 0.4, 4e-4  # seconds that it takes to make, and for each node


def run_program(
    program: Program,
    inputs: np.ndarray,
    engine: str,
    *,
    reduce: Sequence[Reducer] | None = None,
    seed: int = 0,
    jobs: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[Result, str]:
    """Run a program on an engine, or on the one that is likely to be quickest.

    Parameters
    ----------
    program : Program
    inputs : array, shape (parameters, runs)
    engine : str
        ``auto``, ``compiled``, ``compiled-exact`` or ``vectorised``.
    reduce, seed, jobs, progress
        As of `run_vectorised`.

    Returns
    -------
    Result, str
        And the engine that ran: ``vectorised``, with a warning, where machine code cannot be made.
    """
    if engine in COMPILED or (engine == "auto" and _pays(program, inputs, reduce)):
        from sdtheory.engines.compiled import run_compiled

        exact = engine == "compiled-exact"
        try:
            result = run_compiled(
                program, inputs, exact=exact, reduce=reduce, seed=seed, jobs=jobs, progress=progress
            )
            return result, "compiled-exact" if exact else "compiled"
        except NoMachineCode as error:
            _warn_once(f"{error.message}; the vectorised engine runs in its place")
    result = run_vectorised(program, inputs, reduce=reduce, seed=seed, jobs=jobs, progress=progress)
    return result, "vectorised"


def _pays(program: Program, inputs: np.ndarray, reduce: Sequence[Reducer] | None) -> bool:
    """Whether machine code is worth its making or, where it lies ready, its loading."""
    runs = inputs.shape[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SDWarning)  # the engine will say it
        steps = grid(program, Sample(inputs, np.arange(runs))).steps
    nodes = len(program.step.nodes)
    seconds = steps * nodes * (-(-runs // block_size(program)) * PER_NODE + runs * PER_VALUE)
    making = MAKING + nodes * MAKING_NODE
    if seconds < WORTH_LOADING or seconds >= making:
        return seconds >= making
    from sdtheory.engines.compiled import is_compiled

    try:
        return is_compiled(program, reduce=reduce)
    except NoMachineCode:
        return False


@cache
def _warn_once(message: str) -> None:
    warnings.warn(message, SDWarning, stacklevel=4)
