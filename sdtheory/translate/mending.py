"""What PySD's parsers lose or merge, put back into their trees from the text of the equation."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from sdtheory.documents.lexer import Token, tokens


def mended(tree: Any, text: str, format: str) -> Any:
    """A tree in which signs and powers, and ``and`` and ``or``, bind as the text says.

    PySD gives ``-2^2`` and ``(-2)^2`` the same tree, and leaves ``a or b and c`` in one row.

    Parameters
    ----------
    tree : PySD structure
    text : str
        The equation as written.
    format : str
        ``"vensim"`` or ``"xmile"``.
    """
    signs = _negative_bases(text, format) if "^" in text else iter(())
    return _mended(tree, signs)


def _mended(node: Any, signs: Iterator[bool]) -> Any:
    kind = type(node).__name__
    if isinstance(node, tuple | list):
        return type(node)(_mended(part, signs) for part in node)
    if kind == "ArithmeticStructure" and "^" in node.operators and _negative_number(node.arguments[0]):
        return _power(node, signs)
    if kind == "LogicStructure" and {"AND", "OR"} <= {_word(operator) for operator in node.operators}:
        return _logic(node, signs)
    if dataclasses.is_dataclass(node) and not isinstance(node, type):
        fields = {field.name: _mended(getattr(node, field.name), signs) for field in dataclasses.fields(node)}
        return dataclasses.replace(node, **fields)
    return node


def _negative_number(node: Any) -> bool:
    return isinstance(node, int | float) and not isinstance(node, bool) and node < 0


def _power(node: Any, signs: Iterator[bool]) -> Any:
    in_brackets = next(signs, False)
    base, *exponents = node.arguments
    exponents = [_mended(exponent, signs) for exponent in exponents]
    negative = type(node)(["negative"], (-base,))
    if in_brackets:
        return dataclasses.replace(node, arguments=(negative, *exponents))
    return type(node)(["negative"], (dataclasses.replace(node, arguments=(-base, *exponents)),))


def _negative_bases(text: str, format: str) -> Iterator[bool]:
    """For each power of a negative number, in the order of the text: does the sign stand in brackets?"""
    pieces = list(tokens(text, format))
    for place, token in enumerate(pieces):
        if token.kind != "number" or place == 0 or pieces[place - 1].text != "-":
            continue
        before = pieces[place - 2] if place > 1 else None
        if before is not None and not _opens(before):
            continue  # a subtraction
        after, closed = place + 1, 0
        while after < len(pieces) and pieces[after].text == ")":
            after, closed = after + 1, closed + 1
        if after < len(pieces) and pieces[after].text == "^":
            yield closed > 0


def _opens(token: Token) -> bool:
    return token.kind in ("open", "comma", "operator", "keyword")


def _word(operator: Any) -> str:
    return str(operator).strip(":").upper()


def _logic(node: Any, signs: Iterator[bool]) -> Any:
    """``and`` binds closer than ``or``."""
    rows = [[_mended(node.arguments[0], signs)]]
    for operator, argument in zip(node.operators, node.arguments[1:], strict=True):
        if _word(operator) == "OR":
            rows.append([])
        rows[-1].append(_mended(argument, signs))
    joined = [row[0] if len(row) == 1 else type(node)([":AND:"] * (len(row) - 1), tuple(row)) for row in rows]
    return type(node)([":OR:"] * (len(joined) - 1), tuple(joined))
