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
from sdtheory.engines.vectorised import BLOCK, Result, run_vectorised
from sdtheory.errors import NoMachineCode, SDWarning

COMPILED = ("compiled", "compiled-exact")
PER_NODE = 1e-6  # seconds that numpy takes to begin an operation
PER_VALUE = 1e-9  # and for each number
# seconds of numpy from which on it pays to load machine code, and to make it
WORTH_LOADING, WORTH_MAKING = 0.1, 0.5


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
    steps = grid(program, Sample(inputs, np.arange(runs))).steps
    each = -(-runs // BLOCK) * PER_NODE + runs * PER_VALUE
    seconds = steps * len(program.step.nodes) * each
    if seconds < WORTH_LOADING or seconds >= WORTH_MAKING:
        return seconds >= WORTH_MAKING
    from sdtheory.engines.compiled import is_compiled

    try:
        return is_compiled(program, reduce=reduce)
    except NoMachineCode:
        return False


@cache
def _warn_once(message: str) -> None:
    warnings.warn(message, SDWarning, stacklevel=4)
