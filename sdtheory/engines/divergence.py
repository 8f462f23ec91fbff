"""Why a run diverged: the first value that is not finite, where it came from, in the model's own names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from sdtheory.engines.graph import CONST, Program, arguments_of


def reason(program: Program, values: Sequence[Any], run: int, time: float) -> str:
    """Describe why a run has no finite state, rate or watched output at a moment.

    Parameters
    ----------
    program : Program
    values : sequence of float or array of shape (runs,)
        Of every node of the step graph at that moment.
    run : int
        The place of the run in the arrays.

    Returns
    -------
    str
        Such as ``"b" is inf at time 3 (division by "c" = 0)``.
    """
    reader = _Reader(program, values, run)
    stocks = [state for state in program.states if state.kind == "integral"]
    for state in stocks:
        if state.rate is not None and not math.isfinite(reader.at(state.rate)):
            return reader.described(state.rate, f"the rate of {state.name}", time)
    for output in program.watched:
        node = program.outputs[output]
        if not math.isfinite(reader.at(node)):
            return reader.described(node, output, time)
    return f"a stock is not finite at time {time:g}"


class _Reader:
    def __init__(self, program: Program, values: Sequence[Any], run: int):
        self.program = program
        self.graph = program.step
        self.values = values
        self.run = run

    def at(self, node: int) -> float:
        """The value of a node in the run."""
        value = np.asarray(self.values[node])
        return float(value if value.ndim == 0 else value[self.run])

    def described(self, node: int, outermost: str, time: float) -> str:
        """The variable whose own operation first gave a value that is not finite."""
        name, holder = outermost, node
        while True:
            if node in self.graph.owners:
                name, holder = self.graph.owners[node], node
            culprits = [one for one in self._taken(node) if not math.isfinite(self.at(one))]
            if not culprits:
                break
            node = culprits[0]
        return f'"{name}" is {self.at(holder):g} at time {time:g}{self._why(node)}'

    def _taken(self, node: int) -> tuple[int, ...]:
        """The arguments that a node's value comes from: of a choice, the branch taken."""
        parts = self.graph.nodes[node]
        if parts[0] == "if_then_else":
            _, condition, then, otherwise = parts
            return (condition, then if self.at(condition) else otherwise)
        return arguments_of(parts)

    def _why(self, node: int) -> str:
        operation = self.graph.nodes[node][0]
        arguments = self._taken(node)
        if not arguments:
            return ""
        if operation == "/" and self.at(arguments[1]) == 0:
            return f" (division by {self._with_value(arguments[1])})"
        return f" ({operation} of {', '.join(map(self._with_value, arguments))})"

    def _with_value(self, node: int) -> str:
        value = f"{self.at(node):g}"
        if self.graph.rates[node] == CONST or node not in self.graph.owners:
            return value
        return f'"{self.graph.owners[node]}" = {value}'
