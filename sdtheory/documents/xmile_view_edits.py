"""Edits of views in XMILE files: places, shapes, and the ends of flows."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sdtheory.documents.drafting import finite
from sdtheory.documents.splice import Edit
from sdtheory.documents.view import Element, Point, direction, is_level, leaving
from sdtheory.documents.xmile_drawing import Drawing, cannot, coordinate, drawn
from sdtheory.documents.xmile_names import in_equation
from sdtheory.documents.xmile_pipes import (
    attached,
    detached,
    nearest_turn,
    onto,
    valve_moved,
)
from sdtheory.documents.xmile_source import Source, entry_called, source_of
from sdtheory.documents.xml_tree import Node
from sdtheory.documents.xml_writing import New, checked, last
from sdtheory.errors import UsageError, shown
from sdtheory.names import canonical

if TYPE_CHECKING:
    from sdtheory.documents.document import Document

_SIDES = ("center", "bottom", "left", "top", "right")
_SIDE_ANGLES = {"right": "0", "top": "90", "left": "180", "bottom": "270"}
_SIDED = frozenset({"stock", "flow", "auxiliary", "module", "alias"})
_SIZED = frozenset({"stock", "auxiliary", "module", "alias", "text", "group", "other"})


def move(document: Document, element: str, x: float, y: float, view: int) -> list[Edit]:
    """Place an element; pipes and connectors that end on it follow."""
    finite(document, x, y)
    drawing, one = drawn(document, element, view)
    place = (float(x), float(y))
    if one.kind == "connector":
        raise cannot(document, one, "has no place of its own", "move its ends, or reshape it")
    if one.kind == "cloud":
        flow, _, end = one.id.rpartition(":")
        drawing.end_to(drawing.elements[flow], end, place)
    elif one.kind == "flow" and len(one.points) > 1:
        if place != (one.x, one.y):
            ends = [drawing.elements.get(end or "") for end in (one.source, one.target)]
            boxes = [drawing.box(end) if end and end.kind == "stock" else None for end in ends]
            points = valve_moved(one.points, (one.x, one.y), place, (boxes[0], boxes[1]))
            drawing.pipe(one, points, place)
    elif one.kind == "stock":
        drawing.stock_to(one, place)
    else:
        if one.kind == "other" and not {"x", "y"} <= drawing.source.drawn(one).attributes.keys():
            raise cannot(document, one, "has no place of its own")
        drawing.put(one, place)
    drawing.follow()
    return drawing.edits()


def reshape(document: Document, element: str, given: Mapping[str, Any], view: int) -> list[Edit]:
    """Points, angle, side of the name, size, colour of an element, and the marks of a connector."""
    drawing, one = drawn(document, element, view)
    if one.kind == "cloud" and given:
        raise cannot(document, one, "is the end of a flow", "reshape the flow")
    node = drawing.source.drawn(one)
    if "points" in given:
        _set_points(document, drawing, one, given["points"])
    if "angle" in given:
        if one.kind != "connector":
            raise cannot(document, one, "has no angle")
        finite(document, given["angle"])
        drawing.set(node, angle=coordinate(float(given["angle"]), node.attributes.get("angle")))
    if "label_side" in given:
        _set_side(document, drawing, one, str(given["label_side"]))
    if "width" in given or "height" in given:
        _set_size(document, drawing, one, given.get("width"), given.get("height"))
    if "colour" in given:
        drawing.set(node, color=checked(str(given["colour"]), "the colour", document.file))
    _set_marks(document, drawing, one, given)
    return drawing.edits()


def _set_marks(document: Document, drawing: Drawing, one: Element, given: Mapping[str, Any]) -> None:
    """Sign, mark of delay and style of the line, which only connectors have."""
    marks: dict[str, str | None] = {}
    if "polarity" in given:
        marks["polarity"] = given["polarity"] or None
    if "delay" in given and given["delay"] != one.delay:
        marks["delay_mark"] = "true" if given["delay"] else None
    if "line_style" in given and given["line_style"] != (one.line_style or "solid"):
        marks["line_style"] = given["line_style"]
    asked = [word for word in ("polarity", "delay", "line_style") if word in given]
    if asked and one.kind != "connector":
        raise cannot(document, one, f"has no {asked[0].replace('_', ' ')}")
    node = drawing.source.drawn(one)
    for name, value in marks.items():
        drawing.set(node, **{drawing.source.xml.attribute_name(node, name): value})


def _set_points(document: Document, drawing: Drawing, one: Element, points: list[Point]) -> None:
    finite(document, *(value for point in points for value in point))
    if one.kind == "flow":
        if len(points) < 2:
            raise UsageError("a pipe needs two points or more", file=document.file, line=one.line)
        known = {frozenset(piece) for piece in pairwise(one.points)}
        for start, stop in pairwise(points):
            if min(abs(start[0] - stop[0]), abs(start[1] - stop[1])) > 1 and {start, stop} not in known:
                raise UsageError("a pipe bends at right angles only", file=document.file, line=one.line)
        drawing.pipe(one, points, onto(points, (one.x, one.y)))
        drawing.follow()
        return
    if one.kind != "connector":
        raise cannot(document, one, "has no points")
    if len(points) > 1:
        raise UsageError("a connector bends at one point", file=document.file, line=one.line)
    ends = [drawing.elements.get(end or "") for end in (one.source, one.target)]
    if ends[0] is None or ends[1] is None:
        raise cannot(document, one, "has an end that this view does not show")
    start, stop = (drawing.place(end) for end in ends if end is not None)
    angle = leaving(start, points[0], stop) if points and points[0] not in (start, stop) else None
    angle = direction(start, stop) if angle is None else angle
    node = drawing.source.drawn(one)
    drawing.set(node, angle=coordinate(nearest_turn(angle, one.angle), node.attributes.get("angle")))
    pts = node.first("pts")
    if pts is not None and one.points:
        drawing.others += drawing.source.xml.removed([pts])


def _set_side(document: Document, drawing: Drawing, one: Element, side: str) -> None:
    if one.kind not in _SIDED:
        raise cannot(document, one, "has no name beside it")
    if side not in _SIDES:
        raise UsageError(f"label_side='{shown(side)}'", remedy=f"use one of {', '.join(_SIDES)}")
    node = drawing.source.drawn(one)
    drawing.set(node, label_side=side)
    if "label_angle" in node.attributes:
        drawing.set(node, label_angle=_SIDE_ANGLES.get(side))


def _set_size(
    document: Document, drawing: Drawing, one: Element, width: float | None, height: float | None
) -> None:
    """A size of its own, around the same centre; pipes keep ending on the border of a stock."""
    if one.kind not in _SIZED:
        raise cannot(document, one, "has no size")
    size = (float(one.width if width is None else width), float(one.height if height is None else height))
    finite(document, *size)
    if min(size) <= 0:
        raise UsageError("a size is more than nothing", file=document.file, line=one.line)
    node = drawing.source.drawn(one)
    old = node.attributes
    values = {"x": one.x - size[0] / 2, "y": one.y - size[1] / 2, "width": size[0], "height": size[1]}
    drawing.set(node, **{name: coordinate(value, old.get(name)) for name, value in values.items()})
    for flow, end in drawing.fastened(one):
        points = list(flow.points[::-1] if end == "source" else flow.points)
        axis = 0 if is_level(points[-2], points[-1]) else 1
        centre, before = (one.x, one.y)[axis], (one.width, one.height)[axis]
        last = list(points[-1])
        last[axis] = centre + (last[axis] - centre) * (size[axis] / before if before else 1.0)
        points[-1] = (last[0], last[1])
        drawing.pipe(flow, points[::-1] if end == "source" else points, (flow.x, flow.y))


def attach(document: Document, flow: str, end: str, stock: str | None) -> list[Edit]:
    """``<outflow>`` or ``<inflow>`` of the stocks, and the pipe in every view that shows the flow."""
    entry = entry_called(document, flow, ("flow",), "flow")
    new = None if stock is None else entry_called(document, stock, ("stock",), "stock")
    if new is not None and canonical(new.model) != canonical(entry.model):
        raise UsageError(
            f"'{shown(new.name)}' and '{shown(entry.name)}' stand in different models", file=document.file
        )
    source = source_of(document)
    side, other = ("outflow", "inflow") if end == "source" else ("inflow", "outflow")
    key = canonical(entry.name)
    stocks = [one for one in document.variables.values() if one.kind == "stock" and one.model == entry.model]
    if new is not None and key in map(canonical, getattr(new, other + "s")):
        raise UsageError(
            f"the other end of '{shown(entry.name)}' is on '{shown(new.name)}'", file=document.file
        )
    holders = [one for one in stocks if key in map(canonical, getattr(one, side + "s"))]
    if new is not None and new in holders and len(holders) == 1:
        return []
    edits: list[Edit] = []
    for one in holders:
        if one is not new:
            edits += source.xml.removed(flows_of(source.declared(one)[0], side, key))
    if new is not None and new not in holders:
        edits += fasten(source, source.declared(new)[0], side, entry.name)
    if not edits:
        return []
    for number, view in enumerate(document.views):
        if canonical(view.model) == canonical(entry.model) and view.kind != "interface":
            edits += _lead(Drawing(source, number), key, end, new.name if new is not None else None)
    return edits


def flows_of(stock: Node, side: str, key: str) -> list[Node]:
    """``<inflow>`` or ``<outflow>`` elements of a stock that name a flow."""
    return [node for node in stock.all(side) if canonical(node.text) == key]


def fasten(source: Source, stock: Node, side: str, flow: str) -> list[Edit]:
    """The edit that gives a stock an ``<inflow>`` or ``<outflow>``."""
    new = New(side, inside=in_equation(flow))
    around = [node for tag in ("eqn", "inflow", "outflow") for node in stock.all(tag)]
    anchor = last([*stock.all(side)] or around)
    return source.xml.first_in(stock, new) if anchor is None else source.xml.after(anchor, new)


def _lead(drawing: Drawing, key: str, end: str, stock: str | None) -> list[Edit]:
    """Lead an end of a flow to a stock of the view, or to a cloud."""
    flow = next((one for one in drawing.view.elements if one.kind == "flow" and _shows(one, key)), None)
    if flow is None or len(flow.points) < 2:
        return []
    stocks = [
        one for one in drawing.view.elements if one.kind == "stock" and _shows(one, canonical(stock or ""))
    ]
    points = flow.points[::-1] if end == "source" else flow.points
    valve = (flow.x, flow.y)
    if stocks:
        led = attached(points, valve, drawing.box(stocks[0]))
    elif (old := drawing.elements.get(getattr(flow, end) or "")) is not None and old.kind == "stock":
        led = detached(points, valve)
    else:
        return []
    drawing.pipe(flow, led[::-1] if end == "source" else led, valve)
    return drawing.edits()


def _shows(element: Element, key: str) -> bool:
    return element.variable is not None and canonical(element.variable) == key
