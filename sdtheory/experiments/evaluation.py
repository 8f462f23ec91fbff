"""What a policy gives in given futures: the one place where experiments run models and measure metrics."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from sdtheory.errors import SDError, SDWarning, SimulationError, UnknownName
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.metric import Metric, in_order
from sdtheory.experiments.metric_reducers import columns_of, combined, parts_of, reducers_of
from sdtheory.experiments.policy import Policy, apply, inputs_under, split_element
from sdtheory.model.expression import Name, Number, evaluate
from sdtheory.model.model import Model
from sdtheory.names import canonical, unknown

CHUNK_BYTES = 2**24  # of saved series at a time and thread: what metrics pass over stays in the outer cache
FEWEST, MOST = 64, 8192  # runs of a chunk


@dataclass(frozen=True)
class Evaluation:
    """The metrics of one policy in some futures.

    Attributes
    ----------
    values : mapping of metric name to array, shape (runs,)
        NaN where a level is never reached, and for runs that are not ``ok``.
    status : array of str, shape (runs,)
        ``ok``, ``diverged`` or ``failed``.
    messages : mapping of run to str
        Why runs are not ``ok``; runs count from 0 in these futures.
    series : mapping of column to array, shape (kept runs, times)
        The saved variables of the first futures, as many as were asked for.
    times : array, shape (times,)
    engine : str
    """

    values: Mapping[str, np.ndarray]
    status: np.ndarray
    messages: Mapping[int, str] = field(default_factory=dict)
    series: Mapping[str, np.ndarray] = field(default_factory=dict)
    times: np.ndarray = field(default_factory=lambda: np.empty(0))
    engine: str = ""


def evaluate_policy(
    model: Model,
    experiment: Experiment,
    policy: Policy,
    inputs: Mapping[str, np.ndarray],
    *,
    runs: int | None = None,
    seed: int | None = None,
    first_run: int = 0,
    jobs: int | None = None,
    engine: str = "auto",
    levels: Mapping[str, np.ndarray] | None = None,
    series: int = 0,
    outputs: Sequence[str] = (),
    progress: Callable[[int], None] | None = None,
) -> Evaluation:
    """Run one policy in given futures and measure every metric of the experiment.

    Runs are made in chunks, in threads, and the series of a chunk are dropped once they are measured; where
    all metrics can be had from the engine's reducers no series is made at all. The numbers of a run depend
    neither on the chunks nor on the threads nor on the other runs.

    Parameters
    ----------
    model : Model
    experiment : Experiment
        Its metrics and simulation settings are used, and the policies whose levels metrics refer to; its
        uncertainties are not. It should have passed `Experiment.check`.
    policy : Policy
        Need not be one of the experiment's.
    inputs : mapping of variable name to array, shape (runs,)
        As `sdtheory.experiments.compare.futures` gives them. A value that the policy sets for the whole run
        takes the place of the sampled one.
    runs : int, optional
        Needed when there are no inputs.
    seed : int, optional
        Of the model's random functions; the experiment's when left out.
    first_run : int
        Number of the first future, when these are a part of a larger sample.
    jobs : int, optional
        Threads; as many as there are cores when left out.
    engine : str
        ``auto`` chooses by the number of runs; to evaluate a sample in parts pass what
        `Evaluator.lasting_engine` gives for the whole.
    levels : mapping of metric name to array, shape (runs,), optional
        For metrics whose level is a variable's value under a policy: that value in each future. They are
        worked out when left out, by another run of that policy.
    series : int
        How many futures, from the first on, to keep the saved variables of.
    outputs : sequence of str
        Variables to keep beside those that metrics read.
    progress : callable, optional
        Called with the number of runs done.

    Returns
    -------
    Evaluation

    Raises
    ------
    ExperimentError
        When the model cannot follow the policy.
    SimulationError
        When not a single run can be made.

    Examples
    --------
    >>> import sdtheory as sd
    >>> experiment = sd.Experiment.read("models/m0_seed.toml")
    >>> leverage = {"search leverage": np.array([0.5, 1.5, 5.0])}
    >>> found = evaluate_policy(
    ...     sd.load("models/m0_seed.xmile"), experiment, experiment.policies[0], leverage
    ... )
    >>> found.values["gap after 10 years"].shape, str(found.status[0])
    ((3,), 'ok')
    """
    count = _count(inputs, runs)
    one = Evaluator(model, experiment, policy, tuple(inputs), outputs)
    engine = one.lasting_engine(inputs, count) if engine == "auto" else engine
    seed = experiment.seed if seed is None else seed
    size = one.chunk(engine)

    def part(first: int, last: int) -> Evaluation:
        piece = {name: np.asarray(values)[first:last] for name, values in inputs.items()}
        given = levels
        if given is not None:
            given = {name: np.asarray(values)[first:last] for name, values in given.items()}
        kept = min(max(series - first, 0), last - first)
        return one.evaluate(piece, last - first, seed, first_run + first, engine, given, kept)

    found = []
    for evaluation in _in_threads(part, count, size, jobs or os.cpu_count() or 1):
        found.append(evaluation)
        if progress is not None:
            progress(min(len(found) * size, count))
    whole = joined(found)
    if (whole.status == "failed").all():
        raise SimulationError(f"no run can be made: {next(iter(whole.messages.values()))}")
    return whole


def _count(inputs: Mapping[str, np.ndarray], runs: int | None) -> int:
    counts = {len(values) for values in inputs.values()} | ({runs} if runs is not None else set())
    if len(counts) != 1:
        raise SimulationError("the inputs are not all of one length, or there are none and no number of runs")
    (count,) = counts
    return count


def _in_threads(
    part: Callable[[int, int], Evaluation], count: int, size: int, jobs: int
) -> Iterator[Evaluation]:
    bounds = [(first, min(first + size, count)) for first in range(0, count, size)]
    first = part(*bounds[0])  # alone: it makes the program that the others find ready
    if len(first.status) > 0 and (first.status == "failed").all() and len(bounds) > 1:
        raise SimulationError(f"no run can be made: {first.messages[0]}")
    yield first
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda pair: part(*pair), bounds[1:])


def joined(parts: Sequence[Evaluation]) -> Evaluation:
    """Evaluations of consecutive futures as one."""
    status = np.concatenate([one.status for one in parts])
    starts = np.cumsum([0, *(len(one.status) for one in parts)])
    messages = {
        int(start) + run: text
        for start, one in zip(starts, parts, strict=False)
        for run, text in one.messages.items()
    }
    first = parts[0]
    kept = [one.series for one in parts if one.series]
    return replace(
        first,
        values={name: np.concatenate([one.values[name] for one in parts]) for name in first.values},
        status=status,
        messages=messages,
        series={name: np.concatenate([one[name] for one in kept]) for name in (kept[0] if kept else ())},
    )


class Evaluator:
    """A policy made ready to be evaluated chunk by chunk.

    Parameters
    ----------
    model, experiment, policy
        As for `evaluate_policy`.
    inputs : sequence of str
        Names of the sampled inputs.
    outputs : sequence of str
        Variables to keep beside those that metrics read.

    Attributes
    ----------
    times : array, shape (times,)
        Of the saved rows.
    steps : int
        From the first time to the last.
    outputs : list of str
        Columns that are saved.
    """

    def __init__(
        self,
        model: Model,
        experiment: Experiment,
        policy: Policy,
        inputs: Sequence[str],
        outputs: Sequence[str] = (),
    ):
        from sdtheory.engines.settings import with_settings

        settings = dict(experiment.simulation)
        method = settings.pop("method", None)
        set_model = with_settings(model, settings, method)
        self.model = set_model
        self.experiment = experiment
        self.changed = apply(policy, set_model)
        self.inputs = inputs_under(policy, self.changed, inputs)
        self.times, self.steps = _saved_times(set_model)
        self.outputs = columns_of(
            set_model, [n for m in experiment.metrics for n in m.variables()] + [*outputs]
        )
        self.own_inputs = tuple(inputs)

    @cached_property
    def level_evaluators(self) -> list[Evaluator]:
        """Of the policies whose value in the same future is a level; their metrics are the levels."""
        by_policy: dict[str, list[Metric]] = {}
        for metric in self.experiment.metrics:
            if metric.level is not None and metric.level.value is None:
                by_policy.setdefault(canonical(metric.level.policy), []).append(metric)
        everyone = (self.experiment.baseline, *self.experiment.policies)
        found = []
        for key, metrics in by_policy.items():
            policy = next((one for one in everyone if canonical(one.name) == key), None)
            if policy is None:
                raise unknown("policy", metrics[0].level.policy, [one.name for one in everyone])  # type: ignore[union-attr]
            asked = tuple(
                Metric(metric.name, Name(*split_element(metric.level.variable)), "at", at=metric.level.at)  # type: ignore[union-attr]
                for metric in metrics
            )
            plain = replace(self.experiment, metrics=asked, simulation={})
            found.append(Evaluator(self.model, plain, policy, self.own_inputs))
        return found

    def lasting_engine(self, inputs: Mapping[str, np.ndarray], runs: int) -> str:
        """The engine for so many runs, to be used for all their parts."""
        from sdtheory.engines.simulate import lasting_engine

        return lasting_engine(self.changed, self._frame(inputs, runs)[0], self.outputs)

    def chunk(self, engine: str) -> int:
        """How many runs to make at a time."""
        if engine == "reference":
            return 1
        return int(np.clip(CHUNK_BYTES // (8 * max(len(self.outputs) * len(self.times), 1)), FEWEST, MOST))

    @cached_property
    def reducible(self) -> bool:
        """Whether all metrics can be had from the engine's reducers, without any series."""
        return all(m.expression is not None or reducers_of(m, self.model) for m in self.experiment.metrics)

    def evaluate(
        self,
        inputs: Mapping[str, np.ndarray],
        runs: int,
        seed: int,
        first_run: int = 0,
        engine: str = "auto",
        levels: Mapping[str, np.ndarray] | None = None,
        series: int = 0,
    ) -> Evaluation:
        """One chunk of futures, in this thread; arguments as of `evaluate_policy`."""
        frame, wrong = self._frame(inputs, runs)
        data = self._run(frame, seed, first_run, engine, reduced=series == 0 and self.reducible)
        status = data["status"].to_numpy().astype("<U8")
        status[list(wrong)] = "failed"
        texts = data["message"].to_numpy()
        messages = {int(run): str(texts[run]) for run in np.flatnonzero(status != "ok")} | wrong
        columns = {
            canonical(str(name)): data[name].to_numpy()
            for name in data.data_vars
            if name not in ("status", "message")
        }
        if levels is None:
            levels = self.levels(inputs, runs, seed, first_run, engine)
        values = self._measured(columns, "time" in data.dims, levels, status == "ok")
        kept = {
            str(name): data[name].to_numpy()[:series].copy()
            for name in (data.data_vars if series else ())
            if "time" in data[name].dims
        }
        return Evaluation(values, status, messages, kept, self.times, str(data.attrs["engine"]))

    def levels(
        self, inputs: Mapping[str, np.ndarray], runs: int, seed: int, first_run: int = 0, engine: str = "auto"
    ) -> dict[str, np.ndarray]:
        """The levels of the metrics that refer to a policy's own value in each future."""
        found: dict[str, np.ndarray] = {}
        for evaluator in self.level_evaluators:
            found.update(evaluator.evaluate(inputs, runs, seed, first_run, engine).values)
        return found

    def _frame(self, inputs: Mapping[str, np.ndarray], runs: int) -> tuple[pd.DataFrame, dict[int, str]]:
        """The sample as the changed model takes it, and the runs that have values which are no numbers."""
        columns = {}
        wrong: dict[int, str] = {}
        for name, label in self.inputs.items():
            values = np.asarray(inputs[name], dtype=float)
            finite = np.isfinite(values)
            if not finite.all():
                for run in np.flatnonzero(~finite):
                    wrong.setdefault(int(run), f"the sampled value of '{name}' is {values[run]:g}")
                values = np.where(finite, values, values[finite][0] if finite.any() else 0.0)
            columns[label] = values
        return pd.DataFrame(columns, index=range(runs)), wrong

    def _run(self, frame: pd.DataFrame, seed: int, first_run: int, engine: str, reduced: bool) -> Any:
        """The runs; those that cannot be made are found one by one, and do not take the others with them."""
        from sdtheory.engines.simulate import simulate_many

        reduce = None
        if reduced:
            measured = [m for m in self.experiment.metrics if m.expression is None]
            reduce = {
                f"{i}.{j}": one
                for i, m in enumerate(measured)
                for j, one in enumerate(reducers_of(m, self.model))
            }
        try:
            return simulate_many(
                self.changed, frame, outputs=self.outputs, reduce=reduce, seed=seed, engine=engine,
                first_run=first_run, jobs=1,
            )  # fmt: skip
        except UnknownName:
            raise
        except SDError as error:
            if len(frame) == 1:
                return self._none(reduce, str(error), engine)
        middle = len(frame) // 2
        import xarray as xr

        halves = [
            self._run(frame.iloc[:middle], seed, first_run, engine, reduced),
            self._run(frame.iloc[middle:], seed, first_run + middle, engine, reduced),
        ]
        return xr.concat(halves, dim="run", combine_attrs="override")

    def _none(self, reduce: Mapping[str, Any] | None, message: str, engine: str) -> Any:
        """A run that could not be made."""
        import xarray as xr

        data: dict[str, Any] = {"status": ("run", ["failed"])}
        data["message"] = ("run", np.array([message], dtype=object))
        coords: dict[str, Any] = {"run": [0]}
        if reduce is None:
            data |= dict.fromkeys(self.outputs, (("run", "time"), np.full((1, len(self.times)), np.nan)))
            coords["time"] = self.times
        else:
            data |= dict.fromkeys(reduce, ("run", [np.nan]))
        return xr.Dataset(data, coords=coords, attrs={"engine": engine})

    def _measured(
        self,
        columns: Mapping[str, np.ndarray],
        over_time: bool,
        levels: Mapping[str, np.ndarray],
        ran: np.ndarray,
    ) -> dict[str, np.ndarray]:
        """Each metric, shape (runs,), with NaN for runs that are not ok."""
        found: dict[str, np.ndarray] = {}
        plain = [metric for metric in self.experiment.metrics if metric.expression is None]
        for place, metric in enumerate(plain):
            level = levels.get(metric.name, metric.level.value if metric.level else None)
            reducers = reducers_of(metric, self.model)
            if reducers:
                values = combined(
                    metric, self.times, parts_of(columns, place, reducers, self.times, over_time)
                )
            else:
                values = metric.values(self.times, columns, level)
            if metric.censored == "at_stop" and metric.how == "first_crossing":
                # a level that is itself unknown is reached at no time
                known = np.isfinite(np.asarray(level, dtype=float))
                values = np.where(np.isnan(values) & known, self.times[-1], values)
            found[metric.name] = np.where(ran, values, np.nan)
        for metric in in_order(self.experiment.metrics):
            if metric.expression is not None:
                by_key = {canonical(name): array for name, array in found.items()}
                with np.errstate(all="ignore"):
                    value = np.asarray(evaluate(metric.expression, by_key), dtype=float)
                found[metric.name] = np.where(np.isfinite(value), value, np.nan)
        return {metric.name: found[metric.name] for metric in self.experiment.metrics}


def _saved_times(model: Model) -> tuple[np.ndarray, int]:
    """Times of the saved rows, and the number of steps."""
    from sdtheory.engines.clock import clock

    settings = model.settings
    trees = (settings.start, settings.stop, settings.time_step, settings.save_every)
    if all(isinstance(tree, Number) for tree in trees):
        grid = clock(*(tree.value for tree in trees if isinstance(tree, Number)))
        return grid.saved, grid.steps
    times = _times_of_a_run(model)
    return times, len(times) - 1


def _times_of_a_run(model: Model) -> np.ndarray:
    """The same for settings that are computed, by running the model once."""
    from sdtheory.engines.simulate import simulate

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SDWarning)  # how this run ends does not matter
        return simulate(model, outputs=model.names()[:1]).index.to_numpy()
