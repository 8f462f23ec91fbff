"""Data files that a model reads: found, checked, read once, and put into the abstract model as numbers."""

from __future__ import annotations

import dataclasses
import os
import shutil
import stat
import tempfile
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sdtheory.documents import Document
from sdtheory.documents.index import Entry
from sdtheory.errors import ModelError, shown
from sdtheory.model.model import Dimension
from sdtheory.names import canonical
from sdtheory.translate.faults import fault

SUFFIXES = frozenset({".csv", ".tab", ".txt", ".xls", ".xlsx"})
MOST_BYTES = 100_000_000
MOST_INFLATED = 200_000_000
STRUCTURES = frozenset({"GetDataStructure", "GetLookupsStructure", "GetConstantsStructure"})


class DataFiles:
    """The files that a document may read.

    Parameters
    ----------
    document : Document
    folders : sequence of path-like
        Allowed beside the model's own folder.
    private : Path
        Where copies go under numbered names.
    """

    def __init__(self, document: Document, folders: Sequence[str | Path], private: Path):
        self.document = document
        self.private = private
        own = [Path(document.source.path).parent] if document.source is not None else []
        self.folders = [Path(os.path.realpath(folder)) for folder in (*own, *folders)]
        self.copies: dict[Path, str] = {}

    def copy_of(self, name: str, entry: Entry | None, line: int | None = None) -> str:
        """The name of a private copy of a file that the model names.

        Raises
        ------
        ModelError
            When the file is outside the allowed folders, of another kind, too large or not there.
        """
        path = self._allowed(name, entry, line)
        if path not in self.copies:
            copy = self.private / f"data{len(self.copies)}{path.suffix.lower()}"
            shutil.copyfile(path, copy)
            self.copies[path] = copy.name
        return self.copies[path]

    def _allowed(self, name: str, entry: Entry | None, line: int | None) -> Path:
        def refused(message: str, remedy: str | None = None) -> ModelError:
            if entry is None:
                return ModelError(message, file=self.document.file, line=line, remedy=remedy)
            return fault(self.document, entry, message, remedy)

        what = f"the data file '{shown(name)}'"
        if Path(name).suffix.lower() not in SUFFIXES:
            raise refused(f"{what} is none of {', '.join(sorted(SUFFIXES))}")
        inside = False
        for folder in self.folders:
            path = Path(os.path.realpath(folder / name))
            if not any(path.is_relative_to(allowed) for allowed in self.folders):
                continue
            inside = True
            if path.exists():
                break
        else:
            if inside:
                raise refused(f"{what} does not exist")
            raise refused(
                f"{what} lies outside the model's folder", "pass data_folders=[...] if you trust it"
            )
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise refused(f"{what} is not a file")
        if status.st_size > MOST_BYTES:
            raise refused(f"{what} has {status.st_size:,} bytes; the limit is {MOST_BYTES:,}")
        if path.suffix.lower() == ".xlsx":
            self._check_zip(path, what, refused)
        return path

    def _check_zip(self, path: Path, what: str, refused: Any) -> None:
        try:
            with zipfile.ZipFile(path) as archive:
                inflated = sum(part.file_size for part in archive.infolist())
        except zipfile.BadZipFile:
            raise refused(f"{what} is damaged") from None
        if inflated > MOST_INFLATED:
            raise refused(f"{what} would be {inflated:,} bytes unpacked; the limit is {MOST_INFLATED:,}")


