"""Where a new equation block goes in a Vensim file, and how it is written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sdtheory.documents.splice import Edit
from sdtheory.documents.vensim_blocks import split
from sdtheory.documents.vensim_writing import Opened, written
from sdtheory.documents.words import CONTROLS
from sdtheory.names import canonical


@dataclass
class _Section:
    """The blocks between two group headings: keys of the variables, and where the last block or macro ends."""

    group: str | None
    keys: set[str] = field(default_factory=set)
    stop: int | None = None


def indented(documentation: str) -> str:
    """A documentation with its further lines two tabs in, as Vensim writes it."""
    lines = [line.strip(" \t") for line in documentation.split("\n")]
    return "\n".join("\t\t" + line if number and line else line for number, line in enumerate(lines))


def block_text(name: str, equation: str, units: str, documentation: str) -> str:
    """A block of the equation part, without line ends around it.

    Examples
    --------
    >>> print(block_text("births", "rate * people", "people/year", "").expandtabs(2))
    births=
      rate * people
      ~ people/year
      ~
      |
    """
    begin = (
        f"{written(name)}= {equation}"
        if equation.startswith("INTEG (\n")
        else f"{written(name)}=\n\t{equation}"
    )
    return "\n\t".join([begin, f"~\t{units}".rstrip(), f"~\t{indented(documentation)}".rstrip(), "|"])


def stock_equation(rate: str, initial: str) -> str:
    """``INTEG`` as Vensim lays it out."""
    return f"INTEG (\n\t\t{rate},\n\t\t\t{initial})"


def inserted(file: Opened, blocks: list[str], neighbours: Iterable[str]) -> Edit:
    """The edit that adds blocks at the end of a neighbour's group, else before ``.Control`` or the sketch.

    Parameters
    ----------
    file : Opened
    blocks : list of str
    neighbours : iterable of str
        Names of variables; the first one in a group that is not ``.Control`` decides, unless the new blocks are
        control variables themselves.
    """
    sections = _sections(file)
    keys = [canonical(name) for name in neighbours]
    controlling = any(canonical(block.partition("=")[0]) in CONTROLS for block in blocks)
    place: int | None = None
    if len(sections) > 1:
        homes = (one for key in keys for one in sections if key in one.keys)
        place = next((one.stop for one in homes if controlling or not _is_control(one)), None)
    if place is None:
        before = sections
        if not controlling:
            number = next((n for n, one in enumerate(sections) if _is_control(one)), len(sections))
            before = sections[:number]
        place = max((one.stop for one in before if one.stop is not None), default=None)
    joined = "\n\n".join(blocks)
    if place is not None:
        return file.edit(place, place, "\n\n" + joined)
    start = file.layout.start
    return file.edit(start, start, "\n" + joined if start else joined + "\n\n")


def _is_control(section: _Section) -> bool:
    return section.group is not None and canonical(section.group) == "control"


def _sections(file: Opened) -> list[_Section]:
    layout, document = file.layout, file.document
    blocks = split(layout.decoded, layout.start, layout.stop, document.file, document.limits)
    headings = [(one.start, one) for one in blocks.groups]
    items = [(one.start, one.stop, canonical(one.name)) for one in blocks.pieces if one.macro is None]
    items += [(one.start, one.stop, "") for one in blocks.macros]
    sections = [_Section(None)]
    position = 0
    for start, stop, key in sorted(items):
        while position < len(headings) and headings[position][0] <= start:
            sections.append(_Section(headings[position][1].name))
            position += 1
        sections[-1].keys.add(key)
        sections[-1].stop = stop
    sections += [_Section(heading.name) for _, heading in headings[position:]]
    return sections
