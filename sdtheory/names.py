"""Names of variables: when two spellings mean the same, and which name was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import lru_cache

from sdtheory.errors import UnknownName, shown

_REMEMBERED = 200  # characters of a name whose key is kept
_SPACES = str.maketrans({"_": " ", "\t": " ", "\n": " ", "\r": " ", "\u00a0": " "})


def canonical(name: str) -> str:
    r"""The key under which every spelling of a name is found.

    Case, spaces and underscores do not matter; enclosing quotes and escapes are undone
    (XMILE 1.0, section 3.2.2; Vensim behaves alike).

    Examples
    --------
    >>> canonical("Theorist_Boost") == canonical("theorist boost") == canonical('"theorist  boost"')
    True
    >>> canonical('"say \\"x\\""')
    'say "x"'
    """
    return _remembered_key(name) if len(name) <= _REMEMBERED else _key(name)


def _key(name: str) -> str:
    text = name.strip()
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if "\\" in text:
        text = text.replace("\\n", " ").replace('\\"', '"').replace("\\\\", "\\")
    return " ".join(part for part in text.translate(_SPACES).split(" ") if part).casefold()


_remembered_key = lru_cache(maxsize=8192)(_key)  # the same names are met over and over


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that was probably meant, or None when nothing is close.

    Examples
    --------
    >>> nearest("searh leverage", ["search leverage", "capability"])
    'search leverage'
    """
    by_key = {canonical(candidate): candidate for candidate in candidates}
    close = difflib.get_close_matches(canonical(name), by_key, n=1, cutoff=0.6)
    return by_key[close[0]] if close else None


def unknown(kind: str, name: str, candidates: Iterable[str], **place) -> UnknownName:
    """The error for a name that does not exist, with the nearest one that does.

    Examples
    --------
    >>> print(unknown("variable", "capabilty", ["capability", "understanding"]))
    unknown variable 'capabilty'; did you mean 'capability'?
    """
    close = nearest(name, candidates)
    remedy = f"did you mean '{shown(close)}'?" if close else None
    return UnknownName(f"unknown {kind} '{shown(name)}'", remedy=remedy, **place)
