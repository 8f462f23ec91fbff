"""One process at a time writes into a folder of results."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sdtheory.errors import StoreError, shown

try:
    import fcntl
except ImportError:  # Windows has none: there nothing keeps two processes out of one folder
    fcntl = None  # type: ignore[assignment]

LOCK = "lock"


@dataclass(frozen=True)
class Lock:
    """A folder's lock.

    Attributes
    ----------
    handle : int
        The open file; a forked child must close it.
    died : bool
        Whether the last holder died while it held the lock.
    """

    handle: int
    died: bool


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[Lock]:
    """Hold the folder's lock.

    The system lets go of the lock when its holder dies, so a stale one is never in the way.

    Raises
    ------
    StoreError
        When another process holds it; its id is named.
    """
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
    try:
        if fcntl is not None:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StoreError(
                    f"process {_holder(handle)} is writing to '{shown(str(folder))}'",
                    remedy="wait for it, or choose another folder",
                ) from None
        died = _holder(handle) != 0
        _sign(handle, str(os.getpid()))
        yield Lock(handle, died)
        _sign(handle, "")
    finally:
        os.close(handle)


def _holder(handle: int) -> int:
    os.lseek(handle, 0, os.SEEK_SET)
    text = os.read(handle, 32)
    return int(text) if text.isdigit() else 0


def _sign(handle: int, text: str) -> None:
    os.ftruncate(handle, 0)
    os.lseek(handle, 0, os.SEEK_SET)
    os.write(handle, text.encode())
