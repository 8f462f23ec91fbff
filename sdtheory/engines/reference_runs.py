"""Runs of the reference engine, as the other engines give theirs: the room they take, and how they ended."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from sdtheory.engines.clock import clock
from sdtheory.engines.frames import tell_infinite
from sdtheory.engines.room import check_room
from sdtheory.engines.vectorised import Result
from sdtheory.errors import NotCompiled, SDError, UnknownName
from sdtheory.model.expression import Table, evaluate, references
from sdtheory.model.model import Model, Stock, Variable
from sdtheory.model.subscripts import elements, split
from sdtheory.names import canonical


def run_by_reference(model: Model, changes: Mapping[str, Any], wanted: list[str] | None) -> Any:
    """One run, as a table of its columns."""
    from sdtheory.engines.reference import run_reference

    _check_grid(model, 1, wanted)
    frame = run_reference(model, changes, outputs=wanted)
    frame.attrs["engine"] = "reference"
    tell_infinite(frame)
    return frame


def _check_grid(model: Model, runs: int, wanted: list[str] | None) -> None:
    """Refuse, before the reference engine starts, a grid whose rows it would leave out or have no room for."""
    settings = model.settings
    trees = (settings.start, settings.stop, settings.time_step, settings.save_every)
    try:
        values = {"time step": evaluate(settings.time_step, {})}
        found = clock(*(float(evaluate(tree, values)) for tree in trees), limits=model.limits)
    except (UnknownName, NotCompiled):
        return  # computed from variables: the engine's own affair
    columns = sum(_width(model, variable) for variable in model) if wanted is None else len(wanted)
    check_room(columns, runs, len(range(0, found.steps + 1, found.stride)), model.limits)


def _width(model: Model, variable: Variable) -> int:
    return math.prod(len(elements(model, dimension)) for dimension in variable.dimensions)


def many_by_reference(
    model: Model, labels: list[str], inputs: np.ndarray, wanted: list[str], report: Any
) -> Result:
    """Runs one after the other, with the statuses of the other engines."""
    from sdtheory.engines.reference import run_reference

    _check_grid(model, inputs.shape[1], wanted)
    stocks = _stocks_behind(model, wanted)
    frames: list[Any] = []
    status, message = [], []
    for run in range(inputs.shape[1]):
        try:
            changes = dict(zip(labels, inputs[:, run], strict=True))
            frame = run_reference(model, changes, outputs=list(dict.fromkeys([*stocks, *wanted])))
            why = _cut_where_not_finite(frame)
            frames.append(frame)
            status.append("diverged" if why else "ok")
            message.append(why)
        except SDError as error:
            if run == 0:
                raise
            frames.append(None)
            status.append("failed")
            message.append(str(error))
        if report is not None:
            report(run + 1)
    first = frames[0]
    empty = np.full(len(first), np.nan)
    values = {
        str(name): np.stack([empty if frame is None else frame[name].to_numpy() for frame in frames])
        for name in first.columns
        if name in wanted or split(str(name))[0] in wanted
    }
    return Result(
        first.index.to_numpy(), values, np.array(status, dtype=object), np.array(message, dtype=object)
    )


def _stocks_behind(model: Model, wanted: Iterable[str]) -> list[str]:
    """The stocks that variables depend on: those that the other engines compute, and look at."""
    waiting = [split(name)[0] for name in wanted]
    seen: dict[str, Variable] = {}
    while waiting:
        name = waiting.pop()
        if name in model and canonical(name) not in seen:
            variable = seen[canonical(name)] = model[name]
            for equation in variable.equations:
                trees = (equation.expression, equation.initial)
                waiting += [
                    one.name
                    for tree in trees
                    if not isinstance(tree, Table | None)
                    for one in references(tree)
                ]
    return [variable.name for variable in seen.values() if isinstance(variable, Stock)]


def _cut_where_not_finite(frame: Any) -> str:
    """Make a run NaN from the first time on at which one of its columns is not finite; say which and when."""
    rows, columns = np.nonzero(~np.isfinite(frame.to_numpy(dtype=float)))
    if not len(rows):
        return ""
    name, value, time = frame.columns[columns[0]], frame.iat[rows[0], columns[0]], frame.index[rows[0]]
    frame.iloc[rows[0] :] = np.nan
    return f'"{name}" is {value:g} at time {time:g}'
