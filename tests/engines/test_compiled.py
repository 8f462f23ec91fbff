"""The compiled engine against the vectorised one, at the places where engines go wrong."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import sdtheory as sd
from sdtheory.engines.compiled import run_compiled
from sdtheory.engines.graph import RUN, GraphBuilder, Program, State
from sdtheory.engines.machine_code import processor
from sdtheory.engines.program import make_program
from sdtheory.engines.reducers import Reducer
from sdtheory.engines.vectorised import run_vectorised
from sdtheory.errors import NoMachineCode, SDWarning, SimulationError, UsageError
from sdtheory.model.expression import TIME, Binary, Call, Lookup, Name, Number, Table
from sdtheory.model.functions import FUNCTIONS
from sdtheory.model.model import Auxiliary, Constant, Equation, Model, SimulationSettings, Stock

ONE_ARGUMENT = ["abs", "exp", "ln", "sqrt", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh",
                "tanh", "integer"]  # fmt: skip
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -2.5, 709.0, 710.0, -745.5, 1e-300, 5e-324, 1e15, 1e300, -1e300,
           np.inf, -np.inf, np.nan]  # fmt: skip


def there(lanes: int) -> bool:
    try:
        return processor(lanes).mathematics.lanes == lanes
    except NoMachineCode:
        return False


EVERY_WIDTH = pytest.mark.parametrize("lanes", [lanes for lanes in (8, 4, 2) if there(lanes)])
EVERY_ARITHMETIC = pytest.mark.parametrize("exact", [False, True], ids=["vector", "exact"])


def number(value):
    return Number(float(value)) if isinstance(value, int | float) else value


def model_of(
    stocks=(), auxiliaries=(), constants=(), method="euler", stop=4.0, step=0.5, save=0.5, clipped=()
):
    """A model from mappings: stocks to (initial value, net flow), auxiliaries to trees, constants to numbers."""
    variables = {}
    for name, (initial, rate) in dict(stocks).items():
        equation = Equation(number(rate), initial=number(initial))
        variables[name] = Stock(name, (equation,), non_negative=name in clipped)
    for name, tree in dict(auxiliaries).items():
        variables[name] = Auxiliary(name, (Equation(number(tree)),))
    for name, value in dict(constants).items():
        variables[name] = Constant(name, (Equation(Number(float(value))),))
    settings = SimulationSettings(Number(0.0), Number(stop), Number(step), Number(save), method)
    return Model("model", variables, settings)


def call(function, *arguments):
    return Call(function, tuple(map(number, arguments)))


def assert_same(a, b):
    np.testing.assert_array_equal(a.times, b.times)
    assert list(a.values) == list(b.values)
    for name, values in a.values.items():
        np.testing.assert_array_equal(values, b.values[name], err_msg=name)
    assert list(a.status) == list(b.status)
    assert list(a.message) == list(b.message)


def both(model, inputs, **how):
    """The result on the compiled engine, after it was found equal to the vectorised one's."""
    program = make_program(model, parameters=list(inputs))
    array = np.array(list(inputs.values()), dtype=float)
    result = run_compiled(program, array, **how)
    assert_same(run_vectorised(program, array, method=how.get("method")), result)
    return result


# the study's models


@EVERY_WIDTH
@EVERY_ARITHMETIC
@pytest.mark.parametrize("method", ["euler", "rk4"])
@pytest.mark.parametrize("path", ["models/m0_seed.xmile", "models/m1_delays.mdl"])
def test_the_studys_models_give_the_vectorised_engines_numbers(path, method, exact, lanes):
    model = sd.load(path)
    inputs = {
        "search leverage": np.geomspace(0.2, 5.0, 37),
        "theorist boost": np.linspace(0.0, 2.0, 37),
    }
    program = make_program(model, parameters=list(inputs))
    array = np.array(list(inputs.values()))
    expected = run_vectorised(program, array, method=method)
    result = run_compiled(program, array, method=method, exact=exact, lanes=lanes)
    assert list(result.status) == list(expected.status) == ["ok"] * 37
    for name, values in expected.values.items():
        scale = np.abs(values).max(axis=1, keepdims=True)
        assert (np.abs(values - result.values[name]) <= 1e-12 * scale).all(), name


