"""What a causal diagram looks like, read back from its SVG: nothing overlaps, signs stand where they belong."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from drawn_svg import (
    SVG,
    crossing_pairs,
    overlapping_names,
    read,
    ring_is_convex,
    sampled,
    sign_faults,
    straight_crossings,
    through_names,
)
from graphs import ARRAYS, INVENTORY, SIR, generated, model_of

import sdtheory as sd
from sdtheory.diagrams.picture import without_constants

STUDY = ("m0_seed", "m1_delays")
LARGEST = 1.2  # crossings, over the fewest of two well-known layouts


@pytest.fixture(scope="session")
def study():
    """By model: the graph as the study draws it, and the names of its loops."""
    found = {}
    for name in STUDY:
        model = sd.load(f"models/{name}.xmile")
        found[name] = (
            sd.causal_graph(model, sd.simulate(model)),
            sd.Experiment.read(f"models/{name}.toml").loops,
        )
    return found


def fewest_crossings(graph: nx.DiGraph) -> int:
    """The fewest crossings of straight links in the layouts of Kamada & Kawai and ForceAtlas2."""
    both = graph.to_undirected()
    layouts = (nx.kamada_kawai_layout(both), nx.forceatlas2_layout(both, seed=0))
    return min(straight_crossings(place, list(graph.edges())) for place in layouts)


def check(drawn, graph, crossings: bool = True) -> None:
    """The rules that every drawing keeps."""
    shown = without_constants(graph)
    assert set(drawn.names) == set(shown)
    assert set(drawn.arcs) == set(shown.edges())
    assert not overlapping_names(drawn)
    assert sign_faults(drawn) == {"far": [], "inner": [], "on name": [], "on sign": []}
    for link, polarity in nx.get_edge_attributes(shown, "polarity").items():
        assert drawn.polarities[link] == polarity
    left, top, right, bottom = drawn.box
    points = np.concatenate(list(drawn.arcs.values()))
    assert (points > [left, top]).all() and (points < [right, bottom]).all()
    if crossings:
        assert crossing_pairs(drawn) <= LARGEST * fewest_crossings(shown)


@pytest.mark.parametrize("name", STUDY)
@pytest.mark.parametrize("highlight", ["mission loop", None])
def test_the_studys_diagrams_keep_every_rule(study, name, highlight, tmp_path):
    graph, loops = study[name]
    sd.draw(graph, tmp_path / "loops.svg", highlight=highlight, loop_names=loops)
    drawn = read(tmp_path / "loops.svg")
    check(drawn, graph)
    assert not through_names(drawn)


@pytest.mark.parametrize("name", STUDY)
def test_a_highlighted_loop_is_a_convex_ring_in_causal_order(study, name, tmp_path):
    graph, loops = study[name]
    sd.draw(graph, tmp_path / "loops.svg", highlight="mission loop", loop_names=loops)
    drawn = read(tmp_path / "loops.svg")
    ring = sd.find_loops(graph, names=loops).find("mission loop").variables
    points = np.array([drawn.names[name][0] for name in ring])
    assert ring_is_convex(points)
    assert points[0][1] == points[:, 1].min(), "the ring begins at the top"


@pytest.mark.parametrize("text", [SIR, INVENTORY, ARRAYS], ids=["SIR", "inventory", "arrays"])
def test_diagrams_of_small_models_keep_every_rule(text, tmp_path):
    graph = sd.causal_graph(model_of(text, tmp_path))
    sd.draw(graph, tmp_path / "loops.svg")
    drawn = read(tmp_path / "loops.svg")
    check(drawn, graph)
    assert not through_names(drawn)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_diagrams_of_20_variables_have_few_crossings(seed, tmp_path):
    graph = generated(20, seed)
    sd.draw(graph, tmp_path / "loops.svg")
    drawn = read(tmp_path / "loops.svg")
    assert not overlapping_names(drawn)
    assert crossing_pairs(drawn) <= LARGEST * fewest_crossings(graph)


@pytest.mark.slow
@pytest.mark.parametrize("count", [40, 80])
def test_diagrams_of_many_variables_have_few_crossings(count, tmp_path):
    graph = generated(count, 1)
    sd.draw(graph, tmp_path / "loops.svg")
    drawn = read(tmp_path / "loops.svg")
    assert not overlapping_names(drawn)
    assert crossing_pairs(drawn) <= LARGEST * fewest_crossings(graph)


@pytest.mark.parametrize("name", STUDY)
def test_an_icon_turns_the_way_its_loop_is_drawn(study, name, tmp_path):
    graph, loops = study[name]
    sd.draw(graph, tmp_path / "loops.svg", loop_names=loops)
    drawn = read(tmp_path / "loops.svg")
    by_id = {loop.id: loop for loop in sd.find_loops(graph, names=loops)}
    icons = [group for group in drawn.root.iter(f"{SVG}g") if group.get("class").split()[0] == "loop"]
    assert icons
    for icon in icons:
        loop = by_id[icon.get("data-loop")]
        outline = np.concatenate([drawn.arcs[link] for link in loop.links])
        line = next(path for path in icon.iter(f"{SVG}path") if path.get("class") == "line")
        assert np.sign(area(outline)) == np.sign(area(sampled(line.get("d")))), loop.id
        assert loop.polarity in "".join(icon.itertext())


def area(polygon: np.ndarray) -> float:
    following = np.roll(polygon, -1, axis=0)
    return float((polygon[:, 0] * following[:, 1] - following[:, 0] * polygon[:, 1]).sum())


def test_no_arc_passes_under_a_name_in_the_first_models_picture(study, tmp_path):
    graph, loops = study["m0_seed"]
    sd.draw(graph, tmp_path / "loops.svg", highlight="mission loop", loop_names=loops)
    drawn = read(tmp_path / "loops.svg")
    assert ("theorists", "experimenters") in drawn.arcs
    assert not through_names(drawn)


def test_a_variable_that_acts_on_itself_has_its_arc(tmp_path):
    graph = nx.DiGraph([("a", "a", {"polarity": "-"}), ("a", "b", {"polarity": "+"})])
    sd.draw(graph, tmp_path / "loops.svg")
    drawn = read(tmp_path / "loops.svg")
    assert set(drawn.arcs) == {("a", "a"), ("a", "b")}
    assert drawn.polarities["a", "a"] == "-"


def test_links_there_and_back_bend_apart(tmp_path):
    graph = nx.DiGraph([("a", "b", {"polarity": "+"}), ("b", "a", {"polarity": "-"})])
    sd.draw(graph, tmp_path / "loops.svg")
    drawn = read(tmp_path / "loops.svg")
    one, other = (drawn.arcs[link][len(drawn.arcs[link]) // 2] for link in (("a", "b"), ("b", "a")))
    assert np.hypot(*(one - other)) > 15


def test_places_of_a_file_are_kept_unless_new_ones_are_asked_for(tmp_path):
    document = sd.read("models/m0_seed.mdl")
    sd.draw(document, tmp_path / "kept.svg", highlight="R1")
    sd.draw(document, tmp_path / "new.svg", highlight="R1", layout="loops")
    kept, new = read(tmp_path / "kept.svg"), read(tmp_path / "new.svg")
    places = {
        element.variable: (element.label_x or element.x, element.label_y or element.y)
        for element in document.views[0].elements
        if element.kind in ("stock", "flow", "auxiliary")
    }
    names = [name for name in kept.names if name in places]
    # the picture is the file's, moved and at most spread: shapes are alike
    file, drawn = (
        np.array([source[name] for name in names])
        for source in (places, {n: kept.names[n][0] for n in names})
    )
    file, drawn = file - file.mean(axis=0), drawn - drawn.mean(axis=0)
    assert np.corrcoef(file.ravel(), drawn.ravel())[0, 1] > 0.99
    assert not overlapping_names(kept)
    ring = sd.find_loops(sd.load(document)).find("R1").variables
    assert ring_is_convex(np.array([new.names[name][0] for name in ring]))


def test_places_may_be_given(tmp_path):
    graph = nx.DiGraph([("a", "b", {"polarity": "+"})])
    sd.draw(graph, tmp_path / "given.svg", layout={"a": (0, 0), "b": (0, 200)})
    (a, _), (b, _) = (read(tmp_path / "given.svg").names[name] for name in "ab")
    assert (b - a).round(1).tolist() == [0, 200]
