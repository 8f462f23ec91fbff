"""Shapes that follow what they are fastened to: pipes of flows keep right angles, arcs of connectors their bow."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sdtheory.documents.drafting import Box
from sdtheory.documents.view import Point, direction, is_level, on_segment, segment_of

_EDGE = 1.0  # how far inside a stock's corner a pipe may still end
_CLOUD = 30.0  # from the border of a stock to the cloud that takes its place


def turned(angle: float, old: tuple[Point, Point], new: tuple[Point, Point]) -> float:
    """The angle at which an arc leaves when its ends have moved and its bow stays; never renormalised.

    Examples
    --------
    >>> turned(350, ((0, 0), (10, 0)), ((0, 0), (0, -10)))
    440.0
    """
    if old[0] == old[1] or new[0] == new[1]:
        return angle
    return angle + math.remainder(direction(*new) - direction(*old), 360)


def nearest_turn(angle: float, old: float | None) -> float:
    """The same direction, written nearest to the old angle, or from 0 to 360 where there is none."""
    if old is None:
        return angle % 360
    return old + math.remainder(angle - old, 360)


def onto(points: Sequence[Point], valve: Point) -> Point:
    """The place on a pipe that is nearest to its valve."""
    place = segment_of(points, valve)
    return on_segment(points[place], points[place + 1], valve)


def swapped(point: Point) -> Point:
    return point[1], point[0]


def end_moved(points: Sequence[Point], valve: Point, end: Point) -> tuple[list[Point], Point]:
    """A pipe whose last point has moved, with its valve; right angles stay.

    Examples
    --------
    >>> end_moved([(0, 0), (100, 0)], (50, 0), (100, 40))
    ([(0, 0), (75.0, 0), (75.0, 40), (100, 40)], (50, 0))
    >>> end_moved([(0, 0), (0, 30), (100, 30)], (0, 10), (100, 40))
    ([(0, 0), (0, 40), (100, 40)], (0, 10))
    """
    if not is_level(points[-2], points[-1]):
        turned_points, turned_valve = _level_end_moved([*map(swapped, points)], swapped(valve), swapped(end))
        return [*map(swapped, turned_points)], swapped(turned_valve)
    return _level_end_moved(list(points), valve, end)


def _level_end_moved(points: list[Point], valve: Point, end: Point) -> tuple[list[Point], Point]:
    before, old = points[-2:]
    shift = end[1] - old[1]
    last = segment_of(points, valve) == len(points) - 2
    if len(points) > 2:
        before = before[0], before[1] + shift
        if last:
            valve = valve[0], valve[1] + shift
        points = [*points[:-2], before, end]
    low, high = sorted((before[0], end[0]))
    if last and not low <= valve[0] <= high:
        valve = (low + high) / 2, valve[1]
    if len(points) > 2:
        return points, valve
    if not shift:
        return [before, end], valve
    middle = (valve[0] + end[0]) / 2
    return [before, (middle, before[1]), (middle, end[1]), end], valve


def stock_moved(points: Sequence[Point], valve: Point, shift: Point, stock: Box) -> tuple[list[Point], Point]:
    """A pipe whose last point is on a stock that has moved by `shift`, to where `stock` is now.

    A straight pipe stays straight as long as it can end on the same side of the stock.
    """
    (x, y), level = points[-1], is_level(points[-2], points[-1])
    end = (x + shift[0], y + shift[1])
    if len(points) == 2:
        if level and abs(y - stock.y) <= stock.height / 2 - _EDGE:
            end = (end[0], y)
        elif not level and abs(x - stock.x) <= stock.width / 2 - _EDGE:
            end = (x, end[1])
    return end_moved(points, valve, end)


def valve_moved(
    points: Sequence[Point], valve: Point, new: Point, ends: tuple[Box | None, Box | None]
) -> list[Point]:
    """A pipe whose valve has moved; `ends` are the stocks at its first and last point, None for a cloud.

    Examples
    --------
    >>> valve_moved([(0, 0), (100, 0)], (50, 0), (60, 30), (None, Box(120, 0, 40, 20)))
    [(0, 30), (80.0, 30), (80.0, 0), (100, 0)]
    """
    if ends == (None, None):
        dx, dy = new[0] - valve[0], new[1] - valve[1]
        return [(x + dx, y + dy) for x, y in points]
    place = segment_of(points, valve)
    if not is_level(points[place], points[place + 1]):
        boxes = tuple(box and Box(box.y, box.x, box.height, box.width) for box in ends)
        moved = _level_valve_moved([*map(swapped, points)], place, swapped(valve), swapped(new), boxes)
        return [*map(swapped, moved)]
    return _level_valve_moved(list(points), place, valve, new, ends)


def _level_valve_moved(
    points: list[Point], place: int, valve: Point, new: Point, ends: tuple[Box | None, ...]
) -> list[Point]:
    shift = new[1] - valve[1]
    if not shift:
        return points
    found: list[Point] = []
    for number, (x, y) in enumerate(points):
        box = ends[0] if number == 0 else ends[1] if number == len(points) - 1 else None
        if number not in (place, place + 1):
            found.append((x, y))
        elif box is None or abs(y + shift - box.y) <= box.height / 2 - _EDGE:
            found.append((x, y + shift))
        else:
            middle = (x + new[0]) / 2
            corner = [(x, y), (middle, y), (middle, y + shift)]
            found.extend(corner if number == 0 else corner[::-1])
    return found


def route(valve: Point, level: bool, stock: Box) -> list[Point]:
    """The pipe from a valve, left out, to the border of a stock; `level` is how it leaves the valve.

    Examples
    --------
    >>> route((0, 0), True, Box(100, 5, 40, 30)), route((0, 0), True, Box(100, 50, 40, 30))
    ([(80.0, 0)], [(100, 0), (100, 35.0)])
    """
    if not level:
        box = Box(stock.y, stock.x, stock.height, stock.width)
        return [*map(swapped, route(swapped(valve), True, box))]
    x, y = valve
    if abs(stock.y - y) <= stock.height / 2 - _EDGE:
        return [(stock.x - math.copysign(stock.width / 2, stock.x - x), y)]
    return [(stock.x, y), (stock.x, stock.y - math.copysign(stock.height / 2, stock.y - y))]


def attached(points: Sequence[Point], valve: Point, stock: Box) -> list[Point]:
    """A pipe whose last point is led to another stock."""
    place = segment_of(points, valve)
    level = is_level(points[place], points[place + 1])
    return [*points[: place + 1], *route(valve, level, stock)]


def detached(points: Sequence[Point], valve: Point) -> list[Point]:
    """A pipe whose last point leaves its stock and becomes a cloud, nearer to the valve."""
    before, end = points[-2:]
    if segment_of(points, valve) == len(points) - 2:
        before = on_segment(before, end, valve)
    length = math.dist(before, end)
    share = 1 - min(_CLOUD, length / 2) / length if length else 1.0
    cloud = (before[0] + (end[0] - before[0]) * share, before[1] + (end[1] - before[1]) * share)
    return [*points[:-1], cloud]
