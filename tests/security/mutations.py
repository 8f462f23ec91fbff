"""Random changes of a model file that know what one is made of, and random parts of one.

A file's bytes are changed as Latin-1 text, so that every byte is one character and none is lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random

# Latin-1 text in and out; the last argument holds parts of other files
Change = Callable[[str, Random, Sequence[str]], str]

NUMBERS = [
    "0",
    "-1",
    "1e999",
    "nan",
    "inf",
    "9" * 30,
    "1e-320",
    "0x10",
    "٣",
    "1_0",
    "+5",
    ".",
    "1e",
    "²",
    "-0",
]
SIGNS = [
    *"|~\"'{}[]()<>=:;,.\\&#!?*/-+^$%@_ \t\n\r\0\x1b\x7f",
    *("\r\n", "\\\n", '\\"', "\\n", "{**", "**}", "***", "~~|", "//", "--", "]]>", "é", "Ä\u00a0b"),
    *("\u2028", "\u202e", "𝕏", "\ufeff", "ı", "ß", "ﬁ", "\u200b", "e\u0301"),
]
FUNCTIONS = [
    "MAX", "MIN", "ABS", "IF THEN ELSE", "INTEG", "STEP", "PULSE", "SMOOTH", "SMOOTH3I", "DELAY1", "DELAY N",
    "DELAY FIXED", "WITH LOOKUP", "SUM", "VMIN", "RANDOM UNIFORM", "GET DIRECT DATA", "A FUNCTION OF", "ACTIVE INITIAL",
    "SAMPLE IF TRUE", "TREND", "EXP", "LN", "MODULO", "XIDZ", "INITIAL", "LOOKUP EXTRAPOLATE", "init", "safediv",
    "smth1", "delay3", "if", "size", "forcst", "nan", "pi", "history", "self", "previous",
]  # fmt: skip
OPERATORS = [
    "+",
    "-",
    "*",
    "/",
    "^",
    "<",
    ">",
    "=",
    "<>",
    "<=",
    ">=",
    ":AND:",
    ":OR:",
    " and ",
    " or ",
    " mod ",
]


def raw(text: str) -> str:
    """Text as its UTF-8 bytes, one character for each."""
    return text.encode("utf-8", "surrogatepass").decode("latin-1")


def equation(chance: Random, names: Sequence[str], depth: int = 3) -> str:
    """A random expression of a small grammar, nearly in either dialect."""
    kind = chance.random()
    inner = lambda: equation(chance, names, depth - 1)  # noqa: E731
    if depth <= 0 or kind < 0.35:
        leaves = [str(chance.randrange(100)), "0.5", "Time", *NUMBERS[:4], *(names or ["a"])]
        return chance.choice(leaves)
    if kind < 0.65:
        return f"{inner()} {chance.choice(OPERATORS)} {inner()}"
    if kind < 0.72:
        return f"({inner()})"
    if kind < 0.78:
        return f"-{inner()}"
    if kind < 0.82:
        return f"{chance.choice(names or ['a'])}[{chance.choice([*(names or ['a']), '1', '*', 'd!', 'd.e'])}]"
    if kind < 0.85:
        return f"IF {inner()} THEN {inner()} ELSE {inner()}"
    if kind < 0.87:
        return f"([(0,0)-(10,10)],(0,{inner()}),(10,5))"
    arguments = ", ".join(inner() for _ in range(chance.choice([0, 1, 1, 2, 2, 3, 4])))
    return f"{chance.choice(FUNCTIONS)}({arguments})"


def changed_bytes(text: str, chance: Random, _: Sequence[str]) -> str:
    """A few bytes put in, left out, repeated or replaced."""
    place = chance.randrange(len(text) + 1)
    stop = min(len(text), place + chance.choice([0, 0, 1, 1, 2, 8, 60]))
    new = chance.choice([raw(chance.choice(SIGNS)), chr(chance.randrange(256)), text[place:stop] * 2, ""])
    return text[:place] + new + text[stop:]


def cut(text: str, chance: Random, _: Sequence[str]) -> str:
    """The beginning or the end alone."""
    place = chance.randrange(len(text) + 1)
    return text[:place] if chance.random() < 0.7 else text[place:]


def swapped_sign(text: str, chance: Random, _: Sequence[str]) -> str:
    """One of the signs that part things, replaced by another."""
    places = list(re.finditer(r"[|~\"{}\[\]()<>=:,\\/\n&;]", text))
    if not places:
        return text
    match = chance.choice(places)
    return text[: match.start()] + raw(chance.choice(SIGNS)) + text[match.end() :]


def very_long(text: str, chance: Random, _: Sequence[str]) -> str:
    """A long name, or many brackets, terms or signs."""
    place = chance.randrange(len(text) + 1)
    count = chance.choice([30, 150, 600, 3000])
    opening, closing = chance.choice(
        [("(", ")"), ("[", "]"), ("{", "}"), ("MAX(1,", ")"), ("-", ""), ("a+", "")]
    )
    long = chance.choice(
        ["x" * count, "x " * count, opening * count + "1" + closing * count, chance.choice(SIGNS) * count]
    )
    return text[:place] + raw(long) + text[place:]


def line_ends(text: str, chance: Random, _: Sequence[str]) -> str:
    """All line ends otherwise, or some."""
    end = chance.choice(["\r\n", "\r", "\n", "\x0b", "\x0c", "\n\r"])
    flat = text.replace("\r\n", "\n").replace("\r", "\n")
    return flat.replace("\n", end, chance.choice([-1, -1, chance.randrange(20)]))


def parts_moved(text: str, chance: Random, others: Sequence[str], mark: str) -> str:
    """Parts between marks swapped, repeated, left out, or taken from another file."""
    parts = text.split(mark)
    one, two = chance.randrange(len(parts)), chance.randrange(len(parts))
    way = chance.randrange(5)
    if way == 0:
        parts[one], parts[two] = parts[two], parts[one]
    elif way == 1:
        parts.insert(one, parts[two])
    elif way == 2:
        del parts[one]
    elif way == 3 and others:
        parts.insert(one, chance.choice(chance.choice(others).split(mark)))
    else:
        first, last = sorted((one, two))
        parts[first:last] = parts[first:last][::-1]
    return mark.join(parts)


COMMON: list[Change] = [changed_bytes, changed_bytes, swapped_sign, swapped_sign, very_long, line_ends, cut]


def mutated(data: bytes, chance: Random, changes: Sequence[Change], others: Sequence[bytes] = ()) -> bytes:
    """A file after a few random changes; `others` are files to take parts from."""
    text, pool = data.decode("latin-1"), [other.decode("latin-1") for other in others]
    for _ in range(chance.choice([1, 1, 1, 2, 3, 6])):
        text = chance.choice(changes)(text, chance, pool) or " "
    return text.encode("latin-1")
