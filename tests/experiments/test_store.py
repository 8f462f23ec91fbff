"""What a folder of results promises."""

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

import sdtheory as sd
from sdtheory.errors import ExperimentError, SDWarning, SimulationError, Stopped, StoreError
from sdtheory.experiments import compare, workers
from sdtheory.experiments.metric import Metric
from sdtheory.experiments.store import CHUNKS
from sdtheory.experiments.store_lock import locked
from sdtheory.experiments.sweep import Sweep
from sdtheory.model.expression import Name

RUNS = 64


def same(one, other):
    """Whether two comparisons hold the same numbers to the bit."""
    return (
        (one.status == other.status).all()
        and all(one.values[name].tobytes() == other.values[name].tobytes() for name in one.values)
        and all(one.series[name].identical(other.series[name]) for name in one.series)
    )


def chunks_of(folder):
    return {path.name: path.read_bytes() for path in (folder / CHUNKS).iterdir()}


@pytest.fixture
def in_memory(filling, faster):
    return sd.compare(filling, faster, runs=RUNS)


@pytest.fixture
def compared(filling, faster):
    """Compare into a folder, in threads."""

    def run(folder, **options):
        return sd.compare(
            filling, faster, runs=RUNS, store=folder, **{"isolate": False, "chunk": 16, **options}
        )

    return run


@pytest.mark.parametrize("chunk", [1, 10, 100, 10_000])
@pytest.mark.parametrize(("jobs", "isolate"), [(1, False), (4, False), (1, True), (4, True)])
def test_numbers_depend_neither_on_chunks_nor_on_workers(
    filling, faster, in_memory, tmp_path, chunk, jobs, isolate
):
    options = {"runs": RUNS, "chunk": chunk, "jobs": jobs, "isolate": isolate}
    assert same(sd.compare(filling, faster, **options), in_memory)
    assert same(sd.compare(filling, faster, store=tmp_path / "out", **options), in_memory)
    assert same(sd.Comparison.read(tmp_path / "out"), in_memory)


def test_equal_sweeps_leave_equal_bytes(compared, tmp_path):
    compared(tmp_path / "one")
    compared(tmp_path / "two", jobs=1)
    assert chunks_of(tmp_path / "one") == chunks_of(tmp_path / "two")


def test_a_folder_gives_back_samples_experiment_and_messages(filling, faster, tmp_path):
    wild = replace(faster, policies=(replace(faster.policies[0], set={"pace": 1e308}),))
    with pytest.warns(SDWarning, match="diverged"):
        first = sd.compare(filling, wild, runs=8, store=tmp_path / "out", isolate=False)
    again = sd.Comparison.read(tmp_path / "out")
    assert again.experiment == first.experiment
    assert again.samples.equals(first.samples)
    assert again.messages == first.messages and again.facts == first.facts
    assert again.to_dict() == first.to_dict()


def test_a_damaged_chunk_is_named_and_made_again(compared, in_memory, tmp_path):
    compared(tmp_path)
    whole = chunks_of(tmp_path)
    victim = sorted((tmp_path / CHUNKS).iterdir())[2]
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(data)
    with pytest.warns(SDWarning, match=f"'{victim.name}' is damaged and left out"):
        assert sd.Comparison.read(tmp_path).runs == RUNS - 16
    with pytest.warns(SDWarning, match=f"'{victim.name}' is damaged and is made again"):
        assert same(compared(tmp_path, resume=True), in_memory)
    assert chunks_of(tmp_path) == whole


def test_a_missing_chunk_is_made_again_in_whatever_size(compared, in_memory, tmp_path):
    compared(tmp_path)
    for path in sorted((tmp_path / CHUNKS).iterdir())[1::3]:
        path.unlink()
    assert same(compared(tmp_path, resume=True, chunk=10), in_memory)


def test_a_finished_sweep_is_not_made_again(compared, in_memory, tmp_path, monkeypatch):
    compared(tmp_path)
    monkeypatch.setattr(Sweep, "done", None)
    assert same(compared(tmp_path, resume=True), in_memory)


