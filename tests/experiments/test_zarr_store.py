"""A folder of results as zarr keeps the promises of one without, and its group can be opened by others."""

import errno
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

import sdtheory as sd
from sdtheory.errors import SDWarning, Stopped, StoreError, UnknownName, UsageError
from sdtheory.experiments import workers, zarr_store
from sdtheory.experiments.store import CHUNKS, GROUP
from sdtheory.experiments.sweep import Sweep

zarr = pytest.importorskip("zarr", reason="results as zarr need the extra 'cluster'")
RUNS, CHUNK = 64, 16


def same(one, other):
    """Whether two comparisons hold the same numbers to the bit."""
    return (
        (one.status == other.status).all()
        and one.messages == other.messages
        and all(one.values[name].tobytes() == other.values[name].tobytes() for name in one.values)
        and all(one.series[name].identical(other.series[name]) for name in one.series)
    )


def digests_of(folder):
    return {path.name.rpartition(".")[0] for path in (folder / CHUNKS).iterdir()}


@pytest.fixture
def in_memory(filling, faster):
    return sd.compare(filling, faster, runs=RUNS, series=40)


@pytest.fixture
def compared(filling, faster):
    def run(folder, **options):
        given = {"isolate": False, "chunk": CHUNK, "store_form": "zarr", "series": 40, **options}
        return sd.compare(filling, faster, runs=RUNS, store=folder, **given)

    return run


@pytest.mark.parametrize("jobs", [1, 2, 8])
@pytest.mark.parametrize("chunk", [1, 10, 1000])
def test_numbers_and_digests_are_those_of_a_folder_without_zarr(compared, in_memory, tmp_path, jobs, chunk):
    assert same(compared(tmp_path / "zarr", jobs=jobs, chunk=chunk), in_memory)
    compared(tmp_path / "npz", store_form="npz", chunk=chunk)
    assert digests_of(tmp_path / "zarr") == digests_of(tmp_path / "npz")
    assert same(sd.Comparison.read(tmp_path / "zarr"), in_memory)


def test_other_programs_find_arrays_with_names_and_dimensions(compared, in_memory, tmp_path):
    compared(tmp_path)
    group = zarr.open_group(tmp_path / GROUP, mode="r")
    assert list(group.attrs["policies"]) == list(in_memory.policies)
    place = list(group.attrs["metrics"]).index("end")
    np.testing.assert_array_equal(group["metrics"][:, place], in_memory.values["end"])
    assert group["metrics"].metadata.dimension_names == ("policy", "metric", "run")
    name = group["series0"].attrs["variable"]
    np.testing.assert_array_equal(group["series0"][:], in_memory.series[name])
    np.testing.assert_array_equal(group["time"][:], in_memory.series["time"])


def test_a_sweep_goes_on_in_the_form_and_the_chunks_of_its_folder(compared, in_memory, tmp_path):
    compared(tmp_path)
    whole = digests_of(tmp_path)
    for path in sorted((tmp_path / CHUNKS).iterdir())[1::3]:
        path.unlink()
    assert same(compared(tmp_path, resume=True, chunk=10, store_form=None), in_memory)
    assert digests_of(tmp_path) == whole
    with pytest.raises(StoreError, match="holds results as zarr, not as npz"):
        compared(tmp_path, resume=True, store_form="npz")


def test_a_damaged_chunk_is_named_and_made_again(compared, in_memory, tmp_path):
    compared(tmp_path)
    victim = sorted(path for path in (tmp_path / GROUP / "metrics" / "c").rglob("*") if path.is_file())[1]
    data = bytearray(victim.read_bytes())
    data[-1] ^= 1
    victim.write_bytes(data)
    with pytest.warns(SDWarning, match=r"'00-baseline-00000016\.\w+\.json' is damaged and left out"):
        assert sd.Comparison.read(tmp_path).runs == RUNS - CHUNK
    with pytest.warns(SDWarning, match="is damaged and is made again"):
        assert same(compared(tmp_path, resume=True), in_memory)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_a_damaged_name_of_a_chunk_is_told(compared, in_memory, tmp_path, text):
    compared(tmp_path)
    next((tmp_path / CHUNKS).iterdir()).write_text(text)
    with pytest.warns(SDWarning, match="is damaged and is made again"):
        assert same(compared(tmp_path, resume=True), in_memory)


