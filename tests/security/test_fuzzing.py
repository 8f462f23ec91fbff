"""The fuzz targets in small: random documents, names and edits keep the laws of the oracle or are refused.

The longer profile is ``-m slow``; guided by coverage, `fuzz_vensim.py` and `fuzz_xmile.py` go further.
"""

from __future__ import annotations

import warnings
from random import Random

import fuzz_vensim
import fuzz_xmile
import fuzzing
import oracle
import pytest
from document_checks import MDL, XMILE, check_spans
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mutations import equation
from oracle import attempt, check_chain, check_reading, check_sequence, examine

import sdtheory as sd
from sdtheory.documents import from_bytes
from sdtheory.documents.lexer import (
    additive_places,
    call_arguments,
    depth,
    parts,
    references,
    spelled,
    terms,
    tokens,
    unwrapped_place,
)
from sdtheory.documents.splice import Edit, spliced
from sdtheory.documents.text import Span
from sdtheory.documents.vensim_writing import written
from sdtheory.documents.xmile_names import in_equation
from sdtheory.documents.xml_writing import content, escaped, in_cdata
from sdtheory.errors import ModelError, SDError
from sdtheory.names import canonical

TARGETS = {"vensim": fuzz_vensim, "xmile": fuzz_xmile}
SAMPLES = {"vensim": MDL.encode(), "xmile": XMILE.encode()}
CONTROLS = "INITIAL TIME = 0 ~~|\nFINAL TIME = 4 ~~|\nTIME STEP = 1 ~~|\nSAVEPER = 1 ~~|\n"
chances = st.integers(0, 2**32).map(Random)


def examples(everyday: int):
    """How many examples a law is shown on, every day and at night."""
    return pytest.mark.parametrize("count", [everyday, pytest.param(50 * everyday, marks=pytest.mark.slow)])


def show(count: int, law, *strategies) -> None:
    """Show a law on so many examples, the same ones every time."""
    quiet = list(HealthCheck)
    settings(max_examples=count, deadline=None, derandomize=True, database=None, suppress_health_check=quiet)(
        given(*strategies)(law)
    )()


@examples(60)
@pytest.mark.parametrize("format", TARGETS)
def test_a_document_put_together_at_random_keeps_the_laws_or_is_refused(format, count):
    def law(chance):
        examine(TARGETS[format].document(chance), format)

    show(count, law, chances)


@examples(60)
@pytest.mark.parametrize("format", TARGETS)
def test_a_document_whose_parts_were_moved_and_changed_keeps_the_laws_or_is_refused(format, count):
    target = TARGETS[format]

    def law(chance):
        other = target.document(chance)
        examine(target.mutate(chance.choice([SAMPLES[format], other]), chance, [other]), format)

    show(count, law, chances)


@examples(120)
def test_sketch_lines_are_drawn_or_kept_and_never_lost(count):
    def law(lines):
        text = fuzz_vensim.MARKERS[0] + "".join(lines)
        data = b"{UTF-8}\nx = 1 ~~|\n" + text.encode() + b"///---\\\\\\\n"
        document = attempt("reading", from_bytes, data, "vensim")
        if document is None:
            assert b"\0" in data
            return
        check_reading(document, document.bytes)
        raws = "\n".join(element.raw for view in document.views for element in view.elements)
        for line in "".join(lines).splitlines():
            # a line may give its text to the one before, or be the name of a flow beside its valve
            assert (
                line.strip() == ""
                or line in raws
                or line.startswith(("10,", "11,", "12,", "1,", "$", "*", "V"))
            )

    show(count, law, st.lists(chances.map(fuzz_vensim.sketch_line), max_size=12))


