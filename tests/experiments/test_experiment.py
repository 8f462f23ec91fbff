"""Experiment files: read whole, and every fault told at once with its line."""

import textwrap

import pytest

import sdtheory as sd
from sdtheory.errors import ExperimentError, SDWarning
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.formula import read_formula
from sdtheory.experiments.policy import Amount, EquationChange, LookupChange, Pulse, Ramp, Step
from sdtheory.experiments.structure import AddAuxiliary, AddFlow, AddStock, Remove, Rename, SetUnits
from sdtheory.model.expression import to_text


@pytest.fixture
def written(tmp_path):
    def write(text, name="experiment.toml"):
        path = tmp_path / name
        path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
        return path

    return write


def _faults(path):
    with pytest.raises(ExperimentError) as caught:
        Experiment.read(path)
    return [line.removeprefix(str(path)) for line in str(caught.value).splitlines()]


def test_all_faults_of_a_file_are_told_at_once_each_with_its_line(written):
    path = written("""
        titel = "a slip"

        [[policy]]
        name = "train more"
        descripton = "another"
        set = { "theorist boost" = "much" }

        [uncertainty]
        "search leverage" = { distribution = "unifrom", low = 0.0, high = 1.0 }
        "embargo" = { distribution = "uniform", low = 2.0, high = 1.0 }

        [sampling]
        method = "sobl"
        runs = 0

        [[metric]]
        name = "final gap"
        variable = "understanding gap"
        better = "lowr"
    """)
    assert sorted(_faults(path)) == sorted(
        [
            ":1: unknown key 'titel' in the experiment; did you mean 'title'?",
            ":5: unknown key 'descripton' in policy 'train more'; did you mean 'description'?",
            ":6: policy 'train more': 'theorist boost' must be a finite number",
            ":9: unknown distribution 'unifrom'; did you mean 'uniform'? for 'search leverage'",
            ":10: 'embargo': low 2 is not below high 1",
            ":13: unknown sampling method 'sobl'; did you mean 'sobol'?",
            ":14: runs = 0: give a whole number of 1 or more",
            ":19: unknown better 'lowr'; did you mean 'lower'?",
        ]
    )


def test_names_that_the_model_does_not_have_suggest_the_nearest(written):
    path = written("""
        [[policy]]
        name = "boost"
        set = { "theorist bost" = 0.5 }

        [uncertainty]
        "search leverge" = { distribution = "uniform", low = 0.0, high = 1.0 }

        [[metric]]
        name = "gap"
        variable = "understanding gp"
    """)
    found = Experiment.read(path).check(sd.load("models/m0_seed.xmile"))
    assert [line.removeprefix(str(path)) for line in found] == [
        ":3: unknown variable 'theorist bost'; did you mean 'theorist boost'?",
        ":6: unknown variable 'search leverge'; did you mean 'search leverage'?",
        ":10: unknown variable 'understanding gp'; did you mean 'understanding gap'?",
    ]


@pytest.mark.parametrize("table", ["policy", "metric", "loop"])
def test_one_table_where_a_list_is_meant_is_explained(written, table):
    path = written(f'[{table}]\nname = "x"\n')
    assert _faults(path) == [f":1: '{table}' must be a list of tables; write [[{table}]] above each"]


def test_two_policies_of_one_name_are_refused(written):
    path = written("""
        [[policy]]
        name = "boost"
        [[policy]]
        name = "Boost"
    """)
    assert any("two policies named 'Boost'" in fault for fault in _faults(path))


def test_a_file_that_is_not_toml_says_where(written):
    assert "line 1" in _faults(written("= 3\n"))[0]


def test_a_missing_file_is_told_in_one_line(tmp_path):
    with pytest.raises(ExperimentError, match="cannot read the experiment: no such file"):
        Experiment.read(tmp_path / "none.toml")


