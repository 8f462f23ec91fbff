"""Run every policy in the same futures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from sdtheory.errors import ExperimentError
from sdtheory.experiments.comparison import Comparison
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.metric import Metric
from sdtheory.experiments.policy import Policy, apply, own_value, split_element
from sdtheory.experiments.uncertainty import draw
from sdtheory.model.expression import Expression, Name, Table, evaluate, references, substitute
from sdtheory.model.model import Constant, Model
from sdtheory.names import canonical


def compare(
    model: Model,
    experiment: Experiment,
    *,
    runs: int | None = None,
    seed: int | None = None,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Compare an experiment's policies in one sample of futures that all of them meet.

    Parameters
    ----------
    model : Model
    experiment : Experiment
    runs, seed : int, optional
        In place of the experiment's own.
    jobs : int, optional
        Threads of the batch engine.
    progress : callable, optional
        Called with (runs done, runs in all).

    Returns
    -------
    Comparison

    Raises
    ------
    ExperimentError
        When the experiment does not fit the model; every fault is listed.

    Examples
    --------
    >>> import sdtheory as sd
    >>> experiment = sd.Experiment.read("models/m0_seed.toml")
    >>> comparison = sd.compare(sd.load("models/m0_seed.xmile"), experiment, runs=8)
    >>> comparison.runs, comparison.policies[0]
    (8, 'baseline')
    """
    faults = experiment.check(model)
    if faults:
        raise ExperimentError("\n".join(faults))
    chosen_runs = experiment.runs if runs is None else runs
    chosen_seed = experiment.seed if seed is None else seed
    samples, inputs = futures(model, experiment, chosen_runs, chosen_seed)
    policies = (experiment.baseline, *experiment.policies)
    outputs = _outputs(model, experiment)
    results = []
    for place, policy in enumerate(policies):
        results.append(_run(model, policy, inputs, chosen_runs, outputs, experiment, chosen_seed, jobs))
        if progress is not None:
            progress((place + 1) * chosen_runs, len(policies) * chosen_runs)
    return _gathered(model, experiment, policies, samples, results, chosen_seed)


