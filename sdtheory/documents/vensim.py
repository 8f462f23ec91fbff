"""Vensim ``.mdl``: equations, settings and sketch become an index of the document."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

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
from sdtheory.documents.limits import Limits, beyond
from sdtheory.documents.text import Span, Text
from sdtheory.documents.vensim_blocks import (
    Blocks,
    Heading,
    Piece,
    plain_units,
    prose,
    split,
    trimmed,
    units_and_range,
)
from sdtheory.documents.vensim_layout import laid_out
from sdtheory.documents.vensim_view import views_of
from sdtheory.documents.view import View
from sdtheory.errors import Issue, shown
from sdtheory.names import canonical

_SETTING = re.compile(r"(?<![^\r\n])(15|22):([^\r\n]*)")  # the only ones that are read
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
    entries = {key: _entry(decoded, same, notes) for key, same in by_key.items()}
    flows = {
        canonical(name)
        for entry in entries.values()
        for name in (*entry.inflows, *entry.outflows)
        if entry.kind == "stock"
    }
    for key in flows & entries.keys():
        if entries[key].kind in ("auxiliary", "constant", "data"):
            entries[key] = replace(entries[key], kind="flow")
    return Names(entries)


def _entry(decoded: Text, pieces: list[Piece], notes: list[Issue]) -> Entry:
    text = decoded.text
    first = pieces[0]
    line, column = decoded.place(first.name_range[0])
    blocks = tuple(_block(decoded, piece) for piece in pieces)
    kinds = [_kind(piece, block) for piece, block in zip(pieces, blocks, strict=True)]
    units = [plain_units(text, piece.units) for piece in pieces if piece.units]
    documentation = [prose(text[slice(*piece.documentation)]) for piece in pieces if piece.documentation]
    inflows: dict[str, None] = {}
    outflows: dict[str, None] = {}
    for block in blocks:
        if "rate" in block.spans:
            places = call_arguments(block.equation, "INTEG", "vensim") or []
            _collect_flows(block.equation[slice(*places[0])], inflows, outflows)
    if "opaque" in kinds:
        notes.append(Issue("warning", "not-understood", "kept, but not understood", first.name, line, column))
    return Entry(
        name=first.name,
        kind=_overall_kind(canonical(first.name), kinds),
        units=next((one for one, _ in units if one), ""),
        documentation=next((one for one in documentation if one), ""),
        limits=next((limits for _, limits in units if limits), None),
        blocks=blocks,
        group=first.group,
        line=line,
        column=column,
        inflows=tuple(inflows),
        outflows=tuple(outflows),
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


def _kind(piece: Piece, block: Block) -> str:
    if not piece.understood:
        return "opaque"
    if piece.operator in (":", "<->"):
        return "subscript"
    if piece.operator == "(":
        return "lookup"
    if piece.operator in ("", ":="):
        return "data"
    if "rate" in block.spans:
        return "stock"
    found = references(block.equation, "vensim")
    calls = {canonical(one.name) for one in found if one.role == "call"}
    if calls & _DATA_CALLS:
        return "data"
    if calls & _NO_LOOKUP:
        return "lookup"
    return "constant" if is_constant(block.equation, "vensim", _CONSTANT_CALLS) else "auxiliary"


def _block(decoded: Text, piece: Piece) -> Block:
    text = decoded.text
    spans = {"name": decoded.span(*piece.name_range), "whole": decoded.span(piece.start, piece.stop)}
    equation = text[slice(*piece.equation)] if piece.equation else ""
    initial = ""
    if piece.subscripts:
        spans["subscripts"] = decoded.span(*piece.subscripts)
    if piece.equation:
        start = piece.equation[0]
        spans["equation"] = decoded.span(*piece.equation)
        places = call_arguments(equation, "INTEG", "vensim") if piece.operator in ("=", "==") else None
        if places and len(places) == 2:
            rate, first_value = (trimmed(text, start + a, start + b) for a, b in places)
            spans["rate"], spans["initial"] = decoded.span(*rate), decoded.span(*first_value)
            initial = text[slice(*first_value)]
    if piece.units:
        units, limits = units_and_range(text, piece.units)
        spans["units"] = decoded.span(*units)
        if limits:
            spans["limits"] = decoded.span(*limits)
    if piece.documentation:
        spans["documentation"] = decoded.span(*piece.documentation)
    line, column = decoded.place(piece.equation[0] if equation and piece.equation else piece.name_range[0])
    return Block(
        subscripts=text[slice(*piece.subscripts)] if piece.subscripts else "",
        exceptions=tuple(text[a:b] for a, b in piece.exceptions),
        operator=piece.operator,
        equation=equation,
        line=line,
        column=column,
        spans=spans,
        keywords=tuple(piece.keywords),
        lookup=_lookup(piece.operator, equation),
        initial=initial,
    )


def _collect_flows(rate: str, inflows: dict[str, None], outflows: dict[str, None]) -> None:
    """Terms of a rate that are one name, perhaps with subscripts, are flows; outer brackets do not matter."""
    for sign, term in additive_terms(unwrapped(rate, "vensim"), "vensim"):
        if name := name_of_term(term, "vensim"):
            (inflows if sign > 0 else outflows)[name] = None


def _lookup(operator: str, equation: str) -> Lookup | None:
    """Points of a lookup variable, or of a WITH LOOKUP that is the whole equation."""
    if operator == "(":
        return _points(equation)
    places = call_arguments(equation, "WITH LOOKUP", "vensim") if operator in ("=", "==") else None
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
                spans=_block(decoded, piece).spans,
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
