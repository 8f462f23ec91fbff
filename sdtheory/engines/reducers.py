"""One number for each run in place of a series."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass

import numpy as np

from sdtheory.errors import UsageError


@dataclass(frozen=True)
class Reducer:
    """What to keep of an output's series.

    Parameters
    ----------
    kind : str
        A key of `REDUCTIONS`. ``final``, ``mean``, ``minimum`` and ``maximum`` are of the saved rows;
        ``time_of_minimum`` and ``time_of_maximum`` the time of the first row that has it; ``integral`` the
        trapezoid rule over the saved rows; ``first_crossing`` the time at which the output first reaches
        `level` from the side where it starts, linear between saved rows, and NaN where it never does.
        All but the last are NaN when any value they read is.
    output : str
        Column of the program.
    level : float, optional
        For ``first_crossing``.

    Raises
    ------
    UsageError
        For an unknown kind, or a level that is missing or out of place.

    Examples
    --------
    >>> Reducer("first_crossing", "capability", 10.0).level
    10.0
    """

    kind: str
    output: str
    level: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in REDUCTIONS:
            raise UsageError(f"unknown reducer '{self.kind}'", remedy=f"one of {', '.join(REDUCTIONS)}")
        if (self.level is not None) != (self.kind == "first_crossing"):
            wrong = "has no level" if self.level is None else "takes no level"
            raise UsageError(f"the reducer '{self.kind}' of '{self.output}' {wrong}")

    @property
    def name(self) -> str:
        """What tells it from others on the same outputs."""
        return f"{self.kind}({self.output}{'' if self.level is None else f', {self.level:.17g}'})"


def reduced(reducer: Reducer, times: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Reduce series of values.

    Parameters
    ----------
    reducer : Reducer
    times : array, shape (times,)
        Evenly spaced.
    values : array, shape (runs, times)

    Returns
    -------
    array, shape (runs,)

    Examples
    --------
    >>> times, values = np.array([0.0, 1.0, 2.0]), np.array([[0.0, 4.0, 2.0]])
    >>> [float(reduced(Reducer(kind, "x"), times, values)[0]) for kind in ("mean", "integral")]
    [2.0, 5.0]
    >>> float(reduced(Reducer("first_crossing", "x", 3.0), times, values)[0])
    0.75
    """
    with np.errstate(all="ignore"):
        return REDUCTIONS[reducer.kind](times, values, reducer.level or 0.0)


def checked(reducers: Iterable[Reducer], outputs: Container[str]) -> None:
    """Refuse a reducer of something that is not computed."""
    for reducer in reducers:
        if reducer.output not in outputs:
            raise UsageError(f"'{reducer.output}' is reduced but is no output")


def _sum(values: np.ndarray) -> np.ndarray:
    """The sum over time, added up in order, as an engine does that meets one row after the other."""
    return np.cumsum(values, axis=1)[:, -1]


def _integral(times: np.ndarray, values: np.ndarray, level: float) -> np.ndarray:
    if len(times) == 1:
        return np.zeros(len(values))
    return _sum(values[:, :-1] + values[:, 1:]) * ((times[1] - times[0]) * 0.5)


def _time_of(place: np.ndarray, times: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(values[np.arange(len(values)), place]), np.nan, times[place])


def _first_crossing(times: np.ndarray, values: np.ndarray, level: float) -> np.ndarray:
    distance = values - level
    distance = np.where(distance[:, :1] > 0, -distance, distance)
    reached = distance >= 0
    first = reached.argmax(axis=1)
    before = np.maximum(first - 1, 0)
    runs = np.arange(len(values))
    low, high = distance[runs, before], distance[runs, first]
    share = np.where(first == 0, 0.0, -low / (high - low))
    moment = times[before] + share * (times[first] - times[before])
    return np.where(reached.any(axis=1), moment, np.nan)


REDUCTIONS: dict[str, Callable[[np.ndarray, np.ndarray, float], np.ndarray]] = {
    "final": lambda times, values, level: values[:, -1],
    "mean": lambda times, values, level: _sum(values) / len(times),
    "minimum": lambda times, values, level: values.min(axis=1),
    "maximum": lambda times, values, level: values.max(axis=1),
    "time_of_minimum": lambda times, values, level: _time_of(values.argmin(axis=1), times, values),
    "time_of_maximum": lambda times, values, level: _time_of(values.argmax(axis=1), times, values),
    "integral": _integral,
    "first_crossing": _first_crossing,
}
# what can be said in a word
WORDS = tuple(kind for kind in REDUCTIONS if kind != "first_crossing")
