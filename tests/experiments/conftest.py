"""A model whose answer is known, and comparisons of it."""

import pytest

from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.metric import Metric
from sdtheory.experiments.policy import Policy
from sdtheory.experiments.uncertainty import Uncertainty
from sdtheory.model.expression import Name, Number
from sdtheory.model.model import Constant, Equation, Flow, Model, SimulationSettings, Stock


@pytest.fixture(scope="session")
def filling():
    """A level that rises by its pace each year for four years."""
    return Model(
        "filling",
        {
            "level": Stock("level", (Equation(Name("inflow"), initial=Number(0.0)),), inflows=("inflow",)),
            "inflow": Flow("inflow", (Equation(Name("pace")),)),
            "pace": Constant("pace", (Equation(Number(1.0)),)),
        },
        SimulationSettings(Number(0.0), Number(4.0), Number(0.5), Number(0.5)),
    )


@pytest.fixture(scope="session")
def faster():
    """A policy that sets the pace, in futures where it is uncertain."""
    return Experiment(
        policies=(Policy("faster", set={"pace": 2.5}),),
        metrics=(Metric("end", Name("level"), "final", better="higher"),),
        uncertainties=(Uncertainty("pace", "uniform", {"low": 1.0, "high": 3.0}),),
    )
