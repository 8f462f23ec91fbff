"""Threshold maps: where in the plane of two quantities a policy begins to do harm. And crossovers: when."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sdtheory.errors import ExperimentError, UsageError
from sdtheory.experiments.compare import futures
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.measurement import (
    Measurement,
    judged,
    metric_of,
    policy_of,
    ranged,
    refuse_faults,
    refuse_too_many,
)
from sdtheory.experiments.metric import Metric
from sdtheory.experiments.plain import plain
from sdtheory.experiments.points import completed
from sdtheory.experiments.policy import Policy
from sdtheory.experiments.saved import save_result
from sdtheory.model.expression import references
from sdtheory.model.model import Model
from sdtheory.names import canonical

PRECISION = 1e-3  # of an axis: the bracket of a located border
FEWEST_CELLS, MOST_CELLS = 2, 1001

Axis = tuple[str, float, float]


@dataclass(frozen=True)
class ThresholdMap:
    """Paired differences over a grid of two quantities, and the border where they change sign.

    Attributes
    ----------
    x, y : (name, low, high)
    metric, policy, against, better : str
    xs, ys : arrays, shape (cells,)
    differences : array, shape (cells of y, cells of x)
        Of the metric, policy minus the other; the mean over the futures of a sample; NaN where none exists.
    worse : array of the same shape, or None
        With a sample of futures: the share in which the policy is worse.
    contour : pandas.DataFrame
        Columns x, y, along: points of the border between cells, located by bisection along an axis.
    segments : array, shape (segments, 2, 2)
        The border as pieces from one (x, y) to another.
    overlays : mapping of name to array, shape as `differences`
    futures : int
        How many each cell has; 1 without a sample.
    """

    x: Axis
    y: Axis
    metric: str
    policy: str
    against: str
    better: str
    xs: np.ndarray
    ys: np.ndarray
    differences: np.ndarray
    worse: np.ndarray | None
    contour: pd.DataFrame
    segments: np.ndarray
    overlays: Mapping[str, np.ndarray]
    futures: int

    @property
    def signed(self) -> np.ndarray:
        """What changes sign at the border: the difference, or the share worse less a half."""
        return self.differences if self.worse is None else self.worse - 0.5

    @property
    def missing(self) -> int:
        """Cells without a value."""
        return int((~np.isfinite(self.signed)).sum())

    def agreement(self) -> dict[str, float]:
        """For each overlay the share of cells whose sign is the map's; cells without a value do not count."""
        counted = np.isfinite(self.signed)
        above = self.signed[counted] > 0
        return {
            name: float(((signed[counted] > 0) == above).mean()) if counted.any() else math.nan
            for name, signed in self.overlays.items()
        }

    def table(self) -> pd.DataFrame:
        """One row for each cell: the two quantities, the difference, and with a sample the share worse."""
        grid_x, grid_y = np.meshgrid(self.xs, self.ys)
        table = pd.DataFrame(
            {self.x[0]: grid_x.ravel(), self.y[0]: grid_y.ravel(), "difference": self.differences.ravel()}
        )
        return table if self.worse is None else table.assign(worse=self.worse.ravel())

    def to_dict(self) -> dict:
        """The result as plain values: what ``--json`` prints."""
        return plain(
            {
                **{key: getattr(self, key) for key in ("metric", "policy", "against", "better", "futures")},
                "x": dict(zip(("name", "low", "high"), self.x, strict=True)),
                "y": dict(zip(("name", "low", "high"), self.y, strict=True)),
                "xs": self.xs,
                "ys": self.ys,
                "differences": self.differences,
                "worse": self.worse,
                "missing": self.missing,
                "contour": self.contour.to_dict("records"),
                "agreement": self.agreement(),
            }
        )

    def plot(self) -> Any:
        """The map with its border and overlays; a matplotlib Figure."""
        from sdtheory.diagrams.analysis import map_figure

        notes = [f"{name}: {100 * share:.1f} % of cells agree" for name, share in self.agreement().items()]
        notes += [f"{self.missing} cells without a value"] if self.missing else []
        what = f"{self.metric}, '{self.policy}' less '{self.against}'"
        label = "difference" if self.worse is None else f"share of {self.futures} futures worse"
        values = self.differences if self.worse is None else self.worse
        title = "\n".join([what, "; ".join(notes)] if notes else [what])
        labels = (self.x[0], self.y[0], label)
        return map_figure(
            self.xs, self.ys, values, self.segments, self.overlays, labels, title, self.worse is not None
        )

    def save(self, folder: str | Path) -> None:
        """Write result.json, tables and figures into a folder."""
        tables = {"cells": self.table(), "contour": self.contour}
        save_result(folder, self.to_dict(), tables, {"map": self.plot()})


