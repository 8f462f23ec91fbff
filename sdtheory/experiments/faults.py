"""Everything wrong with an experiment, each in one line with its place in the file."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from sdtheory.errors import ExperimentError, SDError, shown
from sdtheory.names import canonical, nearest, unknown

MOST_FAULTS = 50
MOST_ROWS = 1_000  # of one kind: policies, metrics, uncertainties


def mentioned(text: str) -> str:
    """The first name between apostrophes."""
    found = re.search(r"'([^']+)'", text)
    return found.group(1) if found else ""


def finite(value: Any) -> float | None:
    """A number of a TOML file as a float; None for anything else, and for one that no float can hold."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


class Faults:
    """Gathers faults, and what is needed to find them, for a file with a text.

    Parameters
    ----------
    file, text : str
    """

    def __init__(self, file: str, text: str):
        self.file = file
        self.lines = text.splitlines()
        self.faults: list[str] = []

    def line_of(self, *words: str) -> int | None:
        """The line of the last word that is found, each looked for from the line of the one before."""
        place: int | None = None
        for word in filter(None, words):
            whole = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
            lines = range(place or 0, len(self.lines))
            place = next((number for number in lines if whole.search(self.lines[number])), place)
        return None if place is None else place + 1

    def entry(self, name: str) -> str:
        """What stands where an entry of a list is given its name, as a word for `line_of`."""
        own = re.compile(rf"""name\s*=\s*["']{re.escape(name)}["']""")
        return next((found.group() for line in self.lines if (found := own.search(line))), name)

    def fault(self, message: str, *words: str) -> None:
        """Note a fault.

        Raises
        ------
        ExperimentError
            When there are so many that more would tell nothing.
        """
        line = self.line_of(*words)
        text = str(SDError(shown(message, 400), file=shown(self.file, 4096) or None, line=line))
        if text not in self.faults:
            self.faults.append(text)
        if len(self.faults) >= MOST_FAULTS:
            self.stop_on_faults()

    def stop_on_faults(self) -> None:
        """Raise an ExperimentError with all faults, if there are any."""
        if self.faults:
            raise ExperimentError("\n".join(self.faults))

    def known(self, name: str, candidates: Iterable[str], kind: str) -> bool:
        """Whether a name is among some; a fault when it is not."""
        names = list(candidates)
        if canonical(name) in {canonical(candidate) for candidate in names}:
            return True
        self.fault(str(unknown(kind, name, names)), name)
        return False

    # parts of a TOML file: each is given as what it must be, whatever the file has there

    def keys(self, table: Mapping, allowed: set[str], where: str) -> None:
        """A fault for each key that is not allowed."""
        for key in table:
            if key not in allowed:
                close = nearest(key, allowed)
                hint = f"; did you mean '{close}'?" if close else ""
                self.fault(f"unknown key '{shown(key)}' in {where}{hint}", mentioned(where) or where, key)

    def table(self, tables: Mapping, name: str, allowed: set[str] | None = None) -> dict:
        """A table; empty when there is none."""
        found = tables.get(name, {})
        if not isinstance(found, dict):
            self.fault(f"'{name}' must be a table", name)
            return {}
        if allowed is not None:
            self.keys(found, allowed, f"[{name}]")
        elif len(found) > MOST_ROWS:
            self.fault(f"[{name}] has {len(found):,} entries; the limit is {MOST_ROWS:,}", name)
            return {}
        return found

    def rows(self, tables: Mapping, name: str) -> list[dict]:
        """The tables of a list such as ``[[policy]]``."""
        found = tables.get(name, [])
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            self.fault(f"'{name}' must be a list of tables; write [[{name}]] above each", name)
            return []
        if len(found) > MOST_ROWS:
            self.fault(f"there are {len(found):,} [[{name}]]; the limit is {MOST_ROWS:,}", name)
            return []
        return found

    def texts(self, table: Mapping, key: str, where: str) -> list[str]:
        """A list of texts; empty when there is none."""
        found = table.get(key, [])
        if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
            self.fault(f"{where}: '{key}' must be a list of texts", mentioned(where) or where, key)
            return []
        if len(found) > MOST_ROWS:
            self.fault(f"{where}: '{key}' has {len(found):,} texts; the limit is {MOST_ROWS:,}", key)
            return []
        return found

    def text(self, table: Mapping, key: str, where: str, default: str = "") -> str:
        """A text."""
        value = table.get(key, default)
        if not isinstance(value, str):
            self.fault(f"{where}: '{key}' must be a text", mentioned(where) or where, key)
            return default
        return value

    def flag(self, table: Mapping, key: str, where: str, default: bool = False) -> bool:
        """True or false."""
        value = table.get(key, default)
        if not isinstance(value, bool):
            self.fault(f"{where}: '{key}' must be true or false", mentioned(where) or where, key)
            return default
        return value

    def whole(self, table: Mapping, key: str, default: int, least: int, most: int) -> int:
        """A whole number between two others."""
        value = table.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            large = isinstance(value, int) and value > most
            text = (
                "more" if large else shown(value) if not isinstance(value, int) or value > -most else "less"
            )
            bound = f"of at most {most:,}" if large else f"of {least} or more"
            self.fault(f"{key} = {text}: give a whole number {bound}", key)
            return default
        return value

    def number(self, table: Mapping, key: str, where: str, default: float | None = None) -> float:
        """A finite number."""
        found = finite(table.get(key, default))
        if found is None:
            self.fault(f"{where}: '{key}' must be a finite number", mentioned(where) or where, key)
            return 0.0
        return found

    def numbers(self, value: Any, where: str, key: str, count: int | None = None) -> tuple[float, ...] | None:
        """A list of finite numbers, of a length if one is given."""
        found = [finite(one) for one in value] if isinstance(value, list) else []
        kept = tuple(one for one in found if one is not None)
        wanted = len(found) if count is None else count
        if not kept or not len(kept) == len(found) == wanted:
            many = "" if count is None else f"{count} "
            self.fault(
                f"{where}: '{key}' must be a list of {many}finite numbers", mentioned(where) or where, key
            )
            return None
        return kept
