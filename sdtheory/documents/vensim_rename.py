"""Renaming in a Vensim file: equations, left sides, sketch, graphs and settings of one name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from sdtheory.documents.drafting import new_name
from sdtheory.documents.index import Block, Entry
from sdtheory.documents.lexer import references, spelled, tokens
from sdtheory.documents.splice import Edit
from sdtheory.documents.vensim_sketch import COMMENT, WORD, Shape, fields, sketches_between
from sdtheory.documents.vensim_writing import Opened, opened, reread, rewritten, written
from sdtheory.documents.words import CONTROLS
from sdtheory.errors import DocumentError, shown
from sdtheory.names import canonical, unknown

if TYPE_CHECKING:
    from sdtheory.documents.document import Document

_RUN = re.compile(r"[^\W_]+")
_DISPLAYED = re.compile(r"(?<![^\r\n])(?:[45]:|:(?:VAR|X-AXIS)[ \t]+)([^\r\n]*)")
_GRAPH = re.compile(r"(?<![^\r\n]):GRAPH[ \t]+([^\r\n]*)")
_CONTROL_BITS = 56  # a comment with these bits is a slider or graph: its text begins with a name


@dataclass(frozen=True)
class _Renaming:
    """What is renamed: a variable, or (`subscript`) a dimension or an element of one."""

    file: Opened
    key: str
    new: str
    subscript: bool

    def change(self, start: int, stop: int) -> Edit:
        """The new name in the place of one spelling of the old one."""
        return self.file.edit(start, stop, rewritten(self.file.text[start:stop], self.new))

    @cached_property
    def run(self) -> str:
        """The longest run of letters and digits in the name, which every spelling of it holds."""
        return max(_RUN.findall(self.key), key=len, default="")

    def may_hold(self, text: str) -> bool:
        """A quick look: whether the name can occur at all."""
        return self.run in text.casefold()

    def in_equation(self, start: int, stop: int, everything: bool = False) -> Iterator[Edit]:
        """Changes of the references between two offsets; `everything` there is a dimension or element."""
        text = self.file.text[start:stop]
        if not self.may_hold(text):
            return
        lookups = self.file.document.variables
        for one in references(text, "vensim"):
            if canonical(one.name) != self.key:
                continue
            inside = everything or one.role == "subscript"
            if self.subscript or (not inside and (one.role == "name" or self.key in lookups)):
                yield self.change(start + one.start, start + one.stop)


def rename(document: Document, old: str, new: str) -> list[Edit]:
    """Every spelling of the name in its scope; documentation and strings stay."""
    key = canonical(old)
    entry = document.variables.get(old)
    subscript = entry is None or entry.kind == "subscript"
    if entry is None:
        _check_element(document, old)
    elif key in CONTROLS:
        raise DocumentError(
            f"'{shown(entry.name)}' controls the simulation and keeps its name", file=document.file
        )
    elif entry.kind == "opaque":
        raise DocumentError(
            f"'{shown(entry.name)}' is kept, but not understood",
            file=document.file,
            line=entry.line,
            remedy="rename it in the file",
        )
    new = new_name(document, new, old)
    _check_written(document, new)
    file = opened(document)
    renaming = _Renaming(file, key, new, subscript)
    edits = [edit for one in document.variables.values() for edit in _in_entry(renaming, one)]
    edits += [edit for edit in _in_macros(renaming)]
    if not subscript:
        edits += [*_in_sketch(renaming), *_in_settings(renaming)]
    return edits


def _check_element(document: Document, old: str) -> None:
    """Raise when no dimension lists this element by its name."""
    key = canonical(old)
    elements = {canonical(name): name for one in document.dimensions.values() for name in one.elements}
    for name in elements.values():
        ends = name[1:-1].split("-") if name.startswith("(") else []
        if len(ends) == 2 and canonical(ends[0]).rstrip("0123456789") == key.rstrip("0123456789"):
            raise DocumentError(
                f"'{shown(old)}' belongs to the numbered range {shown(name)}",
                file=document.file,
                remedy="spell the elements of the range out first",
            )
    if key not in elements:
        names = [one.name for one in document.variables.values()]
        raise unknown("variable", old, [*names, *elements.values()], file=document.file)


def _check_written(document: Document, new: str) -> None:
    """Raise when the name would not be read back, which no name is known to do."""
    piece = reread(document, f"{written(new)}= {written(new)} ~ ~ |")
    found = references(written(new), "vensim")
    if piece is None or canonical(piece.name) != canonical(new) or len(found) != 1:
        raise DocumentError(f"the name '{shown(new)}' cannot be written in a Vensim file", file=document.file)


def _in_entry(renaming: _Renaming, entry: Entry) -> Iterator[Edit]:
    for block in entry.blocks:
        yield from _in_block(renaming, entry, block)


def _in_block(renaming: _Renaming, entry: Entry, block: Block, local: bool = False) -> Iterator[Edit]:
    """Name, subscripts, exceptions and equation of a block; in a macro (`local`) only subscripts are global."""
    file = renaming.file
    if (
        canonical(entry.name) == renaming.key
        and (entry.kind == "subscript") == renaming.subscript
        and not local
    ):
        yield renaming.change(*file.offsets(block.spans["name"]))
    if renaming.subscript:
        sites = [block.spans["subscripts"]] if block.subscripts else []
        for span in sites:
            yield from renaming.in_equation(*file.offsets(span), everything=True)
        if any(renaming.may_hold(text) for text in block.exceptions):
            for start, stop in file.piece(block).exceptions:
                yield from renaming.in_equation(start, stop, everything=True)
    # the equation was decoded on reading: look there before its offsets are computed
    if "equation" in block.spans and renaming.may_hold(block.equation):
        declared = entry.kind == "subscript"
        if renaming.subscript or not declared:
            yield from renaming.in_equation(*file.offsets(block.spans["equation"]), everything=declared)


def _in_macros(renaming: _Renaming) -> Iterator[Edit]:
    """Names in a macro are local, but dimensions and elements are known there too."""
    if not renaming.subscript:
        return
    for macro in renaming.file.document.macros.values():
        own = {canonical(name) for name in (*macro.parameters, *macro.outputs, *macro.variables)}
        if renaming.key not in own:
            for entry in macro.variables.values():
                for block in entry.blocks:
                    yield from _in_block(renaming, entry, block, local=True)


def _in_sketch(renaming: _Renaming) -> Iterator[Edit]:
    """Words of every view, ghosts among them, and the names that sliders and graphs show."""
    file = renaming.file
    if file.layout.sketch is None:
        return
    document = file.document
    graphs = {canonical(name) for name in _GRAPH.findall(file.text, file.layout.sketch_end or len(file.text))}
    for sketch in sketches_between(
        file.layout.decoded, *file.layout.sketch, [], document.file, document.limits
    ):
        for item in sketch.items:
            if not isinstance(item, Shape):
                continue
            if item.type == WORD and canonical(spelled(item.name)) == renaming.key:
                yield renaming.change(*file.offsets(item.spans["name"]))
            elif item.type == COMMENT and item.bits & _CONTROL_BITS == _CONTROL_BITS and "text" in item.spans:
                start, stop = fields(file.text, *file.offsets(item.spans["text"]))[0]
                key = canonical(spelled(file.text[start:stop]))
                if key == renaming.key and key not in graphs:
                    yield renaming.change(start, stop)


def _in_settings(renaming: _Renaming) -> Iterator[Edit]:
    """The variables of the workbench and of graph definitions."""
    file = renaming.file
    if file.layout.sketch_end is None:
        return
    for match in _DISPLAYED.finditer(file.text, file.layout.sketch_end):
        start, stop = match.span(1)
        if file.text.startswith('"', start):
            name_stop = start + next(tokens(file.text[start:stop], "vensim")).stop
        else:
            name_stop = start + len(file.text[start:stop].partition("[")[0].rstrip())
        if canonical(spelled(file.text[start:name_stop])) == renaming.key:
            yield renaming.change(start, name_stop)
