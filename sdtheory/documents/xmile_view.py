"""XMILE views (XMILE 1.0, chapter 6): display elements become elements with centres, ends and arcs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from sdtheory.documents.index import Entry, Names
from sdtheory.documents.lexer import spelled
from sdtheory.documents.remembered import Memory, Parts, moved, parts_of
from sdtheory.documents.text import Span, Spans
from sdtheory.documents.view import Element, Point, View, arc_middle
from sdtheory.documents.xmile_variables import File
from sdtheory.documents.xml_tree import Node, attribute_spans, text_span
from sdtheory.errors import Issue, shown
from sdtheory.names import canonical

_KINDS = {
    "stock": "stock",
    "flow": "flow",
    "aux": "auxiliary",
    "gf": "auxiliary",
    "module": "module",
    "alias": "alias",
    "connector": "connector",
    "text_box": "text",
    "group": "group",
}
_PREDEFINED = frozenset({"time", "dt", "starttime", "stoptime"})
_STYLED = ("label_side", "color", "background", "font_family", "line_style")
_NOT_DRAWN = frozenset({"style", "simulation_delay"})
_SIZES = {
    "stock": (45.0, 35.0),
    "module": (55.0, 45.0),
    "flow": (18.0, 18.0),
    "aux": (18.0, 18.0),
    "gf": (18.0, 18.0),
}
_SHAPES = {"rectangle": "box", "circle": "circle", "name_only": "none"}


@dataclass(frozen=True)
class Styles:
    """What styles say about each kind of element, nearest first: attributes, and the ``<shape>``."""

    attributes: dict[str, dict[str, str]] = field(default_factory=dict)
    shapes: dict[str, Node] = field(default_factory=dict)


def styles_of(owner: Node, around: Styles) -> Styles:
    """The styles inside `owner`, over those that apply `around` it."""
    own = [kind for style in owner.all("style") for kind in style.children if kind.tag in _KINDS]
    if not own:
        return around
    attributes, shapes = dict(around.attributes), dict(around.shapes)
    for kind in reversed(own):
        given = {name: kind.attributes[name] for name in _STYLED if name in kind.attributes}
        attributes[kind.tag] = attributes.get(kind.tag, {}) | given
        shape = kind.first("shape")
        if shape is not None:
            shapes[kind.tag] = shape
    return Styles(attributes, shapes)


Ends = dict[tuple[str, str, str], str]


def flow_ends(variables: Names[Entry]) -> Ends:
    """Canonical name of the stock that has a flow: by model, ``inflows`` or ``outflows``, and flow."""
    found: Ends = {}
    for entry in variables.values():
        for side, flows in (("inflows", entry.inflows), ("outflows", entry.outflows)):
            for flow in flows:
                found.setdefault((entry.model, side, canonical(flow)), canonical(entry.name))
    return found


def view_of(
    file: File, number: int, node: Node, model: str, variables: Names[Entry], ends: Ends, styles: Styles
) -> View:
    """One ``<view>``; `styles` are those around it."""
    spans = {"whole": Span(node.start, node.stop)}
    attributes = attribute_spans(file.decoded, node)
    spans |= {key: attributes[key] for key in ("name", "type") if key in attributes}
    name = node.get("name")  # the standard has none: a vendor's own
    kind = node.attributes.get("type") or ("interface" if name == "interface" else "stock_flow")
    children = [child for child in node.children if child.tag not in _NOT_DRAWN]
    reading = _Reading(file, number, model, variables, ends, styles_of(node, styles))
    elements = reading.elements([(child, child) for child in children])
    return View(name, tuple(elements), spans, kind, model, reading.line(node.start))


def legacy_view(
    file: File,
    number: int,
    node: Node,
    variable_nodes: Sequence[Node],
    model: str,
    variables: Names[Entry],
    ends: Ends,
) -> View:
    """The oldest dialect: each variable holds its ``<display>``, the model's own holds the connectors."""
    shown_nodes = []
    for variable in variable_nodes:
        display = variable.first("display")
        if display is not None:
            shown_nodes.append((variable, display))
    shown_nodes += [(child, child) for child in node.children if child.tag not in _NOT_DRAWN]
    reading = _Reading(file, number, model, variables, ends, Styles())
    elements = reading.elements(shown_nodes)
    return View(
        "",
        tuple(elements),
        {"whole": Span(node.start, node.stop)},
        "stock_flow",
        model,
        reading.line(node.start),
    )


