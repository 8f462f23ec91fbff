"""Variables that are added to a Vensim document, or taken away."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sdtheory.documents.drafting import (
    Box,
    check_undrawn,
    finite,
    free_place,
    new_name,
    references_of,
    stocks_at,
    view_number,
    views_showing,
)
from sdtheory.documents.edits import NewVariable
from sdtheory.documents.index import Block, Entry
from sdtheory.documents.splice import Edit
from sdtheory.documents.text import Spans
from sdtheory.documents.vensim_connect import new_cloud, pipe_point, side_of, stock_called
from sdtheory.documents.vensim_drawing import Drawing
from sdtheory.documents.vensim_insert import block_text, inserted, stock_equation
from sdtheory.documents.vensim_rates import (
    check_not_inside,
    rate_edits,
    rate_of,
    with_term,
    without_term,
)
from sdtheory.documents.vensim_sketch import VALVE, Shape
from sdtheory.documents.vensim_words import (
    auxiliary_line,
    label_box,
    pipe_line,
    size_of,
    stock_line,
    stock_size,
    valve_lines,
)
from sdtheory.documents.vensim_writing import (
    Opened,
    check_arguments,
    check_new_block,
    checked_equation,
    checked_text,
    opened,
    written,
)
from sdtheory.documents.view import Point
from sdtheory.documents.words import CONTROLS
from sdtheory.errors import DocumentError, UsageError, shown
from sdtheory.names import canonical

if TYPE_CHECKING:
    from sdtheory.documents.document import Document

_REST = re.compile(r"[ \t]*")
_LINES = re.compile(r"[ \t]*(?:(?:\r\n|\n|\r)(?:[ \t]*(?:\r\n|\n|\r))?)?")
_VALVE = 8  # half the longer side of a valve
_ROOM = 70  # from a stock to the valve beside it


def add_stock(document: Document, new: NewVariable) -> list[Edit]:
    """A block with ``INTEG (0, initial)`` and a box."""
    name = new_name(document, new.name)
    initial = checked_equation(document, name, new.equation)
    equation = stock_equation("0", initial)
    check_arguments(document, name, equation, ("0", initial))
    file, near = opened(document), [one.name for one in references_of(document, initial)]
    edits = [_block(file, name, equation, new, near)]
    drawing = _drawing(file, new.view)
    if drawing is not None:
        half = stock_size(drawing, name, _middle(drawing, near))
        place = _place(drawing, (2 * half[0], 2 * half[1]), near, new)
        drawing.add(stock_line(drawing, name, *place))
        edits += drawing.edits()
    return edits


def add_auxiliary(document: Document, new: NewVariable) -> list[Edit]:
    """A block and a word."""
    name = new_name(document, new.name)
    equation = checked_equation(document, name, new.equation)
    file, near = opened(document), [one.name for one in references_of(document, equation)]
    edits = [_block(file, name, equation, new, near)]
    drawing = _drawing(file, new.view)
    if drawing is not None:
        width, height = size_of(name)
        place = _place(drawing, (2 * width, 2 * height), near, new)
        drawing.add(auxiliary_line(drawing, name, *place))
        edits += drawing.edits()
    return edits


def add_flow(document: Document, new: NewVariable, source: str | None, target: str | None) -> list[Edit]:
    """A block, terms in the rates of the stocks, a valve with its name, two pipes, and clouds."""
    name = new_name(document, new.name)
    equation = checked_equation(document, name, new.equation)
    ends = [None if stock is None else stock_called(document, stock) for stock in (source, target)]
    stocks = [stock for stock in ends if stock is not None]
    if len(stocks) == 2 and stocks[0] is stocks[1]:
        raise UsageError(
            f"'{shown(name)}' would lead from '{shown(stocks[0].name)}' to itself", file=document.file
        )
    file = opened(document)
    near = [*(stock.name for stock in stocks), *(one.name for one in references_of(document, equation))]
    edits = [_block(file, name, equation, new, near)]
    for stock, sign in zip(ends, (-1, 1), strict=True):
        if stock is not None:
            check_not_inside(document, stock, name)
            rates = {
                n: rate_of(document, block) for n, block in enumerate(stock.blocks) if "rate" in block.spans
            }
            changed = {n: with_term(rate, sign, written(name)) for n, rate in rates.items()}
            edits += rate_edits(file, stock, changed)
    drawing = _drawing(file, new.view)
    if drawing is not None:
        _draw_flow(drawing, name, ends, near, new)
        edits += drawing.edits()
    return edits


def draw_variable(document: Document, name: str, x: float | None, y: float | None, view: int) -> list[Edit]:
    """A word, or a valve with its name and pipes, for a variable that the view does not show."""
    entry = document.entry(name)
    check_undrawn(document, entry, view)
    drawing = _drawing(opened(document), view)
    if drawing is None:
        raise UsageError("the document has no view", file=document.file, remedy="add a view first")
    near = [one.name for block in entry.blocks for one in references_of(document, block.equation)]
    new = NewVariable(entry.name, "", "", "", x, y, view)
    if entry.kind == "flow":
        _draw_flow(drawing, entry.name, list(stocks_at(document, entry)), near, new)
    elif entry.kind == "stock":
        half = stock_size(drawing, entry.name, _middle(drawing, near))
        drawing.add(stock_line(drawing, entry.name, *_place(drawing, (2 * half[0], 2 * half[1]), near, new)))
    else:
        width, height = size_of(entry.name)
        drawing.add(auxiliary_line(drawing, entry.name, *_place(drawing, (2 * width, 2 * height), near, new)))
    return drawing.edits()


def _block(file: Opened, name: str, equation: str, new: NewVariable, near: Iterable[str]) -> Edit:
    """The new block, checked by reading it."""
    document = file.document
    units = checked_text(document, name, "units", new.units, "~|")
    documentation = checked_text(document, name, "documentation", new.documentation, "~|")
    block = block_text(name, equation, units, documentation)
    check_new_block(document, name, block, equation)
    return inserted(file, [block], near)


def _drawing(file: Opened, view: int) -> Drawing | None:
    """The view to draw in; None for a document without a sketch."""
    if not file.document.views and view == 0:
        return None
    drawing = Drawing(file, view_number(file.document, view))
    drawing.check_new()
    return drawing


def _near(drawing: Drawing, names: Iterable[str]) -> list[Point]:
    """Where the view shows these variables."""
    found = [words[0] for words in map(drawing.words, dict.fromkeys(names)) if words]
    return [(word.x, word.y) for word in found]


def _middle(drawing: Drawing, names: Iterable[str]) -> Point:
    points = _near(drawing, names) or [(0.0, 0.0)]
    return sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points)


def _place(drawing: Drawing, size: tuple[float, float], near: Iterable[str], new: NewVariable) -> Point:
    """The place given, or a free one near the variables; one coordinate given is kept as far as it can be."""
    x, y = new.x, new.y
    if x is not None and y is not None:
        finite(drawing.file.document, x, y)
        return x, y
    points = _near(drawing, near)
    if x is not None or y is not None:
        finite(drawing.file.document, *(value for value in (x, y) if value is not None))
        middle = _middle(drawing, near)
        points = [(middle[0] if x is None else x, middle[1] if y is None else y)]
    return free_place(drawing.boxes(), size, points)


def _draw_flow(
    drawing: Drawing, name: str, ends: list[Entry | None], near: list[str], new: NewVariable
) -> None:
    """The valve with its name, a pipe to each end, clouds where the view shows no stock."""
    words = [next(iter(drawing.words(end.name)), None) if end else None for end in ends]
    source, target = words
    upright = bool(source and target and _stacked(source, target))
    if new.x is not None and new.y is not None:
        finite(drawing.file.document, new.x, new.y)
        place: Point = new.x, new.y
    else:
        place = _valve_place(drawing, name, source, target, near)
    valve, lines = valve_lines(drawing, name, *place, upright)
    drawing.add(*lines)
    shape = Shape(
        VALVE,
        valve,
        "0",
        *place,
        12,
        16,
        33 if upright else 34,
        3,
        False,
        1,
        (),
        (0, 0),
        Spans(drawing.file.layout.decoded, 0, {}),
    )
    drawing.take(Box(*place, 16, 16))
    drawing.take(label_box(name, *place, upright))
    for number, word in enumerate(words):
        other = words[1 - number]
        if word is not None:
            end, point = word.id, pipe_point(shape, word)
        else:
            away = -side_of(shape, other) if other is not None else (-1, 1)[number]
            end, point = new_cloud(drawing, shape, away)
        drawing.add(pipe_line(drawing, valve, end, bool(number), point))


def _stacked(source: Shape, target: Shape) -> bool:
    """Whether two stocks stand one above the other, so that the pipe between them goes up or down."""
    apart = abs(source.y - target.y) > (source.height + target.height) / 2
    return apart and abs(source.x - target.x) < min(source.width, target.width) / 2


def _valve_place(
    drawing: Drawing, name: str, source: Shape | None, target: Shape | None, near: list[str]
) -> Point:
    """Between two stocks, beside one, or near what the equation names, where valve and name have room."""
    width, height = size_of(name)
    size = 2 * width, 2 * (_VALVE + 2 * height)
    if source and target:
        x = (source.x + target.x) / 2
        y = (source.y + target.y) / 2
        if _stacked(source, target):
            size = 2 * (_VALVE + 2 * width), 2 * max(height, _VALVE)
    elif source or target:
        stock = source or target
        assert stock is not None
        side = 1 if source else -1
        x, y = stock.x + side * (stock.width / 2 + _ROOM), stock.y
    else:
        size = 2 * max(width, _ROOM + 20), size[1]
        return free_place(drawing.boxes(), size, _near(drawing, near))
    return free_place(drawing.boxes(), size, [(x, y)])


def remove(document: Document, name: str) -> list[Edit]:
    """Its blocks, its drawings with the arrows that touch them, its terms in the rates of stocks."""
    entry = document.entry(name)
    key = canonical(entry.name)
    if key in CONTROLS:
        raise DocumentError(
            f"'{shown(entry.name)}' controls the simulation and cannot be removed",
            file=document.file,
            line=entry.line,
            remedy="use set_simulation",
        )
    file = opened(document)
    edits = [_block_removed(file, block) for block in entry.blocks]
    for stock in document.variables.values():
        if stock.kind != "stock" or stock is entry:
            continue
        if entry.kind == "flow":
            check_not_inside(document, stock, entry.name)
        if any(canonical(flow) == key for flow in (*stock.inflows, *stock.outflows)):
            rates = {
                n: rate_of(document, block) for n, block in enumerate(stock.blocks) if "rate" in block.spans
            }
            edits += rate_edits(file, stock, {n: without_term(rate, entry.name) for n, rate in rates.items()})
    for number in views_showing(document, entry.name):
        drawing = Drawing(file, number)
        words = {word.id for word in drawing.words(entry.name)}
        if words:
            drawing.check_new()
            drawing.remove_shapes(
                words | {drawing.reading.valve_of[w] for w in words if w in drawing.reading.valve_of}
            )
            edits += drawing.edits()
    return edits


def _block_removed(file: Opened, block: Block) -> Edit:
    """The block with its line end and one blank line behind it, or alone where its line holds more."""
    text = file.text
    start, stop = file.offsets(block.spans["whole"])
    line = max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1
    behind = (_REST if text[line:start].strip() else _LINES).match(text, stop, file.layout.stop)
    return file.edit(start, behind.end() if behind else stop, "")
