"""A view for a model that has none: stocks in rows by the flows between them, variables around what they act on."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import networkx as nx
import numpy as np

from sdtheory.diagrams.arcs import bent
from sdtheory.diagrams.letters import text_size, wrapped
from sdtheory.diagrams.routing import routes
from sdtheory.diagrams.separation import separated
from sdtheory.diagrams.stress import graph_distances, majorised
from sdtheory.diagrams.untangling import Task, untangled
from sdtheory.documents.view import Element, Point, View
from sdtheory.errors import UsageError
from sdtheory.feedback.causal import causal_graph
from sdtheory.model.model import Model, Stock
from sdtheory.names import canonical

COLUMN, ROW = 250.0, 190.0
REACH = 110.0  # from a stock to a cloud
SLOT = 46.0  # between pipes at one side of a stock
LENGTH = 110.0  # of a connector
THICK = 14.0  # room that a pipe takes
LABEL = 12.0  # from the middle of a valve down to its name


Ends = Mapping[str, tuple[str | None, str | None]]  # of each flow: what it drains, what it fills


@dataclass
class _Plan:
    """What is placed so far: sizes and middles of stocks, pipes and valves of flows, clouds."""

    stocks: dict[str, tuple[Point, Point]] = field(default_factory=dict)
    pipes: dict[str, list[Point]] = field(default_factory=dict)
    valves: dict[str, Point] = field(default_factory=dict)
    clouds: list[tuple[str, str, Point]] = field(default_factory=list)  # flow, side, place


def laid_out_view(model: Model) -> View:
    """A view of all variables of a model.

    Raises
    ------
    UsageError
        When the model has no variable.

    Examples
    --------
    >>> import sdtheory as sd
    >>> view = laid_out_view(sd.load("models/m0_seed.mdl"))
    >>> sum(element.kind == "stock" for element in view.elements)
    3
    """
    graph = causal_graph(model)
    if not graph:
        raise UsageError("the model has no variable to draw", remedy="give it a stock")
    ends = _flow_ends(model, graph)
    plan = _Plan()
    _place_stocks(plan, graph, ends)
    _place_flows(plan, ends)
    return View(model.name, tuple(_elements(plan, graph, ends)))


def _flow_ends(model: Model, graph: nx.DiGraph) -> dict[str, tuple[str | None, str | None]]:
    """The stock that each flow drains and the one that it fills, where there are some."""
    ends: dict[str, tuple[str | None, str | None]] = {}
    names = {canonical(name): name for name in graph}
    for variable in model:
        if not isinstance(variable, Stock) or variable.name not in graph:
            continue
        for side, flows in ((1, variable.inflows), (0, variable.outflows)):
            for flow in flows:
                name = names.get(canonical(flow))
                if name is None or graph.nodes[name]["kind"] == "stock":
                    continue
                known = list(ends.get(name, (None, None)))
                if known[side] is None:
                    known[side] = variable.name
                ends[name] = known[0], known[1]
    return ends


def _place_stocks(plan: _Plan, graph: nx.DiGraph, ends: Ends) -> None:
    """Stocks that flows join stand in a block, in columns by the longest way there; blocks by what links them."""
    chains = nx.DiGraph()
    chains.add_nodes_from(name for name, data in graph.nodes(data=True) if data["kind"] == "stock")
    chains.add_edges_from((a, b) for a, b in ends.values() if a and b and a != b)
    order = {name: place for place, name in enumerate(graph)}
    parts = [sorted(part, key=order.__getitem__) for part in nx.weakly_connected_components(chains)]
    parts.sort(key=lambda part: order[part[0]])
    if not parts:
        return
    offsets: list[dict[str, Point]] = []
    halves = []
    for part in parts:
        columns = _columns(chains, part)
        rows: dict[int, int] = {}
        own = {}
        for name in part:
            own[name] = columns[name] * COLUMN, rows.get(columns[name], 0) * ROW
            rows[columns[name]] = rows.get(columns[name], 0) + 1
        middle = np.mean([(min(xs), max(xs)) for xs in zip(*own.values(), strict=True)], axis=1)
        offsets.append({name: (x - middle[0], y - middle[1]) for name, (x, y) in own.items()})
        halves.append(
            (max(columns.values()) * COLUMN / 2 + REACH + 60, (max(rows.values()) - 1) * ROW / 2 + 75)
        )
    middles = _block_middles(graph, parts, np.array(halves))
    for own, (x, y) in zip(offsets, middles, strict=True):
        for name, (dx, dy) in own.items():
            width, height = text_size(wrapped(name))
            crowd = max(sum(name == end[side] for end in ends.values()) for side in (0, 1))
            size = max(width + 18, 84.0, SLOT * (crowd - 1) + 24), max(height + 14, 44.0)
            plan.stocks[name] = (float(x) + dx, float(y) + dy), size


def _block_middles(graph: nx.DiGraph, parts: Sequence[Sequence[str]], halves: np.ndarray) -> np.ndarray:
    """Where the blocks of stocks go: where their stocks would be by themselves, moved apart."""
    names = list(graph)
    turn = np.linspace(0, 2 * np.pi, len(names), endpoint=False)
    start = 300 * np.column_stack([np.cos(turn), np.sin(turn)])
    loose = majorised(start, graph_distances(graph, names) * LENGTH, np.zeros(len(names), dtype=bool))
    order = {name: place for place, name in enumerate(names)}
    middles = np.array([loose[[order[name] for name in part]].mean(axis=0) for part in parts])
    return separated(middles, halves, np.ones(len(parts), dtype=bool), 20.0)


def _columns(chains: nx.DiGraph, part: Sequence[str]) -> dict[str, int]:
    """The longest way to each stock, flows that lead back left out."""
    columns: dict[str, int] = {}
    forward = nx.DiGraph()
    forward.add_nodes_from(part)
    for name in part:
        for following in chains.successors(name):
            if not nx.has_path(forward, following, name):
                forward.add_edge(name, following)
    for name in nx.lexicographical_topological_sort(forward, key=list(part).index):
        before = [columns[other] + 1 for other in forward.predecessors(name)]
        columns[name] = max(before, default=0)
    return columns


def _place_flows(plan: _Plan, ends: Ends) -> None:
    taken: dict[tuple[str, str], int] = {}

    def slot(stock: str, side: str) -> float:
        """How far from the middle of a side the next pipe there starts: 0, then one to the right, one to the left."""
        number = taken.get((stock, side), 0)
        taken[stock, side] = number + 1
        step = 14.0 if side in ("left", "right") else SLOT
        return step * ((number + 1) // 2) * (1 if number % 2 else -1)

    lows: dict[float, float] = {}  # of pipes that pass below, by the height that they start from
    between = {name: pair for name, pair in ends.items() if pair[0] and pair[1]}
    for name, (source, target) in between.items():
        assert source and target
        (ax, ay), (aw, _) = plan.stocks[source]
        (bx, by), (bw, _) = plan.stocks[target]
        if source != target and bx == ax + COLUMN:
            start = ax + aw / 2, ay + slot(source, "right")
            stop = bx - bw / 2, by + slot(target, "left")
            middle = (start[0] + stop[0]) / 2
            level = abs(start[1] - stop[1]) < 0.01
            points = [start, stop] if level else [start, (middle, start[1]), (middle, stop[1]), stop]
        else:
            x, other = ax + slot(source, "bottom"), bx + slot(target, "bottom")
            starts = [plan.stocks[one][0][1] + plan.stocks[one][1][1] / 2 for one in (source, target)]
            low = lows.get(max(starts), max(starts) + 56)
            lows[max(starts)] = low + 50
            points = [(x, starts[0]), (x, low), (other, low), (other, starts[1])]
        _add(plan, name, points)
    for name, (source, target) in ends.items():
        if name in between:
            continue
        _to_cloud(plan, name, source or target or "", "source" if target else "target", slot, taken)


def _to_cloud(plan: _Plan, name: str, stock: str, end: str, slot, taken: dict[tuple[str, str], int]) -> None:
    """A flow with a cloud: level at a free side of the stock, else up for inflows and down for outflows."""
    (x, y), (width, height) = plan.stocks[stock]
    sign = -1 if end == "source" else 1
    side = "left" if end == "source" else "right"
    if not taken.get((stock, side)):
        at = slot(stock, side)
        near = x + sign * width / 2, y + at
        far = near[0] + sign * REACH, near[1]
    else:
        side = "top" if end == "source" else "bottom"
        number = taken.get((stock, side), 0)
        near = x + slot(stock, side), y + sign * height / 2
        far = near[0], near[1] + sign * (66.0 + 44.0 * number)
    plan.clouds.append((name, end, far))
    _add(plan, name, [far, near] if end == "source" else [near, far])


def _add(plan: _Plan, name: str, points: list[Point]) -> None:
    """A pipe with its valve in the middle of its longest piece."""
    plan.pipes[name] = points
    pieces = [np.hypot(*np.subtract(b, a)) for a, b in itertools.pairwise(points)]
    place = int(np.argmax(pieces))
    (ax, ay), (bx, by) = points[place], points[place + 1]
    plan.valves[name] = (ax + bx) / 2, (ay + by) / 2


def _label_of(plan: _Plan, name: str) -> tuple[Point, Point]:
    """Middle and size of a flow's name: below its valve, or to the right of an upright pipe."""
    x, y = plan.valves[name]
    width, height = text_size(wrapped(name))
    points = plan.pipes[name]
    upright = any(abs(a[0] - x) < 0.01 and abs(b[0] - x) < 0.01 for a, b in itertools.pairwise(points))
    return ((x + LABEL + width / 2 + 2, y) if upright else (x, y + LABEL + height / 2)), (width, height)


