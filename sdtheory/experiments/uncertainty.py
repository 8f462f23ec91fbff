"""Uncertainties: distributions, and one sample of futures that every policy meets."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sdtheory.errors import ExperimentError, SDWarning

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
}
COMMON_KEYS = {"distribution", "minimum", "maximum", "initial", "free", "source", "assumption", "note"}
METHODS = ("sobol", "latin_hypercube", "random")


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
    """

    name: str
    distribution: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    minimum: float | None = None
    maximum: float | None = None
    free: bool = False
    source: str = ""

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
        numbers = [v for k, v in given.items() if k not in ("values", "weights", "concentration")]
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
        if self.distribution == "dirichlet":
            drawn = _dirichlet(unit, self.parameters)
        else:
            drawn = _quantile(self.distribution, self.parameters, unit)
        return (
            drawn
            if self.minimum is None and self.maximum is None
            else np.clip(drawn, self.minimum, self.maximum)
        )


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
    if kind == "lognormal" and not (
        {"median", "sigma"} <= set(given) or {"median", "p95"} <= set(given) or {"mean", "sd"} <= set(given)
    ):
        return f"'{name}': lognormal needs median and sigma, median and p95, or mean and sd"
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
) -> dict[str, np.ndarray]:
    """One sample of futures: a column of values for each uncertain quantity.

    Parameters
    ----------
    elements : mapping
        For the name of an array uncertainty (dirichlet): its column names, in order.
    """
    if runs < 1:
        raise ExperimentError(f"{runs} runs cannot be compared", remedy="give 1 or more")
    if seed < 0:
        raise ExperimentError(f"seed {seed} is negative", remedy="give 0 or more")
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
        drawn = uncertainty.values(unit[:, column : column + width])
        names = elements.get(uncertainty.name, [uncertainty.name])
        if len(names) != width:
            raise ExperimentError(f"'{uncertainty.name}' has {len(names)} elements, not {width}")
        sample.update({name: drawn[:, i] for i, name in enumerate(names)})
        column += width
    return sample
