"""PySD's own simulator, the engine that every other is held equal to.

PySD writes Python from the guarded model, in which every name is a number; the source is checked against
what PySD's templates can hold before it is imported, and lives in a private directory.
"""

from __future__ import annotations

import ast
import atexit
import shutil
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sdtheory.errors import NotCompiled, SDError, SimulationError, shown
from sdtheory.model.expression import Number, Table
from sdtheory.model.model import Model, Stock
from sdtheory.names import canonical

MODULES = ("pysd", "numpy", "xarray", "scipy", "pathlib")
DUNDERS = frozenset({"__pysd_version__", "__data", "__file__"})
FORBIDDEN = frozenset(
    {"eval", "exec", "compile", "open", "input", "globals", "locals", "vars", "getattr", "setattr", "delattr",
     "breakpoint", "exit", "quit", "help", "system", "popen", "environ", "remove", "unlink", "rmtree"}
)  # fmt: skip


def audit(source: str) -> None:
    """Refuse generated source that holds what PySD's templates never write.

    Raises
    ------
    SDError
        Naming what was found and its line.
    """
    for node in ast.walk(ast.parse(source)):
        found = _unexpected(node)
        if found:
            line = getattr(node, "lineno", 0)
            raise SDError(
                f"the generated code holds something unexpected ({found}, line {line})",
                remedy="please report this file",
            )


def _unexpected(node: ast.AST) -> str:
    if isinstance(node, ast.Import):
        bad = [alias.name for alias in node.names if alias.name.split(".")[0] not in MODULES]
        return f"import {bad[0]}" if bad else ""
    if isinstance(node, ast.ImportFrom):
        return (
            "" if (node.module or "").split(".")[0] in MODULES and not node.level else f"import {node.module}"
        )
    if isinstance(node, ast.Name | ast.Attribute):
        word = node.id if isinstance(node, ast.Name) else node.attr
        if word in FORBIDDEN or (word.startswith("__") and word not in DUNDERS):
            return f"{type(node).__name__} '{word}'"
    if isinstance(node, ast.ClassDef | ast.AsyncFunctionDef | ast.Global | ast.Try | ast.While):
        return type(node).__name__
    return ""


def _quicken_lookups(loaded: Any) -> None:
    """Let this loaded model's scalar lookups use `numpy.interp`: the same numbers, hundreds of times faster."""
    import xarray as xr
    from pysd.py_backend.lookups import HardcodedLookups

    class QuickLookups(HardcodedLookups):
        def __call__(self, x, final_subs=None):
            data = self.data
            plain = self.is_float and self.interp == "interpolate" and not isinstance(x, xr.DataArray)
            if not plain or not isinstance(data, xr.DataArray) or data.ndim != 1:
                return super().__call__(x, final_subs)
            return float(np.interp(x, data["lookup_dim"].values, data.values))

    for part in vars(loaded.components._components).values():
        if type(part) is HardcodedLookups:
            part.__class__ = QuickLookups


