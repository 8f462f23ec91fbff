"""What is costly to make, kept on disk between processes in a folder that belongs to the user alone.

A file is used only when its first 32 bytes are the SHA-256 of its key and of the rest, so a damaged one is
never used. Losing the whole folder loses time and nothing else.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
import warnings
from pathlib import Path

from sdtheory.errors import SDWarning, shown

MOST_BYTES = 256 * 2**20
_DIGEST = 32
_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def folder(kind: str) -> Path:
    """Where things of a kind are kept: below ``SDTHEORY_CACHE``, else below the platform's cache folder.

    Parameters
    ----------
    kind : str
        Name of the folder, such as ``"models"``.
    """
    given = os.environ.get("SDTHEORY_CACHE")
    if given:
        return Path(given) / kind
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "sdtheory" / kind


def read(kind: str, key: str) -> bytes | None:
    """What is kept under a key, or None; a damaged file is reported and removed.

    Parameters
    ----------
    kind : str
    key : str
        Hexadecimal digits that stand for all that the thing depends on.

    Warns
    -----
    SDWarning
        When a file is damaged or somebody else's.

    Examples
    --------
    >>> read("models", "0" * 64) is None
    True
    """
    home = _own_folder(kind, create=False)
    if home is None:
        return None
    path = home / key
    try:
        # a pipe in the place of the file is not waited for
        with open(os.open(path, os.O_RDONLY | _NO_WAIT), "rb") as file:
            status = os.fstat(file.fileno())
            own = _is_own(status) and stat.S_ISREG(status.st_mode)
            data = file.read() if own else b""
        if own and data[:_DIGEST] == _digest(key, data[_DIGEST:]):
            os.utime(path)  # what is used is not the oldest
            return data[_DIGEST:]
        path.unlink()
    except OSError:
        return None
    what = "damaged" if own else "not your own"
    warnings.warn(f"the cached file {shown(path, 200)} is {what}; it is made again", SDWarning, stacklevel=2)
    return None


def write(kind: str, key: str, data: bytes) -> None:
    """Keep something under a key; the oldest of its kind goes when there is too much.

    Where nothing can be written, nothing is kept.

    Warns
    -----
    SDWarning
        When the folder is not the user's own.
    """
    home = _own_folder(kind, create=True)
    if home is None:
        return
    try:
        handle, temporary = tempfile.mkstemp(dir=home)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_digest(key, data) + data)
            os.replace(temporary, home / key)
        except OSError:
            os.unlink(temporary)
            raise
        prune(home, MOST_BYTES)
    except OSError:
        pass


def prune(home: Path, most: int) -> None:
    """Remove the files of a folder that were used longest ago until the rest has at most `most` bytes."""
    with os.scandir(home) as found:
        files = sorted((entry.stat().st_mtime, entry.stat().st_size, entry.path) for entry in found)
    size = sum(one for _, one, _ in files)
    for _, one, path in files:
        if size <= most:
            break
        Path(path).unlink(missing_ok=True)
        size -= one


def _digest(key: str, data: bytes) -> bytes:
    return hashlib.sha256(key.encode() + b"\0" + data).digest()


def _own_folder(kind: str, create: bool) -> Path | None:
    """The folder, or None when it cannot be used."""
    home = folder(kind)
    try:
        if create:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = home.lstat()
    except OSError:
        return None
    if stat.S_ISDIR(status.st_mode) and _is_own(status):
        return home
    if create:
        message = (
            f"nothing is kept in {shown(home, 200)}: it is not your own folder, or others may write to it"
        )
        warnings.warn(message, SDWarning, stacklevel=3)
    return None


def _is_own(status: os.stat_result) -> bool:
    """Whether only this user could have written what has this status."""
    if not hasattr(os, "getuid"):
        return True  # no owners in POSIX's sense: the platform's cache folder is the user's own
    return status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
