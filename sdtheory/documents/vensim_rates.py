"""Flows in the rates of Vensim stocks: terms that are added or taken away."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sdtheory.documents.index import Block, Entry
from sdtheory.documents.lexer import additive_places, name_of_term, references, tokens, unwrapped_place
from sdtheory.documents.splice import Edit
from sdtheory.documents.vensim_blocks import trimmed
from sdtheory.documents.vensim_writing import Opened, written
from sdtheory.errors import DocumentError, shown
from sdtheory.names import canonical

if TYPE_CHECKING:
    from sdtheory.documents.document import Document

_ZERO = re.compile(r"0*\.?0*")


def with_term(rate: str, sign: int, term: str) -> str:
    """A rate with one more flow.

    Examples
    --------
    >>> with_term("births", -1, "deaths"), with_term("0", -1, "deaths"), with_term("(a - b)", 1, "c")
    ('births - deaths', '-deaths', '(a - b + c)')
    """
    start, stop = unwrapped_place(rate, "vensim")
    pieces = list(tokens(rate, "vensim"))
    if not pieces or (len(pieces) == 1 and _ZERO.fullmatch(pieces[0].text)):
        place = (pieces[0].start, pieces[0].stop) if pieces else (len(rate), len(rate))
        return rate[: place[0]] + ("-" if sign < 0 else "") + term + rate[place[1] :]
    more = (" - " if sign < 0 else " + ") + term
    inner = rate[start:stop]
    if additive_places(inner, "vensim") is None:
        inner = f"({inner})"
    return rate[:start] + inner + more + rate[stop:]


def without_term(rate: str, name: str, sign: int | None = None) -> str:
    """A rate without the terms that are this flow, of one sign or of either.

    Examples
    --------
    >>> [without_term(rate, "a") for rate in ("a", "a + b", "a - b", "b - a", "2 * a")]
    ['0', 'b', '- b', 'b', '2 * a']
    """
    key = canonical(name)
    while True:
        start, stop = unwrapped_place(rate, "vensim")
        inner = rate[start:stop] if start < stop else ""
        places = additive_places(inner, "vensim") or []
        for number, term in enumerate(places):
            found = name_of_term(inner[term.start : term.stop], "vensim")
            if found is None or canonical(found) != key or sign not in (None, term.sign):
                continue
            if len(places) == 1:
                inner = inner[: term.operator] + "0" + inner[term.stop :]
            elif number:
                inner = inner[: trimmed(inner, 0, term.operator)[1]] + inner[term.stop :]
            else:
                following = places[1]
                begin = following.start if following.sign > 0 else following.operator
                inner = inner[: term.operator] + inner[begin:]
            rate = rate[:start] + inner + rate[stop:]
            break
        else:
            return rate


def used_inside(rate: str, name: str) -> bool:
    """Whether a rate uses a flow otherwise than as a whole term."""
    key = canonical(name)
    left = without_term(rate, name)
    return any(one.role != "subscript" and canonical(one.name) == key for one in references(left, "vensim"))


def check_not_inside(document: Document, stock: Entry, flow: str) -> None:
    """Raise when a stock uses the flow inside an expression, so that it is no term to add or take away."""
    for block in stock.blocks:
        if "rate" in block.spans and used_inside(rate_of(document, block), flow):
            raise DocumentError(
                f"stock '{shown(stock.name)}' uses '{shown(flow)}' inside an expression",
                file=document.file,
                line=block.line,
                remedy="edit its equation first",
            )


def rate_of(document: Document, block: Block) -> str:
    """The first argument of ``INTEG`` as written."""
    span = block.spans["rate"]
    return document.bytes[span.start : span.stop].decode(document.encoding)


def term_for(document: Document, stock: Entry, block: Block, name: str, flow: Entry | None) -> str:
    """How a flow is written in the rate of one block of a stock: with the block's subscripts when it has some."""
    if flow is None or not any(one.subscripts for one in flow.blocks):
        return written(name)
    counts = {len(one.subscripts.split(",")) for one in flow.blocks}
    if not block.subscripts or counts != {len(block.subscripts.split(","))}:
        raise DocumentError(
            f"the subscripts of '{shown(flow.name)}' are not those of stock '{shown(stock.name)}'",
            file=document.file,
            line=block.line,
            remedy="edit the equation of the stock",
        )
    return f"{written(name)}[{block.subscripts}]"


def rate_edits(file: Opened, stock: Entry, changed: dict[int, str]) -> list[Edit]:
    """The edits that give blocks of a stock, by number, other rates; only what differs is touched."""
    edits = []
    for number, new in changed.items():
        block = stock.blocks[number]
        old = rate_of(file.document, block)
        if new == old:
            continue
        start, stop = file.offsets(block.spans["rate"])
        same = _common(old, new)
        end = _common(old[same:][::-1], new[same:][::-1])
        edits.append(file.edit(start + same, stop - end, new[same : len(new) - end]))
    return edits


def _common(one: str, other: str) -> int:
    """How many characters at the beginning are the same."""
    length = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        length += 1
    return length
