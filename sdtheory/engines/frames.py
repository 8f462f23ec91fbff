"""One run as a table."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from sdtheory.engines.vectorised import Result
from sdtheory.errors import SDWarning, shown


def frame_of(result: Result, engine: str) -> Any:
    """The only run of a result.

    Parameters
    ----------
    result : Result
    engine : str
        Which one ran.

    Returns
    -------
    pandas.DataFrame
        Index ``time``, a column for each output; ``attrs`` hold ``engine`` and ``status``.

    Warns
    -----
    SDWarning
        When the run diverged, or a value is infinite.

    Examples
    --------
    >>> ok, times = np.array(["ok"]), np.array([0.0, 1.0])
    >>> frame_of(Result(times, {"x": np.array([[2.0, 3.0]])}, ok, np.array([""])), "vectorised")["x"].tolist()
    [2.0, 3.0]
    """
    import pandas as pd

    rows = np.array([values[0] for values in result.values.values()], dtype=float)
    table = rows.reshape(
        len(result.values), len(result.times)
    ).T  # one table is made sooner than many columns
    frame = pd.DataFrame(table, index=pd.Index(result.times, name="time"), columns=list(result.values))
    frame.attrs["engine"] = engine
    frame.attrs["status"] = str(result.status[0])
    if result.status[0] != "ok":
        warnings.warn(f"the run diverged: {result.message[0]}", SDWarning, stacklevel=3)
    else:
        tell_infinite(frame)
    return frame


def tell_infinite(frame: Any) -> None:
    """Name the first value that is infinite although no stock is; a missing value may be meant."""
    rows, columns = np.nonzero(np.isinf(frame.to_numpy(dtype=float)))
    if len(rows):
        name, value = frame.columns[columns[0]], frame.iat[rows[0], columns[0]]
        message = f'"{shown(name)}" is {value:g} at time {frame.index[rows[0]]:g}'
        warnings.warn(message, SDWarning, stacklevel=4)
