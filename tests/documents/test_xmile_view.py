"""XMILE views: centres, pipes, clouds, arcs."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdtheory.documents import Limits, from_bytes
from sdtheory.documents.view import arc_middle
from sdtheory.errors import LimitError

VARIABLES = (
    '<stock name="S one"><inflow>gain</inflow><outflow>loss</outflow></stock>'
    '<stock name="T"><inflow>loss</inflow></stock>'
    '<flow name="gain"/><flow name="loss"/><aux name="a\\nb"/>'
)


def read(view, attributes='type="stock_flow"'):
    text = (
        '<xmile xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"><model><variables>'
        f"{VARIABLES}</variables><views><view {attributes}>{view}</view></views></model></xmile>"
    )
    return from_bytes(text.encode())


def elements(view):
    return read(view).views[0].elements


def test_an_element_with_a_size_of_its_own_stands_at_its_top_left():
    sized, plain, shaped = elements(
        '<stock name="S_one" x="10" y="20" width="60" height="40"/><stock name="T" x="10" y="20"/>'
        '<aux name="a_b" x="10" y="20"><shape type="circle" radius="5"/></aux>'
    )
    assert (sized.x, sized.y, sized.width, sized.height) == (40, 40, 60, 40)
    assert (plain.x, plain.y, plain.width, plain.height) == (10, 20, 45, 35)
    assert (shaped.x, shaped.width, shaped.shape) == (10, 10, "circle")
    assert (sized.variable, shaped.variable) == ("S one", "a b")


def test_sizes_and_label_sides_come_from_the_nearest_style():
    stock, aux = elements(
        '<style><stock label_side="top"><shape type="rectangle" width="55" height="45"/></stock></style>'
        '<stock name="T" x="1" y="2"/><aux name="a b" x="1" y="2" label_side="left"/>'
    )
    assert (stock.width, stock.height, stock.label_side, stock.shape) == (55, 45, "top", "box")
    assert aux.label_side == "left"


FLOW = '<stock name="S one" x="100" y="50"/><stock name="T" x="300" y="50"/>{}'


@pytest.mark.parametrize("points", [((122, 50), (278, 50)), ((278, 50), (122, 50))])
def test_a_pipe_runs_from_source_to_target_however_the_file_lists_its_points(points):
    pts = "".join(f'<pt x="{x}" y="{y}"/>' for x, y in points)
    found = elements(FLOW.format(f'<flow name="loss" x="200" y="50"><pts>{pts}</pts></flow>'))
    flow = found[2]
    assert (flow.source, flow.target) == (found[0].id, found[1].id)
    assert flow.points == ((122, 50), (278, 50))
    assert len(found) == 3


def test_an_end_without_a_stock_gets_a_cloud():
    found = elements(
        FLOW.format(
            '<flow name="gain" x="60" y="50"><pts><pt x="20" y="50"/><pt x="78" y="50"/></pts></flow>'
        )
    )
    flow, cloud = found[2], found[3]
    assert (cloud.kind, cloud.x, cloud.y) == ("cloud", 20, 50)
    assert (flow.source, flow.target) == (cloud.id, found[0].id)
    assert "whole" not in cloud.spans


def test_a_connector_knows_its_ends_sign_and_delay():
    found = elements(
        FLOW.format(
            '<flow name="loss" x="200" y="50"/><alias uid="7" x="9" y="9"><of>a_b</of></alias>'
            '<connector uid="1" angle="90" polarity="-" delay_mark="true">'
            "<from>S_one</from><to>loss</to></connector>"
            '<connector angle="0"><from><alias uid="7"/></from><to>"T"</to></connector>'
        )
    )
    alias, arc, straight = found[3:]
    assert (alias.kind, alias.variable) == ("alias", "a b")
    assert (arc.source, arc.target, arc.polarity, arc.delay) == (found[0].id, found[2].id, "-", True)
    assert arc.control == pytest.approx((150, 0))
    assert (straight.source, straight.target) == (alias.id, found[1].id)


def test_a_connector_to_something_the_view_lacks_keeps_the_name_and_is_noted():
    document = read(
        '<aux name="a b" x="1" y="2"/><connector><from>Time</from><to>a_b</to></connector>'
        "<connector><from>a_b</from><to>gain</to></connector>"
    )
    first, second = document.views[0].elements[1:]
    assert (first.source, second.target) == ("Time", "gain")
    assert [note.message for note in document.notes] == [
        "a connector ends at 'gain', which this view does not show"
    ]


def test_text_groups_and_unknown_things_are_kept():
    found = elements(
        '<text_box x="0" y="0" width="10" height="20">words</text_box>'
        '<group name="G" x="0" y="0" width="4" height="4"/><knob x="1" y="1"/>'
    )
    assert [(one.kind, one.text) for one in found] == [("text", "words"), ("group", "G"), ("other", "")]
    assert (found[0].x, found[0].y) == (5, 10)


def test_coordinates_that_are_no_numbers_are_noted():
    document = read('<aux name="a b" x="here" y="nan"/>')
    assert (document.views[0].elements[0].x, document.views[0].elements[0].y) == (0, 0)
    assert len(document.notes) == 2


def test_spans_of_coordinates_are_the_text_between_the_quotes():
    document = read("<aux y='7.50' x=\"12\" name='a b'/>")
    spans = document.views[0].elements[0].spans
    assert {key: document.bytes[spans[key].start : spans[key].stop] for key in ("x", "y")} == {
        "x": b"12",
        "y": b"7.50",
    }


def test_too_many_drawn_elements_are_refused():
    with pytest.raises(LimitError, match="more drawn elements than the limit of 1;"):
        from_bytes(
            b"<xmile><model><views><view><aux/><aux/></view></views></model></xmile>",
            limits=Limits(view_elements=1),
        )


def test_interface_views_are_told_apart():
    assert read("", 'type="interface"').views[0].kind == "interface"
    assert read("", 'name="interface"').views[0].kind == "interface"
    assert read("", "").views[0].kind == "stock_flow"


COORDINATE = st.floats(-1000, 1000)


@given(COORDINATE, COORDINATE, COORDINATE, COORDINATE, st.floats(-720, 720))
def test_the_middle_of_an_arc_is_as_far_from_both_ends_and_on_the_circle(x1, y1, x2, y2, angle):
    distance = math.hypot(x2 - x1, y2 - y1)
    middle = arc_middle((x1, y1), (x2, y2), angle)
    if middle is None or distance < 1:
        return
    to_start, to_stop = math.dist(middle, (x1, y1)), math.dist(middle, (x2, y2))
    assert to_start == pytest.approx(to_stop, rel=1e-6)
    # the radius from the standard's formula: |d|^2 / (2 n.d), n at right angles to the direction of leaving
    theta = math.radians(angle)
    normal = (math.sin(theta), math.cos(theta))
    k = 2 * (normal[0] * (x2 - x1) + normal[1] * (y2 - y1))
    centre = (x1 + normal[0] * distance**2 / k, y1 + normal[1] * distance**2 / k)
    assert math.dist(middle, centre) == pytest.approx(abs(distance**2 / k), rel=1e-5)
    # the arc bows to the side it leaves to
    assert (middle[0] - x1) * math.cos(theta) - (middle[1] - y1) * math.sin(theta) > -1e-6 * to_start
