"""Copy and paste: a part of a model as a text for the clipboard, and such a text put into a model.

A clipboard belongs to everybody, so that what comes from it is read as strictly as a file of unknown origin.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sdtheory.documents import Document
from sdtheory.documents.drafting import finite, new_name, wanted_links
from sdtheory.documents.index import Entry
from sdtheory.documents.lexer import references
from sdtheory.documents.parts import DRAWINGS, VARIABLES
from sdtheory.documents.view import Element, Point
from sdtheory.documents.words import CONTROLS, PREDEFINED
from sdtheory.editor.arguments import LONGEST
from sdtheory.editor.drawing_edits import Done
from sdtheory.editor.editing import Editing, with_view
from sdtheory.editor.identity import Identity, own_id
from sdtheory.editor.state import Refused
from sdtheory.errors import DocumentError, SDError, shown
from sdtheory.names import canonical, unknown

Plain = dict[str, Any]

MARK = "sdtheory"  # what a text of ours begins with
VERSION = 1
GRID = 10  # copies are moved by a multiple of this, so that what stood in line still does
FARTHEST = 1e6
APART = 20  # and farther by this as long as one of them would hide another element
_NUMBERED = re.compile(r"(.*\S)[ _]([0-9]{1,6})", re.DOTALL)
_RANGE = re.compile(r"\((.*?)([0-9]+)-(.*?)([0-9]+)\)")


def copied(document: Document, identity: Identity, ids: Sequence[str], view: int) -> Plain:
    """Some elements as a text for the clipboard, their number, and the names of the variables they show.

    Raises
    ------
    Refused, UsageError
        Nothing of it can be copied, or it is too much for one text.

    Examples
    --------
    >>> from sdtheory.documents import read
    >>> from sdtheory.editor.identity import first_identity
    >>> document = read("models/m0_seed.mdl")
    >>> ids = [one.id for one in document.views[0].elements if one.kind == "stock" and one.variable == "capability"]
    >>> reply = copied(document, first_identity(document), ids, 0)
    >>> reply["count"], reply["names"], reply["text"][:37]
    (1, ['capability'], '{"sdtheory": 1, "format": "vensim", "')
    """
    part = document.extract([own_id(identity, id) for id in ids], view)
    words = {MARK: VERSION, "format": part.format, "model": part.text}
    text = json.dumps(words, ensure_ascii=False)
    if len(text) > LONGEST:
        raise Refused(
            "this is too much to be copied at once", code="too-large", remedy="select fewer elements"
        )
    return {"text": text, "count": len(_placed(part)), "names": [one.name for one in part.variables.values()]}


def paste(editing: Editing, arguments: Mapping[str, Any]) -> Done:
    """What a text from the clipboard holds, with names that are free; or aliases of variables that are here."""
    editing = with_view(editing)
    document = editing.document
    part = _part_of(arguments["text"], document)
    placed = _placed(part)
    shift = _shift(document.views[editing.view].elements, placed, arguments.get("x"), arguments.get("y"))
    if arguments.get("alias"):
        return _as_aliases(editing, [one for one in placed if one.variable is not None], shift)
    _check_fits(document, part)
    part = part.rename_all(_new_names(document, part))
    new = _linked(document.insert(part, shift, editing.view), part, editing.view)
    return editing.after(new), _called("Paste", _placed(part))


def _called(verb: str, placed: Sequence[Element]) -> str:
    """The name of the step."""
    if len(placed) == 1:
        return f"{verb} {shown(placed[0].variable or 'text', 60)}"
    return f"{verb} {len(placed)} elements"


def _placed(part: Document) -> list[Element]:
    """The elements that count: neither links nor the clouds of flows."""
    return [one for one in part.views[0].elements if one.kind in DRAWINGS]


def _linked(document: Document, part: Document, view: int) -> Document:
    """The document with the links that the copies' equations ask for and that were not copied: from what was here."""
    elements = {one.id: one for one in document.views[view].elements}
    drawn = {canonical(one.variable or "") for one in elements.values() if one.kind != "connector"}
    linked: dict[str, set[str]] = {}
    for one in elements.values():
        if one.kind == "connector" and one.source in elements and one.target in elements:
            source, target = (
                canonical(elements[end or ""].variable or "") for end in (one.source, one.target)
            )
            linked.setdefault(target, set()).add(source)
    for key in part.variables:
        entry = document.variables[key]
        if wanted_links(document, entry)[0].keys() & drawn - linked.get(key, set()):
            document = document.match_links(entry.name)
    return document


