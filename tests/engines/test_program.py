"""Writing a model out as a program."""

from __future__ import annotations

import pickle

import pytest

import sdtheory as sd
from sdtheory.documents import from_bytes
from sdtheory.engines.graph import RUN, STEP, TIME, arguments_of
from sdtheory.engines.program import make_program
from sdtheory.errors import ModelError, NotCompiled, UnknownName
from sdtheory.model.expression import Name, Number
from sdtheory.model.model import Auxiliary, Constant, Dimension, Equation, Model, Stock

CONTROL = "INITIAL TIME=0 ~~| FINAL TIME=4 ~~| TIME STEP=1 ~~| SAVEPER=TIME STEP ~~|"


def mdl(text: str) -> Model:
    return sd.load(from_bytes(f"{{UTF-8}}\n{text}\n{CONTROL}".encode(), format="vensim"))


def operations(program) -> list[str]:
    return [node[0] for node in program.step.nodes]


def test_every_node_stands_after_those_it_reads():
    program = make_program(mdl("x=INTEG(SMOOTH3(b,4)-x/c,b) ~~| b=x*c+Time ~~| c=3 ~~|".replace("b)", "1)")))
    for graph in (program.initial, program.step):
        for place, node in enumerate(graph.nodes):
            assert all(argument < place for argument in arguments_of(node))


def test_constants_are_folded_and_equal_parts_shared():
    program = make_program(mdl("a=2 ~~| b=a*3+1 ~~| x=EXP(Time)+b ~~| y=EXP(Time)*b ~~|"), outputs=["x", "y"])
    assert ("const", 7.0) in program.step.nodes
    assert operations(program).count("exp") == 1


def test_a_parameter_is_not_folded_and_what_it_alone_decides_is_computed_once_a_run():
    model = mdl("a=2 ~~| b=SQRT(a)*3 ~~| x=b*Time ~~| s=INTEG(x-s,0) ~~|")
    program = make_program(model, parameters=["a"], outputs=["b", "x", "s"])
    rate = {name: program.step.rates[node] for name, node in program.outputs.items()}
    assert rate["b"] == RUN and rate["x"] == TIME and rate["s"] == STEP
    clockwork = make_program(model, outputs=["x"])
    assert clockwork.step.rates[clockwork.outputs["x"]] == TIME


def test_what_no_output_needs_is_left_out():
    model = mdl("x=INTEG(1,0) ~~| y=INTEG(EXP(y),0) ~~|")
    program = make_program(model, outputs=["x"])
    assert [state.name for state in program.states] == ["x"] and "exp" not in operations(program)


def test_a_program_survives_being_sent_to_another_process():
    program = make_program(mdl("x=INTEG(a,0) ~~| a=2 ~~| t((0,0),(2,4)) ~~| y=t(x) ~~|"), parameters=["a"])
    assert pickle.loads(pickle.dumps(program)) == program


def test_a_cycle_without_a_stock_names_its_members():
    with pytest.raises(ModelError, match=r"a -> b -> a|b -> a -> b"):
        make_program(mdl("a=b+1 ~~| b=a*2 ~~|"))


def test_a_cycle_of_initial_values_is_named_as_one():
    with pytest.raises(ModelError, match=r"at the start: .*x"):
        make_program(mdl("x=INTEG(1,y) ~~| y=x*2 ~~|"))


def test_active_initial_breaks_a_cycle_of_initial_values():
    frame = sd.simulate(mdl("x=INTEG(1,y) ~~| y=ACTIVE INITIAL(x*2, 5) ~~|"))
    assert list(frame["x"]) == [5, 6, 7, 8, 9] and list(frame["y"]) == [10, 12, 14, 16, 18]


def test_what_only_the_reference_engine_runs_is_named_with_its_variable_and_place():
    model = mdl("x=1 ~~| year=GET TIME VALUE(2,0,1) ~~|")
    with pytest.raises(
        NotCompiled,
        match=r'^"year": GET TIME VALUE of a calendar or a clock is only run by the reference engine \(',
    ):
        make_program(model)
    assert make_program(model, outputs=["x"]).outputs


def test_a_final_time_that_changes_is_refused():
    text = f"{{UTF-8}}\nx=INTEG(1,0) ~~| {CONTROL.replace('FINAL TIME=4', 'FINAL TIME=4+x')}"
    with pytest.raises(NotCompiled, match="FINAL TIME that changes"):
        make_program(sd.load(from_bytes(text.encode(), format="vensim")))


def test_an_unknown_output_or_element_is_an_error_that_suggests_the_nearest():
    model = mdl("city: Rome, Oslo ~~| people[city]=3,1 ~~|")
    with pytest.raises(UnknownName, match="did you mean 'people'"):
        make_program(model, outputs=["peeple"])
    with pytest.raises(UnknownName, match=r"did you mean 'people\[Rome\]'"):
        make_program(model, outputs=["people[Rom]"])


def test_an_enormous_array_is_refused_before_it_is_written_out():
    many = Dimension("d", tuple(f"e{i}" for i in range(300)))
    cube = Constant("cube", (Equation(Number(1.0), ("d", "d", "d")),), ("d", "d", "d"))
    with pytest.raises(NotCompiled, match="27,000,000 cells"):
        make_program(Model("m", {"cube": cube}, dimensions={"d": many}))


def test_a_chain_of_thousands_of_variables_is_no_deep_recursion():
    variables = {"v0": Stock("v0", (Equation(Number(1.0), initial=Number(0.0)),))}
    for i in range(1, 5000):
        variables[f"v{i}"] = Auxiliary(f"v{i}", (Equation(Name(f"v{i - 1}")),))
    program = make_program(Model("m", variables), outputs=["v4999"])
    assert program.step.nodes == (("state", 0), ("const", 1.0))


def test_a_model_of_more_cells_than_are_written_out_goes_to_the_reference_engine_with_a_message():
    model = mdl("d: (d1-d150) ~~| e: (e1-e150) ~~| x[d,e]=1 ~~| y=x[d1,e1]*2 ~~|")
    with pytest.raises(NotCompiled, match=r"'x': an array of 22,500 cells \(limit 20,000\)"):
        make_program(model)
    several = mdl("d: (d1-d150) ~~| e: (e1-e100) ~~| x[d,e]=1 ~~| y[d,e]=x[d,e]*2 ~~|")
    with pytest.raises(NotCompiled, match="the model has more than 20,000 cells"):
        make_program(several)
    assert len(make_program(several, outputs=["y"]).outputs) == 15_000
