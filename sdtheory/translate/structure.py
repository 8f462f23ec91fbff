"""Faults of structure that no engine can run: loops without a stock, impossible settings, too many steps."""

from __future__ import annotations

import graphlib
import math
from collections.abc import Iterable, Mapping
from typing import Any

from sdtheory.documents import Document
from sdtheory.errors import LimitError, LoopWithoutStock, ModelError, NotCompiled, UnknownName, shown
from sdtheory.model.expression import Call, Expression, Lookup, Name, Table, children, evaluate
from sdtheory.model.functions import FUNCTIONS, plain_order
from sdtheory.model.model import CONTROLS, Constant, Model, Stock
from sdtheory.names import canonical

SETTINGS = dict(zip(CONTROLS, ("start", "stop", "time_step", "save_every"), strict=True))
_MOST_SHOWN = 10  # names of a loop


def check_structure(model: Model, document: Document | None = None) -> None:
    """Raise for the first fault found.

    Parameters
    ----------
    model : Model
    document : Document, optional
        Where the model comes from, for the places of its settings.

    Raises
    ------
    ModelError, LimitError
    """
    _check_settings(model, document)
    _check_loops(model)


def _check_settings(model: Model, document: Document | None) -> None:
    known: dict[str, float] = {}
    for word in ("TIME STEP", "INITIAL TIME", "FINAL TIME", "SAVEPER"):
        value = _number(getattr(model.settings, SETTINGS[word]), model, known)
        if value is not None:
            known[canonical(word)] = value
    values = [known.get(canonical(word)) for word in CONTROLS]
    for word, value in zip(CONTROLS, values, strict=True):
        if value is not None and not math.isfinite(value):
            place = place_of_setting(word, model, document)
            raise ModelError(f"{word} is {value}", remedy="give a finite number", **place)
    start, stop, step, save = values
    for word, value in (("TIME STEP", step), ("SAVEPER", save)):
        if value is not None and value <= 0:
            place = place_of_setting(word, model, document)
            raise ModelError(f"{word} is {value:g}", remedy="give a number above 0", **place)
    if start is None or stop is None:
        return
    if stop < start:
        place = place_of_setting("FINAL TIME", model, document)
        raise ModelError(f"FINAL TIME {stop:g} lies before INITIAL TIME {start:g}", **place)
    if step is not None and (stop - start) / step > model.limits.steps:
        raise LimitError(
            f"{(stop - start) / step:,.0f} time steps; the limit is {model.limits.steps:,.0f}",
            remedy="raise limits=Limits(steps=...) or TIME STEP",
            **place_of_setting("TIME STEP", model, document),
        )


def _number(tree: Expression, model: Model, known: Mapping[str, float]) -> float | None:
    """The value of a setting that is a number, or computed from constants and settings alone."""
    values = dict(known)
    stack = [tree]
    while stack:
        node = stack.pop()
        stack.extend(children(node))
        variable = model.variables.get(canonical(node.name)) if isinstance(node, Name) else None
        if isinstance(variable, Constant) and len(variable.equations) == 1 and not variable.dimensions:
            own = variable.equations[0].expression
            if not isinstance(own, Table):
                try:
                    values.setdefault(canonical(variable.name), float(evaluate(own, {})))
                except (UnknownName, NotCompiled):
                    return None
    try:
        return float(evaluate(tree, values))
    except (UnknownName, NotCompiled):
        return None  # computed during the run: the engine's own affair


def place_of_setting(word: str, model: Model | None, document: Document | None) -> dict[str, Any]:
    """File, line and column of a setting, as far as they are known."""
    variable = model.variables.get(canonical(word)) if model is not None else None
    if variable is not None:
        assert model is not None
        return {"file": model.file or None, "line": variable.line, "column": variable.column}
    if document is None:
        return {"file": (model.file if model is not None else "") or None}
    simulation = document.simulation
    span = simulation.spans.get(SETTINGS[word])
    if span is None:
        return {"file": document.file, "line": simulation.line}
    before = document.bytes[: span.start].decode(document.encoding, "replace").lstrip("\ufeff")
    end = "\n" if "\n" in before else "\r"
    return {
        "file": document.file,
        "line": before.count(end) + 1,
        "column": len(before) - before.rfind(end),
    }


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
    refuse_loop(graph, model.variables, model.file)


def refuse_loop(graph: Mapping[str, Iterable[str]], variables: Mapping[str, Any], file: str) -> None:
    """Raise when variables need each other's present value.

    Parameters
    ----------
    graph : mapping
        What each variable needs, by canonical names in file order.
    variables : mapping
        Variables or entries, with name, line and column.
    file : str

    Raises
    ------
    LoopWithoutStock
        With the loop, from its variable that the file names first.
    """
    keys = cycle(graph)[:-1]
    if keys:
        order = {key: place for place, key in enumerate(graph)}
        first = min(keys, key=order.__getitem__)
        keys = keys[keys.index(first) :] + keys[: keys.index(first)]
        raise LoopWithoutStock(
            f"loop without a stock: {trail(variables[key].name for key in (*keys, first))}",
            file=file or None,
            line=variables[first].line,
            column=variables[first].column,
            remedy="put a stock, SMOOTH or DELAY into it",
        )


def trail(names: Iterable[str]) -> str:
    """The names of a loop with arrows between; of a long one its beginning and end.

    Examples
    --------
    >>> trail("aba"), trail(str(place % 20) for place in range(21))
    ('a -> b -> a', '0 -> 1 -> 2 -> 3 -> 4 -> 5 -> 6 -> 7 -> 8 -> ... -> 0 (20 in all)')
    """
    given = list(names)
    if len(given) <= _MOST_SHOWN + 1:
        return " -> ".join(map(shown, given))
    parts = [*map(shown, given[: _MOST_SHOWN - 1]), "...", shown(given[-1])]
    return f"{' -> '.join(parts)} ({len(given) - 1:,} in all)"


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
