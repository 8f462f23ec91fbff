"""Comparisons on a dask cluster."""

import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import sdtheory as sd
from sdtheory.errors import StoreError, UsageError
from sdtheory.experiments import cluster
from sdtheory.experiments.store import GROUP
from sdtheory.experiments.sweep import Sweep
from sdtheory.experiments.zarr_store import ZarrStore

dask = pytest.importorskip("dask", reason="a cluster needs the extra 'cluster'")
distributed = pytest.importorskip("distributed", reason="a cluster needs the extra 'cluster'")
RUNS = 64


@pytest.fixture(scope="module")
def local():
    """A cluster of two worker processes on this machine."""
    with (
        # a worker that dies again and again is started again and again, and not given up by what started it
        dask.config.set(
            {"distributed.scheduler.allowed-failures": 0, "distributed.deploy.lost-worker-timeout": "1h"}
        ),
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


def test_workers_write_zarr_themselves_with_the_digests_of_this_machine(
    filling, faster, local, in_memory, tmp_path, monkeypatch
):
    pytest.importorskip("zarr", reason="results as zarr need the extra 'cluster'")
    writers = []
    monkeypatch.setattr(ZarrStore, "write", lambda *_: writers.append(os.getpid()))
    options = {"runs": RUNS, "chunk": 10, "jobs": local}
    sd.compare(filling, faster, store=tmp_path / "zarr", store_form="zarr", **options)
    assert writers == []
    sd.compare(filling, faster, store=tmp_path / "npz", **options)
    names = [{path.stem for path in (tmp_path / one / "chunks").iterdir()} for one in ("zarr", "npz")]
    assert names[0] == names[1]
    kept = sd.Comparison.read(tmp_path / "zarr")
    assert kept.values["end"].tobytes() == in_memory.values["end"].tobytes()


def test_a_worker_that_does_not_see_the_folder_says_so(filling, faster, local, tmp_path):
    pytest.importorskip("zarr", reason="results as zarr need the extra 'cluster'")

    def told(done, total, statuses):
        if done == 0:
            return
        (tmp_path / "out" / GROUP / "zarr.json").unlink(missing_ok=True)

    with pytest.raises(StoreError, match=rf"holds no {GROUP} here"):
        sd.compare(
            filling, faster, runs=RUNS, chunk=1, jobs=local, store=tmp_path / "out", store_form="zarr",
            progress=told,
        )  # fmt: skip


SWEEP = """
import sys
import sdtheory as sd
sd.compare(
    sd.load("models/m0_seed.xmile"), sd.Experiment.read("models/m0_seed.toml"),
    runs=256, store=sys.argv[1], store_form=sys.argv[2], jobs=sys.argv[3], resume=True, chunk=8, series=16,
    engine="vectorised", progress=lambda done, total, statuses: print(done, flush=True),
)
"""


def check_kills(folder, address, form, number):
    model, experiment = sd.load("models/m0_seed.xmile"), sd.Experiment.read("models/m0_seed.toml")
    options = {"runs": 256, "series": 16, "engine": "vectorised"}
    whole = sd.compare(model, experiment, **options)
    moments = random.Random(5)
    for place in range(number):
        target = folder / str(place)
        process = subprocess.Popen(
            [sys.executable, "-c", SWEEP, str(target), form, address], stdout=subprocess.PIPE, text=True
        )
        least = moments.randrange(1, 900)
        for line in process.stdout:
            if int(line) >= least:
                break
        time.sleep(moments.random() * 0.02)
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        found = sd.compare(model, experiment, store=target, resume=True, jobs=address, **options)
        for one in (found, sd.Comparison.read(target)):
            assert (one.status == "ok").all()
            assert all(one.values[name].tobytes() == whole.values[name].tobytes() for name in whole.values)
            assert all(one.series[name].identical(whole.series[name]) for name in whole.series)


@pytest.mark.parametrize("form", ["npz", "zarr"])
def test_a_killed_sweep_goes_on_to_the_same_result(tmp_path, local, form):
    pytest.importorskip("zarr", reason="results as zarr need the extra 'cluster'")
    check_kills(tmp_path, local.scheduler.address, form, 1)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["npz", "zarr"])
def test_a_sweep_killed_at_twenty_moments_goes_on_to_the_same_result(tmp_path, local, form):
    pytest.importorskip("zarr", reason="results as zarr need the extra 'cluster'")
    check_kills(tmp_path, local.scheduler.address, form, 20)


@pytest.mark.slow
@pytest.mark.parametrize("form", [None, "npz", "zarr"])
def test_a_run_that_kills_its_worker_is_found(filling, faster, local, monkeypatch, tmp_path, form):
    local.wait_for_workers(2)
    monkeypatch.setattr(cluster, "_done", _poisoned)
    store = None if form is None else tmp_path / "out"
    found = sd.compare(filling, faster, runs=128, chunk=16, jobs=local, store=store, store_form=form)
    assert np.argwhere(found.status == "crashed").tolist() == [[1, 5]]
    assert (found.status == "ok").sum() == 255


def _poisoned(sweep: Sweep, task, keep=None):
    if task.policy == 1 and task.first <= 5 < task.last:
        os.kill(os.getpid(), signal.SIGKILL)
    found = sweep.done(task)
    return found if keep is None else keep(task, found)
