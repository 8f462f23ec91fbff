"""XMILE ``.xmile``, ``.stmx``, ``.xml``: the elements of the file become an index of the document."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from sdtheory.documents.index import (
    Block,
    Connection,
    Dimension,
    Entry,
    Group,
    Index,
    Lookup,
    Macro,
    Module,
    Names,
    Simulation,
    UnitDefinition,
)
from sdtheory.documents.lexer import is_constant, spelled
from sdtheory.documents.limits import Limits, beyond
from sdtheory.documents.text import Span, Text, byte_order_mark
from sdtheory.documents.view import View
from sdtheory.documents.xmile_view import flow_ends, legacy_view, view_of
from sdtheory.documents.xml_tree import Node, attribute_spans, parse, text_span
from sdtheory.errors import DocumentError, Issue, LimitError, shown
from sdtheory.names import canonical

_NAMESPACES = ("http://docs.oasis-open.org/xmile/ns/XMILE/", "http://www.systemdynamics.org/XMILE")
_VARIABLES = frozenset({"stock", "flow", "aux", "module", "gf"})
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
class _File:
    """What every step of reading needs."""

    decoded: Text
    name: str
    limits: Limits
    notes: list[Issue] = field(default_factory=list)

    def place(self, position: int) -> tuple[int, int]:
        return self.decoded.place(self.decoded.character(position))

    def note(self, severity: str, code: str, message: str, node: Node, variable: str | None = None) -> None:
        line, column = self.place(node.start)
        self.notes.append(Issue(severity, code, message, variable, line, column))

    def too_much(self, node: Node, what: str, limit: int, name: str) -> LimitError:
        line, column = self.place(node.start)
        return beyond(what, limit, name, self.name, line, column)


def index(data: bytes, encoding: str, file: str, limits: Limits) -> Index:
    """Index an XMILE file.

    Raises
    ------
    DocumentError
        Not of the encoding, not well-formed, cut off, or not XMILE.
    LimitError
        Nested deeper, or more elements, than `limits` allows.
    """
    mark, length = byte_order_mark(data)
    reading = _File(Text(data, encoding, length if mark == encoding else 0, file), file, limits)
    tree = parse(reading.decoded, file, limits)
    root = tree.root
    reading.notes.extend(tree.notes)
    prefix, _, local = root.tag.rpartition(":")
    if local != "xmile":
        line, column = reading.place(root.start)
        message = f"the root element is <{shown(root.tag)}>, not <xmile>"
        raise DocumentError(message, file=file, line=line, column=column, remedy="this is not an XMILE model")
    if prefix:
        _drop_prefix(root, prefix + ":")
    namespace = root.attributes.get(f"xmlns:{prefix}" if prefix else "xmlns", "")
    if not namespace.startswith(_NAMESPACES):
        reading.note("note", "namespace", "the XMILE namespace is missing; read as XMILE 1.0", root)
    models = list(root.all("model"))
    names = _model_names(reading, models)
    variables: dict[str, Entry] = {}
    for model, name in zip(models, names, strict=True):
        _collect(reading, model, name, _non_negative_kinds(root, model), variables)
    entries = Names(variables)
    specs = root.first("sim_specs") or next(
        (m.first("sim_specs") for m in models if m.first("sim_specs")), None
    )
    header = root.first("header")
    title = header.first("name") if header else None
    return Index(
        text=reading.decoded.text,
        variables=entries,
        views=_views(reading, models, names, entries),
        simulation=_simulation(reading, specs),
        dimensions=_dimensions(reading, root),
        macros=_macros(reading, root),
        groups=tuple(_groups(reading, models, names)),
        modules=tuple(_modules(reading, models, names)),
        unit_definitions=_unit_definitions(reading, root),
        notes=tuple(reading.notes),
        name=title.text.strip() if title else "",
    )


def _drop_prefix(root: Node, prefix: str) -> None:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        node.tag = node.tag.removeprefix(prefix)
        waiting.extend(node.children)


def _model_names(reading: _File, models: list[Node]) -> list[str]:
    """Names of the models; the one without a name, else the first, is the root ""."""
    names = [spelled(model.attributes.get("name", ""), "xmile") for model in models]
    if names and "" not in names:
        names[0] = ""
    seen: set[str] = set()
    for model, name in zip(models, names, strict=True):
        if canonical(name) in seen:
            what = f"a second model '{shown(name)}'" if name else "a second model without a name"
            reading.note("error", "duplicate-name", what, model)
        seen.add(canonical(name))
    return names


def _declarations(model: Node) -> Iterator[Node]:
    """Variables of a model: inside ``<variables>``, or in the oldest files directly in the model."""
    for child in model.children:
        if child.tag == "variables":
            yield from (inner for inner in child.children if inner.tag in _VARIABLES)
        elif child.tag in _VARIABLES:
            yield child


def _non_negative_kinds(root: Node, model: Node) -> frozenset[str]:
    """Kinds that ``<behavior>`` makes non-negative in this model (XMILE 1.0, 2.7)."""
    found: dict[str, bool] = {}
    for owner in (root, model):
        for behavior in owner.all("behavior"):
            for scope in (behavior, *behavior.children):
                switch = scope.first("non_negative")
                if switch is not None:
                    kinds = (scope.tag,) if scope is not behavior else ("stock", "flow")
                    found |= dict.fromkeys(kinds, _is_on(switch))
    return frozenset(kind for kind, on in found.items() if on)


def _is_on(switch: Node) -> bool:
    return switch.text.strip().lower() != "false"


def _collect(
    reading: _File, model: Node, name: str, non_negative: frozenset[str], found: dict[str, Entry]
) -> None:
    scope = canonical(name) + "." if name else ""
    groups = {
        canonical(member): group.name
        for group in _groups(reading, [model], [name])
        for member in group.members
    }
    repeated: dict[str, list[Block]] = {}
    for node in _declarations(model):
        entry = _entry(reading, node, name, non_negative)
        if entry is None:
            continue
        if len(found) >= reading.limits.variables:
            raise reading.too_much(node, "more variables", reading.limits.variables, "variables")
        key = canonical(entry.name)
        entry = replace(entry, group=groups.get(key, ""))
        if scope + key in found:
            first = found[scope + key]
            reading.note(
                "error",
                "duplicate-name",
                f"'{shown(entry.name)}' is also declared in line {first.line}",
                node,
                entry.name,
            )
            repeated.setdefault(scope + key, []).extend(entry.blocks)
        else:
            found[scope + key] = entry
    for key, blocks in repeated.items():
        found[key] = replace(found[key], blocks=found[key].blocks + tuple(blocks))


def _entry(reading: _File, node: Node, model: str, non_negative: frozenset[str]) -> Entry | None:
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
        units=_text_of(node, "units"),
        documentation=_prose(node.first("doc")),
        limits=_limits(node.first("range")),
        blocks=blocks,
        group="",
        line=line,
        column=column,
        inflows=_names_of(node, "inflow"),
        outflows=_names_of(node, "outflow"),
        non_negative=_is_on(switch) if switch is not None else node.tag in non_negative,
        model=model,
        dimensions=tuple(dim.attributes.get("name", "") for dim in dimensions.all("dim"))
        if dimensions
        else (),
        access=node.attributes.get("access", ""),
        options=tuple(options),
    )


def _text_of(node: Node, tag: str) -> str:
    child = node.first(tag)
    return " ".join(child.text.split()) if child else ""


def _names_of(node: Node, tag: str) -> tuple[str, ...]:
    return tuple(spelled(child.text, "xmile") for child in node.all(tag) if child.text.strip())


def _prose(doc: Node | None) -> str:
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


def _blocks(reading: _File, node: Node, name: Span) -> Iterator[Block]:
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
        for equation in equations:
            yield _block(reading, node, equation, shared, "")
    for element in elements:
        subscript = element.attributes.get("subscript", "")
        spans = dict(shared)
        if "subscript" in element.attributes:
            spans["subscripts"] = attribute_spans(reading.decoded, element).get("subscript", name)
        yield _block(reading, element, element.first("eqn"), spans, subscript)


def _block(
    reading: _File, node: Node, equation: Node | None, shared: Mapping[str, Span], subscripts: str
) -> Block:
    spans = dict(shared) | {"whole": Span(node.start, node.stop)}
    initial = node.first("init_eqn")
    if equation:
        if equation.inner_stop - equation.tag_stop > reading.limits.equation_bytes:
            limit = reading.limits.equation_bytes
            raise reading.too_much(equation, "an equation with more bytes", limit, "equation_bytes")
        spans["equation"] = text_span(reading.decoded, equation)
    if initial:
        spans["initial"] = text_span(reading.decoded, initial)
    graph = node if node.tag == "gf" else node.first("gf")
    for tag in ("xpts", "ypts", "xscale", "yscale"):
        child = graph.first(tag) if graph else None
        if child:
            scale = tag.endswith("scale")
            spans[tag] = Span(child.start, child.stop) if scale else text_span(reading.decoded, child)
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
        lookup=_lookup(reading, graph) if graph else None,
        initial=initial.text.strip() if initial else "",
    )


def _lookup(reading: _File, node: Node) -> Lookup | None:
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


def _simulation(reading: _File, specs: Node | None) -> Simulation:
    if specs is None:
        return Simulation()
    attributes = attribute_spans(reading.decoded, specs)
    spans: dict[str, Span] = {}
    values: dict[str, str] = {}
    reciprocal = False
    for tag, label in (("start", "start"), ("stop", "stop"), ("dt", "time_step")):
        child = specs.first(tag)
        if child is None:
            continue
        values[label] = child.text.strip()
        spans[label] = text_span(reading.decoded, child)
        if tag == "dt" and child.get("reciprocal").strip().lower() == "true":
            reciprocal = True
            values[label] = f"1/{values[label]}"
    for name, span in attributes.items():
        label = {"save_interval": "save_every"}.get(name.rpartition(":")[2], name)
        if label in ("save_every", "method", "time_units"):
            spans[label] = span
    place = spans["method"].start if "method" in spans else specs.start
    return Simulation(
        reciprocal=reciprocal,
        save_every=specs.get("save_interval").strip() or None,
        method=specs.attributes.get("method", "").strip(),
        time_units=specs.attributes.get("time_units", "").strip(),
        spans=spans,
        line=reading.place(place)[0],
        start=values.get("start"),
        stop=values.get("stop"),
        time_step=values.get("time_step"),
    )


def _dimensions(reading: _File, root: Node) -> Names[Dimension]:
    found: dict[str, Dimension] = {}
    for dim in (dim for dimensions in root.all("dimensions") for dim in dimensions.all("dim")):
        name = spelled(dim.attributes.get("name", ""), "xmile")
        elements = tuple(spelled(elem.attributes.get("name", ""), "xmile") for elem in dim.all("elem"))
        digits = dim.attributes.get("size", "").strip()
        size = (
            int(digits) if digits.isdecimal() and len(digits) <= 18 else 10**18 if digits.isdecimal() else 0
        )
        attributes = attribute_spans(reading.decoded, dim)
        span = attributes.get("name", Span(dim.start, dim.tag_stop))
        line, column = reading.place(span.start)
        text = reading.decoded.text[slice(*map(reading.decoded.character, (dim.start, dim.stop)))]
        spans = {**attributes, "name": span, "whole": Span(dim.start, dim.stop)}
        dimension = Dimension(name, elements, max(size, len(elements)), text, line, column, spans=spans)
        if found.setdefault(canonical(name), dimension) is not dimension:
            reading.note("error", "duplicate-name", f"a second dimension '{shown(name)}'", dim)
    return Names(found)


def _macros(reading: _File, root: Node) -> Names[Macro]:
    found: dict[str, Macro] = {}
    for node in root.all("macro"):
        name = spelled(node.attributes.get("name", ""), "xmile")
        span = attribute_spans(reading.decoded, node).get("name", Span(node.start, node.tag_stop))
        line, column = reading.place(span.start)
        equation = node.first("eqn")
        variables: dict[str, Entry] = {}
        _collect(reading, node, "", frozenset(), variables)
        found[canonical(name)] = Macro(
            name=name,
            parameters=_names_of(node, "parm"),
            outputs=(),
            equation=equation.text.strip() if equation else "",
            variables=Names(variables),
            line=line,
            column=column,
            spans={"name": span, "whole": Span(node.start, node.stop)},
        )
    return Names(found)


def _groups(reading: _File, models: list[Node], names: list[str]) -> Iterator[Group]:
    """``<group name>`` with its ``<entity name>`` (XMILE 1.0, 4.6), in or beside ``<variables>``."""
    for model, owner in zip(models, names, strict=True):
        for holder in (model, *model.all("variables")):
            for node in holder.all("group"):
                members = [entity.attributes.get("name", "") for entity in node.all("entity")]
                members += [entity.text for entity in node.all("var")]
                yield Group(
                    name=spelled(node.attributes.get("name", ""), "xmile"),
                    documentation=_prose(node.first("doc")),
                    members=tuple(spelled(member, "xmile") for member in members if member.strip()),
                    line=reading.place(node.start)[0],
                    model=owner,
                )


def _modules(reading: _File, models: list[Node], names: list[str]) -> Iterator[Module]:
    for model, owner in zip(models, names, strict=True):
        for node in _declarations(model):
            if node.tag == "module":
                connections = tuple(
                    Connection(
                        one.attributes.get("to", ""),
                        one.attributes.get("from", ""),
                        reading.place(one.start)[0],
                    )
                    for one in node.all("connect")
                )
                line, column = reading.place(node.start)
                yield Module(
                    spelled(node.attributes.get("name", ""), "xmile"), owner, connections, line, column
                )


def _unit_definitions(reading: _File, root: Node) -> tuple[UnitDefinition, ...]:
    found = []
    for node in (unit for units in root.all("model_units") for unit in units.all("unit")):
        name = node.attributes.get("name", "").strip()
        if name:
            aliases = tuple(alias.text.strip() for alias in node.all("alias"))
            found.append(UnitDefinition(name, aliases, _text_of(node, "eqn"), reading.place(node.start)[0]))
    return tuple(found)


def _views(reading: _File, models: list[Node], names: list[str], entries: Names[Entry]) -> tuple[View, ...]:
    found: list[View] = []
    ends = flow_ends(entries)
    for model, name in zip(models, names, strict=True):
        for views in model.all("views"):
            for node in views.all("view"):
                styles = [style for owner in (node, views) for style in owner.all("style")]
                found.append(
                    view_of(reading.decoded, len(found), node, name, entries, ends, styles, reading.notes)
                )
        legacy = model.first("display")
        if legacy is not None:
            drawn = list(_declarations(model))
            found.append(
                legacy_view(reading.decoded, len(found), legacy, drawn, name, entries, ends, reading.notes)
            )
    return tuple(found)
