"""Run the study: the same futures and policies on every rung, a verdict table, figures and a report."""

from __future__ import annotations

import json
import re
import sysconfig
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import sdtheory as sd
from sdtheory.errors import SDError, UsageError
from sdtheory.tables import write_csv

RUNGS = (("M0", "m0_seed"), ("M1", "m1_delays"))
SETTINGS = ((1.5, 0.2, 20.0), (3.0, 0.2, 20.0), (3.0, 0.2, 5.0), (5.0, 0.1, 10.0))
MATCHED = ("capability", "understood share", "capability growth")
MATCH_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Rung:
    """A rung of the ladder: its model, experiment and comparison."""

    name: str
    model: Any
    experiment: Any
    comparison: Any


def models_folder() -> Path:
    """The folder of the study's models: beside the package in a checkout, else where it was installed."""
    beside = Path(sd.__file__).resolve().parent.parent / "models"
    installed = Path(sysconfig.get_path("data")) / "share" / "sdtheory" / "models"
    for folder in (beside, installed):
        if (folder / f"{RUNGS[0][1]}.xmile").exists():
            return folder
    raise UsageError("the study's models are not found", remedy="run in a checkout, or give --models FOLDER")


def run_study(
    folder: str | Path,
    runs: int | None = None,
    seed: int | None = None,
    models: str | Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> dict:
    """Run every rung, write figures and report into a folder, and give the verdicts.

    Returns
    -------
    dict
        What verdict.json holds.

    Raises
    ------
    UsageError
        When the folder cannot be written or there are no runs.
    SDError
        When a rung does not start where the first one does.
    """
    if runs is not None and runs < 1:
        raise UsageError(f"{runs} runs make no study", remedy="give --runs 1 or more")
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=target).close()  # found out now, not after the runs
    except OSError as error:
        raise UsageError(f"cannot write to '{target}': {error.strerror}") from None
    source = Path(models) if models else models_folder()
    say = progress or (lambda text: None)
    rungs = []
    for name, file in RUNGS:
        say(f"{name}: comparing policies")
        model = sd.load(source / f"{file}.xmile")
        experiment = sd.Experiment.read(source / f"{file}.toml")
        rungs.append(Rung(name, model, experiment, sd.compare(model, experiment, runs=runs, seed=seed)))
    check_matched(rungs)
    verdicts = verdict(rungs)
    say("writing figures")
    write_figures(target, rungs, verdicts)
    text = json.dumps(verdicts, indent=1, allow_nan=False, ensure_ascii=False)
    (target / "verdict.json").write_text(text + "\n", encoding="utf-8")
    (target / "verdict.md").write_text(report(verdicts), encoding="utf-8")
    return verdicts


def check_matched(rungs: list[Rung]) -> None:
    """Every rung must start where the first one does, or their disagreement says nothing about structure."""
    starts = [sd.simulate(rung.model, outputs=MATCHED).iloc[0] for rung in rungs]
    for rung, start in zip(rungs[1:], starts[1:], strict=True):
        for quantity in MATCHED:
            first, own = float(starts[0][quantity]), float(start[quantity])
            if abs(own - first) > MATCH_TOLERANCE * abs(first):
                there = rungs[0].name
                raise SDError(
                    f"{rung.name} does not start where {there} does: {quantity} is {own!r}, not {first!r}"
                )


