"""Edits of what a Vensim file says: equations, units, documentation, lookups, settings.

The verbs that `sdtheory.documents.edits` calls for Vensim files are all found here; those that change names, the
set of variables or the sketch are defined in the modules beside this one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdtheory.documents.drafting import block_of
from sdtheory.documents.index import Block, Entry
from sdtheory.documents.splice import Edit
from sdtheory.documents.vensim_add import add_auxiliary, add_flow, add_stock, draw_variable, remove
from sdtheory.documents.vensim_blocks import prose, units_of
from sdtheory.documents.vensim_connect import attach, connect, disconnect, match_links
from sdtheory.documents.vensim_insert import indented
from sdtheory.documents.vensim_lookup import set_lookup
from sdtheory.documents.vensim_parts import extract, insert, strip
from sdtheory.documents.vensim_rates import rate_of
from sdtheory.documents.vensim_rename import rename
from sdtheory.documents.vensim_settings import set_simulation
from sdtheory.documents.vensim_sketch_edits import (
    add_alias,
    add_text,
    add_view,
    move,
    remove_element,
    rename_view,
    reshape,
)
from sdtheory.documents.vensim_writing import (
    check_arguments,
    check_block,
    checked_equation,
    checked_text,
    equation_edits,
    field_edit,
    opened,
    understood,
)
from sdtheory.errors import DocumentError, shown

if TYPE_CHECKING:
    from sdtheory.documents.document import Document

__all__ = [
    "add_alias",
    "add_auxiliary",
    "add_flow",
    "add_stock",
    "add_text",
    "add_view",
    "attach",
    "connect",
    "disconnect",
    "draw_variable",
    "extract",
    "insert",
    "match_links",
    "move",
    "remove",
    "remove_element",
    "rename",
    "rename_view",
    "reshape",
    "set_documentation",
    "set_equation",
    "set_initial",
    "set_lookup",
    "set_simulation",
    "set_units",
    "strip",
]


def set_equation(document: Document, name: str, text: str, subscripts: str | None) -> list[Edit]:
    """The text between the operator and the first ``~``; a name without an equation becomes ``name = text``."""
    entry = understood(document, name)
    block = block_of(document, entry, subscripts)
    text = checked_equation(document, entry.name, text, block.equation)
    if text == block.equation and block.operator:
        return []
    file = opened(document)
    return equation_edits(file, file.piece(block), text)


def set_initial(document: Document, name: str, text: str, subscripts: str | None) -> list[Edit]:
    """The second argument of ``INTEG``."""
    entry = understood(document, name)
    block = block_of(document, entry, subscripts)
    if "initial" not in block.spans:
        raise DocumentError(
            f"'{shown(entry.name)}' has no initial value: its equation is not INTEG(rate, initial value)",
            file=document.file,
            line=block.line,
            remedy="use set_equation",
        )
    text = checked_equation(document, entry.name, text, block.initial)
    if text == block.initial:
        return []
    file = opened(document)
    start, stop = file.offsets(block.spans["initial"])
    piece = file.piece(block)
    assert piece.equation is not None
    equation = file.text[piece.equation[0] : start] + text + file.text[stop : piece.equation[1]]
    check_arguments(document, entry.name, equation, (rate_of(document, block), text))
    return check_block(file, piece, [file.edit(start, stop, text)], "equation", equation)


def set_units(document: Document, name: str, units: str) -> list[Edit]:
    """The second field; its range stays unless the new units have one."""
    entry = understood(document, name)
    units = checked_text(document, entry.name, "units", units, "~|")
    given = units_of(units)
    new = given.plain
    if new == entry.units and given.limits is None:
        return []
    file = opened(document)
    edits = []
    for block in _blocks_that_say(
        entry, [file.piece(one).read(file.text, "units") for one in entry.blocks], new
    ):
        piece = file.piece(block)
        edit = field_edit(file, piece, "units", units)
        if piece.units and given.limits is None:
            start, stop = piece.units
            old = units_of(file.text[start:stop])
            if old.limits_place is not None:
                gap = " " if units and old.place[1] == old.limits_place[0] else ""
                edit = file.edit(start + old.place[0], start + old.place[1], units + gap)
        edits += check_block(file, piece, [edit], "units", new)
    return edits


def set_documentation(document: Document, name: str, text: str) -> list[Edit]:
    """The third field; further lines are indented by two tabs as Vensim does."""
    entry = understood(document, name)
    text = checked_text(document, entry.name, "documentation", text, "~|")
    new = prose(text)
    if new == entry.documentation:
        return []
    file = opened(document)
    said = [file.piece(one).read(file.text, "documentation") for one in entry.blocks]
    edits = []
    for block in _blocks_that_say(entry, said, new):
        piece = file.piece(block)
        edit = field_edit(file, piece, "documentation", indented(text))
        edits += check_block(file, piece, [edit], "documentation", new)
    return edits


def _blocks_that_say(entry: Entry, said: list[str], new: str) -> list[Block]:
    """The blocks to change: those that say what is shown; all that say anything when nothing shall be left."""
    shown_now = next((one for one in said if one), "")
    if not shown_now:
        return [entry.blocks[-1]]
    return [
        block for block, old in zip(entry.blocks, said, strict=True) if old and (old == shown_now or not new)
    ]
