"""Vensim views: what the objects of a sketch show; a valve, its word and its pipes become one flow."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sdtheory.documents.index import Entry, Names
from sdtheory.documents.lexer import spelled
from sdtheory.documents.text import Span, Text
from sdtheory.documents.vensim_sketch import (
    COMMENT,
    VALVE,
    WORD,
    Arrow,
    Range,
    Shape,
    Sketch,
    sketches_between,
)
from sdtheory.documents.view import Element, Point, View, off_chord
from sdtheory.errors import Issue, shown
from sdtheory.limits import Limits
from sdtheory.names import canonical

_SIDES = {0: "center", 1: "bottom", 2: "left", 3: "top", 4: "right"}
_OUTLINES = {1: "clear", 2: "ellipse", 3: "box", 8: "none"}
_POLARITIES = {"+": "+", "-": "-", "S": "+", "s": "+", "O": "-", "o": "-"}
ATTACHED = 32
PIPE_THICKNESS = 20
_MOST_PAIRS = 250_000  # of valves and words that are matched by distance


def views_of(
    decoded: Text,
    start: int,
    stop: int,
    variables: Names[Entry],
    notes: list[Issue],
    file: str,
    limits: Limits,
) -> tuple[View, ...]:
    """The views between two offsets of the text.

    Raises
    ------
    LimitError
        More elements than `limits` allows.
    """
    sketches = sketches_between(decoded, start, stop, notes, file, limits)
    views = []
    for number, sketch in enumerate(sketches):
        elements = Reading(decoded, number, sketch, variables, notes).elements()
        views.append(View(sketch.name, tuple(elements), sketch.spans, line=sketch.line))
    return tuple(views)


class Reading:
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
        self.taken = set(self.shapes)  # numbers that an element already has
        self.word_of = self._pairs()
        self.valve_of = {word: valve for valve, word in self.word_of.items()}
        self.pipes: dict[int, list[tuple[Arrow, int]]] = {}
        self.flows_of: dict[str, tuple[set[str], set[str]]] = {}
        self.links: list[Arrow] = []
        self._sort_arrows()

    def _note(self, offset: int, message: str) -> None:
        line, column = self.decoded.place(offset)
        self.notes.append(Issue("warning", "sketch", message, None, line, column))

    def _pairs(self) -> dict[int, int]:
        """Ids of valve and word that belong together: the next id, else the nearest attached word."""
        valves = [one for one in self.shapes.values() if one.type == VALVE]
        words = {one.id: one for one in self.shapes.values() if one.type == WORD and one.shape & ATTACHED}
        pairs = {}
        for valve in valves:
            if valve.shape & ATTACHED and valve.id + 1 in words:
                pairs[valve.id] = valve.id + 1
                del words[valve.id + 1]
        alone = [valve for valve in valves if valve.id not in pairs and valve.shape & ATTACHED]
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

    def _sort_arrows(self) -> None:
        """Pipes belong to their valve; all other arrows are links."""
        for item in self.sketch.items:
            if not isinstance(item, Arrow):
                continue
            valve = self.valve_of_pipe(item)
            if valve is None:
                self.links.append(item)
            else:
                end = item.target if self._id(item.source) == self._id(valve) else item.source
                self.pipes.setdefault(valve, []).append((item, end))

    def elements(self) -> list[Element]:
        """All elements in file order; a flow stands where its valve does."""
        drawn = {id(link) for link in self.links}
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

    def valve_of_pipe(self, arrow: Arrow) -> int | None:
        """The valve that an arrow is a pipe of, or None for a link."""
        if arrow.thick < PIPE_THICKNESS:
            return None
        for end in (arrow.source, arrow.target):
            number = self.valve_of.get(end, end)
            if number in self.shapes and self.shapes[number].type == VALVE:
                other = arrow.target if end == arrow.source else arrow.source
                return number if other in self.shapes else None
        return None

    def _element(self, item: Shape) -> Element:
        if item.type == VALVE:
            return self._flow(item)
        name = spelled(item.name)
        if item.type == WORD:
            entry = self.variables.get(name)
            kind = "stock" if entry is not None and entry.kind == "stock" else "auxiliary"
            kind = kind if item.bits & 1 else "alias"
            return self._drawn(item, kind=kind, variable=entry.name if entry else name, text=name)
        if item.type == COMMENT and item.bits & 4:
            return self._drawn(item, kind="text", text=item.text)
        return self._drawn(item, kind="cloud" if item.type == COMMENT and name == "48" else "other")

    def _drawn(self, item: Shape, **given: Any) -> Element:
        """The element of a shape, with what is `given` besides what its line says."""
        text = self.decoded.text[slice(*item.place)]
        # box fill and font stand behind border, navigation 1 and 2, box
        colour, fill, font = (item.tail[n] if n < len(item.tail) else "" for n in (3, 4, 5))
        outline = item.shape & ~ATTACHED
        given.setdefault("shape", _OUTLINES.get(outline) or ("" if not outline else str(outline)))
        given.setdefault("spans", item.spans)
        return Element(
            id=f"{self.number}:{item.id}",
            x=item.x,
            y=item.y,
            width=item.width,
            height=item.height,
            label_side=_SIDES.get(item.side, ""),
            uid=str(item.id),
            colour=colour,
            fill=fill,
            font=font,
            hidden=item.hidden,
            line=self.decoded.place(item.place[0])[0],
            raw=text,
            **given,
        )

    def _other(self, place: Range, name: str, spans: Mapping[str, Span]) -> Element:
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
        number = arrow.id if arrow.id not in self.taken else f"line{ordinal}"
        self.taken.add(arrow.id)
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
        source, target = self.ends(name, self.pipes.get(valve.id, []))
        before = self._pipe(valve, source)[::-1]
        after = self._pipe(valve, target)
        points = (*before, *after) if len(before) > 1 or len(after) > 1 else ()
        # bends may coincide with the valve or with each other
        points = tuple(p for n, p in enumerate(points) if n == 0 or p != points[n - 1])
        others = [("label_", word.spans)] if word else []
        others += [(side, pipe[0].spans) for side, pipe in (("source_", source), ("target_", target)) if pipe]
        return self._drawn(
            valve,
            kind="flow",
            variable=name,
            shape="",
            text=name or "",
            label_x=word.x if word else None,
            label_y=word.y if word else None,
            points=points,
            source=self._id(source[1]) if source else None,
            target=self._id(target[1]) if target else None,
            spans=valve.spans.joined(tuple(others)),
        )

    def ends(
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
            inflows, outflows = self._flows(shape)
            gains, loses = key in inflows, key in outflows
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

    def _flows(self, shape: Shape) -> tuple[set[str], set[str]]:
        """Keys of what fills and what drains the stock that a word shows, made once for each stock."""
        entry = self.variables.get(spelled(shape.name)) if shape.type == WORD else None
        if entry is None:
            return set(), set()
        if entry.name not in self.flows_of:
            inflows, outflows = (
                {canonical(name) for name in side} for side in (entry.inflows, entry.outflows)
            )
            self.flows_of[entry.name] = inflows, outflows
        return self.flows_of[entry.name]

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
