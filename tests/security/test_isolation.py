"""A file read in a process of its own is the same model, and whatever becomes of that process is one line."""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
import time
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sdtheory as sd
from sdtheory.documents import from_bytes
from sdtheory.errors import ModelError, SDError, SDWarning, UsageError
from sdtheory.translate import isolated, isolated_process, stored
from sdtheory.translate.isolated_child import FILE_BYTES, MEMORY_BYTES, SECONDS

MODELS = sorted(
    path for path in (Path(__file__).parents[2] / "models").iterdir() if path.suffix in (".mdl", ".xmile")
)
ARRAYS = """{UTF-8}
d: p, (q1 - q3) -> (e: e2, e1, e3, e4) ~~|
e: e1, e2, e3, e4 ~~|
:MACRO: twice(a)
twice = 2 * a ~~|
:END OF MACRO:
a[d] = 1, 2, 3, 4 ~~|
b[e] = a[d] ~~|
t((0,0),(1,5)) ~~|
s = INTEG(IF THEN ELSE(Time > 1 :AND: a[p] > 0, t(s), -2^2), 3) ~~|
w = WITH LOOKUP(Time, ([(0,0)-(2,2)],(0,0),(2,1.5))) ~~|
n = SMOOTH N(s, 4, 0, a[q1] + 1) ~~|
g[d] :EXCEPT: [p] = 7 ~~|
g[p] = SUM(a[d!]) + twice(4) ~~|
z = :NA: ~~|
"""
SETTINGS = "INITIAL TIME = 0 ~~|\nFINAL TIME = 10 ~~|\nTIME STEP = 0.5 ~~|\nSAVEPER = 0.5 ~~|\n"
ARRAYS += SETTINGS
FAULTY = {
    "an unknown name": b"{UTF-8}\nx = nope ~~|\n" + SETTINGS.encode(),
    "an open bracket": b"{UTF-8}\nx = (1 ~~|\n" + SETTINGS.encode(),
    "a loop": b"{UTF-8}\na = b ~~|\nb = a ~~|\n" + SETTINGS.encode(),
    "no equation": b"{UTF-8}\na = ~~|\n" + SETTINGS.encode(),
    "too deep": b"{UTF-8}\na = " + 200 * b"(" + b"1" + 200 * b")" + b" ~~|\n" + SETTINGS.encode(),
    "control characters": b'{UTF-8}\n"\x1b[31mred" = nope ~~|\n' + SETTINGS.encode(),
    "broken XML": b"<xmile><model></xmile>",
}


@pytest.fixture(autouse=True)
def clean(tmp_path, monkeypatch):
    """A cache and a folder for temporary files for the test alone; nothing is left in the latter."""
    home = tmp_path / "temporary"
    home.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(home))
    monkeypatch.setenv("SDTHEORY_CACHE", str(tmp_path / "cache"))
    yield
    assert not [path.name for path in home.iterdir() if path.name.startswith("sdtheory-isolated-")]


def uncached(path_or_document, tmp_path, monkeypatch, **how) -> sd.Model:
    """A model that nothing of an earlier load is used for."""
    with monkeypatch.context() as patch:
        patch.setenv("SDTHEORY_CACHE", tempfile.mkdtemp(dir=tmp_path))
        return sd.load(path_or_document, **how)


def parts(model: sd.Model) -> list[str]:
    """Every field of a model as text, also those that its equality leaves out, and where nan equals nan."""
    translation = model.translation
    values = [
        getattr(model, field.name) for field in dataclasses.fields(model) if field.name != "translation"
    ]
    values += [getattr(translation, field.name) for field in dataclasses.fields(translation)]
    return list(map(repr, values))


def raised(call) -> SDError:
    with pytest.raises(SDError) as found:
        call()
    error = found.value
    assert str(error).isprintable() and len(str(error)) < 10_000
    return error


# ---------------------------------------------------------------- the same model


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.name)
def test_an_isolated_load_gives_the_same_model_and_the_same_run(path, tmp_path, monkeypatch):
    here = uncached(path, tmp_path, monkeypatch)
    apart = uncached(path, tmp_path, monkeypatch, isolation="process")
    assert apart == here and parts(apart) == parts(here)
    assert sd.simulate(apart).equals(sd.simulate(here))


