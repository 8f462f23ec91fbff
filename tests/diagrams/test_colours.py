"""Colours of a file in its diagrams: they are drawn, and every line and every word stands out all the same."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from functools import cache

import pytest
from drawn_svg import SVG
from hypothesis import given
from hypothesis import strategies as some

import sdtheory as sd
from sdtheory.diagrams.contrast import LINE_CONTRAST, WORD_CONTRAST, contrast
from sdtheory.diagrams.scene import Bounds, Box, Group, Path, Shape, Text
from sdtheory.diagrams.stock_flow import drawn, facts_of, stock_flow_scenes
from sdtheory.documents import from_bytes
from sdtheory.documents.looks import triple
from sdtheory.documents.view import Element
from sdtheory.errors import SDWarning

PAPER = "#FFFFFF"
PARTS = some.integers(0, 255)
COLOURS = some.one_of(
    some.builds("#{:02X}{:02X}{:02X}".format, PARTS, PARTS, PARTS),
    some.sampled_from(
        ["", "#000000", "#FFFFFF", "#FFFF00", "#A0A0A0", "#959595", "#949494", "#777777", "#767676"]
    ),
)
OUTLINES = some.sampled_from(["", "box", "circle", "none"])
XMILE = """<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0">
<header><name>pond</name><vendor>x</vendor><product version="1">x</product></header>
<sim_specs><start>0</start><stop>9</stop><dt>1</dt></sim_specs>
<model><variables>
<stock name="pond"><eqn>5</eqn><inflow>rain</inflow></stock>
<flow name="rain"><eqn>clouds</eqn><non_negative/></flow><aux name="clouds"><eqn>3 + TIME</eqn></aux>
</variables><views><view type="stock_flow">
<stock name="pond" x="200" y="100"@pond@/>
<flow name="rain" x="120" y="100"@rain@><pts><pt x="60" y="100"/><pt x="180" y="100"/></pts></flow>
<aux name="clouds" x="120" y="200"@clouds@/>
<connector uid="1" angle="60" polarity="+"@link@><from>clouds</from><to>rain</to></connector>
<group name="basin" x="200" y="100"@basin@><shape type="rectangle" width="90" height="90"/></group>
<text_box x="300" y="200" width="100" height="30"@note@>a note</text_box>
</view></views></model></xmile>"""
VENSIM = """{UTF-8}
pond = INTEG(rain, 5) ~~|
rain = clouds ~~|
clouds = 3 + Time ~~|
INITIAL TIME = 0 ~~|
FINAL TIME = 9 ~~|
SAVEPER = TIME STEP ~~|
TIME STEP = 1 ~~|
\\\\\\---/// Sketch information
V300  text
*Pond
$192-192-192,0,Arial|12||0-0-0|0-0-0|0-0-255|-1--1--1|-1--1--1|72,72,100,0
10,1,pond,300,200,40,20,3,3,0,@pond@
12,2,48,100,200,10,8,0,3,0,0,-1,0,0,0
1,3,5,1,4,0,0,22,0,0,0,-1--1--1,,1|(240,200)|
1,4,5,2,100,0,0,22,0,0,0,-1--1--1,,1|(140,200)|
11,5,0,200,200,6,8,34,3,0,@rain@
10,6,rain,200,219,25,11,40,3,0,0,-1,0,0,0
10,7,clouds,200,300,@width@,11,@outline@,3,0,@clouds@
1,8,7,6,1,0,43,0,@link@,,1|(150,260)|
10,9,clouds,400,300,40,11,8,2,0,3,-1,0,0,0,@ghost@
///---\\\\\\
"""
NO_LOOK = {
    "width": "30", "outline": "8", "pond": "0,0,0,0,0",
    "rain": "0,1,0,0,0", "clouds": "0,0,0,0,0", "link": "0,64,0,-1--1--1",
    "ghost": "128-128-128,0-0-0,|12||128-128-128",
}  # fmt: skip


def xmile(**looks: str) -> sd.Document:
    """The pond, its elements with attributes."""
    text = XMILE
    for name in ("pond", "rain", "clouds", "link", "basin", "note"):
        text = text.replace(f"@{name}@", f" {looks[name]}" if name in looks else "")
    return from_bytes(text.encode(), "xmile")


def vensim(**looks: str) -> sd.Document:
    """The pond, its elements with fields of their looks."""
    text = VENSIM
    for name, plain in NO_LOOK.items():
        text = text.replace(f"@{name}@", looks.get(name, plain))
    return from_bytes(text.encode(), "vensim")


def shapes(document: sd.Document, role: str) -> list[Shape]:
    """What is drawn of the elements of a kind."""
    (scene,) = stock_flow_scenes(document)
    return [shape for group in scene.groups if group.role == role for shape in group.shapes]


def words(found: list[Shape], first: str) -> Text:
    """The text that begins with a line."""
    (text,) = (shape for shape in found if isinstance(shape, Text) and shape.lines[0] == first)
    return text


def run(shape: Box | Path) -> tuple:
    """Where the line of a shape runs."""
    return (shape.x, shape.y, shape.width, shape.height) if isinstance(shape, Box) else shape.steps


def overlap(one: Bounds, other: Bounds) -> bool:
    """Whether two boxes share more than an edge."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def holds(one: Bounds, other: Bounds) -> bool:
    """Whether a box holds another."""
    return one[0] <= other[0] and one[1] <= other[1] and other[2] <= one[2] and other[3] <= one[3]


