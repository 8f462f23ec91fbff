"""Metrics: one number for each run, with its direction and what happens when it does not exist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

import numpy as np

from sdtheory.errors import ExperimentError
from sdtheory.model.expression import Expression, Name, evaluate, references
from sdtheory.names import canonical

STATISTICS = ("final", "mean", "maximum", "minimum", "time_of_maximum", "time_of_minimum", "range")
BETTER = ("lower", "higher", "none")
CENSORED = ("exclude", "worst", "at_stop")


@dataclass(frozen=True)
class Level:
    """A level to reach: a number, or the value that a variable has in the same future under a policy."""

    value: float | None = None
    policy: str = ""
    variable: str = ""
    at: float = 0.0


@dataclass(frozen=True)
class Metric:
    """One number for each run.

    Parameters
    ----------
    name : str
    quantity : Expression or None
        What is measured over time; None when `expression` combines other metrics.
    how : str
        ``at``, ``first_crossing``, ``when``, ``time_above``, ``time_below``, ``integral``, ``expression``
        or one of `STATISTICS`.
    at : float, optional
        The time, for ``at``.
    level : Level, optional
        For crossings and times beyond a level.
    trigger : str
        For ``when``: the variable whose first crossing of the level decides the moment.
    direction : str
        ``above`` or ``below``: which way the level is crossed; "" takes whichever comes first.
    between : (float, float), optional
        Window of statistics, integrals and times beyond a level.
    discount_rate : float
    expression : Expression, optional
        Of other metrics.
    better : str
        ``lower``, ``higher`` or ``none``.
    rewards_speed : bool
        It can improve only because a level is reached sooner.
    tie : float
        Below this share of the baseline's absolute value a difference is a tie.
    censored : str
        ``exclude``, ``worst`` or ``at_stop``: what a level that is never reached counts as.
    satisfied : (str, float), optional
        ``("below", 5.0)`` or ``("above", ...)``.
    """

    name: str
    quantity: Expression | None = None
    how: str = "final"
    at: float | None = None
    level: Level | None = None
    trigger: str = ""
    direction: str = ""
    between: tuple[float, float] | None = None
    discount_rate: float = 0.0
    expression: Expression | None = None
    better: str = "none"
    rewards_speed: bool = False
    tie: float = 1e-6
    censored: str = "exclude"
    satisfied: tuple[str, float] | None = None

    def variables(self) -> list[str]:
        """The model's variables that must be saved to compute it."""
        found = [] if self.quantity is None else [_label(name) for name in references(self.quantity)]
        if self.trigger:
            found.append(self.trigger)
        if self.level is not None and self.level.variable:
            found.append(self.level.variable)
        return [name for name in dict.fromkeys(found) if canonical(name) != "time"]

    def values(self, times: np.ndarray, series: Mapping[str, np.ndarray], level: Any = None) -> np.ndarray:
        """The metric of each run; NaN where a level is never reached.

        Parameters
        ----------
        times : array, shape (times,)
        series : mapping of canonical name to array, shape (runs, times)
        level : float or array of shape (runs,), optional
            The level in each run, when the metric has one.

        Examples
        --------
        >>> metric = Metric("peak", Name("x"), "maximum")
        >>> metric.values(np.array([0.0, 1.0]), {"x": np.array([[1.0, 3.0], [2.0, 0.0]])})
        array([3., 2.])
        """
        assert self.quantity is not None
        own = quantity_over_time(self.quantity, times, series)
        if self.how == "at":
            assert self.at is not None
            return _at(times, own, np.full(len(own), self.at))
        if self.how == "first_crossing":
            return _first_crossing(times, own, level, self.direction)
        if self.how == "when":
            moment = _first_crossing(times, series[canonical(self.trigger)], level, self.direction)
            return _at(times, own, moment)
        if self.how in ("time_above", "time_below"):
            side = 1.0 if self.how == "time_above" else -1.0
            return _time_beyond(*_window(times, own, self.between), level, side)
        return _statistic(self, *_window(times, own, self.between))


def _label(name: Name) -> str:
    return f"{name.name}[{','.join(name.subscripts)}]" if name.subscripts else name.name


def quantity_over_time(tree: Expression, times: np.ndarray, series: Mapping[str, np.ndarray]) -> np.ndarray:
    """An expression of variables at each saved time, shape (runs, times)."""
    from sdtheory.model.expression import substitute

    # array cells are columns of their own, so a subscripted name is read as the name of its column
    flat = substitute(tree, lambda name: Name(_label(name)) if name.subscripts else None)
    shape = next(iter(series.values())).shape
    value = evaluate(flat, {"time": np.broadcast_to(times, shape), **series})
    return np.broadcast_to(np.asarray(value, dtype=float), shape)


