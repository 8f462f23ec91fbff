"""Names that a model file can hold, for graphs whose names need not come from one."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable

from sdtheory.errors import SDWarning, shown
from sdtheory.names import canonical

_NOT_IN_NAMES = re.compile(r'[\x00-\x1f\x7f-\x9f\u2028\u2029\\"\ud800-\udfff\ufffe\uffff]+')


def model_names(names: Iterable[str], form: str) -> dict[str, str]:
    """A name for each variable, unlike all others in any spelling.

    Warns
    -----
    SDWarning
        Names those that had to be changed.

    Examples
    --------
    >>> model_names(["births", "birth rate"], "Vensim")
    {'births': 'births', 'birth rate': 'birth rate'}
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    changed = []
    for name in names:
        base = " ".join(_NOT_IN_NAMES.sub(" ", name).split()) or "unnamed"
        number, own = 1, base
        while canonical(own) in taken:
            number += 1
            own = f"{base} {number}"
        taken.add(canonical(own))
        found[name] = own
        if own != name:
            changed.append(f"'{shown(name)}' as '{shown(own)}'")
    if changed:
        message = f"names that {form} cannot hold, or cannot tell apart, are written otherwise: {', '.join(changed)}"
        warnings.warn(message, SDWarning, stacklevel=4)
    return found
