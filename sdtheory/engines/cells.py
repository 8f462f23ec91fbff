"""The cells of a model's arrays: found once, looked up in any spelling."""

from __future__ import annotations

from collections.abc import Iterable

from sdtheory.errors import NotCompiled, shown
from sdtheory.model.expression import Call
from sdtheory.model.model import Equation, Model, Variable
from sdtheory.model.subscripts import Cell, coverage, key_of, label, place_in, spelled, split, ways
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
        return ways(self.model, call, bound)

    def place(self, variable: Variable, cell: Cell, bound: Bound) -> int:
        """The number of a cell, and of the place in the array functions around it that `bound` tells."""
        return place_in(self.model, variable, cell, bound)


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
