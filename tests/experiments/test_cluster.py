"""Comparisons on a dask cluster."""

import os
import signal

import numpy as np
import pytest

import sdtheory as sd
from sdtheory.errors import UsageError
from sdtheory.experiments import cluster
from sdtheory.experiments.sweep import Sweep

dask = pytest.importorskip("dask", reason="a cluster needs the extra 'cluster'")
distributed = pytest.importorskip("distributed", reason="a cluster needs the extra 'cluster'")
RUNS = 64


@pytest.fixture(scope="module")
def local():
    """A cluster of two worker processes on this machine."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit=0
        ) as made,
        distributed.Client(made) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def in_memory(filling, faster):
    return sd.compare(filling, faster, runs=RUNS)


def test_a_cluster_gives_the_numbers_of_this_machine(filling, faster, local, in_memory, tmp_path):
    for jobs in (local, local.scheduler.address):
        found = sd.compare(filling, faster, runs=RUNS, chunk=10, jobs=jobs)
        np.testing.assert_array_equal(found.values["end"], in_memory.values["end"])
    sd.compare(filling, faster, runs=RUNS, chunk=10, jobs=local, store=tmp_path / "out")
    kept = sd.Comparison.read(tmp_path / "out")
    assert kept.values["end"].tobytes() == in_memory.values["end"].tobytes()


def test_a_worker_that_is_lost_half_way_loses_nothing(filling, faster, local, in_memory):
    processes = list(local.run(os.getpid).values())

    def told(done, total, statuses):
        if done >= RUNS and len(processes) == 2:
            os.kill(processes.pop(), signal.SIGKILL)

    found = sd.compare(filling, faster, runs=RUNS, chunk=2, jobs=local, progress=told)
    assert len(processes) == 1
    np.testing.assert_array_equal(found.values["end"], in_memory.values["end"])


def test_workers_of_another_version_are_refused_by_name(filling, faster, local, monkeypatch):
    local.wait_for_workers(2)
    monkeypatch.setattr(cluster.importlib.metadata, "version", lambda name: "99")
    with pytest.raises(UsageError, match=r"worker tcp://.* has sdtheory .* and this is 99"):
        sd.compare(filling, faster, runs=8, jobs=local)


def test_what_is_no_cluster_is_refused(filling, faster, monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", "1s")
    with pytest.raises(UsageError, match=r"no cluster answers at 'tcp://127\.0\.0\.1:9'"):
        sd.compare(filling, faster, runs=8, jobs="tcp://127.0.0.1:9")
    with pytest.raises(UsageError, match="give a number, an address or a dask Client"):
        sd.compare(filling, faster, runs=8, jobs=object())


@pytest.mark.slow
def test_a_run_that_kills_its_worker_is_found(filling, faster, local, monkeypatch):
    monkeypatch.setattr(cluster, "_done", _poisoned)
    found = sd.compare(filling, faster, runs=128, chunk=16, jobs=local)
    assert np.argwhere(found.status == "crashed").tolist() == [[1, 5]]
    assert (found.status == "ok").sum() == 255


def _poisoned(sweep: Sweep, task):
    if task.policy == 1 and task.first <= 5 < task.last:
        os.kill(os.getpid(), signal.SIGKILL)
    return sweep.done(task)
