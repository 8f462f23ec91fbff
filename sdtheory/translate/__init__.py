"""From a document to the model that it means, by way of PySD's translators."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sdtheory.documents import Document, Limits, Source, contents, recognised
from sdtheory.errors import ModelError, SDWarning, UsageError, shown
from sdtheory.model.model import Model

if TYPE_CHECKING:
    from sdtheory.translate.data_files import DataFiles

File = tuple[bytes, str, str, Source | None, Limits]  # bytes, format, encoding, source and limits


def load(
    path_or_document: str | os.PathLike[str] | Document,
    *,
    data_folders: Sequence[str | Path] = (),
    limits: Limits | None = None,
    isolation: str | None = None,
) -> Model:
    """Load a model from a Vensim or XMILE file.

    Nothing that the file's author wrote is executed, and nothing is written beside the file. The translation
    of a file is kept in the user's cache folder (``SDTHEORY_CACHE``, else the platform's), so that the same
    file is loaded quickly the next time.

    Parameters
    ----------
    path_or_document : path-like or Document
    data_folders : sequence of path-like
        Folders beside the model's own from which data may be read.
    limits : Limits, optional
    isolation : str, optional
        ``"process"``: the file is read and translated in a process of its own, for a file that may have been
        made to crash, fill or hold up what reads it. That process has 30 s, 2 GB of memory, files of 100 MB,
        no processes beside it (unless it is root's), an empty environment, and a folder of its own that is
        removed. It can read what its user can. What it answers is checked again. On systems without
        `resource`, such as Windows, the 30 s alone hold. A translation that is kept from an earlier
        load is used; this one is kept as well.

    Returns
    -------
    Model

    Raises
    ------
    DocumentError, ModelError, LimitError
        With file, line, what is wrong and what to do.
    EngineCrashed
        When the process of its own dies, is stopped, or gives no proper answer.
    UsageError
        For another `isolation`.

    Examples
    --------
    >>> load("models/m0_seed.xmile")["search leverage"].units
    'Dmnl'
    """
    from sdtheory.translate import stored

    check_way(isolation)
    data, format, encoding, source, limits = file = _file(path_or_document, limits)
    key = None
    if source is not None and source.sha256 == hashlib.sha256(data).hexdigest():
        key = stored.key_of(format, encoding, source, limits)
        kept = stored.fetch(key, source, data_folders)
        if kept is not None:
            return kept
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", SDWarning)
            model, reads = _read(path_or_document, file, data_folders, isolation)
    finally:
        for one in caught:
            if isinstance(one.message, SDWarning):
                warnings.warn(one.message, stacklevel=2)
            else:
                warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    if key is not None:
        told = [str(one.message) for one in caught if isinstance(one.message, SDWarning)]
        stored.keep(key, model, reads, told)
    return model


def check_way(isolation: str | None) -> None:
    """Raise for a way of isolation that does not exist.

    Raises
    ------
    UsageError
    """
    if isolation not in (None, "process"):
        raise UsageError(
            f"isolation='{shown(isolation)}' is unknown", remedy="use isolation='process' or None"
        )


def _file(path_or_document: str | os.PathLike[str] | Document, limits: Limits | None) -> File:
    """The file's bytes, and what they are recognised as; they are not read further."""
    if isinstance(path_or_document, Document):
        own = path_or_document
        return own.bytes, own.format, own.encoding, own.source, limits or own.limits
    limits = limits or Limits()
    data, source = contents(path_or_document, limits)
    return data, *recognised(data, source=source), source, limits


def _read(
    path_or_document: str | os.PathLike[str] | Document,
    file: File,
    data_folders: Sequence[str | Path],
    isolation: str | None,
) -> tuple[Model, Mapping[str, str]]:
    """The model of a file, translated here or apart, and the digests of the data files that it reads."""
    if isolation is not None:
        from sdtheory.translate.isolated import translated_apart

        return translated_apart(*file, data_folders)
    from sdtheory.translate.data_files import DataFiles

    *_, source, limits = file
    own = path_or_document if isinstance(path_or_document, Document) else None
    files = DataFiles(source, data_folders)
    document = own if own is not None and own.limits == limits else Document(*file)
    return translated(document, files), files.read


def translated(document: Document, files: DataFiles) -> Model:
    """The model of a document, by the whole chain, without the cache.

    Parameters
    ----------
    document : Document
    files : DataFiles
        What it may read; afterwards also what it did read.
    """
    from sdtheory.translate.dimensions import dimensions_of
    from sdtheory.translate.external import with_data, with_dimensions
    from sdtheory.translate.guard import guarded
    from sdtheory.translate.lowering import lower
    from sdtheory.translate.precheck import check_document
    from sdtheory.translate.pysd_reader import abstract_model
    from sdtheory.translate.structure import check_structure
    from sdtheory.translate.subscripts import check_subscripts

    check_document(document, document.limits)
    abstract = with_dimensions(document, abstract_model(document), files)
    dimensions = dimensions_of(document, abstract)
    abstract = with_data(document, abstract, files, dimensions)
    model = lower(document, abstract, dimensions)
    if not model.variables:
        raise ModelError("the file declares no variables", file=document.file)
    check_structure(model, document)
    check_subscripts(document, model)
    translation = dataclasses.replace(guarded(document, abstract), variables=dict(model.variables))
    return dataclasses.replace(model, translation=translation)


__all__ = ["load"]