def verdict(rungs: list[Rung]) -> dict:
    """For each policy, metric and rung: the share of futures worse, and how often the sign is not M0's."""
    from sdtheory.experiments.comparison import wilson

    first = rungs[0]
    policies = list(dict.fromkeys(p for rung in rungs for p in rung.comparison.policies[1:]))
    metrics = list(dict.fromkeys(m.name for rung in rungs for m in rung.experiment.metrics))
    found = []
    for policy in policies:
        rows = []
        for metric in metrics:
            cells: list[dict] = []
            chosen = next(m for rung in rungs for m in rung.experiment.metrics if m.name == metric)
            for rung in rungs:
                if policy not in rung.comparison.policies:
                    cells.append({"rung": rung.name, "worse": None})
                    continue
                difference, signs = rung.comparison.paired(policy, metric)
                counted = np.isfinite(signs)
                total = int(counted.sum())
                worse = int((signs[counted] == -1).sum())
                low, high = wilson(worse, total)
                cell = {
                    "rung": rung.name,
                    "worse": worse / total if total else None,
                    "worse_low": low if total else None,
                    "worse_high": high if total else None,
                    "tie": float((signs[counted] == 0).mean()) if total else None,
                    "median_change": float(np.median(difference[np.isfinite(difference)])) if total else None,
                    "valid": total,
                    "censored": int(len(signs) - total),
                    "disagreement": None,
                }
                if rung is not first and policy in first.comparison.policies:
                    _, reference = first.comparison.paired(policy, metric)
                    both = counted & np.isfinite(reference)
                    if both.any():
                        cell["disagreement"] = float((signs[both] != reference[both]).mean())
                cells.append(cell)
            rows.append(
                {
                    "name": metric,
                    "better": chosen.better,
                    "rewards_speed": chosen.rewards_speed,
                    "cells": cells,
                }
            )
        found.append({"name": policy, "metrics": rows})
    comparison = first.comparison
    names = [rung.name for rung in rungs]
    return {"seed": comparison.seed, "runs": comparison.runs, "rungs": names, "policies": found}


def cell_text(cell: dict, runs: int) -> str:
    """A cell as people read it: ``35.2 [34.2]`` is % worse [% whose sign differs from the first rung's]."""
    if cell["worse"] is None:
        return "-"
    text = f"{100 * cell['worse']:.1f}"
    if cell.get("disagreement") is not None:
        text += f" [{100 * cell['disagreement']:.1f}]"
    return text if cell["valid"] == runs else f"{text} (n {cell['valid']})"


def write_figures(target: Path, rungs: list[Rung], verdicts: dict) -> None:
    """The study's figures, each with its data as CSV beside it where it has some."""
    import pandas as pd

    from sdtheory.diagrams import save_figure
    from sdtheory.diagrams.plots import better_before_worse_figure, runs_figure, share_matrix_figure

    times, changes = better_before_worse(rungs[0].model)
    for suffix in ("svg", "png"):
        title = "More theorists from year 2 on, M0: better before worse"
        save_figure(
            better_before_worse_figure(times, changes, title), target / f"01_better_before_worse.{suffix}"
        )
    table = pd.DataFrame(changes, index=pd.Index(times, name="time"))
    write_csv(table, target / "01_better_before_worse.csv")
    for rung in rungs:
        write_loops(target, rung, widths=rung is not rungs[0])
    block = verdicts["policies"][0]
    shares = np.array(
        [
            [np.nan if c["worse"] is None else 100 * c["worse"] for c in row["cells"]]
            for row in block["metrics"]
        ]
    )
    rows = [row["name"] + (" !" if row["rewards_speed"] else "") for row in block["metrics"]]
    title = f"{block['name']}: share of futures worse (%)"
    for suffix in ("svg", "png"):
        figure = share_matrix_figure(shares, rows, verdicts["rungs"], title)
        save_figure(figure, target / f"04_verdict_matrix.{suffix}")
    table = pd.DataFrame(shares, index=rows, columns=verdicts["rungs"])
    write_csv(table, target / "04_verdict_matrix.csv")
    base = {}
    for rung in rungs:
        base[f"{rung.name}, baseline"] = sd.simulate(rung.model)
        base[f"{rung.name}, theorists + 50 %"] = sd.simulate(rung.model, {"theorist boost": 0.5})
    variables = ["capability", "understanding", "understanding gap"]
    for suffix in ("svg", "png"):
        save_figure(runs_figure(base, variables, "doublings", "Base runs"), target / f"11_base_runs.{suffix}")


