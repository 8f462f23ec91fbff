"""What an operation of the editor costs at a hundred variables: the limits are those of its users' patience."""

from __future__ import annotations

import json
import time

import pytest

from sdtheory.documents import read
from sdtheory.editor.service import answer, of_document, scene

pytestmark = [pytest.mark.benchmark, pytest.mark.usefixtures("frozen")]

EDIT, CHECK, DELTA = 0.020 / 100, 0.010, 25_000  # seconds of CPU for each variable and in all, and characters


def seconds(task, turns=7):
    """The least CPU time of several turns."""
    best = float("inf")
    for turn in range(turns):
        begun = time.process_time()
        task(turn)
        best = min(best, time.process_time() - begun)
    return best


@pytest.fixture(params=["models/m3_spectrum.mdl", "models/m3_spectrum.xmile"])
def state(request):
    opened = of_document(read(request.param))
    scene(opened)
    return opened


def edits_of(state):
    stock = next(one for one in scene(state)["elements"] if one["kind"] == "stock")
    name = next(one for one in scene(state)["elements"] if one["kind"] == "auxiliary")["variable"]
    yield "move", lambda n: {"elements": [{"id": stock["id"], "x": 100 + n, "y": 90}]}
    yield "add_stock", lambda n: {"name": f"new {n}", "x": 10 * n, "y": 10}
    yield "set_equation", lambda n: {"name": name, "text": f"1 + {n}"}
    yield "set_units", lambda n: {"name": name, "text": f"unit {n}"}


def test_an_edit_is_answered_at_once_and_says_little(state):
    limit = EDIT * len(state.document.variables)
    for op, arguments in edits_of(state):
        sizes = []

        def edit(turn, op=op, arguments=arguments, sizes=sizes):
            _, reply = answer(state, {"op": op, "args": arguments(turn), "revision": 0})
            sizes.append(len(json.dumps(reply)))

        assert seconds(edit) <= limit, op
        assert max(sizes) <= DELTA, op


def test_an_equation_is_checked_between_two_keys(state):
    name, text = "capability growth", state.document.entry("capability growth").equation
    answer(state, {"op": "check", "args": {"name": name, "text": "1"}})
    spent = seconds(
        lambda turn: answer(state, {"op": "check", "args": {"name": name, "text": f"{text} + {turn}"}})
    )
    assert spent <= CHECK
