"""The variables of a model, rewritten so that every expression can be printed in the other dialect.

A function that the dialect lacks becomes what the table expands it to; a state or a table inside a larger
expression becomes a variable of its own. What is left has a printed form in the dialect.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from sdtheory.errors import ModelError, NotCompiled, shown
from sdtheory.model.expression import (
    TIME,
    TIME_STEP,
    Binary,
    Call,
    Expression,
    Lookup,
    Name,
    Number,
    Opaque,
    Table,
    evaluate,
    rebuild,
    references,
    substitute,
    walk,
)
from sdtheory.model.functions import FUNCTIONS, HiddenState, negate
from sdtheory.model.model import CONTROLS, Auxiliary, Constant, Data, Equation, Model, Stock, Variable
from sdtheory.model.model import Lookup as LookupVariable
from sdtheory.model.printing import form
from sdtheory.model.subscripts import binding, coverage, key_of, resolve
from sdtheory.names import canonical

_CONTROL_KEYS = frozenset(map(canonical, CONTROLS))
_DIALECTS = {"vensim": "Vensim", "xmile": "XMILE"}
_RESERVED = {"vensim": frozenset({"time"}), "xmile": frozenset({"time", "dt", "starttime", "stoptime"})}
_ONE, _TWO = Number(1.0), Number(2.0)
_FAR = 1e30  # bounds of a random function that has none, where the dialect wants them


def _of(word: str, *arguments: Expression) -> Call:
    return Call(word, arguments)


def _hyperbolic_sine(x: Expression) -> Expression:
    return Binary("/", Binary("-", _of("exp", x), _of("exp", negate(x))), _TWO)


def _hyperbolic_cosine(x: Expression) -> Expression:
    return Binary("/", Binary("+", _of("exp", x), _of("exp", negate(x))), _TWO)


def _hyperbolic_tangent(x: Expression) -> Expression:
    return Binary("-", _ONE, Binary("/", _TWO, Binary("+", _of("exp", Binary("*", _TWO, x)), _ONE)))


def _vensim_normal(mean: Expression, deviation: Expression, *rest: Expression) -> Expression:
    *given, site = rest
    bounds: list[Expression] = [Number(0.0), Number(-_FAR), Number(_FAR)]
    bounds[: len(given)] = given
    seed, low, high = bounds
    return _of("random_normal", low, high, mean, deviation, seed, site)


def _vensim_exponential(mean: Expression, *rest: Expression) -> Expression:
    *given, site = rest
    seed = given[0] if given else Number(0.0)
    return _of("random_exponential", Number(0.0), Number(_FAR), Number(0.0), mean, seed, site)


def _vensim_lognormal(mean: Expression, deviation: Expression, *rest: Expression) -> Expression:
    return _of("exp", _of("normal", mean, deviation, *rest))


def _vensim_montecarlo(percent: Expression, *rest: Expression) -> Expression:
    *given, site = rest
    draw = _of("random_uniform", Number(0.0), Number(100.0), given[0] if given else Number(0.0), site)
    chance = Binary("*", percent, TIME_STEP)
    return _of("if_then_else", Binary("<", draw, chance), _ONE, Number(0.0))


def _xmile_normal(
    low: Expression,
    high: Expression,
    mean: Expression,
    deviation: Expression,
    seed: Expression,
    site: Expression,
) -> Expression:
    return _of("normal", mean, deviation, seed, low, high, site)


# what the table has as one function of its own, in words that the dialect knows
_EXPANSIONS: dict[tuple[str, str], Callable[..., Expression]] = {
    ("xmile", "sinh"): _hyperbolic_sine,
    ("xmile", "cosh"): _hyperbolic_cosine,
    ("xmile", "tanh"): _hyperbolic_tangent,
    ("xmile", "remainder"): lambda x, m: _of("modulo", x, m),
    ("vensim", "remainder"): lambda x, m: _of("modulo", x, m),
    ("xmile", "random_0_1"): lambda site: _of("random_uniform", Number(0.0), _ONE, site),
    ("xmile", "random_normal"): _xmile_normal,
    ("vensim", "normal"): _vensim_normal,
    ("vensim", "exprnd"): _vensim_exponential,
    ("vensim", "lognormal"): _vensim_lognormal,
    ("vensim", "montecarlo"): _vensim_montecarlo,
}
_KINDS_OF_READING = {"lookup_extrapolate": "extrapolate", "lookup_backward": "hold_backward"}
_READINGS = {kind: word for word, kind in _KINDS_OF_READING.items()}


def _decided(node: Expression) -> Expression:
    """An expansion without the choices that its arguments, being numbers, have made already."""
    if isinstance(node, Call) and node.function == "if_then_else":
        condition, then, otherwise = node.arguments
        if isinstance(condition, Binary) and all(
            isinstance(part, Number) for part in (condition.left, condition.right)
        ):
            return _decided(then if evaluate(condition, {}) else otherwise)
    return node


class Rewriting:
    """The variables of a model on their way into a dialect.

    Parameters
    ----------
    model : Model
    dialect : str
    lost : Counter
        What the dialect cannot hold is counted here, by its description.

    Attributes
    ----------
    variables : dict
        By canonical name, in the order of the model, each helper before the variable that needs it.
    """

    def __init__(self, model: Model, dialect: str, lost: Counter[str]):
        self.model = model
        self.dialect = dialect
        self.lost = lost
        self.variables: dict[str, Variable] = {}
        self.sources: dict[str, str] = {}  # of each helper: the variable whose literals it has
        self.taken = set(model.variables) | set(map(canonical, CONTROLS)) | {"time"}
        self.renamed = {
            key: self.new_name(variable.name.replace("~", " "))
            for key, variable in model.variables.items()
            if variable.owner
        }
        self.variable: Variable = Constant("", ())
        self.axes: tuple[str, ...] = ()
        self.counter: Iterator[int] = itertools.count(1)

    def run(self) -> dict[str, Variable]:
        """Rewrite every variable.

        Raises
        ------
        ModelError
            For something that the dialect cannot express; names the variable and the construct.
        """
        for key, variable in self.model.variables.items():
            self.variable = variable
            if key in _RESERVED[self.dialect]:
                raise self.clash()
            if key in _CONTROL_KEYS:
                if self.dialect == "vensim":
                    self.lost["variable with the name of a setting of Vensim, now that setting"] += 1
                continue
            self.counter = itertools.count(1)
            equations = tuple(self.equation(one) for one in self.placed(variable))
            name = self.renamed.get(key, variable.name)
            self.variables[canonical(name)] = dataclasses.replace(variable, name=name, equations=equations)
            self.sources[canonical(name)] = key
        inlined = sum(1 for variable in self.model.variables.values() if variable.owner)
        if inlined:
            self.lost[
                "variable of an inlined macro or of a numbered dimension, now a variable of its own"
            ] = inlined
        return self.variables

    def clash(self) -> ModelError:
        """The error for a variable whose name means something else in the dialect."""
        return ModelError(
            f"'{shown(self.variable.name)}' is a word of {_DIALECTS[self.dialect]} for the simulation's clock",
            file=self.model.file or None,
            line=self.variable.line,
            column=self.variable.column,
            remedy="rename it first",
        )

    def refusal(self, what: str) -> ModelError:
        """The error for something in the variable at hand."""
        return ModelError(
            f"'{shown(self.variable.name)}': {what} has no counterpart in {_DIALECTS[self.dialect]}",
            file=self.model.file or None,
            line=self.variable.line,
            column=self.variable.column,
            remedy="write it with other functions",
        )

    def new_name(self, wanted: str) -> str:
        """A name that no variable has yet."""
        wanted = " ".join(wanted.split())
        name = next(
            name
            for number in itertools.count(1)
            if canonical(name := wanted if number == 1 else f"{wanted} {number}") not in self.taken
        )
        self.taken.add(canonical(name))
        return name

    # arrays

    def placed(self, variable: Variable) -> list[Equation]:
        """The equations as they stand; for XMILE one for each element where one for all would not do."""
        if self.dialect == "vensim" or not variable.dimensions:
            return list(variable.equations)
        whole = tuple(map(key_of, variable.dimensions))
        (first, *others) = variable.equations
        if not others and not first.exceptions and tuple(map(key_of, first.subscripts)) == whole:
            trees = [part for part in (first.expression, first.initial) if part is not None]
            if all(isinstance(tree, Table) or self.plain(tree, first) for tree in trees):
                return [first]
        try:
            cells = coverage(self.model, variable)
            return [
                self.at_cell(variable, equation, cell, binding(self.model, variable, equation, cell))
                for cell, equation in cells.items()
            ]
        except NotCompiled as error:
            raise self.refusal(error.message) from None

    def plain(self, tree: Expression, equation: Equation) -> bool:
        """Whether every subscript of an equation for a whole array means in XMILE what it means here."""
        left = set(map(key_of, equation.subscripts))
        for name in references(tree):
            full = self.dimensions_of(name)
            for subscript, axis in zip(name.subscripts, full, strict=False):
                key = key_of(subscript.rstrip("! "))
                if subscript.endswith("!"):
                    if key != key_of(axis) and key in left:
                        return False
                elif key in self.model.dimensions and key not in left:
                    return False
        return True

    def dimensions_of(self, name: Name) -> tuple[str, ...]:
        found = self.model.variables.get(canonical(name.name))
        return found.dimensions if found is not None else ()

    def at_cell(
        self, variable: Variable, equation: Equation, cell: tuple[str, ...], bound: Mapping[str, str]
    ) -> Equation:
        """The equation of one element, every subscript of its left side spelled out."""

        def of_cell(name: Name) -> Name:
            return Name(
                name.name,
                tuple(
                    one if one.endswith("!") else resolve(self.model, (one,), bound)[0]
                    for one in name.subscripts
                ),
            )

        def tree(part: Expression) -> Expression:
            return substitute(part, of_cell)

        expression = (
            equation.expression if isinstance(equation.expression, Table) else tree(equation.expression)
        )
        initial = None if equation.initial is None else tree(equation.initial)
        return Equation(expression, cell, (), initial)

    # trees

    def equation(self, equation: Equation) -> Equation:
        self.axes = tuple(one for one in equation.subscripts if key_of(one) in self.model.dimensions)
        initial = None if equation.initial is None else self.tree(equation.initial)
        expression = equation.expression
        if isinstance(expression, Table):
            if isinstance(self.variable, Data):
                kind = "hold_backward" if self.variable.keyword == "hold_backward" else expression.kind
                expression = Lookup(dataclasses.replace(expression, kind=kind), TIME)
                return dataclasses.replace(equation, expression=self.whole(expression))
            return equation
        return dataclasses.replace(equation, expression=self.whole(expression), initial=initial)

    def whole(self, node: Expression) -> Expression:
        """An expression that is a whole equation: here a table or an initial value may stand."""
        if self.dialect == "xmile":
            if isinstance(node, Lookup) and isinstance(node.table, Table):
                self._check_points(node.table)
                return Lookup(node.table, self.tree(node.argument))
            if isinstance(node, Call) and node.function == "active_initial":
                value, initial = node.arguments
                return Call("active_initial", (self.whole(value), self.tree(initial)))
        return self.tree(node)

    def tree(self, node: Expression) -> Expression:
        """The expression in words that the dialect knows."""
        match node:
            case Number():
                return self.number(node)
            case Name():
                return self.name(node)
            case Opaque():
                raise self.refusal(node.text)
            case Lookup():
                return self.reading(node)
            case Call():
                return self.call(node)
        return rebuild(node, self.tree)

    def number(self, node: Number) -> Expression:
        if math.isinf(node.value):
            raise self.refusal("an infinite number")
        if math.isnan(node.value) and self.dialect == "xmile":
            self.lost[":NA:, written as the square root of -1"] += 1
            return _of("sqrt", Number(-1.0))
        return node

    def name(self, node: Name) -> Expression:
        key = canonical(node.name)
        if key == "saveper" and self.dialect == "xmile":
            return self.tree(self.model.settings.save_every)
        name = self.renamed.get(key, node.name)
        if self.dialect == "vensim":
            return Name(name, node.subscripts)
        full = self.dimensions_of(node)
        subscripts = []
        for subscript, axis in itertools.zip_longest(node.subscripts, full[: len(node.subscripts)]):
            plain = subscript.rstrip("! ")
            whole = axis is not None and key_of(plain) == key_of(axis)
            subscripts.append("*" if subscript != plain and whole else plain)
        return Name(name, tuple(subscripts))

    def reading(self, node: Lookup) -> Expression:
        """A table read at an argument."""
        argument = self.tree(node.argument)
        if isinstance(node.table, Name):
            kind = self._kind_of(node.table)
            table = self.name(node.table)
            assert isinstance(table, Name)
            if self.dialect == "vensim" and kind in _READINGS:
                return _of(_READINGS[kind], table, argument)
            return Lookup(table, argument)
        if self.dialect == "vensim" and node.table.kind == "interpolate":
            return Lookup(node.table, argument)
        table = self.table(node.table)
        word = _READINGS.get(node.table.kind) if self.dialect == "vensim" else None
        return _of(word, table, argument) if word else Lookup(table, argument)

    def _kind_of(self, table: Name) -> str:
        variable = self.model.variables.get(canonical(table.name))
        first = variable.equations[0].expression if variable and variable.equations else None
        return first.kind if isinstance(first, Table) else "interpolate"

    def _check_points(self, table: Table) -> None:
        if any(map(math.isnan, table.y)):
            raise self.refusal("a table with missing values (:RAW: data)")

    def table(self, table: Table, wanted: str = "table") -> Name:
        """A lookup variable of its own for a table that stands inside an expression."""
        self._check_points(table)
        name = self.new_name(
            f"{self.renamed.get(canonical(self.variable.name), self.variable.name)} {wanted}"
        )
        if self.dialect == "vensim":
            table = dataclasses.replace(table, kind="interpolate")
        self.add(LookupVariable(name, (Equation(table),)))
        return Name(name)

    def add(self, variable: Variable) -> None:
        key = canonical(variable.name)
        self.variables[key] = variable
        self.sources[key] = canonical(self.variable.name)
        self.lost["table or state inside an equation, now a variable of its own"] += 1

    # calls

    def call(self, node: Call) -> Expression:
        if node.function in ("lookup_extrapolate", "lookup_backward") and self.dialect == "xmile":
            return self._reading_otherwise(node)
        if form(node, self.dialect) is not None and node.function != "active_initial":
            return rebuild(node, self.tree)
        row = FUNCTIONS[node.function]
        expansion = _EXPANSIONS.get((self.dialect, node.function)) or row.expansion
        if node.function == "game":
            self.lost["GAME"] += 1
        if expansion is not None:
            return self.tree(_decided(expansion(*node.arguments)))
        if node.function == "active_initial":
            return self.active_initial(node)
        if row.states is not None:
            return self.states(node)
        if row.kind == "random" and node.function == "random_exponential":
            low, high, shift, stretch, seed, site = node.arguments
            if low == Number(0.0) == shift and isinstance(high, Number) and high.value >= _FAR:
                return self.tree(_of("exprnd", stretch, seed, site))
        raise self.refusal(row.vensim or row.xmile or row.key.upper())

    def active_initial(self, node: Call) -> Expression:
        if self.dialect == "vensim":
            return rebuild(node, self.tree)
        value, initial = node.arguments
        whole = Call("active_initial", (self.whole(value), self.tree(initial)))
        return self.helper("value", lambda name, axes: Auxiliary(name, (Equation(whole, axes),), axes), whole)

    def _reading_otherwise(self, node: Call) -> Expression:
        """LOOKUP EXTRAPOLATE and its like: in XMILE the table says how it is read."""
        table, argument = node.arguments
        assert isinstance(table, Name)
        variable = self.model[table.name]
        points = variable.equations[0].expression
        if variable.dimensions or not isinstance(points, Table):
            raise self.refusal(f"{FUNCTIONS[node.function].vensim} of an array of tables")
        kind = _KINDS_OF_READING[node.function]
        own = self.table(dataclasses.replace(points, kind=kind), kind.replace("_", " "))
        return Lookup(own, self.tree(argument))

    def helper(self, word: str, make: Callable[[str, tuple[str, ...]], Variable], *parts: Expression) -> Name:
        """A new variable over the dimensions of the left side at hand."""
        if any(
            isinstance(name, Name) and any(one == "*" or one.endswith("!") for one in name.subscripts)
            for part in parts
            for name in self._outside_array_functions(part)
        ):
            raise self.refusal("a state inside an array function")
        owner = self.renamed.get(canonical(self.variable.name), self.variable.name)
        name = self.new_name(f"{owner} {word}")
        self.add(make(name, self.axes))
        return Name(name, self.axes)

    @staticmethod
    def _outside_array_functions(tree: Expression) -> Iterator[Expression]:
        if isinstance(tree, Call) and FUNCTIONS[tree.function].kind == "array":
            return
        if isinstance(tree, Name):
            yield tree
            return
        for part in walk(tree):
            if part is not tree and isinstance(part, Name):
                yield part

    def states(self, node: Call) -> Expression:
        """A function with states that the dialect lacks: each state is a variable, the output an expression."""
        row = FUNCTIONS[node.function]
        assert row.states is not None
        owner = self.renamed.get(canonical(self.variable.name), self.variable.name)
        names: dict[int, Name] = {}

        def own(place: int) -> Name:
            if place not in names:
                names[place] = Name(self.new_name(f"{owner} {row.key.replace('_', ' ')} state"), self.axes)
            return names[place]

        try:
            states, output = row.states(node.arguments, own)
        except NotCompiled as error:
            raise self.refusal(error.message) from None
        for place, state in enumerate(states):
            self.add(self._state_variable(own(place).name, state))
        return self.tree(output)

    def _state_variable(self, name: str, state: HiddenState) -> Variable:
        def equation(tree: Expression, initial: Expression | None = None) -> tuple[Equation, ...]:
            return (Equation(tree, self.axes, (), initial),)

        initial = self.tree(state.initial)
        if state.kind == "fixed" or state.rate is None:
            return Auxiliary(name, equation(_of("initial", initial)), self.axes)
        rate = self.tree(state.rate)
        if state.kind == "integral":
            return Stock(name, equation(rate, initial), self.axes)
        delay = TIME_STEP if state.delay_time is None else self.tree(state.delay_time)
        return Auxiliary(name, equation(_of("delay_fixed", rate, delay, initial)), self.axes)
