"""Random numbers of the usual distributions, as expressions of one number between 0 and 1.

Each is the quantile of its distribution, cut off to an interval where the function asks for that: so one
uniform number gives one random number, and a larger parameter moves it in one direction.
"""

from __future__ import annotations

from collections.abc import Sequence

from sdtheory.model.expression import Binary, Call, Expression, Number, Unary

# W. J. Cody, "Rational Chebyshev approximations for the error function", Mathematics of Computation 23
# (1969), in the form for the normal distribution of W. J. Cody, "Algorithm 715: SPECFUN", ACM Transactions
# on Mathematical Software 19 (1993). Coefficients of x**n, n from 0.
CENTRE = (
    (18154.981253343561249, 1067.6894854603709582, 161.02823106855587881, 2.2352520354606839287,
     0.065682337918207449113),
    (45507.789335026729956, 10260.932208618978205, 976.09855173777669322, 47.20258190468824187, 1.0),
)  # fmt: skip
MIDDLE = (
    (9842.7148383839780218, 11602.651437647350124, 6848.1904505362823326, 2494.5375852903726711,
     597.27027639480026226, 93.506656132177855979, 8.8831497943883759412, 0.39894151208813466764,
     1.0765576773720192317e-8),
    (19685.429676859990727, 38912.003286093271411, 34900.952721145977266, 18615.571640885098091,
     6485.558298266760755, 1519.377599407554805, 235.38790178262499861, 22.266688044328115691, 1.0),
)  # fmt: skip
FAR = (
    (2.9112874951168792e-5, 0.001421619193227893466, 0.022235277870649807, 0.1274011611602473639,
     0.21589853405795699, 0.02307344176494017303),
    (7.29751555083966205e-5, 0.00378239633202758244, 0.0659881378689285515, 0.468238212480865118,
     1.28426009614491121, 1.0),
)  # fmt: skip
NEAR_MIDDLE, BEYOND = 0.66291, 5.656854248
ONE_OVER_ROOT_TWO_PI = 0.39894228040143267794

# M. J. Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied Statistics 37
# (1988), routine PPND16. Coefficients of x**n, n from 0.
QUANTILE_CENTRE = (
    (3.3871328727963666080, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125,
     45921.953931549871457, 67265.770927008700853, 33430.575583588128105, 2509.0809287301226727),
    (1.0, 42.313330701600911252, 687.18700749205790830, 5394.1960214247511077, 21213.794301586595867,
     39307.895800092710610, 28729.085735721942674, 5226.4952788528545610),
)  # fmt: skip
QUANTILE_TAIL = (
    (1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550, 3.64784832476320460504,
     1.27045825245236838258, 0.241780725177450611770, 0.0227238449892691845833, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187, 1.67638483018380384940, 0.689767334985100004550,
     0.148103976427480074590, 0.0151986665636164571966, 5.47593808499534494600e-4,
     1.05075007164441684324e-9),
)  # fmt: skip
QUANTILE_FAR = (
    (6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580, 0.296560571828504891230,
     0.0265321895265761230930, 0.00124266094738807843860, 2.71155556874348757815e-5,
     2.01033439929228813265e-7),
    (1.0, 0.599832206555887937690, 0.136929880922735805310, 0.0148753612908506148525,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
     2.04426310338993978564e-15),
)  # fmt: skip
HALF_RANGE, TAIL_FROM = 0.425, 5.0

ZERO, ONE, HALF = Number(0.0), Number(1.0), Number(0.5)


def _add(a: Expression, b: Expression) -> Expression:
    return Binary("+", a, b)


def _sub(a: Expression, b: Expression) -> Expression:
    return Binary("-", a, b)


def _mul(a: Expression, b: Expression) -> Expression:
    return Binary("*", a, b)


def _div(a: Expression, b: Expression) -> Expression:
    return Binary("/", a, b)


def _call(word: str, *arguments: Expression) -> Expression:
    return Call(word, arguments)


def _if(condition: Expression, then: Expression, otherwise: Expression) -> Expression:
    return Call("if_then_else", (condition, then, otherwise))


def _less(a: Expression, b: Expression) -> Expression:
    return Binary("<", a, b)


def _clamped(x: Expression, low: Expression, high: Expression) -> Expression:
    return _call("max", low, _call("min", x, high))


def _ratio(coefficients: tuple[Sequence[float], Sequence[float]], x: Expression) -> Expression:
    """A quotient of two polynomials, each by Horner's rule."""

    def polynomial(values: Sequence[float]) -> Expression:
        result: Expression = Number(values[-1])
        for value in values[-2::-1]:
            result = _add(_mul(result, x), Number(value))
        return result

    over, under = coefficients
    return _div(polynomial(over), polynomial(under))


