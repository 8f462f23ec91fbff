"""The mission loop is a simple reinforcing cycle in every rung, and the rungs have the loops expected."""

from __future__ import annotations

import pytest

import sdtheory as sd

COUNTS = {
    "m0_seed": 3,
    "m1_delays": 11,
    "m2_search_space": 19,
    "m3_spectrum": 62,
    "m4_paradigms": 549,
    "m5_extensions": 1029,
    "m5_two_labs": 155,
}
WITH_AREAS = ("m2_search_space", "m3_spectrum", "m4_paradigms", "m5_extensions")
ADOPTED = {"publication", "published theory", "adoption", "adopted theory"}
PRUNED = ADOPTED | {"coverage", "remaining space", "raw log space", "map effect", "effective search space"}
GROWN = {"capability growth", "capability", "opaque share", "explanation", "understanding"}
FOUND = {"search progress", "new phenomena", "phenomena", "opaque share", "explanation by theorists"}
AREAS = {"separable terms", "log space"}
M4 = PRUNED | FOUND | {"explanation", "understanding"}
# practice reads the theory that helps search, and no other
RELEVANT = {
    "relevant explanation",
    "search relevant understanding",
    "relevant publication",
    "search relevant published theory",
}
UNSTEERED = (PRUNED - {"publication", "published theory"}) | FOUND | RELEVANT | {"explanation"}


def mission_of(lab):
    """A lab's own way through what it understands, adopts and finds, with the frontier shared."""
    words = (
        "adopted theory",
        "adopted share",
        "map effect",
        "search space",
        "capability growth",
        "capability",
    )
    own = {f"{word} of {lab}" for word in (*words, "internal theory")}
    flows = {
        f"explanation by {lab}",
        f"understanding by {lab}",
        f"internal sharing in {lab}",
        f"adoption by {lab}",
    }
    return own | flows | {"frontier", "opaque share"}


MISSION = {
    "m0_seed": [GROWN | {"understood share", "effective search space"}],
    "m1_delays": [GROWN | ADOPTED | {"adopted share", "map effect", "effective search space"}],
    "m2_search_space": [GROWN | PRUNED | {branch} for branch in AREAS],
    "m3_spectrum": [GROWN | PRUNED | {branch} for branch in AREAS],
    "m4_paradigms": [
        M4 | {branch, f"{part} explanation", f"{part} understanding"}
        for branch in AREAS
        for part in ("portable", "specific")
    ],
    "m5_extensions": [UNSTEERED | {branch} for branch in AREAS],
    "m5_two_labs": [mission_of("A"), mission_of("B")],
}


@pytest.fixture(scope="module")
def loops(ladder):
    return {rung: sd.find_loops(ladder[rung, "xmile"]) for rung in COUNTS}


@pytest.mark.parametrize("rung", COUNTS)
def test_a_rung_has_the_loops_expected(loops, rung):
    assert loops[rung].complete
    assert len(loops[rung]) == COUNTS[rung]


@pytest.mark.parametrize("rung", COUNTS)
def test_each_way_of_the_mission_loop_is_one_simple_reinforcing_cycle(loops, rung):
    for members in MISSION[rung]:
        found = [loop for loop in loops[rung] if set(loop.variables) == members]
        assert len(found) == 1
        assert found[0].polarity == "R"
        assert len(found[0].variables) == len(members)


@pytest.mark.parametrize("rung", WITH_AREAS)
def test_the_mission_loop_runs_through_every_area(ladder, rung):
    """In each area alone, more adopted theory leaves a smaller space to search."""
    model = ladder[rung, "xmile"]
    start = sd.simulate(model, stop=0.0625).iloc[0]
    for area in ("architecture", "hyperparameters", "training"):
        stock = f"adopted theory[{area}]"
        moved = sd.simulate(model, {stock: start[stock] * 1.01}, stop=0.0625).iloc[0]
        assert moved["effective search space"] < start["effective search space"]
        assert moved[f"log space[{area}]"] < start[f"log space[{area}]"]
        assert moved[f"separable terms[{area}]"] < start[f"separable terms[{area}]"]


@pytest.mark.parametrize("rung", list(COUNTS)[2:])
def test_both_formats_of_a_rung_give_the_same_loops(ladder, loops, rung):
    other = sd.find_loops(ladder[rung, "mdl"])
    assert {(loop.polarity, frozenset(loop.links)) for loop in loops[rung]} == {
        (loop.polarity, frozenset(loop.links)) for loop in other
    }
