"""Arrays and graphical functions of XMILE files."""

from __future__ import annotations

import pytest

import sdtheory as sd
from sdtheory.errors import SDError

DIMENSIONS = (
    '<dimensions><dim name="big_region"><elem name="north_side"/><elem name="south"/></dim>'
    '<dim name="age" size="3"/></dimensions>\n'
)
GRAPH = '<gf><xscale min="0" max="2"/><ypts>0,1,4</ypts></gf>'
STEEP = '<gf><xscale min="0" max="4"/><ypts>0,10,40</ypts></gf>'


def array(name: str, dimensions: str, *parts: str) -> str:
    axes = "".join(f'<dim name="{dimension}"/>' for dimension in dimensions.split(","))
    return f'<aux name="{name}"><dimensions>{axes}</dimensions>{"".join(parts)}</aux>'


def eqn(text: str) -> str:
    return f"<eqn>{text}</eqn>"


def element(subscript: str, *parts: str) -> str:
    return f'<element subscript="{subscript}">{"".join(parts)}</element>'


PAIR = array("a", "big_region", element("north_side", eqn("1")), element("south", eqn("2")))
CELLS = [(region, age) for region in ("north_side", "south") for age in "123"]
TABLE = array(
    "m", "big_region,age", *(element(f"{r}, {a}", eqn(str(place))) for place, (r, a) in enumerate(CELLS))
)


@pytest.mark.parametrize(
    ("equation", "value"),
    [
        ("SUM(a[*])", 3),
        ("SUM(a)", 3),
        ("SUM(m[*, *])", 15),
        ("SUM(m[south, *])", 12),
        ("SUM(a[*] * a[*])", 5),
        ("PROD(a[*])", 2),
        ("MEAN(m[*, *])", 2.5),
        ("MEAN(a[*])", 1.5),
        ("SIZE(a)", 2),
        ("SIZE(a[*])", 2),
        ("SIZE(m[*, *])", 6),
        ("SIZE(m[south, *])", 3),
        ("MAX(a[*])", 2),
        ("MIN(m[south, *])", 3),
        ("m[south, 2]", 4),
        ("m[South, 2] + a[North_Side]", 5),
    ],
)
def test_functions_over_arrays(xmile, start, equation, value):
    assert start(xmile(PAIR, TABLE, x=equation, dimensions=DIMENSIONS))["x"] == value


@pytest.mark.parametrize(
    ("dimension", "equation", "values"),
    [
        ("big_region", "a * 10", [10, 20]),
        ("big_region", "a[big_region] + 1", [2, 3]),
        ("big_region", "SUM(m[big_region, *])", [3, 12]),
        ("age", "SUM(m[*, age])", [3, 5, 7]),
        ("big_region", "SIZE(m[big_region, *])", [3, 3]),
        ("big_region", "a / SUM(a[*])", [1 / 3, 2 / 3]),
    ],
)
def test_an_equation_for_all_elements(xmile, start, dimension, equation, values):
    found = start(xmile(PAIR, TABLE, array("x", dimension, eqn(equation)), dimensions=DIMENSIONS))
    assert [value for name, value in found.items() if name.startswith("x[")] == pytest.approx(values)


def test_one_equation_for_each_element_in_order(xmile, start):
    found = start(xmile(array("x", "big_region", eqn("5"), eqn("6")), dimensions=DIMENSIONS))
    assert (found["x[north_side]"], found["x[south]"]) == (5, 6)


def test_a_stock_with_dimensions_gathers_cell_by_cell(xmile, run):
    stock = (
        '<stock name="s"><dimensions><dim name="big_region"/></dimensions><eqn>10</eqn>'
        '<inflow>f</inflow></stock><flow name="f"><dimensions><dim name="big_region"/></dimensions>'
        "<eqn>a * 2</eqn></flow>"
    )
    found = run(xmile(PAIR, stock, dimensions=DIMENSIONS))
    assert (found["s[north_side]"], found["s[south]"]) == ([10, 12, 14], [10, 14, 18])