def normal_cdf(x: Expression) -> Expression:
    """The probability that a standard normal number is below `x`, to full double precision.

    Examples
    --------
    >>> from sdtheory.model.expression import evaluate
    >>> float(evaluate(normal_cdf(Number(-1.96)), {})).__round__(12)
    0.024997895148
    """
    size = _call("abs", x)
    square = _mul(x, x)
    centre = _add(HALF, _mul(x, _ratio(CENTRE, square)))
    # exp(-x*x/2) in two factors, the first of which has an exact argument
    grid = _div(_call("integer", _mul(size, Number(16.0))), Number(16.0))
    rest = _mul(_sub(size, grid), _add(size, grid))
    bell = _mul(
        _call("exp", _mul(_mul(Unary("-", grid), grid), HALF)), _call("exp", _mul(Unary("-", rest), HALF))
    )
    inverse = _div(ONE, square)
    far = _div(_sub(Number(ONE_OVER_ROOT_TWO_PI), _mul(inverse, _ratio(FAR, inverse))), size)
    tail = _mul(bell, _if(_less(size, Number(BEYOND)), _ratio(MIDDLE, size), far))
    beside = _if(_less(x, ZERO), tail, _sub(ONE, tail))
    return _if(_less(size, Number(NEAR_MIDDLE)), centre, beside)


def normal_quantile(p: Expression) -> Expression:
    """The number that a standard normal number is below with probability `p`, to full double precision.

    Examples
    --------
    >>> from sdtheory.model.expression import evaluate
    >>> float(evaluate(normal_quantile(Number(0.975)), {})).__round__(12)
    1.95996398454
    """
    q = _sub(p, HALF)
    centre = _mul(q, _ratio(QUANTILE_CENTRE, _sub(Number(HALF_RANGE**2), _mul(q, q))))
    side = _call("min", p, _sub(ONE, p))
    r = _call("sqrt", Unary("-", _call("ln", side)))
    near = _ratio(QUANTILE_TAIL, _sub(r, Number(1.6)))
    size = _if(_less(Number(TAIL_FROM), r), _ratio(QUANTILE_FAR, _sub(r, Number(TAIL_FROM))), near)
    tail = _if(_less(q, ZERO), Unary("-", size), size)
    return _if(_less(Number(HALF_RANGE), _call("abs", q)), tail, centre)


def uniform(u: Expression, low: Expression, high: Expression) -> Expression:
    """A number between two others."""
    return _add(low, _mul(u, _sub(high, low)))


def normal(u: Expression, mean: Expression, deviation: Expression) -> Expression:
    """A normal number."""
    return _add(mean, _mul(deviation, _call("normal_quantile", u)))


def truncated_normal(
    u: Expression, low: Expression, high: Expression, mean: Expression, deviation: Expression
) -> Expression:
    """A normal number, drawn again and again until it lies between two others.

    Probabilities are taken from the lower tail: where most of the interval lies above the mean, all is
    turned round.
    """
    above = _less(mean, _mul(HALF, _add(low, high)))
    sign = _if(above, Number(-1.0), ONE)

    def probability(bound: Expression) -> Expression:
        return _call("normal_cdf", _mul(sign, _div(_sub(bound, mean), deviation)))

    first, last = probability(low), probability(high)
    drawn = _call("normal_quantile", _add(first, _mul(u, _sub(last, first))))
    number = _add(mean, _mul(_mul(sign, deviation), drawn))
    at_mean = Binary("=", deviation, ZERO)
    return _clamped(_if(at_mean, mean, number), low, high)


def exponential(u: Expression, mean: Expression) -> Expression:
    """An exponential number."""
    return _mul(mean, Unary("-", _call("ln", _sub(ONE, u))))


def truncated_exponential(
    u: Expression, low: Expression, high: Expression, shift: Expression, stretch: Expression
) -> Expression:
    """`shift` and `stretch` times an exponential number of mean 1, drawn until it lies between two others.

    Above any number the distribution has the same form as above its start.
    """
    start = _call("max", low, shift)
    share = _sub(ONE, _call("exp", _div(_sub(start, high), stretch)))
    number = _add(start, exponential(_mul(u, share), stretch))
    return _clamped(_if(Binary("=", stretch, ZERO), start, number), low, high)


def triangular(
    u: Expression, low: Expression, high: Expression, left: Expression, peak: Expression, right: Expression
) -> Expression:
    """A number of the triangular distribution from `left` over `peak` to `right`, cut off to an interval."""
    width = _sub(right, left)
    rising, falling = _sub(peak, left), _sub(right, peak)

    def probability(bound: Expression) -> Expression:
        x = _clamped(bound, left, right)
        up, down = _sub(x, left), _sub(right, x)
        above = _if(_less(x, right), _div(_div(_mul(down, down), width), falling), ZERO)
        return _if(_less(x, peak), _div(_div(_mul(up, up), width), rising), _sub(ONE, above))

    first, last = probability(low), probability(high)
    p = _add(first, _mul(u, _sub(last, first)))
    lower = _add(left, _call("sqrt", _mul(_mul(p, width), rising)))
    upper = _sub(right, _call("sqrt", _mul(_mul(_sub(ONE, p), width), falling)))
    number = _if(_less(_mul(p, width), rising), lower, upper)
    return _clamped(number, low, high)
