"""The tables of an experiment file made into policies, uncertainties and metrics; every fault is told."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

from sdtheory.errors import SDError, shown
from sdtheory.experiments.faults import MOST_ROWS, Faults, finite, mentioned
from sdtheory.experiments.formula import read_formula
from sdtheory.experiments.metric import BETTER, CENSORED, STATISTICS, Level, Metric
from sdtheory.experiments.policy import (
    Amount,
    Change,
    LookupChange,
    Policy,
    Pulse,
    Ramp,
    Step,
    split_element,
)
from sdtheory.experiments.toml_file import lies_inside
from sdtheory.experiments.uncertainty import COMMON_KEYS, KEYS, METHODS, Uncertainty
from sdtheory.model.expression import Expression, Name, references
from sdtheory.names import canonical, unknown

TABLES = {
    "title", "model", "include", "simulation", "baseline", "policy", "factorial", "uncertainty", "derived",
    "correlation", "sampling", "metric", "fixed", "loop",
}  # fmt: skip
POLICY_KEYS = {"name", "description", "set", "change", "include"}
SIMULATION_KEYS = {"start", "stop", "time_step", "save_every", "method"}
SAMPLING_KEYS = {"method", "runs", "seed"}
LOOP_KEYS = {"name", "polarity", "through"}
FIXED_KEYS = {"value", "source", "note"}
METRIC_KEYS = {
    "name", "description", "variable", "formula", "expression", "at", "statistic", "integral",
    "discount_rate", "first_crossing", "when", "time_above", "time_below", "between", "better",
    "rewards_speed", "tie", "satisfied", "censored",
}  # fmt: skip
AMOUNTS = {"to", "by", "times"}
LISTS = ("values", "weights", "concentration")  # parameters of distributions that are lists
MOST_RUNS = 100_000_000
MOST_SEED = 2**63 - 1


class Reader(Faults):
    """Reads the tables and gathers every fault with its line."""

    def experiment(self, tables: dict, folder: Path) -> dict[str, Any]:
        """The fields of an `Experiment`.

        Parameters
        ----------
        tables : dict
            Of the file and those that it includes.
        folder : Path
            The folder of the file.
        """
        self.keys(tables, TABLES, "the experiment")
        sampling = self.table(tables, "sampling", SAMPLING_KEYS)
        method = self.text(sampling, "method", "[sampling]", "sobol")
        if method not in METHODS:
            self.fault(str(unknown("sampling method", method, METHODS)), "[sampling]", "method")
        baseline = self.policy({"name": "baseline", **self.table(tables, "baseline", POLICY_KEYS)}, {})
        policies = self.policies(tables, baseline)
        metrics = self.metrics(tables)
        rows = self.table(tables, "uncertainty").items()
        uncertainties = [one for name, row in rows if (one := self.uncertainty(name, row)) is not None]
        model = self.text(tables, "model", "the experiment")
        if model and not lies_inside(model, folder):
            self.fault(f"model '{shown(model)}' lies outside the experiment's folder", "model")
        return {
            "policies": policies,
            "metrics": metrics,
            "uncertainties": tuple(uncertainties),
            "derived": self.derived(tables),
            "correlations": self.correlations(tables, [u.name for u in uncertainties]),
            "baseline": baseline,
            "method": method,
            "runs": self.whole(sampling, "runs", 1024, 1, MOST_RUNS),
            "seed": self.whole(sampling, "seed", 1, 0, MOST_SEED),
            "simulation": self.simulation(tables),
            "loops": self.loops(tables),
            "fixed": self.fixed(tables),
            "title": self.text(tables, "title", "the experiment"),
            "model": model,
        }

    def simulation(self, tables: Mapping) -> dict[str, Any]:
        found = self.table(tables, "simulation", SIMULATION_KEYS)
        kept: dict[str, Any] = {
            key: self.number(found, key, "[simulation]")
            for key in found
            if key in SIMULATION_KEYS - {"method"}
        }
        if "method" in found:
            kept["method"] = self.text(found, "method", "[simulation]")
            if kept["method"] not in ("euler", "rk4"):
                self.fault(str(unknown("method", kept["method"], ("euler", "rk4"))), "[simulation]", "method")
        return kept

    def loops(self, tables: Mapping) -> tuple[dict[str, Any], ...]:
        found = []
        for row in self.rows(tables, "loop"):
            name = self.text(row, "name", "a loop")
            where = f"loop '{name}'"
            self.keys(row, LOOP_KEYS, where)
            self.text(row, "polarity", where)
            self.texts(row, "through", where)
            found.append(row)
        return tuple(found)

    def fixed(self, tables: Mapping) -> dict[str, dict[str, Any]]:
        found = self.table(tables, "fixed")
        for name, row in found.items():
            if not isinstance(row, dict):
                self.fault(f"[fixed]: '{name}' must be a table", "[fixed]", name)
                continue
            self.keys(row, FIXED_KEYS, f"'{name}'")
            if "value" in row:
                self.number(row, "value", f"'{name}'")
        return {name: row for name, row in found.items() if isinstance(row, dict)}

    # policies

    def policies(self, tables: Mapping, baseline: Policy) -> tuple[Policy, ...]:
        found: dict[str, Policy] = {}
        for row in self.rows(tables, "policy"):
            policy = self.policy(row, found)
            key = canonical(policy.name)
            if key in found or key == canonical(baseline.name):
                self.fault(f"there are two policies named '{shown(policy.name)}'", policy.name)
            found[key] = policy
        names = self.texts(self.table(tables, "factorial", {"policies"}), "policies", "[factorial]")
        chosen = [found[canonical(name)] for name in names if canonical(name) in found]
        for name in names:
            self.known(name, [policy.name for policy in found.values()], "policy")
        if 2 ** len(chosen) > MOST_ROWS:
            self.fault(
                f"the combinations of {len(chosen)} policies are more than {MOST_ROWS:,}", "[factorial]"
            )
            return tuple(found.values())
        for policy in _combinations(chosen):
            found.setdefault(canonical(policy.name), policy)
        return tuple(found.values())

    def policy(self, row: Mapping, others: Mapping[str, Policy]) -> Policy:
        name = self.text(row, "name", "a policy")
        where = f"policy '{name}'"
        if not name:
            self.fault("a policy has no name", "[[policy]]")
        self.keys(row, POLICY_KEYS, where)
        values: dict[str, float] = {}
        changes: list[Change] = []
        for other in self.texts(row, "include", where):
            base = others.get(canonical(other))
            if base is None:
                self.fault(str(unknown("policy", other, [p.name for p in others.values()])), name, other)
            else:
                values.update(base.set)
                changes.extend(base.changes)
        given = self.table(row, "set")
        values.update({key: self.number(given, key, where) for key in given})
        changes.extend(change for entry in self.rows(row, "change") if (change := self.change(entry, where)))
        return Policy(name, self.text(row, "description", where), values, tuple(changes))

    def change(self, row: Mapping, where: str) -> Change | None:
        kinds = {"step": Step, "ramp": Ramp, "pulse": Pulse, "lookup": LookupChange}
        self.keys(row, {"variable", *kinds}, where)
        chosen = [kind for kind in kinds if kind in row]
        variable = row.get("variable")
        if not isinstance(variable, str) or len(chosen) != 1:
            self.fault(f"{where}: a change needs a variable and one of {', '.join(kinds)}", mentioned(where))
            return None
        kind, table = chosen[0], row[chosen[0]]
        if not isinstance(table, dict):
            self.fault(f"{where}: '{kind}' must be a table", variable, kind)
            return None
        if kind == "lookup":
            return self.lookup(variable, table, where)
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
        return self.pulse(variable, amount, table, where)

    def pulse(self, variable: str, amount: Amount, table: Mapping, where: str) -> Pulse | None:
        self.keys(table, AMOUNTS | {"at", "width", "every", "until"}, where)
        every = self.number(table, "every", where) if "every" in table else None
        until = self.number(table, "until", where) if "until" in table else None
        at, width = self.number(table, "at", where), self.number(table, "width", where)
        if width < 0 or (every is not None and every <= 0):
            self.fault(f"{where}: the pulse of '{variable}' needs a width and an interval above 0", variable)
            return None
        return Pulse(variable, amount, at, width, every, until)

    def lookup(self, variable: str, table: Mapping, where: str) -> LookupChange | None:
        self.keys(table, {"points", "of", "outside"}, where)
        given = table.get("points")
        points = given if isinstance(given, list) else []
        pairs = [tuple(map(finite, p)) for p in points if isinstance(p, list) and len(p) == 2]
        plain = [(x, y) for x, y in pairs if x is not None and y is not None]
        if not points or len(plain) != len(points) or any(b[0] <= a[0] for a, b in pairwise(plain)):
            self.fault(f"{where}: the points of '{variable}' must be [x, y] pairs with rising x", variable)
            return None
        outside = table.get("outside", "hold")
        if outside not in ("hold", "extrapolate"):
            self.fault(f'{where}: outside must be "hold" or "extrapolate"', variable, "outside")
            return None
        return LookupChange(variable, tuple(plain), self.text(table, "of", where, "time"), outside)

    # uncertainties

    def uncertainty(self, name: str, row: Any) -> Uncertainty | None:
        kind = row.get("distribution") if isinstance(row, dict) else None
        if not isinstance(kind, str) or kind not in KEYS:
            self.fault(
                str(unknown("distribution", str(kind), KEYS)) + f" for '{name}'", "[uncertainty]", name
            )
            return None
        required, optional = KEYS[kind]
        where = f"'{name}'"
        self.keys(row, required | optional | COMMON_KEYS, where)
        parameters: dict[str, Any] = {}
        before = len(self.faults)
        # in an order of their own: a kept sweep is told by how its experiment prints
        for key in sorted((required | optional) & row.keys()):
            if key in LISTS:
                parameters[key] = list(self.numbers(row[key], where, key) or ())
            else:
                parameters[key] = self.number(row, key, where)
        bounds = {key: self.number(row, key, where) if key in row else None for key in ("minimum", "maximum")}
        free, assumed = self.flag(row, "free", where), self.flag(row, "assumption", where)
        source = self.text(row, "source", where) or ("assumption" if assumed else "")
        if len(self.faults) > before:
            return None
        found = Uncertainty(name, kind, parameters, bounds["minimum"], bounds["maximum"], free, source)
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
        pairs = self.table(tables, "correlation", {"pairs"}).get("pairs", [])
        if not isinstance(pairs, list) or len(pairs) > MOST_ROWS:
            self.fault(f"[correlation]: 'pairs' must be a list of at most {MOST_ROWS:,}", "[correlation]")
            return ()
        by_key = {canonical(name): name for name in names}
        for row in pairs:
            share = finite(row[2]) if isinstance(row, list) and len(row) == 3 else None
            if share is None or not -1 <= share <= 1 or not all(isinstance(name, str) for name in row[:2]):
                self.fault("a correlation is [name, name, number between -1 and 1]", "[correlation]", "pairs")
                continue
            if all(self.known(name, names, "uncertainty") for name in row[:2]):
                found.append((by_key[canonical(row[0])], by_key[canonical(row[1])], share))
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
        name = self.text(row, "name", "a metric")
        where = f"metric '{name}'"
        self.keys(row, METRIC_KEYS, where)
        for key, allowed in (("better", BETTER), ("censored", CENSORED), ("statistic", STATISTICS)):
            if key in row and row[key] not in allowed:
                self.fault(str(unknown(key, str(row[key]), allowed)), name, key)
                return None
        common = {
            "better": row.get("better", "none"),
            "tie": self.number(row, "tie", where, 1e-6),
            "censored": row.get("censored", "exclude"),
            "satisfied": self.satisfied(row.get("satisfied"), where),
        }
        self.text(row, "description", where)
        if "expression" in row:
            combined = self.formula(row["expression"], name)
            if combined is None:
                return None
            return Metric(name, None, "expression", expression=combined, **common)
        quantity = self.quantity(row, name)
        if quantity is None:
            return None
        return self.timed(row, name, quantity, common)

    def satisfied(self, row: Any, where: str) -> tuple[str, float] | None:
        if row is None:
            return None
        for word in ("below", "above"):
            if isinstance(row, dict) and set(row) == {word}:
                return word, self.number(row, word, where)
        self.fault(f"{where}: satisfied needs below or above", mentioned(where), "satisfied")
        return None

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
        where = f"metric '{name}'"
        between = self.numbers(row["between"], where, "between", 2) if "between" in row else None
        window = (between[0], between[1]) if between else None
        if window and not window[0] < window[1]:
            self.fault(f"{where}: 'between' ends before it begins", name, "between")
        how = self.how(row, name, where)
        speed = row.get("rewards_speed", "auto")
        if speed != "auto":
            speed = self.flag(row, "rewards_speed", where)
        rewards = how["how"] == "first_crossing" if speed == "auto" else bool(speed)
        return Metric(name, quantity, between=window, rewards_speed=rewards, **how, **common)

    def how(self, row: Mapping, name: str, where: str) -> dict[str, Any]:
        """The fields of a metric that say how it is measured."""
        if "at" in row:
            return {"how": "at", "at": self.number(row, "at", where)}
        if "first_crossing" in row:
            direction, level = self.crossing(row["first_crossing"], name)
            return {"how": "first_crossing", "direction": direction, "level": level}
        if "when" in row:
            trigger = self.table(row, "when")
            self.keys(trigger, {"variable", "reaches"}, where)
            level = self.level(trigger.get("reaches"), name)
            return {"how": "when", "trigger": self.text(trigger, "variable", where), "level": level}
        if "time_above" in row or "time_below" in row:
            key = "time_above" if "time_above" in row else "time_below"
            return {"how": key, "level": self.level(row[key], name)}
        if self.flag(row, "integral", where):
            return {"how": "integral", "discount_rate": self.number(row, "discount_rate", where, 0.0)}
        return {"how": row.get("statistic", "final")}

    def crossing(self, row: Any, name: str) -> tuple[str, Level | None]:
        for direction in ("above", "below"):
            if isinstance(row, dict) and set(row) == {direction}:
                return direction, self.level(row[direction], name)
        self.fault(f"metric '{name}': first_crossing needs above or below", name)
        return "above", None

    def level(self, value: Any, name: str) -> Level | None:
        number = finite(value)
        if number is not None:
            return Level(value=number)
        if isinstance(value, dict) and {"variable", "at"} <= set(value) <= {"policy", "variable", "at"}:
            where = f"metric '{name}'"
            policy, variable = (
                self.text(value, "policy", where, "baseline"),
                self.text(value, "variable", where),
            )
            return Level(None, policy, variable, self.number(value, "at", where))
        self.fault(f"metric '{name}': a level is a number or {{ policy, variable, at }}", name)
        return None


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
