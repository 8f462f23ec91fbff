"""Feedback loops of the study's models and of small graphs."""

import os
import subprocess
import sys
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

import sdtheory as sd
from sdtheory.errors import ModelError, UnknownName
from sdtheory.feedback.loops import polarity_seen

MODELS = Path("models")


def _signed(*links):
    return nx.DiGraph([(source, target, {"polarity": polarity}) for source, target, polarity in links])


@pytest.mark.parametrize("suffix", ["mdl", "xmile"])
@pytest.mark.parametrize(("stem", "count"), [("m0_seed", 3), ("m1_delays", 11)])
def test_every_loop_of_a_rung_is_named_and_has_the_polarity_given(stem, count, suffix):
    experiment = sd.Experiment.read(MODELS / f"{stem}.toml")
    loops = sd.find_loops(sd.load(MODELS / f"{stem}.{suffix}"), names=experiment.loops)
    assert loops.complete
    assert len(loops) == len(experiment.loops) == count
    assert {(loop.name, loop.polarity) for loop in loops} == {
        (entry["name"], entry["polarity"]) for entry in experiment.loops
    }


@pytest.mark.parametrize("suffix", ["mdl", "xmile"])
@pytest.mark.parametrize("stem", ["m0_seed", "m1_delays"])
def test_the_mission_loop_is_one_simple_reinforcing_cycle(stem, suffix):
    model = sd.load(MODELS / f"{stem}.{suffix}")
    loop = sd.find_loops(model, names=sd.Experiment.read(MODELS / f"{stem}.toml").loops).find("mission loop")
    graph = sd.causal_graph(model)
    assert loop.polarity == "R"
    assert len(set(loop.variables)) == len(loop.variables)
    assert all(graph.has_edge(*link) and not graph.edges[link]["initial"] for link in loop.links)
    assert {"capability", "understanding"} <= set(loop.variables)


@pytest.mark.parametrize("stem", ["m0_seed", "m1_delays"])
def test_both_formats_give_the_same_loops(stem):
    one, other = (sd.find_loops(sd.load(MODELS / f"{stem}.{suffix}")) for suffix in ("mdl", "xmile"))
    assert {(loop.polarity, frozenset(loop.links)) for loop in one} == {
        (loop.polarity, frozenset(loop.links)) for loop in other
    }


def test_ids_count_by_polarity_and_length():
    graph = _signed(("a", "b", "+"), ("b", "a", "+"), ("b", "c", "+"), ("c", "a", "-"), ("c", "b", "?"))
    assert [(loop.id, loop.variables) for loop in sd.find_loops(graph)] == [
        ("R1", ("a", "b")),
        ("U1", ("b", "c")),
        ("B1", ("a", "b", "c")),
    ]


def test_a_link_that_acts_only_at_the_start_closes_no_loop():
    graph = _signed(("a", "b", "+"), ("b", "a", "+"))
    graph.edges["b", "a"]["initial"] = True
    assert sd.find_loops(graph) == []


def test_a_limit_that_stops_the_search_is_told():
    graph = _signed(("a", "b", "+"), ("b", "a", "+"), ("b", "c", "+"), ("c", "b", "+"))
    loops = sd.find_loops(graph, limit=1)
    assert len(loops) == 1
    assert not loops.complete


def test_a_list_of_loops_says_what_to_know_about_it():
    graph = _signed(("a", "b", "+"), ("b", "a", "+"), ("b", "c", "+"), ("c", "b", "+"))
    assert sd.find_loops(graph).message == ""
    assert sd.find_loops(graph, limit=1).message == "at least 1 loops: the search was stopped by its limit"
    assert sd.find_loops(_signed(("a", "b", "+"))).message.startswith("no feedback loops")


@pytest.mark.parametrize(
    ("scores", "polarity"),
    [
        ([0, 1, 2], "R"),
        ([-1, 0, -2], "B"),
        ([1000, -1], "Rux"),
        ([1, -1000], "Bux"),
        ([3, -1], "Ux"),
        ([0], ""),
    ],
)
def test_a_polarity_seen_says_how_sure_it_is(scores, polarity):
    found, confidence = polarity_seen(np.array(scores, dtype=float))
    assert found == polarity
    assert 0 <= confidence <= 1
    assert (confidence >= 0.99) == (polarity in ("R", "B", "Rux", "Bux"))


def test_the_shortest_independent_set_may_be_smaller_than_the_dimension_of_the_cycle_space():
    """A three-party arms race: six loops, though edges - nodes + 1 is seven (Oliva 2004)."""
    stocks = ("x", "y", "z")
    graph = nx.DiGraph()
    for one in stocks:
        graph.add_edge(one, f"{one} rate", polarity="-")
        graph.add_edge(f"{one} rate", one, polarity="+")
        for other in stocks:
            if one != other:
                graph.add_edge(other, f"{one} rate", polarity="+")
    assert graph.number_of_edges() - len(graph) + 1 == 7
    assert len(sd.independent_loops(graph)) == 6


def test_the_same_model_has_the_same_loops_in_every_process():
    """Python orders sets of texts anew in each process."""
    code = (
        "import sdtheory as sd; model = sd.load('models/m1_delays.mdl'); "
        "print(sd.independent_loops(model), sd.find_loops(model, limit=4), sd.loop_dominance(model, limit=2).loops)"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(told) == 1


def test_loops_through_variables_hold_all_of_them():
    model = sd.load(MODELS / "m0_seed.xmile")
    loops = sd.find_loops(model, through=["capability", "Understanding"])
    assert loops
    assert all({"capability", "understanding"} <= set(loop.variables) for loop in loops)


def test_variables_on_no_common_loop_are_named():
    graph = _signed(("a", "b", "+"), ("b", "a", "+"), ("c", "d", "+"), ("d", "c", "+"))
    with pytest.raises(ModelError, match="no loop passes through both 'a' and 'c'"):
        sd.find_loops(graph, through=["a", "c"])


def test_a_misspelt_variable_or_loop_suggests_the_nearest():
    model = sd.load(MODELS / "m0_seed.xmile")
    with pytest.raises(UnknownName, match="did you mean 'capability'"):
        sd.find_loops(model, through=["capabilty"])
    loops = sd.find_loops(model, names=[{"name": "mission loop", "through": ["understanding", "capability"]}])
    with pytest.raises(UnknownName, match="did you mean 'mission loop'"):
        loops.find("misson loop")


def test_a_name_goes_to_the_loop_in_that_cyclic_order():
    graph = _signed(*[(s, t, "+") for s, t in ("ab", "bc", "ca", "ac", "cb", "ba")])
    forward = sd.find_loops(graph, names=[{"name": "forward", "through": ["b", "c", "a"]}]).find("forward")
    backward = sd.find_loops(graph, names=[{"name": "back", "through": ["c", "b", "a"]}]).find("back")
    assert (forward.variables, backward.variables) == (("a", "b", "c"), ("a", "c", "b"))
