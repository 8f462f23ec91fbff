"""Cells of arrays: which equation gives which cell its value, and which cell a reference means."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from functools import lru_cache

from sdtheory.errors import NotCompiled, shown
from sdtheory.model.expression import Call, Expression, Name, children
from sdtheory.model.functions import FUNCTIONS
from sdtheory.model.model import Dimension, Equation, Model, Variable
from sdtheory.names import canonical

Cell = tuple[str, ...]
Binding = Mapping[str, str]
MOST_CELLS = 20_000  # of one variable, and of a model written out cell by cell

POSITION = "~position"  # ends the name of the hidden constant that numbers the elements of a dimension

key_of = lru_cache(maxsize=1 << 16)(canonical)


def elements(model: Model, subscript: str) -> tuple[str, ...]:
    """The elements that a subscript stands for: those of a dimension, or the element itself."""
    dimension = model.dimensions.get(key_of(subscript))
    return dimension.elements if dimension else (subscript,)


@lru_cache(maxsize=4096)
def _places(names: tuple[str, ...]) -> dict[str, int]:
    return {key_of(name): place for place, name in enumerate(names)}


def label(name: str, cell: Cell) -> str:
    """The column name of a cell: ``name`` or ``name[element,element]``."""
    return f"{name}[{','.join(cell)}]" if cell else name


def split(name: str) -> tuple[str, Cell]:
    """The variable and the cell of ``name[element, element]``.

    Examples
    --------
    >>> split("population[young, rural]")
    ('population', ('young', 'rural'))
    """
    text = name.strip()
    if not text.endswith("]") or "[" not in text:
        return text, ()
    head, _, inside = text[:-1].partition("[")
    return head.strip(), tuple(part.strip() for part in inside.split(","))


def coverage(model: Model, variable: Variable) -> dict[Cell, Equation]:
    """Each cell of a variable, last axis running fastest, and the equation that gives it its value.

    Of several equations the one that names the cell most closely counts, of equally close ones the last.
    Cells that no equation covers are left out.

    Raises
    ------
    NotCompiled
        When the variable has more cells than are written out one by one.

    Examples
    --------
    >>> from sdtheory.model.expression import Number
    >>> from sdtheory.model.model import Constant, Dimension
    >>> model = Model("m", {}, dimensions={"d": Dimension("d", ("a", "b"))})
    >>> both, one = Equation(Number(1.0), ("d",)), Equation(Number(2.0), ("b",))
    >>> [(cell, eq.expression.value) for cell, eq in coverage(model, Constant("x", (both, one), ("d",))).items()]
    [(('a',), 1.0), (('b',), 2.0)]
    """
    axes = [elements(model, dimension) for dimension in variable.dimensions]
    count = math.prod(map(len, axes))
    if count > MOST_CELLS:
        raise NotCompiled(f"'{shown(variable.name)}': an array of {count:,} cells (limit {MOST_CELLS:,})")
    found: dict[Cell, tuple[int, Equation]] = {}
    for equation in variable.equations:
        if len(equation.subscripts) != len(axes):
            continue
        closeness = sum(key_of(subscript) not in model.dimensions for subscript in equation.subscripts)
        left_out = [
            [_places(elements(model, subscript)) for subscript in exception]
            for exception in equation.exceptions
        ]
        for cell in itertools.product(
            *(
                _along(model, subscript, axis)
                for subscript, axis in zip(equation.subscripts, axes, strict=True)
            )
        ):
            if any(_inside(cell, part) for part in left_out):
                continue
            if cell not in found or closeness >= found[cell][0]:
                found[cell] = (closeness, equation)
    return {cell: found[cell][1] for cell in itertools.product(*axes) if cell in found}


def _along(model: Model, subscript: str, axis: tuple[str, ...]) -> list[str]:
    """The elements of an axis that a subscript of a left side covers, spelled as the axis does."""
    places = _places(axis)
    keys = map(key_of, elements(model, subscript))
    return [axis[places[key]] for key in keys if key in places]


def _inside(cell: Cell, part: list[dict[str, int]]) -> bool:
    return len(part) == len(cell) and all(
        key_of(element) in members for element, members in zip(cell, part, strict=True)
    )


def spelled(model: Model, variable: Variable, cell: Cell) -> Cell | None:
    """The cell with its elements as the dimensions spell them; None when there is no such cell."""
    axes = [elements(model, dimension) for dimension in variable.dimensions]
    if len(axes) != len(cell) or any(
        key_of(element) not in _places(axis) for element, axis in zip(cell, axes, strict=True)
    ):
        return None
    return tuple(axis[_places(axis)[key_of(element)]] for element, axis in zip(cell, axes, strict=True))


def binding(model: Model, variable: Variable, equation: Equation, cell: Cell) -> dict[str, str]:
    """Which element each dimension stands for in a cell: those on the left side, then the variable's own."""
    bound = {
        key_of(subscript): element
        for subscript, element in zip(equation.subscripts, cell, strict=True)
        if key_of(subscript) in model.dimensions
    }
    for dimension, element in zip(variable.dimensions, cell, strict=True):
        bound.setdefault(key_of(dimension), element)
    return bound


