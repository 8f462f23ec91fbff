"""What a model's names, documentation and units hold comes out of every kind of file as the text that it was."""

from __future__ import annotations

import csv
import json
import re
import struct
import warnings
import xml.etree.ElementTree as ElementTree
import zlib
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from places import CONTROLS, quoted, toml_text
from strict_json import refuse

import sdtheory as sd
from sdtheory.cli.main import main
from sdtheory.study.verdicts import policy_lines
from sdtheory.tables import cell

SIGNS = "\"'<&>|]]>\\{}$%#_^~;\njavascript:=1+1"
NAMES = [
    SIGNS,
    "=1+1",
    "@SUM(A1)",
    "-2+3",
    "+1",
    "$x^2$ \\frac",
    "--><script>",
    "[bold]%s {0}[/bold] x",
    "]]>",
    "a--",
]
SPACES = re.compile(r"\s+")


def flat(text: str) -> str:
    return SPACES.sub(" ", text).strip()


def xmile(name: str) -> str:
    """A model with two variables in a loop, a group and a view that have the name, and documentation and units."""
    from xml.sax.saxutils import escape, quoteattr

    attribute, text = quoteattr(name), escape(name)
    return (
        '<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"><header><name>'
        f"{text}</name></header><sim_specs><start>0</start><stop>2</stop><dt>1</dt></sim_specs><model><variables>"
        f"<stock name={attribute}><eqn>1</eqn><inflow>grow</inflow><doc>{text}</doc><units>{text}</units></stock>"
        f'<flow name="grow"><eqn>{escape(quoted(name))} / 2</eqn></flow><group name={attribute}>'
        f"<entity name={attribute}/></group></variables><views><view name={attribute}>"
        f'<stock name={attribute} x="100" y="100"/><flow name="grow" x="50" y="100"><pts><pt x="20" y="100"/>'
        '<pt x="80" y="100"/></pts></flow></view></views></model></xmile>'
    )


@pytest.fixture(params=NAMES)
def model(request, tmp_path):
    """The name, and a file with it."""
    path = tmp_path / "model.xmile"
    path.write_text(xmile(request.param), encoding="utf-8")
    return request.param, path


def call(*words) -> str:
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    return done.stdout


def own_name(path) -> str:
    return next(variable.name for variable in sd.load(path) if variable.kind == "stock")


def test_a_name_is_read_as_it_is_written(model):
    name, path = model
    assert flat(own_name(path)) == flat(name)
    assert flat(sd.load(path)[own_name(path)].documentation) == flat(name)


def test_a_drawing_holds_names_as_text_and_nothing_that_acts(model, tmp_path):
    name, path = model
    target = tmp_path / "loops.svg"
    sd.draw(sd.load(path), target, title=name)
    root = ElementTree.parse(target).getroot()
    words = "".join("".join(one.itertext()) for one in root.iter("{http://www.w3.org/2000/svg}text"))
    assert SPACES.sub("", name) in SPACES.sub("", words)
    for element in root.iter():
        assert element.tag.rsplit("}")[-1] not in ("script", "foreignObject", "a", "animate", "set", "iframe")
        for key, value in element.attrib.items():
            assert not key.rsplit("}")[-1].startswith("on")
            assert not key.endswith("href") or value.startswith("#")


def test_a_drawing_as_pdf_holds_no_action(model, tmp_path):
    name, path = model
    target = tmp_path / "loops.pdf"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sd.draw(sd.load(path), target, title=name)
    data = target.read_bytes()
    place = int(re.search(rb"startxref\s+(\d+)\s+%%EOF\s*$", data).group(1))
    assert data.startswith(b"%PDF-") and data[place : place + 4] == b"xref"
    assert not re.search(rb"/(JavaScript|JS|URI|Launch|OpenAction|AA|EmbeddedFile|SubmitForm)\b", data)


def test_a_drawing_as_png_holds_no_text_of_the_model(model, tmp_path):
    name, path = model
    target = tmp_path / "loops.png"
    sd.draw(sd.load(path), target, title=name)
    data, place, kinds = target.read_bytes(), 8, []
    while place < len(data):
        length, kind = struct.unpack(">I4s", data[place : place + 8])
        body = data[place + 8 : place + 8 + length]
        assert struct.unpack(">I", data[place + 8 + length : place + 12 + length])[0] == zlib.crc32(
            kind + body
        )
        assert kind != b"tEXt" or body == b"Software\0sdtheory"
        kinds.append(kind)
        place += 12 + length
    assert kinds[0] == b"IHDR" and kinds[-1] == b"IEND" and not {b"iTXt", b"zTXt"} & set(kinds)


def rows(path) -> list[list[str]]:
    with open(path, encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream, strict=True))


def is_formula(text: str) -> bool:
    number = re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", text)
    return text[:1] in ("=", "+", "-", "@", "\t", "\r") and not number


def test_a_run_as_csv_holds_names_and_no_formula(model, tmp_path):
    _, path = model
    call("run", path, "-o", tmp_path / "run.csv")
    head, *values = rows(tmp_path / "run.csv")
    frame = sd.simulate(sd.load(path))
    assert head == ["time", *map(cell, frame.columns)]
    assert [[float(one) for one in row] for row in values] == frame.reset_index().to_numpy().tolist()
    assert not any(map(is_formula, head))


