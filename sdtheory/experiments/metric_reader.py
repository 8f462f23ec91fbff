"""The metrics of an experiment file; every fault is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sdtheory.errors import SDError, shown
from sdtheory.experiments.faults import Faults, finite, mentioned
from sdtheory.experiments.formula import read_formula
from sdtheory.experiments.metric import BETTER, CENSORED, STATISTICS, Level, Metric, in_order
from sdtheory.experiments.policy import split_element
from sdtheory.model.expression import Expression, Name, references
from sdtheory.names import canonical, unknown
from sdtheory.translate.structure import cycle, trail

METRIC_KEYS = {
    "name", "description", "variable", "formula", "expression", "at", "statistic", "integral",
    "discount_rate", "first_crossing", "when", "time_above", "time_below", "between", "better",
    "rewards_speed", "tie", "satisfied", "censored",
}  # fmt: skip


# ways to make one number of a series; an expression needs none
WAYS = ("at", "first_crossing", "when", "time_above", "time_below", "integral", "statistic", "expression")


class MetricReader(Faults):
    """Reads metrics and gathers every fault with its line."""

    def formula(self, text: Any, where: str, *words: str) -> Expression | None:
        if not isinstance(text, str):
            self.fault(f"the formula of '{where}' must be text", *words)
            return None
        try:
            return read_formula(text)
        except SDError as error:
            self.fault(error.message, *words)
            return None

    def metrics(self, tables: Mapping) -> tuple[Metric, ...]:
        found: dict[str, Metric] = {}
        self.speed: dict[str, bool] = {}
        for row in self.rows(tables, "metric"):
            metric = self.metric(row)
            if metric is None:
                continue
            if canonical(metric.name) in found:
                self.fault(f"there are two metrics named '{shown(metric.name)}'", metric.name)
            found[canonical(metric.name)] = metric
        names = [metric.name for metric in found.values()]
        reads: dict[str, list[str]] = {}
        for key, metric in found.items():
            parts = [] if metric.expression is None else references(metric.expression)
            for part in parts:
                self.known(part.name, names, "metric")
            reads[key] = [canonical(part.name) for part in parts]
        circle = cycle(reads)
        if circle:
            self.fault(
                f"metrics need each other: {trail(found[key].name for key in circle)}", found[circle[0]].name
            )
            return tuple(found.values())
        for metric in in_order(tuple(found.values())):
            # what is made of metrics rewards speed when one of them does
            key = canonical(metric.name)
            if any(found[part].rewards_speed for part in reads[key] if part in found):
                found[key] = replace(metric, rewards_speed=self.speed.get(key, True))
        return tuple(found.values())

    def metric(self, row: Mapping) -> Metric | None:
        name = self.text(row, "name", "a metric")
        where = f"metric '{name}'"
        self.keys(row, METRIC_KEYS, where)
        for key, allowed in (("better", BETTER), ("censored", CENSORED), ("statistic", STATISTICS)):
            if key in row and row[key] not in allowed:
                self.fault(str(unknown(key, str(row[key]), allowed)), name, key)
                return None
        kinds = [key for key in WAYS if key in row and row[key] is not False]
        if len(kinds) > 1:
            self.fault(f"{where}: only one of {', '.join(kinds)} can be measured", name, kinds[1])
            return None
        self.apart(row, where, kinds)
        speed = row.get("rewards_speed", "auto")
        if speed != "auto":
            self.speed[canonical(name)] = self.flag(row, "rewards_speed", where)
        common = {
            "better": row.get("better", "none"),
            "tie": self.number(row, "tie", where, 1e-6),
            "censored": row.get("censored", "exclude"),
            "satisfied": self.satisfied(row.get("satisfied"), where),
        }
        self.text(row, "description", where)
        if "expression" in row:
            combined = self.formula(row["expression"], name, self.entry(name), "expression")
            if combined is None:
                return None
            speed = self.speed.get(canonical(name), False)
            return Metric(name, None, "expression", expression=combined, rewards_speed=speed, **common)
        quantity = self.quantity(row, name)
        if quantity is None:
            return None
        return self.timed(row, name, quantity, common)

    def apart(self, row: Mapping, where: str, kinds: list[str]) -> None:
        """Keys that mean nothing beside the others are faults, not ignored."""
        kind = kinds[0] if kinds else "statistic"
        if "discount_rate" in row and "integral" not in kinds:
            self.fault(f"{where}: 'discount_rate' is only for an integral", mentioned(where), "discount_rate")
        windowed = ("statistic", "integral", "time_above", "time_below")
        if "between" in row and kind not in windowed:
            self.fault(f"{where}: 'between' means nothing beside '{kind}'", mentioned(where), "between")
        if row.get("censored") == "at_stop" and kind != "first_crossing":
            self.fault(f'{where}: "at_stop" is only for first_crossing', mentioned(where), "censored")
        sources = [key for key in ("variable", "formula", "expression") if key in row]
        if len(sources) > 1:
            self.fault(f"{where}: give only one of {', '.join(sources)}", mentioned(where), sources[1])

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
            return self.formula(row["formula"], name, self.entry(name), "formula")
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
        rewards = self.speed.get(canonical(name), how["how"] in ("first_crossing", "when"))
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
            variable = self.text(trigger, "variable", where)
            if not variable:
                self.fault(f"{where}: 'when' needs the variable that reaches a level", name, "when")
            return {"how": "when", "trigger": variable, "level": level}
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
