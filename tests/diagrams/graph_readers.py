"""Small readers of the graph formats, written from the formats' own rules: names, links and signs."""

from __future__ import annotations

import html
import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from urllib.parse import unquote

import networkx as nx

import sdtheory as sd

Read = tuple[list[str], dict[tuple[str, str], str]]


def read_svg(path: Path) -> Read:
    root = ElementTree.parse(path).getroot()
    groups = list(root.iter("{http://www.w3.org/2000/svg}g"))
    names = [g.get("data-variable") for g in groups if g.get("class").startswith("variable")]
    links = {
        (g.get("data-source"), g.get("data-target")): g.get("data-polarity")
        for g in groups
        if g.get("class").startswith("link")
    }
    return names, links


STRING = r'"((?:[^"\\]|\\.)*)"'


def read_dot(path: Path) -> Read:
    text = path.read_text(encoding="utf-8")
    lines = [line.strip() for line in text.split("\n")]
    assert lines[0].startswith("digraph ") and lines[-2] == "}"
    ids, names, links = {}, [], {}
    for line in lines[4:-2]:
        link = re.fullmatch(rf"{STRING} -> {STRING} \[(.*)\];", line)
        if link:
            sign = re.search(r'headlabel="([^"]*)"', link[3])
            links[ids[link[1]], ids[link[2]]] = {"\N{MINUS SIGN}": "-"}.get(sign[1], sign[1]) if sign else ""
            continue
        node = re.fullmatch(
            rf"{STRING} \[label={STRING}, tooltip={STRING}, shape=\w+, pos=\"[-\d.,]+!\"\];", line
        )
        assert node, line
        ids[node[1]] = unescaped(node[3])
        names.append(ids[node[1]])
    return names, links


def unescaped(text: str) -> str:
    text = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], text)
    return text.replace("&amp;", "&")


def read_graphml(path: Path) -> Read:
    graph = nx.read_graphml(path)
    names = {id: data["name"] for id, data in graph.nodes(data=True)}
    return list(names.values()), {
        (names[a], names[b]): d.get("polarity", "") for a, b, d in graph.edges(data=True)
    }


def read_gexf(path: Path) -> Read:
    graph = nx.read_gexf(path)
    assert all(data["weight"] > 0 for _, _, data in graph.edges(data=True))
    names = {id: data["label"] for id, data in graph.nodes(data=True)}
    return list(names.values()), {(names[a], names[b]): d["polarity"] for a, b, d in graph.edges(data=True)}


def read_cyjs(path: Path) -> Read:
    elements = json.loads(path.read_text(encoding="utf-8"))["elements"]
    names = {node["data"]["id"]: node["data"]["name"] for node in elements["nodes"]}
    ids = [edge["data"]["id"] for edge in elements["edges"]]
    assert len(set(ids)) == len(ids)
    assert all(set(node["position"]) == {"x", "y"} for node in elements["nodes"])
    links = {
        (names[edge["data"]["source"]], names[edge["data"]["target"]]): edge["data"].get("polarity", "")
        for edge in elements["edges"]
    }
    return list(names.values()), links


def read_mermaid(path: Path) -> Read:
    lines = path.read_text(encoding="utf-8").split("\n")
    assert lines[0] == "flowchart LR"
    names, links, styles = {}, {}, []
    for line in lines[1:-1]:
        node = re.fullmatch(r'  (n\d+)[\[(]"([^"]*)"[\])]', line)
        link = re.fullmatch(r'  (n\d+) (?:-->|-\.->)(?:\|"([+?-])"\|)? (n\d+)', line)
        style = re.fullmatch(r"  linkStyle (\d+) stroke:#[0-9A-F]{6},stroke-width:[\d.]+px", line)
        assert node or link or style, line
        if node:
            names[node[1]] = re.sub(r"#(\w+);", lambda m: '"' if m[1] == "quot" else chr(int(m[1])), node[2])
        elif link:
            links[names[link[1]], names[link[3]]] = link[2] or ""
        elif style:
            styles.append(int(style[1]))
    assert styles == list(range(len(links)))
    return list(names.values()), links


def read_drawio(path: Path) -> Read:
    root = ElementTree.parse(path).getroot().find("diagram/mxGraphModel/root")
    cells = list(root)
    assert [cell.get("id") for cell in cells[:2]] == ["0", "1"]
    names, links, ends = {}, {}, {}
    for cell in cells[2:]:
        assert cell.find("mxGeometry").get("as") == "geometry"
        value = cell.get("value", "")
        if cell.get("edge"):
            assert {cell.get("source"), cell.get("target")} <= set(names)
            ends[cell.get("id")] = names[cell.get("source")], names[cell.get("target")]
            links[ends[cell.get("id")]] = ""
        elif cell.get("parent") == "1":
            names[cell.get("id")] = html.unescape(value.replace("<br>", "\n"))
        else:
            links[ends[cell.get("parent")]] = {"\N{MINUS SIGN}": "-"}.get(value, value)
    return list(names.values()), links


def read_kumu(path: Path) -> Read:
    whole = json.loads(path.read_text(encoding="utf-8"))
    assert set(whole) == {"elements", "connections", "loops"}
    names = [element["label"] for element in whole["elements"]]
    assert all(link["direction"] == "directed" for link in whole["connections"])
    return names, {(link["from"], link["to"]): link["type"] for link in whole["connections"]}


def read_loopy(path: Path) -> Read:
    """LOOPY knows two signs: links of others are not there."""
    address = path.read_text(encoding="ascii").strip()
    base, _, data = address.partition("?data=")
    assert base == "https://ncase.me/loopy/v1.1/" and re.fullmatch(r"[A-Za-z0-9%._~-]*", data)
    nodes, edges, labels, last = json.loads(unquote(data))
    assert last == len(nodes) and labels == []
    names = {node[0]: unquote(node[4]) for node in nodes}
    return list(names.values()), {(names[e[0]], names[e[1]]): {1: "+", -1: "-"}[e[3]] for e in edges}


def read_json(path: Path) -> Read:
    graph = json.loads(path.read_text(encoding="utf-8"))["graph"]
    assert graph["directed"] is True
    assert all(node["label"] == name for name, node in graph["nodes"].items())
    return list(graph["nodes"]), {(e["source"], e["target"]): e["relation"] for e in graph["edges"]}


def read_model(path: Path) -> Read:
    """The view of a model file; only "+" and "-" have a form there."""
    document = sd.read(path)
    (view,) = document.views
    shown = {element.id: element.variable for element in view.elements if element.kind != "connector"}
    links = {
        (shown[element.source], shown[element.target]): element.polarity
        for element in view.elements
        if element.kind == "connector"
    }
    return [entry.name for entry in document.variables.values()], links


READERS = {
    ".svg": read_svg,
    ".dot": read_dot,
    ".graphml": read_graphml,
    ".gexf": read_gexf,
    ".cyjs": read_cyjs,
    ".mmd": read_mermaid,
    ".drawio": read_drawio,
    ".kumu.json": read_kumu,
    ".loopy": read_loopy,
    ".json": read_json,
    ".mdl": read_model,
    ".xmile": read_model,
}
