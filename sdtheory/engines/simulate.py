"""Run a model once, or over many samples: chooses the engine, resolves names, keeps statuses."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from sdtheory.engines.cells import Cells
from sdtheory.engines.choose import COMPILED, quickest, run_program
from sdtheory.engines.clock import clock
from sdtheory.engines.frames import frame_of, tell_infinite
from sdtheory.engines.graph import Program
from sdtheory.engines.memory import remembered
from sdtheory.engines.program import make_program
from sdtheory.engines.reducers import WORDS, Reducer, reduced
from sdtheory.engines.room import check_room, enough_memory
from sdtheory.engines.settings import SETTING_OF, as_number, given_settings, with_settings
from sdtheory.engines.vectorised import Result
from sdtheory.errors import NotCompiled, SDError, SDWarning, SimulationError, UnknownName, shown
from sdtheory.model.expression import Table, evaluate
from sdtheory.model.model import Constant, Equation, Model, Stock, Variable
from sdtheory.model.model import Lookup as LookupVariable
from sdtheory.model.subscripts import Cell, elements, label, split
from sdtheory.names import canonical, unknown

ENGINES = ("auto", *COMPILED, "vectorised", "reference")
FEW_RUNS = 16  # beyond this a fall back to the reference engine is worth a warning


@enough_memory()
def simulate(
    model: Model,
    changes: Mapping[str, Any] | None = None,
    *,
    engine: str = "auto",
    method: str | None = None,
    start: float | None = None,
    stop: float | None = None,
    time_step: float | None = None,
    save_every: float | None = None,
    outputs: Iterable[str] | None = None,
    seed: int = 0,
) -> Any:
    """Run a model once.

    Parameters
    ----------
    model : Model
    changes : mapping, optional
        Constants and ``name[element]`` to numbers, stocks to initial values, lookups to a `Table` or to
        pairs of (x, y).
    engine : str
        ``auto``, ``compiled`` (machine code), ``compiled-exact`` (with the C library's own mathematics),
        ``vectorised`` (numpy) or ``reference`` (PySD itself).
    method : str, optional
        ``euler`` or ``rk4``; what the file asks for when left out.
    start, stop, time_step, save_every : float, optional
        In place of the file's; `save_every` must be a whole multiple of the time step.
    outputs : iterable of str, optional
        Variables to keep; all when left out.
    seed : int
        Of the model's random functions.

    Returns
    -------
    pandas.DataFrame
        Index ``time``, one column for each variable, ``name[element]`` for arrays.
        ``attrs["engine"]`` says which engine ran.

    Raises
    ------
    UnknownName, SimulationError, ModelError, NotCompiled

    Examples
    --------
    >>> import sdtheory as sd
    >>> run = simulate(sd.load("models/m0_seed.xmile"), {"theorist boost": 0.5}, outputs=["capability"])
    >>> round(float(run.loc[12.0, "capability"]), 4)
    38.4696
    """
    _check_choice(engine, method)
    changed, numbers, tables = with_changes(
        model, changes, method, start=start, stop=stop, time_step=time_step, save_every=save_every
    )
    wanted = None if outputs is None else [output_label(changed, name) for name in outputs]
    program, _ = _choose(changed, engine, list(numbers), wanted)
    if program is None:
        return _by_reference(changed, {**numbers, **tables}, wanted)
    inputs = np.array(list(numbers.values())).reshape(len(numbers), 1)
    result, ran = run_program(program, inputs, engine, seed=seed)
    return frame_of(result, ran)


@enough_memory()
def simulate_many(
    model: Model,
    samples: Any,
    *,
    outputs: Iterable[str],
    engine: str = "auto",
    method: str | None = None,
    start: float | None = None,
    stop: float | None = None,
    time_step: float | None = None,
    save_every: float | None = None,
    reduce: str | Mapping[str, str | Reducer] | None = None,
    seed: int = 0,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | bool = False,
    first_run: int = 0,
) -> Any:
    """Run a model once for each row of a sample.

    Parameters
    ----------
    model : Model
    samples : pandas.DataFrame or mapping of arrays
        Columns are constants, ``name[element]``, or stocks (initial values), all of one length.
    outputs : iterable of str
        Variables to keep.
    reduce : str or mapping, optional
        Keep one number a run instead of the series: a kind of `sdtheory.engines.reducers.Reducer` for all
        outputs, or outputs to kinds, or new names to a `Reducer` of one of the outputs.
    seed : int
        Of the model's random functions; run i has the same numbers whatever the other runs are.
    jobs : int, optional
        Threads to use; results do not depend on it.
    progress : callable or bool
        Called with (runs done, runs in all); True draws a bar on standard error.
    first_run : int
        Number of the first run, when the sample is a part of a larger one; random functions depend on it.

    Returns
    -------
    xarray.Dataset
        Dimensions ``run`` and ``time``, and ``status`` (``ok``, ``diverged``, ``failed``) and ``message``
        for each run. A diverged run's values are NaN from the first bad step on.

    Examples
    --------
    >>> import sdtheory as sd
    >>> model = sd.load("models/m0_seed.xmile")
    >>> runs = simulate_many(model, {"search leverage": [0.5, 1.5, 5.0]}, outputs=["capability"])
    >>> dict(runs.sizes)["run"], str(runs["status"].values[0])
    (3, 'ok')
    """
    import pandas as pd

    _check_choice(engine, method)
    frame = samples if isinstance(samples, pd.DataFrame) else pd.DataFrame(dict(samples))
    runs = len(frame)
    if runs < 1:
        raise SimulationError("the sample has no rows", remedy="give at least one run")
    settings = given_settings({}, start=start, stop=stop, time_step=time_step, save_every=save_every)
    changed = with_settings(model, settings, method)
    labels, inputs = inputs_of(changed, frame)
    wanted = [output_label(changed, name) for name in outputs]
    program, why = _choose(changed, engine, labels, wanted)
    if program is None and runs > FEW_RUNS and engine == "auto":
        warnings.warn(f"{runs} runs on the slow reference engine: {why}", SDWarning, stacklevel=2)
    with _reporter(progress, runs) as report:
        if program is None:
            result, ran = _many_by_reference(changed, labels, inputs, wanted, report), "reference"
            kept = _reducers(changed, reduce, list(result.values))
            result = result if kept is None else _reduced(result, kept.values())
        else:
            kept = _reducers(changed, reduce, list(program.outputs))
            given = None if kept is None else list(kept.values())
            result, ran = run_program(
                program,
                inputs,
                engine,
                reduce=given,
                seed=seed,
                jobs=jobs,
                progress=report,
                first_run=first_run,
            )
    return _dataset(result, kept, ran)


def lasting_engine(model: Model, samples: Any, outputs: Iterable[str]) -> str:
    """The engine for all parts of a sample, which then give the numbers of the whole.

    ``auto`` looks at each call by itself, and at what lies in the cache; engines differ in last digits.

    Examples
    --------
    >>> import sdtheory as sd
    >>> lasting_engine(sd.load("models/m0_seed.xmile"), {"search leverage": [0.5, 1.5]}, ["capability"])
    'vectorised'
    """
    import pandas as pd

    frame = samples if isinstance(samples, pd.DataFrame) else pd.DataFrame(dict(samples))
    labels, inputs = inputs_of(model, frame)
    program, why = _choose(model, "auto", labels, [output_label(model, name) for name in outputs])
    if program is not None:
        return quickest(program, inputs)
    if len(frame) > FEW_RUNS:
        warnings.warn(f"{len(frame)} runs on the slow reference engine: {why}", SDWarning, stacklevel=2)
    return "reference"


def _reducers(
    model: Model, reduce: str | Mapping[str, str | Reducer] | None, outputs: list[str]
) -> dict[str, Reducer] | None:
    """What to reduce, by name in the result."""
    if reduce is None:
        return None
    asked = dict.fromkeys(outputs, reduce) if isinstance(reduce, str) else reduce
    found: dict[str, Reducer] = {}
    for name, how in asked.items():
        if isinstance(how, Reducer):
            found[name] = replace(how, output=output_label(model, how.output))
        elif how not in WORDS:
            raise unknown("reducer", str(how), WORDS)
        else:
            own = output_label(model, name)
            cells = [own] if own in outputs else [one for one in outputs if one.startswith(f"{own}[")]
            found |= {one: Reducer(how, one) for one in cells or [own]}
    return found


def _reduced(result: Result, reducers: Iterable[Reducer]) -> Result:
    values = {one.name: reduced(one, result.times, result.values[one.output]) for one in reducers}
    return replace(result, values=values)


def input_label(model: Model, name: str) -> str:
    """A constant, stock or one of their cells, as the file spells it.

    Raises
    ------
    UnknownName
        When there is no such variable or element.
    SimulationError
        When the model computes the variable.
    """
    head, cell = split(name)
    if canonical(head) in SETTING_OF:
        raise SimulationError(
            f"{canonical(head).upper()} is the same in every run",
            remedy=f"pass {SETTING_OF[canonical(head)]}=",
        )
    variable = model[head]
    if isinstance(variable, LookupVariable):
        raise SimulationError(f"'{shown(variable.name)}' is a lookup", remedy="give its points to `simulate`")
    if not isinstance(variable, Constant | Stock):
        raise SimulationError(
            f"'{shown(variable.name)}' is computed by the model",
            remedy="change a constant or an initial value, or make a policy that replaces its equation",
        )
    return label(variable.name, _cell(model, variable, cell) if cell else ())


def output_label(model: Model, name: str) -> str:
    """A variable or cell as the file spells it; UnknownName suggests the nearest."""
    head, cell = split(name)
    if canonical(name) in model.variables:
        return model[name].name
    if canonical(head) in SETTING_OF:
        return canonical(head).upper()
    variable = model[head]
    return label(variable.name, _cell(model, variable, cell) if cell else ())


def _cell(model: Model, variable: Variable, cell: Cell) -> Cell:
    try:
        return Cells(model).named(variable, cell)
    except NotCompiled as error:
        raise SimulationError(error.message) from None


def with_changes(
    model: Model, changes: Mapping[str, Any] | None, method: str | None = None, **settings: float | None
) -> tuple[Model, dict[str, float], dict[str, Table]]:
    """A model with other settings and lookups, the numbers to give it as inputs, and the lookups.

    Parameters
    ----------
    model : Model
    changes, method, settings
        As of `simulate`.
    """
    given = dict(changes or {})
    found = given_settings(given, **settings)
    changed, tables = _with_lookups(with_settings(model, found, method), given)
    numbers = {input_label(changed, name): as_number(name, value) for name, value in given.items()}
    if len(numbers) < len(given):
        _refuse_twice([input_label(changed, name) for name in given])
    return changed, numbers, tables


def inputs_of(model: Model, frame: Any) -> tuple[list[str], np.ndarray]:
    """The columns of a sample as the model spells them, and it as an array (parameters, runs) of finite numbers."""
    labels = [input_label(model, str(column)) for column in frame.columns]
    _refuse_twice(labels)
    columns = []
    for name, column in zip(labels, frame.columns, strict=True):
        try:
            values = frame[column].to_numpy(dtype=float)
        except (TypeError, ValueError):
            raise SimulationError(
                f"the sample of '{shown(name)}' holds something that is no number"
            ) from None
        if not np.isfinite(values).all():
            row = int(np.flatnonzero(~np.isfinite(values))[0])
            raise SimulationError(f"the sample of '{shown(name)}' is {values[row]:g} in row {row}")
        columns.append(values)
    return labels, np.array(columns).reshape(len(labels), len(frame))


def _check_choice(engine: str, method: str | None) -> None:
    if engine not in ENGINES:
        raise unknown("engine", engine, ENGINES)
    if method not in (None, "euler", "rk4"):
        raise unknown("method", str(method), ("euler", "rk4"))


def _with_lookups(model: Model, changes: dict[str, Any]) -> tuple[Model, dict[str, Table]]:
    """The model with the lookups among the changes replaced, and these; `changes` loses them."""
    variables = dict(model.variables)
    tables: dict[str, Table] = {}
    for name in list(changes):
        head, cell = split(name)
        variable = variables.get(canonical(head))
        if not isinstance(variable, LookupVariable):
            continue
        table = _table(name, changes.pop(name))
        own = label(variable.name, _cell(model, variable, cell) if cell else ())
        _refuse_twice([*tables, own])
        tables[own] = table
        if cell:
            equations = (*variable.equations, Equation(table, _cell(model, variable, cell)))
        else:
            equations = tuple(replace(equation, expression=table) for equation in variable.equations)
        variables[canonical(head)] = replace(variable, equations=equations)
    return (replace(model, variables=variables) if tables else model), tables


def _table(name: str, value: Any) -> Table:
    try:
        table = value if isinstance(value, Table) else Table(*zip(*value, strict=True))  # type: ignore[arg-type]
        points = np.array([table.x, table.y], dtype=float)
    except (TypeError, ValueError):
        raise SimulationError(
            f"'{shown(name)}' is a lookup", remedy="give its points as (x, y) pairs"
        ) from None
    if not np.isfinite(points).all() or (np.diff(points[0]) <= 0).any():
        raise SimulationError(f"the points of '{shown(name)}' must be finite, with x ascending")
    return Table(tuple(map(float, points[0])), tuple(map(float, points[1])), table.kind)


def _refuse_twice(labels: list[str]) -> None:
    twice = [name for place, name in enumerate(labels) if name in labels[:place]]
    if twice:
        raise SimulationError(f"'{shown(twice[0])}' is given twice")


def _choose(
    model: Model, engine: str, parameters: list[str], wanted: list[str] | None
) -> tuple[Program | None, str]:
    """The program to run, or None and the reason why only the reference engine can."""
    if engine == "reference":
        return None, ""
    try:
        return _program(model, tuple(parameters), None if wanted is None else tuple(wanted)), ""
    except NotCompiled as error:
        if engine != "auto":
            raise
        return None, str(error)


@remembered
def _program(model: Model, parameters: tuple[str, ...], outputs: tuple[str, ...] | None) -> Program:
    return make_program(model, parameters=parameters, outputs=outputs)


def _by_reference(model: Model, changes: Mapping[str, Any], wanted: list[str] | None) -> Any:
    from sdtheory.engines.reference import run_reference

    _check_grid(model, 1, wanted)
    frame = run_reference(model, changes, outputs=wanted)
    frame.attrs["engine"] = "reference"
    tell_infinite(frame)
    return frame


def _check_grid(model: Model, runs: int, wanted: list[str] | None) -> None:
    """Refuse, before the reference engine starts, a grid whose rows it would leave out or have no room for."""
    settings = model.settings
    trees = (settings.start, settings.stop, settings.time_step, settings.save_every)
    try:
        values = {"time step": evaluate(settings.time_step, {})}
        found = clock(*(float(evaluate(tree, values)) for tree in trees), limits=model.limits)
    except (UnknownName, NotCompiled):
        return  # computed from variables: the engine's own affair
    columns = sum(_width(model, variable) for variable in model) if wanted is None else len(wanted)
    check_room(columns, runs, len(range(0, found.steps + 1, found.stride)), model.limits)


def _width(model: Model, variable: Variable) -> int:
    return math.prod(len(elements(model, dimension)) for dimension in variable.dimensions)


def _many_by_reference(
    model: Model, labels: list[str], inputs: np.ndarray, wanted: list[str], report: Any
) -> Result:
    from sdtheory.engines.reference import run_reference

    _check_grid(model, inputs.shape[1], wanted)
    frames: list[Any] = []
    status, message = [], []
    for run in range(inputs.shape[1]):
        try:
            frame = run_reference(model, dict(zip(labels, inputs[:, run], strict=True)), outputs=wanted)
            finite = bool(np.isfinite(frame.to_numpy(dtype=float)).all())
            frames.append(frame)
            status.append("ok" if finite else "diverged")
            message.append("" if finite else "a value is not finite")
        except SDError as error:
            if run == 0:
                raise
            frames.append(None)
            status.append("failed")
            message.append(str(error))
        if report is not None:
            report(run + 1)
    first = frames[0]
    empty = np.full(len(first), np.nan)
    values = {
        str(name): np.stack([empty if frame is None else frame[name].to_numpy() for frame in frames])
        for name in first.columns
    }
    return Result(
        first.index.to_numpy(), values, np.array(status, dtype=object), np.array(message, dtype=object)
    )


def _dataset(result: Result, kept: Mapping[str, Reducer] | None, engine: str) -> Any:
    import xarray as xr

    data: dict[str, Any]
    coords: dict[str, Any] = {"run": np.arange(len(result.status))}
    if kept is None:
        data = {name: (("run", "time"), values) for name, values in result.values.items()}
        coords["time"] = result.times
    else:
        data = {name: ("run", result.values[one.name]) for name, one in kept.items()}
    data["status"] = ("run", result.status.astype(str))
    # texts of one width would each take as much room as the longest
    data["message"] = ("run", result.message)
    return xr.Dataset(data, coords=coords, attrs={"engine": engine})


@contextmanager
def _reporter(
    progress: Callable[[int, int], None] | bool, runs: int
) -> Iterator[Callable[[int], None] | None]:
    """What to call with the number of runs done."""
    if callable(progress):
        yield lambda done: progress(done, runs)
    elif not progress:
        yield None
    else:
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("runs", total=runs)
            yield lambda done: bar.update(task, completed=done)
