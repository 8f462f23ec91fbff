"""Load, isolated, and run one model file in a process of its own; the outcome goes to standard output as JSON."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

from stored_output import STELLA, differences, disagreement, read_stored, stored_output

import sdtheory as sd


def outcome(path: Path) -> dict[str, Any]:
    """How the file fares: with the engine that is chosen for it, and with the reference engine."""
    found: dict[str, Any] = {"stored": stored_output(path) is not None, "disagreement": None}
    try:
        model = sd.load(path, isolation="process")
    except sd.SDError as error:
        refusal = {"state": "refused", "engine": "", "detail": [str(error)]}
        return found | {"auto": refusal, "reference": refusal}
    method = stored_method(path)
    found["auto"], ours = _run(model, "auto", path, method)
    found["reference"], theirs = _run(model, "reference", path, method)
    if ours is not None and theirs is not None and found["auto"]["engine"] != "reference":
        found["disagreement"] = disagreement(ours, theirs)
    return found


def stored_method(path: Path) -> str | None:
    """The method of the run that was stored: that of the Vensim file beside, when Vensim made the output."""
    stored, vensim = stored_output(path), path.with_suffix(".mdl")
    if path == vensim or stored is None or stored.name == STELLA or not vensim.is_file():
        return None
    return sd.load(vensim).settings.method


def _run(model: sd.Model, engine: str, path: Path, method: str | None) -> tuple[dict[str, Any], Any]:
    try:
        run = sd.simulate(model, engine=engine, method=method)
    except sd.SDError as error:
        return {"state": "refused", "engine": "", "detail": [str(error)]}, None
    stored = stored_output(path)
    apart = differences(run, read_stored(stored)) if stored else []
    state = "wrong" if apart else "right" if stored else "ran"
    return {"state": state, "engine": run.attrs["engine"], "detail": apart[:5]}, run


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(outcome(Path(sys.argv[1]))))
