"""What the worker does: slow operations of the service, and exports. Only the worker loads what they need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sdtheory.documents import Document

IN_STEPS = frozenset({"compare"})  # operations of which several replies are told
LONG = frozenset({"compare", "export"})  # these may take so long that runs are not made in the same process


def do(document: Document, op: str, arguments: Mapping[str, Any], experiments: Mapping[str, str]) -> Any:
    """The reply to a slow operation, or an iterator of its replies.

    Parameters
    ----------
    document : Document
    op : str
    arguments : mapping
    experiments : mapping of str to str
        Paths of experiment files by their ids.

    Raises
    ------
    SDError
        It cannot be done.
    """
    if op == "export":
        from sdtheory.editor.exporting import exported

        return exported(document, **arguments)

    from sdtheory.editor.work import work, work_steps

    if op in IN_STEPS:
        return work_steps(document, op, arguments, experiments)
    return work(document, op, arguments, experiments)
