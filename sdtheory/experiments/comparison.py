"""The result of comparing policies: paired differences, probabilities, regret, counts."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.metric import Metric
from sdtheory.names import canonical, unknown
from sdtheory.tables import write_csv

RESAMPLES = 2000
Z95 = 1.959963984540054


def wilson(count: float, total: int) -> tuple[float, float]:
    """Wilson's 95 % interval for a share (Wilson 1927, JASA 22:209).

    Examples
    --------
    >>> low, high = wilson(50, 100)
    >>> round(low, 3), round(high, 3)
    (0.404, 0.596)
    """
    if total == 0:
        return math.nan, math.nan
    p, z2 = count / total, Z95**2
    centre = (p + z2 / (2 * total)) / (1 + z2 / total)
    half = Z95 * math.sqrt(p * (1 - p) / total + z2 / (4 * total**2)) / (1 + z2 / total)
    return max(0.0, centre - half), min(1.0, centre + half)


@dataclass(frozen=True)
class Comparison:
    """Policies met by the same futures.

    Attributes
    ----------
    experiment : Experiment
    policies : tuple of str
        The baseline first.
    values : mapping of metric name to array, shape (policies, runs)
        NaN where censored or not valid.
    status : array of str, shape (policies, runs)
        ``ok``, ``diverged`` or ``failed``.
    samples : pandas.DataFrame
        One row for each future.
    series : xarray.Dataset or None
        Saved variables with dimensions (policy, run, time).
    seed, runs : int
    model_name : str
    """

    experiment: Experiment
    policies: tuple[str, ...]
    values: dict[str, np.ndarray]
    status: np.ndarray
    samples: pd.DataFrame
    seed: int
    model_name: str = ""
    series: Any = None
    messages: dict[str, str] = field(default_factory=dict)

    @property
    def runs(self) -> int:
        return self.status.shape[1]

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return self.experiment.metrics

    @property
    def dataset(self) -> Any:
        """All metrics, statuses, samples and saved series as one xarray.Dataset."""
        import xarray as xr

        data = xr.Dataset(
            {f"metric: {name}": (("policy", "run"), array) for name, array in self.values.items()},
            coords={"policy": list(self.policies), "run": np.arange(self.runs)},
            attrs={"seed": self.seed, "model": self.model_name},
        )
        data["status"] = (("policy", "run"), self.status.astype(str))
        data = data.assign_coords({f"sample: {c}": ("run", self.samples[c].to_numpy()) for c in self.samples})
        return data if self.series is None else data.merge(self.series)

    def metric(self, name: str) -> Metric:
        """The metric of that name; UnknownName suggests the nearest."""
        for metric in self.metrics:
            if canonical(metric.name) == canonical(name):
                return metric
        raise unknown("metric", name, [metric.name for metric in self.metrics])

    def table(self) -> pd.DataFrame:
        """Per policy and metric: mean, median, p05, p95 and how many runs they rest on."""
        rows = []
        for p, policy in enumerate(self.policies):
            ran = self.status[p] == "ok"
            for metric in self.metrics:
                values = self.values[metric.name][p]
                valid = values[np.isfinite(values)]
                some = len(valid) > 0
                rows.append(
                    {
                        "policy": policy,
                        "metric": metric.name,
                        "mean": valid.mean() if some else math.nan,
                        "median": np.median(valid) if some else math.nan,
                        "p05": np.quantile(valid, 0.05) if some else math.nan,
                        "p95": np.quantile(valid, 0.95) if some else math.nan,
                        "valid": len(valid),
                        "censored": int((ran & ~np.isfinite(values)).sum()),
                        "diverged": int((self.status[p] == "diverged").sum()),
                        "failed": int((self.status[p] == "failed").sum()),
                        "satisfied": _satisfied_share(metric, valid),
                    }
                )
        return pd.DataFrame(rows)

    def paired(self, policy: str, metric: str, against: str | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Differences within each future, and the sign of each: 1 better, -1 worse, 0 tie, NaN not counted.

        Returns
        -------
        difference, verdict : arrays of shape (runs,)
        """
        chosen = self.metric(metric)
        p, b = self._place(policy), self._place(against or self.policies[0])
        mine, base = self.values[chosen.name][p], self.values[chosen.name][b]
        ran = (self.status[p] == "ok") & (self.status[b] == "ok")
        difference = np.where(ran, mine - base, np.nan)
        direction = {"lower": -1.0, "higher": 1.0, "none": math.nan}[chosen.better]
        with np.errstate(invalid="ignore"):
            tie = np.abs(difference) <= chosen.tie * np.abs(base)
            verdict = np.where(tie, 0.0, np.sign(difference)) * direction
        if chosen.censored == "worst":
            verdict = _censored_verdict(verdict, mine, base, ran, direction)
        return difference, verdict

    def _place(self, policy: str) -> int:
        for place, name in enumerate(self.policies):
            if canonical(name) == canonical(policy):
                return place
        raise unknown("policy", policy, self.policies)

    def differences(self, against: str | None = None) -> pd.DataFrame:
        """Per policy and metric: the paired difference with its bootstrap interval, and how often it helps.

        Futures are resampled whole (2,000 times, percentile interval, seeded), so pairing survives;
        probabilities carry Wilson's 95 % interval. A pair counts where both runs are valid.
        """
        base = against or self.policies[0]
        counts = np.random.default_rng(self.seed).multinomial(
            self.runs, np.full(self.runs, 1 / self.runs), size=RESAMPLES
        )
        rows = []
        for policy in self.policies:
            if canonical(policy) == canonical(base):
                continue
            for metric in self.metrics:
                difference, verdict = self.paired(policy, metric.name, base)
                baseline = self.values[metric.name][self._place(base)]
                row: dict[str, Any] = {"policy": policy, "metric": metric.name}
                row.update(_difference_row(difference, baseline, counts))
                row.update(_verdict_row(verdict))
                row["rewards_speed"] = metric.rewards_speed
                rows.append(row)
        return pd.DataFrame(rows)

    def regrets(self, metric: str) -> np.ndarray:
        """What each policy loses to the best one in each future, shape (policies, runs)."""
        chosen = self.metric(metric)
        sign = {"lower": 1.0, "higher": -1.0, "none": math.nan}[chosen.better]
        cost = sign * self.values[chosen.name]
        ran = (self.status == "ok").all(axis=0) & np.isfinite(cost).all(axis=0)
        return np.where(ran, cost - cost.min(axis=0), np.nan)

    def regret(self) -> pd.DataFrame:
        """Per policy and metric: mean, 90 % and largest regret, and the share of futures where it is best."""
        rows = []
        for metric in self.metrics:
            if metric.better == "none":
                continue
            regrets = self.regrets(metric.name)
            for policy, values in zip(self.policies, regrets, strict=True):
                valid = values[np.isfinite(values)]
                some = len(valid) > 0
                rows.append(
                    {
                        "policy": policy,
                        "metric": metric.name,
                        "mean": valid.mean() if some else math.nan,
                        "p90": np.quantile(valid, 0.9) if some else math.nan,
                        "maximum": valid.max() if some else math.nan,
                        "best": float((valid == 0).mean()) if some else math.nan,
                        "valid": len(valid),
                    }
                )
        return pd.DataFrame(rows)

    def satisficing(self) -> pd.DataFrame:
        """Share of futures in which each policy meets each metric's ``satisfied`` level, and all of them."""
        rows = []
        for p, policy in enumerate(self.policies):
            met = {m.name: _satisfied(m, self.values[m.name][p]) for m in self.metrics if m.satisfied}
            for name, flags in met.items():
                rows.append({"policy": policy, "metric": name, "share": float(flags.mean())})
            if met:
                together = np.all(list(met.values()), axis=0)
                rows.append({"policy": policy, "metric": "all together", "share": float(together.mean())})
        return pd.DataFrame(rows, columns=["policy", "metric", "share"])

    def summary(self) -> str:
        """How many runs there were and how they ended, in one line."""
        names, counts = np.unique(self.status, return_counts=True)
        by_status = dict(zip(names, counts, strict=True))
        parts = [f"{by_status.get(status, 0)} {status}" for status in ("ok", "diverged", "failed")]
        line = f"{self.runs} futures x {len(self.policies)} policies: " + ", ".join(parts)
        first = next(iter(self.messages.values()), "")
        return f"{line} (first: {first})" if first else line

    def to_dict(self) -> dict:
        """The comparison as plain values, without NaN: what ``--json`` prints."""
        table, differences, regret = self.table(), self.differences(), self.regret()
        policies = []
        for policy in self.policies:
            metrics = {}
            for metric in self.metrics:
                cell = _row(table, policy, metric.name)
                against = _row(differences, policy, metric.name)
                risk = _row(regret, policy, metric.name)
                metrics[metric.name] = _cell(metric, cell, against, risk)
            policies.append({"name": policy, "metrics": metrics})
        return {
            "model": self.model_name,
            "runs": self.runs,
            "seed": self.seed,
            "metrics": [metric.name for metric in self.metrics],
            "policies": policies,
            "summary": self.summary(),
        }

    def save(self, folder: str | Path) -> None:
        """Write tables, samples, the experiment as run and result.json into a folder."""
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        write_csv(self.table(), target / "table.csv", index=False)
        write_csv(self.differences(), target / "differences.csv", index=False)
        write_csv(self.regret(), target / "regret.csv", index=False)
        write_csv(self.samples, target / "samples.csv", index_label="run")
        if self.experiment.text:
            (target / "experiment.toml").write_text(self.experiment.text, encoding="utf-8")
        result = json.dumps(self.to_dict(), indent=1, allow_nan=False, ensure_ascii=False)
        (target / "result.json").write_text(result + "\n", encoding="utf-8")


