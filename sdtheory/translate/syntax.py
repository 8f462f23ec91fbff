"""What is wrong with an equation that cannot be read, and where: found from its tokens alone.

PySD's grammars say only that they do not match, and take `MAX(a b)` and `MAX(a,)` as they come.
"""

from __future__ import annotations

import math
from collections.abc import Container
from dataclasses import dataclass

from sdtheory.documents.lexer import Token, spelled, tokens
from sdtheory.errors import shown
from sdtheory.names import canonical

# What the functions take that PySD's grammars give a structure of their own; in brackets what may be left out.
VENSIM_ARGUMENTS = {
    "integ": "rate, initial",
    "initial": "value",
    "game": "value",
    "delay1": "input, time",
    "delay1i": "input, time, initial",
    "delay3": "input, time",
    "delay3i": "input, time, initial",
    "delay n": "input, time, initial, order",
    "delay fixed": "input, time, initial",
    "smooth": "input, time",
    "smoothi": "input, time, initial",
    "smooth3": "input, time",
    "smooth3i": "input, time, initial",
    "smooth n": "input, time, initial, order",
    "trend": "input, time, initial trend",
    "forecast": "input, time, horizon",
    "sample if true": "condition, input, initial",
    "pulse train": "start, width, interval, end",
    "allocate available": "request, priority, available",
    "allocate by priority": "request, priority, size, width, supply",
    "get direct data": "'file', 'tab', 'time row or column', 'cell'",
    "get xls data": "'file', 'tab', 'time row or column', 'cell'",
    "get direct lookups": "'file', 'tab', 'x row or column', 'cell'",
    "get xls lookups": "'file', 'tab', 'x row or column', 'cell'",
    "get direct constants": "'file', 'tab', 'cell'",
    "get xls constants": "'file', 'tab', 'cell'",
}
XMILE_ARGUMENTS = {
    "init": "value",
    "delay": "input, time, [initial]",
    "delay1": "input, time, [initial]",
    "delay3": "input, time, [initial]",
    "delayn": "input, time, order, [initial]",
    "smth1": "input, time, [initial]",
    "smth3": "input, time, [initial]",
    "smthn": "input, time, order, [initial]",
    "trend": "input, time, [initial trend]",
    "forcst": "input, time, horizon, [initial trend]",
    "safediv": "numerator, denominator, [otherwise]",
    "ramp": "slope, start, [end]",
    "pulse": "magnitude, start, [interval]",
    "max": "value, [value]",
    "min": "value, [value]",
    "int": "value",
    "previous": "input, initial",
    "lookup": "table, value",
}
_LISTS = frozenset({"with lookup", "tabbed array"})  # their arguments are points and numbers, not equations
_PARTNERS = {")": "(", "]": "["}
_JOINING = frozenset({"and", "or", "mod", ":and:", ":or:"})
_NEGATING = frozenset({"not", ":not:"})


@dataclass(frozen=True)
class Fault:
    """What is wrong at the character `start` of an equation, and what to do."""

    start: int
    message: str
    remedy: str


def fault_in(text: str, format: str, own: Container[str] = ()) -> Fault | None:
    """The first fault that the tokens of an equation show; None when there is none.

    Parameters
    ----------
    text : str
        An equation; a list of numbers or points is looked at for its brackets and numbers alone.
    format : str
        ``"vensim"`` or ``"xmile"``.
    own : container of str
        Canonical names of the model's own, which are not the functions of the same name.

    Examples
    --------
    >>> fault_in("MAX(a, (b + c)", "vensim")
    Fault(start=3, message="the bracket '(' is not closed", remedy="close it with ')'")
    >>> fault_in("a +* b", "xmile")
    Fault(start=3, message="a value is missing before '*'", remedy='write one there')
    """
    pieces = list(tokens(text, format))
    return _numbers(pieces) or _brackets(pieces) or _Order(pieces, format, own).fault()


def _numbers(pieces: list[Token]) -> Fault | None:
    for token in pieces:
        if token.kind == "number" and not math.isfinite(float(token.text)):
            return Fault(
                token.start, f"the number {shown(token.text, 20)} is too large", "write a smaller one"
            )
    return None


def _brackets(pieces: list[Token]) -> Fault | None:
    waiting: list[Token] = []
    for token in pieces:
        if token.kind == "open":
            waiting.append(token)
        elif token.kind == "close":
            if not waiting or waiting[-1].text != _PARTNERS[token.text]:
                message = f"the bracket '{token.text}' closes nothing"
                return Fault(token.start, message, f"remove it, or write '{_PARTNERS[token.text]}' before it")
            waiting.pop()
    if waiting:
        close = ")" if waiting[-1].text == "(" else "]"
        message = f"the bracket '{waiting[-1].text}' is not closed"
        return Fault(waiting[-1].start, message, f"close it with '{close}'")
    return None


