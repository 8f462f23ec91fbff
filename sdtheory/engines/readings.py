"""Ways of reading a lookup other than between its points."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

from sdtheory.errors import NotCompiled
from sdtheory.model.expression import Binary, Expression, Lookup, Number, Table, Unary, mirrored


def read_specially(function: str, table: Table, arguments: Sequence[Expression]) -> Expression:
    """The tree of a call of ``lookup_extrapolate`` and its like.

    Parameters
    ----------
    function : str
        Key of the function table.
    table : Table
    arguments : sequence of Expression
        After the lookup.

    Raises
    ------
    NotCompiled
        For the inverse of a table that is not monotonic.

    Examples
    --------
    >>> from sdtheory.model.expression import evaluate
    >>> square = Table((0.0, 1.0, 2.0), (0.0, 1.0, 4.0))
    >>> words = ("extrapolate", "forward", "backward", "invert")
    >>> [float(evaluate(read_specially(f"lookup_{word}", square, [Number(1.5)]), {})) for word in words]
    [2.5, 4.0, 1.0, 1.1666666666666667]
    >>> float(evaluate(read_specially("lookup_area", square, [Number(0.0), Number(3.0)]), {}))
    7.0
    """
    x, y = table.x, table.y
    first = arguments[0]
    if function == "lookup_extrapolate":
        return Lookup(Table(x, y, "extrapolate"), first)
    if function == "lookup_backward":
        return Lookup(Table(x, y, "hold_backward"), first)
    if function == "lookup_forward":
        return Lookup(mirrored(table), Unary("-", first))
    if function == "lookup_invert":
        points = sorted(zip(y, x, strict=True))
        rising = all(a[0] < b[0] for a, b in pairwise(points))
        if not rising or list(y) not in ([one for one, _ in points], [one for one, _ in reversed(points)]):
            raise NotCompiled("LOOKUP INVERT of a lookup that is not monotonic")
        return Lookup(Table(tuple(a for a, _ in points), tuple(b for _, b in points)), first)
    low, high = arguments
    return Binary("-", _area(table, high), _area(table, low))


def _area(table: Table, x: Expression) -> Expression:
    """The area under a table from its first point: that of the whole segments, and that of the last trapezium."""
    pieces = zip(table.x, table.x[1:], table.y, table.y[1:], strict=False)
    whole = (0.0, *accumulate((b - a) * (c + d) / 2 for a, b, c, d in pieces))

    def passed(values: Sequence[float]) -> Expression:
        return Lookup(Table(table.x, tuple(values), "hold_backward"), x)

    height = Binary("+", passed(table.y), Lookup(Table(table.x, table.y), x))
    width = Binary("-", x, passed(table.x))
    return Binary("+", passed(whole), Binary("/", Binary("*", width, height), Number(2.0)))
