"""Discovery: in which futures does a policy do harm? Boxes (PRIM) or a tree of rules (CART)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd

from sdtheory.errors import ExperimentError, UsageError
from sdtheory.experiments import prim
from sdtheory.experiments.comparison import Comparison
from sdtheory.experiments.extras import need
from sdtheory.experiments.formula import read_formula
from sdtheory.experiments.scenarios import Box, Case, Discovery, Rules, interval
from sdtheory.model.expression import evaluate, references
from sdtheory.names import canonical, unknown

METHODS = ("prim", "cart")
FEWEST = 20  # cases, below which nothing is worth finding
HALF_SAMPLES = 20
DEPTH, LEAF = 4, 0.05
KNOWN = ("difference", "value", "baseline")  # what an expression of `when` may read


def discover(
    comparison: Comparison,
    metric: str,
    *,
    policy: str | None = None,
    against: str | None = None,
    when: str = "worse",
    method: str = "prim",
    dimensions: Sequence[str] | None = None,
    boxes: int = 1,
    density: float | None = None,
    step: int | None = None,
) -> Discovery | Rules:
    """Find in which futures a policy is worse (or better, or fulfils an expression).

    Parameters
    ----------
    comparison : Comparison
    metric : str
    policy : str, optional
        May be left out when there is only one beside the baseline.
    against : str, optional
        The baseline when left out.
    when : str
        ``worse``, ``better``, or a formula of ``difference``, ``value`` and ``baseline``, such as
        ``"difference > 0.5"``.
    method : str
        ``prim`` or ``cart`` (scikit-learn; at most four levels, leaves of 5 % or more).
    dimensions : sequence of str, optional
        Columns of the comparison's samples; when left out, all uncertainties that vary.
    boxes : int
        How many boxes PRIM looks for, each in what the ones before left; it stops when fewer than 20 cases
        are left, or when a box is no denser than all futures together.
    density, step : float, int, optional
        Choose the first box that is so dense, or the box at this place of the peeling trajectory; without,
        the one of the highest coverage times density.

    Returns
    -------
    Discovery or Rules

    Raises
    ------
    ExperimentError
        When there are fewer than 20 cases, or nothing but cases, or no dimension varies.
    UsageError
        When scikit-learn is missing.

    Examples
    --------
    >>> import sdtheory as sd
    >>> experiment = sd.Experiment.read("models/m0_seed.toml")
    >>> comparison = sd.compare(sd.load("models/m0_seed.xmile"), experiment, runs=512)
    >>> found = discover(comparison, "gap after 10 years", policy="boost theorists")
    >>> sorted(found.boxes[0].limits)
    ['initial capability', 'search leverage']
    """
    if method not in METHODS:
        raise unknown("method", method, METHODS)
    if boxes < 1:
        raise UsageError(f"{boxes} boxes cannot be looked for", remedy="give 1 or more")
    case = _case(comparison, metric, only_policy(comparison, policy), against, when, dimensions)
    if method == "cart":
        return _by_tree(case, comparison.seed)
    return _by_boxes(case, boxes, density, step, comparison.seed)


def only_policy(comparison: Comparison, policy: str | None) -> str:
    """The policy asked for, or the only one beside the baseline."""
    if policy is None:
        if len(comparison.policies) != 2:
            names = ", ".join(f"'{name}'" for name in comparison.policies[1:])
            raise UsageError("which policy?", remedy=f"there are {names}" if names else "there is none")
        return comparison.policies[1]
    for name in comparison.policies:
        if canonical(name) == canonical(policy):
            return name
    raise unknown("policy", policy, comparison.policies)


def _case(
    comparison: Comparison,
    metric: str,
    policy: str,
    against: str | None,
    when: str,
    dimensions: Sequence[str] | None,
) -> Case:
    chosen = comparison.metric(metric)
    difference, verdict = comparison.paired(policy, chosen.name, against)
    if when in ("worse", "better"):
        if chosen.better == "none":
            raise ExperimentError(
                f"'{chosen.name}' says neither lower nor higher is better", remedy="give `better` in the file"
            )
        wanted = verdict
        hit = verdict == (1.0 if when == "better" else -1.0)
    else:
        rows = {name: place for place, name in enumerate(comparison.policies)}
        base = only_policy(comparison, against or comparison.policies[0])
        values = comparison.values[chosen.name]
        known = {"difference": difference, "value": values[rows[policy]], "baseline": values[rows[base]]}
        wanted, hit = difference, _fulfilled(when, known)
    counted = np.isfinite(wanted)
    names = _dimensions(comparison, dimensions)
    kinds = {canonical(u.name): u.distribution for u in comparison.experiment.uncertainties}
    discrete = tuple(d for d, name in enumerate(names) if kinds.get(canonical(name)) == "discrete")
    points = comparison.samples[list(names)].to_numpy(dtype=float)[counted]
    case = Case(policy, chosen.name, when, names, discrete, points, hit[counted], int((~counted).sum()))
    _refuse_hopeless(case)
    return case


def _fulfilled(when: str, known: dict[str, np.ndarray]) -> np.ndarray:
    tree = read_formula(when)
    for part in references(tree):
        if canonical(part.name) not in known:
            raise unknown("quantity", part.name, KNOWN)
    with np.errstate(invalid="ignore"):
        found = np.asarray(evaluate(tree, known), dtype=float)
    return np.broadcast_to(found, known["difference"].shape) != 0


def _dimensions(comparison: Comparison, asked: Sequence[str] | None) -> tuple[str, ...]:
    columns = {canonical(str(name)): str(name) for name in comparison.samples}
    if asked is not None:
        for name in asked:
            if canonical(name) not in columns:
                raise unknown("sampled quantity", name, columns.values())
        return tuple(columns[canonical(name)] for name in asked)
    # a derived quantity says again what its sources say
    derived = {canonical(name) for name in comparison.experiment.derived}
    samples = comparison.samples
    names = tuple(name for key, name in columns.items() if key not in derived and samples[name].nunique() > 1)
    if not names:
        raise ExperimentError("no sampled quantity varies", remedy="give the experiment an [uncertainty]")
    return names


def _refuse_hopeless(case: Case) -> None:
    cases, total = int(case.hit.sum()), len(case.hit)
    if total and cases == total:
        raise ExperimentError(f"in all {total} futures {case.words()}: there is nothing to tell apart")
    if cases < FEWEST:
        raise ExperimentError(
            f"in {cases} of {total} futures {case.words()}; discovery needs {FEWEST}",
            remedy="give more runs" if cases else None,
        )


def _by_boxes(case: Case, boxes: int, density: float | None, step: int | None, seed: int) -> Discovery:
    points, hit = case.points, case.hit
    found: list[Box] = []
    while len(found) < boxes and hit.sum() >= FEWEST and not hit.all():
        box, candidate = _one_box(case, points, hit, density, step, seed)
        if found and box.density <= case.base_rate:
            break
        found.append(box)
        left = ~candidate.limits.inside(points)
        points, hit = points[left], hit[left]
    return Discovery(case, tuple(found))


def _one_box(
    case: Case, points: np.ndarray, hit: np.ndarray, density: float | None, step: int | None, seed: int
) -> tuple[Box, prim.Candidate]:
    total, all_cases, names = len(case.hit), int(case.hit.sum()), case.dimensions
    pick: Callable[[Sequence[prim.Candidate]], int] = partial(prim.choose, density=density, step=step)
    if step is not None:
        longest = len(prim.peel(points, hit, case.discrete, total=total)) - 1
        if not 0 <= step <= longest:
            raise UsageError(f"step {step} is not in the peeling trajectory", remedy=f"give 0 to {longest}")
    candidate, trajectory, chosen = prim.find(points, hit, case.discrete, pick, total)
    if step is not None:
        pick = partial(_nearest_mass, mass=trajectory[chosen].count / len(points))
    limits = candidate.limits
    numeric = [d for d in limits.restricted() if d not in limits.kept]
    box = Box(
        limits={names[d]: (_open(limits.low[d]), _open(limits.high[d])) for d in numeric},
        categories={names[d]: tuple(sorted(kept)) for d, kept in limits.kept.items()},
        count=candidate.count,
        cases=candidate.cases,
        density=candidate.density,
        coverage=candidate.cases / all_cases,
        mass=candidate.count / total,
        quasi_p={names[d]: prim.quasi_p(points, hit, limits, d) for d in limits.restricted()},
        reproduced=dict(zip(names, _reproduced(case, points, hit, pick, seed), strict=True)),
        trajectory=_trajectory(trajectory, total, all_cases),
        step=chosen,
    )
    return box, candidate


def _trajectory(trajectory: Sequence[prim.Candidate], total: int, all_cases: int) -> pd.DataFrame:
    rows = [
        {
            "step": place,
            "mass": one.count / total,
            "coverage": one.cases / all_cases,
            "density": one.density,
            "restricted": len(one.limits.restricted()),
        }
        for place, one in enumerate(trajectory)
    ]
    return pd.DataFrame(rows)


def _nearest_mass(trajectory: Sequence[prim.Candidate], mass: float) -> int:
    shares = np.array([one.count for one in trajectory]) / trajectory[0].count
    return int(np.abs(shares - mass).argmin())


def _reproduced(case: Case, points: np.ndarray, hit: np.ndarray, pick: Callable, seed: int) -> list[float]:
    """How often each dimension is restricted when half of the futures are looked at, 20 times.

    Each half-sample's box is chosen as the whole one's was; in place of a step chosen by hand, the box
    nearest to it in mass.
    """
    rng = np.random.default_rng(seed)
    times = np.zeros(points.shape[1])
    for _ in range(HALF_SAMPLES):
        half = rng.permutation(len(points))[: len(points) // 2]
        box, _, _ = prim.find(points[half], hit[half], case.discrete, pick, round(len(case.hit) / 2))
        times[box.limits.restricted()] += 1
    return (times / HALF_SAMPLES).tolist()


def _open(bound: float) -> float | None:
    return float(bound) if math.isfinite(bound) else None


def _by_tree(case: Case, seed: int) -> Rules:
    tree = need("sklearn.tree", "scikit-learn", "discovery by CART")
    fitted = tree.DecisionTreeClassifier(max_depth=DEPTH, min_samples_leaf=LEAF, random_state=seed)
    fitted.fit(case.points, case.hit)
    nodes, leaf_of = fitted.tree_, fitted.apply(case.points)
    open_box: dict[int, tuple[float | None, float | None]] = {}
    open_box.update(dict.fromkeys(range(len(case.dimensions)), (None, None)))
    rows: list[dict] = []
    waiting = [(0, open_box)]
    while waiting:
        node, limits = waiting.pop()
        left, right, d = nodes.children_left[node], nodes.children_right[node], nodes.feature[node]
        if left != right:
            bound = float(nodes.threshold[node])
            low, high = limits[d]
            waiting += [(right, {**limits, d: (bound, high)}), (left, {**limits, d: (low, bound)})]
            continue
        inside = leaf_of == node
        parts = [interval(case.dimensions[d], *span) for d, span in limits.items() if span != (None, None)]
        cases = int(case.hit[inside].sum())
        rows.append(
            {
                "rule": " and ".join(parts) or "any",
                "density": cases / int(inside.sum()),
                "coverage": cases / int(case.hit.sum()),
                "mass": float(inside.mean()),
                "count": int(inside.sum()),
                "cases": cases,
            }
        )
    leaves = pd.DataFrame(rows).sort_values("density", ascending=False, kind="stable", ignore_index=True)
    return Rules(case, leaves)
