"""What policies trade: years against understanding, regret, and whom a boost adds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

import sdtheory as sd
from sdtheory.diagrams.comparison_plots import heatmap_figure
from sdtheory.study.drawing import curves_figure, trade_figure
from sdtheory.study.material import BOOST, Material
from sdtheory.study.pieces import Piece

FOCUS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
HEATED = (
    "gap after 10 years", "gap after 30 years", "safety gap after 10 years", "safety gap after 30 years",
    "opaque share after 10 years", "gap at C*", "safety gap at C*", "time to C*",
)  # fmt: skip


def trades(comparison: Any, policy: str = BOOST) -> pd.DataFrame:
    """What a policy gains at C* for the years that it takes away, in each future.

    C* is the future's own baseline capability after ten years of policy.

    Parameters
    ----------
    comparison : Comparison
    policy : str

    Returns
    -------
    pandas.DataFrame
        Columns years_lost, narrowed (the gap, in years of growth at the start) and value (their ratio, the
        break-even value of a year), by future; NaN where C* is never reached.
    """
    earlier = -comparison.paired(policy, "time to C*")[0]
    growth = comparison.samples["initial capability growth"].to_numpy()
    narrowed = -comparison.paired(policy, "gap at C*")[0] / growth
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(earlier > 0, narrowed / earlier, np.nan)
    return pd.DataFrame({"years_lost": earlier, "narrowed": narrowed, "value": value})


def trade_piece(material: Material) -> Piece:
    """Years lost against gap gained at C*, on every rung."""
    tables = {rung: trades(material.comparison(rung)) for rung in material.rungs}
    finite = {rung: table[np.isfinite(table["value"])] for rung, table in tables.items()}
    shown = {
        rung: (table["years_lost"].to_numpy(), table["narrowed"].to_numpy())
        for rung, table in finite.items()
        if len(table)
    }
    figure = trade_figure(
        shown, "What a year sooner buys: gap narrowed when C* is reached", f"{material.note()}; "
        "C* is a future's own baseline capability after 10 years; axes end at the 99th percentile",
    )  # fmt: skip
    medians = ", ".join(f"{rung} {table['value'].median():.1f}" for rung, table in finite.items())
    lines = [
        "With more theorists a level of capability is reached sooner and better understood. The break-even value "
        "of a year is the gap narrowed at C* over the years lost, in units of the growth at the start: above it, "
        f"a year of waiting is worth more than the understanding gained. Medians: {medians}."
    ]
    counts = [f"{rung} {len(table)}" for rung, table in finite.items() if len(table) < material.runs]
    if counts:
        lines.append(f"Futures in which it is finite: {', '.join(counts)} of {material.runs}.")
    table = pd.concat(
        [t.assign(rung=rung, future=range(len(t))) for rung, t in tables.items()], ignore_index=True
    )
    return Piece(
        "What a year sooner buys", lines, {"05_trade": figure},
        {"05_trade": table[["rung", "future", "years_lost", "narrowed", "value"]]},
    )  # fmt: skip


def heatmap_piece(material: Material) -> Piece:
    """Every policy on the finest rung: share worse, median change, regret."""
    rung = material.rungs[-1]
    comparison = material.comparison(rung)
    changes = material.ladder.verdicts().set_index(["policy", "metric", "rung"])
    regret = comparison.regret().set_index(["policy", "metric"])["mean"]
    speed = {metric.name: metric.rewards_speed for metric in comparison.metrics}
    rows, shares, texts = [], [], []
    for policy in comparison.policies[1:]:
        line = [changes.loc[(policy, metric, rung)] for metric in HEATED]
        shares.append([cell["worse"] for cell in line])
        texts.append(
            [
                f"{100 * cell['worse']:.0f} %\n{cell['median_change']:+.2g}\n({regret[policy, metric]:.2g})"
                for cell, metric in zip(line, HEATED, strict=True)
            ]
        )
        rows += [
            {"policy": policy, "metric": metric, "worse": cell["worse"], "median_change": cell["median_change"],
             "mean_regret": regret[policy, metric]}
            for cell, metric in zip(line, HEATED, strict=True)
        ]  # fmt: skip
    names = [f"{metric} !" if speed[metric] else metric for metric in HEATED]
    figure = heatmap_figure(
        np.array(shares), texts, list(comparison.policies[1:]), names,
        title=f"Policies on {rung}: share of futures worse, median change, (mean regret)",
        caption=f"{material.note()}; regret: what is lost to the best policy of each future; "
        "! can improve only because a level is reached sooner or later",
    )  # fmt: skip
    return Piece("Every policy", (), {"09_policy_heatmap": figure}, {"09_policy_heatmap": pd.DataFrame(rows)})


def spectrum_piece(material: Material) -> Piece:
    """The same theory labour added, by people from all over the spectrum or by near-pure theorists."""
    chosen = [rung for rung in material.rungs if "boost focus" in material.models[rung]]
    policies = tuple(
        sd.Policy(f"focus {focus:g}", set={"theorist boost": 0.5, "boost focus": focus}) for focus in FOCUS
    )
    experiment = replace(material.read.experiment, policies=policies)
    found = material.compared(replace(material.read, experiment=experiment, switches=()), material.runs)
    rows = []
    for rung in chosen:
        comparison = found.comparisons[rung]
        for focus, policy in zip(FOCUS, policies, strict=True):
            row = {"rung": rung, "focus": focus}
            for metric in ("gap after 10 years", "safety gap after 10 years"):
                signs = comparison.paired(policy.name, metric)[1]
                row[metric] = float((signs[np.isfinite(signs)] == -1).mean())
            lost = trades(comparison, policy.name)["years_lost"]
            rows.append({**row, "years_lost": float(lost.median())})
    table = pd.DataFrame(rows)
    by_rung = {rung: table[table["rung"] == rung] for rung in chosen}
    worse = {
        f"{rung}: {metric}": 100 * own[metric].to_numpy()
        for rung, own in by_rung.items()
        for metric in ("gap after 10 years", "safety gap after 10 years")
    }
    figure = curves_figure(
        FOCUS,
        [
            ("share of futures worse (%)", worse),
            (
                "median years lost before C*",
                {rung: own["years_lost"].to_numpy() for rung, own in by_rung.items()},
            ),
        ],
        "boost focus",
        "Whom to hire: the same theory labour by other people",
        f"{material.note()}; low focus: everyone who does some theory, high: near-pure theorists",
    )
    ends = [
        f"{rung} from {100 * own['gap after 10 years'].iloc[0]:.1f} to {100 * own['gap after 10 years'].iloc[-1]:.1f} %"
        for rung, own in by_rung.items()
    ]
    lines = [
        "The share of futures in which the gap is wider after ten years, from a boost of everyone who does some "
        f"theory (focus {FOCUS[0]:g}) to one of near-pure theorists (focus {FOCUS[-1]:g}): {'; '.join(ends)}. "
        "People in between bring experiments along with their theory."
    ]
    return Piece("Whom to hire", lines, {"10_spectrum_curve": figure}, {"10_spectrum_curve": table})
