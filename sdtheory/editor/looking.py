"""Questions about a document that change nothing: find, causes, uses, and what a rename would do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sdtheory.documents import Document
from sdtheory.documents.reads import key_of
from sdtheory.editor.identity import Identity
from sdtheory.editor.variables import full_name, inputs_of, named, uses_of
from sdtheory.errors import SDError
from sdtheory.names import canonical

Plain = dict[str, Any]
DEPTH = 3
DEEPEST = 12
MOST = 2_000  # lines of a tree


def find(document: Document, identity: Identity, text: str) -> list[Plain]:
    """Elements whose variable or words hold a text, the best first; variables that no view shows at the end."""
    wanted = canonical(text)
    if not wanted:
        return []
    found: list[tuple[int, Plain]] = []
    drawn = set()
    for number, view in enumerate(document.views):
        for element, id in zip(view.elements, identity.lasting[number], strict=True):
            words = element.variable or (element.text if element.kind in ("text", "group") else "")
            if element.variable is not None:
                drawn.add(key_of(document, view.model, element.variable))
            if wanted in canonical(words):
                found.append((_rank(words, wanted), _found(words, element.kind, number, id)))
    for key, entry in document.variables.items():
        if key not in drawn and wanted in canonical(entry.name):
            found.append((_rank(entry.name, wanted) + 10, _found(full_name(entry), entry.kind, None, None)))
    return [plain for _, plain in sorted(found, key=lambda one: one[0])]


def _rank(words: str, wanted: str) -> int:
    key = canonical(words)
    return 0 if key == wanted else 1 if key.startswith(wanted) else 2 if f" {wanted}" in key else 3


def _found(name: str, kind: str, view: int | None, id: str | None) -> Plain:
    return {"name": name, "kind": kind, "view": view, "id": id}


def tree(document: Document, name: str, depth: int, links: Mapping[str, tuple[str, ...]]) -> Plain:
    """A variable with what leads to it, or from it: a variable that was met before is not followed again."""
    root = canonical(full_name(document.entry(name)))
    left = MOST
    seen = {root}

    def branch(key: str, levels: int) -> Plain:
        nonlocal left
        children = []
        for other in links.get(key, ()) if levels else ():
            if left <= 0:
                break
            left -= 1
            again = other in seen
            seen.add(other)
            child = _leaf(document, other, again)
            children.append(child if again else branch(other, levels - 1))
        return {**_leaf(document, key, False), "children": children}

    return branch(root, min(depth, DEEPEST))


def _leaf(document: Document, key: str, again: bool) -> Plain:
    return {"name": full_name(document.variables[key]), "children": [], "seen": again}


def causes(document: Document, name: str, depth: int = DEPTH) -> Plain:
    """What a variable is computed from, and what that is computed from.

    Examples
    --------
    >>> from sdtheory.documents import from_bytes
    >>> file = from_bytes(b"{UTF-8}\\na = b * c ~~|\\nb = c ~~|\\nc = 1 ~~|")
    >>> [child["name"] for child in causes(file, "a")["children"]]
    ['b', 'c']
    """
    return tree(document, name, depth, inputs_of(document))


def uses(document: Document, name: str, depth: int = DEPTH) -> Plain:
    """What reads a variable, and what reads that."""
    return tree(document, name, depth, uses_of(document))


def rename_preview(document: Document, name: str, to: str) -> Plain:
    """How many equations and drawings a rename would change, or why it is refused."""
    refused = None
    try:
        document.rename(name, to)
    except SDError as error:
        refused = f"{error.message}; {error.remedy}" if error.remedy else error.message
    key = canonical(name)
    equations = sum(
        any(
            canonical(one.name) == key
            for block in entry.blocks
            for one in named(block.equation, document.format)
        )
        for entry in document.variables.values()
    )
    drawings = sum(
        element.variable is not None and key_of(document, view.model, element.variable) == key
        for view in document.views
        for element in view.elements
    )
    return {"equations": equations, "drawings": drawings, "refused": refused}
