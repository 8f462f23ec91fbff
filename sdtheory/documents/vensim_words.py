"""Lines of new objects of a Vensim sketch; sizes and tails are those of the nearest sibling."""

from __future__ import annotations

import math

from sdtheory.documents.drafting import Box
from sdtheory.documents.vensim_drawing import CLOUD, Drawing, coordinate, points_text
from sdtheory.documents.vensim_sketch import COMMENT, VALVE, WORD, Shape
from sdtheory.documents.vensim_view import ATTACHED
from sdtheory.documents.vensim_writing import written
from sdtheory.documents.view import Point

_LONGEST = 18  # characters that Vensim puts on one line of a name
_GHOST_TAIL = "0,3,-1,0,0,0,128-128-128,0-0-0,|12||128-128-128"
_LINK = "0,0,64,0,-1--1--1,"
_BOW = 0.15  # of the distance, for a link whose way back is drawn already


def size_of(name: str) -> tuple[int, int]:
    """Half width and half height of a name without a border; a long one takes several lines.

    Examples
    --------
    >>> size_of("births"), size_of("effective search space of all")
    ((22, 11), (49, 17))
    """
    rows, longest, row = 1, 0, 0
    for word in name.split():
        if row and row + 1 + len(word) > _LONGEST:
            rows, row = rows + 1, 0
        row += len(word) + (row > 0)
        longest = max(longest, row)
    return max(round(6 + 2.7 * longest), 8), 11 if rows == 1 else 9 * rows - 1


def _plain(shape: Shape) -> bool:
    """An original word without a border that is no flow's name."""
    return bool(shape.bits & 1) and shape.shape == 8


def _boxed(shape: Shape) -> bool:
    return bool(shape.bits & 1) and shape.shape == 3


def _tail(drawing: Drawing, sibling: Shape | None, default: str) -> str:
    """The fields from the hide level on, shown."""
    return ",".join(["0", *drawing.fields(sibling)[10:]]) if sibling else default


def auxiliary_line(drawing: Drawing, name: str, x: float, y: float) -> str:
    """A word without a border."""
    sibling = drawing.sibling((x, y), WORD, _plain)
    width, height = size_of(name)
    tail = _tail(drawing, sibling, "0,0,0,0,0,0")
    return _word(drawing.new_id(), name, x, y, (width, height), "8,3", tail)


def stock_size(drawing: Drawing, name: str, near: Point) -> tuple[float, float]:
    """Half width and height of a new box: those of the nearest one, wide enough for the name."""
    sibling = drawing.sibling(near, WORD, _boxed)
    width, height = (sibling.width / 2, sibling.height / 2) if sibling else (40.0, 20.0)
    return max(width, size_of(name)[0] + 4), max(height, size_of(name)[1] + 4)


def stock_line(drawing: Drawing, name: str, x: float, y: float) -> str:
    """A box."""
    sibling = drawing.sibling((x, y), WORD, _boxed)
    tail = _tail(drawing, sibling, "0,0,0,0,0,0")
    bits = str(sibling.bits) if sibling else "3"
    return _word(drawing.new_id(), name, x, y, stock_size(drawing, name, (x, y)), f"3,{bits}", tail)


def ghost_line(drawing: Drawing, name: str, x: float, y: float) -> str:
    """A shadow variable, in grey."""
    sibling = drawing.sibling((x, y), WORD, lambda shape: not shape.bits & 1 and shape.shape == 8)
    width, height = size_of(f"<{name}>")
    return _word(drawing.new_id(), name, x, y, (width, height), "8,2", _tail(drawing, sibling, _GHOST_TAIL))


def _word(id: int, name: str, x: float, y: float, half: tuple[float, float], shape: str, tail: str) -> str:
    place = ",".join(coordinate(value) for value in (x, y, *half))
    return f"{WORD},{id},{written(name)},{place},{shape},{tail}"


def comment_line(drawing: Drawing, text: str, x: float, y: float) -> str:
    """A comment whose text follows on the next line."""
    width, height = size_of(text)
    place = ",".join(coordinate(value) for value in (x, y, width, height))
    return f"{COMMENT},{drawing.new_id()},0,{place},8,7,0,0,-1,0,0,0"


def cloud_line(drawing: Drawing, x: float, y: float) -> tuple[int, str]:
    """A cloud and its number."""
    id = drawing.new_id()
    return id, f"{COMMENT},{id},{CLOUD},{coordinate(x)},{coordinate(y)},10,8,0,3,0,0,-1,0,0,0"


def label_box(name: str, x: float, y: float, upright: bool) -> Box:
    """Where the name of a flow stands whose valve is at x, y: below it, or to its right where the pipe is upright."""
    width, height = size_of(name)
    return Box(*((x + 8 + width, y) if upright else (x, y + 8 + height)), 2 * width, 2 * height)


def valve_lines(drawing: Drawing, name: str, x: float, y: float, upright: bool) -> tuple[int, list[str]]:
    """A valve and the flow's name, with the number of the valve."""
    id, word = drawing.new_id(), drawing.new_id()
    label = label_box(name, x, y, upright)
    size, shape, side = ("8,6", 33, 4) if upright else ("6,8", 34, 1)
    sibling = drawing.sibling((x, y), WORD, lambda one: one.shape == 8 | ATTACHED and bool(one.bits & 1))
    tail = _tail(drawing, sibling, "0,0,-1,0,0,0")
    valve = f"{VALVE},{id},0,{coordinate(x)},{coordinate(y)},{size},{shape},3,0,0,{side},0,0,0"
    return id, [valve, _word(word, name, label.x, label.y, size_of(name), f"{8 | ATTACHED},3", tail)]


def pipe_line(drawing: Drawing, valve: int, end: int, leads_in: bool, point: Point) -> str:
    """One half of a pipe; the arrowhead is at the end that material reaches."""
    return f"1,{drawing.new_id()},{valve},{end},{4 if leads_in else 100},0,0,22,0,0,0,-1--1--1,,{points_text([point])}"


def link_line(drawing: Drawing, source: Shape, target: Shape, polarity: str) -> str:
    """A link; its sign is written as those of the view are, its looks are those of the last link."""
    sibling = next((one for one in reversed(drawing.reading.links) if not one.hidden and not one.delay), None)
    looks, shape = _LINK, "1"
    if sibling is not None and len(drawing.fields(sibling)) > 13:
        looks, shape = ",".join(drawing.fields(sibling)[7:13]), "1" if sibling.shape & 1 else "0"
    way_back = any(one.source == target.id and one.target == source.id for one in drawing.reading.links)
    dx, dy = target.x - source.x, target.y - source.y
    bow = _BOW if way_back else 0.0
    middle = (source.x + target.x) / 2 - dy * bow, (source.y + target.y) / 2 + dx * bow
    if way_back:
        shape = "1"
    code = polarity_code(drawing, polarity)
    return f"1,{drawing.new_id()},{source.id},{target.id},{shape},0,{code},{looks},{points_text([middle])}"


def polarity_code(drawing: Drawing, polarity: str) -> int:
    """The character code of a sign, S and O in a view that uses these letters."""
    letters = any(one.polarity in "SsOo" for one in drawing.reading.links if one.polarity)
    signs = {"+": "S", "-": "O"} if letters else {"+": "+", "-": "-"}
    return ord(signs[polarity]) if polarity else 0


def distance(one: Shape, other: Shape) -> float:
    """Between centres."""
    return math.hypot(one.x - other.x, one.y - other.y)
