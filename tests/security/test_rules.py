"""Nothing that a user wrote reaches generated code: neither Python's nor the machine's, whatever it is."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import math
import random
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from places import FILES, VENSIM, XMILE
from pysd.translators.structures import abstract_expressions as ae

import sdtheory as sd
from sdtheory.engines import compiled, machine_code
from sdtheory.engines.at_once import simulate_at_once
from sdtheory.engines.audit import audit
from sdtheory.engines.reference import _module_of
from sdtheory.errors import SDError
from sdtheory.translate.guard import guarded
from sdtheory.translate.pysd_reader import abstract_model

LETTERS = "ghjkmpqvwz"  # no word of a program is made of these alone
LENGTH = 14
SHARED = 4  # so many characters in a row are no accident


def word(*place: str) -> str:
    return "".join(random.Random(" ".join(place)).choices(LETTERS, k=LENGTH))


def holds(code: str | bytes, text: str) -> bool:
    """Whether code holds four characters in a row of a text."""
    if isinstance(code, bytes):
        code = code.decode("latin-1")
    code = code.casefold()
    return any(text[at : at + SHARED] in code for at in range(len(text) - SHARED + 1))


@pytest.fixture
def machine_text(monkeypatch, tmp_path):
    """Everything that the compiler is given and gives."""
    seen: list[Any] = []
    monkeypatch.setenv("SDTHEORY_CACHE", str(tmp_path / "cache"))
    machine_code.forget()

    def function(own, text, machine):
        seen.append(text)
        return own(text, machine)

    def made(own, text, machine):
        seen.append(own(text, machine))
        return seen[-1]

    for name in ("function", "function_at_once"):
        monkeypatch.setattr(compiled, name, partial(function, getattr(compiled, name)))
    for name in ("_compiled", "_compiled_at_once"):
        monkeypatch.setattr(machine_code, name, partial(made, getattr(machine_code, name)))
    yield seen
    machine_code.forget()


@pytest.mark.parametrize(
    ("suffix", "place"), [(suffix, place) for suffix, (places, _) in FILES.items() for place in places]
)
def test_no_part_of_a_users_word_is_in_generated_code(tmp_path, machine_text, suffix, place):
    text = word(suffix, place)
    path = tmp_path / f"{word('the file')}.{suffix}"
    path.write_text(FILES[suffix][1](place, text), encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model = sd.load(path)
        except SDError:
            assert place not in NAMED[suffix], "the word is no name here"
            return
        sd.simulate(model, engine="compiled")
        simulate_at_once(model)
        with contextlib.suppress(SDError):  # PySD cannot run some of them
            sd.simulate(model, engine="reference")
    sources = [module.read_bytes() for module in _module_of(model).parent.glob("*.py")]
    assert len(machine_text) == 4 and sources
    for code in (model.translation.encoded, repr(model.translation.abstract), *sources, *machine_text):
        assert not holds(code, text) and not holds(code, word("the file"))


NOT_RUN = {"an unfinished equation", "the quoted name of a function", "a function", "data", "a module"}
NAMED = {
    "mdl": {place for place in VENSIM if "QUOTED" in VENSIM[place]} - NOT_RUN,
    "xmile": {place for place in XMILE if "QUOTED" in XMILE[place]} - NOT_RUN,
}


# ---------------------------------------------------------------- the guard

EVIL = "__import__('os').system('true')"


@dataclasses.dataclass
class Evil:
    """A structure that PySD does not have, with all that its structures have."""

    reference: str = EVIL
    name: str = EVIL
    function: Any = None
    arguments: Any = ()
    subscripts: Any = ()


class EvilText(str):
    """A text that is not what it says."""

    def __eq__(self, other):
        return True

    def __hash__(self):
        return hash("+")


HOSTILE = [
    EVIL, "v1); " + EVIL, "+", "", EvilText("x"), Evil(), EVIL.encode(), 10**400, 2**60, math.inf, -math.inf,
    math.nan, 1j, None, True, object(), [EVIL], {EVIL: EVIL}, (), np.array([EVIL], dtype=object),
    np.array([1.0, math.inf]), Path(EVIL), ae.ReferenceStructure(EVIL, None), lambda: EVIL,
    ae.CallStructure(ae.ReferenceStructure(EVIL, None), ()), [[[[[]]]]],
]  # fmt: skip

SOURCES = {
    "mdl": (
        "{UTF-8}\n:MACRO: M(p)\nM = p * q ~~|\nq = 2 ~~|\n:END OF MACRO:\n"
        "d: one, two -> (e: b, a) ~~|\ne: a, b ~~|\nx[d] = 1, 2 ~~|\n"
        "y[d] :EXCEPT: [one] = x[d] ^ 2 ~~|\ny[one] = IF THEN ELSE(Time > 1, 1, MAX(-x[two], 2)) ~~|\n"
        "t((0,0),(1,1)) ~~|\ns = INTEG(M(t(s)) + SUM(y[d!]), 1) ~~|\n"
        "r = WITH LOOKUP(s, ((0,0),(1,1))) + DELAY FIXED(s, 2, 0) + SMOOTH3(s, 2) + DELAY N(s, 2, 1, 3) ~~|\n"
        "u = SAMPLE IF TRUE(s > 1, s, 0) + TREND(s, 1, 0) + FORECAST(s, 1, 2) + INITIAL(s) ~~|\n"
        "INITIAL TIME = 0 ~~|\nFINAL TIME = 2 ~~|\nTIME STEP = 1 ~~|\nSAVEPER = 1 ~~|\n"
    ),
    "xmile": FILES["xmile"][1]("a parameter of a macro", "p"),
}


def mutants(value: Any, hostile: Any) -> Iterator[Any]:
    """The value with the hostile one in place of itself, and of each of its parts."""
    yield hostile
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            for part in mutants(getattr(value, field.name), hostile):
                changed = copy.copy(value)
                object.__setattr__(changed, field.name, part)
                yield changed
    elif isinstance(value, list | tuple):
        for place, own in enumerate(value):
            for part in mutants(own, hostile):
                yield type(value)([*value[:place], part, *value[place + 1 :]])


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """Of each source: its document, PySD's abstract model of it, and the model."""
    found = {}
    for suffix, text in SOURCES.items():
        path = tmp_path_factory.mktemp("originals") / f"model.{suffix}"
        path.write_text(text, encoding="utf-8")
        document = sd.read(path)
        found[suffix] = document, abstract_model(document), sd.load(document)
    return found


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda one: repr(one).partition(" at 0x")[0][:40])
@pytest.mark.parametrize("suffix", SOURCES)
def test_whatever_stands_in_place_of_any_part_is_refused_or_numbered(originals, suffix, hostile):
    document, abstract, model = originals[suffix]
    known = {model.translation.encoded}
    for mutant in mutants(abstract, hostile):
        try:
            translation = guarded(document, mutant)
        except SDError as error:
            assert str(error).isprintable()
            continue
        assert "__import__" not in translation.encoded and "Infinity" not in translation.encoded
        if translation.encoded not in known and len(known) < MOST_BUILT:
            known.add(translation.encoded)
            check_built(dataclasses.replace(model, translation=translation))


MOST_BUILT = 2  # other translations of each kind that are built, which takes long


def check_built(model: Any) -> None:
    """What PySD writes from a translation holds nothing of the mutant's, and the audit lets nothing else pass."""
    try:
        module = _module_of(model)
    except SDError:
        return
    except Exception as error:  # PySD's builder fails on a model that means nothing, and writes no code then
        assert "__import__" not in str(error)
        return
    for path in module.parent.glob("*.py"):
        source = path.read_bytes()
        assert b"__import__" not in source
        audit(source)
