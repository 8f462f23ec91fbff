"""The grid of a run: which moments are computed and which are kept."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np

from sdtheory.errors import LimitError, SDWarning, SimulationError
from sdtheory.limits import Limits
from sdtheory.model.model import CONTROLS
from sdtheory.model.printing import number_text

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


def clock(
    start: float, stop: float, time_step: float, save_every: float, *, limits: Limits | None = None
) -> Clock:
    """The grid for these settings.

    Raises
    ------
    SimulationError
        When the settings make no grid, or rows would be saved between steps.
    LimitError
        For more steps than `limits` allows.

    Examples
    --------
    >>> clock(0.0, 2.0, 0.5, 1.0).saved
    array([0., 1., 2.])
    """
    for word, value in zip(CONTROLS, (start, stop, time_step, save_every), strict=True):
        if not math.isfinite(value):
            raise SimulationError(f"{word} is {value:g}", remedy="give a finite number")
    for word, value in zip(CONTROLS[2:], (time_step, save_every), strict=True):
        if value <= 0:
            raise SimulationError(f"{word} is {value:g}", remedy="give a number above 0")
    if stop < start:
        raise SimulationError(f"FINAL TIME {stop:g} lies before INITIAL TIME {start:g}")
    exact = (stop - start) / time_step
    most = (limits or Limits()).steps
    if exact > most:
        raise LimitError(
            f"{exact:,.0f} time steps; the limit is {most:,.0f}",
            remedy="raise limits=Limits(steps=...) or TIME STEP",
        )
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
