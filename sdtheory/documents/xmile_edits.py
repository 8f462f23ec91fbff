"""Edits of XMILE files: what variables say, and the settings of a run. Those of views stand in other modules."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sdtheory.documents.drafting import block_of
from sdtheory.documents.edits import as_text
from sdtheory.documents.index import Entry
from sdtheory.documents.splice import Edit
from sdtheory.documents.xmile_additions import (
    add_alias,
    add_auxiliary,
    add_flow,
    add_stock,
    add_text,
    add_view,
    draw_variable,
    remove,
    remove_element,
    rename_view,
)
from sdtheory.documents.xmile_links import connect, disconnect, match_links
from sdtheory.documents.xmile_parts import extract, insert, strip
from sdtheory.documents.xmile_rename import rename
from sdtheory.documents.xmile_source import Source, entry_called, source_of
from sdtheory.documents.xmile_view_edits import attach, move, reshape
from sdtheory.documents.xml_tree import Node
from sdtheory.documents.xml_writing import New, checked, escaped_prose, last
from sdtheory.errors import DocumentError, UsageError, shown
from sdtheory.names import canonical, unknown

if TYPE_CHECKING:
    from sdtheory.documents.document import Document

__all__ = [
    "add_alias",
    "add_auxiliary",
    "add_flow",
    "add_stock",
    "add_text",
    "add_view",
    "attach",
    "connect",
    "disconnect",
    "draw_variable",
    "extract",
    "insert",
    "match_links",
    "move",
    "remove",
    "remove_element",
    "rename",
    "rename_view",
    "reshape",
    "set_documentation",
    "set_equation",
    "set_initial",
    "set_lookup",
    "set_simulation",
    "set_units",
    "strip",
]

_NUMBER = r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
_RANGE = re.compile(rf"\[\s*({_NUMBER}|\?)?\s*,\s*({_NUMBER}|\?)?\s*(?:,\s*(?:{_NUMBER}|\?)?\s*)?\]\s*\Z")
_RECIPROCAL = re.compile(r"1(?:\.0*)?\s*/\s*([0-9]+)(?:\.0*)?")
_SETTINGS = {"start": "start", "stop": "stop", "time_step": "dt"}
_ISEE = "http://iseesystems.com/XMILE"
_METHODS = {"euler": "Euler", "rk4": "RK4"}


# what a variable says


def set_equation(document: Document, name: str, text: str, subscripts: str | None) -> list[Edit]:
    """The ``<eqn>`` of a variable, of a stock its initial value."""
    entry = document.entry(name)
    if entry.kind == "module":
        raise UsageError(f"the module '{shown(entry.name)}' has no equation", file=document.file)
    source = source_of(document)
    holder, place = _holder(source, entry, subscripts)
    return _set_equation(source, holder, "eqn", checked(text, "the equation", document.file), place)


def _set_equation(source: Source, holder: Node, tag: str, text: str, place: int = 0) -> list[Edit]:
    if holder.tag == "gf":
        raise UsageError(
            f"'{shown(holder.attributes.get('name', ''))}' is a lookup without an equation",
            file=source.file,
            remedy="use set_lookup",
        )
    equations = list(holder.all(tag))
    if place < len(equations):
        same = text.strip() == equations[place].text.strip()  # whatever else stands in the element
        return [] if same else source.xml.set_text(equations[place], text)
    return source.xml.first_in(holder, New(tag, inside=text.strip())) if text.strip() else []


def _holder(source: Source, entry: Entry, subscripts: str | None) -> tuple[Node, int]:
    """The element that has an equation, and which of its ``<eqn>`` it is."""
    document = source.document
    node = source.declared(entry)[0]
    equations = list(node.all("eqn"))
    if len(equations) < 2 or not entry.dimensions:
        if subscripts is None and len(entry.blocks) > 1 and not entry.blocks[0].subscripts:
            return node, 0  # the equation of the array as a whole, beside those of elements
        block = block_of(document, entry, subscripts)
        return source.xml.at(block.spans["whole"].start), 0
    # one <eqn> for each element of the array, in the order of the elements
    axes = [document.dimensions[name].elements for name in entry.dimensions if name in document.dimensions]
    keys = [tuple(map(canonical, cell)) for cell in itertools.product(*axes)][: len(equations)]
    if subscripts is None:
        raise UsageError(
            f"'{shown(entry.name)}' has {len(equations)} equations",
            file=document.file,
            line=entry.line,
            remedy=f"pass subscripts=, such as '{', '.join(keys[0]) if keys else ''}'",
        )
    wanted = tuple(canonical(part) for part in subscripts.split(","))
    if wanted not in keys:
        raise unknown("subscripts", subscripts, [", ".join(key) for key in keys], file=document.file)
    return node, keys.index(wanted)


def set_initial(document: Document, name: str, text: str, subscripts: str | None) -> list[Edit]:
    """The ``<eqn>`` of a stock; the ``<init_eqn>`` of a variable that has one."""
    entry = document.entry(name)
    source = source_of(document)
    checked(text, "the initial value", document.file)
    if any("initial" in block.spans for block in entry.blocks):
        return _set_equation(source, _holder(source, entry, subscripts)[0], "init_eqn", text)
    entry_called(document, name, ("stock",), "stock")
    holder, place = _holder(source, entry, subscripts)
    return _set_equation(source, holder, "eqn", text, place)


def set_units(document: Document, name: str, units: str) -> list[Edit]:
    """``<units>``, and ``<range>`` when the text ends in one."""
    source = source_of(document)
    node = source.declared(document.entry(name))[0]
    checked(units, "the text of the units", document.file)
    limits = _RANGE.search(units)
    edits = _set_child(source, node, "units", units[: limits.start()] if limits else units)
    if not limits:
        return edits
    ends = {
        end: None if value in (None, "?") else value
        for end, value in zip(("min", "max"), limits.groups(), strict=True)
    }
    old = node.first("range")
    if old is not None:
        return edits + source.xml.set_attributes(old, ends)
    new = New("range", {end: value for end, value in ends.items() if value is not None})
    anchor = node.first("units") or _last_equation(node)
    if anchor is None:
        return (
            edits + source.xml.first_in(node, new) if not edits else _both(source, node, units, limits, new)
        )
    return edits + source.xml.after(anchor, new)


def _both(source: Source, node: Node, units: str, limits: re.Match[str], new: New) -> list[Edit]:
    """Units and range of a variable that has nothing yet."""
    return source.xml.first_in(node, New("units", inside=units[: limits.start()].strip()), new)


def set_documentation(document: Document, name: str, text: str) -> list[Edit]:
    """``<doc>``; a backslash that would be read as an escape is doubled."""
    source = source_of(document)
    node = source.declared(document.entry(name))[0]
    checked(text, "the documentation", document.file)
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if text == document.entry(name).documentation:
        return []
    old = node.first("doc")
    old_text = old.text.strip() if old is not None else ""
    if "\\n" in old_text and "\n" not in old_text:
        text = text.replace("\\", "\\\\").replace("\n", "\\n")
    else:
        text = escaped_prose(text)
    return _set_child(source, node, "doc", text)


def _set_child(source: Source, node: Node, tag: str, text: str) -> list[Edit]:
    """The text of a child; a missing one comes behind the equation."""
    child = node.first(tag)
    if child is not None:
        return source.xml.set_text(child, text)
    if not text.strip():
        return []
    anchor = _last_equation(node)
    new = New(tag, inside=text.strip())
    return source.xml.first_in(node, new) if anchor is None else source.xml.after(anchor, new)


def _last_equation(node: Node) -> Node | None:
    return last([*node.all("element"), *node.all("eqn")])


# points


def set_lookup(
    document: Document,
    name: str,
    x: Sequence[float],
    y: Sequence[float],
    subscripts: str | None,
    looks: Mapping[str, Any],
) -> list[Edit]:
    """``<ypts>``, and ``<xpts>`` or ``<xscale>``; evenly spaced points keep ``<xscale>``."""
    entry = document.entry(name)
    source = source_of(document)
    holder = source.declared(entry)[0]
    if entry.kind != "module" and (subscripts is not None or any(block.subscripts for block in entry.blocks)):
        holder, _ = _holder(source, entry, subscripts)
    graph = holder if holder.tag == "gf" else holder.first("gf")
    if graph is None:
        names = [one.name for one in document.variables.values() if one.lookup]
        raise UsageError(
            f"'{shown(entry.name)}' has no graphical function",
            file=document.file,
            line=entry.line,
            remedy=unknown("lookup", name, names).remedy,
        )
    if not all(map(math.isfinite, (*x, *y))):
        raise DocumentError(f"'{shown(entry.name)}': a point is not a finite number", file=document.file)
    xml = source.xml
    ypts, xpts, xscale = (graph.first(tag) for tag in ("ypts", "xpts", "xscale"))
    edits = _graph_kind(source, graph, looks)
    new: list[New] = []
    if "xscale" in looks and xpts is None:
        raise UsageError(
            f"'{shown(entry.name)}' has evenly spaced points, which its xscale gives", file=document.file
        )
    if xpts is not None:
        edits += xml.set_text(xpts, _points(xpts, x))
        edits += _scale(source, graph, "xscale", xpts, x, looks)
    elif xscale is not None and _even(x):
        edits += _scaled(source, xscale, min(x), max(x))
    else:
        if xscale is not None:
            edits += xml.removed([xscale])
        new.append(New("xpts", inside=",".join(map(as_text, x))))
    if ypts is not None:
        edits += xml.set_text(ypts, _points(ypts, y))
    else:
        new.append(New("ypts", inside=",".join(map(as_text, y))))
    edits += _scale(source, graph, "yscale", ypts, y, looks)
    if new:
        edits += xml.after(ypts, *new) if ypts is not None else xml.first_in(graph, *new)
    return edits


def _graph_kind(source: Source, graph: Node, looks: Mapping[str, Any]) -> list[Edit]:
    """The ``type`` of a graphical function; one that was left to the default stays so."""
    kind = looks.get("kind")
    if kind not in (None, "continuous", "extrapolate", "discrete"):
        raise UsageError(f"kind='{shown(kind)}'", remedy="use 'continuous', 'extrapolate' or 'discrete'")
    old = graph.attributes.get("type", "").strip().lower() or "continuous"
    return source.xml.set_attributes(graph, {"type": kind}) if kind not in (None, old) else []


def _scale(
    source: Source,
    graph: Node,
    tag: str,
    points: Node | None,
    values: Sequence[float],
    looks: Mapping[str, Any],
) -> list[Edit]:
    """The range that is asked for, else the old one, widened by points that leave it."""
    scale = graph.first(tag)
    if tag not in looks:
        return _widened(source, scale, points, values)
    low, high = looks[tag]
    if scale is not None:
        return _scaled(source, scale, low, high)
    new = New(tag, {"min": as_text(low), "max": as_text(high)})
    return source.xml.first_in(graph, new)


def _points(node: Node, values: Sequence[float]) -> str:
    """Numbers as a text with the separator of the old ones; one that stays keeps its spelling."""
    separator = node.attributes.get("sep") or ","
    old = _pieces(node)
    known: dict[float, str] = {}
    for text in old:
        try:
            known.setdefault(float(text), text)
        except ValueError:
            continue
    space = " " if separator.strip() and separator + " " in node.text else ""
    texts = []
    for place, value in enumerate(values):
        same = place < len(old) and old[place] in known.values() and float(old[place]) == value
        texts.append(old[place] if same else known.get(value, as_text(value)))
    return (separator + space).join(texts)


def _even(x: Sequence[float]) -> bool:
    step = (x[-1] - x[0]) / (len(x) - 1)
    return all(abs(x[0] + step * place - value) <= 1e-12 * (x[-1] - x[0]) for place, value in enumerate(x))


def _scaled(source: Source, scale: Node, low: float, high: float) -> list[Edit]:
    """A scale with these ends; an end that stays keeps its text."""
    ends: dict[str, str | None] = {}
    for end, value in (("min", low), ("max", high)):
        text = scale.attributes.get(end, "")
        ends[end] = text if _number(text) == value else as_text(value)
    return source.xml.set_attributes(scale, ends)


def _pieces(node: Node) -> list[str]:
    return [part.strip() for part in node.text.split(node.attributes.get("sep") or ",") if part.strip()]


def _widened(source: Source, scale: Node | None, points: Node | None, values: Sequence[float]) -> list[Edit]:
    """A display range is kept unless points leave it, farther than the old ones did."""
    if scale is None:
        return []
    low, high = (_number(scale.attributes.get(end, "")) for end in ("min", "max"))
    if low is None or high is None:
        return []
    numbers = map(_number, _pieces(points) if points is not None else ())
    old = [value for value in numbers if value is not None]
    if low == high or (min(values) >= min([low, *old]) and max(values) <= max([high, *old])):
        return []
    return _scaled(source, scale, min(low, *values), max(high, *values))


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


# the run


def set_simulation(document: Document, texts: Mapping[str, str], method: str | None) -> list[Edit]:
    """``<sim_specs>``: numbers that do not change keep their text."""
    source = source_of(document)
    for word, text in texts.items():
        if _number(_decimal(text)) is None:
            raise UsageError(f"{word}='{shown(text)}' is not a number", file=document.file)
    root = source.xml.root
    holders = [root, *(model for _, model in source.models)]
    specs = next((found for holder in holders if (found := holder.first("sim_specs")) is not None), None)
    if specs is None:
        return _new_specs(source, texts, method)
    edits: list[Edit] = []
    for word, tag in _SETTINGS.items():
        if word in texts:
            edits += _set_setting(source, specs, tag, texts[word])
    attributes: dict[str, str | None] = {}
    if method is not None and specs.attributes.get("method", "euler").strip().lower() != method:
        attributes["method"] = _METHODS[method]
    if "save_every" in texts:
        name = source.xml.attribute_name(specs, "save_interval")
        if name not in specs.attributes:
            name, declaring = _isee(source)
            edits += declaring
        if _number(specs.attributes.get(name, "")) != float(_decimal(texts["save_every"])):
            attributes[name] = _decimal(texts["save_every"])
    return edits + source.xml.set_attributes(specs, attributes)


def _decimal(text: str) -> str:
    """``1/n`` as a decimal number."""
    found = _RECIPROCAL.fullmatch(text.strip())
    return as_text(1 / int(found.group(1))) if found and int(found.group(1)) else text.strip()


def _set_setting(source: Source, specs: Node, tag: str, text: str) -> list[Edit]:
    child = specs.first(tag)
    decimal = _decimal(text)
    if child is None:
        before = [node for node in specs.children if node.tag in tuple(_SETTINGS.values())]
        order = tuple(_SETTINGS.values())
        before = [node for node in before if order.index(node.tag) < order.index(tag)]
        new = New(tag, inside=decimal)
        return source.xml.after(before[-1], new) if before else source.xml.first_in(specs, new)
    value = float(decimal)
    if tag == "dt" and child.get("reciprocal").strip().lower() == "true":
        steps = round(1 / value) if value else 0
        if steps and 1 / steps == value:
            return [] if _number(child.text) == steps else source.xml.set_text(child, str(steps))
        name = source.xml.attribute_name(child, "reciprocal")
        return source.xml.set_attributes(child, {name: None}) + source.xml.set_text(child, decimal)
    return [] if _number(child.text) == value else source.xml.set_text(child, decimal)


def _isee(source: Source) -> tuple[str, list[Edit]]:
    """The vendor's attribute for the save interval, and its declaration where the file has none."""
    root = source.xml.root
    for name, value in root.attributes.items():
        if value == _ISEE and name.startswith("xmlns:"):
            return name.removeprefix("xmlns:") + ":save_interval", []
    return "isee:save_interval", source.xml.set_attributes(root, {"xmlns:isee": _ISEE})


def _new_specs(source: Source, texts: Mapping[str, str], method: str | None) -> list[Edit]:
    edits: list[Edit] = []
    attributes = {"method": _METHODS[method]} if method else {}
    if "save_every" in texts:
        name, edits = _isee(source)
        attributes[name] = _decimal(texts["save_every"])
    inside = tuple(New(tag, inside=_decimal(texts[word])) for word, tag in _SETTINGS.items() if word in texts)
    new = New("sim_specs", attributes, inside)
    header = source.xml.root.first("header")
    if header is not None:
        return edits + source.xml.after(header, new)
    return edits + source.xml.first_in(source.xml.root, new)
