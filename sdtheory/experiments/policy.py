"""Policies: named sets of changes to a model, and the model that a policy makes of another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from sdtheory.errors import ExperimentError
from sdtheory.model.expression import TIME, Binary, Call, Expression, Lookup, Name, Number, Table
from sdtheory.model.model import Constant, Equation, Model, Stock, Variable
from sdtheory.model.model import Lookup as LookupVariable
from sdtheory.names import canonical, unknown

TIME_TOLERANCE = 1e-9  # in model time; a change at t acts on the step that starts at t


@dataclass(frozen=True)
class Amount:
    """What a change makes of a value: ``to`` a number, ``by`` adding one, or ``times`` one."""

    how: str
    value: float

    def applied(self, own: Expression, share: Expression | None = None) -> Expression:
        """The changed value; `share` (0 to 1) blends from the own value."""
        number = Number(self.value)
        target: Expression = number
        if self.how == "by":
            target = Binary("+", own, number)
        elif self.how == "times":
            target = Binary("*", own, number)
        if share is None:
            return target
        return Binary("+", own, Binary("*", share, Binary("-", target, own)))


@dataclass(frozen=True)
class Step:
    """From time `at` on."""

    variable: str
    amount: Amount
    at: float

    def expression(self, own: Expression) -> Expression:
        return Call("if_then_else", (_since(self.at), self.amount.applied(own), own))

    def times(self) -> tuple[float, float]:
        return self.at, float("inf")


@dataclass(frozen=True)
class Ramp:
    """Linear from time `start` until `until`, then held."""

    variable: str
    amount: Amount
    start: float
    until: float

    def expression(self, own: Expression) -> Expression:
        elapsed = Binary("/", Binary("-", TIME, Number(self.start)), Number(self.until - self.start))
        share = Call("max", (Number(0.0), Call("min", (Number(1.0), elapsed))))
        return Call("if_then_else", (_since(self.start), self.amount.applied(own, share), own))

    def times(self) -> tuple[float, float]:
        return self.start, float("inf")


@dataclass(frozen=True)
class Pulse:
    """During `width` from time `at` on, repeated `every` so often until `until`."""

    variable: str
    amount: Amount
    at: float
    width: float
    every: float | None = None
    until: float | None = None

    def expression(self, own: Expression) -> Expression:
        start, width = Number(self.at - TIME_TOLERANCE), Number(self.width)
        elapsed: Expression = Binary("-", TIME, start)
        if self.every is not None:
            elapsed = Call("remainder", (elapsed, Number(self.every)))
        on = Binary("and", _since(self.at), Binary("<", elapsed, width))
        if self.until is not None:
            on = Binary("and", on, Binary("<", TIME, Number(self.until - TIME_TOLERANCE)))
        return Call("if_then_else", (on, self.amount.applied(own), own))

    def times(self) -> tuple[float, float]:
        if self.every is None:
            return self.at, self.at + self.width
        return self.at, float("inf") if self.until is None else self.until


@dataclass(frozen=True)
class LookupChange:
    """The variable becomes a graph of time or of another variable; a lookup gets other points."""

    variable: str
    points: tuple[tuple[float, float], ...]
    of: str = "time"
    outside: str = "hold"

    def table(self) -> Table:
        x, y = zip(*self.points, strict=True)
        return Table(x, y, "extrapolate" if self.outside == "extrapolate" else "interpolate")

    def times(self) -> tuple[float, float]:
        return float("-inf"), float("inf")


Change = Step | Ramp | Pulse | LookupChange


@dataclass(frozen=True)
class Policy:
    """A named set of changes.

    Parameters
    ----------
    name, description : str
    set : mapping of str to float
        Values for the whole run; of a stock, its initial value.
    changes : tuple of Step, Ramp, Pulse or LookupChange

    Examples
    --------
    >>> Policy("boost theorists", set={"theorist boost": 0.5}).name
    'boost theorists'
    """

    name: str
    description: str = ""
    set: Mapping[str, float] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()


BASELINE = Policy("baseline")


def _since(start: float) -> Expression:
    return Binary(">=", TIME, Number(start - TIME_TOLERANCE))


def split_element(name: str) -> tuple[str, tuple[str, ...]]:
    """The variable and the elements of ``name[element, element]``.

    Examples
    --------
    >>> split_element("adoption delay[training]")
    ('adoption delay', ('training',))
    """
    if not name.rstrip().endswith("]") or "[" not in name:
        return name, ()
    head, _, inside = name.rstrip()[:-1].partition("[")
    return head.strip(), tuple(part.strip() for part in inside.split(","))


def faults(policy: Policy, model: Model) -> list[str]:
    """Everything in a policy that the model cannot follow, each in one line."""
    found = []
    for name in [*policy.set, *(change.variable for change in policy.changes)]:
        head, elements = split_element(name)
        if head not in model:
            found.append(str(unknown("variable", head, model.names())))
        elif elements and len(elements) != len(model[head].dimensions):
            found.append(f"'{head}' has {len(model[head].dimensions)} dimensions, not {len(elements)}")
    for change in policy.changes:
        variable = model.variables.get(canonical(split_element(change.variable)[0]))
        if isinstance(variable, Stock):
            found.append(
                f"a stock changes only through its flows; did you mean '{variable.name}'s initial "
                "value (set) or one of its flows?"
            )
        if isinstance(variable, LookupVariable) and not isinstance(change, LookupChange):
            found.append(f"'{variable.name}' is a lookup; only a lookup change replaces its points")
        if isinstance(change, LookupChange) and change.of != "time" and change.of not in model:
            found.append(str(unknown("variable", change.of, model.names())))
    return found + _overlaps(policy)


def _overlaps(policy: Policy) -> list[str]:
    found = []
    spans: dict[str, list[tuple[float, float]]] = {}
    for name in policy.set:
        spans.setdefault(canonical(name), []).append((float("-inf"), float("inf")))
    for change in policy.changes:
        key = canonical(change.variable)
        start, stop = change.times()
        if any(start < other_stop and other_start < stop for other_start, other_stop in spans.get(key, [])):
            found.append(f"policy '{policy.name}' changes '{change.variable}' twice at the same time")
        spans.setdefault(key, []).append((start, stop))
    return found


def apply(policy: Policy, model: Model) -> Model:
    """The model under a policy.

    Raises
    ------
    ExperimentError
        When the model cannot follow the policy; all reasons are listed.

    Examples
    --------
    >>> boost = Constant("boost", (Equation(Number(0.0)),))
    >>> changed = apply(Policy("p", set={"Boost": 0.5}), Model("m", {"boost": boost}))
    >>> changed["boost"].equations[0].expression
    Number(value=0.5)
    """
    wrong = faults(policy, model)
    if wrong:
        raise ExperimentError(f"policy '{policy.name}': " + "; ".join(wrong))
    variables = dict(model.variables)
    for name, value in policy.set.items():
        head, elements = split_element(name)
        key = canonical(head)
        variables[key] = _with_number(variables[key], elements, float(value))
    for change in policy.changes:
        head, elements = split_element(change.variable)
        key = canonical(head)
        variable = variables[key]
        if isinstance(variable, Constant):
            # the constant's own value stays an input of its own, which futures may vary
            base = replace(variable, name=own_value(variable.name), owner=variable.name)
            variables[canonical(base.name)] = base
            equations = tuple(
                replace(equation, expression=Name(base.name, equation.subscripts))
                for equation in variable.equations
            )
            variable = replace(variable, equations=equations)
        variables[key] = _with_change(variable, elements, change)
    return replace(model, variables=variables)


def own_value(name: str) -> str:
    """The name under which a constant's own value goes on when a policy changes it over time."""
    return f"{name}~own value"


