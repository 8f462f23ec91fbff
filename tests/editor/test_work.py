"""Runs, loops and comparisons for the page: the numbers of the package, as many as can be shown."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from serving import unpacked
from small_models import FARM, TANK

from sdtheory.checking import check
from sdtheory.documents import from_bytes, read
from sdtheory.editor.models import model_to_run
from sdtheory.editor.runs import thin
from sdtheory.editor.service import SLOW, Refused, answer, of_document
from sdtheory.editor.work import work, work_steps
from sdtheory.engines.simulate import simulate
from sdtheory.experiments.compare import compare
from sdtheory.experiments.experiment import Experiment
from sdtheory.feedback.loops import find_loops
from sdtheory.translate import load

SEED = read("models/m0_seed.xmile")
EXPERIMENTS = {"seed": "models/m0_seed.toml"}


def plain(reply):
    """The reply as it arrives at the page."""
    return json.loads(json.dumps(reply, allow_nan=False))


@given(
    arrays(float, st.integers(1, 60), elements=st.floats(-1e6, 1e6) | st.just(float("nan"))),
    st.integers(1, 20),
)
def test_thinning_keeps_the_least_and_the_largest_of_every_pixel(values, width):
    times, found = thin(np.arange(float(len(values))), np.column_stack([values, -values]), width)
    assert found.shape == (len(times), 2)
    assert len(found) == len(values) if len(values) <= 2 * width else len(found) == 2 * width
    np.testing.assert_array_equal(times, np.sort(times))
    for one, whole in zip(found.T, (values, -values), strict=True):
        known, finite = one[np.isfinite(one)], whole[np.isfinite(whole)]
        assert len(known) == len(finite) == 0 or (known.min(), known.max()) == (finite.min(), finite.max())


def test_thinned_points_of_a_pixel_stand_in_the_order_of_the_series():
    rising, falling = np.arange(6.0), np.array([5, 4, 3, 2, 1, np.nan])
    times, found = thin(np.arange(6.0), np.column_stack([rising, falling, np.ones(6)]), 2)
    assert times.tolist() == [0, 2, 3, 5]
    assert found.T.tolist() == [[0, 2, 3, 5], [5, 3, 2, 1], [1, 1, 1, 1]]


def test_a_run_has_the_numbers_of_the_engine():
    changes = {"theorist boost": 0.5, "capability": 3.0}
    reply = plain(work(SEED, "simulate", {"changes": changes, "outputs": ["capability"], "ticket": 4}, {}))
    run = simulate(load(SEED), changes)
    assert reply["ticket"] == 4 and reply["status"] == "ok"
    assert unpacked(reply["times"]).tolist() == run.index.tolist()
    assert list(reply["series"]) == ["capability"]
    assert unpacked(reply["series"]["capability"]) == pytest.approx(run["capability"].to_numpy(), rel=1e-9)
    assert reply["final"] == pytest.approx(run.iloc[-1].to_dict(), rel=1e-9)


def test_a_run_after_an_edit_is_that_of_the_edited_file():
    work(SEED, "simulate", {}, {})
    for edited in (SEED.set_equation("search leverage", "3"), SEED.move("capability", 1, 2), SEED):
        reply = work(edited, "simulate", {}, {})
        assert reply["final"] == pytest.approx(simulate(load(edited)).iloc[-1].to_dict(), rel=1e-9)


def test_of_an_array_there_is_a_series_for_each_element():
    reply = work(from_bytes(FARM.encode()), "simulate", {"outputs": ["field", "removed since"]}, {})
    assert sorted(reply["series"]) == ["field[oats]", "field[rye]"]
    reply = work(from_bytes(TANK.encode()), "simulate", {"outputs": ["hole[left]"]}, {})
    assert list(reply["series"]) == ["hole[left]"]


def test_a_run_that_diverges_says_where():
    text = FARM.replace("rate = 0.2", "rate = 0.2 + 1 / (2 - Time)")
    reply = plain(work(from_bytes(text.encode()), "simulate", {"outputs": ["field"]}, {}))
    assert reply["first_bad"]["time"] == 2.0 and "rate" in reply["first_bad"]["variables"]
    assert not np.isfinite(unpacked(reply["series"]["field[rye]"])).all() and reply["message"]


def test_unknown_changes_are_refused():
    with pytest.raises(Refused) as caught:
        work(SEED, "simulate", {"changes": {"nobody": 1}}, {})
    assert caught.value.code == "cannot-run"


def test_all_issues_are_told_with_places_in_the_field():
    text = FARM.replace("rate * field[crop]", "rate * feild[crop]").replace("2.5)", "start)")
    document = from_bytes(text.encode())
    found = plain(work(document, "issues", {}, {}))["issues"]
    assert [one["message"] for one in found] == [issue.message for issue in check(document)]
    places = {
        (one["variable"], one["field"]): (one["start"], one["stop"])
        for one in found
        if one["code"] == "undefined-name"
    }
    assert places["growth", "equation"] == (7, 12)
    assert places["field", "initial"] == (0, 5)


def test_loops_are_those_of_the_package():
    reply = plain(work(SEED, "loops", {}, {}))
    expected = find_loops(load(SEED))
    assert [(one["id"], one["variables"]) for one in reply["loops"]] == [
        (loop.id, list(loop.variables)) for loop in expected
    ]
    assert reply["complete"] and reply["note"] is None
    links = {(one["source"], one["target"]): one["polarity"] for one in reply["links"]}
    for loop in reply["loops"]:
        members = loop["variables"]
        assert all(link in links for link in zip(members, [*members[1:], members[0]], strict=True))


def test_shares_of_loops_add_up_to_one_or_are_undefined():
    reply = plain(work(SEED, "dominance", {"changes": {"theorist boost": 0.5}}, {}))
    assert reply["undefined"][0][0] == reply["times"][0]
    for place, time in enumerate(reply["times"]):
        shares = [reply["shares"][loop["id"]][place] for loop in reply["loops"]]
        undefined = any(start <= time <= stop for start, stop in reply["undefined"])
        assert (
            all(share is None for share in shares)
            if undefined
            else sum(map(abs, shares)) == pytest.approx(1, abs=0.05)
        )
    assert all(set(one["loops"]) <= {loop["id"] for loop in reply["loops"]} for one in reply["periods"])


def test_a_comparison_comes_in_more_and_more_futures_and_ends_with_the_packages_numbers():
    arguments = {
        "id": "seed",
        "runs": 128,
        "policies": ["boost theorists"],
        "outputs": ["capability"],
        "ticket": 2,
    }
    first, last = map(plain, work_steps(SEED, "compare", arguments, EXPERIMENTS))
    assert (first["runs"], last["runs"]) == (64, 128) and not first["final"] and last["final"]
    expected = compare(load(SEED), Experiment.read(EXPERIMENTS["seed"]), runs=128).differences()
    expected = expected[expected["policy"] == "boost theorists"].set_index("metric")
    for row in last["metrics"]:
        assert row["difference"]["mean"] == pytest.approx(
            expected.loc[row["name"], "mean_difference"], nan_ok=True
        )
        assert row["valid_runs"] == expected.loc[row["name"], "valid"]
    bands = last["bands"]["boost theorists"]["capability"]
    assert all(a <= b <= c for a, b, c in zip(bands["p05"], bands["p50"], bands["p95"], strict=True))
    assert set(last["bands"]) == {"baseline", "boost theorists"} == set(last["policies"])


def test_an_experiment_is_saved_as_its_text_or_not_at_all(tmp_path):
    path = tmp_path / "seed.toml"
    shutil.copy("models/m0_seed.toml", path)
    state = of_document(SEED, {"one": str(path)})
    found = answer(state, {"op": "experiment", "args": {"id": "one"}})[1]
    assert found["fault"] is None and found["policies"][0]["name"] == "baseline"
    text = found["text"].replace("half as many theorists again", "more theorists")

    def save(text, hash=found["hash"]):
        return answer(state, {"op": "set_experiment", "args": {"id": "one", "text": text, "hash": hash}})[1]

    with pytest.raises(Refused) as caught:
        save(text + "\n[[policy]]\nname = 3\n")
    assert caught.value.code == "experiment" and path.name in caught.value.message
    assert path.read_text(encoding="utf-8") == found["text"]
    saved = save(text)
    assert path.read_text(encoding="utf-8") == text == saved["text"]
    with pytest.raises(Refused) as caught:
        save(found["text"])
    assert caught.value.code == "disk-changed"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["seed.toml"]


def test_an_experiment_file_with_a_fault_is_shown_all_the_same(tmp_path):
    path = tmp_path / "seed.toml"
    path.write_text("[[policy]]\nname = 3\n", encoding="utf-8")
    found = answer(of_document(SEED, {"one": str(path)}), {"op": "experiment", "args": {"id": "one"}})[1]
    assert found["text"] == Path(path).read_text(encoding="utf-8") and "seed.toml" in found["fault"]


def test_what_a_worker_needs_can_be_sent_to_it():
    again = pickle.loads(pickle.dumps(SEED))
    assert again == SEED
    with pytest.raises(Refused) as caught:
        work(from_bytes(b"{UTF-8}\na = b ~~|"), "simulate", {"ticket": 5}, {})
    back = pickle.loads(pickle.dumps(caught.value))
    assert back.plain() == caught.value.plain() and back.plain()["ticket"] == 5


def test_every_slow_operation_refuses_what_it_does_not_know():
    for op in SLOW:
        with pytest.raises(Refused) as caught:
            work(SEED, op, {"wrong": 1}, {})
        assert caught.value.code == "arguments"


CONSTANTS = [name for name, entry in SEED.variables.items() if entry.kind == "constant"]
TEXTS = st.floats(0.05, 0.9).map(repr) | st.sampled_from(["0.5", "0.25 + 0.5", "-(-0.5)", "5e-1"])


@given(
    st.sampled_from([SEED, read("models/m0_seed.mdl")]),
    st.lists(st.tuples(st.sampled_from(CONSTANTS), TEXTS), min_size=1, max_size=5),
)
@settings(max_examples=25, deadline=None)
def test_a_run_after_any_edits_of_constants_is_that_of_the_edited_file(document, edits):
    for name, text in edits:
        document = document.set_equation(name, text)
        reply = work(document, "simulate", {}, {})
        assert reply["final"] == pytest.approx(simulate(load(document)).iloc[-1].to_dict(), rel=1e-9)


def test_another_number_needs_no_other_model():
    own = SEED.set_documentation("researchers", "A model that no other test has run.")
    model, numbers = model_to_run(own)
    assert numbers == {}
    once = own.set_equation("search leverage", "2.5")
    edited = once.set_equation("researchers", "100")
    assert model_to_run(once) == (model, {"search leverage": 2.5})
    assert model_to_run(edited) == (model, {"search leverage": 2.5, "researchers": 100.0})
    assert model_to_run(once)[0] is model
    assert model_to_run(own.set_units("researchers", "Head"))[0] is not model


def test_a_change_asked_for_comes_before_a_number_of_the_file():
    edited = SEED.set_equation("search leverage", "2.5")
    work(SEED, "simulate", {}, {})
    for name in ("search leverage", "Search_Leverage"):
        reply = work(edited, "simulate", {"changes": {name: 1.25}}, {})
        assert reply["final"]["search leverage"] == 1.25
