"""A model with every state in the open: delays, smooths and samples become variables of their own.

Loop scores need each equation as a function of present values alone. Functions that remember are therefore
replaced by what they stand for: SMOOTH and DELAY by stocks, DELAY FIXED and SAMPLE IF TRUE by variables
whose equation is the call and nothing else, random functions by the number that they draw.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from sdtheory.engines.readings import read_specially
from sdtheory.errors import ModelError, SDError, shown
from sdtheory.feedback.elements import tables_of
from sdtheory.model.expression import (
    TIME_STEP,
    Call,
    Expression,
    Name,
    Number,
    Opaque,
    Table,
    evaluate,
    rebuild,
    walk,
)
from sdtheory.model.functions import FUNCTIONS, HiddenState
from sdtheory.model.model import Auxiliary, Constant, Equation, Model, Stock, Variable
from sdtheory.model.model import Lookup as LookupVariable
from sdtheory.names import canonical

CHAINS = ("smooth", "delay", "delay_n")
HELD = "~held"  # ends the name of what a SAMPLE IF TRUE had one step ago


@dataclass(frozen=True)
class Pipeline:
    """A variable that has the value that another had a fixed time ago.

    Parameters
    ----------
    source : str
        Canonical name.
    delay_time : Expression
        Read at the start.
    """

    source: str
    delay_time: Expression


@dataclass(frozen=True)
class OpenModel:
    """A scalar model whose every state is a variable.

    Attributes
    ----------
    model : Model
        Gives the declared variables the same values as the model that it was made from.
    formulas : mapping of str to Expression
        By canonical name: what gives a variable its value, or a stock its net rate, from present values.
    pipelines : mapping of str to Pipeline
    samples : mapping of str to str
        Variables that are a SAMPLE IF TRUE, and the name under which their formula has the held value.
    orders : tuple of (Expression, int, str)
        Delay times that runs may vary, the order of the delay, and whose it is.
    """

    model: Model
    formulas: Mapping[str, Expression]
    pipelines: Mapping[str, Pipeline]
    samples: Mapping[str, str]
    orders: tuple[tuple[Expression, int, str], ...] = ()


def with_open_states(model: Model, varied: Iterable[str] = ()) -> OpenModel:
    """Bring every state of a scalar model into the open.

    Parameters
    ----------
    model : Model
        As of `written_out`.
    varied : iterable of str
        Canonical names of constants that runs vary: no order of a delay is fixed by their value.

    Raises
    ------
    ModelError
        For a construct that only the reference engine runs; names the variable.

    Examples
    --------
    >>> from sdtheory.model.expression import to_text
    >>> seen = Call("smooth", (Name("x"), Number(4.0), Name("x"), Number(1.0)))
    >>> x = Constant("x", (Equation(Number(2.0)),))
    >>> opened = with_open_states(Model("m", {"x": x, "y": Auxiliary("y", (Equation(seen),))}))
    >>> for key, tree in opened.formulas.items():
    ...     print(key, "=", to_text(tree))
    y~smooth1 = (x - "y~smooth1")/4
    y = "y~smooth1"
    """
    constants = _numbers(model, set(varied), {})
    at_start = constants
    if "initial time" in constants:
        at_start = _numbers(model, set(varied), {"time": constants["initial time"]})
    maker = _Maker(model, constants, at_start)
    for key, variable in model.variables.items():
        tree = variable.equations[0].expression
        if isinstance(tree, Table) or isinstance(variable, Constant):
            maker.variables[key] = variable
            continue
        try:
            opened = maker.opened(tree, variable)
            maker.add(replace(variable, equations=(replace(variable.equations[0], expression=opened),)))
        except SDError as error:
            raise _placed(model, variable, error) from None
    return OpenModel(
        replace(model, variables=maker.variables),
        maker.formulas,
        maker.pipelines,
        maker.samples,
        tuple(maker.orders),
    )


def _placed(model: Model, variable: Variable, error: SDError) -> ModelError:
    name = variable.owner or variable.name
    return ModelError(
        f"loop scores need '{shown(name)}' as an equation: {error.message}",
        file=model.file or None,
        line=variable.line,
    )


def _numbers(model: Model, varied: set[str], known: Mapping[str, Any]) -> dict[str, Any]:
    """Values by canonical name of what is computed from numbers and from what is known alone."""
    found = {**tables_of(model), **known}
    waiting = {
        key: variable.equations[0].expression
        for key, variable in model.variables.items()
        if not isinstance(variable, Stock | LookupVariable) and key not in varied
    }
    waiting |= {"initial time": model.settings.start, "time step": model.settings.time_step}
    while True:
        ready: dict[str, float] = {}
        for key, tree in waiting.items():
            if not isinstance(tree, Table) and all(read in found for read in reads_of(tree)):
                with suppress(SDError):  # a function that remembers or is random
                    ready[key] = float(evaluate(tree, {**found, **ready}))
        if not ready:
            return found
        found |= ready
        waiting = {key: tree for key, tree in waiting.items() if key not in ready}


@dataclass
class _Maker:
    model: Model
    constants: Mapping[str, Any]
    at_start: Mapping[str, Any]
    variables: dict[str, Variable] = field(default_factory=dict)
    formulas: dict[str, Expression] = field(default_factory=dict)
    pipelines: dict[str, Pipeline] = field(default_factory=dict)
    samples: dict[str, str] = field(default_factory=dict)
    orders: list[tuple[Expression, int, str]] = field(default_factory=list)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, variable: Variable) -> None:
        """Take a variable in whose equation holds no call that remembers."""
        key = canonical(variable.name)
        tree = variable.equations[0].expression
        assert not isinstance(tree, Table)
        self.variables[key] = variable
        self.formulas[key] = self.formula(tree)

    def opened(self, tree: Expression, owner: Variable) -> Expression:
        """The tree with every call that remembers or is random replaced by a name."""
        if isinstance(tree, Opaque):
            raise ModelError(f"{tree.text} has no scores")
        if isinstance(tree, Call) and tree.function == "active_initial":
            return Call(tree.function, (self.opened(tree.arguments[0], owner), tree.arguments[1]))
        tree = rebuild(tree, lambda part: self.opened(part, owner))
        if not isinstance(tree, Call):
            return tree
        row = FUNCTIONS[tree.function]
        if row.draw is not None:
            *arguments, site = tree.arguments
            drawn = self.hidden(owner, "random", Call("random_0_1", (site,)))
            return row.draw(drawn, *arguments)
        if tree.function == "sample_if_true":
            return self.sample(tree, owner)
        if tree.function == "initial":
            return self.hidden(owner, "initial", tree, follows=False)
        if row.states is not None:
            return self.states(tree, owner)
        return tree

    def name(self, owner: Variable, word: str) -> str:
        place = (owner.name, word)
        self.counts[place] = self.counts.get(place, 0) + 1
        return f"{owner.name}~{word}{self.counts[place]}"

    def hidden(self, owner: Variable, word: str, tree: Expression, *, follows: bool = True) -> Name:
        """A variable of its own for a tree; one that does not follow its inputs has no formula."""
        name = self.name(owner, word)
        own = Auxiliary(name, (Equation(tree),), owner=owner.name)
        if follows and word != "random":
            self.add(own)
        else:
            self.variables[canonical(name)] = own
        return Name(name)

    def pipeline(
        self, owner: Variable, word: str, source: Expression, time: Expression, initial: Any
    ) -> Name:
        if not isinstance(source, Name):
            source = self.hidden(owner, f"{word} input ", source)
        own = self.hidden(owner, word, Call("delay_fixed", (source, time, initial)), follows=False)
        self.pipelines[canonical(own.name)] = Pipeline(canonical(source.name), self.formula(time))
        return own

    def sample(self, call: Call, owner: Variable) -> Name:
        condition, source, _ = call.arguments
        own = self.hidden(owner, "sample", call, follows=False)
        key = canonical(own.name)
        self.samples[key] = key + HELD
        self.formulas[key] = self.formula(Call("if_then_else", (condition, source, Name(self.samples[key]))))
        return own

    def states(self, call: Call, owner: Variable) -> Expression:
        """The output of a call of SMOOTH and its like, whose states become variables."""
        if call.function == "delay_fixed":
            return self.pipeline(owner, "delay fixed", *call.arguments)
        form = FUNCTIONS[call.function].states
        assert form is not None
        arguments = self.with_order(call, owner)
        names: dict[int, Name] = {}

        def own(place: int) -> Name:
            if place not in names:
                names[place] = Name(self.name(owner, call.function))
            return names[place]

        hidden, output = form(arguments, own)
        for place, state in enumerate(hidden):
            self.state(own(place), state, owner)
        return output

    def state(self, name: Name, state: HiddenState, owner: Variable) -> None:
        assert state.rate is not None
        if state.kind == "integral":
            equation = Equation(state.rate, initial=state.initial)
            self.add(Stock(name.name, (equation,), owner=owner.name))
            return
        # what is held becomes its rate at the end of each step: a delay of one step
        source = self.hidden(owner, "held input ", state.rate)
        key = canonical(name.name)
        call = Call("delay_fixed", (source, TIME_STEP, state.initial))
        self.variables[key] = Auxiliary(name.name, (Equation(call),), owner=owner.name)
        self.pipelines[key] = Pipeline(canonical(source.name), TIME_STEP)

    def with_order(self, call: Call, owner: Variable) -> tuple[Expression, ...]:
        """The arguments of a call, the order of a delay lowered until each stage lasts a TIME STEP."""
        if call.function not in CHAINS:
            return call.arguments
        source, time, initial, order = call.arguments
        most = int(self.number(order, "an order of a delay"))
        if call.function != "smooth" and most > 1:
            try:
                lasts, step = (float(evaluate(tree, self.constants)) for tree in (time, TIME_STEP))
                while most > 1 and most * step > lasts:
                    most -= 1
            except SDError:  # it varies, and the delay keeps its order
                self.orders.append((self.formula(time), most, owner.name))
        return source, time, initial, Number(float(most))

    def number(self, tree: Expression, what: str) -> float:
        try:
            return float(evaluate(tree, self.at_start))
        except SDError:
            raise ModelError(f"{what} that is no plain number at the start") from None

    def formula(self, tree: Expression) -> Expression:
        """The tree as a function of present values, for `evaluate`."""
        if isinstance(tree, Call) and tree.function == "active_initial":
            return self.formula(tree.arguments[0])
        if isinstance(tree, Call) and FUNCTIONS[tree.function].kind == "lookup":
            table = tree.arguments[0]
            arguments = [self.formula(part) for part in tree.arguments[1:]]
            return read_specially(tree.function, self.points(table), arguments)
        return rebuild(tree, self.formula)

    def points(self, table: Expression) -> Table:
        variable = self.model.variables.get(canonical(table.name)) if isinstance(table, Name) else None
        if not isinstance(variable, LookupVariable):
            raise ModelError("a lookup that holds no points")
        found = variable.equations[0].expression
        assert isinstance(found, Table)
        return found


def reads_of(tree: Expression) -> list[str]:
    """Canonical names of what a formula reads, each once."""
    return list(dict.fromkeys(canonical(part.name) for part in walk(tree) if isinstance(part, Name)))
