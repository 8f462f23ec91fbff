"""Arcs for the links of a causal diagram, bent so that few cross and none runs through a name, with their signs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sdtheory.diagrams.arcs import (
    bent,
    clipped,
    heading,
    length_of,
    resampled,
    segments_cross,
    segments_meet_boxes,
)
from sdtheory.diagrams.scene import Point

Link = tuple[str, str]
BENDS = (0.12, -0.12, 0.22, -0.22, 0.0, 0.36, -0.36, 0.55, -0.55)
SIGN = 10.0  # width and height that a sign takes
REACH = 14.0  # greatest distance of a sign from the tip of its arrow
LEAVES = 2.0  # distance of an arc's start from the name there
ARRIVES = (3.0, 7.0, 11.0, 15.0)  # distance of its tip: the first that leaves room for the sign
CLEAR = 3.0  # least distance of an arc from a name that it does not belong to
POINTS = 14  # of an arc when it is compared with others
SWEEPS = 6
ORDERS = 8
HIGH = 110.0  # pixels of a bow that cost nothing extra
HEADS, SIGNS, SIGN_ON_LINE = 1.5, 7.0, 4.0
WIDE_HEAD = 5.5  # half width of a highlighted arrow's head
_FAN = np.radians([62.0, 75.0, 50.0, 90.0, 38.0, 105.0, 120.0])  # from the way back
ON_NAME, ON_SIGN, INNER = 200.0, 80.0, 60.0
THROUGH, NO_SIGN, SHORT, CROSSING, ALONG, TIPS, BOW = 60.0, 12.0, 15.0, 8.0, 12.0, 8.0, 2.0


@dataclass(frozen=True)
class Arc:
    """The visible curve of a link.

    Parameters
    ----------
    curve : array, shape (n, 2)
        From the border of the source's name to that of the target's, where the tip of the arrow is.
    bend : float
        As `bent` takes it; positive bows to the left.
    spot : (x, y), optional
        The first place for its sign that is clear of names; None when there is none.
    """

    curve: np.ndarray
    bend: float
    spot: np.ndarray | None = None


@dataclass(frozen=True)
class Obstacles:
    """The names of a picture: centres and half sizes, shape (names, 2)."""

    names: Sequence[str]
    centres: np.ndarray
    halves: np.ndarray

    @classmethod
    def of(cls, place: Mapping[str, Point], sizes: Mapping[str, Point]) -> Obstacles:
        """The obstacles of placed names."""
        names = list(place)
        halves = np.array([sizes[name] for name in names], dtype=float).reshape(-1, 2) / 2
        return cls(names, np.array([place[name] for name in names], dtype=float).reshape(-1, 2), halves)


def routes(
    place: Mapping[str, Point],
    sizes: Mapping[str, Point],
    links: Sequence[Link],
    fixed: Mapping[Link, float] | None = None,
) -> dict[Link, Arc]:
    """The arc of each link.

    Parameters
    ----------
    place, sizes : mapping of name to (x, y) and (width, height)
    links : sequence of (source, target)
    fixed : mapping of link to float, optional
        Bends that are decided, such as those of a ring.

    Returns
    -------
    dict of link to Arc
        Of every link, in the order given.
    """
    obstacles = Obstacles.of(place, sizes)
    order = {name: number for number, name in enumerate(obstacles.names)}
    choices: list[list[Arc]] = []
    for link in links:
        ends = order[link[0]], order[link[1]]
        choices.append(_choices(obstacles, ends, (fixed or {}).get(link)))
    costs = [
        np.array([_own_cost(obstacles, (order[a], order[b]), arc) for arc in arcs])
        for (a, b), arcs in zip(links, choices, strict=True)
    ]
    chosen = _settled(choices, costs)
    return {link: arcs[number] for link, arcs, number in zip(links, choices, chosen, strict=True)}


def _choices(obstacles: Obstacles, ends: tuple[int, int], fixed: float | None) -> list[Arc]:
    a, b = ends
    start, stop = obstacles.centres[a], obstacles.centres[b]
    if a == b:
        around = [_around_itself(start, obstacles.halves[a], side) for side in (-1, 1)]
        return [replace(arc, spot=sign_spot(obstacles, arc)) for arc in around]
    bends = BENDS if fixed is None else (fixed,)
    found = [_visible(obstacles, ends, bend) for bend in bends]
    visible = [arc for arc in found if len(arc.curve) > 2]
    # names that touch leave no room: the arrow is drawn between their middles
    return visible or [Arc(bent(start, stop, 0.12, 65), 0.12)]


def _visible(obstacles: Obstacles, ends: tuple[int, int], bend: float) -> Arc:
    """The arc between two names, whose tip keeps the least distance at which there is room for the sign."""
    a, b = ends
    curve = bent(obstacles.centres[a], obstacles.centres[b], bend, 65)
    start = obstacles.centres[a], obstacles.halves[a] + LEAVES
    arcs = []
    for gap in ARRIVES:
        arcs.append(Arc(clipped(curve, [start, (obstacles.centres[b], obstacles.halves[b] + gap)]), bend))
        if len(arcs[-1].curve) < 3:
            break
        spot = sign_spot(obstacles, arcs[-1])
        if spot is not None:
            return replace(arcs[-1], spot=spot)
    return arcs[0]


def _around_itself(centre: np.ndarray, half: np.ndarray, side: int) -> Arc:
    """An arc that leaves a name at its upper or lower border and comes back to it."""
    turn = np.linspace(0.0, 1.0, 33)[:, None]
    start, stop = np.array([-9.0, side * (half[1] + LEAVES)]), np.array([9.0, side * (half[1] + ARRIVES[0])])
    over = np.array([[-26.0, side * (half[1] + 44)], [26.0, side * (half[1] + 44)]])
    curve = (1 - turn) ** 3 * start + 3 * turn * (1 - turn) ** 2 * over[0]
    curve = curve + 3 * turn**2 * (1 - turn) * over[1] + turn**3 * stop
    return Arc(centre + curve, -0.5 * side)


def _own_cost(obstacles: Obstacles, ends: tuple[int, int], arc: Arc) -> float:
    """What an arc costs by itself: names in its way, no room for its sign, a wide bow."""
    points = resampled(arc.curve, POINTS)
    foreign = np.ones(len(obstacles.names), dtype=bool)
    foreign[list(ends)] = False
    hit = segments_meet_boxes(
        points[:-1, None], points[1:, None], obstacles.centres[None], obstacles.halves[None] + CLEAR
    )
    cost = THROUGH * (hit.any(axis=0) & foreign).sum()
    length = length_of(arc.curve)
    cost += SHORT * max(0.0, 1 - length / 26)
    if arc.spot is None:
        cost += NO_SIGN
    # a high bow makes the whole picture larger
    height = abs(arc.bend) * float(np.hypot(*(arc.curve[-1] - arc.curve[0])))
    return cost + BOW * abs(abs(arc.bend) - 0.12) + length / 400 + max(0.0, height - HIGH) / 20


def outer_side(arc: Arc) -> float:
    """1 when the bow is to the left of the way, else -1."""
    return 1.0 if arc.bend >= 0 else -1.0


def sign_choices(arc: Arc, half_head: float = 4.0) -> np.ndarray:
    """Places for a sign, the best first: on the outer side of the bow, in a fan about the tip."""
    direction = heading(arc.curve)
    outward = np.array([direction[1], -direction[0]]) * outer_side(arc)
    reach = np.repeat([max(half_head + 7.5, 11.5), REACH - 1, REACH - 0.1], len(_FAN))
    back, away = reach * np.tile(np.cos(_FAN), 3), reach * np.tile(np.sin(_FAN), 3)
    beside_head = (reach <= REACH) & ((away > half_head + 4.5) | (back < 0))
    places = arc.curve[-1] - back[:, None] * direction + away[:, None] * outward
    return places[beside_head] if beside_head.any() else arc.curve[-1:] + outward * (REACH - 0.1)


def sign_spot(obstacles: Obstacles, arc: Arc) -> np.ndarray | None:
    """The first place for the arc's sign that is clear of names, or None."""
    places = sign_choices(arc, WIDE_HEAD)
    near = (np.abs(places[:, None] - obstacles.centres) < obstacles.halves + SIGN / 2).all(axis=-1)
    clear = np.flatnonzero(~near.any(axis=1))
    return places[clear[0]] if len(clear) else None


