"""Run every policy in the same futures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from sdtheory.errors import ExperimentError
from sdtheory.experiments.comparison import Comparison
from sdtheory.experiments.evaluation import Evaluation, evaluate_policy
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.policy import Policy
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
    results = []
    for place, policy in enumerate(policies):
        results.append(
            evaluate_policy(
                model, experiment, policy, inputs, runs=chosen_runs, seed=chosen_seed, jobs=jobs,
                series=chosen_runs,
            )
        )  # fmt: skip
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


def _gathered(
    model: Model,
    experiment: Experiment,
    policies: tuple[Policy, ...],
    samples: pd.DataFrame,
    results: list[Evaluation],
    seed: int,
) -> Comparison:
    names = tuple(policy.name for policy in policies)
    return Comparison(
        experiment=experiment,
        policies=names,
        values={m.name: np.stack([one.values[m.name] for one in results]) for m in experiment.metrics},
        status=np.stack([one.status for one in results]),
        samples=samples,
        seed=seed,
        model_name=model.name,
        series=_series(names, results),
        messages={
            f"{name}, run {run}": text
            for name, one in zip(names, results, strict=True)
            for run, text in one.messages.items()
        },
    )


def _series(names: tuple[str, ...], results: list[Evaluation]) -> Any:
    import xarray as xr

    kept = len(next(iter(results[0].series.values()), ()))
    return xr.Dataset(
        {
            name: (("policy", "run", "time"), np.stack([one.series[name] for one in results]))
            for name in results[0].series
        },
        coords={"policy": list(names), "run": np.arange(kept), "time": results[0].times},
        attrs={"engine": results[0].engine},
    )
