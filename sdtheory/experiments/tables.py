"""The tables of a comparison; every row carries how many futures it rests on, and why others are missing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sdtheory.experiments.metric import Metric
from sdtheory.experiments.statistics import bootstrap_intervals, wilson
from sdtheory.names import unknown

if TYPE_CHECKING:
    from sdtheory.experiments.comparison import Comparison

STATUSES = ("ok", "diverged", "failed", "timeout", "crashed")
NOT_OK = STATUSES[1:]
SIGN = {"lower": -1.0, "higher": 1.0, "none": math.nan}  # of a difference that is an improvement
VERDICTS = (("better", 1.0), ("worse", -1.0), ("tie", 0.0))
CATEGORIES = 12  # a sampled quantity with no more values than this is split by value
CRITERIA = ("mean", "maximum regret", "probability")


def metric_rows(comparison: Comparison) -> pd.DataFrame:
    """Per policy and metric: mean, median, 5 % and 95 % points, and how many runs they rest on."""
    rows = []
    for p, policy in enumerate(comparison.policies):
        ended = {status: int((comparison.status[p] == status).sum()) for status in NOT_OK}
        for metric in comparison.metrics:
            values = comparison.values[metric.name][p]
            valid = values[np.isfinite(values)]
            some = len(valid) > 0
            p05, median, p95 = np.quantile(valid, [0.05, 0.5, 0.95]) if some else (math.nan,) * 3
            rows.append(
                {
                    "policy": policy,
                    "metric": metric.name,
                    "mean": valid.mean() if some else math.nan,
                    "median": median,
                    "p05": p05,
                    "p95": p95,
                    "valid": len(valid),
                    "censored": int((comparison.measured(metric)[p] & ~np.isfinite(values)).sum()),
                    **ended,
                    "at_stop": _at_stop(comparison, metric, valid),
                    "satisfied": float(satisfied(metric, valid).mean())
                    if metric.satisfied and some
                    else math.nan,
                }
            )
    return pd.DataFrame(rows)


def _at_stop(comparison: Comparison, metric: Metric, valid: np.ndarray) -> int:
    """How many values are no more than a lower bound: the level was not reached when the run stopped."""
    counted = metric.censored == "at_stop" and metric.how == "first_crossing"
    return int((valid >= comparison.stop).sum()) if counted else 0


def difference_rows(comparison: Comparison, pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """For each pair of policies and metric: the paired difference, its interval, and how often it helps."""
    rows: list[dict[str, Any]] = []
    columns = []
    for policy, base in pairs:
        for metric in comparison.metrics:
            difference, verdict = comparison.paired(policy, metric.name, base)
            columns.append(difference)
            both = comparison.ok(policy) & comparison.ok(base)
            row: dict[str, Any] = {"policy": policy, "against": base, "metric": metric.name}
            row.update(_difference_row(difference, comparison.values[metric.name][comparison.place(base)]))
            row.update(_verdict_row(verdict))
            row["missing_censored"] = int((both & np.isnan(difference)).sum())
            row["missing_not_ok"] = int((~both).sum())
            row["rewards_speed"] = metric.rewards_speed
            rows.append(row)
    if not rows:
        return pd.DataFrame(columns=["policy", "against", "metric"])
    low, high = bootstrap_intervals(np.stack(columns, axis=1), comparison.seed)
    frame = pd.DataFrame(rows)
    place = list(frame.columns).index("valid")
    frame.insert(place, "low", low)
    frame.insert(place + 1, "high", high)
    return frame


def _difference_row(difference: np.ndarray, baseline: np.ndarray) -> dict[str, Any]:
    kept = difference[np.isfinite(difference)]
    if not len(kept):
        keys = ("mean_difference", "median_difference", "relative_median_difference")
        return dict.fromkeys(keys, math.nan) | {"valid": 0}
    size = np.abs(baseline[np.isfinite(difference)])
    with np.errstate(over="ignore"):  # a baseline next to nothing
        relative = kept[size > 0] / size[size > 0]
    return {
        "mean_difference": kept.mean(),
        "median_difference": np.median(kept),
        "relative_median_difference": np.median(relative) if len(relative) else math.nan,
        "valid": len(kept),
    }


def _verdict_row(verdict: np.ndarray) -> dict[str, Any]:
    counted = verdict[np.isfinite(verdict)]
    total = len(counted)
    row: dict[str, Any] = {"counted": total}
    for word, sign in VERDICTS:
        hits = int((counted == sign).sum())
        row[word] = hits
        row[f"probability_{word}"] = hits / total if total else math.nan
        row[f"{word}_low"], row[f"{word}_high"] = wilson(hits, total)
    return row


def regret_rows(comparison: Comparison) -> pd.DataFrame:
    """Per policy and metric: mean, 90 % and largest regret, and the share of futures where it is best."""
    rows = []
    for metric in _directed(comparison):
        regrets = comparison.regrets(metric.name)
        for policy, values in zip(comparison.policies, regrets, strict=True):
            valid = values[np.isfinite(values)]
            some = len(valid) > 0
            best = int((valid == 0).sum())
            low, high = wilson(best, len(valid))
            rows.append(
                {
                    "policy": policy,
                    "metric": metric.name,
                    "mean": valid.mean() if some else math.nan,
                    "p90": np.quantile(valid, 0.9) if some else math.nan,
                    "maximum": valid.max() if some else math.nan,
                    "best": best / len(valid) if some else math.nan,
                    "best_low": low,
                    "best_high": high,
                    "valid": len(valid),
                    "missing": comparison.runs - len(valid),
                    "rewards_speed": metric.rewards_speed,
                }
            )
    columns = ["policy", "metric", "mean", "p90", "maximum", "best", "valid", "missing"]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)


def _directed(comparison: Comparison) -> list[Metric]:
    """Metrics that say which way is better; the others are left out where that matters."""
    return [metric for metric in comparison.metrics if metric.better != "none"]


def satisfied(metric: Metric, values: np.ndarray) -> np.ndarray:
    """Whether each value meets the metric's ``satisfied`` level; a level never reached does not."""
    assert metric.satisfied is not None
    side, level = metric.satisfied
    with np.errstate(invalid="ignore"):
        return values <= level if side == "below" else values >= level


