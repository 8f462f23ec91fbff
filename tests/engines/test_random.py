"""The random numbers of models."""

from __future__ import annotations

import numpy as np
import pytest

from sdtheory.engines.random import philox, uniform

# known answers of the authors' own tests (Random123, kat_vectors, philox4x32 with 10 rounds)
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text):
    return [int(word, 16) for word in text.split()]


@pytest.mark.parametrize("counter, key, expected", KNOWN)
def test_philox_gives_the_published_words(counter, key, expected):
    first, second = words(key)
    got = philox(tuple(np.array([word], dtype=np.uint64) for word in words(counter)), (first, second))
    assert [int(word[0]) for word in got] == words(expected)


def test_numbers_are_uniform_and_unrelated():
    drawn = np.concatenate([uniform(7, np.arange(1000), step, 2) for step in range(100)])
    n = len(drawn)
    assert abs(drawn.mean() - 0.5) < 4 / np.sqrt(12 * n)
    assert abs(drawn.var() - 1 / 12) < 4 * np.sqrt(1 / 180 / n)
    neighbours = np.corrcoef(drawn[:-1], drawn[1:])[0, 1]
    assert abs(neighbours) < 4 / np.sqrt(n)


def test_seed_run_step_and_site_each_change_the_number():
    runs = np.arange(2)
    base = uniform(0, runs, 0, 0)
    assert base[0] != base[1]
    for other in (
        uniform(1, runs, 0, 0),
        uniform(2**32, runs, 0, 0),
        uniform(0, runs, 1, 0),
        uniform(0, runs, 0, 1),
    ):
        assert (other != base).all()
