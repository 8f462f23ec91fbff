"""Ids of drawn elements that last over edits: an element keeps its id as long as it is in the file.

A document numbers the elements of a view anew on every reading; in XMILE by their order, so that one that is
added or taken away moves the numbers of all behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property

from sdtheory.documents import Document
from sdtheory.documents.view import Element, View
from sdtheory.errors import UnknownName, shown
from sdtheory.names import canonical

Key = tuple[str, ...]


@dataclass(frozen=True)
class Identity:
    """The ids of the elements of a document.

    Parameters
    ----------
    lasting : tuple of tuple of str
        Of each view, the ids in the order of its elements.
    own : tuple of tuple of str
        The document's own ids of the same elements.
    fresh : int
        A number that no id of the session holds yet.
    """

    lasting: tuple[tuple[str, ...], ...]
    own: tuple[tuple[str, ...], ...]
    fresh: int

    @cached_property
    def to_own(self) -> dict[str, str]:
        """The document's id for each lasting one."""
        return dict(self._pairs())

    @cached_property
    def to_lasting(self) -> dict[str, str]:
        """The lasting id for each of the document's."""
        return {own: lasting for lasting, own in self._pairs()}

    def _pairs(self) -> Iterator[tuple[str, str]]:
        for lasting, own in zip(self.lasting, self.own, strict=True):
            yield from zip(lasting, own, strict=True)


def first_identity(document: Document) -> Identity:
    """The ids of a document that was just opened: its own.

    Examples
    --------
    >>> from sdtheory.documents import read
    >>> first_identity(read("models/m0_seed.xmile")).lasting[0][:2]
    ('0:0', '0:1')
    """
    own = _own(document)
    numbers = [int(part) for ids in own for id in ids for part in id.split(":")[1:] if part.isdecimal()]
    return Identity(own, own, max(numbers, default=-1) + 1)


def identity_after(old: Document, known: Identity, new: Document, fresh: int, same: bool = False) -> Identity:
    """The ids of the elements of a document that an edit made.

    Parameters
    ----------
    old : Document
    known : Identity
        Of the old document.
    new : Document
    fresh : int
        A number above all that the session has given.
    same : bool
        The edit neither drew nor removed anything, so that every element is still there, in its place.
    """
    own = _own(new)
    if own == known.own:
        own = known.own  # ids are many texts, and histories are long
    lasting = []
    for number, view in enumerate(new.views):
        before = old.views[number] if number < len(old.views) else View("", ())
        ids = known.lasting[number] if number < len(known.lasting) else ()
        if same or _keys(before) == _keys(view):
            lasting.append(_again(before, ids, view, own[number]))
            continue
        given, fresh = _matched(
            before, ids, view, own[number] if new.format == "vensim" else None, number, fresh
        )
        lasting.append(given)
    if own is known.own and tuple(lasting) == known.lasting and fresh == known.fresh:
        return known
    return Identity(tuple(lasting), own, fresh)


def _own(document: Document) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(element.id for element in view.elements) for view in document.views)


def _again(before: View, ids: tuple[str, ...], view: View, own: tuple[str, ...]) -> tuple[str, ...]:
    """The old ids, where the view has the elements that it had."""
    return ids if len(before.elements) == len(view.elements) else own


def _matched(
    before: View, ids: tuple[str, ...], view: View, own: tuple[str, ...] | None, number: int, fresh: int
) -> tuple[tuple[str, ...], int]:
    """Ids of elements that are found again in their order, and new ones for the others.

    Those of a Vensim file last by themselves.
    """
    given: list[str | None] = [None] * len(view.elements)
    old, new = _keys(before), _keys(view)
    for start, place, length in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks():
        for step in range(length):
            given[place + step] = ids[start + step]
    taken = {one for one in given if one is not None}
    found = []
    for place, one in enumerate(given):
        if one is None and own is not None and own[place] not in taken:
            one = own[place]
        if one is None:
            one, fresh = f"{number}:{fresh}", fresh + 1
        found.append(one)
    return tuple(found), fresh


def _keys(view: View) -> list[Key]:
    """What an element is known by: its kind, its variable or words, what it links."""
    shown_by = {element.id: element for element in view.elements}
    return [_key(element, shown_by) for element in view.elements]


def _key(element: Element, others: dict[str, Element]) -> Key:
    if element.kind == "connector":
        return element.kind, _end(element.source, others), _end(element.target, others)
    if element.kind == "cloud":
        return element.kind, element.uid, _flow_of(element, others)
    return element.kind, element.uid, canonical(element.variable or element.text)


def _end(id: str | None, others: dict[str, Element]) -> str:
    end = others.get(id or "")
    if end is None:
        return id or ""
    return f"{end.kind}:{canonical(end.variable or end.text) or end.uid}"


def _flow_of(cloud: Element, others: dict[str, Element]) -> str:
    """XMILE clouds have no element of their own: they belong to the flow that ends there."""
    head, _, side = cloud.id.rpartition(":")
    flow = others.get(head)
    return "" if flow is None else f"{side}:{canonical(flow.variable or '')}"


def own_id(identity: Identity, id: str) -> str:
    """The document's own id of an element.

    Raises
    ------
    UnknownName
        No element has this id.
    """
    found = identity.to_own.get(id)
    if found is None:
        raise UnknownName(
            f"no element has the id '{shown(id)}'", remedy="the drawing has changed; draw it anew"
        )
    return found
