"""The order in which numpy computes the nodes of a graph over a block of runs."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sdtheory.engines.graph import CONST, LEAVES, OPERATIONS, RUN, STEP, TIME, Graph, Program
from sdtheory.engines.random import uniform
from sdtheory.model.expression import interpolate

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


class Schedule:
    """What to call for each node of a graph, sorted by how often.

    Parameters
    ----------
    program : Program
    graph : Graph
        One of the program's.
    only : container of int, optional
        The nodes to compute; all when left out.
    """

    def __init__(self, program: Program, graph: Graph, only: Container[int] | None = None):
        self.graph = graph
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

    def draw(self, values: list[Any], sample: Sample, step: int) -> None:
        """Draw the random numbers of a step."""
        for place, site in self.randoms:
            values[place] = uniform(sample.seed, sample.runs, step, site)

    def run(self, rate: int, values: list[Any]) -> None:
        """Compute the nodes of a rate."""
        for place, function, arguments in self.actions[rate]:
            values[place] = function(*[values[argument] for argument in arguments])
