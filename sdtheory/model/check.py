"""What can be found wrong with a model by looking at it, without a run."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sdtheory.errors import Issue, shown
from sdtheory.model.expression import Table, references
from sdtheory.model.model import CONTROLS, Constant, Data, Lookup, Model, Stock, Variable
from sdtheory.model.unit_rules import unit_issues
from sdtheory.names import canonical

_CONTROLS = frozenset(map(canonical, CONTROLS))


def check_model(model: Model, used: Collection[str] = ()) -> list[Issue]:
    """Everything that the model itself shows: units, names, variables without use, parameters without words.

    Parameters
    ----------
    model : Model
    used : collection of str
        Canonical names of variables that something outside the model reads.

    Returns
    -------
    list of Issue
        Variable by variable in file order. An error is a fault; a warning is probably one; a note is
        something left unsaid.

    Examples
    --------
    >>> from sdtheory.model.expression import Number
    >>> from sdtheory.model.model import Equation
    >>> tea = Constant("tea", (Equation(Number(90.0)),), limits=(0.0, 100.0))
    >>> [(issue.severity, issue.code) for issue in check_model(Model("cup", {"tea": tea}))]
    [('warning', 'unused-variable'), ('note', 'no-documentation')]
    """
    read = {canonical(name) for name in used} | _read(model)
    declared = [(key, variable) for key, variable in model.variables.items() if not variable.owner]
    found = [issue for key, variable in declared for issue in _issues(key, variable, read)]
    found += unit_issues(model)
    places = {variable.name: place for place, (_, variable) in enumerate(declared)}
    return sorted(found, key=lambda issue: places.get(issue.variable or "", -1))


def _issues(key: str, variable: Variable, read: Collection[str]) -> Iterator[Issue]:
    name = f"'{shown(variable.name)}'"

    def issue(severity: str, code: str, message: str) -> Issue:
        return Issue(severity, code, message, variable.name, variable.line, variable.column)

    if key in _CONTROLS:
        return
    if key not in read and not isinstance(variable, Stock):
        if isinstance(variable, Constant | Lookup | Data):
            yield issue("warning", "unused-variable", f"no equation reads {name}")
        else:
            yield issue("note", "unused-variable", f"no equation reads {name}, so it is a result only")
    if isinstance(variable, Constant):
        if not variable.documentation.strip():
            yield issue("note", "no-documentation", f"the parameter {name} has no documentation")
        if variable.limits == (None, None):
            yield issue("note", "no-range", f"the parameter {name} has no range of sensible values")


def _read(model: Model) -> set[str]:
    """Canonical names of what equations, initial values, settings and stocks read."""
    settings = model.settings
    trees = [settings.start, settings.stop, settings.time_step, settings.save_every]
    found: set[str] = set()
    for variable in model:
        for equation in variable.equations:
            for tree in (equation.expression, equation.initial):
                if tree is not None and not isinstance(tree, Table):
                    trees.append(tree)
        if isinstance(variable, Stock):
            found.update(map(canonical, (*variable.inflows, *variable.outflows)))
    found.update(canonical(name.name) for tree in trees for name in references(tree))
    return found
