"""The causal graph: which variable acts on which, with what sign, delay and certainty."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import networkx as nx
import numpy as np

from sdtheory.errors import SDError
from sdtheory.feedback.polarity import ANY, Interval, interval, interval_sign, join, sign, times
from sdtheory.model.expression import Call, Expression, Lookup, Name, Number, Table, children, evaluate, walk
from sdtheory.model.functions import FUNCTIONS
from sdtheory.model.model import CONTROLS, Constant, Data, Equation, Model, Stock, Variable, reads
from sdtheory.model.model import Lookup as LookupVariable
from sdtheory.names import canonical

BUILT_IN = frozenset({"time", *(canonical(name) for name in CONTROLS)})
# arguments that act only at the start, by function and position
INITIAL_ARGUMENTS = {
    "smooth": {2, 3},
    "delay": {2, 3},
    "delay_n": {2, 3},
    "delay_fixed": {2},
    "trend": {2},
    "forecast": {3},
    "sample_if_true": {2},
    "initial": {0},
    "integ": {1},
    "active_initial": {1},
}
DELAYS = {
    "smooth": "smooth",
    "trend": "smooth",
    "forecast": "smooth",
    "delay": "delay",
    "delay_n": "delay",
    "delay_fixed": "fixed",
}
STATES_SAMPLED = 25
SMALLEST_CHANGE = 1e-12


def causal_graph(model: Model, run: Any = None) -> nx.DiGraph:
    """The signed causal graph of a model.

    Parameters
    ----------
    model : Model
    run : pandas.DataFrame, optional
        One run with all variables as columns and time as index. Links whose sign the equations leave open
        get the sign seen along the run.

    Returns
    -------
    networkx.DiGraph
        Nodes are variables as the file spells them, with ``kind``, ``units``, ``documentation``. Edges have
        ``polarity`` (``+``, ``-``, ``?``), ``basis`` (``proved``, ``assumed`` when stocks are taken to keep
        the sign of their initial value, ``run``), ``delay`` (``none``, ``smooth``, ``delay``, ``fixed``),
        ``initial`` (acts only at the start), ``reference`` (a flow into or out of its stock) and
        ``element_links`` (how many equations hold the link).

    Examples
    --------
    >>> from sdtheory.model.model import Flow
    >>> births = Flow("births", (Equation(Name("people")),))
    >>> people = Stock("people", (Equation(Name("births"), initial=Number(1.0)),), inflows=("births",))
    >>> graph = causal_graph(Model("growth", {"births": births, "people": people}))
    >>> [(a, b, data["polarity"]) for a, b, data in graph.edges(data=True)]
    [('births', 'people', '+'), ('people', 'births', '+')]
    """
    graph = nx.DiGraph(name=model.name, time_dependent=_time_dependent(model), method=model.settings.method)
    for variable in model:
        if canonical(variable.name) not in BUILT_IN:
            graph.add_node(
                variable.name, kind=variable.kind, units=variable.units, documentation=variable.documentation
            )
    proved, assumed = bounds(model, assume=False), bounds(model, assume=True)
    for variable in model:
        if canonical(variable.name) in BUILT_IN:
            continue
        for source, link in _links(model, variable, proved, assumed):
            graph.add_edge(source, variable.name, **link)
    if run is not None:
        _judge_by_run(graph, model, run)
    return _without_hidden(graph, model)


def _time_dependent(model: Model) -> list[str]:
    def kinds(variable: Variable) -> Iterator[bool]:
        for equation in variable.equations:
            if not isinstance(equation.expression, Table):
                for node in walk(equation.expression):
                    yield isinstance(node, Call) and FUNCTIONS[node.function].kind == "time"

    return [
        variable.name
        for variable in model
        if isinstance(variable, Data)
        or any(canonical(name.name) == "time" for name in reads(variable))
        or any(kinds(variable))
    ]


def bounds(model: Model, assume: bool) -> dict[str, Interval]:
    """Bounds of every variable by canonical name, from the equations.

    Constants have their value, other variables the range that the file declares. With `assume`, stocks
    are taken to keep the sign of their initial value, and constants that are zero to be zero or more,
    since a zero is usually a switch that a policy turns on.
    """
    known: dict[str, Interval] = {"time": _time_bounds(model), "time step": (0.0, math.inf)}
    order = _evaluation_order(model)
    if assume:
        for key in order:
            variable = model.variables[key]
            if isinstance(variable, Stock):
                known[key] = _stock_bounds(variable, _initial_bounds(model, variable, known, order))
    for key in order:
        variable = model.variables[key]
        if isinstance(variable, Stock):
            if not assume:
                known[key] = _declared(variable, (0.0, math.inf) if variable.non_negative else ANY)
            continue
        found = _hull([_equation_bounds(equation, known) for equation in variable.equations])
        if isinstance(variable, Constant) and assume and found == (0.0, 0.0):
            low, high = variable.limits
            found = (0.0 if low is None else low, math.inf if high is None else high)
        known[key] = found if isinstance(variable, Constant) else _declared(variable, found)
    return known


def _time_bounds(model: Model) -> Interval:
    start = model.settings.start
    return (start.value, math.inf) if isinstance(start, Number) else ANY


def _declared(variable: Variable, found: Interval) -> Interval:
    low, high = variable.limits
    return max(found[0], -math.inf if low is None else low), min(found[1], math.inf if high is None else high)


def _hull(parts: list[Interval]) -> Interval:
    return (min(part[0] for part in parts), max(part[1] for part in parts)) if parts else ANY


def _equation_bounds(equation: Equation, known: dict[str, Interval]) -> Interval:
    if isinstance(equation.expression, Table):
        return min(equation.expression.y), max(equation.expression.y)
    return interval(equation.expression, known)


def _evaluation_order(model: Model) -> list[str]:
    """Canonical names, each after what its equation reads; stocks first."""
    graph = nx.DiGraph()
    graph.add_nodes_from(model.variables)
    for key, variable in model.variables.items():
        if not isinstance(variable, Stock):
            graph.add_edges_from(
                (canonical(name.name), key) for name in reads(variable) if name.name in model
            )
    try:
        return list(nx.lexicographical_topological_sort(graph, key=list(model.variables).index))
    except nx.NetworkXUnfeasible:
        return list(model.variables)


def _initial_bounds(model: Model, stock: Stock, known: dict[str, Interval], order: list[str]) -> Interval:
    """Bounds of a stock's initial value, other stocks at theirs."""
    seen: dict[str, Interval] = dict(known)

    def settle(key: str, depth: int = 0) -> Interval:
        if key in seen:
            return seen[key]
        variable = model.variables.get(key)
        if variable is None or depth > 60:
            return ANY
        parts = []
        seen[key] = ANY
        for equation in variable.equations:
            tree = equation.initial if isinstance(variable, Stock) else equation.expression
            if tree is None or isinstance(tree, Table):
                parts.append(_equation_bounds(equation, seen) if tree is not None else ANY)
                continue
            for node in walk(tree):
                if isinstance(node, Name):
                    settle(canonical(node.name), depth + 1)
            parts.append(interval(tree, seen))
        seen[key] = _hull(parts)
        return seen[key]

    seen.pop(canonical(stock.name), None)
    return settle(canonical(stock.name))


