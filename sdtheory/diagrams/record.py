"""A picture as plain values, which the formats for graph programs share: ids, names, places, links, loops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sdtheory.diagrams.picture import Picture

NODE_FACTS = ("kind", "units", "documentation")
LINK_FACTS = ("polarity", "basis", "delay", "initial", "reference", "element_links")
GRAPH_FACTS = ("name", "method", "time_dependent")


def rounded(value: float) -> float:
    """A number as it is written to a file: two decimals of a pixel, and no minus zero."""
    return round(float(value), 2) + 0.0


def share_of(value: float) -> float:
    """A share as it is written to a file."""
    return float(f"{value:.6g}")


def node_rows(picture: Picture) -> list[dict[str, Any]]:
    """For each variable its id (n0, n1, ...), name, place and facts, in the order of the graph."""
    rows = []
    for number, (name, data) in enumerate(picture.graph.nodes(data=True)):
        x, y = picture.place[name]
        row = {"id": f"n{number}", "name": name, "x": rounded(x), "y": rounded(y)}
        rows.append(row | _given(data, NODE_FACTS))
    return rows


def link_rows(picture: Picture) -> list[dict[str, Any]]:
    """For each link its id (e0, e1, ...), ends by name and by id, facts, share and loops."""
    ids = node_ids(picture)
    rows = []
    for number, (source, target, data) in enumerate(picture.graph.edges(data=True)):
        row: dict[str, Any] = {"id": f"e{number}", "source": ids[source], "target": ids[target]}
        row |= {"from": source, "to": target} | _given(data, LINK_FACTS)
        if picture.shares:
            row["share"] = share_of(picture.shares.links.get((source, target), 0.0))
        row["loops"] = list(picture.loops_by_link[source, target])
        rows.append(row)
    return rows


def loop_rows(picture: Picture) -> list[dict[str, Any]]:
    """For each known loop id, name, polarity, variables and share."""
    rows = []
    for loop in picture.loops:
        row: dict[str, Any] = {"id": loop.id, "name": loop.name, "polarity": loop.polarity}
        row["variables"] = list(loop.variables)
        if loop.id in picture.shares.loops:
            row["share"] = share_of(picture.shares.loops[loop.id])
        rows.append(row)
    return rows


def graph_facts(picture: Picture) -> dict[str, Any]:
    """What the graph says about itself."""
    return _given(picture.graph.graph, GRAPH_FACTS)


def node_ids(picture: Picture) -> dict[str, str]:
    """The id of each variable."""
    return {name: f"n{number}" for number, name in enumerate(picture.graph)}


def title_of(picture: Picture) -> str:
    """The picture's title, else the graph's name."""
    return picture.title or str(picture.graph.graph.get("name") or "")


def _given(data: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: data[key] for key in keys if data.get(key) is not None}
