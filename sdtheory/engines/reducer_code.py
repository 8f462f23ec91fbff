"""LLVM instructions of the reducers: what is kept of an output as the rows go by."""

from __future__ import annotations

import math

from sdtheory.engines.reducers import Reducer
from sdtheory.engines.vector_code import Code, Value, constant


class ReducerCode:
    """A reducer's part of a function: `begin` before a run, `take` at each row, `result` after.

    Parameters
    ----------
    code : Code
    reducer : Reducer
        The result is what `sdtheory.engines.reducers.reduced` gives, to the last bit.
    """

    def __init__(self, code: Code, reducer: Reducer):
        self.code = code
        self.reducer = reducer
        self.kind = reducer.kind
        self.best = code.slot()  # the value so far
        self.slots = {}
        if self.kind in ("time_of_minimum", "time_of_maximum"):
            self.slots = {"when": code.slot()}
        elif self.kind == "integral":
            self.slots = {"before": code.slot()}
        elif self.kind == "first_crossing":
            self.slots = {word: code.slot() for word in ("before", "side", "over")}
            self.moment = code.slot("double", False)

    def begin(self) -> None:
        """What holds before the first row."""
        first = {
            "minimum": math.inf,
            "time_of_minimum": math.inf,
            "maximum": -math.inf,
            "time_of_maximum": -math.inf,
            "first_crossing": math.nan,
        }.get(self.kind, 0.0)
        self._set(self.best, constant(first))
        if "when" in self.slots:
            self._set(self.slots["when"], Value("%start"))
        if "over" in self.slots:
            self._set(self.slots["over"], constant(0.0))

    def take(self, value: Value, level: Value | None) -> None:
        """Take in a row at the time ``%now``; ``%k`` is 0 in the first."""
        code = self.code
        if level is not None:
            self._cross(value, level)
        elif self.kind == "final":
            code.store(value, self.best)
        elif self.kind == "mean":
            code.store(code.binary("fadd", code.load(self.best), value), self.best)
        elif self.kind == "integral":
            self._integrate(value)
        else:
            self._compare(value)

    def result(self) -> Value:
        """The value after the last row."""
        code = self.code
        best = code.load(self.best)
        if self.kind == "mean":
            count = Value(code.put("sitofp i64 %rows to double"))
            return code.binary("fdiv", best, count)
        if self.kind == "integral":
            return code.binary("fmul", best, Value("%half"))
        if "when" in self.slots:
            unknown = code.compare("uno", best, best)
            return code.choice(unknown, constant(math.nan), code.load(self.slots["when"]))
        return best

    def _set(self, slot: str, value: Value) -> None:
        self.code.store(self.code.widened(value), slot)

    def _is_first(self) -> Value:
        return Value(self.code.put("icmp eq i64 %k, 0"), "i1")

    def _integrate(self, value: Value) -> None:
        code = self.code
        both = code.binary("fadd", code.load(self.slots["before"]), value)
        total = code.load(self.best)
        added = code.binary("fadd", total, both)
        code.store(code.choice(self._is_first(), total, added), self.best)
        code.store(value, self.slots["before"])

    def _compare(self, value: Value) -> None:
        code = self.code
        predicate = "olt" if self.kind.endswith("minimum") else "ogt"
        best = code.load(self.best)
        better = code.compare(predicate, value, best)
        code.store(code.smaller(value, best, predicate), self.best)
        if "when" in self.slots:
            when = code.load(self.slots["when"])
            code.store(code.choice(better, Value("%now"), when), self.slots["when"])

    def _cross(self, value: Value, level: Value) -> None:
        """The first row at or beyond the level, seen from the side of the first row."""
        code = self.code
        zero = constant(0.0)
        first = self._is_first()
        away = code.binary("fsub", value, level)
        above = code.choice(code.compare("ogt", away, zero), constant(1.0), zero)
        side = code.choice(first, above, code.load(self.slots["side"]))
        opposite = Value(code.put(f"fneg {code.typed(away)}"), "double", True)
        distance = code.choice(code.compare("une", side, zero), opposite, away)
        before = code.load(self.slots["before"])
        low = Value(code.put(f"fneg {code.typed(before)}"), "double", True)
        share = code.binary("fdiv", low, code.binary("fsub", distance, before))
        moment = code.load(self.moment, wide=False)
        span = code.binary("fsub", Value("%now"), moment)
        later = code.binary("fadd", moment, code.binary("fmul", share, span))
        crossing = code.choice(first, Value("%now"), later)
        over = code.load(self.slots["over"])
        reached = code.binary("and", code.compare("oge", distance, zero), code.compare("oeq", over, zero))
        code.store(code.choice(reached, crossing, code.load(self.best)), self.best)
        code.store(code.choice(reached, constant(1.0), over), self.slots["over"])
        code.store(side, self.slots["side"])
        code.store(distance, self.slots["before"])
        code.store(Value("%now"), self.moment)
