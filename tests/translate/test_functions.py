"""What each function of the two dialects comes to, and which are left to the reference engine."""

from __future__ import annotations

import math

import pytest

import sdtheory as sd
from sdtheory.documents import from_bytes
from sdtheory.errors import ModelError, NotCompiled, SDError
from sdtheory.model.functions import FUNCTIONS
from sdtheory.translate.expressions import function_key, known_functions

CONTROL = "INITIAL TIME=0 ~~| FINAL TIME=12 ~~| TIME STEP=0.25 ~~| SAVEPER=TIME STEP ~~|"
OTHER = (
    "p=2 ~~| v[d]=3,1,2 ~~|"
    "o[d]=VECTOR SORT ORDER(v[d],1) ~~|"
    "s[d]=0,1,1 ~~| m[d,e]=2,0,1;1,3,2;1,1,4; ~~| d: d1,d2,d3 ~~| e: e1,e2,e3 ~~|"
    "table((0,0),(4,2),(8,3)) ~~|"
)

# every function word that PySD knows, called as Vensim writes it
CALLS = {
    "elmcount": "ELMCOUNT(d)", "abs": "ABS(p-3)", "min": "MIN(p,Time)", "max": "MAX(p,Time)",
    "exp": "EXP(p)", "sin": "SIN(Time)", "cos": "COS(Time)", "tan": "TAN(Time)", "arcsin": "ARCSIN(p/4)",
    "arccos": "ARCCOS(p/4)", "arctan": "ARCTAN(p)", "sinh": "SINH(p)", "cosh": "COSH(p)", "tanh": "TANH(p)",
    "sqrt": "SQRT(p)", "ln": "LN(p)", "log": "LOG(p,10)", "power": "POWER(p,3)", "prod": "PROD(v[d!])",
    "sum": "SUM(v[d!])", "vmax": "VMAX(v[d!])", "vmin": "VMIN(v[d!])",
    "vector_select": "VECTOR SELECT(s[d!],v[d!],0,0,0)", "active_initial": "ACTIVE INITIAL(Time,p)",
    "if_then_else": "IF THEN ELSE(Time>3 :AND: :NOT: (Time>5) :OR: Time=1,1,p)", "integer": "INTEGER(-2.5)",
    "modulo": "MODULO(-7,3)", "pulse": "PULSE(2,1)", "pulse_train": "PULSE TRAIN(1,0.5,3,9)",
    "get_time_value": "GET TIME VALUE(0,p,0)", "quantum": "QUANTUM(Time,p)", "ramp": "RAMP(p,2,5)",
    "step": "STEP(p,2)", "xidz": "XIDZ(p,Time-3,7)", "zidz": "ZIDZ(p,Time-3)",
}  # fmt: skip
ARRAYS = {
    "invert_matrix": "x[d,e]=INVERT MATRIX(m[d,e],3)",
    "vector_sort_order": "x[d]=VECTOR SORT ORDER(v[d],1)",
    "vector_rank": "x[d]=VECTOR RANK(v[d],0)",
    "vector_reorder": "x[d]=VECTOR REORDER(v[d],o[d])",
}
# of Stella files alone, or random, which no two engines draw alike
ELSEWHERE = {"pi", "vmax_xmile", "vmin_xmile", "Xpulse", "Xpulse_train", "Xramp"}
RANDOM = {"random_0_1", "random_uniform", "random_normal", "random_exponential"}


def mdl(text: str) -> sd.Model:
    return sd.load(from_bytes(f"{{UTF-8}}\n{text}\n{CONTROL}".encode(), format="vensim"))


def xmile(**equations: str) -> sd.Model:
    variables = "".join(
        f'<aux name="{name}"><eqn>{text.replace("<", "&lt;")}</eqn></aux>' for name, text in equations.items()
    )
    text = (
        '<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"><header/>'
        "<sim_specs><start>1</start><stop>9</stop><dt>0.25</dt></sim_specs>"
        f"<model><variables>{variables}</variables></model></xmile>"
    )
    return sd.load(from_bytes(text.encode(), format="xmile"))


def at(equation: str, time: float) -> float:
    return float(sd.simulate(xmile(x=equation), engine="vectorised").loc[time, "x"])


def test_every_function_that_pysd_knows_is_in_the_table():
    assert {word for word in known_functions() if function_key(word, "vensim") is None} == set()
    assert set(CALLS) | set(ARRAYS) | ELSEWHERE | RANDOM == known_functions()


