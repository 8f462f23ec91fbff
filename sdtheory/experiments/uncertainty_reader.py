"""The uncertainties of an experiment file; every fault is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sdtheory.errors import ExperimentError, shown
from sdtheory.experiments.columns import read_columns
from sdtheory.experiments.faults import Faults
from sdtheory.experiments.toml_file import lies_inside
from sdtheory.experiments.uncertainty import COMMON_KEYS, KEYS, Uncertainty
from sdtheory.limits import Limits
from sdtheory.names import canonical, unknown

LISTS = ("values", "weights", "concentration")  # parameters of distributions that are lists
TEXTS = ("file", "column")


class UncertaintyReader(Faults):
    """Reads uncertainties and gathers every fault with its line."""

    folder: Path = Path()
    limits: Limits = Limits()

    def columns_of(self, path: str, *words: str) -> dict[str, tuple[float, ...]]:
        """The columns of a file of numbers beside the experiment."""
        if not lies_inside(path, self.folder):
            self.fault(f"'{shown(path)}' lies outside the experiment's folder", *words)
            return {}
        try:
            return read_columns(self.folder / path, self.limits)
        except ExperimentError as error:
            self.fault(f"'{shown(path)}': {error.message}", *words)
            return {}

    def empirical(self, name: str, given: dict[str, Any]) -> None:
        """Put the observed values among the parameters of an empirical distribution."""
        if "values" in given:
            if given.keys() & {"file", "column"}:
                self.fault(f"'{name}': give values, or a file and a column", "[uncertainty]", name)
            return
        if not given.keys() >= {"file", "column"}:
            self.fault(f"'{name}' (empirical) needs file and column", "[uncertainty]", name)
            return
        columns = self.columns_of(given["file"], "[uncertainty]", name)
        key = next((one for one in columns if canonical(one) == canonical(given["column"])), None)
        if columns and key is None:
            self.fault(str(unknown("column", given["column"], columns)), "[uncertainty]", name)
        given["values"] = list(columns.get(key or "", ()))

    def uncertainty(self, name: str, row: Any) -> Uncertainty | None:
        kind = row.get("distribution") if isinstance(row, dict) else None
        if not isinstance(kind, str) or kind not in KEYS:
            self.fault(
                str(unknown("distribution", str(kind), KEYS)) + f" for '{name}'", "[uncertainty]", name
            )
            return None
        required, optional = KEYS[kind]
        where = f"'{name}'"
        self.keys(row, required | optional | COMMON_KEYS, where)
        parameters: dict[str, Any] = {}
        before = len(self.faults)
        # in an order of their own: a kept sweep is told by how its experiment prints
        for key in sorted((required | optional) & row.keys()):
            if key in LISTS:
                parameters[key] = list(self.numbers(row[key], where, key) or ())
            elif key in TEXTS:
                parameters[key] = self.text(row, key, where)
            else:
                parameters[key] = self.number(row, key, where)
        if kind == "empirical":
            self.empirical(name, parameters)
        bounds = {key: self.number(row, key, where) if key in row else None for key in ("minimum", "maximum")}
        free, assumed = self.flag(row, "free", where), self.flag(row, "assumption", where)
        initial = self.flag(row, "initial", where)
        self.text(row, "note", where)
        source = self.text(row, "source", where) or ("assumption" if assumed else "")
        if len(self.faults) > before:
            return None
        found = Uncertainty(
            name, kind, parameters, bounds["minimum"], bounds["maximum"], free, source, initial
        )
        if fault := found.fault():
            self.fault(fault, "[uncertainty]", name)
            return None
        return found