def test_every_kind_of_change_is_read(written):
    path = written("""
        [[policy]]
        name = "all"
        [[policy.change]]
        variable = "a"
        step = { to = 1.0, at = 2.0 }
        [[policy.change]]
        variable = "b"
        ramp = { by = 1.0, from = 2.0, until = 4.0 }
        [[policy.change]]
        variable = "c"
        pulse = { times = 2.0, at = 1.0, width = 0.5, every = 3.0 }
        [[policy.change]]
        variable = "d"
        lookup = { points = [[0.0, 1.0], [1.0, 2.0]], of = "a" }
        [[policy.change]]
        variable = "e"
        equation = "2 * a"
    """)
    assert Experiment.read(path).policies[0].changes == (
        Step("a", Amount("to", 1.0), 2.0),
        Ramp("b", Amount("by", 1.0), 2.0, 4.0),
        Pulse("c", Amount("times", 2.0), 1.0, 0.5, 3.0),
        LookupChange("d", ((0.0, 1.0), (1.0, 2.0)), "a"),
        EquationChange("e", "2 * a"),
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("step = { at = 2.0 }", "needs one of to, by, times"),
        ("step = 3", "'step' must be a table"),
        ("ramp = { to = 1.0, from = 4.0, until = 2.0 }", "ends before it begins"),
        ("lookup = { points = [[1.0, 0.0], [1.0, 2.0]] }", "rising x"),
        ("setp = { to = 1.0, at = 2.0 }", "did you mean 'step'"),
    ],
)
def test_a_change_that_cannot_be_is_told(written, change, message):
    faults = _faults(written(f'[[policy]]\nname = "p"\n[[policy.change]]\nvariable = "a"\n{change}\n'))
    assert any(message in fault for fault in faults)
    assert all(fault.startswith(":") for fault in faults)


def test_a_factorial_adds_every_combination(written):
    path = written("""
        [[policy]]
        name = "a"
        set = { x = 1.0 }
        [[policy]]
        name = "b"
        set = { y = 2.0 }
        [[policy]]
        name = "c"
        set = { z = 3.0 }
        [factorial]
        policies = ["a", "b", "c"]
    """)
    policies = {policy.name: policy for policy in Experiment.read(path).policies}
    assert list(policies) == ["a", "b", "c", "a + b", "a + c", "b + c", "a + b + c"]
    assert policies["a + c"].set == {"x": 1.0, "z": 3.0}


def test_an_included_file_is_overruled_by_the_one_that_includes_it(written):
    written(
        """
        [sampling]
        runs = 8
        seed = 5
        [[policy]]
        name = "a"
        set = { x = 1.0 }
    """,
        "base.toml",
    )
    path = written("""
        include = ["base.toml"]
        [sampling]
        runs = 16
        [[policy]]
        name = "a"
        set = { x = 2.0 }
    """)
    with pytest.warns(SDWarning, match="policy 'a' of an included file is replaced by a later one"):
        experiment = Experiment.read(path)
    assert (experiment.runs, experiment.seed) == (16, 5)
    assert [policy.set for policy in experiment.policies] == [{"x": 2.0}]


def test_a_file_outside_the_folder_is_not_included(written):
    assert "lies outside the experiment's folder" in _faults(written('include = ["../other.toml"]\n'))[0]


def test_a_factorial_joins_changes_and_structure_too(written):
    path = written("""
        [[policy]]
        name = "a"
        [[policy.structure]]
        add_auxiliary = { name = "audit", equation = 1 }
        [[policy]]
        name = "b"
        [[policy.change]]
        variable = "theorist boost"
        equation = "0.1 * audit"
        [factorial]
        policies = ["a", "b"]
    """)
    both = Experiment.read(path).policies[-1]
    assert (both.name, both.structure) == ("a + b", (AddAuxiliary("audit", 1.0),))
    assert both.changes == (EquationChange("theorist boost", "0.1 * audit"),)


def test_a_factorial_of_policies_that_change_the_same_is_refused(written):
    path = written("""
        [[policy]]
        name = "a"
        [[policy.change]]
        variable = "theorist boost"
        step = { to = 0.1, at = 2.0 }
        [[policy]]
        name = "b"
        [[policy.change]]
        variable = "theorist boost"
        step = { to = 0.2, at = 3.0 }
        [factorial]
        policies = ["a", "b"]
        [[metric]]
        name = "gap"
        variable = "understanding gap"
    """)
    found = Experiment.read(path).check(sd.load("models/m0_seed.xmile"))
    assert len(found) == 1
    assert "policy 'a + b' changes 'theorist boost' twice at the same time" in found[0]


