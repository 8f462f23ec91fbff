"""Sensitivity: which uncertainties drive a metric, or what a policy changes of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sdtheory.errors import ExperimentError, SDWarning, UsageError
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.extras import need
from sdtheory.experiments.measurement import (
    Measurement,
    metric_of,
    policy_of,
    refuse_faults,
    refuse_too_many,
)
from sdtheory.experiments.plain import records
from sdtheory.experiments.points import array_columns, completed
from sdtheory.experiments.policy import Policy
from sdtheory.experiments.saved import save_result
from sdtheory.experiments.uncertainty import Uncertainty, correlate, unit_points, values_at
from sdtheory.model.model import Model
from sdtheory.names import unknown

METHODS = ("sobol", "morris", "rank")
TRAJECTORIES = 64  # of Morris, when the caller does not say
LEVELS = 4  # of Morris
RESAMPLES = 200
LARGEST_LOSS = 0.5  # share of blocks that may be left out
TAIL = 0.005  # Morris' outermost levels of a distribution without end
COLUMNS = {
    "sobol": ("S1", "S1_low", "S1_high", "ST", "ST_low", "ST_high"),
    "morris": ("mu_star", "mu_star_low", "mu_star_high", "mu", "sigma"),
    "rank": ("rho", "rho_low", "rho_high", "prcc", "prcc_low", "prcc_high"),
}


@dataclass(frozen=True)
class Sensitivity:
    """How strongly each uncertainty drives a metric.

    Attributes
    ----------
    method, metric, of, policy : str
        `of` is ``value`` or ``difference`` (to the baseline, in the same future).
    indices : pandas.DataFrame
        One row for each uncertainty; columns parameter and those of `COLUMNS`, with 95 % intervals.
    steps : pandas.DataFrame
        The same indices from a quarter and a half of the sample: columns base, parameter and the indices.
    base : int
        Rows of the base sample, or trajectories, that were used.
    left_out : int
        Blocks (a base row with its variations, a trajectory, a future) left out for runs without a value.
    runs : int
        Runs of each policy.
    seed : int
    """

    method: str
    metric: str
    of: str
    policy: str
    indices: pd.DataFrame
    steps: pd.DataFrame
    base: int
    left_out: int
    runs: int
    seed: int

    def table(self) -> pd.DataFrame:
        """One row for each uncertainty, the strongest first."""
        main = self.main
        order = self.indices[main].abs().sort_values(ascending=False, kind="stable").index
        return self.indices.loc[order].reset_index(drop=True)

    @property
    def main(self) -> str:
        """The index that ranks the uncertainties."""
        return {"sobol": "ST", "morris": "mu_star", "rank": "prcc"}[self.method]

    def convergence(self) -> pd.DataFrame:
        """The indices from a quarter of the sample, a half, and all of it."""
        return self.steps

    def to_dict(self) -> dict:
        """The result as plain values: what ``--json`` prints."""
        about = ("method", "metric", "of", "policy", "base", "left_out", "runs", "seed")
        return {
            **{key: getattr(self, key) for key in about},
            "parameters": records(self.table()),
            "convergence": records(self.steps),
        }

    def plot(self) -> Any:
        """A tornado of the indices with their intervals; a matplotlib Figure."""
        from sdtheory.diagrams.analysis import tornado_figure

        table = self.table()
        shown = {
            "sobol": {"ST": "total (ST)", "S1": "alone (S1)"},
            "morris": {"mu_star": "mean absolute effect (mu*)"},
            "rank": {"prcc": "partial (PRCC)", "rho": "plain (Spearman)"},
        }[self.method]
        series: dict[str, tuple[np.ndarray, np.ndarray | None]] = {
            label: (table[key].to_numpy(), table[[f"{key}_low", f"{key}_high"]].to_numpy().T)
            for key, label in shown.items()
        }
        if self.method == "morris":
            series["its spread (sigma)"] = (table["sigma"].to_numpy(), None)
        axis = {
            "sobol": "share of the variance",
            "morris": "change of the metric over the whole range",
            "rank": "rank correlation",
        }[self.method]
        return tornado_figure(list(table["parameter"]), series, self.title(), axis)

    def save(self, folder: str | Path) -> None:
        """Write result.json, tables and figures into a folder."""
        tables = {"indices": self.table(), "convergence": self.steps}
        save_result(folder, self.to_dict(), tables, {"tornado": self.plot()})

    def title(self) -> str:
        """What was looked at, in one line."""
        what = f"change by '{self.policy}'" if self.of == "difference" else f"under '{self.policy}'"
        lost = f", {self.left_out} left out" if self.left_out else ""
        unit = {"sobol": "base rows", "morris": "trajectories", "rank": "futures"}[self.method]
        return f"{self.metric}, {what} ({self.base} {unit}{lost})"


def runs_needed(method: str, parameters: int, base: int) -> int:
    """Runs of each policy: N(d + 2) for Sobol, r(d + 1) for Morris, N for rank correlation.

    Examples
    --------
    >>> runs_needed("sobol", 6, 1024), runs_needed("morris", 6, 64), runs_needed("rank", 6, 1024)
    (8192, 448, 1024)
    """
    return base * {"sobol": parameters + 2, "morris": parameters + 1, "rank": 1}[method]


def sensitivity(
    model: Model,
    experiment: Experiment,
    *,
    method: str = "sobol",
    metric: str | None = None,
    of: str = "value",
    policy: Policy | str | None = None,
    runs: int | None = None,
    seed: int | None = None,
    jobs: int | None = None,
    say: Callable[[str], None] | None = None,
) -> Sensitivity:
    """How strongly each uncertainty drives a metric, or the change that a policy makes of it.

    Parameters
    ----------
    model : Model
    experiment : Experiment
    method : str
        ``sobol`` (shares of the variance; Saltelli et al. 2010, Computer Physics Communications 181:259),
        ``morris`` (elementary effects; Campolongo et al. 2007, Environmental Modelling and Software 22:1509)
        or ``rank`` (Spearman and partial rank correlation).
    metric : str, optional
        The experiment's first when left out.
    of : str
        ``value`` under a policy, or ``difference`` between the policy and the baseline in the same future.
    policy : Policy or str, optional
        For values the baseline when left out; for differences the only policy.
    runs : int, optional
        Rows of the base sample (Sobol), trajectories (Morris) or futures (rank); the experiment's, or 64
        trajectories, when left out.
    seed, jobs : int, optional
    say : callable, optional
        Called with one line before the runs begin: how many are needed.

    Returns
    -------
    Sensitivity

    Raises
    ------
    ExperimentError
        When the metric is the same in every future, when correlated uncertainties are asked for variance
        shares or elementary effects, or when more than half of the blocks have runs without a value.
    UsageError
        When SALib is missing.

    Examples
    --------
    >>> import sdtheory as sd
    >>> experiment = sd.Experiment.read("models/m0_seed.toml")
    >>> found = sensitivity(sd.load("models/m0_seed.xmile"), experiment, method="rank", runs=256)
    >>> found.table()["parameter"][0]
    'initial understood share'
    """
    if method not in METHODS:
        raise unknown("method", method, METHODS)
    if of not in ("value", "difference"):
        raise unknown("quantity", of, ("value", "difference"))
    refuse_faults(model, experiment)
    chosen = metric_of(experiment, metric)
    policies = [policy_of(experiment, policy if policy or of == "difference" else experiment.baseline)]
    if of == "difference":
        policies.append(experiment.baseline)
    parameters = _parameters(experiment, method)
    base = runs if runs is not None else TRAJECTORIES if method == "morris" else experiment.runs
    if base < 4:
        raise UsageError(f"{base} runs are too few for an index", remedy="give 4 or more")
    chosen_seed = experiment.seed if seed is None else seed
    needed = runs_needed(method, len(parameters), base)
    refuse_too_many(needed, f"{method} with a base of {base}")
    if say is not None:
        say(f"{needed} runs of {'each of two policies' if len(policies) > 1 else 'one policy'}")
    problem = _problem(parameters)
    unit = _unit_sample(method, problem, experiment, base, chosen_seed)
    values = _outputs(model, experiment, parameters, unit, policies, chosen.name, chosen_seed, jobs)
    blocks = values.reshape(-1, needed // base)
    whole = np.isfinite(blocks).all(axis=1)
    _refuse_hopeless(chosen.name, blocks, whole)
    points = unit.reshape(*blocks.shape, -1)[whole]
    find = {"sobol": _sobol, "morris": _morris, "rank": _rank}[method]

    def indices(count: int) -> pd.DataFrame:
        found = find(problem, points[:count], blocks[whole][:count], chosen_seed)
        names = [u.name for u in parameters]
        return pd.DataFrame({"parameter": names, **dict(zip(COLUMNS[method], found, strict=True))})

    used = int(whole.sum())
    steps = {count: indices(count) for count in sorted({max(used // 4, 4), max(used // 2, 4), used})}
    convergence = pd.concat([table.assign(base=count) for count, table in steps.items()], ignore_index=True)
    return Sensitivity(
        method=method,
        metric=chosen.name,
        of=of,
        policy=policies[0].name,
        indices=steps[used],
        steps=convergence[["base", "parameter", *COLUMNS[method]]],
        base=used,
        left_out=int((~whole).sum()),
        runs=needed,
        seed=chosen_seed,
    )


def _parameters(experiment: Experiment, method: str) -> list[Uncertainty]:
    found = [u for u in experiment.uncertainties if u.distribution != "constant"]
    if len(found) < 2:
        raise ExperimentError(
            f"{len(found)} uncertainties vary; a sensitivity needs two or more",
            remedy="give the experiment an [uncertainty]",
            file=experiment.file or None,
        )
    if method != "rank" and any(rho != 0 for _, _, rho in experiment.correlations):
        one, other, _ = next(pair for pair in experiment.correlations if pair[2] != 0)
        raise ExperimentError(
            f"'{one}' and '{other}' are correlated: {method} varies one uncertainty while the others stay, "
            "which correlated ones do not do",
            remedy="use rank, or leave the correlation out",
            file=experiment.file or None,
        )
    return found


def _problem(parameters: list[Uncertainty]) -> dict:
    """The sample space as SALib takes it; the coordinates of an array are one group."""
    labels = [
        (u.name, f"{u.name} {i}" if u.width() > 1 else u.name) for u in parameters for i in range(u.width())
    ]
    problem: dict[str, Any] = {
        "num_vars": len(labels),
        "names": [label for _, label in labels],
        "bounds": [[0.0, 1.0]] * len(labels),
    }
    if len(labels) > len(parameters):
        problem["groups"] = [name for name, _ in labels]
    return problem


def _unit_sample(method: str, problem: dict, experiment: Experiment, base: int, seed: int) -> np.ndarray:
    """Points of the unit cube, shape (runs, coordinates)."""
    width = problem["num_vars"]
    if method == "rank":
        names = problem["names"]
        return correlate(unit_points(experiment.method, base, width, seed), names, experiment.correlations)
    if method == "sobol":
        sampler = need("SALib.sample.sobol", "SALib", "sensitivity")
        if base & (base - 1):
            warnings.warn(
                f"{base} base rows: a Sobol sample is balanced at powers of two", SDWarning, stacklevel=3
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            unit = sampler.sample(problem, base, calc_second_order=False, seed=np.random.default_rng(seed))
        return np.clip(unit, 1e-12, 1 - 1e-12)
    sampler = need("SALib.sample.morris", "SALib", "sensitivity")
    return sampler.sample(problem, base, num_levels=LEVELS, seed=np.random.default_rng(seed))


def _outputs(
    model: Model,
    experiment: Experiment,
    parameters: list[Uncertainty],
    unit: np.ndarray,
    policies: list[Policy],
    metric: str,
    seed: int,
    jobs: int | None,
) -> np.ndarray:
    """The value or the paired difference of each run."""
    ends = [TAIL if _endless(u) else 0.0 for u in parameters for _ in range(u.width())]
    drawn = values_at(parameters, array_columns(model, experiment), np.clip(unit, ends, 1 - np.array(ends)))
    fixed = [u for u in experiment.uncertainties if u.distribution == "constant"]
    drawn.update(values_at(fixed, {}, np.full((len(unit), len(fixed)), 0.5)))
    _, inputs = completed(model, experiment, drawn, len(unit))
    measurement = Measurement(
        model, experiment, policies, [metric], list(inputs), expected=len(unit), seed=seed, jobs=jobs
    )
    found = measurement.measure(inputs, (1, len(unit))).values[metric][:, 0]
    return found[0] if len(policies) == 1 else found[0] - found[1]


def _endless(uncertainty: Uncertainty) -> bool:
    given = uncertainty.parameters
    bounded = {"low", "high"} <= set(given)
    return uncertainty.distribution in ("normal", "lognormal", "dirichlet") or (
        uncertainty.distribution == "truncated_normal" and not bounded
    )


def _refuse_hopeless(metric: str, blocks: np.ndarray, whole: np.ndarray) -> None:
    lost = int((~whole).sum())
    if lost > LARGEST_LOSS * len(blocks) or whole.sum() < 4:
        raise ExperimentError(
            f"'{metric}' has no value in some run of {lost} of {len(blocks)} blocks: too few are left",
            remedy="narrow the uncertainties, or choose a metric that always exists",
        )
    kept = blocks[whole]
    if np.ptp(kept) <= 1e-12 * np.abs(kept).max():
        raise ExperimentError(f"'{metric}' is the same in every run: no uncertainty drives it")
    if lost:
        warnings.warn(
            f"{lost} of {len(blocks)} blocks are left out: '{metric}' has no value in some of their runs",
            SDWarning,
            stacklevel=3,
        )


def _interval(value: np.ndarray, half: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return value, value - half, value + half


def _sobol(problem: dict, points: np.ndarray, blocks: np.ndarray, seed: int) -> tuple[np.ndarray, ...]:
    analyser = need("SALib.analyze.sobol", "SALib", "sensitivity")
    # SALib takes a seed of 0 for none
    found = analyser.analyze(
        problem, blocks.ravel(), calc_second_order=False, num_resamples=RESAMPLES, seed=seed + 1
    )
    return (*_interval(found["S1"], found["S1_conf"]), *_interval(found["ST"], found["ST_conf"]))


def _morris(problem: dict, points: np.ndarray, blocks: np.ndarray, seed: int) -> tuple[np.ndarray, ...]:
    analyser = need("SALib.analyze.morris", "SALib", "sensitivity")
    flat = points.reshape(-1, points.shape[-1])
    found = analyser.analyze(
        problem, flat, blocks.ravel(), num_levels=LEVELS, num_resamples=RESAMPLES, seed=seed
    )
    star = np.asarray(found["mu_star"], dtype=float)
    half = np.asarray(found["mu_star_conf"], dtype=float)
    return (*_interval(star, half), np.asarray(found["mu"], float), np.asarray(found["sigma"], float))


def _rank(problem: dict, points: np.ndarray, blocks: np.ndarray, seed: int) -> tuple[np.ndarray, ...]:
    groups = problem.get("groups", problem["names"])
    columns = np.column_stack([points[:, 0], blocks[:, 0]])
    whole = rank_correlations(columns)
    rng = np.random.default_rng(seed)
    draws = [
        rank_correlations(columns[rng.integers(len(columns), size=len(columns))]) for _ in range(RESAMPLES)
    ]
    low, high = np.quantile(np.array(draws), [0.025, 0.975], axis=0)
    # of the coordinates of an array the one that counts most stands for it
    strongest: dict[str, int] = {}
    for place, name in enumerate(groups):
        if name not in strongest or abs(whole[1, place]) > abs(whole[1, strongest[name]]):
            strongest[name] = place
    kept = np.array(list(strongest.values()))
    return (
        whole[0, kept], low[0, kept], high[0, kept], whole[1, kept], low[1, kept], high[1, kept]
    )  # fmt: skip


def rank_correlations(columns: np.ndarray) -> np.ndarray:
    """Spearman's and the partial rank correlation of each column with the last.

    Parameters
    ----------
    columns : array, shape (futures, parameters + 1)

    Returns
    -------
    array, shape (2, parameters)

    Examples
    --------
    >>> x = np.arange(6.0)
    >>> noise = np.array([1.0, -1.0, 0.0, 2.0, -2.0, 0.5])
    >>> float(rank_correlations(np.column_stack([x, noise, x**3]))[0, 0].round(3))
    1.0
    """
    from scipy.stats import rankdata

    with np.errstate(invalid="ignore"):
        correlation = np.nan_to_num(np.corrcoef(rankdata(columns, axis=0), rowvar=False))
    np.fill_diagonal(correlation, 1.0)
    precision = np.linalg.pinv(correlation, hermitian=True)
    scale = np.sqrt(np.clip(np.diag(precision), 1e-300, None))
    partial = -precision[:-1, -1] / (scale[:-1] * scale[-1])
    return np.array([correlation[:-1, -1], np.clip(partial, -1, 1)])
