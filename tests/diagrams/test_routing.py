"""Arcs end outside names, and signs lie on no name and on no other sign."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

import sdtheory as sd
from sdtheory.diagrams.causal import without_constants
from sdtheory.diagrams.layout import label_size, ring_layout
from sdtheory.diagrams.routing import SIGN, routes, sign_places

FILES = ["models/m0_seed.xmile", "models/m1_delays.xmile"]


def drawn(path: str) -> tuple[nx.DiGraph, dict, dict]:
    model = sd.load(path)
    graph = without_constants(sd.causal_graph(model))
    loop = max(sd.find_loops(model), key=lambda loop: len(loop.variables))
    place = ring_layout(graph, list(loop.variables))
    return graph, place, routes(place, graph.edges(), set(loop.links))


@pytest.mark.parametrize("path", FILES)
def test_every_link_has_an_arc_from_name_to_name(path):
    graph, place, paths = drawn(path)
    assert set(paths) == set(graph.edges())
    for (source, target), path in paths.items():
        for name, end in ((source, path[0]), (target, path[-1])):
            distance = np.abs(end - np.array(place[name])) - np.array(label_size(name)) / 2
            assert 0 < distance.max() < 6


@pytest.mark.parametrize("path", FILES)
def test_no_sign_lies_on_a_name_or_on_another_sign(path):
    _, place, paths = drawn(path)
    signs = list(sign_places(place, paths).values())
    for i, at in enumerate(signs):
        for name in place:
            assert (np.abs(at - np.array(place[name])) >= np.array(label_size(name)) / 2).any(), name
        for other in signs[i + 1 :]:
            assert (np.abs(at - other) >= SIGN - 1e-9).any()


def test_an_arc_bends_around_a_name_in_its_way():
    place = {"a": (0.0, 100.0), "in the way": (100.0, 107.0), "b": (200.0, 100.0)}
    (path,) = routes(place, [("a", "b")], set()).values()
    half = np.array(label_size("in the way")) / 2
    assert (np.abs(path - np.array(place["in the way"])) > half).any(axis=1).all()