def resolve(model: Model, subscripts: tuple[str, ...], bound: Binding) -> Cell:
    """The cell that a reference's subscripts mean when the dimensions on the left side are bound.

    A dimension that is not bound itself means the bound element of a sub-range of it, else the one that a
    bound dimension maps to, else a bound element that is also its own.

    Raises
    ------
    NotCompiled
        When a dimension is neither bound nor mapped from one that is.

    Examples
    --------
    >>> resolve(Model("m", {}), ("city", "young"), {"city": "Rome"})
    ('Rome', 'young')
    """
    return tuple(_element(model, subscript, bound) for subscript in subscripts)


def _element(model: Model, subscript: str, bound: Binding) -> str:
    key = key_of(subscript)
    if key in bound:
        return bound[key]
    if key.endswith("!"):
        raise NotCompiled(f"the subscript '{shown(subscript)}' stands outside an array function")
    dimension = model.dimensions.get(key)
    if dimension is None:
        return subscript
    own = _places(dimension.elements)
    for name, element in bound.items():
        source = model.dimensions.get(name)
        if source is None:
            continue
        if key_of(element) in own and _one_holds_the_other(source, dimension):
            return element
        image = _image(model, source, element, dimension)
        if image is not None:
            return image
    for element in bound.values():
        if key_of(element) in own:
            return element
    raise NotCompiled(f"the subscript '{shown(subscript)}' is not on the left side and maps to nothing there")


def _one_holds_the_other(one: Dimension, other: Dimension) -> bool:
    """Is one of two dimensions a sub-range of the other?"""
    here, there = _places(one.elements).keys(), _places(other.elements).keys()
    return here <= there or there <= here


def _image(model: Model, source: Dimension, element: str, dimension: Dimension) -> str | None:
    """What an element of a dimension maps to in another, by either one's mapping; None when nothing maps."""
    for target, images in source.mappings:
        if key_of(target) == key_of(dimension.name):
            members = elements(model, images[_places(source.elements)[key_of(element)]])
            return members[0] if len(members) == 1 else None
    for target, images in dimension.mappings:
        if key_of(target) == key_of(source.name):
            for own, image in zip(dimension.elements, images, strict=True):
                if key_of(element) in _places(elements(model, image)):
                    return own
    return None


def ways(model: Model, call: Call, bound: Binding) -> list[dict[str, str]]:
    """A binding for each cell of the dimensions marked ``!`` in a call, but not in array functions inside."""
    marked: dict[str, None] = {}
    stack: list[Expression] = list(reversed(call.arguments))
    while stack:
        node = stack.pop()
        if isinstance(node, Name):
            marked.update((key_of(one), None) for one in node.subscripts if one.endswith("!"))
        elif not (isinstance(node, Call) and FUNCTIONS[node.function].kind == "array"):
            stack.extend(reversed(children(node)))
    members = [elements(model, key[:-1].strip()) for key in marked]
    count = math.prod(map(len, members))
    if count > MOST_CELLS:
        raise NotCompiled(f"a sum over {count:,} cells")
    return [{**bound, **dict(zip(marked, cell, strict=True))} for cell in itertools.product(*members)]


def place_in(model: Model, variable: Variable, cell: Cell, bound: Binding) -> int:
    """The number of a cell, and of the place in the array functions around it that `bound` tells."""
    axes = [(element, elements(model, axis)) for element, axis in zip(cell, variable.dimensions, strict=True)]
    axes += [
        (element, elements(model, key[:-1].strip())) for key, element in bound.items() if key.endswith("!")
    ]
    place = 0
    for element, members in axes:
        place = place * len(members) + [key_of(member) for member in members].index(key_of(element))
    return place
