"""A comparison as plain values, for JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from sdtheory.experiments.metric import Metric

if TYPE_CHECKING:
    from sdtheory.experiments.comparison import Comparison

NO_CHANGE = {
    "difference": {"mean": 0.0, "low": 0.0, "high": 0.0, "median": 0.0},
    "probability_better": 0.0, "probability_worse": 0.0, "probability_tie": 1.0,
}  # fmt: skip


def as_dict(comparison: Comparison) -> dict:
    """Per policy and metric what the tables hold, against the baseline, with None for what does not exist."""
    base = None if comparison.against == "all" else comparison.against or None
    base_name = comparison.policies[comparison.place(base or comparison.policies[0])]
    found = {"table": comparison.table(), "differences": comparison.differences(base_name)}
    found["regret"] = comparison.regret()
    by_cell = {name: _by_cell(frame) for name, frame in found.items()}
    policies = []
    for policy in comparison.policies:
        metrics = {
            metric.name: _cell(
                metric, {name: rows.get((policy, metric.name), {}) for name, rows in by_cell.items()}
            )
            for metric in comparison.metrics
        }
        policies.append({"name": policy, "metrics": metrics})
    return {
        "model": comparison.model_name,
        "runs": comparison.runs,
        "seed": comparison.seed,
        "against": base_name,
        "interval": comparison.interval,
        "metrics": [metric.name for metric in comparison.metrics],
        "policies": policies,
        "statuses": comparison.counts(),
        "summary": comparison.summary(),
        "warnings": comparison.warnings(),
    }


def _by_cell(frame: pd.DataFrame) -> dict[tuple[str, str], dict]:
    return {(row["policy"], row["metric"]): row for row in frame.to_dict("records")}


def _plain(value: Any) -> Any:
    """A number that strict JSON can hold; None for NaN."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value.item() if hasattr(value, "item") else value


def _cell(metric: Metric, rows: dict[str, dict]) -> dict:
    cell, against, risk = rows["table"], rows["differences"], rows["regret"]
    compared = dict(NO_CHANGE)
    if against:
        compared = {
            "difference": {
                "mean": _plain(against["mean_difference"]),
                "low": _plain(against["low"]),
                "high": _plain(against["high"]),
                "median": _plain(against["median_difference"]),
            },
            **{
                f"probability_{word}": _plain(against[f"probability_{word}"])
                for word in ("better", "worse", "tie")
            },
            "probability_low": _plain(against["better_low"]),
            "probability_high": _plain(against["better_high"]),
            "worse_low": _plain(against["worse_low"]),
            "worse_high": _plain(against["worse_high"]),
            "ties": _plain(against["tie"]),
        }
    return {
        **{key: _plain(cell[key]) for key in ("mean", "median", "p05", "p95", "satisfied")},
        **compared,
        "valid_runs": _plain((against or cell)["valid"]),
        "counted": _plain(against.get("counted", cell["valid"])),
        **{
            key: _plain(cell[key])
            for key in ("censored", "diverged", "failed", "timeout", "crashed", "at_stop")
        },
        "better": metric.better,
        "rewards_speed": metric.rewards_speed,
        "regret": {key: _plain(risk.get(key)) for key in ("mean", "p90", "maximum")},
    }
