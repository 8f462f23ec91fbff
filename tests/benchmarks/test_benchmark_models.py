"""The models that speed is measured on are what they are said to be."""

from __future__ import annotations

import benchmark_models
import numpy as np
import pytest

import sdtheory as sd
from sdtheory.engines.graph import STEP
from sdtheory.engines.program import make_program


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    def load(text):
        path = tmp_path_factory.mktemp("models") / "model.mdl"
        path.write_text(text, encoding="utf-8")
        return sd.load(path)

    return load


def test_the_made_up_model_has_the_size_of_world3(loaded):
    model = loaded(benchmark_models.world())
    program = make_program(
        model,
        parameters=list(benchmark_models.world_ranges()),
        outputs=list(benchmark_models.world_outputs()),
    )
    moving = [node for node, rate in zip(program.step.nodes, program.step.rates, strict=True) if rate == STEP]
    assert len(model.variables) == pytest.approx(260, abs=5)
    assert len(program.states) == 41
    assert sum(node[0] == "table" for node in moving) == 51
    assert len(moving) == pytest.approx(366, abs=5)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sectors", [4, 7, 12])
def test_the_made_up_model_stays_finite_and_positive(seed, sectors, loaded):
    model = loaded(benchmark_models.world(seed, sectors))
    ranges = benchmark_models.world_ranges(sectors)
    corners = np.array(np.meshgrid(*ranges.values())).reshape(len(ranges), -1)
    runs = sd.simulate_many(
        model,
        dict(zip(ranges, corners, strict=True)),
        outputs=benchmark_models.world_outputs(sectors),
        engine="vectorised",
    )
    assert (runs["status"] == "ok").all()
    assert all((runs[name] > 0).all() for name in benchmark_models.world_outputs(sectors))


def test_the_epidemic_has_3200_steps_and_loses_nobody(loaded):
    model = loaded(benchmark_models.sir())
    run = sd.simulate(model)
    people = run["susceptible"] + run["infectious"] + run["recovered"]
    assert (run.index[-1] - run.index[0]) / run["TIME STEP"].iloc[0] == 3200
    np.testing.assert_allclose(people, run["population"], rtol=1e-12)
