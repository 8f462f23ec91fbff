"""A model that cannot be run ends soon, in one line that says where."""

import time

import pytest

import sdtheory as sd
from sdtheory.errors import SDError

MDL = """{{UTF-8}}
level= INTEG ({rate}, 1)
\t~\t~\t|
rate= 0.1
\t~\t~\t|
FINAL TIME = {stop} ~ Year ~ |
INITIAL TIME = 0 ~ Year ~ |
SAVEPER = TIME STEP ~ Year ~ |
TIME STEP = {step} ~ Year ~ |
"""
XMILE = """<?xml version="1.0" encoding="utf-8"?>
<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"><header/>
<sim_specs><start>0</start><stop>2</stop><dt>1</dt></sim_specs><model><variables>
<stock name="level"><eqn>1</eqn><inflow>rate</inflow></stock>
<flow name="rate"><eqn>0.1</eqn></flow></variables></model></xmile>
"""


def mdl(rate="rate", stop="2", step="1"):
    return MDL.format(rate=rate, stop=stop, step=step)


HOPELESS = {
    "a last time beyond all steps": mdl(stop="1e12"),
    "a step of zero": mdl(step="0"),
    "a negative step": mdl(step="-1"),
    "a loop without a stock": mdl(rate="a") + "a = b ~ ~ |\nb = a ~ ~ |\n",
    "a thousand brackets": mdl(rate="(" * 1000 + "rate" + ")" * 1000),
    "a tower of two thousand powers": mdl(rate="^".join(["rate"] * 2000)),
    "a tower of powers with signs in brackets": mdl(rate="(" + "^-".join(["1"] * 2000) + ")"),
    "a sum of twenty thousand terms": mdl(rate="+".join(["rate"] * 20_000)),
    "a dimension of a billion": mdl() + "d: (A1-A1000000000) ~ ~ |\n",
    "dimensions of each other": mdl() + "d: e ~ ~ |\ne: d ~ ~ |\n",
    "an unknown name": mdl(rate="rat"),
    "an unknown function": mdl(rate="EXPO(rate)"),
    "no equation": mdl(rate="x") + "x = ??? ~ ~ |\n",
}


@pytest.mark.parametrize("case", HOPELESS)
def test_a_hopeless_model_gets_one_line_soon(tmp_path, case):
    path = tmp_path / "model.mdl"
    path.write_text(HOPELESS[case])
    began = time.process_time()
    with pytest.raises(SDError) as caught:
        sd.simulate(sd.load(path))
    assert time.process_time() - began < 5
    message = str(caught.value)
    assert message.startswith("model.mdl") and "\n" not in message and len(message) < 300


def test_a_tower_of_powers_is_folded_in_floats_and_the_variable_named(tmp_path):
    path = tmp_path / "model.mdl"
    path.write_text(mdl(rate="9^9^9^9^9"))
    with pytest.warns(sd.SDWarning, match="is inf at time 0"):
        sd.simulate(sd.load(path))


def test_a_misspelt_name_is_an_error_that_suggests_the_nearest(tmp_path):
    path = tmp_path / "model.mdl"
    path.write_text(mdl(rate="rat"))
    with pytest.raises(SDError, match="unknown variable 'rat'; did you mean 'rate'"):
        sd.load(path)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.9, 0.98])
def test_a_truncated_file_is_an_error_with_its_line(tmp_path, share):
    path = tmp_path / "model.xmile"
    path.write_text(XMILE[: int(len(XMILE) * share)])
    with pytest.raises(SDError) as caught:
        sd.load(path)
    assert caught.value.line is not None
