"""The experiment file: policies, uncertainties, sampling and metrics, read from TOML and checked whole."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

from sdtheory.errors import ExperimentError, SDError, shown
from sdtheory.experiments.formula import read_formula
from sdtheory.experiments.metric import BETTER, CENSORED, STATISTICS, Level, Metric
from sdtheory.experiments.policy import (
    BASELINE,
    Amount,
    Change,
    LookupChange,
    Policy,
    Pulse,
    Ramp,
    Step,
    faults,
    split_element,
)
from sdtheory.experiments.uncertainty import COMMON_KEYS, KEYS, METHODS, Uncertainty
from sdtheory.model.expression import Expression, Name, references
from sdtheory.model.model import Constant, Lookup, Model, Stock
from sdtheory.names import canonical, nearest, unknown

TABLES = {
    "title", "model", "include", "simulation", "baseline", "policy", "factorial", "uncertainty", "derived",
    "correlation", "sampling", "metric", "fixed", "loop",
}  # fmt: skip
POLICY_KEYS = {"name", "description", "set", "change", "include"}
SIMULATION_KEYS = {"start", "stop", "time_step", "save_every", "method"}
SAMPLING_KEYS = {"method", "runs", "seed"}
LOOP_KEYS = {"name", "polarity", "through"}
METRIC_KEYS = {
    "name", "description", "variable", "formula", "expression", "at", "statistic", "integral",
    "discount_rate", "first_crossing", "when", "time_above", "time_below", "between", "better",
    "rewards_speed", "tie", "satisfied", "censored",
}  # fmt: skip
AMOUNTS = {"to", "by", "times"}
LATER = {"equation", "structure"}


@dataclass(frozen=True)
class Experiment:
    """Policies, uncertainties, sampling and metrics: everything a comparison needs beside the model.

    Examples
    --------
    >>> Experiment.read("models/m0_seed.toml").policies[0].name
    'boost theorists'
    """

    policies: tuple[Policy, ...] = ()
    metrics: tuple[Metric, ...] = ()
    uncertainties: tuple[Uncertainty, ...] = ()
    derived: Mapping[str, Expression] = field(default_factory=dict)
    correlations: tuple[tuple[str, str, float], ...] = ()
    baseline: Policy = BASELINE
    method: str = "sobol"
    runs: int = 1024
    seed: int = 1
    simulation: Mapping[str, Any] = field(default_factory=dict)
    loops: tuple[Mapping[str, Any], ...] = ()
    fixed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    title: str = ""
    model: str = ""
    file: str = ""
    text: str = field(default="", compare=False, repr=False)

    @staticmethod
    def read(path: str | Path) -> Experiment:
        """Read an experiment file.

        Raises
        ------
        ExperimentError
            With every fault of the file, one a line, each with its line number.
        """
        source = Path(path)
        try:
            text = source.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8"
            raise ExperimentError(f"cannot read the experiment: {reason}", file=str(path)) from error
        try:
            tables = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ExperimentError(f"not TOML: {error}", file=str(path)) from error
        reader = _Reader(str(path), text)
        tables = reader.with_includes(tables, source.parent)
        experiment = reader.experiment(tables)
        reader.stop_on_faults()
        return experiment

    def check(self, model: Model) -> list[str]:
        """Every way in which the experiment does not fit the model, each with its line where known."""
        reader = _Reader(self.file, self.text)
        for policy in (self.baseline, *self.policies):
            for fault in faults(policy, model):
                reader.fault(fault, _mentioned(fault))
        for uncertainty in self.uncertainties:
            self._check_uncertainty(reader, model, uncertainty)
        free = [u.name for u in self.uncertainties if u.free]
        known = [*model.names(), *free]
        policies = [self.baseline.name, *(policy.name for policy in self.policies)]
        for name, formula in self.derived.items():
            reader.known(split_element(name)[0], model.names(), "variable")
            for part in references(formula):
                reader.known(part.name, known, "quantity")
        for metric in self.metrics:
            for head in (split_element(name)[0] for name in metric.variables()):
                reader.known(head, [*model.names(), "time"], "variable")
                if isinstance(model.variables.get(canonical(head)), Lookup):
                    reader.fault(f"'{shown(head)}' is a lookup, which has no value over time", head)
            if metric.expression is None and not metric.variables():
                reader.fault(f"metric '{shown(metric.name)}' names no variable of the model", metric.name)
            if metric.level and metric.level.policy:
                reader.known(metric.level.policy, policies, "policy")
        return reader.faults

    def _check_uncertainty(self, reader: _Reader, model: Model, uncertainty: Uncertainty) -> None:
        if uncertainty.free:
            return
        head, elements = split_element(uncertainty.name)
        if not reader.known(head, model.names(), "variable"):
            return
        variable = model[head]
        if not isinstance(variable, Constant | Stock):
            reader.fault(
                f"'{variable.name}' is computed; only constants and initial values are sampled", head
            )
        if uncertainty.distribution == "dirichlet" and (not variable.dimensions or elements):
            reader.fault(f"'{variable.name}': a dirichlet needs an array variable", head)


def _mentioned(text: str) -> str:
    found = re.search(r"'([^']+)'", text)
    return found.group(1) if found else ""


class _Reader:
    """Reads the tables and gathers every fault with its line."""

    def __init__(self, file: str, text: str):
        self.file = file
        self.lines = text.splitlines()
        self.faults: list[str] = []

    def line_of(self, *words: str) -> int | None:
        """The line of the last word that is found, each looked for from the line of the one before."""
        place: int | None = None
        for word in filter(None, words):
            whole = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
            lines = range(place or 0, len(self.lines))
            place = next((number for number in lines if whole.search(self.lines[number])), place)
        return None if place is None else place + 1

    def fault(self, message: str, *words: str) -> None:
        line = self.line_of(*words)
        text = str(SDError(message, file=self.file or None, line=line))
        if text not in self.faults:
            self.faults.append(text)

    def stop_on_faults(self) -> None:
        if self.faults:
            raise ExperimentError("\n".join(self.faults))

    def known(self, name: str, candidates: Iterable[str], kind: str) -> bool:
        names = list(candidates)
        if canonical(name) in {canonical(candidate) for candidate in names}:
            return True
        self.fault(str(unknown(kind, name, names)), name)
        return False

    def keys(self, table: Mapping, allowed: set[str], where: str) -> None:
        for key in table:
            if key not in allowed:
                close = nearest(key, allowed)
                hint = f"; did you mean '{close}'?" if close else ""
                later = "; it is not supported yet" if key in LATER else hint
                self.fault(f"unknown key '{shown(key)}' in {where}{later}", _mentioned(where) or where, key)

    def with_includes(self, tables: dict, folder: Path) -> dict:
        merged: dict[str, Any] = {}
        for name in tables.get("include", []):
            try:
                path = (folder / name).resolve()
                if not path.is_relative_to(folder.resolve()):
                    self.fault(f"include '{shown(name)}' lies outside the experiment's folder", "include")
                    continue
                included = tomllib.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                self.fault(f"cannot include '{shown(name)}': {shown(error, 200)}", "include")
                continue
            merged = _merged(merged, included)
        return _merged(merged, tables)

    def experiment(self, tables: dict) -> Experiment:
        self.keys(tables, TABLES, "the experiment")
        simulation = self.table(tables, "simulation", SIMULATION_KEYS)
        sampling = self.table(tables, "sampling", SAMPLING_KEYS)
        if sampling.get("method", "sobol") not in METHODS:
            self.fault(
                str(unknown("sampling method", str(sampling["method"]), METHODS)), "[sampling]", "method"
            )
        baseline = self.policy({"name": "baseline", **self.table(tables, "baseline", POLICY_KEYS)}, {})
        policies = self.policies(tables, baseline)
        metrics = self.metrics(tables)
        uncertainties = [
            self.uncertainty(name, row) for name, row in self.table(tables, "uncertainty").items()
        ]
        loops = self.rows(tables, "loop")
        for loop in loops:
            self.keys(loop, LOOP_KEYS, f"loop '{loop.get('name', '')}'")
        return Experiment(
            policies=policies,
            metrics=metrics,
            uncertainties=tuple(u for u in uncertainties if u is not None),
            derived=self.derived(tables),
            correlations=self.correlations(tables, [u.name for u in uncertainties if u is not None]),
            baseline=baseline,
            method=sampling.get("method", "sobol"),
            runs=self.whole(sampling, "runs", 1024, 1),
            seed=self.whole(sampling, "seed", 1, 0),
            simulation=simulation,
            loops=tuple(loops),
            fixed=self.table(tables, "fixed"),
            title=str(tables.get("title", "")),
            model=str(tables.get("model", "")),
            file=self.file,
            text="\n".join(self.lines) + "\n",
        )

    def table(self, tables: Mapping, name: str, allowed: set[str] | None = None) -> dict:
        found = tables.get(name, {})
        if not isinstance(found, dict):
            self.fault(f"'{name}' must be a table", name)
            return {}
        if allowed is not None:
            self.keys(found, allowed, f"[{name}]")
        return found

    def rows(self, tables: Mapping, name: str) -> list[dict]:
        """The tables of a list such as ``[[policy]]``."""
        found = tables.get(name, [])
        if isinstance(found, list) and all(isinstance(row, dict) for row in found):
            return found
        self.fault(f"'{name}' must be a list of tables; write [[{name}]] above each", name)
        return []

    def whole(self, table: Mapping, key: str, default: int, least: int) -> int:
        value = table.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            self.fault(f"{key} = {shown(value)}: give a whole number of {least} or more", key)
            return default
        return value

    def number(self, table: Mapping, key: str, where: str) -> float:
        value = table.get(key)
        if (
            not isinstance(value, int | float)
            or isinstance(value, bool)
            or value != value
            or abs(value) == float("inf")
        ):
            self.fault(f"{where}: '{key}' must be a finite number", _mentioned(where) or where, key)
            return 0.0
        return float(value)

    # policies

    def policies(self, tables: Mapping, baseline: Policy) -> tuple[Policy, ...]:
        found: dict[str, Policy] = {}
        for row in self.rows(tables, "policy"):
            policy = self.policy(row, found)
            key = canonical(policy.name)
            if key in found or key == canonical(baseline.name):
                self.fault(f"there are two policies named '{shown(policy.name)}'", policy.name)
            found[key] = policy
        factorial = self.table(tables, "factorial", {"policies"})
        chosen = [
            found[canonical(name)] for name in factorial.get("policies", []) if canonical(name) in found
        ]
        for name in factorial.get("policies", []):
            self.known(name, [policy.name for policy in found.values()], "policy")
        for policy in _combinations(chosen):
            found.setdefault(canonical(policy.name), policy)
        return tuple(found.values())

    def policy(self, row: Mapping, others: Mapping[str, Policy]) -> Policy:
        name = str(row.get("name", ""))
        where = f"policy '{name}'"
        if not name:
            self.fault("a policy has no name", "[[policy]]")
        self.keys(row, POLICY_KEYS, where)
        values: dict[str, float] = {}
        changes: list[Change] = []
        for other in row.get("include", []):
            base = others.get(canonical(other))
            if base is None:
                self.fault(str(unknown("policy", other, [p.name for p in others.values()])), name, other)
            else:
                values.update(base.set)
                changes.extend(base.changes)
        given = self.table(row, "set")
        values.update({key: self.number(given, key, where) for key in given})
        changes.extend(change for entry in self.rows(row, "change") if (change := self.change(entry, where)))
        return Policy(name, str(row.get("description", "")), values, tuple(changes))

    def change(self, row: Mapping, where: str) -> Change | None:
        kinds = {"step": Step, "ramp": Ramp, "pulse": Pulse, "lookup": LookupChange}
        self.keys(row, {"variable", *kinds}, where)
        chosen = [kind for kind in kinds if kind in row]
        variable = row.get("variable")
        if not isinstance(variable, str) or len(chosen) != 1:
            self.fault(f"{where}: a change needs a variable and one of {', '.join(kinds)}", _mentioned(where))
            return None
        kind, table = chosen[0], row[chosen[0]]
        if kind == "lookup":
            return self.lookup(variable, table, where)
        if not isinstance(table, dict):
            self.fault(f"{where}: '{kind}' must be a table", variable, kind)
            return None
        how = [key for key in table if key in AMOUNTS]
        if len(how) != 1:
            self.fault(f"{where}: {kind} of '{variable}' needs one of to, by, times", variable)
            return None
        amount = Amount(how[0], self.number(table, how[0], where))
        if kind == "step":
            self.keys(table, AMOUNTS | {"at"}, where)
            return Step(variable, amount, self.number(table, "at", where))
        if kind == "ramp":
            self.keys(table, AMOUNTS | {"from", "until"}, where)
            start, until = self.number(table, "from", where), self.number(table, "until", where)
            if not start < until:
                self.fault(f"{where}: the ramp of '{variable}' ends before it begins", variable)
                return None
            return Ramp(variable, amount, start, until)
        self.keys(table, AMOUNTS | {"at", "width", "every", "until"}, where)
        every = self.number(table, "every", where) if "every" in table else None
        until_pulse = self.number(table, "until", where) if "until" in table else None
        at, width = self.number(table, "at", where), self.number(table, "width", where)
        return Pulse(variable, amount, at, width, every, until_pulse)

    def lookup(self, variable: str, table: Mapping, where: str) -> LookupChange | None:
        self.keys(table, {"points", "of", "outside"}, where)
        points = table.get("points", [])
        ok = len(points) > 0 and all(isinstance(p, list) and len(p) == 2 for p in points)
        if not ok or any(b[0] <= a[0] for a, b in pairwise(points)):
            self.fault(f"{where}: the points of '{variable}' must be [x, y] pairs with rising x", variable)
            return None
        outside = table.get("outside", "hold")
        if outside not in ("hold", "extrapolate"):
            self.fault(f'{where}: outside must be "hold" or "extrapolate"', variable, "outside")
        pairs = tuple((float(x), float(y)) for x, y in points)
        return LookupChange(variable, pairs, str(table.get("of", "time")), outside)

    # uncertainties

    def uncertainty(self, name: str, row: Mapping) -> Uncertainty | None:
        kind = row.get("distribution") if isinstance(row, dict) else None
        if kind not in KEYS:
            self.fault(
                str(unknown("distribution", str(kind), KEYS)) + f" for '{name}'", "[uncertainty]", name
            )
            return None
        required, optional = KEYS[kind]
        self.keys(row, required | optional | COMMON_KEYS, f"'{name}'")
        parameters = {key: value for key, value in row.items() if key not in COMMON_KEYS}
        source = str(row.get("source", "")) or ("assumption" if row.get("assumption") else "")
        found = Uncertainty(
            name, kind, parameters, row.get("minimum"), row.get("maximum"), bool(row.get("free")), source
        )
        if fault := found.fault():
            self.fault(fault, "[uncertainty]", name)
            return None
        return found

    def derived(self, tables: Mapping) -> dict[str, Expression]:
        found = {}
        for name, text in self.table(tables, "derived").items():
            formula = self.formula(text, name)
            if formula is not None:
                found[name] = formula
        return found

    def formula(self, text: Any, where: str) -> Expression | None:
        if not isinstance(text, str):
            self.fault(f"the formula of '{where}' must be text", where)
            return None
        try:
            return read_formula(text)
        except SDError as error:
            self.fault(error.message, where)
            return None

    def correlations(self, tables: Mapping, names: list[str]) -> tuple[tuple[str, str, float], ...]:
        found = []
        for row in self.table(tables, "correlation", {"pairs"}).get("pairs", []):
            if len(row) != 3 or not isinstance(row[2], int | float) or not -1 <= row[2] <= 1:
                self.fault("a correlation is [name, name, number between -1 and 1]", "[correlation]", "pairs")
                continue
            by_key = {canonical(name): name for name in names}
            if all(self.known(str(name), names, "uncertainty") for name in row[:2]):
                found.append((by_key[canonical(row[0])], by_key[canonical(row[1])], float(row[2])))
        return tuple(found)

    # metrics

    def metrics(self, tables: Mapping) -> tuple[Metric, ...]:
        found: dict[str, Metric] = {}
        for row in self.rows(tables, "metric"):
            metric = self.metric(row)
            if metric is None:
                continue
            if canonical(metric.name) in found:
                self.fault(f"there are two metrics named '{shown(metric.name)}'", metric.name)
            found[canonical(metric.name)] = metric
        for metric in found.values():
            if metric.expression is not None:
                for part in references(metric.expression):
                    self.known(part.name, [m.name for m in found.values() if m is not metric], "metric")
        return tuple(found.values())

    def metric(self, row: Mapping) -> Metric | None:
        name = str(row.get("name", ""))
        where = f"metric '{name}'"
        self.keys(row, METRIC_KEYS, where)
        for key, allowed in (("better", BETTER), ("censored", CENSORED), ("statistic", STATISTICS)):
            if key in row and row[key] not in allowed:
                self.fault(str(unknown(key, str(row[key]), allowed)), name, key)
                return None
        common = {
            "better": row.get("better", "none"),
            "tie": float(row.get("tie", 1e-6)),
            "censored": row.get("censored", "exclude"),
            "satisfied": _one_of(row.get("satisfied"), ("below", "above")),
        }
        if "expression" in row:
            combined = self.formula(row["expression"], name)
            if combined is None:
                return None
            return Metric(name, None, "expression", expression=combined, **common)
        quantity = self.quantity(row, name)
        if quantity is None:
            return None
        return self.timed(row, name, quantity, common)

    def quantity(self, row: Mapping, name: str) -> Expression | None:
        if "formula" in row:
            return self.formula(row["formula"], name)
        if not isinstance(row.get("variable"), str):
            self.fault(f"metric '{name}' needs a variable, a formula or an expression", name)
            return None
        head, elements = split_element(row["variable"])
        return Name(head, elements)

    def timed(self, row: Mapping, name: str, quantity: Expression, common: dict) -> Metric | None:
        """The metric by the way it turns a series into a number."""
        between = row.get("between")
        window = (float(between[0]), float(between[1])) if between else None
        if "at" in row:
            how: dict[str, Any] = {"how": "at", "at": self.number(row, "at", f"metric '{name}'")}
        elif "first_crossing" in row:
            direction, level = self.crossing(row["first_crossing"], name)
            how = {"how": "first_crossing", "direction": direction, "level": level}
        elif "when" in row:
            trigger = row["when"]
            self.keys(trigger, {"variable", "reaches"}, f"metric '{name}'")
            how = {
                "how": "when",
                "trigger": str(trigger.get("variable", "")),
                "level": self.level(trigger.get("reaches"), name),
            }
        elif "time_above" in row or "time_below" in row:
            key = "time_above" if "time_above" in row else "time_below"
            how = {"how": key, "level": self.level(row[key], name)}
        elif row.get("integral"):
            how = {"how": "integral", "discount_rate": float(row.get("discount_rate", 0.0))}
        else:
            how = {"how": row.get("statistic", "final")}
        speed = row.get("rewards_speed", "auto")
        rewards = how["how"] == "first_crossing" if speed == "auto" else bool(speed)
        return Metric(name, quantity, between=window, rewards_speed=rewards, **how, **common)

    def crossing(self, row: Any, name: str) -> tuple[str, Level | None]:
        for direction in ("above", "below"):
            if isinstance(row, dict) and direction in row:
                return direction, self.level(row[direction], name)
        self.fault(f"metric '{name}': first_crossing needs above or below", name)
        return "above", None

    def level(self, value: Any, name: str) -> Level | None:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return Level(value=float(value))
        if isinstance(value, dict) and {"variable", "at"} <= set(value) <= {"policy", "variable", "at"}:
            policy = str(value.get("policy", "baseline"))
            return Level(None, policy, str(value["variable"]), float(value["at"]))
        self.fault(f"metric '{name}': a level is a number or {{ policy, variable, at }}", name)
        return None


def _one_of(row: Any, words: tuple[str, ...]) -> tuple[str, float] | None:
    for word in words:
        if isinstance(row, dict) and word in row:
            return word, float(row[word])
    return None


def _merged(base: dict, later: dict) -> dict:
    """Tables of both; lists of named entries are joined, a later entry of the same name wins."""
    result = dict(base)
    for key, value in later.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = {**result[key], **value}
        elif key in ("policy", "metric", "loop") and key in result:
            names = {canonical(str(row.get("name", ""))) for row in value}
            result[key] = [r for r in result[key] if canonical(str(r.get("name", ""))) not in names] + value
        else:
            result[key] = value
    return result


def _combinations(policies: list[Policy]) -> list[Policy]:
    found = []
    for size in range(2, len(policies) + 1):
        for group in combinations(policies, size):
            merged: dict[str, float] = {}
            for policy in group:
                merged.update(policy.set)
            changes = tuple(change for policy in group for change in policy.changes)
            found.append(Policy(" + ".join(policy.name for policy in group), "", merged, changes))
    return found