@pytest.mark.parametrize("equation", [f"x={call}" for call in CALLS.values()] + list(ARRAYS.values()))
def test_every_function_that_pysd_knows_gives_its_numbers(equation):
    model = mdl(f"{equation} ~~| {OTHER}")
    own, peer = (sd.simulate(model, engine=engine) for engine in ("vectorised", "reference"))
    columns = [name for name in own.columns if name.startswith("x")]
    for name in columns:
        assert own[name].to_numpy() == pytest.approx(peer[name].to_numpy(), rel=1e-12, nan_ok=True)


@pytest.mark.parametrize(
    "equation",
    [
        "SMOOTH(Time,p)", "SMOOTHI(Time,p,1)", "SMOOTH3(Time,p)", "SMOOTH3I(Time,p,1)", "SMOOTH N(Time,p,1,4)",
        "DELAY1(Time,p)", "DELAY1I(Time,p,1)", "DELAY3(Time,p)", "DELAY3I(Time,p+Time/10,1)",
        "DELAY N(Time,p,1,4)", "DELAY N(Time,p+Time/10,1,2)", "DELAY FIXED(Time*3,p,-1)",
        "SAMPLE IF TRUE(MODULO(Time,3)=0,Time,7)", "TREND(Time+1,3,0.1)", "FORECAST(Time+1,3,p)",
        "INITIAL(Time+p)", "GAME(Time*p)", "table(Time)", "WITH LOOKUP(Time,((0,1),(3,5)))",
        "DELAY FIXED(SAMPLE IF TRUE(Time>3,Time,7),p,-1)",
    ],
)  # fmt: skip
def test_every_function_with_a_state_gives_the_numbers_of_pysd(equation):
    model = mdl(f"x={equation} ~~| {OTHER}")
    own, peer = (sd.simulate(model, engine=engine)["x"] for engine in ("vectorised", "reference"))
    assert own.to_numpy() == pytest.approx(peer.to_numpy(), rel=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_what_flows_through_a_delay_of_changing_length_is_neither_lost_nor_made(order):
    # each stage drains with the time that the stage before it had a step ago; PySD gives out what the last
    # stage would lose with the time of the first, which is the same for the second order only
    model = mdl(f"x=DELAY N(inflow,2+Time/10,1,{order}) ~~| inflow=Time*3 ~~| passed=INTEG(inflow-x,0) ~~|")
    run = sd.simulate(model, engine="vectorised")
    level, times, expected = [2.0] * order, [2.0] * order, []
    for k, now in enumerate(run.index):
        times = [2 + now / 10, *times[:-1]] if k else times
        flows = [one / time for one, time in zip(level, times, strict=True)]
        expected.append(flows[-1])
        into = [now * 3, *flows[:-1]]
        level = [one + 0.25 * order * (a - b) for one, a, b in zip(level, into, flows, strict=True)]
    assert run["x"].tolist() == pytest.approx(expected, rel=1e-12)
    assert run["passed"].iloc[-1] == pytest.approx(
        sum(0.25 * (3 * t - x) for t, x in zip(run.index[:-1], expected[:-1], strict=True))
    )


@pytest.mark.parametrize(
    "equation, expected",
    [
        ("LOOKUP EXTRAPOLATE(table,Time)", [0, 2, 3, 4]),
        ("LOOKUP FORWARD(table,Time-1)", [0, 2, 3, 3]),
        ("LOOKUP BACKWARD(table,Time-1)", [0, 0, 2, 3]),
        ("LOOKUP INVERT(table,Time/4)", [0, 2, 4, 8]),
        ("LOOKUP AREA(table,0,Time)", [0, 4, 14, 26]),
        ("LOOKUP AREA(table,Time,0)", [0, -4, -14, -26]),
    ],
)
def test_lookups_are_read_in_all_of_vensims_ways(equation, expected):
    run = sd.simulate(mdl(f"x={equation} ~~| {OTHER}"), save_every=4)
    assert run["x"].tolist() == pytest.approx(expected)


def test_a_lookup_that_is_not_monotonic_has_no_inverse():
    model = mdl("x=LOOKUP INVERT(bent,Time) ~~| bent((0,0),(1,2),(2,1)) ~~|")
    with pytest.raises(NotCompiled, match='"x": LOOKUP INVERT of a lookup that is not monotonic'):
        sd.simulate(model, engine="vectorised")


def test_time_values_are_counted_from_now_or_from_the_start():
    run = sd.simulate(mdl("x=GET TIME VALUE(0,5,0) ~~| y=GET TIME VALUE(1,5,0) ~~|"), start=2)
    assert run["x"].tolist() == (run.index + 5).tolist() and (run["y"] == 7).all()


@pytest.mark.parametrize(
    "equation, time, value",
    [
        ("SINWAVE(3,4)", 2, 3 * math.sin(math.pi)), ("COSWAVE(3,4)", 2, -3.0), ("PERCENT(0.25)", 1, 25.0),
        ("ROOTN(-8,3)", 1, -2.0), ("ROOTN(16,4)", 1, 2.0), ("ROUND(2.5)", 1, 3.0), ("ROUND(-2.5)", 1, -3.0),
        ("LOG10(1000)", 1, 3.0), ("INT(-2.7)", 1, -2.0), ("7 MOD 4", 1, 3.0), ("SAFEDIV(1,0)", 1, 0.0),
        ("SAFEDIV(1,0,5)", 1, 5.0), ("DT+STARTTIME+STOPTIME", 1, 10.25), ("INIT(TIME*3)", 5, 3.0),
        ("PREVIOUS(TIME,-1)", 1, -1.0), ("PREVIOUS(TIME,-1)", 5, 4.75), ("PREVIOUS(SELF,1)*2", 1.5, 8.0),
        ("PULSE(3,2)", 2, 12.0), ("PULSE(3,2)", 2.25, 0.0), ("PULSE(3,2,4)", 6, 12.0), ("PULSE(3,2,4)", 5, 0.0),
        ("STEP(5,2)", 1.75, 0.0), ("STEP(5,2)", 2, 5.0), ("RAMP(2,3)", 5, 4.0), ("RAMP(2,3,4)", 9, 2.0),
        ("IF TIME>3 AND NOT(TIME>5) OR TIME=1 THEN 1 ELSE 2", 1, 1.0),
        ("IF TIME>3 AND NOT(TIME>5) OR TIME=1 THEN 1 ELSE 2", 6, 2.0),
    ],
)  # fmt: skip
def test_functions_of_stella_have_their_values(equation, time, value):
    assert at(equation, time) == pytest.approx(value, abs=1e-12)


def test_a_root_of_a_negative_number_is_none_when_even():
    assert math.isnan(at("ROOTN(-4,2)", 1))


@pytest.mark.parametrize(
    "load", [lambda: mdl("x=SINWAVE(1,2) ~~|"), lambda: mdl("x=NORMAL CDF(1) ~~|"),
             lambda: xmile(x="VECTOR_RANK(1,2)+HISTORY(1,2)"), lambda: xmile(x="REMAINDER(5,3)"),
             lambda: mdl("x=RANDOM POISSON(0,9,2,0,1,0) ~~|"), lambda: xmile(x="POISSON(2)")],
)  # fmt: skip
def test_a_word_is_a_function_in_its_own_dialect_only(load):
    with pytest.raises(ModelError, match="unknown function"):
        load()


def test_a_function_that_pysd_lacks_is_refused_by_the_reference_engine_alone():
    model = xmile(x="ROUND(2.5)")
    assert sd.simulate(model)["x"].iloc[0] == 3
    with pytest.raises(SDError, match="calls a function that PySD does not have"):
        sd.simulate(model, engine="reference")
    assert sd.simulate(xmile(x="UNIFORM(2,3)"), engine="reference")["x"].between(2, 3).all()


@pytest.mark.parametrize(
    "equations, message",
    [
        ("x[d]=ALLOCATE AVAILABLE(v[d],pp[d,f1],3) ~~| f: f1,f2,f3,f4 ~~| pp[d,f]=1,1,1,0;1,2,1,0;1,3,1,0; ~~|",
         '"x": ALLOCATE AVAILABLE is only run by the reference engine'),
        ("x[d]=ALLOCATE BY PRIORITY(v[d],s[d],3,1,4) ~~|",
         '"x": ALLOCATE BY PRIORITY is only run by the reference engine'),
        ("x=GET TIME VALUE(2,0,1) ~~|", '"x": GET TIME VALUE of a calendar or a clock'),
    ],
)  # fmt: skip
def test_what_stays_with_the_reference_engine_is_named_and_runs_there(equations, message):
    model = mdl(f"{equations} {OTHER}")
    with pytest.raises(NotCompiled, match=message):
        sd.simulate(model, engine="vectorised")
    assert sd.simulate(model).attrs["engine"] == "reference"


def test_every_row_with_signs_has_one_for_each_argument():
    for row in FUNCTIONS.values():
        assert not row.signs or row.arity[0] <= len(row.signs) == row.arity[1], row.key
