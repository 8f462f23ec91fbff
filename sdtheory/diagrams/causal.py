"""Causal-loop diagrams as scenes: signs at the arrowheads, highlighted loops, widths by share, loop icons."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sdtheory.diagrams.arcs import curve_path, resampled
from sdtheory.diagrams.arrows import (
    INITIAL_DASH,
    arrow,
    delay_mark,
    head_size,
    inside,
    loop_icon,
    signed_area,
)
from sdtheory.diagrams.colours import INK, LOOPS, PAPER, POLARITIES, QUIET, QUIET_WORDS, SIGNS, WORDS, tint
from sdtheory.diagrams.legend import legend
from sdtheory.diagrams.letters import text_size, wrapped
from sdtheory.diagrams.picture import Picture
from sdtheory.diagrams.routing import Link, sign_places
from sdtheory.diagrams.scene import Box, Group, Scene, Shape, Text
from sdtheory.feedback.loops import Loop
from sdtheory.names import canonical

MOST_ICONS = 12  # of loops that are not highlighted
PLAIN, HIGHLIGHTED = 1.4, 2.8  # widths of lines without shares
SMALL_ICON, LARGE_ICON = 11.0, 20.0


def causal_scene(picture: Picture) -> Scene:
    """The scene of a causal diagram.

    Examples
    --------
    >>> import networkx as nx
    >>> from sdtheory.diagrams.picture import laid_out
    >>> scene = causal_scene(laid_out(nx.DiGraph([("births", "people", {"polarity": "+"})])))
    >>> [group.id for group in scene.groups]
    ['link-births--people', 'variable-births', 'variable-people']
    """
    ids = unique_ids(picture.graph)
    links = _links(picture, ids)
    names = [_name(picture, name, ids[name]) for name in picture.graph]
    groups = [*_halos(picture), *links, *names, *map(_icon_group, icons(picture))]
    drawn = Scene(picture.title, "", tuple(groups))
    if picture.title and groups:
        left, top, right, _ = drawn.bounds
        words = Text((left + right) / 2, top, wrapped(picture.title, 80), size=15.0)
        groups.append(Group("title", "title", (words,)))
    words_below = legend(
        _without_margin(Scene("", "", tuple(groups))),
        picture.shares,
        picture.highlight,
        [data for _, _, data in picture.graph.edges(data=True)],
        picture.note,
    )
    groups += [words_below] if words_below else []
    title = picture.title or str(picture.graph.graph.get("name") or "") or "causal diagram"
    return Scene(title, described(picture), tuple(groups))


def _without_margin(scene: Scene) -> tuple[float, float, float, float]:
    left, top, right, bottom = scene.bounds
    return left + 16, top + 16, right - 16, bottom - 16


def described(picture: Picture) -> str:
    """The picture in words, for those who do not see it."""
    graph = picture.graph
    text = f"Causal diagram with {graph.number_of_nodes()} variables and {graph.number_of_edges()} links."
    for loop in picture.highlight:
        text += f" Highlighted: {loop.id}, {loop.name}: {' to '.join(loop.variables)}."
    return text


def unique_ids(names: Iterable[str]) -> dict[str, str]:
    """A short id for each name: small letters, digits and hyphens; the same names give the same ids.

    Examples
    --------
    >>> unique_ids(["Birth rate", "birth_rate", "\N{GREEK SMALL LETTER ALPHA}"])
    {'Birth rate': 'birth-rate', 'birth_rate': 'birth-rate-2', 'α': 'x'}
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        base = re.sub("[^a-z0-9]+", "-", canonical(name)).strip("-")[:40].strip("-") or "x"
        number, own = 1, base
        while own in taken:
            number += 1
            own = f"{base}-{number}"
        taken.add(own)
        found[name] = own
    return found


def link_width(picture: Picture, link: Link) -> float:
    """Width of a link's line."""
    plain = HIGHLIGHTED if link in picture.highlighted_links else PLAIN
    return picture.shares.width(link, plain)


