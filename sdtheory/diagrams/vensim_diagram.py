"""Causal diagrams as Vensim files: equations that only say what acts on what, and a sketch."""

from __future__ import annotations

import math

from sdtheory.diagrams.arcs import bent
from sdtheory.diagrams.causal import icons
from sdtheory.diagrams.model_names import model_names
from sdtheory.diagrams.picture import Picture
from sdtheory.documents.vensim_writing import written

_HEAD = """\\\\\\---/// Sketch information - do not modify anything except names
V300  Do not put anything below this section - it will be ignored
*View 1
$192-192-192,0,Arial|12||0-0-0|0-0-0|0-0-255|-1--1--1|-1--1--1|96,96,100,0"""
_TAIL = """///---\\\\\\
:L<%^E!@
15:0,0,0,0,0,0
"""
_SIGNS = {"+": 43, "-": 45}
_NAME, _BOXED = "8,3", "3,3"
MARGIN = 60


def vensim_diagram(picture: Picture) -> str:
    """The graph as a Vensim causal diagram.

    Examples
    --------
    >>> import networkx as nx
    >>> from sdtheory.diagrams.picture import laid_out
    >>> text = vensim_diagram(laid_out(nx.DiGraph([("room", "rate", {"polarity": "-"})])))
    >>> print(text.split("|")[1].strip().splitlines()[0])
    rate = A FUNCTION OF(-room)
    """
    graph = picture.graph
    names = model_names(graph, "Vensim")
    lines = ["{UTF-8}"]
    for name, data in graph.nodes(data=True):
        inputs = [
            ("-" if graph.edges[source, name].get("polarity") == "-" else "") + written(names[source])
            for source in graph.predecessors(name)
        ]
        units, documentation = (_field(str(data.get(key) or "")) for key in ("units", "documentation"))
        lines += [f"{written(names[name])} = A FUNCTION OF({','.join(inputs)})", f"\t~\t{units}"]
        lines += [f"\t~\t{documentation}", "\t|", ""]
    return "\n".join([*lines, _HEAD, *_sketch(picture, names), _TAIL])


def _field(text: str) -> str:
    """Text for a place between the marks that part a Vensim file."""
    return " ".join(text.replace("|", "/").replace("~", "-").replace("{", "(").replace("}", ")").split())


def _sketch(picture: Picture, names: dict[str, str]) -> list[str]:
    marks = icons(picture)
    xs = [x for x, _ in picture.place.values()]
    ys = [y for _, y in picture.place.values()]
    shift = MARGIN - min(xs, default=0.0), MARGIN - min(ys, default=0.0)

    def at(x: float, y: float) -> str:
        return f"{round(x + shift[0])},{round(y + shift[1])}"

    ids = {name: number for number, name in enumerate(picture.graph, 1)}
    lines: list[str] = []
    for name, data in picture.graph.nodes(data=True):
        width, height = picture.sizes[name]
        size = f"{math.ceil(width / 2)},{math.ceil(height / 2)}"
        shape = _BOXED if data.get("kind") == "stock" else _NAME
        lines.append(
            f"10,{ids[name]},{written(names[name])},{at(*picture.place[name])},{size},{shape},0,0,0,0,0,0"
        )
    number = len(ids)
    for (source, target), arc in picture.arcs.items():
        number += 1
        data = picture.graph.edges[source, target]
        sign = _SIGNS.get(data.get("polarity", ""), 0)
        mark = 64 + (data.get("delay", "none") != "none")
        if source == target:
            middle = arc.curve[len(arc.curve) // 2]
        else:
            middle = bent(picture.place[source], picture.place[target], arc.bend, 3)[1]
        ends = f"{ids[source]},{ids[target]},1,0,{sign},0,0,{mark},0,-1--1--1,,1"
        lines.append(f"1,{number},{ends}|({at(*middle)})|")
    for icon in marks:
        number += 1
        radius = round(icon.radius)
        shape_code = 4 if icon.clockwise else 5
        lines += [
            f"12,{number},0,{at(*icon.at)},{radius},{radius},{shape_code},4,0,0,-1,0,0,0",
            " ".join(f"{icon.loop.id} {icon.name}".split()),
        ]
    return lines
