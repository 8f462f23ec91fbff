"""LLVM instructions that read a table at many places at once, in numpy's order of operations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sdtheory.engines.vector_code import Code, Value, constant, integer
from sdtheory.model.expression import Table

MOST_COMPARED = 32  # points up to which comparing with each is quicker than searching by halves
ROUNDS = 1.5 * 2**52  # added to a small number it leaves the nearest integer in the lowest bits
PERMUTED = 8  # elements of a vector whose lanes can be picked by index

# The rows of a table, where its last one begins, and the argument, to the value.
INTERPOLATED = """\
define internal double @interpolated(ptr %rows, i64 %end, double %at) {
entry:
  %first = load double, ptr %rows
  %last = getelementptr double, ptr %rows, i64 %end
  %greatest = load double, ptr %last
  %below = fcmp olt double %at, %first
  %raised = select i1 %below, double %first, double %at
  %above = fcmp ogt double %raised, %greatest
  %held = select i1 %above, double %greatest, double %raised
  br label %look
look:
  %row = phi ptr [ %rows, %entry ], [ %next, %passed ]
  %is_last = icmp eq ptr %row, %last
  br i1 %is_last, label %found, label %compare
compare:
  %next = getelementptr double, ptr %row, i64 3
  %point = load double, ptr %next
  %beyond = fcmp oge double %held, %point
  br i1 %beyond, label %passed, label %found
passed:
  br label %look
found:
  %value_at = getelementptr double, ptr %row, i64 1
  %slope_at = getelementptr double, ptr %row, i64 2
  %left = load double, ptr %row
  %value = load double, ptr %value_at
  %slope = load double, ptr %slope_at
  %away = fsub double %held, %left
  %rise = fmul double %slope, %away
  %result = fadd double %rise, %value
  ret double %result
}"""


def read_table(code: Code, name: str, table: Table, argument: Value) -> Value:
    """The value of a table at an argument.

    Parameters
    ----------
    code : Code
    name : str
        Under which the table's numbers are kept among the code's globals.
    table : Table
    argument : Value
        A number.

    Returns
    -------
    Value
        What `sdtheory.model.expression.interpolate` gives, to the last bit.
    """
    x = np.asarray(table.x, dtype=float)
    y = np.asarray(table.y, dtype=float)
    at = code.widened(argument)
    if table.kind == "hold_backward":
        index = _place(code, name, x, at)
        (value,) = _picked(code, name, {"y": y}, index)
        return code.choice(code.compare("uno", at, at), at, value)
    if len(x) == 1:
        return constant(y[0])
    below = code.compare("olt", at, constant(x[0]))
    held = code.choice(below, constant(x[0]), at)
    held = code.choice(code.compare("ogt", held, constant(x[-1])), constant(x[-1]), held)
    index = _near(code, x, held) if _is_even(code, x) else _place(code, name, x, held)
    left, value, slope = _picked(code, name, {"x": x, "y": y, "slope": _slopes(x, y)}, index)
    rise = code.binary("fmul", slope, code.binary("fsub", held, left))
    inside = code.binary("fadd", rise, value)
    if x[0] == x[1]:
        inside = code.choice(below, constant(y[0]), inside)
    if table.kind != "extrapolate":
        return inside
    above = code.compare("ogt", at, constant(x[-1]))
    return code.choice(code.binary("or", below, above), _beyond(code, x, y, at, below), inside)


def rows_of(table: Table) -> list[float] | None:
    """The points of a table as `read_rows` takes them: x, y and slope of each; None for a table it cannot read.

    Examples
    --------
    >>> rows_of(Table((0.0, 2.0), (1.0, 5.0)))
    [0.0, 1.0, 2.0, 2.0, 5.0, 0.0]
    """
    x, y = np.asarray(table.x, dtype=float), np.asarray(table.y, dtype=float)
    if table.kind != "interpolate" or len(x) < 2 or x[0] == x[1]:
        return None
    return np.stack([x, y, _slopes(x, y)], axis=1).ravel().tolist()


def read_rows(code: Code, rows: str, points: int, argument: Value) -> Value:
    """The value of a table at an argument of the only run: what `read_table` gives, in fewer instructions.

    Parameters
    ----------
    code : Code
        Of one run.
    rows : str
        The place of what `rows_of` gives.
    points : int
    argument : Value
        A number.
    """
    code.declarations[INTERPOLATED] = None
    given = f"ptr {rows}, i64 {3 * (points - 1)}, {code.typed(argument)}"
    return Value(code.put(f"call double @interpolated({given})"), "double", True)


def _slopes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The slope after each point; 0 after the last and between points with the same x, where none is read."""
    rise, run = np.diff(y), np.diff(x)
    with np.errstate(all="ignore"):
        return np.append(np.where(run == 0, 0.0, rise / np.where(run == 0, 1.0, run)), 0.0)


def _beyond(code: Code, x: np.ndarray, y: np.ndarray, at: Value, below: Value) -> Value:
    """The end segments, gone on."""

    def either(low: float, high: float) -> Value:
        return code.choice(below, constant(low), constant(high))

    away = code.binary("fsub", at, either(x[0], x[-1]))
    rise = code.binary("fmul", away, either(y[1] - y[0], y[-1] - y[-2]))
    return code.binary(
        "fadd", either(y[0], y[-1]), code.binary("fdiv", rise, either(x[1] - x[0], x[-1] - x[-2]))
    )


