"""A server of the editor in a thread of the tests, and requests to it, proper and improper."""

from __future__ import annotations

import asyncio
import base64
import json
import queue
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from sdtheory.editor.admission import Admission
from sdtheory.editor.running import served
from sdtheory.editor.server import listening
from sdtheory.editor.service import opened
from sdtheory.editor.session import Session

MODELS = Path("models")


def unpacked(text: str) -> np.ndarray:
    """The numbers of a series, as a page takes them out of a reply."""
    return np.frombuffer(base64.b64decode(text), "<f8")


@dataclass
class Answer:
    """What came back, as bytes say it."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The one header of this name."""
        found = [value for key, value in self.headers if key == name.lower()]
        assert len(found) < 2, f"{name} is sent {len(found)} times"
        return found[0] if found else None

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


@dataclass
class Served:
    """A running server and a page that has been let in."""

    session: Session
    admission: Admission
    loop: asyncio.AbstractEventLoop
    told: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.admission.port

    @property
    def path(self) -> Path:
        return Path(self.session.path)

    @property
    def cookie(self) -> str:
        return f"{self.admission.cookie}={self.admission.secret}"

    def head(self, **changes: str | None) -> dict[str, str]:
        """The headers that our own page sends with what changes something; None leaves one out."""
        own = {
            "Host": f"127.0.0.1:{self.port}", "Cookie": self.cookie, "Origin": self.admission.origin,
            "Sec-Fetch-Site": "same-origin", "Content-Type": "application/json",
        }  # fmt: skip
        given = own | {key.replace("_", "-"): value for key, value in changes.items()}
        return {key: value for key, value in given.items() if value is not None}

    def raw(self, data: bytes) -> Answer:
        """What comes back to these bytes, until the server hangs up or has answered."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as made:
            made.sendall(data)
            stream = made.makefile("rb")
            status = int(stream.readline().split()[1])
            headers = []
            while line := stream.readline().strip():
                key, _, value = line.decode("latin-1").partition(":")
                headers.append((key.lower(), value.strip()))
            length = dict(headers).get("content-length") if data[:5] != b"HEAD " else None
            return Answer(status, headers, stream.read(int(length)) if length else b"")

    def send(self, method: str, target: str, headers: dict[str, str] | list, body: bytes = b"") -> Answer:
        """A request as it is, with its length."""
        pairs = list(headers.items()) if isinstance(headers, dict) else headers
        lines = [f"{method} {target} HTTP/1.1", *(f"{key}: {value}" for key, value in pairs)]
        if body or method == "POST":
            lines.append(f"Content-Length: {len(body)}")
        return self.raw("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    def get(self, target: str, **changes: str | None) -> Answer:
        """What our own page gets."""
        return self.send("GET", target, self.head(Origin=None, Content_Type=None, **changes))

    def post(self, target: str, value: Any, **changes: str | None) -> Answer:
        """What our own page sends."""
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return self.send("POST", target, self.head(**changes), body)

    def op(self, op: str, revision: int | None = None, /, **args: Any) -> Answer:
        """One operation."""
        message = {"op": op, "args": args} | ({} if revision is None else {"revision": revision})
        return self.post("/op", message)

    def save(self, known: str, **body: Any) -> Answer:
        """A save by a page that knows of a file."""
        return self.post("/save", body, If_Match=f'"{known}"')

    @property
    def hash(self) -> str:
        return self.session.state.hash

    @contextmanager
    def listening(self) -> Iterator[queue.SimpleQueue]:
        """Events that a page hears meanwhile: pairs of a name and data."""
        heard: queue.SimpleQueue = queue.SimpleQueue()
        head = {"Host": f"127.0.0.1:{self.port}", "Cookie": self.cookie}
        with httpx.stream("GET", f"{self.admission.origin}/events", headers=head, timeout=20) as stream:

            def listen() -> None:
                name = ""
                try:
                    for line in stream.iter_lines():
                        key, _, value = line.partition(": ")
                        if key == "event":
                            name = value
                        elif key == "data":
                            heard.put((name, json.loads(value)))
                except (httpx.HTTPError, RuntimeError):
                    pass
                heard.put(("end", None))

            thread = threading.Thread(target=listen, daemon=True)
            thread.start()
            yield heard


def next_event(heard: queue.SimpleQueue, name: str, seconds: float = 10) -> Any:
    """The data of the next event of this name."""
    while True:
        event, data = heard.get(timeout=seconds)
        if event == name:
            return data


@contextmanager
def serving(path: Path, **how: Any) -> Iterator[Served]:
    """A server on a model file."""
    at = listening(0)
    told: list[str] = []
    experiments = how.pop("experiments", {})
    ready: queue.SimpleQueue = queue.SimpleQueue()

    async def live() -> None:
        session = Session(str(path), opened(path, experiments), report=told.append, **how)
        admission = Admission(at.getsockname()[1])
        server = served(session, admission)
        stop = asyncio.Event()
        watching = asyncio.create_task(session.watch_over())
        running = asyncio.create_task(server.serve(sockets=[at]))
        while not server.started:
            await asyncio.sleep(0.01)
        ready.put((session, admission, asyncio.get_running_loop(), stop))
        await stop.wait()
        session.end("test")
        watching.cancel()
        server.should_exit = True
        await running

    thread = threading.Thread(target=lambda: asyncio.run(live()))
    thread.start()
    session, admission, loop, stop = ready.get(timeout=20)
    try:
        yield Served(session, admission, loop, told)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
