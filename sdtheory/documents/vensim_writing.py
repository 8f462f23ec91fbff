"""How names, equations and texts are written in a Vensim file, and what would break one."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdtheory.documents.drafting import without_control_characters
from sdtheory.documents.index import Block, Entry
from sdtheory.documents.lexer import call_arguments, spelled, tokens
from sdtheory.documents.splice import Edit
from sdtheory.documents.text import Span
from sdtheory.documents.vensim_blocks import Piece, equation_end, split, trimmed
from sdtheory.documents.vensim_layout import Layout, laid_out, marker_in
from sdtheory.documents.words import PREDEFINED, RESERVED
from sdtheory.errors import DocumentError, shown
from sdtheory.names import canonical

if TYPE_CHECKING:
    from sdtheory.documents.document import Document

_BLANKS = " \t\r\n\f\v"


@dataclass(frozen=True)
class Opened:
    """A Vensim document opened for editing: offsets of characters instead of bytes."""

    document: Document
    layout: Layout

    @property
    def text(self) -> str:
        """The decoded file."""
        return self.layout.decoded.text

    def offsets(self, span: Span) -> tuple[int, int]:
        """A span of bytes as characters."""
        decoded = self.layout.decoded
        return decoded.character(span.start), decoded.character(span.stop)

    def edit(self, start: int, stop: int, text: str) -> Edit:
        """The edit that puts a text in the place of these characters."""
        return Edit(self.layout.decoded.span(start, stop), text)

    def piece(self, block: Block) -> Piece:
        """The block with the ranges of all its parts."""
        start, stop = self.offsets(block.spans["whole"])
        found = split(self.layout.decoded, start, stop, self.document.file, self.document.limits)
        return found.pieces[0]


def opened(document: Document) -> Opened:
    """Open a document for editing."""
    return Opened(document, laid_out(document.bytes, document.encoding, document.file))


def needs_quotes(name: str) -> bool:
    """Whether a name must stand in quotes: other characters than letters, digits, ``_ ' $``, or a function's name.

    Examples
    --------
    >>> [needs_quotes(name) for name in ("birth rate", "Größe", "a/b", "2nd", "max")]
    [False, False, True, True, True]
    """
    key = canonical(name)
    if key in RESERVED["vensim"] and key not in PREDEFINED["vensim"]:
        return True
    pieces = list(tokens(name, "vensim"))
    whole = len(pieces) == 1 and pieces[0].kind == "name" and pieces[0].text == name
    return not (whole and name[0].isalpha() and all(_plain(character) for character in name))


def _plain(character: str) -> bool:
    if character in "_'$ " or (character.isascii() and character.isalnum()):
        return True
    return not character.isascii() and unicodedata.category(character)[0] in "LM"


def written(name: str) -> str:
    r"""A name as it stands in equations and in the sketch.

    Examples
    --------
    >>> written("births"), written('the "good" life')
    ('births', '"the \\"good\\" life"')
    """
    return '"' + name.replace('"', '\\"') + '"' if needs_quotes(name) else name


def rewritten(site: str, new: str) -> str:
    """Another name in the place of one; quotes that were not needed stay.

    Examples
    --------
    >>> rewritten('"a"', "b"), rewritten('"a/c"', "b")
    ('"b"', 'b')
    """
    optional = site.startswith('"') and not needs_quotes(spelled(site))
    return '"' + new.replace('"', '\\"') + '"' if optional else written(new)


def _refuse(
    document: Document, name: str, what: str, reason: str, remedy: str | None = None
) -> DocumentError:
    return DocumentError(
        f"the {what} of '{shown(name)}' cannot be written: {reason}", file=document.file, remedy=remedy
    )


def checked_text(document: Document, name: str, what: str, text: str, forbidden: str = "") -> str:
    """The text of a field, trimmed, when nothing in it ends the field or the part of the file.

    Raises
    ------
    DocumentError
        Control characters, one of the `forbidden` characters, or a line that begins like another part.
    """
    text = without_control_characters(document, name, text).strip(_BLANKS)
    for mark in forbidden:
        if mark in text:
            raise _refuse(
                document, name, what, f"'{mark}' ends it in a Vensim file", f"leave out the '{mark}'"
            )
    if marker := marker_in(text):
        raise _refuse(document, name, what, f"a line begins with '{shown(marker)}', which ends the equations")
    lines = text.split("\n")
    if lines[-1].endswith("\\") or (
        what == "documentation" and any(one.rstrip().endswith("\\") for one in lines)
    ):
        raise _refuse(document, name, what, "a backslash at the end of a line joins it with the next")
    return text


def checked_equation(document: Document, name: str, text: str, now: str | None = None) -> str:
    """The text of an equation when its quotes and comments are closed and it has no ``~`` or ``|`` outside them.

    The text that stands there `now` is given back as it is, line ends and all.

    Raises
    ------
    DocumentError
        Saying which of these it breaks.
    """
    if text == now:
        return text
    text = checked_text(document, name, "equation", text)
    position = depth = 0
    quoted = False
    while position < len(text):
        character = text[position]
        if quoted:
            position += character == "\\"
            quoted = character != '"'
        elif character == "{" or (depth and character == "}"):
            depth += 1 if character == "{" else -1
        elif not depth and character == '"':
            quoted = True
        elif not depth and character in "~|":
            raise _refuse(
                document, name, "equation", f"'{character}' outside quotes ends it in a Vensim file"
            )
        position += 1
    if quoted:
        raise _refuse(document, name, "equation", "a quote is not closed", "close it with '\"'")
    if depth:
        raise _refuse(document, name, "equation", "a comment is not closed", "close it with '}'")
    return text


def blank_place(text: str, start: int, stop: int) -> int:
    """Where a text goes into a blank field: on the line of its mark, or on the blank line after it."""
    field = text[start:stop]
    if field.count("\n") + field.count("\r") - field.count("\r\n") > 1:
        line = field.replace("\r\n", "\n ").replace("\r", "\n").index("\n") + 1
        line += field.startswith("\n", line)
        return start + line + len(field[line:]) - len(field[line:].lstrip(" \t"))
    return start + (field[:1] in (" ", "\t") and bool(field))


def reread(document: Document, block: str) -> Piece | None:
    """The one block that a text is; None when it would be read as something else."""
    try:
        decoded = laid_out(block.encode("utf-8"), "utf-8", document.file).decoded
        # a mark of byte order at the beginning is no part of the text
        found = split(decoded, 0, len(decoded.text), document.file, document.limits)
    except (DocumentError, UnicodeEncodeError):
        return None
    alone = len(found.pieces) == 1 and not found.groups and not found.macros
    return found.pieces[0] if alone and found.pieces[0].stop == len(block) else None


def check_new_block(document: Document, name: str, block: str, equation: str) -> None:
    """Raise when a new block would not be read as this variable with this equation."""
    piece = reread(document, block)
    if piece is None or canonical(piece.name) != canonical(name) or piece.read(block, "equation") != equation:
        raise _refuse(document, name, "equation", "it would be read otherwise")


def check_block(opened: Opened, piece: Piece, edits: list[Edit], what: str, expected: str) -> list[Edit]:
    """The edits of one block, when reading it again finds the text as given and its other parts as they were.

    Raises
    ------
    DocumentError
        A part of the block would be read otherwise.
    """
    base, text = piece.start, opened.text
    block, shift = text[base : piece.stop], 0
    for edit in sorted(edits, key=lambda edit: edit.span.start):
        start, stop = opened.offsets(edit.span)
        block = block[: start - base + shift] + edit.text + block[stop - base + shift :]
        shift += len(edit.text) - (stop - start)
    new = reread(opened.document, block)
    if (
        new is None
        or new.operator != (piece.operator or new.operator)
        or _parts(new, block, what) != _parts(piece, text, what)
        or new.read(block, what) != expected
    ):
        raise _refuse(opened.document, piece.name, what, "it would be read otherwise")
    return edits


def _parts(piece: Piece, text: str, changed: str) -> list[object]:
    """All parts of a block but the changed one."""
    parts: list[object] = [piece.name, piece.supplementary, piece.understood, *piece.keywords]
    parts += [text[a:b] for a, b in piece.exceptions]
    parts += [text[slice(*piece.subscripts)] if piece.subscripts else ""]
    return parts + [
        piece.read(text, what) for what in ("equation", "units", "documentation") if what != changed
    ]


def check_arguments(document: Document, name: str, equation: str, expected: tuple[str, str]) -> None:
    """Raise when an equation is not ``INTEG`` of these two arguments."""
    places = call_arguments(equation, "INTEG", "vensim")
    found = tuple(equation[slice(*trimmed(equation, a, b))] for a, b in places or ())
    if found != expected:
        raise DocumentError(
            f"'{shown(name)}' would not be INTEG(rate, initial value) any more",
            file=document.file,
            remedy="close every bracket; a comma ends the initial value",
        )


def field_edit(opened: Opened, piece: Piece, what: str, text: str) -> Edit:
    """The edit that sets the second or third field of a block, with a ``~`` where the file lacks it."""
    part = piece.units if what == "units" else piece.documentation
    whole = opened.text
    if part and part[0] < part[1]:
        return opened.edit(*part, text)
    if part:
        place = blank_place(whole, whole.rindex("~", piece.start, part[1]) + 1, part[1])
        return opened.edit(place, place, text)
    marks = "~ ~ " if what == "documentation" and not piece.units else "~ "
    end = piece.stop - 1
    before = whole[:end].rstrip(" \t")
    if before.endswith(("\n", "\r")):
        return opened.edit(end, end, marks.replace(" ", "\t") + text + "\n" + whole[len(before) : end])
    gap = "" if whole[end - 1] in _BLANKS else " "
    return opened.edit(end, end, gap + marks + text + " ")


def equation_edits(file: Opened, piece: Piece, text: str) -> list[Edit]:
    """The edit of one block's equation, checked."""
    document = file.document
    if piece.operator == "(" and not (text.startswith("(") and text.endswith(")")):
        raise DocumentError(
            f"'{shown(piece.name)}' is a lookup, so its equation stands in parentheses",
            file=document.file,
            remedy="write ((x, y), (x, y), ...) or use set_lookup",
        )
    if piece.equation is None:
        end = equation_end(file.layout.decoded, piece.start, piece.stop, document.file)
        place = trimmed(file.text, piece.start, end)[1]
        return check_block(file, piece, [file.edit(place, place, f"= {text}")], "equation", text)
    start, stop = piece.equation
    if start == stop and not text:
        return []
    if start == stop:
        before = file.text[piece.start : stop].rstrip(" \t\r\n\f\v")
        if not before.endswith("\\"):
            start = stop = blank_place(file.text, piece.start + len(before), stop)
    return check_block(file, piece, [file.edit(start, stop, text)], "equation", text)


def understood(document: Document, name: str) -> Entry:
    """A variable whose equations can be edited.

    Raises
    ------
    DocumentError
        The file says something about it that is only kept.
    """
    entry = document.entry(name)
    if entry.kind == "opaque":
        raise DocumentError(
            f"'{shown(entry.name)}' is kept, but not understood",
            file=document.file,
            line=entry.line,
            remedy="edit it in the file",
        )
    return entry
