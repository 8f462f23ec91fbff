"""Policy search: lever settings that are best over the futures, checked on futures the search did not see."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sdtheory.errors import ExperimentError, UsageError
from sdtheory.experiments.compare import futures
from sdtheory.experiments.evaluation import Evaluator
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.measurement import (
    Measurement,
    metric_of,
    policy_of,
    ranged,
    refuse_faults,
    with_parts,
)
from sdtheory.experiments.metric import Metric
from sdtheory.experiments.plain import plain, records
from sdtheory.experiments.policy import Policy
from sdtheory.experiments.saved import save_result
from sdtheory.experiments.search import METHODS, Search, search_front, search_one
from sdtheory.experiments.uncertainty import unit_points
from sdtheory.model.model import Model
from sdtheory.names import canonical, unknown

ROBUST = ("mean", "p90", "worst", "regret")
REFERENCES = 64  # lever settings, beside the experiment's policies, whose best gives the regret of others
EVALUATIONS = 2000

Bounds = tuple[float | None, float | None]


@dataclass(frozen=True)
class Optimum:
    """The best policies that were found: one, or for several objectives those that none other beats.

    Attributes
    ----------
    policies : tuple of Policy
    levers : pandas.DataFrame
        Their settings, one row each.
    found, again : pandas.DataFrame
        Each objective's statistic over the sample of the search and over a new one, in the metric's units.
    kept : array of bool, shape (policies,)
        Whether all constraints hold, over the new sample too.
    objectives : mapping of metric name to ``lower`` or ``higher``
    robust, method : str
    trace : pandas.DataFrame
        Columns evaluations and the best statistic of each objective so far.
    evaluations : int
        Settings that were tried, each in `futures` futures.
    penalised : int
        Settings that were penalised, for a run without a value or a broken constraint.
    statuses : mapping of str to int
        How the runs ended; ``no value`` counts those that are ok but have no value of a metric.
    seed, new_seed, futures : int
    experiment : Experiment
        With the found policies added to its own.
    base : str
        The policy that the levers were added to.
    """

    policies: tuple[Policy, ...]
    levers: pd.DataFrame
    found: pd.DataFrame
    again: pd.DataFrame
    kept: np.ndarray
    objectives: Mapping[str, str]
    robust: str
    method: str
    trace: pd.DataFrame
    evaluations: int
    penalised: int
    statuses: Mapping[str, int]
    seed: int
    new_seed: int
    futures: int
    experiment: Experiment
    base: str

    @property
    def optimism(self) -> pd.DataFrame:
        """How much worse each objective is over the new sample; below zero it is better there."""
        regret = self.robust == "regret"
        signs = [1.0 if regret or better == "lower" else -1.0 for better in self.objectives.values()]
        return (self.again - self.found) * signs

    def table(self) -> pd.DataFrame:
        """One row for each policy: levers, objectives, the same over a new sample, and the optimism."""
        parts = [pd.Series([policy.name for policy in self.policies], name="policy"), self.levers, self.found]
        parts += [self.again.add_suffix(", new sample"), self.optimism.add_suffix(", optimism")]
        return pd.concat([*parts, pd.Series(self.kept, name="constraints hold")], axis=1)

    def to_toml(self) -> str:
        """The best policies as an experiment file: the experiment's own text, and they at its end."""
        lines = [self.experiment.toml]
        for policy, row in zip(self.policies, self.levers.to_dict("records"), strict=True):
            pairs = ", ".join(f"{_quoted(str(name))} = {value!r}" for name, value in row.items())
            lines += ["[[policy]]", f"name = {_quoted(policy.name)}"]
            if canonical(self.base) != canonical(self.experiment.baseline.name):
                lines.append(f"include = [{_quoted(self.base)}]")
            lines += [f"set = {{ {pairs} }}", ""]
        return "\n".join(lines)

    def to_dict(self) -> dict:
        """The result as plain values: what ``--json`` prints."""
        about = ("robust", "method", "evaluations", "penalised", "seed", "new_seed", "futures")
        return plain(
            {
                **{key: getattr(self, key) for key in about},
                "objectives": dict(self.objectives),
                "statuses": dict(self.statuses),
                "policies": [
                    {"name": policy.name, "levers": levers, "objectives": found, "new_sample": again,
                     "optimism": optimism, "constraints_hold": kept}
                    for policy, levers, found, again, optimism, kept in zip(
                        self.policies, records(self.levers), records(self.found), records(self.again),
                        records(self.optimism), self.kept, strict=True,
                    )
                ],
                "trace": records(self.trace),
            }
        )  # fmt: skip

    def plot(self) -> Any:
        """The front of two objectives, or the best so far; a matplotlib Figure."""
        from sdtheory.diagrams.analysis import front_figure, trace_figure

        title = f"{self.robust} over {self.futures} futures"
        if len(self.objectives) < 2:
            return trace_figure(self.trace, title)
        return front_figure(self.found, self.again, title)

    def save(self, folder: str | Path) -> None:
        """Write result.json, tables, a figure and the best policies as an experiment file into a folder."""
        tables = {"policies": self.table(), "trace": self.trace}
        texts = {"policies.toml": self.to_toml()}
        save_result(folder, self.to_dict(), tables, {"search": self.plot()}, texts)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def optimise(
    model: Model,
    experiment: Experiment,
    *,
    levers: Mapping[str, tuple[float, float]],
    objective: str | Sequence[str] | None = None,
    constraints: Mapping[str, Bounds] | None = None,
    method: str | None = None,
    robust: str = "mean",
    policy: Policy | str | None = None,
    runs: int | None = None,
    seed: int | None = None,
    evaluations: int = EVALUATIONS,
    jobs: int | None = None,
    say: Callable[[str], None] | None = None,
) -> Optimum:
    """Look for lever settings that make metrics best over a sample of futures.

    Every setting meets the same futures, so the objective has no noise. A setting with a run that has no
    value, or that breaks a constraint, ranks behind all that have none; such settings are counted.

    Parameters
    ----------
    model : Model
    experiment : Experiment
    levers : mapping of name to (low, high)
        Constants or initial values, each set for the whole run.
    objective : str or sequence of str, optional
        Metrics with a direction; the experiment's first when left out. Several give a front.
    constraints : mapping of metric to (low, high), optional
        Bounds, either of which may be None, on the metric's mean, 90 % worst or worst value, as `robust` says.
    method : str, optional
        ``differential_evolution`` or ``nelder_mead`` (scipy) for one objective, ``nsga2`` (pymoo) for several.
    robust : str
        ``mean``, ``p90`` (the 90 % worst), ``worst``, or ``regret``: the largest loss in any future against
        the best of the experiment's policies and 64 settings spread over the levers.
    policy : Policy or str, optional
        What the levers are added to; the baseline when left out.
    runs, seed, jobs : int, optional
    evaluations : int
        About how many settings to try.
    say : callable, optional
        Called with one line before the runs begin.

    Returns
    -------
    Optimum
        With the policies evaluated again over futures of another seed.

    Raises
    ------
    UnknownName, ExperimentError
    UsageError
        Also when pymoo is missing.

    Examples
    --------
    >>> import sdtheory as sd
    >>> experiment = sd.Experiment.read("models/m0_seed.toml")
    >>> best = optimise(
    ...     sd.load("models/m0_seed.xmile"), experiment, levers={"theorist boost": (0, 1)},
    ...     objective="opaque share after 10 years", runs=16, evaluations=100,
    ... )
    >>> bool(best.levers["theorist boost"][0] > 0.98)
    True
    """
    refuse_faults(model, experiment)
    names = [objective] if isinstance(objective, str) or objective is None else list(objective)
    metrics = [metric_of(experiment, name) for name in names]
    method = method or ("differential_evolution" if len(metrics) == 1 else "nsga2")
    _refuse_wrong(metrics, method, robust, levers, evaluations)
    limits = {metric_of(experiment, name).name: bounds for name, bounds in (constraints or {}).items()}
    base = policy_of(experiment, experiment.baseline if policy is None else policy)
    spans = _spans(model, base, levers)
    runs = experiment.runs if runs is None else runs
    seed = experiment.seed if seed is None else seed
    if say is not None:
        say(f"about {evaluations} settings x {runs} futures")
    target = _Target(model, experiment, base, metrics, limits, spans, robust, runs, seed, jobs, evaluations)
    search = Search(target.costs, target.violation, len(spans), len(metrics), seed, evaluations)
    points = search_one(search, method) if len(metrics) == 1 else search_front(search)
    new_seed = seed + 1
    other = _Target(
        model, experiment, base, metrics, limits, spans, robust, runs, new_seed, jobs, len(points)
    )
    settings = pd.DataFrame(target.settings(points), columns=list(spans))
    statistics = [one.statistics(points) for one in (target, other)]
    policies = _policies(base, settings)
    return Optimum(
        policies=policies,
        levers=settings,
        found=statistics[0],
        again=statistics[1],
        kept=(target.violation(points) <= 0) & (other.violation(points) <= 0),
        objectives={metric.name: metric.better for metric in metrics},
        robust=robust,
        method=method,
        trace=target.traced(search),
        evaluations=search.done,
        penalised=search.penalised,
        statuses=target.statuses,
        seed=seed,
        new_seed=new_seed,
        futures=runs,
        experiment=replace(experiment, policies=(*experiment.policies, *policies)),
        base=base.name,
    )


