"""The table of system-dynamics functions: one row each, read by every engine, check and drawing.

A row either is *core* (it has a numpy form), or *derived* (its expansion is a tree of core functions), or
has a *state* (its expansion gives hidden states and an output), or is *random* (a tree of core functions
and one number between 0 and 1). Engines therefore know only the core.
Meanings follow the Vensim reference manual and XMILE 1.0, section 3.5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from sdtheory.model import distributions
from sdtheory.model.expression import TIME, TIME_STEP, Binary, Call, Expression, Name, Number, Opaque, Unary

EPSILON = 1e-6  # what Vensim takes for zero in ZIDZ, XIDZ and comparisons of times


@dataclass(frozen=True)
class HiddenState:
    """A state that a function call brings along.

    Parameters
    ----------
    kind : str
        ``"integral"``: `initial` and the net rate `rate`. ``"held"``: starts at `initial`, becomes `rate`
        at the end of each step. ``"fixed"``: `initial` for ever. ``"pipeline"``: the value that `rate` had
        a fixed `delay_time` ago, `initial` before that.
    """

    kind: str
    initial: Expression
    rate: Expression | None = None
    delay_time: Expression | None = None


@dataclass(frozen=True)
class Function:
    """One row of the table.

    Parameters
    ----------
    key : str
        What `Call.function` holds.
    vensim, xmile : str
        Names in the two dialects; empty where the dialect has none.
    arity : (int, int)
        Fewest and most arguments.
    kind : str
        ``pure``, ``time``, ``state``, ``random``, ``array``, ``lookup`` or ``external``.
    signs : str
        Sign of the derivative in each argument: ``+ - 0``, or ``?`` where it depends.
        An argument that acts only at the start has ``0``.
    numpy : callable, optional
        The core functions' value on arrays.
    expansion : callable, optional
        Arguments to an equivalent tree.
    states : callable, optional
        ``states(arguments, own)`` gives ``(hidden states, output)``; ``own(i)`` names the i-th state.
    draw : callable, optional
        Of a random function: ``draw(u, arguments)`` gives the tree for a number `u` between 0 and 1. After
        the arguments of the file, a `Call` has the number of its site: which random function of the model
        it is; the cells of an array have the sites that follow.
    """

    key: str
    vensim: str
    xmile: str
    arity: tuple[int, int]
    kind: str = "pure"
    signs: str = ""
    numpy: Callable[..., Any] | None = None
    expansion: Callable[..., Expression] | None = None
    states: (
        Callable[[tuple[Expression, ...], Callable[[int], Name]], tuple[list[HiddenState], Expression]] | None
    ) = None
    draw: Callable[..., Expression] | None = None


def _as_number(value: Any) -> Any:
    """Truth values as 0.0 and 1.0: numpy would compute with them in half precision."""
    truth = value.dtype == bool if isinstance(value, np.ndarray | np.generic) else isinstance(value, bool)
    return np.asarray(value).astype(float)[()] if truth else value


def _of_numbers(form: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: form(*map(_as_number, values))


def _truth(value: Any) -> Any:
    return np.asarray(value) != 0


def _power(base: Any, exponent: Any) -> Any:
    return np.power(np.asarray(base, dtype=float), exponent)


OPERATORS: dict[str, Callable[..., Any]] = {
    "unary -": lambda x: np.negative(_as_number(x)),
    "unary not": lambda x: np.logical_not(_truth(x)),
    "+": lambda a, b: np.add(_as_number(a), _as_number(b)),
    "-": lambda a, b: np.subtract(_as_number(a), _as_number(b)),
    "*": lambda a, b: np.multiply(_as_number(a), _as_number(b)),
    "/": lambda a, b: np.divide(_as_number(a), _as_number(b)),
    "^": lambda a, b: _power(_as_number(a), _as_number(b)),
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "=": np.equal,
    "<>": np.not_equal,
    "and": lambda a, b: np.logical_and(_truth(a), _truth(b)),
    "or": lambda a, b: np.logical_or(_truth(a), _truth(b)),
}


def _add(a, b):
    return Binary("+", a, b)


def _sub(a, b):
    return Binary("-", a, b)


def _mul(a, b):
    return Binary("*", a, b)


def _div(a, b):
    return Binary("/", a, b)


def _if(condition, then, otherwise):
    return Call("if_then_else", (condition, then, otherwise))


def _both(a, b):
    return Binary("and", a, b)


_EPS = Number(EPSILON)


def _near_zero(x):
    return Binary("<", Call("abs", (x,)), _EPS)


def _zidz(a, b):
    return _xidz(a, b, Number(0.0))


def _xidz(a, b, x):
    return _if(_near_zero(b), x, _div(a, b))


def _quantum(a, b):
    return _if(Binary("<", b, _EPS), a, _mul(b, Call("integer", (_div(a, b),))))


def _modulo(x, m):
    return _sub(x, _quantum(x, m))


def _step(height, start):
    return _mul(height, Binary(">", _add(TIME, _div(TIME_STEP, Number(2.0))), start))


def _ramp(slope, start, stop=None):
    end = TIME if stop is None else Call("min", (stop, TIME))
    return _mul(_mul(Binary(">", _add(TIME, _EPS), start), slope), _sub(end, start))


def _within(start, width):
    return _both(Binary("<=", _sub(start, _EPS), TIME), Binary("<", TIME, _add(start, width)))


def _pulse(start, width):
    return _if(_within(start, width), Number(1.0), Number(0.0))


def _phase(start, every):
    return Call("remainder", (_add(_sub(TIME, start), _EPS), every))


def _pulse_train(start, every, width, stop):
    on = _both(
        _both(Binary("<=", start, TIME), Binary("<", TIME, stop)), Binary("<", _phase(start, every), width)
    )
    return _if(Binary("=", every, Number(0.0)), _pulse(start, width), _if(on, Number(1.0), Number(0.0)))


def _xmile_pulse(start, magnitude):
    return _if(_within(start, _div(TIME_STEP, Number(2.0))), _div(magnitude, TIME_STEP), Number(0.0))


def _xmile_pulse_train(start, every, magnitude):
    width = _div(TIME_STEP, Number(2.0))
    on = _both(Binary("<=", start, TIME), Binary("<", _phase(start, every), width))
    again = _if(on, _div(magnitude, TIME_STEP), Number(0.0))
    return _if(Binary("=", every, Number(0.0)), _xmile_pulse(start, magnitude), again)


def _order(node: Expression, what: str) -> int:
    if isinstance(node, Number) and node.value >= 1:
        return max(round(node.value), 1)
    from sdtheory.errors import NotCompiled

    raise NotCompiled(f"the order of a {what} that is not a plain number is only run by the reference engine")


def plain_order(call: Call) -> tuple[Expression, ...]:
    """The arguments of a call, a computed order taken as 1: enough to see what the call reads."""
    if call.function not in ("smooth", "delay", "delay_n") or isinstance(call.arguments[3], Number):
        return call.arguments
    return (*call.arguments[:3], Number(1.0))


def _smooth(arguments, own):
    source, time, initial, order = arguments
    n = _order(order, "SMOOTH")
    states = []
    before = source
    for i in range(n):
        rate = (
            _div(_mul(_sub(before, own(i)), Number(float(n))), time)
            if n > 1
            else _div(_sub(before, own(i)), time)
        )
        states.append(HiddenState("integral", initial, rate))
        before = own(i)
    return states, own(n - 1)


def _delay(arguments, own):
    source, time, initial, order = arguments
    n = _order(order, "DELAY")
    states = []
    inflow = source
    for i in range(n):
        outflow = _div(own(i), time)
        change = _sub(inflow, outflow)
        rate = _mul(change, Number(float(n))) if n > 1 else change
        states.append(HiddenState("integral", _mul(initial, time), rate))
        inflow = outflow
    return states, inflow


def _delay_n(arguments, own):
    # The time constant travels with the material: a stage drains with the time that the stage before it
    # had one step ago.
    source, time, initial, order = arguments
    n = _order(order, "DELAY N")
    states = []
    inflow = source
    stage_time: Expression = time
    for i in range(n):
        outflow = _div(own(2 * i), stage_time)
        rate = _mul(_sub(inflow, outflow), Number(float(n)))
        states.append(HiddenState("integral", _mul(initial, time), rate))
        states.append(HiddenState("held", time, stage_time))
        inflow = outflow
        stage_time = own(2 * i + 1)
    return states, inflow


def _delay_fixed(arguments, own):
    source, time, initial = arguments
    return [HiddenState("pipeline", initial, source, time)], own(0)


def _trend(arguments, own):
    source, time, trend0 = arguments
    start = _div(source, _add(Number(1.0), _mul(trend0, time)))
    state = HiddenState("integral", start, _div(_sub(source, own(0)), time))
    return [state], _zidz(_sub(source, own(0)), _mul(time, Call("abs", (own(0),))))


def _forecast(arguments, own):
    source, time, horizon, trend0 = arguments
    state = HiddenState("integral", _div(source, _add(Number(1.0), trend0)), _div(_sub(source, own(0)), time))
    growth = _zidz(_sub(source, own(0)), _mul(time, own(0)))
    return [state], _mul(source, _add(Number(1.0), _mul(growth, horizon)))


def _sample_if_true(arguments, own):
    condition, source, initial = arguments
    output = _if(condition, source, own(0))
    return [HiddenState("held", initial, output)], output


def _initial(arguments, own):
    return [HiddenState("fixed", arguments[0])], own(0)


def _integ(arguments, own):
    return [HiddenState("integral", arguments[1], arguments[0])], own(0)


def _core(key, form, signs, vensim=None, xmile=None):
    word = key.replace("_", " ").upper()
    return Function(
        key,
        word if vensim is None else vensim,
        word if xmile is None else xmile,
        (len(signs),) * 2,
        "pure",
        signs,
        _of_numbers(form),
    )


def _stateful(key, vensim, xmile, arity, signs, states):
    return Function(key, vensim, xmile, arity, "state", signs, states=states)


def _derived(key, vensim, xmile, arity, expansion, kind="pure"):
    return Function(key, vensim, xmile, arity, kind, expansion=expansion)


def _array(key, vensim, xmile, arguments, signs):
    return Function(key, vensim, xmile, (arguments,) * 2, "array", signs)


def _random(key, vensim, xmile, arity, signs, draw):
    return Function(key, vensim, xmile, arity, "random", signs, draw=draw)


def _without_seed(form):
    """A distribution for arguments that may end with a seed, which has no meaning here."""
    wanted = form.__code__.co_argcount - 1
    return lambda u, *arguments: form(u, *arguments[:wanted])


def _normal(u, mean, deviation, seed=None, low=None, high=None):
    if low is None and high is None:
        return distributions.normal(u, mean, deviation)
    return distributions.truncated_normal(u, low, high or Number(float("inf")), mean, deviation)


def _lognormal(u, mean, deviation, seed=None):
    return Call("exp", (distributions.normal(u, mean, deviation),))


def _montecarlo(u, percent, seed=None):
    """1 with a chance of so many per cent in a unit of time."""
    return _if(Binary("<", _mul(u, Number(100.0)), _mul(percent, TIME_STEP)), Number(1.0), Number(0.0))


def _get_time_value(relative_to, offset, measure):
    """In the model's own units of time; what needs a calendar or the computer's clock stays as it is."""
    start = {0.0: TIME, 1.0: Name("initial time")}.get(getattr(relative_to, "value", -1.0))
    if start is None or measure != Number(0.0):
        return Opaque("GET TIME VALUE of a calendar or a clock")
    return _add(start, offset)


def _wave(function, amplitude, period):
    turns = _div(_mul(Number(2.0 * float(np.pi)), TIME), period)
    return _mul(amplitude, Call(function, (turns,)))


def _round(x):
    """The nearest whole number, halves away from 0."""
    size = Call("integer", (_add(Call("abs", (x,)), Number(0.5)),))
    return _if(Binary("<", x, Number(0.0)), Unary("-", size), size)


def _root(x, n):
    """The n-th root; of a negative number when n is odd."""
    size = Binary("^", Call("abs", (x,)), _div(Number(1.0), n))
    odd = Binary("=", Call("remainder", (n, Number(2.0))), Number(1.0))
    negative = _if(odd, Unary("-", size), Number(float("nan")))
    return _if(Binary("<", x, Number(0.0)), negative, size)


_ROWS = (
    _core("abs", np.abs, "?"),
    _core("exp", np.exp, "+"),
    _core("ln", np.log, "+"),
    _core("sqrt", np.sqrt, "+"),
    _core("sin", np.sin, "?"),
    _core("cos", np.cos, "?"),
    _core("tan", np.tan, "?"),
    _core("arcsin", np.arcsin, "+"),
    _core("arccos", np.arccos, "-"),
    _core("arctan", np.arctan, "+"),
    _core("sinh", np.sinh, "+", xmile=""),
    _core("cosh", np.cosh, "?", xmile=""),
    _core("tanh", np.tanh, "+", xmile=""),
    _core("integer", np.trunc, "+", xmile="INT"),
    _core("min", np.minimum, "++"),
    _core("max", np.maximum, "++"),
    _core("remainder", np.mod, "??", vensim="", xmile=""),
    _core("if_then_else", lambda c, a, b: np.where(_truth(c), a, b), "???"),
    _derived("log", "LOG", "", (2, 2), lambda x, base: _div(Call("ln", (x,)), Call("ln", (base,)))),
    _derived("log10", "", "LOG10", (1, 1), lambda x: _div(Call("ln", (x,)), Call("ln", (Number(10.0),)))),
    _derived("power", "POWER", "", (2, 2), lambda a, b: Binary("^", a, b)),
    _derived("pi", "", "PI", (0, 0), lambda: Number(float(np.pi))),
    _derived("zidz", "ZIDZ", "SAFEDIV", (2, 2), _zidz),
    _derived("xidz", "XIDZ", "SAFEDIV", (3, 3), _xidz),
    _derived("quantum", "QUANTUM", "", (2, 2), _quantum),
    _derived("modulo", "MODULO", "", (2, 2), _modulo),
    _derived("percent", "", "PERCENT", (1, 1), lambda x: _mul(x, Number(100.0))),
    _derived("round", "", "ROUND", (1, 1), _round),
    _derived("rootn", "", "ROOTN", (2, 2), _root),
    _derived("sinwave", "", "SINWAVE", (2, 2), partial(_wave, "sin"), "time"),
    _derived("coswave", "", "COSWAVE", (2, 2), partial(_wave, "cos"), "time"),
    _derived("get_time_value", "GET TIME VALUE", "", (3, 3), _get_time_value, "time"),
    _derived("game", "GAME", "", (1, 1), lambda x: x),
    _derived("step", "STEP", "STEP", (2, 2), _step, "time"),
    _derived("ramp", "RAMP", "RAMP", (2, 3), _ramp, "time"),
    _derived("pulse", "PULSE", "", (2, 2), _pulse, "time"),
    _derived("pulse_train", "PULSE TRAIN", "", (4, 4), _pulse_train, "time"),
    _derived("xmile_pulse", "", "PULSE", (2, 2), _xmile_pulse, "time"),
    _derived("xmile_pulse_train", "", "PULSE", (3, 3), _xmile_pulse_train, "time"),
    _stateful("smooth", "SMOOTH", "SMTH1", (4, 4), "+?00", _smooth),
    _stateful("delay", "DELAY1", "DELAY1", (4, 4), "+?00", _delay),
    _stateful("delay_n", "DELAY N", "DELAYN", (4, 4), "+?00", _delay_n),
    _stateful("delay_fixed", "DELAY FIXED", "DELAY", (3, 3), "+?0", _delay_fixed),
    _stateful("trend", "TREND", "TREND", (3, 3), "??0", _trend),
    _stateful("forecast", "FORECAST", "FORCST", (4, 4), "???0", _forecast),
    _stateful("sample_if_true", "SAMPLE IF TRUE", "", (3, 3), "?+0", _sample_if_true),
    _stateful("initial", "INITIAL", "INIT", (1, 1), "0", _initial),
    _stateful("integ", "INTEG", "", (2, 2), "+0", _integ),
    Function("active_initial", "ACTIVE INITIAL", "", (2, 2), "state", "+0"),
    _array("sum", "SUM", "SUM", 1, "+"),
    _array("prod", "PROD", "PROD", 1, "?"),
    _array("vmin", "VMIN", "MIN", 1, "+"),
    _array("vmax", "VMAX", "MAX", 1, "+"),
    _array("elmcount", "ELMCOUNT", "SIZE", 1, "0"),
    _array("vector_select", "VECTOR SELECT", "", 5, "?????"),
    _array("vector_sort_order", "VECTOR SORT ORDER", "", 2, "??"),
    _array("vector_rank", "VECTOR RANK", "", 2, "??"),
    _array("vector_reorder", "VECTOR REORDER", "", 2, "??"),
    _array("vector_elm_map", "VECTOR ELM MAP", "", 2, "??"),
    _array("invert_matrix", "INVERT MATRIX", "", 2, "?0"),
    Function("lookup_extrapolate", "LOOKUP EXTRAPOLATE", "", (2, 2), "lookup"),
    Function("lookup_forward", "LOOKUP FORWARD", "", (2, 2), "lookup"),
    Function("lookup_backward", "LOOKUP BACKWARD", "", (2, 2), "lookup"),
    Function("lookup_invert", "LOOKUP INVERT", "", (2, 2), "lookup"),
    Function("lookup_area", "LOOKUP AREA", "", (3, 3), "lookup"),
    _derived("normal_cdf", "", "", (1, 1), distributions.normal_cdf),
    _derived("normal_quantile", "", "", (1, 1), distributions.normal_quantile),
    _random("random_0_1", "RANDOM 0 1", "", (0, 0), "", lambda u: u),
    _random("random_uniform", "RANDOM UNIFORM", "UNIFORM", (2, 3), "++0", _without_seed(distributions.uniform)),
    _random("random_normal", "RANDOM NORMAL", "", (5, 5), "+++?0",
            _without_seed(distributions.truncated_normal)),
    _random("random_exponential", "RANDOM EXPONENTIAL", "", (5, 5), "++++0",
            _without_seed(distributions.truncated_exponential)),
    _random("random_triangular", "RANDOM TRIANGULAR", "", (6, 6), "+++++0",
            _without_seed(distributions.triangular)),
    _random("normal", "", "NORMAL", (2, 5), "+?0++", _normal),
    _random("lognormal", "", "LOGNORMAL", (2, 3), "+?0", _lognormal),
    _random("exprnd", "", "EXPRND", (1, 2), "+0", _without_seed(distributions.exponential)),
    _random("montecarlo", "", "MONTECARLO", (1, 2), "+0", _montecarlo),
)  # fmt: skip

FUNCTIONS: dict[str, Function] = {row.key: row for row in _ROWS}


def negate(node: Expression) -> Expression:
    """Minus the expression, with a number folded."""
    return Number(-node.value) if isinstance(node, Number) else Unary("-", node)
