"""XMILE ``.xmile``, ``.stmx``, ``.xml``: the elements of the file become an index of the document."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

from sdtheory.documents.index import (
    Block,
    Connection,
    Dimension,
    Entry,
    Group,
    Index,
    Macro,
    Module,
    Names,
    Simulation,
    UnitDefinition,
)
from sdtheory.documents.lexer import spelled
from sdtheory.documents.text import Span
from sdtheory.documents.view import View
from sdtheory.documents.xmile_tree import declarations, names_of_models, opened
from sdtheory.documents.xmile_variables import File, entry_of, is_on, names_of, prose, text_of
from sdtheory.documents.xmile_view import Styles, flow_ends, legacy_view, styles_of, view_of
from sdtheory.documents.xml_tree import Node, attribute_spans, text_span
from sdtheory.errors import shown
from sdtheory.limits import Limits
from sdtheory.names import canonical

_NAMESPACES = ("http://docs.oasis-open.org/xmile/ns/XMILE/", "http://www.systemdynamics.org/XMILE")


def index(data: bytes, encoding: str, file: str, limits: Limits) -> Index:
    """Index an XMILE file.

    Raises
    ------
    DocumentError
        Not of the encoding, not well-formed, cut off, or not XMILE.
    LimitError
        Nested deeper, or more elements, than `limits` allows.
    """
    tree = opened(data, encoding, file, limits)
    reading = File(tree.decoded, file, limits, prefix=tree.prefix, remembers=not tree.notes)
    root = tree.root
    reading.notes.extend(tree.notes)
    namespace = root.attributes.get(f"xmlns:{tree.prefix.removesuffix(':')}" if tree.prefix else "xmlns", "")
    if not namespace.startswith(_NAMESPACES):
        reading.note("note", "namespace", "the XMILE namespace is missing; read as XMILE 1.0", root)
    models = list(root.all("model"))
    names = _model_names(reading, models)
    _check_count(reading, [*models, *root.all("macro")])
    variables: dict[str, Entry] = {}
    behavior = _non_negative_kinds(root, frozenset())
    for model, name in zip(models, names, strict=True):
        _collect(reading, model, name, _non_negative_kinds(model, behavior), variables)
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


def _model_names(reading: File, models: list[Node]) -> list[str]:
    """Names of the models, each once."""
    names = names_of_models(models)
    seen: set[str] = set()
    for model, name in zip(models, names, strict=True):
        if canonical(name) in seen:
            what = f"a second model '{shown(name)}'" if name else "a second model without a name"
            reading.note("error", "duplicate-name", what, model)
        seen.add(canonical(name))
    return names


def _check_count(reading: File, owners: list[Node]) -> None:
    """Refuse too many variables before any is read."""
    limit = reading.limits.variables
    named = (node for owner in owners for node in declarations(owner) if node.attributes.get("name"))
    beyond = next(itertools.islice(named, limit, None), None)
    if beyond is not None:
        raise reading.too_much(beyond, "more variables", limit, "variables")


def _non_negative_kinds(owner: Node, around: frozenset[str]) -> frozenset[str]:
    """Kinds that ``<behavior>`` makes non-negative inside `owner` (XMILE 1.0, 2.7)."""
    found = dict.fromkeys(around, True)
    for behavior in owner.all("behavior"):
        for scope in (behavior, *behavior.children):
            switch = scope.first("non_negative")
            if switch is not None:
                kinds = (scope.tag,) if scope is not behavior else ("stock", "flow")
                found |= dict.fromkeys(kinds, is_on(switch))
    return frozenset(kind for kind, on in found.items() if on)


def _collect(
    reading: File, model: Node, name: str, non_negative: frozenset[str], found: dict[str, Entry]
) -> None:
    scope = canonical(name) + "." if name else ""
    groups = {
        canonical(member): group.name
        for group in _groups(reading, [model], [name])
        for member in group.members
    }
    repeated: dict[str, list[Block]] = {}
    for node in declarations(model):
        entry = entry_of(reading, node, name, non_negative)
        if entry is None:
            continue
        key = canonical(entry.name)
        if key in groups:
            entry = replace(entry, group=groups[key])
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


def _simulation(reading: File, specs: Node | None) -> Simulation:
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


def _dimensions(reading: File, root: Node) -> Names[Dimension]:
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


def _macros(reading: File, root: Node) -> Names[Macro]:
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
            parameters=names_of(node, "parm"),
            outputs=(),
            equation=equation.text.strip() if equation else "",
            variables=Names(variables),
            line=line,
            column=column,
            spans={"name": span, "whole": Span(node.start, node.stop)},
        )
    return Names(found)


def _groups(reading: File, models: list[Node], names: list[str]) -> Iterator[Group]:
    """``<group name>`` with its ``<entity name>`` (XMILE 1.0, 4.6), in or beside ``<variables>``."""
    for model, owner in zip(models, names, strict=True):
        for holder in (model, *model.all("variables")):
            for node in holder.all("group"):
                members = [entity.attributes.get("name", "") for entity in node.all("entity")]
                members += [entity.text for entity in node.all("var")]
                yield Group(
                    name=spelled(node.attributes.get("name", ""), "xmile"),
                    documentation=prose(node.first("doc")),
                    members=tuple(spelled(member, "xmile") for member in members if member.strip()),
                    line=reading.place(node.start)[0],
                    model=owner,
                )


def _modules(reading: File, models: list[Node], names: list[str]) -> Iterator[Module]:
    for model, owner in zip(models, names, strict=True):
        for node in declarations(model):
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


def _unit_definitions(reading: File, root: Node) -> tuple[UnitDefinition, ...]:
    found = []
    for node in (unit for units in root.all("model_units") for unit in units.all("unit")):
        name = node.attributes.get("name", "").strip()
        if name:
            aliases = tuple(alias.text.strip() for alias in node.all("alias"))
            found.append(UnitDefinition(name, aliases, text_of(node, "eqn"), reading.place(node.start)[0]))
    return tuple(found)


def _views(reading: File, models: list[Node], names: list[str], entries: Names[Entry]) -> tuple[View, ...]:
    found: list[View] = []
    ends = flow_ends(entries)
    count = 0
    for model, name in zip(models, names, strict=True):
        for views in model.all("views"):
            styles = styles_of(views, Styles())
            for node in views.all("view"):
                count += len(node.children)
                if count > reading.limits.view_elements:
                    limit = reading.limits.view_elements
                    raise reading.too_much(node, "more drawn elements", limit, "view_elements")
                found.append(view_of(reading, len(found), node, name, entries, ends, styles))
        legacy = model.first("display")
        if legacy is not None:
            drawn = list(declarations(model))
            count += len(drawn) + len(legacy.children)
            if count > reading.limits.view_elements:
                raise reading.too_much(
                    legacy, "more drawn elements", reading.limits.view_elements, "view_elements"
                )
            found.append(legacy_view(reading, len(found), legacy, drawn, name, entries, ends))
    return tuple(found)
