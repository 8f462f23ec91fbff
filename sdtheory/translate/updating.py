"""The model of a document that was edited, from the model that it had before."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sdtheory.documents import Document
from sdtheory.errors import SDError, SDWarning
from sdtheory.model.model import Model
from sdtheory.names import canonical
from sdtheory.translate import load


def updated(
    model: Model, before: Document, after: Document, *, data_folders: Sequence[str | Path] = ()
) -> Model:
    """The model of an edited document: what `load` gives, sooner.

    An edit of what is only drawn leaves the model as it is. Of any other only the equations that are new in
    this process are read by PySD's parsers; see `read_ahead` for the first one.

    Parameters
    ----------
    model : Model
        That of `before`.
    before, after : Document
        The document without and with the edits.
    data_folders : sequence of path-like
        As of `load`. A data file that changed is seen by the next edit that changes the model.

    Returns
    -------
    Model
        Equal to that of ``load(after)``; `model` itself when nothing but drawings changed. Then warnings that
        loading gave are not given again.

    Raises
    ------
    ModelError, LimitError
        As `load` does for `after`.

    Examples
    --------
    >>> import sdtheory as sd
    >>> before = sd.read("models/m0_seed.xmile")
    >>> model = sd.load(before)
    >>> after = before.set_equation("theorist boost", "0.3")
    >>> updated(model, before, after)["theorist boost"].equations[0].expression
    Number(value=0.3)
    >>> updated(model, before, before.move("capability", 250, 180)) is model
    True
    """
    if _means_the_same(before, after):
        return model
    return load(after, data_folders=data_folders)


def read_ahead(document: Document) -> None:
    """Have every equation of a document read, so that the first `updated` of the process is as quick as the next.

    What is wrong with the document is left for `load` to say.

    Parameters
    ----------
    document : Document

    Examples
    --------
    >>> import sdtheory as sd
    >>> read_ahead(sd.read("models/m0_seed.mdl"))
    """
    from sdtheory.translate.precheck import check_document
    from sdtheory.translate.pysd_reader import abstract_model

    with warnings.catch_warnings(), contextlib.suppress(SDError):
        warnings.simplefilter("ignore", SDWarning)
        check_document(document, document.limits)
        abstract_model(document)


def _means_the_same(before: Document, after: Document) -> bool:
    """Whether two documents differ in their drawings alone, and no drawing makes another variable a flow."""
    if before is after:
        return True
    return (
        _outside(before) == _outside(after)
        and list(_places(before)) == list(_places(after))
        and _drawn_flows(before) == _drawn_flows(after)
        and before.notes == after.notes
    )


def _outside(document: Document) -> tuple[Any, ...]:
    """All that the meaning of a document depends on but its drawings."""
    pieces, position = [], 0
    spans = (view.spans.get("whole") for view in document.views)
    for start, stop in sorted((span.start, span.stop) for span in spans if span is not None):
        pieces.append(document.bytes[position:start])
        position = max(position, stop)
    pieces.append(document.bytes[position:])
    path = document.source.path if document.source is not None else None
    return b"".join(pieces), document.format, document.encoding, path, document.limits


def _places(document: Document) -> Iterator[tuple[int, int]]:
    for entry in document.variables.values():
        yield entry.line, entry.column


def _drawn_flows(document: Document) -> set[str]:
    return {
        canonical(element.variable)
        for view in document.views
        for element in view.elements
        if element.kind == "flow" and element.variable
    }
