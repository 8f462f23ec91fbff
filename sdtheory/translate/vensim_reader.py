"""A Vensim document through PySD's parsers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sdtheory.documents import Document
from sdtheory.documents.index import Entry
from sdtheory.documents.text import Span
from sdtheory.names import canonical
from sdtheory.translate.dimensions import written_mappings
from sdtheory.translate.faults import unreadable
from sdtheory.translate.mending import mended

_SKETCH = re.compile(r"(?m)^\\{2,}---///")
_ENCODING = re.compile(r"\A\s*\{[^{}\n]*\}")
_EMPTIED = ("units", "documentation", "limits")


def vensim_model(document: Document, folder: Path) -> Any:
    """PySD's abstract model of a Vensim document.

    Parameters
    ----------
    document : Document
    folder : Path
        A private folder for the copy that PySD reads.

    Raises
    ------
    ModelError
        When PySD cannot read an equation; names the variable and its place.
    """
    from pysd.translators.vensim.vensim_file import VensimFile

    copy = folder / "model.mdl"
    copy.write_text(private_copy(document), encoding="utf-8", newline="\n")
    try:
        file = VensimFile(copy)
        file.parse(parse_all=False)
        for section in file.sections:
            section.parse(parse_all=False)
    except Exception as error:
        raise unreadable(document, error) from None
    macros = {canonical(macro.name): macro.variables for macro in document.macros.values()}
    for section in file.sections:
        _parse(document, section, macros.get(canonical(section.name), document.variables))
    return file.get_abstract_model()


def _parse(document: Document, section: Any, entries: Any) -> None:
    """Parse a section's equations one by one, so that a fault has a place."""
    from pysd.translators.vensim.vensim_element import Component, SubscriptRange

    parts = []
    for element in section.elements:
        try:
            parts.append(element.parse())
        except Exception as error:
            raise unreadable(document, error, text=element.equation) from None
    section.subscripts = [part for part in parts if isinstance(part, SubscriptRange)]
    for part in section.subscripts:
        _without_images(document, part)
    section.components = [part for part in parts if isinstance(part, Component)]
    # reality checks and test inputs are no part of a run
    section.constraints = []
    section.test_inputs = []
    seen: dict[str, int] = {}
    for component in section.components:
        key = canonical(component.name)
        seen[key] = seen.get(key, -1) + 1
        entry = entries.get(key)
        block = entry.blocks[min(seen[key], len(entry.blocks) - 1)] if entry else None
        try:
            component.parse()
        except Exception as error:
            raise unreadable(document, error, entry, block) from None
        if block is not None:
            component.ast = mended(component.ast, block.equation, "vensim")


def _without_images(document: Document, part: Any) -> None:
    """PySD takes the elements of another range, in a mapping written out, for elements of this one."""
    declared = document.dimensions.get(canonical(part.name))
    images = written_mappings(declared.mappings if declared else "")
    count = sum(map(len, images.values()))
    if count and isinstance(part.definition, list):
        part.definition = part.definition[:-count]


def private_copy(document: Document) -> str:
    """The equations as they stand, without documentation, units, ranges and sketch; macros come first."""
    data = document.bytes
    cuts: list[tuple[Span, bytes]] = []
    for entry in _entries(document):
        for block in entry.blocks:
            cuts.extend((block.spans[part], b"") for part in _EMPTIED if part in block.spans)
            if block.operator == "(" and block.lookup is not None and "equation" in block.spans:
                points = zip(block.lookup.x, block.lookup.y, strict=True)
                text = ",".join(f"({x!r},{y!r})" for x, y in points)
                cuts.append((block.spans["equation"], f"({text})".encode(document.encoding)))
    wholes = [macro.spans["whole"] for macro in document.macros.values() if "whole" in macro.spans]
    macros = [_without(data, whole, cuts) for whole in wholes]
    text = document.text
    sketch = _SKETCH.search(text)
    stop = len(data) - len(text[sketch.start() :].encode(document.encoding)) if sketch else len(data)
    main = _without(data, Span(0, stop), [*cuts, *((whole, b"") for whole in wholes)])
    decoded = [piece.decode(document.encoding) for piece in (*macros, main)]
    decoded[-1] = _ENCODING.sub("", decoded[-1].lstrip("\ufeff"))
    joined = "\n".join(["{UTF-8}", *decoded])
    return joined.replace("\r\n", "\n").replace("\r", "\n")


def _entries(document: Document) -> Iterator[Entry]:
    yield from document.variables.values()
    for macro in document.macros.values():
        yield from macro.variables.values()


def _without(data: bytes, part: Span, cuts: list[tuple[Span, bytes]]) -> bytes:
    """A part of the bytes with the cuts inside it replaced."""
    pieces, position = [], part.start
    for span, instead in sorted(cuts, key=lambda cut: (cut[0].start, cut[0].stop)):
        if span.start >= position and span.stop <= part.stop:
            pieces += [data[position : span.start], instead]
            position = span.stop
    return b"".join([*pieces, data[position : part.stop]])
