"""What the edits of both formats share: checks of names and texts, free places in a view, wanted connectors."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sdtheory.documents.index import Block, Entry
from sdtheory.documents.lexer import Reference, references, spelled
from sdtheory.documents.reads import reads
from sdtheory.documents.view import Element, Point
from sdtheory.documents.words import RESERVED
from sdtheory.errors import DocumentError, UsageError, shown
from sdtheory.names import canonical, unknown

if TYPE_CHECKING:
    from sdtheory.documents.document import Document

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_NOT_IN_NAMES = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\\]")
_STEP = 20
_GAP = 8  # pixels that stay free around a new element
_RINGS = 14
_OFFSETS = sorted(
    ((i * _STEP, j * _STEP) for i in range(-_RINGS, _RINGS + 1) for j in range(-_RINGS, _RINGS + 1)),
    key=lambda offset: (math.hypot(*offset), -offset[1], -offset[0]),
)


@dataclass(frozen=True)
class Box:
    """A rectangle on a view: centre and full size."""

    x: float
    y: float
    width: float
    height: float

    def meets(self, other: Box, gap: float = 0.0) -> bool:
        """Whether two boxes come nearer than `gap`.

        Examples
        --------
        >>> Box(0, 0, 10, 10).meets(Box(12, 0, 10, 10)), Box(0, 0, 10, 10).meets(Box(12, 0, 10, 10), 5)
        (False, True)
        """
        across = abs(self.x - other.x) < (self.width + other.width) / 2 + gap
        return across and abs(self.y - other.y) < (self.height + other.height) / 2 + gap


def without_control_characters(document: Document, name: str, text: str) -> str:
    r"""The text with ``\n`` for every line end.

    Raises
    ------
    DocumentError
        A control character other than tab and line break.
    """
    found = _CONTROL.search(text)
    if found:
        raise DocumentError(
            f"'{shown(name)}': the text holds the control character {shown(found.group())}",
            file=document.file,
            remedy="only tabs and line breaks may stand in it",
        )
    return text.replace("\r\n", "\n").replace("\r", "\n")


def new_name(document: Document, name: str, old: str | None = None, model: str = "") -> str:
    """A name as it may be given to a variable, without quotes and spaces around it.

    Parameters
    ----------
    document : Document
    name : str
    old : str, optional
        The name that it replaces, which may differ from it in case and spacing alone.
    model : str
        The XMILE model that the variable belongs to.

    Raises
    ------
    DocumentError
        The name is empty, holds control characters or a backslash, or means something else already; the
        message says what.
    """
    plain = spelled(name, document.format)
    if not canonical(plain):
        raise DocumentError("the new name is empty", file=document.file, remedy="give it a letter")
    if found := _NOT_IN_NAMES.search(name):
        character = "a backslash" if found.group() == "\\" else f"the character {shown(found.group())}"
        raise DocumentError(f"a name cannot hold {character}", file=document.file, remedy="leave it out")
    key = canonical(plain)
    if old is not None and key == canonical(old):
        return plain
    use = _use_of(document, key, f"{canonical(model)}." if model else "")
    if use:
        raise DocumentError(
            f"'{shown(plain)}' is {use} already", file=document.file, remedy="choose another name"
        )
    return plain


def _use_of(document: Document, key: str, scope: str) -> str | None:
    if key in RESERVED[document.format]:
        return "a function or predefined name"
    if found := document.variables.get(scope + key):
        return f"the {found.kind if found.kind != 'subscript' else 'dimension'} '{shown(found.name)}'"
    if key in document.dimensions:
        return f"the dimension '{shown(document.dimensions[key].name)}'"
    if key in document.macros:
        return f"the macro '{shown(document.macros[key].name)}'"
    for dimension in document.dimensions.values():
        if any(canonical(element) == key for element in dimension.elements):
            return f"an element of the dimension '{shown(dimension.name)}'"
    return None


def block_of(document: Document, entry: Entry, subscripts: str | None) -> Block:
    """The equation that `subscripts` picks among several.

    Raises
    ------
    UsageError
        There are several, and none is picked.
    UnknownName
        No equation has these subscripts.
    """
    if subscripts is None:
        if len(entry.blocks) > 1:
            choices = ", ".join(f"'{shown(block.subscripts)}'" for block in entry.blocks[:8])
            raise UsageError(
                f"'{shown(entry.name)}' has {len(entry.blocks)} equations",
                file=document.file,
                line=entry.line,
                remedy=f"pass subscripts=: one of {choices}",
            )
        return entry.blocks[0]
    wanted = _subscript_key(subscripts)
    for block in entry.blocks:
        if _subscript_key(block.subscripts) == wanted:
            return block
    raise unknown("subscripts", subscripts, [block.subscripts for block in entry.blocks], file=document.file)


def with_equation(document: Document, entry: Entry, text: str, subscripts: str | None) -> Entry:
    """An entry as it will be with another equation in one of its blocks."""
    chosen = block_of(document, entry, subscripts)
    blocks = tuple(replace(block, equation=text) if block is chosen else block for block in entry.blocks)
    return replace(entry, blocks=blocks)


def _subscript_key(text: str) -> tuple[str, ...]:
    return tuple(canonical(part) for part in text.strip("[] \t").split(","))


def element_called(document: Document, element: str, view: int) -> tuple[int, Element]:
    """The drawn element of this id, or that shows this variable in a view: its number and itself.

    Raises
    ------
    UsageError
        The document has no such view.
    UnknownName
        No element has this id and the view does not show this variable.
    """
    head, _, _ = element.partition(":")
    if head.isdecimal() and len(head) < 9 and int(head) < len(document.views):
        for one in document.views[int(head)].elements:
            if one.id == element:
                return int(head), one
    elements = document.views[view_number(document, view)].elements
    key = canonical(element)
    shown_here = [one for one in elements if one.variable is not None and canonical(one.variable) == key]
    if not shown_here:
        raise unknown(
            "element of this view",
            element,
            [one.variable for one in elements if one.variable],
            file=document.file,
        )
    return view, next((one for one in shown_here if one.kind != "alias"), shown_here[0])


def view_number(document: Document, view: int) -> int:
    """The number of a view, counted from 0.

    Raises
    ------
    UsageError
        There is none of this number.
    """
    if not 0 <= view < len(document.views):
        count = len(document.views)
        raise UsageError(
            f"there is no view {view}", file=document.file, remedy=f"the document has {count}, counted from 0"
        )
    return view


def views_showing(document: Document, name: str) -> list[int]:
    """The numbers of the views that show a variable, ghosts included."""
    key = canonical(name)
    return [
        number
        for number, view in enumerate(document.views)
        if any(one.variable is not None and canonical(one.variable) == key for one in view.elements)
    ]


def check_undrawn(document: Document, entry: Entry, view: int) -> None:
    """Raise when a view shows a variable already, or it is nothing that is drawn."""
    if entry.kind in ("subscript", "module", "opaque"):
        raise UsageError(f"'{shown(entry.name)}' is no variable that can be drawn", file=document.file)
    key = canonical(entry.name)
    for one in document.views[view].elements if view < len(document.views) else ():
        if one.kind != "alias" and one.variable is not None and canonical(one.variable) == key:
            raise UsageError(
                f"view {view} shows '{shown(entry.name)}' already", file=document.file, remedy="add an alias"
            )


def stocks_at(document: Document, flow: Entry) -> tuple[Entry | None, Entry | None]:
    """The stocks that a flow drains and fills, None where there is none."""
    key = canonical(flow.name)
    found: list[Entry | None] = [None, None]
    for entry in document.variables.values():
        for place, names in enumerate((entry.outflows, entry.inflows)):
            if entry.kind == "stock" and entry.model == flow.model and key in map(canonical, names):
                found[place] = found[place] or entry
    return found[0], found[1]


def finite(document: Document, *values: float) -> None:
    """Raise when a coordinate is no number that can be drawn."""
    for value in values:
        if not math.isfinite(value) or abs(value) > 1e6:
            raise UsageError(f"the coordinate {value} cannot be drawn", file=document.file)


def free_place(boxes: Iterable[Box], size: tuple[float, float], near: Iterable[Point] = ()) -> Point:
    """A centre for a new element near others, so that its box meets none of the boxes.

    Parameters
    ----------
    boxes : iterable of Box
        What is drawn.
    size : (float, float)
        Width and height of the new element.
    near : iterable of (x, y)
        What it is connected to; with none the place is below everything.

    Examples
    --------
    >>> free_place([Box(100, 100, 80, 40)], (60, 20), [(100, 100)])
    (100, 140)
    """
    drawn = list(boxes)
    points = list(near)
    if not drawn and not points:
        return 200, 150
    width, height = size
    left = min([_GAP, *(box.x - box.width / 2 for box in drawn)])
    top = min([_GAP, *(box.y - box.height / 2 for box in drawn)])
    if points:
        x, y = (math.floor(sum(point[axis] for point in points) / len(points) + 0.5) for axis in (0, 1))
        new = Box(x, y, width, height)
        reach = _STEP * (_RINGS + 1)
        # of each box near: its centre, and how far from it a centre must stay
        close = [
            (box.x - x, box.y - y, (box.width + width) / 2 + _GAP, (box.height + height) / 2 + _GAP)
            for box in drawn
            if new.meets(box, reach)
        ]
        for dx, dy in _OFFSETS:
            inside = x + dx - width / 2 >= left and y + dy - height / 2 >= top
            if inside and not any(
                abs(a - dx) < across and abs(b - dy) < down for a, b, across, down in close
            ):
                return x + dx, y + dy
    below = max((box.y + box.height / 2 for box in drawn), default=0)
    start = min((box.x - box.width / 2 for box in drawn), default=left)
    return math.ceil(start + width / 2), math.ceil(below + height / 2 + 2 * _GAP)


def references_of(document: Document, text: str) -> Iterator[Reference]:
    """The variables that an equation names: no functions, no subscripts; lookups that are called count."""
    for one in references(text, document.format):
        if one.role == "name" or (one.role == "call" and one.name in document.variables):
            yield one


def wanted_links(document: Document, entry: Entry) -> tuple[dict[str, str], frozenset[str]]:
    """Which connectors a variable's equations ask for, and which others they permit.

    A flow's link into its stock is the pipe, and what only the initial value of a stock uses may be drawn or not.

    Returns
    -------
    needed : dict of str to str
        Canonical names, with a spelling of each.
    permitted : frozenset of str
        Further canonical names.
    """
    flows = {canonical(name) for name in (*entry.inflows, *entry.outflows)}
    needed: dict[str, str] = {}
    permitted = set(flows)
    for read in reads(document, entry):
        if read.role == "call" and read.key not in document.variables:
            continue
        if read.initial:
            permitted.add(read.key)
        elif read.key not in flows and read.key != canonical(entry.name):
            needed.setdefault(read.key, read.name)
    return needed, frozenset(permitted)
