"""Causal diagrams as XMILE: variables without equations, and a view of their connectors."""

from __future__ import annotations

import math
from xml.etree import ElementTree

from sdtheory.diagrams.model_names import model_names
from sdtheory.diagrams.picture import Picture
from sdtheory.diagrams.record import rounded, title_of
from sdtheory.diagrams.svg import xml_safe
from sdtheory.documents.view import direction
from sdtheory.model.printing import name_text

NAMESPACE = "http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"
MARGIN = 60.0


def xmile_diagram(picture: Picture) -> str:
    """The graph as an XMILE document.

    Examples
    --------
    >>> import networkx as nx
    >>> from sdtheory.diagrams.picture import laid_out
    >>> text = xmile_diagram(laid_out(nx.DiGraph([("room", "rate", {"polarity": "-"})])))
    >>> ElementTree.fromstring(text).find(f".//{{{NAMESPACE}}}connector").get("polarity")
    '-'
    """
    names = model_names(picture.graph, "XMILE")
    root = ElementTree.Element("xmile", {"version": "1.0", "xmlns": NAMESPACE})
    header = ElementTree.SubElement(root, "header")
    for tag, text in (("vendor", "sdtheory"), ("name", title_of(picture) or "causal diagram")):
        ElementTree.SubElement(header, tag).text = xml_safe(text)
    ElementTree.SubElement(header, "product", {"version": "1.0", "lang": "en"}).text = "sdtheory"
    model = ElementTree.SubElement(root, "model")
    variables = ElementTree.SubElement(model, "variables")
    for name, data in picture.graph.nodes(data=True):
        variable = ElementTree.SubElement(variables, "aux", {"name": names[name]})
        for tag, key in (("doc", "documentation"), ("units", "units")):
            if data.get(key):
                ElementTree.SubElement(variable, tag).text = xml_safe(str(data[key]))
    views = ElementTree.SubElement(model, "views")
    _view(ElementTree.SubElement(views, "view", {"type": "stock_flow"}), picture, names)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _view(view: ElementTree.Element, picture: Picture, names: dict[str, str]) -> None:
    style = ElementTree.SubElement(view, "style")
    looks = ElementTree.SubElement(style, "aux", {"label_side": "center"})
    ElementTree.SubElement(looks, "shape", {"type": "name_only", "width": "80", "height": "20"})
    low = [min((place[axis] for place in picture.place.values()), default=0.0) for axis in (0, 1)]
    for name in picture.graph:
        x, y = (f"{rounded(picture.place[name][axis] - low[axis] + MARGIN):g}" for axis in (0, 1))
        ElementTree.SubElement(view, "aux", {"name": names[name], "x": x, "y": y})
    for number, ((source, target), arc) in enumerate(picture.arcs.items(), 1):
        data = picture.graph.edges[source, target]
        bow = math.degrees(2 * math.atan(2 * arc.bend))
        angle = (direction(picture.place[source], picture.place[target]) + bow) % 360
        facts = {"uid": str(number), "angle": f"{rounded(angle):g}"}
        if data.get("polarity") in ("+", "-"):
            facts["polarity"] = data["polarity"]
        if data.get("delay", "none") != "none":
            facts["delay_mark"] = "true"
        connector = ElementTree.SubElement(view, "connector", facts)
        for tag, name in (("from", source), ("to", target)):
            ElementTree.SubElement(connector, tag).text = name_text(names[name], "xmile")
