"""Vensim's changes files (.cin): constants, initial values and lookups, as one policy.

The form is that of equations without tildes and bars (Vensim Help, "Constant Input Files").
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from sdtheory.documents import contents, recognised
from sdtheory.documents.lexer import Token, after_comment, spelled, tokens
from sdtheory.documents.saving import put_bytes
from sdtheory.documents.text import Text, byte_order_mark, file_name
from sdtheory.errors import ExperimentError, SDError, shown
from sdtheory.experiments.changes import LookupChange
from sdtheory.experiments.metric import Metric
from sdtheory.experiments.policy import Policy, split_element
from sdtheory.limits import Limits
from sdtheory.model.expression import Name
from sdtheory.model.model import Lookup, Model, Stock
from sdtheory.model.printing import name_text, number_text, points_text
from sdtheory.model.subscripts import coverage
from sdtheory.names import canonical

_END_OF_FILE = b"\x1a"  # of DOS
_QUOTED_OR_BRACE = re.compile(r'"(?:[^"\\\n]|\\.)*"|\{')
_PIECE = re.compile(r'"(?:[^"\\\n]|\\.)*"|[()\[\]]|[^\s"()\[\]]+')
_SHOWN = 100  # characters of a line around the fault


def read_changes(
    path: str | os.PathLike[str],
    model: Model | None = None,
    encoding: str | None = None,
    limits: Limits | None = None,
) -> tuple[Policy, str]:
    """The policy that a changes file is, named after the file, and the file's text.

    A later change of a variable takes the place of an earlier one.

    Parameters
    ----------
    path : path-like
    model : Model, optional
        Needed where one line gives the values of several elements: ``price[region] = 3, 2, 7``.
    encoding : str, optional
        Codec of the file when it is not what the file says (default: what it says, else UTF-8).
    limits : Limits, optional

    Raises
    ------
    ExperimentError
        When the file cannot be opened, or a line be read: with the line, and a caret under the fault.
    """
    limits = limits or Limits()
    try:
        data, source = contents(path, Limits(file_bytes=limits.experiment_bytes))
        data = data.rstrip(b" \t\r\n").removesuffix(_END_OF_FILE)
        codec = recognised(data, "vensim", encoding, source)[1] if data.strip() else "utf-8"
        text = Text(data, codec, byte_order_mark(data)[1], file_name(source.path))
    except SDError as error:
        raise ExperimentError(error.message, file=shown(path, 4096), remedy=error.remedy) from None
    return _Reader(str(path), text, model).policy(Path(path).stem), text.text


def final_stocks(model: Model) -> tuple[Metric, ...]:
    """What is compared where a changes file is the whole experiment: every stock at the end, without a direction.

    Examples
    --------
    >>> import sdtheory as sd
    >>> [metric.name for metric in final_stocks(sd.load("models/m0_seed.xmile"))][:2]
    ['capability at the end', 'understanding at the end']
    """
    found = []
    for variable in model:
        if isinstance(variable, Stock) and not variable.owner:
            cells = coverage(model, variable) if variable.dimensions else [()]
            for cell in cells:
                name = variable.name + (f"[{','.join(cell)}]" if cell else "")
                found.append(Metric(f"{name} at the end", Name(variable.name, tuple(cell)), "final"))
    return tuple(found)


def write_cin(policy: Policy, path: str | os.PathLike[str], model: Model | None = None) -> None:
    """Write a policy as a changes file, with the line ends of Windows.

    Parameters
    ----------
    policy : Policy
    path : path-like
    model : Model, optional
        When given, a graph of time in the place of a variable that is no lookup is refused.

    Raises
    ------
    ExperimentError
        When the policy has changes that such a file cannot hold; all are named.
    """
    cannot = [f"{type(one).__name__} of structure" for one in policy.structure]
    lines = ["{UTF-8}"]
    for name, value in policy.set.items():
        if math.isfinite(value):
            lines.append(f"{_left(name)} = {number_text(float(value))}")
        else:
            cannot.append(f"'{name}' = {value}")
    for change in policy.changes:
        if _writable(change, model):
            assert isinstance(change, LookupChange)
            lines.append(f"{_left(change.variable)}({points_text(change.table())})")
        else:
            cannot.append(
                f"the {type(change).__name__.removesuffix('Change').lower()} of '{change.variable}'"
            )
    if cannot:
        raise ExperimentError(
            f"policy '{policy.name}': a .cin cannot hold {', '.join(cannot)}",
            remedy="it holds constants, initial values and points of lookups; use a TOML file",
        )
    put_bytes(Path(path), ("\r\n".join(lines) + "\r\n").encode("utf-8"))


def _writable(change: object, model: Model | None) -> bool:
    if not isinstance(change, LookupChange) or canonical(change.of) != "time" or change.outside != "hold":
        return False
    head = split_element(change.variable)[0]
    return model is None or (head in model and isinstance(model[head], Lookup))


def _left(name: str) -> str:
    head, elements = split_element(name)
    if not name.isprintable() or not head.strip():
        raise ExperimentError(f"'{shown(name)}' is no name of a variable")
    inside = ",".join(name_text(element, "vensim") for element in elements)
    return name_text(head, "vensim") + (f"[{inside}]" if elements else "")


class _Reader:
    def __init__(self, file: str, text: Text, model: Model | None):
        self.file = file
        self.text = text
        self.model = model

    def policy(self, name: str) -> Policy:
        values: dict[str, tuple[str, float]] = {}
        lookups: dict[str, LookupChange] = {}
        for start, stop in self.lines():
            for left, found in self.changes(start, stop):
                key = canonical(left)
                values.pop(key, None)
                lookups.pop(key, None)
                if isinstance(found, float):
                    values[key] = (left, found)
                else:
                    lookups[key] = LookupChange(left, found)
        return Policy(name, set=dict(values.values()), changes=tuple(lookups.values()))

    def fault(self, offset: int, why: str) -> ExperimentError:
        line, column = self.text.place(offset)
        starts = [*self.text.line_starts, len(self.text.text)]
        own = self.text.text[starts[line - 1] : starts[line]].rstrip("\r\n").replace("\t", " ")
        first = max(0, column - _SHOWN)
        part = shown(own[first : first + 2 * _SHOWN], 2 * _SHOWN)
        lead = len(own[first:]) - len(own[first:].lstrip())
        caret = " " * max(column - 1 - first - lead, 0) + "^"
        return ExperimentError(
            f"{why}\n  {part}\n  {caret}", file=shown(self.file, 4096), line=line, column=column
        )

    def lines(self) -> Iterator[tuple[int, int]]:
        """Where each change stands: a line, and those that it goes on over."""
        clean = self.clean = _without_comments(self.text.text)
        start, depth, position = None, 0, 0
        for line in clean.splitlines(keepends=True):
            body = line.strip()
            if start is None and body:
                start = position
            for piece in _PIECE.findall(body):
                depth += (piece in ("(", "[")) - (piece in (")", "]"))
            position += len(line)
            if start is not None and depth <= 0 and not body.endswith(("\\", ",", "=")):
                yield start, position
                start, depth = None, 0
        if start is not None:
            yield start, position

    def changes(self, start: int, stop: int) -> Iterator[tuple[str, float | tuple[tuple[float, float], ...]]]:
        """The changes of one line: one, or one for each of several elements."""
        row = _Row(self, start, list(tokens(self.clean[start:stop], "vensim")), stop - start)
        search = row.at("number") and row.after_number() == "<="  # a line of an optimisation's control file
        if search:
            row.number()
            row.take("<=")
        name = row.name()
        elements = row.elements()
        left = name + (f"[{','.join(elements)}]" if elements else "")
        if row.now() == "(":
            yield left, row.points()
            row.end()
            return
        row.take("=")
        numbers = row.numbers()
        if search or row.now() == "<=":
            row.take("<=")
            row.number()
            row.skip_name()
        row.end()
        if len(numbers) == 1:
            yield left, numbers[0]
            return
        yield from zip(self.cells(name, elements, len(numbers), start), numbers, strict=True)

    def cells(self, name: str, elements: tuple[str, ...], count: int, start: int) -> list[str]:
        if self.model is None:
            raise self.fault(
                start, f"'{shown(name)}' is given {count} values; pass the model to tell of which elements"
            )
        try:
            variable = self.model[name]
        except SDError as error:
            raise self.fault(start, str(error).removeprefix(f"{error.file}: ")) from None
        choices = []
        for element in elements:
            dimension = self.model.dimensions.get(canonical(element))
            choices.append((element,) if dimension is None else dimension.elements)
        found = [""]
        for options in choices:
            found = [f"{before},{one}" if before else one for before in found for one in options]
        if len(found) != count:
            raise self.fault(
                start, f"'{variable.name}' has {len(found)} such elements, and {count} values are given"
            )
        return [f"{name}[{cell}]" for cell in found]


class _Row:
    """The pieces of one change, taken one after the other."""

    def __init__(self, reader: _Reader, start: int, pieces: list[Token], length: int):
        self.reader, self.start, self.pieces, self.length = reader, start, pieces, length
        self.place = 0

    def now(self) -> str:
        return self.pieces[self.place].text if self.place < len(self.pieces) else ""

    def at(self, kind: str) -> bool:
        return self.place < len(self.pieces) and self.pieces[self.place].kind == kind

    def after_number(self) -> str:
        return self.pieces[self.place + 1].text if self.place + 1 < len(self.pieces) else ""

    def fault(self, wanted: str) -> ExperimentError:
        if self.place < len(self.pieces):
            offset = self.start + self.pieces[self.place].start
        else:
            offset = self.start + (self.pieces[-1].stop if self.pieces else 0)
        return self.reader.fault(offset, f"this line cannot be read: {wanted} is wanted here")

    def take(self, text: str) -> None:
        if self.now() != text:
            raise self.fault(f"'{text}'")
        self.place += 1

    def end(self) -> None:
        if self.place < len(self.pieces):
            raise self.fault("the end of the line")

    def name(self) -> str:
        if not self.at("name"):
            raise self.fault("the name of a constant, a stock or a lookup")
        self.place += 1
        return spelled(self.pieces[self.place - 1].text)

    def skip_name(self) -> None:
        self.place += self.at("name")

    def elements(self) -> tuple[str, ...]:
        if self.now() != "[":
            return ()
        self.take("[")
        found = [self.name()]
        while self.now() == ",":
            self.take(",")
            found.append(self.name())
        self.take("]")
        return tuple(found)

    def number(self) -> float:
        sign = 1.0
        if self.now() in ("-", "+"):
            sign = -1.0 if self.now() == "-" else 1.0
            self.place += 1
        if not self.at("number") or not math.isfinite(float(self.now())):
            raise self.fault("a number")
        self.place += 1
        return sign * float(self.pieces[self.place - 1].text)

    def numbers(self) -> list[float]:
        found = [self.number()]
        while self.now() == ",":
            self.take(",")
            found.append(self.number())
        return found

    def points(self) -> tuple[tuple[float, float], ...]:
        """Pairs, or all x followed by all y; a range of the axes before them is passed over."""
        self.take("(")
        if self.now() == "[":
            while self.now() not in ("]", ""):
                self.place += 1
            self.take("]")
            if self.now() == ",":
                self.take(",")
        first = self.place
        if self.now() == "(":
            found = [self.pair()]
            while self.now() == ",":
                self.take(",")
                found.append(self.pair())
        else:
            flat = self.numbers()
            half = len(flat) // 2
            if len(flat) % 2:
                raise self.fault("as many x as y")
            found = list(zip(flat[:half], flat[half:], strict=True))
        if any(right[0] <= left[0] for left, right in pairwise(found)):
            self.place = first
            raise self.fault("a list of points with rising x")
        self.take(")")
        return tuple(found)

    def pair(self) -> tuple[float, float]:
        self.take("(")
        x = self.number()
        self.take(",")
        y = self.number()
        self.take(")")
        return x, y


def _without_comments(text: str) -> str:
    """The text with spaces in the place of comments, so that all else stays where it is."""
    parts, position = [], 0
    while match := _QUOTED_OR_BRACE.search(text, position):
        end = match.end()
        if match.group() != "{":
            parts.append(text[position:end])
        else:
            end = after_comment(text, match.start()) or len(text)
            blank = re.sub(r"[^\r\n]", " ", text[match.start() : end])
            parts.append(text[position : match.start()] + blank)
        position = end
    return "".join([*parts, text[position:]])
