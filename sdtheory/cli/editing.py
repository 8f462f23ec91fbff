"""Commands that make or change model files: convert."""

from __future__ import annotations

import os
from pathlib import Path

import click

import sdtheory as sd
from sdtheory.errors import DocumentError, UsageError

_FORMATS = {".mdl": "vensim", ".xmile": "xmile", ".stmx": "xmile", ".xml": "xmile"}


def save(document: sd.Document, path: str) -> None:
    """Write a new file, whole or not at all; one that exists already is refused."""
    target = Path(path)
    if target.exists():
        raise DocumentError("the file exists already", file=path, remedy="remove it or choose another name")
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        try:
            with open(temporary, "xb") as stream:
                stream.write(document.bytes)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise DocumentError(
            f"cannot be written: {(error.strerror or str(error)).lower()}", file=path
        ) from None


@click.command()
@click.argument("source", metavar="IN", type=click.Path())
@click.argument("target", metavar="OUT", type=click.Path())
def convert(source: str, target: str) -> None:
    """Write the model IN as OUT in the other format, views included (.mdl, .xmile, .stmx, .xml)."""
    suffix = Path(target).suffix.lower()
    if suffix not in _FORMATS:
        raise UsageError(f"'{target}': unknown suffix '{suffix}'", remedy="use .mdl, .xmile, .stmx or .xml")
    converted = sd.convert(sd.read(source), _FORMATS[suffix])
    save(converted, target)
    count = len(converted.variables)
    click.echo(f"{count} variables and {len(converted.views)} views written to {target}", err=True)
