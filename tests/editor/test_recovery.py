"""Unsaved changes are found again as they were, whatever ended the editor."""

from __future__ import annotations

import os
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdtheory.editor.recovery import Journal, kept, kept_file

TEXTS = st.binary(max_size=40)


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.setenv("SDTHEORY_STATE", str(tmp_path / "state"))
    return tmp_path / "farm.mdl"


@settings(max_examples=60, deadline=None)
@given(first=TEXTS, acts=st.lists(st.tuples(st.integers(0, 5), TEXTS), min_size=1, max_size=12))
def test_a_history_that_is_kept_is_found_as_it_was(first, acts):
    """An act goes back some steps, and from there makes a new one."""
    journal = Journal("some.mdl")
    steps, position = [("", first)], 0
    for number, (back, text) in enumerate(acts):
        position = max(0, position - back)
        if text:
            steps = [*steps[: position + 1], (f"Step {number}", text)]
            position += 1
        journal.keep(steps, position, saved="5e")
        found = kept("some.mdl")
        assert (list(found.steps), found.position, found.saved) == (steps, position, "5e")
    journal.forget()
    assert kept("some.mdl") is None


def test_only_what_changed_is_written(model):
    journal = Journal(model)
    text = os.urandom(100_000)
    journal.keep([("", text), ("One", text + b"1")], 1, saved="")
    before = kept_file(model).stat().st_size
    journal.keep([("", text), ("One", text + b"1"), ("Two", text + b"12")], 2, saved="")
    assert kept_file(model).stat().st_size - before < 200


def test_only_the_user_can_read_it(model):
    Journal(model).keep([("", b"a"), ("One", b"b")], 1, saved="")
    assert stat.S_IMODE(kept_file(model).stat().st_mode) == 0o600
    assert stat.S_IMODE(kept_file(model).parent.stat().st_mode) == 0o700


def test_a_line_cut_off_by_a_crash_loses_that_step_alone(model):
    Journal(model).keep([("", b"a"), ("One", b"ab"), ("Two", b"abc")], 2, saved="")
    whole = kept_file(model).read_bytes()
    for length in range(len(whole)):
        kept_file(model).write_bytes(whole[:length])
        found = kept(model)
        if found is not None:
            assert found.steps[found.position][1] in (b"a", b"ab", b"abc")
            assert list(found.steps) == [("", b"a"), ("One", b"ab"), ("Two", b"abc")][: len(found.steps)]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"keep": "x"}',
        b'{"name": "a", "start": 0}',
        b'{"position": 1e999}',
        b"[" * 9999,
    ],
)
def test_nonsense_is_as_good_as_nothing(model, line):
    journal = Journal(model)
    journal.keep([("", b"a"), ("One", b"ab")], 1, saved="")
    whole = kept_file(model).read_bytes()
    kept_file(model).write_bytes(whole + line + b"\n")
    assert kept(model).steps[1] == ("One", b"ab")
    kept_file(model).write_bytes(line + b"\n" + whole)
    assert kept(model) is None


def test_a_file_that_others_can_write_is_not_believed(model):
    Journal(model).keep([("", b"a"), ("One", b"ab")], 1, saved="")
    kept_file(model).chmod(0o666)
    assert kept(model) is None


def test_no_link_is_followed(model, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"precious")
    kept_file(model).parent.mkdir()
    kept_file(model).symlink_to(elsewhere)
    assert kept(model) is None
    Journal(model).keep([("", b"a"), ("One", b"ab")], 1, saved="")
    assert elsewhere.read_bytes() == b"precious"
    assert kept(model).position == 1


def test_of_a_long_history_the_last_steps_are_brought_back(model):
    steps = [(f"Step {number}" if number else "", b"x" * number) for number in range(1000)]
    Journal(model).keep(steps, 999, saved="")
    found = kept(model)
    assert found.steps[found.position] == steps[-1]
    assert 100 < len(found.steps) < 300
