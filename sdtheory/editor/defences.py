"""What every request to the editor's server must be, and every answer must carry."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sdtheory.editor.admission import Admission, going_on_to

MOST_BYTES = 16_000_000  # of a body
MOST_DEPTH = 50  # of its JSON
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_PATH = re.compile(r"/(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/?)*")
_UNFIT = re.compile(r"[\0\ud800-\udfff]")
KEYS = {"op": str, "args": dict, "revision": int, "id": int}


class Turned(Exception):
    """A request that is not answered.

    Parameters
    ----------
    status : int
    code : str
        A short name of the reason.
    message : str
    """

    def __init__(self, status: int, code: str, message: str):
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def answer(self) -> Response:
        """The answer that says so."""
        return JSONResponse({"code": self.code, "message": self.message}, self.status)


class Defences:
    """Lets only requests through that the person who started the server can have made.

    Parameters
    ----------
    app : ASGI application
        Gets requests that have passed.
    admission : Admission
    """

    def __init__(self, app: ASGIApp, admission: Admission):
        self.app = app
        self.admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request, and give its answer the headers that all answers have."""
        if scope["type"] != "http":
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        try:
            answer = self._checked(scope)
        except Turned as turned:
            answer = turned.answer()
        await (answer or self.app)(scope, receive, send_with_headers)

    def _checked(self, scope: Scope) -> Response | None:
        """The answer to a first visit; None when the request may go on.

        Raises
        ------
        Turned
        """
        headers = Headers(scope=scope)
        self._check_host(headers)
        method, path = scope["method"], scope["path"]
        if method not in ("GET", "POST"):
            raise Turned(405, "method", "only GET and POST are known here")
        if not _PATH.fullmatch(path) or b"%" in scope.get("raw_path", b""):
            raise Turned(400, "path", "there is no such address")
        tokens = QueryParams(scope["query_string"]).getlist("t") if (method, path) == ("GET", "/") else []
        if tokens:
            return self._first_visit(tokens)
        if not self._has_cookie(headers):
            raise Turned(
                401, "unknown", "press Enter where sdtheory was started, and open the address that it prints"
            )
        if method == "POST":
            self._check_origin(headers)
        return None

    def _check_host(self, headers: Headers) -> None:
        port = self.admission.port
        if headers.getlist("host") not in ([f"127.0.0.1:{port}"], [f"localhost:{port}"]):
            raise Turned(421, "host", "this server answers on its own address alone")

    def _check_origin(self, headers: Headers) -> None:
        """Another page than our own cannot make a request that changes something."""
        own = f"http://{headers['host']}"
        if headers.getlist("origin") != [own]:
            raise Turned(403, "origin", "this request comes from another page")
        if any(one != "same-origin" for one in headers.getlist("sec-fetch-site")):
            raise Turned(403, "origin", "this request comes from another page")
        kinds = headers.getlist("content-type")
        if len(kinds) != 1 or not re.fullmatch(r"application/json(; ?charset=utf-8)?", kinds[0].lower()):
            raise Turned(415, "content-type", "a request must be application/json")

    def _first_visit(self, tokens: list[str]) -> Response:
        if len(tokens) != 1 or not self.admission.enter(tokens[0]):
            raise Turned(
                401,
                "used",
                "this address was used before; press Enter where sdtheory was started for a new one",
            )
        answer = HTMLResponse(going_on_to("/"))
        answer.set_cookie(
            self.admission.cookie, self.admission.secret, path="/", httponly=True, samesite="strict"
        )
        return answer

    def _has_cookie(self, headers: Headers) -> bool:
        sent = (part.strip().partition("=") for line in headers.getlist("cookie") for part in line.split(";"))
        found = [value for name, _, value in sent if name == self.admission.cookie]
        return len(found) == 1 and self.admission.knows(found[0])


async def message_of(request: Request) -> dict[str, Any]:
    """The JSON object in the body of a request.

    Raises
    ------
    Turned
        When the body is too large, too deep, no strict JSON, or no object of known keys.
    """
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MOST_BYTES:
            raise Turned(413, "size", f"a request may have {MOST_BYTES:,} bytes")
        chunks.append(chunk)
    return strict_json(b"".join(chunks))


def strict_json(data: bytes) -> dict[str, Any]:
    """A JSON object, without what only some readers of JSON take.

    Raises
    ------
    Turned
        When it is too deep, has a number that is not finite, a text that cannot be encoded or no object.

    Examples
    --------
    >>> strict_json(b'{"op": "undo", "revision": 3}')
    {'op': 'undo', 'revision': 3}
    """
    try:
        value = json.loads(data.decode("utf-8"), parse_constant=_refused, parse_float=_finite)
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        raise Turned(400, "json", "the request is not proper JSON") from None
    if type(value) is not dict:
        raise Turned(400, "json", "the request is not a JSON object")
    check_texts(value)
    return value


def check_message(message: Mapping[str, Any], keys: Mapping[str, type] = KEYS) -> None:
    """Raise when a message has other keys than those known, or values of another type.

    Raises
    ------
    Turned
    """
    for key, value in message.items():
        kind = keys.get(key)
        if kind is None:
            raise Turned(400, "key", "the request has a key that is not known")
        if type(value) is not kind:
            raise Turned(400, "type", f"'{key}' must be of type {kind.__name__}")


def _refused(word: str) -> float:
    raise ValueError(word)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _too_deep() -> Turned:
    return Turned(400, "depth", f"a request may be nested {MOST_DEPTH} deep")


def check_texts(value: Any) -> None:
    """Raise when a value is nested too deeply, or holds texts with NUL or halves of a surrogate pair.

    Raises
    ------
    Turned
    """
    level = [value]
    for _ in range(MOST_DEPTH):
        inner: list[Any] = []
        for one in level:
            if type(one) is dict:
                inner += [*one, *one.values()]
            elif type(one) is list:
                inner += one
            elif type(one) is str and _UNFIT.search(one):
                raise Turned(400, "text", "a text holds signs that no model file can hold")
        if not inner:
            return
        level = inner
    raise _too_deep()