def _satisfied(metric: Metric, values: np.ndarray) -> np.ndarray:
    assert metric.satisfied is not None
    side, level = metric.satisfied
    with np.errstate(invalid="ignore"):
        return values <= level if side == "below" else values >= level


def _satisfied_share(metric: Metric, valid: np.ndarray) -> float:
    return float(_satisfied(metric, valid).mean()) if metric.satisfied and len(valid) else math.nan


def _censored_verdict(verdict, mine, base, ran, direction) -> np.ndarray:
    """A level never reached is worse than any reached; for a time where later is better, it is later."""
    never, never_base = np.isnan(mine) & ran, np.isnan(base) & ran
    verdict = np.where(never & ~never_base, direction if direction > 0 else -1.0, verdict)
    verdict = np.where(never_base & ~never, -direction if direction > 0 else 1.0, verdict)
    return np.where(never & never_base, 0.0, verdict)


def _difference_row(difference: np.ndarray, baseline: np.ndarray, counts: np.ndarray) -> dict:
    valid = np.isfinite(difference)
    if not valid.any():
        keys = ("mean_difference", "median_difference", "relative_median_difference", "low", "high")
        return dict.fromkeys(keys, math.nan) | {"valid": 0}
    kept = difference[valid]
    weights = counts[:, valid]
    totals = weights.sum(axis=1)
    with np.errstate(all="ignore"):
        means = (weights @ kept) / totals
        relative = np.median(kept / np.abs(baseline[valid]))
    low, high = np.nanquantile(means, [0.025, 0.975])
    return {
        "mean_difference": kept.mean(),
        "median_difference": np.median(kept),
        "relative_median_difference": relative,
        "low": low,
        "high": high,
        "valid": int(valid.sum()),
    }


