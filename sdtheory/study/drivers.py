"""What the answer hangs on: the race of two difficulties, drivers, and a box of futures."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

import sdtheory as sd
from sdtheory.errors import SDError, UsageError
from sdtheory.study.criteria import difficulty_race
from sdtheory.study.drawing import drivers_figure, staircase_figure
from sdtheory.study.material import BOOST, Material
from sdtheory.study.pieces import Piece
from sdtheory.study.verdicts import table_lines

EDGES = (-0.2, -0.1, 0.0, 0.1, 0.2, 0.4)
BETA, GAMMA = "difficulty slope", "explanation difficulty slope"
DRIVEN = ("gap after 10 years", "gap after 30 years", "safety gap after 10 years", "safety gap at C*")
FEWEST = 64  # futures that ranks are taken over
SHOWN = 14  # uncertainties in the figure of drivers
SOBOL = 256  # base rows of a Sobol sample
MORE = 4  # times the futures of the ladder, in which a box is looked for
HARM = "gap after 10 years"
EASY = ("gap after 10 years", "gap after 30 years", "safety gap after 10 years")


def race_piece(material: Material) -> Piece:
    """Share worse by how much faster search gets harder than explanation."""
    rows = []
    for rung in material.rungs[1:]:
        comparison = material.comparison(rung)
        race = -difficulty_race(comparison.samples[BETA], comparison.samples[GAMMA])
        signs = comparison.paired(BOOST, HARM)[1]
        for low, high in pairwise(EDGES):
            inside = (race > low) & (race <= high) & np.isfinite(signs)
            worse, total = int((signs[inside] == -1).sum()), int(inside.sum())
            share, half_low, half_high = _share(worse, total)
            rows.append((rung, low, high, share, half_low, half_high, worse, total))
    columns = ["rung", "above", "up_to", "worse", "low", "high", "count", "futures"]
    table = pd.DataFrame(rows, columns=columns)
    bins = [f"{low:g} to {high:g}" for low, high in pairwise(EDGES)]
    shares = {
        rung: 100 * own[["worse", "low", "high"]].to_numpy()
        for rung, own in table.groupby("rung", sort=False)
    }
    figure = staircase_figure(
        bins, shares, "Gap after 10 years: what gets harder faster, search or explanation?",
        f"{material.note()}; bars are Wilson's 95 % intervals",
    )  # fmt: skip
    body = [
        [rung, *("-" if np.isnan(share) else f"{share:.0f}" for share in own[:, 0])]
        for rung, own in shares.items()
    ]
    lines = [
        "Share of futures (%) in which more theorists leave a wider gap after ten years, by the difficulty slope of "
        "search less that of explanation (1/doubling):",
        "",
        *table_lines(["rung", *bins], body),
        "",
        *_never_harder(material),
    ]
    return Piece(
        "Which gets harder faster?", lines, {"06_beta_minus_gamma": figure}, {"06_beta_minus_gamma": table}
    )


def _never_harder(material: Material) -> list[str]:
    """The same futures, but explanation never gets harder."""
    experiment = material.read.experiment
    still = replace(
        experiment,
        policies=tuple(policy for policy in experiment.policies if policy.name == BOOST),
        uncertainties=tuple(
            replace(one, distribution="constant", parameters={"value": 0.0}) if one.name == GAMMA else one
            for one in experiment.uncertainties
        ),
    )
    found = material.compared(replace(material.read, experiment=still, switches=()), material.runs)
    key = ["metric", "rung"]
    before, after = (
        table[table["policy"] == BOOST].set_index(key)["worse"]
        for table in (material.ladder.verdicts(), found.verdicts())
    )
    rows = [
        [
            metric,
            *(
                f"{100 * after[metric, rung]:.1f} ({100 * before[metric, rung]:.1f})"
                for rung in material.rungs
            ),
        ]
        for metric in EASY
    ]
    return [
        "The same futures where explanation never gets harder, and in brackets where it does (%):",
        "",
        *table_lines(["metric", *material.rungs], rows),
    ]


def _share(count: int, total: int) -> tuple[float, float, float]:
    """A share with Wilson's interval."""
    from scipy.stats import binomtest

    if not total:
        return np.nan, np.nan, np.nan
    bounds = binomtest(count, total).proportion_ci(method="wilson")
    return count / total, float(bounds.low), float(bounds.high)


