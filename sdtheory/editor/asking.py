"""Operations that change nothing: each gives its reply."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from sdtheory.documents import Document
from sdtheory.editor.checks import check_field
from sdtheory.editor.looking import DEPTH, causes, find, rename_preview, uses
from sdtheory.editor.pasting import copied
from sdtheory.editor.scenes import scene_of
from sdtheory.editor.state import State

Plain = dict[str, Any]
Arguments = Mapping[str, Any]


def asked(state: State, op: str, arguments: Arguments, view: int) -> Plain:
    """The reply to an operation that changes nothing."""
    if op == "copied":
        return copied(state.document, state.identity, arguments["ids"], view)
    return scene_of(state, view) if op == "open" else _ANSWERS[op](state, arguments)


def difference(before: bytes, document: Document) -> str:
    """What a document has otherwise than other bytes, as a unified diff."""
    here = before.decode(document.encoding, "replace").removeprefix("\ufeff").splitlines(keepends=True)
    there = document.text.splitlines(keepends=True)
    return "".join(difflib.unified_diff(here, there, document.file, document.file))


def _history(state: State, arguments: Arguments) -> Plain:
    return {"entries": [{"name": step.name} for step in state.steps], "position": state.position}


def _diff(state: State, arguments: Arguments) -> Plain:
    return {"text": difference(state.saved, state.document)}


def _check(state: State, arguments: Arguments) -> Plain:
    reply = check_field(state.document, arguments)
    return {**reply, "ticket": arguments["ticket"]} if "ticket" in arguments else reply


def _find(state: State, arguments: Arguments) -> Plain:
    return {"found": find(state.document, state.identity, arguments["text"])}


def _causes(state: State, arguments: Arguments) -> Plain:
    return causes(state.document, arguments["name"], arguments.get("depth", DEPTH))


def _uses(state: State, arguments: Arguments) -> Plain:
    return uses(state.document, arguments["name"], arguments.get("depth", DEPTH))


def _rename_preview(state: State, arguments: Arguments) -> Plain:
    return rename_preview(state.document, arguments["name"], arguments["to"])


def _experiment(state: State, arguments: Arguments) -> Plain:
    from sdtheory.editor.policies import experiment_of

    return experiment_of(state.experiments, arguments["id"])


def _set_experiment(state: State, arguments: Arguments) -> Plain:
    from sdtheory.editor.policies import set_experiment

    return set_experiment(state.experiments, arguments["id"], arguments["text"], arguments["hash"])


_ANSWERS: Mapping[str, Callable[[State, Arguments], Plain]] = {
    "history": _history,
    "diff": _diff,
    "check": _check,
    "find": _find,
    "causes": _causes,
    "uses": _uses,
    "rename_preview": _rename_preview,
    "experiment": _experiment,
    "set_experiment": _set_experiment,
}
