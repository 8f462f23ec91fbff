"""Translated models kept between processes, so that a file is translated once and not each time it is loaded."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.util
import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sdtheory import cache
from sdtheory.documents import Limits, Source
from sdtheory.documents.text import file_name
from sdtheory.errors import ModelError, SDWarning
from sdtheory.model import expression, model
from sdtheory.model.model import Model
from sdtheory.translate.codec import Codec
from sdtheory.translate.data_files import allowed_folders, content, located
from sdtheory.translate.translation import Translation

KIND = "models"


@dataclasses.dataclass(frozen=True)
class Record:
    """A model with the digests of the data files that it was read with, and the warnings that were given."""

    reads: Mapping[str, str]
    warnings: tuple[str, ...]
    model: Model


_CLASSES: dict[str, type] = {
    "LookupVariable": model.Lookup,
    "Translation": Translation,
    "Record": Record,
    **{
        kind.__name__: kind
        for kind in (
            *(expression.Number, expression.Name, expression.Unary, expression.Binary, expression.Call),
            *(expression.Table, expression.Lookup, expression.Opaque),
            *(model.Stock, model.Flow, model.Auxiliary, model.Constant, model.Data, model.Equation),
            *(model.Dimension, model.SimulationSettings, model.Model, Limits),
        )
    },
}
_CODEC = Codec(_CLASSES)
# what a translation depends on beside the file
_OWN_SOURCES = ("documents/*.py", "model/*.py", "translate/*.py", "errors.py", "limits.py", "names.py")


def key_of(format: str, encoding: str, source: Source, limits: Limits) -> str:
    """What a model is kept under: all that its translation depends on, but for the data files that it reads.

    Parameters
    ----------
    format, encoding : str
    source : Source
        The file.
    limits : Limits
    """
    parts = (
        source.sha256,
        format,
        encoding,
        file_name(source.path),
        dataclasses.astuple(limits),
        _readers(),
    )
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@functools.cache
def _readers() -> str:
    """A digest of our own sources and of PySD's version, without importing PySD."""
    package = Path(__file__).parent.parent
    files = [path for pattern in _OWN_SOURCES for path in sorted(package.glob(pattern))]
    found = importlib.util.find_spec("pysd")
    if found is not None and found.origin is not None:
        files.append(Path(found.origin).with_name("_version.py"))
    digest = hashlib.sha256()
    for path in files:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def fetch(key: str, source: Source, data_folders: Sequence[str | Path]) -> Model | None:
    """The model kept under a key, or None when there is none or a data file that it reads is not the same.

    Warnings that were given when it was translated are given again.
    """
    kept = cache.read(KIND, key)
    if kept is None:
        return None
    try:
        record = record_of(kept.decode())
    except (ModelError, ValueError):
        return None
    found = record.model
    folders = allowed_folders(source, data_folders)
    most = found.limits.data_bytes
    if any(_digest(name, folders, most) != digest for name, digest in record.reads.items()):
        return None
    for message in record.warnings:
        warnings.warn(message, SDWarning, stacklevel=3)
    translation = dataclasses.replace(found.translation, variables=dict(found.variables))
    return dataclasses.replace(found, translation=translation)


def _digest(name: str, folders: Sequence[Path], most: int) -> str:
    path, _ = located(name, folders)
    try:
        return "" if path is None else hashlib.sha256(content(path, folders, most)[0]).hexdigest()
    except OSError:
        return ""


def keep(key: str, found: Model, reads: Mapping[str, str], told: Sequence[str]) -> None:
    """Keep a model under a key.

    Parameters
    ----------
    key : str
    found : Model
    reads : mapping of str to str
        Names of the data files that were read, and the SHA-256 of each.
    told : sequence of str
        Warnings that were given.
    """
    try:
        text = record_text(found, reads, told)
    except RecursionError:
        return  # nested too deeply for JSON
    cache.write(KIND, key, text.encode())


def record_text(found: Model, reads: Mapping[str, str], told: Sequence[str]) -> str:
    """A model as text, with what `keep` is given beside it.

    Raises
    ------
    RecursionError
        When an equation is nested too deeply for JSON.
    """
    translation: Any = dataclasses.replace(found.translation, variables={})
    record = Record(dict(reads), tuple(told), dataclasses.replace(found, translation=translation))
    return _CODEC.encode(record)


def record_of(text: str) -> Record:
    """What `record_text` was given; the model's translation still lacks the variables.

    Raises
    ------
    ModelError
        For a text that `record_text` does not give.
    """
    record = _CODEC.decode(text)
    if not isinstance(record, Record) or not isinstance(record.model, Model):
        raise ModelError("a stored translation is damaged", remedy="load the model's file again")
    return record
