"""Figures of the study that no other part of the package draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from sdtheory.diagrams.matplotlib import STYLE
from sdtheory.diagrams.plots import DASHES, LINES

MARKS = ("o", "s", "^", "D", "v", "P", "X")
QUIET = "#5F5F5F"


def _panels(rows: int, columns: int, width: float, height: float, **how: Any) -> tuple[Any, Any]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **how)


def _finish(figure: Any, panels: Sequence[Any], title: str, caption: str) -> Any:
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelsize=8)
    figure.suptitle(title, fontsize=11)
    figure.supxlabel(caption, fontsize=7.5, color="#444444")
    return figure


def trade_figure(trades: Mapping[str, tuple[np.ndarray, np.ndarray]], title: str, caption: str) -> Any:
    """Years lost against the gap narrowed, one panel for each rung, with lines of equal value of a year.

    Parameters
    ----------
    trades : mapping of rung to (years lost, gap narrowed in years of growth at the start)
    title, caption : str
    """
    with matplotlib.rc_context(STYLE):
        figure, grid = _panels(1, len(trades), 2.75 * len(trades), 3.6, sharex=True, sharey=True)
        both = np.concatenate([np.column_stack(pair) for pair in trades.values()])
        right, top = np.quantile(both[:, 0], 0.99), np.quantile(both[:, 1], 0.99)
        bottom = min(float(np.quantile(both[:, 1], 0.005)), 0.0)
        for panel, (rung, (lost, gained)) in zip(grid[0], trades.items(), strict=True):
            panel.axhline(0, color="black", linewidth=0.8)
            panel.plot(
                lost, gained, ".", color=LINES[0], markersize=3, alpha=0.5, rasterized=len(lost) > 2048
            )
            for value, dash in ((1, DASHES[1]), (4, DASHES[2])):
                panel.plot([0, right], [0, value * right], color="black", linewidth=0.9, linestyle=dash)
            middle = float(np.median(gained / lost))
            panel.plot([0, right], [0, middle * right], color=LINES[1], linewidth=1.8)
            panel.set_title(f"{rung}: median {middle:.1f}", fontsize=9)
            panel.set_xlabel("years lost before C*", fontsize=8)
        grid[0][0].set_xlim(0, 1.05 * right)
        grid[0][0].set_ylim(bottom - 0.05 * top, 1.1 * top)
        grid[0][0].set_ylabel("gap narrowed at C*\n(years of growth at the start)", fontsize=8)
        for label, style in (
            ("a future", {"color": LINES[0], "marker": ".", "linestyle": ""}),
            ("median value of a year", {"color": LINES[1], "linewidth": 1.8}),
            ("a year is worth 1", {"color": "black", "linewidth": 0.9, "linestyle": DASHES[1]}),
            ("a year is worth 4", {"color": "black", "linewidth": 0.9, "linestyle": DASHES[2]}),
        ):
            grid[0][0].plot([], [], label=label, **style)
        figure.legend(
            *grid[0][0].get_legend_handles_labels(),
            loc="outside right upper",
            fontsize=8,
            frameon=False,
        )
        return _finish(figure, grid[0], title, caption)


def staircase_figure(bins: Sequence[str], shares: Mapping[str, Any], title: str, caption: str) -> Any:
    """Share worse by bin, a line for each rung with Wilson's intervals.

    Parameters
    ----------
    bins : sequence of str
    shares : mapping of rung to array, shape (bins, 3)
        Share, low and high in per cent.
    title, caption : str
    """
    with matplotlib.rc_context(STYLE):
        figure, grid = _panels(1, 1, 7.2, 4.2)
        panel = grid[0][0]
        places = np.arange(len(bins), dtype=float)
        width = 0.6 / max(len(shares), 1)
        for i, (rung, rows) in enumerate(shares.items()):
            share, low, high = np.asarray(rows, dtype=float).T
            at = places + (i - (len(shares) - 1) / 2) * width
            spread = np.clip([share - low, high - share], 0, None)
            panel.errorbar(
                at, share, yerr=spread, color=LINES[(i + 1) % 7], marker=MARKS[(i + 1) % 7], markersize=6,
                linewidth=1.3, linestyle=DASHES[i % 7], capsize=2, elinewidth=0.9, label=rung,
            )  # fmt: skip
        panel.set_xticks(places, bins)
        panel.set_ylim(-2, 100)
        panel.set_ylabel("share of futures worse (%)", fontsize=9)
        panel.set_xlabel("difficulty slope of search less that of explanation (1/doubling)", fontsize=9)
        panel.legend(frameon=False, fontsize=8)
        return _finish(figure, [panel], title, caption)


def drivers_figure(
    names: Sequence[str], metrics: Sequence[str], ranks: np.ndarray, totals: np.ndarray | None, caption: str
) -> Any:
    """Partial rank correlations, and total Sobol indices beside them, as tables of shades.

    Parameters
    ----------
    names, metrics : sequence of str
    ranks, totals : arrays, shape (names, metrics)
        Totals are None where they could not be had.
    caption : str
    """
    with matplotlib.rc_context(STYLE):
        columns = 1 if totals is None else 2
        figure, grid = _panels(1, columns, 2.6 + 4.1 * columns, 1.6 + 0.32 * len(names), sharey=True)
        tables = [("partial rank correlation with the change", ranks, "RdBu_r", -1.0)]
        if totals is not None:
            tables.append(("total Sobol index of the change", totals, "Oranges", 0.0))
        for panel, (title, values, colours, low) in zip(grid[0], tables, strict=True):
            panel.imshow(values, cmap=colours, vmin=low, vmax=1.0, aspect="auto")
            for (i, j), value in np.ndenumerate(values):
                ink = "white" if abs(value) > 0.6 else "black"
                panel.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=8, color=ink)
            panel.set_title(title, fontsize=9)
            panel.set_xticks(
                range(len(metrics)),
                [name.replace(" after", "\nafter").replace(" at", "\nat") for name in metrics],
            )
            panel.set_yticks(range(len(names)), names)
            panel.tick_params(length=0)
        figure = _finish(figure, grid[0], "What drives the change that more theorists make, M4", caption)
        for panel in grid[0]:
            panel.spines[["bottom", "left"]].set_visible(False)
        return figure


def curves_figure(
    points: Sequence[float],
    curves: Sequence[tuple[str, Mapping[str, np.ndarray]]],
    axis: str,
    title: str,
    caption: str,
) -> Any:
    """Curves over one setting on a logarithmic scale, a panel for each quantity.

    Parameters
    ----------
    points : sequence of float
    curves : sequence of (label of the vertical axis, mapping of name to array)
    axis, title, caption : str
    """
    with matplotlib.rc_context(STYLE):
        figure, grid = _panels(1, len(curves), 4.6 * len(curves), 3.8)
        for panel, (label, lines) in zip(grid[0], curves, strict=True):
            for i, (name, values) in enumerate(lines.items()):
                panel.plot(
                    points, values, color=LINES[i % 7], marker=MARKS[i % 7], markersize=5,
                    linestyle=DASHES[i % 7], linewidth=1.3, label=name,
                )  # fmt: skip
            panel.set_xscale("log", base=2)
            panel.set_xticks(list(points), [f"{point:g}" for point in points])
            panel.set_ylim(bottom=0)
            panel.set_ylabel(label, fontsize=9)
            panel.set_xlabel(axis, fontsize=9)
            panel.legend(frameon=False, fontsize=8)
        return _finish(figure, grid[0], title, caption)


def base_runs_figure(
    runs: Mapping[str, tuple[Any, Any]], variables: Sequence[str], badges: Mapping[str, str], title: str
) -> Any:
    """Base runs of every rung, drawn through, and under a policy, dashed; below, what was checked.

    Parameters
    ----------
    runs : mapping of rung to (baseline, policy), pandas.DataFrame each
    variables : sequence of str
    badges : mapping of rung to str
    title : str
    """
    with matplotlib.rc_context(STYLE):
        figure, grid = _panels(1, len(variables), 4.2 * len(variables), 4.4)
        for panel, variable in zip(grid[0], variables, strict=True):
            for i, (rung, pair) in enumerate(runs.items()):
                for run, dash, label in zip(pair, ("-", DASHES[1]), (rung, None), strict=True):
                    if variable in run:
                        panel.plot(
                            run.index, run[variable], color=LINES[i % 7], linestyle=dash, linewidth=1.3,
                            label=label, marker=MARKS[i % 7], markevery=(16 * i, 84), markersize=4,
                        )  # fmt: skip
            panel.set_title(variable, fontsize=9)
            panel.set_xlabel("year", fontsize=8)
            panel.set_ylabel("doublings", fontsize=8)
        grid[0][0].plot([], [], color=QUIET, linestyle=DASHES[1], label="theorists + 50 %")
        grid[0][0].legend(frameon=False, fontsize=8)
        caption = "\n".join(f"{rung}: {text}" for rung, text in badges.items())
        return _finish(figure, grid[0], title, caption)


def switches_figure(
    rows: Mapping[str, Sequence[tuple[str, Mapping[str, tuple[float, float]]]]],
    ends: Mapping[str, Mapping[str, tuple[float, float]]],
    metrics: Sequence[str],
    title: str,
    caption: str,
) -> Any:
    """Disagreement with the rung below when each refinement is on alone, and off alone.

    Parameters
    ----------
    rows : mapping of rung to sequence of (part, mapping of metric to (on alone, off alone))
        Per cent.
    ends : mapping of rung to mapping of metric to (all off, all on)
    metrics : sequence of str
    title, caption : str
    """
    with matplotlib.rc_context(STYLE):
        heights = [len(parts) + 1.2 for parts in rows.values()]
        found = [pair for parts in rows.values() for _, by_metric in parts for pair in by_metric.values()]
        found += [pair for by_metric in ends.values() for pair in by_metric.values()]
        most = max(max(pair) for pair in found)
        figure, grid = _panels(
            len(rows), len(metrics), 4.4 * len(metrics) + 2.0, 1.4 + 0.36 * sum(heights),
            height_ratios=heights, sharex=True,
        )  # fmt: skip
        for line, (rung, parts) in zip(grid, rows.items(), strict=True):
            for panel, metric in zip(line, metrics, strict=True):
                places = np.arange(len(parts))[::-1]
                alone = [found[metric][0] for _, found in parts]
                left = [found[metric][1] for _, found in parts]
                panel.barh(places, alone, 0.55, color=LINES[5], label="this on alone")
                panel.plot(left, places, "D", color=LINES[1], markersize=5, label="this off alone")
                off, on = ends[rung][metric]
                panel.axvline(on, color="black", linewidth=1.1, label="all on")
                panel.axvline(off, color="black", linewidth=1.1, linestyle=DASHES[2], label="all off")
                panel.set_yticks(places, [part for part, _ in parts] if panel is line[0] else [])
                panel.set_title(f"{rung}: {metric}", fontsize=9, loc="left")
                panel.set_xlim(0, 1.05 * max(most, 1.0))
        for panel in grid[-1]:
            panel.set_xlabel("sign differs from the rung below (% of futures)", fontsize=8)
        figure.legend(
            *grid[0][0].get_legend_handles_labels(), loc="outside right upper", fontsize=8, frameon=False
        )
        return _finish(figure, grid.ravel(), title, caption)


def shares_figure(shares: Mapping[str, Sequence[tuple[str, float, float]]], title: str, caption: str) -> Any:
    """Shares of families of loops with and without a policy, a panel for each rung.

    Parameters
    ----------
    shares : mapping of rung to sequence of (family, baseline, policy)
        Per cent, the largest first.
    title, caption : str
    """
    with matplotlib.rc_context(STYLE):
        across = 3
        lines = -(-len(shares) // across)
        heights = [
            max(map(len, list(shares.values())[line * across : (line + 1) * across])) for line in range(lines)
        ]
        figure, grid = _panels(
            lines, across, 12.0, 1.0 + 0.8 * lines + 0.34 * sum(heights), sharex=True, height_ratios=heights
        )
        for place, (panel, (rung, rows)) in enumerate(zip(grid.ravel(), shares.items(), strict=False)):
            places = np.arange(len(rows), dtype=float)
            panel.barh(places - 0.2, [base for _, base, _ in rows], 0.38, color="#BDBDBD", label="baseline")
            panel.barh(
                places + 0.2, [own for *_, own in rows], 0.38, color=LINES[0], label="theorists + 50 %"
            )
            panel.set_yticks(places, [family for family, *_ in rows])
            panel.set_ylim(heights[place // across] - 0.4, -0.6)
            panel.set_title(rung, fontsize=9)
            panel.set_xlabel("share of the change (%)", fontsize=8)
        for panel in grid.ravel()[len(shares) :]:
            panel.set_axis_off()
        for panel in grid.ravel():
            panel.tick_params(labelbottom=True)  # also above the place that holds no panel
        keys = grid[0][0].get_legend_handles_labels()
        figure.legend(*keys, frameon=False, fontsize=9, loc="outside right lower")
        return _finish(figure, grid.ravel(), title, caption)
