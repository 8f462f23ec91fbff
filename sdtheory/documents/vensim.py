"""Vensim ``.mdl``: equations, settings and sketch become an index of the document."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sdtheory.documents.index import (
    Block,
    Dimension,
    Entry,
    Group,
    Index,
    Lookup,
    Macro,
    Names,
    Simulation,
    UnitDefinition,
)
from sdtheory.documents.lexer import (
    additive_terms,
    call_arguments,
    is_constant,
    name_of_term,
    references,
    spelled,
    tokens,
    unwrapped,
)
from sdtheory.documents.text import Span, Spans, Text
from sdtheory.documents.vensim_blocks import (
    Blocks,
    Heading,
    Piece,
    Range,
    prose,
    split,
    trimmed,
    units_of,
)
from sdtheory.documents.vensim_layout import Layout, laid_out
from sdtheory.documents.vensim_view import views_of
from sdtheory.documents.view import View
from sdtheory.errors import Issue, shown
from sdtheory.limits import Limits, beyond
from sdtheory.names import canonical

_SETTING = re.compile(r"(?<![^\r\n])(15|22):([^\r\n]*)")  # the only ones that are read
_REMEMBERED = 1000  # characters of an equation whose reading is kept
_CONTROLS = {
    "initial time": "start",
    "final time": "stop",
    "time step": "time_step",
    "saveper": "save_every",
}
_CONSTANT_CALLS = frozenset({"get xls constants", "get direct constants", "tabbed array"})
_DATA_CALLS = frozenset({"get xls data", "get direct data", "get 123 data"})
_NO_LOOKUP = frozenset({"get xls lookups", "get direct lookups", "get 123 lookups"})


def index(data: bytes, encoding: str, file: str, limits: Limits) -> Index:
    """Index a Vensim file.

    Raises
    ------
    DocumentError
        The bytes are not of the encoding, or the equations cannot be told apart.
    LimitError
        More variables, or a longer equation, than `limits` allows.
    """
    layout = laid_out(data, encoding, file)
    decoded, settings = layout.decoded, layout.settings
    blocks = split(decoded, layout.start, layout.stop, file, limits)
    notes: list[Issue] = []
    variables = _entries(decoded, [piece for piece in blocks.pieces if piece.macro is None], notes)
    views: tuple[View, ...] = ()
    if layout.sketch:
        views = views_of(decoded, *layout.sketch, variables, notes, file, limits)
    lines = _settings_lines(decoded, settings, file, limits) if settings is not None else []
    notes += _cut_off(layout, lines)
    return Index(
        text=decoded.text,
        variables=variables,
        views=views,
        simulation=_simulation(decoded, variables, lines),
        dimensions=_dimensions(decoded, blocks.pieces),
        macros=_macros(decoded, blocks, notes),
        groups=_groups(decoded, blocks),
        modules=(),
        unit_definitions=_unit_definitions(decoded, lines),
        notes=tuple(notes),
    )


def _entries(decoded: Text, pieces: Sequence[Piece], notes: list[Issue]) -> Names[Entry]:
    """One entry for each name, with the blocks that define it in file order."""
    by_key: dict[str, list[Piece]] = {}
    for piece in pieces:
        by_key.setdefault(canonical(piece.name), []).append(piece)
    said = {key: [_said(piece, decoded.text) for piece in same] for key, same in by_key.items()}
    kinds = {key: _overall_kind(key, [one.kind for one in several]) for key, several in said.items()}
    flows = {
        canonical(name)
        for key, kind in kinds.items()
        if kind == "stock"
        for one in said[key]
        for name in (*one.inflows, *one.outflows)
    }
    for key in flows & kinds.keys():
        if kinds[key] in ("auxiliary", "constant", "data"):
            kinds[key] = "flow"
    return Names({key: _entry(decoded, same, said[key], kinds[key], notes) for key, same in by_key.items()})


@dataclass(frozen=True)
class _Said:
    """What an equation says: ranges and lookup of its own text, and the flows of a stock."""

    kind: str
    rate: Range | None = None
    initial: Range | None = None
    lookup: Lookup | None = None
    inflows: tuple[str, ...] = ()
    outflows: tuple[str, ...] = ()


def _entry(decoded: Text, pieces: list[Piece], said: list[_Said], kind: str, notes: list[Issue]) -> Entry:
    text = decoded.text
    first = pieces[0]
    line, column = decoded.place(first.name_range[0])
    blocks = tuple(_block(decoded, piece, one) for piece, one in zip(pieces, said, strict=True))
    units = [units_of(text[slice(*piece.units)]) for piece in pieces if piece.units]
    documentation = [prose(text[slice(*piece.documentation)]) for piece in pieces if piece.documentation]
    if any(one.kind == "opaque" for one in said):
        notes.append(Issue("warning", "not-understood", "kept, but not understood", first.name, line, column))
    return Entry(
        name=first.name,
        kind=kind,
        units=next((one.plain for one in units if one.plain), ""),
        documentation=next((one for one in documentation if one), ""),
        limits=next((one.limits for one in units if one.limits), None),
        blocks=blocks,
        group=first.group,
        line=line,
        column=column,
        inflows=tuple(dict.fromkeys(name for one in said for name in one.inflows)),
        outflows=tuple(dict.fromkeys(name for one in said for name in one.outflows)),
        supplementary=any(piece.supplementary for piece in pieces),
    )


def _overall_kind(key: str, kinds: list[str]) -> str:
    """Blocks of one variable may differ: a stock wins, then anything that varies over constants."""
    if key in _CONTROLS:
        return "constant"
    for kind in ("opaque", "subscript", "stock", "lookup", "data", "auxiliary"):
        if kind in kinds:
            return kind
    return "constant"


def _said(piece: Piece, text: str) -> _Said:
    if not piece.understood:
        return _Said("opaque")
    equation = text[slice(*piece.equation)] if piece.equation else ""
    read = _read_again if len(equation) <= _REMEMBERED else _read
    return read(piece.operator, equation)


def _read(operator: str, equation: str) -> _Said:
    """What an equation says behind its operator."""
    if operator in (":", "<->"):
        return _Said("subscript")
    if operator == "(":
        return _Said("lookup", lookup=_points(equation))
    if operator in ("", ":="):
        return _Said("data")
    places = call_arguments(equation, "INTEG", "vensim")
    if places and len(places) == 2:
        rate, initial = (trimmed(equation, *place) for place in places)
        inflows, outflows = _flows(equation[slice(*places[0])])
        return _Said("stock", rate, initial, None, inflows, outflows)
    calls = {canonical(one.name) for one in references(equation, "vensim") if one.role == "call"}
    if calls & _DATA_CALLS:
        kind = "data"
    elif calls & _NO_LOOKUP:
        kind = "lookup"
    else:
        kind = "constant" if is_constant(equation, "vensim", _CONSTANT_CALLS) else "auxiliary"
    return _Said(kind, lookup=_with_lookup(equation) if "with lookup" in calls else None)


_read_again = lru_cache(maxsize=4096)(_read)  # an edit leaves nearly all equations as they were


def _block(decoded: Text, piece: Piece, said: _Said) -> Block:
    text, base = decoded.text, piece.start
    parts = {"name": piece.name_range, "whole": (base, piece.stop)}
    if piece.subscripts:
        parts["subscripts"] = piece.subscripts
    equation = initial = ""
    if piece.equation:
        parts["equation"] = start, stop = piece.equation
        equation = text[start:stop]
        if said.rate and said.initial:
            parts["rate"] = start + said.rate[0], start + said.rate[1]
            parts["initial"] = start + said.initial[0], start + said.initial[1]
            initial = equation[slice(*said.initial)]
    if piece.units:
        start, stop = piece.units
        units = units_of(text[start:stop])
        parts["units"] = start + units.place[0], start + units.place[1]
        if units.limits_place:
            parts["limits"] = start + units.limits_place[0], start + units.limits_place[1]
    if piece.documentation:
        parts["documentation"] = piece.documentation
    line, column = decoded.place(piece.equation[0] if equation and piece.equation else piece.name_range[0])
    return Block(
        subscripts=text[slice(*piece.subscripts)] if piece.subscripts else "",
        exceptions=tuple(text[a:b] for a, b in piece.exceptions),
        operator=piece.operator,
        equation=equation,
        line=line,
        column=column,
        spans=Spans(decoded, 0, parts),
        keywords=tuple(piece.keywords),
        lookup=said.lookup,
        initial=initial,
    )


def _flows(rate: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Terms of a rate that are one name, perhaps with subscripts, are flows; outer brackets do not matter."""
    found: dict[int, list[str]] = {1: [], -1: []}
    for sign, term in additive_terms(unwrapped(rate, "vensim"), "vensim"):
        if name := name_of_term(term, "vensim"):
            found[sign].append(name)
    return tuple(found[1]), tuple(found[-1])


