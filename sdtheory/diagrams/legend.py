"""The legend of a causal diagram: what widths, colours and marks mean, for those that the picture has."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from sdtheory.diagrams.arrows import INITIAL_DASH, arrow, delay_mark
from sdtheory.diagrams.colours import LOOPS, POLARITIES, QUIET, QUIET_WORDS, tint
from sdtheory.diagrams.letters import text_width, wrapped
from sdtheory.diagrams.scene import Bounds, Group, Shape, Text, line_through
from sdtheory.diagrams.shares import Shares
from sdtheory.feedback.loops import Loop

SIZE = 11.0
ROW = 20.0
SAMPLE = 34.0  # length of a sample
Item = tuple[Callable[[float, float], list[Shape]], str]


def legend(
    bounds: Bounds, shares: Shares, loops: Sequence[Loop], links: Sequence[dict], note: str = ""
) -> Group | None:
    """A group below the picture, or None when the picture has nothing that needs words.

    Parameters
    ----------
    bounds : (left, top, right, bottom)
        Of the picture so far.
    shares : Shares
    loops : sequence of Loop
        Those highlighted.
    links : sequence of dict
        Attributes of the drawn links.
    note : str
        A last line.
    """
    items: list[Item] = []
    if shares:
        for share in (0.0, 0.5, 1.0):
            words = f"{share:.0%}" + (f" {shares.meaning}" if share == 1 else "")
            items.append((_line(1 + 4 * share), words))
    for number, loop in enumerate(loops[: len(LOOPS)] if len(loops) > 1 else ()):
        items.append((_swatch(LOOPS[number], 7.0 + 3 * number), f"{loop.id} {loop.name}"))
    polarities = {data.get("polarity") for data in links}
    if "?" in polarities:
        items.append((_sign, "sign open, or not always the same"))
    if any(data.get("initial") for data in links):
        items.append((_dashed, "acts only at the start"))
    if any(data.get("delay", "none") != "none" for data in links):
        items.append((_delayed, "delay"))
    if note:
        items.append((lambda x, y: [], note))
    if not items:
        return None
    return Group("legend", "legend", tuple(_flowing(items, bounds)))


def _flowing(items: Sequence[Item], bounds: Bounds) -> list[Shape]:
    """Items from left to right, in as many rows as the picture's width asks for."""
    left, _, right, bottom = bounds
    x, y = left, bottom + ROW
    shapes: list[Shape] = []
    for draw, text in items:
        lines = wrapped(text, 70)
        sample = draw(x, y)
        start = x + SAMPLE + 6 if sample else x
        width = max(text_width(line, SIZE) for line in lines)
        if x > left and start + width > max(right, left + 420):
            x, y = left, y + ROW
            sample = draw(x, y)
            start = x + SAMPLE + 6 if sample else x
        shapes += sample
        down = y + SIZE * 0.6 * (len(lines) - 1)
        shapes.append(Text(start, down, lines, size=SIZE, colour=QUIET_WORDS, anchor="start"))
        x = start + width + 22
        y += SIZE * 1.2 * (len(lines) - 1)
    return shapes


def _ends(x: float, y: float) -> np.ndarray:
    return np.array([[x, y], [x + SAMPLE / 2, y], [x + SAMPLE, y]])


def _line(width: float) -> Callable[[float, float], list[Shape]]:
    return lambda x, y: [line_through(list(map(tuple, _ends(x, y))), stroke=QUIET, line=width)]


def _swatch(colour: str, width: float) -> Callable[[float, float], list[Shape]]:
    return lambda x, y: [line_through(list(map(tuple, _ends(x, y))), stroke=tint(colour), line=width)]


def _dashed(x: float, y: float) -> list[Shape]:
    return [*arrow(_ends(x, y), QUIET, 1.4, INITIAL_DASH)]


def _delayed(x: float, y: float) -> list[Shape]:
    return [*arrow(_ends(x, y), QUIET, 1.4), *delay_mark(_ends(x, y), QUIET, 1.4)]


def _sign(x: float, y: float) -> list[Shape]:
    return [Text(x + SAMPLE - 6, y, ("?",), size=13.0, bold=True, colour=POLARITIES["?"])]
