"""The analytic criteria, against simulation of the rungs that they speak of."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import sdtheory as sd
from sdtheory.study.criteria import (
    at_given_capability,
    difficulty_race,
    finite_horizon,
    late_with_difficulty,
    long_run_any_search,
    long_run_conversion,
    long_run_new_money,
)

DRAWS = 500


@pytest.fixture(scope="module")
def model():
    return sd.load("models/m0_seed.xmile")


@pytest.fixture(scope="module")
def draws():
    rng = np.random.default_rng(1)

    def uniform(low, high):
        return rng.uniform(low, high, DRAWS)

    return {
        "search leverage": uniform(0.1, 8),
        "initial understood share": uniform(0.05, 0.8),
        "initial capability": uniform(3, 30),
        "initial capability growth": uniform(0.75, 2.5),
        "theorist fraction": uniform(0.02, 0.5),
    }


def simulated(model, draws, stop=60, save_every=1, **changes):
    constants = {name.replace("_", " "): np.full(DRAWS, float(value)) for name, value in changes.items()}
    settings = {"stop": stop, "save_every": save_every, "outputs": ["capability", "understanding gap"]}
    return sd.simulate_many(model, {**draws, **constants}, **settings).drop_vars(["status", "message"])


def agreement(criterion, effect):
    return float((np.sign(criterion) == np.sign(effect)).mean())


def steady_share(draws, theorists, experimenters):
    """Where the share settles, by bisection: tau rho (1 - x) = e x exp(kappa (x - x0))."""
    kappa, start = draws["search leverage"], draws["initial understood share"]
    low, high = np.zeros(DRAWS), np.ones(DRAWS)
    for _ in range(60):
        x = (low + high) / 2
        short = theorists * start / (1 - start) * (1 - x) > experimenters * x * np.exp(kappa * (x - start))
        low, high = np.where(short, x, low), np.where(short, high, x)
    return x


def long_run_growth(draws, theorists, experimenters):
    """Growth of the gap once the share has settled, in units of the first growth of capability."""
    x = steady_share(draws, theorists, experimenters)
    efficiency = np.exp(draws["search leverage"] * (x - draws["initial understood share"]))
    return (1 - x) * experimenters * efficiency


def test_where_the_share_settles_is_where_the_model_settles(model, draws):
    runs = sd.simulate_many(
        model,
        {**draws, "theorist boost": np.full(DRAWS, 0.5), "policy start": np.zeros(DRAWS)},
        outputs=["understood share", "capability growth", "opaque share"],
        stop=4000,
        save_every=1000,
        time_step=0.25,
    )
    settled = steady_share(draws, 1.5, 1.0)
    assert np.allclose(runs["understood share"][:, -1], settled, rtol=5e-3)
    growth = runs["opaque share"][:, -1] * runs["capability growth"][:, -1]
    expected = long_run_growth(draws, 1.5, 1.0) * draws["initial capability growth"]
    assert np.allclose(growth, expected, rtol=2e-2)


def test_more_theorists_widen_the_gap_in_the_long_run_when_leverage_times_the_opaque_share_exceeds_one(draws):
    effect = long_run_growth(draws, 1 + 1e-4, 1.0) - long_run_growth(draws, 1.0, 1.0)
    criterion = long_run_new_money(draws["search leverage"], draws["initial understood share"])
    assert 0.1 < (effect > 0).mean() < 0.9
    assert agreement(criterion, effect) >= 0.995
    share = draws["initial understood share"]
    elasticity = draws["search leverage"] * share
    assert agreement(long_run_any_search(elasticity, share), effect) >= 0.995


def test_the_long_run_rule_of_a_small_boost_mostly_holds_for_a_boost_of_one_half(draws):
    effect = long_run_growth(draws, 1.5, 1.0) - long_run_growth(draws, 1.0, 1.0)
    criterion = long_run_new_money(draws["search leverage"], draws["initial understood share"])
    assert 0.97 <= agreement(criterion, effect) < 1


def test_converting_experimenters_widens_the_gap_in_the_long_run_more_rarely(draws):
    fraction = draws["theorist fraction"]
    fewer = 1 - 1e-4 * fraction / (1 - fraction)
    effect = long_run_growth(draws, 1 + 1e-4, fewer) - long_run_growth(draws, 1.0, 1.0)
    kappa, share = draws["search leverage"], draws["initial understood share"]
    criterion = long_run_conversion(kappa, share, fraction)
    assert (effect > 0).any()
    assert agreement(criterion, effect) >= 0.995
    assert not ((criterion > 0) & (long_run_new_money(kappa, share) <= 0)).any()


def test_the_criterion_of_a_horizon_foretells_the_sign_at_every_horizon(model, draws):
    base = simulated(model, draws, policy_start=0)
    boosted = simulated(model, draws, policy_start=0, theorist_boost=0.002)
    kappa, share = draws["search leverage"], draws["initial understood share"]
    long_run = long_run_new_money(kappa, share)
    rates = []
    for year in (2, 5, 10, 20, 40, 60):
        effect = (boosted - base)["understanding gap"].sel(time=year).to_numpy()
        factor = base["capability"].sel(time=year).to_numpy() / draws["initial capability"]
        assert agreement(finite_horizon(kappa, share, factor), effect) >= 0.99
        rates.append(agreement(long_run, effect))
    assert rates[0] < 0.5 < 0.8 < rates[-1], "the long-run rule misleads at short horizons"


def test_the_gap_always_narrows_first(model, draws):
    criterion = finite_horizon(draws["search leverage"], draws["initial understood share"], 1 + 1e-6)
    assert (criterion < 0).all()
    base, boosted = (
        simulated(model, draws, stop=0.125, save_every=0.0625, policy_start=0, theorist_boost=boost)
        for boost in (0, 0.5)
    )
    assert ((boosted - base)["understanding gap"][:, 1:] < 0).all()


@pytest.mark.parametrize(
    "changes",
    [
        {"theorist_boost": 0.5},
        {"theorist_boost": 0.5, "boost_by_conversion": 1},
        {"experimenter_boost": 0.5},
    ],
)
def test_at_a_given_capability_more_theory_leaves_a_narrower_gap(model, draws, changes):
    base = simulated(model, draws, policy_start=0)
    other = simulated(model, draws, policy_start=0, **changes)
    level = base["capability"].sel(time=10).to_numpy()
    gap = base["understanding gap"].sel(time=10).to_numpy()
    reached = [
        np.interp(level[i], other["capability"].values[i], other["understanding gap"].values[i])
        for i in range(DRAWS)
    ]
    counted = other["capability"].values[:, -1] >= level
    assert counted.mean() > 0.95
    theorists = 1 + changes.get("theorist_boost", 0)
    lost = changes.get("boost_by_conversion", 0) * 0.5 / (1 / draws["theorist fraction"] - 1)
    experimenters = 1 + changes.get("experimenter_boost", 0) - lost
    criterion = at_given_capability(theorists, experimenters)
    assert agreement(criterion[counted], (np.array(reached) - gap)[counted]) == 1


def with_difficulty(seed):
    """Sign of a small boost's effect in M1, and the criterion, at 5, 10, 20 and 40 years."""
    rng = np.random.default_rng(seed)
    ranges = {
        "search leverage": (0.1, 8),
        "initial understood share": (0.05, 0.7),
        "initial capability": (3, 30),
        "difficulty slope": (0.02, 0.4),
    }
    columns = {name: rng.uniform(*ends, DRAWS) for name, ends in ranges.items()}
    fixed = dict.fromkeys(("obsolescence", "explanation difficulty slope", "policy start"), 0.0)
    fixed |= dict.fromkeys(("publication delay", "adoption delay", "safety delay"), 0.02)
    base, boosted = (
        sd.simulate_many(
            sd.load("models/m1_delays.xmile"),
            {n: np.broadcast_to(v, DRAWS) for n, v in {**columns, **fixed, "theorist boost": boost}.items()},
            outputs=["capability", "understanding gap"],
            stop=40,
            time_step=1 / 64,
            save_every=5,
        )
        for boost in (0.0, 0.005)
    )
    kappa, share, _, beta = columns.values()
    rates = {}
    for year in (5, 10, 20, 40):
        effect = (boosted["understanding gap"] - base["understanding gap"]).sel(time=year).to_numpy()
        capability = base["capability"].sel(time=year).to_numpy()
        rates[year] = agreement(late_with_difficulty(kappa, share, beta, capability), effect)
    return rates


