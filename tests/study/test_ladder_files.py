"""The files of the ladder: the ranges that the models state, the same for all, and names for their loops."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

import sdtheory as sd

RUNGS = ("m0_seed", "m1_delays", "m2_search_space", "m3_spectrum", "m4_paradigms")


def tables(name):
    return tomllib.loads(Path(f"models/{name}.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def models():
    return {rung: sd.load(f"models/{rung}.xmile") for rung in RUNGS}


@pytest.fixture(scope="module")
def ladder():
    return sd.ladder("models/ladder.toml", runs=64)


@pytest.mark.parametrize("rung", RUNGS)
def test_a_rung_alone_has_the_ranges_of_the_ladder(rung):
    whole, own = tables("futures"), tables(rung)
    numbers = ("distribution", "low", "high", "concentration")
    compared = 0
    for name, row in own["uncertainty"].items():
        if name in whole["uncertainty"]:
            other = whole["uncertainty"][name]
            assert {key: row.get(key) for key in numbers} == {key: other.get(key) for key in numbers}, name
            compared += 1
    assert compared >= 6
    for name, formula in own["derived"].items():
        if name in whole["derived"] and rung not in ("m0_seed", "m1_delays"):
            assert formula == whole["derived"][name]


@pytest.mark.parametrize("rung", RUNGS)
def test_every_range_is_the_one_that_the_model_states(models, rung):
    ranges = tables("futures")["uncertainty"]
    compared = 0
    for name, row in ranges.items():
        head = name.partition("[")[0]
        if row["distribution"] != "uniform" or row.get("free") or head not in models[rung]:
            continue
        stated = re.search(r"Study range (.*?);", " ".join(models[rung][head].documentation.split()))
        pairs = re.findall(r"(\d[\d.]*) to (\d[\d.]*)", stated.group(1))
        assert (row["low"], row["high"]) in [(float(low), float(high)) for low, high in pairs], name
        compared += 1
    assert compared >= 5


@pytest.mark.parametrize("rung", RUNGS)
def test_an_experiment_fits_its_rung_and_its_policies_are_those_of_the_ladder(models, rung):
    experiment = sd.Experiment.read(f"models/{rung}.toml")
    assert experiment.check(models[rung]) == []
    shared = {policy.name: policy for policy in sd.Ladder.read("models/ladder.toml").experiment.policies}
    for policy in experiment.policies:
        assert (policy.set, policy.changes) == (shared[policy.name].set, shared[policy.name].changes)


@pytest.mark.parametrize("rung", RUNGS)
def test_every_named_loop_of_a_rung_exists(models, rung):
    experiment = sd.Experiment.read(f"models/{rung}.toml")
    loops = sd.find_loops(models[rung], names=experiment.loops)
    names = [entry["name"] for entry in experiment.loops]
    assert len(set(names)) == len(names)
    assert set(names) <= {loop.name for loop in loops}
    assert loops.find("mission loop").polarity == "R"
    assert loops.find("fishing out").polarity == "B" if rung != "m0_seed" else len(loops) == 3


def test_all_rungs_start_alike_in_every_future(ladder):
    assert ladder.rungs == ("M0", "M1", "M2", "M3", "M4")
    matched = ladder.matches()
    plain = matched[~matched["quantity"].str.startswith("elasticity")]
    assert len(plain) == 20 and (plain["deviation"] <= 1e-9).all()
    assert (matched["deviation"] <= 1e-6).all() and ladder.is_matched


def test_with_its_refinements_off_the_spectrum_is_the_rung_below_and_others_nearly(ladder):
    found = ladder.attribution()
    off = found[(found["mode"] == "all off") & (found["policy"] == "boost theorists")]
    worst = off.groupby("rung")["disagreement"].max()
    assert worst["M3"] == 0
    assert (worst < 0.07).all()


def test_a_finer_step_of_the_delay_is_the_uptake_boost_of_the_last_rung(models):
    experiment = sd.Experiment.read("models/m4_paradigms.toml")
    by_step = sd.compare(models["m4_paradigms"], experiment, runs=8).values["safety gap after 30 years"]
    place = 1 + [policy.name for policy in experiment.policies].index("fund safety uptake")
    futures = sd.compare(models["m4_paradigms"], experiment, runs=8).samples
    inputs = futures.drop(columns=[u.name for u in experiment.uncertainties if u.free])
    boosted = sd.simulate_many(
        models["m4_paradigms"], inputs.assign(**{"safety uptake boost": 1.0}), outputs=["safety gap"]
    )
    np.testing.assert_allclose(boosted["safety gap"].sel(time=32).values, by_step[place], rtol=1e-9)


def test_without_its_extensions_the_extended_rung_is_the_finest_and_it_starts_as_the_others_do():
    found = sd.ladder("models/extensions.toml", runs=32)
    assert found.is_matched
    off = found.attribution()
    off = off[off["mode"] == "all off"]
    assert len(off) > 8 and (off["disagreement"] == 0).all()
    assert {"steer theory", "boost and steer"} <= set(found.policies)


def test_a_lab_that_withholds_leaves_safety_work_further_behind_at_the_same_frontier():
    model, experiment = sd.load("models/m5_two_labs.xmile"), sd.Experiment.read("models/m5_two_labs.toml")
    assert experiment.check(model) == []
    found = sd.compare(model, experiment, runs=64)
    for policy in ("one lab withholds", "both withhold"):
        signs = found.paired(policy, "safety gap at C*")[1]
        assert (signs == -1).all()
    names = {entry["name"] for entry in experiment.loops}
    assert names <= {loop.name for loop in sd.find_loops(model, names=experiment.loops)}
