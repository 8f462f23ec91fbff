"""What was worked out for a value is kept as long as the value lives, so that asking again costs nothing."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

MOST = 16  # results for one value: a comparison asks for a few sets of outputs and parameters

Result = TypeVar("Result")


def remembered(function: Callable[..., Result]) -> Callable[..., Result]:
    """A function of a value and hashable arguments that remembers its last results for each value.

    The value is known by its identity: it must not be changed in place. Errors are not remembered.

    Examples
    --------
    >>> class Value: pass
    >>> calls = []
    >>> @remembered
    ... def double(value, number):
    ...     calls.append(number)
    ...     return 2 * number
    >>> value = Value()
    >>> double(value, 3), double(value, 3), calls
    (6, 6, [3])
    """
    known: dict[int, dict[Any, Result]] = {}

    @functools.wraps(function)
    def wrapper(value: Any, *arguments: Any) -> Result:
        mine = known.get(id(value))
        if mine is None:
            mine = known[id(value)] = {}
            weakref.finalize(value, known.pop, id(value), None)
        if arguments not in mine:
            found = function(value, *arguments)
            while len(mine) >= MOST:
                mine.pop(next(iter(mine)), None)
            mine[arguments] = found
        return mine[arguments]

    return wrapper
