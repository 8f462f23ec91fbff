"""Tables of checked data files as rows of cells: values only, no formulas, no links to elsewhere."""

from __future__ import annotations

import csv
import io
import math
import os
import re
import struct
import zipfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from sdtheory.errors import LimitError, ModelError, shown
from sdtheory.limits import Limits

MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none"})
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_ENCODING = re.compile(rb"""encoding\s*=\s*["']([A-Za-z0-9._-]+)""")
_ENCODINGS = frozenset({b"utf-8", b"utf-16", b"us-ascii", b"ascii", b"iso-8859-1"})
_END, _END_64 = b"PK\x05\x06", b"PK\x06\x07"
_ENTRY_BYTES = 1_024  # of the directory of a workbook, for each part
_CHUNK = 1 << 16
_MOST_COLUMNS, _MOST_ROWS = 1 << 24, 1 << 24  # that the mark of a cell can tell

Refused = Callable[..., ModelError]


def bounded(rows: Iterator[Sequence[Any]], limits: Limits, refused: Refused) -> Iterator[Sequence[Any]]:
    """The rows of a table, as long as it is not too large.

    Raises
    ------
    LimitError
    """
    count = width = 0
    for height, row in enumerate(rows, 1):
        count += len(row)
        width = max(width, len(row))
        cells = max(count, height * max(width, 1))
        if cells > limits.data_cells or height >= _MOST_ROWS or width >= _MOST_COLUMNS:
            raise too_large(refused(f"has more than {limits.data_cells:,} cells"), "data_cells")
        yield row


def too_large(error: ModelError, name: str) -> LimitError:
    """The error for a data file beyond a limit; `name` is the limit's field."""
    remedy = f"raise limits=Limits({name}=...)"
    return LimitError(error.message, file=error.file, line=error.line, column=error.column, remedy=remedy)


def numbers(rows: Iterator[Sequence[Any]]) -> np.ndarray:
    """The numbers of a table; a cell without one is a NaN that tells which cell it is (see `marked_cell`).

    Examples
    --------
    >>> table = numbers(iter([["1", " 2.5 "], ["", "x"]]))
    >>> table[0].tolist(), marked_cell(table[1, 0]), marked_cell(table[1, 1])
    ([1.0, 2.5], ('A2', False), ('B2', True))
    """
    lines = []
    for height, row in enumerate(rows):
        values = [_number(cell) for cell in row]
        texts = [not (value is None or math.isfinite(value)) for value in values]
        lines.append(
            np.array(
                [
                    _mark(height, place, text) if value is None or text else value
                    for place, (value, text) in enumerate(zip(values, texts, strict=True))
                ]
            )
        )
    width = max(map(len, lines), default=0)
    table = np.empty((len(lines), width))
    for height, line in enumerate(lines):
        table[height, : len(line)] = line
        table[height, len(line) :] = [_mark(height, place, False) for place in range(len(line), width)]
    return table


def _number(cell: Any) -> float | None:
    """The number in a cell; None in an empty one; infinite for one that holds something else."""
    if cell is None:
        return None
    if isinstance(cell, bool | int | float):
        value = float(cell)
        return None if math.isnan(value) else value
    text = str(cell).strip()
    if text.lower() in MISSING:
        return None
    return float(text) if isinstance(cell, str) and _NUMBER.fullmatch(text) else math.inf


def _mark(row: int, column: int, text: bool) -> float:
    """A NaN that carries the place of a cell through whatever only moves numbers about."""
    bits = 0x7FF8 << 48 | text << 48 | row << 24 | column + 1
    return struct.unpack("<d", struct.pack("<Q", bits))[0]


def marked_cell(value: float) -> tuple[str, bool] | None:
    """The name of the cell that a NaN of `numbers` stands for, and whether it holds a text; None for other NaNs."""
    (bits,) = struct.unpack("<Q", struct.pack("<d", value))
    column = bits & 0xFFFFFF
    if not math.isnan(value) or not column:
        return None
    return cell_name(bits >> 24 & 0xFFFFFF, column - 1), bool(bits >> 48 & 1)


def cell_name(row: int, column: int) -> str:
    """The name of a cell, counted from 0.

    Examples
    --------
    >>> cell_name(0, 0), cell_name(9, 27)
    ('A1', 'AB10')
    """
    letters = ""
    column += 1
    while column:
        column, place = divmod(column - 1, 26)
        letters = chr(65 + place) + letters
    return f"{letters}{row + 1}"


# ---------------------------------------------------------------- text


def text_rows(data: bytes, suffix: str, tab: str, refused: Refused) -> Iterator[list[str]]:
    """The rows of a text file; an empty line is a row.

    Parameters
    ----------
    tab : str
        The sign between columns; where it begins with a letter or digit, the one that the suffix stands for.
    """
    separator = "," if suffix == ".csv" else "\t"
    if tab and not tab[0].isalnum():
        separator = "\t" if tab == "\\t" else tab
    if len(separator) != 1 or separator in '"\r\n':
        raise refused(
            f"cannot be read: '{shown(tab)}' does not separate columns", "give one sign, such as ','"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refused(f"is not UTF-8 at byte {error.start}", "save it as UTF-8") from None
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=separator)
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise refused(f"cannot be read in line {reader.line_num}: {shown(error)}") from None