def _verdict_row(verdict: np.ndarray) -> dict:
    counted = verdict[np.isfinite(verdict)]
    total = len(counted)
    row: dict[str, Any] = {"counted": total}
    for word, sign in (("better", 1.0), ("worse", -1.0), ("tie", 0.0)):
        hits = int((counted == sign).sum())
        row[f"probability_{word}"] = hits / total if total else math.nan
        row[f"{word}_low"], row[f"{word}_high"] = wilson(hits, total)
    return row


def _row(frame: pd.DataFrame, policy: str, metric: str) -> dict:
    if frame.empty:
        return {}
    found = frame[(frame["policy"] == policy) & (frame["metric"] == metric)]
    return {} if found.empty else found.iloc[0].to_dict()


def _plain(value: Any) -> Any:
    """A number that strict JSON can hold; None for NaN."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value.item() if hasattr(value, "item") else value


def _cell(metric: Metric, cell: dict, against: dict, risk: dict) -> dict:
    baseline = not against
    if baseline:
        zero = {"mean": 0.0, "low": 0.0, "high": 0.0}
        shares = {"probability_better": 0.0, "probability_worse": 0.0, "probability_tie": 1.0}
    else:
        zero = {
            "mean": _plain(against["mean_difference"]),
            "low": _plain(against["low"]),
            "high": _plain(against["high"]),
        }
        shares = {f"probability_{w}": _plain(against[f"probability_{w}"]) for w in ("better", "worse", "tie")}
        shares["probability_low"], shares["probability_high"] = (
            _plain(against["better_low"]),
            _plain(against["better_high"]),
        )
        shares["worse_low"], shares["worse_high"] = (
            _plain(against["worse_low"]),
            _plain(against["worse_high"]),
        )
    return {
        **{key: _plain(cell[key]) for key in ("mean", "median", "p05", "p95")},
        "difference": zero,
        **shares,
        "valid_runs": _plain(cell["valid"]) if baseline else _plain(against["valid"]),
        "censored": _plain(cell["censored"]),
        "diverged": _plain(cell["diverged"]),
        "failed": _plain(cell["failed"]),
        "better": metric.better,
        "rewards_speed": metric.rewards_speed,
        "regret": {key: _plain(risk.get(key)) for key in ("mean", "p90", "maximum")},
    }
