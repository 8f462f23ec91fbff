"""Cells of arrays: which cells an equation covers, and which cell a reference means."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from sdtheory.errors import NotCompiled
from sdtheory.model.model import Equation, Model, Variable
from sdtheory.names import canonical

Cell = tuple[str, ...]
Binding = Mapping[str, str]


def elements(model: Model, subscript: str) -> tuple[str, ...]:
    """The elements that a subscript stands for: those of a dimension, or the element itself."""
    dimension = model.dimensions.get(canonical(subscript))
    return dimension.elements if dimension else (subscript,)


def cells(model: Model, variable: Variable) -> list[Cell]:
    """All cells of a variable as element names, the last axis running fastest.

    Examples
    --------
    >>> from sdtheory.model.expression import Number
    >>> from sdtheory.model.model import Constant, Dimension
    >>> model = Model("m", {}, dimensions={"d": Dimension("d", ("a", "b"))})
    >>> cells(model, Constant("x", (Equation(Number(1.0), ("d",)),), ("d",)))
    [('a',), ('b',)]
    """
    every = itertools.product(*(elements(model, dimension) for dimension in variable.dimensions))
    return [cell for cell in every if covering(model, variable, cell) is not None]


def label(name: str, cell: Cell) -> str:
    """The column name of a cell: ``name`` or ``name[element,element]``."""
    return f"{name}[{','.join(cell)}]" if cell else name


def covering(model: Model, variable: Variable, cell: Cell) -> Equation | None:
    """The equation that gives a cell its value; of several the last that names it most closely."""
    found, closeness = None, -1
    for equation in variable.equations:
        if not _covers(model, equation.subscripts, cell):
            continue
        if any(_covers(model, left_out, cell) for left_out in equation.exceptions):
            continue
        named = sum(canonical(subscript) not in model.dimensions for subscript in equation.subscripts)
        if named >= closeness:
            found, closeness = equation, named
    return found


def _covers(model: Model, subscripts: tuple[str, ...], cell: Cell) -> bool:
    return len(subscripts) == len(cell) and all(
        canonical(element) in map(canonical, elements(model, subscript))
        for subscript, element in zip(subscripts, cell, strict=True)
    )


def binding(model: Model, equation: Equation, cell: Cell) -> dict[str, str]:
    """Which element each dimension on the left side stands for in a cell."""
    return {
        canonical(subscript): element
        for subscript, element in zip(equation.subscripts, cell, strict=True)
        if canonical(subscript) in model.dimensions
    }


def resolve(model: Model, subscripts: tuple[str, ...], bound: Binding) -> Cell:
    """The cell that a reference's subscripts mean when the dimensions on the left side are bound.

    Raises
    ------
    NotCompiled
        When a dimension is neither bound nor mapped from one that is.
    """
    return tuple(_element(model, subscript, bound) for subscript in subscripts)


def _element(model: Model, subscript: str, bound: Binding) -> str:
    key = canonical(subscript)
    if key in bound:
        return bound[key]
    if key.endswith("!"):
        raise NotCompiled(f"the subscript '{subscript}' stands outside an array function")
    dimension = model.dimensions.get(key)
    if dimension is None:
        return subscript
    for name, element in bound.items():
        source = model.dimensions.get(name)
        if source is None:
            continue
        for target, images in source.mappings:
            if canonical(target) == key:
                return images[_index(source.elements, element)]
        for target, images in dimension.mappings:
            if canonical(target) == name:
                return dimension.elements[_index(images, element)]
    for element in bound.values():
        if canonical(element) in map(canonical, dimension.elements):
            return element
    raise NotCompiled(f"the subscript '{subscript}' is not on the left side and maps to nothing there")


def _index(names: tuple[str, ...], name: str) -> int:
    return [canonical(one) for one in names].index(canonical(name))