# functions


@EVERY_WIDTH
@pytest.mark.parametrize("function", ONE_ARGUMENT)
def test_a_function_is_numpys_to_a_few_last_bits(function, lanes):
    rng = np.random.default_rng(1)
    x = np.concatenate([SPECIAL, rng.uniform(-1, 1, 200), rng.uniform(-30, 30, 200)])
    program = make_program(model_of(auxiliaries={"y": call(function, Name("x"))}, constants={"x": 1}, stop=0.0),
                           parameters=["x"], outputs=["y"])  # fmt: skip
    with np.errstate(all="ignore"):
        expected = FUNCTIONS[function].numpy(x)
    for exact in (False, True):
        got = run_compiled(program, x[None], exact=exact, lanes=lanes).values["y"][:, 0]
        np.testing.assert_array_equal(np.isfinite(got), np.isfinite(expected))
        np.testing.assert_array_equal(got[~np.isfinite(got)], expected[~np.isfinite(got)])
        fine = np.isfinite(expected)
        assert (np.abs(got[fine] - expected[fine]) <= 4 * np.spacing(np.abs(expected[fine]))).all()


@EVERY_WIDTH
@pytest.mark.parametrize("function", ONE_ARGUMENT)
def test_a_functions_bits_do_not_depend_on_the_neighbours(function, lanes):
    rng = np.random.default_rng(3)
    x = np.concatenate([np.repeat(SPECIAL, 20), rng.uniform(-1, 1, 700), rng.uniform(-700, 700, 940)])
    model = model_of(auxiliaries={"y": call(function, Name("x"))}, constants={"x": 1}, stop=0.0)
    program = make_program(model, parameters=["x"], outputs=["y"])
    expected = run_compiled(program, x[None], lanes=lanes).values["y"]
    for _ in range(3):
        order = rng.permutation(len(x))
        moved = run_compiled(program, x[None, order], lanes=lanes).values["y"]
        np.testing.assert_array_equal(moved, expected[order])


@EVERY_WIDTH
def test_a_power_is_numpys_also_of_negative_numbers(lanes):
    grid = [*SPECIAL[:7], 1.5, -3.0, 1e10, np.inf, -np.inf, np.nan]
    x, y = (one.ravel() for one in np.meshgrid(grid, grid))
    model = model_of(
        auxiliaries={"z": Binary("^", Name("x"), Name("y"))}, constants={"x": 1, "y": 1}, stop=0.0
    )
    program = make_program(model, parameters=["x", "y"], outputs=["z"])
    with np.errstate(all="ignore"):
        expected = np.power(x, y)
    for exact in (False, True):
        got = run_compiled(program, np.array([x, y]), exact=exact, lanes=lanes).values["z"][:, 0]
        np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
        np.testing.assert_allclose(got, expected, rtol=1e-15)


@pytest.mark.parametrize("exponent", [-1.0, 0.0, 0.5, 1.0, 2.0])
def test_a_power_written_in_the_model_is_rounded_as_numpy_rounds_it(exponent):
    model = model_of(auxiliaries={"y": Binary("^", Name("x"), Number(exponent))}, constants={"x": 1})
    both(model, {"x": np.concatenate([np.random.default_rng(2).uniform(-9, 9, 100), SPECIAL[:-3]])})


