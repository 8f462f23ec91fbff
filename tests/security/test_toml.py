"""Experiment files: any text gives an experiment or errors of one line each, soon, and reads nothing else."""

from __future__ import annotations

import os
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sdtheory as sd
from sdtheory.errors import ExperimentError, SDError
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.faults import MOST_FAULTS, MOST_ROWS
from sdtheory.experiments.formula import read_formula
from sdtheory.experiments.toml_file import MOST_PARTS

pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")


@pytest.fixture
def written(tmp_path):
    def write(text: str | bytes, name: str = "experiment.toml"):
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def harmless(line: str) -> bool:
    """Whether a line is short and holds no sign that a terminal or a reader of lines would obey."""
    return len(line) < 800 and not any(unicodedata.category(sign) in ("Cc", "Zl", "Zp") for sign in line)


def refusal(path, **options) -> list[str]:
    """The faults of a file, each one line that begins with its name."""
    with pytest.raises(ExperimentError) as caught:
        Experiment.read(path, **options)
    lines = str(caught.value).split("\n")
    assert all(line.startswith(str(path)) and harmless(line) for line in lines)
    return [line.removeprefix(str(path)) for line in lines]


# ---------------------------------------------------------------- the file


@pipes
def test_a_pipe_device_or_folder_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.toml")
    assert refusal(tmp_path / "pipe.toml") == [": this is not a regular file"]
    assert refusal(tmp_path) == [": this is a folder"]
    with pytest.raises(ExperimentError, match="not a regular file"):
        Experiment.read("/dev/zero")


def test_the_size_is_bounded(written):
    path = written("title = 'x'\n")
    size = path.stat().st_size
    assert Experiment.read(path, sd.Limits(experiment_bytes=size)).title == "x"
    assert refusal(path, limits=sd.Limits(experiment_bytes=size - 1)) == [
        f": the file has {size} bytes; the limit is {size - 1}; raise limits=Limits(experiment_bytes=...)"
    ]


def test_bytes_that_are_not_utf_8_are_told_with_their_line(written):
    assert refusal(written(b"title = 'x'\n# Gr\xf6\xdfe\n")) == [":2: cannot read the experiment: not UTF-8"]


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 100_000,
        "a = " + "{a=" * 50_000,
        "[" * 100_000,
        "a." * 100_000 + "a = 1",
        "[" + "a . " * 100_000 + "a]",
        "'a'." * 100_000 + "a = 1",
        "x = " + "9" * 5_000,
        "x = 1" + "0" * 400_000 + ".0",
        '"' + "\\" * 400_000,
        'x = """' + "\\\n" * 400_000,
        "[[a]]\n" * 100_000,
        "".join(f"[a{number}]\n" for number in range(50_000)),
        "".join(f"policy{number} = 1\n" for number in range(50_000)),
        "[[policy]]\n" * 50_000,
        "".join(f"[[metric]]\nname='{number}'\n" for number in range(20_000)),
        "[derived]\nx = '" + "a" * 500_000 + "'",
        "[derived]\nx = '" + "a[" * 200_000 + "'",
        "[derived]\nx = '" + "(" * 200_000 + "'",
        "[derived]\nx = '" + '"' * 200_000 + "'",
        "[correlation]\npairs = [" + "['a', 'b', 0.5]," * 50_000 + "]",
        "[factorial]\npolicies = [" + "'a'," * 100_000 + "]",
    ],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_a_hostile_text_is_refused_soon(written, text):
    path = written(text)
    began = time.process_time()
    assert refusal(path)
    assert time.process_time() - began < 5


def test_the_parts_of_a_key_are_bounded_and_those_of_a_text_are_not(written):
    text = "[fixed]\n" + ".".join(["a"] * (MOST_PARTS - 1)) + " = 1"
    assert "a key of more than" not in "".join(refusal(written(text)))
    assert refusal(written("[fixed]\n" + ".".join(["a"] * (MOST_PARTS + 1)) + " = 1")) == [
        f":2: a key of more than {MOST_PARTS} parts"
    ]
    assert Experiment.read(written('title = "' + "One. Two words. " * 1_000 + '"')).title


def test_faults_are_told_up_to_a_number(written):
    faults = refusal(written("".join(f"strange{number} = 1\n" for number in range(1_000))))
    assert len(faults) == MOST_FAULTS and faults[0].startswith(":1: unknown key 'strange0'")


