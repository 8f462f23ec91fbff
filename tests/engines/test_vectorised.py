"""Stepping through time: stocks, delays, tables, arrays, and runs that go wrong."""

from __future__ import annotations

import numpy as np
import pytest

import sdtheory as sd
from sdtheory.documents import from_bytes
from sdtheory.engines.program import make_program
from sdtheory.engines.vectorised import run_vectorised
from sdtheory.errors import SDWarning, SimulationError
from sdtheory.model.expression import Binary, Name, Number
from sdtheory.model.model import Constant, Equation, Model, SimulationSettings, Stock

CONTROL = "INITIAL TIME=0 ~~| FINAL TIME=6 ~~| TIME STEP=1 ~~| SAVEPER=TIME STEP ~~|"


def mdl(text: str, control: str = CONTROL) -> Model:
    return sd.load(from_bytes(f"{{UTF-8}}\n{text}\n{control}".encode(), format="vensim"))


def column(text: str, name: str, **settings) -> list[float]:
    return sd.simulate(mdl(text), engine="vectorised", **settings)[name].tolist()


def test_a_step_is_seen_from_its_own_moment_on():
    assert column("x=STEP(5,3) ~~|", "x") == [0, 0, 0, 5, 5, 5, 5]


def test_pulses_and_ramps():
    assert column("x=PULSE(2,3) ~~|", "x") == [0, 0, 1, 1, 1, 0, 0]
    assert column("x=PULSE TRAIN(1,1,3,6) ~~|", "x") == [0, 1, 0, 0, 1, 0, 0]
    assert column("x=RAMP(2,1,4) ~~|", "x") == [0, 0, 2, 4, 6, 6, 6]


def test_a_smooth_goes_a_share_of_the_way_each_step():
    assert column("x=SMOOTHI(8, 2, 0) ~~|", "x") == [0, 4, 6, 7, 7.5, 7.75, 7.875]


def test_a_third_order_smooth_against_its_three_stages_by_hand():
    stages, expected = [0.0, 0.0, 0.0], []
    for _ in range(7):
        expected.append(stages[2])
        before = [9.0, *stages[:2]]
        stages = [s + (b - s) / 2 for s, b in zip(stages, before, strict=True)]
    assert column("x=SMOOTH3I(9, 6, 0) ~~|", "x") == expected


def test_a_third_order_delay_keeps_what_flows_through_it():
    held = [2.0, 2.0, 2.0]  # initial outflow 1 for six months in three stages
    expected = []
    for _ in range(7):
        expected.append(held[2] / 2)
        inflow = [4.0, held[0] / 2, held[1] / 2]
        held = [h + i - h / 2 for h, i in zip(held, inflow, strict=True)]
    assert column("x=DELAY3I(4, 6, 1) ~~|", "x") == pytest.approx(expected, rel=1e-15)


def test_a_fixed_delay_gives_its_input_back_later():
    assert column("x=DELAY FIXED(Time*10, 2, -1) ~~|", "x") == [-1, -1, 0, 10, 20, 30, 40]


def test_a_fixed_delay_may_last_longer_in_one_run_than_in_another():
    model = mdl("x=DELAY FIXED(Time, lag, 9) ~~| lag=1 ~~|")
    runs = sd.simulate_many(model, {"lag": [1.0, 3.0, 1e9]}, outputs=["x"])["x"].values
    assert runs[:, :5].tolist() == [[9, 0, 1, 2, 3], [9, 9, 9, 0, 1], [9, 9, 9, 9, 9]]


def test_sample_if_true_holds_the_last_sample():
    assert column("x=SAMPLE IF TRUE(MODULO(Time,3)=0, Time, -1) ~~|", "x") == [0, 0, 0, 3, 3, 3, 6]


def test_initial_stays_what_it_was_at_the_start():
    assert column("x=INITIAL(s) ~~| s=INTEG(1,4) ~~|", "x") == [4] * 7


