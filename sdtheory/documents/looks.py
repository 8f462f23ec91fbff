"""Colours and fonts of drawn elements, in Vensim's fields and in XMILE's attributes.

The bits that say which fields of a Vensim object hold were found by comparing files: 1 colour of the shape,
2 colour of the font, 4 fill, 8 size, 16 style and 32 face of the font.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sdtheory.documents.vensim_sketch import fields
from sdtheory.documents.view import Element

_NAMED = {
    "aqua": "#00ffff", "black": "#000000", "blue": "#0000ff", "fuchsia": "#ff00ff", "gray": "#808080",
    "green": "#008000", "lime": "#00ff00", "maroon": "#800000", "navy": "#000080", "olive": "#808000",
    "purple": "#800080", "red": "#ff0000", "silver": "#c0c0c0", "teal": "#008080", "white": "#ffffff",
    "yellow": "#ffff00",
}  # fmt: skip
_ATTRIBUTE = re.compile(r"""([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_SHAPE, _FONT_COLOUR, _FILL, _SIZE, _STYLE, _FACE = 1, 2, 4, 8, 16, 32
GHOST = "3,-1,0,0,0,128-128-128,0-0-0,|12||128-128-128"


@dataclass(frozen=True)
class Look:
    """What a file says about the look of one element; colours as ``#rrggbb``, "" for what it does not say."""

    colour: str = ""
    fill: str = ""
    font_colour: str = ""
    face: str = ""
    size: str = ""
    style: str = ""


def hexadecimal(colour: str) -> str:
    """A colour of either format as ``#rrggbb``, "" when it is none.

    Examples
    --------
    >>> hexadecimal("255-0-127"), hexadecimal("Blue"), hexadecimal("-1--1--1")
    ('#ff007f', '#0000ff', '')
    """
    text = colour.strip().lower()
    parts = text.split("-")
    if len(parts) == 3 and all(re.fullmatch("[0-9]{1,3}", part) and int(part) < 256 for part in parts):
        return "#" + "".join(f"{int(part):02x}" for part in parts)
    if re.fullmatch("#[0-9a-f]{3}", text):
        text = "#" + "".join(2 * digit for digit in text[1:])
    return text if re.fullmatch("#[0-9a-f]{6}", text) else _NAMED.get(text, "")


def triple(colour: str) -> str:
    """A colour ``#rrggbb`` as Vensim writes it.

    Examples
    --------
    >>> triple("#ff007f"), triple("")
    ('255-0-127', '-1--1--1')
    """
    if not colour:
        return "-1--1--1"
    return "-".join(str(int(colour[place : place + 2], 16)) for place in (1, 3, 5))


def vensim_look(line: str) -> Look:
    """The look of a word, valve or comment from its line in the sketch."""
    parts = _parts(line)
    bits = int(parts[10]) if len(parts) > 10 and re.fullmatch("-?[0-9]{1,9}", parts[10]) else 0
    colour, fill, font = (parts[place] if place < len(parts) else "" for place in (15, 16, 17))
    face, size, style, font_colour = (font.split("|") + 4 * [""])[:4]
    return Look(
        hexadecimal(colour) if bits & _SHAPE else "",
        hexadecimal(fill) if bits & _FILL else "",
        hexadecimal(font_colour) if bits & _FONT_COLOUR else "",
        face if bits & _FACE else "",
        size if bits & _SIZE and size.isdecimal() else "",
        style if bits & _STYLE else "",
    )


def arrow_look(line: str) -> Look:
    """The look of an arrow from its line in the sketch: a colour, which Vensim heeds only where a bit says so."""
    parts = _parts(line)
    bits = parts[8] if len(parts) > 11 else ""
    return Look(hexadecimal(parts[11]) if bits.isdecimal() and int(bits[-1]) & _SHAPE else "")


def _parts(line: str) -> list[str]:
    """The fields of an object, without what follows in lines of its own."""
    first = line.partition("\n")[0].rstrip("\r")
    return [first[begin:end] for begin, end in fields(first, 0, len(first))]


def vensim_fields(look: Look) -> tuple[int, str]:
    """Which fields a line has, and those fields: ``,shape,fill,font``; nothing for a plain look."""
    bits = 0
    given = (look.colour, look.font_colour, look.fill, look.size, look.style, look.face)
    for bit, value in zip((_SHAPE, _FONT_COLOUR, _FILL, _SIZE, _STYLE, _FACE), given, strict=True):
        bits |= bit if value else 0
    if not bits:
        return 0, ""
    font = f"{look.face}|{look.size}|{look.style}|{triple(look.font_colour) if look.font_colour else '0-0-0'}"
    return bits, f",{triple(look.colour)},{triple(look.fill)},{font}"


def xmile_look(element: Element) -> Look:
    """The look of an element from its start tag, and from the styles that hold for it."""
    start = element.raw.partition(">")[0]
    own = {name: double or single for name, double, single in _ATTRIBUTE.findall(start)}
    style = "B" if own.get("font_weight") == "bold" else ""
    style += "I" if own.get("font_style") == "italic" else ""
    style += "U" if own.get("text_decoration") == "underline" else ""
    size = re.match(r"\d+", own.get("font_size", ""))
    return Look(
        hexadecimal(element.colour),
        hexadecimal(element.fill),
        hexadecimal(own.get("font_color", "")),
        re.sub(r"[,|]", " ", element.font),
        size.group() if size else "",
        style,
    )


def xmile_attributes(look: Look) -> dict[str, str]:
    """The attributes of an element's start tag; an empty one is left out."""
    return {
        "color": look.colour,
        "background": look.fill,
        "font_color": look.font_colour,
        "font_family": look.face,
        "font_size": f"{look.size}pt" if look.size else "",
        "font_weight": "bold" if "B" in look.style else "",
        "font_style": "italic" if "I" in look.style else "",
        "text_decoration": "underline" if "U" in look.style else "",
    }
