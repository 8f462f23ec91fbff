"""What a policy makes of a model, seen in runs."""

import numpy as np
import pytest

import sdtheory as sd
from sdtheory.errors import ExperimentError
from sdtheory.experiments.policy import Amount, LookupChange, Policy, Pulse, Ramp, Step, apply, faults
from sdtheory.model.expression import Name, Number
from sdtheory.model.model import Constant, Equation, Flow, Model, SimulationSettings, Stock


@pytest.fixture(scope="module")
def model():
    return sd.load("models/m0_seed.xmile")


def _over_time(model, *changes, name="search leverage"):
    changed = apply(Policy("p", changes=changes), model)
    return sd.simulate(changed, outputs=[name], stop=8.0, save_every=0.5)[name]


def test_a_setting_holds_for_the_whole_run(model):
    changed = apply(Policy("p", set={"Search Leverage": 3.0}), model)
    assert (sd.simulate(changed, outputs=["search leverage"])["search leverage"] == 3.0).all()


def test_a_setting_of_a_stock_is_its_initial_value(model):
    changed = apply(Policy("p", set={"capability": 7.0}), model)
    assert sd.simulate(changed, outputs=["capability"])["capability"].iloc[0] == 7.0


def test_a_step_acts_from_its_time_on(model):
    series = _over_time(model, Step("search leverage", Amount("times", 2.0), 2.0))
    assert (series[series.index < 2.0] == 1.5).all()
    assert (series[series.index >= 2.0] == 3.0).all()


def test_a_ramp_is_straight_and_then_held(model):
    series = _over_time(model, Ramp("search leverage", Amount("to", 3.5), 2.0, 6.0))
    expected = np.interp(series.index, [2.0, 6.0], [1.5, 3.5])
    np.testing.assert_allclose(series, expected, atol=1e-6)


def test_a_pulse_lasts_for_its_width_and_comes_again(model):
    series = _over_time(model, Pulse("search leverage", Amount("by", 1.0), 1.0, 1.0, every=3.0))
    on = series.index[series == 2.5]
    assert list(on) == [1.0, 1.5, 4.0, 4.5, 7.0, 7.5]


def test_a_lookup_makes_a_variable_a_graph_of_time(model):
    series = _over_time(model, LookupChange("search leverage", ((0.0, 1.0), (4.0, 3.0))))
    np.testing.assert_allclose(series, np.interp(series.index, [0.0, 4.0], [1.0, 3.0]))


def test_the_model_itself_stays_as_it_was(model):
    before = model["search leverage"]
    apply(Policy("p", set={"search leverage": 9.0}), model)
    assert model["search leverage"] is before


def test_a_stock_is_not_changed_in_the_middle_of_a_run(model):
    wrong = faults(Policy("p", changes=(Step("capability", Amount("to", 1.0), 2.0),)), model)
    assert len(wrong) == 1
    assert "a stock changes only through its flows" in wrong[0]


def test_two_changes_at_the_same_time_are_refused(model):
    policy = Policy(
        "p",
        set={"embargo": 1.0, "theorist bost": 2.0},
        changes=(
            Step("search leverage", Amount("to", 1.0), 2.0),
            Step("Search_leverage", Amount("to", 2.0), 4.0),
        ),
    )
    with pytest.raises(ExperimentError) as caught:
        apply(policy, model)
    assert "'theorist bost'; did you mean 'theorist boost'" in str(caught.value)
    assert "changes 'Search_leverage' twice at the same time" in str(caught.value)


def test_pulses_one_after_the_other_may_change_one_variable(model):
    pulses = (
        Pulse("search leverage", Amount("to", 3.0), 1.0, 1.0),
        Pulse("search leverage", Amount("to", 4.0), 5.0, 1.0),
    )
    series = _over_time(model, *pulses)
    assert (series[1.5], series[3.0], series[5.5], series[7.0]) == (3.0, 1.5, 4.0, 1.5)


def test_a_change_acts_on_a_flow_too():
    stock = Stock("level", (Equation(Name("inflow"), initial=Number(0.0)),), inflows=("inflow",))
    small = Model(
        "small",
        {
            "level": stock,
            "inflow": Flow("inflow", (Equation(Name("pace")),)),
            "pace": Constant("pace", (Equation(Number(1.0)),)),
        },
        SimulationSettings(Number(0.0), Number(4.0), Number(0.5), Number(0.5)),
    )
    changed = apply(Policy("p", changes=(Step("inflow", Amount("to", 3.0), 2.0),)), small)
    assert sd.simulate(changed)["level"].iloc[-1] == 2.0 * 1.0 + 2.0 * 3.0