def _settled(choices: list[list[Arc]], costs: list[np.ndarray]) -> list[int]:
    """For each link the number of its arc: the cheapest beside the others', settled by a few sweeps."""
    pair = _pair_costs(choices)
    chosen = [int(cost.argmin()) for cost in costs]
    for _ in range(SWEEPS):
        before = list(chosen)
        for link, own in enumerate(costs):
            if len(own) == 1:
                continue
            total = own.copy()
            for other, table in pair(link):
                total += table[:, chosen[other]]
            chosen[link] = int(total.argmin())
        if chosen == before:
            break
    return chosen


def _pair_costs(choices: list[list[Arc]]) -> Callable[[int], list[tuple[int, np.ndarray]]]:
    """For a link: the others that it may meet, with a table of costs by the arcs of both."""
    owner = np.concatenate([np.full(len(arcs), link) for link, arcs in enumerate(choices)] or [np.empty(0)])
    first = np.concatenate([[0], np.cumsum([len(arcs) for arcs in choices])]).astype(int)
    curves = np.array([resampled(arc.curve, POINTS) for arcs in choices for arc in arcs])
    spots = [arc.spot for arcs in choices for arc in arcs]
    signs = np.array([curve[-1] if at is None else at for curve, at in zip(curves, spots, strict=True)])
    tables: dict[tuple[int, int], np.ndarray] = {}
    meets: list[list[int]] = [[] for _ in choices]
    if len(curves):
        low, high = curves.min(axis=1) - 9, curves.max(axis=1) + 9
        near = ((low[:, None] <= high[None]) & (low[None] <= high[:, None])).all(axis=-1)
        one, other = np.nonzero(near & (owner[:, None] < owner[None]))
        for at in range(0, len(one), 20_000):
            i, j = one[at : at + 20_000], other[at : at + 20_000]
            for a, b, cost in zip(i, j, _meeting(curves[i], curves[j], signs[i], signs[j]), strict=True):
                if cost:
                    p, q = int(owner[a]), int(owner[b])
                    if (p, q) not in tables:
                        tables[p, q] = np.zeros((len(choices[p]), len(choices[q])))
                        meets[p].append(q)
                        meets[q].append(p)
                    tables[p, q][a - first[p], b - first[q]] = cost

    def of(link: int) -> list[tuple[int, np.ndarray]]:
        return [
            (other, tables[link, other] if link < other else tables[other, link].T) for other in meets[link]
        ]

    return of


