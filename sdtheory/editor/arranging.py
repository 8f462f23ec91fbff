"""Operations on places: elements aligned or spread evenly, and what no view shows drawn; nothing else is moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sdtheory.diagrams.stock_flow_layout import laid_out_view
from sdtheory.documents import Document
from sdtheory.documents.reads import key_of
from sdtheory.documents.view import Element, Point
from sdtheory.documents.words import CONTROLS
from sdtheory.editor.drawing_edits import Done
from sdtheory.editor.editing import Editing, with_view
from sdtheory.editor.state import Refused
from sdtheory.editor.variables import full_name
from sdtheory.errors import SDError, shown
from sdtheory.names import canonical
from sdtheory.translate import load

_EDGES: Mapping[str, tuple[int, float]] = {  # axis, and which side of the symbol
    "left": (0, -0.5), "centre": (0, 0.0), "right": (0, 0.5), "top": (1, -0.5), "middle": (1, 0.0), "bottom": (1, 0.5),
}  # fmt: skip
EDGE = 60  # pixels to the left of and above a whole diagram
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
    own = [(editing.own(id), x, y) for id, (x, y) in places.items()]
    editing = editing.after(editing.document.move_all(own, editing.view))
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


def layout(editing: Editing, arguments: Mapping[str, Any]) -> Done:
    """What no view shows, drawn with its links: all together when nothing is drawn yet, else where there is room."""
    editing = with_view(editing)
    document, view = editing.document, editing.view
    model = document.views[view].model
    undrawn = [name for name in _undrawn(document) if document.entry(name).model == model]
    if not undrawn:
        raise Refused("every variable is drawn already", code="layout")
    empty = not any(element.variable for one in document.views for element in one.elements)
    places = _laid_out(document) if empty else {}
    for name in undrawn:
        x, y = places.get(canonical(name), (None, None))
        editing = editing.after(editing.document.draw_variable(name, x, y, view))
    for name in undrawn:
        editing = editing.after(editing.document.match_links(name))
    return editing, f"Draw {len(undrawn)} variable{'s' if len(undrawn) > 1 else ''}"


def _undrawn(document: Document) -> list[str]:
    """The names of variables that no view shows: stocks first, then flows, which need them, then the others."""
    drawn = {
        key_of(document, view.model, element.variable)
        for view in document.views
        for element in view.elements
        if element.variable is not None
    }
    order = {"stock": 0, "flow": 1}
    found = [
        entry
        for key, entry in document.variables.items()
        if key not in drawn and key not in CONTROLS and entry.kind not in ("subscript", "module", "opaque")
    ]
    return [full_name(entry) for entry in sorted(found, key=lambda entry: order.get(entry.kind, 2))]


def _laid_out(document: Document) -> dict[str, Point]:
    """Places for all variables of a model; none when it cannot be loaded."""
    try:
        view = laid_out_view(load(document))
    except SDError:
        return {}
    named = [element for element in view.elements if element.variable is not None]
    left, top = (min((getattr(one, axis) - getattr(one, size) / 2 for one in named), default=0.0)
                 for axis, size in (("x", "width"), ("y", "height")))  # fmt: skip
    return {
        canonical(one.variable or ""): (round(one.x - left + EDGE), round(one.y - top + EDGE))
        for one in named
    }
