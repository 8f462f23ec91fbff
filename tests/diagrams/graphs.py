"""Signed graphs for tests of drawings: generated ones of any size, and models in Vensim's text."""

from __future__ import annotations

import random

import networkx as nx

import sdtheory as sd

WORDS = [
    "order", "stock", "backlog", "desired", "inventory", "production", "workforce", "adjustment", "time", "gap",
    "price", "demand", "capacity", "hiring", "rate", "perceived", "quality",
]  # fmt: skip

SIR = """{UTF-8}
Susceptible = INTEG(-Infection, 990) ~ Person ~|
Infectious = INTEG(Infection - Recovery, 10) ~ Person ~|
Recovered = INTEG(Recovery, 0) ~ Person ~|
Infection = Susceptible * Contacts * Infectious / Population ~ Person/Day ~|
Recovery = Infectious / Duration ~ Person/Day ~|
Contacts = 0.5 ~ 1/Day ~|
Population = 1000 ~ Person ~|
Duration = 5 ~ Day ~|
INITIAL TIME = 0 ~ Day ~|
FINAL TIME = 100 ~ Day ~|
TIME STEP = 0.125 ~ Day ~|
SAVEPER = 1 ~ Day ~|
"""
INVENTORY = """{UTF-8}
Inventory = INTEG(Production - Shipments, Desired Inventory) ~ Widget ~|
Workforce = INTEG(Hiring, Desired Production / Productivity) ~ Person ~|
Backlog = INTEG(Order Rate - Fulfilment, 100) ~ Widget ~|
Production = Workforce * Productivity ~ Widget/Week ~|
Shipments = MIN(Desired Shipments, Largest Shipments) ~ Widget/Week ~|
Fulfilment = Shipments ~ Widget/Week ~|
Desired Shipments = Backlog / Target Delay ~ Widget/Week ~|
Largest Shipments = Inventory / Shortest Handling ~ Widget/Week ~|
Order Rate = 100 + STEP(20, 10) ~ Widget/Week ~|
Expected Orders = SMOOTH(Order Rate, Averaging Time) ~ Widget/Week ~|
Desired Inventory = Expected Orders * Coverage ~ Widget ~|
Correction = (Desired Inventory - Inventory) / Correction Time ~ Widget/Week ~|
Desired Production = MAX(0, Expected Orders + Correction) ~ Widget/Week ~|
Desired Workforce = Desired Production / Productivity ~ Person ~|
Hiring = (Desired Workforce - Workforce) / Hiring Time ~ Person/Week ~|
Productivity = 2 ~ Widget/(Week*Person) ~|
Target Delay = 2 ~ Week ~|
Shortest Handling = 1 ~ Week ~|
Averaging Time = 8 ~ Week ~|
Coverage = 4 ~ Week ~|
Correction Time = 12 ~ Week ~|
Hiring Time = 20 ~ Week ~|
INITIAL TIME = 0 ~ Week ~|
FINAL TIME = 100 ~ Week ~|
TIME STEP = 0.25 ~ Week ~|
SAVEPER = 1 ~ Week ~|
"""
ARRAYS = """{UTF-8}
Region: north, south ~~|
Stock[Region] = INTEG(Growth[Region], 10) ~ Widget ~|
Growth[Region] = Stock[Region] * rate[Region] ~ Widget/Year ~|
rate[Region] = 0.1, 0.2 ~ 1/Year ~|
all stocks = SUM(Stock[Region!]) ~ Widget ~|
INITIAL TIME = 0 ~ Year ~|
FINAL TIME = 10 ~ Year ~|
TIME STEP = 1 ~ Year ~|
SAVEPER = 1 ~ Year ~|
"""


def generated(count: int, seed: int, links_per_name: float = 1.45) -> nx.DiGraph:
    """A connected signed graph of so many names, with a loop and many short ways back."""
    chosen = random.Random(seed)
    names: list[str] = []
    while len(names) < count:
        name = " ".join(chosen.choice(WORDS) for _ in range(chosen.choice([1, 2, 2, 3])))
        if name not in names:
            names.append(name)
    graph = nx.DiGraph(name=f"generated {count}")
    for number, name in enumerate(names):
        graph.add_node(name, kind="auxiliary" if number % 5 else "stock")
    around = max(4, count // 6)
    for i in range(around):
        graph.add_edge(names[i], names[(i + 1) % around], polarity=chosen.choice("++-"))
    for i in range(around, count):
        j = chosen.randrange(max(0, i - 8), i)
        ends = (names[i], names[j]) if chosen.random() < 0.5 else (names[j], names[i])
        graph.add_edge(*ends, polarity=chosen.choice("++-"))
    while graph.number_of_edges() < links_per_name * count:
        i = chosen.randrange(count)
        j = (i + chosen.choice([-6, -5, -4, -3, -2, 2, 3, 4, 5, 6, 9])) % count
        if i != j and not graph.has_edge(names[i], names[j]):
            graph.add_edge(names[i], names[j], polarity=chosen.choice("+-?"))
    return graph


def model_of(text: str, folder) -> sd.Model:
    """The model of a Vensim text."""
    return sd.load(document_of(text, folder))


def document_of(text: str, folder) -> sd.Document:
    """The document of a Vensim text."""
    path = folder / "model.mdl"
    path.write_text(text, encoding="utf-8")
    return sd.read(path)
