"""The cells of a model's arrays: found once, looked up in any spelling."""

from __future__ import annotations

import itertools
import math

from sdtheory.errors import NotCompiled, shown
from sdtheory.model.expression import Expression, Name, walk
from sdtheory.model.model import Equation, Model, Variable
from sdtheory.model.subscripts import MOST_CELLS, Cell, coverage, elements, key_of, label, spelled
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

    def over(self, tree: Expression, bound: Bound) -> list[Bound]:
        """A binding for each cell of the dimensions marked ``!`` in a tree."""
        marked = {
            key_of(subscript): None
            for node in walk(tree)
            if isinstance(node, Name)
            for subscript in node.subscripts
            if subscript.endswith("!")
        }
        free = [key for key in marked if key not in bound]
        members = [elements(self.model, key[:-1].strip()) for key in free]
        count = math.prod(map(len, members))
        if count > MOST_CELLS:
            raise NotCompiled(f"a sum over {count:,} cells")
        return [{**bound, **dict(zip(free, cell, strict=True))} for cell in itertools.product(*members)]
