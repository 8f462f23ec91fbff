"""What could follow at the caret of a field: names that the file has, functions, units."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from sdtheory.documents import Document
from sdtheory.documents.document import Entry
from sdtheory.documents.lexer import tokens
from sdtheory.documents.reads import key_of
from sdtheory.documents.vensim_writing import written
from sdtheory.documents.xmile_names import in_equation
from sdtheory.editor.variables import full_name, inputs_of
from sdtheory.model.functions import FUNCTIONS, Function
from sdtheory.names import canonical
from sdtheory.translate.equation import plain_dimensions
from sdtheory.translate.syntax import VENSIM_ARGUMENTS, XMILE_ARGUMENTS

Plain = dict[str, Any]
MOST = 50  # candidates
_WORD = re.compile(r"\w+")
_KINDS = {
    "pure": "computed from its arguments",
    "time": "depends on the time",
    "state": "remembers: it holds a state of its own",
    "random": "random: another number in every step",
    "array": "computed over the elements of an array",
    "lookup": "reads a graphical function",
    "external": "reads data from outside the model",
}
_ARGUMENTS = {
    "if_then_else": "condition, then, else",
    "max": "value, value",
    "min": "value, value",
    "step": "height, time",
    "ramp": "slope, start, end",
    "pulse": "start, width",
    "modulo": "value, divisor",
    "quantum": "value, unit",
    "power": "base, exponent",
    "log": "value, base",
    "xidz": "numerator, denominator, otherwise",
    "zidz": "numerator, denominator",
    "active_initial": "value, initial",
}


def completion_of(
    document: Document, entry: Entry | None, field: str, text: str, caret: int, everything: bool
) -> tuple[Plain, Plain | None]:
    """The candidates at a caret, and the function whose arguments it stands in.

    Parameters
    ----------
    document : Document
    entry : Entry, optional
        The variable whose field it is.
    field : str
        equation, initial, units or name.
    text : str
    caret : int
    everything : bool
        Offer all that fits the place, also before a first character is typed.

    Returns
    -------
    completion : dict
        ``start``, ``stop``, ``prefix`` and ``candidates``, best first, each with ``text``, ``kind``, ``detail``.
    at : dict or None
        ``function``, ``arguments`` and ``index`` of the argument at the caret, from 0.
    """
    if field == "units":
        return _units(document, text, caret, everything), None
    if field == "name":
        return _completion(caret, caret, "", []), None
    inside, at = _surroundings(document, text, caret)
    start, prefix = _typed(document, text, caret)
    if not prefix and not everything:
        return _completion(caret, caret, "", []), at
    offered = list(_subscripts(document) if inside else _names(document, entry))
    for begin in _beginnings(prefix):
        stop = _end(document, text, caret)
        found = [one for one in offered if _fits(prefix[begin:], one["name"])]
        if found:
            found.sort(key=lambda one: _rank(one, canonical(prefix[begin:])))
            found = [one for one in found if one["text"] != text[start + begin : stop]]
            plain = [{word: one[word] for word in ("text", "kind", "detail")} for one in found[:MOST]]
            return _completion(start + begin, stop, prefix[begin:], plain), at
    return _completion(start, caret, prefix, []), at


def _completion(start: int, stop: int, prefix: str, candidates: list[Plain]) -> Plain:
    return {"start": start, "stop": stop, "prefix": prefix, "candidates": candidates}


def _fits(prefix: str, name: str) -> bool:
    """Whether the words of a prefix are the beginnings of words of a name, in their order.

    Examples
    --------
    >>> _fits("the st", "theory stock"), _fits("stock", "theory stock"), _fits("st the", "theory stock")
    (True, True, False)
    """
    words = iter(_WORD.findall(canonical(name)))
    return all(any(word.startswith(part) for word in words) for part in _WORD.findall(canonical(prefix)))


def _rank(candidate: Plain, prefix: str) -> tuple[bool, bool]:
    """Inputs before others, and names that begin so before names that hold such a word."""
    return candidate["kind"] != "input", not canonical(candidate["name"]).startswith(prefix)


def _beginnings(prefix: str) -> Iterator[int]:
    """Where the name that is typed may begin: a Vensim name goes on over spaces, so the words before may be others."""
    yield 0
    for place, letter in enumerate(prefix):
        if letter == " " and prefix[place + 1 :].strip():
            yield place + 1


def _typed(document: Document, text: str, caret: int) -> tuple[int, str]:
    """The beginning of a name before the caret, and where it starts."""
    for token in tokens(text[:caret], document.format):
        if token.kind in ("name", "keyword") and token.stop == caret:
            return token.start, text[token.start : caret]
    return caret, ""


def _end(document: Document, text: str, caret: int) -> int:
    """Where the word that the caret stands in ends."""
    stop = caret
    while stop < len(text) and (text[stop].isalnum() or text[stop] in "_$'"):
        stop += 1
    return stop


def _surroundings(document: Document, text: str, caret: int) -> tuple[bool, Plain | None]:
    """Whether the caret stands in subscripts, and the call that it stands in."""
    levels: list[tuple[str, str, int]] = []  # bracket, function, arguments before
    before = None
    for token in tokens(text[:caret], document.format):
        if token.kind == "open":
            called = before.text if before is not None and before.kind == "name" and token.text == "(" else ""
            levels.append((token.text, called, 0))
        elif token.kind == "close" and levels:
            levels.pop()
        elif token.kind == "comma" and levels:
            bracket, called, count = levels[-1]
            levels[-1] = bracket, called, count + 1
        before = token
    inside = bool(levels) and levels[-1][0] == "["
    for _, called, count in reversed(levels):
        row = _rows(document.format).get(canonical(called))
        if row is not None:
            return inside, {"function": row["name"], "arguments": row["arguments"], "index": count}
    return inside, None


def _names(document: Document, entry: Entry | None) -> Iterator[Plain]:
    """Inputs on the diagram first, then what the equation reads, then all variables, then functions and dimensions."""
    own = full_name(entry) if entry is not None else ""
    key = canonical(own)
    first = [*_linked(document, key), *inputs_of(document).get(key, ())] if entry is not None else []
    order = dict.fromkeys([one for one in first if one in document.variables], None)
    for other in [*order, *(one for one in document.variables if one not in order)]:
        there = document.variables[other]
        if there.kind not in ("subscript", "module", "opaque") and other != key:
            detail = there.units or there.kind
            yield _candidate(
                document, _relative(entry, there), "input" if other in order else there.kind, detail
            )
    for row in _rows(document.format).values():
        text = row["name"] + ("(" if row["arguments"] else "")
        yield {"name": row["name"], "text": text, "kind": "function", "detail": row["arguments"]}
    yield from _subscripts(document)


def _relative(entry: Entry | None, other: Entry) -> str:
    """The name by which an equation of one variable calls another."""
    return other.name if entry is not None and entry.model == other.model else full_name(other)


def _candidate(document: Document, name: str, kind: str, detail: str) -> Plain:
    spelling = written(name) if document.format == "vensim" else in_equation(name)
    return {"name": name, "text": spelling, "kind": kind, "detail": detail}


def _subscripts(document: Document) -> Iterator[Plain]:
    for dimension in plain_dimensions(document).values():
        yield _candidate(document, dimension.name, "dimension", ", ".join(dimension.elements[:8]))
    seen = set()
    for dimension in plain_dimensions(document).values():
        for element in dimension.elements:
            if canonical(element) not in seen:
                seen.add(canonical(element))
                yield _candidate(document, element, "element", dimension.name)


def _linked(document: Document, key: str) -> Iterator[str]:
    """The keys of the variables from which a connector leads to this one, in any view."""
    for view in document.views:
        shown = {
            one.id: key_of(document, view.model, one.variable)
            for one in view.elements
            if one.variable is not None
        }
        for one in view.elements:
            if one.kind == "connector" and shown.get(one.target or "") == key and one.source in shown:
                yield shown[one.source]


def _units(document: Document, text: str, caret: int, everything: bool) -> Plain:
    """Units in use that begin like what is typed, the most used first."""
    counts: dict[str, int] = {}
    for entry in document.variables.values():
        if entry.units:
            counts[entry.units] = counts.get(entry.units, 0) + 1
    prefix = text[:caret]
    if not prefix.strip() and not everything:
        return _completion(caret, caret, "", [])
    fitting = [
        unit for unit in counts if unit.casefold().startswith(prefix.strip().casefold()) and unit != text
    ]
    best = sorted(fitting, key=lambda unit: -counts[unit])[:MOST]
    candidates = [{"text": unit, "kind": "units", "detail": _times(counts[unit])} for unit in best]
    return _completion(0, len(text), prefix, candidates)


def _times(count: int) -> str:
    return "1 variable" if count == 1 else f"{count} variables"


@lru_cache(maxsize=2)
def _rows(format: str) -> dict[str, Plain]:
    found: dict[str, Plain] = {}
    for row in FUNCTIONS.values():
        name = row.vensim if format == "vensim" else row.xmile
        if name:
            found.setdefault(canonical(name), _row(name, row, format))
    return found


def _row(name: str, row: Function, format: str) -> Plain:
    given = (VENSIM_ARGUMENTS if format == "vensim" else XMILE_ARGUMENTS).get(canonical(name))
    words = given or _ARGUMENTS.get(row.key) or _numbered(*row.arity)
    return {"name": name, "arguments": words, "help": _KINDS.get(row.kind, "")}


def _numbered(low: int, high: int) -> str:
    names: Iterable[str] = (f"value {n}" if high > 1 else "value" for n in range(1, high + 1))
    return ", ".join(name if n < low else f"[{name}]" for n, name in enumerate(names))


def functions_of(format: str) -> list[Plain]:
    """The functions of a file's language: ``name``, ``arguments`` (in brackets what may be left out), ``help``.

    Examples
    --------
    >>> next(one for one in functions_of("vensim") if one["name"] == "SMOOTH")["arguments"]
    'input, time'
    """
    return list(_rows(format).values())
