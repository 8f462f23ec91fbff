"""Laws of the batch engines: both give the same numbers, whatever runs lie beside a run."""

from __future__ import annotations

from functools import partial

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sdtheory.engines.compiled import run_at_once, run_compiled
from sdtheory.engines.graph import RUN, STEP, TIME, GraphBuilder, Program, State
from sdtheory.engines.machine_code import processor
from sdtheory.engines.reducers import REDUCTIONS, Reducer, reduced
from sdtheory.engines.vectorised import run_vectorised
from sdtheory.errors import NoMachineCode
from sdtheory.model.expression import Table


def _there(lanes: int) -> bool:
    try:
        return processor(lanes).mathematics.lanes == lanes
    except NoMachineCode:
        return False


LANES = [lanes for lanes in (8, 4, 2) if _there(lanes)]
EXACT = {  # operations that every engine rounds alike, with their numbers of arguments
    "+": 2, "-": 2, "*": 2, "/": 2, "min": 2, "max": 2, "remainder": 2, "<": 2, "<=": 2, ">": 2, ">=": 2,
    "=": 2, "<>": 2, "and": 2, "or": 2, "unary -": 1, "unary not": 1, "abs": 1, "sqrt": 1, "integer": 1,
    "if_then_else": 3,
}  # fmt: skip
ROUNDED = {**EXACT, "exp": 1, "ln": 1, "sin": 1, "cos": 1, "tanh": 1, "arctan": 1, "^": 2}
TABLES = (
    Table((0.0, 1.0, 2.5), (0.0, -1.0, 4.0)),
    Table((-1.0, 0.5, 0.5, 3.0), (2.0, 1.0, -1.0, 0.5), "extrapolate"),
    Table((0.5, 0.5, 2.0), (1.0, 3.0, 2.0)),
    Table(tuple(0.3 * i - 2 for i in range(13)), tuple(float(i * i % 7) for i in range(13)), "extrapolate"),
    Table(tuple(0.1 * i for i in range(45)), tuple(float(i * i % 11) for i in range(45))),
    Table(tuple(0.2 * i - 1 for i in range(20)), tuple(float(i * 5 % 9) for i in range(20)), "hold_backward"),
    Table((1.0,), (7.0,)),
    Table((-1.0, 1.0), (2.0, 3.0), "hold_backward"),
)
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -2.5, 3.0, 1e-7, 1e300, np.inf, -np.inf, np.nan]


@st.composite
def programs(draw, operations):
    """A program of three states of different kinds and some operations."""
    step, initial = GraphBuilder(), GraphBuilder()
    for node, rate in ((("parameter", 0), RUN), (("parameter", 1), RUN), (("time",), TIME)):
        step.add(node, rate)
    kinds = draw(st.permutations(["integral", "integral", "held", "pipeline", "fixed"]))[
        : draw(st.integers(1, 5))
    ]
    for place in range(len(kinds)):
        step.add(("state", place), STEP)
    step.add(("random", 3), STEP)
    for value in draw(st.lists(st.sampled_from(SPECIAL[:10]), min_size=1, max_size=3)):
        step.constant(value)
    words = [*operations, *["table"] * 4]

    def late():
        """A node, one of the last more often than not, so that few are left out."""
        count = len(step.nodes)
        return count - 1 - draw(st.one_of(st.integers(0, min(4, count - 1)), st.integers(0, count - 1)))

    for _ in range(draw(st.integers(8, 24))):
        word = draw(st.sampled_from(words))
        if word == "table":
            place = draw(st.integers(0, len(TABLES) - 1))
            step.table(place, TABLES[place], late())
        else:
            step.operate(word, *(late() for _ in range(operations[word])))
    begin = [initial.add(("parameter", 0), RUN), initial.constant(1.5), initial.add(("parameter", 1), RUN)]
    states = tuple(
        State(
            kind,
            f"s{place}",
            draw(st.sampled_from(begin)),
            None if kind == "fixed" else late(),
            draw(st.sampled_from(begin)) if kind == "pipeline" else None,
            kind == "integral" and draw(st.booleans()),
        )
        for place, kind in enumerate(kinds)
    )
    steps, stride = draw(st.sampled_from([(5, 1), (7, 2), (6, 3)]))
    numbers = {"start": 0.25, "stop": 0.25 + 0.5 * steps, "time_step": 0.5, "save_every": 0.5 * stride}
    words = {word: initial.constant(value) for word, value in numbers.items()}
    outputs = {f"o{i}": late() for i in range(draw(st.integers(1, 4)))}
    wanted = [*begin, *words.values()]
    first, there = initial.finished(wanted)
    then, here = step.finished([*outputs.values(), *(one.rate for one in states if one.rate is not None)])
    owners = {place: f"v{place}" for place in range(0, len(then.nodes), 2)}
    return Program(
        first,
        type(then)(then.nodes, then.rates, owners),
        tuple(
            State(
                one.kind,
                one.name,
                there[one.initial],
                None if one.rate is None else here[one.rate],
                None if one.delay_time is None else there[one.delay_time],
                one.non_negative,
            )
            for one in states
        ),
        {name: here[place] for name, place in outputs.items()},
        ("p", "q"),
        {word: there[place] for word, place in words.items()},
        draw(st.sampled_from(["euler", "rk4"])),
        TABLES,
    )  # fmt: skip


