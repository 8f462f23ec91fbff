"""What a sweep will take, said before it begins, and refused when it is more than there is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sdtheory.errors import UsageError, shown
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.sweep import CHUNK, Sweep

REMEDY = "ask for fewer runs or metrics, or a larger save_every"
SHARE = 0.5  # of free memory or disk that a sweep may take
PER_STEP = {"compiled": 4e-10, "compiled-exact": 1e-9, "vectorised": 3e-9, "reference": 2e-6}
PER_SAVED = 8e-9  # seconds to measure a metric at a saved time
_COPIES = 3  # of a chunk's series while metrics pass over them
_TABLES = 4  # times the metrics' own size: differences, resamples


@dataclass(frozen=True)
class Estimate:
    """What a sweep will take.

    Attributes
    ----------
    policies, runs, steps, jobs : int
        No jobs stand for a cluster.
    engine : str
    seconds : float
        Roughly; on a cluster, of one core.
    memory, disk : int
        Bytes.
    """

    policies: int
    runs: int
    steps: int
    jobs: int
    engine: str
    seconds: float
    memory: int
    disk: int

    def __str__(self) -> str:
        threads = f"{self.jobs} thread{'s' if self.jobs > 1 else ''}" if self.jobs else "a cluster"
        return (
            f"{self.policies} policies x {self.runs:,} futures x {self.steps:,} steps on the {self.engine} "
            f"engine, {threads}, about {_time(self.seconds)}, {_size(max(self.memory, self.disk))}"
        )


def estimate(sweep: Sweep, jobs: int, stored: bool) -> Estimate:
    """What a sweep will take, by arithmetic.

    Parameters
    ----------
    sweep : Sweep
    jobs : int
        0 for a cluster.
    stored : bool
    """
    one = sweep.evaluator(0)
    metrics, runs, policies = len(sweep.experiment.metrics), sweep.runs, len(sweep.policies)
    equations = len(sweep.model.variables)
    saved = 0 if one.reducible and not sweep.series else len(one.times)
    a_run = one.steps * equations * PER_STEP[sweep.engine] + saved * metrics * PER_SAVED
    row = 8 * len(one.times) * len(one.outputs)
    results = 8 * runs * policies * (metrics + 4) + sweep.series * policies * row
    chunk = min(CHUNK, runs, one.chunk(sweep.engine)) * row * _COPIES
    memory = results * _TABLES + jobs * chunk + 8 * runs * len(sweep.inputs)
    return Estimate(
        policies,
        runs,
        one.steps,
        jobs,
        sweep.engine,
        a_run * runs * policies / max(jobs, 1),
        memory,
        results * stored,
    )


def refuse_too_large(found: Estimate, folder: Path | None) -> None:
    """Refuse a sweep that would take more than half of the memory or disk that is free.

    Raises
    ------
    UsageError
    """
    _refuse_memory(found.memory)
    if folder is None:
        return
    room = shutil.disk_usage(_existing(folder)).free
    if found.disk > SHARE * room:
        raise UsageError(
            f"the results take about {_size(found.disk)}, and {_size(room)} are free in '{shown(str(folder))}'",
            remedy=REMEDY,
        )


def refuse_too_many(runs: int, experiment: Experiment) -> None:
    """Refuse so many runs that the sample and the metrics alone would take more than half of the free memory.

    This is found out before anything is sampled.

    Raises
    ------
    UsageError
    """
    policies = 1 + len(experiment.policies)
    columns = sum(one.width() for one in experiment.uncertainties) + len(experiment.derived)
    _refuse_memory(8 * runs * (2 * columns + policies * len(experiment.metrics)))


def _refuse_memory(size: int) -> None:
    free = free_memory()
    if free is not None and size > SHARE * free:
        raise UsageError(
            f"the comparison takes about {_size(size)} of memory, and {_size(free)} are free", remedy=REMEDY
        )


def _existing(folder: Path) -> Path:
    return next(one for one in (folder, *folder.absolute().parents) if one.exists())


def free_memory() -> int | None:
    """Bytes of memory that are free, or None when the system does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            return _available(lines)
    except OSError:
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None


def _available(lines: Iterable[str]) -> int | None:
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _size(count: float) -> str:
    """Bytes as people say them.

    Examples
    --------
    >>> _size(41_000_000), _size(3.2e9)
    ('41 MB', '3.2 GB')
    """
    return f"{count / 1e6:.0f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"
