"""Stored outputs of Vensim and Stella: found beside a model, read leniently, compared strictly."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pandas as pd

from sdtheory.names import canonical

TOLERANCE = 1e-5
NAMES = ("output.csv", "output.tab")
STELLA = "output_stella.csv"


def stored_output(model: Path) -> Path | None:
    """The output kept in the model's folder: Stella's own for its formats, where there is one."""
    names = NAMES if model.suffix == ".mdl" else (STELLA, *NAMES)
    return next((model.parent / name for name in names if (model.parent / name).is_file()), None)


def key(column: str) -> str:
    """A column's name without regard to case, spaces, underscores and quotes, elements included."""
    head, _, inside = column.strip().strip('"').partition("[")
    cells = [canonical(part) for part in inside.removesuffix("]").split(",")] if inside else []
    return f"{canonical(head)}[{','.join(cells)}]" if cells else canonical(head)


def read_stored(path: Path) -> pd.DataFrame:
    """Times in the index, keys as columns; an empty cell is NaN (Vensim writes constants once only)."""
    text = path.read_text(encoding="utf-8-sig", errors="surrogateescape")
    lines = [line for line in text.splitlines() if line.strip()]
    separator = "\t" if lines[0].count("\t") > lines[0].count(",") else ","
    if path.suffix == ".tab":
        separator = "\t"
    header, *rows = csv.reader(lines, delimiter=separator)
    width = len(header)
    numbers = [[_number(cell) for cell in (row + [""] * width)[:width]] for row in rows]
    frame = pd.DataFrame(numbers, columns=[key(name) for name in header]).set_index(key(header[0]))
    return frame.loc[frame.index.notna(), [name for name in frame.columns if name]]


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan


def differences(run: pd.DataFrame, stored: pd.DataFrame) -> list[str]:
    """What a run lacks or has otherwise than the stored output; empty when they agree.

    A stored cell that is empty says nothing and is not compared. A missing column or time counts.
    """
    columns = {key(str(name)): place for place, name in enumerate(run.columns)}
    times, wanted = run.index.to_numpy(dtype=float), stored.index.to_numpy(dtype=float)
    if not len(times):
        return ["the run has no rows"]
    rows = np.abs(times[None, :] - wanted[:, None]).argmin(axis=1)
    missing = np.abs(times[rows] - wanted) > TOLERANCE + TOLERANCE * np.abs(wanted)
    found = [f"no time {time:g}" for time in wanted[missing]]
    for place, name in enumerate(stored.columns):
        expected = stored.iloc[:, place].to_numpy(dtype=float)
        told = ~np.isnan(expected)
        if name not in columns:
            found.append(f"no column '{name}'")
            continue
        actual = run.iloc[:, columns[name]].to_numpy(dtype=float)[rows]
        with np.errstate(invalid="ignore"):
            close = np.abs(actual - expected) <= TOLERANCE + TOLERANCE * np.abs(expected)
        close |= actual == expected
        for row in np.flatnonzero(told & ~close)[:1]:
            found.append(f"'{name}' is {actual[row]:.9g} at {wanted[row]:g}, not {expected[row]:.9g}")
    return found


def disagreement(ours: pd.DataFrame, reference: pd.DataFrame) -> float:
    """The largest difference of two runs' common columns, relative to the largest value of each column."""
    columns = {key(str(name)): place for place, name in enumerate(ours.columns)}
    worst = 0.0
    for place, name in enumerate(reference.columns):
        if key(str(name)) in columns and len(ours) == len(reference):
            expected = reference.iloc[:, place].to_numpy(dtype=float)
            actual = ours.iloc[:, columns[key(str(name))]].to_numpy(dtype=float)
            both_missing = np.isnan(actual) & np.isnan(expected)
            with np.errstate(invalid="ignore"):
                apart = np.where(both_missing | (actual == expected), 0.0, np.abs(actual - expected))
            if not np.isfinite(apart).all():
                return math.inf
            if apart.size:
                scale = float(np.nanmax(np.abs(expected), initial=0.0))
                worst = max(worst, float(apart.max()) / max(scale, 1e-300))
    return worst if len(ours) == len(reference) else math.inf
