"""What can go wrong, said in one line: where, what, and what to do next."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_BREAKS = re.compile(r"[\x0b-\x1f\x85\u2028\u2029]")  # signs that would pass for spaces


def shown(text: object, limit: int = 80) -> str:
    r"""Text of a user's file, made safe for a message: one line, no control characters, cut to `limit`.

    Examples
    --------
    >>> shown("red\x1b[31m")
    'red\\x1b[31m'
    """
    flat = " ".join(escaped(_BREAKS.sub(lambda match: _code(match.group()), str(text))).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def escaped(text: object) -> str:
    r"""Text that is safe for a terminal: what does not print is escaped, tabs and line ends are kept.

    Examples
    --------
    >>> escaped("a\tb\nred\x1b[31m \u202eright to left")
    'a\tb\nred\\x1b[31m \\u202eright to left'
    """
    whole = str(text)
    if whole.isprintable():
        return whole
    return "".join(sign if sign.isprintable() or _is_kept(sign) else _code(sign) for sign in whole)


def _is_kept(sign: str) -> bool:
    """Line ends, spaces of every width, and the joiners without which some scripts cannot be written."""
    return sign in "\t\n\u200c\u200d" or unicodedata.category(sign) == "Zs"


def _code(sign: str) -> str:
    return sign.encode("unicode_escape").decode()


class SDError(Exception):
    """Base of every error that the package raises on purpose.

    Parameters
    ----------
    message : str
        What is wrong, without the place.
    file, line, column : optional
        The place, as far as it is known; lines and columns count from 1.
    remedy : str, optional
        What to do next.

    Examples
    --------
    >>> print(SDError("unknown variable 'x'", file="a.mdl", line=3, column=7, remedy="did you mean 'y'?"))
    a.mdl:3:7: unknown variable 'x'; did you mean 'y'?
    """

    exit_code = 1
    PARTS: tuple[str, ...] = ("file", "line", "column", "remedy")  # keyword arguments beside the message

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
        remedy: str | None = None,
    ):
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.column = column
        self.remedy = remedy

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        text = f"{place}: {self.message}" if place else self.message
        return f"{text}; {self.remedy}" if self.remedy else text

    def __reduce__(self):
        # Errors cross process borders (isolated loading, workers) and keyword arguments must survive.
        return _rebuild, (type(self), self.message, {part: getattr(self, part) for part in self.PARTS})


def _rebuild(kind, message, parts):
    return kind(message, **parts)


class DocumentError(SDError):
    """The file cannot be read or saved as a model document."""


class ModelError(SDError):
    """The file can be read, but what it says is not a model that can be run."""


class MissingEquation(ModelError):
    """A variable has no equation, or a placeholder for one."""


class LoopWithoutStock(ModelError):
    """Variables that need each other's present value."""


class LimitError(ModelError):
    """The model is larger or deeper than a limit allows; the message states both."""


class NotCompiled(SDError):
    """A construct that only the reference engine runs; the message names variable and construct."""


class NoMachineCode(SDError):
    """Machine code cannot be made here; the message says what is missing or what refused."""


class SimulationError(SDError):
    """A run cannot be made as asked."""


class ExperimentError(SDError):
    """An experiment file, policy, metric or uncertainty is wrong."""


class StoreError(SDError):
    """A folder of results cannot be used, or holds something else."""


class Stopped(SDError):
    """A sweep stopped before its end; what is done is kept, and it can be resumed."""

    exit_code = 3


class Interrupted(Stopped):
    """A sweep stopped because the user said so."""

    exit_code = 130


class UsageError(SDError):
    """The command or call is wrong, not the model."""

    exit_code = 2


class UnknownName(SDError):
    """A name that does not exist; the message suggests the nearest one."""


class EngineCrashed(SDError):
    """A process of its own, made for a file that is not trusted, died, was stopped, or gave no proper answer.

    Parameters
    ----------
    message, file, remedy
        As of every error.
    engine : str
        What the process was for, such as ``"translation"``.
    signal : str, optional
        The signal that ended it, such as ``"SIGSEGV"``.

    Examples
    --------
    >>> error = EngineCrashed("killed", file="a.mdl", engine="translation", signal="SIGKILL")
    >>> str(error), error.signal
    ('a.mdl: killed', 'SIGKILL')
    """

    PARTS = ("file", "remedy", "engine", "signal")

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        remedy: str | None = None,
        engine: str = "",
        signal: str | None = None,
    ):
        super().__init__(message, file=file, remedy=remedy)
        self.engine = engine
        self.signal = signal


class SDWarning(UserWarning):
    """Something that the package did although it may not be what was meant."""


@dataclass(frozen=True)
class Issue:
    """One finding about a document or model.

    Parameters
    ----------
    severity : str
        ``"error"``, ``"warning"`` or ``"note"``.
    code : str
        Stable short name of the kind of finding, such as ``"undefined-name"``.
    message : str
        What was found, in one line.
    variable : str, optional
        The variable concerned, as the file spells it.
    line, column : int, optional
        The place in the file, from 1.
    """

    severity: str
    code: str
    message: str
    variable: str | None = None
    line: int | None = None
    column: int | None = None
