"""Errors of translation, with the place in the user's file."""

from __future__ import annotations

from xml.sax.saxutils import escape

from sdtheory.documents import Document
from sdtheory.documents.index import Block, Entry
from sdtheory.documents.lexer import references
from sdtheory.errors import ModelError, shown
from sdtheory.names import canonical


def display_name(entry: Entry) -> str:
    """The name of a variable in the model: one of a submodel carries its module's name."""
    return f"{entry.model}.{entry.name}" if entry.model else entry.name


def fault(
    document: Document,
    entry: Entry | None,
    message: str,
    remedy: str | None = None,
    block: Block | None = None,
    start: int = 0,
) -> ModelError:
    """The error for something wrong in a variable's equation; names the variable and its place.

    Parameters
    ----------
    document : Document
    entry : Entry or None
        The variable.
    message : str
    remedy : str, optional
    block : Block, optional
        Which of its equations (default: the first).
    start : int
        The character of the equation that is meant.
    """
    if block is None and entry is not None and entry.blocks:
        block = entry.blocks[0]
    line, column = (entry.line, entry.column) if entry is not None else (None, None)
    if block is not None:
        line, column = place_in(document, block, start)
    text = f"'{shown(display_name(entry))}': {message}" if entry is not None else message
    return ModelError(text, file=document.file, line=line, column=column, remedy=remedy)


def place_in(document: Document, block: Block, start: int) -> tuple[int, int]:
    """Line and column, from 1, of a character of an equation; the equation's own where that is not known."""
    span = block.spans.get("equation")
    if span is not None and start:
        text = document.bytes[span.start : span.stop].decode(document.encoding, "replace")
        before = block.equation[:start]
        for written in (before, escape(before)):
            if text.startswith(written):
                lines = written.count("\n")
                first = 1 if lines else block.column
                return block.line + lines, first + len(written) - written.rfind("\n") - 1
    return block.line, block.column


def name_in(document: Document, entry: Entry, name: str) -> tuple[Block, int] | None:
    """The equation of a variable that holds a name, and the name's first character there."""
    key = canonical(name)
    for block in entry.blocks:
        for reference in references(block.equation, document.format):
            if canonical(reference.name) == key:
                return block, reference.start
    return None


def unreadable(
    document: Document,
    error: BaseException,
    entry: Entry | None = None,
    block: Block | None = None,
    text: str = "",
) -> ModelError:
    """PySD's complaint as one line.

    Parameters
    ----------
    entry, block : optional
        What PySD was reading, when that is known.
    text : str
        Else, the text that it was reading, by which the variable is looked for.
    """
    if isinstance(error, RecursionError):
        return fault(document, entry, "the equation is nested too deeply to be read", block=block)
    if isinstance(error, MemoryError):
        return ModelError("there is not enough memory to read this model", file=document.file)
    if entry is None:
        entry, block = _holder(document, text or str(getattr(error, "text", "")))
    if entry is None or block is None:
        first = shown(str(error).strip().split("\n")[0] or type(error).__name__, 120)
        return ModelError(f"an equation cannot be read: {first}", file=document.file)
    return fault(
        document,
        entry,
        f"the equation '{shown(block.equation)}' cannot be read",
        "check its brackets, operators and function names",
        block,
    )


def _holder(document: Document, text: str) -> tuple[Entry | None, Block | None]:
    """The variable whose equation is part of a text; of several the one with the longest."""
    squeezed = "".join(text.split()).casefold()
    best: tuple[int, Entry | None, Block | None] = (0, None, None)
    for entry in document.variables.values():
        name = "".join(entry.name.split()).casefold()
        for block in entry.blocks:
            part = "".join(block.equation.split()).casefold()
            if part and part in squeezed and name in squeezed and len(part) > best[0]:
                best = (len(part), entry, block)
    return best[1:]