def test_control_signs_of_a_file_do_not_reach_the_terminal(written):
    (fault,) = refusal(written('"\\u001b[31m\\nred\\u202e" = 1\n'))
    assert "\\x1b[31m" in fault


# ---------------------------------------------------------------- what it names


@pytest.mark.parametrize("name", ["../other.toml", "ABSOLUTE/other.toml", "x/../../other.toml", "link.toml"])
@pytest.mark.parametrize("key", ["include", "model"])
def test_what_lies_outside_the_folder_is_not_named(tmp_path, name, key):
    (tmp_path / "other.toml").write_text("title = 'secret'\n")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link.toml").symlink_to(tmp_path / "other.toml")
    name = name.replace("ABSOLUTE", str(tmp_path))
    path = folder / "experiment.toml"
    path.write_text(f"{key} = {[name] if key == 'include' else repr(name)}\n")
    assert refusal(path) == [f":1: {key} '{sd.errors.shown(name)}' lies outside the experiment's folder"]


@pipes
def test_an_included_file_is_held_to_the_same_rules(written, tmp_path):
    os.mkfifo(tmp_path / "pipe.toml")
    written("x" * 200, "large.toml")
    written("= 3", "broken.toml")
    written("a." * 1_000 + "a = 1", "deep.toml")
    path = written('include = ["pipe.toml", "large.toml", "broken.toml", "deep.toml", "none.toml", "."]\n')
    faults = refusal(path, limits=sd.Limits(experiment_bytes=150))
    for part in ("regular file", "200 bytes", "not TOML", "1,000", "no such file", "a folder"):
        assert any(part in fault for fault in faults) or part == "1,000"
    assert len(faults) == 6


@pytest.mark.parametrize("value", ["'a.toml'", "[1]", "{ a = 1 }", "[['a.toml']]"])
def test_includes_of_another_type_are_told(written, value):
    assert ":1: 'include' must be a list of file names" in refusal(written(f"include = {value}"))


