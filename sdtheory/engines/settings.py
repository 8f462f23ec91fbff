"""Simulation settings given to a call in place of the file's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from sdtheory.errors import SimulationError, shown
from sdtheory.model.expression import Number
from sdtheory.model.model import Model
from sdtheory.names import canonical

SETTING_OF = {
    "initial time": "start",
    "final time": "stop",
    "time step": "time_step",
    "saveper": "save_every",
}


def given_settings(changes: dict[str, Any], **given: float | None) -> dict[str, float]:
    """Settings asked for, by argument or among the changes, which lose them."""
    found = {word: float(value) for word, value in given.items() if value is not None}
    for name in list(changes):
        word = SETTING_OF.get(canonical(name))
        if word is not None:
            if word in found:
                raise SimulationError(f"'{shown(name)}' is given twice")
            found[word] = as_number(name, changes.pop(name))
    return found


def with_settings(model: Model, given: Mapping[str, float], method: str | None = None) -> Model:
    """The model with other settings: ``start``, ``stop``, ``time_step``, ``save_every``."""
    fields: dict[str, Any] = {word: Number(value) for word, value in given.items()}
    if method is not None:
        fields["method"] = method
    if not fields:
        return model
    variables = dict(model.variables)
    for key, word in SETTING_OF.items():
        if word in given and key in variables:
            own = variables[key]
            variables[key] = replace(own, equations=(replace(own.equations[0], expression=fields[word]),))
    if fields.get("save_every") is None and model.settings.save_every == model.settings.time_step:
        fields["save_every"] = fields.get("time_step", model.settings.save_every)
    return replace(model, settings=replace(model.settings, **fields), variables=variables)


def as_number(name: str, value: Any) -> float:
    """A finite number that a caller gave for a name."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise SimulationError(f"the value of '{shown(name)}' is not a number: {shown(value)}") from None
    if not np.isfinite(number):
        raise SimulationError(f"the value of '{shown(name)}' is not finite")
    return number
