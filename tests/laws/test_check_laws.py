"""Laws of checking: it never raises, gives issues in file order, and is silent about files that are sound."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sdtheory as sd
from sdtheory.documents import from_bytes
from sdtheory.errors import Issue

SIGNS = [
    "",
    '"',
    "{",
    "~",
    "|",
    "[",
    "]",
    "(",
    ")",
    "\\",
    "+",
    "*",
    ",",
    "0",
    "-1",
    "???",
    "x",
    "Time",
    "\n",
    "&",
    "<",
]
SIGNS += [
    "</eqn>",
    "<eqn>",
    "1e999",
    ":AND:",
    "MAX(",
    "people",
    "= INTEG (a, b)",
    " ~ Year ~ |",
    "Month^",
    "é",
]
MDL = """{UTF-8}
people[town]= INTEG (births[town] - people[town]/table(lifetime), 100) ~ Person ~ all |
town: A, B ~~|
births[town]= people[town]*rate ~ Person/Month ~ born |
rate= 0.01 ~ 1/Month [0,1] ~ pace |
lifetime= 80 ~ Month ~ span |
table([(0,0)-(100,100)],(0,0),(99,99)) ~ Month ~ |
TIME STEP= 0.5 ~ Month ~|
\\\\\\---/// Sketch information
V300  text
*Town
$192-192-192,0,Arial|12||0-0-0|0-0-0|0-0-255|-1--1--1|-1--1--1|72,72,100,0
10,1,people,300,200,40,20,3,3,0,0,0,0,0,0
10,2,rate,200,300,25,11,8,3,0,0,0,0,0,0
10,3,births,200,219,25,11,8,3,0,0,0,0,0,0
1,4,2,3,1,0,43,0,0,64,0,-1--1--1,,1|(200,260)|
///---\\\\\\
:L<%^E!@
15:0,0,0,0,0,0
22:Person,People
"""
XMILE = """<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"><header/>
<sim_specs time_units="Month"><start>0</start><stop>9</stop><dt>0.5</dt></sim_specs>
<model_units><unit name="Person"><alias>People</alias></unit></model_units><model><variables>
<stock name="people"><eqn>start</eqn><inflow>births</inflow><units>Person</units></stock>
<flow name="births"><eqn>people*rate</eqn><units>Person/Month</units><non_negative/></flow>
<aux name="start"><eqn>100</eqn><units>People</units></aux>
<aux name="rate"><eqn>TIME</eqn><gf><xscale min="0" max="1"/><ypts>1,2</ypts></gf></aux>
</variables><views><view><stock name="people" x="100" y="50"/><aux name="rate" x="1" y="2"/>
<flow name="births" x="50" y="50"/><connector angle="45"><from>rate</from><to>births</to></connector>
</view></views></model></xmile>
"""
FILES = {"vensim": MDL, "xmile": XMILE}


@pytest.mark.filterwarnings("ignore::sdtheory.errors.SDWarning")
@pytest.mark.parametrize("format", FILES)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_checking_a_mutated_document_never_raises(format, data):
    text = FILES[format]
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        length = data.draw(st.sampled_from([0, 0, 1, 3, 12]))
        text = text[:start] + data.draw(st.sampled_from(SIGNS)) + text[start + length :]
    try:
        document = from_bytes(text.encode(), format)
    except sd.SDError:
        return
    issues = sd.check(document)
    assert all(isinstance(issue, Issue) and "\n" not in issue.message for issue in issues)
    assert [issue.line or 0 for issue in issues] == sorted(issue.line or 0 for issue in issues)
    try:
        sd.load(document)
    except sd.SDError:
        assert any(issue.severity == "error" for issue in issues)


def test_checking_the_same_document_gives_the_same_issues():
    document = from_bytes(MDL.replace("births[town]*", "birth[town]*").encode())
    assert sd.check(document) == sd.check(from_bytes(document.bytes))


# a file may be read with a warning
@pytest.mark.filterwarnings("ignore::sdtheory.errors.SDWarning")
def test_a_corpus_is_checked_without_a_false_error(corpus):
    for path in corpus(".mdl", ".xmile", ".stmx"):
        document = sd.read(path)
        errors = {issue.code for issue in sd.check(document) if issue.severity == "error"}
        try:
            sd.load(document)
        except sd.SDError:
            assert errors, path
        else:
            assert errors <= {"units"}, path
