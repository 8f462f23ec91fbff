"""What a converted document says, and what is refused or counted as lost."""

from __future__ import annotations

import pytest

import sdtheory as sd
from sdtheory.documents import from_bytes
from sdtheory.errors import ModelError, SDWarning, UsageError

pytestmark = pytest.mark.filterwarnings("always::sdtheory.errors.SDWarning")
HEAD = '<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"><header/>'
CLOCK = "INITIAL TIME= 0 ~~|\nFINAL TIME= 4 ~~|\nTIME STEP= 1 ~~|\nSAVEPER= TIME STEP ~~|\n"


def vensim(text, sketch="", settings=""):
    return from_bytes(f"{{UTF-8}}\n{text}\n{CLOCK}{sketch}{settings}".encode(), "vensim")


def xmile(variables, views="", before=""):
    specs = "<sim_specs><start>0</start><stop>4</stop><dt>1</dt></sim_specs>"
    body = f"<model><variables>{variables}</variables>{views}</model></xmile>"
    return from_bytes(f"{HEAD}{specs}{before}{body}".encode(), "xmile")


@pytest.fixture
def losses(recwarn):
    def found():
        texts = [str(one.message) for one in recwarn.list if issubclass(one.category, SDWarning)]
        return [text.removeprefix("convert-lost: ") for text in texts]

    return found


def equation(document, name):
    return document.variables[name].equation


# equations


def test_names_are_quoted_as_each_format_wants(losses):
    document = vensim('out= "births/deaths" + net rate ~~|\n"births/deaths"= 1 ~~|\nnet rate= 2 ~~|')
    there = sd.convert(document, "xmile")
    assert equation(there, "out") == '"births/deaths" + net_rate'
    assert equation(sd.convert(there, "vensim"), "out") == '"births/deaths" + net rate'
    assert losses() == []


def test_numbers_keep_the_text_of_the_file():
    there = sd.convert(vensim("x= 1e+06 * .50 + 2. ~~|"), "xmile")
    assert equation(there, "x") == "1e+06*.50 + 2."


def test_a_stock_gets_its_flows_and_gives_them_back():
    document = vensim("S= INTEG(in - out, 7) ~~|\nin= 1 ~~|\nout= S/2 ~~|")
    there = sd.convert(document, "xmile")
    stock = there.variables["S"]
    assert (stock.kind, stock.equation, stock.inflows, stock.outflows) == ("stock", "7", ("in",), ("out",))
    assert equation(sd.convert(there, "vensim"), "S").split() == ["INTEG", "(", "in", "-", "out,", "7)"]


def test_a_rate_that_is_no_sum_of_flows_becomes_a_flow(losses):
    there = sd.convert(vensim("S= INTEG(in - S/10, 7) ~~|\nin= 1 ~~|"), "xmile")
    assert there.variables["S"].inflows == ("in", "S_net_flow")
    assert equation(there, "S net flow") == "-(S/10)"
    assert "1 × rate that is no sum of flows, now with a flow of its own" in losses()


def test_a_flow_into_two_stocks_is_their_own_in_one_of_them_only():
    document = vensim("A= INTEG(f, 0) ~~|\nB= INTEG(f, 1) ~~|\nf= 2 ~~|")
    there = sd.convert(document, "xmile")
    assert there.variables["A"].inflows == ("f",)
    assert there.variables["B"].inflows == ("B_net_flow",)
    run = sd.simulate(sd.load(there))
    assert list(run[["A", "B"]].iloc[-1]) == [8.0, 9.0]


def test_a_table_inside_an_expression_becomes_a_variable(losses):
    there = sd.convert(vensim("x= 1 + WITH LOOKUP(Time, ((0,1),(4,5))) ~~|"), "xmile")
    assert equation(there, "x") == "1 + LOOKUP(x_table, TIME)"
    assert there.variables["x table"].lookup.y == (1.0, 5.0)
    assert losses() == ["1 × table or state inside an equation, now a variable of its own"]


