"""Data files: only those of trusted folders are read, once, as numbers; what is hostile in them is refused."""

from __future__ import annotations

import io
import os
import socket
import struct
import zipfile

import openpyxl
import pytest

import sdtheory as sd
from sdtheory.errors import LimitError, SDError
from sdtheory.translate import data_files
from sdtheory.translate.tables import bounded, cell_name, marked_cell, numbers, text_rows

CONTROLS = "INITIAL TIME = 0 ~~|\nFINAL TIME = 2 ~~|\nTIME STEP = 1 ~~|\nSAVEPER = TIME STEP ~~|\n"
links = pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs links")
pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of the model, beside a secret that it must not see."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SECRETS", str(tmp_path))
    (tmp_path / "secret.csv").write_text("42\n")
    inside = tmp_path / "model"
    inside.mkdir()
    (inside / "data.csv").write_text("1,2\n3,4\n")
    return inside


def model(folder, equation: str, **options) -> sd.Model:
    path = folder / "model.mdl"
    path.write_text("{UTF-8}\n" + equation + " ~~|\n" + CONTROLS, encoding="utf-8")
    return sd.load(path, **options)


def constant(folder, name: str, cell: str = "A1", tab: str = ",", **options) -> float:
    loaded = model(folder, f"x = GET DIRECT CONSTANTS('{name}', '{tab}', '{cell}')", **options)
    return loaded["x"].equations[0].expression.value


def refusal(folder, name: str, cell: str = "A1", tab: str = ",", **options) -> SDError:
    with pytest.raises(SDError) as caught:
        constant(folder, name, cell, tab, **options)
    error = caught.value
    assert (error.file, error.line) == ("model.mdl", 2) and "\n" not in str(error)
    return error


def book(folder, *rows, name: str = "book.xlsx") -> None:
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    made.active.title = "s"
    made.save(folder / name)


