"""How well a colour stands out from another, after the Web Content Accessibility Guidelines."""

from __future__ import annotations

BLACK, WHITE = "#000000", "#FFFFFF"
LINE_CONTRAST, WORD_CONTRAST = 3.0, 4.5  # the least for lines and for words


def luminance(colour: str) -> float:
    """Relative luminance of a colour ``#RRGGBB``: 0 for black, 1 for white.

    Examples
    --------
    >>> luminance("#000000"), luminance("#FFFFFF"), round(luminance("#FF0000"), 4)
    (0.0, 1.0, 0.2126)
    """
    parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast of two colours ``#RRGGBB``: from 1 for equal ones to 21 for black and white.

    Source: W3C, Web Content Accessibility Guidelines 2.2, "contrast ratio" and "relative luminance".

    Examples
    --------
    >>> contrast("#000000", "#FFFFFF"), round(contrast("#FFFFFF", "#767676"), 2)
    (21.0, 4.54)
    """
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def black_or_white(ground: str) -> str:
    """Whichever stands out more from a colour ``#RRGGBB``: it reaches 4.58 on any.

    Examples
    --------
    >>> black_or_white("#F0E442"), black_or_white("#00008B")
    ('#000000', '#FFFFFF')
    """
    return max((BLACK, WHITE), key=lambda colour: contrast(colour, ground))
