"""Functions over arrays, written out as operations on the nodes of their cells."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from sdtheory.engines.cells import Bound, Cells
from sdtheory.engines.graph import CONST, GraphBuilder
from sdtheory.errors import NotCompiled, UnknownName
from sdtheory.model.expression import Call, Expression, Name, Table, evaluate, substitute
from sdtheory.model.functions import FUNCTIONS
from sdtheory.model.model import Variable
from sdtheory.model.subscripts import POSITION, Cell, elements, key_of, resolve

MOST_SORTED = 200  # cells of one sort: each is compared with each
MOST_ROWS = 20  # of a matrix to be inverted
WORDS = {"sum": "+", "prod": "*", "vmin": "min", "vmax": "max"}
SORTS = frozenset({"vector_sort_order", "vector_rank", "vector_reorder"})

Part = tuple[Expression, Bound]
Owner = tuple[str, Cell]


@dataclass
class ArrayFunctions:
    """How each function over an array becomes nodes.

    Parameters
    ----------
    cells : Cells
    """

    cells: Cells
    memo: dict[Any, Any] = field(default_factory=dict)

    def parts(self, call: Call, bound: Bound) -> list[Part]:
        """What a call reads: the cells that it runs over, then its other arguments."""
        first, *others = call.arguments
        if call.function in WORDS:
            return [(first, one) for one in self.cells.over(call, bound)]
        if call.function == "vector_select":
            ways = self.cells.over(call, bound)
            return [
                *((first, one) for one in ways),
                *((others[0], one) for one in ways),
                *((argument, bound) for argument in others[1:]),
            ]
        if call.function in SORTS:
            return [*self._along(first, bound), (others[0], bound)]
        if call.function == "vector_elm_map":
            return self._mapped_parts(self._name(call, first), others[0], bound)
        assert call.function == "invert_matrix", call.function
        rows, columns = self._axis(first, -2), self._axis(first, -1)
        if not 1 <= len(rows) == len(columns) <= MOST_ROWS:
            raise NotCompiled(f"INVERT MATRIX of {len(rows)} by {len(columns)} cells")
        return [(self._moved(first, (row, column)), bound) for row in rows for column in columns]

    def node(self, graph: GraphBuilder, call: Call, bound: Bound, owner: Owner, values: list[int]) -> int:
        """The node of a call, from those of its `parts`."""
        if call.function in WORDS:
            if not values:
                raise NotCompiled(f"{FUNCTIONS[call.function].vensim} over nothing")
            return reduce(lambda a, b: graph.operate(WORDS[call.function], a, b), values)
        if call.function == "vector_select":
            return self._select(graph, values)
        if call.function == "vector_elm_map":
            return self._mapped(graph, call, bound, values)
        if call.function == "invert_matrix":
            size = math.isqrt(len(values))
            inverse = self._once(graph, call, values, lambda: _inverse(graph, values, size))
            row = self._place(call, -2, bound, owner)
            return inverse[row * size + self._place(call, -1, bound, owner)]
        *vector, last = values
        place = self._place(call, -1, bound, owner)
        if call.function == "vector_reorder":
            return _chosen(graph, graph.operate("integer", last), vector)
        ranks = self._once(graph, call, values, lambda: _ranks(graph, vector, last))
        if call.function == "vector_rank":
            return graph.operate("+", ranks[place], graph.constant(1.0))
        held = [graph.operate("=", rank, graph.constant(float(place))) for rank in ranks]
        return _total(
            graph,
            [
                graph.operate("if_then_else", here, graph.constant(float(i)), graph.constant(0.0))
                for i, here in enumerate(held)
            ],
        )

    def _once(self, graph: GraphBuilder, call: Call, values: list[int], make: Callable[[], Any]) -> Any:
        """What is the same for all cells of a call's result."""
        key = (id(graph), call.function, tuple(values))
        if key not in self.memo:
            self.memo[key] = make()
        return self.memo[key]

    # subscripts

    def _name(self, call: Call, tree: Expression) -> Name:
        if not isinstance(tree, Name):
            raise NotCompiled(f"{FUNCTIONS[call.function].vensim} of an expression")
        return tree

    def _axis(self, tree: Expression, axis: int) -> tuple[str, ...]:
        name = tree if isinstance(tree, Name) else None
        if name is None or len(name.subscripts) < -axis:
            raise NotCompiled("a function over an array of something that is no array")
        return elements(self.cells.model, name.subscripts[axis])

    def _along(self, tree: Expression, bound: Bound) -> list[Part]:
        """The cells along the last subscript."""
        along = self._axis(tree, -1)
        if len(along) > MOST_SORTED:
            raise NotCompiled(f"a sort of {len(along):,} cells (limit {MOST_SORTED})")
        return [(self._moved(tree, (element,)), bound) for element in along]

    def _moved(self, tree: Expression, last: Cell) -> Name:
        """A reference with its last subscripts replaced by elements."""
        assert isinstance(tree, Name)
        return Name(tree.name, (*tree.subscripts[: -len(last)], *last))

    def _place(self, call: Call, axis: int, bound: Bound, owner: Owner) -> int:
        """Where on an axis of the array the cell to be computed lies.

        That is the element that the subscript means there; a subscript that means none stands for the
        axis of the result in the same place from the end.
        """
        name = self._name(call, call.arguments[0])
        along = [key_of(element) for element in self._axis(name, axis)]
        try:
            return along.index(key_of(resolve(self.cells.model, (name.subscripts[axis],), bound)[0]))
        except (NotCompiled, ValueError):
            variable = self.cells.model[owner[0]]
            own = elements(self.cells.model, variable.dimensions[axis]) if variable.dimensions else ()
            if len(variable.dimensions) < -axis or len(own) != len(along):
                raise NotCompiled(
                    f"{FUNCTIONS[call.function].vensim} into an array of another size"
                ) from None
            return [key_of(element) for element in own].index(key_of(owner[1][axis]))

    # functions

    def _mapped_parts(self, name: Name, offset: Expression, bound: Bound) -> list[Part]:
        """The one cell that VECTOR ELM MAP means, where that can be told; else all cells, then the offset."""
        variable = self.cells.model[name.name]
        cells = self._cells(variable)
        ahead = self._told(offset, bound)
        if ahead is None:
            if len(cells) > MOST_SORTED:
                raise NotCompiled(f"VECTOR ELM MAP over {len(cells):,} cells (limit {MOST_SORTED})")
            return [*((Name(variable.name, cell), bound) for cell in cells), (offset, bound)]
        place = self._start(name, bound) + int(ahead)
        return [(Name(variable.name, list(cells)[place]), bound)] if 0 <= place < len(cells) else []

    def _mapped(self, graph: GraphBuilder, call: Call, bound: Bound, values: list[int]) -> int:
        """The cell so many places after one, in the order in which the last subscript runs fastest."""
        if not values:
            return graph.constant(math.nan)
        *vector, last = values
        if not vector:
            return last
        start = graph.constant(float(self._start(self._name(call, call.arguments[0]), bound)))
        return _chosen(graph, graph.operate("+", start, graph.operate("integer", last)), vector)

    def _start(self, name: Name, bound: Bound) -> int:
        variable = self.cells.model[name.name]
        cell = self.cells.named(variable, resolve(self.cells.model, name.subscripts, bound))
        return self._cells(variable)[cell]

    def _cells(self, variable: Variable) -> dict[Cell, int]:
        """The cells of a variable and the place of each."""
        key = ("cells", key_of(variable.name))
        if key not in self.memo:
            self.memo[key] = {cell: place for place, cell in enumerate(self.cells.of(variable))}
        return self.memo[key]

    def _told(self, tree: Expression, bound: Bound) -> float | None:
        """The value of an expression of numbers and places of elements, else None."""
        model = self.cells.model

        def number(name: Name) -> Expression | None:
            variable = model.variables.get(key_of(name.name))
            if variable is None or not variable.name.endswith(POSITION):
                return None
            cell = self.cells.named(variable, resolve(model, name.subscripts, bound))
            found = self.cells.of(variable)[cell].expression
            return None if isinstance(found, Table) else found

        try:
            return float(evaluate(substitute(tree, number), {}))
        except (UnknownName, NotCompiled):
            return None

    def _select(self, graph: GraphBuilder, values: list[int]) -> int:
        count = (len(values) - 3) // 2
        selectors, cells = values[:count], values[count : 2 * count]
        missing, action, fault = values[2 * count :]
        if graph.rates[action] > CONST or graph.rates[fault] > CONST:
            raise NotCompiled("VECTOR SELECT with an action that is not a plain number")
        return _selected(
            graph, selectors, cells, missing, round(graph.value_of(action)), round(graph.value_of(fault))
        )


