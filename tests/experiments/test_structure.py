"""Policies that give other equations or change what the model is made of."""

import numpy as np
import pytest

import sdtheory as sd
from sdtheory.errors import ExperimentError, SDWarning
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.metric import Metric
from sdtheory.experiments.policy import Amount, EquationChange, LookupChange, Policy, Step, apply, faults
from sdtheory.experiments.structure import (
    AddAuxiliary,
    AddFlow,
    AddStock,
    Remove,
    Rename,
    SetUnits,
    restructured,
)
from sdtheory.experiments.uncertainty import Uncertainty
from sdtheory.model.expression import Name

ARRAYS = b"""{UTF-8}
Region: north, south ~~|
level[Region] = INTEG(inflow[Region], 1) ~~|
inflow[Region] = pace[Region] ~~|
pace[north] = 1 ~~|
pace[south] = 2 ~~|
total = SUM(level[Region!]) ~~|
INITIAL TIME = 0 ~~|
FINAL TIME = 4 ~~|
TIME STEP = 1 ~~|
SAVEPER = TIME STEP ~~|
"""


@pytest.fixture(scope="module", params=["xmile", "mdl"])
def model(request):
    return sd.load(f"models/m1_delays.{request.param}")


def _same_runs(one, other, names=None):
    mine, theirs = sd.simulate(one), sd.simulate(other)
    for name in names or mine.columns:
        np.testing.assert_allclose(mine[name], theirs[name], rtol=1e-12, err_msg=name)


def _document(model):
    return sd.read(f"models/{model.file}")


def test_an_equation_of_a_policy_is_the_equation_written_into_the_file(model):
    xmile = model.file.endswith("xmile")
    text = "0.1 * understanding_gap / capability" if xmile else "0.1 * understanding gap / capability"
    mine = apply(Policy("p", changes=(EquationChange("theorist boost", text),)), model)
    _same_runs(mine, sd.load(_document(model).set_equation("theorist boost", text)))


@pytest.mark.parametrize(
    "text",
    [
        "IF THEN ELSE(Time > 5, 0.5 * understanding gap, 0)",
        "IF TIME > 5 THEN 0.5 * understanding_gap ELSE 0",
    ],
)
def test_an_equation_may_be_in_the_language_of_either_format(model, text):
    changed = apply(Policy("p", changes=(EquationChange("theorist boost", text),)), model)
    run = sd.simulate(changed, outputs=["theorist boost", "understanding gap"])
    late = run[run.index > 5.0]
    assert (run["theorist boost"][run.index <= 5.0] == 0).all()
    np.testing.assert_allclose(late["theorist boost"], 0.5 * late["understanding gap"])


def test_structure_changed_by_a_policy_is_structure_edited_in_the_file(model):
    policy = Policy(
        "p",
        changes=(EquationChange("theorist boost", "0.01 * reports"),),
        structure=(
            AddAuxiliary("audit share", 0.1, "Dmnl"),
            AddStock("reports", 2.0),
            AddFlow("reporting", '"audit share" * capability', target="reports"),
            AddFlow("forgetting", "reports / 4", source="reports"),
            Rename("researchers", "people in research"),
        ),
    )
    document = (
        _document(model)
        .add_auxiliary("audit share", 0.1, "Dmnl")
        .add_stock("reports", 2.0)
        .add_flow("reporting", '"audit share" * capability', target="reports")
        .add_flow("forgetting", "reports / 4", source="reports")
        .rename("researchers", "people in research")
        .set_equation("theorist boost", "0.01 * reports")
    )
    mine, edited = apply(policy, model), sd.load(document)
    assert set(mine.names()) == set(edited.names())
    assert (mine["reports"].inflows, mine["reports"].outflows) == (("reporting",), ("forgetting",))
    _same_runs(mine, edited, edited.names())


