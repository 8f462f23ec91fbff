"""The causal graph: which variable acts on which, with what sign, delay and certainty."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import networkx as nx

from sdtheory.errors import SDError, UsageError
from sdtheory.feedback.bounds import bounds
from sdtheory.feedback.elements import WrittenOut, with_tables, written_out
from sdtheory.feedback.polarity import Interval, join, sign, times
from sdtheory.feedback.seen import judge_by_run
from sdtheory.model.expression import Call, Expression, Lookup, Name, Number, Table, children, to_text, walk
from sdtheory.model.functions import FUNCTIONS
from sdtheory.model.model import CONTROLS, Data, Model, Stock, Variable, reads
from sdtheory.names import canonical, unknown

BUILT_IN = frozenset({"time", *(canonical(name) for name in CONTROLS)})
# arguments that act only at the start, by function and position
INITIAL_ARGUMENTS = {
    "smooth": {2, 3},
    "delay": {2, 3},
    "delay_n": {2, 3},
    "delay_fixed": {2},
    "trend": {2},
    "forecast": {3},
    "sample_if_true": {2},
    "initial": {0},
    "integ": {1},
    "active_initial": {1},
}
DELAYS = {
    "smooth": "smooth",
    "trend": "smooth",
    "forecast": "smooth",
    "delay": "delay",
    "delay_n": "delay",
    "delay_fixed": "fixed",
}
# functions whose first argument acts on the present value only through what they remember
REMEMBERING = frozenset({"smooth", "delay", "delay_n", "delay_fixed", "integ"})
BASES = ("proved", "assumed", "run")  # from what is surest
EXPANSIONS = ("elements", "macros")


def causal_graph(model: Model, run: Any = None, *, expand: str | None = None) -> nx.DiGraph:
    """The signed causal graph of a model.

    Parameters
    ----------
    model : Model
    run : pandas.DataFrame, optional
        One run with all variables as columns and time as index. Links whose sign the equations leave open
        get the sign seen along the run; an assumed sign that the run contradicts becomes open.
    expand : str, optional
        ``elements``: a node for each element of an array. ``macros``: also the variables inside of macros.

    Returns
    -------
    networkx.DiGraph
        Nodes are variables as the file spells them, with ``kind``, ``units``, ``documentation``. Edges have
        ``polarity`` (``+``, ``-``, ``?``), ``basis`` (``proved``, ``assumed`` when stocks are taken to keep
        the sign of their initial value, ``run``), ``delay`` (``none``, ``smooth``, ``delay``, ``fixed``),
        ``initial`` (acts only at the start), ``reference`` (a flow into or out of its stock), ``state``
        (passes a function that remembers) and ``element_links`` (how many links between elements it stands
        for). A link whose sign changes along the run also has ``polarity_from``, ``polarity_to`` and
        ``polarity_changes`` (the times as text). The graph has ``name``, ``method``, ``start``, ``stop``,
        ``time_step``, ``save_every``, ``time_units`` and ``time_dependent``: variables that read the time.

    Raises
    ------
    UnknownName
        For another word in `expand`, or when an equation reads a name that no variable has.
    UsageError
        When `run` lacks variables.
    NotCompiled, LimitError
        When elements are asked for and the arrays cannot be written out.

    Examples
    --------
    >>> from sdtheory.model.model import Equation, Flow
    >>> births = Flow("births", (Equation(Name("people")),))
    >>> people = Stock("people", (Equation(Name("births"), initial=Number(1.0)),), inflows=("births",))
    >>> graph = causal_graph(Model("growth", {"births": births, "people": people}))
    >>> [(a, b, data["polarity"]) for a, b, data in graph.edges(data=True)]
    [('births', 'people', '+'), ('people', 'births', '+')]
    """
    if expand not in (None, *EXPANSIONS):
        raise unknown("expansion", str(expand), EXPANSIONS)
    try:
        flat = written_out(model)
    except SDError:
        if expand == "elements":
            raise
        flat = WrittenOut(model, {})  # arrays as they are: signs as far as the equations tell
    graph = _signed_graph(with_tables(flat.model))
    if run is not None:
        _check_columns(model, run)
        judge_by_run(graph, flat, run)
    if expand != "macros":
        _without_hidden(graph, flat.model)
    if expand == "elements":
        return nx.relabel_nodes(graph, dict(flat.labels))
    return _of_variables(graph, flat, model) if flat.labels else graph


def _signed_graph(model: Model) -> nx.DiGraph:
    settings = model.settings
    words = ("start", "stop", "time_step", "save_every")
    shown = {word: _plain(getattr(settings, word)) for word in words}
    graph = nx.DiGraph(
        name=model.name,
        time_dependent=_time_dependent(model),
        method=settings.method,
        time_units=settings.time_units,
        **shown,
    )
    for variable in model:
        if canonical(variable.name) not in BUILT_IN:
            graph.add_node(
                variable.name, kind=variable.kind, units=variable.units, documentation=variable.documentation
            )
    proved, assumed = bounds(model, assume=False), bounds(model, assume=True)
    for variable in model:
        if canonical(variable.name) in BUILT_IN:
            continue
        for source, link in _links(model, variable, proved, assumed):
            graph.add_edge(source, variable.name, **link)
    return graph


def _plain(tree: Expression) -> float | str:
    return tree.value if isinstance(tree, Number) else to_text(tree)


def _of_variables(graph: nx.DiGraph, flat: WrittenOut, model: Model) -> nx.DiGraph:
    """The graph of variables from that of their elements: a link where any elements are linked."""
    found = nx.DiGraph(**graph.graph)
    found.graph["time_dependent"] = list(dict.fromkeys(map(flat.head, graph.graph["time_dependent"])))
    found.add_nodes_from((flat.head(name), data) for name, data in graph.nodes(data=True))
    for source, target, link in graph.edges(data=True):
        ends = flat.head(source), flat.head(target)
        if not found.has_edge(*ends):
            found.add_edge(*ends, **link)
            continue
        other = found.edges[ends]
        count = other["element_links"] + link["element_links"]
        if other["initial"] and not link["initial"]:
            other.update(link)
        elif other["initial"] == link["initial"]:
            _join_elements(other, link)
        other["element_links"] = count
    return found


def _join_elements(link: dict, other: Mapping[str, Any]) -> None:
    """Take the link of other elements into a link between the same variables."""
    for word in ("polarity_from", "polarity_to", "polarity_changes"):
        if link.get(word) != other.get(word):
            link.pop(word, None)
    weaker = max(link["basis"], other["basis"], key=BASES.index)
    link.update(
        polarity=join(link["polarity"], other["polarity"]),
        basis=weaker,
        delay=link["delay"] if link["delay"] != "none" else other["delay"],
        state=link["state"] and other["state"],
    )


def _check_columns(model: Model, run: Any) -> None:
    """Refuse a run that only some variables were kept of."""
    names = list(map(str, run.columns))
    columns = {canonical(name) for name in names} | {canonical(name.partition("[")[0]) for name in names}
    for variable in model:
        varies = variable.kind in ("stock", "flow", "auxiliary") and not variable.owner
        if varies and canonical(variable.name) not in columns:
            raise UsageError(
                f"the run has no column '{variable.name}'", remedy="give a run with every variable"
            )


def _time_dependent(model: Model) -> list[str]:
    def kinds(variable: Variable) -> Iterator[bool]:
        for equation in variable.equations:
            if not isinstance(equation.expression, Table):
                for node in walk(equation.expression):
                    yield isinstance(node, Call) and FUNCTIONS[node.function].kind == "time"

    return [
        variable.name
        for variable in model
        if isinstance(variable, Data)
        or any(canonical(name.name) == "time" for name in reads(variable))
        or any(kinds(variable))
    ]


def _links(
    model: Model, variable: Variable, proved: Mapping[str, Interval], assumed: Mapping[str, Interval]
) -> Iterator[tuple[str, dict]]:
    """The links into a variable, each with its attributes, in the order the equations read them."""
    rates: dict[str, str] = {}
    if isinstance(variable, Stock):
        rates = {canonical(name): "+" for name in variable.inflows}
        for name in variable.outflows:
            rates[canonical(name)] = "" if canonical(name) in rates else "-"
    running: dict[str, list[Expression]] = {}
    starting: dict[str, None] = {}
    delays: dict[str, str] = {}
    states: dict[str, bool] = {}
    for equation in variable.equations:
        if not isinstance(equation.expression, Table):
            for key, only_initial, delay, state in _uses(equation.expression):
                if only_initial:
                    starting[key] = None
                    continue
                trees = running.setdefault(key, [])
                if not trees or trees[-1] is not equation.expression:
                    trees.append(equation.expression)
                if delay:
                    delays[key] = delay
                states[key] = states.get(key, True) and state
        if equation.initial is not None:
            starting.update(dict.fromkeys(use[0] for use in _uses(equation.initial)))
    for key in dict.fromkeys([*running, *starting]):
        if key in BUILT_IN or rates.get(key) == "":
            continue
        source = model[key]
        if key not in running:
            yield source.name, _attributes("?", "proved", initial=True)
        elif key in rates:
            yield source.name, _attributes(rates[key], "proved", reference=True, count=len(running[key]))
        else:
            polarity, basis = _polarity(running[key], key, proved, assumed)
            delay = delays.get(key, "none")
            yield (
                source.name,
                _attributes(polarity, basis, delay, state=states[key], count=len(running[key])),
            )


def _attributes(
    polarity: str,
    basis: str,
    delay: str = "none",
    *,
    initial: bool = False,
    reference: bool = False,
    state: bool = False,
    count: int = 1,
) -> dict:
    return {
        "polarity": polarity,
        "basis": basis,
        "delay": delay,
        "initial": initial,
        "reference": reference,
        "state": state,
        "element_links": count,
    }


def _uses(tree: Expression) -> Iterator[tuple[str, bool, str, bool]]:
    """Every reference: canonical name, acts only at the start, delay on the way, only acts through a state."""
    stack: list[tuple[Expression, bool, str, bool]] = [(tree, False, "", False)]
    while stack:
        node, only_initial, delay, state = stack.pop()
        if isinstance(node, Name):
            yield canonical(node.name), only_initial, delay, state
        elif isinstance(node, Lookup):
            stack.append((node.argument, only_initial, delay, state))  # the table itself is no cause
        elif isinstance(node, Call):
            at_start = INITIAL_ARGUMENTS.get(node.function, set())
            mark = DELAYS.get(node.function, "")
            first = 1 if FUNCTIONS[node.function].kind == "lookup" else 0
            for place in range(len(node.arguments) - 1, first - 1, -1):
                inner = (mark if place == 0 else "") or delay
                held = state or _through_state(node, place)
                stack.append((node.arguments[place], only_initial or place in at_start, inner, held))
        else:
            stack.extend((part, only_initial, delay, state) for part in reversed(children(node)))


def _through_state(call: Call, place: int) -> bool:
    """Whether an argument acts on the present value only through the function's memory."""
    return call.function in REMEMBERING and (place == 0 or call.function == "smooth")


