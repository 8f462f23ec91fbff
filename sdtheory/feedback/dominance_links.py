"""Scores of links along runs: what share of a variable's change each of its inputs makes.

Schoenberg, Davidsen and Eberlein 2020, "Understanding model behavior using the Loops that Matter method",
System Dynamics Review 36(2); scores into stocks as revised in 2023, ibid. 39(2), in the form that takes
the stock's whole net rate as one auxiliary.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np

from sdtheory.engines.clock import SLACK
from sdtheory.errors import LimitError
from sdtheory.feedback.dominance_states import OpenModel, reads_of
from sdtheory.model.expression import (
    Binary,
    Call,
    Expression,
    Lookup,
    Name,
    Number,
    Table,
    Unary,
    evaluate,
    interpolate,
    left_spine,
)
from sdtheory.model.functions import FUNCTIONS, OPERATORS, as_number
from sdtheory.model.model import Stock
from sdtheory.names import canonical

NOISE = 1e-12  # of the largest number that goes into a value: a smaller change is rounding
RATE = "~rate"
MOST_PATHS = 2000  # through the states of one delay or macro

Link = tuple[str, str]
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Paths:
    """How declared links run through the states in between.

    Attributes
    ----------
    by_link : mapping of (source, target) to list of paths
        Canonical names; a path is a list of links between variables of the open model.
    """

    by_link: Mapping[Link, list[list[Link]]]

    @property
    def inner(self) -> dict[str, list[str]]:
        """All links that the paths use: their sources by target."""
        found: dict[str, dict[str, None]] = {}
        for paths in self.by_link.values():
            for path in paths:
                for source, target in path:
                    found.setdefault(target, {})[source] = None
        return {target: list(sources) for target, sources in found.items()}


def paths_of(opened: OpenModel, links: Iterable[Link]) -> Paths:
    """The paths of declared links through variables that a call or macro brought along.

    Raises
    ------
    LimitError
        When one link has thousands of paths; names it.
    """
    graph = nx.DiGraph()
    variables = opened.model.variables
    for target, tree in opened.formulas.items():
        graph.add_edges_from((source, target) for source in reads_of(tree) if source in variables)
    graph.add_edges_from((pipeline.source, target) for target, pipeline in opened.pipelines.items())
    found = {}
    for source, target in links:
        found[source, target] = list(_paths(graph, variables, source, target))
        if len(found[source, target]) > MOST_PATHS:
            names = f"'{variables[source].name}' to '{variables[target].name}'"
            raise LimitError(f"more than {MOST_PATHS:,} paths lead from {names} through one macro")
    return Paths(found)


def _paths(graph: nx.DiGraph, variables: Mapping[str, Any], source: str, target: str) -> Iterable[list[Link]]:
    if source not in graph:
        return
    count = 0
    stack: list[list[str]] = [[source]]
    while stack and count <= MOST_PATHS:
        path = stack.pop()
        for following in graph.successors(path[-1]):
            if following == target:
                count += 1
                yield list(zip(path, [*path[1:], target], strict=True))
            elif variables[following].owner and following not in path:
                stack.append([*path, following])


def link_scores(
    opened: OpenModel, paths: Paths, values: Values, fixed: Mapping[Link, float], time_step: float
) -> dict[Link, np.ndarray]:
    """Scores of declared links at every step.

    Parameters
    ----------
    opened : OpenModel
    paths : Paths
    values : mapping of str to array, shape (..., times)
        By canonical name, and `Table` for lookups.
    fixed : mapping of link to 1 or -1
        Signs of inflows and outflows.
    time_step : float

    Returns
    -------
    mapping of link to array, shape (..., times)
        A score at row k belongs to the change from row k - 1 to row k; the first is 0.
    """
    held = {name: _one_row_ago(values[key]) for key, name in opened.samples.items()}
    scorer = _Scorer(opened, {**values, **held}, fixed)
    inner = scorer.scores(paths.inner)
    found = {}
    for link, ways in paths.by_link.items():
        found[link] = _strongest([_product(opened, way, inner, values, time_step) for way in ways])
        if found[link] is None:
            found[link] = np.zeros_like(scorer.like)
    return found


def _one_row_ago(series: np.ndarray) -> np.ndarray:
    return np.concatenate([series[..., :1], series[..., :-1]], axis=-1)


def _product(
    opened: OpenModel, way: list[Link], inner: Mapping[Link, np.ndarray], values: Values, time_step: float
) -> np.ndarray:
    """The score of a path; links that lie before a DELAY FIXED count by the time that it delays them."""
    score = inner[way[-1]]
    lag: Any = 0
    for place in range(len(way) - 1, 0, -1):
        through = opened.pipelines.get(way[place][1])
        if through is not None:
            lag = lag + _steps(evaluate(through.delay_time, _at_start(values)), time_step)
        score = score * _later(inner[way[place - 1]], lag)
    return score


def _at_start(values: Values) -> dict[str, Any]:
    return {key: one if isinstance(one, Table) else one[..., :1] for key, one in values.items()}


def _steps(delay: Any, time_step: float) -> Any:
    return np.round(np.maximum(np.asarray(delay) / time_step, 1.0) + SLACK).astype(np.int64)


def _later(series: np.ndarray, lag: Any) -> np.ndarray:
    """A series so many rows later; 0 before."""
    if np.all(np.asarray(lag) == 0):
        return series
    rows = np.arange(series.shape[-1]) - lag
    rows = np.broadcast_to(rows, series.shape)
    return np.where(rows > 0, np.take_along_axis(series, np.maximum(rows, 0), axis=-1), 0.0)


def _strongest(ways: list[np.ndarray]) -> Any:
    """At each step the score of the path that has the largest."""
    best: Any = None
    for way in ways:
        best = way if best is None else np.where(np.abs(way) > np.abs(best), way, best)
    return best


class _Scorer:
    def __init__(self, opened: OpenModel, values: Values, fixed: Mapping[Link, float]):
        self.opened = opened
        self.values = values
        self.fixed = fixed
        self.like = np.zeros(
            np.broadcast_shapes(*(np.shape(one) for one in values.values() if not isinstance(one, Table)))
        )
        self.before = {key: one if isinstance(one, Table) else one[..., :-1] for key, one in values.items()}

    def scores(self, wanted: Mapping[str, list[str]]) -> dict[Link, np.ndarray]:
        """Scores of the links into each target."""
        sizes = self._sizes()
        changes = {
            key: self._change(self.values[key], self._exactness(key, sizes))
            for key in {source for sources in wanted.values() for source in sources} | set(wanted)
            if isinstance(self.values.get(key), np.ndarray)
        }
        found = {}
        with np.errstate(all="ignore"):
            for target, sources in wanted.items():
                if target in self.opened.pipelines:
                    moves = (changes[target] != 0).astype(float)
                    found.update({(source, target): self._padded(moves) for source in sources})
                    continue
                formula = self.opened.formulas[target]
                rests, total = self._total(target, formula, sizes)
                for source in sources:
                    scores = self._score(formula, source, rests, total, changes[source])
                    sign = self.fixed.get((source, target))
                    found[source, target] = self._padded(scores if sign is None else sign * np.abs(scores))
        return found

    def _total(self, target: str, formula: Expression, sizes: Values) -> tuple[np.ndarray, np.ndarray]:
        """The value before each step, and its change over the step, 0 where it is rounding."""
        size = sizes.get(target + RATE, sizes[target])
        value = np.broadcast_to(as_number(evaluate(formula, self.values)), self.like.shape)
        return value[..., :-1], self._change(value, size)

    def _score(
        self, formula: Expression, source: str, rests: np.ndarray, total: np.ndarray, change: np.ndarray
    ) -> np.ndarray:
        """The share of a change that one input makes when it alone changes."""
        kept = self.before[source]
        self.before[source] = self.values[source][..., 1:]
        own = as_number(evaluate(formula, self.before)) - rests
        self.before[source] = kept
        score = np.abs(own / total) * np.sign(own) * np.sign(change)
        return np.where((total != 0) & (change != 0) & np.isfinite(score), score, 0.0)

    def _padded(self, scores: np.ndarray) -> np.ndarray:
        found = np.zeros(self.like.shape)
        found[..., 1:] = scores
        return found

    def _change(self, value: np.ndarray, size: np.ndarray) -> np.ndarray:
        """Changes from row to row, those that rounding could have made set to 0."""
        change = np.diff(value, axis=-1)
        sizes = np.broadcast_to(size, value.shape)
        exact = NOISE * np.fmax(sizes[..., 1:], sizes[..., :-1])
        return np.where(np.abs(change) > exact, change, 0.0)

    def _exactness(self, key: str, sizes: Values) -> np.ndarray:
        """The largest numbers that go into a variable's value; into a stock's, also its flows over a step."""
        level = sizes.get(key, np.abs(self.values[key]))
        if not self._is_stock(key):
            return level
        return np.fmax(level, sizes[key + RATE] * self.values["time step"])

    def _is_stock(self, key: str) -> bool:
        return isinstance(self.opened.model.variables.get(key), Stock)

    def _sizes(self) -> dict[str, np.ndarray]:
        """How large numbers each variable's value was computed from, which tells how exact it can be.

        Under a stock's name is the size of its level, under that with `RATE` the size of its net rate.
        """
        formulas = self.opened.formulas
        levels = [key for key in formulas if self._is_stock(key) or key in self.opened.samples]
        sizes: dict[str, Any] = {key: np.abs(self.values[key]) for key in levels}
        graph = nx.DiGraph()
        for target in formulas:
            if target not in sizes:
                graph.add_node(target)
                graph.add_edges_from(
                    (source, target) for source in reads_of(formulas[target]) if source in formulas
                )
        for key in nx.topological_sort(graph):
            if key not in sizes:
                sizes[key] = self._size(key, sizes)
        for key in levels:
            sizes[key + RATE] = self._size(key, sizes)
        return sizes

    def _size(self, key: str, sizes: Values) -> np.ndarray:
        with np.errstate(all="ignore"):
            return _sized(self.opened.formulas[key], self.values, sizes)[1]


def _sized(node: Expression, values: Values, sizes: Values) -> tuple[Any, Any]:
    """The value of an expression, and its size were nothing in it to cancel."""
    match node:
        case Number():
            return node.value, abs(node.value)
        case Name():
            value = evaluate(node, values)
            size = sizes.get(canonical(node.name))
            return value, np.abs(value) if size is None else size
        case Unary(operator="-"):
            value, size = _sized(node.argument, values, sizes)
            return -as_number(value), size
        case Binary():
            first, rest = left_spine(node)
            result = _sized(first, values, sizes)
            for operator, right in rest:
                result = _combined(operator, result, _sized(right, values, sizes))
            return result
        case Lookup():
            table = values[canonical(node.table.name)] if isinstance(node.table, Name) else node.table
            value = interpolate(table, _sized(node.argument, values, sizes)[0])
            return value, np.abs(value)
        case Call() if FUNCTIONS[node.function].expansion is not None:
            return _sized(FUNCTIONS[node.function].expansion(*node.arguments), values, sizes)  # type: ignore[misc]
        case Call(function="min" | "max"):
            (a, size_a), (b, size_b) = (_sized(part, values, sizes) for part in node.arguments)
            value = FUNCTIONS[node.function].numpy(as_number(a), as_number(b))  # type: ignore[misc]
            return value, np.where(value == a, size_a, size_b)
        case Call(function="if_then_else"):
            (c, _), (a, size_a), (b, size_b) = (_sized(part, values, sizes) for part in node.arguments)
            holds = np.asarray(c) != 0
            return np.where(holds, as_number(a), as_number(b)), np.where(holds, size_a, size_b)
    value = as_number(evaluate(node, values))
    return value, np.abs(value)


def _combined(operator: str, left: tuple[Any, Any], right: tuple[Any, Any]) -> tuple[Any, Any]:
    (a, size_a), (b, size_b) = left, right
    value = OPERATORS[operator](a, b)
    if operator in "+-":
        return value, np.maximum(size_a, size_b)
    if operator == "*":
        return value, size_a * size_b
    if operator == "/":
        return value, size_a / np.abs(b) * (size_b / np.abs(b))
    return value, np.abs(as_number(value))
