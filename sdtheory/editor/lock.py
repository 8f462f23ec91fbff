"""One editor at a time has a model file open."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from sdtheory.documents.saving import still_there
from sdtheory.documents.text import file_name
from sdtheory.errors import UsageError

try:
    import fcntl
except ImportError:  # Windows has none: there nothing keeps two editors off one file
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def only_editor(model: str | os.PathLike[str], port: int) -> Iterator[None]:
    """Hold the lock beside a model file; the system lets go of it when its holder dies.

    Parameters
    ----------
    model : path-like
    port : int
        What a second editor is told of this one, beside its process.

    Raises
    ------
    UsageError
        When another editor has the file open; its process and port are named.
    """
    target = Path(os.path.realpath(model))
    lock = target.with_name(f".{target.name}.editing")
    handle = _held(lock, target) if fcntl is not None else None
    if handle is None:
        yield
        return
    try:
        os.ftruncate(handle, 0)
        os.write(handle, json.dumps({"process": os.getpid(), "port": port}).encode())
        yield
    finally:
        with contextlib.suppress(OSError):
            os.unlink(lock)
        os.close(handle)


def _held(lock: Path, target: Path) -> int | None:
    """The lock's handle; None in a folder in which nothing can be written, so nothing can be saved either."""
    while True:
        try:
            handle = os.open(lock, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        except OSError:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if still_there(lock, handle):
                return handle
        except BlockingIOError:
            holder = _holder(handle)
            os.close(handle)
            raise UsageError(
                f"this file is being edited{holder}",
                file=file_name(str(target)),
                remedy="go on there, or end that editor first",
            ) from None
        os.close(handle)  # its last holder has removed it meanwhile


def _holder(handle: int) -> str:
    try:
        found = json.loads(os.read(handle, 200))
        return f" by process {int(found['process'])} at http://127.0.0.1:{int(found['port'])}/"
    except (ValueError, TypeError, LookupError):
        return " by another process"
