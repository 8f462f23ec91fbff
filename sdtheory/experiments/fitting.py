"""Least squares over a model's runs, profiles of the cost, and what data cannot tell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from sdtheory.engines.settings import with_settings
from sdtheory.engines.simulate import lasting_engine, simulate_many
from sdtheory.errors import ExperimentError, SimulationError
from sdtheory.experiments.observations import Observations
from sdtheory.model.expression import Number
from sdtheory.model.model import Model

MANY = 20_000  # runs that a calibration may need, by which the engine is chosen
STEP = 1e-5  # of central differences, in the unit cube
LOG_FROM = 10.0  # a range that spans so large a factor is searched by its logarithm
FAR = 1e6  # residual of a run without numbers
FLAT = 1e-6  # singular values below this share of the largest are none


@dataclass(frozen=True)
class End:
    """Where a search ended.

    Attributes
    ----------
    point : array, shape (parameters,)
        In the unit cube.
    cost : float
        Sum of squared residuals.
    jacobian : array, shape (observations, parameters)
        Of the residuals by the point; empty when a coordinate was held.
    simulated : array, shape (observations,)
        Empty when a coordinate was held.
    """

    point: np.ndarray
    cost: float
    jacobian: np.ndarray = field(default_factory=lambda: np.empty(0))
    simulated: np.ndarray = field(default_factory=lambda: np.empty(0))


@dataclass(frozen=True)
class Profile:
    """The ends of an interval in the unit cube; None where the profile reaches the end of the range."""

    low: float | None
    high: float | None


class Fit:
    """The residuals of a model as functions of points of the unit cube.

    Parameters
    ----------
    model : Model
    observations : Observations
    spans : mapping of parameter to (low, high)
    jobs : int, optional
    """

    def __init__(
        self,
        model: Model,
        observations: Observations,
        spans: Mapping[str, tuple[float, float]],
        jobs: int | None,
    ):
        step = model.settings.time_step
        self.model = with_settings(
            model, {"save_every": step.value} if isinstance(step, Number) else {}, None
        )
        self.observations, self.spans, self.jobs = observations, dict(spans), jobs
        low, high = np.array(list(spans.values())).T
        self.by_logarithm = (low > 0) & (high >= LOG_FROM * np.where(low > 0, low, np.inf))
        self.low = np.where(self.by_logarithm, np.log(np.where(low > 0, low, 1)), low)
        self.high = np.where(self.by_logarithm, np.log(np.where(high > 0, high, 1)), high)
        some = pd.DataFrame(self.settings(np.full((MANY, len(spans)), 0.5)), columns=list(spans))
        self.engine = lasting_engine(self.model, some, observations.variables)
        self.runs = self.not_finite = 0

    def settings(self, points: np.ndarray) -> np.ndarray:
        """Parameters at points of the unit cube, shape (points, parameters)."""
        scaled = self.low + np.atleast_2d(points) * (self.high - self.low)
        return np.where(self.by_logarithm, np.exp(np.where(self.by_logarithm, scaled, 0)), scaled)

    def simulated(self, points: np.ndarray) -> np.ndarray:
        """The model at the observed times, shape (points, observations).

        Raises
        ------
        ExperimentError
            When an observation lies outside the run.
        """
        frame = pd.DataFrame(self.settings(points), columns=list(self.spans))
        observed = self.observations
        data = simulate_many(
            self.model, frame, outputs=observed.variables, engine=self.engine, jobs=self.jobs
        )
        times = data["time"].to_numpy()
        slack = 1e-9 * max(abs(times[-1]), 1.0)
        outside = (observed.times < times[0] - slack) | (observed.times > times[-1] + slack)
        if outside.any():
            moment = observed.times[outside][0]
            raise ExperimentError(
                f"an observation at time {moment:g} lies outside the run, {times[0]:g} to {times[-1]:g}"
            )
        right = np.clip(np.searchsorted(times, observed.times), 1, len(times) - 1)
        share = np.clip((observed.times - times[right - 1]) / (times[right] - times[right - 1]), 0, 1)
        runs = np.stack([data[name].to_numpy() for name in observed.variables])
        before, after = runs[observed.series, :, right - 1], runs[observed.series, :, right]
        found = (before * (1 - share[:, None]) + after * share[:, None]).T
        self.runs += len(frame)
        self.not_finite += int((~np.isfinite(found)).any(axis=1).sum())
        return found

    def residuals(self, points: np.ndarray) -> np.ndarray:
        """Shape (points, observations); large where there is no number."""
        try:
            found = self.observations.residuals(self.simulated(points))
        except SimulationError:
            self.not_finite += len(np.atleast_2d(points))
            return np.full((len(np.atleast_2d(points)), len(self.observations.values)), FAR)
        return np.where(np.isfinite(found), np.clip(found, -FAR, FAR), FAR)

    def costs(self, points: np.ndarray) -> np.ndarray:
        """Sums of squared residuals, shape (points,)."""
        return (self.residuals(points) ** 2).sum(axis=1)

    def around(self, point: np.ndarray, free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Residuals at a point, and their jacobian by the free coordinates: one batch of runs.

        Returns
        -------
        residuals : array, shape (observations,)
        jacobian : array, shape (observations, free)
            By central differences.
        """
        low, high = (np.clip(point[free] + side * STEP, 0, 1) for side in (-1, 1))
        moved = np.repeat(point[None], 2 * len(free) + 1, axis=0)
        place = np.arange(len(free))
        moved[1 + place, free], moved[1 + len(free) + place, free] = low, high
        values = self.residuals(moved)
        before, after = values[1 : 1 + len(free)], values[1 + len(free) :]
        return values[0], ((after - before) / (high - low)[:, None]).T

    def solve(self, start: np.ndarray, held: int | None = None) -> End:
        """The least squares from a start, with one coordinate held where it is when `held` names it."""
        from scipy.optimize import least_squares

        free = np.array([place for place in range(len(start)) if place != held], dtype=int)
        point = np.array(start, dtype=float)
        jacobians: dict[bytes, np.ndarray] = {}

        def residuals(part: np.ndarray) -> np.ndarray:
            full = point.copy()
            full[free] = part
            found, jacobian = self.around(full, free)
            jacobians.clear()
            jacobians[part.tobytes()] = jacobian
            return found

        def jacobian(part: np.ndarray) -> np.ndarray:
            if part.tobytes() not in jacobians:
                residuals(part)
            return jacobians[part.tobytes()]

        if len(free):
            tolerance = 1e-12 if held is None else 1e-9
            found = least_squares(
                residuals,
                np.clip(point[free], 1e-9, 1 - 1e-9),
                jac=jacobian,
                bounds=(0.0, 1.0),
                x_scale="jac",
                ftol=tolerance,
                xtol=tolerance,
                gtol=1e-14,
                max_nfev=100,
            )
            point[free] = found.x
            if held is not None:
                return End(point, float(2 * found.cost))
        elif held is not None:
            return End(point, float(self.costs(point)[0]))
        simulated = self.simulated(point)[0]
        left = self.observations.residuals(simulated)
        cost = float((left**2).sum()) if np.isfinite(left).all() else math.inf
        return End(point, cost, self.around(point, np.arange(len(point)))[1], simulated)


