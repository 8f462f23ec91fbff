"""The causal graph: links, signs, and what they rest on."""

import pytest

import sdtheory as sd
from sdtheory.errors import UnknownName, UsageError
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


def test_a_sign_that_changes_along_a_run_says_from_what_to_what_and_when():
    peak = Binary("*", Name("level"), Binary("-", Number(10.0), Name("level")))
    model = _model(
        Stock("level", (Equation(Name("inflow"), initial=Number(1.0)),), inflows=("inflow",)),
        Flow("inflow", (Equation(Number(0.1)),)),
        Auxiliary("curve", (Equation(peak),)),
    )
    link = sd.causal_graph(model, run=sd.simulate(model)).edges["level", "curve"]
    assert (link["polarity"], link["basis"]) == ("?", "run")
    assert (link["polarity_from"], link["polarity_to"]) == ("+", "-")
    (moment,) = map(float, link["polarity_changes"].split(","))
    assert moment == pytest.approx(40.0, abs=2.0)  # where the level is 5


def test_a_run_against_an_assumed_sign_leaves_it_open():
    model = _model(
        Stock("level", (Equation(Name("outflow"), initial=Number(5.0)),), outflows=("outflow",)),
        Flow("outflow", (Equation(Number(0.2)),)),
        Auxiliary("power", (Equation(Binary("*", Name("level"), Name("level"))),)),
    )
    falling = Binary("-", Number(0.0), Name("outflow"))
    variables = {
        **model.variables,
        "level": Stock("level", (Equation(falling, initial=Number(5.0)),), outflows=("outflow",)),
    }
    model = Model("m", variables)
    before = sd.causal_graph(model).edges["level", "power"]
    assert (before["polarity"], before["basis"]) == ("+", "assumed")
    after = sd.causal_graph(model, run=sd.simulate(model)).edges["level", "power"]
    assert (after["polarity"], after["basis"]) == ("?", "run")


def test_a_run_without_every_variable_is_refused():
    model = sd.load("models/m0_seed.xmile")
    with pytest.raises(UsageError, match="no column 'understanding'"):
        sd.causal_graph(model, run=sd.simulate(model, outputs=["capability"]))


@pytest.mark.parametrize(("taken", "polarity"), [(Name("level"), "+"), (Number(1.0), "?")])
def test_a_stock_that_starts_empty_stays_above_only_when_it_drains_itself(taken, polarity):
    net = Binary("-", Name("inflow"), Name("outflow"))
    model = _model(
        Stock("level", (Equation(net, initial=Number(0.0)),), inflows=("inflow",), outflows=("outflow",)),
        Flow("inflow", (Equation(Number(1.0)),)),
        Flow("outflow", (Equation(Binary("*", taken, Number(0.5))),)),
        Auxiliary("square", (Equation(Binary("*", Name("level"), Name("level"))),)),
    )
    assert sd.causal_graph(model).edges["level", "square"]["polarity"] == polarity


def test_a_quotient_that_is_safe_at_zero_has_the_signs_of_the_quotient():
    safe = Call("zidz", (Name("a"), Name("b")))
    model = _model(
        Constant("a", (Equation(Number(2.0)),)),
        Constant("b", (Equation(Number(3.0)),)),
        Auxiliary("ratio", (Equation(safe),)),
    )
    graph = sd.causal_graph(model)
    assert (graph.edges["a", "ratio"]["polarity"], graph.edges["b", "ratio"]["polarity"]) == ("+", "-")


def test_a_name_that_no_variable_has_makes_no_graph():
    model = _model(Auxiliary("a", (Equation(Name("bb")),)), Constant("b", (Equation(Number(1.0)),)))
    with pytest.raises(UnknownName, match="unknown variable 'bb'"):
        sd.causal_graph(model)


def test_variables_inside_a_macro_are_nodes_only_when_asked_for(tmp_path):
    path = tmp_path / "macro.mdl"
    path.write_text(
        "{UTF-8}\n:MACRO: SEEN(x, lag)\nSEEN = INTEG((x - SEEN) / lag, x) ~~|\n:END OF MACRO:\n"
        "level = INTEG(2 - view, 1) ~~|\nview = 0.1 * SEEN(level, 3) ~~|\n"
        "INITIAL TIME = 0 ~~|\nFINAL TIME = 10 ~~|\nTIME STEP = 0.5 ~~|\nSAVEPER = 1 ~~|\n",
        encoding="utf-8",
    )
    model = sd.load(path)
    outside, inside = sd.causal_graph(model), sd.causal_graph(model, expand="macros")
    assert set(outside) == {"level", "view"}
    assert len(inside) > 2
    assert outside.edges["level", "view"]["state"]
    assert [loop.polarity for loop in sd.find_loops(model)] == ["B"]
    dominance = sd.loop_dominance(model)
    assert (dominance["B1"].abs().iloc[3:] == 1).all()


def test_no_attribute_of_the_graph_is_none():
    graph = sd.causal_graph(sd.load("models/m1_delays.xmile"))
    assert graph.graph["time_step"] == 0.0625
    everything = [
        graph.graph,
        *dict(graph.nodes(data=True)).values(),
        *(data for *_, data in graph.edges(data=True)),
    ]
    assert all(value is not None for attributes in everything for value in attributes.values())


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
