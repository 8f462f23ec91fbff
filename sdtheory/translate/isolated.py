"""Translation in a process of its own, for files whose readers are not trusted with them either.

`answer` runs in that process; `translated_apart` asks it, and takes nothing that it says on trust.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sdtheory.documents import Document, Limits, Source
from sdtheory.documents.text import file_name
from sdtheory.errors import LimitError
from sdtheory.model.model import Model
from sdtheory.translate import stored
from sdtheory.translate.data_files import DataFiles
from sdtheory.translate.isolated_arrival import checked
from sdtheory.translate.isolated_process import answer_of, malformed


def request_of(
    format: str, encoding: str, source: Source | None, limits: Limits, data_folders: Sequence[str | Path]
) -> dict[str, Any]:
    """What the process must know beside the file's bytes, as JSON can hold it.

    Examples
    --------
    >>> request_of("vensim", "utf-8", None, Limits(), [])["path"] is None
    True
    """
    return {
        "format": format,
        "encoding": encoding,
        "path": None if source is None else os.path.abspath(source.path),
        "limits": dataclasses.asdict(limits),
        "data_folders": [os.path.abspath(folder) for folder in data_folders],
    }


def document_of(request: Mapping[str, Any], data: bytes) -> Document:
    """The document that a request is about."""
    path = request["path"]
    source = None if path is None else Source(path, hashlib.sha256(data).hexdigest(), len(data))
    return Document(data, request["format"], request["encoding"], source, Limits(**request["limits"]))


def answer(request: Mapping[str, Any], data: bytes) -> str:
    """The translation of a file as text; this runs in the process of its own.

    Parameters
    ----------
    request : mapping
        As `request_of` gives it.
    data : bytes
    """
    from sdtheory.translate import translated

    document = document_of(request, data)
    files = DataFiles(document.source, request["data_folders"])
    model = translated(document, files)
    try:
        return stored.record_text(model, files.read, ())
    except RecursionError:
        raise LimitError("an equation is nested too deeply to be handed over", file=document.file) from None


def translated_apart(
    data: bytes,
    format: str,
    encoding: str,
    source: Source | None,
    limits: Limits,
    data_folders: Sequence[str | Path],
) -> tuple[Model, Mapping[str, str]]:
    """The model of a file, translated in a process of its own, and the digests of the data files it reads.

    Parameters
    ----------
    data : bytes
    format, encoding : str
    source : Source, optional
    limits : Limits
    data_folders : sequence of path-like

    Raises
    ------
    EngineCrashed
        When that process dies, or its answer is not what a translation can be.
    SDError
        What is wrong with the file.
    """
    file = file_name(source.path) if source is not None else "<document>"
    request = request_of(format, encoding, source, limits, data_folders)
    text = answer_of(__name__, request, data, file)
    try:
        record = stored.record_of(text)
        return checked(record, limits, file), record.reads
    except Exception:  # what a stranger says may be wrong in any way
        raise malformed(file) from None
