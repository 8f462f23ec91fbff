"""Plots of the dominance of loops, and what other plots draw lines with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from sdtheory.diagrams.contrast import black_or_white
from sdtheory.diagrams.matplotlib import STYLE

LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES: tuple[Any, ...] = ("-", (0, (6, 2)), (0, (2, 1.5)), (0, (6, 2, 1.5, 2)), "-", "--", ":")

# areas of loops, from the strongest; the first four are those of highlighted loops in diagrams
AREAS = ("#CC79A7", "#009E73", "#E69F00", "#56B4E9", "#0072B2", "#D55E00", "#F0E442", "#8C6D31")
OTHERS = "#BDBDBD"
SMALL = 0.02  # mean share below which loops are drawn together
POINTS = 72.0  # to the inch


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


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


@dataclass(frozen=True)
class _Area:
    """A loop in a stacked plot, or all small ones together.

    Parameters
    ----------
    label, short : str
        With the loop's name, and its id alone.
    colour : str
    values : array, shape (times,)
        Relative scores.
    """

    label: str
    short: str
    colour: str
    values: np.ndarray


@dataclass(frozen=True)
class _Panel:
    """Where a panel lies, in inches, and the times it shows."""

    left: float
    bottom: float
    width: float
    height: float

    def axes(self, figure: Any) -> Any:
        width, height = figure.get_size_inches()
        return figure.add_axes(
            (self.left / width, self.bottom / height, self.width / width, self.height / height)
        )


def dominance_figure(dominance: Any, title: str = "", partition: int | None = None) -> Any:
    """Relative scores of loops stacked by sign over time, with the dominant periods as a strip above.

    Parameters
    ----------
    dominance : LoopDominance
    title : str
    partition : int, optional
        The cycle partition to draw; the one with the most loops when left out.

    Returns
    -------
    matplotlib.figure.Figure
        Reinforcing shares go up, balancing ones down, together they are 100 %. Where nothing changes
        there is a gap. Loops below 2 % are drawn as one.
    """
    import matplotlib

    chosen = _partition(dominance, partition)
    with matplotlib.rc_context(STYLE):
        figure = _fixed(9.0, 4.6)
        areas = _areas([dominance], chosen)[0]
        left = _stacked(figure, _Panel(0.75, 0.95, 8.0, 2.85), dominance, areas, chosen)
        _legend(figure, left)
        figure.text(0.75 / 9.0, 1 - 0.22 / 4.6, title, fontsize=11, va="center", parse_math=False)
    return figure


def dominance_comparison_figure(dominances: Mapping[str, Any], partition: int | None = None) -> Any:
    """Two policies side by side, and below how the share of each loop differs between them.

    Parameters
    ----------
    dominances : mapping of policy to LoopDominance
        The baseline, then the policy, from the same future.
    partition : int, optional
        As of `dominance_figure`, of the baseline.

    Returns
    -------
    matplotlib.figure.Figure
    """
    import matplotlib

    (base, policy), names = dominances.values(), list(dominances)
    chosen = _partition(base, partition)
    with matplotlib.rc_context(STYLE):
        figure = _fixed(12.0, 7.2)
        both = _areas([base, policy], chosen)
        for place, (one, areas, name) in enumerate(zip((base, policy), both, names, strict=True)):
            panel = _Panel(0.85 + 5.95 * place, 3.55, 4.95, 2.7)
            _stacked(figure, panel, one, areas, chosen)
            figure.text(panel.left / 12.0, 1 - 0.2 / 7.2, name, fontsize=11, va="center", parse_math=False)
        _legend(figure, [area for area in both[0] if area.colour == OTHERS])  # the others are named below
        _differences(figure, _Panel(0.85, 0.95, 9.1, 1.9), base, policy, both, names)
    return figure


def _fixed(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height))


def _partition(dominance: Any, partition: int | None) -> Sequence[str]:
    """Ids of the loops of a partition."""
    if not dominance.partitions:
        return ()
    if partition is None:
        return max(dominance.partitions, key=lambda one: len(one.loops)).loops
    return next((one.loops for one in dominance.partitions if one.number == partition), ())


def _areas(dominances: Sequence[Any], chosen: Sequence[str]) -> list[list[_Area]]:
    """The same areas, with the same colours, for each of some runs; the strongest loop first."""
    names = dominances[0].summary["name"].to_dict()
    shares = {loop: max(_share(one, loop) for one in dominances) for loop in chosen}
    ranked = sorted(chosen, key=lambda loop: -shares[loop])
    large = [loop for loop in ranked if shares[loop] >= SMALL][: len(AREAS)]
    small = [loop for loop in ranked if loop not in large]
    found = []
    for one in dominances:
        areas = [
            _Area(f"{loop} {names[loop]}", loop, AREAS[place], _series(one, loop))
            for place, loop in enumerate(large)
        ]
        if small:
            for side, word in ((1.0, "other"), (-1.0, "other")):
                parts = [np.maximum(side * _series(one, loop), 0.0) for loop in small]
                together = f"{word} ({len(small)} loops)"
                areas.append(_Area(together, word, OTHERS, side * np.sum(parts, axis=0)))
        found.append(areas)
    return found


def _share(dominance: Any, loop: str) -> float:
    return float(np.abs(_series(dominance, loop)[1:]).mean())


def _series(dominance: Any, loop: str) -> np.ndarray:
    return dominance[loop].to_numpy() if loop in dominance else np.zeros(len(dominance))


def _stacked(
    figure: Any, panel: _Panel, dominance: Any, areas: Sequence[_Area], chosen: Sequence[str]
) -> list[_Area]:
    """Draw the areas and the strip of periods; give back the areas that could not be named in full."""
    axes = panel.axes(figure)
    times = dominance.index.to_numpy()
    moves = np.any([area.values != 0 for area in areas], axis=0) if areas else np.zeros(len(times), bool)
    base = {1.0: np.zeros(len(times)), -1.0: np.zeros(len(times))}
    unplaced = []
    for area in areas:
        room = (0.0, None)
        for side in (1.0, -1.0):
            part = np.maximum(side * area.values, 0.0)
            low, high = base[side], base[side] + part
            base[side] = high
            if part.any():
                ends = side * low, side * high
                axes.fill_between(
                    times, *ends, where=moves, color=area.colour, linewidth=0.4, edgecolor="white"
                )
                room = max(room, _room(times, *ends, moves, area, panel), key=lambda one: one[0])
        x, y, text = room[1] or (0.0, 0.0, "")
        if text != area.label:
            unplaced.append(area)
        if text:
            axes.text(
                x,
                y,
                text,
                fontsize=8,
                ha="center",
                va="center",
                color=black_or_white(area.colour),
                parse_math=False,
            )
    axes.axhline(0, color="black", linewidth=0.6)
    axes.set_xlim(times[0], times[-1])
    axes.set_ylim(-1, 1)
    axes.set_yticks([-1, -0.5, 0, 0.5, 1], ["100", "50", "0", "50", "100"])
    axes.set_ylabel("share of the change (%)\nbalancing      reinforcing", fontsize=8)
    axes.set_xlabel("time", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    if not moves.any():
        axes.text(0.5, 0.6, "no change: scores are zero", transform=axes.transAxes, ha="center", fontsize=9)
    _strip(figure, panel, dominance, {area.short: area.colour for area in areas}, chosen)
    return unplaced


def _room(
    times: np.ndarray, one: np.ndarray, other: np.ndarray, moves: np.ndarray, area: _Area, panel: _Panel
) -> tuple[float, Any]:
    """How much height an area has where its label fits best, and the label's place; None where none fits."""
    low, high = np.where(moves, np.minimum(one, other), 0.0), np.where(moves, np.maximum(one, other), 0.0)
    best: tuple[float, Any] = (0.0, None)
    for text in (area.label, area.short):
        width, height = _extent(text, 8.0)
        wide = int(np.ceil((width + 6) / (panel.width * POINTS) * (len(times) - 1))) + 1
        tall = (height + 4) / (panel.height * POINTS) * 2
        if wide > len(times):
            continue
        floor = np.lib.stride_tricks.sliding_window_view(low, wide).max(axis=1)
        ceiling = np.lib.stride_tricks.sliding_window_view(high, wide).min(axis=1)
        place = int(np.argmax(ceiling - floor))
        if ceiling[place] - floor[place] >= tall:
            middle = (times[place] + times[place + wide - 1]) / 2
            best = float(ceiling[place] - floor[place]), (middle, (ceiling[place] + floor[place]) / 2, text)
            break
    return best


