"""The parts of a Vensim file: equations, sketch, graph definitions, settings."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sdtheory.documents.text import Text, byte_order_mark

_HEADER = re.compile(r"\{[^{}\r\n]{1,40}\}[ \t]*(?=\r?\n|\r)")
# each of these begins a line; a file may end its lines with CR alone
_SKETCH = re.compile(r"\\\\(?<![^\r\n]\\\\)\\*---///")
_SKETCH_END = re.compile(r"///---(?<![^\r\n]///---)\\{2,}")
_SETTINGS = re.compile(r":L(?<![^\r\n]:L)\x7f?<%\^E!@")
_MARKER = re.compile(r"(?<![^\r\n])(?:\\{2,}---///|///---\\{2,}|:L\x7f?<%\^E!@)")


@dataclass(frozen=True)
class Layout:
    """Offsets of characters; each part that a file lacks is None.

    Parameters
    ----------
    decoded : Text
    start, stop : int
        The equations.
    sketch : (int, int), optional
        From the first marker of a view to the end line.
    sketch_end : int, optional
        Behind the end line's marker.
    settings : int, optional
        Behind the marker of the settings.
    """

    decoded: Text
    start: int
    stop: int
    sketch: tuple[int, int] | None
    sketch_end: int | None
    settings: int | None


def laid_out(data: bytes, encoding: str, file: str) -> Layout:
    """Tell the parts of the file apart.

    Examples
    --------
    >>> laid_out(b"{UTF-8}\\na = 3 ~~|", "utf-8", "m.mdl").start
    7
    """
    mark, length = byte_order_mark(data)
    decoded = Text(data, encoding, length if mark == encoding else 0, file)
    text = decoded.text
    header = _HEADER.match(text)
    start = header.end() if header and not header.group().startswith("{**") else 0
    sketch = _SKETCH.search(text, start)
    sketch_end = _SKETCH_END.search(text, sketch.end() if sketch else start)
    settings = _SETTINGS.search(text, sketch_end.end() if sketch_end else start)
    after = sketch_end or settings
    return Layout(
        decoded,
        start,
        min((match.start() for match in (sketch, sketch_end, settings) if match), default=len(text)),
        (sketch.start(), after.start() if after else len(text)) if sketch else None,
        sketch_end.end() if sketch_end else None,
        settings.end() if settings else None,
    )


def marker_in(text: str) -> str | None:
    """A line of the text that would begin another part of the file.

    Examples
    --------
    >>> marker_in("a\\n///---\\\\\\\\"), marker_in("a ///---\\\\\\\\")
    ('///---\\\\\\\\', None)
    """
    found = _MARKER.search(text)
    return found.group() if found else None