def test_a_table_that_is_a_whole_equation_stays_one_with_its_display_range():
    document = vensim("x= WITH LOOKUP(Time, ([(0,0)-(4,10)],(0,1),(4,5))) ~~|")
    there = sd.convert(document, "xmile")
    assert (equation(there, "x"), there.variables["x"].lookup.yscale) == ("TIME", (0.0, 10.0))
    assert sd.convert(there, "vensim").variables["x"].lookup.yscale == (0.0, 10.0)


def test_a_table_that_goes_on_beyond_its_ends_is_read_so_in_vensim():
    table = '<gf name="t" type="extrapolate"><xpts>0,1</xpts><ypts>0,2</ypts></gf>'
    there = sd.convert(xmile(f'{table}<aux name="x"><eqn>LOOKUP(t, TIME)</eqn></aux>'), "vensim")
    assert equation(there, "x") == "LOOKUP EXTRAPOLATE(t, Time)"
    assert sd.simulate(sd.load(there))["x"].iloc[-1] == 8.0
    back = sd.convert(there, "xmile")
    assert sd.simulate(sd.load(back))["x"].iloc[-1] == 8.0


def test_an_initial_value_of_an_active_equation_goes_to_its_own_element():
    there = sd.convert(vensim("x= ACTIVE INITIAL(Time + 1, 5) ~~|"), "xmile")
    assert (equation(there, "x"), there.variables["x"].blocks[0].initial) == ("TIME + 1", "5")


def test_states_that_xmile_lacks_are_written_out():
    document = vensim("x= SAMPLE IF TRUE(Time = 2, Time, 9) ~~|")
    there = sd.convert(document, "xmile")
    assert "DELAY" in there.variables["x sample if true state"].equation
    assert list(sd.simulate(sd.load(there))["x"]) == [9.0, 9.0, 2.0, 2.0, 2.0]


def test_a_macro_is_written_out_where_it_is_called(losses):
    document = vensim(":MACRO: TWICE(a)\nTWICE= a*2 ~~|\n:END OF MACRO:\nx= TWICE(3) + 1 ~~|")
    there = sd.convert(document, "xmile")
    assert len(there.macros) == 0
    assert sd.simulate(sd.load(there))["x"].iloc[0] == 7.0
    assert any("inlined macro" in text for text in losses())


def test_the_flows_of_xmile_that_may_not_be_negative_say_so_in_their_equation():
    there = sd.convert(xmile('<flow name="f"><eqn>3 - TIME</eqn><non_negative/></flow>'), "vensim")
    assert equation(there, "f") == "MAX(3 - Time, 0)"


# arrays


def test_equations_for_parts_of_an_array_are_written_for_each_element():
    document = vensim(
        "crop: rye, oats, corn ~~|\ngrain: rye, oats ~~|\nprice[grain]= 2*base[grain] ~~|\nprice[corn]= 5 ~~|\n"
        "base[crop]= 1,2,3 ~~|\nall[crop] :EXCEPT: [rye]= base[crop] ~~|\nall[rye]= 0 ~~|\n"
        "total= SUM(base[crop!]*price[crop!]) ~~|\npart= SUM(base[grain!]) ~~|"
    )
    there = sd.convert(document, "xmile")
    assert [block.equation for block in there.variables["price"].blocks] == [
        "2*base[rye]",
        "2*base[oats]",
        "5",
    ]
    assert equation(there, "total") == "SUM(base[*]*price[*])"
    assert equation(there, "part") == "SUM(base[grain])"
    before, after = (sd.simulate(sd.load(one)) for one in (document, there))
    for column in before.columns[before.columns.str.contains(r"\[|total|part")]:
        assert list(after[column]) == list(before[column])


def test_a_mapping_is_written_out_by_element(losses):
    document = vensim(
        "a: a1, a2 -> b ~~|\nb: b1, b2 ~~|\nx[b]= 1,2 ~~|\ny[a]= x[b]*10 ~~|",
    )
    there = sd.convert(document, "xmile")
    assert [block.equation for block in there.variables["y"].blocks] == ["x[b1]*10", "x[b2]*10"]
    assert any("mapping between subscript ranges" in text for text in losses())


