"""Data, constants, lookups and ranges that a Vensim file reads from other files."""

from __future__ import annotations

import math
import os
import zipfile

import openpyxl
import pytest

import sdtheory as sd
from sdtheory.errors import SDError

COLUMNS = "time,a,b\n0,10,1\n1,,2\n2,30,3\n"
ROWS = "x,0,1,2\np,5,6,7\nq,8,9,10\n"
CSV = "'data.csv', ',', 'A', 'B2'"
SHEET = "'book.xlsx', 'Sheet One', '1', 'B2'"


@pytest.fixture
def data(tmp_path):
    """A folder beside the model's own files with the same tables as text and as a workbook."""

    def fill(folder):
        (folder / "data.csv").write_text(COLUMNS)
        (folder / "rows.csv").write_text(ROWS)
        book = openpyxl.Workbook()
        book.active.title = "Sheet One"
        for row in (["time", 0, 1, 2], ["a", 10, None, 30], ["b", 1, 2, 3], ["c", "oops"]):
            book.active.append(row)
        names = book.create_sheet("names")
        names.append(["north", "south"])
        book.save(folder / "book.xlsx")
        return folder

    return fill(tmp_path)


KEYWORDS = {
    ":INTERPOLATE:": [10, 20, 30],
    ":HOLD BACKWARD:": [10, 10, 30],
    ":LOOK FORWARD:": [10, 30, 30],
    ":RAW:": [10, math.nan, 30],
}


@pytest.mark.parametrize(("keyword", "values"), KEYWORDS.items())
@pytest.mark.parametrize("call", [f"GET DIRECT DATA({CSV})", f"GET XLS DATA({SHEET})"])
def test_between_the_points_of_data_the_keyword_decides(data, vensim, run, keyword, values, call):
    found = run(vensim(f"x {keyword} := {call}", "y = x * 2"))
    assert found["x"] == pytest.approx(values, nan_ok=True)
    assert found["y"] == pytest.approx([2 * value for value in values], nan_ok=True)


@pytest.mark.parametrize("keyword", [":INTERPOLATE:", ":HOLD BACKWARD:", ":LOOK FORWARD:"])
def test_outside_its_points_data_keeps_its_first_and_last_value(data, vensim, run, keyword):
    longer = "INITIAL TIME = -1 ~~|\nFINAL TIME = 4 ~~|\nTIME STEP = 1 ~~|\nSAVEPER = 1 ~~|\n"
    found = run(vensim(f"x {keyword} := GET DIRECT DATA({CSV})", controls=longer))
    assert (found["x"][0], found["x"][-1]) == (10, 30)


@pytest.mark.parametrize(
    ("equations", "values"),
    [
        (["x = GET DIRECT CONSTANTS('data.csv', ',', 'C2')"], {"x": 1}),
        (["x = GET XLS CONSTANTS('book.xlsx', 'Sheet One', 'B3')"], {"x": 1}),
        (["d: p, q", "x[d] = GET DIRECT CONSTANTS('rows.csv', ',', 'B2')"], {"x[p]": 5, "x[q]": 6}),
        (["d: p, q", "x[d] = GET DIRECT CONSTANTS('data.csv', ',', 'C2*')"], {"x[p]": 1, "x[q]": 2}),
        (
            ["d: p, q", "e: r, s", "x[d, e] = GET XLS CONSTANTS('book.xlsx', 'Sheet One', 'C2')"],
            "'C2' is empty",
        ),
        (["t = GET DIRECT LOOKUPS('rows.csv', ',', '1', 'B2')", "x = t(0.5)"], {"x": 5.5}),
        (["t = GET XLS LOOKUPS('book.xlsx', 'Sheet One', '1', 'B3')", "x = t(9)"], {"x": 3}),
        (
            ["d: p, q", "t[d] = GET DIRECT LOOKUPS('rows.csv', ',', '1', 'B2')", "x[d] = t[d](0.5)"],
            {"x[p]": 5.5, "x[q]": 8.5},
        ),
        (
            ["d: p, q", "x[d] := GET DIRECT DATA('rows.csv', ',', '1', 'B2')", "y = SUM(x[d!])"],
            {"x[p]": 5, "x[q]": 8, "y": 13},
        ),
        (
            ["d: GET XLS SUBSCRIPT('book.xlsx', 'names', 'A1', 'B1', '')", "x[d] = 1, 2", "y = x[south]"],
            {"x[north]": 1, "y": 2},
        ),
        (
            ["d: GET DIRECT SUBSCRIPT('rows.csv', ',', 'A2', 'A3', 'at ')", "x[d] = 1, 2"],
            {"x[at p]": 1, "x[at q]": 2},
        ),
    ],
)
def test_constants_lookups_and_ranges_come_from_files(data, vensim, start, equations, values):
    path = vensim(*equations)
    if isinstance(values, str):
        with pytest.raises(SDError, match=values):
            sd.load(path)
    else:
        found = start(path)
        assert {name: found[name] for name in values} == values


