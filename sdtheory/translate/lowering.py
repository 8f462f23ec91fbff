"""PySD's abstract model made into our own values."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from sdtheory.documents import Document
from sdtheory.documents.index import Entry
from sdtheory.errors import ModelError, shown
from sdtheory.model.expression import (
    Binary,
    Call,
    Expression,
    Lookup,
    Name,
    Number,
    Opaque,
    Table,
    Unary,
    chain,
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
    reads,
)
from sdtheory.model.model import Lookup as LookupVariable
from sdtheory.names import canonical, nearest

CONTROLS = frozenset({"initial time", "final time", "time step", "saveper"})
# words of PySD's that differ from the keys of our table
WORDS = {"Xramp": "ramp", "Xpulse": "xmile_pulse", "Xpulse_train": "xmile_pulse_train", "vmax_xmile": "vmax",
         "vmin_xmile": "vmin", "arcsin": "arcsin", "int": "integer"}  # fmt: skip
LOGIC = {":AND:": "and", ":OR:": "or", "and": "and", "or": "or"}
ARRAY_FUNCTIONS = frozenset({"sum", "prod", "vmin", "vmax"})
KINDS = {"interpolate": "interpolate", "extrapolate": "extrapolate", "hold_backward": "hold_backward"}


def lower(document: Document, abstract: Any, translation: Any) -> Model:
    """The model that an abstract model and its document mean.

    Raises
    ------
    ModelError
        Naming variable, file and line.
    """
    return _Lowering(document, abstract, translation).model()


class _Lowering:
    def __init__(self, document: Document, abstract: Any, translation: Any):
        self.document = document
        self.abstract = abstract
        self.translation = translation
        self.main = abstract.sections[0]
        self.macros = {canonical(section.name): section for section in abstract.sections[1:]}
        self.dimensions = _dimensions(abstract)
        self.lookups = {
            canonical(element.name)
            for element in self.main.elements
            if any(type(part).__name__ == "AbstractLookup" for part in element.components)
        }
        self.hidden: dict[str, Variable] = {}
        self.calls = itertools.count(1)
        # state of the equation at hand
        self.variable = ""
        self.axes: tuple[str, ...] = ()
        self.local: dict[str, Name] = {}

    def model(self) -> Model:
        variables: dict[str, Variable] = {}
        controls: dict[str, Expression] = {}
        for element in self.main.elements:
            key = canonical(element.name)
            entry = self.document.variables.get(key)
            self.variable = entry.name if entry else element.name
            if key in CONTROLS:
                tree = self.expression(element.components[0].ast)
                controls[key] = tree
                if entry is None:
                    continue
                settings_variable: type[Variable] = Auxiliary if references(tree) else Constant
                variables[key] = settings_variable(
                    element.name.upper(), (Equation(tree),), **_described(entry)
                )
                continue
            variables[key] = self.declared(element, entry)
        variables.update(self.hidden)
        self._check_count(variables)
        model = Model(
            name=self.document.name or self.document.file.rsplit(".", 1)[0],
            variables=self._with_flows(variables),
            settings=self._settings(controls),
            dimensions={canonical(d.name): d for d in self.dimensions.values()},
            file=self.document.file,
            translation=self.translation,
        )
        return model

    # variables

    def declared(self, element: Any, entry: Entry | None) -> Variable:
        name = entry.name if entry else element.name
        equations: list[Equation] = []
        stock = False
        kind: type[Variable] = Auxiliary
        extra: dict[str, Any] = {}
        dimensions = self._dimensions_of(element)
        for component in element.components:
            self.axes = tuple(self._name_of(part) for part in component.subscripts[0])
            exceptions = tuple(tuple(map(self._name_of, left)) for left in component.subscripts[1] if left)
            word = type(component).__name__
            ast = component.ast
            if word == "AbstractLookup":
                kind = LookupVariable
                equations.append(Equation(self._table(ast), self.axes, exceptions))
            elif word == "AbstractData":
                kind, extra = Data, {"keyword": component.keyword or "interpolate"}
                equations.append(Equation(self._opaque(ast), self.axes, exceptions))
            elif isinstance(ast, np.ndarray):
                equations.extend(self._constant_array(ast))
            elif type(ast).__name__ == "IntegStructure":
                stock = True
                rate, initial = self.expression(ast.flow), self.expression(ast.initial)
                equations.append(Equation(rate, self.axes, exceptions, initial))
                extra = {"non_negative": bool(ast.non_negative)}
            else:
                equations.append(Equation(self.expression(ast), self.axes, exceptions))
        if stock:
            equations = [_as_level(equation) for equation in equations]
            kind = Stock
            extra |= {"inflows": entry.inflows if entry else (), "outflows": entry.outflows if entry else ()}
        elif kind is Auxiliary and all(_is_constant(equation) for equation in equations):
            kind = Constant
        if entry is not None and entry.kind == "flow" and kind in (Auxiliary, Constant):
            kind = Flow
        described = _described(entry) if entry else {}
        return kind(name, tuple(equations), dimensions, **described, **extra)

    def _dimensions_of(self, element: Any) -> tuple[str, ...]:
        """The full dimension of each axis: the smallest that holds every subscript of the left sides."""
        lefts = [component.subscripts[0] for component in element.components]
        if not lefts or not lefts[0]:
            return ()
        return tuple(self._smallest([left[axis] for left in lefts]) for axis in range(len(lefts[0])))

    def _smallest(self, subscripts: list[str]) -> str:
        wanted: dict[str, None] = {}
        for subscript in subscripts:
            dimension = self.dimensions.get(canonical(subscript))
            wanted.update(
                dict.fromkeys(map(canonical, dimension.elements) if dimension else [canonical(subscript)])
            )
        if len(subscripts) == 1 and canonical(subscripts[0]) in self.dimensions:
            return self.dimensions[canonical(subscripts[0])].name
        fitting = [
            dimension
            for dimension in self.dimensions.values()
            if set(wanted) <= set(map(canonical, dimension.elements))
        ]
        if not fitting:
            raise self._error(f"no dimension holds the subscripts {', '.join(sorted(set(subscripts)))}")
        return min(fitting, key=lambda dimension: len(dimension.elements)).name

    def _name_of(self, subscript: str) -> str:
        dimension = self.dimensions.get(canonical(subscript))
        return dimension.name if dimension else subscript

    def _constant_array(self, values: np.ndarray) -> list[Equation]:
        """One equation for each cell, row by row, the last axis running fastest."""
        members = [
            self.dimensions[canonical(axis)].elements if canonical(axis) in self.dimensions else (axis,)
            for axis in self.axes
        ]
        cells = list(itertools.product(*members))
        flat = np.asarray(values, dtype=float).reshape(-1)
        if len(flat) != len(cells):
            raise self._error(f"{len(flat)} numbers for {len(cells)} elements")
        return [Equation(Number(float(value)), cell) for cell, value in zip(cells, flat, strict=True)]

    def _check_count(self, variables: dict[str, Variable]) -> None:
        missing = [
            entry.name
            for key, entry in self.document.variables.items()
            if entry.kind not in ("subscript", "module", "opaque")
            and not entry.model
            and canonical(key) not in variables
            and canonical(key) not in CONTROLS
        ]
        if missing:
            names = ", ".join(f"'{shown(name)}'" for name in missing[:10])
            raise ModelError(
                f"{len(missing)} variables were not understood: {names}", file=self.document.file
            )

    def _with_flows(self, variables: dict[str, Variable]) -> dict[str, Variable]:
        """In a Vensim file, the names that stand as whole terms of a rate and do nothing else are flows."""
        if self.document.format != "vensim":
            return variables
        drawn = {
            canonical(element.variable)
            for view in self.document.views
            for element in view.elements
            if element.kind == "flow" and element.variable
        }
        used = {
            canonical(name.name)
            for variable in variables.values()
            if not isinstance(variable, Stock)
            for name in reads(variable)
        }
        result = dict(variables)
        for variable in variables.values():
            if isinstance(variable, Stock):
                result[canonical(variable.name)] = self._with_own_flows(variable, result, drawn, used)
        return result

    def _with_own_flows(self, stock: Stock, variables: dict[str, Variable], drawn: set, used: set) -> Stock:
        def real(names: tuple[str, ...]) -> tuple[str, ...]:
            flows = []
            for name in names:
                key = canonical(name)
                flow = variables.get(key)
                if isinstance(flow, Auxiliary | Constant) and (key in drawn or key not in used):
                    fields = {f.name: getattr(flow, f.name) for f in dataclasses.fields(Variable)}
                    variables[key] = flow = Flow(**fields)
                if isinstance(flow, Flow):
                    flows.append(flow.name)
            return tuple(flows)

        return dataclasses.replace(stock, inflows=real(stock.inflows), outflows=real(stock.outflows))

    def _settings(self, controls: dict[str, Expression]) -> SimulationSettings:
        simulation = self.document.simulation
        step = controls.get("time step", Number(1.0))
        save = controls.get("saveper", step)
        if self.document.format == "xmile":
            # PySD saves every step of an XMILE file; the file may ask for less
            save = step
            if simulation.save_every:
                try:
                    save = Number(float(simulation.save_every))
                except ValueError:
                    raise ModelError(
                        f"save interval '{shown(simulation.save_every)}' is not a number",
                        file=self.document.file,
                    ) from None
                if save.value <= 0:
                    save = step
        return SimulationSettings(
            controls.get("initial time", Number(0.0)),
            controls.get("final time", Number(100.0)),
            step,
            save,
            _method(self.document),
            simulation.time_units,
        )

    # expressions

    def _error(self, message: str, remedy: str | None = None) -> ModelError:
        entry = self.document.variables.get(canonical(self.variable))
        line, column = (
            (entry.blocks[0].line, entry.blocks[0].column) if entry and entry.blocks else (None, None)
        )
        text = f"'{shown(self.variable)}': {message}"
        return ModelError(text, file=self.document.file, line=line, column=column, remedy=remedy)

    def expression(self, node: Any) -> Expression:
        """Our tree for PySD's."""
        if isinstance(node, bool | int | float | np.number):
            return Number(float(node))
        handler: Callable[[Any], Expression] | None = getattr(self, f"_lower_{type(node).__name__}", None)
        if handler is None:
            return self._opaque(node)
        return handler(node)

    def _opaque(self, node: Any) -> Opaque:
        word = type(node).__name__.removesuffix("Structure")
        spaced = "".join(f" {c}" if c.isupper() else c for c in word).strip().upper()
        return Opaque(spaced, tuple(self._references(node)))

    def _references(self, node: Any) -> list[Name]:
        found: dict[Name, None] = {}
        stack = [node]
        while stack:
            part = stack.pop()
            if type(part).__name__ == "ReferenceStructure":
                tree = self.expression(part)
                if isinstance(tree, Name):
                    found[tree] = None
            elif dataclasses.is_dataclass(part):
                stack.extend(getattr(part, field.name) for field in dataclasses.fields(part))
            elif isinstance(part, tuple | list):
                stack.extend(part)
        return list(found)

    def _lower_ReferenceStructure(self, node: Any) -> Expression:
        key = canonical(node.reference)
        if key in self.local:
            return self.local[key]
        if key == "time" or key in CONTROLS:
            return Name(key)
        subscripts = (
            () if node.subscripts is None else tuple(map(self._subscript, node.subscripts.subscripts))
        )
        entry = self.document.variables.get(key)
        if entry is None or entry.kind == "subscript":
            if key in self.dimensions:
                return Opaque("a dimension used as a number")
            known = [e.name for e in self.document.variables.values()]
            close = nearest(node.reference.strip('"').replace("_", " "), known)
            name = shown(node.reference.strip('"').replace("_", " "))
            raise self._error(f"unknown variable '{name}'", f"did you mean '{close}'?" if close else None)
        return Name(entry.name, subscripts)

    def _subscript(self, text: str) -> str:
        mark = "!" if text.endswith("!") else ""
        return self._name_of(text.rstrip("!")) + mark

    def _lower_ArithmeticStructure(self, node: Any) -> Expression:
        operators, arguments = node.operators, [self.expression(argument) for argument in node.arguments]
        if operators == ["negative"]:
            return Unary("-", arguments[0])
        if "^" in operators:
            if _negative_number(node.arguments[0]):
                arguments[0] = self._negative_base(node, arguments[0])
                if isinstance(arguments[0], Unary):
                    inner = self._right_to_left([arguments[0].argument, *arguments[1:]])
                    return Unary("-", inner)
            return self._right_to_left(arguments)
        return chain(arguments[0], list(zip(operators, arguments[1:], strict=True)))

    def _right_to_left(self, arguments: list[Expression]) -> Expression:
        result = arguments[-1]
        for base in reversed(arguments[:-1]):
            result = Binary("^", base, result)
        return result

    def _negative_base(self, node: Any, base: Expression) -> Expression:
        """``-2^2`` is -(2^2) and ``(-2)^2`` is 4; only the file's own text tells them apart."""
        value = base.value if isinstance(base, Number) else 0.0
        entry = self.document.variables.get(canonical(self.variable))
        text = "".join("".join(block.equation for block in entry.blocks).split()) if entry else ""
        from sdtheory.model.expression import number_text

        if f"({number_text(value)})^" in text or f"({value})^" in text:
            return base
        return Unary("-", Number(-value))

    def _lower_LogicStructure(self, node: Any) -> Expression:
        operators = [str(operator) for operator in node.operators]
        arguments = [self.expression(argument) for argument in node.arguments]
        if len(arguments) == 1:
            return Unary("not", arguments[0])
        rest = [
            (LOGIC.get(op.upper(), LOGIC.get(op.lower(), op)), b)
            for op, b in zip(operators, arguments[1:], strict=True)
        ]
        return chain(arguments[0], rest)

    def _lower_CallStructure(self, node: Any) -> Expression:
        word = node.function.reference if hasattr(node.function, "reference") else str(node.function)
        key = canonical(word)
        if key in self.lookups:
            table = self.expression(node.function)
            assert isinstance(table, Name)
            return Lookup(table, self.expression(node.arguments[0]))
        if key in self.macros:
            return self._macro_call(self.macros[key], node.arguments)
        name = WORDS.get(word, word)
        if key == "a function of":
            raise self._error(
                "A FUNCTION OF stands for an equation that is not written yet", "write the equation"
            )
        if name not in FUNCTIONS:
            if word in known_functions():
                return self._opaque_call(word, node)
            hint = nearest(word.replace("_", " "), [row.vensim or row.xmile for row in FUNCTIONS.values()])
            shown_word = shown(word.replace("_", " ").strip('"'))
            raise self._error(f"unknown function '{shown_word}'", f"did you mean '{hint}'?" if hint else None)
        row = FUNCTIONS[name]
        if not row.arity[0] <= len(node.arguments) <= row.arity[1]:
            count = f"{row.arity[0]}" if row.arity[0] == row.arity[1] else f"{row.arity[0]} to {row.arity[1]}"
            raise self._error(f"{row.vensim or row.xmile} takes {count} arguments, not {len(node.arguments)}")
        arguments = tuple(self.expression(argument) for argument in node.arguments)
        if row.kind == "random" or (row.kind == "array" and name not in ARRAY_FUNCTIONS):
            return self._opaque_call(word, node)
        if name in ARRAY_FUNCTIONS and self.document.format == "xmile":
            arguments = tuple(self._aggregated(argument) for argument in arguments)
        return Call(name, arguments)

    def _opaque_call(self, word: str, node: Any) -> Opaque:
        return Opaque(word.replace("_", " ").upper(), tuple(self._references(list(node.arguments))))

    def _aggregated(self, tree: Expression) -> Expression:
        """XMILE writes ``SUM(x[*])`` or ``SUM(x)``: every dimension that the left side does not fix is run over."""
        from sdtheory.model.expression import substitute

        fixed = {canonical(axis) for axis in self.axes}

        def marked(name: Name) -> Name | None:
            entry = self.document.variables.get(canonical(name.name))
            subscripts = name.subscripts or (entry.dimensions if entry else ())
            return Name(
                name.name,
                tuple(
                    s + "!" if canonical(s) in self.dimensions and canonical(s) not in fixed else s
                    for s in subscripts
                ),
            )

        return substitute(tree, marked)

    def _macro_call(self, section: Any, arguments: Any) -> Expression:
        """The macro's own variables, made anew for this call as hidden ones; gives the name of its result."""
        prefix = f"{self.variable}~{section.name}{next(self.calls)}~"
        subscripts = self.axes
        outer, outer_variable = self.local, self.variable
        local: dict[str, Name] = {}
        for element in section.elements:
            local[canonical(element.name)] = Name(prefix + element.name, subscripts)
        for name, argument in zip(section.params, arguments, strict=False):
            value = self.expression(argument)
            hidden = Name(prefix + name, subscripts)
            self._hide(hidden, Equation(value, subscripts), outer_variable)
            local[canonical(name)] = hidden
        if len(section.params) != len(arguments):
            raise self._error(
                f"macro {shown(section.name)} takes {len(section.params)} arguments, not {len(arguments)}"
            )
        self.local = local
        for element in section.elements:
            (component,) = element.components
            ast = component.ast
            hidden = local[canonical(element.name)]
            if type(ast).__name__ == "IntegStructure":
                equation = Equation(self.expression(ast.flow), subscripts, (), self.expression(ast.initial))
            elif type(component).__name__ == "AbstractLookup":
                raise self._error(f"macro {shown(section.name)} holds a lookup, which is not supported yet")
            else:
                equation = Equation(self.expression(ast), subscripts)
            self._hide(hidden, equation, outer_variable)
        self.local = outer
        return local[canonical(section.name)]

    def _hide(self, name: Name, equation: Equation, owner: str) -> None:
        dimensions = tuple(self._smallest([subscript]) for subscript in equation.subscripts)
        kind: type[Variable] = Auxiliary if equation.initial is None else Stock
        self.hidden[canonical(name.name)] = kind(name.name, (equation,), dimensions, owner=owner)

    def _table(self, node: Any) -> Table:
        if type(node).__name__ != "LookupsStructure":
            raise self._error("the points of a lookup are read from a data file, which is not supported yet")
        return Table(tuple(map(float, node.x)), tuple(map(float, node.y)), KINDS[node.type])

    def _lower_InlineLookupsStructure(self, node: Any) -> Expression:
        return Lookup(self._table(node.lookups), self.expression(node.argument))

    def _lower_GameStructure(self, node: Any) -> Expression:
        return Call("game", (self.expression(node.expression),))

    def _lower_InitialStructure(self, node: Any) -> Expression:
        return Call("initial", (self.expression(node.initial),))

    def _lower_IntegStructure(self, node: Any) -> Expression:
        return Call("integ", (self.expression(node.flow), self.expression(node.initial)))

    def _stateful(self, key: str, *parts: Any) -> Expression:
        return Call(key, tuple(self.expression(part) for part in parts))

    def _lower_DelayStructure(self, node: Any) -> Expression:
        return self._stateful("delay", node.input, node.delay_time, node.initial, node.order)

    def _lower_DelayNStructure(self, node: Any) -> Expression:
        return self._ordered("delay_n", node.input, node.delay_time, node.initial, node.order)

    def _lower_SmoothStructure(self, node: Any) -> Expression:
        return self._stateful("smooth", node.input, node.smooth_time, node.initial, node.order)

    def _lower_SmoothNStructure(self, node: Any) -> Expression:
        return self._ordered("smooth", node.input, node.smooth_time, node.initial, node.order)

    def _ordered(self, key: str, source: Any, time: Any, initial: Any, order: Any) -> Expression:
        tree = self._stateful(key, source, time, initial, order)
        assert isinstance(tree, Call)
        number = tree.arguments[3]
        if not isinstance(number, Number):
            word = "DELAY N" if key == "delay_n" else "SMOOTH N"
            return Opaque(f"{word} with a computed order", tuple(references(tree)))
        if not 1 <= number.value <= 1000:
            raise self._error(f"an order of {number.value:g}; it must be 1 to 1,000")
        return tree

    def _lower_DelayFixedStructure(self, node: Any) -> Expression:
        return self._stateful("delay_fixed", node.input, node.delay_time, node.initial)

    def _lower_TrendStructure(self, node: Any) -> Expression:
        return self._stateful("trend", node.input, node.average_time, node.initial_trend)

    def _lower_ForecastStructure(self, node: Any) -> Expression:
        return self._stateful("forecast", node.input, node.average_time, node.horizon, node.initial_trend)

    def _lower_SampleIfTrueStructure(self, node: Any) -> Expression:
        return self._stateful("sample_if_true", node.condition, node.input, node.initial)


