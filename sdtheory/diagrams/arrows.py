"""Arrows: a curve with its head, its sign and its mark of delay; ring arrows of loops."""

from __future__ import annotations

from typing import Any

import numpy as np

from sdtheory.diagrams.arcs import curve_path, heading, length_of, shortened
from sdtheory.diagrams.colours import INK
from sdtheory.diagrams.letters import wrapped
from sdtheory.diagrams.scene import Path, Shape, Text, line_through

INITIAL_DASH = (5.0, 4.0)


def head_size(line: float) -> tuple[float, float]:
    """Length and half width of the head of an arrow whose line is so wide."""
    return 6.0 + 2.0 * line, 2.4 + 1.1 * line


def arrow(
    curve: np.ndarray, colour: str, line: float, dash: tuple[float, ...] = (), hollow: bool = False
) -> list[Path]:
    """The line of an arrow and its head, whose tip is the curve's end."""
    length, half = head_size(line)
    length = min(length, 0.7 * length_of(curve))
    direction = heading(curve, length)
    base = curve[-1] - direction * length
    normal = np.array([-direction[1], direction[0]]) * half
    rest = shortened(curve, length * 0.8)
    parts = [curve_path(rest, stroke=colour, line=line, dash=dash, role="line")]
    parts.append(
        line_through(
            [curve[-1], base + normal, base - normal],
            closed=True,
            fill="#FFFFFF" if hollow else colour,
            stroke=colour if hollow else "",
            role="arrowhead",
        )
    )
    return parts


def delay_mark(curve: np.ndarray, colour: str, line: float) -> list[Path]:
    """Two short strokes across the middle of an arrow."""
    half = shortened(curve, length_of(curve) / 2)
    along = heading(half, 4.0)
    across = np.array([-along[1], along[0]]) * (6.0 + line / 2)
    middles = [half[-1] + along * shift for shift in (-2.5, 2.5)]
    return [
        line_through([middle - across, middle + across], stroke=colour, line=1.6, role="delay")
        for middle in middles
    ]


def ring_arrow(centre: Any, radius: float, clockwise: bool, colour: str, line: float) -> list[Shape]:
    """An open circle with an arrowhead, which turns the way that its loop is drawn."""
    turn = 1 if clockwise else -1
    angles = np.radians(-90 + turn * np.linspace(35, 325, 60))
    curve = np.asarray(centre) + radius * np.column_stack([np.cos(angles), np.sin(angles)])
    return [*arrow(curve, colour, line)]


def loop_icon(
    centre: tuple[float, float], radius: float, clockwise: bool, colour: str, words: str, name: str = ""
) -> list[Shape]:
    """A ring arrow with the loop's id inside and its name below.

    Examples
    --------
    >>> [shape.lines for shape in loop_icon((0, 0), 20, True, "#CC79A7", "R1", "growth") if isinstance(shape, Text)]
    [('R1',), ('growth',)]
    """
    x, y = centre
    size = min(radius * 0.72, 2.2 * radius / max(len(words), 2))
    shapes = ring_arrow(centre, radius, clockwise, colour, 1.0 + radius / 16)
    shapes.append(Text(x, y, (words,), size=size, bold=True, colour=INK, role="id"))
    if name:
        lines = wrapped(name, 22)
        down = y + radius + 6 + 7.0 * len(lines)
        shapes.append(Text(x, down, lines, size=12.0, italic=True, halo=True, role="name"))
    return shapes


def signed_area(polygon: np.ndarray) -> float:
    """Twice the area of a polygon; with y down, positive when it runs clockwise on the screen."""
    following = np.roll(polygon, -1, axis=0)
    return float((polygon[:, 0] * following[:, 1] - following[:, 0] * polygon[:, 1]).sum())


def inside(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Which points lie in a polygon."""
    a, b = polygon[None], np.roll(polygon, -1, axis=0)[None]
    x, y = points[:, None, 0], points[:, None, 1]
    spans = (a[..., 1] > y) != (b[..., 1] > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = a[..., 0] + (y - a[..., 1]) / (b[..., 1] - a[..., 1]) * (b[..., 0] - a[..., 0])
    return (spans & (x < at)).sum(axis=1) % 2 == 1
