"""Scores of loops from those of their links: relative scores, cycle partitions, dominant sets and periods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

HALF = 0.5 - 1e-9  # of the change in a partition, that a dominant set makes
SHORT = 2  # steps: a shorter period between equal ones is marked

Link = tuple[str, str]


@dataclass(frozen=True)
class Scores:
    """Scores of loops.

    Attributes
    ----------
    logarithm : array, shape (loops, ..., times)
        Of the sizes of the scores, which span hundreds of orders of magnitude.
    sign : array, shape (loops, ..., times)
        -1, 0 or 1.
    """

    logarithm: np.ndarray
    sign: np.ndarray

    @property
    def values(self) -> np.ndarray:
        """The scores; infinite where they exceed what a number can hold."""
        with np.errstate(over="ignore"):
            return self.sign * np.exp(self.logarithm)


def multiplied(loops: Sequence[Iterable[Link]], links: Mapping[Link, np.ndarray]) -> Scores:
    """Scores of loops: the product of the scores of their links.

    Parameters
    ----------
    loops : sequence of loops, each a sequence of links
    links : mapping of link to array, shape (..., times)

    Examples
    --------
    >>> links = {("a", "b"): np.array([0.0, 2.0]), ("b", "a"): np.array([3.0, -0.5])}
    >>> multiplied([[("a", "b"), ("b", "a")]], links).values
    array([[ 0., -1.]])
    """
    from scipy.sparse import csr_matrix

    shape = next(iter(links.values())).shape if links else (0,)
    if not loops:
        return Scores(np.zeros((0, *shape)), np.zeros((0, *shape)))
    place = {link: number for number, link in enumerate(links)}
    held = [[place[link] for link in loop] for loop in loops]
    starts = np.cumsum([0, *map(len, held)])
    columns = np.array([number for loop in held for number in loop], dtype=int)
    holds = csr_matrix((np.ones(len(columns)), columns, starts), shape=(len(loops), len(links)))
    scores = np.array(list(links.values())).reshape(len(links), -1)
    still = scores == 0
    logarithm = holds @ np.log(np.abs(np.where(still, 1.0, scores)))
    sign = 1.0 - 2.0 * ((holds @ (scores < 0).astype(float)) % 2)
    stopped = (holds @ still.astype(float)) > 0
    logarithm[stopped], sign[stopped] = -np.inf, 0.0
    return Scores(logarithm.reshape(len(loops), *shape), sign.reshape(len(loops), *shape))


def relative_scores(scores: Scores, partition: np.ndarray) -> np.ndarray:
    """Each loop's score over the sum of the sizes of the scores in its partition.

    Parameters
    ----------
    scores : Scores
    partition : array of int, shape (loops,)

    Returns
    -------
    array, shape (loops, ..., times)
        0 where nothing changes in the partition.
    """
    found = np.zeros(scores.sign.shape)
    for number in np.unique(partition):
        here = partition == number
        logarithm = scores.logarithm[here]
        largest = logarithm.max(axis=0)
        moves = np.isfinite(largest)
        sizes = np.exp(logarithm - np.where(moves, largest, 0.0))
        found[here] = scores.sign[here] * sizes / np.where(moves, sizes.sum(axis=0), 1.0)
    return found


def dominant_sets(relative: np.ndarray, partition: np.ndarray) -> np.ndarray:
    """Whether a loop is of the fewest that, with one sign, make half of the change in their partition.

    Parameters
    ----------
    relative : array, shape (loops, ..., times)
    partition : array of int, shape (loops,)

    Returns
    -------
    array of bool, shape (loops, ..., times)

    Examples
    --------
    >>> dominant_sets(np.array([[0.4], [-0.35], [0.25]]), np.array([1, 1, 1])).T
    array([[ True, False,  True]])
    """
    found = np.zeros(relative.shape, dtype=bool)
    for number in np.unique(partition):
        here = partition == number
        shares = relative[here]
        side = np.where(shares.sum(axis=0) >= 0, 1.0, -1.0)
        mine = np.maximum(shares * side, 0.0)
        order = np.argsort(-mine, axis=0, kind="stable")
        ranked = np.take_along_axis(mine, order, axis=0)
        before = np.cumsum(ranked, axis=0) - ranked
        chosen = np.zeros(mine.shape, dtype=bool)
        np.put_along_axis(chosen, order, (before < HALF) & (ranked > 0), axis=0)
        found[here] = chosen
    return found


@dataclass(frozen=True)
class Period:
    """A stretch of steps with one dominant set.

    Attributes
    ----------
    partition : int
    first, last : int
        Rows; the change goes from row `first` - 1 to row `last`.
    loops : tuple of int
        Places of the loops; empty when nothing changes in the partition.
    polarity : str
        ``R`` or ``B``; empty when nothing changes.
    share : float
        Mean over the steps of the sizes of the loops' relative scores together.
    brief : bool
        Shorter than two steps and between equal sets.
    """

    partition: int
    first: int
    last: int
    loops: tuple[int, ...]
    polarity: str
    share: float
    brief: bool


def periods(relative: np.ndarray, dominant: np.ndarray, partition: np.ndarray) -> list[Period]:
    """The dominant sets of one run, equal neighbours merged.

    Parameters
    ----------
    relative, dominant : array, shape (loops, times)
        The first row is no change and is left out.
    partition : array of int, shape (loops,)
    """
    found: list[Period] = []
    rows = relative.shape[1]
    for number in np.unique(partition):
        members = np.flatnonzero(partition == number)
        sets = dominant[members] * np.sign(relative[members])
        starts = [1, *(np.flatnonzero((sets[:, 2:] != sets[:, 1:-1]).any(axis=0)) + 2)] if rows > 1 else []
        mine: list[Period] = []
        for first, following in zip(starts, [*starts[1:], rows], strict=True):
            loops = members[sets[:, first] != 0]
            part = relative[loops, first:following]
            share = float(np.abs(part).sum(axis=0).mean()) if len(loops) else 0.0
            polarity = ("R" if part.sum() > 0 else "B") if len(loops) else ""
            own = tuple(int(loop) for loop in loops)
            mine.append(Period(int(number), int(first), int(following) - 1, own, polarity, share, False))
        for place in range(1, len(mine) - 1):
            one = mine[place]
            between = mine[place - 1].loops == mine[place + 1].loops
            if between and one.last - one.first + 1 < SHORT:
                mine[place] = Period(
                    one.partition, one.first, one.last, one.loops, one.polarity, one.share, True
                )
        found += mine
    return found
