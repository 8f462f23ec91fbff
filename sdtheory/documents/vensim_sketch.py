"""Vensim sketches: the lines that place words, valves, clouds and arrows.

Field meanings follow Vensim's public help pages on sketch information.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sdtheory.documents.text import Span, Spans, Text
from sdtheory.documents.view import Element, Point
from sdtheory.errors import Issue
from sdtheory.limits import Limits, beyond

_MOST_FIELDS = 64  # more than twice what Vensim writes; what comes after is kept in the bytes alone
_MARKER = re.compile(r"\\{2,}---///")
POINT = re.compile(r"\((-?[0-9.eE+-]+),(-?[0-9.eE+-]+)\)")
WORD, VALVE, COMMENT = 10, 11, 12

_LABELS = {"id": 1, "name": 2, "x": 3, "y": 4, "width": 5, "height": 6, "label_side": 11}
_REMEMBERED = 400  # characters of a line whose reading is kept

Range = tuple[int, int]
_Line = tuple[
    Callable[..., Any], tuple[Any, ...], dict[str, Range]
]  # what to make, of what, and where it stands


@dataclass
class Shape:
    """A word, valve, comment, cloud or picture: one line of the sketch (two when its text follows)."""

    type: int
    id: int
    name: str
    x: float
    y: float
    width: float
    height: float
    shape: int
    bits: int
    hidden: bool
    side: int
    tail: tuple[str, ...]
    place: Range
    spans: Spans
    text: str = ""


@dataclass
class Arrow:
    """A link or one half of a pipe."""

    id: int
    source: int
    target: int
    shape: int
    hidden: bool
    polarity: str
    thick: int
    delay: bool
    points: tuple[Point, ...]
    tail: tuple[str, ...]
    place: Range
    spans: Spans


@dataclass
class Sketch:
    """One view as the file has it, before it is understood."""

    name: str
    spans: dict[str, Span]
    line: int
    items: list[Shape | Arrow | Element] = field(default_factory=list)


def _line(decoded: Text, number: int, start: int, stop: int) -> Range | None:
    """The part of a line, without its end, from `start` on; `number` counts from 0; None from `stop` on."""
    starts = decoded.line_starts
    if number >= len(starts) or starts[number] >= stop:
        return None
    end = min(starts[number + 1] if number + 1 < len(starts) else len(decoded.text), stop)
    while end > starts[number] and decoded.text[end - 1] in "\r\n":
        end -= 1
    return max(starts[number], start), end


def sketches_between(
    decoded: Text, start: int, stop: int, notes: list[Issue], file: str, limits: Limits
) -> list[Sketch]:
    """The objects of each view between two offsets of the text; lines that cannot be read are noted."""
    count = 0  # views and elements
    text = decoded.text
    found: list[Sketch] = []
    first, end = start, stop
    number = decoded.place(start)[0] - 1
    last = start  # where the last line ends
    header = 0  # lines of the header that may still come: version, name, defaults
    old = False
    while place := _line(decoded, number, first, end):
        start, stop = place
        number += 1
        if _MARKER.match(text, start, stop):
            _close(found, decoded, last)
            last = stop
            found.append(Sketch("", {"whole": decoded.span(start, stop)}, number))
            count += 1
            _check(count, number, file, limits)
            header = 3
            old = False
            continue
        if not found:
            continue
        sketch = found[-1]
        last = stop
        if header and text[start:stop].startswith(("V", "*", "$")):
            header -= 1
            part = {"V": "version", "*": "name", "$": "defaults"}[text[start]]
            sketch.spans[part] = decoded.span(start + (part == "name"), stop)
            if part == "name":
                sketch.name = text[start + 1 : stop].strip()
            old = old or (part == "version" and text[start:stop].split()[0] == "V160")
            continue
        if not text[start:stop].strip():
            continue
        header = 0
        item = _item(decoded, start, stop, old)
        follows = isinstance(item, Shape) and item.type == COMMENT and item.bits & 4
        following = _line(decoded, number, first, end) if follows else None
        if following and not _MARKER.match(text, following[0]):
            assert isinstance(item, Shape)
            item.text = text[slice(*following)]
            item.spans = item.spans.with_range("text", *following)
            item.place = (start, following[1])
            last = following[1]
            number += 1
        if isinstance(item, Element):
            message = "a sketch line that is kept, but not understood"
            notes.append(Issue("warning", "not-understood", message, None, item.line, 1))
        sketch.items.append(item)
        count += 1
        _check(count, number, file, limits)
    _close(found, decoded, last)
    return found


def _close(found: list[Sketch], decoded: Text, last: int) -> None:
    """The last view so far ends with the line that ends at `last`."""
    if found:
        spans = found[-1].spans
        spans["whole"] = Span(spans["whole"].start, decoded.byte(last))


def _check(count: int, line: int, file: str, limits: Limits) -> None:
    if count > limits.view_elements:
        raise beyond("more views and drawn elements", limits.view_elements, "view_elements", file, line, 1)


def _item(decoded: Text, start: int, stop: int, old: bool) -> Shape | Arrow | Element:
    """Read one line; what cannot be read becomes an element of kind other."""
    line = decoded.text[start:stop]
    read = _read_again if len(line) <= _REMEMBERED else _read
    values = read(line, old)
    if values is None:
        spans = {"whole": decoded.span(start, stop)}
        return Element("", "other", line=decoded.place(start)[0], raw=line, spans=spans)
    make, fields_, parts = values
    return make(*fields_, (start, stop), Spans(decoded, start, parts))


def _read(line: str, old: bool) -> _Line | None:
    """What a line says; None when it cannot be read."""
    try:
        if old and line[0] in "|>":
            return _old_item(line)
        parts = fields(line, 0, len(line))
        kind = int(line[slice(*parts[0])])
        if kind == 1:
            return _arrow(line, parts)
        if kind in (10, 11, 12, 30, 31):
            return _shape(line, parts, kind)
    except (ValueError, IndexError, OverflowError):
        pass
    return None


_read_again = lru_cache(maxsize=8192)(_read)  # an edit leaves nearly all lines as they were


def fields(text: str, start: int, stop: int) -> list[Range]:
    """Fields between commas; a field that begins with a quote sign goes on to the closing one."""
    found: list[Range] = []
    position = start
    while position <= stop and len(found) < _MOST_FIELDS:
        end = position
        if text.startswith('"', position, stop):
            end = position + 1
            while end < stop and text[end] != '"':
                end += 2 if text[end] == "\\" else 1
        end = text.find(",", min(end, stop), stop)
        end = stop if end < 0 else end
        found.append((position, end))
        position = end + 1
    return found


def _number(text: str, part: Range) -> float:
    value = float(text[slice(*part)])
    if not math.isfinite(value):
        raise ValueError("not a coordinate")
    return value


def _shape(line: str, parts: list[Range], kind: int) -> _Line:
    x, y, half_width, half_height = (_number(line, part) for part in parts[3:7])
    shape, bits, hidden, _, side = (int(line[a:b] or 0) for a, b in parts[7:12])
    spans = {label: parts[number] for label, number in _LABELS.items()}
    spans["whole"] = (0, len(line))
    tail = tuple(line[a:b] for a, b in parts[12:])
    number, name = int(line[slice(*parts[1])]), line[slice(*parts[2])]
    size = 2 * half_width, 2 * half_height
    return Shape, (kind, number, name, x, y, *size, shape, bits, hidden > 0, side, tail), spans


def _arrow(line: str, parts: list[Range]) -> _Line:
    numbers = [int(line[a:b] or 0) for a, b in parts[1:10]]
    points = parts[13][0], len(line)
    bends = tuple((float(x), float(y)) for x, y in POINT.findall(line, *points))
    if not all(math.isfinite(value) for bend in bends for value in bend):
        raise ValueError("not a coordinate")
    spans = {"id": parts[1], "source": parts[2], "target": parts[3], "polarity": parts[6]}
    spans |= {"points": points, "whole": (0, len(line))}
    number, source, target, shape, hidden, polarity, thick, _, delay = numbers
    sign = chr(polarity) if 32 < polarity < 127 else ""
    tail = tuple(line[a:b] for a, b in parts[10:13])
    values = (number, source, target, shape, hidden > 0, sign, thick, bool(delay & 1), bends, tail)
    return Arrow, values, spans


def _old_item(line: str) -> _Line:
    """V160: ``|id,name,x,y,w,h,...`` and ``>id,from,to,...``; only ids, names and positions are read."""
    parts = fields(line, 1, len(line))
    spans = {"whole": (0, len(line))}
    number = int(line[slice(*parts[0])])
    if line[0] == ">":
        source, target = (int(line[slice(*part)]) for part in parts[1:3])
        bends = tuple((float(x), float(y)) for x, y in POINT.findall(line))
        return Arrow, (number, source, target, 1, False, "", 0, False, bends, ()), spans
    x, y = (_number(line, part) for part in parts[2:4])
    width, height = (2 * _number(line, part) for part in parts[4:6]) if len(parts) > 5 else (0.0, 0.0)
    spans |= {label: parts[n] for n, label in enumerate(("name", "x", "y"), 1)}
    name = line[slice(*parts[1])]
    return Shape, (WORD, number, name, x, y, width, height, 8, 3, False, 0, ()), spans
