"""Slow operations in one process of their own: the newest request of a kind wins, a dead process loses only itself."""

from __future__ import annotations

import contextlib
import gc
import itertools
import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sdtheory.errors import SDError, SimulationError, shown

try:
    import resource
except ImportError:  # Windows has none: there only the clock holds
    resource = None  # type: ignore[assignment]

SECONDS = 120.0  # that one step of work may take
PATIENCE = 2.0  # seconds that a newer request of the same kind waits for an older one to end
MEMORY = 4_000_000_000  # bytes of memory that the process may ask for
_GRACE = 1.0  # seconds that a process told to end may take
_NICENESS = 5  # the page's own requests come first

Work = Callable[..., Any]  # of (document, op, args, experiments); gives a reply, or an iterator of replies
Told = Callable[[str, Any], None]  # hears "step", "done" or "error", with a reply or an error


class Superseded(SDError):
    """A newer request of the same kind has taken the place of this one."""


@dataclass
class _Job:
    number: int
    op: str
    request: tuple[Any, ...]
    told: Told
    since: float = 0.0  # of its start, or of its last step


@dataclass
class Worker:
    """One process, and the requests for it.

    Of each operation one request runs at most and one waits. A request whose work gives several replies steps
    back after each of them, so that quick requests are done in between; of such there is one at a time.

    Parameters
    ----------
    work : callable
        A function of a module, of (document, op, args, experiments).
    """

    work: Work
    seconds: float = SECONDS
    patience: float = PATIENCE
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False)
    _running: _Job | None = None
    _stepping: _Job | None = None
    _dropped: _Job | None = None  # whose last step may still be going on
    _waiting: dict[str, _Job] = field(default_factory=dict)
    _process: Any = field(default=None, repr=False)
    _outbox: Any = field(default=None, repr=False)

    def ask(self, op: str, request: tuple[Any, ...], told: Told) -> None:
        """Have a request done; an older one of the same operation that waits, or gives several replies, is dropped.

        Parameters
        ----------
        op : str
        request : tuple
            The arguments of `work`.
        told : callable
            Called from another thread with ``"step"`` and a reply, ``"done"`` and the last reply (None after
            steps), or ``"error"`` and an SDError.
        """
        with self._lock:
            older = [self._waiting.pop(op, None)]
            if self._stepping is not None and self._stepping.op == op:
                older.append(self._drop_stepping())
            self._waiting[op] = _Job(next(self._numbers), op, request, told, time.monotonic())
            self._hand_out()
        _tell_superseded(older)

    def _drop_stepping(self) -> _Job | None:
        """Have no more replies of the request that gives several; the process says when it has heard."""
        self._dropped, self._stepping = self._stepping, None
        if self._dropped is not None:
            self._send(("drop", self._dropped.number))
        return self._dropped

    def load(self) -> tuple[int, int]:
        """How many requests run and how many wait."""
        with self._lock:
            return (self._running is not None) + (self._stepping is not None), len(self._waiting)

    def look(self) -> None:
        """End the process when its work takes too long, or keeps a newer request of its kind waiting."""
        with self._lock:
            now = time.monotonic()
            busy = self._running or self._dropped or self._stepping
            if busy is None:
                return
            newer = self._waiting.get(busy.op)
            if now - busy.since > self.seconds:
                self._end_with(SimulationError(f"'{busy.op}' took longer than {self.seconds:g} s"))
            elif newer is not None and now - newer.since > self.patience:
                self._end_with(_superseded())

    def close(self) -> None:
        """End the process; whoever waits hears of it."""
        with self._lock:
            self._waiting, waiting = {}, self._waiting
            self._end_with(_superseded())
        _tell_superseded(waiting.values())

    def _hand_out(self) -> None:
        while self._running is None and self._dropped is None and self._waiting:
            op = next(iter(self._waiting))
            job = self._waiting.pop(op)
            job.since = time.monotonic()
            self._running = job
            if self._process is None:
                self._start()
            self._send(("do", job.number, job.request))

    def _send(self, message: tuple[Any, ...]) -> None:
        if self._outbox is not None:
            self._outbox.put(message)

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(self.work, theirs), daemon=True)
        with _no_modules_of_the_folder():
            self._process.start()
        theirs.close()
        self._outbox = queue.SimpleQueue()
        threading.Thread(target=_post, args=(self._outbox, ours), daemon=True).start()
        threading.Thread(target=self._listen, args=(self._process, ours), daemon=True).start()

    def _listen(self, process: Any, pipe: Any) -> None:
        while True:
            try:
                number, kind, value = pipe.recv()
            except (EOFError, OSError):
                with self._lock:
                    if self._process is process:
                        self._end_with(
                            SimulationError("the process that simulates ended; it is started anew")
                        )
                        self._hand_out()
                return
            job = self._heard(number, kind)
            if job is not None:
                job.told(kind, value)

    def _heard(self, number: int, kind: str) -> _Job | None:
        """Whose reply this is; what it means for others that wait."""
        older: list[_Job | None] = []
        with self._lock:
            if kind == "dropped":
                self._dropped = None
                self._hand_out()
                return None
            job = next((one for one in (self._running, self._stepping) if one and one.number == number), None)
            if job is None:
                return None
            job.since = time.monotonic()
            if job is self._running:
                self._running = None
                if kind == "step":
                    older.append(self._stepping)
                    self._stepping = job
                    if job.op in self._waiting:
                        older.append(self._drop_stepping())
            elif kind != "step":
                self._stepping = None
            self._hand_out()
        _tell_superseded(older)
        return job

    def _end_with(self, error: SDError) -> None:
        """End the process; what it was at gets an error."""
        lost = [job for job in (self._running, self._stepping) if job is not None]
        self._running = self._stepping = self._dropped = None
        process, outbox = self._process, self._outbox
        self._process = self._outbox = None
        if process is not None:
            process.kill()
            process.join(_GRACE)
            outbox.put(None)
        for job in lost:
            job.told("error", error)
        self._hand_out()


