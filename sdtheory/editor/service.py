"""The editor's service: a state, a message, and what comes of it. No file is watched and nothing is sent here."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from sdtheory.documents import Document, from_bytes, read
from sdtheory.documents.saving import write
from sdtheory.editor import arranging, drawing_edits, pasting, variable_edits
from sdtheory.editor.arguments import ASKING, CHANGING, WORKING, checked
from sdtheory.editor.asking import asked, difference
from sdtheory.editor.drawing_edits import Done
from sdtheory.editor.editing import Editing, editing_of, with_view
from sdtheory.editor.identity import first_identity
from sdtheory.editor.scenes import delta, scene_of
from sdtheory.editor.state import Refused, State, Step, at_step, with_saved, with_step
from sdtheory.errors import DocumentError, SDError, UnknownName, UsageError, shown

__all__ = ["SLOW", "Refused", "State", "answer", "of_document", "opened", "saved", "scene", "taken"]

SLOW = frozenset(WORKING)
Experiments = Mapping[str, str]
_CHARACTER = re.compile(r"'(.)' (?:outside|ends|does not exist)")

_VERBS = {
    drawing_edits: (
        "move", "reshape", "attach", "add_flow", "add_alias", "add_text", "add_view", "rename_view", "remove",
        "remove_element", "connect", "disconnect",
    ),
    variable_edits: (
        "add_stock", "add_auxiliary", "rename", "set_equation", "set_initial", "set_units", "set_documentation",
        "set_lookup", "set_range", "set_simulation", "match_links",
    ),
    arranging: ("align", "layout"),
    pasting: ("paste",),
}  # fmt: skip
_EDITS: Mapping[str, Callable[[Editing, Mapping[str, Any]], Done]] = {
    verb: getattr(module, verb) for module, verbs in _VERBS.items() for verb in verbs
}
_CODES = ((UnknownName, "unknown-name"), (UsageError, "usage"), (DocumentError, "document"))


def opened(path: str | os.PathLike[str], experiments: Experiments | None = None) -> State:
    """The state of an editor on a file.

    Parameters
    ----------
    path : path-like
    experiments : mapping of str to str, optional
        Paths of experiment files by the ids under which a page asks for them.

    Raises
    ------
    DocumentError, LimitError
        The file cannot be read as a model document.

    Examples
    --------
    >>> state = opened("models/m0_seed.mdl")
    >>> state, reply = answer(state, {"op": "rename", "args": {"name": "capability", "to": "skill"}, "revision": 0})
    >>> reply["history"]["undo_name"], state.dirty
    ('Rename capability to skill', True)
    """
    return of_document(read(path), experiments)


def of_document(document: Document, experiments: Experiments | None = None) -> State:
    """The state of an editor on a document."""
    identity = first_identity(document)
    steps = (Step("", document, identity),)
    return State(
        steps,
        0,
        document.bytes,
        secrets.token_hex(8),
        experiments=dict(experiments or {}),
        fresh=identity.fresh,
    )


def scene(state: State, view: int = 0) -> dict[str, Any]:
    """Everything that a page shows of a state, with the drawing of one view."""
    return scene_of(state, view)


def answer(state: State, message: Mapping[str, Any]) -> tuple[State, dict[str, Any]]:
    """What an operation makes of a state, and the reply to whoever asked for it.

    Parameters
    ----------
    state : State
    message : mapping
        ``op``, ``args`` and, for an operation that changes the document, the ``revision`` it was made on.

    Returns
    -------
    state : State
        The same when nothing changed.
    reply : dict

    Raises
    ------
    Refused
        The operation cannot be done; nothing has changed.
    """
    op, arguments = message.get("op"), message.get("args")
    arguments = {} if arguments is None else arguments
    view = arguments.get("view", 0) if isinstance(arguments, dict) else 0
    if not isinstance(view, int) or isinstance(view, bool) or view < 0:
        raise Refused("'view' is not a number of a view", code="arguments", field="view")
    if isinstance(arguments, dict):
        arguments = {name: value for name, value in arguments.items() if name != "view"}
    arguments = checked(op, arguments, (CHANGING, ASKING))
    try:
        if op in ASKING:
            return state, asked(state, str(op), arguments, view)
        return _changed(state, str(op), arguments, view, message.get("revision"))
    except Refused:
        raise
    except SDError as error:
        raise _refusal(error, str(op), arguments) from None


def _changed(
    state: State, op: str, arguments: Mapping[str, Any], view: int, revision: Any
) -> tuple[State, dict[str, Any]]:
    if revision != state.revision:
        there = min(view, max(len(state.document.views) - 1, 0))
        details = {"scene": scene_of(state, there)}
        raise Refused("the model has changed meanwhile", code="stale", details=details)
    if state.read_only:
        raise Refused("this model is open for reading only", code="read-only")
    new = _edited(state, op, arguments, view)
    return new, delta(state, new, view, adds=op.startswith("add_"))


def _edited(state: State, op: str, arguments: Mapping[str, Any], view: int) -> State:
    if op in ("undo", "redo"):
        position = state.position + (1 if op == "redo" else -1)
        if not 0 <= position < len(state.steps):
            raise Refused(f"there is nothing to {op}", code="history")
        return at_step(state, position)
    if op == "take":
        return taken(state, _encoded(state.document, arguments["text"]))
    _refuse_submodels(state, op, arguments, view)
    editing = editing_of(state, view)
    if op.startswith("add_") and op != "add_view":
        editing = with_view(editing)
    editing, name = _EDITS[op](editing, arguments)
    return with_step(state, name, editing.document, editing.identity)


def _encoded(document: Document, text: str) -> bytes:
    """A text as a file like that of the document: in its encoding, with a byte order mark when it has one."""
    mark = "\ufeff" if document.bytes.decode(document.encoding, "replace").startswith("\ufeff") else ""
    try:
        return (mark + text).encode(document.encoding)
    except UnicodeEncodeError as error:
        raise Refused(
            f"the file's encoding {document.encoding.upper()} has no '{shown(text[error.start - len(mark)])}'",
            code="document", field="text",
        ) from None  # fmt: skip


def _refuse_submodels(state: State, op: str, arguments: Mapping[str, Any], view: int) -> None:
    """Raise for an edit of a variable or a drawing of a module, which are shown only."""
    document = state.document
    if view and view >= len(document.views):
        raise Refused(f"there is no view {view}", code="view", field="view")
    entry = document.variables.get(arguments.get("name", "")) if not op.startswith("add_") else None
    ids = [*arguments.get("ids", ()), *(place["id"] for place in arguments.get("elements", ()))]
    ids += [
        arguments[word] for word in ("id", "source", "target", "to") if isinstance(arguments.get(word), str)
    ]
    numbers = {
        int(head) for head in (id.partition(":")[0] for id in ids) if head.isdecimal() and len(head) < 6
    }
    numbers |= {view} if op == "paste" or (op.startswith("add_") and op != "add_view") else set()
    models = [document.views[number].model for number in numbers if number < len(document.views)]
    if entry is not None:
        models.append(entry.model)
    if any(models):
        name = shown(next(filter(None, models)))
        raise Refused(
            f"this is a part of the module '{name}', which is shown only",
            code="read-only",
            remedy="edit its own file",
        )


def taken(state: State, data: bytes) -> State:
    """The state after the file was changed by another program: one more step, which can be undone.

    Raises
    ------
    DocumentError, LimitError
        The bytes are no model document; a file that is half written is looked at again later.
    """
    old = state.document
    document = from_bytes(data, old.format, None, old.source, old.limits)
    new = with_step(state, "Change on disk", document)
    return with_saved(new, document.bytes, old.source.path if old.source else None)


def saved(state: State, force: bool = False) -> State:
    """The state after its document was written to the file it was read from.

    Parameters
    ----------
    state : State
    force : bool
        Also over what another program wrote meanwhile.

    Raises
    ------
    Refused
        The document has no file, or (code ``"disk-changed"``) the file is not the one that was read or saved last.
    DocumentError
        The file cannot be written; it is as it was.
    """
    source = state.document.source
    if source is None:
        raise Refused("this document has no file to be saved in", code="no-file")
    if not force:
        _refuse_changed(state, source.path)
    write(state.document, source.path, if_changed="replace" if force else "refuse")
    return with_saved(state, state.document.bytes, source.path)


def _refuse_changed(state: State, path: str) -> None:
    """Raise when the file holds something else than what was read or saved last."""
    if not os.path.exists(path):
        return
    there = read(path)
    if there.bytes not in (state.saved, state.document.bytes):
        assert there.source is not None
        details = {"diff": difference(there.bytes, state.document), "hash": there.source.sha256}
        raise Refused("the file was changed by another program", code="disk-changed", details=details)


def _refusal(error: SDError, op: str, arguments: Mapping[str, Any]) -> Refused:
    """An error as a refusal that says which argument is at fault, and where when that is certain."""
    code = next((code for kind, code in _CODES if isinstance(error, kind)), "refused")
    field = {"rename": "to"}.get(
        op, "text" if "text" in arguments else "name" if "name" in arguments else None
    )
    if code == "unknown-name" and "name" in arguments:
        field = "name"
    start = stop = None
    if field is not None and isinstance(arguments.get(field), str):
        start, stop = _place(arguments[field], error.message)
    return Refused(
        error.message, file=error.file, line=error.line, column=error.column, remedy=error.remedy, code=code,
        field=field, start=start, stop=stop,
    )  # fmt: skip


def _place(text: str, message: str) -> tuple[int, int]:
    """Where a text holds the one character that a message complains of, else the whole text."""
    found = _CHARACTER.search(message)
    if found and text.count(found[1]) == 1:
        return text.index(found[1]), text.index(found[1]) + 1
    return 0, len(text)
