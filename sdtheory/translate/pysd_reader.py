"""The one place that calls PySD's translators, on private copies made of a document's own parts.

Nothing is written beside the user's file, and nothing is executed: PySD's abstract model is data.
"""

from __future__ import annotations

import ast
import re
import tempfile
import warnings
from pathlib import Path
from typing import Any

from sdtheory.documents import Document

_TERM = r"[-+]?\s*(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_SUM = rf"{_TERM}(?:\s*[-+]\s*(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)+"


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
    with tempfile.TemporaryDirectory(prefix="sdtheory-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read(document, Path(folder))


def literal(text: str) -> Any:
    """The value of a number, a quoted text, tuples and lists of them, or a sum of numbers.

    Anything else is an error.

    Examples
    --------
    >>> literal("(0,1),(2.5,-3)"), literal("007"), literal("2 - 3 + 0.5")
    (((0, 1), (2.5, -3)), 7.0, -0.5)
    """
    if re.fullmatch(_SUM, text.strip()):
        return sum(float(part.replace(" ", "")) for part in re.findall(_TERM, text))
    try:
        return ast.literal_eval(text)
    except SyntaxError:
        return float(text)  # zeros in front, which Python refuses
