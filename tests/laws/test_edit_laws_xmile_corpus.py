"""Laws of edits on every XMILE file of a corpus."""

from collections import Counter, defaultdict
from itertools import pairwise

import pytest
from xmile_edit_checks import attempt, check_edit, check_move, check_rename, check_runs, drawings

from sdtheory.documents import read

SUFFIXES = (".xmile", ".stmx", ".itmx")


class Applied:
    """How many edits of each verb were made, and in which files."""

    def __init__(self, recorded):
        self.recorded = recorded
        self.edits = Counter()
        self.files = defaultdict(set)
        self.document = None

    def __call__(self, verb, *arguments, **options):
        """The edited document after a check of every law, or None when the edit is refused."""
        new = attempt(self.document, verb, *arguments, **options)
        if new is not None:
            self.count(verb)
            if new is not self.document:
                check_edit(self.document, new, self.recorded, verb, self.document.file)
        return new

    def count(self, what):
        self.edits[what] += 1
        self.files[what].add(self.document.source.path)

    def report(self):
        return [
            f"{what}: {self.edits[what]} edits, {len(self.files[what])} files" for what in sorted(self.edits)
        ]


def edit_variable(applied, key, entry):
    document = applied.document
    for name in ("two words", "z-1 | é", "single"):
        same = check_rename(document, key, name, applied.recorded)
        if same is not None:
            applied.count(f"rename to '{name}'")
        if same:
            applied.count(f"rename to '{name}' and back gives the same bytes")
    assert applied("set_units", key, "a <b> & c").variables[key].units == "a <b> & c"
    assert applied("set_documentation", key, "a\n\\n <b>").variables[key].documentation == "a\n\\n <b>"
    for block in entry.blocks:
        which = {"subscripts": block.subscripts or None}
        text = "1 < 2 and x & 'y'"
        new = applied("set_equation", key, text, **which)
        assert new is None or text in [one.equation for one in new.variables[key].blocks]
        if entry.kind == "stock":
            applied("set_initial", key, 1e-6, **which)
        if block.lookup:
            x, y = [0.0, 0.5, 4.0], [1.0, 2.0, 1e9]
            new = applied("set_lookup", key, x, y, **which)
            assert (x, y) in [(list(one.lookup.x), list(one.lookup.y)) for one in new.variables[key].blocks]
            assert attempt(document, "set_lookup", key, block.lookup.x, block.lookup.y, **which) == document
    new = applied("remove", key)
    assert key not in new.variables and len(new.variables) == len(document.variables) - 1
    for number in range(len(document.views)):
        applied("add_alias", key, 10, 20, number)
    if len(entry.blocks) == 1:
        applied("set_equation", key, entry.equation, links="match")
        applied.count("match_links")


def edit_drawing(applied, one):
    for x, y in ((one.x + 3, one.y), (one.x, one.y + 77.7), (12.345678, 900)):
        if check_move(applied.document, one, x, y, applied.recorded):
            applied.count("move")
    applied("remove_element", one.id)
    for look in ({"width": 60, "height": 30}, {"label_side": "left", "colour": "red"}, {"angle": 12.345},
                 {"points": [(10, 10)]}, {"points": [(10, 10), (80, 10), (80, 90)]}):  # fmt: skip
        applied("reshape", one.id, **look)


def edit_view(applied, number, view):
    scope = f"{view.model}." if view.model else ""
    names = [scope + one.variable for one in view.elements if one.kind in ("stock", "flow", "auxiliary")]
    for source, target in pairwise(names):
        connected = applied("connect", source, target, "+", number)
        if connected is not None:
            assert attempt(connected, "disconnect", source, target, number) is not None
            applied.count("disconnect")
    stocks = [scope + one.variable for one in view.elements if one.kind == "stock"]
    for flow in (scope + one.variable for one in view.elements if one.kind == "flow"):
        for stock in [*stocks, None]:
            for end in ("source", "target"):
                applied("attach", flow, end, stock)
    applied("add_text", "a <b>\nc", 10, 20, number)
    applied("add_stock", "brand new", 1, "kg", "why", view=number)
    applied("add_auxiliary", "brand new", "1", view=number)
    for stock in [None, *stocks[:2]]:
        for other in [None, *stocks[:2]]:
            applied("add_flow", "brand-new", "1", stock, other, view=number)


def test_every_edit_of_every_file_of_a_corpus_keeps_the_laws(corpus, recorded):
    applied = Applied(recorded)
    for path in corpus(*SUFFIXES):
        applied.document = document = read(path)
        for key, entry in document.variables.items():
            edit_variable(applied, key, entry)
        for one in drawings(document):
            edit_drawing(applied, one)
        for number, view in enumerate(document.views):
            edit_view(applied, number, view)
        applied("add_view", "another <view>")
        applied("set_simulation", start=1, stop=77, time_step=0.3, save_every=0.6)
    print("\n".join(applied.report()))
    verbs = ("rename to 'single'", "move", "attach", "connect", "remove", "add_flow", "match_links")
    assert all(applied.edits[verb] for verb in verbs)


@pytest.mark.slow
def test_runs_of_a_corpus_stay_equal(corpus):
    ran = 0
    for path in corpus(*SUFFIXES):
        document = read(path)
        moved = document
        for one in drawings(document):
            moved = attempt(moved, "move", one.id, one.x + 5, one.y + 9) or moved
        keys = list(document.variables)
        ran += all(
            [check_runs(document, moved, key, "some other-name") for key in keys[:: 1 + len(keys) // 5]]
        )
    assert ran > 50
