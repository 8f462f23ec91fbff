"""Chunks put together to a comparison, in whatever order and size they came."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from sdtheory.errors import StoreError
from sdtheory.experiments.comparison import Comparison
from sdtheory.experiments.evaluation import Evaluation
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.sweep import Task


def gathered(
    chunks: Iterable[tuple[Task, Evaluation]],
    experiment: Experiment,
    policies: tuple[str, ...],
    runs: int,
    samples: pd.DataFrame,
    *,
    series: int = 0,
    **about: Any,
) -> Comparison:
    """The comparison that chunks make, in the futures that all policies have met.

    Parameters
    ----------
    chunks : iterable of (Task, Evaluation)
    experiment : Experiment
    policies : tuple of str
    runs : int
    samples : pandas.DataFrame
    series : int
        How many futures, from the first on, have their saved variables kept.
    about
        Further fields of the comparison.

    Raises
    ------
    StoreError
        When there is no future that all policies have met.
    """
    shape = (len(policies), runs)
    values = {metric.name: np.full(shape, np.nan) for metric in experiment.metrics}
    status = np.full(shape, "", dtype="<U8")
    messages: dict[tuple[str, int], str] = {}
    saved: dict[str, np.ndarray] = {}
    times = np.empty(0)
    for task, chunk in chunks:
        times = chunk.times
        status[task.policy, task.first : task.last] = chunk.status
        for name, array in values.items():
            array[task.policy, task.first : task.last] = chunk.values[name]
        messages |= {(policies[task.policy], task.first + run): text for run, text in chunk.messages.items()}
        for name, rows in chunk.series.items():
            own = saved.setdefault(name, np.full((len(policies), series, len(times)), np.nan))
            own[task.policy, task.first : task.first + len(rows)] = rows
    met = (status != "").all(axis=0)
    if not met.any():
        raise StoreError("there is no future yet that all policies have met", remedy="resume the sweep")
    comparison = Comparison(
        experiment=experiment,
        policies=policies,
        values=values,
        status=status,
        samples=samples,
        series=_dataset(policies, saved, times),
        messages=dict(sorted(messages.items(), key=lambda item: (policies.index(item[0][0]), item[0][1]))),
        stop=float(times[-1]) if len(times) else np.inf,
        **about,
    )
    return comparison if met.all() else comparison.part(met)


def _dataset(policies: tuple[str, ...], saved: dict[str, np.ndarray], times: np.ndarray) -> Any:
    import xarray as xr

    kept = len(next(iter(saved.values()))[0]) if saved else 0
    return xr.Dataset(
        {name: (("policy", "run", "time"), rows) for name, rows in saved.items()},
        coords={"policy": list(policies), "run": np.arange(kept), "time": times},
    )


def together(one: Comparison, other: Comparison) -> Comparison:
    """Policies of two comparisons, side by side; only where both met the same futures, or they are not paired.

    Raises
    ------
    StoreError
        Which names what differs.
    """
    different = [
        name
        for name in sorted({*one.facts, *other.facts} - {"experiment digest"})
        if one.facts.get(name) != other.facts.get(name)
    ]
    for name, mine, yours in (
        ("seed", one.seed, other.seed),
        ("metrics", one.metrics, other.metrics),
        ("simulation settings", dict(one.experiment.simulation), dict(other.experiment.simulation)),
        ("baseline", one.experiment.baseline, other.experiment.baseline),
    ):
        if mine != yours:
            different.append(name)
    if not one.samples.equals(other.samples):
        different.append("sampled futures")
    if different:
        raise StoreError(
            f"the two do not meet the same futures: their {', '.join(different)} differ",
            remedy="compare all policies in one sweep",
        )
    new = [place for place, name in enumerate(other.policies) if name not in one.policies]
    added = [policy for policy in other.experiment.policies if policy.name not in one.policies]
    return replace(
        one,
        experiment=replace(one.experiment, policies=(*one.experiment.policies, *added), text=""),
        policies=(*one.policies, *(other.policies[place] for place in new)),
        values={name: np.concatenate([array, other.values[name][new]]) for name, array in one.values.items()},
        status=np.concatenate([one.status, other.status[new]]),
        series=None,
        folder=None,
        messages={**other.messages, **one.messages},
    )
