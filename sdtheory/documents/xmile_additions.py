"""New variables, aliases, texts and views in XMILE files, and their removal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdtheory.documents.drafting import (
    Box,
    check_undrawn,
    element_called,
    finite,
    free_place,
    new_name,
    stocks_at,
    view_number,
)
from sdtheory.documents.edits import NewVariable
from sdtheory.documents.index import Entry
from sdtheory.documents.splice import Edit
from sdtheory.documents.view import Element, Point, is_level
from sdtheory.documents.words import CONTROLS
from sdtheory.documents.xmile_drawing import Drawing, cannot, coordinate, drawing_of
from sdtheory.documents.xmile_names import Scope, in_equation
from sdtheory.documents.xmile_pipes import route
from sdtheory.documents.xmile_source import Source, entry_called, source_of
from sdtheory.documents.xmile_tree import declarations
from sdtheory.documents.xmile_view_edits import fasten, flows_of
from sdtheory.documents.xml_tree import Node
from sdtheory.documents.xml_writing import New, checked, escaped_prose, last
from sdtheory.errors import DocumentError, UsageError, shown
from sdtheory.names import canonical

if TYPE_CHECKING:
    from sdtheory.documents.document import Document

_SIZES = {"stock": (45.0, 35.0), "flow": (18.0, 18.0), "aux": (18.0, 18.0)}
_LETTER, _LINE = 6.5, 16.0  # room that a name takes
_PIPE = 70.0  # from a valve to its cloud


# variables


def add_stock(document: Document, new: NewVariable) -> list[Edit]:
    """``<stock>`` among the variables and in a view."""
    return _Adding(document, new).edits("stock")


def add_auxiliary(document: Document, new: NewVariable) -> list[Edit]:
    """``<aux>`` among the variables and in a view."""
    return _Adding(document, new).edits("aux")


def add_flow(document: Document, new: NewVariable, source: str | None, target: str | None) -> list[Edit]:
    """``<flow>`` among the variables, ``<outflow>`` and ``<inflow>`` of its stocks, and the pipe in a view."""
    adding = _Adding(document, new)
    edits: list[Edit] = []
    stocks = [
        None if one is None else entry_called(document, one, ("stock",), "stock") for one in (source, target)
    ]
    if stocks[0] is not None and stocks[0] == stocks[1]:
        raise UsageError(
            f"'{shown(new.name)}' cannot run from '{shown(source)}' to itself", file=document.file
        )
    for side, stock in zip(("outflow", "inflow"), stocks, strict=True):
        if stock is None:
            continue
        if canonical(stock.model) != adding.model:
            raise UsageError(
                f"'{shown(stock.name)}' does not stand in the model of view {new.view}", file=document.file
            )
        edits += fasten(adding.source, adding.source.declared(stock)[0], side, adding.given)
    return edits + adding.edits("flow", (stocks[0], stocks[1]))


def draw_variable(document: Document, name: str, x: float | None, y: float | None, view: int) -> list[Edit]:
    """The symbol of a variable that the view does not show, of a flow with its pipe."""
    entry = document.entry(name)
    check_undrawn(document, entry, view)
    adding = _Adding(document, NewVariable(entry.name, entry.equation, "", "", x, y, view), entry)
    if adding.drawing is None or adding.drawing.node.tag == "display":
        raise UsageError("the document has no view for this", file=document.file, remedy="add a view first")
    if canonical(entry.model) != adding.model:
        raise UsageError(
            f"'{shown(entry.name)}' does not stand in the model of view {view}", file=document.file
        )
    if entry.kind == "flow":
        symbol = adding.flow(stocks_at(document, entry))
    else:
        symbol = adding.symbol("stock" if entry.kind == "stock" else "aux")
    return draw(adding.source, adding.drawing.node, symbol)


class _Adding:
    """A new variable on its way into a document, or one that is `there` and shall be drawn."""

    def __init__(self, document: Document, new: NewVariable, there: Entry | None = None):
        self.document = document
        self.new = new
        self.source = source_of(document)
        if not self.source.models:
            raise DocumentError("the file has no <model>", file=document.file)
        self.drawing = (
            Drawing(self.source, view_number(document, new.view)) if document.views or new.view else None
        )
        self.model = self.drawing.model if self.drawing else self.source.models[0][0]
        self.node = self.source.model(self.model)
        self.given = new.name.strip().replace("\r\n", "\n").replace("\n", "\\n")
        old = None if there is None else there.name
        plain = new_name(document, self.given.replace("\\n", " "), old, self.model)
        if canonical(plain) in CONTROLS:
            raise DocumentError(
                f"'{shown(plain)}' is a name by which the settings of the run are called",
                file=document.file,
                remedy="use another name",
            )
        finite(document, *(value for value in (new.x, new.y) if value is not None))
        if (new.x is None) != (new.y is None):
            raise UsageError("x and y are given together", file=document.file)
        self.at = None if new.x is None or new.y is None else (float(new.x), float(new.y))

    def edits(self, tag: str, stocks: tuple[Entry | None, Entry | None] = (None, None)) -> list[Edit]:
        """The variable, and its drawing where the document has views or a place is given."""
        drawn: New | None = None
        if self.drawing is not None or self.at is not None:
            drawn = self.flow(stocks) if tag == "flow" else self.symbol(tag)
        legacy = self.drawing is not None and self.drawing.node.tag == "display"
        inside = [New("eqn", inside=self.checked(self.new.equation))]
        if self.new.units.strip():
            inside.append(New("units", inside=self.checked(self.new.units)))
        if self.new.documentation.strip():
            doc = New("doc", inside=self.checked(escaped_prose(self.new.documentation)))
            inside.insert(0 if self.documentation_first() else len(inside), doc)
        if legacy and drawn is not None:
            attributes = {key: value for key, value in drawn.attributes.items() if key != "name"}
            inside.append(New("display", attributes, drawn.inside))
        edits = self.declare(New(tag, {"name": self.given}, tuple(inside)))
        if drawn is None or legacy:
            return edits
        if self.drawing is not None:
            return edits + draw(self.source, self.drawing.node, drawn)
        return edits + add_view_to(self.source, self.node, New("view", {"type": "stock_flow"}, (drawn,)))

    def checked(self, text: str) -> str:
        return checked(text, f"the text of '{shown(self.given)}'", self.document.file).strip()

    def documentation_first(self) -> bool:
        """Whether the file's variables begin with their documentation."""
        for node in declarations(self.node):
            tags = [child.tag for child in node.children]
            if "doc" in tags and "eqn" in tags:
                return tags.index("doc") < tags.index("eqn")
        return True

    def declare(self, new: New) -> list[Edit]:
        """The element among the variables, behind the last of its kind."""
        nodes = list(declarations(self.node))
        same = [node for node in nodes if node.tag == new.tag]
        xml = self.source.xml
        if nodes:
            return xml.after((same or nodes)[-1], new, like=next(iter([*same, *nodes])))
        holder = self.node.first("variables")
        if holder is not None:
            return xml.first_in(holder, new)
        return xml.first_in(self.node, New("variables", inside=(new,)))

    # drawing

    def boxes(self) -> list[Box]:
        """What the view shows, with room for names."""
        if self.drawing is None:
            return []
        return [
            _room(one.x, one.y, one.width, one.height, one.text or one.variable or "")
            for one in self.drawing.view.elements
            if one.kind != "connector"
        ]

    def shown_here(self, key: str) -> Element | None:
        """The drawing of a variable in the view."""
        elements = self.drawing.view.elements if self.drawing else ()
        return next(
            (
                one
                for one in elements
                if one.kind != "alias" and one.variable is not None and canonical(one.variable) == key
            ),
            None,
        )

    def symbol(self, tag: str) -> New:
        """A stock or an auxiliary, near what its equation names."""
        place = self.at
        if place is None:
            names = {part.means[-1] for part in Scope(self.source, self.model).equation(self.new.equation)}
            near = [one for one in map(self.shown_here, sorted(names)) if one is not None]
            place = self.free(tag, [(one.x, one.y) for one in near])
        return New(tag, {"name": self.given, "x": coordinate(place[0]), "y": coordinate(place[1])})

    def free(self, tag: str, near: list[Point]) -> Point:
        room = _room(0, 0, *_SIZES[tag], self.given)
        return free_place(self.boxes(), (room.width, room.height), near)

    def flow(self, stocks: tuple[Entry | None, Entry | None]) -> New:
        """The valve, and the pipe between stocks or clouds."""
        found = [None if one is None else self.shown_here(canonical(one.name)) for one in stocks]
        ends = [None if one is None else Box(one.x, one.y, one.width, one.height) for one in found]
        valve = self.at or self.valve(ends)
        x, y = valve
        level = all(is_level((end.x, end.y), valve) for end in ends if end is not None)
        if ends[0] is not None and ends[1] is not None:
            level = is_level((ends[0].x, ends[0].y), (ends[1].x, ends[1].y))
        halves: list[list[Point]] = []
        for end, other, side in ((ends[0], ends[1], -1), (ends[1], ends[0], 1)):
            if end is not None:
                halves.append(route(valve, level, end))
                continue
            if other is not None:
                before = other.x < x if level else other.y < y
                side = 1 if before else -1
            halves.append([(x + side * _PIPE, y) if level else (x, y + side * _PIPE)])
        points = [*halves[0][::-1], *halves[1]]
        pts = New("pts", inside=tuple(New("pt", {"x": coordinate(a), "y": coordinate(b)}) for a, b in points))
        return New("flow", {"name": self.given, "x": coordinate(x), "y": coordinate(y)}, (pts,))

    def valve(self, ends: list[Box | None]) -> Point:
        """A place for the valve: between two stocks, beside one, or where there is room."""
        there = [end for end in ends if end is not None]
        if len(there) == 2:
            return (there[0].x + there[1].x) / 2, (there[0].y + there[1].y) / 2
        if there:
            side = 1 if ends[0] is not None else -1
            return there[0].x + side * (there[0].width / 2 + _PIPE), there[0].y
        return self.free("flow", [])


