"""PySD's own simulator, the engine that every other is held equal to.

PySD writes Python from the guarded model, in which every name is a number; the source is checked against
what PySD's templates can hold before it is imported, and lives in a private directory.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import warnings
import weakref
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sdtheory.engines.audit import audit
from sdtheory.engines.program import split
from sdtheory.engines.refusals import order_refused
from sdtheory.errors import LimitError, NotCompiled, SDError, SimulationError, shown
from sdtheory.limits import Limits
from sdtheory.model.expression import Number, Table
from sdtheory.model.model import CONTROLS, Lookup, Model, Stock
from sdtheory.names import canonical

_CONTROL_KEYS = frozenset(map(canonical, CONTROLS))
_ABSENT = {
    "not_implemented_function": "it calls a function that PySD does not have",
    "incomplete": "a variable is still A FUNCTION OF(...), without an equation",
}
_NUMBERED = re.compile(r"\b_?(?:[a-z_]+_)?(v\d+)(?:_\d+)?\b")


def run_reference(model: Model, changes: Mapping[str, Any] | None = None, *, outputs: Any = None) -> Any:
    """Run a model with PySD, freshly loaded, so that nothing sticks from an earlier run.

    Parameters
    ----------
    model : Model
        With the settings to run with.
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
        When the model asks for RK4, which PySD does not have, when its equations are no longer those of
        the file, or when PySD fails.
    NotCompiled
        When PySD does not have a function that the model calls.

    Examples
    --------
    >>> import sdtheory as sd
    >>> run = run_reference(sd.load("models/m0_seed.xmile"), {"theorist boost": 0.5})
    >>> round(float(run.loc[12.0, "capability"]), 4)
    38.4696
    """
    import pysd

    _check(model)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            loaded = pysd.load(str(_module_of(model)), initialize=False)
            parts = vars(loaded.components._components)
            _quicken_lookups(parts)
            _bound_delays(parts, model.limits, model.file, model.translation.names)
            loaded.initialize()
            _bound_steps(loaded.time, model.limits, model.file)
            params = _parameters(model, changes or {}, parts)
            frame = loaded.run(params=params, **_settings(model, parts))
            return _renamed(frame, model, outputs)
        except (SDError, MemoryError):
            raise
        except Exception as error:
            text = _NUMBERED.sub(lambda found: _real_name(model, found), f"{type(error).__name__}: {error}")
            raise SimulationError(
                f"the reference engine failed: {shown(text, 200)}", file=model.file or None
            ) from None


def _check(model: Model) -> None:
    if model.translation is None:
        raise SimulationError("this model was made without a file, so the reference engine cannot run it")
    if model.settings.method != "euler":
        raise SimulationError(
            "the reference engine integrates with Euler only, and the model asks for "
            f"{model.settings.method.upper()}",
            file=model.file or None,
            remedy='pass method="euler"',
        )
    original = model.translation.variables
    for key, variable in model.variables.items():
        if key in _CONTROL_KEYS or isinstance(variable, Lookup):
            continue
        if original.get(key) != variable:
            raise SimulationError(
                f"the equation of '{shown(variable.name)}' was changed, and the reference engine runs only "
                "the file's own equations",
                remedy='use engine="vectorised"',
            )


def _real_name(model: Model, found: re.Match[str]) -> str:
    return f"'{model.translation.names.get(found[1], found[1])}'"


# ---------------------------------------------------------------- building


_BUILDS: dict[int, Path] = {}


def _module_of(model: Model) -> Path:
    """Built once for each translation and removed with it; every run loads it afresh."""
    key = id(model.translation)
    if key not in _BUILDS:
        folder = Path(tempfile.mkdtemp(prefix="sdtheory-"))
        weakref.finalize(model.translation, _remove, key, folder)
        _BUILDS[key] = _built(model, folder)
    return _BUILDS[key]


def _remove(key: int, folder: Path) -> None:
    _BUILDS.pop(key, None)
    shutil.rmtree(folder, ignore_errors=True)


def _built(model: Model, folder: Path) -> Path:
    """The generated module of a model, audited."""
    from pysd.builders.python.python_model_builder import ModelBuilder

    abstract = model.translation.abstract
    sections = tuple(replace(section, path=folder / section.path) for section in abstract.sections)
    abstract = replace(abstract, original_path=folder / "model.mdl", sections=sections)
    # PySD prints lookup points with numpy's print settings, by default to eight digits only; a missing one
    # needs a text that is a number without numpy, which the module does not always import.
    with (
        np.printoptions(floatmode="unique", suppress=False, nanstr="(1e999-1e999)"),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        path = Path(ModelBuilder(abstract).build_model())
    for module in folder.glob("*.py"):
        _add_numpy(module)
        source = module.read_bytes()
        for word, meaning in _ABSENT.items():
            if re.search(rf"\b{word}\b".encode(), source):
                raise NotCompiled(f"the reference engine cannot run this model: {meaning}", file=model.file)
        audit(source)
    return path


def _add_numpy(module: Path) -> None:
    """Import numpy in a generated module, where a missing point of a table may be all that needs it."""
    source = module.read_text(encoding="utf-8")
    if "np.nan" in source and "import numpy as np" not in source:
        module.write_text(f"import numpy as np\n{source}", encoding="utf-8")


def _quicken_lookups(parts: Mapping[str, Any]) -> None:
    """Let this loaded model's scalar lookups use `numpy.interp`: the same numbers, hundreds of times faster.

    Points that the file leaves out stay so; PySD would draw a line across them.
    """
    import xarray as xr
    from pysd.py_backend.lookups import HardcodedLookups

    class QuickLookups(HardcodedLookups):
        def __call__(self, x, final_subs=None):
            data = self.data
            plain = self.is_float and self.interp == "interpolate" and not isinstance(x, xr.DataArray)
            if not plain or not isinstance(data, xr.DataArray) or data.ndim != 1:
                return super().__call__(x, final_subs)
            return float(np.interp(x, data["lookup_dim"].values, data.values))

        def _fill_missing(self, series, data):
            # what is missing in tables over the same points is missing in the file
            if any(tuple(x) != tuple(self.values[0][0]) for x, *_ in self.values):
                super()._fill_missing(series, data)

    for part in parts.values():
        if type(part) is HardcodedLookups:
            part.__class__ = QuickLookups


def _bound_delays(parts: Mapping[str, Any], limits: Limits, file: str, names: Mapping[str, str]) -> None:
    """Give delays and smooths a whole number as their order: equations hold floats only, and any number."""
    from pysd.py_backend.statefuls import DelayFixed

    def order(own, key):
        value = float(own())
        if not 1 <= value <= limits.delay_order:
            number = _NUMBERED.search(key)
            name = names.get(number[1], number[1]) if number else key
            raise order_refused(f"'{shown(name)}'", value, limits, file=file or None)
        return int(value)

    def time(own, step):
        value = own()
        if not np.max(value) / step() <= limits.steps:
            raise LimitError(
                f"a fixed delay of {np.max(value) / step():,.0f} time steps; the limit is {limits.steps:,.0f}",
                file=file or None,
                remedy="raise limits=Limits(steps=...)",
            )
        return value

    for key, part in parts.items():
        if hasattr(part, "order_func"):
            part.order_func = lambda own=part.order_func, key=key: order(own, key)
        elif isinstance(part, DelayFixed):
            part.delay_time_func = lambda own=part.delay_time_func, step=part.tstep: time(own, step)


def _bound_steps(time: Any, limits: Limits, file: str) -> None:
    """Let a run end although its TIME STEP, which a file may compute anew at each step, is none or tiny."""
    taken = 0
    within = time.in_bounds

    def in_bounds() -> bool:
        nonlocal taken
        for word, value in (("TIME STEP", time.time_step()), ("SAVEPER", time.saveper())):
            if not 0 < value < np.inf:
                remedy = "give a number above 0"
                raise SimulationError(
                    f"{word} is {value:g} at time {time():g}", file=file or None, remedy=remedy
                )
        taken += 1
        if taken > limits.steps + 1:
            raise LimitError(
                f"more than {limits.steps:,.0f} time steps",
                file=file or None,
                remedy="raise limits=Limits(steps=...) or TIME STEP",
            )
        return within()

    time.in_bounds = in_bounds


# ---------------------------------------------------------------- settings and changes


def _settings(model: Model, parts: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that are plain numbers are passed on; computed ones stay as the file has them."""
    settings = model.settings
    start = settings.start
    if isinstance(start, Number):
        parts["_control_vars"]["initial_time"] = lambda: start.value
    words = {"final_time": settings.stop, "time_step": settings.time_step, "saveper": settings.save_every}
    return {word: tree.value for word, tree in words.items() if isinstance(tree, Number)}


