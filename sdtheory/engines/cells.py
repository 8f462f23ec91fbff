"""The cells of a model's arrays: found once, looked up in any spelling."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

from sdtheory.errors import NotCompiled, shown
from sdtheory.model.expression import Call, Expression, Name, children
from sdtheory.model.functions import FUNCTIONS
from sdtheory.model.model import Equation, Model, Variable
from sdtheory.model.subscripts import MOST_CELLS, Cell, coverage, elements, key_of, label, spelled, split
from sdtheory.names import unknown

Bound = dict[str, str]


class Cells:
    """Which equation gives each cell of a model's variables its value."""

    def __init__(self, model: Model):
        self.model = model
        self._covered: dict[str, dict[Cell, Equation]] = {}

    def of(self, variable: Variable) -> dict[Cell, Equation]:
        """The cells of a variable with their equations; a scalar has the one cell ``()``."""
        key = key_of(variable.name)
        if key not in self._covered:
            self._covered[key] = coverage(self.model, variable)
        return self._covered[key]

    def named(self, variable: Variable, cell: Cell) -> Cell:
        """The cell as the dimensions spell it.

        Raises
        ------
        NotCompiled
            When the variable has another number of dimensions.
        UnknownName
            When an element does not exist; suggests the nearest cell.
        """
        if len(cell) != len(variable.dimensions):
            raise NotCompiled(
                f"'{shown(variable.name)}' has {len(variable.dimensions)} dimensions, not {len(cell)}"
            )
        found = spelled(self.model, variable, cell)
        if found is None or found not in self.of(variable):
            names = [label(variable.name, one) for one in self.of(variable)]
            raise unknown("element", label(variable.name, cell), names)
        return found

    def over(self, call: Call, bound: Bound) -> list[Bound]:
        """A binding for each cell of the dimensions marked ``!`` in a call, but not in array functions inside."""
        marked: dict[str, None] = {}
        stack: list[Expression] = list(reversed(call.arguments))
        while stack:
            node = stack.pop()
            if isinstance(node, Name):
                marked.update((key_of(one), None) for one in node.subscripts if one.endswith("!"))
            elif not (isinstance(node, Call) and FUNCTIONS[node.function].kind == "array"):
                stack.extend(reversed(children(node)))
        members = [elements(self.model, key[:-1].strip()) for key in marked]
        count = math.prod(map(len, members))
        if count > MOST_CELLS:
            raise NotCompiled(f"a sum over {count:,} cells")
        return [{**bound, **dict(zip(marked, cell, strict=True))} for cell in itertools.product(*members)]

    def place(self, variable: Variable, cell: Cell, bound: Bound) -> int:
        """The number of a cell, and of the place in the array functions around it that `bound` tells."""
        axes = [
            (element, elements(self.model, axis))
            for element, axis in zip(cell, variable.dimensions, strict=True)
        ]
        axes += [
            (element, elements(self.model, key[:-1].strip()))
            for key, element in bound.items()
            if key.endswith("!")
        ]
        place = 0
        for element, members in axes:
            place = place * len(members) + [key_of(member) for member in members].index(key_of(element))
        return place


class Inputs:
    """What runs vary, by number: whole variables and single cells.

    Parameters
    ----------
    model : Model
    cells : Cells
    names : iterable of str
        Variables, or ``name[element]``.
    """

    def __init__(self, model: Model, cells: Cells, names: Iterable[str]):
        self.labels: list[str] = []
        self._numbers: dict[tuple[str, Cell], int] = {}
        for name in names:
            head, cell = split(name)
            variable = model[head]
            if cell:
                cell = cells.named(variable, cell)
            self._numbers[(key_of(variable.name), cell)] = len(self.labels)
            self.labels.append(label(variable.name, cell))

    def number(self, key: str, cell: Cell) -> int | None:
        """The input that gives a cell its value: its own, or that of the whole array."""
        found = self._numbers.get((key, cell))
        return self._numbers.get((key, ())) if found is None else found
