"""The experiment: policies, uncertainties, sampling and metrics, read from a file and checked whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sdtheory.experiments.cin import read_changes
from sdtheory.experiments.fit import Fit
from sdtheory.experiments.metric import Metric
from sdtheory.experiments.policy import BASELINE, Policy
from sdtheory.experiments.reader import Reader
from sdtheory.experiments.toml_file import included, parsed, read_text
from sdtheory.experiments.uncertainty import Uncertainty, grid_size
from sdtheory.limits import Limits
from sdtheory.model.expression import Expression
from sdtheory.model.model import Model


@dataclass(frozen=True)
class Experiment:
    """Policies, uncertainties, sampling and metrics: everything a comparison needs beside the model.

    Parameters
    ----------
    policies, metrics, uncertainties : tuples
    derived : mapping of str to Expression
        Quantities computed from sampled ones.
    correlations : tuple of (str, str, float)
        Rank correlations of pairs of uncertainties.
    baseline : Policy
    method : str
        ``sobol``, ``latin_hypercube``, ``random``, ``grid`` or ``file``.
    runs, seed : int
        A grid or file has as many futures as it has.
    levels : int
        Of each quantity of a grid.
    path : str
        Of a file of futures.
    columns : mapping of str to tuple of float
        The futures of that file.
    simulation : mapping
        Settings in place of the model's: start, stop, time_step, save_every, method.
    loops : tuple of mapping
        Loops with names, for loop differences.
    fixed : mapping
        Values that are written down and not varied.
    title, model, file, text : str
        What the file says of itself; the last two are no part of equality.

    Examples
    --------
    >>> Experiment.read("models/m0_seed.toml").policies[0].name
    'boost theorists'
    """

    policies: tuple[Policy, ...] = ()
    metrics: tuple[Metric, ...] = ()
    uncertainties: tuple[Uncertainty, ...] = ()
    derived: Mapping[str, Expression] = field(default_factory=dict)
    correlations: tuple[tuple[str, str, float], ...] = ()
    baseline: Policy = BASELINE
    method: str = "sobol"
    runs: int = 1024
    seed: int = 1
    levels: int = 5
    path: str = ""
    columns: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    simulation: Mapping[str, Any] = field(default_factory=dict)
    loops: tuple[Mapping[str, Any], ...] = ()
    fixed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    title: str = ""
    model: str = ""
    file: str = field(default="", compare=False)
    text: str = field(default="", compare=False, repr=False)

    def __post_init__(self) -> None:
        # a grid and a file have as many futures as they have
        if self.method == "grid":
            object.__setattr__(self, "runs", grid_size(self.uncertainties, self.levels))
        elif self.method == "file" and self.columns:
            object.__setattr__(self, "runs", min(self.runs, *map(len, self.columns.values())))

    @staticmethod
    def read(path: str | Path, limits: Limits | None = None) -> Experiment:
        """Read an experiment file, or a Vensim changes file (.cin) as an experiment of one policy and one future.

        Parameters
        ----------
        path : path-like
        limits : Limits, optional

        Raises
        ------
        ExperimentError
            With every fault of the file, one a line, each with its line number.
        """
        limits = limits or Limits()
        if _is_cin(path):
            policy, text = read_changes(path, limits=limits)
            return Experiment(policies=(policy,), runs=1, file=str(path), text=text)
        text = read_text(path, limits)
        reader = Reader(str(path), text)
        folder = Path(path).parent
        tables, wrong = included(parsed(text, str(path)), folder, limits)
        for one in wrong:
            reader.fault(one, "include")
        found = reader.experiment(tables, folder, limits)
        reader.stop_on_faults()
        return Experiment(**found, file=str(path), text="\n".join(reader.lines) + "\n")

    def to_toml(self) -> str:
        """The experiment as the text of a file that reads as the same experiment.

        Files of futures and of observed values are named as they are here: relative to the file's folder.

        Examples
        --------
        >>> print(Experiment(policies=(Policy("boost", set={"theorist boost": 0.5}),), runs=64).to_toml())
        [[policy]]
        name = "boost"
        set = { "theorist boost" = 0.5 }
        <BLANKLINE>
        [sampling]
        method = "sobol"
        runs = 64
        seed = 1
        <BLANKLINE>
        """
        from sdtheory.experiments.toml_writing import experiment_text

        return experiment_text(self)

    @property
    def toml(self) -> str:
        """The text of its file, or what `to_toml` gives when it was not read from a TOML file."""
        return self.text if self.text and not _is_cin(self.file) else self.to_toml()

    def check(self, model: Model) -> list[str]:
        """Every way in which the experiment does not fit the model, each with its line where known."""
        return Fit(self, model).check()

    def notes(self, model: Model) -> list[str]:
        """What the experiment does that may not be what was meant, each with its line where known.

        Times outside the run, replaced equations, changes that no metric depends on, values of the model outside
        of the ranges of their uncertainties. The experiment must fit the model.
        """
        return Fit(self, model).notes()


def _is_cin(path: str | Path) -> bool:
    return Path(path).suffix.casefold() == ".cin"
