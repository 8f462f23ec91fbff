"""An experiment file and those that it includes: opened with care, parsed, put together."""

from __future__ import annotations

import re
import tomllib
import warnings
from pathlib import Path
from typing import Any

from sdtheory.documents import contents
from sdtheory.errors import ExperimentError, SDError, SDWarning, shown
from sdtheory.limits import Limits
from sdtheory.names import canonical

MOST_PARTS = 50  # of a dotted key: the parser's time grows with their square
MOST_INCLUDED = 100
_PIECE = re.compile(
    r"""(?P<dot>\.)|(?P<part>"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[\w-]+)|(?P<blank>[ \t]+)|(?P<other>.)""",
    re.DOTALL,
)


def read_text(path: str | Path, limits: Limits) -> str:
    """The text of an experiment file.

    Raises
    ------
    ExperimentError
        When it cannot be opened, is no regular file, is too large or is not UTF-8.
    """
    name = shown(path, 4096)
    most = limits.experiment_bytes
    try:
        data, _ = contents(path, Limits(file_bytes=most))
    except SDError as error:
        message = error.message.replace("cannot be read", "cannot read the experiment")
        remedy = "raise limits=Limits(experiment_bytes=...)" if "bytes" in message else None
        raise ExperimentError(message, file=name, remedy=remedy) from None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ExperimentError("cannot read the experiment: not UTF-8", file=name, line=line) from None


def parsed(text: str, name: str) -> dict[str, Any]:
    """The tables of a TOML text.

    Raises
    ------
    ExperimentError
    """
    parts, before = 1, "other"
    for match in _PIECE.finditer(text):
        kind = match.lastgroup or "other"
        if kind == "blank":
            continue
        parts = parts + 1 if kind == "dot" else parts if kind == "part" and before == "dot" else 1
        before = kind
        if parts > MOST_PARTS:
            line = text.count("\n", 0, match.start()) + 1
            raise ExperimentError(f"a key of more than {MOST_PARTS} parts", file=name, line=line)
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ExperimentError("not TOML that can be read: it is nested too deeply", file=name) from None
    except ValueError as error:  # also a number of too many digits
        line_of = re.search(r"at line (\d+)", str(error))
        place = int(line_of.group(1)) if line_of else None
        raise ExperimentError(f"not TOML: {shown(error, 200)}", file=name, line=place) from None


def included(tables: dict[str, Any], folder: Path, limits: Limits) -> tuple[dict[str, Any], list[str]]:
    """The tables with those of the files that they include, and what is wrong with these.

    Parameters
    ----------
    tables : dict
    folder : Path
        Of the experiment file: what it includes must lie there.
    limits : Limits
    """
    names = tables.get("include", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return tables, ["'include' must be a list of file names"]
    if len(names) > MOST_INCLUDED:
        return tables, [f"{len(names):,} files are included; the limit is {MOST_INCLUDED}"]
    merged: dict[str, Any] = {}
    wrong = []
    for name in names:
        if not lies_inside(name, folder):
            wrong.append(f"include '{shown(name)}' lies outside the experiment's folder")
            continue
        try:
            merged = _merged(merged, parsed(read_text(folder / name, limits), shown(name)))
        except ExperimentError as error:
            wrong.append(f"cannot include '{shown(name)}': {error.message}")
    return _merged(merged, tables), wrong


def lies_inside(name: str, folder: Path) -> bool:
    """Whether a name that an experiment gives leads to a place inside its folder."""
    try:
        return "\0" not in name and (folder / name).resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # a circle of links
        return False


def _merged(base: dict, later: dict) -> dict:
    """Tables of both; lists of named entries are joined, a later entry of the same name wins."""
    result = dict(base)
    for key, value in later.items():
        before = result.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            result[key] = {**before, **value}
        elif key in ("policy", "metric", "loop") and isinstance(value, list) and isinstance(before, list):
            names = {_name(row) for row in value}
            for row in before:
                if _name(row) in names:
                    text = (
                        f"{key} '{shown(row.get('name', ''))}' of an included file is replaced by a later one"
                    )
                    warnings.warn(text, SDWarning, stacklevel=4)
            result[key] = [row for row in before if _name(row) not in names] + value
        else:
            result[key] = value
    return result


def _name(row: Any) -> str:
    return canonical(str(row.get("name", ""))) if isinstance(row, dict) else ""
