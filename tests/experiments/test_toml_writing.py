"""An experiment written as TOML is read as the same experiment."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sdtheory as sd
from sdtheory.errors import ExperimentError
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.metric import Level, Metric
from sdtheory.experiments.policy import Amount, EquationChange, LookupChange, Policy, Pulse, Ramp, Step
from sdtheory.experiments.structure import AddAuxiliary, AddFlow, AddStock, Remove, Rename, SetUnits
from sdtheory.experiments.toml_writing import value_text
from sdtheory.experiments.uncertainty import Uncertainty
from sdtheory.model.expression import Binary, Call, Name, Number

NUMBERS = st.floats(-1e6, 1e6)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
NAMES = st.from_regex(r"[a-z][a-z0-9]{0,6}( [a-z]{1,4})?", fullmatch=True).filter(
    lambda name: not {"if", "then", "else", "and", "or", "not", "mod", "time"} & set(name.split())
)
CELLS = st.builds("{}[{}]".format, NAMES, NAMES) | NAMES
AMOUNTS = st.builds(Amount, st.sampled_from(["to", "by", "times"]), NUMBERS)
POINTS = st.lists(NUMBERS, min_size=1, max_size=4, unique=True).flatmap(
    lambda x: st.tuples(*(st.tuples(st.just(one), NUMBERS) for one in sorted(x)))
)
CHANGES = st.one_of(
    st.builds(Step, CELLS, AMOUNTS, NUMBERS),
    st.builds(Ramp, CELLS, AMOUNTS, st.floats(0, 5), st.floats(6, 9)),
    st.builds(
        Pulse, CELLS, AMOUNTS, NUMBERS, st.floats(0, 9), st.none() | st.floats(0.1, 9), st.none() | NUMBERS
    ),
    st.builds(
        LookupChange,
        CELLS,
        POINTS,
        st.just("time") | NAMES,
        st.sampled_from(["hold", "extrapolate", "error"]),
    ),
    st.builds(EquationChange, CELLS, TEXTS),
)
EQUATIONS = NUMBERS | TEXTS
STRUCTURES = st.one_of(
    st.builds(AddStock, NAMES, EQUATIONS, TEXTS),
    st.builds(AddFlow, NAMES, EQUATIONS, NAMES, st.just(""), TEXTS, TEXTS),
    st.builds(AddAuxiliary, NAMES, EQUATIONS),
    st.builds(Remove, NAMES),
    st.builds(Rename, NAMES, NAMES),
    st.builds(SetUnits, NAMES, st.just("") | TEXTS),
)
POLICIES = st.builds(
    Policy,
    TEXTS,
    st.just("") | TEXTS,
    st.dictionaries(CELLS, NUMBERS, max_size=3),
    st.lists(CHANGES, max_size=3).map(tuple),
    st.lists(STRUCTURES, max_size=3).map(tuple),
)
LOW, HIGH = st.floats(0.1, 1), st.floats(2, 3)
DISTRIBUTIONS = st.one_of(
    st.tuples(
        st.sampled_from(["uniform", "loguniform"]), st.fixed_dictionaries({"low": LOW, "high": HIGH})
    ),
    st.tuples(st.just("normal"), st.fixed_dictionaries({"mean": NUMBERS, "sd": LOW})),
    st.tuples(st.just("lognormal"), st.fixed_dictionaries({"median": LOW, "p95": HIGH})),
    st.tuples(
        st.just("triangular"),
        st.fixed_dictionaries({"low": LOW, "mode": st.just(1.5), "high": HIGH}),
    ),
    st.tuples(st.just("discrete"), st.just({"values": [1.0, 2.0], "weights": [1.0, 3.0]})),
    st.tuples(st.just("empirical"), st.fixed_dictionaries({"values": st.lists(NUMBERS, min_size=1, max_size=4)})),
    st.tuples(st.just("dirichlet"), st.fixed_dictionaries({"concentration": st.just([1.0, 2.0])})),
    st.tuples(st.just("constant"), st.fixed_dictionaries({"value": NUMBERS})),
)  # fmt: skip
UNCERTAINTIES = st.builds(
    lambda name, kind, least, most, flags, source: Uncertainty(
        name, kind[0], dict(sorted(kind[1].items())), least, most, flags[0], source, flags[1]
    ),
    CELLS,
    DISTRIBUTIONS,
    st.none() | st.floats(-9, 0),
    st.none() | st.floats(1, 9),
    st.tuples(st.booleans(), st.booleans()),
    st.sampled_from(["", "assumption", 'Ho "et al." 2024']),
)
FORMULAS = st.recursive(
    NAMES.map(Name) | st.floats(0, 1e3).map(Number),
    lambda inner: st.one_of(
        st.builds(Binary, st.sampled_from("+-*/"), inner, inner),
        st.builds(lambda a, b: Call("max", (a, b)), inner, inner),
    ),
    max_leaves=4,
)
LEVELS = NUMBERS.map(Level) | st.builds(Level, st.none(), TEXTS, CELLS, NUMBERS)
WINDOWS = st.none() | st.tuples(st.floats(0, 1), st.floats(2, 3))
WAYS = st.one_of(
    st.fixed_dictionaries({"how": st.just("at"), "at": NUMBERS}),
    st.fixed_dictionaries({"how": st.sampled_from(["final", "mean", "range"]), "between": WINDOWS}),
    st.fixed_dictionaries({"how": st.just("integral"), "discount_rate": st.floats(0, 1), "between": WINDOWS}),
    st.fixed_dictionaries(
        {
            "how": st.just("first_crossing"),
            "direction": st.sampled_from(["above", "below"]),
            "level": LEVELS,
            "censored": st.sampled_from(["exclude", "worst", "at_stop"]),
        }
    ),
    st.fixed_dictionaries({"how": st.just("when"), "trigger": CELLS, "level": LEVELS}),
    st.fixed_dictionaries({"how": st.sampled_from(["time_above", "time_below"]), "level": LEVELS}),
)
SATISFIED = st.none() | st.tuples(st.sampled_from(["above", "below"]), NUMBERS)
METRICS = st.builds(
    lambda name, quantity, way, better, speed, tie, satisfied: Metric(
        name, quantity, better=better, rewards_speed=speed, tie=tie, satisfied=satisfied, **way
    ),
    TEXTS,
    FORMULAS.filter(lambda tree: not isinstance(tree, Number)),
    WAYS,
    st.sampled_from(["lower", "higher", "none"]),
    st.booleans(),
    st.floats(0, 0.1),
    SATISFIED,
)


def _named(entries):
    return st.lists(
        entries, max_size=3, unique_by=lambda one: " ".join(one.name.replace("_", " ").casefold().split())
    ).map(tuple)


EXPERIMENTS = st.builds(
    Experiment,
    policies=_named(POLICIES.filter(lambda one: one.name.strip().casefold() != "baseline")),
    metrics=_named(METRICS),
    uncertainties=_named(UNCERTAINTIES),
    baseline=st.just(Policy("baseline"))
    | st.builds(
        Policy,
        st.just("baseline"),
        st.just(""),
        st.just({"x": 1.0}),
        st.lists(CHANGES, max_size=1).map(tuple),
    ),
    method=st.sampled_from(["sobol", "random", "latin_hypercube", "grid"]),
    runs=st.integers(1, 1000),
    seed=st.integers(0, 2**40),
    levels=st.just(5),
    simulation=st.just({}) | st.just({"start": 0.0, "stop": 5.0, "method": "rk4"}),
    fixed=st.just({}) | st.just({"a": {"value": 1.0, "note": "why"}}),
    loops=st.just(()) | st.just(({"name": "R", "polarity": "reinforcing", "through": ["a", "b"]},)),
    title=st.just("") | TEXTS,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("toml")


@given(experiment=EXPERIMENTS)
def test_a_written_experiment_is_read_as_the_same_experiment(folder, experiment):
    path = folder / "experiment.toml"
    path.write_text(experiment.to_toml(), encoding="utf-8", newline="")
    assert Experiment.read(path) == experiment


@pytest.mark.parametrize("name", ["m0_seed", "m1_delays"])
def test_the_experiments_of_the_study_are_written_as_they_are(folder, name):
    experiment = Experiment.read(f"models/{name}.toml")
    path = folder / f"{name}.toml"
    path.write_text(experiment.to_toml(), encoding="utf-8")
    again = Experiment.read(path)
    assert again == experiment
    assert not again.check(sd.load(f"models/{name}.xmile"))


def test_correlations_derived_quantities_and_expressions_are_written(folder):
    experiment = Experiment(
        policies=(Policy("p", set={"a": 1.0}),),
        metrics=(
            Metric("end", Name("x"), "final"),
            Metric("rest", None, "expression", expression=Binary("-", Name("end"), Number(0.5))),
        ),
        uncertainties=(
            Uncertainty("a", "uniform", {"high": 1.0, "low": 0.0}),
            Uncertainty("b", "uniform", {"high": 1.0, "low": 0.0}, free=True),
        ),
        derived={"delay[training]": Call("exp", (Binary("*", Name("b"), Number(2.0)),))},
        correlations=(("a", "b", -0.3),),
        method="file",
        columns={"a": (0.5, 0.25), "b": (1.0, 2.0)},
    )
    path = folder / "other.toml"
    path.write_text(experiment.to_toml(), encoding="utf-8")
    assert Experiment.read(path) == experiment
    assert experiment.runs == 2


def test_files_of_futures_and_observations_are_named_again(folder):
    (folder / "futures.csv").write_text("run,a\n0,1\n1,2\n", encoding="utf-8")
    path = folder / "files.toml"
    path.write_text(
        '[uncertainty]\na = { distribution = "empirical", file = "futures.csv", column = "a" }\n'
        '[sampling]\nmethod = "file"\npath = "futures.csv"\n',
        encoding="utf-8",
    )
    experiment = Experiment.read(path)
    assert 'file = "futures.csv"' in experiment.to_toml()
    path.write_text(experiment.to_toml(), encoding="utf-8")
    assert Experiment.read(path) == experiment


@given(TEXTS | NUMBERS | st.lists(st.booleans()) | st.dictionaries(TEXTS, NUMBERS))
def test_a_value_is_written_as_toml_reads_it(value):
    assert tomllib.loads(f"x = {value_text(value)}")["x"] == value


def test_a_number_that_is_not_finite_is_refused():
    with pytest.raises(ExperimentError, match="holds no inf"):
        Experiment(policies=(Policy("p", set={"a": float("inf")}),)).to_toml()


def test_a_saved_comparison_holds_the_experiment_made_in_python(tmp_path, filling, faster):
    experiment = replace(faster, runs=8)
    sd.compare(filling, experiment).save(tmp_path)
    assert Experiment.read(tmp_path / "experiment.toml") == experiment
    assert Path(tmp_path / "experiment.toml").read_text(encoding="utf-8") == experiment.to_toml()
