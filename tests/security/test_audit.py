"""The audit of generated source: what PySD's templates write passes, and nothing else does."""

from __future__ import annotations

import ast
import codecs
import copy
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sdtheory as sd
from sdtheory.engines.audit import audit
from sdtheory.engines.reference import _module_of
from sdtheory.errors import SDError

ROOT = Path(__file__).parents[2]
GOOD = '''"""
Python model 'model.py'
Translated using PySD
"""

from pathlib import Path
import numpy as np
import xarray as xr

from pysd.py_backend.functions import if_then_else, sum
from pysd.py_backend.lookups import HardcodedLookups
from pysd.py_backend.model import Macro
from pysd.py_backend.statefuls import Integ
from pysd import Component

__pysd_version__ = "3.14.3"

__data = {"scope": None, "time": lambda: 0}

_root = Path(__file__).parent

_subscript_dict = {"d0": ["e0", "e1"]}

component = Component()

_control_vars = {
    "initial_time": lambda: 0.0,
    "final_time": lambda: 2.0,
    "time_step": lambda: 1.0,
    "saveper": lambda: time_step(),
}


def _init_outer_references(data):
    for key in data:
        __data[key] = data[key]


@component.add(name="Time")
def time():
    """
    Current time of the model.
    """
    return __data["time"]()


@component.add(name="v0", subscripts=["d0"], comp_type="Constant", comp_subtype="Normal", depends_on={"v1": 1})
def v0():
    value = xr.DataArray(np.nan, {"d0": _subscript_dict["d0"]}, ["d0"])
    value.loc[["e0"]] = -v1() ** 2.0
    value.loc[["e1"]] = if_then_else(time() > 1.0, lambda: _macro_m0_v0(), lambda: v2(1.0))
    return value


_macro_m0_v0 = Macro(_root.joinpath("m0.py"), {"v3": lambda: v1()}, "m0", time_initialization=lambda: __data["time"],
                     py_name="_macro_m0_v0")


@component.add(name="v1", comp_type="Stateful", other_deps={"_integ_v1": {"initial": {}, "step": {}}})
def v1():
    return _integ_v1()


_integ_v1 = Integ(lambda: sum(v0().rename({"d0": "d0!"}), dim=["d0!"]), lambda: 1.0, "_integ_v1")


@component.add(name="v2", comp_type="Lookup", comp_subtype="Normal", depends_on={"__lookup__": "_hardcodedlookup_v2"})
def v2(x, final_subs=None):
    return _hardcodedlookup_v2(x, final_subs)


_hardcodedlookup_v2 = HardcodedLookups([0.0, 1.0], [0.0, 1.0], {}, "interpolate", {}, "_hardcodedlookup_v2")
_hardcodedlookup_v2.add([0.0, 1.0], [0.0, 1.0], {})
'''

# expressions, each of which may stand wherever an expression may
EXPRESSIONS = [
    "__import__('os')",
    "open('v1', 'w')",
    "eval('v1')",
    "().__class__.__bases__",
    "np.load",
    "np.fromfile",
    "Path.cwd",
    "[v1 for v1 in v2]",
    "f'{v1}'",
    "'rm -rf'",
    "b'v1'",
    "_root.joinpath('../m1.py')",
    "(lambda: v1)()",
    "v1()()",
    "_subscript_dict['d0']()",
    "v1 if v2 else v3",
    "Path(__file__).rename(Path(__file__).parent.joinpath('m0.py'))",
    "Path",
    "_root",
    "_root.parent",
    "_root.joinpath('m0.py')",
    "__file__",
    "component",
    "component.add(name='v1')",
    "Component()",
    "Macro(_root.joinpath('m0.py'), {}, 'm0')",
    "Integ(lambda: 0.0, lambda: 0.0, '_integ_v0')",
    "TabData('v1', 'v1', {}, 'raw')",
    "9**9**9**9",
    "(8 + 1) ** (9 * 9)",
    "np.random.__class__",
    "np.f2py",
    "np.array.tofile",
    "xr.open_dataset",
    "v1.__globals__",
    "v1().to_netcdf('v1')",
    "v1(evil=1.0)",
    "v1(**v2())",
    "lambda x: x",
    "lambda x=v1(): x",
    "lambda: (yield)",
    "1j",
    "...",
    "'\\u0661'",
    "v\u0661()",
    "\uff4f\uff53.system('v1')",
    "(v1() for v1 in v2())",
    "{**v1()}",
    "[*v1()]",
    "f''",
    "await_()",
]