def test_where_ideas_get_harder_the_gap_is_wider_late_only_if_leverage_outweighs_the_difficulty_met():
    rates = with_difficulty(seed=1)
    assert rates[40] >= 0.97
    assert rates[20] >= 0.94
    assert rates[5] < rates[10] < rates[20], "it is a rule for late years"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 7))
def test_the_rule_for_late_years_holds_in_every_sample(seed):
    rates = with_difficulty(seed)
    assert rates[40] >= 0.97 and rates[20] >= 0.94


def share_wider(rung, seed, runs):
    """Drawn slopes, and whether half as many theorists again leave a wider gap after ten years."""
    rng = np.random.default_rng(seed)
    ranges = {
        "difficulty slope": (0, 0.4),
        "explanation difficulty slope": (0, 0.2),
        "initial understood share": (0.05, 0.6),
        "search leverage": (0.2, 5),
        "initial capability": (4, 30),
        "initial capability growth": (0.86, 2.4),
    }
    columns = {name: rng.uniform(*ends, runs) for name, ends in ranges.items()}
    gaps = [
        sd.simulate_many(
            sd.load(f"models/{rung}.xmile"),
            {**columns, "theorist boost": np.full(runs, boost)},
            outputs=["understanding gap"],
            stop=12,
            save_every=12,
        )["understanding gap"].values[:, -1]
        for boost in (0.0, 0.5)
    ]
    return columns["difficulty slope"], columns["explanation difficulty slope"], gaps[1] > gaps[0]


@pytest.mark.parametrize("rung", ["m3_spectrum", "m4_paradigms"])
def test_the_race_of_the_difficulties_sorts_futures_by_how_often_the_gap_is_wider(rung):
    beta, gamma, wider = share_wider(rung, seed=1, runs=1024)
    race = difficulty_race(beta, gamma)
    edges = (-0.4, -0.2, -0.1, 0, 0.1, 0.2)
    bins = [wider[(race > low) & (race <= high)] for low, high in pairwise(edges)]
    shares = [float(found.mean()) for found in bins]
    assert shares == sorted(shares)
    assert shares[-1] > 0.5 > 0.25 > shares[0]