def _extent(text: str, size: float) -> tuple[float, float]:
    """Width and height of a text in points."""
    from matplotlib.textpath import TextPath

    box = TextPath((0, 0), text, size=size, usetex=False).get_extents() if text.strip() else None
    return (0.0, size) if box is None else (float(box.width), float(size))


def _strip(
    figure: Any, panel: _Panel, dominance: Any, colours: Mapping[str, str], chosen: Sequence[str]
) -> None:
    """The dominant periods as a ruled strip, with ids where they fit."""
    strip = _Panel(panel.left, panel.bottom + panel.height + 0.1, panel.width, 0.3).axes(figure)
    times = dominance.index.to_numpy()
    shift = 0.0 if dominance.attrs.get("label") == "end" else times[1] - times[0]
    strip.set_xlim(times[0] + shift, times[-1] + shift)
    strip.set_ylim(0, 1)
    bars: dict[str, list[tuple[float, float]]] = {}
    edges: list[float] = []
    for period in dominance.dominant_periods.itertuples():
        if not set(period.loops) <= set(chosen):
            continue
        parts = _parts(period.loops, colours)
        begin, whole = period.start, period.stop - period.start
        for colour, loops in parts:
            each = whole * len(loops) / len(period.loops)
            bars.setdefault(colour, []).append((begin, each))
            room = each / (times[-1] - times[0]) * panel.width * POINTS
            if len(loops) == 1 and _extent(loops[0], 8.0)[0] + 4 < room:
                words = {"fontsize": 8, "ha": "center", "va": "center", "color": black_or_white(colour)}
                strip.text(begin + each / 2, 0.48, loops[0], **words)
            begin += each
        edges += [period.start, period.stop]
    for colour, spans in bars.items():
        strip.broken_barh(spans, (0.0, 1.0), color=colour, linewidth=0)
    strip.vlines(sorted(set(edges)), 0, 1, color="black", linewidth=0.7)
    strip.set_yticks([])
    strip.set_xticks([])
    label = "dominant"
    strip.set_ylabel(label, fontsize=8, rotation=0, ha="right", va="center")


