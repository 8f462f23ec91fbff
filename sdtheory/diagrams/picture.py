"""What every format of a causal diagram shows: which names and links, where they are, and which loops stand out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import networkx as nx

from sdtheory.diagrams.layout import kept_layout, loop_layouts
from sdtheory.diagrams.letters import text_size, wrapped
from sdtheory.diagrams.refining import refined
from sdtheory.diagrams.routing import Arc, Link, routes
from sdtheory.diagrams.scene import Point
from sdtheory.diagrams.shares import Shares
from sdtheory.feedback.loops import Loop

LARGE = (25, 45)
EFFORT = ((3, 8), (2, 5), (1, 2))  # layouts drawn, and rounds of small moves, by the number of names
LEFT_OUT = ("constant", "lookup", "data")


@dataclass(frozen=True)
class Picture:
    """A causal diagram that is laid out.

    Parameters
    ----------
    graph : networkx.DiGraph
        The variables and links shown.
    place, sizes : mapping of str to (x, y) and (width, height)
        Middles and full sizes of the names, in pixels, y down.
    arcs : mapping of (source, target) to Arc
        In the order of the links.
    loops : sequence of Loop
        Those of the graph, as far as they are known.
    highlight : tuple of Loop
    icons : tuple of Loop
        Loops that get a small icon where there is room.
    shares : Shares
    title, note : str
    """

    graph: nx.DiGraph
    place: Mapping[str, Point]
    sizes: Mapping[str, Point]
    arcs: Mapping[Link, Arc]
    loops: Sequence[Loop] = ()
    highlight: tuple[Loop, ...] = ()
    icons: tuple[Loop, ...] = ()
    shares: Shares = field(default_factory=Shares)
    title: str = ""
    note: str = ""

    @cached_property
    def loops_by_link(self) -> dict[Link, list[str]]:
        """Ids of the known loops through each link."""
        found: dict[Link, list[str]] = {link: [] for link in self.arcs}
        for loop in self.loops:
            for link in loop.links:
                if link in found:
                    found[link].append(loop.id)
        return found

    @cached_property
    def highlighted_links(self) -> set[Link]:
        """The links of the highlighted loops."""
        return {link for loop in self.highlight for link in loop.links}

    @cached_property
    def members(self) -> set[str]:
        """The variables of the highlighted loops."""
        return {name for loop in self.highlight for name in loop.variables}


def without_constants(graph: nx.DiGraph) -> nx.DiGraph:
    """The variables that change, and the links between them; those without any link are left out.

    Examples
    --------
    >>> graph = nx.DiGraph([("rate", "tea")])
    >>> graph.add_edge("room", "rate")
    >>> graph.nodes["room"]["kind"] = "constant"
    >>> list(without_constants(graph))
    ['rate', 'tea']
    """
    kept = [name for name, data in graph.nodes(data=True) if data.get("kind") not in LEFT_OUT]
    running = graph.subgraph(kept)
    linked = [name for name in running if running.degree(name)]
    drawn = nx.DiGraph(**graph.graph)
    drawn.add_nodes_from((name, graph.nodes[name]) for name in (linked or kept or graph))
    drawn.add_edges_from((a, b, data) for a, b, data in graph.edges(data=True) if a in drawn and b in drawn)
    return drawn


def laid_out(
    graph: nx.DiGraph,
    loops: Sequence[Loop] = (),
    highlight: Sequence[Loop] = (),
    places: Mapping[str, Point] | None = None,
    **rest,
) -> Picture:
    """A picture of a graph.

    Parameters
    ----------
    graph : networkx.DiGraph
    loops, highlight : sequence of Loop
        The first that is highlighted is drawn as a ring, unless there are places.
    places : mapping of str to (x, y), optional
        Where names are to stay; without it the ring decides.
    **rest
        As `Picture` takes it.
    """
    ring = highlight[0] if highlight else None
    members = {name for loop in highlight for name in loop.variables}
    sizes = {name: name_size(name, graph.nodes[name], name in members) for name in graph}
    bends: dict[Link, float] = {}
    if places:
        place = kept_layout(graph, places, sizes)
        arcs = routes(place, sizes, list(graph.edges()))
    else:
        around = [name for name in ring.variables if name in graph] if ring else []
        layouts = loop_layouts(graph, around, sizes)
        if ring and len(around) == len(ring.variables) > 1:
            bends = dict.fromkeys(ring.links, math.tan(math.pi / 2 / len(around)) / 2)
        tries, rounds = EFFORT[sum(len(graph) > most for most in LARGE)]
        place, arcs = refined(graph, layouts[:tries], sizes, bends, rounds)
    return Picture(graph, place, sizes, arcs, loops, tuple(highlight), **rest)


def drawn_at(
    graph: nx.DiGraph,
    places: Mapping[str, Point],
    loops: Sequence[Loop] = (),
    highlight: Sequence[Loop] = (),
    **rest,
) -> Picture:
    """A picture with every name exactly where it is told to be, to a hundredth of a pixel as files have it."""
    members = {name for loop in highlight for name in loop.variables}
    sizes = {name: name_size(name, graph.nodes[name], name in members) for name in graph}
    place = {name: (round(places[name][0], 2) + 0.0, round(places[name][1], 2) + 0.0) for name in graph}
    arcs = routes(place, sizes, list(graph.edges()))
    return Picture(graph, place, sizes, arcs, loops, tuple(highlight), **rest)


def name_size(name: str, data: Mapping, bold: bool) -> tuple[float, float]:
    """Width and height of a drawn name, with its box when it is a stock."""
    width, height = text_size(wrapped(name), bold=bold)
    return (width + 16, height + 10) if data.get("kind") == "stock" else (width + 8, height + 4)