def _meeting(one: np.ndarray, other: np.ndarray, sign: np.ndarray, other_sign: np.ndarray) -> np.ndarray:
    """What pairs of curves cost together: crossings, lying on each other, tips and signs in one place."""
    cross = segments_cross(one[:, :-1, None], one[:, 1:, None], other[:, None, :-1], other[:, None, 1:])
    near = _close(one[:, :, None], other[:, None], 5.0)
    along = np.maximum(near.any(axis=2).mean(axis=1) - 1.5 / POINTS, 0.0)
    tips = _close(one[:, -1], other[:, -1], 13.0)
    heads = (near[:, -1].any(axis=1) | near[:, :, -1].any(axis=1)) & ~tips
    signs = _close(sign, other_sign, SIGN)
    on_lines = _close(sign[:, None], other, 6.0).any(axis=1) + _close(other_sign[:, None], one, 6.0).any(
        axis=1
    )
    return (
        CROSSING * cross.sum(axis=(1, 2)) + ALONG * along + TIPS * tips + HEADS * heads
        + SIGNS * signs + SIGN_ON_LINE * on_lines
    )  # fmt: skip


def _close(points: np.ndarray, others: np.ndarray, distance: float) -> np.ndarray:
    across, down = points[..., 0] - others[..., 0], points[..., 1] - others[..., 1]
    return across * across + down * down < distance * distance


def sign_places(
    place: Mapping[str, Point],
    sizes: Mapping[str, Point],
    arcs: Mapping[Link, Arc],
    half_heads: Mapping[Link, float] | None = None,
) -> dict[Link, np.ndarray]:
    """Where the middle of each link's sign goes: within `REACH` of the tip, off names, signs and arcs."""
    obstacles = Obstacles.of(place, sizes)
    samples = [resampled(arc.curve, 3 * POINTS) for arc in arcs.values()]
    lines = np.concatenate(samples) if samples else np.empty((0, 2))
    owner = np.repeat(np.arange(len(samples)), 3 * POINTS)
    tips = np.array([arc.curve[-1] for arc in arcs.values()]).reshape(-1, 2)
    choices, costs = [], []
    for number, (link, arc) in enumerate(arcs.items()):
        half_head = (half_heads or {}).get(link, 4.0)
        outer = sign_choices(arc, half_head)
        inner = sign_choices(Arc(arc.curve, -arc.bend if arc.bend else -1e-9), half_head)
        places = np.concatenate([outer, inner])
        cost = np.concatenate([np.zeros(len(outer)), np.full(len(inner), INNER if arc.bend else 0.1)])
        cost += np.concatenate([np.arange(len(outer)), np.arange(len(inner))]) * 0.2
        within = np.abs(places[:, None] - obstacles.centres) < obstacles.halves + SIGN / 2
        cost += ON_NAME * within.all(axis=-1).sum(axis=1)
        cost += 4 * (_distances(places, tips[np.arange(len(tips)) != number]) < 9).sum(axis=1)
        near = _distances(places, lines[owner != number])
        cost += 4 * (near < 6).any(axis=1) + 2 * (near < 9).any(axis=1)
        choices.append(places)
        costs.append(cost)
    return dict(zip(arcs, _apart(choices, costs), strict=True))


def _apart(choices: list[np.ndarray], costs: list[np.ndarray]) -> np.ndarray:
    """One place for each sign, apart from the others: the cheapest of a few orders of choosing."""
    chosen = np.array([places[int(cost.argmin())] for places, cost in zip(choices, costs, strict=True)])
    rng = np.random.default_rng(0)
    best, least = chosen, np.inf
    for number in range(ORDERS):
        # those with the fewest good places choose first, then whoever
        order = np.argsort([(cost < INNER).sum() for cost in costs], kind="stable")
        order = rng.permutation(order) if number else order
        tried = chosen.copy() if number % 2 else np.full_like(chosen, np.inf)
        total = 0.0
        for sweep in range(2):
            total = 0.0
            for link in order:
                others = np.delete(tried, link, axis=0)
                on_signs = (np.abs(choices[link][:, None] - others) < SIGN).all(axis=-1).sum(axis=1)
                cost = costs[link] + ON_SIGN * on_signs
                tried[link] = choices[link][int(cost.argmin())]
                total += float(cost.min()) * sweep
        if total < least:
            best, least = tried, total
        if least < INNER:
            break
    return best


def _distances(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    return np.hypot(*np.moveaxis(points[:, None] - others, -1, 0))