def test_arrays_lookups_and_macros_come_through_and_run_equal_on_every_engine(tmp_path, monkeypatch):
    path = tmp_path / "arrays.mdl"
    path.write_text(ARRAYS)
    here = uncached(path, tmp_path, monkeypatch)
    apart = uncached(path, tmp_path, monkeypatch, isolation="process")
    assert parts(apart) == parts(here)
    for engine in ("vectorised", "reference"):
        assert sd.simulate(apart, engine=engine).equals(sd.simulate(here, engine=engine))


@pytest.mark.parametrize("what", FAULTY)
def test_an_isolated_load_gives_the_same_error(what, tmp_path):
    path = tmp_path / ("faulty.xmile" if FAULTY[what].startswith(b"<") else "faulty.mdl")
    path.write_bytes(FAULTY[what])
    here, apart = raised(lambda: sd.load(path)), raised(lambda: sd.load(path, isolation="process"))
    assert type(apart) is type(here) and str(apart) == str(here)
    assert (apart.file, apart.line, apart.column) == (here.file, here.line, here.column)


def test_a_check_apart_finds_the_same_issues(tmp_path):
    path = tmp_path / "faulty.mdl"
    path.write_text(
        "{UTF-8}\nway = pace + hours ~ km ~|\npace = 5 ~ km/Hour ~|\nhours = nope ~ Hour ~|\n" + SETTINGS
    )
    issues = sd.check(path, isolation="process")
    assert issues == sd.check(path)
    assert {"undefined-name", "units"} <= {issue.code for issue in issues}


def test_limits_hold_in_the_other_process(tmp_path):
    path = tmp_path / "deep.mdl"
    path.write_text("{UTF-8}\nx = ((1)) ~~|\n" + SETTINGS)
    error = raised(lambda: sd.load(path, limits=sd.Limits(depth=1), isolation="process"))
    assert "nested 2 deep; the limit is 1" in str(error)


def test_a_document_that_was_changed_and_not_saved_may_be_given(tmp_path, monkeypatch):
    document = sd.read(MODELS[0]).set_equation("search leverage", 7)
    assert sd.load(document, isolation="process") == uncached(document, tmp_path, monkeypatch)


def test_data_is_read_from_the_folders_that_the_caller_names_and_from_no_other(tmp_path, monkeypatch):
    for name in ("models", "data"):
        (tmp_path / name).mkdir()
    (tmp_path / "data" / "data.csv").write_text("4\n")
    path = tmp_path / "models" / "model.mdl"
    path.write_text("{UTF-8}\nx = GET DIRECT CONSTANTS('../data/data.csv', ',', 'A1') ~~|\n" + SETTINGS)
    monkeypatch.chdir(tmp_path)
    found = sd.load("models/model.mdl", data_folders=["data"], isolation="process")
    assert found["x"].equations[0].expression.value == 4
    error = raised(lambda: sd.load("models/model.mdl", isolation="process"))
    assert "lies outside the model's folder" in str(error)


def test_any_other_way_of_isolation_is_a_usage_error():
    for call in (sd.load, sd.check):
        with pytest.raises(UsageError, match="use isolation='process'"):
            call(MODELS[0], isolation="thread")


def test_a_translation_made_apart_is_kept_for_every_load_and_one_made_here_starts_no_process(monkeypatch):
    def fail(*_):
        raise AssertionError("translated again")

    first, second = MODELS[:2]
    apart, here = sd.load(first, isolation="process"), sd.load(second)
    monkeypatch.setattr("sdtheory.translate.translated", fail)
    monkeypatch.setattr(isolated_process, "_command", fail)
    assert sd.load(first) == apart
    assert sd.load(second, isolation="process") == here


# ---------------------------------------------------------------- a process that goes wrong

DOCUMENT = from_bytes(b"{UTF-8}\nx = 1 ~~|\n")


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """What a load says when the other process runs these lines in place of the translation."""
    real = isolated_process._command

    def load(*lines: str) -> SDError:
        body = "".join(f"    {line}\n" for line in lines)
        (tmp_path / "hostile_task.py").write_text(f"def answer(request, data):\n{body}")
        monkeypatch.setattr(isolated_process, "_command", lambda task: [*real("hostile_task"), str(tmp_path)])
        return raised(lambda: sd.load(DOCUMENT, isolation="process"))

    return load


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGABRT", "SIGXCPU", "SIGTERM"])
def test_a_process_that_is_ended_by_a_signal_is_one_line_that_names_it(hostile, name):
    error = hostile("import os, signal", f"os.kill(os.getpid(), signal.{name})")
    assert isinstance(error, sd.EngineCrashed)
    assert (error.engine, error.signal, error.file) == ("translation", name, "<document>")
    assert f"was ended by {name}" in str(error) and "without isolation only if you trust it" in str(error)


