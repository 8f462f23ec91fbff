"""What discovery finds: boxes and rules of futures, as tables, sentences, plain values and figures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sdtheory.experiments.plain import records
from sdtheory.experiments.saved import save_result


@dataclass(frozen=True)
class Case:
    """The futures that count, and those among them in which the policy does what was asked about.

    Attributes
    ----------
    policy, metric, when : str
    dimensions : tuple of str
        Sampled quantities, in the order of the columns of `points`.
    points : array, shape (counted, dimensions)
    hit : array of bool, shape (counted,)
    left_out : int
        Futures in which the comparison does not exist.
    """

    policy: str
    metric: str
    when: str
    dimensions: tuple[str, ...]
    discrete: tuple[int, ...]
    points: np.ndarray
    hit: np.ndarray
    left_out: int

    @property
    def base_rate(self) -> float:
        return float(self.hit.mean())

    def head(self) -> dict:
        """What every result says first."""
        return {
            "policy": self.policy,
            "metric": self.metric,
            "when": self.when,
            "futures": len(self.hit),
            "left_out": self.left_out,
            "cases": int(self.hit.sum()),
            "base_rate": self.base_rate,
        }

    def words(self) -> str:
        return f"the policy is {self.when}" if self.when in ("worse", "better") else f"{self.when} holds"


@dataclass(frozen=True)
class Box:
    """A box of futures: its limits by name, and how well it holds the cases.

    Attributes
    ----------
    limits : mapping of str to (low, high)
        Restricted numeric dimensions; None where a side is open.
    categories : mapping of str to tuple of float
        Restricted discrete dimensions and the values that stay.
    count, cases : int
    density, coverage, mass : float
        Cases among the futures inside; cases inside of all; futures inside of all.
    quasi_p : mapping of str to float
    reproduced : mapping of str to float
        For every dimension the share of half-samples in which it is restricted.
    trajectory : pandas.DataFrame
        Columns step, mass, coverage, density, restricted (how many dimensions).
    step : int
        The place in the trajectory that was chosen, before pasting.
    """

    limits: dict[str, tuple[float | None, float | None]]
    categories: dict[str, tuple[float, ...]]
    count: int
    cases: int
    density: float
    coverage: float
    mass: float
    quasi_p: dict[str, float]
    reproduced: dict[str, float]
    trajectory: pd.DataFrame
    step: int

    def conditions(self) -> str:
        """The limits in words: ``difficulty slope < 0.19 and safety delay > 2.2``."""
        parts = [interval(name, low, high) for name, (low, high) in self.limits.items()]
        for name, kept in self.categories.items():
            parts.append(f"{name} {' or '.join(f'{value:.3g}' for value in kept)}")
        return " and ".join(parts)

    def to_dict(self) -> dict:
        return {
            "limits": {name: {"low": low, "high": high} for name, (low, high) in self.limits.items()},
            "categories": {name: list(kept) for name, kept in self.categories.items()},
            "count": self.count,
            "cases": self.cases,
            "density": self.density,
            "coverage": self.coverage,
            "mass": self.mass,
            "quasi_p": self.quasi_p,
            "reproduced": self.reproduced,
            "step": self.step,
            "trajectory": records(self.trajectory),
        }


@dataclass(frozen=True)
class Discovery:
    """Boxes of futures in which a policy does what was asked about, the first found first."""

    case: Case
    boxes: tuple[Box, ...]

    def table(self) -> pd.DataFrame:
        """One row for each box and restricted dimension."""
        rows = []
        for number, box in enumerate(self.boxes, 1):
            about = {key: getattr(box, key) for key in ("density", "coverage", "mass", "count")}
            for name, text in _limits_in_words(box).items():
                low, high = box.limits.get(name, (None, None))
                row = {"box": number, "dimension": name, "low": low, "high": high, "limits": text}
                rows.append(
                    {**row, "quasi_p": box.quasi_p[name], "reproduced": box.reproduced[name], **about}
                )
        columns = ["box", "dimension", "low", "high", "limits", "quasi_p", "reproduced"]
        return pd.DataFrame(rows, columns=[*columns, "density", "coverage", "mass", "count"])

    def sentences(self) -> list[str]:
        """Each box in one sentence."""
        return [_sentence(box, self.case) for box in self.boxes]

    def to_dict(self) -> dict:
        """The result as plain values: what ``--json`` prints."""
        boxes = [
            {**box.to_dict(), "sentence": text}
            for box, text in zip(self.boxes, self.sentences(), strict=True)
        ]
        return {"method": "prim", **self.case.head(), "boxes": boxes}

    def plot(self, box: int = 0) -> Any:
        """The peeling trajectory of a box and its limits; a matplotlib Figure."""
        from sdtheory.diagrams.analysis import box_figure

        one = self.boxes[box]
        spans = {
            name: (float(column.min()), float(column.max()))
            for name, column in zip(self.case.dimensions, self.case.points.T, strict=True)
        }
        limits = {
            name: (spans[name], *(one.limits.get(name, (None, None)))) for name in _limits_in_words(one)
        }
        chosen = (one.coverage, one.density)
        return box_figure(
            one.trajectory, one.step, chosen, limits, self.case.base_rate, self.sentences()[box]
        )

    def save(self, folder: str | Path) -> None:
        """Write result.json, tables and figures into a folder."""
        tables = {"boxes": self.table()}
        tables |= {f"trajectory_{place}": box.trajectory for place, box in enumerate(self.boxes, 1)}
        figures = {f"box_{place + 1}": self.plot(place) for place in range(len(self.boxes))}
        save_result(folder, self.to_dict(), tables, figures)


@dataclass(frozen=True)
class Rules:
    """A tree of rules: each leaf a rule, the densest first."""

    case: Case
    leaves: pd.DataFrame

    def table(self) -> pd.DataFrame:
        """Columns rule, density, coverage, mass, count, cases."""
        return self.leaves

    def sentences(self) -> list[str]:
        """The leaves in which the case is commoner than overall, each in one sentence."""
        dense = self.leaves[self.leaves["density"] > self.case.base_rate]
        return [_in_words(row["rule"], row, self.case) for row in dense.to_dict("records")]

    def to_dict(self) -> dict:
        """The result as plain values: what ``--json`` prints."""
        rules = records(self.leaves)
        return {"method": "cart", **self.case.head(), "rules": rules, "sentences": self.sentences()}

    def plot(self) -> Any:
        """Density of each rule beside the base rate; a matplotlib Figure."""
        from sdtheory.diagrams.analysis import rules_figure

        return rules_figure(self.leaves, self.case.base_rate, f"futures in which {self.case.words()}")

    def save(self, folder: str | Path) -> None:
        """Write result.json, tables and figures into a folder."""
        save_result(folder, self.to_dict(), {"rules": self.leaves}, {"rules": self.plot()})


def interval(name: str, low: float | None, high: float | None) -> str:
    if low is None:
        return f"{name} < {high:.3g}"
    if high is None:
        return f"{name} > {low:.3g}"
    return f"{low:.3g} < {name} < {high:.3g}"


def _limits_in_words(box: Box) -> dict[str, str]:
    numeric = {name: interval(name, *span) for name, span in box.limits.items()}
    kept = {name: " or ".join(f"{v:.3g}" for v in values) for name, values in box.categories.items()}
    return {**numeric, **kept}


def _sentence(box: Box, case: Case) -> str:
    if not box.limits and not box.categories:
        return f"no limits tell apart the futures in which {case.words()} (base rate {case.base_rate:.0%})"
    return _in_words(box.conditions(), {"density": box.density, "coverage": box.coverage}, case)


def _in_words(conditions: str, shares: dict, case: Case) -> str:
    density, coverage = 100 * shares["density"], 100 * shares["coverage"]
    return (
        f"in {density:.0f} % of the futures with {conditions} {case.words()} "
        f"(base rate {100 * case.base_rate:.0f} %; covers {coverage:.0f} %)"
    )