def repacked(folder, change, extra=()) -> None:
    """The workbook with the text of each of its parts changed, and parts more."""
    with zipfile.ZipFile(folder / "book.xlsx") as archive:
        parts = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(folder / "book.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        for part, content in parts.items():
            archive.writestr(part, change(part, content))
        for part, content in extra:
            archive.writestr(part, content)


# ---------------------------------------------------------------- which files


@pytest.mark.parametrize(
    "name",
    ["../secret.csv", "../model/../secret.csv", "$SECRETS/secret.csv", "${SECRETS}/secret.csv",
     "%SECRETS%/secret.csv", "file:../secret.csv", "file:///secret.csv", "http://127.0.0.1/secret.csv",
     "\\\\127.0.0.1\\share\\secret.csv", "//127.0.0.1/share/secret.csv", "ABSOLUTE/secret.csv", "?secret.csv",
     "secret.csv"],
)  # fmt: skip
def test_no_spelling_of_a_name_leads_outside_the_folder(folder, monkeypatch, name):
    def no_network(*_):
        raise AssertionError("asked the network")

    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    monkeypatch.setattr(socket.socket, "connect", no_network)
    error = refusal(folder, name.replace("ABSOLUTE", str(folder.parent)))
    assert "does not exist" in error.message or "outside the model's folder" in error.message


def test_signs_in_a_name_stand_for_themselves(folder):
    for name in ("100%.csv", "$HOME.csv", "%TEMP%.csv"):
        (folder / name).write_text("7\n")
        assert constant(folder, name) == 7


def test_a_tilde_is_no_home(folder):
    assert data_files.located("~/secret.csv", [folder]) == (None, True)  # no equation can hold it


@links
def test_a_link_may_lead_about_inside_the_folder_but_not_out_of_it(folder):
    (folder / "inside.csv").symlink_to(folder / "data.csv")
    (folder / "outside.csv").symlink_to(folder.parent / "secret.csv")
    (folder / "up").symlink_to(folder.parent)
    assert constant(folder, "inside.csv", "B2") == 4
    for name in ("outside.csv", "up/secret.csv"):
        assert "outside the model's folder; pass data_folders=[...]" in str(refusal(folder, name))
    assert constant(folder, "up/secret.csv", data_folders=[folder.parent]) == 42


@links
def test_a_link_to_a_file_of_another_kind_is_refused(folder):
    (folder / "model.py").write_text("1\n")
    (folder / "code.csv").symlink_to(folder / "model.py")
    assert "leads to a file of another kind" in refusal(folder, "code.csv").message


@pytest.mark.parametrize("name", ["data", "data.py", "data.csv.gz", "data.pkl", "model.mdl", "data.ods"])
def test_only_tables_are_read(folder, name):
    assert "is none of .csv, .tab, .txt, .xls, .xlsx" in refusal(folder, name).message


@pipes
def test_a_pipe_or_folder_is_refused_without_waiting(folder):
    os.mkfifo(folder / "pipe.csv")
    (folder / "folder.csv").mkdir()
    for name in ("pipe.csv", "folder.csv"):
        assert "is not a file" in refusal(folder, name).message


@pipes
def test_a_pipe_in_the_place_of_a_file_that_was_read_before_is_refused_without_waiting(folder):
    assert constant(folder, "data.csv") == 1
    (folder / "data.csv").unlink()
    os.mkfifo(folder / "data.csv")
    assert "is not a file" in refusal(folder, "data.csv").message


@links
@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_file_that_is_swapped_between_check_and_use_is_not_followed(folder, monkeypatch, what):
    inner = folder / "inner"
    inner.mkdir()
    (inner / "secret.csv").write_text("1\n")
    find = data_files.located

    def swapping(name, folders):
        found = find(name, folders)
        if what == "file":
            (inner / "secret.csv").unlink()
            (inner / "secret.csv").symlink_to(folder.parent / "secret.csv")
        else:
            inner.rename(folder / "away")
            inner.symlink_to(folder.parent)
        return found

    monkeypatch.setattr(data_files, "located", swapping)
    assert "cannot be read" in refusal(folder, "inner/secret.csv").message


def test_a_file_beyond_the_limit_is_not_read(folder):
    size = (folder / "data.csv").stat().st_size
    assert constant(folder, "data.csv", limits=sd.Limits(data_bytes=size)) == 1
    error = refusal(folder, "data.csv", limits=sd.Limits(data_bytes=size - 1))
    assert isinstance(error, LimitError)
    assert f"has {size} bytes; the limit is {size - 1}; raise limits=Limits(data_bytes=...)" in str(error)


# ---------------------------------------------------------------- cells


@pytest.mark.parametrize(
    ("cell", "content", "message"),
    [
        ("B2", "a,b\n1,oops\n", "cell 'B2' cannot be read: 'B2' holds something that is no number"),
        ("B2", "a,b\n1,\n", "'B2' is empty"),
        ("B2", "a,b\n1\n", "'B2' is empty"),
        ("A1", "inf\n", "'A1' holds something that is no number"),
        ("A1", "1_000\n", "'A1' holds something that is no number"),
        ("A1", '"1,5"\n', "'A1' holds something that is no number"),
        ("A1", "NaN\n", "'A1' is empty"),
        ("A1", "2024-01-01\n", "'A1' holds something that is no number"),
        ("AB1", "1,2\n", "cell 'AB1' cannot be read"),
        ("-1", "1,2\n", "cell '-1' cannot be read"),
    ],
)
def test_a_cell_without_a_number_is_an_error_with_its_name(folder, cell, content, message):
    (folder / "cells.csv").write_text(content)
    assert message in refusal(folder, "cells.csv", cell).message


def test_the_cell_at_fault_in_a_table_is_named(folder):
    (folder / "cells.csv").write_text("1,2\n3,4\n5,six\n")
    with pytest.raises(SDError, match="'B3' holds something that is no number"):
        model(folder, "d: p, q, r ~~|\ne: s, t ~~|\nx[d, e] = GET DIRECT CONSTANTS('cells.csv', ',', 'A1')")


@pytest.mark.parametrize("function", ["x := GET DIRECT DATA", "x = GET DIRECT LOOKUPS"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("t,v\n0,1\n1,oops\n2,3\n", "'B3' holds something that is no number"),
        ("t,v\n0,1\none,2\n2,3\n", "'A3' holds something that is no number"),
        ("t,v\n0,1\n0,2\n", "it holds a value twice"),
        ("t,v\n", "cannot be read"),
    ],
)
def test_a_text_among_the_points_of_a_series_is_an_error(folder, function, content, message):
    (folder / "cells.csv").write_text(content)
    with pytest.raises(SDError, match=message):
        model(folder, f"{function}('cells.csv', ',', 'A', 'B2')")


def test_a_point_that_is_missing_in_a_series_is_a_missing_point(folder):
    (folder / "cells.csv").write_text("t,v\n0,1\n1,\n2,3\n,4\nnotes,more\n")
    found = model(folder, "x = GET DIRECT LOOKUPS('cells.csv', ',', 'A', 'B2')")["x"]
    assert (found.equations[0].expression.x, found.equations[0].expression.y) == ((0, 2), (1, 3))


@pytest.mark.parametrize("across", ["-1", "0", "!", "A1", "ABCD", "_"])
def test_what_names_no_row_or_column_is_an_error(folder, across):
    with pytest.raises(SDError, match="is no row or column"):
        model(folder, f"x = GET DIRECT LOOKUPS('data.csv', ',', '{across}', 'A1')")


def test_every_line_of_a_text_file_is_a_row_also_an_empty_one(folder):
    (folder / "gaps.csv").write_text("1\n\n3\n")
    assert constant(folder, "gaps.csv", "A3") == 3


@pytest.mark.parametrize("tab", [";;", ",+", "(a+)+$"])
def test_the_sign_between_columns_is_one_sign_and_no_pattern(folder, tab):
    assert "does not separate columns" in refusal(folder, "data.csv", tab=tab).message


def test_two_files_with_a_slash_between_columns_are_told_apart(folder):
    (folder / "one.csv").write_text("1/2\n")
    (folder / "two.csv").write_text("3/4\n")
    call = "GET DIRECT CONSTANTS('{}.csv', '/', 'B1')"
    found = model(folder, f"x = {call.format('one')} ~~|\ny = {call.format('two')}")
    assert [found[name].equations[0].expression.value for name in "xy"] == [2, 4]


def test_bytes_that_are_not_utf_8_are_told(folder):
    (folder / "cells.csv").write_bytes(b"1,2\nGr\xf6\xdfe,3\n")
    assert "'cells.csv' is not UTF-8 at byte 6; save it as UTF-8" in str(refusal(folder, "cells.csv"))


@pytest.mark.parametrize(
    "content", [b"1," * 1_000_000, b"1\n" * 1_000_000, b"x" * 2_000_000, b'"' + b"x\n" * 1_000_000],
    ids=["columns", "rows", "a long cell", "an open quote"],
)  # fmt: skip
def test_a_huge_text_file_is_refused_and_fills_no_memory(folder, content):
    (folder / "cells.csv").write_bytes(content)
    error = refusal(folder, "cells.csv", "B2", limits=sd.Limits(data_cells=100_000))
    assert "has more than 100,000 cells" in error.message or "field larger than" in error.message


def test_a_ragged_table_is_counted_as_the_rectangle_that_it_fills():
    lines = b"1\n" * 100 + b"1," * 99 + b"1\n"
    limits = sd.Limits(data_cells=101 * 100)

    def refused(message, remedy=None):
        return SDError(message, remedy=remedy)

    assert numbers(bounded(text_rows(lines, ".csv", "", refused), limits, refused)).shape == (101, 100)
    with pytest.raises(LimitError, match=r"more than 10,099 cells; raise limits=Limits\(data_cells=...\)"):
        limits = sd.Limits(data_cells=101 * 100 - 1)
        numbers(bounded(text_rows(lines, ".csv", "", refused), limits, refused))


def test_a_mark_tells_its_cell_and_survives_moving_about():
    table = numbers(iter([[None, "x"], ["1"]]))
    for row in (0, 1):
        for column in (0, 1):
            mark = marked_cell(float(table.T.copy()[column, row]))
            assert mark == (
                None if (row, column) == (1, 0) else (cell_name(row, column), (row, column) == (0, 1))
            )
    assert marked_cell(float("nan")) is None and marked_cell(1.5) is None


# ---------------------------------------------------------------- workbooks


def test_a_formula_counts_as_the_value_that_was_saved_with_it(folder):
    book(folder, [1, "=1+1"])
    assert "'B1' is empty" in refusal(folder, "book.xlsx", "B1", "s").message

    def saved(part, content):
        return content.replace(b"<f>1+1</f><v></v>", b"<f>1+1</f><v>7</v>").replace(
            b"<f>1+1</f><v />", b"<f>1+1</f><v>7</v>"
        )

    repacked(folder, saved)
    assert constant(folder, "book.xlsx", "B1", "s") == 7


@pytest.mark.parametrize("value", ["text", "=HYPERLINK(1)", True])
def test_only_numbers_of_a_workbook_are_numbers(folder, value):
    book(folder, [value])
    if value is True:
        assert constant(folder, "book.xlsx", "A1", "s") == 1
    else:
        assert "'A1'" in refusal(folder, "book.xlsx", "A1", "s").message


@pytest.mark.parametrize(
    "declaration",
    ['<!DOCTYPE x [<!ENTITY a "1">]>', '<!DOCTYPE x SYSTEM "file:///etc/passwd">', "<!DOCTYPE\tx>"],
)
@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "[Content_Types].xml", "docProps/app.xml"])
@pytest.mark.parametrize("codec", ["utf-8", "utf-16"])
def test_a_doctype_in_any_part_of_a_workbook_is_refused(folder, declaration, part, codec):
    book(folder, [1])

    def declared(name, content):
        if name != part:
            return content
        text = content.decode()
        start = text.find("<", text.find("?>") + 1) if text.startswith("<?xml") else 0
        return (declaration + text[start:]).encode(codec)

    repacked(folder, declared)
    assert "holds a DOCTYPE" in refusal(folder, "book.xlsx", "A1", "s").message


