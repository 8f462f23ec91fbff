"""Causal diagrams for Cytoscape and Cytoscape.js."""

from __future__ import annotations

import json

from sdtheory.diagrams.picture import Picture
from sdtheory.diagrams.record import graph_facts, link_rows, loop_rows, node_rows


def cyjs(picture: Picture) -> str:
    """The graph as Cytoscape JSON.

    Examples
    --------
    >>> import networkx as nx
    >>> from sdtheory.diagrams.picture import laid_out
    >>> nodes = json.loads(cyjs(laid_out(nx.DiGraph([("rate", "tea")]))))["elements"]["nodes"]
    >>> [node["data"]["name"] for node in nodes]
    ['rate', 'tea']
    """
    nodes = []
    for row in node_rows(picture):
        position = {"x": row.pop("x"), "y": row.pop("y")}
        nodes.append({"data": row, "position": position})
    edges = []
    for row in link_rows(picture):
        facts = {key: value for key, value in row.items() if key not in ("from", "to")}
        polarity = facts.get("polarity", "")
        edges.append(
            {"data": facts | {"interaction": polarity, "name": f"{row['from']} ({polarity}) {row['to']}"}}
        )
    data = graph_facts(picture) | {"loops": loop_rows(picture)}
    whole = {
        "format_version": "1.0",
        "generated_by": "sdtheory",
        "target_cytoscapejs_version": "~3.0",
        "data": data,
        "elements": {"nodes": nodes, "edges": edges},
    }
    return json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
