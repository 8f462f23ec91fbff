"""Edits of drawn elements of a Vensim sketch: moving, reshaping, texts, ghosts, views."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sdtheory.documents.drafting import element_called, finite, view_number, without_control_characters
from sdtheory.documents.splice import Edit
from sdtheory.documents.vensim_drawing import Drawing, coordinate
from sdtheory.documents.vensim_layout import marker_in
from sdtheory.documents.vensim_sketch import VALVE, Arrow, Shape
from sdtheory.documents.vensim_words import comment_line, ghost_line, polarity_code
from sdtheory.documents.vensim_writing import Opened, opened
from sdtheory.documents.view import Element, Point, arc_middle
from sdtheory.documents.words import PREDEFINED
from sdtheory.errors import DocumentError, UsageError, shown
from sdtheory.names import canonical

if TYPE_CHECKING:
    from sdtheory.documents.document import Document

_SIDES = {"center": "0", "bottom": "1", "left": "2", "top": "3", "right": "4"}
_DEFAULTS = "$192-192-192,0,Arial|12||0-0-0|0-0-0|0-0-255|-1--1--1|-1--1--1|72,72,100,0"
_VIEW = """\\\\\\---/// Sketch information - do not modify anything except names
V300  Do not put anything below this section - it will be ignored
*{name}
{defaults}"""


def move(document: Document, element: str, x: float, y: float, view: int) -> list[Edit]:
    """The centre of an element; a valve takes its name along, bends of links follow by half."""
    finite(document, x, y)
    number, found = element_called(document, element, view)
    if "x" not in found.spans or not found.uid:
        raise DocumentError(
            f"element {shown(found.id)} ({found.kind}) has no centre to move",
            file=document.file,
            line=found.line,
            remedy="reshape a connector by its points" if found.kind == "connector" else None,
        )
    drawing = Drawing(opened(document), number)
    moved = drawing.numbers_of(found)
    shape = drawing.shapes[moved[0]]
    dx, dy = _step(shape.x, x), _step(shape.y, y)
    for one in (drawing.shapes[number] for number in moved):
        drawing.set_number(one, "x", one.x + dx)
        drawing.set_number(one, "y", one.y + dy)
    for arrow in drawing.touching(moved):
        valve = drawing.reading.valve_of_pipe(arrow)
        if valve is None:
            share = ((arrow.source in moved) + (arrow.target in moved)) / 2
            points = [
                (a + dx * share, b + dy * share) if (a, b) != (0, 0) else (a, b) for a, b in arrow.points
            ]
        else:
            points = _pipe_points(drawing, arrow, valve, set(moved), (dx, dy))
        drawing.move_points(arrow, points)
    return drawing.edits()


def _step(old: float, new: float) -> float:
    """From the old coordinate to the new one as it is written."""
    return (float(coordinate(new)) if old == math.floor(old) else new) - old


def _pipe_points(drawing: Drawing, arrow: Arrow, valve: int, moved: set[int], step: Point) -> list[Point]:
    """Bends stay on the axis of the valve or of the end that they were on; others keep their share of the way."""
    end = arrow.target if arrow.source in (valve, drawing.reading.word_of.get(valve)) else arrow.source
    first, last = drawing.shapes[valve], drawing.shapes[end]
    found = []
    for point in arrow.points:
        new = []
        for axis, (a, b) in enumerate(((first.x, last.x), (first.y, last.y))):
            here, shift = point[axis], step[axis]
            a_shift, b_shift = shift * (valve in moved), shift * (end in moved)
            if abs(here - a) <= 1:
                here += a_shift
            elif abs(here - b) <= 1:
                here += b_shift
            elif min(a, b) < here < max(a, b):
                here += a_shift + (here - a) / (b - a) * (b_shift - a_shift)
            new.append(here)
        found.append((new[0], new[1]) if point != (0.0, 0.0) else point)
    return found


def reshape(document: Document, element: str, given: dict[str, Any], view: int) -> list[Edit]:
    """Points, sizes, the side of the name, colour, signs of links."""
    number, found = element_called(document, element, view)
    drawing = Drawing(opened(document), number)
    item = drawing.item_of(found)
    if found.kind == "other" or isinstance(item, Element) or (drawing.old and given):
        drawing.check_new()
        raise DocumentError(
            f"element {shown(found.id)} is kept, but not understood", file=document.file, line=found.line
        )
    for word, value in given.items():
        _SHAPING[word](drawing, found, item, value)
    return drawing.edits()


def _refuse(drawing: Drawing, element: Element, message: str, remedy: str | None = None) -> DocumentError:
    file = drawing.file.document.file
    return DocumentError(
        f"{element.kind} {shown(element.id)} {message}", file=file, line=element.line, remedy=remedy
    )


def _points(drawing: Drawing, element: Element, item: Shape | Arrow, points: list[Point]) -> None:
    finite(drawing.file.document, *(value for point in points for value in point))
    if isinstance(item, Arrow):
        drawing.set_points(item, points)
        if points and not item.shape & 1:
            drawing.set_field(item, 4, "1")
        return
    if element.kind != "flow":
        raise _refuse(drawing, element, "has no points", "reshape a flow or a connector")
    if len(points) < 2:
        raise _refuse(drawing, element, "needs the two ends of its pipe")
    for (a, b), (c, d) in pairwise(points):
        if min(abs(a - c), abs(b - d)) > 1:
            raise _refuse(drawing, element, "bends at right angles only")
    before, after = _halves(points, (item.x, item.y))
    if before is None or after is None:
        raise _refuse(
            drawing, element, f"must pass through its valve at ({item.x:g}, {item.y:g})", "move it first"
        )
    source, target = drawing.reading.ends(element.variable, drawing.reading.pipes.get(item.id, []))
    for pipe, half in ((source, before), (target, after)):
        if pipe is not None:
            outward = pipe[0].source != pipe[1]
            bends = half[1:-1] or [((half[0][0] + half[-1][0]) / 2, (half[0][1] + half[-1][1]) / 2)]
            drawing.set_points(pipe[0], bends if outward else bends[::-1])


def _halves(points: list[Point], valve: Point) -> tuple[list[Point] | None, list[Point] | None]:
    """The pipe from the valve back to its source and on to its target; None when the valve is not on it."""
    x, y = valve
    for number, ((a, b), (c, d)) in enumerate(pairwise(points)):
        if min(a, c) - 1 <= x <= max(a, c) + 1 and min(b, d) - 1 <= y <= max(b, d) + 1:
            before, after = points[: number + 1], points[number + 1 :]
            return [valve, *_leaving(before[::-1], valve)], [valve, *_leaving(after, valve)]
    return None, None


def _leaving(points: list[Point], valve: Point) -> list[Point]:
    """The way without a first point that is the valve itself."""
    near = math.hypot(points[0][0] - valve[0], points[0][1] - valve[1]) <= 1
    return points[1:] if near and len(points) > 1 else points


def _angle(drawing: Drawing, element: Element, item: Shape | Arrow, angle: float) -> None:
    if not isinstance(item, Arrow):
        raise _refuse(drawing, element, "has no angle", "reshape a connector")
    start, stop = drawing.shapes[item.source], drawing.shapes[item.target]
    middle = arc_middle((start.x, start.y), (stop.x, stop.y), angle)
    _points(drawing, element, item, [middle] if middle else [])


def _label_side(drawing: Drawing, element: Element, item: Shape | Arrow, side: str) -> None:
    if side not in _SIDES:
        raise UsageError(f"label_side='{shown(side)}'", remedy=f"use one of {', '.join(_SIDES)}")
    if isinstance(item, Arrow):
        raise _refuse(drawing, element, "has no name")
    drawing.set_field(item, 11, _SIDES[side])
    word = drawing.shapes.get(drawing.reading.word_of.get(item.id, -1))
    if item.type == VALVE and word is not None:
        across, down = (item.width + word.width) / 2, (item.height + word.height) / 2
        dx, dy = {"bottom": (0, 1), "top": (0, -1), "left": (-1, 0), "right": (1, 0)}.get(side, (0, 0))
        drawing.set_number(word, "x", item.x + dx * across)
        drawing.set_number(word, "y", item.y + dy * down)


def _size(label: str):
    def change(drawing: Drawing, element: Element, item: Shape | Arrow, size: float) -> None:
        finite(drawing.file.document, size)
        if isinstance(item, Arrow) or size < 2:
            raise _refuse(drawing, element, f"cannot have the {label} {size:g}")
        drawing.set_number(item, label, size / 2)

    return change


def _colour(drawing: Drawing, element: Element, item: Shape | Arrow, colour: str) -> None:
    bits, number = (8, 11) if isinstance(item, Arrow) else (10, 15)
    if not all(part.lstrip("-").isdecimal() for part in colour.replace("--", "-").strip("-").split("-")):
        raise UsageError(f"colour='{shown(colour)}'", remedy="write red-green-blue such as 255-0-0")
    if len(drawing.fields(item)) <= number:
        raise _refuse(drawing, element, "has no colour of its own in the file", "set it in Vensim first")
    drawing.set_field(item, number, colour)
    # Vensim heeds the colour only where this bit says so
    drawing.set_field(item, bits, str(int(drawing.fields(item)[bits] or 0) | 1))


def _polarity(drawing: Drawing, element: Element, item: Shape | Arrow, polarity: str) -> None:
    if not isinstance(item, Arrow) or element.kind != "connector":
        raise _refuse(drawing, element, "has no polarity", "give one to a connector")
    drawing.set_field(item, 6, str(polarity_code(drawing, polarity)))


def _delay(drawing: Drawing, element: Element, item: Shape | Arrow, delay: bool) -> None:
    if not isinstance(item, Arrow) or element.kind != "connector":
        raise _refuse(drawing, element, "has no mark of a delay", "give one to a connector")
    if element.delay != delay:
        # the other bits are styles, which stay
        drawing.set_field(item, 9, str(int(drawing.fields(item)[9] or 0) ^ 1))


def _line_style(drawing: Drawing, element: Element, item: Shape | Arrow, style: str) -> None:
    raise _refuse(drawing, element, "has no style of its line that a Vensim file is known to hold")


_SHAPING = {
    "points": _points,
    "angle": _angle,
    "label_side": _label_side,
    "width": _size("width"),
    "height": _size("height"),
    "colour": _colour,
    "polarity": _polarity,
    "delay": _delay,
    "line_style": _line_style,
}


def add_alias(document: Document, name: str, x: float, y: float, view: int) -> list[Edit]:
    """A ghost word; that of Time or a control variable is Vensim's shadow variable."""
    finite(document, x, y)
    shown_name = next((one for one in PREDEFINED["vensim"] if one == canonical(name)), None)
    if shown_name is None or name in document.variables:
        shown_name = document.entry(name).name
    else:
        shown_name = "Time" if shown_name == "time" else shown_name.upper()
    drawing = _drawing(document, view)
    drawing.add(ghost_line(drawing, shown_name, x, y))
    return drawing.edits()