def test_a_fault_at_any_write_leaves_whole_chunks_and_can_be_resumed(
    compared, in_memory, tmp_path, monkeypatch
):
    """The disk is full from one write on, of numbers by zarr or of a chunk's name."""
    from zarr.storage import _local

    count, last = 0, 10**9

    def counted(call):
        def wrapper(*arguments, **options):
            nonlocal count
            count += 1
            if count > last:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return call(*arguments, **options)

        return wrapper

    with monkeypatch.context() as patch:
        patch.setattr(_local, "_put", counted(_local._put))
        patch.setattr(zarr_store, "put_bytes", counted(zarr_store.put_bytes))
        compared(tmp_path / "whole", jobs=1, chunk=32)
        for last in range(1, count, 4):
            count, folder = 0, tmp_path / str(last)
            with pytest.raises((Stopped, StoreError), match=r"(disk is full|no space left)"):
                compared(folder, jobs=1, chunk=32)
    whole = digests_of(tmp_path / "whole")
    for folder in tmp_path.iterdir():
        left = digests_of(folder) if (folder / CHUNKS).exists() else set()
        assert left <= whole
        assert same(compared(folder, resume=True, jobs=1, chunk=32), in_memory)
        assert digests_of(folder) == whole
        assert not list(folder.rglob("*.partial"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="workers that share what the test planted need fork")
def test_a_run_that_kills_its_process_loses_only_itself(compared, in_memory, tmp_path, monkeypatch):
    honest = Sweep.done

    def done(self, task):
        if task.policy == 1 and task.first <= 37 < task.last:
            os.kill(os.getpid(), signal.SIGKILL)
        return honest(self, task)

    monkeypatch.setattr(Sweep, "done", done)
    monkeypatch.setattr(workers, "can_fork", lambda: True)
    found = compared(tmp_path, isolate=True, jobs=2)
    assert np.argwhere(found.status == "crashed").tolist() == [[1, 37]]
    expected = in_memory.values["end"].copy()
    expected[1, 37] = np.nan
    np.testing.assert_array_equal(found.values["end"], expected)
    assert same(sd.Comparison.read(tmp_path), found)


SWEEP = """
import sys
import sdtheory as sd
sd.compare(
    sd.load("models/m0_seed.xmile"), sd.Experiment.read("models/m0_seed.toml"),
    runs=256, store=sys.argv[1], store_form="zarr", chunk=8, series=16, jobs=2, engine="vectorised",
    progress=lambda done, total, statuses: print(done, flush=True),
)
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 1)])
def test_a_sweep_that_is_ended_goes_on_to_the_same_result(tmp_path, number, code):
    target = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-c", SWEEP, str(target)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    for line in process.stdout:
        if int(line) >= 200:
            break
    process.send_signal(number)
    process.communicate()
    assert process.returncode == code
    model, experiment = sd.load("models/m0_seed.xmile"), sd.Experiment.read("models/m0_seed.toml")
    options = {"runs": 256, "series": 16, "engine": "vectorised"}
    assert 0 < len(digests_of(target)) < 4 * 32
    found = sd.compare(model, experiment, store=target, resume=True, **options)
    assert same(found, sd.compare(model, experiment, **options))
    assert not list(target.rglob("*.partial"))


def test_somebody_s_own_group_is_not_written_over(compared, tmp_path):
    (tmp_path / GROUP).mkdir()
    with pytest.raises(StoreError, match=rf"holds other files, such as '{GROUP}'"):
        compared(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [GROUP]


def test_without_the_package_it_is_named(compared, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(UsageError, match=r'need zarr: pip install "sdtheory\[cluster\]"'):
        compared(tmp_path / "out")


def test_another_form_is_unknown(compared, tmp_path):
    with pytest.raises(UnknownName, match="did you mean 'zarr'"):
        compared(tmp_path / "out", store_form="zar")


def test_the_manifest_says_the_form(compared, tmp_path):
    compared(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["form"], manifest["finished"]) == ("zarr", True)
