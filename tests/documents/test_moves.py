"""Several elements moved at once."""

from __future__ import annotations

import pytest

from sdtheory.documents import read

MODELS = [
    "models/m0_seed.mdl",
    "models/m0_seed.xmile",
    "models/m2_search_space.mdl",
    "models/m2_search_space.xmile",
]
STEP = (40, -25)


def parts(view):
    return [
        one for one in view.elements if one.kind != "connector" and not (one.kind == "cloud" and not one.uid)
    ]


@pytest.mark.parametrize("path", MODELS)
def test_moving_everything_moves_the_picture(path):
    document = read(path)
    places = [
        (one.id, one.x + STEP[0], one.y + STEP[1])
        for one in document.views[0].elements
        if one.kind != "connector"
    ]
    new = document.move_all(places)
    for old, one in zip(document.views[0].elements, new.views[0].elements, strict=True):
        assert (one.kind, one.variable, one.source, one.target) == (
            old.kind,
            old.variable,
            old.source,
            old.target,
        )
        if one.kind != "connector":
            assert (one.x, one.y) == pytest.approx((old.x + STEP[0], old.y + STEP[1]), abs=0.02)
        if one.control is not None:
            assert one.control == pytest.approx((old.control[0] + STEP[0], old.control[1] + STEP[1]), abs=2)
    assert (
        new.move_all([(one.id, one.x, one.y) for one in new.views[0].elements if one.kind != "connector"])
        == new
    )


@pytest.mark.parametrize("path", MODELS)
def test_elements_without_a_link_between_them_are_moved_as_one_by_one(path):
    document = read(path)
    linked = {end for one in document.views[0].elements for end in (one.source, one.target)}
    alone = [one for one in parts(document.views[0]) if one.id not in linked and one.kind == "auxiliary"]
    chosen = alone or [one for one in parts(document.views[0]) if one.kind == "auxiliary"][:1]
    places = [(one.id, one.x + 5, one.y) for one in chosen]
    one_by_one = document
    for id, x, y in places:
        one_by_one = one_by_one.move(id, x, y)
    assert document.move_all(places) == one_by_one


def test_moving_nothing_changes_nothing():
    document = read(MODELS[0])
    assert document.move_all([]) is document
