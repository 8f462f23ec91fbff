"""Connectors and equations: which links the equations want drawn, and which are drawn."""

from __future__ import annotations

from collections.abc import Iterator

from sdtheory.documents.document import Document
from sdtheory.documents.index import Entry
from sdtheory.documents.reads import Read, key_of, reads
from sdtheory.documents.view import Element, View
from sdtheory.errors import Issue, shown

_SHOWN = frozenset({"stock", "flow", "auxiliary", "alias"})
_LINKED = frozenset({"stock", "flow", "auxiliary", "constant", "lookup", "data"})


def connector_issues(document: Document) -> list[Issue]:
    """Connectors that are missing from a view, and connectors that no equation asks for.

    A link is wanted in a view that shows its target, and its source or an alias of it. The pipe of a flow is
    its link into a stock; what only the initial value of a stock reads may be drawn or left out.

    Returns
    -------
    list of Issue
        Warnings ``missing-connector``, at the name in the equation, and ``extra-connector``, at the connector.
    """
    read = {
        key: list(reads(document, entry))
        for key, entry in document.variables.items()
        if entry.kind in _LINKED
    }
    found: list[Issue] = []
    for view in document.views:
        found.extend(_View(document, view, read).issues())
    return found


class _View:
    def __init__(self, document: Document, view: View, read: dict[str, list[Read]]):
        self.document = document
        self.view = view
        self.read = read
        elements = [one for one in view.elements if one.kind in _SHOWN and one.variable]
        self.keys = {one.id: key_of(document, view.model, one.variable or "") for one in elements}
        self.shown = set(self.keys.values())
        self.whole = {self.keys[one.id]: one for one in elements if one.kind != "alias"}
        self.title = f"view '{shown(view.name)}'" if view.name else "the view"

    def issues(self) -> Iterator[Issue]:
        drawn: dict[tuple[str, str], Element] = {}
        for one in self.view.elements:
            ends = self.keys.get(one.source or ""), self.keys.get(one.target or "")
            if one.kind == "connector" and ends[0] is not None and ends[1] is not None:
                drawn.setdefault((ends[0], ends[1]), one)
        for target in self.whole:
            for source, read in self._wanted(target).items():
                if (source, target) not in drawn:
                    yield self._missing(read, self.document.variables[target])
        for (source, target), connector in drawn.items():
            if self._is_extra(source, target):
                yield self._extra(source, target, connector)

    def _wanted(self, target: str) -> dict[str, Read]:
        """The sources of links into a variable that this view should draw, each with its first mention."""
        entry = self.document.variables.get(target)
        if entry is None:
            return {}
        piped = {key_of(self.document, entry.model, name) for name in (*entry.inflows, *entry.outflows)}
        found: dict[str, Read] = {}
        for read in self.read.get(target, ()):
            drawn_as = self.whole.get(read.key)
            if read.initial or read.key == target or read.key not in self.shown:
                continue
            if read.key in piped and drawn_as is not None and drawn_as.kind == "flow":
                continue
            found.setdefault(read.key, read)
        return found

    def _is_extra(self, source: str, target: str) -> bool:
        entry = self.document.variables.get(target)
        origin = self.document.variables.get(source)
        if target not in self.read or entry is None or (origin is not None and origin.kind not in _LINKED):
            return False
        flows = {key_of(self.document, entry.model, name) for name in (*entry.inflows, *entry.outflows)}
        return source not in flows and all(read.key != source for read in self.read[target])

    def _name(self, key: str) -> str:
        entry = self.document.variables.get(key)
        return shown(entry.name if entry else key)

    def _missing(self, read: Read, entry: Entry) -> Issue:
        text = f"{self.title} draws no connector from '{self._name(read.key)}' to '{shown(entry.name)}', "
        text += "whose equation reads it"
        return Issue("warning", "missing-connector", text, entry.name, read.line, read.column)

    def _extra(self, source: str, target: str, connector: Element) -> Issue:
        name = self.document.variables[target].name
        text = f"{self.title} draws a connector from '{self._name(source)}' to '{shown(name)}', "
        text += "whose equation does not read it"
        return Issue("warning", "extra-connector", text, name, connector.line)
