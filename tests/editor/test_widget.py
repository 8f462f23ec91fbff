"""The editor in a notebook: the messages of the page, over the notebook's channel, here without a notebook."""

from __future__ import annotations

import base64
import queue
import shutil
import sys

import pytest

import sdtheory as sd
from sdtheory.editor import joining
from sdtheory.errors import UsageError

NAME = "search leverage"


class Page:
    """What a page sends to a widget, and hears."""

    def __init__(self, widget, monkeypatch):
        self.widget = widget
        self.heard = queue.SimpleQueue()
        self.ids = iter(range(1, 1000))
        monkeypatch.setattr(widget, "send", self.heard.put)

    def send(self, message):
        self.widget._handle_custom_msg(message, [])

    def op(self, op, revision=None, /, **args):
        id = next(self.ids)
        self.send({"id": id, "op": op, "args": args} | ({} if revision is None else {"revision": revision}))
        while (found := self.heard.get(timeout=30)).get("id") != id:
            pass
        return found.get("reply") or found["error"]


@pytest.fixture
def path(tmp_path):
    return shutil.copy("models/m0_seed.mdl", tmp_path / "m0.mdl")


@pytest.fixture
def page(path, monkeypatch):
    pytest.importorskip("anywidget", reason="anywidget is not installed")
    from sdtheory.editor import Editor

    widget = Editor(sd.read(path))
    yield Page(widget, monkeypatch)
    widget.close()


def test_the_page_is_the_one_that_the_server_sends(page):
    assert page.widget._esm == joining.module() and page.widget._css == joining.style()


def test_what_is_edited_in_the_notebook_is_the_widgets_document(page):
    assert page.op("open")["variables"][NAME]["equation"] == "1.5"
    assert page.op("set_equation", 0, name=NAME, text="2.25")["revision"] == 1
    assert page.widget.document.variables[NAME].equation == "2.25"
    assert page.heard.get(timeout=1)["event"] == "changed"
    page.op("undo", 1)
    assert page.widget.document.variables[NAME].equation == "1.5"


def test_nothing_is_written_until_the_person_saves(page, path):
    before = path.read_bytes()
    page.op("set_equation", 0, name=NAME, text="2.25")
    assert path.read_bytes() == before
    assert not page.op("save")["dirty"]
    assert sd.read(path).variables[NAME].equation == "2.25"
    assert list(path.parent.iterdir()) == [path]


def test_a_save_does_not_overwrite_what_another_program_wrote(page, path):
    page.op("set_equation", 0, name=NAME, text="2.25")
    sd.write(sd.read(path).set_equation(NAME, 9), path)
    assert page.op("save")["code"] == "disk-changed"
    assert page.op("save", force=True)["hash"]
    assert sd.read(path).variables[NAME].equation == "2.25"


def test_a_run_is_made_elsewhere_and_answers_the_page(page):
    reply = page.op("simulate", outputs=[NAME], changes={NAME: 3.0}, ticket=7)
    assert (reply["ticket"], reply["revision"], reply["final"][NAME]) == (7, 0, 3.0)


def test_exports_come_over_the_channel(page):
    made = page.op("export", kind="view.svg", view=0)
    assert made["type"] == "image/svg+xml" and b"<svg" in base64.b64decode(made["data"])[:200]


@pytest.mark.parametrize(
    "message",
    [{}, {"op": 3}, {"op": "nothing"}, {"op": "open", "path": "/etc/passwd"}, {"op": "save", "args": {"path": "x"}},
     {"op": "export", "args": {"kind": "../x"}}, {"op": "take", "args": {"text": "x"}, "revision": 0}, [], None, "open",
     {"op": "find", "args": {"text": "\0"}}, {"op": "move", "args": {"elements": "all"}, "revision": 0}],
)  # fmt: skip
def test_a_message_that_makes_no_sense_is_refused(page, message):
    page.send(message)
    assert page.heard.get(timeout=10)["error"]["code"]
    assert page.widget.document.bytes == page.widget._state.saved


def test_without_anywidget_the_message_says_what_to_install(monkeypatch):
    import sdtheory.editor

    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(UsageError, match=r"sdtheory\[jupyter\]"):
        sdtheory.editor.Editor  # noqa: B018
    with pytest.raises(AttributeError, match="Nothing"):
        sdtheory.editor.Nothing  # noqa: B018
