"""One field of one variable, looked through while it is typed: nothing else of the model is read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from sdtheory.documents import Document
from sdtheory.documents.document import Entry
from sdtheory.documents.drafting import new_name
from sdtheory.documents.lexer import Reference, tokens
from sdtheory.documents.reads import key_of
from sdtheory.documents.words import PREDEFINED, RESERVED
from sdtheory.editor.completion import completion_of
from sdtheory.editor.variables import full_name, named, names_of, parts_of
from sdtheory.errors import ModelError, SDError, shown
from sdtheory.model.expression import Expression, Number, Table
from sdtheory.model.functions import FUNCTIONS
from sdtheory.model.model import (
    Auxiliary,
    Constant,
    Equation,
    Lookup,
    Model,
    SimulationSettings,
    Stock,
    Variable,
)
from sdtheory.model.unit_rules import balancing_units, unit_issues
from sdtheory.model.units import parse_units
from sdtheory.names import canonical, nearest
from sdtheory.translate.equation import NotUnderstood, expression_of, is_function, plain_dimensions
from sdtheory.translate.lowering import unit_definitions
from sdtheory.translate.syntax import fault_in

Plain = dict[str, Any]
_NOT_IN_UNITS = re.compile(r"[+=<>,;\[\]|~]")
_COMMENTS = re.compile(r"\{[^{}]*\}")
_RANGE = re.compile(r"\[[^\[\]]*\]\s*\Z")
_XMILE_WORDS = frozenset({"pi", "inf", "nan", "self"})


def check_field(document: Document, arguments: Mapping[str, Any]) -> Plain:
    """What is found in a text that is typed into a field, and what could follow at the caret.

    Parameters
    ----------
    document : Document
    arguments : mapping
        ``name``, ``text``, and perhaps ``field``, ``caret``, ``subscripts``, ``all``.

    Returns
    -------
    dict
        ``issues``, ``references``, ``completion`` and ``at``.
    """
    name, text = arguments["name"], arguments["text"]
    field = arguments.get("field", "equation")
    caret = min(arguments.get("caret", len(text)), len(text))
    entry = document.variables.get(name)
    if len(text) > document.limits.equation_bytes:
        message = f"a text of {len(text):,} characters; the limit is {document.limits.equation_bytes:,}"
        return {
            "issues": [_issue("limit", message, field, (0, len(text)))],
            "references": [],
            "completion": {"start": caret, "stop": caret, "prefix": "", "candidates": []},
            "at": None,
        }
    if field == "name":
        issues = tuple(_name_issues(document, name, text))
    elif field == "units":
        issues = tuple(_unit_field(document, entry, text))
    else:
        left = arguments.get("subscripts") or _subscripts_of(entry)
        issues = _equation_issues(document, canonical(name), text, field, left)
    read = dict.fromkeys(
        key_of(document, entry.model if entry else "", one.name)
        for one in (named(text, document.format) if field in ("equation", "initial") else ())
        if one.role != "subscript"
    )
    completion, at = completion_of(document, entry, field, text, caret, bool(arguments.get("all")))
    return {
        "issues": [dict(one) for one in issues],
        "references": names_of(document, tuple(key for key in read if key in document.variables)),
        "completion": completion,
        "at": at,
    }


def _subscripts_of(entry: Entry | None) -> str:
    """The left side of a variable's first equation."""
    if entry is None or not entry.blocks:
        return ""
    return entry.blocks[0].subscripts or ", ".join(entry.dimensions)


def _issue(code: str, message: str, field: str, place: tuple[int, int], **more: Any) -> Plain:
    return {
        "severity": more.pop("severity", "error"), "code": code, "message": message, "variable": None, "field": field,
        "line": None, "column": None, "start": place[0], "stop": place[1], **more,
    }  # fmt: skip


def _name_issues(document: Document, name: str, text: str) -> Iterator[Plain]:
    entry = document.variables.get(name)
    try:
        new_name(document, text, None if entry is None else entry.name, entry.model if entry else "")
    except SDError as error:
        yield _issue("name", _words(error), "name", (0, len(text)))


def _words(error: SDError) -> str:
    return f"{error.message}; {error.remedy}" if error.remedy else error.message


# units


