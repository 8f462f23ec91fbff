"""One operation at a time: what it writes, what it tells the page, what it refuses."""

from __future__ import annotations

import pytest

from sdtheory.documents import read
from sdtheory.editor.service import Refused, answer, of_document, scene

MODELS = ["models/m0_seed.mdl", "models/m0_seed.xmile"]


def done(state, op, **arguments):
    return answer(state, {"op": op, "args": arguments, "revision": state.revision})


def id_of(state, name, kind):
    return next(
        one["id"] for one in scene(state)["elements"] if one["variable"] == name and one["kind"] == kind
    )


@pytest.fixture(params=MODELS)
def state(request):
    return of_document(read(request.param))


def test_undo_to_the_start_gives_the_opened_bytes(state):
    opened = state.document.bytes
    state, _ = done(state, "rename", name="capability", to="skill")
    state, _ = done(state, "set_units", name="skill", text="points")
    assert state.document.bytes != opened
    for _ in range(2):
        state, reply = done(state, "undo")
    assert state.document.bytes == opened
    assert not reply["dirty"] and not reply["history"]["can_undo"]


def test_a_stale_page_is_refused_and_given_the_scene(state):
    with pytest.raises(Refused) as refused:
        answer(state, {"op": "add_text", "args": {"text": "a", "x": 1, "y": 1}, "revision": 7})
    assert refused.value.code == "stale"
    assert refused.value.plain()["scene"] == scene(state)


def test_an_element_keeps_its_id_when_another_is_removed(state):
    kept = {name: id_of(state, name, "stock") for name in ("understanding", "cumulative gap")}
    state, _ = done(state, "remove", ids=[id_of(state, "capability", "stock")])
    assert {name: id_of(state, name, "stock") for name in kept} == kept
