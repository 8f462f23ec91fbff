"""What each operation takes: names of arguments and their types, checked before anything is done."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sdtheory.editor.state import Refused
from sdtheory.errors import shown

LONGEST = 1_000_000  # characters of a text
MOST = 20_000  # parts of a list
_ABSENT = object()
_HALF = re.compile("[\ud800-\udfff]")  # half a character, which no file can hold

Check = Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST and _HALF.search(value) is None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53


def _is_list(part: Check) -> Check:
    return lambda value: isinstance(value, list) and len(value) <= MOST and all(map(part, value))


def _is_point(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))


def _is_place(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"id", "x", "y"} and _is_text(value["id"]) and (
        _is_number(value["x"]) and _is_number(value["y"])
    )  # fmt: skip


def _is_numbers_by_name(value: Any) -> bool:
    return isinstance(value, dict) and len(value) <= MOST and all(
        _is_text(name) and _is_number(number) for name, number in value.items()
    )  # fmt: skip


def _is_setting(value: Any) -> bool:
    return _is_text(value) or _is_number(value)


def _or_nothing(check: Check) -> Check:
    return lambda value: value is None or check(value)


@dataclass(frozen=True)
class Kind:
    """A kind of argument: in words, and how a value is checked."""

    words: str
    fits: Check
    needed: bool = True


TEXT = Kind("a text", _is_text)
TEXTS = Kind("a list of texts", _is_list(_is_text))
NUMBER = Kind("a number", _is_number)
NUMBERS = Kind("a list of numbers", _is_list(_is_number))
COUNT = Kind("a whole number from 0 on", _is_count)
FLAG = Kind("true or false", lambda value: isinstance(value, bool))
POINT = Kind("a point [x, y]", _is_point)
POINTS = Kind("a list of points [x, y]", _is_list(_is_point))
PLACES = Kind("a list of {id, x, y}", _is_list(_is_place))
CHANGES = Kind("numbers by name", _is_numbers_by_name)
SETTING = Kind("a number or a text", _is_setting)
END = Kind("'source' or 'target'", lambda value: value in ("source", "target"))
FIELD = Kind(
    "equation, initial, units or name", lambda value: value in ("equation", "initial", "units", "name")
)
TEXT_OR_NOTHING = Kind("a text or null", _or_nothing(_is_text))
NUMBER_OR_NOTHING = Kind("a number or null", _or_nothing(_is_number))
POINT_OR_NOTHING = Kind("a point [x, y] or null", _or_nothing(_is_point))
RANGE_OR_NOTHING = Kind(
    "a pair of numbers or null", _or_nothing(lambda value: _is_list(_is_number)(value) and len(value) == 2)
)


def optional(kind: Kind) -> Kind:
    """The same kind of argument, which may be left out."""
    return Kind(kind.words, kind.fits, False)


_NAMED: Mapping[str, Kind] = {"name": TEXT, "text": TEXT}
_PLACED: Mapping[str, Kind] = {"name": TEXT, "x": NUMBER, "y": NUMBER}
_TICKET: Mapping[str, Kind] = {"ticket": optional(COUNT)}
_DRAWN = {"units": optional(TEXT), "documentation": optional(TEXT)}

CHANGING: Mapping[str, Mapping[str, Kind]] = {
    "move": {"elements": PLACES},
    "reshape": {
        "id": TEXT, "points": optional(POINTS), "control": optional(POINT_OR_NOTHING), "angle": optional(NUMBER),
        "label_side": optional(TEXT), "width": optional(NUMBER), "height": optional(NUMBER),
        "colour": optional(TEXT), "polarity": optional(TEXT), "delay": optional(FLAG), "line_style": optional(TEXT),
    },
    "attach": {"id": TEXT, "end": END, "to": TEXT_OR_NOTHING, "point": optional(POINT)},
    "add_stock": {**_PLACED, **_DRAWN, "initial": optional(SETTING)},
    "add_auxiliary": {**_PLACED, **_DRAWN, "equation": optional(SETTING)},
    "add_flow": {
        "name": TEXT, **_DRAWN, "source": TEXT_OR_NOTHING, "target": TEXT_OR_NOTHING, "points": POINTS,
        "equation": optional(SETTING),
    },
    "add_alias": _PLACED,
    "add_text": {"text": TEXT, "x": NUMBER, "y": NUMBER},
    "add_view": {"name": TEXT},
    "rename_view": {"index": COUNT, "name": TEXT},
    "remove": {"ids": TEXTS},
    "remove_element": {"ids": TEXTS},
    "rename": {"name": TEXT, "to": TEXT},
    "set_equation": {**_NAMED, "subscripts": optional(TEXT), "links": optional(TEXT), "whole": optional(FLAG)},
    "set_initial": {**_NAMED, "subscripts": optional(TEXT)},
    "set_units": _NAMED,
    "set_documentation": _NAMED,
    "set_lookup": {
        "name": TEXT, "x": NUMBERS, "y": NUMBERS, "kind": optional(TEXT), "subscripts": optional(TEXT),
        "xscale": optional(RANGE_OR_NOTHING), "yscale": optional(RANGE_OR_NOTHING),
    },
    "set_range": {"name": TEXT, "low": NUMBER_OR_NOTHING, "high": NUMBER_OR_NOTHING},
    "set_simulation": {
        "start": optional(SETTING), "stop": optional(SETTING), "time_step": optional(SETTING),
        "save_every": optional(SETTING), "method": optional(TEXT),
    },
    "connect": {"source": TEXT, "target": TEXT, "polarity": optional(TEXT)},
    "disconnect": {"id": TEXT},
    "match_links": {"name": TEXT},
    "layout": {},
    "paste": {"text": TEXT, "x": optional(NUMBER), "y": optional(NUMBER), "alias": optional(FLAG)},
    "align": {"ids": TEXTS, "how": TEXT},
    "undo": {},
    "redo": {},
    "take": {"text": TEXT},
}  # fmt: skip
ASKING: Mapping[str, Mapping[str, Kind]] = {
    "open": {},
    "history": {},
    "diff": {},
    "copied": {"ids": TEXTS},
    "rename_preview": {"name": TEXT, "to": TEXT},
    "check": {
        **_NAMED, **_TICKET, "field": optional(FIELD), "caret": optional(COUNT), "subscripts": optional(TEXT),
        "all": optional(FLAG),
    },
    "find": {"text": TEXT},
    "causes": {"name": TEXT, "depth": optional(COUNT)},
    "uses": {"name": TEXT, "depth": optional(COUNT)},
    "experiment": {"id": TEXT},
    "set_experiment": {"id": TEXT, "text": TEXT, "hash": TEXT},
}  # fmt: skip
WORKING: Mapping[str, Mapping[str, Kind]] = {
    "simulate": {**_TICKET, "changes": optional(CHANGES), "outputs": optional(TEXTS), "width": optional(COUNT)},
    "issues": _TICKET,
    "loops": _TICKET,
    "signs": _TICKET,
    "dominance": {**_TICKET, "changes": optional(CHANGES)},
    "compare": {
        **_TICKET, "id": TEXT, "policies": optional(TEXTS), "runs": optional(COUNT), "outputs": optional(TEXTS),
        "width": optional(COUNT),
    },
}  # fmt: skip


def checked(op: Any, arguments: Any, table: Sequence[Mapping[str, Mapping[str, Kind]]]) -> Mapping[str, Any]:
    """The arguments of an operation, without its view.

    Raises
    ------
    Refused
        There is no such operation, or an argument is missing, unknown or of another type.
    """
    takes = next((one[op] for one in table if isinstance(op, str) and op in one), None)
    if takes is None:
        raise Refused(f"unknown operation '{shown(op)}'", code="unknown-operation")
    if not isinstance(arguments, dict):
        raise Refused(f"{op}: the arguments are no object", code="arguments")
    for name in arguments:
        if name not in takes:
            raise Refused(f"{op}: unknown argument '{shown(name)}'", code="arguments", field=str(name)[:80])
    for name, kind in takes.items():
        value = arguments.get(name, _ABSENT)
        if value is _ABSENT and kind.needed:
            raise Refused(f"{op}: '{name}' is missing", code="arguments", field=name)
        if value is not _ABSENT and not kind.fits(value):
            raise Refused(f"{op}: '{name}' is not {kind.words}", code="arguments", field=name)
    return arguments
