"""Bytes and the text they encode: strict decoding, and places in both."""

from __future__ import annotations

import bisect
import codecs
import os
import re
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from sdtheory.errors import DocumentError, shown

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# These give ASCII bytes another meaning or keep a state between characters, so a span of text has no bytes
# of its own.
_UNFIT = re.compile(r"utf-?7|iso2022|hz|unicode|punycode|idna|undefined|mbcs|oem|rot13|codec$")
_UNICODE = re.compile(r"utf-(8|16|32)(-[lb]e)?$")
_STRIDE = 256


@dataclass(frozen=True)
class Span:
    """A part of ``Document.bytes``: byte offsets, `stop` excluded."""

    start: int
    stop: int


class Spans(Mapping[str, Span]):
    """Spans by name, counted in bytes only when they are asked for: most never are.

    Parameters
    ----------
    decoded : Text
    base : int
        Offset of the character from which `parts` count.
    parts : mapping of str to (int, int)
        Ranges of characters.
    others : tuple of (str, Spans)
        Further spans, found under their name with a prefix.
    """

    __slots__ = ("_base", "_decoded", "_others", "_parts")

    def __init__(
        self,
        decoded: Text,
        base: int,
        parts: Mapping[str, tuple[int, int]],
        others: tuple[tuple[str, Mapping[str, Span]], ...] = (),
    ):
        self._decoded = decoded
        self._base = base
        self._parts = parts
        self._others = others

    def __getitem__(self, name: str) -> Span:
        part = self._parts.get(name)
        if part is not None:
            return self._decoded.span(self._base + part[0], self._base + part[1])
        for prefix, spans in self._others:
            if name.startswith(prefix) and name[len(prefix) :] in spans:
                return spans[name[len(prefix) :]]
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        yield from self._parts
        for prefix, spans in self._others:
            yield from (prefix + name for name in spans)

    def __len__(self) -> int:
        return len(self._parts) + sum(len(spans) for _, spans in self._others)

    def __contains__(self, name: object) -> bool:
        return name in self._parts or any(name == one for one in self)

    def __repr__(self) -> str:
        return f"Spans({dict(self)!r})"

    def joined(self, others: tuple[tuple[str, Mapping[str, Span]], ...]) -> Spans:
        """These spans and others under prefixed names."""
        return Spans(self._decoded, self._base, self._parts, (*self._others, *others))

    def with_range(self, name: str, start: int, stop: int) -> Spans:
        """These spans and one more, given in characters of the whole text."""
        parts = {**self._parts, name: (start - self._base, stop - self._base)}
        return Spans(self._decoded, self._base, parts, self._others)


def codec_name(name: str) -> str | None:
    """Python's name of a text encoding that a model file may use, or None.

    Examples
    --------
    >>> codec_name("UTF8"), codec_name("windows-1252"), codec_name("zlib")
    ('utf-8', 'cp1252', None)
    """
    try:
        info = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    # a private attribute of the standard library, but the only mark that tells text encodings from others
    if not getattr(info, "_is_text_encoding", True) or _UNFIT.search(info.name.replace("_", "")):
        return None
    return {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}.get(info.name, info.name)


def file_name(path: str) -> str:
    """A file's name for messages; bytes of the name that are no text are escaped."""
    return shown(os.path.basename(path).encode("utf-8", "backslashreplace").decode(), 255)


def byte_order_mark(data: bytes) -> tuple[str | None, int]:
    """The encoding that a byte order mark announces, and the length of the mark."""
    for mark, name in _BOMS:
        if data.startswith(mark):
            return name, len(mark)
    return None, 0


class Text:
    """The decoded text of a file, able to say where each character stands in the bytes.

    Parameters
    ----------
    data : bytes
        The whole file.
    encoding : str
        Name of the codec, as `codec_name` gives it.
    skipped : int
        Length of the byte order mark.
    file : str
        Name for messages.
    """

    def __init__(self, data: bytes, encoding: str, skipped: int, file: str):
        self.data = data
        self.encoding = encoding
        self.skipped = skipped
        try:
            self.text = data[skipped:].decode(encoding)
        except UnicodeDecodeError as error:
            raise _undecodable(data, encoding, skipped + error.start, file) from None

    @cached_property
    def _same(self) -> bool:
        return len(self.text) == len(self.data) - self.skipped

    @cached_property
    def _offsets(self) -> array:
        """Bytes before every `_STRIDE`-th character (Unicode codecs) or before each one (the others)."""
        if _UNICODE.match(self.encoding):
            offsets = array("Q", [self.skipped])
            for start in range(0, len(self.text), _STRIDE):
                chunk = self.text[start : start + _STRIDE].encode(self.encoding)
                offsets.append(offsets[-1] + len(chunk))
            return offsets
        decoder = codecs.getincrementaldecoder(self.encoding)()
        offsets = array("Q", [self.skipped])
        for position in range(self.skipped, len(self.data)):
            for _ in decoder.decode(self.data[position : position + 1]):
                offsets.append(position + 1)
        return offsets

    def byte(self, offset: int) -> int:
        """Byte offset of the character at `offset`."""
        if self._same:
            return offset + self.skipped
        if not _UNICODE.match(self.encoding):
            return self._offsets[offset]
        block = offset // _STRIDE
        return self._offsets[block] + len(self.text[block * _STRIDE : offset].encode(self.encoding))

    def character(self, position: int) -> int:
        """Offset of the character that starts at, or holds, the byte at `position`."""
        if self._same:
            return max(position - self.skipped, 0)
        block = max(bisect.bisect_right(self._offsets, position) - 1, 0)
        if not _UNICODE.match(self.encoding):
            return min(block, len(self.text))
        before = self.data[self._offsets[block] : max(position, self._offsets[block])]
        return min(block * _STRIDE + len(before.decode(self.encoding, "ignore")), len(self.text))

    def span(self, start: int, stop: int) -> Span:
        """Characters `start` to `stop` as bytes."""
        return Span(self.byte(start), self.byte(stop))

    @cached_property
    def line_starts(self) -> list[int]:
        """Character offset of each line; a lone CR ends a line when the file holds no LF."""
        end = "\n" if "\n" in self.text else "\r"
        return [0, *(match.end() for match in re.finditer(end, self.text))]

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column, from 1, of the character at `offset`."""
        line = bisect.bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1


def _undecodable(data: bytes, encoding: str, position: int, file: str) -> DocumentError:
    line = data.count(b"\n", 0, position) + 1
    remedy = 'pass encoding="cp1252" if the file comes from an older program'
    if encoding == "cp1252":
        remedy = "pass the encoding that the file was written in"
    return DocumentError(
        f"byte {position} (line {line}) is not {shown(encoding.upper())}", file=file, remedy=remedy
    )
