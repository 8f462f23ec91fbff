"""The life of the editor's server: from a socket and a session until somebody ends it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import uvicorn

from sdtheory.editor.admission import Admission
from sdtheory.editor.server import Protocol, application
from sdtheory.editor.session import Session

_GRACE = 2  # seconds that answers under way may take at the end
_ENDS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        """Capture none."""
        yield


def run(
    session: Session, admission: Admission, at: socket.socket, *, on_enter: Callable[[], None] | None = None
) -> str:
    """Serve a session until a signal ends it.

    Parameters
    ----------
    session : Session
    admission : Admission
    at : socket
        Where to listen.
    on_enter : callable, optional
        Called when the person at the terminal presses Enter.

    Returns
    -------
    str
        Name of the signal.
    """
    return asyncio.run(_lived(session, admission, at, on_enter))


async def _lived(
    session: Session, admission: Admission, at: socket.socket, on_enter: Callable[[], None] | None
) -> str:
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[str] = loop.create_future()

    def end(name: str) -> None:
        if not ended.done():
            ended.set_result(name)

    for name in _ENDS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_, name=name: loop.call_soon_threadsafe(end, name))
    if on_enter is not None:
        _listen_for_enter(lambda: loop.call_soon_threadsafe(on_enter))
    server = served(session, admission)
    gc.freeze()  # modules and the model stay: no answer waits until they are looked through
    serving = asyncio.create_task(server.serve(sockets=[at]))
    watching = asyncio.create_task(session.watch_over())
    await asyncio.wait((ended, serving, watching), return_when=asyncio.FIRST_COMPLETED)
    reason = ended.result() if ended.done() else "fault"
    session.end(reason)
    server.should_exit = True
    await serving
    if watching.done():
        watching.result()  # it watches for ever, unless something is wrong with it
    watching.cancel()
    return reason


def served(session: Session, admission: Admission) -> uvicorn.Server:
    """The server of a session, which has yet to be run."""
    config = uvicorn.Config(
        application(session, admission), http=Protocol, ws="none", lifespan="off", log_config=None,
        log_level="critical", access_log=False, server_header=False, timeout_graceful_shutdown=_GRACE,
    )  # fmt: skip
    return _Server(config)


def _listen_for_enter(act: Callable[[], object]) -> None:
    """Call `act` for every line on standard input, from a thread that holds nothing when the program ends."""
    if hasattr(signal, "SIGTTIN"):
        signal.signal(signal.SIGTTIN, signal.SIG_IGN)  # in the background, reading fails and stops nothing

    def listen() -> None:
        while True:
            try:
                line = os.read(0, 4096)
            except OSError:
                time.sleep(1)
                continue
            if not line:
                return
            try:
                act()
            except RuntimeError:  # the server has ended
                return

    threading.Thread(target=listen, daemon=True).start()
