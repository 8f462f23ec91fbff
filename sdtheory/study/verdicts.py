"""Verdicts: for each policy, metric and rung the share of futures worse, and what turns the coarse sign."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from sdtheory.diagrams.comparison_plots import heatmap_figure
from sdtheory.study.drawing import switches_figure
from sdtheory.study.material import BOOST, EXPERIMENTERS, Material
from sdtheory.study.pieces import Piece

CELL = (
    "rung",
    "worse",
    "worse_low",
    "worse_high",
    "tie",
    "median_change",
    "disagreement",
    "valid",
    "censored",
)
SWITCHED = ("gap after 10 years", "gap after 30 years")
NOTE = (
    "A cell is the share of futures (%) in which the policy makes the metric worse; in brackets the share whose "
    "sign differs from {first}'s. `!` marks a metric that can improve only because a level is reached sooner or "
    "later; `-` means that the policy or the metric is not in this rung; `(n 498)` that not all futures count. "
    "A change below a millionth of the value is a tie. Shares are of a box of assumed priors; they are not "
    "probabilities."
)


def verdicts(ladder: Any) -> dict:
    """What verdict.json holds.

    Parameters
    ----------
    ladder : LadderResult

    Returns
    -------
    dict
        Keys seed, runs, rungs, policies; each policy with its metrics, each metric with a cell for each rung.
    """
    found = ladder.to_dict()
    for policy in found["policies"]:
        for row in policy["metrics"]:
            row["cells"] = [_cell(cell) for cell in row["cells"]]
    return {key: found[key] for key in ("seed", "runs", "rungs", "policies")}


def _cell(cell: Mapping[str, Any]) -> dict[str, Any]:
    if cell["worse"] is None:
        return {"rung": cell["rung"], "worse": None}
    renamed = {**cell, "censored": cell["left_out"]}
    return {key: renamed[key] for key in CELL}


def cell_text(cell: Mapping[str, Any], runs: int) -> str:
    """A cell as people read it: ``35.2 [34.2]`` is % worse [% whose sign differs from the first rung's].

    Examples
    --------
    >>> cell_text({"worse": 0.352, "disagreement": 0.342, "valid": 512}, 512)
    '35.2 [34.2]'
    >>> cell_text({"worse": 0.5, "disagreement": None, "valid": 498}, 512)
    '50.0 (n 498)'
    """
    if cell["worse"] is None:
        return "-"
    text = f"{100 * cell['worse']:.1f}"
    if cell["disagreement"] is not None:
        text += f" [{100 * cell['disagreement']:.1f}]"
    return text if cell["valid"] == runs else f"{text} (n {cell['valid']})"


def markdown(text: str) -> str:
    """A name as Markdown text on one line, with no sign that would begin markup."""
    return re.sub(r"[\\`*_{}\[\]<>|~#&$]", r"\\\g<0>", " ".join(text.split()))


def table_lines(columns: list[str], rows: list[list[str]]) -> list[str]:
    """A table in Markdown."""
    head = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return [*head, *("| " + " | ".join(row) + " |" for row in rows)]


def policy_lines(policy: Mapping[str, Any], rungs: list[str], runs: int) -> list[str]:
    """A policy's block of the verdict table: rows metrics, columns rungs, and a line under it."""
    rows = [
        [
            markdown(row["name"]) + (" !" if row["rewards_speed"] else ""),
            *(cell_text(cell, runs) for cell in row["cells"]),
        ]
        for row in policy["metrics"]
    ]
    heading = f"### {markdown(policy['name'])}"
    return [heading, "", *table_lines(["metric", *rungs], rows), "", policy["summary"], ""]


def speed_warnings(found: Mapping[str, Any]) -> list[str]:
    """A warning for each metric that rewards speed, and how often more experimenters improve it."""
    lines = []
    for policy in found["policies"]:
        if policy["name"] != EXPERIMENTERS:
            continue
        for row in policy["metrics"]:
            if not row["rewards_speed"]:
                continue
            better = {
                cell["rung"]: 100 * (1 - cell["worse"] - cell["tie"])
                for cell in row["cells"]
                if cell["worse"] is not None
            }
            name = f"'{markdown(row['name'])}'"
            if max(better.values(), default=0.0) < 50:
                lines.append(
                    f"- Warning: {name} says how soon a level is reached, and not how well it is understood."
                )
                continue
            shares = ", ".join(f"{share:.0f} % ({rung})" for rung, share in better.items())
            lines.append(
                f"- Warning: {name} improves when its level is reached sooner: half as many experimenters again, "
                f"who explain nothing, improve it in {shares} of futures."
            )
    return lines


def verdict_piece(material: Material) -> Piece:
    """The verdict table, and its first block as a figure."""
    ladder = material.whole
    found = verdicts(ladder)
    rungs, runs = list(found["rungs"]), found["runs"]
    lines = [NOTE.replace("{first}", rungs[0]), "", *speed_warnings(found), ""]
    for policy in found["policies"]:
        lines += policy_lines(policy, rungs, runs)
    block = next(policy for policy in found["policies"] if policy["name"] == BOOST)
    cells = [[cell for cell in row["cells"]] for row in block["metrics"]]
    shares = np.array([[np.nan if c["worse"] is None else c["worse"] for c in row] for row in cells])
    names = [row["name"] + (" !" if row["rewards_speed"] else "") for row in block["metrics"]]
    figure = heatmap_figure(
        shares, [[cell_text(cell, runs) for cell in row] for row in cells], names, rungs,
        title="More theorists with new money: % of futures worse [% sign not M0's]",
        caption=f"{material.note()}; ! can improve only because a level is reached sooner or later",
    )  # fmt: skip
    rows = [
        {"policy": policy["name"], "metric": row["name"], "rewards_speed": row["rewards_speed"], **cell}
        for policy in found["policies"]
        for row in policy["metrics"]
        for cell in row["cells"]
    ]
    table = pd.DataFrame(rows, columns=["policy", "metric", "rewards_speed", *CELL])
    return Piece(
        "Verdicts",
        lines,
        {"04_verdict_matrix": figure},
        {"04_verdict_matrix": table},
        data={"verdicts": found},
    )


def switches_piece(material: Material) -> Piece:
    """What turns the sign from rung to rung: each refinement on alone, and off alone."""
    table = material.whole.attribution()
    own = table[(table["policy"] == BOOST) & table["metric"].isin(SWITCHED)]
    rows: dict[str, list] = {}
    ends: dict[str, dict[str, tuple[float, float]]] = {}
    lines = [
        "Each refinement of a rung switched on alone, the others off, and off alone, the others on: the share of "
        "futures in which the sign of `boost theorists` is not that of the rung below. They need not add up.",
        "",
    ]
    by_cell = own.set_index(["rung", "mode", "part", "metric"])["disagreement"].mul(100).to_dict()
    for rung, coarse in own[["rung", "coarse"]].drop_duplicates().itertuples(index=False):
        parts = list(dict.fromkeys(own[(own["rung"] == rung) & (own["part"] != "")]["part"]))
        rows[rung] = [
            (
                part,
                {
                    metric: (
                        by_cell[rung, "only this on", part, metric],
                        by_cell[rung, "only this off", part, metric],
                    )
                    for metric in SWITCHED
                },
            )
            for part in parts
        ]
        ends[rung] = {
            metric: (by_cell[rung, "all off", "", metric], by_cell[rung, "all on", "", metric])
            for metric in SWITCHED
        }
        cause = max(rows[rung], key=lambda row: sum(on for on, _ in row[1].values()))
        whole = ", ".join(f"{ends[rung][metric][1]:.1f} % ({metric})" for metric in SWITCHED)
        alone = ", ".join(f"{cause[1][metric][0]:.1f} %" for metric in SWITCHED)
        lines.append(f"- {rung} against {coarse}: {whole}; most of any alone: *{cause[0]}*, {alone}.")
    figure = switches_figure(
        rows,
        ends,
        SWITCHED,
        "Which refinement turns the sign of the rung below? More theorists",
        material.note(),
    )
    return Piece("What turns the sign", lines, {"12_switches": figure}, {"12_switches": table})
