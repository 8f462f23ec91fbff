"""`simulate` and `simulate_many`: names, settings, changes, engines, statuses."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import sdtheory as sd
from sdtheory.documents import from_bytes
from sdtheory.errors import NotCompiled, SDWarning, SimulationError, UnknownName
from sdtheory.model.expression import Table

CUP = """{UTF-8}
Tea Heat= INTEG (-heat loss, start heat) ~ degrees ~ |
heat loss= (Tea Heat - room) / cooling time * effect(Tea Heat) ~ degrees/Minute ~ |
start heat= 90 ~ degrees ~ |
room= 20 ~ degrees ~ |
cooling time= 8 ~ Minute ~ |
effect( (0,1),(100,1) ) ~ ~ |
taste[size]= 1, 2 ~ ~ |
joy[size]= taste[size] * Tea Heat ~ ~ |
size: small, large ~ ~ |
INITIAL TIME= 0 ~ Minute ~ |
FINAL TIME= 4 ~ Minute ~ |
TIME STEP= 0.5 ~ Minute ~ |
SAVEPER= TIME STEP ~ Minute ~ |
"""
DATED = CUP + "year= GET TIME VALUE(2, 0, 1) ~ ~ |\n"


@pytest.fixture(scope="module")
def cup():
    return sd.load(from_bytes(CUP.encode(), format="vensim"))


@pytest.fixture(scope="module")
def dated():
    return sd.load(from_bytes(DATED.encode(), format="vensim"))


def test_a_run_has_a_row_for_each_saved_time_and_a_column_for_each_variable(cup):
    frame = sd.simulate(cup)
    assert frame.index.name == "time" and frame.index.tolist() == [i / 2 for i in range(9)]
    assert list(frame.columns) == [
        *("Tea Heat", "heat loss", "start heat", "room", "cooling time"),
        *("taste[small]", "taste[large]", "joy[small]", "joy[large]"),
        *("INITIAL TIME", "FINAL TIME", "TIME STEP", "SAVEPER"),
    ]
    assert frame.attrs == {"engine": "vectorised", "status": "ok"}


def test_changes_find_their_variable_in_any_spelling(cup):
    plain = sd.simulate(cup, {"room": 10.0, "taste[large]": 3.0}, outputs=["tea_heat", "JOY"])
    other = sd.simulate(cup, {"ROOM": 10, "Taste[ Large ]": 3}, outputs=["Tea Heat", "joy"])
    pd.testing.assert_frame_equal(plain, other)
    assert (plain["joy[large]"] == 3 * plain["Tea Heat"]).all()
    assert list(plain.columns) == ["Tea Heat", "joy[small]", "joy[large]"]


def test_a_stock_among_the_changes_starts_elsewhere(cup):
    frame = sd.simulate(cup, {"Tea Heat": 50.0})
    assert frame["Tea Heat"].iloc[0] == 50 and frame["start heat"].iloc[0] == 90


@pytest.mark.parametrize("points", [Table((0.0, 100.0), (2.0, 2.0)), [(0, 2), (100, 2)]])
def test_a_lookup_among_the_changes_is_read_instead(cup, points):
    frame = sd.simulate(cup, {"effect": points})
    assert frame["heat loss"].iloc[0] == 2 * (90 - 20) / 8


def test_a_cell_among_the_changes_changes_alone_and_an_array_as_a_whole(cup):
    assert sd.simulate(cup, {"taste[small]": 7})[["taste[small]", "taste[large]"]].iloc[0].tolist() == [7, 2]
    assert sd.simulate(cup, {"taste": 7})[["taste[small]", "taste[large]"]].iloc[0].tolist() == [7, 7]
    both = sd.simulate(cup, {"taste": 7, "taste[large]": 8})
    assert both[["taste[small]", "taste[large]"]].iloc[0].tolist() == [7, 8]


def test_settings_may_be_given_by_argument_or_among_the_changes(cup):
    by_argument = sd.simulate(cup, stop=2, time_step=0.25, save_every=1)
    among = sd.simulate(cup, {"FINAL TIME": 2, "time_step": 0.25, "SAVEPER": 1})
    pd.testing.assert_frame_equal(by_argument, among)
    assert by_argument.index.tolist() == [0, 1, 2] and by_argument["TIME STEP"].iloc[0] == 0.25


def test_a_saving_interval_written_as_the_time_step_follows_it(cup):
    assert sd.simulate(cup, time_step=0.25).index.tolist() == [i / 4 for i in range(17)]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"rom": 1}, UnknownName, "unknown variable 'rom'; did you mean 'room'?"),
        ({"taste[smal]": 1}, UnknownName, r"did you mean 'taste\[small\]'"),
        ({"taste[small,large]": 1}, SimulationError, "'taste' has 1 dimensions, not 2"),
        ({"heat loss": 1}, SimulationError, "'heat loss' is computed by the model"),
        ({"room": "warm"}, SimulationError, "the value of 'room' is not a number: warm"),
        ({"room": float("nan")}, SimulationError, "the value of 'room' is not finite"),
        ({"room": 1, "Room": 2}, SimulationError, "'room' is given twice"),
        ({"effect": 3}, SimulationError, "'effect' is a lookup; give its points"),
        ({"effect": [(1, 1), (0, 2)]}, SimulationError, "with x ascending"),
        ({"SAVEPER": 0.3}, SimulationError, "SAVEPER 0.3 is not a multiple of TIME STEP 0.5"),
    ],
)
def test_a_wrong_change_is_an_error_that_says_so(cup, changes, error, message):
    with pytest.raises(error, match=message):
        sd.simulate(cup, changes)


def test_an_unknown_output_suggests_the_nearest(cup):
    with pytest.raises(UnknownName, match="did you mean 'joy'"):
        sd.simulate(cup, outputs=["jop"])


def test_both_engines_read_changes_alike(cup):
    changes = {"room": 15.0, "Tea Heat": 70.0, "effect": [(0, 1), (100, 3)], "taste[small]": 4.0}
    own = sd.simulate(cup, changes, start=1, stop=5, time_step=0.25)
    peer = sd.simulate(cup, changes, start=1, stop=5, time_step=0.25, engine="reference")
    assert peer.attrs["engine"] == "reference"
    pd.testing.assert_frame_equal(own, peer[own.columns], rtol=1e-12)


def test_rk4_on_the_reference_engine_is_an_error_that_offers_euler(cup):
    with pytest.raises(SimulationError, match='pass method="euler"'):
        sd.simulate(cup, engine="reference", method="rk4")


def test_an_off_grid_saving_interval_is_refused_on_the_reference_engine_too(cup):
    with pytest.raises(SimulationError, match="not a multiple"):
        sd.simulate(cup, engine="reference", save_every=0.3)


def test_engines_that_do_not_exist_are_refused(cup):
    with pytest.raises(UnknownName, match="did you mean 'vectorised'"):
        sd.simulate(cup, engine="vectorized")
    with pytest.raises(UnknownName, match="unknown method 'heun'"):
        sd.simulate(cup, method="heun")


def test_a_model_that_only_the_reference_engine_runs_goes_there_by_itself(dated):
    assert sd.simulate(dated).attrs["engine"] == "reference"
    assert sd.simulate(dated, outputs=["Tea Heat"]).attrs["engine"] == "vectorised"
    with pytest.raises(NotCompiled, match='"year": GET TIME VALUE of a calendar or a clock'):
        sd.simulate(dated, engine="vectorised")


def test_many_runs_on_the_reference_engine_warn_with_the_reason(dated):
    samples = {"room": np.linspace(10, 20, 17)}
    with pytest.warns(SDWarning, match="17 runs on the slow reference engine: .*GET TIME VALUE"):
        runs = sd.simulate_many(dated, samples, outputs=["year", "Tea Heat"])
    assert runs.attrs["engine"] == "reference" and set(runs["status"].values) == {"ok"}
    own = sd.simulate_many(dated, samples, outputs=["Tea Heat"])
    np.testing.assert_allclose(runs["Tea Heat"], own["Tea Heat"], rtol=1e-12)


def test_many_runs_have_a_row_for_each_sample(cup):
    samples = pd.DataFrame({"room": [10.0, 20.0, 30.0], "Tea Heat": [80.0, 90.0, 95.0]})
    runs = sd.simulate_many(cup, samples, outputs=["Tea Heat", "joy"], save_every=1)
    assert dict(runs.sizes) == {"run": 3, "time": 5} and runs.attrs["engine"] == "vectorised"
    assert set(runs.data_vars) == {"Tea Heat", "joy[small]", "joy[large]", "status", "message"}
    for run, row in samples.iterrows():
        single = sd.simulate(cup, dict(row), save_every=1)
        np.testing.assert_array_equal(runs["Tea Heat"].values[run], single["Tea Heat"])


@pytest.mark.parametrize("name", ["final", "mean", "minimum", "maximum"])
def test_a_reducer_keeps_one_number_a_run(cup, name):
    samples = {"room": [10.0, 20.0]}
    whole = sd.simulate_many(cup, samples, outputs=["Tea Heat"])["Tea Heat"]
    kept = sd.simulate_many(cup, samples, outputs=["Tea Heat"], reduce=name)["Tea Heat"]
    expected = (
        whole[:, -1] if name == "final" else getattr(whole, {"mean": "mean"}.get(name, name[:3]))("time")
    )
    np.testing.assert_allclose(kept.values, expected.values, rtol=1e-15)


@pytest.mark.parametrize(
    ("samples", "error", "message"),
    [
        ({"room": []}, SimulationError, "the sample has no rows"),
        ({"room": [1.0, float("inf")]}, SimulationError, "the sample of 'room' is inf in row 1"),
        ({"room": ["a"]}, SimulationError, "holds something that is no number"),
        ({"FINAL TIME": [3.0]}, SimulationError, "FINAL TIME is the same in every run; pass stop="),
        ({"effect": [3.0]}, SimulationError, "'effect' is a lookup"),
        ({"rooms": [3.0]}, UnknownName, "did you mean 'room'"),
    ],
)
def test_a_wrong_sample_is_an_error_that_says_so(cup, samples, error, message):
    with pytest.raises(error, match=message):
        sd.simulate_many(cup, samples, outputs=["Tea Heat"])


def test_progress_is_reported_until_all_runs_are_done(cup):
    seen: list[tuple[int, int]] = []
    sd.simulate_many(
        cup, {"room": np.full(2500, 20.0)}, outputs=["Tea Heat"], progress=lambda *now: seen.append(now)
    )
    assert seen[-1] == (2500, 2500) and seen == sorted(set(seen))


def test_the_progress_bar_writes_nothing_to_standard_output(cup, capsys):
    sd.simulate_many(cup, {"room": [20.0]}, outputs=["Tea Heat"], progress=True)
    assert capsys.readouterr().out == ""


def test_a_vectorised_run_needs_no_pysd(tmp_path):
    code = (
        "import sys, sdtheory as sd\n"
        "from sdtheory.model.model import *\n"
        "from sdtheory.model.expression import Number\n"
        "m = Model('m', {'s': Stock('s', (Equation(Number(1.0), initial=Number(0.0)),))})\n"
        "assert sd.simulate(m)['s'].iloc[-1] == 100\n"
        "assert 'pysd' not in sys.modules and 'matplotlib' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