def test_a_flow_that_is_removed_leaves_the_rates_of_its_stocks(model):
    added = (AddStock("reports", 2.0), AddFlow("reporting", 3.0, target="reports"))
    more = (AddFlow("forgetting", 1.0, source="reports"), Remove("reporting"))
    run = sd.simulate(restructured(model, (*added, *more)), outputs=["reports"])["reports"]
    np.testing.assert_allclose(run, 2.0 - (run.index - run.index[0]), atol=1e-9)
    none = restructured(model, (*added, Remove("reporting")))
    assert (sd.simulate(none, outputs=["reports"])["reports"] == 2.0).all()


def test_a_flow_between_two_stocks_takes_from_one_what_it_gives_the_other(model):
    structure = (
        AddStock("full", 10.0),
        AddStock("empty", 0.0),
        AddFlow("pouring", 0.25, source="full", target="empty"),
    )
    run = sd.simulate(restructured(model, structure), outputs=["full", "empty"])
    np.testing.assert_allclose(run["full"] + run["empty"], 10.0)
    assert run["empty"].iloc[-1] > 0


def test_an_equation_may_read_what_a_later_change_adds(model):
    changed = restructured(model, (AddAuxiliary("a", "2 * b"), AddAuxiliary("b", 3.0)))
    assert (sd.simulate(changed, outputs=["a"])["a"] == 6.0).all()


def test_units_that_are_set_are_those_of_the_variable(model):
    assert restructured(model, (SetUnits("Capability", "Mile"),))["capability"].units == "Mile"


def test_an_equation_of_one_cell_leaves_the_others():
    from sdtheory.documents import from_bytes

    model = sd.load(from_bytes(ARRAYS))
    one = apply(Policy("p", changes=(EquationChange("pace[south]", "total * 0.5"),)), model)
    run = sd.simulate(one)
    assert run["pace[north]"].tolist() == [1.0] * 5
    np.testing.assert_allclose(run["pace[south]"], run["total"] / 2)
    whole = apply(
        Policy("p", changes=(EquationChange("pace", "0.1 * level[Region] + SUM(level[Region!])"),)), model
    )
    run = sd.simulate(whole)
    np.testing.assert_allclose(run["pace[north]"], 0.1 * run["level[north]"] + run["total"])


def test_cells_that_would_need_each_other_are_a_loop_too():
    from sdtheory.documents import from_bytes

    found = faults(
        Policy("p", changes=(EquationChange("pace", "inflow[Region]"),)), sd.load(from_bytes(ARRAYS))
    )
    assert found == ["policy 'p': variables need each other: inflow[north] -> pace[north] -> inflow[north]"]


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (
            Policy("p", changes=(EquationChange("theorist boost", "2 * theorist_boost"),)),
            "loop without a stock: theorist boost -> theorist boost",
        ),
        (
            Policy("p", changes=(EquationChange("theorist boost", "2 * understandng"),)),
            "unknown variable 'understandng'; did you mean 'understanding'?",
        ),
        (
            Policy("p", changes=(EquationChange("understanding gap", "capability - researchers"),)),
            "'researchers' is Person, but Doubling is wanted",
        ),
        (
            Policy("p", changes=(EquationChange("theorist boost", "2 * ("),)),
            "cannot read the equation '2 * ('",
        ),
        (Policy("p", changes=(EquationChange("theorist boost", "1 ~~| x = 2"),)), "cannot read"),
        (Policy("p", changes=(EquationChange("capability", "1"),)), "a stock changes only through its flows"),
        (
            Policy("p", changes=(EquationChange("theorist boost", "GET XLS DATA('/a.xls', 'b', 'c', 'd')"),)),
            "a.xls",
        ),
        (Policy("p", structure=(Remove("researchers"),)), "reads 'researchers', which is no more"),
        (Policy("p", structure=(Remove("reserchers"),)), "did you mean 'researchers'?"),
        (Policy("p", structure=(AddAuxiliary("capability", 1.0),)), "there is a 'capability' already"),
        (Policy("p", structure=(Rename("capability", "understanding"),)), "there is a 'understanding'"),
        (Policy("p", structure=(AddFlow("f", 1.0, target="researchers"),)), "no stock"),
        (Policy("p", structure=(AddStock("s", "INTEG(1, 2)"),)), "the equation 'INTEG(1, 2)'"),
        (Policy("p", structure=(Remove("TIME STEP"),)), "belongs to the settings"),
    ],
)
def test_a_policy_that_makes_no_model_says_why(model, policy, message):
    found = faults(policy, model)
    assert len(found) == 1
    assert message in found[0]
    with pytest.raises(ExperimentError, match="policy 'p': "):
        apply(policy, model)


