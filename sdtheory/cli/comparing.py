"""Commands over many futures: compare and study."""

from __future__ import annotations

from typing import Any

import click

import sdtheory as sd
from sdtheory.cli.looking import JSON, MODEL, echo_json, print_table, say
from sdtheory.errors import UsageError


def _progress(total: int) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("runs"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    bar.add_task("runs", total=total)
    return bar


@click.command()
@MODEL
@click.argument("experiment", type=click.Path())
@click.option(
    "--runs", type=click.IntRange(min=1), default=None, help="Futures, in place of the experiment's."
)
@click.option("--seed", type=click.IntRange(min=0), default=None)
@click.option(
    "--jobs", type=click.IntRange(min=1), default=None, help="Threads; results do not depend on it."
)
@click.option("--metric", multiple=True, metavar="NAME", help="Show only these metrics.")
@click.option(
    "-o", "--output", type=click.Path(), default=None, metavar="FOLDER", help="Write tables and samples."
)
@JSON
def compare(
    model: str,
    experiment: str,
    runs: int | None,
    seed: int | None,
    jobs: int | None,
    metric: tuple[str, ...],
    output: str | None,
    as_json: bool,
) -> None:
    """Compare the policies of EXPERIMENT on MODEL, all in the same futures."""
    read = sd.Experiment.read(experiment)
    loaded = sd.load(model)
    total = (read.runs if runs is None else runs) * (1 + len(read.policies))
    with _progress(total) as bar:
        result = sd.compare(
            loaded,
            read,
            runs=runs,
            seed=seed,
            jobs=jobs,
            progress=lambda done, all_: bar.update(bar.task_ids[0], completed=done, total=all_),
        )
    say(result.summary(), err=True)
    if output:
        try:
            result.save(output)
        except OSError as error:
            raise UsageError(f"cannot write to '{output}': {error.strerror}") from None
        click.echo(f"tables written to {output}", err=True)
    if as_json:
        echo_json(result.to_dict())
        return
    shown = [result.metric(name) for name in metric] or result.metrics
    differences = result.differences()
    for one in shown:
        _print_metric(one, differences[differences["metric"] == one.name], result.runs)


def _print_metric(metric: Any, rows: Any, runs: int) -> None:
    table = []
    for row in rows.to_dict("records"):
        count = "" if row["counted"] == runs else f"n {row['counted']}"
        table.append(
            [
                row["policy"],
                f"{row['median_difference']:.4g}",
                f"{row['mean_difference']:.4g} [{row['low']:.4g}, {row['high']:.4g}]",
                _share(row, "better"),
                _share(row, "worse"),
                f"{100 * row['probability_tie']:.1f} %",
                count,
            ]
        )
    mark = " !" if metric.rewards_speed else ""
    title = f"{metric.name}{mark} ({metric.better} is better), paired difference to the baseline"
    print_table(title, ["policy", "median", "mean [95 %]", "better", "worse", "tie", "counted"], table)
    if metric.rewards_speed:
        say(f"! '{metric.name}' can improve only because a level is reached sooner or later", err=True)


def _share(row: dict, word: str) -> str:
    low, high = 100 * row[f"{word}_low"], 100 * row[f"{word}_high"]
    return f"{100 * row[f'probability_{word}']:.1f} % [{low:.0f}, {high:.0f}]"


@click.command()
@click.option("-o", "--output", default="figures", type=click.Path(), metavar="FOLDER", show_default=True)
@click.option("--runs", type=int, default=None, help="Futures; 512 when left out.")
@click.option("--seed", type=click.IntRange(min=0), default=None)
@click.option("--models", type=click.Path(), default=None, metavar="FOLDER", help="The study's models.")
@JSON
def study(output: str, runs: int | None, seed: int | None, models: str | None, as_json: bool) -> None:
    """The theory-gap study: verdict table on the terminal, figures and report in FOLDER."""
    from sdtheory.study.study import agreement_line, cell_text, run_study

    verdicts = run_study(output, runs, seed, models, progress=lambda text: say(text, err=True))
    if as_json:
        echo_json(verdicts)
        return
    for policy in verdicts["policies"]:
        rows = [
            [
                row["name"] + (" !" if row["rewards_speed"] else ""),
                *(cell_text(c, verdicts["runs"]) for c in row["cells"]),
            ]
            for row in policy["metrics"]
        ]
        print_table(
            f"{policy['name']}: % of futures worse [% sign not M0's]", ["metric", *verdicts["rungs"]], rows
        )
        say(agreement_line(policy))
    click.echo(f"figures and report in {output}", err=True)