def inputs_under(policy: Policy, changed: Model, names: Iterable[str]) -> dict[str, str]:
    """The inputs that a policy leaves to the futures, and what each is called in the model that it makes.

    A value that the policy sets for the whole run takes the place of the sampled one.
    """
    fixed = {canonical(name) for name in policy.set}
    return {name: _still_constant(changed, name) for name in names if canonical(name) not in fixed}


def _still_constant(model: Model, name: str) -> str:
    """The input that carries a sampled value; a policy may have moved it aside (see `apply`)."""
    head, elements = split_element(name)
    if own_value(head) not in model:
        return name
    return own_value(head) + (f"[{','.join(elements)}]" if elements else "")


def _covers(equation: Equation, elements: tuple[str, ...]) -> bool:
    return not elements or tuple(map(canonical, equation.subscripts)) == tuple(map(canonical, elements))


def _with_number(variable: Variable, elements: tuple[str, ...], value: float) -> Variable:
    number = Number(value)
    if isinstance(variable, Stock):
        return _replaced(variable, elements, lambda equation: replace(equation, initial=number))
    return _replaced(variable, elements, lambda equation: replace(equation, expression=number))


def _with_change(variable: Variable, elements: tuple[str, ...], change: Change) -> Variable:
    if isinstance(change, LookupChange):
        table = change.table()
        if isinstance(variable, LookupVariable):
            return _replaced(variable, elements, lambda equation: replace(equation, expression=table))
        argument = TIME if canonical(change.of) == "time" else Name(change.of)
        graph = Lookup(table, argument)
        return _replaced(_computed(variable), elements, lambda equation: replace(equation, expression=graph))

    def changed(equation: Equation) -> Equation:
        if isinstance(equation.expression, Table):
            raise ExperimentError(f"'{variable.name}' is data; it cannot be changed over time")
        return replace(equation, expression=change.expression(equation.expression))

    return _replaced(_computed(variable), elements, changed)


def _computed(variable: Variable) -> Variable:
    """A constant that changes over time is an auxiliary."""
    if not isinstance(variable, Constant):
        return variable
    from sdtheory.model.model import Auxiliary

    return Auxiliary(**{name: getattr(variable, name) for name in variable.__dataclass_fields__})


def _replaced(variable: Variable, elements: tuple[str, ...], change) -> Variable:
    equations: list[Equation] = []
    hit = False
    for equation in variable.equations:
        if not elements or _covers(equation, elements):
            equations.append(change(equation))
            hit = True
        else:
            equations.append(replace(equation, exceptions=(*equation.exceptions, elements)))
    if not hit:
        # the cell lies inside an equation for a whole dimension: give it one of its own
        equations.append(change(replace(variable.equations[0], subscripts=elements, exceptions=())))
    return replace(variable, equations=tuple(equations))
