"""Parts of XMILE documents: taken out, and put into another document."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from sdtheory.documents.drafting import finite, new_name
from sdtheory.documents.parts import chosen, strange_flows
from sdtheory.documents.splice import Edit
from sdtheory.documents.view import Point
from sdtheory.documents.xmile_drawing import Drawing, coordinate, drawing_of
from sdtheory.documents.xmile_source import Source, source_of
from sdtheory.documents.xmile_tree import declarations
from sdtheory.documents.xml_tree import Node
from sdtheory.documents.xml_writing import New, Xml
from sdtheory.errors import UsageError
from sdtheory.names import canonical

if TYPE_CHECKING:
    from sdtheory.documents.document import Document

_PLACED = ("pts", "pt")  # what has places besides the elements of a view themselves


def extract(document: Document, ids: Iterable[str], view: int) -> str:
    """The text of a small file: elements as they stand here, below the root element's own first tag."""
    found = chosen(document, ids, view)
    drawing = drawing_of(document, view)
    _check_modern(drawing)
    xml, source = drawing.source.xml, drawing.source
    declared = [node for entry in found.entries for node in source.declared(entry)]
    drawn = [source.drawn(one) for one in (*found.drawings, *found.links)]
    variables, view_of = (
        "\n".join(_whole(xml, node) for node in nodes)
        for nodes in (declared, sorted(drawn, key=lambda node: node.start))
    )
    root = xml.decoded.text[xml.character(xml.root.start) : xml.character(xml.root.tag_stop)]
    p = xml.prefix
    return (
        f"{root}\n<{p}model>\n<{p}variables>\n{variables}\n</{p}variables>\n"
        f'<{p}views>\n<{p}view type="stock_flow">\n{view_of}\n</{p}view>\n</{p}views>\n</{p}model>\n</{p}xmile>\n'
    )


def _check_modern(drawing: Drawing) -> None:
    if drawing.node.tag == "display":
        raise UsageError(
            "this view of the oldest dialect is not copied from or pasted into", file=drawing.source.file
        )


def _whole(xml: Xml, node: Node) -> str:
    """An element as written, with the last tag that a faulty file leaves out."""
    return xml.raw(node) + ("" if xml.closed(node) else f"</{xml.tag(node)}>")


def strip(part: Document) -> list[Edit]:
    """The edits that take flows that are not there away from a part's stocks."""
    source = source_of(part)
    gone = []
    for stock in part.variables.values():
        strange = set(map(canonical, strange_flows(part, stock))) if stock.kind == "stock" else set()
        for node in source.declared(stock) if strange else ():
            flows = [child for child in node.children if child.tag in ("inflow", "outflow")]
            gone += [flow for flow in flows if canonical(flow.text.strip().strip('"')) in strange]
    return source.xml.removed(gone)


def insert(document: Document, part: Document, shift: Point, view: int) -> list[Edit]:
    """The variables of a part behind those of their kinds, its drawings at the end of a view."""
    drawing = drawing_of(document, view)
    _check_modern(drawing)
    source, there = drawing.source, source_of(part)
    if drawing.model:
        raise UsageError(f"view {view} belongs to a module", remedy="open its own file")
    for entry in part.variables.values():
        new_name(document, entry.name)
    model, origin = source.model(""), there.model("")
    known = {name.removeprefix("xmlns:") for name in source.xml.root.attributes if name.startswith("xmlns:")}
    variables = [_copied(node, known) for node in declarations(origin)]
    edits = _declared(source, model, variables)
    nodes = [there.drawn(one) for one in part.views[0].elements if one.kind != "cloud"]
    uids = _uids(source, model, nodes)
    for one in part.views[0].elements:
        finite(document, one.x + shift[0], one.y + shift[1])
    drawn = [_copied(node, known, shift, uids) for node in nodes]
    return edits + _behind(source.xml, drawing.node, drawing.node.children, drawn)


def _uids(source: Source, model: Node, nodes: Iterable[Node]) -> dict[str, str]:
    """Free numbers for those that elements of the part have."""
    numbers = itertools.count(int(source.next_uid(model)))
    old = dict.fromkeys(node.attributes["uid"] for node in nodes if "uid" in node.attributes)
    return {uid: str(next(numbers)) for uid in old}


def _copied(
    node: Node, known: set[str], shift: Point | None = None, uids: Mapping[str, str] | None = None
) -> New:
    """An element to be written, moved and numbered anew; what a vendor added stays where the prefix is declared."""
    attributes = {
        name: value for name, value in node.attributes.items() if _is_known(name, known) and name != "xmlns"
    }
    if shift is not None:
        for name, by in zip(("x", "y"), shift, strict=True):
            if name in attributes:
                attributes[name] = _moved(attributes[name], by)
    if uids and attributes.get("uid") in uids:
        attributes["uid"] = uids[attributes["uid"]]
    inside = tuple(
        _copied(child, known, shift if child.tag in _PLACED else None, uids)
        for child in node.children
        if _is_known(child.tag, known)
    )
    return New(node.tag, attributes, inside or node.text.strip() or ())


def _is_known(name: str, known: set[str]) -> bool:
    prefix, colon, _ = name.partition(":")
    return not colon or (prefix in known and prefix != "xmlns")


def _moved(text: str, by: float) -> str:
    """A coordinate that is one, moved."""
    try:
        value = float(text)
    except ValueError:
        return text
    return coordinate(value + by, text) if math.isfinite(value) else text


def _declared(source: Source, model: Node, new: list[New]) -> list[Edit]:
    """The edits that add variables to a model."""
    nodes = list(declarations(model))
    holder = model.first("variables")
    if nodes or holder is not None:
        return _behind(source.xml, holder if holder is not None else model, nodes, new)
    return source.xml.first_in(model, New("variables", inside=tuple(new))) if new else []


def _behind(xml: Xml, holder: Node, nodes: list[Node], new: list[New]) -> list[Edit]:
    """The edits that put each new element behind the last of its kind, else behind the last of all."""
    if not nodes:
        return xml.first_in(holder, *new) if new else []
    last = {node.tag: node for node in nodes}
    groups: dict[int, tuple[Node, list[New]]] = {}
    for one in new:
        anchor = last.get(one.tag, nodes[-1])
        groups.setdefault(anchor.start, (anchor, []))[1].append(one)
    return [edit for anchor, ones in groups.values() for edit in xml.after(anchor, *ones)]