def test_a_delay_too_short_for_its_order_gets_a_lower_one():
    by_hand = [1.0, 1.0]  # time 2.5 has room for two stages of one step, each holding 1 * 2.5 at rate x
    held, expected = [2.5, 2.5], []
    for _ in range(7):
        expected.append(held[1] / 2.5)
        inflow = [4.0, held[0] / 2.5]
        held = [h + (i - h / 2.5) * 2 for h, i in zip(held, inflow, strict=True)]
    assert expected[:1] == by_hand[:1]
    assert column("x=DELAY3I(4, 2.5, 1) ~~|", "x") == pytest.approx(expected, rel=1e-14)


def test_a_sampled_delay_time_too_short_for_the_order_is_refused():
    model = mdl("x=DELAY3I(4, lag, 1) ~~| lag=6 ~~|")
    with pytest.raises(SimulationError, match="'x': a delay of order 3 that lasts 2"):
        sd.simulate_many(model, {"lag": [6.0, 2.0]}, outputs=["x"])


def test_a_table_holds_its_ends():
    expected = [1, 1, 2, 3, 5, 5, 5]
    assert column("x=t(Time) ~~| t((1,1),(3,3),(4,5)) ~~|", "x") == expected


def test_a_non_negative_stock_stops_at_zero():
    tank = Stock("tank", (Equation(Number(-3.0), initial=Number(7.0)),), non_negative=True)
    frame = sd.simulate(Model("m", {"tank": tank}, SimulationSettings(stop=Number(4.0))))
    assert frame["tank"].tolist() == [7, 4, 1, 0, 0]


def test_saved_auxiliaries_are_those_that_the_step_used_under_both_methods():
    for method in ("euler", "rk4"):
        frame = sd.simulate(mdl("s=INTEG(-drain,64) ~~| drain=s/2 ~~|"), method=method)
        np.testing.assert_array_equal(frame["drain"], frame["s"] / 2)


def test_held_values_do_not_move_within_a_runge_kutta_step():
    text = "s=INTEG(kept,0) ~~| kept=SAMPLE IF TRUE(Time=2, 10, 1) ~~| late=DELAY FIXED(Time,1,0) ~~|"
    frame = sd.simulate(mdl(text), method="rk4")
    assert frame["late"].tolist() == [0, 0, 1, 2, 3, 4, 5]
    assert frame["kept"].tolist() == [1, 1, 10, 10, 10, 10, 10]


# arrays


def test_exceptions_subranges_and_single_elements_each_cover_their_cells():
    text = """d: a,b,c,e ~~| sub: b,c ~~|
    x[d] :EXCEPT: [sub] = 1 ~~| x[sub] = 2 ~~| y[d] :EXCEPT: [a] = x[d]*10 ~~| y[a] = 7 ~~|"""
    frame = sd.simulate(mdl(text), outputs=["x", "y"])
    assert frame.iloc[0].to_dict() == {
        **{"x[a]": 1, "x[b]": 2, "x[c]": 2, "x[e]": 1},
        **{"y[a]": 7, "y[b]": 20, "y[c]": 20, "y[e]": 10},
    }


def test_a_mapped_dimension_reads_the_element_that_it_maps_to():
    text = "f: h,g ~~| d: a,b -> f ~~| n[d]=1,2 ~~| m[f]=n[d] ~~|"
    frame = sd.simulate(mdl(text), outputs=["m"])
    assert frame.iloc[0].to_dict() == {"m[h]": 1, "m[g]": 2}


def test_sums_products_and_extremes_run_over_the_marked_dimensions():
    text = """d: a,b ~~| f: g,h,i ~~| n[d,f]=1,2,3;4,5,6; ~~|
    all=SUM(n[d!,f!]) ~~| row[d]=SUM(n[d,f!]) ~~| most[f]=VMAX(n[d!,f]) ~~| least=VMIN(n[d!,g]) ~~|
    product[d]=PROD(n[d,f!]) ~~|"""
    first = sd.simulate(mdl(text)).iloc[0]
    assert first["all"] == 21 and first["least"] == 1
    assert [first["row[a]"], first["row[b]"]] == [6, 15]
    assert [first["product[a]"], first["product[b]"]] == [6, 120]
    assert [first[f"most[{e}]"] for e in "ghi"] == [4, 5, 6]


