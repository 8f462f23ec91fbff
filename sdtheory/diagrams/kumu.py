"""Causal diagrams for Kumu's JSON import."""

from __future__ import annotations

import json
from typing import Any

from sdtheory.diagrams.picture import Picture
from sdtheory.diagrams.record import link_rows, loop_rows, node_rows

_POLARITY_WORDS = {"R": "reinforcing", "B": "balancing", "U": "of open polarity"}


def kumu(picture: Picture) -> str:
    """The graph as Kumu reads it: elements, connections and loops, which all go by their labels.

    Examples
    --------
    >>> import networkx as nx
    >>> from sdtheory.diagrams.picture import laid_out
    >>> json.loads(kumu(laid_out(nx.DiGraph([("rate", "tea", {"polarity": "-"})]))))["connections"]
    [{'from': 'rate', 'to': 'tea', 'direction': 'directed', 'type': '-'}]
    """
    elements = []
    for row in node_rows(picture):
        element = {"label": row["name"], "type": str(row.get("kind", "variable")), "units": row.get("units")}
        element["description"] = row.get("documentation")
        elements.append({key: value for key, value in element.items() if value})
    connections = []
    for row in link_rows(picture):
        connection: dict[str, Any] = {"from": row["from"], "to": row["to"], "direction": "directed"}
        connection["type"] = row.get("polarity", "")
        if row.get("delay", "none") != "none":
            connection["delayed"] = True
        if "share" in row:
            connection["strength"] = row["share"]
        connections.append(connection)
    loops = [
        {
            "label": f"{row['id']} {row['name']}",
            "type": _POLARITY_WORDS[row["polarity"]],
            "elements": row["variables"],
        }
        for row in loop_rows(picture)
    ]
    whole = {"elements": elements, "connections": connections, "loops": loops}
    return json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