# statements, each of which may stand in a function or in the module
STATEMENTS = [
    "import os",
    "import numpy",
    "import numpy as os",
    "from os import system",
    "from pathlib import PosixPath",
    "from pysd import load",
    "from pysd.py_backend.utils import load_modules",
    "from . import Path",
    "from numpy import *",
    "_root.unlink()",
    "def v1(os): return os",
    "def getattr(): return 1",
    "class v1: pass",
    "while x: x = 1",
    "with x: x = 1",
    "try:\n    x = 1\nfinally:\n    x = 2",
    "global v1",
    "del x",
    "async def v1(): return 1",
    "(x := 1)",
    "component = Path",
    "_root = Path('m0.py')",
    "_root = Path(__file__)",
    "__data = {'scope': None, 'time': Path}",
    "_macro_m0_v0 = Macro(_root.parent.joinpath('m0.py'), {}, 'm0')",
    "_macro_m0_v0 = Macro(_root.joinpath('v0.py'), {}, 'm0')",
    "_macro_m0_v0 = Macro(Path('m0.py'), {}, 'm0')",
    "_integ_v0 = Path(__file__)",
    "np = Path",
    "np.abs = np.exp",
    "len = float",
    "v1 = time",
    "value.rename = np.exp",
    "x = y = 1.0",
    "value: float = 1.0",
    "value += 1.0",
    "value[v1()] = 1.0",
    "_subscript_dict = {'d0': v1()}",
    "_params = {'v1': os}",
    "def _init_outer_references(data):\n    return data",
    "def time():\n    return v1()",
    "def v1(): pass",
    "@v1\ndef v1():\n    return 1.0",
    "@component.add(name='v1')\n@component.add(name='v1')\ndef v1():\n    return 1.0",
    "@component.add(name='v1', evil='v1')\ndef v1():\n    return 1.0",
    "@component.add(name=v1())\ndef v1():\n    return 1.0",
    "@component.add(name='v1')\ndef v1(x=v1()):\n    return 1.0",
    "@component.add(name='v1')\ndef v1() -> v1():\n    return 1.0",
    "@component.add(name='v1')\ndef v1():\n    'evil'\n    return 1.0",
    "@component.add(name='v1')\ndef numpy():\n    return 1.0",
    "import numpy as np, os",
    "from pathlib import Path as np",
    "match v1():\n    case _:\n        pass",
    "assert v1()",
    "raise v1()",
    "'evil'",
]


def refused(source: str | bytes) -> None:
    with pytest.raises(SDError, match=r"unexpected.*please report this file"):
        audit(source)


def test_what_the_templates_write_passes():
    audit(GOOD)


@pytest.mark.parametrize("path", sorted(ROOT.glob("models/*.xmile")), ids=lambda path: path.name)
def test_what_is_written_of_the_models_passes(path):
    model = sd.load(path)
    sources = [one.read_bytes() for one in _module_of(model).parent.glob("*.py")]
    assert sources
    for source in sources:
        audit(source)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_that_no_template_writes_is_refused(expression):
    for place in ("-v1() ** 2.0", "time() > 1.0", "lambda: 0.0", "_integ_v1()\n", '{"d0": ["e0", "e1"]}'):
        assert place in GOOD
        end = "\n" if place.endswith("\n") else ""
        lambda_ = "lambda: " if place.startswith("lambda") else ""
        refused(GOOD.replace(place, f"{lambda_}({expression}){end}"))


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_statement_that_no_template_writes_is_refused(statement):
    refused(f"{GOOD}\n{statement}\n")
    inside = "\n".join(f"    {line}" for line in statement.splitlines())
    refused(GOOD.replace("    return value\n", f"{inside}\n    return value\n"))


