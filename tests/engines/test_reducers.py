"""Reducers: one number in place of a series."""

from __future__ import annotations

import numpy as np
import pytest

from sdtheory.engines.reducers import REDUCTIONS, Reducer, reduced
from sdtheory.errors import UsageError

TIMES = np.array([10.0, 12.0, 14.0, 16.0])


def of(kind, series, level=None):
    return float(reduced(Reducer(kind, "x", level), TIMES[: len(series)], np.array([series], dtype=float))[0])


@pytest.mark.parametrize(
    "kind, expected",
    [("final", 3.0), ("mean", 2.75), ("minimum", 1.0), ("maximum", 5.0), ("time_of_minimum", 10.0),
     ("time_of_maximum", 12.0), ("integral", 18.0)],
)  # fmt: skip
def test_each_kind_is_what_its_name_says(kind, expected):
    assert of(kind, [1, 5, 2, 3]) == expected


@pytest.mark.parametrize("kind", [kind for kind in REDUCTIONS if kind != "first_crossing"])
def test_a_value_that_is_missing_makes_the_result_missing(kind):
    assert np.isnan(of(kind, [1, 5, 2, np.nan]))


def test_the_first_of_equal_extremes_counts():
    assert of("time_of_maximum", [1, 5, 5, 0]) == 12.0
    assert of("time_of_minimum", [3, 1, 5, 1]) == 12.0


@pytest.mark.parametrize(
    "series, expected",
    [([0, 1, 3, 9], 13.0), ([4, 3, 1, 0], 13.0), ([2, 0, 0, 0], 10.0), ([0, 2, 0, 2], 12.0),
     ([0, 1, 1, 1], np.nan), ([5, 5, 5, 5], np.nan), ([1, 3, np.nan, np.nan], 11.0),
     ([1, np.nan, np.nan, np.nan], np.nan)],
)  # fmt: skip
def test_a_level_is_crossed_between_rows_from_either_side(series, expected):
    np.testing.assert_equal(of("first_crossing", series, 2.0), expected)


def test_a_single_row_has_no_area():
    assert of("integral", [7]) == 0.0
    assert of("mean", [7]) == 7.0


@pytest.mark.parametrize(
    "kind, level, message",
    [("median", None, "unknown reducer 'median'; one of final, "),
     ("first_crossing", None, "'first_crossing' of 'x' has no level"),
     ("mean", 1.0, "'mean' of 'x' takes no level")],
)  # fmt: skip
def test_a_reducer_that_makes_no_sense_is_refused(kind, level, message):
    with pytest.raises(UsageError, match=message):
        Reducer(kind, "x", level)
