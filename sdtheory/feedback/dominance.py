"""Loop dominance over time: which feedback loops make the behaviour (Loops that Matter)."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd

from sdtheory.engines.simulate import simulate, with_changes
from sdtheory.errors import SDWarning, SimulationError, shown
from sdtheory.feedback.discovery import strongest_cycles
from sdtheory.feedback.dominance_runs import Batch, Structure, run_batch, structure
from sdtheory.feedback.loop_scores import (
    Period,
    Scores,
    dominant_sets,
    multiplied,
    periods,
    relative_scores,
)
from sdtheory.feedback.loops import (
    MOST_LOOPS,
    MOST_SECONDS,
    Loop,
    LoopList,
    find_loops,
    independent_cycles,
    polarity_seen,
    structural_loops,
)
from sdtheory.model.model import Model
from sdtheory.names import unknown

LABELS = ("end", "start")
MOST_SAMPLED = 1000  # loops, besides the shortest
STRETCHES = 3  # without change, that are named one by one


@dataclass(frozen=True)
class Partition:
    """Loops whose states act on one another, so that their scores are shares of one whole.

    Attributes
    ----------
    number : int
        From 1.
    loops : tuple of str
        Ids.
    states : tuple of str
        Stocks, and variables with a delay in their equation.
    """

    number: int
    loops: tuple[str, ...]
    states: tuple[str, ...]


class LoopDominance(pd.DataFrame):
    """Relative scores of loops by time, one column for each loop's id.

    Attributes
    ----------
    loops : LoopList
        Polarity as the run shows it; ``complete`` is False for a sample of the strongest.
    link_scores : pandas.DataFrame
        Columns (source, target): all links that lie on a loop.
    dominant_periods : pandas.DataFrame
        ``partition``, ``start``, ``stop``, ``loops`` (ids), ``polarity``, ``share``, ``brief``.
    partitions : tuple of Partition
    scores : pandas.DataFrame
        The loops' scores before they are taken as shares.
    summary : pandas.DataFrame
        By loop id: ``name``, ``polarity``, ``confidence``, ``partition``, ``share`` (the mean of the sizes of
        its relative scores).
    messages : tuple of str
        Where nothing changes, and what a sample leaves out.
    """

    _metadata = ["loops", "link_scores", "dominant_periods", "partitions", "scores", "summary", "messages"]  # noqa: RUF012

    loops: LoopList
    link_scores: pd.DataFrame
    dominant_periods: pd.DataFrame
    partitions: tuple[Partition, ...]
    scores: pd.DataFrame
    summary: pd.DataFrame
    messages: tuple[str, ...]

    @property
    def _constructor(self) -> Any:
        return pd.DataFrame  # a part of the columns is no longer the whole


def loop_dominance(
    model: Model,
    changes: Mapping[str, Any] | None = None,
    *,
    names: Iterable[Mapping] = (),
    graph: nx.DiGraph | None = None,
    label: str = "end",
    seed: int = 0,
    limit: int = MOST_LOOPS,
    seconds: float = MOST_SECONDS,
) -> LoopDominance:
    """Relative scores of a model's feedback loops along its own run, by Euler's method.

    At each step the score of a loop is the product of the scores of its links, and the score of a link the
    share of the change of its target that its source makes when it alone changes. A relative score is a
    loop's score over the sum of the sizes of all scores in its cycle partition.

    Parameters
    ----------
    model : Model
    changes : mapping, optional
        As of `simulate`: constants, initial values, lookups, settings.
    names : iterable of mapping
        Names for loops, as of `find_loops`.
    graph : networkx.DiGraph, optional
        The model's causal graph with elements as nodes, when signs and ids are to be those of a run.
    label : str
        Whether a row is labelled by the ``end`` or the ``start`` of its step. Stella writes the start.
    seed : int
        Of the model's random functions.
    limit, seconds
        A model with more loops than are found within these is scored on its shortest independent loops and
        on those that a search along the strongest links finds.

    Returns
    -------
    LoopDominance
        Index ``time``, a row for every TIME STEP, the first 0. Elements of arrays are variables of their own.
        ``attrs`` has ``label``, ``complete`` and ``covered``: of a sample, the share that its loops have of
        the relative scores of all that were found.

    Raises
    ------
    UnknownName, SimulationError
        When `changes` do not fit the model.
    ModelError, NotCompiled
        For a construct that only the reference engine runs, or variables that need each other's present
        value; names them.

    Notes
    -----
    Schoenberg, Davidsen and Eberlein 2020, System Dynamics Review 36(2); Eberlein and Schoenberg 2020 for
    partitions and the search. A change below 1e-12 of the largest number that a variable is computed from
    counts as none: rounding would otherwise have scores of its own. At an equilibrium all scores are 0.

    Examples
    --------
    >>> import sdtheory as sd
    >>> model = sd.load("models/m0_seed.xmile")
    >>> dominance = sd.loop_dominance(model, {"theorist boost": 0.5, "explanation pace ratio": 1.5})
    >>> dominance.shape, dominance.loops[0].id
    ((673, 3), 'B1')
    >>> bool((dominance.abs().sum(axis=1).iloc[2:] - 1 < 1e-9).all())
    True
    """
    if label not in LABELS:
        raise unknown("label", str(label), LABELS)
    changed, numbers, _ = with_changes(model, changes)
    prepared = structure(changed, graph, numbers)
    found = find_loops(prepared.graph, names=names, limit=limit, seconds=seconds)
    inputs = np.array(list(numbers.values())).reshape(len(numbers), 1)
    batch = run_batch(prepared, *prepared.inputs(numbers, inputs), seed)
    batch = _finite(batch)
    if changed.settings.method == "rk4":
        _warn_of_method(changed, prepared, numbers, batch)
    links = prepared.scores(prepared.feedback_links, batch)
    alone = {link: score[0] for link, score in links.items()}
    covered = 1.0
    if not found.complete:
        found, covered = _sampled(prepared, alone, names)
    return _gathered(prepared, found, alone, batch.times, label, covered)


def _finite(batch: Batch) -> Batch:
    """The rows before a run diverged, with a warning that says where."""
    rows = batch.finite_rows
    if rows < 2:
        raise SimulationError(f"the run has no two steps with finite numbers: {batch.message[0]}")
    if rows == len(batch.times):
        return batch
    why = batch.message[0] or "a value is not finite"
    warnings.warn(
        f"loop scores end at time {batch.times[rows - 1]:g}, where the run diverges: {why}",
        SDWarning,
        stacklevel=3,
    )
    return batch.until(rows)


def _warn_of_method(model: Model, prepared: Structure, numbers: Mapping[str, float], batch: Batch) -> None:
    """Say how far Euler's run is from the model's own."""
    stocks = [variable.name for variable in model if variable.kind == "stock" and not variable.owner]
    step = float(batch.values["time step"].flat[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SDWarning)
        own = simulate(model, numbers, outputs=stocks, save_every=step)
    worst = 0.0
    for name in own.columns:
        mine = own[name].to_numpy(dtype=float)[: len(batch.times)]
        largest = np.nanmax(np.abs(mine)) or 1.0
        worst = max(
            worst, float(np.nanmax(np.abs(mine - batch.values[prepared.keys[str(name)]][0])) / largest)
        )
    warnings.warn(
        f"'{shown(model.name)}' is integrated by Runge and Kutta's method; loop scores are those of an Euler "
        f"run with the same TIME STEP, whose stocks differ by up to {worst:.2g} of their largest value",
        SDWarning,
        stacklevel=3,
    )


def _sampled(
    prepared: Structure, links: Mapping[tuple[str, str], np.ndarray], names: Iterable[Mapping]
) -> tuple[LoopList, float]:
    """The shortest independent loops and the strongest found, and the share of all found that they make."""
    states = {name: None for name, kind in prepared.graph.nodes(data="kind") if kind == "stock"}
    states.update((b, None) for a, b in links if prepared.graph.edges[a, b]["state"])
    running = nx.DiGraph()
    running.add_nodes_from(prepared.graph.nodes(data=True))
    running.add_edges_from(links)
    shortest = independent_cycles(running)
    # a cycle is known by its links, wherever it begins
    cycles = {frozenset(_links(cycle)): cycle for cycle in [*shortest, *strongest_cycles(links, states)]}
    relative = relative_scores(
        multiplied([_links(cycle) for cycle in cycles.values()], links),
        prepared.components_of([cycle[0] for cycle in cycles.values()]),
    )
    shares = np.abs(relative).sum(axis=1)
    kept = {*range(len(shortest)), *np.argsort(-shares, kind="stable")[:MOST_SAMPLED].tolist()}
    chosen = [cycle for place, cycle in enumerate(cycles.values()) if place in kept]
    covered = float(shares[sorted(kept)].sum() / shares.sum()) if shares.any() else 1.0
    return structural_loops(prepared.graph, chosen, names), covered


def _links(cycle: Sequence[str]) -> list[tuple[str, str]]:
    return list(zip(cycle, [*cycle[1:], cycle[0]], strict=True))


def _gathered(
    prepared: Structure,
    found: LoopList,
    links: Mapping[tuple[str, str], np.ndarray],
    times: np.ndarray,
    label: str,
    covered: float,
) -> LoopDominance:
    scores = multiplied([loop.links for loop in found], links)
    states = [prepared.states(loop) for loop in found]
    partition = prepared.components_of([loop.variables[0] for loop in found])
    relative = relative_scores(scores, partition) if found else np.zeros((0, len(times)))
    chosen = dominant_sets(relative, partition)
    stretches = periods(relative, chosen, partition)
    step = float(times[1] - times[0])
    index = pd.Index(times if label == "end" else times - step, name="time")
    ids = [loop.id for loop in found]
    result = LoopDominance(relative.T, index=index, columns=ids)
    result.attrs.update(label=label, complete=found.complete, covered=covered)
    result.summary = _summary(found, scores, relative, partition)
    seen = [
        replace(loop, polarity=word) if word else loop
        for loop, word in zip(found, result.summary["polarity"], strict=True)
    ]
    result.loops = LoopList(seen, found.complete)
    result.scores = pd.DataFrame(scores.values.T.reshape(len(times), len(ids)), index=index, columns=ids)
    columns = pd.MultiIndex.from_tuples(list(links), names=["source", "target"]) if links else None
    result.link_scores = pd.DataFrame(
        np.array(list(links.values())).reshape(len(links), len(times)).T, index=index, columns=columns
    )
    result.dominant_periods = _period_table(stretches, ids, times)
    result.partitions = tuple(
        Partition(
            int(number),
            tuple(ids[place] for place in np.flatnonzero(partition == number)),
            tuple(
                name
                for name in prepared.graph
                if any(name in states[place] for place in np.flatnonzero(partition == number))
            ),
        )
        for number in np.unique(partition)
    )
    result.messages = _messages(found, stretches, times, covered)
    return result


def _summary(found: LoopList, scores: Scores, relative: np.ndarray, partition: np.ndarray) -> pd.DataFrame:
    rows = []
    for place, loop in enumerate(found):
        largest = scores.logarithm[place].max(initial=-np.inf)
        scaled = scores.logarithm[place] - (largest if np.isfinite(largest) else 0.0)
        polarity, confidence = polarity_seen(scores.sign[place] * np.exp(scaled))
        share = float(np.abs(relative[place, 1:]).mean())
        rows.append((loop.name, polarity or loop.polarity, confidence, int(partition[place]), share))
    columns = ["name", "polarity", "confidence", "partition", "share"]
    return pd.DataFrame(rows, columns=columns, index=pd.Index([loop.id for loop in found], name="loop"))


def _period_table(stretches: Sequence[Period], ids: Sequence[str], times: np.ndarray) -> pd.DataFrame:
    rows = [
        (
            one.partition,
            times[one.first - 1],
            times[one.last],
            tuple(ids[place] for place in one.loops),
            one.polarity,
            one.share,
            one.brief,
        )
        for one in stretches
        if one.loops
    ]
    return pd.DataFrame(rows, columns=["partition", "start", "stop", "loops", "polarity", "share", "brief"])


def _messages(
    found: LoopList, stretches: Sequence[Period], times: np.ndarray, covered: float
) -> tuple[str, ...]:
    messages = []
    if not found.complete:
        messages.append(
            f"a sample: {len(found):,} loops, the shortest and the strongest, which hold {covered:.0%} of the "
            "scores of all that were found; shares are among them"
        )
    elif not found:
        messages.append(found.message)
    still: dict[int, list[Period]] = {}
    for one in stretches:
        if not one.loops:
            still.setdefault(one.partition, []).append(one)
    for number, ones in still.items():
        begun = f"no change in partition {number}"
        if ones[0].first == 1 and ones[0].last == len(times) - 1:
            messages.append(f"{begun}: scores are zero throughout")
            continue
        for one in ones if len(ones) <= STRETCHES else ():
            start, stop = times[one.first - 1], times[one.last]
            when = f"from t={start:g} on" if one.last == len(times) - 1 else f"from t={start:g} to t={stop:g}"
            messages.append(f"{begun} {when}: scores are zero")
        if len(ones) > STRETCHES:
            steps = sum(one.last - one.first + 1 for one in ones)
            messages.append(f"{begun} in {steps} of {len(times) - 1} steps: scores are zero there")
    return tuple(messages)


__all__ = ["Loop", "LoopDominance", "Partition", "loop_dominance"]
