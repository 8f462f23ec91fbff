"""What must hold of any bytes that are given to the readers: an error on purpose, or a document that keeps the laws."""

from __future__ import annotations

import contextlib
import dataclasses
import random
import re
import signal
import time
import unicodedata
import warnings
import zlib

from document_checks import check_spans

import sdtheory as sd
from sdtheory.documents import (
    Document,
    Limits,
    from_bytes,
    lexer,
    vensim,
    vensim_blocks,
    vensim_sketch,
    xmile_tree,
    xmile_variables,
    xmile_view,
)
from sdtheory.documents.remembered import Memory
from sdtheory.errors import SDError

SECONDS = 2.0
SMALL = Limits(steps=1_000, cells=20_000, dimension_elements=1_000, delay_order=50)
TEXTS = ["1", "2 * Time", "a + b", "IF THEN ELSE(a > 1, 2, 3)", '"x y" * 2', "MAX(1, {note} 2)", "1 < 2 & 3"]
NAMES = ["fresh", "two words", "Ä/b", 'say "so"', "x" * 60, "2nd", "it's", "a | b, c"]


class TookTooLong(BaseException):
    """A step took more than its time; not an Exception, so that nothing catches it on the way."""


@contextlib.contextmanager
def within(seconds: float, what: str):
    """Raise when the block takes more seconds of this process's own time, at the place where they are over."""

    def late(*_):
        raise TookTooLong(f"{what} took more than {seconds} s")

    alarm = hasattr(signal, "setitimer")
    start = time.process_time()
    if alarm:
        before = signal.signal(signal.SIGVTALRM, late)
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        if alarm:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, before)
    if time.process_time() - start > seconds:
        late()


def attempt(what, call, *arguments, lines=None, **options):
    """What the call gives, or None when it is refused in one line that says where."""
    with within(SECONDS, what):
        try:
            return call(*arguments, **options)
        except SDError as error:
            check_message(error, lines)
            return None


def check_message(error, lines=None):
    """One line, nothing that moves a terminal's cursor, and a place inside the file."""
    message = str(error)
    assert message and "\n" not in message and len(message) < 1000
    assert not {unicodedata.category(sign) for sign in message} & {"Cc", "Zl", "Zp", "Cs"}, repr(message)
    assert error.line is None or (error.line >= 1 and (lines is None or error.line <= lines + 1))
    assert error.column is None or error.column >= 1


def examine(data: bytes, format: str | None, deep: bool = False) -> str:
    """Check the readers and a law of edits on these bytes; when `deep`, all laws, translation and a short run.

    Returns
    -------
    str
        How far the bytes came: ``"refused"``, ``"read"``, ``"loaded"`` or ``"run"``.
    """
    chance = random.Random(zlib.crc32(data))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lines = 1 + max(data.count(b"\n"), data.count(b"\r"))
        document = attempt("reading", from_bytes, data, format, lines=lines)
        if document is None:
            return "refused"
        check_reading(document, data)
        laws = [check_texts, check_renaming, check_sequence, check_reading_again]
        for law in laws if deep else [chance.choice(laws)]:
            law(document, chance)
        return check_chain(document, chance) if deep else "read"


def check_reading(document: Document, data: bytes) -> None:
    """L1, and every place that the index gives lies in the file."""
    assert document.bytes == data
    check_spans(document)
    starts = document.text.count("\n") or document.text.count("\r")
    for note in document.notes:
        assert "\n" not in note.message
        assert note.line is None or 1 <= note.line <= starts + 1
    for entry in document.variables.values():
        assert 1 <= entry.line <= starts + 1 and entry.column >= 1
        for block in entry.blocks:
            assert 1 <= block.line <= starts + 1 and block.column >= 1
    for name, span in document.simulation.spans.items():
        assert 0 <= span.start <= span.stop <= len(data), name


def check_reading_again(document: Document, _: random.Random) -> None:
    """The index follows from the bytes alone: not from what was read before, and not from edits since."""
    warm = described(document)
    forget()
    assert described(from_bytes(document.bytes, document.format, document.encoding)) == warm


def described(document: Document) -> str:
    """The index as text, in which NaN equals itself; spans that wait to be counted look like those that are."""
    return re.sub(r"Spans|[(){}]", "", repr(document.index))


def forget() -> None:
    """Forget what readers remember of texts that they have met."""
    for module in (lexer, vensim, vensim_sketch, vensim_blocks, xmile_tree, xmile_variables, xmile_view):
        for value in vars(module).values():
            if isinstance(value, Memory):
                value._values = {}
            elif hasattr(value, "cache_clear"):
                value.cache_clear()


def check_edited(old: Document, new: Document) -> None:
    """L3 and L4: the old document is as it was, and the new one is what its own bytes say."""
    again = attempt("rereading", from_bytes, new.bytes, new.format, new.encoding)
    assert again is not None, ("an edit made a file that cannot be read", old.diff(new))
    assert again == new
    assert list(again.variables) == list(new.variables)
    assert len(new.notes) <= len(old.notes)
    check_spans(new)


def check_texts(document: Document, chance: random.Random) -> None:
    """A text set to itself changes nothing; another one changes its own span, and reads back as given."""
    names = list(document.variables)
    for name in chance.sample(names, min(3, len(names))):
        entry = document.variables[name]
        if not entry.blocks or entry.kind in ("module", "opaque", "subscript", "lookup"):
            continue
        block = chance.choice(entry.blocks)
        which = block.subscripts or None
        alike = [one for one in entry.blocks if one.subscripts == block.subscripts]
        if alike == [block] and "equation" in block.spans:
            same = attempt("set_equation", document.set_equation, name, block.equation, subscripts=which)
            assert same is None or same.bytes == document.bytes, (name, document.diff(same))
            check_other_text(document, name, block, which, chance.choice(TEXTS))
        if entry.documentation == "":
            continue
        same = attempt("set_documentation", document.set_documentation, name, entry.documentation)
        if same is not None:
            assert same.variables[name].documentation == entry.documentation


