"""The editor in a notebook: the same page, the same messages, over the notebook's own channel."""

from __future__ import annotations

import base64
from typing import Any

import anywidget

from sdtheory.documents import Document
from sdtheory.editor import joining, service
from sdtheory.editor.defences import Turned, check_message, check_texts
from sdtheory.editor.kinds import KINDS
from sdtheory.editor.replies import answering, changed_facts, fault_of, saved_reply
from sdtheory.editor.slow import LONG, do
from sdtheory.editor.state import Refused, State
from sdtheory.editor.worker import Worker
from sdtheory.errors import SDError


class Editor(anywidget.AnyWidget):
    """The editor of a document, in a cell of a notebook.

    It reads and writes no file but the document's own, and that only when the person saves.

    Parameters
    ----------
    document : Document
        From `sdtheory.read`, or made in any other way; without a file it cannot be saved.
    experiments : dict of str to str, optional
        Paths of experiment files by the names under which the policy panel offers them.

    Attributes
    ----------
    document : Document
        As it is now, with every change made so far.

    Examples
    --------
    >>> import sdtheory as sd
    >>> editor = Editor(sd.read("models/m0_seed.mdl"))
    >>> editor.document.variables["search leverage"].equation
    '1.5'
    """

    _esm = joining.module()
    _css = joining.style()

    def __init__(self, document: Document, experiments: dict[str, str] | None = None):
        super().__init__()
        self._state: State = service.of_document(document, experiments)
        self._worker, self._slower = Worker(do), Worker(do)
        self.on_msg(self._hear)

    @property
    def document(self) -> Document:
        """The document as it is now."""
        return self._state.document

    def close(self) -> None:
        """End the processes that simulate, and take the widget away."""
        self._worker.close()
        self._slower.close()
        super().close()

    def _hear(self, widget: Any, message: Any, buffers: Any) -> None:
        """Answer a message of the page."""
        id = message.get("id") if isinstance(message, dict) else None
        try:
            if not isinstance(message, dict):
                raise Turned(400, "message", "this is no message")
            check_message(message)
            check_texts(message)
            self._answer(id, message)
        except Turned as turned:
            self.send({"id": id, "error": {"code": turned.code, "message": turned.message}})
        except SDError as error:
            self.send({"id": id, "error": fault_of(error)})

    def _answer(self, id: Any, message: dict[str, Any]) -> None:
        op, arguments = message.get("op"), message.get("args") or {}
        if op == "save":
            self.send({"id": id, "reply": self._saved(arguments)})
        elif op == "export":
            self._work(id, "export", self._export(arguments))
        elif op in service.SLOW:
            self._work(id, op, {key: value for key, value in arguments.items() if key != "view"})
        elif op == "take":
            raise Refused("a notebook does not look at the file", code="unknown-operation")
        else:
            old = self._state
            self._state, reply = service.answer(old, message)
            self.send({"id": id, "reply": reply})
            if self._state.revision != old.revision:
                self._tell("changed", **changed_facts(self._state))

    def _saved(self, arguments: dict[str, Any]) -> dict[str, Any]:
        force = arguments.get("force", False)
        if set(arguments) - {"force", "hash"} or type(force) is not bool:
            raise Refused("save: 'force' is true or false", code="arguments", field="force")
        self._state = state = service.saved(self._state, force)
        self._tell("saved", hash=state.hash)
        return saved_reply(state)

    def _export(self, arguments: dict[str, Any]) -> dict[str, Any]:
        kind, view = arguments.get("kind"), arguments.get("view", 0)
        if set(arguments) - {"kind", "view"} or kind not in KINDS or type(view) is not int:
            raise Refused("there is no such export", code="kind", field="kind")
        return {"kind": kind, "view": view}

    def _work(self, id: Any, op: str, arguments: dict[str, Any]) -> None:
        """Have the worker answer."""
        state = self._state

        def answer(kind: str, value: Any) -> None:
            if kind == "error":
                self.send({"id": id, "error": fault_of(value)})
                return
            if op == "export":
                value = {**value, "data": base64.b64encode(value["data"]).decode()}
            self.send({"id": id, "reply": value})

        told = answering(arguments.get("ticket"), state.revision, answer, self._tell)
        worker = self._slower if op in LONG else self._worker
        worker.ask(op, (state.document.at_rest(), op, arguments, dict(state.experiments)), told)

    def _tell(self, event: str, **data: Any) -> None:
        self.send({"event": event, "data": data})
