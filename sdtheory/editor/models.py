"""Models of a document that is being edited: a recent one again, or the one before with what has changed."""

from __future__ import annotations

import contextlib
import warnings
from collections import deque

from sdtheory.documents import Document
from sdtheory.documents.index import Entry
from sdtheory.editor.variables import number_of
from sdtheory.engines.at_once import numbers_of
from sdtheory.errors import SDError, SDWarning
from sdtheory.model.model import Model
from sdtheory.translate import load
from sdtheory.translate.updating import read_ahead, updated

Numbers = dict[str, float]

_RECENT: deque[tuple[Document, Model]] = deque(maxlen=4)
_RUN: deque[tuple[Document, Model, Numbers]] = deque(maxlen=1)


def prepare(document: Document) -> None:
    """Have a document read in this process before it is edited, so that the first edit is followed by a quick run."""
    read_ahead(document)
    with contextlib.suppress(SDError):
        model_of(document)


def model_of(document: Document) -> Model:
    """The model of a document.

    Raises
    ------
    SDError
        When it cannot be loaded.
    """
    for known, model in _RECENT:
        if known == document:
            return model
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SDWarning)  # `issues` tells what loading has to say
        if _RECENT:
            before, last = _RECENT[-1]
            model = updated(last, before, document)
        else:
            model = load(document)
    _RECENT.append((document, model))
    return model


def model_to_run(document: Document) -> tuple[Model, Numbers]:
    """A model and the numbers that some of its constants are to have: together they run as the document does.

    Another number of a constant needs no other model, which saves most of the time between an edit and its run.

    Raises
    ------
    SDError
        When the document cannot be loaded.

    Examples
    --------
    >>> from sdtheory.documents import read
    >>> before = read("models/m0_seed.mdl")
    >>> model, numbers = model_to_run(before)
    >>> after = before.set_equation("theorist boost", "0.3")
    >>> model_to_run(after) == (model, {"theorist boost": 0.3})
    True
    """
    found: tuple[Model, Numbers] | None = None
    for known, model, numbers in _RUN:
        if known == document:
            return model, numbers
        changed = changed_number(known, document)
        if changed is not None and changed[0] in numbers_of(model):
            found = model, {**numbers, changed[0]: changed[1]}
    found = found or (model_of(document), {})
    _RUN.append((document, *found))
    return found


def changed_number(before: Document, after: Document) -> tuple[str, float] | None:
    """The constant whose number is all that two documents differ in, and its number in the second.

    Examples
    --------
    >>> from sdtheory.documents import read
    >>> before = read("models/m0_seed.xmile")
    >>> changed_number(before, before.set_equation("theorist boost", "0.3"))
    ('theorist boost', 0.3)
    >>> changed_number(before, before.set_equation("theorist boost", "2 * 3")) is None
    True
    """
    if (before.format, before.encoding, before.limits) != (after.format, after.encoding, after.limits):
        return None
    for key, entry in after.variables.items():
        old = before.variables.get(key)
        if old is None:
            return None
        if old.equation != entry.equation:
            value = number_of(entry.equation)
            if (
                value is None
                or number_of(old.equation) is None
                or _outside(before, old) != _outside(after, entry)
            ):
                return None
            return entry.name, value
    return None


def _outside(document: Document, entry: Entry) -> tuple[bytes, bytes]:
    """What stands before and after the equation of a variable that has one."""
    span = entry.blocks[0].spans["equation"]
    return document.bytes[: span.start], document.bytes[span.stop :]
