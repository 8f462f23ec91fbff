"""One run of the model, as much of it as a page can show."""

from __future__ import annotations

import base64
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
        ``times`` and ``series`` as of `packed`, ``final`` (of all variables), ``status``, ``message``,
        ``first_bad``, ``seconds``.
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
    times, thinned = thin(frame.index.to_numpy(float), frame[columns].to_numpy(float), width)
    said = [str(one.message) for one in caught if isinstance(one.message, SDWarning)]
    return {
        "times": packed(times),
        "series": {column: packed(values) for column, values in zip(columns, thinned.T, strict=True)},
        "final": dict(zip(frame.columns, plain_numbers(frame.iloc[-1].to_numpy(float)), strict=True)),
        "status": frame.attrs.get("status", "ok"),
        "message": said[0] if said else None,
        "first_bad": _first_bad(frame),
        "seconds": time.perf_counter() - begun,
    }


def packed(values: np.ndarray) -> str:
    """Numbers as a page takes the most of them in the least time: eight bytes each, in base 64.

    Examples
    --------
    >>> packed(np.array([1.0, np.nan]))
    'AAAAAAAA8D8AAAAAAAD4fw=='
    """
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f8").tobytes()).decode()


def plain_numbers(values: np.ndarray) -> list[float | None]:
    """Numbers with null for what is none, as JSON has it."""
    return [value if math.isfinite(value) else None for value in values.tolist()]


def thin(times: np.ndarray, series: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Series with no more than two points for each pixel: its least and its largest value, in their order.

    Parameters
    ----------
    times : array, shape (times,)
    series : array, shape (times, series)
    width : int
        Pixels; 0 leaves everything.

    Returns
    -------
    times : array, shape (points,)
    series : array, shape (points, series)

    Examples
    --------
    >>> times, values = thin(np.arange(8.0), np.array([[0, 5, 1, 2, 9, 3, 4, 8.0]]).T, 2)
    >>> times.tolist(), values[:, 0].tolist()
    ([0.0, 3.0, 4.0, 7.0], [0.0, 5.0, 9.0, 3.0])
    """
    count = len(times)
    if not width or count <= 2 * width:
        return times, series
    starts = np.arange(width) * count // width
    stops = np.append(starts[1:], count)
    known = np.isfinite(series)
    low, high = np.where(known, series, np.inf), np.where(known, series, -np.inf)
    least, most = np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts)
    rises = _first(low, least, starts, stops) <= _first(high, most, starts, stops)
    pairs = np.stack([np.where(rises, least, most), np.where(rises, most, least)], axis=1)
    pairs[~np.isfinite(pairs)] = np.nan  # parts without any number
    return times[np.column_stack([starts, stops - 1]).ravel()], pairs.reshape(2 * width, -1)


def _first(series: np.ndarray, wanted: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """Where in each part of the series its wanted value comes first."""
    there = series == np.repeat(wanted, stops - starts, axis=0)
    places = np.where(there, np.arange(len(series))[:, None], len(series))
    return np.minimum.reduceat(places, starts)


def _first_bad(frame: Any) -> Plain | None:
    """The first number that is none: its time, and the variables that have one there."""
    bad = ~np.isfinite(frame.to_numpy(float))
    rows = np.flatnonzero(bad.any(axis=1))
    if not len(rows):
        return None
    row = int(rows[0])
    names = [name for name, wrong in zip(frame.columns, bad[row], strict=True) if wrong]
    return {"time": float(frame.index[row]), "variables": names[:8]}
