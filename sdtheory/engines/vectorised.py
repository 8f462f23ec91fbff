"""Run a program over many futures at once with numpy, in blocks of runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sdtheory.engines.clock import SLACK, Clock, clock
from sdtheory.engines.divergence import reason
from sdtheory.engines.graph import CONST, OPERATIONS, RUN, STEP, TIME, Graph, Program
from sdtheory.errors import SimulationError, shown
from sdtheory.model.expression import interpolate

BLOCK = 1024  # runs at a time: live values of a middling model then stay in the processor's cache

# Operations on plain numbers; those of the function table first turn truth values into numbers.
PLAIN = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "min": np.minimum,
    "max": np.maximum,
    "unary -": np.negative,
}
TRUTHS = frozenset({"<", "<=", ">", ">=", "=", "<>", "and", "or", "unary not"})

Action = tuple[int, Callable[..., Any], tuple[int, ...]]


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


class _Schedule:
    """What to call for each node of a graph, sorted by how often."""

    def __init__(self, program: Program, graph: Graph):
        self.graph = graph
        self.tables = [
            replace(table, x=np.asarray(table.x, dtype=float), y=np.asarray(table.y, dtype=float))  # type: ignore[arg-type]
            for table in program.tables
        ]
        self.actions: dict[int, list[Action]] = {CONST: [], RUN: [], TIME: [], STEP: []}
        for place, (node, rate) in enumerate(zip(graph.nodes, graph.rates, strict=True)):
            if node[0] not in ("const", "parameter", "time", "state"):
                self.actions[rate].append(self._action(place, node))

    def _action(self, place: int, node: tuple[Any, ...]) -> Action:
        if node[0] == "table":
            table = self.tables[node[1]]
            return place, lambda argument: interpolate(table, argument), node[2:]
        arguments = node[1:]
        numbers = not any(self.graph.nodes[argument][0] in TRUTHS for argument in arguments)
        function = PLAIN[node[0]] if numbers and node[0] in PLAIN else OPERATIONS[node[0]]
        return place, function, arguments

    def leaves(self, values: list[Any], inputs: np.ndarray) -> None:
        """Set what no operation computes and no time changes."""
        for place, node in enumerate(self.graph.nodes):
            if node[0] == "const":
                values[place] = np.float64(node[1])
            elif node[0] == "parameter":
                values[place] = inputs[node[1]]

    def run(self, rate: int, values: list[Any]) -> None:
        """Compute the nodes of a rate."""
        for place, function, arguments in self.actions[rate]:
            values[place] = function(*[values[argument] for argument in arguments])


def run_vectorised(
    program: Program,
    inputs: np.ndarray,
    *,
    method: str | None = None,
    block: int = BLOCK,
    jobs: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Result:
    """Run a program.

    Parameters
    ----------
    program : Program
    inputs : array, shape (parameters, runs)
        A run's numbers depend neither on the other runs nor on `block` or `jobs`.
    method : str, optional
        ``euler`` or ``rk4``; the program's own when left out.
    block : int
        Runs computed side by side.
    jobs : int, optional
        Threads; one when left out.
    progress : callable, optional
        Called with the number of runs done.

    Raises
    ------
    SimulationError
        When the settings make no grid, or are not the same in every run.
    """
    inputs = np.asarray(inputs, dtype=float)
    runs = inputs.shape[1]
    with np.errstate(all="ignore"):
        start = _Start(program, inputs)
    parts = [slice(first, min(first + block, runs)) for first in range(0, runs, block)]

    def run(part: slice) -> Result:
        with np.errstate(all="ignore"):
            return _Block(program, inputs[:, part], start, part, method or program.method).run()

    blocks = []
    with ThreadPoolExecutor(max(jobs or 1, 1)) as pool:
        for part, result in zip(parts, pool.map(run, parts), strict=True):
            blocks.append(result)
            if progress is not None:
                progress(part.stop)
    if len(blocks) == 1:
        return blocks[0]
    return Result(
        start.clock.saved,
        {name: np.concatenate([one.values[name] for one in blocks]) for name in program.outputs},
        np.concatenate([one.status for one in blocks]),
        np.concatenate([one.message for one in blocks]),
    )


class _Start:
    """Values of the initial graph over all runs, and the grid, which is the same for every run."""

    def __init__(self, program: Program, inputs: np.ndarray):
        self.program = program
        schedule = _Schedule(program, program.initial)
        self.values: list[Any] = [None] * len(program.initial.nodes)
        schedule.leaves(self.values, inputs)
        self._compute(schedule, 0.0)
        begin = self._setting("start")
        if begin != 0:  # what depends on time at the start needs INITIAL TIME first
            self._compute(schedule, begin)
        words = ("start", "stop", "time_step", "save_every")
        self.clock: Clock = clock(*(self._setting(word) for word in words))
        self._check_orders()

    def _compute(self, schedule: _Schedule, time: float) -> None:
        for place, node in enumerate(self.program.initial.nodes):
            if node[0] == "time":
                self.values[place] = np.float64(time)
        schedule.run(RUN, self.values)

    def _setting(self, word: str) -> float:
        found = np.unique(self.values[self.program.settings[word]])
        if len(found) != 1:
            raise SimulationError(
                "INITIAL TIME, FINAL TIME, TIME STEP and SAVEPER must be the same in every run"
            )
        return float(found[0])

    def _check_orders(self) -> None:
        for node, order, name in self.program.orders:
            shortest = float(np.min(self.values[node]))
            if order * self.clock.time_step > shortest:
                raise SimulationError(
                    f"'{shown(name)}': a delay of order {order} that lasts {shortest:g} has stages shorter than "
                    f"TIME STEP {self.clock.time_step:g}",
                    remedy="lower TIME STEP",
                )

    def value(self, node: int, part: slice) -> Any:
        """The value of a node in a block of runs."""
        value = np.asarray(self.values[node])
        return value if value.ndim == 0 else value[part]


class _Block:
    """A block of runs."""

    def __init__(self, program: Program, inputs: np.ndarray, start: _Start, part: slice, method: str):
        self.program = program
        self.method = method
        self.clock = start.clock
        self.runs = inputs.shape[1]
        kinds = [state.kind for state in program.states]
        self.integrals = [place for place, kind in enumerate(kinds) if kind == "integral"]
        self.held = [place for place, kind in enumerate(kinds) if kind == "held"]
        self.clipped = [place for place, state in enumerate(program.states) if state.non_negative]
        self.states = np.empty((len(program.states), self.runs))
        for place, state in enumerate(program.states):
            self.states[place] = start.value(state.initial, part)
        self.pipelines = [
            _Pipeline(self, place, start.value(program.states[place].delay_time or 0, part))
            for place, kind in enumerate(kinds)
            if kind == "pipeline"
        ]
        self.schedule = _Schedule(program, program.step)
        nodes = program.step.nodes
        self.values: list[Any] = [None] * len(nodes)
        self.moments = [place for place, node in enumerate(nodes) if node[0] == "time"]
        self.state_nodes = [(place, node[1]) for place, node in enumerate(nodes) if node[0] == "state"]
        self.slopes = [program.states[place].rate for place in self.integrals]
        self.schedule.leaves(self.values, inputs)
        for place, state_place in self.state_nodes:
            self.values[place] = self.states[state_place]
        self.schedule.run(RUN, self.values)

    def rates(self, time: float, states: np.ndarray) -> np.ndarray:
        """Derivatives of the continuous states; leaves every value of the moment in `values`."""
        values = self.values
        for place in self.moments:
            values[place] = np.float64(time)
        for place, state_place in self.state_nodes:
            values[place] = states[state_place]
        self.schedule.run(TIME, values)
        self.schedule.run(STEP, values)
        found = np.empty((len(self.integrals), self.runs))
        for row, node in enumerate(self.slopes):
            found[row] = values[node]  # type: ignore[index]
        return found

    def run(self) -> Result:
        """All steps; rows of a run that diverged are NaN from the moment on."""
        saved = self.clock.saved
        kept = {name: np.empty((self.runs, len(saved))) for name in self.program.outputs}
        alive = np.ones(self.runs, dtype=bool)
        message = np.full(self.runs, "", dtype=object)
        step, stride = self.clock.time_step, self.clock.stride
        for k in range(self.clock.steps + 1):
            time = self.clock.start + k * step
            slope = self.rates(time, self.states)
            fine = np.isfinite(self.states[self.integrals]).all(axis=0) & np.isfinite(slope).all(axis=0)
            if not fine.all():
                for run in np.flatnonzero(alive & ~fine):
                    message[run] = self._reason(int(run), time)
                alive &= fine
            if k % stride == 0:
                for name, node in self.program.outputs.items():
                    kept[name][:, k // stride] = self.values[node]
                if not alive.all():
                    for series in kept.values():
                        series[~alive, k // stride] = np.nan
            if k < self.clock.steps:
                self._advance(k, time, slope)
        status = np.where(alive, "ok", "diverged").astype(object)
        return Result(saved, kept, status, message)

    def _reason(self, run: int, time: float) -> str:
        for place in self.integrals:
            if not np.isfinite(self.states[place, run]):
                return f'"{self.program.states[place].name}" is {self.states[place, run]:g} at time {time:g}'
        return reason(self.program, self.values, run, time)

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

    def __init__(self, block: _Block, place: int, delay: Any):
        self.place = place
        self.rate = block.program.states[place].rate
        lasts = np.broadcast_to(delay, (block.runs,)) / block.clock.time_step
        if np.isnan(lasts).any():
            raise SimulationError(
                f"the delay time of '{shown(block.program.states[place].name)}' is not a number"
            )
        lasts = np.minimum(lasts, block.clock.steps + 1)  # longer ones show their initial value throughout
        self.steps = np.round(np.maximum(lasts, 1.0) + SLACK).astype(int)
        self.initial = block.states[place].copy()
        self.ring = np.empty((int(self.steps.max()), block.runs))

    def passed_on(self, k: int, values: list[Any]) -> np.ndarray:
        """Take in the value of step k; give the output of step k + 1."""
        self.ring[k % len(self.ring)] = values[self.rate]  # type: ignore[index]
        source = k + 1 - self.steps
        columns = np.arange(self.ring.shape[1])
        return np.where(source < 0, self.initial, self.ring[source % len(self.ring), columns])