def link_colour(picture: Picture, link: Link) -> str:
    """Colour of a link: by polarity, or grey beside highlighted loops."""
    polarity = picture.graph.edges[link].get("polarity", "")
    quiet = bool(picture.highlight) and link not in picture.highlighted_links
    return QUIET if quiet else POLARITIES.get(polarity, INK)


def _links(picture: Picture, ids: Mapping[str, str]) -> list[Group]:
    heads = {link: head_size(link_width(picture, link))[1] for link in picture.arcs}
    signs = sign_places(picture.place, picture.sizes, picture.arcs, heads)
    groups = [_link(picture, link, signs[link], ids) for link in picture.arcs]
    # highlighted links lie over the others
    return sorted(groups, key=lambda group: "highlighted" in group.classes)


def _link(picture: Picture, link: Link, sign_at: np.ndarray, ids: Mapping[str, str]) -> Group:
    data = picture.graph.edges[link]
    curve, line, colour = picture.arcs[link].curve, link_width(picture, link), link_colour(picture, link)
    highlighted = link in picture.highlighted_links
    quiet = bool(picture.highlight) and not highlighted
    dash = INITIAL_DASH if data.get("initial") else ()
    shapes: list[Shape] = [*arrow(curve, colour, line, dash)]
    delay = str(data.get("delay", "none"))
    if delay != "none":
        shapes += delay_mark(curve, colour, line)
    polarity = str(data.get("polarity", ""))
    if polarity in SIGNS:
        colour = QUIET_WORDS if quiet else WORDS[polarity]
        x, y = map(float, sign_at)
        shapes.append(Text(x, y, (SIGNS[polarity],), size=13.0, bold=True, colour=colour, role="sign"))
    loops = picture.loops_by_link[link]
    facts = {"source": link[0], "target": link[1], "polarity": polarity, "loops": " ".join(loops)}
    if delay != "none":
        facts["delay"] = delay
    if picture.shares:
        facts["share"] = f"{picture.shares.links.get(link, 0.0):.4g}"
    classes = (*(("highlighted",) if highlighted else ()), *(f"loop-{name}" for name in loops))
    title = f"{link[0]} to {link[1]}: {SIGNS.get(polarity, 'no sign')}"
    return Group(f"link-{ids[link[0]]}--{ids[link[1]]}", "link", tuple(shapes), classes, facts, title)


def _halos(picture: Picture) -> list[Group]:
    """Bands under the links of the highlighted loops, the first loop's on top, the others' wider."""
    groups = []
    for number, loop in reversed(list(enumerate(picture.highlight))):
        shapes = []
        for link in loop.links:
            if link in picture.arcs:
                width = link_width(picture, link) + 6 + 6 * number
                colour = tint(loop_colour(number))
                shapes.append(curve_path(picture.arcs[link].curve, stroke=colour, line=width))
        if shapes:
            facts = {"loop": loop.id, "name": loop.name}
            groups.append(Group(f"halo-{loop.id}", "halo", tuple(shapes), (f"loop-{loop.id}",), facts))
    return groups


def loop_colour(number: int) -> str:
    """Colour of the highlighted loop with this number."""
    return LOOPS[number % len(LOOPS)]


def _name(picture: Picture, name: str, id: str) -> Group:
    data = picture.graph.nodes[name]
    x, y = picture.place[name]
    width, height = picture.sizes[name]
    kind = str(data.get("kind", "variable"))
    member = name in picture.members
    colour = INK if member or not picture.highlight else QUIET_WORDS
    shapes: list[Shape] = [
        Box(x, y, width, height, fill=PAPER, stroke=INK if kind == "stock" else "", role="name"),
        Text(x, y, wrapped(name), bold=member, colour=colour),
    ]
    facts = {"variable": name, "kind": kind}
    title = f"{name} ({data['units']})" if data.get("units") else name
    classes = (kind, *(("highlighted",) if member else ()))
    return Group(f"variable-{id}", "variable", tuple(shapes), classes, facts, title)


