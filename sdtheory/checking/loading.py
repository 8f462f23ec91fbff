"""Loading a document with faults: each fault as an issue, and the model of what is left."""

from __future__ import annotations

import bisect
import re
import warnings
from collections.abc import Collection, Sequence
from pathlib import Path

from sdtheory.documents import Document, Span
from sdtheory.documents.splice import Edit
from sdtheory.errors import (
    DocumentError,
    EngineCrashed,
    Issue,
    LimitError,
    LoopWithoutStock,
    MissingEquation,
    SDError,
    SDWarning,
)
from sdtheory.model.model import Model
from sdtheory.names import canonical
from sdtheory.translate import load
from sdtheory.translate.structure import check_structure

MOST_FAULTS = 50  # each costs a load
_CODES = (
    (MissingEquation, "missing-equation"),
    (LoopWithoutStock, "loop-without-stock"),
    (LimitError, "limit"),
    (DocumentError, "document"),
    (EngineCrashed, "engine-crashed"),
)
_TAG = re.compile(r"<\s*([^\s/>]+)")


def issue_of(error: SDError, variable: str | None = None) -> Issue:
    """An error as an issue."""
    code = next((code for kind, code in _CODES if isinstance(error, kind)), "model")
    message = f"{error.message}; {error.remedy}" if error.remedy else error.message
    return Issue("error", code, message, variable, error.line, error.column)


def structure_issues(model: Model) -> list[Issue]:
    """What keeps a model from being run; of a loaded one nothing, but a model may have been changed since."""
    try:
        check_structure(model)
    except SDError as error:
        return [issue_of(error)]
    return []


def loaded(
    document: Document, at_fault: Collection[str], data_folders: Sequence[str | Path] = ()
) -> tuple[Model | None, list[Issue], set[str]]:
    """The model of a document, as far as it can be loaded.

    A variable whose equation is at fault is given the value 0, and loading is tried again.

    Parameters
    ----------
    document : Document
    at_fault : collection of str
        Keys of variables that are known to be at fault; what loading says about them is left out.
    data_folders : sequence of path-like
        Folders beside the document's own from which data may be read.

    Returns
    -------
    model : Model or None
        None when the fault is not that of a single variable.
    issues : list of Issue
        What kept the document from being loaded.
    aside : set of str
        Keys of the variables that were given the value 0.
    """
    issues: list[Issue] = []
    aside: set[str] = set()
    current = document
    for _ in range(MOST_FAULTS):
        model, error = _attempt(current, data_folders)
        if error is None:
            return model, issues, aside
        culprit = _culprit(current, error)
        known = culprit in at_fault
        if not known:
            issues.append(issue_of(error, None if culprit is None else document.variables[culprit].name))
        more = {key for key in (culprit, *at_fault) if key is not None} - aside
        if not more:
            break
        aside |= more
        try:
            current = _without_equations(current, more)
        except SDError:
            break
    return None, issues, aside


def _attempt(document: Document, data_folders: Sequence[str | Path]) -> tuple[Model | None, SDError | None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SDWarning)
        try:
            return load(document, data_folders=data_folders), None
        except SDError as error:
            return None, error


def _culprit(document: Document, error: SDError) -> str | None:
    """The key of the variable at fault: it begins last before the place of an error, which names it."""
    if error.line is None:
        return None
    places = [(entry.line, entry.column, key) for key, entry in document.variables.items()]
    for key, entry in document.variables.items():
        places.extend((block.line, block.column, key) for block in entry.blocks)
    places.sort()
    found = bisect.bisect_right(places, (error.line, error.column or 1 << 30, "\U0010ffff"))
    key = places[found - 1][2] if found else ""
    named = bool(key) and canonical(document.variables[key].name) in canonical(error.message)
    return key if named else None


def _without_equations(document: Document, keys: Collection[str]) -> Document:
    """The document with 0 for the equations of some variables; lines stay where they are."""
    edits = []
    for key in keys:
        for block in document.variables[key].blocks:
            if "equation" in block.spans:
                span = block.spans["equation"]
                lines = (
                    document.bytes[span.start : span.stop].decode(document.encoding, "replace").count("\n")
                )
                points = "((0,0),(1,1))" if block.operator == "(" else "0"
                edits.append(Edit(span, points + "\n" * lines))
            elif document.format == "xmile":
                edits.append(_first_equation(document, block.spans["whole"]))
            else:
                edits.append(Edit(Span(block.spans["name"].stop, block.spans["name"].stop), "= 0"))
    return document.splice(dict.fromkeys(edits))


def _first_equation(document: Document, whole: Span) -> Edit:
    """An equation for an XMILE element without one."""
    text = document.bytes[whole.start : whole.stop].decode(document.encoding, "replace")
    if text.endswith("/>"):
        tag = _TAG.match(text)
        end = len("/>".encode(document.encoding.removesuffix("-sig")))
        name = tag.group(1) if tag else ""
        return Edit(Span(whole.stop - end, whole.stop), f"><eqn>0</eqn></{name}>")
    place = whole.start + len(text[: text.rfind("</")].encode(document.encoding.removesuffix("-sig")))
    return Edit(Span(place, place), "<eqn>0</eqn>")
