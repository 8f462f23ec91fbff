"""One run of the model, as much of it as a page can show."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sdtheory.engines.at_once import simulate_at_once
from sdtheory.errors import SDWarning
from sdtheory.model.model import Model
from sdtheory.model.subscripts import split
from sdtheory.names import canonical

Plain = dict[str, Any]


def run_of(model: Model, changes: Mapping[str, float], outputs: Sequence[str], width: int) -> Plain:
    """A run with other constants, initial values or settings.

    Parameters
    ----------
    model : Model
    changes : mapping of str to float
    outputs : sequence of str
        Variables whose series are wanted; of an array all its elements. Those that are not in the model are
        left out: the page may ask for one that was just removed.
    width : int
        Pixels to draw on: longer series are thinned to the least and the largest value of each; 0 for all.

    Returns
    -------
    dict
        ``times``, ``series``, ``final`` (of all variables), ``status``, ``message``, ``first_bad``, ``seconds``.
    """
    begun = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", SDWarning)
        frame = simulate_at_once(model, dict(changes))
    wanted = {canonical(name) for name in outputs}
    columns = [
        column
        for column in frame.columns
        if canonical(column) in wanted or canonical(split(column)[0]) in wanted
    ]
    times, thinned = thin(
        frame.index.to_numpy(float), [frame[column].to_numpy(float) for column in columns], width
    )
    said = [str(one.message) for one in caught if isinstance(one.message, SDWarning)]
    return {
        "times": times,
        "series": dict(zip(columns, thinned, strict=True)),
        "final": dict(zip(frame.columns, plain_numbers(frame.iloc[-1].to_numpy(float)), strict=True)),
        "status": frame.attrs.get("status", "ok"),
        "message": said[0] if said else None,
        "first_bad": _first_bad(frame),
        "seconds": time.perf_counter() - begun,
    }


def plain_numbers(values: np.ndarray) -> list[float | None]:
    """Numbers with null for what is none, as JSON has it."""
    return [value if math.isfinite(value) else None for value in values.tolist()]


def thin(
    times: np.ndarray, series: Sequence[np.ndarray], width: int
) -> tuple[list[float], list[list[float | None]]]:
    """Series with no more than two points for each pixel: its least and its largest value, in their order.

    Parameters
    ----------
    times : array, shape (times,)
    series : sequence of array, shape (times,)
    width : int
        Pixels; 0 leaves everything.

    Examples
    --------
    >>> times, (values,) = thin(np.arange(8.0), [np.array([0, 5, 1, 2, 9, 3, 4, 8.0])], 2)
    >>> times, values
    ([0.0, 3.0, 4.0, 7.0], [0.0, 5.0, 9.0, 3.0])
    """
    count = len(times)
    if not width or count <= 2 * width:
        return times.tolist(), [plain_numbers(values) for values in series]
    starts = np.arange(width) * count // width
    stops = np.append(starts[1:], count)
    found = np.column_stack([times[starts], times[stops - 1]]).ravel().tolist()
    return found, [_extremes(values, starts, stops) for values in series]


def _extremes(values: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> list[float | None]:
    low, high = np.where(np.isfinite(values), values, np.inf), np.where(np.isfinite(values), values, -np.inf)
    least, most = np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts)
    pairs = []
    for start, stop, a, b in zip(starts, stops, least, most, strict=True):
        part = values[start:stop]
        rises = np.argmax(part == a) <= np.argmax(part == b)
        pairs += [a, b] if rises else [b, a]
    return plain_numbers(np.array(pairs))


def _first_bad(frame: Any) -> Plain | None:
    """The first number that is none: its time, and the variables that have one there."""
    bad = ~np.isfinite(frame.to_numpy(float))
    rows = np.flatnonzero(bad.any(axis=1))
    if not len(rows):
        return None
    row = int(rows[0])
    names = [name for name, wrong in zip(frame.columns, bad[row], strict=True) if wrong]
    return {"time": float(frame.index[row]), "variables": names[:8]}
