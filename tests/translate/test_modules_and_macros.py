"""XMILE modules and the macros of both languages."""

from __future__ import annotations

import pytest

import sdtheory as sd
from sdtheory.errors import SDError

PLANT = """<model name="plant"><variables>
<aux name="in" access="input"><eqn>{Enter equation}</eqn></aux>
<aux name="out" access="output"><eqn>in*2</eqn></aux>
<stock name="store"><eqn>1</eqn><inflow>filling</inflow></stock>
<flow name="filling"><eqn>in</eqn></flow>
</variables></model>
"""
SHOP = """<model name="shop"><variables>
<aux name="supply" access="input"><eqn>0</eqn></aux>
<aux name="price"><eqn>100</eqn></aux>
<aux name="in"><eqn>supply + price</eqn></aux>
</variables></model>
"""


def module(name: str, **connections: str) -> str:
    lines = (f'<connect to="{name}.{target}" from="{origin}"/>' for target, origin in connections.items())
    return f'<module name="{name}">{"".join(lines)}</module>'


def test_a_module_takes_its_input_from_what_it_is_connected_to(xmile, run):
    path = xmile(
        module("plant", **{"in": "order"}),
        module("shop", supply="plant.out"),
        order="3",
        total="plant.out + shop.in",
        after=PLANT + SHOP,
    )
    found = run(path)
    assert found["plant.in"] == [3, 3, 3]
    assert found["plant.store"] == [1, 4, 7]
    assert found["shop.in"] == [106, 106, 106]
    assert found["total"] == [112, 112, 112]


def test_the_same_name_in_two_modules_means_two_variables(xmile):
    model = sd.load(xmile(module("plant", **{"in": "order"}), module("shop"), order="3", after=PLANT + SHOP))
    assert {"plant.in", "shop.in", "order"} <= set(model.names())
    assert model["shop.in"].equations != model["plant.in"].equations


