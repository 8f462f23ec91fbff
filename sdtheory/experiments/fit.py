"""Whether an experiment fits a model: what is wrong, and what may not be what was meant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from sdtheory.engines.settings import with_settings
from sdtheory.engines.simulate import output_label
from sdtheory.errors import SDError, shown
from sdtheory.experiments.faults import Faults, mentioned
from sdtheory.experiments.metric import Metric
from sdtheory.experiments.policy import (
    EquationChange,
    LookupChange,
    Policy,
    Pulse,
    Ramp,
    Step,
    apply,
    faults,
    split_element,
)
from sdtheory.experiments.structure import Addition, Remove, Rename, restructured
from sdtheory.experiments.uncertainty import MOST_POINTS, Uncertainty, grid_size
from sdtheory.model.expression import Number, Table, references
from sdtheory.model.model import Auxiliary, Constant, Flow, Lookup, Model, Stock
from sdtheory.model.subscripts import coverage
from sdtheory.names import canonical
from sdtheory.translate.structure import cycle, trail

if TYPE_CHECKING:
    from sdtheory.experiments.experiment import Experiment


class Fit(Faults):
    """An experiment beside a model.

    Parameters
    ----------
    experiment : Experiment
    model : Model
    """

    def __init__(self, experiment: Experiment, model: Model):
        super().__init__(experiment.file, experiment.text)
        settings = dict(experiment.simulation)
        self.experiment = experiment
        self.model = with_settings(model, settings, settings.pop("method", None))
        clock = self.model.settings
        trees = (clock.start, clock.stop, clock.time_step)
        numbers = [tree.value if isinstance(tree, Number) else None for tree in trees]
        self.start, self.stop, self.step = numbers
        self.policies = (experiment.baseline, *experiment.policies)

    def within(self, time: float) -> bool:
        """Whether a time lies in the run, as far as the run's times are known."""
        slack = 1e-9 * max(abs(time), 1.0)
        return (self.start is None or time >= self.start - slack) and (
            self.stop is None or time <= self.stop + slack
        )

    # what is wrong

    def check(self) -> list[str]:
        """Every way in which the experiment does not fit the model, each with its line where known."""
        self.check_sampling()
        for policy in self.policies:
            self.check_policy(policy)
        for uncertainty in self.experiment.uncertainties:
            self.check_uncertainty(uncertainty)
        self.check_derived()
        for metric in self.experiment.metrics:
            self.check_metric(metric)
        for kind, names in (
            ("policies", [one.name for one in self.policies]),
            ("metrics", [one.name for one in self.experiment.metrics]),
            ("uncertainties", [one.name for one in self.experiment.uncertainties]),
        ):
            keys = [canonical(name) for name in names]
            for name in {name for name in names if keys.count(canonical(name)) > 1}:
                self.fault(f"there are two {kind} named '{shown(name)}'", name)
        return self.faults

    def check_sampling(self) -> None:
        experiment = self.experiment
        count = grid_size(experiment.uncertainties, experiment.levels) if experiment.method == "grid" else 0
        if count > MOST_POINTS:
            self.fault(f"the grid has {count:,} points; the limit is {MOST_POINTS:,}", "[sampling]", "levels")
        if experiment.correlations and experiment.method in ("grid", "file"):
            self.fault(
                f"correlations mean nothing where futures are a {experiment.method}", "[correlation]", "pairs"
            )
        if experiment.method == "file" and not experiment.columns:
            self.fault("the file of futures has no columns", "[sampling]", "path")

    def check_policy(self, policy: Policy) -> None:
        place = self.entry(policy.name)
        found = faults(policy, self.model)
        for fault in found:
            self.fault(fault, place, mentioned(fault.removeprefix(f"policy '{policy.name}'")))
        for change in policy.changes:
            where = (place, change.variable)
            if isinstance(change, Pulse) and self.step is not None and change.width < self.step * (1 - 1e-9):
                self.fault(
                    f"policy '{policy.name}': the pulse of '{change.variable}' lasts {change.width:g}, less than "
                    f"the time step of {self.step:g}, and would be missed",
                    *where,
                )
            if isinstance(change, LookupChange) and change.outside == "error" and not self.covers(change):
                self.fault(
                    f"policy '{policy.name}': the points of '{change.variable}' do not cover the run, and "
                    'outside is "error"',
                    *where,
                )
        self.check_cells(policy, place)
        gone = {canonical(one.old if isinstance(one, Rename) else one.name)
                for one in policy.structure if isinstance(one, Rename | Remove)}  # fmt: skip
        for metric in self.experiment.metrics if not found else ():
            for name in metric.variables():
                if canonical(split_element(name)[0]) in gone:
                    text = f"policy '{policy.name}' leaves no '{name}', which metric '{metric.name}' measures"
                    self.fault(text, place)

    def check_cells(self, policy: Policy, place: str) -> None:
        """Initial values of an array are sampled whole, or set one by one, and not both."""
        whole = {canonical(one.name) for one in self.experiment.uncertainties if not one.free}
        for name in policy.set:
            head, elements = split_element(name)
            variable = self.model.variables.get(canonical(head))
            if isinstance(variable, Stock) and elements and canonical(head) in whole:
                text = f"policy '{policy.name}' sets '{name}', and the whole of '{variable.name}' is sampled"
                self.fault(f"{text}; sample its elements", place, name)

    def covers(self, change: LookupChange) -> bool:
        """Whether a graph over time has points for all times of the run."""
        if canonical(change.of) != "time" or self.start is None or self.stop is None:
            return True
        return change.points[0][0] <= self.start and self.stop <= change.points[-1][0]

    def check_uncertainty(self, uncertainty: Uncertainty) -> None:
        if uncertainty.free:
            return
        head, elements = split_element(uncertainty.name)
        if not self.known(head, self.model.names(), "variable"):
            return
        variable = self.model[head]
        if not isinstance(variable, Constant | Stock):
            self.fault(f"'{variable.name}' is computed; only constants and initial values are sampled", head)
            return
        if uncertainty.initial and not isinstance(variable, Stock):
            self.fault(f"'{variable.name}' is a {variable.kind} and has no initial value", head, "initial")
        if uncertainty.distribution == "dirichlet":
            self.check_dirichlet(uncertainty, bool(elements))
        elif elements:
            self.check_column(uncertainty.name)

    def check_dirichlet(self, uncertainty: Uncertainty, of_cell: bool) -> None:
        variable = self.model[split_element(uncertainty.name)[0]]
        if len(variable.dimensions) != 1 or of_cell:
            self.fault(
                f"'{variable.name}': a dirichlet needs an array variable of one dimension", variable.name
            )
            return
        cells = len(self.model.dimensions[canonical(variable.dimensions[0])].elements)
        if uncertainty.width() != cells:
            self.fault(
                f"'{variable.name}' has {cells} elements, and {uncertainty.width()} concentrations are given",
                "[uncertainty]",
                variable.name,
            )

    def check_column(self, name: str) -> None:
        head, elements = split_element(name)
        if head in self.model and self.model[head].dimensions and not elements:
            cell = next(iter(coverage(self.model, self.model[head])))
            own = f"{self.model[head].name}[{','.join(cell)}]"
            self.fault(f"'{shown(name)}' has elements; name one, such as '{own}'", name)
            return
        try:
            output_label(self.model, name)
        except SDError as error:
            self.fault(str(error).removeprefix(f"{error.file}: "), name)

    def check_derived(self) -> None:
        derived = self.experiment.derived
        sampled = {canonical(one.name) for one in self.experiment.uncertainties}
        free = [one.name for one in self.experiment.uncertainties if one.free]
        keys = {canonical(name) for name in derived}
        reads: dict[str, list[str]] = {}
        for name, formula in derived.items():
            self.known(split_element(name)[0], self.model.names(), "variable")
            if canonical(name) in sampled:
                self.fault(f"'{shown(name)}' is sampled and derived", "[derived]", name)
            parts = references(formula)
            reads[canonical(name)] = [canonical(part.name) for part in parts if not part.subscripts]
            for part in parts:
                if not self.known(part.name, [*self.model.names(), *free], "quantity"):
                    continue
                own = self.model.variables.get(canonical(part.name))
                given = canonical(part.name) in sampled | keys or part.subscripts
                if own is not None and not isinstance(own, Constant) and not given:
                    self.fault(
                        f"the formula of '{shown(name)}' reads '{own.name}', which is no constant",
                        "[derived]",
                        name,
                    )
        circle = cycle({key: [one for one in parts if one in reads] for key, parts in reads.items()})
        if circle:
            text = f"derived quantities need each other: {trail(circle)}"
            self.fault(text, "[derived]", circle[0])

    def check_metric(self, metric: Metric) -> None:
        place = self.entry(metric.name)
        for name in metric.variables():
            head = split_element(name)[0]
            if not self.known(head, [*self.model.names(), "time"], "variable"):
                continue
            if isinstance(self.model.variables.get(canonical(head)), Lookup):
                self.fault(f"'{shown(head)}' is a lookup, which has no value over time", place, head)
            else:
                self.check_column(name)
        if metric.expression is None and not metric.variables():
            self.fault(f"metric '{shown(metric.name)}' names no variable of the model", place)
        times = [] if metric.at is None else [("at", metric.at)]
        times += [("between", time) for time in metric.between or ()]
        if metric.level and metric.level.policy:
            self.known(metric.level.policy, [policy.name for policy in self.policies], "policy")
            times.append(("at", metric.level.at))
        for word, time in times:
            if not self.within(time):
                self.fault(
                    f"metric '{shown(metric.name)}': {time:g} lies outside the run, {self.start:g} to {self.stop:g}"
                    if self.start is not None and self.stop is not None
                    else f"metric '{shown(metric.name)}': {time:g} lies outside the run",
                    place,
                    word,
                )

    # what may not be meant

    def notes(self) -> list[str]:
        """What an experiment without faults does that may not be what was meant, each with its line where known."""
        wanted = {
            canonical(split_element(name)[0]) for one in self.experiment.metrics for name in one.variables()
        }
        for policy in self.policies:
            place = self.entry(policy.name)
            for text, variable in self.notes_of_policy(policy, wanted):
                self.fault(f"policy '{policy.name}' {text}", place, variable)
        for uncertainty in self.experiment.uncertainties:
            self.note_default(uncertainty)
        return self.faults

    def notes_of_policy(self, policy: Policy, wanted: set[str]) -> Iterator[tuple[str, str]]:
        before = restructured(self.model, policy.structure)
        reaching = causes(apply(policy, self.model), wanted)
        replacing = [one.variable for one in policy.changes if isinstance(one, LookupChange | EquationChange)]
        for name in (*policy.set, *replacing):
            variable = before[split_element(name)[0]]
            if isinstance(variable, Auxiliary | Flow) and not _is_a_number(variable):
                yield f"replaces the equation of '{variable.name}'", name
        for change in policy.changes:
            if isinstance(change, Step | Ramp | Pulse):
                yield from self.notes_of_times(change)
        added = [one.name for one in policy.structure if isinstance(one, Addition)]
        for name in dict.fromkeys([*policy.set, *(one.variable for one in policy.changes)]):
            if canonical(split_element(name)[0]) not in reaching:
                yield f"changes '{name}', which no metric depends on", name
        for name in added:
            if name in before and canonical(name) not in reaching:
                yield f"adds '{name}', which no metric depends on", name

    def notes_of_times(self, change: Step | Ramp | Pulse) -> Iterator[tuple[str, str]]:
        kind = type(change).__name__.lower()
        what = f"'{change.variable}'"
        begins = change.start if isinstance(change, Ramp) else change.at
        ends = change.until if isinstance(change, Ramp) else change.times()[1]
        start, stop = self.start, self.stop
        if stop is not None and begins > stop:
            yield (
                f"has a {kind} of {what} at {begins:g}, after the run's end, that never takes effect",
                change.variable,
            )
        elif start is not None and ends < start:
            text = f"has a {kind} of {what} that is over before the run begins at {start:g}"
            yield text, change.variable
        elif start is not None and begins < start:
            text = f"has a {kind} of {what} that begins at {begins:g}, before the run does at {start:g}"
            yield text, change.variable
        elif stop is not None and isinstance(change, Ramp) and ends > stop:
            text = f"has a ramp of {what} until {ends:g}, of which the run sees no more after {stop:g}"
            yield text, change.variable

    def note_default(self, uncertainty: Uncertainty) -> None:
        """A model's own value outside of the range that futures are drawn from."""
        head, elements = split_element(uncertainty.name)
        if uncertainty.free or uncertainty.distribution in ("dirichlet", "constant") or elements:
            return
        variable = self.model[head]
        equation = variable.equations[0]
        tree = equation.initial if isinstance(variable, Stock) else equation.expression
        low, high = uncertainty.bounds()
        if isinstance(tree, Number) and len(variable.equations) == 1 and not low <= tree.value <= high:
            self.fault(
                f"the model's own value of '{variable.name}', {tree.value:g}, lies outside its range, "
                f"{_bound(low)} to {_bound(high)}",
                "[uncertainty]",
                uncertainty.name,
            )


def _bound(value: float) -> str:
    return f"{value:g}" if np.isfinite(value) else "any"


def causes(model: Model, wanted: set[str]) -> set[str]:
    """The variables that some depend on, they themselves among them; all by canonical names.

    Examples
    --------
    >>> import sdtheory as sd
    >>> sorted(causes(sd.load("models/m0_seed.xmile"), {"theorist boost"}))
    ['theorist boost']
    """
    found: set[str] = set()
    waiting = list(wanted)
    while waiting:
        key = waiting.pop()
        variable = model.variables.get(key)
        if key in found or variable is None:
            continue
        found.add(key)
        if isinstance(variable, Stock):
            waiting += map(canonical, (*variable.inflows, *variable.outflows))
        for equation in variable.equations:
            for tree in (equation.expression, equation.initial):
                if tree is not None and not isinstance(tree, Table):
                    waiting += [canonical(name.name) for name in references(tree)]
    return found


def _is_a_number(variable: Auxiliary | Flow) -> bool:
    """Whether nothing is lost when a number takes the place of its equation."""
    return all(isinstance(equation.expression, Number) for equation in variable.equations)
