"""Files that are none, names that no one expects, and modules that lie beside a model."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from places import CONTROLS
from unharmed import USES, answered, snapshot

import sdtheory as sd
from sdtheory import documents
from sdtheory.errors import SDError

MODEL = "{UTF-8}\nlevel = INTEG(-level / 2, 1) ~~|\n" + CONTROLS
ROOT = Path(__file__).parents[2]
SOON = 5  # seconds after which a call that waits is ended


@pytest.fixture(autouse=True)
def no_waiting():
    """A read that waits for a pipe or a device is a failure, and not a test that never ends."""

    def late(*_):
        raise AssertionError("it waits")

    own = signal.signal(signal.SIGALRM, late)
    signal.alarm(SOON * 12)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, own)


def pipe(path: Path) -> None:
    os.mkfifo(path)


def listener(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


NO_FILES = {
    "a pipe": pipe,
    "a socket": listener,
    "a folder": Path.mkdir,
    "a link to nothing": lambda path: path.symlink_to("nowhere"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "two links to each other": lambda path: (
        path.symlink_to("b.mdl"),
        path.with_name("b.mdl").symlink_to(path.name),
    ),
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to the terminal": lambda path: path.symlink_to("/dev/tty"),
    "a link to a folder": lambda path: path.symlink_to("/"),
    "nothing": lambda path: None,
}
READERS = {
    "read": sd.read,
    "load": sd.load,
    "check": lambda path: list(sd.check(path)),
    "write": lambda path: over(path),
}


def over(path: Path) -> None:
    """Save a model over what is there."""
    own = path.with_name("own.mdl")
    own.write_text(MODEL, encoding="utf-8")
    try:
        sd.write(sd.read(own).set_equation("level", "0"), path)
    finally:
        own.unlink()


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", NO_FILES)
def test_what_is_no_file_is_an_error_at_once(tmp_path, kind, reader):
    path = tmp_path / "model.mdl"
    NO_FILES[kind](path)
    before = snapshot(tmp_path)
    if reader == "write" and kind in ("nothing", "a link to nothing"):
        return  # there the file can be made
    if reader == "check":
        issues = answered(lambda: sd.check(path), "")
        assert issues is None or [issue.severity for issue in issues] == ["error"]
    else:
        with pytest.raises(SDError) as caught:
            READERS[reader](path)
        assert str(caught.value).isprintable() and "model.mdl" in str(caught.value)
    assert snapshot(tmp_path) == before


def test_a_link_is_read_and_not_written_through_to_another_folder(tmp_path):
    (tmp_path / "outside.mdl").write_text(MODEL, encoding="utf-8")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "model.mdl").symlink_to("../outside.mdl")
    document = sd.read(folder / "model.mdl")
    assert sd.load(folder / "model.mdl").names()
    with pytest.raises(SDError, match="outside its own folder"):
        sd.write(document.set_equation("TIME STEP", "0.5"), folder / "model.mdl")
    assert (tmp_path / "outside.mdl").read_text(encoding="utf-8") == MODEL


NAMES = {
    "quotes": "a 'b' \"c\".mdl",
    "a line break": "a\nb\r.mdl",
    "spaces": "  .mdl",
    "a leading dash": "-o.mdl",
    "signs of a terminal": "\x1b[31m\x9b.mdl",
    "as long as may be": "x" * 251 + ".mdl",
    "no text": os.fsdecode(b"\xff\xfe\x80.mdl"),
    "a percent sign": "%s%n{0}.mdl",
    "marks of direction": "\u202ecod.mdl",
    "two suffixes": "a.py.mdl",
}


USED = ("check", "run the reference engine", "draw", "convert", "write", "show", "print faults")


@pytest.mark.filterwarnings("ignore:convert-lost")
@pytest.mark.parametrize("use", USED)
@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_any_name_can_be_used(tmp_path, name, use):
    folder, out = tmp_path / "folder", tmp_path / "out"
    folder.mkdir()
    out.mkdir()
    path = folder / NAMES[name]
    path.write_text(MODEL, encoding="utf-8")
    before = snapshot(folder)
    USES[use](path, out)
    assert snapshot(folder) == before


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_any_name_can_be_saved(tmp_path, name):
    path = tmp_path / NAMES[name]
    path.write_text(MODEL, encoding="utf-8")
    if name == "as long as may be":
        with pytest.raises(SDError, match="cannot be saved"):  # there is no room for the name of the new file
            sd.write(sd.read(path).set_equation("TIME STEP", "0.5"), path)
        return
    sd.write(sd.read(path).set_equation("TIME STEP", "0.5"), path)
    assert "0.5" in path.read_text(encoding="utf-8")
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("call", [sd.read, sd.load])
def test_a_file_is_opened_once_and_what_was_opened_is_used(tmp_path, monkeypatch, call):
    """Another file put in its place meanwhile is not read."""
    path = tmp_path / "model.mdl"
    path.write_text(MODEL, encoding="utf-8")
    own, opened = os.open, []

    def swapped(name, *arguments, **others):
        handle = own(name, *arguments, **others)
        if Path(name) == path:
            opened.append(name)
            path.unlink()
            os.mkfifo(path)
        return handle

    monkeypatch.setattr(documents.os, "open", swapped)
    found = call(path)
    assert len(opened) == 1 and "level" in found.variables


def test_a_folder_that_cannot_be_written_to_holds_no_reading_up(tmp_path):
    path = tmp_path / "model.mdl"
    path.write_text(MODEL, encoding="utf-8")
    tmp_path.chmod(0o555)
    try:
        assert sd.simulate(sd.load(path), engine="reference").shape[0] == 3
        if os.access(tmp_path, os.W_OK):
            pytest.skip("this user may write everywhere, so that saving cannot be refused")
        with pytest.raises(SDError, match="must be writable"):
            sd.write(sd.read(path).set_equation("TIME STEP", "0.5"), path)
    finally:
        tmp_path.chmod(0o755)


# what a model's author may put beside it; whoever imports one of them ends at once
MODULES = (
    *("theory", "setup", "numpy", "conftest", "pysd", "click", "typing", "warnings", "json", "matplotlib"),
    *("sitecustomize", "usercustomize", "m0", "model", "v0", "black", "evil"),
)
STARTS = {
    "the command": [str(Path(sys.executable).with_name("sdtheory"))],
    "python -m": [sys.executable, "-m", "sdtheory.cli.main"],
}
COMMANDS = {
    "a run of the reference engine": ["run", "theory.mdl", "--engine", "reference"],
    "a drawing": ["draw", "theory.mdl", "OUT/loops.svg"],
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("start", STARTS)
def test_modules_and_settings_beside_a_model_are_not_used(tmp_path, start, command):
    if not Path(STARTS[start][0]).exists():
        pytest.skip("the command is not installed beside this Python")
    folder, out = tmp_path / "folder", tmp_path / "out"
    folder.mkdir()
    out.mkdir()
    (folder / "theory.mdl").write_text(MODEL.replace("level", '"a $\\\\frac{x}$"'), encoding="utf-8")
    for name in MODULES:
        (folder / f"{name}.py").write_text(f"import os\nos.write(2, b'{name} was imported')\nos._exit(77)\n")
    # TeX would run programs, and another back end would be imported
    (folder / "matplotlibrc").write_text("text.usetex: True\nbackend: module://evil\n")
    before = snapshot(folder)
    environment = {key: text for key, text in os.environ.items() if not key.startswith("PYTHON")}
    environment |= {"PYTHONPATH": str(ROOT), "HOME": str(out), "SDTHEORY_CACHE": str(out / "cache")}
    words = [word.replace("OUT", str(out)) for word in COMMANDS[command]]
    done = subprocess.run(
        [*STARTS[start], *words], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "imported" not in done.stderr + done.stdout
    assert snapshot(folder) == before
    if command == "a drawing":
        assert "\\frac{x}" in (out / "loops.svg").read_text(encoding="utf-8")
    assert shutil.which("latex") is None or not list(out.rglob("*.tex"))