def test_elements_that_are_numbers_are_quoted_in_vensim():
    dims = '<dimensions><dim name="row" size="2"/></dimensions>'
    variables = (
        '<aux name="x"><dimensions><dim name="row"/></dimensions><element subscript="1"><eqn>4</eqn></element>'
        '<element subscript="2"><eqn>5</eqn></element></aux><aux name="y"><eqn>x[2]</eqn></aux>'
    )
    there = sd.convert(xmile(variables, before=dims), "vensim")
    assert sd.simulate(sd.load(there))["y"].iloc[0] == 5.0


# texts


def test_text_that_vensim_cannot_hold_is_replaced_and_counted(losses):
    there = sd.convert(xmile('<aux name="x"><eqn>1</eqn><doc>a ~ b | c\\\\\nd</doc></aux>'), "vensim")
    assert there.variables["x"].documentation == "a - b / c\\\nd"
    assert "1 × sign ~ or | in units or documentation, replaced" in losses()


def test_documentation_keeps_its_lines_and_signs():
    document = vensim("x= 1 ~ m/s [0,?] ~ first <line> & \\n\n\t\tsecond |")
    there = sd.convert(document, "xmile")
    assert there.variables["x"].documentation == "first <line> & \\n\nsecond"
    assert (there.variables["x"].units, there.variables["x"].limits) == ("m/s", (0.0, None))


def test_what_is_lost_is_counted_by_kind(losses):
    settings = "///---\\\\\\\n:L\x7f<%^E!@\n15:0,0,0,0,0,0\n19:100,0\n27:0,\n"
    sd.convert(vensim("x= Time ~ m [0,9,1] ~ ~ :SUPPLEMENTARY |\ny == 2 ~~|", settings=settings), "xmile")
    assert losses() == [
        "2 × line of the settings of Vensim's display",
        "1 × mark of a constant that may not be changed (==)",
        "1 × step of a range of values",
        "1 × supplementary flag",
    ]


def test_what_xmile_has_for_itself_is_counted(losses):
    views = '<views><view zoom="200"><slider x="1" y="2"/></view></views>'
    sd.convert(xmile('<aux name="x" access="output"><eqn>1 {one}</eqn><format/></aux>', views), "vensim")
    assert losses() == [
        "1 × <format> of a variable",
        "1 × attribute 'access' of a variable",
        "1 × comment inside an equation",
        "1 × drawn element of XMILE (slider)",
        "1 × setting of a view's page, such as its size and zoom",
    ]


# what is drawn

SKETCH = r"""\\\---/// Sketch information - do not modify anything except names
V300  Do not put anything below this section - it will be ignored
*Two stocks
$192-192-192,0,Arial|12||0-0-0|0-0-0|0-0-255|-1--1--1|-1--1--1|96,96,100,0
10,1,S,300,200,40,20,3,3,0,5,0,0,0,0,255-0-0,0-255-0,|||0-0-0
12,2,48,100,200,10,8,0,3,0,0,-1,0,0,0
1,3,5,1,4,0,0,22,0,0,0,-1--1--1,,1|(240,200)|
1,4,5,2,100,0,0,22,0,0,0,-1--1--1,,1|(140,200)|
11,5,0,200,200,6,8,34,3,0,0,1,0,0,0
10,6,f,200,219,25,11,40,3,0,0,-1,0,0,0
10,7,a,120,320,30,11,8,3,0,58,0,0,0,0,0-0-0,0-0-0,Georgia|16|B|0-0-255
10,8,Time,40,320,26,11,8,2,0,3,-1,0,0,0,128-128-128,0-0-0,|12||128-128-128
12,9,0,250,60,70,8,8,7,0,0,-1,0,0,0
a comment, with a comma
1,10,7,5,1,0,45,0,0,65,0,255-0-0,,1|(120,240)|
1,11,8,7,0,0,43,0,0,64,0,-1--1--1,,1|(0,0)|
""".replace("\\\\\\", "\\\\\\")
DRAWN = "S= INTEG(f, 7) ~~|\nf= a ~~|\na= Time ~~|"


@pytest.fixture
def drawn():
    document = vensim(DRAWN, SKETCH, "///---\\\\\\\n:L\x7f<%^E!@\n15:0,0,0,0,0,0\n")
    there = sd.convert(document, "xmile")
    return document.views[0], there.views[0], sd.convert(there, "vensim").views[0]


def by_kind(view, kind):
    return [element for element in view.elements if element.kind == kind]