def _tell_superseded(jobs: Iterable[_Job | None]) -> None:
    for job in jobs:
        if job is not None:
            job.told("error", _superseded())


def _superseded() -> Superseded:
    return Superseded("a newer request took the place of this one")


@contextlib.contextmanager
def _no_modules_of_the_folder() -> Iterator[None]:
    """Processes begun meanwhile take no module that lies beside a model for one of Python's."""
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = before


def _post(outbox: Any, pipe: Any) -> None:
    """Send what is in the outbox; a process at work reads a long message only later, and nobody waits for that."""
    with contextlib.suppress(OSError):
        while (message := outbox.get()) is not None:
            pipe.send(message)


def serve(work: Work, pipe: Any) -> None:
    """The process's life: requests from its pipe until that ends, or its parent does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it decides what an interrupt means
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_end_after, args=(parent,), daemon=True).start()
    _keep_small()
    steps: tuple[int, Iterator[Any]] | None = None
    done: set[str] = set()
    with contextlib.suppress(EOFError, OSError):
        while True:
            if steps is not None and not pipe.poll():
                number, replies = steps
                outcome = _outcome("step", next, replies)
                pipe.send((number, *outcome))
                steps = steps if outcome[0] == "step" else None
                continue
            message = pipe.recv()
            if message[0] == "drop":
                steps = None if steps is not None and steps[0] == message[1] else steps
                pipe.send((message[1], "dropped", None))
                continue
            _, number, request = message
            kind, value = _outcome("done", work, *request)
            if request[1] not in done:
                done.add(request[1])
                gc.freeze()  # what the first request of a kind loaded stays: later ones need not look through it
            if isinstance(value, Iterator):
                steps = (number, value)
            else:
                pipe.send((number, kind, value))


def _outcome(kind: str, act: Callable[..., Any], *arguments: Any) -> tuple[str, Any]:
    try:
        return kind, act(*arguments)
    except StopIteration:
        return "done", None
    except SDError as error:
        return "error", error
    except MemoryError:
        return "error", SimulationError("there is not enough memory; ask for less at once")
    except Exception as error:
        return "error", SimulationError(f"{type(error).__name__}: {shown(error, 200)}")


def _keep_small() -> None:
    with contextlib.suppress(AttributeError, OSError):
        os.nice(_NICENESS)
    if resource is not None:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _end_after(parent: Any) -> None:
    parent.join()
    os._exit(1)
