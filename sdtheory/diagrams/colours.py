"""Colours of drawings: Okabe and Ito's, which differ for colour-blind readers too; signs are always printed as well."""

from __future__ import annotations

POLARITIES = {"+": "#0072B2", "-": "#D55E00", "?": "#5F5F5F"}
# vermilion is too light for words on white
WORDS = {"+": "#0072B2", "-": "#B84E00", "?": "#5F5F5F"}
LOOPS = ("#CC79A7", "#009E73", "#E69F00", "#56B4E9")
INK, QUIET, QUIET_WORDS, PAPER = "#000000", "#737373", "#404040", "#FFFFFF"
SIGNS = {"+": "+", "-": "\N{MINUS SIGN}", "?": "?"}


def tint(colour: str, strength: float = 0.45) -> str:
    """A colour mixed with white, so that nothing needs to be transparent.

    Examples
    --------
    >>> tint("#000000", 0.5)
    '#808080'
    """
    parts = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(255 - strength * (255 - part)):02X}" for part in parts)
