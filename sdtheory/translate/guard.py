"""What stands between a model file and generated code: numbers instead of names.

Nothing that a user wrote reaches PySD's builder: every name is replaced by a numbered one, documentation
and units are emptied, function names must be known. What is left is numbers and words of a fixed list.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from sdtheory.documents import Document
from sdtheory.documents.remembered import moved
from sdtheory.errors import ModelError, shown
from sdtheory.names import canonical
from sdtheory.translate.expressions import CONTROLS, function_key
from sdtheory.translate.lowering import time_table, variable_names
from sdtheory.translate.translation import (
    STRUCTURES,
    WORDS,
    Translation,
    abstract_codec,
    known_functions,
)


def guarded(document: Document, abstract: Any) -> Translation:
    """Number everything that a user wrote.

    Parameters
    ----------
    document : Document
        For the names as the file spells them.
    abstract : pysd AbstractModel
        Not changed.

    Raises
    ------
    ModelError
        For an unknown kind of structure, or a string that is left over.
    """
    try:
        names = variable_names(document, abstract)
        return _Guard(abstract, names, known_functions(), document.file, document.format).translation()
    except (AttributeError, TypeError, ValueError, LookupError, OverflowError, RecursionError) as error:
        # something of PySD's is not what it always was; nothing is built from it
        raise ModelError(
            f"PySD returned something unknown: {shown(error)}",
            file=document.file,
            remedy="please report this file",
        ) from error


class _Guard:
    def __init__(
        self, abstract: Any, names: Mapping[str, str], functions: frozenset[str], file: str, format: str
    ):
        self.abstract = abstract
        self.file = file
        self.format = format
        self.functions = functions
        self.names = names
        self.macros = {canonical(section.name): f"m{i}" for i, section in enumerate(abstract.sections[1:])}
        self.dimensions: dict[str, str] = {}
        self.elements: dict[str, str] = {}
        self.dimension_names: dict[str, str] = {}
        self.element_names: dict[str, str] = {}
        for section in abstract.sections:
            for subscript in section.subscripts:
                key = canonical(subscript.name)
                if key not in self.dimensions:
                    self.dimensions[key] = f"d{len(self.dimensions)}"
                    self.dimension_names[self.dimensions[key]] = subscript.name
        for section in abstract.sections:
            for subscript in section.subscripts:
                if isinstance(subscript.subscripts, list | tuple):
                    for element in subscript.subscripts:
                        self._member(element, subscript.name)
        self.variables: dict[str, str] = {}
        self.numbered: dict[str, str] = {}
        self.added: list[Any] = []
        self.inside_array = False
        self.tables: set[str] = set()  # what may be called: lookups of the section, and its parameters

    def _element(self, name: str) -> str:
        key = canonical(name)
        if key in self.dimensions:
            return self.dimensions[key]
        if key not in self.elements:
            self.elements[key] = f"e{len(self.elements)}"
            self.element_names[self.elements[key]] = name
        return self.elements[key]

    def _member(self, name: str, dimension: str) -> str:
        """An element or a range inside a dimension; one with the dimension's own name is an element."""
        if canonical(name) != canonical(dimension):
            return self._element(name)
        key = f"{canonical(name)} inside itself"
        number = self.elements.setdefault(key, f"e{len(self.elements)}")
        self.element_names[number] = name
        return number

    def translation(self) -> Translation:
        sections = []
        for place, section in enumerate(self.abstract.sections):
            self.variables = {}
            locals_ = [*section.params, *(element.name for element in section.elements)]
            for name in locals_:
                key = canonical(name)
                if key not in CONTROLS and key not in self.variables:
                    self.variables[key] = self._number(self.names.get(key, name))
            sections.append(self._section(section, place))
        abstract = dataclasses.replace(self.abstract, original_path="model.mdl", sections=tuple(sections))
        encoded = abstract_codec().encode(abstract)
        return Translation(encoded, self.numbered, self.dimension_names, self.element_names)

    def _number(self, name: str) -> str:
        number = f"v{len(self.numbered)}"
        self.numbered[number] = name
        return number

    def _section(self, section: Any, place: int) -> Any:
        own = "__main__" if place == 0 else self.macros[canonical(section.name)]
        if place:
            self.variables[canonical(section.name)] = own
        self.tables = {canonical(name) for name in section.params} | {
            canonical(element.name)
            for element in section.elements
            if any(type(part).__name__ == "AbstractLookup" for part in element.components)
        }
        self.added = []
        elements = [self._element_of_model(element) for element in section.elements]
        return dataclasses.replace(
            section,
            name=own,
            path="model.py" if place == 0 else f"{own}.py",
            params=[self.variables[canonical(name)] for name in section.params],
            returns=[self.variables.get(canonical(name), own) for name in section.returns],
            subscripts=tuple(self._range(subscript) for subscript in section.subscripts),
            elements=(*elements, *self.added),
            constraints=(),
            test_inputs=(),
            views_dict=None,
        )

    def _range(self, subscript: Any) -> Any:
        inside = subscript.subscripts
        if isinstance(inside, str):
            inside = self.dimensions.get(canonical(inside), "")
        else:
            inside = [self._member(element, subscript.name) for element in inside]
        mapping = [
            self.dimensions[canonical(name)]
            for name in subscript.mapping
            if canonical(name) in self.dimensions
        ]
        own = self.dimensions[canonical(subscript.name)]
        return dataclasses.replace(subscript, name=own, subscripts=inside, mapping=mapping)

    def _element_of_model(self, element: Any) -> Any:
        key = canonical(element.name)
        name = key.upper() if key in CONTROLS else self.variables[key]
        self.inside_array = any(component.subscripts[0] for component in element.components)
        components = [
            moved(
                component,
                subscripts=(
                    [self._element(part) for part in component.subscripts[0]],
                    [[self._element(part) for part in left_out] for left_out in component.subscripts[1]],
                ),
                ast=self.rebuilt(component.ast),
            )
            for component in map(_data_over_time, element.components)
        ]
        return moved(
            element, name=name, components=components, units="", limits=(None, None), documentation=""
        )

    def rebuilt(self, node: Any) -> Any:
        """A structure with its names numbered; anything unknown is an error, not a pass."""
        if isinstance(node, float):  # most are the points of lookups
            return float(node)
        kind = type(node).__name__
        if node is None or isinstance(node, bool):
            return node
        if isinstance(node, int | np.number):
            return float(node)
        if isinstance(node, np.ndarray) and node.dtype.kind in "fiu":
            return node.astype(float)
        if isinstance(node, str):
            if node in WORDS:
                return node
            raise ModelError(f"the text '{shown(node)}' cannot stand in an equation", file=self.file)
        if isinstance(node, tuple | list):
            return type(node)(self.rebuilt(part) for part in node)
        if kind == "ReferenceStructure":
            return self._reference(node)
        if kind == "SubscriptsReferenceStructure":
            return dataclasses.replace(node, subscripts=[self._subscript(part) for part in node.subscripts])
        if kind == "CallStructure":
            function, absent = node.function, self._absent(node.function)
            if absent and absent not in self.functions:
                # a fixed word of ours, for which PySD's builder writes a function that only fails
                return dataclasses.replace(
                    node, function=dataclasses.replace(function, reference=absent), arguments=()
                )
            if absent:
                function = dataclasses.replace(function, reference=absent)
            elif type(function).__name__ == "ReferenceStructure":
                function = self._function(function)
            return dataclasses.replace(node, function=function, arguments=self.rebuilt(tuple(node.arguments)))
        if kind == "InlineLookupsStructure" and (self.inside_array or node.lookups.type != "interpolate"):
            return self._lookup_of_its_own(node)
        if kind in STRUCTURES and dataclasses.is_dataclass(node) and not isinstance(node, type):
            values = {
                name: part if name == "order" and isinstance(part, int) else self.rebuilt(part)
                for name, part in vars(node).items()
            }
            return moved(node, **values)
        raise ModelError(f"PySD returned an unknown structure '{kind}'", file=self.file)

    def _lookup_of_its_own(self, node: Any) -> Any:
        """A lookup written in place as a variable.

        PySD interpolates in every one that stays in place, and cannot give the value of one to a whole array.
        """
        from pysd.translators.structures import abstract_expressions as ae
        from pysd.translators.structures.abstract_model import AbstractElement, AbstractLookup

        name = self._number("a lookup written in place")
        table = AbstractLookup(subscripts=([], []), ast=self.rebuilt(node.lookups))
        self.added.append(AbstractElement(name=name, components=[table]))
        return ae.CallStructure(ae.ReferenceStructure(name, None), (self.rebuilt(node.argument),))

    def _subscript(self, text: str) -> str:
        aggregated = text.endswith("!")
        return self._element(text.rstrip("!")) + ("!" if aggregated else "")

    def _reference(self, node: Any) -> Any:
        key = canonical(node.reference)
        name = self.variables.get(key) or self.dimensions.get(key) or self.elements.get(key)
        if key == "time" or key in CONTROLS:
            name = key.replace(" ", "_")
        if name is None:
            raise ModelError(f"unknown variable '{shown(node.reference)}'", file=self.file)
        return moved(node, reference=name, subscripts=self.rebuilt(node.subscripts))

    def _absent(self, function: Any) -> str | None:
        """The key of a function that our table has and PySD has not, or has by another word."""
        word = getattr(function, "reference", "")
        key = canonical(word)
        if key in self.tables or key in self.macros or word in self.functions:
            return None
        return function_key(word, self.format)

    def _function(self, node: Any) -> Any:
        key = canonical(node.reference)
        name = self.variables[key] if key in self.tables else self.macros.get(key)
        if name is None and node.reference in self.functions:
            name = node.reference
        if name is None:
            raise ModelError(f"unknown function '{shown(node.reference)}'", file=self.file)
        return moved(node, reference=name, subscripts=self.rebuilt(node.subscripts))


