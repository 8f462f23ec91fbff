"""Changes of a variable over time: steps, ramps, pulses, graphs and other equations."""

from __future__ import annotations

from dataclasses import dataclass

from sdtheory.model.expression import TIME, Binary, Call, Expression, Lookup, Name, Number, Table
from sdtheory.names import canonical

TIME_TOLERANCE = 1e-9  # in model time; a change at t acts on the step that starts at t


@dataclass(frozen=True)
class Amount:
    """What a change makes of a value: ``to`` a number, ``by`` adding one, or ``times`` one."""

    how: str
    value: float

    def applied(self, own: Expression, share: Expression | None = None) -> Expression:
        """The changed value; `share` (0 to 1) blends from the own value."""
        number = Number(self.value)
        target: Expression = number
        if self.how == "by":
            target = Binary("+", own, number)
        elif self.how == "times":
            target = Binary("*", own, number)
        if share is None:
            return target
        return Binary("+", own, Binary("*", share, Binary("-", target, own)))


@dataclass(frozen=True)
class Step:
    """From time `at` on."""

    variable: str
    amount: Amount
    at: float

    def expression(self, own: Expression) -> Expression:
        return Call("if_then_else", (_since(self.at), self.amount.applied(own), own))

    def times(self) -> tuple[float, float]:
        return self.at, float("inf")


@dataclass(frozen=True)
class Ramp:
    """Linear from time `start` until `until`, then held."""

    variable: str
    amount: Amount
    start: float
    until: float

    def expression(self, own: Expression) -> Expression:
        elapsed = Binary("/", Binary("-", TIME, Number(self.start)), Number(self.until - self.start))
        share = Call("max", (Number(0.0), Call("min", (Number(1.0), elapsed))))
        return Call("if_then_else", (_since(self.start), self.amount.applied(own, share), own))

    def times(self) -> tuple[float, float]:
        return self.start, float("inf")


@dataclass(frozen=True)
class Pulse:
    """During `width` from time `at` on, repeated `every` so often until `until`."""

    variable: str
    amount: Amount
    at: float
    width: float
    every: float | None = None
    until: float | None = None

    def expression(self, own: Expression) -> Expression:
        start, width = Number(self.at - TIME_TOLERANCE), Number(self.width)
        elapsed: Expression = Binary("-", TIME, start)
        if self.every is not None:
            elapsed = Call("remainder", (elapsed, Number(self.every)))
        on = Binary("and", _since(self.at), Binary("<", elapsed, width))
        if self.until is not None:
            on = Binary("and", on, Binary("<", TIME, Number(self.until - TIME_TOLERANCE)))
        return Call("if_then_else", (on, self.amount.applied(own), own))

    def times(self) -> tuple[float, float]:
        if self.every is None:
            return self.at, self.at + self.width
        return self.at, float("inf") if self.until is None else self.until


@dataclass(frozen=True)
class LookupChange:
    """The variable becomes a graph of time or of another variable; a lookup gets other points."""

    variable: str
    points: tuple[tuple[float, float], ...]
    of: str = "time"
    outside: str = "hold"  # or "extrapolate", or "error": such a run diverges

    def table(self) -> Table:
        x, y = zip(*self.points, strict=True)
        return Table(x, y, "extrapolate" if self.outside == "extrapolate" else "interpolate")

    def argument(self) -> Name:
        return TIME if canonical(self.of) == "time" else Name(self.of)

    def expression(self, own: Expression) -> Expression:
        """The graph; beyond its points no number where that is an error, so that the run says so."""
        graph = Lookup(self.table(), self.argument())
        if self.outside != "error":
            return graph
        low, high = Number(self.points[0][0]), Number(self.points[-1][0])
        beyond = Binary("or", Binary("<", self.argument(), low), Binary(">", self.argument(), high))
        return Call("if_then_else", (beyond, Number(float("nan")), graph))

    def times(self) -> tuple[float, float]:
        return float("-inf"), float("inf")


@dataclass(frozen=True)
class EquationChange:
    """The variable gets another equation, in the language of Vensim or XMILE, for the whole run."""

    variable: str
    text: str

    def times(self) -> tuple[float, float]:
        return float("-inf"), float("inf")


TimedChange = Step | Ramp | Pulse
Change = TimedChange | LookupChange | EquationChange


def _since(start: float) -> Expression:
    return Binary(">=", TIME, Number(start - TIME_TOLERANCE))
