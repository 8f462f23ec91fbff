"""Futures that are not drawn by the experiment's own sampling: made from columns that a caller chose."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.futures import cells_of, derived_values
from sdtheory.model.model import Model


def array_columns(model: Model, experiment: Experiment) -> dict[str, list[str]]:
    """The columns of uncertainties that are arrays."""
    return {
        u.name: cells_of(model, u.name) for u in experiment.uncertainties if u.distribution == "dirichlet"
    }


def completed(
    model: Model, experiment: Experiment, columns: Mapping[str, np.ndarray], runs: int
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Chosen columns with the derived quantities added, and the part of them that the model takes as inputs.

    Parameters
    ----------
    columns : mapping of name to array, shape (runs,)

    Returns
    -------
    samples : pandas.DataFrame
    inputs : mapping of name to array, shape (runs,)
    """
    whole = {**columns, **derived_values(model, experiment.derived, columns, runs)}
    free = {u.name for u in experiment.uncertainties if u.free}
    inputs = {name: values for name, values in whole.items() if name not in free}
    return pd.DataFrame(whole, index=range(runs)), inputs
