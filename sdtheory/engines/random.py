"""Random numbers that depend only on the seed, the run, the step and where the model asks for them.

Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011): Philox4x32-10.
"""

from __future__ import annotations

import numpy as np

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
WORD = 0xFFFFFFFF


def philox(counter: tuple[np.ndarray, ...], key: tuple[int, int]) -> tuple[np.ndarray, ...]:
    """Four random words for a counter and a key.

    Parameters
    ----------
    counter : four arrays of uint64, each below 2**32, of shapes that broadcast
    key : two integers below 2**32

    Returns
    -------
    tuple of four arrays of uint64, each below 2**32

    Examples
    --------
    >>> zero = np.zeros(1, dtype=np.uint64)
    >>> [f"{int(word[0]):08x}" for word in philox((zero, zero, zero, zero), (0, 0))]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    a, b, c, d = counter
    low, half = np.uint64(WORD), np.uint64(32)
    for turn in range(ROUNDS):
        keys = [np.uint64((key[i] + turn * KEY_STEPS[i]) & WORD) for i in range(2)]
        first, second = np.uint64(MULTIPLIERS[0]) * a, np.uint64(MULTIPLIERS[1]) * c
        a, b, c, d = (second >> half) ^ b ^ keys[0], second & low, (first >> half) ^ d ^ keys[1], first & low
    return a, b, c, d


def uniform(seed: int, runs: np.ndarray, step: int, site: int) -> np.ndarray:
    """A number between 0 and 1, neither included, for each run.

    Parameters
    ----------
    seed : int
        Of 64 bits.
    runs : array of int, shape (runs,)
        Numbers of the runs in the whole sample.
    step : int
        Number of the time step; 0 at the start.
    site : int
        Which of the model's random functions asks.

    Returns
    -------
    array, shape (runs,)
        (w + 1/2) / 2**52, with w the upper 52 bits of the first two words of `philox` for the counter
        (run, step, site, 0).

    Examples
    --------
    >>> uniform(1, np.arange(2), 0, 0).round(4)
    array([0.8903, 0.672 ])
    """
    first = np.asarray(runs).astype(np.uint64) & np.uint64(WORD)
    rest = (np.full_like(first, word & WORD) for word in (step, site, 0))
    high, low, _, _ = philox((first, *rest), (seed & WORD, seed >> 32 & WORD))
    bits = (high << np.uint64(32) | low) >> np.uint64(12)
    return (bits.astype(float) + 0.5) * 2.0**-52
