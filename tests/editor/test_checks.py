"""One equation looked through while it is typed: what is wrong stands where it is said to stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_models import FARM, TANK

from sdtheory.documents import from_bytes, read
from sdtheory.editor.service import answer, of_document
from sdtheory.model.expression import Table
from sdtheory.translate import load
from sdtheory.translate.equation import expression_of

DOCUMENTS = {
    "m1.mdl": read("models/m1_delays.mdl"),
    "m1.xmile": read("models/m1_delays.xmile"),
    "farm.mdl": from_bytes(FARM.encode()),
    "tank.xmile": from_bytes(TANK.encode()),
}
STATES = {name: of_document(document) for name, document in DOCUMENTS.items()}
EQUATIONS = [
    (name, key, block.equation)
    for name, document in DOCUMENTS.items()
    for key, entry in document.variables.items()
    if entry.kind in ("flow", "auxiliary")
    for block in entry.blocks
    if block.equation
]


def checked(state, name, text, **more):
    return answer(state, {"op": "check", "args": {"name": name, "text": text, **more}})[1]


@pytest.fixture
def farm():
    return STATES["farm.mdl"]


@pytest.fixture
def seed():
    return of_document(read("models/m0_seed.mdl"))


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_an_equation_by_itself_is_read_as_in_its_model(name):
    document = DOCUMENTS[name]
    model = load(document)
    for key, entry in document.variables.items():
        if entry.kind in ("flow", "auxiliary") and len(entry.blocks) == 1 and entry.lookup is None:
            axes = tuple(part.strip() for part in entry.blocks[0].subscripts.split(",") if part.strip())
            tree = model.variables[key].equations[0].expression
            assert isinstance(tree, Table) or expression_of(document, key, entry.equation, axes) == tree


@pytest.mark.parametrize(("name", "key", "text"), EQUATIONS)
def test_the_equations_of_a_sound_model_have_no_fault(name, key, text):
    reply = checked(STATES[name], key, text)
    assert not [one for one in reply["issues"] if one["severity"] == "error"]


@given(st.sampled_from(EQUATIONS), st.data())
def test_whatever_is_typed_is_answered_with_places_inside_it(equation, data):
    name, key, text = equation
    cut = data.draw(st.integers(0, len(text)))
    typed = text[:cut] + data.draw(st.text("ab_ +-*/^()[]{},.\"'12:=<>é\n\\", max_size=5))
    caret = data.draw(st.integers(0, len(typed)))
    reply = checked(STATES[name], key, typed, caret=caret, ticket=7, all=data.draw(st.booleans()))
    assert reply["ticket"] == 7
    for issue in reply["issues"]:
        assert 0 <= issue["start"] <= issue["stop"] <= max(len(typed), issue["start"] + 1)
    completion = reply["completion"]
    assert 0 <= completion["start"] <= caret <= completion["stop"] <= len(typed)


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("rate * field[rye] +", "syntax", ""),
        ("MAX(rate, 2", "syntax", "("),
        ("rate * feild[rye]", "undefined-name", "feild"),
        ("MAXX(rate, 2)", "undefined-name", "MAXX"),
        ("field[ray]", "undefined-name", "ray"),
        ("1 + STEP(2)", "equation", "STEP"),
        ("rate(3)", "equation", "rate"),
        ("", "missing-equation", ""),
    ],
)
def test_a_fault_is_marked_where_it_is(farm, text, code, place):
    (issue,) = checked(farm, "growth", text)["issues"]
    assert issue["code"] == code
    if place:
        assert text[issue["start"] : issue["stop"]] == place


def test_the_nearest_name_is_suggested(farm):
    (issue,) = checked(farm, "growth", "rat * 2")["issues"]
    assert issue["suggestion"] == "rate" and "did you mean 'rate'?" in issue["message"]


def test_units_that_do_not_balance_are_said_with_both_sides_and_those_that_would(seed):
    (issue,) = checked(seed, "capability growth", "capability")["issues"]
    assert issue["code"] == "units" and issue["suggestion"] == "Doubling"
    assert "Doubling/Year" in issue["message"] and "gives Doubling" in issue["message"]
    entry = seed.document.entry("capability growth")
    (of_units,) = checked(seed, entry.name, "Month", field="units")["issues"]
    assert of_units["suggestion"] == "Doubling/Year"
    assert not checked(seed, entry.name, entry.units, field="units")["issues"]


def test_a_stock_is_checked_by_its_net_flow_and_its_beginning_apart(seed):
    assert not checked(seed, "capability", "capability growth")["issues"]
    (rate,) = checked(seed, "capability", "capability")["issues"]
    (initial,) = checked(seed, "capability", "capability growth", field="initial")["issues"]
    assert (rate["field"], initial["field"]) == ("equation", "initial")


@pytest.mark.parametrize(
    "text", ["capability + 2", "MAX(a, b)", "a = b", "m/", "search leverage * researchers"]
)
def test_an_equation_is_no_unit(seed, text):
    (issue,) = checked(seed, "capability", text, field="units")["issues"]
    assert issue["code"] == "unit-syntax" and 0 <= issue["start"] < issue["stop"] <= len(text)


def test_a_name_that_is_taken_is_said_at_once(seed):
    assert checked(seed, "capability", "Under_standing", field="name")["issues"] == []
    (issue,) = checked(seed, "capability", "Understanding", field="name")["issues"]
    assert "already" in issue["message"]
    assert checked(seed, "capability", "CAPABILITY", field="name")["issues"] == []


def candidates(state, name, text, **more):
    return [one["text"] for one in checked(state, name, text, **more)["completion"]["candidates"]]


def test_inputs_on_the_diagram_come_first():
    for state in (STATES["m1.mdl"], STATES["m1.xmile"]):
        first = checked(state, "explanation", "", all=True)["completion"]["candidates"]
        kinds = [one["kind"] for one in first]
        assert kinds[0] == "input"
        assert "input" not in kinds[kinds.index(next(kind for kind in kinds if kind != "input")) :]


def test_words_within_names_are_found_and_spelled_as_the_file_does():
    assert "understood share" in candidates(STATES["m1.mdl"], "explanation", "1 * und sha")
    assert "understood_share" in candidates(STATES["m1.xmile"], "explanation", "1 * sha")
    odd = '"the \\"good\\" barn, old"'
    assert odd in candidates(STATES["farm.mdl"], "growth", "rate * good")


def test_functions_and_subscripts_are_offered_where_they_fit(farm):
    assert "SMOOTH(" in candidates(farm, "growth", "smo")
    assert candidates(farm, "growth", "field[ry") == ["rye"]
    assert "rate" not in candidates(farm, "growth", "field[r")


def test_the_call_at_the_caret_is_explained(farm):
    at = checked(farm, "growth", "SMOOTH(rate * MAX(1, 2), ")["at"]
    assert at == {"function": "SMOOTH", "arguments": "input, time", "index": 1}


def test_units_in_use_are_offered(seed):
    assert "Doubling/Year" in candidates(seed, "capability", "doub", field="units")


def test_a_text_beyond_the_limit_is_not_read(farm):
    (issue,) = checked(farm, "growth", "(" * 70_000)["issues"]
    assert issue["code"] == "limit"
    (issue,) = checked(farm, "growth", "(" * 200 + "1" + ")" * 200)["issues"]
    assert "limit" in issue["message"]