def assert_stands_out(group: Group) -> None:
    """Every line against the wider one below it or the paper, every word against the fill below it or the paper."""
    below: list[Box | Path] = []
    for shape in group.shapes:
        if isinstance(shape, Text):
            # the sign of a link lies beside its head
            symbols = [] if group.role == "link" else below
            filled = [one for one in symbols if one.fill and overlap(one.bounds, shape.bounds)]
            ground = filled[-1].fill if filled and not shape.halo else PAPER
            assert contrast(shape.colour, ground) >= WORD_CONTRAST, (group.id, shape, ground)
            assert (shape.ground or PAPER) == ground, "the page has to know"
            assert not shape.ground or holds(filled[-1].bounds, shape.bounds), "no word is half on its fill"
            continue
        wider = [one for one in below if run(one) == run(shape) and one.stroke]
        ground = wider[-1].stroke if wider else PAPER
        line = shape.stroke or (shape.fill if shape.role == "arrowhead" else "")
        assert not line or contrast(line, ground) >= LINE_CONTRAST, (group.id, shape, ground)
        below.append(shape)


def in_colours(element: Element, format: str, colours: tuple[str, str, str]) -> Element:
    """The element as a file has it that gives it a colour, a fill and one for its words."""
    colour, fill, font = colours
    if format == "xmile":
        raw = f'<{element.kind} color="{colour}" background="{fill}" font_color="{font}"/>'
        return replace(element, colour=colour, fill=fill, raw=raw)
    colour, fill = triple(colour), triple(fill)
    raw = f"10,1,a,0,0,9,9,3,3,0,7,0,0,0,0,{colour},{fill},|12||{triple(font)}"
    if element.kind == "connector":
        raw = f"1,1,2,3,0,0,0,0,1,64,0,{colour},,1|(0,0)|"
    return replace(element, colour=colour, fill=fill, raw=raw)


@cache
def model(path: str) -> sd.Document:
    return sd.read(path)


@pytest.mark.parametrize("path", ["models/m0_seed.mdl", "models/m0_seed.xmile", "models/m4_paradigms.mdl"])
@given(data=some.data(), colours=some.tuples(COLOURS, COLOURS, COLOURS), shape=OUTLINES)
def test_every_line_and_every_word_stands_out_whatever_colours_the_file_gives(path, data, colours, shape):
    document = model(path)
    facts = facts_of(document)
    view = document.views[data.draw(some.integers(0, len(document.views) - 1))]
    plain = {element.id: element for element in view.elements}
    drawable = [one for one in view.elements if one.kind != "other"]
    chosen = drawable[data.draw(some.integers(0, len(drawable) - 1))]
    kind = chosen.kind if chosen.kind in ("connector", "flow") else data.draw(some.sampled_from(
        ["stock", "auxiliary", "alias", "cloud", "text", "group", "module"]
    ))  # fmt: skip
    size = {"width": data.draw(some.sampled_from([chosen.width, 20.0, 150.0]))}
    looks = replace(chosen, kind=kind, shape=shape, text=chosen.text or "some words", **size)
    coloured = in_colours(looks, document.format, colours)
    for _, group in drawn(coloured, plain | {chosen.id: coloured}, facts, "a"):
        assert_stands_out(group)


