"""Units of measure in the modeller's own words: reading their texts, and multiplying and comparing them.

A unit is a product of names to powers. A name means nothing by itself: ``Month`` and ``Year`` are as
different as ``Month`` and ``Person``, and nothing is ever converted. This is why units are read here and
not by a library of physical units, which would refuse ``square feet`` and ``$``, and turn a year into
days unasked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from sdtheory.errors import ModelError, shown
from sdtheory.names import canonical

Powers = tuple[tuple[str, Fraction], ...]
_LENGTH, _DEPTH, _EXPONENT = 1000, 50, 100
_TOKENS = re.compile(r"\*\*|[*/^()]|[^*/^()]+")
_COMMENTS = re.compile(r"\{[^{}]*\}")
_PER = re.compile(r"(?:^|\s+)per(?=\s)", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,2})?", re.IGNORECASE)
_ENDINGS = (("ie", "y"), ("sse", "ss"), ("xe", "x"), ("che", "ch"), ("she", "sh"))
# what every program takes for the same; a file's own definitions come before these
_EVERYWHERE = {
    **dict.fromkeys(("dmnl", "dimensionless", "unitless", "fraction"), "1"),
    "people": "Person",
    "$": "Dollar",
}


@dataclass(frozen=True)
class Unit:
    """A product of names to powers.

    Parameters
    ----------
    powers : tuple of (str, Fraction)
        In order of the names; no power is zero. Empty: dimensionless.
    literal : bool
        A number written in an equation: dimensionless in products, fits anything where it stands alone.

    Examples
    --------
    >>> people, year = Unit((("people", Fraction(1)),)), Unit((("year", Fraction(1)),))
    >>> str(people / year * people), str(year / year), str(year ** -1)
    ('people^2/year', 'Dmnl', '1/year')
    """

    powers: Powers = ()
    literal: bool = False

    def __mul__(self, other: Unit) -> Unit:
        return Unit(_collected((*self.powers, *other.powers)), self.literal and other.literal)

    def __truediv__(self, other: Unit) -> Unit:
        return self * other**-1

    def __pow__(self, exponent: Fraction | int) -> Unit:
        return Unit(_collected((name, power * exponent) for name, power in self.powers), self.literal)

    def __str__(self) -> str:
        return text_of(self)


def _collected(factors: Iterable[tuple[str, Fraction]]) -> Powers:
    powers: dict[str, Fraction] = {}
    for name, power in factors:
        powers[name] = powers.get(name, Fraction(0)) + power
    return tuple(sorted((name, power) for name, power in powers.items() if power))


DIMENSIONLESS = Unit()
LITERAL = Unit(literal=True)


def text_of(unit: Unit, spellings: Mapping[str, str] | None = None) -> str:
    """A unit as a modeller writes it; `spellings` tells how a file spells a name."""
    if unit.literal:
        return "a plain number"
    above = [(name, power) for name, power in unit.powers if power > 0]
    below = [(name, -power) for name, power in unit.powers if power < 0]

    def product(factors: list[tuple[str, Fraction]]) -> str:
        words = []
        for name, power in factors:
            word = (spellings or {}).get(name, name)
            exponent = str(power) if power.denominator == 1 else f"({power})"
            words.append(word if power == 1 else f"{word}^{exponent}")
        return "*".join(words)

    if not above and not below:
        return "Dmnl"
    under = product(below)
    return (product(above) or "1") + (f"/({under})" if len(below) > 1 else f"/{under}" if below else "")


def unit_key(name: str) -> str:
    """The key under which every spelling of one unit is found: case, spaces and a plural s do not matter.

    Examples
    --------
    >>> unit_key("Months") == unit_key("month"), unit_key("Boxes") == unit_key("box")
    (True, True)
    >>> unit_key("mass"), unit_key("ms")
    ('mass', 'ms')
    """
    return " ".join(map(_singular, canonical(name).split(" ")))


def _singular(word: str) -> str:
    if len(word) >= 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending, instead in _ENDINGS:
        if len(word) > len(ending) + 1 and word.endswith(ending):
            return word[: -len(ending)] + instead
    return word


@lru_cache(maxsize=4096)
def parse_units(text: str) -> Unit | None:
    """The unit that a text says, names as they are spelled; None when the text is empty or a question mark.

    Parameters
    ----------
    text : str
        Names, numbers, ``* / ^ **``, the word per, and parentheses; a name may hold spaces. A number other
        than 1 counts as a name: a thousand tons are not tons.

    Raises
    ------
    ModelError
        When the text is not of this form.

    Examples
    --------
    >>> str(parse_units("Persons*Persons/Day")), str(parse_units("$/(square feet*Year)"))
    ('Persons^2/Day', '$/(Year*square feet)')
    >>> str(parse_units("1/Year")), parse_units("{to do}"), str(parse_units("Miles per Hour"))
    ('1/Year', None, 'Miles/Hour')
    """
    plain = _COMMENTS.sub(" ", text).strip()
    if not plain.strip("? "):
        return None
    if len(plain) > _LENGTH:
        raise ModelError(f"a unit of {len(plain):,} characters")
    return _Parser(_TOKENS.findall(_PER.sub(" / ", plain))).whole()


class _Parser:
    """Recursive descent over the few signs of a unit."""

    def __init__(self, tokens: list[str]):
        self.tokens = [token.strip() for token in tokens if token.strip()]
        if self.tokens and self.tokens[0] == "/":
            self.tokens.insert(0, "1")
        self.place = self.depth = 0

    def next(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self) -> str:
        self.place += 1
        return self.tokens[self.place - 1] if self.place <= len(self.tokens) else ""

    def whole(self) -> Unit:
        unit = self.product()
        if self.next():
            raise ModelError(f"'{shown(self.next())}' is not expected there")
        return unit

    def product(self) -> Unit:
        unit = self.factor()
        while self.next() in ("*", "/"):
            unit = unit * self.factor() if self.take() == "*" else unit / self.factor()
        return unit

    def factor(self) -> Unit:
        token = self.take()
        if token == "(":
            self.depth += 1
            if self.depth > _DEPTH:
                raise ModelError(f"parentheses nested more than {_DEPTH} deep")
            unit = self.product()
            self.depth -= 1
            self.close()
        elif not token or token in ("*", "/", "^", "**", ")"):
            raise ModelError(
                f"a name is missing before '{token}'" if token else "a name is missing at the end"
            )
        else:
            one = _NUMBER.fullmatch(token) and float(token) == 1
            unit = DIMENSIONLESS if one else Unit(((token, Fraction(1)),))
        if self.next() in ("^", "**"):
            self.take()
            unit = unit ** self.exponent()
        return unit

    def close(self) -> None:
        if self.take() != ")":
            raise ModelError("a closing parenthesis is missing")

    def exponent(self) -> Fraction:
        if self.next() == "(":
            self.take()
            exponent = self.number()
            if self.next() == "/":
                self.take()
                below = self.number()
                exponent = exponent / below if below else Fraction(_EXPONENT + 1)
            self.close()
        else:
            exponent = self.number()
        if abs(exponent) > _EXPONENT:
            raise ModelError(f"an exponent beyond {_EXPONENT}")
        return exponent

    def number(self) -> Fraction:
        token = self.take()
        if not _NUMBER.fullmatch(token):
            raise ModelError(f"the exponent '{shown(token)}' is not a number")
        return exponent_of(float(token))


def exponent_of(value: float) -> Fraction:
    """A plain number as an exponent: the fraction with a small denominator that is nearest."""
    return Fraction(value).limit_denominator(1000)


class UnitReader:
    """Reads the units of one model, whose file may say that names mean the same.

    Parameters
    ----------
    definitions : mapping of str to str
        Names of units and what they mean, such as ``{"People": "Person", "ppl": "Person"}``.

    Attributes
    ----------
    spellings : dict of str to str
        Key of each name met to its first spelling, for messages.

    Examples
    --------
    >>> reader = UnitReader({"staff": "Person"})
    >>> reader.read("Staff / Months") == reader.read("people/month"), reader.read("Dimensionless")
    (True, Unit(powers=(), literal=False))
    """

    def __init__(self, definitions: Mapping[str, str] | None = None):
        self.spellings: dict[str, str] = {}
        self._elsewhere: dict[str, str] = {}  # spellings that only definitions use
        self.meanings: dict[str, str] = {}
        for name, meaning in {**_EVERYWHERE, **(definitions or {})}.items():
            if not self._leads_back(unit_key(name), meaning):
                self.meanings[unit_key(name)] = meaning
        self._known: dict[str, Unit] = {}

    def read(self, text: str) -> Unit | None:
        """The unit that a text means, by keys of names; None when it says nothing.

        Raises
        ------
        ModelError
            When the text is no unit.
        """
        written = parse_units(text)
        return None if written is None else self._resolved(written, frozenset())

    def text(self, unit: Unit) -> str:
        """The unit with its names as the model spells them."""
        return text_of(unit, {**self._elsewhere, **self.spellings})

    def _leads_back(self, key: str, meaning: str) -> bool:
        """Whether following a meaning from name to name comes back to the key."""
        for _ in range(_DEPTH):
            if unit_key(meaning) == key:
                return True
            meaning = self.meanings.get(unit_key(meaning), "")
        return False

    def _resolved(self, written: Unit, open_names: frozenset[str]) -> Unit:
        unit = DIMENSIONLESS
        for name, power in written.powers:
            unit = unit * self._meaning(name, open_names) ** power
        return unit

    def _meaning(self, name: str, open_names: frozenset[str]) -> Unit:
        key = unit_key(name)
        if key in self._known:
            return self._known[key]
        itself = Unit(((key, Fraction(1)),))
        meaning = self._defined(key, open_names) if key not in open_names else None
        meaning = itself if meaning is None else meaning
        met = self._elsewhere if open_names else self.spellings
        if len(meaning.powers) == 1 and meaning.powers[0][1] == 1:
            met.setdefault(meaning.powers[0][0], " ".join(name.split()))
        if not open_names:
            self._known[key] = meaning
        return meaning

    def _defined(self, key: str, open_names: frozenset[str]) -> Unit | None:
        """What the file says a name means; None when it says nothing, or a number of something else."""
        if key not in self.meanings or len(open_names) > _DEPTH:
            return None
        try:
            written = parse_units(self.meanings[key])
        except ModelError:
            return None
        if written is None or any(_NUMBER.fullmatch(name) for name, _ in written.powers):
            return None
        return self._resolved(written, open_names | {key})
