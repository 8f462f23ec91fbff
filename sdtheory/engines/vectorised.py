"""Run a program over many futures at once with numpy: no compiler, and it names the culprit on divergence."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sdtheory.engines.program import OPERATIONS, RUN, STEP, TIME, Graph, Program
from sdtheory.errors import LimitError, SimulationError
from sdtheory.model.expression import interpolate, number_text

BLOCK = 1024  # runs at a time: live values of a middling model then stay in the processor's cache
MOST_STEPS = 10_000_000
GRID_SLACK = 1e-6


@dataclass(frozen=True)
class Clock:
    """The grid of a run."""

    start: float
    time_step: float
    steps: int
    stride: int

    @property
    def saved(self) -> np.ndarray:
        """Times of the saved rows."""
        return self.start + np.arange(0, self.steps + 1, self.stride) * self.time_step


@dataclass(frozen=True)
class Result:
    """Runs of a program.

    Attributes
    ----------
    times : array, shape (times,)
    values : mapping of column name to array, shape (runs, times)
    status, message : arrays of str, shape (runs,)
    """

    times: np.ndarray
    values: Mapping[str, np.ndarray]
    status: np.ndarray
    message: np.ndarray


def clock(start: float, stop: float, time_step: float, save_every: float) -> Clock:
    """The grid for these settings.

    Raises
    ------
    SimulationError
        When the settings make no grid, or rows would be saved between steps.

    Examples
    --------
    >>> clock(0.0, 2.0, 0.5, 1.0).saved
    array([0., 1., 2.])
    """
    if not all(map(math.isfinite, (start, stop, time_step, save_every))):
        raise SimulationError("INITIAL TIME, FINAL TIME, TIME STEP and SAVEPER must be finite numbers")
    if time_step <= 0:
        raise SimulationError(f"TIME STEP is {time_step:g}", remedy="give a number above 0")
    if stop < start:
        raise SimulationError(f"FINAL TIME {stop:g} lies before INITIAL TIME {start:g}")
    exact = (stop - start) / time_step
    if exact > MOST_STEPS:
        raise LimitError(f"{exact:,.0f} time steps; the limit is {MOST_STEPS:,}", remedy="raise TIME STEP")
    ratio = save_every / time_step
    stride = round(ratio)
    if stride < 1 or abs(ratio - stride) > GRID_SLACK * max(ratio, 1.0):
        low = max(math.floor(ratio), 1) * time_step
        near = " or ".join(
            number_text(float(f"{value:.12g}")) for value in dict.fromkeys((low, low + time_step))
        )
        raise SimulationError(
            f"SAVEPER {number_text(save_every)} is not a multiple of TIME STEP {number_text(time_step)}",
            remedy=f"nearest: {near}",
        )
    return Clock(start, time_step, math.floor(exact + GRID_SLACK), stride)


class _Run:
    """One block of runs."""

    def __init__(self, program: Program, inputs: np.ndarray):
        self.program = program
        self.inputs = inputs
        self.runs = inputs.shape[1]

    def evaluate(
        self, graph: Graph, values: list[Any], which: tuple[int, ...], time: float, states: Any
    ) -> None:
        """Compute the nodes whose value changes as often as `which` says."""
        for place, node in enumerate(graph.nodes):
            if graph.rates[place] not in which:
                continue
            operation = node[0]
            if operation == "const":
                values[place] = np.float64(float.fromhex(node[1]))
            elif operation == "parameter":
                values[place] = self.inputs[node[1]]
            elif operation == "time":
                values[place] = np.float64(time)
            elif operation == "state":
                values[place] = states[node[1]]
            elif operation == "table":
                values[place] = interpolate(self.program.tables[node[1]], values[node[2]])
            else:
                values[place] = OPERATIONS[operation](*(values[argument] for argument in node[1:]))


def grid(program: Program, inputs: np.ndarray) -> Clock:
    """The grid that a program's settings ask for; every run of a block must ask for the same."""
    run = _Run(program, inputs)
    values: list[Any] = [None] * len(program.initial.nodes)
    start = 0.0
    for _ in range(2):  # the start itself is a value of the initial graph
        run.evaluate(program.initial, values, (0, RUN), start, None)
        found = {word: np.unique(values[node]) for word, node in program.settings.items()}
        if any(len(one) != 1 for one in found.values()):
            raise SimulationError(
                "INITIAL TIME, FINAL TIME, TIME STEP and SAVEPER must be the same in every run"
            )
        start = float(found["start"][0])
    stop, step, save = (float(found[word][0]) for word in ("stop", "time_step", "save_every"))
    return clock(start, stop, step, save)