def threshold_map(
    model: Model,
    experiment: Experiment | None = None,
    *,
    x: Axis,
    y: Axis,
    metric: Metric | str | None = None,
    policy: Policy | str | None = None,
    against: Policy | str | None = None,
    cells: int = 41,
    fixed: Mapping[str, float] | None = None,
    overlay: Mapping[str, Callable[[np.ndarray, np.ndarray], Any]] | None = None,
    runs: int = 0,
    seed: int | None = None,
    jobs: int | None = None,
) -> ThresholdMap:
    """Where in the plane of two quantities a policy turns from better to worse.

    The paired difference is computed on a grid in one batch. Wherever it changes from above zero to not
    above zero between neighbours, the border is located by bisection along the axis, to a thousandth of it.

    Parameters
    ----------
    model : Model
    experiment : Experiment, optional
        Its policies, metrics and derived quantities are used, its uncertainties only with `runs`. It may be
        left out when metric and policy are values.
    x, y : (name, low, high)
        Constants, initial values of stocks, or free quantities of the experiment.
    metric : Metric or str, optional
        The experiment's first when left out.
    policy, against : Policy or str, optional
        The only policy, and the baseline, when left out.
    cells : int
        Grid points along each axis.
    fixed : mapping of name to number, optional
        Values of other quantities; without `runs` the rest keep the model's own values.
    overlay : mapping of name to callable, optional
        Each takes arrays of x and y and gives a signed number; its zero line is drawn over the map and the
        share of cells that agree in sign is reported.
    runs : int
        With 1 or more: so many futures of the experiment's sample in every cell, and the map shows the share
        in which the policy is worse; the border is where it passes a half.
    seed, jobs : int, optional

    Returns
    -------
    ThresholdMap

    Raises
    ------
    UnknownName, ExperimentError, UsageError

    Examples
    --------
    >>> import sdtheory as sd
    >>> experiment = sd.Experiment.read("models/m0_seed.toml")
    >>> axes = {"x": ("search leverage", 0.2, 8), "y": ("initial understood share", 0.05, 0.8)}
    >>> found = threshold_map(
    ...     sd.load("models/m0_seed.xmile"), experiment, policy="boost theorists", cells=9, **axes
    ... )
    >>> found.differences.shape, found.missing
    ((9, 9), 0)
    """
    experiment = experiment or Experiment()
    if isinstance(metric, Metric):
        experiment = replace(experiment, metrics=(metric,))
    chosen = metric if isinstance(metric, Metric) else metric_of(experiment, metric)
    pair = [
        policy_of(experiment, policy),
        policy_of(experiment, experiment.baseline if against is None else against),
    ]
    refuse_faults(model, experiment)
    x, y = (_axis(model, experiment, pair, axis) for axis in (x, y))
    _refuse_wrong(x, y, cells, runs, chosen)
    plane = _Plane(model, experiment, chosen, pair, x, y, fixed or {}, runs, seed, jobs, cells**2)
    xs, ys = (np.linspace(low, high, cells) for _, low, high in (x, y))
    grid_x, grid_y = np.meshgrid(xs, ys)
    differences, worse = (
        None if part is None else part.reshape(cells, cells)
        for part in plane.at(grid_x.ravel(), grid_y.ravel())
    )
    assert differences is not None
    signed = differences if worse is None else worse - 0.5
    points = _located(plane, xs, ys, signed)
    return ThresholdMap(
        x=x,
        y=y,
        metric=chosen.name,
        policy=pair[0].name,
        against=pair[1].name,
        better=chosen.better,
        xs=xs,
        ys=ys,
        differences=differences,
        worse=worse,
        contour=pd.DataFrame(
            [(*point, "x" if key[0] == 0 else "y") for key, point in points.items()],
            columns=["x", "y", "along"],
        ),
        segments=_segments(points, signed),
        overlays={
            name: np.broadcast_to(np.asarray(signs(grid_x, grid_y), dtype=float), grid_x.shape)
            for name, signs in (overlay or {}).items()
        },
        futures=max(runs, 1),
    )


