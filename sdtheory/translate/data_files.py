"""Data files that a model names: found, confined to folders that the caller trusts, checked and read once."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sdtheory.documents import Source
from sdtheory.errors import LimitError, ModelError, shown
from sdtheory.limits import Limits
from sdtheory.translate.tables import too_large

SUFFIXES = frozenset({".csv", ".tab", ".txt", ".xls", ".xlsx"})
_ONLY_READ = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
# a link that takes the place of what was checked is not followed, and a pipe is not waited for
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)
_STEPWISE = os.open in os.supports_dir_fd


def allowed_folders(source: Source | None, folders: Sequence[str | Path]) -> list[Path]:
    """The folders that a model may read data from: its own, and those that the caller names."""
    own = [Path(source.path).parent] if source is not None else []
    return [Path(os.path.realpath(folder)) for folder in (*own, *folders)]


def located(name: str, folders: Sequence[Path]) -> tuple[Path | None, bool]:
    """The file that a model names, or None; and whether it would lie in one of the folders.

    The name is taken as it stands: no signs in it are replaced, and no other machine is asked.
    """
    inside = False
    if name.startswith(("\\\\", "//")):  # of another machine, which would learn who asks
        return None, False
    for folder in folders:
        path = Path(os.path.realpath(folder / name))
        if any(path.is_relative_to(allowed) for allowed in folders):
            inside = True
            if os.path.exists(path):
                return path, True
    return None, inside


def content(path: Path, folders: Sequence[Path], most: int) -> tuple[bytes, int]:
    """The bytes of a file that `located` found, and how many there are; one that is too large is not read.

    Every folder on the way is opened by its own name, so that what is read lies where it was looked for even
    when somebody changes the folders meanwhile.

    Raises
    ------
    OSError
        When it is no regular file any more, or cannot be read.
    """
    handle = _opened(path, folders)
    with open(handle, "rb") as stream:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise IsADirectoryError
        if status.st_size > most:
            return b"", status.st_size
        data = stream.read(most + 1)
        return data, len(data)


def _opened(path: Path, folders: Sequence[Path]) -> int:
    last = _ONLY_READ | _NO_LINK | _NO_WAIT
    if not _STEPWISE:
        return os.open(path, last)
    folder = next(folder for folder in folders if path.is_relative_to(folder))
    *between, name = path.relative_to(folder).parts or (".",)
    handle = os.open(folder, _ONLY_READ | os.O_DIRECTORY)
    try:
        for part in between:
            inner = os.open(part, _ONLY_READ | os.O_DIRECTORY | _NO_LINK, dir_fd=handle)
            os.close(handle)
            handle = inner
        return os.open(name, last, dir_fd=handle)
    finally:
        os.close(handle)


@dataclass(frozen=True)
class DataFile:
    """A data file that was read: the name that stands for it in the private folder, its suffix and bytes."""

    name: str
    suffix: str
    data: bytes


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
        self.found: dict[Path, DataFile] = {}

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """A private folder with an empty file for each that is read: PySD looks whether it is there."""
        with tempfile.TemporaryDirectory(prefix="sdtheory-") as private, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.private = Path(private)
            self.found = {}
            yield

    def file(self, name: str, limits: Limits, refused: Callable[..., ModelError]) -> DataFile:
        """A file that the model names.

        Parameters
        ----------
        name : str
        limits : Limits
        refused : callable
            ``refused(message, remedy=None)`` gives the error with the file's name and the place of who reads it.

        Raises
        ------
        ModelError
            When the file is outside the allowed folders, of another kind, too large or not there.
        """
        suffix = Path(name).suffix.lower()
        if suffix not in SUFFIXES or "\0" in name:
            raise refused(f"is none of {', '.join(sorted(SUFFIXES))}")
        path, inside = located(name, self.folders)
        if path is None and inside:
            raise refused("does not exist")
        if path is None:
            raise refused("lies outside the model's folder", "pass data_folders=[...] if you trust it")
        if path.suffix.lower() not in SUFFIXES:
            raise refused("leads to a file of another kind")
        if path not in self.found:
            data = self._content(path, limits, refused)
            self.read[name] = hashlib.sha256(data).hexdigest()
            private = self.private / f"data{len(self.found)}{suffix}"
            private.touch()
            self.found[path] = DataFile(private.name, suffix, data)
        return self.found[path]

    def _content(self, path: Path, limits: Limits, refused: Callable[..., ModelError]) -> bytes:
        try:
            data, size = content(path, self.folders, limits.data_bytes)
        except IsADirectoryError:
            raise refused("is not a file") from None
        except OSError as error:
            raise refused(f"cannot be read: {(error.strerror or 'unknown reason').lower()}") from None
        if size > limits.data_bytes:
            too_many: LimitError = too_large(
                refused(f"has {size:,} bytes; the limit is {limits.data_bytes:,}"), "data_bytes"
            )
            raise too_many
        return data


def named(name: str, error: Callable[..., ModelError]) -> Callable[..., ModelError]:
    """``error`` for a data file: its message begins with the file's name."""

    def refused(message: str, *remedy: str) -> ModelError:
        return error(f"the data file '{shown(name)}' {message}", *remedy)

    return refused