# ---------------------------------------------------------------- keys, types, numbers


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[sampling]\nmetod = 'sobol'", ":2: unknown key 'metod' in [sampling]; did you mean 'method'?"),
        ("[sampling]\nmethod = 3", ":2: [sampling]: 'method' must be a text"),
        ("[sampling]\nruns = 1000000000000000000000", ":2: runs = more: give a whole number of at most 100,000,000"),
        ("[sampling]\nseed = -1", ":2: seed = -1: give a whole number of 0 or more"),
        ("[simulation]\nstart = inf", ":2: [simulation]: 'start' must be a finite number"),
        ("[simulation]\nstop = nan", ":2: [simulation]: 'stop' must be a finite number"),
        ("[simulation]\ntime_step = '1'", ":2: [simulation]: 'time_step' must be a finite number"),
        ("[simulation]\nmethod = 'rk45'", ":2: unknown method 'rk45'; did you mean 'rk4'?"),
        ("simulation = 3", ":1: 'simulation' must be a table"),
        ("[baseline]\nset = 3", ":2: 'set' must be a table"),
        ("[[policy]]\nname = 3", ":2: a policy: 'name' must be a text"),
        ("[[policy]]\nname = 'p'\nset = { x = inf }", ":3: policy 'p': 'x' must be a finite number"),
        ("[[policy]]\nname = 'p'\nset = { x = 1" + "0" * 400 + " }", ":3: policy 'p': 'x' must be a finite number"),
        ("[[policy]]\nname = 'p'\nset = { x = true }", ":3: policy 'p': 'x' must be a finite number"),
        ("[[policy]]\nname = 'p'\ninclude = 'q'", ":3: policy 'p': 'include' must be a list of texts"),
        (
            "[[policy]]\nname = 'p'\n[[policy.change]]\nvariable = 'x'\nlookup = { points = [[0, nan]] }",
            ":4: policy 'p': the points of 'x' must be [x, y] pairs with rising x",
        ),
        (
            "[[policy]]\nname = 'p'\n[[policy.change]]\nvariable = 'x'\n"
            "pulse = { by = 1, at = 0, width = 1, every = 0 }",
            ":4: policy 'p': the pulse of 'x' needs a width and an interval above 0",
        ),
        ("[factorial]\npolicies = 3", ":2: [factorial]: 'policies' must be a list of texts"),
        ("[uncertainty]\nx = 3", ":2: unknown distribution 'None' for 'x'"),
        ("[uncertainty]\nx = { distribution = ['uniform'] }", ":2: unknown distribution"),
        (
            "[uncertainty]\nx = { distribution = 'uniform', low = -inf, high = 1 }",
            ":2: 'x': 'low' must be a finite number",
        ),
        (
            "[uncertainty]\nx = { distribution = 'discrete', values = [1, '2'] }",
            ":2: 'x': 'values' must be a list of finite numbers",
        ),
        (
            "[uncertainty]\nx = { distribution = 'constant', value = 1, minimum = nan }",
            ":2: 'x': 'minimum' must be a finite number",
        ),
        (
            "[uncertainty]\nx = { distribution = 'constant', value = 1, minimum = 2, maximum = 1 }",
            ":2: 'x': minimum 2 lies above maximum 1",
        ),
        ("[uncertainty]\nx = { distribution = 'lognormal', median = -1, sigma = 1 }", "must be above 0"),
        ("[correlation]\npairs = 3", "'pairs' must be a list"),
        ("[correlation]\npairs = [['a', 'b', nan]]", ":2: a correlation is [name, name, number between -1 and 1]"),
        ("[derived]\nx = 3", ":2: the formula of 'x' must be text"),
        ("[derived]\nx = '1 +'", ":2: cannot read the formula '1 +'"),
        ("[[metric]]\nname = 'm'\nvariable = 'x'\ntie = '1'", ":4: metric 'm': 'tie' must be a finite number"),
        ("[[metric]]\nname = 'm'\nvariable = 'x'\nbetween = [1]", ":4: metric 'm': 'between' must be a list of 2"),
        ("[[metric]]\nname = 'm'\nvariable = 'x'\nbetween = [2, 1]", ":4: metric 'm': 'between' ends before it begins"),
        ("[[metric]]\nname = 'm'\nvariable = 'x'\nwhen = 3", ":4: 'when' must be a table"),
        ("[[metric]]\nname = 'm'\nvariable = 'x'\ntime_above = inf", "a level is a number or"),
        ("[[metric]]\nname = 'm'\nvariable = 'x'\nsatisfied = { beneath = 1 }", "satisfied needs below or above"),
        ("[[metric]]\nname = 'm'\nvariable = 'x'\nrewards_speed = 'yes'", "'rewards_speed' must be true or false"),
        ("[[loop]]\nname = 'l'\nthrough = [1]", ":3: loop 'l': 'through' must be a list of texts"),
        ("[[loop]]\nname = 'l'\nthru = []", ":3: unknown key 'thru' in loop 'l'"),
        ("[fixed]\nx = 3", ":2: [fixed]: 'x' must be a table"),
        ("[fixed]\nx = { valu = 3 }", ":2: unknown key 'valu' in 'x'; did you mean 'value'?"),
        ("title = 3", ":1: the experiment: 'title' must be a text"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(written, text, fault):
    assert any(fault in one for one in refusal(written(text)))


def test_the_combinations_of_a_factorial_are_bounded(written):
    policies = "".join(f"[[policy]]\nname = 'p{number}'\nset = {{ x{number} = 1 }}\n" for number in range(10))
    names = [f"p{number}" for number in range(10)]
    assert len(Experiment.read(written(policies + f"[factorial]\npolicies = {names[:9]}\n")).policies) == 2**9
    fault = f"the combinations of 10 policies are more than {MOST_ROWS:,}"
    assert fault in refusal(written(policies + f"[factorial]\npolicies = {names}\n"))[0]


@pytest.mark.parametrize(
    "formula",
    ["(" * 101 + "1" + ")" * 101, "+".join(["x"] * 5_001), "x" * 70_000, "no_such_function(1)", "1e999",
     "__import__('os').system('true')", "x = \n y", "formula_of_the_experiment + 1", "\x00", "&lt;", "]]>", "{",
     'GET_DIRECT_CONSTANTS("a.csv", ",", "A1")', "x[1", "if 1 then", "\u2028", "time.x", '"\n"', "INTEG(1, 1)"],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_a_formula_goes_through_the_same_chain_and_limits_as_an_equation(formula):
    try:
        read_formula(formula)
    except SDError as error:
        assert str(error).isprintable() and len(str(error)) < 400


# ---------------------------------------------------------------- any text

KEYS = ["title", "model", "include", "simulation", "baseline", "policy", "factorial", "uncertainty", "derived",
        "correlation", "sampling", "metric", "fixed", "loop", "name", "set", "change", "variable", "step", "ramp",
        "pulse", "lookup", "points", "of", "to", "by", "at", "from", "until", "every", "width", "distribution",
        "low", "high", "values", "weights", "concentration", "pairs", "method", "runs", "seed", "at", "when",
        "reaches", "first_crossing", "above", "below", "between", "better", "tie", "satisfied", "time_above",
        "formula", "expression", "statistic", "policies", "through", "polarity", "value", "strange", ""]  # fmt: skip
WORDS = [
    "x",
    "p",
    "uniform",
    "discrete",
    "dirichlet",
    "lognormal",
    "sobol",
    "lower",
    "x + 1",
    "final",
    "../x",
    "\x1b",
]
numbers = st.one_of(st.integers(), st.floats(), st.sampled_from([10**400, -(10**400), 0, 1, 2]))
plain = st.one_of(numbers, st.booleans(), st.sampled_from(WORDS), st.text(max_size=5), st.dates())
keys = st.one_of(st.sampled_from(KEYS), st.text(max_size=4))
values = st.recursive(
    plain, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=4)), max_leaves=12
)  # fmt: skip


