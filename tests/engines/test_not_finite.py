"""A run has diverged once a stock, or a variable that is kept, is no finite number: the same on every engine."""

import numpy as np
import pytest

import sdtheory as sd
from sdtheory.engines.reducers import Reducer

ENGINES = ("vectorised", "compiled", "compiled-exact", "reference")
EDGES = [9.0, 2.0, 8.0, 3.0]

TANK = (
    "{UTF-8}\nedge = 9 ~~|\nlevel = INTEG(1, 0) ~~|\nburst = EXP(IF THEN ELSE(Time >= edge, 1000, 1)) ~~|\n"
    "quiet = IF THEN ELSE(Time = edge, 1, level * 2) ~~|\n"
    "INITIAL TIME = 0 ~~|\nFINAL TIME = 4 ~~|\nTIME STEP = 0.5 ~~|\nSAVEPER = 1 ~~|\n"
)


@pytest.fixture(scope="module")
def tank(tmp_path_factory):
    """A level that always rises, and a variable beside it that is infinite from the edge on."""
    path = tmp_path_factory.mktemp("tank") / "tank.mdl"
    path.write_text(TANK, encoding="utf-8")
    return sd.load(path)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("method", ["euler", "rk4"])
def test_a_kept_variable_that_is_infinite_ends_the_run_there(tank, engine, method):
    if (engine, method) == ("reference", "rk4"):
        pytest.skip("the reference engine has no rk4")
    found = sd.simulate_many(tank, {"edge": EDGES}, outputs=["level", "burst"], engine=engine, method=method)
    assert found["status"].values.tolist() == ["ok", "diverged", "ok", "diverged"]
    for run, edge in ((1, 2), (3, 3)):
        assert f'"burst" is inf at time {edge}' in str(found["message"].values[run])
        for name in ("level", "burst"):
            values = found[name].values[run]
            assert np.isfinite(values[:edge]).all() and np.isnan(values[edge:]).all()
    assert np.isfinite(found["level"].values[[0, 2]]).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_not_kept_does_not_count(tank, engine):
    found = sd.simulate_many(tank, {"edge": EDGES}, outputs=["level", "quiet"], engine=engine)
    assert (found["status"] == "ok").all()
    assert np.isfinite(found["level"]).all() and np.isfinite(found["quiet"]).all()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("calm", "status"), [("MIN(level, 3)", "diverged"), ("3 * edge", "ok")])
def test_a_stock_counts_where_what_is_kept_depends_on_it(tmp_path, engine, calm, status):
    path = tmp_path / "wild.mdl"
    path.write_text(
        TANK.replace("INTEG(1, 0)", "INTEG(EXP(500 * Time), 0)") + f"calm = {calm} ~~|\n", encoding="utf-8"
    )
    found = sd.simulate_many(sd.load(path), {"edge": [9.0, 8.0]}, outputs=["calm"], engine=engine)
    assert (found["status"] == status).all()
    assert np.isfinite(found["calm"].values[:, :2]).all()
    assert (np.isfinite(found["calm"].values[:, 3:]) == (status == "ok")).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_statuses_are_the_same_when_numbers_are_reduced(tank, engine):
    reduce = {"end": Reducer("final", "level"), "largest": Reducer("maximum", "level")}
    found = sd.simulate_many(tank, {"edge": EDGES}, outputs=["level", "burst"], reduce=reduce, engine=engine)
    assert found["status"].values.tolist() == ["ok", "diverged", "ok", "diverged"]
    assert np.isnan(found["end"].values[[1, 3]]).all()
    assert found["end"].values[[0, 2]].tolist() == [4.0, 4.0]


def test_a_single_run_keeps_its_other_variables_and_warns(tank):
    with pytest.warns(sd.errors.SDWarning, match='"burst" is inf at time 2'):
        run = sd.simulate(tank, {"edge": 2.0})
    assert run["level"].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert run.attrs["status"] == "ok"
