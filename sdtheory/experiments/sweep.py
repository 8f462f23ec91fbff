"""A sweep: all policies in all futures, cut into tasks that any worker can do in any order."""

from __future__ import annotations

import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sdtheory.engines.memory import remembered
from sdtheory.experiments.evaluation import Evaluation, Evaluator, joined
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.policy import Policy
from sdtheory.model.model import Model

CHUNK = 4096  # futures of a task
_KEPT = 8  # blocks of futures whose levels are kept: those that workers are at


@dataclass(frozen=True, order=True)
class Task:
    """One policy in the futures from `first` to before `last`."""

    first: int
    policy: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first

    def halves(self) -> tuple[Task, Task]:
        """The task in two."""
        middle = self.first + len(self) // 2
        return replace(self, last=middle), replace(self, first=middle)


@dataclass(frozen=True, eq=False)
class Sweep:
    """Everything that the numbers depend on; plain data that can be sent to other processes.

    Parameters
    ----------
    model : Model
    experiment : Experiment
    policies : tuple of Policy
        The baseline first.
    inputs : mapping of variable name to array, shape (runs,)
    runs, seed : int
    engine : str
    series : int
        How many futures, from the first on, to keep the saved variables of.
    """

    model: Model
    experiment: Experiment
    policies: tuple[Policy, ...]
    inputs: Mapping[str, np.ndarray]
    runs: int
    seed: int
    engine: str
    series: int = 0

    def tasks(self, chunk: int = CHUNK) -> list[Task]:
        """All tasks; those of the same futures follow each other, so that what is done can be compared."""
        return [
            Task(first, policy, min(first + chunk, self.runs))
            for first in range(0, self.runs, chunk)
            for policy in range(len(self.policies))
        ]

    def evaluator(self, policy: int) -> Evaluator:
        """A policy's evaluator, made once."""
        return _evaluator(self, policy)

    def inputs_of(self, first: int, last: int) -> dict[str, np.ndarray]:
        """The inputs of some futures."""
        return {name: values[first:last] for name, values in self.inputs.items()}

    def done(self, task: Task) -> Evaluation:
        """Do a task, in this thread."""
        one = self.evaluator(task.policy)
        levels = _levels(self).of(task.first, task.last)
        size = one.chunk(self.engine)
        parts = []
        for first in range(task.first, task.last, size):
            last = min(first + size, task.last)
            own = {name: values[first - task.first : last - task.first] for name, values in levels.items()}
            kept = min(max(self.series - first, 0), last - first)
            inputs = self.inputs_of(first, last)
            parts.append(one.evaluate(inputs, last - first, self.seed, first, self.engine, own, kept))
        return joined(parts)

    def nothing(self, task: Task, status: str, message: str) -> Evaluation:
        """What a run that took its worker with it leaves behind."""
        one = self.evaluator(task.policy)
        values = {metric.name: np.full(len(task), np.nan) for metric in self.experiment.metrics}
        kept = min(max(self.series - task.first, 0), len(task))
        series = dict.fromkeys(one.outputs if kept else (), np.full((kept, len(one.times)), np.nan))
        states = np.full(len(task), status, dtype="<U8")
        return Evaluation(
            values, states, dict.fromkeys(range(len(task)), message), series, one.times, self.engine
        )


@remembered
def _evaluator(sweep: Sweep, policy: int) -> Evaluator:
    return Evaluator(sweep.model, sweep.experiment, sweep.policies[policy], tuple(sweep.inputs))


@remembered
def _levels(sweep: Sweep) -> _Levels:
    return _Levels(sweep)


class _Levels:
    """The levels that metrics take from a policy's own value, for the futures that workers are at."""

    def __init__(self, sweep: Sweep):
        # no circle back to the sweep, which would keep both for ever
        self.evaluator = sweep.evaluator(0)
        self.inputs, self.seed, self.engine = sweep.inputs, sweep.seed, sweep.engine
        self.lock = threading.Lock()
        self.known: OrderedDict[tuple[int, int], dict[str, np.ndarray]] = OrderedDict()

    def of(self, first: int, last: int) -> dict[str, np.ndarray]:
        with self.lock:
            if (first, last) not in self.known:
                self.known[first, last] = self._computed(first, last)
                while len(self.known) > _KEPT:
                    self.known.popitem(last=False)
            return self.known[first, last]

    def _computed(self, start: int, stop: int) -> dict[str, np.ndarray]:
        size = self.evaluator.chunk(self.engine)
        found = []
        for first in range(start, stop, size):
            last = min(first + size, stop)
            inputs = {name: values[first:last] for name, values in self.inputs.items()}
            found.append(self.evaluator.levels(inputs, last - first, self.seed, first, self.engine))
        return {name: np.concatenate([one[name] for one in found]) for name in found[0]}


def in_threads(
    work: Callable[[Task], Any], tasks: Iterable[Task], jobs: int, stop: threading.Event
) -> Iterator[tuple[Task, Any]]:
    """Do tasks in threads, and give each with its result as it is done.

    Tasks not yet begun are left when `stop` is set. The threads do not keep a process alive that is told to
    end at once.
    """
    waiting: queue.SimpleQueue = queue.SimpleQueue()
    for task in tasks:
        waiting.put(task)
    results: queue.SimpleQueue = queue.SimpleQueue()

    def serve() -> None:
        while not stop.is_set():
            try:
                task = waiting.get_nowait()
            except queue.Empty:
                break
            try:
                results.put((task, work(task), None))
            except BaseException as error:
                results.put((task, None, error))
                break
        results.put(None)

    threads = [threading.Thread(target=serve, daemon=True) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    left = jobs
    fault = None
    try:
        while left:
            found = results.get()
            if found is None:
                left -= 1
                continue
            task, result, error = found
            if error is not None:
                fault = fault or error
                stop.set()
                continue
            yield task, result
    finally:
        stop.set()
    if fault is not None:
        raise fault
