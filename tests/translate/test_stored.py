"""A model from the cache is the model from its file: the same value, errors and warnings, without PySD."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import sdtheory as sd
from sdtheory import cache
from sdtheory.errors import SDError, SDWarning
from sdtheory.translate import stored

MODELS = sorted(
    path for path in (Path(__file__).parents[2] / "models").iterdir() if path.suffix in (".mdl", ".xmile")
)
RICH = [
    "d: p, (q1 - q3) -> (e: e2, e1, e3, e4)", "e: e1, e2, e3, e4", "a[d] = 1, 2, 3, 4", "b[e] = a[d]",
    "t((0,0),(1,5))", "s = INTEG(IF THEN ELSE(Time > 1 :AND: a[p] > 0, t(s), -2^2), 3)",
    "w = WITH LOOKUP(Time, ([(0,0)-(2,2)],(0,0),(2,1.5)))", "n = SMOOTH N(s, 4, 0, a[q1] + 1)",
    "g[d] :EXCEPT: [p] = 7", "g[p] = SUM(a[d!])", "z = :NA:", "r = RANDOM UNIFORM(0, 1, 3)",
]  # fmt: skip


@pytest.fixture
def own_cache(tmp_path_factory, monkeypatch):
    """A cache for the test alone."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("SDTHEORY_CACHE", str(folder))
    return folder / "models"


@pytest.fixture
def cold(monkeypatch):
    """Afterwards translation is an error, so that a model can only come from the cache."""

    def forbid():
        def fail(*_):
            raise AssertionError("translated again")

        monkeypatch.setattr("sdtheory.translate.pysd_reader.abstract_model", fail)

    return forbid


def parts(model: sd.Model) -> dict:
    """Every field of a model, also those that its equality leaves out."""
    found = {field.name: getattr(model, field.name) for field in dataclasses.fields(model)}
    found["variables"] = [(key, repr(one), one.line, one.column) for key, one in model.variables.items()]
    found["dimensions"] = dict(model.dimensions)
    found["translation"] = repr(dict(vars(model.translation), abstract=model.translation.abstract))
    return found


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.name)
def test_a_model_from_the_cache_equals_the_one_from_the_file_in_every_field(own_cache, cold, path):
    first = sd.load(path)
    cold()
    assert parts(sd.load(path)) == parts(first)
    assert parts(sd.load(sd.read(path))) == parts(first)
    assert len(list(own_cache.iterdir())) == 1


def test_a_model_with_every_kind_of_thing_comes_back_equal_and_runs_equal(own_cache, cold, vensim):
    path = vensim(*RICH)
    first = sd.load(path)
    before = [sd.simulate(first, engine=engine) for engine in ("auto", "reference")]
    cold()
    again = sd.load(path)
    assert parts(again) == parts(first)
    assert again == first and hash(again) == hash(first)
    for run, engine in zip(before, ("auto", "reference"), strict=True):
        fixed = [name for name in run.columns if name != "r"]
        assert sd.simulate(again, engine=engine)[fixed].equals(run[fixed])


def test_a_changed_byte_name_limit_or_source_is_another_model(own_cache, vensim, monkeypatch):
    path = vensim("x = 1")
    assert sd.load(path)["x"] != sd.load(vensim("x = 2"))["x"]
    other = path.rename(path.with_name("other.mdl"))
    assert sd.load(other).file == "other.mdl"
    sd.load(other, limits=sd.Limits(depth=7))
    monkeypatch.setattr(stored, "_readers", lambda: "another version")
    sd.load(other)
    assert len(list(own_cache.iterdir())) == 5


def test_a_limit_holds_for_a_file_that_was_loaded_without_it(own_cache, vensim):
    path = vensim("x = ((1))")
    sd.load(path)
    with pytest.raises(SDError, match="nested 2 deep; the limit is 1"):
        sd.load(path, limits=sd.Limits(depth=1))


def test_errors_are_not_kept(own_cache, vensim):
    path = vensim("x = nope")
    for _ in range(2):
        with pytest.raises(SDError, match="unknown variable 'nope'"):
            sd.load(path)
    assert not own_cache.exists()


