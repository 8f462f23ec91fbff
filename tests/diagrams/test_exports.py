"""Every format holds the whole graph: whatever the names, all links and signs are read back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import warnings
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import networkx as nx
import pytest
from graph_readers import READERS
from graphs import INVENTORY, model_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sdtheory as sd
from sdtheory.errors import DocumentError, SDWarning, UsageError
from sdtheory.names import canonical

NASTY = [
    "\"'<&>|]]>\\{}$%#_^~;\njavascript:=1+1",
    "<b>bold</b> & <script>alert(1)</script>",
    "a 'quote' and a \"quote\"",
    "trailing backslash \\",
    "two\nlines",
    "growth %% 100 #35; &amp; #quot;",
    "-> --> |+| [x] (y)",
    "größe, naïve façade",
    "\N{GREEK SMALL LETTER ALPHA} \u4e2d\u6587 \N{CYRILLIC SMALL LETTER ZHE}",
    "\N{ROCKET} launch",
    "=1+1",
    "end",
    "graph",
    "n0",
]
letters = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="\ufffe\uffff")
names = st.one_of(st.sampled_from(NASTY), st.text(letters, min_size=1, max_size=20))
SIGNS = ("+", "-", "?")


@st.composite
def graphs(draw) -> nx.DiGraph:
    """Signed graphs of up to six variables, each name unlike the others in any spelling."""
    chosen = draw(st.lists(names, min_size=2, max_size=6, unique_by=lambda name: canonical(name)))
    graph = nx.DiGraph(name=draw(names))
    for name in chosen:
        graph.add_node(
            name, kind=draw(st.sampled_from(["stock", "auxiliary", "constant"])), units="Widget/Year"
        )
    pairs = draw(
        st.lists(
            st.tuples(st.sampled_from(chosen), st.sampled_from(chosen)), min_size=1, unique=True, max_size=9
        )
    )
    for source, target in pairs:
        graph.add_edge(
            source,
            target,
            polarity=draw(st.sampled_from(SIGNS)),
            delay=draw(st.sampled_from(["none", "delay"])),
        )
    return graph


def written(graph: nx.DiGraph, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SDWarning)
        sd.draw(graph, path)


@pytest.mark.parametrize(
    "suffix", [suffix for suffix in READERS if suffix not in (".svg", ".loopy", ".mdl", ".xmile")]
)
@given(graph=graphs())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_format_gives_back_names_links_and_signs(tmp_path, suffix, graph):
    path = tmp_path / f"graph{suffix}"
    written(graph, path)
    read_names, links = READERS[suffix](path)
    assert read_names == list(graph)
    assert links == nx.get_edge_attributes(graph, "polarity")


@given(graph=graphs())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_svg_gives_back_what_is_drawn(tmp_path, graph):
    nx.set_node_attributes(graph, "auxiliary", "kind")
    written(graph, tmp_path / "graph.svg")
    read_names, links = READERS[".svg"](tmp_path / "graph.svg")
    assert set(read_names) == {name for name in graph if graph.degree(name)}
    assert links == nx.get_edge_attributes(graph, "polarity")


@given(graph=graphs())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_loopy_gives_back_names_and_links_with_a_sign(tmp_path, graph):
    written(graph, tmp_path / "graph.loopy")
    read_names, links = READERS[".loopy"](tmp_path / "graph.loopy")
    assert read_names == list(graph)
    signs = nx.get_edge_attributes(graph, "polarity")
    assert links == {link: sign for link, sign in signs.items() if sign != "?"}


@pytest.mark.parametrize("suffix", [".mdl", ".xmile"])
@given(graph=graphs())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_model_files_give_back_links_and_signs_in_order(tmp_path, suffix, graph):
    path = tmp_path / f"graph{suffix}"
    written(graph, path)
    read_names, links = READERS[suffix](path)
    assert len(read_names) == len(graph)
    by_name = dict(zip(graph, read_names, strict=True))
    signs = nx.get_edge_attributes(graph, "polarity")
    assert links == {(by_name[a], by_name[b]): sign.replace("?", "") for (a, b), sign in signs.items()}
    for name, read_name in by_name.items():
        plain = canonical(name) and not set(name) & set('\\"\n')
        one_kind_of_spaces = " ".join(name.split())
        assert not plain or canonical(one_kind_of_spaces) == canonical(read_name)


@pytest.mark.parametrize("suffix", [".json", ".graphml", ".cyjs"])
@given(graph=graphs())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_export_read_and_export_again_gives_the_same_bytes(tmp_path, suffix, graph):
    one, other = tmp_path / f"one{suffix}", tmp_path / f"other{suffix}"
    sd.draw(graph, one)
    again = sd.read_graph(one)
    assert list(again) == list(graph)
    assert nx.get_edge_attributes(again, "polarity") == nx.get_edge_attributes(graph, "polarity")
    sd.draw(again, other)
    assert one.read_bytes() == other.read_bytes()


@pytest.fixture(scope="module")
def inventory(tmp_path_factory):
    return sd.causal_graph(model_of(INVENTORY, tmp_path_factory.mktemp("inventory")))


@pytest.mark.parametrize("suffix", [".json", ".graphml", ".cyjs"])
def test_loops_and_shares_survive_the_way_there_and_back(inventory, suffix, tmp_path):
    loops = sd.find_loops(inventory)
    last = loops[-1].id
    given_names = [{"name": "mission loop", "through": loops[-1].variables}]
    one, other = tmp_path / f"one{suffix}", tmp_path / f"other{suffix}"
    sd.draw(
        inventory, one, loop_names=given_names, scores={loop.id: 1 / (3 + n) for n, loop in enumerate(loops)}
    )
    again = sd.read_graph(one)
    assert {loop["id"]: loop["name"] for loop in again.graph["loops"]}[last] == "mission loop"
    for link, data in inventory.edges.items():
        assert {key: data[key] for key in ("polarity", "delay", "initial")} == {
            key: again.edges[link][key] for key in ("polarity", "delay", "initial")
        }
    sd.draw(again, other)
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("suffix", [suffix for suffix in READERS if suffix not in (".svg", ".loopy")])
def test_the_whole_graph_of_a_model_is_exported(inventory, suffix, tmp_path):
    written(inventory, tmp_path / f"inventory{suffix}")
    read_names, links = READERS[suffix](tmp_path / f"inventory{suffix}")
    assert read_names == list(inventory)
    assert set(links) == set(inventory.edges())


def test_graphml_has_what_yed_draws_from(inventory, tmp_path):
    sd.draw(inventory, tmp_path / "inventory.graphml")
    root = ElementTree.parse(tmp_path / "inventory.graphml").getroot()
    y = "{http://www.yworks.com/xml/graphml}"
    assert len(list(root.iter(f"{y}ShapeNode"))) == len(inventory)
    order = [child.tag.removeprefix(y) for child in next(root.iter(f"{y}ArcEdge"))]
    assert order == ["Path", "LineStyle", "Arrows", "EdgeLabel", "Arc"]
    order = [child.tag.removeprefix(y) for child in next(root.iter(f"{y}ShapeNode"))]
    assert order == ["Geometry", "Fill", "BorderStyle", "NodeLabel", "Shape"]
    kinds = {key.get("attr.name"): key.get("attr.type") for key in root if key.tag.endswith("key")}
    assert kinds["x"] == "double" and kinds["polarity"] == "string" and kinds["initial"] == "boolean"


def test_gexf_has_places_colours_and_widths(inventory, tmp_path):
    sd.draw(inventory, tmp_path / "inventory.gexf")
    root = ElementTree.parse(tmp_path / "inventory.gexf").getroot()
    viz = "{http://www.gexf.net/1.2draft/viz}"
    for tag, count in (
        ("position", len(inventory)),
        ("color", len(inventory) + inventory.number_of_edges()),
        ("thickness", inventory.number_of_edges()),
    ):
        assert len(list(root.iter(f"{viz}{tag}"))) == count, tag


def test_a_vensim_diagram_says_what_acts_on_what_and_turns_its_loops(inventory, tmp_path):
    written(inventory, tmp_path / "inventory.mdl")
    text = (tmp_path / "inventory.mdl").read_text(encoding="utf-8")
    assert "Correction = A FUNCTION OF(Desired Inventory,-Inventory,Correction Time)" in text
    (view,) = sd.read(tmp_path / "inventory.mdl").views
    delayed = sum(data["delay"] != "none" for _, _, data in inventory.edges(data=True))
    assert sum(element.delay for element in view.elements) == delayed > 0
    marks = {element.text.split()[0] for element in view.elements if element.kind == "text"}
    assert marks and marks <= {loop.id for loop in sd.find_loops(inventory)}


def test_pysd_reads_the_vensim_diagram(inventory, tmp_path):
    from pysd.translators.vensim.vensim_file import VensimFile

    written(inventory, tmp_path / "inventory.mdl")
    file = VensimFile(tmp_path / "inventory.mdl")
    file.parse()
    assert len(file.get_abstract_model().sections[0].elements) == len(inventory)


def test_simlin_loads_the_xmile_diagram(inventory, tmp_path):
    simlin = pytest.importorskip("simlin")
    written(inventory, tmp_path / "inventory.xmile")
    assert len(simlin.load(tmp_path / "inventory.xmile").variables) == len(inventory)


def test_loopy_names_what_it_leaves_out(tmp_path):
    graph = nx.DiGraph([("a", "b", {"polarity": "?"}), ("b", "c", {"polarity": "-"})])
    with pytest.warns(SDWarning, match="open sign: a -> b"):
        sd.draw(graph, tmp_path / "x.loopy")


def test_loopy_warns_of_a_long_address(tmp_path):
    graph = nx.DiGraph(
        [(f"variable number {i}", f"variable number {i + 1}", {"polarity": "+"}) for i in range(99)]
    )
    with pytest.warns(SDWarning, match="8,000"):
        sd.draw(graph, tmp_path / "x.loopy")


def test_letters_that_latex_lacks_are_named(tmp_path):
    with pytest.warns(SDWarning, match="'\N{GREEK SMALL LETTER ALPHA}' as 'alpha'"):
        sd.draw(nx.DiGraph([("\N{GREEK SMALL LETTER ALPHA}", "b")]), tmp_path / "x.tex")
    assert (tmp_path / "x.tex").read_text(encoding="utf-8").isascii()


LOOSE = '[{"source": "a", "target": "b", "relation": "+", "metadata": {}}]'


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("x.json", "{", "not JSON"),
        ("x.json", "[]", "no causal diagram"),
        ("x.json", '{"graph": {}}', "'nodes' is missing"),
        ("x.json", '{"graph": {"nodes": {}, "metadata": {}, "edges": ' + LOOSE + "}}", "no variable"),
        ("x.cyjs", '{"elements": {"nodes": [{"data": {"id": "a"}}]}}', "'name' is missing"),
        ("x.graphml", "<graphml", "no causal diagram"),
        ("x.graphml", '<!DOCTYPE graphml [<!ENTITY a "b">]><graphml/>', "document type"),
        ("x.json", b"\xff\xfe", "not UTF-8"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_causal_diagram_is_refused(tmp_path, name, text, message):
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DocumentError, match=message):
        sd.read_graph(tmp_path / name)


def test_a_graph_is_read_from_three_formats_only(tmp_path):
    with pytest.raises(UsageError, match=r"did you mean '\.json'"):
        sd.read_graph(tmp_path / "x.jsn")
    with pytest.raises(DocumentError, match="cannot be read"):
        sd.read_graph(tmp_path / "nowhere.json")


def test_json_is_strict(inventory, tmp_path):
    for suffix in (".json", ".cyjs", ".kumu.json"):
        sd.draw(inventory, tmp_path / f"inventory{suffix}")
        json.loads((tmp_path / f"inventory{suffix}").read_text(encoding="utf-8"), parse_constant=pytest.fail)


def tool(name: str) -> str:
    """The path of a program; without it the test is skipped, or fails where programs are required."""
    path = shutil.which(name)
    if path is None:
        if os.environ.get("SDTHEORY_REQUIRE_TOOLS") == "1":
            pytest.fail(f"{name} is not installed, and SDTHEORY_REQUIRE_TOOLS=1 asks for it")
        pytest.skip(f"{name} is not installed")
    return path


def nasty_graph() -> nx.DiGraph:
    graph = nx.DiGraph(name=NASTY[0])
    for source, target in zip(NASTY, NASTY[1:] + NASTY[:1], strict=True):
        graph.add_edge(source, target, polarity="-", delay="delay")
    return graph


@pytest.mark.parametrize("arguments", [("dot", "-Tsvg"), ("neato", "-n2", "-Tsvg")], ids=["dot", "neato"])
def test_graphviz_draws_every_name(arguments, tmp_path):
    program = tool(arguments[0])
    written(nasty_graph(), tmp_path / "x.dot")
    done = subprocess.run([program, *arguments[1:], tmp_path / "x.dot"], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    root = ElementTree.fromstring(done.stdout)
    titles = {
        node.get("{http://www.w3.org/1999/xlink}title") for node in root.iter("{http://www.w3.org/2000/svg}a")
    }
    shown = {" ".join(title.split()) for title in titles if title}
    assert {" ".join(name.split()) for name in NASTY} <= shown


@pytest.mark.parametrize("view", ["causal", "stock-flow"])
def test_pdflatex_sets_a_page(view, tmp_path):
    program = tool("pdflatex")
    if view == "causal":
        written(nasty_graph(), tmp_path / "x.tex")
    else:
        sd.draw(sd.read("models/m0_seed.xmile"), tmp_path / "x.tex", view=view)
    command = [program, "-halt-on-error", "-interaction=nonstopmode", "-no-shell-escape", "x.tex"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert "(1 page," in done.stdout.replace("\n", "")


def test_a_graph_file_has_no_entities(tmp_path):
    path = tmp_path / "graph.graphml"
    path.write_text('<!DOCTYPE graphml [<!ENTITY a "aaaa">]><graphml><graph>&a;</graph></graphml>')
    with pytest.raises(DocumentError, match="entities and document types are not allowed"):
        sd.read_graph(path)
