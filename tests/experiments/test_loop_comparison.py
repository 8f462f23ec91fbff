"""Dominance of loops under policies, paired by future."""

from __future__ import annotations

import numpy as np
import pytest

import sdtheory as sd
from sdtheory.errors import ExperimentError, UnknownName


@pytest.fixture(scope="module")
def model():
    return sd.load("models/m1_delays.xmile")


@pytest.fixture(scope="module")
def compared(model):
    return sd.compare_loops(model, sd.Experiment.read("models/m1_delays.toml"), runs=16, window=(2.0, 12.0))


def test_shares_are_those_of_the_policy_s_own_runs(model, compared):
    future = sd.compare(model, sd.Experiment.read("models/m1_delays.toml"), runs=16).samples.iloc[3]
    changes = {name: float(value) for name, value in future.items() if name in model}
    dominance = sd.loop_dominance(model, {**changes, "theorist boost": 0.5})
    inside = (dominance.index > 2.0) & (dominance.index <= 12.0)
    expected = dominance[inside].abs().mean()
    found = compared.dataset["share"].sel(policy="boost theorists", run=3).to_series()
    np.testing.assert_allclose(found[expected.index], expected, atol=1e-9)


def test_differences_are_paired_by_future(compared):
    frame = compared.differences().set_index(["policy", "loop"])
    for policy, loop in [("embargo", "B6"), ("boost theorists", "R2")]:
        shares = compared.dataset["share"].sel(loop=loop)
        paired = (shares.sel(policy=policy) - shares.sel(policy="baseline")).values
        row = frame.loc[(policy, loop)]
        assert row["mean"] == pytest.approx(paired.mean())
        assert (row["low"], row["high"]) == pytest.approx(tuple(np.quantile(paired, [0.05, 0.95])))
    assert set(compared.table()["valid"]) == {16}


def test_a_policy_that_acts_outside_the_loops_moves_nothing(compared):
    assert (
        compared.sentence("fund safety uptake")
        == "fund safety uptake moves no share of the change between loops"
    )


def test_a_policy_is_told_by_the_loops_whose_shares_it_moves_most(compared):
    loser, gainer = compared.most_moved("Embargo")
    means = compared.differences().set_index(["policy", "loop"])["mean"]["embargo"]
    assert means[loser] == means.min() and means[gainer] == means.max()
    low, high = np.quantile(compared.moved("embargo"), [0.05, 0.95])
    names = dict(zip(compared.dataset["loop"].values, compared.dataset["name"].values, strict=True))
    assert compared.sentence("embargo") == (
        f"embargo moves {compared.moved('embargo').mean():.1%} of the change from {loser} ({names[loser]}) to "
        f"{gainer} ({names[gainer]}), 5-95 %: {low:.1%} to {high:.1%}"
    )


def test_probabilities_of_dominance_are_shares_of_futures(compared):
    dominant = compared.dataset["dominant"]
    assert float(dominant.min()) >= 0 and float(dominant.max()) <= 1
    np.testing.assert_allclose(dominant.values * 16, np.round(dominant.values * 16), atol=1e-9)


def test_a_loop_that_a_policy_adds_has_an_id_after_the_baseline_s(tmp_path):
    path = tmp_path / "tank.mdl"
    path.write_text(
        "{UTF-8}\ninflow = 2 ~~|\nleak = 0.1 ~~|\nlevel = INTEG(inflow - leak * level, 1) ~~|\n"
        "INITIAL TIME = 0 ~~|\nFINAL TIME = 10 ~~|\nTIME STEP = 0.5 ~~|\nSAVEPER = 1 ~~|\n",
        encoding="utf-8",
    )
    experiment = tmp_path / "tank.toml"
    experiment.write_text(
        '[[policy]]\nname = "steer"\n[[policy.change]]\nvariable = "inflow"\n'
        'lookup = { of = "level", points = [[0, 4], [20, 0]] }\n'
        '[uncertainty]\nleak = { distribution = "uniform", low = 0.1, high = 0.3 }\n'
        '[[metric]]\nname = "end"\nvariable = "level"\nat = 10.0\nbetter = "higher"\n',
        encoding="utf-8",
    )
    found = sd.compare_loops(sd.load(path), sd.Experiment.read(experiment), runs=4)
    assert found.dataset["loop"].values.tolist() == ["B1", "B2"]
    assert np.isnan(found.dataset["share"].sel(policy="baseline", loop="B2")).all()
    assert (found.paired("steer", "B2") > 0).all()
    assert found.most_moved("steer") == ("B1", "B2")


def test_a_misspelt_policy_or_loop_suggests_the_nearest(compared):
    with pytest.raises(UnknownName, match="did you mean 'embargo'"):
        compared.sentence("embarg")
    with pytest.raises(UnknownName, match="unknown loop"):
        compared.paired("embargo", "B99")


def test_an_experiment_that_does_not_fit_the_model_is_refused():
    with pytest.raises(ExperimentError):
        sd.compare_loops(sd.load("models/m0_seed.xmile"), sd.Experiment.read("models/m1_delays.toml"), runs=4)
