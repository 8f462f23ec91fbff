"""Analytic criteria: when do more theorists widen the understanding gap?

Each is positive when they do. x is the understood share, kappa the search leverage, theta the theorist
fraction, beta and gamma the difficulty slopes of search and of explanation, all without units but the slopes
(1/Doubling). Arguments are numbers or arrays of one shape, and so is what comes back. A rule for the long run
misleads at the horizons of policy: show `finite_horizon` for the horizon beside it.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def long_run_new_money(kappa: Any, x: Any) -> Any:
    """The gap grows faster in the long run: kappa (1 - x) - 1. Rung M0, theorists added with new money.

    Parameters
    ----------
    kappa, x : array_like
        Search leverage, and the understood share once it has settled.

    Returns
    -------
    numpy.ndarray
        Positive where a small boost makes the gap grow faster for good.

    Notes
    -----
    With theorists times tau, x settles where tau rho (1 - x) = x E(x), rho = pace x0 / (1 - x0), and
    E(x) = exp(kappa (x - x0)) is the efficiency of search. The gap then grows in proportion to
    (1 - x) E(x), whose derivative in x has the sign of kappa (1 - x) - 1; and x rises with tau.

    Valid for small boosts, once x has settled: many decades. For a boost of one half the sign agrees in
    about 98 of 100 futures, at ten years in about 60.

    Examples
    --------
    >>> float(long_run_new_money(1.5, 0.2)) > 0
    True
    """
    return np.asarray(kappa) * (1 - np.asarray(x)) - 1


def long_run_any_search(elasticity: Any, x: Any) -> Any:
    """The same for any efficiency of search E(x): its elasticity to x, minus x / (1 - x).

    Parameters
    ----------
    elasticity, x : array_like
        Elasticity of search efficiency to the understood share, and that share, once settled.

    Returns
    -------
    numpy.ndarray
        Positive where a small boost makes the gap grow faster for good.

    Notes
    -----
    The derivative of ln((1 - x) E(x)) in ln x is elasticity - x / (1 - x). With the elasticity kappa x of rung
    M0 it has the sign of `long_run_new_money`, whose validity it shares.

    Examples
    --------
    >>> float(long_run_any_search(1.5 * 0.2, 0.2)) > 0
    True
    """
    x = np.asarray(x)
    return np.asarray(elasticity) - x / (1 - x)


def long_run_conversion(kappa: Any, x: Any, theta: Any) -> Any:
    """Converting experimenters makes the gap grow faster in the long run. Rung M0.

    Parameters
    ----------
    kappa, x, theta : array_like
        Search leverage, the understood share once it has settled, and the share of labour in theory.

    Returns
    -------
    numpy.ndarray
        (kappa - 1 / (1 - x)) / (kappa + 1 / (x (1 - x))) - theta.

    Notes
    -----
    Experimenters e fall by theta / (1 - theta) per unit of tau. From ln tau + ln rho + ln(1 - x) =
    ln x + kappa (x - x0) + ln e follows dx (kappa + 1 / (x (1 - x))) = dtau / (1 - theta); inserted in
    d ln((1 - x) e E) this gives (kappa - 1 / (1 - x)) / (kappa + 1 / (x (1 - x))) > theta.

    Valid for small boosts, once x has settled. It implies `long_run_new_money`.

    Examples
    --------
    >>> float(long_run_conversion(1.5, 0.2, 0.1)) > 0
    False
    """
    kappa, x = np.asarray(kappa), np.asarray(x)
    return (kappa - 1 / (1 - x)) / (kappa + 1 / (x * (1 - x))) - np.asarray(theta)


def finite_horizon(kappa: Any, x: Any, growth_factor: Any) -> Any:
    """A small boost has widened the gap by the horizon: kappa (1 - x) R(s) - 1. Rung M0.

    Parameters
    ----------
    kappa, x : array_like
        Search leverage, and the understood share at the start of the policy.
    growth_factor : array_like
        s, capability at the horizon over capability at the start of the policy; above 1.

    Returns
    -------
    numpy.ndarray
        Positive where the gap at the horizon is wider.

    Notes
    -----
    m = 1 + kappa x + x / (1 - x) and R(s) = ((s - 1) - (1 - s^(1 - m)) / (m - 1)) / (s - s^(1 - m)). From
    x' = (U' - x C') / C, linear about a baseline of constant growth: d(dx) / d ln s = x dtau - m dx, so
    dx = (x dtau / m)(1 - s^-m); integrate kappa dx over C for dC and form dG = (1 - x) dC - C dx. R is
    (s - 1) / 2 near s = 1, so the gap always narrows first, and tends to 1, which is `long_run_new_money`.

    Valid for small boosts with new money about a baseline that keeps its understood share (pace ratio 1).

    Examples
    --------
    >>> float(finite_horizon(1.5, 0.2, 1.75)) < 0
    True
    """
    kappa, x, s = (
        np.asarray(kappa, dtype=float),
        np.asarray(x, dtype=float),
        np.asarray(growth_factor, dtype=float),
    )
    m = 1 + kappa * x + x / (1 - x)
    power = s ** (1 - m)
    return kappa * (1 - x) * ((s - 1) - (1 - power) / (m - 1)) / (s - power) - 1


def at_given_capability(theorists: Any, experimenters: Any) -> Any:
    """The gap is wider when a given capability is reached: ln(experimenters / theorists). Rung M0.

    Parameters
    ----------
    theorists, experimenters : array_like
        Labour of each kind under the policy, as multiples of the baseline's; positive.

    Returns
    -------
    numpy.ndarray
        Negative for more theorists, whether new or converted; positive for more experimenters.

    Notes
    -----
    By C in place of time, dx/dC = (tau rho (1 - x) / (e E(x)) - x) / C. It rises with tau / e at every x, so
    the solution x(C) is higher everywhere, and the gap (1 - x) C narrower, the larger tau / e.

    Valid for boosts of any size and at every capability above that at the start of the policy.

    Examples
    --------
    >>> float(at_given_capability(1.5, 1.0)) < 0 < float(at_given_capability(1.0, 1.5))
    True
    """
    return np.log(np.asarray(experimenters) / np.asarray(theorists))


def late_with_difficulty(kappa: Any, x: Any, beta: Any, capability: Any) -> Any:
    """The gap is wider late in a world of harder ideas: kappa (1 - x) - beta C. Rung M1.

    Parameters
    ----------
    kappa, x : array_like
        Search leverage, and the understood share.
    beta : array_like
        Difficulty slope, 1/Doubling.
    capability : array_like
        Capability at the horizon, Doubling.

    Returns
    -------
    numpy.ndarray
        Positive where the gap at the horizon is wider.

    Notes
    -----
    exp(beta (C - C0)) is one plus beta times the integral of effort times search efficiency. So a lasting dx
    does not speed up growth for good: late, it has lifted capability by dC = kappa dx / beta. Then
    dG = (1 - x) dC - C dx is positive if (1 - x) kappa / beta > C. It tightens as C grows: widening is
    transitory.

    Valid for small boosts with new money, without obsolescence or explanation difficulty, with short delays
    and effort that balances difficulty (effort growth ratio 1), from about twenty years on.

    Examples
    --------
    >>> [float(late_with_difficulty(5.0, 0.2, 0.1, capability)) > 0 for capability in (20.0, 60.0)]
    [True, False]
    """
    return np.asarray(kappa) * (1 - np.asarray(x)) - np.asarray(beta) * np.asarray(capability)


def difficulty_race(beta: Any, gamma: Any) -> Any:
    """Sorts futures by how likely the gap is wider: gamma - beta. Rungs M1 to M4; not a threshold.

    Parameters
    ----------
    beta, gamma : array_like
        Difficulty slopes of search and of explanation, 1/Doubling.

    Returns
    -------
    numpy.ndarray
        The larger, the larger the share of futures in which more theorists leave a wider gap.

    Notes
    -----
    There is no closed form. A boost of theorists hastens capability, and with it the difficulty of search
    and that of explanation. Where search gets harder faster (beta > gamma) the haste is soon spent while
    explanation goes on; where explanation does, the added theorists are spent first.

    Valid as an order of futures drawn from the study's ranges, not as a verdict on one of them.

    Examples
    --------
    >>> float(difficulty_race(0.4, 0.05)) < float(difficulty_race(0.1, 0.2))
    True
    """
    return np.asarray(gamma) - np.asarray(beta)
