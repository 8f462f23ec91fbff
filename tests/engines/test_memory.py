"""What is worked out for a value is worked out once, and goes with the value."""

from __future__ import annotations

import gc
import weakref

import pytest

import sdtheory as sd
from sdtheory.engines.memory import MOST, remembered


class Value:
    pass


@pytest.fixture
def counted():
    calls: list[tuple] = []

    @remembered
    def work(value, *arguments):
        calls.append(arguments)
        return list(arguments)

    return work, calls


def test_the_same_question_is_answered_once(counted):
    work, calls = counted
    value = Value()
    assert work(value, 1) is work(value, 1)
    assert work(value, 2) == [2] and calls == [(1,), (2,)]


def test_values_are_told_apart_by_what_they_are_not_by_what_they_equal(counted):
    work, calls = counted
    one, other = sd.Model("m", {}), sd.Model("m", {})
    assert one == other
    work(one)
    work(other)
    assert len(calls) == 2


def test_a_value_is_not_kept_alive_and_its_successor_is_asked_anew(counted):
    work, calls = counted
    value = Value()
    seen = weakref.ref(value)
    work(value)
    del value
    gc.collect()
    assert seen() is None
    for _ in range(20):  # objects that are likely to stand where the old one stood
        work(Value())
    assert len(calls) == 21


def test_only_the_last_results_are_kept(counted):
    work, calls = counted
    value = Value()
    for number in range(MOST + 1):
        work(value, number)
    work(value, MOST)
    assert len(calls) == MOST + 1
    work(value, 0)
    assert len(calls) == MOST + 2


def test_errors_are_not_remembered(counted):
    tries = []

    @remembered
    def fails(value):
        tries.append(value)
        raise ValueError

    value = Value()
    for _ in range(2):
        with pytest.raises(ValueError):
            fails(value)
    assert len(tries) == 2
