"""A Vensim document through PySD's parsers."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator
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
from sdtheory.translate.remembered import remembered

# what stands between equations: quoted names, which stay, comments, and the banner of a group
_SKIPPED = re.compile(r'"(?:[^"\\]|\\.)*"|\{|\*{3,}[^|]*\|', re.DOTALL)
# what PySD looks for in the whole of a file, and what it takes for a name in quotes
_MARKS = (":MACRO:", ":END OF MACRO:", "\\\\\\---///")
_QUOTED = re.compile(r'"(?:\\"|[^"])*+"')
# an equation of a file as PySD's grammar of sections has it, where nothing follows but empty units and words
_ENTRY = re.compile(r'((?:"(?:\\"|[^"])*+"|[^~|"])*+)~\s*~[^~|]*(?:~(?:"(?:\\"|[^"])*+"|[^~|"])*+)?\|')
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
    from pysd.translators.structures.abstract_model import AbstractModel

    file = folder / "model.mdl"
    pieces = main_pieces(document)
    equations = None if document.macros else equations_of(pieces)
    sections = whole_sections(document, pieces, file) if equations is None else [_section(equations, file)]
    macros = {canonical(macro.name): macro.variables for macro in document.macros.values()}
    for section in sections:
        _parse(document, section, macros.get(canonical(section.name), document.variables))
    abstract = tuple(section.get_abstract_section() for section in sections)
    return AbstractModel(original_path=file, sections=abstract)


def whole_sections(document: Document, pieces: list[str], path: Path) -> list[Any]:
    """PySD's sections of a whole file: its equations and its macros."""
    from pysd.translators.vensim.vensim_file import VensimFile

    path.write_text(private_copy(document, pieces), encoding="utf-8", newline="\n")
    try:
        file = VensimFile(path)
        file.parse(parse_all=False)
        for section in file.sections:
            section.parse(parse_all=False)
    except Exception as error:
        raise unreadable(document, error) from None
    return file.sections


def _section(equations: list[str], path: Path) -> Any:
    """The section that PySD makes of a file without macros."""
    from pysd.translators.vensim.vensim_element import Element
    from pysd.translators.vensim.vensim_section import Section

    section = Section("__main__", path.with_suffix(".py"), "main", [], [], "", False, None)
    section.elements = [Element(equation, "", "") for equation in equations]
    return section


def equations_of(pieces: list[str]) -> list[str] | None:
    """The equations that PySD finds in the pieces of a file; None where they cannot be told apart by pieces."""
    found: list[str] = []
    for piece in pieces:
        equations = _equations_in(piece)
        if equations is None:
            return None
        found += equations
    return found or None


@remembered
def _equations_in(piece: str) -> tuple[str, ...] | None:
    """The equations that PySD finds in a piece of a file, wherever it stands; None when that makes a difference."""
    from pysd.translators.vensim.vensim_file import VensimFile
    from pysd.translators.vensim.vensim_section import SectionElementsVisitor
    from pysd.translators.vensim.vensim_utils import Grammar

    text = VensimFile._clean(None, piece).lstrip()
    if not text:
        return ()
    # what PySD would take for the start of something that goes on in other pieces
    if text.startswith(("\\", "{")) or any(mark in text for mark in _MARKS) or '"' in _QUOTED.sub("", text):
        return None
    if plain := _ENTRY.fullmatch(text):
        return (plain.group(1).strip(),)
    try:
        tree = Grammar.get("section_elements").parse(text)
        rest = tree.children[1].text
        return None if rest else tuple(entry.equation for entry in SectionElementsVisitor(tree).entries)
    except Exception:  # the whole file has the same fault, and says where
        return None


