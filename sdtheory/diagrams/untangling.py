"""Moving names so that fewer links cross, and none runs through a name: seeded moves, the best of many places each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sdtheory.diagrams.arcs import segments_cross, segments_meet_boxes

CROSSING, OVERLAP, THROUGH, TOO_NEAR, LENGTH = 2.0, 4.0, 3.0, 1.5, 0.25
ON_RING, IN_RING, IN_MIDDLE = 5.0, 0.7, 4.0
ROOMY = 120.0  # half height of a ring that has room for names inside
ICON = np.array([80.0, 60.0])  # half axes of the middle of a ring, where its icon and name are
ROOM = 42.0  # between linked names, for the arrow and its sign
MARGIN = 10.0  # between names that are not linked
CHOICES = 28
ROUNDS = 22
HEAT = 0.1
SETTLED = 0.8  # a name that costs less is tried again only now and then


@dataclass(frozen=True)
class Task:
    """What is to be untangled.

    Parameters
    ----------
    links : array of int, shape (links, 2)
        Each pair of linked names once.
    halves : array, shape (names, 2)
        Half sizes of the names.
    free : array of bool, shape (names,)
    ring : (centre, half axes) or None
        An ellipse whose inside is kept free.
    length : float
        A link's usual length.
    """

    links: np.ndarray
    halves: np.ndarray
    free: np.ndarray
    ring: tuple[np.ndarray, np.ndarray] | None
    length: float


def untangled(start: np.ndarray, task: Task, seed: int = 0) -> np.ndarray:
    """Positions with fewer crossings; the same input always gives the same."""
    rng = np.random.default_rng(seed)
    place = start.copy()
    names = np.flatnonzero(task.free)
    if not len(names) or not len(task.links):
        return place
    last = np.full(len(place), np.inf)
    for number in range(ROUNDS):
        spread = task.length * (2.0 - 1.8 * number / ROUNDS)
        moved = False
        for name in rng.permutation(names):
            if number % 3 and last[name] < SETTLED:
                continue
            choices = _choices(place, task, name, spread, rng)
            costs = costs_at(place, task, name, choices)
            heat = HEAT * max(0.0, 1 - 1.5 * number / ROUNDS)
            best = int((costs - heat * rng.gumbel(size=len(costs))).argmin())
            last[name] = costs[best]
            if best and (heat or costs[best] < costs[0] - 1e-6):
                place[name] = choices[best]
                moved = True
        if not moved and number > ROUNDS // 2:
            break
    return place


def _choices(place: np.ndarray, task: Task, name: int, spread: float, rng: np.random.Generator) -> np.ndarray:
    """Places to try: where the name is, around it, around its neighbours, and anywhere."""
    near = neighbours(task.links, name)
    around = place[near] if len(near) else place
    low, high = place.min(axis=0) - task.length, place.max(axis=0) + task.length
    a, b, c = CHOICES // 2, CHOICES // 4, CHOICES // 4
    return np.concatenate(
        [
            place[name][None],
            place[name] + rng.normal(0, spread / 2, (a, 2)),
            around[rng.integers(len(around), size=b)] + rng.normal(0, task.length, (b, 2)),
            around.mean(axis=0) + rng.normal(0, spread, (c, 2)),
            rng.uniform(low, high, (4, 2)),
        ]
    )


def neighbours(links: np.ndarray, name: int) -> np.ndarray:
    """The names linked to a name."""
    return np.concatenate([links[links[:, 0] == name, 1], links[links[:, 1] == name, 0]])


def costs_at(place: np.ndarray, task: Task, name: int, choices: np.ndarray) -> np.ndarray:
    """What each place for a name costs, as far as it depends on that name."""
    near = neighbours(task.links, name)
    own = (task.links == name).any(axis=1)
    others = task.links[~own]
    a, b = place[others[:, 0]], place[others[:, 1]]
    rest = np.arange(len(place)) != name
    cost = np.zeros(len(choices))
    gaps = np.abs(choices[:, None] - place[None]) - task.halves[name] - task.halves
    gap = np.maximum(gaps[..., 0], gaps[..., 1])  # the wider of the two gaps parts two boxes
    cost += OVERLAP * (gap[:, rest] < MARGIN).sum(axis=1)
    if len(near):
        ends = place[near]
        apart = (others[None, :, 0] != near[:, None]) & (others[None, :, 1] != near[:, None])
        cross = segments_cross(choices[:, None, None], ends[None, :, None], a[None, None], b[None, None])
        cost += CROSSING * (cross & apart[None]).sum(axis=(1, 2))
        foreign = rest[None] & (np.arange(len(place))[None] != near[:, None])
        hit = segments_meet_boxes(
            choices[:, None, None], ends[None, :, None], place[None, None], task.halves[None, None] + 4
        )
        cost += THROUGH * (hit & foreign[None]).sum(axis=(1, 2))
        cost += TOO_NEAR * (np.maximum(ROOM - gap[:, near], 0) / ROOM).sum(axis=1)
        lengths = np.hypot(*np.moveaxis(choices[:, None] - ends[None], -1, 0)) / task.length
        cost += LENGTH * (np.maximum(lengths - 1.0, 0.0) ** 1.2).sum(axis=1)
        cost += _narrow(choices, ends)
    hit = segments_meet_boxes(a[None], b[None], choices[:, None], task.halves[name] + 4)
    cost += THROUGH * hit.sum(axis=1)
    if task.ring is not None:
        cost += _ring_cost(choices, task.halves[name], task.ring)
    return cost + 0.02 * np.hypot(*(choices - place.mean(axis=0)).T) / task.length


def _ring_cost(points: np.ndarray, half: np.ndarray, ring: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Names may not lie on the ring or in its middle; inside they may where there is plenty of room."""
    centre, axes = ring
    away = np.abs(points - centre)
    nearest, farthest = np.maximum(away - half, 0.0), away + half
    reaches_in = np.hypot(*(nearest / axes).T) < 1.0
    wholly_in = np.hypot(*(farthest / (axes - 34.0)).T) < 1.0 if axes.min() > ROOMY else False
    in_middle = np.hypot(*(nearest / ICON).T) < 1.0
    return np.where(wholly_in, IN_RING, ON_RING * reaches_in) + IN_MIDDLE * in_middle


def _narrow(choices: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """How narrow the angles between the links of a name are."""
    if len(ends) < 2:
        return np.zeros(len(choices))
    steps = ends[None] - choices[:, None]
    angles = np.sort(np.arctan2(steps[..., 1], steps[..., 0]), axis=1)
    gaps = np.diff(np.concatenate([angles, angles[:, :1] + 2 * np.pi], axis=1), axis=1)
    return 0.4 * np.maximum(1 - gaps / 0.35, 0.0).sum(axis=1)


def crossings(place: np.ndarray, links: np.ndarray) -> int:
    """How many pairs of straight links cross."""
    if not len(links):
        return 0
    a, b = place[links[:, 0]], place[links[:, 1]]
    cross = segments_cross(a[:, None], b[:, None], a[None], b[None])
    return int(np.triu(cross, 1).sum())


def names_crossed(place: np.ndarray, task: Task) -> int:
    """How many times straight links run through names at neither of their ends."""
    if not len(task.links):
        return 0
    a, b = place[task.links[:, 0]], place[task.links[:, 1]]
    hit = segments_meet_boxes(a[:, None], b[:, None], place[None], task.halves[None] + 4)
    hit[np.arange(len(a)), task.links[:, 0]] = hit[np.arange(len(a)), task.links[:, 1]] = False
    return int(hit.sum())