def _room(x: float, y: float, width: float, height: float, name: str) -> Box:
    """A symbol with its name below it."""
    lines = name.replace("\\n", "\n").split("\n")
    across = max(width, *(len(line) * _LETTER for line in lines))
    return Box(x, y + len(lines) * _LINE / 2, across, height + len(lines) * _LINE)


def draw(source: Source, view: Node, *new: New) -> list[Edit]:
    """The edit that puts elements into a view, behind the last of their kind."""
    return source.xml.last_in(view, *new, like=(new[0].tag,))


# drawings


def add_alias(document: Document, name: str, x: float, y: float, view: int) -> list[Edit]:
    """``<alias>`` with a number of its own."""
    finite(document, x, y)
    drawing = drawing_of(document, view)
    entry = document.entry(name)
    if canonical(entry.model) != drawing.model:
        raise UsageError(
            f"'{shown(entry.name)}' does not stand in the model of view {view}", file=document.file
        )
    uid = drawing.source.next_uid(drawing.source.model(drawing.model))
    place = {"uid": uid, "x": coordinate(x), "y": coordinate(y)}
    of = New("of", inside=in_equation(entry.name))
    return draw(drawing.source, drawing.node, New("alias", place, (of,)))


def add_text(document: Document, text: str, x: float, y: float, view: int) -> list[Edit]:
    """``<text_box>`` large enough for its text."""
    finite(document, x, y)
    drawing = drawing_of(document, view)
    lines = checked(text, "the text", document.file).strip().splitlines() or [""]
    width = 2 * round(max(len(line) for line in lines) * _LETTER / 2 + 5)
    height = 2 * round(len(lines) * _LINE / 2 + 3)
    values = {"x": x - width / 2, "y": y - height / 2, "width": width, "height": height}
    attributes = {name: coordinate(value) for name, value in values.items()}
    return draw(drawing.source, drawing.node, New("text_box", attributes, text.strip()))