def units_fault(document: Document, text: str) -> tuple[str, int, int] | None:
    """What is wrong with a text as units, and where: an equation typed into the wrong field is found here.

    Examples
    --------
    >>> from sdtheory.documents import from_bytes
    >>> file = from_bytes(b"{UTF-8}\\nbirth rate = 1 ~ 1/Year~|")
    >>> units_fault(file, "Person/Year"), units_fault(file, "birth rate + 2")
    (None, ("'+' cannot stand in units", 11, 12))
    """
    plain = _RANGE.sub("", text)
    found = _NOT_IN_UNITS.search(plain)
    if found:
        return f"'{found.group()}' cannot stand in units", found.start(), found.end()
    try:
        unit = parse_units(plain)
    except ModelError as error:
        return f"these are no units: {error.message}", 0, len(text)
    words = [name for name, _ in unit.powers] if unit is not None else []
    known = {canonical(name) for one in _units_in_use(document) for name in one}
    variables = [word for word in words if " " in word and word in document.variables]
    if variables and len(words) > 1 and not any(canonical(word) in known for word in words):
        at = plain.find(variables[0])
        return (
            f"'{shown(variables[0])}' is a variable, not a unit",
            max(at, 0),
            max(at, 0) + len(variables[0]),
        )
    return None


def _units_in_use(document: Document) -> Iterator[tuple[str, ...]]:
    for text in {entry.units for entry in document.variables.values()}:
        try:
            unit = parse_units(text)
        except ModelError:
            continue
        if unit is not None:
            yield tuple(name for name, _ in unit.powers)


def _unit_field(document: Document, entry: Entry | None, text: str) -> Iterator[Plain]:
    """Faults of units, and whether the variable's equation fits them."""
    fault = units_fault(document, text)
    if fault is not None:
        yield _issue("unit-syntax", fault[0], "units", fault[1:])
        return
    if entry is None or len(entry.blocks) != 1 or entry.kind not in ("stock", "flow", "auxiliary"):
        return
    block = entry.blocks[0]
    said = dict(_parts(document, entry))
    trees = {
        field: _tree(document, canonical(full_name(entry)), part, block.subscripts)
        for field, part in said.items()
    }
    plain = _RANGE.sub("", text).strip()
    for one in _imbalances(document, entry, trees, plain):
        yield _issue("units", one[0], "units", (0, len(text)), severity=one[1], suggestion=one[2])


def _parts(document: Document, entry: Entry) -> Iterator[tuple[str, str]]:
    said, initial = parts_of(entry, entry.blocks[0], document.format)
    if said:
        yield "equation", said
    if initial and entry.kind == "stock":
        yield "initial", initial


def _tree(document: Document, key: str, text: str, subscripts: str) -> Expression | None:
    """The tree of a text, None where it has a fault."""
    if fault_in(text, document.format, document.variables) is not None:
        return None
    axes = tuple(part.strip() for part in subscripts.split(",")) if subscripts else ()
    try:
        return expression_of(document, key, text, axes)
    except SDError:
        return None


def _imbalances(
    document: Document, entry: Entry | None, trees: Mapping[str, Expression | None], units: str
) -> list[tuple[str, str, str | None]]:
    """Findings about the units of one variable: message, severity, and the units that would balance."""
    model = _model_around(document, entry, trees, units)
    if model is None:
        return []
    name = next(iter(model.variables.values())).name
    suggestion = balancing_units(model, name) if "equation" in trees else None
    return [
        (one.message, one.severity, suggestion if suggestion and suggestion != units else None)
        for one in unit_issues(model)
        if one.variable == name and one.code == "units"
    ]


def _model_around(
    document: Document, entry: Entry | None, trees: Mapping[str, Expression | None], units: str
) -> Model | None:
    """A model of the variable, whose equation is a tree, and the units of all that it could read."""
    if any(tree is None for tree in trees.values()) or not trees:
        return None
    name = full_name(entry) if entry is not None else "this equation"
    zero = Number(0.0)
    own: Variable
    if entry is not None and entry.kind == "stock":
        rate = Equation(trees.get("equation") or zero, (), (), trees.get("initial"))
        own = Stock(name, (rate,), units=units)
    else:
        own = Auxiliary(name, (Equation(trees.get("equation") or trees.get("initial") or zero),), units=units)
    rest = _declared(document)
    key = canonical(name)
    variables = {key: own, **{other: one for other, one in rest.items() if other != key}}
    settings = SimulationSettings(time_units=document.simulation.time_units or "")
    return Model("check", variables, settings, unit_definitions=unit_definitions(document))


@lru_cache(maxsize=16)
def _declared(document: Document) -> Mapping[str, Variable]:
    """Every variable with its units, and no equation to speak of."""
    found: dict[str, Variable] = {}
    table = Equation(Table((0.0, 1.0), (0.0, 1.0)))
    zero = Equation(Number(0.0))
    for key, entry in document.variables.items():
        if entry.kind == "lookup":
            found[key] = Lookup(full_name(entry), (table,), units=entry.units)
        elif entry.kind not in ("subscript", "opaque", "module"):
            found[key] = Constant(full_name(entry), (zero,), units=entry.units)
    return found


# equations


