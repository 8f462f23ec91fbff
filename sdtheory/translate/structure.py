"""Faults of structure that no engine can run: loops without a stock, impossible settings, too many steps."""

from __future__ import annotations

import graphlib
import math
from collections.abc import Iterable, Mapping
from typing import Any

from sdtheory.documents import Limits
from sdtheory.errors import LimitError, LoopWithoutStock, ModelError, shown
from sdtheory.model.expression import Call, Expression, Lookup, Name, Number, Table, children
from sdtheory.model.functions import FUNCTIONS, plain_order
from sdtheory.model.model import Model, Stock
from sdtheory.names import canonical


def check_structure(model: Model, limits: Limits) -> None:
    """Raise for the first fault found.

    Raises
    ------
    ModelError, LimitError
    """
    _check_settings(model, limits)
    _check_loops(model)


def _check_settings(model: Model, limits: Limits) -> None:
    settings = model.settings
    values = [
        part.value if isinstance(part, Number) else None
        for part in (settings.start, settings.stop, settings.time_step, settings.save_every)
    ]
    place: dict[str, Any] = {"file": model.file or None}
    for word, value in zip(("INITIAL TIME", "FINAL TIME", "TIME STEP", "SAVEPER"), values, strict=True):
        if value is not None and not math.isfinite(value):
            raise ModelError(f"{word} is {value}", remedy="give a finite number", **place)
    start, stop, step, save = values
    for word, value in (("TIME STEP", step), ("SAVEPER", save)):
        if value is not None and value <= 0:
            raise ModelError(f"{word} is {value:g}", remedy="give a number above 0", **place)
    if start is not None and stop is not None and stop < start:
        raise ModelError(f"FINAL TIME {stop:g} lies before INITIAL TIME {start:g}", **place)
    if start is not None and stop is not None and step is not None and (stop - start) / step > limits.steps:
        raise LimitError(
            f"{(stop - start) / step:,.0f} time steps; the limit is {limits.steps:,.0f}",
            remedy="raise limits=Limits(steps=...) or TIME STEP",
            **place,
        )


def immediate(tree: Expression) -> list[Name]:
    """The names that an expression's present value depends on, not counting what a state holds back."""
    found: dict[Name, None] = {}
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, Name):
            found[node] = None
        elif isinstance(node, Call) and FUNCTIONS[node.function].states is not None:
            own = Name("a state of its own")
            _, output = FUNCTIONS[node.function].states(plain_order(node), lambda i, own=own: own)  # type: ignore[misc]
            stack.extend(name for name in immediate(output) if name != own)
        elif isinstance(node, Call) and node.function == "active_initial":
            stack.append(node.arguments[0])
        elif isinstance(node, Lookup):
            stack.append(node.argument)
        else:
            stack.extend(children(node))
    return list(found)


def _check_loops(model: Model) -> None:
    graph: dict[str, list[str]] = {}
    for key, variable in model.variables.items():
        if isinstance(variable, Stock) or variable.dimensions:
            continue  # cells of an array may depend on one another in order; the program checks those
        graph[key] = [
            canonical(name.name)
            for equation in variable.equations
            if not isinstance(equation.expression, Table)
            for name in immediate(equation.expression)
        ]
    keys = cycle(graph)[:-1]
    if keys:
        first = min(keys, key=list(graph).index)
        keys = keys[keys.index(first) :] + keys[: keys.index(first)]
        names = [model.variables[key].name for key in (*keys, first)]
        place = model.variables[first]
        raise LoopWithoutStock(
            f"loop without a stock: {' -> '.join(map(shown, names))}",
            file=model.file or None,
            line=place.line,
            column=place.column,
            remedy="put a stock, SMOOTH or DELAY into it",
        )


def cycle(graph: Mapping[str, Iterable[str]]) -> list[str]:
    """Some cycle of a graph of what each name needs, its first name again at the end; empty when there is none.

    Examples
    --------
    >>> cycle({"a": ["b"], "b": []}), len(cycle({"a": ["b"], "b": ["a"]}))
    ([], 3)
    """
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(reversed(error.args[1]))
    return []
