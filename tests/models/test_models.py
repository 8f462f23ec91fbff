"""The study's models: formats and engines give the same numbers, and every number is accounted for."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest

import sdtheory as sd

RUNGS = ("m0_seed", "m1_delays", "m2_search_space", "m3_spectrum", "m4_paradigms")
OPTIONAL = ("m5_extensions", "m5_two_labs")
EVERY = RUNGS + OPTIONAL
# PySD runs these to the end in a moment
WITHOUT_ARRAYS = ("m0_seed", "m1_delays", "m5_two_labs")
WITH_ARRAYS = ("m2_search_space", "m3_spectrum", "m4_paradigms", "m5_extensions")
# theory labour and experimental labour are two numbers, not a spectrum of roles
WITHOUT_ROLES = RUNGS[:3]
WITH_EXPERIMENT = RUNGS[:2]
FORMATS = ("xmile", "mdl")
CONTROLS = {"INITIAL TIME", "FINAL TIME", "TIME STEP", "SAVEPER"}
# (year, policy): capability, understanding gap, safety gap as far as the rung has one
PRINTED = {
    "m0_seed": {
        (12, 0.0): (38.0000, 30.4000),
        (12, 0.5): (38.4696, 29.4849),
        (32, 0.0): (68.0000, 54.4000),
        (32, 0.5): (70.4654, 52.9636),
    },
    "m1_delays": {
        (12, 0.0): (37.8981, 31.7430, 31.9789),
        (12, 0.5): (38.0500, 30.8605, 31.2440),
        (32, 0.0): (67.4145, 60.6001, 60.6016),
        (32, 0.5): (67.6157, 59.2090, 59.2317),
    },
    "m2_search_space": {
        (12, 0.0): (37.9104, 31.7562, 31.9917),
        (12, 0.5): (38.0460, 30.8559, 31.2395),
        (32, 0.0): (67.4585, 60.6475, 60.6488),
        (32, 0.5): (67.6519, 59.2477, 59.2703),
    },
    "m3_spectrum": {
        (12, 0.0): (37.7557, 29.6788, 30.4040),
        (12, 0.5): (38.9801, 29.2670, 30.2980),
        (32, 0.0): (65.3408, 49.8289, 50.5164),
        (32, 0.5): (67.0305, 47.3782, 48.2708),
    },
    "m4_paradigms": {
        (12, 0.0): (37.9250, 29.0069, 30.4721),
        (12, 0.5): (38.9656, 28.5461, 30.5141),
        (32, 0.0): (65.1429, 42.2567, 44.8754),
        (32, 0.5): (66.7095, 38.4527, 41.7616),
    },
    # what the labs explain and find together is M1's
    "m5_two_labs": {
        (12, 0.0): (37.8981, 31.7430),
        (12, 0.5): (38.0500, 30.8605),
        (32, 0.0): (67.4145, 60.6001),
        (32, 0.5): (67.6157, 59.2090),
    },
}
# every switch is off
PRINTED["m5_extensions"] = PRINTED["m4_paradigms"]
POLICIES = {
    "theorist boost": 0.5,
    "boost by conversion": 1.0,
    "experimenter boost": 0.5,
    "embargo": 3.0,
    "spectrum tilt": 1.0,
    "safety uptake boost": 1.0,
    "withheld increase": 0.5,
    "gate strength": 1.0,
    "steering": 0.5,
    "theorist boost A": 0.5,
    "theorist boost B": 0.5,
    "withheld increase A": 0.5,
    "withheld increase B": 0.5,
}
# what is neutral in the files of the optional models
SWITCHES = {
    "paradigm shift level": 21.0,
    "paradigm shift loss": 0.5,
    "throughput curvature": 0.5,
    "initial search relevance": 0.8,
    "steering": 0.5,
    "initial lead of A": 1.0,
    "withheld by A": 0.3,
    "imitation rate": 0.2,
    "race response": 0.1,
}
SETTINGS = {"m0_seed": 3, "m1_delays": 4, "m2_search_space": 4, "m3_spectrum": 5, "m4_paradigms": 8} | {
    "m5_extensions": 9,
    "m5_two_labs": 4,
}


def boosted(model, boost):
    """The boost of theorists, in both labs where there are two."""
    return {
        name: boost for name in ("theorist boost", "theorist boost A", "theorist boost B") if name in model
    }


@pytest.fixture(scope="module")
def models(ladder):
    return ladder


def tables(rung):
    return tomllib.loads(Path(f"models/{rung}.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("rung", EVERY)
@pytest.mark.parametrize("engine", ["vectorised", "compiled"])
@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_both_formats_give_the_same_numbers(models, rung, engine, strength):
    changes = {name: strength * full for name, full in POLICIES.items() if name in models[rung, "xmile"]}
    xmile, vensim = (sd.simulate(models[rung, kind], changes, engine=engine) for kind in FORMATS)
    assert xmile.attrs["engine"] == vensim.attrs["engine"] == engine
    assert set(xmile.columns) - CONTROLS == set(vensim.columns) - CONTROLS
    names = [name for name in xmile.columns if name not in CONTROLS]
    np.testing.assert_allclose(xmile[names], vensim[names], rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    ("rung", "stop"), [*((rung, 42) for rung in WITHOUT_ARRAYS), *((rung, 2.5) for rung in WITH_ARRAYS)]
)
@pytest.mark.parametrize("kind", FORMATS)
def test_all_engines_give_the_same_numbers(models, rung, stop, kind):
    """Rungs with arrays take PySD seconds for a few years, so only past the policy start every day."""
    compare_with_reference(models[rung, kind], stop)


@pytest.mark.slow
@pytest.mark.parametrize("rung", WITH_ARRAYS)
@pytest.mark.parametrize("kind", FORMATS)
def test_all_engines_give_the_same_numbers_to_the_end(models, rung, kind):
    compare_with_reference(models[rung, kind], 42)


def compare_with_reference(model, stop):
    changes = {
        **boosted(model, 0.5),
        **{name: value for name, value in SWITCHES.items() if name in model},
        "search leverage": 3.0,
    }
    engines = ("reference", "vectorised", "compiled")
    reference, *others = (sd.simulate(model, changes, engine=engine, stop=stop) for engine in engines)
    assert reference.attrs["engine"] == "reference"
    for run in others:
        common = [name for name in run.columns if name in reference.columns]
        assert {"understanding", "understanding gap", "cumulative gap"} <= set(common)
        assert len(common) >= len(run.columns) - len(CONTROLS)
        np.testing.assert_allclose(run[common], reference[common], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("rung", EVERY)
@pytest.mark.parametrize("kind", FORMATS)
def test_the_default_runs_are_the_printed_ones(models, rung, kind):
    best = "frontier" if rung == "m5_two_labs" else "capability"
    names = (best, "understanding gap", "safety gap")
    for (year, boost), numbers in PRINTED[rung].items():
        run = sd.simulate(models[rung, kind], boosted(models[rung, kind], boost))
        found = [f"{run.loc[year, name]:.4f}" for name in names[: len(numbers)]]
        assert found == [f"{number:.4f}" for number in numbers]


@pytest.mark.parametrize("rung", WITH_EXPERIMENT)
def test_every_constant_has_a_source_or_is_called_an_assumption(models, rung):
    file = tables(rung)
    rows = {**file["uncertainty"], **file["fixed"]}
    for variable in models[rung, "xmile"]:
        if variable.kind != "constant" or variable.name in CONTROLS:
            continue
        if variable.name in file["derived"]:
            assert "assumption" in variable.documentation
            continue
        row = rows[variable.name]
        assert row.get("source") or row.get("assumption") is True, variable.name


@pytest.mark.parametrize("rung", WITH_EXPERIMENT)
def test_every_row_speaks_of_a_constant_of_the_model_and_its_default_lies_in_the_range(models, rung):
    file, model = tables(rung), models[rung, "xmile"]
    run = sd.simulate(model)
    for name, row in file["uncertainty"].items():
        if row.get("free"):
            assert name not in model
            continue
        assert model[name].kind == "constant"
        assert row["low"] <= run[model[name].name].iloc[0] <= row["high"], name
    for name, row in file["fixed"].items():
        assert run[model[name].name].iloc[0] == row["value"], name


@pytest.mark.parametrize("rung", EVERY)
@pytest.mark.parametrize("kind", FORMATS)
def test_every_variable_has_units_and_documentation(models, rung, kind):
    for variable in models[rung, kind]:
        if variable.name not in CONTROLS:
            assert variable.units, variable.name
            assert variable.documentation.strip(), variable.name


@pytest.mark.parametrize("rung", EVERY)
def test_both_formats_tell_the_same_story(models, rung):
    xmile, vensim = (models[rung, kind] for kind in FORMATS)
    for variable in xmile:
        if variable.name not in CONTROLS:
            other = vensim[variable.name]
            assert (variable.kind, variable.units, " ".join(variable.documentation.split())) == (
                other.kind,
                other.units,
                " ".join(other.documentation.split()),
            ), variable.name


@pytest.mark.parametrize("rung", EVERY)
def test_policies_of_strength_zero_are_the_baseline_bit_by_bit(models, rung):
    model = models[rung, "xmile"]
    base = sd.simulate(model)
    words = [word for word in POLICIES if word in model]
    assert len(words) == SETTINGS[rung]
    for word in words:
        assert sd.simulate(model, {word: 0.0}).equals(base)
    assert (
        sd.simulate(model, {"policy start": 30.0})
        .drop(columns="policy start")
        .equals(base.drop(columns="policy start"))
    )


@pytest.mark.parametrize("rung", WITHOUT_ROLES)
def test_without_theorists_nothing_more_is_explained(models, rung):
    run = sd.simulate(models[rung, "xmile"], {"theorist boost": -1.0}).loc[2.125:]
    assert np.isfinite(run.to_numpy()).all()
    assert (run["theorists"] == 0).all()
    assert (run["explanation"] == 0).all()


@pytest.mark.parametrize("rung", WITHOUT_ROLES)
def test_without_experimenters_capability_stands_still(models, rung):
    run = sd.simulate(models[rung, "xmile"], {"experimenter boost": -1.0}).loc[2.125:]
    assert np.isfinite(run.to_numpy()).all()
    assert (run["capability growth"] == 0).all()


@pytest.mark.parametrize("rung", WITHOUT_ROLES)
def test_without_leverage_theory_leaves_capability_alone(models, rung):
    runs = [
        sd.simulate(models[rung, "xmile"], {"search leverage": 0.0, "theorist boost": boost})["capability"]
        for boost in (0.0, 0.5)
    ]
    assert runs[0].equals(runs[1])


@pytest.mark.parametrize("rung", WITH_EXPERIMENT)
def test_in_every_future_understanding_lies_between_nothing_and_capability(models, rung):
    model, experiment = models[rung, "xmile"], sd.Experiment.read(f"models/{rung}.toml")
    comparison = sd.compare(model, experiment, runs=128, seed=5)
    assert comparison.runs == 128
    ranges = {n: r for n, r in tables(rung)["uncertainty"].items() if not r.get("free")}
    rng = np.random.default_rng(5)
    corners = {n: rng.choice([r["low"], r["high"]], 128) for n, r in ranges.items()}
    runs = sd.simulate_many(model, corners, outputs=["capability", "understanding"])
    assert (runs["status"] == "ok").all()
    capability, understanding = runs["capability"].values, runs["understanding"].values
    assert np.isfinite(capability).all() and np.isfinite(understanding).all()
    assert (understanding >= 0).all() and (understanding <= capability * (1 + 1e-12)).all()
    assert (np.diff(capability, axis=1) >= 0).all()


@pytest.mark.parametrize("rung", EVERY)
@pytest.mark.parametrize("kind", FORMATS)
def test_loading_and_running_write_nothing_beside_the_model(tmp_path, monkeypatch, rung, kind):
    copy = tmp_path / f"{rung}.{kind}"
    shutil.copy(f"models/{rung}.{kind}", copy)
    monkeypatch.chdir(tmp_path)
    before = copy.read_bytes()
    for engine in ("vectorised", "reference"):
        sd.simulate(sd.load(copy), engine=engine, stop=1)
    assert [path.name for path in tmp_path.iterdir()] == [copy.name]
    assert copy.read_bytes() == before


@pytest.mark.parametrize("rung", WITH_EXPERIMENT)
def test_the_experiment_fits_its_model_and_its_loops_exist(models, rung):
    model, experiment = models[rung, "xmile"], sd.Experiment.read(f"models/{rung}.toml")
    experiment.check(model)
    loops = sd.find_loops(sd.causal_graph(model, sd.simulate(model)), names=experiment.loops)
    assert loops.find("mission loop").polarity == "R"