numbers = st.one_of(st.floats(-3, 3), st.sampled_from(SPECIAL[:10]))
delays = st.floats(0.1, 3.0)
samples = st.lists(st.tuples(numbers, delays), min_size=1, max_size=20).map(
    lambda rows: np.array(rows).T.copy()
)


def same(a, b):
    assert np.array_equal(a.times, b.times)
    for name, values in a.values.items():
        np.testing.assert_array_equal(values, b.values[name], err_msg=name)
    assert list(a.status) == list(b.status)
    assert list(a.message) == list(b.message)


@settings(max_examples=100, deadline=None)
@given(programs(EXACT), samples, st.integers(0, 2**64 - 1), st.sampled_from(LANES))
def test_both_batch_engines_give_the_same_bits_and_messages(program, inputs, seed, lanes):
    given_inputs = np.where(np.isfinite(inputs), inputs, 1.0)
    expected = run_vectorised(program, given_inputs, seed=seed)
    same(expected, run_compiled(program, given_inputs, seed=seed, exact=True, lanes=lanes))
    same(expected, run_compiled(program, given_inputs, seed=seed, lanes=lanes))
    same(expected, run_at_once(program, given_inputs, seed=seed))


@settings(max_examples=40, deadline=None)
@given(programs(ROUNDED), samples, st.integers(0, 2**64 - 1), st.booleans())
def test_machine_code_made_at_once_gives_the_bits_of_that_which_is_made_with_care(
    program, inputs, seed, exact
):
    same(
        run_compiled(program, inputs, seed=seed, exact=exact),
        run_at_once(program, inputs, seed=seed, exact=exact),
    )


@settings(max_examples=40, deadline=None)
@given(programs(ROUNDED), samples, st.data(), st.sampled_from(LANES))
def test_a_run_does_not_depend_on_its_place_or_on_the_other_runs(program, inputs, data, lanes):
    runs = inputs.shape[1]
    without_random = _without_random(program)
    order = data.draw(st.permutations(range(runs)))
    for run in (
        lambda given: run_compiled(without_random, given, lanes=lanes),
        lambda given: run_compiled(without_random, given, lanes=lanes, jobs=3),
        lambda given: run_vectorised(without_random, given, block=3),
    ):
        whole = run(inputs)
        moved = run(inputs[:, order])
        alone = run(inputs[:, order[:1]])
        for name in program.outputs:
            np.testing.assert_array_equal(whole.values[name][order], moved.values[name])
            np.testing.assert_array_equal(whole.values[name][order[:1]], alone.values[name])
        assert list(whole.message[order]) == list(moved.message)


def _without_random(program):
    """The program with time in the place of random numbers, which depend on the number of the run."""
    nodes = tuple(("time",) if node[0] == "random" else node for node in program.step.nodes)
    return Program(
        program.initial,
        type(program.step)(nodes, program.step.rates, program.step.owners),
        *(
            getattr(program, word)
            for word in ("states", "outputs", "parameters", "settings", "method", "tables")
        ),
    )


@settings(max_examples=40, deadline=None)
@given(programs(ROUNDED), samples, st.floats(-2, 2), st.sampled_from([0, *LANES]))
def test_a_reducer_gives_what_reducing_the_series_gives(program, inputs, level, lanes):
    reducers = [
        Reducer(kind, output, level if kind == "first_crossing" else None)
        for kind in REDUCTIONS
        for output in program.outputs
    ]
    if lanes:
        run = partial(run_compiled, program, inputs, lanes=lanes)
    else:
        run = partial(run_vectorised, program, inputs, block=7)
    series, short = run(), run(reduce=reducers)
    for one in reducers:
        expected = reduced(one, series.times, series.values[one.output])
        np.testing.assert_array_equal(short.values[one.name], expected, err_msg=one.name)
    assert list(series.status) == list(short.status)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1), st.sampled_from(["euler", "rk4"]))
def test_random_numbers_depend_on_seed_run_step_and_site_alone(seed, site, method):
    step, initial = GraphBuilder(), GraphBuilder()
    place = step.add(("random", site), STEP)
    first = initial.add(("random", site), STEP)
    words = {
        word: initial.constant(value)
        for word, value in {"start": 0.0, "stop": 3.0, "time_step": 1.0, "save_every": 1.0}.items()
    }
    begin, there = initial.finished([first, *words.values()])
    stock_place = step.add(("state", 0), STEP)
    then, here = step.finished([place, stock_place])
    program = Program(
        begin, then, (State("integral", "x", there[first], here[place]),),
        {"u": here[place], "x": here[stock_place]}, (),
        {word: there[node] for word, node in words.items()}, method, (),
    )  # fmt: skip
    inputs = np.empty((0, 11))
    result = run_vectorised(program, inputs, seed=seed)
    same(result, run_compiled(program, inputs, seed=seed))
    drawn, stock = result.values["u"], result.values["x"]
    assert ((drawn > 0) & (drawn < 1)).all()
    assert len(np.unique(drawn)) == drawn.size
    np.testing.assert_array_equal(stock[:, 0], drawn[:, 0])
    # held through the stages of a step, so both methods add the same
    np.testing.assert_allclose(np.diff(stock), drawn[:, :-1], rtol=1e-12, atol=1e-15)
