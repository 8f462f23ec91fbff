"""The parent's side of reading a file in a process of its own: start, watch, end, and hear what it says."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdtheory.errors import (
    DocumentError,
    EngineCrashed,
    LimitError,
    LoopWithoutStock,
    MissingEquation,
    ModelError,
    SDError,
    SDWarning,
    UnknownName,
    UsageError,
    shown,
)
from sdtheory.translate import isolated_child

SECONDS: float = isolated_child.SECONDS
MOST_BYTES = 32 * 2**20  # of an answer
MOST_TEXT = 4096  # characters of a message
MOST_WARNINGS = 1_000
ENGINE = "translation"
ERRORS: dict[str, type[SDError]] = {
    kind.__name__: kind
    for kind in (
        *(SDError, DocumentError, ModelError, MissingEquation, LoopWithoutStock, LimitError),
        *(UnknownName, UsageError),
    )
}
# what translation imports from elsewhere
_PACKAGES = ("sdtheory", "pysd", "numpy", "pandas", "xarray", "lxml", "parsimonious", "openpyxl")
# what a program may need to find its libraries, and nothing else of the caller's
_ENVIRONMENT = ("LD_LIBRARY_PATH", "SYSTEMROOT")


def answer_of(task: str, request: Mapping[str, Any], data: bytes, file: str) -> str:
    """What a task answers about a file that is read in a process of its own.

    Parameters
    ----------
    task : str
        A module of the package with a function ``answer(request, data)`` that gives a text.
    request : mapping
        What can stand in JSON.
    data : bytes
        The file.
    file : str
        Its name for messages.

    Returns
    -------
    str
        Not checked: whoever asks must take it for a stranger's.

    Raises
    ------
    EngineCrashed
        When the process dies, takes too long or says something else than an answer.
    SDError
        What the task found wrong with the file.

    Warns
    -----
    SDWarning
        What the task warned of.
    """
    head, _, text = _output(task, request, data, file).partition(b"\n")
    try:
        error, told = _outcome(json.loads(head), file)
        answer = text.decode()
    except (ValueError, TypeError, KeyError, RecursionError, MemoryError):
        raise malformed(file) from None
    for message in told:
        warnings.warn(message, SDWarning, stacklevel=3)
    if error is not None:
        raise error
    return answer


def malformed(file: str) -> EngineCrashed:
    """The error for an answer that is none."""
    return _crashed("gave an answer that makes no sense", file)


def _crashed(what: str, file: str, signal: str | None = None) -> EngineCrashed:
    return EngineCrashed(
        f"the isolated {ENGINE} {what}",
        file=file,
        remedy="nothing of it was used; load the file without isolation only if you trust it",
        engine=ENGINE,
        signal=signal,
    )


def _outcome(how: Any, file: str) -> tuple[SDError | None, list[str]]:
    """The error and the warnings that a process told of; anything else than those is an error."""
    if type(how) is not dict:
        raise ValueError
    told = how.pop("warnings")
    if type(told) is not list or len(told) > MOST_WARNINGS:
        raise ValueError
    messages = [_text(one) for one in told]
    if not how:
        return None, messages
    ((kind, value),) = how.items()
    if kind == "failure":
        return _crashed(_text(value), file), messages
    if kind != "error":
        raise ValueError
    name, message, line, column, remedy = value
    if any(type(part) not in (int, type(None)) for part in (line, column)):
        raise ValueError
    remedy = None if remedy is None else _text(remedy)
    return ERRORS[name](_text(message), file=file, line=line, column=column, remedy=remedy), messages


def _text(value: Any) -> str:
    if type(value) is not str:
        raise ValueError
    return shown(value, MOST_TEXT)


def _command(task: str) -> list[str]:
    """The child's command line: no environment, no user's site folder, no compiled files left beside sources."""
    return [sys.executable, "-I", "-B", "-X", "utf8", isolated_child.__file__, task, *_folders()]


def _folders() -> list[str]:
    """Where the package and what it needs were found in this process; `-I` leaves out what the caller added."""
    found: dict[str, None] = {}
    for name in _PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            found[str(Path(spec.origin).resolve().parents[1])] = None
    return list(found)


def _surroundings(folder: str) -> dict[str, str]:
    """The child's environment: whatever has a home or a temporary folder has it in the child's own."""
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    own = dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP"), folder)
    return {**kept, **own, **dict.fromkeys(threads, "1")}


def _output(task: str, request: Mapping[str, Any], data: bytes, file: str) -> bytes:
    """What the child wrote on standard output before it ended well."""
    with tempfile.TemporaryDirectory(prefix="sdtheory-isolated-", ignore_cleanup_errors=True) as folder:
        try:
            with tempfile.TemporaryFile() as sent:
                sent.write(json.dumps(request).encode() + b"\n" + data)
                sent.seek(0)
                process = subprocess.Popen(
                    _command(task),
                    stdin=sent,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    cwd=folder,
                    env=_surroundings(folder),
                    close_fds=True,
                    start_new_session=True,
                )
        except OSError as error:
            raise _crashed(f"cannot be started: {error.strerror or error}", file) from None
        try:
            return _watched(process, file)
        finally:
            _end(process)


def _watched(process: subprocess.Popen[bytes], file: str) -> bytes:
    """The output of a process that ends by itself, in time, and says no more than it may."""
    until = time.monotonic() + SECONDS
    output = bytearray()
    reader = threading.Thread(target=_read, args=(process.stdout, output), daemon=True)
    reader.start()
    reader.join(SECONDS)
    if len(output) > MOST_BYTES:
        raise _crashed(f"answered with more than {MOST_BYTES:,} bytes", file)
    try:
        status = process.wait(max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        message = f"took longer than {SECONDS:g} s and was stopped"
        raise _crashed(message, file, "SIGKILL") from None
    if status < 0:
        name = _signal_name(-status)
        why = f" after {isolated_child.SECONDS} s of work" if name == "SIGXCPU" else ""
        raise _crashed(f"was ended by {name}{why}", file, name)
    if status > 0:
        raise _crashed(f"ended with status {status}", file)
    return bytes(output)


def _read(stream: Any, output: bytearray) -> None:
    """Read on until the end, or until there is more than there may be."""
    with stream:
        while len(output) <= MOST_BYTES and (piece := stream.read1(65536)):
            output += piece


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing of the child behind: it leads a group of its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()
