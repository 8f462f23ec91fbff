"""Values as JSON and back, by a fixed list of classes: what is not on the list is an error both ways."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sdtheory.errors import ModelError, shown
from sdtheory.model.expression import Binary, chain, left_spine

MOST_WHOLE = 2**53  # beyond it a whole number is not a float


class Codec:
    """Dataclasses, tuples, lists, mappings, arrays, texts and numbers as JSON.

    A list in the JSON holds a tag first: ``(`` for a tuple, ``[`` for a list, ``{`` for a mapping, ``#`` for an
    array, ``.`` for a number that JSON does not have, else the name of a class.

    Parameters
    ----------
    classes : mapping of str to type
        The dataclasses that may occur, by their tags.
    permitted : callable, optional
        Whether a text may occur (default: every text).
    finite : bool
        Whether infinite numbers are an error.

    Examples
    --------
    >>> codec = Codec({"Binary": Binary})
    >>> codec.encode((1.5, {"a": float("nan")}))
    '["(",1.5,["{","a",[".","nan"]]]'
    >>> codec.decode('["(",1.5,["{","a",[".","nan"]]]')
    (1.5, {'a': nan})
    """

    def __init__(
        self,
        classes: Mapping[str, type],
        permitted: Callable[[str], bool] | None = None,
        finite: bool = False,
    ):
        self.classes = dict(classes)
        self.names = {one: tag for tag, one in classes.items()}
        self.fields = {
            one: tuple(field.name for field in dataclasses.fields(one)) for one in classes.values()
        }
        self.permitted = permitted
        self.finite = finite

    def encode(self, value: Any) -> str:
        """JSON of a value.

        Raises
        ------
        ModelError
            For a class, text or number that may not occur.
        """
        return json.dumps(self._plain(value), allow_nan=False, separators=(",", ":"))

    def decode(self, text: str) -> Any:
        """The value of a JSON text that `encode` gave.

        Raises
        ------
        ModelError
            For a class, text or number that may not occur, and for a text that is no such JSON.
        """
        try:
            return self._value(json.loads(text))
        except (ValueError, TypeError, KeyError, IndexError, RecursionError):
            raise ModelError(
                "a stored translation is damaged", remedy="load the model's file again"
            ) from None

    def _plain(self, value: Any) -> Any:
        kind = type(value)
        if kind is float:
            return self._number(value)
        if kind is str:
            return self._text(value)
        if value is None or kind is bool:
            return value
        if kind is int or isinstance(value, np.integer):
            return self._whole(int(value))
        if isinstance(value, float | np.floating):
            return self._number(float(value))
        if kind is tuple or kind is list:
            return ["(" if kind is tuple else "[", *map(self._plain, value)]
        if kind is Binary and Binary in self.names:
            first, rest = left_spine(value)
            flat = [part for operator, right in rest for part in (operator, self._plain(right))]
            return [self.names[kind], self._plain(first), *flat]
        if kind in self.names:
            return [self.names[kind], *(self._plain(getattr(value, name)) for name in self.fields[kind])]
        if isinstance(value, Mapping):
            return ["{", *(self._plain(part) for item in value.items() for part in item)]
        if kind is np.ndarray and value.dtype.kind in "fiu":
            flat = [self._number(float(one)) for one in value.reshape(-1)]
            return ["#", list(value.shape), flat]
        raise ModelError(f"PySD returned an unknown structure '{shown(kind.__name__)}'")

    def _text(self, text: str) -> str:
        if self.permitted is not None and not self.permitted(text):
            raise ModelError(f"the text '{shown(text)}' cannot stand in an equation")
        return text

    def _whole(self, value: int) -> int:
        if abs(value) > MOST_WHOLE:
            raise ModelError(f"the whole number {shown(value, 40)} is too large")
        return value

    def _number(self, value: float) -> Any:
        if math.isfinite(value):
            return value
        if self.finite and not math.isnan(value):
            raise ModelError("a number of an equation is too large")
        return [".", repr(value)]

    def _value(self, plain: Any) -> Any:
        if type(plain) is not list:
            if type(plain) is str:
                return self._text(plain)
            if type(plain) is float:
                return self._finite(plain)
            if type(plain) is int:
                return self._whole(plain)
            if plain is None or type(plain) is bool:
                return plain
            raise ValueError
        tag, *parts = plain
        if tag == "(":
            return tuple(map(self._value, parts))
        if tag == "[":
            return list(map(self._value, parts))
        if tag == "{":
            items = iter(map(self._value, parts))
            return dict(zip(items, items, strict=True))
        if tag == ".":
            return self._finite({"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[parts[0]])
        if tag == "#":
            shape, flat = parts
            return np.array(list(map(self._value, flat)), dtype=float).reshape(shape)
        kind = self.classes[tag]
        if kind is Binary:
            first, *rest = parts
            pairs = zip(rest[::2], map(self._value, rest[1::2]), strict=True)
            return chain(self._value(first), list(pairs))
        if len(parts) != len(self.fields[kind]):
            raise ValueError
        return kind(*map(self._value, parts))

    def _finite(self, value: float) -> float:
        if math.isinf(value) and self.finite:
            raise ValueError
        return value