def add_text(document: Document, text: str, x: float, y: float, view: int) -> list[Edit]:
    """A comment, its text on the next line."""
    finite(document, x, y)
    text = without_control_characters(document, "text", text).strip()
    if not text or "\n" in text or marker_in(text):
        raise DocumentError(
            "a text of a Vensim sketch is one line that is not empty and does not begin another part of the file",
            file=document.file,
            remedy="add one text for each line",
        )
    drawing = _drawing(document, view)
    drawing.add(comment_line(drawing, text, x, y), text)
    return drawing.edits()


def _drawing(document: Document, view: int) -> Drawing:
    drawing = Drawing(opened(document), view_number(document, view))
    drawing.check_new()
    return drawing


def add_view(document: Document, name: str) -> list[Edit]:
    """A view behind the last one, with its defaults; the first view of a file begins its sketch."""
    name = _view_name(document, name)
    file = opened(document)
    defaults = _DEFAULTS
    for one in document.views:
        if "defaults" in one.spans:
            defaults = file.text[slice(*file.offsets(one.spans["defaults"]))].replace("\r", "")
    text = _VIEW.format(name=name, defaults=defaults)
    return [_new_part(file, text)]


def rename_view(document: Document, view: int, name: str) -> list[Edit]:
    """The line ``*name`` of a view."""
    old = document.views[view_number(document, view)]
    if "name" not in old.spans:
        raise DocumentError(
            "this view has no line for its name",
            file=document.file,
            line=old.line,
            remedy="add one in Vensim",
        )
    if name == old.name:
        return []
    return [Edit(old.spans["name"], _view_name(document, name))]