def test_a_module_with_a_quoted_name_is_read_by_it(xmile, start):
    shop = SHOP.replace('name="shop"', 'name="corner shop"')
    path = xmile(module("corner shop"), x='"corner shop".price', y="corner_shop.in", after=shop)
    assert (start(path)["x"], start(path)["y"]) == (100, 100)


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        ([module("plant")], "'plant.in' has no equation yet"),
        ([module("plant", **{"in": "plant.in"})], "'plant.in' has no equation yet"),
        ([module("plant", **{"in": "odrer"})], "module 'plant' connects 'odrer', which does not exist"),
        ([module("plant", inn="order")], r"module 'plant' connects 'plant\.inn', which does not exist"),
        ([module("plnt", **{"in": "order"})], "module 'plnt' has no <model> of its name"),
        (
            [module("plant", **{"in": "order"}) + module("shop"), module("plant", **{"in": "shop.price"})],
            r"connects 'plant\.in' a second time",
        ),
        (
            [module("plant", **{"in": "shop.supply"}), module("shop", supply="plant.in")],
            r"loop without a stock: plant\.in -> shop\.supply -> plant\.in",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:.*'plant' is also declared")
def test_a_connection_that_means_nothing_is_refused_with_its_place(xmile, modules, message):
    with pytest.raises(SDError, match=message) as caught:
        sd.load(xmile(*modules, order="3", after=PLANT + SHOP))
    assert caught.value.line is not None


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_file_of_the_old_namespace_is_read(tmp_path, run, wrapped):
    variables = (
        '<stock name="s"><eqn>1</eqn><inflow>f</inflow></stock><flow name="f"><eqn>s * a</eqn></flow>'
        '<aux name="a"><eqn>0.5</eqn></aux>'
    )
    path = tmp_path / "old.stmx"
    path.write_text(
        '<xmile version="1.0" xmlns="http://www.systemdynamics.org/XMILE"><header/>'
        "<sim_specs><start>0</start><stop>2</stop><dt>1</dt></sim_specs><model>"
        + (f"<variables>{variables}</variables>" if wrapped else variables)
        + "</model></xmile>"
    )
    assert run(path)["s"] == [1, 1.5, 2.25]


TWICE = """<macro name="twice plus"><parm>a</parm><parm>b</parm><eqn>2*a + b + inner</eqn>
<variables><aux name="inner"><eqn>a*10</eqn></aux></variables></macro>
"""
PILE = """<macro name="pile"><parm>rate</parm><eqn>heap</eqn><variables>
<stock name="heap"><eqn>5</eqn><inflow>adding</inflow></stock><flow name="adding"><eqn>rate</eqn></flow>
</variables></macro>
"""


def test_an_xmile_macro_is_a_function_with_variables_of_its_own(xmile, run):
    found = run(
        xmile(x="3", inner="1000", y="twice_plus(x, 4)", z="1 + twice_plus(TIME, x) * 2", after=TWICE)
    )
    assert found["y"] == [40, 40, 40]
    assert found["z"] == [7, 31, 55]


def test_every_call_of_an_xmile_macro_has_a_stock_of_its_own(xmile, run):
    found = run(xmile(x="3", y="pile(x)", z="pile(x * 2)", after=PILE))
    assert found["y"] == [5, 8, 11]
    assert found["z"] == [5, 11, 17]


DOUBLE = """:MACRO: TWICE PLUS(a, b)
TWICE PLUS = 2*a + b + inner ~~|
inner = a*10 ~~|
:END OF MACRO:
"""
HEAP = """:MACRO: PILE(rate, first)
PILE = INTEG(rate, first) ~~|
:END OF MACRO:
"""
STARS = "*" * 56
BANNERS = [
    f"{STARS}\n\t.part\n{STARS}~\n\t\tdocumentation\n\t|\n",
    f"{STARS}\n\t.part\n{STARS}~\n\t\t~\n\t|\n",
    "{**part**}\n",
]


def test_a_vensim_macro_is_a_function_with_variables_of_its_own(vensim, run):
    equations = "x = 3", "inner = 1000", "y = TWICE PLUS(x, 4)", "z = 1 + TWICE PLUS(Time, x) * 2"
    found = run(vensim(*equations, before=DOUBLE))
    assert found["y"] == [40, 40, 40]
    assert found["z"] == [7, 31, 55]


def test_every_call_of_a_vensim_macro_has_a_stock_of_its_own(vensim, run):
    found = run(vensim("x = 3", "y = PILE(x, 1)", "z = PILE(x * 2, y) + PILE(1, 1)", before=HEAP))
    assert found["y"] == [1, 4, 7]
    assert found["z"] == [2, 9, 16]


def test_a_macro_called_for_an_array_has_a_stock_for_each_element(vensim, run):
    path = vensim("d: p, q", "x[d] = 3, 4", "y[d] = PILE(x[d], 1)", before=HEAP)
    found = run(path, engines=("vectorised",))
    assert (found["y[p]"], found["y[q]"]) == ([1, 4, 7], [1, 5, 9])
    with pytest.raises(SDError, match="the reference engine failed"):
        run(path, engines=("reference",))


@pytest.mark.parametrize("banner", BANNERS)
def test_a_macro_may_stand_behind_the_banner_of_a_group(vensim, start, banner):
    assert start(vensim("y = TWICE PLUS(x, 4)", before="x = 3 ~~|\n" + banner + DOUBLE))["y"] == 40


@pytest.mark.parametrize(
    ("macro", "equation", "message"),
    [
        (DOUBLE, "TWICE PLUS(1)", r"^model\.mdl:6:5: 'y': macro 'TWICE PLUS' takes 2 arguments, not 1"),
        (
            DOUBLE.replace("a*10", "a*nope"),
            "TWICE PLUS(1, 2)",
            r"^model\.mdl:4:11: 'inner': unknown variable 'nope'",
        ),
        (DOUBLE.replace("a*10", "a*TWICE PLUS(a, b)"), "TWICE PLUS(1, 2)", "macro 'TWICE PLUS' calls itself"),
        (DOUBLE.replace("a*10", "a*"), "TWICE PLUS(1, 2)", r"^model\.mdl:4:11: 'inner': a value is missing"),
        (DOUBLE.replace("TWICE PLUS =", "other ="), "TWICE PLUS(1, 2)", "no equation for its own name"),
    ],
)
def test_a_fault_in_a_vensim_macro_has_its_place(vensim, macro, equation, message):
    with pytest.raises(SDError, match=message):
        sd.load(vensim(f"y = {equation}", before=macro))


@pytest.mark.parametrize(
    ("macro", "message"),
    [
        (
            TWICE.replace("2*a + b", "2*a b"),
            r"macro 'twice plus': an operator or a comma is missing before 'b'",
        ),
        (TWICE.replace("2*a + b", "2*a + nope"), r"unknown variable 'nope' in macro 'twice plus'"),
        (TWICE.replace("a*10", "a*nope"), r"'inner': unknown variable 'nope'"),
        (TWICE.replace("2*a + b", "twice_plus(a, b)"), r"macro 'twice plus' calls itself"),
        (TWICE.replace("<parm>b</parm>", ""), r"'y': macro 'twice plus' takes 1 argument, not 2"),
    ],
)
def test_a_fault_in_an_xmile_macro_has_its_place(xmile, macro, message):
    with pytest.raises(SDError, match=message) as caught:
        sd.load(xmile(y="twice_plus(1, 2)", after=macro))
    assert caught.value.line is not None
