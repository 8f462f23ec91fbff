"""How runs begin: the grid that all share, and what each computes at its start."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from sdtheory.engines.clock import SLACK, Clock, clock
from sdtheory.engines.graph import RUN, STEP, TIME, Program, closure
from sdtheory.engines.schedule import Sample, Schedule
from sdtheory.errors import SimulationError, shown

BLOCK = 65_536  # runs whose settings are computed at a time
SETTINGS = ("start", "stop", "time_step", "save_every")


def grid(program: Program, sample: Sample) -> Clock:
    """The grid of a program's runs.

    Raises
    ------
    SimulationError
        When the settings make no grid or are not the same in every run, or a delay has stages shorter than
        a time step.
    """
    wanted = [*(program.settings[word] for word in SETTINGS), *(node for node, _, _ in program.orders)]
    parts = [sample.part(slice(first, first + BLOCK)) for first in range(0, max(len(sample.runs), 1), BLOCK)]
    if all(program.initial.rates[node] == 0 for node in wanted):
        parts = parts[:1]
    found: list[tuple[float, ...]] = []
    shortest = [np.inf] * len(program.orders)
    for part in parts:
        values = _values(program, part, 0.0, wanted)
        begin = _only(values[program.settings["start"]])
        if begin != 0:  # what depends on time at the start needs INITIAL TIME first
            values = _values(program, part, begin, wanted)
        found.append(tuple(_only(values[program.settings[word]]) for word in SETTINGS))
        lasts = [float(np.min(values[node])) for node, _, _ in program.orders]
        shortest = [min(pair) for pair in zip(shortest, lasts, strict=True)]
    if len(set(found)) != 1:
        _refuse()
    result = clock(*found[0], limits=program.limits)
    for (_, order, name), least in zip(program.orders, shortest, strict=True):
        if order * result.time_step > least:
            raise SimulationError(
                f"'{shown(name)}': a delay of order {order} that lasts {least:g} has stages shorter than "
                f"TIME STEP {result.time_step:g}",
                remedy="lower TIME STEP",
            )
    return result


def _only(values: Any) -> float:
    found = np.unique(values)
    if len(found) != 1:
        _refuse()
    return float(found[0])


def _refuse() -> None:
    raise SimulationError("INITIAL TIME, FINAL TIME, TIME STEP and SAVEPER must be the same in every run")


def _values(program: Program, sample: Sample, time: float, wanted: Iterable[int] | None = None) -> list[Any]:
    """The values of the nodes of the initial graph at a time."""
    graph = program.initial
    only = None if wanted is None else set(closure(graph, wanted))
    schedule = Schedule(program, graph, only)
    values: list[Any] = [None] * len(graph.nodes)
    schedule.leaves(values, sample.inputs)
    for place, node in enumerate(graph.nodes):
        if node[0] == "time":
            values[place] = np.float64(time)
    with np.errstate(all="ignore"):
        schedule.draw(values, sample, 0)
        for rate in (RUN, TIME, STEP):
            schedule.run(rate, values)
    return values


class Start:
    """What runs compute at their start.

    Parameters
    ----------
    program : Program
    sample : Sample
    clock : Clock

    Attributes
    ----------
    states : array, shape (states, runs)
    delays : dict of int to array of int, shape (runs,)
        Of each pipeline the delay in steps.
    """

    def __init__(self, program: Program, sample: Sample, clock: Clock):
        values = _values(program, sample, clock.start)
        runs = len(sample.runs)
        self.states = np.empty((len(program.states), runs))
        self.delays: dict[int, np.ndarray] = {}
        for place, state in enumerate(program.states):
            self.states[place] = values[state.initial]
            if state.delay_time is not None:
                lasts = np.broadcast_to(values[state.delay_time], (runs,)) / clock.time_step
                if np.isnan(lasts).any():
                    raise SimulationError(f"the delay time of '{shown(state.name)}' is not a number")
                lasts = np.minimum(lasts, clock.steps + 1)  # longer ones show their initial value throughout
                self.delays[place] = np.round(np.maximum(lasts, 1.0) + SLACK).astype(np.int64)
