"""Run a model again and again while it is changed: numbers cost no new program, equations cost little."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from sdtheory.engines.compiled import run_at_once
from sdtheory.engines.frames import frame_of
from sdtheory.engines.graph import Program
from sdtheory.engines.memory import remembered
from sdtheory.engines.program import make_program
from sdtheory.engines.room import enough_memory
from sdtheory.engines.simulate import output_label, simulate, with_changes
from sdtheory.errors import NoMachineCode, NotCompiled, SimulationError
from sdtheory.model.expression import Number
from sdtheory.model.model import CONTROLS, Constant, Model
from sdtheory.names import canonical


@enough_memory()
def simulate_at_once(
    model: Model,
    changes: Mapping[str, Any] | None = None,
    *,
    outputs: Iterable[str] | None = None,
    seed: int = 0,
) -> Any:
    """Run a model once, with the least delay after a change of its numbers or of the model.

    Every constant is a parameter of one program, which is kept as long as the model is; the points of lookups
    are handed to its machine code, too. Another equation has machine code made anew, in the least time.

    Parameters
    ----------
    model, changes, outputs, seed
        As of `sdtheory.engines.simulate.simulate`.

    Returns
    -------
    pandas.DataFrame
        What `simulate` gives, up to rounding. ``attrs["engine"]`` says which engine ran: ``compiled`` where it
        can.

    Raises
    ------
    UnknownName, SimulationError, ModelError

    Examples
    --------
    >>> import sdtheory as sd
    >>> model = sd.load("models/m0_seed.xmile")
    >>> run = simulate_at_once(model, {"theorist boost": 0.5}, outputs=["capability"])
    >>> round(float(run.loc[12.0, "capability"]), 4)
    38.4696
    """
    changed, numbers, _ = with_changes(model, changes)
    wanted = None if outputs is None else [output_label(changed, name) for name in outputs]
    own = numbers_of(changed)
    others = tuple(name for name in numbers if name not in own)
    try:
        program = _adjustable(changed, others, None if wanted is None else tuple(wanted))
        values = {**own, **numbers}
        inputs = np.array([values[name] for name in program.parameters]).reshape(-1, 1)
        return frame_of(run_at_once(program, inputs, seed=seed), "compiled")
    except (NotCompiled, NoMachineCode, SimulationError):
        # some models need a number that no change can reach, such as the time of a short delay
        return simulate(model, changes, outputs=wanted, seed=seed)


@remembered
def _adjustable(model: Model, others: tuple[str, ...], outputs: tuple[str, ...] | None) -> Program:
    """The program whose parameters are all numbers of the model, and others."""
    return make_program(model, parameters=(*numbers_of(model), *others), outputs=outputs)


@remembered
def numbers_of(model: Model) -> dict[str, float]:
    """The constants of a model that are given as one number, which no change makes another program of.

    Examples
    --------
    >>> import sdtheory as sd
    >>> numbers_of(sd.load("models/m0_seed.xmile"))["theorist boost"]
    0.0
    """
    controls = set(map(canonical, CONTROLS))
    found = {}
    for key, variable in model.variables.items():
        if isinstance(variable, Constant) and not variable.dimensions and not variable.owner:
            tree = variable.equations[0].expression
            if key not in controls and len(variable.equations) == 1 and isinstance(tree, Number):
                found[variable.name] = tree.value
    return found
