"""Commands that look at one model: info, run, loops, draw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

import sdtheory as sd
from sdtheory.cli.options import JSON, MODEL, loads
from sdtheory.cli.output import echo, echo_json, print_table
from sdtheory.errors import UsageError
from sdtheory.tables import write_csv


@click.command()
@MODEL
@loads
@JSON
def info(model: str, how: dict[str, Any], as_json: bool) -> None:
    """Stocks, flows, equations, units and settings of MODEL."""
    from sdtheory.model.expression import Number, to_text
    from sdtheory.model.printing import number_text

    loaded, format, equations = _with_equations(model, how)
    settings = loaded.settings
    named = {
        word: tree.value if isinstance(tree, Number) else to_text(tree)
        for word, tree in (
            ("start", settings.start),
            ("stop", settings.stop),
            ("time_step", settings.time_step),
            ("save_every", settings.save_every),
        )
    }
    named.update(method=settings.method, time_units=settings.time_units)
    rows = []
    for name in loaded.names():
        variable = loaded[name]
        rows.append(
            {
                "name": variable.name,
                "kind": variable.kind,
                "units": variable.units,
                "equation": equations.get(name, ""),
                "documentation": variable.documentation,
            }
        )
    if as_json:
        echo_json({"name": loaded.name, "format": format, "settings": named, "variables": rows})
        return
    words = ", ".join(
        f"{k} {number_text(v) if isinstance(v, float) else v}" for k, v in named.items() if v != ""
    )
    echo(f"{loaded.name} ({format}): {words}")
    columns = ["name", "kind", "units", "equation"]
    print_table("", columns, [[" ".join(str(row[column]).split()) for column in columns] for row in rows])


def _with_equations(path: str, how: dict[str, Any]) -> tuple[sd.Model, str, Mapping[str, str]]:
    """A model, the format of its file, and its equations by name as the file has them.

    An isolated file is not read here, so its equations are those of the model, written as its format would.
    """
    from sdtheory.documents import contents, recognised

    if how["isolation"] is None:
        document = sd.read(path)
        loaded = sd.load(document, **how)
        entries = {name: document.variables.get(name) for name in loaded.names()}
        texts = {
            name: "; ".join(block.equation for block in entry.blocks)
            for name, entry in entries.items()
            if entry
        }
        return loaded, document.format, texts
    loaded = sd.load(path, **how)
    data, source = contents(path, sd.Limits())
    format, _ = recognised(data, source=source)
    return loaded, format, {name: _equations_of(loaded[name], format) for name in loaded.names()}


def _equations_of(variable: Any, format: str) -> str:
    from sdtheory.model.expression import Table, to_text
    from sdtheory.model.printing import points_text

    texts = []
    for equation in variable.equations:
        tree, initial = equation.expression, equation.initial
        if isinstance(tree, Table):
            texts.append(f"({points_text(tree)})")
        elif initial is None:
            texts.append(to_text(tree, format))
        elif format == "xmile":
            texts.append(to_text(initial, format))
        else:
            texts.append(f"INTEG({to_text(tree)}, {to_text(initial)})")
    return "; ".join(texts)


def _settings_of(pairs: tuple[str, ...]) -> dict[str, float]:
    found = {}
    for pair in pairs:
        name, _, value = pair.rpartition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            raise UsageError(
                f"--set {pair}: '{value}' is not a number", remedy="write --set NAME=NUMBER"
            ) from None
        if not name.strip():
            raise UsageError(f"--set {pair} names no variable", remedy="write --set NAME=NUMBER")
    return found


@click.command()
@MODEL
@loads
@click.option(
    "--set", "changes", multiple=True, metavar="NAME=VALUE", help="Change a constant or an initial value."
)
@click.option("--engine", default="auto", help="auto, compiled, compiled-exact, vectorised or reference.")
@click.option("--method", default=None, help="euler or rk4.")
@click.option("--stop", type=float, default=None, help="Time at which to stop.")
@click.option("-o", "--output", type=click.Path(), default=None, help="Write all variables to a CSV file.")
def run(
    model: str,
    how: dict[str, Any],
    changes: tuple[str, ...],
    engine: str,
    method: str | None,
    stop: float | None,
    output: str | None,
):
    """Run MODEL once; without -o a table of the stocks."""
    loaded = sd.load(model, **how)
    frame = sd.simulate(loaded, _settings_of(changes), engine=engine, method=method, stop=stop)
    if output:
        try:
            write_csv(frame, output)
        except OSError as error:
            raise UsageError(f"cannot write '{output}': {error.strerror}") from None
        echo(f"{len(frame)} rows of {len(frame.columns)} variables written to {output}", err=True)
        return
    stocks = {variable.name for variable in loaded if variable.kind == "stock"}
    wanted = [column for column in frame.columns if column.partition("[")[0] in stocks] or list(frame.columns)
    stride = max(1, (len(frame) - 1) // 20)
    rows = [[f"{time:g}", *(f"{value:.6g}" for value in row)] for time, row in
            zip(frame.index[::stride], frame[wanted].to_numpy()[::stride], strict=True)]  # fmt: skip
    print_table(f"{loaded.name} ({frame.attrs['engine']} engine)", ["time", *wanted], rows)


def graph_of(loaded: Any) -> Any:
    """The causal graph with signs that equations leave open taken from the model's own run."""
    try:
        return sd.causal_graph(loaded, sd.simulate(loaded))
    except sd.SDError as error:
        echo(f"warning: signs come from the equations alone: {error}", err=True)
        return sd.causal_graph(loaded)


