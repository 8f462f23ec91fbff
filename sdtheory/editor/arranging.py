"""Operations on the places of several elements: aligned or spread evenly, and nothing else is moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sdtheory.documents.view import Element, Point
from sdtheory.editor.drawing_edits import Done
from sdtheory.editor.editing import Editing
from sdtheory.editor.state import Refused
from sdtheory.errors import shown

_EDGES: Mapping[str, tuple[int, float]] = {  # axis, and which side of the symbol
    "left": (0, -0.5), "centre": (0, 0.0), "right": (0, 0.5), "top": (1, -0.5), "middle": (1, 0.0), "bottom": (1, 0.5),
}  # fmt: skip
_SPREAD = {"distribute-across": 0, "distribute-down": 1}


def align(editing: Editing, arguments: Mapping[str, Any]) -> Done:
    """Elements put on one line, or at equal distances between the outermost two."""
    ids, how = list(dict.fromkeys(arguments["ids"])), arguments["how"]
    if how not in _EDGES and how not in _SPREAD:
        choices = ", ".join([*_EDGES, *_SPREAD])
        raise Refused(f"how='{shown(how)}'", code="arguments", field="how", remedy=f"use one of {choices}")
    elements = {id: editing.element(id) for id in ids}
    if len(ids) < (3 if how in _SPREAD else 2):
        raise Refused(
            "there is nothing to align with", code="arguments", field="ids", remedy="select more elements"
        )
    for element in elements.values():
        if element.kind == "connector":
            raise Refused(
                "a link has no place of its own", code="element", field="ids", remedy="leave links out"
            )
    places = _spread(elements, _SPREAD[how]) if how in _SPREAD else _lined(elements, *_EDGES[how])
    for id, (x, y) in places.items():
        editing = editing.after(editing.document.move(editing.own(id), x, y, editing.view))
    verb = "Distribute" if how in _SPREAD else "Align"
    return editing, f"{verb} {len(ids)} elements"


def _lined(elements: Mapping[str, Element], axis: int, side: float) -> dict[str, Point]:
    """Places with one edge in line: the outermost edge, or the middle of all."""

    def edge(element: Element) -> float:
        return (element.x, element.y)[axis] + side * (element.width, element.height)[axis]

    edges = [edge(element) for element in elements.values()]
    pick: Callable[[list[float]], float] = min if side < 0 else max if side > 0 else _middle
    line = pick(edges)
    return {
        id: _with(element, axis, line - side * (element.width, element.height)[axis])
        for id, element in elements.items()
    }


def _middle(values: list[float]) -> float:
    return (min(values) + max(values)) / 2


def _spread(elements: Mapping[str, Element], axis: int) -> dict[str, Point]:
    """Places at equal distances, in their order."""
    order = sorted(elements, key=lambda id: (elements[id].x, elements[id].y)[axis])
    first, last = ((elements[id].x, elements[id].y)[axis] for id in (order[0], order[-1]))
    step = (last - first) / (len(order) - 1)
    return {id: _with(elements[id], axis, first + step * place) for place, id in enumerate(order)}


def _with(element: Element, axis: int, value: float) -> Point:
    return (value, element.y) if axis == 0 else (element.x, value)
