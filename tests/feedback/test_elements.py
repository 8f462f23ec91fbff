"""Arrays written out, and the links between variables that links between elements make."""

from __future__ import annotations

import numpy as np
import pytest

import sdtheory as sd
from sdtheory.errors import UnknownName
from sdtheory.feedback.elements import written_out

TEXT = """{UTF-8}
stage: young, middle, old ~~|
grown: middle, old ~~|
people[stage] = INTEG(arrival[stage] - leaving[stage], 10) ~~|
arrival[young] = births * noise ~~|
arrival[grown] = 0.1 * people[young] + shock[grown] ~~|
leaving[stage] = people[stage] * leaving share[stage] ~~|
leaving share[stage] = 0.1, 0.05, 0.2 ~~|
shock[grown] = RANDOM UNIFORM(0, 0.1, 0) ~~|
noise = RANDOM UNIFORM(0.9, 1.1, 0) ~~|
births = SUM(people[stage!] * fertility[stage!]) ~~|
fertility[stage] = -0.01, 0.2, 0.1 ~~|
crowding = VMAX(people[stage!]) ~~|
effect = table(crowding / 100) ~~|
table((0,1),(1,0.5),(2,0.1)) ~~|
INITIAL TIME = 0 ~~|
FINAL TIME = 12 ~~|
TIME STEP = 0.5 ~~|
SAVEPER = 0.5 ~~|
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("arrays") / "stages.mdl"
    path.write_text(TEXT, encoding="utf-8")
    return sd.load(path)


def test_writing_arrays_out_changes_no_number(model):
    flat = written_out(model)
    one = sd.simulate(model, engine="vectorised")
    two = sd.simulate(flat.model, engine="vectorised")
    for name in two.columns:
        np.testing.assert_array_equal(two[name], one[flat.label(name)], err_msg=name)


def test_a_scalar_model_is_left_as_it_is():
    model = sd.load("models/m1_delays.xmile")
    assert written_out(model).model is model


def test_links_between_elements_join_to_links_between_variables(model):
    elements = sd.causal_graph(model, expand="elements")
    variables = sd.causal_graph(model)
    assert elements.edges["people[young]", "births"]["polarity"] == "-"
    assert elements.edges["people[old]", "births"]["polarity"] == "+"
    assert variables.edges["people", "births"]["polarity"] == "?"
    assert variables.edges["people", "births"]["element_links"] == 3
    assert variables.edges["people", "leaving"]["polarity"] == "+"
    assert ("people[middle]", "arrival[old]") not in elements.edges
    heads = {(a.partition("[")[0], b.partition("[")[0]) for a, b in elements.edges}
    assert heads == set(variables.edges)


def test_a_table_called_by_name_has_the_slope_of_its_points(model):
    link = sd.causal_graph(model).edges["crowding", "effect"]
    assert link["polarity"] == "-"
    assert ("table", "effect") not in sd.causal_graph(model).edges


def test_a_word_that_names_no_expansion_suggests_the_nearest(model):
    with pytest.raises(UnknownName, match="did you mean 'elements'"):
        sd.causal_graph(model, expand="element")
