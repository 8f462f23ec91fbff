"""Text of a file is never run: every place that takes text, with every payload, in every use."""

from __future__ import annotations

import builtins
import functools
import os
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from payloads import CANARY, CODES, SHAPES, all_payloads, payloads
from places import CONTROLS, FILES, TOML, VENSIM, XMILE, toml
from unharmed import NEED_NO_MODEL, USES, answered, nothing_sings

import sdtheory as sd
from sdtheory.documents import from_bytes

SMALL = "{UTF-8}\ncapability = INTEG(researchers * 0.1, 1) ~~|\nresearchers = 2 ~~|\n" + CONTROLS
NAMES = list(USES)
# in the ordinary run, of the words one in so many is tried in each place, and one case in so many is used
FEW, USED = 5, 2


def turn(*words: str) -> int:
    """A number that changes from case to case, and not from day to day."""
    return zlib.crc32(" ".join(words).encode())


def some(*place: str) -> dict[str, tuple[str, list[str]]]:
    """Every shape and some of the words, each with one use."""
    number = turn(*place)
    return {
        name: (text, [NAMES[(number + count) // USED % len(NAMES)]] if (number + count) % USED == 0 else [])
        for count, (name, text) in enumerate(payloads(number).items())
        if name in SHAPES or (count + number) % FEW == 0
    }


def every(*place: str) -> dict[str, tuple[str, list[str]]]:
    """Every shape with every code, and every word, in every use."""
    return {name: (text, NAMES) for name, text in all_payloads().items()}


SELECTIONS = [some, pytest.param(every, marks=pytest.mark.slow)]


@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize(
    ("suffix", "place"), [(suffix, place) for suffix, (places, _) in FILES.items() for place in places]
)
def test_text_of_a_model_is_never_run(watched, suffix, place, selection):
    path = watched.folder / f"theory.{suffix}"
    for name, (payload, uses) in selection(suffix, place).items():
        with watched(name, path, FILES[suffix][1](place, payload)):
            answered(lambda: sd.read(path), path.name, placed=True)
            model = answered(lambda: sd.load(path), path.name, placed=True)
            for use in uses if model is not None else NEED_NO_MODEL.intersection(uses):
                answered(lambda use=use: USES[use](path, watched.out), path.name)


@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("place", TOML)
def test_text_of_an_experiment_is_never_run(watched, place, selection):
    path = watched.folder / "theory.toml"
    model = sd.load(from_bytes(SMALL.encode(), "vensim"))
    for name, (payload, uses) in selection("toml", place).items():
        with watched(name, path, toml(place, payload)):
            experiment = answered(lambda: sd.Experiment.read(path), str(path), placed=True)
            if experiment is not None and uses:
                run = functools.partial(sd.compare, model, experiment, runs=2)
                compared = answered(run, path.name)
                if compared is not None:
                    compared.save(watched.out / "tables")


@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("where", ["file", "folder"])
@pytest.mark.parametrize("suffix", FILES)
def test_the_name_of_a_file_is_never_run(watched, where, suffix, selection):
    text = FILES[suffix][1]("documentation", "of a model")
    for name, (payload, uses) in selection("file", where, suffix).items():
        part = payload.replace("/", " ").replace("\0", "")[:200] or "x"
        if part in (".", ".."):
            continue
        path = (
            watched.out / f"{part}.{suffix}" if where == "file" else watched.out / part / f"theory.{suffix}"
        )
        path.parent.mkdir(exist_ok=True)
        with watched(name, path, text):
            assert answered(lambda path=path: sd.load(path), path.name) is not None
            for use in uses:
                answered(lambda use=use, path=path: USES[use](path, watched.out), "")


PIECES = [
    *CODES.values(),
    *"\"'\\{}[]()<>&;#:,=%$`~|@*!",
    '"""',
    "'''",
    "\\n",
    "\n",
    "\r\n",
    "\t",
    " ",
    "\x0c",
    "\u2028",
]
ALL = [(suffix, place) for suffix, (places, _) in FILES.items() for place in places]


@settings(derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(ALL), st.lists(st.sampled_from(PIECES), max_size=8).map("".join), st.sampled_from(NAMES)
)
def test_text_of_any_pieces_is_never_run(watched, where, text, use):
    suffix, place = where
    path = watched.folder / f"theory.{suffix}"
    with watched(text, path, FILES[suffix][1](place, text)):
        answered(lambda: sd.load(path), path.name, placed=True)
        answered(lambda: USES[use](path, watched.out), path.name)


# places where a name may stand, and none of the reader's own words or data must stand
NOT_RUN = ("data", "a test input", "an unfinished equation", "the quoted name of a function")
NAMED = (
    *(("mdl", place) for place in VENSIM if "QUOTED" in VENSIM[place] and place not in NOT_RUN),
    *(("xmile", place) for place in XMILE if "QUOTED" in XMILE[place] and place != "a function"),
)


@pytest.mark.parametrize("name", ["x[0]; y #", "numpy", "lambda: 1", "'''", '"'])
@pytest.mark.parametrize(("suffix", "place"), NAMED)
def test_a_strange_name_is_numbered_and_not_refused(tmp_path, suffix, place, name):
    path = tmp_path / f"model.{suffix}"
    path.write_text(FILES[suffix][1](place, name), encoding="utf-8")
    model = sd.load(path)
    for engine in ("vectorised", "reference"):
        sd.simulate(model, engine=engine)


@pytest.mark.parametrize("canary", CODES)
def test_a_code_that_runs_is_noticed(tmp_path, monkeypatch, capfd, canary):
    """The tests above would fail if a text did run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(builtins, CANARY, None, raising=False)
    monkeypatch.delattr(builtins, CANARY)
    monkeypatch.setitem(os.environ, CANARY, "")
    monkeypatch.delitem(os.environ, CANARY)
    with pytest.raises(AssertionError), nothing_sings(tmp_path, tmp_path, capfd):
        eval(CODES[canary])
