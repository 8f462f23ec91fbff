"""The editor's server: one model file, for the person who started it, on this machine alone."""

from __future__ import annotations

import gzip
import os
import re
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h11
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from sdtheory.editor.admission import Admission
from sdtheory.editor.defences import HEADERS, Defences, Turned, check_message, message_of
from sdtheory.editor.joining import STATIC
from sdtheory.editor.kinds import KINDS
from sdtheory.editor.replies import fault_of
from sdtheory.editor.session import Session
from sdtheory.errors import SDError, UsageError, shown

HOST = "127.0.0.1"
_SAVE = {"force": bool, "revision": int}
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
_HASH = re.compile(r'"?([0-9a-f]{64})"?')
_CONFLICTS = ("stale", "disk-changed")
# how work goes, and no fault of the request: a browser would report other answers than 200 as errors of the page
_ORDINARY = frozenset({"cannot-run", "superseded"})


class Routes:
    """What the server answers.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session):
        self.session = session
        self.files = {path.name: path.read_bytes() for path in sorted(STATIC.iterdir()) if path.is_file()}
        self.packed = {name: gzip.compress(data, mtime=0) for name, data in self.files.items()}

    def routes(self) -> list[Route]:
        """The addresses."""
        return [
            Route("/", self.page, methods=["GET"]),
            Route("/static/{name}", self.file, methods=["GET"]),
            Route("/scene", self.scene, methods=["GET"]),
            Route("/events", self.events, methods=["GET"]),
            Route("/export/{kind}", self.export, methods=["GET"]),
            Route("/op", self.operation, methods=["POST"]),
            Route("/save", self.save, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:
        """The page."""
        return self._file("index.html", request)

    async def file(self, request: Request) -> Response:
        """A file that the page consists of."""
        return self._file(request.path_params["name"], request)

    def _file(self, name: str, request: Request) -> Response:
        if name not in self.files:
            raise Turned(404, "file", "there is no such file")
        kind = _TYPES.get(Path(name).suffix, "application/octet-stream")
        if re.search(r"\bgzip\b(?!;q=0)", request.headers.get("accept-encoding", "")):
            return Response(self.packed[name], media_type=kind, headers={"Content-Encoding": "gzip"})
        return Response(self.files[name], media_type=kind)

    async def scene(self, request: Request) -> Response:
        """Everything that a page shows of one view."""
        return JSONResponse(await self.session.scene(_view(request)))

    async def events(self, request: Request) -> Response:
        """What every page is told, for as long as it listens."""
        stream = self.session.events.stream(*self.session.first_events())
        return StreamingResponse(stream, media_type="text/event-stream")

    async def operation(self, request: Request) -> Response:
        """One operation of the service."""
        message = await message_of(request)
        check_message(message)
        return JSONResponse(await self.session.answer(message))

    async def save(self, request: Request) -> Response:
        """Write the model file."""
        message = await message_of(request)
        check_message(message, _SAVE)
        given = request.headers.getlist("if-match")
        known = _HASH.fullmatch(given[0]) if len(given) == 1 else None
        if known is None:
            raise Turned(
                428, "if-match", "a save must say in If-Match which file it knows of, by its SHA-256"
            )
        return JSONResponse(await self.session.save(known[1], message.get("force", False)))

    async def export(self, request: Request) -> Response:
        """A file to take away."""
        kind, view = request.path_params["kind"], _view(request)
        if kind not in KINDS:
            raise Turned(404, "kind", f"there is no such export; there are {', '.join(KINDS)}")
        made = await self.session.export(kind, view)
        disposition = f'attachment; filename="{made["name"]}"'
        return Response(made["data"], media_type=made["type"], headers={"Content-Disposition": disposition})


def _view(request: Request) -> int:
    given = request.query_params.getlist("view") or ["0"]
    if (
        set(request.query_params) - {"view"}
        or len(given) != 1
        or not re.fullmatch(r"\d{1,6}", given[0], re.ASCII)
    ):
        raise Turned(400, "view", "'view' must be the number of a view")
    return int(given[0])


def application(session: Session, admission: Admission) -> Defences:
    """The server as an ASGI application."""

    def turned(request: Request, error: Any) -> Response:
        return error.answer()

    def refused(request: Request, error: Any) -> Response:
        fault = fault_of(error)
        if fault["code"] in _ORDINARY:
            return JSONResponse({"error": fault})
        return JSONResponse(fault, 409 if fault["code"] in _CONFLICTS else 400)

    def unknown(request: Request, error: Any) -> Response:
        return Turned(error.status_code, "address", "there is nothing of this kind at this address").answer()

    def failed(request: Request, error: Any) -> Response:
        text = f"internal error ({type(error).__name__}: {shown(error, 200)}); please report it"
        session.report(text)
        return Turned(500, "internal", text).answer()

    handlers: Mapping[Any, Callable[[Request, Any], Response]] = {
        Turned: turned, SDError: refused, HTTPException: unknown, Exception: failed,
    }  # fmt: skip
    app = Starlette(routes=Routes(session).routes(), exception_handlers=dict(handlers))
    app.router.redirect_slashes = False
    return Defences(app, admission)


class Protocol(H11Protocol):
    """Answers to what is no proper HTTP carry the headers of all other answers."""

    def send_400_response(self, msg: str) -> None:
        """Answer and hang up."""
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Connection", "close"), *HEADERS.items()]
        answer = h11.Response(
            status_code=400,
            headers=[(name.encode(), value.encode()) for name, value in headers],
            reason=b"Bad Request",
        )
        for event in (answer, h11.Data(data=msg.encode("ascii", "replace")), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def listening(port: int) -> socket.socket:
    """A socket on this machine's own address; port 0 finds a free one.

    Raises
    ------
    UsageError
        The port is taken, or not for this user.
    """
    # named, TCP is what asyncio recognises, and then sends small answers without waiting for more
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name != "nt":  # there it would let two programs have one port
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((HOST, port))
    except OSError as error:
        made.close()
        raise UsageError(
            f"port {port} cannot be had: {error.strerror}", remedy="choose another, or leave --port out"
        ) from None
    made.listen(128)
    return made
