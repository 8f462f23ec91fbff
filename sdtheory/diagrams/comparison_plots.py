"""Plots of compared policies: fans over time, paired differences, regret, shares worse, one future a dot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from sdtheory.diagrams.matplotlib import STYLE
from sdtheory.diagrams.plots import DASHES, LINES

# blue and orange are told apart by all, and by lightness in grey
VERDICTS = (("better", 1.0, "#0072B2", "o"), ("tie", 0.0, "#999999", "x"), ("worse", -1.0, "#D55E00", "^"))
ACROSS = 3  # panels side by side
_WRAP = 22  # letters of a name in a line


def wrapped(name: str, width: int = _WRAP) -> str:
    """A name in lines of about that many letters, cut after three.

    Examples
    --------
    >>> wrapped("boost theorists, converted", 16)
    'boost theorists,\\nconverted'
    """
    import textwrap

    lines = textwrap.wrap(name, width) or [name]
    return "\n".join(lines if len(lines) <= 3 else [*lines[:2], f"{lines[2][: width - 1]}…"])


def panels_of(
    count: int, axis: Any, width: float, height: float, across: int = 1, shared: bool = False
) -> tuple[Any, list[Any]]:
    """A figure with so many panels, or the one that is given."""
    from matplotlib.figure import Figure

    if axis is not None:
        return axis.figure, [axis]
    columns = min(count, across)
    rows = -(-count // columns)
    figure = Figure(figsize=(width * columns, height * rows + 0.4), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharex=shared, sharey=shared).ravel()
    for panel in panels[count:]:
        panel.set_visible(False)
    return figure, list(panels[:count])


def finish(figure: Any, axis: Any, title: str, caption: str) -> Any:
    if axis is None:
        figure.suptitle(title, fontsize=11, parse_math=False)
        figure.supxlabel(caption, fontsize=7, color="#444444", parse_math=False, wrap=True)
    else:
        axis.set_title(title, fontsize=10, parse_math=False)
    return figure


def plain(panel: Any) -> None:
    panel.spines[["top", "right"]].set_visible(False)
    panel.tick_params(labelsize=8)


def styled(draw: Callable[[], Any]) -> Any:
    import matplotlib

    with matplotlib.rc_context(STYLE):
        return draw()


def fan_figure(
    times: np.ndarray,
    bands: Mapping[str, np.ndarray],
    *,
    units: str = "",
    time_units: str = "",
    zero: bool = False,
    title: str = "",
    caption: str = "",
    axis: Any = None,
) -> Any:
    """Where a variable lies over time: median, and the ranges that hold half and nine tenths of the futures.

    Parameters
    ----------
    times : array, shape (times,)
    bands : mapping of policy to array, shape (5, times)
        The 5, 25, 50, 75 and 95 % points. The first policy's median is dashed in the panels of the others.
    zero : bool
        Draw the line of no change in its place, and mark where the median crosses it.
    axis : matplotlib axis, optional
        Drawn on in place of a new figure; only the first policy is.
    """

    def draw() -> Any:
        figure, panels = panels_of(len(bands), axis, 3.1, 2.4, ACROSS, shared=True)
        base, first = next(iter(bands.items()))
        for place, (panel, (policy, rows)) in enumerate(zip(panels, bands.items(), strict=False)):
            colour = LINES[place % len(LINES)]
            panel.fill_between(
                times, rows[0], rows[4], color=colour, alpha=0.18, linewidth=0, label="5 to 95 %"
            )
            panel.fill_between(
                times, rows[1], rows[3], color=colour, alpha=0.38, linewidth=0, label="25 to 75 %"
            )
            panel.plot(times, rows[2], color=colour, linewidth=1.6, label="median")
            if zero:
                panel.axhline(0, color="black", linewidth=0.8)
                _mark_crossings(panel, times, rows[2])
            elif place:
                panel.plot(
                    times,
                    first[2],
                    color="black",
                    linewidth=0.9,
                    linestyle="--",
                    label=f"median, {base}",
                )
            panel.set_title(wrapped(policy, 34), fontsize=9, parse_math=False)
            plain(panel)
        for panel in panels[:: min(len(panels), ACROSS)]:
            panel.set_ylabel(units, fontsize=8, parse_math=False)
        for panel in panels[-min(len(panels), ACROSS) :]:
            panel.set_xlabel(time_units, fontsize=8, parse_math=False)
            panel.tick_params(labelbottom=True)
        panels[-1].legend(frameon=False, fontsize=7)
        return finish(figure, axis, title, caption)

    return styled(draw)


def _mark_crossings(panel: Any, times: np.ndarray, median: np.ndarray) -> None:
    """A diamond where the median changes its sign: better before worse, or worse before better."""
    with np.errstate(invalid="ignore"):
        after = np.flatnonzero(median[:-1] * median[1:] < 0)
    for place in after:
        share = median[place] / (median[place] - median[place + 1])
        moment = times[place] + share * (times[place + 1] - times[place])
        panel.plot(moment, 0, "D", color="black", markersize=4)
        panel.annotate(f"{moment:.3g}", (moment, 0), xytext=(3, 4), textcoords="offset points", fontsize=7)


def boxes_figure(
    values: Mapping[str, Mapping[str, np.ndarray]], *, title: str = "", caption: str = "", axis: Any = None
) -> Any:
    """Boxes of one number a future for each policy, a panel for each metric; whiskers hold nine tenths.

    Parameters
    ----------
    values : mapping of metric to mapping of policy to array
        Finite numbers.
    """

    def draw() -> Any:
        tall = 0.6 + 0.3 * max((len(rows) for rows in values.values()), default=1)
        figure, panels = panels_of(max(len(values), 1), axis, 5.2, tall, across=2)
        for panel, (metric, rows) in zip(panels, values.items(), strict=False):
            names = list(rows)
            panel.boxplot(
                [rows[name] for name in names], orientation="horizontal", whis=(5, 95), widths=0.6,
                showfliers=False, showmeans=True, patch_artist=True, boxprops={"facecolor": "#BBD7EA"},
                medianprops={"color": "#0072B2", "linewidth": 1.6},
                meanprops={"marker": "D", "markersize": 4, "markerfacecolor": "black", "markeredgecolor": "black"},
            )  # fmt: skip
            panel.set_yticks(range(1, len(names) + 1), [wrapped(name, 34) for name in names], fontsize=8)
            panel.invert_yaxis()
            panel.set_title(metric, fontsize=9, loc="left", parse_math=False)
            plain(panel)
            for label in panel.get_yticklabels():
                label.set_parse_math(False)
        return finish(figure, axis, title, caption)

    return styled(draw)


def heatmap_figure(
    shares: np.ndarray,
    texts: Sequence[Sequence[str]],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    title: str = "",
    caption: str = "",
    axis: Any = None,
) -> Any:
    """Shares (0 to 1) as shades, with words in each cell.

    Parameters
    ----------
    shares : array, shape (rows, columns)
        NaN where there is none; such cells are hatched.
    texts : sequence of sequence of str
    """

    def draw() -> Any:
        figure, panels = panels_of(1, axis, 2.4 + 1.25 * len(columns), 1.3 + 0.5 * len(rows))
        panel = panels[0]
        panel.set_facecolor("white")
        panel.patch.set_hatch("///")
        panel.patch.set_edgecolor("#BBBBBB")
        panel.imshow(np.ma.masked_invalid(shares), cmap="Oranges", vmin=0, vmax=1, aspect="auto")
        for (i, j), share in np.ndenumerate(shares):
            colour = "white" if share > 0.6 else "black"
            box = None if np.isfinite(share) else {"facecolor": "white", "edgecolor": "none", "pad": 1}
            panel.text(
                j,
                i,
                texts[i][j],
                ha="center",
                va="center",
                color=colour,
                fontsize=8,
                bbox=box,
                parse_math=False,
            )
        panel.set_xticks(range(len(columns)), [wrapped(name, 16) for name in columns], fontsize=8)
        panel.set_yticks(range(len(rows)), [wrapped(name, 26) for name in rows], fontsize=8)
        panel.xaxis.tick_top()
        panel.tick_params(length=0)
        for label in (*panel.get_xticklabels(), *panel.get_yticklabels()):
            label.set_parse_math(False)
        return finish(figure, axis, title, caption)

    return styled(draw)


def scatter_figure(
    x: np.ndarray,
    y: np.ndarray,
    verdict: np.ndarray,
    *,
    x_name: str = "",
    y_name: str = "",
    title: str = "",
    caption: str = "",
    axis: Any = None,
) -> Any:
    """A dot for each future: a sampled quantity and the paired difference, by whether it is better or worse.

    Parameters
    ----------
    x, y, verdict : arrays of shape (runs,)
        `verdict` is 1, 0, -1, or NaN where there is no direction.
    """

    def draw() -> Any:
        figure, panels = panels_of(1, axis, 5.6, 3.8)
        panel = panels[0]
        panel.axhline(0, color="black", linewidth=0.8)
        size = float(np.clip(4000 / max(len(x), 1), 3, 18))
        for word, sign, colour, marker in VERDICTS:
            chosen = verdict == sign
            if chosen.any():
                label = f"{word} ({chosen.sum():,})"
                panel.scatter(
                    x[chosen], y[chosen], s=size, c=colour, marker=marker, linewidths=0.6, alpha=0.75, label=label,
                    rasterized=len(x) > 4096,
                )  # fmt: skip
        if np.isnan(verdict).any():
            unknown = np.isnan(verdict)
            panel.scatter(x[unknown], y[unknown], s=size, c="#444444", label="no direction")
        panel.set_xlabel(x_name, fontsize=9, parse_math=False)
        panel.set_ylabel(y_name, fontsize=9, parse_math=False)
        panel.legend(frameon=False, fontsize=8)
        plain(panel)
        return finish(figure, axis, title, caption)

    return styled(draw)


def turned_figure(
    firsts: Mapping[str, np.ndarray],
    futures: int,
    span: tuple[float, float],
    *,
    title: str = "",
    caption: str = "",
) -> Any:
    """The share of futures that have turned by each time, a step line for each direction.

    Parameters
    ----------
    firsts : mapping of direction to array
        Times of the futures that turn so.
    futures : int
        Of which the shares are.
    span : (float, float)
        Times to show.
    """

    def draw() -> Any:
        figure, panels = panels_of(1, None, 5.6, 3.4)
        for place, (word, times) in enumerate(firsts.items()):
            steps = np.concatenate([[span[0]], np.sort(times), [span[1]]])
            shares = np.append(np.arange(len(times) + 1), len(times)) / max(futures, 1) * 100
            panels[0].step(
                steps, shares, where="post", color=LINES[place], linestyle=DASHES[place], linewidth=1.6,
                label=f"{word} ({len(times):,} of {futures:,})",
            )  # fmt: skip
        panels[0].set_xlim(*span)
        panels[0].set_ylim(0, 100)
        panels[0].set_xlabel("time", fontsize=9)
        panels[0].set_ylabel("% of futures that have turned", fontsize=9)
        panels[0].legend(frameon=False, fontsize=8)
        plain(panels[0])
        return finish(figure, None, title, caption)

    return styled(draw)


__all__ = ["boxes_figure", "fan_figure", "heatmap_figure", "scatter_figure", "turned_figure", "wrapped"]
