"""What is refused before PySD sees a text: what would make it hang, and what cannot mean a model."""

from __future__ import annotations

import graphlib
import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sdtheory.documents import Document, Limits
from sdtheory.documents.index import Block, Entry
from sdtheory.documents.lexer import Reference, depth, references, terms, tokens
from sdtheory.errors import LimitError, MissingEquation, ModelError, SDWarning, shown
from sdtheory.limits import beyond
from sdtheory.model.functions import FUNCTIONS
from sdtheory.model.model import CONTROLS, SimulationSettings
from sdtheory.names import canonical
from sdtheory.translate.faults import display_name, fault
from sdtheory.translate.modules import connections
from sdtheory.translate.remembered import remembered
from sdtheory.translate.structure import SETTINGS, cycle, place_of_setting, refuse_loop, trail
from sdtheory.translate.syntax import VENSIM_ARGUMENTS, XMILE_ARGUMENTS, fault_in

_COMMENTS = re.compile(r"\{[^{}]*\}")
# words that PySD's parsers would take for structures of their own
INTERNAL = frozenset({"reference", "subscripts ref", "arithmetic", "logic", "inline lookup", "call", "stock"})
INTERNAL_VENSIM = INTERNAL | {"lookup", "data"}
_first_fault = remembered(fault_in)
_PURE = {
    canonical(name)
    for row in FUNCTIONS.values()
    if row.kind == "pure"
    for name in (row.vensim, row.xmile)
    if name
}


def check_document(document: Document, limits: Limits) -> None:
    """Refuse what PySD must not see.

    Raises
    ------
    LimitError, ModelError
        Naming the variable and its place.
    """
    entries = list(_entries(document))
    if len(entries) > limits.variables:
        raise LimitError(
            f"{len(entries):,} variables; the limit is {limits.variables:,}",
            file=document.file,
            remedy="raise limits=Limits(variables=...)",
        )
    if not entries and not document.macros:
        raise ModelError("the file declares no variables", file=document.file, line=1)
    _check_settings(document)
    _check_names(document, entries, limits)
    connected = {target for target, _ in connections(document)}
    own = _renamed_functions(document)
    room = limits.text_length
    graph: dict[str, list[str]] = {}
    for key, entry in entries:
        if entry.kind == "module":
            continue
        if entry.options and entry.kind == "stock":
            raise ModelError(
                f"'{shown(entry.name)}' is a {shown(entry.options[0])}, which no engine runs",
                file=document.file,
                line=entry.line,
                column=entry.column,
                remedy="use an ordinary stock",
            )
        found: list[Reference] = []
        for block in entry.blocks:
            room -= len(block.equation)
            if room < 0:
                what = "the equations up to this one have more characters together"
                raise beyond(what, limits.text_length, "text_length", document.file, block.line, block.column)
            found += _check_equation(document, entry, block, limits)
        if key not in connected:
            graph[key] = _needed_at_once(document, entry, found)
            _check_written(document, entry)
            _check_syntax(document, entry, own)
    for macro in document.macros.values():
        wrong = _first_fault(macro.equation, document.format, own) if macro.equation else None
        if wrong is not None:
            raise ModelError(
                f"macro '{shown(macro.name)}': {wrong.message}",
                file=document.file,
                line=macro.line,
                column=macro.column,
                remedy=wrong.remedy,
            )
    _check_dimensions(document, limits)
    refuse_loop(graph, document.variables, document.file)
    _tell_notes(document)


def _tell_notes(document: Document) -> None:
    """Say what reading had to repair or leave out, and what shows that the file is not whole."""
    # a text that is no file may be a part of a model
    for word in CONTROLS[:3] if document.source is not None else ():
        if getattr(document.simulation, SETTINGS[word]) is None:
            default = f"{getattr(SimulationSettings(), SETTINGS[word]).value:g}"
            message = f"{document.file}: the file gives no {word}; {default} is taken"
            warnings.warn(message, SDWarning, stacklevel=5)
    for note in document.notes:
        if note.code in ("repaired", "cut-off", "duplicate-name", "second-equation"):
            warnings.warn(f"{document.file}:{note.line}: {note.message}", SDWarning, stacklevel=5)
    for entry in document.variables.values() if document.format == "vensim" else ():
        twice = [block for block in entry.blocks if not block.subscripts]
        if len(twice) > 1 and entry.kind != "subscript":
            message = f"'{shown(entry.name)}' is declared twice; the first stands in line {entry.line}"
            warnings.warn(f"{document.file}:{twice[1].line}: {message}", SDWarning, stacklevel=5)


