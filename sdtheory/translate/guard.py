"""What stands between a model file and generated code: limits before, numbers instead of names after.

Nothing that a user wrote reaches PySD's builder: every name is replaced by a numbered one, documentation
and units are emptied, function names must be known. What is left is numbers and words of a fixed list.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdtheory.documents import Document, Limits
from sdtheory.documents.lexer import depth, terms
from sdtheory.errors import LimitError, ModelError, shown
from sdtheory.names import canonical

CONTROLS = frozenset({"initial time", "final time", "time step", "saveper"})
PLACEHOLDER = re.compile(r"^\s*(\?+|\{[^{}]*\}\s*)?$")
WORDS = frozenset(
    {"interpolate", "extrapolate", "hold_backward", "look_forward", "raw", "main", "macro", "__main__"}
    | {"Auxiliary", "Normal", "Constant", "Unchangeable", "Lookup", "Hardcoded", "Data", "Stateful", "Integ"}
    | {"x", "negative", ":AND:", ":OR:", ":NOT:", "and", "or", "not"}
    | {"+", "-", "*", "/", "^", "=", "<>", "<", "<=", ">", ">=", "", "External"}
)


@dataclass(frozen=True)
class Translation:
    """PySD's abstract model with every name numbered, and the way back to the file's names.

    `variables` are the file's own, so that the reference engine can tell a changed model.
    """

    abstract: Any
    names: Mapping[str, str]
    dimension_names: Mapping[str, str]
    element_names: Mapping[str, str]
    variables: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False)


def check_document(document: Document, limits: Limits) -> None:
    """Refuse, before PySD sees the text, what would make it hang or could not mean a model.

    Raises
    ------
    LimitError, ModelError
        Naming the variable and its place.
    """
    entries = [*document.variables.values()]
    for macro in document.macros.values():
        entries.extend(macro.variables.values())
    if len(entries) > limits.variables:
        raise LimitError(
            f"{len(entries)} variables; the limit is {limits.variables}",
            file=document.file,
            remedy="raise limits=",
        )
    for entry in entries:
        if len(entry.name) > limits.name_length:
            raise _limit(
                document, entry, f"a name of {len(entry.name)} characters", limits.name_length, "name_length"
            )
        for block in entry.blocks:
            _check_equation(document, entry, block, limits)
    _check_dimensions(document, limits)


def _limit(document: Document, entry: Any, what: str, most: int, name: str) -> LimitError:
    return LimitError(
        f"{what}; the limit is {most:,}",
        file=document.file,
        line=entry.line,
        column=entry.column,
        remedy=f"raise limits=Limits({name}=...)",
    )


def _check_equation(document: Document, entry: Any, block: Any, limits: Limits) -> None:
    text = block.equation
    if len(text) > limits.equation_bytes:
        what = f"the equation of '{shown(entry.name)}' has {len(text):,} characters"
        raise _limit(document, block, what, limits.equation_bytes, "equation_bytes")
    nested = depth(text, document.format)
    if nested > limits.depth:
        what = f"the equation of '{shown(entry.name)}' is nested {nested:,} deep"
        raise _limit(document, block, what, limits.depth, "depth")
    count = terms(text, document.format)
    if count > limits.terms:
        what = f"the equation of '{shown(entry.name)}' has {count:,} terms"
        raise _limit(document, block, what, limits.terms, "terms")
    empty = PLACEHOLDER.match(text) and block.operator in ("=", ":=", "==") and block.lookup is None
    if (empty or "???" in text) and entry.kind not in ("subscript", "module", "data"):
        raise ModelError(
            f"'{shown(entry.name)}' has no equation yet",
            file=document.file,
            line=block.line,
            column=block.column,
            remedy="write one",
        )


def _check_dimensions(document: Document, limits: Limits) -> None:
    for dimension in document.dimensions.values():
        if dimension.size > limits.dimension_elements:
            what = f"dimension '{shown(dimension.name)}' has {dimension.size:,} elements"
            raise _limit(document, dimension, what, limits.dimension_elements, "dimension_elements")
    for dimension in document.dimensions.values():
        path = [canonical(dimension.name)]
        waiting: list[tuple[str, tuple[str, ...]]] = [(path[0], (path[0],))]
        while waiting:
            key, trail = waiting.pop()
            inner = document.dimensions.get(key)
            parts = (
                [] if inner is None else [*inner.elements, *([inner.equivalent] if inner.equivalent else [])]
            )
            for part in map(canonical, parts):
                if part in trail and part in map(canonical, document.dimensions):
                    names = " -> ".join(f"'{shown(name)}'" for name in (*trail, part))
                    raise ModelError(
                        f"dimensions are defined by each other: {names}",
                        file=document.file,
                        line=dimension.line,
                    )
                if part in map(canonical, document.dimensions) and len(trail) <= len(document.dimensions):
                    waiting.append((part, (*trail, part)))


def guarded(abstract: Any, names: Mapping[str, str], functions: frozenset[str], file: str) -> Translation:
    """Number everything that a user wrote.

    Parameters
    ----------
    abstract : pysd AbstractModel
        Not changed.
    names : mapping
        Canonical name to the name as the file spells it.
    functions : frozenset of str
        Function words that may stay.

    Raises
    ------
    ModelError
        For an unknown kind of structure, or a string that is left over.
    """
    return _Guard(abstract, names, functions, file).translation()


class _Guard:
    def __init__(self, abstract: Any, names: Mapping[str, str], functions: frozenset[str], file: str):
        self.abstract = abstract
        self.file = file
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
                        self._element(element)
        self.variables: dict[str, str] = {}

    def _element(self, name: str) -> str:
        key = canonical(name)
        if key in self.dimensions:
            return self.dimensions[key]
        if key not in self.elements:
            self.elements[key] = f"e{len(self.elements)}"
            self.element_names[self.elements[key]] = name
        return self.elements[key]

    def translation(self) -> Translation:
        numbered: dict[str, str] = {}
        sections = []
        for place, section in enumerate(self.abstract.sections):
            self.variables = {}
            locals_ = [*section.params, *(element.name for element in section.elements)]
            for name in locals_:
                key = canonical(name)
                if key not in CONTROLS and key not in self.variables:
                    self.variables[key] = f"v{len(numbered)}"
                    numbered[self.variables[key]] = self.names.get(key, name)
            sections.append(self._section(section, place))
        abstract = dataclasses.replace(
            self.abstract, original_path=Path("model.mdl"), sections=tuple(sections)
        )
        return Translation(abstract, numbered, self.dimension_names, self.element_names)

    def _section(self, section: Any, place: int) -> Any:
        own = "__main__" if place == 0 else self.macros[canonical(section.name)]
        if place:
            self.variables[canonical(section.name)] = own
        return dataclasses.replace(
            section,
            name=own,
            path=Path("model.py" if place == 0 else f"{own}.py"),
            params=[self.variables[canonical(name)] for name in section.params],
            returns=[self.variables.get(canonical(name), own) for name in section.returns],
            subscripts=tuple(self._range(subscript) for subscript in section.subscripts),
            elements=tuple(self._element_of_model(element) for element in section.elements),
            constraints=(),
            test_inputs=(),
            views_dict=None,
        )

    def _range(self, subscript: Any) -> Any:
        inside = subscript.subscripts
        if isinstance(inside, dict):
            raise ModelError(
                f"dimension '{shown(subscript.name)}' is read from a data file, which is not supported yet",
                file=self.file,
            )
        if isinstance(inside, str):
            inside = self.dimensions.get(canonical(inside), "")
        else:
            inside = [self._element(element) for element in inside]
        mapping = [
            self.dimensions[canonical(name)]
            for name in subscript.mapping
            if canonical(name) in self.dimensions
        ]
        own = self.dimensions[canonical(subscript.name)]
        return dataclasses.replace(subscript, name=own, subscripts=inside, mapping=mapping)

    def _element_of_model(self, element: Any) -> Any:
        key = canonical(element.name)
        name = element.name.upper() if key in CONTROLS else self.variables[key]
        components = [
            dataclasses.replace(
                component,
                subscripts=(
                    [self._element(part) for part in component.subscripts[0]],
                    [[self._element(part) for part in left_out] for left_out in component.subscripts[1]],
                ),
                ast=self.rebuilt(component.ast),
            )
            for component in element.components
        ]
        return dataclasses.replace(
            element, name=name, components=components, units="", limits=(None, None), documentation=""
        )

    def rebuilt(self, node: Any) -> Any:
        """A structure with its names numbered; anything unknown is an error, not a pass."""
        import numpy as np

        kind = type(node).__name__
        if node is None or isinstance(node, bool):
            return node
        if isinstance(node, int | float | np.number):
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
            function = node.function
            if type(function).__name__ == "ReferenceStructure":
                function = self._function(function)
            return dataclasses.replace(node, function=function, arguments=self.rebuilt(tuple(node.arguments)))
        if kind in ("GetDataStructure", "GetLookupsStructure", "GetConstantsStructure"):
            raise ModelError("external data files are not supported yet", file=self.file)
        if kind.endswith("Structure") and dataclasses.is_dataclass(node) and not isinstance(node, type):
            values = {
                field.name: self.rebuilt(getattr(node, field.name))
                for field in dataclasses.fields(node)
                if field.name not in ("order",) or not isinstance(getattr(node, field.name), int)
            }
            return dataclasses.replace(node, **values)
        raise ModelError(f"PySD returned an unknown structure '{kind}'", file=self.file)

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
        return dataclasses.replace(node, reference=name, subscripts=self.rebuilt(node.subscripts))

    def _function(self, node: Any) -> Any:
        key = canonical(node.reference)
        name = self.variables.get(key) or self.macros.get(key)
        if name is None and node.reference in self.functions:
            name = node.reference
        if name is None:
            raise ModelError(f"unknown function '{shown(node.reference)}'", file=self.file)
        return dataclasses.replace(node, reference=name, subscripts=self.rebuilt(node.subscripts))