def _refuse_wrong(x: Axis, y: Axis, cells: int, runs: int, metric: Metric) -> None:
    if not FEWEST_CELLS <= cells <= MOST_CELLS:
        raise UsageError(f"{cells} cells", remedy=f"give {FEWEST_CELLS} to {MOST_CELLS} along each axis")
    if canonical(x[0]) == canonical(y[0]):
        raise UsageError(f"both axes are '{x[0]}'")
    if runs < 0:
        raise UsageError(f"{runs} runs", remedy="give 0 for the model's own values, or more for a sample")
    refuse_too_many(cells**2 * max(runs, 1), f"{cells} x {cells} cells")
    if runs and metric.better == "none":
        raise ExperimentError(f"'{metric.name}' says neither lower nor higher is better")


def _axis(model: Model, experiment: Experiment, pair: list[Policy], axis: Axis) -> Axis:
    name, low, high = axis
    free = {canonical(u.name): u.name for u in experiment.uncertainties if u.free}
    if canonical(name) in free:
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ExperimentError(f"axis '{name}': low {low:g} is not below high {high:g}")
        return free[canonical(name)], float(low), float(high)
    own = ranged(model, "axis", name, low, high)
    for policy in pair:
        if canonical(own) in {canonical(one) for one in policy.set}:
            raise ExperimentError(f"policy '{policy.name}' sets '{own}', so it cannot be an axis")
    return own, float(low), float(high)


