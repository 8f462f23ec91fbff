"""Opening files: what is refused, how encodings are found, and that bytes stay."""

import os
import subprocess
import sys

import pytest

from sdtheory.documents import Limits, from_bytes, read
from sdtheory.errors import DocumentError, LimitError

MDL = b"{UTF-8}\nbirths = 3\n\t~\tpeople/year\n\t~\t\t|\n"
XMILE = (
    b'<xmile xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"><model><variables>'
    b'<aux name="births"><eqn>3</eqn></aux></variables></model></xmile>'
)


def refusal(path, **options):
    with pytest.raises(DocumentError) as caught:
        read(path, **options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "data", "format"),
    [
        ("a.mdl", MDL, "vensim"),
        ("a.xmile", XMILE, "xmile"),
        ("a.mdl", XMILE, "xmile"),
        ("a.xml", MDL, "vensim"),
        ("without_suffix", MDL, "vensim"),
    ],
)
def test_content_decides_the_format(tmp_path, name, data, format):
    path = tmp_path / name
    path.write_bytes(data)
    document = read(path)
    assert document.format == format
    assert document.bytes == data
    assert document.source.size == len(data)
    assert document.file == name
    assert list(document.variables) == ["births"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b" \n\t\n", "empty"),
        (b"births = 3 \0 ~~|", "byte 11 is NUL"),
        (b"\x89PNG\r\n\x1a\n\0\0", "NUL"),
        (b"just a letter to a friend", "the last equation is not ended by '|'"),
        (b"<html><body/></html>", "root element is <html>"),
    ],
)
def test_what_is_no_model_is_refused_with_the_reason(tmp_path, data, reason):
    path = tmp_path / "model.mdl"
    path.write_bytes(data)
    message = refusal(path)
    assert message.startswith("model.mdl")
    assert reason in message


def test_text_without_any_sign_of_a_model_is_refused():
    with pytest.raises(DocumentError, match="neither a Vensim nor an XMILE model"):
        from_bytes(b"just a letter to a friend")


def test_a_folder_and_a_pipe_are_refused_without_waiting(tmp_path):
    assert "folder" in refusal(tmp_path)
    pipe = tmp_path / "pipe.mdl"
    os.mkfifo(pipe)
    assert "not a regular file" in refusal(pipe)
    assert "no such file" in refusal(tmp_path / "absent.mdl")
    assert "regular file" in refusal("/dev/null")


def test_a_file_beyond_the_limit_names_both_sizes(tmp_path):
    path = tmp_path / "a.mdl"
    path.write_bytes(MDL)
    with pytest.raises(LimitError, match="the limit is 10"):
        read(path, limits=Limits(file_bytes=10))
    assert read(path, limits=Limits(file_bytes=len(MDL))).bytes == MDL


def test_bytes_that_are_not_of_the_encoding_are_named_by_offset(tmp_path):
    path = tmp_path / "a.mdl"
    path.write_bytes("{UTF-8}\nGröße = 3 ~~|".encode("cp1252"))
    message = refusal(path)
    assert 'byte 10 (line 2) is not UTF-8; pass encoding="cp1252"' in message
    assert list(read(path, encoding="cp1252").variables) == ["grösse"]


@pytest.mark.parametrize(
    "codec", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "shift_jis", "gb18030", "utf-32"]
)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_spans_are_bytes_in_every_encoding(codec, newline):
    name = "価格" if codec in ("shift_jis", "gb18030") else "Größe"
    lines = [
        "{UTF-8}" if codec.startswith("utf-8") else "{x}",
        f"{name} = 3",
        "~ m²" if "utf" in codec else "~ m",
        "~|",
    ]
    lines += [f"{name} 2 = {name}", "~~|", ""]
    data = newline.join(lines).encode(codec)
    document = from_bytes(data, "vensim", codec)
    for entry in document.variables.values():
        for part in ("name", "equation", "units"):
            span = entry.blocks[0].spans[part]
            codec_of_part = document.encoding
            text = data[span.start : span.stop].decode(codec_of_part)
            assert text == {"name": entry.name, "equation": entry.equation, "units": entry.units}[part]
    assert document.place(f"{name} 2") == (5, 1)


def test_a_file_may_name_its_encoding():
    document = from_bytes("{cp1252}\nGröße = 3 ~~|".encode("cp1252"))
    assert document.encoding == "cp1252"
    assert document.variables["größe"].line == 2


@pytest.mark.parametrize("codec", ["zlib", "utf-7", "no such thing", "unicode_escape", "iso2022_jp"])
def test_an_encoding_that_is_none_is_refused(codec):
    with pytest.raises(DocumentError, match="unknown encoding"):
        from_bytes(MDL, encoding=codec)


def test_documents_are_equal_when_their_bytes_are(tmp_path):
    path = tmp_path / "a.mdl"
    path.write_bytes(MDL)
    assert read(path) == from_bytes(MDL)
    assert read(path) != from_bytes(MDL + b"\n")


def test_reading_needs_the_standard_library_only():
    code = (
        "import sys, sdtheory.documents as d\n"
        "heavy = {'numpy', 'pandas', 'pysd', 'lxml', 'networkx', 'scipy', 'xarray', 'matplotlib'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