@lru_cache(maxsize=4096)
def _equation_issues(
    document: Document, key: str, text: str, field: str, subscripts: str
) -> tuple[Plain, ...]:
    """The issues of a text as equation or initial value, by text and document remembered."""
    whole = (0, len(text))
    entry = document.variables.get(key)
    if (
        entry is not None
        and field == "equation"
        and (entry.kind == "lookup" or (not text.strip() and entry.lookup))
    ):
        return ()  # its points are edited, not its text
    plain = _COMMENTS.sub("", text).strip()
    if not plain or "???" in plain or set(plain) == {"?"}:
        if entry is not None and entry.access == "input":
            return ()  # the module around it gives the value
        return (_issue("missing-equation", "there is no equation yet; write one", field, whole),)
    fault = fault_in(text, document.format, document.variables)
    if fault is not None:
        place = (fault.start, _end_of_token(document, text, fault.start))
        return (_issue("syntax", f"{fault.message}; {fault.remedy}", field, place),)
    unknown = tuple(_unknown_names(document, entry, text, field))
    if unknown:
        return unknown
    axes = tuple(part.strip() for part in subscripts.split(",")) if subscripts else ()
    try:
        tree = expression_of(document, key, text, axes)
    except NotUnderstood as error:
        return (_issue("equation", _words(error), field, _place_of(document, text, error.name)),)
    except SDError as error:
        return (_issue("equation", _words(error), field, whole),)
    units = entry.units if entry is not None else ""
    return tuple(
        _issue("units", message, field, whole, severity=severity, suggestion=suggestion)
        for message, severity, suggestion in _imbalances(document, entry, {field: tree}, units)
    )


def _end_of_token(document: Document, text: str, start: int) -> int:
    """Where the piece of an equation that begins at `start` ends; what is missing is marked at one character."""
    return next((one.stop for one in tokens(text, document.format) if one.start == start), start + 1)


def _place_of(document: Document, text: str, name: str) -> tuple[int, int]:
    """Where a name stands in a text; the whole text when that is not certain."""
    key = canonical(name.replace("_", " ")) if name else ""
    places = [
        (one.start, one.stop) for one in named(text, document.format) if key and canonical(one.name) == key
    ]
    return places[0] if len(places) == 1 else (0, len(text))


def _unknown_names(document: Document, entry: Entry | None, text: str, field: str) -> Iterator[Plain]:
    """Names that nothing has, each with the nearest that something has."""
    model = entry.model if entry is not None else ""
    inside = _names_of_dimensions(document)
    for one in named(text, document.format):
        place = (one.start, one.stop)
        key = key_of(document, model, one.name)
        if one.role == "subscript":
            if canonical(one.name.rstrip("! ")) not in inside and document.dimensions:
                close = nearest(one.name, [*document.dimensions.keys(), *inside])
                yield _unknown("subscript", one, close, field, place)
        elif key in document.variables or canonical(one.name) in document.macros:
            continue
        elif one.role == "call":
            if canonical(one.name) not in _functions(document.format) and not is_function(
                one.name, document.format
            ):
                calls = [entry.name for entry in document.variables.values() if entry.lookup is not None]
                close = nearest(one.name, [*_function_names(document.format), *calls])
                yield _unknown("function", one, close, field, place)
        elif canonical(one.name) not in inside | _predefined(document.format):
            names = [full_name(other) for other in document.variables.values() if other.kind != "subscript"]
            yield _unknown("variable", one, nearest(one.name, names), field, place)


def _unknown(what: str, one: Reference, close: str | None, field: str, place: tuple[int, int]) -> Plain:
    message = f"unknown {what} '{shown(one.name)}'"
    message += f"; did you mean '{shown(close)}'?" if close else ""
    return _issue("undefined-name", message, field, place, suggestion=close)


@lru_cache(maxsize=16)
def _names_of_dimensions(document: Document) -> frozenset[str]:
    found = set(map(canonical, document.dimensions))
    for dimension in plain_dimensions(document).values():
        found.update(map(canonical, dimension.elements))
    return frozenset(found)


@lru_cache(maxsize=2)
def _predefined(format: str) -> frozenset[str]:
    words = (
        {"time", *PREDEFINED["vensim"]}
        if format == "vensim"
        else {*PREDEFINED["vensim"], *PREDEFINED["xmile"]}
    )
    words |= _XMILE_WORDS if format == "xmile" else set()
    words |= {canonical(row.xmile) for row in FUNCTIONS.values() if row.arity[0] == 0 and row.xmile}
    return frozenset(words)


@lru_cache(maxsize=2)
def _function_names(format: str) -> tuple[str, ...]:
    return tuple(filter(None, (getattr(row, format) for row in FUNCTIONS.values())))


@lru_cache(maxsize=2)
def _functions(format: str) -> frozenset[str]:
    return frozenset(map(canonical, _function_names(format))) | RESERVED[format]
