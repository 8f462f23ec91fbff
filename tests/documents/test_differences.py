"""Two documents are compared in the modeller's terms; spacing inside equations does not count."""

from __future__ import annotations

from pathlib import Path

import pytest

import sdtheory as sd
from sdtheory.documents import from_bytes
from sdtheory.documents.differences import Difference, differences

TEXT = """{UTF-8}
herd= INTEG (births - deaths, 100) ~ cow ~ All of them. |
births= fertility * \\
\t\therd ~ cow/Year ~ |
deaths= 3 ~ cow/Year [0,9] ~ |
fertility= 0.1 ~ 1/Year ~ |
curve([(0,0)-(1,1)],(0,0),(1,1)) ~ Dmnl ~ |
FINAL TIME= 10 ~ Year ~ |
"""


def of(text: str) -> sd.Document:
    return from_bytes(text.encode())


def test_a_document_is_no_different_from_itself():
    for path in sorted(Path("models").glob("*.[mx]*[le]")):
        assert differences(sd.read(path), sd.read(path)) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("0.1", "0.2", Difference("changed", "fertility", "equation", "0.1", "0.2")),
        ("100)", "120)", Difference("changed", "herd", "initial", "100", "120")),
        ("cow ~ All", "ox ~ All", Difference("changed", "herd", "units", "cow", "ox")),
        ("All of", "None of", Difference("changed", "herd", "documentation", "All of them.", "None of them.")),
        ("[0,9]", "[0,8]", Difference("changed", "deaths", "range", "0.0 to 9.0", "0.0 to 8.0")),
        ("TIME= 10", "TIME= 20", Difference("changed", "simulation", "stop", "10", "20")),
        ("(0,0),(1,1))", "(0,0),(1,2))", Difference("changed", "curve", "lookup", "(0, 0), (1, 1)", "(0, 0), (1, 2)")),
        ("deaths= 3", "deaths= 3 ~~|\nfood= 4", Difference("added", "food", "equation", "", "4")),
    ],
)  # fmt: skip
def test_what_changed_is_named(old, new, expected):
    assert TEXT.count(old) == 1
    assert expected in differences(of(TEXT), of(TEXT.replace(old, new)))


def test_what_was_added_one_way_was_removed_the_other_way():
    more = of(TEXT + "food= 4 ~ ~ |\n")
    assert [(one.what, one.name) for one in differences(of(TEXT), more)] == [("added", "food")]
    assert [(one.what, one.name) for one in differences(more, of(TEXT))] == [("removed", "food")]


def test_spacing_and_continued_lines_do_not_count():
    assert differences(of(TEXT), of(TEXT.replace("fertility * \\\n\t\therd", "fertility  *  herd"))) == []


def test_a_moved_element_is_counted_in_its_view():
    document = sd.read("models/m0_seed.mdl")
    text = document.text
    line = next(line for line in text.splitlines() if line.startswith("10,") and ",capability," in line)
    fields = line.split(",")
    moved = from_bytes(text.replace(line, ",".join([*fields[:3], "701", *fields[4:]])).encode())
    (found,) = differences(document, moved)
    assert (found.what, found.part, found.after) == ("changed", "elements", "1 moved")
