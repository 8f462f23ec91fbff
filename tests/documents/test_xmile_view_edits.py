"""Edits of views and variables of XMILE files, by example."""

import math

import pytest
from xmile_tank import NAMESPACE, changed, document, edited


def circle(one, two, three):
    """Centre of the circle through three points."""
    (a, b), (c, d), (e, f) = one, two, three
    double = 2 * (a * (d - f) + c * (f - b) + e * (b - d))
    squares = [x * x + y * y for x, y in (one, two, three)]
    x = (squares[0] * (d - f) + squares[1] * (f - b) + squares[2] * (b - d)) / double
    y = (squares[0] * (e - c) + squares[1] * (a - e) + squares[2] * (c - a)) / double
    return x, y


# drawings


def test_a_stock_takes_its_pipe_and_connectors_along():
    assert edited("move", "water", 100, 105) == (
        ['<stock name="water" x="100" y="100"/>'],
        ['<stock name="water" x="100" y="105"/>'],
    )
    taken, added = edited("move", "water", 80, 160)
    assert added == ['<stock name="water" x="80" y="160"/>', '<pt x="102.5" y="160"/>', '<pt x="151.25" y="160"/>',
                     '<pt x="151.25" y="100"/>']  # fmt: skip
    assert taken == ['<stock name="water" x="100" y="100"/>', '<pt x="122.5" y="100"/>']


def test_a_box_with_a_size_is_placed_by_its_corner_and_connectors_keep_their_bow():
    assert edited("move", "draining-time", 200.126, 210) == (
        [
            '<aux name="draining-time" x="200" y="200" width="60" height="20"/>',
            '<connector uid="4" angle="90">',
        ],
        [
            '<aux name="draining-time" x="170.13" y="200" width="60" height="20"/>',
            '<connector uid="4" angle="74.81">',
        ],
    )


def test_moving_a_valve_moves_its_piece_of_the_pipe():
    assert edited("move", "drain pipe", 210, 100)[1] == [
        '<flow name="drain\\npipe" x="210" y="100">', '<connector uid="4" angle="85.05">'
    ]  # fmt: skip
    new = document().move("drain pipe", 200, 150)
    assert new.views[0].elements[1].points == ((122.5, 100), (161.25, 100), (161.25, 150), (280, 150))


def test_a_cloud_is_the_end_of_a_pipe():
    before = document()
    cloud = next(one for one in before.views[0].elements if one.kind == "cloud")
    assert changed(before, before.move(cloud.id, 300, 100)) == (
        ['<pt x="280" y="100"/>'],
        ['<pt x="300" y="100"/>'],
    )


def test_a_connector_bends_through_a_point():
    before = document()
    link = next(one for one in before.views[0].elements if one.kind == "connector")
    start, stop = (230, 210), (200, 100)
    straight = before.reshape(link.id, points=[])
    (bent,) = (one for one in straight.views[0].elements if one.id == link.id)
    assert bent.control is None and bent.angle == pytest.approx(105.26)
    for point in ((260, 140), (150, 170)):
        (bent,) = (
            one for one in before.reshape(link.id, points=[point]).views[0].elements if one.id == link.id
        )
        centre = circle(start, bent.control, stop)
        assert math.dist(centre, point) == pytest.approx(math.dist(centre, start), rel=0.01)
    assert changed(before, before.reshape(link.id, angle=-30.123)) == (
        ['<connector uid="4" angle="90">'], ['<connector uid="4" angle="-30.12">']
    )  # fmt: skip


def test_sizes_sides_and_colours_are_attributes():
    assert edited("reshape", "water", width=60, height=40)[1] == [
        '<stock name="water" x="70" y="80" width="60" height="40"/>', '<pt x="130" y="100"/>'
    ]  # fmt: skip
    assert edited("reshape", "water", label_side="left", colour="red")[1] == [
        '<stock name="water" x="100" y="100" label_side="left" color="red"/>'
    ]


def test_what_an_equation_names_is_connected():
    before = document().add_auxiliary("level", 3, x=50, y=30)
    new = before.set_equation("drain pipe", "water * level", links="match")
    links = [one for one in new.views[0].elements if one.kind == "connector"]
    by_id = {one.id: one.variable for one in new.views[0].elements}
    assert sorted(by_id[one.source] for one in links) == ["level", "water"]
    assert {one.uid for one in links} == {"5", "6"}
    assert new.set_equation("drain pipe", "water * level", links="match") is new
    unlinked = before.set_equation("drain pipe", "water * level")
    assert unlinked.text.count("<connector") == 1


def test_a_connector_starts_at_the_nearest_alias():
    before = document().add_alias("draining-time", 150, 60).disconnect("draining-time", "drain pipe")
    taken, added = changed(before, before.connect("draining-time", "drain pipe", "-"))
    assert not taken
    assert added[1:4] == ["<from>", '<alias uid="5"/>', "</from>"] and 'polarity="-"' in added[0]
    new = before.connect("draining-time", "drain pipe", "-")
    assert new.connect("draining-time", "drain pipe") is new
    assert new.connect("draining-time", "drain pipe", "+").text == new.text.replace(
        'polarity="-"', 'polarity="+"'
    )


