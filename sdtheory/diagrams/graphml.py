"""Causal diagrams as GraphML, written by networkx, with what yEd needs to draw them."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import networkx as nx

from sdtheory.diagrams.causal import link_colour, link_width
from sdtheory.diagrams.colours import SIGNS, WORDS
from sdtheory.diagrams.letters import wrapped
from sdtheory.diagrams.picture import Picture
from sdtheory.diagrams.record import graph_facts, link_rows, loop_rows, node_rows, rounded
from sdtheory.diagrams.svg import xml_safe

YFILES = "http://www.yworks.com/xml/graphml"


def graphml(picture: Picture) -> str:
    """The graph as GraphML: typed keys for every fact, and yEd's node and edge graphics.

    Examples
    --------
    >>> from sdtheory.diagrams.picture import laid_out
    >>> text = graphml(laid_out(nx.DiGraph([("rate", "tea", {"polarity": "+"})])))
    >>> nx.parse_graphml(text).nodes["n0"]["name"]
    'rate'
    """
    writer = nx.readwrite.graphml.GraphMLWriter(plain_graph(picture), encoding="utf-8", prettyprint=False)
    root = writer.xml
    graphics = {"node": "nodegraphics", "edge": "edgegraphics"}
    for place, (kind, name) in enumerate(graphics.items()):
        key = ElementTree.Element("key", {"id": name, "for": kind, "yfiles.type": name})
        root.insert(place, key)
    graph = root.find("graph")
    assert graph is not None
    # the graphics stand first: readers that take places from them, as networkx does, are set right by the keys
    for element, row in zip(graph.findall("node"), node_rows(picture), strict=True):
        data = ElementTree.Element("data", {"key": "nodegraphics"})
        _shape_node(data, picture, row)
        element.insert(0, data)
    for element, row in zip(graph.findall("edge"), link_rows(picture), strict=True):
        data = ElementTree.Element("data", {"key": "edgegraphics"})
        _line_edge(data, picture, row)
        element.insert(0, data)
    root.set("xmlns:y", YFILES)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode").replace("\r", "&#13;")
    return f"<?xml version='1.0' encoding='utf-8'?>\n{text}\n"


def plain_graph(picture: Picture) -> nx.DiGraph:
    """The graph with ids for nodes and plain values for facts, as XML can hold them."""
    plain = nx.DiGraph()
    facts = graph_facts(picture)
    plain.graph.update({key: _held(value) for key, value in facts.items()})
    if picture.loops:
        plain.graph["loops"] = _held(loop_rows(picture))
    for row in node_rows(picture):
        plain.add_node(row.pop("id"), **{key: _held(value) for key, value in row.items()})
    for row in link_rows(picture):
        kept = {key: value for key, value in row.items() if key not in ("source", "target", "from", "to")}
        kept["loops"] = " ".join(kept["loops"])
        plain.add_edge(row["source"], row["target"], **{key: _held(value) for key, value in kept.items()})
    return plain


def _held(value: Any) -> Any:
    """A value that XML can hold; lists become JSON."""
    if isinstance(value, (list, dict, tuple)):
        value = json.dumps(value, ensure_ascii=False)
    return xml_safe(value) if isinstance(value, str) else value


def _y(parent: Any, tag: str, facts: dict[str, Any], text: str | None = None) -> Any:
    written = {key: value if isinstance(value, str) else f"{value:g}" for key, value in facts.items()}
    element = ElementTree.SubElement(parent, f"y:{tag}", written)
    element.text = text
    return element


def _shape_node(data: Any, picture: Picture, row: dict) -> None:
    width, height = picture.sizes[row["name"]]
    stock = row.get("kind") == "stock"
    node = _y(data, "ShapeNode", {})
    corner = {"x": rounded(row["x"] - width / 2), "y": rounded(row["y"] - height / 2)}
    _y(node, "Geometry", {"height": rounded(height), "width": rounded(width), **corner})
    _y(node, "Fill", {"color": "#FFFFFF", "transparent": "false"})
    border = {"color": "#000000", "hasColor": "true" if stock else "false", "type": "line", "width": "1.0"}
    _y(node, "BorderStyle", border)
    label = {
        "alignment": "center",
        "autoSizePolicy": "content",
        "fontFamily": "DejaVu Sans",
        "fontSize": "12",
    }
    label |= {"modelName": "internal", "modelPosition": "c", "textColor": "#000000", "visible": "true"}
    _y(node, "NodeLabel", label, xml_safe("\n".join(wrapped(row["name"]))))
    _y(node, "Shape", {"type": "rectangle"})


def _line_edge(data: Any, picture: Picture, row: dict) -> None:
    link = row["from"], row["to"]
    edge = _y(data, "ArcEdge", {})
    arc = picture.arcs[link]
    chord = float(((arc.curve[-1] - arc.curve[0]) ** 2).sum() ** 0.5)
    _y(edge, "Path", {"sx": "0.0", "sy": "0.0", "tx": "0.0", "ty": "0.0"})
    style = "dashed" if row.get("initial") else "line"
    colour, width = link_colour(picture, link), rounded(link_width(picture, link))
    _y(edge, "LineStyle", {"color": colour, "type": style, "width": width})
    _y(edge, "Arrows", {"source": "none", "target": "standard"})
    if row.get("polarity") in SIGNS:
        label = {"alignment": "center", "fontFamily": "DejaVu Sans", "fontSize": "13", "fontStyle": "bold"}
        label |= {"modelName": "six_pos", "modelPosition": "thead", "textColor": WORDS[row["polarity"]]}
        _y(edge, "EdgeLabel", label, SIGNS[row["polarity"]])
    _y(edge, "Arc", {"height": rounded(-arc.bend * chord), "ratio": 1.0, "type": "fixedHeight"})
