"""Options of the test suite."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Tests leave the user's cache alone, and what an editor has kept; those that run side by side share a cache."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SDTHEORY_CACHE", str(shared / "cache"))
        patch.setenv("SDTHEORY_STATE", str(tmp_path_factory.mktemp("state")))
        yield


def pytest_addoption(parser):
    group = parser.getgroup("conformance")
    group.addoption(
        "--conformance", metavar="DIR", help="run every model below DIR against its stored output"
    )
    group.addoption("--conformance-report", metavar="FILE", help="write the outcome of each file as JSON")
    group = parser.getgroup("benchmark")
    group.addoption("--world3", metavar="FILE", help="measure on this model in place of one of its size")
    group.addoption("--record", action="store_true", help="put the ratios measured on record")


@pytest.fixture(scope="session")
def closed_form():
    """A function that makes a model of constants and of auxiliaries given by formulas."""
    from sdtheory.experiments.formula import read_formula
    from sdtheory.model.expression import Number
    from sdtheory.model.model import Auxiliary, Constant, Equation, Model, SimulationSettings

    def make(constants, **formulas):
        variables = {name: Constant(name, (Equation(Number(value)),)) for name, value in constants.items()}
        variables |= {
            name: Auxiliary(name, (Equation(read_formula(text)),)) for name, text in formulas.items()
        }
        times = SimulationSettings(Number(0.0), Number(1.0), Number(1.0), Number(1.0))
        return Model("closed form", variables, times)

    return make


@pytest.fixture(scope="session")
def final():
    """A function that makes the metric of a variable's last value."""
    from sdtheory.experiments.metric import Metric
    from sdtheory.model.expression import Name

    def make(name, better="lower"):
        return Metric(name, Name(name), "final", better=better)

    return make
