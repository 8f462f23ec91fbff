"""Feedback loops of the model, and how they share its behaviour over time."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import networkx as nx
import numpy as np

from sdtheory.errors import SDWarning
from sdtheory.feedback.causal import causal_graph
from sdtheory.feedback.dominance import loop_dominance
from sdtheory.feedback.loops import Loop, find_loops, independent_loops
from sdtheory.model.model import Model

Plain = dict[str, Any]
MOST_LOOPS = 2_000  # beyond these the shortest independent ones are shown
MOST_SECONDS = 4.0
MOST_TIMES = 400  # points of a share
LEAST_SHARE = 0.01  # of a loop that is sent, somewhere along the run
MOST_SHARES = 60


def loops_of(model: Model) -> Plain:
    """The loops of a model and the signed links of its causal graph; of too many loops an independent set."""
    graph = causal_graph(model)
    found = find_loops(model, limit=MOST_LOOPS, seconds=MOST_SECONDS)
    note = found.message
    if not found.complete:
        count = len(found)
        found = independent_loops(model)
        note = f"{count:,} loops or more; shown are the {len(found):,} shortest independent ones"
    return {
        "loops": [_loop(loop) for loop in found],
        "complete": found.complete and not note.startswith(f"{MOST_LOOPS:,}"),
        "note": note or None,
        "links": _links(graph),
    }


def signs_of(model: Model) -> Plain:
    """The links of a model's causal graph with their computed signs, without looking for loops."""
    return {"links": _links(causal_graph(model))}


def _loop(loop: Loop) -> Plain:
    return {
        "id": loop.id,
        "name": loop.name,
        "polarity": loop.polarity,
        "variables": list(loop.variables),
        "share": None,
    }


def _links(graph: nx.DiGraph) -> list[Plain]:
    return [
        {
            "source": source,
            "target": target,
            "polarity": data.get("polarity", "?"),
            "delay": data.get("delay", "none") != "none",
        }
        for source, target, data in graph.edges(data=True)
    ]


def dominance_of(model: Model, changes: Mapping[str, float]) -> Plain:
    """The share of each loop in the model's behaviour along a run.

    Returns
    -------
    dict
        ``times``; ``loops`` (those with a share that shows, the largest first); ``shares`` by id at these times,
        with the sign of the loop's score; ``periods`` of dominance; ``undefined`` stretches, in which nothing
        changes so that no loop has a share; ``note``.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", SDWarning)
        found = loop_dominance(model, dict(changes), seconds=MOST_SECONDS)
    shares = found.to_numpy(float)
    times = found.index.to_numpy(float)
    sizes = np.abs(shares)
    largest = sizes.max(axis=0) if sizes.size else np.zeros(shares.shape[1])
    order = [
        place for place in np.argsort(-sizes.sum(axis=0), kind="stable") if largest[place] >= LEAST_SHARE
    ]
    kept = order[:MOST_SHARES]
    rows = np.unique(np.linspace(0, len(times) - 1, min(len(times), MOST_TIMES)).round().astype(int))
    still = sizes.sum(axis=1) == 0
    said = [*found.messages, *(str(one.message) for one in caught if isinstance(one.message, SDWarning))]
    loops = [found.loops[place] for place in kept]
    means = [float(sizes[1:, place].mean()) for place in kept]
    return {
        "times": times[rows].tolist(),
        "loops": [{**_loop(loop), "share": mean} for loop, mean in zip(loops, means, strict=True)],
        "shares": {
            loop.id: [_share(shares[row, place], still[row]) for row in rows]
            for loop, place in zip(loops, kept, strict=True)
        },
        "periods": [
            {"start": float(one.start), "stop": float(one.stop), "loops": list(one.loops), "polarity": one.polarity,
             "share": float(one.share), "partition": int(one.partition)}
            for one in found.dominant_periods.itertuples()
        ],
        "undefined": _stretches(times, still),
        "complete": found.loops.complete,
        "note": "; ".join(said) or None,
    }  # fmt: skip


def _share(value: float, still: bool) -> float | None:
    return None if still else round(float(value), 6)


def _stretches(times: np.ndarray, which: np.ndarray) -> list[list[float]]:
    """Where a condition holds, from its first time to its last.

    Examples
    --------
    >>> _stretches(np.arange(5.0), np.array([True, True, False, False, True]))
    [[0.0, 1.0], [4.0, 4.0]]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], which, [False]]).astype(int)))
    return [[float(times[a]), float(times[b - 1])] for a, b in zip(edges[::2], edges[1::2], strict=True)]
