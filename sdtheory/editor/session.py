"""One model file that is being edited: its state, the pages that look at it, its worker, and what keeps it safe."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sdtheory.documents import Document, from_bytes
from sdtheory.editor import service
from sdtheory.editor.arguments import WORKING, checked
from sdtheory.editor.events import Events, encoded
from sdtheory.editor.recovery import Journal, Kept
from sdtheory.editor.replies import answering, changed_facts, saved_reply
from sdtheory.editor.scenes import delta
from sdtheory.editor.slow import LONG, do
from sdtheory.editor.state import Refused, State, at_step, with_saved, with_step
from sdtheory.editor.watching import Watch
from sdtheory.editor.worker import Worker
from sdtheory.errors import SDError

LOOK = 1.0  # seconds between looks at the disk and the worker
PAUSE = 1.0  # seconds without a change after which an automatic save is due


@dataclass
class Session:
    """What the server serves. To be used in one event loop.

    Parameters
    ----------
    path : str
        The model file.
    state : State
    autosave : bool
        Whether changes are saved by themselves.
    report : callable
        Told in words what the person at the terminal should know.
    """

    path: str
    state: State
    autosave: bool = False
    report: Callable[[str], None] = print
    events: Events = field(default_factory=Events)
    worker: Worker = field(default_factory=lambda: Worker(do))
    slower: Worker = field(default_factory=lambda: Worker(do))  # for what would keep runs waiting
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _conflict: dict[str, Any] | None = None  # what pages were told of a change on disk
    _changed: float = 0.0  # when the document was changed last
    _reported: str = ""  # the fault that the person knows of

    def __post_init__(self) -> None:
        self.journal = Journal(self.path)
        self.watch = Watch(self.path)

    async def answer(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """The reply to an operation.

        Raises
        ------
        SDError
            The operation cannot be done; nothing has changed.
        """
        if message.get("op") in service.SLOW:
            return await self._slow(message)
        act = self._taken if message.get("op") == "take" else service.answer
        async with self._lock:
            old = self.state
            new, reply = await asyncio.to_thread(act, old, message)
            if new is not old:
                await self._become(new)
        return reply

    async def scene(self, view: int) -> dict[str, Any]:
        """Everything that a page shows."""
        return await asyncio.to_thread(service.scene, self.state, view)

    async def save(self, known: str, force: bool = False) -> dict[str, Any]:
        """Write the document to its file.

        Parameters
        ----------
        known : str
            Hash of what the file holds, as far as the page knows.
        force : bool
            Also over what another program wrote.

        Raises
        ------
        Refused
            The file holds something else, or the page does not know of an earlier save.
        DocumentError
            The file cannot be written.
        """
        async with self._lock:
            state = self.state
            if known != state.hash:
                raise _stale(state, 0)
            await self._become(await asyncio.to_thread(service.saved, state, force))
            state = self.state
        self._conflict, self._reported = None, ""
        self.events.tell("saved", hash=state.hash)
        return saved_reply(state)

    async def export(self, kind: str, view: int) -> dict[str, Any]:
        """A file to take away: its ``name``, ``type`` and ``data``."""
        return await self._worked("export", {"kind": kind, "view": view})

    def first_events(self) -> list[bytes]:
        """What a page that begins to listen should know."""
        found = [encoded("changed", changed_facts(self.state))]
        return found if self._conflict is None else [*found, encoded("disk-changed", self._conflict)]

    async def watch_over(self) -> None:
        """Look at the disk, the worker and unsaved changes again and again."""
        while True:
            await asyncio.sleep(LOOK)
            try:
                await asyncio.to_thread(self.worker.look)
                await asyncio.to_thread(self.slower.look)
                await asyncio.to_thread(self.journal.flush)
                await self._look_at_disk()
                if self.autosave and self._conflict is None and self._is_due():
                    await self.save(self.state.hash)
            except (OSError, SDError) as error:
                self._say_once(f"not saved or not looked at: {error}")

    def end(self, reason: str) -> None:
        """Tell every page, and let go of everything; unsaved changes stay kept."""
        self.events.tell("session-ended", reason=reason)
        self.events.end()
        self.worker.close()
        self.slower.close()
        self.journal.flush()
        self.journal.close()

    def _is_due(self) -> bool:
        return self.state.dirty and time.monotonic() - self._changed >= PAUSE

    async def _become(self, state: State) -> None:
        """Take on another state, keep what is unsaved of it, and tell the pages."""
        old, self.state = self.state, state
        try:
            await asyncio.to_thread(self._keep)
        except OSError as error:
            self._say_once(f"unsaved changes cannot be kept for a crash: {error.strerror or error}")
        if (old.revision, old.saved) != (state.revision, state.saved):
            self._changed = time.monotonic()
            self.events.tell("changed", **changed_facts(self.state))

    def _keep(self) -> None:
        state = self.state
        if state.dirty:
            steps = [(step.name, step.document.bytes) for step in state.steps]
            self.journal.keep(steps, state.position, saved=state.hash)
        else:
            self.journal.forget()

    def _say_once(self, text: str) -> None:
        if text != self._reported:
            self._reported = text
            self.report(text)

    async def _look_at_disk(self) -> None:
        async with self._lock:
            found = await asyncio.to_thread(self.watch.look, self.state.hash)
            if found is not None and found.bytes == self.state.document.bytes:
                await self._become(with_saved(self.state, found.bytes, self.path))
                found = None
        if found is None or found.source is None:
            self._conflict = None
        elif self._conflict is None or self._conflict["hash"] != found.source.sha256:
            self._conflict = {"hash": found.source.sha256, "diff": found.diff(self.state.document)}
            self.events.tell("disk-changed", **self._conflict)

    def _taken(self, state: State, message: Mapping[str, Any]) -> tuple[State, dict[str, Any]]:
        """What another program has written, as one more step of the history."""
        arguments = message.get("args") or {}
        view = arguments.get("view", 0)
        if set(arguments) - {"view"} or type(view) is not int:
            raise Refused("take: the text is read from the file", code="arguments")
        if message.get("revision") != state.revision:
            raise _stale(state, view)
        with contextlib.suppress(FileNotFoundError), open(self.path, "rb") as file:
            new = service.taken(state, file.read())
            return new, delta(state, new, view)
        raise Refused("the file is gone", code="no-file")

    async def _slow(self, message: Mapping[str, Any]) -> dict[str, Any]:
        op = str(message["op"])
        given = message.get("args") or {}
        arguments = {key: value for key, value in given.items() if key != "view"}
        known = checked(op, arguments, (WORKING,))
        if message.get("revision", 0) > self.state.revision:
            async with self._lock:  # it was sent right after an edit, which is being made
                pass
        return await self._worked(op, known)

    async def _worked(self, op: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """What the worker replies; what comes in steps is told to all pages, and the first step answers."""
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[Any] = loop.create_future()
        state = self.state

        def answer(kind: str, value: Any) -> None:
            if not reply.done():  # unless the page has gone
                (reply.set_exception if kind == "error" else reply.set_result)(value)

        heard = answering(arguments.get("ticket"), state.revision, answer, self.events.tell)

        def told(kind: str, value: Any) -> None:
            with contextlib.suppress(
                RuntimeError
            ):  # the loop has ended, and with it everybody who would hear
                loop.call_soon_threadsafe(heard, kind, value)

        worker = self.slower if op in LONG else self.worker
        worker.ask(op, (state.document.at_rest(), op, dict(arguments), dict(state.experiments)), told)
        return await reply


def _stale(state: State, view: int) -> Refused:
    details = {"scene": service.scene(state, view)}
    return Refused("the model has changed meanwhile", code="stale", details=details)


def restored(state: State, kept: Kept) -> State:
    """The state with the unsaved history that an earlier session left.

    To a file that has changed since, what was shown last is one more step, which can be undone.

    Parameters
    ----------
    state : State
        Of the file as it is now.
    kept : Kept

    Raises
    ------
    DocumentError, LimitError
        What was kept is no model document.
    """
    steps = [(name, _document_of(state, data)) for name, data in kept.steps]
    if kept.saved != state.hash:
        return with_step(state, "Unsaved changes of an earlier session", steps[kept.position][1])
    new = service.of_document(steps[0][1], state.experiments)
    for name, document in steps[1:]:
        new = with_step(new, name, document)
    new = at_step(new, min(kept.position, len(new.steps) - 1))
    source = state.document.source
    return dataclasses.replace(
        with_saved(new, state.saved, source.path if source else None), read_only=state.read_only
    )


def _document_of(state: State, data: bytes) -> Document:
    like = state.document
    return from_bytes(data, like.format, None, like.source, like.limits)