def with_dimensions(document: Document, abstract: Any, folders: Sequence[str | Path]) -> Any:
    """The abstract model with the ranges that it reads from files spelled out."""
    if not any(isinstance(part.subscripts, dict) for s in abstract.sections for part in s.subscripts):
        return abstract
    from pysd.py_backend.external import ExtSubscript

    with tempfile.TemporaryDirectory(prefix="sdtheory-") as private:
        files = DataFiles(document, folders, Path(private))

        def spelled_out(part: Any) -> Any:
            if not isinstance(part.subscripts, dict):
                return part
            declared = document.dimensions.get(part.name)
            line = declared.line if declared else None
            given = part.subscripts
            copy = files.copy_of(given["file"], None, line)
            try:
                read = ExtSubscript(
                    copy, given["tab"], given["firstcell"], given["lastcell"], given["prefix"], Path(private)
                )
            except Exception as error:
                raise ModelError(
                    f"dimension '{shown(part.name)}' cannot be read from '{shown(given['file'])}': "
                    f"{_reason(error)}",
                    file=document.file,
                    line=line,
                ) from None
            return dataclasses.replace(part, subscripts=[str(name) for name in read.subscript])

        return _with_sections(
            abstract, lambda section: {"subscripts": tuple(map(spelled_out, section.subscripts))}
        )


def with_data(
    document: Document, abstract: Any, folders: Sequence[str | Path], dimensions: dict[str, Dimension]
) -> Any:
    """The abstract model with everything that it reads from files as numbers and points.

    Raises
    ------
    ModelError
        Naming the variable, the file and what is wrong with it.
    """
    components = [c for s in abstract.sections for e in s.elements for c in e.components]
    if not any(type(component.ast).__name__ in STRUCTURES for component in components):
        return abstract
    from pysd.py_backend.external import Excels

    with tempfile.TemporaryDirectory(prefix="sdtheory-") as private, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reader = _Reader(document, DataFiles(document, folders, Path(private)), dimensions)
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

    def element(self, element: Any) -> Any:
        entry = self.document.variables.get(canonical(element.name))
        components: list[Any] = []
        for component in element.components:
            kind = type(component.ast).__name__
            if kind not in STRUCTURES:
                components.append(component)
                continue
            try:
                components.extend(self._read(kind, component, entry))
            except ModelError:
                raise
            except Exception as error:
                name = component.ast.file
                message = f"'{shown(name)}' cannot be read: {_reason(error)}"
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
        copy = self.files.copy_of(given.file, entry)
        name = entry.name if entry else ""
        root = self.files.private
        if kind == "GetConstantsStructure":
            constant = ExtConstant(copy, given.tab, given.cell, axes, root, axes, name)
            constant.initialize()
            values = np.asarray(constant.data, dtype=float)
            if np.isnan(values).any():
                raise ValueError(f"a cell of {given.cell} is empty or no number")
            return [dataclasses.replace(component, ast=float(values) if not axes else values)]
        if kind == "GetLookupsStructure":
            series: Any = ExtLookup(copy, given.tab, given.x_row_or_col, given.cell, axes, root, axes, name)
        else:
            keyword = component.keyword
            series = ExtData(
                copy, given.tab, given.time_row_or_col, given.cell, keyword, axes, root, axes, name
            )
        series.initialize()
        return [
            dataclasses.replace(component, subscripts=(list(cell), []), ast=points)
            for cell, points in _cells(series.data, axes)
        ]


def _cells(data: Any, axes: dict[str, list[str]]) -> list[tuple[tuple[str, ...], Any]]:
    """The points of each cell; the first axis of the data is the argument."""
    import itertools

    argument = np.asarray(data.coords[data.dims[0]], dtype=float)
    values = np.asarray(data, dtype=float).reshape(len(argument), -1)
    names = itertools.product(*axes.values())
    return [(cell, _points(argument, values[:, place])) for place, cell in enumerate(names)]


def _points(x: np.ndarray, y: np.ndarray) -> Any:
    from pysd.translators.structures import abstract_expressions as ae

    there = ~np.isnan(y) & ~np.isnan(x)
    if not there.any():
        raise ValueError("it holds no numbers there")
    order = np.argsort(x[there], kind="stable")
    xs, ys = tuple(x[there][order].tolist()), tuple(y[there][order].tolist())
    return ae.LookupsStructure(xs, ys, (xs[0], xs[-1]), (min(ys), max(ys)), "interpolate")


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return shown(" ".join(lines[1:]) or " ".join(lines) or type(error).__name__, 160)