@pytest.mark.parametrize(
    ("equation", "message"),
    [
        ("x = GET DIRECT CONSTANTS('none.csv', ',', 'C2')", "the data file 'none.csv' does not exist"),
        (
            "x = GET DIRECT CONSTANTS('data.py', ',', 'C2')",
            "'data.py' is none of .csv, .tab, .txt, .xls, .xlsx",
        ),
        ("x = GET DIRECT CONSTANTS('?data', ',', 'C2')", "'.data' is none of"),
        (
            "x = GET DIRECT CONSTANTS('data.csv', ',', 'B3')",
            "'data.csv', cell 'B3' cannot be read: 'B3' is empty",
        ),
        (
            "x = GET DIRECT CONSTANTS('data.csv', ',', 'Z99')",
            "'data.csv', cell 'Z99' cannot be read: .*empty",
        ),
        (
            "x = GET XLS CONSTANTS('book.xlsx', 'Sheet One', 'B4')",
            "'book.xlsx', sheet 'Sheet One', cell 'B4' cannot be read: 'B4' holds something that is no number",
        ),
        (
            "x = GET XLS CONSTANTS('book.xlsx', 'Sheet Two', 'B3')",
            "'book.xlsx' has no sheet 'Sheet Two'; its sheets are 'Sheet One', 'names'",
        ),
        ("x = GET XLS CONSTANTS('book.xlsx', 'Sheet One', '!!')", "cell '!!' cannot be read"),
        ("x := GET DIRECT DATA('data.csv', ',', 'A', 'F2')", "cell 'F2' cannot be read"),
        (
            "x = 2 * GET DIRECT CONSTANTS('data.csv', ',', 'C2')",
            "must be the whole equation; give it a variable",
        ),
        ("d: GET DIRECT SUBSCRIPT('none.csv', ',', 'A2', 'A3', '')", "'none.csv' does not exist"),
        (
            "d: GET DIRECT SUBSCRIPT('rows.csv', ',', 'A9', 'A10', '')",
            "dimension 'd' cannot be read from 'rows.csv'",
        ),
    ],
)
def test_what_cannot_be_read_is_named_with_its_cell_and_its_reader(data, vensim, equation, message):
    with pytest.raises(SDError, match=message) as caught:
        sd.load(vensim("y = 1", equation))
    text = str(caught.value)
    assert text.startswith("model.mdl:3:") and "\n" not in text and "sdtheory-" not in text


def test_a_file_outside_the_folder_is_read_only_when_its_folder_is_named(data, vensim, start):
    inside = data / "inside"
    inside.mkdir()
    path = vensim("x = GET DIRECT CONSTANTS('../data.csv', ',', 'C2')").rename(inside / "model.mdl")
    with pytest.raises(
        SDError, match=r"'\.\./data\.csv' lies outside the model's folder; pass data_folders=\["
    ):
        sd.load(path)
    assert start(path, data_folders=[data])["x"] == 1


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs links")
def test_a_link_that_leads_outside_is_outside(data, vensim):
    inside = data / "inside"
    inside.mkdir()
    (inside / "link.csv").symlink_to(data / "data.csv")
    path = vensim("x = GET DIRECT CONSTANTS('link.csv', ',', 'C2')").rename(inside / "model.mdl")
    with pytest.raises(SDError, match="outside the model's folder"):
        sd.load(path)


def test_a_folder_that_is_named_holds_files_by_their_plain_names(data, vensim, start, tmp_path_factory):
    path = vensim("x = GET DIRECT CONSTANTS('data.csv', ',', 'C2')")
    alone = path.rename(tmp_path_factory.mktemp("alone") / "model.mdl")
    with pytest.raises(SDError, match="does not exist"):
        sd.load(alone)
    assert start(alone, data_folders=[data])["x"] == 1


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive"])
def test_a_damaged_workbook_is_an_error(data, vensim, content):
    (data / "book.xlsx").write_bytes(content)
    with pytest.raises(SDError, match=r"'book\.xlsx' is damaged"):
        sd.load(vensim("x = GET XLS CONSTANTS('book.xlsx', 'Sheet One', 'B3')"))


def test_a_workbook_that_would_fill_the_memory_is_not_unpacked(data, vensim):
    with zipfile.ZipFile(data / "book.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"0" * 2_000_000)
    with pytest.raises(SDError, match="would be 2,000,000 bytes unpacked; the limit is 1,000,000"):
        path = vensim("x = GET XLS CONSTANTS('book.xlsx', 'Sheet One', 'B3')")
        sd.load(path, limits=sd.Limits(inflated_bytes=1_000_000))


def test_ranges_from_files_that_hold_each_other_are_refused(data, vensim):
    (data / "d.csv").write_text("e\none\n")
    (data / "e.csv").write_text("d\ntwo\n")
    ranges = (f"{name}: GET DIRECT SUBSCRIPT('{name}.csv', ',', 'A1', 'A2', '')" for name in "de")
    with pytest.raises(SDError, match="dimensions are defined by each other: d -> e -> d"):
        sd.load(vensim(*ranges, "x[d] = 1"))


def test_a_range_from_a_file_is_no_longer_than_the_limit(data, vensim):
    path = vensim("d: GET DIRECT SUBSCRIPT('rows.csv', ',', 'A2', 'A3', '')", "x[d] = 1")
    with pytest.raises(SDError, match="dimension 'd' has 2 elements; the limit is 1"):
        sd.load(path, limits=sd.Limits(dimension_elements=1))
