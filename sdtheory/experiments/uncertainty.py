"""Uncertainties: distributions, and one sample of futures that every policy meets."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sdtheory.errors import ExperimentError, SDWarning
from sdtheory.names import canonical

# keys of each distribution: (required, optional)
KEYS: dict[str, tuple[set[str], set[str]]] = {
    "uniform": ({"low", "high"}, set()),
    "loguniform": ({"low", "high"}, set()),
    "normal": ({"mean", "sd"}, set()),
    "truncated_normal": ({"mean", "sd"}, {"low", "high"}),
    "lognormal": (set(), {"median", "sigma", "p95", "mean", "sd"}),
    "triangular": ({"low", "mode", "high"}, set()),
    "beta": ({"a", "b"}, {"low", "high"}),
    "discrete": ({"values"}, {"weights"}),
    "constant": ({"value"}, set()),
    "dirichlet": ({"concentration"}, {"total"}),
    "empirical": (set(), {"file", "column", "values"}),
}
COMMON_KEYS = {"distribution", "minimum", "maximum", "initial", "free", "source", "assumption", "note"}
METHODS = ("sobol", "latin_hypercube", "random", "grid", "file")
MOST_POINTS = 10_000_000  # of a grid


@dataclass(frozen=True)
class Uncertainty:
    """One uncertain quantity.

    Parameters
    ----------
    name : str
        A constant, a stock (its initial value), an array, or with `free` a name of its own.
    distribution : str
        A key of `KEYS`.
    parameters : mapping
        The distribution's own keys.
    minimum, maximum : float, optional
        Values beyond are clipped.
    free : bool
        No variable of the model; derived formulas use it.
    source : str
        Where the range comes from; ``"assumption"`` for one of our own; "" when the file does not say.
    initial : bool
        Meant for the initial value of a stock.
    """

    name: str
    distribution: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    minimum: float | None = None
    maximum: float | None = None
    free: bool = False
    source: str = ""
    initial: bool = False

    def width(self) -> int:
        """How many coordinates of the unit cube it uses."""
        return len(self.parameters["concentration"]) if self.distribution == "dirichlet" else 1

    def fault(self) -> str | None:
        """What is wrong with its parameters, or None."""
        required, _ = KEYS[self.distribution]
        given = self.parameters
        missing = required - set(given)
        if missing:
            return f"'{self.name}' ({self.distribution}) needs {', '.join(sorted(missing))}"
        if self.distribution == "empirical" and not given.get("values"):
            return f"'{self.name}': an empirical distribution needs values"
        others = ("values", "weights", "concentration", "file", "column")
        numbers = [v for k, v in given.items() if k not in others]
        if not all(isinstance(v, int | float) and np.isfinite(v) for v in numbers):
            return f"'{self.name}': every parameter must be a finite number"
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            return f"'{self.name}': minimum {self.minimum:g} lies above maximum {self.maximum:g}"
        return _rule_broken(self.name, self.distribution, given)

    def values(self, unit: np.ndarray) -> np.ndarray:
        """The inverse of the distribution at points of the unit cube, shape (runs, width).

        Examples
        --------
        >>> Uncertainty("x", "uniform", {"low": 2.0, "high": 4.0}).values(np.array([[0.5]]))
        array([[3.]])
        """
        drawn = self._unclipped(unit)
        if self.minimum is None and self.maximum is None:
            return drawn
        return np.clip(drawn, self.minimum, self.maximum)

    def clipped(self, unit: np.ndarray) -> int:
        """How many values at points of the unit cube lie beyond the minimum or maximum."""
        if self.minimum is None and self.maximum is None:
            return 0
        drawn = self._unclipped(unit)
        return int((drawn != np.clip(drawn, self.minimum, self.maximum)).sum())

    def bounds(self) -> tuple[float, float]:
        """Between which numbers values lie; infinite where there is no end."""
        given = self.parameters
        low, high = given.get("low", -np.inf), given.get("high", np.inf)
        match self.distribution:
            case "beta":
                low, high = given.get("low", 0.0), given.get("high", 1.0)
            case "lognormal":
                low = 0.0
            case "discrete" | "empirical":
                low, high = min(given["values"]), max(given["values"])
            case "constant":
                low = high = given["value"]
            case "dirichlet":
                low, high = 0.0, given.get("total", 1.0)
        least = -np.inf if self.minimum is None else self.minimum
        most = np.inf if self.maximum is None else self.maximum
        return max(low, least), min(high, most)

    def levels(self, count: int) -> np.ndarray:
        """Coordinates of the unit interval for a grid.

        From end to end of a distribution with ends, else the middles of equally likely parts; each value of a
        discrete one.
        """
        match self.distribution:
            case "constant":
                return np.array([0.5])
            case "discrete":
                weights = np.asarray(self.parameters.get("weights", np.ones(len(self.parameters["values"]))))
                edges = np.cumsum(weights[weights > 0] / weights.sum())
                return edges - np.diff(edges, prepend=0.0) / 2
            case "uniform" | "loguniform" | "triangular" | "beta" | "truncated_normal":
                ends = {"low", "high"} <= set(self.parameters) or self.distribution == "beta"
                if ends and count > 1:
                    return np.linspace(0.0, 1.0, count)
        return (np.arange(count) + 0.5) / count

    def _unclipped(self, unit: np.ndarray) -> np.ndarray:
        if self.distribution == "dirichlet":
            return _dirichlet(unit, self.parameters)
        return _quantile(self.distribution, self.parameters, unit)


def _rule_broken(name: str, kind: str, given: Mapping[str, Any]) -> str | None:
    if "low" in given and "high" in given and not given["low"] < given["high"]:
        return f"'{name}': low {given['low']:g} is not below high {given['high']:g}"
    if kind == "loguniform" and given["low"] <= 0:
        return f"'{name}': a loguniform range must lie above 0"
    if "sd" in given and given["sd"] <= 0:
        return f"'{name}': sd must be above 0"
    if kind == "triangular" and not given["low"] <= given["mode"] <= given["high"]:
        return f"'{name}': mode must lie between low and high"
    if kind == "beta" and min(given["a"], given["b"]) <= 0:
        return f"'{name}': a and b must be above 0"
    if kind == "lognormal" and min(given.values(), default=1) <= 0:
        return f"'{name}': the numbers of a lognormal must be above 0"
    if kind == "lognormal" and set(given) not in ({"median", "sigma"}, {"median", "p95"}, {"mean", "sd"}):
        return f"'{name}': lognormal needs median and sigma, median and p95, or mean and sd"
    if kind == "lognormal" and "p95" in given and given["p95"] <= given["median"]:
        return f"'{name}': p95 must lie above the median"
    if kind == "beta" and not given.get("low", 0.0) < given.get("high", 1.0):
        return f"'{name}': low must lie below high, which are 0 and 1 when left out"
    if kind == "discrete":
        weights = given.get("weights", [1.0] * len(given["values"]))
        if (
            not given["values"]
            or len(weights) != len(given["values"])
            or min(weights) < 0
            or sum(weights) <= 0
        ):
            return f"'{name}': as many weights as values, none negative, not all zero"
    if kind == "dirichlet" and (len(given["concentration"]) < 2 or min(given["concentration"]) <= 0):
        return f"'{name}': a dirichlet needs two or more concentrations above 0"
    return None


def _quantile(kind: str, p: Mapping[str, Any], unit: np.ndarray) -> np.ndarray:
    from scipy import stats

    match kind:
        case "uniform":
            return p["low"] + unit * (p["high"] - p["low"])
        case "loguniform":
            return np.exp(np.log(p["low"]) + unit * (np.log(p["high"]) - np.log(p["low"])))
        case "normal":
            return stats.norm.ppf(unit, p["mean"], p["sd"])
        case "truncated_normal":
            low, high = p.get("low", -np.inf), p.get("high", np.inf)
            a, b = (low - p["mean"]) / p["sd"], (high - p["mean"]) / p["sd"]
            return stats.truncnorm.ppf(unit, a, b, p["mean"], p["sd"])
        case "lognormal":
            median, sigma = _lognormal(p)
            return median * np.exp(sigma * stats.norm.ppf(unit))
        case "triangular":
            span = p["high"] - p["low"]
            return stats.triang.ppf(unit, (p["mode"] - p["low"]) / span, p["low"], span)
        case "beta":
            low, high = p.get("low", 0.0), p.get("high", 1.0)
            return stats.beta.ppf(unit, p["a"], p["b"], low, high - low)
        case "discrete":
            weights = np.asarray(p.get("weights", np.ones(len(p["values"]))), dtype=float)
            index = np.searchsorted(np.cumsum(weights / weights.sum()), unit, side="right")
            return np.asarray(p["values"], dtype=float)[np.minimum(index, len(weights) - 1)]
        case "empirical":
            observed = np.sort(np.asarray(p["values"], dtype=float))
            return observed[np.minimum((unit * len(observed)).astype(int), len(observed) - 1)]
    return np.full_like(unit, float(p["value"]))


def _lognormal(p: Mapping[str, Any]) -> tuple[float, float]:
    if "sigma" in p:
        return p["median"], p["sigma"]
    if "p95" in p:
        return p["median"], float(np.log(p["p95"] / p["median"]) / 1.6448536269514722)
    sigma = float(np.sqrt(np.log(1 + (p["sd"] / p["mean"]) ** 2)))
    return float(p["mean"] / np.exp(sigma**2 / 2)), sigma


def _dirichlet(unit: np.ndarray, p: Mapping[str, Any]) -> np.ndarray:
    from scipy import stats

    gammas = stats.gamma.ppf(np.clip(unit, 1e-12, 1 - 1e-12), np.asarray(p["concentration"], dtype=float))
    return p.get("total", 1.0) * gammas / gammas.sum(axis=1, keepdims=True)


def unit_points(method: str, runs: int, width: int, seed: int) -> np.ndarray:
    """Points of the unit cube, shape (runs, width).

    The first points of a Sobol sample are the same for any larger number of runs.

    Examples
    --------
    >>> small, large = unit_points("sobol", 4, 2, 1), unit_points("sobol", 8, 2, 1)
    >>> bool((small == large[:4]).all())
    True
    """
    from scipy.stats import qmc

    if width == 0:
        return np.empty((runs, 0))
    if method == "random":
        return np.random.default_rng(seed).random((runs, width))
    if method not in ("sobol", "latin_hypercube"):
        raise ExperimentError(
            f"sampling method '{method}' does not do here", remedy="use sobol, latin_hypercube or random"
        )
    if method == "latin_hypercube":
        return qmc.LatinHypercube(width, rng=np.random.default_rng(seed)).random(runs)
    if runs & (runs - 1):
        warnings.warn(f"{runs} runs: a Sobol sample is balanced at powers of two", SDWarning, stacklevel=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        points = qmc.Sobol(width, scramble=True, rng=np.random.default_rng(seed)).random(runs)
    return np.clip(points, 1e-12, 1 - 1e-12)  # a scrambled point can be 0, where quantiles are infinite


def correlate(unit: np.ndarray, names: Sequence[str], pairs: Sequence[tuple[str, str, float]]) -> np.ndarray:
    """Give columns of a sample rank correlations, by a Gaussian copula.

    Spearman's rho becomes the copula's correlation 2 sin(pi rho / 6).
    """
    from scipy import stats

    if not pairs:
        return unit
    matrix = np.eye(len(names))
    for one, other, rho in pairs:
        i, j = names.index(one), names.index(other)
        matrix[i, j] = matrix[j, i] = 2 * np.sin(np.pi * rho / 6)
    values, vectors = np.linalg.eigh(matrix)
    if values.min() < 1e-10:
        near = vectors @ np.diag(np.maximum(values, 1e-8)) @ vectors.T
        scale = np.sqrt(np.diag(near))
        near /= np.outer(scale, scale)
        change = float(np.abs(near - matrix).max())
        warnings.warn(
            f"the correlations cannot all hold; the nearest that can are used (largest change {change:.3f})",
            SDWarning,
            stacklevel=3,
        )
        matrix = near
    return stats.norm.cdf(stats.norm.ppf(unit) @ np.linalg.cholesky(matrix).T)


def draw(
    uncertainties: Sequence[Uncertainty],
    elements: Mapping[str, Sequence[str]],
    method: str,
    runs: int,
    seed: int,
    correlations: Sequence[tuple[str, str, float]] = (),
    levels: int = 5,
    columns: Mapping[str, Sequence[float]] | None = None,
) -> dict[str, np.ndarray]:
    """One sample of futures: a column of values for each uncertain quantity.

    Parameters
    ----------
    elements : mapping
        For the name of an array uncertainty (dirichlet): its column names, in order.
    levels : int
        Of each quantity, for ``grid``.
    columns : mapping, optional
        The futures themselves, for ``file``.
    """
    if runs < 1:
        raise ExperimentError(f"{runs} runs cannot be compared", remedy="give 1 or more")
    if seed < 0:
        raise ExperimentError(f"seed {seed} is negative", remedy="give 0 or more")
    if method == "file":
        return given_values(uncertainties, elements, columns or {}, runs)
    if method == "grid":
        return values_at(uncertainties, elements, grid_points(uncertainties, levels, runs))
    unit = unit_points(method, runs, sum(u.width() for u in uncertainties), seed)
    labels = [u.name if i == 0 else f"{u.name} {i}" for u in uncertainties for i in range(u.width())]
    unit = correlate(unit, labels, correlations)
    return values_at(uncertainties, elements, unit)


def values_at(
    uncertainties: Sequence[Uncertainty], elements: Mapping[str, Sequence[str]], unit: np.ndarray
) -> dict[str, np.ndarray]:
    """The columns of a sample at points of the unit cube.

    Parameters
    ----------
    elements : mapping
        As of `draw`.
    unit : array, shape (runs, coordinates)
        Each uncertainty takes as many coordinates as its `width` says, one after another.
    """
    sample: dict[str, np.ndarray] = {}
    column = 0
    for uncertainty in uncertainties:
        width = uncertainty.width()
        own = unit[:, column : column + width]
        drawn = uncertainty.values(own)
        if count := uncertainty.clipped(own):
            warnings.warn(
                f"{count:,} of {drawn.size:,} values of '{uncertainty.name}' lie beyond its minimum or maximum, "
                "which is used in their place",
                SDWarning,
                stacklevel=3,
            )
        names = elements.get(uncertainty.name, [uncertainty.name])
        if len(names) != width:
            raise ExperimentError(f"'{uncertainty.name}' has {len(names)} elements, not {width}")
        sample.update({name: drawn[:, i] for i, name in enumerate(names)})
        column += width
    return sample


def grid_size(uncertainties: Sequence[Uncertainty], levels: int) -> int:
    """How many points a grid has.

    Examples
    --------
    >>> grid_size([Uncertainty("x", "uniform"), Uncertainty("y", "discrete", {"values": [1, 2, 5]})], 4)
    12
    """
    sizes = {"constant": 1}
    found = 1
    for one in uncertainties:
        own = levels ** one.width()
        if one.distribution == "discrete":
            weights = one.parameters.get("weights", [1.0] * len(one.parameters["values"]))
            own = sum(weight > 0 for weight in weights)
        found *= sizes.get(one.distribution, own)
    return found


def grid_points(uncertainties: Sequence[Uncertainty], levels: int, runs: int) -> np.ndarray:
    """All combinations of the levels of each uncertainty, as points of the unit cube; the last varies fastest.

    Raises
    ------
    ExperimentError
        When there are too many, or not as many as runs.
    """
    count = grid_size(uncertainties, levels)
    if count > MOST_POINTS:
        raise ExperimentError(f"the grid has {count:,} points; the limit is {MOST_POINTS:,}")
    if runs != count:
        raise ExperimentError(f"{runs:,} runs of a grid of {count:,} points", remedy="leave the runs out")
    axes = [one.levels(levels) for one in uncertainties for _ in range(one.width())]
    if not axes:
        return np.empty((1, 0))
    return np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1)


def given_values(
    uncertainties: Sequence[Uncertainty],
    elements: Mapping[str, Sequence[str]],
    columns: Mapping[str, Sequence[float]],
    runs: int,
) -> dict[str, np.ndarray]:
    """The first futures of a file.

    Raises
    ------
    ExperimentError
        When a column is missing, or there are fewer rows than runs.
    """
    by_key = {canonical(name): values for name, values in columns.items()}
    wanted = [name for one in uncertainties for name in elements.get(one.name, [one.name])]
    missing = [f"'{name}'" for name in wanted if canonical(name) not in by_key]
    if missing:
        raise ExperimentError(f"the file of futures has no column {', '.join(missing)}")
    extra = [f"'{name}'" for name in columns if canonical(name) not in set(map(canonical, wanted))]
    if extra:
        text = f"no uncertainty is named {', '.join(extra)}; the column is left out"
        warnings.warn(text, SDWarning, stacklevel=4)
    rows = min(map(len, by_key.values()), default=0)
    if runs > rows:
        raise ExperimentError(f"{runs:,} runs, but the file of futures has {rows:,} rows")
    return {name: np.array(by_key[canonical(name)][:runs], dtype=float) for name in wanted}
