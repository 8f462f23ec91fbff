"""What a view shows, element by element: its facts and its shapes, as plain values for a page.

Most elements are as they were before an edit. What an element looks like is remembered by everything that its
drawing depends on, so that an edit draws only what it touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sdtheory.diagrams.paint import paint_of
from sdtheory.diagrams.scene import MARGIN, Bounds, Box, Group, Path, Shape
from sdtheory.diagrams.stock_flow import LAYERS, Facts, drawn, facts_of
from sdtheory.documents import Document
from sdtheory.documents.reads import key_of
from sdtheory.documents.remembered import Memory
from sdtheory.documents.view import Element
from sdtheory.editor.identity import Identity
from sdtheory.names import canonical

Plain = dict[str, Any]

_LOOKS = (
    "kind", "variable", "x", "y", "width", "height", "label_side", "label_x", "label_y", "points", "source", "target",
    "control", "angle", "polarity", "delay", "line_style", "text", "shape", "hidden",
)  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """An element as the page gets it, and the box around its shapes (None when it has none)."""

    plain: Plain
    bounds: Bounds | None


_MEMORY: Memory[Drawn] = Memory(most=20_000)


@lru_cache(maxsize=16)
def drawn_view(document: Document, identity: Identity, view: int) -> dict[str, Drawn]:
    """The elements of a view by their lasting ids, in file order; those that are hidden are left out.

    Parameters
    ----------
    document : Document
    identity : Identity
    view : int
        A view that there is.
    """
    facts = facts_of(document)
    whole = document.views[view]
    elements = {element.id: element for element in whole.elements if not element.hidden}
    lasting = identity.to_lasting
    looks = {id: _look(element) for id, element in elements.items()}
    found = {}
    for id, element in elements.items():
        ends = tuple(looks.get(end or "") for end in (element.source, element.target))
        names = tuple(lasting.get(end or "") for end in (element.source, element.target))
        variable = _qualified(document, whole.model, element)
        own = canonical(element.variable or "")
        key = (
            lasting[id], looks[id], ends, names, variable, facts.circles, facts.kinds.get(own), own in facts.two_way,
        )  # fmt: skip
        one = _MEMORY.get(key)
        if one is None:
            one = _drawn(element, elements, facts, lasting[id], names, variable)
            _MEMORY.keep(key, one)
        found[lasting[id]] = one
    return found


def _look(element: Element) -> tuple[Any, ...]:
    # colours as the page shows them in words, and what they come to with fields that only the line has
    own = element.colour, element.fill, paint_of(element)
    return (*own, *(getattr(element, word) for word in _LOOKS))


def _qualified(document: Document, model: str, element: Element) -> str | None:
    """The name under which the document finds the variable that an element shows."""
    if element.variable is None or not model:
        return element.variable
    key = key_of(document, model, element.variable)
    return f"{model}.{element.variable}" if key.startswith(f"{canonical(model)}.") else element.variable


def bounds_of(found: Mapping[str, Drawn]) -> list[float]:
    """Left, top, right and bottom of everything that is drawn, with a margin."""
    boxes = [one.bounds for one in found.values() if one.bounds is not None]
    if not boxes:
        return [0.0, 0.0, 2 * MARGIN, 2 * MARGIN]
    left, top, right, bottom = zip(*boxes, strict=True)
    return [min(left) - MARGIN, min(top) - MARGIN, max(right) + MARGIN, max(bottom) + MARGIN]


def _drawn(
    element: Element,
    elements: Mapping[str, Element],
    facts: Facts,
    id: str,
    ends: tuple[str | None, ...],
    variable: str | None,
) -> Drawn:
    groups = list(drawn(element, elements, facts, id.replace(":", "-")))
    boxes = [shape.bounds for _, group in groups for shape in group.shapes]
    layers = [LAYERS.index(layer) for layer, _ in groups]
    plain: Plain = {
        "id": id,
        "kind": element.kind,
        "layer": max(layers, default=len(LAYERS)),
        "variable": variable,
        "text": element.text,
        "x": element.x,
        "y": element.y,
        "width": element.width,
        "height": element.height,
        "label_side": element.label_side,
        "label": None if element.label_x is None else [element.label_x, element.label_y],
        "points": [list(point) for point in element.points],
        "source": ends[0],
        "target": ends[1],
        "control": None if element.control is None else list(element.control),
        "angle": element.angle,
        "polarity": element.polarity,
        "delay": element.delay,
        "line_style": element.line_style,
        "colour": element.colour,
        "fill": element.fill,
        "shape": element.shape,
        "groups": [_group(group, layer) for (_, group), layer in zip(groups, layers, strict=True)],
    }
    if not boxes:
        return Drawn(plain, None)
    left, top, right, bottom = zip(*boxes, strict=True)
    return Drawn(plain, (min(left), min(top), max(right), max(bottom)))


def _group(group: Group, layer: int) -> Plain:
    return {
        "id": group.id,
        "role": group.role,
        "layer": layer,
        "classes": list(group.classes),
        "data": dict(group.data),
        "title": group.title,
        "shapes": [_shape(shape) for shape in group.shapes],
    }


def _shape(shape: Shape) -> Plain:
    if isinstance(shape, Box):
        words = ("stroke", "line", "fill", "radius", "role")
        place = {word: _rounded(getattr(shape, word)) for word in ("x", "y", "width", "height")}
        return {"type": "box", **place, **{w: getattr(shape, w) for w in words}, "dash": list(shape.dash)}
    if isinstance(shape, Path):
        steps = [[mark, [[_rounded(x), _rounded(y)] for x, y in points]] for mark, points in shape.steps]
        plain = {word: getattr(shape, word) for word in ("stroke", "line", "fill", "role")}
        return {"type": "path", "steps": steps, **plain, "dash": list(shape.dash)}
    lines = [[_rounded(y), words] for y, words in shape.baselines()]
    plain = {
        word: getattr(shape, word)
        for word in ("size", "colour", "bold", "italic", "anchor", "halo", "role", "ground")
    }
    return {"type": "text", "x": _rounded(shape.x), "y": _rounded(shape.y), "lines": lines, **plain}


def _rounded(value: float) -> float:
    return round(float(value), 2)
