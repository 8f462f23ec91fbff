"""A document on its way through one operation, which may be several edits: ids hold all the while."""

from __future__ import annotations

from dataclasses import dataclass

from sdtheory.documents import Document
from sdtheory.documents.reads import key_of
from sdtheory.documents.view import Element, View
from sdtheory.editor.identity import Identity, identity_after, own_id
from sdtheory.editor.state import Refused, State
from sdtheory.editor.variables import full_name
from sdtheory.errors import shown

SHOWING = ("stock", "flow", "auxiliary", "module", "alias")


@dataclass(frozen=True)
class Editing:
    """The document so far, the ids of its elements, and the view that the operation is made in."""

    document: Document
    identity: Identity
    fresh: int
    view: int

    def after(self, document: Document, same: bool = False) -> Editing:
        """The operation with the document that an edit made; `same` when it neither drew nor removed anything."""
        if document is self.document:
            return self
        identity = identity_after(self.document, self.identity, document, self.fresh, same)
        return Editing(document, identity, identity.fresh, self.view)

    def own(self, id: str) -> str:
        """The document's id of an element."""
        return own_id(self.identity, id)

    def holds(self, id: str) -> bool:
        """Whether an element of this id is still there."""
        return id in self.identity.to_own

    def element(self, id: str) -> Element:
        """The element of an id."""
        own = self.own(id)
        return next(one for view in self.document.views for one in view.elements if one.id == own)

    def view_of(self, id: str) -> View:
        """The view that an element stands in."""
        own = self.own(id)
        return next(view for view in self.document.views if any(one.id == own for one in view.elements))

    def variable(self, id: str) -> str:
        """The name of the variable that an element shows.

        Raises
        ------
        Refused
            It shows none.
        """
        element = self.element(id)
        if element.kind not in SHOWING or element.variable is None:
            raise Refused(f"{element.kind} '{shown(id)}' shows no variable", code="element", field="id")
        key = key_of(self.document, self.view_of(id).model, element.variable)
        entry = self.document.variables.get(key)
        return element.variable if entry is None else full_name(entry)


def editing_of(state: State, view: int) -> Editing:
    """The beginning of an operation."""
    return Editing(state.document, state.identity, state.fresh, view)


def called(editing: Editing, ids: list[str], verb: str) -> str:
    """The name of a step: what is done to one element, or to how many."""
    if len(ids) != 1:
        return f"{verb} {len(ids)} elements"
    element = editing.element(ids[0])
    words = element.variable or ("text" if element.kind == "text" else element.kind)
    return f"{verb} {shown(words, 60)}"


def with_view(editing: Editing) -> Editing:
    """The same with a view to draw in: a document without any is given its first."""
    return editing if editing.document.views else editing.after(editing.document.add_view("View 1"))
