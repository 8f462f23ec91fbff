"""Calibration on data made by the model itself."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sdtheory as sd
from sdtheory.errors import ExperimentError, UnknownName, UsageError
from sdtheory.experiments.calibration import calibrate
from sdtheory.experiments.formula import read_formula
from sdtheory.experiments.observations import _theil
from sdtheory.model.expression import Name, Number
from sdtheory.model.model import Constant, Equation, Flow, Model, SimulationSettings, Stock

RANGES = {"rate": (0.05, 2.0), "start": (1.0, 40.0)}


def decaying(outflow):
    """A level that starts somewhere and runs out at a rate."""
    names = [("rate", 0.5), ("start", 10.0), ("other", 0.1), ("idle", 1.0)]
    variables = {name: Constant(name, (Equation(Number(value)),)) for name, value in names}
    variables["outflow"] = Flow("outflow", (Equation(read_formula(outflow)),))
    level = Equation(read_formula("-outflow"), initial=Name("start"))
    variables["level"] = Stock("level", (level,), outflows=("outflow",))
    times = SimulationSettings(Number(0.0), Number(8.0), Number(0.25), Number(1.0))
    return Model("decay", variables, times)


@pytest.fixture(scope="module")
def model():
    return decaying("rate * level")


def observed(model, noise=0.0, seed=0, every=2, **values):
    run = sd.simulate(model, values, outputs=["level"], save_every=0.25).iloc[::every].reset_index()
    run["level"] += noise * np.random.default_rng(seed).normal(size=len(run))
    return run


@given(st.floats(0.1, 1.8), st.floats(2, 38))
@settings(max_examples=6, deadline=None)
def test_known_parameters_are_recovered_from_data_without_noise(model, rate, start):
    data = observed(model, rate=rate, start=start)
    found = calibrate(model, data, RANGES, starts=4)
    assert found.estimates["rate"] == pytest.approx(rate, rel=1e-4)
    assert found.estimates["start"] == pytest.approx(start, rel=1e-4)
    assert not found.reasons
    assert (found.parameters["low"] <= found.parameters["estimate"]).all()
    assert found.fit["R2"].to_numpy() == pytest.approx(1)


def test_parameters_of_m1_are_recovered_from_two_series():
    model = sd.load("models/m1_delays.xmile")
    truth = {"difficulty slope": 0.12, "obsolescence": 0.5, "search leverage": 3.0}
    run = sd.simulate(model, truth, outputs=["capability", "understanding"]).iloc[::16].reset_index()
    ranges = {"difficulty slope": (0.02, 0.4), "obsolescence": (0.0, 0.8), "search leverage": (0.2, 5.0)}
    found = calibrate(model, run, ranges, starts=4)
    assert found.estimates == pytest.approx(truth, rel=1e-4)


def coverage(model, repetitions, **more):
    inside = []
    for seed in range(repetitions):
        data = observed(model, noise=0.3, seed=seed, rate=0.4, start=12.0)
        table = calibrate(model, data, RANGES, starts=1, **more).parameters.set_index("parameter")
        inside += [
            table.loc[name, "low"] <= truth <= table.loc[name, "high"]
            for name, truth in (("rate", 0.4), ("start", 12.0))
        ]
    return np.mean(inside)


def test_intervals_hold_the_truth_about_as_often_as_they_say(model):
    assert 0.85 <= coverage(model, 20) <= 1.0


@pytest.mark.slow
@pytest.mark.parametrize("errors", [None, {"level": 0.3}])
def test_intervals_hold_the_truth_in_nineteen_of_twenty_noisy_repetitions(model, errors):
    assert 0.90 <= coverage(model, 200, errors=errors) <= 0.98


def test_intervals_grow_with_the_noise(model):
    widths = []
    for noise in (0.01, 0.1, 1.0):
        table = calibrate(model, observed(model, noise=noise), RANGES, starts=1).parameters
        widths.append(float(table["high"][0] - table["low"][0]))
    assert widths[0] < widths[1] < widths[2]
    assert widths[1] == pytest.approx(10 * widths[0], rel=0.1)


def test_a_duplicated_parameter_cannot_be_told_from_its_double():
    model = decaying("(rate + other) * level")
    ranges = {"rate": (0.0, 1.0), "start": (1.0, 40.0), "other": (0.0, 1.0)}
    found = calibrate(model, observed(model, noise=0.05), ranges, starts=2)
    assert found.reasons == {
        "rate": "changes of it and of 'other' make up for each other",
        "other": "changes of it and of 'rate' make up for each other",
    }
    table = found.parameters.set_index("parameter")
    assert table["identifiable"].to_dict() == {"rate": False, "start": True, "other": False}
    assert table.loc["rate", "open"] == "both"
    assert sum(found.estimates[name] for name in ("rate", "other")) == pytest.approx(0.6, abs=0.02)
    assert np.isnan(found.correlation.loc["rate", "other"])


def test_a_parameter_that_nothing_observed_depends_on_is_named(model):
    found = calibrate(model, observed(model), {**RANGES, "idle": (0.0, 1.0)}, starts=2)
    assert found.reasons == {"idle": "it changes no observed variable"}


def test_a_parameter_whose_profile_stays_flat_is_named(model):
    """Noise far above what the rate could change within its narrow range."""
    found = calibrate(
        model, observed(model, noise=5.0, every=8), {"rate": (0.48, 0.52)}, starts=1, errors={"level": 5.0}
    )
    assert found.reasons == {"rate": "the fit hardly changes over its whole range"}
    assert found.parameters["open"][0] == "both"


def test_a_profile_that_reaches_the_end_of_the_range_is_open_there(model):
    found = calibrate(model, observed(model, noise=0.2, rate=0.5), {"rate": (0.4, 0.502)}, starts=1)
    row = found.parameters.iloc[0]
    assert (row["open"], row["identifiable"]) == ("high", True)
    assert math.isnan(row["high"]) and row["low"] < row["estimate"]


def test_correlated_estimates_are_reported(model):
    found = calibrate(model, observed(model, noise=0.1), RANGES, starts=1)
    assert np.diag(found.correlation) == pytest.approx(1)
    assert found.correlation.to_numpy() == pytest.approx(found.correlation.to_numpy().T)
    assert 0.3 < found.correlation.loc["rate", "start"] < 1


def test_weights_decide_between_series_that_disagree(model):
    data = observed(model, rate=0.5).assign(outflow=lambda table: 0.8 * table["level"])
    by_level, by_outflow = (
        calibrate(model, data, {"rate": (0.1, 2.0)}, starts=1, weights={name: 1000.0}).estimates["rate"]
        for name in ("level", "outflow")
    )
    assert by_level == pytest.approx(0.5, rel=1e-2)
    assert by_outflow > 0.55


@given(
    st.lists(st.tuples(st.floats(-100, 100), st.floats(-100, 100)), min_size=2, max_size=30).filter(
        lambda rows: max(abs(a - b) for a, b in rows) > 1e-3
    )
)
@settings(max_examples=60, deadline=None)
def test_theils_shares_part_the_error(rows):
    seen, run = np.array(rows).T
    found = _theil(seen, run)
    assert found["bias"] + found["variance"] + found["covariance"] == pytest.approx(1)
    assert min(found["bias"], found["variance"]) >= 0
    assert found["covariance"] >= -1e-6
    assert _theil(seen, seen)["RMSE"] == 0


def test_a_shift_is_all_bias():
    seen = np.array([1.0, 2.0, 4.0])
    assert _theil(seen, seen + 3)["bias"] == pytest.approx(1)


def test_missing_observations_are_skipped(model, tmp_path):
    data = observed(model, rate=0.7)
    data.loc[[2, 5], "level"] = np.nan
    data.to_csv(tmp_path / "data.csv", index=False)
    found = calibrate(model, tmp_path / "data.csv", RANGES, starts=2)
    assert found.estimates["rate"] == pytest.approx(0.7, rel=1e-4)
    assert found.fit["observations"].tolist() == [len(data) - 2]


def test_runs_that_give_no_numbers_are_counted_and_do_not_stop_the_search():
    model = decaying("rate * level + 0 * SQRT(0.8 - rate)")
    found = calibrate(model, observed(model, rate=0.5), RANGES, starts=4)
    assert found.estimates["rate"] == pytest.approx(0.5, rel=1e-4)
    assert found.not_finite > 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t,level\n0,1\n", "one column 'time'"),
        ("time,levle\n0,1\n1,2\n2,3\n", "did you mean 'level'"),
        ("time,level\n0,1\n1,two\n", "3: 'level': 'two' is no number"),
        ("time,level\n0,\n1,\n", "'level' has no observation"),
        ("time,level\n0,1\n1,2\n", "2 observations cannot tell 2 parameters"),
        ("time,level\n0,1\n1,2\n99,3\n", "time 99 lies outside the run, 0 to 8"),
        ("time,level\n0,1\n,2\n3,3\n", "a time is missing"),
        ("time\n0\n", "no column beside 'time'"),
        ("", "cannot read the data"),
    ],
)
def test_bad_data_are_refused_with_file_and_reason(model, tmp_path, text, message):
    (tmp_path / "data.csv").write_text(text)
    with pytest.raises((ExperimentError, UnknownName), match=message):
        calibrate(model, tmp_path / "data.csv", RANGES, starts=1)


def test_what_was_asked_wrongly_is_said(model):
    data = observed(model)
    for error, message, arguments in (
        (UnknownName, "did you mean 'rate'", {"parameters": {"rat": (0, 1)}}),
        (ExperimentError, "is not below high", {"parameters": {"rate": (1, 0)}}),
        (ExperimentError, "is computed", {"parameters": {"outflow": (0, 1)}}),
        (UsageError, "no parameter", {"parameters": {}}),
        (UsageError, "0 starts", {"starts": 0}),
        (UnknownName, "method", {"method": "guess"}),
        (UnknownName, "observed variable", {"weights": {"rate": 1.0}}),
        (ExperimentError, "must be above 0", {"errors": {"level": 0.0}}),
        (ExperimentError, "cannot read the data", {"data": "no such file.csv"}),
    ):
        with pytest.raises(error, match=message):
            calibrate(model, **{"data": data, "parameters": RANGES, **arguments})


def test_a_calibration_is_strict_json_and_can_be_drawn(model):
    found = calibrate(model, observed(model, noise=0.1), {**RANGES, "idle": (0.0, 1.0)}, starts=2)
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert [row["parameter"] for row in document["parameters"]] == ["rate", "start", "idle"]
    assert len(found.plot().axes) == 1
    assert isinstance(found.table(), pd.DataFrame)
