"""Reading causal diagrams back from the files of graph programs: JSON Graph Format, GraphML, Cytoscape JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx

from sdtheory.diagrams.record import GRAPH_FACTS
from sdtheory.documents import Limits, contents
from sdtheory.documents.text import file_name
from sdtheory.errors import DocumentError, UsageError, shown
from sdtheory.names import nearest

_NOT_FACTS = ("id", "source", "target", "name", "label", "interaction", "loops", "shape_type")


def read_graph(path: str | os.PathLike[str]) -> nx.DiGraph:
    """A causal diagram from a ``.json``, ``.graphml`` or ``.cyjs`` file, as `draw` writes them.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    networkx.DiGraph
        As `causal_graph` gives it; nodes also have their places ``x`` and ``y`` (pixels, y down), edges their
        ``share``, the graph its ``loops``. Drawn to the same format again, it gives the same bytes.

    Raises
    ------
    UsageError
        For another suffix.
    DocumentError
        When the file cannot be read, or holds no such graph; the message says what is missing.

    Examples
    --------
    >>> import sdtheory as sd, tempfile, os
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = os.path.join(folder, "tea.json")
    ...     sd.draw(nx.DiGraph([("rate", "tea", {"polarity": "-"})]), file)
    ...     graph = sd.read_graph(file)
    >>> list(graph.edges(data="polarity"))
    [('rate', 'tea', '-')]
    """
    suffix = Path(path).suffix.lower()
    reader = _READERS.get(suffix)
    if reader is None:
        close = nearest(suffix, _READERS)
        hint = f"did you mean '{close}'?" if close else f"use one of {', '.join(_READERS)}"
        raise UsageError(f"cannot read a graph from '{shown(suffix or str(path))}'", remedy=hint)
    file = file_name(os.fsdecode(path))
    data, _ = contents(path, Limits())
    try:
        text = data.decode("utf-8")
        if suffix == ".graphml" and "<!" in text.replace("<!--", ""):
            raise DocumentError("entities and document types are not allowed in a graph file", file=file)
        return reader(text)
    except UnicodeDecodeError as error:
        raise DocumentError(f"byte {error.start} is not UTF-8", file=file) from None
    except json.JSONDecodeError as error:
        raise DocumentError(
            f"this is not JSON: {error.msg}", file=file, line=error.lineno, column=error.colno
        ) from None
    except KeyError as error:
        raise DocumentError(f"this is no causal diagram: {error} is missing", file=file) from None
    except (TypeError, ValueError, AttributeError, SyntaxError, RecursionError, nx.NetworkXError) as error:
        raise DocumentError(f"this is no causal diagram: {shown(error)}", file=file) from None


def _joined(nodes: list[tuple[str, dict]], edges: list[tuple[str, str, dict]], facts: dict) -> nx.DiGraph:
    """The graph; ends of links must be nodes, and no name may come twice."""
    names = [name for name, _ in nodes]
    if not all(isinstance(name, str) for name in names):
        raise ValueError("a name is not a text")
    known = set(names)
    if len(known) < len(names):
        raise ValueError("two variables have the same name")
    graph = nx.DiGraph(**{key: facts[key] for key in (*GRAPH_FACTS, "loops") if facts.get(key)})
    for name, data in nodes:
        graph.add_node(name, **_without(data))
    for source, target, data in edges:
        if not {source, target} <= known:
            raise ValueError(
                f"a link ends at '{source if source not in known else target}', which is no variable"
            )
        graph.add_edge(
            source, target, **{k: v for k, v in _without(data).items() if not (k == "polarity" and not v)}
        )
    return graph


def _without(data: dict) -> dict:
    return {key: value for key, value in data.items() if key not in _NOT_FACTS}


def _from_json(text: str) -> nx.DiGraph:
    whole = json.loads(text)["graph"]
    nodes = [(name, node["metadata"]) for name, node in whole["nodes"].items()]
    edges = [
        (edge["source"], edge["target"], {"polarity": edge["relation"], **edge["metadata"]})
        for edge in whole["edges"]
    ]
    return _joined(nodes, edges, {"name": whole.get("label"), **whole["metadata"]})


def _from_cyjs(text: str) -> nx.DiGraph:
    whole = json.loads(text)
    names = {}
    nodes = []
    for node in whole["elements"]["nodes"]:
        names[node["data"]["id"]] = node["data"]["name"]
        nodes.append((node["data"]["name"], node["data"] | node["position"]))
    edges = [
        (names[edge["data"]["source"]], names[edge["data"]["target"]], edge["data"])
        for edge in whole["elements"]["edges"]
    ]
    return _joined(nodes, edges, whole["data"])


def _from_graphml(text: str) -> nx.DiGraph:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("a document type is not allowed")
    plain = nx.parse_graphml(text)
    names = {id: data["name"] for id, data in plain.nodes(data=True)}
    nodes = [(data["name"], data) for _, data in plain.nodes(data=True)]
    edges = [(names[a], names[b], data) for a, b, data in plain.edges(data=True)]
    facts: dict[str, Any] = dict(plain.graph)
    for key in ("loops", "time_dependent"):
        if key in facts:
            facts[key] = json.loads(facts[key])
    return _joined(nodes, edges, facts)


_READERS: dict[str, Callable[[str], nx.DiGraph]] = {
    ".json": _from_json,
    ".graphml": _from_graphml,
    ".cyjs": _from_cyjs,
}