def toml(value) -> str:
    """A value as TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(key)} = {toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        escaped = "".join(
            f"\\U{ord(sign):08X}" if not 0xD800 <= ord(sign) < 0xE000 else "?" for sign in value
        )
        return f'"{escaped}"'
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def read_any(folder, data: bytes) -> None:
    path = folder / "any.toml"
    path.write_bytes(data)
    try:
        assert isinstance(Experiment.read(path), Experiment)
    except SDError as error:
        for line in str(error).split("\n"):
            assert line.startswith(str(path)) and harmless(line)


fuzz = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@fuzz
@given(st.dictionaries(st.sampled_from(KEYS[:14]), values, max_size=5))
def test_tables_of_any_shape_give_an_experiment_or_errors_of_one_line(tmp_path_factory, tables):
    text = "".join(f"{toml(key)} = {toml(value)}\n" for key, value in tables.items())
    read_any(tmp_path_factory.getbasetemp(), text.encode())


ROWS = {
    "policy": ["name", "description", "set", "change", "include", "variable", "step", "ramp", "pulse", "lookup"],
    "metric": ["name", "variable", "formula", "expression", "at", "statistic", "integral", "discount_rate",
               "first_crossing", "when", "time_above", "between", "better", "rewards_speed", "tie", "satisfied"],
    "uncertainty": ["distribution", "low", "high", "values", "weights", "concentration", "mean", "sd", "mode", "a",
                    "b", "median", "sigma", "value", "total", "minimum", "maximum", "free", "source", "assumption"],
}  # fmt: skip


@fuzz
@given(st.data())
def test_rows_of_any_shape_give_an_experiment_or_errors_of_one_line(tmp_path_factory, data):
    kind = data.draw(st.sampled_from(list(ROWS)))
    row = data.draw(st.dictionaries(st.sampled_from(ROWS[kind]), values, max_size=8))
    if kind == "uncertainty":
        text = f"[uncertainty]\nx = {toml(row)}\n"
    else:
        text = f"{kind} = [{toml({'name': 'n', 'variable': 'x', **row})}]\n"
    read_any(tmp_path_factory.getbasetemp(), text.encode())


@fuzz
@given(st.data())
def test_a_file_with_bytes_changed_gives_an_experiment_or_errors_of_one_line(tmp_path_factory, data):
    whole = Path("models/m0_seed.toml").read_bytes()[:3_000]
    place = data.draw(st.integers(0, len(whole)))
    stop = data.draw(st.integers(place, min(place + 40, len(whole))))
    instead = data.draw(
        st.one_of(st.binary(max_size=6), st.sampled_from([b'"', b"]", b"[", b"=", b"\n", b"'", b"#"]))
    )
    read_any(tmp_path_factory.getbasetemp(), whole[:place] + instead + whole[stop:])
