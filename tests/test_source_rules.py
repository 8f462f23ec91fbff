"""Rules that every source file keeps."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import sdtheory

PACKAGE = Path(sdtheory.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
LINES = 500
# what calls machine code, and what starts the process that a file is isolated in, and nothing else, may know
# how; the package finds its own modules by name
PERMITTED = {
    "engines/machine_code.py": {"ctypes"},
    "translate/isolated_process.py": {"subprocess"},
    "translate/isolated_child.py": {"import_module"},
    "__init__.py": {"import_module"},
    "documents/edits.py": {"import_module"},
    "diagrams/__init__.py": {"import_module"},
    "experiments/extras.py": {"import_module"},
    # writers of XML and HTML; what they write is never parsed here
    "diagrams/drawio.py": {"html", "xml.etree"},
    "diagrams/gexf.py": {"xml.etree"},
    "diagrams/graphml.py": {"xml.etree"},
    "diagrams/page.py": {"html"},
    "diagrams/xmile_diagram.py": {"xml.etree"},
    "experiments/report_page.py": {"html"},
    # bytes of a regular file that was checked
    "experiments/observations.py": {"read_csv"},
    # the processes that a sweep forks itself, and hears from through pipes of its own
    "experiments/workers.py": {"multiprocessing"},
    # the one process for slow operations, heard from through a pipe of its own
    "editor/worker.py": {"multiprocessing"},
    # the editor's server, on this machine's own address alone
    "editor/server.py": {"socket"},
    "editor/running.py": {"socket"},
    "editor/exporting.py": {"html"},
    # opened on a file of our own
    "cli/serving.py": {"webbrowser"},
}
CALLS = {"eval", "exec", "compile", "__import__", "execfile", "breakpoint", "__builtins__"}
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "dbm", "yaml", "subprocess",
           "multiprocessing", "ctypes", "cffi", "socket", "ssl", "urllib", "http", "ftplib", "smtplib", "requests",
           "httpx", "webbrowser", "code", "codeop", "runpy", "imp", "pty", "builtins", "pkgutil"}  # fmt: skip
METHODS = {"system", "popen", "eval", "exec", "query", "execv", "execve", "execvp", "spawnv", "posix_spawn", "fork",
           "startfile", "chdir", "putenv", "mktemp", "import_module", "spec_from_file_location", "module_from_spec",
           "exec_module", "load_module", "SourceFileLoader", "run_path", "run_module", "format_map", "from_string",
           "Template", "fromfile", "memmap", "fromstring", "iterparse", "XMLPullParser", "unescape"}  # fmt: skip
# parsers that resolve entities or guess; expat with our own handlers is what reads XML
READERS = {"xml.etree", "xml.dom", "xml.sax.expatreader", "xml.sax.handler", "lxml", "html", "bs4"}
LXML = {
    "recover": False,
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
}


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def dangers(source: str) -> set[str]:
    """Ways to run text as code, to read what is not checked, or to reach outside, that a source uses."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Name(id=word, ctx=ast.Load()) if word in CALLS:
                found.add(word)
            case ast.Attribute(attr=word, ctx=ast.Load()) if word in METHODS or word in CALLS - {"compile"}:
                found.add(word)
            case ast.Attribute(value=ast.Name(id="pd" | "pandas"), attr=word) if word.startswith("read_"):
                found.add(word)
            case ast.Import(names=names):
                found |= set(filter(_is_forbidden, (one.name for one in names)))
            case ast.ImportFrom(module=module, names=names):
                found |= set(
                    filter(_is_forbidden, (module or "", *(f"{module}.{one.name}" for one in names)))
                )
                found |= {one.name for one in names} & METHODS
            case ast.Call():
                found |= _dangerous_call(node)
    return found


def _is_forbidden(module: str) -> bool:
    first = module.split(".")[0]
    return first in MODULES or any(module == one or module.startswith(f"{one}.") for one in READERS)


def _dangerous_call(node: ast.Call) -> set[str]:
    """What the arguments of a call ask for, and names that are looked up by their text."""
    found = set()
    given = {one.arg: getattr(one.value, "value", ...) for one in node.keywords}
    if given.get("shell", False) is not False:
        found.add("shell")
    if given.get("allow_pickle", False) is not False:
        found.add("allow_pickle")
    called = getattr(node.func, "attr", getattr(node.func, "id", ""))
    if called in ("XMLParser", "HTMLParser", "iterparse") and LXML.items() - given.items():
        found.add(called)
    if called == "getattr" and len(node.args) > 1:
        found |= {getattr(node.args[1], "value", None)} & (CALLS | METHODS)
    if called == "format" and isinstance(node.func, ast.Attribute):
        pattern = node.func.value
        constant = isinstance(pattern, ast.Name) and pattern.id.isupper()
        if not constant and not (isinstance(pattern, ast.Constant) and isinstance(pattern.value, str)):
            found.add("format")
    return found


@pytest.mark.parametrize("path", FILES, ids=name)
def test_nothing_runs_text_as_code_or_reads_what_is_not_checked(path):
    permitted = PERMITTED.get(name(path), set())
    found = dangers(path.read_text(encoding="utf-8"))
    assert not {word for word in found if not any(f"{word}.".startswith(f"{one}.") for one in permitted)}


def test_what_is_permitted_is_used():
    for file, words in PERMITTED.items():
        assert dangers((PACKAGE / file).read_text(encoding="utf-8")) >= words


@pytest.mark.parametrize(
    "source",
    [
        "eval('1')", "exec('x')", "e = eval\ne('1')", "run = [exec]", "compile('1', '', 'eval')", "breakpoint()",
        "import pickle", "from pickle import loads", "import os\nos.system('x')", "from os import system",
        "frame.eval('a')", "frame.query('a')", "__import__('os')", "import urllib.request", "import marshal",
        "import yaml\nyaml.load(x)", "np.load(x, allow_pickle=True)", "np.load(x, allow_pickle=flag)",
        "importlib.import_module(x)", "from importlib import import_module", "getattr(builtin, 'eval')",
        "importlib.util.spec_from_file_location('a', x)", "run(x, shell=True)", "run(x, shell=flag)",
        "text.format(x)", "text.format_map(x)", "string.Template(text)", "pd.read_csv(x)", "pandas.read_pickle(x)",
        "from lxml import etree", "import lxml.etree", "etree.XMLParser(recover=False)", "etree.XMLParser()",
        "from xml.etree import ElementTree", "import xml.dom.minidom", "from xml import dom", "import builtins",
        "os.chdir(x)", "tempfile.mktemp()", "np.fromfile(x)", "os.fork()", "import multiprocessing",
    ],
)  # fmt: skip
def test_the_rule_sees_what_it_forbids(source):
    assert dangers(source)


@pytest.mark.parametrize(
    "source",
    [
        "re.compile('a')", "'{}'.format(x)", "np.load(x)", "np.load(x, allow_pickle=False)", "self.evaluate(x)",
        "from xml.sax.saxutils import escape", "from xml.parsers import expat", "import json",
        "element.eval = literal", "etree.XMLParser(recover=False, resolve_entities=False, no_network=True, "
        "load_dtd=False, huge_tree=False)",
    ],
)  # fmt: skip
def test_the_rule_passes_what_is_safe(source):
    assert not dangers(source)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_files_stay_short_enough_to_read(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LINES


@pytest.mark.parametrize("path", FILES, ids=name)
def test_every_file_says_what_it_is_for(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
