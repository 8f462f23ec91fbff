"""Arcs for the links of a causal diagram, bent around the names of others, and free places for their signs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from sdtheory.diagrams.layout import Point, label_size

Link = tuple[str, str]
RING_BEND = 0.2
BENDS = (0.14, -0.14, 0.28, -0.28, 0.02, 0.42, -0.42, 0.6, -0.6)
SIGN = np.array([9.0, 9.0])  # room that a sign takes, in points
HEAD = 9  # points of an arc that its arrowhead takes: one lies about a point of length from the next
CLEAR = 3.0  # least distance of an arc from a name that it does not belong to


def routes(place: Mapping[str, Point], links: Iterable[Link], members: set[Link]) -> dict[Link, np.ndarray]:
    """The visible points of each link's arc, from name to name.

    Links of the highlighted loop follow the ring. Each other takes the first of a few bends that runs through
    the fewest names and along the fewest arcs drawn before it. Links too short to show are left out.

    Parameters
    ----------
    place : mapping of name to point
    links : iterable of (source, target)
    members : set of (source, target)
        Links of the highlighted loop.
    """
    names = list(place)
    centres = np.array([place[name] for name in names])
    halves = np.array([label_size(name) for name in names]) / 2 + CLEAR
    found: dict[Link, np.ndarray] = {}
    for link in sorted(links, key=lambda link: link not in members):
        if link[0] == link[1]:
            continue
        others = np.array([name not in link for name in names])
        best, least = None, np.inf
        for bend in (RING_BEND,) if link in members else BENDS:
            path = _visible(place, link, bend)
            if len(path) < HEAD:
                continue
            cost = 50 * _inside(path, centres[others], halves[others]) + _alongside(path, found.values())
            cost += 4 * abs(bend)
            if cost < least:
                best, least = path, cost
        if best is not None:
            found[link] = best
    return found


def sign_places(place: Mapping[str, Point], paths: Mapping[Link, np.ndarray]) -> dict[Link, np.ndarray]:
    """Where the sign of each link goes: near its arrowhead, off names, arcs and the other signs."""
    centres = np.array([place[name] for name in place])
    halves = np.array([label_size(name) for name in place]) / 2 + SIGN / 2
    points = np.concatenate(list(paths.values())) if paths else np.empty((0, 2))
    found: dict[Link, np.ndarray] = {}
    for link, path in paths.items():
        best, least = path[-1], np.inf
        for back in (9, 15, 22, 30):
            for side in _sides(path):
                at = path[-1] - side[0] * back + side[1] * 9
                signs = np.array(list(found.values())).reshape(-1, 2)
                on_names = int((np.abs(centres - at) < halves).all(axis=1).sum())
                on_signs = int((np.abs(signs - at) < SIGN).all(axis=1).sum())
                on_arcs = int((np.hypot(*(points - at).T) < 5).any())
                cost = 4 * on_names + 4 * on_signs + on_arcs + back / 100
                if cost < least:
                    best, least = at, cost
        found[link] = best
    return found


def heading(path: np.ndarray) -> np.ndarray:
    """The direction in which an arc arrives, of length 1."""
    direction = path[-1] - path[-HEAD]
    return direction / (np.hypot(*direction) or 1)


def _sides(path: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The heading of an arc with its two normals, the one that points outward first."""
    direction = heading(path)
    outward = np.array([-direction[1], direction[0]])
    if np.dot(outward, path[-1]) < 0:
        outward = -outward
    return [(direction, outward), (direction, -outward)]


def _visible(place: Mapping[str, Point], link: Link, bend: float) -> np.ndarray:
    """The part of an arc between two names; a positive bend bows away from the middle of the picture."""
    start, stop = (np.array(place[name]) for name in link)
    chord = stop - start
    normal = np.array([-chord[1], chord[0]])
    if np.dot(normal, (start + stop) / 2) < 0:
        normal = -normal
    control = (start + stop) / 2 + normal * bend
    t = np.linspace(0, 1, max(int(np.hypot(*chord)), 40))[:, None]
    curve = (1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * stop
    ends = ((start, link[0], 1.0), (stop, link[1], 3.0))
    outside = [
        (np.abs(curve - at) > np.array(label_size(name)) / 2 + margin).any(axis=1)
        for at, name, margin in ends
    ]
    keep = np.flatnonzero(outside[0] & outside[1])
    return curve[keep[0] : keep[-1] + 1] if len(keep) else curve[:0]


def _inside(path: np.ndarray, centres: np.ndarray, halves: np.ndarray) -> int:
    """Through how many names an arc runs."""
    within = (np.abs(path[:, None, :] - centres[None]) < halves[None]).all(axis=2)
    return int(within.any(axis=0).sum())


def _alongside(path: np.ndarray, others: Iterable[np.ndarray]) -> float:
    """How much of an arc lies on others, and how many it meets."""
    total = 0.0
    for other in others:
        near = (np.abs(path[:, None, :] - other[None]) < 4).all(axis=2).any(axis=1)
        total += bool(near.any()) + 20 * float(near.mean())
    return total
