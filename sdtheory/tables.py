"""Tables as CSV files that a spreadsheet reads as text and numbers, and never as formulas."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(text: Any) -> Any:
    r"""What a cell holds: a text that a spreadsheet would take for a formula gets an apostrophe before it.

    Line ends become ``\n``, the only one that every reader of CSV finds inside quotes; numbers stay as they are.

    Examples
    --------
    >>> cell("=1+1"), cell("-5.5"), cell("births"), cell(-5.5)
    ("'=1+1", '-5.5', 'births', -5.5)
    """
    if not isinstance(text, str):
        return text
    if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text):
        text = "'" + text
    return text.replace("\r\n", "\n").replace("\r", "\n")


def write_csv(frame: Any, path: str | Path, **options: Any) -> None:
    """Write a table with every name and text as `cell` gives it.

    Parameters
    ----------
    frame : pandas.DataFrame
    path : path-like
    **options
        Of `pandas.DataFrame.to_csv`.

    Raises
    ------
    OSError
        When the file cannot be written.

    Examples
    --------
    >>> import pandas as pd, sys
    >>> write_csv(pd.DataFrame({"@name": ["=1+1", "x"], "value": [-1.0, 2.0]}), sys.stdout, index=False)
    '@name,value
    '=1+1,-1.0
    x,2.0
    """
    safe_table(frame).to_csv(path, **options)


def safe_table(frame: Any) -> Any:
    """A table with every name and text as `cell` gives it."""
    safe = frame.copy(deep=False)
    for place, kind in enumerate(safe.dtypes):
        if kind.kind not in "biufc":
            safe.isetitem(place, [cell(value) for value in safe.iloc[:, place]])
    safe.columns = [cell(name) for name in safe.columns]
    safe.index = safe.index.map(cell).set_names([cell(name) for name in safe.index.names])
    return safe
