"""One conclusion over models from coarse to fine: does the coarse one get the sign right, and what turns it?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sdtheory.errors import ExperimentError, UsageError
from sdtheory.experiments.climbing import Climber, matches, ready
from sdtheory.experiments.comparison import Comparison, wilson
from sdtheory.experiments.ladder_file import Ladder, Switch
from sdtheory.experiments.plain import plain, records
from sdtheory.experiments.policy import split_element
from sdtheory.experiments.saved import save_result
from sdtheory.names import canonical, unknown

FULL, NONE, ON, OFF = "all on", "all off", "only this on", "only this off"


@dataclass(frozen=True)
class LadderResult:
    """What the rungs say of each policy and metric, in the same futures.

    Attributes
    ----------
    rungs : tuple of str
        From coarse to fine.
    comparisons : mapping of rung to Comparison
    absent : mapping of rung to tuple of str
        What of the experiment a rung does not have.
    matched : pandas.DataFrame
        As `sdtheory.experiments.climbing.matches` gives it.
    switches : pandas.DataFrame
        As `attribution` gives it.
    runs, seed : int
    title : str
    """

    rungs: tuple[str, ...]
    comparisons: Mapping[str, Comparison]
    absent: Mapping[str, tuple[str, ...]]
    matched: pd.DataFrame
    switches: pd.DataFrame
    runs: int
    seed: int
    title: str = ""

    @property
    def is_matched(self) -> bool:
        """Whether every matched quantity agrees on every rung."""
        return bool(self.matched["agrees"].all())

    @property
    def policies(self) -> tuple[str, ...]:
        """Every policy of any rung, without the baseline."""
        return tuple(dict.fromkeys(p for one in self.comparisons.values() for p in one.policies[1:]))

    @property
    def metrics(self) -> tuple[str, ...]:
        """Every metric with a direction of any rung."""
        everyone = (m for one in self.comparisons.values() for m in one.metrics if m.better != "none")
        return tuple(dict.fromkeys(metric.name for metric in everyone))

    def matches(self) -> pd.DataFrame:
        """Each matched quantity on each rung at the start, and how far it is from the first rung's."""
        return self.matched

    def verdicts(self) -> pd.DataFrame:
        """Per policy, metric and rung: share of futures worse and tied, median change, Wilson bounds, counts."""
        rows = []
        for policy, metric, rung in self._cells():
            difference, signs = self.comparisons[rung].paired(policy, metric)
            counted = signs[np.isfinite(signs)]
            total, worse = len(counted), int((counted == -1).sum())
            low, high = wilson(worse, total)
            finite = difference[np.isfinite(difference)]
            rows.append(
                {
                    "policy": policy,
                    "metric": metric,
                    "rung": rung,
                    "worse": worse / total if total else np.nan,
                    "worse_low": low,
                    "worse_high": high,
                    "tie": float((counted == 0).mean()) if total else np.nan,
                    "median_change": float(np.median(finite)) if len(finite) else np.nan,
                    "valid": total,
                    "left_out": self.runs - total,
                }
            )
        columns = ["policy", "metric", "rung", "worse", "worse_low", "worse_high", "tie", "median_change"]
        return pd.DataFrame(rows, columns=[*columns, "valid", "left_out"])

    def sign_agreement(self, reference: str = "first") -> pd.DataFrame:
        """Share of futures in which a rung's sign (better, worse, tie) is the reference's.

        Parameters
        ----------
        reference : str
            ``first`` or the name of a rung.

        Returns
        -------
        pandas.DataFrame
            Columns policy, metric, rung, agreement, low, high (Wilson), valid: futures that count on both.
        """
        chosen = self.rungs[0] if reference == "first" else self._rung(reference)
        rows = []
        for policy, metric, rung in self._cells():
            if not _has(self.comparisons[chosen], policy, metric):
                continue
            same, total = _agreement(self.comparisons[rung], self.comparisons[chosen], policy, metric)
            low, high = wilson(same, total)
            share = same / total if total else np.nan
            row = {"policy": policy, "metric": metric, "rung": rung, "agreement": share}
            rows.append({**row, "low": low, "high": high, "valid": total})
        columns = ["policy", "metric", "rung", "agreement", "low", "high", "valid"]
        return pd.DataFrame(rows, columns=columns)

    def attribution(self) -> pd.DataFrame:
        """Each part of a switch on alone and off alone: share worse, and disagreement with the coarse rung.

        Returns
        -------
        pandas.DataFrame
            Columns rung, coarse, part, mode (``all off``, ``only this on``, ``only this off``, ``all on``),
            policy, metric, worse, disagreement, valid. Parts need not add up: one may need another.
        """
        return self.switches

    def _rung(self, name: str) -> str:
        for rung in self.rungs:
            if canonical(rung) == canonical(name):
                return rung
        raise unknown("rung", name, self.rungs)

    def _cells(self) -> list[tuple[str, str, str]]:
        return [
            (policy, metric, rung)
            for policy in self.policies
            for metric in self.metrics
            for rung in self.rungs
            if _has(self.comparisons[rung], policy, metric)
        ]

    def table(self) -> pd.DataFrame:
        """One row for each policy and metric, one column for each rung: ``35.2 [34.2]``.

        Per cent of futures worse, and in brackets per cent whose sign differs from the first rung's; ``-``
        where a rung does not have the policy or metric.
        """
        key = ["policy", "metric", "rung"]
        worse = self.verdicts().set_index(key)
        agreement = self.sign_agreement().set_index(key)["agreement"]
        rows = []
        for policy in self.policies:
            for metric in self.metrics:
                row = {"policy": policy, "metric": metric + (" !" if self._rewards_speed(metric) else "")}
                for rung in self.rungs:
                    cell = (policy, metric, rung)
                    row[rung] = "-"
                    if cell in worse.index:
                        row[rung] = f"{100 * worse.loc[cell, 'worse']:.1f}"
                        if rung != self.rungs[0] and cell in agreement.index:
                            row[rung] += f" [{100 * (1 - agreement[cell]):.1f}]"
                        if worse.loc[cell, "valid"] != self.runs:
                            row[rung] += f" (n {worse.loc[cell, 'valid']})"
                rows.append(row)
        return pd.DataFrame(rows, columns=["policy", "metric", *self.rungs])

    def _rewards_speed(self, metric: str) -> bool:
        return any(m.name == metric and m.rewards_speed for c in self.comparisons.values() for m in c.metrics)

    def to_dict(self) -> dict:
        """The result as plain values: what ``--json`` prints."""
        key = ["policy", "metric", "rung"]
        verdicts = self.verdicts().set_index(key).to_dict("index")
        agreement = self.sign_agreement().set_index(key)["agreement"].to_dict()
        better = {m.name: m.better for one in self.comparisons.values() for m in one.metrics}
        policies = []
        for policy in self.policies:
            rows = []
            for metric in self.metrics:
                cells: list[dict[str, Any]] = []
                for rung in self.rungs:
                    cell = (policy, metric, rung)
                    if cell not in verdicts:
                        cells.append({"rung": rung, "worse": None})
                        continue
                    known = cell in agreement and rung != self.rungs[0]
                    disagreement = 1 - agreement[cell] if known else None
                    cells.append({"rung": rung, **verdicts[cell], "disagreement": disagreement})
                about = {"better": better[metric], "rewards_speed": self._rewards_speed(metric)}
                rows.append({"name": metric, **about, "cells": cells})
            policies.append({"name": policy, "metrics": rows, "summary": self.summary(policy)})
        return plain(
            {
                "title": self.title,
                "seed": self.seed,
                "runs": self.runs,
                "rungs": self.rungs,
                "matched": self.is_matched,
                "matches": records(self.matched),
                "absent": dict(self.absent),
                "policies": policies,
                "attribution": records(self.switches),
            }
        )

    def plot(self, policy: str | None = None) -> Any:
        """Share of futures worse by metric and rung for one policy; a matplotlib Figure."""
        from sdtheory.diagrams.comparison_plots import heatmap_figure

        chosen = self.policies[0] if policy is None else policy
        if canonical(chosen) not in map(canonical, self.policies):
            raise unknown("policy", chosen, self.policies)
        worse = self.verdicts()
        own = worse[worse["policy"].map(canonical) == canonical(chosen)]
        shares = own.pivot_table(index="metric", columns="rung", values="worse", sort=False)
        cells = shares.reindex(index=list(self.metrics), columns=list(self.rungs)).to_numpy(dtype=float)
        texts = [["-" if np.isnan(cell) else f"{100 * cell:.1f}" for cell in row] for row in cells]
        rows = [metric + (" !" if self._rewards_speed(metric) else "") for metric in self.metrics]
        title = f"{chosen}: share of futures worse (%)"
        caption = "! can improve only because a level is reached sooner or later"
        return heatmap_figure(cells, texts, rows, list(self.rungs), title=title, caption=caption)

    def summary(self, policy: str) -> str:
        """How often the coarse model's sign is right, over rungs and metrics, and what turns it most.

        The cause is the part that, on alone, adds most disagreement, on the mean over metrics.
        """
        agreement = self.sign_agreement()
        own = agreement[(agreement["policy"] == policy) & (agreement["rung"] != self.rungs[0])]["agreement"]
        if own.isna().all():
            return "The coarse model does not have this policy."
        low, high = (f"{100 * share:.0f}" for share in (own.min(), own.max()))
        text = f"Coarse model's sign right in {low if low == high else f'{low}-{high}'} % of futures"
        parts = self.switches[self.switches["policy"] == policy]
        alone = parts[parts["mode"] == ON].groupby(["rung", "part"], sort=False)["disagreement"].mean()
        floor = parts[parts["mode"] == NONE].groupby("rung")["disagreement"].mean()
        added = alone - floor.reindex(alone.index.get_level_values("rung")).to_numpy()
        if len(added) and added.max() > 0:
            rung, part = added.idxmax()
            text += f"; largest single cause in {rung}: {part}"
        return f"{text}."

    def save(self, folder: str | Path) -> None:
        """Write result.json, tables and figures into a folder."""
        tables = {
            "table": self.table(),
            "verdicts": self.verdicts(),
            "agreement": self.sign_agreement(),
            "attribution": self.switches,
            "matches": self.matched,
        }
        save_result(folder, self.to_dict(), tables, {"verdicts": self.plot()} if self.policies else {})