def _total(graph: GraphBuilder, values: Sequence[int]) -> int:
    return reduce(lambda a, b: graph.operate("+", a, b), values)


def _chosen(graph: GraphBuilder, place: int, values: Sequence[int]) -> int:
    """The value at a place counted from 0; NaN where there is none."""

    def between(first: int, last: int) -> int:
        if first == last:
            here = graph.operate("=", place, graph.constant(float(first)))
            return graph.operate("if_then_else", here, values[first], graph.constant(math.nan))
        middle = (first + last + 1) // 2
        before = graph.operate("<", place, graph.constant(float(middle)))
        return graph.operate("if_then_else", before, between(first, middle - 1), between(middle, last))

    return between(0, len(values) - 1)


def _ranks(graph: GraphBuilder, values: Sequence[int], direction: int) -> list[int]:
    """For each value how many come before it: smaller ones when the direction is above 0, else larger ones.

    Of equal values the first comes first when the direction is above 0, else last.
    """
    up = graph.operate("<", graph.constant(0.0), direction)
    one, zero = graph.constant(1.0), graph.constant(0.0)

    def before(a: int, b: int) -> int:
        rising = graph.operate("<=" if a < b else "<", values[a], values[b])
        falling = graph.operate(">" if a < b else ">=", values[a], values[b])
        return graph.operate(
            "if_then_else",
            up,
            graph.operate("if_then_else", rising, one, zero),
            graph.operate("if_then_else", falling, one, zero),
        )

    count = len(values)
    return [_total(graph, [zero, *(before(j, i) for j in range(count) if j != i)]) for i in range(count)]