def test_another_sweep_is_refused_and_what_differs_is_named(filling, faster, compared, tmp_path):
    compared(tmp_path)
    pace = filling["pace"]
    equations = (replace(pace.equations[0], expression=Name("level")),)
    other_model = replace(
        filling, variables={**filling.variables, "pace": replace(pace, equations=equations)}
    )
    metric = Metric("peak", Name("level"), "maximum")
    other_metrics = replace(faster, metrics=(*faster.metrics, metric))
    other_policy = replace(faster, policies=(replace(faster.policies[0], set={"pace": 2.0}),))
    for model, experiment, options, told in (
        (other_model, faster, {}, "the model differs in 'pace'"),
        (filling, other_metrics, {}, "the experiment differs in 'metrics: peak'"),
        (filling, other_policy, {}, "the experiment differs in 'policies: faster'"),
        (filling, faster, {"seed": 2}, "seed was 1 and is 2"),
        (filling, faster, {"runs": 128}, "runs was 64 and is 128"),
        (filling, faster, {"engine": "compiled"}, "engine was vectorised and is compiled"),
    ):
        given = {"runs": RUNS, **options}
        with pytest.raises((StoreError, ExperimentError), match=told):
            sd.compare(model, experiment, store=tmp_path, resume=True, **given)


def test_other_versions_are_refused(compared, tmp_path):
    compared(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    manifest["versions"]["numpy"] = "0.1"
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(StoreError, match=r"numpy was 0\.1 and is "):
        compared(tmp_path, resume=True)


def test_results_are_not_written_over(compared, tmp_path):
    compared(tmp_path)
    with pytest.raises(StoreError, match="holds results; pass --resume"):
        compared(tmp_path)


def test_a_folder_with_other_files_is_refused(compared, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(StoreError, match=r"holds other files, such as 'thesis\.txt'"):
        compared(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_place_of_the_folder_is_refused(compared, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(StoreError, match="is a file"):
        compared(tmp_path / "out")


def test_a_folder_without_results_cannot_be_read(tmp_path):
    with pytest.raises(StoreError, match="holds no results"):
        sd.Comparison.read(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 99}'])
def test_a_damaged_manifest_is_told(compared, tmp_path, text):
    compared(tmp_path)
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(StoreError, match=r"damaged|another format"):
        sd.Comparison.read(tmp_path)
    with pytest.raises(StoreError, match=r"damaged|another format"):
        compared(tmp_path, resume=True)


def test_a_second_process_is_refused_with_the_first_ones_id(compared, tmp_path):
    with locked(tmp_path):
        done = subprocess.run(
            [sys.executable, "-c", LOCK, str(tmp_path)], capture_output=True, text=True, check=False
        )
    assert done.stdout.strip() == f"process {os.getpid()} is writing to '{tmp_path}'"
    compared(tmp_path)


LOCK = """
import sys
from pathlib import Path
from sdtheory.errors import StoreError
from sdtheory.experiments.store_lock import locked
try:
    with locked(Path(sys.argv[1])):
        print("locked")
except StoreError as error:
    print(error.message)
"""


def test_a_lock_whose_holder_died_is_no_hindrance(tmp_path):
    code = LOCK.replace('print("locked")', "import os; os.kill(os.getpid(), 9)")
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    with locked(tmp_path) as lock:
        assert lock.died
    with locked(tmp_path) as lock:
        assert not lock.died


# faults of the disk


@contextmanager
def failing(monkeypatch, number):
    """The so-manieth call that opens, writes, flushes or renames a file fails."""
    count = 0

    def counted(call):
        def wrapper(*arguments, **options):
            nonlocal count
            count += 1
            if count == number:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return call(*arguments, **options)

        return wrapper

    with monkeypatch.context() as patch:
        for name in ("open", "write", "fsync", "replace"):
            patch.setattr(os, name, counted(getattr(os, name)))
        yield lambda: count


def test_a_fault_at_any_write_leaves_whole_chunks_and_can_be_resumed(
    compared, in_memory, tmp_path, monkeypatch
):
    with failing(monkeypatch, 0) as calls:
        compared(tmp_path / "whole", jobs=1, chunk=RUNS)
    whole = chunks_of(tmp_path / "whole")
    for number in range(1, calls() + 1):
        folder = tmp_path / str(number)
        with failing(monkeypatch, number):
            try:
                compared(folder, jobs=1, chunk=RUNS)
            except Stopped as error:
                assert error.exit_code == 3 and "disk is full" in error.message
            except StoreError as error:
                assert "No space" in error.message or "no space" in error.message
        left = chunks_of(folder) if (folder / CHUNKS).exists() else {}
        assert left.items() <= whole.items()
        assert same(compared(folder, resume=True, jobs=1, chunk=RUNS), in_memory)
        assert chunks_of(folder) == whole


@contextmanager
def small_disk(folder, size):
    folder.mkdir()
    mount = shutil.which("mount")
    if os.name != "posix" or os.geteuid() != 0 or mount is None:
        pytest.skip("a disk of our own needs root")
    made = subprocess.run([mount, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=False)
    if made.returncode:
        pytest.skip("a disk of our own cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("isolate", [False, True])
@pytest.mark.parametrize("size", ["1m", pytest.param("64m", marks=pytest.mark.slow)])
def test_a_full_disk_stops_the_sweep_which_then_goes_on(
    filling, faster, tmp_path, monkeypatch, size, isolate
):
    # others fill the disk once the sweep has begun: what is free at its start is not looked at
    monkeypatch.setattr(compare, "refuse_too_large", lambda *_: None)
    runs = 8192 if size == "1m" else 2**19
    options = {"runs": runs, "chunk": runs // 32, "series": runs, "isolate": isolate}
    whole = sd.compare(filling, faster, **options)
    disk, aside = tmp_path / "disk", tmp_path / "aside"
    with small_disk(disk, size):
        with pytest.raises(
            Stopped, match=r"disk is full: a chunk of .* bytes and .* are free; make room"
        ) as caught:
            sd.compare(filling, faster, store=disk / "out", **options)
        assert caught.value.exit_code == 3
        assert 0 < len(chunks_of(disk / "out")) < 64
        assert not list((disk / "out").rglob(".*"))
        shutil.copytree(disk / "out", aside)
    assert same(sd.compare(filling, faster, store=aside, resume=True, **options), whole)


# runs that do harm


@pytest.fixture
def poisoned(monkeypatch):
    """Something happens in the worker that does run 37 under the second policy."""

    def poison(harm):
        honest = Sweep.done

        def done(self, task):
            if task.policy == 1 and task.first <= 37 < task.last:
                harm()
            return honest(self, task)

        monkeypatch.setattr(Sweep, "done", done)
        monkeypatch.setattr(workers, "can_fork", lambda: True)
        monkeypatch.setattr(workers, "MAKING", 0.0)  # this model's runs need no machine code

    return poison


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="workers that share what the test planted need fork")
@pytest.mark.parametrize(
    ("harm", "status", "limit"), [(kill, "crashed", None), (lambda: time.sleep(600), "timeout", 0.5)]
)
def test_a_run_that_kills_or_never_ends_its_process_loses_only_itself(
    compared, in_memory, poisoned, tmp_path, harm, status, limit
):
    poisoned(harm)
    found = compared(tmp_path / "out", isolate=None, limit_s=limit, jobs=2)
    assert f"127 ok, 0 diverged, 0 failed, 1 {status}" in found.summary()
    assert [tuple(map(int, place)) for place in np.argwhere(found.status != "ok")] == [(1, 37)]
    assert found.status[1, 37] == status
    assert np.isnan(found.values["end"][1, 37])
    expected = in_memory.values["end"].copy()
    expected[1, 37] = np.nan
    np.testing.assert_array_equal(found.values["end"], expected)
    (row,) = found.differences().to_dict("records")
    assert (row["valid"], row["missing_not_ok"]) == (RUNS - 1, 1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="workers that share what the test planted need fork")
def test_a_model_whose_every_run_kills_its_process_stops_the_sweep(filling, faster, monkeypatch):
    monkeypatch.setattr(workers, "can_fork", lambda: True)
    monkeypatch.setattr(workers, "MOST_LOST", 3)
    monkeypatch.setattr(Sweep, "done", lambda self, task: kill())
    with pytest.raises(SimulationError, match="more than 3 runs were lost"):
        sd.compare(filling, faster, runs=16, isolate=True, jobs=2)


def test_an_error_in_a_worker_process_is_raised_here(filling, faster, monkeypatch):
    def refuse(self, task):
        raise SimulationError("no such thing")

    monkeypatch.setattr(workers, "can_fork", lambda: hasattr(os, "fork"))
    monkeypatch.setattr(Sweep, "done", refuse)
    with pytest.raises(SimulationError, match="no such thing"):
        sd.compare(filling, faster, runs=16, isolate=hasattr(os, "fork"))


@pytest.mark.slow
def test_spawned_workers_give_the_same_numbers(filling, faster, in_memory, monkeypatch):
    monkeypatch.setattr(workers, "can_fork", lambda: False)
    assert same(sd.compare(filling, faster, runs=RUNS, isolate=True, jobs=2), in_memory)


# a sweep that is killed or told to stop

SWEEP = """
import sys
import sdtheory as sd
comparison = sd.compare(
    sd.load("models/m0_seed.xmile"), sd.Experiment.read("models/m0_seed.toml"),
    runs=256, store=sys.argv[1], resume=True, chunk=4, series=16, jobs=2, engine="compiled",
    isolate=sys.argv[2] == "processes",
    progress=lambda done, total, statuses: print(done, flush=True),
)
"""


def begun(folder, how):
    return subprocess.Popen(
        [sys.executable, "-c", SWEEP, str(folder), how],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def after(process, runs):
    """Wait until a sweep has done so many runs."""
    for line in process.stdout:
        if int(line) >= runs:
            return


def whole_sweep(**options):
    """The same sweep here."""
    model, experiment = sd.load("models/m0_seed.xmile"), sd.Experiment.read("models/m0_seed.toml")
    return sd.compare(model, experiment, runs=256, series=16, engine="compiled", **options)


@pytest.fixture(scope="module")
def uninterrupted():
    return whole_sweep()


def check_resumed(folder, uninterrupted):
    found = whole_sweep(store=folder, resume=True, chunk=4, jobs=2, isolate=False)
    assert same(found, uninterrupted) and same(sd.Comparison.read(folder), uninterrupted)
    assert not list(folder.rglob(".*"))


def check_kills(folder, uninterrupted, number, how):
    moments = random.Random(5)
    for place in range(number):
        target = folder / str(place)
        process = begun(target, how)
        after(process, moments.randrange(1, 900))
        time.sleep(moments.random() * 0.02)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        check_resumed(target, uninterrupted)


@pytest.mark.parametrize(("how", "number"), [("threads", 1), ("processes", 2)])
def test_a_killed_sweep_goes_on_to_the_same_result(tmp_path, uninterrupted, how, number):
    check_kills(tmp_path, uninterrupted, number, how)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["threads", "processes"])
def test_a_sweep_killed_at_twenty_moments_goes_on_to_the_same_result(tmp_path, uninterrupted, how):
    check_kills(tmp_path, uninterrupted, 20, how)


@pytest.mark.parametrize(
    ("number", "code", "how"), [(signal.SIGINT, 130, "threads"), (signal.SIGTERM, 3, "processes")]
)
def test_a_sweep_told_to_stop_finishes_its_chunks_and_can_be_resumed(
    tmp_path, uninterrupted, number, code, how
):
    process = begun(tmp_path / "out", how)
    after(process, 100)
    process.send_signal(number)
    _, told = process.communicate()
    assert "runs are done and kept; resume to go on" in told
    assert ("Interrupted" if code == 130 else "Stopped") in told
    partial = sd.Comparison.read(tmp_path / "out")
    assert 0 < partial.runs < 256
    assert (partial.status == "ok").all()
    check_resumed(tmp_path / "out", uninterrupted)


def test_every_process_tells_an_experiment_by_the_same_digests():
    asked = (
        "import sdtheory as sd\n"
        "from sdtheory.experiments.store_identity import experiment_digests\n"
        "print(experiment_digests(sd.Experiment.read('models/m1_delays.toml')))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", asked], env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in "123456"
    }  # fmt: skip
    assert len(told) == 1
