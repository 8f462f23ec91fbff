"""Laws of loop scores, on models made by hypothesis and on models whose scores are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from generated_models import models
from hypothesis import given, settings
from hypothesis import strategies as st

import sdtheory as sd
from sdtheory.feedback.dominance_runs import run_batch, structure
from sdtheory.model.expression import Binary, Call, Name, Number, substitute
from sdtheory.model.model import Auxiliary, Constant, Equation, Flow, Model, SimulationSettings, Stock
from sdtheory.names import canonical


def _euler(stop, step):
    return SimulationSettings(stop=Number(stop), time_step=Number(step), save_every=Number(step))


def logistic(step=0.5, start=1.0, rate=0.1, capacity=100.0):
    births = Binary("*", Name("r"), Name("x"))
    deaths = Binary("/", Binary("*", Binary("*", Name("r"), Name("x")), Name("x")), Name("capacity"))
    net = Binary("-", Name("births"), Name("deaths"))
    return Model(
        "logistic",
        {
            "r": Constant("r", (Equation(Number(rate)),)),
            "capacity": Constant("capacity", (Equation(Number(capacity)),)),
            "births": Flow("births", (Equation(births),)),
            "deaths": Flow("deaths", (Equation(deaths),)),
            "x": Stock(
                "x", (Equation(net, initial=Number(start)),), inflows=("births",), outflows=("deaths",)
            ),
        },
        _euler(120.0, step),
    )


@settings(max_examples=10, deadline=None)
@given(st.floats(0.02, 0.3), st.floats(0.5, 20.0), st.sampled_from([0.25, 0.5, 1.0]))
def test_logistic_growth_has_the_scores_that_can_be_written_down(rate, start, step):
    model = logistic(step, start, rate)
    x = sd.simulate(model, save_every=step)["x"].to_numpy()
    dominance = sd.loop_dominance(model)
    expected = 1 / (1 + (x[1:] + x[:-1]) / 100.0)
    moves = np.abs(np.diff(x)) > 1e-4  # above it rounding has less than 1e-9 of the change
    assert moves.sum() > 10
    np.testing.assert_allclose(dominance["R1"].to_numpy()[1:][moves], expected[moves], atol=1e-9, rtol=0)
    np.testing.assert_allclose(dominance["B1"].to_numpy()[1:][moves], expected[moves] - 1, atol=1e-9, rtol=0)


def test_growth_and_limit_are_equal_where_the_mean_of_neighbours_is_half_the_capacity():
    dominance = sd.loop_dominance(logistic())
    x = sd.simulate(logistic(), save_every=0.5)["x"].to_numpy()
    above = (x[1:] + x[:-1]) / 2 > 50.0
    stronger = dominance["B1"].abs().to_numpy()[1:] > dominance["R1"].to_numpy()[1:]
    assert (above == stronger).all()
    assert above.any() and not above.all()


@settings(max_examples=15, deadline=None)
@given(models(delays=True))
def test_shares_in_a_partition_sum_to_one_or_nothing_changes(model):
    dominance = sd.loop_dominance(model)
    for partition in dominance.partitions:
        total = dominance[list(partition.loops)].abs().sum(axis=1).to_numpy()
        assert ((np.abs(total - 1) < 1e-9) | (total == 0)).all()
    assert np.isfinite(dominance.to_numpy()).all()
    assert (dominance.iloc[0] == 0).all()


@settings(max_examples=15, deadline=None)
@given(models(delays=True))
def test_a_loop_that_is_alone_in_its_partition_has_all_of_the_change(model):
    dominance = sd.loop_dominance(model)
    for partition in dominance.partitions:
        if len(partition.loops) == 1:
            assert set(np.round(dominance[partition.loops[0]].abs(), 12)) <= {0.0, 1.0}


@settings(max_examples=15, deadline=None)
@given(models(delays=True))
def test_bringing_states_into_the_open_changes_no_value(model):
    prepared = structure(model)
    batch = run_batch(prepared, (), np.zeros((0, 1)), 0)
    run = sd.simulate(model, engine="vectorised")
    for variable in model:
        series = batch.values[canonical(variable.name)][0]
        np.testing.assert_allclose(series, run[variable.name], rtol=1e-9, atol=1e-9)


@settings(max_examples=15, deadline=None)
@given(models(delays=True), st.randoms(use_true_random=False))
def test_the_order_of_variables_changes_no_score(model, random):
    names = list(model.variables)
    random.shuffle(names)
    other = replace(model, variables={name: model.variables[name] for name in names})
    one, two = sd.loop_dominance(model), sd.loop_dominance(other)
    there = {_turned(loop.variables): two[loop.id] for loop in two.loops}
    assert set(there) == {_turned(loop.variables) for loop in one.loops}
    for loop in one.loops:
        np.testing.assert_allclose(one[loop.id], there[_turned(loop.variables)], atol=1e-9)


def _turned(cycle):
    start = cycle.index(min(cycle))
    return cycle[start:] + cycle[:start]


@settings(max_examples=10, deadline=None)
@given(models(), models())
def test_an_unrelated_part_changes_no_score(model, other):
    def renamed(name):
        return name if canonical(name) == "time" else f"other {name}"

    def apart(tree):
        return substitute(tree, lambda name: Name(renamed(name.name)))

    variables = dict(model.variables)
    for variable in other:
        (equation,) = variable.equations
        initial = equation.initial and apart(equation.initial)
        moved = replace(
            variable,
            name=renamed(variable.name),
            equations=(Equation(apart(equation.expression), initial=initial),),
        )
        if isinstance(moved, Stock):
            moved = replace(
                moved,
                inflows=tuple(map(renamed, moved.inflows)),
                outflows=tuple(map(renamed, moved.outflows)),
            )
        variables[moved.name] = moved
    alone, together = sd.loop_dominance(model), sd.loop_dominance(replace(model, variables=variables))
    there = {loop.variables: together[loop.id] for loop in together.loops}
    for loop in alone.loops:
        np.testing.assert_allclose(alone[loop.id], there[loop.variables], atol=1e-9)


@settings(max_examples=10, deadline=None)
@given(models())
def test_a_variable_split_in_two_by_a_copy_changes_no_score(model):
    auxiliaries = [variable for variable in model if isinstance(variable, Flow)]
    chosen = auxiliaries[0]
    copied = Auxiliary("copy", chosen.equations)
    through = replace(chosen, equations=(Equation(Name("copy")),))
    variables = {**model.variables, chosen.name: through, "copy": copied}
    one, two = sd.loop_dominance(model), sd.loop_dominance(replace(model, variables=variables))
    there = {
        _turned(tuple(name for name in loop.variables if name != "copy")): two[loop.id] for loop in two.loops
    }
    for loop in one.loops:
        np.testing.assert_allclose(one[loop.id], there[_turned(loop.variables)], atol=1e-9)


@pytest.mark.parametrize("factor", [1000.0, 1e-6])
def test_a_change_of_units_changes_no_score(factor):
    model = logistic(start=1.0)
    other = logistic(start=factor, capacity=100.0 * factor)
    np.testing.assert_allclose(
        sd.loop_dominance(model).to_numpy(), sd.loop_dominance(other).to_numpy(), atol=1e-9
    )


def test_a_chain_without_feedback_has_no_loops():
    model = Model(
        "chain",
        {
            "inflow": Flow("inflow", (Equation(Number(1.0)),)),
            "level": Stock("level", (Equation(Name("inflow"), initial=Number(0.0)),), inflows=("inflow",)),
            "seen": Auxiliary("seen", (Equation(Binary("*", Name("level"), Number(2.0))),)),
        },
        _euler(4.0, 1.0),
    )
    dominance = sd.loop_dominance(model)
    assert dominance.shape == (5, 0)
    assert dominance.loops == []
    assert dominance.messages == ("no feedback loops: no path leads from any variable back to itself",)


def test_the_score_of_a_flow_into_its_stock_follows_the_change_of_the_net_rate():
    """In 5 -> 10 and out 4 -> 5 in one step: 1.25 and 0.25 of the change of the net rate (2023 form)."""
    grown = Binary("*", Name("level"), Binary("+", Number(5.0), Binary("*", Number(5.0), Name("time"))))
    shrunk = Binary("*", Name("level"), Binary("+", Number(4.0), Name("time")))
    net = Binary("-", Name("inflow"), Name("outflow"))

    def at_one(tree):  # as if the level were 1 throughout, but with the links of feedback
        return substitute(tree, lambda name: Name("one") if name.name == "level" else None)

    held = Binary("+", Number(1.0), Binary("*", Number(0.0), Name("level")))
    model = Model(
        "flows",
        {
            "one": Auxiliary("one", (Equation(held),)),
            "inflow": Flow("inflow", (Equation(at_one(grown)),)),
            "outflow": Flow("outflow", (Equation(at_one(shrunk)),)),
            "level": Stock(
                "level", (Equation(net, initial=Number(0.0)),), inflows=("inflow",), outflows=("outflow",)
            ),
        },
        _euler(1.0, 1.0),
    )
    links = sd.loop_dominance(model).link_scores
    assert links["inflow", "level"].iloc[1] == pytest.approx(1.25, abs=1e-12)
    assert links["outflow", "level"].iloc[1] == pytest.approx(-0.25, abs=1e-12)


def test_with_one_stock_the_scores_are_the_pathway_participation_metric():
    """The share of each path in the stock's second derivative (Mojtahedzadeh et al. 2004)."""
    step = 0.001
    model = logistic(step)
    model = replace(model, settings=_euler(60.0, step))
    dominance = sd.loop_dominance(model)
    x = sd.simulate(model, outputs=["x"], save_every=step)["x"].to_numpy()
    growth, limit = 0.1, -2 * 0.1 * x / 100.0
    participation = growth / (growth + np.abs(limit))
    np.testing.assert_allclose(dominance["R1"].to_numpy()[1:], participation[1:], atol=2e-5)


