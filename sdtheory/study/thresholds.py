"""Criteria beside simulation: over maps of two quantities, and in the futures of the ladder."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

import sdtheory as sd
from sdtheory.study import criteria
from sdtheory.study.material import BOOST, CONVERTED, Material
from sdtheory.study.pieces import Piece
from sdtheory.study.verdicts import table_lines

AXES: dict[str, Any] = {"x": ("search leverage", 0.2, 8.0), "y": ("initial understood share", 0.05, 0.8)}
START, YEARS = 2.0, (10, 30)
LEVERAGE = "search leverage"


def threshold_piece(material: Material) -> Piece:
    """Where more theorists turn from better to worse on the first and the last rung, with the criteria."""
    figures, tables, lines = {}, {}, []
    metric = f"gap after {YEARS[0]} years"
    for rung in (material.rungs[0], material.rungs[-1]):
        model = material.models[rung]
        base = sd.simulate(model, outputs=["capability"])["capability"]
        factor = float(base[START + YEARS[0]] / base[START])
        overlay: dict[str, Any] = {
            "criterion 3, ten years": partial(criteria.finite_horizon, growth_factor=factor),
            "criterion 1, long run only": criteria.long_run_new_money,
        }
        found = sd.threshold_map(
            model, material.comparison(rung).experiment, policy=BOOST, metric=metric, overlay=overlay,
            jobs=material.jobs, **AXES,
        )  # fmt: skip
        stem = f"02_threshold_map_{rung.lower()}"
        figures[stem] = found.plot()
        figures[stem].axes[0].set_title(f"{rung}: {figures[stem].axes[0].get_title()}", fontsize=10)
        agreement = found.agreement()
        tables[stem] = found.table()
        tables[f"{stem}_border"] = found.contour
        shares = "; ".join(f"{name}: {100 * share:.1f} %" for name, share in agreement.items())
        lines.append(f"- {rung}, other quantities at their defaults, cells whose sign agrees: {shares}.")
    rows = criteria_table(material)
    tables["02_criteria"] = rows
    body = [
        [
            row["criterion"], row["rung"], row["metric"], f"{100 * row['agreement']:.1f}",
            "-" if np.isnan(row["auc"]) else f"{row['auc']:.3f}",
        ]
        for row in rows.to_dict("records")
    ]  # fmt: skip
    lines += [
        "",
        "In the futures of the ladder, whose boost is large and whose pace is not 1: per cent of futures in which a "
        "criterion has the sign of the simulation, and the area under its curve as a classifier of that sign (0.5 "
        "tells nothing). Criterion 1 is for the long run; criterion 3 for the same horizon stands beside it.",
        "",
        *table_lines(["criterion", "rung", "metric", "agrees (%)", "area"], body),
    ]
    return Piece("Criteria beside simulation", lines, figures, tables)


def criteria_table(material: Material) -> pd.DataFrame:
    """How often each criterion has the sign of the simulation in the ladder's futures.

    Returns
    -------
    pandas.DataFrame
        Columns criterion, rung, policy, metric, agreement, auc, futures.
    """
    rows = []
    for rung in material.rungs:
        comparison = material.comparison(rung)
        base = {name: values[0] for name, values in comparison.values.items()}
        share, start = base["understood share at the policy start"], base["capability at the policy start"]
        sample = comparison.samples
        kappa = sample[LEVERAGE].to_numpy()
        for years in YEARS:
            metric = f"gap after {years} years"
            end = base[f"capability after {years} years"]
            given = {
                "1, long run only": criteria.long_run_new_money(kappa, share),
                "3, this horizon": criteria.finite_horizon(kappa, share, end / start),
            }
            if "difficulty slope" in sample:
                beta = sample["difficulty slope"].to_numpy()
                given["5, late"] = criteria.late_with_difficulty(kappa, share, beta, end)
            if "explanation difficulty slope" in sample:
                gamma = sample["explanation difficulty slope"].to_numpy()
                given["6, order only"] = criteria.difficulty_race(beta, gamma)
            for name, signed in given.items():
                rows.append((name, rung, BOOST, metric, *_agreement(comparison, BOOST, metric, signed)))
            if "theorist fraction" in sample:
                theta = sample["theorist fraction"].to_numpy()
                signed = criteria.long_run_conversion(kappa, share, theta)
                row = _agreement(comparison, CONVERTED, metric, signed)
                rows.append(("2, converted, long run only", rung, CONVERTED, metric, *row))
        always = np.full(len(kappa), criteria.at_given_capability(1.5, 1.0))
        rows.append(
            (
                "4, at a capability",
                rung,
                BOOST,
                "gap at C*",
                *_agreement(comparison, BOOST, "gap at C*", always),
            )
        )
    columns = ["criterion", "rung", "policy", "metric", "agreement", "auc", "futures"]
    return pd.DataFrame(rows, columns=columns)


def _agreement(comparison: Any, policy: str, metric: str, signed: np.ndarray) -> tuple[float, float, int]:
    """Share of futures of the criterion's sign, area under its curve, and how many futures; ties are left out."""
    from scipy.stats import rankdata

    signs = comparison.paired(policy, metric)[1]
    counted = np.isfinite(signs) & (signs != 0) & np.isfinite(signed)
    worse, order = signs[counted] == -1, rankdata(signed[counted])
    bad, good = int(worse.sum()), int((~worse).sum())
    area = (order[worse].sum() - bad * (bad + 1) / 2) / (bad * good) if bad and good else np.nan
    agrees = float(((signed[counted] > 0) == worse).mean()) if counted.any() else np.nan
    return agrees, float(area), int(counted.sum())
