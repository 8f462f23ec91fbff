"""Files of numbers in columns: futures that were sampled elsewhere, and observed values."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

from sdtheory.documents import contents
from sdtheory.errors import ExperimentError, SDError, shown
from sdtheory.limits import Limits


def read_columns(path: str | Path, limits: Limits | None = None) -> dict[str, tuple[float, ...]]:
    """The columns of a CSV file by their names in its first row; a column ``run`` numbers the rows.

    Parameters
    ----------
    path : path-like
    limits : Limits, optional

    Raises
    ------
    ExperimentError
        When it cannot be read, has no rows, names a column twice, or holds something that is no number.
    """
    limits = limits or Limits()
    file = str(path)
    try:
        data, _ = contents(path, Limits(file_bytes=limits.data_bytes))
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    except SDError as error:
        raise ExperimentError(error.message, file=file) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ExperimentError(f"cannot be read: {shown(error)}", file=file) from None
    rows = [row for row in rows if row]
    names = [name.strip() for name in rows[0]] if rows else []
    if len(rows) < 2:
        raise ExperimentError("it needs a row of names and rows of numbers", file=file)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ExperimentError(f"the column '{shown(twice)}' is there twice", file=file)
    if len(rows) * len(names) > limits.data_cells:
        raise ExperimentError(f"more than {limits.data_cells:,} numbers", file=file)
    for place, row in enumerate(rows[1:], 2):
        if len(row) != len(names):
            raise ExperimentError(f"row {place} has {len(row)} entries, not {len(names)}", file=file)
    return {
        name: tuple(_number(row[place], name, at, file) for at, row in enumerate(rows[1:], 2))
        for place, name in enumerate(names)
        if name.casefold() != "run"
    }


def _number(text: str, column: str, row: int, file: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ExperimentError(f"row {row}, '{shown(column)}': '{shown(text)}' is no finite number", file=file)
    return number
