"""Unsaved changes, kept outside the model's folder until they are saved, so that no crash loses them.

A file of lines of JSON: first the document as it was opened, then what each step of the history put in the
place of what. Every change adds a line or two.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import stat
import sys
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST_STEPS = 200  # of the history that are brought back
_MOST_BYTES = 200_000_000
_NONSENSE = (ValueError, TypeError, LookupError, ArithmeticError, RecursionError, zlib.error)
_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)

Steps = Sequence[tuple[str, bytes]]  # names of the steps, and the document's bytes after each


def folder() -> Path:
    """Where unsaved changes are kept: below ``SDTHEORY_STATE``, else below the platform's folder for such."""
    given = os.environ.get("SDTHEORY_STATE")
    if given:
        return Path(given)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return base / "sdtheory"


def kept_file(model: str | os.PathLike[str]) -> Path:
    """Where the unsaved changes to a model file are kept."""
    path = os.path.realpath(model)
    return folder() / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:32]}.unsaved"


@dataclass(frozen=True)
class Kept:
    """Unsaved changes that were found.

    Attributes
    ----------
    steps : sequence of (str, bytes)
        From the document as opened to the last one made.
    position : int
        The step that was shown.
    saved : str
        SHA-256 of the model file that they were made to.
    when : float
        Time of the last change, in seconds as of `time.time`.
    """

    steps: Steps
    position: int
    saved: str
    when: float


class Journal:
    """Keeps the unsaved changes to one model file.

    Parameters
    ----------
    model : path-like

    Examples
    --------
    >>> journal = Journal("farm.mdl")
    >>> journal.keep([("", b"births = 3"), ("Change births", b"births = 40")], 1, saved="5e")
    >>> found = kept("farm.mdl")
    >>> found.steps[found.position]
    ('Change births', b'births = 40')
    >>> journal.forget()
    >>> kept("farm.mdl") is None
    True
    """

    def __init__(self, model: str | os.PathLike[str]):
        self.model = os.path.realpath(model)
        self.path = kept_file(model)
        self._handle: int | None = None
        self._steps: list[tuple[str, bytes]] = []
        self._position = -1

    def keep(self, steps: Steps, position: int, *, saved: str) -> None:
        """Keep a history whose shown document is not saved.

        Parameters
        ----------
        steps : sequence of (str, bytes)
        position : int
        saved : str
            SHA-256 of the model file.

        Raises
        ------
        OSError
            The changes cannot be kept; nothing else is wrong.
        """
        lines: list[dict[str, Any]] = []
        if self._handle is None:
            self._handle = self._created()
            self._steps, self._position = [steps[0]], 0
            base = base64.b64encode(zlib.compress(steps[0][1])).decode()
            lines.append({"model": self.model, "saved": saved, "base": base})
        same = 0
        for old, new in zip(self._steps, steps, strict=False):
            if old[0] != new[0] or (old[1] is not new[1] and old[1] != new[1]):
                break
            same += 1
        assert same, "a history keeps the document that was opened"
        if same < len(self._steps):
            lines.append({"keep": same})
        for before, (name, after) in zip(steps[same - 1 :], steps[same:], strict=False):
            lines.append({"name": name, **_difference(before[1], after)})
        if position != self._position or lines:
            lines.append({"position": position})
        data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        self._steps, self._position = list(steps), position
        while data:
            data = data[os.write(self._handle, data) :]

    def flush(self) -> None:
        """See to it that not even a failing system loses what is kept."""
        if self._handle is not None:
            with contextlib.suppress(OSError):
                os.fsync(self._handle)

    def forget(self) -> None:
        """All is saved: remove the file."""
        self.close()
        with contextlib.suppress(OSError):
            self.path.unlink()

    def close(self) -> None:
        """Stop; the file stays."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _created(self) -> int:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()
        return os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | _FLAGS, 0o600)


def _difference(before: bytes, after: bytes) -> dict[str, Any]:
    """The one part in which two texts differ."""
    shorter = min(len(before), len(after))
    start = _common(before[:shorter], after[:shorter])
    back = _common(before[start:][::-1], after[start:][::-1])
    return {
        "start": start,
        "stop": len(before) - back,
        "text": base64.b64encode(after[start : len(after) - back]).decode(),
    }


def _common(one: bytes, other: bytes) -> int:
    """How many bytes at the start are the same."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def kept(model: str | os.PathLike[str]) -> Kept | None:
    """Unsaved changes to a model file that an earlier session left, or None.

    A line cut off by a crash, and what stands after it, is left out. A file that is not this user's own, or makes no
    sense, is as good as none.
    """
    path = kept_file(model)
    try:
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _FLAGS), "rb") as file:
            status = os.fstat(file.fileno())
            if not _is_own(status) or status.st_size > _MOST_BYTES:
                return None
            lines = file.read().split(b"\n")[:-1]
    except OSError:
        return None
    try:
        head = json.loads(lines[0])
        steps = [("", _inflated(head["base"]))]
        saved = str(head["saved"])
        if head["model"] != os.path.realpath(model):
            return None
    except _NONSENSE:
        return None
    position = 0
    for line in lines[1:]:
        try:
            position = _followed(steps, position, json.loads(line))
        except _NONSENSE:
            break
    position = max(0, min(position, len(steps) - 1))
    first = max(0, min(position, len(steps) - 1 - MOST_STEPS))
    return Kept(steps[first : first + MOST_STEPS + 1], position - first, saved, status.st_mtime)


def _followed(steps: list[tuple[str, bytes]], position: int, line: dict[str, Any]) -> int:
    """Do to a history what one more line says, and give the position."""
    if "keep" in line:
        del steps[max(1, int(line["keep"])) :]
    elif "position" in line:
        position = int(line["position"])
    else:
        before, start, stop = steps[-1][1], int(line["start"]), int(line["stop"])
        text = base64.b64decode(line["text"], validate=True)
        steps.append((str(line["name"]), before[:start] + text + before[stop:]))
    return position


def _inflated(text: str) -> bytes:
    return zlib.decompressobj().decompress(base64.b64decode(text, validate=True), _MOST_BYTES)


def _is_own(status: os.stat_result) -> bool:
    """Whether it is a file that only this user could have written."""
    own = not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & 0o022)
    return stat.S_ISREG(status.st_mode) and own


def set_aside(model: str | os.PathLike[str], found: Kept) -> Path:
    """Put unsaved changes that are not wanted now into a model file of their own, and give its path."""
    target = Path(os.path.realpath(model))
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(found.when))
    home = kept_file(model)
    path = home.with_name(f"{home.stem[:8]}-{stamp}{target.suffix}")
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600)
    with open(handle, "wb") as file:
        file.write(found.steps[found.position][1])
    home.unlink(missing_ok=True)
    return path
