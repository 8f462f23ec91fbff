"""Units of equations: planted faults are found at their root, and sound equations are left in peace."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sdtheory as sd
from sdtheory.documents import from_bytes
from sdtheory.model.functions import FUNCTIONS
from sdtheory.model.unit_rules import unit_issues

UNITS = """
people = INTEG(births - deaths, start people) ~ Person ~|
births = people * birth rate ~ Person/Month ~|
deaths = people / lifetime ~ Person/Month ~|
start people = 100 ~ People ~|
birth rate = 0.01 ~ 1/Month ~|
lifetime = 80 ~ months ~|
age = 40 ~ Year ~|
open = 3 ~ ~|
share = 0.5 ~ fraction ~|
effect((0,0),(1,2)) ~ Dmnl ~|
INITIAL TIME = 0 ~ Month ~|
FINAL TIME = 9 ~ Month ~|
TIME STEP = 0.5 ~ Month ~|
SAVEPER = TIME STEP ~ Month ~|
"""


def messages(equations, old="", new=""):
    """The findings about a model with more equations, and with one text changed."""
    assert old in UNITS
    text = "{UTF-8}" + UNITS.replace(old, new) + equations
    return [
        issue.message.removeprefix("units: ") for issue in unit_issues(sd.load(from_bytes(text.encode())))
    ]


def test_a_sound_model_has_no_finding():
    assert messages("") == []


@pytest.mark.parametrize(
    "equation, units",
    [
        ("people + 0", "Person"),
        ("MAX(0, people - start people)", "Person"),
        ("IF THEN ELSE(Time > lifetime :AND: open = 1, births, 0)", "Person/Month"),
        ("IF THEN ELSE(share > 0.5, births, deaths)", "Person/Month"),
        ("SMOOTH(births, lifetime)", "Person/Month"),
        ("SMOOTHI(births, 5, deaths)", "Person/Month"),
        ("DELAY FIXED(people, lifetime, start people)", "Person"),
        ("DELAY3(people, lifetime)", "Person"),
        ("TREND(people, lifetime, 0)", "1/Month"),
        ("STEP(births, lifetime)", "Person/Month"),
        ("100 + STEP(20, 5)", "Person"),
        ("RAMP(share, 2, 8)", "Month"),
        ("PULSE(5, 2)", "widgets"),
        ("EXP(-Time / lifetime) * people", "Person"),
        ("people ^ 2 / start people", "Person"),
        ("SQRT(people * people)", "Person"),
        ("(1 - share) ^ share", "Dmnl"),
        ("effect(people) * births", "Person/Month"),
        ("effect(people / start people)", "Dmnl"),
        ("WITH LOOKUP(people, ((0,0),(9,9)))", "widgets"),
        ("people * open + births", "Person/Month"),
        ("open + people", "Person"),
        ("3 * 4 / 2", "widgets"),
        ("ZIDZ(people, lifetime)", "Person/Month"),
        ("XIDZ(people, lifetime, births)", "Person/Month"),
        ("MODULO(Time, lifetime)", "Month"),
        ("INTEGER(people)", "Person"),
        ("people * TIME STEP / lifetime", "Person"),
        ("births * age", "Person*Year/Month"),
        ("people", ""),
    ],
)
def test_a_sound_equation_has_no_finding(equation, units):
    assert messages(f"x = {equation} ~ {units} ~|") == []


@pytest.mark.parametrize(
    "equation, units, message",
    [
        ("people", "Person/Month", "'x' is Person/Month but its equation gives Person"),
        ("people + age", "Person", "in the equation of 'x', 'age' is Year, but Person is wanted"),
        ("age + people", "Person", "in the equation of 'x', 'age' is Year, but Person is wanted"),
        ("people - births", "", "in the equation of 'x', 'births' is Person/Month, but Person is wanted"),
        ("MAX(people, lifetime)", "", "in the equation of 'x', 'lifetime' is Month, but Person is wanted"),
        ("IF THEN ELSE(Time > age, 1, 0)", "", "in the equation of 'x', 'age' is Year, but Month is wanted"),
        ("IF THEN ELSE(share > 1, age, people)", "Person",
         "in the equation of 'x', 'age' is Year, but Person is wanted"),
        ("SMOOTH(births, people)", "Person/Month",
         "in the equation of 'x', 'people' is Person, but Month is wanted as argument 2 of SMOOTH"),
        ("EXP(Time)", "Dmnl", "in the equation of 'x', 'Time' is Month, but Dmnl is wanted as argument 1 of EXP"),
        ("share ^ people", "", "in the equation of 'x', 'people' is Person, but Dmnl is wanted"),
        ("people ^ share", "",
         "in the equation of 'x', 'people' is Person, but a power that is not a plain number wants Dmnl"),
        ("people + 5", "Person",
         "in the equation of 'x', the number 5 stands where Person is wanted; make it a constant with units"),
        ("(people + age) * (births + age)", "", "in the equation of 'x', 'age' is Year, but Person is wanted"),
        ("effect(people + age)", "Dmnl", "in the equation of 'x', 'age' is Year, but Person is wanted"),
        ("lifetime", "Years", "'x' is Years but its equation gives Month"),
    ],
)  # fmt: skip
def test_a_fault_is_found_once_at_its_root(equation, units, message):
    assert messages(f"x = {equation} ~ {units} ~|") == [message]


def test_a_missing_delay_time_is_found_in_the_flow():
    found = messages("", "people / lifetime", "people")
    assert found == ["'deaths' is Person/Month but its equation gives Person"]


def test_a_rate_without_per_time_is_found_where_it_is_declared_and_where_it_is_used():
    found = messages("", "birth rate ~ Person/Month", "birth rate ~ Person")
    assert found == [
        "in the equation of 'people', 'births' is Person, but Person/Month is wanted",
        "'births' is Person but its equation gives Person/Month",
    ]


def test_the_rate_of_a_stock_is_its_units_over_time():
    found = messages("s = INTEG(people, 0) ~ Person ~|")
    assert found == ["'s' is Person, so its rate must be Person/Month, but it is Person"]


def test_an_initial_value_has_the_units_of_its_stock():
    found = messages("", "start people)", "lifetime)")
    assert found == ["'people' is Person but its initial value is Month"]


def test_the_time_of_a_model_has_one_unit():
    found = messages("", "FINAL TIME = 9 ~ Month", "FINAL TIME = 9 ~ Year")
    assert found == ["'FINAL TIME' is Year, but the model's time is in Month"]


def test_units_that_are_none_are_a_finding_and_fit_everything():
    found = messages("x = y + people ~ Person ~|\ny = 3 ~ ((a ~|")
    assert found == ["'y' has the units '((a': a closing parenthesis is missing"]


def test_a_number_is_a_warning_and_two_units_that_differ_are_an_error():
    text = "{UTF-8}" + UNITS + "x = people + 5 ~ Person ~|\ny = people + age ~ Person ~|"
    found = unit_issues(sd.load(from_bytes(text.encode())))
    assert [(issue.variable, issue.severity) for issue in found] == [("x", "warning"), ("y", "error")]


def test_settings_line_22_of_vensim_names_units_that_are_the_same():
    text = (
        "{UTF-8}"
        + UNITS
        + "x = people ~ Folk ~|\n///---\\\\\\\n:L<%^E!@\n15:0,0,0,0\n22:Person,People,Folk\n"
    )
    assert unit_issues(sd.load(from_bytes(text.encode()))) == []


def test_model_units_of_xmile_name_units_that_are_the_same():
    units = "<model_units><unit name='kph'><eqn>km/Hour</eqn><alias>speeds</alias></unit></model_units>"
    text = f"""<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"><header/>{units}
