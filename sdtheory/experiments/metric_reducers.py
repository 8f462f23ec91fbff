"""Metrics that an engine can work out while it runs, and what it has to reduce for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sdtheory.experiments.metric import Metric
from sdtheory.experiments.policy import split_element
from sdtheory.model.expression import Name
from sdtheory.model.model import Model
from sdtheory.names import canonical

# metrics of a whole run that an engine can work out without keeping the series: the reducers they need
REDUCED = {
    "final": ("final",),
    "maximum": ("maximum",),
    "minimum": ("minimum",),
    "range": ("maximum", "minimum"),
    "time_of_maximum": ("time_of_maximum",),
    "time_of_minimum": ("time_of_minimum",),
    "mean": ("integral",),
    "integral": ("integral",),
    "first_crossing": ("first_crossing",),
}


def reducers_of(metric: Metric, model: Model) -> tuple[Any, ...]:
    """What an engine would have to work out for a metric; nothing when only its series will do."""
    from sdtheory.engines.reducers import Reducer

    whole = metric.between is None and metric.discount_rate == 0
    if metric.how not in REDUCED or not whole or not isinstance(metric.quantity, Name):
        return ()
    if canonical(metric.quantity.name) == "time":
        return ()
    level = None
    if metric.how == "first_crossing":
        # an engine takes a crossing from either side
        if metric.direction or metric.level is None or metric.level.value is None:
            return ()
        level = metric.level.value
    (column,) = columns_of(model, metric.variables())
    return tuple(Reducer(kind, column, level) for kind in REDUCED[metric.how])


def parts_of(
    columns: Mapping[str, np.ndarray], place: int, reducers: Sequence[Any], times: np.ndarray, over_time: bool
) -> list[np.ndarray]:
    """What a metric's reducers gave, shape (runs,) each: from the engine, or from the series where there are any."""
    from sdtheory.engines.reducers import reduced

    if over_time:
        return [reduced(one, times, columns[canonical(one.output)]) for one in reducers]
    return [columns[f"{place}.{part}"] for part in range(len(reducers))]


def combined(metric: Metric, times: np.ndarray, parts: Sequence[np.ndarray]) -> np.ndarray:
    """The metric from what its reducers gave."""
    span = times[-1] - times[0]
    if metric.how == "range":
        return parts[0] - parts[1]
    return parts[0] / span if metric.how == "mean" and span > 0 else parts[0]


def columns_of(model: Model, names: Sequence[str]) -> list[str]:
    """Columns of a run, each once, as the model spells them."""
    found: dict[str, str] = {}
    for name in names:
        head, elements = split_element(name)
        own = model[head].name
        found[canonical(name)] = f"{own}[{','.join(elements)}]" if elements else own
    return list(found.values())
