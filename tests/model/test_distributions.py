"""Distributions as expressions: against SciPy's, and as inverses of one another."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from sdtheory.model import distributions
from sdtheory.model.expression import Name, Number, evaluate
from sdtheory.model.functions import FUNCTIONS

U = (np.arange(4000) + 0.5) / 4000


def value(tree, x):
    return evaluate(tree, {"x": x})


def test_the_normal_probability_is_right_to_the_last_digits_far_into_the_tail():
    x = np.concatenate([np.linspace(-37, 9, 40_001), np.linspace(-1, 1, 2_001)])
    found = value(distributions.normal_cdf(Name("x")), x)
    near = np.abs(x) < 10
    assert found[near] == pytest.approx(special.ndtr(x[near]), rel=3e-14)
    assert found == pytest.approx(special.ndtr(x), rel=1e-12)


def test_the_normal_quantile_is_right_to_the_last_digits_for_the_smallest_probabilities():
    p = np.concatenate([np.logspace(-300, -1, 20_001), np.linspace(1e-6, 1 - 1e-6, 20_001)])
    found = value(distributions.normal_quantile(Name("x")), p)
    assert found == pytest.approx(special.ndtri(p), rel=3e-15, abs=1e-16)


@pytest.mark.parametrize("low, high", [(-1.0, 3.0), (7.0, 9.0), (-30.0, -20.0), (1.5, 1.6), (-1e9, 1e9)])
def test_a_truncated_normal_number_is_the_quantile_of_its_distribution(low, high):
    mean, deviation = 1.0, 2.0
    tree = distributions.truncated_normal(Name("x"), *map(Number, (low, high, mean, deviation)))
    own = stats.truncnorm((low - mean) / deviation, (high - mean) / deviation, mean, deviation)
    assert value(tree, U) == pytest.approx(own.ppf(U), rel=1e-9)


def test_a_normal_number_without_deviation_is_its_mean():
    tree = distributions.truncated_normal(Name("x"), *map(Number, (0.0, 2.0, 1.5, 0.0)))
    assert set(value(tree, U)) == {1.5}


@pytest.mark.parametrize("low, high", [(0.0, 10.0), (2.5, 3.0), (-5.0, 1e9)])
def test_a_truncated_exponential_number_is_the_quantile_of_its_distribution(low, high):
    shift, stretch = 1.0, 2.0
    tree = distributions.truncated_exponential(Name("x"), *map(Number, (low, high, shift, stretch)))
    whole = stats.expon(shift, stretch)
    p = whole.cdf(low) + U * (whole.cdf(high) - whole.cdf(low))
    assert value(tree, U) == pytest.approx(whole.ppf(p), rel=1e-9)


@pytest.mark.parametrize("left, peak, right", [(1.0, 2.0, 4.0), (1.0, 1.0, 4.0), (1.0, 4.0, 4.0)])
@pytest.mark.parametrize("low, high", [(0.0, 10.0), (1.5, 3.5)])
def test_a_triangular_number_is_the_quantile_of_its_distribution(left, peak, right, low, high):
    tree = distributions.triangular(Name("x"), *map(Number, (low, high, left, peak, right)))
    whole = stats.triang((peak - left) / (right - left), left, right - left)
    p = whole.cdf(low) + U * (whole.cdf(high) - whole.cdf(low))
    assert value(tree, U) == pytest.approx(whole.ppf(p), rel=1e-9)


@pytest.mark.parametrize(
    "key, arguments",
    [
        ("random_uniform", (1.0, 3.0)),
        ("random_normal", (-1.0, 3.0, 1.0, 2.0, 0.0)),
        ("random_exponential", (1.2, 6.0, 1.0, 2.0, 0.0)),
        ("random_triangular", (1.0, 3.5, 0.5, 2.0, 4.0, 0.0)),
        ("normal", (1.0, 2.0)),
        ("exprnd", (2.0,)),
    ],
)
def test_a_parameter_moves_a_random_number_as_its_sign_says(key, arguments):
    row = FUNCTIONS[key]
    drawn = value(row.draw(Name("x"), *map(Number, arguments)), U)
    for place, sign in enumerate(row.signs[: len(arguments)]):
        larger = tuple(number + (0.01 if i == place else 0.0) for i, number in enumerate(arguments))
        step = value(row.draw(Name("x"), *map(Number, larger)), U) - drawn
        slack = 1e-12
        if sign == "+":
            assert (step >= -slack).all()
        if sign == "0":
            assert np.abs(step).max() <= slack
        if sign == "?":
            assert (step < 0).any() and (step > 0).any()