@dataclass(frozen=True)
class _Known:
    """What an element says by itself.

    Parameters
    ----------
    element : Element
        Without id, line, spans and what follows from other elements; `variable` is not None where `text` names one.
    parts : mapping of str to (int, int)
        Characters, counted from the first one of the element.
    ends : pair of (str, bool)
        Of a connector: the name at each end, or the number of an alias and True.
    leaves : (x, y), optional
        Of a connector in the oldest dialect: where it leaves.
    """

    element: Element
    parts: Parts
    ends: tuple[tuple[str, bool], ...] = ()
    leaves: Point | None = None


_MEMORY: Memory[_Known] = Memory(most=8192)
_LONGEST = 2000  # characters of an element that is remembered


class _Reading:
    """The elements of one view; connectors are resolved when all others are known."""

    def __init__(
        self,
        reading: File,
        number: int,
        model: str,
        variables: Names[Entry],
        ends: Ends,
        styles: Styles,
    ):
        self.reading = reading
        self.decoded = reading.decoded
        self.number = number
        self.model = model
        self.variables = variables
        self.ends = ends
        self.styles = styles
        self.styled = repr((styles.attributes, {tag: node.attributes for tag, node in styles.shapes.items()}))
        self.notes = reading.notes
        self.by_name: dict[str, Element] = {}
        self.by_uid: dict[str, Element] = {}
        self.scope = canonical(model) + "." if model else ""

    def line(self, position: int) -> int:
        return self.decoded.place(self.decoded.character(position))[0]

    def note(self, node: Node, message: str) -> None:
        line, column = self.decoded.place(self.decoded.character(node.start))
        self.notes.append(Issue("warning", "view", message, None, line, column))

    def elements(self, nodes: Sequence[tuple[Node, Node]]) -> list[Element]:
        """Elements in file order, a flow's clouds behind it; each node with the one that holds its place."""
        found: list[Element] = []
        flows: list[int] = []
        connectors: list[tuple[int, Node]] = []
        for ordinal, (node, place) in enumerate(nodes):
            name = f"{self.number}:{ordinal}"
            if node.tag == "connector":
                connectors.append((len(found), node))
                found.append(Element(name, "connector"))
                continue
            element = self.placed(name, node, place)
            if element.variable is not None and element.kind != "alias":
                self.by_name.setdefault(canonical(element.variable), element)
            if element.uid:
                self.by_uid.setdefault(element.uid, element)
            if element.kind == "flow":
                flows.append(len(found))
            found.append(element)
        extra: dict[int, list[Element]] = {}
        for position in flows:
            found[position], extra[position] = self.flow(found[position])
        for position, node in connectors:
            found[position] = self.connector(found[position].id, node)
        return [one for position, element in enumerate(found) for one in (element, *extra.get(position, ()))]

    def number_of(self, node: Node, name: str, default: float = 0.0) -> float:
        text = node.attributes.get(name)
        if text is None:
            return default
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            self.note(node, f'{shown(name)}="{shown(text)}" of <{shown(node.tag)}> is not a number')
            return default
        return value

    def style(self, node: Node, name: str) -> str:
        """An attribute of the element, else of the nearest style that gives it to this kind of element."""
        return node.attributes.get(name) or self.styles.attributes.get(node.tag, {}).get(name, "")

    def shape(self, node: Node) -> tuple[str, float, float]:
        """Outline and size: a ``<shape>`` of the element or of its style, else the standard's defaults."""
        width, height = _SIZES.get(node.tag, (0.0, 0.0))
        shape = node.first("shape") or self.styles.shapes.get(node.tag)
        if shape is None:
            return "", width, height
        radius = self.number_of(shape, "radius", -1.0)
        if radius >= 0:
            width = height = 2 * radius
        width, height = self.number_of(shape, "width", width), self.number_of(shape, "height", height)
        kind = shape.attributes.get("type", "")
        return _SHAPES.get(kind, kind), width, height

    def placed(self, name: str, node: Node, place: Node) -> Element:
        """An element with a position, whatever its kind."""
        known, base = self.known(node, place)
        element = known.element
        return moved(
            element,
            id=name,
            variable=None if element.variable is None else self.variable(element.text),
            line=self.decoded.place(base)[0],
            spans=Spans(self.decoded, base, known.parts),
        )

    def known(self, node: Node, place: Node) -> tuple[_Known, int]:
        """What an element says by itself, and the character where it begins."""
        base = self.decoded.character(place.start)
        raw = self.decoded.text[base : self.decoded.character(place.stop)]
        key = (raw, self.styled, self.reading.prefix, self.decoded.encoding)
        remembers = self.reading.remembers and node is place and len(raw) <= _LONGEST
        known = _MEMORY.get(key) if remembers else None
        if known is None:
            notes = len(self.notes)
            known = (
                self.link(node, raw, base) if node.tag == "connector" else self.alone(node, place, raw, base)
            )
            if remembers and len(self.notes) == notes:
                _MEMORY.keep(key, known)
        return known, base

    def alone(self, node: Node, place: Node, raw: str, base: int) -> _Known:
        """What an element with a position says, whatever else the view shows."""
        kind = _KINDS.get(node.tag, "other")
        x, y = self.number_of(place, "x"), self.number_of(place, "y")
        outline, width, height = self.shape(node)
        if "width" in place.attributes and "height" in place.attributes:
            # with a size of its own, x and y are the top left corner (XMILE 1.0, 5.1.2)
            width, height = self.number_of(place, "width"), self.number_of(place, "height")
            x, y = x + width / 2, y + height / 2
        text = spelled(node.attributes.get("name", ""), "xmile")
        variable = text if kind in ("stock", "flow", "auxiliary", "module") and text else None
        spans = {"whole": Span(place.start, place.stop), **attribute_spans(self.decoded, place)}
        points: tuple[Point, ...] = ()
        if kind == "alias":
            of = node.first("of")
            text = spelled(of.text, "xmile") if of else ""
            variable = text or None
            if of:
                spans["of"] = text_span(self.decoded, of)
        elif kind == "text":
            text = node.everything().strip()
            spans["text"] = text_span(self.decoded, node)
        elif kind == "flow" and (pts := place.first("pts")):
            points = self.points(pts)
            spans["points"] = Span(pts.start, pts.stop)
        element = Element(
            id="",
            kind=kind,
            variable=variable,
            x=x,
            y=y,
            width=width,
            height=height,
            label_side=self.style(place if place is not node else node, "label_side").strip().lower(),
            points=points,
            text=text,
            uid=node.attributes.get("uid", ""),
            shape=outline,
            colour=self.style(node, "color") or place.attributes.get("color", ""),
            fill=self.style(node, "background"),
            font=self.style(node, "font_family"),
            raw=raw,
        )
        return _Known(element, parts_of(self.decoded, base, spans))

    def variable(self, name: str) -> str:
        """The name as declared, else as the view spells it."""
        entry = self.variables.get(self.scope + canonical(name))
        return entry.name if entry else name

    def flow(self, flow: Element) -> tuple[Element, list[Element]]:
        """The pipe runs from source to target; an end without a stock gets a cloud, which the file lacks."""
        points = flow.points
        key = canonical(flow.variable or "")
        source = self.by_name.get(self.ends.get((self.model, "outflows", key), ""))
        target = self.by_name.get(self.ends.get((self.model, "inflows", key), ""))
        if len(points) < 2:
            ids = [end.id if end else None for end in (source, target)]
            return moved(flow, points=(), source=ids[0], target=ids[1]), []
        if self.runs_backwards(points, source, target):
            points = points[::-1]
        clouds = []
        ends = []
        for side, stock, (x, y) in (("source", source, points[0]), ("target", target, points[-1])):
            if stock is None:
                stock = Element(
                    f"{flow.id}:{side}", "cloud", x=x, y=y, width=20.0, height=16.0, line=flow.line
                )
                clouds.append(stock)
            ends.append(stock.id)
        return moved(flow, points=points, source=ends[0], target=ends[1]), clouds

    def points(self, pts: Node | None) -> tuple[Point, ...]:
        if pts is None:
            return ()
        return tuple((self.number_of(pt, "x"), self.number_of(pt, "y")) for pt in pts.all("pt"))

    @staticmethod
    def runs_backwards(points: tuple[Point, ...], source: Element | None, target: Element | None) -> bool:
        """Whether the file's points begin at the target; the stocks at the ends tell."""
        if all(
            stock is None or _touches(stock, end)
            for stock, end in ((source, points[0]), (target, points[-1]))
        ):
            return False
        gain = 0.0
        for stock, near, far in ((source, points[0], points[-1]), (target, points[-1], points[0])):
            if stock is not None:
                gain += math.dist(near, (stock.x, stock.y)) - math.dist(far, (stock.x, stock.y))
        return gain > 0

    def end_of(self, node: Node, tag: str) -> tuple[str, bool, Span | None]:
        """Name, or number of the alias, at one end of a connector; whether it is an alias; where the file says so."""
        end = node.first(tag)
        if end is None:
            return "", False, None
        alias = end.first("alias")
        if alias is not None:
            return alias.attributes.get("uid", ""), True, attribute_spans(self.decoded, alias).get("uid")
        return spelled(end.text, "xmile"), False, text_span(self.decoded, end)

    def link(self, node: Node, raw: str, base: int) -> _Known:
        """What a connector says, before its ends are looked up."""
        spans = {"whole": Span(node.start, node.stop), **attribute_spans(self.decoded, node)}
        ends = []
        for side, tag in (("source", "from"), ("target", "to")):
            name, is_alias, span = self.end_of(node, tag)
            ends.append((name, is_alias))
            if span:
                spans[side] = span
        angle = self.number_of(node, "angle") if "angle" in node.attributes else None
        leaves = None
        if angle is None and "x" in node.attributes and "y" in node.attributes:
            leaves = self.number_of(node, "x"), self.number_of(node, "y")
        polarity = node.get("polarity").strip()
        element = Element(
            id="",
            kind="connector",
            points=self.points(node.first("pts")),
            angle=angle,
            polarity=polarity if polarity in ("+", "-") else "",
            delay=node.get("delay_mark").strip().lower() == "true",
            line_style=self.style(node, "line_style").strip().lower(),
            text=polarity,
            uid=node.attributes.get("uid", ""),
            colour=self.style(node, "color"),
            raw=raw,
        )
        return _Known(element, parts_of(self.decoded, base, spans), tuple(ends), leaves)

    def connector(self, name: str, node: Node) -> Element:
        """A link; its arc comes from the angle, or in the oldest dialect from the point where it leaves."""
        known, base = self.known(node, node)
        element = known.element
        ends: list[Element | None] = []
        names = []
        for text, is_alias in known.ends:
            end = self.by_uid.get(text) if is_alias else self.by_name.get(canonical(text))
            end_name = f"alias {text}" if is_alias else text
            if end is None and canonical(end_name) not in _PREDEFINED:
                self.note(node, f"a connector ends at '{shown(end_name)}', which this view does not show")
            ends.append(end)
            names.append(end.id if end else end_name or None)
        source, target = ends
        angle, control, points = element.angle, None, element.points
        if source and known.leaves:
            dx, dy = known.leaves[0] - source.x, known.leaves[1] - source.y
            angle = math.degrees(math.atan2(-dy, dx)) if dx or dy else None
        if source and target and angle is not None and len(points) <= 2:
            control = arc_middle((source.x, source.y), (target.x, target.y), angle)
        return moved(
            element,
            id=name,
            points=points if len(points) > 2 else (),
            source=names[0],
            target=names[1],
            control=control,
            angle=angle,
            line=self.decoded.place(base)[0],
            spans=Spans(self.decoded, base, known.parts),
        )


def _touches(stock: Element, point: Point) -> bool:
    """Whether a point is on a stock, its border included."""
    across, down = abs(point[0] - stock.x), abs(point[1] - stock.y)
    return across <= stock.width / 2 + 2 and down <= stock.height / 2 + 2
