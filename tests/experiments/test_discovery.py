"""Discovery of futures in which a policy does harm: laws of peeling, planted boxes, noise."""

from __future__ import annotations

import json
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdtheory.errors import ExperimentError, UnknownName, UsageError
from sdtheory.experiments import prim
from sdtheory.experiments.comparison import Comparison
from sdtheory.experiments.discovery import discover
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.metric import Metric
from sdtheory.experiments.policy import Policy
from sdtheory.experiments.uncertainty import Uncertainty
from sdtheory.model.expression import Name

NAMES = tuple("abcdef")


def compared(points, worse, discrete=()):
    """A comparison in which the policy is worse by 1 in the given futures, and better by 1 in others."""
    kinds = {name: "discrete" if name in discrete else "uniform" for name in points}
    return Comparison(
        experiment=Experiment(
            policies=(Policy("plan"),),
            metrics=(Metric("cost", Name("cost"), better="lower"),),
            uncertainties=tuple(Uncertainty(name, kind) for name, kind in kinds.items()),
        ),
        policies=("baseline", "plan"),
        values={"cost": np.array([np.full(len(worse), 10.0), np.where(worse, 11.0, 9.0)])},
        status=np.full((2, len(worse)), "ok"),
        samples=pd.DataFrame(points),
        seed=1,
    )


def drawn(futures=2000, seed=1, names=NAMES):
    return pd.DataFrame(np.random.default_rng(seed).random((futures, len(names))), columns=list(names))


@st.composite
def clouds(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    points = rng.random((draw(st.integers(30, 150)), draw(st.integers(1, 4))))
    if draw(st.booleans()):
        points = np.round(points * draw(st.integers(1, 9)))  # with many equal values
    return points, rng.random(len(points)) < draw(st.floats(0.05, 0.95))


@given(clouds(), st.booleans())
@settings(max_examples=25, deadline=None)
def test_along_a_peeling_trajectory_mass_falls_and_coverage_never_rises(cloud, discrete):
    points, case = cloud
    trajectory = prim.peel(points, case, [0] if discrete else [])
    counts = np.array([one.count for one in trajectory])
    cases = np.array([one.cases for one in trajectory])
    assert (np.diff(counts) < 0).all()
    assert (np.diff(cases) <= 0).all()
    assert (counts >= 0.05 * len(points)).all()
    for one in trajectory:
        inside = one.limits.inside(points)
        assert (inside.sum(), case[inside].sum()) == (one.count, one.cases)


@given(clouds())
@settings(max_examples=25, deadline=None)
def test_pasting_never_loses_futures_or_density(cloud):
    points, case = cloud
    for one in prim.peel(points, case)[-1:]:
        wider = prim.paste(points, case, one.limits)
        assert wider.count >= one.count
        assert wider.density >= one.density
        assert wider.limits.inside(points)[one.limits.inside(points)].all()


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_box_in_six_dimensions_is_found_again(seed):
    points = drawn(seed=seed)
    planted = (points["b"] > 0.3) & (points["b"] < 0.8) & (points["e"] < 0.4)
    (box,) = discover(compared(points, planted), "cost").boxes
    assert set(box.limits) == {"b", "e"}
    low, high = box.limits["b"]
    assert (low, high) == pytest.approx((0.3, 0.8), abs=prim.PEEL)
    assert box.limits["e"] == (None, pytest.approx(0.4, abs=prim.PEEL))
    assert box.density >= 0.95
    assert box.coverage >= 0.9
    assert all(chance < 1e-6 for chance in box.quasi_p.values())
    assert box.reproduced["b"] == box.reproduced["e"] == 1
    assert max(box.reproduced[name] for name in "acdf") < 0.5


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("futures", "rate"), [(1024, 0.25), (512, 0.1)])
def test_in_pure_noise_no_dimension_is_restricted_in_more_than_half_of_the_half_samples(futures, rate, seed):
    points = drawn(futures, seed)
    noise = np.random.default_rng(seed + 100).random(futures) < rate
    found = discover(compared(points, noise), "cost")
    assert max(found.boxes[0].reproduced.values()) <= 0.5


def test_a_second_box_is_found_in_what_the_first_left():
    points = drawn(names="abc")
    first = (points["a"] < 0.4) & (points["b"] < 0.5)
    second = (points["a"] > 0.75) & (points["b"] > 0.7)
    found = discover(compared(points, first | second), "cost", boxes=4)
    assert [set(box.limits) for box in found.boxes] == [{"a", "b"}, {"a", "b"}]
    assert found.boxes[0].limits["a"][0] is found.boxes[1].limits["a"][1] is None
    assert sum(box.coverage for box in found.boxes) > 0.9
    assert list(found.table()["box"].unique()) == [1, 2]


