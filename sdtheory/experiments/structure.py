"""Changes of a model's structure that a policy makes: variables added, removed, renamed, given other units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from sdtheory.errors import ExperimentError, SDError, shown
from sdtheory.experiments.equations import read_equation
from sdtheory.experiments.formula import CLOCK
from sdtheory.model.expression import (
    Binary,
    Expression,
    Name,
    Number,
    Table,
    Unary,
    chain,
    left_spine,
    references,
    substitute,
)
from sdtheory.model.model import Constant, Equation, Flow, Model, Stock, Variable
from sdtheory.names import canonical, unknown


@dataclass(frozen=True)
class AddStock:
    """A new stock without flows; `initial` is an equation or a number."""

    name: str
    initial: str | float
    units: str = ""
    documentation: str = ""


@dataclass(frozen=True)
class AddFlow:
    """A new flow from one stock to another; "" is a cloud."""

    name: str
    equation: str | float
    source: str = ""
    target: str = ""
    units: str = ""
    documentation: str = ""


@dataclass(frozen=True)
class AddAuxiliary:
    """A new auxiliary or constant."""

    name: str
    equation: str | float
    units: str = ""
    documentation: str = ""


@dataclass(frozen=True)
class Remove:
    """A variable goes, with its term in every stock's rate."""

    name: str


@dataclass(frozen=True)
class Rename:
    """A variable gets another name, in every equation."""

    old: str
    new: str


@dataclass(frozen=True)
class SetUnits:
    """A variable gets other units."""

    name: str
    units: str


Addition = AddStock | AddFlow | AddAuxiliary
StructureChange = Addition | Remove | Rename | SetUnits


def restructured(model: Model, changes: Sequence[StructureChange]) -> Model:
    """The model with changes of its structure, in order.

    An equation may read a variable that a later change adds.

    Raises
    ------
    ExperimentError, UnknownName
        When a change cannot be made.

    Examples
    --------
    >>> from sdtheory.model.model import SimulationSettings
    >>> pace = Constant("pace", (Equation(Number(2.0)),))
    >>> more = [AddStock("level", 0.0), AddFlow("inflow", "3 * pace", target="level")]
    >>> changed = restructured(Model("m", {"pace": pace}), more)
    >>> changed["level"].inflows, changed["level"].equations[0].expression
    (('inflow',), Name(name='inflow', subscripts=()))
    """
    for place, change in enumerate(changes):
        later = [one.name for one in changes[place + 1 :] if isinstance(one, Addition)]
        match change:
            case AddStock() | AddFlow() | AddAuxiliary():
                model = _added(model, change, later)
            case Remove():
                model = _removed(model, change.name)
            case Rename():
                model = _renamed(model, change.old, change.new)
            case SetUnits():
                own = _own(model, change.name)
                model = _with(model, {canonical(own.name): replace(own, units=change.units)})
    return model


def _own(model: Model, name: str) -> Variable:
    if canonical(name) in CLOCK:
        raise ExperimentError(f"'{shown(name)}' belongs to the settings; use [simulation]")
    if name not in model:
        raise unknown("variable", name, model.names())
    return model[name]


def _with(model: Model, variables: Mapping[str, Variable]) -> Model:
    return replace(model, variables={**model.variables, **variables})


def _refuse_taken(model: Model, name: str) -> None:
    if name in model or canonical(name) in CLOCK:
        raise ExperimentError(f"there is a '{shown(name)}' already")
    if not name.strip() or len(name) > model.limits.name_length or not name.isprintable():
        raise ExperimentError(f"'{shown(name)}' is no name of a variable")


def _added(model: Model, change: Addition, later: list[str]) -> Model:
    _refuse_taken(model, change.name)
    about: dict[str, Any] = {"units": change.units, "documentation": change.documentation}
    key = canonical(change.name)
    if isinstance(change, AddFlow):
        return _with_flow(model, change, later)
    try:
        text = change.initial if isinstance(change, AddStock) else change.equation
        kind, tree = _equation(text, model, (), later)
    except SDError as error:
        raise _about(change.name, error) from error
    if isinstance(change, AddStock):
        stock = Stock(change.name, (Equation(Number(0.0), initial=tree),), **about)
        return _with(model, {key: stock})
    return _with(model, {key: kind(change.name, (Equation(tree),), **about)})


def _equation(
    text: str | float, model: Model, dimensions: tuple[str, ...], later: list[str]
) -> tuple[type[Variable], Expression]:
    if isinstance(text, str):
        return read_equation(text, model, dimensions, later)
    return Constant, Number(float(text))


def _about(name: str, error: SDError) -> ExperimentError:
    return ExperimentError(f"'{shown(name)}': {error.message}", remedy=error.remedy)


