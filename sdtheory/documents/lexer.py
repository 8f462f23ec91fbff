"""Names, numbers, quotes, comments and brackets of an equation, and no more: meaning is not read here.

Every function goes once through the text and does not recurse, so a hostile equation costs linear time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_NAME_START = r"A-Za-z_\u00a1-\U0010ffff"
_QUOTED = r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)'
_OTHERS = rf"""
  | (?P<quoted>{_QUOTED})
  | (?P<comment>\{{)
  | (?P<operator><->|<>|<=|>=|:=|==|[-+*/^<>=])
  | (?P<open>[(\[])
  | (?P<close>[)\]])
  | (?P<comma>[,;])
  | (?P<other>.)
"""
_NUMBER = r"(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
_SPACE = r"(?P<space>[ \t\r\n\f\v\u00a0\\]+)"
_VENSIM = re.compile(
    rf"{_SPACE} | {_NUMBER} | (?P<name>[{_NAME_START}][{_NAME_START}0-9'$]*) | (?P<string>'[^']*(?:'|\Z))"
    rf"| (?P<keyword>:[A-Za-z][A-Za-z ]*:) {_OTHERS}",
    re.VERBOSE | re.DOTALL,
)
_XMILE = re.compile(
    rf"{_SPACE} | {_NUMBER} | (?P<name>\.?[{_NAME_START}][{_NAME_START}0-9$]*|\.(?=\"){_QUOTED}) {_OTHERS}",
    re.VERBOSE | re.DOTALL,
)
_VENSIM_MORE = re.compile(rf"[{_NAME_START}0-9$][{_NAME_START}0-9'$]*")
_SPACES = re.compile(r"[ \t\r\n\f\v\u00a0\\]+")
_XMILE_MORE = re.compile(rf"\.(?:[{_NAME_START}*][{_NAME_START}0-9$]*|{_QUOTED})", re.DOTALL)
_XMILE_PART = re.compile(rf'{_QUOTED}|[^."]+', re.DOTALL)
_XMILE_WORDS = frozenset({"if", "then", "else", "and", "or", "not", "mod"})
_COMPARISONS = frozenset({"=", "<", ">", "<=", ">=", "<>"})
_BRACE = re.compile(r"[{}]")
_CONTINUATION = re.compile(r"\\[ \t]*\r?\n|\\[ \t]*\r")
_BLANKS = re.compile(r"[ \t\r\n\f\v]+")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of an equation; `kind`: name, number, string, operator, keyword, open, close, comma, other."""

    kind: str
    text: str
    start: int
    stop: int


@dataclass(slots=True)
class Reference:
    """A name in an equation.

    Parameters
    ----------
    name : str
        The name without quotes, with single spaces; XMILE's ``module.name`` stays whole.
    start, stop : int
        Characters in the equation text, quotes included.
    role : str
        ``"name"``; ``"call"`` when an opening parenthesis follows (a function, macro or lookup);
        ``"subscript"`` inside square brackets.
    """

    name: str
    start: int
    stop: int
    role: str


def after_comment(text: str, start: int, stop: int | None = None) -> int | None:
    """Offset behind the comment whose ``{`` is at `start` (comments nest), or None when it is not closed."""
    depth = 0
    position = start
    while match := _BRACE.search(text, position, len(text) if stop is None else stop):
        depth += 1 if match.group() == "{" else -1
        position = match.end()
        if not depth:
            return position
    return None


def tokens(text: str, format: str) -> Iterator[Token]:
    """Pieces of an equation, without white space, continuations and comments.

    Examples
    --------
    >>> [token.text for token in tokens("birth rate * 2 {per year}", "vensim")]
    ['birth rate', '*', '2']
    """
    vensim = format == "vensim"
    pattern = _VENSIM if vensim else _XMILE
    position = 0
    while position < len(text):
        match = pattern.match(text, position)
        assert match is not None and match.lastgroup is not None  # `other` matches any character
        kind, start, position = match.lastgroup, position, match.end()
        if kind == "space":
            continue
        if kind == "comment":
            position = after_comment(text, start) or len(text)
            continue
        if kind in ("name", "quoted"):
            if vensim:
                position = _vensim_name_end(text, position) if kind == "name" else position
            else:
                while more := _XMILE_MORE.match(text, position):
                    position = more.end()
            kind = "name"
            if not vensim and text[start:position].lower() in _XMILE_WORDS:
                kind = "keyword"
        yield Token(kind, text[start:position], start, position)


def _vensim_name_end(text: str, position: int) -> int:
    """A Vensim name goes on over spaces and continued lines as long as words follow."""
    while (gap := _SPACES.match(text, position)) and (word := _VENSIM_MORE.match(text, gap.end())):
        position = word.end()
    return position


def spelled(raw: str, format: str = "vensim") -> str:
    r"""A name as people read it: no enclosing quotes, no escapes, line breaks and runs of space as one space.

    Examples
    --------
    >>> spelled('"a \\"b\\""'), spelled("two \\\n\twords"), spelled("two\\nwords", "xmile")
    ('a "b"', 'two words', 'two words')
    """
    text = raw.strip(" \t\r\n\f\v")
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if "\\" in text:
        text = _CONTINUATION.sub(" ", text)
        if format == "xmile":
            text = text.replace("\\n", " ").replace("\\\\", "\\")
        text = text.replace('\\"', '"')
    return _BLANKS.sub(" ", text).strip(" ")


def parts(text: str) -> list[tuple[int, str]]:
    """The names in XMILE's ``name``, ``.name``, ``module.name`` or ``Dimension.element``, with their offsets.

    Examples
    --------
    >>> parts('.market."price.now"')
    [(1, 'market'), (8, '"price.now"')]
    """
    return [(match.start(), match.group()) for match in _XMILE_PART.finditer(text)]


def qualified(text: str) -> str:
    """An XMILE reference as people read it: no quotes around any of its names.

    Examples
    --------
    >>> qualified('.market."price now"'), qualified('"price.now"')
    ('.market.price now', 'price.now')
    """
    names = [spelled(part, "xmile") for _, part in parts(text)]
    return "." * text.startswith(".") + ".".join(names)


def references(text: str, format: str) -> list[Reference]:
    """The names of an equation in the order of the text, functions and subscripts among them (see `role`).

    Parameters
    ----------
    text : str
        An equation.
    format : str
        ``"vensim"`` or ``"xmile"``.

    Examples
    --------
    >>> [(r.name, r.role) for r in references("MAX(0, stock[region!]) / delay time", "vensim")]
    [('MAX', 'call'), ('stock', 'name'), ('region', 'subscript'), ('delay time', 'name')]
    """
    found: list[Reference] = []
    brackets: list[tuple[str, Reference | None]] = []
    squares = 0
    last: Reference | None = None  # the name just read, or the one whose subscripts were just closed
    for token in tokens(text, format):
        if token.kind == "name":
            role = "subscript" if squares else "name"
            name = spelled(token.text) if format == "vensim" else qualified(token.text)
            last = Reference(name, token.start, token.stop, role)
            found.append(last)
            continue
        if token.kind == "open":
            if token.text == "(" and last is not None and last.role == "name":
                last.role = "call"
            brackets.append((token.text, last))
            squares += token.text == "["
            last = None
            continue
        last = None
        if token.kind == "close" and brackets:
            bracket, owner = brackets.pop()
            if bracket == "[":
                squares -= 1
                last = owner
    return found


def depth(text: str, format: str = "vensim") -> int:
    """How deep brackets (and XMILE's ``if``) nest.

    Examples
    --------
    >>> depth("((a) + b[c])")
    2
    """
    deepest = level = 0
    conditions = [0]  # ifs begun at each bracket level: they end with the bracket
    for token in tokens(text, format):
        if token.kind == "open":
            level += 1
            conditions.append(0)
        elif token.kind == "keyword" and token.text.lower() == "if":
            level += 1
            conditions[-1] += 1
        elif token.kind == "close" and len(conditions) > 1:
            level -= 1 + conditions.pop()
        deepest = max(deepest, level)
    return deepest


def terms(text: str, format: str = "vensim") -> int:
    """How many operands operators join; a sign before a number in a list does not count.

    Examples
    --------
    >>> terms("a + b * c"), terms("1, -2, -3")
    (3, 1)
    """
    count = 1
    opening = True
    for token in tokens(text, format):
        if token.kind in ("operator", "keyword"):
            count += not opening or token.text not in ("-", "+")
            opening = False
        else:
            opening = token.kind in ("open", "comma")
    return count


@dataclass(frozen=True)
class Term:
    """A term of a sum: its sign, where its operator begins (its own start without one), and where it stands."""

    sign: int
    operator: int
    start: int
    stop: int


def additive_places(text: str, format: str) -> list[Term] | None:
    """Where the terms stand that ``+`` and ``-`` join at the top of an equation; None for a comparison.

    Examples
    --------
    >>> [(term.sign, term.operator, term.start) for term in additive_places("a - b", "vensim")]
    [(1, 0, 0), (-1, 2, 4)]
    """
    places: list[Term] = []
    sign, level, start = 1, 0, 0
    operator: int | None = None  # where the operator before the term begins
    begun = operand = False  # has the term begun; does it end, so far, with an operand

    def close(stop: int) -> None:
        begin = len(text) - len(text[start:].lstrip())
        end = start + len(text[start:stop].rstrip())
        places.append(Term(sign, begin if operator is None else operator, begin, end))

    for token in tokens(text, format):
        if token.kind == "open":
            level += 1
        elif token.kind == "close":
            level -= 1
        elif not level and (token.kind == "keyword" or token.text in _COMPARISONS):
            return None
        elif not level and token.text in ("+", "-") and (operand or not begun):
            if operand:
                close(token.start)
                sign, operator = 1, None
            sign = -sign if token.text == "-" else sign
            operator = token.start if operator is None else operator
            start = token.stop
            begun = operand = False
            continue
        begun = True
        operand = bool(level) or token.kind != "operator"
    if begun:
        close(len(text))
    return places


def additive_terms(text: str, format: str) -> list[tuple[int, str]]:
    """The terms that ``+`` and ``-`` join at the top of an equation, each with its sign.

    Examples
    --------
    >>> additive_terms("births - (deaths + x) * 2", "vensim")
    [(1, 'births'), (-1, '(deaths + x) * 2')]
    """
    places = additive_places(text, format)
    if places is None:
        return [(1, text.strip())]
    return [(term.sign, text[term.start : term.stop]) for term in places]


def name_of_term(term: str, format: str) -> str | None:
    """The name that a term is, perhaps with subscripts; None when it is more.

    Examples
    --------
    >>> name_of_term("births[region]", "vensim"), name_of_term("2 * births", "vensim")
    ('births', None)
    """
    pieces = list(tokens(term, format))
    brackets = [piece.text for piece in pieces if piece.kind in ("open", "close")]
    subscripted = brackets == ["[", "]"] and pieces[1].text == "[" and pieces[-1].text == "]"
    if pieces and pieces[0].kind == "name" and (len(pieces) == 1 or subscripted):
        return spelled(pieces[0].text, format)
    return None


def unwrapped(text: str, format: str) -> str:
    """An equation without the parentheses around the whole of it.

    Examples
    --------
    >>> unwrapped("((a) - (b))", "vensim")
    '(a) - (b)'
    """
    return text[slice(*unwrapped_place(text, format))]


def unwrapped_place(text: str, format: str) -> tuple[int, int]:
    """Where an equation stands without the parentheses around the whole of it, and without white space."""
    pieces = list(tokens(text, format))
    partner: dict[int, int] = {}
    open_ones: list[int] = []
    for index, token in enumerate(pieces):
        if token.kind == "open":
            open_ones.append(index)
        elif token.kind == "close" and open_ones:
            partner[open_ones.pop()] = index
    around = 0
    while (
        around < len(pieces)
        and pieces[around].text == "("
        and partner.get(around) == len(pieces) - 1 - around
    ):
        around += 1
    start, stop = (pieces[around - 1].stop, pieces[-around].start) if around else (0, len(text))
    inner = text[start:stop]
    return stop - len(inner.lstrip()), start + len(inner.rstrip())


def call_arguments(text: str, name: str, format: str) -> list[tuple[int, int]] | None:
    """Where the arguments stand when the whole equation is one call of `name`; None when it is not.

    Examples
    --------
    >>> call_arguments("INTEG(a - b, 5)", "INTEG", "vensim")
    [(6, 11), (12, 14)]
    """
    level = 0
    places: list[tuple[int, int]] = []
    start = 0
    for index, token in enumerate(tokens(text, format)):
        if index == 0:
            if token.kind != "name" or spelled(token.text, format).casefold() != name.casefold():
                return None
        elif index == 1:
            if token.text != "(":
                return None
            level, start = 1, token.stop
        elif not level:
            return None
        elif token.kind == "open":
            level += 1
        elif token.kind == "close":
            level -= 1
            if not level:
                places.append((start, token.start))
        elif token.text == "," and level == 1:
            places.append((start, token.start))
            start = token.stop
    return places if places and not level else None


def is_constant(text: str, format: str, calls: frozenset[str] = frozenset()) -> bool:
    """Whether an equation names nothing, so that it is numbers alone; `calls` are functions that may occur.

    Examples
    --------
    >>> is_constant("1/4", "vensim"), is_constant("2 * x", "vensim"), is_constant("{to do}", "vensim")
    (True, False, False)
    """
    if not any(True for _ in tokens(text, format)):
        return False
    return all(one.role == "call" and one.name.casefold() in calls for one in references(text, format))
