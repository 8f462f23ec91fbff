"""Renaming in XMILE files: variables, modules, dimensions and elements, in every place that names them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from sdtheory.documents.drafting import new_name
from sdtheory.documents.index import Entry
from sdtheory.documents.lexer import spelled
from sdtheory.documents.splice import Edit
from sdtheory.documents.words import CONTROLS
from sdtheory.documents.xmile_names import Part, Scope, respelled, words_of
from sdtheory.documents.xmile_source import Source, source_of
from sdtheory.documents.xmile_tree import VARIABLES, declarations, views_of
from sdtheory.documents.xml_tree import Node
from sdtheory.errors import DocumentError, SDWarning, shown
from sdtheory.names import canonical, unknown

if TYPE_CHECKING:
    from sdtheory.documents.document import Document

# children of a variable that hold an equation (XMILE 1.0, 4.1 to 4.3)
EQUATIONS = frozenset(
    {"eqn", "init_eqn", "len", "capacity", "in_limit", "sample", "arrest", "leak_start", "leak_end"}
)
LABELS = frozenset({"inflow", "outflow", "of", "from", "to", "in", "var"})
_NAMES = frozenset({"entity", "var"})
# frequent elements that hold no name themselves
_NAMELESS = frozenset({"pt", "pts", "connector", "eqn", "units", "doc", "xpts", "ypts"})
_WORD = re.compile(r"[^\W_]+")


def rename(document: Document, old: str, new: str) -> list[Edit]:
    """The edits that give a variable, dimension or element another name."""
    source = source_of(document)
    entry = document.variables.get(old)
    if entry is not None:
        return _Renaming(source, *_variable(source, entry, new)).edits()
    dimension = document.dimensions.get(old)
    if dimension is not None:
        plain = new_name(document, new, old)
        return _Renaming(
            source, dimension.name, plain, plain, ("dimension", canonical(dimension.name))
        ).edits()
    head, dot, tail = old.rpartition(".")
    owners = [
        dimension
        for dimension in document.dimensions.values()
        if canonical(tail) in map(canonical, dimension.elements)
        and (not dot or canonical(head) == canonical(dimension.name))
    ]
    if not owners:
        names = [one.name for one in document.variables.values()]
        raise unknown("variable", old, [*names, *document.dimensions], file=document.file)
    plain = _element_name(document, new.rpartition(".")[2] if dot else new, tail)
    for owner in owners:
        if canonical(plain) != canonical(tail) and canonical(plain) in map(canonical, owner.elements):
            raise DocumentError(
                f"'{shown(plain)}' is an element of '{shown(owner.name)}' already",
                file=document.file,
                remedy="choose another name",
            )
    keys = frozenset(canonical(owner.name) for owner in owners)
    others = [one for one in document.dimensions.values() if one not in owners]
    if not any(canonical(tail) in map(canonical, one.elements) for one in others):
        keys |= {""}
    return _Renaming(source, tail, plain, plain, ("element", "", canonical(tail)), keys).edits()


def _element_name(document: Document, new: str, old: str) -> str:
    """An element may share its name with a variable or with an element of another dimension."""
    plain = spelled(new, "xmile")
    key = canonical(plain)
    if key in document.variables or any(
        key in map(canonical, one.elements) for one in document.dimensions.values()
    ):
        return plain
    return new_name(document, new, old)


def _variable(source: Source, entry: Entry, new: str) -> tuple[str, str, str, tuple[str, ...]]:
    """Old name, new name, its spelling as given, and what the old one means."""
    document = source.document
    key = canonical(entry.name)
    for one in (key, canonical(new)):
        if one in CONTROLS and not entry.model and canonical(new) != key:
            raise DocumentError(
                f"'{shown(one)}' is a name by which the settings of the run are called",
                file=document.file,
                remedy="use another name",
            )
    scope = canonical(entry.model) + "." if entry.model else ""
    if scope and canonical(new).startswith(scope):
        new = new.partition(".")[2]
    given = new.strip().replace("\r\n", "\n").replace("\n", "\\n")
    plain = new_name(document, given.replace("\\n", " "), entry.name, entry.model)
    if entry.kind == "module" and canonical(plain) != key:
        twins = [one for one in document.modules if canonical(one.name) == key]
        if len(twins) > 1:
            raise DocumentError(
                f"module '{shown(entry.name)}' stands in several models", file=document.file, line=entry.line
            )
        if any(name == canonical(plain) for name, _ in source.models):
            raise DocumentError(f"'{shown(plain)}' is a model already", file=document.file)
    return entry.name, plain, given, ("variable", canonical(entry.model), key)


@dataclass
class _Renaming:
    """One renaming; `seen` holds the texts and attributes that were looked at."""

    source: Source
    old: str
    new: str
    given: str
    means: tuple[str, ...]
    owners: frozenset[str] = frozenset()
    found: list[Edit] = field(default_factory=list)
    seen: set[tuple[int, str]] = field(default_factory=set)
    styles: dict[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.key = canonical(self.old)
        words = _WORD.findall(self.key)
        self.hint = max(words, key=len) if words else ""
        self.module = (
            self.means[0] == "variable"
            and self.source.document.variables[self.source.key(*self.means[1:]) or ""].kind == "module"
        )

    def maybe(self, text: str) -> bool:
        """Whether a text can hold the name; quick."""
        return self.hint in text.casefold()

    def is_meant(self, part: Part) -> bool:
        if self.means[0] != "element" or part.means[0] != "element":
            return part.means == self.means
        return part.means[2] == self.means[2] and part.means[1] in self.owners

    def edits(self) -> list[Edit]:
        for name, model in self.source.models:
            scope = Scope(self.source, name)
            if self.module and name == self.key and "name" in model.attributes:
                self.attribute(model, "name", partial(self.whole, means=self.means))
            declared = {id(node): node for node in declarations(model)}
            shown_here = {id(child) for view in views_of(model) for child in view.children}
            for node in declared.values():
                if self.means == (
                    "variable",
                    name,
                    canonical(spelled(node.attributes.get("name", ""), "xmile")),
                ):
                    self.attribute(node, "name", partial(self.whole, means=self.means), "declaration")
                self.variable(node, scope)
            waiting = list(model.children)
            while waiting:
                node = waiting.pop()
                waiting.extend(node.children)
                if node.tag not in _NAMELESS and id(node) not in declared:
                    self.place(node, scope, id(node) in shown_here)
        for dimensions in self.source.xml.root.all("dimensions"):
            for dim in dimensions.all("dim"):
                self.dimension(dim)
        self.report()
        return self.found

    def variable(self, node: Node, scope: Scope) -> None:
        """Equations and subscripts of a variable."""
        entry_dimensions = [
            canonical(dim.attributes.get("name", ""))
            for dimensions in node.all("dimensions")
            for dim in dimensions.all("dim")
        ]
        for child in node.children:
            if child.tag == "element":
                if "subscript" in child.attributes:
                    self.attribute(
                        child, "subscript", partial(subscripts, scope, dimensions=entry_dimensions)
                    )
                children = child.children
            elif child.tag in ("connect", "connect2"):
                inner = Scope(self.source, canonical(spelled(node.attributes.get("name", ""), "xmile")))
                for end, where in (("to", inner), ("from", scope)):
                    if end in child.attributes:
                        self.attribute(child, end, where.label, "label")
                continue
            elif child.tag == "dimensions":
                for dim in child.all("dim"):
                    self.dimension_name(dim)
                continue
            else:
                children = [child]
            for one in children:
                if one.tag in EQUATIONS and not one.children:
                    self.text(one, scope.equation, "equation")

    def place(self, node: Node, scope: Scope, drawn: bool) -> None:
        """Names outside the declarations: views, groups, interface objects, flows of stocks."""
        tag = node.tag.rpartition(":")[2]
        if tag in LABELS and not node.children and (id(node), "") not in self.seen:
            self.text(node, scope.label, "label")
        if (tag in _NAMES or (drawn and tag in VARIABLES)) and "name" in node.attributes:
            self.attribute(node, "name", scope.label)
        for name in node.attributes:
            if name.endswith("entity_name"):
                self.attribute(node, name, scope.label)

    def dimension(self, dim: Node) -> None:
        """A dimension's definition."""
        self.dimension_name(dim)
        own = canonical(dim.attributes.get("name", ""))
        for elem in dim.all("elem"):
            key = canonical(elem.attributes.get("name", ""))
            self.attribute(elem, "name", partial(self.whole, means=("element", own, key)))

    def dimension_name(self, dim: Node) -> None:
        key = canonical(dim.attributes.get("name", ""))
        self.attribute(dim, "name", partial(self.whole, means=("dimension", key)))

    @staticmethod
    def whole(text: str, means: tuple[str, ...]) -> Iterator[Part]:
        """The whole of a text as one name."""
        yield Part(0, len(text), text, means)

    def text(self, node: Node, names: Callable[[str], Iterator[Part]], place: str) -> None:
        """Rename in the content of an element."""
        self.seen.add((id(node), ""))
        if not self.maybe(node.text):
            return
        xml = self.source.xml
        content = xml.text_content(node)
        changes = [
            (part.start, part.stop, respelled(part.text, self.new, place, self.usual(part.text, node, place)))
            for part in names(content.text)
            if self.is_meant(part)
        ]
        self.found += xml.replaced(content, [change for change in changes if change[0] < change[1]])

    def attribute(
        self, node: Node, name: str, names: Callable[[str], Iterator[Part]], place: str = "attribute"
    ) -> None:
        """Rename in an attribute."""
        self.seen.add((id(node), name))
        if name not in node.attributes or not self.maybe(node.attributes[name]):
            return
        xml = self.source.xml
        content = xml.attribute_content(node, name)
        changes = []
        for part in names(content.text):
            if self.is_meant(part):
                changes.append((part.start, part.stop, self.spelling(part.text, node, place)))
        quote = xml.decoded.text[content.starts[0] - 1] if content.text else '"'
        self.found += xml.replaced(content, [change for change in changes if change[0] < change[1]], quote)

    def spelling(self, text: str, node: Node, place: str) -> str:
        """The new name in an attribute: as given where it is declared, and where the old one stands like that."""
        as_declared = "\\n" not in text and spelled(text, "xmile") == self.old
        several = len(words_of(self.old)) > 1  # a name of one word does not show the style of its place
        if as_declared and (
            place == "declaration" or (place == "attribute" and several and node.tag in VARIABLES)
        ):
            bare = text.strip()
            quoted = len(bare) > 1 and bare[0] == bare[-1] == '"'
            return f'"{self.given}"' if quoted else self.given
        return respelled(text, self.new, place, self.usual(text, node, place))

    def usual(self, text: str, node: Node, place: str) -> str:
        """What stands between words in like places of the file, for a text that does not show it."""
        if place == "equation" or len(words_of(self.new)) == 1 or len(words_of(text)) > 1:
            return "_"
        if place == "declaration":
            return " "
        if (node.tag, place) not in self.styles:
            texts = list(self.alike(node, place))
            underscores = sum("_" in text for text in texts)
            spaces = sum(" " in text and "_" not in text for text in texts)
            tie = node.tag in VARIABLES and spaces == underscores
            self.styles[node.tag, place] = " " if spaces > underscores or tie else "_"
        return self.styles[node.tag, place]

    def alike(self, node: Node, place: str) -> Iterator[str]:
        """Names in like places: labels or attributes of one tag, or all that views show."""
        if place == "attribute" and node.tag in VARIABLES:
            for _, model in self.source.models:
                for view in views_of(model):
                    yield from (
                        child.attributes.get("name", "") for child in view.children if child.tag in VARIABLES
                    )
            return
        waiting = [self.source.xml.root]
        while waiting:
            one = waiting.pop()
            waiting.extend(one.children)
            if one.tag == node.tag:
                yield one.text.strip() if place == "label" else one.attributes.get("name", "")

    def report(self) -> None:
        """Warn of a vendor's values that have the old name, in places that are not known to name a variable."""
        waiting = [(self.source.xml.root, False)]
        while waiting:
            node, vendor = waiting.pop()
            vendor = vendor or ":" in node.tag
            if node.children:
                waiting.extend([(child, vendor) for child in node.children])
            if not vendor and not node.attributes:
                continue
            values = {name: text for name, text in node.attributes.items() if vendor or ":" in name}
            if vendor and not node.children:
                values[""] = node.text
            for name, value in values.items():
                if (id(node), name) not in self.seen and self.maybe(value) and canonical(value) == self.key:
                    line = self.source.xml.decoded.place(self.source.xml.character(node.start))[0]
                    where = f"attribute {name} of <{node.tag}>" if name else f"<{node.tag}>"
                    message = f"{self.source.file}:{line}: {shown(where)} still says '{shown(value)}'"
                    warnings.warn(message, SDWarning, stacklevel=6)


def subscripts(scope: Scope, text: str, dimensions: list[str]) -> Iterator[Part]:
    """The subscripts of an ``<element>``, each in the place of a dimension of its variable."""
    start = 0
    for place, piece in enumerate(text.split(",")):
        bare = piece.strip()
        first = start + len(piece) - len(piece.lstrip())
        own = dimensions[place] if place < len(dimensions) else ""
        yield Part(first, first + len(bare), bare, scope.subscript(canonical(bare), own))
        start += len(piece) + 1