def _elements(plan: _Plan, graph: nx.DiGraph, ends: Ends) -> list[Element]:
    places, sizes, obstacles = _around(plan, graph, ends)
    found: dict[str, Element] = {}
    clouds: list[Element] = []
    cloud_of = {(name, side): f"0:cloud {number}" for number, (name, side, _) in enumerate(plan.clouds)}
    for name in graph:
        if name in plan.stocks:
            (x, y), (width, height) = plan.stocks[name]
            found[name] = Element(f"0:{name}", "stock", name, x, y, width, height, "center", shape="box")
        elif name in plan.valves:
            x, y = plan.valves[name]
            (label_x, label_y), _ = _label_of(plan, name)
            source, target = (
                f"0:{end}" if end else cloud_of[name, side]
                for end, side in zip(ends[name], ("source", "target"), strict=True)
            )
            found[name] = Element(f"0:{name}", "flow", name, x, y, 18.0, 18.0, label_x=label_x, label_y=label_y,
                                  points=tuple(plan.pipes[name]), source=source, target=target)  # fmt: skip
        else:
            x, y = places[name]
            width, height = sizes[name]
            found[name] = Element(f"0:{name}", "auxiliary", name, x, y, width, height, "center", shape="none")
    for number, (_, _, (x, y)) in enumerate(plan.clouds):
        clouds.append(Element(f"0:cloud {number}", "cloud", x=x, y=y, width=26.0, height=20.0))
    return [
        *found.values(),
        *clouds,
        *_connectors(_shown_links(graph, ends), graph, places, sizes, obstacles),
    ]


