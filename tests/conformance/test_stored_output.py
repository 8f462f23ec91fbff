"""The judge of the conformance files is strict on numbers, columns and times, and lenient on spelling."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest
from stored_output import differences, disagreement, read_stored, stored_output
from test_conformance import PLACEHOLDER


@pytest.fixture
def stored(tmp_path: Path) -> pd.DataFrame:
    path = tmp_path / "output.tab"
    path.write_bytes(b'Time\t"Level of Water[North East,b]"\tGAIN\r\r0\t1\t2\r\r10.0312\t1.5\t\r')
    return read_stored(path)


def a_run(**columns: list[float]) -> pd.DataFrame:
    whole = {"Level of water[north_east, b]": [1.0, 1.5, 9.0], "gain": [2.0, 2.0, 2.0]} | columns
    return pd.DataFrame(whole, index=[0.0, 10.03125, 10.0625])


def test_case_spaces_quotes_and_further_columns_do_not_matter(stored):
    assert differences(a_run(more=[0.0, 0.0, 0.0]), stored) == []


def test_an_empty_cell_says_nothing(stored):
    assert differences(a_run(gain=[2.0, 7.0, 7.0]), stored) == []


def test_a_value_that_is_off_is_named_with_its_time(stored):
    assert differences(a_run(gain=[2.001, 2.0, 2.0]), stored) == ["'gain' is 2.001 at 0, not 2"]


def test_values_may_be_off_by_one_part_in_a_hundred_thousand(stored):
    assert differences(a_run(gain=[2.00002, 2.0, 2.0]), stored) == []
    assert differences(a_run(gain=[2.00004, 2.0, 2.0]), stored) != []


def test_a_value_that_is_not_a_number_is_a_difference(stored):
    assert differences(a_run(gain=[math.nan, 2.0, 2.0]), stored) != []


def test_a_missing_column_is_a_difference(stored):
    assert differences(a_run().drop(columns="gain"), stored) == ["no column 'gain'"]


def test_a_missing_time_is_a_difference(stored):
    assert "no time 10.0312" in differences(a_run().drop(index=10.03125), stored)
    assert differences(a_run().iloc[:0], stored) == ["the run has no rows"]


def test_stella_files_are_judged_by_stella_where_it_left_an_output(tmp_path):
    for name in ("output.tab", "output_stella.csv"):
        (tmp_path / name).touch()
    assert stored_output(tmp_path / "a.mdl").name == "output.tab"
    assert stored_output(tmp_path / "a.xmile").name == "output_stella.csv"
    assert stored_output(tmp_path / "sub" / "a.mdl") is None


def test_engines_are_compared_on_the_scale_of_each_column():
    run = a_run()
    assert disagreement(run, run) == 0.0
    assert disagreement(run, a_run(gain=[2.0, 2.0, 2.2])) == pytest.approx(0.2 / 2.2)
    assert disagreement(run, run.iloc[:2]) == math.inf
    assert disagreement(run, a_run(gain=[2.0, 2.0, math.nan])) == math.inf


@pytest.mark.parametrize(
    "text", [b"<eqn>???</eqn>", b"<eqn>{Enter equation for use}</eqn>", b"x = ??? ~ ~ |"]
)
def test_placeholder_equations_are_recognised(text):
    assert PLACEHOLDER.search(text)
    assert not PLACEHOLDER.search(b"<eqn>1 {really?}</eqn><doc>???</doc> y = 1 ~ what??? ~ |")