def _parameters(model: Model, changes: Mapping[str, Any], parts: Mapping[str, Any]) -> dict[str, Any]:
    """PySD's `params`; initial values of stocks are set in the loaded model itself."""
    import pandas as pd

    identifiers = {canonical(name): identifier for identifier, name in model.translation.names.items()}
    main = {element.name for element in model.translation.abstract.sections[0].elements}
    identifiers = {key: identifier for key, identifier in identifiers.items() if identifier in main}
    elements = {canonical(name): number for number, name in model.translation.element_names.items()}
    params: dict[str, Any] = {}
    for name, value in changes.items():
        head, cell = split(name)
        variable = model[head]
        identifier = identifiers[canonical(head)]
        place = [elements.get(canonical(part), part) for part in cell]
        if isinstance(value, Table):
            params[identifier] = pd.Series(value.y, index=value.x)
        elif isinstance(variable, Stock):
            _set_initial(identifier, name, place, float(value), parts)
        elif cell:
            whole = params.get(identifier)
            whole = parts[identifier]() if whole is None else whole
            params[identifier] = _with_cell(whole, name, place, float(value))
        else:
            params[identifier] = float(value)
    return params


def _set_initial(identifier: str, name: str, place: list[str], value: float, parts: Any) -> None:
    """Replace the initial value of each integrator behind a stock, or of those that hold the cell."""
    integrators = [
        part
        for key, part in parts.items()
        if re.fullmatch(rf"_(integ|nonnegativeinteg)_{identifier}(_\d+)?", key)
    ]
    if place and len(integrators) > 1:
        raise SimulationError(
            f"'{shown(name)}': the reference engine changes one element only of a stock with one equation",
            remedy='use engine="vectorised"',
        )
    for part in integrators:
        own = part.init_func
        part.init_func = lambda own=own: _with_cell(own(), name, place, value)