def _check_settings(document: Document) -> None:
    """The settings of an XMILE file must be numbers."""
    simulation = document.simulation
    for word in CONTROLS[:3]:
        text = getattr(simulation, SETTINGS[word])
        place = place_of_setting(word, None, document)
        if text is not None and document.format == "xmile":
            _check_number(text.removeprefix("1/") if simulation.reciprocal else text, word, place)
    if document.format == "xmile" and simulation.save_every:
        place = place_of_setting("SAVEPER", None, document)
        value = _check_number(simulation.save_every, "the save interval", place)
        if value < 0:
            raise ModelError(f"the save interval is {value:g}", remedy="give a number above 0", **place)


def _check_number(text: str, word: str, place: dict[str, Any]) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ModelError(f"{word} is '{shown(text)}', not a finite number", remedy="give one", **place)
    return value


def _check_names(document: Document, entries: list[tuple[str, Entry]], limits: Limits) -> None:
    named: list[tuple[Any, str]] = [(entry, entry.name) for _, entry in entries]
    for macro in document.macros.values():
        named += [(macro, name) for name in (macro.name, *macro.parameters, *macro.outputs)]
    for dimension in document.dimensions.values():
        named += [(dimension, name) for name in (dimension.name, *dimension.elements)]
    for place, name in named:
        if len(name) > limits.name_length:
            what = f"a name of {len(name):,} characters"
            raise _limit(document, place, what, limits.name_length, "name_length")


def _needed_at_once(document: Document, entry: Entry, found: list[Reference]) -> list[str]:
    """The variables whose present value a variable needs for certain, seen without understanding its equation.

    So that a loop of thousands is found at once; those through arrays, modules, states and macros are found
    in the model.
    """
    certain = entry.kind in ("auxiliary", "flow") and not entry.model and len(entry.blocks) == 1
    if not certain or entry.blocks[0].subscripts or entry.dimensions or entry.blocks[0].lookup is not None:
        return []
    names: list[str] = []
    for reference in found:
        key = canonical(reference.name)
        if reference.role == "call" and (key not in _PURE or key in document.variables):
            return []
        if reference.role == "name" and key in document.variables:
            names.append(key)
    return names


def _entries(document: Document) -> Iterator[tuple[str, Entry]]:
    yield from document.variables.items()
    for macro in document.macros.values():
        for entry in macro.variables.values():
            yield "", entry


def _limit(document: Document, place: Any, what: str, most: int, name: str) -> LimitError:
    return LimitError(
        f"{what}; the limit is {most:,}",
        file=document.file,
        line=place.line,
        column=place.column,
        remedy=f"raise limits=Limits({name}=...)",
    )


def _renamed_functions(document: Document) -> frozenset[str]:
    """The functions with arguments of their own (`syntax`) whose names the model gives to something else."""
    functions = VENSIM_ARGUMENTS if document.format == "vensim" else XMILE_ARGUMENTS
    own = (key.rpartition(".")[2] for key in document.variables)
    return frozenset(functions.keys() & {*own, *document.macros})


@dataclass(frozen=True)
class _Measures:
    """How deep an equation nests, how many terms it has, and the names in it."""

    nested: int
    terms: int
    references: tuple[Reference, ...]


@remembered
def _measured(text: str, format: str) -> _Measures:
    nested = max(depth(text, format), _tower(text, format))
    count = max(terms(text, format), _arguments(text, format))
    return _Measures(nested, count, tuple(references(text, format)))


def _check_equation(document: Document, entry: Entry, block: Block, limits: Limits) -> tuple[Reference, ...]:
    """Hold an equation against the limits; gives the names in it."""
    text = block.equation
    whose = f"the equation of '{shown(entry.name)}'"
    if len(text) > limits.equation_bytes:
        raise _limit(
            document, block, f"{whose} has {len(text):,} characters", limits.equation_bytes, "equation_bytes"
        )
    measures = _measured(text, document.format)
    if measures.nested > limits.depth:
        what = f"{whose} is nested {measures.nested:,} deep"
        raise _limit(document, block, what, limits.depth, "depth")
    if measures.terms > limits.terms:
        raise _limit(document, block, f"{whose} has {measures.terms:,} terms", limits.terms, "terms")
    if entry.kind == "subscript":
        return ()
    internal = INTERNAL_VENSIM if document.format == "vensim" else INTERNAL
    for reference in measures.references:
        if len(reference.name) > limits.name_length and reference.name not in document.variables:
            what = f"a name of {len(reference.name):,} characters in {whose}"
            raise _limit(document, block, what, limits.name_length, "name_length")
        if reference.role != "call" or reference.name in document.variables:
            continue
        if canonical(reference.name) == "a function of":
            message, remedy = "A FUNCTION OF stands for an equation that is not written yet", "write one"
        elif canonical(reference.name) in internal:
            message, remedy = f"unknown function '{shown(reference.name)}'", None
        else:
            continue
        raise ModelError(
            f"'{shown(entry.name)}': {message}",
            file=document.file,
            line=block.line,
            column=block.column,
            remedy=remedy,
        )
    return measures.references


