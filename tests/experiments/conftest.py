"""Models whose outputs have closed forms."""

from __future__ import annotations

import pytest

from sdtheory.experiments.formula import read_formula
from sdtheory.experiments.metric import Metric
from sdtheory.model.expression import Name, Number
from sdtheory.model.model import Auxiliary, Constant, Equation, Model, SimulationSettings


@pytest.fixture(scope="session")
def closed_form():
    """A function that makes a model of constants and of auxiliaries given by formulas."""

    def make(constants, **formulas):
        variables = {name: Constant(name, (Equation(Number(value)),)) for name, value in constants.items()}
        variables |= {
            name: Auxiliary(name, (Equation(read_formula(text)),)) for name, text in formulas.items()
        }
        settings = SimulationSettings(Number(0.0), Number(1.0), Number(1.0), Number(1.0))
        return Model("closed form", variables, settings)

    return make


@pytest.fixture(scope="session")
def final():
    """A function that makes the metric of a variable's last value."""

    def make(name, better="lower"):
        return Metric(name, Name(name), "final", better=better)

    return make
