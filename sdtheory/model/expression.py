"""The expression tree: seven kinds of node, and the walks that everything else is made of.

A sum of thousands of terms is a left-deep tree of `Binary` nodes. Every walk here goes along that
left spine in a loop, so that only real nesting (brackets) costs recursion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdtheory.errors import ModelError, NotCompiled
from sdtheory.names import canonical


@dataclass(frozen=True, slots=True)
class Number:
    """A number; ``nan`` stands for Vensim's ``:NA:``, and equals itself, so that a model equals itself read again."""

    value: float

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Number):
            return NotImplemented
        return self.value == other.value or (self.value != self.value and other.value != other.value)

    def __hash__(self) -> int:
        return hash(self.value if self.value == self.value else None)


@dataclass(frozen=True, slots=True)
class Name:
    """A reference to a variable, or to a built-in such as ``time`` and ``time step``.

    Parameters
    ----------
    name : str
        The name as the file's declaration spells it.
    subscripts : tuple of str
        One entry for each axis: an element, a dimension, or a dimension followed by ``!``, which an
        array function such as SUM runs over.
    """

    name: str
    subscripts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unary:
    """``-x`` or ``not x``."""

    operator: str
    argument: Expression


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Binary:
    """``a op b``; op is one of ``+ - * / ^ < <= > >= = <> and or``."""

    operator: str
    left: Expression
    right: Expression

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Binary) and left_spine(self) == left_spine(other)

    def __hash__(self) -> int:
        first, rest = left_spine(self)
        return hash((first, tuple(rest)))

    def __reduce__(self):
        return chain, left_spine(self)

    def __repr__(self) -> str:
        first, rest = left_spine(self)
        return f"chain({first!r}, {rest!r})"