@given(COLOURS.filter(bool), COLOURS.filter(bool))
def test_contrast_is_the_same_both_ways_and_between_1_and_21(one, other):
    assert contrast(one, other) == contrast(other, one)
    assert 1 <= contrast(one, other) <= 21
    assert contrast(one, one) == 1
    assert max(contrast(one, "#000000"), contrast(one, "#FFFFFF")) > WORD_CONTRAST


@pytest.mark.parametrize(
    "document",
    [xmile(pond='color="#990000" background="#FFE0CC"'),
     vensim(pond="7,0,0,0,0,153-0-0,255-224-204,|12||153-0-0")],
    ids=["xmile", "vensim"],
)  # fmt: skip
def test_a_stock_has_the_outline_the_fill_and_the_words_of_its_file(document):
    box, name = shapes(document, "stock")
    assert (box.stroke, box.fill, name.colour, name.ground) == ("#990000", "#FFE0CC", "#990000", "#FFE0CC")


def test_words_on_a_dark_fill_are_white():
    box, name = shapes(xmile(pond='background="navy"'), "stock")
    assert (box.stroke, box.fill, name.colour) == ("#000000", "#000080", PAPER)


@pytest.mark.parametrize(
    "document",
    [xmile(rain='color="#0055AA"', link='color="#AA0055"'),
     vensim(rain="1,1,0,0,0,0-85-170,0-0-0,|12||0-0-0", link="1,64,0,170-0-85")],
    ids=["xmile", "vensim"],
)  # fmt: skip
def test_a_pipe_and_a_link_have_the_colours_of_their_file(document):
    assert {one.role: one.stroke for one in shapes(document, "pipe")} == {
        "pipe": "#0055AA", "bore": PAPER, "arrowhead": "#0055AA"
    }  # fmt: skip
    line, head, _ = shapes(document, "link")
    assert (line.stroke, head.fill) == ("#AA0055", "#AA0055")


def test_a_light_line_runs_between_dark_edges():
    casing, box, name = shapes(xmile(pond='color="yellow"'), "stock")
    assert (casing.stroke, box.stroke, name.colour) == ("#000000", "#FFFF00", "#000000")
    assert casing.line > box.line and (casing.fill, box.fill) == (PAPER, "")
    casing, pipe, *_ = shapes(xmile(rain='color="yellow"'), "pipe")
    assert (casing.stroke, pipe.stroke) == ("#000000", "#FFFF00")


def test_light_words_are_drawn_plain_in_a_frame_of_their_colour():
    casing, frame, note = shapes(xmile(note='color="yellow"'), "text")
    assert frame.stroke == "#FFFF00" and contrast(note.colour, PAPER) >= WORD_CONTRAST
    assert frame.bounds[0] < note.bounds[0] and note.bounds[2] < frame.bounds[2]
    assert casing.bounds[0] < frame.bounds[0]


def test_a_fill_that_does_not_hold_the_name_is_a_frame_around_the_box():
    wide, name = shapes(vensim(clouds="4,0,0,0,0,0-0-0,0-85-0", outline="3"), "auxiliary")
    assert (wide.fill, name.colour, name.ground) == ("#005500", PAPER, "#005500")
    box, frame, name = shapes(vensim(clouds="4,0,0,0,0,0-0-0,0-85-0", outline="3", width="12"), "auxiliary")
    assert (box.fill, frame.stroke, name.colour, name.ground) == (PAPER, "#005500", "#000000", "")
    assert holds(frame.bounds, box.bounds)