def test_underscores_and_spaces_in_names_of_dimensions_and_elements_are_the_same(xmile, start):
    written = xmile(PAIR, x="a[North_side] + a[South]", dimensions=DIMENSIONS)
    spaced = DIMENSIONS.replace("big_region", "Big Region").replace("north_side", "North Side")
    assert (
        start(written)["x"] == start(xmile(PAIR, x="a[north_side] + a[south]", dimensions=spaced))["x"] == 3
    )


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ('<aux name="x"><eqn>a[west]</eqn></aux>', "'x': 'a' has no element 'west'"),
        ('<aux name="x"><eqn>a[nort_side]</eqn></aux>', "did you mean 'north_side'"),
        ('<aux name="x"><eqn>m[south]</eqn></aux>', r"'m' is an array over big_region, age; write m\["),
        ('<aux name="x"><eqn>a + 1</eqn></aux>', "'a' is an array over big_region; name an element"),
        ('<aux name="x"><eqn>SUM(3)</eqn></aux>', r"SUM runs over nothing; write \[\*\]"),
        (array("x", "region", eqn("1")), "'x': no subscript range holds region"),
        (array("x", "big_region", element("west", eqn("1"))), "no subscript range holds west"),
        (array("x", "big_region", eqn("1"), eqn("2"), eqn("3")), "3 equations for 2 elements"),
    ],
)
def test_a_part_of_an_array_that_does_not_exist_is_an_error_with_a_place(xmile, variable, message):
    with pytest.raises(SDError, match=message) as caught:
        sd.load(xmile(PAIR, TABLE, variable, dimensions=DIMENSIONS))
    assert str(caught.value).startswith("model.xmile:") and caught.value.line is not None


def test_every_element_may_have_a_graph_of_its_own(xmile, run):
    own = array(
        "g",
        "big_region",
        element("north_side", eqn("TIME"), GRAPH),
        element("south", eqn("TIME * 2"), STEEP),
    )
    found = run(xmile(own, array("h", "big_region", eqn("TIME"), GRAPH), dimensions=DIMENSIONS))
    assert found["g[north_side]"] == found["h[north_side]"] == found["h[south]"] == [0, 1, 4]
    assert found["g[south]"] == [0, 10, 40]


def test_tables_with_dimensions_are_read_by_element(xmile, run):
    tables = array("t", "big_region", element("north_side", GRAPH), element("south", STEEP))
    each = array("each", "big_region", eqn("LOOKUP(t[big_region], TIME)"))
    found = run(
        xmile(tables, each, one="LOOKUP(t[south], 2)", two="t[north_side](1.5)", dimensions=DIMENSIONS)
    )
    assert (found["one"][0], found["two"][0]) == (10, 2.5)
    assert (found["each[north_side]"], found["each[south]"]) == ([0, 1, 4], [0, 5, 10])


KINDS = {"continuous": [0, 1, 4], "extrapolate": [-1, 1, 7], "discrete": [0, 1, 4]}


@pytest.mark.parametrize(("kind", "values"), KINDS.items())
def test_the_three_kinds_of_graphical_functions(xmile, run, kind, values):
    graph = GRAPH.replace("<gf>", f'<gf type="{kind}">')
    table = graph.replace("<gf ", '<gf name="t" ')
    found = run(
        xmile(
            f'<aux name="own"><eqn>TIME * 2 - 1</eqn>{graph}</aux>',
            table,
            read="LOOKUP(t, TIME * 2 - 1)",
            called="t(TIME * 2 - 1)",
            between="t(0.9)",
        )
    )
    assert found["own"] == found["read"] == found["called"] == values
    assert found["between"][0] == (0 if kind == "discrete" else pytest.approx(0.9))


def test_a_variable_with_an_equation_and_a_graph_is_both_a_value_and_a_function(xmile, run):
    both = f'<aux name="both"><eqn>TIME</eqn>{GRAPH}</aux>'
    found = run(xmile(both, plain="both + 1", called="both(1.5)", read="LOOKUP(both, 0.5)"))
    assert found["both"] == [0, 1, 4]
    assert found["plain"] == [1, 2, 5]
    assert (found["called"][0], found["read"][0]) == (2.5, 0.5)
