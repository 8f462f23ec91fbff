"""Who does a sweep's tasks: threads, processes or a cluster; and who is told."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sdtheory.errors import UsageError
from sdtheory.experiments import workers
from sdtheory.experiments.evaluation import Evaluation
from sdtheory.experiments.sweep import Sweep, Task, in_threads

Progress = Callable[[int, int, Mapping[str, int]], None]
Keep = Callable[[Task, Evaluation], Any]


@dataclass(frozen=True)
class Ways:
    """Who does the work."""

    jobs: Any
    limit_s: float | None
    isolate: bool | None

    @property
    def count(self) -> int:
        if self.jobs is None:
            return os.cpu_count() or 1
        if self.cluster:
            return 1
        if self.jobs < 1:
            raise UsageError(f"{self.jobs} jobs", remedy="give 1 or more")
        return self.jobs

    @property
    def cluster(self) -> bool:
        """Whether the work is done by a cluster."""
        return self.jobs is not None and not isinstance(self.jobs, int)

    def apart(self, stored: bool, died: bool = False) -> bool:
        """Whether tasks are done in processes of their own."""
        if self.cluster:
            return False
        if self.isolate is False and self.limit_s is not None:
            raise UsageError("a limit of time needs processes", remedy="leave isolate=False out")
        if self.isolate is not None:
            return self.isolate
        return self.limit_s is not None or died or (stored and workers.can_fork())

    def results(
        self,
        sweep: Sweep,
        tasks: list[Task],
        stop: threading.Event,
        keep: Keep | None = None,
        close: tuple[int, ...] = (),
        died: bool = False,
        there: bool = False,
    ) -> Iterator[tuple[Task, Any]]:
        """Each task with its evaluation or, where `keep` takes it, with what `keep` gives for it.

        A cluster's workers call `keep` themselves when it is to be done `there`.
        """
        work = partial(_kept_work, sweep, keep)
        if self.cluster:
            from sdtheory.experiments.cluster import on_cluster

            return on_cluster(sweep, tasks, self.jobs, stop, keep, there)
        if not self.apart(keep is not None, died):
            return in_threads(work, tasks, self.count, stop)
        lost = partial(_lost, sweep, keep)
        return workers.in_processes(work, lost, tasks, self.count, stop, limit_s=self.limit_s, close=close)


def _kept_work(sweep: Sweep, keep: Keep | None, task: Task) -> Any:
    found = sweep.done(task)
    return found if keep is None else keep(task, found)


def _lost(sweep: Sweep, keep: Keep | None, task: Task, status: str) -> Any:
    message = "it took longer than a run may" if status == "timeout" else "it ended the process that ran it"
    found = sweep.nothing(task, status, message)
    return found if keep is None else keep(task, found)


@dataclass
class Told:
    """Counts what is done, and tells."""

    total: int
    progress: Progress | None
    done: int = 0
    statuses: Counter = field(default_factory=Counter)

    def add(self, statuses: Mapping[str, int]) -> None:
        """Runs that ended in these ways are done."""
        self.statuses.update(statuses)
        self.done += sum(statuses.values())
        if self.progress is not None:
            self.progress(self.done, self.total, dict(self.statuses))

    def each(self, results: Iterator[tuple[Task, Evaluation]]) -> Iterator[tuple[Task, Evaluation]]:
        """Results as they come, each counted."""
        for task, found in results:
            self.add(Counter(found.status.tolist()))
            yield task, found
