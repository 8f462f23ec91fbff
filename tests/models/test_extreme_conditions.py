"""The rungs under conditions that no future should meet: finite, within bounds, and as the story says."""

from __future__ import annotations

import numpy as np
import pytest

import sdtheory as sd

WITH_AREAS = ("m2_search_space", "m3_spectrum", "m4_paradigms", "m5_extensions")
RUNGS = ("m0_seed", "m1_delays", *WITH_AREAS, "m5_two_labs")
WITH_ROLES = WITH_AREAS[1:]
WITH_GATE = WITH_AREAS[2:]
ROLES = ("theorist", "mostlytheory", "mixed", "mostlyexperiment", "experimenter")
ORIENTATION = np.array([1.0, 0.75, 0.5, 0.25, 0.0])
DRAWS = 500
# sums that end a hair beyond their bound by rounding are within it
HAIR = 1e-9


def every_column(model):
    return list(sd.simulate(model, stop=0.0625).columns)


def boosted(model, boost):
    """The boost of theorists in every future, in both labs where there are two."""
    names = ("theorist boost", "theorist boost A", "theorist boost B")
    return {name: np.full(DRAWS, boost) for name in names if name in model}


@pytest.mark.parametrize("rung", RUNGS)
@pytest.mark.parametrize("corners", [False, True], ids=["draws", "corners"])
@pytest.mark.parametrize("boost", [0.0, 0.5])
def test_in_wild_futures_everything_stays_finite_and_within_its_bounds(ladder, futures, rung, corners, boost):
    model = ladder[rung, "xmile"]
    columns = {**futures(model, DRAWS, seed=7, corners=corners), **boosted(model, boost)}
    outputs = every_column(model)
    runs = sd.simulate_many(model, columns, outputs=outputs, save_every=1)
    assert (runs["status"] == "ok").all()
    for name in outputs:
        assert np.isfinite(runs[name].values).all(), name
        if name.startswith(("people[", "effective people[")):
            assert (runs[name].values >= 0).all(), name
        if name in ("capability", "capability of A", "capability of B"):
            assert (np.diff(runs[name].values, axis=1) >= 0).all(), name
    assert (runs["theorist productivity"].values > 0).all()
    understood_between_nothing_and_all(model, columns, corners)


def understood_between_nothing_and_all(model, columns, corners):
    """Understanding loses at most omega times the relative growth of what there is to understand.

    So an Euler step keeps it positive where that at most doubles within the step. In a few corners, with
    benchmarks that stop growth and let it loose again, it does not: outside the story, and counted.
    """
    name = next(name for name in ("phenomena", "frontier", "capability") if name in model)
    runs = sd.simulate_many(model, columns, outputs=[name, "understanding"], save_every=0.0625)
    whole, understanding = runs[name].values, runs["understanding"].values
    resolved = (whole[:, 1:] <= 2 * whole[:, :-1]).all(axis=1)
    assert resolved.mean() >= (0.99 if corners else 1)
    assert (understanding[resolved] >= 0).all()
    assert (understanding[resolved] <= whole[resolved] * (1 + HAIR)).all()


def by_role(run, name):
    return run[[f"{name}[{role}]" for role in ROLES]].to_numpy()


@pytest.mark.parametrize("rung", WITH_ROLES)
def test_without_theorists_only_the_in_between_explain(ladder, rung):
    run = sd.simulate(ladder[rung, "xmile"], {"theorist boost": -1.0}).loc[2:]
    start = by_role(run, "initial people")[0]
    scale = (start * ORIENTATION).sum() / (start * ORIENTATION**2).sum()
    kept = by_role(run, "people") * np.maximum(0, 1 - scale * ORIENTATION)
    np.testing.assert_allclose(run["theory labour"], kept @ ORIENTATION, rtol=1e-12)
    assert (run["theory labour"] >= 0).all()
    assert np.isfinite(run.to_numpy()).all()


@pytest.mark.parametrize("rung", WITH_ROLES)
def test_without_experimenters_only_the_in_between_try(ladder, rung):
    run = sd.simulate(ladder[rung, "xmile"], {"experimenter boost": -1.0}).loc[2:]
    kept = by_role(run, "people") * ORIENTATION
    np.testing.assert_allclose(run["experiment labour"], kept @ (1 - ORIENTATION), rtol=1e-12)
    assert np.isfinite(run.to_numpy()).all()


