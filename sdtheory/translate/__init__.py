"""From a document to the model that it means, by way of PySD's translators."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from sdtheory.documents import Document, Limits, read
from sdtheory.errors import ModelError, SDError, shown
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
    from sdtheory.translate import guard, pysd_reader
    from sdtheory.translate.lowering import known_functions, lower
    from sdtheory.translate.structure import check_structure

    bounds = limits or Limits()
    document = (
        path_or_document if isinstance(path_or_document, Document) else read(path_or_document, limits=bounds)
    )
    guard.check_document(document, bounds)
    for module in document.modules:
        if module.connections or any(entry.model for entry in document.variables.values()):
            raise ModelError(
                f"module {shown(module.name)}: connections are not read", file=document.file, line=module.line
            )
    abstract = pysd_reader.abstract_model(document)
    model = lower(document, abstract, None)
    names = {key: entry.name for key, entry in document.variables.items()}
    translation = guard.guarded(abstract, names, known_functions(), document.file)
    if not model.variables:
        raise ModelError("the file declares no variables", file=document.file)
    check_structure(model, bounds)
    import dataclasses

    own = dataclasses.replace(translation, variables=dict(model.variables))
    return dataclasses.replace(model, translation=own)


__all__ = ["SDError", "load"]
