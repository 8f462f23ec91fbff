"""Circular arcs, rectangles, and which of them meet: plain geometry on numpy arrays, pixels, y down."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from sdtheory.diagrams.scene import Path, Point, smooth_through


def bent(start: Any, stop: Any, bend: float, points: int = 33) -> np.ndarray:
    """Points of the circular arc between two points.

    Parameters
    ----------
    start, stop : pair of float
    bend : float
        Height of the arc over its chord's length; positive bows to the left of the way on a screen, 0 is straight.
    points : int

    Returns
    -------
    array, shape (points, 2)

    Examples
    --------
    >>> bent((0, 0), (2, 0), 0.5, 3).round(9).tolist()
    [[0.0, 0.0], [1.0, -1.0], [2.0, 0.0]]
    """
    start, stop = np.asarray(start, dtype=float), np.asarray(stop, dtype=float)
    share = np.linspace(0.0, 1.0, points)[:, None]
    chord = stop - start
    if abs(bend) < 1e-3:
        return start + share * chord
    half_turn = 2 * math.atan(2 * bend)  # half of the angle that the arc turns through
    radius = 1 / (2 * math.sin(half_turn))  # for a chord of length 1
    angles = half_turn * (2 * share[:, 0] - 1)
    along = 0.5 + radius * np.sin(angles)
    across = radius * (np.cos(angles) - math.cos(half_turn))
    left = np.array([chord[1], -chord[0]])
    return start + along[:, None] * chord + across[:, None] * left


def bend_through(start: Any, middle: Any, stop: Any) -> float:
    """The bend of the arc from one point to another that has its middle beside the third, or through it.

    Examples
    --------
    >>> round(bend_through((0, 0), (1, -1), (2, 0)), 9)
    0.5
    """
    (x0, y0), (x1, y1), (x2, y2) = start, middle, stop
    chord = math.hypot(x2 - x0, y2 - y0)
    # the inscribed angle over the chord is the same for every point of the arc
    to_start, to_stop = math.atan2(y0 - y1, x0 - x1), math.atan2(y2 - y1, x2 - x1)
    inscribed = math.remainder(to_stop - to_start, 2 * math.pi)
    if not chord or abs(abs(inscribed) - math.pi) < 1e-3 or not inscribed:
        return 0.0
    quarter = (math.pi - abs(inscribed)) / 2
    return math.copysign(math.tan(quarter) / 2, -inscribed)


def clipped(curve: np.ndarray, boxes: Sequence[tuple[Any, Any]]) -> np.ndarray:
    """The part of a curve between its last point in the first box and its first one after that in the second.

    Parameters
    ----------
    curve : array, shape (points, 2)
    boxes : two pairs of (centre, half size)
        Those at the start and at the end; the ends of the result lie on their borders.
    """
    inside = [(np.abs(curve - centre) < half).all(axis=1) for centre, half in boxes]
    first = int(np.flatnonzero(inside[0])[-1]) + 1 if inside[0].any() else 0
    later = np.flatnonzero(inside[1][first:])
    last = first + int(later[0]) - 1 if len(later) else len(curve) - 1
    if first >= len(curve) or last < first:
        return curve[:0]
    part = [curve[first : last + 1]]
    if first:
        part.insert(0, _on_border(curve[first], curve[first - 1], *boxes[0])[None])
    if len(later):
        part.append(_on_border(curve[last], curve[last + 1], *boxes[1])[None])
    return np.concatenate(part)


def _on_border(outside: np.ndarray, inside: np.ndarray, centre: Any, half: Any) -> np.ndarray:
    """Where the way from a point outside a box to one inside it meets the border."""
    step = inside - outside
    reach = np.sign(outside - centre) * half + centre - outside
    beyond = np.abs(outside - centre) >= half
    shares = [reach[i] / step[i] for i in (0, 1) if beyond[i] and step[i]]
    return outside + step * min(max([0.0, *shares]), 1.0)


def resampled(curve: np.ndarray, points: int) -> np.ndarray:
    """Points at equal distances along a curve."""
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(curve, axis=0).T))])
    places = np.linspace(0.0, lengths[-1], points)
    return np.column_stack([np.interp(places, lengths, curve[:, axis]) for axis in (0, 1)])


def length_of(curve: np.ndarray) -> float:
    """Length of a curve given by its points."""
    return float(np.hypot(*np.diff(curve, axis=0).T).sum()) if len(curve) > 1 else 0.0


def shortened(curve: np.ndarray, by: float) -> np.ndarray:
    """The curve without its last stretch of some length."""
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(curve, axis=0).T))])
    end = max(lengths[-1] - by, 0.0)
    kept = curve[lengths < end - 1e-9]
    last = [np.interp(end, lengths, curve[:, axis]) for axis in (0, 1)]
    return np.concatenate([kept, [last]]) if len(kept) else np.array([curve[0], last])


def heading(curve: np.ndarray, back: float = 9.0) -> np.ndarray:
    """The direction in which a curve arrives, of length 1, from a point so far before its end."""
    direction = curve[-1] - shortened(curve, back)[-1]
    return direction / (np.hypot(*direction) or 1.0)


def segments_cross(a: Any, b: Any, c: Any, d: Any) -> np.ndarray:
    """Whether the segments a-b and c-d cross at an inner point; arrays of points broadcast.

    Examples
    --------
    >>> points = [np.array(point, dtype=float) for point in ((0, 0), (2, 2), (0, 2), (2, 0))]
    >>> bool(segments_cross(*points))
    True
    """

    def turn(p: Any, q: Any, r: Any) -> np.ndarray:
        return (q[..., 0] - p[..., 0]) * (r[..., 1] - p[..., 1]) - (q[..., 1] - p[..., 1]) * (
            r[..., 0] - p[..., 0]
        )

    return (turn(a, b, c) * turn(a, b, d) < 0) & (turn(c, d, a) * turn(c, d, b) < 0)


def segments_meet_boxes(a: Any, b: Any, centres: Any, halves: Any) -> np.ndarray:
    """Whether the segments a-b touch rectangles; arrays of points broadcast."""
    middle_x, middle_y = ((a[..., i] + b[..., i]) / 2 - centres[..., i] for i in (0, 1))
    half_x, half_y = ((b[..., i] - a[..., i]) / 2 for i in (0, 1))
    width, height = halves[..., 0], halves[..., 1]
    # two convex shapes meet when no side of either parts them
    beside = (np.abs(middle_x) <= width + np.abs(half_x)) & (np.abs(middle_y) <= height + np.abs(half_y))
    reach = width * np.abs(half_y) + height * np.abs(half_x)
    return beside & (np.abs(half_x * middle_y - half_y * middle_x) <= reach)


def curve_path(curve: np.ndarray, **style) -> Path:
    """A curve that was sampled on an arc, as a few cubic pieces."""
    pieces = max(2, min(12, math.ceil(_turned(curve) / 0.6)))
    return smooth_through(_pairs(resampled(curve, pieces + 1)), **style)


def _turned(curve: np.ndarray) -> float:
    """Through what angle a curve turns in all."""
    steps = np.diff(curve, axis=0)
    steps = steps[np.hypot(*steps.T) > 1e-9]
    angles = np.unwrap(np.arctan2(steps[:, 1], steps[:, 0]))
    return float(np.abs(np.diff(angles)).sum())


def _pairs(points: np.ndarray) -> list[Point]:
    return [(float(x), float(y)) for x, y in points]
