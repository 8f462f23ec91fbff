"""Arguments and options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

MODEL = click.argument("model", type=click.Path())
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
_DATA_FOLDER = click.option(
    "--data-folder",
    multiple=True,
    type=click.Path(exists=True, file_okay=False),
    metavar="DIR",
    help="A folder beside the model's own from which it may read data; may be given again.",
)
_ISOLATION = click.option(
    "--isolation",
    type=click.Choice(["process"]),
    default=None,
    help="Read the model in a process of its own, with limits, for a file that you do not trust.",
)


def loads(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say how a model is loaded; the command gets them as `how`, arguments of `sd.load`."""

    @_DATA_FOLDER
    @_ISOLATION
    @functools.wraps(command)
    def with_how(*arguments: Any, data_folder: tuple[str, ...], isolation: str | None, **others: Any) -> Any:
        how = {"data_folders": data_folder, "isolation": isolation}
        return command(*arguments, how=how, **others)

    return with_how


def reads_data(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option of a command that reads a model's file itself, so that it can only read it here."""

    @_DATA_FOLDER
    @functools.wraps(command)
    def with_how(*arguments: Any, data_folder: tuple[str, ...], **others: Any) -> Any:
        return command(*arguments, how={"data_folders": data_folder}, **others)

    return with_how