# additions and removals


def test_a_new_variable_is_laid_out_like_its_neighbours():
    taken, added = edited("add_stock", "lake two", "5", "litre", "below", 300, 100)
    assert (taken, added) == ([], [
        '<stock name="lake two">', "<doc>below</doc>", "<eqn>5</eqn>", "<units>litre</units>", "</stock>",
        '<stock name="lake two" x="300" y="100"/>',
    ])  # fmt: skip
    new = document().add_stock("lake two", 5)
    assert '\n\t\t\t<stock name="lake two">\n\t\t\t\t<eqn>5</eqn>\n\t\t\t</stock>\n\t\t\t<flow' in new.text


def test_a_new_flow_joins_two_stocks():
    before = document().add_stock("lake", 5, x=300, y=250)
    new = before.add_flow("spill over", "water / 9", "water", "lake", x=100, y=250)
    assert (new.variables["water"].outflows, new.variables["lake"].inflows) == (
        ("drain_pipe", "spill_over"), ("spill_over",)
    )  # fmt: skip
    flow = next(one for one in new.views[0].elements if one.variable == "spill over")
    assert flow.points[-1] == (277.5, 250)
    by_id = {one.id: one for one in new.views[0].elements}
    assert (by_id[flow.source].variable, by_id[flow.target].variable) == ("water", "lake")
    alone = document().add_flow("rain", 1, None, "water")
    flow = next(one for one in alone.views[0].elements if one.variable == "rain")
    assert flow.points[-1] == (77.5, 100) and flow.source.endswith(":source")


def test_an_end_of_a_flow_changes_its_stock():
    before = document().add_stock("lake", 5, x=400, y=180)
    new = before.attach("drain pipe", "target", "lake")
    flow = next(one for one in new.views[0].elements if one.kind == "flow")
    assert flow.points == ((122.5, 100), (400, 100), (400, 162.5))
    assert new.variables["lake"].inflows == ("drain_pipe",)
    loose = new.attach("drain pipe", "source", None)
    assert loose.variables["water"].outflows == ()
    flow = next(one for one in loose.views[0].elements if one.kind == "flow")
    assert flow.source.endswith(":source") and flow.points[0] == (152.5, 100)
    assert new.attach("drain pipe", "target", "lake") is new


def test_a_removed_variable_takes_its_drawings_and_leaves_equations():
    taken, added = edited("remove", "draining-time")
    assert added == ['<group name="all"><entity name="water"/></group>']
    assert '<connector uid="4" angle="90">' in taken and '<aux name="draining-time">' in taken
    new = document().remove("drain pipe")
    assert "<outflow>" not in new.text and "<connector" not in new.text and "<pts>" not in new.text
    assert new.text.count("\n\n") == 0


def test_removing_a_drawing_keeps_the_variable():
    new = document().remove_element("0:2")
    assert "draining-time" in new.variables and not [
        one for one in new.views[0].elements if one.kind == "connector"
    ]


def test_texts_aliases_and_views_are_added():
    new = document().add_view('page "2"').add_text("note\n<two>", 50, 60, 1).add_alias("water", 10, 20, 0)
    assert [view.name for view in new.views] == ["", 'page "2"']
    (box,) = new.views[1].elements
    assert (box.kind, box.text, box.x, box.y) == ("text", "note\n<two>", 50, 60)
    assert '<alias uid="5" x="10" y="20">\n' in new.text


def test_the_oldest_dialect_holds_places_inside_its_variables():
    text = (
        '<xmile version="1.0" xmlns="http://www.systemdynamics.org/XMILE"><model>\n'
        '<stock name="a"><eqn>1</eqn><display x="10" y="20"/></stock>\n'
        '<aux name="b"><eqn>a</eqn><display x="50" y="20"/></aux>\n'
        '<display><connector x="20" y="20" uid="1"><from>a</from><to>b</to></connector></display></model></xmile>'
    )
    new = document(text).move("b", 10, 80)
    assert '<display x="10" y="80"/>' in new.text and '<connector x="10" y="30" uid="1">' in new.text
    new = document(text).add_auxiliary("c", 2, x=7, y=8)
    assert '\n<aux name="c"><eqn>2</eqn><display x="7" y="8"/></aux>' in new.text
    assert "<connector" not in document(text).remove("b").text


def test_an_edit_keeps_the_repair_of_a_variable_that_is_not_closed():
    text = (
        f'<xmile xmlns="{NAMESPACE}">\n<model>\n<variables>\n<flow name="a">\n<eqn>1</eqn>\n'
        '<aux name="b">\n<eqn>2</eqn>\n</aux>\n</variables>\n</model>\n</xmile>\n'
    )
    before = document(text)
    assert len(before.notes) == 1
    assert before.set_units("a", "kg").text == text.replace("<eqn>1</eqn>", "<eqn>1</eqn>\n<units>kg</units>")
    assert list(before.remove("b").variables) == ["a"]
    assert list(before.remove("a").variables) == ["b"]
    assert list(before.add_flow("c", 3).variables) == ["a", "c", "b"]