def _spans(
    model: Model, base: Policy, levers: Mapping[str, tuple[float, float]]
) -> dict[str, tuple[float, float]]:
    """The levers as the model spells them; none may be set by the policy that they are added to."""
    spans = {
        ranged(model, "lever", name, *span): (float(span[0]), float(span[1])) for name, span in levers.items()
    }
    held = {canonical(name) for name in base.set}
    for name in spans:
        if canonical(name) in held:
            raise ExperimentError(f"policy '{base.name}' sets '{name}', so it cannot be a lever")
    return spans


def _policies(base: Policy, settings: pd.DataFrame) -> tuple[Policy, ...]:
    """The policy that the levers were added to, with each of their settings."""
    rows = settings.to_dict("records")
    names = ["best"] if len(rows) == 1 else [f"best {place}" for place in range(1, len(rows) + 1)]
    return tuple(
        replace(base, name=name, description="", set={**base.set, **row})
        for name, row in zip(names, rows, strict=True)
    )


def _refuse_wrong(
    metrics: list[Metric], method: str, robust: str, levers: Mapping[str, Any], evaluations: int
) -> None:
    if method not in METHODS:
        raise unknown("method", method, METHODS)
    if robust not in ROBUST:
        raise unknown("statistic", robust, ROBUST)
    if (method == "nsga2") != (len(metrics) > 1):
        raise UsageError(
            f"{method} cannot search for {len(metrics)} objective{'s' * (len(metrics) > 1)}",
            remedy="use nsga2 for several, differential_evolution or nelder_mead for one",
        )
    if not levers:
        raise UsageError("no lever is given", remedy="name a constant with its low and high")
    if evaluations < 20:
        raise UsageError(f"{evaluations} evaluations are too few", remedy="give 20 or more")
    for metric in metrics:
        if metric.better == "none":
            raise ExperimentError(f"'{metric.name}' says neither lower nor higher is better")


