"""Links and pipes of a Vensim sketch: which variables are joined, and to which stocks a flow is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdtheory.documents.drafting import (
    Box,
    element_called,
    free_place,
    view_number,
    views_showing,
    wanted_links,
)
from sdtheory.documents.index import Entry
from sdtheory.documents.lexer import spelled
from sdtheory.documents.splice import Edit
from sdtheory.documents.vensim_drawing import Drawing
from sdtheory.documents.vensim_rates import (
    check_not_inside,
    rate_edits,
    rate_of,
    term_for,
    with_term,
    without_term,
)
from sdtheory.documents.vensim_sketch import VALVE, WORD, Arrow, Shape
from sdtheory.documents.vensim_words import cloud_line, distance, link_line, pipe_line, polarity_code
from sdtheory.documents.vensim_writing import Opened, opened
from sdtheory.documents.view import Point
from sdtheory.errors import DocumentError, UnknownName, UsageError, shown
from sdtheory.names import canonical

if TYPE_CHECKING:
    from sdtheory.documents.document import Document

_REACH = 70  # from a valve to a new cloud
SIGNS = {"source": -1, "target": 1}


def connect(
    document: Document, source: str, target: str, polarity: str | None, view: int | None
) -> list[Edit]:
    """A link in the view, or in every view that shows both; one that is there gets the polarity."""
    if polarity not in (None, "", "+", "-"):
        raise UsageError(f"polarity='{shown(polarity)}'", remedy="use '+', '-' or None")
    file = opened(document)
    edits: list[Edit] = []
    shown_together = False
    for number in _views(document, view, source, target):
        drawing = Drawing(file, number)
        starts = _drawn(drawing, source)
        end = next((one for one in _drawn(drawing, target) if one.bits & 1), None)
        if not starts or end is None:
            continue
        if any(one.id == end.id for one in starts):
            raise UsageError(f"'{shown(source)}' cannot be connected with itself", file=document.file)
        shown_together = True
        drawing.check_new()
        links = _links(drawing, starts, [end])
        for link in links:
            if polarity is not None:
                drawing.set_field(link, 6, str(polarity_code(drawing, polarity)))
        if not links:
            nearest = min(starts, key=lambda one: (distance(one, end), one.id))
            drawing.add(link_line(drawing, nearest, end, polarity or ""))
        edits += drawing.edits()
    if not shown_together:
        _check_names(document, source, target)
        raise DocumentError(
            f"no view shows both '{shown(source)}' and '{shown(target)}' (a link cannot enter a ghost)",
            file=document.file,
            remedy="draw the missing one first, such as with add_alias",
        )
    return edits


def disconnect(document: Document, source: str, target: str, view: int | None) -> list[Edit]:
    """Without the links between any drawings of the two, in the view or in all views."""
    file = opened(document)
    edits: list[Edit] = []
    for number in _views(document, view, source, target):
        drawing = Drawing(file, number)
        links = _links(drawing, _drawn(drawing, source), _drawn(drawing, target))
        if links:
            drawing.check_new()
            drawing.remove(links)
            edits += drawing.edits()
    if not edits:
        _check_names(document, source, target)
        raise DocumentError(
            f"no connector leads from '{shown(source)}' to '{shown(target)}'", file=document.file
        )
    return edits


def _views(document: Document, view: int | None, *ends: str) -> list[int]:
    """The views to look at: the one given, that of an id, or all."""
    if view is not None:
        return [view_number(document, view)]
    for end in ends:
        head, colon, _ = end.partition(":")
        if colon and head.isdecimal() and len(head) < 9 and int(head) < len(document.views):
            return [int(head)]
    return list(range(len(document.views)))


def _check_names(document: Document, *names: str) -> None:
    for name in names:
        if ":" not in name and canonical(name) != "time":
            document.entry(name)


def _drawn(drawing: Drawing, element: str) -> list[Shape]:
    """The words of a variable, or the object with this id; a flow's is its name."""
    words = drawing.words(element)
    if words:
        return words
    try:
        number, found = element_called(drawing.file.document, element, drawing.number)
    except UnknownName:
        return []
    if number != drawing.number or not found.uid or found.kind == "connector":
        return []
    return [drawing.shapes[drawing.numbers_of(found)[-1]]]


def _links(drawing: Drawing, starts: list[Shape], ends: list[Shape]) -> list[Arrow]:
    """Links from any of the words, or their valves, to any other."""

    def numbers(shapes: list[Shape]) -> set[int]:
        found = {one.id for one in shapes}
        return found | {drawing.reading.valve_of[one] for one in found if one in drawing.reading.valve_of}

    sources, targets = numbers(starts), numbers(ends)
    return [one for one in drawing.reading.links if one.source in sources and one.target in targets]


def match_links(document: Document, name: str, written: Entry | None = None) -> list[Edit]:
    """Links into a variable so that they agree with its equation, in every view that shows it."""
    entry = written or document.entry(name)
    needed, permitted = wanted_links(document, entry)
    file = opened(document)
    edits: list[Edit] = []
    for number in views_showing(document, entry.name):
        drawing = Drawing(file, number)
        end = drawing.original(entry.name)
        if end is None or drawing.old:
            continue
        ends = {end.id, drawing.reading.valve_of.get(end.id, end.id)}
        linked = set()
        for link in drawing.reading.links:
            word = _word_at(drawing, link.source) if link.target in ends else None
            if word is None:
                continue
            key = canonical(spelled(word.name))
            linked.add(key)
            if key not in needed and key not in permitted and key != canonical(entry.name):
                drawing.remove([link])
        for key, spelling in needed.items():
            words = [one for one in drawing.words(spelling) if one.id != end.id]
            if words and key not in linked:
                nearest = min(words, key=lambda one: (distance(one, end), one.id))
                drawing.add(link_line(drawing, nearest, end, ""))
        edits += drawing.edits()
    return edits