NODES = [node for node in ast.walk(ast.parse(GOOD)) if isinstance(node, ast.expr)]
# what may stand in some places, as a decorator and as an object that belongs to a variable
PLACED = ("component.add(", "Macro(_root.joinpath('m0.py'),", "Integ(", "TabData(")
ELSEWHERE = [one for one in EXPRESSIONS if not one.startswith(PLACED)]
evil_expressions = st.sampled_from(ELSEWHERE).map(lambda text: ast.parse(text, mode="eval").body)


@settings(max_examples=150)
@given(st.integers(0, len(NODES) - 1), evil_expressions)
def test_an_expression_put_in_any_place_is_refused(place, expression):
    tree = ast.parse(GOOD)
    target = [node for node in ast.walk(tree) if isinstance(node, ast.expr)][place]
    changed = _Replace(target, copy.deepcopy(expression)).visit(tree)
    try:
        source = ast.unparse(ast.fix_missing_locations(changed))
        ast.parse(source)
    except (SyntaxError, ValueError):
        return  # no expression can stand there, so there is no such source
    if source == ast.unparse(ast.parse(GOOD)):
        return  # it stood there before
    refused(source)


class _Replace(ast.NodeTransformer):
    def __init__(self, target, instead):
        self.target = target
        self.instead = instead

    def visit(self, node):
        return self.instead if node is self.target else super().generic_visit(node)


TOKENS = sorted(
    {*"()[]{}.,:;=\n \"'#@*", "v1", "os", "system", "__class__", "import ", "lambda", "exec", "\\", "\0"}
)


def parts(source: str | bytes) -> set[str]:
    """Every name, attribute, keyword, text and kind of node of a source."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        found.add(type(node).__name__)
        for word in ("id", "attr", "arg", "name", "module", "value"):
            text = getattr(node, word, None)
            if isinstance(text, str):
                found.add(" ".join(text.split()))
    return found


@settings(max_examples=200)
@given(
    st.integers(0, len(GOOD)), st.integers(0, 4), st.lists(st.sampled_from(TOKENS), max_size=4).map("".join)
)
def test_a_source_with_other_signs_is_refused_or_holds_nothing_new(place, left_out, put_in):
    source = GOOD[:place] + put_in + GOOD[place + left_out :]
    try:
        audit(source)
    except SDError:
        return
    new = parts(source) - parts(GOOD)
    # what a changed sign can make of numbered names, numbers and words of PySD's, and nothing of another kind
    assert all((word.isidentifier() and not word.startswith("__")) or word in OPERATORS for word in new), new
    assert not new & {"os", "system", "__class__", "exec", "Import", "Global", "Delete", "Await"}


OPERATORS = {"", "UAdd", "d0!", "-", "+"}


def test_a_source_is_read_as_the_importer_reads_it():
    """Python takes a file's encoding from a comment, in which a text may hide that UTF-8 does not show."""
    hidden = codecs.encode("\nimport os\n", "utf-7").replace(b"\n", b"+AAo-")
    source = b"# coding: utf-7\n#" + hidden + b"\n"
    assert "import" in source.decode("utf-7").splitlines()[2]
    refused(source)
    audit("# a comment\n" + GOOD)


@pytest.mark.parametrize(
    "source", ["(" * 1000, "-" * 100_000 + "1.0", "x = \0", b"\xff\xfe", "return 1", "v1 = "]
)
def test_what_is_no_source_is_refused(source):
    refused(source)
