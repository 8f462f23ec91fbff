"""Feedback loops: enumeration, polarity, ids, names, and the shortest independent set."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import networkx as nx
import numpy as np

from sdtheory.errors import LoopWithoutStock, ModelError, SDError, shown
from sdtheory.feedback.causal import causal_graph
from sdtheory.feedback.polarity import times
from sdtheory.model.model import Model
from sdtheory.names import canonical, unknown

MOST_LOOPS = 10_000
MOST_SECONDS = 10.0
COUNTING = 1.0  # seconds spent to give the independent loops the ids that they have among all
NEARLY_CONSTANT = 0.99  # confidence from which on a polarity that changes is still one


@dataclass(frozen=True)
class Loop:
    """A feedback loop.

    Parameters
    ----------
    id : str
        ``R1``, ``B1``, ``U1`` ...: by polarity, then length, then file order. The same model gives the
        same ids everywhere.
    name : str
        The modeller's name, else the loop's stocks.
    polarity : str
        ``R`` reinforcing, ``B`` balancing, ``U`` when a link's sign is not known. Seen along a run also
        ``Rux``, ``Bux`` (nearly always that one) and ``Ux`` (both).
    variables : tuple of str
        In causal order, from the stock that stands first in the file.
    """

    id: str
    name: str
    polarity: str
    variables: tuple[str, ...]

    @property
    def links(self) -> list[tuple[str, str]]:
        """The loop's links as (source, target)."""
        return _links_of(self.variables)


class LoopList(list[Loop]):
    """Loops, and whether they are all there are.

    Attributes
    ----------
    complete : bool
        False when a limit stopped the enumeration; then there are at least this many.
    """

    def __init__(self, loops: Iterable[Loop] = (), complete: bool = True):
        super().__init__(loops)
        self.complete = complete

    @property
    def message(self) -> str:
        """What to know about the list, in a sentence; empty when there is nothing."""
        if not self:
            return "no feedback loops: no path leads from any variable back to itself"
        if self.complete:
            return ""
        return f"at least {len(self):,} loops: the search was stopped by its limit"

    def find(self, wanted: str) -> Loop:
        """The loop with that id or name; UnknownName suggests the nearest."""
        for loop in self:
            if canonical(wanted) in (canonical(loop.id), canonical(loop.name)):
                return loop
        raise unknown("loop", wanted, [loop.id for loop in self] + [loop.name for loop in self])


def find_loops(
    model: Model | nx.DiGraph,
    *,
    through: Sequence[str] = (),
    names: Iterable[Mapping] = (),
    limit: int = MOST_LOOPS,
    seconds: float = MOST_SECONDS,
) -> LoopList:
    """The feedback loops of a model, shortest first.

    Parameters
    ----------
    model : Model or networkx.DiGraph
        A graph of `causal_graph` is taken as it is.
    through : sequence of str
        Only loops that pass through all of these variables.
    names : iterable of mapping
        Names for loops: each has ``name`` and ``through``, and may have ``polarity`` (see `name_loops`).
    limit, seconds
        The enumeration stops there, and the result says that it is not complete.

    Raises
    ------
    UnknownName
        When `through` names no variable.
    ModelError
        When two of the variables in `through` lie on no common loop.
    LoopWithoutStock
        When variables of the model need each other's present value; names them.

    Examples
    --------
    >>> graph = nx.DiGraph([("stock", "rate", {"polarity": "+"}), ("rate", "stock", {"polarity": "-"})])
    >>> find_loops(graph)[0].id
    'B1'
    """
    graph = _running(model)
    cycles, complete = _cycles(graph, limit, seconds)
    if isinstance(model, Model):
        cycles = _with_state(model, graph, cycles)
    loops = name_loops(_identified(graph, cycles), names)
    if through:
        wanted = {_node(graph, name) for name in through}
        loops = [loop for loop in loops if wanted <= set(loop.variables)]
        if not loops:
            _explain_no_loop(graph, sorted(wanted, key=list(graph).index))
    return LoopList(loops, complete)


def independent_loops(model: Model | nx.DiGraph, *, names: Iterable[Mapping] = ()) -> LoopList:
    """The shortest independent loop set (Oliva 2004, System Dynamics Review 20(4)).

    In each strongly connected component the shortest loops through each pair of variables are taken,
    shortest first, whenever they hold a link that no loop taken before holds. Ids are those of
    `find_loops` where the enumeration is complete.

    Examples
    --------
    >>> graph = nx.DiGraph([("a", "b", {"polarity": "+"}), ("b", "a", {"polarity": "+"})])
    >>> [loop.variables for loop in independent_loops(graph)]
    [('a', 'b')]
    """
    graph = _running(model)
    chosen = independent_cycles(graph)
    if isinstance(model, Model):
        chosen = _with_state(model, graph, chosen)
    every = find_loops(graph, names=names, seconds=COUNTING)
    if every.complete:
        by_cycle = {loop.variables: loop for loop in every}
        return LoopList([by_cycle[cycle] for cycle in sorted(chosen, key=len)])
    return LoopList(name_loops(_identified(graph, chosen), names))