def _with_lookup(equation: str) -> Lookup | None:
    """Points of a WITH LOOKUP that is the whole equation."""
    places = call_arguments(equation, "WITH LOOKUP", "vensim")
    return _points(equation[slice(*places[1])].strip()) if places and len(places) == 2 else None


def _points(text: str) -> Lookup | None:
    """``([(x0,y0)-(x1,y1)],(x,y),…)`` or the older ``(x1,x2,…,y1,y2,…)``."""
    values: list[float] = []
    scale: list[float] = []
    level = squares = pairs = 0
    sign = 1.0
    for token in tokens(text, "vensim"):
        if token.kind in ("name", "string", "keyword", "other"):
            return None
        if token.text in ("[", "]"):
            squares += 1 if token.text == "[" else -1
        elif token.text in ("(", ")"):
            level += 1 if token.text == "(" else -1
            pairs += token.text == "(" and level == 2 and not squares
        elif token.kind == "number":
            (scale if squares else values).append(sign * float(token.text))
        # between the corners of the range a minus is no sign
        sign = -1.0 if token.text == "-" and not (squares and level == 1) else 1.0
    if not values or len(values) % 2:
        return None
    half = len(values) // 2
    x, y = (values[::2], values[1::2]) if pairs else (values[:half], values[half:])
    corners = len(scale) >= 4
    return Lookup(
        tuple(x),
        tuple(y),
        xscale=(scale[0], scale[2]) if corners else None,
        yscale=(scale[1], scale[3]) if corners else None,
    )