def write_loops(target: Path, rung: Rung, widths: bool) -> None:
    """The causal diagram of a rung, and which loops make its behaviour with and without the boost.

    Parameters
    ----------
    target : Path
    rung : Rung
    widths : bool
        Whether links are as wide as their share of the change.
    """
    import pandas as pd

    from sdtheory.diagrams import save_figure
    from sdtheory.diagrams.plots import dominance_comparison_figure

    names, own = rung.experiment.loops, rung.name.lower()
    graph = sd.causal_graph(rung.model, sd.simulate(rung.model))
    scored = {
        f"{rung.name}, baseline": sd.loop_dominance(rung.model, names=names),
        f"{rung.name}, theorists + 50 %": sd.loop_dominance(rung.model, {"theorist boost": 0.5}, names=names),
    }
    base = next(iter(scored.values()))
    pictures = [target / f"03_causal_loops_{own}.{suffix}" for suffix in ("svg", "png", "pdf")]
    scores = base if widths else None
    sd.draw(graph, pictures, highlight="mission loop", loop_names=names, scores=scores)
    for suffix in ("svg", "png"):
        save_figure(dominance_comparison_figure(scored), target / f"03_loop_dominance_{own}.{suffix}")
    table = pd.concat(list(map(pd.DataFrame, scored.values())), axis=1, keys=list(scored))
    table.columns = [": ".join(pair) for pair in table.columns]
    write_csv(table, target / f"03_loop_dominance_{own}.csv")


def better_before_worse(model: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Change of the gap in M0 over 60 years when theorists are boosted by half, in four settings."""
    changes = {}
    times = np.empty(0)
    for kappa, share, capability in SETTINGS:
        setting = {
            "search leverage": kappa,
            "initial understood share": share,
            "initial capability": capability,
        }
        gap = ["understanding gap"]
        base = sd.simulate(model, setting, stop=60, outputs=gap)
        boosted = sd.simulate(model, {**setting, "theorist boost": 0.5}, stop=60, outputs=gap)
        times = base.index.to_numpy()
        change = (boosted - base)["understanding gap"].to_numpy()
        changes[f"{kappa:g}, {share:g}, {capability:g}"] = change
    return times, changes


def report(verdicts: dict) -> str:
    """The verdicts as a short Markdown report."""
    runs = verdicts["runs"]
    lines = [
        "# Verdicts",
        "",
        f"{runs} futures, seed {verdicts['seed']}, the same for every policy and rung.",
        "A cell is the share of futures (%) in which the policy makes the metric worse; in brackets the share",
        "whose sign differs from M0's. `!` marks a metric that can improve only because a level is reached",
        "sooner or later; `-` means that the policy is not in this rung. Shares are of a box of assumed",
        "priors; they are not probabilities.",
        "",
    ]
    for policy in verdicts["policies"]:
        lines += [f"## {_markdown(policy['name'])}", "", "| metric | " + " | ".join(verdicts["rungs"]) + " |"]
        lines.append("|" + "---|" * (len(verdicts["rungs"]) + 1))
        for row in policy["metrics"]:
            mark = " !" if row["rewards_speed"] else ""
            cells = " | ".join(cell_text(cell, runs) for cell in row["cells"])
            lines.append(f"| {_markdown(row['name'])}{mark} | {cells} |")
        lines += ["", agreement_line(policy), ""]
    lines += [
        "## What would change the answer",
        "",
        "Estimates of how fast ideas and explanations get harder, of the share that is understood today and",
        "of the delay until safety work can use theory. The second rung already turns the first one's sign",
        "in many futures.",
        "",
    ]
    return "\n".join(lines)


def _markdown(text: str) -> str:
    """A name as Markdown text on one line, with no sign that would begin markup."""
    return re.sub(r"[\\`*_{}\[\]<>|~#&$]", r"\\\g<0>", " ".join(text.split()))


def agreement_line(policy: dict) -> str:
    """How often the coarse model's sign is right, over the metrics of a policy."""
    shares = [
        100 * (1 - cell["disagreement"])
        for row in policy["metrics"]
        for cell in row["cells"]
        if cell.get("disagreement") is not None
    ]
    if not shares:
        return "The coarse model does not have this policy."
    return f"Coarse model's sign right in {min(shares):.0f}-{max(shares):.0f} % of futures."
