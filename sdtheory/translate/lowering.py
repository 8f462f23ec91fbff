"""PySD's abstract model and the document it came from made into a `Model`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from sdtheory.documents import Document
from sdtheory.documents.index import Entry
from sdtheory.errors import LimitError, ModelError, shown
from sdtheory.model.expression import (
    TIME,
    Binary,
    Call,
    Expression,
    Lookup,
    Number,
    Opaque,
    Table,
    Unary,
    mirrored,
    references,
    walk,
)
from sdtheory.model.functions import FUNCTIONS
from sdtheory.model.model import (
    Auxiliary,
    Constant,
    Data,
    Dimension,
    Equation,
    Flow,
    Model,
    SimulationSettings,
    Stock,
    Variable,
)
from sdtheory.model.model import Lookup as LookupVariable
from sdtheory.names import canonical
from sdtheory.translate.dimensions import smallest
from sdtheory.translate.expressions import CONTROLS, Expressions
from sdtheory.translate.faults import display_name, fault
from sdtheory.translate.flows import with_flows


def lower(document: Document, abstract: Any, dimensions: Mapping[str, Dimension]) -> Model:
    """The model that an abstract model and its document mean.

    Raises
    ------
    ModelError
        Naming variable, file and line.
    """
    return _Lowering(document, abstract, dimensions).model()


def variable_names(document: Document, abstract: Any) -> dict[str, str]:
    """The name of each variable by canonical name: as its declaration spells it."""
    names = {}
    for element in abstract.sections[0].elements:
        key = canonical(element.name)
        entry = document.variables.get(key)
        names[key] = display_name(entry) if entry is not None else element.name.strip('"')
    return names


def unit_definitions(document: Document) -> dict[str, str]:
    """Names of units to what the file says they mean: another name, or an expression of units."""
    found = {one.name: one.equation for one in document.unit_definitions if one.equation}
    for one in document.unit_definitions:
        found.update(dict.fromkeys(one.aliases, one.name))
    return found


class _Lowering:
    def __init__(self, document: Document, abstract: Any, dimensions: Mapping[str, Dimension]):
        self.document = document
        self.main = abstract.sections[0]
        self.dimensions = dimensions
        self.names = variable_names(document, abstract)
        lookups = {
            canonical(element.name)
            for element in self.main.elements
            if any(type(part).__name__ == "AbstractLookup" for part in element.components)
        }
        macros = {canonical(section.name): section for section in abstract.sections[1:]}
        self.expressions = Expressions(document, self.names, lookups, dimensions, macros)
        self.cells = 0

    def model(self) -> Model:
        found: dict[str, Variable] = {}
        controls: dict[str, Expression] = {}
        for element in self.main.elements:
            key = canonical(element.name)
            entry = self.document.variables.get(key)
            self.expressions.key = key
            self.expressions.axes = ()
            self.expressions.width = 1
            if key not in CONTROLS:
                found[key] = self._declared(element, entry)
                continue
            tree = controls[key] = self.expressions.tree(element.components[0].ast)
            if entry is not None:
                kind = Auxiliary if references(tree) else Constant
                found[key] = kind(element.name.upper(), (Equation(tree),), **_described(entry))
        order = {canonical(key): place for place, key in enumerate(self.document.variables)}
        variables = dict(sorted(found.items(), key=lambda item: order.get(item[0], len(order))))
        variables.update(self.expressions.hidden)
        self._check_count(variables)
        return Model(
            name=self.document.name or self.document.file.rsplit(".", 1)[0],
            variables=with_flows(self.document, variables),
            settings=self._settings(controls),
            dimensions=self.dimensions,
            unit_definitions=unit_definitions(self.document),
            file=self.document.file,
            limits=self.document.limits,
        )

    def _check_count(self, variables: Mapping[str, Variable]) -> None:
        missing = [
            entry.name
            for key, entry in self.document.variables.items()
            if entry.kind not in ("subscript", "module", "opaque")
            and canonical(key) not in variables
            and canonical(key) not in CONTROLS
        ]
        if missing:
            names = ", ".join(f"'{shown(name)}'" for name in missing[:10])
            count = "1 variable was" if len(missing) == 1 else f"{len(missing):,} variables were"
            raise ModelError(f"{count} not understood: {names}", file=self.document.file)

    # variables

    def _declared(self, element: Any, entry: Entry | None) -> Variable:
        dimensions = self._dimensions_of(element, entry)
        self.expressions.width = math.prod(len(self._elements(axis)) for axis in dimensions)
        kind: type[Variable] = Auxiliary
        extra: dict[str, Any] = {}
        equations: list[Equation] = []
        for component in element.components:
            self.expressions.axes = tuple(map(self.expressions.dimension_name, component.subscripts[0]))
            word = type(component).__name__
            if word == "AbstractLookup":
                kind = LookupVariable
            elif word == "AbstractData":
                kind, extra = Data, {"keyword": component.keyword or "interpolate"}
            elif type(component.ast).__name__ == "IntegStructure":
                kind, extra = Stock, {"non_negative": bool(component.ast.non_negative)}
            equations.extend(self._equations(component))
        if kind is Stock:
            # cells of a stock array that are given a number stay at it
            equations = [
                one if one.initial is not None else _at_rest(one)
                for one in equations
            ]  # fmt: skip
            extra |= {"inflows": entry.inflows if entry else (), "outflows": entry.outflows if entry else ()}
        elif kind is Auxiliary and all(map(_is_constant, equations)):
            kind = Constant
        if entry is not None and entry.kind == "flow" and kind in (Auxiliary, Constant):
            kind = Flow
        name = self.names[canonical(element.name)]
        described = _described(entry) if entry else {}
        return kind(name, tuple(equations), dimensions, **described, **extra)

    def _equations(self, component: Any) -> list[Equation]:
        axes, tree = self.expressions.axes, component.ast
        exceptions = tuple(
            tuple(map(self.expressions.dimension_name, left)) for left in component.subscripts[1] if left
        )
        kind = type(tree).__name__
        if isinstance(tree, np.ndarray):
            return self._array(tree, axes)
        if kind == "LookupsStructure":
            table = self.expressions.table(tree)
            if getattr(component, "keyword", None) in ("look_forward", "raw"):
                points, backwards = time_table(table.x, table.y, component.keyword)
                moment = Unary("-", TIME) if backwards else TIME
                return [Equation(Lookup(points, moment), axes, exceptions)]
            return [Equation(table, axes, exceptions)]
        if type(component).__name__ == "AbstractData":
            return [Equation(Opaque("data from outside the model"), axes, exceptions)]
        if kind == "IntegStructure":
            rate, initial = self.expressions.tree(tree.flow), self.expressions.tree(tree.initial)
            return [Equation(rate, axes, exceptions, initial)]
        return [Equation(self.expressions.tree(tree), axes, exceptions)]

    def _array(self, values: np.ndarray, axes: tuple[str, ...]) -> list[Equation]:
        """One equation for each number, row by row, the last axis running fastest."""
        cells = list(itertools.product(*map(self._elements, axes)))
        flat = np.asarray(values, dtype=float).reshape(-1)
        if len(flat) != len(cells):
            raise self.expressions.error(f"{len(flat)} numbers for {len(cells)} elements")
        return [Equation(Number(float(value)), cell) for cell, value in zip(cells, flat, strict=True)]

    def _elements(self, subscript: str) -> tuple[str, ...]:
        dimension = self.dimensions.get(canonical(subscript))
        return dimension.elements if dimension else (subscript,)

    def _dimensions_of(self, element: Any, entry: Entry | None) -> tuple[str, ...]:
        """The full dimension of each axis: the smallest that holds every subscript of the left sides."""
        lefts = [component.subscripts[0] for component in element.components]
        if not lefts or not any(lefts):
            return ()
        if len(set(map(len, lefts))) > 1:
            raise fault(self.document, entry, "its equations have different numbers of subscripts")
        axes = []
        for axis in range(len(lefts[0])):
            subscripts = [left[axis] for left in lefts]
            dimension = smallest(self.dimensions, subscripts)
            if dimension is None:
                names = ", ".join(sorted({shown(name) for name in subscripts})[:5])
                raise fault(self.document, entry, f"no subscript range holds {names}")
            if not dimension.elements:
                raise fault(self.document, entry, f"the dimension '{shown(dimension.name)}' has no elements")
            axes.append(dimension)
        self.cells += int(np.prod([float(len(axis.elements)) for axis in axes]))
        if self.cells > self.document.limits.cells:
            raise LimitError(
                f"'{shown(element.name)}' brings the array cells of the model to {self.cells:,}; "
                f"the limit is {self.document.limits.cells:,}",
                file=self.document.file,
                line=entry.line if entry else None,
                remedy="raise limits=Limits(cells=...)",
            )
        return tuple(axis.name for axis in axes)

    # settings

    def _settings(self, controls: Mapping[str, Expression]) -> SimulationSettings:
        simulation = self.document.simulation
        step = controls.get("time step", Number(1.0))
        save = controls.get("saveper", step)
        if self.document.format == "xmile":
            save = self._save_interval(step)
        return SimulationSettings(
            controls.get("initial time", Number(0.0)),
            controls.get("final time", Number(100.0)),
            step,
            save,
            _method(self.document),
            simulation.time_units,
        )

    def _save_interval(self, step: Expression) -> Expression:
        """PySD saves every step of an XMILE file; the file may ask for less."""
        text = self.document.simulation.save_every
        if not text:
            return step
        try:
            value = float(text)
        except ValueError:
            raise ModelError(
                f"the save interval '{shown(text)}' is not a number", file=self.document.file
            ) from None
        return Number(value) if value > 0 else step


def time_table(x: tuple[float, ...], y: tuple[float, ...], keyword: str) -> tuple[Table, bool]:
    """The points of data as a table, and whether it is read at minus the time.

    ``look_forward`` is the value of the next point; ``raw`` is missing except at the points.

    Examples
    --------
    >>> time_table((0.0, 1.0), (5.0, 6.0), "look_forward")
    (Table(x=(-1.0, -0.0), y=(6.0, 5.0), kind='hold_backward'), True)
    """
    if keyword == "look_forward":
        return mirrored(Table(x, y)), True
    if keyword != "raw":
        return Table(x, y, keyword), False
    points: list[tuple[float, float]] = [(x[0] - 1.0, np.nan)]
    for one, value in zip(x, y, strict=True):
        near = 1e-6 * max(1.0, abs(one))
        points += [(one - near, value), (one + near, np.nan)]
    xs, ys = zip(*points, strict=True)
    return Table(tuple(map(float, xs)), tuple(map(float, ys)), "hold_backward"), False


def _at_rest(equation: Equation) -> Equation:
    assert not isinstance(equation.expression, Table)
    return Equation(Number(0.0), equation.subscripts, equation.exceptions, equation.expression)


def _is_constant(equation: Equation) -> bool:
    tree = equation.expression
    if isinstance(tree, Table):
        return False
    plain = (Number, Unary, Binary)
    return all(
        isinstance(node, plain) or (isinstance(node, Call) and FUNCTIONS[node.function].kind == "pure")
        for node in walk(tree)
    )


def _described(entry: Entry) -> dict[str, Any]:
    return {
        "units": entry.units,
        "documentation": entry.documentation,
        "limits": entry.limits or (None, None),
        "line": entry.line,
        "column": entry.column,
    }


def _method(document: Document) -> str:
    """The integration method; an XMILE list names the wanted one first, then those that would do."""
    written = document.simulation.method.strip()
    for word in written.lower().split(",") or [""]:
        if word.strip() in ("", "euler", "0", "2"):
            return "euler"
        if word.strip() in ("rk4", "1", "5"):
            return "rk4"
    kind = {"3": " (second-order Runge-Kutta)", "4": " (second-order Runge-Kutta)"}.get(written, "")
    raise ModelError(
        f"integration method '{shown(written)}'{kind} is not supported",
        file=document.file,
        line=document.simulation.line,
        remedy="set it to Euler or RK4 in the file",
    )