@pytest.mark.parametrize("rung", WITH_ROLES)
@pytest.mark.parametrize("focus", [0.25, 1.0, 8.0])
def test_the_boost_adds_the_same_theory_labour_whatever_its_focus(ladder, rung, focus):
    changes = {"theorist boost": 0.5, "boost focus": focus, "specialisation": 1.4, "policy start": 0.0}
    run = sd.simulate(ladder[rung, "xmile"], changes, stop=1).iloc[0]
    assert run["theory labour"] == pytest.approx(1.5 * run["initial theory labour"], rel=1e-12)


@pytest.mark.parametrize("rung", WITH_ROLES)
def test_conversion_keeps_the_head_count(ladder, rung):
    changes = {"theorist boost": 0.2, "boost by conversion": 1.0, "policy start": 0.0}
    run = sd.simulate(ladder[rung, "xmile"], changes, stop=1).iloc[0]
    assert run["total effective people"] == pytest.approx(run["total people"], rel=1e-12)
    assert run["theory labour"] > run["initial theory labour"]


@pytest.mark.parametrize("rung", WITH_ROLES)
def test_how_a_boost_of_nothing_is_spread_changes_nothing(ladder, rung):
    model, kept = ladder[rung, "xmile"], ["capability", "understanding", "safety gap", "total people"]
    changed = sd.simulate(model, {"boost focus": 8.0, "boost by conversion": 1.0}, outputs=kept)
    assert changed.equals(sd.simulate(model, outputs=kept))


@pytest.mark.parametrize("rung", WITH_AREAS)
def test_ample_headroom_of_benchmarks_leaves_the_signal_whole(ladder, rung):
    run = sd.simulate(ladder[rung, "xmile"], {"benchmark headroom target": 50.0})
    assert (abs(run["signal quality"] - 1) < 0.05).all()


@pytest.mark.parametrize("rung", WITH_GATE)
def test_a_gate_that_waits_for_full_understanding_slows_growth_and_never_reverses_it(ladder, rung):
    model = ladder[rung, "xmile"]
    base = sd.simulate(model)
    gated = sd.simulate(model, {"gate strength": 1.0, "required understood share": 1.0})
    assert (gated["capability growth"] >= 0).all()
    assert (gated["capability"].loc[2.125:] < base["capability"].loc[2.125:]).all()


def test_delays_without_delay_or_difficulty_are_the_seed(ladder, futures):
    columns = futures(ladder["m1_delays", "xmile"], DRAWS, seed=3)
    none = dict.fromkeys(("difficulty slope", "explanation difficulty slope", "obsolescence"), 0.0)
    short = dict.fromkeys(("publication delay", "adoption delay", "safety delay"), 0.1)
    columns |= {name: np.full(DRAWS, value) for name, value in {**none, **short}.items()}
    seed_columns = {name: column for name, column in columns.items() if name in ladder["m0_seed", "xmile"]}
    effects = [
        np.sign(gap_after_ten_years(ladder[rung, "xmile"], drawn, 0.5) - base)
        for rung, drawn in (("m0_seed", seed_columns), ("m1_delays", columns))
        for base in [gap_after_ten_years(ladder[rung, "xmile"], drawn, 0.0)]
    ]
    assert 0 < (effects[0] > 0).mean() < 0.5
    assert (effects[0] == effects[1]).mean() >= 0.97


def gap_after_ten_years(model, columns, boost):
    return gaps(model, columns, boost, 0.0625)["understanding gap", 12]


def gaps(model, columns, boost, time_step):
    """Each gap of the rung after ten and thirty years of policy, one number a future."""
    names = [name for name in ("understanding gap", "safety gap") if name in model]
    columns = {**columns, **boosted(model, boost)}
    runs = sd.simulate_many(model, columns, outputs=names, stop=32, save_every=4, time_step=time_step)
    return {(name, year): runs[name].sel(time=year).to_numpy() for name in names for year in (12, 32)}


@pytest.mark.parametrize("rung", RUNGS)
def test_half_the_time_step_changes_a_verdict_in_at_most_one_future_in_a_hundred(ladder, futures, rung):
    model = ladder[rung, "xmile"]
    columns = futures(model, DRAWS, seed=2)
    coarse, fine = (
        {metric: boosted[metric] - base[metric] for metric in base}
        for step in (0.0625, 0.03125)
        for base, boosted in [[gaps(model, columns, boost, step) for boost in (0.0, 0.5)]]
    )
    for metric, change in coarse.items():
        assert (np.sign(change) != np.sign(fine[metric])).mean() <= 0.01, metric
        assert abs((change > 0).mean() - (fine[metric] > 0).mean()) <= 0.01, metric