def _with_cell(whole: Any, name: str, place: list[str], value: float) -> Any:
    """An array with one cell replaced; without a place, all of it, in the same shape."""
    import xarray as xr

    if not isinstance(whole, xr.DataArray):
        return value
    changed = whole.astype(float).copy()
    if not place:
        return xr.full_like(changed, value)
    coordinates = dict(zip(changed.dims, place, strict=True))
    if any(part not in changed.coords[axis].values for axis, part in coordinates.items()):
        raise SimulationError(f"there is no '{shown(name)}'", remedy="check the element's name")
    changed.loc[coordinates] = value
    return changed


# ---------------------------------------------------------------- results


def _renamed(frame: Any, model: Model, outputs: Any) -> Any:
    """Columns by the names of the file, ``name[element,element]`` for arrays."""
    names, elements = model.translation.names, model.translation.element_names
    columns = []
    for column in map(str, frame.columns):
        head, _, inside = column.partition("[")
        cell = [elements.get(part.strip(), part.strip()) for part in inside.rstrip("]").split(",")]
        columns.append(names.get(head, head) + (f"[{','.join(cell)}]" if inside else ""))
    frame = frame.set_axis(columns, axis=1)
    frame.index.name = "time"
    wanted = [*CONTROLS, *model.names()] if outputs is None else outputs
    keep = set(map(canonical, wanted))
    kept = [
        place
        for place, column in enumerate(columns)
        if canonical(column) in keep or canonical(column.partition("[")[0]) in keep
    ]
    return frame.iloc[:, kept].astype(float)