def _stock_bounds(stock: Stock, start: Interval) -> Interval:
    if stock.non_negative:
        return 0.0, math.inf
    by_sign = {"+": (0.0, math.inf), "-": (-math.inf, 0.0), "0": (0.0, math.inf), "?": ANY}
    found = interval_sign(start)
    if found == "0" and stock.outflows:
        return ANY  # an outflow could carry it below where it started
    return _declared(stock, by_sign[found])


def _links(model: Model, variable: Variable, proved: dict, assumed: dict) -> Iterator[tuple[str, dict]]:
    """The links into a variable, each with its attributes, in the order the equations read them."""
    rates: dict[str, str] = {}
    if isinstance(variable, Stock):
        rates = {canonical(name): "+" for name in variable.inflows}
        for name in variable.outflows:
            rates[canonical(name)] = "" if canonical(name) in rates else "-"
    running: dict[str, list[Expression]] = {}
    starting: dict[str, None] = {}
    delays: dict[str, str] = {}
    for equation in variable.equations:
        if not isinstance(equation.expression, Table):
            for key, only_initial, delay in _uses(equation.expression):
                if only_initial:
                    starting[key] = None
                else:
                    trees = running.setdefault(key, [])
                    if not trees or trees[-1] is not equation.expression:
                        trees.append(equation.expression)
                    if delay:
                        delays[key] = delay
        if equation.initial is not None:
            starting.update(dict.fromkeys(key for key, _, _ in _uses(equation.initial)))
    for key in dict.fromkeys([*running, *starting]):
        source = model.variables.get(key)
        if source is None or key in BUILT_IN or rates.get(key) == "":
            continue
        if key not in running:
            yield source.name, _attributes("?", "proved", "none", True, False, 1)
        elif key in rates:
            yield source.name, _attributes(rates[key], "proved", "none", False, True, len(running[key]))
        else:
            polarity, basis = _polarity(running[key], key, proved, assumed)
            count = len(running[key])
            yield source.name, _attributes(polarity, basis, delays.get(key, "none"), False, False, count)


def _attributes(polarity: str, basis: str, delay: str, initial: bool, reference: bool, count: int) -> dict:
    return {
        "polarity": polarity,
        "basis": basis,
        "delay": delay,
        "initial": initial,
        "reference": reference,
        "element_links": count,
    }