class _Target:
    """The objectives as functions of lever settings, over one sample of futures."""

    def __init__(
        self,
        model: Model,
        experiment: Experiment,
        base: Policy,
        metrics: list[Metric],
        limits: Mapping[str, Bounds],
        spans: Mapping[str, tuple[float, float]],
        robust: str,
        runs: int,
        seed: int,
        jobs: int | None,
        evaluations: int,
    ):
        self.metrics, self.limits, self.spans, self.robust, self.runs = metrics, limits, spans, robust, runs
        self.statuses: dict[str, int] = {}
        levers = {canonical(name) for name in spans}
        _, inputs = futures(model, experiment, runs, seed)
        names = [metric.name for metric in metrics] + list(limits)
        plain_experiment = replace(experiment, metrics=with_parts(experiment, names))
        # what a level is in each future does not depend on the levers
        self.levels = Evaluator(model, plain_experiment, experiment.baseline, tuple(inputs)).levels(
            inputs, runs, seed
        )
        self.inputs = {name: values for name, values in inputs.items() if canonical(name) not in levers}
        self.measurement = Measurement(
            model, experiment, [base], names, [*self.inputs, *spans], expected=evaluations * runs,
            seed=seed, jobs=jobs,
        )  # fmt: skip
        self.known: dict[bytes, tuple[np.ndarray, float]] = {}
        self.best = None
        if robust == "regret":
            self.best = self._best_known(model, experiment, inputs, names, seed, jobs)

    def settings(self, points: np.ndarray) -> np.ndarray:
        """Lever settings at points of the unit cube, shape (points, levers)."""
        low, high = np.array(list(self.spans.values())).T
        return low + np.asarray(points) * (high - low)

    def _values(self, points: np.ndarray) -> dict[str, np.ndarray]:
        """Each metric, shape (points, futures)."""
        shape = (len(points), self.runs)
        columns = dict(zip(self.spans, self.settings(points).T[:, :, None], strict=True))
        measured = self.measurement.measure({**self.inputs, **columns}, shape, self.levels)
        for status, count in zip(*np.unique(measured.status, return_counts=True), strict=True):
            self.statuses[str(status)] = self.statuses.get(str(status), 0) + int(count)
        found = {name: values[0] for name, values in measured.values.items()}
        lost = ~np.isfinite([found[metric.name] for metric in self.metrics]).all(axis=0)
        ran = measured.status[0] == "ok"
        self.statuses["no value"] = self.statuses.get("no value", 0) + int((lost & ran).sum())
        return found

    def _best_known(
        self,
        model: Model,
        experiment: Experiment,
        inputs: Mapping,
        names: list[str],
        seed: int,
        jobs: int | None,
    ) -> dict[str, np.ndarray]:
        """The lowest cost in each future among the experiment's policies and settings spread over the levers."""
        everyone = [experiment.baseline, *experiment.policies]
        others = Measurement(model, experiment, everyone, names, list(inputs), seed=seed, jobs=jobs)
        theirs = others.measure(inputs, (1, self.runs)).values
        ours = self._values(unit_points("sobol", REFERENCES, len(self.spans), 0))
        best = {}
        for metric in self.metrics:
            rows = [theirs[metric.name][:, 0], ours[metric.name]]
            costs = _sign(metric) * np.concatenate(rows)
            best[metric.name] = np.where(np.isfinite(costs), costs, np.inf).min(axis=0)
        return best

    def _scored(self, points: np.ndarray) -> list[tuple[np.ndarray, float]]:
        """Costs and violation of each point; what was asked before is remembered."""
        keys = [np.ascontiguousarray(point).tobytes() for point in np.atleast_2d(points)]
        new = [place for place, key in enumerate(keys) if key not in self.known]
        if new:
            fresh = np.atleast_2d(points)[new]
            values = self._values(fresh)
            costs = np.column_stack(
                [self._statistic(_sign(m) * values[m.name], m.name) for m in self.metrics]
            )
            lost = ~np.isfinite([values[m.name] for m in self.metrics]).all(axis=0)
            broken = self._broken(values) + lost.mean(axis=1)
            self.known.update(
                zip([keys[p] for p in new], zip(costs, broken.tolist(), strict=True), strict=True)
            )
        return [self.known[key] for key in keys]

    def costs(self, points: np.ndarray) -> np.ndarray:
        """Each objective's statistic where lower is better, shape (points, objectives); NaN without a value."""
        return np.array([cost for cost, _ in self._scored(points)])

    def violation(self, points: np.ndarray) -> np.ndarray:
        """How far constraints are broken, plus the share of futures without a value; 0 when all is well."""
        return np.array([broken for _, broken in self._scored(points)])

    def statistics(self, points: np.ndarray) -> pd.DataFrame:
        """The statistics in the metrics' own sign; a regret is a loss in both directions."""
        signs = [self._own_sign(metric) for metric in self.metrics]
        return pd.DataFrame(self.costs(points) * signs, columns=[metric.name for metric in self.metrics])

    def traced(self, search: Search) -> pd.DataFrame:
        """The best so far in the metrics' own sign; NaN before there is one."""
        steps = pd.DataFrame(search.trace, columns=["evaluations", *(metric.name for metric in self.metrics)])
        for metric in self.metrics:
            steps[metric.name] = steps[metric.name].replace(np.inf, np.nan) * self._own_sign(metric)
        return steps

    def _own_sign(self, metric: Metric) -> float:
        return 1.0 if self.robust == "regret" else _sign(metric)

    def _statistic(self, costs: np.ndarray, metric: str | None = None) -> np.ndarray:
        """Over the futures that have a value; NaN where none has."""
        masked = np.ma.masked_invalid(costs)
        if self.best is not None and metric is not None:
            masked = np.ma.maximum(masked - self.best[metric], 0)
        if self.robust == "mean":
            return masked.mean(axis=1).filled(np.nan)
        if self.robust == "p90":
            rows = [np.quantile(row.compressed(), 0.9) if row.count() else np.nan for row in masked]
            return np.array(rows)
        return masked.max(axis=1).filled(np.nan)

    def _broken(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        total = np.zeros(len(next(iter(values.values()))))
        for name, (low, high) in self.limits.items():
            for bound, sign in ((high, 1.0), (low, -1.0)):
                if bound is not None:
                    over = sign * (sign * self._statistic(sign * values[name]) - bound)
                    total += np.clip(np.nan_to_num(over, nan=1.0), 0, None) / max(1.0, abs(bound))
        return total


def _sign(metric: Metric) -> float:
    return 1.0 if metric.better == "lower" else -1.0
