"""Our engines give the numbers of their peers, and keep the pace that is on record."""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path

import cases
import numpy as np
import pace
import pytest
from contenders import CONTENDERS, VECTORISED, Absent

import sdtheory as sd

pytestmark = pytest.mark.benchmark

RUNGS = Path(__file__).parents[2] / "models"
EQUAL = 1e-9
QUIET = 0.3  # load average up to which wall time says something


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


def difference(ones, others) -> float:
    """The largest difference between outputs, in units of the greatest value of its series."""
    worst = 0.0
    for one, other in zip(ones, others, strict=True):
        few = min(len(one), len(other))
        one, other = (array[:few].reshape(few, -1) for array in (one, other))
        if not (np.isfinite(one) == np.isfinite(other)).all():
            return float("inf")
        size = np.maximum(np.nanmax(np.abs(other), axis=1, keepdims=True), 1e-300)
        worst = max(worst, float(np.nanmax(np.abs(one - other) / size)))
    return worst


@pytest.mark.parametrize("name", cases.names(RUNGS))
def test_engines_agree_and_keep_their_pace(name, folder, report, request):
    case = cases.case(name, RUNGS, folder, request.config.getoption("--world3"))
    tasks, absent, runs = {}, {}, {one.name: one.runs for one in CONTENDERS}
    futures = case.sample(max(runs.values()))
    for one in CONTENDERS:
        sample = {key: values[: one.runs] for key, values in futures.items()}
        try:
            tasks[one.name] = partial(one.prepare(case), sample)
        except Absent as reason:
            absent.setdefault(str(reason), []).append(one.name)
    kept = {engine: task() for engine, task in tasks.items()}
    apart = {engine: difference(values, kept[VECTORISED]) for engine, values in kept.items()}
    assert max(apart.values()) <= EQUAL, f"numbers differ: {apart}"
    del kept

    recording = request.config.getoption("--record")
    best: dict[str, float] = {}
    before = pace.recorded().get(pace.processor(), {}).get(case.name, {})
    for _ in range(pace.MOST_ROUNDS // pace.ROUNDS):
        pace.in_turn(tasks, best)
        speeds = {engine: runs[engine] / seconds for engine, seconds in best.items()}
        now = pace.ratios(speeds)
        if not recording and not pace.slower(now, before):
            break
    report += pace.of_each(case.name, speeds, apart)
    report += [f"without {' and '.join(names)}: {reason}" for reason, names in absent.items()]
    if recording:
        pace.record(case.name, now)
    elif not before:
        report.append("no ratios on record for this model on this processor: --record puts them there")
    else:
        assert not pace.slower(now, before), "\n".join(pace.slower(now, before))


def test_a_second_thread_gives_the_same_numbers_sooner(folder, report):
    case = cases.case("World3's size, final", RUNGS, folder, None)
    sample = case.sample(32768)

    def run(jobs):
        found = sd.simulate_many(
            case.model, sample, outputs=case.outputs, engine="compiled", reduce="final", jobs=jobs
        )
        return found[list(case.outputs)]

    assert run(1).equals(run(2))
    if pace.LOAD >= QUIET or (os.cpu_count() or 1) < 2:
        report.append(f"two threads: not measured, the machine is not quiet (load average {pace.LOAD:.2f})")
        return
    best = pace.in_turn({"one": lambda: run(1), "two": lambda: run(2)}, {}, clock=time.perf_counter)
    report.append(f"two threads: {best['one'] / best['two']:.2f} times as fast as one, by wall time")
