"""Run every policy in the same futures."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from sdtheory.errors import ExperimentError, SDWarning, SimulationError, UsageError
from sdtheory.experiments.cin import final_stocks
from sdtheory.experiments.comparison import FEW_BAD, Comparison
from sdtheory.experiments.estimate import Estimate, estimate, refuse_too_large, refuse_too_many
from sdtheory.experiments.evaluation import Evaluator
from sdtheory.experiments.execution import Progress, Told, Ways
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.futures import futures as futures
from sdtheory.experiments.gathering import gathered
from sdtheory.experiments.store_identity import facts
from sdtheory.experiments.sweep import CHUNK, Sweep
from sdtheory.model.model import Model
from sdtheory.names import canonical, unknown

SERIES_BYTES = 2**26  # of saved series that a comparison keeps when it is not told how many


def compare(
    model: Model,
    experiment: Experiment,
    *,
    runs: int | None = None,
    seed: int | None = None,
    jobs: Any = None,
    against: str = "",
    store: str | Path | None = None,
    store_form: str | None = None,
    resume: bool = False,
    series: int | None = None,
    engine: str = "auto",
    chunk: int = CHUNK,
    limit_s: float | None = None,
    isolate: bool | None = None,
    begin: Callable[[Estimate], None] | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Compare an experiment's policies in one sample of futures that all of them meet.

    Parameters
    ----------
    model : Model
    experiment : Experiment
    runs, seed : int, optional
        In place of the experiment's own.
    jobs : int, str or dask Client, optional
        How many threads or processes work; as many as there are cores when left out. The address of a dask
        scheduler, such as ``"tcp://scheduler:8786"``, or its client sends the work there. Results do not
        depend on it.
    against : str
        The policy that others are compared with, or ``"all"``; the baseline when left out.
    store : path-like, optional
        A folder to keep results in while they are made; what a stopped or killed sweep has done is kept.
    store_form : str, optional
        ``"npz"``, a file for each chunk, or ``"zarr"``, one group that other programs can open and that the
        workers of a cluster write themselves, into a folder that all of them see by the same name. That of
        the folder when left out, and ``"npz"`` for a new one.
    resume : bool
        Go on with the sweep in that folder.
    series : int, optional
        How many futures, from the first on, to keep the saved variables of; when left out, as many as take
        64 MB.
    engine : str
        Of `simulate_many`.
    chunk : int
        Futures that a worker does at a time.
    limit_s : float, optional
        Seconds that a run may take; a slower one gets status ``timeout``. Needs processes.
    isolate : bool, optional
        Whether workers are processes of their own, so that a run that kills its process has status
        ``crashed`` and no other run is lost. When left out: where there is a store or a limit, and processes
        cost nothing to start.
    begin : callable, optional
        Called with an `Estimate` of time, memory and disk before the sweep begins.
    progress : callable, optional
        Called with (runs done, runs in all, how many of those ended in each way).

    Returns
    -------
    Comparison

    Raises
    ------
    ExperimentError
        When the experiment does not fit the model; every fault is listed.
    StoreError
        When the folder cannot be used or holds another sweep.
    UsageError
        When more than half of the free memory or disk would be needed.
    Stopped
        When the disk is full or the sweep was told to end; it can be resumed.

    Examples
    --------
    >>> import sdtheory as sd
    >>> experiment = sd.Experiment.read("models/m0_seed.toml")
    >>> comparison = sd.compare(sd.load("models/m0_seed.xmile"), experiment, runs=8)
    >>> comparison.runs, comparison.policies[0]
    (8, 'baseline')
    """
    if chunk < 1:
        raise UsageError(f"chunks of {chunk} futures", remedy="give 1 or more")
    sweep, samples = _planned(model, experiment, runs, seed, series, engine)
    names = tuple(policy.name for policy in sweep.policies)
    if against and canonical(against) not in {"all", *map(canonical, names)}:
        raise unknown("policy", against, [*names, "all"])
    how = Ways(jobs, limit_s, isolate)
    folder = None if store is None else Path(store)
    expected = estimate(sweep, 0 if how.cluster else how.count, folder is not None)
    refuse_too_large(expected, folder)
    if begin is not None:
        begin(expected)
    told = Told(sweep.runs * len(names), progress)
    if folder is None:
        chunks = list(told.each(how.results(sweep, sweep.tasks(chunk), threading.Event())))
    else:
        from sdtheory.experiments.storing import FORMS, stored

        if store_form not in (None, *FORMS):
            raise unknown("form of a store", store_form, FORMS)
        chunks = stored(sweep, samples, folder, resume, chunk, how, told, store_form)
    comparison = gathered(
        chunks, sweep.experiment, names, sweep.runs, samples,
        seed=sweep.seed, series=sweep.series, model_name=model.name, against=against, model=model,
        facts=facts(sweep), folder=folder,
    )  # fmt: skip
    if (comparison.status == "failed").all():
        raise SimulationError(f"no run can be made: {next(iter(comparison.messages.values()))}")
    if comparison.share_not_ok() > FEW_BAD:
        warnings.warn(comparison.summary(), SDWarning, stacklevel=2)
    return comparison


def _planned(
    model: Model, experiment: Experiment, runs: int | None, seed: int | None, series: int | None, engine: str
) -> tuple[Sweep, pd.DataFrame]:
    """The sweep that is asked for, and its sample."""
    if not experiment.metrics and experiment.file.casefold().endswith(".cin"):
        experiment = replace(experiment, metrics=final_stocks(model))
    faults = experiment.check(model)
    if faults:
        raise ExperimentError("\n".join(faults))
    if not experiment.metrics:
        raise ExperimentError(
            "the experiment has no metric", remedy="say what is to be compared in [[metric]]"
        )
    for note in experiment.notes(model):
        warnings.warn(note, SDWarning, stacklevel=3)
    policies = (experiment.baseline, *experiment.policies)
    runs = experiment.runs if runs is None else runs
    seed = experiment.seed if seed is None else seed
    refuse_too_many(runs, experiment)
    samples, inputs = futures(model, experiment, runs, seed)
    first = Evaluator(model, experiment, policies[0], tuple(inputs))
    if engine == "auto":
        engine = first.lasting_engine(inputs, runs)
    kept = _kept(first, len(policies), runs) if series is None else min(series, runs)
    return Sweep(model, experiment, policies, inputs, runs, seed, engine, kept), samples


def _kept(one: Evaluator, policies: int, runs: int) -> int:
    """As many futures as few megabytes of series hold; a power of two, at which a Sobol sample is balanced."""
    most = SERIES_BYTES // (8 * max(policies * len(one.outputs) * len(one.times), 1))
    return runs if runs <= most else 2 ** (most.bit_length() - 1) if most else 0
