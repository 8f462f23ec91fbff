"""Loads and runs model texts in 1 GB of memory: a line of JSON in for each, a line of JSON out."""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import sdtheory as sd


def outcome(asked: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What becomes of a text: its error with its place, or nothing."""
    path = folder / f"model.{asked['suffix']}"
    path.write_text(asked["text"], encoding="utf-8")
    limits = sd.Limits(**asked["limits"])
    began = time.process_time()
    found: dict[str, Any] = {}
    try:
        if asked["action"] == "read":
            sd.read(path, limits=limits)
        else:
            model = sd.load(path, limits=limits)
            if asked["action"] == "run":
                sd.simulate(model, **asked["options"])
    except sd.SDError as error:
        found = {
            "kind": type(error).__name__,
            "message": str(error),
            "file": error.file,
            "line": error.line,
            "column": error.column,
        }
    return found | {"seconds": time.process_time() - began}


def confine(megabytes: int) -> None:
    """Take no more address space than this from now on."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (megabytes * 2**20, megabytes * 2**20))


if __name__ == "__main__":
    confine(1024)
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        print(json.dumps(outcome(json.loads(line), Path(sys.argv[1]))), flush=True)
