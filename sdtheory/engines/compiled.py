"""Run a program over many futures at once as machine code, several runs in each processor vector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from sdtheory.engines.graph import STEP, Program
from sdtheory.engines.kernel import Kernel, kernel
from sdtheory.engines.machine_code import Processor, function, function_at_once, is_at_hand, processor
from sdtheory.engines.memory import remembered
from sdtheory.engines.reducers import Reducer, checked
from sdtheory.engines.room import check_room
from sdtheory.engines.schedule import Sample
from sdtheory.engines.start import Start, grid
from sdtheory.engines.vector_code import Mathematics
from sdtheory.engines.vectorised import Result, why_diverged
from sdtheory.errors import NoMachineCode

BLOCK = 4096  # runs at a time: what they read and keep stays small
SHARES = 8  # blocks for each thread, so that all end at about the same time
# nodes of the step graph up to which so many vectors are computed side by side: one alone would wait for
# its own results, and more make more code
INTERLEAVED = ((60, 4), (1000, 2))
MOST_NODES = 30_000  # the compiler needs some ten seconds for so many, and all their values room on the stack


def run_compiled(
    program: Program,
    inputs: np.ndarray,
    *,
    method: str | None = None,
    exact: bool = False,
    reduce: Sequence[Reducer] | None = None,
    seed: int = 0,
    jobs: int | None = None,
    progress: Callable[[int], None] | None = None,
    lanes: int | None = None,
    first_run: int = 0,
) -> Result:
    """Run a program; the result is that of `run_vectorised`, up to rounding of mathematical functions.

    Parameters
    ----------
    program : Program
    inputs : array, shape (parameters, runs)
        A run's numbers depend neither on the other runs nor on `jobs`.
    method : str, optional
        ``euler`` or ``rk4``; the program's own when left out.
    exact : bool
        Mathematical functions of the C library, number by number, instead of its vector forms.
    reduce : sequence of Reducer, optional
        What to keep instead of the series.
    seed : int
        Of the random numbers.
    jobs : int, optional
        Threads; one when left out.
    progress : callable, optional
        Called with the number of runs done.
    lanes : int, optional
        Numbers in a processor vector; the most there are when left out.
    first_run : int
        Number of the first run in the whole sample, of which these may be a part.

    Raises
    ------
    SimulationError
        When the settings make no grid, or are not the same in every run.
    NoMachineCode
        When llvmlite is missing or refuses.
    """
    inputs = np.asarray(inputs, dtype=float)
    checked(reduce or (), program.outputs)
    machine = processor(lanes)
    sample = Sample(inputs, np.arange(first_run, first_run + inputs.shape[1]), seed)
    written = _written(
        program, _fixed(reduce), method or program.method, machine, exact, _lanes(program, machine)
    )
    runner = _Runner(program, sample, method or program.method, reduce, written)
    return runner.run(function(written.text, machine), max(jobs or 1, 1), progress)


def run_at_once(
    program: Program,
    inputs: np.ndarray,
    *,
    method: str | None = None,
    exact: bool = False,
    seed: int = 0,
    first_run: int = 0,
) -> Result:
    """Run a program once or a few times, with the least delay: what `run_compiled` gives, to the last bit.

    Its machine code computes one run after the other, is made in about a tenth of the time, and forgotten
    with the process.

    Parameters
    ----------
    program, inputs, method, exact, seed, first_run
        As of `run_compiled`.

    Raises
    ------
    SimulationError
        When the settings make no grid, or are not the same in every run.
    NoMachineCode
        When llvmlite is missing or refuses.

    Examples
    --------
    >>> import sdtheory as sd
    >>> from sdtheory.engines.program import make_program
    >>> program = make_program(sd.load("models/m0_seed.xmile"), outputs=["capability"])
    >>> run_at_once(program, np.empty((0, 1))).status.tolist()
    ['ok']
    """
    inputs = np.asarray(inputs, dtype=float)
    machine = processor()
    sample = Sample(inputs, np.arange(first_run, first_run + inputs.shape[1]), seed)
    written = _written(program, None, method or program.method, machine, exact, 1)
    runner = _Runner(program, sample, method or program.method, None, written)
    return runner.run(function_at_once(written.text, machine), 1, None)


def is_compiled(
    program: Program,
    *,
    method: str | None = None,
    exact: bool = False,
    reduce: Sequence[Reducer] | None = None,
) -> bool:
    """Whether `run_compiled` would find the machine code in memory or on disk."""
    machine = processor()
    lanes = _lanes(program, machine)
    written = _written(program, _fixed(reduce), method or program.method, machine, exact, lanes)
    return is_at_hand(written.text, machine)


@remembered
def _written(
    program: Program,
    reduce: tuple[Reducer, ...] | None,
    method: str,
    machine: Processor,
    exact: bool,
    lanes: int,
) -> Kernel:
    if len(program.step.nodes) > MOST_NODES:
        raise NoMachineCode(
            f"the model has {len(program.step.nodes):,} operations a step; the compiler takes {MOST_NODES:,}"
        )
    mathematics = machine.mathematics
    if exact:
        mathematics = Mathematics(mathematics.lanes, permutes=mathematics.permutes)
    return kernel(program, reduce, method, lanes, mathematics)


def _fixed(reduce: Sequence[Reducer] | None) -> tuple[Reducer, ...] | None:
    return None if reduce is None else tuple(reduce)


def _lanes(program: Program, machine: Processor) -> int:
    """Runs side by side."""
    nodes = program.step.rates.count(STEP)
    side_by_side = next((count for most, count in INTERLEAVED if nodes <= most), 1)
    return machine.mathematics.lanes * side_by_side


class _Runner:
    def __init__(
        self,
        program: Program,
        sample: Sample,
        method: str,
        reduce: Sequence[Reducer] | None,
        written: Kernel,
    ):
        self.program = program
        self.sample = sample
        self.clock = clock = grid(program, sample)
        self.method = method
        self.lanes = written.lanes
        self.constants = written.constants
        self.names = list(program.outputs) if reduce is None else [one.name for one in reduce]
        runs = len(sample.runs)
        rows = len(range(0, clock.steps + 1, clock.stride)) if reduce is None else 1
        check_room(len(self.names), runs, rows, program.limits)
        self.times = clock.saved
        shape = (len(self.names), runs) if reduce is not None else (len(self.names), runs, len(self.times))
        self.values = np.empty(shape)
        self.ends = np.empty(runs)

    def run(self, function: Callable[..., None], jobs: int, progress: Callable[[int], None] | None) -> Result:
        """All runs by the kernel's function, in blocks that threads take one after the other."""
        self.function = function
        runs = len(self.sample.runs)
        size = min(BLOCK, max(runs // (jobs * SHARES), 1))
        size = -(-size // self.lanes) * self.lanes
        firsts = range(0, runs, size)
        with ThreadPoolExecutor(jobs) as pool:
            for done in pool.map(lambda first: self._block(first, min(first + size, runs)), firsts):
                if progress is not None:
                    progress(done)
        diverged = np.flatnonzero(~np.isnan(self.ends))
        status, message = np.full(runs, "ok", dtype=object), np.full(runs, "", dtype=object)
        if len(diverged):
            status[diverged] = "diverged"
            why = why_diverged(self.program, self.sample.part(diverged), self.clock, self.method)
            # another rounding of a function may have spared a run there
            message[diverged] = [
                text or f"a stock is not finite at time {end:g}"
                for text, end in zip(why, self.ends[diverged], strict=True)
            ]
        return Result(self.times, dict(zip(self.names, self.values, strict=True)), status, message)

    def _block(self, first: int, last: int) -> int:
        """Some runs, filled up with copies of the last one to whole vectors."""
        runs = -(-(last - first) // self.lanes) * self.lanes
        part = self.sample.part(np.minimum(np.arange(first, first + runs), last - 1))
        start = Start(self.program, part, self.clock)
        values, ends = self.values[:, first:last], self.ends[first:last]
        if first + runs > last:
            values, ends = np.empty((len(self.names), runs, *self.values.shape[2:])), np.empty(runs)
        self._call(part, start, values, ends)
        if first + runs > last:
            self.values[:, first:last] = values[:, : last - first]
            self.ends[first:last] = ends[: last - first]
        return last

    def _call(self, part: Sample, start: Start, values: np.ndarray, ends: np.ndarray) -> None:
        runs = len(part.runs)
        inputs = np.ascontiguousarray(part.inputs)
        delays = np.array(list(start.delays.values()), dtype=np.int64).reshape(len(start.delays), runs)
        lengths = delays.max(axis=1)
        scratch = np.empty(int(lengths.sum()) * self.lanes)
        arrays = (inputs, start.states, delays, lengths, scratch, self.constants, values, ends)
        clock = self.clock
        half = (self.times[1] - self.times[0]) * 0.5 if len(self.times) > 1 else 0.0
        self.function(
            *(array.ctypes.data for array in arrays),
            values.strides[0] // values.itemsize if len(values) else 0,
            runs,
            clock.steps,
            clock.stride,
            len(self.times),
            clock.start,
            clock.time_step,
            half,
            _signed(self.sample.seed),
            int(part.runs[0]),
        )


def _signed(seed: int) -> Any:
    """The lowest 64 bits of a seed, as a signed number."""
    return (seed + 2**63) % 2**64 - 2**63
