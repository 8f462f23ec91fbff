"""Plots of the shares of feedback loops under compared policies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sdtheory.diagrams.comparison_plots import ACROSS, finish, panels_of, plain, styled, wrapped
from sdtheory.diagrams.plots import AREAS, OTHERS, SMALL


def loop_shares_figure(
    times: np.ndarray,
    scores: Mapping[str, np.ndarray],
    loops: Sequence[str],
    *,
    time_units: str = "",
    title: str = "",
    caption: str = "",
    axis: Any = None,
) -> Any:
    """Mean relative scores of loops stacked by sign over time, a panel for each policy.

    Parameters
    ----------
    times : array, shape (times,)
    scores : mapping of policy to array, shape (loops, times)
        Reinforcing shares go up, balancing ones down; NaN for a loop that the policy's model lacks.
    loops : sequence of str
        What loops are called. Those below 2 % everywhere, and all but the strongest, are drawn as one.
    time_units, title, caption : str
    axis : matplotlib axis, optional
        Drawn on in place of a new figure; only the first policy is.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = {policy: np.nan_to_num(values) for policy, values in scores.items()}
    sizes = np.max([np.abs(values[:, 1:]).mean(axis=1) for values in rows.values()], axis=0)
    ranked = np.argsort(-sizes, kind="stable")
    large = [int(place) for place in ranked if sizes[place] >= SMALL][: len(AREAS)]
    small = [place for place in range(len(loops)) if place not in large]
    labels = [loops[place] for place in large]
    if small:
        labels.append(f"other ({len(small)} loop{'s' if len(small) > 1 else ''})")

    def draw() -> Any:
        figure, panels = panels_of(len(rows), axis, 3.1, 2.4, ACROSS, shared=True)
        for panel, (policy, values) in zip(panels, rows.items(), strict=False):
            areas = [values[place] for place in large]
            handles = _stacked(panel, times, areas, values[small] if small else None)
            panel.set_title(wrapped(policy, 34), fontsize=9, parse_math=False)
            panel.set_xlim(times[0], times[-1])
            panel.set_ylim(-1, 1)
            panel.set_yticks([-1, -0.5, 0, 0.5, 1], ["100", "50", "0", "50", "100"])
            plain(panel)
        for panel in panels[:: min(len(panels), ACROSS)]:
            panel.set_ylabel("balancing  %  reinforcing", fontsize=8)
        for panel in panels[-min(len(panels), ACROSS) :]:
            panel.set_xlabel(time_units, fontsize=8, parse_math=False)
            panel.tick_params(labelbottom=True)
        _legend(figure if axis is None else panels[0], handles, [wrapped(label, 26) for label in labels])
        return finish(figure, axis, title, caption)

    return styled(draw)


def _stacked(
    panel: Any, times: np.ndarray, areas: Sequence[np.ndarray], rest: np.ndarray | None
) -> list[Any]:
    """Draw areas from the middle line on; give what the legend shows of each."""
    from matplotlib.patches import Patch

    base = {1.0: np.zeros(len(times)), -1.0: np.zeros(len(times))}
    handles = []
    layers = [(AREAS[place], [values]) for place, values in enumerate(areas)]
    if rest is not None:
        layers.append((OTHERS, list(rest)))
    for colour, members in layers:
        for side in (1.0, -1.0):
            part = np.sum([np.maximum(side * values, 0.0) for values in members], axis=0)
            low, base[side] = base[side], base[side] + part
            if part.any():
                ends = side * low, side * base[side]
                panel.fill_between(times, *ends, color=colour, linewidth=0.3, edgecolor="white")
        handles.append(Patch(color=colour))
    panel.axhline(0, color="black", linewidth=0.6)
    return handles


def _legend(where: Any, handles: Sequence[Any], labels: Sequence[str]) -> None:
    """Beside the panels of a figure, or inside the one panel that was given."""
    place = "outside right upper" if hasattr(where, "suptitle") else "best"
    legend = where.legend(handles, labels, frameon=False, fontsize=8, loc=place)
    for text in legend.get_texts():
        text.set_parse_math(False)


__all__ = ["loop_shares_figure"]
