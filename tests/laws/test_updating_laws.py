"""Laws of edited models: updating gives what loading gives, and what is remembered makes no difference."""

from __future__ import annotations

import random
import tempfile
import warnings
from pathlib import Path

import pytest
from document_checks import MDL, XMILE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sdtheory as sd
from sdtheory.documents import from_bytes, read
from sdtheory.documents.words import CONTROLS
from sdtheory.errors import SDError, SDWarning
from sdtheory.translate.remembered import forget
from sdtheory.translate.updating import read_ahead, updated
from sdtheory.translate.vensim_reader import equations_of, main_pieces, whole_sections

BARN = """{UTF-8}
crop: rye, oats ~~|
****
\t.Farm "one" {of two}
****~
\t\tFields & barns
\t|
hectares[crop]= INTEG (
\tgrowth[crop] - \\
\t\t"harvest | ~ net", {at first}
\t\t\t2.5)
\t~\thectare [0,?]
\t~\tIt's 5" wide
\t|
growth[rye] = -hectares[rye]^2 * rate ~~|
growth[oats] = table(Time) * rate ~ hectare/Year ~ ~ :SUPPLEMENTARY|
"harvest | ~ net"= SMOOTH(0.5 * SUM(hectares[crop!]), 3) ~ 1/Year ~|  rate = 2 ~~|
table( [(0,0)-(10,10)],(0,1),(10,2)) ~~|
prices:INTERPOLATE: = WITH LOOKUP(Time, ((0,1),(5,2))) ~ Dollar ~ |
INITIAL TIME = 0 ~~|
FINAL TIME = 4 ~~|
SAVEPER = TIME STEP ~~|
TIME STEP = 1/4 ~~|
"""
# the larger rungs take minutes; `--conformance models` meets them all
SMALL = [from_bytes(BARN.encode()), from_bytes(MDL.encode(), "vensim"), from_bytes(XMILE.encode(), "xmile")]
MODELS = [
    read(path) for suffix in ("mdl", "xmile") for path in sorted(Path("models").glob(f"m[01]_*.{suffix}"))
]
SIGNS = [
    '"',
    "{",
    "}",
    "~",
    "|",
    "[",
    "]",
    "(",
    ")",
    ",",
    "\n",
    ":",
    "=",
    "+",
    "\\",
    ":MACRO:",
    "0",
    "****",
    " ",
]


def equations(document, chance):
    """Something that may stand for an equation, or not."""
    names = [entry.name for key, entry in document.variables.items() if key not in CONTROLS] or ["Time"]
    quoted = [f'"{name}"' for name in names]
    one, other = chance.choice(quoted), chance.choice(quoted)
    return chance.choice(
        ["1", "2.5", f"{one} + 1", f"MAX({one}, {other})", f"{one} / (1 + {other}^2) - 2^-1", "1 +", "MAX(1)",
         "nobody + 1", f"{one} {other}", "-2^2", f"SMTH1({one}, 2)", f"SMOOTH({one}, 2)", "NOISE(1)", "((1)"]
    )  # fmt: skip


def an_edit(document, chance):
    """A function that edits a document in some way, which may be refused."""
    keys = [key for key, entry in document.variables.items() if entry.kind != "module"] or ["nobody"]
    key, views = chance.choice(keys), len(document.views) or 1
    elements = [one for view in document.views for one in view.elements]
    element = chance.choice(elements).id if elements else "nobody"
    text, place = equations(document, chance), (chance.randrange(900), chance.randrange(900))
    view = chance.randrange(views)
    return chance.choice(
        [
            lambda: document.set_equation(key, text),
            lambda: document.set_equation(key, text, links="match"),
            lambda: document.set_equation(key, repr(chance.random())),
            lambda: document.set_initial(key, text),
            lambda: document.set_units(key, chance.choice(["", "kg", "Person/Year [0,?]"])),
            lambda: document.set_documentation(key, chance.choice(["", "Some text.", "two\nlines"])),
            lambda: document.set_lookup(key, [0, 1 + chance.random()], [1, 3]),
            lambda: document.rename(key, chance.choice(["new name", "größer", 'say "so", then', "a|b~c"])),
            lambda: document.set_simulation(stop=chance.randrange(3, 9), time_step="0.25"),
            lambda: document.set_simulation(method=chance.choice(["euler", "rk4"])),
            lambda: document.add_auxiliary("one more", text, view=view),
            lambda: document.add_stock("one more stock", text, view=view),
            lambda: document.add_flow("one more flow", text, None, key, view=view),
            lambda: document.remove(key),
            lambda: document.remove_element(element),
            lambda: document.move(element, *place, view),
            lambda: document.add_alias(key, *place, view),
            lambda: document.add_text("a text", *place, view),
        ]
    )


