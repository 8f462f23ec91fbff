"""Loop dominance over a sample of runs."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd

from sdtheory.engines.simulate import inputs_of, with_changes
from sdtheory.errors import ModelError, SDWarning, SimulationError, shown
from sdtheory.feedback.dominance_runs import Structure, run_batch, runs_at_once, structure
from sdtheory.feedback.loop_scores import dominant_sets, multiplied, relative_scores
from sdtheory.feedback.loops import LoopList, find_loops
from sdtheory.model.model import Model
from sdtheory.names import unknown

KEEP = ("share", "series")
MOST_BYTES = 2**27  # for the runs that are scored at a time


def dominance_many(
    model: Model,
    samples: Any,
    *,
    settings: Mapping[str, float] | None = None,
    names: Iterable[Mapping] = (),
    graph: nx.DiGraph | None = None,
    window: tuple[float, float] | None = None,
    keep: str = "share",
    seed: int = 0,
) -> Any:
    """Relative scores of a model's feedback loops in many runs.

    Parameters
    ----------
    model : Model
    samples : pandas.DataFrame or mapping of arrays
        As of `simulate_many`.
    settings : mapping, optional
        ``start``, ``stop`` and ``time_step``, in place of the file's.
    names : iterable of mapping
        Names for loops, as of `find_loops`.
    graph : networkx.DiGraph, optional
        The causal graph to find loops in, elements as nodes; the model's own when left out.
    window : (float, float), optional
        Shares are means over the steps that end after the first time and not after the second; over the
        whole run when left out.
    keep : str
        ``share``, or ``series`` to keep each run's scores as well.
    seed : int
        Of the model's random functions.

    Returns
    -------
    xarray.Dataset
        ``share`` (run, loop): mean size of the relative score over the window, NaN in a diverged run.
        ``dominant`` (loop, time): the share of sound runs in whose dominant set the loop is. ``score``
        (loop, time): mean relative score of the sound runs. ``relative`` (run, loop, time) when series are
        kept. ``status`` and ``message`` (run). Loops have ``name``, ``polarity``, ``partition`` and
        ``variables``; ``attrs["left_out"]`` counts the diverged runs.

    Raises
    ------
    SimulationError
        When the window holds no step of the run.
    ModelError
        When the model has too many loops to find all: their shares would not be comparable between runs.

    Examples
    --------
    >>> import sdtheory as sd
    >>> model = sd.load("models/m0_seed.xmile")
    >>> sample = {"explanation pace ratio": [0.5, 1.0, 1.5]}
    >>> runs = dominance_many(model, sample)
    >>> runs["share"].sum("loop").round(3).values.tolist()
    [1.0, 0.0, 1.0]
    """
    if keep not in KEEP:
        raise unknown("word for what to keep", str(keep), KEEP)
    frame = samples if isinstance(samples, pd.DataFrame) else pd.DataFrame(dict(samples))
    if not len(frame):
        raise SimulationError("the sample has no rows", remedy="give at least one run")
    changed, _, _ = with_changes(model, {}, None, **dict(settings or {}))
    labels, numbers = inputs_of(changed, frame)
    if changed.settings.method == "rk4":
        warnings.warn(
            f"'{shown(model.name)}' is integrated by Runge and Kutta's method; loop scores are those of Euler runs",
            SDWarning,
            stacklevel=2,
        )
    prepared = structure(changed, graph, labels)
    found = find_loops(prepared.graph, names=names)
    if not found.complete:
        raise ModelError(found.message, remedy="score single runs with loop_dominance, which takes a sample")
    return _scored(prepared, found, *prepared.inputs(labels, numbers), window, keep, seed)


def _scored(
    prepared: Structure,
    found: LoopList,
    labels: tuple[str, ...],
    inputs: np.ndarray,
    window: tuple[float, float] | None,
    keep: str,
    seed: int,
) -> Any:
    runs = inputs.shape[1]
    partition = prepared.components_of([loop.variables[0] for loop in found])
    links = list(dict.fromkeys(link for loop in found for link in loop.links))
    first = 0
    size = 1  # until the length of a run is known
    times: np.ndarray = np.zeros(0)
    shares, series, status, message = [], [], [], []
    counts: Any = 0
    totals: Any = 0
    while first < runs:
        part = inputs[:, first : first + size]
        batch = run_batch(prepared, labels, part, seed, first)
        times = batch.times
        sound = batch.status == "ok"
        relative = np.full((len(found), part.shape[1], len(times)), np.nan)
        if found:
            scored = relative_scores(
                multiplied([loop.links for loop in found], prepared.scores(links, batch)), partition
            )
            counts = counts + dominant_sets(scored, partition)[:, sound].sum(axis=1)
            totals = totals + scored[:, sound].sum(axis=1)
            relative[:, sound] = scored[:, sound]
        inside = _inside(times, window)
        shares.append(np.abs(relative[..., inside]).mean(axis=-1).T)
        if keep == "series":
            series.append(relative.swapaxes(0, 1))
        status.append(batch.status)
        message.append(batch.message)
        first += part.shape[1]
        size = runs_at_once(prepared, len(times), MOST_BYTES)
    data: dict[str, Any] = {
        "share": (("run", "loop"), np.concatenate(shares)),
        "status": ("run", np.concatenate(status).astype(str)),
        "message": ("run", np.concatenate(message)),
    }
    if keep == "series":
        data["relative"] = (("run", "loop", "time"), np.concatenate(series))
    return _dataset(found, partition, times, data, {"dominant": counts, "score": totals})


def _dataset(
    found: LoopList, partition: np.ndarray, times: np.ndarray, data: dict[str, Any], sums: Mapping[str, Any]
) -> Any:
    """The result, with sums over the sound runs turned into means: of being in the dominant set, of scores."""
    import xarray as xr

    status = data["status"][1]
    sound = int((status == "ok").sum())
    means = {
        name: (("loop", "time"), np.broadcast_to(total, (len(found), len(times))) / (sound or np.nan))
        for name, total in sums.items()
    }
    coords = {
        "run": np.arange(len(status)),
        "loop": [loop.id for loop in found],
        "time": times,
        "name": ("loop", [loop.name for loop in found]),
        "polarity": ("loop", [loop.polarity for loop in found]),
        "partition": ("loop", partition),
        "variables": ("loop", [" -> ".join(loop.variables) for loop in found]),
    }
    return xr.Dataset(
        {**data, **means},
        coords=coords,
        attrs={"left_out": len(status) - sound},
    )


def _inside(times: np.ndarray, window: tuple[float, float] | None) -> np.ndarray:
    """The rows whose step lies in a window."""
    begin, end = window or (-np.inf, np.inf)
    slack = 1e-9 * (times[1] - times[0]) if len(times) > 1 else 0.0
    rows = (times > begin + slack) & (times <= end + slack)
    rows[0] = False
    if not rows.any():
        raise SimulationError(
            f"no step of the run, from {times[0]:g} to {times[-1]:g}, lies in the window {begin:g} to {end:g}"
        )
    return rows
