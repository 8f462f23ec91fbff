"""Two labs that explain one frontier: level and open they are M1, and rivalry does what the story says."""

from __future__ import annotations

import numpy as np
import pytest

import sdtheory as sd

DRAWS = 200
RIVALRY = ("initial lead of A", "withheld by A", "withheld by B", "imitation rate", "race response")
TWINS = (
    "capability",
    "understanding",
    "published theory",
    "internal theory",
    "adopted theory",
    "search space",
    "trial rate",
)


@pytest.fixture(scope="module")
def model(ladder):
    return ladder["m5_two_labs", "xmile"]


@pytest.fixture(scope="module")
def loops(model):
    run = sd.simulate(model, {"initial lead of A": 1.0, "imitation rate": 0.2, "race response": 0.1})
    return sd.find_loops(sd.causal_graph(model, run))


def of(lab, word):
    return f"{word} {'by' if word == 'understanding' else 'of'} {lab}"


def test_level_and_open_labs_are_m1(ladder, model, futures):
    """However researchers are split over the labs: no lead, nothing withheld, memos as slow as papers."""
    columns = futures(model, DRAWS, seed=4)
    shared = {name: column for name, column in columns.items() if name in ladder["m1_delays", "xmile"]}
    columns |= {name: np.zeros(DRAWS) for name in RIVALRY}
    columns["internal delay"] = columns["publication delay"]
    names = {
        "frontier": "capability",
        "understanding": "understanding",
        "understanding gap": "understanding gap",
    }
    labs = sd.simulate_many(model, columns, outputs=[*names, "capability of B"], save_every=1)
    one = sd.simulate_many(ladder["m1_delays", "xmile"], shared, outputs=list(names.values()), save_every=1)
    for name, plain in names.items():
        np.testing.assert_allclose(labs[name], one[plain], rtol=1e-9, err_msg=name)
    np.testing.assert_allclose(labs["capability of B"], one["capability"], rtol=1e-9)


def test_at_the_defaults_the_labs_are_m1_to_the_last_digits(ladder, model):
    one, labs = sd.simulate(ladder["m1_delays", "xmile"]), sd.simulate(model)
    np.testing.assert_allclose(labs["capability of A"], one["capability"], rtol=1e-14)
    np.testing.assert_allclose(labs["understanding"], one["understanding"], rtol=1e-14)


def test_identical_labs_stay_identical_bit_by_bit(model, futures):
    columns = futures(model, DRAWS, seed=5)
    columns |= {"lab A share": np.full(DRAWS, 0.5), "initial lead of A": np.zeros(DRAWS)}
    columns["withheld by B"] = columns["withheld by A"]
    outputs = [of(lab, word) for lab in "AB" for word in TWINS]
    runs = sd.simulate_many(model, columns, outputs=outputs, save_every=1)
    for word in TWINS:
        np.testing.assert_array_equal(runs[of("A", word)], runs[of("B", word)], err_msg=word)


def test_imitation_closes_a_lag(model):
    lags = []
    for rate in (0.0, 0.25, 0.5):
        run = sd.simulate(model, {"initial lead of A": 3.0, "imitation rate": rate})
        lags.append((run["capability of A"] - run["capability of B"]).loc[1:])
    assert (lags[0] > lags[1]).all() and (lags[1] > lags[2]).all()


def test_in_a_race_the_laggard_tries_harder_by_as_much_as_the_leader_rests(model, futures):
    columns = futures(model, DRAWS, seed=6)
    outputs = ["race effort of A", "race effort of B", "capability of A", "capability of B"]
    runs = sd.simulate_many(model, columns, outputs=outputs, save_every=1)
    effort, other, ahead, behind = (runs[name].values for name in outputs)
    np.testing.assert_allclose(effort * other, 1, rtol=1e-12)
    assert ((effort >= 1) == (behind >= ahead)).all()


def test_a_lab_that_withholds_holds_the_other_back_and_safety_work_with_it(model):
    base, secret = sd.simulate(model), sd.simulate(model, {"withheld increase A": 0.5})
    later = base.index > 3
    assert (secret["capability of B"][later] < base["capability of B"][later]).all()
    assert (secret["safety gap"][later] > base["safety gap"][later]).all()
    assert (secret["capability of A"] >= secret["capability of B"]).all()


def spillover(a, b):
    """What one lab publishes speeds up the other, whose systems the first then explains."""
    search = {f"{w} of {b}" for w in ("adopted theory", "adopted share", "map effect", "search space")}
    grown = {
        f"adoption by {b}",
        f"capability growth of {b}",
        f"capability of {b}",
        "frontier",
        "opaque share",
    }
    written = {
        f"understanding by {a}",
        f"publication by {a}",
        f"published theory of {a}",
        f"explanation by {a}",
    }
    return search | grown | written


def effort(lab):
    return {f"{word} of {lab}" for word in ("race effort", "trial rate", "capability growth", "capability")}


@pytest.mark.parametrize(
    ("members", "polarity"),
    [
        (spillover("A", "B"), "R"),
        (spillover("B", "A"), "R"),
        ({"capability of B", "imitation by B", "capability growth of B"}, "B"),
        (effort("A"), "B"),
        (effort("B"), "B"),
        (effort("A") | effort("B"), "R"),
    ],
    ids=["spillover from A", "spillover from B", "imitation", "race of A", "race of B", "race across labs"],
)
def test_labs_are_tied_by_the_loops_of_the_story(loops, members, polarity):
    found = [loop for loop in loops if set(loop.variables) == members]
    assert [loop.polarity for loop in found] == [polarity]
