"""The result of comparing policies: paired differences, probabilities, regret, counts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sdtheory.errors import ExperimentError
from sdtheory.experiments import tables
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.metric import Metric
from sdtheory.experiments.statistics import RESAMPLES
from sdtheory.experiments.statistics import wilson as wilson
from sdtheory.names import canonical, unknown

if TYPE_CHECKING:
    from sdtheory.documents.document import Document
    from sdtheory.experiments.loop_comparison import LoopComparison

FEW_BAD = 0.01  # a share of runs that are not ok above which it is said
_FIRST_BAD = re.compile(r'"(?P<variable>.+?)" is \S+ at time (?P<time>\S+)')


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
        ``ok``, ``diverged``, ``failed``, ``timeout`` or ``crashed``.
    samples : pandas.DataFrame
        One row for each future.
    seed, runs : int
    model_name : str
    series : xarray.Dataset or None
        Saved variables with dimensions (policy, run, time), of the first futures.
    messages : mapping of (policy, run) to str
        Why runs are not ``ok``.
    against : str
        The policy that others are compared with, or ``"all"``; the baseline when empty.
    stop : float
        The time at which runs end.
    model : Model or None
        For units, the report's picture and the scores of loops.
    facts : mapping of str to str
        Engine, versions and digests, for the report.
    folder : Path or None
        Where its results are kept.
    """

    experiment: Experiment
    policies: tuple[str, ...]
    values: Mapping[str, np.ndarray]
    status: np.ndarray
    samples: pd.DataFrame
    seed: int
    model_name: str = ""
    series: Any = None
    messages: Mapping[tuple[str, int], str] = field(default_factory=dict)
    against: str = ""
    stop: float = np.inf
    model: Any = None
    facts: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None

    @staticmethod
    def read(folder: str | Path, against: str = "") -> Comparison:
        """The comparison of a finished or partial sweep in a folder, in the futures that all policies have met.

        Raises
        ------
        StoreError
            When the folder holds no results, or none that can be read.
        """
        from sdtheory.experiments.storing import from_folder

        return from_folder(folder, against)

    @staticmethod
    def from_datasets(one: Comparison | str | Path, other: Comparison | str | Path) -> Comparison:
        """The policies of two comparisons, or folders of them, that met the same futures.

        Raises
        ------
        StoreError
            When settings, sample, seed, metrics or baseline differ: what is not paired is not compared.
        """
        from sdtheory.experiments.gathering import together

        first, second = (
            part if isinstance(part, Comparison) else Comparison.read(part) for part in (one, other)
        )
        return together(first, second)

    @property
    def runs(self) -> int:
        return self.status.shape[1]

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return self.experiment.metrics

    @property
    def dataset(self) -> Any:
        """All metrics, statuses, samples and saved series as one xarray.Dataset.

        Series are of the first futures, as many as were kept, and NaN in the others.
        """
        import xarray as xr

        data = xr.Dataset(
            {f"metric: {name}": (("policy", "run"), array) for name, array in self.values.items()},
            coords={"policy": list(self.policies), "run": np.arange(self.runs)},
            attrs={"seed": self.seed, "model": self.model_name},
        )
        data["status"] = (("policy", "run"), self.status.astype(str))
        data = data.assign_coords({f"sample: {c}": ("run", self.samples[c].to_numpy()) for c in self.samples})
        if self.series is None or not self.series.sizes.get("run"):
            return data
        return data.merge(self.series.drop_attrs(), join="outer")

    def metric(self, name: str) -> Metric:
        """The metric of that name; UnknownName suggests the nearest."""
        for metric in self.metrics:
            if canonical(metric.name) == canonical(name):
                return metric
        raise unknown("metric", name, [metric.name for metric in self.metrics])

    def place(self, policy: str) -> int:
        """The row of a policy; UnknownName suggests the nearest."""
        for place, name in enumerate(self.policies):
            if canonical(name) == canonical(policy):
                return place
        raise unknown("policy", policy, self.policies)

    def ok(self, policy: str) -> np.ndarray:
        """Which runs of a policy ended well, shape (runs,)."""
        return self.status[self.place(policy)] == "ok"

    def measured(self, metric: Metric) -> np.ndarray:
        """Where a metric could be measured, if only to find its level never reached; shape (policies, runs)."""
        ok = self.status == "ok"
        if metric.level is None or metric.level.value is not None:
            return ok
        return ok & self.ok(metric.level.policy)

    def common(self, metric: Metric) -> np.ndarray:
        """The futures in which every policy has a value of the metric, shape (runs,)."""
        return (self.measured(metric) & np.isfinite(self.values[metric.name])).all(axis=0)

    def paired(self, policy: str, metric: str, against: str | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Differences within each future, and the sign of each: 1 better, -1 worse, 0 tie, NaN not counted.

        Returns
        -------
        difference, verdict : arrays of shape (runs,)
        """
        chosen = self.metric(metric)
        p, b = self.place(policy), self.place(against or self.policies[0])
        mine, base = self.values[chosen.name][p], self.values[chosen.name][b]
        measured = self.measured(chosen)
        ran = measured[p] & measured[b]
        difference = np.where(ran, mine - base, np.nan)
        direction = tables.SIGN[chosen.better]
        with np.errstate(invalid="ignore"):
            tie = np.abs(difference) <= chosen.tie * np.abs(base)
            verdict = np.where(tie, 0.0, np.sign(difference)) * direction
        if chosen.censored == "worst" and chosen.better != "none":
            verdict = _censored_verdict(verdict, mine, base, ran)
        return difference, verdict

    @property
    def interval(self) -> str:
        """What the intervals of mean differences are."""
        label = f"95 % percentile bootstrap of whole futures, {RESAMPLES:,} resamples, seed {self.seed}"
        return f"{label}; wider than need be for Sobol points" if self.experiment.method == "sobol" else label

    def _pairs(self, against: str | None) -> list[tuple[str, str]]:
        chosen = against or self.against or self.policies[0]
        if canonical(chosen) == "all":
            return [(one, other) for other in self.policies for one in self.policies if one != other]
        base = self.policies[self.place(chosen)]
        return [(policy, base) for policy in self.policies if policy != base]

    def table(self) -> pd.DataFrame:
        """Per policy and metric: mean, median, p05, p95 and how many runs they rest on."""
        return tables.metric_rows(self)

    def differences(self, against: str | None = None) -> pd.DataFrame:
        """Per policy and metric: the paired difference with its bootstrap interval, and how often it helps.

        Futures are resampled whole (2,000 times, 95 % percentile interval, seeded), so pairing survives;
        probabilities carry Wilson's 95 % interval. A pair counts where both runs are valid. With Sobol points
        the interval of the mean is wider than need be, as ``attrs["interval"]`` says.

        Parameters
        ----------
        against : str, optional
            A policy, or ``"all"`` for every pair; the baseline when left out.
        """
        pairs = tuple(self._pairs(against))
        if pairs not in self._known:
            self._known[pairs] = tables.difference_rows(self, pairs)
            self._known[pairs].attrs["interval"] = self.interval
        return self._known[pairs].copy()

    @cached_property
    def _known(self) -> dict[tuple[tuple[str, str], ...], pd.DataFrame]:
        """Differences that were worked out before: resampling takes long, and a report asks again and again."""
        return {}

    def regrets(self, metric: str) -> np.ndarray:
        """What each policy loses to the best one in each future, shape (policies, runs)."""
        chosen = self.metric(metric)
        cost = -tables.SIGN[chosen.better] * self.values[chosen.name]
        return np.where(self.common(chosen), cost - cost.min(axis=0), np.nan)

    def largest_regrets(self, metric: str) -> np.ndarray:
        """Each policy's largest regret, shape (policies,)."""
        regrets = self.regrets(metric)[:, self.common(self.metric(metric))]
        return regrets.max(axis=1) if regrets.size else np.full(len(regrets), np.nan)

    def regret(self) -> pd.DataFrame:
        """Per policy and metric: mean, 90 % and largest regret, and the share of futures where it is best."""
        return tables.regret_rows(self)

    def satisficing(self) -> pd.DataFrame:
        """Share of futures in which each policy meets each metric's ``satisfied`` level, and all of them."""
        return tables.satisficing_rows(self)

    def undominated(self) -> pd.DataFrame:
        """Which policies no other beats, by mean, by largest regret and by probability; and who beats the rest."""
        return tables.undominated_rows(self)

    def maximin(self) -> pd.DataFrame:
        """Per metric: each policy's worst case, and which is best."""
        return tables.maximin_rows(self)

    @cached_property
    def loops(self) -> LoopComparison:
        """How much of the change goes through each feedback loop, in 64 of the futures.

        Scored when first asked for, and kept in the comparison's folder. The first futures are taken; of a
        grid or a file, whose first are not like the rest, any.

        Raises
        ------
        UsageError
            For a comparison read from a folder that holds no scores.
        ModelError
            When the model has too many loops to find all, or needs the reference engine.
        """
        from sdtheory.experiments.loop_shares import loops_of

        return loops_of(self)

    def loop_differences(self, against: str | None = None) -> pd.DataFrame:
        """Per policy and loop that the experiment names: the paired difference of the loop's mean share.

        A share is the mean size of a loop's relative score over the run (Schoenberg, Davidsen and Eberlein
        2020, System Dynamics Review 36:158). The interval is of the mean, as in `differences`; ``p05`` and
        ``p95`` hold nine tenths of the futures. ``attrs`` says in how many futures loops were scored.

        Parameters
        ----------
        against : str, optional
            A policy, or ``"all"`` for every pair; the baseline when left out.

        Raises
        ------
        UsageError, ModelError
            As `loops`.

        Examples
        --------
        >>> import sdtheory as sd
        >>> experiment = sd.Experiment.read("models/m0_seed.toml")
        >>> comparison = sd.compare(sd.load("models/m0_seed.xmile"), experiment, runs=8)
        >>> frame = comparison.loop_differences()
        >>> frame.attrs["futures"], frame["name"].unique().tolist()
        (8, ['less left to explain', 'the map runs out', 'mission loop'])
        """
        from sdtheory.experiments.loop_shares import about, loop_difference_rows

        frame = loop_difference_rows(self, self._pairs(against))
        frame.attrs |= {"futures": int(self.loops.dataset.sizes["run"]), "about": about(self, self.loops)}
        return frame

    def part(self, which: np.ndarray) -> Comparison:
        """The comparison in some of its futures.

        Parameters
        ----------
        which : array of bool, shape (runs,)
        """
        places = {int(run): place for place, run in enumerate(np.flatnonzero(which))}
        series = self.series
        if series is not None and series.sizes.get("run"):
            series = series.isel(run=which[: series.sizes["run"]])
        return replace(
            self,
            values={name: array[:, which] for name, array in self.values.items()},
            status=self.status[:, which],
            samples=self.samples[which],
            series=series,
            messages={
                (policy, places[run]): text for (policy, run), text in self.messages.items() if run in places
            },
        )

    def by(self, assumption: str, bins: int = 4, against: str | None = None) -> pd.DataFrame:
        """The differences apart for ranges of a sampled quantity: where does a policy help, where does it harm?

        Parameters
        ----------
        assumption : str
            A column of `samples`. One of a few values is split by value, others into as many equally full
            ranges as `bins`.
        bins : int

        Raises
        ------
        UnknownName
            When no such quantity is sampled.
        """
        if bins < 1:
            raise ExperimentError(f"{bins} ranges", remedy="give 1 or more")
        frames = []
        for label, which in tables.groups(self, assumption, bins):
            frame = self.part(which).differences(against)
            frame.insert(0, "futures", int(which.sum()))
            frame.insert(0, assumption, label)
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)

    def counts(self) -> dict[str, int]:
        """How many runs ended in each way."""
        names, found = np.unique(self.status, return_counts=True)
        by_status = {str(name): int(count) for name, count in zip(names, found, strict=True)}
        return {status: by_status.get(status, 0) for status in tables.STATUSES}

    def share_not_ok(self) -> float:
        """The share of runs that did not end well."""
        return 1 - self.counts()["ok"] / max(self.status.size, 1)

    def summary(self) -> str:
        """How many runs there were and how they ended, in one line."""
        counts = self.counts()
        parts = []
        for status, count in counts.items():
            if count or status in ("ok", "diverged", "failed"):
                parts.append(f"{count} {status}{self._first_bad(status) if count else ''}")
        futures = "future" if self.runs == 1 else "futures"
        return f"{self.runs} {futures} x {len(self.policies)} policies: " + ", ".join(parts)

    def _first_bad(self, status: str) -> str:
        """Which variable went first in most of the diverged runs, or the commonest message of failed ones."""
        places = {policy: place for place, policy in enumerate(self.policies)}
        texts = [
            text
            for (policy, run), text in self.messages.items()
            if self.status[places[policy], run] == status
        ]
        if status == "ok" or not texts:
            return ""
        found = [match for match in map(_FIRST_BAD.search, texts) if match]
        if status == "diverged" and found:
            (variable, time), count = Counter((one["variable"], one["time"]) for one in found).most_common(1)[
                0
            ]
            return f" (first: '{variable}' at {time} in {count} of them)"
        text, count = Counter(texts).most_common(1)[0]
        return f" ({text}{f', {count} times' if count > 1 else ''})"

    def warnings(self) -> list[str]:
        """What a reader must know before believing a table, a sentence each."""
        found = []
        bad = self.share_not_ok()
        if bad > FEW_BAD:
            found.append(f"{100 * bad:.1f} % of the runs did not end well; tables leave them out and say so")
        for metric in self.metrics:
            if metric.rewards_speed:
                found.append(f"'{metric.name}' can improve only because a level is reached sooner or later")
        undirected = [f"'{metric.name}'" for metric in self.metrics if metric.better == "none"]
        if undirected:
            found.append(f"no direction is given for {', '.join(undirected)}: no probabilities and no regret")
        return found

    def to_dict(self) -> dict:
        """The comparison as plain values, without NaN: what ``--json`` prints."""
        from sdtheory.experiments.result import as_dict

        return as_dict(self)

    def plot(
        self,
        kind: str,
        *,
        metric: str = "",
        policy: str = "",
        variable: str = "",
        assumption: str = "",
        axis: Any = None,
    ) -> Any:
        """A matplotlib figure.

        Parameters
        ----------
        kind : str
            ``fan`` and ``difference`` of a saved variable over time, ``regret``, ``heatmap`` of policies and
            metrics, ``scatter`` of a sampled quantity and the difference it makes, or ``loops``: how much of
            the change goes through each feedback loop over time.
        metric, policy, variable, assumption : str
            What to show; chosen when left out.
        axis : matplotlib axis, optional
            Drawn on in place of a new figure.

        Raises
        ------
        UnknownName
            For a kind, metric, policy, variable or sampled quantity that does not exist.
        UsageError
            When there is nothing to show.
        """
        from sdtheory.experiments.plots import Asked, plot

        return plot(self, kind, Asked(metric, policy, variable, assumption, axis))[0]

    def plot_data(
        self, kind: str, *, metric: str = "", policy: str = "", variable: str = "", assumption: str = ""
    ) -> pd.DataFrame:
        """The numbers that a plot of the same arguments shows."""
        from sdtheory.experiments.plots import Asked, plot

        return plot(self, kind, Asked(metric, policy, variable, assumption))[1]

    def save(self, folder: str | Path, document: Document | None = None) -> None:
        """Write tables, samples, plots, report.html, the experiment as run and result.json into a folder.

        Parameters
        ----------
        folder : path-like
        document : Document, optional
            The model's file: its stock-flow views are the report's picture.

        Raises
        ------
        OSError
            When a file cannot be written.
        """
        from sdtheory.experiments.report import save

        save(self, Path(folder), document)


def _censored_verdict(verdict: np.ndarray, mine: np.ndarray, base: np.ndarray, ran: np.ndarray) -> np.ndarray:
    """A level never reached is worse than any reached, whichever way is better."""
    never, never_base = np.isnan(mine) & ran, np.isnan(base) & ran
    verdict = np.where(never & ~never_base, -1.0, verdict)
    verdict = np.where(never_base & ~never, 1.0, verdict)
    return np.where(never & never_base, 0.0, verdict)
