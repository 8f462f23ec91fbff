"""The units of an expression, and the smallest part of it that is at fault."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import zip_longest

from sdtheory.errors import Issue, ModelError, shown
from sdtheory.model.expression import (
    COMPARISONS,
    Binary,
    Call,
    Expression,
    Lookup,
    Name,
    Number,
    Opaque,
    Table,
    Unary,
    evaluate,
    left_spine,
    to_text,
    walk,
)
from sdtheory.model.functions import FUNCTIONS, Function
from sdtheory.model.model import CONTROLS, Data, Equation, Model, Stock, Variable
from sdtheory.model.model import Lookup as LookupVariable
from sdtheory.model.units import DIMENSIONLESS, LITERAL, Unit, UnitReader, exponent_of, parse_units
from sdtheory.names import canonical

_OF_TIME = frozenset({"time", *map(canonical, CONTROLS)})
_SUMS, _PRODUCTS = frozenset("+-"), frozenset("*/")
# a part of an expression and its units, None when they are not known
Measured = tuple[Expression, Unit | None]


class _Clash(Exception):
    """The smallest part of an equation at fault; `literal` when it is only a number without a name."""

    def __init__(self, message: str, literal: bool):
        super().__init__(message)
        self.literal = literal


def unit_issues(model: Model) -> list[Issue]:
    """One finding for each equation whose units do not fit, at its root cause.

    Units that a file leaves open fit everything, and nothing is concluded about them. A plain number other
    than 0 in a sum or a comparison of quantities with units is a warning, two units that differ are an error.

    Parameters
    ----------
    model : Model

    Returns
    -------
    list of Issue
        In file order; codes ``units`` and ``unit-syntax``.

    Examples
    --------
    >>> from sdtheory.model.model import Auxiliary, Constant
    >>> people = Constant("people", (Equation(Number(9.0)),), units="Person")
    >>> age = Constant("age", (Equation(Number(40.0)),), units="Year")
    >>> both = Auxiliary("both", (Equation(Binary("+", Name("people"), Name("age"))),), units="Person")
    >>> [issue.message for issue in unit_issues(Model("m", {v.name: v for v in (people, age, both)}))]
    ["units: in the equation of 'both', 'age' is Year, but Person is wanted"]
    """
    return _Units(model).issues()


def balancing_units(model: Model, name: str) -> str | None:
    """The units that a variable would need for its first equation to balance; None when they are not known.

    Examples
    --------
    >>> from sdtheory.model.model import Auxiliary, Constant
    >>> way = Constant("way", (Equation(Number(9.0)),), units="Mile")
    >>> time = Constant("span", (Equation(Number(3.0)),), units="Hour")
    >>> pace = Auxiliary("pace", (Equation(Binary("/", Name("way"), Name("span"))),), units="Mile")
    >>> balancing_units(Model("m", {v.name: v for v in (way, time, pace)}), "pace")
    'Mile/Hour'
    """
    units = _Units(model)
    variable = model[name]
    tree = variable.equations[0].expression
    if isinstance(tree, Table):
        return None
    try:
        given = units.units(tree)
    except _Clash:
        return None
    if isinstance(variable, Stock):
        given = None if given is None or units.time is None else given * units.time
    return None if given is None or given.literal else units.reader.text(given)


class _Units:
    def __init__(self, model: Model):
        self.model = model
        self.reader = UnitReader(model.unit_definitions)
        self.found: list[Issue] = []
        self.where = ""  # how a finding about a part of the equation at hand begins
        self.time = self._read_time(model.settings.time_units)
        self.declared = {
            key: None if variable.owner else self._declared(variable)
            for key, variable in model.variables.items()
        }

    def issues(self) -> list[Issue]:
        for key, variable in self.model.variables.items():
            if variable.owner or isinstance(variable, LookupVariable | Data):
                continue
            seen: set[str] = set()
            for equation in variable.equations:
                try:
                    self._check(variable, self.declared[key], equation)
                except _Clash as clash:
                    if str(clash) not in seen:
                        self._note(variable, "warning" if clash.literal else "error", "units", str(clash))
                    seen.add(str(clash))
        places = {variable.name: place for place, variable in enumerate(self.model)}
        return sorted(self.found, key=lambda issue: places.get(issue.variable or "", -1))

    def _note(self, variable: Variable, severity: str, code: str, message: str) -> None:
        message = f"units: {message}"
        self.found.append(Issue(severity, code, message, variable.name, variable.line, variable.column))

    def _declared(self, variable: Variable) -> Unit | None:
        try:
            return self.reader.read(variable.units)
        except ModelError as error:
            message = f"'{shown(variable.name)}' has the units '{shown(variable.units)}': {error.message}"
            self._note(variable, "warning", "unit-syntax", message)
            return None

    def _read_time(self, text: str) -> Unit | None:
        try:
            return self.reader.read(text)
        except ModelError as error:
            message = f"units: the time units are '{shown(text)}': {error.message}"
            self.found.append(Issue("warning", "unit-syntax", message))
            return None

    # equations

    def _check(self, variable: Variable, declared: Unit | None, equation: Equation) -> None:
        tree = equation.expression
        if isinstance(tree, Table):
            return
        name = f"'{shown(variable.name)}'"
        self.where = f"in the equation of {name}, "
        if isinstance(variable, Stock):
            wanted = None if declared is None or self.time is None else declared / self.time
            rate = self.units(tree, wanted)
            if not _fits(rate, wanted):
                text = f"{name} is {variable.units}, so its rate must be {self._text(wanted)}, but it is "
                raise _Clash(text + self._text(rate), False)
            initial = None if equation.initial is None else self.units(equation.initial, declared)
            if not _fits(initial, declared):
                raise _Clash(
                    f"{name} is {variable.units} but its initial value is {self._text(initial)}", False
                )
            return
        wanted = self.time if canonical(variable.name) in _OF_TIME and self.time is not None else declared
        if not _fits(declared, wanted):
            raise _Clash(
                f"{name} is {variable.units}, but the model's time is in {self._text(wanted)}", False
            )
        given = self.units(tree, declared)
        if not _fits(given, declared):
            raise _Clash(f"{name} is {variable.units} but its equation gives {self._text(given)}", False)

    def _text(self, unit: Unit | None) -> str:
        return "unknown" if unit is None else shown(self.reader.text(unit))

    # expressions

    def units(self, node: Expression, wanted: Unit | None = None) -> Unit | None:
        """The units of an expression; `wanted` decides which of two that differ is at fault."""
        match node:
            case Number():
                return None if node.value == 0 or math.isnan(node.value) else LITERAL
            case Name():
                key = canonical(node.name)
                return self.time if key in _OF_TIME else self.declared.get(key)
            case Unary():
                inside = self.units(node.argument, wanted if node.operator == "-" else None)
                return inside if node.operator == "-" else DIMENSIONLESS
            case Binary():
                return self._operation(node, wanted)
            case Lookup():
                self.units(node.argument)
                return self.units(node.table) if isinstance(node.table, Name) else None
            case Call():
                return self._call(node, FUNCTIONS[node.function], wanted)
            case Opaque():
                return None

    def _operation(self, node: Binary, wanted: Unit | None) -> Unit | None:
        if node.operator in _SUMS:
            terms = [(term, self.units(term, wanted)) for _, term in _along(node, _SUMS)]
            return self._alike(terms, wanted)
        if node.operator in _PRODUCTS:
            return self._product(node)
        if node.operator == "^":
            return self._power(node.left, node.right)
        if node.operator in COMPARISONS:
            sides = [(side, self.units(side)) for side in (node.left, node.right)]
            return LITERAL if self._alike(sides, None) is LITERAL else DIMENSIONLESS
        first, rest = left_spine(node)
        for part in (first, *(right for _, right in rest)):
            self.units(part)
        return DIMENSIONLESS

    def _product(self, node: Binary) -> Unit | None:
        result: Unit | None = LITERAL
        for operator, factor in _along(node, _PRODUCTS):
            unit = self.units(factor)
            if result is not None and unit is not None:
                unit = result / unit if operator == "/" else result * unit
            result = None if result is None else unit
        return result

    def _power(self, base: Expression, exponent: Expression) -> Unit | None:
        below, above = self.units(base), self.units(exponent)
        if above is not None and above.powers:
            raise self._clash(exponent, above, DIMENSIONLESS)
        if below is None or (below is LITERAL and above is LITERAL):
            return below
        if not below.powers:
            return DIMENSIONLESS
        value = _plain(exponent)
        if value is None:
            if above is None:
                return None
            text = (
                f"{self.where}'{_shown(base)}' is {self._text(below)}, but a power that is not a plain number"
            )
            raise _Clash(text + " wants Dmnl", False)
        return below ** exponent_of(value)

    def _alike(self, parts: Sequence[Measured], wanted: Unit | None) -> Unit | None:
        """The one unit of several parts; that of the first, or the one wanted when a part has it."""
        known = [unit for _, unit in parts if unit is not None and unit is not LITERAL]
        if not known:
            return LITERAL if all(unit is LITERAL for _, unit in parts) else None
        reference = wanted if wanted is not None and any(_fits(unit, wanted) for unit in known) else known[0]
        for node, unit in parts:
            if unit is LITERAL and reference.powers:
                raise self._clash(node, unit, reference)
            if not _fits(unit, reference):
                raise self._clash(node, unit, reference)
        return reference

    def _clash(self, node: Expression, unit: Unit | None, wanted: Unit, more: str = "") -> _Clash:
        if unit is LITERAL:
            text = f"{self.where}the number {_shown(node)} stands where {self._text(wanted)} is wanted{more}"
            return _Clash(f"{text}; make it a constant with units", True)
        text = f"{self.where}'{_shown(node)}' is {self._text(unit)}, but {self._text(wanted)} is wanted{more}"
        return _Clash(text, False)

    # functions

    def _call(self, node: Call, row: Function, wanted: Unit | None) -> Unit | None:
        if row.units == "^":
            return self._power(*node.arguments)
        patterns, value = _rule(row.units)
        hint = wanted if value == _ONE_LETTER else None
        measured = [
            (pattern, part, self.units(part, hint if pattern == _ONE_LETTER else None))
            for pattern, part in zip_longest(patterns[: len(node.arguments)], node.arguments)
        ]
        if measured and all(unit is LITERAL for _, _, unit in measured):
            return LITERAL
        letters: dict[str, Unit | None] = {"t": self.time}
        alone: dict[str, list[Measured]] = {}
        for pattern, part, unit in measured:
            letter = _letter(pattern)
            if letter and not (letter == "t" and unit is LITERAL):
                alone.setdefault(letter, []).append((part, unit))
        for letter, parts in alone.items():
            if letters.get(letter) is None:
                letters[letter] = self._alike(parts, hint)
        for place, (pattern, part, unit) in enumerate(measured, 1):
            expected = _filled(pattern, letters)
            if expected is None or _fits(unit, expected):
                continue
            word = row.vensim or row.xmile
            raise self._clash(part, unit, expected, f" as argument {place} of {word}")
        return _filled(value, letters)


_ONE_LETTER = parse_units("a")


def _letter(pattern: Unit | None) -> str:
    """The letter that a pattern is alone, else ""."""
    alone = pattern is not None and len(pattern.powers) == 1 and pattern.powers[0][1] == 1
    return pattern.powers[0][0] if pattern is not None and alone else ""


def _filled(pattern: Unit | None, letters: dict[str, Unit | None]) -> Unit | None:
    """The unit that a pattern stands for; None when it stands for anything."""
    if pattern is None:
        return None
    unit = DIMENSIONLESS
    for letter, power in pattern.powers:
        one = letters.get(letter)
        if one is None:
            return None
        if _letter(pattern):
            return one
        unit = unit * one**power
    return unit


@lru_cache(maxsize=256)
def _rule(text: str) -> tuple[tuple[Unit | None, ...], Unit | None]:
    """The patterns of a function's arguments and of its value; None for what is not looked at."""
    before, _, after = text.partition("->")
    return tuple(map(_pattern, before.split())), _pattern(after.strip())


def _pattern(text: str) -> Unit | None:
    return None if text in ("_", "") else parse_units(text)


def _fits(unit: Unit | None, wanted: Unit | None) -> bool:
    """Whether a whole expression of these units may stand where those are wanted."""
    return unit is None or wanted is None or unit.literal or wanted.literal or unit.powers == wanted.powers


def _along(node: Expression, operators: frozenset[str]) -> list[tuple[str, Expression]]:
    """The operands of a row of operators of one kind, each with the operator before it."""
    rest = []
    while isinstance(node, Binary) and node.operator in operators:
        rest.append((node.operator, node.right))
        node = node.left
    return [("*", node), *reversed(rest)]


def _plain(node: Expression) -> float | None:
    """The value of a number, or of a row of operations on numbers."""
    if any(not isinstance(part, Number | Unary | Binary) for part in walk(node)):
        return None
    value = float(evaluate(node, {}))
    return value if math.isfinite(value) and abs(value) <= 100 else None


def _shown(node: Expression) -> str:
    return shown(to_text(node), 60)
