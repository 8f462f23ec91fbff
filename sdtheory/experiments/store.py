"""Results on disk: one file for each chunk, whole or not there, known by its digest; sweeps go on from them."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sdtheory.documents.saving import put_bytes
from sdtheory.errors import Stopped, StoreError, shown
from sdtheory.experiments.evaluation import Evaluation
from sdtheory.experiments.sweep import Sweep, Task
from sdtheory.experiments.tables import STATUSES

MANIFEST, CHUNKS, GROUP = "manifest.json", "chunks", "results.zarr"
FORMAT = 1
_CHUNK = re.compile(r"(?P<policy>\d+)-[^.]*-(?P<first>\d+)\.(?P<digest>[0-9a-f]{16})\.npz")
_TEMPORARY = re.compile(r"\..*\.tmp")
# what numpy and zipfile raise for bytes that are not what they were
DAMAGE = (ValueError, KeyError, OSError, EOFError, IndexError, TypeError, NotImplementedError)


@dataclass(frozen=True)
class Store:
    """A folder of results.

    Parameters
    ----------
    folder : path
    policies : tuple of str
        Names, the baseline first.
    owner : int
        The process that holds the folder's lock; when it is gone, its workers write no more.

    Examples
    --------
    >>> store = Store(Path("out"), ("baseline", "Thaw at <2>"))
    >>> store.path(Task(4096, 1, 8192), b"").name
    '01-thaw-at-2-00004096.e3b0c44298fc1c14.npz'
    """

    folder: Path
    policies: tuple[str, ...]
    owner: int = 0

    suffix = ".npz"  # of a chunk's file

    def in_charge(self) -> bool:
        """Whether this process may write: that which holds the lock, or a worker of it that is still there."""
        return self.owner in (0, os.getpid(), os.getppid())

    def whole(self, task: Task) -> bool:
        """Whether a task can be written by itself."""
        return True

    def complete(self, parts: Iterable[tuple[Task, Evaluation]]) -> None:
        """Write what could not be written by itself: nothing."""

    def path(self, task: Task, data: bytes) -> Path:
        """Where a chunk of those bytes lies."""
        slug = re.sub(r"[^a-z0-9]+", "-", self.policies[task.policy].lower()).strip("-")[:40]
        digest = hashlib.sha256(data).hexdigest()[:16]
        return self.folder / CHUNKS / f"{task.policy:02d}-{slug}-{task.first:08d}.{digest}{self.suffix}"

    def write(self, task: Task, found: Evaluation) -> None:
        """Write a chunk, whole or not at all.

        Raises
        ------
        Stopped
            When the disk is full or cannot be written; the other chunks are as they were.
        """
        if not self.in_charge():
            return  # whoever asked for it is gone, and another may be at work here
        data = packed(found)
        try:
            put_bytes(self.path(task, data), data)
        except OSError as error:
            raise self.unwritten(error, len(data)) from None

    def unwritten(self, error: OSError, size: int) -> Stopped:
        """What to raise when a chunk cannot be written."""
        reason = (error.strerror or str(error)).lower()
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            return Stopped(f"cannot write to '{shown(str(self.folder))}': {reason}", remedy="then resume")
        free = shutil.disk_usage(self.folder).free
        return Stopped(
            f"the disk is full: a chunk of '{shown(str(self.folder))}' takes {size:,} bytes and {free:,} are free",
            remedy="make room, then resume; all complete chunks are kept",
        )

    def chunks(self) -> tuple[list[tuple[Task, Evaluation]], list[str]]:
        """All chunks that are whole, and the names of damaged ones."""
        found, damaged = [], []
        for path in sorted((self.folder / CHUNKS).glob("*.npz")):
            match = _CHUNK.fullmatch(path.name)
            chunk = None if match is None else _read(path, match["digest"])
            if match is None or chunk is None or int(match["policy"]) >= len(self.policies):
                damaged.append(path.name)
                continue
            first = int(match["first"])
            found.append((Task(first, int(match["policy"]), first + len(chunk.status)), chunk))
        return found, damaged

    def clean(self, damaged: Iterable[str]) -> None:
        """Remove damaged chunks, and what a killed process left half-written."""
        for name in damaged:
            (self.folder / CHUNKS / name).unlink(missing_ok=True)
        for folder in (self.folder, self.folder / CHUNKS):
            for path in folder.iterdir():
                if _TEMPORARY.fullmatch(path.name):
                    path.unlink(missing_ok=True)


def _read(path: Path, digest: str) -> Evaluation | None:
    try:
        data = path.read_bytes()
        return unpacked(data) if hashlib.sha256(data).hexdigest()[:16] == digest else None
    except DAMAGE:
        return None


def packed(found: Evaluation) -> bytes:
    """A chunk's bytes; equal chunks have equal bytes.

    Examples
    --------
    >>> data = packed(Evaluation({"gap": np.array([1.0])}, np.array(["ok"])))
    >>> float(unpacked(data).values["gap"][0])
    1.0
    """
    about = {
        "metrics": list(found.values),
        "series": list(found.series),
        "messages": {str(run): text for run, text in sorted(found.messages.items())},
        "engine": found.engine,
    }
    arrays = {
        "about": np.frombuffer(json.dumps(about).encode(), dtype=np.uint8),
        "status": (found.status[:, None] == np.array(STATUSES)).argmax(axis=1).astype(np.uint8),
        "values": np.array(list(found.values.values()), dtype=float).reshape(
            len(found.values), len(found.status)
        ),
        "times": np.asarray(found.times, dtype=float),
    }
    arrays |= {f"series{place}": values for place, values in enumerate(found.series.values())}
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


def unpacked(data: bytes) -> Evaluation:
    """The chunk of those bytes."""
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        about = json.loads(arrays["about"].tobytes())
        return Evaluation(
            values=dict(zip(about["metrics"], arrays["values"], strict=True)),
            status=np.array(STATUSES, dtype="<U8")[arrays["status"]],
            messages={int(run): text for run, text in about["messages"].items()},
            series={name: arrays[f"series{place}"] for place, name in enumerate(about["series"])},
            times=arrays["times"],
            engine=about["engine"],
        )


def missing(sweep: Sweep, tasks: Iterable[Task], done: Iterable[Task]) -> list[Task]:
    """The parts of tasks that are not done, whatever size the chunks that are done have."""
    covered = np.zeros((len(sweep.policies), sweep.runs), dtype=bool)
    for task in done:
        covered[task.policy, task.first : task.last] = True
    found = []
    for task in tasks:
        gap = ~covered[task.policy, task.first : task.last]
        edges = np.flatnonzero(np.diff(np.concatenate([[0], gap.astype(np.int8), [0]])))
        for start, end in edges.reshape(-1, 2):
            found.append(Task(task.first + int(start), task.policy, task.first + int(end)))
    return found


def read_manifest(folder: Path) -> dict[str, Any]:
    """What the manifest of a folder says.

    Raises
    ------
    StoreError
        When the folder is none of ours, or its manifest is damaged.
    """
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StoreError(
            f"'{shown(str(folder))}' holds no results", remedy="choose a folder written by compare -o"
        ) from None
    except (OSError, ValueError) as error:
        raise StoreError(f"the manifest of '{shown(str(folder))}' is damaged: {error}") from None
    if not isinstance(found, Mapping) or found.get("format") != FORMAT:
        raise StoreError(
            f"the results in '{shown(str(folder))}' are of another format",
            remedy="choose another folder",
        )
    return dict(found)


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest, whole or not at all."""
    text = json.dumps(manifest, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    put_bytes(folder / MANIFEST, text.encode())
