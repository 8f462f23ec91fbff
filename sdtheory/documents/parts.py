"""A part of a document: some variables of a view with their drawings, as a small document of the same format."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdtheory.documents.drafting import view_number
from sdtheory.documents.index import Entry
from sdtheory.documents.view import Element
from sdtheory.documents.words import CONTROLS
from sdtheory.errors import DocumentError, UsageError, shown
from sdtheory.names import canonical

if TYPE_CHECKING:
    from sdtheory.documents.document import Document

VARIABLES = frozenset({"stock", "flow", "auxiliary", "constant", "lookup", "data"})
DRAWINGS = frozenset({"stock", "flow", "auxiliary", "alias", "text"})


@dataclass(frozen=True)
class Chosen:
    """What of a view is taken: drawings without their links, links between them, and the variables."""

    drawings: tuple[Element, ...]
    links: tuple[Element, ...]
    entries: tuple[Entry, ...]


def chosen(document: Document, ids: Iterable[str], view: int) -> Chosen:
    """What can be taken of some elements of a view; links are taken when both their ends are.

    Raises
    ------
    UsageError
        There is no such view, it shows a module's own model, or nothing can be taken.
    """
    whole = document.views[view_number(document, view)]
    if whole.model:
        raise UsageError(
            f"view {view} belongs to the module '{shown(whole.model)}'", remedy="open its own file"
        )
    wanted = set(ids)
    drawings, keys = [], set()
    for one in whole.elements:
        if one.id not in wanted or one.kind not in DRAWINGS:
            continue
        if one.kind in ("alias", "text"):
            drawings.append(one)
            continue
        key = canonical(one.variable or "")
        entry = document.variables.get(key)
        if entry is not None and entry.kind in VARIABLES and key not in CONTROLS:
            drawings.append(one)
            keys.add(key)
    ends = {one.id for one in drawings}
    links = [
        one for one in whole.elements if one.kind == "connector" and one.source in ends and one.target in ends
    ]
    if not drawings:
        raise UsageError("nothing that can be copied is selected", remedy="select variables or texts")
    entries = [entry for key, entry in document.variables.items() if key in keys]
    return Chosen(tuple(drawings), tuple(links), tuple(entries))


def strange_flows(part: Document, stock: Entry) -> list[str]:
    """The flows of a stock that are no variables of a part."""
    return [name for name in (*stock.inflows, *stock.outflows) if name not in part.variables]


def check_added(old: Document, part: Document, new: Document) -> None:
    """Raise when a document did not get all that a part has, and nothing else.

    Raises
    ------
    DocumentError
        A part would be read otherwise in this document.
    """
    same = new.variables.keys() == old.variables.keys() | part.variables.keys()
    same = same and all(
        [(one.subscripts, one.equation) for one in new.variables[key].blocks]
        == [(one.subscripts, one.equation) for one in entry.blocks]
        for key, entry in part.variables.items()
    )
    kept = ("dimensions", "macros", "groups", "modules", "simulation")
    if not same or any(_number(new, word) != _number(old, word) for word in kept):
        raise DocumentError("a part of another document would be read otherwise here", file=old.file)


def _number(document: Document, word: str) -> object:
    """How many of a kind there are; of the settings their texts."""
    value = getattr(document, word)
    return len(value) if word != "simulation" else (value.start, value.stop, value.time_step, value.method)
