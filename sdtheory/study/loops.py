"""Which feedback loops make each rung's behaviour, by name, and whose share more theorists raise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

import sdtheory as sd
from sdtheory.study.drawing import shares_figure
from sdtheory.study.material import BOOST, MIDDLE, Material
from sdtheory.study.pieces import Piece

WINDOW = (2.0, 12.0)
LEAST = 0.02  # share below which families are not drawn
FUTURES = 64  # in which loops are compared, on the rungs
MOST_NAMES = 100  # with no more variables than that: the others have too many loops
# Loops without a name of their own belong to the first family all of whose variables they run through.
FAMILIES: tuple[tuple[str, frozenset[str]], ...] = (
    ("alarm", frozenset({"perceived opaque share"})),
    ("hype pays for theory", frozenset({"growth signal", "theory labour"})),
    ("bridging", frozenset({"bridge share"})),
    ("hype tilts", frozenset({"growth signal", "mix tilt"})),
    ("hype hires", frozenset({"growth signal"})),
    ("explain before scale", frozenset({"gate"})),
    ("head count", frozenset({"people"})),
    ("mission loop", frozenset({"map effect", "opaque share"})),
    ("paradigm loss", frozenset({"map effect", "paradigm loss"})),
    ("automated theory", frozenset({"theory automation"})),
    ("explaining gets harder", frozenset({"map effect", "capability", "explanation"})),
    ("born understood", frozenset({"explained at birth"})),
    ("benchmarks", frozenset({"signal quality"})),
)


def family(variables: Iterable[str], names: Iterable[Mapping]) -> str:
    """The name that a loop goes by: that of the named loop through the same variables, or of its family.

    Elements of arrays count as their array, and what follows a comma in a name does not.

    Examples
    --------
    >>> family(["people[mixed]", "leaving[mixed]"], [{"name": "attrition", "through": ["people", "leaving"]}])
    'attrition'
    >>> family(["people", "growth signal", "hiring"], [])
    'hype hires'
    """
    own = {name.partition("[")[0] for name in variables}
    for entry in names:
        if set(entry["through"]) == own:
            return entry["name"].partition(",")[0]
    return next((name for name, members in FAMILIES if members <= own), "other loops")


def shares(dominance: Any, names: Iterable[Mapping]) -> pd.Series:
    """Mean shares of families of loops over the window, of the largest group of loops that act on one another.

    Parameters
    ----------
    dominance : LoopDominance
    names : iterable of mapping
        As in an experiment file.

    Returns
    -------
    pandas.Series
        By family; they sum to 1 where anything changes.
    """
    chosen = max(dominance.partitions, key=lambda one: len(one.loops)).loops
    inside = dominance.loc[(dominance.index > WINDOW[0]) & (dominance.index <= WINDOW[1]), list(chosen)]
    means = inside.abs().mean()
    families = {loop.id: family(loop.variables, names) for loop in dominance.loops}
    return means.groupby([families[loop] for loop in means.index], sort=False).sum()


def loops_piece(material: Material) -> Piece:
    """Causal diagrams of the first rungs, and shares of loops by name on every rung."""
    drawings, rows, shown, sentences = {}, [], {}, []
    for place, rung in enumerate(material.rungs):
        model, names = material.models[rung], material.loops(rung)
        base, boosted = (
            sd.loop_dominance(model, {**MIDDLE, "theorist boost": boost}, names=names) for boost in (0.0, 0.5)
        )
        table = pd.DataFrame({"baseline": shares(base, names), "boosted": shares(boosted, names)}).fillna(0.0)
        table = table.assign(change=table["boosted"] - table["baseline"])
        order = table[["baseline", "boosted"]].max(axis=1).sort_values(ascending=False, kind="stable").index
        table = table.loc[order]
        rows.append(table.rename_axis("family").reset_index().assign(rung=rung))
        shown[rung] = [
            (str(name), 100 * row.baseline, 100 * row.boosted)
            for name, row in table.iterrows()
            if max(row.baseline, row.boosted) >= LEAST
        ]
        sentences.append(f"- {rung}: {_moved(table)}.")
        if place < 2:
            drawings[f"03_causal_loops_{rung.lower()}"] = _drawing(model, names, base if place else None)
    figure = shares_figure(
        shown, "Which loops make the change, years 2 to 12", "default future with explanation at nine tenths of the "
        "pace that keeps the share; loops of one name together; names below 2 % are left out",
    )  # fmt: skip
    lines = [
        "Shares of the change over years 2 to 12 (the method called Loops that Matter), default future, explanation "
        "at nine tenths of the pace that keeps the understood share, without and with half as many theorists again:",
        "",
        *sentences,
        "",
        *_over_futures(material),
    ]
    table = pd.concat(rows, ignore_index=True)[["rung", "family", "baseline", "boosted", "change"]]
    return Piece("Loops", lines, {"03_loop_shares": figure}, {"03_loop_shares": table}, drawings)


def _drawing(model: Any, names: Iterable[Mapping], scores: Any) -> Any:
    graph = sd.causal_graph(model, sd.simulate(model))
    return lambda paths: sd.draw(graph, paths, highlight="mission loop", loop_names=names, scores=scores)


def _moved(table: pd.DataFrame) -> str:
    """Which family gains most and which loses most."""
    gain, loss = table["change"].idxmax(), table["change"].idxmin()
    words = []
    for name, word in ((gain, "rises"), (loss, "falls")):
        row = table.loc[name]
        if row["change"] * (1 if word == "rises" else -1) > 0:
            words.append(f"*{name}* {word} from {100 * row['baseline']:.1f} to {100 * row['boosted']:.1f} %")
    return ", ".join(words) or "nothing moves"


def _over_futures(material: Material) -> list[str]:
    """The same in sampled futures, on the rungs whose loops can all be found."""
    lines = []
    for rung in material.rungs:
        if len(material.models[rung].names()) > MOST_NAMES:
            continue
        experiment = material.comparison(rung).experiment
        policies = tuple(policy for policy in experiment.policies if policy.name == BOOST)
        own = replace(experiment, policies=policies)
        runs = min(FUTURES, material.runs)
        found = sd.compare_loops(material.models[rung], own, runs=runs, seed=material.seed, window=WINDOW)
        moved = paired_shares(found, material.loops(rung))
        means = moved.mean()
        words = []
        for name, word in ((means.idxmax(), "rises"), (means.idxmin(), "falls")):
            low, high = 100 * moved[name].quantile([0.05, 0.95])
            size = abs(100 * means[name])
            words.append(f"*{name}* {word} by {size:.1f} points (5-95 %: {low:+.1f} to {high:+.1f})")
        lines.append(f"- {rung}: {', '.join(words)}, means over {len(moved)} futures.")
    return ["Over sampled futures, on the rungs with few loops:", "", *lines]


def paired_shares(found: Any, names: Iterable[Mapping]) -> pd.DataFrame:
    """What a policy changes of the shares of families of loops, one row for each future in which both runs are
    sound.

    Parameters
    ----------
    found : LoopComparison
        Of one policy and the baseline.
    names : iterable of mapping
        As in an experiment file.
    """
    data = found.dataset
    partition = data["partition"].to_series()
    chosen = data.sel(loop=partition.index[partition == partition.value_counts().idxmax()])
    families = [family(text.split(" -> "), names) for text in chosen["variables"].values]
    base, own = (
        pd.DataFrame(chosen["share"].sel(policy=policy).values).T.groupby(families).sum(min_count=1).T
        for policy in found.policies
    )
    return (own - base).dropna()
