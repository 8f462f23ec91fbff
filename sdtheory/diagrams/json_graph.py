"""Causal diagrams in JSON Graph Format 2: names are the ids, everything else is metadata."""

from __future__ import annotations

import json

from sdtheory.diagrams.picture import Picture
from sdtheory.diagrams.record import graph_facts, link_rows, loop_rows, node_rows


def json_graph(picture: Picture) -> str:
    """The graph in JSON Graph Format, with loops and shares.

    Examples
    --------
    >>> import networkx as nx
    >>> from sdtheory.diagrams.picture import laid_out
    >>> graph = json.loads(json_graph(laid_out(nx.DiGraph([("rate", "tea", {"polarity": "-"})]))))["graph"]
    >>> graph["edges"][0]["source"], graph["edges"][0]["relation"]
    ('rate', '-')
    """
    nodes = {}
    for row in node_rows(picture):
        name = row.pop("name")
        row.pop("id")
        nodes[name] = {"label": name, "metadata": row}
    edges = []
    for row in link_rows(picture):
        facts = {
            key: row[key] for key in row if key not in ("id", "source", "target", "from", "to", "polarity")
        }
        ends = {"source": row["from"], "target": row["to"]}
        edges.append(ends | {"relation": row.get("polarity", ""), "metadata": facts})
    facts = graph_facts(picture)
    graph = {
        "type": "causal diagram",
        "label": str(facts.pop("name", "")),
        "directed": True,
        "metadata": facts | {"loops": loop_rows(picture)},
        "nodes": nodes,
        "edges": edges,
    }
    return json.dumps({"graph": graph}, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