def _data_over_time(component: Any) -> Any:
    """Points that were read from a file as a lookup of time, which PySD's builder has no other form for."""
    from pysd.translators.structures import abstract_expressions as ae
    from pysd.translators.structures.abstract_model import AbstractComponent

    points = component.ast
    if type(component).__name__ != "AbstractData" or type(points).__name__ != "LookupsStructure":
        return component
    table, backwards = time_table(points.x, points.y, component.keyword or "interpolate")
    moment: Any = ae.ReferenceStructure("time", None)
    if backwards:
        moment = ae.ArithmeticStructure(["negative"], (moment,))

    def read(y: tuple[float, ...]) -> Any:
        limits = (table.x[0], table.x[-1]), (min(y), max(y))
        return ae.InlineLookupsStructure(moment, ae.LookupsStructure(table.x, y, *limits, table.kind))

    lookup = read(table.y)
    missing = [math.isnan(value) for value in table.y]
    if any(missing):
        # PySD leaves missing points out of a lookup, so whether one is there is a lookup of its own
        there = ae.LogicStructure(["="], (read(tuple(0.0 if gap else 1.0 for gap in missing)), 1.0))
        value = read(tuple(0.0 if gap else y for gap, y in zip(missing, table.y, strict=True)))
        lookup = ae.CallStructure(ae.ReferenceStructure("if_then_else", None), (there, value, math.nan))
    return AbstractComponent(subscripts=component.subscripts, ast=lookup)
