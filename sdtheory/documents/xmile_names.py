"""Names in XMILE files: how each place spells one, and every place that a new name must reach."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sdtheory.documents.lexer import parts, spelled, tokens
from sdtheory.documents.words import RESERVED
from sdtheory.documents.xmile_source import Source
from sdtheory.names import canonical

_LETTER = r"A-Za-z_\u00a1-\U0010ffff"
_PLAIN = re.compile(rf"[{_LETTER}][{_LETTER}0-9$]*")
_GAPS = re.compile(r"(?:[ \t\r\n_\u00a0]|\\n)+")


def words_of(name: str) -> list[str]:
    """A name's words: spaces, underscores and line breaks part them."""
    return [word for word in _GAPS.split(spelled(name, "xmile")) if word]


def needs_quotes(name: str) -> bool:
    """Whether an equation must quote a name (XMILE 1.0, 3.2.2.1).

    Examples
    --------
    >>> needs_quotes("birth rate"), needs_quotes("births-deaths"), needs_quotes("and")
    (False, True, True)
    """
    text = "_".join(words_of(name))
    return not _PLAIN.fullmatch(text) or canonical(text) in RESERVED["xmile"]


def quoted(text: str) -> str:
    """A name between quote signs."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def in_equation(name: str) -> str:
    """A name as equations and references write it.

    Examples
    --------
    >>> in_equation("birth rate"), in_equation("births-deaths per year")
    ('birth_rate', '"births-deaths_per_year"')
    """
    text = "_".join(words_of(name))
    return quoted(text) if needs_quotes(name) else text


def with_breaks(words: Sequence[str], breaks: int) -> str:
    r"""Words with spaces, and a ``\n`` in the place of as many of them as asked, for lines of like length.

    Examples
    --------
    >>> with_breaks(["effective", "search", "space"], 1)
    'effective\\nsearch space'
    """
    text = " ".join(words)
    gaps = [place for place, letter in enumerate(text) if letter == " "]
    chosen: set[int] = set()
    for line in range(1, min(breaks, len(gaps)) + 1):
        ideal = len(text) * line / (breaks + 1)
        chosen.add(min((gap for gap in gaps if gap not in chosen), key=lambda gap: abs(gap - ideal)))
    return "".join("\\n" if place in chosen else letter for place, letter in enumerate(text))


def respelled(old: str, new: str, place: str, usual: str = "_") -> str:
    r"""`new` in the style in which a place spells `old`: its quotes, and ``_``, a space or ``\n`` between words.

    Parameters
    ----------
    old : str
        The text of the place.
    new : str
        Another name.
    place : str
        ``"equation"``; ``"label"``, an element that holds a reference; or an attribute, where quotes do not
        belong.
    usual : str
        What to put between words when `old` has but one.

    Examples
    --------
    >>> respelled("birth_rate", "death rate", "label"), respelled('"birth rate"', "death rate", "equation")
    ('death_rate', '"death rate"')
    >>> respelled("birth\\nrate", "rate of death", "attribute")
    'rate of\\ndeath'
    """
    bare = old.strip()
    has_quotes = len(bare) >= 2 and bare[0] == bare[-1] == '"'
    quotes = has_quotes
    if place == "equation":
        quotes = needs_quotes(new) or (has_quotes and not needs_quotes(bare))
    elif place == "label" and has_quotes == needs_quotes(bare):
        quotes = needs_quotes(new)
    inner = bare[1:-1] if has_quotes else bare
    words = words_of(new)
    if place == "equation" and not quotes:
        text = "_".join(words)
    elif "\\n" in inner:
        text = with_breaks(words, inner.count("\\n"))
        text = text.replace(" ", "_") if "_" in inner and " " not in inner else text
    else:
        text = (" " if " " in inner else "_" if "_" in inner else usual).join(words)
    return quoted(text) if quotes else text


@dataclass(frozen=True)
class Part:
    """One name of a reference: of a variable, module, dimension or element.

    Parameters
    ----------
    start, stop : int
        Characters of the text.
    text : str
    means : tuple
        ``("variable", model, name)``, ``("dimension", name)`` or ``("element", dimension or "", name)``; all
        canonical.
    """

    start: int
    stop: int
    text: str
    means: tuple[str, ...]


class Scope:
    """What names mean in a model.

    Parameters
    ----------
    source : Source
    model : str
        Canonical name of the model, "" for the root.
    """

    def __init__(self, source: Source, model: str):
        self.source = source
        self.model = model
        self.elements = {
            canonical(dimension.name): {canonical(element) for element in dimension.elements}
            for dimension in source.document.dimensions.values()
        }

    def equation(self, text: str) -> Iterator[Part]:
        """The names of an equation."""
        brackets: list[tuple[str, Sequence[str] | None, int]] = []  # sign, dimensions of its owner, argument
        owner: Sequence[str] | None = None
        for token in tokens(text, "xmile"):
            if token.kind == "name":
                inside = brackets[-1] if brackets and brackets[-1][0] == "[" else None
                found = list(self.reference(token.text, token.start, inside))
                yield from found
                means = found[-1].means if found else ("",)
                owner = self.dimensions(means[1], means[2]) if means[0] == "variable" else None
                continue
            if token.kind == "open":
                brackets.append((token.text, owner, 0))
            elif token.kind == "close" and brackets:
                brackets.pop()
            elif token.kind == "comma" and brackets:
                sign, dimensions, argument = brackets[-1]
                brackets[-1] = (sign, dimensions, argument + 1)
            owner = None

    def dimensions(self, model: str, name: str) -> tuple[str, ...] | None:
        """Dimensions of a variable."""
        key = self.source.key(model, name)
        return self.source.document.variables[key].dimensions if key is not None else None

    def reference(
        self, text: str, start: int, inside: tuple[str, Sequence[str] | None, int] | None = None
    ) -> Iterator[Part]:
        """The parts of ``name``, ``.name``, ``module.name`` or ``Dimension.element``."""
        pieces = parts(text)
        keys = [canonical(piece) for _, piece in pieces]
        meanings = self._subscript(keys, inside) if inside else self._meanings(keys, text.startswith("."))
        for (offset, piece), means in zip(pieces, meanings, strict=True):
            yield Part(start + offset, start + offset + len(piece), piece, means)

    def _meanings(self, keys: list[str], from_root: bool) -> list[tuple[str, ...]]:
        model = "" if from_root else self.model
        if len(keys) == 1:
            return [self._single(keys[0], model)]
        if keys[0] in self.elements and self.source.key(model, keys[0]) is None:
            return [("dimension", keys[0]), *(("element", keys[0], key) for key in keys[1:])]
        found: list[tuple[str, ...]] = []
        for place, key in enumerate(keys):
            if place and place == len(keys) - 1:
                found.append(("variable", keys[place - 1], key))
            else:
                found.append(("variable", self._home(model, key), key))
                model = key
        return found

    def _home(self, model: str, module: str) -> str:
        """The model that declares a module, when the name is used in `model`."""
        variables = self.source.document.variables
        for name in (model, "", *(name for name, _ in self.source.models)):
            key = self.source.key(name, module)
            if key is not None and variables[key].kind == "module":
                return name
        return model

    def _single(self, key: str, model: str) -> tuple[str, ...]:
        if self.source.key(model, key) is None:
            if key in self.elements:
                return ("dimension", key)
            if any(key in elements for elements in self.elements.values()):
                return ("element", "", key)
        return ("variable", model, key)

    def _subscript(
        self, keys: list[str], inside: tuple[str, Sequence[str] | None, int]
    ) -> list[tuple[str, ...]]:
        _, dimensions, argument = inside
        if len(keys) > 1:
            return self._meanings(keys, False)
        own = canonical(dimensions[argument]) if dimensions and argument < len(dimensions) else ""
        return [self.subscript(keys[0], own)]

    def subscript(self, key: str, own: str) -> tuple[str, ...]:
        """What a name means as a subscript in the place of the dimension `own`, "" when that is unknown."""
        if key in self.elements.get(own, ()):
            return ("element", own, key)
        if key in self.elements:
            return ("dimension", key)
        if not own and any(key in elements for elements in self.elements.values()):
            return ("element", "", key)
        return ("variable", self.model, key)

    def label(self, text: str) -> Iterator[Part]:
        """The names of a text that is one reference, such as ``<from>``; a name may hold dots there."""
        stripped = text.strip()
        start = len(text) - len(text.lstrip())
        key = canonical(spelled(stripped, "xmile"))
        if self.source.key(self.model, key) is not None or ("." not in stripped and "[" not in stripped):
            yield Part(start, start + len(stripped), stripped, ("variable", self.model, key))
            return
        name, bracket, _ = stripped.partition("[")
        yield from self.reference(name.rstrip(), start)
        if bracket:
            yield from self.equation(" " * (start + len(name)) + stripped[len(name) :])
