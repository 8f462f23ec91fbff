"""Searches over the unit cube for points of low cost: scipy's for one objective, pymoo's for several."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from sdtheory.errors import ExperimentError
from sdtheory.experiments.extras import need
from sdtheory.experiments.uncertainty import unit_points

METHODS = ("differential_evolution", "nelder_mead", "nsga2")
STARTS = 4  # of Nelder and Mead's simplex
FRONT = 64  # points of a front, with enough evaluations
BEHIND = 1e30  # costs of points that break a constraint begin here


@dataclass
class Search:
    """What to search, and what was seen on the way.

    Attributes
    ----------
    costs, violation : callable
        Of points, shape (points, width): costs of shape (points, objectives), violations of shape (points,).
        Not a number, or a violation above 0, puts a point behind all others.
    width, objectives, seed, evaluations : int
    done, penalised : int
        Points that were tried, and how many of them were put behind.
    trace : list of (int, float, ...)
        After each batch: points tried, and the lowest allowed cost of each objective so far.
    """

    costs: Callable[[np.ndarray], np.ndarray]
    violation: Callable[[np.ndarray], np.ndarray]
    width: int
    objectives: int
    seed: int
    evaluations: int
    done: int = 0
    penalised: int = 0
    trace: list[tuple[float, ...]] = field(default_factory=list)

    def tried(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Costs without anything that is no number, and violations."""
        inside = np.clip(np.atleast_2d(points), 0, 1)
        costs, broken = self.costs(inside), self.violation(inside)
        bad = (broken > 0) | ~np.isfinite(costs).all(axis=1)
        self.done += len(inside)
        self.penalised += int(bad.sum())
        lowest = np.where(bad[:, None], np.inf, costs).min(axis=0)
        if self.trace:
            lowest = np.minimum(lowest, self.trace[-1][1:])
        self.trace.append((self.done, *lowest))
        return np.where(np.isfinite(costs), costs, BEHIND), np.where(bad, np.maximum(broken, 1e-12), 0.0)

    def penalised_cost(self, points: np.ndarray) -> np.ndarray:
        """One objective in which every broken point costs more than every other, the more the worse broken."""
        costs, broken = self.tried(points)
        return np.where(broken > 0, BEHIND * (1 + broken), costs[:, 0])


def search_one(search: Search, method: str) -> np.ndarray:
    """The best point, shape (1, width).

    Raises
    ------
    ExperimentError
        When every point breaks a constraint or has no value.
    """
    from scipy.optimize import differential_evolution, minimize

    bounds = [(0.0, 1.0)] * search.width
    if method == "differential_evolution":
        members = max(5 * search.width, 16)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about the balance of the first sample
            found = differential_evolution(
                lambda columns: search.penalised_cost(columns.T),
                bounds,
                maxiter=max(search.evaluations // members - 1, 1),
                init=unit_points("sobol", 1 << (members - 1).bit_length(), search.width, search.seed),
                rng=np.random.default_rng(search.seed),
                tol=1e-10,
                atol=1e-12,
                polish=False,
                updating="deferred",
                vectorized=True,
            )
        best, cost = found.x, found.fun
    else:
        first = unit_points("sobol", 1 << (8 * search.width - 1).bit_length(), search.width, search.seed)
        costs = search.penalised_cost(first)
        best, cost = first[costs.argmin()], costs.min()
        for start in first[np.argsort(costs, kind="stable")[:STARTS]]:
            left = (search.evaluations - search.done) // STARTS
            options = {"maxfev": max(left, 20), "xatol": 1e-7, "fatol": 1e-12}
            found = minimize(
                lambda point: float(search.penalised_cost(point)[0]),
                start,
                method="Nelder-Mead",
                bounds=bounds,
                options=options,
            )
            if found.fun < cost:
                best, cost = found.x, found.fun
    if cost >= BEHIND:
        raise ExperimentError("every setting breaks a constraint or has runs without a value")
    return np.clip(np.atleast_2d(best), 0, 1)


def search_front(search: Search) -> np.ndarray:
    """Points that no other beats on every objective, by NSGA-II (Deb et al. 2002), shape (points, width).

    Raises
    ------
    ExperimentError
        When every point breaks a constraint or has no value.
    UsageError
        When pymoo is missing.
    """
    nsga2 = need("pymoo.algorithms.moo.nsga2", "pymoo", "a search with several objectives")
    base = need("pymoo.core.problem", "pymoo", "a search with several objectives").Problem
    minimize = need("pymoo.optimize", "pymoo", "a search with several objectives").minimize

    class Levers(base):  # type: ignore[misc, valid-type]
        def _evaluate(self, points, out, *args, **kwargs):
            costs, broken = search.tried(points)
            out["F"] = costs
            out["G"] = broken[:, None]

    problem = Levers(n_var=search.width, n_obj=search.objectives, n_ieq_constr=1, xl=0.0, xu=1.0)
    size = min(FRONT, 1 << max(search.evaluations // 8, 8).bit_length() - 1)
    first = unit_points("sobol", size, search.width, search.seed)
    state = np.random.get_state()  # pymoo seeds numpy's common generator
    algorithm = nsga2.NSGA2(pop_size=size, sampling=first)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of numpy's, about pymoo's calls
            found = minimize(problem, algorithm, ("n_eval", search.evaluations), seed=search.seed)
    finally:
        np.random.set_state(state)
    if found.X is None:
        raise ExperimentError("every setting breaks a constraint or has runs without a value")
    points, places = np.unique(np.clip(np.atleast_2d(found.X), 0, 1), axis=0, return_index=True)
    return points[np.argsort(np.atleast_2d(found.F)[places, 0], kind="stable")]
