"""Whatever a file does, the shell says it in one line, and no command of a file's reaches the terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import sdtheory as sd
from sdtheory.cli.main import main
from sdtheory.errors import SDWarning
from sdtheory.translate import isolated_process

MODEL = "models/m0_seed.xmile"
VENSIM = "models/m0_seed.mdl"
EXPERIMENT = "models/m0_seed.toml"
SETTINGS = "INITIAL TIME = 0 ~~|\nFINAL TIME = 2 ~~|\nTIME STEP = 1 ~~|\nSAVEPER = 1 ~~|\n"
EVIL = "\x1b[31mred\x9b2J\x07[bold]\u202eevil[/bold]"
MACHINE = f"""{{UTF-8}}
stock = INTEG("{EVIL}", 1) ~ [red]{EVIL.replace("[", "(")} ~ {EVIL} |
"{EVIL}" = stock * rate ~ km ~ {EVIL} |
rate = 0.01 ~ {EVIL.replace("[", "(")} ~ {EVIL} |
INITIAL TIME = 0 ~ {EVIL.replace("[", "(")} ~|
FINAL TIME = 2 ~~|
TIME STEP = 1 ~~|
SAVEPER = 1 ~~|
"""


def call(*arguments, code: int | None = 0):
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert "Traceback" not in done.output
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert all(sign.isprintable() or sign == "\n" for sign in done.output)
    assert code is None or done.exit_code == code, done.output
    return done


@pytest.fixture
def evil(tmp_path) -> Path:
    """A model with commands to the terminal in every text, in a file with some in its name."""
    path = tmp_path / "\x1b[31mevil\u202e.mdl"
    path.write_text(MACHINE, encoding="utf-8")
    return path


# ---------------------------------------------------------------- text of a file


@pytest.mark.parametrize(
    "arguments",
    [
        ("info",), ("info", "--json"), ("run",), ("loops",), ("loops", "--json"), ("check",), ("check", "--json"),
        ("info", "--isolation", "process"), ("run", "--set", f"{EVIL}=1"), ("loops", "--through", EVIL),
    ],
)  # fmt: skip
def test_control_characters_of_a_model_do_not_reach_the_terminal(evil, arguments):
    assert call(*arguments, evil, code=None).output


def test_json_still_holds_the_names_as_they_are(evil):
    rows = json.loads(call("info", evil, "--json").stdout)["variables"]
    assert EVIL in [row["name"] for row in rows]


def test_names_are_not_read_as_markup(evil):
    text = call("info", evil).stdout
    assert "[bold]" in text and "[/bold]" in text and r"\x1b[31m" in text


def test_edits_and_differences_are_printed_without_control_characters(evil):
    other = evil.with_name("other\x1b.mdl")
    other.write_bytes(evil.read_bytes())
    assert "\\x1b" in call("set", other, EVIL, "stock * 2").stdout
    assert "changed: " in call("diff", evil, other).stdout
    call("diff", evil, other, "--json")
    call("rename", other, EVIL, "\x1b[32mgreen", code=None)
    call("convert", evil, evil.with_suffix(".xmile"), code=None)


@pytest.mark.parametrize("command", ["info", "run", "loops", "check", "draw"])
def test_what_is_wrong_with_a_command_line_is_printed_without_control_characters(evil, command):
    assert call(command, "--\x1b[31m", evil, code=2).stderr
    assert call(command, code=2).stderr


@pytest.mark.parametrize("command", ["info", "run", "loops"])
def test_a_missing_file_with_control_characters_in_its_name_is_one_line(tmp_path, command):
    done = call(command, tmp_path / "\x1b[31mno\nsuch.mdl", code=1)
    assert len(done.stderr.splitlines()) == 1


def test_warnings_and_loop_names_are_printed_without_control_characters(tmp_path, monkeypatch):
    names = tmp_path / "names.toml"
    names.write_text(
        f'[[loop]]\nname = "{EVIL}"\npolarity = "R"\nthrough = ["understanding"]\n'.encode("unicode_escape")
        .decode().replace("\\n", "\n").replace("\\x9b", "\\u009b").replace("\\x1b", "\\u001b")
        .replace("\\x07", "\\u0007")
    )  # fmt: skip
    call("loops", MODEL, "--names", names, code=None)

    def load(path, **how):
        import warnings

        warnings.warn(f"mind {EVIL}", SDWarning, stacklevel=2)
        raise sd.SDError(EVIL)

    monkeypatch.setattr(sd, "load", load)
    assert r"warning: mind \x1b[31m" in call("run", MODEL, code=1).stderr


# ---------------------------------------------------------------- any error


@pytest.mark.parametrize(
    "error, text",
    [
        (MemoryError(), "there is not enough memory"),
        (RecursionError("maximum recursion depth exceeded"), "nested too deeply"),
        (KeyError("x"), "internal error (KeyError: 'x'); please report it; SDTHEORY_DEBUG=1 shows where"),
        (ValueError("a\x1b[31m\nb"), r"internal error (ValueError: a\x1b[31m b)"),
        (AssertionError(), "internal error (AssertionError: )"),
        (OSError(28, "No space left on device", "out\x1b.csv"), r"'out\x1b.csv': No space left on device"),
        ("x\udc80".encode, "cannot be written or read"),
        (sd.EngineCrashed("killed", file="a.mdl"), "a.mdl: killed"),
    ],
)
@pytest.mark.parametrize("command", [("run", MODEL), ("loops", MODEL), ("compare", MODEL, EXPERIMENT)])
def test_any_error_is_one_line_and_ends_with_one(monkeypatch, error, text, command):
    def load(path, **how):
        if callable(error):
            error("utf-8")
        raise error

    monkeypatch.setattr(sd, "load", load)
    done = call(*command, code=1)
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1 and text in lines[0]


def test_an_interrupt_ends_with_130(monkeypatch):
    def load(path, **how):
        raise KeyboardInterrupt

    monkeypatch.setattr(sd, "load", load)
    assert call("run", MODEL, code=130).stderr == "interrupted\n"


def test_debugging_shows_where_an_internal_error_comes_from(monkeypatch):
    def load(path, **how):
        raise KeyError("x")

    monkeypatch.setattr(sd, "load", load)
    monkeypatch.setenv("SDTHEORY_DEBUG", "1")
    assert isinstance(CliRunner().invoke(main, ["run", MODEL]).exception, KeyError)


# ---------------------------------------------------------------- more about an error


def test_verbose_shows_the_line_with_a_caret_and_the_kind_of_error(tmp_path):
    path = tmp_path / "a.mdl"
    path.write_bytes("{UTF-8}\r\nä = 1 ~~|\r\n\tx =\t漢 + nope\x1b ~~|\r\n".encode())
    plain, more = call("info", path, code=1).stderr, call("-v", "info", path, code=1).stderr
    assert len(plain.splitlines()) == 1
    first, line, caret, kind = more.splitlines()
    assert first == plain.rstrip("\n")
    place = int(first.split(":")[3]) - 1
    before = "\tx =\t漢 + nope"[:place]
    assert line.startswith("   x = 漢 + ") and kind == "kind of error: ModelError"
    assert caret == " " * (2 + len(before) + before.count("漢")) + "^"


def test_verbose_shows_a_part_of_a_long_line(tmp_path):
    path = tmp_path / "a.mdl"
    path.write_text("{UTF-8}\nx = " + "1 + " * 500 + "nope ~~|\n" + SETTINGS)
    _, line, caret, _ = call("--verbose", "info", path, code=1).stderr.splitlines()
    assert len(line) <= 82 and line[len(caret) - 1 :].startswith("nope")


def test_verbose_shows_what_an_error_comes_from(monkeypatch):
    def load(path, **how):
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise sd.SDError("outer") from error

    monkeypatch.setattr(sd, "load", load)
    lines = call("-v", "run", MODEL, code=1).stderr.splitlines()
    assert lines == ["error: outer", "kind of error: SDError", "because of KeyError: 'inner'"]


# ---------------------------------------------------------------- isolation and data folders


@pytest.mark.parametrize(
    "command",
    [("info",), ("info", "--json"), ("run",), ("loops",), ("check",), ("compare", EXPERIMENT, "--runs", "4")],
)
def test_an_isolated_command_does_not_read_the_model_here(monkeypatch, tmp_path, command):
    def fail(*_):
        raise AssertionError("read here")

    monkeypatch.setenv("SDTHEORY_CACHE", str(tmp_path))
    monkeypatch.setattr("sdtheory.documents.vensim.index", fail)
    word, *others = command
    done = call(word, VENSIM, *others, "--isolation", "process")
    monkeypatch.undo()
    if command == ("info", "--json"):
        here, there = (json.loads(one.stdout) for one in (call("info", VENSIM, "--json"), done))
        plain = [row["equation"].replace(" ", "") for row in here["variables"] if row["kind"] != "stock"]
        apart = [row["equation"].replace(" ", "") for row in there["variables"] if row["kind"] != "stock"]
        assert here["settings"] == there["settings"] and len(plain) == len(apart) > 20
        assert sum(a == b for a, b in zip(plain, apart, strict=True)) > len(plain) / 2
    elif word != "compare":
        assert done.stdout.replace("\n", "") or word == "check"


def test_an_isolated_drawing_is_drawn_without_the_names_of_a_file_beside_the_model(tmp_path):
    for name in ("m0_seed.mdl", "m0_seed.toml"):
        (tmp_path / name).write_bytes((Path("models") / name).read_bytes())
    found = json.loads(call("loops", tmp_path / "m0_seed.mdl", "--isolation", "process", "--json").stdout)
    assert "mission loop" not in {loop["name"] for loop in found["loops"]}
    call("draw", tmp_path / "m0_seed.mdl", tmp_path / "m0.svg", "--isolation", "process")
    assert (tmp_path / "m0.svg").exists()


@pytest.mark.parametrize("command", ["info", "run", "loops", "check"])
def test_a_crash_of_the_other_process_is_one_line(monkeypatch, tmp_path, command):
    monkeypatch.setenv("SDTHEORY_CACHE", str(tmp_path))
    crash = [sys.executable, "-c", "import os; os.abort()"]
    monkeypatch.setattr(isolated_process, "_command", lambda task: crash)
    done = call(command, VENSIM, "--isolation", "process", code=1)
    text = done.stdout if command == "check" else done.stderr
    assert len(text.splitlines()) == 1 and "m0_seed.mdl: " in text and "ended by SIGABRT" in text


@pytest.mark.parametrize("isolation", [(), ("--isolation", "process")])
def test_data_folders_are_given_to_every_command_that_loads(tmp_path, isolation):
    for name in ("models", "data", "more"):
        (tmp_path / name).mkdir()
    (tmp_path / "data" / "data.csv").write_text("4\n")
    path = tmp_path / "models" / "model.mdl"
    path.write_text("{UTF-8}\nx = GET DIRECT CONSTANTS('../data/data.csv', ',', 'A1') ~~|\ny = 2 ~~|\n")
    folders = ("--data-folder", tmp_path / "more", "--data-folder", tmp_path / "data")
    for command in ("info", "check") if isolation else ("info", "check", "run", "loops"):
        assert "lies outside" in call(command, path, *isolation, code=1).output
        call(command, path, *isolation, *folders)
    assert "lies outside" in call("set", path, "y", "3").stderr
    assert "lies outside" not in call("set", path, "y", "4", *folders).stderr


def test_a_data_folder_that_does_not_exist_and_a_way_of_isolation_that_does_not_are_wrong_usage(tmp_path):
    assert "does not exist" in call("info", MODEL, "--data-folder", tmp_path / "no", code=2).stderr
    assert "is not 'process'" in call("info", MODEL, "--isolation", "thread", code=2).stderr


# ---------------------------------------------------------------- odd terminals


def shell(*arguments: str, **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "sdtheory.cli.main", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_a_terminal_that_knows_ascii_alone_gets_escapes_and_json_stays_json(tmp_path):
    path = tmp_path / "a.mdl"
    path.write_text("{UTF-8}\nGröße = 1 ~ km² ~|\n", encoding="utf-8")
    for arguments in (
        ("info", str(path)),
        ("info", str(path), "--json"),
        ("run", str(path), "--set", "Grösse=1"),
    ):
        out, err = shell(*arguments, PYTHONIOENCODING="ascii", PYTHONUTF8="0").communicate()
        assert b"Traceback" not in err and b"internal" not in err
        assert (out + err).isascii() and (b"Gr\\xf6" in out + err or "--json" in arguments)
        if "--json" in arguments:
            assert json.loads(out)["variables"][0]["name"] == "Größe"


def test_a_reader_that_goes_away_is_no_fault_to_speak_of():
    process = shell("info", MODEL)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device")
def test_a_full_disk_is_one_line():
    with open("/dev/full", "wb") as full:
        process = subprocess.run(
            [sys.executable, "-m", "sdtheory.cli.main", "info", MODEL],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert process.returncode == 1
    assert b"error: cannot read or write: No space left on device" in process.stderr
    assert b"Traceback" not in process.stderr