def _word_at(drawing: Drawing, number: int) -> Shape | None:
    """The word that a link leaves, also when it leaves the valve; None for clouds and comments."""
    shape = drawing.shapes.get(drawing.reading.word_of.get(number, number))
    return shape if shape is not None and shape.type == WORD else None


def attach(document: Document, flow: str, end: str, stock: str | None) -> list[Edit]:
    """The rates of the stocks concerned, and the pipe of that end in every view."""
    entry = document.entry(flow)
    new = None if stock is None else stock_called(document, stock)
    file = opened(document)
    edits = _rates(file, entry, SIGNS[end], new)
    for number in views_showing(document, entry.name):
        drawing = Drawing(file, number)
        valves = [one for one in drawing.words(entry.name) if one.id in drawing.reading.valve_of]
        if valves:
            drawing.check_new()
            for word in valves:
                _attach_pipe(drawing, drawing.reading.valve_of[word.id], entry.name, end, new)
            edits += drawing.edits()
    return edits


def stock_called(document: Document, name: str) -> Entry:
    """The entry of a stock.

    Raises
    ------
    DocumentError
        The variable is no stock.
    """
    entry = document.entry(name)
    if entry.kind != "stock":
        raise DocumentError(
            f"'{shown(entry.name)}' is no stock but a {entry.kind}",
            file=document.file,
            line=entry.line,
            remedy="a flow leads from a stock or cloud to a stock or cloud",
        )
    return entry


def _rates(file: Opened, flow: Entry, sign: int, new: Entry | None) -> list[Edit]:
    document, key = file.document, canonical(flow.name)
    edits: list[Edit] = []
    for stock in document.variables.values():
        if stock.kind != "stock":
            continue
        sides = stock.inflows if sign > 0 else stock.outflows
        attached = any(canonical(name) == key for name in sides)
        if stock is new:
            check_not_inside(document, stock, flow.name)
        if (stock is new) == attached:
            continue
        changed = {}
        for number, block in enumerate(stock.blocks):
            if "rate" not in block.spans:
                continue
            rate = rate_of(document, block)
            if attached:
                changed[number] = without_term(rate, flow.name, sign)
            else:
                changed[number] = with_term(rate, sign, term_for(document, stock, block, flow.name, flow))
        edits += rate_edits(file, stock, changed)
    return edits


def _attach_pipe(drawing: Drawing, valve: int, flow: str, end: str, stock: Entry | None) -> None:
    """Lead one half of the pipe to the stock where the view shows it, else to a cloud."""
    pipes = dict(zip(SIGNS, drawing.reading.ends(flow, drawing.reading.pipes.get(valve, [])), strict=True))
    pipe = pipes[end]
    words = drawing.words(stock.name) if stock else []
    if pipe is not None and (
        (words and pipe[1] in [word.id for word in words]) or _stays(drawing, pipe[1], words)
    ):
        return
    shape = drawing.shapes[valve]
    if words:
        number, point = words[0].id, pipe_point(shape, words[0])
    else:
        old = drawing.shapes[pipe[1]] if pipe else None
        number, point = new_cloud(drawing, shape, SIGNS[end] if old is None else side_of(shape, old))
    if pipe is None:
        drawing.add(pipe_line(drawing, valve, number, end == "target", point))
        return
    arrow, old_end = pipe
    drawing.set_field(arrow, 3 if arrow.target == old_end else 2, str(number))
    drawing.set_points(arrow, [point])
    if drawing.is_cloud(old_end) and drawing.touching([old_end]) == [arrow]:
        drawing.remove([drawing.shapes[old_end]])


def _stays(drawing: Drawing, old_end: int, words: list[Shape]) -> bool:
    """Whether the pipe ends in a cloud already and shall."""
    return not words and drawing.is_cloud(old_end)


def side_of(valve: Shape, end: Shape) -> int:
    """On which side of a valve its pipe leaves."""
    forward = end.y > valve.y if upright(valve) else end.x > valve.x
    return 1 if forward else -1


def upright(valve: Shape) -> bool:
    """Whether the pipe goes up and down at this valve."""
    return valve.type == VALVE and valve.shape & 3 == 1


def pipe_point(valve: Shape, end: Shape) -> Point:
    """The point of a pipe: on its way to an end that lies straight ahead, else the corner beside the end."""
    if upright(valve):
        if abs(valve.x - end.x) <= end.width / 2:
            return valve.x, (valve.y + end.y) / 2
        return valve.x, end.y
    if abs(valve.y - end.y) <= end.height / 2:
        return (valve.x + end.x) / 2, valve.y
    return end.x, valve.y


def new_cloud(drawing: Drawing, valve: Shape, side: int) -> tuple[int, Point]:
    """A cloud beside a valve, and the point of the pipe to it."""
    dx, dy = (0, side * _REACH) if upright(valve) else (side * _REACH, 0)
    x, y = valve.x + dx, valve.y + dy
    if any(Box(x, y, 20, 16).meets(box) for box in drawing.boxes()):
        x, y = free_place(drawing.boxes(), (20, 16), [(x, y)])
    drawing.take(Box(x, y, 20, 16))
    id, line = cloud_line(drawing, x, y)
    drawing.add(line)
    straight = abs(x - valve.x) <= 10 if upright(valve) else abs(y - valve.y) <= 8
    if straight:
        return id, ((x + valve.x) / 2, (y + valve.y) / 2)
    return id, (valve.x, y) if upright(valve) else (x, valve.y)
