"""Loop dominance of single models: states in between, arrays, changes, messages and refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import sdtheory as sd
from sdtheory.errors import LoopWithoutStock, ModelError, NotCompiled, SDWarning, SimulationError, UnknownName
from sdtheory.feedback.dominance_runs import run_batch, structure
from sdtheory.model.expression import Binary, Name, Number
from sdtheory.model.model import Auxiliary, Equation, Model


@pytest.fixture
def load(tmp_path):
    def read(equations, stop=20.0, step=0.5):
        text = {
            **equations,
            "INITIAL TIME": "0",
            "FINAL TIME": str(stop),
            "TIME STEP": str(step),
            "SAVEPER": "1",
        }
        lines = [
            f"{name}{'' if right.startswith('((') else ' = '}{right} ~ ~ |" for name, right in text.items()
        ]
        path = tmp_path / "model.mdl"
        path.write_text("\n".join(["{UTF-8}", *lines, ""]), encoding="utf-8")
        return sd.load(path)

    return read


ADJUSTED = {
    "goal": "100 + STEP(20, 3)",
    "level": "INTEG(adjustment, 40)",
    "adjustment": "(goal - perceived) / 3",
    "perceived": "SMOOTH(level, 2)",
}
CALLS = {
    "SMOOTH3": "SMOOTH3(level, 4)",
    "SMOOTH3I": "SMOOTH3I(level, 4, 30)",
    "DELAY1": "DELAY1(level, 3)",
    "DELAY3": "DELAY3(level, 3)",
    "a delay shorter than its stages": "DELAY3(level, 0.6)",
    "DELAY N": "DELAY N(level, 3 + 0.01 * level, 40, 2)",
    "DELAY FIXED": "DELAY FIXED(level * 1.1, 2, 30)",
    "TREND": "level * (1 + TREND(level, 4, 0))",
    "FORECAST": "FORECAST(level, 4, 1)",
    "SAMPLE IF TRUE": "SAMPLE IF TRUE(MODULO(Time, 2) < 0.75, level, 30)",
    "INITIAL": "level + 0.1 * INITIAL(level)",
    "ACTIVE INITIAL": "ACTIVE INITIAL(level * 0.9, 35)",
    "random": "level * RANDOM UNIFORM(0.9, 1.1, 0)",
    "nested": "SMOOTH(DELAY1(level, 2) + SMOOTH(level, 3), 2) / 2",
    "twice": "SMOOTH(level, 2) + SMOOTH(level * 0.1, 4)",
}


@pytest.mark.parametrize("call", CALLS)
def test_bringing_states_into_the_open_changes_no_value(call, load):
    model = load({**ADJUSTED, "perceived": CALLS[call]})
    run = sd.simulate(model, engine="vectorised", save_every=0.5)
    batch = run_batch(structure(model), (), np.zeros((0, 1)), 0)
    for name in ("level", "adjustment", "perceived"):
        np.testing.assert_allclose(batch.values[name][0], run[name], rtol=1e-9)


@pytest.mark.parametrize("call", sorted(set(CALLS) - {"INITIAL"}))
def test_a_loop_through_a_function_that_remembers_has_scores(call, load):
    dominance = sd.loop_dominance(load({**ADJUSTED, "perceived": CALLS[call]}))
    assert [loop.variables for loop in dominance.loops] == [("level", "perceived", "adjustment")]
    assert dominance.summary["share"].iloc[0] > 0.05
    assert set(dominance.loops[0].polarity) & set("BU")


def test_a_smooth_scores_as_the_stock_that_it_stands_for(load):
    short = sd.loop_dominance(load(ADJUSTED))
    written = {
        **ADJUSTED,
        "perceived": "INTEG(catching up, level)",
        "catching up": "(level - perceived) / 2",
    }
    long = sd.loop_dominance(load(written))
    through = next(loop for loop in long.loops if "level" in loop.variables)
    np.testing.assert_allclose(short.scores["B1"], long.scores[through.id], atol=1e-12)


def test_of_two_ways_through_a_delay_the_stronger_counts_at_each_step(load):
    """A third-order smooth is one way; its link score is the product along its three stages."""
    model = load({**ADJUSTED, "perceived": "SMOOTH3(level, 4)"})
    links = sd.loop_dominance(model).link_scores
    stages = {"perceived": "c", "c": "INTEG((b - c) * 3 / 4, level)", "b": "INTEG((a - b) * 3 / 4, level)",
              "a": "INTEG((level - a) * 3 / 4, level)"}  # fmt: skip
    written = sd.loop_dominance(load({**ADJUSTED, **stages})).link_scores
    product = written["level", "a"] * written["a", "b"] * written["b", "c"] * written["c", "perceived"]
    np.testing.assert_allclose(links["level", "perceived"], product, atol=1e-12)


def test_a_delay_time_that_is_changed_keeps_the_order_of_the_delay(load):
    model = load({**ADJUSTED, "lag": "0.6", "perceived": "DELAY3(level, lag)"})
    default, given = (
        sd.loop_dominance(model),
        load({**ADJUSTED, "lag": "6", "perceived": "DELAY3(level, lag)"}),
    )
    changed = sd.loop_dominance(model, {"lag": 6.0})
    np.testing.assert_allclose(changed.link_scores, sd.loop_dominance(given).link_scores, atol=1e-12)
    assert not np.allclose(changed.link_scores, default.link_scores)
    for call in (lambda: sd.simulate(model, {"lag": 0.7}), lambda: sd.loop_dominance(model, {"lag": 0.7})):
        with pytest.raises(
            SimulationError, match=r"'perceived': a delay of order 3 that lasts 0\.7 has stages"
        ):
            call()


def test_a_fixed_delay_acts_when_its_input_comes_out(load):
    links = sd.loop_dominance(load({**ADJUSTED, "perceived": "DELAY FIXED(level * 1.1, 2, 30)"})).link_scores
    acts = links["level", "perceived"] != 0
    assert not acts.loc[:2.0].any()
    assert acts.loc[3.0:].all()


def test_a_sample_passes_its_input_on_only_while_it_samples(load):
    model = load({**ADJUSTED, "perceived": "SAMPLE IF TRUE(Time < 5, level, 30)"})
    links = sd.loop_dominance(model).link_scores["level", "perceived"]
    assert (links.loc[1.0:5.0] != 0).any()
    assert (links.loc[6.0:] == 0).all()


def test_what_is_fixed_at_the_start_is_no_link(load):
    model = load({**ADJUSTED, "perceived": "level + 0.1 * INITIAL(level)"})
    assert sd.loop_dominance(model).link_scores["level", "perceived"].iloc[2] == pytest.approx(1.0)
    assert ("perceived", "level") not in sd.causal_graph(model).edges


@pytest.fixture
def arrays(tmp_path):
    path = tmp_path / "arrays.mdl"
    path.write_text(
        "{UTF-8}\nstage: young, old ~~|\nlevel[stage] = INTEG(gain[stage] - loss[stage], 10) ~~|\n"
        "gain[stage] = rate[stage] * total ~~|\nloss[stage] = 0.1 * level[stage] ~~|\n"
        "rate[stage] = 0.02, 0.04 ~~|\ntotal = SUM(level[stage!]) ~~|\n"
        "INITIAL TIME = 0 ~~|\nFINAL TIME = 10 ~~|\nTIME STEP = 0.5 ~~|\nSAVEPER = 1 ~~|\n",
        encoding="utf-8",
    )
    return sd.load(path)


def test_elements_of_arrays_have_loops_of_their_own(arrays):
    dominance = sd.loop_dominance(arrays)
    assert len(dominance.loops) == 4
    assert {name for loop in dominance.loops for name in loop.variables} == {
        "level[young]", "level[old]", "gain[young]", "gain[old]", "loss[young]", "loss[old]", "total",
    }  # fmt: skip
    assert len(dominance.partitions) == 1
    total = dominance.abs().sum(axis=1).iloc[2:]
    np.testing.assert_allclose(total, 1.0)


def test_an_element_may_be_changed_alone(arrays):
    one = sd.loop_dominance(arrays, {"rate[old]": 0.08})
    other = sd.loop_dominance(arrays, {"rate": 0.08})
    assert not np.allclose(one.to_numpy(), sd.loop_dominance(arrays).to_numpy())
    assert not np.allclose(one.to_numpy(), other.to_numpy())


def test_elements_are_spelled_in_messages_as_in_runs(arrays):
    steep = replace(arrays, settings=replace(arrays.settings, method="rk4"))
    with pytest.warns(SDWarning, match="Runge and Kutta"):
        sd.loop_dominance(steep)
    with pytest.warns(SDWarning, match=r"diverges: .*(level|gain)\[(young|old)\]"):
        sd.loop_dominance(arrays, {"rate": 1e60})


def test_a_change_is_the_change_of_a_run(load):
    model = load(ADJUSTED)
    dominance = sd.loop_dominance(model, {"level": 90.0, "FINAL TIME": 5.0})
    assert dominance.index[-1] == 5.0
    with pytest.raises(UnknownName, match="did you mean 'level'"):
        sd.loop_dominance(model, {"levl": 90.0})


def test_scores_keep_every_step_whatever_the_file_saves(load):
    dominance = sd.loop_dominance(load(ADJUSTED, step=0.25))
    np.testing.assert_allclose(np.diff(dominance.index), 0.25)


def test_a_row_may_be_labelled_by_the_start_of_its_step(load):
    model = load(ADJUSTED)
    end, start = (sd.loop_dominance(model, label=label) for label in ("end", "start"))
    np.testing.assert_allclose(end.index - 0.5, start.index)
    np.testing.assert_array_equal(end.to_numpy(), start.to_numpy())
    assert (end.attrs["label"], start.attrs["label"]) == ("end", "start")
    with pytest.raises(UnknownName, match="did you mean 'start'"):
        sd.loop_dominance(model, label="strat")


def test_an_equilibrium_is_told_with_its_time(load):
    model = load({"goal": "40 + STEP(20, 3)", "level": "INTEG((goal - level) / 0.5, 40)"})
    dominance = sd.loop_dominance(model)
    assert dominance.messages[0] == "no change in partition 1 from t=0 to t=3: scores are zero"
    assert (dominance.loc[:3.0] == 0).all(axis=None)
    still = sd.loop_dominance(load({"level": "INTEG((40 - level) / 5, 40)"}))
    assert still.messages == ("no change in partition 1: scores are zero throughout",)


def test_a_run_that_diverges_is_scored_up_to_its_last_finite_step(load):
    model = load({"level": "INTEG(level ^ 3, 2)"}, stop=50.0)
    with pytest.warns(SDWarning, match=r'loop scores end at time .*"level" = '):
        dominance = sd.loop_dominance(model)
    assert 1.0 < dominance.index[-1] < 50.0
    assert np.isfinite(dominance.to_numpy()).all()


def test_a_model_for_runge_and_kutta_is_scored_by_euler_and_says_so():
    model = sd.load("models/m0_seed.xmile")
    other = replace(model, settings=replace(model.settings, method="rk4"))
    changes = {"explanation pace ratio": 1.5}
    with pytest.warns(SDWarning, match=r"stocks differ by up to \S+ of their largest value"):
        dominance = sd.loop_dominance(other, changes)
    np.testing.assert_array_equal(dominance.to_numpy(), sd.loop_dominance(model, changes).to_numpy())


def test_what_only_the_reference_engine_runs_is_named(load):
    with pytest.raises((ModelError, NotCompiled), match="perceived"):
        sd.loop_dominance(load({**ADJUSTED, "perceived": "level * GET TIME VALUE(2, 0, 1)"}))


def test_variables_that_need_each_other_at_once_are_named():
    model = Model(
        "circle",
        {
            "a": Auxiliary("a", (Equation(Binary("+", Name("b"), Number(1.0))),)),
            "b": Auxiliary("b", (Equation(Binary("*", Name("a"), Number(0.5))),)),
        },
    )
    with pytest.raises(ModelError, match=r"need each other: .* -> .* -> "):
        sd.loop_dominance(model)
    with pytest.raises(LoopWithoutStock, match="a loop without a stock: a -> b -> a"):
        sd.find_loops(model)


def test_ids_are_those_of_the_structure():
    for stem in ("m0_seed", "m1_delays"):
        model = sd.load(f"models/{stem}.xmile")
        found = sd.find_loops(model)
        dominance = sd.loop_dominance(model, {"explanation pace ratio": 1.4})
        assert [(loop.id, loop.variables) for loop in dominance.loops] == [
            (loop.id, loop.variables) for loop in found
        ]
        assert list(dominance.columns) == [loop.id for loop in found]


def test_dominant_periods_cover_the_run_without_gaps():
    dominance = sd.loop_dominance(sd.load("models/m1_delays.xmile"))
    for number in (one.number for one in dominance.partitions):
        mine = dominance.dominant_periods[dominance.dominant_periods["partition"] == number]
        assert mine["start"].iloc[0] == 0.0
        assert mine["stop"].iloc[-1] == 42.0
        np.testing.assert_allclose(mine["stop"].to_numpy()[:-1], mine["start"].to_numpy()[1:])
        assert (mine["share"] >= 0.5 - 1e-9).all()


def test_a_model_with_too_many_loops_is_scored_on_a_sample_that_says_so():
    model = sd.load("models/m1_delays.xmile")
    whole = sd.loop_dominance(model)
    sample = sd.loop_dominance(model, limit=3)
    assert not sample.loops.complete
    assert sample.messages[0].startswith("a sample: ")
    assert 0 < sample.attrs["covered"] <= 1
    known = {frozenset(loop.links): loop.id for loop in whole.loops}
    strongest = whole.summary["share"].drop("B2").idxmax()
    there = {known[frozenset(loop.links)]: loop.id for loop in sample.loops}
    assert strongest in there
    missing = sum(whole.summary["share"][loop] for loop in known.values() if loop not in there)
    assert missing < 0.01
    assert abs(sample.summary["share"][there[strongest]] - whole.summary["share"][strongest]) < 0.02


def test_a_part_of_the_columns_is_a_plain_table(load):
    dominance = sd.loop_dominance(load(ADJUSTED))
    assert type(dominance[["B1"]]) is type(dominance.link_scores)
    assert dominance.loops[0].name == "level loop"
