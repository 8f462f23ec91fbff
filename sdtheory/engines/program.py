"""The common form of a model for the batch engines: numbered operations in evaluation order.

Arrays are written out cell by cell, functions with a state become states, derived functions become
arithmetic, equal parts are shared, and what depends on no run or no time is marked so.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sdtheory.errors import ModelError, NotCompiled, shown
from sdtheory.model.expression import (
    Binary,
    Call,
    Expression,
    Lookup,
    Name,
    Number,
    Opaque,
    Table,
    Unary,
    interpolate,
    left_spine,
)
from sdtheory.model.functions import FUNCTIONS, OPERATORS, HiddenState
from sdtheory.model.model import Data, Model, Stock, Variable
from sdtheory.model.model import Lookup as LookupVariable
from sdtheory.model.subscripts import Cell, binding, cells, covering, elements, label, resolve
from sdtheory.names import canonical

MOST_CELLS = 20_000
CONST, RUN, TIME, STEP = range(4)  # how often a node's value changes

Node = tuple[Any, ...]


@dataclass
class Graph:
    """Nodes of one phase, each after those it reads: ``(operation, argument, ...)``."""

    nodes: list[Node] = field(default_factory=list)
    rates: list[int] = field(default_factory=list)
    index: dict[Node, int] = field(default_factory=dict)
    owners: dict[int, str] = field(default_factory=dict)

    def add(self, node: Node, rate: int) -> int:
        """The number of a node; equal nodes have the same."""
        if node not in self.index:
            self.index[node] = len(self.nodes)
            self.nodes.append(node)
            self.rates.append(rate)
        return self.index[node]

    def constant(self, value: float) -> int:
        return self.add(("const", float(value).hex()), CONST)

    def value_of(self, node: int) -> float:
        return float.fromhex(self.nodes[node][1])

    def operate(self, operation: str, *arguments: int) -> int:
        """An operation on nodes, folded when all are constant."""
        rate = max((self.rates[argument] for argument in arguments), default=CONST)
        if rate == CONST and operation != "table":
            with np.errstate(all="ignore"):
                value = OPERATIONS[operation](
                    *(np.float64(self.value_of(argument)) for argument in arguments)
                )
            return self.constant(float(value))
        return self.add((operation, *arguments), rate)


OPERATIONS = {**OPERATORS, **{key: row.numpy for key, row in FUNCTIONS.items() if row.numpy is not None}}


@dataclass(frozen=True)
class State:
    """A state variable of a program: node numbers of its initial value, rate and delay time."""

    kind: str
    name: str
    initial: int
    rate: int | None = None
    delay_time: int | None = None
    non_negative: bool = False


@dataclass(frozen=True)
class Program:
    """A model ready to be run over many futures at once.

    Parameters
    ----------
    initial, step : Graph
        What is computed at the start, and at each step.
    states : tuple of State
    outputs : mapping of column name to node of the step graph
    parameters : tuple of str
        Labels of the inputs, in order; node ``("parameter", i)``.
    settings : mapping
        ``start``, ``stop``, ``time_step``, ``save_every``: nodes of the initial graph.
    method : str
    tables : tuple of Table
    """

    initial: Graph
    step: Graph
    states: tuple[State, ...]
    outputs: Mapping[str, int]
    parameters: tuple[str, ...]
    settings: Mapping[str, int]
    method: str
    tables: tuple[Table, ...]
    name: str = ""


def make_program(
    model: Model, *, parameters: Iterable[str] = (), outputs: Iterable[str] | None = None
) -> Program:
    """Write a model out as a program.

    Parameters
    ----------
    parameters : iterable of str
        Constants, ``name[element]`` of constants, or stocks (their initial values), that runs will vary.
    outputs : iterable of str, optional
        Variables or ``name[element]``; all when left out.

    Raises
    ------
    NotCompiled
        When the model holds a construct that only the reference engine runs; names variable and construct.
    ModelError
        For variables that need each other at the same moment.
    UnknownName
        For a name that does not exist.
    """
    builder = _Builder(model, parameters)
    for wanted in model.names() if outputs is None else outputs:
        builder.output(wanted)
    return builder.finished()


def split(name: str) -> tuple[str, Cell]:
    """The variable and the cell of ``name[element, element]``."""
    if not name.rstrip().endswith("]") or "[" not in name:
        return name, ()
    head, _, inside = name.rstrip()[:-1].partition("[")
    return head.strip(), tuple(part.strip() for part in inside.split(","))


class _Builder:
    def __init__(self, model: Model, parameters: Iterable[str]):
        self.model = model
        self.graphs = {"initial": Graph(), "step": Graph()}
        self.memo: dict[tuple[str, str, Cell], int] = {}
        self.outputs: dict[str, int] = {}
        self.tables: dict[Table, int] = {}
        self.states: list[dict[str, Any]] = []
        self.state_of: dict[Any, int] = {}
        self.waiting: list[int] = []
        settings = model.settings
        self.built_in = {
            "time step": settings.time_step,
            "initial time": settings.start,
            "final time": settings.stop,
            "saveper": settings.save_every,
        }
        self.parameters = [self._parameter(name) for name in parameters]
        self.parameter_of = {key: place for place, key in enumerate(self.parameters)}

    def _parameter(self, name: str) -> tuple[str, Cell]:
        head, cell = split(name)
        return canonical(head), tuple(map(canonical, cell))

    def _given(self, key: str, cell: Cell) -> int | None:
        plain = tuple(map(canonical, cell))
        found = self.parameter_of.get((key, plain))
        return self.parameter_of.get((key, ())) if found is None else found

    # what is asked for

    def output(self, wanted: str) -> None:
        head, cell = split(wanted)
        variable = self.model[head]
        if isinstance(variable, LookupVariable):
            return
        every = cells(self.model, variable)
        if cell:
            every = [one for one in every if tuple(map(canonical, one)) == tuple(map(canonical, cell))]
            if not every:
                from sdtheory.names import unknown

                names = [label(variable.name, one) for one in cells(self.model, variable)]
                raise unknown("element", wanted, names)
        for one in every:
            self.outputs[label(variable.name, one)] = self.value("step", canonical(variable.name), one)

    def finished(self) -> Program:
        settings = {
            "start": self._setting("initial time"),
            "stop": self._setting("final time"),
            "time_step": self._setting("time step"),
            "save_every": self._setting("saveper"),
        }
        for word in ("final time", "time step", "initial time"):
            if self.graphs["step"].rates[self.value("step", word, ())] > RUN:
                raise NotCompiled(
                    f"{word.upper()} that changes during a run is only run by the reference engine"
                )
        states = []
        while self.waiting:
            self._complete(self.waiting.pop(0))
        for entry in self.states:
            states.append(State(**entry["state"]))
        return Program(
            self.graphs["initial"],
            self.graphs["step"],
            tuple(states),
            dict(self.outputs),
            tuple(label(key, cell) for key, cell in self.parameters),
            settings,
            self.model.settings.method,
            tuple(self.tables),
            self.model.name,
        )

    def _setting(self, word: str) -> int:
        return self.value("initial", word, ())

    # values of variables

    def value(self, phase: str, key: str, cell: Cell) -> int:
        """The node of a cell, with everything that it reads built before, without deep recursion."""
        start = (phase, key, tuple(map(canonical, cell)))
        stack = [(start, False)]
        path: dict[Any, None] = {}
        while stack:
            item, done = stack.pop()
            if done:
                path.pop(item, None)
                self.memo[item] = self._build(*item)
                continue
            if item in self.memo:
                continue
            if item in path:
                self._cycle(list(path), item)
            path[item] = None
            stack.append((item, True))
            stack.extend((needed, False) for needed in self._needs(*item) if needed not in self.memo)
        return self.memo[start]

    def _cycle(self, path: list[Any], item: Any) -> None:
        members = [*path[path.index(item) :], item]
        trail = " -> ".join(shown(label(self._spelled(key), cell)) for _, key, cell in members)
        when = " at the start" if item[0] == "initial" else ""
        raise ModelError(f"variables need each other{when}: {trail}", file=self.model.file or None)

    def _spelled(self, key: str) -> str:
        variable = self.model.variables.get(key)
        return variable.name if variable else key.upper()

    def _tree(
        self, phase: str, key: str, cell: Cell
    ) -> tuple[Expression | Table | None, dict[str, str], Variable | None]:
        """What gives a cell its value in a phase: a tree, points, or None for a state or parameter."""
        if key in self.built_in and key not in ("time",):
            return self.built_in[key], {}, None
        variable = self.model[key]
        full = self._full_cell(variable, cell)
        if self._given(key, cell) is not None and (phase == "initial" or not isinstance(variable, Stock)):
            return None, {}, variable
        equation = covering(self.model, variable, full)
        if equation is None:
            raise ModelError(
                f"'{shown(label(variable.name, full))}' has no equation", file=self.model.file or None
            )
        bound = binding(self.model, equation, full)
        if isinstance(variable, Stock):
            return (equation.initial if phase == "initial" else None), bound, variable
        return equation.expression, bound, variable

    def _full_cell(self, variable: Variable, cell: Cell) -> Cell:
        """The cell with its elements as the dimensions spell them."""
        if len(cell) != len(variable.dimensions):
            raise NotCompiled(
                f"'{shown(variable.name)}' has {len(variable.dimensions)} dimensions, not {len(cell)}"
            )
        spelled = []
        for element, dimension in zip(cell, variable.dimensions, strict=True):
            by_key = {canonical(one): one for one in elements(self.model, dimension)}
            if canonical(element) not in by_key:
                raise ModelError(
                    f"'{shown(element)}' is no element of '{shown(variable.name)}'", file=self.model.file
                )
            spelled.append(by_key[canonical(element)])
        return tuple(spelled)

    def _needs(self, phase: str, key: str, cell: Cell) -> list[tuple[str, str, Cell]]:
        tree, bound, _ = self._tree(phase, key, cell)
        if tree is None or isinstance(tree, Table):
            return []
        found: dict[tuple[str, str, Cell], None] = {}
        stack: list[tuple[Expression, dict[str, str]]] = [(tree, bound)]
        while stack:
            node, inner = stack.pop()
            if isinstance(node, Name):
                name = canonical(node.name)
                if name == "time" or node.name.startswith("\0"):
                    continue
                if not isinstance(self.model.variables.get(name), LookupVariable):
                    found[
                        (phase, name, tuple(map(canonical, resolve(self.model, node.subscripts, inner))))
                    ] = None
            else:
                stack.extend(self._parts(phase, node, inner))
        return list(found)

    def _parts(
        self, phase: str, node: Expression, bound: dict[str, str]
    ) -> list[tuple[Expression, dict[str, str]]]:
        """The parts that the present value of a node needs in a phase."""
        from sdtheory.model.expression import children

        if isinstance(node, Lookup):
            return [(node.argument, bound)]
        if isinstance(node, Call):
            row = FUNCTIONS[node.function]
            if row.kind == "array":
                return [(node.arguments[0], one) for one in self._over(node.arguments[0], bound)]
            if row.expansion is not None:
                return [(row.expansion(*node.arguments), bound)]
            if row.states is not None:
                hidden, output = row.states(node.arguments, lambda i: Name(f"\0{i}"))
                trees = [output] if phase == "step" else [output, *(state.initial for state in hidden)]
                return [(tree, bound) for tree in trees]
            if node.function == "active_initial":
                return [(node.arguments[1 if phase == "initial" else 0], bound)]
        return [(part, bound) for part in children(node)]

    def _build(self, phase: str, key: str, cell: Cell) -> int:
        graph = self.graphs[phase]
        tree, bound, variable = self._tree(phase, key, cell)
        given = self._given(key, cell) if variable is not None else None
        if given is not None and (phase == "initial" or not isinstance(variable, Stock)):
            node = graph.add(("parameter", given), RUN)
        elif tree is None:
            node = self._stock(key, cell)
        elif isinstance(tree, Table):
            node = self._data(graph, variable, tree)
        else:
            try:
                node = self._node(phase, tree, bound, (key, cell))
            except NotCompiled as error:
                if error.file or variable is None:
                    raise
                place = f"{self.model.file}:{variable.line}" if variable.line else self.model.file
                raise NotCompiled(f"'{shown(variable.name)}': {error.message} ({place})", file="") from None
        graph.owners.setdefault(node, label(self._spelled(key), cell))
        return node

    def _data(self, graph: Graph, variable: Variable | None, points: Table) -> int:
        table = Table(points.x, points.y, "interpolate")
        if isinstance(variable, Data) and variable.keyword == "hold_backward":
            table = Table(points.x, points.y, "hold_backward")
        elif isinstance(variable, Data) and variable.keyword != "interpolate":
            raise NotCompiled(f"data read with {variable.keyword}")
        return self._table(graph, table, graph.add(("time",), TIME))

    # states

    def _new_state(self, kind: str, name: str) -> int:
        self.states.append({"state": {"kind": kind, "name": name, "initial": -1}})
        self.waiting.append(len(self.states) - 1)
        if len(self.states) > MOST_CELLS:
            raise NotCompiled(f"more than {MOST_CELLS:,} states")
        return len(self.states) - 1

    def _stock(self, key: str, cell: Cell) -> int:
        place = self.state_of.get((key, cell))
        if place is None:
            place = self.state_of[(key, cell)] = self._new_state("integral", label(self._spelled(key), cell))
            self.states[place]["stock"] = (key, cell)
        return self.graphs["step"].add(("state", place), STEP)

    def _complete(self, place: int) -> None:
        """Build the initial value and the rate of a state."""
        entry = self.states[place]
        state = entry["state"]
        if "stock" in entry:
            key, cell = entry["stock"]
            variable = self.model[key]
            full = self._full_cell(variable, cell)
            equation = covering(self.model, variable, full)
            assert equation is not None and not isinstance(equation.expression, Table)
            bound = binding(self.model, equation, full)
            state["initial"] = self.value("initial", key, cell)
            state["rate"] = self._rooted("step", equation.expression, bound, (key, cell), variable)
            state["non_negative"] = isinstance(variable, Stock) and variable.non_negative
            return
        hidden: HiddenState = entry["hidden"]
        bound, owner = entry["bound"], entry["owner"]
        state["initial"] = self._rooted("initial", hidden.initial, bound, owner)
        if hidden.rate is not None:
            state["rate"] = self._rooted("step", hidden.rate, bound, owner)
        if hidden.delay_time is not None:
            state["delay_time"] = self._rooted("initial", hidden.delay_time, bound, owner)

    def _rooted(
        self, phase: str, tree: Expression, bound: dict[str, str], owner: Any, variable: Any = None
    ) -> int:
        """The node of a tree that is no variable's own; what it reads is built first."""
        stack: list[tuple[Expression, dict[str, str]]] = [(tree, bound)]
        while stack:
            node, inner = stack.pop()
            if isinstance(node, Name):
                name = canonical(node.name)
                if (
                    name != "time"
                    and not node.name.startswith("\0")
                    and not isinstance(self.model.variables.get(name), LookupVariable)
                ):
                    self.value(phase, name, resolve(self.model, node.subscripts, inner))
            else:
                stack.extend(self._parts(phase, node, inner))
        return self._node(phase, tree, bound, owner)

    # trees

    def _node(self, phase: str, tree: Expression, bound: dict[str, str], owner: Any) -> int:
        graph = self.graphs[phase]
        match tree:
            case Number():
                return graph.constant(tree.value)
            case Name():
                return self._name(phase, tree, bound)
            case Unary():
                return graph.operate(f"unary {tree.operator}", self._node(phase, tree.argument, bound, owner))
            case Binary():
                first, rest = left_spine(tree)
                result = self._node(phase, first, bound, owner)
                for operator, right in rest:
                    result = graph.operate(operator, result, self._node(phase, right, bound, owner))
                return result
            case Lookup():
                argument = self._node(phase, tree.argument, bound, owner)
                return self._table(graph, self._points(tree.table, bound), argument)
            case Opaque():
                raise NotCompiled(f"{tree.text} is only run by the reference engine")
        return self._call(phase, tree, bound, owner)

    def _name(self, phase: str, name: Name, bound: dict[str, str]) -> int:
        graph = self.graphs[phase]
        key = canonical(name.name)
        if key == "time":
            return graph.add(("time",), TIME if phase == "step" else RUN)
        if name.name.startswith("\0"):
            place = int(name.name[1:])
            if phase == "initial":
                return self._hidden_initial(place)
            fixed = self.states[place]["state"]["kind"] == "fixed"
            return graph.add(("state", place), RUN if fixed else STEP)
        return self.value(phase, key, resolve(self.model, name.subscripts, bound))

    def _hidden_initial(self, place: int) -> int:
        entry = self.states[place]
        return self._rooted("initial", entry["hidden"].initial, entry["bound"], entry["owner"])

    def _points(self, table: Table | Name, bound: dict[str, str]) -> Table:
        if isinstance(table, Table):
            return table
        variable = self.model[table.name]
        cell = self._full_cell(variable, resolve(self.model, table.subscripts, bound))
        equation = covering(self.model, variable, cell)
        if equation is None or not isinstance(equation.expression, Table):
            raise NotCompiled(f"'{shown(variable.name)}' is called as a lookup but holds no points")
        return equation.expression

    def _table(self, graph: Graph, table: Table, argument: int) -> int:
        place = self.tables.setdefault(table, len(self.tables))
        if graph.rates[argument] == CONST:
            return graph.constant(float(interpolate(table, graph.value_of(argument))))
        return graph.add(("table", place, argument), graph.rates[argument])

    def _call(self, phase: str, call: Call, bound: dict[str, str], owner: Any) -> int:
        graph = self.graphs[phase]
        row = FUNCTIONS[call.function]
        if row.expansion is not None:
            return self._node(phase, row.expansion(*call.arguments), bound, owner)
        if row.states is not None:
            return self._stateful(phase, call, bound, owner)
        if call.function == "active_initial":
            return self._node(phase, call.arguments[1 if phase == "initial" else 0], bound, owner)
        if row.kind == "array":
            return self._array(phase, call, bound, owner)
        if row.numpy is None:
            raise NotCompiled(f"{row.vensim or row.xmile} is only run by the reference engine")
        return graph.operate(
            call.function, *(self._node(phase, part, bound, owner) for part in call.arguments)
        )

    def _stateful(self, phase: str, call: Call, bound: dict[str, str], owner: Any) -> int:
        form = FUNCTIONS[call.function].states
        assert form is not None
        identity = (owner, call, tuple(sorted(bound.items())))
        if identity not in self.state_of:
            count = len(form(call.arguments, lambda i: Name("\0"))[0])
            kinds = [hidden.kind for hidden in form(call.arguments, lambda i: Name("\0"))[0]]
            name = label(self._spelled(owner[0]), owner[1])
            places = [self._new_state(kinds[i], f"{name}~{call.function}{i + 1}") for i in range(count)]
            self.state_of[identity] = places[0]
            hidden, _ = form(call.arguments, lambda i: Name(f"\0{places[i]}"))
            for place, one in zip(places, hidden, strict=True):
                self.states[place].update(hidden=one, bound=bound, owner=owner)
        first = self.state_of[identity]
        _, output = form(call.arguments, lambda i: Name(f"\0{first + i}"))
        return self._node(phase, output, bound, owner)

    def _over(self, tree: Expression, bound: dict[str, str]) -> list[dict[str, str]]:
        """A binding for each cell of the dimensions marked ``!`` in a tree."""
        from sdtheory.model.expression import walk

        marked = {
            canonical(subscript): None
            for node in walk(tree)
            if isinstance(node, Name)
            for subscript in node.subscripts
            if subscript.endswith("!")
        }
        members = [elements(self.model, key[:-1].strip()) for key in marked if key not in bound]
        free = [key for key in marked if key not in bound]
        count = int(np.prod([len(part) for part in members])) if members else 1
        if count > MOST_CELLS:
            raise NotCompiled(f"a sum over {count:,} cells")
        return [{**bound, **dict(zip(free, cell, strict=True))} for cell in itertools.product(*members)]

    def _array(self, phase: str, call: Call, bound: dict[str, str], owner: Any) -> int:
        words = {"sum": "+", "prod": "*", "vmin": "min", "vmax": "max"}
        if call.function not in words:
            raise NotCompiled(f"{FUNCTIONS[call.function].vensim} is only run by the reference engine")
        graph = self.graphs[phase]
        result: int | None = None
        for inner in self._over(call.arguments[0], bound):
            part = self._node(phase, call.arguments[0], inner, owner)
            result = part if result is None else graph.operate(words[call.function], result, part)
        if result is None:
            raise NotCompiled(f"{FUNCTIONS[call.function].vensim} over nothing")
        return result