def _parts(loops: Sequence[str], colours: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    """The loops of a dominant set by colour; those without one of their own together."""
    found: dict[str, list[str]] = {}
    for loop in loops:
        found.setdefault(colours.get(loop, OTHERS), []).append(loop)
    return list(found.items())


def _legend(figure: Any, areas: Sequence[_Area]) -> None:
    """Name areas below the plot."""
    from matplotlib.patches import Patch

    shown = {area.label: area for area in areas}
    handles = [Patch(color=area.colour, label=area.label) for area in shown.values()]
    if handles:
        legend = figure.legend(
            handles=handles, loc="lower center", ncols=min(len(handles), 4), frameon=False, fontsize=8
        )
        for text in legend.get_texts():
            text.set_parse_math(False)


def _differences(
    figure: Any, panel: _Panel, base: Any, policy: Any, both: list[list[_Area]], names: Sequence[str]
) -> None:
    """Lines of how much larger a loop's share is under the policy, labelled at their ends."""
    axes = panel.axes(figure)
    times = base.index.to_numpy()
    rows = min(len(base), len(policy))
    ends = []
    for mine, other in zip(*both, strict=True):
        if mine.colour == OTHERS:
            continue
        difference = np.abs(other.values[:rows]) - np.abs(mine.values[:rows])
        axes.plot(times[:rows], difference * 100, color=mine.colour, linewidth=1.6)
        ends.append((float(difference[-1] * 100), mine))
    axes.axhline(0, color="black", linewidth=0.6)
    axes.set_xlim(times[0], times[-1])
    low, high = axes.get_ylim()
    per_line = 10.0 / (panel.height * POINTS) * (high - low)
    heights = _apart([end for end, _ in ends], per_line, low, high)
    for height, (end, area) in zip(heights, ends, strict=True):
        axes.annotate(
            area.label,
            xy=(times[rows - 1], end),
            xytext=(times[-1] + (times[-1] - times[0]) * 0.02, height),
            fontsize=8,
            va="center",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": area.colour, "linewidth": 0.8},
            parse_math=False,
        )
    axes.set_ylim(low, high)
    axes.set_ylabel("difference\n(points)", fontsize=8)
    axes.set_xlabel("time", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.set_title(
        f"share under {names[1]} less share under {names[0]}", fontsize=9, loc="left", parse_math=False
    )
    axes.spines[["top", "right"]].set_visible(False)


def _apart(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Heights as near to those wanted as a gap between them allows."""
    order = np.argsort(wanted, kind="stable")
    found = np.array(wanted, dtype=float)
    for before, after in pairwise(order):
        found[after] = max(found[after], found[before] + gap)
    if len(found):
        found -= max(0.0, found.max() - high) if found.max() > high else 0.0
        for after, before in pairwise(order[::-1]):
            found[before] = min(found[before], found[after] - gap)
    return [float(one) for one in found]