def _as_aliases(editing: Editing, placed: Sequence[Element], shift: Point) -> Done:
    """Further drawings of variables that the document has."""
    if not placed:
        raise _refused("no variable is among what was copied")
    for one in placed:
        _check_known(editing.document, str(one.variable))
    for one in placed:
        place = one.x + shift[0], one.y + shift[1]
        editing = editing.after(editing.document.add_alias(str(one.variable), *place, editing.view))
    return editing, _called("Paste alias of", placed)


# what comes from the clipboard


def _refused(reason: str, remedy: str | None = None) -> Refused:
    return Refused(f"this cannot be pasted: {reason}", code="clipboard", field="text", remedy=remedy)


def _part_of(text: str, document: Document) -> Document:
    """The part that a text holds, which may be anybody's.

    Raises
    ------
    Refused
        It is no text of ours, of the other format, or holds something else than variables and their drawings.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or found.get(MARK) is None:
        raise _refused("the clipboard holds no part of a model", "copy elements of a diagram first")
    model, format = found.get("model"), found.get("format")
    if found.keys() != {MARK, "format", "model"} or not isinstance(model, str) or not isinstance(format, str):
        raise _refused("the text is damaged")
    if type(found[MARK]) is not int or found[MARK] != VERSION:
        raise _refused("it was copied by another version of the editor")
    if format not in _FORMATS:
        raise _refused(f"the format '{shown(format)}' is unknown")
    if format != document.format:
        raise _refused(
            f"it is {_FORMATS[format]}, and this file is {_FORMATS[document.format]}",
            "convert one of the files first",
        )
    try:
        part = Document(model.encode("utf-8"), format, "utf-8", None, document.limits)
    except UnicodeEncodeError:
        raise _refused("the text is damaged") from None
    except SDError as error:
        raise _refused(error.message) from None
    _check_part(part)
    return part


_FORMATS = {"vensim": "Vensim", "xmile": "XMILE"}


def _check_part(part: Document) -> None:
    """Raise for a part that has other things than `Document.extract` gives one."""
    others = (part.dimensions, part.macros, part.groups, part.modules, part.unit_definitions, part.notes)
    if any(others) or len(part.views) != 1:
        raise _refused("it is more than variables and their drawings")
    for key, entry in part.variables.items():
        if entry.kind not in VARIABLES or entry.model or key in CONTROLS:
            raise _refused(f"'{shown(entry.name)}' is no variable that can be copied")
        if len(entry.name) > part.limits.name_length:
            raise _refused(f"a name is longer than {part.limits.name_length} characters")
    undrawn = set(part.variables)
    for one in part.views[0].elements:
        if one.kind not in (*DRAWINGS, "connector", "cloud"):
            raise _refused(f"an element is '{shown(one.kind)}'")
        finite(part, one.x, one.y)
        undrawn.discard(canonical(one.variable or ""))
        if one.kind in ("stock", "flow", "auxiliary") and (one.variable or "") not in part.variables:
            raise _refused(f"'{shown(one.variable or '')}' is drawn but not declared")
    if undrawn:
        raise _refused(f"'{shown(undrawn.pop())}' is declared but not drawn")
    if not _placed(part):
        raise _refused("it has no elements")


# whether it fits


def _check_fits(document: Document, part: Document) -> None:
    """Raise when the document lacks what the part needs: the variables of aliases, the dimensions of arrays."""
    for one in _placed(part):
        if one.kind == "alias" and (one.variable or "") not in part.variables:
            _check_known(document, one.variable or "")
    elements = {canonical(name) for one in document.dimensions.values() for name in one.elements}
    ranges = [found for name in elements if (found := _RANGE.fullmatch(name))]
    for entry in part.variables.values():
        for name in _subscripts(entry, part.format):
            key = canonical(name)
            known = key in document.dimensions or key in elements or any(_within(key, one) for one in ranges)
            if not known and not (
                part.format == "xmile" and (key in document.variables or key in part.variables)
            ):
                raise _refused(
                    f"'{shown(entry.name)}' has the subscript '{shown(name)}', which does not exist here",
                    "declare its dimension first",
                )


def _check_known(document: Document, name: str) -> None:
    """Raise when the root of the model has no such variable that can have an alias."""
    if canonical(name) in PREDEFINED[document.format]:
        return
    entry = document.variables.get(name)
    if entry is None or entry.model or entry.kind in ("subscript", "opaque"):
        names = [one.name for one in document.variables.values() if not one.model]
        remedy = unknown("variable", name, names).remedy
        raise _refused(f"there is no variable '{shown(name)}' here to be shown by an alias", remedy)


def _subscripts(entry: Entry, format: str) -> Iterator[str]:
    """The dimensions and elements that a variable names, on its left side and in its equations."""
    yield from entry.dimensions
    for block in entry.blocks:
        sides = [f"x[{text.strip('[]')}]" for text in (block.subscripts, *block.exceptions) if text]
        for text in (*sides, block.equation, block.initial):
            yield from (one.name for one in references(text, format) if one.role == "subscript")


def _within(key: str, found: re.Match[str]) -> bool:
    """Whether a name is an element of a numbered range such as ``(a1-a9)``."""
    stem = key.rstrip("0123456789")
    number = key[len(stem) :]
    return stem == found[1] == found[3] and number != "" and int(found[2]) <= int(number) <= int(found[4])


# names and places


def _new_names(document: Document, part: Document) -> dict[str, str]:
    """Another name for each variable whose own is used here already: the next number that nobody uses."""
    taken = set(part.variables)
    for entry in part.variables.values():
        for block in entry.blocks:
            for text in (block.equation, block.initial):
                taken |= {canonical(one.name) for one in references(text, part.format)}
    names = {}
    for entry in part.variables.values():
        new_name(part, entry.name, entry.name)  # what nobody may be called
        if _is_free(document, entry.name):
            continue
        numbered = _NUMBERED.fullmatch(entry.name)
        stem, number = (numbered[1], int(numbered[2])) if numbered else (entry.name, 1)
        new = entry.name
        while canonical(new) in taken or not _is_free(document, new):
            number += 1
            new = f"{stem} {number}"
        taken.add(canonical(new))
        names[entry.name] = new
    return names


def _is_free(document: Document, name: str) -> bool:
    try:
        new_name(document, name)
    except DocumentError:
        return False
    return True


def _shift(
    there: Sequence[Element], placed: Sequence[Element], x: float | None, y: float | None
) -> tuple[float, float]:
    """How far the elements are moved: their middle to a place, if one is given, and none onto another element."""
    dx = dy = float(APART)
    if x is not None and y is not None:
        x, y = (min(max(value, -FARTHEST), FARTHEST) for value in (x, y))
        across, down = ([getattr(one, axis) for one in placed] for axis in ("x", "y"))
        dx = GRID * round((x - (min(across) + max(across)) / 2) / GRID)
        dy = GRID * round((y - (min(down) + max(down)) / 2) / GRID)
    occupied = {(round(one.x), round(one.y)) for one in there if one.kind != "connector"}
    while any((round(one.x + dx), round(one.y + dy)) in occupied for one in placed):
        dx, dy = dx + APART, dy + APART
    return dx, dy
