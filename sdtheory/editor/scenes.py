"""What a page shows of a state, and what an operation changed of it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sdtheory.documents import Document
from sdtheory.editor.completion import functions_of
from sdtheory.editor.elements import bounds_of, drawn_view
from sdtheory.editor.identity import Identity
from sdtheory.editor.state import Refused, State, history_of
from sdtheory.editor.variables import variables_of

Plain = dict[str, Any]
_METHODS = {"": "euler", "0": "euler", "2": "euler", "1": "rk4", "5": "rk4", "3": "rk2", "4": "rk2"}
_variables = lru_cache(maxsize=16)(variables_of)


def scene_of(state: State, view: int) -> Plain:
    """The scene of a state with one of its views; a document without a view has an empty drawing.

    Raises
    ------
    Refused
        There is no such view.
    """
    document, identity = state.document, state.identity
    if view and view >= len(document.views):
        raise Refused(f"there is no view {view}", code="view", field="view")
    elements = drawn_view(document, identity, view) if document.views else {}
    return {
        "revision": state.revision,
        "session": state.session,
        "name": document.name or document.file.rpartition(".")[0] or document.file,
        "file": document.file,
        "format": document.format,
        "read_only": state.read_only,
        "dirty": state.dirty,
        "hash": state.hash,
        "history": history_of(state),
        "settings": _settings(document),
        "views": _views(document),
        "view": view,
        "bounds": bounds_of(elements),
        "elements": [one.plain for one in elements.values()],
        "variables": _variables(document, identity),
        "dimensions": _dimensions(document),
        "issues": [],
        "functions": functions_of(document.format),
        "units": _units(document),
        "experiments": [{"id": id, "name": id} for id in state.experiments],
    }


def delta(old: State, new: State, view: int, adds: bool = False) -> Plain:
    """What a page has to change in its scene of one view, and where to look."""
    shown_view = min(view, max(len(new.document.views) - 1, 0))
    before = _elements(old.document, old.identity, view)
    after = _elements(new.document, new.identity, shown_view)
    found: Plain = {
        "revision": new.revision,
        "view": shown_view,
        "changed": [
            one.plain for id, one in after.items() if id not in before or before[id].plain != one.plain
        ],
        "removed": [id for id in before if id not in after],
        "variables": _changed(_variables(old.document, old.identity), _variables(new.document, new.identity)),
        "history": history_of(new),
        "dirty": new.dirty,
        "bounds": bounds_of(after),
    }
    for word, facts in (
        ("views", _views),
        ("settings", _settings),
        ("dimensions", _dimensions),
        ("units", _units),
    ):
        now = facts(new.document)
        if facts(old.document) != now:
            found[word] = now
    if adds:
        added = [id for id in after if id not in before]
        if added:
            found["focus"] = next((id for id in added if after[id].plain["variable"] is not None), added[0])
    return found


def _elements(document: Document, identity: Identity, view: int) -> dict[str, Any]:
    return drawn_view(document, identity, view) if view < len(document.views) else {}


def _changed(old: Plain, new: Plain) -> Plain:
    found = {name: facts for name, facts in new.items() if old.get(name) != facts}
    return {**dict.fromkeys(name for name in old if name not in new), **found}


def _settings(document: Document) -> Plain:
    said = document.simulation
    words = ("start", "stop", "time_step", "save_every", "time_units")
    return {**{word: getattr(said, word) for word in words}, "method": _method(said.method)}


def _method(text: str) -> str:
    first = text.split(",")[0].strip().lower()
    return _METHODS.get(first, first)


def _views(document: Document) -> list[Plain]:
    return [
        {"index": number, "name": view.name, "kind": view.kind, "model": view.model}
        for number, view in enumerate(document.views)
    ]


def _dimensions(document: Document) -> Plain:
    return {dimension.name: list(dimension.elements) for dimension in document.dimensions.values()}


def _units(document: Document) -> list[str]:
    return sorted({entry.units for entry in document.variables.values() if entry.units})
