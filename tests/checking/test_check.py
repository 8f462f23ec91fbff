"""Checking documents: every planted fault is found at its line, and sound files are left in peace."""

from __future__ import annotations

import pytest

import sdtheory as sd
from sdtheory.documents import from_bytes
from sdtheory.model.expression import Binary, Name, Number
from sdtheory.model.model import Auxiliary, Equation, Model

MODELS = [f"models/{rung}.{suffix}" for rung in ("m0_seed", "m1_delays") for suffix in ("mdl", "xmile")]
VENSIM = """{UTF-8}
people= INTEG (
\tbirths-deaths,
\t\tstart people)
\t~\tPerson
\t~\tAll of them.
\t|
births= people*birth rate ~ Person/Month ~ Newborn.|
deaths= people/lifetime ~ Person/Month ~ Gone.|
start people= 100 ~ Person [0,?] ~ At first.|
birth rate= 0.01 ~ 1/Month [0,1] ~ Births.|
lifetime= 80 ~ Month [1,200] ~ Years lived.|
INITIAL TIME= 0 ~ Month ~|
FINAL TIME= 9 ~ Month ~|
TIME STEP= 0.5 ~ Month ~|
SAVEPER= TIME STEP ~ Month ~|
\\\\\\---/// Sketch information
V300  text
*Town
$192-192-192,0,Arial|12||0-0-0|0-0-0|0-0-255|-1--1--1|-1--1--1|72,72,100,0
10,1,people,300,200,40,20,3,3,0,0,0,0,0,0
12,2,48,100,200,10,8,0,3,0,0,-1,0,0,0
1,3,5,1,4,0,0,22,0,0,0,-1--1--1,,1|(240,200)|
1,4,5,2,100,0,0,22,0,0,0,-1--1--1,,1|(140,200)|
11,5,0,200,200,6,8,34,3,0,0,1,0,0,0
10,6,births,200,219,25,11,40,3,0,0,-1,0,0,0
10,7,birth rate,200,300,25,11,8,3,0,0,0,0,0,0
10,8,lifetime,400,300,25,11,8,3,0,0,0,0,0,0
10,9,deaths,400,219,25,11,8,3,0,0,0,0,0,0
10,10,people,500,219,25,11,8,2,0,3,-1,0,0,0,128-128-128,0-0-0,|12||128-128-128
1,11,7,6,1,0,43,0,0,64,0,-1--1--1,,1|(200,260)|
1,12,1,5,1,0,43,0,0,64,0,-1--1--1,,1|(250,260)|
1,13,8,9,1,0,43,0,0,64,0,-1--1--1,,1|(400,260)|
1,14,10,9,1,0,43,0,0,64,0,-1--1--1,,1|(450,219)|
1,15,9,1,1,0,43,0,0,64,0,-1--1--1,,1|(350,210)|
///---\\\\\\
:L<%^E!@
15:0,0,0,0,0,0
"""
XMILE = """<?xml version="1.0" encoding="utf-8"?>
<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0">
<header><name>Town</name></header>
<sim_specs time_units="Month"><start>0</start><stop>9</stop><dt>0.5</dt></sim_specs>
<model><variables>
<stock name="people"><doc>All.</doc><eqn>start_people</eqn><inflow>births</inflow><units>Person</units></stock>
<flow name="births"><doc>Newborn.</doc><eqn>people*birth_rate</eqn><units>Person/Month</units></flow>
<aux name="start people"><doc>At first.</doc><eqn>100</eqn><units>Person</units><range min="0"/></aux>
<aux name="birth rate"><doc>Births.</doc><eqn>0.01</eqn><units>1/Month</units><range min="0"/></aux>
</variables><views><view type="stock_flow">
<stock name="people" x="100" y="50"/>
<flow name="births" x="50" y="50"><pts><pt x="10" y="50"/><pt x="78" y="50"/></pts></flow>
<aux name="birth_rate" x="50" y="90"/>
<alias uid="3" x="150" y="90"><of>people</of></alias>
<connector angle="45"><from>birth_rate</from><to>births</to></connector>
<connector angle="45"><from><alias uid="3"/></from><to>births</to></connector>
</view></views></model></xmile>
"""
FILES = {"vensim": VENSIM, "xmile": XMILE}


