"""Analytic criteria of the coarsest model: when do more theorists widen the understanding gap?

x is the understood share, kappa the search leverage, theta the theorist fraction.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def long_run_new_money(kappa: Any, x: Any) -> Any:
    """Positive when added theorists make the gap grow faster in the long run: kappa (1 - x) - 1.

    With theorists times tau, x settles where tau rho (1 - x) = x E(x), rho = pace x0 / (1 - x0), and
    E(x) = exp(kappa (x - x0)) is the efficiency of search. The gap then grows in proportion to
    (1 - x) E(x), whose derivative in x has the sign of kappa (1 - x) - 1; and x rises with tau.

    Examples
    --------
    >>> float(long_run_new_money(1.5, 0.2)) > 0
    True
    """
    return np.asarray(kappa) * (1 - np.asarray(x)) - 1


def long_run_conversion(kappa: Any, x: Any, theta: Any) -> Any:
    """Positive when converting experimenters widens the gap in the long run.

    Experimenters e fall by theta / (1 - theta) per unit of tau. From ln tau + ln rho + ln(1 - x) =
    ln x + kappa (x - x0) + ln e follows dx (kappa + 1 / (x (1 - x))) = dtau / (1 - theta); inserted in
    d ln((1 - x) e E) this gives (kappa - 1 / (1 - x)) / (kappa + 1 / (x (1 - x))) > theta.

    Examples
    --------
    >>> float(long_run_conversion(1.5, 0.2, 0.1)) > 0
    False
    """
    kappa, x = np.asarray(kappa), np.asarray(x)
    return (kappa - 1 / (1 - x)) / (kappa + 1 / (x * (1 - x))) - np.asarray(theta)


def finite_horizon(kappa: Any, x: Any, growth_factor: Any) -> Any:
    """Positive when a small boost has widened the gap by the horizon: kappa (1 - x) R(s) - 1.

    s is capability at the horizon over capability at the start of the policy, m = 1 + kappa x + x / (1 - x),
    and R(s) = ((s - 1) - (1 - s^(1 - m)) / (m - 1)) / (s - s^(1 - m)). From x' = (U' - x C') / C, linear
    about a baseline of constant growth with pace 1: d(dx) / d ln s = x dtau - m dx, so
    dx = (x dtau / m)(1 - s^-m); integrate kappa dx over C for dC and form dG = (1 - x) dC - C dx.
    R is (s - 1) / 2 near s = 1: the gap always narrows first.

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
