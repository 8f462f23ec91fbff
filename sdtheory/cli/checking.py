"""The command that looks models through for faults: check."""

from __future__ import annotations

from typing import Any

import click

import sdtheory as sd
from sdtheory.cli.options import JSON, loads
from sdtheory.cli.output import echo, echo_json
from sdtheory.errors import shown


@click.command()
@click.argument("models", nargs=-1, required=True, type=click.Path(), metavar="MODEL...")
@loads
@JSON
@click.pass_context
def check(context: click.Context, models: tuple[str, ...], how: dict[str, Any], as_json: bool) -> None:
    """Look MODELs through for faults, and print one a line: file:line:column: severity: message."""
    found = [(path, issue) for path in models for issue in sd.check(path, **how)]
    if as_json:
        echo_json({"issues": [_row(path, issue) for path, issue in found]})
    else:
        for path, issue in found:
            place = ":".join(str(part) for part in (shown(path, 4096), issue.line, issue.column) if part)
            echo(f"{place}: {issue.severity}: {shown(issue.message, 1000)}")
    if any(issue.severity == "error" for _, issue in found):
        context.exit(1)


def _row(path: str, issue: sd.Issue) -> dict[str, Any]:
    return {
        "severity": issue.severity,
        "code": issue.code,
        "message": issue.message,
        "variable": issue.variable,
        "line": issue.line,
        "column": issue.column,
        "file": path,
    }