def check(text):
    return sd.check(from_bytes(text.encode()))


def found(text, old, new):
    """Code, line and variable of the findings after one text was changed."""
    assert text.count(old) == 1
    return [(issue.code, issue.line, issue.variable) for issue in check(text.replace(old, new))]


def line_of(text, part):
    return text[: text.index(part)].count("\n") + 1


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_a_sound_file_has_no_issue(text):
    assert check(text) == []


@pytest.mark.parametrize("path", MODELS)
def test_the_models_of_the_study_have_no_issue(path):
    assert sd.check(sd.read(path)) == []
    assert sd.check(sd.load(path)) == []


@pytest.mark.parametrize(
    "format, old, new, code, place, variable",
    [
        ("vensim", "people*birth rate", "people*birth rat", "undefined-name", "births=", "births"),
        ("xmile", "people*birth_rate", "people*birth_rat", "undefined-name", "<flow", "births"),
        ("vensim", "people/lifetime", "people", "units", "deaths=", "deaths"),
        ("vensim", "birth rate= 0.01 ~ 1/Month", "birth rate= 0.01 ~ Dmnl", "units", "births=", "births"),
        ("xmile", "<units>1/Month</units>", "<units>Dmnl</units>", "units", "<flow", "births"),
        ("vensim", "people*birth rate", "people+birth rate", "units", "births=", "births"),
        ("vensim", "lifetime= 80", "lifetime= ", "missing-equation", "lifetime=", "lifetime"),
        ("xmile", "<eqn>0.01</eqn>", "", "missing-equation", '<aux name="birth rate"', "birth rate"),
        ("vensim", "people*birth rate", "people*(birth rate", "model", "births=", "births"),
        ("xmile", "people*birth_rate", "people*)birth_rate", "model", "<flow", "births"),
        ("vensim", "people*birth rate", "people*LOG3(birth rate)", "model", "births=", "births"),
        ("vensim", "lifetime= 80", "lifetime= lifetime*2", "loop-without-stock", "lifetime=", "lifetime"),
        ("vensim", "INITIAL TIME", "LIFETIME= 3 ~ Month ~|\nINITIAL TIME", "duplicate-name", "INITIAL", "lifetime"),
        ("xmile", '<aux name="birth rate">', '<aux name="Birth_Rate"><eqn>1</eqn></aux><aux name="birth rate">',
         "duplicate-name", '<aux name="birth rate">', "birth rate"),
        ("vensim", "INITIAL TIME", "Max= 3 ~ Month [0,9] ~ Most.|\nINITIAL TIME", "function-name", "INITIAL", "Max"),
        ("xmile", '</variables>', '<aux name="Time"><eqn>1</eqn></aux></variables>', "function-name",
         "</variables>", "Time"),
        ("vensim", "INITIAL TIME", "idle= 3 ~ Month [0,9] ~ Most.|\nINITIAL TIME", "unused-variable", "INITIAL",
         "idle"),
        ("vensim", "~ Years lived.", "~", "no-documentation", "lifetime=", "lifetime"),
        ("vensim", " [1,200]", "", "no-range", "lifetime=", "lifetime"),
        ("xmile", '<units>1/Month</units><range min="0"/>', "<units>1/Month</units>", "no-range",
         '<aux name="birth rate">', "birth rate"),
        ("vensim", "~ 1/Month [0,1]", "~ 1/(Month [0,1]", "unit-syntax", "birth rate=", "birth rate"),
        ("vensim", "INITIAL TIME", "tab([(0,0)-(1,1)],(0,0),(2,1)) ~ ~|\nINITIAL TIME", "lookup-range", "INITIAL",
         "tab"),
        ("vensim", "1,13,8,9,", "1,13,7,9,", "missing-connector", "deaths=", "deaths"),
        ("vensim", "1,13,8,9,", "1,13,7,9,", "extra-connector", "1,13,", "deaths"),
        ("vensim", "1,15,9,1,", "1,15,9,8,", "missing-connector", "\tbirths-deaths", "people"),
        ("vensim", "1,14,10,9,", "1,14,10,8,", "extra-connector", "1,14,", "lifetime"),
        ("xmile", "<from>birth_rate</from><to>births</to>", "<from>birth_rate</from><to>people</to>",
         "missing-connector", "<flow", "births"),
        ("xmile", "<from>birth_rate</from><to>births</to>", "<from>birth_rate</from><to>people</to>",
         "extra-connector", "<connector", "people"),
    ],
)  # fmt: skip
def test_a_planted_fault_is_found_at_its_line(format, old, new, code, place, variable):
    text = FILES[format]
    assert (code, line_of(text, place), variable) in found(text, old, new)


