"""Commands that edit a model file, with the smallest possible change, compare two, or convert one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

import sdtheory as sd
from sdtheory.cli.looking import JSON, MODEL, echo_json, say
from sdtheory.documents.differences import Difference, differences
from sdtheory.errors import ModelError, SDError, UsageError, shown

_FORMATS = {".mdl": "vensim", ".xmile": "xmile", ".stmx": "xmile", ".xml": "xmile"}
SUBSCRIPTS = click.option("--subscripts", help="Which of several equations: its left side's subscripts.")


@click.command("set")
@MODEL
@click.argument("name")
@click.argument("equation")
@SUBSCRIPTS
def set_equation(model: str, name: str, equation: str, subscripts: str | None) -> None:
    """Give variable NAME of MODEL another EQUATION (of a stock: another initial value)."""
    old = sd.read(model)
    if old.entry(name).kind == "stock":
        _save(old, old.set_initial(name, equation, subscripts=subscripts), model)
    else:
        _save(old, old.set_equation(name, equation, subscripts=subscripts), model)


@click.command()
@MODEL
@click.argument("old")
@click.argument("new")
def rename(model: str, old: str, new: str) -> None:
    """Call variable OLD of MODEL NEW, in every equation and every view."""
    document = sd.read(model)
    _save(document, document.rename(old, new), model)


def _save(old: Any, new: Any, path: str) -> None:
    """Save, and print what changed; a model that can no longer be loaded is saved too, with a warning."""
    sd.write(new, path)
    say(old.diff(new) or "nothing changed", nl=False)
    try:
        sd.load(new)
    except SDError as error:
        say(f"warning: the model cannot be run now: {error}", err=True)


@click.command()
@click.argument("model_a", type=click.Path())
@click.argument("model_b", type=click.Path())
@JSON
def diff(model_a: str, model_b: str, as_json: bool) -> None:
    """What MODEL_B has otherwise than MODEL_A: variables, settings, views, loops, and the text itself."""
    old, new = sd.read(model_a), sd.read(model_b)
    found = differences(old, new)
    gained, lost = _loops_apart(old, new)
    text = old.diff(new)
    if as_json:
        rows = [vars(one) for one in found]
        echo_json({"differences": rows, "loops_gained": gained, "loops_lost": lost, "text": text})
        return
    for one in found:
        click.echo(_line(one))
    for word, loops in (("gained", gained), ("lost", lost)):
        for loop in loops:
            click.echo(f"loop {word}: {shown(loop, 400)}")
    say(text, nl=False)


def _line(one: Difference) -> str:
    name = shown(one.name)
    if one.what == "added" and one.after:
        return f"added: {name} = {shown(one.after, 200)}"
    if one.what != "changed":
        return f"{one.what}: {name}"
    if not one.before:
        return f"changed: {name}: {one.part} {shown(one.after, 200)}"
    return f"changed: {name}: {one.part} {shown(one.before, 200)} -> {shown(one.after, 200)}"


def _loops_apart(old: Any, new: Any) -> tuple[list[str], list[str]]:
    """Loops that only the new and only the old model has, as the variables that they run through."""
    try:
        before, after = ({_loop(loop): None for loop in sd.find_loops(sd.load(one))} for one in (old, new))
    except ModelError:
        return [], []
    return [loop for loop in after if loop not in before], [loop for loop in before if loop not in after]


def _loop(loop: Any) -> str:
    first = loop.variables.index(min(loop.variables))
    around = [*loop.variables[first:], *loop.variables[:first]]
    return f"{loop.polarity}: {' -> '.join([*around, around[0]])}"


@click.command()
@click.argument("source", metavar="IN", type=click.Path())
@click.argument("target", metavar="OUT", type=click.Path())
def convert(source: str, target: str) -> None:
    """Write the model IN as OUT in the other format, views included (.mdl, .xmile, .stmx, .xml)."""
    suffix = Path(target).suffix.lower()
    if suffix not in _FORMATS:
        raise UsageError(f"'{shown(target)}': unknown suffix", remedy="use .mdl, .xmile, .stmx or .xml")
    converted = sd.write(sd.convert(sd.read(source), _FORMATS[suffix]), target)
    count = len(converted.variables)
    click.echo(f"{count} variables and {len(converted.views)} views written to {target}", err=True)
