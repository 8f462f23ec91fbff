"""A model with its arrays written out, so that each element is a variable of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce

from sdtheory.errors import LimitError, NotCompiled
from sdtheory.model.expression import (
    Binary,
    Call,
    Expression,
    Lookup,
    Name,
    Number,
    Opaque,
    Table,
    rebuild,
    references,
    walk,
)
from sdtheory.model.functions import FUNCTIONS
from sdtheory.model.model import Equation, Model, Stock, Variable
from sdtheory.model.model import Lookup as LookupVariable
from sdtheory.model.subscripts import (
    MOST_CELLS,
    Binding,
    Cell,
    binding,
    coverage,
    key_of,
    label,
    place_in,
    resolve,
    spelled,
    ways,
)

SUMS = {"sum": "+", "prod": "*"}
OPENING, CLOSING = "⟨⟩"
EXTREMES = {"vmin": "min", "vmax": "max"}


@dataclass(frozen=True)
class WrittenOut:
    """A model without arrays.

    Attributes
    ----------
    model : Model
        Every variable a scalar. An element's name has brackets that no subscript is read from.
    labels : mapping of str to str
        The names of elements as columns of a run have them, ``name[element]``, by their names here.
    """

    model: Model
    labels: Mapping[str, str]

    def head(self, name: str) -> str:
        """The variable that an element belongs to."""
        return name.partition(OPENING)[0] if name in self.labels else name

    def label(self, name: str) -> str:
        """A variable's name as columns of a run have it."""
        return self.labels.get(name, name)

    def spelled(self, text: str) -> str:
        """A message with the names of elements as columns of a run have them."""
        for name, shown in self.labels.items() if OPENING in text else ():
            text = text.replace(name, shown)
        return text


def own_name(name: str, cell: Cell) -> str:
    """The name of an element as a variable of its own."""
    return f"{name}{OPENING}{','.join(cell)}{CLOSING}" if cell else name


def written_out(model: Model) -> WrittenOut:
    """Write the arrays of a model out element by element.

    Functions that sort, select or invert arrays become opaque expressions that read all elements.

    Raises
    ------
    NotCompiled
        When a subscript means nothing where it stands.
    LimitError
        For more than 20,000 elements.

    Examples
    --------
    >>> from sdtheory.model.model import Auxiliary, Constant, Dimension
    >>> stage = {"stage": Dimension("stage", ("young", "old"))}
    >>> people = Constant("people", (Equation(Number(2.0), ("stage",)),), ("stage",))
    >>> total = Auxiliary("total", (Equation(Call("sum", (Name("people", ("stage!",)),))),))
    >>> flat = written_out(Model("m", {"people": people, "total": total}, dimensions=stage))
    >>> [flat.label(name.name) for name in references(flat.model["total"].equations[0].expression)]
    ['people[young]', 'people[old]']
    """
    if not any(_has_arrays(variable) for variable in model):
        return WrittenOut(model, {})
    variables: dict[str, Variable] = {}
    labels: dict[str, str] = {}
    for variable in model:
        for cell, equation in coverage(model, variable).items():
            one = _element(model, variable, cell, equation)
            variables[key_of(one.name)] = one
            if cell:
                labels[one.name] = label(variable.name, cell)
        if len(variables) > MOST_CELLS:
            raise LimitError(f"the model has more than {MOST_CELLS:,} elements", file=model.file or None)
    return WrittenOut(replace(model, variables=variables, dimensions={}), labels)


def _has_arrays(variable: Variable) -> bool:
    return bool(variable.dimensions) or any(
        isinstance(node, Call) and FUNCTIONS[node.function].kind == "array"
        for equation in variable.equations
        if not isinstance(equation.expression, Table)
        for node in walk(equation.expression)
    )


def _element(model: Model, variable: Variable, cell: Cell, equation: Equation) -> Variable:
    """An element of a variable as a variable of its own."""
    writer = _Writer(model, variable, cell, binding(model, variable, equation, cell))
    tree = equation.expression if isinstance(equation.expression, Table) else writer.tree(equation.expression)
    initial = None if equation.initial is None else writer.tree(equation.initial)
    changes: dict = {
        "name": own_name(variable.name, cell),
        "equations": (Equation(tree, initial=initial),),
        "dimensions": (),
    }
    if isinstance(variable, Stock) and cell:
        changes["inflows"] = writer.among(variable.inflows, tree)
        changes["outflows"] = writer.among(variable.outflows, tree)
    return replace(variable, **changes)