def test_a_view_keeps_its_name_and_everything_in_its_place(drawn):
    for view in drawn:
        assert view.name == "Two stocks"
        seen = {(one.kind, one.x, one.y) for one in view.elements if one.kind != "connector"}
        assert seen == {
            ("stock", 300, 200),
            ("flow", 200, 200),
            ("cloud", 100, 200),
            ("auxiliary", 120, 320),
            ("alias", 40, 320),
            ("text", 250, 60),
        }
        assert by_kind(view, "text")[0].text == "a comment, with a comma"
        assert by_kind(view, "alias")[0].text.lower() == "time"


def test_sizes_and_sides_of_names_stay(drawn):
    for view in drawn:
        for kind, size in {
            "stock": (80, 40),
            "auxiliary": (60, 22),
            "alias": (52, 22),
            "text": (140, 16),
        }.items():
            (element,) = by_kind(view, kind)
            assert (element.width, element.height) == size, kind
        assert by_kind(view, "flow")[0].label_side == "bottom"


def test_connectors_keep_sign_delay_mark_and_arc(drawn):
    for view in drawn:
        arc, straight = by_kind(view, "connector")
        assert (arc.polarity, arc.delay, straight.polarity, straight.delay) == ("-", True, "+", False)
        assert straight.control is None
        assert "255-0-0" in arc.colour or arc.colour == "#ff0000"
    first, middle, last = (by_kind(view, "connector")[0].control for view in drawn)
    assert middle == pytest.approx(last, abs=1.0)
    circle = _circle((120, 320), first, (200, 200))
    for x, y in (middle, last):
        assert abs(((x - circle[0]) ** 2 + (y - circle[1]) ** 2) ** 0.5 - circle[2]) < 1.0


def test_a_dashed_line_is_lost_in_vensim_and_only_what_is_lost_is_told(losses):
    seed = sd.read("models/m0_seed.xmile")
    sd.convert(seed, "vensim")
    before = losses()
    assert not any(text.startswith("0 ") for text in before)
    link = next(one.id for one in seed.views[0].elements if one.kind == "connector")
    sd.convert(seed.reshape(link, line_style="dashed"), "vensim")
    assert [text for text in losses() if text not in before] == ["1 × dashed line of a connector"]


def _circle(a, b, c):
    """Centre and radius of the circle through three points."""
    ax, ay, bx, by, cx, cy = *a, *b, *c
    d = 2 * (ax * (by - cy) + bx * (cy - ay) + cx * (ay - by))
    squares = ax * ax + ay * ay, bx * bx + by * by, cx * cx + cy * cy
    x = (squares[0] * (by - cy) + squares[1] * (cy - ay) + squares[2] * (ay - by)) / d
    y = (squares[0] * (cx - bx) + squares[1] * (ax - cx) + squares[2] * (bx - ax)) / d
    return x, y, ((x - ax) ** 2 + (y - ay) ** 2) ** 0.5


def test_colours_and_fonts_stay(drawn):
    _, there, back = drawn
    assert 'color="#ff0000" background="#00ff00"' in by_kind(there, "stock")[0].raw
    assert 'font_color="#0000ff" font_family="Georgia" font_size="16pt" font_weight="bold"' in (
        by_kind(there, "auxiliary")[0].raw
    )
    assert by_kind(back, "stock")[0].raw.endswith("255-0-0,0-255-0,|||0-0-0")
    assert by_kind(back, "auxiliary")[0].raw.endswith("Georgia|16|B|0-0-255")


def test_a_ghost_stays_grey_without_saying_so(drawn):
    _, there, back = drawn
    assert "color" not in by_kind(there, "alias")[0].raw
    assert by_kind(back, "alias")[0].raw.endswith("128-128-128,0-0-0,|12||128-128-128")


def test_a_view_with_negative_places_is_moved_as_a_whole():
    views = (
        '<views><view><aux name="x" x="-30.5" y="40"/><aux name="y" x="20" y="-8"/>'
        "<connector><from>x</from><to>y</to></connector></view></views>"
    )
    variables = '<aux name="x"><eqn>1</eqn></aux><aux name="y"><eqn>x</eqn></aux>'
    (view,) = sd.convert(xmile(variables, views), "vensim").views
    assert [(one.x, one.y) for one in by_kind(view, "auxiliary")] == [(0, 48), (51, 0)]


