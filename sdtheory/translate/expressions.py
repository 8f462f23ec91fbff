"""PySD's syntax trees made into our expression trees."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from sdtheory.documents import Document, words
from sdtheory.errors import LimitError, ModelError, shown
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
    walk,
)
from sdtheory.model.functions import FUNCTIONS
from sdtheory.model.model import Auxiliary, Constant, Dimension, Equation, Stock, Variable
from sdtheory.model.model import Lookup as LookupVariable
from sdtheory.model.subscripts import POSITION
from sdtheory.names import canonical, nearest
from sdtheory.translate.dimensions import marked, positions, smallest
from sdtheory.translate.faults import fault, name_in
from sdtheory.translate.syntax import arguments
from sdtheory.translate.translation import known_functions

CONTROLS = frozenset(words.CONTROLS)
# words of PySD's that differ from the keys of our table
WORDS = {
    "Xramp": "ramp",
    "Xpulse": "xmile_pulse",
    "Xpulse_train": "xmile_pulse_train",
    "vmax_xmile": "vmax",
    "vmin_xmile": "vmin",
}
# words of XMILE files that are not the keys of our table
XMILE_WORDS = {"uniform": "random_uniform", "random": "random_uniform"}
ARRAY_FUNCTIONS = frozenset({"sum", "prod", "vmin", "vmax"})
_MARK = {"vensim": "mark a subscript with '!'", "xmile": "write [*] behind an array"}


def function_key(word: str, format: str) -> str | None:
    """The key of our table for a function word of PySD's trees, or None when the format has no such function.

    Examples
    --------
    >>> function_key("Xpulse", "xmile"), function_key("random", "xmile"), function_key("random", "vensim")
    ('xmile_pulse', 'random_uniform', None)
    """
    key = WORDS.get(word, XMILE_WORDS.get(word, word) if format == "xmile" else word)
    row = FUNCTIONS.get(key)
    if row is None:
        return None
    named = row.vensim if format == "vensim" else row.xmile
    return key if named or word in WORDS or word in known_functions() else None


class Expressions:
    """The way from PySD's trees to ours, within one model.

    Parameters
    ----------
    document : Document
    names : mapping
        Canonical name of each variable to its name in the model.
    lookups : collection of str
        Canonical names of those that are lookups.
    dimensions : mapping
    macros : mapping
        Canonical name to PySD's section.
    """

    def __init__(
        self,
        document: Document,
        names: Mapping[str, str],
        lookups: Collection[str],
        dimensions: Mapping[str, Dimension],
        macros: Mapping[str, Any],
    ):
        self.document = document
        self.names = names
        self.lookups = lookups
        self.dimensions = dimensions
        self.macros = macros
        self.positions = positions(dimensions)
        self.functions = known_functions()
        self.hidden: dict[str, Variable] = {}
        self.calls = itertools.count(1)
        self.sites = 0  # given to random functions so far
        # the equation at hand
        self.key = ""
        self.axes: tuple[str, ...] = ()
        self.width = 1  # cells that the variable has, times those that an array function runs over
        self.local: dict[str, Name] = {}
        self.open_macros: tuple[str, ...] = ()

    def tree(self, node: Any) -> Expression:
        """Our tree for PySD's."""
        if isinstance(node, bool | int | float | np.number):
            return Number(float(node))
        handler: Callable[[Any], Expression] | None = getattr(self, f"_{type(node).__name__}", None)
        return self.opaque(node) if handler is None else handler(node)

    def table(self, node: Any) -> Table:
        """The points of a lookup."""
        return Table(tuple(map(float, node.x)), tuple(map(float, node.y)), node.type)

    def dimension_name(self, subscript: str) -> str:
        """A subscript as its dimension spells it; an element stays."""
        dimension = self.dimensions.get(canonical(subscript))
        return dimension.name if dimension else subscript

    def error(self, message: str, remedy: str | None = None, name: str = "") -> ModelError:
        """The error for something wrong in the equation at hand, at a name in it if one is given."""
        entries = [self.document.variables.get(self.key)]
        if self.open_macros:
            macro = self.document.macros.get(self.open_macros[-1])
            entries += macro.variables.values() if macro is not None else ()
        for entry in reversed(entries):
            found = name_in(self.document, entry, name) if entry is not None and name else None
            if found is not None:
                return fault(self.document, entry, message, remedy, *found)
        return fault(self.document, entries[0], message, remedy)

    def opaque(self, node: Any, text: str = "") -> Opaque:
        """Something that only the reference engine runs."""
        word = type(node).__name__.removesuffix("Structure")
        spaced = "".join(f" {c}" if c.isupper() else c for c in word).strip().upper()
        return Opaque(text or spaced, tuple(self._names_in(node)))

    def _names_in(self, node: Any) -> list[Name]:
        found: dict[Name, None] = {}
        stack = [node]
        while stack:
            part = stack.pop()
            if type(part).__name__ == "ReferenceStructure":
                tree = self.tree(part)
                if isinstance(tree, Name):
                    found[tree] = None
            elif dataclasses.is_dataclass(part):
                stack.extend(getattr(part, field.name) for field in dataclasses.fields(part))
            elif isinstance(part, tuple | list):
                stack.extend(reversed(part))
        return list(found)

    # names

    def _ReferenceStructure(self, node: Any) -> Expression:
        key = canonical(node.reference)
        if key in self.local:
            return self.local[key]
        if key == "time" or key in CONTROLS:
            return Name(key)
        if key in self.names:
            inside = node.subscripts.subscripts if node.subscripts is not None else ()
            return Name(self.names[key], tuple(map(self._subscript, inside)))
        if key in self.dimensions:
            return self._position(self.dimensions[key])
        if key in self.positions:
            return Number(float(self.positions[key]))
        raise self._unknown("variable", node.reference, self.names.values())

    def _unknown(self, kind: str, written: str, known: Collection[str]) -> ModelError:
        name = written.strip('"').replace("_", " ")
        close = nearest(name, [one for one in known if canonical(one) != canonical(name)])
        remedy = f"did you mean '{shown(close)}'?" if close else None
        place = f" in macro '{self._macro(self.open_macros[-1])}'" if self.open_macros else ""
        return self.error(f"unknown {kind} '{shown(name)}'{place}", remedy, written)

    def _macro(self, name: str) -> str:
        """The name of a macro as the file spells it."""
        declared = self.document.macros.get(name)
        return shown(declared.name if declared is not None else name)

    def _subscript(self, text: str) -> str:
        mark = "!" if text.endswith("!") else ""
        return self.dimension_name(text.rstrip("! ")) + mark

    def _position(self, dimension: Dimension) -> Name:
        """A dimension used as a number: which of its elements it is."""
        name = Name(f"{dimension.name}{POSITION}", (dimension.name,))
        equations = tuple(
            Equation(Number(float(self.positions[canonical(element)])), (element,))
            for element in dimension.elements
        )
        owner = self.names.get(self.key, dimension.name)
        hidden = Constant(name.name, equations, (dimension.name,), owner=owner)
        self.hidden.setdefault(canonical(name.name), hidden)
        return name

    # operators

    def _ArithmeticStructure(self, node: Any) -> Expression:
        arguments = [self.tree(argument) for argument in node.arguments]
        if node.operators == ["negative"]:
            return Unary("-", arguments[0])
        if "^" in node.operators:
            result = arguments[-1]
            for base in reversed(arguments[:-1]):
                result = Binary("^", base, result)
            return result
        return chain(arguments[0], list(zip(node.operators, arguments[1:], strict=True)))

    def _LogicStructure(self, node: Any) -> Expression:
        arguments = [self.tree(argument) for argument in node.arguments]
        if len(arguments) == 1:
            return Unary("not", arguments[0])
        operators = [str(operator).strip(":").lower() for operator in node.operators]
        return chain(arguments[0], list(zip(operators, arguments[1:], strict=True)))

    # calls

    def _CallStructure(self, node: Any) -> Expression:
        if type(node.function).__name__ != "ReferenceStructure":
            raise self.error("a call of something that is no function")
        word = node.function.reference
        key = canonical(word)
        if self._is_lookup(key):
            if len(node.arguments) != 1:
                count = len(node.arguments)
                raise self.error(f"the lookup '{shown(word)}' takes 1 argument, not {count}", None, word)
            table = self.tree(node.function)
            assert isinstance(table, Name)
            return Lookup(table, self.tree(node.arguments[0]))
        if key in self.macros:
            return self._macro_call(self.macros[key], node.arguments)
        if word == "elmcount" and len(node.arguments) == 1:
            return self._count(node.arguments[0])
        name = function_key(word, self.document.format)
        if name is None:
            if word in self.functions:
                return self.opaque(list(node.arguments), word.replace("_", " ").upper())
            if key in self.names or key in self.local:
                raise self.error(f"'{shown(word)}' is not a lookup, so it cannot be called", None, word)
            raise self._unknown("function", word, self._words())
        return self._function(name, node)

    def _words(self) -> list[str]:
        """The functions by the names that they have in the file's language."""
        xmile = self.document.format == "xmile"
        return [(row.xmile if xmile else row.vensim) for row in FUNCTIONS.values()]

    def _function(self, name: str, node: Any) -> Expression:
        row = FUNCTIONS[name]
        word = node.function.reference
        if not row.arity[0] <= len(node.arguments) <= row.arity[1]:
            raise self.error(
                f"{row.vensim or row.xmile} takes {arguments(*row.arity)}, not {len(node.arguments)}",
                None,
                word,
            )
        if row.kind == "random":
            site = Number(float(self.sites))
            self.sites += self.width
            return Call(name, (*map(self.tree, node.arguments), site))
        if row.kind != "array":
            return Call(name, tuple(map(self.tree, node.arguments)))
        outer = self.width
        self.width *= math.prod(map(self._size, marked(node.arguments)))
        call = Call(name, tuple(map(self.tree, node.arguments)))
        self.width = outer
        if name in ARRAY_FUNCTIONS and not any(map(_runs_over, walk(call))):
            raise self.error(
                f"{row.vensim or row.xmile} runs over nothing", _MARK[self.document.format], word
            )
        return call

    def _size(self, dimension: str) -> int:
        found = self.dimensions.get(canonical(dimension))
        return len(found.elements) if found else 1

    def _is_lookup(self, key: str) -> bool:
        if key in self.local:
            return isinstance(self.hidden.get(canonical(self.local[key].name)), LookupVariable)
        return key in self.lookups

    def _count(self, argument: Any) -> Expression:
        dimension = self.dimensions.get(canonical(getattr(argument, "reference", "")))
        if dimension is None:
            raise self.error("ELMCOUNT takes the name of a subscript range")
        return Number(float(len(dimension.elements)))

    def _macro_call(self, section: Any, given: Any) -> Expression:
        """The macro's own variables, made anew for this call as hidden ones; gives the name of its result."""
        macro = f"macro '{self._macro(section.name)}'"
        if len(section.params) != len(given):
            count = arguments(len(section.params), len(section.params))
            raise self.error(f"{macro} takes {count}, not {len(given)}", None, section.name)
        if section.name in self.open_macros:
            raise self.error(f"{macro} calls itself")
        prefix = f"{self.names.get(self.key, self.key)}~{section.name}{next(self.calls)}~"
        local = {
            canonical(name): Name(prefix + name, self.axes)
            for name in (*section.params, *(element.name for element in section.elements))
        }
        for name, argument in zip(section.params, given, strict=True):
            self._hide(local[canonical(name)], Auxiliary, Equation(self.tree(argument), self.axes))
        outer = self.local, self.open_macros
        self.local, self.open_macros = local, (*self.open_macros, section.name)
        lookups = [element for element in section.elements if _lookup_element(element)]
        for element in lookups:
            name = Name(prefix + element.name)
            self.local[canonical(element.name)] = name
            table = Equation(self.table(element.components[0].ast))
            self.hidden[canonical(name.name)] = LookupVariable(
                name.name, (table,), owner=self.names.get(self.key, self.key)
            )
        for element in section.elements:
            if element not in lookups:
                self._expand(section, element)
        result = local.get(canonical(section.name))
        self.local, self.open_macros = outer
        if result is None:
            raise self.error(f"{macro} has no equation for its own name")
        return result

    def _expand(self, section: Any, element: Any) -> None:
        if len(element.components) != 1 or element.components[0].subscripts[0]:
            raise self.error(f"macro '{self._macro(section.name)}' holds an array, which is not supported")
        tree = element.components[0].ast
        name = self.local[canonical(element.name)]
        if type(tree).__name__ == "IntegStructure":
            rate, initial = self.tree(tree.flow), self.tree(tree.initial)
            self._hide(name, Stock, Equation(rate, self.axes, (), initial))
        else:
            self._hide(name, Auxiliary, Equation(self.tree(tree), self.axes))

    def _hide(self, name: Name, kind: type[Variable], equation: Equation) -> None:
        axes = [smallest(self.dimensions, [subscript]) for subscript in equation.subscripts]
        dimensions = tuple(axis.name for axis in axes if axis is not None)
        owner = self.names.get(self.key, self.key)
        self.hidden[canonical(name.name)] = kind(name.name, (equation,), dimensions, owner=owner)

    # structures of their own

    def _InlineLookupsStructure(self, node: Any) -> Expression:
        if type(node.lookups).__name__ != "LookupsStructure":
            raise self.error("the second argument of WITH LOOKUP must be a list of points")
        return Lookup(self.table(node.lookups), self.tree(node.argument))

    def _GameStructure(self, node: Any) -> Expression:
        return self._state("game", node.expression)

    def _InitialStructure(self, node: Any) -> Expression:
        return self._state("initial", node.initial)

    def _IntegStructure(self, node: Any) -> Expression:
        return self._state("integ", node.flow, node.initial)

    def _DelayStructure(self, node: Any) -> Expression:
        return self._state("delay", node.input, node.delay_time, node.initial, node.order)

    def _DelayNStructure(self, node: Any) -> Expression:
        return self._ordered("delay_n", node, node.delay_time)

    def _SmoothStructure(self, node: Any) -> Expression:
        return self._state("smooth", node.input, node.smooth_time, node.initial, node.order)

    def _SmoothNStructure(self, node: Any) -> Expression:
        return self._ordered("smooth", node, node.smooth_time)

    def _DelayFixedStructure(self, node: Any) -> Expression:
        return self._state("delay_fixed", node.input, node.delay_time, node.initial)

    def _TrendStructure(self, node: Any) -> Expression:
        return self._state("trend", node.input, node.average_time, node.initial_trend)

    def _ForecastStructure(self, node: Any) -> Expression:
        return self._state("forecast", node.input, node.average_time, node.horizon, node.initial_trend)

    def _SampleIfTrueStructure(self, node: Any) -> Expression:
        return self._state("sample_if_true", node.condition, node.input, node.initial)

    def _state(self, key: str, *parts: Any) -> Call:
        return Call(key, tuple(map(self.tree, parts)))

    def _ordered(self, key: str, node: Any, time: Any) -> Expression:
        call = self._state(key, node.input, time, node.initial, node.order)
        order = call.arguments[3]
        most = self.document.limits.delay_order
        if isinstance(order, Number) and order.value > most:
            error = self.error(f"an order of {order.value:,.0f}; the limit is {most:,}")
            place: dict[str, Any] = {"file": error.file, "line": error.line, "column": error.column}
            raise LimitError(error.message, **place, remedy="raise limits=Limits(delay_order=...)")
        if isinstance(order, Number) and not order.value >= 1:
            raise self.error(f"an order of {order.value:g}", "give a whole number of 1 or more")
        return call


def _runs_over(node: Expression) -> bool:
    return isinstance(node, Name) and any(subscript.endswith("!") for subscript in node.subscripts)


def _lookup_element(element: Any) -> bool:
    return any(type(part).__name__ == "AbstractLookup" for part in element.components)