def add_view(document: Document, name: str) -> list[Edit]:
    """``<view>`` behind the last of the root model."""
    source = source_of(document)
    if not source.models:
        raise DocumentError("the file has no <model>", file=document.file)
    model = next((node for key, node in source.models if not key), source.models[0][1])
    attributes = {"type": "stock_flow", "name": checked(name, "the name of the view", document.file)}
    return add_view_to(source, model, New("view", attributes))


def rename_view(document: Document, view: int, name: str) -> list[Edit]:
    """The name of a ``<view>``; the standard has none, so that it is an attribute of its own."""
    old = document.views[view_number(document, view)]
    source = source_of(document)
    node = source.xml.at(old.spans["whole"].start)
    if node.tag != "view":
        raise UsageError("this view of the oldest dialect has no name", file=document.file, line=old.line)
    attribute = source.xml.attribute_name(node, "name")
    return source.xml.set_attributes(node, {attribute: checked(name, "the name of the view", document.file)})


def add_view_to(source: Source, model: Node, view: New) -> list[Edit]:
    holder = last(model.all("views"))
    if holder is not None:
        return source.xml.last_in(holder, view, like=("view",))
    new = New("views", inside=(view,))
    variables = last(model.all("variables"))
    return source.xml.after(variables, new) if variables is not None else source.xml.last_in(model, new)