def _uses(tree: Expression) -> Iterator[tuple[str, bool, str]]:
    """Every reference as (canonical name, acts only at the start, delay passed on the way)."""
    stack: list[tuple[Expression, bool, str]] = [(tree, False, "")]
    while stack:
        node, only_initial, delay = stack.pop()
        if isinstance(node, Name):
            yield canonical(node.name), only_initial, delay
        elif isinstance(node, Lookup):
            stack.append((node.argument, only_initial, delay))  # the table itself is no cause
        elif isinstance(node, Call):
            at_start = INITIAL_ARGUMENTS.get(node.function, set())
            mark = DELAYS.get(node.function, "")
            for place in range(len(node.arguments) - 1, -1, -1):
                inner = (mark if place == 0 else "") or delay
                stack.append((node.arguments[place], only_initial or place in at_start, inner))
        else:
            stack.extend((part, only_initial, delay) for part in reversed(children(node)))


def _polarity(trees: list[Expression], key: str, proved: dict, assumed: dict) -> tuple[str, str]:
    found = join(*(sign(tree, key, proved) for tree in trees))
    if found in "+-":
        return found, "proved"
    found = join(*(sign(tree, key, assumed) for tree in trees))
    return (found, "assumed") if found in "+-" else ("?", "proved")


def _judge_by_run(graph: nx.DiGraph, model: Model, run: Any) -> None:
    """Settle, or unsettle, the signs of links by central differences along a run."""
    values = {canonical(column): run[column].to_numpy(dtype=float) for column in run.columns}
    values["time"] = np.asarray(run.index, dtype=float)
    values.setdefault(
        "time step", np.full(len(run), np.median(np.diff(values["time"])) if len(run) > 1 else 1.0)
    )
    tables = {
        key: variable.equations[0].expression
        for key, variable in model.variables.items()
        if isinstance(variable, LookupVariable)
    }
    chosen = np.unique(np.linspace(0, len(run) - 1, min(len(run), STATES_SAMPLED)).astype(int))
    for source, target, link in graph.edges(data=True):
        if link["initial"] or link["reference"] or (link["basis"] == "proved" and link["polarity"] != "?"):
            continue
        states = {**{name: series[chosen] for name, series in values.items()}, **tables}
        seen = _signs_seen(model[target], canonical(source), states)
        if seen is None:
            continue
        if seen == {1.0, -1.0}:
            link.update(polarity="?", basis="run")
        elif len(seen) == 1:
            observed = "+" if seen == {1.0} else "-"
            if link["polarity"] == "?":
                link.update(polarity=observed, basis="run")
            elif link["polarity"] != observed:
                link.update(polarity="?", basis="run")


def _signs_seen(variable: Variable, key: str, states: dict[str, Any]) -> set[float] | None:
    if key not in states or variable.dimensions:
        return None
    step = 1e-4 * np.maximum(np.abs(states[key]), 1e-3)
    try:
        tree = variable.equations[0].expression
        assert not isinstance(tree, Table)
        up = np.asarray(evaluate(tree, {**states, key: states[key] + step}), dtype=float)
        down = np.asarray(evaluate(tree, {**states, key: states[key] - step}), dtype=float)
    except SDError:
        return None
    slope = (up - down) / (2 * step)
    scale = np.nanmax(np.abs(np.append(up, 1e-300)))
    return set(np.sign(slope[np.isfinite(slope) & (np.abs(up - down) > SMALLEST_CHANGE * scale)]))


def _without_hidden(graph: nx.DiGraph, model: Model) -> nx.DiGraph:
    """Join the links that pass through variables of an expanded macro, so that only declared ones stay."""
    for variable in model:
        if not variable.owner or variable.name not in graph:
            continue
        for source, _, first in list(graph.in_edges(variable.name, data=True)):
            for _, target, second in list(graph.out_edges(variable.name, data=True)):
                if source in (target, variable.name) or target == variable.name:
                    continue
                _join_link(graph, source, target, first, second)
        graph.remove_node(variable.name)
    return graph


def _join_link(graph: nx.DiGraph, source: str, target: str, first: dict, second: dict) -> None:
    polarity = times(first["polarity"], second["polarity"])
    link = _attributes(
        polarity,
        "assumed" if "assumed" in (first["basis"], second["basis"]) else first["basis"],
        first["delay"] if first["delay"] != "none" else second["delay"],
        first["initial"] or second["initial"],
        False,
        1,
    )
    if graph.has_edge(source, target):
        other = graph.edges[source, target]
        if other["initial"] == link["initial"]:
            link["polarity"] = join(other["polarity"], polarity)
        elif not other["initial"]:
            return
    graph.add_edge(source, target, **link)