def check_other_text(document, name, block, which, text) -> None:
    new = attempt("set_equation", document.set_equation, name, text, subscripts=which)
    if new is None:
        return
    check_edited(document, new)
    found = [one.equation for one in new.variables[name].blocks if (one.subscripts or None) == which]
    assert found == [text], (name, found, text)
    span = block.spans["equation"]
    if block.equation and document.format == "vensim":
        assert new.bytes[: span.start] == document.bytes[: span.start]
        rest = document.bytes[span.stop :]
        assert new.bytes[len(new.bytes) - len(rest) :] == rest


def check_renaming(document: Document, chance: random.Random) -> None:
    """L7, as far as it holds of any file: there, back and there again gives the same as there."""
    if not document.variables:
        return
    name = chance.choice(list(document.variables))
    entry = document.variables[name]
    there = attempt("rename", document.rename, name, chance.choice(NAMES))
    if there is None or there is document:
        return
    check_edited(document, there)
    assert len(there.variables) == len(document.variables)
    fresh = next((key for key in there.variables if key not in document.variables), None)
    if fresh is None:
        return
    back = attempt("rename", there.rename, fresh, entry.name)
    if back is not None:
        assert list(back.variables) == list(document.variables)
        again = attempt("rename", back.rename, name, there.variables[fresh].name)
        assert again is not None and spelling_apart(again) == spelling_apart(there), there.diff(again)


def spelling_apart(document: Document) -> str:
    """The text without what spellings of one name may differ in."""
    return re.sub(r'[\s_"\\\u00a0]|&quot;', "", document.text).casefold()


def some_edit(document: Document, chance: random.Random):
    """A verb of `Document` with arguments that may fit."""
    names = list(document.variables) or ["none"]
    view = chance.randrange(max(len(document.views), 1))
    elements = document.views[view].elements if document.views else ()
    ids = [element.id for element in elements] or ["0:0"]
    name, other, id = chance.choice(names), chance.choice([*names, None]), chance.choice(ids)
    x, y = chance.randrange(900), round(chance.uniform(-20, 900), 1)
    fresh, text = chance.choice(NAMES), chance.choice(TEXTS)
    look = {
        "points": [(x, y)],
        "angle": x - 400,
        "label_side": "left",
        "width": x,
        "height": y,
        "colour": "red",
    }
    side = chance.choice(list(look))
    edits = {
        "set_equation": ((name, text), {"links": chance.choice(["keep", "match"])}),
        "set_initial": ((name, text), {}),
        "set_units": ((name, chance.choice(["", "kg/(m*s)", "Dmnl [0,?]"])), {}),
        "set_documentation": ((name, chance.choice(["", "One.", "two\nlines & more", 'odd " { quote'])), {}),
        "set_lookup": ((name, [0.0, 1.0, 5.5], [3.0, -2e-3, float(x)]), {}),
        "set_simulation": ((), {chance.choice(["start", "stop", "time_step", "save_every"]): x}),
        "rename": ((name, fresh), {}),
        "add_stock": ((fresh, text), {"view": view}),
        "add_auxiliary": ((fresh, text, "kg", "why", x, y, view), {}),
        "add_flow": ((fresh, text, name, other), {"view": view}),
        "add_alias": ((name, x, y, view), {}),
        "add_text": (("a <text>,\nof two lines", x, y, view), {}),
        "add_view": ((fresh,), {}),
        "remove": ((name,), {}),
        "remove_element": ((id,), {}),
        "move": ((id, x, y, view), {}),
        "reshape": ((id,), {side: look[side], "view": view}),
        "connect": ((name, other or name, chance.choice(["+", "-", None])), {}),
        "disconnect": ((name, other or name), {}),
        "attach": ((name, chance.choice(["source", "target"]), other), {}),
    }  # fmt: skip
    verb = chance.choice(list(edits))
    return verb, *edits[verb]


def check_sequence(document: Document, chance: random.Random, length: int = 3) -> None:
    """Any edits one after the other; the first document is then still what its bytes say."""
    before, now = document.bytes, document
    for _ in range(length):
        verb, arguments, options = some_edit(now, chance)
        new = attempt(verb, getattr(now, verb), *arguments, **options)
        if new is not None and new is not now:
            check_edited(now, new)
            now = new
    assert document.bytes == before


def check_chain(document: Document, chance: random.Random) -> str:
    """Translation, check and a short run: refused in one line, or done."""
    document = dataclasses.replace(document, limits=SMALL)
    lines = 1 + max(document.text.count("\n"), document.text.count("\r"))
    model = attempt("loading", sd.load, document, lines=lines)
    with within(SECONDS, "check"):
        issues = sd.check(document)
    assert model is not None or any(issue.severity == "error" for issue in issues), (
        "not loaded, and check is silent"
    )
    assert all("\n" not in issue.message for issue in issues)
    if model is None:
        return "read"
    if chance.random() < 0.5:
        run = attempt("a run", sd.simulate, model, engine="vectorised")
    else:
        run = attempt(
            "a run", sd.simulate, model, engine="vectorised", start=0, stop=10, time_step=1, save_every=1
        )
    return "loaded" if run is None else "run"
