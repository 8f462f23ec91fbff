"""Vensim sketches: words, valves, pipes, arrows."""

import time

import pytest

from sdtheory.documents import Limits, from_bytes
from sdtheory.errors import LimitError

EQUATIONS = """{UTF-8}
Stock = INTEG(inflow - outflow, 1) ~~|
inflow = rate ~~|
outflow = Stock / 5 ~~|
rate = 2 ~~|
"""


def views(*lines, equations=EQUATIONS):
    text = equations + "\\\\\\---/// Sketch information\n" + "\n".join(lines) + "\n///---\\\\\\\n"
    return from_bytes(text.encode(), "vensim")


def view(*lines, **options):
    document = views(
        "V300  text", "*Main view", "$192-192-192,0,Arial|12||0-0-0|0|0|0|72,72,100,0", *lines, **options
    )
    return document, document.views[0]


PIPES = (
    "10,1,Stock,300,200,40,20,3,3,0,0,0,0,0,0",
    "12,2,48,100,200,10,8,0,3,0,0,-1,0,0,0",
    "1,3,5,1,4,0,0,22,0,0,0,-1--1--1,,1|(240,200)|",
    "1,4,5,2,100,0,0,22,0,0,0,-1--1--1,,1|(140,200)|",
    "11,5,0,200,200,6,8,34,3,0,0,1,0,0,0",
    "10,6,inflow,200,219,25,11,40,3,0,0,-1,0,0,0",
)


def by_kind(view, kind):
    return [element for element in view.elements if element.kind == kind]


def test_a_view_has_a_name_and_elements_with_full_sizes():
    document, main = view(*PIPES)
    assert main.name == "Main view"
    stock = by_kind(main, "stock")[0]
    assert (stock.variable, stock.x, stock.y, stock.width, stock.height) == ("Stock", 300, 200, 80, 40)
    span = stock.spans["x"]
    assert document.bytes[span.start : span.stop] == b"300"
    assert stock.raw == PIPES[0] and stock.line == 10
    assert not document.notes


def test_valve_word_and_pipes_are_one_flow():
    _, main = view(*PIPES)
    (flow,) = by_kind(main, "flow")
    stock, cloud = by_kind(main, "stock")[0], by_kind(main, "cloud")[0]
    assert flow.variable == "inflow"
    assert (flow.x, flow.y, flow.label_x, flow.label_y, flow.label_side) == (200, 200, 200, 219, "bottom")
    assert (flow.source, flow.target) == (cloud.id, stock.id)
    # from the border of the cloud to the border of the stock
    assert flow.points == ((110, 200), (140, 200), (200, 200), (240, 200), (260, 200))
    assert not by_kind(main, "connector") and not by_kind(main, "auxiliary")


def test_the_equation_says_where_material_goes_whatever_the_arrowhead():
    swapped = [line.replace("6,inflow", "6,outflow") for line in PIPES]
    _, main = view(*swapped)
    (flow,) = by_kind(main, "flow")
    assert flow.source == by_kind(main, "stock")[0].id
    assert flow.target == by_kind(main, "cloud")[0].id
    assert flow.points[0] == (260, 200) and flow.points[-1] == (110, 200)


def test_between_clouds_the_arrowhead_decides():
    lines = [PIPES[0].replace("10,1,Stock", "12,1,48").replace("40,20,3", "10,8,0"), *PIPES[1:]]
    _, main = view(*lines)
    (flow,) = by_kind(main, "flow")
    assert (flow.source, flow.target) == ("0:2", "0:1")


def test_a_pipe_turns_at_right_angles():
    lines = [
        PIPES[0].replace("300,200", "300,400"),
        *PIPES[1:2],
        PIPES[2].replace("240,200", "300,200"),
        *PIPES[3:],
    ]
    _, main = view(*lines)
    (flow,) = by_kind(main, "flow")
    assert flow.points[-3:] == ((200, 200), (300, 200), (300, 380))
    for (x1, y1), (x2, y2) in zip(flow.points, flow.points[1:], strict=False):
        assert x1 == x2 or y1 == y2


def test_a_valve_whose_word_has_another_number_takes_the_nearest():
    lines = [
        *PIPES[:5],
        "10,9,inflow,210,219,25,11,40,3,0,0,-1,0,0,0",
        "10,8,outflow,900,900,25,11,40,3,0,0,-1,0,0,0",
    ]
    _, main = view(*lines)
    assert by_kind(main, "flow")[0].variable == "inflow"
    assert [element.variable for element in by_kind(main, "auxiliary")] == ["outflow"]


def test_arrows_to_a_flow_end_on_its_valve_or_its_name():
    arrows = [
        f"1,{n},7,{end},1,0,{sign},0,0,{mark},0,-1--1--1,,1|(150,100)|"
        for n, end, sign, mark in ((8, 5, 43, 0), (9, 6, 45, 65))
    ]
    _, main = view(*PIPES, "10,7,rate,100,100,20,11,8,3,0,0,0,0,0,0", *arrows)
    first, second = by_kind(main, "connector")
    assert (first.source, first.target) == ("0:7", "0:5") == (second.source, second.target)
    assert (first.polarity, second.polarity) == ("+", "-")
    assert (first.delay, second.delay) == (False, True)
    assert first.control == (150, 100)


