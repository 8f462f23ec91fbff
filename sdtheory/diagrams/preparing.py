"""From what is to be drawn to a picture: the graph, its loops, its places, and what stands out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import networkx as nx

from sdtheory.diagrams.layout import kept_layout
from sdtheory.diagrams.picture import Picture, drawn_at, laid_out, name_size, without_constants
from sdtheory.diagrams.places import best_view, named_by_view
from sdtheory.diagrams.scene import Point
from sdtheory.diagrams.shares import Shares, shares_of, simplified
from sdtheory.documents import Document
from sdtheory.errors import UsageError, shown
from sdtheory.feedback.causal import causal_graph
from sdtheory.feedback.loops import MOST_LOOPS, Loop, LoopList, find_loops, independent_loops
from sdtheory.model.model import Model

MOST_KNOWN = 100  # loops that a picture knows by link; of more, the shortest independent set
QUICK = 1000  # loops that are searched for when none is asked for


def causal_picture(
    what: Any,
    *,
    highlight: str | Sequence[str] | None = None,
    loop_names: Iterable[Mapping] = (),
    title: str = "",
    layout: str | Mapping[str, Point] | None = None,
    scores: Any = None,
    simplify: float | None = None,
    run: Any = None,
    whole: bool = False,
) -> Picture:
    """The picture of a document, model or graph; the options are those of `draw`.

    Parameters
    ----------
    whole : bool
        Constants and lookups too, as files for graph programs have them.
    """
    graph, document = graph_of(what, run)
    loops = _loops(graph, loop_names, highlight, scores)
    shares = shares_of(scores, loops, graph) if scores is not None else _shares_in(graph)
    chosen = [loops.find(word) for word in ([highlight] if isinstance(highlight, str) else highlight or ())]
    drawn = without_constants(graph)
    if not drawn and not whole:
        raise UsageError("there is nothing to draw: the model has no variable but constants and lookups")
    note = ""
    if simplify is not None:
        drawn = graph = simplified(drawn, loops, shares, simplify)
        note = f"only links of loops with a share of at least {simplify:.3g}"
    # of loops that are not all known, the ids are not known either
    by_cycle = {loop.variables: loop for loop in loops} if loops.complete else {}
    shortest = independent_loops(graph) if by_cycle else ()
    independent = [by_cycle[loop.variables] for loop in shortest if loop.variables in by_cycle]
    few = loops.complete and len(loops) <= MOST_KNOWN
    known: Sequence[Loop] = loops if few else [*chosen, *independent]
    known = list(
        {loop.id: loop for loop in known if all(drawn.has_edge(*link) for link in loop.links)}.values()
    )
    places, view = _places(graph, document, layout)
    if view is not None:
        known = named_by_view(known, view, places)
        renamed = {loop.id: loop for loop in known}
        chosen = [renamed.get(loop.id, loop) for loop in chosen]
    facts: dict[str, Any] = {"shares": shares, "title": title, "note": note, "icons": tuple(independent)}
    exact = layout is None and document is None and bool(places)
    if exact:
        return drawn_at(graph if whole else drawn, places, known, chosen, **facts)
    picture = laid_out(drawn, known, chosen, places, **facts)
    return _with_the_rest(picture, graph) if whole else picture


def graph_of(what: Any, run: Any) -> tuple[nx.DiGraph, Document | None]:
    """The causal graph, and the document if there is one.

    Raises
    ------
    UsageError
        For anything else than a document, a model or a directed graph of texts.
    """
    document = what if isinstance(what, Document) else None
    if document is not None:
        from sdtheory.translate import load

        what = load(document)
    if isinstance(what, Model):
        return causal_graph(what, run), document
    if not isinstance(what, nx.DiGraph) or what.is_multigraph():
        kind = type(what).__name__
        raise UsageError(
            f"cannot draw a {shown(kind)}", remedy="give a Document, a Model or a networkx.DiGraph"
        )
    odd = next((node for node in what if not isinstance(node, str)), None)
    if odd is not None:
        raise UsageError(f"the node {shown(repr(odd))} is not a text", remedy="relabel the graph's nodes")
    if not what:
        raise UsageError("the graph is empty", remedy="give it a variable")
    return what, None


def _loops(graph: nx.DiGraph, names: Iterable[Mapping], highlight: Any, scores: Any) -> LoopList:
    given = list(names)
    for loop in graph.graph.get("loops") or () if not given else ():
        given.append({"name": loop["name"], "through": loop["variables"], "polarity": loop["polarity"]})
    return find_loops(graph, names=given, limit=MOST_LOOPS if highlight or scores is not None else QUICK)


def _shares_in(graph: nx.DiGraph) -> Shares:
    """Shares that a graph read from a file carries."""
    links = {(a, b): data["share"] for a, b, data in graph.edges(data=True) if "share" in data}
    loops = {loop["id"]: loop["share"] for loop in graph.graph.get("loops") or () if "share" in loop}
    return Shares(loops, links, "share of the change") if links else Shares()


def _places(
    graph: nx.DiGraph, document: Document | None, layout: str | Mapping[str, Point] | None
) -> tuple[dict[str, Point], Any]:
    """Places that names keep, and the view that they come from."""
    if isinstance(layout, Mapping):
        return {name: tuple(map(float, layout[name])) for name in graph if name in layout}, None  # type: ignore[misc]
    if layout not in (None, "loops"):
        raise UsageError(
            f"unknown layout '{shown(str(layout))}'", remedy="use 'loops', or a mapping of names to places"
        )
    if layout == "loops":
        return {}, None
    if document is not None:
        view, places = best_view(document, list(without_constants(graph)))
        return places, view
    placed = all("x" in data and "y" in data for _, data in graph.nodes(data=True))
    return {name: (data["x"], data["y"]) for name, data in graph.nodes(data=True)} if placed else {}, None


def _with_the_rest(picture: Picture, graph: nx.DiGraph) -> Picture:
    """The picture with all variables of the graph, the constants beside what they act on."""
    sizes = {name: name_size(name, graph.nodes[name], name in picture.members) for name in graph}
    place = kept_layout(graph, picture.place, sizes)
    return drawn_at(
        graph,
        place,
        picture.loops,
        picture.highlight,
        icons=picture.icons,
        shares=picture.shares,
        title=picture.title,
        note=picture.note,
    )
