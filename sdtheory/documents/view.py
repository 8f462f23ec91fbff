"""Views: the drawn elements of a model, with coordinates that mean the same in both formats."""

from __future__ import annotations

import math
from collections.abc import Mapping
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
