"""Policies: named sets of changes to a model, and the model that a policy makes of another."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from sdtheory.errors import ExperimentError, NotCompiled, SDError
from sdtheory.experiments.changes import Amount as Amount
from sdtheory.experiments.changes import Change as Change
from sdtheory.experiments.changes import EquationChange as EquationChange
from sdtheory.experiments.changes import LookupChange as LookupChange
from sdtheory.experiments.changes import Pulse as Pulse
from sdtheory.experiments.changes import Ramp as Ramp
from sdtheory.experiments.changes import Step as Step
from sdtheory.experiments.equations import read_equation
from sdtheory.experiments.structure import Rename, StructureChange, refuse_undefined, restructured
from sdtheory.model.expression import Name, Number, Table
from sdtheory.model.model import Auxiliary, Constant, Data, Equation, Model, Stock, Variable
from sdtheory.model.model import Lookup as LookupVariable
from sdtheory.model.unit_rules import unit_issues
from sdtheory.names import canonical, unknown


@dataclass(frozen=True)
class Policy:
    """A named set of changes.

    Parameters
    ----------
    name, description : str
    set : mapping of str to float
        Values for the whole run; of a stock, its initial value.
    changes : tuple of Step, Ramp, Pulse, LookupChange or EquationChange
    structure : tuple of AddStock, AddFlow, AddAuxiliary, Remove, Rename or SetUnits
        Made in order, before all other changes; the policy then has a model of its own.

    Examples
    --------
    >>> Policy("boost theorists", set={"theorist boost": 0.5}).name
    'boost theorists'
    """

    name: str
    description: str = ""
    set: Mapping[str, float] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    structure: tuple[StructureChange, ...] = ()

    @staticmethod
    def from_cin(
        path: str | os.PathLike[str], model: Model | None = None, encoding: str | None = None
    ) -> Policy:
        """The policy of a Vensim changes file (.cin), named after the file.

        Parameters
        ----------
        path : path-like
        model : Model, optional
            Needed where one line gives the values of several elements: ``price[region] = 3, 2, 7``.
        encoding : str, optional
            Codec of the file when it is not what the file says (default: what it says, else UTF-8).

        Raises
        ------
        ExperimentError
            With file, line, the line's text and a caret under the fault.
        """
        from sdtheory.experiments.cin import read_changes

        return read_changes(path, model, encoding)[0]

    def to_cin(self, path: str | os.PathLike[str], model: Model | None = None) -> None:
        """Write a Vensim changes file (.cin): constants, initial values and points of lookups.

        Parameters
        ----------
        path : path-like
        model : Model, optional
            When given, a graph of time in the place of a variable that is no lookup is refused.

        Raises
        ------
        ExperimentError
            When the policy has changes that such a file cannot hold; all are named.
        """
        from sdtheory.experiments.cin import write_cin

        write_cin(self, path, model)


BASELINE = Policy("baseline")


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
    try:
        model = restructured(model, policy.structure)
    except SDError as error:
        return [f"policy '{policy.name}': {error}"]
    found = [fault for name in policy.set if (fault := _unfit(model, name))]
    for change in policy.changes:
        fault = _unfit(model, change.variable, change)
        if fault:
            found.append(fault)
        if isinstance(change, LookupChange) and canonical(change.of) != "time" and change.of not in model:
            found.append(str(unknown("variable", change.of, model.names())))
    found += _overlaps(policy)
    if found or not (policy.structure or any(isinstance(one, EquationChange) for one in policy.changes)):
        return found
    return [f"policy '{policy.name}': {text}" for text in _faults_of_result(policy, model)]


def _unfit(model: Model, name: str, change: Change | None = None) -> str | None:
    """Why a variable cannot be set or changed, or None."""
    head, elements = split_element(name)
    if head not in model:
        return str(unknown("variable", head, model.names()))
    variable = model[head]
    elements = _cell(variable, elements)
    if elements and len(elements) != len(variable.dimensions):
        return f"'{head}' has {len(variable.dimensions)} dimensions, not {len(elements)}"
    if elements and (fault := _no_element(model, variable, elements)):
        return fault
    if isinstance(variable, Stock) and change is not None:
        return (
            f"a stock changes only through its flows; did you mean '{variable.name}'s initial "
            "value (set) or one of its flows?"
        )
    if isinstance(variable, LookupVariable):
        if not isinstance(change, LookupChange):
            return f"'{variable.name}' is a lookup; only a lookup change replaces its points"
        if change.outside == "error":
            return f"'{variable.name}' is a lookup, of which what lies outside cannot be made an error"
    if isinstance(variable, Data):
        return f"'{variable.name}' is data; it cannot be changed"
    return None


def _cell(variable: Variable, elements: tuple[str, ...]) -> tuple[str, ...]:
    """The elements, or none where they are the variable's dimensions, which means every element."""
    whole = tuple(map(canonical, elements)) == tuple(map(canonical, variable.dimensions))
    return () if whole else elements


def _no_element(model: Model, variable: Variable, elements: tuple[str, ...]) -> str | None:
    for dimension, element in zip(variable.dimensions, elements, strict=True):
        known = model.dimensions[canonical(dimension)].elements
        if canonical(element) not in map(canonical, known):
            return str(unknown(f"element of '{dimension}'", element, known))
    return None


