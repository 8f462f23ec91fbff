"""Views: the drawn elements of a model, with coordinates that mean the same in both formats."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sdtheory.documents.text import Span

Point = tuple[float, float]


@dataclass(frozen=True)
class Element:
    """One drawn thing. Coordinates are pixels, origin top left, y down; x, y is the centre.

    Parameters
    ----------
    id : str
        Stable within one index: ``view:number``.
    kind : str
        stock, flow, auxiliary, cloud, connector, alias, text, module, group, or other (a placeholder).
    variable : str or None
        Name of the variable shown, as its declaration spells it where it has one.
    x, y : float
        Centre; of a flow the valve.
    width, height : float
        Full size; of a flow that of the valve.
    label_side : str
        center, bottom, left, top, right, or "".
    label_x, label_y : float, optional
        Place of a Vensim flow's name.
    points : tuple of (x, y)
        Flow: the pipe from its source end over its bends to its target end. Connector: points of the file.
    source, target : str, optional
        Ids of the elements at the ends (flow: stock or cloud); a name when the view does not show it.
    control : (x, y), optional
        A point in the middle of a connector's arc; None when it is straight.
    angle : float, optional
        XMILE: direction in which a connector leaves, degrees counter-clockwise from 3 o'clock.
    polarity : str
        "+", "-" or "".
    delay : bool
        Delay mark.
    line_style : str
        XMILE: of a connector, ``"solid"``, ``"dashed"`` or a vendor's own; "" when the file does not say.
    text : str
        Words of a text box, label of a group, or the name as the view spells it.
    uid : str
        The file's own identifier of the element.
    shape : str
        The outline: box, circle, ellipse, none ..., "" when the file does not say.
    colour, fill, font : str
        As the file has them.
    hidden : bool
    line : int
        Line of the file, from 1.
    raw : str
        The element's text in the file.
    spans : mapping of str to Span
        Numbers and names that an edit replaces.
    """

    id: str
    kind: str
    variable: str | None = None
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0
    height: float = 0.0
    label_side: str = ""
    label_x: float | None = None
    label_y: float | None = None
    points: tuple[Point, ...] = ()
    source: str | None = None
    target: str | None = None
    control: Point | None = None
    angle: float | None = None
    polarity: str = ""
    delay: bool = False
    line_style: str = ""
    text: str = ""
    uid: str = ""
    shape: str = ""
    colour: str = ""
    fill: str = ""
    font: str = ""
    hidden: bool = False
    line: int = 0
    raw: str = ""
    spans: Mapping[str, Span] = field(default_factory=dict)


@dataclass(frozen=True)
class View:
    """A drawing of the model or a part of it.

    Parameters
    ----------
    name : str
    elements : tuple of Element
        In file order.
    spans : mapping of str to Span
        whole, name and (Vensim) version and defaults.
    kind : str
        ``"stock_flow"`` or ``"interface"``.
    model : str
        XMILE model that is drawn, "" for the root.
    line : int
    """

    name: str
    elements: tuple[Element, ...]
    spans: Mapping[str, Span] = field(default_factory=dict)
    kind: str = "stock_flow"
    model: str = ""
    line: int = 0


def arc_middle(start: Point, stop: Point, angle: float) -> Point | None:
    """Middle of the circular arc that leaves `start` at `angle` and ends in `stop`; None when it is straight.

    `angle` in degrees counter-clockwise from 3 o'clock, y down (XMILE 1.0, 6.1.6).

    Examples
    --------
    >>> x, y = arc_middle((0, 0), (2, 0), 90)
    >>> round(x, 9), round(y, 9)
    (1.0, -1.0)
    """
    dx, dy = stop[0] - start[0], stop[1] - start[1]
    distance = math.hypot(dx, dy)
    theta = math.radians(angle) if math.isfinite(angle) else math.nan
    # signed angle from the chord to the direction of leaving; y down turns the sign of the file's angle
    bow = math.remainder(-theta - math.atan2(dy, dx), 2 * math.pi)
    # almost straight, or leaving straight away from its end, which no circle does
    if not distance or not math.isfinite(bow) or abs(2 * math.sin(bow)) < 0.01:
        return None
    height = distance / 2 * math.tan(bow / 2)  # sagitta of an arc whose tangent and chord meet at `bow`
    middle_x, middle_y = (start[0] + stop[0]) / 2, (start[1] + stop[1]) / 2
    return (middle_x - dy / distance * height, middle_y + dx / distance * height)


def off_chord(start: Point, point: Point, stop: Point) -> bool:
    """Whether a control point bends the line: farther than one pixel from the chord."""
    dx, dy = stop[0] - start[0], stop[1] - start[1]
    length = math.hypot(dx, dy)
    if not length:
        return math.hypot(point[0] - start[0], point[1] - start[1]) > 1
    return abs(dx * (point[1] - start[1]) - dy * (point[0] - start[0])) > length


def direction(start: Point, stop: Point) -> float:
    """Direction in degrees counter-clockwise from 3 o'clock, y down.

    Examples
    --------
    >>> direction((0, 0), (0, -5))
    90.0
    """
    return math.degrees(math.atan2(start[1] - stop[1], stop[0] - start[0]))


def leaving(start: Point, middle: Point, stop: Point) -> float:
    """The direction in which the arc from `start` through `middle` to `stop` leaves.

    Examples
    --------
    >>> round(leaving((0, 0), (1, -1), (2, 0)), 9)
    90.0
    """
    inscribed = math.remainder(direction(stop, start) - direction(stop, middle), 360)
    return direction(start, middle) + inscribed


def is_level(start: Point, stop: Point) -> bool:
    """Whether a piece of a pipe runs more across than up or down."""
    return abs(stop[0] - start[0]) >= abs(stop[1] - start[1])


def segment_of(points: Sequence[Point], valve: Point) -> int:
    """Number of the piece of a pipe that its valve sits on."""
    return min(range(len(points) - 1), key=lambda place: _distance(points[place], points[place + 1], valve))


def _distance(start: Point, stop: Point, point: Point) -> float:
    return math.dist(on_segment(start, stop, point), point)


def on_segment(start: Point, stop: Point, point: Point) -> Point:
    """The point of a segment that is nearest to a point."""
    dx, dy = stop[0] - start[0], stop[1] - start[1]
    length = dx * dx + dy * dy
    share = ((point[0] - start[0]) * dx + (point[1] - start[1]) * dy) / length if length else 0.0
    share = min(max(share, 0.0), 1.0)
    return start[0] + share * dx, start[1] + share * dy