def _parse(document: Document, section: Any, entries: Any) -> None:
    """Parse a section's equations one by one, so that a fault has a place."""
    from pysd.translators.vensim.vensim_element import Component, SubscriptRange

    parts, texts = [], []
    for element in section.elements:
        try:
            parts.append(_left_side(element.equation))
        except Exception as error:
            raise unreadable(document, error, text=element.equation) from None
        texts.append(element.equation)
    section.subscripts = [copy.copy(part) for part in parts if isinstance(part, SubscriptRange)]
    for part in section.subscripts:
        # PySD was not shown the mappings: it takes the elements in them for elements of the range itself
        declared = document.dimensions.get(part.name)
        part.mapping = list(written_mappings(declared.mappings)) if declared is not None else []
    section.components = []
    # reality checks and test inputs are no part of a run
    section.constraints = []
    section.test_inputs = []
    seen: dict[str, int] = {}
    for part, text in zip(parts, texts, strict=True):
        if not isinstance(part, Component):
            continue
        key = canonical(part.name)
        seen[key] = seen.get(key, -1) + 1
        entry = entries.get(key)
        block = entry.blocks[min(seen[key], len(entry.blocks) - 1)] if entry else None
        try:
            section.components.append(_read(text, block.equation if block is not None else None))
        except Exception as error:
            raise unreadable(document, error, entry, block) from None


@remembered
def _left_side(equation: str) -> Any:
    """PySD's component for an equation, or its subscript range, of which the left side alone is read."""
    from pysd.translators.vensim.vensim_element import Element

    return Element(equation, "", "").parse()


@remembered
def _read(equation: str, written: str | None) -> Any:
    """PySD's component for an equation; what PySD loses of it is mended from how the file writes it."""
    component = copy.copy(_left_side(equation))
    component.parse()
    if written is not None:
        component.ast = mended(component.ast, written, "vensim")
    return component


def private_copy(document: Document, pieces: list[str]) -> str:
    """The file that PySD reads: macros come first, then the `main_pieces`."""
    cuts = _cuts(document)
    macros = [part for whole in _macro_spans(document) for part in _without(document, whole, cuts)]
    return "\n".join(["{UTF-8}", *map(_unix, macros), "".join(pieces)])


def main_pieces(document: Document) -> list[str]:
    """The equations alone, each a piece: no comments, documentation, units, ranges, groups, macros and sketch."""
    layout = laid_out(document.bytes, document.encoding, document.file)
    equations = layout.decoded.span(layout.start, layout.stop)
    outside = [(whole, b"") for whole in _macro_spans(document)]
    ends = [
        block.spans["whole"].stop
        for entry in document.variables.values()
        for block in entry.blocks
        if "whole" in block.spans
    ]
    return [_unix(piece) for piece in _without(document, equations, [*_cuts(document), *outside], ends)]


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _macro_spans(document: Document) -> list[Span]:
    return [macro.spans["whole"] for macro in document.macros.values() if "whole" in macro.spans]


def _cuts(document: Document) -> list[tuple[Span, bytes]]:
    """What is left out of every equation, and what stands instead."""
    data = document.bytes
    cuts: list[tuple[Span, bytes]] = []
    for entry in _entries(document):
        for block in entry.blocks:
            cuts.extend((block.spans[part], b"") for part in _EMPTIED if part in block.spans)
            if "equation" in block.spans:
                span = block.spans["equation"]
                text = data[span.start : span.stop].decode(document.encoding)
                cuts.append((span, _equation(document, entry, block, text).encode(document.encoding)))
    return cuts


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


def _without(
    document: Document, part: Span, cuts: list[tuple[Span, bytes]], ends: Iterable[int] = ()
) -> Iterator[str]:
    """A part of the document in pieces that stop at `ends`.

    The cuts inside it are replaced; there are no comments and groups between them.
    """
    data = document.bytes
    position = part.start
    piece: list[str] = []

    def between(stop: int) -> str:
        return "".join(_plain(data[position:stop].decode(document.encoding)))

    marks = [
        *((span.start, span.stop, instead) for span, instead in cuts),
        *((end, end, None) for end in ends),
    ]
    for start, stop, instead in sorted(marks, key=lambda mark: mark[:2]):
        if start < position or stop > part.stop:
            continue
        piece.append(between(start))
        position = stop
        if instead is not None:
            piece.append(instead.decode(document.encoding))
        else:
            yield "".join(piece)
            piece.clear()
    yield "".join([*piece, between(part.stop)])


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