def _arguments(text: str, format: str) -> int:
    """The most arguments that one call has; lists of numbers and points are no arguments."""
    most, counts, before = 0, [-len(text)], ""
    for token in tokens(text, format):
        if token.kind == "open":
            counts.append(1 if token.text == "(" and before == "name" else -len(text))
        elif token.kind == "close":
            counts[-2:] = counts[-2:][:1]
        elif token.kind == "comma":
            counts[-1] += 1
            most = max(most, counts[-1])
        before = token.kind
    return most


def _tower(text: str, format: str) -> int:
    """How many powers stand upon each other, as in ``a^b^c``: they nest although no bracket does."""
    highest, counts, before = 0, [0], ""
    for token in tokens(text, format):
        if token.text == "^":
            counts[-1] += 1
            highest = max(highest, counts[-1])
        elif token.kind == "open":
            counts.append(0)
        elif token.kind == "close":
            counts[-2:] = counts[-2:][:1]
        elif token.kind not in ("name", "number") and before != "^":
            counts[-1] = 0
        before = token.text
    return highest


def _check_written(document: Document, entry: Entry) -> None:
    """Every variable must have an equation, not a placeholder."""
    if entry.kind in ("subscript", "data", "opaque"):
        return
    for block in entry.blocks or (None,):
        if block is not None and (block.lookup is not None or block.operator not in ("=", ":=", "==", "")):
            continue
        text = block.equation if block is not None else ""
        plain = _COMMENTS.sub("", text).strip()
        if not plain or "???" in plain or set(plain) == {"?"}:
            place = block or entry
            raise MissingEquation(
                f"'{shown(display_name(entry))}' has no equation yet",
                file=document.file,
                line=place.line,
                column=place.column,
                remedy="write one",
            )


def _check_syntax(document: Document, entry: Entry, own: frozenset[str]) -> None:
    """Brackets, operators and numbers of every equation must be in order."""
    if entry.kind in ("subscript", "opaque"):
        return
    for block in entry.blocks:
        for text, start in ((block.equation, None), (block.initial, 0)):
            found = _first_fault(text, document.format, own) if text else None
            if found is not None:
                place = found.start if start is None else start
                raise fault(document, entry, found.message, found.remedy, block, place)
        lookup = block.lookup
        if lookup is not None and not all(map(math.isfinite, (*lookup.x, *lookup.y))):
            raise fault(document, entry, "a point of its lookup is too large", "write smaller numbers", block)


def _check_dimensions(document: Document, limits: Limits) -> None:
    dimensions = document.dimensions
    inside = {
        key: [
            canonical(part)
            for part in (*dimension.elements, dimension.equivalent)
            if part in dimensions and (canonical(part) != key or part == dimension.equivalent)
        ]
        for key, dimension in dimensions.items()
    }
    circle = cycle(inside)
    if circle:
        raise ModelError(
            f"dimensions are defined by each other: {trail(dimensions[key].name for key in circle)}",
            file=document.file,
            line=dimensions[circle[0]].line,
            column=dimensions[circle[0]].column,
            remedy="list the elements of one of them",
        )
    sizes: dict[str, int] = {}
    for key in graphlib.TopologicalSorter(inside).static_order():
        parts = set(inside[key])
        listed = dimensions[key].size - len(inside[key]) + (dimensions[key].equivalent in dimensions)
        sizes[key] = listed + sum(sizes[part] for part in parts)
        if sizes[key] > limits.dimension_elements:
            what = f"dimension '{shown(dimensions[key].name)}' has {sizes[key]:,} elements"
            raise _limit(document, dimensions[key], what, limits.dimension_elements, "dimension_elements")
