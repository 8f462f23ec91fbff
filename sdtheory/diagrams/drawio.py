"""Causal diagrams for diagrams.net (draw.io)."""

from __future__ import annotations

import html
from xml.etree import ElementTree

import numpy as np

from sdtheory.diagrams.arcs import resampled
from sdtheory.diagrams.causal import link_colour, link_width
from sdtheory.diagrams.colours import SIGNS, WORDS
from sdtheory.diagrams.picture import Picture
from sdtheory.diagrams.record import link_rows, node_rows, rounded, title_of
from sdtheory.diagrams.svg import xml_safe


def drawio(picture: Picture) -> str:
    """The graph as an uncompressed draw.io file.

    Examples
    --------
    >>> import networkx as nx
    >>> from sdtheory.diagrams.picture import laid_out
    >>> root = ElementTree.fromstring(drawio(laid_out(nx.DiGraph([("rate", "tea", {"polarity": "-"})]))))
    >>> [cell.get("value") for cell in root.iter("mxCell") if cell.get("vertex")]
    ['rate', 'tea', '−']
    """
    whole = ElementTree.Element("mxfile", {"host": "sdtheory"})
    name = xml_safe(title_of(picture) or "causal diagram")
    diagram = ElementTree.SubElement(whole, "diagram", {"id": "causal", "name": name})
    model = ElementTree.SubElement(diagram, "mxGraphModel", {"grid": "0", "page": "0"})
    root = ElementTree.SubElement(model, "root")
    ElementTree.SubElement(root, "mxCell", {"id": "0"})
    ElementTree.SubElement(root, "mxCell", {"id": "1", "parent": "0"})
    for row in node_rows(picture):
        _vertex(root, picture, row)
    for row in link_rows(picture):
        _edge(root, picture, row)
    ElementTree.indent(whole)
    return ElementTree.tostring(whole, encoding="unicode").replace("\r", "&#13;") + "\n"


def label(name: str) -> str:
    """A name as HTML, which the label of a cell is; XML escapes it once more."""
    return "<br>".join(html.escape(line) for line in xml_safe(name).split("\n"))


def _vertex(root: ElementTree.Element, picture: Picture, row: dict) -> None:
    width, height = picture.sizes[row["name"]]
    style = "rounded=0;whiteSpace=wrap;html=1;fontSize=12;spacing=0;"
    style += (
        "strokeColor=#000000;fillColor=#FFFFFF;"
        if row.get("kind") == "stock"
        else "strokeColor=none;fillColor=none;"
    )
    facts = {"id": row["id"], "value": label(row["name"]), "style": style, "vertex": "1", "parent": "1"}
    cell = ElementTree.SubElement(root, "mxCell", facts)
    place = {"x": row["x"] - width / 2, "y": row["y"] - height / 2, "width": width, "height": height}
    written = {key: f"{rounded(value):g}" for key, value in place.items()}
    ElementTree.SubElement(cell, "mxGeometry", written | {"as": "geometry"})


def _edge(root: ElementTree.Element, picture: Picture, row: dict) -> None:
    link = row["from"], row["to"]
    width = f"{rounded(link_width(picture, link)):g}"
    style = "curved=1;html=1;rounded=0;endArrow=block;endFill=1;endSize=5;"
    style += f"strokeColor={link_colour(picture, link)};strokeWidth={width};"
    style += "dashed=1;" if row.get("initial") else ""
    facts = {"id": row["id"], "style": style, "edge": "1", "parent": "1"}
    cell = ElementTree.SubElement(root, "mxCell", facts | {key: row[key] for key in ("source", "target")})
    geometry = ElementTree.SubElement(cell, "mxGeometry", {"relative": "1", "as": "geometry"})
    points = ElementTree.SubElement(geometry, "Array", {"as": "points"})
    # the middle of the curve pulls a quadratic arc twice as far
    arc = resampled(picture.arcs[link].curve, 3)
    x, y = 2 * arc[1] - np.mean([arc[0], arc[2]], axis=0)
    ElementTree.SubElement(points, "mxPoint", {"x": f"{rounded(x):g}", "y": f"{rounded(y):g}"})
    polarity = row.get("polarity")
    if polarity in SIGNS:
        look = "edgeLabel;html=1;resizable=0;fontSize=14;fontStyle=1;labelBackgroundColor=none;"
        look += f"fontColor={WORDS[polarity]};"
        facts = {"id": f"{row['id']}-sign", "value": SIGNS[polarity], "style": look, "vertex": "1"}
        sign = ElementTree.SubElement(root, "mxCell", facts | {"connectable": "0", "parent": row["id"]})
        ElementTree.SubElement(sign, "mxGeometry", {"x": "0.8", "y": "9", "relative": "1", "as": "geometry"})