@examples(120)
def test_settings_lines_are_read_or_passed_over(count):
    words = st.sampled_from(
        [*fuzz_vensim.SETTINGS, "15:", "22:$,$,", "22:a,,b", ":", "::", "15:0,0,0,\x1b,0"]
    )
    lines = st.lists(words | st.text(max_size=20), max_size=8).map("\n".join)

    def law(text):
        data = f"{{UTF-8}}\nx = 1 ~~|\n{CONTROLS}///---\\\\\\\n:L\x7f<%^E!@\n{text}".encode(
            "utf-8", "replace"
        )
        document = attempt("reading", from_bytes, data, "vensim")
        if document is None:
            return
        check_reading(document, data)
        new = document.set_simulation(method="rk4")
        assert new.simulation.method in ("1", "5")
        assert new.set_simulation(method="rk4") is new

    show(count, law, lines)


@examples(150)
@pytest.mark.parametrize("format", TARGETS)
def test_a_name_written_in_an_equation_is_read_again(format, count):
    """`unquote(quote(name)) == name`, but for white space, which names do not tell apart."""
    write = {"vensim": written, "xmile": in_equation}[format]

    @example('say "so"')
    @example("back\\slash")
    @example("ends with \\")
    @example("\\n")
    @example("a\\nb")
    @example('"')
    def law(name):
        text = write(name)
        (token,) = tokens(text, format)
        assert (token.kind, token.text) == ("name", text)
        assert canonical(spelled(text, format)) == canonical(spelled(name, format))

    show(count, law, names())


@examples(60)
@pytest.mark.parametrize("format", TARGETS)
def test_a_variable_takes_any_name_that_is_not_refused_everywhere_at_once(format, count):
    two = {
        "vensim": b"{UTF-8}\nx = 1 ~~|\ny = x + 1 ~~|\n",
        "xmile": b"<xmile><model><variables><aux name='x'><eqn>1</eqn></aux><aux name='y'><eqn>x + 1</eqn></aux>"
        b"</variables></model></xmile>",
    }
    document = from_bytes(two[format], format)

    def law(name):
        new = attempt("rename", document.rename, "x", name)
        if new is None:
            return
        assert set(new.variables) == {canonical(name), "y"}
        (reference,) = references(new.variables["y"].equation, format)
        assert canonical(reference.name) == canonical(name)
        assert from_bytes(new.bytes, format) == new
        assert new.rename(name, "x") == document

    show(count, law, st.text(min_size=1, max_size=20) | names())


def names():
    """Names as edits take them: no line ends or control characters, no quotes around the whole, and not blank."""
    letters = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"))
    return st.text(letters, min_size=1, max_size=20).filter(lambda name: canonical(name) and name[0] != '"')


@examples(200)
@pytest.mark.parametrize("format", TARGETS)
def test_the_lexer_takes_any_text_apart_without_losing_a_letter(format, count):
    signs = ['"', "\\", "{", "}", "[", "]", "(", ")", ":AND:", "'", ".", "e5", "INTEG(", "if ", "+", ","]

    def law(texts):
        text = "".join(texts)
        stop = 0
        for token in tokens(text, format):
            assert stop <= token.start < token.stop <= len(text)
            assert text[token.start : token.stop] == token.text
            between = text[stop : token.start]
            assert "{" in between or not between.strip(" \t\r\n\f\v\u00a0\\"), between
            stop = token.stop
        for one in references(text, format):
            assert 0 <= one.start < one.stop <= len(text)
        for term in additive_places(text, format) or ():
            assert 0 <= term.operator <= len(text) and term.start <= len(text) and term.stop <= len(text)
        start, stop = unwrapped_place(text, format)
        assert 0 <= start <= len(text) and stop <= len(text)
        for start, stop in call_arguments(text, "INTEG", format) or ():
            assert 0 <= start <= stop <= len(text)
        assert depth(text, format) >= 0 and terms(text, format) >= 1
        for start, name in parts(text):
            assert text[start : start + len(name)] == name
        assert isinstance(canonical(text), str) and isinstance(spelled(text, format), str)

    show(count, law, st.lists(st.sampled_from(signs) | st.text(max_size=5), max_size=12))