def independent_cycles(graph: nx.DiGraph) -> list[tuple[str, ...]]:
    """The cycles of `independent_loops`, of a graph without links that act only at the start."""
    order = {name: place for place, name in enumerate(graph)}
    chosen: list[tuple[str, ...]] = []
    for members in nx.strongly_connected_components(graph):
        part = _part(graph, sorted(members, key=order.__getitem__))
        covered: set[tuple[str, str]] = set()
        for cycle in _geodetic_cycles(part, order):
            links = set(_links_of(cycle))
            if links - covered:
                covered |= links
                chosen.append(cycle)
    return chosen


def structural_loops(
    graph: nx.DiGraph, cycles: Iterable[Sequence[str]], names: Iterable[Mapping] = ()
) -> LoopList:
    """Loops of chosen cycles, with ids and names as `find_loops` gives them, said not to be all.

    Parameters
    ----------
    graph : networkx.DiGraph
        As of `causal_graph`.
    cycles : iterable of sequence of str
        Variables in causal order, from any start.
    names : iterable of mapping
        As of `find_loops`.
    """
    return LoopList(name_loops(_identified(graph, cycles), names), complete=False)


def polarity_seen(scores: np.ndarray) -> tuple[str, float]:
    """The polarity of a loop along a run (Schoenberg and Eberlein 2020).

    Parameters
    ----------
    scores : array
        The loop's scores.

    Returns
    -------
    str, float
        ``R`` or ``B`` when the sign is always the same, ``Rux`` or ``Bux`` when nearly, else ``Ux``; empty
        when the loop never acts. And the confidence, abs(r - b) / (r + b), with r the sum of the positive
        scores and b that of the sizes of the negative ones.

    Examples
    --------
    >>> polarity_seen(np.array([0.0, 2.0, 3.0]))
    ('R', 1.0)
    >>> polarity_seen(np.array([1.0, -3.0]))
    ('Ux', 0.5)
    """
    gains, losses = float(scores[scores > 0].sum()), float(-scores[scores < 0].sum())
    if gains + losses == 0:
        return "", 0.0
    confidence = abs(gains - losses) / (gains + losses)
    word = "R" if gains > losses else "B"
    if min(gains, losses) == 0:
        return word, confidence
    return (f"{word}ux" if confidence >= NEARLY_CONSTANT else "Ux"), confidence


def name_loops(loops: Iterable[Loop], names: Iterable[Mapping]) -> list[Loop]:
    """Loops with the modeller's names in place of the default ones.

    Each entry names the shortest loop, not named yet, that passes through its ``through`` variables in
    that cyclic order (and has its ``polarity``, when given). An array stands for any of its elements.

    Examples
    --------
    >>> loop = Loop("R1", "a loop", "R", ("a", "b", "c"))
    >>> name_loops([loop], [{"name": "growth", "through": ["b", "c"]}])[0].name
    'growth'
    """
    result = list(loops)
    named: set[int] = set()
    for entry in names:
        wanted = [canonical(name) for name in entry["through"]]
        for place, loop in enumerate(result):
            fits = entry.get("polarity", loop.polarity) == loop.polarity
            if place not in named and fits and _in_cyclic_order(loop.variables, wanted):
                result[place] = replace(loop, name=entry["name"])
                named.add(place)
                break
    return result


def _in_cyclic_order(variables: Sequence[str], wanted: list[str]) -> bool:
    keys = [canonical(name) for name in variables]
    cycle = [key if key in wanted else key.partition("[")[0] for key in keys]
    if not set(wanted) <= set(cycle):
        return False
    start = cycle.index(wanted[0])
    turned = cycle[start:] + cycle[:start]
    places = [turned.index(name) for name in wanted]
    return places == sorted(places)


def _running(model: Model | nx.DiGraph) -> nx.DiGraph:
    """The graph without links that act only at the start."""
    graph = causal_graph(model) if isinstance(model, Model) else model
    running = nx.DiGraph()
    running.add_nodes_from(graph.nodes(data=True))
    running.add_edges_from(edge for edge in graph.edges(data=True) if not edge[2].get("initial"))
    return running


def _part(graph: nx.DiGraph, members: Iterable[str]) -> nx.DiGraph:
    """Some variables and the links between them, in order; a view would have the order of a set of texts."""
    part = nx.DiGraph()
    part.add_nodes_from((name, graph.nodes[name]) for name in members)
    part.add_edges_from((a, b) for a in part for b in graph[a] if b in part)
    return part


def _node(graph: nx.DiGraph, name: str) -> str:
    for node in graph:
        if canonical(node) == canonical(name):
            return node
    raise unknown("variable", name, graph)


def _cycles(graph: nx.DiGraph, limit: int, seconds: float) -> tuple[list[list[str]], bool]:
    stop = time.monotonic() + seconds
    names = list(graph)
    # in an order that does not vary from process to process, as that of a set of texts does
    numbered = nx.convert_node_labels_to_integers(graph)
    found: list[list[str]] = []
    for cycle in nx.simple_cycles(numbered):
        if len(found) >= limit or time.monotonic() > stop:
            return found, False
        found.append([names[place] for place in cycle])
    return found, True