def _has(comparison: Comparison, policy: str, metric: str) -> bool:
    return policy in comparison.policies and metric in {m.name for m in comparison.metrics}


def _agreement(one: Comparison, other: Comparison, policy: str, metric: str) -> tuple[int, int]:
    """Futures of the same sign, and futures that count in both."""
    signs, theirs = one.paired(policy, metric)[1], other.paired(policy, metric)[1]
    both = np.isfinite(signs) & np.isfinite(theirs)
    return int((signs[both] == theirs[both]).sum()), int(both.sum())


def ladder(
    path: str | Path | Ladder,
    *,
    runs: int | None = None,
    seed: int | None = None,
    jobs: int | None = None,
    unmatched: bool = False,
    say: Callable[[str], None] | None = None,
) -> LadderResult:
    """Compare policies on models from coarse to fine, in the same futures.

    Parameters
    ----------
    path : path or Ladder
    runs, seed, jobs : int, optional
        In place of the experiment's own.
    unmatched : bool
        Go on when a quantity that must match does not; the result is then no matched refinement.
    say : callable, optional
        Called with one line for each rung and switch.

    Returns
    -------
    LadderResult

    Raises
    ------
    ExperimentError
        When the rungs do not match; the rung, the quantity and both values are named. And when no rung has
        an uncertainty, policy or metric.

    Examples
    --------
    >>> found = ladder("models/ladder.toml", runs=32)
    >>> found.is_matched, found.rungs
    (True, ('M0', 'M1', 'M2', 'M3', 'M4'))
    """
    read = path if isinstance(path, Ladder) else Ladder.read(path)
    chosen_runs = read.experiment.runs if runs is None else runs
    chosen_seed = read.experiment.seed if seed is None else seed
    if chosen_runs < 1:
        raise UsageError(f"{chosen_runs} runs make no comparison", remedy="give 1 or more")
    steps = ready(read, chosen_runs, chosen_seed)
    found = matches(read, steps, chosen_runs, chosen_seed)
    if not unmatched:
        _refuse_unmatched(found, steps[0].rung.name)
    comparisons = {}
    times = 1 + sum(1 + 2 * len(switch.parts) for switch in read.switches)
    climbers = [Climber(step, chosen_runs, chosen_seed, jobs, times) for step in steps]
    for step, climber in zip(steps, climbers, strict=True):
        if say is not None:
            say(f"{step.rung.name}: {len(step.experiment.policies) + 1} policies x {chosen_runs} futures")
        comparisons[step.rung.name] = climber.compared()
    rows: list[dict] = []
    for switch in read.switches:
        if say is not None:
            say(f"{switch.rung}: {len(switch.parts)} parts on and off")
        rows += _switched(switch, climbers, comparisons)
    columns = ["rung", "coarse", "part", "mode", "policy", "metric", "worse", "disagreement", "valid"]
    return LadderResult(
        rungs=tuple(step.rung.name for step in steps),
        comparisons=comparisons,
        absent={step.rung.name: step.absent for step in steps},
        matched=found,
        switches=pd.DataFrame(rows, columns=columns),
        runs=chosen_runs,
        seed=chosen_seed,
        title=read.title,
    )