@EVERY_WIDTH
def test_a_function_of_time_has_the_bits_of_the_same_function_of_a_stock(lanes):
    model = model_of(
        stocks={"clock": (0.0, 1.0)},
        auxiliaries={f"{word} of {what}": call(word, name) for word in ("exp", "sin", "tanh", "arctan")
                     for what, name in (("time", TIME), ("clock", Name("clock")))},
    )  # fmt: skip
    result = run_compiled(make_program(model), np.empty((0, 1)), lanes=lanes)
    for word in ("exp", "sin", "tanh", "arctan"):
        np.testing.assert_array_equal(result.values[f"{word} of time"], result.values[f"{word} of clock"])


@EVERY_WIDTH
@pytest.mark.parametrize("kind", ["interpolate", "extrapolate", "hold_backward"])
@pytest.mark.parametrize("points", [1, 2, 3, 8, 9, 16, 17, 32, 33, 100])
def test_a_lookup_is_read_to_the_last_bit_inside_and_outside_its_range(points, kind, lanes):
    rng = np.random.default_rng(points)
    table = Table(tuple(np.sort(rng.uniform(-2, 2, points))), tuple(rng.uniform(-5, 5, points)), kind)
    model = model_of(auxiliaries={"y": Lookup(table, Name("x"))}, constants={"x": 0}, stop=0.0)
    x = np.concatenate([table.x, np.nextafter(table.x, 9), rng.uniform(-4, 4, 80), SPECIAL[:-3], [-1e9, 1e9]])
    both(model, {"x": x}, lanes=lanes)


# conditions and what is not finite


@EVERY_WIDTH
@pytest.mark.parametrize("what", [TIME, Name("clock")], ids=["time", "stock"])
def test_conditions_that_hold_count_as_one_each(what, lanes):
    past = [Binary(">", what, Number(moment)) for moment in (1.0, 2.0)]
    model = model_of(
        {"clock": (0.0, 1.0)},
        {"both": Binary("+", *past), "sizes": Binary("+", call("abs", past[0]), call("exp", past[1]))},
    )
    result = run_compiled(make_program(model), np.empty((0, 1)), lanes=lanes)
    np.testing.assert_array_equal(result.values["both"][0], [0, 0, 0, 1, 1, 2, 2, 2, 2])
    np.testing.assert_allclose(result.values["sizes"][0, [0, 3, 8]], [1, 2, 1 + np.e], rtol=1e-15)


@EVERY_WIDTH
def test_division_by_zero_in_a_branch_not_taken_does_not_count(lanes):
    share = call("if_then_else", Binary(">", Name("b"), Number(0.0)), Binary("/", Number(1.0), Name("b")), 7)
    result = both(model_of({"s": (0.0, share)}, constants={"b": 1}), {"b": [0.0, 1.0, 2.0]}, lanes=lanes)
    assert list(result.status) == ["ok"] * 3
    assert result.values["s"][0, -1] == 28.0


@EVERY_WIDTH
def test_a_run_that_diverges_is_nan_from_then_on_and_says_why(lanes):
    falling = Binary("/", Number(1.0), Binary("-", Name("edge"), TIME))
    result = both(
        model_of({"s": (0.0, falling)}, constants={"edge": 1}), {"edge": [9.0, 2.0, 9.5]}, lanes=lanes
    )
    assert list(result.status) == ["ok", "diverged", "ok"]
    assert "inf at time 2" in result.message[1]
    series = result.values["s"][1]
    assert np.isfinite(series[:4]).all() and np.isnan(series[4:]).all()
    assert np.isfinite(result.values["s"][[0, 2]]).all()


@pytest.mark.parametrize("method", ["euler", "rk4"])
def test_a_stock_that_is_cut_off_after_it_diverged_stays_diverged(method):
    sink = call("if_then_else", Binary("=", TIME, Name("when")), Binary("/", Number(-1.0), Number(0.0)), 1)
    model = model_of({"s": (1.0, sink)}, constants={"when": 1}, clipped=("s",), save=2.0)
    result = both(model, {"when": [1.5, 99.0]}, method=method)
    assert list(result.status) == ["diverged", "ok"]
    assert np.isnan(result.values["s"][0, 1:]).all()