def _with_state(model: Model, graph: nx.DiGraph, cycles: list[Any]) -> list[Any]:
    """The cycles that hold a state; others are no loops in time, but variables that need each other at once.

    Such a cycle is an error, except between arrays whose elements do not need each other.
    """
    stateless = [cycle for cycle in cycles if not _holds_state(graph, cycle)]
    if not stateless:
        return cycles
    order = {name: place for place, name in enumerate(graph)}
    refused = min((_started(graph, order, cycle) for cycle in stateless), key=lambda one: (len(one), one))
    if model.dimensions:
        refused = tuple(_cycle_of_elements(model))
    if refused:
        trail = " -> ".join(shown(name) for name in [*refused, refused[0]])
        raise LoopWithoutStock(
            f"a loop without a stock: {trail}",
            file=model.file or None,
            remedy="put a stock or a delay into it",
        )
    return [cycle for cycle in cycles if _holds_state(graph, cycle)]


def _holds_state(graph: nx.DiGraph, cycle: Sequence[str]) -> bool:
    stock = any(graph.nodes[name].get("kind") == "stock" for name in cycle)
    return stock or any(graph.edges[link].get("state") for link in _links_of(cycle))


def _links_of(cycle: Sequence[str]) -> list[tuple[str, str]]:
    return list(zip(cycle, [*cycle[1:], cycle[0]], strict=True))


def _cycle_of_elements(model: Model) -> list[str]:
    """Elements of arrays that need each other at once; empty when there are none or it cannot be told."""
    try:
        graph = _running(causal_graph(model, expand="elements"))
    except SDError:
        return []
    graph.remove_nodes_from([name for name, kind in graph.nodes(data="kind") if kind == "stock"])
    graph.remove_edges_from([(a, b) for a, b, state in graph.edges(data="state") if state])
    try:
        return [source for source, _ in nx.find_cycle(graph)]
    except nx.NetworkXNoCycle:
        return []


def _started(graph: nx.DiGraph, order: Mapping[str, int], cycle: Sequence[str]) -> tuple[str, ...]:
    """The cycle turned so that it begins at the first stock of the file, else the first variable."""
    stocks = [name for name in cycle if graph.nodes[name].get("kind") == "stock"]
    first = min(stocks or cycle, key=order.__getitem__)
    start = list(cycle).index(first)
    return tuple(cycle[start:]) + tuple(cycle[:start])


def _identified(graph: nx.DiGraph, cycles: Iterable[Sequence[str]]) -> list[Loop]:
    order = {name: place for place, name in enumerate(graph)}
    turned = [_started(graph, order, cycle) for cycle in cycles]
    turned.sort(key=lambda cycle: (len(cycle), [order[name] for name in cycle]))
    counters = {"R": itertools.count(1), "B": itertools.count(1), "U": itertools.count(1)}
    loops = []
    for cycle in turned:
        polarity = loop_polarity(graph, cycle)
        stocks = [name for name in cycle if graph.nodes[name].get("kind") == "stock"]
        name = " - ".join(stocks or cycle[:2]) + " loop"
        loops.append(Loop(f"{polarity}{next(counters[polarity])}", name, polarity, cycle))
    return loops


def loop_polarity(graph: nx.DiGraph, cycle: Sequence[str]) -> str:
    """``R`` when an even number of links are negative, ``B`` when odd, ``U`` when a sign is not known."""
    total = "+"
    for link in _links_of(cycle):
        total = times(total, graph.edges[link].get("polarity", "?"))
    return {"+": "R", "-": "B"}.get(total, "U")


def _geodetic_cycles(graph: nx.DiGraph, order: Mapping[str, int]) -> list[tuple[str, ...]]:
    """All simple cycles made of a shortest path there and a shortest path back, shortest first."""
    paths = dict(nx.all_pairs_shortest_path(graph))
    found: dict[tuple[str, ...], None] = {}
    for source in graph:
        if graph.has_edge(source, source):
            found[(source,)] = None
        for target in graph:
            if source == target:
                continue
            there, back = paths[source].get(target), paths[target].get(source)
            if there and back and not set(there[1:-1]) & set(back[1:-1]):
                found[_started(graph, order, there + back[1:-1])] = None
    return sorted(found, key=lambda cycle: (len(cycle), [order[name] for name in cycle]))


def _explain_no_loop(graph: nx.DiGraph, wanted: list[str]) -> None:
    component = {
        name: number for number, part in enumerate(nx.strongly_connected_components(graph)) for name in part
    }
    for one, other in itertools.combinations(wanted, 2):
        if component[one] != component[other]:
            raise ModelError(f"no loop passes through both '{one}' and '{other}'")
    named = ", ".join(f"'{name}'" for name in wanted)
    raise ModelError(f"no loop passes through {named}")
