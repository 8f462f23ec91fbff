"""Causal diagrams for Graphviz: `dot -Tsvg` lays them out anew, `neato -n2 -Tsvg` keeps the places."""

from __future__ import annotations

from sdtheory.diagrams.causal import link_colour, link_width
from sdtheory.diagrams.colours import SIGNS, WORDS
from sdtheory.diagrams.letters import wrapped
from sdtheory.diagrams.picture import Picture
from sdtheory.diagrams.record import link_rows, node_rows, rounded, title_of


def dot(picture: Picture) -> str:
    r"""The graph in the DOT language; each node's tooltip is the exact name, its label the name in lines.

    Examples
    --------
    >>> import networkx as nx
    >>> from sdtheory.diagrams.picture import laid_out
    >>> print(dot(laid_out(nx.DiGraph([('the "rate"', "tea")]))).splitlines()[4].split(" pos")[0])
      "n0" [label="the \"rate\"", tooltip="the \"rate\"", shape=plaintext,
    """
    lines = [
        f"digraph {quoted(title_of(picture) or 'causal diagram')} {{",
        '  graph [splines=true, overlap=true, bgcolor="#FFFFFF"];',
        '  node [fontname="DejaVu Sans", fontsize=9, margin="0.04,0.02", height=0, width=0];',
        '  edge [fontname="DejaVu Sans", fontsize=10, arrowsize=0.7, labeldistance=1.2];',
    ]
    for row in node_rows(picture):
        shape = "box" if row.get("kind") == "stock" else "plaintext"
        label = "\\n".join(quoted(line)[1:-1] for line in wrapped(row["name"]))
        place = f"{rounded(0.75 * row['x']):g},{rounded(-0.75 * row['y']):g}!"
        lines.append(
            f'  "{row["id"]}" [label="{label}", tooltip={quoted(row["name"])}, shape={shape}, pos="{place}"];'
        )
    for row in link_rows(picture):
        link = row["from"], row["to"]
        facts = [f'color="{link_colour(picture, link)}"', f"penwidth={rounded(link_width(picture, link)):g}"]
        polarity = row.get("polarity")
        if polarity in SIGNS:
            facts += [f'headlabel="{SIGNS[polarity]}"', f'labelfontcolor="{WORDS[polarity]}"']
        if row.get("initial"):
            facts.append("style=dashed")
        if row.get("delay", "none") != "none":
            facts.append('label="||"')
        lines.append(f'  "{row["source"]}" -> "{row["target"]}" [{", ".join(facts)}];')
    return "\n".join([*lines, "}", ""])


def quoted(text: str) -> str:
    r"""Text as a quoted label, in which Graphviz reads escapes.

    Examples
    --------
    >>> print(quoted('a "b" \\ c'))
    "a \"b\" \\ c"
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", " ").replace("\n", "\\n")
    # Graphviz reads entities of HTML in every label
    return f'"{escaped.replace("&", "&amp;")}"'.replace("\0", "\N{REPLACEMENT CHARACTER}")
