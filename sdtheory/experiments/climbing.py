"""One experiment on many models: what each has of it, the same futures for all, and what must match."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from sdtheory.errors import ExperimentError, UnknownName
from sdtheory.experiments.comparison import Comparison
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.formula import read_formula
from sdtheory.experiments.ladder_file import Ladder, Match, Rung
from sdtheory.experiments.measurement import Measurement
from sdtheory.experiments.metric import Metric, quantity_over_time
from sdtheory.experiments.points import array_columns, completed
from sdtheory.experiments.policy import (
    Change,
    EquationChange,
    LookupChange,
    Policy,
    apply,
    faults,
    split_element,
)
from sdtheory.experiments.uncertainty import draw
from sdtheory.model.expression import Expression, Name, references, substitute
from sdtheory.model.model import Model
from sdtheory.names import canonical, unknown

NUDGE = 1e-4  # of a stock, for its elasticities


@dataclass(frozen=True)
class Step:
    """A rung made ready: its model, the part of the experiment that it has, and its inputs.

    Attributes
    ----------
    rung : Rung
    model : Model
    experiment : Experiment
        Without what the model lacks, and with aliases read.
    absent : tuple of str
        What was left out, in words.
    samples : pandas.DataFrame
    inputs : mapping of name to array, shape (futures,)
    """

    rung: Rung
    model: Model
    experiment: Experiment
    absent: tuple[str, ...]
    samples: pd.DataFrame
    inputs: Mapping[str, np.ndarray]


def ready(ladder: Ladder, runs: int, seed: int) -> list[Step]:
    """Every rung with its part of one sample of futures.

    Raises
    ------
    ExperimentError
        When an uncertainty, policy or metric is on no rung.
    """
    from sdtheory.translate import load

    models = [rung.model if isinstance(rung.model, Model) else load(rung.model) for rung in ladder.rungs]
    parts = [_part(ladder.experiment, rung, model) for rung, model in zip(ladder.rungs, models, strict=True)]
    _refuse_homeless(ladder.experiment, [absent for _, absent in parts], [rung.name for rung in ladder.rungs])
    elements: dict[str, list[str]] = {}
    for model, (own, _) in zip(models, parts, strict=True):
        elements = {**array_columns(model, own), **elements}
    whole = ladder.experiment
    columns = draw(
        whole.uncertainties,
        elements,
        whole.method,
        runs,
        seed,
        whole.correlations,
        whole.levels,
        whole.columns,
    )
    found = []
    for rung, model, (own, absent) in zip(ladder.rungs, models, parts, strict=True):
        names = {canonical(one) for u in own.uncertainties for one in elements.get(u.name, [u.name])}
        renamed = {_aliased(rung, model, name): values for name, values in columns.items()}
        mine = {name: values for name, values in renamed.items() if canonical(name) in names}
        samples, inputs = completed(model, own, mine, runs)
        found.append(Step(rung, model, own, tuple(absent), samples, inputs))
    return found


def _aliased(rung: Rung, model: Model, name: str) -> str:
    """The name that the rung uses for a variable, with its elements if any."""
    head, elements = split_element(name)
    if head in model:
        return name
    instead = {canonical(one): other for one, other in rung.alias.items()}.get(canonical(head), head)
    return f"{instead}[{','.join(elements)}]" if elements else instead


def _part(experiment: Experiment, rung: Rung, model: Model) -> tuple[Experiment, list[str]]:
    """The experiment as a rung can follow it, and what it lacks, in words."""
    absent: list[str] = []

    def has(name: str) -> bool:
        return _fits(model, name)

    # where single elements of an array are given, what is given for the whole of it is for other rungs
    given = [*(u.name for u in experiment.uncertainties if not u.free), *experiment.derived]
    own_names = [_aliased(rung, model, name) for name in given]
    by_element = {canonical(split_element(one)[0]) for one in own_names if "[" in one and has(one)}
    uncertainties = []
    for uncertainty in experiment.uncertainties:
        own = replace(uncertainty, name=_aliased(rung, model, uncertainty.name))
        if own.free or (has(own.name) and canonical(own.name) not in by_element):
            uncertainties.append(own)
        else:
            absent.append(f"uncertainty '{uncertainty.name}'")
    free = {canonical(u.name) for u in uncertainties if u.free}
    derived: dict[str, Expression] = {}
    targets = {canonical(name) for name in experiment.derived}
    for name, tree in experiment.derived.items():
        own_name, own_tree = _aliased(rung, model, name), _renamed(rung, model, tree)
        reads = [_column(part) for part in references(own_tree)]
        lacking = [one for one in reads if not has(one) and canonical(one) not in free | targets]
        if has(own_name) and canonical(own_name) not in by_element and not lacking:
            derived[own_name] = own_tree
        else:
            absent.append(f"derived quantity '{name}'")
    policies = []
    for policy in experiment.policies:
        changed = _renamed_policy(rung, model, policy)
        remade = changed.structure or any(isinstance(one, EquationChange) for one in changed.changes)
        if not faults(changed, model) if remade else all(has(name) for name in _touched(changed)):
            policies.append(changed)
        else:
            absent.append(f"policy '{policy.name}'")
    own_experiment = replace(
        experiment,
        uncertainties=tuple(uncertainties),
        derived=derived,
        policies=tuple(policies),
        baseline=_renamed_policy(rung, model, experiment.baseline),
        # correlations shaped the one sample that all rungs share
        correlations=(),
    )
    metrics = _metrics(own_experiment, rung, model)
    kept = {canonical(metric.name) for metric in metrics}
    absent += [f"metric '{m.name}'" for m in experiment.metrics if canonical(m.name) not in kept]
    return replace(own_experiment, metrics=metrics), absent


def _fits(model: Model, name: str) -> bool:
    """Whether the model has the variable and, if elements are given, as many dimensions."""
    head, elements = split_element(name)
    return head in model and (not elements or len(elements) == len(model[head].dimensions))


def _renamed(rung: Rung, model: Model, tree: Expression) -> Expression:
    return substitute(tree, lambda part: Name(_aliased(rung, model, part.name), part.subscripts))


def _renamed_policy(rung: Rung, model: Model, policy: Policy) -> Policy:
    def change(one: Change) -> Change:
        own: Change = replace(one, variable=_aliased(rung, model, one.variable))
        if isinstance(own, LookupChange) and canonical(own.of) != "time":
            return replace(own, of=_aliased(rung, model, own.of))
        return own

    values = {_aliased(rung, model, name): value for name, value in policy.set.items()}
    return replace(policy, set=values, changes=tuple(change(one) for one in policy.changes))


def _touched(policy: Policy) -> list[str]:
    """The variables that a policy names."""
    names = [*policy.set]
    for change in policy.changes:
        names.append(change.variable)
        if isinstance(change, LookupChange) and canonical(change.of) != "time":
            names.append(change.of)
    return names


def _metrics(experiment: Experiment, rung: Rung, model: Model) -> tuple[Metric, ...]:
    """The metrics that the rung has all variables, level policies and parts of."""
    policies = {canonical(one.name) for one in (experiment.baseline, *experiment.policies)}
    found: dict[str, Metric] = {}
    for metric in experiment.metrics:
        level = metric.level
        if level is not None and level.variable:
            level = replace(level, variable=_aliased(rung, model, level.variable))
            if canonical(level.policy) not in policies:
                continue
        own = replace(
            metric,
            quantity=None if metric.quantity is None else _renamed(rung, model, metric.quantity),
            trigger=_aliased(rung, model, metric.trigger) if metric.trigger else "",
            level=level,
        )
        if all(_fits(model, name) for name in own.variables()):
            found[canonical(metric.name)] = own
    while True:
        lacking = [
            key
            for key, metric in found.items()
            if metric.expression is not None
            and any(canonical(part.name) not in found for part in references(metric.expression))
        ]
        if not lacking:
            return tuple(found.values())
        for key in lacking:
            del found[key]


def _refuse_homeless(experiment: Experiment, absent: Sequence[Sequence[str]], rungs: Sequence[str]) -> None:
    """What no rung has is a mistake, or the ladder says nothing about it."""
    missing = [what for what in absent[0] if all(what in own for own in absent)]
    faults = [f"no rung ({', '.join(rungs)}) has the variables of {what}" for what in missing]
    if faults:
        raise ExperimentError("\n".join(faults), file=experiment.file or None)


class Climber:
    """A rung whose policies are compared again and again, in the futures that all rungs share.

    Parameters
    ----------
    step : Step
    runs, seed : int
    jobs : int, optional
    times : int
        How often it will be compared.
    """

    def __init__(self, step: Step, runs: int, seed: int, jobs: int | None, times: int):
        self.step, self.runs, self.seed, self.jobs, self.times = step, runs, seed, jobs, times
        self._measurements: dict[tuple[str, ...], Measurement] = {}

    def compared(self, inputs: Mapping[str, np.ndarray] | None = None) -> Comparison:
        """The policies in the shared futures, or in these with other inputs."""
        own = self.step.inputs if inputs is None else inputs
        experiment = self.step.experiment
        policies = (experiment.baseline, *experiment.policies)
        names = [metric.name for metric in experiment.metrics]
        key = tuple(sorted(own))
        if key not in self._measurements:
            expected = self.runs * self.times
            self._measurements[key] = Measurement(
                self.step.model, experiment, policies, names, key, expected=expected, seed=self.seed,
                jobs=self.jobs,
            )  # fmt: skip
        measured = self._measurements[key].measure(own, (1, self.runs))
        return Comparison(
            experiment=experiment,
            policies=tuple(policy.name for policy in policies),
            values={name: measured.values[name][:, 0] for name in names},
            status=measured.status[:, 0],
            samples=self.step.samples,
            seed=self.seed,
            model_name=self.step.model.name,
        )


def matches(ladder: Ladder, steps: Sequence[Step], runs: int, seed: int) -> pd.DataFrame:
    """Each matched quantity on each rung at the start time, with default values and in every future.

    Returns
    -------
    pandas.DataFrame
        Columns quantity, rung, value and first (with default values, here and on the first rung), deviation
        (the largest relative one, over defaults and futures), future (where it differs; -1 for the defaults),
        there and first_there (the two values there), relative, agrees.
    """
    rows = []
    for match in ladder.matches:
        first = None
        for step in steps:
            own = _at_start(match, step, runs, seed)
            first = own if first is None else first
            with np.errstate(all="ignore"):
                apart = np.abs(own - first) / np.maximum(np.abs(first), 1e-300)
            # what is no number on both sides does not agree either
            apart = np.where(own == first, 0.0, np.where(np.isnan(apart), math.inf, apart))
            # the defaults are the easiest to look into, so they are named when they differ too
            worst = 0 if apart[0] > match.relative else int(apart.argmax())
            rows.append(
                {
                    "quantity": match.name(),
                    "rung": step.rung.name,
                    "value": float(own[0]),
                    "first": float(first[0]),
                    "deviation": float(apart.max()),
                    "future": worst - 1,
                    "there": float(own[worst]),
                    "first_there": float(first[worst]),
                    "relative": match.relative,
                    "agrees": bool(apart.max() <= match.relative),
                }
            )
    columns = ["quantity", "rung", "value", "first", "deviation", "future", "there", "first_there"]
    return pd.DataFrame(rows, columns=[*columns, "relative", "agrees"])


def _at_start(match: Match, step: Step, runs: int, seed: int) -> np.ndarray:
    """The quantity with default values, then in every future."""
    text, to = match.on(step.rung.name)
    tree = _renamed(step.rung, step.model, read_formula(text))
    stock = _aliased(step.rung, step.model, to) if to else ""
    for name in [*(part.name for part in references(tree)), *([stock] if stock else [])]:
        if name not in step.model:
            fault = unknown("variable", name, step.model.names())
            raise UnknownName(f"match '{match.name()}' on rung {step.rung.name}: {fault}")
    model = apply(step.experiment.baseline, step.model)
    set_names = {canonical(name) for name in step.experiment.baseline.set}
    inputs = {name: values for name, values in step.inputs.items() if canonical(name) not in set_names}
    samples = [({}, 1), (inputs, runs)]
    return np.concatenate([_start_value(model, tree, stock, own, count, seed) for own, count in samples])


def _start_value(
    model: Model, tree: Expression, stock: str, inputs: Mapping[str, np.ndarray], runs: int, seed: int
) -> np.ndarray:
    names = list(dict.fromkeys([*(_column(part) for part in references(tree)), *([stock] if stock else [])]))

    def first_row(changes: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        from sdtheory.engines.settings import with_settings
        from sdtheory.engines.simulate import simulate_many
        from sdtheory.model.expression import evaluate

        settings = model.settings
        begin = float(evaluate(settings.start, {}))
        end = begin + float(evaluate(settings.time_step, {}))
        short = with_settings(model, {"stop": end, "save_every": end - begin})
        frame = pd.DataFrame({**inputs, **changes}, index=range(runs))
        data = simulate_many(short, frame, outputs=names, seed=seed)
        columns = [str(name) for name in data.data_vars if "time" in data[name].dims]
        return {name: data[name].to_numpy()[:, :1] for name in columns}

    def quantity(columns: Mapping[str, np.ndarray]) -> np.ndarray:
        by_key = {canonical(name): values for name, values in columns.items()}
        return quantity_over_time(tree, np.zeros(1), by_key)[:, 0]

    base = first_row({})
    if not stock:
        return quantity(base)
    cells = [name for name in base if canonical(split_element(name)[0]) == canonical(split_element(stock)[0])]
    low, high = (
        quantity(first_row({name: base[name][:, 0] * factor for name in cells}))
        for factor in (1 - NUDGE, 1 + NUDGE)
    )
    with np.errstate(all="ignore"):
        return (np.log(high) - np.log(low)) / (np.log1p(NUDGE) - np.log1p(-NUDGE))


def _column(name: Name) -> str:
    return f"{name.name}[{','.join(name.subscripts)}]" if name.subscripts else name.name
