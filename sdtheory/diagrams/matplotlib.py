"""A scene as a matplotlib figure, for PDF and PNG."""

from __future__ import annotations

from typing import Any

from sdtheory.diagrams.scene import Box, Path, Scene, Text

STYLE: Any = {
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "svg.hashsalt": "sdtheory",
    "font.family": "DejaVu Sans",
    # names are text: neither mathematics nor, whatever a `matplotlibrc` beside the model says, TeX
    "text.parse_math": False,
    "text.usetex": False,
}
POINT = 0.75  # points in a pixel
_ALIGNED = {"start": "left", "middle": "center", "end": "right"}


def scene_figure(scene: Scene) -> Any:
    """The scene as a figure of its own size, 96 pixels to the inch.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> from sdtheory.diagrams.scene import Group
    >>> figure = scene_figure(Scene("cup", "", (Group("a", "variable", (Text(0, 0, ("tea",)),)),)))
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['tea']
    """
    import matplotlib
    from matplotlib.figure import Figure

    left, top, right, bottom = scene.bounds
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=((right - left) / 96, (bottom - top) / 96))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_xlim(left, right)
        axes.set_ylim(bottom, top)
        axes.set_axis_off()
        depth = 1
        for group in scene.groups:
            for shape in group.shapes:
                _words(axes, shape, depth) if isinstance(shape, Text) else _outline(axes, shape, depth)
                depth += 1
    return figure


def _words(axes: Any, text: Text, depth: int) -> None:
    from matplotlib.patheffects import withStroke

    for y, words in text.baselines():
        drawn = axes.text(
            text.x,
            y,
            words,
            ha=_ALIGNED[text.anchor],
            va="baseline",
            fontsize=text.size * POINT,
            color=text.colour,
            fontweight="bold" if text.bold else "normal",
            fontstyle="italic" if text.italic else "normal",
            parse_math=False,
            zorder=depth,
        )
        if text.halo:
            drawn.set_path_effects([withStroke(linewidth=3 * POINT, foreground="#FFFFFF")])


def _outline(axes: Any, shape: Box | Path, depth: int) -> None:
    from matplotlib.patches import FancyBboxPatch, PathPatch
    from matplotlib.path import Path as Outline

    style: dict[str, Any] = {
        "edgecolor": shape.stroke or "none",
        "facecolor": shape.fill or "none",
        "linewidth": shape.line * POINT if shape.stroke else 0,
        "linestyle": (0, tuple(length / shape.line for length in shape.dash)) if shape.dash else "-",
        "joinstyle": "round",
        "capstyle": "butt",
        "zorder": depth,
    }
    if isinstance(shape, Box):
        corner = shape.x - shape.width / 2, shape.y - shape.height / 2
        rounded = f"round,pad=0,rounding_size={shape.radius}" if shape.radius else "square,pad=0"
        axes.add_patch(FancyBboxPatch(corner, shape.width, shape.height, boxstyle=rounded, **style))
        return
    codes = {"M": Outline.MOVETO, "L": Outline.LINETO, "C": Outline.CURVE4}
    points: list[Any] = []
    kinds: list[Any] = []
    for letter, ends in shape.steps:
        points += ends or points[:1]
        kinds += [codes[letter]] * len(ends) if ends else [Outline.CLOSEPOLY]
    axes.add_patch(PathPatch(Outline(points, kinds), **style))
