"""Steps that write files, kept so that a run that was stopped goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdtheory.study.page import Part
from sdtheory.study.pieces import Piece

RECORD = "unfinished.json"


@dataclass(frozen=True)
class Done:
    """A step that was made: its part of the report, its data."""

    part: Part
    data: dict


class Record:
    """What is done of a study in a folder.

    Parameters
    ----------
    folder : Path
    identity : str
        Of everything that results depend on; a record of another study is not gone on with.
    """

    def __init__(self, folder: Path, identity: str):
        self.folder, self.path, self.identity = folder, folder / RECORD, identity
        self.steps: dict[str, Any] = {}
        try:
            read = json.loads(self.path.read_text(encoding="utf-8"))
            if read["identity"] == identity:
                self.steps = dict(read["steps"])
        except (OSError, ValueError, KeyError, TypeError):
            pass  # none, or none that can be read: begun anew

    def done(self, name: str) -> Done | None:
        """A step of which every file is there as it was written."""
        row = self.steps.get(name)
        if row is None or any(_digest(self.folder / file) != digest for file, digest in row["files"].items()):
            return None
        return Done(Part(row["heading"], row["lines"], row["pictures"]), row["data"])

    def make(self, name: str, piece: Piece) -> Done:
        """Write a piece's files and remember them."""
        written = piece.write(self.folder)
        pictures = sorted([*piece.figures, *piece.drawings])
        self.steps[name] = {
            "files": {path.name: _digest(path) for path in written},
            "heading": piece.heading,
            "lines": list(piece.lines),
            "pictures": pictures,
            "data": dict(piece.data),
        }
        text = json.dumps({"identity": self.identity, "steps": self.steps}, allow_nan=False)
        fresh = self.path.with_suffix(".part")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(self.path)
        return Done(Part(piece.heading, list(piece.lines), pictures), dict(piece.data))

    def close(self) -> None:
        """The study is complete: nothing is left to go on with."""
        self.path.unlink(missing_ok=True)


def identity(models: Path, runs: int, seed: int, version: str) -> str:
    """A digest of the models and tables of a folder and of what was asked for."""
    whole = hashlib.sha256(f"{version} {runs} {seed}".encode())
    for path in sorted(models.iterdir()):
        if path.suffix in (".toml", ".xmile"):
            whole.update(path.name.encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


Step = tuple[str, Callable[[Any], Piece]]
