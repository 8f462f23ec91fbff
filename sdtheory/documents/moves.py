"""Several elements moved at once: the file is read again only as often as links between them ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sdtheory.documents.drafting import element_called
from sdtheory.documents.splice import Edit
from sdtheory.documents.view import View

if TYPE_CHECKING:
    from sdtheory.documents.document import Document

Place = tuple[str, float, float]
Move = Callable[["Document", str, float, float, int], list[Edit]]


def moved(document: Document, places: Sequence[Place], view: int, move: Move) -> Document:
    """The document with elements at other places.

    What bends with two elements, such as a link between them, is moved with the one first and then with the
    other; elements that have nothing of the kind in common are moved in one step.

    Parameters
    ----------
    document : Document
    places : sequence of (id or name, x, y)
    view : int
        Where names are looked for.
    move : callable
        The edits of the document's format that move one element.
    """
    left = list(places)
    while left:
        edits: list[Edit] = []
        later: list[Place] = []
        touched: set[str] = set()
        for element, x, y in left:
            number, found = element_called(document, element, view)
            bends = _bending(document.views[number], found.id)
            if bends & touched:
                later.append((element, x, y))
                continue
            touched |= bends
            edits += move(document, element, x, y, view)
        document, left = document.splice(edits), later
    return document


def _bending(view: View, id: str) -> set[str]:
    """An element, and the pipes and links that its move changes."""
    flows = {one.id for one in view.elements if one.kind == "flow" and id in (one.id, one.source, one.target)}
    ends = {id, *flows}
    links = {one.id for one in view.elements if one.kind == "connector" and {one.source, one.target} & ends}
    return ends | links