def drivers_piece(material: Material) -> Piece:
    """Rank correlations and, where SALib is installed, Sobol indices of what the boost changes."""
    rung = material.rungs[-1]
    model, experiment = material.models[rung], material.comparison(rung).experiment
    how: dict[str, Any] = {"of": "difference", "policy": BOOST, "seed": material.seed, "jobs": material.jobs}
    tables, missing = [], ""
    runs = max(material.runs, FEWEST)
    for metric in DRIVEN:
        found = sd.sensitivity(model, experiment, method="rank", metric=metric, runs=runs, **how)
        own = found.table().set_index("parameter")
        try:
            sobol = sd.sensitivity(model, experiment, method="sobol", metric=metric, runs=SOBOL, **how)
            own = own.join(sobol.table().set_index("parameter"))
        except UsageError as error:  # an extra that is not installed
            missing = str(error)
        tables.append(own.reset_index().assign(metric=metric))
    table = pd.concat(tables, ignore_index=True)
    table = table[["metric", *(name for name in table if name != "metric")]]
    ranks = table.pivot_table(index="parameter", columns="metric", values="prcc", sort=False)[list(DRIVEN)]
    order = ranks.abs().max(axis=1).sort_values(ascending=False, kind="stable").index[:SHOWN]
    totals = None
    if "ST" in table:
        wide = table.pivot_table(index="parameter", columns="metric", values="ST", sort=False)
        totals = wide.loc[order, list(DRIVEN)].to_numpy()
    caption = f"{runs:,} futures, seed {material.seed}; {missing or f'Sobol indices from {SOBOL} base rows'}"
    figure = drivers_figure(list(order), DRIVEN, ranks.loc[order].to_numpy(), totals, caption)
    strongest = ", ".join(
        f"{name} ({ranks.loc[name, HARM]:+.2f})" for name in ranks[HARM].abs().nlargest(4).index
    )
    lines = [
        f"Partial rank correlation with the change of the {HARM} in {rung}, the four strongest: {strongest}."
    ]
    if missing:
        lines.append(f"No Sobol indices: {missing}.")
    return Piece("What drives the change", lines, {"07_drivers": figure}, {"07_drivers": table})


def box_piece(material: Material) -> Piece:
    """A box of futures in which more theorists do harm, found by PRIM in a larger sample of futures."""
    policies = tuple(policy for policy in material.read.experiment.policies if policy.name == BOOST)
    experiment = replace(material.read.experiment, policies=policies)
    runs = MORE * material.runs
    found = material.compared(replace(material.read, experiment=experiment, switches=()), runs)
    figures, tables, lines = {}, {}, []
    drawn = [u.name for u in experiment.uncertainties]
    for place, rung in enumerate(material.rungs[:2:-1]):
        comparison = found.comparisons[rung]
        names = [name for name in comparison.samples if name in drawn]
        stem = "08_scenario_box" + ("" if place == 0 else f"_{rung.lower()}")
        try:
            box: Any = sd.discover(comparison, HARM, policy=BOOST, dimensions=names)
        except SDError as error:  # too few cases, or no other
            lines.append(f"- {rung}: {error}.")
            continue
        if not box.boxes:
            lines.append(f"- {rung}: no box.")
            continue
        figures[stem] = box.plot()
        title = f"{rung}, {BOOST}, {HARM}, {runs:,} futures:\n{box.sentences()[0]}"
        figures[stem].suptitle(title, fontsize=9, wrap=True)
        tables[stem] = box.table()
        tables[f"{stem}_trajectory"] = box.boxes[0].trajectory
        lines.append(f"- {rung}, {runs:,} futures: {box.sentences()[0]}.")
    return Piece("In which futures", lines, figures, tables)
