"""Stock-flow diagrams as scenes: a picture for each view of a file, or one that is laid out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sdtheory.diagrams.arcs import bend_through, bent, heading
from sdtheory.diagrams.arrows import arrow, delay_mark
from sdtheory.diagrams.causal import unique_ids
from sdtheory.diagrams.colours import INK, PAPER, QUIET, QUIET_WORDS, SIGNS, WORDS
from sdtheory.diagrams.letters import text_size, wrapped
from sdtheory.diagrams.paint import PLATE, Paint, bare_words, has_plate, named_box, paint_of, painted
from sdtheory.diagrams.scene import Bounds, Box, Group, Path, Scene, Shape, Text, line_through
from sdtheory.diagrams.symbols import (
    VALVE,
    at_cloud,
    beside,
    circle,
    cloud,
    fitted,
    lines_within,
    on_border,
    pipe,
    valve,
)
from sdtheory.documents import Document
from sdtheory.documents.view import Element, Point, View
from sdtheory.errors import UsageError, shown
from sdtheory.model.model import Model
from sdtheory.names import canonical

CONNECTOR = "#4F6F8F"
LIGHTER = "#7A7A7A"  # outline of a constant
DASHED = (5.0, 4.0)
LEAST = (24.0, 16.0)  # size of a box without one
_WIDE = 200.0  # of a text without a width
LAYERS = ("group", "pipe", "cloud", "connector", "module", "stock", "flow", "auxiliary", "alias", "text")


@dataclass(frozen=True)
class Facts:
    """What the drawing needs to know beside the view."""

    kinds: Mapping[str, str]
    two_way: frozenset[str]
    circles: bool

    def is_constant(self, element: Element) -> bool:
        """Whether the element shows a constant."""
        return self.kinds.get(canonical(element.variable or "")) == "constant"


def stock_flow_scenes(what: Any, title: str = "") -> list[Scene]:
    """The scene of each view of a document; of what has no view, one that is laid out.

    Raises
    ------
    UsageError
        For anything else than a document or a model, and for a model without stocks, flows and variables.

    Examples
    --------
    >>> import sdtheory as sd
    >>> scenes = stock_flow_scenes(sd.read("models/m0_seed.xmile"))
    >>> len(scenes), sum(group.role == "stock" for group in scenes[0].groups)
    (1, 3)
    """
    if isinstance(what, Document):
        views = [view for view in what.views if view.kind == "stock_flow" and _shows_variables(view)]
        if views:
            facts = facts_of(what)
            return [_scene(view, facts, title or _title(what, view, len(views))) for view in views]
        from sdtheory.translate import load

        what = load(what)
    if not isinstance(what, Model):
        raise UsageError(
            f"cannot draw the stocks and flows of a {shown(type(what).__name__)}",
            remedy="give a Document or a Model",
        )
    from sdtheory.diagrams.stock_flow_layout import laid_out_view

    kinds = {canonical(variable.name): variable.kind for variable in what}
    return [_scene(laid_out_view(what), Facts(kinds, frozenset(), False), title or what.name)]


def _shows_variables(view: View) -> bool:
    return any(element.kind in ("stock", "flow", "auxiliary") for element in view.elements)


def facts_of(document: Document) -> Facts:
    """What the drawings of a document need to know of its variables."""
    entries = document.variables.values()
    kinds = {canonical(entry.name): entry.kind for entry in entries}
    xmile = document.format == "xmile"
    # in XMILE a flow may run backwards unless the file forbids it
    two_way = {canonical(e.name) for e in entries if xmile and e.kind == "flow" and not e.non_negative}
    return Facts(kinds, frozenset(two_way), xmile)


def _title(document: Document, view: View, views: int) -> str:
    name = document.name or document.file.rpartition(".")[0] or document.file
    own = view.name or view.model
    return f"{name}: {own}" if own and views > 1 else name


def _scene(view: View, facts: Facts, title: str) -> Scene:
    elements = {element.id: element for element in view.elements if not element.hidden}
    layers: dict[str, list[Group]] = {layer: [] for layer in LAYERS}
    ids = unique_ids(element.variable or element.kind for element in elements.values())
    used: dict[str, int] = {}
    for element in elements.values():
        slug = ids[element.variable or element.kind]
        used[slug] = used.get(slug, 0) + 1
        own = slug if used[slug] == 1 else f"{slug}--{used[slug]}"
        for layer, group in drawn(element, elements, facts, own):
            layers[layer].append(group)
    groups = tuple(group for layer in LAYERS for group in layers[layer])
    counts = [sum(one.kind == kind for one in elements.values()) for kind in ("stock", "flow")]
    description = f"Stock-flow diagram with {counts[0]} stocks and {counts[1]} flows."
    return Scene(title, description, groups)


def drawn(
    element: Element, elements: Mapping[str, Element], facts: Facts, id: str
) -> Iterator[tuple[str, Group]]:
    """The groups of one element of a view, each with its layer, one of `LAYERS`.

    Parameters
    ----------
    element : Element
    elements : mapping of str to Element
        All elements of the view that are shown, by id; read are those at the element's ends, and at the ends of
        a flow there.
    facts : Facts
    id : str
        What the ids of the groups end in.
    """
    data = {"variable": element.variable} if element.variable else {}
    title = element.variable or ""
    paint = paint_of(element)
    if element.kind == "stock":
        yield "stock", Group(f"stock-{id}", "stock", tuple(_stock(element, paint)), (), data, title)
    elif element.kind == "flow":
        points = _pipe_points(element, elements)
        if len(points) > 1:
            two_way = canonical(element.variable or "") in facts.two_way
            yield "pipe", Group(f"pipe-{id}", "pipe", tuple(pipe(points, two_way, paint.line)), (), data)
        shapes = painted(valve(element.x, element.y, points), paint.line, paint.fill)
        name = _flow_name(element, points)
        shapes.append(replace(name, colour=paint.words_on(name.colour)))
        yield "flow", Group(f"flow-{id}", "flow", tuple(shapes), (), data, title)
    elif element.kind == "auxiliary":
        shapes = _auxiliary(element, paint, facts.circles, facts.is_constant(element))
        yield "auxiliary", Group(f"auxiliary-{id}", "auxiliary", tuple(shapes), (), data, title)
    elif element.kind == "alias":
        shapes = _alias(element, paint, facts.circles)
        yield "alias", Group(f"alias-{id}", "alias", tuple(shapes), (), data, title)
    elif element.kind == "cloud":
        width, height = max(element.width, 22.0), max(element.height, 16.0)
        shapes = painted(cloud(element.x, element.y, width, height), paint.line, paint.fill)
        yield "cloud", Group(f"cloud-{id}", "cloud", tuple(shapes))
    elif element.kind == "connector":
        shapes = _connector(element, elements, facts)
        if shapes:
            ends = [elements[end or ""].variable or "" for end in (element.source, element.target)]
            data = {"source": ends[0], "target": ends[1], "polarity": element.polarity}
            yield "connector", Group(f"link-{id}", "link", tuple(shapes), (), data)
    elif element.kind in ("text", "group", "module"):
        shapes = _frame(element, paint)
        yield element.kind, Group(f"{element.kind}-{id}", element.kind, tuple(shapes), (), data)


def _stock(element: Element, paint: Paint) -> list[Shape]:
    box = sized(element)
    outline = Box(box.x, box.y, box.width, box.height, stroke=INK, line=1.4, fill=PAPER, role="stock")
    words = element.variable or element.text
    side = element.label_side
    lines, size = fitted(words, box.width - 6, box.height - 4)
    width, height = text_size(lines, size)
    if side in ("", "center") and width <= box.width - 2 and height <= box.height:
        return named_box(outline, Text(box.x, box.y, lines, size=size), paint)
    half = box.width / 2, box.height / 2
    name = beside(box.x, box.y, half, "top" if side in ("", "center") else side, wrapped(words))
    return named_box(outline, name, paint)


def sized(element: Element) -> Element:
    """The element with a size that can be seen."""
    return replace(element, width=max(element.width, LEAST[0]), height=max(element.height, LEAST[1]))


def _pipe_points(flow: Element, elements: Mapping[str, Element]) -> list[Point]:
    """The pipe's points with its ends on the borders of the stocks there."""
    points = list(flow.points)
    if len(points) < 2:
        return points
    for end, at in ((flow.target, -1), (flow.source, 0)):
        # what an end touches decides where exactly it lies
        stock = elements.get(end or "")
        if stock is not None and stock.kind in ("stock", "alias"):
            run = points if at == -1 else points[::-1]
            box = sized(stock)
            run = [*run[:-1], *on_border(run[-1], run[-2], box)]
            points = run if at == -1 else run[::-1]
        elif stock is not None and stock.kind == "cloud":
            points[at] = at_cloud(points[at], points[-2 if at == -1 else 1], stock)
    return points