@click.command()
@MODEL
@loads
@click.option("--through", multiple=True, metavar="NAME", help="Only loops through all these variables.")
@click.option("--independent", is_flag=True, help="Only the shortest independent loop set.")
@click.option("--names", type=click.Path(), default=None, help="An experiment file that names loops.")
@JSON
def loops(
    model: str,
    how: dict[str, Any],
    through: tuple[str, ...],
    independent: bool,
    names: str | None,
    as_json: bool,
) -> None:
    """Feedback loops of MODEL: id, polarity, name, variables."""
    graph = graph_of(sd.load(model, **how))
    given = loop_names(model, names, how)
    found = (
        sd.independent_loops(graph, names=given)
        if independent
        else sd.find_loops(graph, through=through, names=given)
    )
    rows: list[dict[str, Any]] = [
        {
            "id": loop.id,
            "name": loop.name,
            "polarity": loop.polarity,
            "variables": list(loop.variables),
            "share": None,
        }
        for loop in found
    ]
    if as_json:
        echo_json({"loops": rows, "complete": found.complete})
        return
    if not rows:
        echo("no feedback loops: no path leads from any variable back to itself")
        return
    table = [[row["id"], row["polarity"], row["name"], " -> ".join(row["variables"])] for row in rows]
    print_table(f"{len(rows)} loops", ["id", "polarity", "name", "variables"], table)
    if not found.complete:
        echo(f"at least {len(rows)} loops: the search was stopped by its limit", err=True)


def loop_names(model: str, names: str | None, how: dict[str, Any]) -> Any:
    """Loop names of an experiment file: the one given, else the one beside the model with its name.

    Beside a model that is not trusted, a file is no more trusted, and is left unread.
    """
    from pathlib import Path

    beside = Path(model).with_suffix(".toml")
    if names is None and (how["isolation"] is not None or not beside.is_file()):
        return ()
    return sd.Experiment.read(names or beside).loops


@click.command()
@MODEL
@loads
@click.argument("out", type=click.Path())
@click.option("--highlight", default=None, metavar="LOOP", help="Id or name of a loop.")
@click.option("--names", type=click.Path(), default=None, help="An experiment file that names loops.")
def draw(model: str, how: dict[str, Any], out: str, highlight: str | None, names: str | None) -> None:
    """Draw the causal-loop diagram of MODEL to OUT (.svg, .pdf or .png)."""
    graph = graph_of(sd.load(model, **how))
    sd.draw(graph, out, highlight=highlight, loop_names=loop_names(model, names, how))
    echo(f"drawn to {out}", err=True)
