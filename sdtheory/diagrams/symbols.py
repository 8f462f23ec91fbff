"""Symbols of stock-flow diagrams: pipes, valves, clouds, and where a line meets a symbol's outline."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from sdtheory.diagrams.arcs import bent
from sdtheory.diagrams.colours import INK, PAPER
from sdtheory.diagrams.contrast import LINE_CONTRAST, contrast
from sdtheory.diagrams.letters import LINE, text_width
from sdtheory.diagrams.paint import painted
from sdtheory.diagrams.scene import Path, Point, Shape, Text, line_through
from sdtheory.documents.view import Element, is_level, segment_of

PIPE, HOLLOW = 5.0, 2.6  # widths of a pipe and of its inside
VALVE = 8.0  # half of a valve's size
HEAD = 11.0
SIZES = (12.0, 11.0, 10.0, 9.0)  # of letters, the first that fits
GAP = 3.0  # between a symbol and the name beside it


def circle(x: float, y: float, radius: float, **style) -> Path:
    """A circle of four cubic pieces."""
    k = 0.5523 * radius
    steps: list[tuple[str, tuple[Point, ...]]] = [("M", ((x + radius, y),))]
    for (ax, ay), (bx, by) in (((1, 0), (0, 1)), ((0, 1), (-1, 0)), ((-1, 0), (0, -1)), ((0, -1), (1, 0))):
        first = x + radius * ax + k * bx, y + radius * ay + k * by
        second = x + radius * bx + k * ax, y + radius * by + k * ay
        steps.append(("C", (first, second, (x + radius * bx, y + radius * by))))
    return Path((*steps, ("Z", ())), **style)


def cloud(x: float, y: float, width: float, height: float) -> Path:
    """The edge of what the model leaves out: a closed outline of six bows."""
    angles = np.radians(np.arange(0, 361, 60) - 30)
    corners = np.column_stack([x + 0.36 * width * np.cos(angles), y + 0.34 * height * np.sin(angles)])
    outline = np.concatenate([bent(a, b, 0.42, 13)[:-1] for a, b in itertools.pairwise(corners)])
    # clockwise on a screen, a bow to the left is one outward
    return line_through(
        [(px, py) for px, py in outline], closed=True, stroke=INK, line=1.1, fill=PAPER, role="cloud"
    )


def on_border(point: Point, before: Point, box: Element) -> list[Point]:
    """The last points of a pipe that comes from `before` toward `point`, the last on the border of a box.

    When the pipe would miss the box, a right angle leads it there.
    """
    half = box.width / 2, box.height / 2
    centre = box.x, box.y
    along = 0 if is_level(before, point) else 1
    if abs(before[along] - centre[along]) <= half[along]:
        along = 1 - along  # from above or beside after all
    across = 1 - along
    end = [0.0, 0.0]
    end[along] = centre[along] + (-half[along] if before[along] < centre[along] else half[along])
    low, high = centre[across] - half[across] + 2, centre[across] + half[across] - 2
    end[across] = min(max(before[across], low), high)
    if abs(end[across] - before[across]) < 0.01:
        return [(end[0], end[1])]
    middle = (before[along] + end[along]) / 2
    corners = [[0.0, 0.0], [0.0, 0.0]]
    for corner, level in zip(corners, (before[across], end[across]), strict=True):
        corner[along], corner[across] = middle, level
    return [(x, y) for x, y in (*corners, end)]


def at_cloud(point: Point, before: Point, end: Element) -> Point:
    """Where a pipe ends at the edge of a cloud."""
    half_width, half_height = max(end.width, 22.0) / 2, max(end.height, 16.0) / 2
    (x, y), (bx, by) = point, before
    if abs(x - end.x) > half_width or abs(y - end.y) > half_height:
        return point
    if is_level(before, point):
        return (end.x + (half_width if bx > end.x else -half_width), y)
    return (x, end.y + (half_height if by > end.y else -half_height))


def pipe(points: Sequence[Point], two_way: bool, colour: str = "") -> list[Shape]:
    """A double line along right angles, with an arrowhead where it ends and a hollow one at its start if two-way.

    A colour that is too light for the lines fills the pipe.
    """
    ends = _head(points[-2], points[-1], hollow=False)
    starts = _head(points[1], points[0], hollow=True) if two_way else None
    inner = list(points)
    inner[-1] = _toward(points[-1], points[-2], HEAD * 0.7)
    if two_way:
        inner[0] = _toward(points[0], points[1], HEAD * 0.7)
    if colour and contrast(colour, PAPER) < LINE_CONTRAST:
        lines = [
            line_through(inner, stroke=INK, line=PIPE, role="casing"),
            line_through(inner, stroke=colour, line=HOLLOW, role="pipe"),
        ]
    else:
        lines = [
            line_through(inner, stroke=colour or INK, line=PIPE, role="pipe"),
            line_through(inner, stroke=PAPER, line=HOLLOW, role="bore"),
        ]
    heads = [ends, starts] if starts else [ends]
    return [*lines, *(shape for head in heads for shape in painted(head, colour))]


def _toward(point: Point, other: Point, by: float) -> Point:
    step = np.subtract(other, point)
    length = float(np.hypot(*step)) or 1.0
    by = min(by, length / 2)
    return point[0] + float(step[0]) / length * by, point[1] + float(step[1]) / length * by


def _pair(point: np.ndarray) -> Point:
    return float(point[0]), float(point[1])


def _head(before: Point, tip: Point, hollow: bool) -> Path:
    base = np.array(_toward(tip, before, HEAD))
    step = np.subtract(tip, base)
    normal = np.array([-step[1], step[0]]) / (float(np.hypot(*step)) or 1.0) * 6.0
    fill = PAPER if hollow else INK
    role = "backhead" if hollow else "arrowhead"
    return line_through(
        [tip, _pair(base + normal), _pair(base - normal)],
        closed=True,
        stroke=INK,
        line=1.0,
        fill=fill,
        role=role,
    )


def valve(x: float, y: float, points: Sequence[Point]) -> Path:
    """An hourglass across the pipe at a point."""
    level = True
    if len(points) > 1:
        place = segment_of(points, (x, y))
        level = is_level(points[place], points[place + 1])
    v, w = VALVE, VALVE * 0.8
    corners = [(-v, -w), (v, w), (v, -w), (-v, w)] if not level else [(-w, -v), (w, v), (-w, v), (w, -v)]
    outline = [(x + dx, y + dy) for dx, dy in corners]
    return line_through(outline, closed=True, stroke=INK, line=1.2, fill=PAPER, role="valve")


def fitted(words: str, width: float, height: float) -> tuple[tuple[str, ...], float]:
    """Words in lines that fit a box, and their size; the smallest size when none fits."""
    for size in SIZES:
        lines = lines_within(words, width, size)
        widest = max(text_width(line, size) for line in lines)
        if widest <= width and len(lines) * LINE * size <= height:
            return lines, size
    return lines_within(words, width, SIZES[-1]), SIZES[-1]


def lines_within(words: str, width: float, size: float) -> tuple[str, ...]:
    """Words in lines no wider than asked, as far as single words allow."""
    lines: list[str] = []
    for word in words.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(joined, size) <= width:
            lines[-1] = joined
        else:
            lines.append(word)
    return tuple(lines) or ("",)


def beside(x: float, y: float, half: tuple[float, float], side: str, lines: tuple[str, ...], **style) -> Text:
    """The name of a symbol on one of its sides, or in its middle."""
    height = len(lines) * LINE * SIZES[0]
    if side == "top":
        return Text(x, y - half[1] - GAP - height / 2, lines, halo=True, **style)
    if side == "bottom":
        return Text(x, y + half[1] + GAP + height / 2, lines, halo=True, **style)
    if side == "left":
        return Text(x - half[0] - GAP, y, lines, anchor="end", halo=True, **style)
    if side == "right":
        return Text(x + half[0] + GAP, y, lines, anchor="start", halo=True, **style)
    return Text(x, y, lines, **style)
