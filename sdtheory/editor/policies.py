"""Experiment files beside the model: their text, and comparisons of their policies."""

from __future__ import annotations

import hashlib
import os
import secrets
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sdtheory.documents.saving import put_bytes
from sdtheory.editor.runs import plain_numbers
from sdtheory.editor.state import Refused
from sdtheory.errors import DocumentError, ExperimentError, SDWarning, shown
from sdtheory.experiments.compare import compare, futures
from sdtheory.experiments.comparison import Comparison
from sdtheory.experiments.evaluation import evaluate_policy
from sdtheory.experiments.experiment import Experiment
from sdtheory.model.model import Model
from sdtheory.model.subscripts import split
from sdtheory.names import canonical

Plain = dict[str, Any]
FIRST_RUNS = (64, 256)  # what is shown before the number that is asked for
MOST_SERIES = 256  # futures that bands are drawn from
QUANTILES = (0.05, 0.5, 0.95)
MOST_TIMES = 400


def path_of(experiments: Mapping[str, str], id: str) -> Path:
    """The experiment file of an id.

    Raises
    ------
    Refused
        There is none of this id; a path is never taken from a message.
    """
    if id not in experiments:
        raise Refused(f"there is no experiment '{shown(id)}'", code="experiment", field="id")
    return Path(experiments[id])


def experiment_of(experiments: Mapping[str, str], id: str) -> Plain:
    """What an experiment file says: its text, and as far as it can be read its policies and metrics."""
    path = path_of(experiments, id)
    text, fault = _text(path), None
    experiment = Experiment()
    try:
        experiment = Experiment.read(path)
    except ExperimentError as error:
        fault = str(error)
    return {
        "id": id,
        "text": text,
        "hash": hashlib.sha256(text.encode("utf-8")).hexdigest(),
        "title": experiment.title,
        "policies": [
            {"name": policy.name, "description": policy.description, "on": True}
            for policy in (experiment.baseline, *experiment.policies)
        ],
        "metrics": [{"name": metric.name, "better": metric.better} for metric in experiment.metrics],
        "uncertainty": len(experiment.uncertainties),
        "runs": experiment.runs,
        "seed": experiment.seed,
        "fault": fault,
    }


def set_experiment(experiments: Mapping[str, str], id: str, text: str, hash: str) -> Plain:
    """Another text for an experiment file, which is saved at once.

    Raises
    ------
    Refused
        Another program changed the file (``disk-changed``), or the text is no experiment (``experiment``); the
        file is as it was.
    """
    path = path_of(experiments, id)
    there = hashlib.sha256(_text(path).encode("utf-8")).hexdigest()
    if there != hash:
        raise Refused("the file was changed by another program", code="disk-changed", details={"hash": there})
    beside = path.with_name(f".{path.stem}.{secrets.token_hex(6)}{path.suffix}")
    try:
        put_bytes(beside, text.encode("utf-8"))
        Experiment.read(beside)
        os.replace(beside, path)
    except ExperimentError as error:
        message = str(error).replace(str(beside), path.name)
        raise Refused(message, code="experiment", field="text") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DocumentError(
            f"cannot be saved: {reason}", file=path.name, remedy="the file is as it was"
        ) from None
    finally:
        beside.unlink(missing_ok=True)
    return experiment_of(experiments, id)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{path.name} cannot be read: {shown(error)}", code="experiment", field="id") from None


def comparisons(
    model: Model,
    experiment: Experiment,
    policies: Sequence[str] | None,
    runs: int | None,
    outputs: Sequence[str],
) -> Iterator[Plain]:
    """Comparisons in more and more futures: a few at once, then as many as are asked for.

    Parameters
    ----------
    model : Model
    experiment : Experiment
    policies : sequence of str, optional
        Names of those to compare; all when left out. The baseline is always among them.
    runs : int, optional
        Futures of the last comparison; the experiment's number when left out.
    outputs : sequence of str
        Variables whose bands are wanted.
    """
    if policies is not None:
        wanted = set(map(canonical, policies))
        chosen = tuple(policy for policy in experiment.policies if canonical(policy.name) in wanted)
        experiment = replace(experiment, policies=chosen)
    last = max(runs or experiment.runs, 1)
    for count in (*(few for few in FIRST_RUNS if few < last), last):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SDWarning)
            found = compare(model, experiment, runs=count, isolate=False)
            bands = _bands(model, experiment, found, outputs)
        yield {
            "runs": count,
            "final": count == last,
            "seed": found.seed,
            "policies": list(found.policies),
            "status": found.counts(),
            "bands": bands,
            "metrics": _differences(found),
        }


def _differences(found: Comparison) -> list[Plain]:
    rows = []
    for row in found.differences().to_dict("records"):
        mean, low, high, better, worse = plain_numbers(
            np.array([float(row[word]) for word in _NUMBERS], dtype=float)
        )
        rows.append({
            "name": row["metric"], "policy": row["policy"], "against": row["against"],
            "difference": {"mean": mean, "low": low, "high": high},
            "probability_better": better, "probability_worse": worse,
            "tie": int(row["tie"]), "valid_runs": int(row["valid"]),
        })  # fmt: skip
    return rows


_NUMBERS = ("mean_difference", "low", "high", "probability_better", "probability_worse")


def _bands(model: Model, experiment: Experiment, found: Comparison, outputs: Sequence[str]) -> Plain:
    """By policy and variable: times and quantiles of the first futures."""
    names = [name for name in outputs if canonical(split(name)[0]) in model.variables]
    if not names:
        return {}
    count = min(found.runs, MOST_SERIES)
    _, inputs = futures(model, experiment, found.runs, found.seed)
    inputs = {name: np.asarray(values)[:count] for name, values in inputs.items()}
    bands: Plain = {}
    for policy in (experiment.baseline, *experiment.policies):
        done = evaluate_policy(
            model, experiment, policy, inputs, runs=count, seed=found.seed, series=count, outputs=names
        )
        bands[policy.name] = {
            label: _band(done.times, values)
            for label, values in done.series.items()
            if canonical(split(label)[0]) in {canonical(split(name)[0]) for name in names}
        }
    return bands


def _band(times: Any, values: Any) -> Plain:
    steps = np.asarray(times, dtype=float)
    rows = np.unique(np.linspace(0, len(steps) - 1, min(len(steps), MOST_TIMES)).round().astype(int))
    some = np.asarray(values, dtype=float)
    some = some[np.isfinite(some).all(axis=1)][:, rows]
    low, middle, high = np.quantile(some, QUANTILES, axis=0) if len(some) else np.full((3, len(rows)), np.nan)
    return {
        "times": steps[rows].tolist(),
        "p05": plain_numbers(low),
        "p50": plain_numbers(middle),
        "p95": plain_numbers(high),
        "valid": len(some),
    }
