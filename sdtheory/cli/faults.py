"""How an error leaves the program: one line that says what is wrong, more of it with --verbose, no traceback."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from sdtheory.documents import Limits, contents, recognised
from sdtheory.documents.text import file_name
from sdtheory.errors import SDError, escaped, shown

WIDTH = 80  # of the line of a file that is shown
_NOT_OURS = "SDTHEORY_DEBUG=1 shows where"


def fault_text(error: BaseException) -> str:
    """What is wrong, in one line, or one for each of several faults.

    Examples
    --------
    >>> fault_text(KeyError("x\\n"))
    "internal error (KeyError: 'x\\\\n'); please report it; SDTHEORY_DEBUG=1 shows where"
    """
    if isinstance(error, SDError):
        return str(error)
    if isinstance(error, MemoryError):
        return "there is not enough memory; ask for less at once, such as fewer runs or a shorter one"
    if isinstance(error, RecursionError):
        return f"something is nested too deeply for this command; {_NOT_OURS}"
    if isinstance(error, UnicodeError):
        return f"a text cannot be written or read: {shown(error, 200)}; {_NOT_OURS}"
    if isinstance(error, OSError) and error.strerror:
        where = f" '{shown(error.filename)}'" if error.filename else ""
        return f"cannot read or write{where}: {error.strerror}"
    return f"internal error ({type(error).__name__}: {shown(error, 200)}); please report it; {_NOT_OURS}"


def exit_code(error: BaseException) -> int:
    """The program's exit code for an error."""
    return error.exit_code if isinstance(error, SDError) else 1


def more_about(error: BaseException, arguments: Sequence[str]) -> Iterator[str]:
    """Further lines: the place in the file, the kind of error, and what it comes from.

    Parameters
    ----------
    error : exception
    arguments : sequence of str
        Of the command; the file with the error is among them.
    """
    if isinstance(error, SDError) and error.file and error.line:
        path = _named(error.file, arguments)
        if path is not None:
            yield from _excerpt(path, error.line, error.column)
    yield f"kind of error: {type(error).__name__}"
    seen = {id(error)}
    cause = error.__cause__ or error.__context__
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield f"because of {type(cause).__name__}: {shown(cause, 200)}"
        cause = cause.__cause__ or cause.__context__


def _named(file: str, arguments: Sequence[str]) -> str | None:
    """The argument that names a file."""
    for argument in arguments:
        for path in (argument, argument.partition("=")[2]):
            if path and file in (path, file_name(path)) and Path(path).is_file():
                return path
    return None


def _excerpt(path: str, line: int, column: int | None) -> Iterator[str]:
    """A line of a file around a column, and a caret below the column; the file is not understood for it."""
    from rich.cells import cell_len

    try:
        data, source = contents(path, Limits())
        text = data.decode(recognised(data, source=source)[1], "replace").lstrip("\ufeff")
    except SDError:
        return
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if line > len(lines):
        return
    whole, place = lines[line - 1].replace("\t", " "), (column or 1) - 1
    start = max(0, place - WIDTH // 2) if len(whole) > WIDTH else 0
    yield "  " + escaped(whole[start : start + WIDTH])
    if column is not None and place <= len(whole):
        yield "  " + " " * cell_len(escaped(whole[start:place])) + "^"