def non_identifiable(end: End, names: list[str]) -> dict[str, str]:
    """Parameters that the data cannot tell at all, with the reason: the curvature of the cost vanishes.

    A parameter that changes no residual, or parameters whose changes make up for each other.
    """
    lengths = np.linalg.norm(end.jacobian, axis=0)
    largest = lengths.max(initial=0.0)
    idle = lengths <= 1e-9 * largest
    found = {name: "it changes no observed variable" for name, none in zip(names, idle, strict=True) if none}
    kept = np.flatnonzero(~idle)
    if len(kept) < 2:
        return found
    _, sizes, rows = np.linalg.svd(end.jacobian[:, kept] / lengths[kept], full_matrices=False)
    for direction in rows[sizes <= FLAT * sizes[0]]:
        together = kept[np.abs(direction) > 0.05 * np.abs(direction).max()]
        for place in together:
            others = ", ".join(f"'{names[other]}'" for other in together if other != place)
            found[names[place]] = f"changes of it and of {others} make up for each other"
    return found


def profile(fit: Fit, best: End, place: int) -> Profile:
    """The 95 % interval of one parameter: where the cost, least over the others, passes its threshold.

    With known errors the cost may rise by 3.84 (chi-squared, one degree of freedom); otherwise by the factor
    1 + F / (n - p) with F the 95 % point of Fisher's distribution with 1 and n - p degrees.
    """
    from scipy.stats import chi2, f

    left = len(fit.observations.values) - len(best.point)
    if fit.observations.known_errors:
        limit, variance = best.cost + chi2.ppf(0.95, 1), 1.0
    else:
        variance = max(best.cost, 1e-24) / left
        limit = best.cost + variance * f.ppf(0.95, 1, left)
    spread = np.linalg.pinv(best.jacobian.T @ best.jacobian)[place, place] * variance
    reach = float(np.clip(1.96 * math.sqrt(max(spread, 0.0)), 1e-12, 0.25))
    return Profile(*(_side(fit, best, place, sign, reach, float(limit)) for sign in (-1.0, 1.0)))


def _side(fit: Fit, best: End, place: int, sign: float, reach: float, limit: float) -> float | None:
    """Where the profile passes the limit on one side, or None."""
    from scipy.optimize import brentq

    start = float(best.point[place])
    end = 0.0 if sign < 0 else 1.0
    seen = {start: (best.point, best.cost)}

    def excess(at: float) -> float:
        if at not in seen:
            nearest = min(seen, key=lambda known: abs(known - at))
            point = seen[nearest][0].copy()
            point[place] = at
            found = fit.solve(point, held=place)
            seen[at] = (found.point, found.cost)
        # the root of the rise is nearly straight, so that few steps find where it passes
        return math.sqrt(max(seen[at][1] - best.cost, 0.0)) - math.sqrt(limit - best.cost)

    inner = start
    while inner != end:
        outer = min(start + reach, end) if sign > 0 else max(start - reach, end)
        if excess(outer) > 0:
            return float(brentq(excess, inner, outer, xtol=1e-3 * abs(outer - start) + 1e-15))
        inner, reach = outer, 2 * reach
    return None
