"""Laws of the editor's service under random operations: one history, exact undo, deltas that say what changed."""

from __future__ import annotations

import copy
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from small_models import FARM, TANK

from sdtheory.documents import from_bytes
from sdtheory.editor import arguments, elements
from sdtheory.editor import state as history
from sdtheory.editor.service import Refused, answer, of_document, opened, saved, scene, taken

FILES = {
    "seed.mdl": Path("models/m0_seed.mdl").read_bytes(),
    "delays.mdl": Path("models/m1_delays.mdl").read_bytes(),
    "delays.xmile": Path("models/m1_delays.xmile").read_bytes(),
    "farm.mdl": FARM.encode(),
    "tank.xmile": TANK.encode(),
}
NAMES = st.sampled_from(["new one", "Größe", 'a "quoted", name', "rate2", "", "capability", "x|y", "Time"])
TEXTS = st.sampled_from(
    ["3", "capability + 1", "rate*2", "water/2", "MAX(1, rate", "a ~ b", "1,2", "", "INTEG(1, 2)"]
)
PLACES = st.integers(-50, 900)
SKIPPED = {
    "revision",
    "session",
    "name",
    "file",
    "format",
    "read_only",
    "hash",
    "experiments",
    "functions",
    "issues",
}


def applied(old, delta):
    """The scene that a page has after a delta."""
    new = copy.deepcopy(old)
    if new["view"] != delta["view"]:
        new["elements"] = []
    found = {one["id"]: one for one in new["elements"]}
    for id in delta["removed"]:
        found.pop(id, None)
    found.update((one["id"], one) for one in delta["changed"])
    new["elements"] = list(found.values())
    for name, facts in delta["variables"].items():
        if facts is None:
            del new["variables"][name]
        else:
            new["variables"][name] = facts
    for word in (
        "revision",
        "view",
        "history",
        "dirty",
        "bounds",
        "views",
        "settings",
        "dimensions",
        "units",
    ):
        new[word] = delta.get(word, new[word])
    return new


def same(one, other):
    """Whether two scenes show the same; the order of elements and variables is left open."""
    first, second = (
        {word: value for word, value in each.items() if word not in SKIPPED} for each in (one, other)
    )
    for each in (first, second):
        each["elements"] = {element["id"]: element for element in each["elements"]}
    return first == second


