"""Laws of polarity and loops: a stated sign is never contradicted, and no loop is missed."""

import itertools
from functools import cache
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from generated_models import models
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import sdtheory as sd
from sdtheory.experiments.compare import futures
from sdtheory.feedback.bounds import bounds
from sdtheory.feedback.polarity import interval, sign
from sdtheory.model.expression import Binary, Call, Lookup, Name, Number, Table, Unary, evaluate
from sdtheory.names import canonical

MODELS = Path("models")
NAMES = ("a", "b", "c")
TABLES = (
    Table((0.0, 1.0, 2.0), (0.0, 1.0, 4.0)),
    Table((-1.0, 0.5, 3.0), (2.0, 1.0, 1.0), "extrapolate"),
    Table((-2.0, 0.0, 2.0), (1.0, -1.0, 1.0)),
)

numbers = st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0, 2.0, 3.0]).map(Number)
leaves = st.one_of(st.sampled_from(NAMES).map(Name), st.sampled_from(NAMES).map(Name), numbers)


def _larger(parts):
    one = st.sampled_from(["exp", "ln", "sqrt", "abs", "sin", "arctan", "tanh", "cosh", "integer"])
    two = st.sampled_from(["min", "max", "zidz"])
    condition = st.builds(Binary, st.sampled_from(["<", ">=", "=", "and"]), parts, parts)
    return st.one_of(
        st.builds(Binary, st.sampled_from(["+", "-", "*", "/", "^"]), parts, parts),
        st.builds(Binary, st.just("^"), parts, st.sampled_from([2.0, 3.0, -1.0]).map(Number)),
        st.builds(Unary, st.just("-"), parts),
        st.builds(lambda key, x: Call(key, (x,)), one, parts),
        st.builds(lambda key, x, y: Call(key, (x, y)), two, parts, parts),
        st.builds(lambda c, x, y: Call("if_then_else", (c, x, y)), condition, parts, parts),
        st.builds(Lookup, st.sampled_from(TABLES), parts),
    )


expressions = st.recursive(leaves, _larger, max_leaves=8)
ranges = st.sampled_from([(0.0, 2.0), (-2.0, 0.0), (-1.5, 1.5), (0.0, 1.0), (1.0, 4.0)])


def _inside(bounds, seed, points=60):
    random = np.random.default_rng(seed)
    return {key: random.uniform(low, high, points) for key, (low, high) in bounds.items()}


@settings(max_examples=400, deadline=None)
@given(expressions, st.fixed_dictionaries(dict.fromkeys(NAMES, ranges)), st.integers(0, 2**32 - 1))
def test_a_stated_sign_is_never_contradicted_by_a_difference_inside_the_bounds(tree, bounds, seed):
    stated = sign(tree, "a", bounds)
    assume(stated != "?")
    states = _inside(bounds, seed)
    low, high = bounds["a"]
    step = 1e-6
    centre = np.clip(states["a"], low + step, high - step)
    up = np.broadcast_to(evaluate(tree, {**states, "a": centre + step}), centre.shape).astype(float)
    down = np.broadcast_to(evaluate(tree, {**states, "a": centre - step}), centre.shape).astype(float)
    with np.errstate(all="ignore"):
        noise = 1e-9 + 1e-9 * np.maximum(np.abs(up), np.abs(down))
        change = up - down
    seen = np.isfinite(change) & (np.abs(up) < 1e4) & (np.abs(change) > noise)
    # a pole between the two points says nothing about the slope
    seen &= np.abs(change) < 1
    if stated == "+":
        assert not (change[seen] < 0).any()
    elif stated == "-":
        assert not (change[seen] > 0).any()
    else:
        assert not seen.any()


@settings(max_examples=300, deadline=None)
@given(expressions, st.fixed_dictionaries(dict.fromkeys(NAMES, ranges)), st.integers(0, 2**32 - 1))
def test_an_expression_stays_within_its_interval(tree, bounds, seed):
    low, high = interval(tree, bounds)
    value = np.asarray(evaluate(tree, _inside(bounds, seed)), dtype=float)
    value = value[np.isfinite(value)]
    slack = 1e-9 * (1 + np.abs(value))
    assert (value >= low - slack).all() and (value <= high + slack).all()


@cache
def _study(stem):
    model = sd.load(MODELS / f"{stem}.xmile")
    experiment = sd.Experiment.read(MODELS / f"{stem}.toml")
    _, inputs = futures(model, experiment, 16, 3)
    names = [variable.name for variable in model if variable.kind in ("stock", "flow", "auxiliary")]
    runs = sd.simulate_many(model, inputs, outputs=names, save_every=2.0)
    assert (runs["status"] == "ok").all()
    shape = runs[names[0]].shape
    states = {canonical(name): runs[name].to_numpy() for name in names}
    for variable in model:
        if variable.kind == "constant":
            number = evaluate(variable.equations[0].expression, {})
            states[canonical(variable.name)] = np.full(shape, float(number))
    for name, values in inputs.items():
        if model[name].kind == "constant":
            states[canonical(name)] = np.broadcast_to(values[:, None], shape)
    states["time"] = np.broadcast_to(runs["time"].to_numpy(), shape)
    states["time step"] = np.full(shape, 1 / 32)
    return model, sd.causal_graph(model), states


