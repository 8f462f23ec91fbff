"""Machine code kept on disk between processes, in a folder that belongs to the user alone.

A file is used only when its first 32 bytes are the SHA-256 of its key and of the rest, so that a damaged
one is never run.
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
DIGEST = 32
SUFFIX = ".code"


def folder() -> Path:
    """Where machine code is kept: below ``SDTHEORY_CACHE``, else below the platform's cache folder."""
    given = os.environ.get("SDTHEORY_CACHE")
    if given:
        return Path(given) / "machine-code"
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "sdtheory" / "machine-code"


def load(key: str) -> bytes | None:
    """The machine code kept under a key, or None; a damaged file is reported and not used.

    Examples
    --------
    >>> load("0" * 64) is None
    True
    """
    home = _own_folder(create=False)
    if home is None:
        return None
    path = home / (key + SUFFIX)
    try:
        with path.open("rb") as file:
            own = _is_own(os.fstat(file.fileno()))
            data = file.read()
        os.utime(path)  # what is used is not the oldest
    except OSError:
        return None
    if own and data[:DIGEST] == _digest(key, data[DIGEST:]):
        return data[DIGEST:]
    _warn(f"the cached machine code {shown(path)} is {'damaged' if own else 'not yours'}; it is made again")
    return None


def save(key: str, code: bytes) -> None:
    """Keep machine code under a key, and remove the oldest when there is too much."""
    home = _own_folder(create=True)
    if home is None:
        return
    try:
        handle, temporary = tempfile.mkstemp(dir=home)
        with os.fdopen(handle, "wb") as file:
            file.write(_digest(key, code) + code)
        os.replace(temporary, home / (key + SUFFIX))
        _trim(home)
    except OSError as error:
        _warn(f"machine code is not kept: {shown(error)}")


def _digest(key: str, code: bytes) -> bytes:
    return hashlib.sha256(key.encode() + code).digest()


def _own_folder(create: bool) -> Path | None:
    """The folder, or None when it cannot be used."""
    home = folder()
    try:
        if create:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = home.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        _warn(f"machine code is not kept: {shown(error)}")
        return None
    if not _is_own(status):
        _warn(f"machine code is not kept: {shown(home)} is not yours, or others may write to it")
        return None
    return home


def _is_own(status: os.stat_result) -> bool:
    """Whether only this user could have written what has this status."""
    if not hasattr(os, "getuid"):
        return True  # no owners in POSIX's sense: the platform's cache folder is the user's own
    return status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _trim(home: Path) -> None:
    files = sorted(((file.stat(), file) for file in home.iterdir()), key=lambda pair: pair[0].st_mtime)
    size = sum(status.st_size for status, _ in files)
    for status, file in files:
        if size <= MOST_BYTES:
            break
        file.unlink(missing_ok=True)
        size -= status.st_size


def _warn(message: str) -> None:
    warnings.warn(message, SDWarning, stacklevel=2)
