"""Every rung starts from the same place, so that a later disagreement comes from structure alone."""

from __future__ import annotations

import numpy as np
import pytest

import sdtheory as sd

RUNGS = ("m0_seed", "m1_delays", "m2_search_space", "m3_spectrum", "m4_paradigms", "m5_extensions")
DRAWS = 500
PROMISED = (
    "initial capability",
    "initial understood share",
    "initial capability growth",
    "explanation pace ratio",
    "search leverage",
)
# capability grows, and understanding with it
GROWTH = {
    "m0_seed": ("explanation",),
    "m1_delays": ("explanation", "obsolescence of theory"),
    "m2_search_space": ("explanation", "obsolescence of theory"),
    "m3_spectrum": ("explanation", "obsolescence of theory"),
    "m4_paradigms": ("portable explanation", "specific explanation", "paradigm loss"),
    "m5_extensions": ("portable explanation", "specific explanation", "paradigm loss", "shift loss"),
}
LOSSES = {"obsolescence of theory", "paradigm loss", "shift loss"}


def at_start(model, columns, outputs):
    runs = sd.simulate_many(model, columns, outputs=outputs, stop=0.0625, save_every=0.0625)
    assert (runs["status"] == "ok").all()
    return {name: runs[name].values[:, 0] for name in outputs}


def drawn(model, futures):
    """Drawn futures and, as the first row, the defaults."""
    columns = futures(model, DRAWS, seed=11)
    run = sd.simulate(model, stop=0.0625)
    defaults = {name: float(run[name].iloc[0]) for name in {*columns, *PROMISED}}
    return {
        name: np.concatenate([[defaults[name]], columns.get(name, np.full(DRAWS, defaults[name]))])
        for name in defaults
    }


def bound_by_the_first_order_control(rung, model, columns):
    """Futures in which the shortest explanation time limits explanation from the start (M3 on)."""
    if "minimum explanation time" not in model:
        return np.zeros(DRAWS + 1, bool)
    flow = "explanation" if rung == "m3_spectrum" else "explanation by theorists"
    found = at_start(model, columns, [flow, "understanding gap"])
    return found[flow] >= found["understanding gap"] / 0.5 * (1 - 1e-12)


@pytest.mark.parametrize("rung", RUNGS)
def test_capability_and_understanding_start_and_grow_as_promised(ladder, futures, rung):
    model = ladder[rung, "xmile"]
    columns = drawn(model, futures)
    flows = GROWTH[rung]
    found = at_start(model, columns, ["capability", "understood share", "capability growth", *flows])
    capability, share, growth, pace, _ = (columns[name] for name in PROMISED)
    np.testing.assert_allclose(found["capability"], capability, rtol=1e-9)
    np.testing.assert_allclose(found["understood share"], share, rtol=1e-9)
    np.testing.assert_allclose(found["capability growth"], growth, rtol=1e-9)
    explained = sum(-found[flow] if flow in LOSSES else found[flow] for flow in flows)
    bound = bound_by_the_first_order_control(rung, model, columns)
    assert bound.mean() <= 0.01 and not bound[0]
    np.testing.assert_allclose(explained[~bound], (pace * share * growth)[~bound], rtol=1e-9)


@pytest.mark.parametrize("rung", RUNGS)
def test_search_starts_with_the_elasticity_promised(ladder, futures, rung):
    model = ladder[rung, "xmile"]
    columns = drawn(model, futures)
    run = sd.simulate(model, stop=0.0625)
    stocks = [name for name in run.columns if name.startswith("adopted theory")] or ["understanding"]
    start = at_start(model, columns, stocks)
    spaces = [
        at_start(
            model,
            {**columns, **{name: start[name] * (1 + change) for name in stocks}},
            ["effective search space"],
        )["effective search space"]
        for change in (1e-4, -1e-4)
    ]
    elasticity = -np.log(spaces[0] / spaces[1]) / np.log((1 + 1e-4) / (1 - 1e-4))
    promised = columns["search leverage"] * columns["initial understood share"]
    np.testing.assert_allclose(elasticity, promised, rtol=1e-6)


@pytest.mark.parametrize("rung", RUNGS[4:])
def test_theorists_have_work_to_do_in_every_future(ladder, futures, rung):
    model = ladder[rung, "xmile"]
    found = at_start(model, drawn(model, futures), ["theorist productivity", "novelty of search"])
    assert (found["theorist productivity"] > 0).all()
    assert (found["novelty of search"] >= 1).all()
