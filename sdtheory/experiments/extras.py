"""Libraries that only some analyses need: imported when they are used, and named when they are missing."""

from __future__ import annotations

import importlib
from typing import Any

from sdtheory.errors import UsageError


def need(module: str, library: str, what: str) -> Any:
    """A module of an optional library.

    Parameters
    ----------
    module : str
        Dotted name to import.
    library : str
        As the message names it.
    what : str
        The analysis that needs it.

    Raises
    ------
    UsageError
        When the library is not installed; the message says how to install it.

    Examples
    --------
    >>> need("no.such.module", "Nothing", "sensitivity")
    Traceback (most recent call last):
    ...
    sdtheory.errors.UsageError: sensitivity needs Nothing: pip install "sdtheory[analysis]"
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise UsageError(f'{what} needs {library}: pip install "sdtheory[analysis]"') from None
