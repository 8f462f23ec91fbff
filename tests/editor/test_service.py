"""One operation at a time: what it writes, what it tells the page, what it refuses."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json

import pytest
from small_models import FARM, TANK

from sdtheory.checking import check
from sdtheory.diagrams.stock_flow import stock_flow_scenes
from sdtheory.documents import from_bytes, read
from sdtheory.editor.service import Refused, answer, of_document, opened, saved, scene, taken
from sdtheory.editor.state import AWAKE
from sdtheory.editor.work import work
from sdtheory.engines.simulate import simulate
from sdtheory.errors import SDError
from sdtheory.translate import load

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


def refused(state, op, **arguments):
    with pytest.raises(Refused) as caught:
        done(state, op, **arguments)
    return caught.value.plain()


def lines_changed(before, after):
    old, new = before.text.splitlines(), after.text.splitlines()
    changed = [line[0] for line in difflib.ndiff(old, new) if line[0] in "+-"]
    return max(changed.count("+"), changed.count("-"))


@pytest.fixture
def farm():
    return of_document(from_bytes(FARM.encode()))


@pytest.fixture
def tank():
    return of_document(from_bytes(TANK.encode()))


# scenes


def test_the_scene_is_plain_json(state, farm, tank):
    for one in (state, farm, tank):
        for view in range(len(one.document.views)):
            shown = scene(one, view)
            assert json.loads(json.dumps(shown, allow_nan=False)) == shown


def test_what_the_page_draws_is_what_files_draw(state):
    (drawn,) = stock_flow_scenes(state.document)
    groups = [group for one in scene(state)["elements"] for group in one["groups"]]
    assert sorted(group["role"] for group in groups) == sorted(group.role for group in drawn.groups)
    assert sum(len(group["shapes"]) for group in groups) == sum(len(group.shapes) for group in drawn.groups)
    assert len({group["id"] for group in groups}) == len(groups)


def test_a_stock_says_its_net_flow_and_its_beginning_apart(state):
    found = scene(state)["variables"]["capability"]
    vensim = state.document.format == "vensim"
    assert found["equation"] == ("capability growth" if vensim else "")
    assert found["initial"].replace("_", " ") == "initial capability"
    assert found["inflows"] and "capability growth" in found["inputs"]
    assert "understanding gap" in found["uses"]


def test_a_variable_knows_its_drawings(state):
    found = scene(state)
    for name, variable in found["variables"].items():
        ids = {one["id"] for one in found["elements"] if one["variable"] == name}
        assert set(variable["elements"]) == ids


# edits


@pytest.mark.parametrize("kind", ["auxiliary", "text", "alias"])
def test_dragging_one_element_changes_at_most_three_lines(state, farm, tank, kind):
    for one in (state, farm, tank):
        shown = scene(one)["elements"]
        links = [
            end for link in shown if link["kind"] == "connector" for end in (link["source"], link["target"])
        ]
        for element in shown:
            if element["kind"] == kind and links.count(element["id"]) < 3:
                place = {"id": element["id"], "x": element["x"] + 7, "y": element["y"] - 3}
                new, reply = done(one, "move", elements=[place])
                assert lines_changed(one.document, new.document) <= 3
                assert element["id"] in {each["id"] for each in reply["changed"]}
                assert len(json.dumps(reply)) < 12_000


def test_a_run_is_the_same_after_a_move(state):
    stock = id_of(state, "capability", "stock")
    new, _ = done(state, "move", elements=[{"id": stock, "x": 333, "y": 222}])
    before, after = (simulate(load(one.document)) for one in (state, new))
    assert (before.to_numpy() == after.to_numpy()).all()


def test_one_operation_is_one_step_however_many_elements_it_moves(state):
    elements = [one for one in scene(state)["elements"] if one["kind"] in ("stock", "auxiliary")][:4]
    places = [{"id": one["id"], "x": one["x"] + 10, "y": one["y"]} for one in elements]
    new, reply = done(state, "move", elements=places)
    assert len(new.steps) == 2 and reply["history"]["undo_name"] == "Move 4 elements"
    moved = {one["id"]: one["x"] for one in scene(new)["elements"]}
    assert all(moved[place["id"]] == place["x"] for place in places)


def test_steps_are_named_after_what_they_do(state):
    stock = id_of(state, "capability", "stock")
    state, _ = done(state, "move", elements=[{"id": stock, "x": 1, "y": 2}])
    state, reply = done(state, "set_documentation", name="capability", text="what systems do")
    assert reply["history"]["undo_name"] == "Edit documentation of capability"
    entries, position = answer(state, {"op": "history"})[1].values()
    assert [one["name"] for one in entries] == ["", "Move capability", "Edit documentation of capability"]
    assert position == 2


def test_what_was_undone_is_forgotten_by_the_next_edit(state):
    state, _ = done(state, "set_units", name="capability", text="a")
    state, _ = done(state, "undo")
    state, reply = done(state, "set_units", name="capability", text="b")
    assert not reply["history"]["can_redo"] and len(state.steps) == 2


def test_a_long_history_keeps_the_bytes_of_old_steps_alone(state):
    opened_bytes = state.document.bytes
    for number in range(AWAKE + 3):
        state, _ = done(state, "set_documentation", name="capability", text=f"edit {number}")
    asleep = ["index" not in vars(step.document) for step in state.steps]
    assert asleep == [True] * 4 + [False] * AWAKE
    while state.position:
        state, reply = done(state, "undo")
    assert state.document.bytes == opened_bytes and not reply["dirty"]
    assert scene(state)["elements"] == scene(of_document(state.document))["elements"]


def test_a_flow_is_drawn_along_its_points_with_clouds_at_loose_ends(state):
    stock = id_of(state, "capability", "stock")
    at = next(one for one in scene(state)["elements"] if one["id"] == stock)
    points = [[at["x"], at["y"]], [at["x"] + 200, at["y"]]]
    state, reply = done(state, "add_flow", name="decay", source=stock, target=None, points=points)
    flow = next(one for one in reply["changed"] if one["id"] == reply["focus"])
    cloud = next(one for one in reply["changed"] if one["kind"] == "cloud")
    assert flow["source"] == stock and flow["target"] == cloud["id"]
    assert (cloud["x"], cloud["y"]) == pytest.approx(points[1], abs=12)
    assert "decay" in scene(state)["variables"]["capability"]["outflows"]
    state, reply = done(
        state, "attach", id=flow["id"], end="target", to=id_of(state, "understanding", "stock")
    )
    assert cloud["id"] in reply["removed"]
    assert "decay" in reply["variables"]["understanding"]["inflows"]


def test_links_follow_equations(state):
    state, reply = done(state, "set_equation", name="capability growth", text="2*theorists")
    shown = {one["id"]: one for one in scene(state)["elements"]}
    links = [one for one in shown.values() if one["kind"] == "connector"]
    into = [one["source"] for one in links if one["target"] == id_of(state, "capability growth", "flow")]
    assert [shown[source]["variable"] for source in into] == ["theorists"]
    assert reply["removed"]


def test_an_equation_with_a_fault_is_saved_as_it_is(state):
    state, _ = done(state, "set_equation", name="capability growth", text="2 * (theorists")
    assert state.document.entry("capability growth").equation == "2 * (theorists"
    state, _ = done(state, "set_equation", name="capability growth", text="nothing known")
    assert scene(state)["variables"]["capability growth"]["equation"] == "nothing known"


def test_a_net_flow_is_one_expression():
    state = of_document(read("models/m0_seed.mdl"))
    new, _ = done(state, "set_equation", name="capability", text="capability growth - 2")
    equation = " ".join(new.document.entry("capability").equation.split())
    assert equation == "INTEG ( capability growth - 2, initial capability)"
    for text in ("1, 2", "1)", "(1"):
        found = refused(state, "set_equation", name="capability", text=text)
        assert found["field"] == "text"


def test_the_net_flow_of_an_xmile_stock_is_that_of_its_flows(tank):
    assert refused(tank, "set_equation", name="water", text="3")["code"] == "stock"
    new, _ = done(tank, "set_initial", name="water", text="3")
    assert new.document.entry("water").equation == "3"


def test_an_equation_typed_into_the_units_is_refused_at_its_place(state):
    found = refused(state, "set_units", name="capability", text="theorists + 2")
    assert (found["code"], found["field"], found["start"], found["stop"]) == ("unit-syntax", "text", 10, 11)


def test_a_text_that_would_break_the_file_is_refused_at_its_place(farm):
    found = refused(farm, "set_equation", name="rate", text="2 ~ 3")
    assert (found["field"], found["start"], found["stop"]) == ("text", 2, 3)
    found = refused(farm, "set_documentation", name="rate", text="a | b | c")
    assert (found["field"], found["start"], found["stop"]) == ("text", 0, 9)
    found = refused(farm, "set_equation", name="rate", text='2 * "open')
    assert (found["start"], found["stop"]) == (0, 9)


def test_an_external_text_is_taken_in_the_files_own_encoding():
    text = "\ufeff" + FARM.replace("{UTF-8}\n", "").replace("hectare", "Größe")
    state = of_document(from_bytes(text.encode("utf-16")))
    new, reply = done(state, "take", text=state.document.text.replace("0.2", "0.4"))
    assert new.document.bytes == text.replace("0.2", "0.4").encode("utf-16") and not reply["dirty"]


def test_a_range_is_written_behind_the_units(state):
    _, reply = done(state, "set_range", name="search leverage", low=1e-05, high=None)
    assert reply["variables"]["search leverage"]["range"] == [1e-05, None, None]
    assert reply["variables"]["search leverage"]["units"] == "Dmnl"


def test_a_name_that_is_taken_is_refused_in_its_field(state):
    assert refused(state, "rename", name="capability", to="understanding")["field"] == "to"
    assert refused(state, "add_stock", name="capability", x=1, y=1)["field"] == "name"


def test_a_rename_is_previewed(state):
    preview = answer(state, {"op": "rename_preview", "args": {"name": "capability", "to": "skill"}})[1]
    _, reply = done(state, "rename", name="capability", to="skill")
    shown = [one for one in reply["changed"] if one["variable"] == "skill"]
    assert preview["drawings"] == len(shown) and preview["equations"] > 1 and preview["refused"] is None
    clash = answer(state, {"op": "rename_preview", "args": {"name": "capability", "to": "Time"}})[1]
    assert "already" in clash["refused"]


def test_a_shadow_of_time_is_kept_while_links_are_matched(farm):
    before = [one["id"] for one in scene(farm)["elements"] if one["variable"] == "Time"]
    new, _ = done(farm, "set_equation", name="rate", text="Time / 2")
    assert [one["id"] for one in scene(new)["elements"] if one["variable"] == "Time"] == before


def test_one_of_several_equations_is_edited_by_its_subscripts(farm):
    assert refused(farm, "set_equation", name="harvest", text="1")["code"] == "usage"
    _, reply = done(farm, "set_equation", name="harvest", text="1", subscripts="rye")
    texts = [one["text"] for one in reply["variables"]["harvest"]["equations"]]
    assert texts[0] == "1" and texts[1].startswith("0.25")


def test_the_points_of_a_lookup_are_edited_with_their_range(farm, tank):
    for one, name in ((farm, "table"), (tank, "gauge")):
        new, reply = done(one, "set_lookup", name=name, x=[0, 4.5, 9], y=[0, 1, 5], yscale=[-1, 6])
        lookup = reply["variables"][name]["lookup"]
        assert lookup["y"] == [0, 1, 5] and lookup["yscale"] == [-1, 6]
        assert lines_changed(one.document, new.document) <= 2
    new, reply = done(tank, "set_lookup", name="gauge", x=[0, 4.5, 9], y=[0, 1, 5], kind="discrete")
    assert reply["variables"]["gauge"]["lookup"]["kind"] == "discrete"
    assert refused(farm, "set_lookup", name="table", x=[0, 1], y=[0, 1], kind="discrete")["code"] == "usage"


def test_polarity_of_a_link_is_changed_alone(state, tank):
    for one in (state, tank):
        link = next(each for each in scene(one)["elements"] if each["kind"] == "connector")
        new, reply = done(one, "reshape", id=link["id"], polarity="-")
        assert [each["polarity"] for each in reply["changed"]] == ["-"]
        assert lines_changed(one.document, new.document) == 1
        _, reply = done(new, "reshape", id=link["id"], polarity="")
        assert reply["changed"][0]["polarity"] == ""


def test_the_bow_of_a_link_is_changed_by_its_handle(state, tank):
    for one in (state, tank):
        shown = scene(one)["elements"]
        link = next(each for each in shown if each["kind"] == "connector")
        ends = [next(each for each in shown if each["id"] == link[end]) for end in ("source", "target")]
        middle = [(ends[0][axis] + ends[1][axis]) / 2 for axis in "xy"]
        across = ends[0]["y"] - ends[1]["y"], ends[1]["x"] - ends[0]["x"]
        handle = [round(middle[axis] + across[axis] / 4) for axis in (0, 1)]
        new, reply = done(one, "reshape", id=link["id"], control=handle)
        assert reply["changed"][0]["control"] == pytest.approx(handle, abs=2)
        _, reply = done(new, "reshape", id=link["id"], control=None)
        assert reply["changed"][0]["control"] is None


def test_elements_are_aligned_and_spread_without_moving_others(state):
    chosen = [one for one in scene(state)["elements"] if one["kind"] == "auxiliary"][:3]
    ids = [one["id"] for one in chosen]
    new, _ = done(state, "align", ids=ids, how="top")
    tops = {one["y"] - one["height"] / 2 for one in scene(new)["elements"] if one["id"] in ids}
    assert max(tops) - min(tops) <= 1
    new, _ = done(new, "align", ids=ids, how="distribute-across")
    xs = sorted(one["x"] for one in scene(new)["elements"] if one["id"] in ids)
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1], abs=1)
    untouched = {one["id"]: one for one in scene(state)["elements"] if one["kind"] == "stock"}
    assert all(
        untouched[one["id"]]["x"] == one["x"] for one in scene(new)["elements"] if one["id"] in untouched
    )
    assert refused(state, "align", ids=ids, how="up")["field"] == "how"


def test_what_no_view_shows_is_drawn_with_its_links(state):
    text = state.document.text
    if state.document.format == "vensim":
        bare = text[: text.index("\\\\\\---///")]
    else:
        bare = text[: text.index("<views>")] + text[text.index("</views>") + len("</views>") :]
    state = of_document(from_bytes(bare.encode()))
    assert not scene(state)["elements"]
    new, reply = done(state, "layout")
    assert {one["variable"] for one in reply["changed"]} >= {"capability", "search leverage"}
    assert not [issue for issue in check(new.document) if "connector" in issue.code]
    assert refused(new, "layout")["code"] == "layout"
    assert done(new, "undo")[0].document.bytes == state.document.bytes


def test_a_file_without_a_drawing_gets_its_first_view_with_the_first_element(farm):
    bare = of_document(from_bytes(FARM[: FARM.index("\\\\\\---///")].encode()))
    new, reply = done(bare, "add_stock", name="silo", x=50, y=60)
    assert reply["views"][0]["name"] == "View 1" and reply["focus"]
    assert len(new.steps) == 2


def test_modules_are_shown_only(tank):
    shown = scene(tank, 2)
    assert {one["variable"] for one in shown["elements"]} == {"valve.x", "valve.twice"}
    for message in (
        {"op": "move", "args": {"view": 2, "elements": [{"id": shown["elements"][0]["id"], "x": 1, "y": 1}]}},
        {"op": "set_equation", "args": {"name": "valve.twice", "text": "3"}},
        {"op": "add_stock", "args": {"view": 2, "name": "n", "x": 1, "y": 1}},
    ):
        with pytest.raises(Refused) as caught:
            answer(tank, {**message, "revision": 0})
        assert caught.value.code == "read-only"


def test_views_are_added_and_renamed(state, tank):
    for one in (state, tank):
        _, reply = done(one, "add_view", name="detail")
        assert "detail" in [view["name"] for view in reply["views"]]
        _, reply = done(one, "rename_view", index=0, name="whole")
        assert reply["views"][0]["name"] == "whole"


# questions


def test_names_are_found_in_all_views(farm):
    found = answer(farm, {"op": "find", "args": {"text": "rat"}})[1]["found"]
    assert [(one["view"], one["kind"]) for one in found] == [(0, "auxiliary"), (1, "alias")]
    nowhere = answer(farm, {"op": "find", "args": {"text": "table"}})[1]["found"]
    assert [(one["name"], one["id"]) for one in nowhere] == [("table", None)]


def test_causes_and_uses_are_followed_to_their_depth_and_no_name_twice(state):
    causes = answer(state, {"op": "causes", "args": {"name": "understanding gap", "depth": 2}})[1]
    assert {one["name"] for one in causes["children"]} == {"capability", "understanding"}
    uses = answer(state, {"op": "uses", "args": {"name": "capability", "depth": 9}})[1]
    followed = []

    def walk(branch):
        if not branch["seen"]:
            followed.append(branch["name"])
        for child in branch["children"]:
            walk(child)

    walk(uses)
    assert len(followed) == len(set(followed))


def test_the_difference_to_the_saved_file_is_a_unified_diff(state):
    assert answer(state, {"op": "diff"})[1] == {"text": ""}
    new, _ = done(state, "set_units", name="capability", text="points")
    text = answer(new, {"op": "diff"})[1]["text"]
    assert text.startswith("--- ") and "+" in text and "points" in text


# refusals


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"op": None},
        {"op": "fly", "args": {}},
        {"op": "move"},
        {"op": "move", "args": []},
        {"op": "move", "args": {"elements": [{"id": "0:1", "x": "1", "y": 2}]}},
        {"op": "move", "args": {"elements": [{"id": "0:1", "x": float("nan"), "y": 2}]}},
        {"op": "move", "args": {"elements": [{"id": "no such", "x": 1, "y": 2}]}},
        {"op": "move", "args": {"elements": [], "view": -1}},
        {"op": "move", "args": {"elements": [], "view": True}},
        {"op": "add_text", "args": {"text": "a", "x": 1, "y": 1, "view": 99}},
        {"op": "add_stock", "args": {"name": "n", "x": 1, "y": 1, "colour": "red"}},
        {"op": "add_stock", "args": {"name": "n", "x": 1e300, "y": 1}},
        {"op": "remove", "args": {"ids": ["0:1", "../../etc"]}},
        {"op": "set_equation", "args": {"name": "nobody", "text": "1"}},
        {"op": "set_equation", "args": {"name": "capability", "text": 3}},
        {"op": "experiment", "args": {"id": "../m0_seed.toml"}},
        {"op": "connect", "args": {"source": "0:1", "target": "0:1"}},
        {"op": "redo", "args": {}},
    ],
)
def test_a_wrong_message_is_refused_and_changes_nothing(state, message):
    before = scene(state)
    with pytest.raises(Refused) as caught:
        answer(state, {"revision": 0, **message})
    assert set(caught.value.plain()) >= {"code", "message", "field", "start", "stop"}
    assert scene(state) == before


def test_nothing_is_edited_that_is_open_for_reading_only(state):
    shut = dataclasses.replace(state, read_only=True)
    assert refused(shut, "set_units", name="capability", text="a")["code"] == "read-only"


# files


def test_a_file_that_cannot_be_run_is_shown_and_edited_all_the_same(tmp_path):
    path = tmp_path / "broken.mdl"
    path.write_text(FARM.replace("rate = 0.2", "rate = 0.2 * (nothing"), encoding="utf-8")
    state = opened(path)
    assert scene(state)["elements"]
    with pytest.raises(Refused) as caught:
        work(state.document, "simulate", {}, {})
    assert caught.value.code == "cannot-run" and "rate" in caught.value.message
    assert any(issue["variable"] == "rate" for issue in work(state.document, "issues", {}, {})["issues"])
    state, _ = done(state, "set_equation", name="rate", text="0.3")
    assert work(state.document, "simulate", {}, {})["status"] == "ok"


def test_saving_over_what_another_program_wrote_needs_force(tmp_path):
    path = tmp_path / "farm.mdl"
    path.write_bytes(FARM.encode())
    state = opened(path)
    state, _ = done(state, "set_equation", name="rate", text="0.3")
    path.write_bytes(FARM.replace("0.2", "0.4").encode())
    with pytest.raises(Refused) as caught:
        saved(state)
    assert caught.value.code == "disk-changed" and "0.4" in caught.value.plain()["diff"]
    assert caught.value.plain()["hash"] == hashlib.sha256(path.read_bytes()).hexdigest()
    state = saved(state, force=True)
    assert path.read_bytes() == state.document.bytes and not state.dirty
    state, _ = done(state, "undo")
    assert state.dirty
    assert saved(state).saved == path.read_bytes() == FARM.encode()


def test_an_external_change_can_be_undone(tmp_path):
    path = tmp_path / "farm.mdl"
    path.write_bytes(FARM.encode())
    state = taken(opened(path), FARM.replace("0.2", "0.4").encode())
    assert state.steps[-1].name == "Change on disk" and not state.dirty
    state, reply = done(state, "undo")
    assert state.document.bytes == FARM.encode() and reply["dirty"]


def test_a_half_written_file_is_not_taken(tank):
    with pytest.raises(SDError):
        taken(tank, TANK[:900].encode())
