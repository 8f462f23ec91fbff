"""A picture as shapes with coordinates, which SVG, PDF, PNG and TikZ print alike; pixels, y down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sdtheory.diagrams.letters import BASELINE, LINE, SIZE, text_size

Point = tuple[float, float]
Bounds = tuple[float, float, float, float]  # left, top, right, bottom
MARGIN = 16.0
_ANCHORS = {"start": 0.0, "middle": 0.5, "end": 1.0}


@dataclass(frozen=True)
class Box:
    """A rectangle: centre and full size."""

    x: float
    y: float
    width: float
    height: float
    stroke: str = ""
    line: float = 1.0
    fill: str = ""
    radius: float = 0.0
    dash: tuple[float, ...] = ()
    role: str = ""

    @property
    def bounds(self) -> Bounds:
        across, down = self.width / 2 + self.line / 2, self.height / 2 + self.line / 2
        return self.x - across, self.y - down, self.x + across, self.y + down


@dataclass(frozen=True)
class Path:
    """Lines and cubic curves.

    Parameters
    ----------
    steps : tuple of (str, points)
        ``("M", (point,))``, ``("L", (point,))``, ``("C", (control, control, point))`` and ``("Z", ())``.
    stroke, fill : str
        Colours as ``#RRGGBB``; "" for none.
    line : float
        Width of the line.
    dash : tuple of float
        Lengths of strokes and gaps; () for a solid line.
    role : str
        What the path is in its group, such as ``arrowhead``.
    """

    steps: tuple[tuple[str, tuple[Point, ...]], ...]
    stroke: str = ""
    line: float = 1.0
    fill: str = ""
    dash: tuple[float, ...] = ()
    role: str = ""

    @property
    def bounds(self) -> Bounds:
        # control points hold the curve between them
        return _around([point for _, points in self.steps for point in points], self.line / 2)


@dataclass(frozen=True)
class Text:
    """Lines of text about one point.

    Parameters
    ----------
    x, y : float
        Middle of the lines (y), and where `anchor` says (x).
    lines : tuple of str
    anchor : str
        start, middle or end.
    halo : bool
        A white ground behind the words.
    ground : str
        Colour of the shape that the words stand on; "" for paper.
    """

    x: float
    y: float
    lines: tuple[str, ...]
    size: float = SIZE
    colour: str = "#000000"
    bold: bool = False
    italic: bool = False
    anchor: str = "middle"
    halo: bool = False
    role: str = ""
    ground: str = ""

    @property
    def bounds(self) -> Bounds:
        width, height = text_size(self.lines, self.size, self.bold)
        left = self.x - width * _ANCHORS[self.anchor]
        return left, self.y - height / 2, left + width, self.y + height / 2

    def baselines(self) -> list[tuple[float, str]]:
        """The y of each line's baseline, and its words."""
        step = LINE * self.size
        first = self.y - step * (len(self.lines) - 1) / 2 + BASELINE * self.size
        return [(first + step * number, words) for number, words in enumerate(self.lines)]


Shape = Box | Path | Text


@dataclass(frozen=True)
class Group:
    """Shapes that are one thing of the model.

    Parameters
    ----------
    id : str
        Unique in the scene; letters, digits and hyphens.
    role : str
        variable, link, loop, pipe, cloud, text, legend ...
    shapes : tuple
    classes : tuple of str
    data : mapping of str to str
        Facts for programs that read the picture: variable, polarity, loops, share.
    title : str
        What a reader hears or sees when pointing at it.
    """

    id: str
    role: str
    shapes: tuple[Shape, ...]
    classes: tuple[str, ...] = ()
    data: Mapping[str, str] = field(default_factory=dict)
    title: str = ""


@dataclass(frozen=True)
class Scene:
    """A whole picture; groups that come later lie on top."""

    title: str
    description: str
    groups: tuple[Group, ...]

    @property
    def bounds(self) -> Bounds:
        """The box that holds every shape, and a margin; nothing is ever cropped."""
        boxes = [shape.bounds for group in self.groups for shape in group.shapes]
        if not boxes:
            return 0.0, 0.0, 2 * MARGIN, 2 * MARGIN
        low, high = np.array(boxes)[:, :2].min(axis=0), np.array(boxes)[:, 2:].max(axis=0)
        left, top = np.floor(low - MARGIN)
        right, bottom = np.ceil(high + MARGIN)
        return float(left), float(top), float(right), float(bottom)


def _around(points: Iterable[Point], margin: float) -> Bounds:
    xs, ys = zip(*points, strict=True)
    return min(xs) - margin, min(ys) - margin, max(xs) + margin, max(ys) + margin


def line_through(points: Sequence[Point], closed: bool = False, **style) -> Path:
    """A path of straight pieces.

    Examples
    --------
    >>> line_through([(0, 0), (3, 4)], stroke="#000000").steps
    (('M', ((0.0, 0.0),)), ('L', ((3.0, 4.0),)))
    """
    steps = [("M" if i == 0 else "L", ((float(x), float(y)),)) for i, (x, y) in enumerate(points)]
    return Path(tuple(steps) + ((("Z", ()),) if closed else ()), **style)


def smooth_through(points: Sequence[Point], **style) -> Path:
    """A path of cubic curves through points that lie close together on a smooth curve."""
    knots = np.asarray(points, dtype=float)
    if len(knots) < 3:
        return line_through([(x, y) for x, y in knots], **style)
    lengths = np.hypot(*np.diff(knots, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(np.maximum(lengths, 1e-9))])
    slopes = np.gradient(knots, along, axis=0, edge_order=2)
    steps: list[tuple[str, tuple[Point, ...]]] = [("M", (_point(knots[0]),))]
    for i in range(len(knots) - 1):
        reach = (along[i + 1] - along[i]) / 3
        controls = knots[i] + slopes[i] * reach, knots[i + 1] - slopes[i + 1] * reach
        steps.append(("C", (*map(_point, controls), _point(knots[i + 1]))))
    return Path(tuple(steps), **style)


def _point(pair: np.ndarray) -> Point:
    return float(pair[0]), float(pair[1])


def number_text(value: float) -> str:
    """A coordinate as it is printed: two decimals at most, never a minus zero.

    Examples
    --------
    >>> number_text(3.14159), number_text(-0.001), number_text(12.0)
    ('3.14', '0', '12')
    """
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
