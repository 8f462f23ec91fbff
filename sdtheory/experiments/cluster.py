"""Tasks on a dask cluster: the same numbers as here; a worker that is lost loses nothing but time."""

from __future__ import annotations

import contextlib
import importlib.metadata
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from typing import Any

from sdtheory.errors import Stopped, UsageError, shown
from sdtheory.experiments.evaluation import Evaluation
from sdtheory.experiments.sweep import Sweep, Task

AHEAD = 2  # chunks waiting for each worker's core, so that none is idle and few are lost by a stop
MOST_LOSSES = 100
PATIENCE = "30s"


def on_cluster(
    sweep: Sweep,
    tasks: list[Task],
    scheduler: Any,
    stop: threading.Event,
    keep: Callable[[Task, Evaluation], Any] | None = None,
    there: bool = False,
) -> Iterator[tuple[Task, Any]]:
    """Do tasks on a dask cluster, and give each with its result as it is done.

    The sweep is sent to each worker once, and each makes its own machine code.

    Parameters
    ----------
    sweep : Sweep
    tasks : list of Task
    scheduler : str or distributed.Client
        An address such as ``"tcp://scheduler:8786"``, or a client.
    stop : threading.Event
        When set, tasks not yet sent are left.
    keep : callable, optional
        Called with each task and its evaluation, here in this process.
    there : bool
        Workers call `keep` themselves, and send what it gives. The chunk of a run that killed its worker has
        no worker to do so, and comes as an evaluation.

    Raises
    ------
    UsageError
        When the package for clusters is missing, no cluster answers, or workers have another version.
    """
    try:
        import distributed
    except ImportError:
        raise UsageError('a cluster needs dask: pip install "sdtheory[cluster]"') from None
    with contextlib.ExitStack() as stack:
        if isinstance(scheduler, str):
            try:
                client = stack.enter_context(distributed.Client(scheduler, timeout=PATIENCE))
            except (OSError, TimeoutError, ValueError):
                raise UsageError(
                    f"no cluster answers at '{shown(scheduler)}'",
                    remedy="start a scheduler, or give its address, such as tcp://scheduler:8786",
                ) from None
        elif isinstance(scheduler, distributed.Client):
            client = scheduler
        else:
            raise UsageError(f"jobs={shown(scheduler)}", remedy="give a number, an address or a dask Client")
        _check_versions(client)
        yield from _Batch(client, sweep, tasks, stop, keep, there).results()


def _check_versions(client: Any) -> None:
    ours = _version()
    found = client.run(_version)
    if not found:
        raise UsageError("the cluster has no workers", remedy="start some, and try again")
    for worker, version in found.items():
        if version != ours:
            raise UsageError(
                f"worker {shown(worker)} has sdtheory {version}, and this is {ours}",
                remedy="install the same version on both",
            )


def _version() -> str:
    return importlib.metadata.version("sdtheory")


def _done(sweep: Sweep, task: Task, keep: Callable[[Task, Evaluation], Any] | None = None) -> Any:
    found = sweep.done(task)
    return found if keep is None else keep(task, found)


class _Batch:
    def __init__(
        self,
        client: Any,
        sweep: Sweep,
        tasks: list[Task],
        stop: threading.Event,
        keep: Callable[[Task, Evaluation], Any] | None,
        there: bool,
    ):
        self.client = client
        self.sweep = sweep
        self.waiting = deque(tasks)
        self.stop = stop
        self.keep = None if there else keep
        self.given = (keep,) if there else ()
        self.sent: Any = None
        self.suspects: deque[Task] = deque()
        self.alone: Task | None = None
        self.losses = 0

    def results(self) -> Iterator[tuple[Task, Any]]:
        from distributed import as_completed

        tasks: dict[Any, Task] = {}
        going = as_completed()
        try:
            self._send(tasks, going)
            for future in going:
                task = tasks.pop(future.key)
                found = self._found(future, task)
                future.release()
                if found is not None:
                    yield task, found if self.keep is None else self.keep(task, found)
                self._send(tasks, going)
        finally:
            self.client.cancel(list(tasks))

    def _send(self, tasks: dict[Any, Task], going: Any) -> None:
        if self.stop.is_set():
            return
        if not self.waiting and not tasks and self.suspects:
            self.alone = self.suspects.popleft()
            self.waiting.append(self.alone)
        if not self.waiting:
            return
        if self.sent is None:
            try:
                self.client.wait_for_workers(1, timeout=PATIENCE)
                # to one worker, from which the others fetch it: a broadcast waits for workers that just died
                self.sent = self.client.scatter(self.sweep, hash=False, timeout=PATIENCE)
            except TimeoutError:
                raise Stopped("the cluster has no workers left", remedy="start some, and resume") from None
        cores = sum(self.client.nthreads().values()) or 1
        while self.waiting and len(tasks) < AHEAD * cores:
            task = self.waiting.popleft()
            future = self.client.submit(_done, self.sent, task, *self.given, pure=False)
            tasks[future.key] = task
            going.add(future)

    def _found(self, future: Any, task: Task) -> Any:
        """The evaluation or what the worker kept of it, or None when the task is to be done again, whole or in two."""
        from distributed.scheduler import KilledWorker

        try:
            return future.result()
        except KilledWorker:
            return self._lost(task)
        except (CancelledError, OSError):
            # the workers that had the sweep or the result are gone, and the chunk has nothing to do with it
            self.losses += 1
            if self.losses > MOST_LOSSES:
                raise Stopped(
                    "the cluster keeps losing its workers", remedy="resume when it is well"
                ) from None
            self.sent = None
            self.waiting.appendleft(task)
            return None

    def _lost(self, task: Task) -> Evaluation | None:
        """The chunk killed each worker that the scheduler gave it to: it is cut in two until the run is found."""
        if len(task) > 1:
            self.waiting.extendleft(reversed(task.halves()))
        elif task == self.alone:
            return self.sweep.nothing(task, "crashed", "it ended the process that ran it")
        else:
            self.suspects.append(task)  # what waited at the same worker is blamed as well
        return None
