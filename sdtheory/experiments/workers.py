"""Tasks in processes of their own: a run that kills or never ends its process is found, and loses only itself."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import connection
from typing import Any

from sdtheory.errors import SDError, SimulationError
from sdtheory.experiments.sweep import Task

WAIT = 0.1  # seconds between looks at the clock
MOST_LOST = 100  # single runs after which it is the model, and not a run, that kills processes
MAKING = 5.0  # seconds more for a worker's first task under a policy, when it makes machine code
TRIES = 2  # of a single run before it is given up
_GRACE = 2.0  # seconds that a process told to end may take


def can_fork() -> bool:
    """Whether workers can be had at next to no cost, as copies of this process."""
    return sys.platform == "linux" and threading.active_count() == 1


@dataclass
class _Worker:
    process: Any
    pipe: Any
    task: Task | None = None
    since: float = 0.0
    ready: set[int] = field(default_factory=set)  # policies that it has done a task of

    def spent(self) -> float:
        """Seconds that it has been at its task, beside those for making machine code."""
        making = 0.0 if self.task is None or self.task.policy in self.ready else MAKING
        return time.monotonic() - self.since - making


def in_processes(
    work: Callable[[Task], Any],
    lost: Callable[[Task, str], Any],
    tasks: Iterable[Task],
    jobs: int,
    stop: threading.Event,
    *,
    limit_s: float | None = None,
    close: Iterable[int] = (),
    start: str | None = None,
) -> Iterator[tuple[Task, Any]]:
    """Do tasks in processes, and give each with its result as it is done.

    A task whose process dies, or takes longer than a run may, is cut in two until the run is found.

    Parameters
    ----------
    work : callable
        Does a task in a worker; with the ``spawn`` method it must be possible to send it there.
    lost : callable
        What a run (a task of length 1) gives that was ``crashed`` or ``timeout``; called in this process.
    tasks : iterable of Task
    jobs : int
    stop : threading.Event
        When set, tasks not yet begun are left.
    limit_s : float, optional
        Seconds that a run may take, beside those for making machine code. A task of many runs that takes
        longer is cut in two as well: no run is called too slow that was not alone.
    close : iterable of int
        Open files that a forked worker must not hold.
    start : str, optional
        ``fork`` or ``spawn``; what suits this process when left out.

    Raises
    ------
    SDError
        What a worker raised, once the others have finished what they were at.
    """
    pool = _Pool(work, jobs, tuple(close), start or ("fork" if can_fork() else "spawn"))
    waiting = deque(tasks)
    tries: dict[Task, int] = {}
    lost_runs = 0
    try:
        while True:
            pool.hand_out(waiting, stop)
            if not pool.busy():
                break
            for task, kind, value in pool.news(limit_s):
                if kind == "done":
                    yield task, value
                elif kind == "error":
                    stop.set()
                    pool.fault = pool.fault or value
                elif len(task) > 1:
                    waiting.extendleft(reversed(task.halves()))
                elif kind == "crashed" and tries.setdefault(task, 1) < TRIES:
                    tries[task] += 1
                    waiting.appendleft(task)
                else:
                    lost_runs += 1
                    if lost_runs > MOST_LOST:
                        raise SimulationError(
                            f"more than {MOST_LOST} runs were lost ({kind}); the sweep stops"
                        )
                    yield task, lost(task, kind)
    finally:
        pool.end()
    if pool.fault is not None:
        raise pool.fault


class _Pool:
    def __init__(self, work: Callable[[Task], Any], jobs: int, close: tuple[int, ...], start: str):
        self.context: Any = multiprocessing.get_context(start)
        self.work = work
        self.jobs = jobs
        self.close = close if start == "fork" else ()
        self.workers: list[_Worker] = []
        self.fault: BaseException | None = None

    def busy(self) -> list[_Worker]:
        return [one for one in self.workers if one.task is not None]

    def hand_out(self, waiting: deque[Task], stop: threading.Event) -> None:
        while waiting and not stop.is_set():
            idle = next((one for one in self.workers if one.task is None), None)
            if idle is None:
                if len(self.workers) >= self.jobs:
                    return
                idle = self._started()
            idle.task, idle.since = waiting.popleft(), time.monotonic()
            with suppress(OSError):  # it died while idle; the news will say so
                idle.pipe.send(idle.task)

    def _started(self) -> _Worker:
        ours, theirs = self.context.Pipe()
        # a forked worker holds copies of our ends of the others' pipes, and would keep those alive
        others = (
            (ours, *(one.pipe for one in self.workers)) if self.context.get_start_method() == "fork" else ()
        )
        process = self.context.Process(
            target=_serve, args=(self.work, theirs, others, self.close), daemon=True
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of idle threads of a matrix library
            process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self.workers.append(worker)
        return worker

    def news(self, limit_s: float | None) -> Iterator[tuple[Task, str, Any]]:
        """What became of tasks since the last look."""
        busy = self.busy()
        ready = set(connection.wait([one.pipe for one in busy], WAIT))
        for worker in busy:
            task = worker.task
            assert task is not None
            if worker.pipe in ready:
                try:
                    kind, value = worker.pipe.recv()
                except (EOFError, OSError):
                    self._drop(worker)
                    yield task, "crashed", None
                else:
                    worker.task = None
                    worker.ready.add(task.policy)
                    yield task, kind, value
            elif limit_s is not None and worker.spent() > limit_s:
                self._drop(worker)
                yield task, "timeout", None

    def _drop(self, worker: _Worker) -> None:
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()
        self.workers.remove(worker)

    def end(self) -> None:
        for worker in list(self.workers):
            if worker.task is not None:
                self._drop(worker)
                continue
            with suppress(OSError):
                worker.pipe.send(None)
            worker.process.join(_GRACE)
            self._drop(worker)


def _serve(work: Callable[[Task], Any], pipe: Any, others: Iterable[Any], close: Iterable[int]) -> None:
    """A worker's life: tasks from its pipe until that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it decides what an interrupt means
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for one in others:
        one.close()
    for handle in close:
        with suppress(OSError):
            os.close(handle)
    while True:
        try:
            task = pipe.recv()
            if task is None:
                return
            try:
                answer = ("done", work(task))
            except SDError as error:
                answer = ("error", error)
            except Exception as error:
                answer = ("error", SimulationError(f"{type(error).__name__}: {error}"))
            pipe.send(answer)
        except (EOFError, OSError):
            return