@dataclass(frozen=True)
class _Writer:
    """Writes the equation of one element out."""

    model: Model
    variable: Variable
    cell: Cell
    bound: Binding

    def tree(self, node: Expression) -> Expression:
        match node:
            case Name():
                return self.name(node)
            case Lookup():
                return Lookup(self.table(node.table), self.tree(node.argument))
            case Opaque():
                every = [part for name in node.references for part in self.all_of(name)]
                return Opaque(node.text, tuple(every))
            case Call() if FUNCTIONS[node.function].kind == "array":
                return self.array(node)
            case Call() if FUNCTIONS[node.function].kind == "random":
                return self.random(node)
        return rebuild(node, self.tree)

    def name(self, node: Name) -> Name:
        variable = self.model.variables.get(key_of(node.name))
        if variable is None or not (variable.dimensions or node.subscripts):
            return node
        cell = resolve(self.model, node.subscripts or variable.dimensions, self.bound)
        return Name(own_name(variable.name, spelled(self.model, variable, cell) or cell))

    def table(self, table: Table | Name) -> Table | Name:
        return table if isinstance(table, Table) else self.name(table)

    def all_of(self, node: Name) -> list[Name]:
        variable = self.model.variables.get(key_of(node.name))
        if variable is None or not variable.dimensions:
            return [Name(node.name)]
        return [Name(own_name(variable.name, cell)) for cell in coverage(self.model, variable)]

    def array(self, call: Call) -> Expression:
        if call.function not in SUMS and call.function not in EXTREMES:
            every = dict.fromkeys(part for name in references(call) for part in self.all_of(name))
            return Opaque(FUNCTIONS[call.function].vensim, tuple(every))
        parts = [
            replace(self, bound=one).tree(call.arguments[0]) for one in ways(self.model, call, self.bound)
        ]
        if not parts:
            raise NotCompiled(f"{FUNCTIONS[call.function].vensim} over nothing")
        if call.function in SUMS:
            return reduce(lambda a, b: Binary(SUMS[call.function], a, b), parts)
        return reduce(lambda a, b: Call(EXTREMES[call.function], (a, b)), parts)

    def random(self, call: Call) -> Expression:
        """A random function with the site of the element, which has numbers of its own."""
        *arguments, site = call.arguments
        if isinstance(site, Number):
            own = site.value + place_in(self.model, self.variable, self.cell, self.bound)
            site = Number(float(own))
        return Call(call.function, (*map(self.tree, arguments), site))

    def among(self, flows: tuple[str, ...], tree: Expression | Table) -> tuple[str, ...]:
        """The elements of these flows that a net rate reads."""
        if isinstance(tree, Table):
            return ()
        wanted = {key_of(name) for name in flows}
        return tuple(name.name for name in references(tree) if key_of(name.name.partition("⟨")[0]) in wanted)


def with_tables(model: Model) -> Model:
    """The model with the points of scalar lookups written where they are called by name."""
    tables = tables_of(model)

    def written(node: Expression) -> Expression:
        if isinstance(node, Lookup):
            found = tables.get(key_of(node.table.name)) if isinstance(node.table, Name) else None
            return Lookup(found or node.table, written(node.argument))
        return node if isinstance(node, Name) else rebuild(node, written)

    def equation(one: Equation) -> Equation:
        tree = one.expression if isinstance(one.expression, Table) else written(one.expression)
        return replace(one, expression=tree, initial=one.initial and written(one.initial))

    return replace(
        model,
        variables={
            key: replace(variable, equations=tuple(map(equation, variable.equations)))
            for key, variable in model.variables.items()
        },
    )


def tables_of(model: Model) -> dict[str, Table]:
    """The points of a scalar model's lookups by canonical name, for `evaluate`."""
    return {
        key: variable.equations[0].expression
        for key, variable in model.variables.items()
        if isinstance(variable, LookupVariable)
        and not variable.dimensions
        and isinstance(variable.equations[0].expression, Table)
    }
