"""What the commands print: nothing of a file reaches the terminal as a command to it, whatever the terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from sdtheory.errors import escaped


def echo(text: object, *, err: bool = False, nl: bool = True) -> None:
    """Print a text with its control characters escaped; line ends are kept."""
    click.echo(escaped(str(text).replace("\r\n", "\n")), err=err, nl=nl)


def echo_json(value: Any) -> None:
    """Print strict JSON on standard output, in ASCII where the terminal has no more."""
    text = json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value, indent=1, allow_nan=False)
    # JSON itself escapes less, and signs that do not print can stand in its texts alone
    safe = (sign if sign.isprintable() or sign == "\n" else json.dumps(sign)[1:-1] for sign in text)
    click.echo("".join(safe))


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on the terminal; text of a model file is never read as markup."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=_text(title), title_justify="left")
    for i, column in enumerate(columns):
        table.add_column(_text(column), justify="left" if i == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*map(_text, row))
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def _text(text: str) -> Any:
    from rich.text import Text

    return Text(escaped(text))


def forgive_odd_terminals() -> None:
    """Characters that standard output or error cannot show are printed as escapes, not an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