def test_json_holds_names_as_they_are(model):
    name, path = model
    found = json.loads(call("info", path, "--json"), parse_constant=refuse)
    own = own_name(path)
    assert flat(name) in {flat(row["name"]) for row in found["variables"]}
    found = json.loads(call("loops", path, "--json"), parse_constant=refuse)
    assert {own, "grow"} == set(found["loops"][0]["variables"])
    assert json.loads(call("diff", path, path, "--json"), parse_constant=refuse)["differences"] == []


def test_a_comparison_is_saved_as_tables_without_formulas(model, tmp_path):
    name, path = model
    own, label = toml_text(own_name(path)), toml_text(name)
    text = (
        f"[[policy]]\nname = {label}\nset = {{ {own} = 2.0 }}\n[uncertainty]\n"
        f"{own} = {{ distribution = 'uniform', low = 1.0, high = 2.0, source = {label} }}\n"
        f"[[metric]]\nname = {label}\nvariable = {own}\nat = 2.0\nbetter = 'higher'\n"
    )
    (tmp_path / "experiment.toml").write_text(text, encoding="utf-8")
    call("compare", path, tmp_path / "experiment.toml", "--runs", 4, "-o", tmp_path / "tables")
    for table in ("table", "differences", "regret", "samples"):
        head, *body = rows(tmp_path / "tables" / f"{table}.csv")
        assert all(len(row) == len(head) for row in body)
        for one in (*head, *(one for row in body for one in row)):
            assert not is_formula(one)
    assert {row[0] for row in rows(tmp_path / "tables" / "table.csv")[1:]} == {"baseline", cell(name)}
    result = json.loads(
        (tmp_path / "tables" / "result.json").read_text(encoding="utf-8"), parse_constant=refuse
    )
    assert result["metrics"] == [name]
    assert (tmp_path / "tables" / "experiment.toml").read_text(encoding="utf-8") == text


@pytest.mark.parametrize("name", NAMES)
def test_a_report_is_a_table_whatever_the_names(name):
    cells = [{"rung": "M0", "worse": 0.5, "valid": 4, "disagreement": None}]
    row = {"name": name, "better": "higher", "rewards_speed": False, "cells": cells}
    text = "\n".join(policy_lines({"name": name, "metrics": [row], "summary": ""}, ["M0"], 4))
    bare = re.sub(r"\\[!-/:-@\[-`{-~]", "", text)  # Markdown takes an escaped sign for text
    assert not re.search(r"[<>&$]|javascript:\s*\n", bare)
    body = [line for line in bare.splitlines() if line.startswith("|")]
    assert len(body) == 3 and all(line.count("|") == 3 for line in body)
    head = next(line for line in text.splitlines() if line.startswith("### "))
    assert re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", head) == f"### {flat(name)}"


@pytest.mark.parametrize("other", ["mdl", "xmile"])
@pytest.mark.filterwarnings("ignore:convert-lost")
def test_a_model_converted_and_edited_keeps_its_texts(model, tmp_path, other):
    name, path = model
    document = sd.read(path)
    if other == "mdl":
        document = sd.convert(document, "vensim")
    document = document.set_equation("grow", "3")
    target = tmp_path / f"written.{other}"
    sd.write(document, target)
    again = sd.read(target)
    found = {flat(entry.name): entry for entry in again.variables.values()}
    entry = found[flat(name)]
    # a Vensim file has no sign for a bar or a tilde in a comment, and says so in a warning
    kept = str.maketrans("|~", "/-") if other == "mdl" else {}
    assert flat(entry.documentation) == flat(name.translate(kept))
    sd.load(target)


@given(st.text(max_size=40))
def test_a_cell_is_the_text_or_has_an_apostrophe_before_it(text):
    shown = cell(text)
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    assert shown in (lines, "'" + lines)
    assert not is_formula(shown)


@pytest.mark.parametrize(
    "sign", ["\x01", "\x07", "\x0b", "\x1b", "\x7f", "\x9b", "\u202e", "\ufdd0", "\uffff"]
)
@pytest.mark.filterwarnings("ignore:Glyph")
def test_signs_that_xml_forbids_do_not_break_a_drawing(tmp_path, sign):
    """A Vensim file may hold them in a quoted name."""
    path = tmp_path / "model.mdl"
    text = f"a{sign}name"
    name = quoted(text)
    path.write_text(f"{{UTF-8}}\n{name} = INTEG({name} / 2, 1) ~~|\n" + CONTROLS, encoding="utf-8")
    sd.draw(sd.load(path), tmp_path / "loops.svg", title=text)
    root = ElementTree.parse(tmp_path / "loops.svg").getroot()
    assert "".join(root.itertext()).replace("\n", "").isprintable()


def test_signs_that_xml_forbids_do_not_break_a_plot(tmp_path):
    """An experiment may hold them in the names of policies and metrics."""
    written = Path("models/m0_seed.toml").read_text(encoding="utf-8")
    for name in ("boost theorists", "gap after 10 years"):
        written = written.replace(f'name = "{name}"', f'name = "{name} \\u0001\\u001b\\uffff"')
    (tmp_path / "experiment.toml").write_text(written, encoding="utf-8")
    experiment = sd.Experiment.read(tmp_path / "experiment.toml")
    sd.compare(sd.load("models/m0_seed.xmile"), experiment, runs=8).save(tmp_path / "out")
    pictures = list((tmp_path / "out").glob("*.svg"))
    assert pictures
    for picture in pictures:
        assert "".join(ElementTree.parse(picture).getroot().itertext()).replace("\n", "").isprintable()
