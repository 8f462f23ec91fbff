"""What it costs to begin, in a process of its own: prints JSON of CPU seconds.

``python preparation.py MODEL SAMPLE``, where SAMPLE is JSON: for each number that is varied its values.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

TRIES = 5
KEPT = 6  # stocks


def stages(path: str, sample: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Seconds of each stage, in the order in which a user meets them."""
    seconds: dict[str, float] = {}

    def timed(stage: str, work: Callable[[], Any], tries: int = 1) -> Any:
        for _ in range(tries):
            begun = time.process_time()
            result = work()
            seconds[stage] = min(seconds.get(stage, float("inf")), time.process_time() - begun)
        return result

    sd = timed("import", lambda: __import__("sdtheory"))
    model = timed("first load", lambda: sd.load(path))
    timed("load", lambda: sd.load(path), TRIES)
    from sdtheory.engines.machine_code import processor

    timed("llvmlite", processor)
    sd.simulate(model)
    timed("one run", lambda: sd.simulate(model), TRIES)

    import numpy as np

    from sdtheory.engines.compiled import run_compiled
    from sdtheory.engines.program import make_program
    from sdtheory.model.model import Stock

    stocks = [variable.name for variable in model.variables.values() if isinstance(variable, Stock)]
    inputs = np.array(list(sample.values()))
    program = timed(
        "program", lambda: make_program(model, parameters=list(sample), outputs=stocks[:KEPT]), TRIES
    )
    timed("first batch", lambda: run_compiled(program, inputs))
    timed("small batch", lambda: run_compiled(program, inputs), TRIES)
    seconds["machine code"] = seconds.pop("first batch") - seconds["small batch"]
    return seconds


if __name__ == "__main__":
    print(json.dumps(stages(sys.argv[1], json.loads(sys.argv[2]))))
