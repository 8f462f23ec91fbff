"""Causal diagrams as Mermaid flowcharts, which GitHub and many documents show."""

from __future__ import annotations

from sdtheory.diagrams.causal import link_colour, link_width
from sdtheory.diagrams.colours import SIGNS
from sdtheory.diagrams.picture import Picture
from sdtheory.diagrams.record import link_rows, node_rows, rounded

_PLAIN = " _-.,:()/+=!?*'"


def mermaid(picture: Picture) -> str:
    r"""The graph as a flowchart; stocks are boxes, other variables rounded.

    Examples
    --------
    >>> import networkx as nx
    >>> from sdtheory.diagrams.picture import laid_out
    >>> print(mermaid(laid_out(nx.DiGraph([('the "rate"', "tea", {"polarity": "-"})]))), end="")
    flowchart LR
      n0("the #quot;rate#quot;")
      n1("tea")
      n0 -->|"-"| n1
      linkStyle 0 stroke:#D55E00,stroke-width:1.4px
    """
    lines = ["flowchart LR"]
    for row in node_rows(picture):
        opening, closing = "[]" if row.get("kind") == "stock" else "()"
        lines.append(f'  {row["id"]}{opening}"{escaped(row["name"])}"{closing}')
    styles = []
    for number, row in enumerate(link_rows(picture)):
        link = row["from"], row["to"]
        broken = row.get("initial") or row.get("delay", "none") != "none"
        sign = f'|"{row["polarity"]}"|' if row.get("polarity") in SIGNS else ""
        lines.append(f"  {row['source']} {'-.->' if broken else '-->'}{sign} {row['target']}")
        width = f"{rounded(link_width(picture, link)):g}"
        styles.append(f"  linkStyle {number} stroke:{link_colour(picture, link)},stroke-width:{width}px")
    return "\n".join([*lines, *styles, ""])


def escaped(text: str) -> str:
    """Text for a quoted label: what Mermaid or HTML might read otherwise is written as an entity.

    Examples
    --------
    >>> escaped('a "b" <i>')
    'a #quot;b#quot; #60;i#62;'
    """
    return "".join(_letter(letter) for letter in text)


def _letter(letter: str) -> str:
    if letter == '"':
        return "#quot;"
    if letter in _PLAIN or letter.isalnum() or (not letter.isascii() and letter.isprintable()):
        return letter
    return f"#{ord(letter)};"
