"""Plots of runs and comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sdtheory.diagrams.matplotlib import STYLE

LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES: tuple[Any, ...] = ("-", (0, (6, 2)), (0, (2, 1.5)), (0, (6, 2, 1.5, 2)), "-", "--", ":")


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def runs_figure(runs: Mapping[str, Any], variables: Sequence[str], units: str = "", title: str = "") -> Any:
    """Variables over time, one panel each, one line for each run.

    Parameters
    ----------
    runs : mapping of name to pandas.DataFrame
        As `simulate` gives them.
    variables : sequence of str
        Columns to plot.
    """
    import matplotlib

    with matplotlib.rc_context(STYLE):
        figure = _figure(4.2 * len(variables), 3.4)
        axes = figure.subplots(1, len(variables), squeeze=False)[0]
        for panel, variable in zip(axes, variables, strict=True):
            for i, (name, run) in enumerate(runs.items()):
                style = {"color": LINES[i % 7], "linestyle": DASHES[i % 7]}
                panel.plot(run.index, run[variable], label=name, **style)
            panel.set_title(variable, fontsize=10, parse_math=False)
            panel.set_xlabel("Year")
            panel.set_ylabel(units)
            panel.spines[["top", "right"]].set_visible(False)
        axes[0].legend(frameon=False, fontsize=8)
        if title:
            figure.suptitle(title, fontsize=11)
    return figure


def better_before_worse_figure(times: np.ndarray, changes: Mapping[str, np.ndarray], title: str) -> Any:
    """Change of a gap over time in several settings; the narrowest point and the crossing are marked."""
    import matplotlib

    with matplotlib.rc_context(STYLE):
        figure = _figure(7.5, 4.2)
        axes = figure.subplots()
        axes.axhline(0, color="black", linewidth=0.8)
        for i, (name, change) in enumerate(changes.items()):
            axes.plot(times, change, color=LINES[i % 7], linestyle=DASHES[i % 7], label=name)
            lowest = int(change.argmin())
            axes.plot(times[lowest], change[lowest], "o", color=LINES[i % 7], markersize=5)
            after = np.flatnonzero((change[:-1] < 0) & (change[1:] >= 0))
            if len(after):
                axes.plot(times[after[0] + 1], 0, "D", color=LINES[i % 7], markersize=6)
        axes.set_xlabel("Year")
        axes.set_ylabel("change of the understanding gap (doublings)")
        axes.set_title(title, fontsize=11)
        for mark, meaning in (("o", "narrowest"), ("D", "wider from here on")):
            axes.plot([], [], mark, color="black", markersize=5, label=meaning)
        axes.legend(frameon=False, fontsize=8, title="leverage, understood share, capability at start")
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def share_matrix_figure(shares: np.ndarray, rows: Sequence[str], columns: Sequence[str], title: str) -> Any:
    """Shares of futures (per cent) as a table of shades, with the number in each cell.

    Parameters
    ----------
    shares : array, shape (rows, columns)
        NaN where there is none.
    """
    import matplotlib

    with matplotlib.rc_context(STYLE):
        figure = _figure(2.9 + 1.5 * len(columns), 1.1 + 0.38 * len(rows))
        axes = figure.subplots()
        axes.imshow(np.nan_to_num(shares), cmap="Oranges", vmin=0, vmax=100, aspect="auto")
        for (i, j), share in np.ndenumerate(shares):
            text = "-" if np.isnan(share) else f"{share:.1f}"
            axes.text(
                j, i, text, ha="center", va="center", color="white" if share > 60 else "black", fontsize=9
            )
        axes.set_xticks(range(len(columns)), columns, fontsize=9)
        axes.set_yticks(range(len(rows)), rows, fontsize=9)
        axes.set_title(title, fontsize=10)
        axes.tick_params(length=0)
    return figure