@pytest.mark.parametrize(
    ("shape", "points", "control"),
    [
        (1, "1|(0,0)|", None),
        (1, "1|(150,100)|", None),
        (1, "1|(150,60)|", (150, 60)),
        (0, "1|(150,60)|", None),
    ],
)
def test_an_arrow_is_an_arc_only_through_a_point_off_the_chord(shape, points, control):
    _, main = view(
        "10,1,Stock,200,100,40,20,3,3,0,0,0,0,0,0",
        "10,7,rate,100,100,20,11,8,3,0,0,0,0,0,0",
        f"1,8,7,1,{shape},0,0,0,0,64,0,-1--1--1,,{points}",
    )
    assert by_kind(main, "connector")[0].control == control


@pytest.mark.parametrize(
    ("code", "polarity"), [(0, ""), (43, "+"), (45, "-"), (83, "+"), (79, "-"), (49, "")]
)
def test_the_polarity_is_a_character_code(code, polarity):
    _, main = view(
        "10,1,Stock,200,100,40,20,3,3,0,0,0,0,0,0",
        "10,7,rate,100,100,20,11,8,3,0,0,0,0,0,0",
        f"1,8,7,1,1,0,{code},0,0,64,0,-1--1--1,,1|(0,0)|",
    )
    assert by_kind(main, "connector")[0].polarity == polarity


def test_ghosts_comments_and_quoted_names():
    equations = EQUATIONS + '"a, \\"b\\"" = 1 ~~|\n'
    document, main = view(
        "10,1,Time,5,6,26,11,8,2,0,3,-1,0,0,0,128-128-128,0-0-0,|12||128-128-128",
        '10,2,"a, \\"b\\"",7,8,26,11,8,3,0,0,-1,0,0,0',
        "12,3,0,50,60,70,8,8,7,0,0,-1,0,0,0",
        "10,9,looks like a word, but is text",
        "10,4,STOCK,7,8,26,11,8,3,0,0,-1,0,0,0",
        "12,5,1234,50,60,70,8,8,3,0,0,-1,0,0,0",
        equations=equations,
    )
    ghost, word, text, stock, icon = main.elements
    assert (ghost.kind, ghost.variable) == ("alias", "Time")
    assert (word.kind, word.variable) == ("auxiliary", 'a, "b"')
    assert (text.kind, text.text) == ("text", "10,9,looks like a word, but is text")
    assert (stock.kind, stock.variable, stock.shape) == ("stock", "Stock", "none")
    assert icon.kind == "other"
    assert not document.notes


def test_lines_that_cannot_be_read_are_kept_as_other_and_noted():
    lines = [
        "10,1,Stock,here,200,40,20,3,3,0,0,0,0,0,0",
        "10,2,rate",
        "1,4,7,8,1,0,0,0,0,0,0,-1--1--1,,1|(0,0)|",
        "99,1,x",
    ]
    document, main = view(*lines)
    assert [element.kind for element in main.elements] == ["other"] * 4
    assert [element.raw for element in main.elements] == lines
    assert [note.line for note in document.notes] == [10, 11, 13, 12]
    assert "element 7" in document.notes[-1].message


def test_a_second_element_of_one_number_is_noted():
    document, main = view(PIPES[0], PIPES[0].replace("Stock", "rate"))
    assert [element.kind for element in main.elements] == ["stock", "other"]
    assert "a second element 1" in document.notes[0].message


def test_several_views_and_the_old_version():
    document = views(
        "V300 x",
        "*One",
        "$a",
        PIPES[0],
        "\\\\\\---/// Sketch information",
        "V160 x",
        "*Two",
        "$b",
        "|1,rate,10,20,30,11,8",
        "|2,Stock,90,20,30,11,8",
        ">3,1,2,x",
    )
    one, two = document.views
    assert (one.name, two.name) == ("One", "Two")
    assert [(e.kind, e.variable, e.x, e.id) for e in two.elements[:2]] == [
        ("auxiliary", "rate", 10, "1:1"),
        ("stock", "Stock", 90, "1:2"),
    ]
    assert two.elements[2].source == "1:1"


def test_many_pipes_at_a_stock_of_many_flows_take_no_longer_each():
    rate = " + ".join(f"f{number}" for number in range(4_000))
    begin = time.process_time()
    _, main = view(*PIPES, *[PIPES[2]] * 10_000, equations=f"Stock = INTEG({rate}, 0) ~~|\n")
    assert len(by_kind(main, "flow")) == 1
    assert time.process_time() - begin < 5


def test_too_many_drawn_elements_are_refused():
    text = EQUATIONS + "\\\\\\---/// Sketch\nV300\n*v\n$d\n" + PIPES[0] + "\n" + PIPES[1]
    with pytest.raises(LimitError, match="views and drawn elements than the limit of 2;"):
        from_bytes(text.encode(), limits=Limits(view_elements=2))
    assert len(from_bytes(text.encode(), limits=Limits(view_elements=3)).views[0].elements) == 2


def test_too_many_views_are_refused():
    with pytest.raises(LimitError, match="<document>:8:1: more views and drawn elements"):
        from_bytes((EQUATIONS + "\\\\---///\n" * 3).encode(), limits=Limits(view_elements=2))


def test_a_sketch_may_begin_behind_a_lone_carriage_return():
    text = "a = 1 ~~|\n\r\\\\\\---/// Sketch\nV300\n*v\n$d\n" + PIPES[0]
    assert [one.name for one in from_bytes(text.encode()).views] == ["v"]


def test_two_backslashes_open_a_sketch_too():
    text = EQUATIONS + "\\\\---/// Sketch\nV300\n*v\n$d\n" + PIPES[0]
    assert from_bytes(text.encode()).views[0].elements[0].kind == "stock"