# ---------------------------------------------------------------- workbooks


def xls_rows(data: bytes, tab: str, refused: Refused) -> Iterator[list[Any]]:
    """The rows of a sheet of an ``.xls`` file."""
    import xlrd

    try:
        with open(os.devnull, "w", encoding="utf-8") as nowhere:
            book = xlrd.open_workbook(file_contents=data, on_demand=True, ragged_rows=True, logfile=nowhere)
            sheet = book.sheet_by_name(sheet_of(tab, book.sheet_names(), refused))
    except ModelError:
        raise
    except Exception:
        raise refused("is damaged") from None
    plain = (xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK)
    for row in range(sheet.nrows):
        cells = zip(sheet.row_types(row), sheet.row_values(row), strict=True)
        # a date is no number, nor is an error such as #DIV/0!
        yield [
            None if kind in plain else value if kind in (xlrd.XL_CELL_NUMBER, xlrd.XL_CELL_TEXT) else "?"
            for kind, value in cells
        ]


def xlsx_rows(book: Any, sheet: str, refused: Refused) -> Iterator[Sequence[Any]]:
    """The rows of a sheet of a `workbook`: of a formula the value that it had when the file was saved."""
    try:
        table = book[sheet]
        table.reset_dimensions()  # what the file says about its size need not be true
        yield from table.iter_rows(values_only=True)
    except ModelError:
        raise
    except Exception:
        raise refused("is damaged") from None


def workbook(data: bytes, limits: Limits, refused: Refused) -> Any:
    """An ``.xlsx`` file, opened after what could fill the memory or lead elsewhere was refused.

    Raises
    ------
    ModelError
    """
    import openpyxl

    _check_parts(data, limits, refused)
    try:
        return openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    except Exception:
        raise refused("is damaged") from None


def sheet_of(tab: str, names: Sequence[str], refused: Refused) -> str:
    """The sheet that a model names, as the workbook spells it."""
    found = [name for name in names if name == tab] or [n for n in names if n.casefold() == tab.casefold()]
    if not found:
        listed = ", ".join(f"'{shown(name, 40)}'" for name in names[:5])
        raise refused(f"has no sheet '{shown(tab)}'", f"its sheets are {listed}")
    return found[0]


def _check_parts(data: bytes, limits: Limits, refused: Refused) -> None:
    """Hold every part of a workbook against the limits, as its directory says and as it really is."""
    end = data.rfind(_END)
    if end < 0 or len(data) < end + 22:
        raise refused("is damaged")
    (size,) = struct.unpack_from("<I", data, end + 12)
    if size > limits.workbook_parts * _ENTRY_BYTES or data[end - 20 : end - 16] == _END_64:
        raise too_large(refused(f"holds more than {limits.workbook_parts:,} parts"), "workbook_parts")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            if len(parts) > limits.workbook_parts:
                many = f"holds {len(parts):,} parts; the limit is {limits.workbook_parts:,}"
                raise too_large(refused(many), "workbook_parts")
            _check_room(sum(part.file_size for part in parts), limits, refused)
            total = 0
            for part in parts:
                _check_ratio(part.file_size, part, limits, refused)
                with archive.open(part) as stream:
                    total += _check_part(stream, part, limits, refused)
                _check_room(total, limits, refused)
    except ModelError:
        raise
    except Exception:  # zipfile and zlib have many ways to say it
        raise refused("is damaged") from None


def _check_room(size: int, limits: Limits, refused: Refused) -> None:
    if size > limits.inflated_bytes:
        room = f"would be {size:,} bytes unpacked; the limit is {limits.inflated_bytes:,}"
        raise too_large(refused(room), "inflated_bytes")


def _check_ratio(size: int, part: zipfile.ZipInfo, limits: Limits, refused: Refused) -> None:
    if size > max(part.compress_size, 1_000) * limits.inflation:
        ratio = f"{size / max(part.compress_size, 1):,.0f}"
        message = f"holds a part that grows {ratio} times when unpacked; the limit is {limits.inflation:,}"
        raise too_large(refused(message), "inflation")


def _check_part(stream: Any, part: zipfile.ZipInfo, limits: Limits, refused: Refused) -> int:
    """Unpack a part piece by piece; gives its size."""
    size, before = 0, b""
    while chunk := stream.read(_CHUNK):
        if not size:
            named = _ENCODING.search(chunk[:200].replace(b"\0", b""))
            if named and named.group(1).lower() not in _ENCODINGS:
                raise refused(f"holds a part in the encoding {shown(named.group(1).decode())}")
        size += len(chunk)
        _check_ratio(size, part, limits, refused)
        _check_room(size, limits, refused)
        both = before + chunk.replace(b"\0", b"")  # of UTF-16 the letters remain
        if b"<!DOCTYPE" in both or b"<!ENTITY" in both:
            raise refused("holds a DOCTYPE, which is not allowed in a workbook")
        before = both[-16:]
    return size
