"""The worker: one process, the newest request of a kind wins, and a lost process loses only itself."""

from __future__ import annotations

import os
import queue
import signal
import threading
import time

import pytest

from sdtheory.editor.worker import Superseded, Worker
from sdtheory.errors import SDError, SimulationError


def work(document, op, args, experiments):
    """A double of the slow operations."""
    match op:
        case "nap":
            time.sleep(args["seconds"])
            return {"ticket": args["ticket"]}
        case "steps":
            seconds = args.get("seconds", 0.05)
            return ({"step": number, "pause": time.sleep(seconds)} for number in range(args["count"]))
        case "refuse":
            raise SimulationError(f"{document} cannot")
        case "stumble":
            raise ZeroDivisionError("in our code")
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "fill":
            return {"length": len(bytearray(64 << 30))}
        case "pid":
            return {"pid": os.getpid(), "parent": os.getppid()}


class Heard:
    """What a request is told, to be waited for."""

    def __init__(self):
        self.queue = queue.SimpleQueue()

    def __call__(self, kind, value):
        self.queue.put((kind, value))

    def next(self):
        return self.queue.get(timeout=20)


@pytest.fixture
def worker():
    made = Worker(work)
    yield made
    made.close()


def ask(worker, op, **args):
    heard = Heard()
    worker.ask(op, ("m0.mdl", op, args, ()), heard)
    return heard


def test_a_request_is_done_in_another_process(worker):
    kind, reply = ask(worker, "pid").next()
    assert kind == "done"
    assert (reply["pid"] != os.getpid(), reply["parent"]) == (True, os.getpid())


def test_modules_beside_a_model_are_not_used(worker, tmp_path, monkeypatch):
    for name in ("multiprocessing", "struct", "pickle", "json", "socket", "signal", "resource"):
        (tmp_path / f"{name}.py").write_text("import os\nopen('canary', 'w')\nos._exit(1)\n")
    monkeypatch.chdir(tmp_path)
    assert ask(worker, "pid").next()[0] == "done"
    assert not (tmp_path / "canary").exists()


def test_of_two_hundred_requests_one_runs_one_waits_and_the_last_is_answered(worker):
    loads, heard = [], []
    for ticket in range(200):
        heard.append(ask(worker, "nap", seconds=0.05, ticket=ticket))
        loads.append(worker.load())
    assert heard[-1].next() == ("done", {"ticket": 199})
    assert max(running for running, _ in loads) == max(waiting for _, waiting in loads) == 1
    kinds = [one.next()[0] for one in heard[:-1]]
    assert kinds.count("error") >= 190
    assert worker.load() == (0, 0)


def test_a_request_whose_place_was_taken_hears_so(worker):
    heard = [ask(worker, "nap", seconds=0.3, ticket=ticket) for ticket in range(3)]
    assert heard[0].next() == ("done", {"ticket": 0})
    kind, error = heard[1].next()
    assert kind == "error" and isinstance(error, Superseded)
    assert heard[2].next() == ("done", {"ticket": 2})


def test_replies_come_in_steps_and_quick_requests_are_done_in_between(worker):
    long = ask(worker, "steps", count=40)
    assert long.next()[0] == "step"
    assert ask(worker, "nap", seconds=0, ticket=1).next() == ("done", {"ticket": 1})
    assert long.queue.qsize() < 39
    seen = [long.next() for _ in range(40)]
    assert [one["step"] for _, one in seen[:-1]] == list(range(1, 40))
    assert seen[-1] == ("done", None)


def test_a_newer_request_in_steps_drops_the_older_one(worker):
    older = ask(worker, "steps", count=1000)
    assert older.next()[0] == "step"
    newer = ask(worker, "steps", count=2)
    assert [newer.next()[0] for _ in range(3)] == ["step", "step", "done"]
    while (outcome := older.next())[0] == "step":
        pass
    assert isinstance(outcome[1], Superseded)
    assert worker.load() == (0, 0)


def test_a_long_step_of_an_older_request_is_ended(worker):
    worker.patience = 0.2
    older = ask(worker, "steps", count=2, seconds=600)
    newer = ask(worker, "steps", count=2)
    time.sleep(0.3)
    worker.look()
    assert isinstance(older.next()[1], Superseded)
    assert [newer.next()[0] for _ in range(3)] == ["step", "step", "done"]


def test_a_long_step_that_is_not_the_first_is_ended_too(worker):
    worker.patience = 0.2
    older = ask(worker, "steps", count=1000, seconds=2)
    assert older.next()[0] == "step"
    newer = ask(worker, "steps", count=1, seconds=0)
    assert isinstance(older.next()[1], Superseded)
    time.sleep(0.3)
    worker.look()
    assert [newer.next()[0] for _ in range(2)] == ["step", "done"]
    assert worker.load() == (0, 0)


@pytest.mark.parametrize(
    ("op", "words"), [("refuse", "m0.mdl cannot"), ("stumble", "ZeroDivisionError: in our code")]
)
def test_what_goes_wrong_in_the_process_is_one_error_and_it_lives_on(worker, op, words):
    first = ask(worker, "pid").next()
    kind, error = ask(worker, op).next()
    assert kind == "error" and isinstance(error, SDError) and words in str(error)
    assert ask(worker, "pid").next() == first


def test_a_process_that_dies_loses_only_its_request(worker):
    dying = ask(worker, "die")
    waiting = ask(worker, "nap", seconds=0, ticket=7)
    assert dying.next()[0] == "error"
    assert waiting.next() == ("done", {"ticket": 7})


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit of memory here")
def test_memory_has_a_limit(worker):
    kind, error = ask(worker, "fill").next()
    assert kind == "error" and "not enough memory" in str(error)


def test_work_that_never_ends_is_ended(worker):
    worker.seconds = 0.2
    hanging = ask(worker, "nap", seconds=600, ticket=1)
    time.sleep(0.3)
    worker.look()
    kind, error = hanging.next()
    assert kind == "error" and "took longer" in str(error)
    assert ask(worker, "nap", seconds=0, ticket=2).next() == ("done", {"ticket": 2})


def test_a_newer_request_does_not_wait_for_an_older_one_for_long(worker):
    worker.patience = 0.2
    older = ask(worker, "nap", seconds=600, ticket=1)
    newer = ask(worker, "nap", seconds=0, ticket=2)
    time.sleep(0.3)
    worker.look()
    assert isinstance(older.next()[1], Superseded)
    assert newer.next() == ("done", {"ticket": 2})


def test_closing_ends_the_process_and_answers_everybody(worker):
    heard = [ask(worker, "nap", seconds=600, ticket=ticket) for ticket in range(2)]
    process = worker._process
    worker.close()
    assert all(isinstance(one.next()[1], Superseded) for one in heard)
    assert not process.is_alive()
    assert worker.load() == (0, 0)


def test_nobody_waits_while_the_process_is_too_busy_to_read(worker):
    ask(worker, "nap", seconds=1, ticket=1)
    began = time.monotonic()
    done = threading.Event()
    worker.ask("pid", ("x" * 5_000_000, "pid", {}, ()), lambda kind, value: done.set())
    assert time.monotonic() - began < 0.5
    assert done.wait(20)
