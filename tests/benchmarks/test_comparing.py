"""What pairing is worth, and how far comparisons carry."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pace
import pytest

import sdtheory as sd
from sdtheory.experiments.evaluation import evaluate_policy
from sdtheory.experiments.futures import futures

pytestmark = pytest.mark.benchmark

METRIC = "gap after 10 years"
SAMPLE, REPETITIONS = 256, 60
RUNS, SECONDS, BYTES = 100_000, 60.0, 2e9
CORES = 2


@pytest.fixture(scope="module")
def model():
    return sd.load("models/m0_seed.xmile")


@pytest.fixture(scope="module")
def experiment():
    found = sd.Experiment.read("models/m0_seed.toml")
    return replace(found, metrics=tuple(metric for metric in found.metrics if metric.name == METRIC))


def values(model, experiment, policy, method, seed):
    """The metric in one sample."""
    _, inputs = futures(model, replace(experiment, method=method), SAMPLE, seed)
    return evaluate_policy(model, experiment, policy, inputs, seed=seed).values[METRIC]


def test_pairing_takes_most_of_the_noise_away(model, experiment, report):
    base, policy = experiment.baseline, experiment.policies[0]
    found: dict[str, list[float]] = {}
    for seed in range(REPETITIONS):
        other = values(model, experiment, policy, "random", 10_000 + seed)
        unpaired = other - values(model, experiment, base, "random", seed)
        found.setdefault("independent random samples", []).append(unpaired.mean())
        for method in ("random", "latin_hypercube", "sobol"):
            paired = values(model, experiment, policy, method, seed) - values(
                model, experiment, base, method, seed
            )
            found.setdefault(f"paired, {method}", []).append(paired.mean())
    spread = {name: float(np.std(means, ddof=1)) for name, means in found.items()}
    report.append(
        f"standard deviation of the mean difference, m0, {SAMPLE} futures, {REPETITIONS} repetitions: "
        + "; ".join(f"{name} {value:.3g}" for name, value in spread.items())
    )
    unpaired, paired, _, sobol = spread.values()
    assert paired < unpaired / 3
    assert sobol < paired


SCALE = """
import sys
from dataclasses import replace
import sdtheory as sd
experiment = sd.Experiment.read("models/m1_delays.toml")
more = tuple(sd.Policy(f"boost {share}", set={"theorist boost": share}) for share in (0.1, 0.2))
experiment = replace(experiment, policies=(*experiment.policies, *more), method="random")
comparison = sd.compare(sd.load("models/m1_delays.xmile"), experiment, runs=int(sys.argv[1]), jobs=2)
assert len(comparison.policies) == 9
comparison.to_dict(), comparison.satisficing(), comparison.undominated(), comparison.maximin()
"""


def test_nine_policies_in_a_hundred_thousand_futures(report):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run([sys.executable, "-W", "ignore", "-c", SCALE, str(RUNS)], check=True)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    size = after.ru_maxrss * 1024
    report.append(
        f"9 policies x {RUNS:,} futures of m1 with intervals and all tables: {seconds:.0f} s of processor time, "
        f"{wall:.0f} s by the clock at load average {pace.LOAD:.1f}, {size / 1e9:.2f} GB"
    )
    assert seconds < CORES * SECONDS and size < BYTES


def test_a_folder_costs_little_beside_the_runs(model, report, tmp_path):
    experiment = sd.Experiment.read("models/m0_seed.toml")
    spent: dict[str, list[float]] = {"memory": [], "folder": []}
    for turn in range(3):
        for name in spent:
            folder = tmp_path / f"{name} {turn}" if name == "folder" else None
            start = time.process_time()
            sd.compare(model, experiment, runs=2**16, store=folder, series=256, isolate=False, jobs=1)
            spent[name].append(time.process_time() - start)
    least = {name: min(times) for name, times in spent.items()}
    ratio = least["folder"] / least["memory"]
    report.append(
        f"4 policies x 65,536 futures of m0 kept in a folder, series of 256: {ratio:.2f} times memory alone"
    )
    assert ratio < 1.1
