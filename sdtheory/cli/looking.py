"""Commands that look at one model: info, run, loops, draw."""

from __future__ import annotations

import json
from typing import Any

import click

import sdtheory as sd
from sdtheory.errors import UsageError

MODEL = click.argument("model", type=click.Path())
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")


def echo_json(value: Any) -> None:
    """Print strict JSON on standard output."""
    click.echo(json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False))


def print_table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    """A table on the terminal; text of a model file is never read as markup."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), title_justify="left")
    for i, column in enumerate(columns):
        table.add_column(Text(column), justify="left" if i == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console(width=None if _terminal() else 200).print(table)


def _terminal() -> bool:
    import sys

    return sys.stdout.isatty()


@click.command()
@MODEL
@JSON
def info(model: str, as_json: bool) -> None:
    """Stocks, flows, equations, units and settings of MODEL."""
    from sdtheory.model.expression import Number, to_text
    from sdtheory.model.printing import number_text

    document = sd.read(model)
    loaded = sd.load(document)
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
        entry = document.variables.get(name)
        rows.append(
            {
                "name": variable.name,
                "kind": variable.kind,
                "units": variable.units,
                "equation": "; ".join(block.equation for block in entry.blocks) if entry else "",
                "documentation": variable.documentation,
            }
        )
    if as_json:
        echo_json({"name": loaded.name, "format": document.format, "settings": named, "variables": rows})
        return
    words = ", ".join(
        f"{k} {number_text(v) if isinstance(v, float) else v}" for k, v in named.items() if v != ""
    )
    click.echo(f"{loaded.name} ({document.format}): {words}")
    columns = ["name", "kind", "units", "equation"]
    print_table("", columns, [[" ".join(str(row[column]).split()) for column in columns] for row in rows])


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
@click.option(
    "--set", "changes", multiple=True, metavar="NAME=VALUE", help="Change a constant or an initial value."
)
@click.option("--engine", default="auto", help="auto, compiled, compiled-exact, vectorised or reference.")
@click.option("--method", default=None, help="euler or rk4.")
@click.option("--stop", type=float, default=None, help="Time at which to stop.")
@click.option("-o", "--output", type=click.Path(), default=None, help="Write all variables to a CSV file.")
def run(
    model: str,
    changes: tuple[str, ...],
    engine: str,
    method: str | None,
    stop: float | None,
    output: str | None,
):
    """Run MODEL once; without -o a table of the stocks."""
    loaded = sd.load(model)
    frame = sd.simulate(loaded, _settings_of(changes), engine=engine, method=method, stop=stop)
    if output:
        try:
            frame.to_csv(output)
        except OSError as error:
            raise UsageError(f"cannot write '{output}': {error.strerror}") from None
        click.echo(f"{len(frame)} rows of {len(frame.columns)} variables written to {output}", err=True)
        return
    stocks = {variable.name for variable in loaded if variable.kind == "stock"}
    shown = [column for column in frame.columns if column.partition("[")[0] in stocks] or list(frame.columns)
    stride = max(1, (len(frame) - 1) // 20)
    rows = [[f"{time:g}", *(f"{value:.6g}" for value in row)] for time, row in
            zip(frame.index[::stride], frame[shown].to_numpy()[::stride], strict=True)]  # fmt: skip
    print_table(f"{loaded.name} ({frame.attrs['engine']} engine)", ["time", *shown], rows)


def run_of(loaded: Any) -> Any:
    """The model's own run, which settles signs that its equations leave open; None when it cannot be run."""
    try:
        return sd.simulate(loaded)
    except sd.SDError as error:
        click.echo(f"warning: signs come from the equations alone: {error}", err=True)
        return None


def graph_of(loaded: Any) -> Any:
    """The causal graph with signs that equations leave open taken from the model's own run."""
    return sd.causal_graph(loaded, run_of(loaded))


@click.command()
@MODEL
@click.option("--through", multiple=True, metavar="NAME", help="Only loops through all these variables.")
@click.option("--independent", is_flag=True, help="Only the shortest independent loop set.")
@click.option("--names", type=click.Path(), default=None, help="An experiment file that names loops.")
@JSON
def loops(model: str, through: tuple[str, ...], independent: bool, names: str | None, as_json: bool) -> None:
    """Feedback loops of MODEL: id, polarity, name, variables."""
    graph = graph_of(sd.load(model))
    given = loop_names(model, names)
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
        click.echo("no feedback loops: no path leads from any variable back to itself")
        return
    table = [[row["id"], row["polarity"], row["name"], " -> ".join(row["variables"])] for row in rows]
    print_table(f"{len(rows)} loops", ["id", "polarity", "name", "variables"], table)
    if not found.complete:
        click.echo(f"at least {len(rows)} loops: the search was stopped by its limit", err=True)


def loop_names(model: str, names: str | None) -> Any:
    """Loop names of an experiment file: the one given, else the one beside the model with its name."""
    from pathlib import Path

    beside = Path(model).with_suffix(".toml")
    if names is None and not beside.is_file():
        return ()
    return sd.Experiment.read(names or beside).loops


@click.command()
@MODEL
@click.argument("out", type=click.Path())
@click.option("--view", default="causal", metavar="VIEW", help="causal, or stock-flow.")
@click.option("--highlight", multiple=True, metavar="LOOP", help="Id or name of a loop; may be repeated.")
@click.option("--layout", default=None, metavar="loops", help="loops: new places, the first loop as a ring.")
@click.option("--names", type=click.Path(), default=None, help="An experiment file that names loops.")
def draw(
    model: str, out: str, view: str, highlight: tuple[str, ...], layout: str | None, names: str | None
) -> None:
    """Draw MODEL to OUT, or write its causal graph for another program.

    Pictures are .svg, .pdf, .png and .tex; graphs .dot, .graphml, .gexf, .cyjs, .mmd, .drawio, .kumu.json,
    .loopy and .json; causal diagrams for Vensim and XMILE .mdl and .xmile.
    """
    if view != "causal":
        sd.draw(sd.read(model), out, view=view)
    elif out.lower().endswith((".mdl", ".xmile")):
        sd.draw(graph_of(sd.load(model)), out, loop_names=loop_names(model, names), highlight=highlight)
    else:
        document = sd.read(model)
        options = {"highlight": highlight, "layout": layout, "loop_names": loop_names(model, names)}
        sd.draw(document, out, run=run_of(sd.load(document)), **options)
    click.echo(f"drawn to {out}", err=True)
