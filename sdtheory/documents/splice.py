"""The one way in which the bytes of a document change: texts put in place of spans."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sdtheory.documents.text import Span
from sdtheory.errors import DocumentError, shown


@dataclass(frozen=True)
class Edit:
    """A text in the place of a span of bytes; an empty span is an insertion.

    Line ends in the text are given as ``\\n`` and become those of the file.
    """

    span: Span
    text: str


def spliced(data: bytes, edits: Iterable[Edit], encoding: str, file: str) -> bytes:
    r"""The bytes with every edit made; insertions at one place come in the order given.

    Raises
    ------
    DocumentError
        When edits overlap, or the encoding has no such character.

    Examples
    --------
    >>> spliced(b"a = 1\r\n", [Edit(Span(4, 5), "2")], "utf-8", "m.mdl")
    b'a = 2\r\n'
    """
    pieces, position = [], 0
    for edit in sorted(edits, key=lambda edit: (edit.span.start, edit.span.stop)):
        if edit.span.start < position:
            raise DocumentError("two edits change the same part of the file", file=file)
        pieces += [data[position : edit.span.start], _encoded(edit, data, encoding, file)]
        position = edit.span.stop
    return b"".join([*pieces, data[position:]])


def _encoded(edit: Edit, data: bytes, encoding: str, file: str) -> bytes:
    text = edit.text.replace("\r\n", "\n").replace("\r", "\n")
    if "\n" in text:
        text = text.replace("\n", line_end(data, encoding, edit.span.start))
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        raise DocumentError(
            f"the character '{shown(text[error.start])}' does not exist in this file's encoding {encoding.upper()}",
            file=file,
            remedy="use another word, or save the file as UTF-8 first",
        ) from None


def line_end(data: bytes, encoding: str, place: int) -> str:
    """The line end before a place in the bytes, else the first one behind it, else a line feed."""
    feed, carriage = "\n".encode(encoding), "\r".encode(encoding)
    found = data.rfind(feed, 0, place)
    if found < 0:
        found = data.find(feed, place)
    if found >= 0:
        return "\r\n" if data[max(found - len(carriage), 0) : found] == carriage else "\n"
    return "\r" if carriage in data else "\n"