<sim_specs time_units="Hours"><start>0</start><stop>2</stop><dt>1</dt></sim_specs><model><variables>
<stock name="way"><eqn>0</eqn><inflow>pace</inflow><units>km</units></stock>
<flow name="pace"><eqn>usual</eqn><units>kph</units></flow>
<aux name="usual"><eqn>5</eqn><units>speed</units></aux></variables></model></xmile>"""
    assert unit_issues(sd.load(from_bytes(text.encode()))) == []


@pytest.mark.parametrize("key", FUNCTIONS)
def test_every_function_has_a_rule_for_all_its_arguments(key):
    row = FUNCTIONS[key]
    arguments, arrow, value = row.units.partition("->")
    assert row.units == "^" or (arrow and value.strip() and len(arguments.split()) == row.arity[1])


MODELS = [f"models/{rung}.{suffix}" for rung in ("m0_seed", "m1_delays") for suffix in ("mdl", "xmile")]
FAULTY = "{UTF-8}" + UNITS + "x = people + age ~ Person ~|\ny = SMOOTH(births, people) ~ Person/Month ~|"


@pytest.fixture(scope="module")
def models():
    return [*map(sd.load, MODELS), sd.load(from_bytes(FAULTY.encode()))]


OLD_NAMES = st.sampled_from(["person", "year", "month", "doubling", "trial"])
NEW_NAMES = st.sampled_from(["alpha", "beta", "gamma delta", "epsilon-zeta", "eta"])


@given(st.dictionaries(OLD_NAMES, NEW_NAMES, min_size=1))
def test_a_unit_that_is_renamed_everywhere_changes_nothing(models, names):
    if len(set(names.values())) < len(names):
        return
    for model in models:
        before, after = unit_issues(model), unit_issues(renamed(model, names))
        assert [(one.variable, one.severity) for one in before] == [
            (one.variable, one.severity) for one in after
        ]


def renamed(model, names):
    def text(units):
        plain = units.lower().replace("people", "person").replace("months", "month")
        for old, new in names.items():
            plain = plain.replace(old, new)
        return plain

    variables = {key: dataclasses.replace(one, units=text(one.units)) for key, one in model.variables.items()}
    settings = dataclasses.replace(model.settings, time_units=text(model.settings.time_units))
    return dataclasses.replace(model, variables=variables, settings=settings)


@pytest.mark.parametrize("path", MODELS)
def test_the_models_of_the_study_have_no_finding(path):
    assert unit_issues(sd.load(path)) == []
