"""The process that reads a file which is not trusted: run as a program, with nothing of the package imported yet.

It fences itself in before it reads anything: what it is sent on standard input is answered on standard
output, one line of JSON about how it went, and then the answer.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import warnings
from typing import Any

MEMORY_BYTES = 2 * 2**30
SECONDS = 30  # of the processor here, of the clock in the parent
FILE_BYTES = 100_000_000


def fence() -> None:
    """Bound what this process may use, as far as the system can."""
    try:
        import resource
    except ImportError:
        return  # no such limits here: the parent's clock alone holds
    wanted = {
        "RLIMIT_AS": MEMORY_BYTES,
        "RLIMIT_CPU": SECONDS,
        "RLIMIT_FSIZE": FILE_BYTES,
        "RLIMIT_NPROC": 0,
        "RLIMIT_CORE": 0,
    }
    for name, value in wanted.items():
        # a system may lack one, or hold a lower one already
        with contextlib.suppress(AttributeError, ValueError, OSError):
            kind = getattr(resource, name)
            hard = resource.getrlimit(kind)[1]
            least = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (least, least))


def outcome(task: str, request: dict[str, Any], data: bytes) -> tuple[dict[str, Any], str]:
    """How a task went, and its answer.

    Parameters
    ----------
    task : str
        The module of the package whose ``answer(request, data)`` is asked.
    request : dict
    data : bytes
        The file.
    """
    from sdtheory.errors import SDError, SDWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", SDWarning)
        how: dict[str, Any] = {}
        text = ""
        try:
            text = importlib.import_module(task).answer(request, data)
        except SDError as error:
            place = [error.line, error.column]
            how["error"] = [type(error).__name__, error.message, *place, error.remedy]
        except MemoryError:
            how["failure"] = f"ran out of memory; the limit is {MEMORY_BYTES // 2**30} GB"
        except Exception as error:
            how["failure"] = f"failed with {type(error).__name__}: {error}"
    how["warnings"] = [str(one.message) for one in caught if issubclass(one.category, SDWarning)]
    return how, text


def main(task: str, folders: list[str]) -> None:
    """Answer what stands on standard input.

    Parameters
    ----------
    task : str
    folders : list of str
        Where the package and what it needs are found.
    """
    with os.fdopen(os.dup(1), "wb") as stream:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a library prints is no answer
        fence()
        sys.path[:0] = folders
        request = json.loads(sys.stdin.buffer.readline())
        how, text = outcome(task, request, sys.stdin.buffer.read())
        stream.write(json.dumps(how).encode() + b"\n" + text.encode())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
