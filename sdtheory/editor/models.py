"""Models of a document that is being edited: a recent one again, or the one before with what has changed."""

from __future__ import annotations

import contextlib
import math
import re
import warnings
from collections import deque
from collections.abc import Collection

from sdtheory.documents import Document, Limits
from sdtheory.editor.variables import NUMBER, number_of
from sdtheory.engines.at_once import numbers_of
from sdtheory.errors import SDError, SDWarning
from sdtheory.model.model import Model
from sdtheory.translate import load
from sdtheory.translate.updating import read_ahead, updated

Numbers = dict[str, float]

_RECENT: deque[tuple[Document, Model]] = deque(maxlen=4)
_FORMS: deque[tuple[Form, Model]] = deque(maxlen=4)
_NUMBER = re.compile(NUMBER.pattern.encode())


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
    for form, model in _FORMS:
        numbers = form.numbers_of(document)
        if numbers is not None:
            return model, numbers
    model = model_of(document)
    _FORMS.append((Form(document, frozenset(numbers_of(model))), model))
    return model, {}


class Form:
    """A document as a form, whose blanks are the numbers of its constants.

    Parameters
    ----------
    document : Document
    names : set of str
        The constants whose numbers may differ.

    Examples
    --------
    >>> from sdtheory.documents import read
    >>> document = read("models/m0_seed.xmile")
    >>> form = Form(document, {"theorist boost", "researchers"})
    >>> form.numbers_of(document.set_equation("researchers", "300"))
    {'researchers': 300.0}
    >>> form.numbers_of(document.set_equation("researchers", "2 * 3")) is None
    True
    """

    def __init__(self, document: Document, names: Collection[str]):
        self.kind = _kind(document)
        spans = {
            entry.name: entry.blocks[0].spans["equation"]
            for entry in document.variables.values()
            if entry.name in names and not entry.model and number_of(entry.equation) is not None
        }
        self.blanks, self.print, place = [], [], 0
        for name, span in sorted(spans.items(), key=lambda item: item[1].start):
            self.print.append(document.bytes[place : span.start])
            self.blanks.append((name, document.bytes[span.start : span.stop]))
            place = span.stop
        self.print.append(document.bytes[place:])

    def numbers_of(self, document: Document) -> Numbers | None:
        """The numbers that differ from those of the form; None when the document differs in more than numbers.

        Nothing but the document's bytes is looked at, so that it need not be indexed.
        """
        if _kind(document) != self.kind or not document.bytes.startswith(self.print[0]):
            return None
        found, place = {}, len(self.print[0])
        for (name, text), after in zip(self.blanks, self.print[1:], strict=True):
            number = _NUMBER.match(document.bytes, place)
            if number is None or not document.bytes.startswith(after, number.end()):
                return None
            if number[0] != text:
                found[name] = float(number[0])
            place = number.end() + len(after)
        return found if place == len(document.bytes) and all(map(math.isfinite, found.values())) else None


def _kind(document: Document) -> tuple[str, str, str, Limits]:
    path = "" if document.source is None else document.source.path
    return document.format, document.encoding, path, document.limits
