"""The order in which numpy computes the nodes of a graph over a block of runs."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from sdtheory.engines.graph import CONST, LEAVES, OPERATIONS, RUN, STEP, TIME, Graph, Node, Program
from sdtheory.engines.random import uniform
from sdtheory.model.expression import interpolate

# Operations that need not look whether they are given truth values.
PLAIN = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "min": np.minimum,
    "max": np.maximum,
    "unary -": np.negative,
    "^": np.power,
}
LOGIC = frozenset({"and", "or", "unary not"})
TRUTHS = LOGIC | {"<", "<=", ">", ">=", "=", "<>"}

# A node, what computes it, the nodes it reads, and the array to write to, if it takes one.
Action = tuple[int, Callable[..., Any], tuple[int, ...], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Sample:
    """Some runs of a sample.

    Parameters
    ----------
    inputs : array, shape (parameters, runs)
    runs : array of int, shape (runs,)
        Their numbers in the whole sample, on which their random numbers depend.
    seed : int
    """

    inputs: np.ndarray
    runs: np.ndarray
    seed: int = 0

    def part(self, which: slice | np.ndarray) -> Sample:
        """Some of the runs."""
        return replace(self, inputs=self.inputs[:, which], runs=self.runs[which])


def _of_numbers(function: Callable[..., Any], *arguments: Any) -> Any:
    """A function of arguments some of which are truth values, taken as 1 and 0."""
    return function(*[np.asarray(argument, dtype=float) for argument in arguments])


class Schedule:
    """What to call for each node of a graph, sorted by how often.

    Parameters
    ----------
    program : Program
    graph : Graph
        One of the program's.
    only : container of int, optional
        The nodes to compute; all when left out.
    into : mapping of int to array of shape (runs,), optional
        Where to write the values of nodes that change at each step; every such node has an array of its own
        when this is given, which is made where it is missing.
    runs : int
        Runs in the block, when `into` is given.
    """

    def __init__(
        self,
        program: Program,
        graph: Graph,
        only: Container[int] | None = None,
        into: Mapping[int, np.ndarray] | None = None,
        runs: int = 0,
    ):
        self.graph = graph
        self.into = into
        self.runs = runs
        self.tables = [
            replace(table, x=np.asarray(table.x, dtype=float), y=np.asarray(table.y, dtype=float))  # type: ignore[arg-type]
            for table in program.tables
        ]
        self.actions: dict[int, list[Action]] = {CONST: [], RUN: [], TIME: [], STEP: []}
        self.randoms: list[tuple[int, int]] = []
        for place, (node, rate) in enumerate(zip(graph.nodes, graph.rates, strict=True)):
            if only is not None and place not in only:
                continue
            if node[0] not in LEAVES:
                self.actions[rate].append(self._action(place, node))
            elif node[0] == "random":
                self.randoms.append((place, node[1]))

    def _action(self, place: int, node: Node) -> Action:
        if node[0] == "table":
            table = self.tables[node[1]]
            return place, partial(interpolate, table), node[2:], {}
        arguments = node[1:]
        function = PLAIN.get(node[0], OPERATIONS[node[0]])
        if node[0] not in LOGIC and any(self.graph.nodes[argument][0] in TRUTHS for argument in arguments):
            return place, partial(_of_numbers, function), arguments, {}
        if self.into is None or self.graph.rates[place] < STEP or not isinstance(function, np.ufunc):
            return place, function, arguments, {}
        if node[0] in TRUTHS:
            return place, function, arguments, {"out": np.empty(self.runs, dtype=bool)}
        own = self.into.get(place)
        return place, function, arguments, {"out": np.empty(self.runs) if own is None else own}

    def leaves(self, values: list[Any], inputs: np.ndarray) -> None:
        """Set what no operation computes and no time changes."""
        for place, node in enumerate(self.graph.nodes):
            if node[0] == "const":
                values[place] = np.float64(node[1])
            elif node[0] == "parameter":
                values[place] = inputs[node[1]]

    def draw(self, values: list[Any], sample: Sample, step: int) -> None:
        """Draw the random numbers of a step."""
        for place, site in self.randoms:
            values[place] = uniform(sample.seed, sample.runs, step, site)

    def run(self, rate: int, values: list[Any]) -> None:
        """Compute the nodes of a rate."""
        for place, function, arguments, into in self.actions[rate]:
            values[place] = function(*[values[argument] for argument in arguments], **into)