@examples(200)
def test_a_text_escaped_for_xml_is_read_as_it_was(count):
    letters = st.characters(exclude_categories=("Cs",)).filter(lambda sign: sign in "\t\n" or sign >= " ")
    texts = st.text(letters.filter(lambda sign: sign not in "\ufffe\uffff"), max_size=20)

    def law(text):
        for inside in (escaped(text), f"<![CDATA[{in_cdata(text)}]]>"):
            found = content(inside, 0)
            assert found.text == text
        attribute = escaped(text, '"')
        data = f'<xmile><model><variables><aux name="x" access="{attribute}"/></variables></model></xmile>'
        (entry,) = from_bytes(data.encode(), "xmile").variables.values()
        assert entry.access == text

    show(count, law, texts)


@examples(100)
def test_texts_put_into_bytes_change_nothing_else(count):
    places = st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 8), st.text("ab\n", max_size=4)), max_size=5
    )

    def law(data, wanted):
        edits = [Edit(Span(start, min(start + length, len(data))), text) for start, length, text in wanted]
        edits = [edit for edit in edits if edit.span.start <= len(data)]
        try:
            new = spliced(data, edits, "latin-1", "m")
        except SDError as error:
            assert "two edits" in str(error)
            return
        size = sum(len(edit.text) + edit.text.count("\n") * (b"\r\n" in data) for edit in edits)
        gone = sum(edit.span.stop - edit.span.start for edit in edits)
        assert len(data) - gone <= len(new) <= len(data) - gone + size
        kept, position = [], 0
        for edit in sorted(edits, key=lambda edit: (edit.span.start, edit.span.stop)):
            kept.append(data[position : edit.span.start])
            position = edit.span.stop
        place = 0
        for part in [*kept, data[position:]]:
            place = new.index(part, place) + len(part)
        assert new.endswith(data[position:])

    show(count, law, st.binary(max_size=30), places)


@examples(25)
@pytest.mark.parametrize("format", TARGETS)
def test_any_sequence_of_edits_of_a_random_document_keeps_the_laws(format, count):
    def law(chance):
        document = attempt("reading", from_bytes, TARGETS[format].document(chance), format)
        if document is None:
            document = from_bytes(SAMPLES[format], format)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check_sequence(document, chance, 8)

    show(count, law, chances)


def model_of(format: str, chance: Random) -> bytes:
    """A small model whose equations are of a random grammar."""
    own = ["a", "b", "c"] if chance.random() < 0.8 else ["a", "b", "nowhere"]
    texts = {name: equation(chance, own, chance.choice([1, 2, 3])) for name in "abc"}
    if format == "vensim":
        stock = f"INTEG({texts['a']}, {equation(chance, ['1'], 1)})"
        blocks = f"a = {stock} ~~|\nb = {texts['b']} ~~|\nc = {texts['c']} ~~|\n"
        return ("{UTF-8}\n" + blocks + CONTROLS).encode()
    safe = {name: text.replace("&", "&amp;").replace("<", "&lt;") for name, text in texts.items()}
    return (
        "<xmile><header/><sim_specs><start>0</start><stop>4</stop></sim_specs><model><variables>"
        f'<stock name="a"><eqn>1</eqn><inflow>b</inflow></stock><flow name="b"><eqn>{safe["b"]}</eqn></flow>'
        f'<aux name="c"><eqn>{safe["c"]}</eqn></aux></variables></model></xmile>'
    ).encode()


@examples(60)
@pytest.mark.parametrize("format", TARGETS)
def test_an_equation_of_a_random_grammar_runs_or_is_refused_in_one_line(format, count):
    def law(chance):
        document = from_bytes(model_of(format, chance), format)
        check_spans(document)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check_chain(document, chance)

    show(count, law, chances)


# what the targets have found, each as small as it could be made

