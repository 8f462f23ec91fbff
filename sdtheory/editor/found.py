"""Issues as a page shows them: at characters of the text that it edits, and never at a wrong place."""

from __future__ import annotations

from typing import Any

from sdtheory.documents import Document
from sdtheory.documents.document import Block, Entry
from sdtheory.editor.variables import full_name, named, rate_place
from sdtheory.errors import Issue
from sdtheory.names import canonical

Plain = dict[str, Any]


def plain_issue(document: Document, issue: Issue) -> Plain:
    """An issue with the field of its variable that it is about, and where in that field.

    Without a place that is certain, `start` and `stop` are those of the whole text.
    """
    entry = document.variables.get(issue.variable or "")
    place = _place(document, entry, issue) if entry is not None else (None, None, None)
    return {
        "severity": issue.severity,
        "code": issue.code,
        "message": issue.message,
        "variable": issue.variable if entry is None else full_name(entry),
        "field": place[0],
        "line": issue.line,
        "column": issue.column,
        "start": place[1],
        "stop": place[2],
    }


def _place(document: Document, entry: Entry, issue: Issue) -> tuple[str | None, int | None, int | None]:
    field = _FIELDS.get(issue.code, "equation")
    if field != "equation":
        return field, None, None
    for block in entry.blocks:
        at = _offset(block, issue)
        if at is None:
            continue
        for one in named(block.equation, document.format):
            if one.start == at and f"'{canonical(one.name)}'" in canonical(issue.message):
                return in_field(document, entry, block, one.start, one.stop)
    text = entry.equation
    return in_field(document, entry, entry.blocks[0], 0, len(text)) if text else (field, None, None)


_FIELDS = {
    "no-documentation": "documentation",
    "no-range": "range",
    "unused-variable": "name",
    "duplicate-name": "name",
}


def _offset(block: Block, issue: Issue) -> int | None:
    """Where in the text of an equation a place of the file is."""
    if issue.line is None or issue.column is None:
        return None
    lines = block.equation.split("\n")
    number = issue.line - block.line
    if not 0 <= number < len(lines):
        return None
    at = sum(len(line) + 1 for line in lines[:number])
    return at + (issue.column - 1 if number else issue.column - block.column)


def in_field(document: Document, entry: Entry, block: Block, start: int, stop: int) -> tuple[str, int, int]:
    """Characters of an equation as those of the field that shows them: of a stock its net flow, or its beginning."""
    if entry.kind != "stock":
        return "equation", start, stop
    if document.format == "xmile":
        return "initial", start, stop
    place = rate_place(block.equation)
    if place is None:
        return "equation", start, stop
    low, high = place
    if start >= high:
        begin = block.equation.rfind(block.initial)
        return "initial", max(start - begin, 0), min(stop - begin, len(block.initial))
    return "equation", max(start - low, 0), max(min(stop, high) - low, 0)
