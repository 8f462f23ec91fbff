"""Vensim sketches: words, valves, clouds and arrows become elements of views.

Field meanings follow Vensim's public help pages on sketch information.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from sdtheory.documents.index import Entry, Names
from sdtheory.documents.lexer import spelled
from sdtheory.documents.text import Span, Text
from sdtheory.documents.view import Element, Point, View, off_chord
from sdtheory.errors import Issue, shown
from sdtheory.names import canonical

_MARKER = re.compile(r"\\{2,}---///")
_SIDES = {0: "center", 1: "bottom", 2: "left", 3: "top", 4: "right"}
_POLARITIES = {"+": "+", "-": "-", "S": "+", "s": "+", "O": "-", "o": "-"}
_POINT = re.compile(r"\((-?[0-9.eE+-]+),(-?[0-9.eE+-]+)\)")
_WORD, _VALVE, _COMMENT = 10, 11, 12
_ATTACHED = 32
_PIPE_THICKNESS = 20
_MOST_PAIRS = 250_000  # of valves and words that are matched by distance

Range = tuple[int, int]


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
    tail: list[str]
    place: Range
    spans: dict[str, Span]
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
    tail: list[str]
    place: Range
    spans: dict[str, Span]


@dataclass
class Sketch:
    """One view as the file has it, before it is understood."""

    name: str
    spans: dict[str, Span]
    line: int
    items: list[Shape | Arrow | Element] = field(default_factory=list)


def views_of(
    decoded: Text, start: int, stop: int, variables: Names[Entry], notes: list[Issue]
) -> tuple[View, ...]:
    """The views between two offsets of the text."""
    sketches = _sketches(decoded, _lines(decoded, start, stop), notes)
    views = []
    for number, sketch in enumerate(sketches):
        elements = _Reading(decoded, number, sketch, variables, notes).elements()
        views.append(View(sketch.name, tuple(elements), sketch.spans, line=sketch.line))
    return tuple(views)


def _lines(decoded: Text, start: int, stop: int) -> list[Range]:
    """Ranges of the lines, without their ends."""
    starts = decoded.line_starts
    first = decoded.place(start)[0] - 1
    found = []
    for number in range(first, len(starts)):
        if starts[number] >= stop:
            break
        end = min(starts[number + 1] if number + 1 < len(starts) else len(decoded.text), stop)
        while end > starts[number] and decoded.text[end - 1] in "\r\n":
            end -= 1
        found.append((max(starts[number], start), end))
    return found


def _sketches(decoded: Text, lines: list[Range], notes: list[Issue]) -> list[Sketch]:
    text = decoded.text
    found: list[Sketch] = []
    position = 0
    header = 0  # lines of the header that may still come: version, name, defaults
    old = False
    while position < len(lines):
        start, stop = lines[position]
        position += 1
        if _MARKER.match(text, start, stop):
            line = decoded.place(start)[0]
            found.append(Sketch("", {"whole": decoded.span(start, stop)}, line))
            header = 3
            old = False
            continue
        if not found:
            continue
        sketch = found[-1]
        sketch.spans["whole"] = Span(sketch.spans["whole"].start, decoded.byte(stop))
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
        follows = isinstance(item, Shape) and item.type == _COMMENT and item.bits & 4
        if follows and position < len(lines) and not _MARKER.match(text, lines[position][0]):
            assert isinstance(item, Shape)
            item.text = text[slice(*lines[position])]
            item.spans["text"] = decoded.span(*lines[position])
            item.place = (start, lines[position][1])
            position += 1
        if isinstance(item, Element):
            message = "a sketch line that is kept, but not understood"
            notes.append(Issue("warning", "not-understood", message, None, item.line, 1))
        sketch.items.append(item)
    return found


def _item(decoded: Text, start: int, stop: int, old: bool) -> Shape | Arrow | Element:
    """Read one line; what cannot be read becomes an element of kind other."""
    text = decoded.text
    try:
        if old and text[start] in "|>":
            return _old_item(decoded, start, stop)
        parts = _fields(text, start, stop)
        kind = int(text[slice(*parts[0])])
        if kind == 1:
            return _arrow(decoded, parts, start, stop)
        if kind in (10, 11, 12, 30, 31):
            return _shape(decoded, parts, kind, (start, stop))
    except (ValueError, IndexError, OverflowError):
        pass
    line = decoded.place(start)[0]
    spans = {"whole": decoded.span(start, stop)}
    return Element("", "other", line=line, raw=text[start:stop], spans=spans)


def _fields(text: str, start: int, stop: int) -> list[Range]:
    """Fields between commas; a field that begins with a quote sign goes on to the closing one."""
    found = []
    position = start
    while position <= stop:
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


def _shape(decoded: Text, parts: list[Range], kind: int, place: Range) -> Shape:
    text = decoded.text
    name = text[slice(*parts[2])]
    x, y, half_width, half_height = (_number(text, part) for part in parts[3:7])
    shape, bits, hidden, _, side = (int(text[slice(*part)] or 0) for part in parts[7:12])
    labels = {"id": 1, "name": 2, "x": 3, "y": 4, "width": 5, "height": 6, "label_side": 11}
    spans = {label: decoded.span(*parts[number]) for label, number in labels.items()}
    spans["whole"] = decoded.span(*place)
    tail = [text[a:b] for a, b in parts[12:]]
    number = int(text[slice(*parts[1])])
    return Shape(
        kind,
        number,
        name,
        x,
        y,
        2 * half_width,
        2 * half_height,
        shape,
        bits,
        hidden > 0,
        side,
        tail,
        place,
        spans,
    )


def _arrow(decoded: Text, parts: list[Range], start: int, stop: int) -> Arrow:
    text = decoded.text
    numbers = [int(text[slice(*part)] or 0) for part in parts[1:10]]
    points = text[parts[13][0] : stop]
    spans = {
        "id": decoded.span(*parts[1]),
        "source": decoded.span(*parts[2]),
        "target": decoded.span(*parts[3]),
        "polarity": decoded.span(*parts[6]),
        "points": decoded.span(parts[13][0], stop),
        "whole": decoded.span(start, stop),
    }
    bends = tuple((float(x), float(y)) for x, y in _POINT.findall(points))
    if not all(math.isfinite(value) for bend in bends for value in bend):
        raise ValueError("not a coordinate")
    number, source, target, shape, hidden, polarity, thick, _, delay = numbers
    sign = chr(polarity) if 32 < polarity < 127 else ""
    tail = [text[a:b] for a, b in parts[10:13]]
    return Arrow(
        number,
        source,
        target,
        shape,
        hidden > 0,
        sign,
        thick,
        bool(delay & 1),
        bends,
        tail,
        (start, stop),
        spans,
    )


def _old_item(decoded: Text, start: int, stop: int) -> Shape | Arrow:
    """V160: ``|id,name,x,y,w,h,...`` and ``>id,from,to,...``; only ids, names and positions are read."""
    text = decoded.text
    parts = _fields(text, start + 1, stop)
    spans = {"whole": decoded.span(start, stop)}
    number = int(text[slice(*parts[0])])
    if text[start] == ">":
        source, target = (int(text[slice(*part)]) for part in parts[1:3])
        bends = tuple((float(x), float(y)) for x, y in _POINT.findall(text, start, stop))
        return Arrow(number, source, target, 1, False, "", 0, False, bends, [], (start, stop), spans)
    x, y = (_number(text, part) for part in parts[2:4])
    width, height = (2 * _number(text, part) for part in parts[4:6]) if len(parts) > 5 else (0.0, 0.0)
    name = text[slice(*parts[1])]
    return Shape(_WORD, number, name, x, y, width, height, 8, 3, False, 0, [], (start, stop), spans)


class _Reading:
    """The elements of one sketch: a valve, its word and its pipes become one flow."""

    def __init__(
        self, decoded: Text, number: int, sketch: Sketch, variables: Names[Entry], notes: list[Issue]
    ):
        self.decoded = decoded
        self.number = number
        self.sketch = sketch
        self.variables = variables
        self.notes = notes
        self.shapes: dict[int, Shape] = {}
        for item in sketch.items:
            if isinstance(item, Shape) and self.shapes.setdefault(item.id, item) is not item:
                self._note(item.place[0], f"a second element {item.id} in view '{shown(sketch.name)}'")
        self.word_of = self._pairs()
        self.valve_of = {word: valve for valve, word in self.word_of.items()}
        self.pipes: dict[int, list[tuple[Arrow, int]]] = {}

    def _note(self, offset: int, message: str) -> None:
        line, column = self.decoded.place(offset)
        self.notes.append(Issue("warning", "sketch", message, None, line, column))

    def _pairs(self) -> dict[int, int]:
        """Ids of valve and word that belong together: the next id, else the nearest attached word."""
        valves = [one for one in self.shapes.values() if one.type == _VALVE]
        words = {one.id: one for one in self.shapes.values() if one.type == _WORD and one.shape & _ATTACHED}
        pairs = {}
        for valve in valves:
            if valve.shape & _ATTACHED and valve.id + 1 in words:
                pairs[valve.id] = valve.id + 1
                del words[valve.id + 1]
        alone = [valve for valve in valves if valve.id not in pairs and valve.shape & _ATTACHED]
        if len(alone) * len(words) > _MOST_PAIRS:
            return pairs
        for valve in alone:
            if words:
                pairs[valve.id] = _nearest(valve, words.values()).id
                del words[pairs[valve.id]]
        return pairs

    def _id(self, number: int) -> str:
        """Id of the element that shows the object; the word of a flow is shown by its valve."""
        return f"{self.number}:{self.valve_of.get(number, number)}"

    def elements(self) -> list[Element]:
        """All elements in file order; a flow stands where its valve does."""
        links: list[Arrow] = []
        for item in self.sketch.items:
            if not isinstance(item, Arrow):
                continue
            valve = self._valve_of_pipe(item)
            if valve is None:
                links.append(item)
            else:
                end = item.target if self._id(item.source) == self._id(valve) else item.source
                self.pipes.setdefault(valve, []).append((item, end))
        drawn = {id(link) for link in links}
        found: list[Element] = []
        seen: set[int] = set()
        for ordinal, item in enumerate(self.sketch.items):
            if isinstance(item, Element):
                found.append(replace(item, id=f"{self.number}:line{ordinal}"))
            elif isinstance(item, Arrow):
                if id(item) in drawn:
                    found.append(self._connector(item, ordinal))
            elif item.id in seen:
                found.append(self._other(item.place, f"{self.number}:line{ordinal}", item.spans))
            else:
                seen.add(item.id)
                if item.id not in self.valve_of:
                    found.append(self._element(item))
        return found

    def _valve_of_pipe(self, arrow: Arrow) -> int | None:
        """The valve that an arrow is a pipe of, or None for a link."""
        if arrow.thick < _PIPE_THICKNESS:
            return None
        for end in (arrow.source, arrow.target):
            number = self.valve_of.get(end, end)
            if number in self.shapes and self.shapes[number].type == _VALVE:
                other = arrow.target if end == arrow.source else arrow.source
                return number if other in self.shapes else None
        return None

    def _element(self, item: Shape) -> Element:
        if item.type == _VALVE:
            return self._flow(item)
        name = spelled(item.name)
        plain = self._plain(item)
        if item.type == _WORD:
            entry = self.variables.get(name)
            kind = "stock" if entry is not None and entry.kind == "stock" else "auxiliary"
            kind = kind if item.bits & 1 else "alias"
            return replace(plain, kind=kind, variable=entry.name if entry else name, text=name)
        if item.type == _COMMENT and item.bits & 4:
            return replace(plain, kind="text", text=item.text)
        if item.type == _COMMENT and name == "48":
            return replace(plain, kind="cloud")
        return plain

    def _plain(self, item: Shape) -> Element:
        text = self.decoded.text[slice(*item.place)]
        # box fill and font stand behind border, navigation 1 and 2, box
        colour, fill, font = (item.tail[n] if n < len(item.tail) else "" for n in (3, 4, 5))
        shapes = {0: "", 1: "clear", 2: "ellipse", 3: "box", 8: "none"}
        return Element(
            id=f"{self.number}:{item.id}",
            kind="other",
            x=item.x,
            y=item.y,
            width=item.width,
            height=item.height,
            label_side=_SIDES.get(item.side, ""),
            uid=str(item.id),
            shape=shapes.get(item.shape & ~_ATTACHED, str(item.shape & ~_ATTACHED)),
            colour=colour,
            fill=fill,
            font=font,
            hidden=item.hidden,
            line=self.decoded.place(item.place[0])[0],
            raw=text,
            spans=item.spans,
        )

    def _other(self, place: Range, name: str, spans: dict[str, Span]) -> Element:
        line = self.decoded.place(place[0])[0]
        return Element(name, "other", line=line, raw=self.decoded.text[slice(*place)], spans=spans)

    def _connector(self, arrow: Arrow, ordinal: int) -> Element:
        start, stop = self.shapes.get(arrow.source), self.shapes.get(arrow.target)
        if start is None or stop is None:
            missing = arrow.source if start is None else arrow.target
            self._note(
                arrow.place[0], f"an arrow to element {missing}, which view '{shown(self.sketch.name)}' lacks"
            )
            return self._other(arrow.place, f"{self.number}:line{ordinal}", arrow.spans)
        control = None
        points: tuple[Point, ...] = ()
        if len(arrow.points) > 1:
            points = arrow.points
        elif arrow.points and arrow.points[0] != (0.0, 0.0) and arrow.shape & 1:
            bend = arrow.points[0]
            control = bend if off_chord((start.x, start.y), bend, (stop.x, stop.y)) else None
        colour, font = (arrow.tail[n] if n < len(arrow.tail) else "" for n in (1, 2))
        number = arrow.id if arrow.id not in self.shapes else f"line{ordinal}"
        return Element(
            id=f"{self.number}:{number}",
            kind="connector",
            points=points,
            source=self._id(arrow.source),
            target=self._id(arrow.target),
            control=control,
            polarity=_POLARITIES.get(arrow.polarity, ""),
            delay=arrow.delay,
            text=arrow.polarity,
            uid=str(arrow.id),
            colour=colour,
            font=font,
            hidden=arrow.hidden,
            line=self.decoded.place(arrow.place[0])[0],
            raw=self.decoded.text[slice(*arrow.place)],
            spans=arrow.spans,
        )

    def _flow(self, valve: Shape) -> Element:
        word = self.shapes.get(self.word_of.get(valve.id, -1))
        entry = self.variables.get(spelled(word.name)) if word else None
        name = (entry.name if entry else spelled(word.name)) if word else None
        source, target = self._ends(name, self.pipes.get(valve.id, []))
        before = self._pipe(valve, source)[::-1]
        after = self._pipe(valve, target)
        points = (*before, *after) if len(before) > 1 or len(after) > 1 else ()
        # bends may coincide with the valve or with each other
        points = tuple(p for n, p in enumerate(points) if n == 0 or p != points[n - 1])
        spans = dict(valve.spans)
        if word:
            spans |= {f"label_{key}": span for key, span in word.spans.items()}
        for side, pipe in (("source", source), ("target", target)):
            if pipe:
                spans |= {f"{side}_{key}": span for key, span in pipe[0].spans.items()}
        return replace(
            self._plain(valve),
            kind="flow",
            variable=name,
            shape="",
            text=name or "",
            label_x=word.x if word else None,
            label_y=word.y if word else None,
            points=points,
            source=self._id(source[1]) if source else None,
            target=self._id(target[1]) if target else None,
            spans=spans,
        )

    def _ends(
        self, flow: str | None, pipes: list[tuple[Arrow, int]]
    ) -> tuple[tuple[Arrow, int] | None, tuple[Arrow, int] | None]:
        """Which pipe comes from the source and which leads to the target.

        The equations of the stocks decide; the arrowhead only where they are silent.
        """
        key = canonical(flow or "")
        source = target = None
        open_ones = []
        for pipe in pipes:
            shape = self.shapes[pipe[1]]
            entry = self.variables.get(spelled(shape.name)) if shape.type == _WORD else None
            gains = entry is not None and key in [canonical(name) for name in entry.inflows]
            loses = entry is not None and key in [canonical(name) for name in entry.outflows]
            if gains and not loses and target is None:
                target = pipe
            elif loses and not gains and source is None:
                source = pipe
            else:
                open_ones.append(pipe)
        for pipe in open_ones:
            headless = bool(pipe[0].shape & 64)
            if target is None and (not headless or source is not None):
                target = pipe
            elif source is None:
                source = pipe
        return source, target

    def _pipe(self, valve: Shape, pipe: tuple[Arrow, int] | None) -> list[Point]:
        """Points from the valve over the bends to the border of the stock or cloud."""
        points = [(valve.x, valve.y)]
        if pipe is None:
            return points
        end = self.shapes[pipe[1]]
        bends = [point for point in pipe[0].points if point != (0.0, 0.0)]
        bends = bends if self._id(pipe[0].source) == self._id(valve.id) else bends[::-1]
        across = valve.shape & 3 != 1  # the pipe leaves a valve of shape 33 upwards, of 34 sideways
        for bend in bends:
            points += [*_corner(points[-1], bend, across), bend]
        half_width, half_height = end.width / 2, end.height / 2
        if len(points) > 1 and _inside(points[-1], end):
            last = points.pop()
            if not _beside(points[-1], end):
                return [*points, last]
        x, y = points[-1]
        if abs(y - end.y) <= half_height and abs(x - end.x) > half_width:
            points.append((end.x + math.copysign(half_width, x - end.x), y))
        elif abs(x - end.x) <= half_width and abs(y - end.y) > half_height:
            points.append((x, end.y + math.copysign(half_height, y - end.y)))
        else:
            points += [*_corner(points[-1], (end.x, end.y), across), (end.x, end.y)]
        return points


def _nearest(shape: Shape, others: Iterable[Shape]) -> Shape:
    return min(others, key=lambda other: math.hypot(other.x - shape.x, other.y - shape.y))


def _corner(start: Point, stop: Point, across: bool) -> list[Point]:
    """The right angle between two points that are not on one axis."""
    if min(abs(start[0] - stop[0]), abs(start[1] - stop[1])) <= 1:
        return []
    return [(stop[0], start[1]) if across else (start[0], stop[1])]


def _inside(point: Point, shape: Shape) -> bool:
    return abs(point[0] - shape.x) <= shape.width / 2 and abs(point[1] - shape.y) <= shape.height / 2


def _beside(point: Point, shape: Shape) -> bool:
    """Whether a straight pipe can lead from the point to the border of the shape."""
    return (abs(point[0] - shape.x) <= shape.width / 2) != (abs(point[1] - shape.y) <= shape.height / 2)