def test_a_run_that_diverges_here_alone_says_when(monkeypatch):
    """Functions that are rounded otherwise may send a chaotic run another way."""
    monkeypatch.setattr("sdtheory.engines.compiled.why_diverged", lambda *_: np.array([""], dtype=object))
    rate = Binary("/", Number(1.0), Binary("-", Name("edge"), TIME))
    program = make_program(model_of({"s": (0.0, rate)}, constants={"edge": 1}), parameters=["edge"])
    result = run_compiled(program, np.array([[9.0, 2.0]]))
    assert list(result.message) == ["", "a stock is not finite at time 2"]


def test_a_run_that_diverges_between_the_last_row_and_the_end_says_so():
    late = call("if_then_else", Binary(">", TIME, Number(3.9)), Binary("/", Number(1.0), Name("b")), 1)
    model = model_of({"s": (1.0, late)}, constants={"b": 1}, save=1.5)
    result = both(model, {"b": [0.0, 1.0]})
    assert list(result.status) == ["diverged", "ok"]
    assert np.isfinite(result.values["s"]).all()


def test_an_input_that_is_no_number_spoils_its_own_run_alone():
    model = model_of({"s": (1.0, Binary("*", Name("s"), Name("r")))}, constants={"r": 1})
    result = both(model, {"r": [0.1, np.nan, 0.2]})
    assert list(result.status) == ["ok", "diverged", "ok"]


def test_a_negative_base_in_a_power_diverges_where_the_exponent_is_no_whole_number():
    model = model_of({"s": (1.0, Binary("^", Name("b"), Name("e")))}, constants={"b": 1, "e": 1})
    result = both(model, {"b": [-8.0, -8.0, 8.0], "e": [1 / 3, 3.0, 2.0]})
    assert list(result.status) == ["diverged", "ok", "ok"]


# states


@EVERY_WIDTH
@pytest.mark.parametrize("method", ["euler", "rk4"])
def test_each_run_has_its_own_pipeline_delay(method, lanes):
    delayed = call("delay_fixed", Name("clock"), Name("lag"), -1)
    model = model_of({"clock": (0.0, 1.0)}, {"late": delayed}, {"lag": 1}, method)
    result = both(model, {"lag": [0.1, 0.5, 1.0, 1.7, 3.0, 100.0]}, lanes=lanes)
    np.testing.assert_array_equal(result.values["late"][2], [-1, -1, 0, 0.5, 1, 1.5, 2, 2.5, 3])
    assert (result.values["late"][5] == -1).all()


@EVERY_WIDTH
@pytest.mark.parametrize("method", ["euler", "rk4"])
def test_held_samples_and_constant_pipelines_agree(method, lanes):
    sampled = call("sample_if_true", Binary(">", Name("x"), Name("level")), Name("x"), -5)
    model = model_of(
        {"x": (0.0, Binary("-", Number(1.0), Name("late")))},
        {"kept": sampled, "late": call("delay_fixed", Binary("*", Name("x"), Name("level")), 1.5, 0.25)},
        {"level": 1},
        method,
        stop=10.0,
    )
    both(model, {"level": np.linspace(0.1, 1.5, 11)}, lanes=lanes)


def test_a_stock_that_may_not_be_negative_stays_at_zero():
    model = model_of({"s": (1.0, Name("drain"))}, constants={"drain": 1}, clipped=("s",))
    result = both(model, {"drain": [-1.0, -0.3, 0.5]})
    assert result.values["s"].min() == 0.0


def test_a_delay_time_that_is_no_number_is_refused():
    model = model_of(
        {}, {"late": call("delay_fixed", 1, Binary("-", Name("lag"), Name("lag")), 0)}, {"lag": 1}
    )
    program = make_program(model, parameters=["lag"])
    with pytest.raises(SimulationError, match="delay time of 'late~delay_fixed1' is not a number"):
        run_compiled(program, np.array([[np.inf]]))


