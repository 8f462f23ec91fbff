"""Causal-loop diagrams with matplotlib: signs at the arrowheads, a highlighted loop, its turning icon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import networkx as nx
import numpy as np

from sdtheory.diagrams.layout import Point, label_size, ring_layout, wrapped
from sdtheory.diagrams.routing import HEAD, Link, heading, routes, sign_places
from sdtheory.errors import escaped
from sdtheory.feedback.loops import Loop, LoopList

# Okabe and Ito's colours; the signs themselves are always printed too
COLOURS = {"+": "#0072B2", "-": "#D55E00", "?": "#5F5F5F"}
HIGHLIGHT = "#CC79A7"
QUIET = "#737373"
STYLE: Any = {
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "svg.hashsalt": "sdtheory",
    "font.family": "DejaVu Sans",
    # names are text: neither mathematics nor, whatever a `matplotlibrc` beside the model says, TeX
    "text.parse_math": False,
    "text.usetex": False,
}


def causal_figure(graph: nx.DiGraph, loops: LoopList, highlight: Loop | None = None, title: str = "") -> Any:
    """A figure of a signed causal graph.

    Parameters
    ----------
    graph : networkx.DiGraph
        As `causal_graph` gives it; constants are left out.
    loops : LoopList
        Whose icons are drawn; `highlight` is drawn as a ring.
    highlight : Loop, optional
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    import matplotlib
    from matplotlib.figure import Figure

    shown = without_constants(graph)
    ring = _clockwise(highlight, shown) if highlight else _first_ring(shown, loops)
    place = ring_layout(shown, ring)
    points = np.array([place[name] for name in shown])
    halves = np.array([label_size(name) for name in shown]) / 2
    low, high = (points - halves).min(axis=0) - 40, (points + halves).max(axis=0) + 40
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=((high[0] - low[0]) / 72, (high[1] - low[1]) / 72 + 0.3))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_xlim(low[0], high[0])
        axes.set_ylim(low[1], high[1] + 22)
        axes.set_axis_off()
        links = set(highlight.links) if highlight else set()
        paths = routes(place, shown.edges(), links)
        signs = sign_places(place, paths)
        for link, path in paths.items():
            _draw_link(axes, link, shown.edges[link], path, signs[link], links)
        members = set(ring) if highlight else set()
        for name in shown:
            _draw_name(axes, name, place[name], shown.nodes[name], name in members, bool(members))
        if highlight is not None:
            _draw_icon(axes, highlight, [place[name] for name in highlight.variables])
        if title:
            middle = (low[0] + high[0]) / 2
            axes.text(middle, high[1] + 6, escaped(title), ha="center", va="center", fontsize=12)
    return figure


def without_constants(graph: nx.DiGraph) -> nx.DiGraph:
    """The part of a causal graph that is drawn."""
    keep = [
        name
        for name, data in graph.nodes(data=True)
        if data.get("kind") not in ("constant", "lookup", "data")
    ]
    running = graph.subgraph(keep).copy()
    running.remove_edges_from(
        [(a, b) for a, b, d in graph.edges(data=True) if d.get("initial") and running.has_edge(a, b)]
    )
    lonely = [name for name in running if running.degree(name) == 0]
    if len(lonely) < len(running):
        running.remove_nodes_from(lonely)
    return running


def _clockwise(loop: Loop, graph: nx.DiGraph) -> list[str]:
    return [name for name in loop.variables if name in graph]


def _first_ring(graph: nx.DiGraph, loops: Sequence[Loop]) -> list[str]:
    return list(max(loops, key=lambda loop: len(loop.variables)).variables) if loops else list(graph)


def _draw_name(axes: Any, name: str, at: Point, data: dict, member: bool, others_quiet: bool) -> None:
    stock = data.get("kind") == "stock"
    box = {"boxstyle": "square,pad=0.25", "facecolor": "white", "edgecolor": "black" if stock else "none"}
    axes.text(
        *at,
        wrapped(name),
        ha="center",
        va="center",
        fontsize=9,
        fontweight="bold" if member else "normal",
        color="black" if member or not others_quiet else "#404040",
        bbox=box,
        zorder=4,
        gid=escaped(f"variable {name}"),
    )


def _draw_link(
    axes: Any, link: Link, data: dict, path: np.ndarray, sign_at: np.ndarray, members: set[Link]
) -> None:
    member, quiet = link in members, bool(members) and link not in members
    polarity = data.get("polarity", "?")
    colour = QUIET if quiet else COLOURS[polarity]
    width = 2.6 if member else 1.1
    if member:
        axes.plot(*path.T, color=HIGHLIGHT, linewidth=7, alpha=0.35, zorder=1, solid_capstyle="round")
    axes.plot(
        *path[: 2 - HEAD].T,
        color=colour,
        linewidth=width,
        linestyle=(0, (4, 3)) if data.get("initial") else "-",
        zorder=2,
        gid=escaped(f"link {link[0]} to {link[1]}"),
    )
    arrow = {
        "arrowstyle": "-|>",
        "color": colour,
        "linewidth": width,
        "mutation_scale": 14 if member else 10,
    }
    axes.annotate("", xy=path[-1], xytext=path[-1] - heading(path) * 9, arrowprops=arrow, zorder=3)
    if data.get("delay", "none") != "none":
        _draw_delay(axes, path, colour)
    axes.text(
        *sign_at,
        {"+": "+", "-": "\u2212", "?": "?"}[polarity],
        color="#404040" if quiet else COLOURS[polarity],
        fontsize=12 if member else 10,
        fontweight="bold",
        ha="center",
        va="center",
        zorder=5,
    )


def _draw_delay(axes: Any, path: np.ndarray, colour: str) -> None:
    """Two short strokes across the middle of an arrow."""
    middle = len(path) // 2
    along = path[middle + 1] - path[middle - 1]
    along = along / (np.hypot(*along) or 1)
    across = np.array([-along[1], along[0]]) * 6
    for shift in (-2, 2):
        ends = np.array([path[middle] + along * shift - across, path[middle] + along * shift + across])
        axes.plot(*ends.T, color=colour, linewidth=1.4, zorder=3)


def _draw_icon(axes: Any, loop: Loop, ring: list[Point]) -> None:
    """A ring arrow that turns the way the loop is drawn, with R or B and its number inside."""
    centre = np.mean(ring, axis=0)
    area = sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, ring[1:] + ring[:1], strict=True))
    turn = 1 if area > 0 else -1
    angles = np.radians(90 + turn * np.linspace(40, 320, 60))
    circle = centre + 20 * np.column_stack([np.cos(angles), np.sin(angles)])
    circle[:, 1] += 14
    axes.plot(*circle.T, color=HIGHLIGHT, linewidth=2.4, zorder=5)
    axes.annotate(
        "",
        xy=circle[-1],
        xytext=circle[-6],
        arrowprops={"arrowstyle": "-|>", "color": HIGHLIGHT, "linewidth": 2.4, "mutation_scale": 14},
        zorder=5,
    )
    axes.text(
        centre[0], centre[1] + 14, loop.id, ha="center", va="center", fontsize=11, fontweight="bold", zorder=6
    )
    words = {"fontsize": 10, "style": "italic"}
    axes.text(centre[0], centre[1] - 20, escaped(loop.name), ha="center", va="center", zorder=6, **words)
