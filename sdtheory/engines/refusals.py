"""What is said of a model that cannot be written out as a program."""

from __future__ import annotations

from collections.abc import Iterable

from sdtheory.errors import ModelError, NotCompiled, shown
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


def impossible_order(model: Model, owner: tuple[str, Cell], order: float, most: int) -> ModelError:
    """The error for a delay or smooth of an order that cannot be."""
    key, cell = owner
    return ModelError(
        f"'{shown(label(spelled_name(model, key), cell))}': a delay of order {order:g}; "
        f"it must be from 1 to {most:,}",
        file=model.file or None,
        line=model[key].line,
    )
