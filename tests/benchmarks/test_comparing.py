"""What pairing is worth, and how far comparisons carry."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
import warnings
from dataclasses import replace

import benchmark_models
import contenders
import numpy as np
import pace
import pytest
from cases import Case

import sdtheory as sd
from sdtheory.errors import SDWarning
from sdtheory.experiments.evaluation import evaluate_policy
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.futures import futures
from sdtheory.experiments.metric import Metric
from sdtheory.experiments.uncertainty import Uncertainty
from sdtheory.model.expression import Name

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
import contextlib, hashlib, sys, time
from dataclasses import replace
import sdtheory as sd


def workers():
    if sys.argv[2] == "threads":
        return contextlib.nullcontext(2)
    from distributed import Client, LocalCluster

    made = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, memory_limit=0)
    return Client(made)


if __name__ == "__main__":
    experiment = sd.Experiment.read("models/m1_delays.toml")
    more = tuple(sd.Policy(f"boost {share}", set={"theorist boost": share}) for share in (0.1, 0.2))
    experiment = replace(experiment, policies=(*experiment.policies, *more), method="random")
    with workers() as jobs:
        start = time.perf_counter()
        comparison = sd.compare(sd.load("models/m1_delays.xmile"), experiment, runs=int(sys.argv[1]), jobs=jobs)
        assert len(comparison.policies) == 9
        comparison.to_dict(), comparison.satisficing(), comparison.undominated(), comparison.maximin()
        wall = time.perf_counter() - start
    found = hashlib.sha256(comparison.status.astype("U8").tobytes())
    for name, values in comparison.values.items():
        found.update(name.encode() + values.tobytes())
    print(found.hexdigest(), wall)
"""


def at_scale(folder, how):
    """Digest of the numbers, seconds of processor time and by the clock, and the largest process's bytes."""
    script = folder / "scale.py"
    script.write_text(SCALE, encoding="utf-8")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-W", "ignore", str(script), str(RUNS), how]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found, wall = done.stdout.split()
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return found, spent, float(wall), after.ru_maxrss * 1024


def test_nine_policies_in_a_hundred_thousand_futures(report, tmp_path):
    found = {}
    for how in ("threads", "cluster"):
        if how == "cluster":
            pytest.importorskip("distributed", reason="a cluster needs the extra 'cluster'")
        found[how], seconds, wall, size = at_scale(tmp_path, how)
        workers = "2 threads" if how == "threads" else "a local dask cluster of 2 workers"
        report.append(
            f"9 policies x {RUNS:,} futures of m1 with intervals and all tables, {workers}: {wall:.0f} s by the "
            f"clock at load average {pace.LOAD:.1f}, {seconds:.0f} s of processor time, {size / 1e9:.2f} GB"
        )
        assert seconds < CORES * SECONDS and size < BYTES
    assert found["threads"] == found["cluster"]


def sir_comparison(folder):
    """The epidemic, two numbers varied over a Sobol sample, one policy beside the baseline."""
    path = folder / "sir.mdl"
    path.write_text(benchmark_models.sir(), encoding="utf-8")
    ranges = {
        name: Uncertainty(name, "uniform", {"low": low, "high": high})
        for name, (low, high) in benchmark_models.SIR_RANGES.items()
    }
    return (
        path,
        sd.load(path),
        Experiment(
            policies=(sd.Policy("fewer contacts", set={"contact rate": 5.0}),),
            metrics=(Metric("infectious at the end", Name("infectious"), "final", better="lower"),),
            uncertainties=tuple(ranges.values()),
        ),
    )


def test_two_threads_take_little_more_than_half_the_time_of_one(report, tmp_path):
    _, model, experiment = sir_comparison(tmp_path)
    runs = RUNS // 2  # under each of two policies

    def with_jobs(jobs):
        return lambda: sd.compare(model, experiment, runs=runs, jobs=jobs, series=0)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SDWarning)  # no power of two
        tasks = {"1": with_jobs(1), "2": with_jobs(2)}
        clock = pace.in_turn(tasks, {}, time.perf_counter)
        spent = pace.in_turn(tasks, {})
    report.append(
        f"{RUNS:,} runs of SIR in a comparison: two threads {clock['1'] / clock['2']:.2f} times one by the clock "
        f"at load average {pace.LOAD:.1f}, {spent['2'] / spent['1']:.2f} times its processor time"
    )
    assert spent["2"] < 1.15 * spent["1"]


def test_a_comparison_leaves_runs_one_by_one_behind(report, tmp_path):
    """Sobol sample, metrics, intervals and all tables included, on one thread, machine code in memory."""
    path, model, experiment = sir_comparison(tmp_path)
    try:
        run = contenders.pysimlin(Case("SIR", path, model, sir_sample, ("infectious",), "final"))
    except contenders.Absent as absent:
        pytest.skip(str(absent))
    few = 128

    def whole():
        found = sd.compare(model, experiment, runs=8192, jobs=1, series=0)
        found.to_dict(), found.satisficing(), found.undominated(), found.maximin()

    best = pace.in_turn({"ours": whole, "pysimlin": lambda: run(sir_sample(few))}, {})
    ours, theirs = 2 * 8192 / best["ours"], few / best["pysimlin"]
    report.append(
        f"2 policies x 8,192 futures of SIR with sample, metrics and tables: {pace.short(ours)} runs/s, "
        f"{pace.short(ours / theirs)} times pysimlin's {pace.short(theirs)}"
    )
    assert ours > 10 * theirs


def sir_sample(runs):
    random = np.random.default_rng(1)
    return {
        name: random.uniform(low, high, runs) for name, (low, high) in benchmark_models.SIR_RANGES.items()
    }


def test_five_policies_of_the_largest_model_with_report(report, tmp_path):
    document = sd.read("models/m4_paradigms.xmile")
    model = sd.load(document)
    study = sd.Experiment.read("models/m1_delays.toml")
    ranges = {
        "search leverage": (0.5, 4.0), "initial understood share": (0.1, 0.4), "difficulty slope": (0.0, 0.3),
        "publication delay": (0.25, 1.5), "coupling": (0.1, 0.6),
    }  # fmt: skip
    experiment = replace(
        study,
        policies=tuple(policy for policy in study.policies if not policy.changes)[:4],
        uncertainties=tuple(
            Uncertainty(name, "uniform", {"low": low, "high": high}) for name, (low, high) in ranges.items()
        ),
        derived={}, correlations=(), loops=(), text="",
    )  # fmt: skip
    assert len(experiment.policies) == 4

    def whole(part):
        folder = tmp_path / part
        begun, clock = time.process_time(), time.perf_counter()
        comparison = sd.compare(model, experiment, runs=1024)
        run = time.process_time() - begun
        comparison.save(folder, document)
        return run, time.process_time() - begun, time.perf_counter() - clock

    whole("first")  # makes machine code and loads libraries
    run, spent, clock = min((whole(str(turn)) for turn in range(3)), key=lambda one: one[1])
    report.append(
        f"5 policies x 1,024 futures of m4 with report: {clock:.1f} s by the clock at load average "
        f"{pace.LOAD:.1f}, {spent:.1f} s of processor time, {run:.1f} s of them the runs"
    )
    assert spent < CORES * 5.0


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
