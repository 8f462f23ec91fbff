"""What a model file means: variables, their expression trees, dimensions and simulation settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sdtheory.limits import Limits
from sdtheory.model.expression import Expression, Name, Number, Table, references
from sdtheory.names import canonical, unknown

_ZERO, _ONE, _HUNDRED = Number(0.0), Number(1.0), Number(100.0)
CONTROLS = ("INITIAL TIME", "FINAL TIME", "TIME STEP", "SAVEPER")


@dataclass(frozen=True)
class Dimension:
    """A subscript range and its elements.

    Parameters
    ----------
    name : str
        As the file spells it.
    elements : tuple of str
        In order; a sub-range lists its own elements.
    mappings : tuple of (str, tuple of str)
        For each dimension that this one maps to: its name and, for each of our elements in order, the
        element or the sub-range there.
    """

    name: str
    elements: tuple[str, ...]
    mappings: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True)
class Equation:
    """One equation of a variable; an array may have several, each for a part of its cells.

    Parameters
    ----------
    expression : Expression or Table
        The right-hand side; of a stock its net rate; of a lookup or data variable its points.
    subscripts : tuple of str
        The left-hand side: a dimension or an element for each axis.
    exceptions : tuple of tuple of str
        Left-hand sides that this equation leaves out (``:EXCEPT:``).
    initial : Expression, optional
        Of a stock: its initial value.
    """

    expression: Expression | Table
    subscripts: tuple[str, ...] = ()
    exceptions: tuple[tuple[str, ...], ...] = ()
    initial: Expression | None = None


@dataclass(frozen=True)
class Variable:
    """What every kind of variable has.

    Parameters
    ----------
    name : str
        As the file's declaration spells it.
    equations : tuple of Equation
        One, or several that together cover an array.
    dimensions : tuple of str
        The full dimension of each axis; empty for a scalar.
    units, documentation : str
        As the file gives them.
    limits : tuple of (float or None)
        The range that the file allows the variable.
    owner : str
        Of a variable that a macro call was expanded into: the calling variable. Such variables are
        neither columns of a run nor nodes of the causal graph.
    line, column : int, optional
        The place of the declaration in the file, from 1.
    """

    name: str
    equations: tuple[Equation, ...]
    dimensions: tuple[str, ...] = ()
    units: str = ""
    documentation: str = ""
    limits: tuple[float | None, float | None] = (None, None)
    owner: str = ""
    line: int | None = field(default=None, compare=False)
    column: int | None = field(default=None, compare=False)

    @property
    def kind(self) -> str:
        """The kind in the field's word: stock, flow, auxiliary, constant, lookup or data."""
        return type(self).__name__.lower()


@dataclass(frozen=True)
class Stock(Variable):
    """A level: its equations hold the net rate and the initial value.

    Parameters
    ----------
    inflows, outflows : tuple of str
        The flows, as their declarations spell them; a rate written inline has none.
    non_negative : bool
        The level is held at zero from below.
    """

    inflows: tuple[str, ...] = ()
    outflows: tuple[str, ...] = ()
    non_negative: bool = False


@dataclass(frozen=True)
class Flow(Variable):
    """A rate that fills or drains a stock."""


@dataclass(frozen=True)
class Auxiliary(Variable):
    """A variable computed from others at each moment."""


@dataclass(frozen=True)
class Constant(Variable):
    """A variable whose equations read no other variable."""


@dataclass(frozen=True)
class Lookup(Variable):
    """A table that other equations call as a function."""


@dataclass(frozen=True)
class Data(Variable):
    """A table over time.

    Parameters
    ----------
    keyword : str
        Between the points: ``"interpolate"``, ``"hold_backward"``, ``"look_forward"`` or ``"raw"``.
    """

    keyword: str = "interpolate"


@dataclass(frozen=True)
class SimulationSettings:
    """When a run starts and stops, its step, and how it integrates.

    Parameters
    ----------
    start, stop, time_step, save_every : Expression
        Usually numbers; a file may compute them from variables.
    method : str
        ``"euler"`` or ``"rk4"``.
    time_units : str
        Such as ``"Year"``.
    """

    start: Expression = _ZERO
    stop: Expression = _HUNDRED
    time_step: Expression = _ONE
    save_every: Expression = _ONE
    method: str = "euler"
    time_units: str = ""


@dataclass(frozen=True)
class Model:
    """A model's meaning. Holds no text, no path, no engine; a change gives a new one.

    Parameters
    ----------
    name : str
        The model's name, usually that of its file without suffix.
    variables : mapping of str to Variable
        By canonical name, in file order; `model[name]` takes any spelling.
    settings : SimulationSettings
    dimensions : mapping of str to Dimension
        By canonical name.
    unit_definitions : mapping of str to str
        Names of units that the file says to mean another: ``{"People": "Person"}``.
    file : str
        Name of the file, for messages.
    translation : object, optional
        What the reference engine builds from: PySD's abstract model after the guard has replaced
        everything a user wrote by numbers. Not part of equality.
    limits : Limits, optional
        Those that it was loaded under; they hold for its runs, too. Not part of equality.

    Examples
    --------
    >>> tea = Constant("tea", (Equation(Number(90.0)),))
    >>> Model("cup", {"tea": tea})["Tea"].kind
    'constant'
    """

    name: str
    variables: Mapping[str, Variable]
    settings: SimulationSettings = field(default_factory=SimulationSettings)
    dimensions: Mapping[str, Dimension] = field(default_factory=dict)
    unit_definitions: Mapping[str, str] = field(default_factory=dict)
    file: str = field(default="", compare=False)
    translation: Any = field(default=None, compare=False, repr=False)
    limits: Limits = field(default_factory=Limits, compare=False, repr=False)

    def __post_init__(self):
        # A mapping that cannot be changed in place keeps the value a value.
        object.__setattr__(self, "variables", MappingProxyType(dict(self.variables)))
        object.__setattr__(self, "dimensions", MappingProxyType(dict(self.dimensions)))
        object.__setattr__(self, "unit_definitions", MappingProxyType(dict(self.unit_definitions)))

    def __reduce__(self):
        return _make, (
            self.name,
            dict(self.variables),
            self.settings,
            dict(self.dimensions),
            dict(self.unit_definitions),
            self.file,
            self.translation,
            self.limits,
        )

    def __hash__(self) -> int:
        return hash((self.name, tuple(self.variables.values()), self.settings))

    def __getitem__(self, name: str) -> Variable:
        """The variable of that name, in any spelling; UnknownName suggests the nearest."""
        found = self.variables.get(canonical(name))
        if found is None:
            raise unknown("variable", name, self.names(), file=self.file or None)
        return found

    def __contains__(self, name: str) -> bool:
        return canonical(name) in self.variables

    def names(self) -> list[str]:
        """The declared variables' names in file order, without those that macro calls expand into."""
        return [variable.name for variable in self if not variable.owner]

    def __iter__(self) -> Iterator[Variable]:
        return iter(self.variables.values())


def _make(*fields):
    return Model(*fields)


def reads(variable: Variable) -> list[Name]:
    """The names that a variable's equations read while the model runs (not initial values)."""
    found: dict[Name, None] = {}
    for equation in variable.equations:
        if not isinstance(equation.expression, Table):
            found.update(dict.fromkeys(references(equation.expression)))
    return list(found)
