"""Write a model out as a program: the common form of the batch engines.

Arrays are written out cell by cell, functions with a state become states, derived functions become
arithmetic, equal parts are shared, and what depends on no run or no time is marked so.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sdtheory.engines.arrays import ArrayFunctions
from sdtheory.engines.cells import Bound, Cells, Inputs
from sdtheory.engines.graph import RUN, STEP, TIME, GraphBuilder, Program, State
from sdtheory.engines.readings import read_specially
from sdtheory.engines.refusals import cycle, impossible_order, only_by_reference, placed, spelled_name
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
    children,
    left_spine,
)
from sdtheory.model.functions import FUNCTIONS, HiddenState, plain_order
from sdtheory.model.model import CONTROLS, Data, Model, Stock, Variable
from sdtheory.model.model import Lookup as LookupVariable
from sdtheory.model.subscripts import (
    MOST_CELLS,
    Cell,
    binding,
    key_of,
    label,
    resolve,
    split,
)

# first letters of names that the builder makes up: the output of a hidden state, and a node by its number
STATE, BUILT = "\0", "\1"
Item = tuple[str, str, Cell]  # phase, canonical name of a variable, cell as the dimensions spell it


def make_program(
    model: Model, *, parameters: Iterable[str] = (), outputs: Iterable[str] | None = None
) -> Program:
    """Write a model out as a program.

    Parameters
    ----------
    model : Model
    parameters : iterable of str
        Constants, ``name[element]`` of constants, or stocks (their initial values), that runs will vary.
    outputs : iterable of str, optional
        Variables or ``name[element]``; all variables and the control variables when left out.

    Raises
    ------
    NotCompiled
        When the model holds a construct that only the reference engine runs; names variable and construct.
    ModelError
        For variables that need each other at the same moment.
    UnknownName
        For a name that does not exist.

    Examples
    --------
    >>> from sdtheory.model.model import Auxiliary, Constant, Equation
    >>> a = Constant("a", (Equation(Number(2.0)),))
    >>> b = Auxiliary("b", (Equation(Binary("*", Name("a"), Name("time"))),))
    >>> program = make_program(Model("m", {"a": a, "b": b}), outputs=["b"])
    >>> program.step.nodes
    (('const', 2.0), ('time',), ('*', 0, 1))
    """
    builder = _Builder(model, parameters)
    if outputs is None:
        control = {key_of(name) for name in CONTROLS}
        outputs = [*(name for name in model.names() if key_of(name) not in control), *CONTROLS]
    for wanted in outputs:
        builder.output(wanted)
    return builder.finished()


def _placeholder(argument: Expression) -> Expression:
    """Something in the place of an argument, to see what an expansion reads besides."""
    return argument if isinstance(argument, Number) else Name(BUILT)


class _Builder:
    def __init__(self, model: Model, parameters: Iterable[str]):
        self.model = model
        self.graphs = {"initial": GraphBuilder(), "step": GraphBuilder()}
        self.cells = Cells(model)
        self.arrays = ArrayFunctions(self.cells)
        self.memo: dict[Item, int] = {}
        self.outputs: dict[str, int] = {}
        self.tables: dict[Table, int] = {}
        self.states: list[dict[str, Any]] = []
        self.state_of: dict[Any, int] = {}
        self.waiting: list[int] = []
        self.orders: list[tuple[int, int, str]] = []
        settings = model.settings
        self.controls = dict(
            zip(
                map(key_of, CONTROLS),
                (settings.start, settings.stop, settings.time_step, settings.save_every),
                strict=True,
            )
        )
        self.inputs = Inputs(model, self.cells, parameters)

    # what is asked for

    def output(self, wanted: str) -> None:
        """Make a variable, one of its cells, or a control variable a column of the result."""
        # a name in quotes may hold brackets of its own
        head, cell = (wanted, ()) if key_of(wanted) in self.model.variables else split(wanted)
        if key_of(head) in self.controls:
            self.outputs[key_of(head).upper()] = self.value("step", key_of(head), ())
            return
        variable = self.model[head]
        if isinstance(variable, LookupVariable):
            return
        every = [self.cells.named(variable, cell)] if cell else list(self.cells.of(variable))
        if len(self.outputs) + len(every) > MOST_CELLS:
            raise NotCompiled(f"the model has more than {MOST_CELLS:,} cells")
        for one in every:
            self.outputs[label(variable.name, one)] = self.value("step", key_of(variable.name), one)

    def finished(self) -> Program:
        """The program, without the nodes that nothing needs."""
        words = ("start", "stop", "time_step", "save_every")
        settings = {
            word: self.value("initial", key, ()) for word, key in zip(words, self.controls, strict=True)
        }
        for key in self.controls:
            if self.graphs["step"].rates[self.value("step", key, ())] > RUN:
                raise NotCompiled(
                    f"{key.upper()} that changes during a run is only run by the reference engine",
                    file=self.model.file or None,
                )
        while self.waiting:
            self._complete(self.waiting.pop(0))
        states = [State(**entry["state"]) for entry in self.states]
        begin = [node for one in states for node in (one.initial, one.delay_time) if node is not None]
        begin += [*settings.values(), *(node for node, _, _ in self.orders)]
        initial, first = self.graphs["initial"].finished(begin)
        going = [one.rate for one in states if one.rate is not None]
        step, then = self.graphs["step"].finished([*self.outputs.values(), *going])
        return Program(
            initial,
            step,
            tuple(
                State(
                    one.kind,
                    one.name,
                    first[one.initial],
                    None if one.rate is None else then[one.rate],
                    None if one.delay_time is None else first[one.delay_time],
                    one.non_negative,
                )
                for one in states
            ),
            {name: then[node] for name, node in self.outputs.items()},
            tuple(self.inputs.labels),
            {word: first[node] for word, node in settings.items()},
            self.model.settings.method,
            tuple(self.tables),
            tuple((first[node], order, name) for node, order, name in self.orders),
            self.model.limits,
        )

    # values of variables

    def value(self, phase: str, key: str, cell: Cell) -> int:
        """The node of a cell, with everything that it reads built before, without deep recursion."""
        start = (phase, key, cell)
        stack = [(start, False)]
        path: dict[Item, None] = {}
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

    def _cycle(self, path: list[Item], item: Item) -> None:
        members = [*path[path.index(item) :], item]
        raise cycle(self.model, item[0], [(key, cell) for _, key, cell in members])

    def _spelled(self, key: str) -> str:
        return spelled_name(self.model, key)

    def _tree(self, phase: str, key: str, cell: Cell) -> tuple[Expression | Table | None, Bound]:
        """What gives a cell its value in a phase: a tree, points of data, or None for a state or parameter."""
        if key in self.controls:
            return self.controls[key], {}
        variable = self.model[key]
        if self.inputs.number(key, cell) is not None and (
            phase == "initial" or not isinstance(variable, Stock)
        ):
            return None, {}
        equation = self.cells.of(variable).get(cell)
        if equation is None:
            raise ModelError(
                f"'{shown(label(variable.name, cell))}' has no equation",
                file=self.model.file or None,
                line=variable.line,
            )
        bound = binding(self.model, variable, equation, cell)
        if isinstance(variable, Stock):
            return (equation.initial if phase == "initial" else None), bound
        return equation.expression, bound

    def _needs(self, phase: str, key: str, cell: Cell) -> list[Item]:
        """The cells that a cell's value in a phase is computed from."""
        try:
            tree, bound = self._tree(phase, key, cell)
            return [] if tree is None or isinstance(tree, Table) else self._read_by(phase, tree, bound)
        except NotCompiled as error:
            raise placed(self.model, error, key) from None

    def _read_by(self, phase: str, tree: Expression, bound: Bound) -> list[Item]:
        found: dict[Item, None] = {}
        stack = [(tree, bound)]
        while stack:
            node, inner = stack.pop()
            if isinstance(node, Opaque):
                raise only_by_reference(node)
            if not isinstance(node, Name):
                stack.extend(self._parts(phase, node, inner))
            elif key_of(node.name) != "time" and not node.name.startswith((STATE, BUILT)):
                key, cell = self._target(node, inner)
                if not isinstance(self.model.variables.get(key), LookupVariable):
                    found[(phase, key, cell)] = None
        return list(found)

    def _target(self, name: Name, bound: Bound) -> tuple[str, Cell]:
        """The cell that a reference means; an array without subscripts is read cell by cell."""
        key = key_of(name.name)
        if key in self.controls:
            return key, ()
        variable = self.model[name.name]
        cell = resolve(self.model, name.subscripts or variable.dimensions, bound)
        return key, self.cells.named(variable, cell)

    def _parts(self, phase: str, node: Expression, bound: Bound) -> list[tuple[Expression, Bound]]:
        """The parts that the present value of a node needs in a phase."""
        if isinstance(node, Lookup):
            return [(node.argument, bound)]
        if isinstance(node, Call):
            row = FUNCTIONS[node.function]
            if row.kind == "array":
                return self.arrays.parts(node, bound)
            if row.expansion is not None:
                made = row.expansion(*(_placeholder(argument) for argument in node.arguments))
                return [(made, bound), *((argument, bound) for argument in node.arguments)]
            if row.states is not None:
                hidden, output = row.states(plain_order(node), lambda i: Name(f"{STATE}{i}"))
                trees = [output] if phase == "step" else [output, *(state.initial for state in hidden)]
                return [(tree, bound) for tree in trees]
            if node.function == "active_initial":
                return [(node.arguments[1 if phase == "initial" else 0], bound)]
        return [(part, bound) for part in children(node)]

    def _build(self, phase: str, key: str, cell: Cell) -> int:
        graph = self.graphs[phase]
        if len(self.memo) > 2 * MOST_CELLS:
            raise NotCompiled(f"the model has more than {MOST_CELLS:,} cells")
        variable = None if key in self.controls else self.model[key]
        try:
            tree, bound = self._tree(phase, key, cell)
            given = None if variable is None else self.inputs.number(key, cell)
            if tree is None and given is not None and not (phase == "step" and isinstance(variable, Stock)):
                node = graph.add(("parameter", given), RUN)
            elif tree is None:
                node = self._stock(key, cell)
            elif isinstance(tree, Table):
                node = self._data(graph, variable, tree)
            else:
                node = self._node(phase, tree, bound, (key, cell))
        except NotCompiled as error:
            raise placed(self.model, error, key) from None
        graph.owners.setdefault(node, label(self._spelled(key), cell))
        return node

    def _data(self, graph: GraphBuilder, variable: Variable | None, points: Table) -> int:
        if not isinstance(variable, Data):
            raise NotCompiled("a lookup that is used as a number")
        if variable.keyword not in ("interpolate", "hold_backward"):
            raise NotCompiled(f"data read with {variable.keyword}")
        return self._table(graph, Table(points.x, points.y, variable.keyword), graph.add(("time",), TIME))

    # states

    def _new_state(self, kind: str, name: str) -> int:
        if len(self.states) >= MOST_CELLS:
            raise NotCompiled(f"more than {MOST_CELLS:,} states")
        self.states.append({"state": {"kind": kind, "name": name, "initial": -1}})
        self.waiting.append(len(self.states) - 1)
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
        owner = entry["stock"] if "stock" in entry else entry["owner"]
        try:
            if "stock" in entry:
                key, cell = owner
                variable = self.model[key]
                equation = self.cells.of(variable)[cell]
                assert not isinstance(equation.expression, Table)
                bound = binding(self.model, variable, equation, cell)
                state["initial"] = self.value("initial", key, cell)
                state["rate"] = self._rooted("step", equation.expression, bound, owner)
                state["non_negative"] = isinstance(variable, Stock) and variable.non_negative
                return
            hidden: HiddenState = entry["hidden"]
            bound = entry["bound"]
            state["initial"] = self._rooted("initial", hidden.initial, bound, owner)
            if hidden.rate is not None:
                state["rate"] = self._rooted("step", hidden.rate, bound, owner)
            if hidden.delay_time is not None:
                state["delay_time"] = self._rooted("initial", hidden.delay_time, bound, owner)
        except NotCompiled as error:
            raise placed(self.model, error, owner[0]) from None

    def _rooted(self, phase: str, tree: Expression, bound: Bound, owner: tuple[str, Cell]) -> int:
        """The node of a tree that is no variable's own; what it reads is built first."""
        for item in self._read_by(phase, tree, bound):
            self.value(*item)
        return self._node(phase, tree, bound, owner)

    # trees

    def _node(self, phase: str, tree: Expression, bound: Bound, owner: tuple[str, Cell]) -> int:
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
                raise only_by_reference(tree)
        return self._call(phase, tree, bound, owner)

    def _name(self, phase: str, name: Name, bound: Bound) -> int:
        graph = self.graphs[phase]
        if name.name.startswith(BUILT):
            return int(name.name[1:])
        if name.name.startswith(STATE):
            place = int(name.name[1:])
            entry = self.states[place]
            if phase == "initial":
                return self._rooted("initial", entry["hidden"].initial, entry["bound"], entry["owner"])
            return graph.add(("state", place), RUN if entry["state"]["kind"] == "fixed" else STEP)
        if key_of(name.name) == "time":
            return graph.add(("time",), TIME if phase == "step" else RUN)
        return self.value(phase, *self._target(name, bound))

    def _points(self, table: Table | Name, bound: Bound) -> Table:
        if isinstance(table, Table):
            return table
        variable = self.model[table.name]
        cell = self.cells.named(variable, resolve(self.model, table.subscripts or variable.dimensions, bound))
        equation = self.cells.of(variable).get(cell)
        if equation is None or not isinstance(equation.expression, Table):
            raise NotCompiled(f"'{shown(variable.name)}' is called as a lookup but holds no points")
        return equation.expression

    def _table(self, graph: GraphBuilder, table: Table, argument: int) -> int:
        return graph.table(self.tables.setdefault(table, len(self.tables)), table, argument)

    def _call(self, phase: str, call: Call, bound: Bound, owner: tuple[str, Cell]) -> int:
        row = FUNCTIONS[call.function]
        if row.expansion is not None:
            built = [self._built(phase, part, bound, owner) for part in call.arguments]
            return self._node(phase, row.expansion(*built), bound, owner)
        if row.draw is not None:
            return self._random(phase, call, bound, owner)
        if row.states is not None:
            return self._stateful(phase, call, bound, owner)
        if call.function == "active_initial":
            return self._node(phase, call.arguments[1 if phase == "initial" else 0], bound, owner)
        if row.kind == "array":
            parts = self.arrays.parts(call, bound)
            nodes = [self._node(phase, tree, inner, owner) for tree, inner in parts]
            return self.arrays.node(self.graphs[phase], call, bound, owner, nodes)
        if row.kind == "lookup":
            return self._lookup(phase, call, bound, owner)
        if row.numpy is None:
            raise NotCompiled(f"{row.vensim or row.xmile} is only run by the reference engine")
        arguments = [self._node(phase, part, bound, owner) for part in call.arguments]
        return self.graphs[phase].operate(call.function, *arguments)

    def _built(self, phase: str, part: Expression, bound: Bound, owner: tuple[str, Cell]) -> Expression:
        """A name for the node of a part, so that a tree that has the part many times builds it once."""
        return part if isinstance(part, Number) else Name(f"{BUILT}{self._node(phase, part, bound, owner)}")

    def _random(self, phase: str, call: Call, bound: Bound, owner: tuple[str, Cell]) -> int:
        """A random function of a cell; each cell has a site, and so a number, of its own."""
        *arguments, site = call.arguments
        draw = FUNCTIONS[call.function].draw
        if not isinstance(site, Number) or draw is None:
            raise NotCompiled("a random function without a site")
        place = int(site.value) + self.cells.place(self.model[owner[0]], owner[1], bound)
        node = self.graphs[phase].add(("random", place), STEP)
        built = [self._built(phase, part, bound, owner) for part in arguments]
        return self._node(phase, draw(Name(f"{BUILT}{node}"), *built), bound, owner)

    def _lookup(self, phase: str, call: Call, bound: Bound, owner: tuple[str, Cell]) -> int:
        """A lookup read in a way of its own."""
        table, *arguments = call.arguments
        if not isinstance(table, Name):
            raise NotCompiled(f"{FUNCTIONS[call.function].vensim} of something that is no lookup")
        built = [self._built(phase, part, bound, owner) for part in arguments]
        tree = read_specially(call.function, self._points(table, bound), built)
        return self._node(phase, tree, bound, owner)

    def _stateful(self, phase: str, call: Call, bound: Bound, owner: tuple[str, Cell]) -> int:
        form = FUNCTIONS[call.function].states
        assert form is not None
        identity = (owner, call, tuple(sorted(bound.items())))
        if identity not in self.state_of:
            name = f"{label(self._spelled(owner[0]), owner[1])}~{call.function}"
            arguments = self._with_order(call, bound, owner)
            kinds = [hidden.kind for hidden in form(arguments, lambda i: Name(STATE))[0]]
            places = [self._new_state(kind, f"{name}{i + 1}") for i, kind in enumerate(kinds)]
            self.state_of[identity] = places[0]
            hidden, output = form(arguments, lambda i: Name(f"{STATE}{places[i]}"))
            for place, one in zip(places, hidden, strict=True):
                self.states[place].update(hidden=one, bound=bound, owner=owner, output=output)
        return self._node(phase, self.states[self.state_of[identity]]["output"], bound, owner)

    def _with_order(self, call: Call, bound: Bound, owner: tuple[str, Cell]) -> tuple[Expression, ...]:
        """The arguments of a call, with the order of a delay lowered until each stage lasts a TIME STEP."""
        if call.function not in ("smooth", "delay", "delay_n"):
            return call.arguments
        most = self._order(call.arguments[3], bound, owner)
        arguments = (*call.arguments[:3], Number(float(most)))
        if most == 1 or call.function == "smooth":
            return arguments
        source, time, initial, _ = arguments
        graph = self.graphs["initial"]
        lasts = self._rooted("initial", time, bound, owner)
        step = self.value("initial", key_of("TIME STEP"), ())
        if graph.rates[lasts] or graph.rates[step]:
            self.orders.append((lasts, most, label(self._spelled(owner[0]), owner[1])))
            return arguments
        while most > 1 and most * graph.value_of(step) > graph.value_of(lasts):
            most -= 1
        return (source, time, initial, Number(float(most)))

    def _order(self, order: Expression, bound: Bound, owner: tuple[str, Cell]) -> int:
        """The order of a delay or smooth, which is fixed at the start; a fraction is dropped, as PySD does."""
        graph = self.graphs["initial"]
        node = self._rooted("initial", order, bound, owner)
        start = graph.value_at(self.value("initial", key_of("INITIAL TIME"), ()), 0.0)
        value = None if start is None else graph.value_at(node, start)
        if value is None:
            raise NotCompiled("an order of a delay that is no plain number at the start")
        if not 1 <= value <= self.model.limits.delay_order:
            raise impossible_order(self.model, owner, value)
        return int(value)