def _dimensions(decoded: Text, pieces: Iterable[Piece]) -> Names[Dimension]:
    text = decoded.text
    found: dict[str, Dimension] = {}
    for piece in pieces:
        if piece.operator not in (":", "<->") or not piece.equation or not piece.understood:
            continue
        definition = text[slice(*piece.equation)]
        listed, _, mappings = definition.partition("->")
        equivalent = spelled(definition) if piece.operator == "<->" else ""
        elements = tuple(spelled(part) for part in _commas(listed)) if not equivalent else ()
        line, column = decoded.place(piece.name_range[0])
        found.setdefault(
            canonical(piece.name),
            Dimension(
                name=piece.name,
                elements=elements,
                size=sum(_range_size(element) for element in elements),
                text=definition,
                line=line,
                column=column,
                mappings=mappings.strip(),
                equivalent=equivalent,
                spans=_block(decoded, piece, _Said("subscript")).spans,
            ),
        )
    return Names(found)


def _commas(text: str) -> list[str]:
    """Parts between top-level commas, quotes and brackets minded."""
    parts, start, level = [], 0, 0
    for token in tokens(text, "vensim"):
        level += (token.kind == "open") - (token.kind == "close")
        if token.text == "," and level == 0:
            parts.append(text[start : token.start])
            start = token.stop
    return [part.strip() for part in (*parts, text[start:]) if part.strip()]


def _range_size(element: str) -> int:
    """Elements of ``(A1-A9)``, counted from the numbers; numbers of more than 18 digits are very many."""
    if not (element.startswith("(") and element.endswith(")")):
        return 1
    first, _, last = element[1:-1].partition("-")
    low, high = (_digits_at_end(part.strip()) for part in (first, last))
    if not low or not high:
        return 1
    if max(len(low), len(high)) > 18:
        return 10**18
    return max(int(high) - int(low) + 1, 1)


def _digits_at_end(text: str) -> str:
    return text[len(text.rstrip("0123456789")) :]