def _built(model: Model) -> Path:
    """The generated module of a model, in a private directory that is removed at exit."""
    from pysd.builders.python.python_model_builder import ModelBuilder

    if model.translation is None:
        raise SimulationError("this model was made without a file, so the reference engine cannot run it")
    folder = Path(tempfile.mkdtemp(prefix="sdtheory-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    abstract = model.translation.abstract
    sections = tuple(replace(section, path=folder / section.path.name) for section in abstract.sections)
    abstract = replace(abstract, original_path=folder / "model.mdl", sections=sections)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(ModelBuilder(abstract).build_model())
    for source in folder.glob("*.py"):
        audit(source.read_text(encoding="utf-8"))
    return path


_BUILDS: dict[int, tuple[Any, Path]] = {}


def _module_of(model: Model) -> Path:
    """Built once for each translation; every run loads it afresh."""
    key = id(model.translation)
    if key not in _BUILDS or _BUILDS[key][0] is not model.translation:
        _BUILDS[key] = (model.translation, _built(model))
    return _BUILDS[key][1]


def run_reference(model: Model, changes: Mapping[str, Any] | None = None, *, outputs: Any = None) -> Any:
    """Run a model with PySD, freshly loaded, so that nothing sticks from an earlier run.

    Parameters
    ----------
    model : Model
    changes : mapping, optional
        Constants and ``name[element]`` to numbers, stocks to initial values, lookups to `Table`.
    outputs : list of str, optional
        Column names to keep.

    Returns
    -------
    pandas.DataFrame
        Index ``time``; columns as the file spells them.

    Raises
    ------
    SimulationError
        When the model asks for RK4, which PySD does not have, or when PySD fails.
    """
    import pysd

    if model.settings.method != "euler":
        raise SimulationError(
            f"the reference engine has Euler only, and the model asks for {model.settings.method.upper()}",
            remedy='pass method="euler"',
        )
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            loaded = pysd.load(str(_module_of(model)))
            _quicken_lookups(loaded)
            params, start = _parameters(model, changes or {})
            settings = {**_settings(model), **({} if start is None else {"initial_condition": start})}
            frame = loaded.run(params=params, **settings)
        except SDError:
            raise
        except NotImplementedError as error:
            raise NotCompiled(
                f"no engine runs this model: {shown(str(error), 200)}", file=model.file or None
            ) from None
        except Exception as error:
            text = shown(f"{type(error).__name__}: {error}", 200)
            raise SimulationError(f"the reference engine failed: {text}", file=model.file or None) from None
    return _renamed(frame, model, outputs)


def _settings(model: Model) -> dict[str, Any]:
    """Settings that are plain numbers are passed on; computed ones stay as the file has them."""
    settings = model.settings
    found: dict[str, Any] = {}
    for word, tree in (
        ("final_time", settings.stop),
        ("time_step", settings.time_step),
        ("saveper", settings.save_every),
    ):
        if isinstance(tree, Number):
            found[word] = tree.value
    return found


def _identifiers(model: Model) -> dict[str, str]:
    """Canonical name to the numbered name of the main section."""
    main = model.translation.abstract.sections[0]
    names = model.translation.names
    return {
        canonical(names[element.name]): element.name for element in main.elements if element.name in names
    }


def _parameters(model: Model, changes: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
    import pandas as pd

    identifiers = _identifiers(model)
    params: dict[str, Any] = {}
    initials: dict[str, Any] = {}
    start = model.settings.start
    for name, value in changes.items():
        if name.endswith("]"):
            raise SimulationError(
                f"'{shown(name)}': the reference engine changes whole arrays only",
                remedy="use engine='vectorised'",
            )
        identifier = identifiers[canonical(name)]
        if isinstance(value, Table):
            params[identifier] = pd.Series(value.y, index=value.x)
        elif isinstance(model[name], Stock):
            initials[identifier] = float(value)
        else:
            params[identifier] = float(value)
    if not initials:
        return params, None
    if not isinstance(start, Number):
        raise SimulationError("initial values cannot be changed when INITIAL TIME is computed")
    return params, (start.value, initials)


def _renamed(frame: Any, model: Model, outputs: Any) -> Any:
    """Columns by the names of the file, ``name[element,element]`` for arrays."""
    names, elements = model.translation.names, model.translation.element_names
    columns = []
    for column in frame.columns:
        head, _, inside = str(column).partition("[")
        name = names.get(head, head)
        if inside:
            cell = [elements.get(part.strip(), part.strip()) for part in inside.rstrip("]").split(",")]
            name = f"{name}[{','.join(cell)}]"
        columns.append(name)
    frame = frame.set_axis(columns, axis=1)
    frame.index.name = "time"
    declared = {canonical(name) for name in model.names()} | {
        "initial time",
        "final time",
        "time step",
        "saveper",
    }
    keep = [column for column in frame.columns if canonical(column.partition("[")[0]) in declared]
    frame = frame[keep]
    if outputs is not None:
        wanted = [canonical(name) for name in outputs]
        keep = [
            column
            for column in frame.columns
            if canonical(column) in wanted or canonical(column.partition("[")[0]) in wanted
        ]
        frame = frame[keep]
    return frame.astype(float)
