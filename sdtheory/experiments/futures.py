"""The sample of futures that every policy meets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from sdtheory.errors import ExperimentError
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.uncertainty import draw
from sdtheory.model.expression import Expression, Name, Table, evaluate, references, substitute
from sdtheory.model.model import Constant, Model
from sdtheory.names import canonical


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
        u.name: cells_of(model, u.name) for u in experiment.uncertainties if u.distribution == "dirichlet"
    }
    columns = draw(
        experiment.uncertainties, elements, experiment.method, runs, seed, experiment.correlations,
        experiment.levels, experiment.columns,
    )  # fmt: skip
    columns.update(derived_values(model, experiment.derived, columns, runs))
    free = {u.name for u in experiment.uncertainties if u.free}
    inputs = {name: values for name, values in columns.items() if name not in free}
    return pd.DataFrame(columns, index=range(runs)), inputs


def cells_of(model: Model, name: str) -> list[str]:
    variable = model[name]
    (dimension,) = variable.dimensions
    return [f"{variable.name}[{element}]" for element in model.dimensions[canonical(dimension)].elements]


def derived_values(
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