@dataclass(frozen=True)
class Icon:
    """Where a loop's ring arrow is, how large, and which way it turns."""

    loop: Loop
    at: tuple[float, float]
    radius: float
    clockwise: bool
    colour: str
    name: str


def icons(picture: Picture) -> list[Icon]:
    """The ring arrows of a picture: of the highlighted loops, else of those that have room for one."""
    found: list[Icon] = []
    for number, loop in enumerate(picture.highlight):
        found += _icon(picture, loop, LARGE_ICON, loop_colour(number), loop.name, found)
    for loop in () if picture.highlight else picture.icons:
        if len(found) < MOST_ICONS:
            found += _icon(picture, loop, SMALL_ICON, QUIET, "", found)
    return found


def _icon(
    picture: Picture, loop: Loop, radius: float, colour: str, name: str, taken: Sequence[Icon]
) -> list[Icon]:
    if not all(link in picture.arcs for link in loop.links):
        return []
    outline = np.concatenate([resampled(picture.arcs[link].curve, 24) for link in loop.links])
    at = _free_spot(picture, outline, radius, name, taken)
    if at is None:
        return []
    place = float(at[0]), float(at[1])
    return [Icon(loop, place, radius, signed_area(outline) > 0, colour, name)]


def _icon_group(icon: Icon) -> Group:
    loop = icon.loop
    shapes = loop_icon(icon.at, icon.radius, icon.clockwise, icon.colour, loop.id, icon.name)
    turning = "clockwise" if icon.clockwise else "counter-clockwise"
    facts = {"loop": loop.id, "name": loop.name, "polarity": loop.polarity, "turning": turning}
    title = f"{loop.id}: {' to '.join(loop.variables)}"
    return Group(f"icon-{loop.id}", "loop", tuple(shapes), (f"loop-{loop.id}",), facts, title)


def _free_spot(
    picture: Picture, outline: np.ndarray, radius: float, name: str, taken: Sequence[Icon]
) -> np.ndarray | None:
    """The place inside a loop's outline nearest to its middle that is clear of names and arcs.

    When there is none: the clearest place for an icon with a name, else None.
    """
    low, high = outline.min(axis=0), outline.max(axis=0)
    grid = np.stack(np.meshgrid(*(np.linspace(low[i], high[i], 25) for i in (0, 1))), axis=-1).reshape(-1, 2)
    middle = outline.mean(axis=0)
    grid = np.concatenate([middle[None], grid])
    grid = grid[inside(grid, outline)]
    if not len(grid):
        return middle if name else None
    below = 6 + 14.4 * len(wrapped(name, 22)) if name else 0.0
    radius += 5.0  # for its arrowhead
    across = max(radius, text_size(wrapped(name, 22))[0] / 2 if name else 0.0)
    centres = np.array([picture.place[other] for other in picture.graph])
    halves = np.array([picture.sizes[other] for other in picture.graph]) / 2
    middle_of = grid + np.array([0.0, below / 2])
    gaps = np.abs(middle_of[:, None] - centres) - halves - np.array([across, radius + below / 2])
    room = gaps.max(axis=-1).min(axis=1)
    lines = np.concatenate([resampled(arc.curve, 80) for arc in picture.arcs.values()])
    lines = lines[((lines > low - 50) & (lines < high + 50)).all(axis=1)]
    away = np.abs(middle_of[:, None] - lines) - np.array([across, radius + below / 2])
    room = np.minimum(room, away.max(axis=-1).min(axis=1))
    for other in taken:
        # a name below takes room too
        room = np.minimum(room, np.hypot(*(grid - other.at).T) - other.radius - radius - below)
    clear = room >= 2.0
    if clear.any():
        distances = np.hypot(*(grid - middle).T)
        return grid[np.where(clear, distances, np.inf).argmin()]
    return grid[int(room.argmax())] if name else None
