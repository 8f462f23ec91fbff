"""Errors of translation, with the place in the user's file."""

from __future__ import annotations

from sdtheory.documents import Document
from sdtheory.documents.index import Block, Entry
from sdtheory.errors import ModelError, shown


def fault(
    document: Document,
    entry: Entry | None,
    message: str,
    remedy: str | None = None,
    block: Block | None = None,
) -> ModelError:
    """The error for something wrong in a variable's equation; names the variable and its place."""
    if block is None and entry is not None and entry.blocks:
        block = entry.blocks[0]
    place = block or entry
    return ModelError(
        f"'{shown(entry.name)}': {message}" if entry else message,
        file=document.file,
        line=place.line if place else None,
        column=place.column if place else None,
        remedy=remedy,
    )


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
