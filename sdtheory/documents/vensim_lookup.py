"""Edits of the points of a Vensim lookup."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdtheory.documents.drafting import block_of
from sdtheory.documents.lexer import Token, call_arguments, tokens
from sdtheory.documents.splice import Edit
from sdtheory.documents.vensim_blocks import trimmed
from sdtheory.documents.vensim_writing import opened
from sdtheory.errors import DocumentError, UsageError, shown

if TYPE_CHECKING:
    from sdtheory.documents.document import Document

Change = tuple[int, int, str]


@dataclass(frozen=True)
class _Number:
    start: int
    stop: int
    value: float
    text: str


def set_lookup(
    document: Document,
    name: str,
    x: Sequence[float],
    y: Sequence[float],
    subscripts: str | None,
    looks: Mapping[str, Any],
) -> list[Edit]:
    """The points of a lookup or ``WITH LOOKUP``; the range is widened when a point leaves it."""
    entry = document.entry(name)
    block = block_of(document, entry, subscripts)
    if block.lookup is None:
        raise DocumentError(
            f"'{shown(entry.name)}' has no points of a lookup in this file",
            file=document.file,
            line=block.line,
            remedy="use set_equation",
        )
    if not all(math.isfinite(value) for value in (*x, *y)):
        raise DocumentError(f"'{shown(entry.name)}': a point is not a number", file=document.file)
    if looks.get("kind", block.lookup.kind) != block.lookup.kind:
        raise UsageError(
            "in Vensim the function that reads a lookup says how it goes on beyond its points",
            file=document.file,
            line=block.line,
            remedy="use LOOKUP EXTRAPOLATE, LOOKUP FORWARD or LOOKUP BACKWARD",
        )
    scales = {word: looks.get(word, getattr(block.lookup, word)) for word in ("xscale", "yscale")}
    same = (tuple(x), tuple(y)) == (block.lookup.x, block.lookup.y)
    if same and all(scales[word] == getattr(block.lookup, word) for word in scales):
        return []
    file = opened(document)
    start, stop = file.offsets(block.spans["equation"])
    if block.operator != "(":
        places = call_arguments(block.equation, "WITH LOOKUP", "vensim")
        assert places is not None
        start, stop = trimmed(file.text, start + places[1][0], start + places[1][1])
    changes = _changes(file.text[start:stop], list(x), list(y), looks)
    return [file.edit(start + a, start + b, text) for a, b, text in changes]


def _changes(text: str, x: list[float], y: list[float], looks: Mapping[str, Any]) -> list[Change]:
    """What changes in ``([(x0,y0)-(x1,y1)],(x,y),...)`` or the older ``(x1,x2,...,y1,y2,...)``."""
    pieces = list(tokens(text, "vensim"))
    first = 1  # token where the points begin
    corners: list[_Number] = []
    if pieces[1].text == "[":
        close = next(number for number, piece in enumerate(pieces) if piece.text == "]")
        corners = _numbers(pieces[: close + 1], text)[:4]
        first = close + 1 + (pieces[close + 1].text == ",")
    points = _numbers(pieces[first:], text)
    paired = pieces[first].text == "("
    new = [value for point in zip(x, y, strict=True) for value in point] if paired else [*x, *y]
    bounds = _bounds(corners, x, y, looks)
    changes = [
        (old.start, old.stop, _text(value))
        for old, value in zip(corners, bounds, strict=False)
        if len(corners) == 4 and old.value != value
    ]
    if looks.keys() & {"xscale", "yscale"} and not corners:
        left, bottom, right, top = map(_text, bounds)
        changes.append((pieces[first].start, pieces[first].start, f"[({left},{bottom})-({right},{top})],"))
    if len(points) == len(new):
        pairs = zip(points, new, strict=True)
        return changes + [(old.start, old.stop, _text(value)) for old, value in pairs if old.value != value]
    spelled = {number.value: number.text for number in points}
    words = [spelled.get(value, _text(value)) for value in new]
    joined = ",".join(words)
    if paired:
        joined = ",".join(f"({a},{b})" for a, b in zip(words[::2], words[1::2], strict=True))
    return [*changes, (pieces[first].start, pieces[-1].start, joined)]


def _bounds(
    corners: list[_Number], x: list[float], y: list[float], looks: Mapping[str, Any]
) -> tuple[float, float, float, float]:
    """The corners of the range: those asked for, else the old ones, widened by points that leave it."""
    found = []
    for word, values, number in (("xscale", x, 0), ("yscale", y, 1)):
        low, high = min(values), max(values)
        if word in looks:
            low, high = looks[word]
        elif len(corners) == 4:
            low, high = min(low, corners[number].value), max(high, corners[number + 2].value)
        found.append((low, high))
    return found[0][0], found[1][0], found[0][1], found[1][1]


def _numbers(pieces: Sequence[Token], text: str) -> list[_Number]:
    """The numbers of a list with their signs."""
    found = []
    for place, piece in enumerate(pieces):
        if piece.kind != "number":
            continue
        start, sign = piece.start, 1.0
        if place > 1 and pieces[place - 1].text in ("-", "+") and pieces[place - 2].kind in ("open", "comma"):
            start = pieces[place - 1].start
            sign = -1.0 if pieces[place - 1].text == "-" else 1.0
        elif place == 1 and pieces[0].text in ("-", "+"):
            start, sign = pieces[0].start, -1.0 if pieces[0].text == "-" else 1.0
        found.append(_Number(start, piece.stop, sign * float(piece.text), text[start : piece.stop]))
    return found


def _text(value: float) -> str:
    text = repr(value)
    return text[:-2] if text.endswith(".0") else text