FOUND = {
    "an edit of a module's initial value": (
        "xmile",
        b"<xmile><model><variables><module name='m'/></variables></model></xmile>",
        lambda document: document.set_initial("m", 1),
    ),
    "settings where a control variable is not understood": (
        "vensim",
        b"INITIAL TIME :TEST INPUT: 1 ~~|",
        lambda document: document.set_simulation(start=2),
    ),
    "the only variable removed": ("vensim", b"x = 1 ~~|", lambda document: document.remove("x")),
}


@pytest.mark.parametrize("case", FOUND)
def test_an_edit_that_cannot_be_made_is_refused_in_one_line(case):
    format, data, edit = FOUND[case]
    document = from_bytes(data, format)
    with pytest.raises(SDError) as caught:
        edit(document)
    assert "\n" not in str(caught.value)
    assert document.bytes == data


def test_a_control_variable_without_an_equation_is_given_one():
    document = from_bytes(b"INITIAL TIME ~ Year ~|")
    assert document.set_simulation(start=2).simulation.start == "2"


@pytest.mark.parametrize(
    ("format", "data"),
    [
        ("vensim", b"x = 1 +\n\r 2 ~~|\n\ry = 1 ~~|"),
        (
            "xmile",
            b"<xmile><model><variables><aux name='x'><eqn>1<b/></eqn></aux></variables></model></xmile>",
        ),
        (
            "xmile",
            b"<xmile><model><variables><aux name='x'><eqn><b/></eqn></aux></variables></model></xmile>",
        ),
    ],
)
def test_an_equation_set_to_itself_changes_no_byte(format, data):
    document = from_bytes(data, format)
    assert document.set_equation("x", document.variables["x"].equation) is document


def test_a_name_with_a_strange_space_is_renamed_in_every_equation():
    document = from_bytes('"0\u16800" = 1 ~~|\ny = "0\u16800" + 1 ~~|'.encode())
    assert document.rename("0\u16800", "x").text == "x = 1 ~~|\ny = x + 1 ~~|"


def test_a_name_that_is_one_quote_sign_is_not_taken_for_a_quoted_one():
    document = from_bytes(b"<xmile><model><variables><aux name='&quot;'/></variables></model></xmile>")
    assert b"name='x'" in document.rename('"', "x").bytes


def test_a_data_function_of_something_else_than_texts_is_refused():
    document = from_bytes(b"x := GET DIRECT DATA(ABS(1), ',', 'A', 'B2') ~~|\n" + CONTROLS.encode(), "vensim")
    with pytest.raises(ModelError, match="'x': a function that reads data takes texts"):
        sd.load(document)


def test_the_oracle_sees_what_must_not_happen(monkeypatch):
    def broken(data, format=None, encoding=None):
        return [][0]

    assert examine(SAMPLES["vensim"], "vensim") == "read"
    monkeypatch.setattr(oracle, "from_bytes", broken)
    with pytest.raises(IndexError):
        examine(SAMPLES["vensim"], "vensim")
    monkeypatch.setattr(oracle, "from_bytes", lambda data, *_: from_bytes(data + b" "))
    with pytest.raises(AssertionError):
        examine(SAMPLES["vensim"], "vensim")


def test_a_step_that_takes_too_long_is_a_find(tmp_path):
    finds = fuzzing.Finds(tmp_path, "vensim")
    for data in (b"longer", b"short", b"longest"):
        try:
            with oracle.within(0.05, "counting"):
                sum(number for number in range(10**9))
        except oracle.TookTooLong as error:
            finds.keep(data, error)
    kept, trace = sorted(tmp_path.iterdir())
    assert kept.read_bytes() == b"short"
    assert "counting took more than 0.05 s" in trace.read_text()


@pytest.mark.parametrize("format", TARGETS)
def test_a_target_examines_single_files(format, capsys, monkeypatch):
    suffix = {"vensim": "mdl", "xmile": "xmile"}[format]
    monkeypatch.setattr("sys.argv", ["fuzz", f"models/m0_seed.{suffix}"])
    assert fuzzing.main(format, TARGETS[format].mutate, TARGETS[format].document) == 0
    assert capsys.readouterr().out.strip().endswith(": run")
