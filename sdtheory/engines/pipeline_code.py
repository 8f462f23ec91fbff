"""LLVM instructions of a DELAY FIXED: values of the last steps in a ring, in scratch memory."""

from __future__ import annotations

from sdtheory.engines.vector_code import Code, Value, integer


class PipelineCode:
    """A pipeline's part of a function: `begin` before a run, `passed_on` at each step.

    Parameters
    ----------
    code : Code
    row : int
        Among the program's pipelines.
    ring : str
        Where its ring begins.
    alike : bool
        All runs have the same delay.
    """

    def __init__(self, code: Code, row: int, ring: str, alike: bool):
        self.code = code
        self.row = row
        self.ring = ring
        self.alike = alike
        self.counter = code.slot("i64", False)  # the place in the ring that is written next

    def end(self) -> str:
        """Where its ring ends."""
        return self.code.at(self.ring, self.code.binary("mul", self._length(), integer(self.code.lanes)))

    def begin(self) -> None:
        """What holds before the first step."""
        self.code.store(integer(0), self.counter)

    def passed_on(self, value: Value, initial: Value) -> Value:
        """Take in the value of step ``%k``; what comes out at the next step."""
        code = self.code
        lanes = integer(code.lanes)
        written = code.load(self.counter, "i64", False)
        code.store(value, code.at(self.ring, code.binary("mul", written, lanes)))
        length = self._length()
        following = code.binary("add", written, integer(1))
        around = code.order("eq", following, length)
        code.store(code.choice(around, integer(0), following), self.counter)
        upcoming = code.binary("add", Value("%k", "i64"), integer(1))
        if self.alike:  # each as long as the ring, whose oldest value is the one to be written over next
            oldest = code.binary("mul", code.load(self.counter, "i64", False), lanes)
            out = code.load(code.at(self.ring, oldest))
            return code.choice(code.order("slt", upcoming, length), initial, out)
        delays = code.own("%delays", self.row, "i64")
        source = code.binary("sub", following, delays)
        wrapped = code.binary("add", source, length)
        source = code.choice(code.order("slt", source, integer(0)), wrapped, source)
        out = self._gathered(code.binary("mul", source, lanes))
        return code.choice(code.order("slt", upcoming, delays), initial, out)

    def _length(self) -> Value:
        return self.code.load(self.code.at("%lengths", integer(self.row), "i64"), "i64", False)

    def _gathered(self, places: Value) -> Value:
        """Each run's own value from its own place."""
        code = self.code
        elements = []
        for lane in range(code.lanes):
            place = Value(code.put(f"add i64 {code.element(places, lane)}, {lane}"), "i64")
            elements.append(code.load(code.at(self.ring, place), wide=False).text)
        return code.gathered(elements)