def test_a_discrete_quantity_is_restricted_by_its_categories():
    points = drawn(names="ab")
    points["kind"] = np.random.default_rng(5).integers(0, 4, len(points)).astype(float)
    planted = points["kind"].isin([1, 3]) & (points["a"] > 0.5)
    (box,) = discover(compared(points, planted, discrete=("kind",)), "cost").boxes
    assert box.categories == {"kind": (1.0, 3.0)}
    assert set(box.limits) == {"a"}
    assert "kind 1 or 3" in box.conditions()


def test_the_sentence_says_limits_density_base_rate_and_coverage():
    points = drawn()
    planted = (points["b"] < 0.5).to_numpy() & (np.random.default_rng(2).random(len(points)) < 0.8)
    found = discover(compared(points, planted), "cost")
    (box,) = found.boxes
    assert found.sentences() == [
        f"in {100 * box.density:.0f} % of the futures with b < {box.limits['b'][1]:.3g} the policy is worse "
        f"(base rate {100 * planted.mean():.0f} %; covers {100 * box.coverage:.0f} %)"
    ]


def test_better_and_worse_are_each_others_complement_without_ties():
    points = drawn(600, names="ab")
    comparison = compared(points, points["a"] > 0.4)
    worse, better = (discover(comparison, "cost", when=word).case for word in ("worse", "better"))
    assert (worse.hit != better.hit).all()


def test_an_expression_of_the_difference_may_define_the_case():
    points = drawn(600, names="ab")
    comparison = compared(points, points["a"] > 0.4)
    by_word, by_formula = (
        discover(comparison, "cost", when=when) for when in ("worse", "difference > 0.5 AND value > baseline")
    )
    assert by_formula.boxes[0].limits == by_word.boxes[0].limits
    with pytest.raises(UnknownName, match="did you mean 'difference'"):
        discover(comparison, "cost", when="diference > 0.5")


def test_a_density_or_a_step_may_be_asked_for():
    points = drawn()
    planted = (points["b"] < 0.5).to_numpy() & (
        np.random.default_rng(2).random(len(points)) < 0.5 + 0.5 * points["a"]
    )
    comparison = compared(points, planted)
    (dense,) = discover(comparison, "cost", density=0.9).boxes
    trajectory = dense.trajectory
    assert trajectory["density"][dense.step] >= 0.9 > trajectory["density"][dense.step - 1]
    (third,) = discover(comparison, "cost", step=3).boxes
    assert third.step == 3
    with pytest.raises(UsageError, match="give 0 to"):
        discover(comparison, "cost", step=1000)


def test_rules_of_a_tree_part_the_futures_and_find_a_planted_corner():
    pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra: analysis)")
    points = drawn()
    planted = (points["b"] > 0.6) & (points["e"] < 0.4)
    found = discover(compared(points, planted), "cost", method="cart")
    table = found.table()
    assert table["count"].sum() == len(points)
    assert table["cases"].sum() == planted.sum()
    assert (table["mass"] >= 0.05).all()
    best = table.iloc[0]
    assert best["density"] > 0.95
    assert best["coverage"] > 0.95
    assert best["rule"].startswith("b > 0.") and " and e < 0." in best["rule"]
    assert found.sentences()[0].startswith(f"in 100 % of the futures with {best['rule']} the policy is worse")


@pytest.mark.parametrize(
    ("cases", "message"),
    [
        (19, "in 19 of 500 futures the policy is worse; discovery needs 20"),
        (500, "in all 500"),
        (0, "in 0 of"),
    ],
)
def test_too_few_cases_or_nothing_but_cases_are_refused(cases, message):
    worse = np.arange(500) < cases
    with pytest.raises(ExperimentError, match=message):
        discover(compared(drawn(500), worse), "cost")


def test_futures_without_a_comparison_are_left_out_and_counted():
    points = drawn(500, names="ab")
    comparison = compared(points, points["a"] > 0.4)
    comparison.status[1, :50] = "diverged"
    case = discover(comparison, "cost").case
    assert (case.left_out, len(case.hit)) == (50, 450)


def test_what_was_asked_wrongly_is_said():
    comparison = compared(drawn(500), np.arange(500) < 100)
    for error, arguments in (
        (UnknownName, {"method": "primm"}),
        (UnknownName, {"policy": "plam"}),
        (UnknownName, {"dimensions": ["g"]}),
        (UsageError, {"boxes": 0}),
    ):
        with pytest.raises(error):
            discover(comparison, "cost", **arguments)


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.tree", None)
    with pytest.raises(UsageError, match=r'needs scikit-learn: pip install "sdtheory\[analysis\]"'):
        discover(compared(drawn(500), np.arange(500) < 100), "cost", method="cart")


@pytest.mark.parametrize("method", ["prim", "cart"])
def test_results_are_strict_json_and_can_be_drawn(method):
    if method == "cart":
        pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra: analysis)")
    points = drawn(600)
    found = discover(compared(points, points["a"] > 0.4), "cost", method=method)
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert (document["method"], document["cases"]) == (method, int((points["a"] > 0.4).sum()))
    assert len(found.plot().axes) >= 1