def known_functions() -> frozenset[str]:
    """Function words that PySD's builder knows."""
    from pysd.builders.python.python_functions import functionspace

    return frozenset(functionspace) | {"elm_map", "vector_elm_map"}


def _negative_number(node: Any) -> bool:
    return isinstance(node, int | float | np.number) and not isinstance(node, bool) and float(node) < 0


def _is_constant(equation: Equation) -> bool:
    tree = equation.expression
    if isinstance(tree, Table):
        return False
    plain = (Number, Unary, Binary)
    return all(
        isinstance(node, plain) or (isinstance(node, Call) and FUNCTIONS[node.function].kind == "pure")
        for node in walk(tree)
    )


def _as_level(equation: Equation) -> Equation:
    """A part of a stock that has no rate keeps its value."""
    if equation.initial is not None or isinstance(equation.expression, Table):
        return equation
    return Equation(Number(0.0), equation.subscripts, equation.exceptions, equation.expression)


def _described(entry: Entry) -> dict[str, Any]:
    return {
        "units": entry.units,
        "documentation": entry.documentation,
        "limits": entry.limits or (None, None),
        "line": entry.line,
        "column": entry.column,
    }


def _method(document: Document) -> str:
    text = document.simulation.method.strip().lower()
    if text in ("", "euler", "0", "2"):
        return "euler"
    if text in ("rk4", "1", "5"):
        return "rk4"
    raise ModelError(
        f"integration method '{shown(document.simulation.method)}' is not supported",
        file=document.file,
        line=document.simulation.line,
        remedy="set it to Euler or RK4 in the file",
    )


def _dimensions(abstract: Any) -> dict[str, Dimension]:
    ranges = {canonical(r.name): r for section in abstract.sections for r in section.subscripts}

    def members(key: str, seen: tuple[str, ...] = ()) -> tuple[str, ...]:
        inside = ranges[key].subscripts
        if isinstance(inside, dict):
            raise ModelError(
                f"dimension '{shown(ranges[key].name)}' is read from a data file, which is not supported yet"
            )
        if isinstance(inside, str):
            inside = [inside]
        found: list[str] = []
        for part in inside:
            inner = canonical(part)
            if inner in ranges and inner not in seen and inner != key:
                found.extend(members(inner, (*seen, key)))
            else:
                found.append(part)
        return tuple(found)

    elements = {key: members(key) for key in ranges}
    result = {}
    for key, subscript in ranges.items():
        mappings = []
        for name in subscript.mapping:
            other = canonical(name)
            if other in elements and len(elements[other]) == len(elements[key]):
                mappings.append((ranges[other].name, elements[other]))
        result[key] = Dimension(subscript.name, elements[key], tuple(mappings))
    return result