@dataclass(frozen=True, slots=True)
class Call:
    """A function of the table in `sdtheory.model.functions`, by its key."""

    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The points of a graphical function.

    Parameters
    ----------
    x, y : tuple of float
        Points in ascending order of x.
    kind : str
        ``"interpolate"`` (held at both ends), ``"extrapolate"`` (the end segments go on), or
        ``"hold_backward"`` (a step function: the value of the last point passed).
    """

    x: tuple[float, ...]
    y: tuple[float, ...]
    kind: str = "interpolate"


def mirrored(table: Table) -> Table:
    """The step function that, read at minus an argument, is the value of the next point of a table.

    Examples
    --------
    >>> mirrored(Table((0.0, 1.0), (5.0, 6.0)))
    Table(x=(-1.0, -0.0), y=(6.0, 5.0), kind='hold_backward')
    """
    return Table(tuple(-x for x in reversed(table.x)), tuple(reversed(table.y)), "hold_backward")


@dataclass(frozen=True, slots=True)
class Lookup:
    """A table read at an argument; the table is given in place or by the name of a lookup variable."""

    table: Table | Name
    argument: Expression


@dataclass(frozen=True, slots=True)
class Opaque:
    """A construct that is shown and kept but only run by the reference engine.

    Parameters
    ----------
    text : str
        What it is, in the words of the file, for messages.
    references : tuple of Name
        The variables that it reads, so that the causal graph stays complete.
    """

    text: str
    references: tuple[Name, ...] = ()


Expression = Number | Name | Unary | Binary | Call | Lookup | Opaque

TIME = Name("time")
TIME_STEP = Name("time step")
COMPARISONS = frozenset({"<", "<=", ">", ">=", "=", "<>"})
LOGIC = frozenset({"and", "or"})


def left_spine(node: Expression) -> tuple[Expression, list[tuple[str, Expression]]]:
    """The leftmost operand of a chain of operations and the (operator, right operand) pairs after it."""
    rest = []
    while isinstance(node, Binary):
        rest.append((node.operator, node.right))
        node = node.left
    return node, rest[::-1]


def chain(first: Expression, rest: list[tuple[str, Expression]]) -> Expression:
    """The left-to-right application of operations: the inverse of `left_spine`.

    Examples
    --------
    >>> to_text(chain(Name("a"), [("-", Name("b")), ("+", Name("c"))]))
    'a - b + c'
    """
    for operator, right in rest:
        first = Binary(operator, first, right)
    return first


def children(node: Expression) -> tuple[Expression, ...]:
    """The direct parts of a node; of a chain of operations, all its operands."""
    match node:
        case Unary():
            return (node.argument,)
        case Binary():
            first, rest = left_spine(node)
            return (first, *(right for _, right in rest))
        case Call():
            return node.arguments
        case Lookup():
            return (node.table, node.argument) if isinstance(node.table, Name) else (node.argument,)
        case Opaque():
            return node.references
    return ()


def walk(node: Expression) -> Iterator[Expression]:
    """Every node, parents before children, left to right.

    The inner nodes of one chain of operations are not visited separately.
    """
    stack = [node]
    while stack:
        top = stack.pop()
        yield top
        stack.extend(reversed(children(top)))


def references(node: Expression) -> list[Name]:
    """The names that an expression reads, each once, in order of first appearance.

    Examples
    --------
    >>> [name.name for name in references(Binary("*", Name("a"), Binary("+", Name("b"), Name("a"))))]
    ['a', 'b']
    """
    return list(dict.fromkeys(part for part in walk(node) if isinstance(part, Name)))


def rebuild(node: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """The same node with each direct part replaced by ``change(part)``."""
    match node:
        case Unary():
            return Unary(node.operator, change(node.argument))
        case Binary():
            first, rest = left_spine(node)
            return chain(change(first), [(operator, change(right)) for operator, right in rest])
        case Call():
            return Call(node.function, tuple(change(argument) for argument in node.arguments))
        case Lookup():
            table = change(node.table) if isinstance(node.table, Name) else node.table
            if not isinstance(table, Name | Table):
                raise ModelError("a lookup can only be replaced by another lookup")
            return Lookup(table, change(node.argument))
    return node


def substitute(node: Expression, replacement: Callable[[Name], Expression | None]) -> Expression:
    """The tree with names replaced; `replacement` gives None for a name that stays.

    Examples
    --------
    >>> double = substitute(Name("a"), lambda name: Binary("*", Number(2.0), name))
    >>> to_text(double)
    '2*a'
    """
    if isinstance(node, Name):
        new = replacement(node)
        return node if new is None else new
    return rebuild(node, lambda part: substitute(part, replacement))


def interpolate(table: Table, argument: Any) -> Any:
    """Read a table at a number or an array of any shape.

    Examples
    --------
    >>> interpolate(Table((0.0, 1.0), (0.0, 10.0)), [0.25, 7.0])
    array([ 2.5, 10. ])
    """
    x, y = np.asarray(table.x), np.asarray(table.y)
    argument = np.asarray(argument, dtype=float)
    if table.kind == "hold_backward":
        index = np.clip(np.searchsorted(x, argument, side="right") - 1, 0, len(x) - 1)
        return np.where(np.isnan(argument), np.nan, y[index])
    inside = np.interp(argument, x, y)
    if table.kind == "extrapolate" and len(x) > 1:
        low = y[0] + (argument - x[0]) * (y[1] - y[0]) / (x[1] - x[0])
        high = y[-1] + (argument - x[-1]) * (y[-1] - y[-2]) / (x[-1] - x[-2])
        return np.where(argument < x[0], low, np.where(argument > x[-1], high, inside))
    return inside


def evaluate(node: Expression, values: Mapping[str, Any]) -> Any:
    """The value of a scalar expression, on numbers or on arrays of any one shape.

    Parameters
    ----------
    node : Expression
        Without subscripts; functions with a state are not evaluated.
    values : mapping
        Numbers, arrays or `Table` by canonical name; ``time`` and ``time step`` among them where used.

    Raises
    ------
    UnknownName
        When a name has no value.
    NotCompiled
        For a function that has a state, runs over an array, or is random.

    Examples
    --------
    >>> evaluate(Binary("/", Name("a"), Number(4.0)), {"a": np.array([1.0, 2.0])})
    array([0.25, 0.5 ])
    """
    from sdtheory.model.functions import FUNCTIONS, OPERATORS, as_number

    match node:
        case Number():
            return node.value
        case Name():
            key = canonical(node.name)
            if key not in values or node.subscripts:
                from sdtheory.names import unknown

                raise unknown("variable", node.name, values)
            return values[key]
        case Unary():
            return OPERATORS[f"unary {node.operator}"](evaluate(node.argument, values))
        case Binary():
            first, rest = left_spine(node)
            result = evaluate(first, values)
            with np.errstate(all="ignore"):
                for operator, right in rest:
                    result = OPERATORS[operator](result, evaluate(right, values))
            return result
        case Lookup():
            table = values[canonical(node.table.name)] if isinstance(node.table, Name) else node.table
            return interpolate(table, evaluate(node.argument, values))
        case Call():
            row = FUNCTIONS[node.function]
            if row.expansion is not None:
                return evaluate(row.expansion(*node.arguments), values)
            if row.numpy is None:
                raise NotCompiled(f"{row.vensim or row.xmile} cannot be evaluated outside a run")
            with np.errstate(all="ignore"):
                return row.numpy(*(as_number(evaluate(argument, values)) for argument in node.arguments))
    raise NotCompiled(f"{node.text} is only run by the reference engine")


def to_text(node: Expression, dialect: str = "vensim", literals: Mapping[float, str] | None = None) -> str:
    """The expression as a modeller writes it in Vensim or XMILE.

    Parameters
    ----------
    node : Expression
    dialect : str
        ``"vensim"`` or ``"xmile"``; a function that it lacks is shown by the other's word.
    literals : mapping of float to str, optional
        Texts for numbers (default: the shortest that read back as the same).

    Examples
    --------
    >>> tree = Binary("/", Name("a b"), Binary("-", Number(1.0), Name("c")))
    >>> to_text(tree), to_text(tree, "xmile")
    ('a b/(1 - c)', 'a_b/(1 - c)')
    """
    from sdtheory.model.printing import Printer

    return Printer(dialect, literals or {}).text(node)
