"""Replies as a page gets them, the same over HTTP and over a notebook's channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sdtheory.editor.state import Refused, State, history_of
from sdtheory.editor.worker import Superseded, Told
from sdtheory.errors import SDError

Plain = dict[str, Any]


def fault_of(error: SDError) -> Plain:
    """An error.

    Examples
    --------
    >>> fault_of(SDError("the disk is full", remedy="make room"))["message"]
    'the disk is full; make room'
    """
    if isinstance(error, Refused):
        return error.plain()
    message = f"{error.message}; {error.remedy}" if error.remedy else error.message
    code = "superseded" if isinstance(error, Superseded) else "failed"
    return {"code": code, "message": message, "field": None, "start": None, "stop": None}


def saved_reply(state: State) -> Plain:
    """What a save replies."""
    return {
        "hash": state.hash,
        "revision": state.revision,
        "dirty": state.dirty,
        "history": history_of(state),
    }


def changed_facts(state: State) -> Plain:
    """What every page should know of the present state."""
    return {"revision": state.revision, "hash": state.hash, "dirty": state.dirty}


def answering(
    ticket: Any, revision: int, answer: Callable[[str, Any], object], tell: Callable[..., object]
) -> Told:
    """A listener to the worker that answers one request.

    Replies that come in steps are told to all pages, and the first of them answers the request.

    Parameters
    ----------
    ticket
        What the page knows its request by.
    revision : int
        Of the document that is worked on.
    answer : callable
        Called once, with ``"done"`` and a reply, or with ``"error"`` and an SDError.
    tell : callable
        Called with the name of an event, and its data by keywords.
    """
    facts = {"ticket": ticket, "revision": revision}
    answered: list[str] = []

    def told(kind: str, value: Any) -> None:
        if kind == "step":
            tell("compare-chunk", **{**value, **facts})
            kind, value = "done", {}
        elif answered:
            fault = {"error": fault_of(value)} if kind == "error" else {}
            tell("compare-chunk", **facts, done=True, **fault)
        if not answered:
            answered.append(kind)
            answer(kind, value if kind == "error" else {**value, **facts})

    return told
