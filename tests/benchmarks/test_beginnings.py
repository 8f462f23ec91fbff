"""What it costs to begin, and how far a machine goes: measured in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import benchmark_models
import numpy as np
import pace
import pytest

pytestmark = pytest.mark.benchmark

HERE = Path(__file__).parent
TRIES = 3
MILLION = 1_000_000
EQUAL = 1e-9
# name, text, what is varied
MODELS = {
    "SIR": (benchmark_models.sir(), benchmark_models.SIR_RANGES),
    "150 variables": (benchmark_models.world(sectors=7), benchmark_models.world_ranges(7)),
    "World3's size": (benchmark_models.world(), benchmark_models.world_ranges()),
}


def in_own_process(script: str, *arguments: str, cache: Path) -> dict:
    path = os.pathsep.join((str(HERE), str(HERE.parents[1])))
    environment = {**os.environ, "PYTHONPATH": path, "SDTHEORY_CACHE": str(cache)}
    done = subprocess.run(
        [sys.executable, str(HERE / script), *arguments], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", MODELS)
def test_a_second_process_finds_what_the_first_one_made(name, tmp_path, report):
    text, ranges = MODELS[name]
    path = tmp_path / "model.mdl"
    path.write_text(text, encoding="utf-8")
    sample = json.dumps({key: np.linspace(*limits, 8).tolist() for key, limits in ranges.items()})
    found: dict[str, dict[str, float]] = {"cold": {}, "cached": {}}
    for turn in range(TRIES):
        for kept in found.values():
            seconds = in_own_process("preparation.py", str(path), sample, cache=tmp_path / str(turn))
            kept |= {stage: min(value, kept.get(stage, value)) for stage, value in seconds.items()}
    head = [f"{name}: beginning, ms", *found["cold"], ""]
    rows = [[kept, *(pace.short(1000 * value) for value in row.values()), ""] for kept, row in found.items()]
    report += pace.table(head, rows)
    assert found["cached"]["machine code"] < found["cold"]["machine code"]


@pytest.mark.slow
def test_a_million_futures_fit(tmp_path, report):
    model = HERE.parents[1] / "models" / "m1_delays.mdl"
    jobs = min(os.cpu_count() or 1, 2)
    found = in_own_process("million.py", str(model), str(MILLION), str(jobs), cache=tmp_path)
    report.append(
        f"a million futures of {model.stem}, {found['numbers kept']} numbers of each: "
        f"{pace.short(found['seconds'])} s by the clock with {jobs} threads on a machine with load average "
        f"{pace.LOAD:.2f}, {pace.short(found['CPU seconds'])} s of CPU; memory at most "
        f"{found['bytes'] / 1e6:,.0f} MB, {found['bytes drawn'] / 1e6:,.0f} MB of it to draw them"
    )
    assert found["sound"] == MILLION and found["differs by"] < EQUAL
