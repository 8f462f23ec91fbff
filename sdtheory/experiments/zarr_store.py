"""Results in one zarr group, which workers on other machines write themselves and other programs can open."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sdtheory.documents.saving import put_bytes
from sdtheory.errors import StoreError, UsageError, shown
from sdtheory.experiments.evaluation import Evaluation, joined
from sdtheory.experiments.store import CHUNKS, DAMAGE, GROUP, Store, packed
from sdtheory.experiments.sweep import Sweep, Task
from sdtheory.experiments.tables import STATUSES

_MARKER = re.compile(r"(?P<policy>\d+)-[^.]*-(?P<first>\d+)\.(?P<digest>[0-9a-f]{16})\.json")
_NONE = 255  # status of a run that is not done


@dataclass(frozen=True)
class ZarrStore(Store):
    """A folder of results whose numbers lie in the group ``results.zarr``.

    Its arrays are ``metrics`` (policy, metric, run), ``status`` (policy, run), a number of
    `sdtheory.experiments.tables.STATUSES`, ``series0``, ``series1`` ... (policy, run, time) and ``time``. A
    chunk counts once a small file in ``chunks`` names it with the digest that the same chunk has in a folder
    without zarr; what it holds is checked against that when it is read.

    Parameters
    ----------
    size : int
        Futures of a chunk. No two workers write into the same one.
    runs : int
    """

    size: int = 0
    runs: int = 0

    suffix = ".json"

    def whole(self, task: Task) -> bool:
        """Whether a task is a chunk, and not a part of one."""
        return task.first % self.size == 0 and task.last == min(task.first + self.size, self.runs)

    def write(self, task: Task, found: Evaluation) -> None:
        """Write a chunk; it counts once all of it is there.

        Raises
        ------
        Stopped
            When the disk is full or cannot be written.
        StoreError
            When this machine does not see the folder.
        """
        if not self.in_charge():
            return
        data = packed(found)
        about = {
            "messages": {str(run): text for run, text in sorted(found.messages.items())},
            "engine": found.engine,
        }
        try:
            _put(_group(self.folder, "r+"), task, found)
            put_bytes(self.path(task, data), json.dumps(about).encode())
        except OSError as error:
            raise self.unwritten(error, len(data)) from None

    def complete(self, parts: Iterable[tuple[Task, Evaluation]]) -> None:
        """Write the chunks that parts make, which were cut because a run in them did harm."""
        by_chunk: dict[tuple[int, int], list[tuple[Task, Evaluation]]] = {}
        for task, found in parts:
            by_chunk.setdefault((task.policy, task.first // self.size), []).append((task, found))
        for (policy, place), own in by_chunk.items():
            own.sort(key=lambda part: part[0].first)
            task = Task(own[0][0].first, policy, own[-1][0].last)
            if self.whole(task) and sum(len(part) for part, _ in own) == len(task):
                assert task.first == place * self.size
                self.write(task, joined([found for _, found in own]))

    def chunks(self) -> tuple[list[tuple[Task, Evaluation]], list[str]]:
        """All chunks that are whole, and the names of damaged ones."""
        found, damaged = [], []
        for path in sorted((self.folder / CHUNKS).glob("*.json")):
            match = _MARKER.fullmatch(path.name)
            chunk = None
            if match is not None and int(match["policy"]) < len(self.policies):
                first = int(match["first"])
                task = Task(first, int(match["policy"]), min(first + self.size, self.runs))
                chunk = self._read(path, task, match["digest"])
            if chunk is None:
                damaged.append(path.name)
            else:
                found.append((task, chunk))
        return found, damaged

    def clean(self, damaged: Iterable[str]) -> None:
        """Remove damaged chunks' names, and what a killed process left half-written."""
        super().clean(damaged)
        for path in (self.folder / GROUP).rglob("*.partial"):
            path.unlink(missing_ok=True)

    def _read(self, path: Path, task: Task, digest: str) -> Evaluation | None:
        import zarr

        try:
            about = json.loads(path.read_bytes())
            chunk = _taken(_group(self.folder, "r"), task, about)
            return chunk if hashlib.sha256(packed(chunk)).hexdigest()[:16] == digest else None
        except (*DAMAGE, RuntimeError, StoreError, AttributeError, zarr.errors.BaseZarrError):
            return None


