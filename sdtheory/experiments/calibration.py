"""Calibration: parameters that make a model follow data, with intervals, and those that data cannot tell."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sdtheory.errors import UsageError
from sdtheory.experiments.fitting import Fit, Profile, non_identifiable, profile
from sdtheory.experiments.measurement import ranged
from sdtheory.experiments.observations import read_observations
from sdtheory.experiments.plain import plain, records
from sdtheory.experiments.saved import save_result
from sdtheory.experiments.uncertainty import unit_points
from sdtheory.model.model import Model
from sdtheory.names import unknown

METHODS = ("least_squares",)
SAME = 1e-3  # relative to the lowest cost: starts that end so near to it have found the same


@dataclass(frozen=True)
class Calibration:
    """Parameters fitted to data.

    Attributes
    ----------
    parameters : pandas.DataFrame
        One row for each: parameter, estimate, low and high (95 %, profile likelihood; NaN where the profile
        reaches the end of the range), open (``""``, ``low``, ``high``, ``both``), identifiable.
    correlation : pandas.DataFrame
        Of the estimates.
    fit : pandas.DataFrame
        Per series: observations, R2, RMSE, and Theil's shares of the mean squared error: bias, variance,
        covariance.
    fitted : pandas.DataFrame
        Columns variable, time, observed, simulated.
    starts : pandas.DataFrame
        The cost that each start ended at, the lowest first, and its estimates.
    reasons : mapping of parameter to str
        Why a parameter is not identifiable.
    cost : float
        Sum of squared scaled residuals.
    runs, not_finite : int
        Runs that were made, and those that gave no finite numbers.
    seed : int
    """

    parameters: pd.DataFrame
    correlation: pd.DataFrame
    fit: pd.DataFrame
    fitted: pd.DataFrame
    starts: pd.DataFrame
    reasons: Mapping[str, str]
    cost: float
    runs: int
    not_finite: int
    seed: int

    @property
    def estimates(self) -> dict[str, float]:
        """The estimates by name, as `simulate` takes them."""
        return dict(zip(self.parameters["parameter"], self.parameters["estimate"], strict=True))

    @property
    def agreeing(self) -> int:
        """How many starts ended at the lowest cost."""
        return int((self.starts["cost"] <= self.cost * (1 + SAME) + 1e-12).sum())

    def table(self) -> pd.DataFrame:
        """One row for each parameter."""
        return self.parameters

    def to_dict(self) -> dict:
        """The result as plain values: what ``--json`` prints."""
        return plain(
            {
                "parameters": records(self.parameters),
                "not_identifiable": dict(self.reasons),
                "correlation": {name: dict(row) for name, row in self.correlation.iterrows()},
                "fit": records(self.fit),
                "starts": records(self.starts),
                "starts_agreeing": self.agreeing,
                "cost": self.cost,
                "runs": self.runs,
                "not_finite": self.not_finite,
                "seed": self.seed,
            }
        )

    def plot(self) -> Any:
        """Data and fitted model over time, a panel for each series; a matplotlib Figure."""
        from sdtheory.diagrams.analysis import fit_figure

        notes = [f"'{name}' is not identifiable" for name in self.reasons]
        return fit_figure(
            self.fitted, "; ".join([f"{self.agreeing} of {len(self.starts)} starts agree", *notes])
        )

    def save(self, folder: str | Path) -> None:
        """Write result.json, tables and figures into a folder."""
        names = ("parameters", "correlation", "fit", "fitted", "starts")
        tables = {name: getattr(self, name) for name in names}
        save_result(folder, self.to_dict(), tables, {"fit": self.plot()})


def calibrate(
    model: Model,
    data: str | Path | pd.DataFrame,
    parameters: Mapping[str, tuple[float, float]],
    *,
    weights: Mapping[str, float] | None = None,
    errors: Mapping[str, float] | None = None,
    method: str = "least_squares",
    starts: int = 16,
    seed: int = 1,
    jobs: int | None = None,
    say: Callable[[str], None] | None = None,
) -> Calibration:
    """Fit constants and initial values to data.

    Least squares (scipy's trust region) from several starts, over parameters scaled to their ranges: by
    logarithm where the range spans a factor of ten or more above 0. Residuals are scaled by the range of each
    series, or by its errors.

    Parameters
    ----------
    model : Model
    data : path or pandas.DataFrame
        A column ``time`` and one for each observed variable; empty cells are no observations.
    parameters : mapping of name to (low, high)
    weights : mapping of variable to float, optional
        Multiply the residuals of a series.
    errors : mapping of variable to float, optional
        Standard deviation of the observations of a series. When every series has one, intervals rest on
        them; otherwise on the residuals.
    method : str
        ``least_squares``.
    starts : int
        How many of the best points of a Sobol sample to start from.
    seed, jobs : int
    say : callable, optional
        Called with one line before the runs begin.

    Returns
    -------
    Calibration

    Raises
    ------
    UnknownName, ExperimentError, UsageError

    Examples
    --------
    >>> import sdtheory as sd
    >>> model = sd.load("models/m0_seed.xmile")
    >>> run = sd.simulate(model, {"initial capability growth": 2.0}, outputs=["capability"]).iloc[::40]
    >>> found = calibrate(model, run.reset_index(), {"initial capability growth": (0.5, 4.0)}, starts=2)
    >>> round(found.estimates["initial capability growth"], 4)
    2.0
    """
    if method not in METHODS:
        raise unknown("method", method, METHODS)
    if starts < 1:
        raise UsageError(f"{starts} starts", remedy="give 1 or more")
    if not parameters:
        raise UsageError("no parameter is given", remedy="name a constant with its low and high")
    spans = {
        ranged(model, "parameter", name, *span): (float(span[0]), float(span[1]))
        for name, span in parameters.items()
    }
    observations = read_observations(model, data, weights or {}, errors or {}, len(spans))
    if say is not None:
        say(f"{len(observations.values)} observations, {len(spans)} parameters, {starts} starts")
    fit = Fit(model, observations, spans, jobs)
    tried = unit_points("sobol", 1 << (8 * starts - 1).bit_length(), len(spans), seed)
    costs = fit.costs(tried)
    ends = [fit.solve(point) for point in tried[np.argsort(costs, kind="stable")[:starts]]]
    ends.sort(key=lambda end: end.cost)
    best = ends[0]
    reasons = non_identifiable(best, list(spans))
    profiles = []
    for place, name in enumerate(spans):
        found = Profile(None, None) if name in reasons else profile(fit, best, place)
        if found.low is None and found.high is None and name not in reasons:
            reasons[name] = "the fit hardly changes over its whole range"
        profiles.append(found)
    return Calibration(
        parameters=_parameters(fit, best.point, profiles, reasons),
        correlation=_correlation(best.jacobian, list(spans), reasons),
        fit=observations.statistics(best.simulated),
        fitted=observations.table(best.simulated),
        starts=pd.DataFrame(
            [[end.cost, *fit.settings(end.point)[0]] for end in ends], columns=["cost", *spans]
        ),
        reasons=reasons,
        cost=best.cost,
        runs=fit.runs,
        not_finite=fit.not_finite,
        seed=seed,
    )


def _parameters(
    fit: Fit, point: np.ndarray, profiles: list[Profile], reasons: Mapping[str, str]
) -> pd.DataFrame:
    estimates = fit.settings(point)[0]
    rows = []
    for place, (name, found) in enumerate(zip(fit.spans, profiles, strict=True)):
        ends = {}
        for side in ("low", "high"):
            bound = getattr(found, side)
            ends[side] = math.nan
            if bound is not None:
                moved = point.copy()
                moved[place] = bound
                ends[side] = float(fit.settings(moved)[0][place])
        missing = [side for side in ("low", "high") if math.isnan(ends[side])]
        rows.append(
            {
                "parameter": name,
                "estimate": float(estimates[place]),
                **ends,
                "open": "both" if len(missing) == 2 else "".join(missing),
                "identifiable": name not in reasons,
            }
        )
    return pd.DataFrame(rows)


def _correlation(jacobian: np.ndarray, names: list[str], reasons: Mapping[str, str]) -> pd.DataFrame:
    """Of the estimates, from the curvature at the best point; NaN for what is not identifiable."""
    matrix = np.full((len(names), len(names)), np.nan)
    kept = [place for place, name in enumerate(names) if name not in reasons]
    if kept:
        own = jacobian[:, kept]
        spread = np.linalg.pinv(own.T @ own)
        scale = np.sqrt(np.diag(spread))
        matrix[np.ix_(kept, kept)] = spread / np.outer(scale, scale)
    return pd.DataFrame(matrix, index=names, columns=names)
