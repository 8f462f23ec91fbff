"""What must be so after any use of a hostile file: no canary sings, nothing is written, and the answer is plain."""

from __future__ import annotations

import builtins
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from payloads import CANARY, LISTENER
from places import toml_text

import sdtheory as sd
from sdtheory.errors import SDError

SECONDS = 5  # of processor time for one use of a small hostile file, with room for a slow machine
LONGEST = 1_000  # characters of a message
_PLACED = re.compile(r"[^:]+:\d+(:\d+)?: ")


def snapshot(folder: Path) -> dict[str, str]:
    """Every name below a folder, with what it is and holds."""
    found = {}
    for path in sorted(folder.rglob("*")):
        kind = "a link to " + os.readlink(path) if path.is_symlink() else f"{path.lstat().st_mode:o}"
        held = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        found[str(path)] = f"{kind} {len(held)} {hashlib.sha256(held).hexdigest()}"
    return found


@contextmanager
def nothing_sings(folder: Path, home: Path, capture: Any = None) -> Iterator[None]:
    """No canary of `payloads`, and the folder, the home and the current folder as they were."""
    where, environment = os.getcwd(), dict(os.environ)
    before = snapshot(folder) | snapshot(home)
    yield
    try:
        LISTENER.accept()
    except BlockingIOError:
        pass
    else:
        raise AssertionError("the network was used")
    assert not hasattr(builtins, CANARY), "code of the file has run"
    assert os.getcwd() == where
    # threadpoolctl, when it is first imported, tells its own libraries something by KMP_...
    new = {key for key, text in os.environ.items() if environment.get(key) != text}
    assert not {key for key in new if not key.startswith("KMP_")}
    assert snapshot(folder) | snapshot(home) == before, "something was written"
    if capture is not None:
        assert CANARY not in capture.readouterr().out, "code of the file has printed"


def answered(call: Callable[[], Any], file: str, placed: bool = False) -> Any:
    """What a call gives, or None after an error of ours of plain lines that begin with the file's name."""
    began = time.process_time()
    try:
        return call()
    except SDError as error:
        for line in str(error).split("\n"):
            assert line.isprintable(), ascii(line)
            assert len(line) <= LONGEST, line
            if placed:
                assert line.startswith(file) or _PLACED.match(line), line
        return None
    finally:
        assert time.process_time() - began < SECONDS


# ---------------------------------------------------------------- uses, each given a loaded model and its path


def _simulate(engine: str) -> Callable[..., Any]:
    return lambda path, out: sd.simulate(sd.load(path), engine=engine)


def _check(path: Path, out: Path) -> None:
    for issue in sd.check(path):
        assert issue.message.isprintable() and len(issue.message) <= LONGEST


def _convert(path: Path, out: Path) -> None:
    document = sd.read(path)
    other = "xmile" if document.format == "vensim" else "vensim"
    target = out / ("other.xmile" if other == "xmile" else "other.mdl")
    sd.write(sd.convert(document, other), target)
    sd.load(target)


def _draw(path: Path, out: Path) -> None:
    sd.draw(sd.load(path), out / "loops.svg")


def _edit(path: Path, out: Path) -> None:
    document = sd.read(path)
    for entry in list(document.variables.values())[:2]:
        answered(lambda entry=entry: document.rename(entry.name, "quite another name"), path.name)
        answered(lambda entry=entry: document.set_equation(entry.name, "7"), path.name)


def _show_in_the_editor(path: Path, out: Path) -> None:
    from sdtheory.editor.exporting import page

    text = page(sd.read(path))
    assert text.lower().count("<script") == text.lower().count("</script") == 2
    (out / "page.html").write_text(text, encoding="utf-8")


def _copy(path: Path, out: Path) -> None:
    target = out / ("copy" + path.suffix)
    sd.write(sd.read(path), target)
    assert target.read_bytes() == path.read_bytes()


def _compare(path: Path, out: Path) -> None:
    model = sd.load(path)
    name = toml_text(next(iter(model.names())))
    text = f"[[metric]]\nname = {name}\nvariable = {name}\nat = 1.0\nbetter = 'higher'\n"
    (out / "experiment.toml").write_text(text, encoding="utf-8")
    sd.compare(model, sd.Experiment.read(out / "experiment.toml"), runs=2).save(out / "tables")


def _shell(*words: str) -> Callable[..., Any]:
    """A shell command: MODEL stands for the file, OUT for a folder."""

    def use(path: Path, out: Path) -> None:
        from click.testing import CliRunner

        from sdtheory.cli.main import main

        done = CliRunner().invoke(
            main, [word.replace("MODEL", str(path)).replace("OUT", str(out)) for word in words]
        )
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        assert "Traceback" not in done.output
        for line in done.output.split("\n"):
            assert line.replace("\t", " ").isprintable(), ascii(line)

    return use


USES: dict[str, Callable[[Path, Path], Any]] = {
    "run the vectorised engine": _simulate("vectorised"),
    "run the compiled engine": _simulate("compiled"),
    "run the reference engine": _simulate("reference"),
    "check": _check,
    "convert": _convert,
    "draw": _draw,
    "edit": _edit,
    "show in the editor": _show_in_the_editor,
    "write": _copy,
    "compare": _compare,
    "find loops": lambda path, out: sd.find_loops(sd.load(path)),
    "show": _shell("info", "MODEL"),
    "show as JSON": _shell("info", "MODEL", "--json"),
    "print a run": _shell("run", "MODEL"),
    "save a run": _shell("run", "MODEL", "-o", "OUT/run.csv"),
    "print loops": _shell("loops", "MODEL"),
    "print faults": _shell("check", "MODEL"),
    "print differences": _shell("diff", "MODEL", "MODEL"),
}
# what can be done with a file that means no model
NEED_NO_MODEL = frozenset({"check", "convert", "edit", "write", "print faults", "print differences"})
