"""The command group, and how errors leave the program: one line, no traceback."""

from __future__ import annotations

import os
import sys
import warnings

import click

import sdtheory
from sdtheory.cli.analysing import ANALYSES
from sdtheory.cli.checking import check
from sdtheory.cli.comparing import compare, study
from sdtheory.cli.editing import convert, diff, rename, set_equation
from sdtheory.cli.looking import draw, info, loops, run
from sdtheory.errors import SDError, SDWarning


class Group(click.Group):
    """Turns the package's errors into one line on standard error and an exit code."""

    def invoke(self, ctx: click.Context):
        with warnings.catch_warnings():
            warnings.simplefilter("always", SDWarning)
            warnings.showwarning = _show_warning
            try:
                return super().invoke(ctx)
            except SDError as error:
                if os.environ.get("SDTHEORY_DEBUG") == "1":
                    raise
                click.echo(f"error: {error}", err=True)
                ctx.exit(error.exit_code)
            except KeyboardInterrupt:
                click.echo("interrupted", err=True)
                ctx.exit(130)


def _show_warning(message, category, filename, lineno, file=None, line=None):
    if issubclass(category, SDWarning):
        click.echo(f"warning: {message}", err=True)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(sdtheory.__version__, prog_name="sdtheory")
def main() -> None:
    """System dynamics: look at models, run them, compare policies, draw causal loops."""


COMMANDS = (info, check, run, loops, draw, compare, study, set_equation, rename, diff, convert, *ANALYSES)
for command in COMMANDS:
    main.add_command(command)

if __name__ == "__main__":
    sys.exit(main())