def _place(code: Code, name: str, x: np.ndarray, at: Value) -> Value:
    """The number of the last point not beyond the argument; 0 before the first and for NaN."""
    index = code.widened(integer(0))
    if code.permutes and len(x) <= 2 * PERMUTED:
        return _halved(code, x, at)
    if len(x) <= MOST_COMPARED:
        for point in x[1:]:
            passed = code.compare("oge", at, constant(point))
            index = code.choice(passed, code.binary("add", index, integer(1)), index)
        return index
    stride = 1 << (len(x) - 1).bit_length()
    padded = np.append(x, np.full(stride - len(x), np.inf))
    last = code.widened(integer(len(x) - 1))
    while stride > 1:
        stride //= 2
        further = code.binary("add", index, integer(stride))
        (point,) = _loaded(code, f"{name}_places", [padded], further)
        index = code.choice(code.compare("oge", at, point), further, index)
    return code.choice(code.order("ugt", index, last), last, index)


def _halved(code: Code, x: np.ndarray, at: Value) -> Value:
    """`_place` by halves, the points in processor vectors."""
    stride = 1 << (len(x) - 1).bit_length()
    padded = np.append(x, np.full(stride - len(x), np.nan))  # which nothing passes, not even infinity
    index = code.widened(integer(0))
    while stride > 1:
        stride //= 2
        further = code.binary("add", index, integer(stride))
        passed = code.compare("oge", at, _permuted(code, padded, further))
        index = code.choice(passed, further, index)
    return index


def _is_even(code: Code, x: np.ndarray) -> bool:
    """Whether `_near` may be used: points so even that the nearest one can be computed."""
    if not code.permutes or not 2 < len(x) <= 2 * PERMUTED:
        return False
    gap = (x[-1] - x[0]) / (len(x) - 1)
    return bool(
        gap > 0 and np.isfinite(1 / gap) and (abs(x - x[0] - gap * np.arange(len(x))) < gap / 8).all()
    )


def _near(code: Code, x: np.ndarray, at: Value) -> Value:
    """`_place` for even points and an argument among them: the nearest point, or the one before it."""
    gaps = code.binary(
        "fmul", code.binary("fsub", at, constant(x[0])), constant((len(x) - 1) / (x[-1] - x[0]))
    )
    rounded = code.binary("fadd", gaps, constant(ROUNDS))
    index = Value(code.put(f"bitcast {code.typed(rounded)} to {code.type_of('i64', True)}"), "i64", True)
    before = code.compare("olt", at, _permuted(code, x, index))
    return code.choice(before, code.binary("sub", index, integer(1)), index)


def _picked(code: Code, name: str, columns: dict[str, np.ndarray], index: Value) -> list[Value]:
    """The elements of columns of numbers at an index of each run's own."""
    length = len(next(iter(columns.values())))
    if length == 1:
        return [code.widened(constant(column[0])) for column in columns.values()]
    if code.permutes and length <= 2 * PERMUTED:
        return [_permuted(code, column, index) for column in columns.values()]
    return _loaded(code, name, list(columns.values()), index)


def _permuted(code: Code, column: np.ndarray, index: Value) -> Value:
    kind, places = f"<{PERMUTED} x double>", f"<{PERMUTED} x i64>"
    padded = np.append(column, np.zeros(2 * PERMUTED - len(column)))
    low, high = (_vector(part) for part in (padded[:PERMUTED], padded[PERMUTED:]))
    pieces = []
    for first in range(0, code.lanes, PERMUTED):
        own = code.piece(index, first, PERMUTED)
        if len(column) <= PERMUTED:
            function = code.declare(kind, "llvm.x86.avx512.permvar.df.512", kind, places)
            pieces.append(code.put(f"call {kind} {function}({kind} {low}, {places} {own})"))
        else:
            function = code.declare(kind, "llvm.x86.avx512.vpermi2var.pd.512", kind, places, kind)
            pieces.append(code.put(f"call {kind} {function}({kind} {low}, {places} {own}, {kind} {high})"))
    return Value(code.joined("double", pieces, PERMUTED), "double", True)


def _loaded(code: Code, name: str, columns: Sequence[np.ndarray], index: Value) -> list[Value]:
    """Elements by single loads; the columns lie side by side, so that a run reads one place in memory."""
    rows = np.stack(columns, axis=1)
    kind = f"[{rows.size} x double]"
    code.globals[f"@{name}"] = f"private constant {kind} [{_elements(rows.ravel())}], align 64"
    results: list[list[str]] = [[] for _ in columns]
    for lane in range(code.lanes):
        row = code.put(f"mul i64 {code.element(index, lane)}, {len(columns)}")
        start = code.put(f"getelementptr double, ptr @{name}, i64 {row}")
        for column, elements in enumerate(results):
            elements.append(
                code.load(code.put(f"getelementptr double, ptr {start}, i64 {column}"), wide=False).text
            )
    return [code.gathered(elements) for elements in results]


def _elements(numbers: np.ndarray) -> str:
    return ", ".join(f"double {constant(float(number)).text}" for number in numbers)


def _vector(numbers: np.ndarray) -> str:
    return f"<{_elements(numbers)}>"
