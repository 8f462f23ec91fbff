"""Causal-loop diagrams: what the drawing shows, and that the same picture gives the same bytes."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ElementTree

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sdtheory as sd
from sdtheory.diagrams.causal import _first_ring, without_constants
from sdtheory.diagrams.layout import label_size, ring_layout
from sdtheory.errors import UnknownName, UsageError

MODELS = ("m0_seed", "m1_delays")
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def graphs():
    found = {}
    for name in MODELS:
        model = sd.load(f"models/{name}.xmile")
        found[name] = sd.causal_graph(model, sd.simulate(model))
    return found


def names_of(name):
    return sd.Experiment.read(f"models/{name}.toml").loops


def drawn(graph, path, **options):
    sd.draw(graph, path, **options)
    return ElementTree.parse(path).getroot()


def texts(root):
    return [" ".join("".join(node.itertext()).split()) for node in root.iter(f"{SVG}text")]


def groups(root):
    return {node.get("id") for node in root.iter(f"{SVG}g")}


def overlapping(place):
    """Pairs of labels whose boxes share some area."""
    found = []
    for one, other in itertools.combinations(place, 2):
        (w1, h1), (w2, h2) = label_size(one), label_size(other)
        (x1, y1), (x2, y2) = place[one], place[other]
        if abs(x1 - x2) < (w1 + w2) / 2 and abs(y1 - y2) < (h1 + h2) / 2:
            found.append((one, other))
    return found


@pytest.mark.parametrize("name", MODELS)
def test_the_drawing_is_well_formed_and_its_words_are_text(graphs, name, tmp_path):
    root = drawn(graphs[name], tmp_path / "loops.svg", highlight="mission loop", loop_names=names_of(name))
    words = " ".join(texts(root))
    loop = sd.find_loops(graphs[name], names=names_of(name)).find("mission loop")
    assert root.tag == f"{SVG}svg"
    for part in ("understanding", "capability growth", "mission loop", loop.id):
        assert part in words


@pytest.mark.parametrize("name", MODELS)
def test_every_link_between_variables_is_drawn_and_has_its_sign(graphs, name, tmp_path):
    root = drawn(graphs[name], tmp_path / "loops.svg")
    shown = without_constants(graphs[name])
    links = [(a, b, data) for a, b, data in shown.edges(data=True) if a != b]
    assert {f"link {a} to {b}" for a, b, _ in links} <= groups(root)
    assert {f"variable {variable}" for variable in shown} <= groups(root)
    signs = texts(root)
    for sign, mark in (("+", "+"), ("-", "\N{MINUS SIGN}")):
        wanted = sum(data["polarity"] == sign for _, _, data in links)
        assert wanted > 0
        assert signs.count(mark) == wanted


@pytest.mark.parametrize("name", MODELS)
def test_constants_are_left_out(graphs, name):
    kinds = {data["kind"] for _, data in without_constants(graphs[name]).nodes(data=True)}
    assert "constant" not in kinds and "stock" in kinds


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("highlight", ["mission loop", None])
def test_no_label_lies_on_another(graphs, name, highlight):
    shown = without_constants(graphs[name])
    loops = sd.find_loops(graphs[name], names=names_of(name))
    ring = list(loops.find(highlight).variables) if highlight else _first_ring(shown, loops)
    place = ring_layout(shown, ring)
    assert set(place) == set(shown)
    assert not overlapping(place)


@given(st.integers(3, 9), st.integers(0, 8), st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_no_label_lies_on_another_whatever_hangs_on_the_ring(around, others, random):
    ring = [f"variable number {i}" for i in range(around)]
    graph = nx.DiGraph(itertools.pairwise([*ring, ring[0]]))
    for i in range(others):
        graph.add_edge(f"another quantity {i}", random.choice(ring))
    place = ring_layout(graph, ring)
    assert not overlapping(place)
    assert place == ring_layout(graph, ring)


def test_a_highlighted_loop_runs_clockwise_from_the_top(graphs):
    shown = without_constants(graphs["m0_seed"])
    loop = sd.find_loops(graphs["m0_seed"], names=names_of("m0_seed")).find("mission loop")
    place = ring_layout(shown, list(loop.variables))
    ring = [place[variable] for variable in loop.variables]
    area = sum(a[0] * b[1] - b[0] * a[1] for a, b in itertools.pairwise([*ring, ring[0]]))
    assert area < 0
    assert ring[0][1] == max(y for _, y in ring)


@pytest.mark.parametrize("suffix", ["svg", "pdf", "png"])
def test_the_same_picture_gives_the_same_bytes(graphs, tmp_path, suffix):
    paths = [tmp_path / f"{word}.{suffix}" for word in ("one", "two")]
    for path in paths:
        sd.draw(graphs["m0_seed"], path, highlight="R1")
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_both_formats_give_loops_of_the_same_variables(tmp_path):
    roots = [drawn(sd.load(f"models/m0_seed.{kind}"), tmp_path / f"{kind}.svg") for kind in ("xmile", "mdl")]
    assert sorted(texts(roots[0])) == sorted(texts(roots[1]))


def test_a_document_is_drawn_as_its_model_is(tmp_path):
    document = sd.read("models/m0_seed.xmile")
    sd.draw(document, tmp_path / "document.svg")
    sd.draw(sd.load(document), tmp_path / "model.svg")
    assert (tmp_path / "document.svg").read_bytes() == (tmp_path / "model.svg").read_bytes()


def test_a_delay_is_marked_by_two_strokes(tmp_path):
    counts = []
    for delay in ("none", "material"):
        graph = nx.DiGraph()
        for name in ("order", "stock on hand"):
            graph.add_node(name, kind="auxiliary")
        graph.add_edge("order", "stock on hand", polarity="+", delay=delay)
        graph.add_edge("stock on hand", "order", polarity="-", delay="none")
        root = drawn(graph, tmp_path / f"{delay}.svg")
        counts.append(sum(1 for _ in root.iter(f"{SVG}path")))
    assert counts[1] == counts[0] + 2


def test_names_are_never_read_as_markup(tmp_path):
    graph = nx.DiGraph()
    for name in ("$x_1^2$", "<b>&amp;", "a_b"):
        graph.add_node(name, kind="auxiliary")
    graph.add_edge("$x_1^2$", "<b>&amp;", polarity="+")
    graph.add_edge("<b>&amp;", "a_b", polarity="?")
    words = texts(drawn(graph, tmp_path / "odd.svg"))
    assert {"$x_1^2$", "<b>&amp;", "a_b"} <= set(words)
    assert "?" in words


def test_a_graph_without_loops_is_drawn_too(tmp_path):
    graph = nx.DiGraph()
    for name in ("a", "b"):
        graph.add_node(name, kind="auxiliary")
    graph.add_edge("a", "b", polarity="+")
    assert {"a", "b", "+"} <= set(texts(drawn(graph, tmp_path / "open.svg")))


def test_an_unknown_suffix_suggests_a_known_one(graphs, tmp_path):
    with pytest.raises(UsageError, match=r"did you mean '\.pdf'"):
        sd.draw(graphs["m0_seed"], tmp_path / "loops.pfd")


def test_an_unknown_loop_suggests_the_nearest(graphs, tmp_path):
    with pytest.raises(UnknownName, match="mission loop"):
        sd.draw(
            graphs["m0_seed"], tmp_path / "x.svg", highlight="mision loop", loop_names=names_of("m0_seed")
        )


def test_a_folder_that_does_not_exist_is_a_usage_error(graphs, tmp_path):
    with pytest.raises(UsageError, match="cannot write"):
        sd.draw(graphs["m0_seed"], tmp_path / "nowhere" / "x.svg")