def test_halving_the_step_halves_the_distance_from_the_continuous_score():
    errors = []
    for step in (0.5, 0.25, 0.125):
        model = replace(logistic(step), settings=_euler(40.0, step))
        x = sd.simulate(model, outputs=["x"], save_every=step)["x"].to_numpy()
        continuous = 1 / (1 + 2 * x / 100.0)
        found = sd.loop_dominance(model)["R1"].to_numpy()
        errors.append(np.abs(found[1:] - continuous[1:]).max())
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.15)
    assert errors[1] / errors[2] == pytest.approx(2, rel=0.15)


def test_a_loop_whose_links_never_act_together_scores_nothing():
    def while_(early, rate):
        on = Binary("<" if early else ">=", Name("time"), Number(5.0))
        return Call("if_then_else", (on, rate, Number(0.0)))

    a_rate = while_(True, Binary("*", Name("b"), Number(0.1)))
    b_rate = while_(False, Binary("*", Name("a"), Number(0.2)))
    model = Model(
        "decoupled",
        {
            "a rate": Flow("a rate", (Equation(a_rate),)),
            "b rate": Flow("b rate", (Equation(b_rate),)),
            "a": Stock("a", (Equation(Name("a rate"), initial=Number(10.0)),), inflows=("a rate",)),
            "b": Stock("b", (Equation(Name("b rate"), initial=Number(5.0)),), inflows=("b rate",)),
        },
        _euler(10.0, 0.25),
    )
    dominance = sd.loop_dominance(model)
    assert len(dominance.loops) == 1
    assert (dominance["R1"] == 0).all()


