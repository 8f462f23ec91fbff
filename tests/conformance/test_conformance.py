"""Every model file below a folder gives the numbers that Vensim or Stella stored beside it.

Run with ``pytest --conformance=DIR``, where DIR is a checkout of the public SDXorg/test-models or a folder
of its shape.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from tally import OUTCOMES

HERE = Path(__file__).parent
SUFFIXES = (".mdl", ".xmile", ".stmx")
SECONDS = 60
AT_ONCE = 2
EQUAL = 1e-9
ALARM = "please report this file"
PLACEHOLDER = re.compile(rb"<eqn>\s*(<!\[CDATA\[)?\s*(\?+|\{\s*Enter equation[^}]*\})|(?m:=\s*\?{2,})")


def model_files(folder: str) -> list[Path]:
    return sorted(path for path in Path(folder).rglob("*") if path.suffix in SUFFIXES and path.is_file())


def pytest_generate_tests(metafunc):
    folder = metafunc.config.getoption("--conformance", default=None)
    files = model_files(folder) if folder else []
    metafunc.parametrize("path", files, ids=[path.relative_to(folder).as_posix() for path in files])


def in_own_process(path: Path) -> dict:
    """The worker's outcome; a crash, an error that is not the package's own or a time-out is a failure."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE.parents[1])}
    command = [sys.executable, str(HERE / "worker.py"), str(path.resolve())]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS)
        return json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        detail = f"no answer in {SECONDS} s"
    except (IndexError, json.JSONDecodeError):
        detail = (done.stderr.strip().splitlines() or [f"ended with status {done.returncode}"])[-1]
    failure = {"state": "failed", "engine": "", "detail": [detail]}
    return {"stored": None, "disagreement": None, "auto": failure, "reference": failure}


@pytest.fixture(scope="module")
def outcomes(request):
    """All selected files at work in the background, a few at once; each test waits for its own."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        paths = [
            item.callspec.params["path"] for item in request.session.items if item.path == Path(__file__)
        ]
        waiting: dict[Path, Future] = {path: pool.submit(in_own_process, path) for path in paths}
        yield waiting
        pool.shutdown(cancel_futures=True)


def test_a_model_gives_its_stored_output(path, outcomes, request):
    found = outcomes[path].result()
    found["placeholder"] = bool(PLACEHOLDER.search(path.read_bytes()))
    name = path.relative_to(request.config.getoption("--conformance")).as_posix()
    request.config.stash.setdefault(OUTCOMES, {})[name] = found
    said = [*found["auto"]["detail"], *found["reference"]["detail"]]
    assert not [text for text in said if ALARM in text], "the guard or the audit took a model for an attack"
    state, detail = found["auto"]["state"], "; ".join(found["auto"]["detail"])
    if found["placeholder"] and state != "right":  # connections may give the inputs of modules their values
        assert state == "refused", detail
        return
    if found["stored"] is False:
        assert state in ("refused", "ran"), detail
        return
    assert state == "right", f"{state}: {detail}"
    apart = found["disagreement"]
    assert apart is None or apart <= EQUAL, f"the engines are {apart:.3g} apart"
