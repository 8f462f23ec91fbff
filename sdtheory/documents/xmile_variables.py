"""XMILE variables (XMILE 1.0, chapter 4): stocks, flows, auxiliaries and lookups become entries."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sdtheory.documents.index import Block, Entry, Lookup
from sdtheory.documents.lexer import is_constant, spelled
from sdtheory.documents.remembered import Memory, Parts, moved, parts_of
from sdtheory.documents.text import Span, Spans, Text
from sdtheory.documents.xml_tree import Node, attribute_spans, text_span
from sdtheory.errors import DocumentError, Issue, LimitError, shown
from sdtheory.limits import Limits, beyond

# children of a variable that are indexed, or that change nothing but its looks
_UNDERSTOOD = frozenset(
    {
        *(
            "eqn",
            "init_eqn",
            "units",
            "doc",
            "inflow",
            "outflow",
            "non_negative",
            "gf",
            "dimensions",
            "element",
        ),
        *("range", "scale", "format", "display", "label", "connect", "connect2", "event_poster", "delay_aux"),
    }
)


@dataclass
class File:
    """What every step of reading needs."""

    decoded: Text
    name: str
    limits: Limits
    notes: list[Issue] = field(default_factory=list)
    prefix: str = ""
    remembers: bool = True  # not where a repair has changed what the bytes alone say

    def place(self, position: int) -> tuple[int, int]:
        return self.decoded.place(self.decoded.character(position))

    def note(self, severity: str, code: str, message: str, node: Node, variable: str | None = None) -> None:
        line, column = self.place(node.start)
        self.notes.append(Issue(severity, code, message, variable, line, column))

    def too_much(self, node: Node, what: str, limit: int, name: str) -> LimitError:
        line, column = self.place(node.start)
        return beyond(what, limit, name, self.name, line, column)


def is_on(switch: Node) -> bool:
    return switch.text.strip().lower() != "false"


@dataclass(frozen=True)
class _Known:
    """An entry that was read before; places count from the first character of its element."""

    entry: Entry
    place: int
    blocks: tuple[tuple[Block, int, Parts], ...]

    def at(self, decoded: Text, base: int, model: str) -> Entry:
        """The same entry where it stands now."""
        line, column = decoded.place(base + self.place)
        blocks = []
        for block, place, parts in self.blocks:
            where = decoded.place(base + place)
            spans = Spans(decoded, base, parts)
            blocks.append(moved(block, line=where[0], column=where[1], spans=spans))
        return moved(self.entry, line=line, column=column, blocks=tuple(blocks), model=model)


_MEMORY: Memory[_Known] = Memory(most=4096)
_LONGEST = 2000  # characters of an element that is remembered


def entry_of(reading: File, node: Node, model: str, non_negative: frozenset[str]) -> Entry | None:
    """The entry of one variable, or None when it has no name."""
    decoded = reading.decoded
    base = decoded.character(node.start)
    raw = decoded.text[base : decoded.character(node.stop)]
    if not reading.remembers or len(raw) > _LONGEST:
        return _entry_of(reading, node, model, non_negative)
    key = (raw, node.tag in non_negative, reading.prefix, decoded.encoding, reading.limits.equation_bytes)
    known = _MEMORY.get(key)
    if known is not None:
        return known.at(decoded, base, model)
    notes = len(reading.notes)
    entry = _entry_of(reading, node, model, non_negative)
    if entry is not None and len(reading.notes) == notes:
        starts = decoded.line_starts
        blocks = tuple(
            (block, starts[block.line - 1] + block.column - 1 - base, parts_of(decoded, base, block.spans))
            for block in entry.blocks
        )
        bare = moved(entry, blocks=())
        kept = tuple((moved(block, spans={}), place, parts) for block, place, parts in blocks)
        _MEMORY.keep(key, _Known(bare, starts[entry.line - 1] + entry.column - 1 - base, kept))
    return entry


def _entry_of(reading: File, node: Node, model: str, non_negative: frozenset[str]) -> Entry | None:
    raw = node.attributes.get("name")
    if raw is None or not raw.strip():
        if node.tag != "gf":
            reading.note(
                "warning", "not-understood", f"a <{node.tag}> without a name is kept, but not read", node
            )
        return None
    for child in node.children:
        if child.tag in ("stock", "flow", "aux"):
            line, column = reading.place(child.start)
            message = f"<{child.tag}> inside <{node.tag}> '{shown(raw)}'"
            raise DocumentError(
                message, file=reading.name, line=line, column=column, remedy=f"close <{node.tag}> before it"
            )
    name_span = attribute_spans(reading.decoded, node).get("name", Span(node.start, node.tag_stop))
    name = spelled(raw, "xmile")
    line, column = reading.place(name_span.start)
    blocks = tuple(_blocks(reading, node, name_span)) if node.tag != "module" else ()
    switch = node.first("non_negative")
    options = {
        child.tag: None for child in node.children if child.tag not in _UNDERSTOOD and ":" not in child.tag
    }
    dimensions = node.first("dimensions")
    return Entry(
        name=name,
        kind=_kind(node, blocks),
        units=text_of(node, "units"),
        documentation=prose(node.first("doc")),
        limits=_limits(node.first("range")),
        blocks=blocks,
        group="",
        line=line,
        column=column,
        inflows=names_of(node, "inflow"),
        outflows=names_of(node, "outflow"),
        non_negative=is_on(switch) if switch is not None else node.tag in non_negative,
        model=model,
        dimensions=tuple(dim.attributes.get("name", "") for dim in dimensions.all("dim"))
        if dimensions
        else (),
        access=node.attributes.get("access", ""),
        options=tuple(options),
    )


def text_of(node: Node, tag: str) -> str:
    child = node.first(tag)
    return " ".join(child.text.split()) if child else ""


def names_of(node: Node, tag: str) -> tuple[str, ...]:
    return tuple(spelled(child.text, "xmile") for child in node.all(tag) if child.text.strip())


def prose(doc: Node | None) -> str:
    r"""Documentation; the pairs ``\n``, ``\t`` and ``\\`` are what they stand for (XMILE 1.0, 4.1)."""
    if doc is None:
        return ""
    text = doc.everything().replace("\r\n", "\n")
    if "\\" in text:
        parts = [part.replace("\\n", "\n").replace("\\t", "\t") for part in text.split("\\\\")]
        text = "\\".join(parts)
    return text.strip()


def _limits(node: Node | None) -> tuple[float | None, float | None] | None:
    if node is None:
        return None
    low, high = _float(node.attributes.get("min")), _float(node.attributes.get("max"))
    return None if low is None and high is None else (low, high)


def _float(text: str | None) -> float | None:
    try:
        value = float(text) if text else None
    except ValueError:
        return None
    return value if value is None or math.isfinite(value) else None


def _kind(node: Node, blocks: tuple[Block, ...]) -> str:
    if node.tag in ("stock", "flow", "module"):
        return node.tag
    equations = [block.equation for block in blocks]
    if any(block.lookup for block in blocks):
        return "auxiliary" if any(equations) else "lookup"
    if node.tag == "gf":
        return "lookup"
    constant = equations and all(is_constant(equation, "xmile") for equation in equations)
    return "constant" if constant else "auxiliary"


def _blocks(reading: File, node: Node, name: Span) -> Iterator[Block]:
    """The equation of the variable, or those of its array elements."""
    elements = list(node.all("element"))
    own = node if node.tag == "gf" else node.first("eqn") or node.first("gf") or node.first("init_eqn")
    shared = {"name": name}
    for tag, label in (("units", "units"), ("doc", "documentation")):
        child = node.first(tag)
        if child:
            shared[label] = text_span(reading.decoded, child)
    for tag, label in (("range", "limits"), ("dimensions", "dimensions")):
        child = node.first(tag)
        if child:
            shared[label] = Span(child.start, child.stop)
    if own is not None or not elements:
        # some programs write one <eqn> for each element of an array, in the order of the elements
        equations: list[Node | None] = [*node.all("eqn")] or [None]
        if len(equations) > 1 and node.first("dimensions") is None:
            reading.note("warning", "second-equation", f"{len(equations)} equations for one variable", node)
        parts = _parts(reading, node, shared)
        for equation in equations:
            yield _block(reading, parts, equation, "")
    for element in elements:
        subscript = element.attributes.get("subscript", "")
        spans = dict(shared)
        if "subscript" in element.attributes:
            spans["subscripts"] = attribute_spans(reading.decoded, element).get("subscript", name)
        yield _block(reading, _parts(reading, element, spans), element.first("eqn"), subscript)


@dataclass(frozen=True)
class _Parts:
    """What all equations of a variable, or of one of its elements, have in common."""

    spans: Mapping[str, Span]
    lookup: Lookup | None
    initial: str


def _parts(reading: File, node: Node, shared: Mapping[str, Span]) -> _Parts:
    spans = dict(shared) | {"whole": Span(node.start, node.stop)}
    initial = node.first("init_eqn")
    if initial:
        spans["initial"] = text_span(reading.decoded, initial)
    graph = node if node.tag == "gf" else node.first("gf")
    for tag in ("xpts", "ypts", "xscale", "yscale"):
        child = graph.first(tag) if graph else None
        if child:
            scale = tag.endswith("scale")
            spans[tag] = Span(child.start, child.stop) if scale else text_span(reading.decoded, child)
    lookup = _lookup(reading, graph) if graph else None
    return _Parts(spans, lookup, initial.text.strip() if initial else "")


def _block(reading: File, parts: _Parts, equation: Node | None, subscripts: str) -> Block:
    spans = dict(parts.spans)
    if equation:
        if equation.inner_stop - equation.tag_stop > reading.limits.equation_bytes:
            limit = reading.limits.equation_bytes
            raise reading.too_much(equation, "an equation with more bytes", limit, "equation_bytes")
        spans["equation"] = text_span(reading.decoded, equation)
    place = spans["equation"] if equation and equation.text.strip() else spans["name"]
    line, column = reading.place(place.start)
    return Block(
        subscripts=subscripts,
        exceptions=(),
        operator="=" if equation else "",
        equation=equation.text.strip() if equation else "",
        line=line,
        column=column,
        spans=spans,
        lookup=parts.lookup,
        initial=parts.initial,
    )


def _lookup(reading: File, node: Node) -> Lookup | None:
    """Points of a graphical function (XMILE 1.0, 4.1.3)."""
    x, y = (_numbers(node.first(tag)) for tag in ("xpts", "ypts"))
    xscale, yscale = (_scale(node.first(tag)) for tag in ("xscale", "yscale"))
    if y and not x and xscale:
        low, high = xscale
        steps = max(len(y) - 1, 1)
        x = tuple(low + (high - low) * step / steps for step in range(len(y)))
    if not x or not y or len(x) != len(y):
        reading.note(
            "warning", "lookup", "the points of this <gf> are not numbers, or not as many x as y", node
        )
        return None
    kind = node.attributes.get("type", "continuous").strip().lower() or "continuous"
    return Lookup(x, y, kind, xscale, yscale)


def _numbers(node: Node | None) -> tuple[float, ...] | None:
    if node is None:
        return None
    separator = node.attributes.get("sep") or ","
    try:
        return tuple(float(part) for part in node.text.split(separator) if part.strip())
    except ValueError:
        return None


def _scale(node: Node | None) -> tuple[float, float] | None:
    limits = _limits(node)
    return None if limits is None or limits[0] is None or limits[1] is None else (limits[0], limits[1])
