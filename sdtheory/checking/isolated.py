"""Looking a file through in a process of its own: `answer` runs there, `issues_apart` asks it."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sdtheory.documents import Limits, contents, recognised
from sdtheory.documents.text import file_name
from sdtheory.errors import Issue
from sdtheory.translate.isolated import document_of, request_of
from sdtheory.translate.isolated_arrival import fits
from sdtheory.translate.isolated_process import answer_of, malformed

SEVERITIES = frozenset({"error", "warning", "note"})


def answer(request: Mapping[str, Any], data: bytes) -> str:
    """The issues of a file as JSON; this runs in the process of its own.

    Parameters
    ----------
    request : mapping
        As `request_of` gives it.
    data : bytes
    """
    from sdtheory.checking.document import document_issues

    found = document_issues(document_of(request, data), request["data_folders"])
    return json.dumps([dataclasses.astuple(issue) for issue in found])


def issues_apart(path: str | os.PathLike[str], data_folders: Sequence[str | Path]) -> list[Issue]:
    """The issues of a file that this process does not read.

    Parameters
    ----------
    path : path-like
    data_folders : sequence of path-like

    Raises
    ------
    EngineCrashed
        When the other process dies, or its answer is no list of issues.
    SDError
        When the file cannot be read.
    """
    limits = Limits()
    data, source = contents(path, limits)
    format, encoding = recognised(data, source=source)
    request = request_of(format, encoding, source, limits, data_folders)
    file = file_name(source.path)
    text = answer_of(__name__, request, data, file)
    try:
        issues = [Issue(*row) for row in json.loads(text)]
    except (ValueError, TypeError, RecursionError, MemoryError):
        raise malformed(file) from None
    if not fits(issues, list[Issue]) or not {issue.severity for issue in issues} <= SEVERITIES:
        raise malformed(file)
    return issues
