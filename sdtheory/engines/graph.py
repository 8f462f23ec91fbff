"""Numbered operations in evaluation order: what a program consists of."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sdtheory.limits import Limits
from sdtheory.model.expression import Table, interpolate
from sdtheory.model.functions import FUNCTIONS, OPERATORS

CONST, RUN, TIME, STEP = range(4)  # how often a node's value changes
OPERATIONS = {**OPERATORS, **{key: row.numpy for key, row in FUNCTIONS.items() if row.numpy is not None}}
LEAVES = frozenset({"const", "parameter", "time", "state", "random"})

Node = tuple[Any, ...]


def arguments_of(node: Node) -> tuple[int, ...]:
    """The nodes that a node reads."""
    if node[0] in LEAVES:
        return ()
    return node[2:] if node[0] == "table" else node[1:]


@dataclass(frozen=True)
class Graph:
    """Nodes of one phase, each after those it reads.

    Parameters
    ----------
    nodes : tuple
        ``("const", value)``, ``("parameter", i)``, ``("time",)``, ``("state", i)``, ``("random", site)``
        (between 0 and 1, drawn once a step), ``("table", i, argument)`` or ``(operation, argument, ...)``.
    rates : tuple of int
        CONST, RUN, TIME or STEP for each node.
    owners : mapping of int to str
        The variable (cell) whose value a node is.
    """

    nodes: tuple[Node, ...]
    rates: tuple[int, ...]
    owners: Mapping[int, str]


def closure(graph: Graph, wanted: Iterable[int], without: Container[int] = frozenset()) -> list[int]:
    """The nodes that some nodes need, in order of evaluation, but for those that are there already."""
    found: set[int] = set()
    stack = list(wanted)
    while stack:
        place = stack.pop()
        if place not in found and place not in without:
            found.add(place)
            stack.extend(arguments_of(graph.nodes[place]))
    return sorted(found)


@dataclass(frozen=True)
class State:
    """A state variable of a program: node numbers of its initial value, rate and delay time."""

    kind: str
    name: str
    initial: int
    rate: int | None = None
    delay_time: int | None = None
    non_negative: bool = False


@dataclass(frozen=True)
class Program:
    """A model ready to be run over many futures at once; plain data that can be sent to other processes.

    Parameters
    ----------
    initial, step : Graph
        What is computed at the start, and at each step.
    states : tuple of State
    outputs : mapping of column name to node of the step graph
    parameters : tuple of str
        Labels of the inputs, in order.
    settings : mapping
        ``start``, ``stop``, ``time_step``, ``save_every``: nodes of the initial graph.
    method : str
    tables : tuple of Table
    orders : tuple of (int, int, str)
        Delay times (nodes of the initial graph), the order of the delay, and whose it is: a run whose time
        is below order times TIME STEP would need a lower order than the program has.
    limits : Limits, optional
        Those of the model.
    watched : tuple of str
        Outputs that must be finite at each saved time, as stocks must at every step, or the run has diverged.
    """

    initial: Graph
    step: Graph
    states: tuple[State, ...]
    outputs: Mapping[str, int]
    parameters: tuple[str, ...]
    settings: Mapping[str, int]
    method: str
    tables: tuple[Table, ...]
    orders: tuple[tuple[int, int, str], ...] = ()
    limits: Limits = field(default_factory=Limits)
    watched: tuple[str, ...] = ()


@dataclass
class GraphBuilder:
    """A graph that grows; equal nodes are one node, and what is constant is computed at once."""

    nodes: list[Node] = field(default_factory=list)
    rates: list[int] = field(default_factory=list)
    index: dict[Node, int] = field(default_factory=dict)
    owners: dict[int, str] = field(default_factory=dict)

    def add(self, node: Node, rate: int) -> int:
        """The number of a node; equal nodes have the same."""
        if node not in self.index:
            self.index[node] = len(self.nodes)
            self.nodes.append(node)
            self.rates.append(rate)
        return self.index[node]

    def constant(self, value: float) -> int:
        """A number; the text of its bits tells 0 from -0 and makes NaN equal to itself."""
        return self.add(("const", float(value).hex()), CONST)

    def value_of(self, node: int) -> float:
        """The number that a constant node holds."""
        return float.fromhex(self.nodes[node][1])

    def value_at(self, node: int, time: float) -> float | None:
        """The number that a node has at a moment, or None when it depends on a parameter or a state.

        Examples
        --------
        >>> graph = GraphBuilder()
        >>> graph.value_at(graph.add(("+", graph.add(("time",), RUN), graph.constant(1.0)), RUN), 2.0)
        3.0
        """
        kind, *parts = self.nodes[node]
        if kind == "const":
            return self.value_of(node)
        if kind == "time":
            return time
        if kind not in OPERATIONS:
            return None
        values = [self.value_at(part, time) for part in parts]
        if None in values:
            return None
        with np.errstate(all="ignore"):
            return float(OPERATIONS[kind](*map(np.float64, values)))

    def operate(self, operation: str, *arguments: int) -> int:
        """An operation on nodes, folded when all are constant."""
        rate = max((self.rates[argument] for argument in arguments), default=CONST)
        if rate > CONST:
            return self.add((operation, *arguments), rate)
        with np.errstate(all="ignore"):
            value = OPERATIONS[operation](*(np.float64(self.value_of(argument)) for argument in arguments))
        return self.constant(float(value))

    def table(self, place: int, table: Table, argument: int) -> int:
        """A table read at a node."""
        if self.rates[argument] == CONST:
            return self.constant(float(interpolate(table, self.value_of(argument))))
        return self.add(("table", place, argument), self.rates[argument])

    def finished(self, wanted: Iterable[int]) -> tuple[Graph, dict[int, int]]:
        """The graph of the nodes that `wanted` need, and the new number of each."""
        live: set[int] = set()
        stack = list(wanted)
        while stack:
            place = stack.pop()
            if place not in live:
                live.add(place)
                stack.extend(arguments_of(self.nodes[place]))
        order = sorted(live)
        new = {old: place for place, old in enumerate(order)}
        graph = Graph(
            tuple(_renumbered(self.nodes[old], new) for old in order),
            tuple(self.rates[old] for old in order),
            {new[old]: owner for old, owner in self.owners.items() if old in live},
        )
        return graph, new


def _renumbered(node: Node, new: Mapping[int, int]) -> Node:
    if node[0] == "const":
        return ("const", float.fromhex(node[1]))
    if node[0] in LEAVES:
        return node
    fixed = 2 if node[0] == "table" else 1
    return (*node[:fixed], *(new[argument] for argument in node[fixed:]))