def _at(times: np.ndarray, own: np.ndarray, moment: np.ndarray) -> np.ndarray:
    """Linear interpolation of each run at its own moment; NaN beyond the run."""
    index = np.clip(np.searchsorted(times, moment, side="right") - 1, 0, len(times) - 2)
    rows = np.arange(len(own))
    left, right = times[index], times[index + 1]
    share = (moment - left) / (right - left)
    before, after = own[rows, index], own[rows, index + 1]
    value = np.where(share == 0, before, np.where(share == 1, after, before + share * (after - before)))
    slack = 1e-9 * max(abs(times[-1]), 1.0)
    inside = (moment >= times[0] - slack) & (moment <= times[-1] + slack)
    return np.where(inside, value, np.nan)


def _first_crossing(times: np.ndarray, own: np.ndarray, level: Any, direction: str) -> np.ndarray:
    distance = own - np.broadcast_to(np.asarray(level, dtype=float), (len(own),))[:, None]
    if direction == "below":
        distance = -distance
    elif not direction:
        distance = np.where(distance[:, :1] > 0, -distance, distance)
    reached = distance >= 0
    first = reached.argmax(axis=1)
    rows = np.arange(len(own))
    before = np.maximum(first - 1, 0)
    low, high = distance[rows, before], distance[rows, first]
    with np.errstate(all="ignore"):
        share = np.where(first == before, 0.0, -low / (high - low))
    moment = times[before] + share * (times[first] - times[before])
    return np.where(reached.any(axis=1), moment, np.nan)


def _time_beyond(times: np.ndarray, own: np.ndarray, level: Any, side: float) -> np.ndarray:
    distance = side * (own - np.broadcast_to(np.asarray(level, dtype=float), (len(own),))[:, None])
    left, right = distance[:, :-1], distance[:, 1:]
    with np.errstate(all="ignore"):
        crossing = np.abs(left) / (np.abs(left) + np.abs(right))
    share = np.where(
        (left > 0) & (right > 0), 1.0, np.where(left > 0, crossing, np.where(right > 0, 1 - crossing, 0.0))
    )
    total = (share * np.diff(times)).sum(axis=1)
    return np.where(np.isnan(distance).any(axis=1), np.nan, total)


def _window(
    times: np.ndarray, own: np.ndarray, between: tuple[float, float] | None
) -> tuple[np.ndarray, np.ndarray]:
    if between is None:
        return times, own
    start, stop = between
    inside = times[(times > start) & (times < stop)]
    grid = np.concatenate([[start], inside, [stop]])
    columns = [_at(times, own, np.full(len(own), moment)) for moment in grid]
    return grid, np.stack(columns, axis=1)


def _statistic(metric: Metric, times: np.ndarray, own: np.ndarray) -> np.ndarray:
    span = times[-1] - times[0]
    match metric.how:
        case "integral":
            return np.trapezoid(own * np.exp(-metric.discount_rate * (times - times[0])), times, axis=1)
        case "final":
            return own[:, -1]
        case "mean":
            return np.trapezoid(own, times, axis=1) / span if span > 0 else own[:, 0]
        case "maximum":
            return own.max(axis=1)
        case "minimum":
            return own.min(axis=1)
        case "range":
            return own.max(axis=1) - own.min(axis=1)
        case "time_of_maximum":
            return np.where(np.isnan(own).any(axis=1), np.nan, times[own.argmax(axis=1)])
        case "time_of_minimum":
            return np.where(np.isnan(own).any(axis=1), np.nan, times[own.argmin(axis=1)])
    raise ExperimentError(f"metric '{metric.name}' has no statistic '{metric.how}'")


def in_order(metrics: Sequence[Metric]) -> list[Metric]:
    """Metrics, each expression after those that it reads.

    Examples
    --------
    >>> both = Metric("both", how="expression", expression=Name("rest"))
    >>> rest = Metric("rest", how="expression", expression=Name("end"))
    >>> [metric.name for metric in in_order([both, rest, Metric("end", Name("x"))])]
    ['end', 'rest', 'both']
    """
    by_key = {canonical(metric.name): metric for metric in metrics}
    reads = {
        key: [canonical(part.name) for part in references(metric.expression)] if metric.expression else []
        for key, metric in by_key.items()
    }
    return [by_key[key] for key in TopologicalSorter(reads).static_order() if key in by_key]
