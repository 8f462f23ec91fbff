"""What a model reads from data files, put into the abstract model as numbers."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sdtheory.documents import Document
from sdtheory.documents.index import Entry
from sdtheory.errors import LimitError, ModelError, shown
from sdtheory.model.model import Dimension
from sdtheory.names import canonical
from sdtheory.translate.data_files import DataFile, DataFiles, named
from sdtheory.translate.faults import fault
from sdtheory.translate.tables import (
    MISSING,
    bounded,
    marked_cell,
    numbers,
    sheet_of,
    text_rows,
    workbook,
    xls_rows,
    xlsx_rows,
)

STRUCTURES = frozenset({"GetDataStructure", "GetLookupsStructure", "GetConstantsStructure"})
_CELL = re.compile(r"([A-Za-z]{1,3})([1-9][0-9]{0,7})")
_ROW, _COLUMN = re.compile(r"[1-9][0-9]{0,7}"), re.compile(r"[A-Za-z]{1,3}")


class _Tables:
    """The tables of data files, each read once."""

    def __init__(self, document: Document, files: DataFiles):
        self.limits = document.limits
        self.files = files
        self.books: dict[str, Any] = {}
        self.arrays: dict[tuple[str, str], tuple[str, np.ndarray]] = {}

    def rows(self, file: DataFile, tab: str, refused: Any) -> tuple[str, Iterator[Sequence[Any]]]:
        """The sheet as the file spells it, and its rows."""
        rows: Iterator[Sequence[Any]]
        if file.suffix == ".xlsx":
            book = self.book(file, refused)
            tab = sheet_of(tab, book.sheetnames, refused)
            rows = xlsx_rows(book, tab, refused)
        elif file.suffix == ".xls":
            rows = xls_rows(file.data, tab, refused)
        else:
            rows = text_rows(file.data, file.suffix, tab, refused)
        return tab, bounded(rows, self.limits, refused)

    def book(self, file: DataFile, refused: Any) -> Any:
        """A workbook that was checked."""
        if file.name not in self.books:
            self.books[file.name] = workbook(file.data, self.limits, refused)
        return self.books[file.name]

    def for_pysd(self, file: DataFile, tab: str, refused: Any) -> str:
        """Give PySD the numbers of a table, so that it opens no file; returns the tab to ask for."""
        from pysd.py_backend.external import Excels

        path = (self.files.private / file.name).resolve()
        if (file.name, tab) not in self.arrays:
            sheet, rows = self.rows(file, tab, refused)
            array = numbers(rows)
            # a sign between columns would do as a part of a path to PySD
            word = sheet if file.suffix == ".xlsx" else f"t{len(self.arrays)}"
            self.arrays[file.name, tab] = word, array
            Excels._Excels[path.joinpath(word)] = array
            if file.suffix == ".xlsx":
                Excels._Excels_opyxl[path] = self.book(file, refused)
        return self.arrays[file.name, tab][0]

    def close(self) -> None:
        """Close the workbooks."""
        for book in self.books.values():
            book.close()


def with_dimensions(document: Document, abstract: Any, files: DataFiles) -> Any:
    """The abstract model with the ranges that it reads from files spelled out."""
    if not any(isinstance(part.subscripts, dict) for s in abstract.sections for part in s.subscripts):
        return abstract
    most = document.limits.dimension_elements
    with files.opened():
        tables = _Tables(document, files)

        def spelled_out(part: Any) -> Any:
            if not isinstance(part.subscripts, dict):
                return part
            declared = document.dimensions.get(part.name)
            line, column = (declared.line, declared.column) if declared else (None, None)
            given = part.subscripts

            def error(message: str, remedy: str | None = None) -> ModelError:
                return ModelError(message, file=document.file, line=line, column=column, remedy=remedy)

            found = [given["prefix"] + name for name in _names_in(tables, given, error)]
            if len(found) > most:
                message = f"dimension '{shown(part.name)}' has {len(found):,} elements; the limit is {most:,}"
                remedy = "raise limits=Limits(dimension_elements=...)"
                raise LimitError(message, file=document.file, line=line, column=column, remedy=remedy)
            if not found:
                raise error(
                    f"dimension '{shown(part.name)}' cannot be read from '{shown(given['file'])}': "
                    "the cells are empty"
                )
            return dataclasses.replace(part, subscripts=found)

        try:
            return _with_sections(
                abstract, lambda section: {"subscripts": tuple(map(spelled_out, section.subscripts))}
            )
        finally:
            tables.close()


def _names_in(tables: _Tables, given: dict[str, str], error: Callable[..., ModelError]) -> list[str]:
    """The names in the cells from the first to the last one; a name may stand for both."""
    refused = named(given["file"], error)
    file = tables.files.file(given["file"], tables.limits, refused)
    tab, rows = tables.rows(file, given["tab"], refused)
    first, last = given["firstcell"], given["lastcell"]
    if not _CELL.fullmatch(first):
        book = tables.book(file, refused) if file.suffix == ".xlsx" else None
        range_ = None if book is None else book[tab].defined_names.get(first) or book.defined_names.get(first)
        places = [] if range_ is None else list(range_.destinations)
        if len(places) != 1 or places[0][0].casefold() != tab.casefold():
            raise refused(f"has neither a cell nor a range of cells named '{shown(first)}'")
        first, _, last = places[0][1].replace("$", "").partition(":")
        last = last or first
    top, left = _place(first)
    bottom, right = _place(last)
    if top is None or left is None or (last and bottom is None and right is None):
        raise refused(f"has no cell named '{shown(last)}'")
    found = []
    for row in itertools.islice(rows, top, None if bottom is None else bottom + 1):
        for cell in row[left : None if right is None else right + 1]:
            text = str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell or "")
            if text.strip().lower() not in MISSING:
                found.append(text)
    return found


def _place(cell: str) -> tuple[int | None, int | None]:
    """Row and column of a cell, counted from 0, or one of them."""
    match = _CELL.fullmatch(cell)
    letters, digits = match.groups() if match else (cell, cell)
    column = None
    if _COLUMN.fullmatch(letters):
        column = -1
        for letter in letters.upper():
            column = (column + 1) * 26 + ord(letter) - 65
    return int(digits) - 1 if _ROW.fullmatch(digits) else None, column


def with_data(document: Document, abstract: Any, files: DataFiles, dimensions: dict[str, Dimension]) -> Any:
    """The abstract model with everything that it reads from files as numbers and points.

    Raises
    ------
    ModelError
        Naming the variable, the file and what is wrong with it.
    """
    components = [c for s in abstract.sections for e in s.elements for c in e.components]
    if not any(_reads_inside(component.ast) for component in components):
        return abstract
    from pysd.py_backend.external import Excels

    with files.opened():
        reader = _Reader(document, files, dimensions)
        try:
            return _with_sections(
                abstract, lambda section: {"elements": tuple(map(reader.element, section.elements))}
            )
        finally:
            Excels.clean()


def _with_sections(abstract: Any, change: Any) -> Any:
    sections = tuple(dataclasses.replace(section, **change(section)) for section in abstract.sections)
    return dataclasses.replace(abstract, sections=sections)


class _Reader:
    def __init__(self, document: Document, files: DataFiles, dimensions: dict[str, Dimension]):
        self.document = document
        self.files = files
        self.dimensions = dimensions
        self.tables = _Tables(document, files)

    def element(self, element: Any) -> Any:
        entry = self.document.variables.get(canonical(element.name))
        components: list[Any] = []
        for component in element.components:
            kind = type(component.ast).__name__
            if kind not in STRUCTURES:
                if _reads_inside(component.ast):
                    message = "a function that reads data must be the whole equation"
                    raise fault(self.document, entry, message, "give it a variable of its own")
                components.append(component)
                continue
            if not all(isinstance(given, str) for given in vars(component.ast).values()):
                message = "a function that reads data takes texts in apostrophes: a file, a sheet, cells"
                raise fault(self.document, entry, message, "write them like 'file.csv', ',', 'A', 'B2'")
            try:
                components.extend(self._read(kind, component, entry))
            except ModelError:
                raise
            except Exception as error:
                message = f"{_where(component.ast)} cannot be read: {_reason(error)}"
                raise fault(self.document, entry, message) from None
        return dataclasses.replace(element, components=components)

    def _axes(self, component: Any) -> dict[str, list[str]]:
        axes = {}
        for subscript in component.subscripts[0]:
            dimension = self.dimensions.get(canonical(subscript))
            axes[subscript] = list(dimension.elements) if dimension else [subscript]
        return axes

    def _read(self, kind: str, component: Any, entry: Entry | None) -> list[Any]:
        from pysd.py_backend.external import ExtConstant, ExtData, ExtLookup

        given = component.ast
        axes = self._axes(component)
        refused = named(given.file, lambda *wrong: fault(self.document, entry, *wrong))
        file = self.files.file(given.file, self.document.limits, refused)
        tab = self.tables.for_pysd(file, given.tab, refused)
        name = ""  # PySD begins its messages with it
        root = self.files.private
        if kind == "GetConstantsStructure":
            constant = ExtConstant(file.name, tab, given.cell, axes, root, axes, name)
            constant.initialize()
            values = np.asarray(constant.data, dtype=float)
            _refuse_marks(values, also_empty=True)
            return [dataclasses.replace(component, ast=float(values) if not axes else values)]
        across = given.x_row_or_col if kind == "GetLookupsStructure" else given.time_row_or_col
        whole, cell = _ROW.fullmatch(across), _CELL.fullmatch(given.cell)
        if bool(whole or _COLUMN.fullmatch(across)) < bool(cell) or (not cell and across.strip().isdigit()):
            raise ValueError(f"'{shown(across)}' is no row or column beside '{shown(given.cell)}'")
        if kind == "GetLookupsStructure":
            series: Any = ExtLookup(file.name, tab, across, given.cell, axes, root, axes, name)
        else:
            keyword = component.keyword
            series = ExtData(file.name, tab, across, given.cell, keyword, axes, root, axes, name)
        series.missing = "keep"  # PySD would fill in what is not there, or holds a text
        series.initialize()
        return [
            dataclasses.replace(component, subscripts=(list(part), []), ast=points)
            for part, points in _cells(series.data, axes)
        ]


def _refuse_marks(values: np.ndarray, also_empty: bool) -> None:
    """Raise for the first cell that holds a text, or nothing, where a number must be."""
    for value in values[~np.isfinite(values)].reshape(-1):
        cell, text = marked_cell(float(value)) or (None, False)
        where = f"'{cell}'" if cell else "a cell"
        if text:
            raise ValueError(f"{where} holds something that is no number")
        if also_empty:
            raise ValueError(f"{where} is empty")


def _reads_inside(tree: Any) -> bool:
    """Does a tree read data, itself or in a part?"""
    stack = [tree]
    while stack:
        node = stack.pop()
        if type(node).__name__ in STRUCTURES:
            return True
        if isinstance(node, tuple | list):
            stack.extend(part for part in node if not isinstance(part, float))
        elif dataclasses.is_dataclass(node):
            stack.extend(vars(node).values())
    return False


def _cells(data: Any, axes: dict[str, list[str]]) -> list[tuple[tuple[str, ...], Any]]:
    """The points of each cell; the first axis of the data is the argument."""
    argument = np.asarray(data.coords[data.dims[0]], dtype=float)
    values = np.asarray(data, dtype=float).reshape(len(argument), -1)
    names = itertools.product(*axes.values())
    return [(cell, _points(argument, values[:, place])) for place, cell in enumerate(names)]


def _points(x: np.ndarray, y: np.ndarray) -> Any:
    from pysd.translators.structures import abstract_expressions as ae

    _refuse_marks(y[np.isfinite(x)], also_empty=False)
    _refuse_marks(x[np.isfinite(y)], also_empty=False)
    there = np.isfinite(y) & np.isfinite(x)
    if not there.any():
        raise ValueError("it holds no numbers there")
    order = np.argsort(x[there], kind="stable")
    if (np.diff(x[there][order]) == 0).any():
        raise ValueError("it holds a value twice where they must rise")
    xs, ys = tuple(x[there][order].tolist()), tuple(y[there][order].tolist())
    return ae.LookupsStructure(xs, ys, (xs[0], xs[-1]), (min(ys), max(ys)), "interpolate")


def _where(given: Any) -> str:
    """The file, sheet and cell that a function reads, as the model names them."""
    file = shown(given.file)
    sheet = (
        "" if Path(given.file).suffix.lower() not in (".xls", ".xlsx") else f", sheet '{shown(given.tab)}'"
    )
    return f"'{file}'{sheet}, cell '{shown(given.cell)}'"


def _reason(error: Exception) -> str:
    """What PySD's readers say, without our private copy's name."""
    lines = [line.strip() for line in str(error).splitlines()]
    kept = [line for line in lines if line and not line.startswith(("File name:", "Sheet name:"))]
    reason = " ".join(kept).removesuffix(":").removesuffix("in").strip()
    return shown(reason or type(error).__name__, 160)
