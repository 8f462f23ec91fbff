"""Where PySD's translators misread a file or do not read it, and what is made of it instead."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import sdtheory as sd
from sdtheory.documents import from_bytes
from sdtheory.errors import ModelError, SDError

CONTROL = "INITIAL TIME=0 ~~| FINAL TIME=2 ~~| TIME STEP=1 ~~| SAVEPER=TIME STEP ~~|"
NAMESPACE = "http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"
SPECS = "<sim_specs><start>0</start><stop>2</stop><dt>1</dt></sim_specs>"


def mdl(text: str, control: str = CONTROL) -> sd.Model:
    return sd.load(from_bytes(f"{{UTF-8}}\n{text}\n{control}\n".encode(), format="vensim"))


def xmile(
    variables: str, *, specs: str = SPECS, dimensions: str = "", after: str = "", namespace: str = NAMESPACE
) -> sd.Model:
    text = (
        f'<xmile version="1.0" xmlns="{namespace}"><header/>{specs}{dimensions}'
        f"<model><variables>{variables}</variables></model>{after}</xmile>"
    )
    return sd.load(from_bytes(text.encode(), format="xmile"))


def aux(name: str, equation: str, more: str = "") -> str:
    return f'<aux name="{name}"><eqn>{equation}</eqn>{more}</aux>'


def row(model: sd.Model, *names: str, time: float = 0.0) -> list[float]:
    return [float(value) for value in sd.simulate(model).loc[time, list(names)]]


# operators


@pytest.mark.parametrize(
    "equation, value",
    [
        ("-2^2", -4), ("(-2)^2", 4), ("-a^2", -4), ("(-a)^2", 4), ("2^3^2", 512), ("3*-2^2", -12),
        ("1-2^2", -3), ("2^-1", 0.5), ("-(2)^2", -4), ("- 2 ^ 2 * 3", -12), ("1e1^2", 100),
    ],
)  # fmt: skip
def test_a_power_binds_closer_than_a_minus_before_it_and_brackets_count(equation, value):
    assert row(mdl(f"x={equation} ~~| a=2 ~~|"), "x") == [value]


@pytest.mark.parametrize(
    "condition, holds",
    [
        ("1=0 :AND: 1=0 :OR: 1=1", True), ("1=1 :OR: 1=0 :AND: 1=0", True),
        (":NOT: 1=1 :OR: 1=1", True), (":NOT: (1=1 :OR: 1=1)", False), ("1<2 :AND: :NOT: 2<1", True),
    ],
)  # fmt: skip
def test_and_binds_closer_than_or_and_not_closest(condition, holds):
    assert row(mdl(f"x=IF THEN ELSE({condition},1,0) ~~|"), "x") == [float(holds)]


def test_the_words_of_logic_are_read_in_xmile_too():
    model = xmile(aux("x", "IF TIME = 1 OR (NOT TIME &gt; 1 AND TIME &lt;&gt; 0) THEN 5 ELSE 6"))
    assert sd.simulate(model)["x"].tolist() == [6, 5, 6]


def test_an_if_may_stand_anywhere_in_an_xmile_equation():
    assert row(xmile(aux("x", "1 + IF TIME &lt; 1 THEN 2 ELSE 3 + 4")), "x") == [3]
    assert row(xmile(aux("x", "MAX(IF 1 = 1 THEN IF 1 = 2 THEN 5 ELSE 6 ELSE 7, 2)")), "x") == [6]


# integration


GROWTH = "x=INTEG(x,1) ~~|"


@pytest.mark.parametrize("code, ends", [(0, 4.0), (2, 4.0), (1, (1 + 1 + 1 / 2 + 1 / 6 + 1 / 24) ** 2)])
def test_the_settings_line_of_vensim_says_how_to_integrate(code, ends):
    sketch = f"\n\\\\\\---/// Sketch information\nV300\n///---\\\\\\\n:L<%^E!@\n15:0,0,0,{code},0,0\n"
    model = mdl(GROWTH, CONTROL + sketch)
    assert sd.simulate(model)["x"].iloc[-1] == pytest.approx(ends, rel=1e-14)
    assert model.settings.method == ("rk4" if code == 1 else "euler")


@pytest.mark.parametrize("code", [3, 4])
def test_second_order_integration_is_refused_with_its_line(code):
    sketch = f"\n\\\\\\---/// Sketch information\nV300\n///---\\\\\\\n:L<%^E!@\n15:0,0,0,{code},0,0\n"
    with pytest.raises(ModelError, match=r":\d+.*second-order Runge-Kutta.* is not supported.*Euler or RK4"):
        mdl(GROWTH, CONTROL + sketch)


@pytest.mark.parametrize(
    "method, ours", [("Euler", "euler"), ("RK4", "rk4"), ("rk4, RK2", "rk4"), ("", "euler")]
)
def test_xmile_names_the_method(method, ours):
    model = xmile(aux("x", "1"), specs=SPECS.replace("<sim_specs", f'<sim_specs method="{method}"'))
    assert model.settings.method == ours


@pytest.mark.parametrize("method", ["RK2", "Gear", "RK45"])
def test_other_methods_of_xmile_are_refused(method):
    with pytest.raises(ModelError, match=f"integration method '{method}' is not supported"):
        xmile(aux("x", "1"), specs=SPECS.replace("<sim_specs", f'<sim_specs method="{method}"'))


def test_xmile_may_save_less_than_every_step():
    model = xmile(aux("x", "TIME"), specs="<sim_specs><start>0</start><stop>2</stop><dt>0.5</dt></sim_specs>")
    assert len(sd.simulate(model)) == 5
    fewer = xmile(
        aux("x", "TIME"),
        specs=f'<sim_specs xmlns:isee="http://iseesystems.com/XMILE" isee:save_interval="1">{SPECS[11:]}'.replace(
            "<dt>1<", "<dt>0.5<"
        ),
    )
    assert sd.simulate(fewer).index.tolist() == [0, 1, 2]


def test_the_xmile_clock_has_its_words():
    model = xmile(aux("x", "DT + 10*STOPTIME + 100*STARTTIME"), specs=SPECS.replace("<start>0", "<start>1"))
    assert row(model, "x", time=1.0) == [121]


# stocks and flows of XMILE


def test_a_stock_that_is_not_negative_stops_at_zero_and_a_flow_too():
    model = xmile(
        '<stock name="s"><eqn>3</eqn><outflow>out</outflow><non_negative/></stock>'
        '<flow name="out"><eqn>TIME*10-5</eqn><non_negative/></flow>'
    )
    run = sd.simulate(model)
    assert run["out"].tolist() == [0, 5, 15] and run["s"].tolist() == [3, 3, 0]


def test_a_stock_without_flows_keeps_its_value_and_outflows_count_negative():
    model = xmile(
        '<stock name="a"><eqn>7</eqn></stock><stock name="b"><eqn>7</eqn><outflow>x</outflow>'
        '<inflow>y</inflow></stock><flow name="x"><eqn>2</eqn></flow><flow name="y"><eqn>3</eqn></flow>'
    )
    assert row(model, "a", "b", time=2.0) == [7, 9]


# names, dimensions, modules, macros


def test_names_with_underscores_dots_and_signs_are_told_apart():
    model = xmile(
        aux("cost per_unit", "2") + aux("&quot;a-b&quot;", "3") + aux("ab", "4") + aux("lambda", "5")
        + aux("x", 'Cost_Per_Unit + 10*"a-b" + 100*AB + 1000*Lambda')
    )  # fmt: skip
    assert row(model, "x") == [5432]


GRID = (
    '<dimensions><dim name="Home_Region"><elem name="up_north"/><elem name="south"/></dim>'
    '<dim name="N" size="2"/></dimensions>'
)


def test_dimensions_of_xmile_have_any_names_and_may_be_several():
    array = "<dimensions><dim name='Home_Region'/><dim name='N'/></dimensions>"
    model = xmile(
        f'<aux name="v">{array.replace(chr(39), chr(34))}'
        + "".join(
            f'<element subscript="{a}, {b}"><eqn>{value}</eqn></element>'
            for value, (a, b) in enumerate([("up_north", 1), ("up_north", 2), ("south", 1), ("south", 2)], 1)
        )
        + "</aux>"
        + aux("all", "SUM(v[*, *])") + aux("south", "SUM(v[south, *])") + aux("one", "v[up_north, 2]")
        + aux("w", "v[Home_Region, 1]*10", '<dimensions><dim name="Home_Region"/></dimensions>')
        + aux("mean", "MEAN(v[*, *]) + SIZE(v[*, *])"),
        dimensions=GRID,
    )  # fmt: skip
    assert row(model, "all", "south", "one", "mean") == [10, 7, 2, 6.5]
    assert row(model, "w[up_north]", "w[south]") == [10, 30]


def test_each_cell_of_an_array_may_have_a_graphical_function():
    def points(*ys):
        return f"<gf><xscale min='0' max='2'/><ypts>{','.join(map(str, ys))}</ypts></gf>".replace("'", '"')

    model = xmile(
        '<aux name="v"><dimensions><dim name="Home_Region"/></dimensions>'
        f'<element subscript="up_north"><eqn>TIME</eqn>{points(0, 5, 9)}</element>'
        f'<element subscript="south"><eqn>TIME</eqn>{points(1, 1, 2)}</element></aux>',
        dimensions=GRID,
    )
    assert row(model, "v[up_north]", "v[south]", time=1.0) == [5, 1]


def test_a_graphical_function_is_called_by_name_or_through_lookup():
    gf = '<gf><xscale min="0" max="2"/><ypts>0,4,6</ypts></gf>'
    model = xmile(
        f'<gf name="curve">{gf[4:]}' + aux("x", "LOOKUP(curve, TIME/2)") + aux("y", "curve(TIME/2)")
    )
    assert sd.simulate(model)["x"].tolist() == sd.simulate(model)["y"].tolist() == [0, 2, 4]


MODULE = (
    '<module name="shop"><connect to="shop.price" from="cost"/></module>' + aux("cost", "TIME+1")
    + aux("seen", "shop.sales*2")
)  # fmt: skip
SHOP = '<model name="shop"><variables>{}</variables></model>'


def test_a_module_has_its_own_names_and_gets_what_is_connected():
    inside = (
        '<aux name="price" access="input"><eqn>0</eqn></aux>'
        + aux("sales", "price*10 + cost")
        + aux("cost", "3")
    )
    model = xmile(MODULE, after=SHOP.format(inside))
    assert sd.simulate(model)["seen"].tolist() == [26, 46, 66]
    assert row(model, "shop.cost", "cost") == [3, 1]


def test_a_connection_to_nothing_is_an_error_with_its_line():
    with pytest.raises(ModelError, match=r"module 'shop' connects 'shop.price', which does not exist"):
        xmile(MODULE, after=SHOP.format(aux("sales", "1")))


def test_macros_of_both_dialects_have_states_of_their_own_in_each_call():
    filled = '<macro name="filled"><parm>rate</parm><parm>start</parm><eqn>level*2</eqn><variables>'
    filled += (
        '<stock name="level"><eqn>start</eqn><inflow>f</inflow></stock><flow name="f"><eqn>rate</eqn></flow>'
    )
    model = xmile(aux("x", "filled(1, 5) + filled(2, 0)"), after=f"{filled}</variables></macro>")
    assert sd.simulate(model)["x"].tolist() == [10, 16, 22]
    text = ":MACRO: filled(rate,start) filled=level*2 ~~| level=INTEG(rate,start) ~~| :END OF MACRO:\n"
    assert sd.simulate(mdl(f"{text} x=filled(1,5)+filled(2,0) ~~|"))["x"].tolist() == [10, 16, 22]


def test_a_macro_takes_arrays_cell_by_cell_and_may_hold_a_lookup():
    text = ":MACRO: bent(p) table((0,0),(10,20)) ~~| bent=table(p)+SMOOTHI(p,1,0) ~~| :END OF MACRO:\n"
    model = mdl(f"{text} d: a,b ~~| v[d]=1,2 ~~| x[d]=bent(v[d]) ~~|")
    assert row(model, "x[a]", "x[b]") == [2, 4] and row(model, "x[a]", "x[b]", time=1.0) == [3, 6]


def test_a_macro_that_calls_itself_is_an_error():
    with pytest.raises(SDError, match="macro 'loop' calls itself"):
        mdl(":MACRO: loop(p) loop=loop(p) ~~| :END OF MACRO:\nx=loop(1) ~~|")


def test_a_macro_may_come_after_a_group_banner():
    banner = "****\n\t.Group\n****~\n\t|\n"
    text = f"{banner}:MACRO: twice(p) twice=p*2 ~~| :END OF MACRO:\nx=twice(4) ~~|"
    assert row(mdl(text), "x") == [8]


def test_the_old_form_of_a_lookup_is_read():
    assert row(mdl("t(0,1,2, 5,6,9) ~~| x=t(1.5) ~~|"), "x") == [7.5]


# subscripts of Vensim


def test_a_range_may_be_counted_copied_and_made_of_ranges():
    model = mdl(
        "a: (a1-a3) ~~| b: b1,b2 ~~| all: a,b ~~| same <-> b ~~| v[a]=1,2,3 ~~| v2[b]=4,5 ~~|"
        "x[all]=7 ~~| x2[same]=v2[same]*2 ~~| n=ELMCOUNT(all) ~~| t=SUM(v[a!]) ~~|"
    )
    assert row(model, "x[a3]", "x[b2]", "x2[b2]", "n", "t") == [7, 7, 10, 5, 6]


def test_a_mapping_follows_the_order_or_the_elements_written_out():
    model = mdl(
        "city: rome,bonn,oslo ~~| north: bonn,oslo ~~| land: italy,germany,norway -> city ~~|"
        "back: x,y,z -> (city: oslo,bonn,rome) ~~| zone: warm,cold -> (city: rome,north) ~~|"
        "people[city]=1,2,3 ~~| by land[land]=people[city] ~~| turned[back]=people[city] ~~|"
        "heat[zone]=30,10 ~~| in city[city]=heat[zone]+people[city] ~~|"
    )
    assert row(model, *(f"by land[{one}]" for one in ("italy", "germany", "norway"))) == [1, 2, 3]
    assert row(model, *(f"turned[{one}]" for one in "xyz")) == [3, 2, 1]
    assert row(model, *(f"in city[{one}]" for one in ("rome", "bonn", "oslo"))) == [31, 12, 13]


def test_a_mapping_between_ranges_of_other_sizes_is_an_error():
    with pytest.raises(ModelError, match="dimension 'b' has 2 elements and is mapped to 3 of 'a'"):
        mdl("a: a1,a2,a3 ~~| b: b1,b2 -> a ~~| x[b]=1 ~~|")


def test_an_element_as_a_number_is_its_place_in_its_range():
    model = mdl("d: a,b,c ~~| x[d]=d*10 ~~| y[d]=IF THEN ELSE(d>=b,1,0) ~~|")
    assert row(model, "x[a]", "x[c]", "y[a]", "y[b]") == [10, 30, 0, 1]


def test_exceptions_leave_cells_to_other_equations_and_a_cell_without_one_is_named():
    text = "d: a,b,c ~~| e: p,q ~~| x[d,e] :EXCEPT: [a,p],[b,e]=1 ~~| x[a,p]=2 ~~|"
    model = mdl(f"{text} x[b,e]=3 ~~|")
    assert row(model, "x[a,p]", "x[a,q]", "x[b,p]", "x[b,q]", "x[c,p]") == [2, 1, 3, 3, 1]
    with pytest.raises(SDError, match=r"unknown element 'x\[b,e\]'|unknown element 'x\[b,p\]'"):
        sd.simulate(mdl(f"{text} y=x[b,p] ~~|"))


def test_numbers_in_rows_fill_an_array():
    model = mdl("d: a,b ~~| e: p,q ~~| x[d,e]=1,2;3,4; ~~|")
    assert row(model, "x[a,p]", "x[a,q]", "x[b,p]", "x[b,q]") == [1, 2, 3, 4]


# data


@pytest.mark.parametrize(
    "keyword, values",
    [
        (":INTERPOLATE:", [0, 5, 10]), (":HOLD BACKWARD:", [0, 0, 10]),
        (":LOOK FORWARD:", [0, 10, 10]), (":RAW:", [0, None, 10]),
    ],
)  # fmt: skip
def test_data_are_read_from_the_folder_of_the_model_alone(tmp_path: Path, keyword, values):
    (tmp_path / "data.csv").write_text("time,x\n0,0\n2,10\n")
    model = tmp_path / "m.mdl"
    text = f"{{UTF-8}}\nx {keyword} := GET DIRECT DATA('data.csv',',','A','B2') ~~|\n{CONTROL}"
    model.write_text(text)
    for engine in ("vectorised", "reference"):
        found = sd.simulate(sd.load(model), engine=engine)["x"].tolist()
        assert [None if math.isnan(one) else one for one in found] == values
    model.write_text(text.replace("data.csv", "../data.csv"))
    with pytest.raises(ModelError, match="outside the model's folder"):
        sd.load(model)


def test_every_declared_variable_is_lowered_or_the_file_refused():
    model = mdl("x=1 ~~| y=x ~~| t((0,0),(1,1)) ~~| s=INTEG(x,0) ~~|")
    assert model.names() == ["x", "y", "t", "s", "INITIAL TIME", "FINAL TIME", "TIME STEP", "SAVEPER"]


@pytest.mark.parametrize("equation", ["A FUNCTION OF(y)", "???", ""])
def test_an_equation_that_is_not_written_yet_is_an_error_with_its_place(equation):
    with pytest.raises(ModelError, match=r"^<document>:2.*'x'.*(not written|no equation) yet"):
        mdl(f"x={equation} ~~| y=1 ~~|")


@pytest.mark.parametrize(
    "namespace", ["http://www.systemdynamics.org/XMILE", "http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"]
)
def test_the_old_namespace_reads_the_same(namespace):
    assert row(xmile(aux("x", "3"), namespace=namespace), "x") == [3]


def test_a_raised_limit_on_orders_holds_in_the_engines_too():
    text = "{UTF-8}\nx= DELAY N(Time, 4000, 7, 1500) ~~|\nINITIAL TIME= 0 ~~|\nFINAL TIME= 2 ~~|\nTIME STEP= 1 ~~|\n"
    with pytest.raises(ModelError, match="1,500"):
        sd.load(from_bytes(text.encode()))
    model = sd.load(from_bytes(text.encode(), limits=sd.Limits(delay_order=2000)))
    assert set(sd.simulate(model, engine="vectorised")["x"]) == {7.0}
