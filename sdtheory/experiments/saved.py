"""A result in a folder: what ``--json`` prints, tables, figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdtheory.tables import write_csv


def save_result(
    folder: str | Path,
    result: dict,
    tables: Mapping[str, Any],
    figures: Mapping[str, Any],
    texts: Mapping[str, str] | None = None,
) -> None:
    """Write ``result.json``, a CSV file for each table, an SVG file for each figure, and texts.

    Parameters
    ----------
    folder : path
        Made when it does not exist.
    result : dict
        Of plain values.
    tables : mapping of name to pandas.DataFrame
    figures : mapping of name to matplotlib Figure
    texts : mapping of file name to str, optional

    Raises
    ------
    OSError
        When the folder cannot be written.
    """
    from sdtheory.diagrams import save_figure

    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=1, allow_nan=False, ensure_ascii=False)
    (target / "result.json").write_text(text + "\n", encoding="utf-8")
    for name, table in tables.items():
        write_csv(table, target / f"{name}.csv", index=table.index.dtype == object, lineterminator="\n")
    for name, figure in figures.items():
        save_figure(figure, target / f"{name}.svg")
    for name, own in (texts or {}).items():
        (target / name).write_text(own, encoding="utf-8")
