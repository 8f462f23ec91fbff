"""Run a program over many futures at once with numpy, in blocks of runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdtheory.engines.clock import Clock
from sdtheory.engines.divergence import reason
from sdtheory.engines.graph import RUN, STEP, TIME, Program
from sdtheory.engines.reducers import Reducer, checked, reduced
from sdtheory.engines.room import check_room
from sdtheory.engines.schedule import Sample, Schedule
from sdtheory.engines.start import Start, grid

# runs at a time: many, since each operation costs about as much to begin as a thousand numbers do, but few
# enough for the values of a step to stay in the processor's outer cache
MOST, LEAST, BYTES = 8192, 1024, 2**23


@dataclass(frozen=True)
class Result:
    """Runs of a program.

    Attributes
    ----------
    times : array, shape (times,)
    values : mapping of str to array
        By column of the program, shape (runs, times); when reduced by ``kind(output)`` as
        `sdtheory.engines.reducers.Reducer.name` writes it, shape (runs,).
    status, message : arrays of str, shape (runs,)
    """

    times: np.ndarray
    values: Mapping[str, np.ndarray]
    status: np.ndarray
    message: np.ndarray


def run_vectorised(
    program: Program,
    inputs: np.ndarray,
    *,
    method: str | None = None,
    reduce: Sequence[Reducer] | None = None,
    seed: int = 0,
    block: int | None = None,
    jobs: int | None = None,
    progress: Callable[[int], None] | None = None,
    first_run: int = 0,
) -> Result:
    """Run a program.

    Parameters
    ----------
    program : Program
    inputs : array, shape (parameters, runs)
        A run's numbers depend neither on the other runs nor on `block` or `jobs`.
    method : str, optional
        ``euler`` or ``rk4``; the program's own when left out.
    reduce : sequence of Reducer, optional
        What to keep instead of the series.
    seed : int
        Of the random numbers.
    block : int, optional
        Runs computed side by side; by the size of the program when left out.
    jobs : int, optional
        Threads; one when left out.
    progress : callable, optional
        Called with the number of runs done.
    first_run : int
        Number of the first run in the whole sample, on which its random numbers depend.

    Raises
    ------
    SimulationError
        When the settings make no grid, or are not the same in every run.
    """
    inputs = np.asarray(inputs, dtype=float)
    runs = inputs.shape[1]
    sample = Sample(inputs, np.arange(first_run, first_run + runs), seed)
    checked(reduce or (), program.outputs)
    clock = grid(program, sample)
    block = block or block_size(program)
    rows = len(range(0, clock.steps + 1, clock.stride))
    if reduce is None:
        check_room(len(program.outputs), runs, rows, program.limits)
    else:  # each block keeps its series until they are reduced
        check_room(len({one.output for one in reduce}), min(block, runs), rows, program.limits)

    def run(first: int) -> Result:
        part = sample.part(slice(first, min(first + block, runs)))
        with np.errstate(all="ignore"):
            return _Block(program, part, clock, method or program.method, reduce).run()

    blocks = []
    firsts = range(0, runs, block)
    with ThreadPoolExecutor(max(jobs or 1, 1)) as pool:
        for first, result in zip(firsts, pool.map(run, firsts), strict=True):
            blocks.append(result)
            if progress is not None:
                progress(min(first + block, runs))
    if len(blocks) == 1:
        return blocks[0]
    return Result(
        clock.saved,
        {name: np.concatenate([one.values[name] for one in blocks]) for name in blocks[0].values},
        np.concatenate([one.status for one in blocks]),
        np.concatenate([one.message for one in blocks]),
    )


def block_size(program: Program) -> int:
    """Runs that are computed side by side."""
    return min(max(BYTES // (8 * max(len(program.step.nodes), 1)), LEAST), MOST)


def why_diverged(program: Program, sample: Sample, clock: Clock, method: str) -> np.ndarray:
    """Why runs diverged, in the words of `run_vectorised`; empty for a run that does not.

    Parameters
    ----------
    program : Program
    sample : Sample
        The runs, which are made again until each has diverged.
    clock : Clock
    method : str

    Returns
    -------
    array of str, shape (runs,)
    """
    found = []
    block = block_size(program)
    for first in range(0, len(sample.runs), block):
        part = sample.part(slice(first, first + block))
        with np.errstate(all="ignore"):
            found.append(_Block(program, part, clock, method, ()).run().message)
    return np.concatenate(found)


class _Block:
    """A block of runs."""

    def __init__(
        self, program: Program, sample: Sample, clock: Clock, method: str, reduce: Sequence[Reducer] | None
    ):
        self.program = program
        self.method = method
        self.clock = clock
        self.reduce = reduce
        self.asked = len(sample.runs)
        if self.asked == 1:  # numpy has a power of its own for arrays of one number
            sample = sample.part(np.array([0, 0]))
        self.sample = sample
        self.runs = len(sample.runs)
        kinds = [state.kind for state in program.states]
        self.integrals = [place for place, kind in enumerate(kinds) if kind == "integral"]
        self.held = [place for place, kind in enumerate(kinds) if kind == "held"]
        self.clipped = [place for place, state in enumerate(program.states) if state.non_negative]
        self._make_room(Start(program, sample, clock))
        nodes = program.step.nodes
        self.slopes = [program.states[place].rate or 0 for place in self.integrals]
        self.schedule = Schedule(
            program, program.step, into=dict(zip(self.slopes, self.slope, strict=True)), runs=self.runs
        )
        self.values: list[Any] = [None] * len(nodes)
        self.moments = [place for place, node in enumerate(nodes) if node[0] == "time"]
        self.schedule.leaves(self.values, sample.inputs)
        for place, node in enumerate(nodes):
            if node[0] == "state":
                self.values[place] = self.read[node[1]]
        self.schedule.run(RUN, self.values)

    def _make_room(self, start: Start) -> None:
        """Lay the states and the rates of the continuous ones side by side: other states, stocks, rates."""
        others = [place for place in range(len(self.program.states)) if place not in self.integrals]
        room = np.empty((len(others) + 2 * len(self.integrals), self.runs))
        self.stocks, self.slope = np.split(room[len(others) :], 2)
        self.checked = room[len(others) :]
        self.states = dict(zip([*others, *self.integrals], room, strict=False))
        for place, row in self.states.items():
            row[...] = start.states[place]
        # what the rates are taken at
        self.stage = self.stocks.copy() if self.method == "rk4" else self.stocks
        self.read = {**self.states, **dict(zip(self.integrals, self.stage, strict=True))}
        self.pipelines = [
            _Pipeline(place, self.program.states[place].rate or 0, delays, self.states[place])
            for place, delays in start.delays.items()
        ]

    def rates(self, time: float) -> np.ndarray:
        """Derivatives of the continuous states, in `slope`; leaves every value of the moment in `values`."""
        values = self.values
        for place in self.moments:
            values[place] = np.float64(time)
        self.schedule.run(TIME, values)
        self.schedule.run(STEP, values)
        for row, node in zip(self.slope, self.slopes, strict=True):
            if values[node] is not row:
                row[...] = values[node]
        return self.slope

    def run(self) -> Result:
        """All steps; rows of a run that diverged are NaN from the moment on."""
        saved = self.clock.saved
        outputs = self.program.outputs
        if self.reduce is not None:
            outputs = {one.output: outputs[one.output] for one in self.reduce}
        kept = {name: np.empty((len(saved), self.runs)) for name in outputs}
        alive = np.ones(self.runs, dtype=bool)
        message = np.full(self.runs, "", dtype=object)
        step, stride = self.clock.time_step, self.clock.stride
        for k in range(self.clock.steps + 1):
            time = self.clock.start + k * step
            self.schedule.draw(self.values, self.sample, k)
            self.rates(time)
            # a sum that is finite is one of finite numbers
            fine = alive
            if not np.isfinite(np.add.reduce(self.checked, axis=None)):
                fine = alive & np.isfinite(self.checked).all(axis=0)
            if k % stride == 0:
                for output in self.program.watched:
                    fine = fine & np.isfinite(self.values[self.program.outputs[output]])
            if fine is not alive:
                for run in np.flatnonzero(alive & ~fine):
                    message[run] = self._reason(int(run), time)
                alive = fine
                if not alive.any():
                    for series in kept.values():
                        series[-(-k // stride) :] = np.nan
                    break
            if k % stride == 0:
                for name, node in outputs.items():
                    kept[name][k // stride] = self.values[node]
                if not alive.all():
                    for series in kept.values():
                        series[k // stride, ~alive] = np.nan
            if k < self.clock.steps:
                self._advance(k, time)
        status = np.where(alive, "ok", "diverged").astype(object)
        asked = slice(0, self.asked)
        values = {name: series.T[asked] for name, series in kept.items()}
        if self.reduce is not None:
            values = {one.name: reduced(one, saved, values[one.output]) for one in self.reduce}
        return Result(saved, values, status[asked], message[asked])

    def _reason(self, run: int, time: float) -> str:
        for place in self.integrals:
            value = self.states[place][run]
            if not np.isfinite(value):
                return f'"{self.program.states[place].name}" is {value:g} at time {time:g}'
        return reason(self.program, self.values, run, time)

    def _advance(self, k: int, time: float) -> None:
        """Move the states on by a step."""
        following = {
            place: np.array(self.values[self.program.states[place].rate or 0]) for place in self.held
        }
        for pipeline in self.pipelines:
            following[pipeline.place] = pipeline.passed_on(k, self.values)
        if self.method == "rk4":
            self.slope[...] = self._runge_kutta(time)
        self.slope *= self.clock.time_step
        self.stocks += self.slope
        for place, value in following.items():
            self.states[place][...] = value
        for place in self.clipped:
            np.maximum(self.states[place], 0.0, out=self.states[place])
        if self.method == "rk4":
            self.stage[...] = self.stocks

    def _runge_kutta(self, time: float) -> np.ndarray:
        """The classic fourth-order slope; held, delayed and random values stay through the stages."""
        step = self.clock.time_step
        slopes = [self.slope.copy()]
        for fraction in (0.5, 0.5, 1.0):
            np.add(self.stocks, fraction * step * slopes[-1], out=self.stage)
            slopes.append(self.rates(time + fraction * step).copy())
        first, second, third, fourth = slopes
        return (first + 2 * second + 2 * third + fourth) / 6


class _Pipeline:
    """Values on their way through a DELAY FIXED; each run may have its own delay."""

    def __init__(self, place: int, rate: int, delays: np.ndarray, initial: np.ndarray):
        self.place = place
        self.rate = rate
        self.delays = delays
        self.initial = initial.copy()
        self.ring = np.empty((int(delays.max()), len(delays)))

    def passed_on(self, k: int, values: list[Any]) -> np.ndarray:
        """Take in the value of step k; give the output of step k + 1."""
        self.ring[k % len(self.ring)] = values[self.rate]
        source = k + 1 - self.delays
        columns = np.arange(self.ring.shape[1])
        return np.where(source < 0, self.initial, self.ring[source % len(self.ring), columns])
