"""The grid of a run."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdtheory.engines.clock import clock
from sdtheory.errors import LimitError, SDWarning, SimulationError


@given(
    start=st.integers(-50, 50),
    steps=st.integers(0, 500),
    halvings=st.integers(0, 6),
    stride=st.integers(1, 20),
)
def test_rows_lie_on_whole_multiples_of_the_saving_interval_from_the_start(start, steps, halvings, stride):
    step = 0.5**halvings
    grid = clock(start, start + steps * step, step, stride * step)
    assert grid.steps == steps
    np.testing.assert_array_equal(grid.saved, start + np.arange(0, steps + 1, stride) * step)


def test_a_tenth_is_a_time_step_that_reaches_the_stop():
    grid = clock(0.0, 30.0, 0.1, 0.3)
    assert grid.steps == 300 and grid.stride == 3 and len(grid.saved) == 101


def test_saving_between_steps_is_an_error_that_names_the_nearest_multiples():
    with pytest.raises(SimulationError) as caught:
        clock(0.0, 10.0, 0.125, 0.3)
    assert str(caught.value) == "SAVEPER 0.3 is not a multiple of TIME STEP 0.125; nearest: 0.25 or 0.375"


def test_saving_more_often_than_a_step_is_an_error():
    with pytest.raises(SimulationError, match=r"SAVEPER 0.5 is not a multiple of TIME STEP 1; nearest: 1$"):
        clock(0.0, 10.0, 1.0, 0.5)


@pytest.mark.parametrize("step", [0.0, -1.0, float("nan"), float("inf")])
def test_a_time_step_that_makes_no_grid_is_an_error(step):
    with pytest.raises(SimulationError, match="TIME STEP"):
        clock(0.0, 10.0, step, 1.0)


def test_a_stop_before_the_start_is_an_error():
    with pytest.raises(SimulationError, match="FINAL TIME 1 lies before INITIAL TIME 2"):
        clock(2.0, 1.0, 1.0, 1.0)


def test_too_many_steps_are_an_error_that_states_the_limit():
    with pytest.raises(LimitError, match="10,000,000"):
        clock(0.0, 1e12, 1.0, 1.0)


def test_a_stop_between_steps_ends_at_the_last_full_step_and_says_so():
    with pytest.warns(SDWarning, match="the run ends at 10$"):
        assert clock(0.0, 10.3, 0.5, 0.5).saved[-1] == 10.0
