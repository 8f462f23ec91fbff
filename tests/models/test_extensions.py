"""Three switches on top of M4: off they are M4, and on they do what they say and no more."""

from __future__ import annotations

import numpy as np
import pytest

import sdtheory as sd

DRAWS = 200
M4_POLICIES = {
    "theorist boost": 0.5,
    "withheld increase": 0.5,
    "gate strength": 1.0,
    "embargo": 3.0,
    "spectrum tilt": 1.0,
}


@pytest.fixture(scope="module")
def model(ladder):
    return ladder["m5_extensions", "xmile"]


@pytest.fixture(scope="module")
def paradigms(ladder):
    return ladder["m4_paradigms", "xmile"]


@pytest.mark.parametrize("changes", [{}, M4_POLICIES], ids=["baseline", "policies"])
def test_with_every_switch_off_the_numbers_are_those_of_m4(model, paradigms, futures, changes):
    columns = futures(paradigms, DRAWS, seed=4)
    columns |= {name: np.full(DRAWS, value) for name, value in changes.items()}
    outputs = list(sd.simulate(paradigms, stop=0.0625).columns)
    plain, extended = (
        sd.simulate_many(m, columns, outputs=outputs, save_every=1) for m in (paradigms, model)
    )
    assert (plain["status"] == "ok").all()
    for name in outputs:
        # a signal that passes through zero is compared with the size it has at other times
        size = abs(plain[name].values).max()
        np.testing.assert_allclose(extended[name], plain[name], rtol=1e-9, atol=1e-9 * size, err_msg=name)


@pytest.mark.parametrize(
    ("switch", "others"),
    [
        ("paradigm shift loss", {"paradigm shift level": 24.0, "paradigm shift time": 0.25}),
        ("throughput curvature", {"labour exponent": 0.8, "substitution exponent": -1.0}),
        ("steering", {"steering cost": 0.5}),
    ],
)
def test_a_switch_that_is_off_leaves_no_trace(model, switch, others):
    kept = ["capability", "understanding", "safety gap", "people", "trial rate"]
    base = sd.simulate(model, outputs=kept)
    assert sd.simulate(model, {switch: 0.0, **others}, outputs=kept).equals(base)


def shift_alone(model, time_step):
    """Specific understanding that nothing but the shift takes away, and nothing adds to."""
    changes = {"portable fraction": 1.0, "obsolescence specific": 0.0, "paradigm shift loss": 0.6}
    return sd.simulate(
        model, {**changes, "specific understanding": 4.0}, stop=40, time_step=time_step, save_every=1
    )


def test_the_shift_voids_its_share_once_whatever_the_time_step(model):
    run = shift_alone(model, 0.0625)
    assert (np.diff(run["paradigm shift progress"]) >= 0).all()
    assert run["paradigm shift progress"].iloc[0] == 0
    assert run["paradigm shift progress"].iloc[-1] == pytest.approx(1, abs=1e-9)
    left = [shift_alone(model, step)["specific understanding"].iloc[-1] for step in (0.0625, 0.0078125)]
    assert left[0] == pytest.approx(0.4 * 4, rel=0.05)
    assert left[1] == pytest.approx(0.4 * 4, rel=0.01)


def test_a_start_beyond_the_level_has_the_shift_behind_it(model, futures):
    columns = futures(model, DRAWS, seed=6)
    columns["paradigm shift level"] = columns["initial capability"] - 2
    runs = sd.simulate_many(model, columns, outputs=["shift loss", "paradigm shift progress"], save_every=1)
    assert (runs["shift loss"].values == 0).all()
    assert (runs["paradigm shift progress"].values == 1).all()


def test_a_shift_voids_specific_understanding_and_none_that_is_portable(model):
    changes = {"paradigm shift level": 22.0, "paradigm shift loss": 0.9}
    base, shifted = sd.simulate(model), sd.simulate(model, changes)
    during = shifted.index[(shifted["shift loss"] > 0)][1:3]
    assert (shifted.loc[during, "specific understanding"] < base.loc[during, "specific understanding"]).all()
    assert (shifted.loc[during, "portable understanding"] >= base.loc[during, "portable understanding"]).all()
    assert shifted.loc[12, "understanding gap"] > base.loc[12, "understanding gap"]


def test_the_combined_throughput_lies_between_its_two_parts(model, futures):
    columns = {**futures(model, DRAWS, seed=8), "throughput curvature": np.ones(DRAWS)}
    outputs = ["relative labour", "relative compute", "combined throughput", "experiment throughput"]
    runs = sd.simulate_many(model, columns, outputs=outputs, stop=12, save_every=1)
    labour = runs["relative labour"].values ** columns["labour exponent"][:, None]
    compute = runs["relative compute"].values ** columns["compute exponent"][:, None]
    combined = runs["combined throughput"].values
    assert (combined >= np.minimum(labour, compute) * (1 - 1e-12)).all()
    assert (combined <= np.maximum(labour, compute) * (1 + 1e-12)).all()
    np.testing.assert_allclose(runs["experiment throughput"], combined, rtol=1e-12)


@pytest.mark.parametrize("curvature", [0.0, 0.5, 1.0])
def test_trials_grow_at_the_start_as_effort_does_in_either_form(model, curvature):
    """Where people grow at their own pace: no automation, and talent without end."""
    step = 2.0**-12
    steady = {"automation of experiments": 0.0, "talent pool multiple": 1e9, "labour growth": 0.08}
    run = sd.simulate(
        model, {**steady, "throughput curvature": curvature}, stop=step, time_step=step, save_every=step
    )
    growth = np.log(run["experiment throughput"].iloc[1]) / step
    assert growth == pytest.approx(run["effort growth"].iloc[0], rel=1e-3)


def test_what_helps_search_is_part_of_what_is_understood(model, futures):
    columns = {**futures(model, DRAWS, seed=9), "steering": np.full(DRAWS, 0.5)}
    outputs = ["search relevant understanding", "understanding", "search relevant published theory"]
    runs = sd.simulate_many(model, columns, outputs=[*outputs, "published theory"], save_every=1)
    relevant, understanding, in_print, published = (runs[n].values for n in (*outputs, "published theory"))
    assert (relevant >= 0).all() and (relevant <= understanding * (1 + 1e-9)).all()
    assert (in_print <= published * (1 + 1e-9)).all()


def test_safety_work_reads_what_search_does_not(model):
    """Where theory speeds nothing up and steering costs nothing, the gaps are those without steering."""
    free = {"search leverage": 0.0, "born understood": 0.0, "steering cost": 0.0}
    kept = ["capability", "understanding", "safety gap", "understanding gap"]
    base = sd.simulate(model, free, outputs=kept)
    steered = sd.simulate(model, {**free, "steering": 1.0}, outputs=[*kept, "search relevant understanding"])
    np.testing.assert_allclose(steered[kept], base[kept], rtol=1e-12)
    assert steered["search relevant understanding"].iloc[-1] < base["understanding"].iloc[-1] / 2


def test_steered_theory_slows_search(model):
    base, steered = sd.simulate(model), sd.simulate(model, {"steering": 0.5})
    assert (steered.loc[3:, "capability"] < base.loc[3:, "capability"]).all()
    assert (steered.loc[:2, "capability"] == base.loc[:2, "capability"]).all()
