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


def run_of(loaded: Any) -> Any:
    """The model's own run, which settles signs that its equations leave open; None when it cannot be run."""
    try:
        return sd.simulate(loaded)
    except sd.SDError as error:
        echo(f"warning: signs come from the equations alone: {error}", err=True)
        return None


def graph_of(loaded: Any, expand: str | None = None) -> Any:
    """The causal graph with signs that equations leave open taken from the model's own run."""
    return sd.causal_graph(loaded, run_of(loaded), expand=expand)


@click.command()
@MODEL
@loads
@click.option("--dominance", is_flag=True, help="Score loops along the model's run: shares and periods.")
@click.option("--through", multiple=True, metavar="NAME", help="Only loops through all these variables.")
@click.option("--independent", is_flag=True, help="Only the shortest independent loop set.")
@click.option("--names", type=click.Path(), default=None, help="An experiment file that names loops.")
@JSON
def loops(
    model: str,
    how: dict[str, Any],
    dominance: bool,
    through: tuple[str, ...],
    independent: bool,
    names: str | None,
    as_json: bool,
) -> None:
    """Feedback loops of MODEL: id, polarity, name, variables."""
    loaded = sd.load(model, **how)
    graph = graph_of(loaded, "elements" if dominance else None)
    given = loop_names(model, names, how)
    found: Any = (
        sd.independent_loops(graph, names=given)
        if independent
        else sd.find_loops(graph, through=through, names=given)
    )
    scored: Any = None
    if dominance:
        scored = sd.loop_dominance(loaded, names=given, graph=graph)
        kept = {loop.variables for loop in found} if independent or through else None
        found = type(found)(
            [loop for loop in scored.loops if kept is None or loop.variables in kept], scored.loops.complete
        )
    elif not found.complete and not as_json:
        message = f"{found.message}; these are the shortest independent ones"
        found = type(found)(sd.independent_loops(graph, names=given), complete=False)
        echo(message, err=True)
    shares = {} if scored is None else scored.summary["share"].to_dict()
    if as_json:
        rows = [
            {
                "id": loop.id,
                "name": loop.name,
                "polarity": loop.polarity,
                "variables": list(loop.variables),
                "share": shares.get(loop.id),
            }
            for loop in found
        ]
        echo_json({"loops": rows, "complete": found.complete, **({} if scored is None else _periods(scored))})
    elif not found:
        echo(found.message)
    else:
        _print_loops(found, shares)
        if scored is not None:
            _print_periods(scored)


def _print_loops(found: Any, shares: dict[str, float]) -> None:
    columns = ["id", "polarity", "name", *(["share"] if shares else []), "variables"]
    rows = []
    for loop in found:
        share = [f"{shares[loop.id]:.1%}"] if shares else []
        rows.append([loop.id, loop.polarity, loop.name, *share, " -> ".join(loop.variables)])
    print_table(f"{len(rows)} loops", columns, rows)


def _periods(scored: Any) -> dict[str, Any]:
    """Dominant periods and messages as plain values."""
    words = ("partition", "start", "stop", "loops", "polarity", "share", "brief")
    rows = scored.dominant_periods[list(words)].to_dict("records")
    return {
        "dominant_periods": [{**row, "loops": list(row["loops"])} for row in rows],
        "messages": list(scored.messages),
    }


def _print_periods(scored: Any) -> None:
    name = scored.summary["name"].to_dict()
    rows = [
        [
            f"{row.start:g} to {row.stop:g}",
            row.polarity + (" (brief)" if row.brief else ""),
            ", ".join(f"{one} {name[one]}" for one in row.loops),
            f"{row.share:.1%}",
        ]
        for row in scored.dominant_periods.itertuples()
    ]
    if rows:
        print_table("dominant loops", ["time", "polarity", "loops", "share of the change"], rows)
    for message in scored.messages:
        echo(message, err=True)


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
@click.option("--view", default="causal", metavar="VIEW", help="causal, or stock-flow.")
@click.option("--highlight", multiple=True, metavar="LOOP", help="Id or name of a loop; may be repeated.")
@click.option("--layout", default=None, metavar="loops", help="loops: new places, the first loop as a ring.")
@click.option("--names", type=click.Path(), default=None, help="An experiment file that names loops.")
def draw(
    model: str,
    how: dict[str, Any],
    out: str,
    view: str,
    highlight: tuple[str, ...],
    layout: str | None,
    names: str | None,
) -> None:
    """Draw MODEL to OUT, or write its causal graph for another program.

    Pictures are .svg, .pdf, .png and .tex; graphs .dot, .graphml, .gexf, .cyjs, .mmd, .drawio, .kumu.json,
    .loopy and .json; causal diagrams for Vensim and XMILE .mdl and .xmile. A model that is read in a process
    of its own, or with data from other folders, is laid out anew. An .html is the editor's page, to be looked at.
    """
    apart = bool(how["isolation"] or how["data_folders"])
    if out.lower().endswith(".html"):
        _draw_page(model, out, apart)
        return
    document = None if apart else sd.read(model)
    loaded = sd.load(document or model, **how)
    if view != "causal":
        sd.draw(document or loaded, out, view=view)
    elif apart or out.lower().endswith((".mdl", ".xmile")):
        given = loop_names(model, names, how)
        sd.draw(graph_of(loaded), out, highlight=highlight, layout=layout, loop_names=given)
    else:
        options = {"highlight": highlight, "layout": layout, "loop_names": loop_names(model, names, how)}
        sd.draw(document, out, run=run_of(loaded), **options)
    echo(f"drawn to {out}", err=True)


def _draw_page(model: str, out: str, apart: bool) -> None:
    """The editor's page with all views, a run and loops, in a file that needs nothing else."""
    from pathlib import Path

    from sdtheory.editor.exporting import page

    if apart:
        raise UsageError(
            "an .html page is made of a model read as it is", remedy="leave out --isolation and --data-folder"
        )
    Path(out).write_text(page(sd.read(model)), encoding="utf-8", newline="\n")
    echo(f"drawn to {out}", err=True)