def _flow_name(element: Element, points: list[Point]) -> Text:
    words = element.variable or element.text
    if element.label_x is not None and element.label_y is not None:
        return Text(element.label_x, element.label_y, wrapped(words), halo=True)
    side = element.label_side if element.label_side not in ("", "center") else "bottom"
    return beside(element.x, element.y, (VALVE + 1, VALVE + 1), side, wrapped(words))


def _is_circle(element: Element, circles: bool) -> bool:
    if element.shape in ("none", "clear", "box"):
        return False
    return circles or element.shape in ("circle", "ellipse")


def _auxiliary(element: Element, paint: Paint, circles: bool, constant: bool) -> list[Shape]:
    words = element.variable or element.text
    line, colour = (LIGHTER, QUIET_WORDS) if constant else (INK, INK)
    if _is_circle(element, circles):
        radius = max(min(element.width, element.height) / 2, 5.0)
        shape = circle(element.x, element.y, radius, stroke=line, line=1.0 if constant else 1.3, fill=PAPER)
        return _named_circle(element, shape, radius, words, colour, paint)
    lines = _name_lines(words, element.width)
    if element.shape == "box":
        box = sized(element)
        outline = Box(box.x, box.y, box.width, box.height, stroke=line, line=0.8, fill=PAPER)
        return named_box(outline, Text(element.x, element.y, lines, colour=colour), paint)
    return bare_words(Text(element.x, element.y, lines, colour=colour, halo=True), paint)


