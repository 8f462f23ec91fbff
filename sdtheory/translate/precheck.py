"""What is refused before PySD sees a text: what would make it hang, and what cannot mean a model."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Set
from typing import Any

from sdtheory.documents import Document, Limits
from sdtheory.documents.index import Block, Entry
from sdtheory.documents.lexer import depth, references, terms, tokens
from sdtheory.errors import LimitError, MissingEquation, ModelError, shown
from sdtheory.names import canonical
from sdtheory.translate.faults import display_name, fault
from sdtheory.translate.modules import connections
from sdtheory.translate.structure import cycle
from sdtheory.translate.syntax import fault_in

_COMMENTS = re.compile(r"\{[^{}]*\}")
# words that PySD's parsers would take for structures of their own
INTERNAL = frozenset({"reference", "subscripts ref", "arithmetic", "logic", "inline lookup", "call", "stock"})
INTERNAL_VENSIM = INTERNAL | {"lookup", "data"}


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
    connected = {target for target, _ in connections(document)}
    own = {key.rpartition(".")[2] for key in document.variables} | set(document.macros)
    for key, entry in entries:
        if entry.kind == "module":
            continue
        if len(entry.name) > limits.name_length:
            what = f"a name of {len(entry.name):,} characters"
            raise _limit(document, entry, what, limits.name_length, "name_length")
        if entry.options and entry.kind == "stock":
            raise ModelError(
                f"'{shown(entry.name)}' is a {shown(entry.options[0])}, which no engine runs",
                file=document.file,
                line=entry.line,
                column=entry.column,
                remedy="use an ordinary stock",
            )
        for block in entry.blocks:
            _check_equation(document, entry, block, limits)
        if key not in connected:
            _check_written(document, entry)
            _check_syntax(document, entry, own)
    for macro in document.macros.values():
        found = fault_in(macro.equation, document.format, own) if macro.equation else None
        if found is not None:
            raise ModelError(
                f"macro '{shown(macro.name)}': {found.message}",
                file=document.file,
                line=macro.line,
                column=macro.column,
                remedy=found.remedy,
            )
    _check_dimensions(document, limits)


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


def _check_equation(document: Document, entry: Entry, block: Block, limits: Limits) -> None:
    text = block.equation
    whose = f"the equation of '{shown(entry.name)}'"
    if len(text) > limits.equation_bytes:
        raise _limit(
            document, block, f"{whose} has {len(text):,} characters", limits.equation_bytes, "equation_bytes"
        )
    nested = max(depth(text, document.format), _tower(text, document.format))
    if nested > limits.depth:
        raise _limit(document, block, f"{whose} is nested {nested:,} deep", limits.depth, "depth")
    count = terms(text, document.format)
    if count > limits.terms:
        raise _limit(document, block, f"{whose} has {count:,} terms", limits.terms, "terms")
    if entry.kind == "subscript":
        return
    internal = INTERNAL_VENSIM if document.format == "vensim" else INTERNAL
    for reference in references(text, document.format):
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


def _check_syntax(document: Document, entry: Entry, own: Set[str]) -> None:
    """Brackets, operators and numbers of every equation must be in order."""
    if entry.kind in ("subscript", "opaque"):
        return
    for block in entry.blocks:
        for text, start in ((block.equation, None), (block.initial, 0)):
            found = fault_in(text, document.format, own) if text else None
            if found is not None:
                place = found.start if start is None else start
                raise fault(document, entry, found.message, found.remedy, block, place)
        lookup = block.lookup
        if lookup is not None and not all(map(math.isfinite, (*lookup.x, *lookup.y))):
            raise fault(document, entry, "a point of its lookup is too large", "write smaller numbers", block)


def _check_dimensions(document: Document, limits: Limits) -> None:
    dimensions = document.dimensions
    for dimension in dimensions.values():
        if dimension.size > limits.dimension_elements:
            what = f"dimension '{shown(dimension.name)}' has {dimension.size:,} elements"
            raise _limit(document, dimension, what, limits.dimension_elements, "dimension_elements")
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
        names = " -> ".join(shown(dimensions[key].name) for key in circle)
        raise ModelError(
            f"dimensions are defined by each other: {names}",
            file=document.file,
            line=dimensions[circle[0]].line,
            remedy="list the elements of one of them",
        )
