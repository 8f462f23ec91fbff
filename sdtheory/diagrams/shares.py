"""How much of the change goes through each loop and link, and what of a graph is worth drawing by that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import networkx as nx
import numpy as np

from sdtheory.errors import UsageError, shown
from sdtheory.feedback.loops import Loop
from sdtheory.names import canonical, unknown

Link = tuple[str, str]


@dataclass(frozen=True)
class Shares:
    """Shares from 0 to 1 of loops, by id, and of links.

    Parameters
    ----------
    loops : mapping of str to float
        Mean absolute relative score.
    links : mapping of (source, target) to float
        Mean absolute score, capped at 1; from the loops' shares where scores of links are not given.
    meaning : str
        What the width of a line stands for.
    """

    loops: Mapping[str, float] = field(default_factory=dict)
    links: Mapping[Link, float] = field(default_factory=dict)
    meaning: str = ""

    def __bool__(self) -> bool:
        return bool(self.loops or self.links)

    def width(self, link: Link, line: float) -> float:
        """Width of a link: 1 to 5 pixels, linear in its share; `line` when there are no shares."""
        return 1.0 + 4.0 * self.links.get(link, 0.0) if self else line


def shares_of(given: Any, loops: Sequence[Loop], graph: nx.DiGraph) -> Shares:
    """Shares from a mapping, or from scores over time.

    Parameters
    ----------
    given : mapping or DataFrame or None
        From a loop's id or name, or from a link (source, target), to its share; or relative loop scores over
        time with one column for each loop and ``link_scores``, as `loop_dominance` gives them.
    loops : sequence of Loop
    graph : networkx.DiGraph

    Raises
    ------
    UnknownName
        For a loop or link that the graph lacks.
    UsageError
        For a share that is no number.
    """
    if given is None:
        return Shares()
    by_key = {canonical(word): loop for loop in reversed(loops) for word in (loop.name, loop.id)}
    nodes = {canonical(name): name for name in graph}
    of_loops: dict[str, float] = {}
    of_links: dict[Link, float] = {}
    for key, share in _means(given).items():
        if not np.isfinite(share):
            raise UsageError(f"the share of '{shown(key)}' is {share}, not a number from 0 to 1")
        size = min(abs(share), 1.0)
        if isinstance(key, tuple):
            link = tuple(nodes.get(canonical(str(end)), "") for end in key)
            if len(link) != 2 or not graph.has_edge(*link):
                raise unknown("link", " -> ".join(map(str, key)), [f"{a} -> {b}" for a, b in graph.edges()])
            of_links[link] = size
        elif canonical(str(key)) in by_key:
            of_loops[by_key[canonical(str(key))].id] = size
        else:
            raise unknown("loop", str(key), [word for loop in loops for word in (loop.id, loop.name)])
    if of_links:
        return Shares(of_loops, of_links, "mean |link score|, capped at 100 %")
    for loop in loops:
        for link in loop.links:
            of_links[link] = max(of_links.get(link, 0.0), of_loops.get(loop.id, 0.0))
    return Shares(of_loops, of_links, "mean |relative score| of the strongest loop through the link")


def _means(given: Any) -> dict[Any, float]:
    scores = getattr(given, "link_scores", None)
    if scores is None and isinstance(given, Mapping):
        try:
            return {key: float(share) for key, share in given.items()}
        except (TypeError, ValueError):
            raise UsageError("a share is not a number", remedy="map loops or links to numbers") from None
    found: dict[Any, float] = {}
    for table in (given, scores):
        if table is not None:
            for column in table.columns:
                values = np.abs(table[column].to_numpy(dtype=float))
                values = np.minimum(values[np.isfinite(values)], 1.0)
                found[column] = float(values.mean()) if len(values) else 0.0
    return found


def simplified(graph: nx.DiGraph, loops: Sequence[Loop], shares: Shares, least: float) -> nx.DiGraph:
    """The links of loops that reach a share, and the variables that they join.

    Raises
    ------
    UsageError
        When there are no loops' shares to go by, or none reaches the least one.
    """
    if not shares.loops:
        raise UsageError("simplifying needs the loops' shares", remedy="pass scores=loop_dominance(model)")
    kept = [loop for loop in loops if shares.loops.get(loop.id, 0.0) >= least]
    if not kept:
        most = max(shares.loops.values())
        raise UsageError(f"no loop reaches a share of {least:g}", remedy=f"the largest is {most:.3g}")
    links = {link for loop in kept for link in loop.links}
    simple = nx.DiGraph(**graph.graph)
    joined = {name for link in links for name in link}
    simple.add_nodes_from((name, data) for name, data in graph.nodes(data=True) if name in joined)
    simple.add_edges_from((a, b, data) for a, b, data in graph.edges(data=True) if (a, b) in links)
    return simple
