"""A program as the text of an LLVM function: the whole run of many runs side by side.

The function takes a block of runs. For each chunk of `lanes` runs it computes what depends on the run
alone, then goes through time with the states in local slots, and keeps either the series of the outputs
or what reducers make of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sdtheory.engines.graph import CONST, RUN, Program, arguments_of, closure
from sdtheory.engines.pipeline_code import PipelineCode
from sdtheory.engines.reducer_code import ReducerCode
from sdtheory.engines.reducers import Reducer
from sdtheory.engines.table_code import read_rows, read_table, rows_of
from sdtheory.engines.vector_code import BASE, Code, Mathematics, Value, constant, integer

# Numbers that stay in the code because it gains from knowing them; all others are handed over, so that
# a model whose constants change keeps its machine code.
KNOWN = frozenset({-2.0, -1.0, 0.0, 0.5, 1.0, 2.0})
ARGUMENTS = (
    ("ptr", "inputs"),  # (parameters, runs)
    ("ptr", "starts"),  # (states, runs): first values of the states
    ("ptr", "delays"),  # (pipelines, runs): delays in steps
    ("ptr", "lengths"),  # (pipelines,): the longest delay
    ("ptr", "scratch"),  # (sum of lengths, lanes): values on their way
    ("ptr", "constants"),
    ("ptr", "results"),  # (outputs, all runs, rows) or (reducers, runs)
    ("ptr", "ends"),  # (runs,): when a run was found to have diverged, NaN if it was not
    ("i64", "apart"),  # numbers between the series of two outputs
    ("i64", "runs"),  # in the block, a multiple of the lanes
    ("i64", "steps"),
    ("i64", "stride"),  # steps between rows
    ("i64", "rows"),
    ("double", "start"),
    ("double", "dt"),
    ("double", "half"),  # half the time between rows
    ("i64", "seed"),
    ("i64", "first"),  # number of the block's first run in the sample
)  # fmt: skip


@dataclass(frozen=True)
class Kernel:
    """A program's function.

    Parameters
    ----------
    text : str
        LLVM assembly of the function ``run`` with `ARGUMENTS`.
    constants : array
        The numbers that the function reads at ``constants``.
    lanes : int
        Runs side by side.
    """

    text: str
    constants: np.ndarray
    lanes: int


def kernel(
    program: Program, reducers: Sequence[Reducer] | None, method: str, lanes: int, mathematics: Mathematics
) -> Kernel:
    """Write a program out as a function.

    Parameters
    ----------
    program : Program
    reducers : sequence of Reducer, or None
        What to keep of the outputs; their series when None.
    method : str
        ``euler`` or ``rk4``.
    lanes : int
        Runs side by side: a power of two times `mathematics.lanes`, or 1.
    mathematics : Mathematics

    Examples
    --------
    >>> from sdtheory.engines.program import make_program
    >>> from sdtheory.model.model import Equation, Model, Stock
    >>> from sdtheory.model.expression import Name, Number
    >>> stock = Stock("x", (Equation(Name("x"), initial=Number(1.0)),))
    >>> program = make_program(Model("m", {"x": stock}), outputs=["x"])
    >>> kernel(program, None, "euler", 2, Mathematics()).text.startswith("define void @run(")
    True
    """
    writer = _Writer(program, reducers, method, lanes, mathematics)
    writer.write()
    return Kernel(writer.text(), np.array(writer.constants, dtype=float), lanes)


class _Writer:
    def __init__(
        self,
        program: Program,
        reducers: Sequence[Reducer] | None,
        method: str,
        lanes: int,
        mathematics: Mathematics,
    ):
        self.program = program
        self.graph = program.step
        self.reducers = reducers
        self.rk4 = method == "rk4"
        self.code = Code(lanes, mathematics)
        self.constants: list[float] = []
        self.places: dict[float | str, int] = {}  # of a number, or the points of a table, among them
        self.time = Value("%time" if self.rk4 else "%now")
        states = program.states
        self.integrals = [place for place, state in enumerate(states) if state.kind == "integral"]
        self.held = [place for place, state in enumerate(states) if state.kind == "held"]
        self.clipped = any(state.non_negative for state in states)
        self._sort_nodes()

    def _sort_nodes(self) -> None:
        """Part the nodes: once a run, at every evaluation of the rates, once a step, once a row."""
        rates = self.graph.rates
        kept = self.program.outputs
        if self.reducers is not None:
            kept = {one.output: kept[one.output] for one in self.reducers}
        moving = [self._rate(place) for place in self.integrals]
        stepping = [one.rate for one in self.program.states if one.rate is not None]
        every = closure(self.graph, [*moving, *stepping, *kept.values()])
        before = frozenset(place for place in every if rates[place] in (CONST, RUN))
        randoms = frozenset(place for place in every if self.graph.nodes[place][0] == "random")
        # constants are read where they are used: that costs less than keeping them through the run
        self.once = [place for place in sorted(before) if self.graph.nodes[place][0] != "const"]
        self.randoms = sorted(randoms)
        self.moving = closure(self.graph, moving, before | randoms)
        done = before | randoms | frozenset(self.moving)
        self.stepping = closure(self.graph, stepping, done)
        self.saving = closure(self.graph, kept.values(), done | frozenset(self.stepping))

    def _rate(self, place: int) -> int:
        rate = self.program.states[place].rate
        assert rate is not None
        return rate

    def text(self) -> str:
        """The module."""
        code = self.code
        arguments = ", ".join(
            f"{'ptr noalias' if kind == 'ptr' else kind} %{name}" for kind, name in ARGUMENTS
        )
        width = 64 * code.mathematics.lanes
        return "\n".join(
            [
                f"define void @run({arguments}) #0 {{",
                "entry:",
                *code.slots,
                *code.lines,
                "}",
                *(f"{name} = {text}" for name, text in code.globals.items()),
                *code.declarations,
                f'attributes #0 = {{ nounwind "min-legal-vector-width"="{width}" "prefer-vector-width"="{width}" }}',
                "attributes #1 = { nounwind willreturn memory(none) }",
                "",
            ]
        )

    # nodes

    def _constant(self, value: float) -> Value:
        if value in KNOWN or math.isnan(value):
            return constant(value)
        place = self._place_of(value, [value])
        return self.code.load(self.code.at("%constants", integer(place)), wide=False)

    def _place_of(self, what: float | str, numbers: Sequence[float]) -> int:
        """Where numbers stand among the constants."""
        place = self.places.setdefault(what, len(self.constants))
        if place == len(self.constants):
            self.constants.extend(numbers)
        return place

    def _table(self, number: int, argument: Value) -> Value:
        """A table read at an argument; with one run at a time its points are handed over as constants are."""
        table, name = self.program.tables[number], f"table{number}"
        rows = rows_of(table) if self.code.lanes == 1 else None
        if rows is None:
            return read_table(self.code, name, table, argument)
        place = self._place_of(name, rows)
        return read_rows(self.code, self.code.at("%constants", integer(place)), len(table.x), argument)

    def _nodes(self, places: Iterable[int], known: Mapping[int, Value]) -> dict[int, Value]:
        """The values of nodes, and of those known before; constants are read where they are used."""
        values = dict(known)
        for place in places:
            node = self.graph.nodes[place]
            for argument in arguments_of(node):
                if argument not in values:
                    values[argument] = self._leaf(argument)
            values[place] = self._node(place, node, values)
        return values

    def _leaf(self, place: int) -> Value:
        node = self.graph.nodes[place]
        assert node[0] == "const", node
        return self._constant(float(node[1]))

    def _node(self, place: int, node: tuple, values: Mapping[int, Value]) -> Value:
        match node[0]:
            case "const":
                return self._constant(float(node[1]))
            case "parameter":
                return self.code.own("%inputs", node[1])
            case "time":
                return self.time
            case "state":
                return self.code.load(self.slots[node[1]])
            case "table":
                return self._table(node[1], self.code.number(values[node[2]]))
        return self.code.operation(node[0], [values[argument] for argument in node[1:]])

    # the function

    def write(self) -> None:
        """Write the function."""
        code = self.code
        self.states = [code.slot() for _ in self.program.states]
        self.slots = list(self.states)  # what the nodes read: under RK4 the states of the stage
        self.mark = code.slot()  # 0, or NaN for a run that has diverged
        self.end = code.slot()
        self.due = code.slot("i64", False)  # steps until the next row
        if self.reducers is None:
            self.row = code.array(len(self.program.outputs))
        self.results = [ReducerCode(code, one) for one in self.reducers or ()]
        self.pipelines = self._pipelines()
        keys = code.round_keys("%seed") if self.randoms else []
        code.do("br label %chunk")
        code.label("chunk")
        code.do("%base = phi i64 [ 0, %entry ], [ %next_base, %done ]")
        self._begin_chunk()
        code.do("br label %step")
        code.label("step")
        code.do("%k = phi i64 [ 0, %chunk ], [ %next_k, %advance ]")
        code.do("%last = icmp eq i64 %k, %steps")
        code.do("%count = sitofp i64 %k to double")
        code.do("%passed = fmul double %count, %dt")
        code.do("%now = fadd double %start, %passed")
        self._draw(keys)
        if self.rk4:
            self._begin_stages()
        values = self._nodes(self.moving, self.run_values)
        if self.rk4:
            code.do("br i1 %is_first, label %first_stage, label %between")
            code.label("first_stage")
        stepped = self._rows(values)
        self._advance(values, stepped)
        self._finish_chunk()

    def _pipelines(self) -> dict[int, PipelineCode]:
        """The pipelines by state, each with its part of the scratch memory."""
        code, ring = self.code, "%scratch"
        found: dict[int, PipelineCode] = {}
        for place, state in enumerate(self.program.states):
            if state.kind == "pipeline":
                assert state.delay_time is not None
                alike = self.program.initial.rates[state.delay_time] == CONST
                found[place] = PipelineCode(code, len(found), ring, alike)
                ring = found[place].end()
        return found

    def _begin_chunk(self) -> None:
        code = self.code
        self.starts = [code.own("%starts", place) for place in range(len(self.states))]
        for value, slot in zip(self.starts, self.states, strict=True):
            code.store(value, slot)
        code.store(code.widened(constant(0.0)), self.mark)
        code.store(code.widened(constant(math.nan)), self.end)
        code.store(integer(0), self.due)
        for pipeline in self.pipelines.values():
            pipeline.begin()
        for result in self.results:
            result.begin()
        computed = self._nodes(self.once, {})
        self.run_values = {place: computed[place] for place in self.once}
        if self.randoms:
            first = code.binary("add", Value("%first", "i64"), BASE)
            numbers = code.binary("add", first, code.numbers())
            self.numbers = code.binary("and", numbers, integer(0xFFFFFFFF))

    def _draw(self, keys: list[str]) -> None:
        """Random numbers, which stay the same through the stages of a step."""
        for place in self.randoms:
            site = self.graph.nodes[place][1]
            self.run_values[place] = self.code.uniform(keys, self.numbers, Value("%k", "i64"), site)

    def _begin_stages(self) -> None:
        code = self.code
        self.slots = [
            code.slot() if place in self.integrals else slot for place, slot in enumerate(self.states)
        ]
        self.slopes = {place: code.slot() for place in self.integrals}
        self.following = {place: code.slot() for place in (*self.held, *self.pipelines)}
        for place in self.integrals:
            code.store(code.load(self.states[place]), self.slots[place])
            code.store(code.widened(constant(-0.0)), self.slopes[place])
        code.do("br label %stage")
        code.label("stage")
        code.do("%s = phi i64 [ 0, %step ], [ %next_s, %next_stage ]")
        code.do("%is_first = icmp eq i64 %s, 0")
        code.do("%is_fourth = icmp eq i64 %s, 3")
        code.do("%at_end = select i1 %is_fourth, double 1.0, double 0.5")
        code.do("%fraction = select i1 %is_first, double 0.0, double %at_end")
        code.do("%ahead = fmul double %fraction, %dt")
        code.do("%time = fadd double %now, %ahead")

    def _rows(self, values: Mapping[int, Value]) -> dict[int, Value]:
        """Once a step: what is kept of it, and the next values of held and delayed states."""
        code = self.code
        stepped = self._nodes(self.stepping, values)
        if self.clipped:  # a stock that is cut off at 0 may be finite again later
            self._check(stepped)
        due = code.load(self.due, "i64", False)
        code.do(f"%is_row = icmp eq i64 {due.text}, 0")
        code.do("%looked_at = or i1 %is_row, %last")
        code.do("br i1 %looked_at, label %check, label %kept")
        code.label("check")
        if not self.clipped:
            self._check(stepped)
        code.do("br i1 %is_row, label %row, label %kept")
        code.label("row")
        self._keep(self._nodes(self.saving, stepped))
        code.label("kept")
        begun = code.choice(Value("%is_row", "i1"), Value("%stride", "i64"), due)
        code.store(code.binary("sub", begun, integer(1)), self.due)
        code.do("br i1 %last, label %done, label %go_on")
        code.label("go_on")
        return stepped

    def _check(self, values: Mapping[int, Value]) -> None:
        """Make a run's mark NaN, for ever, when a stock or its rate is not finite: then 0 times it is NaN."""
        code = self.code
        before = mark = code.load(self.mark)
        for place in self.integrals:
            for value in (code.load(self.states[place]), self._number(values, self._rate(place))):
                mark = code.intrinsic("fmuladd", value, constant(0.0), mark)
        code.store(mark, self.mark)
        ends = code.binary("and", code.compare("ord", before, before), code.compare("uno", mark, mark))
        code.store(code.choice(ends, Value("%now"), code.load(self.end)), self.end)

    def _number(self, values: Mapping[int, Value], place: int) -> Value:
        value = values[place] if place in values else self._leaf(place)
        return self.code.widened(self.code.number(value))

    def _keep(self, values: Mapping[int, Value]) -> None:
        """Keep a row of the outputs; NaN for runs that have diverged."""
        code = self.code
        mark = code.load(self.mark)
        sound = code.compare("ord", mark, mark)

        def kept(output: str) -> Value:
            return code.choice(sound, self._number(values, self.program.outputs[output]), constant(math.nan))

        if self.reducers is not None:
            for result in self.results:
                level = result.reducer.level
                result.take(kept(result.reducer.output), None if level is None else self._level(level))
            code.do("br label %kept")
            return
        if not self.program.outputs:
            code.do("br label %kept")
            return
        for place, output in enumerate(self.program.outputs):
            code.store(kept(output), code.at(self.row, integer(place * code.lanes)))
        self._copy_row()

    def _copy_row(self) -> None:
        """Put a row, in which the runs of an output lie side by side, where its series are."""
        code = self.code
        code.do("%row_number = udiv i64 %k, %stride")
        code.do("%whole = mul i64 %base, %rows")
        code.do("%corner = add i64 %whole, %row_number")
        code.do("br label %output")
        code.label("output")
        code.do("%j = phi i64 [ 0, %row ], [ %next_j, %output_done ]")
        code.do("%before = mul i64 %j, %apart")
        code.do("%begin = add i64 %before, %corner")
        code.do(f"%from = mul i64 %j, {code.lanes}")
        code.do("br label %lane")
        code.label("lane")
        code.do("%l = phi i64 [ 0, %output ], [ %next_l, %lane ]")
        code.do("%to = phi i64 [ %begin, %output ], [ %next_to, %lane ]")
        code.do("%source = add i64 %from, %l")
        value = code.load(code.at(self.row, Value("%source")), wide=False)
        code.store(value, code.at("%results", Value("%to")))
        code.do("%next_to = add i64 %to, %rows")
        code.do("%next_l = add i64 %l, 1")
        code.do(f"%lanes_left = icmp ult i64 %next_l, {code.lanes}")
        code.do("br i1 %lanes_left, label %lane, label %output_done")
        code.label("output_done")
        code.do("%next_j = add i64 %j, 1")
        code.do(f"%outputs_left = icmp ult i64 %next_j, {len(self.program.outputs)}")
        code.do("br i1 %outputs_left, label %output, label %kept")

    def _level(self, level: float) -> Value:
        return self.code.widened(self._constant(level))

    def _advance(self, values: Mapping[int, Value], stepped: Mapping[int, Value]) -> None:
        """The states of the next step."""
        code = self.code
        following = {place: self._number(stepped, self._rate(place)) for place in self.held}
        for place, pipeline in self.pipelines.items():
            source = self._number(stepped, self._rate(place))
            following[place] = pipeline.passed_on(source, self.starts[place])
        if self.rk4:
            for place, value in following.items():
                code.store(value, self.following[place])
            self._end_stage(values)
            following = {place: code.load(slot) for place, slot in self.following.items()}
            slopes = {
                place: code.binary("fdiv", code.load(slot), constant(6.0))
                for place, slot in self.slopes.items()
            }
        else:
            code.do("br label %advance")
            code.label("advance")
            slopes = {place: self._number(values, self._rate(place)) for place in self.integrals}
        for place, slope in slopes.items():
            change = code.binary("fmul", slope, Value("%dt"))
            following[place] = code.binary("fadd", code.load(self.states[place]), change)
        for place, value in following.items():
            if self.program.states[place].non_negative:
                value = code.smaller(value, constant(0.0), "ogt")
            code.store(value, self.states[place])
        code.do("%next_k = add i64 %k, 1")
        code.do("br label %step")

    def _end_stage(self, values: Mapping[int, Value]) -> None:
        """Add the slopes of a stage up; go to the next stage, or out of the stages."""
        code = self.code
        code.do("br label %between")
        code.label("between")
        code.do("%is_second = icmp eq i64 %s, 1")
        code.do("%is_third = icmp eq i64 %s, 2")
        code.do("%inner = or i1 %is_second, %is_third")
        code.do("%weight = select i1 %inner, double 2.0, double 1.0")
        code.do("%reach = select i1 %is_third, double 1.0, double 0.5")
        code.do("%distance = fmul double %reach, %dt")
        for place in self.integrals:
            slope = self._number(values, self._rate(place))
            weighted = code.binary("fmul", Value("%weight"), slope)
            total = code.binary("fadd", code.load(self.slopes[place]), weighted)
            code.store(total, self.slopes[place])
            moved = code.binary("fmul", Value("%distance"), slope)
            code.store(code.binary("fadd", code.load(self.states[place]), moved), self.slots[place])
        code.do("br i1 %is_fourth, label %advance, label %next_stage")
        code.label("next_stage")
        code.do("%next_s = add i64 %s, 1")
        code.do("br label %stage")
        code.label("advance")

    def _finish_chunk(self) -> None:
        code = self.code
        code.label("done")
        for row, result in enumerate(self.results):
            offset = code.binary("mul", integer(row), Value("%apart", "i64"))
            code.store(result.result(), code.at("%results", code.binary("add", offset, BASE)))
        code.store(code.load(self.end), code.at("%ends", BASE))
        code.do(f"%next_base = add i64 %base, {code.lanes}")
        code.do("%more = icmp slt i64 %next_base, %runs")
        code.do("br i1 %more, label %chunk, label %finished")
        code.label("finished")
        code.do("ret void")
