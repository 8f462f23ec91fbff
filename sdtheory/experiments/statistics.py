"""Intervals of shares and of means: Wilson's, and the bootstrap of whole futures."""

from __future__ import annotations

import math

import numpy as np

RESAMPLES = 2000
Z95 = 1.959963984540054
DRAWS = 2**22  # futures drawn at a time, over all resamples in hand
ROWS, COLUMNS = 64, 128  # resamples and means worked out at a time
PRODUCT = 2**18  # multiplications at a time: few enough for a matrix library not to wake its own threads
DIGITS = 52  # binary digits of a sum that a float holds exactly


def wilson(count: float, total: int) -> tuple[float, float]:
    """Wilson's 95 % interval for a share (Wilson 1927, JASA 22:209).

    Examples
    --------
    >>> low, high = wilson(50, 100)
    >>> round(low, 3), round(high, 3)
    (0.404, 0.596)
    """
    if total == 0:
        return math.nan, math.nan
    p, z2 = count / total, Z95**2
    centre = (p + z2 / (2 * total)) / (1 + z2 / total)
    half = Z95 * math.sqrt(p * (1 - p) / total + z2 / (4 * total**2)) / (1 + z2 / total)
    return max(0.0, centre - half), min(1.0, centre + half)


def bootstrap_intervals(
    values: np.ndarray, seed: int, *, resamples: int = RESAMPLES, draws: int = DRAWS
) -> tuple[np.ndarray, np.ndarray]:
    """The 95 % percentile bootstrap interval of each column's mean (Efron 1979, Annals of Statistics 7:1).

    Rows, which are futures, are resampled whole: every column meets the same resamples, and what is paired
    stays paired. Missing values are left out of a resample's mean.

    Parameters
    ----------
    values : array, shape (futures, columns)
        NaN where there is none.
    seed : int
    resamples : int
    draws : int
        Futures drawn at a time: how much memory is taken. The interval does not depend on it.

    Returns
    -------
    low, high : arrays of shape (columns,)
        NaN for a column with fewer than two values: one future says nothing of how futures differ.

    Examples
    --------
    >>> low, high = bootstrap_intervals(np.array([[1.0], [2.0], [3.0]]), seed=1)
    >>> bool(1 <= low[0] < 2 < high[0] <= 3)
    True
    """
    low, high = np.full(values.shape[1], np.nan), np.full(values.shape[1], np.nan)
    for first in range(0, values.shape[1], COLUMNS):
        chosen = slice(first, first + COLUMNS)
        means = _resampled_means(values[:, chosen], seed, resamples, draws)
        some = np.isfinite(values[:, chosen]).sum(axis=0) > 1
        if some.any():
            low[chosen][some], high[chosen][some] = np.nanquantile(means[:, some], [0.025, 0.975], axis=0)
    return low, high


def _resampled_means(values: np.ndarray, seed: int, resamples: int, draws: int) -> np.ndarray:
    """Means of the resamples, shape (resamples, columns)."""
    futures = len(values)
    valid = np.isfinite(values)
    whole, scale = _whole(np.where(valid, values, 0.0))
    kinds: dict[bytes, int] = {}
    pattern = [kinds.setdefault(column.tobytes(), len(kinds)) for column in np.packbits(valid, axis=0).T]
    patterns = valid[:, [pattern.index(kind) for kind in kinds.values()]]
    gaps = ~patterns.all(axis=0)
    present = patterns[:, gaps].astype(float)
    totals = np.empty((resamples, values.shape[1]))
    counts = np.full((resamples, patterns.shape[1]), float(futures))
    generator = np.random.default_rng(seed)
    rows = min(max(draws // futures, 1), ROWS)
    for first in range(0, resamples, rows):
        last = min(first + rows, resamples)
        drawn = generator.integers(futures, size=(last - first, futures))
        drawn += futures * np.arange(last - first)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape).astype(float)
        totals[first:last] = _product(weights, whole)
        counts[first:last, gaps] = _product(weights, present)
    with np.errstate(invalid="ignore", divide="ignore"):
        return totals * scale / counts[:, pattern]


def _product(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The matrix product of whole numbers, piece by piece."""
    total = np.zeros((len(weights), values.shape[1]))
    size = max(PRODUCT // max(total.size, 1), 1)
    for first in range(0, len(values), size):
        total += weights[:, first : first + size] @ values[first : first + size]
    return total


def _whole(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values as whole multiples of a power of two for each column.

    They are so few digits long that sums of resampled ones are exact, and do not depend on the order in which
    a processor adds them up; what is rounded off is far below what a resample's mean is uncertain by.
    """
    digits = DIGITS - math.ceil(math.log2(max(len(values), 2)))
    _, exponents = np.frexp(np.abs(values).max(axis=0, initial=0.0))
    scale = np.ldexp(1.0, np.maximum(exponents - digits, -1074))
    return np.rint(values / scale), scale