def test_a_pipe_with_corners_keeps_them():
    views = (
        '<views><view><stock name="S" x="300" y="100" width="40" height="40"/><flow name="f" x="200" y="250"><pts>'
        '<pt x="100" y="250"/><pt x="320" y="250"/><pt x="320" y="140"/></pts></flow></view></views>'
    )
    variables = '<stock name="S"><eqn>1</eqn><inflow>f</inflow></stock><flow name="f"><eqn>1</eqn></flow>'
    document = xmile(variables, views)
    there = sd.convert(document, "vensim")
    (flow,) = by_kind(sd.convert(there, "xmile").views[0], "flow")
    assert flow.points == ((100, 250), (320, 250), (320, 140))


def test_a_second_drawing_of_a_variable_is_told_apart_by_its_number():
    words = "10,20,a,400,320,30,11,8,3,0,0,0,0,0,0\n1,21,20,5,0,0,0,0,0,64,0,-1--1--1,,1|(0,0)|\n"
    document = vensim(DRAWN, SKETCH + words, "///---\\\\\\\n")
    (view,) = sd.convert(document, "xmile").views
    second = by_kind(view, "auxiliary")[1]
    assert [one.source for one in by_kind(view, "connector")][2] == second.id


def test_what_a_module_holds_is_drawn_with_its_full_name():
    views = '<views><view><aux name="x" x="10" y="20"/></view></views>'
    text = sd.convert(
        from_bytes(
            (
                f"{HEAD}<sim_specs><start>0</start><stop>4</stop><dt>1</dt></sim_specs><model><variables>"
                '<module name="barn"/><aux name="y"><eqn>barn.x</eqn></aux></variables></model><model name="barn">'
                f'<variables><aux name="x"><eqn>3</eqn></aux></variables>{views}</model></xmile>'
            ).encode()
        ),
        "vensim",
    )
    assert text.variables["barn.x"].equation == "3"
    assert [(one.kind, one.variable) for one in text.views[0].elements] == [("auxiliary", "barn.x")]


# what is refused


@pytest.mark.parametrize(
    "text, message",
    [
        ("x[d]= VECTOR RANK(y[d], 1) ~~|\nd: a, b ~~|\ny[d]= 1,2 ~~|", "'x': VECTOR RANK has no counterpart"),
        ("dt= 5 ~~|\nx= dt*TIME STEP ~~|", "'dt' is a word of XMILE for the simulation's clock"),
    ],
)
def test_what_xmile_cannot_say_is_refused_by_variable_and_word(text, message):
    with pytest.raises(ModelError, match=message):
        sd.convert(vensim(text), "xmile")


def test_settings_that_are_no_numbers_are_refused():
    document = from_bytes(
        b"{UTF-8}\nx= Time ~~|\nFINAL TIME= IF THEN ELSE(x > 3, 3, 9) ~~|\nTIME STEP= 1 ~~|"
    )
    with pytest.raises(ModelError, match="setting 'stop' depends on more than constants"):
        sd.convert(document, "xmile")


def test_a_stock_held_at_zero_is_refused_when_the_run_would_differ(losses):
    flow = '<flow name="out"><eqn>{}</eqn></flow>'
    stock = '<stock name="S"><eqn>3</eqn><outflow>out</outflow><non_negative/></stock>'
    assert sd.convert(xmile(stock + flow.format("0.5")), "vensim").variables["S"].kind == "stock"
    assert "1 × mark that a stock may not fall below zero" in losses()
    with pytest.raises(ModelError, match="'S' is a stock that may not fall below zero"):
        sd.convert(xmile(stock + flow.format("2")), "vensim")


def test_an_unknown_format_is_a_wrong_call():
    with pytest.raises(UsageError, match="unknown format 'stella'"):
        sd.convert(vensim("x= 1 ~~|"), "stella")


def test_a_document_in_the_wanted_format_keeps_its_bytes():
    document = sd.read("models/m0_seed.mdl")
    same = sd.convert(document, "vensim")
    assert same.bytes == document.bytes
    assert same.source is None