def test_warnings_are_given_again(own_cache, cold, vensim, monkeypatch):
    path = vensim("x = 1")
    monkeypatch.setattr(
        "sdtheory.translate.precheck.check_document",
        lambda *_: warnings.warn("mind x", SDWarning, stacklevel=1),
    )
    with pytest.warns(SDWarning, match="mind x") as first:
        sd.load(path)
    cold()
    with pytest.warns(SDWarning, match="mind x") as again:
        sd.load(path)
    assert len(first) == len(again) == 1
    assert {one.filename for one in (*first, *again)} == {__file__}


@pytest.mark.parametrize("damage", [b"", b"{}", bytes(100)])
def test_a_damaged_file_is_translated_again_and_replaced(own_cache, vensim, damage):
    path = vensim("x = 1")
    first = sd.load(path)
    (kept,) = own_cache.iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(damage)
    with pytest.warns(sd.SDWarning, match="is damaged; it is made again"):
        assert parts(sd.load(path)) == parts(first)
    assert kept.read_bytes() == whole


@pytest.mark.parametrize(
    "record",
    [
        '["Record",["{"],["("]]',
        '["Record",["{"],["("],["Model"]]',
        '["Record",["{"],["("],["Path","x"]]',
        '["Record",["{"],["("],["object"]]',
        '["Record",["{",1],["("],null]',
        '["Record",["{"],["("],null]',
        '["(",["{"],["("],null]',
        "[" * 5000,
        "null",
        "1",
    ],
)
def test_a_record_of_another_shape_is_translated_again(own_cache, vensim, record):
    path = vensim("x = 1")
    first = sd.load(path)
    (kept,) = own_cache.iterdir()
    cache.write("models", kept.name, record.encode())
    assert parts(sd.load(path)) == parts(first)


def test_a_changed_data_file_is_read_again(own_cache, cold, vensim, tmp_path):
    data = tmp_path / "data.csv"
    data.write_text("1\n")
    path = vensim("x = GET DIRECT CONSTANTS('data.csv', ',', 'A1')")
    values = []
    for text in ("1\n", "2\n"):
        data.write_text(text)
        values.append(sd.simulate(sd.load(path))["x"].iloc[0])
    assert values == [1, 2]
    cold()
    assert sd.load(path)["x"].equations[0].expression.value == 2
    data.unlink()
    with pytest.raises(AssertionError, match="translated again"):
        sd.load(path)


def test_a_data_file_that_may_no_longer_be_read_is_refused_although_kept(own_cache, vensim, tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "data.csv").write_text("1\n")
    path = vensim("x = GET DIRECT CONSTANTS('../data.csv', ',', 'A1')").rename(inside / "model.mdl")
    sd.load(path, data_folders=[tmp_path])
    with pytest.raises(SDError, match="lies outside the model's folder"):
        sd.load(path)


def test_the_same_file_in_two_folders_reads_the_data_of_its_own_folder(own_cache, vensim, tmp_path):
    path = vensim("x = GET DIRECT CONSTANTS('data.csv', ',', 'A1')")
    values = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "data.csv").write_text(f"{len(values) + 1}\n")
        copy = folder / "model.mdl"
        copy.write_bytes(path.read_bytes())
        values.append(sd.load(copy)["x"].equations[0].expression.value)
    assert values == [1, 2]


def test_a_document_that_was_changed_and_not_saved_is_not_kept(own_cache, vensim):
    document = sd.read(vensim("x = 1"))
    changed = dataclasses.replace(document, bytes=document.bytes.replace(b"x = 1", b"x = 5"))
    assert sd.load(changed)["x"].equations[0].expression.value == 5
    assert not own_cache.exists()


def test_a_folder_that_cannot_be_used_only_costs_time(vensim, monkeypatch):
    monkeypatch.setenv("SDTHEORY_CACHE", str(vensim("x = 1")))
    assert sd.load(vensim("x = 1"))["x"].equations[0].expression.value == 1


def test_a_kept_model_runs_without_pysd(own_cache, vensim):
    path = vensim(*RICH[:-1])
    sd.load(path)
    code = f"import sys, sdtheory as sd; sd.simulate(sd.load({str(path)!r})); print('pysd' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_an_equation_nested_too_deeply_for_json_is_loaded_and_not_kept(own_cache, vensim):
    path = vensim("x = " + "^".join(["1"] * 700))
    assert len(sd.load(path, limits=sd.Limits(depth=1_000)).variables) == 5
    assert not own_cache.exists()
