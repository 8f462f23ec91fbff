"""Commands over many futures: compare and study."""

from __future__ import annotations

import math
import warnings
from typing import Any

import click

import sdtheory as sd
from sdtheory.cli.options import JSON, loads
from sdtheory.cli.output import echo, echo_json, print_table
from sdtheory.cli.progress import Progress, Steps
from sdtheory.errors import SDWarning, UsageError


class _Jobs(click.ParamType):
    """A number of workers, or the address of a cluster."""

    name = "jobs"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if isinstance(value, int) or "://" in value:
            return value
        return click.IntRange(min=1).convert(value, param, ctx)


@click.command()
@click.argument("model", type=click.Path(), required=False)
@click.argument("experiment", type=click.Path(), required=False)
@loads
@click.option(
    "--runs", type=click.IntRange(min=1), default=None, help="Futures, in place of the experiment's."
)
@click.option("--seed", type=click.IntRange(min=0), default=None)
@click.option(
    "--jobs",
    type=_Jobs(),
    default=None,
    metavar="N|ADDRESS",
    help="Workers (default: cores), or a dask scheduler such as tcp://host:8786; results do not depend on it.",
)
@click.option("--against", default="", metavar="NAME", help="Compare with this policy, or 'all' pairs.")
@click.option("--metric", multiple=True, metavar="NAME", help="Show only these metrics.")
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    default=None,
    metavar="FOLDER",
    help="Keep results there while they are made; write tables, plots and a report.",
)
@click.option(
    "--store-form",
    type=click.Choice(["npz", "zarr"]),
    default=None,
    help="How results are kept there: npz, or zarr, which a cluster's workers write themselves.",
)
@click.option("--resume", is_flag=True, help="Go on with the sweep in FOLDER.")
@click.option(
    "--from",
    "source",
    type=click.Path(),
    default=None,
    metavar="FOLDER",
    help="Show the results of a finished or partial sweep again.",
)
@click.option(
    "--allow-bad",
    type=click.FloatRange(0, 1),
    default=0.2,
    show_default=True,
    metavar="SHARE",
    help="End with 1 when a larger share of the runs did not end well.",
)
@click.option(
    "--limit-s",
    type=click.FloatRange(min=0, min_open=True),
    default=None,
    metavar="S",
    help="Seconds that a run may take.",
)
@click.option("--loops", is_flag=True, help="Show how policies move shares between feedback loops.")
@click.option("--quiet", is_flag=True, help="Say nothing about progress.")
@JSON
@click.pass_context
def compare(
    ctx: click.Context,
    model: str | None,
    experiment: str | None,
    source: str | None,
    how: dict[str, Any],
    output: str | None,
    resume: bool,
    against: str,
    metric: tuple[str, ...],
    allow_bad: float,
    loops: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Compare the policies of EXPERIMENT on MODEL, all in the same futures.

    EXPERIMENT is a TOML file, or a Vensim changes file (.cin): one policy in one future, compared by every stock at
    the end.
    """
    if resume and output is None:
        raise UsageError("--resume needs the folder to go on in", remedy="pass -o FOLDER")
    if source is not None:
        if model is not None or output is not None:
            raise UsageError("--from shows what is in a folder", remedy="leave MODEL, EXPERIMENT and -o out")
        for word in ("runs", "seed", "jobs", "limit_s", "store_form"):
            if options[word] is not None:
                option = f"--{word.replace('_', '-')}"
                raise UsageError(
                    f"--from runs nothing, and {option} says how to", remedy=f"leave {option} out"
                )
        result = sd.Comparison.read(source, against)
    elif model is None or experiment is None:
        raise UsageError(
            "MODEL and EXPERIMENT are needed", remedy="or --from FOLDER for results already made"
        )
    else:
        result = _compared(model, experiment, output, resume, against, how, **options)
    shown = [result.metric(name) for name in metric] or result.metrics
    echo(result.summary(), err=True)
    if output and model is not None:
        # a file that is not trusted is not read here
        document = sd.read(model) if how["isolation"] is None else None
        try:
            result.save(output, document)
        except OSError as error:
            raise UsageError(f"cannot write to '{output}': {error.strerror}") from None
        echo(f"tables, plots and report.html written to {output}", err=True)
    if as_json:
        echo_json({**result.to_dict(), **({"loops": result.loops.to_dict()} if loops else {})})
    else:
        _print_tables(result, shown)
        if loops:
            _print_loops(result)
    for text in result.warnings():
        echo(f"warning: {text}", err=True)
    if result.share_not_ok() > allow_bad:
        echo(
            f"error: {100 * result.share_not_ok():.0f} % of the runs did not end well; "
            "pass --allow-bad SHARE to accept it",
            err=True,
        )
        ctx.exit(1)


def _compared(
    model: str,
    experiment: str,
    output: str | None,
    resume: bool,
    against: str,
    how: dict[str, Any],
    quiet: bool,
    **options: Any,
) -> Any:
    read = sd.Experiment.read(experiment)
    loaded = sd.load(model, **how)
    with Progress(quiet) as progress, warnings.catch_warnings():
        # the summary and the warnings of the result say it
        warnings.filterwarnings("ignore", r".*futures? x .* policies:", SDWarning)
        return sd.compare(
            loaded,
            read,
            store=output,
            resume=resume,
            against=against,
            begin=None if quiet else lambda expected: echo(str(expected), err=True),
            progress=progress,
            **options,
        )


def _print_tables(result: Any, shown: Any) -> None:
    differences = result.differences()
    table = result.table().set_index(["policy", "metric"])
    for one in shown:
        rows = differences[differences["metric"] == one.name]
        _print_metric(one, rows, table, result.runs)


def _print_loops(result: Any) -> None:
    frame = result.loop_differences()
    cells = [
        [
            f"{row['policy']} against {row['against']}",
            f"{row['loop']} {row['name']}",
            f"{100 * row['mean_difference']:+.2f} [{100 * row['low']:+.2f}, {100 * row['high']:+.2f}]",
            f"{100 * row['p05']:+.2f} to {100 * row['p95']:+.2f}",
            str(row["valid"]),
        ]
        for row in frame.to_dict("records")
    ]
    title = f"shares of feedback loops, change in points: {frame.attrs['about']}"
    print_table(title, ["policy", "loop", "mean [95 %]", "5-95 % of futures", "futures"], cells)
    for policy in result.loops.policies[1:]:
        echo(result.loops.sentence(policy))


def _interval(row: dict) -> str:
    mean = f"{row['mean_difference']:.4g}"
    return mean if math.isnan(row["low"]) else f"{mean} [{row['low']:.4g}, {row['high']:.4g}]"


def _print_metric(metric: Any, rows: Any, table: Any, runs: int) -> None:
    cells = []
    several = rows["against"].nunique() > 1
    directed = metric.better != "none"
    for row in rows.to_dict("records"):
        name = f"{row['policy']} against {row['against']}" if several else row["policy"]
        cells.append(
            [
                name,
                f"{table.loc[(row['policy'], metric.name), 'median']:.4g}",
                f"{row['median_difference']:.4g}",
                _interval(row),
                *(_shares(row, runs) if directed else ["-"] * 3 + [""]),
            ]
        )
    mark = " !" if metric.rewards_speed else ""
    base = "each other" if several else next(iter(rows["against"]), "the baseline")
    direction = f"{metric.better} is better" if directed else "no direction given"
    title = f"{metric.name}{mark} ({direction}), paired difference to {base}"
    columns = ["policy", "median", "median diff.", "mean diff. [95 %]", "better", "worse", "tie", "counted"]
    print_table(title, columns, cells)


def _shares(row: dict, runs: int) -> list[str]:
    tie = f"{100 * row['probability_tie']:.1f} %"
    return [
        _share(row, "better"),
        _share(row, "worse"),
        tie,
        "" if row["counted"] == runs else _counts(row),
    ]


def _counts(row: dict) -> str:
    why = [
        f"{row[key]} {word}"
        for key, word in (("missing_not_ok", "not ok"), ("missing_censored", "never reached"))
        if row[key]
    ]
    return f"n {row['counted']} ({', '.join(why)})" if why else f"n {row['counted']}"


def _share(row: dict, word: str) -> str:
    low, high = 100 * row[f"{word}_low"], 100 * row[f"{word}_high"]
    return f"{100 * row[f'probability_{word}']:.1f} % [{low:.0f}, {high:.0f}]"


@click.command()
@click.option("-o", "--output", default="figures", type=click.Path(), metavar="FOLDER", show_default=True)
@click.option("--runs", type=int, default=None, help="Futures; 512 when left out.")
@click.option("--seed", type=click.IntRange(min=0), default=None)
@click.option(
    "--jobs", type=click.IntRange(min=1), default=None, help="Threads; results do not depend on it."
)
@click.option("--models", type=click.Path(), default=None, metavar="FOLDER", help="The study's models.")
@click.option("--quiet", is_flag=True, help="Say nothing about progress.")
@JSON
def study(output: str, as_json: bool, quiet: bool, **options: Any) -> None:
    """The theory-gap study: verdict table on the terminal, figures and report in FOLDER.

    A study that was stopped goes on after its last finished step when the same command is given again.
    """
    from sdtheory.study.study import run_study
    from sdtheory.study.verdicts import cell_text

    with Steps(quiet) as progress:
        verdicts = run_study(output, progress=progress, **options)
    if as_json:
        echo_json(verdicts)
        return
    first = verdicts["rungs"][0]
    for policy in verdicts["policies"]:
        rows = [
            [
                row["name"] + (" !" if row["rewards_speed"] else ""),
                *(cell_text(c, verdicts["runs"]) for c in row["cells"]),
            ]
            for row in policy["metrics"]
        ]
        title = f"{policy['name']}: % of futures worse [% sign not {first}'s]"
        print_table(title, ["metric", *verdicts["rungs"]], rows)
        echo(policy["summary"])
    echo("! can improve only because a level is reached sooner or later")
    echo(f"figures and report in {output}", err=True)
