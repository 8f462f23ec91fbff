"""The equation blocks of a Vensim file: where each begins and ends, and the parts of its left side."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from functools import lru_cache

from sdtheory.documents.lexer import after_comment, spelled
from sdtheory.documents.text import Text
from sdtheory.errors import DocumentError, shown
from sdtheory.limits import Limits, beyond

_BEFORE_TILDE = re.compile(r'["{~|]')
_IN_QUOTES = re.compile(r'["\\]')
_IN_BRACKETS = re.compile(r'[\]"{]')
_BLANK = re.compile(r"[ \t\r\n\f\v]*")
_NAME_END = re.compile(r"[\[(=:<{~|]")
_KEYWORD = re.compile(r":(INTERPOLATE|RAW|HOLD BACKWARD|LOOK FORWARD|EXCEPT):", re.IGNORECASE)
_OTHER_KEYWORD = re.compile(r":[A-Za-z][A-Za-z ]*:")
_OPERATOR = re.compile(r":=|==|<->|[=:(]")
_REMEMBERED = 400  # characters of a field whose reading is kept
_MACRO = re.compile(r":MACRO:", re.IGNORECASE)
_END_OF_MACRO = re.compile(r":END OF MACRO:", re.IGNORECASE)
_STARS = re.compile(r"[*]+")
_CONTINUED = re.compile(r"\\(?:\r\n?|\n)[ \t]*")

Range = tuple[int, int]


@dataclass
class Piece:
    """One block; ranges are characters of the text, trimmed of white space and continued line ends."""

    start: int
    stop: int
    name: str
    name_range: Range
    group: str = ""
    macro: int | None = None  # number of the macro that it stands in
    subscripts: Range | None = None
    exceptions: list[Range] = field(default_factory=list)
    keywords: list[str] = field(default_factory=list)
    operator: str = ""
    equation: Range | None = None
    units: Range | None = None
    documentation: Range | None = None
    supplementary: bool = False
    understood: bool = True

    def read(self, text: str, what: str) -> str:
        """The equation as written; the units or the documentation as people read them; "" when absent."""
        part = {"equation": self.equation, "units": self.units, "documentation": self.documentation}[what]
        if part is None:
            return ""
        if what == "units":
            return units_of(text[slice(*part)]).plain
        return prose(text[slice(*part)]) if what == "documentation" else text[slice(*part)]


@dataclass
class Heading:
    """A group: its name, its documentation, and where it starts."""

    name: str
    documentation: str
    start: int


@dataclass
class MacroHeading:
    """``:MACRO: NAME(parameters : outputs)``."""

    name: str
    name_range: Range
    parameters: tuple[str, ...]
    outputs: tuple[str, ...]
    start: int
    stop: int


@dataclass
class Blocks:
    """What the equation part of the file holds, in file order."""

    pieces: list[Piece] = field(default_factory=list)
    groups: list[Heading] = field(default_factory=list)
    macros: list[MacroHeading] = field(default_factory=list)


def trimmed(text: str, start: int, stop: int) -> Range:
    """The range without white space and continued line ends around it."""
    while start < stop and (text[start] in " \t\r\n\f\v" or _continues(text, start, stop)):
        start += 1
    while start < stop and (text[stop - 1] in " \t\r\n\f\v" or _continues(text, stop - 1, len(text))):
        stop -= 1
    return start, stop


def _continues(text: str, position: int, stop: int) -> bool:
    return text[position] == "\\" and position + 1 < stop and text[position + 1] in "\r\n"


def split(decoded: Text, start: int, stop: int, file: str, limits: Limits) -> Blocks:
    """Find every block between `start` and `stop`.

    Raises
    ------
    DocumentError
        An unclosed quote, comment or macro; a last equation without its end mark.
    LimitError
        Too many equations, or too long a one.
    """
    text = decoded.text
    found = Blocks()
    group = ""
    macro: int | None = None
    position = start
    while True:
        position, comment_group = _skip(decoded, position, stop, file)
        if comment_group is not None:
            group = comment_group
            found.groups.append(Heading(group, "", position))
        if position >= stop:
            break
        if text.startswith("|", position):  # an empty block
            position += 1
        elif _MACRO.match(text, position):
            if macro is not None:
                raise _error(
                    decoded, position, "a macro inside a macro", file, "end the first with :END OF MACRO:"
                )
            heading, position = _macro_heading(decoded, position, stop, file)
            found.macros.append(heading)
            macro = len(found.macros) - 1
        elif ending := _END_OF_MACRO.match(text, position):
            if macro is None:
                raise _error(decoded, position, ":END OF MACRO: without :MACRO:", file)
            found.macros[macro].stop = position = ending.end()
            macro = None
        elif text.startswith("***", position):
            heading_, position = _group_heading(decoded, position, stop, file)
            found.groups.append(heading_)
            group = heading_.name
        else:
            piece, position = _piece(decoded, position, stop, file)
            if len(found.pieces) >= limits.variables:
                raise beyond(
                    "more equations", limits.variables, "variables", file, *decoded.place(piece.start)
                )
            if piece.equation and piece.equation[1] - piece.equation[0] > limits.equation_bytes:
                place = decoded.place(piece.equation[0])
                raise beyond(
                    "an equation with more bytes", limits.equation_bytes, "equation_bytes", file, *place
                )
            piece.group, piece.macro = group, macro
            found.pieces.append(piece)
        if len(found.groups) + len(found.macros) > limits.variables:
            raise beyond(
                "more groups and macros", limits.variables, "variables", file, *decoded.place(position - 1)
            )
    if macro is not None:
        raise _error(decoded, found.macros[macro].start, "the macro is not ended", file, "add :END OF MACRO:")
    return found


def _error(decoded: Text, offset: int, message: str, file: str, remedy: str | None = None) -> DocumentError:
    line, column = decoded.place(offset)
    return DocumentError(message, file=file, line=line, column=column, remedy=remedy)


def _skip(decoded: Text, position: int, stop: int, file: str) -> tuple[int, str | None]:
    """Skip white space and comments; a comment ``{**Name**}`` opens a group."""
    text = decoded.text
    group = None
    while True:
        match = _BLANK.match(text, position, stop)
        position = match.end() if match else position
        if position < stop and _continues(text, position, stop):
            position += 1
            continue
        if not text.startswith("{", position, stop):
            return position, group
        end = _comment_end(decoded, position, stop, file)
        if text.startswith("{**", position) and text.startswith("**}", end - 3) and end - position > 6:
            group = text[position:end].strip("{}*. \t\r\n")
        position = end


def _comment_end(decoded: Text, position: int, stop: int, file: str) -> int:
    end = after_comment(decoded.text, position, stop)
    if end is None:
        raise _error(decoded, position, "the comment is not closed", file, "close it with '}'")
    return end


def _quote_end(decoded: Text, position: int, stop: int, file: str) -> int:
    """Offset behind the quoted name whose first quote sign is at `position`."""
    start = position
    position += 1
    while match := _IN_QUOTES.search(decoded.text, position, stop):
        position = match.end()
        if match.group() == '"':
            return position
        position += 1
    raise _error(decoded, start, "the quote is not closed", file, "close it with '\"'")


def _group_heading(decoded: Text, start: int, stop: int, file: str) -> tuple[Heading, int]:
    text = decoded.text
    end = text.find("|", start, stop)
    if end < 0:
        raise _error(decoded, start, "the group is not ended by '|'", file)
    tilde = text.find("~", start, end)
    title = text[start : tilde if tilde >= 0 else end]
    documentation = text[tilde + 1 : end] if tilde >= 0 else ""
    name = _STARS.sub(" ", title).strip(" \t\r\n")
    return Heading(spelled(name.removeprefix(".")), documentation.strip(" \t\r\n~"), start), end + 1


def _macro_heading(decoded: Text, start: int, stop: int, file: str) -> tuple[MacroHeading, int]:
    text = decoded.text
    opening = text.find("(", start, stop)
    closing = text.find(")", opening, stop) if opening >= 0 else -1
    if closing < 0:
        raise _error(decoded, start, "the macro has no parameter list", file, "write :MACRO: NAME(inputs)")
    name_range = trimmed(text, start + len(":MACRO:"), opening)
    inputs, _, outputs = text[opening + 1 : closing].partition(":")
    names = [tuple(spelled(part) for part in side.split(",") if part.strip()) for side in (inputs, outputs)]
    name = spelled(text[name_range[0] : name_range[1]])
    return MacroHeading(name, name_range, names[0], names[1], start, closing + 1), closing + 1


def equation_end(decoded: Text, position: int, stop: int, file: str) -> int:
    """Offset of the first ``~`` or ``|`` outside quotes and comments; `stop` when there is none."""
    while match := _BEFORE_TILDE.search(decoded.text, position, stop):
        if match.group() in "~|":
            return match.start()
        close = _quote_end if match.group() == '"' else _comment_end
        position = close(decoded, match.start(), stop, file)
    return stop


def _piece(decoded: Text, start: int, stop: int, file: str) -> tuple[Piece, int]:
    text = decoded.text
    first = equation_end(decoded, start, stop, file)
    end = first if text.startswith("|", first) else text.find("|", first, stop)
    if first >= stop or end < 0:
        raise _error(decoded, start, "the last equation is not ended by '|'", file)
    piece = _left_side(decoded, start, first, file)
    piece.stop = end + 1
    if first < end:
        tildes = [first]
        while len(tildes) < 4 and (tilde := text.find("~", tildes[-1] + 1, end)) >= 0:
            tildes.append(tilde)
        ends = [*tildes[1:], end]
        parts = [trimmed(text, tilde + 1, ends[index]) for index, tilde in enumerate(tildes)]
        piece.units = parts[0]
        piece.documentation = parts[1] if len(parts) > 1 else None
        piece.supplementary = any(":SUPPLEMENTARY" in text[a:b].upper() for a, b in parts[2:])
    return piece, end + 1


def _left_side(decoded: Text, start: int, stop: int, file: str) -> Piece:
    """Name, subscripts, exceptions, keywords and operator; `stop` is the end of the equation."""
    text = decoded.text
    if text.startswith('"', start):
        name_end = _quote_end(decoded, start, stop, file)
    else:
        match = _NAME_END.search(text, start, stop)
        name_end = match.start() if match else stop
    name_range = trimmed(text, start, name_end)
    name = spelled(text[slice(*name_range)])
    piece = Piece(start, stop, name, name_range)
    position, _ = _skip(decoded, name_end, stop, file)
    after_except = False
    while position < stop:
        if text[position] == "[":
            inside, position = _brackets(decoded, position, stop, file)
            if after_except:
                piece.exceptions.append(inside)
            elif piece.subscripts is None:
                piece.subscripts = inside
            else:
                break
        elif keyword := _KEYWORD.match(text, position, stop):
            after_except = keyword.group(1).upper() == "EXCEPT"
            if not after_except:
                piece.keywords.append(keyword.group().upper())
            position = keyword.end()
        elif after_except and text[position] == ",":
            position += 1
        else:
            break
        position, _ = _skip(decoded, position, stop, file)
    # ":TEST INPUT:" and reality checks also begin with a colon, but declare no subscript range
    strange = _OTHER_KEYWORD.match(text, position, stop)
    operator = None if strange else _OPERATOR.match(text, position, stop)
    if operator:
        piece.operator = operator.group()
        piece.equation = trimmed(text, operator.end() - (piece.operator == "("), stop)
    piece.understood = bool(name) and (operator is not None or position >= stop)
    if not name:
        piece.name = shown(text[start:stop].strip() or "|", 40)
    return piece


def _brackets(decoded: Text, start: int, stop: int, file: str) -> tuple[Range, int]:
    position = start + 1
    while match := _IN_BRACKETS.search(decoded.text, position, stop):
        if match.group() == "]":
            return trimmed(decoded.text, start + 1, match.start()), match.end()
        close = _quote_end if match.group() == '"' else _comment_end
        position = close(decoded, match.start(), stop, file)
    raise _error(decoded, start, "the bracket is not closed", file, "close it with ']'")


@dataclass(frozen=True)
class Units:
    """The second field of a block: the units on one line, their range, and where both stand in the field."""

    plain: str
    place: Range
    limits: tuple[float | None, float | None] | None = None
    limits_place: Range | None = None


def _units_of(field: str) -> Units:
    opening = field.rfind("[")
    place, limits, limits_place = (0, len(field)), None, None
    parts = field[opening + 1 : -1].split(",") if opening >= 0 and field.endswith("]") else []
    if 1 < len(parts) <= 3:
        bounds = [_bound(part) for part in parts]
        if _NOT_A_BOUND not in bounds:
            limits, limits_place = (bounds[0], bounds[1]), (opening, len(field))
            place = trimmed(field, 0, opening)
    plain = " ".join(_CONTINUED.sub(" ", field[slice(*place)]).split())
    return Units(plain, place, limits, limits_place)  # type: ignore[arg-type]


_remembered_units = lru_cache(maxsize=1024)(_units_of)


def units_of(field: str) -> Units:
    """The units in a field, without the range ``[low, high, step]`` at its end, and that range.

    Examples
    --------
    >>> units_of("Person/Year [0,?]").plain, units_of("Person/Year [0,?]").limits
    ('Person/Year', (0.0, None))
    """
    return _remembered_units(field) if len(field) <= _REMEMBERED else _units_of(field)


_NOT_A_BOUND = object()


def _bound(text: str) -> object:
    text = text.strip(" \t\r\n\\")
    if text in ("?", ""):
        return None
    try:
        value = float(text)
    except ValueError:
        return _NOT_A_BOUND
    return None if math.isnan(value) else value  # some programs write nan where Vensim writes ?


def prose(text: str) -> str:
    """Documentation without continued line ends and the indentation of its lines."""
    return _remembered_prose(text) if len(text) <= _REMEMBERED else _prose(text)


def _prose(text: str) -> str:
    lines = _CONTINUED.sub(" ", text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(line.strip(" \t") for line in lines).strip()


_remembered_prose = lru_cache(maxsize=4096)(_prose)
