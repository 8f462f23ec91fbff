"""Data files that a model names: found, checked and copied before anything reads them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from sdtheory.documents import Source
from sdtheory.errors import ModelError, shown

SUFFIXES = frozenset({".csv", ".tab", ".txt", ".xls", ".xlsx"})
MOST_BYTES = 100_000_000
MOST_INFLATED = 200_000_000


def allowed_folders(source: Source | None, folders: Sequence[str | Path]) -> list[Path]:
    """The folders that a model may read data from: its own, and those that the caller names."""
    own = [Path(source.path).parent] if source is not None else []
    return [Path(os.path.realpath(folder)) for folder in (*own, *folders)]


def located(name: str, folders: Sequence[Path]) -> tuple[Path | None, bool]:
    """The file that a model names, or None; and whether it would lie in one of the folders."""
    inside = False
    for folder in folders:
        path = Path(os.path.realpath(folder / name))
        if any(path.is_relative_to(allowed) for allowed in folders):
            inside = True
            if path.exists():
                return path, True
    return None, inside


class DataFiles:
    """The data files that a model may read, and those that it did read.

    Parameters
    ----------
    source : Source or None
        The model's own file.
    folders : sequence of path-like
        Allowed beside the model's own folder.
    """

    def __init__(self, source: Source | None, folders: Sequence[str | Path]):
        self.folders = allowed_folders(source, folders)
        self.read: dict[str, str] = {}  # name to SHA-256 of what was read
        self.private = Path()
        self.copies: dict[Path, str] = {}

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """A private folder for the copies, while they are read."""
        with tempfile.TemporaryDirectory(prefix="sdtheory-") as private, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.private = Path(private)
            self.copies = {}
            yield

    def copy_of(self, name: str, error: Callable[..., ModelError]) -> str:
        """The name of a private copy of a file that the model names.

        Parameters
        ----------
        name : str
        error : callable
            ``error(message, remedy=None)`` gives the error with the place of who reads the file.

        Raises
        ------
        ModelError
            When the file is outside the allowed folders, of another kind, too large or not there.
        """

        def refused(message: str, *remedy: str) -> ModelError:
            return error(f"the data file '{shown(name)}' {message}", *remedy)

        path = self._allowed(name, refused)
        if path not in self.copies:
            data = path.read_bytes()
            self.read[name] = hashlib.sha256(data).hexdigest()
            copy = self.private / f"data{len(self.copies)}{path.suffix.lower()}"
            copy.write_bytes(data)
            if copy.suffix == ".xlsx":
                _check_zip(copy, refused)
            self.copies[path] = copy.name
        return self.copies[path]

    def _allowed(self, name: str, refused: Callable[..., ModelError]) -> Path:
        if Path(name).suffix.lower() not in SUFFIXES or "\0" in name:
            raise refused(f"is none of {', '.join(sorted(SUFFIXES))}")
        path, inside = located(name, self.folders)
        if path is None and inside:
            raise refused("does not exist")
        if path is None:
            raise refused("lies outside the model's folder", "pass data_folders=[...] if you trust it")
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise refused("is not a file")
        if status.st_size > MOST_BYTES:
            raise refused(f"has {status.st_size:,} bytes; the limit is {MOST_BYTES:,}")
        return path


def _check_zip(path: Path, refused: Callable[..., ModelError]) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            inflated = sum(part.file_size for part in archive.infolist())
    except zipfile.BadZipFile:
        raise refused("is damaged") from None
    if inflated > MOST_INFLATED:
        raise refused(f"would be {inflated:,} bytes unpacked; the limit is {MOST_INFLATED:,}")
