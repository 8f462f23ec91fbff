"""Parts of Vensim documents: taken out, and put into another document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sdtheory.documents.drafting import finite, new_name, view_number
from sdtheory.documents.parts import chosen, strange_flows
from sdtheory.documents.splice import Edit
from sdtheory.documents.vensim_drawing import Drawing
from sdtheory.documents.vensim_insert import inserted
from sdtheory.documents.vensim_rates import rate_edits, rate_of, without_term
from sdtheory.documents.vensim_sketch import Arrow, Shape, fields
from sdtheory.documents.vensim_words import cloud_line
from sdtheory.documents.vensim_writing import opened
from sdtheory.documents.view import Element, Point
from sdtheory.errors import DocumentError

if TYPE_CHECKING:
    from sdtheory.documents.document import Document

_HEADER = """\\\\\\---/// Sketch information - do not modify anything except names
V300  Do not put anything below this section - it will be ignored
*View 1
$192-192-192,0,Arial|12||0-0-0|0-0-0|0-0-255|-1--1--1|-1--1--1|72,72,100,0
"""
_END = "///---\\\\\\\n"


def extract(document: Document, ids: Iterable[str], view: int) -> str:
    """The text of a small file: blocks and sketch lines as they stand here; a pipe from elsewhere gets a cloud."""
    file = opened(document)
    found = chosen(document, ids, view)
    drawing = Drawing(file, view)
    drawing.check_new()
    blocks = [
        file.text[slice(*file.offsets(block.spans["whole"]))].strip()
        for entry in found.entries
        for block in entry.blocks
    ]
    numbers = {number for one in found.drawings for number in drawing.numbers_of(one)}
    pipes, clouds = _pipes(drawing, found.drawings, numbers)
    links = {file.offsets(one.spans["whole"])[0] for one in found.links}
    lines = []
    for item in drawing.sketch.items:
        if isinstance(item, Element):
            continue
        text = file.text[slice(*item.place)]
        if isinstance(item, Shape) and item.id in numbers and drawing.shapes[item.id] is item:
            lines.append(text)
        elif isinstance(item, Arrow) and id(item) in pipes:
            lines.append(pipes[id(item)])
        elif isinstance(item, Arrow) and item.place[0] in links:
            lines.append(text)
    equations = "\n\n".join(blocks) + "\n\n" if blocks else ""
    whole = "\n".join([*lines, *clouds])
    return f"{{UTF-8}}\n{equations}{_HEADER}{whole}\n{_END}"


def _pipes(
    drawing: Drawing, drawings: Iterable[Element], numbers: set[int]
) -> tuple[dict[int, str], list[str]]:
    """The lines of the pipes of all flows, and of new clouds at ends that are not taken; old clouds are taken."""
    lines: dict[int, str] = {}
    clouds: list[str] = []
    for flow in drawings:
        if flow.kind != "flow":
            continue
        valve = int(flow.uid)
        for arrow, end in drawing.reading.pipes.get(valve, []):
            text = drawing.file.text[slice(*arrow.place)]
            if drawing.is_cloud(end):
                numbers.add(end)
            elif end not in numbers:
                shape = drawing.shapes[end]
                side = 0 if flow.source == f"{drawing.number}:{end}" else -1
                x, y = flow.points[side] if flow.points else (shape.x, shape.y)
                cloud, line = cloud_line(drawing, x, y)
                clouds.append(line)
                start, stop = fields(text, 0, len(text))[2 if arrow.source == end else 3]
                text = f"{text[:start]}{cloud}{text[stop:]}"
            lines[id(arrow)] = text
    return lines, clouds


def strip(part: Document) -> list[Edit]:
    """The edits that take flows that are not there out of the rates of a part's stocks."""
    edits = []
    file = opened(part)
    for stock in part.variables.values():
        strange = strange_flows(part, stock) if stock.kind == "stock" else []
        rates = {n: rate_of(part, block) for n, block in enumerate(stock.blocks) if "rate" in block.spans}
        for flow in strange:
            rates = {n: without_term(rate, flow) for n, rate in rates.items()}
        if strange:
            edits += rate_edits(file, stock, rates)
    return edits


def insert(document: Document, part: Document, shift: Point, view: int) -> list[Edit]:
    """The blocks of a part at the end of the equations, its lines at the end of a view."""
    file, there = opened(document), opened(part)
    blocks = []
    for entry in part.variables.values():
        new_name(document, entry.name)
        for block in entry.blocks:
            blocks.append(there.text[slice(*there.offsets(block.spans["whole"]))].strip())
    edits = [inserted(file, blocks, ())] if blocks else []
    drawing = Drawing(file, view_number(document, view))
    drawing.check_new()
    drawing.add(*_lines(part, drawing, shift))
    return edits + drawing.edits()


def _lines(part: Document, target: Drawing, shift: Point) -> list[str]:
    """The lines of a part, moved, with numbers that the view does not have."""
    drawing = Drawing(opened(part), 0)
    drawing.check_new()
    items = [one for one in drawing.sketch.items if not isinstance(one, Element)]
    numbers = _renumbered({one.id for one in items}, target.new_id())
    dx, dy = shift
    for one in items:
        drawing.set_field(one, 1, numbers[one.id])
        if isinstance(one, Shape):
            finite(target.file.document, one.x + dx, one.y + dy)
            drawing.set_number(one, "x", one.x + dx)
            drawing.set_number(one, "y", one.y + dy)
            continue
        if one.source not in numbers or one.target not in numbers:
            raise DocumentError("an arrow of the part leads nowhere", file=part.file)
        drawing.set_field(one, 2, numbers[one.source])
        drawing.set_field(one, 3, numbers[one.target])
        moved = [point if point == (0.0, 0.0) else (point[0] + dx, point[1] + dy) for point in one.points]
        drawing.move_points(one, moved)
    file = opened(part.splice(drawing.edits()))
    moved_items = Drawing(file, 0).sketch.items
    return [file.text[slice(*one.place)] for one in moved_items if not isinstance(one, Element)]


def _renumbered(old: set[int], first: int) -> dict[int, str]:
    """Numbers from `first` on; those that follow each other still do, as a valve and its name must, and no others."""
    numbers, last, number = {}, None, first
    for one in sorted(old):
        number += 0 if last is None else min(one - last, 2)
        numbers[one], last = str(number), one
    return numbers
