"""LLVM instructions on values of many runs side by side, written as text.

A value is either one number for all runs or a vector with one element for each; it is a number
(``double``), a truth value (``i1``) or an integer (``i64``). Where there is one run, nothing is a vector.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from sdtheory.engines.random import KEY_STEPS, MULTIPLIERS, ROUNDS, WORD

# the C library's names of the functions of one argument, and of the power
MATHEMATICS = {
    "exp": "exp",
    "ln": "log",
    "sin": "sin",
    "cos": "cos",
    "tan": "tan",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "sinh": "sinh",
    "cosh": "cosh",
    "tanh": "tanh",
    "^": "pow",
}
COMPARISONS = {"<": "olt", "<=": "ole", ">": "ogt", ">=": "oge", "=": "oeq", "<>": "une"}
ARITHMETIC = {"+": "fadd", "-": "fsub", "*": "fmul", "/": "fdiv"}
INTRINSICS = {"abs": "fabs", "sqrt": "sqrt", "integer": "trunc"}
TWO_TO_52 = 0x4330000000000000  # the bits of 2.0**52


@dataclass(frozen=True)
class Value:
    """The name of a value with its type; `wide` when every run has its own."""

    text: str
    kind: str = "double"
    wide: bool = False


# of every function that is written: the first run of the chunk, and the number of runs of the block
BASE, RUNS = Value("%base", "i64"), Value("%runs", "i64")


@dataclass(frozen=True)
class Mathematics:
    """Where mathematical functions come from.

    Parameters
    ----------
    lanes : int
        Elements that one call of a vector function takes.
    prefix : str
        What stands before a vector function's name, such as ``_ZGVeN8``; of the vector function ABI of
        x86-64, for which the C library's libmvec is built.
    functions : frozenset of str
        C names of the functions that have a vector form; others are called element by element.
    permutes : bool
        The processor can pick elements of a vector by index (AVX-512).
    """

    lanes: int = 2
    prefix: str = ""
    functions: frozenset[str] = frozenset()
    permutes: bool = False


@dataclass
class Code:
    """The text of a function that grows.

    Parameters
    ----------
    lanes : int
        Runs side by side: a multiple of `mathematics.lanes`, or 1.
    mathematics : Mathematics
    """

    lanes: int
    mathematics: Mathematics
    lines: list[str] = field(default_factory=list)
    slots: list[str] = field(default_factory=list)
    declarations: dict[str, None] = field(default_factory=dict)
    globals: dict[str, str] = field(default_factory=dict)
    count: int = 0

    @property
    def permutes(self) -> bool:
        """Elements of a vector can be picked by index."""
        return self.mathematics.permutes and self.lanes > 1

    # the text

    def fresh(self) -> str:
        """A name not used before."""
        self.count += 1
        return f"%t{self.count}"

    def put(self, instruction: str) -> str:
        """Add an instruction that gives a value; its name."""
        name = self.fresh()
        self.lines.append(f"  {name} = {instruction}")
        return name

    def do(self, instruction: str) -> None:
        """Add an instruction that gives none."""
        self.lines.append(f"  {instruction}")

    def label(self, name: str) -> None:
        """Begin a block."""
        self.lines.append(f"{name}:")

    def declare(self, result: str, name: str, *arguments: str) -> str:
        """Declare a function that has no effects; its name."""
        self.declarations[f"declare {result} @{name}({', '.join(arguments)}) #1"] = None
        return f"@{name}"

    def type_of(self, kind: str, wide: bool) -> str:
        """The text of a type."""
        return f"<{self.lanes} x {kind}>" if wide and self.lanes > 1 else kind

    def typed(self, value: Value) -> str:
        """A value after its type."""
        return f"{self.type_of(value.kind, value.wide)} {value.text}"

    def slot(self, kind: str = "double", wide: bool = True) -> str:
        """A place that holds a value through the run."""
        name = self.fresh()
        self.slots.append(f"  {name} = alloca {self.type_of(kind, wide)}")
        return name

    def array(self, length: int) -> str:
        """A place for so many vectors of numbers."""
        name = self.fresh()
        self.slots.append(f"  {name} = alloca [{length * self.lanes} x double], align 64")
        return name

    def at(self, base: str, place: Value, kind: str = "double") -> str:
        """A place in memory, counted in numbers from another."""
        return self.put(f"getelementptr {kind}, ptr {base}, i64 {place.text}")

    def load(self, place: str, kind: str = "double", wide: bool = True) -> Value:
        """The value at a place in memory, aligned as single elements are."""
        return Value(self.put(f"load {self.type_of(kind, wide)}, ptr {place}, align 8"), kind, wide)

    def own(self, array: str, row: int, kind: str = "double") -> Value:
        """The runs' own values in a row of an array (rows, runs of the block)."""
        place = self.binary("add", self.binary("mul", integer(row), RUNS), BASE)
        return self.load(self.at(array, place), kind)

    def store(self, value: Value, place: str) -> None:
        """Keep a value at a place in memory."""
        self.do(f"store {self.typed(value)}, ptr {place}, align 8")

    # values

    def same(self, *values: Value) -> tuple[list[Value], bool]:
        """The values, all as wide as the widest."""
        wide = any(value.wide for value in values)
        return [self.widened(value) if wide else value for value in values], wide

    def widened(self, value: Value) -> Value:
        """The value, one for each run."""
        if value.wide:
            return value
        if self.lanes == 1:
            return Value(value.text, value.kind, True)
        if not value.text.startswith("%"):
            return Value(f"splat ({value.kind} {value.text})", value.kind, True)
        return Value(self.splat(value.kind, value.text, self.lanes), value.kind, True)

    def splat(self, kind: str, text: str, lanes: int) -> str:
        """A vector whose elements are all the same."""
        one = self.put(f"insertelement <{lanes} x {kind}> poison, {kind} {text}, i64 0")
        return self.put(
            f"shufflevector <{lanes} x {kind}> {one}, <{lanes} x {kind}> poison, <{lanes} x i32> zeroinitializer"
        )

    def element(self, value: Value, lane: int) -> str:
        """One run's element."""
        if self.lanes == 1:
            return value.text
        return self.put(f"extractelement {self.typed(value)}, i64 {lane}")

    def gathered(self, elements: list[str]) -> Value:
        """The number whose elements, one for each run, are these."""
        if self.lanes == 1:
            return Value(elements[0], "double", True)
        text = "poison"
        for lane, element in enumerate(elements):
            text = self.put(f"insertelement <{self.lanes} x double> {text}, double {element}, i64 {lane}")
        return Value(text, "double", True)

    def number(self, value: Value) -> Value:
        """A truth value as 1 or 0."""
        if value.kind != "i1":
            return value
        return self.choice(value, constant(1.0), constant(0.0))

    def truth(self, value: Value) -> Value:
        """Whether a number is not 0; NaN is not."""
        return value if value.kind == "i1" else self.compare("une", value, constant(0.0))

    def choice(self, condition: Value, then: Value, otherwise: Value) -> Value:
        """Of two values the first where the condition holds; the other one does not matter there."""
        (condition, then, otherwise), wide = self.same(condition, then, otherwise)
        text = f"select {self.typed(condition)}, {self.typed(then)}, {self.typed(otherwise)}"
        return Value(self.put(text), then.kind, wide)

    def compare(self, predicate: str, a: Value, b: Value) -> Value:
        """A comparison of two numbers (``fcmp``)."""
        (a, b), wide = self.same(a, b)
        return Value(self.put(f"fcmp {predicate} {self.typed(a)}, {b.text}"), "i1", wide)

    def order(self, predicate: str, a: Value, b: Value) -> Value:
        """A comparison of two integers (``icmp``)."""
        (a, b), wide = self.same(a, b)
        return Value(self.put(f"icmp {predicate} {self.typed(a)}, {b.text}"), "i1", wide)

    def binary(self, instruction: str, a: Value, b: Value) -> Value:
        """An instruction on two values of one kind."""
        (a, b), wide = self.same(a, b)
        return Value(self.put(f"{instruction} {self.typed(a)}, {b.text}"), a.kind, wide)

    def intrinsic(self, word: str, *arguments: Value) -> Value:
        """One of LLVM's own functions on numbers."""
        parts, wide = self.same(*arguments)
        kind = self.type_of("double", wide)
        suffix = f"v{self.lanes}f64" if wide and self.lanes > 1 else "f64"
        name = self.declare(kind, f"llvm.{word}.{suffix}", *[kind] * len(parts))
        return Value(self.put(f"call {kind} {name}({', '.join(map(self.typed, parts))})"), "double", wide)

    def smaller(self, a: Value, b: Value, predicate: str = "olt") -> Value:
        """The smaller of two numbers (with ``ogt`` the larger); NaN when one is NaN; of equals the second."""
        least = self.choice(self.compare(predicate, a, b), a, b)
        return self.choice(self.compare("uno", a, a), a, least)

    # operations of a program

    def operation(self, word: str, arguments: list[Value]) -> Value:
        """The value of an operation of the function table."""
        if word == "if_then_else":
            condition, then, otherwise = arguments
            return self.choice(self.truth(condition), self.number(then), self.number(otherwise))
        if word in ("and", "or"):
            return self.binary(word, *map(self.truth, arguments))
        if word == "unary not":
            return self.binary("xor", self.truth(arguments[0]), Value("true", "i1"))
        numbers = [self.number(value) for value in arguments]
        if word in COMPARISONS:
            return self.compare(COMPARISONS[word], *numbers)
        if word in ARITHMETIC:
            return self.binary(ARITHMETIC[word], *numbers)
        if word in INTRINSICS:
            return self.intrinsic(INTRINSICS[word], *numbers)
        if word in ("min", "max"):
            return self.smaller(numbers[0], numbers[1], "olt" if word == "min" else "ogt")
        if word == "unary -":
            return Value(self.put(f"fneg {self.typed(numbers[0])}"), "double", numbers[0].wide)
        if word == "remainder":
            return self._remainder(*numbers)
        if word == "^" and numbers[1].text in _SIMPLE_POWERS:
            return self._simple_power(*numbers)
        return self._mathematics(MATHEMATICS[word], *numbers)

    def _simple_power(self, base: Value, exponent: Value) -> Value:
        """A power that numpy computes without its power function."""
        match _SIMPLE_POWERS[exponent.text]:
            case -1.0:
                return self.binary("fdiv", constant(1.0), base)
            case 0.0:
                return constant(1.0)
            case 0.5:
                return self.intrinsic("sqrt", base)
            case 1.0:
                return base
        return self.binary("fmul", base, base)

    def _remainder(self, a: Value, b: Value) -> Value:
        """The remainder with the sign of the divisor, as numpy's ``mod``."""
        rest = self._mathematics("fmod", a, b)
        zero = constant(0.0)
        moved = self.binary(
            "and",
            self.compare("une", rest, zero),
            self.binary("xor", self.compare("olt", b, zero), self.compare("olt", rest, zero)),
        )
        result = self.choice(moved, self.binary("fadd", rest, b), rest)
        exact = self.binary("and", self.compare("oeq", rest, zero), self.compare("une", b, zero))
        return self.choice(exact, self.intrinsic("copysign", zero, b), result)

    def _mathematics(self, word: str, *arguments: Value) -> Value:
        """A function of the C library: by its vector form where there is one, else element by element."""
        parts, wide = self.same(*arguments)
        if word in self.mathematics.functions:
            return self._by_vector(word, parts, wide)
        function = self.declare("double", word, *["double"] * len(parts))
        if not wide:
            return Value(self.put(f"call double {function}({', '.join(map(self.typed, parts))})"))
        results = []
        for lane in range(self.lanes):
            given = ", ".join(f"double {self.element(part, lane)}" for part in parts)
            results.append(self.put(f"call double {function}({given})"))
        return self.gathered(results)

    def _by_vector(self, word: str, parts: list[Value], wide: bool) -> Value:
        lanes = self.mathematics.lanes
        kind = f"<{lanes} x double>"
        name = f"{self.mathematics.prefix}{'v' * len(parts)}_{word}"
        function = self.declare(kind, name, *[kind] * len(parts))
        if not wide or self.lanes == 1:  # the same argument must give the same bits everywhere
            given = ", ".join(f"{kind} {self.splat('double', part.text, lanes)}" for part in parts)
            result = self.put(f"extractelement {kind} {self.put(f'call {kind} {function}({given})')}, i64 0")
            return Value(result, "double", wide)
        pieces = []
        for first in range(0, self.lanes, lanes):
            given = ", ".join(f"{kind} {self.piece(part, first, lanes)}" for part in parts)
            pieces.append(self.put(f"call {kind} {function}({given})"))
        return Value(self.joined("double", pieces, lanes), "double", True)

    def piece(self, value: Value, first: int, lanes: int) -> str:
        """Some neighbouring elements of a vector."""
        if lanes == self.lanes:
            return value.text
        whole = self.type_of(value.kind, True)
        places = ", ".join(f"i32 {first + lane}" for lane in range(lanes))
        return self.put(f"shufflevector {whole} {value.text}, {whole} poison, <{lanes} x i32> <{places}>")

    def joined(self, kind: str, pieces: list[str], lanes: int) -> str:
        """Vectors one after the other as one."""
        while len(pieces) > 1:
            places = ", ".join(f"i32 {lane}" for lane in range(2 * lanes))
            pieces = [
                self.put(
                    f"shufflevector <{lanes} x {kind}> {a}, <{lanes} x {kind}> {b}, <{2 * lanes} x i32> <{places}>"
                )
                for a, b in zip(pieces[::2], pieces[1::2], strict=True)
            ]
            lanes *= 2
        return pieces[0]

    def numbers(self) -> Value:
        """The runs of the chunk, counted from 0."""
        if self.lanes == 1:
            return Value("0", "i64", True)
        return Value(f"<{', '.join(f'i64 {lane}' for lane in range(self.lanes))}>", "i64", True)

    # random numbers

    def uniform(self, keys: list[str], runs: Value, step: Value, site: int) -> Value:
        """What `sdtheory.engines.random.uniform` gives, for keys from `round_keys`."""
        a, b, c, d = runs, self._word(step), integer(site & WORD), integer(0)
        for turn in range(ROUNDS):
            first = self.binary("mul", integer(MULTIPLIERS[0]), a)
            second = self.binary("mul", integer(MULTIPLIERS[1]), c)
            a = self._mixed(second, b, keys[2 * turn])
            c = self._mixed(first, d, keys[2 * turn + 1])
            b, d = self._word(second), self._word(first)
        upper = self.binary("shl", a, integer(20))
        bits = self.binary("or", upper, self.binary("lshr", b, integer(12)))
        whole = self.binary("or", self.widened(bits), integer(TWO_TO_52))
        kind = self.type_of("double", True)
        number = Value(self.put(f"bitcast {self.typed(whole)} to {kind}"), "double", True)
        number = self.binary("fsub", number, constant(2.0**52))
        return self.binary("fmul", self.binary("fadd", number, constant(0.5)), constant(2.0**-52))

    def round_keys(self, seed: str) -> list[str]:
        """The keys of every round of the random numbers."""
        keys = [self._word(Value(seed, "i64")).text, self.put(f"lshr i64 {seed}, 32")]
        found = []
        for turn in range(ROUNDS):
            for key, step in zip(keys, KEY_STEPS, strict=True):
                moved = Value(self.put(f"add i64 {key}, {turn * step}"), "i64")
                found.append(self._word(moved).text)
        return found

    def _mixed(self, product: Value, word: Value, key: str) -> Value:
        high = self.binary("lshr", product, integer(32))
        return self.binary("xor", self.binary("xor", high, word), Value(key, "i64"))

    def _word(self, value: Value) -> Value:
        return self.binary("and", value, integer(WORD))


def constant(value: float) -> Value:
    """A number that is part of the code."""
    return Value(f"0x{struct.pack('>d', value).hex().upper()}")


def integer(value: int) -> Value:
    """An integer that is part of the code."""
    return Value(str(value), "i64")


_SIMPLE_POWERS = {constant(value).text: value for value in (-1.0, 0.0, -0.0, 0.5, 1.0, 2.0)}
