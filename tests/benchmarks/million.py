"""Very many futures of a rung, in a process of its own: prints JSON of seconds, bytes and values.

``python million.py MODEL RUNS JOBS``
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import cases

import sdtheory as sd

FIRST = 100  # runs that are compared with the vectorised engine's


def main(path: Path, runs: int, jobs: int) -> dict[str, Any]:
    """The last and the greatest value of the outputs of the rung's own experiment."""
    from sdtheory.engines.reducers import Reducer

    case = cases.case(f"{path.stem}, final", path.parent, path.parent, None)
    sample = case.sample(runs)
    reduce = {f"{kind} {name}": Reducer(kind, name) for name in case.outputs for kind in ("final", "maximum")}
    drawn = _most_memory()
    begun, busy = time.perf_counter(), time.process_time()
    found = sd.simulate_many(
        case.model, sample, outputs=case.outputs, engine="compiled", reduce=reduce, jobs=jobs
    )
    measured = {
        "seconds": time.perf_counter() - begun,
        "CPU seconds": time.process_time() - busy,
        "bytes drawn": drawn,
        "bytes": _most_memory(),
        "numbers kept": len(reduce),
        "sound": int((found["status"] == "ok").sum()),
    }
    few = {name: values[:FIRST] for name, values in sample.items()}
    others = sd.simulate_many(case.model, few, outputs=case.outputs, engine="vectorised", reduce=reduce)
    measured["differs by"] = max(
        float(abs(found[name].values[:FIRST] / others[name].values - 1).max()) for name in reduce
    )
    return measured


def _most_memory() -> int:
    """The most memory that the process ever had, in bytes."""
    import resource  # not on every platform

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
