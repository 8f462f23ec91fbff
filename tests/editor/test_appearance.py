"""Looks of drawn links: each is a step of its own, which changes the line that says it and nothing else."""

from __future__ import annotations

import difflib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import FARM, TANK

import sdtheory as sd
from sdtheory.documents import from_bytes, read
from sdtheory.editor.service import Refused, answer, of_document, scene
from sdtheory.editor.work import work

MODELS = [read(f"models/{name}") for name in ("m0_seed.mdl", "m0_seed.xmile", "m1_delays.mdl")]
DOCUMENTS = [*MODELS, from_bytes(FARM.encode()), from_bytes(TANK.encode())]
LOOKS = st.one_of(
    st.tuples(st.just("delay"), st.booleans()),
    st.tuples(st.just("line_style"), st.sampled_from(["solid", "dashed"])),
    st.tuples(st.just("polarity"), st.sampled_from(["+", "-", ""])),
)


def done(state, op, **arguments):
    return answer(state, {"op": op, "args": arguments, "revision": state.revision})


def links(state) -> list:
    return [one for one in scene(state)["elements"] if one["kind"] == "connector"]


def lines_changed(before, after) -> tuple[int, int]:
    """How many lines are gone, and how many are new."""
    lines = difflib.ndiff(before.text.splitlines(), after.text.splitlines())
    signs = [line[0] for line in lines]
    return signs.count("-"), signs.count("+")


@given(document=st.sampled_from(DOCUMENTS), data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_look_of_a_link_changes_its_own_line_and_undo_gives_the_old_bytes(document, data):
    state = first = of_document(document)
    for _ in range(3):
        link = data.draw(st.sampled_from(links(state)))
        word, value = data.draw(LOOKS)
        if word == "line_style" and document.format == "vensim":
            with pytest.raises(Refused):
                done(state, "reshape", id=link["id"], line_style=value)
            continue
        new, _ = done(state, "reshape", id=link["id"], **{word: value})
        same = (link[word] or "solid" if word == "line_style" else link[word]) == value
        assert lines_changed(state.document, new.document) in ([(0, 0)] if same else [(1, 1)])
        after = {one["id"]: one for one in links(new)}
        assert (after.pop(link["id"])[word] or "solid") == (value or "solid")
        assert after == {one["id"]: one for one in links(state) if one["id"] != link["id"]}
        state = new
    while state.position:
        state, _ = done(state, "undo")
    assert state.document.bytes == first.document.bytes


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_mark_of_delay_is_drawn_as_two_strokes_and_taken_away_again(document):
    state = of_document(document)
    link = links(state)[0]
    marked, reply = done(state, "reshape", id=link["id"], delay=True)
    (shown,) = reply["changed"]
    assert shown["delay"] and [shape["role"] for shape in shown["groups"][0]["shapes"]].count("delay") == 2
    assert reply["history"]["undo_name"].startswith("Delay mark of link ")
    back, reply = done(marked, "reshape", id=link["id"], delay=False)
    assert back.document.bytes == document.bytes
    assert [shape["role"] for shape in reply["changed"][0]["groups"][0]["shapes"]].count("delay") == 0


def test_the_mark_is_one_bit_of_a_field_and_one_attribute():
    farm, tank = of_document(DOCUMENTS[-2]), of_document(DOCUMENTS[-1])
    marked, reply = done(farm, "reshape", id=links(farm)[0]["id"], delay=True)
    assert "1,8,9,6,1,0,43,0,0,65,0,-1--1--1,,1|(150,260)|" in marked.document.text
    assert reply["history"]["undo_name"] == "Delay mark of link rate to growth"
    marked, _ = done(tank, "reshape", id=links(tank)[0]["id"], delay=True)
    assert '<connector uid="4" angle="45" polarity="+" delay_mark="true">' in marked.document.text


def test_a_dashed_line_is_an_attribute_and_drawn_so():
    state = of_document(DOCUMENTS[-1])
    link = links(state)[0]
    dashed, reply = done(state, "reshape", id=link["id"], line_style="dashed")
    assert '<connector uid="4" angle="45" polarity="+" line_style="dashed">' in dashed.document.text
    assert reply["history"]["undo_name"] == "Line of link drain time to leak"
    lines = [shape for shape in reply["changed"][0]["groups"][0]["shapes"] if shape["role"] == "line"]
    assert [shape["dash"] for shape in lines] == [[5.0, 4.0]]
    solid, _ = done(dashed, "reshape", id=link["id"], line_style="solid")
    assert links(solid)[0]["groups"] == link["groups"]


def test_a_line_is_dashed_by_the_style_of_its_view_until_the_link_says_otherwise():
    text = TANK.replace(
        '<view type="stock_flow">\n',
        '<view type="stock_flow">\n<style><connector line_style="dashed"/></style>\n',
        1,
    )
    state = of_document(from_bytes(text.encode()))
    assert {one["line_style"] for one in links(state)} == {"dashed"}
    solid, reply = done(state, "reshape", id=links(state)[1]["id"], line_style="solid")
    assert lines_changed(state.document, solid.document) == (1, 1)
    assert [one["line_style"] for one in reply["changed"]] == ["solid"]


def test_what_is_no_link_has_no_mark_of_it():
    for document in (DOCUMENTS[-2], DOCUMENTS[-1]):
        state = of_document(document)
        others = [
            one["id"] for one in scene(state)["elements"] if one["kind"] in ("stock", "auxiliary", "flow")
        ]
        for id in others:
            for look in ({"delay": True}, {"line_style": "dashed"}, {"polarity": "+"}):
                with pytest.raises(Refused):
                    done(state, "reshape", id=id, **look)
    with pytest.raises(Refused, match="line_style='wavy'"):
        done(state, "reshape", id=links(state)[0]["id"], line_style="wavy")


def test_the_colour_of_an_arrow_is_written_so_that_vensim_heeds_it():
    state = of_document(DOCUMENTS[-2])
    new, reply = done(state, "reshape", id=links(state)[0]["id"], colour="255-0-0")
    assert "1,8,9,6,1,0,43,0,1,64,0,255-0-0,,1|(150,260)|" in new.document.text
    assert reply["history"]["undo_name"] == "Colour of link rate to growth"


@pytest.mark.parametrize("document", MODELS)
def test_computed_signs_are_those_of_the_links_among_the_loops(document):
    assert work(document, "signs", {}, {})["links"] == work(document, "loops", {}, {})["links"]


@pytest.mark.filterwarnings("always::sdtheory.errors.SDWarning")
def test_a_dashed_line_that_vensim_cannot_hold_is_told_of(recwarn):
    state = of_document(DOCUMENTS[-1])
    dashed, _ = done(state, "reshape", id=links(state)[0]["id"], line_style="dashed")
    sd.convert(dashed.document, "vensim")
    assert "convert-lost: 1 × dashed line of a connector" in [str(one.message) for one in recwarn.list]
