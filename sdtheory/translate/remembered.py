"""What was found out about a text is kept in memory: an edit leaves nearly all equations as they were."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

MOST = 8192  # results of one function; those that were asked for longest ago go first
LONGEST = 2000  # characters of a text whose result is kept

Result = TypeVar("Result")

_forgetters: list[Callable[[], None]] = []


def remembered(function: Callable[..., Result]) -> Callable[..., Result]:
    """A function of a text and hashable arguments that remembers its results.

    Its results are shared, so nobody may change them. Errors are not remembered.

    Examples
    --------
    >>> calls = []
    >>> @remembered
    ... def size(text, unit):
    ...     calls.append(text)
    ...     return len(text) // unit
    >>> size("abc", 1), size("abc", 1), calls
    (3, 3, ['abc'])
    """
    known = functools.lru_cache(maxsize=MOST)(function)
    _forgetters.append(known.cache_clear)

    @functools.wraps(function)
    def wrapper(text: str, *arguments: Any) -> Result:
        return (known if len(text) <= LONGEST else function)(text, *arguments)

    return wrapper


def forget() -> None:
    """Remember nothing any more: what is asked for next is worked out as for the first time."""
    for clear in _forgetters:
        clear()