# removal


def remove(document: Document, name: str) -> list[Edit]:
    """A variable with its drawings, connectors and aliases, and where stocks and groups name it."""
    source = source_of(document)
    entry = document.entry(name)
    key, model = canonical(entry.name), canonical(entry.model)
    gone = source.declared(entry)
    inside = set(map(id, gone))
    for node in declarations(source.model(entry.model)):
        if node.tag == "stock" and id(node) not in inside:
            gone += [*flows_of(node, "inflow", key), *flows_of(node, "outflow", key)]
    gone += _mentions(source.model(entry.model), key)
    for number, view in enumerate(document.views):
        if canonical(view.model) == model and view.kind != "interface":
            shows = [
                one for one in view.elements if one.variable is not None and canonical(one.variable) == key
            ]
            gone += [node for node in _drawings(Drawing(source, number), shows) if not _within(node, gone)]
    return source.xml.removed(gone)


def _within(node: Node, others: list[Node]) -> bool:
    """Whether an element goes with another: the drawing inside a variable of the oldest dialect."""
    return any(one.start <= node.start and node.stop <= one.stop for one in others)


def _mentions(model: Node, key: str) -> list[Node]:
    """A variable's place in groups, and what a vendor notes about it beside the variables."""
    found: list[Node] = []
    for holder in (model, *model.all("variables")):
        for group in holder.all("group"):
            found += [
                node for node in group.all("entity") if canonical(node.attributes.get("name", "")) == key
            ]
            found += [node for node in group.all("var") if canonical(node.text) == key]
        for noted in (child for child in holder.children if child.tag.rpartition(":")[2] == "dependencies"):
            for node in noted.children:
                if canonical(node.attributes.get("name", "")) == key:
                    found.append(node)
                else:
                    found += [one for one in node.all("in") if canonical(one.text) == key]
    return found


def remove_element(document: Document, id: str) -> list[Edit]:
    """One drawing and the connectors that touch it."""
    number, one = element_called(document, id, 0)
    drawing = Drawing(source_of(document), number)
    if one.kind == "cloud":
        raise cannot(document, one, "is the end of a flow", "attach the flow to a stock")
    return drawing.source.xml.removed(_drawings(drawing, [one]))


def _drawings(drawing: Drawing, elements: list[Element]) -> list[Node]:
    """Elements of a view, and the connectors that touch them."""
    ids = {one.id for one in elements}
    touching = [
        one
        for one in drawing.view.elements
        if one.kind == "connector" and one.id not in ids and {one.source, one.target} & ids
    ]
    return [drawing.source.drawn(one) for one in (*elements, *touching)]
