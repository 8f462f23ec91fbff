"""Loop scores equal those of pysimlin, an engine of its own, on runs that both make."""

from __future__ import annotations

import benchmark_models
import numpy as np
import pytest

import sdtheory as sd

simlin = pytest.importorskip(
    "simlin", reason="pysimlin is not installed: loop scores are compared with no peer"
)

MODELS = {
    "SIR": (benchmark_models.SIR, 100.0),
    "logistic growth": (
        {"r": "0.1", "capacity": "100", "x": "INTEG(births - deaths, 1)", "births": "r * x",
         "deaths": "r * x * x / capacity"},
        100.0,
    ),
    "Bass diffusion": (
        {"market": "1000", "potential": "INTEG(-adoption, market)", "adopters": "INTEG(adoption, 0)",
         "advertising": "0.01 * potential", "word of mouth": "0.4 * adopters * potential / market",
         "adoption": "advertising + word of mouth"},
        30.0,
    ),
    "inventory and workforce": (
        {"demand": "100 + STEP(20, 5)", "inventory": "INTEG(production - demand, 300)",
         "workforce": "INTEG(hiring, 100)", "production": "workforce * 1",
         "wanted production": "demand + (300 - inventory) / 8", "hiring": "(wanted production - workforce) / 6"},
        100.0,
    ),
    "stocks decoupled by a switch": (
        {"a": "INTEG(a rate, 10)", "b": "INTEG(b rate, 5)", "a rate": "IF THEN ELSE(Time < 10, 0.05 * b, 0)",
         "b rate": "IF THEN ELSE(Time < 10, 0, 0.03 * a)"},
        30.0,
    ),
    "arms race of three": (
        {"x": "INTEG(x rate, 50)", "y": "INTEG(y rate, 100)", "z": "INTEG(z rate, 150)",
         "x rate": "0.2 * (0.55 * y + 0.45 * z - x)", "y rate": "0.2 * (0.55 * x + 0.55 * z - y)",
         "z rate": "0.2 * (0.45 * x + 0.55 * y - z)"},
        50.0,
    ),
}  # fmt: skip


def compared(path, changes):
    """Scores of both, loop by loop, at the steps where something changes by more than rounding."""
    dominance = sd.loop_dominance(sd.load(path), changes)
    overrides = {name.replace(" ", "_"): value for name, value in changes.items()}
    theirs = {
        _turned(loop.variables): loop.behavior_time_series
        for loop in simlin.Project.open(path).main_model.run(overrides or None).loops
    }
    assert {_turned(loop.variables) for loop in dominance.loops} == set(theirs)
    for loop in dominance.loops:
        series = theirs[_turned(loop.variables)]
        mine = dominance[loop.id].to_numpy()[:: (len(dominance) - 1) // (len(series) - 1)]
        yield mine, series


def _turned(variables):
    names = [name.lower().replace(" ", "_") for name in variables]
    start = names.index(min(names))
    return tuple(names[start:] + names[:start])


@pytest.mark.parametrize("name", MODELS)
def test_scores_are_those_of_the_peer(name, tmp_path):
    equations, stop = MODELS[name]
    path = tmp_path / "model.mdl"
    path.write_text(benchmark_models.vensim(equations, stop, 0.25, 0.25), encoding="utf-8")
    for mine, theirs in compared(path, {}):
        np.testing.assert_allclose(mine, theirs, atol=1e-12)


@pytest.mark.parametrize("stem", ["m0_seed", "m1_delays"])
@pytest.mark.parametrize("changes", [{"theorist boost": 0.5}, {"explanation pace ratio": 1.4}])
def test_scores_of_the_study_s_models_are_those_of_the_peer(stem, changes):
    for mine, theirs in compared(f"models/{stem}.xmile", changes):
        # before a policy starts, the coarsest model's shares are constant: the peer scores their rounding
        acts = mine != 0
        assert acts.mean() > 0.9
        np.testing.assert_allclose(mine[acts], theirs[acts], atol=1e-9)
