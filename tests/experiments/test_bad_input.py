"""What is wrong with an experiment is told before anything runs, each fault with its line: one row for each."""

import pytest

import sdtheory as sd
from sdtheory.errors import ExperimentError, SDError, SDWarning
from sdtheory.experiments.experiment import Experiment

METRIC = '[[metric]]\nname = "gap"\nvariable = "understanding gap"\nbetter = "lower"\n'
BOOST = '[[policy]]\nname = "boost"\n'
CHANGE = BOOST + '[[policy.change]]\nvariable = "theorist boost"\n'
METRIC_OF = '[[metric]]\nname = "m"\nvariable = "capability"\n'
UNIFORM = 'distribution = "uniform", low = 0.5, high = 2.0'

# text, line of the fault, message; the model has a run from 0 to 42 in steps of 0.0625
ERRORS = {
    "unknown variable": (
        BOOST + 'set = { "theorst boost" = 0.5 }\n',
        3,
        "unknown variable 'theorst boost'; did you mean 'theorist boost'?",
    ),
    "unknown included policy": (
        BOOST + '[[policy]]\nname = "x"\ninclude = ["bost"]\n',
        5,
        "unknown policy 'bost'; did you mean 'boost'?",
    ),
    "unknown policy of a factorial": (
        BOOST + '[factorial]\npolicies = ["bost"]\n',
        4,
        "unknown policy 'bost'; did you mean 'boost'?",
    ),
    "unknown metric in an expression": (
        METRIC + '[[metric]]\nname = "twice"\nexpression = "2 * gp"\n',
        7,
        "unknown metric 'gp'; did you mean 'gap'?",
    ),
    "unknown distribution": (
        '[uncertainty]\n"search leverage" = { distribution = "unifrom", low = 0.0, high = 1.0 }\n',
        2,
        "unknown distribution 'unifrom'; did you mean 'uniform'?",
    ),
    "unknown key": (
        '[uncertainty]\n"search leverage" = { distribution = "uniform", low = 0.0, hgih = 1.0 }\n',
        2,
        "unknown key 'hgih' in 'search leverage'; did you mean 'high'?",
    ),
    "key in the wrong place": ("runs = 8\n", 1, "unknown key 'runs' in the experiment"),
    "unknown kind of structure": (
        BOOST + '[[policy.structure]]\nadd_auxilary = { name = "x", equation = 1 }\n',
        4,
        "unknown key 'add_auxilary' in policy 'boost'; did you mean 'add_auxiliary'?",
    ),
    "structure without what it needs": (
        BOOST + '[[policy.structure]]\nadd_stock = { name = "x" }\n',
        4,
        "policy 'boost': 'add_stock' needs 'initial'",
    ),
    "not TOML": ("[sampling\n", 1, "not TOML"),
    "low above high": (
        '[uncertainty]\n"search leverage" = { distribution = "uniform", low = 2.0, high = 1.0 }\n',
        2,
        "'search leverage': low 2 is not below high 1",
    ),
    "no spread": (
        '[uncertainty]\n"search leverage" = { distribution = "normal", mean = 2.0, sd = 0.0 }\n',
        2,
        "'search leverage': sd must be above 0",
    ),
    "weights": (
        '[uncertainty]\n"search leverage" = { distribution = "discrete", values = [1, 2], weights = [0, 0] }\n',
        2,
        "'search leverage': as many weights as values, none negative, not all zero",
    ),
    "mode outside": (
        '[uncertainty]\n"search leverage" = { distribution = "triangular", low = 1, mode = 3, high = 2 }\n',
        2,
        "'search leverage': mode must lie between low and high",
    ),
    "quantile below the median": (
        '[uncertainty]\n"search leverage" = { distribution = "lognormal", median = 2.0, p95 = 1.0 }\n',
        2,
        "'search leverage': p95 must lie above the median",
    ),
    "dirichlet of a scalar": (
        '[uncertainty]\n"search leverage" = { distribution = "dirichlet", concentration = [1, 2] }\n',
        2,
        "'search leverage': a dirichlet needs an array variable",
    ),
    "initial value of a constant": (
        f'[uncertainty]\n"search leverage" = {{ {UNIFORM}, initial = true }}\n',
        2,
        "'search leverage' is a constant and has no initial value",
    ),
    "sampled variable that is computed": (
        f'[uncertainty]\n"understanding gap" = {{ {UNIFORM} }}\n',
        2,
        "'understanding gap' is computed; only constants and initial values are sampled",
    ),
    "observations without a file": (
        '[uncertainty]\n"search leverage" = { distribution = "empirical", file = "none.csv", column = "a" }\n',
        2,
        "'none.csv': cannot be read: no such file",
    ),
    "observations outside of the folder": (
        '[uncertainty]\n"search leverage" = { distribution = "empirical", file = "../x.csv", column = "a" }\n',
        2,
        "'../x.csv' lies outside the experiment's folder",
    ),
    "correlation beyond 1": (
        f'[uncertainty]\n"search leverage" = {{ {UNIFORM} }}\n[correlation]\n'
        'pairs = [["search leverage", "search leverage", 1.5]]\n',
        4,
        "a correlation is [name, name, number between -1 and 1]",
    ),
    "correlation of an unknown name": (
        f'[uncertainty]\n"search leverage" = {{ {UNIFORM} }}\n[correlation]\n'
        'pairs = [["search leverage", "serch leverage", 0.5]]\n',
        4,
        "unknown uncertainty 'serch leverage'; did you mean 'search leverage'?",
    ),
    "two policies of one name": (BOOST + BOOST, 2, "there are two policies named 'boost'"),
    "two metrics of one name": (METRIC + METRIC, 2, "there are two metrics named 'gap'"),
    "a policy named as the baseline": (
        '[[policy]]\nname = "Baseline"\n',
        2,
        "there are two policies named 'Baseline'",
    ),
    "time of a metric outside the run": (
        METRIC_OF + "at = 50.0\n",
        4,
        "metric 'm': 50 lies outside the run, 0 to 42",
    ),
    "window outside the run": (
        METRIC_OF + "between = [-2.0, 3.0]\n",
        4,
        "metric 'm': -2 lies outside the run, 0 to 42",
    ),
    "time of a level outside the run": (
        METRIC_OF + 'time_above = { policy = "baseline", variable = "capability", at = 43.0 }\n',
        4,
        "metric 'm': 43 lies outside the run, 0 to 42",
    ),
    "level of an unknown policy": (
        METRIC_OF + 'time_above = { policy = "bost", variable = "capability", at = 3.0 }\n' + BOOST,
        4,
        "unknown policy 'bost'; did you mean 'boost'?",
    ),
    "circle of metrics": (
        '[[metric]]\nname = "a"\nexpression = "b + 1"\n[[metric]]\nname = "b"\nexpression = "2 * a"\n',
        2,
        "metrics need each other: a -> b -> a",
    ),
    "circle of derived quantities": (
        '[derived]\n"search leverage" = "2 * theorist_boost"\n"theorist boost" = "search_leverage"\n',
        2,
        "derived quantities need each other: search leverage -> theorist boost -> search leverage",
    ),
    "derived from a variable that changes": (
        '[derived]\n"search leverage" = "2 * capability"\n',
        2,
        "the formula of 'search leverage' reads 'capability', which is no constant",
    ),
    "a quantity sampled and derived": (
        f'[uncertainty]\n"search leverage" = {{ {UNIFORM} }}\n[derived]\n"search leverage" = "2"\n',
        4,
        "'search leverage' is sampled and derived",
    ),
    "two ways to measure": (
        METRIC_OF + 'at = 3.0\nstatistic = "final"\n',
        5,
        "metric 'm': only one of at, statistic can be measured",
    ),
    "a moment of no variable": (
        METRIC_OF + "when = { reaches = 2.0 }\n",
        4,
        "metric 'm': 'when' needs the variable that reaches a level",
    ),
    "a key that means nothing": (
        METRIC_OF + "at = 3.0\nbetween = [1.0, 2.0]\n",
        5,
        "metric 'm': 'between' means nothing beside 'at'",
    ),
    "a value at the stop that is no time": (
        METRIC_OF + 'statistic = "final"\ncensored = "at_stop"\n',
        5,
        "metric 'm': \"at_stop\" is only for first_crossing",
    ),
    "no runs": ("[sampling]\nruns = 0\n", 2, "runs = 0: give a whole number of 1 or more"),
    "negative seed": ("[sampling]\nseed = -1\n", 2, "seed = -1: give a whole number of 0 or more"),
    "a grid that is too large": (
        "[uncertainty]\n"
        + "".join(f'"u{i}" = {{ {UNIFORM}, free = true }}\n' for i in range(8))
        + '[sampling]\nmethod = "grid"\nlevels = 10\n',
        12,
        "the grid has 100,000,000 points; the limit is 10,000,000",
    ),
    "levels without a grid": ("[sampling]\nlevels = 5\n", 2, "[sampling]: 'levels' is only for method \"grid\""),
    "futures without a file": (
        '[sampling]\nmethod = "file"\npath = "none.csv"\n',
        3,
        "'none.csv': cannot be read: no such file",
    ),
    "correlations of a grid": (
        f'[uncertainty]\na = {{ {UNIFORM}, free = true }}\nb = {{ {UNIFORM}, free = true }}\n'
        '[correlation]\npairs = [["a", "b", 0.5]]\n[sampling]\nmethod = "grid"\n',
        5,
        "correlations mean nothing where futures are a grid",
    ),
    "a formula that reads a file": (
        METRIC + "[derived]\n\"search leverage\" = \"GET XLS CONSTANTS('/a.xls', 'b', 'c')\"\n",
        6,
        "cannot read the formula",
    ),
    "a formula with an unknown function": (
        '[[metric]]\nname = "m"\nformula = "system(capability)"\n',
        3,
        "cannot read the formula 'system(capability)'",
    ),
    "an equation that reads a file": (
        CHANGE + "equation = \"GET XLS DATA('/a.xls', 'b', 'c', 'd')\"\n",
        4,
        "policy 'boost': 'theorist boost': cannot read the equation",
    ),
    "an equation that makes a loop": (
        CHANGE + 'equation = "1 + theorist_boost"\n',
        2,
        "policy 'boost': loop without a stock: theorist boost -> theorist boost",
    ),
    "an equation of other units": (
        BOOST + '[[policy.change]]\nvariable = "understanding gap"\nequation = "capability - researchers"\n',
        4,
        "policy 'boost': units: in the equation of 'understanding gap', 'researchers' is Person",
    ),
    "a stock changed in the middle": (
        BOOST + '[[policy.change]]\nvariable = "capability"\nstep = { to = 1.0, at = 2.0 }\n',
        4,
        "a stock changes only through its flows; did you mean 'capability's initial value",
    ),
    "two changes at the same time": (
        CHANGE + 'step = { to = 1.0, at = 2.0 }\n[[policy.change]]\nvariable = "theorist boost"\n'
        "pulse = { to = 1.0, at = 3.0, width = 1.0 }\n",
        4,
        "policy 'boost' changes 'theorist boost' twice at the same time",
    ),
    "a pulse between two steps": (
        CHANGE + "pulse = { to = 1.0, at = 2.0, width = 0.01 }\n",
        4,
        "policy 'boost': the pulse of 'theorist boost' lasts 0.01, less than the time step of 0.0625",
    ),
    "a graph that does not cover the run": (
        CHANGE + 'lookup = { points = [[0.0, 1.0], [10.0, 2.0]], outside = "error" }\n',
        4,
        "policy 'boost': the points of 'theorist boost' do not cover the run",
    ),
    "structure that is measured and removed": (
        METRIC_OF + BOOST + '[[policy.structure]]\nrename = { old = "capability", new = "ability" }\n',
        5,
        "policy 'boost' leaves no 'capability', which metric 'm' measures",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def model():
    return sd.load("models/m0_seed.xmile")


@pytest.mark.parametrize("row", ERRORS.values(), ids=ERRORS)
def test_a_fault_is_told_with_its_line_and_nothing_runs(row, model, tmp_path, monkeypatch):
    text, line, message = row
    path = tmp_path / "experiment.toml"
    path.write_text(text + (METRIC if "metric" not in text else ""), encoding="utf-8")

    def never(*_, **__):
        raise AssertionError("a run was made")

    monkeypatch.setattr("sdtheory.engines.simulate.simulate_many", never)
    with pytest.raises(SDError) as caught:
        sd.compare(model, Experiment.read(path))
    faults = str(caught.value).splitlines()
    assert any(fault.startswith(f"{path}:{line}: {message}") for fault in faults), faults


# what is done although it may not be meant
NOTES = {
    "a default outside its range": (
        '[uncertainty]\n"search leverage" = { distribution = "uniform", low = 3.0, high = 4.0 }\n',
        2,
        "the model's own value of 'search leverage', 1.5, lies outside its range, 3 to 4",
    ),
    "an override of what is computed": (
        BOOST + 'set = { "understanding gap" = 1.0 }\n',
        3,
        "policy 'boost' replaces the equation of 'understanding gap'",
    ),
    "an override that reaches no metric": (
        '[[metric]]\nname = "c"\nvariable = "search leverage"\n'
        + BOOST
        + 'set = { "theorist boost" = 1.0 }\n',
        6,
        "policy 'boost' changes 'theorist boost', which no metric depends on",
    ),
    "a step after the end": (
        CHANGE + "step = { to = 1.0, at = 50.0 }\n",
        4,
        "policy 'boost' has a step of 'theorist boost' at 50, after the run's end, that never takes effect",
    ),
    "a pulse before the start": (
        CHANGE + "pulse = { to = 1.0, at = -5.0, width = 2.0 }\n",
        4,
        "policy 'boost' has a pulse of 'theorist boost' that is over before the run begins at 0",
    ),
    "a ramp that begins before the start": (
        CHANGE + "ramp = { to = 1.0, from = -1.0, until = 3.0 }\n",
        4,
        "policy 'boost' has a ramp of 'theorist boost' that begins at -1, before the run does at 0",
    ),
    "a ramp that ends after the end": (
        CHANGE + "ramp = { to = 1.0, from = 40.0, until = 60.0 }\n",
        4,
        "policy 'boost' has a ramp of 'theorist boost' until 60, of which the run sees no more after 42",
    ),
}


@pytest.mark.parametrize("row", NOTES.values(), ids=NOTES)
def test_what_may_not_be_meant_is_said_and_done(row, model, tmp_path):
    text, line, message = row
    path = tmp_path / "experiment.toml"
    path.write_text(text + (METRIC if "metric" not in text else ""), encoding="utf-8")
    experiment = Experiment.read(path)
    assert experiment.check(model) == []
    assert experiment.notes(model) == [f"{path}:{line}: {message}"]
    with pytest.warns(SDWarning) as caught:
        sd.compare(model, experiment, runs=2)
    assert any(message in str(one.message) for one in caught)


def test_correlations_that_cannot_all_hold_are_told(tmp_path, model):
    path = tmp_path / "experiment.toml"
    path.write_text(
        "[uncertainty]\n"
        + "".join(f"{name} = {{ {UNIFORM}, free = true }}\n" for name in "abc")
        + '[correlation]\npairs = [["a", "b", 0.9], ["b", "c", 0.9], ["a", "c", -0.9]]\n'
        + METRIC,
        encoding="utf-8",
    )
    with pytest.warns(SDWarning, match="cannot all hold"):
        sd.compare(model, Experiment.read(path), runs=4)


def test_runs_that_are_no_power_of_two_are_told(model):
    from sdtheory.experiments.metric import Metric
    from sdtheory.experiments.uncertainty import Uncertainty
    from sdtheory.model.expression import Name

    experiment = Experiment(
        metrics=(Metric("gap", Name("understanding gap")),),
        uncertainties=(Uncertainty("search leverage", "uniform", {"low": 1.0, "high": 2.0}),),
    )
    with pytest.warns(SDWarning, match="balanced at powers of two"):
        sd.compare(model, experiment, runs=3)


def test_an_experiment_without_metrics_says_so(model):
    with pytest.raises(ExperimentError, match="the experiment has no metric"):
        sd.compare(model, Experiment())


def test_names_given_twice_in_python_are_refused(model):
    from sdtheory.experiments.policy import Policy

    found = Experiment(policies=(Policy("a"), Policy("A"))).check(model)
    assert "there are two policies named 'a'" in found
