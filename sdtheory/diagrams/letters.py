"""Widths of drawn text, from the font that comes with matplotlib, so that they are the same on every machine."""

from __future__ import annotations

import textwrap
import unicodedata
from functools import lru_cache
from typing import Any

SIZE = 12.0  # letters of a name, in pixels
LINE = 1.2  # height of a line, of the size
BASELINE = 0.34  # from the middle of a line down to its baseline, of the size
WRAP = 16  # letters in a line of a name
LONGEST_WORD = 40  # a word longer than that is broken
_FACE = 100.0


@lru_cache(maxsize=2)
def _font(bold: bool) -> Any:
    from matplotlib import get_data_path
    from matplotlib.ft2font import FT2Font

    font = FT2Font(f"{get_data_path()}/fonts/ttf/DejaVuSans{'-Bold' if bold else ''}.ttf")
    font.set_size(_FACE, 72)
    return font


@lru_cache(maxsize=8192)
def _advance(letter: str, bold: bool) -> float:
    """Width of a letter of size 1; what the font lacks takes a square when it is wide, else none."""
    font = _font(bold)
    if font.get_char_index(ord(letter)):
        return font.load_char(ord(letter)).linearHoriAdvance / 65536 / _FACE
    if unicodedata.combining(letter):
        return 0.0
    return 1.0 if unicodedata.east_asian_width(letter) in "WF" else 0.65


def text_width(text: str, size: float = SIZE, bold: bool = False) -> float:
    """Width of one line of text in DejaVu Sans, in the units of `size`.

    Examples
    --------
    >>> round(text_width("stock", 10.0), 2)
    26.54
    """
    return size * sum(_advance(letter, bold) for letter in text)


def wrapped(name: str, letters: int = WRAP) -> tuple[str, ...]:
    """A name broken into lines of about so many letters; a very long word is broken too.

    Examples
    --------
    >>> wrapped("effective search space")
    ('effective search', 'space')
    """
    lines: list[str] = []
    for line in textwrap.wrap(name, letters, break_long_words=False):
        longest = max(letters, LONGEST_WORD)
        lines += [line[i : i + longest] for i in range(0, len(line), longest)]
    return tuple(lines) or (name.strip(),)


def text_size(lines: tuple[str, ...], size: float = SIZE, bold: bool = False) -> tuple[float, float]:
    """Width and height of lines of text."""
    return max(text_width(line, size, bold) for line in lines), len(lines) * LINE * size
