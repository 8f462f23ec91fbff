"""Read and load files in a process of its own: one line of JSON for each, with the time and memory that it took.

Used by tests whose files may hang or kill a reader: ``python outcomes.py FILE...``, or `outcomes` from a test.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120  # seconds of wall clock for a whole batch


def outcomes(files: Sequence[Path], cache: Path) -> dict[str, dict]:
    """What reading and loading each file gives, by the file's name; ``{"died": status}`` for one that ends the process.

    Parameters
    ----------
    files : sequence of Path
    cache : Path
        Folder for the package's cache.
    """
    found: dict[str, dict] = {}
    environment = {**os.environ, "SDTHEORY_CACHE": str(cache), "PYTHONPATH": str(ROOT)}
    waiting = list(files)
    while waiting:
        command = [sys.executable, __file__, *map(str, waiting)]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                lines, _ = process.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                lines, _ = process.communicate()
        done = [json.loads(line) for line in lines.splitlines()]
        found |= {one["file"]: one for one in done}
        waiting = waiting[len(done) :]
        if waiting:
            found[waiting.pop(0).name] = {"died": process.returncode}
    return found


def main(files: Sequence[str]) -> None:
    """Print the outcome of each file as soon as it is known."""
    import sdtheory as sd

    warnings.simplefilter("ignore")
    for name in files:
        report = {
            "file": Path(name).name,
            "read": timed(sd.read, name, declared),
            "load": timed(sd.load, name, meant),
        }
        print(json.dumps(report | {"peak": peak()}), flush=True)


def timed(call, name: str, described) -> dict:
    from sdtheory.errors import SDError

    start = time.process_time()
    try:
        value = call(name)
    except SDError as error:
        seconds = time.process_time() - start
        kind, message = type(error).__name__, str(error)
        return {"error": kind, "message": message, "line": error.line, "seconds": seconds}
    seconds = time.process_time() - start
    return {"value": described(value), "seconds": seconds}


def declared(document) -> dict:
    """The first variables of a document: equation and documentation."""
    entries = list(document.variables.values())[:20]
    return {entry.name: [entry.equation[:200], entry.documentation[:200]] for entry in entries}


def meant(model) -> list[str]:
    return sorted(model.variables)[:20]


def peak() -> float:
    """The most memory that this process has held, in MB."""
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    main(sys.argv[1:])
