"""Random functions in a run: their distributions, and on what alone a number depends."""

from __future__ import annotations

import numpy as np
import pytest

import sdtheory as sd
from sdtheory.documents import from_bytes
from sdtheory.engines.program import make_program
from sdtheory.engines.vectorised import run_vectorised
from sdtheory.experiments.formula import read_formula
from sdtheory.experiments.policy import Policy, apply
from sdtheory.model.expression import Call, to_text, walk
from sdtheory.model.functions import FUNCTIONS
from sdtheory.model.model import Model

CONTROL = "INITIAL TIME=0 ~~| FINAL TIME=9 ~~| TIME STEP=1 ~~| SAVEPER=TIME STEP ~~|"
DRAWS = 100_000


def mdl(text: str, control: str = CONTROL) -> Model:
    return sd.load(from_bytes(f"{{UTF-8}}\n{text}\n{control}".encode(), format="vensim"))


def xmile(equation: str) -> Model:
    text = (
        '<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"><header/>'
        "<sim_specs><start>0</start><stop>9</stop><dt>1</dt></sim_specs>"
        f'<model><variables><aux name="x"><eqn>{equation}</eqn></aux></variables></model></xmile>'
    )
    return sd.load(from_bytes(text.encode(), format="xmile"))


def drawn(model: Model, name: str = "x") -> np.ndarray:
    """A hundred thousand numbers: ten moments of ten thousand runs."""
    program = make_program(model, outputs=[name])
    return run_vectorised(program, np.empty((0, DRAWS // 10)), seed=3).values[name].ravel()


# equation, mean, standard deviation, least, most; truncated: by numeric integration of the density
MOMENTS = [
    ("RANDOM 0 1()", 0.5, 12**-0.5, 0, 1),
    ("RANDOM UNIFORM(2,5,7)", 3.5, 3 * 12**-0.5, 2, 5),
    ("RANDOM NORMAL(-1e6,1e6,3,2,0)", 3.0, 2.0, -1e6, 1e6),
    ("RANDOM NORMAL(-1,3,1,2,0)", 1.0, 1.0790721, -1, 3),
    ("RANDOM EXPONENTIAL(0,1e6,1,2,0)", 3.0, 2.0, 1, 1e6),
    ("RANDOM TRIANGULAR(0,9,1,2,4,0)", 7 / 3, (7 / 18) ** 0.5, 1, 4),
]
STELLA = [
    ("UNIFORM(2,5)", 3.5, 3 * 12**-0.5, 2, 5),
    ("RANDOM(2,5,7)", 3.5, 3 * 12**-0.5, 2, 5),
    ("NORMAL(3,2,1)", 3.0, 2.0, -np.inf, np.inf),
    ("NORMAL(1,2,1,-1,3)", 1.0, 1.0790721, -1, 3),
    ("EXPRND(2)", 2.0, 2.0, 0, np.inf),
    ("LOGNORMAL(0,0.5)", np.exp(0.125), np.exp(0.125) * (np.exp(0.25) - 1) ** 0.5, 0, np.inf),
    ("MONTECARLO(30)", 0.3, 0.21**0.5, 0, 1),
]


@pytest.mark.parametrize("make, case", [(mdl, case) for case in MOMENTS] + [(xmile, case) for case in STELLA])
def test_random_numbers_have_the_mean_spread_and_bounds_of_their_distribution(make, case):
    equation, mean, deviation, low, high = case
    numbers = drawn(make(f"x={equation} ~~|" if make is mdl else equation))
    assert abs(numbers.mean() - mean) / deviation * DRAWS**0.5 < 4
    squares = (numbers - mean) ** 2
    assert abs(squares.mean() - deviation**2) / squares.std() * DRAWS**0.5 < 4
    assert numbers.min() >= low and numbers.max() <= high


def test_a_number_is_drawn_once_a_step_and_again_the_next():
    model = mdl("x=RANDOM 0 1() ~~| y=x*2 ~~| z=x-y ~~|")
    for method in ("euler", "rk4"):
        run = sd.simulate(model, method=method, seed=1)
        assert (run["y"] == 2 * run["x"]).all() and (run["z"] == -run["x"]).all()
        assert run["x"].nunique() == len(run)
    coarse = sd.simulate(model, save_every=3, seed=1)["x"]
    assert (coarse == sd.simulate(model, seed=1)["x"][coarse.index]).all()


def test_random_numbers_are_held_through_the_stages_of_a_step():
    model = mdl("x=RANDOM 0 1() ~~| s=INTEG(x,0) ~~|")
    assert np.allclose(
        sd.simulate(model, method="rk4")["s"], sd.simulate(model, method="euler")["s"], rtol=1e-14
    )


def test_every_call_and_every_cell_has_numbers_of_its_own():
    model = mdl(
        "d: a,b,c ~~| x[d]=RANDOM 0 1() ~~| y=RANDOM 0 1() ~~| z=RANDOM 0 1()-RANDOM 0 1() ~~|"
        "w[d]=1,1,1 ~~| s=SUM(w[d!]*RANDOM 0 1()) ~~| t[d]=SUM(w[d!]*RANDOM 0 1()) ~~|"
    )
    program = make_program(model)
    sites = [node[1] for node in program.step.nodes if node[0] == "random"]
    assert len(sites) == len(set(sites)) == 3 + 1 + 2 + 3 + 9
    run = sd.simulate(model)
    assert run[["x[a]", "x[b]", "x[c]", "y"]].iloc[0].nunique() == 4
    assert (run["z"] != 0).all() and run[["t[a]", "t[b]", "t[c]"]].iloc[0].nunique() == 3


def test_each_call_of_a_macro_has_numbers_of_its_own():
    text = ":MACRO: noise(p) noise=p*RANDOM 0 1() ~~| :END OF MACRO:\nx=noise(1) ~~| y=noise(1) ~~|"
    assert (sd.simulate(mdl(text))["x"] != sd.simulate(mdl(text))["y"]).all()


def test_initial_keeps_the_number_of_the_start():
    run = sd.simulate(mdl("x=RANDOM 0 1() ~~| i=INITIAL(x) ~~| s=INTEG(0,x) ~~|"))
    assert (run["i"] == run["x"].iloc[0]).all() and (run["s"] == run["x"].iloc[0]).all()


NOISY = "k=1 ~~| s=INTEG(k*RANDOM NORMAL(-9,9,0,1,0)-0.1*s,RANDOM UNIFORM(0,1,0)) ~~| x=RANDOM 0 1() ~~|"


def test_runs_are_the_same_again_and_others_with_another_seed():
    sample = {"k": np.linspace(0, 1, 20)}
    first, again, other = (
        sd.simulate_many(mdl(NOISY), sample, outputs=["s", "x"], seed=seed, engine="vectorised")
        for seed in (1, 1, 2)
    )
    assert first.identical(again)
    assert (first["x"] != other["x"]).all()


def test_numbers_depend_neither_on_the_other_runs_nor_on_threads_nor_on_blocks():
    program = make_program(mdl(NOISY), parameters=["k"], outputs=["s"])
    inputs = np.linspace(0, 1, 50)[None]
    whole = run_vectorised(program, inputs, seed=5).values["s"]
    for block, jobs in ((7, 1), (16, 2)):
        assert (run_vectorised(program, inputs, seed=5, block=block, jobs=jobs).values["s"] == whole).all()
    assert (run_vectorised(program, inputs[:, :11], seed=5).values["s"] == whole[:11]).all()


def test_the_engines_draw_the_same_numbers():
    model = mdl(
        NOISY + "d: a,b ~~| y[d]=RANDOM EXPONENTIAL(0,5,1,k,0) ~~| z=RANDOM TRIANGULAR(0,9,1,2,4,0) ~~|"
    )
    own = sd.simulate(model, engine="vectorised", seed=9)
    peer = sd.simulate(model, engine="compiled-exact", seed=9)
    assert np.allclose(own.to_numpy(), peer.to_numpy(), rtol=1e-12, atol=1e-13)


def test_every_policy_meets_the_same_noise():
    model = mdl("k=1 ~~| a=RANDOM 0 1()*k ~~| x=RANDOM 0 1() ~~| s=INTEG(x,0) ~~|")
    plain = sd.simulate(model, seed=4)
    fewer = apply(Policy("fixed", set={"k": 0.5}), model)
    replaced = dict(model.variables)
    replaced["a"] = type(model["a"])("a", (model["k"].equations[0],))
    without = Model(model.name, replaced, model.settings)
    for other in (fewer, without):
        for outputs in (None, ["x", "s"]):
            run = sd.simulate(other, outputs=outputs, seed=4)
            assert (run[["x", "s"]] == plain[["x", "s"]]).all().all()
    assert np.allclose(sd.simulate(fewer, seed=4)["a"], plain["a"] / 2)


def test_the_reference_engine_draws_from_the_same_distribution_where_it_can():
    model = mdl("x=RANDOM NORMAL(-1,3,1,2,0) ~~|", CONTROL.replace("TIME=9", "TIME=2000"))
    theirs = sd.simulate(model, engine="reference")["x"]
    assert theirs.between(-1, 3).all() and abs(theirs.mean() - 1) < 4 * 1.08 / 2001**0.5


def test_a_random_function_is_written_as_the_file_has_it():
    tree = mdl("x=RANDOM NORMAL(-1,3,1,2,77) ~~| y=RANDOM 0 1()+1 ~~|")
    assert to_text(tree["x"].equations[0].expression) == "RANDOM NORMAL(-1, 3, 1, 2, 77)"
    assert to_text(tree["y"].equations[0].expression) == "RANDOM 0 1() + 1"


def test_random_functions_of_a_formula_have_numbers_apart_from_the_models():
    def sites(text: str) -> list[float]:
        return [
            node.arguments[-1].value
            for node in walk(read_formula(text))
            if isinstance(node, Call) and FUNCTIONS[node.function].kind == "random"
        ]

    first, second = sites("2*UNIFORM(0,1) + MAX(UNIFORM(0,1), 0)")
    (other,) = sites("UNIFORM(0,1)")
    assert 2**31 <= first < 2**32 and second == first + 1 and other not in (first, second)
