"""Everything that can be found wrong with a document or a model, as a list of issues."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from sdtheory.documents import Document, read
from sdtheory.errors import Issue, SDError
from sdtheory.model.model import Model

__all__ = ["check"]


def check(
    model_or_document: Model | Document | str | os.PathLike[str],
    *,
    data_folders: Sequence[str | Path] = (),
    isolation: str | None = None,
) -> list[Issue]:
    """Look a model or its file through for faults; nothing is run, and no fault is raised.

    Parameters
    ----------
    model_or_document : Model, Document or path-like
        Of a document also what only the file shows: connectors that disagree with equations, names that no
        variable has, names declared twice, what keeps it from being loaded, what was repaired on reading.
        Of a path also what keeps the file from being read.
    data_folders : sequence of path-like
        Folders beside the file's own from which data may be read.
    isolation : str, optional
        ``"process"``: a path is read and looked through in a process of its own, as by `load`.

    Returns
    -------
    list of Issue
        In file order. ``error``: the model cannot be run, or contradicts itself; ``warning``: probably not
        what was meant; ``note``: something left unsaid.

    Examples
    --------
    >>> from sdtheory.documents import from_bytes
    >>> check("models/m0_seed.mdl")
    []
    >>> file = from_bytes(b"{UTF-8}\\ngap = reach - grasp ~Mile~|\\nreach = 2 ~Mile~|\\ngrasp = 1 ~Year~|")
    >>> print(*(issue.message for issue in check(file) if issue.severity == "error"))
    units: in the equation of 'gap', 'grasp' is Year, but Mile is wanted
    """
    from sdtheory.checking.document import document_issues
    from sdtheory.checking.loading import issue_of, structure_issues
    from sdtheory.model.check import check_model
    from sdtheory.translate import check_way

    check_way(isolation)
    if isinstance(model_or_document, str | os.PathLike):
        try:
            if isolation is not None:
                from sdtheory.checking.isolated import issues_apart

                return issues_apart(model_or_document, data_folders)
            return document_issues(read(model_or_document), data_folders)
        except SDError as error:
            return [issue_of(error)]
    if isinstance(model_or_document, Document):
        return document_issues(model_or_document, data_folders)
    return [*structure_issues(model_or_document), *check_model(model_or_document)]