# time


@pytest.mark.parametrize("method", ["euler", "rk4"])
def test_a_step_that_does_not_divide_the_horizon_ends_at_the_last_full_step(method):
    model = model_of({"s": (1.0, Name("s"))}, method=method, stop=1.0, step=0.375, save=0.375)
    program = make_program(model)
    with pytest.warns(SDWarning, match="the run ends at 0.75"):
        expected = run_vectorised(program, np.empty((0, 3)))
    with pytest.warns(SDWarning, match="the run ends at 0.75"):
        assert_same(expected, run_compiled(program, np.empty((0, 3))))


def test_runge_kutta_meets_the_logistic_curve():
    growth = Binary("*", Name("x"), Binary("-", Number(1.0), Name("x")))
    result = both(model_of({"x": (0.1, growth)}, method="rk4", stop=10.0, step=0.125), {"x": [0.1] * 3})
    expected = 1 / (1 + 9 * np.exp(-result.times))
    np.testing.assert_allclose(result.values["x"], np.broadcast_to(expected, (3, len(expected))), rtol=1e-6)


def test_settings_that_differ_between_runs_are_refused():
    model = model_of({"s": (1.0, 1.0)}, constants={"end": 4})
    settings = SimulationSettings(Number(0.0), Name("end"), Number(0.5), Number(0.5))
    program = make_program(Model("model", model.variables, settings), parameters=["end"])
    with pytest.raises(SimulationError, match="must be the same in every run"):
        run_compiled(program, np.array([[3.0, 4.0]]))
    assert len(run_compiled(program, np.array([[3.0, 3.0]])).times) == 7


# what is kept


def test_reducers_need_no_series_and_may_read_one_output_in_several_ways():
    model = model_of({"s": (0.0, Name("r"))}, constants={"r": 1})
    program = make_program(model, parameters=["r"], outputs=["s"])
    kinds = ["final", "mean", "minimum", "time_of_maximum", "integral"]
    reducers = [*(Reducer(kind, "s") for kind in kinds), Reducer("first_crossing", "s", 3.0)]
    result = run_compiled(program, np.array([[1.0, 0.5, -1.0]]), reduce=reducers)
    got = [list(result.values[one.name]) for one in reducers]
    assert got[:2] == [[4.0, 2.0, -4.0], [2.0, 1.0, -2.0]]
    assert got[2:5] == [[0.0, 0.0, -4.0], [4.0, 4.0, 0.0], [8.0, 4.0, -8.0]]
    assert got[5][0] == 3.0 and np.isnan(got[5][1:]).all()


def test_a_reducer_of_what_is_no_output_is_refused():
    program = make_program(model_of({"s": (0.0, 1.0)}), outputs=["s"])
    with pytest.raises(UsageError, match="'t' is reduced but is no output"):
        run_compiled(program, np.empty((0, 1)), reduce=[Reducer("final", "t")])


def test_a_model_whose_constants_change_keeps_its_machine_code(monkeypatch):
    made = []
    monkeypatch.setattr(
        "sdtheory.engines.compiled.function", lambda text, machine: made.append(text) or (lambda *_: None)
    )
    for rate in (0.11, 0.37):
        program = make_program(
            model_of({"s": (1.0, Binary("*", Name("s"), Name("r")))}, constants={"r": rate})
        )
        run_compiled(program, np.empty((0, 1)))
    assert made[0] == made[1]


