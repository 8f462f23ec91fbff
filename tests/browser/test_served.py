"""The page as the server sends it, as a file on disk, and as the wheel holds it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from serving import serving

import sdtheory as sd

NAME = "search leverage"
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script> & 'x'"
ELEMENTS = ".element[data-name]"


@pytest.fixture
def served(tmp_path, worker):
    path = tmp_path / "m0.mdl"
    path.write_bytes(Path("models/m0_seed.mdl").read_bytes())
    with serving(path, worker=worker) as made:
        yield made


@pytest.fixture
def tab(browser):
    """A function that makes a page of a browser that has not been let in, and lists what goes wrong in it."""
    contexts = []

    def make(context=None):
        if context is None:
            context = browser.new_context()
            contexts.append(context)
        page = context.new_page()
        page.loud, page.requested = [], []
        page.on("console", lambda said: page.loud.append(said.text))
        page.on("pageerror", lambda error: page.loud.append(str(error)))
        page.on("request", lambda request: page.requested.append(request.url))
        return page

    yield make
    for context in contexts:
        context.close()


def test_the_address_lets_a_browser_in_and_leaves_no_trace(served, tab):
    address = served.admission.new_address()
    page = tab()
    page.goto(served.admission.address_file(address).as_uri())
    page.locator(ELEMENTS).first.wait_for()
    assert page.url == f"{served.admission.origin}/"
    assert page.evaluate("document.cookie") == ""
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")
    assert page.loud == []
    assert tab().goto(address).status == 401
    assert tab(page.context).goto(f"{served.admission.origin}/").status == 200


ATTACKS = """
const target = "{origin}/op", json = {{ "Content-Type": "application/json" }};
const body = JSON.stringify({{ op: "set_equation", revision: 0, args: {{ name: "{name}", text: "9" }} }});
const swallow = (promise) => promise.catch(() => 0);
swallow(fetch(target, {{ method: "POST", mode: "no-cors", credentials: "include", body }}));
swallow(fetch(target, {{ method: "POST", credentials: "include", body, headers: json }}));
navigator.sendBeacon(target, new Blob([body], {{ type: "text/plain" }}));
for (const [tag, source] of [["img", "/scene"], ["script", "/static/start.js"], ["iframe", "/"]]) {{
  const node = document.createElement(tag);
  node.src = "{origin}" + source;
  node.onload = () => {{ document.title += ` ${{tag}} loaded`; }};
  document.body.append(node);
}}
"""


@pytest.mark.parametrize("home", ["http://evil.example", "http://127.0.0.1:1", "http://localhost:1"])
def test_another_page_in_the_same_browser_can_do_nothing(served, tab, home):
    page = tab()
    page.goto(served.admission.new_address())
    page.locator(ELEMENTS).first.wait_for()
    before = served.path.read_bytes()
    other = tab(page.context)
    script = ATTACKS.format(origin=served.admission.origin, name=NAME)
    body = f'<title>evil</title><body><form method="post" enctype="text/plain" action="{served.admission.origin}/op">'
    body += (
        f'<input name=\'{{"op": "undo", "x": "\' value=\'"}}\'></form><script type="module">{script}</script>'
    )
    other.route(f"{home}/", lambda route: route.fulfill(content_type="text/html", body=body))
    other.goto(f"{home}/")
    other.wait_for_timeout(700)
    assert "script loaded" not in other.title() and "img loaded" not in other.title()
    assert all(not frame.locator(ELEMENTS).count() for frame in other.frames[1:])
    other.evaluate("document.querySelector('form').submit()")
    other.wait_for_timeout(300)
    assert served.session.state.revision == 0 and served.path.read_bytes() == before


def test_a_model_whose_names_are_markup_is_drawn_as_text(tmp_path, worker, tab):
    path = tmp_path / "m0.mdl"
    document = sd.read("models/m0_seed.mdl").rename(NAME, HOSTILE)
    document = document.set_documentation("understanding gap", "</script><script>alert(3)</script>")
    sd.write(document, path)
    with serving(path, worker=worker) as served:
        page = tab()
        page.on("dialog", lambda dialog: page.loud.append(dialog.message))
        page.goto(served.admission.new_address())
        page.locator(ELEMENTS).first.wait_for()
        assert page.get_by_text("onerror").count()
        assert page.locator("img, script:not([src])").count() == 0
        assert page.loud == []
        copy = tmp_path / "copy.html"
        copy.write_bytes(served.get("/export/page.html").body)
        page.goto(copy.as_uri())
        page.locator(ELEMENTS).first.wait_for()
        assert page.loud == []


def test_a_change_in_one_tab_is_shown_in_the_other(served, tab):
    first = tab()
    first.goto(served.admission.new_address())
    first.locator(ELEMENTS).first.wait_for()
    second = tab(first.context)
    second.goto(f"{served.admission.origin}/")
    second.locator(ELEMENTS).first.wait_for()
    answer = served.op("rename", 0, name=NAME, to="push of theory")
    assert answer.status == 200
    for page in (first, second):
        page.locator('.element[data-name="push of theory"]').first.wait_for(timeout=10_000)
        assert page.loud == []


@pytest.mark.parametrize("model", ["m0_seed.xmile", "m4_paradigms.mdl"])
def test_the_page_on_disk_shows_the_model_and_asks_for_nothing(tmp_path, worker, tab, model):
    path = tmp_path / model
    path.write_bytes(Path("models", model).read_bytes())
    with serving(path, worker=worker) as served:
        copy = tmp_path / "copy.html"
        copy.write_bytes(served.get("/export/page.html").body)
    page = tab()
    page.context.set_offline(True)
    page.goto(copy.as_uri())
    page.locator(ELEMENTS).first.wait_for()
    drawn = set(page.locator(ELEMENTS).evaluate_all("all => all.map(one => one.dataset.name)"))
    shown = {
        element.variable for element in sd.read(path).views[0].elements if element.kind in ("stock", "flow")
    }
    assert shown <= drawn
    page.wait_for_timeout(500)
    assert page.loud == []
    assert [url for url in page.requested if not url.startswith("data:")] == [copy.as_uri()]


def test_the_wheel_holds_the_page(tmp_path, tab):
    source, made = tmp_path / "source", tmp_path / "wheels"
    shutil.copytree("sdtheory", source / "sdtheory", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(name, source)
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(made),
    ]
    subprocess.run([*build, str(source)], check=True, capture_output=True)
    (wheel,) = made.iterdir()
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(installed)
    held = {path.name for path in (installed / "sdtheory/editor/static").iterdir()}
    assert held == {path.name for path in Path("sdtheory/editor/static").iterdir()}
    model = tmp_path / "m0.mdl"
    model.write_bytes(Path("models/m0_seed.mdl").read_bytes())
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "sdtheory.cli.main", "edit", str(model), "--no-browser"], cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        page = tab()
        page.goto(process.stdout.readline().split()[-1])
        page.locator(ELEMENTS).first.wait_for()
        assert page.loud == []
        assert str(installed) in Path(f"/proc/{process.pid}/environ").read_text()
    finally:
        process.kill()
        process.communicate()
