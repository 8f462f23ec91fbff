"""The issues of a document: those that its file shows, and those of the model that it means."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

from sdtheory.checking.loading import loaded
from sdtheory.documents import Document, Span
from sdtheory.documents.index import Entry
from sdtheory.documents.lexer import spelled
from sdtheory.documents.links import connector_issues
from sdtheory.documents.reads import Read, reads
from sdtheory.documents.words import PREDEFINED
from sdtheory.errors import Issue, shown
from sdtheory.model.check import check_model
from sdtheory.model.functions import FUNCTIONS
from sdtheory.names import canonical, nearest

_XMILE_WORDS = frozenset({*PREDEFINED["xmile"], "pi", "inf", "nan", "self"})


def document_issues(document: Document, data_folders: Sequence[str | Path] = ()) -> list[Issue]:
    """All issues of a document in file order.

    Parameters
    ----------
    document : Document
    data_folders : sequence of path-like

    Returns
    -------
    list of Issue
    """
    undefined = list(_undefined_names(document))
    at_fault = {key for key, _ in undefined}
    model, refusals, aside = loaded(document, at_fault, data_folders)
    found = [*document.notes, *refusals, *_repeated(document), *_function_names(document)]
    found += [*_lookup_ranges(document), *connector_issues(document)]
    if refusals or aside or model is None:  # else every name was found
        found += [issue for _, issue in undefined]
    if model is not None:
        read = {one.key for key in aside for one in reads(document, document.variables[key])}
        read |= {key for key, entry in document.variables.items() if entry.supplementary or entry.access}
        left_out = {document.variables[key].name for key in aside}
        of_model = [one for one in check_model(model, read) if one.variable not in left_out]
        found += [_placed(document, issue) for issue in of_model]
    return sorted(dict.fromkeys(found), key=lambda issue: (issue.line or 0, issue.column or 0))


def _placed(document: Document, issue: Issue) -> Issue:
    """The issue at the place of its variable in the document as it is."""
    entry = document.variables.get(issue.variable or "")
    return issue if entry is None else dataclasses.replace(issue, line=entry.line, column=entry.column)


def _undefined_names(document: Document) -> Iterator[tuple[str, Issue]]:
    """Names in equations that nothing has, each with the key of the variable that reads it.

    Functions are left to loading, which knows them.
    """
    known = _names_of_dimensions(document) | set(PREDEFINED["vensim"])
    if document.format == "xmile":
        known |= _XMILE_WORDS
        known |= {canonical(row.xmile) for row in FUNCTIONS.values() if row.arity[0] == 0 and row.xmile}
    for key, entry in document.variables.items():
        for one in reads(document, entry):
            if one.role == "name" and one.key not in document.variables and canonical(one.name) not in known:
                yield key, _undefined(document, entry, one)


def _undefined(document: Document, entry: Entry, one: Read) -> Issue:
    close = nearest(one.name, [other.name for other in document.variables.values() if other is not entry])
    text = f"'{shown(entry.name)}': unknown variable '{shown(one.name)}'"
    text += f"; did you mean '{shown(close)}'?" if close else ""
    return Issue("error", "undefined-name", text, entry.name, one.line, one.column)


def _names_of_dimensions(document: Document) -> set[str]:
    """Dimensions and their elements, which may stand in an equation as numbers."""
    names = {canonical(dimension.name) for dimension in document.dimensions.values()}
    for dimension in document.dimensions.values():
        names.update(map(canonical, dimension.elements))
    return names


def _repeated(document: Document) -> Iterator[Issue]:
    """Vensim names with two equations for the same cells, also when they are spelled differently.

    Of XMILE files, reading itself notes them.
    """
    for entry in document.variables.values() if document.format == "vensim" else ():
        first: dict[str, Span] = {}
        for block in entry.blocks:
            cells = "" if entry.kind == "subscript" else ",".join(map(canonical, block.subscripts.split(",")))
            span = block.spans["name"]
            if block.exceptions or first.setdefault(cells, span) is span:
                continue
            here, there = _spelling(document, span), _spelling(document, first[cells])
            text = f"'{shown(here)}' is declared twice"
            text += "" if here == there else f": '{shown(there)}' is the same name"
            line, column = _place(document, span)
            text += f"; the first stands in line {_place(document, first[cells])[0]}"
            yield Issue("error", "duplicate-name", text, entry.name, line, column)


def _spelling(document: Document, span: Span) -> str:
    return spelled(document.bytes[span.start : span.stop].decode(document.encoding, "replace"))


def _place(document: Document, span: Span) -> tuple[int, int]:
    before = document.bytes[: span.start].decode(document.encoding, "replace").lstrip("\ufeff")
    end = "\n" if "\n" in document.text else "\r"
    return before.count(end) + 1, len(before) - before.rfind(end)


def _function_names(document: Document) -> Iterator[Issue]:
    """Variables with the name of a function of the file's own language."""
    words = {canonical(getattr(row, document.format)) for row in FUNCTIONS.values()} - {""}
    for entry in document.variables.values():
        key = canonical(entry.name)
        if key in words or key == "time":
            what = "the time" if key == "time" else "a function"
            text = f"'{shown(entry.name)}' is the name of {what}; rename the variable"
            yield Issue("error", "function-name", text, entry.name, entry.line, entry.column)


def _lookup_ranges(document: Document) -> Iterator[Issue]:
    """Lookups with points outside the range that the file states for them."""
    for entry in document.variables.values():
        for block in entry.blocks:
            lookup = block.lookup
            if lookup is None:
                continue
            none = (0.0, 0.0)
            axes = (("x", lookup.x, lookup.xscale or none), ("y", lookup.y, lookup.yscale or none))
            for axis, values, (low, high) in axes:
                outside = [value for value in values if low < high and not low <= value <= high]
                if outside:  # a range of 0 to 0 stands for none
                    text = (
                        f"'{shown(entry.name)}': the point at {axis} = {outside[0]:g} lies outside the range "
                    )
                    text += f"{low:g} to {high:g} of its lookup"
                    yield Issue("warning", "lookup-range", text, entry.name, block.line, block.column)
                    break
