"""XMILE views written as a Vensim sketch."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from sdtheory.documents.convert_common import Conversion
from sdtheory.documents.looks import GHOST, triple, vensim_fields, xmile_look
from sdtheory.documents.view import Element, Point, View, is_level, segment_of
from sdtheory.model.printing import name_text
from sdtheory.names import canonical

_MARKER = "\\\\\\---/// Sketch information - do not modify anything except names"
_VERSION = "V300  Do not put anything below this section - it will be ignored"
DEFAULTS = "$192-192-192,0,Arial|12||0-0-0|0-0-0|0-0-255|-1--1--1|-1--1--1|96,96,100,0"
_SIDES = {"center": 0, "bottom": 1, "left": 2, "top": 3, "right": 4}
_SHAPES = {"none": 8, "box": 3}
_CIRCLE, _TEXT_ONLY, _BOX = 2, 8, 3
_LETTER, _LINE = 3.4, 9  # half of a letter's width and of a line's height, in pixels
_SIGNS = {"+": 43, "-": 45, "": 0}


def sketch_text(conversion: Conversion) -> str:
    """The views as the part of a Vensim file between the equations and the settings."""
    lines: list[str] = []
    for number, view in enumerate(conversion.document.views, 1):
        lines += _Writing(conversion, view, number).lines()
    return "\n".join([*lines, ""]) if lines else ""


class _Writing:
    """One view on its way into a sketch."""

    def __init__(self, conversion: Conversion, view: View, number: int):
        self.conversion = conversion
        self.view = view
        self.number = number
        self.lost: Counter[str] = conversion.lost
        self.ids: dict[str, int] = {}
        last = 0
        for element in view.elements:
            # before a valve come its two pipes, behind it its name
            self.ids[element.id] = last + (3 if element.kind == "flow" else 1)
            last += 4 if element.kind == "flow" else 1
        self.by_id = {element.id: element for element in view.elements}
        everything = [(0.0, 0.0)]
        everything += [
            point
            for one in view.elements
            for point in ([(one.x, one.y)] if one.kind != "connector" else []) + list(one.points)
        ]
        self.shift = tuple(math.ceil(-min(place)) for place in zip(*everything, strict=True))

    def lines(self) -> list[str]:
        name = " ".join((self.view.name or self.view.model or f"View {self.number}").split())
        found = [_MARKER, _VERSION, f"*{name}", DEFAULTS]
        for element in self.view.elements:
            writer = getattr(self, f"_{element.kind}", None)
            if writer is None:
                word = element.raw.lstrip("<").split(">")[0].split("/")[0].split()[:1] or [element.kind]
                self.lost[f"drawn element of XMILE ({word[0]})"] += 1
            else:
                found += writer(element)
        return found

    def at(self, x: float, y: float) -> tuple[int, int]:
        return round(x + self.shift[0]), round(y + self.shift[1])

    def name(self, element: Element) -> str:
        """The name of a variable, as the model has it: one of a submodel carries the model's name."""
        name = element.variable or element.text
        variables = self.conversion.model.variables
        if self.view.model:
            found = variables.get(canonical(f"{self.view.model}.{name.removeprefix('.')}"))
            name = found.name if found is not None else name
        return name_text("Time" if canonical(name) == "time" else name, "vensim")

    def shape(
        self,
        kind: int,
        element: Element,
        name: str,
        form: int,
        half: tuple[float, float],
        bits: int = 3,
        side: int = 0,
        fields: tuple[int, str] | None = None,
    ) -> str:
        x, y = self.at(element.x, element.y)
        width, height = max(round(half[0]), 1), max(round(half[1]), 1)
        look = vensim_fields(xmile_look(element)) if fields is None else fields
        start = f"{kind},{self.ids[element.id]},{name},{x},{y},{width},{height},{form},{bits},0"
        return f"{start},{look[0]},{side},0,0,0{look[1]}"

    @staticmethod
    def half(element: Element) -> tuple[float, float]:
        """Half width and height: those of the file, else those of the name."""
        if element.width and element.height:
            return element.width / 2, element.height / 2
        return _LETTER * max(len(element.text), 3), _LINE

    # kinds of elements

    def _stock(self, element: Element) -> list[str]:
        side = _SIDES.get(element.label_side, 0)
        return [self.shape(10, element, self.name(element), _BOX, self.half(element), side=side)]

    def _auxiliary(self, element: Element) -> list[str]:
        form = _SHAPES.get(element.shape, _CIRCLE)
        side = _SIDES.get(element.label_side, 1 if form == _CIRCLE else 0)
        return [self.shape(10, element, self.name(element), form, self.half(element), side=side)]

    def _alias(self, element: Element) -> list[str]:
        form = _SHAPES.get(element.shape, _TEXT_ONLY)
        bits, fields = vensim_fields(xmile_look(element))
        side = _SIDES.get(element.label_side, -1) if element.label_side else -1
        line = self.shape(10, element, self.name(element), form, self.half(element), 2, side, (bits, fields))
        return [
            line if bits else line[: line.rindex(f",0,{side},")] + "," + GHOST.replace("-1", str(side), 1)
        ]

    def _text(self, element: Element) -> list[str]:
        text = " ".join(element.text.split()) or " "
        return [self.shape(12, element, "0", 8, self.half(element), 7, -1), text]

    def _cloud(self, element: Element) -> list[str]:
        return [self.shape(12, element, "48", 0, (10, 8), 3, -1, (0, ""))]

    def _flow(self, element: Element) -> list[str]:
        before, after = split_pipe(element.points, (element.x, element.y))
        ends = [*before[-1:], (element.x, element.y), *after[:1]]
        across = is_level(ends[0], ends[-1])
        valve = self.ids[element.id]
        lines = []
        for number, end, bends, form in (
            (valve - 2, element.target, after, 4),
            (valve - 1, element.source, before[::-1], 100),
        ):
            if end in self.ids and len(element.points) > 1:
                lines.append(self._pipe(number, element, self.ids[end], bends, form))
        side = _SIDES.get(element.label_side, 1 if across else 4)
        form, half = (34, (6, 8)) if across else (33, (8, 6))
        lines.append(self.shape(11, element, "0", form, half, 3, side, (0, "")))
        width = _LETTER * max(len(element.text), 3)
        dx, dy = {0: (0, 0), 2: (-width - 12, 0), 3: (0, -19), 4: (width + 12, 0)}.get(side, (0, 19))
        x, y = self.at(element.x + dx, element.y + dy)
        bits, fields = vensim_fields(xmile_look(element))
        word = f"10,{valve + 1},{self.name(element)},{x},{y},{round(width)},{_LINE},40,3,0"
        return [*lines, f"{word},{bits},-1,0,0,0{fields}"]

    def _pipe(self, number: int, flow: Element, end: int, bends: Sequence[Point], form: int) -> str:
        inner = list(bends[:-1])
        if not inner:
            last = bends[-1] if bends else (flow.x, flow.y)
            inner = [((flow.x + last[0]) / 2, (flow.y + last[1]) / 2)]
        points = "|".join("({},{})".format(*self.at(x, y)) for x, y in inner)
        start = f"1,{number},{self.ids[flow.id]},{end},{form},0,0,22,0,0,0"
        return f"{start},-1--1--1,,{len(inner)}|{points}|"

    def _connector(self, element: Element) -> list[str]:
        ends = [self.by_id.get(one or "") for one in (element.source, element.target)]
        if any(end is None or end.kind in ("connector", "module", "group", "other") for end in ends):
            self.lost["connector whose end Vensim does not show"] += 1
            return []
        # a link ends on the valve of a flow, as in XMILE, so that its arc stays the same
        numbers = [self.ids[end.id] for end in ends if end is not None]
        points = (
            list(element.points[1:-1]) if element.points else [element.control] if element.control else []
        )
        drawn = "|".join("({},{})".format(*self.at(*point)) for point in points if point) or "(0,0)"
        arc = 1 if element.control else 0
        dtype = 64 + element.delay
        if element.line_style == "dashed":
            self.lost["dashed line of a connector"] += 1
        colour = triple(xmile_look(element).colour)
        start = f"1,{self.ids[element.id]},{numbers[0]},{numbers[1]},{arc},0,{_SIGNS[element.polarity]},0"
        heeded = int(colour != triple(""))
        return [f"{start},{heeded},{dtype},0,{colour},,{max(len(points), 1)}|{drawn}|"]


def split_pipe(points: Sequence[Point], valve: Point) -> tuple[list[Point], list[Point]]:
    """The points of a pipe before its valve and behind it.

    Examples
    --------
    >>> split_pipe([(0, 0), (10, 0), (10, 20)], (10, 8))
    ([(0, 0), (10, 0)], [(10, 20)])
    """
    if len(points) < 2:
        return list(points), []
    place = segment_of(points, valve) + 1
    return list(points[:place]), list(points[place:])