def outcome(make):
    """The model that is made, the warnings, and the error, all in parts that can be compared."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model, error = make(), None
        except SDError as found:
            model, error = None, (type(found), str(found), found.file, found.line, found.column)
    return model, error, sorted(str(one.message) for one in caught if isinstance(one.message, SDWarning))


def parts_of(model):
    if model is None:
        return None
    places = [(variable.line, variable.column) for variable in model]
    told = model.translation
    numbered = told.encoded, told.names, told.dimension_names, told.element_names, dict(told.variables)
    return model, list(model.variables), places, dict(model.dimensions), model.file, model.limits, numbered


def check_updated(model, before, after):
    """The model of `after`, after it was found to be the one that a first reading gives."""
    found, error, told = outcome(lambda: updated(model, before, after) if model else sd.load(after))
    forget()
    expected, fault, warned = outcome(lambda: sd.load(after))
    assert error == fault
    assert parts_of(found) == parts_of(expected)
    assert told == warned or found is model
    return found


def check_history(document, seed, edits):
    chance = random.Random(seed)
    model, _, _ = outcome(lambda: sd.load(document))
    for _ in range(edits):
        try:
            after = an_edit(document, chance)()
        except SDError:
            continue
        found = check_updated(model, document, after)
        if found is not None:
            document, model = after, found


few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@few
@given(st.sampled_from(SMALL), st.integers(0, 2**32))
def test_updating_gives_what_loading_gives(document, seed):
    check_history(document, seed, 8)


@settings(parent=few, max_examples=12)
@given(st.sampled_from(MODELS), st.integers(0, 2**32))
def test_updating_gives_what_loading_gives_for_the_studys_models(document, seed):
    check_history(document, seed, 4)


def test_updating_gives_what_loading_gives_over_a_corpus(corpus):
    for path in corpus(".mdl", ".xmile", ".stmx"):
        try:
            document = read(path)
        except SDError:
            continue
        check_history(document, path.name, 5)


@few
@given(st.sampled_from([BARN, MDL, XMILE]), st.integers(0, 2**32))
def test_what_is_remembered_of_a_file_does_not_change_what_a_broken_copy_means(text, seed):
    chance = random.Random(seed)
    document = from_bytes(text.encode())
    outcome(lambda: sd.load(document))
    for broken in broken_copies(text, chance, document.format):
        check_updated(None, document, broken)
        outcome(lambda: sd.load(document))


def broken_copies(text, chance, format):
    for _ in range(6):
        data = bytearray(text.encode())
        for _ in range(chance.randint(1, 3)):
            start = chance.randrange(len(data))
            data[start : start + chance.choice([0, 1, 1, 4])] = chance.choice(SIGNS).encode()
        try:
            yield from_bytes(bytes(data), format)
        except SDError:
            continue


@few
@given(st.integers(0, 2**32))
def test_the_equations_found_in_pieces_are_those_of_the_whole_file(seed):
    for document in (from_bytes(BARN.encode()), *broken_copies(BARN, random.Random(seed), "vensim")):
        check_pieces(document)


def test_the_equations_of_the_studys_models_are_found_in_pieces():
    for document in MODELS:
        if document.format == "vensim":
            assert check_pieces(document)


def check_pieces(document):
    """Whether the pieces tell the equations apart; then they are those that PySD finds in the whole file."""
    pieces = main_pieces(document)
    found = equations_of(pieces)
    if found is None or document.macros:
        return False
    with tempfile.TemporaryDirectory() as folder:
        (main,) = whole_sections(document, pieces, Path(folder) / "model.mdl")
    assert found == [element.equation for element in main.elements]
    return True


@pytest.mark.parametrize("document", MODELS, ids=lambda document: document.file)
def test_a_document_that_was_read_ahead_is_loaded_without_a_parser(document, monkeypatch):
    from parsimonious import Grammar

    forget()
    read_ahead(document)
    again = from_bytes(document.bytes, document.format)
    with monkeypatch.context() as patch:
        patch.delattr(Grammar, "parse")
        model = sd.load(again)
        forget()
        with pytest.raises(SDError, match="cannot be read"):
            sd.load(again)
    assert model.variables == sd.load(document).variables


def test_reading_ahead_leaves_faults_to_loading():
    read_ahead(from_bytes(b"{UTF-8}\na = 1 + ~~|\nb = (1 ~~|"))


@pytest.mark.parametrize("document", MODELS, ids=lambda document: document.file)
def test_a_drawing_that_moves_leaves_the_model_as_it_is(document):
    model = sd.load(document)
    moved = document.move("capability", 300, 200)
    assert moved != document and updated(model, document, moved) is model