class Editor(RuleBasedStateMachine):
    @initialize(file=st.sampled_from(sorted(FILES)))
    def open(self, file):
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(history, "AWAKE", 3)  # so that short histories have documents at rest
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / file
        self.path.write_bytes(FILES[file])
        self.state = opened(self.path)
        self.view = 0

    def teardown(self):
        if not hasattr(self, "state"):
            return
        state, last = self.state, self.state.document.bytes
        position = state.position
        self.nothing_remembered_is_wrong()
        while state.position:
            state, _ = answer(state, {"op": "undo", "revision": state.revision})
        assert state.document.bytes == FILES[self.path.name]
        while state.position < position:
            state, _ = answer(state, {"op": "redo", "revision": state.revision})
        assert state.document.bytes == last
        self.folder.cleanup()
        self.patch.undo()

    def nothing_remembered_is_wrong(self):
        shown = [scene(self.state, view)["elements"] for view in range(len(self.state.document.views))]
        elements.drawn_view.cache_clear()
        elements._MEMORY._values.clear()
        assert shown == [scene(self.state, view)["elements"] for view in range(len(shown))]

    def do(self, op, **arguments):
        """An operation on the view at hand: refused, or one step whose delta says all of it."""
        old, before = self.state, scene(self.state, self.view)
        message = {"op": op, "args": {**arguments, "view": self.view}, "revision": old.revision}
        try:
            new, reply = answer(old, message)
        except Refused as refused:
            assert refused.code and refused.message
            assert scene(old, self.view) == before
            return None
        assert same(applied(before, reply), scene(new, reply["view"]))
        if op not in ("undo", "redo"):
            assert new is old or (new.position == old.position + 1 and new.steps[-1].name)
        kept = {one["id"]: one["kind"] for one in before["elements"]}
        if op not in ("set_equation", "undo", "redo"):  # an equation makes a stock of an auxiliary
            assert all(kept.get(one["id"], one["kind"]) == one["kind"] for one in reply["changed"])
        self.state, self.view = new, reply["view"]
        return reply

    def some(self, data, *kinds):
        found = [one for one in scene(self.state, self.view)["elements"] if not kinds or one["kind"] in kinds]
        return data.draw(st.sampled_from(found)) if found else None

    def name(self, data):
        return data.draw(st.sampled_from(sorted(self.state.document.variables)))

    @rule(data=st.data(), x=PLACES, y=PLACES)
    def move(self, data, x, y):
        chosen = [one for one in (self.some(data), self.some(data)) if one]
        self.do("move", elements=[{"id": one["id"], "x": x + n, "y": y} for n, one in enumerate(chosen)])

    @rule(name=NAMES, x=PLACES, y=PLACES, op=st.sampled_from(["add_stock", "add_auxiliary", "add_alias"]))
    def add(self, name, x, y, op):
        self.do(op, name=name, x=x, y=y)

    @rule(data=st.data(), name=NAMES, x=PLACES, y=PLACES)
    def add_flow(self, data, name, x, y):
        ends = [self.some(data, "stock") if data.draw(st.booleans()) else None for _ in range(2)]
        source, target = (None if end is None else end["id"] for end in ends)
        points = [[x, y], [x + 120, y], [x + 120, y + 80]][: data.draw(st.integers(2, 3))]
        self.do("add_flow", name=name, source=source, target=target, points=points)

    @rule(data=st.data(), op=st.sampled_from(["remove", "remove_element"]))
    def remove(self, data, op):
        chosen = [one for one in (self.some(data), self.some(data)) if one]
        self.do(op, ids=[one["id"] for one in chosen])

    @rule(data=st.data(), to=NAMES)
    def rename(self, data, to):
        before = {one["id"] for one in scene(self.state, self.view)["elements"]}
        if self.do("rename", name=self.name(data), to=to):
            assert {one["id"] for one in scene(self.state, self.view)["elements"]} == before

    @rule(
        data=st.data(), text=TEXTS,
        op=st.sampled_from(["set_equation", "set_initial", "set_units", "set_documentation"]),
    )  # fmt: skip
    def set(self, data, text, op):
        self.do(op, name=self.name(data), text=text)

    @rule(data=st.data())
    def connect(self, data):
        source, target = self.some(data), self.some(data)
        if source and target:
            self.do("connect", source=source["id"], target=target["id"], polarity="-")

    @rule(
        data=st.data(), polarity=st.sampled_from(["+", "-", ""]), angle=st.integers(-180, 360), delay=st.booleans()
    )  # fmt: skip
    def reshape(self, data, polarity, angle, delay):
        link = self.some(data, "connector")
        if link:
            self.do("reshape", id=link["id"], polarity=polarity, angle=angle, delay=delay)

    @rule(data=st.data())
    def disconnect(self, data):
        link = self.some(data, "connector")
        if link:
            self.do("disconnect", id=link["id"])

    @rule(data=st.data(), end=st.sampled_from(["source", "target"]), x=PLACES, y=PLACES)
    def attach(self, data, end, x, y):
        flow, stock = self.some(data, "flow"), self.some(data, "stock")
        if flow:
            to = stock["id"] if stock and data.draw(st.booleans()) else None
            self.do("attach", id=flow["id"], end=end, to=to, point=[x, y])

    @rule(data=st.data())
    def match_links(self, data):
        self.do("match_links", name=self.name(data))

    @rule(data=st.data(), how=st.sampled_from(["left", "middle", "distribute-across"]))
    def align(self, data, how):
        chosen = {one["id"] for one in (self.some(data) for _ in range(3)) if one}
        self.do("align", ids=sorted(chosen), how=how)

    @rule(name=NAMES)
    def add_view(self, name):
        self.do("add_view", name=name)

    @rule(name=NAMES)
    def rename_view(self, name):
        self.do("rename_view", index=self.view, name=name)

    @rule(stop=st.integers(1, 90))
    def set_simulation(self, stop):
        self.do("set_simulation", stop=stop)

    @rule(data=st.data())
    def look_elsewhere(self, data):
        self.view = data.draw(st.integers(0, max(len(self.state.document.views) - 1, 0)))

    @rule()
    def undo(self):
        self.do("undo")

    @rule()
    def redo(self):
        self.do("redo")

    @rule()
    def save(self):
        self.state = saved(self.state)
        assert self.path.read_bytes() == self.state.document.bytes
        assert not self.state.dirty

    @precondition(lambda self: self.path.read_bytes() == self.state.saved)
    @rule(data=st.data())
    def another_program_writes(self, data):
        there = from_bytes(self.path.read_bytes(), self.state.document.format)
        theirs = there.set_documentation(next(iter(there.variables)), f"theirs {self.state.revision}")
        self.path.write_bytes(theirs.bytes)
        with pytest.raises(Refused) as refused:
            saved(self.state)
        assert refused.value.code == "disk-changed" and refused.value.plain()["diff"]
        before = self.state
        self.state = taken(before, self.path.read_bytes())
        assert self.state.document.bytes == theirs.bytes and not self.state.dirty
        back, _ = answer(self.state, {"op": "undo", "revision": self.state.revision})
        assert back.document.bytes == before.document.bytes
        self.view = min(self.view, max(len(theirs.views) - 1, 0))

    @invariant()
    def the_document_is_what_its_bytes_say(self):
        if not hasattr(self, "state"):
            return
        document = self.state.document
        again = from_bytes(document.bytes, document.format, document.encoding)
        assert again == document and again.index.variables.keys() == document.variables.keys()


