"""Reading remembered: what an unchanged element says is known already, only its place is new.

An edit changes a few lines of a file and the whole is indexed again; most of the work is saved by this.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, Generic, TypeVar

from sdtheory.documents.text import Span, Text

Value = TypeVar("Value")
Parts = Mapping[str, tuple[int, int]]


class Memory(Generic[Value]):
    """Values by key; when there are more than `most`, all are forgotten.

    Examples
    --------
    >>> memory = Memory(most=2)
    >>> for key in "abc":
    ...     memory.keep(key, key.upper())
    >>> memory.get("a"), memory.get("c")
    (None, 'C')
    """

    def __init__(self, most: int):
        self._most = most
        self._values: dict[Hashable, Value] = {}

    def get(self, key: Hashable) -> Value | None:
        return self._values.get(key)

    def keep(self, key: Hashable, value: Value) -> None:
        if len(self._values) >= self._most:
            self._values = {}
        self._values[key] = value


def moved(value: Value, **changes: Any) -> Value:
    """A copy of a plain frozen dataclass with other fields; quicker than `dataclasses.replace`.

    Examples
    --------
    >>> moved(Span(1, 2), stop=5)
    Span(start=1, stop=5)
    """
    copy = object.__new__(type(value))
    copy.__dict__.update(value.__dict__, **changes)
    return copy


def parts_of(decoded: Text, base: int, spans: Mapping[str, Span]) -> dict[str, tuple[int, int]]:
    """Spans as ranges of characters, counted from the character `base`."""
    return {
        name: (decoded.character(span.start) - base, decoded.character(span.stop) - base)
        for name, span in spans.items()
    }