def _with_flow(model: Model, change: AddFlow, later: list[str]) -> Model:
    ends: dict[str, Stock] = {}
    for side, name in (("source", change.source), ("target", change.target)):
        if name:
            stock = _own(model, name)
            if not isinstance(stock, Stock):
                raise ExperimentError(f"the {side} of '{shown(change.name)}' is '{stock.name}', no stock")
            ends[side] = stock
    dimensions = {stock.dimensions for stock in ends.values()} or {()}
    if len(dimensions) > 1:
        raise ExperimentError(f"the stocks of '{shown(change.name)}' have other dimensions")
    (over,) = dimensions
    try:
        _, tree = _equation(change.equation, model, over, later)
    except SDError as error:
        raise _about(change.name, error) from error
    flow = Flow(
        change.name, (Equation(tree, over),), over, units=change.units, documentation=change.documentation
    )
    found: dict[str, Variable] = {canonical(change.name): flow}
    for side, stock in ends.items():
        own = found.get(canonical(stock.name), stock)
        assert isinstance(own, Stock)
        found[canonical(stock.name)] = _on_stock(own, change.name, "-" if side == "source" else "+")
    return _with(model, found)


def _on_stock(stock: Stock, flow: str, sign: str) -> Stock:
    """The stock with a further flow in its rate."""

    def rate(equation: Equation) -> Equation:
        term: Expression = Name(flow, equation.subscripts)
        own = equation.expression
        assert not isinstance(own, Table)
        if own == Number(0.0):
            return replace(equation, expression=term if sign == "+" else Unary("-", term))
        return replace(equation, expression=Binary(sign, own, term))

    equations = tuple(map(rate, stock.equations))
    if sign == "+":
        return replace(stock, equations=equations, inflows=(*stock.inflows, flow))
    return replace(stock, equations=equations, outflows=(*stock.outflows, flow))


def _removed(model: Model, name: str) -> Model:
    own = _own(model, name)
    key = canonical(own.name)
    variables = {other: one for other, one in model.variables.items() if other != key}
    for other, one in variables.items():
        if isinstance(one, Stock) and key in map(canonical, (*one.inflows, *one.outflows)):
            equations = tuple(
                replace(part, expression=_without(part.expression, key)) for part in one.equations
            )
            variables[other] = replace(
                one,
                equations=equations,
                inflows=tuple(flow for flow in one.inflows if canonical(flow) != key),
                outflows=tuple(flow for flow in one.outflows if canonical(flow) != key),
            )
    return replace(model, variables=variables)


def _without(tree: Expression | Table, key: str) -> Expression:
    """A sum without the terms that are one variable."""
    assert not isinstance(tree, Table)
    first, rest = left_spine(tree)
    if any(operator not in "+-" for operator, _ in rest):
        first, rest = tree, []
    terms = [("-", first.argument) if _is_minus(first) else ("+", first), *rest]  # type: ignore[union-attr]
    kept = [
        (sign, term) for sign, term in terms if not (isinstance(term, Name) and canonical(term.name) == key)
    ]
    if not kept:
        return Number(0.0)
    sign, start = kept[0]
    return chain(start if sign == "+" else Unary("-", start), kept[1:])


def _is_minus(node: Expression) -> bool:
    return isinstance(node, Unary) and node.operator == "-"


def _renamed(model: Model, old: str, new: str) -> Model:
    own = _own(model, old)
    key = canonical(own.name)
    if canonical(new) != key:
        _refuse_taken(model, new)

    def spelled(name: Name) -> Name | None:
        return Name(new, name.subscripts) if canonical(name.name) == key else None

    def tree(part: Expression) -> Expression:
        return substitute(part, spelled)

    def equation(part: Equation) -> Equation:
        own = part.expression
        initial = None if part.initial is None else tree(part.initial)
        return replace(part, expression=own if isinstance(own, Table) else tree(own), initial=initial)

    variables: dict[str, Variable] = {}
    for other, one in model.variables.items():
        changed = replace(one, equations=tuple(map(equation, one.equations)))
        if isinstance(changed, Stock):
            ends: dict[str, Any] = {
                side: tuple(new if canonical(flow) == key else flow for flow in getattr(changed, side))
                for side in ("inflows", "outflows")
            }
            changed = replace(changed, **ends)
        if other == key:
            variables[canonical(new)] = replace(changed, name=new)
        else:
            variables[other] = replace(changed, owner=new if canonical(one.owner) == key else one.owner)
    clock: dict[str, Any] = {
        one.name: tree(getattr(model.settings, one.name))
        for one in fields(model.settings)
        if one.name in ("start", "stop", "time_step", "save_every")
    }
    return replace(model, variables=variables, settings=replace(model.settings, **clock))


def refuse_undefined(model: Model) -> None:
    """Raise for an equation that reads a variable which the model does not have.

    Raises
    ------
    ExperimentError
    """
    for variable in model:
        for equation in variable.equations:
            for tree in (equation.expression, equation.initial):
                names = [] if tree is None or isinstance(tree, Table) else references(tree)
                for name in names:
                    if name.name not in model and canonical(name.name) not in CLOCK:
                        raise ExperimentError(
                            f"'{shown(variable.name)}' reads '{shown(name.name)}', which is no more",
                            remedy="give it another equation, or remove it too",
                        )