def _faults_of_result(policy: Policy, model: Model) -> list[str]:
    """What is wrong with the model that a policy makes by equations and structure, and was not before."""
    from sdtheory.engines.program import make_program
    from sdtheory.translate.structure import check_structure

    try:
        changed = _changed(policy, model)
        refuse_undefined(changed)
        check_structure(changed)
        if changed.dimensions:
            make_program(changed)  # finds cells of arrays that need each other
    except NotCompiled:
        pass  # only the reference engine runs what the model has: nothing that the policy brought
    except SDError as error:
        return [f"{error.message}; {error.remedy}" if error.remedy else error.message]
    known = {issue.message for issue in unit_issues(model)}
    return [
        issue.message
        for issue in unit_issues(changed)
        if issue.severity == "error" and issue.message not in known
    ]


def _overlaps(policy: Policy) -> list[str]:
    found = []
    spans: dict[str, list[tuple[tuple[str, ...], float, float]]] = {}
    whole = (float("-inf"), float("inf"))
    changes = [(name, *whole) for name in policy.set]
    changes += [(change.variable, *change.times()) for change in policy.changes]
    for name, start, stop in changes:
        head, elements = split_element(name)
        cell = tuple(map(canonical, elements))
        before = spans.setdefault(canonical(head), [])
        if any(
            start < other_stop and other_start < stop and (not cell or not other or cell == other)
            for other, other_start, other_stop in before
        ):
            found.append(f"policy '{policy.name}' changes '{name}' twice at the same time")
        before.append((cell, start, stop))
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
        place = f"policy '{policy.name}': "
        raise ExperimentError(place + "; ".join(one.removeprefix(place) for one in wrong))
    return _changed(policy, restructured(model, policy.structure))


def _changed(policy: Policy, model: Model) -> Model:
    """The model, of the policy's structure, with its settings and changes."""
    variables = dict(model.variables)
    for name, value in policy.set.items():
        head, elements = split_element(name)
        key = canonical(head)
        elements = _cell(variables[key], elements)
        if elements:
            _put_aside(variables, key)  # futures may vary the other cells
        variables[key] = _with_number(variables[key], elements, float(value))
    for change in policy.changes:
        head, elements = split_element(change.variable)
        key = canonical(head)
        _put_aside(variables, key)
        variable = variables[key]
        variables[key] = _with_change(model, variable, _cell(variable, elements), change)
    return replace(model, variables=variables)


def _put_aside(variables: dict[str, Variable], key: str) -> None:
    """Make a constant read its own value from an input of its own, which futures may vary."""
    variable = variables[key]
    if not isinstance(variable, Constant):
        return
    base = replace(variable, name=own_value(variable.name), owner=variable.name)
    variables[canonical(base.name)] = base
    equations = tuple(
        replace(equation, expression=Name(base.name, equation.subscripts)) for equation in variable.equations
    )
    variables[key] = _computed(replace(variable, equations=equations))


def own_value(name: str) -> str:
    """The name under which a constant's own value goes on when a policy changes it over time."""
    return f"{name}~own value"


def inputs_under(policy: Policy, changed: Model, names: Iterable[str]) -> dict[str, str]:
    """The inputs that a policy leaves to the futures, and what each is called in the model that it makes.

    A value that the policy sets for the whole run takes the place of the sampled one; what it removes has none.
    """
    fixed = set()
    for name in policy.set:
        head, elements = split_element(name)
        cell = _cell(changed[head], elements)
        fixed.add((canonical(head), tuple(map(canonical, cell))))
    found = {}
    for name in names:
        own = _renamed(policy, name)
        head, elements = split_element(own)
        key = canonical(head)
        if (key, ()) in fixed or (key, tuple(map(canonical, elements))) in fixed or head not in changed:
            continue
        found[name] = _still_constant(changed, own)
    return found


def _renamed(policy: Policy, name: str) -> str:
    """What a variable is called under a policy."""
    head, elements = split_element(name)
    for change in policy.structure:
        if isinstance(change, Rename) and canonical(change.old) == canonical(head):
            head = change.new
    return head + (f"[{','.join(elements)}]" if elements else "")


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


def _with_change(model: Model, variable: Variable, elements: tuple[str, ...], change: Change) -> Variable:
    if isinstance(change, EquationChange):
        return _with_equation(model, variable, elements, change.text)
    if isinstance(change, LookupChange) and isinstance(variable, LookupVariable):
        table = change.table()
        return _replaced(variable, elements, lambda equation: replace(equation, expression=table))

    def changed(equation: Equation) -> Equation:
        own = equation.expression
        assert not isinstance(own, Table)
        return replace(equation, expression=change.expression(own))

    return _replaced(_computed(variable), elements, changed)


def _with_equation(model: Model, variable: Variable, elements: tuple[str, ...], text: str) -> Variable:
    """The variable with an equation of its own, or with one for a cell of it."""
    over = () if elements else variable.dimensions
    try:
        _, tree = read_equation(text, model, over)
    except SDError as error:
        raise ExperimentError(f"'{variable.name}': {error.message}", remedy=error.remedy) from error
    if elements:
        return _replaced(_computed(variable), elements, lambda one: replace(one, expression=tree))
    return replace(_computed(variable), equations=(Equation(tree, over),))


def _computed(variable: Variable) -> Variable:
    """A constant that changes over time is an auxiliary."""
    if not isinstance(variable, Constant):
        return variable
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
