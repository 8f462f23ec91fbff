"""Save a document so that the file on disk is at every moment the old one or the new one."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from sdtheory.documents.document import Document
from sdtheory.documents.index import Source
from sdtheory.documents.text import file_name
from sdtheory.errors import DocumentError, UsageError, shown

try:
    import fcntl
except ImportError:  # Windows has none; what changed on disk is noticed there all the same
    fcntl = None  # type: ignore[assignment]

PATIENCE = 2.0  # seconds that a writer waits for another one
_BINARY = getattr(os, "O_BINARY", 0)


def write(document: Document, path: str | os.PathLike[str], *, if_changed: str = "refuse") -> Document:
    """Save a document, atomically.

    The bytes go to a new file in the same folder, which then takes the place of the old one: a full disk, a
    crash or a kill at any moment leaves the old file whole. Permissions are kept.

    Parameters
    ----------
    document : Document
    path : path-like
        A symbolic link is followed when it stays below its own folder.
    if_changed : str
        ``"refuse"``: raise when the file is not the one that was read. ``"replace"``: overwrite it.

    Returns
    -------
    Document
        The same document, whose `source` is the saved file.

    Raises
    ------
    DocumentError
        When the file changed since it was read, is another file than the one that was read, is being written by
        another program, or cannot be written; it is then as it was.

    Examples
    --------
    >>> import tempfile
    >>> from sdtheory.documents import read
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "farm.mdl"
    ...     _ = path.write_text("{UTF-8}\\nbirths = 3 ~~|\\n")
    ...     saved = write(read(path).set_equation("births", 4), path)
    ...     path.read_text()
    '{UTF-8}\\nbirths = 4 ~~|\\n'
    """
    if if_changed not in ("refuse", "replace"):
        raise UsageError(f"if_changed='{shown(if_changed)}'", remedy="use 'refuse' or 'replace'")
    name = os.fsdecode(path)
    try:
        target = _target(name)
        with _only_writer(target):
            if if_changed == "refuse":
                _check_unchanged(document, target)
                _replace(target, document.bytes, lambda: _check_unchanged(document, target))
            else:
                _replace(target, document.bytes, lambda: None)
    except OSError as error:
        raise _unsaved(name, error) from None
    source = Source(name, hashlib.sha256(document.bytes).hexdigest(), len(document.bytes))
    return dataclasses.replace(document, source=source)


def put_bytes(target: Path, data: bytes) -> None:
    """Write a file whole or not at all; OSError when it cannot be written, and nothing is left behind."""
    _replace(target, data, lambda: None)


def _unsaved(name: str, error: OSError) -> DocumentError:
    reason = (error.strerror or str(error)).lower()
    remedy = "the file is as it was"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        remedy += f"; the folder '{shown(os.path.dirname(os.path.abspath(name)))}' must be writable"
    return DocumentError(f"cannot be saved: {reason}", file=file_name(name), remedy=remedy)


def _target(name: str) -> Path:
    """The file itself, behind symbolic links that stay below the folder they stand in."""
    folder = os.path.realpath(os.path.dirname(os.path.abspath(name)))
    target = Path(os.path.realpath(name))
    if not target.is_relative_to(folder):
        raise DocumentError(
            f"this is a link to '{shown(target)}', outside its own folder",
            file=file_name(name),
            remedy="save to that path itself",
        )
    if target.exists() and not target.is_file():
        raise DocumentError("this is not a regular file", file=file_name(name), remedy="choose another name")
    return target


def _check_unchanged(document: Document, target: Path) -> None:
    """Raise when there is a file and it is not the one that was read."""
    try:
        handle = os.open(target, os.O_RDONLY | _BINARY)
    except FileNotFoundError:
        return
    with open(handle, "rb") as stream:
        data = stream.read()
        changed = time.strftime("%H:%M", time.localtime(os.fstat(stream.fileno()).st_mtime))
    source = document.source
    if source is None or Path(os.path.realpath(source.path)) != target:
        raise DocumentError(
            "this file exists and is not the one that was read",
            file=file_name(str(target)),
            remedy='choose another name, or pass if_changed="replace"',
        )
    if hashlib.sha256(data).hexdigest() not in (source.sha256, hashlib.sha256(document.bytes).hexdigest()):
        raise DocumentError(
            f"the file changed on disk since it was read ({changed})",
            file=file_name(str(target)),
            remedy='reread it, or pass if_changed="replace"',
        )


def _replace(target: Path, data: bytes, last_look: Callable[[], None]) -> None:
    """Put the bytes into a file beside the target, look at them, and let it take the target's place."""
    beside = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
    mode = stat.S_IMODE(os.stat(target).st_mode) if target.exists() else None
    try:
        handle = os.open(
            beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666 if mode is None else 0o600
        )
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(handle, rest) :]
            if mode is not None:
                os.chmod(beside, mode)
            os.fsync(handle)
        finally:
            os.close(handle)
        if beside.read_bytes() != data:
            raise OSError(errno.EIO, "the disk gave other bytes back")
        last_look()
        os.replace(beside, target)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(beside)
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name last; the file is whole by now, so a system that cannot do this is no fault."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def _only_writer(target: Path) -> Iterator[None]:
    """Hold the lock beside the target; the system lets go of it when its holder dies."""
    if fcntl is None:
        yield
        return
    lock = target.with_name(f".{target.name}.lock")
    handle = _locked(lock, target)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # the file is saved by now, and the lock goes with its holder
            os.unlink(lock)
        with contextlib.suppress(OSError):
            os.close(handle)


def _locked(lock: Path, target: Path) -> int:
    deadline = time.monotonic() + PATIENCE
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if still_there(lock, handle):
                return handle
        except BlockingIOError:
            pass
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
        if time.monotonic() > deadline:
            raise DocumentError(
                "another program is saving this file", file=file_name(str(target)), remedy="try again"
            )
        time.sleep(0.02)


def still_there(lock: Path, handle: int) -> bool:
    """Is the locked file still the one of that name? Its last holder may have removed it meanwhile."""
    try:
        return os.path.samestat(os.stat(lock), os.fstat(handle))
    except FileNotFoundError:
        return False
