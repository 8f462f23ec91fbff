"""The models that speed is measured on, what is varied in them and what is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import benchmark_models
import numpy as np

import sdtheory as sd
from sdtheory.experiments.compare import futures
from sdtheory.model.expression import Number
from sdtheory.model.model import CONTROLS, Constant, Model, Stock
from sdtheory.names import canonical

SEED = 1
FEW = 6  # numbers varied and levels kept of a model that says nothing of its own
NEARBY = 0.02  # how far they are varied, of their value


@dataclass(frozen=True)
class Case:
    """A model at work.

    Parameters
    ----------
    name : str
        Under which its ratios are recorded.
    path : Path
        The file that every engine reads.
    model : Model
    sample : callable
        From a number of runs to columns of values.
    outputs : sequence of str
    keep : str
        ``final`` value or whole ``series`` of each output.
    """

    name: str
    path: Path
    model: Model
    sample: Callable[[int], Mapping[str, np.ndarray]]
    outputs: Sequence[str]
    keep: str


def names(rungs: Path) -> list[str]:
    """The cases there are, the study's models among them."""
    return [
        "SIR, final",
        "SIR, series",
        "World3's size, final",
        "World3's size, series",
        *(f"{path.stem}, series" for path in sorted(rungs.glob("*.mdl"))),
    ]


def case(name: str, rungs: Path, folder: Path, world3: str | None) -> Case:
    """A case by its name; a model that is made up is written into the folder.

    Parameters
    ----------
    name : str
    rungs : Path
        Folder of the study's models.
    folder : Path
    world3 : str, optional
        File to take instead of the model that is made up.
    """
    which, keep = name.rsplit(", ", 1)
    if which == "SIR":
        path = _written(folder / "sir.mdl", benchmark_models.sir())
        sample, outputs = _uniform(benchmark_models.SIR_RANGES), ("infectious",)
    elif which == "World3's size" and world3 is None:
        path = _written(folder / "world.mdl", benchmark_models.world())
        sample, outputs = _uniform(benchmark_models.world_ranges()), benchmark_models.world_outputs()
    elif which == "World3's size":
        path = Path(world3)
        return Case(f"{path.stem}, {keep}", path, *_from_itself(sd.load(path)), keep)
    else:
        path = rungs / f"{which}.mdl"
        return Case(name, path, *_from_experiment(sd.load(path), path.with_suffix(".toml")), keep)
    return Case(name, path, sd.load(path), sample, outputs, keep)


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def _uniform(ranges: Mapping[str, tuple[float, float]]) -> Callable[[int], dict[str, np.ndarray]]:
    def sample(runs: int) -> dict[str, np.ndarray]:
        random = np.random.default_rng(SEED)
        return {name: random.uniform(low, high, runs) for name, (low, high) in ranges.items()}

    return sample


def _from_itself(model: Model) -> tuple[Model, Callable, tuple[str, ...]]:
    """The first numbers of a model are varied a little, and its first stocks kept."""
    controls = set(map(canonical, CONTROLS))
    numbers = {
        variable.name: variable.equations[0].expression.value
        for key, variable in model.variables.items()
        if isinstance(variable, Constant)
        and key not in controls
        and not variable.dimensions
        and isinstance(variable.equations[0].expression, Number)
    }
    varied = [name for name, value in numbers.items() if value][:FEW]
    ranges = {name: tuple(sorted(numbers[name] * (1 + by) for by in (-NEARBY, NEARBY))) for name in varied}
    stocks = [variable.name for variable in model.variables.values() if isinstance(variable, Stock)]
    return model, _uniform(ranges), tuple(stocks[:FEW])


def _from_experiment(model: Model, path: Path) -> tuple[Model, Callable, tuple[str, ...]]:
    """A rung's own experiment says what is varied, and its metrics what is kept."""
    experiment = sd.Experiment.read(path)
    outputs = dict.fromkeys(name for metric in experiment.metrics for name in metric.variables())
    return model, lambda runs: futures(model, experiment, runs, SEED)[1], tuple(outputs)
