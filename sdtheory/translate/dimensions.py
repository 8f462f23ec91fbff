"""Subscript ranges: their elements, their mappings, and the number that an element stands for."""

from __future__ import annotations

import dataclasses
import graphlib
from collections.abc import Mapping
from typing import Any

from sdtheory.documents import Document
from sdtheory.documents.lexer import spelled, tokens
from sdtheory.errors import ModelError, shown
from sdtheory.model.model import Dimension
from sdtheory.names import canonical
from sdtheory.translate.structure import cycle, trail


def dimensions_of(document: Document, abstract: Any) -> dict[str, Dimension]:
    """The dimensions of a model by canonical name; ranges of ranges are spelled out.

    Raises
    ------
    ModelError
        For a mapping between ranges of different length.
    """
    ranges = {canonical(part.name): part for section in abstract.sections for part in section.subscripts}
    members = _members(document, ranges)
    found = {}
    for key, part in ranges.items():
        declared = document.dimensions.get(key)
        written = written_mappings(declared.mappings if declared else "")
        mappings = []
        for name in part.mapping:
            other = canonical(name)
            if other not in ranges:
                continue
            images = written.get(other) or members[other]
            if len(images) != len(members[key]):
                images = tuple(
                    element for image in images for element in members.get(canonical(image), (image,))
                )
            if len(images) == len(members[key]):
                mappings.append((ranges[other].name, images))
            elif set(map(canonical, members[key])) - set(map(canonical, members[other])):
                raise ModelError(
                    f"dimension '{shown(part.name)}' has {len(members[key])} elements and is mapped to "
                    f"{len(images)} of '{shown(name)}'",
                    file=document.file,
                    line=declared.line if declared else None,
                )
        found[key] = Dimension(part.name, members[key], tuple(mappings))
    return found


def _members(document: Document, ranges: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The elements of each range, with ranges among them spelled out.

    Ranges that are read from files may hold the names of other ranges, too.
    """
    inside = {
        key: {canonical(name) for name in _listed(part)} & ranges.keys() - {key}
        for key, part in ranges.items()
    }
    names = trail(ranges[key].name for key in cycle(inside))
    if names:
        raise ModelError(f"dimensions are defined by each other: {names}", file=document.file)
    found: dict[str, tuple[str, ...]] = {}
    for key in graphlib.TopologicalSorter(inside).static_order():
        own: dict[str, str] = {}
        for part in _listed(ranges[key]):
            for element in found.get(canonical(part), (part,)):
                own.setdefault(canonical(element), element)
        found[key] = tuple(own.values())
    return {key: found[key] for key in ranges}


def _listed(part: Any) -> list[str]:
    return [part.subscripts] if isinstance(part.subscripts, str) else part.subscripts


def written_mappings(text: str) -> dict[str, tuple[str, ...]]:
    """Vensim's ``-> (other: b, a), third``: for each range the element, or range of elements, of each element here.

    A range that is named alone has none.

    Examples
    --------
    >>> written_mappings("(city: Rome, big cities), other")
    {'city': ('Rome', 'big cities'), 'other': ()}
    """
    found: dict[str, tuple[str, ...]] = {}
    inside, images = "", False
    for token in tokens(text, "vensim"):
        if token.text in ("(", ")"):
            inside, images = "", False
        elif token.text == ":":
            images = True
        elif token.kind == "name" and images:
            found[inside] += (spelled(token.text),)
        elif token.kind == "name":
            inside = canonical(token.text)
            found[inside] = ()
    return found


def positions(dimensions: Mapping[str, Dimension]) -> dict[str, int]:
    """The number, from 1, that each element stands for in an equation.

    An element counts in the largest range that lists it, of several in the first one.

    Examples
    --------
    >>> positions({"b": Dimension("b", ("y",)), "a": Dimension("a", ("x", "y"))})
    {'y': 2, 'x': 1}
    """
    found: dict[str, tuple[int, int]] = {}
    for dimension in dimensions.values():
        for place, element in enumerate(dimension.elements):
            size, _ = found.get(canonical(element), (0, 0))
            if len(dimension.elements) > size:
                found[canonical(element)] = (len(dimension.elements), place + 1)
    return {element: place for element, (_, place) in found.items()}


def smallest(dimensions: Mapping[str, Dimension], subscripts: list[str]) -> Dimension | None:
    """The smallest dimension that holds all of some subscripts, of several the first; None if there is none."""
    if len(set(map(canonical, subscripts))) == 1 and canonical(subscripts[0]) in dimensions:
        return dimensions[canonical(subscripts[0])]
    wanted: set[str] = set()
    for subscript in subscripts:
        dimension = dimensions.get(canonical(subscript))
        wanted.update(map(canonical, dimension.elements if dimension else (subscript,)))
    fitting = [one for one in dimensions.values() if wanted <= set(map(canonical, one.elements))]
    return min(fitting, key=lambda one: len(one.elements), default=None)


def marked(node: Any) -> list[str]:
    """The dimensions marked ``!`` in a tree of PySD's, which an array function runs over: canonical, each once."""
    found: dict[str, None] = {}
    stack = [node]
    while stack:
        part = stack.pop()
        if type(part).__name__ == "SubscriptsReferenceStructure":
            found.update(
                (canonical(name.rstrip("! ")), None) for name in part.subscripts if name.endswith("!")
            )
        elif isinstance(part, tuple | list):
            stack.extend(part)
        elif dataclasses.is_dataclass(part):
            stack.extend(getattr(part, field.name) for field in dataclasses.fields(part))
    return list(found)
