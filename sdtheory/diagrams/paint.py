"""Colours that a file gives an element, drawn so that every line and every word still stands out."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sdtheory.diagrams.colours import INK, PAPER
from sdtheory.diagrams.contrast import LINE_CONTRAST, WORD_CONTRAST, black_or_white, contrast
from sdtheory.diagrams.scene import Box, Path, Shape, Text
from sdtheory.documents.looks import Look, arrow_look, vensim_look, xmile_look
from sdtheory.documents.view import Element

EDGE = 0.9  # width of a dark edge beside a line that is too light
CORE = 1.6  # least width of a line between dark edges
PLATE = 3.0  # from words to the edge of the plate or the frame around them
_USUAL = {"alias": "#808080", "connector": "#0000FF"}  # how Vensim draws every ghost and every arrow


@dataclass(frozen=True)
class Paint:
    """The colours of one element as ``#RRGGBB``, "" where the file gives none or a plain one.

    Parameters
    ----------
    line, words, fill : str
    """

    line: str = ""
    words: str = ""
    fill: str = ""

    def words_on(self, plain: str, ground: str = PAPER) -> str:
        """The colour of words: the file's own, else the plain one, else black or white, the first to stand out.

        Examples
        --------
        >>> Paint(words="#FF0000").words_on("#000000"), Paint(words="#8B0000").words_on("#000000")
        ('#000000', '#8B0000')
        >>> Paint().words_on("#000000", ground="#00008B")
        '#FFFFFF'
        """
        for colour in (self.words, plain):
            if colour and contrast(colour, ground) >= WORD_CONTRAST:
                return colour
        return black_or_white(ground)


PLAIN = Paint()


def paint_of(element: Element) -> Paint:
    """What an element's colours in the file come to; what tools write without being asked is plain.

    Examples
    --------
    >>> paint_of(Element("1", "stock", colour="Red", fill="white", raw='<stock color="Red" background="white"/>'))
    Paint(line='#FF0000', words='#FF0000', fill='')
    """
    xmile = element.raw.startswith("<")
    if not (element.colour or element.fill or element.font or (xmile and "font_color" in element.raw)):
        return PLAIN
    look = xmile_look(element) if xmile else _vensim_look(element)
    line, fill, words = (one.upper() for one in (look.colour, look.fill, look.font_colour))
    usual = "" if xmile else _USUAL.get(element.kind, "")
    line, words = ("" if one == usual else one for one in (line, words))
    line, words = ("" if one == INK else one for one in (line, words or line))
    return Paint(line, words, "" if fill == PAPER else fill)


def _vensim_look(element: Element) -> Look:
    return arrow_look(element.raw) if element.kind == "connector" else vensim_look(element.raw)


def painted(shape: Box | Path, colour: str, fill: str = "") -> list[Shape]:
    """A line, an outline or an arrowhead in colours of the file; "" leaves it as it is.

    A colour that is too light for a line runs between dark edges.

    Examples
    --------
    >>> [one.stroke for one in painted(Box(0, 0, 9, 9, stroke="#000000"), "#FFFF00")]
    ['#000000', '#FFFF00']
    """
    if fill:
        shape = replace(shape, fill=fill)
    if not colour:
        return [shape]
    inside = colour if shape.role == "arrowhead" else shape.fill
    if contrast(colour, PAPER) >= LINE_CONTRAST:
        return [replace(shape, stroke=colour if shape.stroke else "", fill=inside)]
    core = max(shape.line, CORE)
    edges = replace(shape, stroke=INK, line=core + 2 * EDGE, fill=inside, role="casing")
    return [edges, replace(shape, stroke=colour, line=core, fill=inside if shape.role == "arrowhead" else "")]


def named_box(outline: Box, name: Text, paint: Paint) -> list[Shape]:
    """A box and its name: on the file's fill where the whole name lies on it or off it, else that is a frame."""
    if paint.fill and not (name.halo or _holds(outline, name)):
        frame = replace(outline, width=outline.width + 2 * PLATE, height=outline.height + 2 * PLATE, fill="")
        words = replace(name, colour=paint.words_on(name.colour))
        return [*painted(outline, paint.line), *painted(frame, paint.fill), words]
    ground = "" if name.halo else paint.fill
    words = replace(name, colour=paint.words_on(name.colour, ground or PAPER), ground=ground)
    return [*painted(outline, paint.line, paint.fill), words]


def _holds(box: Box, name: Text) -> bool:
    outer, inner = box.bounds, name.bounds
    return outer[0] <= inner[0] and outer[1] <= inner[1] and inner[2] <= outer[2] and inner[3] <= outer[3]


def has_plate(paint: Paint) -> bool:
    """Whether words without a symbol have a ground of their own, or a frame as their colour is too light."""
    return bool(paint.fill or (paint.words and contrast(paint.words, PAPER) < WORD_CONTRAST))


def bare_words(name: Text, paint: Paint) -> list[Shape]:
    """Words without a symbol, on a plate with the file's fill; in a frame when their colour is too light."""
    if not has_plate(paint):
        return [replace(name, colour=paint.words_on(name.colour))]
    left, top, right, bottom = name.bounds
    size = right - left + 2 * PLATE, bottom - top + 2 * PLATE
    plate = Box((left + right) / 2, (top + bottom) / 2, *size, radius=PLATE)
    if paint.fill:
        words = paint.words_on(name.colour, paint.fill)
        return [replace(plate, fill=paint.fill), replace(name, colour=words, ground=paint.fill, halo=False)]
    frame = painted(replace(plate, stroke=INK, fill=PAPER), paint.words)
    return [*frame, replace(name, colour=paint.words_on(name.colour), halo=False)]
