"""What the variables of a document say, as plain values for a page."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sdtheory.documents import Document
from sdtheory.documents.document import Block, Entry, Lookup
from sdtheory.documents.lexer import Reference, call_arguments, references
from sdtheory.documents.reads import key_of
from sdtheory.editor.identity import Identity

Plain = dict[str, Any]

NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")


def full_name(entry: Entry) -> str:
    """The name under which a document finds a variable: with its model, when that is not the root."""
    return f"{entry.model}.{entry.name}" if entry.model else entry.name


def variables_of(document: Document, identity: Identity) -> dict[str, Plain]:
    """All variables by name, in file order; dimensions are not among them.

    Examples
    --------
    >>> from sdtheory.documents import read
    >>> from sdtheory.editor.identity import first_identity
    >>> document = read("models/m0_seed.mdl")
    >>> found = variables_of(document, first_identity(document))["capability"]
    >>> found["kind"], found["equation"], found["inflows"]
    ('stock', 'capability growth', ['capability growth'])
    """
    places = _places(document, identity)
    read = inputs_of(document)
    uses = uses_of(document)
    return {
        full_name(entry): {
            **_said(entry, document.format),
            "connections": _connections(document, entry),
            "inputs": names_of(document, read.get(key, ())),
            "uses": names_of(document, uses.get(key, ())),
            "elements": places.get(key, []),
        }
        for key, entry in document.variables.items()
        if entry.kind != "subscript"
    }


def _connections(document: Document, entry: Entry) -> list[dict[str, str]]:
    """What a module's inputs take their values from; of anything else nothing."""
    return [
        {"to": one.target, "from": one.origin.lstrip(".")}
        for module in document.modules
        if entry.kind == "module" and (module.name, module.parent) == (entry.name, entry.model)
        for one in module.connections
    ]


def names_of(document: Document, keys: tuple[str, ...]) -> list[str]:
    """The names of variables, by their keys."""
    return [full_name(document.variables[key]) for key in keys]


@lru_cache(maxsize=16)
def inputs_of(document: Document) -> Mapping[str, tuple[str, ...]]:
    """The keys of what each variable's equations read, its flows among them, in the order of the text."""
    found = {}
    for key, entry in document.variables.items():
        if entry.kind in ("subscript", "opaque"):
            continue
        keys = [
            key_of(document, entry.model, one.name)
            for block in entry.blocks
            for text in (block.equation, block.initial if document.format == "xmile" else "")
            for one in named(text, document.format)
            if one.role != "subscript"
        ]
        keys += [key_of(document, entry.model, name) for name in (*entry.inflows, *entry.outflows)]
        found[key] = tuple(one for one in dict.fromkeys(keys) if one in document.variables and one != key)
    return found


@lru_cache(maxsize=16)
def uses_of(document: Document) -> Mapping[str, tuple[str, ...]]:
    """The keys of the variables that read each variable."""
    found: dict[str, list[str]] = {}
    for key, read in inputs_of(document).items():
        for one in read:
            found.setdefault(one, []).append(key)
    return {key: tuple(readers) for key, readers in found.items()}


@lru_cache(maxsize=20_000)
def named(text: str, format: str) -> tuple[Reference, ...]:
    """The names in a text, remembered: most equations are as they were before an edit."""
    return tuple(references(text, format))


def _places(document: Document, identity: Identity) -> dict[str, list[str]]:
    """The lasting ids of the drawings of each variable, by its key."""
    found: dict[str, list[str]] = {}
    for view, ids in zip(document.views, identity.lasting, strict=True):
        for element, id in zip(view.elements, ids, strict=True):
            if element.variable is not None:
                found.setdefault(key_of(document, view.model, element.variable), []).append(id)
    return found


def _said(entry: Entry, format: str) -> Plain:
    """What the file says about one variable."""
    first = entry.blocks[0] if entry.blocks else None
    equation, initial = parts_of(entry, first, format)
    low, high = (None if one is None else _finite(one) for one in entry.limits or (None, None))
    return {
        "name": full_name(entry),
        "kind": entry.kind,
        "equation": equation,
        "initial": initial,
        "units": entry.units,
        "documentation": entry.documentation,
        "subscripts": ", ".join(entry.dimensions) or (first.subscripts if first else ""),
        "equations": [
            {
                "subscripts": block.subscripts,
                "text": block.equation,
                "initial": parts_of(entry, block, format)[1],
            }
            for block in entry.blocks
        ],
        "lookup": None if entry.lookup is None else _lookup(entry.lookup),
        "range": None if entry.limits is None else [low, high, None],
        "value": number_of(equation if initial is None else initial),
        "inflows": list(entry.inflows),
        "outflows": list(entry.outflows),
        "group": entry.group,
        "model": entry.model,
    }


def parts_of(entry: Entry, block: Block | None, format: str) -> tuple[str, str | None]:
    """The equation and the initial value of a block, as they are edited: of a stock its net flow and its beginning."""
    if block is None:
        return "", None
    if entry.kind != "stock":
        return block.equation, block.initial or None
    if format == "xmile":
        return "", block.equation
    place = rate_place(block.equation)
    if place is None:
        return block.equation, None
    return block.equation[slice(*place)], block.initial


@lru_cache(maxsize=4096)
def rate_place(equation: str) -> tuple[int, int] | None:
    """Where the net flow of a Vensim stock stands in its ``INTEG``, without white space around it.

    Examples
    --------
    >>> "INTEG ( a - b , 5)"[slice(*rate_place("INTEG ( a - b , 5)"))]
    'a - b'
    """
    places = call_arguments(equation, "INTEG", "vensim")
    if not places or len(places) != 2:
        return None
    start, stop = places[0]
    text = equation[start:stop]
    return start + len(text) - len(text.lstrip()), stop - len(text) + len(text.rstrip())


def _lookup(lookup: Lookup) -> Plain:
    return {
        "x": list(map(_finite, lookup.x)),
        "y": list(map(_finite, lookup.y)),
        "kind": lookup.kind,
        "xscale": None if lookup.xscale is None else list(map(_finite, lookup.xscale)),
        "yscale": None if lookup.yscale is None else list(map(_finite, lookup.yscale)),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def number_of(text: str) -> float | None:
    """What a text says that is one number and nothing else.

    Examples
    --------
    >>> number_of(" -2.5e3 "), number_of("2 * 3"), number_of("1e999")
    (-2500.0, None, None)
    """
    if NUMBER.fullmatch(text.strip()) is None:
        return None
    value = float(text)
    return value if math.isfinite(value) else None
