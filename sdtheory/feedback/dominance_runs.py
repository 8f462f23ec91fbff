"""What scoring loops needs of a model, prepared once: its structure, and runs with every variable and step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import networkx as nx
import numpy as np

from sdtheory.engines.choose import run_program
from sdtheory.engines.graph import Program
from sdtheory.engines.memory import remembered
from sdtheory.engines.program import make_program
from sdtheory.engines.vectorised import run_vectorised
from sdtheory.errors import SDError, SimulationError, UsageError, shown
from sdtheory.feedback.causal import causal_graph
from sdtheory.feedback.dominance_links import Link, Paths, link_scores, paths_of
from sdtheory.feedback.dominance_states import OpenModel, with_open_states
from sdtheory.feedback.elements import WrittenOut, own_name, tables_of, written_out
from sdtheory.feedback.loops import Loop
from sdtheory.model.expression import Table, evaluate
from sdtheory.model.model import CONTROLS, Model
from sdtheory.model.model import Lookup as LookupVariable
from sdtheory.model.subscripts import Cell, coverage, split
from sdtheory.names import canonical


@dataclass(frozen=True)
class Batch:
    """Runs with every variable at every step, up to the last one that all variables have.

    Attributes
    ----------
    times : array, shape (times,)
    values : mapping of str to array, shape (runs, times), or Table
        By canonical name of the open model's variables.
    status, message : array of str, shape (runs,)
    """

    times: np.ndarray
    values: Mapping[str, Any]
    status: np.ndarray
    message: np.ndarray

    def until(self, rows: int) -> Batch:
        """The first rows."""
        cut = {key: one if isinstance(one, Table) else one[..., :rows] for key, one in self.values.items()}
        return replace(self, times=self.times[:rows], values=cut)

    @property
    def finite_rows(self) -> int:
        """How many rows from the start have finite numbers only, in all runs."""
        series = [one for one in self.values.values() if isinstance(one, np.ndarray)]
        fine = np.logical_and.reduce(
            [np.isfinite(one).reshape(-1, one.shape[-1]).all(axis=0) for one in series]
        )
        return int(np.argmin(fine)) if not fine.all() else len(fine)


@dataclass(frozen=True)
class Structure:
    """A model as loop scores need it.

    Attributes
    ----------
    model : Model
        As given, but with Euler's method and every step kept.
    flat : WrittenOut
    opened : OpenModel
    graph : networkx.DiGraph
        Links between elements, named as columns of a run are.
    """

    model: Model
    flat: WrittenOut
    opened: OpenModel
    graph: nx.DiGraph

    @cached_property
    def keys(self) -> dict[str, str]:
        """Canonical names in the open model by names in the graph."""
        return {self.flat.label(variable.name): canonical(variable.name) for variable in self.flat.model}

    @cached_property
    def components(self) -> dict[str, int]:
        """A number for each variable: the same for those that act on one another."""
        running = nx.DiGraph()
        running.add_nodes_from(self.graph)
        running.add_edges_from((a, b) for a, b, initial in self.graph.edges(data="initial") if not initial)
        return {
            name: number
            for number, members in enumerate(nx.strongly_connected_components(running))
            for name in members
        }

    @cached_property
    def feedback_links(self) -> list[Link]:
        """The graph's links that can lie on a loop."""
        part = self.components
        return [
            (a, b) for a, b, initial in self.graph.edges(data="initial") if part[a] == part[b] and not initial
        ]

    def components_of(self, names: Sequence[str]) -> np.ndarray:
        """Numbers, from 1, of the cycle partitions of variables: those that act on one another have the same."""
        parts = [self.components[name] for name in names]
        numbers = {part: number for number, part in enumerate(dict.fromkeys(parts), start=1)}
        return np.array([numbers[part] for part in parts], dtype=int)

    def states(self, loop: Loop) -> frozenset[str]:
        """The states that a loop passes: stocks, and what has a delay in its equation."""
        stocks = {name for name in loop.variables if self.graph.nodes[name]["kind"] == "stock"}
        return frozenset(stocks | {b for a, b in loop.links if self.graph.edges[a, b]["state"]})

    def program(self, parameters: tuple[str, ...]) -> Program:
        """The program of the open model, with all its variables."""
        with labelled(self.flat):
            return _program(self.opened.model, parameters)

    def inputs(self, names: Iterable[str], numbers: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
        """What runs vary, element by element.

        Parameters
        ----------
        names : iterable of str
            Variables or ``name[element]``.
        numbers : array, shape (names, runs)
        """
        found: dict[str, np.ndarray] = {}
        whole_first = sorted(zip(names, numbers, strict=True), key=lambda pair: pair[0].endswith("]"))
        for name, row in whole_first:
            found.update((own_name(*one), row) for one in _cells(self.model, [name]))
        return tuple(found), np.array(list(found.values())).reshape(len(found), numbers.shape[1])

    def scores(self, links: Sequence[Link], batch: Batch) -> dict[Link, np.ndarray]:
        """Scores of links, by names in the graph, shape (runs, times)."""
        by_key = {(self.keys[a], self.keys[b]): (a, b) for a, b in links}
        fixed = {
            key: 1.0 if self.graph.edges[link]["polarity"] == "+" else -1.0
            for key, link in by_key.items()
            if self.graph.edges[link]["reference"]
        }
        step = float(batch.values["time step"].flat[0])
        found = link_scores(self.opened, self.paths(tuple(by_key)), batch.values, fixed, step)
        return {by_key[key]: score for key, score in found.items()}

    def paths(self, links: tuple[Link, ...]) -> Paths:
        """How links run through the states in between."""
        return _paths(self.opened, links)


def structure(model: Model, graph: nx.DiGraph | None = None, varied: Iterable[str] = ()) -> Structure:
    """Prepare a model for scoring its loops.

    Parameters
    ----------
    model : Model
    graph : networkx.DiGraph, optional
        Its causal graph, elements as nodes, in place of the one that the equations alone give.
    varied : iterable of str
        Constants and ``name[element]`` that runs vary.

    Raises
    ------
    ModelError
        For a construct that has no scores.
    UsageError
        When the graph is not one of the model's elements.
    """
    prepared = _structure(model, tuple(varied))
    if graph is None:
        return prepared
    if set(graph) != set(prepared.graph):
        raise UsageError(
            "the graph is not that of the model's elements",
            remedy="make it with causal_graph(expand='elements')",
        )
    return replace(prepared, graph=graph)


@remembered
def _structure(model: Model, varied: tuple[str, ...]) -> Structure:
    settings = replace(model.settings, method="euler", save_every=model.settings.time_step)
    every_step = replace(model, settings=settings)
    flat = written_out(every_step)
    elements = [canonical(own_name(name, cell)) for name, cell in _cells(every_step, varied)]
    with labelled(flat):
        opened = with_open_states(flat.model, elements)
    return Structure(every_step, flat, opened, causal_graph(every_step, expand="elements"))


def _cells(model: Model, names: Iterable[str]) -> Iterator[tuple[str, Cell]]:
    """Variables and cells of names, those of a whole array one by one."""
    for name in names:
        head, cell = split(name)
        variable = model[head]
        for one in [cell] if cell else coverage(model, variable):
            yield variable.name, one


@contextmanager
def labelled(flat: WrittenOut) -> Iterator[None]:
    """Spell elements in errors as columns of a run do."""
    try:
        yield
    except SDError as error:
        error.message = flat.spelled(error.message)
        raise


@remembered
def _program(model: Model, parameters: tuple[str, ...]) -> Program:
    controls = set(map(canonical, CONTROLS))
    names = [
        variable.name
        for key, variable in model.variables.items()
        if key not in controls and not isinstance(variable, LookupVariable)
    ]
    return make_program(model, parameters=parameters, outputs=[*names, *CONTROLS])


@remembered
def _paths(opened: OpenModel, links: tuple[Link, ...]) -> Paths:
    return paths_of(opened, links)


def run_batch(
    prepared: Structure, labels: tuple[str, ...], inputs: np.ndarray, seed: int, first: int = 0
) -> Batch:
    """Run a model with every variable and step kept.

    Parameters
    ----------
    prepared : Structure
    labels, inputs
        As of `Structure.inputs`.
    seed : int
        Of the random functions.
    first : int
        Number of the first run in the whole sample.
    """
    program = prepared.program(labels)
    if first and any(node[0] == "random" for node in program.step.nodes):
        result = run_vectorised(program, inputs, seed=seed, first_run=first)
    else:
        result, _ = run_program(program, inputs, "auto", seed=seed)
    values: dict[str, Any] = {canonical(name): series for name, series in result.values.items()}
    values["time"] = np.broadcast_to(result.times, (inputs.shape[1], len(result.times)))
    values.update(tables_of(prepared.opened.model))
    _check_orders(prepared, values)
    message = np.array([prepared.flat.spelled(str(text)) for text in result.message], dtype=object)
    return Batch(result.times, values, result.status, message)


def _check_orders(prepared: Structure, values: Mapping[str, Any]) -> None:
    """Refuse runs in which a stage of a delay is shorter than a step, as runs of the model itself are."""
    start = {key: one if isinstance(one, Table) else one[..., :1] for key, one in values.items()}
    step = float(values["time step"].flat[0])
    for time, order, name in prepared.opened.orders:
        least = float(np.min(evaluate(time, start)))
        if order * step > least:
            raise SimulationError(
                f"'{shown(prepared.flat.label(name))}': a delay of order {order} that lasts {least:g} has stages "
                f"shorter than TIME STEP {step:g}",
                remedy="lower TIME STEP",
            )


def runs_at_once(prepared: Structure, rows: int, most_bytes: int) -> int:
    """How many runs fit into so much memory."""
    variables = len(prepared.opened.model.variables) + len(prepared.feedback_links)
    return max(1, most_bytes // (8 * rows * variables * 3))
