"""From a document to the model that it means, by way of PySD's translators."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sdtheory.documents import Document, Limits, contents, recognised
from sdtheory.errors import ModelError, SDWarning
from sdtheory.model.model import Model

if TYPE_CHECKING:
    from sdtheory.translate.data_files import DataFiles


def load(
    path_or_document: str | os.PathLike[str] | Document,
    *,
    data_folders: Sequence[str | Path] = (),
    limits: Limits | None = None,
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

    Returns
    -------
    Model

    Raises
    ------
    DocumentError, ModelError, LimitError
        With file, line, what is wrong and what to do.

    Examples
    --------
    >>> load("models/m0_seed.xmile")["search leverage"].units
    'Dmnl'
    """
    from sdtheory.translate import stored
    from sdtheory.translate.data_files import DataFiles

    document: Document | None = None
    if isinstance(path_or_document, Document):
        document = path_or_document
        if limits is not None:
            document = dataclasses.replace(document, limits=limits)
        data, source, limits = document.bytes, document.source, document.limits
        format, encoding = document.format, document.encoding
        as_read = source is not None and source.sha256 == hashlib.sha256(data).hexdigest()
    else:
        limits = limits or Limits()
        data, source = contents(path_or_document, limits)
        format, encoding = recognised(data, source=source)
        as_read = True
    key = None
    if source is not None and as_read:
        key = stored.key_of(format, encoding, source, limits)
        kept = stored.fetch(key, source, data_folders)
        if kept is not None:
            return kept
    files = DataFiles(source, data_folders)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", SDWarning)
            model = _translated(document or Document(data, format, encoding, source, limits), files)
    finally:
        for one in caught:
            if isinstance(one.message, SDWarning):
                warnings.warn(one.message, stacklevel=2)
            else:
                warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    if key is not None:
        told = [str(one.message) for one in caught if isinstance(one.message, SDWarning)]
        stored.keep(key, model, files.read, told)
    return model


def _translated(document: Document, files: DataFiles) -> Model:
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
