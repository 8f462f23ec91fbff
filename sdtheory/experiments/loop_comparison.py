"""How policies move dominance between feedback loops, in the same sampled futures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from sdtheory.errors import ExperimentError
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.futures import futures
from sdtheory.experiments.plain import plain, records
from sdtheory.experiments.policy import Policy, apply, inputs_under
from sdtheory.model.model import Model
from sdtheory.names import canonical, unknown

SETTINGS = ("start", "stop", "time_step")


@dataclass(frozen=True)
class LoopComparison:
    """Shares of loops under policies met by the same futures.

    Attributes
    ----------
    dataset : xarray.Dataset
        ``share`` (policy, run, loop): mean size of a loop's relative score over the window, NaN where the
        run diverged or the policy's model has no such loop. ``dominant`` (policy, loop, time): the
        probability that the loop is in the dominant set. ``score`` (policy, loop, time): its mean relative
        score, above 0 when reinforcing. ``status`` (policy, run). Runs are numbers of futures. Loops have
        ``name``, ``polarity``, ``partition`` and ``variables``; ids are those of the baseline's loops, and new
        ones follow.
    window : (float, float)
    seed : int
    """

    dataset: Any
    window: tuple[float, float]
    seed: int

    @cached_property
    def policies(self) -> tuple[str, ...]:
        """The baseline first."""
        return tuple(str(name) for name in self.dataset["policy"].values)

    @cached_property
    def _sound(self) -> np.ndarray:
        return self.dataset["status"].transpose("policy", "run").values == "ok"

    @cached_property
    def _share(self) -> np.ndarray:
        return self.dataset["share"].transpose("policy", "loop", "run").values

    def table(self) -> pd.DataFrame:
        """Per policy and loop: the mean share with its 5 and 95 % quantiles, and the runs it rests on."""
        rows = []
        for policy in self.policies:
            for loop, name in self.loops():
                values = self._shares(policy, loop)
                rows.append((policy, loop, name, *_spread(values)))
        return pd.DataFrame(rows, columns=["policy", "loop", "name", "mean", "p05", "p95", "valid"])

    def differences(self) -> pd.DataFrame:
        """Per policy and loop: the share under the policy less that under the baseline, paired by future.

        ``low`` and ``high`` bound 90 % of the futures. A pair counts where both runs are sound; a loop that
        one of the two models lacks has a share of 0 there.
        """
        rows = []
        for policy in self.policies[1:]:
            for loop, name in self.loops():
                rows.append((policy, loop, name, *_spread(self.paired(policy, loop))))
        return pd.DataFrame(rows, columns=["policy", "loop", "name", "mean", "low", "high", "valid"])

    def paired(self, policy: str, loop: str, against: str = "") -> np.ndarray:
        """Differences within each future, shape (runs,); NaN where a run of the two diverged.

        Parameters
        ----------
        policy, loop : str
        against : str
            The baseline when left out.
        """
        pair = [self._policy(policy), self._policy(against) if against else self.policies[0]]
        rows = [self.policies.index(one) for one in pair]
        mine, base = (np.nan_to_num(self._shares(one, loop)) for one in pair)
        return np.where(self._sound[rows].all(axis=0), mine - base, np.nan)

    def most_moved(self, policy: str) -> tuple[str, str]:
        """Ids of the loop that loses most of its share, on average, and of the one that gains most.

        Both are of the partition whose shares move most: shares of different ones are not of one whole.
        """
        chosen = self._policy(policy)
        moved = {loop: _spread(self.paired(chosen, loop))[0] for loop, _ in self.loops()}
        means = pd.Series(moved).fillna(0.0)
        partition = self.dataset["partition"].to_series()
        one = means[partition == partition[means.abs().idxmax()]]
        return str(one.idxmin()), str(one.idxmax())

    def moved(self, policy: str) -> np.ndarray:
        """What goes from the one loop of `most_moved` to the other in each future: half of the two changes."""
        loser, gainer = self.most_moved(policy)
        return (self.paired(policy, gainer) - self.paired(policy, loser)) / 2

    def largest_partition(self) -> tuple[Any, int]:
        """The part of the dataset with the loops of the partition that has most, and how many loops it leaves.

        Shares of different partitions are not of one whole.
        """
        partition = self.dataset["partition"].values
        numbers, counts = np.unique(partition, return_counts=True)
        chosen = partition == numbers[counts.argmax()]
        return self.dataset.isel(loop=chosen), int((~chosen).sum())

    def sentence(self, policy: str) -> str:
        """What a policy does to dominance, in one sentence."""
        chosen = self._policy(policy)
        if not self.dataset.sizes["loop"]:
            return f"{chosen} moves nothing: the model has no feedback loops"
        names = dict(self.loops())
        moved = self.moved(chosen)
        mean, low, high, _ = _spread(moved)
        if not np.isfinite(mean):
            return f"{chosen}: no future in which both runs are sound"
        if not np.any(np.nan_to_num(moved)):
            return f"{chosen} moves no share of the change between loops"
        loser, gainer = (f"{one} ({names[one]})" for one in self.most_moved(chosen))
        return (
            f"{chosen} moves {mean:.1%} of the change from {loser} to {gainer}, "
            f"5-95 %: {low:.1%} to {high:.1%}"
        )

    def to_dict(self) -> dict:
        """The tables and a sentence for each policy as plain values, without NaN."""
        return {
            "futures": int(self.dataset.sizes["run"]),
            "seed": self.seed,
            "window": plain(self.window),
            "policies": list(self.policies),
            "loops": records(self.table()),
            "differences": records(self.differences()),
            "sentences": {policy: self.sentence(policy) for policy in self.policies[1:]},
        }

    def loops(self) -> list[tuple[str, str]]:
        """Id and name of each loop."""
        ids, names = self.dataset["loop"].values, self.dataset["name"].values
        return [(str(loop), str(name)) for loop, name in zip(ids, names, strict=True)]

    def _shares(self, policy: str, loop: str) -> np.ndarray:
        known = self.dataset["loop"].values.tolist()
        if loop not in known:
            raise unknown("loop", loop, known)
        return self._share[self.policies.index(policy), known.index(loop)]

    def _policy(self, policy: str) -> str:
        for name in self.policies:
            if canonical(name) == canonical(policy):
                return name
        raise unknown("policy", policy, self.policies)


def _spread(values: np.ndarray) -> tuple[float, float, float, int]:
    valid = values[np.isfinite(values)]
    if not len(valid):
        return np.nan, np.nan, np.nan, 0
    low, high = np.quantile(valid, [0.05, 0.95])
    return float(valid.mean()), float(low), float(high), len(valid)


def compare_loops(
    model: Model,
    experiment: Experiment,
    *,
    runs: int | None = None,
    seed: int | None = None,
    window: tuple[float, float] | None = None,
) -> LoopComparison:
    """Compare which loops dominate under an experiment's policies, in the futures of `compare`.

    Parameters
    ----------
    model : Model
    experiment : Experiment
        Its policies, uncertainties, settings and names of loops.
    runs, seed : int, optional
        In place of the experiment's own.
    window : (float, float), optional
        Time over which shares are taken; the whole run when left out.

    Returns
    -------
    LoopComparison

    Raises
    ------
    ExperimentError
        When the experiment does not fit the model; every fault is listed.
    ModelError
        When there are too many loops to find all, or the model needs the reference engine.

    Examples
    --------
    >>> import sdtheory as sd
    >>> experiment = sd.Experiment.read("models/m0_seed.toml")
    >>> found = compare_loops(sd.load("models/m0_seed.xmile"), experiment, runs=8, window=(2.0, 12.0))
    >>> found.policies[:2], found.dataset["name"].values.tolist()
    (('baseline', 'boost theorists'), ['less left to explain', 'the map runs out', 'mission loop'])
    """
    faults = experiment.check(model)
    if faults:
        raise ExperimentError("\n".join(faults))
    chosen_runs = experiment.runs if runs is None else runs
    chosen_seed = experiment.seed if seed is None else seed
    samples, _ = futures(model, experiment, chosen_runs, chosen_seed)
    return loops_in(model, experiment, samples, chosen_seed, window)


def loops_in(
    model: Model,
    experiment: Experiment,
    samples: pd.DataFrame,
    seed: int,
    window: tuple[float, float] | None = None,
) -> LoopComparison:
    """The same in given futures.

    Parameters
    ----------
    model, experiment, seed, window
        As of `compare_loops`; the experiment fits the model.
    samples : pandas.DataFrame
        Rows of what `futures` gives, whose index numbers the futures.
    """
    free = {one.name for one in experiment.uncertainties if one.free}
    inputs = {str(name): samples[name].to_numpy() for name in samples if name not in free}
    policies = (experiment.baseline, *experiment.policies)
    results = [_scored(model, policy, inputs, len(samples), experiment, seed, window) for policy in policies]
    times = results[0]["time"].values
    joined = _joined(results, [policy.name for policy in policies]).assign_coords(
        run=samples.index.to_numpy()
    )
    return LoopComparison(joined, window or (float(times[0]), float(times[-1])), seed)


def _scored(
    model: Model,
    policy: Policy,
    inputs: Mapping[str, np.ndarray],
    runs: int,
    experiment: Experiment,
    seed: int,
    window: tuple[float, float] | None,
) -> Any:
    from sdtheory.feedback.dominance_many import dominance_many

    changed = apply(policy, model)
    left = inputs_under(policy, changed, inputs)
    varied = pd.DataFrame({label: inputs[name] for name, label in left.items()}, index=range(runs))
    settings = {word: value for word, value in experiment.simulation.items() if word in SETTINGS}
    return dominance_many(
        changed, varied, settings=settings, names=experiment.loops, window=window, seed=seed
    )


def _joined(results: list[Any], names: list[str]) -> Any:
    """One dataset; loops are known by their variables: the baseline's, under its ids, then those that policies add."""
    import xarray as xr

    ids: dict[str, str] = {}
    about: dict[str, tuple[str, str, int]] = {}
    for data in results:
        words = ("loop", "variables", "name", "polarity", "partition")
        for loop, variables, name, polarity, partition in zip(
            *(data[word].values for word in words), strict=True
        ):
            if variables in ids:
                continue
            ids[variables] = str(loop) if data is results[0] else _following(polarity, ids.values())
            about[ids[variables]] = (str(name), str(polarity), int(partition))
    aligned = []
    for data in results:
        own = [ids[variables] for variables in data["variables"].values]
        bare = data[["share", "dominant", "score", "status", "message"]].drop_vars(
            ["name", "polarity", "partition", "variables"]
        )
        aligned.append(bare.assign_coords(loop=own).reindex(loop=list(about)))
    joined = xr.concat(aligned, dim=pd.Index(names, name="policy"))
    return joined.assign_coords(
        name=("loop", [name for name, _, _ in about.values()]),
        polarity=("loop", [polarity for _, polarity, _ in about.values()]),
        partition=("loop", [partition for _, _, partition in about.values()]),
        variables=("loop", list(ids)),
    )


def _following(polarity: str, taken: Any) -> str:
    """The next id of a polarity."""
    numbers = [int(one[len(polarity) :]) for one in taken if one.startswith(polarity)]
    return f"{polarity}{max(numbers, default=0) + 1}"
