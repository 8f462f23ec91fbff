"""Operations on what is drawn: move, reshape, link, attach, remove, add."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from sdtheory.documents.view import Element, Point
from sdtheory.editor.editing import Editing, called
from sdtheory.editor.state import Refused
from sdtheory.errors import shown
from sdtheory.names import canonical

Done = tuple[Editing, str]  # what came of it, and the name of the step
_LOOKS = {  # a step that changes one of these alone is called after it
    "polarity": "Sign of", "delay": "Delay mark of", "line_style": "Line of", "colour": "Colour of",
    "label_side": "Side of the name of",
}  # fmt: skip
_ONLY_DRAWN = ("alias", "connector", "cloud", "text", "group", "other")


def move(editing: Editing, arguments: Mapping[str, Any]) -> Done:
    """Elements moved to new centres."""
    places = arguments["elements"]
    name = called(editing, [place["id"] for place in places], "Move")
    own = [(editing.own(place["id"]), float(place["x"]), float(place["y"])) for place in places]
    return editing.after(editing.document.move_all(own, editing.view), same=True), name


def reshape(editing: Editing, arguments: Mapping[str, Any]) -> Done:
    """Another look of one element."""
    id = arguments["id"]
    given = {word: value for word, value in arguments.items() if word not in ("id", "control")}
    if "control" in arguments:
        given["points"] = [] if arguments["control"] is None else [arguments["control"]]
    verb = _LOOKS.get(next(iter(given), ""), "Reshape") if len(given) == 1 else "Reshape"
    name = _called_link(editing, id, verb)
    return editing.after(editing.document.reshape(editing.own(id), view=editing.view, **given)), name


def _called_link(editing: Editing, id: str, verb: str) -> str:
    """The name of a step on one element; a link is called by its ends."""
    element = editing.element(id)
    if element.kind != "connector":
        return called(editing, [id], verb)
    by_id = {one.id: one for one in editing.view_of(id).elements}
    ends = (by_id.get(end or "") for end in (element.source, element.target))
    source, target = (shown((end.variable or end.kind) if end else "nothing", 40) for end in ends)
    return f"{verb} link {source} to {target}"


def attach(editing: Editing, arguments: Mapping[str, Any]) -> Done:
    """An end of a flow put on a stock, or on a cloud at a point."""
    id, end, to = arguments["id"], arguments["end"], arguments["to"]
    if editing.element(id).kind != "flow":
        raise Refused(f"element '{shown(id)}' is no flow", code="element", field="id")
    flow = editing.variable(id)
    stock = None if to is None else editing.variable(to)
    name = called(editing, [id], "Attach")
    editing = editing.after(editing.document.attach(flow, end, stock))
    if stock is None and "point" in arguments:
        editing = _cloud_to(editing, editing.element(id), end, arguments["point"])
    return editing, name


def add_flow(editing: Editing, arguments: Mapping[str, Any]) -> Done:
    """A flow along a pipe, from a stock or a cloud to a stock or a cloud."""
    points = [(float(x), float(y)) for x, y in arguments["points"]]
    if len(points) < 2:
        raise Refused("a pipe needs two points or more", code="arguments", field="points")
    source, target = (
        None if id is None else editing.variable(id) for id in (arguments["source"], arguments["target"])
    )
    name, equation = arguments["name"], arguments.get("equation", "0")
    words = {word: arguments[word] for word in ("units", "documentation") if word in arguments}
    x, y = _middle(points)
    document = editing.document.add_flow(name, equation, source, target, x=x, y=y, view=editing.view, **words)
    editing = editing.after(document)
    for end, at, stock in (("source", 0, source), ("target", -1, target)):
        if stock is None:
            editing = _cloud_to(editing, _flow(editing, name), end, points[at])
    if len(points) > 2:
        own = _flow(editing, name).id
        editing = editing.after(editing.document.reshape(own, points=points, view=editing.view))
    return editing, f"Add flow {shown(name, 60)}"


def _middle(points: list[Point]) -> Point:
    """The middle of the longest piece."""
    a, b = max(itertools.pairwise(points), key=lambda piece: math.dist(*piece))
    return (a[0] + b[0]) / 2, (a[1] + b[1]) / 2


def _flow(editing: Editing, name: str) -> Element:
    """The flow that was just added to the view."""
    key = canonical(name)
    elements = editing.document.views[editing.view].elements
    return next(one for one in elements if one.kind == "flow" and canonical(one.variable or "") == key)


def _cloud_to(editing: Editing, flow: Element, end: str, point: Sequence[float]) -> Editing:
    """The cloud at an end of a flow moved to a point."""
    at = getattr(flow, end)
    elements = (one for view in editing.document.views for one in view.elements)
    cloud = next((one for one in elements if one.id == at), None)
    if cloud is None or cloud.kind != "cloud":
        return editing
    return editing.after(editing.document.move(cloud.id, float(point[0]), float(point[1]), editing.view))


def add_alias(editing: Editing, arguments: Mapping[str, Any]) -> Done:
    """A second drawing of a variable."""
    name, place = arguments["name"], (arguments["x"], arguments["y"])
    return editing.after(
        editing.document.add_alias(name, *place, editing.view)
    ), f"Add alias of {shown(name, 60)}"


def add_text(editing: Editing, arguments: Mapping[str, Any]) -> Done:
    """A text box."""
    document = editing.document.add_text(arguments["text"], arguments["x"], arguments["y"], editing.view)
    return editing.after(document), "Add text"


def add_view(editing: Editing, arguments: Mapping[str, Any]) -> Done:
    """A further view."""
    name = arguments["name"]
    return editing.after(editing.document.add_view(name)), f"Add view {shown(name, 60)}"


def rename_view(editing: Editing, arguments: Mapping[str, Any]) -> Done:
    """A view called otherwise."""
    index, name = arguments["index"], arguments["name"]
    return editing.after(editing.document.rename_view(index, name)), f"Rename view to {shown(name, 60)}"


def remove(editing: Editing, arguments: Mapping[str, Any]) -> Done:
    """Variables with all that is theirs; of what is only drawn, the drawing."""
    ids = arguments["ids"]
    name = called(editing, ids, "Remove")
    for id in ids:
        editing.own(id)
    for id in ids:
        if not editing.holds(id):
            continue  # went with another
        element = editing.element(id)
        if element.kind in _ONLY_DRAWN:
            editing = editing.after(editing.document.remove_element(element.id))
        else:
            editing = editing.after(editing.document.remove(editing.variable(id)))
    return editing, name


def remove_element(editing: Editing, arguments: Mapping[str, Any]) -> Done:
    """Drawings only; equations stay."""
    ids = arguments["ids"]
    name = called(editing, ids, "Remove drawing of")
    for id in ids:
        editing.own(id)
    for id in ids:
        if editing.holds(id):
            editing = editing.after(editing.document.remove_element(editing.own(id)))
    return editing, name


def connect(editing: Editing, arguments: Mapping[str, Any]) -> Done:
    """A link drawn; equations stay."""
    source, target = (editing.variable(arguments[word]) for word in ("source", "target"))
    document = editing.document.connect(source, target, arguments.get("polarity"), editing.view)
    return editing.after(document), f"Connect {shown(source, 40)} to {shown(target, 40)}"


def disconnect(editing: Editing, arguments: Mapping[str, Any]) -> Done:
    """A link taken away; equations stay."""
    id = arguments["id"]
    if editing.element(id).kind != "connector":
        raise Refused(f"element '{shown(id)}' is no link", code="element", field="id")
    return editing.after(editing.document.remove_element(editing.own(id))), "Remove link"
