"""The grid of a run: which moments are computed and which are kept."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np

from sdtheory.errors import LimitError, SDWarning, SimulationError
from sdtheory.model.printing import number_text

MOST_STEPS = 10_000_000
SLACK = 1e-6  # of a step: how far from the grid a time may lie and still be on it


@dataclass(frozen=True)
class Clock:
    """The grid of a run: `steps` steps of `time_step` from `start`, every `stride`-th moment kept."""

    start: float
    time_step: float
    steps: int
    stride: int

    @property
    def saved(self) -> np.ndarray:
        """Times of the saved rows."""
        return self.start + np.arange(0, self.steps + 1, self.stride) * self.time_step


def clock(start: float, stop: float, time_step: float, save_every: float) -> Clock:
    """The grid for these settings.

    Raises
    ------
    SimulationError
        When the settings make no grid, or rows would be saved between steps.
    LimitError
        For more than ten million steps.

    Examples
    --------
    >>> clock(0.0, 2.0, 0.5, 1.0).saved
    array([0., 1., 2.])
    """
    if not all(map(math.isfinite, (start, stop, time_step, save_every))):
        raise SimulationError("INITIAL TIME, FINAL TIME, TIME STEP and SAVEPER must be finite numbers")
    if time_step <= 0:
        raise SimulationError(f"TIME STEP is {time_step:g}", remedy="give a number above 0")
    if stop < start:
        raise SimulationError(f"FINAL TIME {stop:g} lies before INITIAL TIME {start:g}")
    exact = (stop - start) / time_step
    if exact > MOST_STEPS:
        raise LimitError(f"{exact:,.0f} time steps; the limit is {MOST_STEPS:,}", remedy="raise TIME STEP")
    ratio = save_every / time_step
    stride = round(ratio)
    if stride < 1 or abs(ratio - stride) > SLACK * max(ratio, 1.0):
        low = max(math.floor(ratio), 1) * time_step
        near = [number_text(float(f"{value:.12g}")) for value in (low, low + time_step)]
        raise SimulationError(
            f"SAVEPER {number_text(save_every)} is not a multiple of TIME STEP {number_text(time_step)}",
            remedy=f"nearest: {' or '.join(near if ratio > 1 else near[:1])}",
        )
    steps = math.floor(exact + SLACK)
    if abs(exact - round(exact)) > SLACK:
        warnings.warn(
            f"FINAL TIME {stop:g} is no whole number of time steps after INITIAL TIME {start:g}; "
            f"the run ends at {number_text(start + steps * time_step)}",
            SDWarning,
            stacklevel=3,
        )
    return Clock(start, time_step, steps, stride)
