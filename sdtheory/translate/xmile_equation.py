"""XMILE equations, made ready for PySD's grammar, and its trees given back the document's names."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

from sdtheory.documents import Document
from sdtheory.documents.index import Lookup, Macro
from sdtheory.documents.lexer import Token, qualified, tokens
from sdtheory.documents.remembered import moved
from sdtheory.names import canonical
from sdtheory.translate.dimensions import marked
from sdtheory.translate.syntax import XMILE_ARGUMENTS

KINDS = {"continuous": "interpolate", "extrapolate": "extrapolate", "discrete": "hold_backward"}
CLOCK = {"dt": "time step", "starttime": "initial time", "stoptime": "final time"}
BUILT_IN = frozenset({"time", "time step", "initial time", "final time", "saveper"})
# of these PySD's grammar does not know two
STRUCTURED = frozenset(XMILE_ARGUMENTS) - {"previous", "lookup"}
ARRAY_FUNCTIONS = frozenset({"sum", "prod", "vmin_xmile", "vmax_xmile", "vmin", "vmax"})
ANY = "any"  # what `*` becomes inside brackets


class Scope:
    """Which variable a name in an equation means.

    Parameters
    ----------
    document : Document
    model : str
        The submodel that the equation stands in, "" for the root.
    macro : Macro, optional
        The macro that it stands in.
    """

    def __init__(self, document: Document, model: str, macro: Macro | None = None):
        self.document = document
        self.model = model
        self.local: dict[str, str] = {}
        self.inside = {} if macro is None else {canonical(key): one for key, one in macro.variables.items()}
        if macro is not None:
            inside = [*macro.parameters, macro.name, *(entry.name for entry in macro.variables.values())]
            self.local = {canonical(name): name for name in inside}
        self.numbers: dict[str, str] = {}
        self.names: dict[str, str] = {}

    def key(self, name: str) -> str | None:
        """The key of the variable that a name means, or None when there is none."""
        variables = self.document.variables
        if name.startswith("."):
            key = canonical(name[1:])
            return key if key in variables else None
        key = canonical(name)
        if self.local:
            return key if key in self.local else None
        if self.model and canonical(f"{self.model}.{name}") in variables:
            return canonical(f"{self.model}.{name}")
        if key in variables and (not self.model or "." in name):
            return key
        # a name of several parts: the last module's own
        tail = canonical(".".join(name.split(".")[-2:]))
        return tail if "." in name and tail in variables else None

    def is_called(self, name: str) -> bool:
        """Can the variable that a name means be called, because it has points?"""
        key = self.key(name)
        if key is None:
            return False
        entry = self.document.variables.get(key)
        if self.local:
            entry = self.inside.get(key)
        return entry is not None and (
            entry.lookup is not None or any(block.lookup is not None for block in entry.blocks)
        )

    def number(self, name: str) -> str:
        """A plain word that stands for a name in the text that PySD parses."""
        if name not in self.numbers:
            word = f"n{len(self.numbers)}"
            self.numbers[name] = word
            self.names[word] = name
        return self.numbers[name]

    def dimensions(self, key: str) -> tuple[str, ...]:
        entry = self.document.variables.get(key)
        return entry.dimensions if entry is not None and not self.local else ()


def rewritten(text: str, scope: Scope) -> str:
    """An equation in the words that PySD's grammar knows, without comments, every name a number.

    An ``IF`` is put into parentheses, since PySD reads one only at the start of a bracket.
    """
    pieces = [token for token in tokens(text, "xmile")]
    return " ".join(_bracketed(_words(pieces, scope)))


def _words(pieces: list[Token], scope: Scope) -> Iterator[str]:
    squares = 0
    for place, token in enumerate(pieces):
        after = pieces[place + 1].text if place + 1 < len(pieces) else ""
        squares += (token.text == "[") - (token.text == "]")
        if token.kind == "name":
            yield _name(token.text, after == "(" and not squares, scope)
        elif squares and token.text == "*":
            yield ANY
        elif token.kind == "keyword":
            word = token.text.lower()
            yield word.upper() if word in ("if", "then", "else") else word
        elif token.kind == "number" and not token.text.isdigit():
            yield repr(float(token.text))
        elif token.kind == "number":
            yield str(int(token.text)) if len(token.text) < 16 else repr(float(token.text))
        else:
            yield token.text


def _name(raw: str, called: bool, scope: Scope) -> str:
    name = qualified(raw)
    key = canonical(name)
    if called and not scope.is_called(name) and key in STRUCTURED:
        return key
    return scope.number(name)


def _bracketed(words: Iterator[str]) -> Iterator[str]:
    """The words with each ``IF ... THEN ... ELSE ...`` in parentheses of its own."""
    levels: list[list[bool]] = [[]]  # of each bracket, the ifs begun in it: has its ELSE been seen
    for word in words:
        if word == "IF":
            levels[-1].append(False)
            yield "("
        elif word == "ELSE":
            while levels[-1] and levels[-1][-1]:
                levels[-1].pop()
                yield ")"
            if levels[-1]:
                levels[-1][-1] = True
        elif word in ("(", "["):
            levels.append([])
        elif word in (")", "]", ",", ";"):
            yield from ")" * len(levels[-1])
            levels[-1].clear()
            if word in (")", "]") and len(levels) > 1:
                levels.pop()
        yield word
    yield from ")" * len(levels[-1])


def spelled_back(node: Any, scope: Scope, axes: tuple[str, ...], own: str = "") -> Any:
    """PySD's tree with the document's names for our numbers.

    Parameters
    ----------
    axes : tuple of str
        The subscripts on the left side: array functions run over all others.
    own : str
        The key of the variable on the left side, which the equation calls ``SELF``.
    """
    return _Back(scope, axes, own).tree(node)


class _Back:
    def __init__(self, scope: Scope, axes: tuple[str, ...], own: str):
        self.scope = scope
        self.own = own
        self.axes = axes
        self.fixed = {canonical(axis) for axis in axes}
        self.over = 0  # inside how many array functions

    def tree(self, node: Any) -> Any:
        kind = type(node).__name__
        if isinstance(node, tuple | list):
            return type(node)(self.tree(part) for part in node)
        if kind == "ReferenceStructure":
            return self._reference(node)
        if kind == "CallStructure":
            return self._call(node)
        if dataclasses.is_dataclass(node) and not isinstance(node, type):
            return moved(node, **{name: self.tree(part) for name, part in vars(node).items()})
        return node

    def _reference(self, node: Any) -> Any:
        from pysd.translators.structures import abstract_expressions as ae

        name = self.scope.names.get(node.reference, node.reference)
        key = self.scope.key(name)
        if key is None:
            plain = canonical(name)
            if plain == "self" and self.own:
                left = ae.SubscriptsReferenceStructure(list(self.axes)) if self.axes else None
                return ae.ReferenceStructure(self.own, left)
            if plain == "pi":
                return ae.CallStructure(ae.ReferenceStructure("pi", None), ())
            return ae.ReferenceStructure(CLOCK.get(plain, name if plain not in BUILT_IN else plain), None)
        given = [self._subscript(part) for part in node.subscripts.subscripts] if node.subscripts else []
        full = self.scope.dimensions(key)
        if not given:
            given = list(full)
        whole = [axis if part == ANY else part for part, axis in zip(given, full, strict=False)]
        whole += given[len(whole) :]
        if self.over:
            whole = [
                f"{part}!"
                if part in self.scope.document.dimensions
                and (old == ANY or canonical(part) not in self.fixed)
                else part
                for part, old in zip(whole, given, strict=True)
            ]
        inside = ae.SubscriptsReferenceStructure(whole) if whole else None
        return ae.ReferenceStructure(key, inside)

    def _subscript(self, text: str) -> str:
        name = self.scope.names.get(text.replace(" ", "_"), text)
        dimension = self.scope.document.dimensions.get(name)
        return dimension.name if dimension else name.rpartition(".")[2]

    def _call(self, node: Any) -> Any:
        from pysd.translators.structures import abstract_expressions as ae

        written = self.scope.names.get(node.function.reference)
        if written is not None and self.scope.is_called(written):
            return self._read(self._reference(node.function), self.tree(tuple(node.arguments)))
        if written is not None and written in self.scope.document.macros:
            return ae.CallStructure(
                ae.ReferenceStructure(canonical(written), None), self.tree(tuple(node.arguments))
            )
        # a word that PySD put there itself, else one of the file's that must be a function
        word = node.function.reference if written is None else canonical(written).replace(" ", "_")
        if word in ARRAY_FUNCTIONS or word in ("size", "mean"):
            return self._array_call(word, node)
        arguments = self.tree(tuple(node.arguments))
        if word == "lookup" and len(arguments) == 2:
            return self._read(arguments[0], arguments[1:])
        if word == "previous" and len(arguments) == 2:
            step = ae.ReferenceStructure("time step", None)
            return ae.DelayFixedStructure(arguments[0], step, arguments[1])
        return ae.CallStructure(ae.ReferenceStructure(word, None), arguments)

    def _read(self, table: Any, arguments: tuple[Any, ...]) -> Any:
        """A graphical function read at an argument; one that a variable's own equation goes through as well."""
        from pysd.translators.structures import abstract_expressions as ae

        entry = self.scope.document.variables.get(getattr(table, "reference", ""))
        lookup = entry.lookup if entry is not None and entry.kind != "lookup" else None
        if lookup is None or len(arguments) != 1:
            return ae.CallStructure(table, arguments)
        return ae.InlineLookupsStructure(arguments[0], points_of(lookup))

    def _array_call(self, word: str, node: Any) -> Any:
        from pysd.translators.structures import abstract_expressions as ae

        self.over += 1
        arguments = self.tree(tuple(node.arguments))
        self.over -= 1
        if word not in ("size", "mean"):
            return ae.CallStructure(ae.ReferenceStructure(word, None), arguments)
        size = float(math.prod(map(self._members, marked(arguments))))
        if word == "size":
            return size
        total = ae.CallStructure(ae.ReferenceStructure("sum", None), arguments)
        return ae.ArithmeticStructure(["/"], (total, size))

    def _members(self, dimension: str) -> int:
        return self.scope.document.dimensions[dimension].size


def points_of(lookup: Lookup) -> Any:
    """PySD's table of a graphical function's points."""
    from pysd.translators.structures import abstract_expressions as ae

    points = sorted(zip(lookup.x, lookup.y, strict=True), key=lambda point: point[0])
    x, y = zip(*points, strict=True)
    return ae.LookupsStructure(x, y, (x[0], x[-1]), (min(y), max(y)), KINDS.get(lookup.kind, "interpolate"))
