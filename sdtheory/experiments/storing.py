"""A sweep that keeps its results in a folder, stops when it is told to, and goes on where it was."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from sdtheory.errors import Interrupted, ModelError, SDWarning, Stopped, StoreError, shown
from sdtheory.experiments.comparison import Comparison
from sdtheory.experiments.evaluation import Evaluation
from sdtheory.experiments.execution import Told, Ways
from sdtheory.experiments.gathering import gathered
from sdtheory.experiments.store import CHUNKS, GROUP, MANIFEST, Store, missing, read_manifest, write_manifest
from sdtheory.experiments.store_contents import EXPERIMENT, SAMPLES, read_contents, write_contents
from sdtheory.experiments.store_identity import check_same, facts, identity
from sdtheory.experiments.store_lock import LOCK, Lock, locked
from sdtheory.experiments.sweep import Sweep, Task

Chunks = list[tuple[Task, Evaluation]]
NPZ, ZARR = FORMS = ("npz", "zarr")


def stored(
    sweep: Sweep,
    samples: pd.DataFrame,
    folder: Path,
    resume: bool,
    chunk: int,
    how: Ways,
    told: Told,
    form: str | None = None,
) -> Chunks:
    """Make what is missing of a sweep in a folder, and give all its chunks.

    Raises
    ------
    StoreError
        When the folder cannot be used or holds something else.
    Stopped
        When the sweep stopped before its end.
    """
    with _opened(folder) as lock:
        manifest = _begun(folder, sweep, samples, resume, chunk, form)
        there = how.cluster and manifest["form"] == ZARR  # workers write the chunks themselves
        store = _store(folder, manifest, 0 if there else os.getpid())
        chunk = getattr(store, "size", chunk)
        found, damaged = store.chunks()
        for name in damaged:
            warnings.warn(f"chunk '{shown(name)}' is damaged and is made again", SDWarning, stacklevel=4)
        store.clean(damaged)
        for _, one in found:
            told.add(Counter(one.status.tolist()))
        todo = missing(sweep, sweep.tasks(chunk), [task for task, _ in found])
        apart = there or how.apart(True, lock.died)
        parts: Chunks = []
        with _stoppable() as stop:
            keep = partial(_kept, store, apart)
            for task, one in how.results(sweep, todo, stop.event, keep, (lock.handle,), lock.died, there):
                if isinstance(one, Evaluation):
                    (parts if apart else found).append((task, one))
                    told.add(Counter(one.status.tolist()))
                else:
                    told.add(one)
            store.complete(parts)
            stop.refuse_to_go_on(told)
        if apart:
            found, damaged = store.chunks()
        if (apart and damaged) or missing(sweep, sweep.tasks(chunk), [task for task, _ in found]):
            raise Stopped(
                f"'{shown(str(folder))}' does not hold all chunks that were written",
                remedy="resume the sweep",
            )
        write_manifest(folder, manifest | {"finished": True, "counts": dict(sorted(told.statuses.items()))})
        return found


def _kept(store: Store, apart: bool, task: Task, found: Evaluation) -> Counter | Evaluation:
    """Write a chunk; another process tells only how its runs ended, and the chunk is read from the folder."""
    if not store.whole(task):
        return found
    store.write(task, found)
    return Counter(found.status.tolist()) if apart else found


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[Lock]:
    """The folder, made where it is not there, and locked."""
    if folder.exists() and not folder.is_dir():
        raise StoreError(f"'{shown(str(folder))}' is a file", remedy="choose another name")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        own = {MANIFEST, LOCK, CHUNKS, EXPERIMENT, SAMPLES}
        if (folder / LOCK).exists():
            own.add(GROUP)  # of a sweep that was stopped as it began, and not somebody's own
        if not (folder / MANIFEST).exists():
            others = [p.name for p in folder.iterdir() if p.name not in own and not p.name.endswith(".tmp")]
            if others:
                raise StoreError(
                    f"'{shown(str(folder))}' holds other files, such as '{shown(min(others))}'",
                    remedy="choose an empty folder",
                )
        with locked(folder) as lock:
            (folder / CHUNKS).mkdir(exist_ok=True)
            yield lock
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StoreError(f"cannot use '{shown(str(folder))}': {reason}") from None


def _store(folder: Path, manifest: Mapping[str, Any], owner: int = 0) -> Store:
    """The chunks of a folder, in the form that its manifest says."""
    policies = tuple(manifest["policies"])
    if manifest.get("form", NPZ) == NPZ:
        return Store(folder, policies, owner)
    from sdtheory.experiments.zarr_store import ZarrStore, need_zarr

    need_zarr()
    return ZarrStore(
        folder.absolute(), policies, owner, min(manifest["chunk"], manifest["runs"]), manifest["runs"]
    )


def _begun(
    folder: Path, sweep: Sweep, samples: pd.DataFrame, resume: bool, chunk: int, form: str | None
) -> dict[str, Any]:
    """The manifest of a new sweep, or of the same one begun before, in whose form it goes on."""
    asked = identity(sweep)
    form, before = form or NPZ, form
    if (folder / MANIFEST).exists():
        if not resume:
            raise StoreError(
                f"'{shown(str(folder))}' holds results",
                remedy="pass --resume (resume=True) to go on with them, or choose another folder",
            )
        old = read_manifest(folder)
        check_same(old, asked, str(folder))
        form = old.get("form", NPZ)
        if before not in (None, form):
            raise StoreError(
                f"'{shown(str(folder))}' holds results as {form}, not as {before}",
                remedy="go on with them in that form, or choose another folder",
            )
        chunk = old["chunk"] if form == ZARR else chunk
    elif form == ZARR:
        from sdtheory.experiments.zarr_store import begin

        begin(folder, sweep, chunk)
    try:
        files = write_contents(folder, sweep.experiment, samples)
    except ModelError as error:
        raise StoreError(f"the experiment cannot be kept: {error.message}") from None
    about = {
        "name": sweep.model.name,
        "facts": facts(sweep),
        "policies": [policy.name for policy in sweep.policies],
        "chunk": chunk,
        "form": form,
    }
    manifest = {**asked, **about, "files": files, "finished": False}
    write_manifest(folder, manifest)
    return manifest


def from_folder(folder: str | Path, against: str = "") -> Comparison:
    """The comparison of a finished or partial store, in the futures that all policies have met.

    Raises
    ------
    StoreError
        When the folder holds no results, or none that can be read.
    """
    place = Path(folder)
    manifest = read_manifest(place)
    experiment, samples = read_contents(place, manifest["files"])
    store = _store(place, manifest)
    chunks, damaged = store.chunks()
    for name in damaged:
        warnings.warn(f"chunk '{shown(name)}' is damaged and left out", SDWarning, stacklevel=2)
    return gathered(
        chunks, experiment, store.policies, manifest["runs"], samples,
        seed=manifest["seed"], series=manifest["series"], model_name=manifest["name"], against=against,
        facts=manifest["facts"], folder=place,
    )  # fmt: skip


class _Stop:
    """Whether a signal said to stop, and which."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.signal: int | None = None

    def __call__(self, number: int, frame: Any) -> None:
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number
        self.event.set()
        warnings.warn(
            "stopping when the chunks in hand are done; once more to stop at once", SDWarning, stacklevel=2
        )

    def refuse_to_go_on(self, told: Told) -> None:
        """Raise when the sweep was stopped before its end."""
        if self.signal is None or told.done >= told.total:
            return
        kind = Interrupted if self.signal == signal.SIGINT else Stopped
        raise kind(
            f"stopped: {told.done:,} of {told.total:,} runs are done and kept", remedy="resume to go on"
        )


@contextlib.contextmanager
def _stoppable() -> Iterator[_Stop]:
    """Signals to end let running chunks finish; only the main thread can listen."""
    stop = _Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    former = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