def test_every_kind_of_structure_is_read(written):
    path = written("""
        [[policy]]
        name = "all"
        [[policy.structure]]
        add_stock = { name = "reports", initial = 2, units = "Report" }
        [[policy.structure]]
        add_flow = { name = "reporting", equation = "0.1 * capability", target = "reports" }
        [[policy.structure]]
        add_auxiliary = { name = "audit", equation = "2", documentation = "why" }
        [[policy.structure]]
        remove = "audit"
        [[policy.structure]]
        rename = { old = "researchers", new = "people" }
        [[policy.structure]]
        set_units = { name = "people", units = "Person" }
    """)
    assert Experiment.read(path).policies[0].structure == (
        AddStock("reports", 2.0, "Report"),
        AddFlow("reporting", "0.1 * capability", target="reports"),
        AddAuxiliary("audit", "2", documentation="why"),
        Remove("audit"),
        Rename("researchers", "people"),
        SetUnits("people", "Person"),
    )


@pytest.mark.parametrize(
    ("metric", "rewards"),
    [
        ('variable = "x"\nfirst_crossing = { above = 2.0 }', True),
        ('variable = "x"\nfirst_crossing = { above = 2.0 }\nrewards_speed = false', False),
        ('variable = "x"\nwhen = { variable = "y", reaches = 2.0 }', True),
        ('variable = "x"\nat = 2.0', False),
        ('variable = "x"\nat = 2.0\nrewards_speed = true', True),
        ('expression = "time_to_5 * 2"', True),
        ('expression = "time_to_5"\nrewards_speed = false', False),
        ('expression = "end"', False),
    ],
)
def test_a_metric_rewards_speed_when_it_waits_for_a_level(written, metric, rewards):
    path = written(
        '[[metric]]\nname = "m"\n'
        + metric
        + """
        [[metric]]
        name = "time to 5"
        variable = "x"
        first_crossing = { above = 5.0 }
        [[metric]]
        name = "end"
        variable = "x"
        """.replace("        ", "")
    )
    assert Experiment.read(path).metrics[0].rewards_speed is rewards


def test_a_grid_has_as_many_futures_as_it_has_points(written):
    path = written("""
        [uncertainty]
        a = { distribution = "uniform", low = 0.0, high = 1.0, free = true }
        b = { distribution = "discrete", values = [1, 2], free = true }
        [sampling]
        method = "grid"
        levels = 3
    """)
    assert Experiment.read(path).runs == 6


def test_a_file_of_futures_has_as_many_as_its_rows(written):
    written("a,b\n1,2\n3,4\n5,6\n", "futures.csv")
    text = """
        [uncertainty]
        a = { distribution = "uniform", low = 0.0, high = 9.0, free = true }
        [sampling]
        method = "file"
        path = "futures.csv"
    """
    experiment = Experiment.read(written(text))
    assert (experiment.runs, experiment.columns) == (3, {"a": (1.0, 3.0, 5.0), "b": (2.0, 4.0, 6.0)})
    assert Experiment.read(written(text + "        runs = 2\n")).runs == 2
    assert _faults(written(text + "        runs = 4\n")) == [":6: runs = 4, but the file has 3 rows"]


@pytest.mark.parametrize(
    ("xmile", "vensim"),
    [
        ("2 * (safety_usable_understanding - phenomena)", "2 * (safety usable understanding - phenomena)"),
        ("IF TIME > 2 THEN a_b ELSE 0", "IF THEN ELSE(Time > 2, a b, 0)"),
        ("MAX(a_b[one], 1)", "MAX(a b[one], 1)"),
        ('"net, weight"', '"net, weight" '),
    ],
)
def test_a_formula_may_be_in_the_language_of_either_format(xmile, vensim):
    assert to_text(read_formula(vensim)) == to_text(read_formula(xmile))


@pytest.mark.parametrize(
    "text", ["", "2 *", "a ~ b", "a b c[", "formula of the experiment + 1", "((0,1),(1,2))"]
)
def test_a_text_that_is_no_formula_is_refused(text):
    with pytest.raises(ExperimentError, match="cannot read the formula"):
        read_formula(text)
