"""What holds for every model and every batch, whatever the numbers."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sdtheory as sd
from sdtheory.engines.program import make_program
from sdtheory.engines.vectorised import run_vectorised
from sdtheory.model.expression import Binary, Call, Expression, Name, Number, Table, Unary, evaluate
from sdtheory.model.expression import Lookup as Read
from sdtheory.model.model import Auxiliary, Constant, Equation, Model, SimulationSettings, Stock

MODELS = sorted(path for suffix in ("xmile", "mdl") for path in Path("models").glob(f"*.{suffix}"))
TABLE = Table((-1.0, 0.0, 0.5, 2.0), (0.5, -1.0, 0.25, 3.0))

numbers = st.floats(-3, 3).map(lambda x: round(x, 3))
leaves = st.one_of(numbers.map(Number), st.sampled_from([Name("a"), Name("b"), Name("s"), Name("time")]))


def _branches(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    return st.one_of(
        st.builds(Binary, st.sampled_from(["+", "-", "*", "/", "<", ">=", "and", "or"]), inner, inner),
        st.builds(Unary, st.sampled_from(["-", "not"]), inner),
        st.builds(lambda f, x: Call(f, (x,)), st.sampled_from(["exp", "sin", "abs", "integer"]), inner),
        st.builds(lambda f, x, y: Call(f, (x, y)), st.sampled_from(["min", "max", "zidz"]), inner, inner),
        st.builds(lambda *parts: Call("if_then_else", parts), inner, inner, inner),
        st.builds(lambda x: Read(TABLE, x), inner),
    )


expressions = st.recursive(leaves, _branches, max_leaves=12)


def model_of(rate: Expression, method: str = "euler", step: float = 0.25, stop: float = 2.0) -> Model:
    """A stock that follows a rate through a variable, from an initial value that is a constant."""
    variables = {
        "a": Constant("a", (Equation(Number(0.75)),)),
        "b": Constant("b", (Equation(Number(-1.5)),)),
        "v": Auxiliary("v", (Equation(rate),)),
        "s": Stock("s", (Equation(Call("sin", (Name("v"),)), initial=Name("a")),)),
    }
    grid = SimulationSettings(Number(0.0), Number(stop), Number(step), Number(step), method)
    return Model("m", variables, grid)


@given(expressions)
@settings(max_examples=60, deadline=None)
def test_a_run_steps_through_what_its_expressions_evaluate_to(tree):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sd.SDWarning)
        frame = sd.simulate(model_of(tree))
    s = 0.75
    for time, row in frame.iterrows():
        if not np.isfinite(row["s"]):
            break
        assert row["s"] == pytest.approx(s, rel=1e-9, abs=1e-9)
        v = evaluate(tree, {"a": 0.75, "b": -1.5, "s": row["s"], "time": time})
        np.testing.assert_allclose(row["v"], float(v), rtol=1e-12)
        s = row["s"] + 0.25 * math.sin(row["v"])


@given(expressions, st.integers(2, 40), st.integers(0, 2**32 - 1), st.sampled_from(["euler", "rk4"]))
@settings(max_examples=60, deadline=None)
def test_a_row_of_a_batch_is_bit_equal_to_a_batch_of_that_row_alone(tree, runs, seed, method):
    program = make_program(model_of(tree, method), parameters=["a", "b"])
    inputs = np.random.default_rng(seed).normal(size=(2, runs)).round(2)
    whole = run_vectorised(program, inputs)
    row = seed % runs
    alone = run_vectorised(program, inputs[:, row : row + 1])
    for name in program.outputs:
        np.testing.assert_array_equal(whole.values[name][row], alone.values[name][0])
    assert whole.status[row] == alone.status[0] and whole.message[row] == alone.message[0]


@given(st.floats(0.1, 3), st.floats(0.05, 0.9), st.integers(1, 60))
def test_euler_compounds_a_constant_rate(first, share, steps):
    stock = Stock("x", (Equation(Binary("*", Number(share), Name("x")), initial=Number(first)),))
    grid = SimulationSettings(stop=Number(float(steps)))
    frame = sd.simulate(Model("m", {"x": stock}, grid))
    expected = first * (1 + share) ** np.arange(steps + 1)
    np.testing.assert_allclose(frame["x"], expected, rtol=1e-13)


@given(st.integers(0, 3))
def test_runge_kutta_has_a_sixteenth_of_the_error_at_half_the_step(halvings):
    def error(step: float) -> float:
        decay = Stock("x", (Equation(Unary("-", Name("x")), initial=Number(1.0)),))
        grid = SimulationSettings(Number(0.0), Number(2.0), Number(step), Number(step), "rk4")
        return abs(sd.simulate(Model("m", {"x": decay}, grid))["x"].iloc[-1] - math.exp(-2.0))

    step = 0.0625 / 2**halvings
    assert error(step) / error(step / 2) == pytest.approx(16, abs=1)


def test_runge_kutta_meets_the_logistic_curve():
    growth = Binary("*", Name("x"), Binary("-", Number(1.0), Name("x")))
    stock = Stock("x", (Equation(growth, initial=Number(0.01)),))
    grid = SimulationSettings(Number(0.0), Number(10.0), Number(0.0625), Number(0.0625), "rk4")
    frame = sd.simulate(Model("m", {"x": stock}, grid))
    times = frame.index.to_numpy()
    np.testing.assert_allclose(frame["x"], 1 / (1 + 99 * np.exp(-times)), rtol=1e-6)


@given(st.floats(1, 20), st.floats(0.5, 9), st.integers(1, 5))
def test_what_enters_a_delay_leaves_it(inflow, first, order):
    """Material is kept: a delay's contents change by inflow less outflow, and end in balance."""
    lasts = 8.0
    call = Call("delay", (Number(inflow), Number(lasts / order), Number(first), Number(1.0)))
    delayed: Expression = call
    for _ in range(order - 1):
        delayed = Call("delay", (delayed, Number(lasts / order), Number(first), Number(1.0)))
    variables = {
        "out": Auxiliary("out", (Equation(delayed),)),
        "inside": Stock(
            "inside", (Equation(Binary("-", Number(inflow), Name("out")), initial=Number(first * lasts)),)
        ),
    }
    frame = sd.simulate(Model("m", variables, SimulationSettings(stop=Number(300.0))))
    assert frame["inside"].iloc[-1] == pytest.approx(inflow * lasts, rel=1e-6)
    assert frame["out"].iloc[-1] == pytest.approx(inflow, rel=1e-6)


LARGE = ("m3", "m4", "m5")  # of these PySD takes ten seconds; one format of each is enough for every day
DAILY = [
    pytest.param(
        path, id=path.name, marks=[pytest.mark.slow] * (path.stem[:2] in LARGE and path.suffix == ".mdl")
    )
    for path in MODELS
]


@pytest.mark.parametrize("path", DAILY)
def test_both_engines_give_the_same_numbers_for_every_model_of_the_study(path):
    model = sd.load(path)
    own = sd.simulate(model, engine="vectorised", method="euler")
    peer = sd.simulate(model, engine="reference", method="euler")
    assert set(own.columns) == set(peer.columns)
    largest = np.maximum(peer.abs().max(), 1e-300)
    assert ((own - peer[own.columns]).abs().max() / largest).max() <= 1e-9