def _shown_links(graph: nx.DiGraph, ends: Ends) -> list[tuple[str, str]]:
    """Links that are connectors: pipes show the others, and what acts only at the start clutters."""
    return [
        (a, b)
        for a, b, data in graph.edges(data=True)
        if a != b and b not in ends.get(a, ()) and not data.get("initial")
    ]


def _around(
    plan: _Plan, graph: nx.DiGraph, ends: Ends
) -> tuple[dict[str, Point], dict[str, Point], list[tuple[Point, Point]]]:
    """Places and sizes of all names, those that are neither stock nor flow placed last; and of what is in the way."""
    places: dict[str, Point] = {}
    sizes: dict[str, Point] = {}
    for name in graph:
        if name in plan.stocks:
            places[name], sizes[name] = plan.stocks[name]
        elif name in plan.valves:
            places[name], sizes[name] = plan.valves[name], (18.0, 18.0)
        else:
            width, height = text_size(wrapped(name))
            sizes[name] = width + 8, height + 4
    obstacles: list[tuple[Point, Point]] = []
    for name, points in plan.pipes.items():
        obstacles.append(_label_of(plan, name))
        for (ax, ay), (bx, by) in itertools.pairwise(points):
            obstacles.append((((ax + bx) / 2, (ay + by) / 2), (abs(ax - bx) + THICK, abs(ay - by) + THICK)))
    obstacles += [(place, (30.0, 24.0)) for _, _, place in plan.clouds]
    places |= _placed(graph, _shown_links(graph, ends), places, sizes, obstacles)
    return places, sizes, obstacles


