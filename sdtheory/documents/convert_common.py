"""What writing a document in either format shares."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

from sdtheory.documents.document import Document
from sdtheory.documents.index import Entry
from sdtheory.documents.index import Lookup as Points
from sdtheory.documents.lexer import tokens
from sdtheory.documents.text import Text, byte_order_mark
from sdtheory.documents.xml_tree import Node, parse
from sdtheory.errors import ModelError, shown
from sdtheory.model.expression import Expression, Name, Number, evaluate, references
from sdtheory.model.model import CONTROLS, Model, Variable
from sdtheory.model.printing import Printer, number_text
from sdtheory.names import canonical

VENDOR = "sdtheory"
NAMESPACE = "urn:sdtheory:xmile"
CONTROL_KEYS = frozenset(map(canonical, CONTROLS))


def end_text(end: float | None) -> str:
    """One end of a variable's range, "" when it is open."""
    return "" if end is None or not math.isfinite(end) else number_text(end)


def xml_root(document: Document) -> Node:
    """The root element of an XMILE document, tags without the prefix that the root has."""
    mark, length = byte_order_mark(document.bytes)
    skipped = length if mark == document.encoding else 0
    decoded = Text(document.bytes, document.encoding, skipped, document.file)
    root = parse(decoded, document.file, document.limits).root
    prefix = root.tag.removesuffix("xmile")
    waiting = [root]
    while prefix and waiting:
        node = waiting.pop()
        node.tag = node.tag.removeprefix(prefix)
        waiting.extend(node.children)
    return root


@dataclass
class Conversion:
    """A document on its way into the other format.

    Parameters
    ----------
    document : Document
    model : Model
        What the document means.
    format : str
        The format wanted.
    variables : dict of str to Variable
        The model's variables in words that the format has, by canonical name.
    sources : dict of str to str
        Of each, the canonical name of the variable whose text it comes from.
    lost : Counter
        What the format cannot hold, by description.
    """

    document: Document
    model: Model
    format: str
    variables: dict[str, Variable]
    sources: dict[str, str]
    lost: Counter[str] = field(default_factory=Counter)

    def entry(self, variable: Variable) -> Entry | None:
        """The declaration of a variable in the document; a helper has none of its own."""
        key = canonical(variable.name)
        return self.document.variables.get(key) if self.sources.get(key) == key else None

    def group(self, variable: Variable) -> str:
        """The group of a variable; a helper is in that of the variable that needs it."""
        entry = self.document.variables.get(self.sources.get(canonical(variable.name), ""))
        return entry.group if entry is not None else ""

    def points(self, variable: Variable) -> list[Points | None]:
        """What the document says about the graph of each equation of a variable."""
        entry = self.entry(variable)
        found = [block.lookup for block in entry.blocks] if entry is not None else []
        if len(found) != len(variable.equations):
            found = (
                found[:1] * len(variable.equations) if len(found) == 1 else [None] * len(variable.equations)
            )
        return found

    def printer(self, variable: Variable) -> Printer:
        """A printer that writes numbers as the document does in the equations of a variable."""
        entry = self.document.variables.get(self.sources.get(canonical(variable.name), ""))
        literals: dict[float, str] = {}
        for block in entry.blocks if entry is not None else ():
            for text in (block.equation, block.initial):
                for token in tokens(text, self.document.format):
                    if token.kind == "number":
                        literals.setdefault(float(token.text), token.text)
        return Printer(self.format, literals)

    def setting(self, word: str) -> float:
        """A simulation setting as a number, computed where the document computes it.

        Raises
        ------
        ModelError
            When it depends on more than constants.
        """
        return self._value(getattr(self.model.settings, word), word, 0)

    def _value(self, tree: Expression, word: str, depth: int) -> float:
        if isinstance(tree, Number):
            return tree.value
        values: dict[str, float] = {}
        for name in references(tree):
            key = canonical(name.name)
            if name.subscripts or depth > 50:
                raise self._no_number(word)
            values[key] = self._value(self._definition(name, word), word, depth + 1)
        try:
            return float(evaluate(tree, values))
        except (ValueError, TypeError, ArithmeticError):
            raise self._no_number(word) from None

    def _definition(self, name: Name, word: str) -> Expression:
        settings = self.model.settings
        controls = {
            "time step": settings.time_step,
            "initial time": settings.start,
            "final time": settings.stop,
            "saveper": settings.save_every,
        }
        key = canonical(name.name)
        if key in controls:
            return controls[key]
        variable = self.model.variables.get(key)
        if variable is not None and variable.kind == "constant" and len(variable.equations) == 1:
            tree = variable.equations[0].expression
            if not hasattr(tree, "x"):
                return tree  # type: ignore[return-value]
        raise self._no_number(word)

    def _no_number(self, word: str) -> ModelError:
        return ModelError(
            f"the setting '{shown(word.replace('_', ' '))}' depends on more than constants, "
            "which is not carried over",
            file=self.document.file,
            line=self.document.simulation.line,
            remedy="make it a number",
        )
