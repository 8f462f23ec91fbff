"""One equation by itself: its tree, although the rest of the file may have faults."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from sdtheory.documents import Document
from sdtheory.documents.lexer import depth, references, terms, tokens
from sdtheory.documents.words import RESERVED
from sdtheory.errors import LimitError, ModelError, shown
from sdtheory.model.expression import Expression
from sdtheory.model.model import Dimension
from sdtheory.names import canonical
from sdtheory.translate.expressions import Expressions, function_key
from sdtheory.translate.faults import display_name
from sdtheory.translate.mending import mended
from sdtheory.translate.precheck import INTERNAL, INTERNAL_VENSIM
from sdtheory.translate.translation import known_functions
from sdtheory.translate.xmile_equation import Scope, rewritten, spelled_back
from sdtheory.translate.xmile_reader import equation_tree

_RANGE = re.compile(r"\(\s*(.*?)(\d+)\s*-\s*(.*?)(\d+)\s*\)")
_BREAKS = re.compile(r"\\?[ \t]*[\r\n]+[ \t]*")


class NotUnderstood(ModelError):
    """An equation that cannot be read; `name` is the name in it that is at fault, "" when that is not known."""

    name = ""


class _Alone(Expressions):
    """The way from PySD's trees to ours for a text that stands in no document yet."""

    def error(self, message: str, remedy: str | None = None, name: str = "") -> ModelError:
        found = NotUnderstood(message, file=self.document.file, remedy=remedy)
        found.name = name
        return found


def expression_of(document: Document, key: str, text: str, axes: tuple[str, ...] = ()) -> Expression | None:
    """The tree of a text as the equation of a variable; None for what only the whole model can tell.

    Parameters
    ----------
    document : Document
    key : str
        Key of the variable, which the document need not have.
    text : str
        An equation whose tokens are in order (see `sdtheory.translate.syntax.fault_in`).
    axes : tuple of str
        The subscripts on its left side.

    Raises
    ------
    NotUnderstood
        PySD cannot read it, or a name in it does not mean what it is used for.

    Examples
    --------
    >>> from sdtheory.documents import from_bytes
    >>> from sdtheory.model.expression import to_text
    >>> file = from_bytes(b"{UTF-8}\\nstock = 1 ~~|\\nlife = ? ~~|")
    >>> to_text(expression_of(file, "outflow", "stock / life"))
    'stock/life'
    """
    _check_size(document, text)
    if any(one.role == "call" and one.name in document.macros for one in references(text, document.format)):
        return None
    entry = document.variables.get(key)
    scope = Scope(document, entry.model if entry is not None else "")
    try:
        if document.format == "vensim":
            tree = _vensim_tree(text)
        else:
            tree = spelled_back(equation_tree(rewritten(text, scope), text), scope, axes, key)
    except Exception:  # whatever PySD's parsers raise means the same
        raise NotUnderstood(
            f"the equation '{shown(text)}' cannot be read",
            file=document.file,
            remedy="check its brackets, operators and function names",
        ) from None
    names = {
        one: display_name(entry) for one, entry in document.variables.items() if entry.kind != "subscript"
    }
    lookups = {one for one, entry in document.variables.items() if entry.kind == "lookup"}
    alone = _Alone(document, names, lookups, plain_dimensions(document), {})
    alone.key, alone.axes = key, axes
    return alone.tree(tree)


def is_function(word: str, format: str) -> bool:
    """Whether a file's language, or PySD, has a function of this name."""
    plain = canonical(word)
    name = plain.replace(" ", "_")
    return plain in RESERVED[format] or function_key(name, format) is not None or name in known_functions()


def _check_size(document: Document, text: str) -> None:
    """Raise for what PySD must not see; the limits are those of loading."""
    limits = document.limits
    sizes = (
        ("bytes", len(text), limits.equation_bytes),
        ("levels", depth(text, document.format) + text.count("^"), limits.depth),
        ("terms", terms(text, document.format), limits.terms),
    )
    for what, size, most in sizes:
        if size > most:
            raise LimitError(f"an equation of {size:,} {what}; the limit is {most:,}", file=document.file)
    internal = INTERNAL_VENSIM if document.format == "vensim" else INTERNAL
    for one in references(text, document.format):
        if one.role == "call" and canonical(one.name) in internal and one.name not in document.variables:
            found = NotUnderstood(f"unknown function '{shown(one.name)}'", file=document.file)
            found.name = one.name
            raise found


@lru_cache(maxsize=2048)
def _vensim_tree(text: str) -> Any:
    from pysd.translators.vensim.vensim_element import Component

    component = Component("x", ([], []), "".join(_without_comments(text)))
    component.parse()
    return mended(component.ast, text, "vensim")


def _without_comments(text: str) -> Iterator[str]:
    """A Vensim equation on one line; a sign stays with its number."""
    stop = 0
    for token in tokens(text, "vensim"):
        yield " " if token.start > stop else ""
        yield _BREAKS.sub(" ", token.text)
        stop = token.stop


@lru_cache(maxsize=16)
def plain_dimensions(document: Document) -> Mapping[str, Dimension]:
    """The dimensions of a document with their elements, numeric ranges and ranges of ranges spelled out.

    Examples
    --------
    >>> from sdtheory.documents import from_bytes
    >>> file = from_bytes(b"{UTF-8}\\nrow: (R1-R3) ~~|\\nall: row, rest ~~|")
    >>> plain_dimensions(file)["all"].elements
    ('R1', 'R2', 'R3', 'rest')
    """
    return {
        key: Dimension(one.name, _elements(document, key, ())) for key, one in document.dimensions.items()
    }


def _elements(document: Document, key: str, around: tuple[str, ...]) -> tuple[str, ...]:
    dimension = document.dimensions[key]
    if dimension.equivalent and canonical(dimension.equivalent) in document.dimensions and not around:
        return _elements(document, canonical(dimension.equivalent), (key,))
    found: dict[str, None] = {}
    for name in dimension.elements or map(str, range(1, dimension.size + 1)):
        inner = canonical(name)
        run = _RANGE.fullmatch(name)
        if inner in document.dimensions and inner not in (key, *around):
            found.update(dict.fromkeys(_elements(document, inner, (*around, key))))
        elif run:
            first, last = int(run[2]), int(run[4])
            found.update(
                (f"{run[1]}{number}", None) for number in range(first, min(last, first + 10_000) + 1)
            )
        else:
            found[name] = None
    return tuple(found)