def test_a_part_in_an_encoding_that_hides_its_signs_is_refused(folder):
    book(folder, [1])
    hidden = b'<?xml version="1.0" encoding="utf-7"?>+ADw-+ACE-DOCTYPE x+AD4-'
    repacked(folder, lambda name, content: hidden if name == "docProps/app.xml" else content)
    assert "holds a part in the encoding utf-7" in refusal(folder, "book.xlsx", "A1", "s").message


def test_a_doctype_at_the_border_of_what_is_unpacked_at_a_time_is_seen(folder):
    book(folder, [1])
    for shift in range(10):
        padding = os.urandom(48_000).hex()[: 65_536 - 6 + shift - 4]
        text = f"<!--{padding}<!DOCTYPE x>"
        repacked(folder, lambda name, content: content, [(f"docProps/{shift}.xml", text)])
        assert "holds a DOCTYPE" in refusal(folder, "book.xlsx", "A1", "s").message
        book(folder, [1])


def test_what_grows_too_much_when_unpacked_is_refused(folder):
    book(folder, [1])
    repacked(folder, lambda name, content: content, [("xl/media/zero.bin", bytes(1_000_000))])
    error = refusal(folder, "book.xlsx", "A1", "s")
    assert isinstance(error, LimitError) and "times when unpacked; the limit is 200" in error.message
    assert constant(folder, "book.xlsx", "A1", "s", limits=sd.Limits(inflation=2_000)) == 1