def test_a_read_of_no_memory_does_not_reach_the_caller(hostile):
    assert hostile("import ctypes", "ctypes.string_at(0)").signal == "SIGSEGV"


@pytest.mark.parametrize(
    "line, text",
    [
        ("bytearray(3 * 2**30)", "ran out of memory; the limit is 2 GB"),
        ("return 'x' * (40 * 2**20)", "answered with more than 33,554,432 bytes"),
        ("import os; os._exit(3)", "ended with status 3"),
        ("import os; os._exit(0)", "gave an answer that makes no sense"),
        ("import sys; sys.exit()", "gave an answer that makes no sense"),
        ("return answer(request, data)", "failed with RecursionError"),
        ("raise KeyError('a\\x1b[31m\\nb')", "failed with KeyError: 'a"),
        ("return None", "ended with status 1"),
        ("return 'no JSON'", "gave an answer that makes no sense"),
    ],
)
def test_a_process_that_fails_in_any_way_is_one_line(hostile, line, text):
    error = hostile(line)
    assert isinstance(error, sd.EngineCrashed) and text in str(error)


@pytest.mark.parametrize(
    "lines",
    [
        ["while True: pass"],
        ["import time", "time.sleep(60)"],
        ["import os", "os.close(3)", "import time", "time.sleep(60)"],
        ["import os", "while True: os.write(1, bytes(65536)); os.write(2, bytes(65536))"],
    ],
)
def test_a_process_that_does_not_end_is_stopped(hostile, monkeypatch, lines):
    monkeypatch.setattr(isolated_process, "SECONDS", 1.0)
    started = time.monotonic()
    error = hostile(*lines)
    assert "took longer than 1 s and was stopped" in str(error)
    assert time.monotonic() - started < 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes of this kind")
def test_a_process_beside_it_is_not_left_behind(hostile, monkeypatch, tmp_path):
    monkeypatch.setattr(isolated_process, "SECONDS", 2.0)
    lines = [
        "import os, time",
        "if os.fork() == 0:",
        f"    open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))",
        "    time.sleep(60)",
        "return ''",
    ]
    assert isinstance(hostile(*lines), sd.EngineCrashed)
    if not (tmp_path / "pid").exists():
        return  # the limit on processes, which root does not have, forbade it
    number = (tmp_path / "pid").read_text()
    until = time.monotonic() + 10
    while alive(number) and time.monotonic() < until:
        time.sleep(0.05)
    assert not alive(number)


