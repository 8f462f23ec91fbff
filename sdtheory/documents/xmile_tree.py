"""The elements of an XMILE file: its models, their variables and views, as the tree has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sdtheory.documents.lexer import spelled
from sdtheory.documents.text import Text, byte_order_mark
from sdtheory.documents.xml_tree import Node, parse
from sdtheory.errors import DocumentError, Issue, shown
from sdtheory.limits import Limits

VARIABLES = frozenset({"stock", "flow", "aux", "module", "gf"})
_SMALL = 2_000_000


@dataclass(frozen=True)
class Opened:
    """The tree of an XMILE file; `prefix` is what its own tags had before their names, such as ``"x:"``."""

    decoded: Text
    root: Node
    notes: tuple[Issue, ...]
    prefix: str


def opened(data: bytes, encoding: str, file: str, limits: Limits) -> Opened:
    """The tree of a file, without the prefix of its own tags. It is shared: do not change it.

    An edit needs the tree that reading has just made, so those of the last few files are kept.

    Raises
    ------
    DocumentError
        Not of the encoding, not well-formed, cut off, or not XMILE.
    LimitError
        Nested deeper, or more elements, than `limits` allows.
    """
    make = _kept if len(data) <= _SMALL else _opened
    return make(data, encoding, file, limits)


def _opened(data: bytes, encoding: str, file: str, limits: Limits) -> Opened:
    mark, length = byte_order_mark(data)
    decoded = Text(data, encoding, length if mark == encoding else 0, file)
    tree = parse(decoded, file, limits)
    root = tree.root
    prefix, colon, local = root.tag.rpartition(":")
    if local != "xmile":
        line, column = decoded.place(decoded.character(root.start))
        message = f"the root element is <{shown(root.tag)}>, not <xmile>"
        raise DocumentError(message, file=file, line=line, column=column, remedy="this is not an XMILE model")
    if prefix:
        _drop_prefix(root, prefix + colon)
    return Opened(decoded, root, tree.notes, prefix + colon)


_kept = lru_cache(maxsize=2)(_opened)


def _drop_prefix(root: Node, prefix: str) -> None:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        node.tag = node.tag.removeprefix(prefix)
        waiting.extend(node.children)


def names_of_models(models: Sequence[Node]) -> list[str]:
    """Names of the models; the one without a name, else the first, is the root ""."""
    names = [spelled(model.attributes.get("name", ""), "xmile") for model in models]
    if names and "" not in names:
        names[0] = ""
    return names


def declarations(model: Node) -> Iterator[Node]:
    """Variables of a model: inside ``<variables>``, or in the oldest files directly in the model."""
    for child in model.children:
        if child.tag == "variables":
            yield from (inner for inner in child.children if inner.tag in VARIABLES)
        elif child.tag in VARIABLES:
            yield child


def views_of(model: Node) -> Iterator[Node]:
    """The views of a model in the order of the index; in the oldest files the model's ``<display>``."""
    for views in model.all("views"):
        yield from views.all("view")
    legacy = model.first("display")
    if legacy is not None:
        yield legacy
