"""Commands that analyse: sensitivity, discover, threshold-map, crossovers, optimise, calibrate, ladder."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

import sdtheory as sd
from sdtheory.cli.options import JSON, MODEL, loads
from sdtheory.cli.output import echo, echo_json, print_table
from sdtheory.errors import SDError

EXPERIMENT = click.argument("experiment", type=click.Path())
RUNS = click.option(
    "--runs", type=click.IntRange(min=1), default=None, help="Futures, in place of the experiment's."
)
SEED = click.option("--seed", type=click.IntRange(min=0), default=None)
JOBS = click.option(
    "--jobs", type=click.IntRange(min=1), default=None, help="Threads; results do not depend on it."
)
FOLDER = click.option(
    "-o", "--output", type=click.Path(), default=None, metavar="FOLDER", help="Write tables and figures."
)
POLICY = click.option(
    "--policy", default=None, metavar="NAME", help="May be left out when there is only one."
)
METRIC = click.option("--metric", default=None, metavar="NAME", help="The experiment's first when left out.")


class Named(click.ParamType):
    """``NAME=VALUE`` or ``NAME=LOW:HIGH``; an open side of a range may be empty."""

    def __init__(self, numbers: int, may_be_open: bool = False):
        self.numbers, self.may_be_open = numbers, may_be_open
        self.name = "NAME=VALUE" if numbers == 1 else "NAME=LOW:HIGH"

    def convert(self, value: Any, param: Any, context: Any) -> Any:
        if isinstance(value, tuple):
            return value
        name, sign, text = value.rpartition("=")
        try:
            numbers = [self._number(part) for part in text.split(":")]
        except ValueError:
            numbers = []
        if not sign or not name.strip() or len(numbers) != self.numbers:
            self.fail(f"'{value}' is not {self.name}", param, context)
        return (name.strip(), *numbers)

    def _number(self, text: str) -> float | None:
        if self.may_be_open and not text.strip():
            return None
        number = float(text)
        if not math.isfinite(number):
            raise ValueError(text)
        return number


def _say(text: str) -> None:
    echo(text, err=True)


def _ready(folder: str | None) -> None:
    """Find out now, and not after the runs, whether the folder can be written."""
    if folder is None:
        return
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise SDError(f"cannot write to '{folder}': {error.strerror}") from None


def _given(result: Any, folder: str | None, as_json: bool, shown: Callable[[], None]) -> None:
    """Write the result into its folder, and print it."""
    if folder is not None:
        try:
            result.save(folder)
        except OSError as error:
            raise SDError(f"cannot write to '{folder}': {error.strerror}") from None
        _say(f"tables and figures written to {folder}")
    if as_json:
        echo_json(result.to_dict())
    else:
        shown()


def _text(value: Any) -> str:
    if isinstance(value, float):
        return "-" if math.isnan(value) else f"{value:.4g}"
    return str(value)


def _show(title: str, table: Any, columns: Sequence[str] | None = None) -> None:
    names = list(columns or table.columns)
    print_table(title, names, [[_text(row[name]) for name in names] for row in table.to_dict("records")])


@click.command()
@MODEL
@loads
@EXPERIMENT
@click.option("--method", type=click.Choice(["sobol", "morris", "rank"]), default="sobol", show_default=True)
@click.option(
    "--of",
    type=click.Choice(["value", "difference"]),
    default="value",
    show_default=True,
    help="The metric itself, or its paired difference to the baseline.",
)
@POLICY
@METRIC
@click.option(
    "--runs",
    type=click.IntRange(min=1),
    default=None,
    help="Rows of the base sample (sobol), trajectories (morris) or futures (rank).",
)
@SEED
@JOBS
@FOLDER
@JSON
def sensitivity(
    model: str, experiment: str, how: dict[str, Any], output: str | None, as_json: bool, **options: Any
) -> None:
    """Which uncertainties of EXPERIMENT drive a metric of MODEL, or what a policy changes of it."""
    _ready(output)
    read = sd.Experiment.read(experiment)
    found = sd.sensitivity(sd.load(model, **how), read, say=_say, **options)

    def shown() -> None:
        _show(found.title(), found.table())
        steps = found.convergence()
        wide = steps.pivot_table(index="parameter", columns="base", values=found.main, sort=False)
        _show(f"{found.main} by size of the sample", wide.rename(columns=str).reset_index())

    _given(found, output, as_json, shown)


@click.command()
@MODEL
@loads
@EXPERIMENT
@POLICY
@click.option("--metric", required=True, metavar="NAME")
@click.option(
    "--when",
    default="worse",
    show_default=True,
    metavar="worse|better|EXPRESSION",
    help="Which futures to find; an expression of difference, value and baseline.",
)
@click.option("--method", type=click.Choice(["prim", "cart"]), default="prim", show_default=True)
@click.option(
    "--boxes", type=click.IntRange(min=1), default=1, show_default=True, help="How many to look for (prim)."
)
@click.option(
    "--density", type=click.FloatRange(0, 1), default=None, help="Take the first box so dense (prim)."
)
@RUNS
@SEED
@JOBS
@FOLDER
@JSON
def discover(
    model: str,
    experiment: str,
    how: dict[str, Any],
    runs: int | None,
    seed: int | None,
    jobs: int | None,
    output: str | None,
    as_json: bool,
    metric: str,
    **options: Any,
) -> None:
    """In which futures of EXPERIMENT does a policy do harm?"""
    _ready(output)
    read = sd.Experiment.read(experiment)
    comparison = sd.compare(sd.load(model, **how), read, runs=runs, seed=seed, jobs=jobs)
    found = sd.discover(comparison, metric, **options)

    def shown() -> None:
        head, table = found.case.head(), found.table()
        title = f"{head['policy']}, {head['metric']}: {head['cases']} of {head['futures']} futures"
        _show(title, table, [name for name in table if name not in ("low", "high")])
        for sentence in found.sentences():
            echo(sentence)

    _given(found, output, as_json, shown)


@click.command("threshold-map")
@MODEL
@loads
@EXPERIMENT
@click.option("--x", required=True, type=Named(2), help="The quantity of one axis and its ends.")
@click.option("--y", required=True, type=Named(2), help="The other's.")
@POLICY
@METRIC
@click.option("--against", default=None, metavar="NAME", help="The baseline when left out.")
@click.option("--cells", type=click.IntRange(2, 1001), default=41, show_default=True, help="Along each axis.")
@click.option(
    "--fixed", multiple=True, type=Named(1), help="The value of another quantity; may be given again."
)
@click.option(
    "--runs",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Futures in each cell; the map then shows the share worse. 0: none but the model's own values.",
)
@SEED
@JOBS
@FOLDER
@JSON
def threshold_map(
    model: str,
    experiment: str,
    how: dict[str, Any],
    output: str | None,
    as_json: bool,
    fixed: tuple,
    **options: Any,
) -> None:
    """Where in the plane of two quantities a policy turns from better to worse."""
    _ready(output)
    read = sd.Experiment.read(experiment)
    found = sd.threshold_map(sd.load(model, **how), read, fixed=dict(fixed), **options)

    def shown() -> None:
        above = float((found.signed > 0).mean())
        what = "worse in most futures" if found.worse is not None else "above zero"
        echo(
            f"{found.metric}, '{found.policy}' less '{found.against}': {what} in {100 * above:.1f} % of "
            f"{found.signed.size} cells, {found.missing} without a value"
        )
        _show("border, located by bisection", found.contour)

    _given(found, output, as_json, shown)


@click.command()
@MODEL
@loads
@EXPERIMENT
@POLICY
@METRIC
@click.option("--against", default=None, metavar="NAME", help="The baseline when left out.")
@RUNS
@SEED
@JOBS
@FOLDER
@JSON
def crossovers(
    model: str,
    experiment: str,
    how: dict[str, Any],
    policy: str | None,
    metric: str | None,
    against: str | None,
    output: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """When a policy turns from better to worse within a future, or the other way."""
    _ready(output)
    comparison = sd.compare(sd.load(model, **how), sd.Experiment.read(experiment), **options)
    chosen = metric or comparison.metrics[0].name
    found = sd.crossovers(comparison, chosen, policy=policy, against=against)
    _given(found, output, as_json, lambda: _show(found.title(), found.table()))


@click.command()
@MODEL
@loads
@EXPERIMENT
@click.option("--lever", "levers", multiple=True, required=True, type=Named(2), help="May be given again.")
@click.option(
    "--metric", "objective", multiple=True, metavar="NAME", help="The objective; several give a front."
)
@click.option(
    "--constraint",
    "constraints",
    multiple=True,
    type=Named(2, True),
    help="Bounds of a metric; one side may be empty: 'cost=:5'.",
)
@click.option(
    "--robust", type=click.Choice(["mean", "p90", "worst", "regret"]), default="mean", show_default=True
)
@click.option("--method", type=click.Choice(["differential_evolution", "nelder_mead", "nsga2"]), default=None)
@click.option(
    "--policy", default=None, metavar="NAME", help="What the levers are added to; the baseline when left out."
)
@click.option(
    "--evaluations", type=click.IntRange(min=20), default=2000, show_default=True, help="Settings to try."
)
@RUNS
@SEED
@JOBS
@FOLDER
@JSON
def optimise(
    model: str,
    experiment: str,
    how: dict[str, Any],
    output: str | None,
    as_json: bool,
    levers: tuple,
    objective: tuple,
    constraints: tuple,
    **options: Any,
) -> None:
    """Lever settings that make a metric best over the futures of EXPERIMENT, tried again in new futures."""
    _ready(output)
    found = sd.optimise(
        sd.load(model, **how),
        sd.Experiment.read(experiment),
        levers={name: (low, high) for name, low, high in levers},
        objective=list(objective) or None,
        constraints={name: (low, high) for name, low, high in constraints},
        say=_say,
        **options,
    )

    def shown() -> None:
        _show(
            f"{found.robust} over {found.futures} futures, {found.evaluations} settings tried", found.table()
        )

    _given(found, output, as_json, shown)


@click.command()
@MODEL
@loads
@click.argument("data", type=click.Path())
@click.option(
    "--parameter", "parameters", multiple=True, required=True, type=Named(2), help="May be given again."
)
@click.option("--weight", "weights", multiple=True, type=Named(1), help="Of an observed variable.")
@click.option(
    "--error", "errors", multiple=True, type=Named(1), help="Standard deviation of an observed variable."
)
@click.option("--starts", type=click.IntRange(min=1), default=16, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
@JOBS
@FOLDER
@JSON
def calibrate(
    model: str,
    data: str,
    how: dict[str, Any],
    output: str | None,
    as_json: bool,
    parameters: tuple,
    weights: tuple,
    errors: tuple,
    **options: Any,
) -> None:
    """Fit parameters of MODEL to DATA, a CSV file with a column 'time' and one for each observed variable."""
    _ready(output)
    found = sd.calibrate(
        sd.load(model, **how),
        data,
        {name: (low, high) for name, low, high in parameters},
        weights=dict(weights),
        errors=dict(errors),
        say=_say,
        **options,
    )

    def shown() -> None:
        title = f"estimates with 95 % intervals; {found.agreeing} of {len(found.starts)} starts agree"
        _show(title, found.table())
        _show("fit", found.fit)

    _given(found, output, as_json, shown)
    for name, reason in found.reasons.items():
        _say(f"'{name}' is not identifiable: {reason}")


@click.command()
@click.argument("ladder", type=click.Path())
@RUNS
@SEED
@JOBS
@click.option("--unmatched", is_flag=True, help="Go on when rungs do not start alike.")
@FOLDER
@JSON
def ladder(ladder: str, output: str | None, as_json: bool, **options: Any) -> None:
    """One conclusion over models from coarse to fine, as LADDER lists them."""
    _ready(output)
    found = sd.ladder(ladder, say=_say, **options)
    for rung, absent in found.absent.items():
        if absent:
            _say(f"{rung} does not have {', '.join(absent)}")

    def shown() -> None:
        table = found.table()
        for policy in found.policies:
            own = table[table["policy"] == policy]
            _show(
                f"{policy}: % of futures worse [% sign not {found.rungs[0]}'s]", own, ["metric", *found.rungs]
            )
            echo(found.summary(policy))
        for rung, own in found.attribution().groupby("rung", sort=False):
            own = own.assign(part=own["part"].where(own["part"] != "", own["mode"]))
            alone = own[own["mode"] != "only this off"]
            wide = alone.pivot_table(
                index=["policy", "metric"], columns="part", values="disagreement", sort=False
            )
            title = f"{rung}: share of futures whose sign differs, each refinement on alone"
            _show(f"{title} (they need not add up)", wide.reset_index())

    _given(found, output, as_json, shown)
    if not found.is_matched:
        _say("warning: not a matched refinement")


ANALYSES = (sensitivity, discover, threshold_map, crossovers, optimise, calibrate, ladder)
