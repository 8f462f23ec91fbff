"""Every number of the ladder is accounted for in its own file."""

from __future__ import annotations

import numpy as np
import pytest

import sdtheory as sd

RUNGS = ("m0_seed", "m1_delays", "m2_search_space", "m3_spectrum", "m4_paradigms")
OPTIONAL = ("m5_extensions", "m5_two_labs")
CONTROLS = {"INITIAL TIME", "FINAL TIME", "TIME STEP", "SAVEPER"}
# results that metrics alone read
RESULTS = {
    "m4_paradigms": {"unprepared gap"},
    "m5_extensions": {"unprepared gap"},
    "m5_two_labs": {"understood share", "safety gap"},
}


def values(run, name):
    elements = [column for column in run.columns if column == name or column.startswith(f"{name}[")]
    return [float(run[column].iloc[0]) for column in elements]


@pytest.mark.parametrize("rung", RUNGS + OPTIONAL)
@pytest.mark.parametrize("kind", ["xmile", "mdl"])
def test_every_constant_states_its_range_or_that_it_is_fixed_and_where_it_comes_from(
    ladder, stated_ranges, rung, kind
):
    model = ladder[rung, kind]
    run = sd.simulate(model, stop=0.0625)
    ranges = 0
    for variable in model:
        if variable.kind != "constant" or variable.name in CONTROLS:
            continue
        text = " ".join(variable.documentation.split())
        assert "assumption" in text or "source: " in text, variable.name
        stated, defaults = stated_ranges(variable), values(run, variable.name)
        if not stated:
            settled = ("Fixed", "a policy setting", "The study derives it")
            assert any(word in text for word in settled), variable.name
            continue
        ranges += 1
        stated = stated if len(stated) == len(defaults) else stated * len(defaults)
        for (low, high), default in zip(stated, defaults, strict=True):
            assert low <= default <= high, variable.name
    assert ranges >= 5


@pytest.mark.parametrize("rung", RUNGS + OPTIONAL)
def test_policies_are_off_in_the_file(ladder, rung):
    run = sd.simulate(ladder[rung, "xmile"], stop=0.0625)
    for variable in ladder[rung, "xmile"]:
        if "a policy setting" in variable.documentation:
            assert values(run, variable.name) == [0.0], variable.name


@pytest.mark.parametrize("rung", RUNGS[2:] + OPTIONAL[:1])
def test_shares_of_the_whole_sum_to_one(ladder, rung):
    run = sd.simulate(ladder[rung, "xmile"], stop=0.0625)
    for name in ("search weight", "initial mix"):
        if name in ladder[rung, "xmile"]:
            assert np.isclose(sum(values(run, name)), 1, rtol=0, atol=1e-12)


@pytest.mark.parametrize("rung", RUNGS + OPTIONAL)
@pytest.mark.parametrize("kind", ["xmile", "mdl"])
def test_nothing_is_amiss_in_any_file(rung, kind):
    found = [(issue.code, issue.variable) for issue in sd.check(sd.read(f"models/{rung}.{kind}"))]
    assert set(found) == {("unused-variable", name) for name in RESULTS.get(rung, ())}
