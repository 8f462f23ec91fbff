"""Vensim views written as XMILE views."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from sdtheory.documents.convert_common import VENDOR, Conversion
from sdtheory.documents.looks import Look, hexadecimal, vensim_look, xmile_attributes
from sdtheory.documents.print_xmile import nested, tag, written_name
from sdtheory.documents.view import Element, Point, View, direction, leaving, off_chord
from sdtheory.model.printing import name_text, number_text
from sdtheory.names import canonical

_GREY = "#808080"
_SHAPES = {"box": "rectangle", "ellipse": "circle"}


def view_lines(conversion: Conversion) -> list[str]:
    """The lines of ``<views>``; what XMILE cannot draw is counted."""
    views = [line for view in conversion.document.views for line in _Writing(conversion, view).lines()]
    return nested("views", {}, views) if views else []


def corners(points: Sequence[Point]) -> list[Point]:
    """The ends and the corners of a pipe, without the points that lie on a straight part of it.

    Examples
    --------
    >>> corners([(0, 0), (5, 0), (10, 0), (10, 4), (10, 9)])
    [(0, 0), (10, 0), (10, 9)]
    """
    found = list(points[:1])
    for here, after in itertools.pairwise(points[1:]):
        if off_chord(found[-1], here, after):
            found.append(here)
    return [*found, *points[1:][-1:]]


def places(numbers: float) -> str:
    """A coordinate with at most two decimals."""
    return number_text(round(numbers, 2) + 0.0)


class _Writing:
    """One view on its way into XMILE."""

    def __init__(self, conversion: Conversion, view: View):
        self.conversion = conversion
        self.view = view
        self.lost: Counter[str] = conversion.lost
        self.by_id = {element.id: element for element in view.elements}
        self.uids: dict[str, int] = {}
        self.first: dict[str, str] = {}
        for element in view.elements:
            if element.kind in ("stock", "flow", "auxiliary") and element.variable:
                self.first.setdefault(canonical(element.variable), element.id)
        self.at_flows = {
            end for one in view.elements if one.kind == "flow" for end in (one.source, one.target) if end
        }

    def lines(self) -> list[str]:
        found: list[str] = []
        for element in self.view.elements:
            writer = getattr(self, f"_{element.kind}", None)
            if writer is None:
                self.lost[f"drawn element of Vensim ({self._word(element)})"] += 1
            else:
                found += writer(element)
            if element.hidden:
                self.lost["drawn element that Vensim hides"] += 1
        return nested("view", {"type": "stock_flow", f"{VENDOR}:name": self.view.name}, found)

    @staticmethod
    def _word(element: Element) -> str:
        return {"30": "picture", "31": "picture", "12": "comment with an icon", "11": "valve"}.get(
            element.raw.partition(",")[0], "unreadable line"
        )

    def uid(self, element: Element) -> str:
        return str(self.uids.setdefault(element.id, len(self.uids) + 1))

    def look(self, element: Element, line: str = "") -> dict[str, str]:
        look = vensim_look(line or element.raw)
        if element.kind == "alias" and look.colour in ("", _GREY) and look.font_colour == _GREY:
            look = replace(look, colour="", font_colour="")  # how Vensim draws every ghost
        return xmile_attributes(look)

    def _placed(self, element: Element) -> dict[str, str]:
        return {"x": places(element.x), "y": places(element.y), "label_side": element.label_side}

    def _variable(self, element: Element) -> dict[str, str]:
        """Name, and an identifier where another element shows the same variable."""
        name = element.variable or element.text
        again = self.first.get(canonical(name)) not in (None, element.id)
        return {"name": written_name(name), "uid": self.uid(element) if again else ""}

    def _corner(self, element: Element) -> dict[str, str]:
        return {
            "x": places(element.x - element.width / 2),
            "y": places(element.y - element.height / 2),
            "width": places(element.width),
            "height": places(element.height),
        }

    @staticmethod
    def _shape(element: Element) -> str:
        kind = _SHAPES.get(element.shape, "name_only")
        size = {"width": places(element.width), "height": places(element.height)}
        if kind == "circle":
            size = {"radius": places(min(element.width, element.height) / 2)}
        return tag("shape", {"type": kind, **size})

    # kinds of elements

    def _stock(self, element: Element) -> list[str]:
        attributes = self._variable(element) | self._corner(element)
        attributes["label_side"] = element.label_side
        return [tag("stock", attributes | self.look(element))]

    def _auxiliary(self, element: Element) -> list[str]:
        if element.shape == "ellipse" and element.width != element.height:
            self.lost["ellipse, drawn as a circle"] += 1
        attributes = self._variable(element) | self._placed(element) | self.look(element)
        return nested("aux", attributes, [self._shape(element)])

    def _alias(self, element: Element) -> list[str]:
        attributes = {"uid": self.uid(element)} | self._placed(element) | self.look(element)
        name = element.variable or element.text
        return nested("alias", attributes, [tag("of", None, name_text(name, "xmile")), self._shape(element)])

    def _text(self, element: Element) -> list[str]:
        return [tag("text_box", self._corner(element) | self.look(element), element.text)]

    def _cloud(self, element: Element) -> list[str]:
        if element.id not in self.at_flows:
            self.lost["cloud without a flow"] += 1
        return []

    def _flow(self, element: Element) -> list[str]:
        if element.variable is None:
            self.lost["valve without a name"] += 1
            return []
        points = list(element.points)
        for end, place in ((element.source, 0), (element.target, -1)):
            shape = self.by_id.get(end or "")
            if points and shape is not None and shape.kind == "cloud":
                points[place] = (shape.x, shape.y)
        pts = [tag("pt", {"x": places(x), "y": places(y)}) for x, y in corners(points)]
        span = element.spans.get("label_whole")
        document = self.conversion.document
        word = document.bytes[span.start : span.stop].decode(document.encoding) if span else ""
        attributes = self._variable(element) | self._placed(element) | self.look(element, word)
        return nested("flow", attributes, nested("pts", {}, pts) if pts else [])

    def _connector(self, element: Element) -> list[str]:
        ends = [self.by_id.get(one or "") for one in (element.source, element.target)]
        source, target = ends
        if source is None or target is None or not (self._can_end(source) and self._can_end(target)):
            self.lost["arrow from or to a cloud, a comment or a picture"] += 1
            return []
        if element.text and not element.polarity:
            self.lost["sign of an arrow other than + and -"] += 1
        here, there = (source.x, source.y), (target.x, target.y)
        angle = leaving(here, element.control, there) if element.control else direction(here, there)
        attributes = {
            "uid": self.uid(element),
            "angle": number_text(round(angle % 360, 3) + 0.0),
            "polarity": element.polarity,
            "delay_mark": "true" if element.delay else "",
            "color": xmile_attributes(Look(hexadecimal(element.colour)))["color"],
        }
        inside = [self._end("from", source), self._end("to", target)]
        if element.points:
            bends = [here, *element.points, there]
            inside += nested("pts", {}, [tag("pt", {"x": places(x), "y": places(y)}) for x, y in bends])
        return nested("connector", attributes, inside)

    @staticmethod
    def _can_end(element: Element) -> bool:
        return element.kind in ("stock", "auxiliary", "alias") or (
            element.kind == "flow" and element.variable is not None
        )

    def _end(self, word: str, element: Element) -> str:
        name = element.variable or element.text
        if element.kind == "alias" or self.first.get(canonical(name)) != element.id:
            return f"<{word}>{tag('alias', {'uid': self.uid(element)})}</{word}>"
        return tag(word, None, name_text(name, "xmile"))
