"""One view of a Vensim document, opened for editing: lines changed, taken away and added."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from sdtheory.documents.drafting import Box
from sdtheory.documents.lexer import spelled
from sdtheory.documents.splice import Edit
from sdtheory.documents.vensim_sketch import (
    COMMENT,
    POINT,
    VALVE,
    WORD,
    Arrow,
    Shape,
    fields,
    sketches_between,
)
from sdtheory.documents.vensim_view import PIPE_THICKNESS, Reading
from sdtheory.documents.vensim_writing import Opened
from sdtheory.documents.view import Element, Point
from sdtheory.errors import DocumentError, shown
from sdtheory.names import canonical

_LINE = re.compile(r"[^\r\n]*")
_LINE_END = re.compile(r"\r*\n|\r")
_NUMBERED = re.compile(r"[|>]?(?:\d+,)?(\d+),")
_INTEGER = re.compile(r"-?\d+")
CLOUD = "48"

Item = Shape | Arrow | Element


class Drawing:
    """A view with the changes that are to be made in it.

    Parameters
    ----------
    file : Opened
    number : int
        Of the view, from 0.
    """

    def __init__(self, file: Opened, number: int):
        self.file = file
        self.number = number
        self.view = file.document.views[number]
        start, stop = file.offsets(self.view.spans["whole"])
        document = file.document
        decoded = file.layout.decoded
        (self.sketch,) = sketches_between(decoded, start, stop, [], document.file, document.limits)
        self.reading = Reading(decoded, number, self.sketch, document.variables, [])
        self.shapes = self.reading.shapes
        self.arrows = [item for item in self.sketch.items if isinstance(item, Arrow)]
        self._changes: dict[tuple[int, int], str] = {}
        self._removed: dict[int, Item] = {}
        self._added: list[str] = []
        self._taken: list[Box] = []
        self._next = 0

    # what is there

    @property
    def old(self) -> bool:
        """Whether the view is of the old kind that is only shown and moved."""
        if "version" not in self.view.spans:
            return False
        return self.file.text[slice(*self.file.offsets(self.view.spans["version"]))].split()[0] == "V160"

    def check_new(self) -> None:
        """Raise when elements of this view cannot be added, removed or joined."""
        if self.old:
            raise DocumentError(
                f"view '{shown(self.view.name)}' is in the old format V160: elements can be moved only",
                file=self.file.document.file,
                line=self.view.line,
                remedy="save the model with a newer Vensim first",
            )

    def words(self, name: str) -> list[Shape]:
        """The words that show a variable, the original first, then its ghosts."""
        key = canonical(name)
        found = [
            one for one in self.shapes.values() if one.type == WORD and canonical(spelled(one.name)) == key
        ]
        return sorted(found, key=lambda one: not one.bits & 1)

    def original(self, name: str) -> Shape | None:
        """The word that shows a variable and is no ghost."""
        return next((one for one in self.words(name) if one.bits & 1), None)

    def touching(self, numbers: Iterable[int]) -> list[Arrow]:
        """Arrows that begin or end at one of these objects."""
        wanted = set(numbers)
        return [one for one in self.arrows if one.source in wanted or one.target in wanted]

    def boxes(self) -> list[Box]:
        """What takes room, with what has been added."""
        drawn = [one for one in self.shapes.values() if id(one) not in self._removed]
        return [*(Box(one.x, one.y, one.width, one.height) for one in drawn), *self._taken]

    def take(self, box: Box) -> None:
        """Keep room for something new."""
        self._taken.append(box)

    def sibling(self, near: Point, type: int, fits) -> Shape | None:
        """The nearest object of a type, not hidden, that fits."""
        ones = [one for one in self.shapes.values() if one.type == type and not one.hidden and fits(one)]
        return min(ones, key=lambda one: math.hypot(one.x - near[0], one.y - near[1]), default=None)

    # fields of lines

    def line(self, item: Item) -> tuple[int, int]:
        """The range of the item's own line, without the text that follows a comment."""
        return self.file.offsets(item.spans["whole"])

    def place(self, item: Item) -> tuple[int, int]:
        """The range of all lines of an item."""
        return self.file.offsets(item.spans["whole"]) if isinstance(item, Element) else item.place

    def fields(self, item: Item) -> list[str]:
        """The fields of the item's line as written."""
        return [self.file.text[a:b] for a, b in fields(self.file.text, *self.line(item))]

    def set_field(self, item: Item, number: int, text: str) -> None:
        """Give the item another text in one field."""
        part = fields(self.file.text, *self.line(item))[number]
        if self.file.text[slice(*part)] != text:
            self._changes[part] = text

    def set_number(self, item: Item, label: str, value: float) -> None:
        """Give the item another coordinate; one that is the same keeps its text."""
        part = self.file.offsets(item.spans[label])
        self._set_coordinate(part, value)

    def _set_coordinate(self, part: tuple[int, int], value: float) -> None:
        old = self.file.text[slice(*part)]
        if float(old) != value:
            self._changes[part] = coordinate(value) if _INTEGER.fullmatch(old) else repr(round(value, 2))

    def move_points(self, arrow: Arrow, moved: list[Point]) -> None:
        """Give the arrow's points, one by one, other places."""
        place = self.file.offsets(arrow.spans["points"]) if "points" in arrow.spans else arrow.place
        found = POINT.finditer(self.file.text, *place)
        for match, point in zip(found, moved, strict=True):
            for group, value in zip((1, 2), point, strict=True):
                self._set_coordinate(match.span(group), value)

    def set_points(self, arrow: Arrow, points: list[Point]) -> None:
        """Give the arrow another list of points."""
        part = self.file.offsets(arrow.spans["points"])
        text = points_text(points)
        if self.file.text[slice(*part)] != text:
            self._changes[part] = text

    # lines

    def new_id(self) -> int:
        """A number that no object of the view has."""
        if not self._next:
            numbers = [item.id for item in self.sketch.items if not isinstance(item, Element)]
            for item in self.sketch.items:
                if isinstance(item, Element) and (found := _NUMBERED.match(item.raw)):
                    numbers.append(int(found.group(1)))
            self._next = max(numbers, default=0)
        self._next += 1
        return self._next

    def add(self, *lines: str) -> None:
        """Add lines behind the last object."""
        self._added += lines

    def remove(self, items: Iterable[Item]) -> None:
        """Take lines away."""
        for item in items:
            self._removed[id(item)] = item

    def remove_shapes(self, numbers: Iterable[int]) -> None:
        """Take objects away, with the arrows that touch them and the clouds that only these pipes had."""
        going = set(numbers)
        arrows = self.touching(going)
        ends = {
            end for arrow in arrows if arrow.thick >= PIPE_THICKNESS for end in (arrow.source, arrow.target)
        }
        leaving = {id(arrow) for arrow in arrows}
        for number in ends - going:
            if self.is_cloud(number) and all(id(arrow) in leaving for arrow in self.touching([number])):
                going.add(number)
        self.remove(arrows)
        self.remove(item for item in self.sketch.items if isinstance(item, Shape) and item.id in going)

    def is_cloud(self, number: int) -> bool:
        """Whether this object is a cloud."""
        shape = self.shapes.get(number)
        return shape is not None and shape.type == COMMENT and not shape.bits & 4 and shape.name == CLOUD

    def item_of(self, element: Element) -> Item:
        """The line that an element was read from; of a flow that of its valve."""
        start = self.file.offsets(element.spans["whole"])[0]
        return next(item for item in self.sketch.items if self.place(item)[0] == start)

    def numbers_of(self, element: Element) -> list[int]:
        """The objects that an element is: of a flow the valve and its word."""
        number = int(element.uid)
        word = self.reading.word_of.get(number) if self.shapes[number].type == VALVE else None
        return [number] if word is None else [number, word]

    def edits(self) -> list[Edit]:
        """The edits that make all changes."""
        text = self.file.text
        gone = []
        for item in self._removed.values():
            start, stop = self.place(item)
            end = _LINE_END.match(text, stop)
            gone.append((start, end.end() if end else stop))
        found = [self.file.edit(start, stop, "") for start, stop in gone]
        for (start, stop), new in self._changes.items():
            if not any(first <= start < last for first, last in gone):
                found.append(self.file.edit(start, stop, new))
        if self._added:
            found.append(self._insertion())
        return found

    def _insertion(self) -> Edit:
        text = self.file.text
        last = max((self.place(item)[1] for item in self.sketch.items), default=0)
        if not last:
            spans = [span for part, span in self.sketch.spans.items() if part != "whole"]
            last = max((self.file.offsets(span)[1] for span in spans), default=0)
        if not last:
            start = self.file.offsets(self.view.spans["whole"])[0]
            found = _LINE.match(text, start)
            last = found.end() if found else start
        end = _LINE_END.match(text, last)
        joined = "\n".join(self._added)
        return (
            self.file.edit(end.end(), end.end(), joined + "\n")
            if end
            else self.file.edit(last, last, "\n" + joined)
        )


def coordinate(value: float) -> str:
    """A coordinate as Vensim writes it: a whole number.

    Examples
    --------
    >>> coordinate(10.5), coordinate(-0.2)
    ('11', '0')
    """
    return str(math.floor(value + 0.5))


def points_text(points: Iterable[Point]) -> str:
    """The last field of an arrow.

    Examples
    --------
    >>> points_text([(1, 2.4)])
    '1|(1,2)|'
    """
    found = list(points) or [(0.0, 0.0)]
    return f"{len(found)}|" + "".join(f"({coordinate(x)},{coordinate(y)})|" for x, y in found)
