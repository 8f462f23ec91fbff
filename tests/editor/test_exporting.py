"""What is taken away from the editor: the drawings of the package, and a page that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
import warnings

import pytest

import sdtheory as sd
from sdtheory.editor import joining
from sdtheory.editor.exporting import exported, file_stem, json_block, page
from sdtheory.editor.kinds import KINDS
from sdtheory.editor.state import Refused

CAUSAL = [kind.partition(".")[2] for kind in KINDS if kind.startswith("causal")]
STARTS = {"svg": b"<svg", "png": b"\x89PNG", "pdf": b"%PDF", "tex": b"\\"}
HOSTILE = "</script><script>alert(1)</script><!--\u2028\"'&"


@pytest.fixture(scope="module", params=["m0_seed.mdl", "m4_paradigms.xmile"])
def document(request):
    return sd.read(f"models/{request.param}")


@pytest.mark.parametrize("suffix", STARTS)
def test_a_view_is_a_picture(document, suffix):
    made = exported(document, f"view.{suffix}", 0)
    assert made["name"] == f"{document.file.partition('.')[0]}-view1.{suffix}"
    assert STARTS[suffix] in made["data"][:200]


@pytest.mark.parametrize("suffix", CAUSAL)
def test_the_causal_diagram_is_the_same_as_the_one_drawn_in_the_shell(suffix, tmp_path):
    document = sd.read("models/m0_seed.mdl")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # formats that cannot say everything
        sd.draw(document, tmp_path / f"same.{suffix}")
        made = exported(document, f"causal.{suffix}", 0)
    assert made["data"] == (tmp_path / f"same.{suffix}").read_bytes()
    assert made["name"] == f"m0_seed-causal.{suffix}"


def test_the_package_draws_no_format_that_is_not_offered():
    from sdtheory.diagrams import GRAPHS, PICTURES

    assert {f".{suffix}" for suffix in CAUSAL} == {*GRAPHS, *PICTURES}


@pytest.mark.parametrize(("kind", "view"), [("view.exe", 0), ("../x", 0), ("page.html.", 0), ("view.svg", 9)])
def test_nothing_else_can_be_taken_away(document, kind, view):
    with pytest.raises(Refused):
        exported(document, kind, view)


@pytest.mark.parametrize(
    ("name", "stem"),
    [("m0.mdl", "m0"), ("A b (2).xmile", "a-b-2"), ("nul.mdl", "model-nul"), (".mdl", "model"),
     ("é" * 99 + ".mdl", "model"),
     ("x" * 200 + ".mdl", "x" * 60),
     ("a/../b.mdl", "b"), ('"; filename="evil.mdl', "filename-evil")],
)  # fmt: skip
def test_names_of_files_are_safe(name, stem):
    assert file_stem(name) == stem


# the page to look at


def data_of(text):
    return json.loads(text.partition('id="sdtheory-data">')[2].partition("</script>")[0])


def digest(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_the_page_holds_every_view_a_run_and_the_loops(document):
    data = data_of(page(document))
    assert len(data["scenes"]) == len(document.views)
    assert all(one["read_only"] and one["elements"] for one in data["scenes"].values())
    shown = {label.partition("[")[0] for label in data["run"]["series"]}
    assert shown >= {name for name, entry in document.variables.items() if entry.kind == "stock"}
    assert data["loops"]["loops"]


def test_the_page_runs_its_own_script_and_style_and_loads_nothing(document):
    text = page(document)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    script = text.partition('<script type="module">')[2].rpartition("</script>")[0]
    style = text.partition("<style>")[2].partition("</style>")[0]
    assert policy.split("; ") == [
        "default-src 'none'", f"script-src {digest(script)}", f"style-src {digest(style)}", "img-src data: blob:",
        "base-uri 'none'", "form-action 'none'",
    ]  # fmt: skip
    assert not re.search(
        r'<(?:script|link|img|iframe)[^>]*\s(?:src|href)=(?!"?data:)', text.replace(script, "")
    )
    assert text.count("<script") == text.count("</script") == 2


def test_the_same_model_gives_the_same_page(document):
    assert page(document) == page(sd.read(document.source.path))


def test_texts_of_a_model_stay_texts():
    document = sd.read("models/m0_seed.xmile").set_documentation("search leverage", HOSTILE)
    text = page(document)
    assert "alert(1)</script>" not in text and text.count("<script") == 2
    shown = data_of(text)["scenes"]["0"]["variables"]["search leverage"]["documentation"]
    assert "</script><script>alert(1)</script><!--" in shown


def test_a_model_that_cannot_be_run_is_shown_without_a_run():
    document = sd.read("models/m0_seed.mdl").set_equation("search leverage", "no such name + 1")
    data = data_of(page(document))
    assert data["run"] is None and data["scenes"]["0"]["elements"]


def test_a_block_of_json_is_the_same_when_it_is_read_back():
    value = {HOSTILE: [HOSTILE, 1.5, None, True]}
    assert json.loads(json_block(value)) == value
    assert not re.search(r"[<>&\u2028]", json_block(value))


# the modules as one


def test_the_page_is_one_module_without_imports():
    module = joining.module()
    assert not re.search(r"^\s*(import|export(?! default))\b", module, re.MULTILINE)
    assert len(re.findall(r"^export default", module, re.MULTILINE)) == 1
    assert "</script" not in module.lower()


def test_the_page_asks_for_nothing_from_elsewhere():
    text = joining.module() + joining.style() + (joining.STATIC / "index.html").read_text()
    links = set(re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}[^\s\"']*", text))
    assert links <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml"}
    assert not re.search(r"@import|@font-face", joining.style())


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        ({"editor.js": 'import { a } from "./b.js";\n'}, "does not exist"),
        ({"editor.js": 'import { a } from "./b.js";\n', "b.js": 'import { c } from "./editor.js";\n'}, "circle"),
        ({"editor.js": "export let x = 1;\n"}, "cannot be joined"),
        ({"editor.js": 'import a from "./b.js";\n', "b.js": ""}, "cannot be joined"),
        ({"editor.js": 'import "https://example.com/x.js";\n'}, "cannot be joined"),
        ({"editor.js": 'const x = await import("./b.js");\n'}, "cannot be joined"),
        ({"editor.js": "export { x };\n"}, "cannot be joined"),
        ({"editor.js": 'const x = "</script>";\n'}, "cannot be joined"),
        ({"editor.js": 'import { a } from "./b.js";\n', "b.js": "export default 1;\n"}, "default export"),
    ],
)  # fmt: skip
def test_modules_that_cannot_be_joined_are_refused(sources, words):
    with pytest.raises(ValueError, match=words):
        joining.joined(sources)


@pytest.mark.skipif(shutil.which("node") is None, reason="runs what was joined in node, which is missing")
def test_joined_modules_do_what_they_did_apart():
    sources = {
        "editor.js": 'import {\n  sum, two as deux,\n} from "./b.js";\nconst own = 1;\n'
        "export default [sum(own), deux];\n",
        "b.js": 'import { own } from "./c.js";\nexport function sum(n) { return n + own; }\nexport const two = 2;\n',
        "c.js": "export const own = 40;\n",
    }
    script = joining.as_script(joining.joined(sources), "made") + "console.log(JSON.stringify(made));"
    done = subprocess.run(
        ["node", "--input-type=module", "-e", script], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [41, 2]


def test_types_in_comments_may_name_other_modules():
    source = '/** @param {import("./b.js").Store} store */\nexport default { render };\n'
    assert source in joining.joined({"editor.js": source})
