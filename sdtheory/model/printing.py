"""Expressions as a modeller writes them in Vensim or XMILE."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sdtheory.model.expression import (
    COMPARISONS,
    Binary,
    Call,
    Expression,
    Lookup,
    Name,
    Number,
    Table,
    Unary,
)
from sdtheory.model.functions import FUNCTIONS
from sdtheory.names import canonical

# how closely operators bind; a part is put in brackets where it binds less closely than its place asks
_OR, _AND, _COMPARISON, _SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(1, 9)
_LEVELS = {
    "or": _OR,
    "and": _AND,
    **dict.fromkeys(COMPARISONS, _COMPARISON),
    **dict.fromkeys("+-", _SUM),
    **dict.fromkeys("*/", _PRODUCT),
    "^": _POWER,
}
_WORDS = {
    "vensim": {"and": ":AND:", "or": ":OR:", "not": ":NOT:"},
    "xmile": {"and": "AND", "or": "OR", "not": "NOT"},
}
_CLOCK = {
    "vensim": {
        "time": "Time",
        "time step": "TIME STEP",
        "initial time": "INITIAL TIME",
        "final time": "FINAL TIME",
        "saveper": "SAVEPER",
    },
    "xmile": {"time": "TIME", "time step": "DT", "initial time": "STARTTIME", "final time": "STOPTIME"},
}
_PLAIN = re.compile(r"[^\W\d][\w ]*")
_XMILE_KEYWORDS = frozenset({"if", "then", "else", "and", "or", "not", "mod"})

Form = tuple[str, tuple[Expression, ...]]


def _chosen(call: Call, words: Mapping[float, str], general: str, last: tuple[int, ...], longer: str) -> Form:
    """SMOOTH and DELAY by their order; the initial value is written only where it is not the input."""
    source, time, initial, order = call.arguments
    own_start = () if initial == source else (initial,)
    word = words.get(order.value) if isinstance(order, Number) else None
    if word is not None:
        return word + (longer if own_start else ""), (source, time, *own_start)
    return general, tuple(call.arguments[place] for place in last)


def _xmile_chosen(call: Call, words: Mapping[float, str], general: str) -> Form:
    last = (0, 1, 3) if call.arguments[2] == call.arguments[0] else (0, 1, 3, 2)
    return _chosen(call, words, general, last, "")


_SMOOTHS = {1.0: "SMOOTH", 3.0: "SMOOTH3"}
_DELAYS = {1.0: "DELAY1", 3.0: "DELAY3"}
_ZERO = Number(0.0)

# functions that a dialect writes otherwise than its word followed by the arguments of the call; those of a
# random function are without the number of its site. None: there is no such function.
_FORMS: dict[tuple[str, str], Callable[[Call], Form | None]] = {
    ("vensim", "smooth"): lambda call: _chosen(call, _SMOOTHS, "SMOOTH N", (0, 1, 2, 3), "I"),
    ("vensim", "delay"): lambda call: _chosen(call, _DELAYS, "DELAY N", (0, 1, 2, 3), "I"),
    ("vensim", "forecast"): lambda call: (
        ("FORECAST", call.arguments[:3]) if call.arguments[3] == _ZERO else None
    ),
    ("vensim", "pulse_train"): lambda call: (
        "PULSE TRAIN",
        tuple(call.arguments[place] for place in (0, 2, 1, 3)),
    ),
    ("vensim", "ramp"): lambda call: (
        "RAMP",
        (*call.arguments, Name("final time"))[:3],
    ),
    ("vensim", "random_uniform"): lambda call: ("RANDOM UNIFORM", (*call.arguments, _ZERO)[:3]),
    ("xmile", "smooth"): lambda call: _xmile_chosen(call, {1.0: "SMTH1", 3.0: "SMTH3"}, "SMTHN"),
    ("xmile", "delay"): lambda call: _xmile_chosen(call, _DELAYS, "DELAYN"),
    ("xmile", "delay_n"): lambda call: _xmile_chosen(call, {}, "DELAYN"),
    ("xmile", "xmile_pulse"): lambda call: ("PULSE", call.arguments[::-1]),
    ("xmile", "xmile_pulse_train"): lambda call: (
        "PULSE",
        tuple(call.arguments[place] for place in (2, 0, 1)),
    ),
}
_INFIX = frozenset({("xmile", "modulo"), ("xmile", "if_then_else")})


def form(call: Call, dialect: str) -> Form | None:
    """The word and the arguments with which a dialect writes a call, or None when it has no such function.

    Examples
    --------
    >>> x, t = Name("x"), Name("t")
    >>> form(Call("smooth", (x, t, x, Number(3.0))), "xmile")
    ('SMTH3', (Name(name='x', subscripts=()), Name(name='t', subscripts=())))
    >>> form(Call("quantum", (x, t)), "xmile") is None
    True
    """
    row = FUNCTIONS[call.function]
    if row.kind == "random":
        call = Call(call.function, call.arguments[:-1])
    own = _FORMS.get((dialect, call.function))
    if own is not None:
        return own(call)
    if (dialect, call.function) in _INFIX:
        return call.function, call.arguments
    word = row.vensim if dialect == "vensim" else row.xmile
    return (word, call.arguments) if word else None


def number_text(value: float) -> str:
    """The shortest text that reads back as the same number.

    Examples
    --------
    >>> number_text(0.1), number_text(20.0), number_text(float("nan"))
    ('0.1', '20', ':NA:')
    """
    if math.isnan(value):
        return ":NA:"
    text = repr(float(value))
    return text[:-2] if text.endswith(".0") else text


def name_text(name: str, dialect: str) -> str:
    """A name as it stands in an equation: in quotes where it must be, in XMILE with underscores.

    Examples
    --------
    >>> name_text("births in 2020", "xmile"), name_text("births/deaths", "vensim")
    ('births_in_2020', '"births/deaths"')
    """
    if _PLAIN.fullmatch(name) and not (dialect == "xmile" and canonical(name) in _XMILE_KEYWORDS):
        return name.replace(" ", "_") if dialect == "xmile" else name
    escaped = name.replace("\\", "\\\\") if dialect == "xmile" else name
    return '"' + escaped.replace('"', '\\"') + '"'


def subscripts_text(subscripts: tuple[str, ...], dialect: str) -> str:
    """``[a,b]``, or nothing when there are none."""
    if not subscripts:
        return ""
    parts = []
    for subscript in subscripts:
        plain = subscript.rstrip("! ")
        if subscript == "*" or (dialect == "xmile" and plain != subscript):
            parts.append("*")
        else:
            parts.append(name_text(plain, dialect) + subscript[len(plain) :])
    return f"[{','.join(parts)}]"


def points_text(table: Table, box: tuple[float, float, float, float] | None = None) -> str:
    """Vensim's list of points, with the range of the axes (x and y of two corners) where there is one.

    Examples
    --------
    >>> points_text(Table((0.0, 1.0), (2.0, 3.5)), (0.0, 0.0, 1.0, 4.0))
    '[(0,0)-(1,4)],(0,2),(1,3.5)'
    """
    numbers = map(number_text, box or ())
    corners = "[({},{})-({},{})],".format(*numbers) if box else ""
    pairs = zip(table.x, table.y, strict=True)
    return corners + ",".join(f"({number_text(x)},{number_text(y)})" for x, y in pairs)


@dataclass(frozen=True)
class Printer:
    """Writes expressions in one dialect.

    Parameters
    ----------
    dialect : str
        ``"vensim"`` or ``"xmile"``.
    literals : mapping of float to str
        Texts for numbers, such as those of the file that the expression comes from.
    """

    dialect: str
    literals: Mapping[float, str] = field(default_factory=dict)

    def text(self, node: Expression, outer: int = 0) -> str:
        """The expression, in brackets when it binds less closely than `outer`."""
        match node:
            case Number():
                text = self.literals.get(node.value) or number_text(node.value)
                return f"({text})" if text.startswith("-") and outer > _SUM else text
            case Name():
                clock = None if node.subscripts else _CLOCK[self.dialect].get(canonical(node.name))
                name = clock or name_text(node.name, self.dialect)
                return name + subscripts_text(node.subscripts, self.dialect)
            case Unary(operator="not"):
                text = f"{_WORDS[self.dialect]['not']} {self.text(node.argument, _SIGN)}"
                return f"({text})" if outer >= _COMPARISON else text
            case Unary():
                text = f"-{self.text(node.argument, _ATOM)}"
                return f"({text})" if outer >= _SUM else text
            case Binary():
                return self._chain(node, outer)
            case Lookup():
                return self._lookup(node)
            case Call():
                return self._call(node, outer)
        return node.text

    def _chain(self, node: Binary, outer: int) -> str:
        level = _LEVELS[node.operator]
        operands: list[tuple[str, Expression]] = []
        first: Expression = node
        repeats = level not in (_POWER, _COMPARISON)
        while isinstance(first, Binary) and _LEVELS[first.operator] == level and (repeats or not operands):
            operands.append((first.operator, first.right))
            first = first.left
        if level == _POWER:
            text = f"{self.text(first, _ATOM)}^{self.text(operands[0][1], _POWER)}"
        else:
            # a sign needs no brackets where an expression begins
            begins = _signed(first) and level >= _SUM and outer < _SUM
            text = self.text(first, 0 if begins else level if repeats else level + 1)
            gap = "" if level == _PRODUCT else " "
            for operator, right in reversed(operands):
                word = _WORDS[self.dialect].get(operator, operator)
                text += f"{gap}{word}{gap}{self.text(right, level + 1)}"
        return f"({text})" if level < outer else text

    def _call(self, call: Call, outer: int) -> str:
        written = form(call, self.dialect)
        if written is None:
            row = FUNCTIONS[call.function]
            shown = call.arguments[:-1] if row.kind == "random" else call.arguments
            written = (row.vensim or row.xmile or row.key.upper(), shown)
        word, arguments = written
        if word == "modulo":
            text = f"{self.text(arguments[0], _PRODUCT)} MOD {self.text(arguments[1], _PRODUCT)}"
            return f"({text})" if outer > _OR else text
        if word == "if_then_else":
            condition, then, otherwise = (self.text(argument, _OR) for argument in arguments)
            text = f"IF {condition} THEN {then} ELSE {otherwise}"
            return f"({text})" if outer else text
        inside = ", ".join(self.text(argument) for argument in arguments)
        bare = not arguments and self.dialect == "xmile"
        return word if bare else f"{word}({inside})"

    def _lookup(self, node: Lookup) -> str:
        argument = self.text(node.argument)
        if not isinstance(node.table, Name):
            return f"WITH LOOKUP({argument}, ({points_text(node.table)}))"
        table = self.text(node.table)
        return f"{table}({argument})" if self.dialect == "vensim" else f"LOOKUP({table}, {argument})"


def _signed(node: Expression) -> bool:
    return (isinstance(node, Unary) and node.operator == "-") or (isinstance(node, Number) and node.value < 0)
