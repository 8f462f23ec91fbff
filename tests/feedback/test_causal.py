"""The causal graph: links, signs, and what they rest on."""

import pytest

import sdtheory as sd
from sdtheory.model.expression import Binary, Call, Name, Number
from sdtheory.model.model import Auxiliary, Constant, Equation, Flow, Model, Stock


def _model(*variables):
    return Model("m", {variable.name: variable for variable in variables})


def _drained():
    return _model(
        Stock("level", (Equation(Name("outflow"), initial=Number(5.0)),), outflows=("outflow",)),
        Flow("outflow", (Equation(Binary("*", Name("level"), Name("share"))),)),
        Constant("share", (Equation(Number(0.1)),)),
    )


def test_an_outflow_lowers_its_stock():
    link = sd.causal_graph(_drained()).edges["outflow", "level"]
    assert (link["polarity"], link["basis"], link["reference"]) == ("-", "proved", True)


def test_a_sign_that_rests_on_a_stock_keeping_its_sign_says_so():
    graph = sd.causal_graph(_drained())
    assert (graph.edges["level", "outflow"]["polarity"], graph.edges["level", "outflow"]["basis"]) == (
        "+",
        "proved",
    )
    assert (graph.edges["share", "outflow"]["polarity"], graph.edges["share", "outflow"]["basis"]) == (
        "+",
        "assumed",
    )


def test_an_initial_value_is_a_link_that_acts_only_at_the_start():
    model = _model(
        Stock("level", (Equation(Name("inflow"), initial=Name("start")),), inflows=("inflow",)),
        Flow("inflow", (Equation(Number(1.0)),)),
        Constant("start", (Equation(Number(2.0)),)),
    )
    assert sd.causal_graph(model).edges["start", "level"]["initial"]


def test_a_delay_on_the_way_marks_the_link():
    smoothed = Call("smooth", (Name("x"), Name("time constant"), Name("x"), Number(1.0)))
    model = _model(
        Constant("x", (Equation(Number(2.0)),)),
        Constant("time constant", (Equation(Number(3.0)),)),
        Auxiliary("seen", (Equation(smoothed),)),
    )
    graph = sd.causal_graph(model)
    assert (graph.edges["x", "seen"]["delay"], graph.edges["x", "seen"]["polarity"]) == ("smooth", "+")
    assert graph.edges["time constant", "seen"]["delay"] == "none"


def test_a_run_settles_a_sign_that_the_equation_leaves_open():
    model = _model(
        Stock("level", (Equation(Name("inflow"), initial=Number(1.0)),), inflows=("inflow",)),
        Flow("inflow", (Equation(Number(1.0)),)),
        Auxiliary("curve", (Equation(Binary("*", Name("level"), Binary("-", Number(1e4), Name("level")))),)),
    )
    assert sd.causal_graph(model).edges["level", "curve"]["polarity"] == "?"
    link = sd.causal_graph(model, run=sd.simulate(model)).edges["level", "curve"]
    assert (link["polarity"], link["basis"]) == ("+", "run")


@pytest.mark.parametrize("stem", ["m0_seed", "m1_delays"])
def test_both_formats_give_the_same_signed_links(stem):
    links = [
        {
            (source, target, link["polarity"], link["initial"])
            for source, target, link in sd.causal_graph(sd.load(f"models/{stem}.{suffix}")).edges(data=True)
        }
        for suffix in ("mdl", "xmile")
    ]
    assert links[0] == links[1]
