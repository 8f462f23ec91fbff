"""Figures of analyses: tornado, map, box, rules, trace and Pareto front, fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sdtheory.diagrams.matplotlib import STYLE
from sdtheory.diagrams.plots import DASHES, LINES, _figure

QUIET = "#737373"


def _legend(axes: Any, **how: Any) -> None:
    """A legend in which names of a file are no mathematics."""
    for text in axes.legend(fontsize=8, **how).get_texts():
        text.set_parse_math(False)


def tornado_figure(
    names: Sequence[str], series: Mapping[str, tuple[np.ndarray, np.ndarray | None]], title: str, axis: str
) -> Any:
    """Horizontal bars for each name, the longest on top.

    Parameters
    ----------
    names : sequence of str
    series : mapping of label to (values, intervals)
        Values of shape (names,); intervals of shape (2, names), low and high, or None. The first series
        decides the order.
    title, axis : str
    """
    import matplotlib

    first = next(iter(series.values()))[0]
    order = np.argsort(np.abs(np.nan_to_num(first)), kind="stable")
    height = 0.8 / len(series)
    with matplotlib.rc_context(STYLE):
        figure = _figure(7.0, 1.3 + (0.2 + 0.16 * len(series)) * len(names))
        axes = figure.subplots()
        places = np.arange(len(names), dtype=float)
        for i, (label, (values, intervals)) in enumerate(series.items()):
            spread = None
            if intervals is not None:
                low, high = intervals[:, order]
                spread = np.nan_to_num(np.clip([values[order] - low, high - values[order]], 0, None))
            axes.barh(
                places + (len(series) - 1 - 2 * i) * height / 2,
                values[order],
                height * 0.9,
                xerr=spread,
                color=LINES[i % 7],
                label=label,
                error_kw={"elinewidth": 0.9, "ecolor": "black", "capsize": 2},
            )
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set_yticks(places, [names[i] for i in order], fontsize=9, parse_math=False)
        axes.set_xlabel(axis)
        axes.set_title(title, fontsize=10, parse_math=False, wrap=True)
        axes.spines[["top", "right"]].set_visible(False)
        _legend(axes, frameon=False, loc="lower right")
    return figure


def map_figure(
    x: np.ndarray,
    y: np.ndarray,
    values: np.ndarray,
    segments: np.ndarray,
    overlays: Mapping[str, np.ndarray],
    labels: tuple[str, str, str],
    title: str,
    share: bool = False,
) -> Any:
    """A map of values over two axes with its border line.

    Parameters
    ----------
    x, y : arrays, shape (columns,), (rows,)
    values : array, shape (rows, columns)
        NaN is hatched.
    segments : array, shape (segments, 2, 2)
        Pieces of the border, each from one (x, y) to another.
    overlays : mapping of name to array, shape (rows, columns)
        Drawn as the line where they are 0.
    labels : (str, str, str)
        Of the two axes and of the colours.
    title : str
    share : bool
        The values are shares from 0 to 1, not signed differences.
    """
    import matplotlib
    from matplotlib.collections import LineCollection
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    with matplotlib.rc_context(STYLE):
        figure = _figure(7.2, 5.0)
        axes = figure.subplots()
        missing = ~np.isfinite(values)
        shown = np.ma.masked_invalid(values)
        if share:
            colours: dict[str, Any] = {"cmap": "Oranges", "vmin": 0.0, "vmax": 1.0}
        else:
            # the wildest cells must not wash out the rest
            reach = float(np.quantile(np.abs(values[~missing]), 0.95)) if (~missing).any() else 1.0
            reach = reach or 1.0
            colours = {"cmap": "RdBu_r", "vmin": -reach, "vmax": reach}
        mesh = axes.pcolormesh(x, y, shown, shading="nearest", rasterized=True, **colours)
        figure.colorbar(mesh, ax=axes, label=labels[2], extend="neither" if share else "both")
        keys: list[Any] = []
        if missing.any():
            axes.contourf(x, y, missing.astype(float), levels=[0.5, 1.5], colors="none", hatches=["////"])
            keys.append(Patch(facecolor="none", edgecolor=QUIET, hatch="////", label="no value"))
        if len(segments):
            axes.add_collection(LineCollection(list(segments), colors="black", linewidths=1.8))
            border = "half of the futures worse" if share else "no difference"
            keys.append(Line2D([], [], color="black", linewidth=1.8, label=f"{border} (bisection)"))
        for i, (name, signed) in enumerate(overlays.items()):
            style = {"colors": [LINES[(i + 2) % 7]], "linestyles": [DASHES[1 + i % 3]], "linewidths": 1.6}
            axes.contour(x, y, signed, levels=[0.0], **style)
            keys.append(Line2D([], [], color=LINES[(i + 2) % 7], linestyle=DASHES[1 + i % 3], label=name))
        axes.set_xlim(x[0], x[-1])
        axes.set_ylim(y[0], y[-1])
        axes.set_xlabel(labels[0], parse_math=False)
        axes.set_ylabel(labels[1], parse_math=False)
        axes.set_title(title, fontsize=10, parse_math=False, wrap=True)
        if keys:
            _legend(axes, handles=keys, loc="upper right", framealpha=0.85)
    return figure


def box_figure(
    trajectory: Any,
    step: int,
    box: tuple[float, float],
    limits: Mapping[str, tuple[tuple[float, float], float | None, float | None]],
    base_rate: float,
    title: str,
) -> Any:
    """A peeling trajectory, and beside it the box's limits within each dimension's span.

    Parameters
    ----------
    trajectory : pandas.DataFrame
        Columns coverage, density, restricted.
    step : int
        The row that was chosen.
    box : (float, float)
        Coverage and density of the box that was made of it.
    limits : mapping of name to ((smallest, largest), low, high)
    base_rate : float
    title : str
    """
    import matplotlib

    with matplotlib.rc_context(STYLE):
        figure = _figure(9.5, max(3.6, 1.4 + 0.5 * len(limits)))
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.2))
        points = left.scatter(
            trajectory["coverage"],
            trajectory["density"],
            c=trajectory["restricted"],
            cmap="viridis",
            s=22,
            zorder=2,
        )
        left.plot(trajectory["coverage"], trajectory["density"], color=QUIET, linewidth=0.8, zorder=1)
        chosen = trajectory.iloc[step]
        ring = {"s": 110, "facecolors": "none", "edgecolors": LINES[1], "linewidths": 2, "zorder": 3}
        left.scatter([chosen["coverage"]], [chosen["density"]], label="chosen", **ring)
        left.plot(*box, "D", color=LINES[1], markersize=6, zorder=4, label="after pasting and dropping")
        left.axhline(base_rate, color="black", linestyle=":", linewidth=1, label="base rate")
        left.set_xlabel("coverage")
        left.set_ylabel("density")
        left.set_xlim(0, 1.03)
        left.set_ylim(0, 1.05)
        _legend(left, loc="lower left", framealpha=1, edgecolor="none")
        left.spines[["top", "right"]].set_visible(False)
        ticks = sorted(set(trajectory["restricted"]))
        figure.colorbar(points, ax=left, label="restricted dimensions", ticks=ticks)
        _limit_bars(right, limits)
        figure.suptitle(title, fontsize=10, parse_math=False, wrap=True)
    return figure


def _limit_bars(
    axes: Any, limits: Mapping[str, tuple[tuple[float, float], float | None, float | None]]
) -> None:
    for place, ((smallest, largest), low, high) in enumerate(limits.values()):
        span = largest - smallest
        start = 0.0 if low is None else (low - smallest) / span
        end = 1.0 if high is None else (high - smallest) / span
        axes.barh(place, 1.0, 0.5, color="#E3E3E3")
        axes.barh(place, end - start, 0.5, left=start, color=LINES[0])
        axes.text(0.0, place + 0.36, f"{smallest:.3g}", fontsize=7, ha="left", va="center")
        axes.text(1.0, place + 0.36, f"{largest:.3g}", fontsize=7, ha="right", va="center")
        for bound, at in ((low, start), (high, end)):
            if bound is not None:
                text = f"{bound:.3g}"
                axes.text(at, place - 0.36, text, fontsize=8, ha="center", va="center", color=LINES[0])
    axes.set_yticks(range(len(limits)), list(limits), fontsize=9, parse_math=False)
    axes.set_ylim(max(len(limits), 1) - 0.4, -0.6)
    axes.set_xlim(-0.03, 1.03)
    axes.set_xticks([])
    axes.spines[["top", "right", "bottom", "left"]].set_visible(False)
    axes.set_xlabel("limits within the sampled range")


def rules_figure(leaves: Any, base_rate: float, title: str) -> Any:
    """Density of each rule beside the base rate.

    Parameters
    ----------
    leaves : pandas.DataFrame
        Columns rule, density, mass, count.
    """
    import matplotlib

    with matplotlib.rc_context(STYLE):
        figure = _figure(8.0, 1.4 + 0.5 * len(leaves))
        axes = figure.subplots()
        places = np.arange(len(leaves))[::-1]
        axes.barh(places, leaves["density"], 0.36, color=LINES[0])
        for place, row in zip(places, leaves.to_dict("records"), strict=True):
            axes.text(0.005, place + 0.34, row["rule"], fontsize=8, va="center", parse_math=False)
            share = f"{100 * row['density']:.0f} % of {row['count']}"
            axes.text(row["density"] + 0.01, place, share, fontsize=8, va="center")
        axes.axvline(base_rate, color=QUIET, linestyle=":", linewidth=1, zorder=0.5, label="base rate")
        axes.set_yticks([])
        axes.set_xlim(0, 1.12)
        axes.set_xlabel("share")
        axes.set_title(title, fontsize=10, parse_math=False, wrap=True)
        _legend(axes, frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def trace_figure(trace: Any, title: str) -> Any:
    """The best value so far against the settings tried.

    Parameters
    ----------
    trace : pandas.DataFrame
        Columns evaluations and one for each objective.
    """
    import matplotlib

    with matplotlib.rc_context(STYLE):
        figure = _figure(6.4, 3.8)
        axes = figure.subplots()
        for i, name in enumerate(trace.columns[1:]):
            axes.plot(
                trace["evaluations"], trace[name], color=LINES[i % 7], label=name, drawstyle="steps-post"
            )
        axes.set_xlabel("settings tried")
        axes.set_ylabel("best so far")
        axes.set_title(title, fontsize=10, parse_math=False)
        _legend(axes, frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def front_figure(found: Any, again: Any, title: str) -> Any:
    """A front of policies over the sample of the search, and the same policies over a new one.

    Parameters
    ----------
    found, again : pandas.DataFrame
        One row for each policy, a column for each objective; the first two are drawn.
    """
    import matplotlib

    with matplotlib.rc_context(STYLE):
        figure = _figure(6.0, 4.4)
        axes = figure.subplots()
        x, y = found.columns[:2]
        for before, after in zip(found[[x, y]].to_numpy(), again[[x, y]].to_numpy(), strict=True):
            axes.plot(*zip(before, after, strict=True), color=QUIET, linewidth=0.8, zorder=1)
        axes.plot(found[x], found[y], "o", color=LINES[0], markersize=5, label="sample of the search")
        axes.plot(again[x], again[y], "D", color=LINES[1], markersize=4, label="new sample")
        axes.set_xlabel(x, parse_math=False)
        axes.set_ylabel(y, parse_math=False)
        axes.set_title(title, fontsize=10, parse_math=False)
        _legend(axes, frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def fit_figure(fitted: Any, title: str) -> Any:
    """Observed and simulated values over time, a panel for each series.

    Parameters
    ----------
    fitted : pandas.DataFrame
        Columns variable, time, observed, simulated.
    """
    import matplotlib

    names = list(dict.fromkeys(fitted["variable"]))
    with matplotlib.rc_context(STYLE):
        figure = _figure(4.2 * min(len(names), 3), 3.3 * -(-len(names) // 3))
        panels = figure.subplots(-(-len(names) // 3), min(len(names), 3), squeeze=False).ravel()
        for panel, name in zip(panels, names, strict=False):
            rows = fitted[fitted["variable"] == name].sort_values("time", kind="stable")
            panel.plot(rows["time"], rows["simulated"], color=LINES[0], label="model")
            panel.plot(rows["time"], rows["observed"], "o", color=LINES[1], markersize=4, label="data")
            panel.set_title(name, fontsize=10, parse_math=False)
            panel.spines[["top", "right"]].set_visible(False)
        for panel in panels[len(names) :]:
            panel.set_axis_off()
        _legend(panels[0], frameon=False)
        figure.suptitle(title, fontsize=10, parse_math=False, wrap=True)
    return figure