def _placed(
    graph: nx.DiGraph,
    shown: Sequence[tuple[str, str]],
    places: Mapping[str, Point],
    sizes: Mapping[str, Point],
    obstacles: Sequence[tuple[Point, Point]],
) -> dict[str, Point]:
    """Places for the names that have none, clear of everything."""
    names = list(graph)
    order = {name: number for number, name in enumerate(names)}
    links = [(order[a], order[b]) for a, b in shown]
    loose = np.array([name not in places for name in names])
    if not loose.any():
        return {}
    middle = np.mean(list(places.values()) or [(0.0, 0.0)], axis=0)
    turn = np.linspace(0, 2 * np.pi, len(names), endpoint=False)
    start = np.array([places.get(name, (0.0, 0.0)) for name in names], dtype=float)
    start[loose] = (middle + 300 * np.column_stack([np.cos(turn), np.sin(turn)]))[loose]
    linked = nx.Graph()
    linked.add_nodes_from(names)
    linked.add_edges_from((names[a], names[b]) for a, b in links)
    where = majorised(start, graph_distances(linked, names) * LENGTH, ~loose)
    boxes = np.array([size for _, size in obstacles]).reshape(-1, 2) / 2
    where = np.concatenate([where, np.array([place for place, _ in obstacles]).reshape(-1, 2)])
    halves = np.concatenate([np.array([sizes[name] for name in names]).reshape(-1, 2) / 2, boxes])
    free = np.concatenate([loose, np.zeros(len(obstacles), dtype=bool)])
    task = Task(np.array(links, dtype=int).reshape(-1, 2), halves, free, None, LENGTH)
    where = separated(untangled(where, task), halves, free, 8.0)
    return {name: (float(where[n, 0]), float(where[n, 1])) for n, name in enumerate(names) if loose[n]}


def _connectors(
    links: Sequence[tuple[str, str]],
    graph: nx.DiGraph,
    places: Mapping[str, Point],
    sizes: Mapping[str, Point],
    obstacles: Sequence[tuple[Point, Point]],
) -> list[Element]:
    """Connectors, bent around names, also those of flows."""
    everything = {name: places[name] for name in graph}
    extents = {name: sizes[name] for name in graph}
    for number, (place, size) in enumerate(obstacles):
        everything[f"\0{number}"], extents[f"\0{number}"] = place, size
    arcs = routes(everything, extents, links)
    found = []
    for number, (link, arc) in enumerate(arcs.items()):
        x, y = bent(places[link[0]], places[link[1]], arc.bend, 3)[1]
        data = graph.edges[link]
        control = (float(x), float(y)) if arc.bend else None
        found.append(
            Element(f"0:link {number}", "connector", source=f"0:{link[0]}", target=f"0:{link[1]}",
                    control=control, delay=data.get("delay", "none") != "none")
        )  # fmt: skip
    return found
