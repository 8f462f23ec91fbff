"""One file, several pages, a slow worker and a disk that others write to."""

from __future__ import annotations

import gzip
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from serving import MODELS, next_event, serving, unpacked

import sdtheory as sd
from sdtheory.editor import session as session_module
from sdtheory.editor.joining import STATIC
from sdtheory.editor.recovery import kept

OTHER = "search leverage"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder for a model, and one for what is unsaved; the disk is looked at often."""
    monkeypatch.setenv("SDTHEORY_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(session_module, "LOOK", 0.1)
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


@pytest.fixture
def server(place):
    shutil.copy(MODELS / "m0_seed.mdl", place)
    with serving(place / "m0_seed.mdl") as made:
        yield made


@pytest.fixture(params=["m0_seed.mdl", "m0_seed.xmile"])
def either(request, place):
    """A server on a model in each of the formats."""
    shutil.copy(MODELS / request.param, place)
    with serving(place / request.param) as made:
        yield made


def change(server, value="2.25"):
    """Change a constant as a page does."""
    revision = server.session.state.revision
    answer = server.op("set_equation", revision, name=OTHER, text=value)
    assert answer.status == 200, answer.body
    return answer.json


def rewritten(server, value="7"):
    """The file as another program changes it."""
    other = sd.write(sd.read(server.path).set_equation(OTHER, value), server.path)
    return other.source.sha256


# saving


def test_a_save_writes_what_changed_and_nothing_else(either):
    before = either.path.read_bytes()
    change(either)
    assert either.path.read_bytes() == before
    answer = either.save(either.hash)
    assert answer.status == 200 and not answer.json["dirty"] and answer.json["hash"] == either.hash
    lines = list(zip(before.split(b"\n"), either.path.read_bytes().split(b"\n"), strict=True))
    assert len([1 for old, new in lines if old != new]) == 1


def test_of_two_saves_that_know_the_same_file_the_second_is_refused(server):
    known = server.hash
    change(server)
    assert server.save(known).status == 200
    change(server, "3.5")
    answer = server.save(known)
    assert (answer.status, answer.json["code"]) == (409, "stale")
    assert answer.json["scene"]["hash"] == server.hash
    assert server.save(server.hash).status == 200


def test_a_change_by_another_program_is_not_overwritten(server):
    change(server)
    rewritten(server)
    theirs = server.path.read_bytes()
    answer = server.save(server.hash)
    assert (answer.status, answer.json["code"]) == (409, "disk-changed")
    assert "2.25" in answer.json["diff"] and len(answer.json["hash"]) == 64
    assert server.path.read_bytes() == theirs


def test_a_conflict_ends_by_keeping_mine(server):
    change(server)
    rewritten(server)
    assert server.save(server.hash, force=True).status == 200
    assert sd.read(server.path).variables[OTHER].equation == "2.25"


def test_a_conflict_ends_by_taking_theirs_which_can_be_undone(either):
    change(either)
    mine = either.session.state.document.bytes
    theirs = rewritten(either)
    answer = either.op("take", either.session.state.revision)
    assert answer.status == 200 and not answer.json["dirty"]
    assert either.session.state.document.bytes == either.path.read_bytes()
    assert either.hash == theirs
    assert either.op("undo", either.session.state.revision).json["dirty"]
    assert either.session.state.document.bytes == mine
    assert either.save(either.hash).status == 200
    assert either.path.read_bytes() == mine


def test_what_is_taken_must_be_taken_on_the_present_revision(server):
    change(server)
    rewritten(server)
    assert server.op("take", 0).json["code"] == "stale"


def test_a_save_that_fails_says_why_and_changes_nothing(server, monkeypatch):
    change(server)

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sdtheory.documents.saving.os.fsync", full)
    before = server.path.read_bytes()
    answer = server.save(server.hash)
    assert answer.status == 400 and "no space left" in answer.json["message"]
    assert server.path.read_bytes() == before and server.session.state.dirty


# several pages


def test_a_page_that_is_behind_gets_the_whole_scene(server):
    change(server)
    answer = server.op("set_equation", 0, name=OTHER, text="9")
    assert (answer.status, answer.json["code"]) == (409, "stale")
    assert answer.json["scene"]["revision"] == 1
    assert answer.json["scene"]["variables"][OTHER]["equation"] == "2.25"


def test_a_change_by_one_page_reaches_the_other(server):
    with server.listening() as heard:
        first = next_event(heard, "changed")
        assert first == {"revision": 0, "hash": server.hash, "dirty": False}
        change(server)
        assert next_event(heard, "changed") == {"revision": 1, "hash": server.hash, "dirty": True}
        server.save(server.hash)
        assert next_event(heard, "saved") == {"hash": server.hash}


def test_changes_at_the_same_moment_are_made_one_after_the_other(server):
    def press(value):
        return server.op("set_equation", 0, name=OTHER, text=str(value)).status

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(press, range(10, 18)))
    assert statuses == [200, *[409] * 7]
    assert server.session.state.revision == 1


def test_undo_to_the_start_gives_the_bytes_that_were_opened(either):
    opened = either.path.read_bytes()
    for value in ("2", "3", "4"):
        change(either, value)
    either.save(either.hash)
    while either.session.state.position:
        assert either.op("undo", either.session.state.revision).status == 200
    assert either.session.state.document.bytes == opened
    either.save(either.hash)
    assert either.path.read_bytes() == opened


# the disk


def test_pages_hear_of_a_change_on_disk_once_with_the_difference(server):
    with server.listening() as heard:
        next_event(heard, "changed")
        hash = rewritten(server)
        told = next_event(heard, "disk-changed")
        assert told["hash"] == hash and "7" in told["diff"]
        time.sleep(0.5)
        assert heard.empty()
        with server.listening() as late:
            assert next_event(late, "disk-changed") == told


def test_a_half_written_file_waits(server):
    whole = server.path.read_bytes()
    with server.listening() as heard:
        next_event(heard, "changed")
        server.path.write_bytes(b"\xff" + whole[: len(whole) // 2])
        time.sleep(0.5)
        assert heard.empty()
        rewritten_whole = whole.replace(b"1.5", b"1.75", 1)
        server.path.write_bytes(rewritten_whole)
        assert next_event(heard, "disk-changed")["diff"]


def test_a_file_that_is_touched_or_gone_for_a_moment_is_no_change(server):
    whole = server.path.read_bytes()
    with server.listening() as heard:
        next_event(heard, "changed")
        server.path.touch()
        server.path.unlink()
        time.sleep(0.3)
        server.path.write_bytes(whole)
        time.sleep(0.3)
        assert heard.empty()


def test_another_program_that_writes_what_is_shown_has_saved_it(server):
    change(server)
    with server.listening() as heard:
        next_event(heard, "changed")
        server.path.write_bytes(server.session.state.document.bytes)
        assert not next_event(heard, "changed")["dirty"]


# what is unsaved


def test_unsaved_changes_are_kept_at_once_and_forgotten_when_saved(either):
    change(either)
    change(either, "3.5")
    found = kept(either.path)
    assert [name for name, _ in found.steps[1:]] == [step.name for step in either.session.state.steps[1:]]
    assert found.steps[found.position][1] == either.session.state.document.bytes
    either.save(either.hash)
    assert kept(either.path) is None
    either.op("undo", either.session.state.revision)
    assert kept(either.path).steps[kept(either.path).position][1] == either.session.state.document.bytes


def test_without_room_for_unsaved_changes_work_goes_on(server, monkeypatch):
    monkeypatch.setenv("SDTHEORY_STATE", str(server.path / "no folder"))
    server.session.journal.path = server.path / "no folder" / "x.unsaved"
    change(server)
    assert server.session.state.revision == 1
    assert any("cannot be kept" in text for text in server.told)


def test_without_autosave_nothing_is_written(server):
    before = server.path.read_bytes()
    change(server)
    time.sleep(1.5)
    assert server.path.read_bytes() == before


def test_with_autosave_a_pause_saves_but_never_over_others(tmp_path, monkeypatch):
    monkeypatch.setattr(session_module, "LOOK", 0.05)
    monkeypatch.setattr(session_module, "PAUSE", 0.2)
    path = tmp_path / "m0.mdl"
    shutil.copy(MODELS / "m0_seed.mdl", path)
    with serving(path, autosave=True) as server, server.listening() as heard:
        change(server)
        assert next_event(heard, "saved")["hash"] == server.hash
        assert sd.read(path).variables[OTHER].equation == "2.25"
        rewritten(server)
        next_event(heard, "disk-changed")
        change(server, "9")
        time.sleep(0.6)
        assert sd.read(path).variables[OTHER].equation == "7"


# slow operations


def test_of_two_hundred_slow_requests_one_runs_and_one_waits(server):
    assert server.op("simulate", outputs=[OTHER], ticket=0).status == 200  # the process is there
    outcomes, loads = [], []

    def slide(ticket):
        answer = server.op(
            "simulate", changes={OTHER: 1 + ticket / 100}, outputs=[OTHER], width=100, ticket=ticket
        )
        outcomes.append((answer.status, answer.json.get("error", {}).get("code")))

    threads = [threading.Thread(target=slide, args=(ticket,)) for ticket in range(1, 201)]
    for thread in threads:
        thread.start()
        loads.append(server.session.worker.load())
    while any(thread.is_alive() for thread in threads):
        assert server.get("/scene").status == 200
        loads.append(server.session.worker.load())
    for thread in threads:
        thread.join()
    assert max(running for running, _ in loads) <= 1 and max(waiting for _, waiting in loads) <= 1
    assert len(outcomes) == 200
    assert set(outcomes) <= {(200, None), (200, "superseded")} and (200, None) in outcomes


def test_the_last_of_many_slow_requests_is_answered(server):
    server.op("simulate", ticket=0)
    answers = {}

    def ask(ticket):
        answers[ticket] = server.op("simulate", changes={OTHER: ticket}, outputs=[OTHER], ticket=ticket)

    threads = [threading.Thread(target=ask, args=(ticket,)) for ticket in range(1, 20)]
    for thread in threads:
        thread.start()
        thread.join(0.005)
    for thread in threads:
        thread.join()
    assert answers[19].status == 200
    assert answers[19].json["ticket"] == 19 and answers[19].json["final"][OTHER] == 19


@pytest.mark.parametrize(
    "taken, packed", [("gzip, br", True), ("gzip;q=0", False), ("br", False), (None, False)]
)
def test_files_are_packed_for_who_can_unpack_them(server, taken, packed):
    whole = (STATIC / "editor.css").read_bytes()
    answer = server.get("/static/editor.css", Accept_Encoding=taken)
    assert answer.header("content-encoding") == ("gzip" if packed else None)
    assert (gzip.decompress(answer.body) if packed else answer.body) == whole


def test_a_run_that_was_asked_for_with_an_edit_is_of_the_edited_model(server, monkeypatch):
    begun, real = threading.Event(), session_module.service.answer

    def slow(state, message):
        begun.set()
        time.sleep(0.3)
        return real(state, message)

    monkeypatch.setattr(session_module.service, "answer", slow)
    with ThreadPoolExecutor(1) as pool:
        edit = pool.submit(change, server)
        assert begun.wait(10)
        reply = server.post("/op", {"op": "simulate", "args": {}, "revision": 1}).json
        assert edit.result()["revision"] == 1
    assert reply["revision"] == 1 and reply["final"][OTHER] == 2.25


def test_a_reply_says_which_revision_it_is_of(server):
    change(server)
    reply = server.op("simulate", outputs=[OTHER], ticket=4).json
    assert (reply["ticket"], reply["revision"]) == (4, 1)
    assert unpacked(reply["series"][OTHER])[0] == 2.25


def test_a_process_that_is_killed_is_started_anew(server):
    assert server.op("simulate", ticket=1).status == 200
    server.session.worker._process.kill()
    time.sleep(0.2)
    assert server.op("simulate", ticket=2).status == 200


def test_policies_are_compared_in_steps_that_every_page_hears_of(tmp_path):
    for suffix in ("mdl", "toml"):
        shutil.copy(MODELS / f"m0_seed.{suffix}", tmp_path)
    experiments = {"m0_seed": str(tmp_path / "m0_seed.toml")}
    with serving(tmp_path / "m0_seed.mdl", experiments=experiments) as server, server.listening() as heard:
        policies = ["boost theorists"]
        answer = server.op(
            "compare", id="m0_seed", policies=policies, runs=128, outputs=["understanding gap"], ticket=5
        )
        assert answer.status == 200 and answer.json == {"ticket": 5, "revision": 0}
        chunks = []
        while not chunks or not chunks[-1].get("done"):
            chunks.append(next_event(heard, "compare-chunk", 60))
        assert {chunk["ticket"] for chunk in chunks} == {5} and len(chunks) >= 2
        assert "error" not in chunks[-1]
        assert chunks[-2]["runs"] == 128


@pytest.mark.slow
def test_a_comparison_gives_way_to_a_newer_one_and_to_quick_requests(tmp_path):
    for suffix in ("mdl", "toml"):
        shutil.copy(MODELS / f"m1_delays.{suffix}", tmp_path)
    experiments = {"m1": str(tmp_path / "m1_delays.toml")}
    with serving(tmp_path / "m1_delays.mdl", experiments=experiments) as server, server.listening() as heard:
        assert server.op("compare", id="m1", runs=200_000, ticket=1).status == 200
        assert server.op("simulate", ticket=2).status == 200
        assert server.op("compare", id="m1", runs=64, ticket=3).status == 200
        ends = {}
        while set(ends) != {1, 3}:
            chunk = next_event(heard, "compare-chunk", 60)
            if chunk.get("done"):
                ends[chunk["ticket"]] = chunk.get("error", {}).get("code")
        assert ends == {1: "superseded", 3: None}


# what can be taken away


def test_an_export_is_a_download_of_the_model_as_it_is_edited(server):
    server.op("rename", 0, name=OTHER, to="push of theory")
    answer = server.get("/export/view.svg?view=0")
    assert answer.status == 200 and b"push of" in answer.body
    assert answer.header("content-disposition") == 'attachment; filename="m0_seed-view1.svg"'
    answer = server.get("/export/page.html")
    assert answer.header("content-type").startswith("text/html") and b"push of theory" in answer.body
    assert answer.header("content-disposition") == 'attachment; filename="m0_seed.html"'
