"""What a model reads from data files, put into the abstract model as numbers."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import numpy as np

from sdtheory.documents import Document
from sdtheory.documents.index import Entry
from sdtheory.errors import LimitError, ModelError, shown
from sdtheory.model.model import Dimension
from sdtheory.names import canonical
from sdtheory.translate.data_files import DataFiles
from sdtheory.translate.faults import fault

STRUCTURES = frozenset({"GetDataStructure", "GetLookupsStructure", "GetConstantsStructure"})


def with_dimensions(document: Document, abstract: Any, files: DataFiles) -> Any:
    """The abstract model with the ranges that it reads from files spelled out."""
    if not any(isinstance(part.subscripts, dict) for s in abstract.sections for part in s.subscripts):
        return abstract
    from pysd.py_backend.external import ExtSubscript

    with files.opened():

        def spelled_out(part: Any) -> Any:
            if not isinstance(part.subscripts, dict):
                return part
            declared = document.dimensions.get(part.name)
            line = declared.line if declared else None
            given = part.subscripts
            copy = files.copy_of(given["file"], lambda *wrong: _refused(document, line, *wrong))
            try:
                read = ExtSubscript(
                    copy, given["tab"], given["firstcell"], given["lastcell"], given["prefix"], files.private
                )
            except Exception as error:
                raise ModelError(
                    f"dimension '{shown(part.name)}' cannot be read from '{shown(given['file'])}': "
                    f"{_reason(error)}",
                    file=document.file,
                    line=line,
                ) from None
            most = document.limits.dimension_elements
            if len(read.subscript) > most:
                message = f"dimension '{shown(part.name)}' has {len(read.subscript):,} elements; the limit is {most:,}"
                remedy = "raise limits=Limits(dimension_elements=...)"
                raise LimitError(message, file=document.file, line=line, remedy=remedy)
            return dataclasses.replace(part, subscripts=[str(name) for name in read.subscript])

        return _with_sections(
            abstract, lambda section: {"subscripts": tuple(map(spelled_out, section.subscripts))}
        )


def _refused(document: Document, line: int | None, message: str, remedy: str | None = None) -> ModelError:
    return ModelError(message, file=document.file, line=line, remedy=remedy)


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
        copy = self.files.copy_of(given.file, lambda *wrong: fault(self.document, entry, *wrong))
        name = ""  # PySD begins its messages with it
        root = self.files.private
        if kind == "GetConstantsStructure":
            constant = ExtConstant(copy, given.tab, given.cell, axes, root, axes, name)
            constant.initialize()
            values = np.asarray(constant.data, dtype=float)
            if not np.isfinite(values).all():
                raise ValueError("a cell is empty or no number")
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


def _reads_inside(tree: Any) -> bool:
    """Does a tree read data, itself or in a part?"""
    stack = [tree]
    while stack:
        node = stack.pop()
        if type(node).__name__ in STRUCTURES:
            return True
        if isinstance(node, tuple | list):
            stack.extend(node)
        elif dataclasses.is_dataclass(node):
            stack.extend(getattr(node, field.name) for field in dataclasses.fields(node))
    return False


def _cells(data: Any, axes: dict[str, list[str]]) -> list[tuple[tuple[str, ...], Any]]:
    """The points of each cell; the first axis of the data is the argument."""
    argument = np.asarray(data.coords[data.dims[0]], dtype=float)
    values = np.asarray(data, dtype=float).reshape(len(argument), -1)
    names = itertools.product(*axes.values())
    return [(cell, _points(argument, values[:, place])) for place, cell in enumerate(names)]


def _points(x: np.ndarray, y: np.ndarray) -> Any:
    from pysd.translators.structures import abstract_expressions as ae

    there = np.isfinite(y) & np.isfinite(x)
    if not there.any():
        raise ValueError("it holds no numbers there")
    order = np.argsort(x[there], kind="stable")
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
