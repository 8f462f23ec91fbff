"""What is refused before PySD sees a text: what would make it hang, and what cannot mean a model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sdtheory.documents import Document, Limits
from sdtheory.documents.index import Block, Entry
from sdtheory.documents.lexer import depth, parts, references, spelled, terms
from sdtheory.errors import LimitError, ModelError, shown
from sdtheory.names import canonical

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
    connected = _inputs(document)
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
    _check_dimensions(document, limits)


def _entries(document: Document) -> Iterator[tuple[str, Entry]]:
    yield from document.variables.items()
    for macro in document.macros.values():
        for entry in macro.variables.values():
            yield "", entry


def _inputs(document: Document) -> frozenset[str]:
    """Variables of submodels that a connection gives their value, so that they need no equation."""
    found = set()
    for module in document.modules:
        for connection in module.connections:
            for _, tail in parts(connection.target)[-1:]:
                found.add(canonical(f"{module.name}.{spelled(tail, 'xmile')}"))
    return frozenset(found)


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
    nested = depth(text, document.format)
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
            raise ModelError(
                f"'{shown(entry.name)}' has no equation yet",
                file=document.file,
                line=place.line,
                column=place.column,
                remedy="write one",
            )


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
    cycle = _cycle(inside)
    if cycle:
        names = " -> ".join(shown(dimensions[key].name) for key in cycle)
        raise ModelError(
            f"dimensions are defined by each other: {names}",
            file=document.file,
            line=dimensions[cycle[0]].line,
            remedy="list the elements of one of them",
        )


def _cycle(graph: dict[str, list[str]]) -> list[str]:
    """Some cycle of a graph, its first node again at the end; empty when there is none."""
    import networkx as nx

    directed: nx.DiGraph = nx.DiGraph((start, end) for start, ends in graph.items() for end in ends)
    try:
        edges = nx.find_cycle(directed)
    except nx.NetworkXNoCycle:
        return []
    return [edge[0] for edge in edges] + [edges[0][0]]