def test_the_fill_of_a_group_is_its_outline_since_links_and_names_lie_on_it():
    box, name = shapes(xmile(basin='background="#005500"'), "group")
    assert (box.stroke, box.fill) == ("#005500", "") and name.ground == ""


@pytest.mark.parametrize(
    "document",
    [xmile(pond='color="black" background="white"', rain='color="#000"', link='color="black"'),
     vensim(pond="0,0,0,0,0,255-0-0,0-255-0,|12||0-0-255", link="0,64,0,255-0-0"),
     vensim(pond="7,0,0,0,0,0-0-0,255-255-255,|12||0-0-0", link="1,64,0,0-0-255")],
    ids=["black on white", "fields that no bit lets hold", "what Vensim draws anyway"],
)  # fmt: skip
def test_what_tools_write_unasked_looks_like_no_colour(document):
    plain = xmile() if document.format == "xmile" else vensim()
    assert stock_flow_scenes(document)[0].groups == stock_flow_scenes(plain)[0].groups


@pytest.mark.parametrize("name", ["p" * 140_000, '"a, \\"good\\" pond"'], ids=["long", "quoted"])
def test_the_colours_of_an_element_are_found_behind_any_name(name):
    text = VENSIM.replace("pond", name).replace(f"@{name}@", "1,0,0,0,0,153-0-0,255-224-204")
    for other, plain in NO_LOOK.items():
        text = text.replace(f"@{other}@", plain)
    assert shapes(from_bytes(text.encode(), "vensim"), "stock")[0].stroke == "#990000"


@pytest.mark.parametrize("colour", ["9" * 5000 + "-0-0", "256-0-0", "\u0663-0-0", "--1-0-0", "1-2", ""])
def test_what_is_no_colour_in_a_vensim_file_is_drawn_plain(colour):
    assert shapes(vensim(pond=f"1,0,0,0,0,{colour},0-0-0"), "stock")[0].stroke == "#000000"


@pytest.mark.parametrize("colour", ["reddish", "#12345", "url(#a)", "-1--1--1", ""])
def test_what_is_no_colour_in_an_xmile_file_is_drawn_plain(colour):
    assert shapes(xmile(pond=f'color="{colour}"'), "stock")[0].stroke == "#000000"


def test_the_colour_of_a_link_is_still_drawn_after_conversion():
    with pytest.warns(SDWarning):
        there = sd.convert(xmile(link='color="#AA0055"'), "vensim")
    assert shapes(there, "link")[0].stroke == "#AA0055"


def test_a_ghost_is_grey_unless_its_colour_is_another():
    assert words(shapes(vensim(), "alias"), "<clouds>").colour == "#737373"
    red = vensim(ghost="200-0-0,0-0-0,|12||128-128-128")
    assert words(shapes(red, "alias"), "<clouds>").colour == "#C80000"


def test_a_colour_given_to_a_vensim_shape_is_one_that_vensim_heeds_and_is_drawn():
    plain = vensim(pond="4,0,0,0,0,0-0-0,255-224-204,|12||0-0-0")
    pond = next(one for one in plain.views[0].elements if one.variable == "pond")
    red = plain.reshape(pond.id, colour="153-0-0")
    assert shapes(plain, "stock")[0].stroke == "#000000" and shapes(red, "stock")[0].stroke == "#990000"


@pytest.mark.parametrize("suffix", ["svg", "tex"])
def test_the_colours_are_in_the_files_that_are_drawn(tmp_path, suffix):
    path = tmp_path / f"pond.{suffix}"
    sd.draw(xmile(pond='color="#990000"', link='color="#AA0055"'), path, view="stock-flow")
    text = path.read_text()
    assert "990000" in text and "AA0055" in text
    if suffix == "svg":
        (stock,) = (g for g in ElementTree.fromstring(text).iter(f"{SVG}g") if g.get("class") == "stock")
        assert stock.find(f"{SVG}rect").get("stroke") == "#990000"
