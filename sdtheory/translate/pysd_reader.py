"""The one place that calls PySD's translators, on private copies made of a document's own parts.

Nothing is written beside the user's file, and nothing is executed: PySD's abstract model is data.
"""

from __future__ import annotations

import ast
import contextlib
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sdtheory.documents import Document

_NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_SUM = re.compile(rf"\s*[+-]?\s*{_NUMBER}(?:\s*[+-]\s*{_NUMBER})*\s*")
_FRAMES, _DEEPEST = 40, 500  # of Python for a bracket, and brackets for which the processor's stack does
_SIGNED = re.compile(rf"([+-]?)\s*({_NUMBER})")


def abstract_model(document: Document) -> Any:
    """PySD's abstract model of a document.

    Raises
    ------
    ModelError
        When PySD cannot read an equation; names the variable and its place.
    """
    from pysd.translators.vensim import vensim_element
    from pysd.translators.xmile import xmile_element

    from sdtheory.translate.vensim_reader import vensim_model
    from sdtheory.translate.xmile_reader import xmile_model

    # PySD's parsers pass pieces of the file's text, such as the limits of a lookup, to `eval`.
    vensim_element.eval = xmile_element.eval = literal  # type: ignore[attr-defined]
    read = vensim_model if document.format == "vensim" else xmile_model
    deepest = min(document.limits.depth, _DEEPEST)
    with (
        tempfile.TemporaryDirectory(prefix="sdtheory-") as folder,
        warnings.catch_warnings(),
        _recursion(_FRAMES * deepest),
    ):
        warnings.simplefilter("ignore")
        return read(document, Path(folder))


@contextlib.contextmanager
def _recursion(frames: int) -> Iterator[None]:
    """Let PySD's parsers, which recurse, follow an equation as deep as the limits allow."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(before + frames)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def literal(text: str) -> Any:
    """The value of numbers with signs between them, a quoted text, or tuples and lists; anything else is an error.

    Examples
    --------
    >>> literal("(0,1),(2.5,-3)"), literal("007"), literal("3 -1.5")
    (((0, 1), (2.5, -3)), 7.0, 1.5)
    """
    if _SUM.fullmatch(text):
        return sum(float(sign + number) for sign, number in _SIGNED.findall(text))
    return ast.literal_eval(text)
