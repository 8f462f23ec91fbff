"""The command group, and how errors leave the program: one line, no traceback."""

from __future__ import annotations

import errno
import io
import os
import sys

if __name__ == "__main__" and sys.path[:1] == [os.getcwd()]:
    # `python -m` looks for modules in the current folder first, where a model's author may have put some
    del sys.path[0]

import warnings
from collections.abc import Sequence
from typing import Any

import click

import sdtheory
from sdtheory.cli.analysing import ANALYSES
from sdtheory.cli.checking import check
from sdtheory.cli.comparing import compare, study
from sdtheory.cli.editing import convert, diff, rename, set_equation
from sdtheory.cli.faults import exit_code, fault_text, more_about
from sdtheory.cli.looking import draw, info, loops, run
from sdtheory.cli.output import echo, forgive_odd_terminals
from sdtheory.cli.serving import edit
from sdtheory.errors import SDWarning


class Group(click.Group):
    """Turns errors into one line on standard error and an exit code."""

    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, standalone_mode: bool = True, **others: Any
    ) -> Any:
        """Run a command; what click itself finds wrong is printed like all else, without control characters."""
        if not standalone_mode:
            return super().main(args, standalone_mode=False, **others)
        forgive_odd_terminals()
        try:
            sys.exit(super().main(args, standalone_mode=False, **others))
        except click.ClickException as error:
            text = io.StringIO()
            error.show(text)
            echo(text.getvalue(), err=True, nl=False)
            sys.exit(error.exit_code)
        except click.Abort:
            sys.exit(130)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command of a context."""
        arguments = list(ctx.args)
        with warnings.catch_warnings():
            warnings.simplefilter("always", SDWarning)
            warnings.showwarning = _show_warning
            try:
                return super().invoke(ctx)
            except (click.ClickException, click.exceptions.Exit):
                raise
            except (KeyboardInterrupt, click.Abort):
                echo("interrupted", err=True)
                ctx.exit(130)
            except Exception as error:
                if os.environ.get("SDTHEORY_DEBUG") == "1" or _nobody_reads(error):
                    raise
                echo(f"error: {fault_text(error)}", err=True)
                for line in more_about(error, arguments) if ctx.params["verbose"] else ():
                    echo(line, err=True)
                ctx.exit(exit_code(error))


def _nobody_reads(error: Exception) -> bool:
    """Whether standard output was closed, as by `head`; click then ends the program quietly."""
    return isinstance(error, OSError) and error.errno == errno.EPIPE


def _show_warning(message, category, filename, lineno, file=None, line=None):
    if issubclass(category, SDWarning):
        echo(f"warning: {message}", err=True)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(sdtheory.__version__, prog_name="sdtheory")
@click.option("-v", "--verbose", is_flag=True, help="Say more about an error: its place, kind and causes.")
def main(verbose: bool) -> None:
    """System dynamics: look at models, run them, compare policies, draw causal loops."""


COMMANDS = (
    info, check, run, loops, draw, compare, study, set_equation, rename, diff, convert, edit, *ANALYSES,
)  # fmt: skip
for command in COMMANDS:
    main.add_command(command)

if __name__ == "__main__":
    sys.exit(main())
