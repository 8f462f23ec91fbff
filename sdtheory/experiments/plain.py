"""Results as plain values that strict JSON can hold."""

from __future__ import annotations

import math
from typing import Any


def plain(value: Any) -> Any:
    """Numbers, texts, lists and mappings without anything that JSON lacks; None for what is no number.

    Examples
    --------
    >>> plain({"a": [1.0, float("nan")], "b": (2, None)})
    {'a': [1.0, None], 'b': [2, None]}
    """
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if hasattr(value, "tolist"):  # of numpy
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def records(table: Any) -> list[dict]:
    """The rows of a pandas.DataFrame as plain values."""
    return plain(table.to_dict("records"))
