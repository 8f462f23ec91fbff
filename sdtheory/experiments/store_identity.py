"""What a sweep is known by: digests of its parts, so that two are not mixed and a refusal can say what differs."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np

from sdtheory.errors import StoreError, shown
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.store import FORMAT
from sdtheory.experiments.sweep import Sweep
from sdtheory.model.model import Model

# parts of an experiment that its numbers do not depend on
WORDS = {"title", "model", "file", "text", "loops", "fixed", "runs", "seed"}
NAMED = ("policies", "metrics", "uncertainties")
_SHOWN = 5  # differences that a refusal names


def digest(*parts: Any) -> str:
    """A short digest of values by how they print.

    Examples
    --------
    >>> digest("a", 1.0) == digest("a", 1.0), digest("a") == digest("b")
    (True, False)
    """
    return hashlib.sha256("\n".join(map(repr, parts)).encode()).hexdigest()[:16]


def identity(sweep: Sweep) -> dict[str, Any]:
    """Everything that a sweep's numbers depend on, in parts that have names."""
    versions = {name: _version(name) for name in ("sdtheory", "numpy", "scipy", "llvmlite")}
    return {
        "format": FORMAT,
        "model": model_digests(sweep.model),
        "experiment": experiment_digests(sweep.experiment),
        "sample": sample_digest(sweep.inputs),
        "runs": sweep.runs,
        "seed": sweep.seed,
        "engine": sweep.engine,
        "series": sweep.series,
        "versions": versions,
    }


def facts(sweep: Sweep) -> dict[str, str]:
    """What a reader needs to make a sweep again, for reports."""
    found = identity(sweep)
    return {
        "engine": sweep.engine,
        "sampling": f"{sweep.experiment.method}, {sweep.runs} futures, seed {sweep.seed}",
        "model digest": digest(found["model"]),
        "experiment digest": digest(found["experiment"]),
        "sample digest": found["sample"],
        **{f"{name} version": version for name, version in found["versions"].items()},
    }


@functools.cache
def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def model_digests(model: Model) -> dict[str, str]:
    """A digest for each variable, and for the rest; where in the file a variable stands does not matter."""
    found = {v.name: digest(replace(v, line=None, column=None, documentation="")) for v in model}
    found["simulation settings"] = digest(model.settings)
    found["dimensions"] = digest(*model.dimensions.values())
    return found


def experiment_digests(experiment: Experiment) -> dict[str, str]:
    """A digest for each policy, metric and uncertainty, and for the rest."""
    found: dict[str, str] = {}
    for one in fields(Experiment):
        value = getattr(experiment, one.name)
        if one.name in NAMED:
            found |= {f"{one.name}: {part.name}": digest(part) for part in value}
        elif one.name not in WORDS:
            found[one.name] = digest(dict(value) if isinstance(value, Mapping) else value)
    return found


def sample_digest(inputs: Mapping[str, np.ndarray]) -> str:
    """A digest of the sampled inputs' bytes."""
    found = hashlib.sha256()
    for name, values in inputs.items():
        found.update(name.encode() + b"\0" + np.ascontiguousarray(values, dtype=float).tobytes())
    return found.hexdigest()[:16]


def check_same(stored: Mapping[str, Any], asked: Mapping[str, Any], folder: str) -> None:
    """Refuse to go on with a sweep that is not the one asked for.

    Raises
    ------
    StoreError
        Which names what differs.
    """
    different = []
    for part in ("model", "experiment"):
        have, want = stored.get(part, {}), asked[part]
        names = [name for name in dict.fromkeys([*have, *want]) if have.get(name) != want.get(name)]
        if names:
            some = ", ".join(f"'{shown(name)}'" for name in names[:_SHOWN])
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            different.append(f"the {part} differs in {some}{more}")
    have, want = stored.get("versions", {}), asked["versions"]
    for name in dict.fromkeys([*have, *want]):
        if have.get(name) != want.get(name):
            different.append(f"{name} was {have.get(name) or 'missing'} and is {want.get(name) or 'missing'}")
    for part in ("runs", "seed", "engine", "series"):
        if stored.get(part) != asked[part]:
            different.append(f"{part} was {shown(stored.get(part))} and is {shown(asked[part])}")
    if not different and stored.get("sample") != asked["sample"]:
        different.append("the sampled futures differ")
    if different:
        raise StoreError(
            f"'{shown(folder)}' holds another sweep: {'; '.join(different)}",
            remedy="choose another folder, or ask for the same sweep",
        )
