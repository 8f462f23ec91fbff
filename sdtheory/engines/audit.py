"""What PySD's templates can write, and nothing else: the generated source is held against their shapes.

Every name a user wrote is a number by then (`v3`, `d0`, `e12`, `m1`), so what remains is fixed. Statements must
have the shape of one of PySD's, and what stands in them is made of a fixed list of functions and operators. So
only the statements that PySD begins each file with know of files (`Path`, `_root`), and each only as written here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from sdtheory.errors import SDError

# what an expression is made of
NODES = frozenset(
    {
        "arguments", "Lambda", "Call", "keyword", "Attribute", "Subscript", "Slice", "Name", "Load", "Constant",
        "Dict", "List", "Tuple", "BinOp", "UnaryOp", "Compare", "Add", "Sub", "Mult", "Div", "Pow",
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
ALLOCATIONS = frozenset({"allocate_available", "allocate_by_priority"})
OBJECTS = STATEFULS | {"HardcodedLookups", "TabData", "Macro"}
IMPORTS = {
    "pathlib": frozenset({"Path"}),
    "pysd": frozenset({"Component"}),
    "pysd.py_backend.allocation": ALLOCATIONS,
    "pysd.py_backend.data": frozenset({"TabData"}),
    "pysd.py_backend.functions": FUNCTIONS,
    "pysd.py_backend.lookups": frozenset({"HardcodedLookups"}),
    "pysd.py_backend.model": frozenset({"Macro"}),
    "pysd.py_backend.statefuls": STATEFULS,
    "scipy": frozenset({"stats"}),
}
LIBRARIES = frozenset({("numpy", "np"), ("xarray", "xr")})

CONTROLS = frozenset({"initial_time", "final_time", "time_step", "saveper"})
CHANGED = frozenset({"value", "def_subs", "except_subs"})  # what a function fills before it returns
NAMES = FUNCTIONS | ALLOCATIONS | CONTROLS | CHANGED | {
    "np", "xr", "stats", "bool", "float", "len", "time", "x", "final_subs", "_subscript_dict", "__data",
}  # fmt: skip
ATTRIBUTES = frozenset(
    {
        "abs", "add", "arange", "arccos", "arcsin", "arctan", "array", "cos", "cosh", "exp", "inf", "interp",
        "log", "logical_and", "logical_not", "logical_or", "maximum", "minimum", "nan", "ones_like", "pi",
        "power", "random", "rvs", "sin", "sinh", "sqrt", "tan", "tanh", "truncexpon", "truncnorm", "uniform",
        "zeros_like", "DataArray", "expand_dims", "loc", "rename", "reset_coords", "transpose", "values",
        "stage", *CONTROLS,
    }
)  # fmt: skip
KEYWORDS = frozenset(
    {
        "axis", "dim", "drop", "dtype", "end", "loc", "magnitude", "py_name", "repeat_time", "scale", "size",
        "time_initialization", "width",
    }
)  # fmt: skip
DESCRIPTIONS = frozenset({"name", "subscripts", "comp_type", "comp_subtype", "depends_on", "other_deps"})
WORDS = frozenset(
    {
        "3.14.3", "scope", "time", "initial_time", "final_time", "time_step", "saveper", "initial", "step",
        "Time", "INITIAL TIME", "FINAL TIME", "TIME STEP", "SAVEPER", "INITIAL_TIME", "FINAL_TIME",
        "TIME_STEP", "Auxiliary", "Constant", "Data", "Lookup", "Stateful", "Normal", "Unchangeable",
        "Hardcoded", "with Lookup", "interpolate", "extrapolate", "hold_backward", "look_forward", "raw",
        "None", "__data__", "__lookup__", "Current time of the model.", *STATEFULS,
    }
)  # fmt: skip

NUMBERED = re.compile(r"(_[a-z_]+_(m\d+_)?)?[vdem]\d+(_\d+)?!?", re.ASCII)
OWN_NAME = re.compile(
    r"(_[a-z_]+_(m\d+_)?)?([vm]\d+|initial_time|final_time|time_step|saveper)(_\d+)?", re.ASCII
)
FILE = re.compile(r"\s*Python model '(model|m\d+)\.py'\s+Translated using PySD\s*", re.ASCII)


def _shapes(source: str) -> frozenset[str]:
    return frozenset(ast.dump(node) for node in ast.parse(source).body)


FIXED = _shapes(
    """
