"""How far a sweep is, on standard error: a bar on a terminal, else a line every ten seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from sdtheory.cli.output import echo
from sdtheory.errors import escaped

EVERY = 10.0  # seconds between lines
REFRESH = 0.2  # seconds between looks of a bar


class Progress:
    """Tells on standard error how many runs are done, how fast, what is left and what went wrong.

    Parameters
    ----------
    quiet : bool
        Say nothing.
    """

    def __init__(self, quiet: bool = False):
        self.quiet = quiet
        self.start = self.last = time.monotonic()
        self.before: int | None = None
        self.bar: Any = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    def __call__(self, done: int, total: int, statuses: Mapping[str, int]) -> None:
        now = time.monotonic()
        if self.before is None:
            self.before, self.start = 0, now
        terminal = sys.stderr.isatty()
        if self.quiet or (done < total and now - self.last < (REFRESH if terminal else EVERY)):
            return
        if not terminal and now - self.start < EVERY:
            return  # over before there was anything to wait for
        self.last = now
        text = self._text(done, total, statuses, now - self.start)
        if terminal:
            self._draw(done, total, text)
        else:
            echo(text, err=True)

    def _text(self, done: int, total: int, statuses: Mapping[str, int], seconds: float) -> str:
        rate = done / seconds if seconds > 0 else 0.0
        parts = [f"{done:,} of {total:,} runs"]
        if rate > 0:
            parts += [f"{rate:,.0f} a second", f"{(total - done) / rate:.0f} s left"]
        parts += [f"{count:,} {status}" for status, count in sorted(statuses.items()) if status != "ok"]
        return ", ".join(parts)

    def _draw(self, done: int, total: int, text: str) -> None:
        if self.bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn
            from rich.progress import Progress as Bar

            # drawn by hand: a thread that refreshes it would be copied into forked workers
            self.bar = Bar(
                BarColumn(), TextColumn("{task.description}"),
                console=Console(stderr=True), transient=True, auto_refresh=False,
            )  # fmt: skip
            self.bar.start()
            self.bar.add_task(text, total=total)
        with suppress(OSError):  # a terminal that is gone is no reason to stop
            self.bar.update(self.bar.task_ids[0], completed=done, description=text)
            self.bar.refresh()


class Steps:
    """Tells on standard error which of some steps is being done: a bar on a terminal, else a line for each.

    Parameters
    ----------
    quiet : bool
        Say nothing.
    """

    def __init__(self, quiet: bool = False):
        self.quiet = quiet
        self.said = ""
        self.bar: Any = None

    def __enter__(self) -> Steps:
        if not self.quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            columns = (
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.description}"),
            )
            self.bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self.bar.start()
            self.bar.add_task("", total=None)
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    def __call__(self, done: int, total: int, text: str) -> None:
        if self.bar is not None:
            with suppress(OSError):  # a terminal that is gone is no reason to stop
                self.bar.update(self.bar.task_ids[0], completed=done, total=total, description=escaped(text))
        elif not self.quiet and text != self.said:
            self.said = text
            echo(f"{done} of {total}: {text}", err=True)
