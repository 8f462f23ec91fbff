"""From a document to the model that it means, by way of PySD's translators."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from sdtheory.documents import Document, Limits, read
from sdtheory.errors import ModelError
from sdtheory.model.model import Model


def load(
    path_or_document: str | os.PathLike[str] | Document,
    *,
    data_folders: Sequence[str | Path] = (),
    limits: Limits | None = None,
) -> Model:
    """Load a model from a Vensim or XMILE file.

    Nothing that the file's author wrote is executed, and nothing is written beside the file.

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
    from sdtheory.translate.dimensions import dimensions_of
    from sdtheory.translate.external import with_data, with_dimensions
    from sdtheory.translate.guard import guarded
    from sdtheory.translate.lowering import lower
    from sdtheory.translate.precheck import check_document
    from sdtheory.translate.pysd_reader import abstract_model
    from sdtheory.translate.structure import check_structure

    if isinstance(path_or_document, Document):
        document = path_or_document
        if limits is not None:
            document = dataclasses.replace(document, limits=limits)
    else:
        document = read(path_or_document, limits=limits)
    check_document(document, document.limits)
    abstract = with_dimensions(document, abstract_model(document), data_folders)
    dimensions = dimensions_of(document, abstract)
    abstract = with_data(document, abstract, data_folders, dimensions)
    model = lower(document, abstract, dimensions)
    if not model.variables:
        raise ModelError("the file declares no variables", file=document.file)
    check_structure(model, document.limits)
    translation = dataclasses.replace(guarded(document, abstract), variables=dict(model.variables))
    return dataclasses.replace(model, translation=translation)


__all__ = ["load"]
