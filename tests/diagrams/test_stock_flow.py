"""Stock-flow diagrams: pipes end on their stocks, everything is inside the picture, each view is one file."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import networkx as nx
import numpy as np
import pytest
from drawn_svg import SVG, sampled
from graphs import ARRAYS, INVENTORY, SIR, document_of, model_of

import sdtheory as sd
from sdtheory.diagrams.letters import text_size
from sdtheory.errors import UsageError

TWO_WAY = """<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0">
<header><name>two</name><vendor>x</vendor><product version="1">x</product></header>
<sim_specs><start>0</start><stop>9</stop><dt>1</dt></sim_specs>
<model><variables>
<stock name="tank"><eqn>5</eqn><inflow>fill</inflow><outflow>drain</outflow></stock>
<flow name="fill"><eqn>1</eqn><non_negative/></flow><flow name="drain"><eqn>tank/level</eqn></flow>
<aux name="level"><eqn>3</eqn></aux>
</variables><views>
<view type="stock_flow"><stock name="tank" x="200" y="100"/>
<flow name="fill" x="120" y="100"><pts><pt x="60" y="100"/><pt x="180" y="100"/></pts></flow>
<flow name="drain" x="280" y="100"><pts><pt x="220" y="100"/><pt x="340" y="100"/></pts></flow>
<aux name="level" x="280" y="180"/>
<connector uid="1" angle="60" polarity="-"><from>level</from><to>drain</to></connector></view>
<view type="stock_flow" name="again"><alias x="50" y="50" uid="7"><of>tank</of></alias>
<aux name="level" x="150" y="50"/></view>
</views></model></xmile>"""


def roots(path):
    return ElementTree.parse(path).getroot()


def groups(root, kind):
    return [group for group in root.iter(f"{SVG}g") if group.get("class").split()[0] == kind]


def boxes(root):
    """By stock: centre and half size."""
    found = {}
    for group in groups(root, "stock"):
        rect = next(group.iter(f"{SVG}rect"))
        x, y, w, h = (float(rect.get(key)) for key in ("x", "y", "width", "height"))
        found[group.get("data-variable")] = np.array([x + w / 2, y + h / 2]), np.array([w, h]) / 2
    return found


def off_border(point, box):
    """How far a point is from the border of a box."""
    beyond = np.abs(point - box[0]) - box[1]
    return abs(beyond.max()) if (beyond <= 0).any() else float(np.hypot(*np.maximum(beyond, 0)))


def pipes(root):
    """By flow: the tip of its arrowhead, and the first point of its pipe."""
    found = {}
    for group in groups(root, "pipe"):
        paths = {path.get("class"): sampled(path.get("d")) for path in group.iter(f"{SVG}path")}
        assert {"pipe", "bore", "arrowhead"} <= set(paths)
        start = paths["backhead"][0] if "backhead" in paths else paths["pipe"][0]
        found[group.get("data-variable")] = paths["arrowhead"][0], start, paths["pipe"]
    return found


def check_pipes(root, ends):
    """Pipes run level or upright, and end on the borders of their stocks."""
    stocks = boxes(root)
    for flow, (tip, start, line) in pipes(root).items():
        steps = np.diff(line, axis=0)
        assert (np.abs(steps).min(axis=1) < 0.02).all(), flow
        source, target = ends[flow]
        if source:
            assert off_border(start, stocks[source]) <= 1, flow
        if target:
            assert off_border(tip, stocks[target]) <= 1, flow


def check_inside(root):
    left, top, width, height = map(float, root.get("viewBox").split())
    right, bottom = left + width, top + height
    for path in root.iter(f"{SVG}path"):
        points = sampled(path.get("d"))
        assert (points >= [left, top]).all() and (points <= [right, bottom]).all()
    for words in root.iter(f"{SVG}text"):
        spans = list(words.iter(f"{SVG}tspan")) or [words]
        for span in spans:
            half = text_size((span.text,), float(words.get("font-size")))[0]
            x = float(span.get("x"))
            share = {"start": 0.0, "middle": 0.5, "end": 1.0}[words.get("text-anchor")]
            assert left <= x - half * share and x + half * (1 - share) <= right
            assert top <= float(span.get("y")) <= bottom


def ends_of(model):
    ends = {}
    for variable in model:
        if variable.kind == "stock":
            for side, flows in ((1, variable.inflows), (0, variable.outflows)):
                for flow in flows:
                    ends.setdefault(model[flow].name, [None, None])[side] = variable.name
    return ends


@pytest.mark.parametrize(
    "path", ["models/m0_seed.xmile", "models/m0_seed.mdl", "models/m1_delays.xmile", "models/m1_delays.mdl"]
)
def test_the_studys_views_are_drawn_whole(path, tmp_path):
    document = sd.read(path)
    sd.draw(document, tmp_path / "view.svg", view="stock-flow")
    root = roots(tmp_path / "view.svg")
    model = sd.load(document)
    check_inside(root)
    check_pipes(root, ends_of(model))
    elements = document.views[0].elements
    for kind, role in (
        ("stock", "stock"),
        ("flow", "flow"),
        ("auxiliary", "auxiliary"),
        ("cloud", "cloud"),
        ("alias", "alias"),
        ("connector", "link"),
    ):
        assert len(groups(root, role)) == sum(element.kind == kind for element in elements), kind


@pytest.mark.parametrize("text", [SIR, INVENTORY, ARRAYS], ids=["SIR", "inventory", "arrays"])
def test_a_model_without_a_view_is_laid_out(text, tmp_path):
    model = model_of(text, tmp_path)
    sd.draw(model, tmp_path / "view.svg", view="stock-flow")
    root = roots(tmp_path / "view.svg")
    check_inside(root)
    check_pipes(root, ends_of(model))
    shown = {g.get("data-variable") for kind in ("stock", "flow", "auxiliary") for g in groups(root, kind)}
    assert shown == set(model.names()) - {"INITIAL TIME", "FINAL TIME", "TIME STEP", "SAVEPER"}
    sd.draw(document_of(text, tmp_path), tmp_path / "again.svg", view="stock-flow")
    assert (tmp_path / "again.svg").read_bytes() == (tmp_path / "view.svg").read_bytes()


def test_stocks_and_names_of_a_laid_out_view_lie_apart(tmp_path):
    from sdtheory.diagrams.stock_flow_layout import laid_out_view

    view = laid_out_view(model_of(INVENTORY, tmp_path))
    placed = [element for element in view.elements if element.kind in ("stock", "auxiliary", "cloud")]
    for number, one in enumerate(placed):
        for other in placed[number + 1 :]:
            apart = (
                abs(one.x - other.x) >= (one.width + other.width) / 2
                or abs(one.y - other.y) >= (one.height + other.height) / 2
            )
            assert apart, (one.id, other.id)


@pytest.fixture
def two_way(tmp_path):
    path = tmp_path / "two.xmile"
    path.write_text(TWO_WAY, encoding="utf-8")
    return sd.read(path)


def test_each_view_is_a_file_of_its_own(two_way, tmp_path):
    sd.draw(two_way, tmp_path / "view.svg", view="stock-flow")
    assert sorted(path.name for path in tmp_path.glob("*.svg")) == ["view-2.svg", "view.svg"]
    second = roots(tmp_path / "view-2.svg")
    assert second.find(f"{SVG}title").text == "two: again"
    alias = groups(second, "alias")[0]
    assert "".join(alias.itertext()).split() == ["tank", "<tank>"]


def test_a_flow_that_may_run_backwards_has_a_second_hollow_head(two_way, tmp_path):
    sd.draw(two_way, tmp_path / "view.svg", view="stock-flow")
    root = roots(tmp_path / "view.svg")
    heads = {
        group.get("data-variable"): [
            p.get("fill") for p in group.iter(f"{SVG}path") if p.get("class", "").endswith("head")
        ]
        for group in groups(root, "pipe")
    }
    assert heads == {"fill": ["#000000"], "drain": ["#000000", "#FFFFFF"]}
    check_pipes(root, {"fill": (None, "tank"), "drain": ("tank", None)})


def test_connectors_have_their_signs_and_end_at_symbols(two_way, tmp_path):
    sd.draw(two_way, tmp_path / "view.svg", view="stock-flow")
    (link,) = groups(roots(tmp_path / "view.svg"), "link")
    assert (link.get("data-source"), link.get("data-target"), link.get("data-polarity")) == (
        "level",
        "drain",
        "-",
    )
    assert "\N{MINUS SIGN}" in "".join(link.itertext())


@pytest.mark.parametrize("suffix", ["svg", "pdf", "png", "tex"])
def test_stock_flow_pictures_are_the_same_each_time(suffix, tmp_path):
    for word in ("one", "two"):
        sd.draw(sd.read("models/m0_seed.mdl"), tmp_path / f"{word}.{suffix}", view="stock-flow")
    assert (tmp_path / f"one.{suffix}").read_bytes() == (tmp_path / f"two.{suffix}").read_bytes()


def test_what_has_no_stocks_and_flows_is_refused(tmp_path):
    with pytest.raises(UsageError, match="DiGraph"):
        sd.draw(nx.DiGraph([("a", "b")]), tmp_path / "x.svg", view="stock-flow")
    with pytest.raises(UsageError, match=r"use one of \.svg"):
        sd.draw(sd.read("models/m0_seed.mdl"), tmp_path / "x.dot", view="stock-flow")


def test_ids_are_unique_and_plain(tmp_path):
    sd.draw(sd.read("models/m1_delays.xmile"), tmp_path / "view.svg", view="stock-flow")
    ids = [group.get("id") for group in roots(tmp_path / "view.svg").iter(f"{SVG}g")]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[a-z0-9-]+", id) for id in ids)
