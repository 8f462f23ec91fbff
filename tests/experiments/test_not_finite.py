"""A run whose metric's variable is no number has not ended well, whatever becomes of its stocks."""

import numpy as np
import pytest

import sdtheory as sd
from sdtheory.errors import SDWarning

TANK = (
    "{UTF-8}\nedge = 9 ~~|\nlevel = INTEG(1, 0) ~~|\nburst = EXP(IF THEN ELSE(Time >= edge, 1000, 1)) ~~|\n"
    "INITIAL TIME = 0 ~~|\nFINAL TIME = 4 ~~|\nTIME STEP = 0.5 ~~|\nSAVEPER = 1 ~~|\n"
)
FILE = """
    [baseline]
    set = { edge = 9 }
    [[policy]]
    name = "over the edge"
    set = { edge = 2 }
    [[metric]]
    name = "end"
    variable = "level"
    statistic = "final"
    better = "higher"
"""
OF_BURST = """
    [[metric]]
    name = "burst at the start"
    variable = "burst"
    at = 0
    better = "lower"
"""


@pytest.fixture
def compared(tmp_path):
    def run(text, **options):
        (tmp_path / "tank.mdl").write_text(TANK, encoding="utf-8")
        (tmp_path / "tank.toml").write_text(text, encoding="utf-8")
        experiment = sd.Experiment.read(tmp_path / "tank.toml")
        return sd.compare(sd.load(tmp_path / "tank.mdl"), experiment, runs=4, **options)

    return run


@pytest.mark.parametrize("engine", ["vectorised", "compiled"])
@pytest.mark.parametrize("series", [0, 4])
def test_a_variable_that_a_metric_reads_counts_at_every_saved_time(compared, engine, series):
    with pytest.warns(SDWarning, match=r"4 diverged \(first: 'burst' at 2 in 4 of them\)"):
        found = compared(FILE + OF_BURST, engine=engine, series=series)
    assert found.status.tolist() == [["ok"] * 4, ["diverged"] * 4]
    assert np.isnan(found.values["burst at the start"][1]).all()
    row = found.table().set_index(["policy", "metric"]).loc[("over the edge", "burst at the start")]
    assert (row["diverged"], row["valid"], row["censored"]) == (4, 0, 0)
    if series:
        kept = found.series["burst"].sel(policy="over the edge")
        assert np.isfinite(kept[:, :2]).all() and np.isnan(kept[:, 2:]).all()


@pytest.mark.filterwarnings("ignore:.*which no metric depends on")
@pytest.mark.parametrize("engine", ["vectorised", "compiled"])
def test_a_variable_that_nothing_reads_does_not_count(compared, engine):
    found = compared(FILE, engine=engine)
    assert (found.status == "ok").all()
    assert (found.values["end"] == 4.0).all()
