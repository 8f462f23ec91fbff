"""The sign of a link: the sign of the partial derivative, found on the expression tree.

Two methods, in this order. The rules of differentiation with interval arithmetic keep products as they
are written. Where two occurrences of the same variable work against each other, as in ``(C - U) / C``,
the equation is brought to a quotient of polynomials, whose derivative may have one sign after all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sdtheory.model.expression import (
    COMPARISONS,
    LOGIC,
    Binary,
    Call,
    Expression,
    Lookup,
    Name,
    Number,
    Opaque,
    Table,
    Unary,
    children,
    left_spine,
    walk,
)
from sdtheory.model.functions import FUNCTIONS
from sdtheory.names import canonical

Interval = tuple[float, float]
Polynomial = dict[tuple[tuple[Expression, int], ...], float]

ANY: Interval = (-math.inf, math.inf)
LARGEST_POLYNOMIAL = 300  # terms; beyond this the second method gives up
MOST_PRODUCTS = 1000  # terms multiplied at a time; beyond it likewise
_FLIP = {"+": "-", "-": "+", "0": "0", "?": "?"}


def join(*signs: str) -> str:
    """The sign of a sum of effects with these signs.

    Examples
    --------
    >>> join("+", "0", "+"), join("+", "-"), join()
    ('+', '?', '0')
    """
    moving = {sign for sign in signs if sign != "0"}
    if not moving:
        return "0"
    return moving.pop() if len(moving) == 1 else "?"


def times(one: str, other: str) -> str:
    """The sign of a product of two factors with these signs.

    Examples
    --------
    >>> times("-", "-"), times("?", "0")
    ('+', '0')
    """
    if "0" in (one, other):
        return "0"
    if "?" in (one, other):
        return "?"
    return "+" if one == other else "-"


def interval_sign(interval: Interval) -> str:
    """``0`` for exactly zero, ``+`` for never negative, ``-`` for never positive, else ``?``."""
    low, high = interval
    if low == high == 0:
        return "0"
    return "+" if low >= 0 else "-" if high <= 0 else "?"


def _product(a: Interval, b: Interval) -> Interval:
    ends = [0.0 if 0 in (x, y) else x * y for x in a for y in b]
    return min(ends), max(ends)


def _reciprocal(a: Interval) -> Interval:
    if a[0] < 0 < a[1]:
        return ANY
    low = 1 / a[1] if a[1] != 0 else -math.inf
    high = 1 / a[0] if a[0] != 0 else math.inf
    return (low, high) if low <= high else ANY


def _power(base: Interval, exponent: Interval) -> Interval:
    if base[0] < 0:
        even = exponent[0] == exponent[1] and exponent[0] % 2 == 0
        return (0.0, math.inf) if even else ANY
    try:
        ends = [_end_power(b, e) for b in base for e in exponent]
    except OverflowError:
        return (0.0, math.inf)
    return (0.0, math.inf) if any(math.isnan(end) for end in ends) else (min(ends), max(ends))


def _end_power(base: float, exponent: float) -> float:
    if base == 0 and exponent < 0:
        return math.inf
    return base**exponent


def _monotone(form, interval: Interval) -> Interval:
    def end(x: float) -> float:
        try:
            return form(x)
        except OverflowError:
            return math.inf if x > 0 else -math.inf
        except ValueError:
            return -math.inf

    return end(interval[0]), end(interval[1])


_SHAPES: dict[str, Any] = {
    "exp": lambda a: (0.0 if a[0] == -math.inf else _monotone(math.exp, a)[0], _monotone(math.exp, a)[1]),
    "ln": lambda a: _monotone(math.log, (max(a[0], 0.0), a[1])),
    "sqrt": lambda a: _monotone(math.sqrt, (max(a[0], 0.0), max(a[1], 0.0))),
    "abs": lambda a: (0.0 if a[0] <= 0 <= a[1] else min(map(abs, a)), max(map(abs, a))),
    "sin": lambda a: (-1.0, 1.0),
    "cos": lambda a: (-1.0, 1.0),
    "arctan": lambda a: (-math.pi / 2, math.pi / 2),
    "tanh": lambda a: _monotone(math.tanh, a),
    "cosh": lambda a: (1.0, math.inf),
    "integer": lambda a: tuple(float(math.trunc(x)) if math.isfinite(x) else x for x in a),
    "random_0_1": lambda: (0.0, 1.0),
}
# by function, the arguments that its value comes from: the source, and the initial value
_PASSED_ON = {
    "smooth": (0, 2),
    "delay": (0, 2),
    "delay_n": (0, 2),
    "delay_fixed": (0, 2),
    "initial": (0,),
    "sum": (0,),
    "vmin": (0,),
    "vmax": (0,),
    "sample_if_true": (1, 2),
}


def interval(node: Expression, known: Mapping[str, Interval]) -> Interval:
    """Bounds of an expression's value, given those of variables by canonical name.

    Examples
    --------
    >>> interval(Binary("-", Number(1.0), Name("share")), {"share": (0.0, 1.0)})
    (0.0, 1.0)
    """
    match node:
        case Number():
            return (node.value, node.value) if not math.isnan(node.value) else ANY
        case Name():
            return known.get(canonical(node.name), ANY)
        case Unary():
            low, high = interval(node.argument, known)
            return (-high, -low) if node.operator == "-" else (0.0, 1.0)
        case Binary():
            first, rest = left_spine(node)
            result = interval(first, known)
            for operator, right in rest:
                result = _combine(operator, result, interval(right, known))
            return result
        case Lookup():
            table = node.table
            return (
                (min(table.y), max(table.y))
                if isinstance(table, Table) and table.kind != "extrapolate"
                else ANY
            )
        case Call():
            return _call_interval(node, known)
    return ANY


def _combine(operator: str, a: Interval, b: Interval) -> Interval:
    if operator in COMPARISONS or operator in LOGIC:
        return (0.0, 1.0)
    if operator == "+":
        result = (a[0] + b[0], a[1] + b[1])
    elif operator == "-":
        result = (a[0] - b[1], a[1] - b[0])
    elif operator == "*":
        result = _product(a, b)
    elif operator == "/":
        result = _product(a, _reciprocal(b))
    else:
        result = _power(a, b)
    return ANY if any(math.isnan(end) for end in result) else result


def _call_interval(node: Call, known: Mapping[str, Interval]) -> Interval:
    row = FUNCTIONS[node.function]
    if row.expansion is not None:
        return interval(row.expansion(*node.arguments), known)
    parts = [interval(argument, known) for argument in node.arguments]
    if node.function in _SHAPES:
        return _SHAPES[node.function](*parts)
    if node.function == "min":
        return min(parts[0][0], parts[1][0]), min(parts[0][1], parts[1][1])
    if node.function == "max":
        return max(parts[0][0], parts[1][0]), max(parts[0][1], parts[1][1])
    if node.function == "if_then_else":
        return min(parts[1][0], parts[2][0]), max(parts[1][1], parts[2][1])
    if node.function in _PASSED_ON and parts:
        # what is stored or summed keeps the sign of what goes in and of where it starts, though not its size
        passed = join(*(interval_sign(parts[place]) for place in _PASSED_ON[node.function]))
        return {"0": (0.0, 0.0), "+": (0.0, math.inf), "-": (-math.inf, 0.0), "?": ANY}[passed]
    if node.function == "prod" and interval_sign(parts[0]) == "+":
        return (0.0, math.inf)
    return ANY


def depends(node: Expression, key: str) -> bool:
    """Whether the expression reads the variable with this canonical name."""
    return any(isinstance(part, Name) and canonical(part.name) == key for part in walk(node))


def sign(node: Expression, variable: str, known: Mapping[str, Interval]) -> str:
    """The sign of the partial derivative with respect to a variable.

    Parameters
    ----------
    node : Expression
    variable : str
        Any spelling.
    known : mapping of str to (float, float)
        Bounds of variables by canonical name; a missing one may be anything.

    Returns
    -------
    str
        ``+``, ``-``, ``0`` (no effect), or ``?`` (both signs occur, or it cannot be told).

    Examples
    --------
    >>> share = Binary("/", Binary("-", Name("c"), Name("u")), Name("c"))
    >>> sign(share, "c", {"c": (0.0, math.inf), "u": (0.0, math.inf)})
    '+'
    """
    key = canonical(variable)
    if not depends(node, key):
        return "0"
    found = _by_rules(node, key, known)
    return _by_polynomials(node, key, known) if found == "?" else found


def _by_rules(node: Expression, key: str, known: Mapping[str, Interval]) -> str:
    match node:
        case Name():
            return "+" if canonical(node.name) == key else "0"
        case Unary():
            return _FLIP[sign(node.argument, key, known)]
        case Binary():
            first, rest = left_spine(node)
            result, bounds = sign(first, key, known), interval(first, known)
            for operator, right in rest:
                other = interval(right, known)
                result = _binary_sign(operator, result, sign(right, key, known), bounds, other)
                bounds = _combine(operator, bounds, other)
            return result
        case Lookup():
            return _lookup_sign(node, key, known)
        case Call():
            return _call_sign(node, key, known)
        case Opaque():
            return "?"
    return "0"


def _binary_sign(operator: str, left: str, right: str, a: Interval, b: Interval) -> str:
    if operator in ("+", "and", "or"):
        return join(left, right)
    if operator in ("-", ">", ">="):
        return join(left, _FLIP[right])
    if operator in ("<", "<="):
        return join(_FLIP[left], right)
    if operator == "*":
        return join(times(left, interval_sign(b)), times(right, interval_sign(a)))
    if operator == "/":
        return join(times(left, interval_sign(b)), times(_FLIP[right], interval_sign(a)))
    if operator == "^":
        grows = "?"
        if (b[0] == b[1] and (a[0] >= 0 or b[0] % 2 == 1)) or a[0] >= 0:
            grows = interval_sign(b)
        logarithm = "+" if a[0] >= 1 else "-" if a[0] >= 0 and a[1] <= 1 else "?"
        return join(times(left, grows), times(right, logarithm))
    return "0" if left == right == "0" else "?"


def _lookup_sign(node: Lookup, key: str, known: Mapping[str, Interval]) -> str:
    inner = sign(node.argument, key, known)
    if not isinstance(node.table, Table):
        return "0" if inner == "0" else "?"
    low, high = interval(node.argument, known)
    x, y = node.table.x, node.table.y
    slopes = [
        y[i + 1] - y[i]
        for i in range(len(x) - 1)
        if (x[i + 1] > low and x[i] < high) or (node.table.kind == "extrapolate" and i in (0, len(x) - 2))
    ]
    slope = join(*("+" if step > 0 else "-" if step < 0 else "0" for step in slopes))
    return times(inner, slope)


def _call_sign(node: Call, key: str, known: Mapping[str, Interval]) -> str:
    row = FUNCTIONS[node.function]
    if node.function in ("zidz", "xidz"):
        # as the quotient; crossing the zero of the divisor is no effect of its own
        quotient = Binary("/", *node.arguments[:2])
        return join(*(sign(part, key, known) for part in (quotient, *node.arguments[2:])))
    if row.expansion is not None:
        return sign(row.expansion(*node.arguments), key, known)
    inner = [sign(argument, key, known) for argument in node.arguments]
    if node.function in ("abs", "cosh"):
        return times(inner[0], interval_sign(interval(node.arguments[0], known)))
    if node.function == "if_then_else":
        condition, then, otherwise = node.arguments
        gain = interval_sign(interval(Binary("-", then, otherwise), known))
        return join(times(_truth_sign(condition, inner[0], known), gain), inner[1], inner[2])
    signs = row.signs.ljust(len(inner), "?")
    return join(*(times(one, of) for one, of in zip(inner, signs, strict=False)))


def _truth_sign(condition: Expression, own: str, known: Mapping[str, Interval]) -> str:
    """The sign of a change on whether a condition holds; a number holds when it is not zero."""
    low, high = interval(condition, known)
    return own if low >= 0 else _FLIP[own] if high <= 0 else "?" if own != "0" else "0"


# the second method: quotients of polynomials over atoms (names and whatever is no polynomial)


def _by_polynomials(node: Expression, key: str, known: Mapping[str, Interval]) -> str:
    fraction = _fraction(node)
    if fraction is None:
        return "?"
    top, bottom = fraction
    atoms = {atom for part in (top, bottom) for term in part for atom, _ in term}
    effects = []
    for atom in atoms:
        if isinstance(atom, Name):
            inner = "+" if canonical(atom.name) == key else "0"
        else:
            inner = _by_rules(atom, key, known) if depends(atom, key) else "0"
        if inner == "0":
            continue
        slope = _minus(_multiply(_derivative(top, atom), bottom), _multiply(top, _derivative(bottom, atom)))
        effects.append(times(inner, _polynomial_sign(slope, known)))
    return join(*effects)


def _fraction(node: Expression) -> tuple[Polynomial, Polynomial] | None:
    one: Polynomial = {(): 1.0}
    match node:
        case Number():
            return ({(): node.value} if node.value else {}), one
        case Unary(operator="-"):
            inner = _fraction(node.argument)
            return inner and (_minus({}, inner[0]), inner[1])
        case Binary() if node.operator in "+-*/^":
            first, rest = left_spine(node)
            result = _fraction(first)
            for operator, right in rest:
                other = _fraction(right)
                if result is None or other is None:
                    return None
                result = _operate(operator, result, other, node)
            return result
        case Call() if FUNCTIONS[node.function].expansion is not None and len(children(node)):
            return _fraction(FUNCTIONS[node.function].expansion(*node.arguments))  # type: ignore[misc]
    return {((node, 1),): 1.0}, one


def _operate(operator, a, b, node) -> tuple[Polynomial, Polynomial] | None:
    (p, q), (r, s) = a, b
    if max(len(p), len(q)) * max(len(r), len(s)) > MOST_PRODUCTS:
        return None
    if operator == "^":
        exponent = r.get((), 0.0) if set(r) <= {()} and s == {(): 1.0} else math.nan
        if exponent not in (1.0, 2.0, 3.0):
            return {((node, 1),): 1.0}, {(): 1.0}
        top, bottom = p, q
        for _ in range(int(exponent) - 1):
            if max(len(top), len(bottom)) > LARGEST_POLYNOMIAL:
                return None
            top, bottom = _multiply(top, p), _multiply(bottom, q)
    elif operator == "*":
        top, bottom = _multiply(p, r), _multiply(q, s)
    elif operator == "/":
        top, bottom = _multiply(p, s), _multiply(q, r)
    elif q == s:
        top, bottom = (_plus(p, r) if operator == "+" else _minus(p, r)), q
    else:
        left, right = _multiply(p, s), _multiply(r, q)
        top, bottom = (_plus(left, right) if operator == "+" else _minus(left, right)), _multiply(q, s)
    return None if max(len(top), len(bottom)) > LARGEST_POLYNOMIAL else (top, bottom)


def _plus(a: Polynomial, b: Polynomial, factor: float = 1.0) -> Polynomial:
    result = dict(a)
    for term, coefficient in b.items():
        result[term] = result.get(term, 0.0) + factor * coefficient
    return {term: value for term, value in result.items() if value != 0}


def _minus(a: Polynomial, b: Polynomial) -> Polynomial:
    return _plus(a, b, -1.0)


def _multiply(a: Polynomial, b: Polynomial) -> Polynomial:
    result: Polynomial = {}
    for one, x in a.items():
        for other, y in b.items():
            powers = dict(one)
            for atom, power in other:
                powers[atom] = powers.get(atom, 0) + power
            term = tuple(sorted(powers.items(), key=lambda item: repr(item[0])))
            result[term] = result.get(term, 0.0) + x * y
    return {term: value for term, value in result.items() if value != 0}


def _derivative(polynomial: Polynomial, atom: Expression) -> Polynomial:
    result: Polynomial = {}
    for term, coefficient in polynomial.items():
        power = dict(term).get(atom, 0)
        if power:
            rest = tuple((a, p - (a == atom)) for a, p in term if p - (a == atom) > 0)
            result[rest] = result.get(rest, 0.0) + coefficient * power
    return result


def _polynomial_sign(polynomial: Polynomial, known: Mapping[str, Interval]) -> str:
    total: Interval = (0.0, 0.0)
    signs = []
    for term, coefficient in polynomial.items():
        bounds: Interval = (coefficient, coefficient)
        for atom, power in term:
            bounds = _product(bounds, _power(interval(atom, known), (float(power), float(power))))
        signs.append(interval_sign(bounds))
        total = _combine("+", total, bounds)
    found = join(*signs)
    return interval_sign(total) if found == "?" else found
