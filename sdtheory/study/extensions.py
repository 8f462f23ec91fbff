"""The optional models: three extensions of the finest rung, and two labs that share a frontier."""

from __future__ import annotations

from typing import Any

import pandas as pd

import sdtheory as sd
from sdtheory.study.material import BOOST, Material
from sdtheory.study.pieces import Piece
from sdtheory.study.verdicts import SWITCHED, cell_text, markdown, table_lines, verdicts

METRICS = (
    "gap after 10 years", "gap after 30 years", "safety gap after 10 years", "safety gap after 30 years", "gap at C*",
    "safety gap at C*",
)  # fmt: skip
COLUMNS = ["model", "policy", "metric", "worse", "worse_low", "worse_high", "tie", "median_change", "valid"]
ON = "only this on"
NOTE = (
    "Per cent of futures worse, in futures of their own, because the extensions add ranges; in brackets per cent whose "
    "sign differs from {first}'s."
)


def extensions_piece(material: Material) -> Piece:
    """What the optional models say of the same policies and of those that only they have."""
    parts = [_extended(material), _two_labs(material)]
    lines = [line for own, _ in parts for line in own]
    rows = [row for _, own in parts for row in own]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return Piece("Optional models", lines, tables={"13_optional_models": table})


def _extended(material: Material) -> tuple[list[str], list[dict[str, Any]]]:
    """The finest rung and its extensions, each extension switched on alone too."""
    read = sd.Ladder.read(material.folder / "extensions.toml")
    ladder = material.compared(read, material.runs)
    found = verdicts(ladder)
    shown = list(ladder.rungs[-2:])
    body, rows = [], []
    for policy in found["policies"]:
        for row in policy["metrics"]:
            if row["name"] not in METRICS:
                continue
            cells = {cell["rung"]: cell for cell in row["cells"]}
            texts = [cell_text(cells[rung], ladder.runs) for rung in shown]
            body.append([markdown(policy["name"]), markdown(row["name"]), *texts])
            rows += [
                {**cells[rung], "model": rung, "policy": policy["name"], "metric": row["name"]}
                for rung in shown
                if cells[rung]["worse"] is not None
            ]
    switched = ladder.attribution()
    own = switched[(switched["policy"] == BOOST) & switched["metric"].isin(SWITCHED)]
    worse = own.set_index(["mode", "part", "metric"])["worse"].mul(100)
    parts = [part for part in dict.fromkeys(own["part"]) if part]
    alone = "; ".join(
        f"{part} {' and '.join(f'{worse[ON, part, metric]:.1f}' for metric in SWITCHED)}" for part in parts
    )
    off = ", ".join(f"{worse['all off', '', metric]:.1f}" for metric in SWITCHED)
    lines = [
        NOTE.replace("{first}", ladder.rungs[0]),
        "",
        *table_lines(["policy", "metric", *shown], body),
        "",
        f"More theorists, per cent of futures worse ({' and '.join(SWITCHED)}): without extensions {off}; with one "
        f"alone, {alone}.",
        "",
    ]
    return lines, rows


def _two_labs(material: Material) -> tuple[list[str], list[dict[str, Any]]]:
    """Policies of one of two labs, or of both."""
    experiment = sd.Experiment.read(material.folder / "m5_two_labs.toml")
    model = sd.load(material.folder / experiment.model)
    comparison = sd.compare(model, experiment, runs=material.runs, seed=material.seed, jobs=material.jobs)
    differences = comparison.differences()
    rows = [
        {
            "model": "two labs",
            "policy": row["policy"],
            "metric": row["metric"],
            "worse": row["probability_worse"],
            "worse_low": row["worse_low"],
            "worse_high": row["worse_high"],
            "tie": row["probability_tie"],
            "median_change": row["median_difference"],
            "valid": row["counted"],
        }
        for row in differences.to_dict("records")
    ]
    by_cell = differences.set_index(["policy", "metric"])["probability_worse"].mul(100)
    metrics = [metric.name for metric in comparison.metrics]
    body = [
        [markdown(policy), *(f"{by_cell[policy, metric]:.1f}" for metric in metrics)]
        for policy in comparison.policies[1:]
    ]
    lines = [
        "Two labs on a branch of M1, each of which reads its own theory and what the other publishes; safety work "
        "reads what is published. Per cent of futures worse:",
        "",
        *table_lines(["policy", *map(markdown, metrics)], body),
    ]
    return lines, rows