def _named_circle(
    element: Element, outline: Path, radius: float, words: str, colour: str, paint: Paint
) -> list[Shape]:
    side = element.label_side if element.label_side not in ("", "center") else "bottom"
    half, colour = (radius, radius), paint.words_on(colour)
    name = beside(element.x, element.y, half, side, wrapped(words), colour=colour)
    return [*painted(outline, paint.line, paint.fill), name]


def _name_lines(words: str, width: float) -> tuple[str, ...]:
    """A name in lines of the width that the file gives it, or of a usual one."""
    return lines_within(words, width, 12.0) if width >= 40 else wrapped(words)


def _alias(element: Element, paint: Paint, circles: bool) -> list[Shape]:
    words = f"<{element.variable or element.text}>"
    if _is_circle(element, circles):
        radius = max(min(element.width, element.height) / 2, 9.0)
        shape = circle(element.x, element.y, radius, stroke=QUIET, line=1.0, fill=PAPER, dash=(3.0, 2.0))
        return _named_circle(element, shape, radius, words, QUIET, paint)
    lines = _name_lines(words, element.width)
    return bare_words(Text(element.x, element.y, lines, colour=QUIET, halo=True), paint)


def _frame(element: Element, paint: Paint) -> list[Shape]:
    if element.kind == "text":
        lines: list[str] = []
        for line in element.text.splitlines() or [""]:
            lines += lines_within(line, max(element.width, 60.0) if element.width else _WIDE, 12.0)
        return bare_words(Text(element.x, element.y, tuple(lines), colour=QUIET_WORDS), paint)
    box = sized(element)
    fill = "" if element.kind == "group" else PAPER
    outline = Box(box.x, box.y, box.width, box.height, stroke=LIGHTER, fill=fill, radius=6.0)
    words = wrapped(element.variable or element.text, 24)
    if element.kind == "group":
        # what lies on a group is drawn for paper: a fill of the file becomes its outline
        down = box.y - box.height / 2 + text_size(words)[1] / 2 + 3
        name = Text(box.x, down, words, colour=paint.words_on(QUIET_WORDS))
        return [*painted(outline, paint.line or paint.fill), name]
    name = beside(box.x, box.y, (box.width / 2, box.height / 2), element.label_side, words)
    return named_box(outline, name, paint)


