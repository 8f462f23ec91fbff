"""Small models made by hypothesis: stocks with flows, auxiliaries that read what stands before them, constants."""

from __future__ import annotations

from hypothesis import strategies as st

from sdtheory.model.expression import Binary, Call, Lookup, Name, Number, Table, Unary
from sdtheory.model.model import Auxiliary, Constant, Equation, Flow, Model, SimulationSettings, Stock

TABLES = (
    Table((0.0, 1.0, 2.0), (0.0, 1.0, 1.5)),
    Table((-1.0, 0.5, 3.0), (2.0, 1.0, 0.5)),
    Table((-2.0, 0.0, 2.0), (1.0, -1.0, 1.0)),
)
numbers = st.sampled_from([-1.0, 0.25, 0.5, 1.0, 2.0]).map(Number)


def expressions(names, *, delays=False):
    """Expressions over some names, which stay finite where their parts are."""
    leaves = st.one_of(st.sampled_from(names).map(Name), st.sampled_from(names).map(Name), numbers)

    def larger(parts):
        forms = [
            st.builds(Binary, st.sampled_from(["+", "-", "*"]), parts, parts),
            st.builds(lambda a, b: Binary("/", a, Call("max", (b, Number(0.5)))), parts, parts),
            st.builds(lambda a: Unary("-", a), parts),
            st.builds(
                lambda key, a: Call(key, (a,)), st.sampled_from(["tanh", "arctan", "abs", "sin"]), parts
            ),
            st.builds(lambda key, a, b: Call(key, (a, b)), st.sampled_from(["min", "max"]), parts, parts),
            st.builds(
                lambda a, b, c, d: Call("if_then_else", (Binary(">", a, b), c, d)), parts, parts, parts, parts
            ),
            st.builds(Lookup, st.sampled_from(TABLES), parts),
        ]
        if delays:
            forms.append(
                st.builds(
                    lambda key, a, order: Call(key, (a, Number(2.0), a, Number(order))),
                    st.sampled_from(["smooth", "delay"]),
                    parts,
                    st.sampled_from([1.0, 3.0]),
                )
            )
        return st.one_of(*forms)

    return st.recursive(leaves, larger, max_leaves=5)


@st.composite
def models(draw, *, delays=False):
    """A model that runs from 0 to 10 by steps of a quarter; rates are bounded, so that it stays finite."""
    stocks = [f"stock {number}" for number in range(draw(st.integers(1, 3)))]
    constants = [f"constant {number}" for number in range(draw(st.integers(0, 2)))]
    variables = {}
    known = [*stocks, *constants]
    for name in constants:
        variables[name] = Constant(name, (Equation(draw(numbers)),))
    for number in range(draw(st.integers(0, 4))):
        name = f"auxiliary {number}"
        tree = draw(expressions(known, delays=delays))
        variables[name] = Auxiliary(name, (Equation(tree),))
        known.append(name)
    for number, name in enumerate(stocks):
        inflow, outflow = f"inflow {number}", f"outflow {number}"
        for flow in (inflow, outflow):
            tree = Call("tanh", (draw(expressions(known, delays=delays)),))
            variables[flow] = Flow(flow, (Equation(tree),))
        net = Binary("-", Name(inflow), Name(outflow))
        start = draw(st.sampled_from([0.0, 0.5, 1.0, 2.0]))
        variables[name] = Stock(
            name, (Equation(net, initial=Number(start)),), inflows=(inflow,), outflows=(outflow,)
        )
    settings = SimulationSettings(
        stop=Number(10.0), time_step=Number(0.25), save_every=Number(0.25), method="euler"
    )
    return Model("generated", variables, settings)
