"""Loop dominance over samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import sdtheory as sd
from sdtheory.errors import ModelError, SDWarning, SimulationError, UnknownName
from sdtheory.feedback import dominance_many as module

MODEL = "models/m0_seed.xmile"
SAMPLE = {"explanation pace ratio": [0.4, 0.9, 1.0, 1.5], "search leverage": [0.5, 3.0, 1.5, 4.0]}


@pytest.fixture(scope="module")
def model():
    return sd.load(MODEL)


def test_each_run_has_the_scores_that_it_has_alone(model):
    runs = sd.dominance_many(model, SAMPLE, keep="series")
    for run in range(4):
        alone = sd.loop_dominance(model, {name: values[run] for name, values in SAMPLE.items()})
        np.testing.assert_allclose(runs["relative"][run].values.T, alone.to_numpy(), atol=1e-9)
        np.testing.assert_allclose(runs["share"][run], alone.summary["share"], atol=1e-9)


def test_runs_in_parts_are_the_runs_at_once(model, monkeypatch):
    whole = sd.dominance_many(model, SAMPLE, keep="series")
    monkeypatch.setattr(module, "MOST_BYTES", 1)
    parts = sd.dominance_many(model, SAMPLE, keep="series")
    np.testing.assert_allclose(parts["relative"], whole["relative"], atol=1e-9)
    np.testing.assert_allclose(parts["dominant"], whole["dominant"])


def test_a_window_is_a_mean_over_its_steps(model):
    runs = sd.dominance_many(model, SAMPLE, keep="series", window=(2.0, 12.0))
    times = runs["time"].values
    inside = (times > 2.0) & (times <= 12.0)
    np.testing.assert_allclose(runs["share"], np.abs(runs["relative"].values[..., inside]).mean(axis=-1))
    with pytest.raises(SimulationError, match="no step of the run"):
        sd.dominance_many(model, SAMPLE, window=(50.0, 60.0))


def test_how_often_a_loop_dominates_is_a_share_of_the_runs(model):
    runs = sd.dominance_many(model, SAMPLE)
    last = runs["dominant"].isel(time=-1).to_series()
    assert last["R1"] == 0.75  # in the third run nothing changes
    assert runs["dominant"].isel(time=0).sum() == 0


def test_diverged_runs_are_left_out_and_counted(tmp_path):
    path = tmp_path / "explosion.mdl"
    path.write_text(
        "{UTF-8}\nrate = 1 ~~|\nlevel = INTEG(rate * level ^ 2, 1) ~~|\nINITIAL TIME = 0 ~~|\n"
        "FINAL TIME = 20 ~~|\nTIME STEP = 0.5 ~~|\nSAVEPER = 1 ~~|\n",
        encoding="utf-8",
    )
    runs = sd.dominance_many(sd.load(path), {"rate": [0.01, 5.0, -0.2]})
    assert runs.attrs["left_out"] == 1
    assert runs["status"].values.tolist() == ["ok", "diverged", "ok"]
    assert np.isnan(runs["share"].values[:, 0]).tolist() == [False, True, False]
    assert set(runs["dominant"].values[0].round(6)) <= {0.0, 1.0}


def test_random_numbers_of_a_run_do_not_depend_on_the_parts(tmp_path, monkeypatch):
    path = tmp_path / "noisy.mdl"
    path.write_text(
        "{UTF-8}\nrate = 1 ~~|\nlevel = INTEG(gain - 0.2 * level, 1) ~~|\n"
        "gain = rate * level * RANDOM UNIFORM(0, 0.3, 0) ~~|\n"
        "INITIAL TIME = 0 ~~|\nFINAL TIME = 10 ~~|\nTIME STEP = 0.5 ~~|\nSAVEPER = 1 ~~|\n",
        encoding="utf-8",
    )
    model = sd.load(path)
    whole = sd.dominance_many(model, {"rate": [1.0, 1.0, 1.0]})
    monkeypatch.setattr(module, "MOST_BYTES", 1)
    parts = sd.dominance_many(model, {"rate": [1.0, 1.0, 1.0]})
    np.testing.assert_allclose(parts["share"], whole["share"], atol=1e-9)
    assert len(set(whole["share"].values[:, 0])) == 3


def test_a_sample_needs_a_row_and_known_words(model):
    with pytest.raises(SimulationError, match="no rows"):
        sd.dominance_many(model, {"search leverage": []})
    with pytest.raises(UnknownName, match="did you mean 'series'"):
        sd.dominance_many(model, SAMPLE, keep="serie")


def test_a_model_for_runge_and_kutta_says_that_runs_are_euler_s(model):
    other = replace(model, settings=replace(model.settings, method="rk4"))
    with pytest.warns(SDWarning, match="Euler runs"):
        sd.dominance_many(other, SAMPLE)


def test_too_many_loops_to_compare_are_refused(model, monkeypatch):
    found = sd.find_loops(model, limit=1)
    monkeypatch.setattr(module, "find_loops", lambda *_, **__: found)
    with pytest.raises(ModelError, match="at least 1 loops"):
        sd.dominance_many(model, SAMPLE)