def satisficing_rows(comparison: Comparison) -> pd.DataFrame:
    """Share of each policy's finished runs that meet each ``satisfied`` level, and all of them together."""
    rows = []
    for p, policy in enumerate(comparison.policies):
        ran = comparison.status[p] == "ok"
        met = {
            metric.name: satisfied(metric, comparison.values[metric.name][p])[ran]
            for metric in comparison.metrics
            if metric.satisfied
        }
        if met:
            met["all together"] = np.all(list(met.values()), axis=0)
        for name, flags in met.items():
            hits, total = int(flags.sum()), len(flags)
            low, high = wilson(hits, total)
            rows.append(
                {
                    "policy": policy,
                    "metric": name,
                    "share": hits / total if total else math.nan,
                    "low": low,
                    "high": high,
                    "met": hits,
                    "valid": total,
                    "missing": comparison.runs - total,
                }
            )
    columns = ["policy", "metric", "share", "low", "high", "met", "valid", "missing"]
    return pd.DataFrame(rows, columns=columns)


def undominated_rows(comparison: Comparison) -> pd.DataFrame:
    """For each criterion and policy, which others beat it on the metrics that have a direction.

    By ``mean`` and ``maximum regret`` a policy beats another that it is nowhere worse than and somewhere
    better; by ``probability`` one that it is better than in more than half of the futures on every metric
    on which the two differ at all. Futures count in which every policy is valid.
    """
    metrics = _directed(comparison)
    rows = []
    for criterion in CRITERIA:
        for policy in comparison.policies:
            others = [
                other
                for other in comparison.policies
                if other != policy and metrics and _beats(comparison, metrics, criterion, other, policy)
            ]
            rows.append(
                {
                    "criterion": criterion,
                    "policy": policy,
                    "undominated": not others,
                    "dominated_by": ", ".join(others),
                    "valid": min((int(comparison.common(m).sum()) for m in metrics), default=0),
                }
            )
    return pd.DataFrame(rows)


def _beats(comparison: Comparison, metrics: list[Metric], criterion: str, one: str, other: str) -> bool:
    margins = []
    for metric in metrics:
        if criterion == "probability":
            _, verdict = comparison.paired(one, metric.name, other)
            counted = verdict[np.isfinite(verdict)]
            if len(counted) and (counted != 0).any():
                margins.append(float((counted == 1).mean()) - 0.5)
            continue
        first, second = comparison.place(one), comparison.place(other)
        if criterion == "mean":
            both = comparison.common(metric)
            if not both.any():
                continue
            values = comparison.values[metric.name][:, both]
            margins.append(SIGN[metric.better] * (values[first].mean() - values[second].mean()))
        else:
            worst = comparison.largest_regrets(metric.name)
            if np.isfinite(worst).all():
                margins.append(float(worst[second] - worst[first]))
    if criterion == "probability":
        return bool(margins) and min(margins) > 0
    return bool(margins) and min(margins) >= 0 and max(margins) > 0


def maximin_rows(comparison: Comparison) -> pd.DataFrame:
    """Per metric: each policy's worst case over the futures in which all are valid, and whose is best."""
    rows = []
    for metric in _directed(comparison):
        both = comparison.common(metric)
        sign = SIGN[metric.better]
        scores = sign * comparison.values[metric.name][:, both]
        worst = scores.min(axis=1) if both.any() else np.full(len(scores), math.nan)
        for policy, score in zip(comparison.policies, worst, strict=True):
            rows.append(
                {
                    "metric": metric.name,
                    "policy": policy,
                    "worst": sign * score,
                    "best_of_worst": bool(both.any() and score == worst.max()),
                    "valid": int(both.sum()),
                    "missing": int((~both).sum()),
                }
            )
    return pd.DataFrame(rows, columns=["metric", "policy", "worst", "best_of_worst", "valid", "missing"])


def groups(comparison: Comparison, assumption: str, bins: int) -> Iterable[tuple[str, np.ndarray]]:
    """The futures by a sampled quantity: a label and which they are, for each value or quantile range."""
    from sdtheory.names import canonical

    column = next((c for c in comparison.samples if canonical(str(c)) == canonical(assumption)), None)
    if column is None:
        raise unknown("sampled quantity", assumption, [str(c) for c in comparison.samples])
    values = comparison.samples[column].to_numpy()
    known = np.unique(values[np.isfinite(values)])
    few = len(known) <= max(bins, CATEGORIES) and len(known) < len(values)
    if few or len(known) == 1:
        for value in known:
            yield f"{value:g}", values == value
        return
    edges = np.unique(np.quantile(values[np.isfinite(values)], np.linspace(0, 1, bins + 1)))
    for place, (low, high) in enumerate(pairwise(edges)):
        last = place == len(edges) - 2
        which = (values >= low) & ((values <= high) if last else (values < high))
        if which.any():  # few futures leave some ranges empty
            yield f"{low:.4g} to {high:.4g}", which
