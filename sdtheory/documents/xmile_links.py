"""Connectors of XMILE views: drawn, taken away, and made to agree with an equation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sdtheory.documents.drafting import view_number
from sdtheory.documents.index import Entry
from sdtheory.documents.splice import Edit
from sdtheory.documents.view import Element, direction
from sdtheory.documents.xmile_drawing import Drawing, coordinate
from sdtheory.documents.xmile_names import Scope, in_equation
from sdtheory.documents.xmile_source import Source, source_of
from sdtheory.documents.xml_tree import Node
from sdtheory.documents.xml_writing import New, last
from sdtheory.errors import UsageError, shown
from sdtheory.names import canonical

if TYPE_CHECKING:
    from sdtheory.documents.document import Document

_ENDS = frozenset({"stock", "flow", "auxiliary", "module"})


def connect(
    document: Document, source: str, target: str, polarity: str | None, view: int | None
) -> list[Edit]:
    """A connector in a view, or in each that shows both ends; one that is there gets the polarity."""
    if polarity not in (None, "", "+", "-"):
        raise UsageError(f"polarity='{shown(polarity)}'", remedy="use '+', '-' or None")
    start, stop = (document.entry(name) for name in (source, target))
    keys = canonical(start.name), canonical(stop.name)
    if start is stop:
        raise UsageError(f"'{shown(start.name)}' cannot be connected with itself", file=document.file)
    links = _Links(source_of(document))
    edits: list[Edit] = []
    drawn_in = 0
    for number in _views(document, view):
        drawing = Drawing(links.source, number)
        there = _between(drawing, *keys)
        target_element = _target(drawing, keys[1])
        from_element = _nearest(drawing, keys[0], target_element) if target_element else None
        if from_element is None or target_element is None:
            continue
        drawn_in += 1
        if there and polarity is not None:
            for one in there:
                node = links.source.drawn(one)
                name = links.source.xml.attribute_name(node, "polarity")
                drawing.set(node, **{name: polarity or None})
            edits += drawing.edits()
        elif not there:
            edits += links.written(drawing, [(from_element, target_element)], polarity)
    if not drawn_in:
        where = f"view {view} does not show" if view is not None else "no view shows"
        raise UsageError(
            f"{where} both '{shown(start.name)}' and '{shown(stop.name)}', the latter other than as an alias",
            file=document.file,
            remedy="add what is missing to the view first",
        )
    return edits


def disconnect(document: Document, source: str, target: str, view: int | None) -> list[Edit]:
    """Take away the connectors between two variables, those of aliases included."""
    start, stop = (document.entry(name) for name in (source, target))
    found: list[Node] = []
    place = source_of(document)
    for number in _views(document, view):
        drawing = Drawing(place, number)
        found += map(place.drawn, _between(drawing, canonical(start.name), canonical(stop.name)))
    if not found:
        raise UsageError(
            f"there is no connector from '{shown(start.name)}' to '{shown(stop.name)}'", file=document.file
        )
    return place.xml.removed(found)


def match_links(document: Document, name: str, written: Entry | None = None) -> list[Edit]:
    """Connectors into a variable, so that each view has those that its equation asks for."""
    entry = written or document.entry(name)
    key = canonical(entry.name)
    links = _Links(source_of(document))
    scope = Scope(links.source, canonical(entry.model))
    named = _named(scope, entry) - {key}
    needed = frozenset() if entry.kind == "stock" else named  # what only an initial value uses may be drawn
    edits: list[Edit] = []
    for number, view in enumerate(document.views):
        if view.kind == "interface" or canonical(view.model) != canonical(entry.model):
            continue
        drawing = Drawing(links.source, number)
        target = _target(drawing, key)
        if target is None:
            continue
        there: set[str] = set()
        extra: list[Element] = []
        for one in drawing.view.elements:
            if one.kind == "connector" and one.target == target.id:
                start = drawing.elements.get(one.source or "")
                if start is not None and start.variable is not None:
                    there.add(canonical(start.variable))
                    if canonical(start.variable) not in named:
                        extra.append(one)
        pairs = [(_nearest(drawing, one, target), target) for one in sorted(needed - there)]
        new = [(start, stop) for start, stop in pairs if start is not None]
        edits += links.source.xml.removed(map(links.source.drawn, extra))
        edits += links.written(drawing, new, None, gone=extra)
    return edits


def _named(scope: Scope, entry: Entry) -> frozenset[str]:
    """Variables of the model that the equations of another draw on; of a module's variable, the module."""
    texts = {text for block in entry.blocks for text in (block.equation, block.initial) if text}
    parts = (part.means for text in texts for part in scope.equation(text))
    variables = ((means[1], means[2]) for means in parts if means[0] == "variable")
    return frozenset(
        name
        for model, name in variables
        if model == scope.model and scope.source.key(model, name) is not None
    )


def _views(document: Document, view: int | None) -> list[int]:
    if view is not None:
        return [view_number(document, view)]
    return [number for number, one in enumerate(document.views) if one.kind != "interface"]


def _showing(drawing: Drawing, key: str) -> list[Element]:
    return [
        one for one in drawing.view.elements if one.variable is not None and canonical(one.variable) == key
    ]


def _target(drawing: Drawing, key: str) -> Element | None:
    """Where links into a variable end: never at an alias (XMILE 1.0, 6.1.7)."""
    return next((one for one in _showing(drawing, key) if one.kind in _ENDS), None)


def _nearest(drawing: Drawing, key: str, target: Element) -> Element | None:
    """Where a link from a variable begins: at the drawing of it, or alias, that is nearest to the target."""
    choices = [
        one for one in _showing(drawing, key) if one.kind in _ENDS or (one.kind == "alias" and one.uid)
    ]
    return min(choices, key=lambda one: math.dist((one.x, one.y), (target.x, target.y)), default=None)


def _between(drawing: Drawing, source: str, target: str) -> list[Element]:
    """Connectors from a variable to another."""
    starts = {one.id for one in _showing(drawing, source)}
    stops = {one.id for one in _showing(drawing, target)}
    return [
        one
        for one in drawing.view.elements
        if one.kind == "connector" and one.source in starts and one.target in stops
    ]


class _Links:
    """New connectors; each gets a number of its own."""

    def __init__(self, source: Source):
        self.source = source
        self.count = 0

    def written(
        self,
        drawing: Drawing,
        pairs: list[tuple[Element, Element]],
        polarity: str | None,
        gone: list[Element] | tuple[Element, ...] = (),
    ) -> list[Edit]:
        """The edit that draws straight connectors, behind those of the view that stay."""
        if not pairs:
            return []
        model = self.source.model(drawing.model)
        taken = {id(self.source.drawn(one)) for one in gone}
        stay = [child for child in drawing.node.children if id(child) not in taken]
        same = [child for child in stay if child.tag == "connector"]
        first = int(self.source.next_uid(model)) + self.count
        self.count += len(pairs)
        new = []
        for place, (start, stop) in enumerate(pairs):
            angle = direction((start.x, start.y), (stop.x, stop.y)) % 360
            attributes = {"uid": str(first + place), "angle": coordinate(angle)}
            if polarity:
                attributes["polarity"] = polarity
            end: str | tuple[New, ...] = in_equation(start.variable or "")
            if start.kind == "alias":
                end = (New("alias", {"uid": start.uid}),)
            inside = (New("from", inside=end), New("to", inside=in_equation(stop.variable or "")))
            new.append(New("connector", attributes, inside))
        anchor = last(same or stay)
        xml = self.source.xml
        return xml.after(anchor, *new) if anchor is not None else xml.first_in(drawing.node, *new)