def _polarity(
    trees: list[Expression], key: str, proved: Mapping[str, Interval], assumed: Mapping[str, Interval]
) -> tuple[str, str]:
    """The sign of a link and what it rests on; an effect that cancels is none that a drawing could show."""
    for known, basis in ((proved, "proved"), (assumed, "assumed")):
        found = join(*(sign(tree, key, known) for tree in trees))
        if found in "+-":
            return found, basis
    return "?", "proved"


def _without_hidden(graph: nx.DiGraph, model: Model) -> None:
    """Join the links that pass through variables of an expanded macro, so that only declared ones stay."""
    for variable in model:
        if not variable.owner or variable.name not in graph:
            continue
        name, holds = variable.name, isinstance(variable, Stock)
        for source, _, first in list(graph.in_edges(name, data=True)):
            for _, target, second in list(graph.out_edges(name, data=True)):
                if name not in (source, target):
                    _join_link(graph, source, target, first, second, holds)
        graph.remove_node(name)


def _join_link(graph: nx.DiGraph, source: str, target: str, first: dict, second: dict, holds: bool) -> None:
    polarity = times(first["polarity"], second["polarity"])
    link = _attributes(
        polarity,
        "assumed" if "assumed" in (first["basis"], second["basis"]) else first["basis"],
        first["delay"] if first["delay"] != "none" else second["delay"],
        initial=first["initial"] or second["initial"],
        state=first["state"] or second["state"] or holds,
    )
    if graph.has_edge(source, target):
        other = graph.edges[source, target]
        if other["initial"] == link["initial"]:
            link["polarity"] = join(other["polarity"], polarity)
            link["state"] = other["state"] and link["state"]
        elif not other["initial"]:
            return
    graph.add_edge(source, target, **link)