class _Order:
    """Values and operators must take turns. A value is what an operator, bracket or argument waits for."""

    def __init__(self, pieces: list[Token], format: str, own: Container[str]):
        self.pieces = pieces
        self.own = own
        self.arguments = VENSIM_ARGUMENTS if format == "vensim" else XMILE_ARGUMENTS
        self.format = format
        self.waiting = True
        self.sign = -1  # the place of the last sign that stands before a value
        # of each bracket around: the function's name, its arguments so far, and its unfinished ifs
        self.levels: list[tuple[Token | None, int, list[str]]] = [(None, 1, [])]

    def fault(self) -> Fault | None:
        squares = 0
        for place, token in enumerate(self.pieces):
            before = self.pieces[place - 1] if place else None
            if squares or token.text == "[":
                if not squares and (before is None or before.kind != "name"):
                    return None  # the limits of a lookup
                squares += (token.text == "[") - (token.text == "]")
                continue
            if self._not_an_equation(token):
                return None
            found = self._next(token, before)
            if found is not None:
                return found
        if self.waiting:
            return _missing_value(self.pieces[-1].stop if self.pieces else 0, "at the end")
        return self._ifs(self.pieces[-1].stop)

    def _not_an_equation(self, token: Token) -> bool:
        return (
            token.text == ";"
            or (token.text == "," and len(self.levels) == 1)
            or (token.kind == "name" and canonical(token.text) in _LISTS)
            or (
                token.kind == "keyword" and token.text.startswith(":") and token.text.lower() not in _KEYWORDS
            )
        )

    def _next(self, token: Token, before: Token | None) -> Fault | None:
        word = token.text.lower()
        if token.kind == "open":
            return self._open(token, before)
        if token.kind == "close" or token.kind == "comma":
            return self._end(token, before)
        if token.kind == "other":
            return Fault(token.start, f"'{shown(token.text)}' means nothing here", "remove it")
        if token.kind == "operator" or word in _JOINING:
            return self._operator(token, before)
        if word in ("then", "else") and token.kind == "keyword":
            return self._branch(token, word)
        if not self.waiting:
            return _missing_operator(token)
        if token.kind == "keyword" and word == "if":
            self.levels[-1][2].append("if")
        self.waiting = token.kind == "keyword" and (word == "if" or word in _NEGATING)
        return None

    def _operator(self, token: Token, before: Token | None) -> Fault | None:
        if token.text in (":=", "==", "<->"):
            return Fault(token.start, f"'{token.text}' is no operator of an equation", "write '=' to compare")
        if self.waiting and token.text in ("+", "-"):
            if before is not None and before.start == self.sign:
                return Fault(token.start, "two signs follow each other", "put brackets around the second")
            self.sign = token.start
            return None
        if self.waiting:
            return _missing_value(token.start, f"before '{token.text}'")
        self.waiting = True
        return None

    def _open(self, token: Token, before: Token | None) -> Fault | None:
        called = before if before is not None and before.kind == "name" else None
        if not self.waiting and called is None and (before is None or before.text != "]"):
            return _missing_operator(token)
        self.levels.append((called if not self.waiting else None, 1, []))
        self.waiting = True
        return None

    def _end(self, token: Token, before: Token | None) -> Fault | None:
        function, count, _ = self.levels[-1]
        empty = token.text == ")" and before is not None and before.text == "("
        if self.waiting and not (empty and function is not None):
            return _missing_value(token.start, f"before '{token.text}'")
        found = self._ifs(token.start)
        if found is not None:
            return found
        if token.kind == "comma":
            self.levels[-1] = (function, count + 1, [])
            self.waiting = True
            return None
        self.levels.pop()
        self.waiting = False
        return self._count(function, 0 if empty else count)

    def _count(self, function: Token | None, count: int) -> Fault | None:
        key = canonical(spelled(function.text, self.format)) if function is not None else ""
        taken = self.arguments.get(key)
        if function is None or taken is None or key in self.own:
            return None
        high = taken.count(",") + 1
        low = high - taken.count("[")
        if low <= count <= high:
            return None
        name = key.upper()
        message = f"{name} takes {arguments(low, high)}, not {count}"
        return Fault(function.start, message, f"write {name}({taken})")

    def _branch(self, token: Token, word: str) -> Fault | None:
        opened = self.levels[-1][2]
        wanted = "if" if word == "then" else "then"
        if self.waiting:
            return _missing_value(token.start, f"before {word.upper()}")
        if not opened or opened[-1] != wanted:
            return Fault(
                token.start, f"{word.upper()} without {wanted.upper()}", "write IF ... THEN ... ELSE ..."
            )
        opened.pop()
        if word == "then":
            opened.append("then")
        self.waiting = True
        return None

    def _ifs(self, start: int) -> Fault | None:
        opened = self.levels[-1][2]
        if not opened:
            return None
        lacks = "THEN" if opened[-1] == "if" else "ELSE"
        return Fault(start, f"IF without {lacks}", "write IF ... THEN ... ELSE ...")


_KEYWORDS = _JOINING | _NEGATING | {":na:"}


def arguments(low: int, high: int) -> str:
    """How many arguments, in words.

    Examples
    --------
    >>> arguments(1, 1), arguments(2, 3)
    ('1 argument', '2 to 3 arguments')
    """
    if low == high:
        return f"{low} argument" if low == 1 else f"{low} arguments"
    return f"{low} to {high} arguments"


def _missing_value(start: int, where: str) -> Fault:
    return Fault(start, f"a value is missing {where}", "write one there")


def _missing_operator(token: Token) -> Fault:
    message = f"an operator or a comma is missing before '{shown(token.text, 40)}'"
    return Fault(token.start, message, "write one there")