def test_a_workbook_of_too_many_parts_is_refused(folder):
    book(folder, [1])
    repacked(folder, lambda name, content: content, [(f"docProps/{i}.xml", "<a/>") for i in range(50)])
    with zipfile.ZipFile(folder / "book.xlsx") as archive:
        count = len(archive.infolist())
    assert constant(folder, "book.xlsx", "A1", "s", limits=sd.Limits(workbook_parts=count)) == 1
    error = refusal(folder, "book.xlsx", "A1", "s", limits=sd.Limits(workbook_parts=count - 1))
    assert f"holds {count} parts; the limit is {count - 1}" in error.message


def test_a_directory_that_lies_about_sizes_does_not_help(folder):
    book(folder, [1])
    repacked(folder, lambda name, content: content, [("xl/media/zero.bin", bytes(1_000_000))])
    data = bytearray((folder / "book.xlsx").read_bytes())
    place = data.rfind(b"xl/media/zero.bin") - 46
    assert data[place : place + 4] == b"PK\x01\x02"
    struct.pack_into("<I", data, place + 24, 100)  # the size unpacked
    (folder / "book.xlsx").write_bytes(data)
    assert "is damaged" in refusal(folder, "book.xlsx", "A1", "s").message


def test_a_directory_too_long_for_the_parts_is_refused_before_it_is_read(folder):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number in range(3_000):
            archive.writestr(f"{number:0400}", b"")
    (folder / "book.xlsx").write_bytes(stream.getvalue())
    assert "holds more than 1,000 parts" in refusal(folder, "book.xlsx", "A1", "s").message


