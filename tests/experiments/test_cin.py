"""Vensim's changes files: read, written, and compared like typed changes."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import assume, given
from hypothesis import strategies as st

import sdtheory as sd
from sdtheory.cli.main import main
from sdtheory.documents import from_bytes
from sdtheory.errors import ExperimentError
from sdtheory.experiments.policy import Amount, EquationChange, LookupChange, Policy, Step
from sdtheory.experiments.structure import Remove
from sdtheory.names import canonical

MODEL = b"""{UTF-8}
Region: north, south, east ~~|
level[Region] = INTEG(effect(Time) * pace[Region], 1) ~~|
pace[Region] = 1, 2, 3 ~~|
effect((0,1),(4,2)) ~~|
"weight, net {kg}" = 2 ~~|
INITIAL TIME = 0 ~~|
FINAL TIME = 4 ~~|
TIME STEP = 0.5 ~~|
SAVEPER = TIME STEP ~~|
"""


@pytest.fixture(scope="module")
def model():
    return sd.load(from_bytes(MODEL))


def _read(tmp_path, data, model=None, encoding=None):
    path = tmp_path / "warmer.cin"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return Policy.from_cin(path, model, encoding)


def _names(without):
    return st.text(
        st.characters(exclude_categories=("C", "Z"), exclude_characters=without), min_size=1, max_size=12
    )


NAMES, ELEMENTS = _names('[]"\\'), _names('[]"\\,')
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
POINTS = st.lists(NUMBERS, min_size=1, max_size=5, unique=True).flatmap(
    lambda x: st.tuples(*(st.tuples(st.just(one), NUMBERS) for one in sorted(x)))
)


@given(
    st.dictionaries(NAMES.map("a{}".format), NUMBERS, max_size=4),
    st.dictionaries(NAMES.map("b{}".format), POINTS, max_size=3),
    st.dictionaries(st.tuples(ELEMENTS, ELEMENTS).map("c[{0[0]},{0[1]}]".format), NUMBERS, max_size=3),
)
def test_what_is_written_is_read_again(tmp_path_factory, constants, lookups, cells):
    values = {**constants, **cells}
    assume(len({canonical(name) for name in (*values, *lookups)}) == len(values) + len(lookups))
    policy = Policy(
        "warmer", set=values, changes=tuple(LookupChange(name, points) for name, points in lookups.items())
    )
    path = tmp_path_factory.mktemp("cin") / "warmer.cin"
    policy.to_cin(path)
    assert Policy.from_cin(path) == policy
    assert path.read_bytes().count(b"\n") == path.read_bytes().count(b"\r\n")


def test_every_form_of_a_changes_file_is_read(tmp_path, model):
    text = (
        b"{UTF-8}\r\n"
        b"\r\n"
        b"constant name 1 = 123.4 {a comment}\r\n"
        b"{ two\r\n lines = 3 }\r\n"
        b'"weight, net {kg}" = -1.5e-3\r\n'
        b"growth\\\r\n\trate = .5\r\n"
        b"effect( [(0,0)-(4,10),(1,1)],(0,1),\r\n (2,3), (4,5) )\r\n"
        b"older(1,2,3, 10,20,30)\r\n"
        b"plain((0,0),(1,1))\r\n"
        b"pace[Region] = 7,8,\r\n  9\r\n"
        b"pace[south] = 5\r\n"
        b"0.0 <= searched = .015 <= .1 FRAC\r\n"
        b"constant_name_1=2\r\n"
        b"\x1a"
    )
    policy = _read(tmp_path, text, model)
    assert policy.name == "warmer"
    assert policy.set == {
        "weight, net {kg}": -1.5e-3,
        "growth rate": 0.5,
        "pace[north]": 7.0,
        "pace[east]": 9.0,
        "pace[south]": 5.0,
        "searched": 0.015,
        "constant_name_1": 2.0,
    }
    assert policy.changes == (
        LookupChange("effect", ((0.0, 1.0), (2.0, 3.0), (4.0, 5.0))),
        LookupChange("older", ((1.0, 10.0), (2.0, 20.0), (3.0, 30.0))),
        LookupChange("plain", ((0.0, 0.0), (1.0, 1.0))),
    )


def test_a_file_in_another_encoding_is_read_as_model_files_are(tmp_path):
    data = "größe = 2\r\n".encode("cp1252")
    with pytest.raises(ExperimentError, match='pass encoding="cp1252"'):
        _read(tmp_path, data)
    assert _read(tmp_path, data, encoding="cp1252").set == {"größe": 2.0}
    assert _read(tmp_path, b"{windows-1252}\r\n" + data).set == {"größe": 2.0}
    assert _read(tmp_path, b"\xff\xfe" + "größe = 2\r\n".encode("utf-16-le")).set == {"größe": 2.0}


@pytest.mark.parametrize("data", [b"", b"\x1a", b"\r\n{nothing}\r\n"])
def test_a_file_without_changes_is_a_policy_that_changes_nothing(tmp_path, data):
    assert _read(tmp_path, data) == Policy("warmer")


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("pace 3", 7, "'=' is wanted here"),
        ("pace = fast", 8, "a number is wanted here"),
        ("pace = 3 4", 10, "the end of the line is wanted here"),
        ("= 3", 1, "the name of a constant, a stock or a lookup is wanted here"),
        ("effect((0,1),(0,2))", 8, "a list of points with rising x is wanted here"),
        ("effect(1,2,3)", 13, "as many x as y is wanted here"),
        ("title :IS: 'x'", 7, "'=' is wanted here"),
        ("pace = 1e999", 8, "a number is wanted here"),
        ("effect((0,1)", 13, "')' is wanted here"),
        ("pace[Region] = 1,2", 1, "pass the model to tell of which elements"),
    ],
)
def test_a_line_that_cannot_be_read_is_shown_with_a_caret(tmp_path, line, column, message):
    with pytest.raises(ExperimentError) as caught:
        _read(tmp_path, f"first = 1\r\n{line}\r\n")
    first, shown, caret = str(caught.value).splitlines()
    assert first.endswith(message)
    assert f"warmer.cin:2:{column}: " in first
    assert (shown, caret) == (f"  {line}", " " * (column + 1) + "^")


def test_the_runs_of_a_read_policy_are_those_of_typed_changes(tmp_path, model):
    from sdtheory.experiments.policy import apply

    text = "level[Region] = 3\r\npace[north] = 9\r\neffect((0,0),(2,5))\r\n"
    read = sd.simulate(apply(_read(tmp_path, text), model))
    typed = Policy(
        "typed", set={"level": 3.0, "pace[north]": 9.0}, changes=(LookupChange("effect", ((0, 0), (2, 5))),)
    )
    assert read.equals(sd.simulate(apply(typed, model)))
    assert read["level[north]"].iloc[0] == 3.0
    assert not np.allclose(read["level[north]"], sd.simulate(model)["level[north]"])


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (Policy("p", changes=(Step("pace", Amount("to", 1.0), 2.0),)), "the step of 'pace'"),
        (Policy("p", changes=(EquationChange("pace", "2"),)), "the equation of 'pace'"),
        (Policy("p", changes=(LookupChange("pace", ((0, 1),), of="level"),)), "the lookup of 'pace'"),
        (Policy("p", structure=(Remove("pace"),)), "Remove of structure"),
        (Policy("p", set={"pace": float("nan")}), "'pace' = nan"),
    ],
)
def test_what_such_a_file_cannot_hold_is_refused_by_name(tmp_path, policy, message):
    with pytest.raises(ExperimentError) as caught:
        policy.to_cin(tmp_path / "x.cin")
    assert message in str(caught.value)
    assert not (tmp_path / "x.cin").exists()


def test_a_graph_in_the_place_of_a_constant_is_refused_where_the_model_tells(tmp_path, model):
    policy = Policy("p", changes=(LookupChange("pace", ((0.0, 1.0),)),))
    with pytest.raises(ExperimentError, match="the lookup of 'pace'"):
        policy.to_cin(tmp_path / "x.cin", model)


def test_a_name_that_the_model_lacks_is_told_with_line_and_nearest(tmp_path):
    path = tmp_path / "x.cin"
    path.write_text("researchers = 5\ntheorst boost = 0.5\n", encoding="utf-8")
    found = sd.Experiment.read(path).check(sd.load("models/m0_seed.xmile"))
    assert found == [f"{path}:2: unknown variable 'theorst boost'; did you mean 'theorist boost'?"]


def test_a_changes_file_is_compared_by_every_stock_at_the_end(tmp_path):
    path = tmp_path / "more.cin"
    path.write_text("theorist boost = 0.5\n", encoding="utf-8")
    found = CliRunner().invoke(
        main, ["compare", "models/m0_seed.mdl", str(path), "--json", "-o", str(tmp_path / "out")]
    )
    assert found.exit_code == 0, found.stderr
    result = json.loads(found.stdout)
    assert result["runs"] == 1
    assert [policy["name"] for policy in result["policies"]] == ["baseline", "more"]
    assert result["metrics"][:2] == ["capability at the end", "understanding at the end"]
    again = sd.Experiment.read(tmp_path / "out" / "experiment.toml")
    assert again.policies == sd.Experiment.read(path).policies