Editor.TestCase.settings = settings(
    max_examples=25, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
test_random_operations = Editor.TestCase


JUNK = st.sampled_from(
    ["", "0:0", "0:1", "0:25:source", "capability", "rate", "9:9", "\x00", "é|~{", "x" * 300, "(" * 80]
)
NUMBER = st.integers(-5, 900) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = {
    arguments.TEXT: JUNK,
    arguments.TEXTS: st.lists(JUNK, max_size=3),
    arguments.NUMBER: NUMBER,
    arguments.NUMBERS: st.lists(NUMBER, max_size=4),
    arguments.COUNT: st.integers(0, 9),
    arguments.FLAG: st.booleans(),
    arguments.POINT: st.lists(NUMBER, min_size=2, max_size=2),
    arguments.POINTS: st.lists(st.lists(NUMBER, min_size=2, max_size=2), max_size=4),
    arguments.PLACES: st.lists(st.fixed_dictionaries({"id": JUNK, "x": NUMBER, "y": NUMBER}), max_size=3),
    arguments.SETTING: JUNK | NUMBER,
    arguments.FIELD: st.sampled_from(["equation", "initial", "units", "name"]),
    arguments.END: st.sampled_from(["source", "target"]),
    arguments.TEXT_OR_NOTHING: JUNK | st.none(),
    arguments.NUMBER_OR_NOTHING: NUMBER | st.none(),
    arguments.POINT_OR_NOTHING: st.lists(NUMBER, min_size=2, max_size=2) | st.none(),
    arguments.RANGE_OR_NOTHING: st.lists(NUMBER, min_size=2, max_size=2) | st.none(),
}
BY_WORDS = {kind.words: strategy for kind, strategy in VALUES.items()}
OPERATIONS = {**arguments.CHANGING, **arguments.ASKING}
OPENED = {name: of_document(from_bytes(data)) for name, data in FILES.items()}


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(OPENED)), st.sampled_from(sorted(OPERATIONS)), st.data())
def test_no_message_breaks_the_service(file, op, data):
    state = OPENED[file]
    given_ones = {
        name: data.draw(BY_WORDS[kind.words], name)
        for name, kind in OPERATIONS[op].items()
        if kind.needed or data.draw(st.booleans())
    }
    try:
        new, reply = answer(
            state, {"op": op, "args": {**given_ones, "view": data.draw(st.integers(0, 2))}, "revision": 0}
        )
    except Refused as refused:
        json.dumps(refused.plain(), allow_nan=False)
        return
    json.dumps(reply, allow_nan=False)
    assert new.steps[0] is state.steps[0]