def test_a_sheet_that_says_it_is_huge_is_as_large_as_its_cells(folder):
    book(folder, [1])

    def huge(name, content):
        return content.replace(b'<dimension ref="A1:A1"', b'<dimension ref="A1:XFD1048576"').replace(
            b'<dimension ref="A1"', b'<dimension ref="A1:XFD1048576"'
        )

    repacked(folder, huge)
    assert constant(folder, "book.xlsx", "A1", "s") == 1


def test_a_cell_far_away_does_not_fill_the_memory(folder):
    book(folder, [1])
    repacked(
        folder,
        lambda name, content: content.replace(
            b"</sheetData>", b'<row r="99999999"><c r="XFD99999999"><v>1</v></c></row></sheetData>'
        ),
    )
    error = refusal(folder, "book.xlsx", "A1", "s", limits=sd.Limits(data_cells=100_000))
    assert "has more than 100,000 cells" in error.message or "is damaged" in error.message


def test_links_to_other_workbooks_are_not_followed(folder):
    book(folder, ["=[1]s!A1"])
    (folder.parent / "other.xlsx").write_bytes((folder / "book.xlsx").read_bytes())
    target = (
        f'<Relationship Id="rId9" TargetMode="External" Target="file://{folder.parent}/other.xlsx" Type="x"/>'
    )
    repacked(
        folder,
        lambda name, content: content.replace(b"</Relationships>", target.encode() + b"</Relationships>"),
    )
    assert "'A1' is empty" in refusal(folder, "book.xlsx", "A1", "s").message


@pytest.mark.parametrize(
    "content", [b"", b"PK\x05\x06", bytes(100), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)]
)
@pytest.mark.parametrize("name", ["book.xls", "book.xlsx"])
def test_a_damaged_workbook_is_told_in_one_line(folder, name, content):
    (folder / name).write_bytes(content)
    assert "is damaged" in refusal(folder, name, "A1", "s").message


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_workbook_that_is_cut_off_is_told_in_one_line(folder, share):
    book(folder, *([number] for number in range(200)))
    whole = (folder / "book.xlsx").read_bytes()
    (folder / "book.xlsx").write_bytes(whole[: int(len(whole) * share)])
    assert "is damaged" in refusal(folder, "book.xlsx", "A1", "s").message


def test_no_second_look_at_the_file_is_taken(folder, monkeypatch):
    """What is checked is what is read: between, the file may have become another."""
    from sdtheory.translate import tables

    book(folder, [5])
    check = tables._check_parts

    def checked(data, limits, refused):
        check(data, limits, refused)
        book(folder, [6])

    monkeypatch.setattr(tables, "_check_parts", checked)
    assert constant(folder, "book.xlsx", "A1", "s") == 5
