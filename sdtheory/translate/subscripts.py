"""Subscripts of references: as many as the variable has, and each a range or one of its elements."""

from __future__ import annotations

from collections.abc import Iterator

from sdtheory.documents import Document
from sdtheory.errors import ModelError, shown
from sdtheory.model.expression import Expression, Name, Opaque, Table, children
from sdtheory.model.model import Dimension, Equation, Model, Variable
from sdtheory.names import canonical, nearest
from sdtheory.translate.faults import fault, name_in


def check_subscripts(document: Document, model: Model) -> None:
    """Raise for the first reference to a part of an array that does not exist.

    Raises
    ------
    ModelError
        Naming the variable whose equation it is, and the place.
    """
    for variable in model:
        for equation in variable.equations:
            for name in _names(equation):
                read = model.variables.get(canonical(name.name))
                found = _wrong(model, variable, equation, name, read) if read is not None else None
                if found is not None:
                    raise _fault(document, variable, name, *found)


def _names(equation: Equation) -> Iterator[Name]:
    """The names of an equation, not counting what only the reference engine runs."""
    stack: list[Expression] = [
        part
        for part in (equation.expression, equation.initial)
        if part is not None and not isinstance(part, Table)
    ]
    while stack:
        node = stack.pop()
        if isinstance(node, Name):
            yield node
        elif not isinstance(node, Opaque):
            stack.extend(children(node))


def _wrong(
    model: Model, variable: Variable, equation: Equation, name: Name, read: Variable
) -> tuple[str, str | None] | None:
    """What is wrong with a reference, and what to do."""
    written, axes = name.subscripts, read.dimensions
    if not written and not axes:
        return None
    whose = f"'{shown(read.name)}'"
    if len(written) != len(axes):
        if not axes:
            return f"{whose} is not an array", "leave its subscripts out"
        ranges = ", ".join(shown(axis) for axis in axes)
        return f"{whose} is an array over {ranges}", f"write {shown(read.name)}[{ranges}]"
    for subscript, axis in zip(written, axes, strict=True):
        key = canonical(subscript.rstrip("!"))
        if key in model.dimensions:
            if not subscript.endswith("!") and not equation.subscripts and not variable.dimensions:
                return f"{whose} is an array over {shown(subscript)}", "name an element, or sum over all"
            continue
        elements = _elements(model.dimensions.get(canonical(axis)), axis)
        if key not in map(canonical, elements):
            close = nearest(subscript, elements)
            remedy = f"did you mean '{shown(close)}'?" if close else None
            return f"{whose} has no element '{shown(subscript)}'", remedy
    return None


def _elements(dimension: Dimension | None, axis: str) -> tuple[str, ...]:
    return dimension.elements if dimension is not None else (axis,)


def _fault(
    document: Document, variable: Variable, name: Name, message: str, remedy: str | None
) -> ModelError:
    entry = document.variables.get(variable.owner or variable.name)
    found = name_in(document, entry, name.name) if entry is not None else None
    return fault(document, entry, message, remedy, *(found or ()))
