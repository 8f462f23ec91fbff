"""Which variables of a Vensim file are flows: the file does not say, its stocks' rates do."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from sdtheory.documents import Document
from sdtheory.model.model import Auxiliary, Constant, Flow, Stock, Variable, reads
from sdtheory.names import canonical


def with_flows(document: Document, variables: Mapping[str, Variable]) -> dict[str, Variable]:
    """The variables with flows told from auxiliaries, and each stock's flows as their declarations spell them.

    A name that stands as a whole term of a rate is a flow when it does nothing else, or is drawn with a valve.
    """
    drawn = {
        canonical(element.variable)
        for view in document.views
        for element in view.elements
        if element.kind == "flow" and element.variable
    }
    used = {
        canonical(name.name)
        for variable in variables.values()
        if not isinstance(variable, Stock)
        for name in reads(variable)
    }
    found = dict(variables)

    def flows(names: tuple[str, ...], model: str) -> tuple[str, ...]:
        spelled = []
        for name in names:
            key = canonical(name)
            if model and canonical(f"{model}.{name}") in found:
                key = canonical(f"{model}.{name}")
            variable = found.get(key)
            wanted = document.format == "xmile" or key in drawn or key not in used
            if isinstance(variable, Auxiliary | Constant) and wanted:
                fields = {part.name: getattr(variable, part.name) for part in dataclasses.fields(Variable)}
                found[key] = variable = Flow(**fields)
            if isinstance(variable, Flow):
                spelled.append(variable.name)
        return tuple(spelled)

    for key, variable in variables.items():
        if isinstance(variable, Stock):
            entry = document.variables.get(key)
            model = entry.model if entry is not None else ""
            found[key] = dataclasses.replace(
                variable,
                inflows=flows(variable.inflows, model),
                outflows=flows(variable.outflows, model),
            )
    return found
