"""The reference engine: PySD itself, fresh for every run, with nothing of the user's in its code."""

from __future__ import annotations

import stat
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sdtheory as sd
from sdtheory.engines.reference import _module_of, run_reference
from sdtheory.errors import SDError, SimulationError
from sdtheory.model.expression import Number, Table

TANK = """{UTF-8}
Level= INTEG (inflow - outflow, first level) ~ m3 ~ |
first level= 10 ~ m3 ~ |
inflow= STEP(gain, 3) ~ m3/day ~ |
outflow= Level * loss curve(Level / 10) / residence time ~ m3/day ~ |
gain= 2 ~ m3/day ~ |
residence time= 4 ~ day ~ |
loss curve( (0,0),(0.5,0.123456789012),(2,3) ) ~ dmnl ~ |
smooth level= SMOOTHI(Level, 2, 1) ~ m3 ~ |
INITIAL TIME= 0 ~ day ~ |
FINAL TIME= 8 ~ day ~ |
TIME STEP= 0.5 ~ day ~ |
SAVEPER= TIME STEP ~ day ~ |
"""

HERD = """{UTF-8}
region: north, south ~ ~ |
Herd[region]= INTEG (Herd[region] * growth[region], start[region]) ~ cow ~ |
start[region]= 5, 7 ~ cow ~ |
growth[region]= 0.1, 0.2 ~ 1/year ~ |
INITIAL TIME= 0 ~ year ~ |
FINAL TIME= 2 ~ year ~ |
TIME STEP= 1 ~ year ~ |
SAVEPER= 1 ~ year ~ |
"""


def model_of(text: str, folder) -> sd.Model:
    path = folder / "model.mdl"
    path.write_text(text, encoding="utf-8")
    return sd.load(path)


@pytest.fixture(scope="module")
def tank(tmp_path_factory) -> sd.Model:
    return model_of(TANK, tmp_path_factory.mktemp("tank"))


@pytest.fixture(scope="module")
def herd(tmp_path_factory) -> sd.Model:
    return model_of(HERD, tmp_path_factory.mktemp("herd"))


@pytest.mark.parametrize(
    "changes",
    [
        {"gain": 5.0},
        {"Level": 3.0},
        {"loss curve": Table((0.0, 1.0), (1.0, 2.0))},
        {"gain": 1.0, "residence time": 9.0, "Level": 0.5},
    ],
)
def test_a_changed_run_leaves_nothing_behind(tank, changes):
    first = run_reference(tank)
    assert not run_reference(tank, changes).equals(first)
    assert run_reference(tank).equals(first)


def test_changed_settings_leave_nothing_behind(tank):
    first = run_reference(tank)
    short = replace(tank.settings, start=Number(1.0), stop=Number(4.0), time_step=Number(0.25))
    changed = run_reference(replace(tank, settings=short))
    assert (changed.index[0], changed.index[-1], changed["TIME STEP"].iloc[0]) == (1.0, 4.0, 0.25)
    assert run_reference(tank).equals(first)


def test_a_run_writes_nothing_beside_the_model(tmp_path):
    (tmp_path / "model.py").write_text("kept = 1\n", encoding="utf-8")
    model = model_of(TANK, tmp_path)
    run_reference(model)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.mdl", "model.py"]
    assert (tmp_path / "model.py").read_text(encoding="utf-8") == "kept = 1\n"


def test_the_generated_module_is_private_and_never_on_the_path(tank):
    before = list(sys.path)
    run_reference(tank)
    folder = _module_of(tank).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert sys.path == before
    assert str(folder) not in sys.path


def test_no_name_of_the_user_reaches_the_generated_module(tank):
    source = _module_of(tank).read_text(encoding="utf-8").casefold()
    for word in ("level", "inflow", "gain", "residence", "loss"):
        assert word not in source


def test_the_generated_module_goes_when_its_model_goes(tmp_path):
    model = model_of(TANK, tmp_path)
    run_reference(model)
    folder = _module_of(model).parent
    assert folder.is_dir()
    del model
    assert not folder.exists()


def test_a_changed_initial_value_reaches_what_is_initialised_from_the_stock(tmp_path):
    text = TANK.replace("SMOOTHI(Level, 2, 1)", "SMOOTH(Level, 2)")
    run = run_reference(model_of(text, tmp_path), {"Level": 3.0})
    assert run["Level"].iloc[0] == run["smooth level"].iloc[0] == 3.0


def test_a_whole_number_as_initial_value_does_not_truncate_a_smooth(tank):
    run = run_reference(tank)
    assert run["smooth level"].iloc[1] == pytest.approx(1 + (run["Level"].iloc[0] - 1) / 2 * 0.5)
    assert run["smooth level"].iloc[2] % 1 != 0


def test_lookup_points_keep_all_their_digits(tank):
    run = run_reference(tank, {"Level": 5.0})
    assert run["outflow"].iloc[0] == 5 * 0.123456789012 / 4


points = st.lists(st.integers(-50, 50), min_size=2, max_size=8, unique=True).map(sorted)
heights = st.floats(-1e6, 1e6, allow_nan=False)


@settings(max_examples=200, deadline=None)
@given(points, st.lists(heights, min_size=8, max_size=8), st.floats(-60, 60))
def test_quick_lookups_give_the_values_of_pysd(x, y, at):
    from pysd.py_backend.lookups import HardcodedLookups

    from sdtheory.engines.reference import _quicken_lookups

    own, quick = (
        HardcodedLookups([float(v) for v in x], y[: len(x)], {}, "interpolate", {}, "v0") for _ in range(2)
    )
    own.initialize()
    quick.initialize()
    _quicken_lookups({"quick": quick})
    with pytest.warns() if not x[0] <= at <= x[-1] else np.errstate():
        expected = own(at)
    assert quick(at) == pytest.approx(expected, rel=1e-12, abs=1e-9)
    assert type(own) is HardcodedLookups


def test_one_element_of_an_array_can_be_changed(herd):
    run = run_reference(herd, {"growth[south]": 1.0, "Herd[north]": 50.0})
    assert list(run["Herd[north]"]) == pytest.approx([50, 55, 60.5])
    assert list(run["Herd[south]"]) == pytest.approx([7, 14, 28])


def test_an_array_can_be_changed_as_a_whole(herd):
    run = run_reference(herd, {"growth": 0.0, "Herd": 3.0})
    assert set(run["Herd[north]"]) == set(run["Herd[south]"]) == {3.0}


def test_an_element_that_does_not_exist_is_an_error(herd):
    with pytest.raises(SDError, match="east"):
        run_reference(herd, {"growth[east]": 1.0})


def test_columns_carry_the_names_of_the_file(herd):
    run = run_reference(herd, outputs=["herd"])
    assert list(run.columns) == ["Herd[north]", "Herd[south]"]
    assert run.index.name == "time"


def test_rk4_is_an_error_that_offers_euler(tank):
    with pytest.raises(SimulationError, match=r'RK4.*method="euler"'):
        run_reference(replace(tank, settings=replace(tank.settings, method="rk4")))


def test_a_changed_equation_is_refused_rather_than_ignored(tank):
    gain = tank["gain"]
    other = replace(gain, equations=(replace(gain.equations[0], expression=Number(99.0)),))
    with pytest.raises(SimulationError, match="'gain' was changed"):
        run_reference(replace(tank, variables={**tank.variables, "gain": other}))