def _view_name(document: Document, name: str) -> str:
    """A name that a view may be given."""
    name = without_control_characters(document, "view", name).strip()
    if not name or "\n" in name:
        raise DocumentError("the name of a view is one line that is not empty", file=document.file)
    if any(one.name == name for one in document.views):
        raise DocumentError(
            f"there is a view '{shown(name)}' already", file=document.file, remedy="choose another name"
        )
    return name


def _new_part(file: Opened, text: str) -> Edit:
    """The lines of a new view before the end line of the sketch."""
    layout = file.layout
    if layout.sketch is not None:
        place, lines = layout.sketch[1], text + "\n"
    else:
        place = layout.stop
        lines = text + "\n" + ("" if layout.sketch_end is not None else "///---\\\\\\\n")
    if place and file.text[place - 1] not in "\r\n":
        lines = "\n" + lines
    return file.edit(place, place, lines)


def remove_element(document: Document, id: str) -> list[Edit]:
    """The lines of one element, with the arrows that touch it; of a flow valve, name, pipes and own clouds."""
    number, found = _by_id(document, id)
    drawing = Drawing(opened(document), number)
    drawing.check_new()
    item = drawing.item_of(found)
    if isinstance(item, Shape) and drawing.shapes.get(item.id) is item:
        drawing.remove_shapes(drawing.numbers_of(found))
    else:
        drawing.remove([item])
    return drawing.edits()


def _by_id(document: Document, id: str) -> tuple[int, Element]:
    for number, view in enumerate(document.views):
        for one in view.elements:
            if one.id == id:
                return number, one
    raise DocumentError(
        f"no view has an element '{shown(id)}'",
        file=document.file,
        remedy="give the id of an element of document.views; remove(name) takes a variable away",
    )
