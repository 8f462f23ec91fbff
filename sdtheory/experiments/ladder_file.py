"""A ladder of models from coarse to fine, read from TOML: rungs, what must match, and switches."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sdtheory.errors import ExperimentError, SDError, shown
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.formula import read_formula
from sdtheory.model.model import Model
from sdtheory.names import canonical, nearest, unknown

KEYS = {
    "ladder": {"title", "experiment", "policies", "rung", "match", "switch"},
    "rung": {"name", "model", "alias"},
    "match": {"formula", "elasticity", "to", "alias", "relative"},
    "switch": {"rung", "from", "off", "part"},
    "part": {"name", "on"},
}


@dataclass(frozen=True)
class Rung:
    """One model of the ladder.

    Parameters
    ----------
    name : str
    model : Model or path
    alias : mapping of str to str
        Names that this model lacks, and the names to read in their place.
    """

    name: str
    model: Model | str | Path
    alias: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Match:
    """A quantity that must be the same on every rung at the start, under the baseline.

    Parameters
    ----------
    quantity : str
        A formula of the model's variables.
    to : str
        With it, the elasticity of the quantity to this stock is meant.
    relative : float
        How far rungs may differ.
    alias : mapping of rung to (quantity, to)
        What to read on a rung instead.
    """

    quantity: str
    to: str = ""
    relative: float = 1e-9
    alias: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def name(self) -> str:
        return f"elasticity of {self.quantity} to {self.to}" if self.to else self.quantity

    def on(self, rung: str) -> tuple[str, str]:
        """Quantity and stock as a rung has them."""
        for name, instead in self.alias.items():
            if canonical(name) == canonical(rung):
                return instead
        return self.quantity, self.to


@dataclass(frozen=True)
class Switch:
    """Refinements of a rung that can be switched off one at a time.

    Parameters
    ----------
    rung, coarse : str
        The rung, and the one that it behaves like when all is off.
    off : mapping of constant to float
    parts : mapping of name to tuple of str
        Each part's constants.
    """

    rung: str
    coarse: str
    off: Mapping[str, float]
    parts: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Ladder:
    """Models from coarse to fine, with the futures and policies that all of them meet.

    Examples
    --------
    >>> [rung.name for rung in Ladder.read("models/ladder.toml").rungs]
    ['M0', 'M1', 'M2', 'M3', 'M4']
    """

    rungs: tuple[Rung, ...]
    experiment: Experiment
    matches: tuple[Match, ...] = ()
    switches: tuple[Switch, ...] = ()
    title: str = ""
    file: str = ""

    @staticmethod
    def read(path: str | Path) -> Ladder:
        """Read a ladder file; its paths are relative to it and stay inside its folder.

        Raises
        ------
        ExperimentError
            With every fault of the file, one a line.
        """
        source = Path(path)
        try:
            text = source.read_bytes().decode("utf-8")
            tables = tomllib.loads(text)
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8"
            raise ExperimentError(f"cannot read the ladder: {reason}", file=str(path)) from None
        except tomllib.TOMLDecodeError as error:
            raise ExperimentError(f"not TOML: {error}", file=str(path)) from None
        reader = _Reader(source, text)
        found = reader.ladder(tables)
        if reader.faults or found is None:
            raise ExperimentError("\n".join(reader.faults))
        return found


class _Reader:
    """Reads the tables and gathers every fault with its line."""

    def __init__(self, file: Path, text: str):
        self.file, self.lines = file, text.splitlines()
        self.faults: list[str] = []

    def fault(self, message: str, word: str = "") -> None:
        whole = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
        line = next((n for n, text in enumerate(self.lines, 1) if word and whole.search(text)), None)
        text = str(SDError(message, file=str(self.file), line=line))
        if text not in self.faults:
            self.faults.append(text)

    def keys(self, table: Mapping, kind: str) -> None:
        for key in table:
            if key not in KEYS[kind]:
                close = nearest(key, KEYS[kind])
                hint = f"; did you mean '{close}'?" if close else ""
                self.fault(f"unknown key '{shown(key)}' in the {kind}{hint}", key)

    def rows(self, tables: Mapping, kind: str) -> list[dict]:
        found = tables.get(kind, [])
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            self.fault(f"'{kind}' must be a list of tables; write [[{kind}]] above each", kind)
            return []
        for row in found:
            self.keys(row, kind)
        return found

    def table(self, row: Mapping, key: str) -> dict:
        found = row.get(key, {})
        if isinstance(found, dict):
            return found
        self.fault(f"'{key}' must be a table", key)
        return {}

    def text(self, row: Mapping, key: str, kind: str) -> str:
        value = row.get(key)
        if not isinstance(value, str) or not value:
            self.fault(f"a {kind} needs '{key}'", f"[[{kind}]]")
            return ""
        return value

    def inside(self, name: str) -> Path | None:
        """The path of another file, which must lie in the ladder's folder."""
        folder = self.file.parent.resolve()
        found = (folder / name).resolve()
        if not found.is_relative_to(folder):
            self.fault(f"'{shown(name)}' lies outside the ladder's folder", name)
            return None
        return found

    def ladder(self, tables: dict) -> Ladder | None:
        self.keys(tables, "ladder")
        experiment = self.experiment(tables)
        rungs = tuple(rung for row in self.rows(tables, "rung") if (rung := self.rung(row)) is not None)
        names = [rung.name for rung in rungs]
        for name in {name for name in names if names.count(name) > 1}:
            self.fault(f"there are two rungs named '{shown(name)}'", name)
        if len(rungs) < 2:
            self.fault("a ladder needs two rungs or more")
        matches = tuple(match for row in self.rows(tables, "match") if (match := self.match(row, names)))
        switches = tuple(switch for row in self.rows(tables, "switch") if (switch := self.switch(row, names)))
        if experiment is None:
            return None
        return Ladder(rungs, experiment, matches, switches, str(tables.get("title", "")), str(self.file))

    def experiment(self, tables: Mapping) -> Experiment | None:
        found = None
        for key in ("experiment", "policies"):
            if key == "policies" and key not in tables:
                continue
            path = self.inside(self.text(tables, key, "ladder"))
            if path is None or not tables.get(key):
                return None
            try:
                read = Experiment.read(path)
            except SDError as error:
                self.faults.append(str(error))
                return None
            found = read if found is None else replace(found, policies=read.policies, baseline=read.baseline)
        return found

    def rung(self, row: Mapping) -> Rung | None:
        name, model = self.text(row, "name", "rung"), self.text(row, "model", "rung")
        path = self.inside(model) if model else None
        alias = self.table(row, "alias")
        if not all(isinstance(value, str) for value in alias.values()):
            self.fault(f"rung '{shown(name)}': an alias is the name of a variable", "alias")
            return None
        return None if path is None or not name else Rung(name, path, alias)

    def match(self, row: Mapping, rungs: list[str]) -> Match | None:
        key = "elasticity" if "elasticity" in row else "formula"
        quantity = self.text(row, key, "match")
        to = self.text(row, "to", "match") if key == "elasticity" else ""
        relative = row.get("relative", 1e-6 if to else 1e-9)
        if not isinstance(relative, int | float) or isinstance(relative, bool) or not 0 <= relative < 1:
            self.fault("'relative' must be a number from 0 to 1", "relative")
            return None
        alias: dict[str, tuple[str, str]] = {}
        for rung, instead in self.table(row, "alias").items():
            self.known(rung, rungs)
            parts = [instead] if isinstance(instead, str) else instead
            wanted = 2 if to else 1
            if (
                not isinstance(parts, list)
                or len(parts) != wanted
                or not all(isinstance(p, str) for p in parts)
            ):
                form = "[quantity, stock]" if to else "a formula"
                self.fault(f"the alias of rung '{shown(rung)}' must be {form}", rung)
                return None
            alias[rung] = (parts[0], parts[1] if to else "")
        for text in filter(None, [quantity, *(one for one, _ in alias.values())]):
            try:
                read_formula(text)
            except SDError as error:
                self.fault(error.message, text)
        return Match(quantity, to, float(relative), alias)

    def known(self, rung: str, rungs: list[str]) -> None:
        if canonical(rung) not in {canonical(name) for name in rungs}:
            self.fault(str(unknown("rung", rung, rungs)), rung)

    def switch(self, row: Mapping, rungs: list[str]) -> Switch | None:
        rung, coarse = self.text(row, "rung", "switch"), self.text(row, "from", "switch")
        for name in filter(None, (rung, coarse)):
            self.known(name, rungs)
        off = self.table(row, "off")
        parts: dict[str, tuple[str, ...]] = {}
        for part in self.rows(row, "part"):
            own: Any = part.get("on", [])
            if not isinstance(own, list) or not own:
                self.fault(f"part '{shown(part.get('name', ''))}' needs 'on', a list of names", "on")
                continue
            for name in own:
                if canonical(str(name)) not in {canonical(one) for one in off}:
                    self.fault(f"'{shown(name)}' is switched on but has no value in 'off'", str(name))
            parts[self.text(part, "name", "part")] = tuple(map(str, own))
        numbers = [
            value for value in off.values() if not isinstance(value, int | float) or isinstance(value, bool)
        ]
        if numbers or not off or not parts:
            self.fault("a switch needs 'off', numbers by name, and a [[switch.part]]", "[[switch]]")
            return None
        return Switch(rung, coarse, {name: float(value) for name, value in off.items()}, parts)