def _refuse_unmatched(found: pd.DataFrame, first: str) -> None:
    for row in found[~found["agrees"]].to_dict("records"):
        where = "with default values" if row["future"] < 0 else f"in future {row['future']}"
        raise ExperimentError(
            f"{row['rung']} does not start where {first} does: {row['quantity']} is {row['there']!r}, not "
            f"{row['first_there']!r} ({where})",
            remedy="mend the rung, or compare them as no matched refinement (--unmatched)",
        )


def _switched(switch: Switch, climbers: list[Climber], comparisons: Mapping[str, Comparison]) -> list[dict]:
    """The rows of one switch's attribution."""
    by_name = {canonical(one.step.rung.name): one for one in climbers}
    for name in (switch.rung, switch.coarse):
        if canonical(name) not in by_name:
            raise unknown("rung", name, list(comparisons))
    climber, coarse = by_name[canonical(switch.rung)], by_name[canonical(switch.coarse)].step
    step = climber.step
    for name in switch.off:
        step.model[split_element(name)[0]]  # named with the nearest when the rung lacks it
    reference = comparisons[coarse.rung.name]

    def rows(part: str, mode: str, on: set[str]) -> list[dict]:
        if mode == FULL:
            own = comparisons[step.rung.name]
        else:
            off = {name: value for name, value in switch.off.items() if canonical(name) not in on}
            own = climber.compared(_with_off(step.inputs, off, climber.runs))
        found = []
        for policy in own.policies[1:]:
            for metric in (m.name for m in own.metrics if m.better != "none"):
                if not _has(reference, policy, metric):
                    continue
                signs = own.paired(policy, metric)[1]
                counted = signs[np.isfinite(signs)]
                same, total = _agreement(own, reference, policy, metric)
                about = {"rung": step.rung.name, "coarse": coarse.rung.name, "part": part, "mode": mode}
                found.append(
                    {
                        **about,
                        "policy": policy,
                        "metric": metric,
                        "worse": float((counted == -1).mean()) if len(counted) else np.nan,
                        "disagreement": 1 - same / total if total else np.nan,
                        "valid": total,
                    }
                )
        return found

    parts = {name: {canonical(one) for one in own} for name, own in switch.parts.items()}
    everything = {canonical(name) for name in switch.off}
    found = rows("", NONE, set())
    for name, own in parts.items():
        found += rows(name, ON, own) + rows(name, OFF, everything - own)
    return found + rows("", FULL, everything)


def _with_off(inputs: Mapping[str, np.ndarray], off: Mapping[str, float], runs: int) -> dict[str, np.ndarray]:
    """The inputs with some constants fixed; a whole array takes the place of its elements."""
    fixed = {canonical(name) for name in off}
    kept = {
        name: values
        for name, values in inputs.items()
        if canonical(name) not in fixed and canonical(split_element(name)[0]) not in fixed
    }
    return {**kept, **{name: np.full(runs, value) for name, value in off.items()}}
