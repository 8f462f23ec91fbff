"""Run a model once, or over many samples: chooses the engine, resolves names, keeps statuses."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from sdtheory.engines.program import Program, make_program, split
from sdtheory.engines.vectorised import Result, run_vectorised
from sdtheory.errors import NotCompiled, SDWarning, SimulationError, UsageError, shown
from sdtheory.model.expression import Number, Table
from sdtheory.model.model import Constant, Model, Stock
from sdtheory.model.model import Lookup as LookupVariable
from sdtheory.names import canonical, unknown

ENGINES = ("auto", "vectorised", "reference")
FEW_RUNS = 16  # beyond this a fall back to the reference engine is worth a warning
REDUCERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "final": lambda values: values[:, -1],
    "mean": lambda values: values.mean(axis=1),
    "minimum": lambda values: values.min(axis=1),
    "maximum": lambda values: values.max(axis=1),
}


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
) -> Any:
    """Run a model once.

    Parameters
    ----------
    model : Model
    changes : mapping, optional
        Constants and ``name[element]`` to numbers, stocks to initial values, lookups to a `Table` or to
        pairs of (x, y).
    engine : str
        ``auto``, ``vectorised`` or ``reference`` (PySD itself).
    method : str, optional
        ``euler`` or ``rk4``; what the file asks for when left out.
    start, stop, time_step, save_every : float, optional
        In place of the file's; `save_every` must be a whole multiple of the time step.
    outputs : iterable of str, optional
        Variables to keep; all when left out.

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
    import pandas as pd

    _check_choice(engine, method)
    changed = _with_settings(_with_lookups(model, changes or {}), start, stop, time_step, save_every, method)
    numbers = _numbers(changed, changes or {})
    wanted = None if outputs is None else [_spelled(changed, name) for name in outputs]
    chosen, _ = _choose(changed, engine, numbers, wanted)
    if chosen is None:
        return _by_reference(changed, changes or {}, numbers, wanted)
    inputs = np.array([[float(value)] for value in numbers.values()]).reshape(len(numbers), 1)
    result = run_vectorised(chosen, inputs)
    frame = pd.DataFrame(
        {name: values[0] for name, values in result.values.items()}, index=pd.Index(result.times, name="time")
    )
    frame.attrs["engine"] = "vectorised"
    if result.status[0] != "ok":
        frame.attrs["status"] = result.status[0]
        warnings.warn(f"the run diverged: {result.message[0]}", SDWarning, stacklevel=2)
    return frame


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
    reduce: str | None = None,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | bool = False,
) -> Any:
    """Run a model once for each row of a sample.

    Parameters
    ----------
    model : Model
    samples : pandas.DataFrame or mapping of arrays
        Columns are constants, ``name[element]``, or stocks (initial values), all of one length.
    outputs : iterable of str
        Variables to keep.
    reduce : str, optional
        ``final``, ``mean``, ``minimum`` or ``maximum``: keep one number a run instead of the series.
    jobs : int, optional
        Threads to use; results do not depend on it.
    progress : callable or bool
        Called with (runs done, runs in all); True draws a bar on standard error.

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
    if reduce is not None and reduce not in REDUCERS:
        raise unknown("reducer", reduce, REDUCERS)
    frame = samples if isinstance(samples, pd.DataFrame) else pd.DataFrame(dict(samples))
    runs = len(frame)
    if runs < 1:
        raise SimulationError("the sample has no rows", remedy="give at least one run")
    changed = _with_settings(model, start, stop, time_step, save_every, method)
    labels = [_input_label(changed, str(column)) for column in frame.columns]
    _refuse_twice(labels)
    wanted = [_spelled(changed, name) for name in outputs]
    program, reason = _choose(changed, engine, dict.fromkeys(labels, 0.0), wanted)
    report = _reporter(progress, runs)
    inputs = frame.to_numpy(dtype=float).T.reshape(len(labels), runs)
    if not np.isfinite(inputs).all():
        raise SimulationError("the sample holds values that are not finite")
    if program is None:
        if runs > FEW_RUNS and engine == "auto":
            warnings.warn(f"{runs} runs on the slow reference engine: {reason}", SDWarning, stacklevel=2)
        result = _many_by_reference(changed, labels, inputs, wanted, report)
    else:
        result = run_vectorised(program, inputs, progress=report)
    return _dataset(result, reduce, "reference" if program is None else "vectorised")


def _check_choice(engine: str, method: str | None) -> None:
    if engine in ("compiled", "compiled-exact"):
        raise UsageError(
            f"the engine '{engine}' is not part of this version", remedy="use 'auto' or 'vectorised'"
        )
    if engine not in ENGINES:
        raise unknown("engine", engine, ENGINES)
    if method not in (None, "euler", "rk4"):
        raise unknown("method", str(method), ("euler", "rk4"))


def _with_settings(
    model: Model,
    start: float | None,
    stop: float | None,
    time_step: float | None,
    save_every: float | None,
    method: str | None,
) -> Model:
    given = {"start": start, "stop": stop, "time_step": time_step, "save_every": save_every}
    fields: dict[str, Any] = {
        word: Number(float(value)) for word, value in given.items() if value is not None
    }
    if time_step is not None and save_every is None and model.settings.save_every == model.settings.time_step:
        fields["save_every"] = Number(float(time_step))
    if method is not None:
        fields["method"] = method
    if not fields:
        return model
    words = {"start": "initial time", "stop": "final time", "time_step": "time step", "save_every": "saveper"}
    variables = dict(model.variables)
    for word, key in words.items():
        if word in fields and key in variables:
            own = variables[key]
            variables[key] = replace(own, equations=(replace(own.equations[0], expression=fields[word]),))
    return replace(model, settings=replace(model.settings, **fields), variables=variables)


def _with_lookups(model: Model, changes: Mapping[str, Any]) -> Model:
    variables = dict(model.variables)
    for name, value in changes.items():
        head, cell = split(name)
        variable = variables.get(canonical(head))
        if isinstance(variable, LookupVariable):
            if isinstance(value, int | float):
                raise SimulationError(f"'{shown(name)}' is a lookup", remedy="give its points")
            table = value if isinstance(value, Table) else _table(value)
            equations = tuple(
                replace(equation, expression=table) if not cell or equation.subscripts == cell else equation
                for equation in variable.equations
            )
            variables[canonical(head)] = replace(variable, equations=equations)
    return replace(model, variables=variables)


def _table(points: Any) -> Table:
    x, y = zip(*((float(a), float(b)) for a, b in points), strict=True)
    return Table(x, y)


def _numbers(model: Model, changes: Mapping[str, Any]) -> dict[str, float]:
    numbers = {}
    for name, value in changes.items():
        if isinstance(model.variables.get(canonical(split(name)[0])), LookupVariable):
            continue
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise SimulationError(f"the value of '{shown(name)}' is not a number: {shown(value)}") from None
        if not np.isfinite(number):
            raise SimulationError(f"the value of '{shown(name)}' is not finite")
        numbers[_input_label(model, name)] = number
    _refuse_twice(
        [_input_label(model, name) for name in changes if name in changes and _is_number_input(model, name)]
    )
    return numbers


def _is_number_input(model: Model, name: str) -> bool:
    return not isinstance(model.variables.get(canonical(split(name)[0])), LookupVariable)


def _refuse_twice(labels: list[str]) -> None:
    twice = {label for label in labels if labels.count(label) > 1}
    if twice:
        raise SimulationError(f"'{shown(sorted(twice)[0])}' is given twice")


def _input_label(model: Model, name: str) -> str:
    head, cell = split(name)
    variable = model[head]
    if not isinstance(variable, Constant | Stock):
        raise SimulationError(
            f"'{shown(variable.name)}' is computed by the model",
            remedy="change a constant or an initial value, or make a policy that replaces its equation",
        )
    if cell and len(cell) != len(variable.dimensions):
        raise SimulationError(
            f"'{shown(variable.name)}' has {len(variable.dimensions)} dimensions, not {len(cell)}"
        )
    return f"{variable.name}[{','.join(cell)}]" if cell else variable.name


def _spelled(model: Model, name: str) -> str:
    head, cell = split(name)
    if canonical(name) in model.variables:
        return model[name].name
    own = model[head].name
    return f"{own}[{','.join(cell)}]" if cell else own


def _choose(
    model: Model, engine: str, numbers: Mapping[str, Any], wanted: list[str] | None
) -> tuple[Program | None, str]:
    """The program to run, or None and the reason why only the reference engine can."""
    if engine == "reference":
        return None, ""
    try:
        return make_program(model, parameters=numbers, outputs=wanted), ""
    except NotCompiled as error:
        if engine == "vectorised":
            raise
        return None, str(error)


def _by_reference(model: Model, changes: Mapping[str, Any], numbers: Mapping[str, float], wanted: Any) -> Any:
    from sdtheory.engines.reference import run_reference

    tables = {
        name: model[name].equations[0].expression
        for name in changes
        if isinstance(model.variables.get(canonical(name)), LookupVariable)
    }
    frame = run_reference(model, {**numbers, **tables}, outputs=wanted)
    frame.attrs["engine"] = "reference"
    return frame


def _many_by_reference(
    model: Model, labels: list[str], inputs: np.ndarray, wanted: list[str], report: Any
) -> Result:
    from sdtheory.engines.reference import run_reference
    from sdtheory.errors import SDError

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


def _dataset(result: Result, reduce: str | None, engine: str) -> Any:
    import xarray as xr

    if reduce is None:
        data: dict[str, Any] = {name: (("run", "time"), values) for name, values in result.values.items()}
        coords = {"run": np.arange(len(result.status)), "time": result.times}
    else:
        data = {name: ("run", REDUCERS[reduce](values)) for name, values in result.values.items()}
        coords = {"run": np.arange(len(result.status))}
    data["status"] = ("run", result.status.astype(str))
    data["message"] = ("run", result.message.astype(str))
    return xr.Dataset(data, coords=coords, attrs={"engine": engine})


def _reporter(progress: Callable[[int, int], None] | bool, runs: int) -> Callable[[int], None] | None:
    if callable(progress):
        return lambda done: progress(done, runs)
    if not progress:
        return None
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task("runs", total=runs)
    bar.start()

    def report(done: int) -> None:
        bar.update(task, completed=done)
        if done >= runs:
            bar.stop()

    return report