def futures(
    model: Model, experiment: Experiment, runs: int, seed: int
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """The sample of futures, with derived quantities, and the part of it that the model takes as inputs.

    Returns
    -------
    samples : pandas.DataFrame
        One row for each future; free quantities and derived ones among the columns.
    inputs : mapping of variable name to array, shape (runs,)
    """
    elements = {
        u.name: _cells(model, u.name) for u in experiment.uncertainties if u.distribution == "dirichlet"
    }
    columns = draw(experiment.uncertainties, elements, experiment.method, runs, seed, experiment.correlations)
    columns.update(_derived(model, experiment.derived, columns, runs))
    free = {u.name for u in experiment.uncertainties if u.free}
    inputs = {name: values for name, values in columns.items() if name not in free}
    return pd.DataFrame(columns, index=range(runs)), inputs


def _cells(model: Model, name: str) -> list[str]:
    variable = model[name]
    (dimension,) = variable.dimensions
    return [f"{variable.name}[{element}]" for element in model.dimensions[canonical(dimension)].elements]


def _derived(
    model: Model, formulas: Mapping[str, Expression], columns: Mapping[str, np.ndarray], runs: int
) -> dict[str, np.ndarray]:
    """Values of derived quantities, each after those it reads."""
    waiting = {canonical(name): (name, tree) for name, tree in formulas.items()}
    known: dict[str, Any] = {canonical(name): values for name, values in columns.items()}
    found: dict[str, np.ndarray] = {}
    while waiting:
        ready = [
            key
            for key, (_, tree) in waiting.items()
            if not any(canonical(_label(part)) in waiting for part in references(tree))
        ]
        if not ready:
            names = ", ".join(f"'{name}'" for name, _ in waiting.values())
            raise ExperimentError(f"the derived quantities {names} need each other")
        for key in ready:
            name, tree = waiting.pop(key)
            flat = substitute(tree, lambda part: Name(_label(part)) if part.subscripts else None)
            values = {**_constants(model, tree, known), **known}
            known[key] = np.broadcast_to(np.asarray(evaluate(flat, values), dtype=float), (runs,)).copy()
            found[name] = known[key]
    return found


def _label(name: Name) -> str:
    return f"{name.name}[{','.join(name.subscripts)}]" if name.subscripts else name.name


def _constants(model: Model, tree: Expression, known: Mapping[str, Any]) -> dict[str, float]:
    """The model's own values of constants that a formula reads and the sample does not vary."""
    found = {}
    for part in references(tree):
        key = canonical(_label(part))
        if key in known or part.name not in model:
            continue
        variable = model[part.name]
        if not isinstance(variable, Constant):
            raise ExperimentError(f"a formula reads '{variable.name}', which is no constant")
        for equation in variable.equations:
            if tuple(map(canonical, equation.subscripts)) == tuple(map(canonical, part.subscripts)):
                assert not isinstance(equation.expression, Table)
                found[key] = float(evaluate(equation.expression, {}))
    return found


def _outputs(model: Model, experiment: Experiment) -> list[str]:
    found: dict[str, str] = {}
    for metric in experiment.metrics:
        for name in metric.variables():
            head, elements = split_element(name)
            own = model[head].name
            found[canonical(name)] = f"{own}[{','.join(elements)}]" if elements else own
    return list(found.values())


def _run(
    model: Model,
    policy: Policy,
    inputs: Mapping[str, np.ndarray],
    runs: int,
    outputs: list[str],
    experiment: Experiment,
    seed: int,
    jobs: int | None,
) -> Any:
    from sdtheory.engines.simulate import simulate_many

    changed, varied = under_policy(model, policy, inputs, runs)
    return simulate_many(
        changed,
        varied,
        outputs=outputs,
        seed=seed,
        jobs=jobs,
        **dict(experiment.simulation),
    )


def under_policy(
    model: Model, policy: Policy, inputs: Mapping[str, np.ndarray], runs: int
) -> tuple[Model, pd.DataFrame]:
    """The model that a policy makes, and the part of the sampled inputs that it still takes."""
    changed = apply(policy, model)
    # a value that the policy sets for the whole run takes the place of the sampled one
    fixed = {canonical(name) for name in policy.set}
    varied = {
        _still_constant(changed, name): values
        for name, values in inputs.items()
        if canonical(name) not in fixed
    }
    return changed, pd.DataFrame(varied, index=range(runs))


def _still_constant(model: Model, name: str) -> str:
    """The input that carries a sampled value; a policy may have moved it aside (see `policy.apply`)."""
    head, elements = split_element(name)
    if own_value(head) not in model:
        return name
    return own_value(head) + (f"[{','.join(elements)}]" if elements else "")


def _gathered(
    model: Model,
    experiment: Experiment,
    policies: tuple[Policy, ...],
    samples: pd.DataFrame,
    results: list[Any],
    seed: int,
) -> Comparison:
    import xarray as xr

    names = tuple(policy.name for policy in policies)
    times = results[0]["time"].to_numpy()
    series = [
        {canonical(str(name)): data[name].to_numpy() for name in data.data_vars if "time" in data[name].dims}
        for data in results
    ]
    status = np.stack([data["status"].to_numpy().astype(str) for data in results])
    values: dict[str, np.ndarray] = {}
    for metric in experiment.metrics:
        if metric.expression is None:
            values[metric.name] = _measured(metric, names, times, series)
    for metric in experiment.metrics:
        if metric.expression is not None:
            by_key = {canonical(name): array for name, array in values.items()}
            values[metric.name] = np.asarray(evaluate(metric.expression, by_key), dtype=float)
    messages = {
        f"{name}, run {run}": str(text)
        for name, data in zip(names, results, strict=True)
        if "message" in data
        for run, text in enumerate(data["message"].to_numpy())
        if text
    }
    saved = [data.drop_vars([v for v in ("status", "message") if v in data]) for data in results]
    return Comparison(
        experiment=experiment,
        policies=names,
        values={metric.name: values[metric.name] for metric in experiment.metrics},
        status=status,
        samples=samples,
        seed=seed,
        model_name=model.name,
        series=xr.concat(saved, dim=pd.Index(names, name="policy")),
        messages=messages,
    )


def _measured(
    metric: Metric, names: tuple[str, ...], times: np.ndarray, series: list[dict[str, np.ndarray]]
) -> np.ndarray:
    """The metric under each policy, shape (policies, runs)."""
    level: Any = None
    if metric.level is not None:
        if metric.level.value is not None:
            level = metric.level.value
        else:
            place = [canonical(name) for name in names].index(canonical(metric.level.policy))
            at = Metric("level", Name(metric.level.variable), "at", at=metric.level.at)
            level = at.values(times, series[place])
    measured = np.stack([metric.values(times, own, level) for own in series])
    if metric.censored == "at_stop" and metric.how == "first_crossing":
        measured = np.where(np.isnan(measured), times[-1], measured)
    return measured
