"""The command that opens the editor in the browser."""

from __future__ import annotations

import contextlib
import os
import sys
import time
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from sdtheory.cli.options import MODEL
from sdtheory.cli.output import echo
from sdtheory.errors import SDError, UsageError, shown


@click.command()
@MODEL
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Of this machine alone; 0: a free one."
)
@click.option("--no-browser", is_flag=True, help="Print the address, and open no browser.")
@click.option("--autosave", is_flag=True, help="Save a second after the last change.")
@click.option(
    "--experiment",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False),
    help="An experiment file for the policy panel; may be repeated. Left out: the one beside MODEL.",
)
def edit(model: str, port: int, no_browser: bool, autosave: bool, experiment: tuple[str, ...]) -> None:
    """Edit MODEL in the browser: diagram, equations, runs, loops and policies on one page.

    Ctrl+C ends it. What is not saved then, or when it ends in any other way, is offered the next time.
    """
    from sdtheory.editor.admission import Admission
    from sdtheory.editor.lock import only_editor
    from sdtheory.editor.running import run
    from sdtheory.editor.server import listening
    from sdtheory.editor.service import opened
    from sdtheory.editor.session import Session

    if not _stays_in_its_folder(model):
        name, target = shown(os.path.basename(model)), shown(os.path.realpath(model))
        raise UsageError(
            f"'{name}' is a link to '{target}', outside its own folder", remedy="name that file itself"
        )
    at = listening(port)
    port = at.getsockname()[1]
    with at, only_editor(model, port):
        state = _with_unsaved(opened(model, _experiments(model, experiment)), model)
        session = Session(os.path.abspath(model), state, autosave=autosave, report=_report)
        admission = Admission(port)
        try:
            _show(admission, model, not no_browser)
            run(session, admission, at, on_enter=lambda: echo(admission.new_address()))
        finally:
            admission.forget_file()
            if session.state.dirty:
                name = shown(os.path.basename(model))
                _report(f"{name} is not saved; its unsaved changes are kept, and offered the next time")


def _report(text: str) -> None:
    with contextlib.suppress(OSError):  # the terminal may have gone
        echo(text, err=True)


def _show(admission: Any, model: str, browser: bool) -> None:
    address = admission.new_address()
    if browser and _has_browser() and webbrowser.open(admission.address_file(address).as_uri()):
        echo(f"editing {shown(os.path.basename(model))} in the browser, at {admission.origin}/")
    else:
        echo(f"editing {shown(os.path.basename(model))}; open {address}")
    echo("Enter prints a new address, Ctrl+C ends")
    sys.stdout.flush()


def _has_browser() -> bool:
    """Whether there is a screen; a browser on the terminal itself would be in the way."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _experiments(model: str, given: Sequence[str]) -> dict[str, str]:
    """Paths by the ids under which the page knows them."""
    beside = Path(model).with_suffix(".toml")
    found: dict[str, str] = {}
    for path in given or ([str(beside)] if beside.is_file() and _stays_in_its_folder(beside) else []):
        stem = Path(path).stem
        if stem in found:
            raise UsageError(f"two experiment files are called '{shown(stem)}'", remedy="rename one of them")
        found[stem] = os.path.abspath(path)
    return found


def _stays_in_its_folder(path: str | os.PathLike[str]) -> bool:
    """Whether a file, or the one that it is a link to, lies below the folder in which its name stands."""
    folder = os.path.realpath(os.path.dirname(os.path.abspath(path)))
    return Path(os.path.realpath(path)).is_relative_to(folder)


def _with_unsaved(state: Any, model: str) -> Any:
    """The state with what an earlier session has left unsaved, when the person wants it."""
    from sdtheory.editor.recovery import kept, set_aside
    from sdtheory.editor.session import restored

    found = kept(model)
    if found is None or found.steps[found.position][1] == state.document.bytes:
        return state
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(found.when))
    changed = found.saved != state.hash
    told = f"unsaved changes of {when} are kept{', and the file has changed since' if changed else ''}"
    if _says_yes(told, usually=not changed):
        try:
            state = restored(state, found)
        except SDError as error:
            echo(f"warning: they cannot be read: {error}", err=True)
        else:
            echo(f"unsaved changes of {when} are back; undo takes them away", err=True)
            return state
    echo(f"unsaved changes of {when} are now in {shown(set_aside(model, found), 300)}", err=True)
    return state


def _says_yes(told: str, *, usually: bool) -> bool:
    """What the person at the terminal answers; without one, what is usual."""
    if sys.stdin.isatty() and sys.stdout.isatty():
        return click.confirm(f"{told}; bring them back?", default=usually)
    return usually