def test_stocks_in_an_array_each_follow_their_own_rate():
    frame = sd.simulate(mdl("d: a,b ~~| s[d]=INTEG(r[d]*s[d],1) ~~| r[d]=1,2 ~~|"), stop=3)
    assert frame["s[a]"].tolist() == [1, 2, 4, 8] and frame["s[b]"].tolist() == [1, 3, 9, 27]


# runs that go wrong


def test_a_diverging_run_names_the_first_bad_variable_its_time_and_its_arguments():
    model = mdl("gap=INTEG(-1,3) ~~| speed=6/gap ~~| way=INTEG(speed,0) ~~|")
    with pytest.warns(SDWarning, match=r'"speed" is inf at time 3 \(division by "gap" = 0\)'):
        frame = sd.simulate(model)
    assert frame["way"].tolist()[:3] == [0, 2, 5] and frame.loc[3:].isna().all(axis=None)
    assert frame.attrs["status"] == "diverged"


def test_only_the_runs_that_diverge_are_marked():
    model = mdl("gap=INTEG(-1,wide) ~~| wide=3 ~~| speed=6/gap ~~| way=INTEG(speed,0) ~~|")
    runs = sd.simulate_many(model, {"wide": [20.0, 3.0, 5.0]}, outputs=["way"])
    assert runs["status"].values.tolist() == ["ok", "diverged", "diverged"]
    assert "at time 5" in str(runs["message"].values[2]) and str(runs["message"].values[0]) == ""
    assert np.isfinite(runs["way"].values[0]).all()
    assert np.isnan(runs["way"].values[1]).tolist() == [False] * 3 + [True] * 4


def test_a_bad_value_in_the_branch_not_taken_does_not_count():
    text = "x=INTEG(IF THEN ELSE(Time>2, LN(Time), 1), 0) ~~| y=INTEG(IF THEN ELSE(Time<9, 1, 1/0), 0) ~~|"
    frame = sd.simulate(mdl(text))
    assert frame.attrs["status"] == "ok" and np.isfinite(frame.to_numpy()).all()


def test_the_branch_taken_is_the_one_blamed():
    model = mdl("x=INTEG(IF THEN ELSE(Time>2, bad, worse), 0) ~~| bad=LN(2-Time) ~~| worse=1/(Time+1)-1 ~~|")
    with pytest.warns(SDWarning, match=r'"bad" is nan at time 3 \(ln of -1\)'):
        sd.simulate(model)


def test_a_stock_that_overflows_is_named():
    model = mdl("x=INTEG(x*x*x,10) ~~|", CONTROL.replace("=6", "=60"))
    with pytest.warns(SDWarning, match='"x" is inf|rate of x'):
        sd.simulate(model)


# runs side by side


def test_blocks_and_threads_do_not_change_a_bit():
    names = ("a", "b")
    tree = Binary("-", Binary("^", Name("a"), Name("b")), Binary("/", Name("s"), Name("b")))
    variables = {name: Constant(name, (Equation(Number(2.0)),)) for name in names}
    variables["s"] = Stock("s", (Equation(tree, initial=Name("a")),))
    model = Model("m", variables, SimulationSettings(stop=Number(20.0)))
    program = make_program(model, parameters=names, outputs=["s"])
    inputs = np.random.default_rng(3).uniform(0.5, 3.0, (2, 101))
    whole = run_vectorised(program, inputs).values["s"]
    for block, jobs in ((1, 1), (7, 2), (64, 3)):
        np.testing.assert_array_equal(
            run_vectorised(program, inputs, block=block, jobs=jobs).values["s"], whole
        )


def test_settings_that_differ_between_runs_are_refused():
    model = mdl("x=INTEG(1,0) ~~| horizon=6 ~~|", CONTROL.replace("FINAL TIME=6", "FINAL TIME=horizon"))
    assert len(sd.simulate(model, {"horizon": 3})) == 4
    with pytest.raises(SimulationError, match="the same in every run"):
        sd.simulate_many(model, {"horizon": [3.0, 4.0]}, outputs=["x"])
