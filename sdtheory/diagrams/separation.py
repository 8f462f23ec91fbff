"""Moving rectangles apart, as little as it takes, until none lies on another."""

from __future__ import annotations

import numpy as np

ROUNDS = 400


def overlaps(where: np.ndarray, halves: np.ndarray, margin: float = 0.0) -> np.ndarray:
    """Which rectangles come nearer than a margin to which, as a matrix of bool with an empty diagonal."""
    reach = halves[:, None] + halves[None] + margin
    near = (np.abs(where[:, None] - where[None]) < reach - 1e-6).all(axis=-1)
    np.fill_diagonal(near, False)
    return near


def separated(where: np.ndarray, halves: np.ndarray, free: np.ndarray, margin: float) -> np.ndarray:
    """Positions at which no two rectangles come nearer than a margin.

    Parameters
    ----------
    where, halves : array, shape (n, 2)
        Centres and half sizes.
    free : array of bool, shape (n,)
        What may move; two that may not are left as they are.
    margin : float

    Returns
    -------
    array, shape (n, 2)

    Examples
    --------
    >>> boxes = np.array([[0.0, 0.0], [3.0, 1.0]]), np.array([[2.0, 2.0], [2.0, 2.0]])
    >>> separated(*boxes, np.array([False, True]), 1.0).tolist()
    [[0.0, 0.0], [5.0, 1.0]]
    """
    place = where.copy()
    for _ in range(ROUNDS):
        pairs = np.argwhere(np.triu(overlaps(place, halves, margin)))
        pairs = pairs[free[pairs[:, 0]] | free[pairs[:, 1]]]
        if not len(pairs):
            return place
        for i, j in pairs:
            over = halves[i] + halves[j] + margin - np.abs(place[i] - place[j])
            if (over <= 0).any():
                continue  # an earlier push of this round parted them
            axis = int(over[1] < over[0])
            push = over[axis] * (1 if place[i, axis] > place[j, axis] else -1)
            share = 0.5 if free[i] and free[j] else 1.0
            place[i, axis] += push * share * free[i]
            place[j, axis] -= push * share * free[j]
    return _outward(place, halves, free, margin)


def _outward(place: np.ndarray, halves: np.ndarray, free: np.ndarray, margin: float) -> np.ndarray:
    """Move each rectangle that still lies on another away from the middle until it lies on none."""
    middle = place.mean(axis=0)
    for i in np.flatnonzero(free):
        others = np.arange(len(place)) != i
        away = place[i] - middle
        away = away / np.hypot(*away) if away.any() else np.array([0.0, 1.0])
        reach = halves[others] + halves[i] + margin
        while (np.abs(place[others] - place[i]) < reach - 1e-6).all(axis=1).any():
            place[i] += 4 * away
    return place