def test_a_program_without_outputs_or_states_runs():
    initial = GraphBuilder()
    words = ("start", "stop", "time_step", "save_every")
    places = dict(zip(words, map(initial.constant, (0.0, 2.0, 1.0, 1.0)), strict=True))
    first, there = initial.finished(places.values())
    step = GraphBuilder()
    step.add(("parameter", 0), RUN)
    program = Program(
        first, step.finished([])[0], (), {}, ("p",), {w: there[p] for w, p in places.items()}, "rk4", ()
    )
    assert list(run_compiled(program, np.array([[1.0, 2.0]])).status) == ["ok", "ok"]
    fixed = State("fixed", "x", there[places["stop"]])
    shown = step.finished([step.add(("state", 0), RUN)])[0]
    program = Program(
        first, shown, (fixed,), {"x": 0}, ("p",), {w: there[p] for w, p in places.items()}, "euler", ()
    )
    assert_same(run_vectorised(program, np.array([[1.0]])), run_compiled(program, np.array([[1.0]])))


# the choice of an engine


MANY = {"search leverage": np.linspace(0.5, 5.0, 20_000)}


def test_many_runs_are_compiled_and_one_is_not():
    model = sd.load("models/m0_seed.xmile")
    many = sd.simulate_many(model, MANY, outputs=["capability"], reduce="final")
    assert many.attrs["engine"] == "compiled"
    assert sd.simulate(model).attrs["engine"] == "vectorised"
    one = sd.simulate(model, {"search leverage": 0.5}, engine="compiled-exact")
    assert one.attrs["engine"] == "compiled-exact"
    assert many["capability"].values[0] == pytest.approx(one["capability"].iloc[-1], rel=1e-12)


def test_a_single_run_that_takes_numpy_long_is_compiled_at_once(monkeypatch):
    made = []
    monkeypatch.setattr("sdtheory.engines.machine_code._compiled", lambda *given: made.append(given))
    model = sd.load("models/m1_delays.mdl")
    run = sd.simulate(model, stop=200.0)
    assert run.attrs["engine"] == "compiled" and not made
    expected = sd.simulate(model, stop=200.0, engine="vectorised")
    np.testing.assert_allclose(run, expected, rtol=1e-9)


def test_without_the_compiler_the_vectorised_engine_runs_with_one_warning(monkeypatch):
    def missing(*_):
        raise NoMachineCode("llvmlite cannot be used: it is not there")

    monkeypatch.setattr("sdtheory.engines.compiled.processor", missing)
    model = sd.load("models/m0_seed.xmile")
    few = {"search leverage": [1.0, 2.0]}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        results = [sd.simulate_many(model, few, outputs=["capability"], engine="compiled") for _ in range(2)]
    assert [result.attrs["engine"] for result in results] == ["vectorised", "vectorised"]
    assert len([one for one in caught if "the vectorised engine runs in its place" in str(one.message)]) == 1


def test_a_model_too_large_for_the_compiler_is_left_to_numpy(monkeypatch):
    monkeypatch.setattr("sdtheory.engines.compiled.MOST_NODES", 3)
    model = sd.load("models/m0_seed.xmile")
    with pytest.warns(
        SDWarning, match=r"operations a step; the compiler takes 3; the vectorised engine runs"
    ):
        result = sd.simulate(model, engine="compiled")
    assert result.attrs["engine"] == "vectorised"


def test_results_may_be_reduced_by_output_and_by_name():
    model = sd.load("models/m0_seed.xmile")
    how = {"capability": "mean", "when": Reducer("first_crossing", "Capability", 20.0)}
    runs = {"search leverage": [0.5, 5.0]}
    series = sd.simulate_many(model, runs, outputs=["capability"], engine="vectorised")
    for engine in ("compiled", "vectorised", "reference"):
        short = sd.simulate_many(model, runs, outputs=["capability"], reduce=how, engine=engine)
        assert set(short.data_vars) == {"capability", "when", "status", "message"}
        np.testing.assert_allclose(short["capability"], series["capability"].mean("time"), rtol=1e-9)
        for run, moment in enumerate(short["when"].values):
            at = series["capability"].sel(run=run).interp(time=moment)
            assert float(at) == pytest.approx(20.0, rel=1e-6)
