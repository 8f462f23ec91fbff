"""Observations of a model's variables over time, and how well a run follows them."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from sdtheory.documents import contents
from sdtheory.engines.simulate import output_label
from sdtheory.errors import DocumentError, ExperimentError, shown
from sdtheory.limits import Limits
from sdtheory.model.model import Model
from sdtheory.names import canonical, unknown


@dataclass(frozen=True)
class Observations:
    """Observed values, one after another, series by series.

    Attributes
    ----------
    variables : tuple of str
        The observed variables, as the model spells them.
    series : array of int, shape (observations,)
        The place of each one's variable.
    times, values, scales : arrays, shape (observations,)
        A residual is the difference over the scale.
    known_errors : bool
        The scales are standard deviations.
    """

    variables: tuple[str, ...]
    series: np.ndarray
    times: np.ndarray
    values: np.ndarray
    scales: np.ndarray
    known_errors: bool

    def residuals(self, simulated: np.ndarray) -> np.ndarray:
        """Scaled differences of runs at the observed times, shape (runs, observations)."""
        return (simulated - self.values) / self.scales

    def table(self, simulated: np.ndarray) -> pd.DataFrame:
        """Columns variable, time, observed, simulated."""
        names = np.array(self.variables, dtype=object)[self.series]
        return pd.DataFrame(
            {"variable": names, "time": self.times, "observed": self.values, "simulated": simulated}
        )

    def statistics(self, simulated: np.ndarray) -> pd.DataFrame:
        """Per series: observations, R2, RMSE, and Theil's shares of the mean squared error.

        Bias is the share due to unequal means, variance to unequal spread, covariance the rest, which is
        unsystematic (Theil 1966; Sterman 1984, Dynamica 10:51). They are NaN where there is no error.
        """
        rows = []
        for place, name in enumerate(self.variables):
            own = self.series == place
            rows.append(
                {"variable": name, "observations": int(own.sum()), **_theil(self.values[own], simulated[own])}
            )
        return pd.DataFrame(rows)


def _theil(observed: np.ndarray, simulated: np.ndarray) -> dict[str, float]:
    error = float(((simulated - observed) ** 2).mean())
    spread = float(observed.var())
    found = {"R2": 1 - error / spread if spread > 0 else math.nan, "RMSE": math.sqrt(error)}
    if error <= 1e-24 * max(float((observed**2).mean()), 1e-300):
        return {**found, "bias": math.nan, "variance": math.nan, "covariance": math.nan}
    bias = float(simulated.mean() - observed.mean()) ** 2 / error
    variance = float(simulated.std() - observed.std()) ** 2 / error
    return {**found, "bias": bias, "variance": variance, "covariance": 1 - bias - variance}


def read_observations(
    model: Model,
    data: str | Path | pd.DataFrame,
    weights: Mapping[str, float],
    errors: Mapping[str, float],
    parameters: int,
) -> Observations:
    """Observations of a CSV file or table.

    Raises
    ------
    ExperimentError
        When there is no column ``time``, a column is no variable or holds something that is no number, a
        series has no observation, or there are no more observations than parameters.
    """
    file = None if isinstance(data, pd.DataFrame) else str(data)
    table = data if isinstance(data, pd.DataFrame) else _read(data)
    if table.index.name is not None and canonical(str(table.index.name)) == "time":
        table = table.reset_index()
    times = [column for column in table if canonical(str(column)) == "time"]
    if len(times) != 1:
        raise ExperimentError("the data need one column 'time'", file=file)
    when = _numbers(table, times[0], file)
    if not np.isfinite(when).all():
        raise ExperimentError("a time is missing", file=file)
    labels = {column: output_label(model, str(column)) for column in table if column not in times}
    scales = _scales(labels, weights, errors, table, file)
    parts = []
    for place, column in enumerate(labels):
        values = _numbers(table, column, file)
        seen = np.isfinite(values)
        if not seen.any():
            raise ExperimentError(f"'{shown(column)}' has no observation", file=file)
        count = int(seen.sum())
        parts.append((np.full(count, place), when[seen], values[seen], np.full(count, scales[column])))
    if not parts:
        raise ExperimentError("the data have no column beside 'time'", file=file)
    series, moments, values, widths = (np.concatenate(column) for column in zip(*parts, strict=True))
    if len(values) <= parameters:
        raise ExperimentError(f"{len(values)} observations cannot tell {parameters} parameters", file=file)
    known = {canonical(name) for name in errors}
    return Observations(
        tuple(labels.values()),
        series,
        moments,
        values,
        widths,
        all(canonical(str(c)) in known for c in labels),
    )


def _read(path: str | Path) -> pd.DataFrame:
    """The table of a regular file; an address or a pipe is none."""
    try:
        data, _ = contents(path, Limits())
        return pd.read_csv(io.BytesIO(data), skipinitialspace=True)
    except DocumentError as error:
        raise ExperimentError(f"cannot read the data: {error.message}", file=str(path)) from None
    except (UnicodeDecodeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ExperimentError(f"cannot read the data: {reason}", file=str(path)) from None


def _numbers(table: pd.DataFrame, column: object, file: str | None) -> np.ndarray:
    try:
        return pd.to_numeric(table[column]).to_numpy(dtype=float)
    except (TypeError, ValueError):
        found = pd.to_numeric(table[column], errors="coerce")
        row = int(np.flatnonzero(found.isna() & table[column].notna())[0])
        text = shown(str(table[column].iloc[row]))
        raise ExperimentError(
            f"'{shown(str(column))}': '{text}' is no number", file=file, line=row + 2
        ) from None


def _scales(
    labels: Mapping,
    weights: Mapping[str, float],
    errors: Mapping[str, float],
    table: pd.DataFrame,
    file: str | None,
) -> dict[object, float]:
    by_key = {canonical(str(column)): column for column in labels}
    for name, value in (*weights.items(), *errors.items()):
        if canonical(name) not in by_key:
            raise unknown("observed variable", name, [str(column) for column in labels])
        if not (math.isfinite(value) and value > 0):
            raise ExperimentError(f"the weight or error of '{shown(name)}' must be above 0")
    weight = {by_key[canonical(name)]: value for name, value in weights.items()}
    error = {by_key[canonical(name)]: value for name, value in errors.items()}
    found = {}
    for column in labels:
        values = _numbers(table, column, file)
        seen = values[np.isfinite(values)]
        reach = float(np.ptp(seen)) if len(seen) else 0.0
        own = error.get(column) or reach or float(np.abs(seen).max(initial=0.0)) or 1.0
        found[column] = own / weight.get(column, 1.0)
    return found
