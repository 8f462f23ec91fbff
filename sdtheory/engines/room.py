"""The room that results take in memory: asked for before a run, and missed in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sdtheory.errors import LimitError, SimulationError
from sdtheory.limits import Limits

REMEDY = "ask for fewer outputs= or runs, a larger save_every=, or numbers in place of series with reduce="


def check_room(columns: int, runs: int, rows: int, limits: Limits) -> None:
    """Refuse results that would fill the memory.

    Parameters
    ----------
    columns, runs, rows : int
        Variables kept, runs, and saved times of each (1 where a run is reduced to a number).
    limits : Limits

    Raises
    ------
    LimitError

    Examples
    --------
    >>> check_room(5, 1, 401, Limits())
    >>> check_room(5, 1_000_000, 401, Limits())
    Traceback (most recent call last):
    ...
    sdtheory.errors.LimitError: the results would take 16.0 GB of memory (5 variables x 1,000,000 runs x 401 \
times); the limit is 4.0 GB; ask for fewer outputs= or runs, a larger save_every=, or numbers in place of \
series with reduce=, or raise limits=Limits(results_bytes=...)
    """
    size = 8 * columns * runs * rows
    if size > limits.results_bytes:
        raise LimitError(
            f"the results would take {_amount(size)} of memory ({columns:,} variables x {runs:,} runs x "
            f"{rows:,} times); the limit is {_amount(limits.results_bytes)}",
            remedy=f"{REMEDY}, or raise limits=Limits(results_bytes=...)",
        )


def _amount(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size:,} bytes"


@contextmanager
def enough_memory() -> Iterator[None]:
    """Where the memory does not do, say so in place of a traceback."""
    try:
        yield
    except MemoryError:
        raise SimulationError("there is not enough memory for this run", remedy=REMEDY) from None
