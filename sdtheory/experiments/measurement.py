"""Metrics of some policies, made ready to be measured in one set of futures after another."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from sdtheory.errors import ExperimentError, UsageError
from sdtheory.experiments.evaluation import Evaluation, Evaluator
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.metric import Metric
from sdtheory.experiments.policy import Policy, split_element
from sdtheory.model.expression import Call, Table, references, walk
from sdtheory.model.functions import FUNCTIONS
from sdtheory.model.model import Constant, Model, Stock
from sdtheory.names import canonical, unknown

MOST_RUNS = 10_000_000  # of each policy in one sweep that is kept in memory
MANY = 20_000  # runs to reckon with when nobody knows how often a measurement will be made again


@dataclass(frozen=True)
class Measured:
    """Metrics of policies in some sets of the same number of futures.

    Attributes
    ----------
    values : mapping of metric name to array, shape (policies, sets, futures)
        NaN where a level is never reached, and for runs that are not ``ok``.
    status : array of str, shape (policies, sets, futures)
    """

    values: Mapping[str, np.ndarray]
    status: np.ndarray


class Measurement:
    """Metrics of some policies, ready to be measured again and again.

    A set of futures may be evaluated under other inputs than another; future j of every set has the same
    numbers from the model's random functions.

    Parameters
    ----------
    model : Model
    experiment : Experiment
        Its simulation settings, and the policies whose levels metrics refer to, are used.
    policies : sequence of Policy
    metrics : sequence of str
        Names of the experiment's metrics; those that their expressions read are measured too.
    inputs : sequence of str
        Names of the inputs that will be given.
    expected : int
        About how many runs of each policy there will be in all: it decides the engine.
    seed, jobs : int, optional
        As for `evaluate_policy`.
    """

    def __init__(
        self,
        model: Model,
        experiment: Experiment,
        policies: Sequence[Policy],
        metrics: Sequence[str],
        inputs: Sequence[str],
        *,
        expected: int = MANY,
        seed: int | None = None,
        jobs: int | None = None,
    ):
        plain = replace(experiment, metrics=with_parts(experiment, metrics))
        self.evaluators = [Evaluator(model, plain, policy, tuple(inputs)) for policy in policies]
        self.expected = expected
        self.seed = experiment.seed if seed is None else seed
        self.jobs = jobs or os.cpu_count() or 1
        self.noisy = any(_noisy(one.changed) for one in self.evaluators)
        self._engines: list[str] = []

    def measure(
        self, inputs: Mapping[str, np.ndarray], shape: tuple[int, int], levels: Mapping | None = None
    ) -> Measured:
        """The metrics of every policy.

        Parameters
        ----------
        inputs : mapping of name to array, broadcast to `shape`
        shape : (sets, futures)
        levels : mapping of metric name to array, broadcast to `shape`, optional
            As for `evaluate_policy`; worked out from the same inputs when left out.
        """
        full = {name: np.broadcast_to(values, shape) for name, values in inputs.items()}
        given = None
        if levels is not None:
            given = {name: np.broadcast_to(values, shape) for name, values in levels.items()}
        if not self._engines:
            some = {name: np.resize(values, self.expected) for name, values in full.items()}
            self._engines = [one.lasting_engine(some, self.expected) for one in self.evaluators]
        # one call for all sets, unless the numbers of random functions must begin anew with each
        rows = [slice(i, i + 1) for i in range(shape[0])] if self.noisy else [slice(None)]
        parts = []
        for row in rows:
            flat = {name: values[row].ravel() for name, values in full.items()}
            flat_levels = given and {name: values[row].ravel() for name, values in given.items()}
            count = shape[1] if self.noisy else shape[0] * shape[1]
            parts.append(self._flat(flat, count, flat_levels))
        names = [metric.name for metric in self.evaluators[0].experiment.metrics]
        whole = (len(self.evaluators), *shape)
        values = {
            name: np.concatenate([part[0][name] for part in parts], axis=1).reshape(whole) for name in names
        }
        return Measured(values, np.concatenate([part[1] for part in parts], axis=1).reshape(whole))

    def levels(self, inputs: Mapping[str, np.ndarray], futures: int) -> dict[str, np.ndarray]:
        """The levels of metrics that refer to a policy's own value in each future, for `measure`."""
        return self.evaluators[0].levels(inputs, futures, self.seed)

    def _flat(
        self, inputs: Mapping[str, np.ndarray], count: int, levels: Mapping[str, np.ndarray] | None
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Values by metric and the statuses, of shape (policies, count)."""
        size = min(one.chunk(engine) for one, engine in zip(self.evaluators, self._engines, strict=True))
        bounds = [(first, min(first + size, count)) for first in range(0, count, size)]

        def part(bound: tuple[int, int]) -> list[Evaluation]:
            first, last = bound
            piece = {name: values[first:last] for name, values in inputs.items()}
            own = levels and {name: values[first:last] for name, values in levels.items()}
            run = (piece, last - first, self.seed, first)
            if own is None:
                own = self.evaluators[0].levels(*run, self._engines[0])
            pairs = zip(self.evaluators, self._engines, strict=True)
            return [one.evaluate(*run, engine, own) for one, engine in pairs]

        found = [part(bounds[0])]  # alone: it makes the program that the others find ready
        with ThreadPoolExecutor(self.jobs) as pool:
            found += pool.map(part, bounds[1:])
        values = {
            name: np.stack(
                [np.concatenate([row.values[name] for row in rows]) for rows in zip(*found, strict=True)]
            )
            for name in found[0][0].values
        }
        status = np.stack([np.concatenate([row.status for row in rows]) for rows in zip(*found, strict=True)])
        return values, status


def _noisy(model: Model) -> bool:
    """Whether the model has random functions."""
    trees = [
        tree
        for variable in model.variables.values()
        for equation in variable.equations
        for tree in (equation.expression, equation.initial)
        if tree is not None and not isinstance(tree, Table)
    ]
    calls = [part for tree in trees for part in walk(tree) if isinstance(part, Call)]
    return any(FUNCTIONS[call.function].kind == "random" for call in calls)


def with_parts(experiment: Experiment, names: Sequence[str]) -> tuple[Metric, ...]:
    """Metrics by name, and those that their expressions read, in the experiment's order."""
    wanted = {canonical(metric_of(experiment, name).name) for name in names}
    waiting = list(wanted)
    while waiting:
        metric = metric_of(experiment, waiting.pop())
        parts = (
            {canonical(part.name) for part in references(metric.expression)} if metric.expression else set()
        )
        waiting += parts - wanted
        wanted |= parts
    return tuple(metric for metric in experiment.metrics if canonical(metric.name) in wanted)


def metric_of(experiment: Experiment, name: str | None) -> Metric:
    """The metric of that name, or the experiment's first.

    Raises
    ------
    UnknownName, ExperimentError
    """
    if not experiment.metrics:
        raise ExperimentError("the experiment has no metric", remedy="add a [[metric]]", file=experiment.file)
    if name is None:
        return experiment.metrics[0]
    for metric in experiment.metrics:
        if canonical(metric.name) == canonical(name):
            return metric
    raise unknown("metric", name, [metric.name for metric in experiment.metrics])


def policy_of(experiment: Experiment, policy: Policy | str | None) -> Policy:
    """A policy by name (the baseline's too), or the only one of the experiment.

    Raises
    ------
    UnknownName, UsageError
    """
    everyone = (experiment.baseline, *experiment.policies)
    if isinstance(policy, Policy):
        return policy
    if policy is None:
        if len(everyone) != 2:
            names = ", ".join(f"'{one.name}'" for one in everyone[1:])
            raise UsageError("which policy?", remedy=f"there are {names}" if names else "there is none")
        return everyone[1]
    for one in everyone:
        if canonical(one.name) == canonical(policy):
            return one
    raise unknown("policy", policy, [one.name for one in everyone])


def refuse_too_many(runs: int, what: str) -> None:
    """Stop before a sweep that would not fit into memory."""
    if runs > MOST_RUNS:
        raise UsageError(f"{what}: {runs} runs of each policy, more than {MOST_RUNS}", remedy="ask for fewer")


def refuse_faults(model: Model, experiment: Experiment) -> None:
    """Stop when the experiment does not fit the model; every fault is listed."""
    faults = experiment.check(model)
    if faults:
        raise ExperimentError("\n".join(faults))


def ranged(model: Model, kind: str, name: str, low: float, high: float) -> str:
    """The name of a constant or initial value that is to be varied from low to high, as the model spells it.

    Raises
    ------
    UnknownName, ExperimentError
    """
    from sdtheory.engines.simulate import input_label

    head, _ = split_element(name)
    variable = model[head]
    if not isinstance(variable, Constant | Stock):
        raise ExperimentError(f"{kind} '{variable.name}' is computed; only constants and initial values vary")
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ExperimentError(f"{kind} '{variable.name}': low {low:g} is not below high {high:g}")
    return input_label(model, name)


def judged(measured: Measured, metric: Metric) -> tuple[np.ndarray, np.ndarray]:
    """The difference of the first policy to the second, and its sign: 1 better, -1 worse, 0 tie.

    Returns
    -------
    difference, verdict : arrays, shape (sets, futures)
        NaN where a run is not ok or a value does not exist; ties and censoring as the metric says.
    """
    from sdtheory.experiments.comparison import Comparison

    values = measured.values[metric.name]
    shape = values.shape[1:]
    flat = Comparison(
        experiment=Experiment(metrics=(metric,)),
        policies=("other", "policy"),
        values={metric.name: values[::-1].reshape(2, -1)},
        status=measured.status[::-1].reshape(2, -1),
        samples=pd.DataFrame(index=range(values[0].size)),
        seed=0,
    )
    difference, verdict = flat.paired("policy", metric.name)
    return difference.reshape(shape), verdict.reshape(shape)