@pytest.mark.parametrize("stem", ["m0_seed", "m1_delays"])
def test_signs_of_the_models_hold_along_sampled_runs(stem):
    model, graph, states = _study(stem)
    checked = 0
    for source, target, link in graph.edges(data=True):
        if link["initial"] or link["reference"] or link["polarity"] == "?" or link["delay"] != "none":
            continue
        tree = model[target].equations[0].expression
        key = canonical(source)
        step = 1e-5 * np.maximum(np.abs(states[key]), 1e-3)
        up = evaluate(tree, {**states, key: states[key] + step})
        down = evaluate(tree, {**states, key: states[key] - step})
        change = np.asarray(up - down, dtype=float)
        noise = 1e-9 * (np.abs(up) + np.abs(down))
        opposite = change < -noise if link["polarity"] == "+" else change > noise
        assert not opposite.any(), (source, target, link)
        checked += 1
    assert checked > 20


@settings(max_examples=25, deadline=None)
@given(models(), st.integers(0, 2**32 - 1))
def test_every_link_of_a_model_has_the_sign_of_its_differences_within_its_basis(model, seed):
    random = np.random.default_rng(seed)
    known = {"proved": bounds(model, assume=False), "assumed": bounds(model, assume=True)}
    for source, target, link in sd.causal_graph(model).edges(data=True):
        if link["initial"] or link["polarity"] == "?":
            continue
        tree, key = model[target].equations[0].expression, canonical(source)
        states = {}
        for name, (low, high) in known[link["basis"]].items():
            ends = np.clip([low, high], -4.0, 4.0)
            states[name] = random.uniform(*ends, 80)
        step = 1e-6
        change = np.broadcast_to(
            evaluate(tree, {**states, key: states[key] + step})
            - evaluate(tree, {**states, key: states[key] - step}),
            (80,),
        )
        seen = (np.abs(change) > 1e-12) & (np.abs(change) < 1e-2)  # no rounding, and no jump of a choice
        assert not (np.sign(change[seen]) == (-1 if link["polarity"] == "+" else 1)).any(), (source, target)


@settings(max_examples=20, deadline=None)
@given(models())
def test_a_run_never_contradicts_a_proved_sign_and_settles_none_wrongly(model):
    plain, judged = sd.causal_graph(model), sd.causal_graph(model, run=sd.simulate(model))
    assert set(plain.edges) == set(judged.edges)
    for source, target, link in plain.edges(data=True):
        other = judged.edges[source, target]
        if link["basis"] == "proved" and link["polarity"] != "?":
            assert other == link
        elif link["polarity"] != "?" and other["polarity"] != "?":
            assert other["polarity"] == link["polarity"]
        if "polarity_from" in other:
            assert other["polarity"] == "?"
            assert {other["polarity_from"], other["polarity_to"]} <= {"+", "-"}


@st.composite
def signed_graphs(draw):
    size = draw(st.integers(1, 7))
    nodes = [f"v{number}" for number in range(size)]
    pairs = list(itertools.product(nodes, nodes))
    links = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=16))
    graph = nx.DiGraph()
    for node in nodes:
        graph.add_node(node, kind=draw(st.sampled_from(["stock", "auxiliary"])))
    for source, target in links:
        graph.add_edge(source, target, polarity=draw(st.sampled_from("+-?")))
    return graph


def _all_cycles(graph):
    """Every simple cycle, by trying each order of each subset; its smallest node first."""
    nodes = sorted(graph)
    for size in range(1, len(nodes) + 1):
        for group in itertools.combinations(nodes, size):
            for rest in itertools.permutations(group[1:]):
                cycle = (group[0], *rest)
                if all(graph.has_edge(*link) for link in zip(cycle, cycle[1:] + cycle[:1], strict=True)):
                    yield cycle


def _least_first(cycle):
    start = cycle.index(min(cycle))
    return cycle[start:] + cycle[:start]


@settings(max_examples=40, deadline=None)
@given(signed_graphs())
def test_the_loops_found_are_all_the_loops_there_are(graph):
    loops = sd.find_loops(graph)
    assert loops.complete
    assert sorted(_least_first(loop.variables) for loop in loops) == sorted(_all_cycles(graph))
    assert len({loop.id for loop in loops}) == len(loops)
    for loop in loops:
        signs = [graph.edges[link]["polarity"] for link in loop.links]
        balancing = signs.count("-") % 2 == 1
        assert loop.polarity == ("U" if "?" in signs else "B" if balancing else "R")


@settings(max_examples=60, deadline=None)
@given(signed_graphs())
def test_the_independent_loops_cover_each_component_and_are_independent(graph):
    chosen = sd.independent_loops(graph)
    parts = nx.strongly_connected_components(graph)
    inner = {link for part in parts for link in graph.subgraph(part).edges}
    assert {link for loop in chosen for link in loop.links} == inner
    if chosen:
        order = sorted(inner)
        matrix = np.array([[link in loop.links for link in order] for loop in chosen], dtype=float)
        assert np.linalg.matrix_rank(matrix) == len(chosen)
    every = {(loop.id, loop.variables) for loop in sd.find_loops(graph)}
    assert {(loop.id, loop.variables) for loop in chosen} <= every
