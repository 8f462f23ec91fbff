"""What a document's views say about a causal diagram: places of variables, and names of loops."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from sdtheory.diagrams.arrows import inside
from sdtheory.diagrams.scene import Point
from sdtheory.documents import Document
from sdtheory.documents.view import Element, View
from sdtheory.feedback.loops import Loop
from sdtheory.names import canonical

SHOWN = 0.6  # share of the variables that a view must show to be kept
_MARK = re.compile(r"^\s*([RBU])(\d*)\s*[:.)-]?\s+(\S.*)$", re.DOTALL)


def places_in(view: View) -> dict[str, Point]:
    """Where a view shows each variable, by canonical name."""
    found: dict[str, Point] = {}
    for element in view.elements:
        if element.kind in ("stock", "flow", "auxiliary") and element.variable and not element.hidden:
            found.setdefault(canonical(element.variable), _place(element))
    return found


def _place(element: Element) -> Point:
    if element.label_x is not None and element.label_y is not None:
        return element.label_x, element.label_y
    return element.x, element.y


def best_view(document: Document, names: Iterable[str]) -> tuple[View | None, dict[str, Point]]:
    """The view that shows most of the variables, with their places; none when all show too few."""
    wanted = list(names)
    best: tuple[View | None, dict[str, Point]] = (None, {})
    for view in document.views:
        if view.kind == "stock_flow":
            shown = places_in(view)
            found = {name: shown[canonical(name)] for name in wanted if canonical(name) in shown}
            if len(found) > len(best[1]):
                best = view, found
    return best if len(best[1]) >= max(SHOWN * len(wanted), 1) else (None, {})


def named_by_view(loops: Sequence[Loop], view: View, places: Mapping[str, Point]) -> list[Loop]:
    """Loops with the names that texts of the view give them: a mark such as `R1 word of mouth` inside the loop.

    The smallest loop of the mark's polarity around a text takes its name; ids do not change.
    """
    named = list(loops)
    taken: set[int] = set()
    for element in view.elements:
        mark = _MARK.match(element.text) if element.kind == "text" else None
        if not mark:
            continue
        at = np.array([[element.x, element.y]])
        around = []
        for number, loop in enumerate(loops):
            ring = [places[name] for name in loop.variables if name in places]
            if number in taken or loop.polarity != mark[1] or len(ring) < max(3, len(loop.variables)):
                continue
            if inside(at, np.array(ring))[0]:
                around.append((len(loop.variables), number))
        if around:
            number = min(around)[1]
            taken.add(number)
            named[number] = replace(named[number], name=" ".join(mark[3].split()))
    return named