def _macros(decoded: Text, blocks: Blocks, notes: list[Issue]) -> Names[Macro]:
    found: dict[str, Macro] = {}
    inside: dict[int | None, list[Piece]] = {}
    for piece in blocks.pieces:
        inside.setdefault(piece.macro, []).append(piece)
    for number, heading in enumerate(blocks.macros):
        line, column = decoded.place(heading.name_range[0])
        spans = {
            "name": decoded.span(*heading.name_range),
            "whole": decoded.span(heading.start, heading.stop),
        }
        variables = _entries(decoded, inside.get(number, []), notes)
        macro = Macro(heading.name, heading.parameters, heading.outputs, "", variables, line, column, spans)
        if found.setdefault(canonical(heading.name), macro) is not macro:
            notes.append(
                Issue("error", "duplicate-name", "a second macro of this name", heading.name, line, column)
            )
    return Names(found)


def _groups(decoded: Text, blocks: Blocks) -> tuple[Group, ...]:
    members: dict[str, dict[str, None]] = {}
    for piece in blocks.pieces:
        if piece.macro is None:
            members.setdefault(piece.group, {})[piece.name] = None
    headings: dict[str, Heading] = {}
    for heading in blocks.groups:
        headings.setdefault(heading.name, heading)
    return tuple(
        Group(name, heading.documentation, tuple(members.get(name, ())), decoded.place(heading.start)[0])
        for name, heading in headings.items()
    )


def _settings_lines(decoded: Text, start: int, file: str, limits: Limits) -> list[tuple[str, str, int]]:
    """Code, value and offset of the value of the lines ``code:value`` of the settings that matter here."""
    found: list[tuple[str, str, int]] = []
    for match in _SETTING.finditer(decoded.text, start):
        if len(found) >= limits.variables:
            place = decoded.place(match.start())
            raise beyond("more settings", limits.variables, "variables", file, *place)
        found.append((match.group(1), match.group(2), match.start(2)))
    return found


def _cut_off(layout: Layout, lines: list[tuple[str, str, int]]) -> Iterator[Issue]:
    """What shows that the end of a file is missing; a file of equations alone is whole."""
    if layout.sketch and layout.sketch_end is None:
        what, offset = "the sketch is not ended; the file looks cut off", layout.sketch[0]
    elif layout.settings is not None and not any(c == "15" and value.count(",") > 2 for c, value, _ in lines):
        what, offset = "the settings do not name a method, so Euler's is taken", layout.settings
    else:
        return
    line, column = layout.decoded.place(offset)
    yield Issue("warning", "cut-off", what, None, line, column)


def _simulation(decoded: Text, variables: Names[Entry], lines: list[tuple[str, str, int]]) -> Simulation:
    values: dict[str, str] = {}
    spans: dict[str, Span] = {}
    units = ""
    line = None
    for key, name in _CONTROLS.items():
        entry = variables.get(key)
        if entry is None:
            continue
        line = line or entry.line
        values[name] = entry.equation
        units = units or entry.units
        if "equation" in entry.blocks[0].spans:
            spans[name] = entry.blocks[0].spans["equation"]
    method = ""
    for code, value, offset in lines:
        numbers = value.split(",")
        if code == "15" and len(numbers) > 3:
            method = numbers[3].strip()
            start = offset + sum(len(number) + 1 for number in numbers[:3])
            spans["method"] = decoded.span(start, start + len(numbers[3]))
            line = decoded.place(offset)[0]
    return Simulation(
        start=values.get("start"),
        stop=values.get("stop"),
        time_step=values.get("time_step"),
        save_every=values.get("save_every"),
        method=method,
        time_units=units,
        spans=spans,
        line=line,
    )


def _unit_definitions(decoded: Text, lines: list[tuple[str, str, int]]) -> tuple[UnitDefinition, ...]:
    """Settings lines 22: names that mean one unit; ``$`` marks the currency sign and is no name."""
    found = []
    for code, value, offset in lines:
        names = [part.strip() for part in value.split(",") if part.strip()]
        plain = [name for name in names if name != "$"]
        if code == "22" and plain:
            aliases = tuple(name for name in names if name != plain[0])
            found.append(UnitDefinition(shown(plain[0], 200), aliases, "", decoded.place(offset)[0]))
    return tuple(found)
