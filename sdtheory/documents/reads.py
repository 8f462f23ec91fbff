"""What the equations of a document read, as far as the names show it: no equation is understood here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sdtheory.documents.document import Document
from sdtheory.documents.index import Block, Entry
from sdtheory.documents.lexer import call_arguments, references
from sdtheory.names import canonical


@dataclass(frozen=True)
class Read:
    """A name in an equation.

    Parameters
    ----------
    name : str
        As people read it.
    key : str
        The key that a variable of this name has in `Document.variables`.
    role : str
        ``"name"`` or ``"call"``.
    initial : bool
        Whether it stands in the initial value of a stock.
    line, column : int
        Place in the file, from 1; the column as far as the format writes the equation as it is.
    """

    name: str
    key: str
    role: str
    initial: bool
    line: int
    column: int


def key_of(document: Document, model: str, name: str) -> str:
    """The key of a variable that is named inside an XMILE model ("" for the root, and in Vensim)."""
    if document.format == "xmile" and name.startswith("."):
        return canonical(name[1:])
    own = f"{canonical(model)}.{canonical(name)}" if model else canonical(name)
    return own if own in document.variables or canonical(name) not in document.variables else canonical(name)


def reads(document: Document, entry: Entry) -> Iterator[Read]:
    """The names in a variable's equations, subscripts left out, in the order of the text.

    Examples
    --------
    >>> from sdtheory.documents import from_bytes
    >>> file = from_bytes(b"{UTF-8}\\nstock = INTEG(births - stock / life, start) ~~|")
    >>> [(read.key, read.initial) for read in reads(file, file.entry("stock")) if read.role == "name"]
    [('births', False), ('stock', False), ('life', False), ('start', True)]
    """
    if entry.kind in ("subscript", "opaque"):
        return
    for block in entry.blocks:
        after = _start_of_initial(document, entry, block)
        for one in references(block.equation, document.format):
            if one.role == "subscript":
                continue
            before = block.equation[: one.start]
            line = block.line + before.count("\n")
            column = len(before) - before.rfind("\n") if "\n" in before else block.column + len(before)
            key = key_of(document, entry.model, one.name)
            yield Read(one.name, key, one.role, one.start >= after, line, column)


def _start_of_initial(document: Document, entry: Entry, block: Block) -> int:
    """Where in a stock's equation the initial value begins; behind the end when there is none."""
    if entry.kind != "stock":
        return len(block.equation)
    if document.format == "xmile":
        return 0
    places = call_arguments(block.equation, "INTEG", "vensim")
    return places[1][0] if places and len(places) == 2 else len(block.equation)
