"""What goes wrong around the editor: other windows, other programs, odd names; and what the page never does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from driving import visit

from sdtheory.editor.joining import module

STATIC = Path("sdtheory/editor/static")
NAMES = b"""<?xml version="1.0" encoding="utf-8"?>
<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0">
<header><vendor>us</vendor><product version="1">hand</product>
<name>&lt;script&gt;alert(1)&lt;/script&gt;</name></header>
<sim_specs method="euler" time_units="Year"><start>0</start><stop>10</stop><dt>1</dt></sim_specs>
<model><variables>
<aux name="&lt;img src=x onerror=alert(1)&gt;"><eqn>1</eqn><doc>&lt;b onclick="alert(1)"&gt;bold&lt;/b&gt;</doc></aux>
<aux name="a&quot; onload=&quot;alert(1)"><eqn>2</eqn><units>&lt;script&gt;</units></aux>
</variables><views><view>
<aux name="&lt;img src=x onerror=alert(1)&gt;" x="200" y="100"/>
<aux name="a&quot; onload=&quot;alert(1)" x="400" y="200"/>
<text_box x="300" y="300" width="120" height="30">&lt;script&gt;alert(1)&lt;/script&gt;</text_box>
</view></views></model>
</xmile>
"""


def test_names_that_are_markup_are_drawn_as_words(edit):
    editing = edit(NAMES, "names.xmile")
    editing.refusals = True
    assert editing.page.locator(".element .words").all_text_contents()
    editing.page.locator(".element").first.click()
    assert (
        editing.page.evaluate(
            "() => document.querySelectorAll('.sdtheory-editor :is(img, script, b)').length"
        )
        == 0
    )
    editing.panel("issues")
    editing.page.get_by_role("button", name="List").click()
    assert (
        editing.page.evaluate(
            "() => document.querySelectorAll('.sdtheory-editor :is(img, script, b)').length"
        )
        == 0
    )


def test_a_change_in_another_window_is_shown_and_a_late_change_is_refused_not_lost(edit, browser):
    editing = edit("m0_seed.mdl")
    editing.refusals = True
    context = browser.new_context(viewport={"width": 1200, "height": 800})
    other = visit(context, editing.served, editing.path)
    other.focus("capability")
    other.press("Alt+ArrowRight")
    other.hears("moved")
    editing.hears("changed in another window")
    editing.page.locator('button[title^="Undo Move capability"]').wait_for()
    editing.page.evaluate(
        """async () => {
            const answer = await fetch("/op", {
                method: "POST", headers: { "Content-Type": "application/json" },
                body: JSON.stringify({ op: "undo", args: {}, revision: 0 }),
            });
            if (answer.status !== 409) throw new Error(String(answer.status));
        }"""
    )
    context.close()


@pytest.mark.parametrize("choice", ["Keep mine", "Take theirs"])
def test_a_file_that_another_program_changed_is_asked_about(edit, choice):
    editing = edit("m0_seed.mdl")
    editing.refusals = True
    editing.focus("capability")
    editing.press("Alt+ArrowRight")
    editing.hears("moved")
    theirs = editing.path.read_bytes().replace(b"half as many", b"twice as many").replace(b"20000", b"30000")
    mine = editing.document.bytes
    editing.path.write_bytes(theirs)
    dialog = editing.page.get_by_label("The file changed on disk")
    dialog.wait_for(timeout=10_000)
    dialog.get_by_text("Show the difference").click()
    assert "30000" in dialog.locator(".diff").inner_text()
    dialog.get_by_role("button", name=choice).click()
    editing.hears("saved" if choice == "Keep mine" else "took the file")
    assert editing.path.read_bytes() == (mine if choice == "Keep mine" else theirs)
    if choice == "Take theirs":
        assert editing.document.bytes == theirs
        editing.undo()
        assert editing.document.bytes == mine


def test_a_slow_old_answer_does_not_replace_a_newer_one(edit):
    editing = edit("m0_seed.mdl")
    editing.element("opaque share").click()
    held: list = []

    def slow(route, request):
        if '"op":"check"' in (request.post_data or "") and "first words" in request.post_data:
            held.append(route)
        else:
            route.continue_()

    editing.page.route("**/op", slow)
    editing.field("Equation").fill("first words")
    editing.until(lambda: held)
    editing.field("Equation").fill("capability - understanding")
    editing.page.wait_for_timeout(400)
    held[0].continue_()
    editing.page.wait_for_timeout(400)
    assert "first" not in editing.page.locator(".side .notes").first.inner_text()
    editing.press("Escape")


def test_a_server_that_is_gone_is_said_in_words(edit):
    editing = edit("m0_seed.mdl")
    editing.page.route("**/op", lambda route: route.abort())
    editing.focus("capability")
    editing.press("Alt+ArrowRight")
    editing.warns("does not answer")
    editing.console.clear()


def test_a_model_that_cannot_be_read_as_equations_still_opens_and_is_drawn(edit):
    broken = Path("models/m0_seed.mdl").read_bytes().replace(b"opaque share=", b"opaque share = 3 ( * +", 1)
    editing = edit(broken, "broken.mdl")
    editing.refusals = True
    editing.page.locator(".run-state", has_text="cannot run").wait_for(timeout=30_000)
    x, y = editing.place("capability")
    editing.drag((x, y), (x + 30, y))
    editing.hears("moved")
    editing.undo()
    assert editing.save() == broken


def test_the_sources_make_no_markup_run_no_text_and_reach_nobody():
    forbidden = re.compile(
        r"innerHTML|outerHTML\s*=|insertAdjacentHTML|document\.write|\beval\(|new Function|setAttribute\(\"style\"|https?://(?!www\.w3\.org)"
    )
    for path in [*STATIC.glob("*.js"), *STATIC.glob("*.css"), *STATIC.glob("*.html")]:
        assert not forbidden.search(path.read_text(encoding="utf-8")), path.name
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    assert " on" not in re.sub(r">[^<]*<", "><", page) and "style=" not in page and "<style" not in page


def test_the_sources_are_small_enough_to_read():
    files = [*STATIC.glob("*.js"), *STATIC.glob("*.css")]
    assert all(len(path.read_text(encoding="utf-8").splitlines()) <= 500 for path in files)


def test_the_page_is_small_enough_to_send(edit):
    editing = edit("m0_seed.mdl")
    sent = editing.page.evaluate(
        """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
            .filter((entry) => entry.entryType === "navigation" || /[/]static[/]/.test(entry.name))
            .map((entry) => [entry.name, entry.encodedBodySize])"""
    )
    assert len([name for name, size in sent if name.endswith(".js") and size]) == len(
        list(STATIC.glob("*.js"))
    )
    assert sum(size for _, size in sent) < 200_000


def test_the_modules_can_be_joined_into_one():
    whole = module()
    assert all(
        f"const {path.stem}_js" in whole
        for path in STATIC.glob("*.js")
        if path.stem not in ("editor", "start")
    )
    assert len(re.findall("^export default", whole, re.MULTILINE)) == 1 and not re.search(
        "^import", whole, re.MULTILINE
    )


def test_what_a_page_is_told_has_no_secret(edit):
    editing = edit("m0_seed.mdl")
    scene = editing.page.evaluate("async () => (await fetch('/scene?view=0')).text()")
    assert editing.served.admission.secret not in scene
    assert json.loads(scene)["file"] == "m0_seed.mdl"