__pysd_version__ = "3.14.3"
__data = {"scope": None, "time": lambda: 0}
_root = Path(__file__).parent
component = Component()

def _init_outer_references(data):
    for key in data:
        __data[key] = data[key]

@component.add(name="Time")
def time():
    return __data["time"]()
"""
)
NO_ARGUMENTS = ast.dump(ast.arguments([], [], None, [], [], None, []))
OF_LOOKUPS = ast.dump(
    ast.arguments([], [ast.arg("x"), ast.arg("final_subs")], None, [], [], None, [ast.Constant(None)])
)


def audit(source: str | bytes) -> None:
    """Refuse generated source that holds what PySD's templates never write.

    Parameters
    ----------
    source : str or bytes
        Bytes are read as Python's importer reads them, by the encoding that they name.

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
    try:
        found = next(_unexpected(ast.parse(source)), None)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        found = f"a {type(error).__name__}", 1
    if found is not None:
        raise SDError(
            f"the generated code holds something unexpected ({found[0]}, line {found[1]})",
            remedy="please report this file",
        )


Found = Iterator[tuple[str, int]]


def _unexpected(tree: ast.Module) -> Found:
    """What is wrong with a source, and in which line."""
    for node in tree.body:
        match node:
            case ast.Import() | ast.ImportFrom():
                yield from _import(node)
            case ast.FunctionDef():
                yield from _function(node)
            case ast.Assign(targets=[ast.Name(id=name)]):
                yield from _definition(node, name)
            case ast.Expr(value=ast.Constant(value=str(text))) if FILE.fullmatch(text):
                pass
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="add")) as call):
                yield from _expression(call)
                if not (name.startswith("_") and OWN_NAME.fullmatch(name)):
                    yield f"a call of '{name}'", node.lineno
            case _:
                yield type(node).__name__, node.lineno


def _import(node: ast.Import | ast.ImportFrom) -> Found:
    for one in node.names:
        if isinstance(node, ast.Import):
            known = (one.name, one.asname) in LIBRARIES
        else:
            known = not node.level and not one.asname and one.name in IMPORTS.get(node.module or "", ())
        if not known:
            yield f"import of '{one.name}'", node.lineno


def _definition(node: ast.Assign, name: str) -> Found:
    """A name of the module and what it is."""
    value = node.value
    if ast.dump(node) in FIXED:
        return
    if name in ("_params", "_subscript_dict"):
        yield from _literal(value)
    elif name == "_control_vars" and isinstance(value, ast.Dict):
        yield from _expression(value)
    elif name.startswith("_") and OWN_NAME.fullmatch(name) and isinstance(value, ast.Call):
        kind = value.func.id if isinstance(value.func, ast.Name) else ""
        if kind not in OBJECTS:
            yield "an unknown object", node.lineno
        arguments = value.args
        if kind == "Macro":
            if not arguments or not _macro_file(arguments[0]):
                yield "a macro of another file", node.lineno
            arguments = arguments[1:]
        for part in (*arguments, *value.keywords):
            yield from _expression(part)
    else:
        yield f"the name '{name}'", node.lineno


def _macro_file(node: ast.expr) -> bool:
    match node:
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="_root"), attr="joinpath"),
            args=[ast.Constant(value=str(text))],
            keywords=[],
        ):
            return re.fullmatch(r"m\d+\.py", text, re.ASCII) is not None
    return False