def alive(number: str) -> bool:
    try:
        status = Path("/proc", number, "stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_a_program_that_cannot_be_started_is_one_line(monkeypatch):
    monkeypatch.setattr(isolated_process, "_command", lambda task: ["/no/such/program"])
    error = raised(lambda: sd.load(DOCUMENT, isolation="process"))
    assert "cannot be started" in str(error)


def test_what_the_process_prints_is_no_answer(hostile):
    lines = [
        "import sys, os",
        "print('{}', flush=True)",
        "os.write(2, b'x')",
        "from sdtheory.errors import ModelError",
    ]
    assert type(hostile(*lines, "raise ModelError('as it is')")) is ModelError


# ---------------------------------------------------------------- what it has, and what it leaves


def told(error: SDError) -> dict:
    return json.loads(error.message)


def test_the_environment_and_open_files_of_the_caller_do_not_reach_the_process(
    hostile, monkeypatch, tmp_path
):
    monkeypatch.setenv("SECRET_OF_THE_CALLER", "1")
    (tmp_path / "secret").write_text("x")
    with (tmp_path / "secret").open() as secret:
        os.set_inheritable(secret.fileno(), True)
        found = told(
            hostile(
                "import os, json, sys",
                "from sdtheory.errors import ModelError",
                "here = [os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')"
                " if os.path.exists(f'/proc/self/fd/{n}')] if os.path.isdir('/proc/self/fd') else []",
                "raise ModelError(json.dumps({'environment': dict(os.environ), 'files': here,"
                " 'folder': os.getcwd(), 'inside': os.listdir(), 'path': sys.path, 'flags': sys.flags.isolated}))",
            )
        )
    permitted = {"HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP", "LC_CTYPE", "LD_LIBRARY_PATH", "SYSTEMROOT"}
    assert {one for one in found["environment"] if not one.endswith("_NUM_THREADS")} <= permitted
    assert found["environment"]["HOME"] == found["environment"]["TMPDIR"] == found["folder"]
    assert found["inside"] == [] and found["flags"] == 1
    assert "" not in found["path"] and os.getcwd() not in found["path"][2:]
    assert not [name for name in found["files"] if "secret" in name]
    assert not Path(found["folder"]).exists()


def test_the_process_is_fenced_in(hostile):
    resource = pytest.importorskip("resource")
    own = resource.getrlimit(resource.RLIMIT_AS)
    found = told(
        hostile(
            "import resource, json",
            "from sdtheory.errors import ModelError",
            "names = ('AS', 'CPU', 'FSIZE', 'NPROC', 'CORE')",
            "limits = {name: resource.getrlimit(getattr(resource, 'RLIMIT_' + name))[0] for name in names}",
            "raise ModelError(json.dumps(limits))",
        )
    )
    wanted = {"AS": MEMORY_BYTES, "CPU": SECONDS, "FSIZE": FILE_BYTES, "NPROC": 0, "CORE": 0}
    assert all(0 <= found[name] <= most for name, most in wanted.items())
    assert resource.getrlimit(resource.RLIMIT_AS) == own


def test_what_the_process_writes_goes_with_its_folder(hostile):
    lines = [
        "import tempfile, os, pathlib",
        "from sdtheory.errors import ModelError",
        "pathlib.Path('left').mkdir()",
        "tempfile.mkstemp(dir='left')",
        "os.chmod('left', 0)",
        "raise ModelError(tempfile.mkdtemp())",
    ]
    assert not Path(hostile(*lines).message).exists()


def test_a_load_writes_nothing_beside_the_model_or_in_the_home_folder(tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("SDTHEORY_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "model").mkdir()
    path = tmp_path / "model" / "model.mdl"
    path.write_text(ARRAYS)
    canary = "import pathlib; pathlib.Path(__file__).with_suffix('.ran').touch()\n"
    for name in ("numpy", "json", "model", "sitecustomize"):
        (path.parent / f"{name}.py").write_text(canary)
    before = sorted(path.parent.rglob("*"))
    monkeypatch.chdir(path.parent)
    sd.load(path, isolation="process")
    assert sorted(path.parent.rglob("*")) == before
    assert not list(home.iterdir())
    assert [one.name for one in (tmp_path / "cache" / "sdtheory").iterdir()] == ["models"]


def test_an_isolated_file_is_not_read_by_the_callers_process(tmp_path, monkeypatch):
    def fail(*_):
        raise AssertionError("read here")

    path = tmp_path / "model.mdl"
    path.write_text(ARRAYS)
    monkeypatch.setattr("sdtheory.documents.vensim.index", fail)
    monkeypatch.setattr("sdtheory.translate.pysd_reader.abstract_model", fail)
    assert "s" in sd.load(path, isolation="process")
    assert isinstance(sd.check(path, isolation="process"), list)


# ---------------------------------------------------------------- forged answers


@pytest.fixture(scope="module")
def record() -> list:
    """What a process answers about a model with arrays, as a tree."""
    request = isolated.request_of("vensim", "utf-8", None, sd.Limits(), [])
    return json.loads(isolated.answer(request, ARRAYS.encode()))


def test_the_answer_that_is_forged_below_is_good_as_it_is(record, monkeypatch):
    monkeypatch.setattr(isolated, "answer_of", lambda *_: json.dumps(record))
    assert sd.load(DOCUMENT, isolation="process")["s"].kind == "stock"


@pytest.mark.parametrize(
    "head",
    [
        b"", b"\n", b"null\n", b"[]\n", b"1\n", b'"x"\n', b"{}\n", b'{"warnings":1}\n', b'{"warnings":[1]}\n',
        b'{"warnings":[],"error":["OSError","x",1,1,null]}\n', b'{"warnings":[],"error":["object"]}\n',
        b'{"warnings":[],"error":[["ModelError"],"x",1,1,null]}\n', b'{"warnings":[],"error":7}\n',
        b'{"warnings":[],"error":["ModelError",1,1,1,null]}\n', b'{"warnings":[],"other":1}\n',
        b'{"warnings":[],"error":["ModelError","x","1",1,null]}\n', b'{"warnings":[],"failure":null}\n',
        b'{"warnings":[],"failure":"a","error":"b"}\n', b'{"warnings":[]}\n\xff', b"\xff\n",
        b'{"warnings":[' + b'"a",' * 2000 + b'"a"]}\n', b"[" * 100_000, b'{"warnings":' + b"9" * 5000 + b"}\n",
        b'{"warnings":[]}\n' + b"[" * 100_000, b'{"warnings":[]}\n["Record"]', b'{"warnings":[]}\nnull',
        b'{"warnings":[]}\n["Record",["{"],["("],["object"]]', b'{"warnings":[]}\n["Record",["{"],["("],null]',
    ],
)  # fmt: skip
def test_an_answer_of_another_shape_is_refused(monkeypatch, head):
    monkeypatch.setattr(isolated_process, "_output", lambda *_: head)
    error = raised(lambda: sd.load(DOCUMENT, isolation="process"))
    assert isinstance(error, sd.EngineCrashed) and "makes no sense" in str(error)


def test_control_characters_and_places_of_a_forged_error_do_no_harm(monkeypatch):
    head = b'{"warnings":["a\\u001b[31m"],"error":["ModelError","a\\u001b[31m\\nb",1,1,"c\\u009b"]}\n'
    monkeypatch.setattr(isolated_process, "_output", lambda *_: head)
    with pytest.warns(SDWarning) as caught:
        error = raised(lambda: sd.load(DOCUMENT, isolation="process"))
    assert str(error) == r"<document>:1:1: a\x1b[31m b; c\x9b"
    assert [str(one.message) for one in caught] == [r"a\x1b[31m"]


FORGERIES = {
    "an unknown variable in an equation": ('["Name","s",', '["Name","no such",'),
    "a key that is not the name": ('"s",["Stock","s",', '"s",["Stock","other",'),
    "an unknown function": ('["Call","', '["Call","__import__'),
    "an unknown operator": ('["Binary",', '["Unary","^",'),
    "a text for a number": ('["Number",', '["Number","1"],["Number",'),
    "an unknown class": ('["Equation",', '["Popen",'),
    "an unknown lookup": ('["Lookup",["Name","t"', '["Lookup",["Name","no such"'),
    "an unknown dimension": ('["(","d"],"",', '["(","no such"],"",'),
    "an unknown method": ('"euler"', '"leapfrog"'),
    "code in the translation": ("v1", "__import__('os')"),
    "an unknown structure in the translation": ('[\\"ReferenceStructure\\"', '[\\"Popen\\"'),
    "a number of the translation that is none": ('"v0",', '"x y",'),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_model_is_refused(record, monkeypatch, forgery):
    old, new = FORGERIES[forgery]
    good = json.dumps(record, separators=(",", ":"))
    text = good.replace(old, new)
    assert text != good
    monkeypatch.setattr(isolated, "answer_of", lambda *_: text)
    assert isinstance(raised(lambda: sd.load(DOCUMENT, isolation="process")), sd.EngineCrashed)


def leaves(tree: list, path: tuple[int, ...] = ()):
    for place, part in enumerate(tree):
        yield (*path, place)
        if isinstance(part, list):
            yield from leaves(part, (*path, place))


def forged(tree: list, place: tuple[int, ...], value) -> list:
    """The tree with another part at a place."""
    own = list(tree)
    own[place[0]] = value if len(place) == 1 else forged(own[place[0]], place[1:], value)
    return own


PARTS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
    st.sampled_from([
        ["("], ["["], ["{"], ["Number", 1.0], ["Name", "s", ["("]], ["Call", "max", ["("]], ["Model"],
        ["#", [2], [1.0, 2.0]], [".", "nan"], ["Unary", "-", ["Number", 1.0]], "s", "d", "e1", "time", "v1",
    ]),
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_part_is_forged_only_a_model_or_one_line_comes_out(record, data):
    places = list(leaves(record))
    tree = forged(record, data.draw(st.sampled_from(places)), data.draw(PARTS))
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore", SDWarning)
        patch.setattr(isolated, "answer_of", lambda *_: json.dumps(tree))
        try:
            model = sd.load(DOCUMENT, isolation="process")
        except sd.EngineCrashed as error:
            assert str(error).isprintable()
            return
        assert model.file == "<document>" and all(one.name for one in model)
        assert stored.record_text(model, {}, ())


def test_an_engine_crash_survives_the_border_of_a_process():
    import pickle

    error = sd.EngineCrashed("x", file="a.mdl", remedy="y", engine="translation", signal="SIGSEGV")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.engine, again.signal) == (str(error), error.engine, error.signal)
