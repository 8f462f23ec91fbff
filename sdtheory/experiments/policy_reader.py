"""The policies of an experiment file, with their changes; every fault is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING
from itertools import combinations, pairwise
from typing import Any

from sdtheory.errors import shown
from sdtheory.experiments.faults import MOST_ROWS, Faults, finite, mentioned
from sdtheory.experiments.policy import (
    Amount,
    Change,
    EquationChange,
    LookupChange,
    Policy,
    Pulse,
    Ramp,
    Step,
)
from sdtheory.experiments.structure import (
    AddAuxiliary,
    AddFlow,
    AddStock,
    Remove,
    Rename,
    SetUnits,
    StructureChange,
)
from sdtheory.names import canonical, unknown

POLICY_KEYS = {"name", "description", "set", "change", "structure", "include"}
AMOUNTS = {"to", "by", "times"}
OUTSIDE = ("hold", "extrapolate", "error")
STRUCTURE: dict[str, Any] = {
    "add_stock": AddStock,
    "add_flow": AddFlow,
    "add_auxiliary": AddAuxiliary,
    "remove": Remove,
    "rename": Rename,
    "set_units": SetUnits,
}


class PolicyReader(Faults):
    """Reads policies and gathers every fault with its line."""

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
        structure: list[StructureChange] = []
        for other in self.texts(row, "include", where):
            base = others.get(canonical(other))
            if base is None:
                self.fault(str(unknown("policy", other, [p.name for p in others.values()])), name, other)
            else:
                values.update(base.set)
                changes.extend(base.changes)
                structure.extend(base.structure)
        given = self.table(row, "set")
        values.update({key: self.number(given, key, where) for key in given})
        changes.extend(change for entry in self.rows(row, "change") if (change := self.change(entry, where)))
        more = (self.structural(entry, where) for entry in self.rows(row, "structure"))
        structure.extend(one for one in more if one is not None)
        return Policy(name, self.text(row, "description", where), values, tuple(changes), tuple(structure))

    def structural(self, row: Mapping, where: str) -> StructureChange | None:
        """A change of the model's structure."""
        self.keys(row, set(STRUCTURE), where)
        if len(row) != 1:
            words = ", ".join(STRUCTURE)
            self.fault(f"{where}: a change of structure is one of {words}", mentioned(where), "structure")
            return None
        ((kind, value),) = row.items()
        if kind not in STRUCTURE:
            return None
        if kind == "remove":
            return Remove(self.text(row, "remove", where))
        if not isinstance(value, dict):
            self.fault(f"{where}: '{kind}' must be a table", mentioned(where), kind)
            return None
        fields = STRUCTURE[kind].__dataclass_fields__
        self.keys(value, set(fields), f"'{kind}' of {where}")
        given: dict[str, Any] = {}
        for key in fields:
            number = finite(value.get(key)) if key in ("equation", "initial") else None
            if number is not None:
                given[key] = number
            elif key in value or fields[key].default is MISSING:
                given[key] = self.text(value, key, where)
                if not given[key] and key in ("name", "equation", "initial", "old", "new"):
                    self.fault(f"{where}: '{kind}' needs '{key}'", mentioned(where), kind)
                    return None
        return STRUCTURE[kind](**given)

    def change(self, row: Mapping, where: str) -> Change | None:
        kinds = {
            "step": Step,
            "ramp": Ramp,
            "pulse": Pulse,
            "lookup": LookupChange,
            "equation": EquationChange,
        }
        self.keys(row, {"variable", *kinds}, where)
        chosen = [kind for kind in kinds if kind in row]
        variable = row.get("variable")
        if not isinstance(variable, str) or len(chosen) != 1:
            self.fault(f"{where}: a change needs a variable and one of {', '.join(kinds)}", mentioned(where))
            return None
        kind, table = chosen[0], row[chosen[0]]
        if kind == "equation":
            return EquationChange(variable, self.text(row, "equation", where))
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
        if outside not in OUTSIDE:
            self.fault(str(unknown("'outside'", str(outside), OUTSIDE)), variable, "outside")
            return None
        return LookupChange(variable, tuple(plain), self.text(table, "of", where, "time"), outside)


def _combinations(policies: list[Policy]) -> list[Policy]:
    found = []
    for size in range(2, len(policies) + 1):
        for group in combinations(policies, size):
            merged: dict[str, float] = {}
            for policy in group:
                merged.update(policy.set)
            # what both include of a third policy is made once
            changes = tuple(dict.fromkeys(change for policy in group for change in policy.changes))
            structure = tuple(dict.fromkeys(change for policy in group for change in policy.structure))
            name = " + ".join(policy.name for policy in group)
            found.append(Policy(name, "", merged, changes, structure))
    return found
