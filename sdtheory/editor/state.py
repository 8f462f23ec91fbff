"""The editor's state: one history of documents, and what of it is saved."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sdtheory.documents import Document, Source
from sdtheory.documents.remembered import moved
from sdtheory.editor.identity import Identity, identity_after
from sdtheory.errors import SDError

AWAKE = 30  # steps whose documents are kept with all that reading found; of older ones the bytes are


@dataclass(frozen=True)
class Step:
    """A document of the history: how it came about ("" for the first), and the ids of its elements."""

    name: str
    document: Document
    identity: Identity


@dataclass(frozen=True)
class State:
    """A document that is being edited. Every operation gives a new one; undo is going back to the old document.

    Parameters
    ----------
    steps : tuple of Step
        From the document as opened to the last one made.
    position : int
        The step that is shown.
    saved : bytes
        What the file holds, as far as is known.
    revision : int
        Grows with everything that changes the document, undo and redo too.
    session : str
        Tells a page whether it still talks to the editor that it was opened in.
    experiments : mapping of str to str
        Paths of experiment files by their ids, which are all that a page knows of them.
    read_only : bool
    fresh : int
        A number that no element's id holds yet.
    """

    steps: tuple[Step, ...]
    position: int
    saved: bytes
    session: str
    revision: int = 0
    experiments: Mapping[str, str] = field(default_factory=dict)
    read_only: bool = False
    fresh: int = 0

    @property
    def document(self) -> Document:
        """The document that is shown."""
        return self.steps[self.position].document

    @property
    def identity(self) -> Identity:
        """The ids of its elements."""
        return self.steps[self.position].identity

    @property
    def dirty(self) -> bool:
        """Whether it differs from what the file holds."""
        return self.document.bytes != self.saved

    @property
    def hash(self) -> str:
        """Of what the file holds: hexadecimal SHA-256."""
        return hashlib.sha256(self.saved).hexdigest()


class Refused(SDError):
    """An operation that cannot be done as asked; nothing has changed.

    Parameters
    ----------
    message, file, line, column, remedy
        As of every error.
    code : str
        Stable short name of the reason, such as ``"stale"`` or ``"name"``.
    field : str, optional
        The argument that is at fault.
    start, stop : int, optional
        The characters of that argument that are.
    details : dict, optional
        Further facts by name: with code ``"stale"`` the scene as it is now, with ``"disk-changed"`` the
        difference and the hash of the file.
    """

    PARTS = (*SDError.PARTS, "code", "field", "start", "stop", "details")

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
        remedy: str | None = None,
        code: str = "refused",
        field: str | None = None,
        start: int | None = None,
        stop: int | None = None,
        details: dict[str, Any] | None = None,
    ):
        super().__init__(message, file=file, line=line, column=column, remedy=remedy)
        self.code = code
        self.field = field
        self.start = start
        self.stop = stop
        self.details = details or {}

    def plain(self) -> dict[str, Any]:
        """The refusal as a page gets it."""
        message = f"{self.message}; {self.remedy}" if self.remedy else self.message
        place = {"field": self.field, "start": self.start, "stop": self.stop}
        return {"code": self.code, "message": message, **place, **self.details}


def with_step(state: State, name: str, document: Document, identity: Identity | None = None) -> State:
    """The state after an edit; what had been undone before it is forgotten."""
    if document.bytes == state.document.bytes:
        return state
    if identity is None:
        identity = identity_after(state.document, state.identity, document, state.fresh)
    steps = [*state.steps[: state.position + 1], Step(name, document, identity)]
    if len(steps) > AWAKE:
        old = steps[-AWAKE - 1]
        steps[-AWAKE - 1] = dataclasses.replace(old, document=old.document.at_rest())
    return dataclasses.replace(
        state,
        steps=tuple(steps),
        position=len(steps) - 1,
        revision=state.revision + 1,
        fresh=max(state.fresh, identity.fresh),
    )


def with_saved(state: State, data: bytes, path: str | None) -> State:
    """The state whose file holds these bytes now; all its documents know that."""
    source = None if path is None else Source(path, hashlib.sha256(data).hexdigest(), len(data))
    steps = tuple(
        dataclasses.replace(step, document=moved(step.document, source=source)) for step in state.steps
    )
    return dataclasses.replace(state, steps=steps, saved=data)


def at_step(state: State, position: int) -> State:
    """The state at another step of the history."""
    return dataclasses.replace(state, position=position, revision=state.revision + 1)


def history_of(state: State) -> dict[str, Any]:
    """What can be undone and redone."""
    back, forward = state.position > 0, state.position + 1 < len(state.steps)
    return {
        "can_undo": back,
        "undo_name": state.steps[state.position].name if back else None,
        "can_redo": forward,
        "redo_name": state.steps[state.position + 1].name if forward else None,
    }
