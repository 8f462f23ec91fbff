"""A Vensim document through PySD's parsers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sdtheory.documents import Document
from sdtheory.documents.index import Block, Entry
from sdtheory.documents.lexer import after_comment, tokens
from sdtheory.documents.text import Span
from sdtheory.documents.vensim_layout import laid_out
from sdtheory.names import canonical
from sdtheory.translate.dimensions import written_mappings
from sdtheory.translate.faults import unreadable
from sdtheory.translate.mending import mended

# what stands between equations: quoted names, which stay, comments, and the banner of a group
_SKIPPED = re.compile(r'"(?:[^"\\]|\\.)*"|\{|\*{3,}[^|]*\|', re.DOTALL)
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
        # PySD was not shown the mappings: it takes the elements in them for elements of the range itself
        declared = document.dimensions.get(part.name)
        part.mapping = list(written_mappings(declared.mappings)) if declared is not None else []
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


def private_copy(document: Document) -> str:
    """The equations alone: no comments, documentation, units, ranges, groups and sketch; macros come first."""
    data = document.bytes
    cuts: list[tuple[Span, bytes]] = []
    for entry in _entries(document):
        for block in entry.blocks:
            cuts.extend((block.spans[part], b"") for part in _EMPTIED if part in block.spans)
            if "equation" in block.spans:
                span = block.spans["equation"]
                text = data[span.start : span.stop].decode(document.encoding)
                cuts.append((span, _equation(document, entry, block, text).encode(document.encoding)))
    wholes = [macro.spans["whole"] for macro in document.macros.values() if "whole" in macro.spans]
    macros = [_without(document, whole, cuts) for whole in wholes]
    layout = laid_out(data, document.encoding, document.file)
    equations = layout.decoded.span(layout.start, layout.stop)
    main = _without(document, equations, [*cuts, *((whole, b"") for whole in wholes)])
    return "\n".join(["{UTF-8}", *macros, main]).replace("\r\n", "\n").replace("\r", "\n")


def _equation(document: Document, entry: Entry, block: Block, text: str) -> str:
    """An equation as PySD can read it."""
    if block.operator == "(" and block.lookup is not None:
        points = zip(block.lookup.x, block.lookup.y, strict=True)
        return f"({','.join(f'({x!r},{y!r})' for x, y in points)})"
    if "{" in text:
        text = "".join(_uncommented(text))
    return text.partition("->")[0] if entry.kind == "subscript" else text


def _uncommented(text: str) -> Iterator[str]:
    stop = 0
    for token in tokens(text, "vensim"):
        between = text[stop : token.start]
        yield " " if "{" in between else between
        yield token.text
        stop = token.stop


def _entries(document: Document) -> Iterator[Entry]:
    yield from document.variables.values()
    for macro in document.macros.values():
        yield from macro.variables.values()


def _without(document: Document, part: Span, cuts: list[tuple[Span, bytes]]) -> str:
    """A part of the document with the cuts inside it replaced; no comments and groups between them."""
    pieces, position = [], part.start
    data = document.bytes

    def between(stop: int) -> str:
        return "".join(_plain(data[position:stop].decode(document.encoding)))

    for span, instead in sorted(cuts, key=lambda cut: (cut[0].start, cut[0].stop)):
        if span.start >= position and span.stop <= part.stop:
            pieces += [between(span.start), instead.decode(document.encoding)]
            position = span.stop
    return "".join([*pieces, between(part.stop)])


def _plain(text: str) -> Iterator[str]:
    """Left sides and ends of equations without comments and the banners of groups."""
    position = 0
    while match := _SKIPPED.search(text, position):
        yield text[position : match.start()]
        position = match.end()
        if match.group().startswith('"'):
            yield match.group()
        elif match.group() == "{":
            yield " "
            position = after_comment(text, match.start()) or len(text)
    yield text[position:]