class _Plane:
    """The paired difference as a function of two quantities."""

    def __init__(
        self,
        model: Model,
        experiment: Experiment,
        metric: Metric,
        pair: list[Policy],
        x: Axis,
        y: Axis,
        fixed: Mapping[str, float],
        runs: int,
        seed: int | None,
        jobs: int | None,
        cells: int,
    ):
        self.model, self.metric, self.names = model, metric, (x[0], y[0])
        self.ranges = (x[2] - x[1], y[2] - y[1])
        self.futures = max(runs, 1)
        self.sampled = runs > 0
        free = {canonical(u.name): u.name for u in experiment.uncertainties if u.free}
        self.others: dict[str, np.ndarray] = {}
        if runs:
            seed = experiment.seed if seed is None else seed
            sample, _ = futures(model, experiment, runs, seed)
            derived = {canonical(name) for name in experiment.derived}
            self.others = {
                str(name): sample[name].to_numpy() for name in sample if canonical(str(name)) not in derived
            }
        for name, value in fixed.items():
            own = free.get(canonical(name)) or ranged(model, "fixed", name, value, value + 1)
            self._set(self.others, own, np.full(self.futures, float(value)))
        known = {canonical(name) for name in (*self.others, *self.names)}
        self.experiment = replace(experiment, derived=_derivable(experiment, known, set(free), runs > 0))
        columns = self._columns(np.zeros(1), np.zeros(1))
        self.measurement = Measurement(
            model, experiment, pair, [metric.name], list(columns), expected=2 * cells * self.futures,
            seed=seed, jobs=jobs,
        )  # fmt: skip

    @staticmethod
    def _set(columns: dict[str, np.ndarray], name: str, values: np.ndarray) -> None:
        for other in [one for one in columns if canonical(one) == canonical(name)]:
            del columns[other]
        columns[name] = values

    def _columns(self, x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
        """Inputs for every point and future, flat."""
        columns = {name: np.tile(values, len(x)) for name, values in self.others.items()}
        for name, values in zip(self.names, (x, y), strict=True):
            self._set(columns, name, np.repeat(values, self.futures))
        return completed(self.model, self.experiment, columns, len(x) * self.futures)[1]

    def at(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """The mean difference at each point and, with a sample, the share of its futures that are worse."""
        shape = (len(x), self.futures)
        inputs = {name: values.reshape(shape) for name, values in self._columns(x, y).items()}
        difference, verdict = judged(self.measurement.measure(inputs, shape), self.metric)
        if not self.sampled:
            return difference[:, 0], None
        with np.errstate(invalid="ignore"):
            counts = np.isfinite(verdict).sum(axis=1)
            worse = np.where(counts > 0, (verdict == -1).sum(axis=1) / counts, np.nan)
            exists = np.isfinite(difference)
            total = np.where(exists, difference, 0).sum(axis=1)
            return np.where(exists.any(axis=1), total / exists.sum(axis=1), np.nan), worse

    def signed(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        difference, worse = self.at(x, y)
        return difference if worse is None else worse - 0.5


def _derivable(experiment: Experiment, known: set[str], free: set[str], sampled: bool) -> dict:
    """The derived quantities that follow from what is known; of those that do not, none is half known."""
    if sampled:
        return dict(experiment.derived)
    found: dict[str, Any] = {}
    waiting = {canonical(name): (name, tree) for name, tree in experiment.derived.items()}
    changed = True
    while changed:
        changed = False
        for key, (name, tree) in list(waiting.items()):
            reads = {canonical(part.name) for part in references(tree)}
            if reads & known and not reads & free - known and not reads & set(waiting) - {key}:
                found[name] = tree
                known = known | {key}
                del waiting[key]
                changed = True
    return found


def _located(
    plane: _Plane, xs: np.ndarray, ys: np.ndarray, signed: np.ndarray
) -> dict[tuple[int, int, int], tuple[float, float]]:
    """Where the border crosses each edge of the grid, by bisection, all edges at once.

    Returns
    -------
    mapping of (axis, row, column) to (x, y)
        The edge along x (axis 0) or y (axis 1) that begins at this grid point.
    """
    above = signed > 0
    finite = np.isfinite(signed)
    along_x = (above[:, :-1] != above[:, 1:]) & finite[:, :-1] & finite[:, 1:]
    along_y = (above[:-1] != above[1:]) & finite[:-1] & finite[1:]
    edges = np.array(
        [(0, *edge) for edge in np.argwhere(along_x)] + [(1, *edge) for edge in np.argwhere(along_y)],
        dtype=int,
    ).reshape(-1, 3)
    axis, row, column = edges.T
    low = np.column_stack([xs[column], ys[row]])
    high = np.column_stack([xs[np.minimum(column + (axis == 0), len(xs) - 1)], ys[row + (axis == 1)]])
    start = above[row, column]
    halvings = math.ceil(math.log2(1 / ((len(xs) - 1) * PRECISION))) if len(xs) - 1 < 1 / PRECISION else 0
    alive = np.ones(len(edges), dtype=bool)
    for _ in range(halvings if len(edges) else 0):
        middle = (low + high) / 2
        value = plane.signed(*middle.T)
        alive &= np.isfinite(value)
        same = (value > 0) == start
        low = np.where(same[:, None], middle, low)
        high = np.where(same[:, None], high, middle)
    middle = (low + high) / 2
    return {
        (int(a), int(r), int(c)): (float(point[0]), float(point[1]))
        for (a, r, c), point, kept in zip(edges, middle, alive, strict=True)
        if kept
    }


def _segments(points: Mapping[tuple[int, int, int], tuple[float, float]], signed: np.ndarray) -> np.ndarray:
    """Pieces of the border through each cell of the grid that it crosses."""
    found = []
    rows, columns = signed.shape
    for row in range(rows - 1):
        for column in range(columns - 1):
            keys = [(0, row, column), (1, row, column + 1), (0, row + 1, column), (1, row, column)]
            met = [points[key] for key in keys if key in points]  # bottom, right, top, left
            if len(met) == 2:
                found.append((met[0], met[1]))
            elif len(met) == 4:
                # a saddle: the corners on the side of the middle are joined
                middle = signed[row : row + 2, column : column + 2].mean() > 0
                turn = 0 if middle == (signed[row, column] > 0) else 1
                found += [(met[turn], met[turn + 1]), (met[turn + 2], met[turn - 1])]
    return np.array(found, dtype=float).reshape(-1, 2, 2)
