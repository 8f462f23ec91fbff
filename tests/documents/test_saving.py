"""A save leaves the old file or the new one, whatever happens, and never overwrites another program's work."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import sdtheory as sd
from sdtheory.documents import saving
from sdtheory.documents.splice import Edit
from sdtheory.documents.text import Span
from sdtheory.errors import DocumentError, UsageError

OLD = b"{UTF-8}\r\nbirths= 3 ~ people/year ~ |\r\n" * 40
# what the saving of a file asks of the system, in os
CALLS = ("open", "write", "chmod", "fsync", "close", "replace", "unlink", "stat", "fstat")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "farm.mdl"
    path.write_bytes(OLD)
    return path


def edited(path: Path) -> sd.Document:
    document = sd.read(path)
    place = document.bytes.index(b"3 ~")
    return document.splice([Edit(Span(place, place + 1), "4.5")])


def left_behind(path: Path) -> list[str]:
    return [other.name for other in path.parent.iterdir() if other != path]


def test_a_saved_file_has_the_bytes_of_the_document(path):
    new = edited(path)
    saved = sd.write(new, path)
    assert path.read_bytes() == new.bytes != OLD
    assert saved == sd.read(path) and saved.source == sd.read(path).source
    assert left_behind(path) == []


def test_saving_without_an_edit_keeps_every_byte():
    for model in sorted(Path("models").glob("*.[mx]*[le]")):
        document = sd.read(model)
        assert document.bytes == model.read_bytes()


def test_permissions_are_kept(path):
    path.chmod(0o640)
    sd.write(edited(path), path)
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_new_file_is_made_and_can_be_saved_again(path, tmp_path):
    other = tmp_path / "other.mdl"
    saved = sd.write(edited(path), other)
    assert other.read_bytes() == saved.bytes and path.read_bytes() == OLD
    assert sd.write(saved, other) == saved


def test_a_file_that_changed_on_disk_is_not_overwritten(path):
    new = edited(path)
    path.write_bytes(OLD + b"more")
    with pytest.raises(
        DocumentError, match=r"^farm\.mdl: the file changed on disk since it was read \(\d\d:\d\d\)"
    ):
        sd.write(new, path)
    assert path.read_bytes() == OLD + b"more"
    sd.write(new, path, if_changed="replace")
    assert path.read_bytes() == new.bytes


def test_a_change_at_the_last_moment_is_noticed(path, monkeypatch):
    fsync = os.fsync

    def somebody_saves(handle):
        monkeypatch.setattr(os, "fsync", fsync)
        path.write_bytes(b"theirs")
        fsync(handle)

    new = edited(path)
    monkeypatch.setattr(os, "fsync", somebody_saves)
    with pytest.raises(DocumentError, match="changed on disk"):
        sd.write(new, path)
    assert path.read_bytes() == b"theirs" and left_behind(path) == []


def test_another_file_is_not_overwritten(path, tmp_path):
    other = tmp_path / "other.mdl"
    other.write_bytes(b"somebody's work")
    with pytest.raises(DocumentError, match="is not the one that was read"):
        sd.write(edited(path), other)
    assert other.read_bytes() == b"somebody's work"


def test_what_to_do_with_a_changed_file_is_one_of_two_words(path):
    with pytest.raises(UsageError, match="'refuse' or 'replace'"):
        sd.write(edited(path), path, if_changed="overwrite")


def test_a_link_is_followed_inside_its_folder_only(path, tmp_path):
    link = tmp_path / "link.mdl"
    link.symlink_to(path)
    sd.write(edited(link), link)
    assert link.is_symlink() and b"4.5" in path.read_bytes()
    folder = tmp_path / "inside"
    folder.mkdir()
    outward = folder / "link.mdl"
    outward.symlink_to(path)
    with pytest.raises(DocumentError, match="outside its own folder"):
        sd.write(sd.read(path), outward)


def test_a_folder_that_is_not_there_is_named(path, tmp_path):
    with pytest.raises(DocumentError, match=r"^farm\.mdl: cannot be saved: no such file or directory"):
        sd.write(sd.read(path), tmp_path / "none" / "farm.mdl")


def test_two_writers_one_wins_and_the_other_hears_of_it(path):
    both = [edited(path), edited(path).splice([Edit(Span(0, 7), "{UTF-8}  ")])]
    start, said = threading.Barrier(2), []

    def save(document):
        start.wait()
        try:
            sd.write(document, path)
            said.append("saved")
        except DocumentError as error:
            said.append(error.message)

    threads = [threading.Thread(target=save, args=(document,)) for document in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said.count("saved") == 1 and any("changed on disk" in one for one in said)
    assert path.read_bytes() in [document.bytes for document in both]


def test_a_lock_that_another_holds_is_waited_for_and_then_said(path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(saving, "PATIENCE", 0.1)
    with open(path.with_name(".farm.mdl.lock"), "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(DocumentError, match="another program is saving this file"):
            sd.write(edited(path), path)
    sd.write(edited(path), path)  # a lock file whose holder is gone holds nobody up


class Fault:
    """Makes the n-th system call of a save fail, or kill the process."""

    def __init__(self, number: int, kill: bool = False):
        self.left = number
        self.kill = kill
        self.struck = ""

    def strikes(self, call):
        def instead(*arguments, **options):
            self.left -= 1
            if self.left == 0 and self.kill:
                os.kill(os.getpid(), signal.SIGKILL)
            if self.left == 0:
                self.struck = call.__name__
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return call(*arguments, **options)

        return instead


def count_of_calls(path: Path) -> int:
    """How many system calls a save makes."""
    fault, copy = Fault(-1), path.with_name("counted.mdl")
    shutil.copy(path, copy)
    document = edited(copy)
    with pytest.MonkeyPatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, fault.strikes(getattr(os, name)))
        sd.write(document, copy)
    copy.unlink()
    return -1 - fault.left


def test_a_fault_of_any_system_call_leaves_the_old_file_or_the_new_one(path):
    count = count_of_calls(path)
    assert count > 10
    for number in range(1, count + 1):
        path.write_bytes(OLD)
        new = edited(path)
        fault, error = Fault(number), None
        with pytest.MonkeyPatch.context() as patch:
            for name in CALLS:
                patch.setattr(os, name, fault.strikes(getattr(os, name)))
            try:
                sd.write(new, path)
            except DocumentError as found:
                error = found
        assert path.read_bytes() == (OLD if error else new.bytes), f"call {number}"
        assert error is None or "cannot be saved: no space left on device" in str(error)
        remains = [name for name in left_behind(path) if name.endswith(".tmp")]
        assert not remains or fault.struck == "unlink"
        for name in left_behind(path):
            (path.parent / name).unlink()


def test_a_kill_at_any_system_call_leaves_the_old_file_or_the_new_one(path):
    new = edited(path).bytes
    script = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); import test_saving as t; from pathlib import Path\n"
        "import sdtheory as sd\n"
        "from sdtheory.documents import saving\n"
        "path = Path(sys.argv[2])\n"
        "for number in map(int, sys.argv[3:]):\n"
        "    if not os.fork():\n"
        "        document = t.edited(path); fault = t.Fault(number, kill=True)\n"
        "        for name in t.CALLS: setattr(os, name, fault.strikes(getattr(os, name)))\n"
        "        sd.write(document, path); os._exit(0)\n"
        "    _, status = os.wait()\n"
        "    print(number, os.waitstatus_to_exitcode(status), path.read_bytes() in (t.OLD, t.edited_bytes()))\n"
        "    path.write_bytes(t.OLD)\n"
    )
    if not hasattr(os, "fork"):
        pytest.skip("needs a system with fork")
    numbers = [str(number) for number in range(1, count_of_calls(path) + 1)]
    here = str(Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", script, here, str(path), *numbers], capture_output=True, text=True, timeout=60
    )
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == numbers, done.stderr
    assert {line[1] for line in lines} == {str(-signal.SIGKILL)}
    assert {line[2] for line in lines} == {"True"}
    assert new == edited_bytes()


def edited_bytes() -> bytes:
    return OLD.replace(b"3 ~", b"4.5 ~", 1)


def test_a_full_disk_leaves_the_old_file(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        path = disk / "farm.mdl"
        path.write_bytes(OLD)
        large = sd.read(path).splice([Edit(Span(9, 9), "x= 1 ~~|\n" * 9000)])
        with pytest.raises(DocumentError, match="no space left on device; the file is as it was"):
            sd.write(large, path)
        assert path.read_bytes() == OLD and left_behind(path) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)
