"""One view of an XMILE file while it is edited: new places and shapes become edits of attributes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sdtheory.documents.drafting import Box, element_called, view_number
from sdtheory.documents.edits import as_text
from sdtheory.documents.splice import Edit
from sdtheory.documents.view import Element, Point
from sdtheory.documents.xmile_pipes import end_moved, stock_moved, turned
from sdtheory.documents.xmile_source import Source, source_of
from sdtheory.documents.xml_tree import Node
from sdtheory.documents.xml_writing import New
from sdtheory.errors import UsageError, shown

if TYPE_CHECKING:
    from sdtheory.documents.document import Document


def coordinate(value: float, old: str | None = None) -> str:
    """A position as text, at most two decimals; the old text when it says the same.

    Examples
    --------
    >>> coordinate(12.3456), coordinate(602.400024, "602.400024")
    ('12.35', '602.400024')
    """
    if old is not None:
        try:
            if abs(float(old) - value) < 1e-9:
                return old
        except ValueError:
            pass
    return as_text(round(value, 2) + 0.0)


class Drawing:
    """A view, and the changes to be made in it.

    Parameters
    ----------
    source : Source
    number : int
        Place of the view in ``document.views``.
    """

    def __init__(self, source: Source, number: int):
        self.source = source
        self.number = number
        self.view = source.document.views[number]
        self.model, self.node = source.views()[number]
        self.elements = {element.id: element for element in self.view.elements}
        self.places: dict[str, Point] = {}
        self.values: dict[int, tuple[Node, dict[str, str | None]]] = {}
        self.others: list[Edit] = []
        if self.view.kind == "interface":
            raise UsageError(
                f"view {number} is an interface, which is kept as it is",
                file=source.file,
                line=self.view.line,
                remedy="choose a view of stocks and flows",
            )

    def edits(self) -> list[Edit]:
        """All changes made so far."""
        found = list(self.others)
        for node, values in self.values.values():
            found += self.source.xml.set_attributes(node, values)
        return found

    def set(self, node: Node, **values: str | None) -> None:
        """Give an element other attributes."""
        self.values.setdefault(id(node), (node, {}))[1].update(values)

    def place(self, element: Element) -> Point:
        """The centre of an element, where it is now."""
        return self.places.get(element.id, (element.x, element.y))

    def box(self, element: Element) -> Box:
        """Outline of an element, where it is now."""
        return Box(*self.place(element), element.width, element.height)

    def fastened(self, element: Element) -> list[tuple[Element, str]]:
        """Flows that begin or end at an element, and which end."""
        flows = [one for one in self.view.elements if one.kind == "flow" and len(one.points) > 1]
        return [
            (flow, end) for flow in flows for end in ("source", "target") if getattr(flow, end) == element.id
        ]

    # places

    def put(self, element: Element, place: Point) -> None:
        """Write a centre; with a size of its own an element's x and y are the top left corner."""
        if place == self.place(element):
            return
        node = self.source.drawn(element)
        self.places[element.id] = place
        x, y = place
        if "width" in node.attributes and "height" in node.attributes:
            x, y = x - element.width / 2, y - element.height / 2
        old = node.attributes
        self.set(node, x=coordinate(x, old.get("x")), y=coordinate(y, old.get("y")))

    def stock_to(self, stock: Element, place: Point) -> None:
        """Move a stock, and the pipes that end on it."""
        shift = (place[0] - stock.x, place[1] - stock.y)
        self.put(stock, place)
        pipes: dict[str, tuple[list[Point], Point]] = {}
        for flow, end in self.fastened(stock):
            points, valve = pipes.get(flow.id, (list(flow.points), (flow.x, flow.y)))
            points = points[::-1] if end == "source" else points
            points, valve = stock_moved(points, valve, shift, self.box(stock))
            pipes[flow.id] = points[::-1] if end == "source" else points, valve
        for id, (points, valve) in pipes.items():
            self.pipe(self.elements[id], points, valve)

    def end_to(self, flow: Element, end: str, place: Point) -> None:
        """Move one end of a pipe."""
        points = list(flow.points)
        points, valve = end_moved(points[::-1] if end == "source" else points, (flow.x, flow.y), place)
        self.pipe(flow, points[::-1] if end == "source" else points, valve)

    def pipe(self, flow: Element, points: Sequence[Point], valve: Point) -> None:
        """Write the points of a flow, given from its source to its target, and its valve."""
        self.put(flow, valve)
        holder = self.source.drawn(flow)
        pts = holder.first("pts")
        nodes = list(pts.all("pt")) if pts is not None else []
        old = [_point(node) for node in nodes]
        if flow.points and old and flow.points[0] != old[0]:
            points = points[::-1]  # the file begins at the target
        if pts is None:
            new = New("pts", inside=tuple(map(_pt, points)))
            self.others += self.source.xml.first_in(holder, new)
            return
        same = 0
        while same < min(len(old), len(points)) and old[same] == points[same]:
            same += 1
        tail = 0
        while tail < min(len(old), len(points)) - same and old[-1 - tail] == points[-1 - tail]:
            tail += 1
        stay, fresh = nodes[same : len(old) - tail], list(points[same : len(points) - tail])
        for node, (x, y) in zip(stay, fresh, strict=False):
            attributes = node.attributes
            self.set(node, x=coordinate(x, attributes.get("x")), y=coordinate(y, attributes.get("y")))
        if len(stay) > len(fresh):
            self.others += self.source.xml.removed(stay[len(fresh) :])
        more = [_pt(point) for point in fresh[len(stay) :]]
        if more:
            last = same + len(stay) - 1
            xml = self.source.xml
            self.others += xml.after(nodes[last], *more) if last >= 0 else xml.first_in(pts, *more)

    # connectors

    def follow(self) -> None:
        """Let the connectors of everything that has moved keep their bow."""
        for one in self.view.elements:
            if one.kind != "connector":
                continue
            source, target = (self.elements.get(end or "") for end in (one.source, one.target))
            if source is None or target is None or not {source.id, target.id} & self.places.keys():
                continue
            old = (source.x, source.y), (target.x, target.y)
            new = self.place(source), self.place(target)
            node = self.source.drawn(one)
            if "angle" in node.attributes and one.angle is not None:
                angle = turned(one.angle, old, new)
                self.set(node, angle=coordinate(angle, node.attributes["angle"]))
            elif one.angle is not None:
                self._turn_start(node, one.angle, old, new)
            if one.points:
                self._bend(node, one.points, old, new)

    def _turn_start(
        self, node: Node, angle: float, old: tuple[Point, Point], new: tuple[Point, Point]
    ) -> None:
        """The oldest dialect gives the point where an arc leaves, in the place of an angle."""
        x, y = _point(node)
        reach = math.dist((x, y), old[0])
        leaves = math.radians(turned(angle, old, new))
        x, y = new[0][0] + reach * math.cos(leaves), new[0][1] - reach * math.sin(leaves)
        attributes = node.attributes
        self.set(node, x=coordinate(x, attributes.get("x")), y=coordinate(y, attributes.get("y")))

    def _bend(
        self, node: Node, points: Sequence[Point], old: tuple[Point, Point], new: tuple[Point, Point]
    ) -> None:
        """Points of a connector follow its ends, each by its share of the way."""
        pts = node.first("pts")
        assert pts is not None  # the points were read from it
        for place, pt in enumerate(pts.all("pt")):
            share = place / (len(points) - 1)
            x, y = points[place]
            for weight, before, after in zip((1 - share, share), old, new, strict=True):
                x, y = x + weight * (after[0] - before[0]), y + weight * (after[1] - before[1])
            attributes = pt.attributes
            self.set(pt, x=coordinate(x, attributes.get("x")), y=coordinate(y, attributes.get("y")))


def _point(node: Node) -> Point:
    values = []
    for name in ("x", "y"):
        try:
            values.append(float(node.attributes.get(name, "0")))
        except ValueError:
            values.append(0.0)
    return values[0], values[1]


def _pt(point: Point) -> New:
    return New("pt", {"x": coordinate(point[0]), "y": coordinate(point[1])})


def drawing_of(document: Document, view: int) -> Drawing:
    """A view that can be edited."""
    return Drawing(source_of(document), view_number(document, view))


def drawn(document: Document, element: str, view: int) -> tuple[Drawing, Element]:
    """A drawn element, by its id or by the variable that it shows, and its view.

    Raises
    ------
    UnknownName
        The view shows nothing of this name.
    UsageError
        The document has no such view, or it is an interface.
    """
    number, one = element_called(document, element, view)
    return Drawing(source_of(document), number), one


def cannot(document: Document, element: Element, what: str, remedy: str | None = None) -> UsageError:
    """The error for a change that elements of this kind do not have."""
    name = element.variable or element.text or element.id
    return UsageError(
        f"the {element.kind} '{shown(name)}' {what}", file=document.file, line=element.line, remedy=remedy
    )
