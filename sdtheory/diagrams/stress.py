"""Positions by stress majorisation (Gansner, Koren & North 2005, Graph Drawing): distances follow the graph's."""

from __future__ import annotations

import networkx as nx
import numpy as np

ROUNDS = 200
CLOSE_ENOUGH = 1e-3


def graph_distances(graph: nx.Graph, names: list[str]) -> np.ndarray:
    """Numbers of links between names, whichever way they point; parts that do not touch lie a little further."""
    order = {name: place for place, name in enumerate(names)}
    found = np.full((len(names), len(names)), np.nan)
    for name, lengths in nx.all_pairs_shortest_path_length(graph.to_undirected(as_view=True)):
        for other, length in lengths.items():
            found[order[name], order[other]] = length
    longest = np.nanmax(found) if len(names) else 0.0
    return np.where(np.isnan(found), longest + 1.0, found)


def majorised(start: np.ndarray, distances: np.ndarray, pinned: np.ndarray) -> np.ndarray:
    """Positions of least stress, weights distance^-2, with some points pinned.

    Parameters
    ----------
    start : array, shape (n, 2)
    distances : array, shape (n, n)
        Wanted distances in pixels.
    pinned : array of bool, shape (n,)

    Returns
    -------
    array, shape (n, 2)
    """
    free = ~pinned
    if free.sum() == 0 or len(start) < 2:
        return start.copy()
    weights = np.where(distances > 0, distances, np.inf) ** -2.0
    laplacian = np.diag(weights.sum(axis=1)) - weights
    inner = laplacian[np.ix_(free, free)]
    if not pinned.any():
        inner = inner + np.eye(len(inner)) * 1e-9  # free to slide as a whole
    solve = np.linalg.inv(inner)
    place = start.copy()
    for _ in range(ROUNDS):
        steps = place[:, None] - place[None]
        lengths = np.maximum(np.hypot(steps[..., 0], steps[..., 1]), 1e-6)
        pull = weights * distances * np.where(lengths > 1e-5, 1 / lengths, 0.0)
        target = np.diag(pull.sum(axis=1)) @ place - pull @ place
        target = target[free] - laplacian[np.ix_(free, pinned)] @ place[pinned]
        moved = solve @ target
        change = np.abs(moved - place[free]).max()
        place[free] = moved
        if change < CLOSE_ENOUGH * distances.max():
            break
    return place
