"""Causal diagrams as GEXF, written by networkx, with places, colours and widths for Gephi."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import networkx as nx

from sdtheory.diagrams.causal import link_colour, link_width
from sdtheory.diagrams.colours import INK, QUIET_WORDS
from sdtheory.diagrams.picture import Picture
from sdtheory.diagrams.record import link_rows, node_rows, rounded, title_of
from sdtheory.diagrams.svg import xml_safe


def gexf(picture: Picture) -> str:
    """The graph as GEXF 1.2; a link's weight is never negative, its polarity is an attribute.

    Examples
    --------
    >>> from sdtheory.diagrams.picture import laid_out
    >>> text = gexf(laid_out(nx.DiGraph([("rate", "tea", {"polarity": "-"})])))
    >>> 'weight="1.4"' in text and "lastmodifieddate" not in text
    True
    """
    plain = nx.DiGraph(name=xml_safe(title_of(picture)))
    for row in node_rows(picture):
        stock = row.get("kind") == "stock"
        words = {key: xml_safe(str(row[key])) for key in ("kind", "units", "documentation") if key in row}
        place = {"x": row["x"], "y": -row["y"], "z": 0.0}  # y grows upward in Gephi
        viz = {"position": place, "color": _rgb(INK if stock else QUIET_WORDS), "size": 8.0 if stock else 5.0}
        plain.add_node(row["id"], label=xml_safe(row["name"]), viz=viz, **words)
    for row in link_rows(picture):
        link = row["from"], row["to"]
        width = rounded(link_width(picture, link))
        viz = {"color": _rgb(link_colour(picture, link)), "thickness": width}
        facts: dict[str, Any] = {
            key: row[key] for key in ("basis", "delay", "initial", "share") if key in row
        }
        facts |= {"polarity": row.get("polarity", ""), "loops": " ".join(row["loops"])}
        plain.add_edge(row["source"], row["target"], id=row["id"], weight=width, viz=viz, **facts)
    writer = nx.readwrite.gexf.GEXFWriter(encoding="utf-8", prettyprint=False, version="1.2draft")
    writer.add_graph(plain)
    root = writer.xml
    for meta in root.iter("meta"):
        meta.attrib.pop("lastmodifieddate", None)  # the same picture gives the same bytes
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode").replace("\r", "&#13;")
    return f"<?xml version='1.0' encoding='utf-8'?>\n{text}\n"


def _rgb(colour: str) -> dict[str, int | float]:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return {"r": red, "g": green, "b": blue, "a": 1.0}
