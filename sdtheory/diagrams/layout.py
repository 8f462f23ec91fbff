"""Positions for causal diagrams: one loop as a ring, the rest around it by what it is linked to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np

from sdtheory.diagrams.scene import Point
from sdtheory.diagrams.separation import overlaps, separated
from sdtheory.diagrams.stress import graph_distances, majorised
from sdtheory.diagrams.untangling import MARGIN, ROOM, Task, crossings, names_crossed, untangled

FLATTENED = 0.7  # height of a ring over its width
LENGTH = 130.0  # of a link, between the middles of its names
TRIES = 110  # times names: small graphs are tried more often
MOST_TRIES = 6
WIDEST_SCALE = 2.5  # by how much a file's own places are spread before names are pushed apart


@dataclass(frozen=True)
class Layout:
    """Places of names, by their number in the graph, and what may still be moved."""

    place: np.ndarray
    task: Task

    def named(self, names: Sequence[str]) -> dict[str, Point]:
        """The places by name."""
        return {name: (float(x), float(y)) for name, (x, y) in zip(names, self.place, strict=True)}


def loop_layouts(graph: nx.DiGraph, ring: Sequence[str], sizes: Mapping[str, Point]) -> list[Layout]:
    """Layouts with a loop as a ring, clockwise from the top, and the other names around it, the best first.

    Parameters
    ----------
    graph : networkx.DiGraph
    ring : sequence of str
        The loop's variables in causal order; may be empty.
    sizes : mapping of str to (width, height)
        Of every drawn name, in pixels.

    Returns
    -------
    list of Layout
        No name lies on another. The same graph, ring and sizes always give the same.
    """
    names = list(graph)
    order = {name: place for place, name in enumerate(names)}
    halves = np.array([sizes[name] for name in names]).reshape(-1, 2) / 2
    on_ring = np.array([order[name] for name in ring], dtype=int)
    pinned = np.zeros(len(names), dtype=bool)
    pinned[on_ring] = True
    start, axes = _started(graph, names, on_ring, halves)
    distances = graph_distances(graph, names) * LENGTH
    place = majorised(start, distances, pinned)
    keep_out = (np.zeros(2), axes + 14.0) if len(ring) > 2 else None
    if keep_out is not None:
        place = _pushed_out(place, ~pinned, keep_out)
    links = sorted({tuple(sorted((order[a], order[b]))) for a, b in graph.edges() if a != b})
    task = Task(np.array(links, dtype=int).reshape(-1, 2), halves, ~pinned, keep_out, LENGTH)
    seeds = range(min(max(TRIES // max(len(names), 1), 1), MOST_TRIES))
    tries = [separated(untangled(place, task, seed), halves, ~pinned, MARGIN) for seed in seeds]
    return sorted((Layout(tried, task) for tried in tries), key=_cost)


def _started(
    graph: nx.DiGraph, names: list[str], on_ring: np.ndarray, halves: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The ring in place, the others on a circle in file order; and the ring's half axes."""
    count = max(len(on_ring), 1)
    spacing = 2 * halves[on_ring, 0].max() + 64 if len(on_ring) else 0.0
    across = count * spacing / (2 * math.pi * math.sqrt((1 + FLATTENED**2) / 2))
    axes = np.array([max(across, 100.0), max(across * FLATTENED, 70.0)]) if len(on_ring) > 1 else np.ones(2)
    angles = np.linspace(0, 2 * math.pi, len(names), endpoint=False)
    far = axes.max() + LENGTH * (1 + len(names) / 12)
    place = far * np.column_stack([np.sin(angles), -np.cos(angles)])
    place[on_ring] = ellipse_places(len(on_ring), axes) if len(on_ring) > 1 else 0.0
    return place, axes


def ellipse_places(count: int, axes: np.ndarray) -> np.ndarray:
    """Points at equal distances along an ellipse, clockwise on a screen from the top."""
    fine = np.linspace(0, 2 * math.pi, 2001)
    curve = axes * np.column_stack([np.sin(fine), -np.cos(fine)])
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(curve, axis=0).T))])
    angles = np.interp(np.arange(count) * lengths[-1] / max(count, 1), lengths, fine)
    return axes * np.column_stack([np.sin(angles), -np.cos(angles)])


def _pushed_out(place: np.ndarray, free: np.ndarray, ring: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Points inside the ring moved straight outward over its border."""
    centre, axes = ring
    reach = np.hypot(*((place - centre) / axes).T)
    inside = free & (reach < 1.35)
    out = place.copy()
    out[inside] = centre + (place[inside] - centre) * (1.35 / np.maximum(reach[inside], 0.05))[:, None]
    return out


def _cost(layout: Layout) -> float:
    place, task = layout.place, layout.task
    lengths = np.hypot(*(place[task.links[:, 0]] - place[task.links[:, 1]]).T) if len(task.links) else 0.0
    on_others = int(overlaps(place, task.halves).sum()) // 2
    through = names_crossed(place, task)
    return crossings(place, task.links) + 3 * on_others + 2 * through + float(np.sum(lengths)) / LENGTH / 50


def kept_layout(
    graph: nx.DiGraph, places: Mapping[str, Point], sizes: Mapping[str, Point]
) -> dict[str, Point]:
    """The places that a file gives, spread just far enough that names lie apart; the rest beside its neighbours."""
    names = list(graph)
    halves = np.array([sizes[name] for name in names]).reshape(-1, 2) / 2
    known = np.array([name in places for name in names])
    where = np.array([places.get(name, (0.0, 0.0)) for name in names], dtype=float).reshape(-1, 2)
    middle = where[known].mean(axis=0)
    scale = _scale(where[known], halves[known])
    where[known] = middle + (where[known] - middle) * scale
    order = {name: place for place, name in enumerate(names)}
    for name in _nearest_first(graph, [name for name in names if name in places]):
        near = [order[other] for other in (*graph.predecessors(name), *graph.successors(name))]
        near = [place for place in near if known[place]]
        where[order[name]] = (where[near].mean(axis=0) if near else middle) + (0.0, ROOM)
        known[order[name]] = True
    free = np.array([name not in places for name in names])
    where = separated(where, halves, free, MARGIN)
    where = separated(where, halves, np.ones(len(names), dtype=bool), 6.0)
    return {name: (float(x), float(y)) for name, (x, y) in zip(names, where, strict=True)}


def _scale(where: np.ndarray, halves: np.ndarray) -> float:
    """The least factor that parts all boxes, as far as spreading is sensible at all."""
    factor = 1.0
    for i, j in np.argwhere(np.triu(overlaps(where, halves, 6.0))):
        distance = np.maximum(np.abs(where[i] - where[j]), 1e-6)
        factor = max(factor, float(((halves[i] + halves[j] + 6.0) / distance).min()))
    return min(factor, WIDEST_SCALE)


def _nearest_first(graph: nx.DiGraph, known: Sequence[str]) -> list[str]:
    """Names without a place, those linked to names with one first."""
    distance = nx.multi_source_dijkstra_path_length(graph.to_undirected(as_view=True), set(known))
    order = {name: place for place, name in enumerate(graph)}
    others = [name for name in graph if name not in set(known)]
    return sorted(others, key=lambda name: (distance.get(name, len(order)), order[name]))