def _function(node: ast.FunctionDef) -> Found:
    """A variable of the model: what PySD knows of it, and how it is computed."""
    first = node.body[0]
    match first:
        case ast.Expr(value=ast.Constant(value=str(text))) if text.strip() == "Current time of the model.":
            node.body = node.body[1:]
    if ast.dump(node) in FIXED:
        return
    if not OWN_NAME.fullmatch(node.name) or node.name.startswith("_"):
        yield f"FunctionDef '{node.name}'", node.lineno
    if ast.dump(node.args) not in (NO_ARGUMENTS, OF_LOOKUPS) or node.returns is not None:
        yield "the arguments of a function", node.lineno
    match node.decorator_list:
        case [ast.Call(func=ast.Attribute(value=ast.Name(id="component"), attr="add"), args=[])]:
            for one in node.decorator_list[0].keywords:  # type: ignore[attr-defined]
                if one.arg not in DESCRIPTIONS:
                    yield f"keyword '{one.arg}'", node.lineno
                yield from _literal(one.value)
        case _:
            yield "a decorator", node.lineno
    for statement in node.body:
        yield from _step(statement)


def _step(node: ast.stmt) -> Found:
    """A statement of a function: a value is filled or returned."""
    match node:
        case ast.Return(value=ast.expr() as value):
            yield from _expression(value)
        case ast.Assign(targets=[target], value=value):
            yield from _expression(value)
            match target:
                case ast.Name(id=name):
                    filled = name
                case ast.Subscript(
                    value=ast.Attribute(value=ast.Name(id=name), attr="loc" | "values"), slice=place
                ):
                    filled = name
                    yield from _expression(place)
                case _:
                    filled = ""
            if filled not in CHANGED:
                yield "a change of something else", node.lineno
        case _:
            yield type(node).__name__, node.lineno


def _literal(node: ast.AST) -> Found:
    """A value of texts and numbers alone."""
    for part in ast.walk(node):
        if not isinstance(part, ast.Dict | ast.List | ast.Tuple | ast.Constant | ast.Load):
            yield type(part).__name__, getattr(part, "lineno", 1)
    yield from _expression(node)


def _expression(node: ast.AST) -> Found:
    for part in ast.walk(node):
        found = _wrong(part)
        if found:
            yield found, getattr(part, "lineno", 1)


def _wrong(node: ast.AST) -> str:
    """What is wrong with one node of an expression, or nothing."""
    kind = type(node).__name__
    if kind not in NODES:
        return kind
    match node:
        case ast.Constant(value=value):
            return _constant(value)
        case ast.Attribute(attr=word) if word not in ATTRIBUTES:
            return f"Attribute '{word}'"
        case ast.keyword(arg=word) if word not in KEYWORDS:
            return f"keyword '{word}'"
        case ast.Dict(keys=keys) if None in keys:
            return "a mapping in a mapping"
        case ast.Name(id=word) if word not in NAMES and not OWN_NAME.fullmatch(word):
            return f"Name '{word}'"
        case ast.Lambda(args=arguments) if ast.dump(arguments) != NO_ARGUMENTS:
            return "the arguments of a function"
        case ast.Call(func=callee) if not _known_callee(callee):
            return "a call of something computed"
        case ast.BinOp(left=left, op=ast.Pow(), right=right) if _whole(left) and _whole(right):
            return "a power of whole numbers"  # equations hold floats, and such a power would have no bound
    return ""


def _whole(node: ast.expr) -> bool:
    """Whether an expression is made of whole numbers alone."""
    match node:
        case ast.UnaryOp(operand=part):
            return _whole(part)
        case ast.BinOp(left=left, right=right):
            return _whole(left) and _whole(right)
    return isinstance(node, ast.Constant) and isinstance(node.value, int)


def _known_callee(callee: ast.expr) -> bool:
    """Functions by name, methods, and the clock ``__data["time"]``; never the result of another call."""
    if isinstance(callee, ast.Subscript):
        return isinstance(callee.value, ast.Name) and callee.value.id == "__data"
    return isinstance(callee, ast.Name | ast.Attribute)


def _constant(value: object) -> str:
    if isinstance(value, str):
        words = [word.strip() for word in value.split(", ")]
        return "" if NUMBERED.fullmatch(value) or set(words) <= WORDS else "a text"
    return "" if value is None or isinstance(value, bool | int | float) else f"a {type(value).__name__}"