def test_a_misspelt_name_suggests_the_nearest_and_stands_at_its_column():
    issue = check(VENSIM.replace("people*birth rate", "people*birth rat"))[0]
    assert "did you mean 'birth rate'?" in issue.message
    line = VENSIM.split("\n")[issue.line - 1]
    assert line[issue.column - 1 :].startswith("birth rat")


def test_all_faults_of_a_file_are_listed_in_file_order():
    broken = VENSIM.replace("people*birth rate", "people*birth rat + peple").replace(
        "people/lifetime", "people"
    )
    broken = (
        broken.replace("lifetime= 80", "lifetime= ???")
        .replace("0.01 ~", "MAX(1 ~")
        .replace("1,12,1,5,", "1,12,8,5,")
    )
    issues = check(broken)
    assert [(issue.line, issue.code) for issue in issues if issue.severity == "error"] == [
        (line_of(VENSIM, "births="), "undefined-name"),
        (line_of(VENSIM, "births="), "undefined-name"),
        (line_of(VENSIM, "deaths="), "units"),
        (line_of(VENSIM, "birth rate="), "model"),
        (line_of(VENSIM, "lifetime="), "missing-equation"),
    ]
    assert [issue.line for issue in issues] == sorted(issue.line for issue in issues)
    assert {"missing-connector", "extra-connector"} <= {issue.code for issue in issues}


def test_an_equation_of_several_lines_that_cannot_be_read_moves_no_line():
    broken = VENSIM.replace("\tbirths-deaths,", "\tbirths-deaths +*,").replace("people/lifetime", "people")
    assert ("units", line_of(VENSIM, "deaths="), "deaths") in [
        (i.code, i.line, i.variable) for i in check(broken)
    ]


def test_a_repair_on_reading_is_an_issue():
    issues = check(XMILE.replace("</units></flow>", "</units>"))
    assert [issue.code for issue in issues] == ["repaired"]


def test_impossible_settings_are_one_issue_of_no_variable():
    issues = [
        issue for issue in check(XMILE.replace("<dt>0.5</dt>", "<dt>0</dt>")) if issue.severity == "error"
    ]
    assert [(issue.code, issue.variable) for issue in issues] == [("model", None)]


def test_a_ghost_needs_no_connectors_of_its_own():
    header = VENSIM[VENSIM.index("\\\\\\---///") : VENSIM.index("10,1,people")]
    words = [
        f"10,{number},{name},1,1,25,11,8,2,0,3,-1,0,0,0\n"
        for number, name in enumerate(("deaths", "lifetime"), 1)
    ]
    ghosts = VENSIM.replace("///---", header + "".join(words) + "///---")
    assert len(from_bytes(ghosts.encode()).views) == 2
    assert check(ghosts) == []


def test_the_initial_value_of_a_stock_may_be_drawn_or_left_out():
    drawn = VENSIM.replace("1,15,9,1,", "10,16,start people,300,300,25,11,8,3,0,0,0,0,0,0\n1,15,9,1,")
    assert check(drawn) == []
    assert check(drawn.replace("1,15,9,1,", "1,17,16,1,1,0,0,0,0,64,0,-1--1--1,,1|(0,0)|\n1,15,9,1,")) == []


def test_a_changed_model_with_a_loop_is_an_issue():
    a = Auxiliary("a", (Equation(Binary("+", Name("b"), Number(1.0))),))
    b = Auxiliary("b", (Equation(Name("a")),))
    assert [issue.code for issue in sd.check(Model("m", {"a": a, "b": b}))] == ["loop-without-stock"]


def test_names_that_only_the_other_language_uses_for_a_function_are_free():
    text = VENSIM.replace("lifetime", "delay")
    assert check(text) == []
