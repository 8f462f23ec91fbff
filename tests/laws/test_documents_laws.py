"""Laws of documents: reading keeps the bytes, and broken files give errors that say where."""

import time

import pytest
from document_checks import MDL, XMILE, check_spans
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sdtheory.documents import from_bytes, read
from sdtheory.errors import DocumentError, LimitError

FILES = {"vensim": MDL.encode(), "xmile": XMILE.encode()}
SIGNS = [bytes([code]) for code in range(256)]
SIGNS += [
    b'"',
    b"{",
    b"}",
    b"~",
    b"|",
    b"[",
    b"\\",
    b"(",
    b"\\\n",
    b"<",
    b"</aux>",
    b"&",
    b"<aux name='q'>",
    b"-->",
]
SIGNS += [b":MACRO:", b"\\\\\\---///\n", b"\n10,1,", b"\n1,2,3,", b"1e999", b"nan", b"-1", b"9" * 400]


def index_or_refuse(data, format):
    """The document, or None when it is refused as it should be."""
    start = time.process_time()
    try:
        document = from_bytes(data, format)
    except (DocumentError, LimitError) as error:
        assert str(error) and "\n" not in str(error)
        document = None
    assert time.process_time() - start < 2
    return document


@pytest.mark.parametrize("format", FILES)
@given(st.sampled_from(["\n", "\r\n", "\r"]), st.booleans(), st.integers(0, 3))
def test_reading_keeps_every_byte_whatever_ends_the_lines(format, newline, mark, tail):
    text = FILES[format].decode().replace("\n", newline) + newline * tail
    data = (b"\xef\xbb\xbf" if mark else b"") + text.encode()
    document = from_bytes(data)
    assert document.bytes == data
    assert document.text == text
    assert document == from_bytes(data)
    assert set(document.variables) == set(from_bytes(FILES[format]).variables)


@pytest.mark.parametrize("format", FILES)
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_a_mutated_file_is_indexed_or_refused(format, data):
    broken = bytearray(FILES[format])
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(broken)))
        length = data.draw(st.sampled_from([0, 1, 1, 5, 50]))
        broken[start : start + length] = data.draw(st.sampled_from(SIGNS))
    document = index_or_refuse(bytes(broken), format)
    if document is not None:
        assert document.bytes == bytes(broken)
        check_spans(document)


@pytest.mark.parametrize("format", FILES)
@settings(deadline=None)
@given(data=st.data())
def test_a_truncated_file_is_indexed_or_refused(format, data):
    cut = data.draw(st.integers(0, len(FILES[format]) - 2))
    document = index_or_refuse(FILES[format][:cut], format)
    if format == "xmile":
        assert document is None


@pytest.mark.parametrize("format", FILES)
@settings(deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
@example(b"\xff\xfe<\x00")
@example(b"\\\\---///")
@example(b"<xmile/>")
def test_any_bytes_are_indexed_or_refused(format, data):
    index_or_refuse(data, format)
    index_or_refuse(data, None)


def test_spans_of_the_examples_hold():
    for data in FILES.values():
        document = from_bytes(data)
        assert not document.notes
        check_spans(document)


def test_every_file_of_a_corpus_is_indexed_and_keeps_its_bytes(corpus):
    for path in corpus(".mdl", ".xmile", ".stmx", ".itmx"):
        document = read(path)
        assert document.bytes == path.read_bytes(), path
        assert document.variables, path
        assert not [entry for entry in document.variables.values() if entry.kind == "opaque"], path
        check_spans(document)
