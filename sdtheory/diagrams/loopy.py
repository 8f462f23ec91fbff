"""Causal diagrams as an address of LOOPY, which holds the whole diagram."""

from __future__ import annotations

import json
import string
import warnings

import numpy as np

from sdtheory.diagrams.picture import Picture
from sdtheory.diagrams.record import link_rows, node_rows
from sdtheory.errors import SDWarning, shown

ADDRESS = "https://ncase.me/loopy/v1.1/?data="
LONGEST = 8000  # characters that browsers take for certain
MARGIN = 120
STRENGTHS = {"+": 1, "-": -1}
_STOCK, _OTHER = 4, 3  # numbers of colours
_HALF = 0.5
_UNRESERVED = frozenset(string.ascii_letters + string.digits + "-._~")


def loopy(picture: Picture) -> str:
    """The graph as one address on a line.

    Warns
    -----
    SDWarning
        Names the links that have no form there, since LOOPY knows "+" and "-" only; and when the address is longer
        than every browser takes.

    Examples
    --------
    >>> import networkx as nx
    >>> from sdtheory.diagrams.picture import laid_out
    >>> loopy(laid_out(nx.DiGraph([("rate", "tea", {"polarity": "-"})])))[:34]
    'https://ncase.me/loopy/v1.1/?data='
    """
    rows = node_rows(picture)
    low = np.array([[row["x"], row["y"]] for row in rows] or [[0.0, 0.0]]).min(axis=0)
    numbers = {row["name"]: number for number, row in enumerate(rows, 1)}
    nodes = []
    for row in rows:
        x, y = round(row["x"] - low[0] + MARGIN), round(row["y"] - low[1] + MARGIN)
        hue = _STOCK if row.get("kind") == "stock" else _OTHER
        nodes.append([numbers[row["name"]], x, y, _HALF, percent(row["name"]), hue])
    edges, left_out = [], []
    for row in link_rows(picture):
        link = row["from"], row["to"]
        strength = STRENGTHS.get(row.get("polarity", ""))
        if strength is None:
            left_out.append(f"{shown(link[0])} -> {shown(link[1])}")
            continue
        curve = picture.arcs[link].curve
        bow = round(picture.arcs[link].bend * float(np.hypot(*(curve[-1] - curve[0]))))
        edges.append([numbers[link[0]], numbers[link[1]], bow, strength, 0])
    if left_out:
        warnings.warn(
            f"LOOPY has no form for links of open sign: {', '.join(left_out)}", SDWarning, stacklevel=3
        )
    data = json.dumps([nodes, edges, [], len(nodes)], separators=(",", ":"))
    address = ADDRESS + percent(data)
    if len(address) > LONGEST:
        warnings.warn(
            f"the address has {len(address):,} characters; browsers take {LONGEST:,} for certain",
            SDWarning,
            stacklevel=3,
        )
    return address + "\n"


def percent(text: str) -> str:
    """Text as it may stand in an address.

    Examples
    --------
    >>> percent("a b/c")
    'a%20b%2Fc'
    """
    return "".join(
        letter if letter in _UNRESERVED else "".join(f"%{byte:02X}" for byte in letter.encode())
        for letter in text
    )
