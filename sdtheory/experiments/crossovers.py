"""Crossovers: when a policy turns from better to worse, or the other way, within a future."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sdtheory.errors import ExperimentError
from sdtheory.experiments.comparison import Comparison
from sdtheory.experiments.discovery import only_policy
from sdtheory.experiments.metric import quantity_over_time
from sdtheory.experiments.plain import plain, records
from sdtheory.experiments.saved import save_result
from sdtheory.names import canonical

TURNS = ("better, then worse", "worse, then better")


@dataclass(frozen=True)
class Crossovers:
    """Times at which the paired difference of a quantity changes its sign.

    Attributes
    ----------
    policy, against, metric : str
        The metric gives the quantity, the direction and the tie.
    first : array, shape (futures,)
        Time of the first change of sign, interpolated; NaN where there is none.
    turn : array of int, shape (futures,)
        1 when it turns from better to worse, -1 from worse to better, 0 never.
    crossings : array of int, shape (futures,)
    left_out : int
        Futures in which a run is not ok or a value is no number; they are in none of the arrays.
    span : (float, float)
        The first and the last time that were looked at.
    runs : int
        Futures of the comparison; those without kept series are in none of the arrays either.
    """

    policy: str
    against: str
    metric: str
    first: np.ndarray
    turn: np.ndarray
    crossings: np.ndarray
    left_out: int
    span: tuple[float, float]
    runs: int

    @property
    def never(self) -> float:
        """Share of futures without a change of sign."""
        return float((self.turn == 0).mean()) if len(self.turn) else math.nan

    def table(self) -> pd.DataFrame:
        """Per direction: share of futures, median time and 5 to 95 % band; and the share that never turns."""
        rows: list[dict[str, Any]] = []
        for word, sign in zip(TURNS, (1, -1), strict=True):
            times = self.first[self.turn == sign]
            low, median, high = (
                np.quantile(times, [0.05, 0.5, 0.95]) if len(times) else (math.nan, math.nan, math.nan)
            )
            share = len(times) / len(self.first) if len(self.first) else math.nan
            row = {"turn": word, "share": share, "count": len(times)}
            rows.append({**row, "median": median, "p05": low, "p95": high})
        none = {"turn": "never", "share": self.never, "count": int((self.turn == 0).sum())}
        return pd.DataFrame([*rows, {**none, "median": math.nan, "p05": math.nan, "p95": math.nan}])

    def to_dict(self) -> dict:
        """The result as plain values: what ``--json`` prints."""
        about = {key: getattr(self, key) for key in ("policy", "against", "metric", "left_out", "runs")}
        return {
            **about,
            "futures": len(self.first),
            "turns": records(self.table()),
            "first": plain(self.first),
        }

    def title(self) -> str:
        """What was looked at, in one line."""
        lost = f", {self.left_out} left out" if self.left_out else ""
        few = f" of {self.runs:,}" if len(self.first) + self.left_out < self.runs else ""
        return f"{self.metric}, '{self.policy}' against '{self.against}' ({len(self.first):,}{few} futures{lost})"

    def futures(self) -> pd.DataFrame:
        """One row for each future: the time of its first change of sign, the direction and their number."""
        words = dict(zip((1, -1), TURNS, strict=True))
        turns = [words.get(int(turn), "never") for turn in self.turn]
        return pd.DataFrame({"first": self.first, "turn": turns, "crossings": self.crossings})

    def plot(self) -> Any:
        """The share of futures that have turned by each time; a matplotlib Figure."""
        from sdtheory.diagrams.comparison_plots import turned_figure

        firsts = {word: self.first[self.turn == sign] for word, sign in zip(TURNS, (1, -1), strict=True)}
        return turned_figure(
            firsts, len(self.first), self.span, title=self.title(), caption="first change of sign in a future"
        )

    def save(self, folder: str | Path) -> None:
        """Write result.json, tables and a figure into a folder.

        Raises
        ------
        OSError
            When the folder cannot be written.
        """
        tables = {"crossovers": self.table(), "futures": self.futures()}
        save_result(folder, self.to_dict(), tables, {"crossovers": self.plot()})


def crossovers(
    comparison: Comparison, metric: str, *, policy: str | None = None, against: str | None = None
) -> Crossovers:
    """When the paired difference of a metric's quantity changes its sign.

    Parameters
    ----------
    comparison : Comparison
        One that kept the series.
    metric : str
        Its quantity is compared at every saved time; what the metric makes of it does not matter.
    policy, against : str, optional
        The only policy, and the baseline, when left out.

    Returns
    -------
    Crossovers

    Raises
    ------
    ExperimentError
        For a metric without a quantity or a direction, and for a comparison without series.

    Examples
    --------
    >>> import sdtheory as sd
    >>> experiment = sd.Experiment.read("models/m0_seed.toml")
    >>> comparison = sd.compare(sd.load("models/m0_seed.xmile"), experiment, runs=64)
    >>> found = crossovers(comparison, "gap after 10 years", policy="boost theorists")
    >>> found.table()["count"].tolist()
    [32, 0, 32]
    """
    chosen = comparison.metric(metric)
    if chosen.quantity is None or chosen.better == "none":
        raise ExperimentError(
            f"'{chosen.name}' has no quantity with a direction, so no better or worse over time"
        )
    if comparison.series is None or not comparison.series.data_vars:
        raise ExperimentError("the comparison kept no series", remedy="compare again and keep them")
    pair = (only_policy(comparison, policy), only_policy(comparison, against or comparison.policies[0]))
    times = comparison.series["time"].to_numpy()
    own, base = (_over_time(comparison, name, chosen.quantity, times) for name in pair)
    rows = [comparison.policies.index(name) for name in pair]
    ran = (comparison.status[rows][:, : len(own)] == "ok").all(axis=0) & np.isfinite(own - base).all(axis=1)
    sign = -1.0 if chosen.better == "lower" else 1.0
    gain = sign * (own - base)[ran]
    first, turn, count = _crossings(times, gain, chosen.tie * np.abs(base[ran]))
    span = (float(times[0]), float(times[-1]))
    left_out = int((~ran).sum())
    return Crossovers(pair[0], pair[1], chosen.name, first, turn, count, left_out, span, comparison.runs)


def _over_time(comparison: Comparison, policy: str, quantity: Any, times: np.ndarray) -> np.ndarray:
    chosen = comparison.series.sel(policy=policy)
    series = {canonical(str(name)): chosen[name].to_numpy() for name in chosen.data_vars}
    return quantity_over_time(quantity, times, series)


def _crossings(
    times: np.ndarray, gain: np.ndarray, tie: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First time, direction and number of the changes of sign in each row; ties have no sign."""
    sign = np.where(np.abs(gain) <= tie, 0.0, np.sign(gain))
    place = np.where(sign != 0, np.arange(len(times)), -1)
    last = np.maximum.accumulate(place, axis=1)  # of the last time with a sign, up to each time
    before = np.column_stack([np.full(len(gain), -1), last[:, :-1]])
    rows = np.arange(len(gain))[:, None]
    turned = (sign != 0) & (before >= 0) & (sign * sign[rows, np.maximum(before, 0)] < 0)
    count = turned.sum(axis=1)
    at = turned.argmax(axis=1)
    row = np.arange(len(gain))
    start = before[row, at]
    left, right = np.abs(gain[row, start]), np.abs(gain[row, at])
    with np.errstate(invalid="ignore"):
        moment = times[start] + (times[at] - times[start]) * left / (left + right)
    crossed = count > 0
    turn = np.where(crossed, -sign[row, at], 0).astype(int)
    return np.where(crossed, moment, np.nan), turn, count
