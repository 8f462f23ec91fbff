"""What a process of its own gave as a model, held against what a translation can be."""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Iterator, Mapping
from typing import Any, Union, get_args, get_origin, get_type_hints

from sdtheory.documents import Limits
from sdtheory.errors import ModelError, shown
from sdtheory.model.expression import Call, Expression, Lookup, Name, Table, Unary, left_spine, walk
from sdtheory.model.functions import FUNCTIONS
from sdtheory.model.model import CONTROLS, Model, Stock, Variable
from sdtheory.names import canonical
from sdtheory.translate.stored import Record
from sdtheory.translate.structure import check_structure
from sdtheory.translate.translation import NUMBERED, Translation

METHODS = frozenset({"euler", "rk4"})
OPERATORS = frozenset(["+", "-", "*", "/", "^", "<", "<=", ">", ">=", "=", "<>", "and", "or", "not"])
_PREDEFINED = frozenset({"time", *map(canonical, CONTROLS)})


def checked(record: Record, limits: Limits, file: str) -> Model:
    """The model, when everything in it is of its kind, every name is one of its own, and its structure holds.

    Parameters
    ----------
    record : Record
    limits : Limits
    file : str
        What the model's file is called, whatever the model says.

    Raises
    ------
    ModelError
        For the first thing that no translation gives.
    """
    if not fits(record, Record) or not fits(record.model.translation, Translation):
        raise ModelError("a part of the model is of another kind than it should be")
    # the caller's limits, whatever the answer says
    model, translation = dataclasses.replace(record.model, limits=limits), record.model.translation
    _check_names(model, limits)
    check_structure(model)
    numbers = (translation.names, translation.dimension_names, translation.element_names)
    if not all(NUMBERED.fullmatch(number) for part in numbers for number in part):
        raise ModelError("a number of the translation is none")
    if type(translation.abstract).__name__ != "AbstractModel":  # decoding is the guard's own check
        raise ModelError("the translation is not PySD's model")
    own = dataclasses.replace(translation, variables=dict(model.variables))
    return dataclasses.replace(model, file=file, translation=own)


def fits(value: Any, kind: Any) -> bool:
    """Whether a value is what a type hint says, all the way down; no depth is too much.

    Examples
    --------
    >>> fits({"a": (1.0, None)}, dict[str, tuple[float | None, ...]]), fits((1, "a"), tuple[int, int])
    (True, False)
    """
    stack = [(value, kind)]
    while stack:
        value, kind = stack.pop()
        if get_origin(kind) in (Union, types.UnionType):
            kind = next((one for one in get_args(kind) if _is_a(value, one)), None)
            if kind is None:
                return False
        if not _is_a(value, kind):
            return False
        parts = list(_parts(value, kind))
        if any(part is _WRONG for part in parts):
            return False
        stack.extend(parts)
    return True


_WRONG: Any = object()


def _is_a(value: Any, kind: Any) -> bool:
    """Whether a value is of a kind, its parts left aside."""
    kind = get_origin(kind) or kind
    if kind is Any:
        return True
    if kind is float:
        return type(value) in (float, int)
    if kind in (int, str, bool, types.NoneType, None):
        return type(value) is (types.NoneType if kind is None else kind)
    return isinstance(value, kind)


def _parts(value: Any, kind: Any) -> Iterator[Any]:
    """The parts of a value, each with its kind."""
    inside = get_args(kind)
    if isinstance(value, tuple):
        if len(inside) == 2 and inside[1] is Ellipsis:
            yield from ((part, inside[0]) for part in value)
        elif len(inside) == len(value):
            yield from zip(value, inside, strict=True)
        else:
            yield _WRONG
    elif isinstance(value, list):
        yield from ((part, inside[0]) for part in value)
    elif isinstance(value, Mapping):
        yield from ((part, inside[place]) for item in value.items() for place, part in enumerate(item))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from ((getattr(value, name), hint) for name, hint in _hints(type(value)))


@functools.cache
def _hints(kind: type) -> list[tuple[str, Any]]:
    hints = get_type_hints(kind)
    return [(field.name, hints[field.name]) for field in dataclasses.fields(kind)]


def _check_names(model: Model, limits: Limits) -> None:
    """Every name that the model reads is one that it has, and stands under its own key."""
    if len(model.variables) > limits.variables:
        raise ModelError(f"{len(model.variables):,} variables; the limit is {limits.variables:,}")
    if model.settings.method not in METHODS:
        raise ModelError(f"unknown method '{shown(model.settings.method)}'")
    elements = {canonical(one) for dimension in model.dimensions.values() for one in dimension.elements}
    known = {*_PREDEFINED, *model.variables, *model.dimensions, *elements}
    settings = model.settings
    for tree in (settings.start, settings.stop, settings.time_step, settings.save_every):
        _check_tree(tree, known, model)
    for key, dimension in model.dimensions.items():
        _check_name(key, dimension.name)
        length = len(dimension.elements)
        if length == 0 or any(len(images) != length for _, images in dimension.mappings):
            raise ModelError(
                f"the range '{shown(dimension.name)}' is empty, or a mapping of it is not as long"
            )
    for key, variable in model.variables.items():
        _check_name(key, variable.name)
        _check_variable(variable, known, model)


def _check_name(key: str, name: str) -> None:
    if key != canonical(name) or not key:
        raise ModelError(f"'{shown(name)}' cannot be the name under '{shown(key)}'")


def _check_variable(variable: Variable, known: set[str], model: Model) -> None:
    flows = (*variable.inflows, *variable.outflows) if isinstance(variable, Stock) else ()
    named = {canonical(one) for one in (*flows, variable.owner) if one}
    if not named <= set(model.variables):
        raise ModelError(f"'{shown(variable.name)}' names variables that the model does not have")
    if not variable.equations or not {canonical(one) for one in variable.dimensions} <= set(model.dimensions):
        raise ModelError(f"'{shown(variable.name)}' has no equation, or a range that the model does not have")
    for equation in variable.equations:
        for tree in (equation.expression, equation.initial):
            if isinstance(tree, Table):
                _check_table(tree)
            elif tree is not None:
                _check_tree(tree, known, model)


def _check_tree(tree: Expression, known: set[str], model: Model) -> None:
    for node in walk(tree):
        if isinstance(node, Name) and canonical(node.name) not in known:
            raise ModelError(f"unknown variable '{shown(node.name)}'")
        if not _operators(node) <= OPERATORS:
            raise ModelError("an unknown operator")
        if isinstance(node, Call) and len(node.arguments) < FUNCTIONS[node.function].arity[0]:
            raise ModelError(f"{shown(node.function)} has too few arguments")
        match node:
            case Lookup(Table() as table):
                _check_table(table)
            case Lookup(Name(name)) if canonical(name) not in model.variables:
                raise ModelError(f"unknown lookup '{shown(name)}'")


def _check_table(table: Table) -> None:
    if not 0 < len(table.x) == len(table.y):
        raise ModelError("a lookup has no points, or a point is no pair")


def _operators(node: Expression) -> set[str]:
    if isinstance(node, Unary):
        return {node.operator}
    return {operator for operator, _ in left_spine(node)[1]}
