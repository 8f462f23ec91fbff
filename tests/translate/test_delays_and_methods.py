"""Orders of delays, methods of integration and times of saving, as a file gives them."""

from __future__ import annotations

import math

import pytest

import sdtheory as sd
from sdtheory.errors import LimitError, ModelError, SDError, SimulationError

LONG = "INITIAL TIME = 0 ~~|\nFINAL TIME = 12 ~~|\nTIME STEP = 0.5 ~~|\nSAVEPER = TIME STEP ~~|\n"
SETTINGS = (
    "\\\\\\---/// Sketch information - do not modify anything except names\n"
    "V300  Do not put anything below this section - it will be ignored\n*View 1\n"
    "$192-192-192,0,Times New Roman|12||0-0-0|0-0-0|0-0-255|-1--1--1|-1--1--1|96,96,100,0\n"
    "///---\\\\\\\n:L\x7f<%^E!@\n15:0,0,0,{code},0,0\n"
)
GROWTH = '<stock name="x"><eqn>1</eqn><inflow>f</inflow></stock><flow name="f"><eqn>x</eqn></flow>'
STEP = "x = STEP(8, 0.5)"


@pytest.mark.parametrize("function", ["SMOOTH N", "DELAY N"])
@pytest.mark.parametrize("order", ["n", "n * 2 - 3", "n + Time * 7", "n + 0.9"])
def test_a_computed_order_is_taken_at_the_start_and_its_fraction_dropped(vensim, run, function, order):
    equations = f"y = {function}(x, 4, 0, {order})", f"plain = {function}(x, 4, 0, 3)"
    found = run(vensim("n = 3", STEP, *equations, controls=LONG))
    assert found["y"] == found["plain"]
    assert 0 < found["y"][10] < 8


def test_a_computed_order_in_xmile_is_that_of_the_function_with_the_order_in_its_name(xmile, run):
    specs = "<start>0</start><stop>12</stop><dt>0.5</dt>"
    found = run(
        xmile(
            n="3", x="STEP(8, 0.5)", specs=specs, s="SMTHN(x, 4, n, 0)", s3="SMTH3(x, 4, 0)",
            d="DELAYN(x, 4, n, 0)", d3="DELAY3(x, 4, 0)",
        )
    )  # fmt: skip
    assert found["s"] == pytest.approx(found["s3"])
    assert found["d"] == pytest.approx(found["d3"])
    assert found["s"][-1] == pytest.approx(8, rel=0.05)


def test_a_third_order_smooth_is_three_smooths_of_a_third_of_the_time(vensim, run):
    chain = "a = SMOOTHI(x, 2, 0)", "b = SMOOTHI(a, 2, 0)", "c = SMOOTHI(b, 2, 0)"
    found = run(vensim(STEP, *chain, "y = SMOOTH3I(x, 6, 0)", "z = SMOOTH N(x, 6, 0, 3)", controls=LONG))
    assert found["y"] == pytest.approx(found["c"])
    assert found["z"] == pytest.approx(found["c"])


@pytest.mark.parametrize("engine", ["vectorised", "reference"])
@pytest.mark.parametrize("order", ["0", "-1", "0.9", "1e9"])
def test_an_order_that_is_no_count_is_an_error_and_fills_no_memory(vensim, engine, order):
    model = sd.load(vensim(f"n = {order}", "x = 1", "y = DELAY N(x, 4, 0, n)"))
    with pytest.raises(SDError, match="a delay of order"):
        sd.simulate(model, engine=engine)


def test_a_plain_order_beyond_the_limit_is_refused_on_loading(vensim):
    path = vensim("x = 1", "y = SMOOTH N(x, 4, 0, 1e9)")
    with pytest.raises(
        LimitError, match=r"^model\.mdl:3:5: 'y': an order of 1,000,000,000; the limit is 1,000"
    ):
        sd.load(path)


def test_a_fixed_delay_that_would_fill_the_memory_is_refused_by_the_reference_engine(vensim):
    model = sd.load(vensim("y = DELAY FIXED(Time, 1e12, 0)"))
    with pytest.raises(
        SDError, match="a fixed delay of 1,000,000,000,000 time steps; the limit is 10,000,000"
    ):
        sd.simulate(model, engine="reference")


RK4_STEP = 1 + 1 + 1 / 2 + 1 / 6 + 1 / 24
EULER, RK4 = [1, 2, 4], [1, RK4_STEP, RK4_STEP**2]


@pytest.mark.parametrize(("code", "values"), [(0, EULER), (1, RK4), (2, EULER), (5, RK4)])
def test_the_settings_of_a_vensim_file_choose_the_method(vensim, run, code, values):
    path = vensim("x = INTEG(x, 1)", after=SETTINGS.format(code=code))
    assert run(path, engines=("vectorised",))["x"] == pytest.approx(values)


@pytest.mark.parametrize(
    ("method", "values"),
    [("Euler", EULER), ("", EULER), ("RK4", RK4), ("rk4", RK4), ("euler, rk4", EULER), ("RK4, Euler", RK4)],
)
def test_the_specification_of_an_xmile_file_chooses_the_method(xmile, run, method, values):
    path = xmile(GROWTH, method=f' method="{method}"')
    assert run(path, engines=("vectorised",))["x"] == pytest.approx(values)


def test_rk4_is_far_closer_to_the_true_solution_than_euler(xmile, run):
    found = run(xmile(GROWTH, method=' method="RK4"'), engines=("vectorised",))["x"][-1]
    assert abs(found - math.e**2) < 0.06 < abs(EULER[-1] - math.e**2)


@pytest.mark.parametrize("code", [3, 4, 6])
def test_other_methods_of_vensim_are_refused_with_the_line_of_the_setting(vensim, code):
    path = vensim("x = INTEG(x, 1)", after=SETTINGS.format(code=code))
    line = path.read_text().split("15:")[0].count("\n") + 1
    with pytest.raises(
        ModelError, match=f"^model.mdl:{line}: integration method '{code}'.*set it to Euler or RK4"
    ):
        sd.load(path)


@pytest.mark.parametrize("method", ["RK2", "Gear", "rk45"])
def test_other_methods_of_xmile_are_refused_with_the_line_of_the_setting(xmile, method):
    with pytest.raises(ModelError, match=f"^model.xmile:2: integration method '{method}' is not supported"):
        sd.load(xmile(GROWTH, method=f' method="{method}"'))


@pytest.mark.parametrize("engine", ["vectorised", "reference"])
def test_an_interval_of_saving_off_the_grid_is_an_error_that_names_the_nearest(vensim, engine):
    controls = LONG.replace("SAVEPER = TIME STEP", "SAVEPER = 1.3")
    model = sd.load(vensim("x = Time", controls=controls))
    with pytest.raises(
        SimulationError, match=r"SAVEPER 1\.3 is not a multiple of TIME STEP 0\.5; nearest: 1 or 1\.5"
    ):
        sd.simulate(model, engine=engine)


def test_an_xmile_file_may_save_less_often_than_it_steps(xmile, run):
    method = ' xmlns:isee="http://iseesystems.com/XMILE" isee:save_interval="1"'
    specs = '<start>0</start><stop>2</stop><dt reciprocal="true">4</dt>'
    found = run(xmile(x="TIME", step="DT", method=method, specs=specs))
    assert found["x"] == [0, 1, 2]
    assert found["step"][0] == 0.25
