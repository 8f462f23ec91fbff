"""Positions for causal diagrams: one loop as a ring, the rest around it, no label on another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import networkx as nx
import numpy as np

from sdtheory.errors import escaped

Point = tuple[float, float]
LINE = 15.0  # height of a line of text, in points
LETTER = 5.6  # mean width of a letter, in points
ICON = (130.0, 84.0)  # width and height kept free in the middle of a ring
GAP = 12.0  # least distance between two labels


def wrapped(name: str, width: int = 16) -> str:
    """A name broken into lines of about `width` letters.

    Examples
    --------
    >>> wrapped("effective search space")
    'effective search\\nspace'
    """
    import textwrap

    name = escaped(name)
    return "\n".join(textwrap.wrap(name, width, break_long_words=False)) or name


def label_size(name: str) -> Point:
    """Width and height of a drawn name, in points."""
    lines = wrapped(name).split("\n")
    return max(map(len, lines)) * LETTER + 6, len(lines) * LINE + 2


def ring_layout(graph: nx.DiGraph, ring: Sequence[str]) -> dict[str, Point]:
    """Positions in points, y upward: `ring` clockwise on an ellipse, the others near what they touch.

    The same graph and ring always give the same picture.
    """
    sizes = {name: label_size(name) for name in graph}
    around = sum(max(sizes[name][0], 60.0) + 46 for name in ring)
    across = max(around / math.pi / 1.55, 130.0)
    up = across * 0.68
    place: dict[str, Point] = {}
    for i, name in enumerate(ring):
        angle = math.pi / 2 - 2 * math.pi * i / max(len(ring), 1)
        place[name] = (across * math.cos(angle), up * math.sin(angle))
    for name in _outward_order(graph, ring):
        place[name] = _beside(graph, name, place, across, up)
    return _apart(place, sizes, set(ring), across, up)


def _outward_order(graph: nx.DiGraph, ring: Sequence[str]) -> list[str]:
    """Names off the ring, those nearest to it first."""
    distance = nx.multi_source_dijkstra_path_length(graph.to_undirected(), set(ring)) if ring else {}
    order = {name: i for i, name in enumerate(graph)}
    others = [name for name in graph if name not in ring]
    return sorted(others, key=lambda name: (distance.get(name, len(order)), order[name]))


def _beside(graph: nx.DiGraph, name: str, place: Mapping[str, Point], across: float, up: float) -> Point:
    near = [place[other] for other in (*graph.predecessors(name), *graph.successors(name)) if other in place]
    if not near:
        return across * 1.9, -up * 1.6
    x, y = np.mean(near, axis=0)
    angle = math.atan2(y / up, x / across)
    reach = max(math.hypot(x / across, y / up) + 0.62, 1.55)
    return across * reach * math.cos(angle), up * reach * math.sin(angle)


def _apart(
    place: dict[str, Point], sizes: Mapping[str, Point], pinned: set[str], across: float, up: float
) -> dict[str, Point]:
    """Push labels apart until none lies on another; names on the ring stay."""
    names = list(place)
    # the last box is the loop's icon and name in the middle of the ring
    where = np.array([*(place[name] for name in names), (0.0, 0.0)])
    half = np.array([*(sizes[name] for name in names), ICON]) / 2 + GAP
    free = np.array([*(name not in pinned for name in names), False])
    rng = np.random.default_rng(0)
    where[free] += rng.normal(0, 1e-3, where[free].shape)
    for _ in range(800):
        moved = False
        for i in range(len(where)):
            for j in range(i + 1, len(where)):
                over = half[i] + half[j] - np.abs(where[i] - where[j])
                if (over <= 0.01).any() or not (free[i] or free[j]):
                    continue
                moved = True
                axis = int(over[1] < over[0])
                push = np.zeros(2)
                push[axis] = over[axis] * (1 if where[i][axis] >= where[j][axis] else -1)
                share = (0.5, 0.5) if free[i] and free[j] else (1.0, 0.0) if free[i] else (0.0, 1.0)
                where[i] += push * share[0]
                where[j] -= push * share[1]
        if not moved:
            break
    else:
        _outward(where, half, free)
    return {name: (float(x), float(y)) for name, (x, y) in zip(names, where, strict=False)}


def _outward(where: np.ndarray, half: np.ndarray, free: np.ndarray) -> None:
    """Move each free label that still lies on another away from the middle until it lies on none."""
    for i in np.flatnonzero(free):
        others = np.arange(len(where)) != i
        while (np.abs(where[others] - where[i]) < half[others] + half[i] - 0.01).all(axis=1).any():
            length = math.hypot(*where[i])
            where[i] += 4 * (where[i] / length if length else np.array([0.0, -1.0]))
