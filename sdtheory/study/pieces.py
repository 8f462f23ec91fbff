"""A piece of the study: figures, the numbers that they show, and what to say of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sdtheory.diagrams import save_figure
from sdtheory.tables import write_csv

PICTURES = ("svg", "png")


@dataclass(frozen=True)
class Piece:
    """What one step of the study gives.

    Parameters
    ----------
    heading : str
        Of its part of the report.
    lines : sequence of str
        Markdown.
    figures : mapping of file stem to matplotlib Figure
    tables : mapping of file stem to pandas.DataFrame
        The numbers that the figures show.
    drawings : mapping of file stem to callable
        Each writes the files whose paths it is given.
    data : mapping
        Plain values: what verdict.json holds.
    """

    heading: str
    lines: Sequence[str] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, Any] = field(default_factory=dict)
    drawings: Mapping[str, Callable[[list[Path]], None]] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> list[Path]:
        """Write every file into a folder; give back their paths.

        Raises
        ------
        OSError, UsageError
            When a file cannot be written.
        """
        written = []
        for stem, draw in self.drawings.items():
            paths = [folder / f"{stem}.{suffix}" for suffix in (*PICTURES, "pdf")]
            draw(paths)
            written += paths
        for stem, figure in self.figures.items():
            for suffix in PICTURES:
                written.append(folder / f"{stem}.{suffix}")
                save_figure(figure, written[-1])
        for stem, table in self.tables.items():
            written.append(folder / f"{stem}.csv")
            write_csv(table, written[-1], index=False, lineterminator="\n")
        return written
