"""Pictures of causal diagrams: what they say, that they are the same each time, and what bad input gets."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import networkx as nx
import pytest
from drawn_svg import SVG, read
from graphs import generated

import sdtheory as sd
from sdtheory.diagrams import SUFFIXES
from sdtheory.errors import UnknownName, UsageError


@pytest.fixture(scope="session")
def m0():
    model = sd.load("models/m0_seed.xmile")
    return sd.causal_graph(model, sd.simulate(model))


@pytest.fixture(scope="session")
def names():
    return sd.Experiment.read("models/m0_seed.toml").loops


def texts(root):
    return [" ".join("".join(node.itertext()).split()) for node in root.iter(f"{SVG}text")]


def groups(root, kind):
    return [group for group in root.iter(f"{SVG}g") if group.get("class").split()[0] == kind]


def test_an_svg_says_what_it_shows(m0, names, tmp_path):
    sd.draw(m0, tmp_path / "m0.svg", highlight="mission loop", loop_names=names, title="Seed")
    root = ElementTree.parse(tmp_path / "m0.svg").getroot()
    assert root.tag == f"{SVG}svg" and root.get("role") == "img"
    assert root.find(f"{SVG}title").text == "Seed"
    assert "mission loop" in root.find(f"{SVG}desc").text
    assert "mission loop" in texts(root) and "Seed" in texts(root)
    ids = [node.get("id") for node in root.iter() if node.get("id")]
    assert len(ids) == len(set(ids))
    assert not [node for node in root.iter() if node.tag.endswith(("script", "image", "use", "style"))]
    assert "href" not in (tmp_path / "m0.svg").read_text(encoding="utf-8")


def test_links_carry_their_facts(m0, names, tmp_path):
    sd.draw(m0, tmp_path / "m0.svg", highlight="mission loop", loop_names=names)
    root = ElementTree.parse(tmp_path / "m0.svg").getroot()
    loop = sd.find_loops(m0, names=names).find("mission loop")
    for group in groups(root, "link"):
        link = group.get("data-source"), group.get("data-target")
        assert group.get("data-polarity") == m0.edges[link]["polarity"]
        assert (loop.id in group.get("data-loops").split()) == (link in loop.links)
        assert (f"loop-{loop.id}" in group.get("class").split()) == (link in loop.links)


def test_constants_are_left_out_and_initial_links_dashed(tmp_path):
    model = sd.load("models/m1_delays.xmile")
    graph = sd.causal_graph(model)
    sd.draw(graph, tmp_path / "m1.svg")
    drawn = read(tmp_path / "m1.svg")
    assert not [name for name in drawn.names if graph.nodes[name]["kind"] == "constant"]
    dashed = {
        (group.get("data-source"), group.get("data-target"))
        for group in groups(drawn.root, "link")
        if any(path.get("stroke-dasharray") for path in group)
    }
    assert dashed == {link for link in drawn.arcs if graph.edges[link]["initial"]}
    assert dashed and "acts only at the start" in texts(drawn.root)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.filterwarnings("ignore::sdtheory.errors.SDWarning")
def test_the_same_picture_gives_the_same_bytes(m0, tmp_path, suffix):
    paths = [tmp_path / f"{word}{suffix}" for word in ("one", "two")]
    for path in paths:
        sd.draw(m0, path, highlight="R1")
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_pdf_embeds_its_letters_and_png_is_not_blank(m0, tmp_path):
    from matplotlib.image import imread

    sd.draw(m0, tmp_path / "m0.pdf")
    pdf = (tmp_path / "m0.pdf").read_bytes()
    assert pdf.startswith(b"%PDF") and pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") == 1
    assert b"FontFile2" in pdf and b"CreationDate" not in pdf
    sd.draw(m0, tmp_path / "m0.png")
    pixels = imread(tmp_path / "m0.png")[..., :3]
    assert 0.01 < (pixels < 0.9).any(axis=-1).mean() < 0.5


def test_widths_follow_shares_and_the_legend_states_the_scale(m0, tmp_path):
    loops = sd.find_loops(m0)
    shares = {loop.id: share for loop, share in zip(loops, (0.0, 0.5, 1.0), strict=True)}
    sd.draw(m0, tmp_path / "m0.svg", scores=shares)
    root = ElementTree.parse(tmp_path / "m0.svg").getroot()
    for group in groups(root, "link"):
        link = group.get("data-source"), group.get("data-target")
        most = max((shares[loop.id] for loop in loops if link in loop.links), default=0.0)
        line = next(path for path in group.iter(f"{SVG}path") if path.get("class") == "line")
        assert float(line.get("stroke-width")) == pytest.approx(1 + 4 * most, abs=0.01)
    legend = " ".join("".join(groups(root, "legend")[0].itertext()).split())
    assert "0%" in legend and "50%" in legend and "mean |relative score|" in legend


def test_shares_of_links_are_taken_as_they_are_and_capped(m0, tmp_path):
    sd.draw(m0, tmp_path / "m0.svg", scores={("Capability Growth", "capability"): 7.0})
    root = ElementTree.parse(tmp_path / "m0.svg").getroot()
    shares = {
        g.get("data-target"): g.get("data-share") for g in groups(root, "link") if g.get("data-share") != "0"
    }
    assert shares == {"capability": "1"}


def test_scores_over_time_are_averaged(m0, tmp_path):
    import pandas as pd

    scores = pd.DataFrame({"R1": [0.0, -0.5, 1.0]})
    sd.draw(m0, tmp_path / "m0.svg", scores=scores)
    root = ElementTree.parse(tmp_path / "m0.svg").getroot()
    assert {g.get("data-share") for g in groups(root, "link")} == {"0", "0.5"}


def test_simplifying_keeps_the_links_of_loops_that_matter(m0, tmp_path):
    loops = sd.find_loops(m0)
    sd.draw(
        m0,
        tmp_path / "m0.svg",
        scores={loop.id: 0.9 if loop.id == "R1" else 0.1 for loop in loops},
        simplify=0.5,
    )
    drawn = read(tmp_path / "m0.svg")
    assert set(drawn.arcs) == set(loops.find("R1").links)
    assert "at least 0.5" in " ".join(texts(drawn.root))
    with pytest.raises(UsageError, match=r"the largest is 0\.9"):
        sd.draw(m0, tmp_path / "m0.svg", scores={"R1": 0.9}, simplify=0.95)
    with pytest.raises(UsageError, match="loop_dominance"):
        sd.draw(m0, tmp_path / "m0.svg", simplify=0.5)


def test_several_loops_are_highlighted_each_in_its_colour(m0, tmp_path):
    sd.draw(m0, tmp_path / "m0.svg", highlight=["R1", "B1"])
    root = ElementTree.parse(tmp_path / "m0.svg").getroot()
    halos = groups(root, "halo")
    assert {halo.get("data-loop") for halo in halos} == {"R1", "B1"}
    looks = {next(iter(halo)).get("stroke") for halo in halos}
    widths = {next(iter(halo)).get("stroke-width") for halo in halos}
    assert len(looks) == len(widths) == 2, "by width too, so that it survives without colour"
    assert {icon.get("data-loop") for icon in groups(root, "loop")} == {"R1", "B1"}


def test_a_mark_in_a_view_names_the_loop_around_it(tmp_path):
    sd.draw(sd.read("models/m0_seed.xmile"), tmp_path / "m0.svg", highlight="R1")
    assert "mission loop" in texts(ElementTree.parse(tmp_path / "m0.svg").getroot())


def test_both_formats_of_a_model_say_the_same(tmp_path):
    drawings = []
    for kind in ("xmile", "mdl"):
        sd.draw(sd.load(f"models/m0_seed.{kind}"), tmp_path / f"{kind}.svg")
        drawings.append(read(tmp_path / f"{kind}.svg"))
    assert drawings[0].names.keys() == drawings[1].names.keys()
    assert drawings[0].polarities == drawings[1].polarities


def test_a_delay_is_marked_by_two_strokes(tmp_path):
    for delay, strokes in (("none", 0), ("delay", 2)):
        graph = nx.DiGraph([("order", "stock on hand", {"polarity": "+", "delay": delay})])
        sd.draw(graph, tmp_path / "d.svg")
        (group,) = groups(ElementTree.parse(tmp_path / "d.svg").getroot(), "link")
        assert sum(path.get("class") == "delay" for path in group) == strokes


def test_a_link_without_polarity_is_drawn_without_a_sign_and_an_open_one_with_a_question_mark(tmp_path):
    graph = nx.DiGraph([("a", "b"), ("b", "c", {"polarity": "?"})])
    sd.draw(graph, tmp_path / "open.svg")
    drawn = read(tmp_path / "open.svg")
    assert drawn.polarities == {("b", "c"): "?"}


def test_names_are_never_read_as_markup(tmp_path):
    graph = nx.DiGraph([("$x_1^2$", "<b>&amp;", {"polarity": "+"}), ("<b>&amp;", "a_b", {"polarity": "?"})])
    for suffix in (".svg", ".png", ".pdf"):
        sd.draw(graph, tmp_path / f"odd{suffix}")
    assert {"$x_1^2$", "<b>&amp;", "a_b"} <= set(texts(ElementTree.parse(tmp_path / "odd.svg").getroot()))


def test_colours_of_words_stand_out_from_white(tmp_path):
    sd.draw(generated(20, 1), tmp_path / "g.svg")
    root = ElementTree.parse(tmp_path / "g.svg").getroot()
    colours = {node.get("fill") for node in root.iter(f"{SVG}text")}
    assert colours
    for colour in colours:
        assert contrast_to_white(colour) >= 4.5, colour


def contrast_to_white(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"path": "loops.pfd"}, r"did you mean '\.pdf'"),
        ({"path": "loops"}, "use one of .svg"),
        ({"view": "causel"}, "use 'causal' or 'stock-flow'"),
        ({"layout": "ring"}, "use 'loops'"),
        ({"scores": {"R1": float("nan")}}, "not a number"),
        ({"scores": {"R1": "much"}}, "not a number"),
        ({"path": "nowhere/x.svg"}, "cannot write"),
        ({"path": "nowhere/x.json"}, "cannot write"),
        ({"path": "nowhere/x.png"}, "cannot write"),
    ],
)
def test_wrong_usage_is_said_with_its_remedy(m0, tmp_path, given, message):
    options = dict(given)
    path = tmp_path / options.pop("path", "x.svg")
    with pytest.raises(UsageError, match=message):
        sd.draw(m0, path, **options)


@pytest.mark.parametrize(
    "what", [3, nx.Graph([("a", "b")]), nx.MultiDiGraph([("a", "b")]), nx.DiGraph([(1, 2)]), nx.DiGraph()]
)
def test_what_is_no_causal_graph_is_refused(what, tmp_path):
    with pytest.raises(UsageError, match=r"cannot draw|not a text|empty"):
        sd.draw(what, tmp_path / "x.svg")


@pytest.mark.parametrize("options", [{"highlight": "mision loop"}, {"scores": {"mision loop": 0.5}}])
def test_an_unknown_loop_suggests_the_nearest(m0, names, tmp_path, options):
    with pytest.raises(UnknownName, match="did you mean 'mission loop'"):
        sd.draw(m0, tmp_path / "x.svg", loop_names=names, **options)


def test_an_unknown_link_suggests_the_nearest(m0, tmp_path):
    with pytest.raises(UnknownName, match="capability growth -> capability"):
        sd.draw(m0, tmp_path / "x.svg", scores={("capability growth", "capabilities"): 0.5})


@pytest.mark.parametrize("suffix", [".mdl", ".xmile"])
def test_a_model_is_converted_not_drawn_as_a_model(suffix, tmp_path):
    with pytest.raises(UsageError, match="convert"):
        sd.draw(sd.read("models/m0_seed.xmile"), tmp_path / f"x{suffix}")


def test_coordinates_have_two_decimals_at_most(m0, tmp_path):
    sd.draw(m0, tmp_path / "m0.svg")
    assert not re.search(r"\d\.\d{3}", (tmp_path / "m0.svg").read_text(encoding="utf-8"))


def test_several_files_get_the_picture_that_each_gets_alone(m0, names, tmp_path):
    together = [tmp_path / f"together{suffix}" for suffix in (".svg", ".png", ".dot")]
    sd.draw(m0, together, highlight="mission loop", loop_names=names)
    for path in together:
        alone = tmp_path / f"alone{path.suffix}"
        sd.draw(m0, alone, highlight="mission loop", loop_names=names)
        assert path.read_bytes() == alone.read_bytes()
