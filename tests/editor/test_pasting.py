"""Laws of copy and paste, and what of a clipboard is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_models import FARM, TANK

import sdtheory as sd
from sdtheory.documents import from_bytes, read
from sdtheory.editor.service import Refused, answer, of_document
from sdtheory.limits import Limits
from sdtheory.names import canonical

MODELS = sorted([*Path("models").glob("*.mdl"), *Path("models").glob("*.xmile")])
SMALL = {
    "farm": from_bytes(FARM.encode()),
    "tank": from_bytes(TANK.encode()),
    "seed.mdl": read("models/m0_seed.mdl"),
    "seed.xmile": read("models/m0_seed.xmile"),
}
SKETCH = "\\\\\\---/// Sketch\nV300  x\n*V\n$0\n{}\n///---\\\\\\\n"
BARE = "{UTF-8}\nlone = 1 ~~|\n"
CLOSED = ["models/m0_seed.mdl", "models/m0_seed.xmile", "models/m1_delays.mdl", "models/m1_delays.xmile"]
LAWS = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def copied(state, view=0, wanted=None, kind=None):
    """The reply to a copy of all elements of a view, or of those that show some variables."""
    elements = zip(state.document.views[view].elements, state.identity.lasting[view], strict=True)
    ids = [
        id for one, id in elements if wanted is None or (one.variable in wanted and kind in (None, one.kind))
    ]
    return answer(state, {"op": "copied", "args": {"ids": ids, "view": view}})[1]


def pasted(state, text, **args):
    """The state after a paste."""
    return answer(state, {"op": "paste", "args": {"text": text, **args}, "revision": state.revision})[0]


def undone(state):
    return answer(state, {"op": "undo", "args": {}, "revision": state.revision})[0]


def added(old, new):
    """The entries that a document has and another one had not."""
    return [entry for key, entry in new.variables.items() if key not in old.variables]


def is_within(old, new):
    """Whether all of a sequence stands in another one in the same order."""
    rest = iter(new)
    return all(one in rest for one in old)


@st.composite
def selections(draw):
    """A small document, one of its views, and some elements of it."""
    document = draw(st.sampled_from(list(SMALL.values())))
    views = [number for number, view in enumerate(document.views) if not view.model]
    view = draw(st.sampled_from(views))
    state = of_document(document)
    ids = draw(st.lists(st.sampled_from(state.identity.lasting[view]), min_size=1, max_size=12, unique=True))
    return state, view, ids


@LAWS
@given(selections(), st.data())
def test_a_paste_only_adds_and_is_undone_exactly(selection, data):
    state, view, ids = selection
    try:
        reply = answer(state, {"op": "copied", "args": {"ids": ids, "view": view}})[1]
    except Refused as refused:
        assert "nothing that can be copied" in str(refused)
        return
    onto = data.draw(st.sampled_from([n for n, one in enumerate(state.document.views) if not one.model]))
    place = data.draw(st.sampled_from([{}, {"x": 200, "y": 200}, {"x": -40.5, "y": 1e5}]))
    new = pasted(state, reply["text"], view=onto, **place)
    assert undone(new).document.bytes == state.document.bytes
    assert is_within(state.document.text, new.document.text)
    if state.document.file != "<document>":
        assert is_within(state.document.text.splitlines(), new.document.text.splitlines())
    assert len(added(state.document, new.document)) == len(reply["names"])
    for number, one in enumerate(state.document.views):
        assert number == onto or len(new.document.views[number].elements) == len(one.elements)


@LAWS
@given(selections(), st.sampled_from([{}, {"x": 0, "y": 0}]))
def test_no_copy_hides_its_original(selection, place):
    state, view, ids = selection
    try:
        text = answer(state, {"op": "copied", "args": {"ids": ids, "view": view}})[1]["text"]
    except Refused:
        return
    elements = state.document.views[view].elements
    middle = [
        (one.x, one.y) for one, id in zip(elements, state.identity.lasting[view], strict=True) if id in ids
    ]
    where = {"x": middle[0][0], "y": middle[0][1]} if place else {}
    new = pasted(state, text, view=view, **where)
    before = {(one.x, one.y) for one in elements if one.kind != "connector"}
    after = [one for one in new.document.views[view].elements if one.kind not in ("connector", "cloud")]
    kept = {id for ids in state.identity.lasting for id in ids}
    fresh = [one for one in after if new.identity.to_lasting[one.id] not in kept]
    assert fresh
    assert not before & {(one.x, one.y) for one in fresh}


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.name)
def test_a_pasted_view_means_what_the_view_means(path):
    state = of_document(read(path))
    old = state.document
    for view in range(len(old.views)):
        reply = copied(state, view)
        new = pasted(state, reply["text"], view=view).document
        for one in added(old, new):
            twin = old.variables[one.name.removesuffix(" 2").removesuffix("_2")]
            assert (one.kind, one.units, one.documentation) == (twin.kind, twin.units, twin.documentation)
            assert one.limits == twin.limits and one.lookup == twin.lookup
        drawn = [
            [(one.kind, one.width, one.polarity) for one in doc.views[view].elements] for doc in (old, new)
        ]
        assert sorted(drawn[1]) == sorted(drawn[0] * 2)


@pytest.mark.parametrize("path", CLOSED)
def test_a_pasted_model_runs_to_the_same_series_under_its_new_names(path):
    state = of_document(read(path))
    reply = copied(state)
    new = pasted(state, reply["text"])
    run = sd.simulate(sd.load(new.document), engine="vectorised")
    alone = sd.simulate(sd.load(state.document), engine="vectorised")
    assert set(alone.columns) < set(run.columns)
    names = {canonical(name): name for name in run.columns}
    for name in reply["names"]:
        again = run[names[canonical(f"{name} 2")]].to_numpy()
        np.testing.assert_array_equal(again, alone[next(n for n in alone if canonical(n) == canonical(name))])
    read_by = {canonical(name) for entry in added(state.document, new.document) for name in entry.inflows}
    assert read_by <= {canonical(entry.name) for entry in added(state.document, new.document)}


@pytest.mark.parametrize("path", CLOSED)
def test_a_pasted_model_has_no_issue_that_the_model_had_not(path):
    state = of_document(read(path))
    new = pasted(state, copied(state)["text"]).document
    before = {(issue.code, canonical(issue.variable or "")) for issue in sd.check(state.document)}
    after = {(issue.code, canonical(issue.variable or "").removesuffix(" 2")) for issue in sd.check(new)}
    assert after <= before


@LAWS
@given(selections())
def test_a_copy_of_any_part_has_no_issue_but_that_nothing_uses_it(selection):
    state, view, ids = selection
    try:
        text = answer(state, {"op": "copied", "args": {"ids": ids, "view": view}})[1]["text"]
    except Refused:
        return
    new = pasted(state, text, view=view).document
    before = {(issue.code, canonical(issue.variable or "")) for issue in sd.check(state.document)}
    after = {(issue.code, canonical(issue.variable or "").removesuffix(" 2")) for issue in sd.check(new)}
    assert {code for code, _ in after - before} <= {"unused-variable"}


@pytest.mark.parametrize("name", ["farm", "tank"])
def test_arrays_keep_their_subscripts(name):
    state = of_document(SMALL[name])
    new = pasted(state, copied(state)["text"]).document
    fresh = {entry.name: entry for entry in added(state.document, new)}
    one, parts = {"farm": ("harvest 2", ["rye", "oats"]), "tank": ("hole 2", ["left", "right"])}[name]
    assert [block.subscripts for block in fresh[one].blocks] == parts
    run = sd.simulate(sd.load(new), engine="vectorised")
    stock = {"farm": ("field[rye]", "field 2[rye]"), "tank": ("water", "water 2")}[name]
    np.testing.assert_array_equal(run[stock[0]], run[stock[1]])


@pytest.mark.parametrize("bare", [BARE, BARE + "crop: wheat ~~|\n"])
def test_arrays_are_refused_by_name_where_their_dimension_or_element_is_missing(bare):
    text = copied(of_document(SMALL["farm"]), wanted=["harvest"])["text"]
    with pytest.raises(Refused, match=r"'harvest' has the subscript '(crop|rye)', which does not exist here"):
        pasted(of_document(from_bytes(bare.encode())), text)


def test_a_file_that_has_the_dimension_takes_an_array():
    text = copied(of_document(SMALL["farm"]), wanted=["harvest"])["text"]
    new = pasted(of_document(from_bytes((BARE + "crop: rye, oats ~~|\n").encode())), text).document
    assert [block.subscripts for block in new.variables["harvest"].blocks] == ["rye", "oats"]
    assert [one.variable for one in new.views[0].elements] == ["harvest"]


@pytest.mark.parametrize("name", ["seed.mdl", "seed.xmile"])
def test_a_stock_alone_has_no_flow_and_a_flow_alone_ends_in_clouds(name):
    state = of_document(SMALL[name])
    new = pasted(state, copied(state, wanted=["capability"], kind="stock")["text"]).document
    assert new.variables["capability"].inflows and not new.variables["capability 2"].inflows
    assert new.variables["capability 2"].equation.replace(" ", "").count("capabilitygrowth") == 0
    new = pasted(state, copied(state, wanted=["capability growth"], kind="flow")["text"]).document
    (flow,) = [one for one in new.views[0].elements if canonical(one.variable or "") == "capability growth 2"]
    kinds = {one.id: one.kind for one in new.views[0].elements}
    assert [kinds[flow.source], kinds[flow.target]] == ["cloud", "cloud"]


@pytest.mark.parametrize("name", ["seed.mdl", "seed.xmile"])
def test_names_count_on_and_references_to_others_stay(name):
    state = of_document(SMALL[name])
    text = copied(state, wanted=["researchers", "base theorists"])["text"]
    state = pasted(pasted(state, text), text)
    equation = state.document.variables["base theorists 3"].equation
    assert canonical(equation) == "researchers 3 * theorist fraction"
    state = pasted(state, copied(state, wanted=["researchers 2"])["text"])
    assert "researchers 4" in state.document.variables


def test_a_new_name_is_none_that_the_copies_refer_to():
    lines = "10,1,a,9,9,9,9,8,3,0,0,0,0,0,0\n10,2,b,99,9,9,9,8,3,0,0,0,0,0,0"
    file = "{UTF-8}\na = 1 ~~|\nb = a + a 2 ~~|\n" + SKETCH.format(lines)
    state = of_document(from_bytes(file.encode()))
    new = pasted(state, copied(state)["text"]).document
    assert new.variables["b 2"].equation == "a 3 + a 2"


@pytest.mark.parametrize("name", ["seed.mdl", "seed.xmile"])
def test_as_aliases_no_equation_is_written(name):
    state = of_document(SMALL[name])
    text = copied(state, wanted=["researchers", "capability"], kind="auxiliary")["text"]
    new = pasted(state, text, alias=True)
    assert new.document.variables.keys() == state.document.variables.keys()
    aliases = [
        [one.variable for one in doc.views[0].elements if one.kind == "alias"]
        for doc in (state.document, new.document)
    ]
    assert sorted(aliases[1]) == sorted([*aliases[0], "researchers"])
    assert new.steps[-1].name == "Paste alias of researchers"
    other = of_document(SMALL["farm" if name == "seed.mdl" else "tank"])
    with pytest.raises(Refused, match="there is no variable 'researchers' here"):
        pasted(other, text, alias=True)


def test_an_alias_of_what_was_not_copied_needs_its_variable():
    text = copied(of_document(SMALL["farm"]), 1, wanted=["rate"])["text"]
    new = pasted(of_document(SMALL["farm"]), text).document
    assert [one.kind for one in new.views[0].elements if one.variable == "rate"] == ["auxiliary", "alias"]
    for name in ("rate", "MAX"):
        other = text.replace("10,2,rate", f"10,2,{name}")
        with pytest.raises(Refused, match=f"there is no variable '{name}' here to be shown by an alias"):
            pasted(of_document(SMALL["seed.mdl"]), other)


def test_what_belongs_to_a_module_is_neither_copied_from_nor_pasted_into():
    state = of_document(SMALL["tank"])
    (inner,) = [number for number, view in enumerate(state.document.views) if view.model]
    with pytest.raises(Refused, match="belongs to the module 'valve'"):
        copied(state, inner)
    with pytest.raises(Refused, match="shown only"):
        pasted(state, copied(state)["text"], view=inner)


def test_a_character_that_the_file_cannot_hold_is_refused():
    source = of_document(from_bytes(BARE.replace("lone", "Größe").encode()))
    source = answer(source, {"op": "layout", "args": {}, "revision": 0})[0]
    text = copied(source)["text"]
    ascii_only = from_bytes(BARE.replace("{UTF-8}\n", "").encode("ascii"), encoding="ascii")
    with pytest.raises(Refused, match="does not exist in this file's encoding"):
        pasted(of_document(ascii_only), text)


# what is not ours


def part(model, **other):
    return json.dumps({"sdtheory": 1, "format": "vensim", "model": model, **other})


WORD = "10,1,new,9,9,9,9,8,3,0,0,0,0,0,0"
GOOD = "{UTF-8}\nnew = 1 ~~|\n" + SKETCH.format(WORD)
HOSTILE = {
    "no text": ("", "holds no part"),
    "words": ("births = 2", "holds no part"),
    "a number": ("12", "holds no part"),
    "another object": ('{"a": 1}', "holds no part"),
    "nested deep": ("[" * 100_000, "holds no part"),
    "a key more": (part(GOOD, more=1), "damaged"),
    "no model": (part(None), "damaged"),
    "half a character": ('{"sdtheory": 1, "format": "vensim", "model": "\\ud800"}', "damaged"),
    "a later version": (part(GOOD, sdtheory=2), "another version"),
    "true for a version": (part(GOOD, sdtheory=True), "another version"),
    "an unknown format": (part(GOOD, format="<b>"), "the format '<b>' is unknown"),
    "the other format": (part(GOOD, format="xmile"), "it is XMILE, and this file is Vensim"),
    "an empty model": (part(""), "more than variables"),
    "no view": (part("{UTF-8}\nnew = 1 ~~|\n"), "more than variables"),
    "two views": (part(GOOD.replace("///---", SKETCH.format(WORD).split("///---\\")[0] + "///---", 1)), "more than"),
    "a dimension": (part(GOOD.replace("new = 1", "d: a, b ~~|\nnew = 1")), "more than variables"),
    "a macro": (part(":MACRO: m(a)\nm = a ~~|\n:END OF MACRO:\n" + GOOD), "more than variables"),
    "a group": (part(GOOD.replace("new = 1", "****\n\t.G\n****~\n\t|\nnew = 1")), "more than variables"),
    "a setting": (part(GOOD.replace("new", "TIME STEP")), "no variable that can be copied"),
    "not drawn": (part(GOOD.replace("new = 1", "more = 1 ~~|\nnew = 1")), "'more' is declared but not drawn"),
    "not declared": (part("{UTF-8}\n" + SKETCH.format(WORD)), "'new' is drawn but not declared"),
    "a line of the sketch": (part(GOOD.replace(WORD, WORD + "\nwhat is this")), "more than variables"),
    "an arrow to nowhere": (part(GOOD.replace(WORD, WORD + "\n1,2,1,7,0,0,0,0,0,0,0,-1--1--1,,1|(0,0)|")), "more than"),
    "a far place": (part(GOOD.replace("9,9,9,9", "1e9,9,9,9")), "cannot be drawn"),
    "a long name": (part(GOOD.replace("new", "n" * 600)), "a name is longer than 512"),
    "a backslash": (part(GOOD.replace("new", '"n\\\\ew"')), "a name cannot hold a backslash"),
    "nothing drawn": (part("{UTF-8}\n" + SKETCH.format("12,1,48,9,9,9,9,0,3,0,0,-1,0,0,0")), "it has no elements"),
    "a long equation": (part(GOOD.replace("= 1", "= " + "1+" * 40_000 + "1")), "limit"),
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_a_text_is_refused_with_one_line_that_says_why(what):
    text, reason = HOSTILE[what]
    state = of_document(from_bytes(GOOD.replace("new", "old").encode()))
    with pytest.raises(Refused, match=reason) as refused:
        pasted(state, text)
    assert "\n" not in refused.value.plain()["message"]
    assert len(refused.value.plain()["message"]) < 400
    assert "new" in pasted(state, part(GOOD)).document.variables


@pytest.mark.parametrize(
    "inside",
    [
        '<!DOCTYPE x [<!ENTITY e "e">]>',
        '<module name="m"/>',
        '<group name="g"/>',
        '<dimensions><dim name="d" size="2"/></dimensions>',
    ],
)
def test_xml_that_is_more_than_variables_is_refused(inside):
    text = json.loads(copied(of_document(SMALL["tank"]), 1)["text"])
    model = text["model"]
    model = inside + model if "DOCTYPE" in inside else model.replace("<variables>", f"<variables>{inside}")
    if "dim name" in inside:
        model = text["model"].replace("<model>", f"{inside}<model>")
    state = of_document(SMALL["tank"])
    with pytest.raises(Refused, match="cannot be pasted"):
        pasted(state, json.dumps({**text, "model": model}))


def test_what_a_vendor_added_stays_out_of_files_that_do_not_declare_it():
    text = copied(of_document(SMALL["tank"]), 1)["text"].replace(
        '<aux name=\\"gauge\\"', '<aux evil:on=\\"1\\" name=\\"gauge\\"', 1
    )
    text = text.replace("<xmile ", '<xmile xmlns:evil=\\"urn:x\\" ', 1)
    assert "evil" not in pasted(of_document(SMALL["tank"]), text).document.text


def test_limits_of_the_document_hold():
    document = from_bytes(FARM.encode(), limits=Limits(view_elements=30))
    state = of_document(document)
    text = copied(state)["text"]
    with pytest.raises(Refused, match="limit of 30"):
        for _ in range(5):
            state = pasted(state, text)


@LAWS
@given(st.sampled_from(["farm", "tank", "seed.xmile"]), st.data())
def test_a_damaged_text_is_refused_or_means_a_paste(name, data):
    state = of_document(SMALL[name])
    text = json.loads(copied(state)["text"])
    model = text["model"]
    start = data.draw(st.integers(0, len(model)))
    stop = min(len(model), start + data.draw(st.integers(0, 40)))
    new = data.draw(
        st.sampled_from(["", "|", "~", '"', "<", ">", "&", "{", "\\\\\\---///", ",", "[crop]", "\x00", "é"])
    )
    damaged = json.dumps({**text, "model": model[:start] + new + model[stop:]})
    try:
        after = pasted(state, damaged)
    except Refused:
        return
    assert undone(after).document.bytes == state.document.bytes
    assert is_within(state.document.text, after.document.text)
    assert after.document.dimensions.keys() == state.document.dimensions.keys()


@LAWS
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.sampled_from(["sdtheory", "format", "model"]), x),
    )
)
def test_any_other_json_is_refused(value):
    with pytest.raises(Refused):
        pasted(of_document(SMALL["farm"]), json.dumps(value))
