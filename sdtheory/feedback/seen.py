"""Signs of links as a run shows them, where the equations leave them open or they rest on an assumption."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import networkx as nx
import numpy as np

from sdtheory.errors import SDError
from sdtheory.feedback.elements import WrittenOut, tables_of
from sdtheory.model.expression import Expression, Name, Number, Table, evaluate, walk
from sdtheory.model.model import CONTROLS, Model
from sdtheory.names import canonical

STATES_SAMPLED = 25
STEP = 1e-4  # of a central difference, of the value
SMALLEST_VALUE = 1e-3  # below which the step shrinks no more
SMALLEST_CHANGE = 1e-12  # of the largest value: below it a change is rounding

# the times at which a link acts, and the sign that each shows
Signs = tuple[np.ndarray, np.ndarray]


def judge_by_run(graph: nx.DiGraph, flat: WrittenOut, run: Any) -> None:
    """Settle, or unsettle, the signs of links along a run.

    A link is tried alone, all else held: by the change of its source between rows, and by central
    differences at some of them. One sign throughout settles an open link; both unsettle it, and so does a
    sign against the assumed one. Proved signs are not tried. A link that never acts stays as it is.

    Parameters
    ----------
    graph : networkx.DiGraph
        Of the elements; changed in place.
    flat : WrittenOut
    run : pandas.DataFrame
    """
    values = _values(flat, run)
    for variable in flat.model:
        tree = variable.equations[0].expression
        if isinstance(tree, Table | Number) or variable.dimensions:
            continue
        for source in _sources(tree, flat.model):
            ends = (source, variable.name)
            if graph.has_edge(*ends) and _open(graph.edges[ends]):
                _settle(graph.edges[ends], list(_signs(tree, canonical(source), values)))


def _open(link: Mapping[str, Any]) -> bool:
    settled = link["basis"] == "proved" and link["polarity"] != "?"
    return not (link["initial"] or link["reference"] or settled)


def _sources(tree: Expression, model: Model) -> list[str]:
    """Names of the variables that a tree reads."""
    names = dict.fromkeys(canonical(node.name) for node in walk(tree) if isinstance(node, Name))
    return [model.variables[key].name for key in names if key in model.variables]


def _values(flat: WrittenOut, run: Any) -> dict[str, Any]:
    """Series and tables by canonical name."""
    columns = {canonical(str(column)): column for column in run.columns}
    found: dict[str, Any] = dict(tables_of(flat.model))
    for name in [*(variable.name for variable in flat.model), *CONTROLS]:
        column = columns.get(canonical(flat.label(name)))
        if column is not None:
            found[canonical(name)] = run[column].to_numpy(dtype=float)
    times = np.asarray(run.index, dtype=float)
    found["time"] = times
    if "time step" not in found:
        found["time step"] = np.full(len(times), np.median(np.diff(times)) if len(times) > 1 else 1.0)
    return found


def _signs(tree: Expression, key: str, values: Mapping[str, Any]) -> Iterator[Signs]:
    if not isinstance(values.get(key), np.ndarray):
        return
    times = values["time"]
    rows = np.unique(np.linspace(0, len(times) - 1, min(len(times), STATES_SAMPLED)).astype(int))
    here = {name: one[rows] if isinstance(one, np.ndarray) else one for name, one in values.items()}
    before = {name: one[:-1] if isinstance(one, np.ndarray) else one for name, one in values.items()}
    step = STEP * np.maximum(np.abs(here[key]), SMALLEST_VALUE)
    moved = np.diff(values[key])
    large = np.nanmax(np.abs(values[key]), initial=0.0)
    moved = np.where(np.abs(moved) > SMALLEST_CHANGE * large, moved, np.nan)
    try:
        yield _sloped(
            times[rows],
            evaluate(tree, {**here, key: here[key] + step}),
            evaluate(tree, {**here, key: here[key] - step}),
            step,
        )
        changed = evaluate(tree, {**before, key: values[key][1:]})
        yield _sloped(times[1:], changed, evaluate(tree, before), moved)
    except SDError:
        return  # a function that `evaluate` has no value for: the link stays as the equations have it


def _sloped(times: np.ndarray, up: Any, down: Any, step: np.ndarray) -> Signs:
    """Signs of a difference at the times where it is more than rounding."""
    one, other = (np.broadcast_to(np.asarray(part, dtype=float), times.shape) for part in (up, down))
    with np.errstate(all="ignore"):
        slope = (one - other) / step
        acts = np.isfinite(slope) & (
            np.abs(one - other) > SMALLEST_CHANGE * np.maximum(np.abs(one), np.abs(other))
        )
    return times[acts], np.sign(slope[acts])


def _settle(link: dict[str, Any], seen: list[Signs]) -> None:
    if not seen:
        return
    times = np.concatenate([part for part, _ in seen])
    signs = np.concatenate([part for _, part in seen])
    if not len(signs):
        return
    word = {1.0: "+", -1.0: "-"}
    found = set(signs)
    if len(found) == 1:
        observed = word[float(signs[0])]
        if link["polarity"] == "?":
            link.update(polarity=observed, basis="run")
        elif link["polarity"] != observed:
            link.update(polarity="?", basis="run")
        return
    link.update(polarity="?", basis="run")
    moments, first = np.unique(times, return_index=True)
    if any(len(set(signs[times == moment])) > 1 for moment in moments):
        return  # elements, or both ways of trying, differ at one moment: no time of change
    ordered = signs[first]
    changes = moments[1:][ordered[1:] != ordered[:-1]]
    link.update(
        polarity_from=word[float(ordered[0])],
        polarity_to=word[float(ordered[-1])],
        polarity_changes=", ".join(f"{moment:g}" for moment in changes),
    )
