"""Rules that every source file keeps."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import sdtheory

PACKAGE = Path(sdtheory.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
LINES = 500
REFERENCE = "engines/reference.py"
# what calls machine code, and nothing else, may know how
PERMITTED = {"engines/machine_code.py": {"ctypes"}}
CALLS = {"eval", "exec", "compile", "__import__", "execfile"}
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "subprocess", "ctypes",
           "cffi", "socket", "urllib", "http", "requests", "code", "codeop", "runpy"}  # fmt: skip
METHODS = {"system", "popen", "eval", "execv", "spawnv"}


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def dangers(source: str) -> set[str]:
    """Ways to run text as code, or to reach outside, that a source uses."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
            found.add(node.func.id)
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in METHODS
        ):
            found.add(node.func.attr)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] in MODULES}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in MODULES:
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("path", [path for path in FILES if name(path) != REFERENCE], ids=name)
def test_nothing_outside_the_reference_engine_runs_text_as_code(path):
    assert not dangers(path.read_text(encoding="utf-8")) - PERMITTED.get(name(path), set())


@pytest.mark.parametrize(
    "source",
    ["eval('1')", "exec('x')", "import pickle", "from pickle import loads", "import os\nos.system('x')",
     "frame.eval('a')", "__import__('os')", "import urllib.request"],
)  # fmt: skip
def test_the_rule_sees_what_it_forbids(source):
    assert dangers(source)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_files_stay_short_enough_to_read(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LINES


@pytest.mark.parametrize("path", FILES, ids=name)
def test_every_file_says_what_it_is_for(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
