"""Bounds of a model's variables, on which the signs of links rest."""

from __future__ import annotations

import math

import networkx as nx

from sdtheory.feedback.polarity import ANY, Interval, interval, interval_sign
from sdtheory.model.expression import Binary, Expression, Name, Number, Table, Unary, substitute, walk
from sdtheory.model.model import Constant, Equation, Model, Stock, Variable, reads
from sdtheory.names import canonical


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
                known[key] = _stock_bounds(model, variable, _initial_bounds(model, variable, known))
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


def _initial_bounds(model: Model, stock: Stock, known: dict[str, Interval]) -> Interval:
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


def _stock_bounds(model: Model, stock: Stock, start: Interval) -> Interval:
    if stock.non_negative:
        return 0.0, math.inf
    by_sign = {"+": (0.0, math.inf), "-": (-math.inf, 0.0), "0": (0.0, math.inf), "?": ANY}
    found = interval_sign(start)
    if found == "0" and not _drained_by_itself(model, stock):
        return _declared(stock, ANY)
    return _declared(stock, by_sign[found])


def _drained_by_itself(model: Model, stock: Stock) -> bool:
    """Whether all that lowers a stock carries the stock as a factor, so that it stops at zero."""
    at_zero = {canonical(stock.name): (0.0, 0.0)}
    outflows = set(map(canonical, stock.outflows))

    def written(name: Name) -> Expression | None:
        found = model.variables.get(canonical(name.name))
        if found is None or canonical(name.name) not in outflows or len(found.equations) != 1:
            return None
        tree = found.equations[0].expression
        return None if isinstance(tree, Table) else tree

    return all(
        interval(substitute(term, written), at_zero) == (0.0, 0.0)
        for equation in stock.equations
        if not isinstance(equation.expression, Table)
        for term in _taken_away(equation.expression)
    )


def _taken_away(tree: Expression, adds: bool = True) -> list[Expression]:
    """The terms of a sum that lower it."""
    found: list[Expression] = []
    while isinstance(tree, Binary) and tree.operator in "+-":
        found += _taken_away(tree.right, adds == (tree.operator == "+"))
        tree = tree.left
    if isinstance(tree, Unary) and tree.operator == "-":
        return _taken_away(tree.argument, not adds) + found
    return found if adds else [tree, *found]
