"""Tasks on a dask cluster: the same numbers as here; a worker that is lost loses nothing but time."""

from __future__ import annotations

import contextlib
import importlib.metadata
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from sdtheory.errors import SDError, UsageError, shown
from sdtheory.experiments.evaluation import Evaluation
from sdtheory.experiments.sweep import Sweep, Task

RETRIES = 2  # of a chunk whose worker was lost, before it is cut in two
AHEAD = 2  # chunks waiting for each worker's core, so that none is idle and few are lost by a stop
PATIENCE = "30s"


def on_cluster(
    sweep: Sweep,
    tasks: list[Task],
    scheduler: Any,
    stop: threading.Event,
    keep: Callable[[Task, Evaluation], Any] | None = None,
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
        Called here, in this process, with each task and its evaluation.

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
        yield from _Batch(client, sweep, tasks, stop, keep).results()


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


def _done(sweep: Sweep, task: Task) -> Evaluation:
    return sweep.done(task)


class _Batch:
    def __init__(
        self,
        client: Any,
        sweep: Sweep,
        tasks: list[Task],
        stop: threading.Event,
        keep: Callable[[Task, Evaluation], Any] | None,
    ):
        self.client = client
        self.sweep = sweep
        self.waiting = deque(tasks)
        self.stop = stop
        self.keep = keep
        self.tries: dict[Task, int] = {}

    def results(self) -> Iterator[tuple[Task, Any]]:
        from distributed import as_completed

        sent = self.client.scatter(self.sweep, broadcast=True, hash=False)
        tasks: dict[Any, Task] = {}
        going = as_completed()
        try:
            self._send(sent, tasks, going)
            for future in going:
                task = tasks.pop(future.key)
                found = self._found(future, task)
                future.release()
                if found is not None:
                    yield task, found if self.keep is None else self.keep(task, found)
                self._send(sent, tasks, going)
        finally:
            self.client.cancel([key for key in tasks])

    def _send(self, sent: Any, tasks: dict[Any, Task], going: Any) -> None:
        cores = sum(self.client.nthreads().values()) or 1
        while self.waiting and len(tasks) < AHEAD * cores and not self.stop.is_set():
            task = self.waiting.popleft()
            future = self.client.submit(_done, sent, task, pure=False, retries=0)
            tasks[future.key] = task
            going.add(future)

    def _found(self, future: Any, task: Task) -> Evaluation | None:
        """The evaluation, or None when the task is to be done again, whole or in two."""
        from distributed.scheduler import KilledWorker

        error = None if future.status == "finished" else future.exception()
        if error is None and future.status == "finished":
            return future.result()
        if isinstance(error, SDError):
            raise error
        if error is not None and not isinstance(error, KilledWorker | OSError):
            raise error
        self.tries[task] = self.tries.get(task, 0) + 1
        if self.tries[task] <= RETRIES:
            self.waiting.appendleft(task)
        elif len(task) > 1:
            self.waiting.extendleft(reversed(task.halves()))
        else:
            return self.sweep.nothing(task, "crashed", "it ended the process that ran it")
        return None