def run_vectorised(
    program: Program,
    inputs: np.ndarray,
    *,
    method: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> Result:
    """Run a program.

    Parameters
    ----------
    program : Program
    inputs : array, shape (parameters, runs)
        A run's numbers do not depend on the other runs.
    method : str, optional
        ``euler`` or ``rk4``; the program's own when left out.
    progress : callable, optional
        Called with the number of runs done.

    Returns
    -------
    Result
    """
    inputs = np.asarray(inputs, dtype=float)
    runs = inputs.shape[1]
    blocks = []
    for first in range(0, runs, BLOCK):
        blocks.append(_run_block(program, inputs[:, first : first + BLOCK], method or program.method))
        if progress is not None:
            progress(min(first + BLOCK, runs))
    values = {name: np.concatenate([block.values[name] for block in blocks]) for name in program.outputs}
    status = np.concatenate([block.status for block in blocks])
    message = np.concatenate([block.message for block in blocks])
    for place in np.flatnonzero(status == "diverged"):
        message[place] = explain(program, inputs[:, place : place + 1], method or program.method)
    return Result(blocks[0].times, values, status, message)


def _run_block(program: Program, inputs: np.ndarray, method: str, watch: Any = None) -> Result:
    with np.errstate(all="ignore"):
        return _Block(program, inputs, method).run(watch)


class _Block(_Run):
    def __init__(self, program: Program, inputs: np.ndarray, method: str):
        super().__init__(program, inputs)
        self.method = method
        self.clock = grid(program, inputs)
        graph = program.step
        self.values: list[Any] = [None] * len(graph.nodes)
        self.integrals = [i for i, s in enumerate(program.states) if s.kind == "integral"]
        self.held = [i for i, s in enumerate(program.states) if s.kind == "held"]
        self.clipped = [i for i, s in enumerate(program.states) if s.non_negative]
        self.states = self._initial_states()
        self.pipelines = [_Pipeline(self, i) for i, s in enumerate(program.states) if s.kind == "pipeline"]
        self.evaluate(graph, self.values, (0, RUN), self.clock.start, self.states)

    def _initial_states(self) -> np.ndarray:
        graph = self.program.initial
        self.start_values: list[Any] = [None] * len(graph.nodes)
        self.evaluate(graph, self.start_values, (0, RUN, TIME, STEP), self.clock.start, None)
        states = np.empty((len(self.program.states), self.runs))
        for place, state in enumerate(self.program.states):
            states[place] = self.start_values[state.initial]
        return states

    def rates(self, time: float, states: np.ndarray) -> np.ndarray:
        """Derivatives of the continuous states; leaves every value of the moment in `values`."""
        self.evaluate(self.program.step, self.values, (TIME, STEP), time, states)
        found = np.empty((len(self.integrals), self.runs))
        for row, place in enumerate(self.integrals):
            found[row] = self.values[self.program.states[place].rate]  # type: ignore[index]
        return found

    def run(self, watch: Any = None) -> Result:
        saved = self.clock.saved
        kept = {name: np.empty((self.runs, len(saved))) for name in self.program.outputs}
        alive = np.ones(self.runs, dtype=bool)
        step = self.clock.time_step
        for k in range(self.clock.steps + 1):
            time = self.clock.start + k * step
            slope = self.rates(time, self.states)
            alive &= np.isfinite(self.states).all(axis=0)
            if watch is not None and watch(self, time, alive):
                break
            if k % self.clock.stride == 0:
                for name, node in self.program.outputs.items():
                    kept[name][:, k // self.clock.stride] = np.where(alive, self.values[node], np.nan)
            if k < self.clock.steps:
                self._advance(k, time, slope)
        status = np.where(alive, "ok", "diverged").astype(object)
        return Result(saved, kept, status, np.full(self.runs, "", dtype=object))

    def _advance(self, k: int, time: float, slope: np.ndarray) -> None:
        step = self.clock.time_step
        following = self.states.copy()
        for place in self.held:
            following[place] = self.values[self.program.states[place].rate]  # type: ignore[index]
        for pipeline in self.pipelines:
            following[pipeline.place] = pipeline.passed_on(k, self.values)
        if self.integrals:
            if self.method == "rk4":
                slope = self._runge_kutta(time, slope)
            following[self.integrals] = self.states[self.integrals] + slope * step
        if self.clipped:
            following[self.clipped] = np.maximum(following[self.clipped], 0.0)
        self.states = following

    def _runge_kutta(self, time: float, first: np.ndarray) -> np.ndarray:
        """The classic fourth-order slope; held and delayed values stay through the stages."""
        step = self.clock.time_step

        def stage(fraction: float, slope: np.ndarray) -> np.ndarray:
            states = self.states.copy()
            states[self.integrals] += fraction * step * slope
            return self.rates(time + fraction * step, states)

        second = stage(0.5, first)
        third = stage(0.5, second)
        fourth = stage(1.0, third)
        return (first + 2 * second + 2 * third + fourth) / 6


class _Pipeline:
    """Values on their way through a DELAY FIXED; each run may have its own delay."""

    def __init__(self, block: _Block, place: int):
        state = block.program.states[place]
        self.place = place
        self.rate = state.rate
        assert state.delay_time is not None
        delay = np.broadcast_to(block.start_values[state.delay_time], (block.runs,))
        self.steps = np.round(np.maximum(delay / block.clock.time_step, 1.0) + GRID_SLACK).astype(int)
        self.initial = block.states[place].copy()
        self.ring = np.empty((int(self.steps.max()), block.runs))

    def passed_on(self, k: int, values: list[Any]) -> np.ndarray:
        """Take in the value of step k; give the output of step k + 1."""
        self.ring[k % len(self.ring)] = values[self.rate]  # type: ignore[index]
        source = k + 1 - self.steps
        columns = np.arange(self.ring.shape[1])
        return np.where(source < 0, self.initial, self.ring[source % len(self.ring), columns])


def explain(program: Program, inputs: np.ndarray, method: str) -> str:
    """Which value of a diverging run was the first that is not finite, when, and from what."""
    found: list[str] = []

    def watch(block: _Block, time: float, alive: np.ndarray) -> bool:
        graph = block.program.step
        for place, value in enumerate(block.values):
            if graph.nodes[place][0] in ("const",) or np.all(np.isfinite(value)):
                continue
            if graph.rates[place] < TIME and place not in graph.owners:
                continue
            found.append(_described(block, place, time))
            return True
        return not alive.all()

    _run_block(replace(program, outputs={}), inputs, method, watch)
    return found[0] if found else "a stock is not finite"


def _described(block: _Block, place: int, time: float) -> str:
    graph = block.program.step
    node = graph.nodes[place]
    value = float(np.ravel(block.values[place])[0])
    owner = graph.owners.get(place) or _owner_above(graph, place)
    if node[0] == "state":
        owner = block.program.states[node[1]].name
    text = f"'{owner}' is {value:g} at time {time:g}"
    if node[0] == "/" and float(np.ravel(block.values[node[2]])[0]) == 0:
        divisor = graph.owners.get(node[2], "an expression")
        text += f' (division by "{divisor}" = 0)'
    return text


def _owner_above(graph: Graph, place: int) -> str:
    """The variable whose expression a node is part of."""
    for later in range(place + 1, len(graph.nodes)):
        if place in graph.nodes[later][1:] and graph.nodes[later][0] not in ("const", "parameter", "state"):
            return graph.owners.get(later) or _owner_above(graph, later)
    return "a rate"
