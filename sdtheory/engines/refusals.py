"""What is said of a model that cannot be written out as a program."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sdtheory.errors import LimitError, ModelError, NotCompiled, shown
from sdtheory.limits import Limits
from sdtheory.model.expression import Opaque
from sdtheory.model.model import Model
from sdtheory.model.subscripts import Cell, label


def spelled_name(model: Model, key: str) -> str:
    """The name of a variable by its canonical name; that of a control variable in capitals."""
    variable = model.variables.get(key)
    return variable.name if variable else key.upper()


def only_by_reference(node: Opaque) -> NotCompiled:
    """For a construct that our engines do not run."""
    return NotCompiled(f"{node.text} is only run by the reference engine")


def placed(model: Model, error: NotCompiled, key: str) -> NotCompiled:
    """The error with the variable and its place, once."""
    variable = model.variables.get(key)
    if error.message.startswith("'") or error.message.startswith('"') or variable is None:
        return error
    place = f"{model.file}:{variable.line}" if variable.line else model.file
    return NotCompiled(f'"{shown(variable.name)}": {error.message}' + (f" ({place})" if place else ""))


def cycle(model: Model, phase: str, members: Iterable[tuple[str, Cell]]) -> ModelError:
    """For cells that need each other at the same moment."""
    trail = " -> ".join(shown(label(spelled_name(model, key), cell)) for key, cell in members)
    when = " at the start" if phase == "initial" else ""
    return ModelError(f"variables need each other{when}: {trail}", file=model.file or None)


def impossible_order(model: Model, owner: tuple[str, Cell], order: float) -> ModelError:
    """The error for a delay or smooth of an order that cannot be."""
    key, cell = owner
    whose = shown(label(spelled_name(model, key), cell))
    place: dict[str, Any] = {"file": model.file or None, "line": model[key].line, "column": model[key].column}
    return order_refused(f"'{whose}'", order, model.limits, **place)


def order_refused(whose: str, order: float, limits: Limits, **place: Any) -> ModelError:
    """The error for an order of a delay or smooth beyond the limit, or one that no delay has."""
    if order > limits.delay_order:
        most = f"the limit is {limits.delay_order:,}"
        remedy = "raise limits=Limits(delay_order=...)"
        return LimitError(f"{whose}: a delay of order {order:,.0f}; {most}", remedy=remedy, **place)
    return ModelError(
        f"{whose}: a delay of order {order:g}", remedy="give a whole number of 1 or more", **place
    )
