"""What a document declares, as values: names, texts and where in the file they stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from sdtheory.documents.text import Span
from sdtheory.documents.view import View
from sdtheory.errors import Issue
from sdtheory.names import canonical

Value = TypeVar("Value")


class Names(Mapping[str, Value]):
    """A mapping whose keys are canonical names and which finds any spelling of a name.

    Examples
    --------
    >>> Names({"birth rate": 1})["Birth_Rate"]
    1
    """

    def __init__(self, items: Mapping[str, Value] | None = None):
        self._items = dict(items or {})

    def __getitem__(self, name: str) -> Value:
        found = self._items.get(name)
        return self._items[canonical(name)] if found is None else found

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (name in self._items or canonical(name) in self._items)

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"Names({self._items!r})"


@dataclass(frozen=True)
class Source:
    """The file that a document was read from: path as given, hexadecimal sha256 and number of its bytes."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Lookup:
    """The points of a graphical function.

    Parameters
    ----------
    x, y : tuple of float
        Points, in the order of the file.
    kind : str
        ``"continuous"``, ``"extrapolate"`` or ``"discrete"`` (XMILE 1.0, 4.1.3).
    xscale, yscale : pair of float, optional
        The range that the file states for display.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]
    kind: str = "continuous"
    xscale: tuple[float, float] | None = None
    yscale: tuple[float, float] | None = None


@dataclass(frozen=True)
class Block:
    """One equation: a block of a Vensim file, an XMILE variable or one of its ``<element>`` parts.

    Parameters
    ----------
    subscripts : str
        Text between the brackets as written, "" when there are none.
    exceptions : tuple of str
        Texts between the brackets after ``:EXCEPT:``.
    operator : str
        ``=``, ``:=``, ``==``, ``:``, ``<->``, ``(`` for a Vensim lookup, "" without an equation; XMILE ``=``.
    equation : str
        Text of the equation, stripped; XMILE entities and CDATA undone. A Vensim lookup has its parentheses.
    line, column : int
        Place of the equation, or of the name when there is none; from 1.
    spans : mapping of str to Span
        Those present of name, subscripts, equation, units, documentation, limits, initial, rate, whole, and
        in XMILE also xpts, ypts, xscale, yscale, dimensions.
    keywords : tuple of str
        Vensim's ``:INTERPOLATE:``, ``:RAW:`` and the like, upper case.
    lookup : Lookup, optional
        Points given in this block.
    initial : str
        XMILE's ``<init_eqn>``, or the second argument of Vensim's INTEG.
    """

    subscripts: str
    exceptions: tuple[str, ...]
    operator: str
    equation: str
    line: int
    column: int
    spans: Mapping[str, Span]
    keywords: tuple[str, ...] = ()
    lookup: Lookup | None = None
    initial: str = ""


@dataclass(frozen=True)
class Entry:
    """One declared name with everything the file says about it.

    Parameters
    ----------
    name : str
        As spelled at its declaration, without quotes; line breaks are one space.
    kind : str
        stock, flow, auxiliary, constant, lookup, data, subscript (Vensim), module (XMILE), or opaque:
        kept, but not understood.
    units, documentation : str
    limits : pair of float or None, optional
        The range of values; None at an open end.
    blocks : tuple of Block
    group : str
        Group that the file puts it in, or "".
    line, column : int
        Place of the name, from 1.
    inflows, outflows : tuple of str
        Of a stock: names as the file spells them. In Vensim the terms of the rate that are one name.
    non_negative : bool
    model : str
        XMILE model that it belongs to, "" for the root and in Vensim.
    dimensions : tuple of str
        XMILE ``<dim name>``.
    supplementary : bool
        Vensim's ``:SUPPLEMENTARY:``.
    access : str
        XMILE ``access``: input, output or "".
    options : tuple of str
        XMILE children that change the meaning but are not indexed, such as conveyor or queue.
    """

    name: str
    kind: str
    units: str
    documentation: str
    limits: tuple[float | None, float | None] | None
    blocks: tuple[Block, ...]
    group: str
    line: int
    column: int
    inflows: tuple[str, ...] = ()
    outflows: tuple[str, ...] = ()
    non_negative: bool = False
    model: str = ""
    dimensions: tuple[str, ...] = ()
    supplementary: bool = False
    access: str = ""
    options: tuple[str, ...] = ()

    @property
    def lookup(self) -> Lookup | None:
        """Points of the first block that has some."""
        return next((block.lookup for block in self.blocks if block.lookup), None)

    @property
    def equation(self) -> str:
        """Equation of the first block."""
        return self.blocks[0].equation if self.blocks else ""


@dataclass(frozen=True)
class Dimension:
    """A subscript range.

    Parameters
    ----------
    name : str
    elements : tuple of str
        Names listed; in Vensim also numeric ranges ``(A1-A9)`` and other dimensions, as written. XMILE
        dimensions with a size alone have none.
    size : int
        Number of elements, with numeric ranges counted (never spelled out); a name listed counts as one.
    text : str
        The definition as written.
    mappings : str
        Vensim: the text behind ``->``.
    equivalent : str
        Vensim: the dimension that ``<->`` names, or "".
    line, column : int
    spans : mapping of str to Span
    """

    name: str
    elements: tuple[str, ...]
    size: int
    text: str
    line: int
    column: int
    mappings: str = ""
    equivalent: str = ""
    spans: Mapping[str, Span] = field(default_factory=dict)


@dataclass(frozen=True)
class Macro:
    """A macro: name, parameters, outputs (Vensim), equation (XMILE), and its own variables."""

    name: str
    parameters: tuple[str, ...]
    outputs: tuple[str, ...]
    equation: str
    variables: Names[Entry]
    line: int
    column: int
    spans: Mapping[str, Span]


@dataclass(frozen=True)
class Group:
    """A named group of variables, with the names of its members in file order."""

    name: str
    documentation: str
    members: tuple[str, ...]
    line: int
    model: str = ""


@dataclass(frozen=True)
class Connection:
    """XMILE ``<connect>``: the module's input `target` takes its value from `origin`; as in the file."""

    target: str
    origin: str
    line: int


@dataclass(frozen=True)
class Module:
    """An instance of another ``<model>`` inside `parent` ("" is the root)."""

    name: str
    parent: str
    connections: tuple[Connection, ...]
    line: int
    column: int


@dataclass(frozen=True)
class UnitDefinition:
    """A unit, the names that mean the same, and the equation that defines it (XMILE), if any."""

    name: str
    aliases: tuple[str, ...]
    equation: str
    line: int


@dataclass(frozen=True)
class Simulation:
    """How the file wants to be run; every value is text of the file, None when it does not say.

    Parameters
    ----------
    start, stop, time_step, save_every : str, optional
        ``time_step`` of a reciprocal XMILE ``<dt>`` is given as ``"1/n"``.
    reciprocal : bool
    method : str
        Vensim: 4th number of settings line 15, such as "0" (Euler) or "5" (Runge-Kutta); XMILE: the
        attribute; "" when absent.
    time_units : str
    spans : mapping of str to Span
    line : int, optional
        Line of the method, else of the specification.
    """

    start: str | None = None
    stop: str | None = None
    time_step: str | None = None
    reciprocal: bool = False
    save_every: str | None = None
    method: str = ""
    time_units: str = ""
    spans: Mapping[str, Span] = field(default_factory=dict)
    line: int | None = None


@dataclass(frozen=True)
class Index:
    """Everything that reading finds in the bytes of a document."""

    text: str
    variables: Names[Entry]
    views: tuple[View, ...]
    simulation: Simulation
    dimensions: Names[Dimension]
    macros: Names[Macro]
    groups: tuple[Group, ...]
    modules: tuple[Module, ...]
    unit_definitions: tuple[UnitDefinition, ...]
    notes: tuple[Issue, ...]
    name: str = ""
