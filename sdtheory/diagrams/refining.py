"""The last touch to a layout: names that arcs run through, or whose signs find no room, are moved a little."""

from __future__ import annotations

from collections.abc import Mapping

import networkx as nx
import numpy as np

from sdtheory.diagrams.arcs import resampled, segments_cross, segments_meet_boxes
from sdtheory.diagrams.layout import Layout
from sdtheory.diagrams.routing import CLEAR, POINTS, Arc, Link, Obstacles, routes
from sdtheory.diagrams.scene import Point
from sdtheory.diagrams.separation import separated
from sdtheory.diagrams.untangling import MARGIN, Task, costs_at

CHOICES = 60
HIT, NO_SIGN = 8.0, 3.0
FINE = 2 * POINTS


def refined(
    graph: nx.DiGraph,
    layouts: list[Layout],
    sizes: Mapping[str, Point],
    bends: Mapping[Link, float],
    rounds: int,
) -> tuple[dict[str, Point], dict[Link, Arc]]:
    """Places and arcs of the best layout, after at most so many rounds of small moves.

    Parameters
    ----------
    graph : networkx.DiGraph
    layouts : list of Layout
        Candidates.
    sizes : mapping of str to (width, height)
    bends : mapping of link to float
        Of the ring's arcs.
    rounds : int
    """
    names, links = list(graph), list(graph.edges())
    drawn = [(layout, routes(layout.named(names), sizes, links, bends)) for layout in layouts]
    layout, arcs = min(drawn, key=lambda pair: _cost(pair[0].named(names), sizes, pair[1]))
    best = _cost(layout.named(names), sizes, arcs)
    rng = np.random.default_rng(1)
    for _ in range(rounds):
        troubled = _troubled(layout, names, sizes, arcs)
        if not len(troubled):
            break
        where = layout.place.copy()
        for name in rng.permutation(troubled):
            where[name] = _moved(where, layout.task, name, names, arcs, rng)
        where = separated(where, layout.task.halves, layout.task.free, MARGIN)
        moved = Layout(where, layout.task)
        again = routes(moved.named(names), sizes, links, bends)
        cost = _cost(moved.named(names), sizes, again)
        if cost < best:
            layout, arcs, best = moved, again, cost
    return layout.named(names), arcs


def _hits(obstacles: Obstacles, arcs: Mapping[Link, Arc]) -> list[tuple[Link, int]]:
    """Links with the numbers of the foreign names that they run through."""
    found = []
    for link, arc in arcs.items():
        points = resampled(arc.curve, FINE)
        hit = segments_meet_boxes(
            points[:-1, None], points[1:, None], obstacles.centres[None], obstacles.halves[None] + CLEAR / 2
        ).any(axis=0)
        found += [(link, int(n)) for n in np.flatnonzero(hit) if obstacles.names[int(n)] not in link]
    return found


def _cost(place: Mapping[str, Point], sizes: Mapping[str, Point], arcs: Mapping[Link, Arc]) -> float:
    obstacles = Obstacles.of(place, sizes)
    lost = sum(arc.spot is None for arc in arcs.values())
    return HIT * len(_hits(obstacles, arcs)) + NO_SIGN * lost + crossings_drawn(arcs)


def crossings_drawn(arcs: Mapping[Link, Arc]) -> int:
    """How many times arcs cross, as they are drawn."""
    if len(arcs) < 2:
        return 0
    curves = np.array([resampled(arc.curve, FINE) for arc in arcs.values()])
    low, high = curves.min(axis=1), curves.max(axis=1)
    near = np.triu(((low[:, None] <= high[None]) & (low[None] <= high[:, None])).all(axis=-1), 1)
    total = 0
    pairs = np.argwhere(near)
    for at in range(0, len(pairs), 2000):
        one, other = curves[pairs[at : at + 2000, 0]], curves[pairs[at : at + 2000, 1]]
        total += int(
            segments_cross(one[:, :-1, None], one[:, 1:, None], other[:, None, :-1], other[:, None, 1:]).sum()
        )
    return total


def _troubled(
    layout: Layout, names: list[str], sizes: Mapping[str, Point], arcs: Mapping[Link, Arc]
) -> np.ndarray:
    """Free names in the way of arcs, or at the ends of arcs that are in trouble."""
    obstacles = Obstacles.of(layout.named(names), sizes)
    order = {name: number for number, name in enumerate(names)}
    found: dict[int, None] = {}
    for link, name in _hits(obstacles, arcs):
        ends = [name] if layout.task.free[name] else [order[end] for end in link]
        found.update(dict.fromkeys(ends))
    for link, arc in arcs.items():
        if arc.spot is None:
            found.update(dict.fromkeys(order[end] for end in link))
    return np.array([name for name in found if layout.task.free[name]], dtype=int)


def _moved(
    where: np.ndarray,
    task: Task,
    name: int,
    names: list[str],
    arcs: Mapping[Link, Arc],
    rng: np.random.Generator,
) -> np.ndarray:
    """A better place for one name, the arcs of others where they are."""
    spread = rng.uniform(20, 140, (CHOICES, 1))
    choices = np.concatenate([where[name][None], where[name] + rng.normal(0, 1, (CHOICES, 2)) * spread])
    cost = costs_at(where, task, name, choices)
    for link, arc in arcs.items():
        if names[name] not in link:
            points = resampled(arc.curve, FINE)
            hit = segments_meet_boxes(
                points[None, :-1], points[None, 1:], choices[:, None], task.halves[name] + CLEAR + 2
            )
            cost += HIT * hit.any(axis=1)
    return choices[int(cost.argmin())]
