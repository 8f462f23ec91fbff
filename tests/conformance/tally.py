"""Counts of the conformance files by kind and engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

OUTCOMES = pytest.StashKey[dict]()
KINDS = (".mdl", ".xmile", ".stmx")
EQUAL = 1e-9

Row = Mapping


def refused_rightly(row: Row) -> bool:
    return row["placeholder"] and row["auto"]["state"] == "refused"


COLUMNS: dict[str, Callable[[Row], bool]] = {
    "files": lambda row: True,
    "right": lambda row: row["auto"]["state"] == "right",
    "+refusals": lambda row: row["auto"]["state"] == "right" or refused_rightly(row),
    "vectorised": lambda row: row["auto"]["state"] == "right" and row["auto"]["engine"] == "vectorised",
    "reference": lambda row: row["reference"]["state"] == "right",
    "wrong": lambda row: row["auto"]["state"] == "wrong",
    "refused": lambda row: (
        row["auto"]["state"] == "refused" and row["stored"] is not False and not row["placeholder"]
    ),
    "failed": lambda row: row["auto"]["state"] == "failed",
    "ran": lambda row: row["auto"]["state"] == "ran",
    "apart": lambda row: (row["disagreement"] or 0.0) > EQUAL,
}
LEGEND = (
    "right: equal to the stored output; +refusals: files with placeholder equations refused count too; "
    "vectorised: right by that engine; reference: right by PySD as the reference engine; refused: a clear "
    "error instead of a run; failed: crash or time-out; ran: no stored output to compare; "
    "apart: engines differ by more than 1e-9"
)


def table(outcomes: Mapping[str, Row]) -> list[str]:
    """Lines of counts, one for each kind of file and one for all."""
    lines = ["kind".ljust(7) + "".join(name.rjust(12) for name in COLUMNS)]
    for kind in (*KINDS, "all"):
        rows = [row for name, row in outcomes.items() if kind == "all" or name.endswith(kind)]
        counts = [sum(bool(holds(row)) for row in rows) for holds in COLUMNS.values()]
        lines.append(kind.ljust(7) + "".join(str(count).rjust(12) for count in counts))
    return lines


def apart(outcomes: Mapping[str, Row]) -> list[str]:
    """The files on which the vectorised and the reference engine differ, worst first."""
    rows = [(row["disagreement"], name) for name, row in outcomes.items() if COLUMNS["apart"](row)]
    return [f"{name}: {worst:.3g}" for worst, name in sorted(rows, reverse=True)]
