"""What PySD's templates can write, and nothing else: the generated source is held against this list.

Every name a user wrote is a number by then (`v3`, `d0`, `e12`, `m1`), so what remains is fixed.
"""

from __future__ import annotations

import ast
import re

from sdtheory.errors import SDError

NODES = frozenset(
    {
        "Module", "Import", "ImportFrom", "alias", "FunctionDef", "arguments", "arg", "Return", "Assign",
        "Expr", "For", "Lambda", "Call", "keyword", "Attribute", "Subscript", "Slice", "Name", "Load", "Store",
        "Constant", "Dict", "List", "Tuple", "BinOp", "UnaryOp", "Compare", "Add", "Sub", "Mult", "Div", "Pow",
        "USub", "UAdd", "Eq", "NotEq", "Lt", "LtE", "Gt", "GtE",
    }
)  # fmt: skip

FUNCTIONS = frozenset(
    {
        "active_initial", "get_time_value", "if_then_else", "integer", "invert_matrix", "modulo",
        "prod", "pulse", "quantum", "ramp", "step", "sum", "vector_rank", "vector_reorder", "vector_select",
        "vector_sort_order", "vmax", "vmin", "xidz", "zidz",
    }
)  # fmt: skip
STATEFULS = frozenset(
    {
        "Delay", "DelayFixed", "DelayN", "Forecast", "Initial", "Integ", "NonNegativeInteg", "SampleIfTrue",
        "Smooth", "SmoothN", "Trend",
    }
)  # fmt: skip
IMPORTS = {
    "pathlib": frozenset({"Path"}),
    "pysd": frozenset({"Component"}),
    "pysd.py_backend.allocation": frozenset({"allocate_available", "allocate_by_priority"}),
    "pysd.py_backend.data": frozenset({"TabData"}),
    "pysd.py_backend.functions": FUNCTIONS,
    "pysd.py_backend.lookups": frozenset({"HardcodedLookups"}),
    "pysd.py_backend.model": frozenset({"Macro"}),
    "pysd.py_backend.statefuls": STATEFULS,
    "scipy": frozenset({"stats"}),
}
LIBRARIES = frozenset({("numpy", "np"), ("xarray", "xr")})

NAMES = frozenset().union(*IMPORTS.values()) | {
    "np", "xr", "bool", "float", "len", "component", "data", "def_subs", "except_subs", "final_subs",
    "key", "time", "value", "x", "initial_time", "final_time", "time_step", "saveper",
    "_control_vars", "_init_outer_references", "_params", "_root", "_subscript_dict",
    "__data", "__file__", "__pysd_version__",
}  # fmt: skip
ATTRIBUTES = frozenset(
    {
        "abs", "add", "arange", "arccos", "arcsin", "arctan", "array", "cos", "cosh", "exp", "inf", "interp",
        "log", "logical_and", "logical_not", "logical_or", "maximum", "minimum", "nan", "ones_like", "pi",
        "power", "random", "rvs", "sin", "sinh", "sqrt", "tan", "tanh", "truncexpon", "truncnorm", "uniform",
        "zeros_like", "DataArray", "expand_dims", "loc", "rename", "reset_coords", "transpose", "values",
        "joinpath", "parent", "stage", "initial_time", "final_time", "time_step", "saveper",
    }
)  # fmt: skip
WORDS = frozenset(
    {
        "3.14.3", "scope", "time", "initial_time", "final_time", "time_step", "saveper", "initial", "step",
        "Time", "INITIAL TIME", "FINAL TIME", "TIME STEP", "SAVEPER", "INITIAL_TIME", "FINAL_TIME",
        "TIME_STEP", "Auxiliary", "Constant", "Data", "Lookup", "Stateful", "Normal", "Unchangeable",
        "Hardcoded", "with Lookup", "interpolate", "extrapolate", "hold_backward", "look_forward", "raw",
        "None", "__data__", "__lookup__", "Current time of the model.", *STATEFULS,
    }
)  # fmt: skip

NUMBERED = re.compile(r"(_[a-z_]+_(m\d+_)?)?[vdem]\d+(_\d+)?!?")
OWN_NAME = re.compile(r"(_[a-z_]+_(m\d+_)?)?([vm]\d+|initial_time|final_time|time_step|saveper)(_\d+)?")
FILE = re.compile(r"m\d+\.py|\s*Python model '(model|m\d+)\.py'\s+Translated using PySD\s*")


def audit(source: str) -> None:
    """Refuse generated source that holds what PySD's templates never write.

    Raises
    ------
    SDError
        Naming what was found and its line.

    Examples
    --------
    >>> audit("import os")
    Traceback (most recent call last):
    ...
    sdtheory.errors.SDError: the generated code holds something unexpected (import of 'os', line 1); ...
    """
    for node in ast.walk(ast.parse(source)):
        found = _unexpected(node)
        if found:
            raise SDError(
                f"the generated code holds something unexpected ({found}, line {getattr(node, 'lineno', 0)})",
                remedy="please report this file",
            )


def _unexpected(node: ast.AST) -> str:
    """What is wrong with one node, or nothing."""
    kind = type(node).__name__
    if kind not in NODES:
        return kind
    if isinstance(node, ast.Import):
        return _first(f"import of '{a.name}'" for a in node.names if (a.name, a.asname) not in LIBRARIES)
    if isinstance(node, ast.ImportFrom):
        known = IMPORTS.get(node.module or "", frozenset()) if not node.level else frozenset()
        return _first(f"import of '{a.name}'" for a in node.names if a.name not in known or a.asname)
    if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
        return "" if _known_text(node.value) else "a text"
    if isinstance(node, ast.Attribute):
        return "" if node.attr in ATTRIBUTES else f"Attribute '{node.attr}'"
    if isinstance(node, ast.Call):
        return "" if _known_callee(node.func) else "a call of something computed"
    name = {"Name": "id", "FunctionDef": "name", "arg": "arg"}.get(kind)
    if name and not _known_name(getattr(node, name)):
        return f"{kind} '{getattr(node, name)}'"
    return ""


def _first(found) -> str:
    return next(iter(found), "")


def _known_name(name: str) -> bool:
    return name in NAMES or OWN_NAME.fullmatch(name) is not None


def _known_callee(callee: ast.expr) -> bool:
    """Functions by name, methods, and the clock ``__data["time"]``; never the result of another call."""
    if isinstance(callee, ast.Subscript):
        return isinstance(callee.value, ast.Name) and callee.value.id == "__data"
    return isinstance(callee, ast.Name | ast.Attribute)


def _known_text(text: str | bytes) -> bool:
    if isinstance(text, bytes):
        return False
    words = [word.strip() for word in text.split(", ")]
    return NUMBERED.fullmatch(text) is not None or FILE.fullmatch(text) is not None or set(words) <= WORDS
