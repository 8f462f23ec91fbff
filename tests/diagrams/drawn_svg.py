"""Reads the geometry of a causal diagram back from its SVG: names, arcs, arrowheads, signs, icons."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

SVG = "{http://www.w3.org/2000/svg}"
BASELINE = 0.34  # from the middle of a line of text to its baseline, of its size
SIGNS = {"+": "+", "\N{MINUS SIGN}": "-", "?": "?"}


@dataclass
class Drawn:
    """What an SVG shows."""

    root: ElementTree.Element
    names: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)  # centre, half size
    arcs: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)
    tips: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)
    signs: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)
    polarities: dict[tuple[str, str], str] = field(default_factory=dict)
    box: tuple[float, float, float, float] = (0, 0, 0, 0)


def read(path: str | Path) -> Drawn:
    root = ElementTree.parse(path).getroot()
    left, top, width, height = map(float, root.get("viewBox").split())
    found = Drawn(root, box=(left, top, left + width, top + height))
    for group in root.iter(f"{SVG}g"):
        kind = group.get("class").split()[0]
        if kind == "variable":
            rect = next(group.iter(f"{SVG}rect"))
            x, y, w, h = (float(rect.get(key)) for key in ("x", "y", "width", "height"))
            found.names[group.get("data-variable")] = np.array([x + w / 2, y + h / 2]), np.array([w, h]) / 2
        elif kind == "link":
            link = group.get("data-source"), group.get("data-target")
            for path_node in group.iter(f"{SVG}path"):
                points = sampled(path_node.get("d"))
                if path_node.get("class") == "line":
                    found.arcs[link] = points
                elif path_node.get("class") == "arrowhead":
                    found.tips[link] = points[0]
            found.arcs[link] = np.concatenate([found.arcs[link], found.tips[link][None]])
            for words in group.iter(f"{SVG}text"):
                size = float(words.get("font-size"))
                found.signs[link] = np.array([float(words.get("x")), float(words.get("y")) - BASELINE * size])
                found.polarities[link] = SIGNS["".join(words.itertext())]
    return found


def sampled(d: str, points: int = 8) -> np.ndarray:
    """Points along a path of M, L and C."""
    found: list[np.ndarray] = []
    for letter, text in re.findall(r"([MLCZ])([^MLCZ]*)", d):
        ends = [np.array([float(part) for part in pair.split(",")]) for pair in text.split()]
        if letter in "ML":
            start = found[-1] if found and letter == "L" else ends[0]
            steps = np.linspace(0, 1, points + 1)[1:, None] if letter == "L" else np.ones((1, 1))
            found += list(start + steps * (ends[0] - start))
        elif letter == "C":
            t = np.linspace(0, 1, points + 1)[1:, None]
            p, (a, b, c) = found[-1], ends
            found += list((1 - t) ** 3 * p + 3 * t * (1 - t) ** 2 * a + 3 * t**2 * (1 - t) * b + t**3 * c)
    return np.array(found)


def overlapping_names(drawn: Drawn) -> list[tuple[str, str]]:
    return [
        (a, b)
        for a, b in itertools.combinations(drawn.names, 2)
        if (
            np.abs(drawn.names[a][0] - drawn.names[b][0]) < drawn.names[a][1] + drawn.names[b][1] - 1e-6
        ).all()
    ]


def through_names(drawn: Drawn) -> list[tuple[tuple[str, str], str]]:
    """Links that run through a name at neither of their ends."""
    found = []
    for link, arc in drawn.arcs.items():
        fine = refined(arc)
        for name, (centre, half) in drawn.names.items():
            if name not in link and (np.abs(fine - centre) < half).all(axis=1).any():
                found.append((link, name))
    return found


def refined(arc: np.ndarray, step: float = 1.0) -> np.ndarray:
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(arc, axis=0).T))])
    places = np.linspace(0, lengths[-1], max(int(lengths[-1] / step), 2))
    return np.column_stack([np.interp(places, lengths, arc[:, axis]) for axis in (0, 1)])


def crossing_pairs(drawn: Drawn) -> int:
    """How many times arcs cross, as they are drawn."""
    return sum(
        int(cross(one[:-1, None], one[1:, None], other[None, :-1], other[None, 1:]).sum())
        for one, other in itertools.combinations(drawn.arcs.values(), 2)
    )


def straight_crossings(place: dict, links: list[tuple[str, str]]) -> int:
    """How many straight links between the middles of names cross; a pair of opposite links counts once."""
    pairs = sorted({tuple(sorted(link)) for link in links if link[0] != link[1]})
    if not pairs:
        return 0
    a = np.array([place[link[0]] for link in pairs], dtype=float)
    b = np.array([place[link[1]] for link in pairs], dtype=float)
    return int(np.triu(cross(a[:, None], b[:, None], a[None], b[None]), 1).sum())


def cross(a, b, c, d) -> np.ndarray:
    def turn(p, q, r):
        return (q[..., 0] - p[..., 0]) * (r[..., 1] - p[..., 1]) - (q[..., 1] - p[..., 1]) * (
            r[..., 0] - p[..., 0]
        )

    return (turn(a, b, c) * turn(a, b, d) < 0) & (turn(c, d, a) * turn(c, d, b) < 0)


def outward(arc: np.ndarray) -> np.ndarray:
    """From the chord's middle to the arc's: the outer side of its bow."""
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(arc, axis=0).T))])
    middle = np.array([np.interp(lengths[-1] / 2, lengths, arc[:, axis]) for axis in (0, 1)])
    return middle - (arc[0] + arc[-1]) / 2


def sign_faults(drawn: Drawn, size: float = 8.0) -> dict[str, list]:
    """Signs too far from their arrowhead, on the inner side of the bow, on a name, or on another sign."""
    faults: dict[str, list] = {"far": [], "inner": [], "on name": [], "on sign": []}
    for link, at in drawn.signs.items():
        arc, tip = drawn.arcs[link], drawn.tips[link]
        if np.hypot(*(at - tip)) > 14 + 1e-6:
            faults["far"].append(link)
        bow = outward(arc)
        heading = arc[-1] - arc[max(len(arc) - 6, 0)]
        normal = np.array([-heading[1], heading[0]])
        if np.hypot(*bow) > 1 and np.dot(at - tip, normal) * np.dot(bow, normal) < 0:
            faults["inner"].append(link)
        for name, (centre, half) in drawn.names.items():
            if (np.abs(at - centre) < half + size / 2 - 0.5).all():
                faults["on name"].append((link, name))
        for other, where in drawn.signs.items():
            if other > link and (np.abs(at - where) < size).all():
                faults["on sign"].append((link, other))
    return faults


def ring_is_convex(points: np.ndarray) -> bool:
    """Whether a closed polygon turns one way only, and once."""
    sides = np.roll(points, -1, axis=0) - points
    after = np.roll(sides, -1, axis=0)
    turns = sides[:, 0] * after[:, 1] - sides[:, 1] * after[:, 0]
    angles = np.arctan2(turns, (sides * after).sum(axis=1))
    return bool((turns > 0).all() or (turns < 0).all()) and abs(abs(angles.sum()) - 2 * np.pi) < 1e-6
