"""`sdtheory edit`: begun by one person, on one file, and ended without a loss."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

import sdtheory as sd
from sdtheory.cli.main import main
from sdtheory.editor.recovery import kept_file

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals and locks of POSIX")
NAME = "search leverage"


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.setenv("SDTHEORY_STATE", str(tmp_path / "state"))
    folder = tmp_path / "models"
    folder.mkdir()
    for suffix in ("mdl", "toml"):
        shutil.copy(f"models/m0_seed.{suffix}", folder)
    return folder / "m0_seed.mdl"


class Running:
    """The command, as somebody at a terminal sees it, and a browser that has opened its address."""

    def __init__(self, process):
        self.process = process
        self.address = self.next_address()
        self.client = httpx.Client(timeout=30)
        self.enter()

    def next_address(self):
        for line in self.process.stdout:
            found = re.search(r"http://127\.0\.0\.1:\d+/\?t=\S+", line)
            if found:
                return found[0]
        raise AssertionError(f"no address: {self.process.stderr.read()}")

    def enter(self):
        assert self.client.get(self.address).status_code == 200
        self.origin = self.address.partition("/?")[0]

    def op(self, op, revision=None, **args):
        message = {"op": op, "args": args, **({} if revision is None else {"revision": revision})}
        answer = self.client.post(f"{self.origin}/op", json=message, headers={"Origin": self.origin})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def end(self, number):
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=20)
        return self.process.returncode, errors


@contextmanager
def editing(model, *options):
    command = [sys.executable, "-m", "sdtheory.cli.main", "edit", str(model), "--no-browser", *options]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield Running(process)
    finally:
        process.kill()
        process.communicate()


def children(process):
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True)
    return [int(pid) for pid in found.stdout.split()]


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def all_end(pids, seconds=10):
    """Whether processes end by themselves; one that tidies up after the others may be the last."""
    deadline = time.monotonic() + seconds
    while any(map(is_alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(map(is_alive, pids))


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_it_ends_on_a_signal_and_says_what_is_unsaved(model, name):
    before = model.read_bytes()
    with editing(model) as running:
        running.op("set_equation", 0, name=NAME, text="2.25")
        running.op("simulate", ticket=1)
        workers = children(running.process)
        code, errors = running.end(getattr(signal, name))
    assert code == 0
    assert "m0_seed.mdl is not saved" in errors and "Traceback" not in errors
    assert model.read_bytes() == before
    assert sorted(path.name for path in model.parent.iterdir()) == ["m0_seed.mdl", "m0_seed.toml"]
    assert all_end(workers)


def test_it_ends_quietly_when_all_is_saved(model):
    with editing(model) as running:
        code, errors = running.end(signal.SIGINT)
    assert (code, errors) == (0, "")
    assert not kept_file(model).exists()


def test_pages_hear_that_it_ends(model):
    with editing(model) as running:
        with running.client.stream("GET", f"{running.origin}/events") as stream:
            lines = stream.iter_lines()
            assert next(lines) == "event: changed"
            running.process.send_signal(signal.SIGTERM)
            assert "event: session-ended" in list(lines)
        running.process.wait(20)


def test_a_crash_loses_nothing_and_the_next_session_has_it_all_back(model):
    opened = model.read_bytes()
    with editing(model) as running:
        for revision, value in enumerate(("2", "3", "4")):
            running.op("set_equation", revision, name=NAME, text=value)
        running.op("undo", 3)
        running.op("simulate", ticket=1)
        workers = children(running.process)
        running.process.kill()
        running.process.wait()
    assert model.read_bytes() == opened
    with editing(model) as running:
        scene = running.op("open")
        assert scene["variables"][NAME]["equation"] == "3" and scene["dirty"]
        history = running.op("history")
        assert (len(history["entries"]), history["position"]) == (4, 2)
        revision = scene["revision"]
        running.op("redo", revision)
        for step in range(3):
            running.op("undo", revision + 1 + step)
        assert not running.op("open")["dirty"]
        code, errors = running.end(signal.SIGINT)
        assert "are back" in errors and code == 0
    assert not kept_file(model).exists()
    assert all_end(workers)


def test_unsaved_changes_to_a_file_that_others_changed_are_set_aside(model):
    with editing(model) as running:
        running.op("set_equation", 0, name=NAME, text="2.25")
        running.end(signal.SIGTERM)
    sd.write(sd.read(model).set_equation(NAME, 9), model)
    with editing(model) as running:
        assert running.op("open")["variables"][NAME]["equation"] == "9"
        _, errors = running.end(signal.SIGTERM)
    path = re.search(r"now in (\S+)", errors)[1]
    assert sd.read(path).variables[NAME].equation == "2.25"
    assert Path(path).stat().st_mode & 0o777 == 0o600


def test_a_second_editor_on_the_file_is_told_of_the_first(model):
    with editing(model) as running:
        again = [sys.executable, "-m", "sdtheory.cli.main", "edit", str(model), "--no-browser"]
        done = subprocess.run(again, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
        assert done.returncode == 2
        assert f"process {running.process.pid}" in done.stderr and running.origin in done.stderr
        link = model.with_name("link.mdl")
        link.symlink_to(model)
        again[4] = str(link)
        done = subprocess.run(again, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
        assert done.returncode == 2
        running.process.kill()
        running.process.wait()
    with editing(model):
        pass


def test_enter_gives_a_new_address(model):
    with editing(model) as running:
        first = running.address
        running.process.stdin.write("\n")
        running.process.stdin.flush()
        running.address = running.next_address()
        assert running.address != first
        assert running.client.get(first).status_code == 401
        running.client.cookies.clear()
        running.enter()
        assert running.client.get(f"{running.origin}/scene").status_code == 200


def test_the_token_is_in_no_command_line(model):
    with editing(model) as running:
        token = running.address.partition("?t=")[2]
        lines = subprocess.run(
            ["ps", "axww", "-o", "args="], capture_output=True, text=True, check=True
        ).stdout
        assert str(model) in lines and token not in lines


def test_the_experiment_beside_the_model_is_offered(model):
    with editing(model) as running:
        assert running.op("open")["experiments"] == [{"id": "m0_seed", "name": "m0_seed"}]


def test_a_port_can_be_chosen_and_no_other_address(model):
    with editing(model) as running:
        port = running.origin.rpartition(":")[2]
        done = subprocess.run(
            [sys.executable, "-m", "sdtheory.cli.main", "edit", str(model), "--port", port],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60,
        )  # fmt: skip
        assert done.returncode == 2 and f"port {port} cannot be had" in done.stderr
    options = {option for parameter in main.commands["edit"].params for option in parameter.opts}
    assert options == {"model", "--port", "--no-browser", "--autosave", "--experiment"}


@pytest.mark.parametrize(
    "options", [["--port", "70000"], ["--experiment", "missing.toml"], ["--host", "0.0.0.0"]]
)
def test_wrong_options_are_refused_before_anything_starts(model, options):
    done = subprocess.run(
        [sys.executable, "-m", "sdtheory.cli.main", "edit", str(model), *options],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert not list(model.parent.glob(".*"))


def test_links_that_lead_outside_are_not_followed(model, tmp_path):
    """Neither the model, which could not be saved, nor policies that nobody has named."""
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "link.mdl").symlink_to(model)
    done = subprocess.run(
        [sys.executable, "-m", "sdtheory.cli.main", "edit", str(folder / "link.mdl")],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2 and "outside its own folder" in done.stderr
    shutil.copy(model, folder / "m0_seed.mdl")
    (folder / "m0_seed.toml").symlink_to(model.with_suffix(".toml"))
    with editing(folder / "m0_seed.mdl") as running:
        assert running.op("open")["experiments"] == []


def test_a_file_that_is_no_model_is_one_line(tmp_path):
    path = tmp_path / "notes.mdl"
    path.write_bytes(b"\x00\x01")
    done = subprocess.run(
        [sys.executable, "-m", "sdtheory.cli.main", "edit", str(path)],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1


def test_the_browser_is_opened_on_a_file_of_our_own(model, monkeypatch):
    """And not on an address, which would stand in its command line."""
    from click.testing import CliRunner

    from sdtheory.cli import serving

    seen = []

    def opened(address):
        path = Path(address.removeprefix("file://"))
        seen.append((address, path.read_text(), path.stat().st_mode & 0o777))
        return True

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(serving.webbrowser, "open", opened)
    monkeypatch.setattr("sdtheory.editor.running.run", lambda *arguments, **others: "SIGINT")
    result = CliRunner().invoke(main, ["edit", str(model)])
    assert result.exit_code == 0
    ((address, text, mode),) = seen
    token = re.search(r"\?t=([\w-]+)", text)[1]
    assert mode == 0o600 and token not in address and token not in result.output
    assert not Path(address.removeprefix("file://")).exists()


def test_the_lock_says_who_holds_it(model):
    with editing(model) as running:
        held = json.loads(model.with_name(".m0_seed.mdl.editing").read_text())
        assert held == {"process": running.process.pid, "port": int(running.origin.rpartition(":")[2])}


@pytest.mark.benchmark
def test_the_server_answers_at_once_while_runs_are_asked_for(model):
    """Two hundred requests for runs in a second, and what a page waits for its scene meanwhile."""
    with editing(model) as running, ThreadPoolExecutor(20) as pool:
        running.op("simulate", ticket=0)
        head = {"Origin": running.origin}

        def slide(ticket):
            args = {"changes": {NAME: 1 + ticket / 100}, "outputs": [NAME], "width": 500, "ticket": ticket}
            return running.client.post(
                f"{running.origin}/op", json={"op": "simulate", "args": args}, headers=head
            )

        began, answers, waits = time.perf_counter(), [], []
        for ticket in range(1, 201):
            time.sleep(max(0, began + ticket / 200 - time.perf_counter()))
            answers.append(pool.submit(slide, ticket))
            if ticket % 10 == 0:
                asked = time.perf_counter()
                assert running.client.get(f"{running.origin}/scene").status_code == 200
                waits.append(time.perf_counter() - asked)
        made = sum("error" not in answer.result().json() for answer in answers)
        waits.sort()
        figures = f"median {waits[10] * 1e3:.0f} ms, longest {waits[-1] * 1e3:.0f} ms"
        print(f"\nGET /scene meanwhile: {figures}; {made} runs made")
        assert made
        assert waits[10] < 0.2
