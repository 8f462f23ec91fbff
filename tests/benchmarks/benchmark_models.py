"""Models to measure speed on, as the text of Vensim files; any test may use them."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

SIR = {
    "contact rate": "6",
    "infectivity": "0.25",
    "recovery time": "5",
    "population": "10000",
    "infection": "susceptible * contact rate * infectivity * infectious / population",
    "recovery": "infectious / recovery time",
    "susceptible": "INTEG(-infection, population - 10)",
    "infectious": "INTEG(infection - recovery, 10)",
    "recovered": "INTEG(recovery, 0)",
}
SIR_RANGES = {"infectivity": (0.1, 0.4), "recovery time": (2.0, 10.0)}

SECTORS = 12  # makes a model of World3's size
POINTS = 11  # of each table
# tables of a sector besides the one on its own ratio, and whether they rise; the last is in every fourth sector
TABLES = (("growth", True), ("life", False), ("care", True), ("spare", False))


def vensim(equations: Mapping[str, str], stop: float, time_step: float, save_every: float) -> str:
    """The text of a Vensim file.

    Parameters
    ----------
    equations : mapping
        Names to right-hand sides; one that begins with ``((`` is the points of a lookup.
    stop, time_step, save_every : float
        The run starts at 0.

    Examples
    --------
    >>> vensim({"rate": "2"}, 10.0, 0.5, 1.0).splitlines()[:2]
    ['{UTF-8}', 'rate = 2 ~ ~ |']
    """
    controls = {"INITIAL TIME": 0.0, "FINAL TIME": stop, "TIME STEP": time_step, "SAVEPER": save_every}
    written = {**equations, **{name: repr(value) for name, value in controls.items()}}
    lines = [f"{name}{'' if text.startswith('((') else ' = '}{text} ~ ~ |" for name, text in written.items()]
    return "\n".join(["{UTF-8}", *lines, ""])


def sir() -> str:
    """An epidemic: three stocks, 3,200 Euler steps, a row kept every day."""
    return vensim(SIR, 100.0, 0.03125, 1.0)


def world(seed: int = 3, sectors: int = SECTORS) -> str:
    """A model with the size and the mix of World3, made up: 400 steps of half a year.

    Each sector is a stock whose growth and lifetime depend, through tables, on ratios of its own level, its
    neighbours' and averages of them; what leaves a sector reaches another after a delay of the third order.
    Every level stays finite and positive: growth ends where a level is four times its normal, and a step
    takes away less than it leaves.

    Parameters
    ----------
    seed : int
        Of the numbers in the model; its structure is always the same.
    sectors : int
        12 make 260 equations with 41 states and 51 lookups a step; 7 about 150 equations.

    Examples
    --------
    >>> world() == world(seed=3), world() == world(seed=4)
    (True, False)
    """
    random = Random(seed)
    equations = {"policy year": f"{random.randint(60, 120)}"}
    for sector in range(1, sectors + 1):
        equations |= _sector(random, sector, sectors)
    return vensim(equations, 200.0, 0.5, 0.5)


def world_ranges(sectors: int = SECTORS) -> dict[str, tuple[float, float]]:
    """Numbers of `world` to vary, and how far."""
    return {f"normal growth {sector}": (0.02, 0.08) for sector in range(1, min(sectors, 6) + 1)}


def world_outputs(sectors: int = SECTORS) -> tuple[str, ...]:
    """Levels of `world` to keep."""
    return tuple(f"level {sector}" for sector in range(1, min(sectors, 6) + 1))


def _sector(random: Random, own: int, sectors: int) -> dict[str, str]:
    """The equations of one sector, which reads the two before it."""
    left, far = (own - 2) % sectors + 1, (own - 3) % sectors + 1
    normal = random.uniform(50.0, 500.0)
    reads = {
        "growth": f"perceived ratio {left}",
        "life": f"ratio {far}",
        "care": f"(level {own} + level {left}) / (normal level {own} + normal level {left})",
        "spare": f"perceived ratio {far}",
    }
    tables = TABLES[: 4 if own % 4 == 0 else 3]
    found = {
        f"normal level {own}": f"{normal:.4g}",
        f"normal growth {own}": f"{random.uniform(0.03, 0.06):.4g}",
        f"lifetime before {own}": f"{random.uniform(20.0, 40.0):.4g}",
        f"lifetime after {own}": f"{random.uniform(20.0, 40.0):.4g}",
        f"delay {own}": f"{random.uniform(4.0, 15.0):.4g}",
        f"level {own}": f"INTEG(growth {own} + arrival {own} - loss {own}, normal level {own} * "
        f"{random.uniform(0.2, 0.8):.4g})",
        f"ratio {own}": f"level {own} / normal level {own}",
        f"perceived ratio {own}": _perceived(own),
        f"room {own}": f"room table {own}(ratio {own})",
        f"room table {own}": _table(random, False, 1.5, 0.0, 4.0),
        f"lifetime {own}": f"IF THEN ELSE(Time >= policy year, lifetime after {own}, lifetime before {own})",
    }
    for word, rises in tables:
        found[f"{word} effect {own}"] = f"{word} table {own}({reads[word]})"
        found[f"{word} table {own}"] = _table(random, rises, 0.6, 1.4, 3.0)
    spare = f" * spare effect {own}" if len(tables) == 4 else ""
    hurry = f" * IF THEN ELSE(ratio {own} > 2, 1.1, 1)" if own % 3 == 0 else ""
    found |= {
        f"wanted growth {own}": f"level {own} * normal growth {own} * growth effect {own} * care effect {own}"
        f"{spare}",
        f"growth {own}": f"MIN(wanted growth {own}, 0.2 * level {own}) * room {own}",
        f"loss {own}": f"level {own} / MAX(lifetime {own} * life effect {own}, 8){hurry}",
        f"arrival {own}": _arrival(own, f"loss {left} * {random.uniform(0.02, 0.1):.4g}"),
    }
    return found


def _perceived(own: int) -> str:
    """What other sectors see of a sector's ratio: an average of the first or third order, or its logarithm."""
    if own % 12 == 0:
        return f"LN(1 + ratio {own}) / LN(2)"
    return f"{'SMOOTH3' if own % 4 == 1 else 'SMOOTH'}(ratio {own}, delay {own})"


def _arrival(own: int, flow: str) -> str:
    return f"DELAY3({flow}, delay {own})" if own % 3 == 0 else flow


def _table(random: Random, rises: bool, low: float, high: float, last: float) -> str:
    """A table that rises or falls from about one number to another, unevenly."""
    begin, end = sorted((low, high)) if rises else sorted((low, high), reverse=True)
    shares = [0.0, *sorted(random.random() for _ in range(POINTS - 2)), 1.0]
    points = [
        f"({last * place / (POINTS - 1):.4g},{begin + share * (end - begin):.4g})"
        for place, share in enumerate(shares)
    ]
    return f"({','.join(points)})"
