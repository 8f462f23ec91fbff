"""Laws of runs made at once: the numbers of every other run, whatever was changed."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from generated_models import models
from hypothesis import given, settings
from hypothesis import strategies as st

import sdtheory as sd
from sdtheory.engines import machine_code
from sdtheory.engines.at_once import simulate_at_once
from sdtheory.errors import NoMachineCode, SDError, SDWarning, SimulationError, UnknownName
from sdtheory.model.model import Constant, Stock

MODELS = sorted(path for suffix in ("xmile", "mdl") for path in Path("models").glob(f"m*.{suffix}"))
EQUAL = 1e-12


def quietly(run):
    """A run, or the words of what is wrong with it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SDWarning)
        try:
            return run()
        except SDError as error:
            return type(error), str(error)


def check_same(model, changes=None, within=EQUAL, **how):
    """The run made at once, after it was found to be that of the vectorised engine."""
    found = quietly(lambda: simulate_at_once(model, changes, **how))
    expected = quietly(lambda: sd.simulate(model, changes, engine="vectorised", **how))
    if isinstance(expected, tuple):
        if expected[0] is not sd.errors.NotCompiled:
            assert found == expected
        return found
    assert list(found.columns) == list(expected.columns) and found.index.equals(expected.index)
    assert found.attrs["status"] == expected.attrs["status"]
    ours, theirs = found.to_numpy(), expected.to_numpy()
    np.testing.assert_array_equal(np.isfinite(ours), np.isfinite(theirs))
    scale = np.nanmax(np.where(np.isfinite(theirs), np.abs(theirs), 0.0), axis=0, initial=0.0)
    with np.errstate(invalid="ignore"):
        assert not (np.abs(ours - theirs) > within * scale).any()
    return found


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.name)
def test_the_studys_models_give_the_vectorised_engines_numbers(path):
    found = check_same(sd.load(path))
    assert found.attrs["engine"] == "compiled"


@settings(max_examples=60, deadline=None)
@given(models(delays=True), st.data())
def test_any_number_may_be_changed(model, data):
    names = [variable.name for variable in model if isinstance(variable, Constant | Stock)]
    values = st.sampled_from([-1.0, 0.0, 0.25, 1.5])
    changes = data.draw(st.dictionaries(st.sampled_from(names), values))
    check_same(model, changes)


@settings(max_examples=20, deadline=None)
@given(models(delays=True), st.integers(0, 2**40))
def test_outputs_and_seed_are_those_of_any_run(model, seed):
    check_same(model, {}, outputs=["stock 0", "inflow 0"], seed=seed)


def test_a_corpus_gives_the_vectorised_engines_numbers(corpus):
    for path in corpus(".mdl", ".xmile", ".stmx"):
        model = quietly(lambda path=path: sd.load(path))
        if not isinstance(model, tuple):
            check_same(model, within=1e-9)


@pytest.fixture
def made(monkeypatch):
    """The texts that machine code is made of from now on."""
    texts: list[str] = []
    make = machine_code._compiled_at_once
    monkeypatch.setattr(
        machine_code, "_compiled_at_once", lambda text, machine: texts.append(text) or make(text, machine)
    )
    return texts


def test_numbers_and_points_of_lookups_need_no_new_machine_code(made):
    document = sd.read("models/m1_delays.mdl")
    model = sd.load(document)
    before = simulate_at_once(model)
    count = len(made)
    changed = simulate_at_once(model, {"search leverage": 3.1, "Understanding": 2.0})
    edited = simulate_at_once(sd.load(document.set_equation("search leverage", "3.1")))
    assert len(made) == count
    assert not changed.equals(before) and not edited.equals(before)
    simulate_at_once(sd.load(document.set_equation("difficulty", "1 + Time / 10")))
    assert len(made) == count + 1


def test_a_lookup_with_other_points_is_read_by_the_same_machine_code(made, tmp_path):
    path = tmp_path / "model.mdl"
    path.write_text("{UTF-8}\nt((0,0),(1,2),(5,1)) ~~|\ny = t(Time) ~~|\n", encoding="utf-8")
    with pytest.warns(SDWarning):
        model = sd.load(path)
    machine_code.forget()
    runs = [simulate_at_once(model, {"t": [(0, y), (2, 1), (5, 3)]}) for y in (0.0, 4.0)]
    assert len(made) == 1
    assert [run.loc[1.0, "y"] for run in runs] == [0.5, 2.5]


def test_a_delay_shorter_than_its_stages_is_run_as_by_any_engine(tmp_path):
    path = tmp_path / "model.mdl"
    text = "short = 1 ~~|\ny = DELAY3(Time, short) ~~|\nINITIAL TIME = 0 ~~|\nFINAL TIME = 5 ~~|\n"
    path.write_text("{UTF-8}\n" + text + "TIME STEP = 0.5 ~~|\nSAVEPER = 1 ~~|\n", encoding="utf-8")
    check_same(sd.load(path))


def test_what_only_the_reference_engine_runs_is_run_by_it(tmp_path):
    path = tmp_path / "model.mdl"
    text = "y = GET TIME VALUE(2, 0, 1) ~~|\nINITIAL TIME = 0 ~~|\nFINAL TIME = 2 ~~|\n"
    settings = "TIME STEP = 1 ~~|\nSAVEPER = 1 ~~|\n"
    path.write_text("{UTF-8}\n" + text + settings, encoding="utf-8")
    assert simulate_at_once(sd.load(path)).attrs["engine"] == "reference"


def test_without_the_compiler_numpy_runs(monkeypatch):
    def missing(*_):
        raise NoMachineCode("no compiler here")

    monkeypatch.setattr("sdtheory.engines.compiled.processor", missing)
    assert simulate_at_once(sd.load("models/m0_seed.mdl")).attrs["engine"] == "vectorised"


def test_wrong_changes_are_told_as_by_any_run():
    model = sd.load("models/m0_seed.mdl")
    with pytest.raises(UnknownName, match="did you mean 'search leverage'"):
        simulate_at_once(model, {"searh leverage": 1})
    with pytest.raises(SimulationError, match="computed by the model"):
        simulate_at_once(model, {"theorists": 1})