@pytest.mark.parametrize("offset", [0.0, 0.1, 1e-7])
def test_rounding_has_no_scores(offset):
    """Two stocks that grow alike have a constant ratio, whose changes are rounding alone."""
    ratio = Binary("-", Binary("/", Name("a"), Name("b")), Number(offset))
    wide = Binary("*", Name("ratio"), Number(1e6))
    a_rate = Binary("+", Binary("*", Name("a"), Number(0.03)), Binary("*", Number(0.0), Name("pull")))
    variables = {
        "ratio": Auxiliary("ratio", (Equation(ratio),)),
        "pull": Auxiliary("pull", (Equation(wide),)),
        "a rate": Flow("a rate", (Equation(a_rate),)),
        "b rate": Flow("b rate", (Equation(Binary("*", Name("b"), Number(0.03))),)),
        "a": Stock("a", (Equation(Name("a rate"), initial=Number(0.7)),), inflows=("a rate",)),
        "b": Stock("b", (Equation(Name("b rate"), initial=Number(7.3)),), inflows=("b rate",)),
    }
    model = Model("ratios", variables, _euler(200.0, 0.5))
    run = sd.simulate(model, save_every=0.5)
    assert (np.diff(run["ratio"]) != 0).any(), "the ratio must show rounding for the test to mean anything"
    links = sd.loop_dominance(model).link_scores
    assert (links["a", "ratio"] == 0).all()
    assert (links["ratio", "pull"] == 0).all()


def test_yeast_is_driven_by_growth_then_by_two_limits_then_by_the_last():
    """The order of phases that Schoenberg et al. 2020 print for Saleh's yeast model."""

    def times(*parts):
        tree = parts[0]
        for part in parts[1:]:
            tree = Binary("*", tree, part)
        return tree

    def over(a, b):
        return Binary("/", a, b)

    cells, alcohol = Name("cells"), Name("alcohol")
    births = over(times(cells, Binary("-", Number(1.1), times(Number(0.1), alcohol))), Name("division time"))
    deaths = over(times(cells, Call("exp", (Binary("-", alcohol, Number(11.0)),))), Name("lifetime"))
    variables = {
        "division time": Constant("division time", (Equation(Number(15.0)),)),
        "lifetime": Constant("lifetime", (Equation(Number(30.0)),)),
        "births": Flow("births", (Equation(births),)),
        "deaths": Flow("deaths", (Equation(deaths),)),
        "generation": Flow("generation", (Equation(times(cells, Number(0.01))),)),
        "cells": Stock(
            "cells",
            (Equation(Binary("-", Name("births"), Name("deaths")), initial=Number(1.0)),),
            inflows=("births",),
            outflows=("deaths",),
        ),
        "alcohol": Stock(
            "alcohol", (Equation(Name("generation"), initial=Number(0.0)),), inflows=("generation",)
        ),
    }
    dominance = sd.loop_dominance(Model("yeast", variables, _euler(100.0, 0.25)))
    known = {loop.id: set(loop.variables) - {"cells"} for loop in dominance.loops}
    alone = [loops[0] for loops in dominance.dominant_periods["loops"] if len(loops) == 1]
    assert [known[loop] for loop in alone] == [
        {"births"},
        {"generation", "alcohol", "births"},
        {"generation", "alcohol", "deaths"},
        {"deaths"},
    ]
    phases = dominance.dominant_periods["polarity"].tolist()
    assert phases[0] == "R" and set(phases[1:]) == {"B"}