def _outlines(element: Element, facts: Facts, elements: Mapping[str, Element]) -> list[Bounds]:
    """The boxes of what a connector ends at: a symbol, and the name of a flow."""
    x, y = element.x, element.y
    if element.kind == "flow":
        name = _flow_name(element, _pipe_points(element, elements)).bounds
        return [(x - VALVE, y - VALVE, x + VALVE, y + VALVE), name]
    if element.kind in ("stock", "module"):
        box = sized(element)
        half = box.width / 2, box.height / 2
    elif _is_circle(element, facts.circles):
        half = (max(min(element.width, element.height) / 2, 5.0) * 0.85,) * 2
    else:
        words = element.variable or element.text
        lines = _name_lines(f"<{words}>" if element.kind == "alias" else words, element.width)
        width, height = text_size(lines)
        in_box = element.kind == "auxiliary" and element.shape == "box"
        around = PLATE + 1.0 if has_plate(paint_of(element)) and not in_box else 1.0
        half = width / 2 + around, height / 2 + around
    return [(x - half[0], y - half[1], x + half[0], y + half[1])]


def _inside_any(curve: np.ndarray, boxes: Sequence[Bounds], margin: float) -> np.ndarray:
    found = np.zeros(len(curve), dtype=bool)
    for left, top, right, bottom in boxes:
        low, high = np.array([left, top]) - margin, np.array([right, bottom]) + margin
        found |= ((curve > low) & (curve < high)).all(axis=1)
    return found


def _connector(element: Element, elements: Mapping[str, Element], facts: Facts) -> list[Shape]:
    source, target = elements.get(element.source or ""), elements.get(element.target or "")
    if source is None or target is None:
        return []
    start, stop = (source.x, source.y), (target.x, target.y)
    if element.points:
        corners = np.array([start, *element.points, stop], dtype=float)
        pieces = [np.linspace(a, b, 120)[:-1] for a, b in itertools.pairwise(corners)]
        curve = np.concatenate([*pieces, corners[-1:]])
    else:
        bend = bend_through(start, element.control, stop) if element.control else 0.0
        curve = bent(start, stop, bend, 600)
    leaving = np.flatnonzero(_inside_any(curve, _outlines(source, facts, elements), 1.0))
    curve = curve[leaving[-1] + 1 if len(leaving) else 0 :]
    arriving = np.flatnonzero(_inside_any(curve, _outlines(target, facts, elements), 2.0))
    curve = curve[: arriving[0] if len(arriving) else len(curve)]
    if len(curve) < 3:
        return []
    dash = DASHED if element.line_style == "dashed" else ()
    lines = arrow(curve, CONNECTOR, 1.0, dash)
    if element.points:
        lines[0] = line_through(list(map(tuple, curve)), stroke=CONNECTOR, dash=dash, role="line")
    if element.delay:
        lines += delay_mark(curve, CONNECTOR, 1.0)
    colour = paint_of(element).line
    shapes = [shape for line in lines for shape in painted(line, colour)]
    if element.polarity in SIGNS:
        direction = heading(curve)
        outward = np.array([direction[1], -direction[0]])
        bow = curve[len(curve) // 2] - (curve[0] + curve[-1]) / 2
        x, y = curve[-1] - direction * 6 + outward * (10 if np.dot(outward, bow) >= 0 else -10)
        words, colour = SIGNS[element.polarity], WORDS[element.polarity]
        shapes.append(Text(float(x), float(y), (words,), size=12.0, bold=True, colour=colour, role="sign"))
    return shapes