def _selected(
    graph: GraphBuilder, selectors: list[int], cells: list[int], missing: int, action: int, fault: int
) -> int:
    """VECTOR SELECT: something of the cells whose selector is not 0.

    Actions 0 to 5 weigh the cells by their selectors, 6 to 10 do not. Where the selectors are at fault,
    the result is NaN.
    """
    if not 0 <= action <= 10:
        raise NotCompiled(f"VECTOR SELECT with action {action}, which is not from 0 to 10")
    zero, one = graph.constant(0.0), graph.constant(1.0)
    taken = [graph.operate("<>", selector, zero) for selector in selectors]
    count = _total(graph, [graph.operate("if_then_else", on, one, zero) for on in taken])
    if action < 6:
        pairs = zip(cells, selectors, strict=True)
        cells = [graph.operate("^" if action == 5 else "*", cell, selector) for cell, selector in pairs]
    kind = {0: "+", 4: "+", 6: "+", 10: "+", 2: "min", 8: "min", 3: "max", 9: "max"}.get(action, "*")
    rest = graph.constant({"+": 0.0, "*": 1.0, "min": math.inf, "max": -math.inf}[kind])
    counted = [graph.operate("if_then_else", on, cell, rest) for on, cell in zip(taken, cells, strict=True)]
    result = reduce(lambda a, b: graph.operate(kind, a, b), counted)
    if action in (4, 10):
        result = graph.operate("/", result, count)
    none = graph.operate("=", count, zero)
    result = graph.operate("if_then_else", none, missing, result)
    wrong = {1: none, 2: graph.operate(">", count, one), 3: graph.operate("<>", count, one)}.get(fault)
    return result if wrong is None else graph.operate("if_then_else", wrong, graph.constant(math.nan), result)


def _inverse(graph: GraphBuilder, values: Sequence[int], size: int) -> list[int]:
    """The inverse of a matrix, row by row, by Gauss and Jordan's elimination.

    Row after row is exchanged with the pivot's when it has a larger number in the pivot's column, so that
    the largest ends there.
    """
    one, zero = graph.constant(1.0), graph.constant(0.0)
    rows = [
        [*values[i * size : (i + 1) * size], *(one if i == j else zero for j in range(size))]
        for i in range(size)
    ]
    for k in range(size):
        for i in range(k + 1, size):
            larger = graph.operate(">", graph.operate("abs", rows[i][k]), graph.operate("abs", rows[k][k]))
            pairs = list(zip(rows[k], rows[i], strict=True))
            rows[k] = [graph.operate("if_then_else", larger, b, a) for a, b in pairs]
            rows[i] = [graph.operate("if_then_else", larger, a, b) for a, b in pairs]
        pivot = rows[k][k]
        rows[k] = [graph.operate("/", value, pivot) for value in rows[k]]
        for i in range(size):
            if i != k:
                factor = rows[i][k]
                rows[i] = [
                    graph.operate("-", a, graph.operate("*", factor, b))
                    for a, b in zip(rows[i], rows[k], strict=True)
                ]
    return [value for row in rows for value in row[size:]]