def test_a_graph_that_may_not_be_left_makes_the_run_diverge(model):
    change = LookupChange("theorist boost", ((0.0, 0.0), (5.0, 1.0)), outside="error")
    changed = apply(Policy("p", changes=(change,)), model)
    run = sd.simulate_many(changed, {"researchers": [20000.0]}, outputs=["understanding"])
    assert run["status"].item() == "diverged"
    assert '"theorist boost"' in run["message"].item()


@pytest.fixture(scope="module")
def experiment():
    structure = (
        AddStock("reports", 2.0),
        AddFlow("reporting", "0.1 * search_leverage", target="reports"),
        Rename("initial understood share", "share at start"),
    )
    return Experiment(
        policies=(
            Policy(
                "reports", changes=(EquationChange("theorist boost", "0.01 * reports"),), structure=structure
            ),
            Policy("removed", structure=(Remove("unused"),)),
            Policy("nothing", structure=(AddAuxiliary("audit", "2 * understanding"),)),
            Policy("boost", changes=(Step("theorist boost", Amount("to", 0.1), 3.0),)),
        ),
        baseline=Policy("baseline"),
        metrics=(Metric("gap", Name("understanding gap"), "final", better="lower"),),
        uncertainties=(
            Uncertainty("search leverage", "uniform", {"low": 0.5, "high": 4.0}),
            Uncertainty("initial understood share", "uniform", {"low": 0.1, "high": 0.5}),
            Uncertainty("unused", "uniform", {"low": 0.1, "high": 1.5}),
        ),
        runs=16,
    )


def _with_unused(model):
    return restructured(model, (AddAuxiliary("unused", 1.0),))


def test_policies_of_any_structure_meet_the_same_futures(model, experiment):
    model = _with_unused(model)
    with pytest.warns(SDWarning, match="policy 'nothing' adds 'audit', which no metric depends on"):
        comparison = sd.compare(model, experiment)
    assert (comparison.status == "ok").all()
    for policy in ("removed", "nothing"):
        difference, verdict = comparison.paired(policy, "gap")
        assert (difference == 0).all() and (verdict == 0).all()
    assert (comparison.paired("reports", "gap")[0] != 0).all()


@pytest.mark.filterwarnings("ignore:policy 'nothing' adds")
def test_a_policy_of_another_structure_is_kept_and_resumed(model, experiment, tmp_path):
    model = _with_unused(model)
    plain = sd.compare(model, experiment)
    sd.compare(model, experiment, store=tmp_path / "kept", isolate=True, chunk=8, jobs=2)
    again = sd.compare(model, experiment, store=tmp_path / "kept", resume=True, chunk=8)
    np.testing.assert_array_equal(again.values["gap"], plain.values["gap"])


@pytest.mark.parametrize(
    ("sampled", "given", "north", "south"),
    [
        ("pace", "pace[north]", False, True),
        ("pace[north]", "pace[north]", False, False),
        ("pace[south]", "pace[north]", False, True),
        ("pace[south]", "pace", False, False),
        ("pace[south]", "pace[Region]", False, False),
    ],
)
def test_what_a_policy_sets_takes_the_place_of_what_is_sampled(sampled, given, north, south):
    from sdtheory.documents import from_bytes

    experiment = Experiment(
        policies=(Policy("p", set={given: 7.0}),),
        metrics=tuple(Metric(cell, Name("pace", (cell,)), "final") for cell in ("north", "south")),
        uncertainties=(Uncertainty(sampled, "uniform", {"low": 1.0, "high": 2.0}),),
        runs=4,
    )
    values = sd.compare(sd.load(from_bytes(ARRAYS)), experiment).values
    varies = {cell: len(set(values[cell][1])) > 1 for cell in values}
    assert varies == {"north": north, "south": south}
    assert (values["north"][1] == 7.0).all()
