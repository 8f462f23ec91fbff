"""What the pieces of the study are made of: the ladder, its models, and results reckoned when first asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import sdtheory as sd

BOOST = "boost theorists"
CONVERTED = "boost theorists, converted"
EXPERIMENTERS = "boost experimenters"
MIDDLE = {"explanation pace ratio": 0.9}  # of its range; at 1 nothing changes in M0's baseline


class Material:
    """The ladder of the study.

    Parameters
    ----------
    folder : Path
        Of the models and of ``ladder.toml``.
    runs, seed, jobs : int, optional
        In place of the ladder's own.
    say : callable, optional
        Called with a line about what is being done.
    """

    def __init__(
        self,
        folder: Path,
        runs: int | None = None,
        seed: int | None = None,
        jobs: int | None = None,
        say: Callable[[str], None] | None = None,
    ):
        self.folder, self.jobs, self.say = folder, jobs, say
        self.read = sd.Ladder.read(folder / "ladder.toml")
        self.runs = self.read.experiment.runs if runs is None else runs
        self.seed = self.read.experiment.seed if seed is None else seed
        self.rungs = tuple(rung.name for rung in self.read.rungs)
        self.files = {rung.name: Path(str(rung.model)) for rung in self.read.rungs}

    @cached_property
    def models(self) -> dict[str, Any]:
        """The model of each rung."""
        return {rung: sd.load(path) for rung, path in self.files.items()}

    @cached_property
    def whole(self) -> Any:
        """The ladder, its refinements switched one at a time too."""
        return self.compared(self.read, self.runs)

    @cached_property
    def plain(self) -> Any:
        """The ladder without its switches."""
        return self.compared(replace(self.read, switches=()), self.runs)

    @property
    def ladder(self) -> Any:
        """The ladder; whether its switches are in it does not matter."""
        return self.whole if "whole" in self.__dict__ else self.plain

    def compared(self, ladder: Any, runs: int) -> Any:
        return sd.ladder(ladder, runs=runs, seed=self.seed, jobs=self.jobs, say=self.say)

    def comparison(self, rung: str) -> Any:
        return self.ladder.comparisons[rung]

    def loops(self, rung: str) -> tuple:
        """The names of a rung's loops, from the experiment beside its model."""
        return sd.Experiment.read(self.files[rung].with_suffix(".toml")).loops

    def note(self) -> str:
        """How many futures there are, for under a figure."""
        return f"{self.runs:,} futures, seed {self.seed}, the same for every policy and rung"
