"""The patient rule induction method: boxes of futures in which a case of interest is common.

Friedman and Fisher 1999, Statistics and Computing 9:123; for scenario discovery Bryant and Lempert 2010,
Technological Forecasting and Social Change 77:34.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

PEEL = 0.05  # share of the futures in the box that one peel takes away
LEAST_MASS = 0.05
DROPPED = 0.01  # quasi-p above which the limits of a dimension are dropped


@dataclass(frozen=True)
class Limits:
    """The limits of a box: an interval in each numeric dimension, kept categories in each discrete one.

    Attributes
    ----------
    low, high : array, shape (dimensions,)
        Infinite where there is no limit; points strictly between are inside.
    kept : mapping of dimension to frozenset of float
        Categories of discrete dimensions; all where a dimension is not named.
    """

    low: np.ndarray
    high: np.ndarray
    kept: Mapping[int, frozenset[float]]

    def inside(self, points: np.ndarray, skip: int | None = None) -> np.ndarray:
        """Which points lie inside, leaving the limits of one dimension out when `skip` names it.

        Parameters
        ----------
        points : array, shape (futures, dimensions)
        skip : int, optional

        Returns
        -------
        array of bool, shape (futures,)
        """
        within = (points > self.low) & (points < self.high)
        for dimension, categories in self.kept.items():
            within[:, dimension] &= np.isin(points[:, dimension], list(categories))
        if skip is not None:
            within[:, skip] = True
        return np.asarray(within.all(axis=1))

    def restricted(self) -> list[int]:
        """The dimensions that have a limit."""
        bounded = np.isfinite(self.low) | np.isfinite(self.high)
        return sorted({*np.flatnonzero(bounded).tolist(), *self.kept})

    def without(self, dimension: int) -> Limits:
        """The limits with those of one dimension taken away."""
        low, high = self.low.copy(), self.high.copy()
        low[dimension], high[dimension] = -np.inf, np.inf
        return Limits(low, high, {d: kept for d, kept in self.kept.items() if d != dimension})


def unlimited(dimensions: int) -> Limits:
    """The box that holds every point."""
    return Limits(np.full(dimensions, -np.inf), np.full(dimensions, np.inf), {})


@dataclass(frozen=True)
class Candidate:
    """Limits, with how many futures and how many cases of interest lie inside."""

    limits: Limits
    count: int
    cases: int

    @property
    def density(self) -> float:
        return self.cases / self.count if self.count else 0.0


def peel(
    points: np.ndarray,
    case: np.ndarray,
    discrete: Sequence[int] = (),
    share: float = PEEL,
    least: float = LEAST_MASS,
    total: int | None = None,
) -> list[Candidate]:
    """The trajectory of boxes from all points down to the smallest mass.

    Each step takes away the slice, at either end of a numeric dimension or one category of a discrete one,
    whose loss leaves the highest density; of equals, the smallest slice.

    Parameters
    ----------
    points : array, shape (futures, dimensions)
    case : array of bool, shape (futures,)
    discrete : sequence of int
        Dimensions whose values are categories.
    share : float
        Share of the points in the box that a slice of a numeric dimension holds.
    least : float
        Smallest mass of a box, as a share of `total`.
    total : int, optional
        Futures in all, when `points` are what earlier boxes left.

    Returns
    -------
    list of Candidate
        From the box that holds everything on; mass falls and coverage never rises along it.
    """
    smallest = max(1, int(np.ceil(least * (len(points) if total is None else total))))
    limits = unlimited(points.shape[1])
    own, hit = points, case.astype(float)
    found = [Candidate(limits, len(own), int(hit.sum()))]
    while found[-1].cases < found[-1].count:
        slices = [*_end_slices(own, share, limits, discrete), *_category_slices(own, limits, discrete)]
        best, best_key = None, (-1.0, 0)
        for kept, after in slices:
            count = int(kept.sum())
            if not smallest <= count < len(own):
                continue
            key = (float(hit @ kept) / count, count)
            if key > best_key:
                best, best_key = (kept, after), key
        if best is None:
            break
        kept, limits = best
        own, hit = own[kept], hit[kept]
        found.append(Candidate(limits, len(own), int(hit.sum())))
    return found


def _end_slices(
    own: np.ndarray, share: float, limits: Limits, discrete: Sequence[int]
) -> list[tuple[np.ndarray, Limits]]:
    """What stays, and the limits after, when a slice at one end of a numeric dimension goes."""
    size = max(1, int(share * len(own)))
    order = np.sort(own, axis=0)
    found = []
    for d in range(own.shape[1]):
        if d in discrete:
            continue
        column = own[:, d]
        for edge, side in ((order[size - 1, d], 1.0), (order[-size, d], -1.0)):
            kept = side * column > side * edge
            if kept.any():
                nearest = (column[kept] * side).min() * side
                found.append((kept, _moved(limits, d, side, (edge + nearest) / 2)))
    return found


def _moved(limits: Limits, dimension: int, side: float, bound: float) -> Limits:
    """The limits with the lower (side 1) or upper (side -1) bound of a dimension elsewhere."""
    low, high = limits.low.copy(), limits.high.copy()
    (low if side > 0 else high)[dimension] = bound
    return replace(limits, low=low, high=high)


def _category_slices(
    own: np.ndarray, limits: Limits, discrete: Sequence[int]
) -> list[tuple[np.ndarray, Limits]]:
    found = []
    for d in discrete:
        present = np.unique(own[:, d])
        for category in present:
            rest = frozenset(float(value) for value in present if value != category)
            found.append((own[:, d] != category, replace(limits, kept={**limits.kept, d: rest})))
    return found


def paste(points: np.ndarray, case: np.ndarray, start: Limits, share: float = PEEL) -> Candidate:
    """The box widened, slice by slice, as long as its density does not fall."""
    best = counted(points, case, start)
    while True:
        wider = [counted(points, case, limits) for limits in _widened(points, best, share)]
        better = [one for one in wider if one.count > best.count and one.density >= best.density]
        if not better:
            return best
        best = max(better, key=lambda one: (one.density, one.count))


def counted(points: np.ndarray, case: np.ndarray, limits: Limits) -> Candidate:
    """The limits with what lies inside."""
    inside = limits.inside(points)
    return Candidate(limits, int(inside.sum()), int(case[inside].sum()))


def _widened(points: np.ndarray, box: Candidate, share: float) -> list[Limits]:
    limits, size = box.limits, max(1, int(share * box.count))
    found = []
    for d in limits.restricted():
        near = points[limits.inside(points, skip=d), d]
        if d in limits.kept:
            missing = sorted(set(near.tolist()) - limits.kept[d])
            found += [
                replace(limits, kept={**limits.kept, d: limits.kept[d] | {category}}) for category in missing
            ]
            found += [limits.without(d)] if len(missing) <= 1 else []
            continue
        for side, bound in ((1.0, limits.low[d]), (-1.0, limits.high[d])):
            if not np.isfinite(bound):
                continue
            beyond = np.sort(side * near[side * near < side * bound])[::-1]  # the nearest first
            after = -np.inf if len(beyond) <= size else (beyond[size - 1] + beyond[size]) / 2
            found.append(_moved(limits, d, side, side * after))
    return found


def quasi_p(points: np.ndarray, case: np.ndarray, limits: Limits, dimension: int) -> float:
    """Chance of as many cases in the box if the limits of this dimension did nothing (binomial).

    It is no true p-value, because the box was chosen for its cases.
    """
    from scipy.stats import binom

    box, wider = counted(points, case, limits), counted(points, case, limits.without(dimension))
    return float(binom.sf(box.cases - 1, box.count, wider.density))


def choose(trajectory: Sequence[Candidate], density: float | None = None, step: int | None = None) -> int:
    """The place in a trajectory of the box to use.

    Parameters
    ----------
    density : float, optional
        The first box that is at least so dense (the densest when none is).
    step : int, optional
        This one.

    Returns
    -------
    int
        Without either, the box of the highest coverage times density.
    """
    if step is not None:
        return step
    densities = np.array([one.density for one in trajectory])
    if density is not None:
        reached = np.flatnonzero(densities >= density)
        return int(reached[0]) if len(reached) else int(densities.argmax())
    return int(np.argmax(densities * np.array([one.cases for one in trajectory])))


def find(
    points: np.ndarray,
    case: np.ndarray,
    discrete: Sequence[int],
    pick: Callable[[Sequence[Candidate]], int],
    total: int | None = None,
) -> tuple[Candidate, list[Candidate], int]:
    """Peel, pick, paste, and drop limits that shut nothing out or little more than chance would.

    Returns
    -------
    box : Candidate
    trajectory : list of Candidate
    step : int
        The place in the trajectory that was picked.
    """
    trajectory = peel(points, case, discrete, total=total)
    step = pick(trajectory)
    box = paste(points, case, trajectory[step].limits)
    return _pruned(points, case, box), trajectory, step


def _pruned(points: np.ndarray, case: np.ndarray, box: Candidate) -> Candidate:
    """The box without the limits of dimensions whose quasi-p is large, the largest first."""
    while box.limits.restricted():
        chances = {d: quasi_p(points, case, box.limits, d) for d in box.limits.restricted()}
        weakest = max(chances, key=lambda d: chances[d])
        if chances[weakest] <= DROPPED:
            return box
        box = counted(points, case, box.limits.without(weakest))
    return box
