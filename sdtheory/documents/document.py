"""`Document`: the bytes of a model file and what they declare."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sdtheory.documents import vensim, xmile
from sdtheory.documents.edits import Edits
from sdtheory.documents.index import (
    Block,
    Connection,
    Dimension,
    Entry,
    Group,
    Index,
    Lookup,
    Macro,
    Module,
    Names,
    Simulation,
    Source,
    UnitDefinition,
)
from sdtheory.documents.text import Span, file_name
from sdtheory.documents.view import Element, View
from sdtheory.errors import Issue
from sdtheory.limits import Limits
from sdtheory.names import unknown

__all__ = [
    "Block",
    "Connection",
    "Dimension",
    "Document",
    "Element",
    "Entry",
    "Group",
    "Lookup",
    "Macro",
    "Module",
    "Names",
    "Simulation",
    "Source",
    "Span",
    "UnitDefinition",
    "View",
]


@dataclass(frozen=True)
class Document(Edits):
    """A model file: its own bytes, and an index of what they declare.

    Two documents are equal when their bytes, format and encoding are; the
    index is made from these three alone.

    Parameters
    ----------
    bytes : bytes
        The file as it is, byte order mark and line ends included.
    format : str
        ``"vensim"`` or ``"xmile"``.
    encoding : str
        Name of the codec.
    source : Source, optional
        What was read; None for a document that is not from a file.
    limits : Limits, optional

    Raises
    ------
    DocumentError
        When the bytes are not such a document; the message says where and why.

    Examples
    --------
    >>> document = Document(b"births = 3 ~ people/year ~ |", "vensim", "utf-8")
    >>> document.variables["Births"].units
    'people/year'
    """

    bytes: bytes
    format: str
    encoding: str
    source: Source | None = field(default=None, compare=False)
    limits: Limits = field(default=Limits(), compare=False, repr=False)
    index: Index = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        reader = {"vensim": vensim.index, "xmile": xmile.index}[self.format]
        object.__setattr__(self, "index", reader(self.bytes, self.encoding, self.file, self.limits))

    def __getattr__(self, name: str) -> Any:
        # a document that is kept for undo alone is indexed again when somebody looks at it
        if name != "index":
            raise AttributeError(f"a document has no '{name}'", name=name, obj=self)
        self.__post_init__()
        return self.__dict__["index"]

    def at_rest(self) -> Document:
        """The same document in little memory: its bytes, which are indexed again when they are asked for more.

        Examples
        --------
        >>> document = Document(b"births = 3 ~~|", "vensim", "utf-8").at_rest()
        >>> document.variables["births"].equation
        '3'
        """
        copy = object.__new__(Document)
        copy.__dict__.update({name: value for name, value in self.__dict__.items() if name != "index"})
        return copy

    @property
    def file(self) -> str:
        """The file's name for messages."""
        if self.source is None:
            return "<document>"
        return file_name(self.source.path)

    @property
    def text(self) -> str:
        """The decoded file, without a byte order mark."""
        return self.index.text

    @property
    def name(self) -> str:
        """XMILE: the name in the header, "" when there is none."""
        return self.index.name

    @property
    def variables(self) -> Names[Entry]:
        """Declared names in file order; those of an XMILE submodel are found as ``model.name``."""
        return self.index.variables

    @property
    def views(self) -> tuple[View, ...]:
        """The drawings."""
        return self.index.views

    @property
    def simulation(self) -> Simulation:
        """How the file wants to be run."""
        return self.index.simulation

    @property
    def dimensions(self) -> Names[Dimension]:
        """Subscript ranges."""
        return self.index.dimensions

    @property
    def macros(self) -> Names[Macro]:
        """Macros; their variables are local to them."""
        return self.index.macros

    @property
    def groups(self) -> tuple[Group, ...]:
        """Groups of variables."""
        return self.index.groups

    @property
    def modules(self) -> tuple[Module, ...]:
        """XMILE modules with their connections."""
        return self.index.modules

    @property
    def unit_definitions(self) -> tuple[UnitDefinition, ...]:
        """Unit equivalences and definitions."""
        return self.index.unit_definitions

    @property
    def notes(self) -> tuple[Issue, ...]:
        """Repairs made for reading, and things kept but not understood."""
        return self.index.notes

    def entry(self, name: str) -> Entry:
        """The entry of a name in any spelling.

        Raises
        ------
        UnknownName
            With the nearest name.
        """
        found = self.variables.get(name)
        if found is None:
            raise unknown("variable", name, self.variables, file=self.file)
        return found

    def place(self, name: str) -> tuple[int, int]:
        """Line and column of the declaration of a variable, from 1."""
        entry = self.entry(name)
        return entry.line, entry.column
