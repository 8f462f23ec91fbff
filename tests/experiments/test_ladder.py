"""A ladder of models: the same futures on every rung, matched starts, agreement of signs, attribution."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import sdtheory as sd
from sdtheory.errors import ExperimentError, UnknownName, UsageError
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.formula import read_formula
from sdtheory.experiments.ladder import ladder
from sdtheory.experiments.ladder_file import Ladder, Match, Rung, Switch
from sdtheory.experiments.metric import Metric
from sdtheory.experiments.policy import Policy
from sdtheory.experiments.uncertainty import Uncertainty
from sdtheory.model.expression import Name, Number
from sdtheory.model.model import Auxiliary, Constant, Dimension, Equation, Model, SimulationSettings
from sdtheory.study.criteria import finite_horizon

LADDER = "models/ladder.toml"


def uniform(name, low, high, **more):
    return Uncertainty(name, "uniform", {"low": low, "high": high}, **more)


@pytest.fixture(scope="module")
def m0():
    return sd.load("models/m0_seed.xmile")


@pytest.fixture(scope="module")
def m1():
    return sd.load("models/m1_delays.xmile")


@pytest.fixture(scope="module")
def result():
    return ladder(LADDER, runs=64)


def test_a_model_agrees_with_itself_and_its_switches_do_nothing(m0):
    experiment = Experiment.read("models/m0_seed.toml")
    own = {"search leverage": 1.5}
    twice = Ladder(
        rungs=(Rung("one", m0), Rung("two", m0)),
        experiment=replace(
            experiment, uncertainties=tuple(u for u in experiment.uncertainties if u.name not in own)
        ),
        matches=(Match("capability"), Match("explanation")),
        switches=(Switch("two", "one", own, {"leverage": ("search leverage",)}),),
    )
    found = ladder(twice, runs=32)
    assert found.is_matched
    assert (found.sign_agreement()["agreement"] == 1).all()
    assert (found.attribution()["disagreement"] == 0).all()
    verdicts = found.verdicts()
    for _, pair in verdicts.groupby(["policy", "metric"]):
        assert pair["worse"].nunique() == pair["median_change"].nunique() == 1


def test_every_rung_meets_the_same_futures(result):
    coarse, *finer = (result.comparisons[rung].samples for rung in result.rungs)
    for fine in finer:
        shared = [name for name in coarse if name in fine]
        assert {"search leverage", "initial understood share", "mix tilt at start"} <= set(shared)
        for name in shared:
            assert (coarse[name] == fine[name]).all()


@pytest.mark.parametrize("years", [10, 30])
def test_signs_on_a_rung_agree_with_its_criterion_and_with_the_rung_it_refines(m0, m1, years):
    """With its refinements off M1 is M0, and the sign of a small boost is that of the criterion."""
    off = tomllib.loads(Path(LADDER).read_text(encoding="utf-8"))["switch"][0]["off"]
    experiment = Experiment(
        policies=(Policy("boost", set={"theorist boost": 0.002}),),
        metrics=(Metric("gap", Name("understanding gap"), "at", at=2.0 + years, better="lower", tie=0.0),
                 Metric("capability", Name("capability"), "at", at=2.0 + years)),
        uncertainties=(
            uniform("search leverage", 0.1, 8), uniform("initial understood share", 0.05, 0.7),
            uniform("initial capability", 3, 30), uniform("initial capability growth", 0.75, 2.5),
            *(Uncertainty(name, "constant", {"value": value}) for name, value in off.items()),
        ),
    )  # fmt: skip
    found = ladder(Ladder((Rung("M0", m0), Rung("M1", m1)), experiment), runs=256)
    table = found.sign_agreement().set_index("rung")
    assert table.loc["M0", "agreement"] == 1
    assert table.loc["M1", "agreement"] >= 0.95
    base = found.comparisons["M0"]
    sample = base.samples
    start = sample["initial capability"] + 2 * sample["initial capability growth"]
    criterion = finite_horizon(
        sample["search leverage"], sample["initial understood share"], base.values["capability"][0] / start
    )
    signs = base.paired("boost", "gap")[1]
    assert (np.sign(criterion) == -signs).mean() >= 0.99
    assert 0.05 < (signs < 0).mean() < 0.95


def test_the_rungs_of_the_study_match(result):
    table = result.matches()
    assert len(table) == 5 * 5
    assert result.is_matched
    assert (table["deviation"] <= table["relative"]).all()
    elasticity = table[table["quantity"].str.startswith("elasticity")]
    assert elasticity["value"].to_numpy() == pytest.approx(1.5 * 0.2, rel=1e-6)  # leverage times share


@pytest.mark.parametrize(
    ("name", "equation", "message"),
    [
        ("initial capability", "21", r"M1 does not start where M0 does: capability is 21\.0, not 20\.0 \(with default"),
        ("effort growth", "effort growth + 1", None),
        (
            "map effect",
            "EXP(1.01*search_leverage*initial_understood_share*(adopted_share/initial_adopted_share-1))",
            r"M1 does not .* elasticity of 1 / effective_search_space to adopted theory is 0\.30.*, not 0\.29999",
        ),
    ],
)  # fmt: skip
def test_a_detuned_rung_is_named_with_the_quantity_and_both_values(name, equation, message):
    read = Ladder.read(LADDER)
    document = sd.read("models/m1_delays.xmile")
    if name == "effort growth":
        equation = document.variables[name].equation + " + 1"  # of no effect at the start
    detuned = sd.load(document.set_equation(name, equation))
    finer = replace(read.rungs[1], model=detuned)
    changed = replace(read, rungs=(read.rungs[0], finer, *read.rungs[2:]), switches=())
    if message is None:
        assert ladder(changed, runs=8).is_matched
        return
    with pytest.raises(ExperimentError, match=message):
        ladder(changed, runs=8)
    assert not ladder(changed, runs=8, unmatched=True).is_matched


def test_attribution_lists_each_part_on_alone_and_off_alone(result):
    table = result.attribution()
    own = table[
        (table["policy"] == "boost theorists")
        & (table["metric"] == "gap after 30 years")
        & (table["rung"] == "M1")
    ]
    modes = own.groupby("mode", sort=False)["part"].apply(list).to_dict()
    parts = [
        "difficulty", "explanations get harder", "obsolescence", "publication and adoption delay", "safety delay"
    ]  # fmt: skip
    assert modes == {"all off": [""], "only this on": parts, "only this off": parts, "all on": [""]}
    by_mode = own.set_index(["mode", "part"])["disagreement"]
    assert by_mode["all off", ""] < 0.05 < 0.2 < by_mode["all on", ""]
    assert by_mode["only this on"].idxmax() == "difficulty"
    verdict = result.verdicts().set_index(["policy", "metric", "rung"])["worse"]
    assert (
        own.set_index("mode").loc["all on", "worse"] == verdict["boost theorists", "gap after 30 years", "M1"]
    )


def test_what_a_rung_lacks_is_listed_and_shown_as_missing(result):
    assert "policy 'embargo'" in result.absent["M0"]
    assert "uncertainty 'difficulty slope'" in result.absent["M0"]
    assert "uncertainty 'obsolescence'" in result.absent["M4"]
    assert "uncertainty 'algorithmic share'" not in result.absent["M4"]
    row = result.table().set_index(["policy", "metric"]).loc["embargo", "gap after 10 years"]
    assert row["M0"] == "-"
    assert row["M1"] != "-"
    embargo = result.sign_agreement("M1")
    assert set(embargo[embargo["policy"] == "embargo"]["rung"]) == {"M1", "M2", "M3", "M4"}


def test_an_alias_reads_another_variable_in_place_of_a_missing_one(result):
    verdicts = result.verdicts().set_index(["policy", "metric", "rung"])["worse"]
    for years in (10, 30):
        own = [
            verdicts["boost theorists", f"{kind}gap after {years} years", "M0"] for kind in ("", "safety ")
        ]
        assert own[0] == own[1]


def test_a_rung_whose_variables_have_other_names_says_the_same_through_aliases(m0):
    experiment = Experiment.read("models/m0_seed.toml")
    document, alias = sd.read("models/m0_seed.xmile"), {}
    for name in ("search leverage", "theorist boost", "capability", "theorist fraction"):
        document, alias[name] = document.rename(name, f"{name} by another name"), f"{name} by another name"
    renamed = Rung("renamed", sd.load(document), alias)
    matches = (Match("capability"), Match("capability_growth"))
    found = ladder(Ladder((Rung("M0", m0), renamed), experiment, matches), runs=16)
    assert found.is_matched
    assert len(found.sign_agreement()) == 2 * 3 * 11
    assert (found.sign_agreement()["agreement"] == 1).all()
    assert found.absent == {"M0": (), "renamed": ()}
    for name, values in found.comparisons["M0"].values.items():
        assert found.comparisons["renamed"].values[name] == pytest.approx(values, nan_ok=True, rel=1e-12)


def test_a_quantity_may_be_an_array_on_a_finer_rung():
    """The coarse rung has one delay; the fine one has two, that follow the same free quantity."""
    area = {"area": Dimension("area", ("one", "two"))}
    times = SimulationSettings(Number(0.0), Number(1.0), Number(1.0), Number(1.0))
    switch = Constant("switch", (Equation(Number(0.0)),))
    one_delay = Constant("delay", (Equation(Number(1.0)),))
    two_delays = Constant(
        "delay", (Equation(Number(1.0), ("one",)), Equation(Number(1.0), ("two",))), dimensions=("area",)
    )
    weights = replace(two_delays, name="weight")

    def model(*variables, cost, dimensions=None):
        cost = Auxiliary("cost", (Equation(read_formula(f"1 + switch * ({cost})")),))
        return Model("m", {one.name: one for one in (*variables, switch, cost)}, times, dimensions or {})

    coarse = model(one_delay, cost="delay - 1")
    fine = model(
        two_delays, weights, dimensions=area, cost="weight[one] * delay[one] + weight[two] * delay[two] - 1"
    )
    experiment = Experiment(
        policies=(Policy("on", set={"switch": 1.0}),),
        metrics=(Metric("cost", Name("cost"), better="lower"),),
        uncertainties=(
            uniform("typical", 0.5, 1.5, free=True),
            Uncertainty("weight", "dirichlet", {"concentration": [3.0, 3.0]}),
        ),
        derived={
            "delay": read_formula("typical"),
            "delay[one]": read_formula("0.9 * typical"),
            "delay[two]": read_formula("1.1 * typical"),
        },
    )
    found = ladder(Ladder((Rung("coarse", coarse), Rung("fine", fine)), experiment), runs=64)
    assert found.absent == {
        "coarse": ("uncertainty 'weight'", "derived quantity 'delay[one]'", "derived quantity 'delay[two]'"),
        "fine": ("derived quantity 'delay'",),
    }
    sample = found.comparisons["fine"].samples
    assert (sample["typical"] == found.comparisons["coarse"].samples["typical"]).all()
    assert (sample["weight[one]"] + sample["weight[two]"]).to_numpy() == pytest.approx(1)
    typical, weight = sample["typical"].to_numpy(), sample["weight[one]"].to_numpy()
    expected = typical * (0.9 * weight + 1.1 * (1 - weight)) - 1
    assert found.comparisons["fine"].paired("on", "cost")[0] == pytest.approx(expected)
    table = found.sign_agreement().set_index("rung")
    assert table.loc["fine", "agreement"] == (np.sign(expected) == np.sign(typical - 1)).mean() > 0.8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"uncertainties": (uniform("serach leverage", 0, 1),)},
            "has the variables of uncertainty 'serach leverage'",
        ),
        (
            {"policies": (Policy("p", set={"theorst boost": 1.0}),)},
            "has the variables of policy 'p'",
        ),
        (
            {"metrics": (Metric("g", Name("gap"), better="lower"),)},
            "has the variables of metric 'g'",
        ),
    ],
)
def test_what_no_rung_has_is_a_mistake(change, message):
    read = Ladder.read(LADDER)
    with pytest.raises(ExperimentError, match=message):
        ladder(replace(read, experiment=replace(read.experiment, **change)), runs=4)


def test_a_tie_is_a_sign_of_its_own(m0):
    """Without leverage a boost leaves capability as it is: a tie on one rung, none on the other."""
    metric = Metric("capability", Name("capability"), "final", better="lower")
    experiment = Experiment(policies=(Policy("boost", set={"theorist boost": 0.5}),), metrics=(metric,))
    still = sd.load(sd.read("models/m0_seed.xmile").set_equation("search leverage", "0"))
    found = ladder(Ladder((Rung("still", still), Rung("M0", m0)), experiment), runs=4)
    assert found.verdicts().set_index("rung")["tie"].to_dict() == {"still": 1.0, "M0": 0.0}
    assert found.sign_agreement().set_index("rung")["agreement"].to_dict() == {"still": 1.0, "M0": 0.0}
    assert found.sign_agreement("m0").set_index("rung")["agreement"].to_dict() == {"still": 0.0, "M0": 1.0}
    with pytest.raises(UnknownName, match="rung"):
        found.sign_agreement("M7")


def test_the_result_is_the_same_for_any_number_of_jobs_and_is_strict_json():
    documents = [ladder(LADDER, runs=16, jobs=jobs).to_dict() for jobs in (1, 2)]
    assert documents[0] == documents[1]
    text = json.dumps(documents[0], allow_nan=False)
    cell = json.loads(text)["policies"][0]["metrics"][0]["cells"][1]
    assert cell["rung"] == "M1"
    assert {"worse", "worse_low", "worse_high", "tie", "median_change", "disagreement", "valid"} <= set(cell)


def test_verdicts_can_be_drawn(result):
    (axes,) = result.plot("Boost theorists").axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["M0", "M1", "M2", "M3", "M4"]
    worse = result.verdicts().set_index(["policy", "metric", "rung"])["worse"]
    share = worse["boost theorists", result.metrics[0], "M0"]
    assert axes.texts[0].get_text() == f"{100 * share:.1f}"
    with pytest.raises(UnknownName, match="policy"):
        result.plot("boost them")


def broken(tmp_path, old, new):
    for path in [*Path("models").glob("*.toml"), *Path("models").glob("*.xmile")]:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    text = Path(LADDER).read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "ladder.toml").write_text(text.replace(old, new), encoding="utf-8")
    return tmp_path / "ladder.toml"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[[rung]]\nname", "[[rung]]\nnmae", r"ladder\.toml:\d+: unknown key 'nmae' in the rung; did you mean 'name'"),
        ('model = "m0_seed.xmile"', 'model = "../m0_seed.xmile"', "lies outside the ladder's folder"),
        ('experiment = "futures.toml"', 'experiment = "none.toml"', r"none\.toml: cannot read the experiment"),
        ('name = "M1"', 'name = "M0"', "two rungs named 'M0'"),
        ('from = "M0"', 'from = "M9"', "rung 'M9'"),
        ('on = ["safety delay"]', 'on = ["safety dealy"]', "'safety dealy' is switched on but has no value"),
        ('formula = "capability"', 'formula = "capability +"', "cannot read the formula"),
        ("relative = 1e-6", 'relative = "1e-6"', "'relative' must be a number"),
        ('"understanding"]', '"understanding", "x"]', "must be \\[quantity, stock\\]"),
        ("[[rung]]", "[[rung", "not TOML"),
    ],
)  # fmt: skip
def test_a_wrong_ladder_file_is_told_with_place_and_remedy(tmp_path, old, new, message):
    with pytest.raises(ExperimentError, match=message):
        Ladder.read(broken(tmp_path, old, new))


def test_all_faults_of_a_file_are_told_at_once(tmp_path):
    path = broken(tmp_path, 'from = "M0"', 'form = "M0"')
    path.write_text(path.read_text().replace("relative = 1e-6", "relative = 7"))
    with pytest.raises(ExperimentError) as caught:
        Ladder.read(path)
    assert len(str(caught.value).splitlines()) >= 3


def test_a_matched_quantity_that_a_rung_lacks_is_named(tmp_path):
    path = broken(tmp_path, 'formula = "understood_share"', 'formula = "adopted_share"')
    with pytest.raises(UnknownName, match="match 'adopted_share' on rung M0: unknown variable"):
        ladder(path, runs=4)


def test_no_runs_make_no_ladder():
    with pytest.raises(UsageError, match="0 runs"):
        ladder(LADDER, runs=0)