def begin(folder: Path, sweep: Sweep, size: int) -> None:
    """Make the group for a sweep, in the place of one that was not finished.

    Raises
    ------
    UsageError
        When the package for zarr is missing.
    """
    need_zarr()
    import zarr

    one = sweep.evaluator(0)
    metrics = [metric.name for metric in sweep.experiment.metrics]
    policies = [policy.name for policy in sweep.policies]
    group = zarr.open_group(
        folder / GROUP,
        mode="w",
        attributes={"policies": policies, "metrics": metrics, "statuses": list(STATUSES)},
    )
    size = min(size, sweep.runs)
    numbers, last = {"dtype": "f8", "fill_value": np.nan}, len(one.times)
    shape = (len(policies), len(metrics), sweep.runs)
    _array(group, "metrics", shape, (1, max(len(metrics), 1), size), ("policy", "metric", "run"), **numbers)
    _array(
        group,
        "status",
        (len(policies), sweep.runs),
        (1, size),
        ("policy", "run"),
        dtype="u1",
        fill_value=_NONE,
    )
    _array(group, "time", (last,), (last,), ("time",), **numbers)[:] = one.times
    for place, name in enumerate(one.outputs if sweep.series else ()):
        _array(
            group, f"series{place}", (len(policies), sweep.series, last), (1, min(size, sweep.series), last),
            ("policy", "future", "time"), attributes={"variable": name}, **numbers,
        )  # fmt: skip


def need_zarr() -> None:
    """Refuse when the package for zarr is missing."""
    try:
        import zarr  # noqa: F401
    except ImportError:
        raise UsageError('results as zarr need zarr: pip install "sdtheory[cluster]"') from None


def _array(
    group: Any, name: str, shape: Any, chunks: Any, dimensions: tuple[str, ...], **options: Any
) -> Any:
    return group.create_array(
        name, shape=shape, chunks=chunks, dimension_names=dimensions, overwrite=True, **options
    )


def _group(folder: Path, mode: Any) -> _Arrays:
    """The group, described once: what describes its arrays does not change."""
    try:
        about = (folder / GROUP / "zarr.json").stat()
    except FileNotFoundError:
        raise StoreError(
            f"'{shown(str(folder))}' holds no {GROUP} here",
            remedy="with workers on other machines, give a folder that all of them see by the same name",
        ) from None
    return _opened(folder, mode, about.st_ino, about.st_mtime_ns)


@functools.lru_cache(maxsize=4)
def _opened(folder: Path, mode: Any, number: int, moment: int) -> _Arrays:
    """The group whose description is the file of that number and moment."""
    import zarr

    return _Arrays(zarr.open_group(folder / GROUP, mode=mode, use_consolidated=False))


class _Arrays:
    """The arrays of a group."""

    def __init__(self, group: Any):
        self.metrics, self.status, self.time = (group[name] for name in ("metrics", "status", "time"))
        self.names = [str(name) for name in group.attrs["metrics"]]
        self.series: dict[str, Any] = {}
        while f"series{len(self.series)}" in group:
            one = group[f"series{len(self.series)}"]
            self.series[str(one.attrs["variable"])] = one


def _put(group: _Arrays, task: Task, found: Evaluation) -> None:
    runs = slice(task.first, task.last)
    values = np.array(list(found.values.values()), dtype=float)
    group.metrics[task.policy, :, runs] = values.reshape(len(found.values), len(task))
    numbers = (found.status[:, None] == np.array(STATUSES)).argmax(axis=1)
    group.status[task.policy, runs] = numbers.astype(np.uint8)
    for name, rows in found.series.items():
        group.series[name][task.policy, task.first : task.first + len(rows)] = rows


def _taken(group: _Arrays, task: Task, about: Mapping[str, Any]) -> Evaluation:
    runs = slice(task.first, task.last)
    values = np.asarray(group.metrics[task.policy, :, runs])
    kept = {}
    for name, array in group.series.items():
        if task.first < array.shape[1]:
            kept[name] = np.asarray(array[task.policy, task.first : min(task.last, array.shape[1])])
    return Evaluation(
        values=dict(zip(group.names, values, strict=True)),
        status=np.array(STATUSES, dtype="<U8")[np.asarray(group.status[task.policy, runs])],
        messages={int(run): text for run, text in about["messages"].items()},
        series=kept,
        times=np.asarray(group.time[:]),
        engine=about["engine"],
    )
