"""An XMILE document as its edits see it: the tree, the models in it, and where each variable is declared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdtheory.documents.index import Entry
from sdtheory.documents.lexer import spelled
from sdtheory.documents.view import Element
from sdtheory.documents.xmile_tree import declarations, names_of_models, opened, views_of
from sdtheory.documents.xml_tree import Node
from sdtheory.documents.xml_writing import Xml
from sdtheory.errors import UsageError, shown
from sdtheory.names import canonical, unknown

if TYPE_CHECKING:
    from sdtheory.documents.document import Document


@dataclass(frozen=True)
class Source:
    """A document and its tree.

    Parameters
    ----------
    document : Document
    xml : Xml
    models : tuple of (str, Node)
        Canonical name, "" for the root, and ``<model>``.
    """

    document: Document
    xml: Xml
    models: tuple[tuple[str, Node], ...]

    @property
    def file(self) -> str:
        """The file's name for messages."""
        return self.document.file

    def model(self, name: str) -> Node:
        """The ``<model>`` of a name."""
        key = canonical(name)
        return next(node for model, node in self.models if model == key)

    def declared(self, entry: Entry) -> list[Node]:
        """The elements that declare a variable; more than one where the file repeats it."""
        key, model = canonical(entry.name), canonical(entry.model)
        return [
            node
            for name, owner in self.models
            if name == model
            for node in declarations(owner)
            if canonical(spelled(node.attributes.get("name", ""), "xmile")) == key
        ]

    def key(self, model: str, name: str) -> str | None:
        """The key of a variable of a model, both canonical, in ``document.variables``; None without one."""
        key = f"{model}.{name}" if model else name
        entry = self.document.variables.get(key)
        return key if entry is not None and canonical(entry.model) == model else None

    def views(self) -> list[tuple[str, Node]]:
        """Each view's model and element, in the order of ``document.views``."""
        return [(name, view) for name, model in self.models for view in views_of(model)]

    def drawn(self, element: Element) -> Node:
        """The element of the file that holds the place of a drawn element."""
        return self.xml.at(element.spans["whole"].start)

    def uids(self, model: Node) -> Iterator[int]:
        """Every number that names an element of a model's views."""
        for view in views_of(model):
            for node in view.children:
                uid = node.attributes.get("uid", "")
                if uid.isdecimal() and len(uid) < 19:
                    yield int(uid)

    def next_uid(self, model: Node) -> str:
        """A number that names no element of a model yet."""
        return str(max(self.uids(model), default=0) + 1)


def source_of(document: Document) -> Source:
    """The tree of a document."""
    tree = opened(document.bytes, document.encoding, document.file, document.limits)
    models = list(tree.root.all("model"))
    names = (canonical(name) for name in names_of_models(models))
    return Source(document, Xml(tree.decoded, tree.root, tree.prefix), tuple(zip(names, models, strict=True)))


def entry_called(document: Document, name: str, kinds: Iterable[str], what: str) -> Entry:
    """The variable of a name, which must be of one of some kinds.

    Raises
    ------
    UnknownName
        No variable has this name.
    UsageError
        It is of another kind.
    """
    entry = document.entry(name)
    if entry.kind not in tuple(kinds):
        names = [one.name for one in document.variables.values() if one.kind in kinds]
        hint = unknown(what, name, names).remedy
        raise UsageError(
            f"'{shown(entry.name)}' is a {entry.kind}, not a {what}",
            file=document.file,
            line=entry.line,
            remedy=hint,
        )
    return entry
